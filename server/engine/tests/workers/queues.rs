//! Queues, what is urgent, and kept results.

use std::time::Duration;

use engine::clock::Clock as _;
use engine::{EngineError, QueueLimits, StartRun};
use expect_test::expect;
use serde_json::json;

use crate::place::{ENCODE, LONG, Place};

#[tokio::test]
async fn what_waits_says_for_what() {
    let place = Place::with(&[("held", r#"{"max_running": 0}"#), ("slow", r#"{"rate": "1/h"}"#)]).await;
    place.declare().await;
    place.save(ENCODE).await;
    let gone = place.run("encode").await;
    place
        .why(
            gone,
            expect![[r#"
        a worker: the workers of the queue gpu are at work: w1 since 0
    "#]],
        )
        .await;
    place.pass(100).await;
    place
        .why(
            gone,
            expect![[r#"
        a no_worker: no worker for the queue gpu since 0
    "#]],
        )
        .await;
    place
        .save("flow: held\ntasks: { a: { type: shell, queue: held, with: { command: 'true' } } }")
        .await;
    let held = place.run("held").await;
    place
        .why(
            held,
            expect![[r#"
        a queue_limit: the queue held is held: its `max_running` is 0 since 100
    "#]],
        )
        .await;
    place
        .save("flow: slow\ntasks: { a: { type: shell, queue: slow, with: { command: 'true' } }, b: { type: shell, queue: slow, with: { command: 'true' } } }")
        .await;
    let slow = place.run("slow").await;
    while place.engine.task(slow, "a").await.unwrap().finished_at.is_none() {
        tokio::task::yield_now().await;
    }
    place
        .why(
            slow,
            expect![[r#"
        b rate_limit: of the queue slow no more than 1/h may begin since 100 until 3700
    "#]],
        )
        .await;
    place
        .engine
        .set_queue("held", QueueLimits::default())
        .await
        .unwrap();
    place
        .end(
            held,
            expect![[r#"
        a succeeded: succeeded
        run succeeded
    "#]],
        )
        .await;
    let wrong = QueueLimits {
        burst: Some(3),
        ..QueueLimits::default()
    };
    assert!(matches!(
        place.engine.set_queue("slow", wrong).await,
        Err(EngineError::Invalid(_))
    ));
    place
        .engine
        .set_queue("slow", QueueLimits::default())
        .await
        .unwrap();
    place
        .end(
            slow,
            expect![[r#"
        a succeeded: succeeded
        b succeeded: succeeded
        run succeeded
    "#]],
        )
        .await;
}

#[tokio::test]
async fn what_is_set_for_a_queue_survives_and_slow_rates_too() {
    let configured = [("slow", r#"{"rate": "1/h"}"#), ("held", r#"{"max_running": 3}"#)];
    let mut place = Place::with(&configured).await;
    place
        .engine
        .set_queue("held", serde_json::from_str(r#"{"max_running": 0}"#).unwrap())
        .await
        .unwrap();
    place
        .save("flow: slow\ntasks: { a: { type: shell, queue: slow, with: { command: 'true' } } }")
        .await;
    let run = place.run("slow").await;
    place
        .end(run, expect![["a succeeded: succeeded\nrun succeeded\n"]])
        .await;
    place.pass(60).await;
    place = place.restart(&configured).await;
    assert_eq!(
        place.engine.queue("held").await.unwrap().limits.max_running,
        Some(0)
    );
    let run = place.run("slow").await;
    place
        .why(
            run,
            expect![[r#"
        a rate_limit: of the queue slow no more than 1/h may begin since 60 until 3601
    "#]],
        )
        .await;
    place
        .clock
        .set(place.clock.now().plus(Duration::from_secs(3_541)));
    place
        .end(run, expect![["a succeeded: succeeded\nrun succeeded\n"]])
        .await;
    place.engine.reset_queue("held").await.unwrap();
    let held = place.engine.queue("held").await.unwrap();
    assert_eq!(
        (held.limits.max_running, held.is_set),
        (Some(3), false),
        "as configured again"
    );
}

#[tokio::test]
async fn a_queue_may_be_left_to_workers_elsewhere() {
    let place = Place::with(&[("gpu", r#"{"local": false}"#)]).await;
    place
        .save("flow: far\ntasks: { a: { type: shell, queue: gpu, with: { command: 'true' } } }")
        .await;
    let run = place.run("far").await;
    place
        .why(
            run,
            expect![[r#"
        a no_worker: no worker for the queue gpu since 0
    "#]],
        )
        .await;
    let lease = place.lease("w1").await;
    assert_eq!(lease.task_type, "shell");
    assert_eq!(place.report(lease.token, json!(1)).await, "taken");
    let run = place.run("far").await;
    place
        .engine
        .set_queue("gpu", QueueLimits::default())
        .await
        .unwrap();
    place
        .end(run, expect![["a succeeded: succeeded\nrun succeeded\n"]])
        .await;
}

#[tokio::test]
async fn a_result_holds_until_its_time_is_over() {
    let place = Place::new().await;
    place
        .save(
            r#"
flow: kept
inputs: { day: { default: mon } }
tasks:
  a:
    type: shell
    with: { command: "date +%s%N; [ $DAY != bad ]", env: { DAY: "{{ inputs.day }}" } }
    cache: { key: "{{ inputs.day }}", ttl: 1h }
  big: { type: shell, with: { command: "yes long | head -c 200000 | tr -d '\\n' | sed 's/.*/\"&\"/'" }, cache: { ttl: 1h } }
"#,
        )
        .await;
    let run = async |day: &str| {
        let start = StartRun {
            inputs: json!({ "day": day }),
            ..StartRun::of("kept")
        };
        let (run, ended) = place.engine.start_and_wait(start, LONG).await.unwrap();
        let ended = ended.expect("it ends");
        let cached: Vec<bool> = ended
            .tasks
            .iter()
            .map(|task| task.cached_from.is_some())
            .collect();
        let output = place.engine.task_output(run, "a").await.unwrap();
        let large = place.engine.task_output(run, "big").await.unwrap();
        assert!(large.unwrap().to_string().len() > 100_000);
        (cached, output)
    };
    let (cached, mut monday) = run("mon").await;
    assert_eq!(cached, [false, false]);
    // A result is kept a moment after the run that gave it has ended.
    loop {
        let (cached, output) = run("mon").await;
        if cached == [true, true] {
            assert_eq!(output, monday, "the same");
            break;
        }
        monday = if cached[0] { monday } else { output };
    }
    assert_eq!(run("tue").await.0, [false, true], "another key");
    assert_eq!(run("bad").await.0, [false, true]);
    assert_eq!(run("bad").await.0, [false, true], "failures are not kept");
    place
        .clock
        .set(place.clock.now().plus(Duration::from_secs(3_601)));
    let (cached, later) = run("mon").await;
    assert_eq!(cached, [false, false], "its time is over");
    assert_ne!(later, monday);
}

#[tokio::test]
async fn the_urgent_goes_first() {
    let place = Place::with(&[("gpu", r#"{"local": false, "max_running": 1}"#)]).await;
    place
        .save(
            r#"
flow: mixed
priority: -10
tasks:
  late: { type: shell, queue: gpu, priority: -10, with: { command: x } }
  mid: { type: shell, queue: gpu, with: { command: x } }
  soon: { type: shell, queue: gpu, priority: 10, with: { command: x } }
"#,
        )
        .await;
    place.run("mixed").await;
    let urgent = StartRun {
        priority: Some(50),
        ..StartRun::of("mixed")
    };
    let urgent = place.engine.start_run(urgent).await.unwrap();
    while place.engine.queue("gpu").await.unwrap().n_waiting < 6 {
        tokio::task::yield_now().await;
    }
    let mut order = Vec::new();
    for _ in 0..6 {
        let lease = place.lease("w1").await;
        let of = if lease.run == urgent { "urgent" } else { "other" };
        order.push(format!("{of} {}", lease.task));
        assert_eq!(place.report(lease.token, json!(null)).await, "taken");
    }
    expect!["urgent soon, urgent mid, urgent late, other soon, other mid, other late"]
        .assert_eq(&order.join(", "));
    let absurd = StartRun {
        priority: Some(101),
        ..StartRun::of("mixed")
    };
    assert!(matches!(
        place.engine.start_run(absurd).await,
        Err(EngineError::Invalid(_))
    ));
}
