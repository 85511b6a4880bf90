//! Workers in other processes, queues and kept results, as the engine's callers see them: SQLite in a temporary folder, shard loops
//! on their threads, a clock that is moved by hand.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod place;
mod queues;

use std::fmt::Write as _;
use std::time::Duration;

use engine::clock::Clock as _;
use engine::flow::AttemptToken;
use engine::flow::parse::Format;
use engine::{
    AttemptReport, Engine, EngineError, Heartbeat, LeaseCall, LogLine, OfferedType, SaveFlow, TaskOutcome,
};
use expect_test::expect;
use serde_json::{Value, json};

use place::{ENCODE, Place, word};

/// A call that is not as it should be, and what is done to it.
type Change<'c> = (&'c str, &'c dyn Fn(&mut LeaseCall));

#[tokio::test]
async fn a_worker_makes_an_attempt_once() {
    let place = Place::new().await;
    place.declare().await;
    place.save(ENCODE).await;
    let run = place.run("encode").await;
    let lease = place.lease("w1").await;
    assert_eq!(
        (&*lease.task, &*lease.task_type, lease.attempt),
        ("a", "video.encode", 1)
    );
    assert_eq!(
        (&*lease.input, lease.idempotency_key),
        (&json!({ "file": "x" }), format!("{run}/a"))
    );
    assert_eq!(place.beat(lease.token).await, "goes on");
    place
        .why(
            run,
            expect![["a runs: the worker w1 has it: 40 %, frame 7 since 0\n"]],
        )
        .await;
    let stranger = place
        .engine
        .make_worker_token("other", vec!["gpu".to_owned()])
        .await
        .unwrap();
    let forged = AttemptReport {
        outcome: TaskOutcome::ok(8),
        logs: Vec::new(),
    };
    assert_eq!(
        word(
            place
                .engine
                .report_attempt(&stranger.secret, lease.token, forged)
                .await
        ),
        "the attempt was given to the holder of another worker token"
    );
    assert_eq!(place.report(lease.token, json!(7)).await, "taken");
    let over = "the attempt is over, or there never was one of this token; nothing was changed";
    assert_eq!(place.report(lease.token, json!(8)).await, over);
    assert_eq!(place.beat(lease.token).await, over);
    assert_eq!(place.report(AttemptToken(5), json!(8)).await, over);
    place
        .end(run, expect![["a succeeded: succeeded\nrun succeeded\n"]])
        .await;
    assert_eq!(
        place.engine.task_output(run, "a").await.unwrap().as_deref(),
        Some(&json!(7))
    );
    place.engine.logs_flushed(run).await;
    let logs = place.engine.task_logs(run, "a", (0, 0), 9_999).await.unwrap();
    assert_eq!(logs.chunks[0].1.text, "the last words\n");
}

#[tokio::test]
async fn what_nobody_declared_is_unknown_until_somebody_does() {
    let mut place = Place::new().await;
    let save = |engine: Engine| async move {
        let save = SaveFlow {
            source: ENCODE.into(),
            format: Format::Yaml,
            id: None,
            expected: None,
            actor: "test".into(),
        };
        match engine.save_flow(save).await {
            Ok(saved) => saved.warnings.iter().map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        }
    };
    let refused: Vec<String> = save(place.engine.clone()).await;
    assert!(
        refused[0].starts_with("there is no task type `video.encode`"),
        "{refused:?}"
    );
    place.declare().await;
    assert_eq!(save(place.engine.clone()).await, [""; 0]);
    place = place.restart(&[]).await;
    assert_eq!(
        save(place.engine.clone()).await,
        [""; 0],
        "what was declared is known after a restart"
    );
    let types = place.engine.task_types();
    let encode = types.iter().find(|info| info.key == "video.encode").unwrap();
    assert_eq!(
        (encode.is_local, &*encode.queues),
        (false, &["gpu".to_owned()][..])
    );
    let shell = types.iter().find(|info| info.key == "shell").unwrap();
    assert!(shell.is_local && shell.queues == ["gpu"], "both can");
    place
        .save("flow: wrong\ntasks: { a: { type: video.encode } }")
        .await;
    let warned = place.engine.flow("wrong", None).await.unwrap().warnings;
    assert_eq!(warned[0].code, "no_worker", "{warned:?}");
    assert!(
        place
            .engine
            .forget_declared_type("gpu", "video.encode")
            .await
            .unwrap()
    );
    assert_eq!(save(place.engine.clone()).await.len(), 1);
}

#[tokio::test]
async fn a_silent_worker_loses_its_attempt() {
    let place = Place::new().await;
    place.declare().await;
    place.save(ENCODE).await;
    let run = place.run("encode").await;
    let first = place.lease("w1").await;
    place.pass(40).await;
    assert_eq!(place.beat(first.token).await, "goes on");
    place.pass(59).await;
    assert_eq!(
        place.beat(first.token).await,
        "goes on",
        "a minute from the last beat"
    );
    place.pass(61).await;
    let second = place.lease("w2").await;
    assert_eq!(second.attempt, 2);
    let late = place.report(first.token, json!(1)).await;
    assert!(late.starts_with("the attempt is over"), "{late}");
    // A process that slept could hear nobody: all get a full period.
    place.clock.set(place.clock.now().plus(Duration::from_secs(600)));
    place.pass(1).await;
    assert_eq!(place.beat(second.token).await, "goes on");
    for worker in ["w3", "w4"] {
        place.pass(61).await;
        place.lease(worker).await;
    }
    place.pass(61).await;
    place
        .end(
            run,
            expect![[r#"
                a failed: lost, lost, lost, lost [lost] its worker or server went away while it ran, 4 times
                run failed
            "#]],
        )
        .await;
}

#[tokio::test]
async fn work_that_may_not_be_begun_twice_is_not() {
    let place = Place::new().await;
    place.declare().await;
    place
        .save("flow: once\ntasks: { a: { type: video.encode, queue: gpu, retry: { on_lost: fail } } }")
        .await;
    let run = place.run("once").await;
    place.lease("w1").await;
    place.pass(61).await;
    place.end(run, expect![[r#"
        a failed: lost [lost] its worker or server went away while it ran; it is not tried again (retry.on_lost: fail)
        run failed
    "#]]).await;
}

#[tokio::test]
async fn a_worker_outlives_the_server() {
    let limits = [("gpu", r#"{"max_running": 1}"#)];
    let mut place = Place::with(&limits).await;
    place.declare().await;
    place.save("flow: two\ntasks: { a: { type: video.encode, queue: gpu }, b: { type: video.encode, queue: gpu } }").await;
    let run = place.run("two").await;
    let first = place.lease("w1").await;
    place
        .why(
            run,
            expect![[r#"
        a runs: the worker w1 has it since 0
        b queue_limit: 1 of the queue gpu are made at once, no more may be: a of RUN since 0
    "#]],
        )
        .await;
    place = place.restart(&limits).await;
    assert_eq!(place.beat(first.token).await, "goes on");
    // What runs elsewhere counts.
    let none = LeaseCall {
        wait: Duration::ZERO,
        ..Place::call("w2", 5)
    };
    assert_eq!(place.engine.lease(&place.secret, none).await.unwrap(), []);
    place.pass(59).await;
    assert_eq!(place.report(first.token, json!(1)).await, "taken");
    let second = place.lease("w2").await;
    assert_eq!((second.task.as_str(), second.attempt), ("b", 1));
    // And one whose worker goes away while there is no server is lost a period after the next start.
    place = place.restart(&limits).await;
    place.pass(61).await;
    let again = place.lease("w3").await;
    assert_eq!((again.task.as_str(), again.attempt), ("b", 2));
    assert_eq!(place.report(again.token, json!(2)).await, "taken");
    place
        .end(
            run,
            expect![[r#"
        a succeeded: succeeded
        b succeeded: lost, succeeded
        run succeeded
    "#]],
        )
        .await;
}

#[tokio::test]
async fn a_held_run_begins_nothing_it_had_given_out() {
    let limits = [("gpu", r#"{"max_running": 1}"#)];
    let place = Place::with(&limits).await;
    place.declare().await;
    place.save("flow: two\ntasks: { a: { type: video.encode, queue: gpu }, b: { type: video.encode, queue: gpu } }").await;
    let run = place.run("two").await;
    let first = place.lease("w1").await;
    place.engine.pause_run(run, None, "test").await.unwrap();
    while place.told(run).await.contains("queue_limit") {
        tokio::task::yield_now().await;
    }
    place
        .why(
            run,
            expect![[r#"
        a runs: the worker w1 has it since 0
        b paused: starts when the run is resumed since 0
    "#]],
        )
        .await;
    assert_eq!(place.report(first.token, json!(1)).await, "taken");
    let none = LeaseCall {
        wait: Duration::ZERO,
        ..Place::call("w2", 5)
    };
    assert_eq!(place.engine.lease(&place.secret, none).await.unwrap(), []);
    place.engine.resume_run(run, "test").await.unwrap();
    let second = place.lease("w2").await;
    assert_eq!((second.task.as_str(), second.attempt), ("b", 1));
    assert_eq!(place.report(second.token, json!(2)).await, "taken");
    place
        .end(
            run,
            expect![[r#"
        a succeeded: succeeded
        b succeeded: succeeded
        run succeeded
    "#]],
        )
        .await;
}

#[tokio::test]
async fn a_cancelled_attempt_is_told_so() {
    let place = Place::new().await;
    place.declare().await;
    place.save(ENCODE).await;
    let run = place.run("encode").await;
    let lease = place.lease("w1").await;
    place.engine.cancel_run(run, false, None, "test").await.unwrap();
    while place.beat(lease.token).await != "cancelled" {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        place.tell(lease.token, TaskOutcome::failed("broke", "off")).await,
        "taken"
    );
    place
        .end(
            run,
            expect![[r#"
        a cancelled: cancelled
        run cancelled
    "#]],
        )
        .await;

    let silent = place.run("encode").await;
    let lease = place.lease("w1").await;
    place
        .engine
        .cancel_run(silent, false, None, "test")
        .await
        .unwrap();
    while place.beat(lease.token).await != "cancelled" {
        tokio::task::yield_now().await;
    }
    place.pass(71).await;
    place
        .end(
            silent,
            expect![[r#"
        a cancelled: cancelled
        run cancelled
    "#]],
        )
        .await;

    let forced = place.run("encode").await;
    place.lease("w1").await;
    place.engine.cancel_run(forced, true, None, "test").await.unwrap();
    place
        .end(
            forced,
            expect![[r#"
        a cancelled: cancelled
        run cancelled
    "#]],
        )
        .await;
}

#[tokio::test]
async fn who_may_not_ask_is_told_why() {
    let place = Place::new().await;
    let ask = async |secret: &str, change: &dyn Fn(&mut LeaseCall)| {
        let mut call = Place::call("w1", 1);
        call.wait = Duration::ZERO;
        change(&mut call);
        match place.engine.lease(secret, call).await {
            Ok(leases) => format!("{} leases", leases.len()),
            Err(EngineError::Invalid(problems)) => problems
                .iter()
                .map(|problem| format!("{problem}"))
                .collect::<Vec<_>>()
                .join("; "),
            Err(error) => error.to_string(),
        }
    };
    let secret = place.secret.clone();
    let mut told = String::new();
    let changes: [Change<'_>; 8] = [
        ("as it should be", &|_| {}),
        ("none at once", &|call| call.n_max = 0),
        ("too many at once", &|call| call.n_max = usize::MAX),
        ("another queue", &|call| call.queues = vec!["default".to_owned()]),
        ("no queue, no type", &|call| {
            (call.queues, call.types) = (Vec::new(), Vec::new())
        }),
        ("no name", &|call| call.worker = " \n".to_owned()),
        ("a name that is taken", &|call| call.worker = "local".to_owned()),
        ("nonsense as a type", &|call| {
            call.types[0].key = "Video Encode".to_owned();
            call.types[1].input_schema = Some(json!({ "type": "nonsense" }));
        }),
    ];
    for (what, change) in changes {
        writeln!(told, "{what}: {}", ask(&secret, change).await).unwrap();
    }
    writeln!(told, "a wrong token: {}", ask("pwt_00", &|_| {}).await).unwrap();
    let id = place.engine.worker_tokens().await.unwrap()[0].id.clone();
    assert!(place.engine.revoke_worker_token(&id).await.unwrap());
    writeln!(told, "a revoked one: {}", ask(&secret, &|_| {}).await).unwrap();
    expect![[r#"
        as it should be: 0 leases
        none at once: error: `max` is from 1 to 100 (max)
        too many at once: error: `max` is from 1 to 100 (max)
        another queue: this worker token is not for the queue default; it is for gpu, mail
        no queue, no type: error: name from 1 to 100 queues (queues); error: name from 1 to 100 task types (types)
        no name: error: `worker` is a text of one line, not empty, of at most 500 characters (worker)
        a name that is taken: error: `local` is what this server's own workers are called (worker)
        nonsense as a type: error: a type's key is words of lower case letters, digits, `-` and `_` with dots between them, at most 64 long (types[0].key); error: this is no JSON Schema: "nonsense" is not valid under any of the schemas listed in the 'anyOf' keyword (types[1].input_schema)
        a wrong token: there is no such worker token, or it was revoked; POST /api/v1/worker-tokens makes one
        a revoked one: there is no such worker token, or it was revoked; POST /api/v1/worker-tokens makes one
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_worker_is_given_secrets_and_what_it_reports_is_masked() {
    let limits = [("gpu", r#"{"local": false}"#)];
    let mut place = Place::with(&limits).await;
    place
        .engine
        .put_secret("token", "geheim-4711", "test")
        .await
        .unwrap();
    place
        .engine
        .put_secret("other", "anders-0815", "test")
        .await
        .unwrap();
    place
        .save(
            "flow: hidden\ntasks:\n  a: { type: shell, queue: gpu, with: { command: x, env: { T: '{{ secrets.token }}' } } }\n  \
             b: { type: shell, queue: gpu, needs: [a], with: { command: x, env: { T: '{{ secrets.gone }}' } } }",
        )
        .await;
    let run = place.run("hidden").await;
    let lease = place.lease("w1").await;
    assert_eq!(
        *lease.input,
        json!({ "command": "x", "env": { "T": "geheim-4711" } })
    );
    for is_restarted in [false, true] {
        if is_restarted {
            place = place.restart(&limits).await;
        }
        let beat = Heartbeat {
            progress: None,
            message: Some("at geheim-4711".to_owned()),
            logs: vec![LogLine {
                is_error: true,
                text: "T=geheim-4711 anders-0815".to_owned(),
            }],
        };
        place
            .engine
            .heartbeat(&place.secret, lease.token, beat)
            .await
            .unwrap();
        let told = place.told(run).await;
        assert!(told.contains("w1 has it: at ***"), "{told}");
    }
    let output = json!({ "geheim-4711": ["Bearer geheim-4711", 7] });
    assert_eq!(place.report(lease.token, output).await, "taken");
    // Of what the other needs there is nothing, so its worker never hears of it.
    let none = LeaseCall {
        wait: Duration::ZERO,
        ..Place::call("w1", 1)
    };
    loop {
        assert_eq!(place.engine.lease(&place.secret, none.clone()).await.unwrap(), []);
        if place.engine.wait(run, Duration::ZERO).await.unwrap().is_some() {
            break;
        }
    }
    place
        .end(
            run,
            expect![[r#"
        a succeeded: succeeded
        b failed: failed [unknown_secret] there is no secret `gone`; set it and run the task again
        run failed
    "#]],
        )
        .await;
    place.engine.logs_flushed(run).await;
    let logs = place.engine.task_logs(run, "a", (0, 0), 9_999).await.unwrap();
    let mut told: String = logs.chunks.iter().map(|chunk| &*chunk.1.text).collect();
    let output = place.engine.task_output(run, "a").await.unwrap().unwrap();
    writeln!(told, "{output}").unwrap();
    expect![[r#"
        T=*** anders-0815
        T=*** anders-0815
        the last words
        {"***":["Bearer ***",7]}
    "#]]
    .assert_eq(&told);
}

/// What expressions make of arguments is known only when they are evaluated, and what a worker gives only when it gives it.
#[tokio::test]
async fn what_does_not_fit_its_type_fails_the_task() {
    let place = Place::new().await;
    let typed = |schema: Value| LeaseCall {
        types: vec![OfferedType {
            input_schema: Some(json!({ "type": "object", "properties": { "n": { "type": "integer" } } })),
            output_schema: Some(schema),
            ..Place::call("w1", 1).types.remove(0)
        }],
        ..Place::call("w1", 1)
    };
    let call =
        typed(json!({ "type": "object", "required": ["m"], "properties": { "m": { "type": "integer" } } }));
    let at_once = LeaseCall {
        wait: Duration::ZERO,
        ..call.clone()
    };
    assert_eq!(place.engine.lease(&place.secret, at_once).await.unwrap(), []);
    place
        .save("flow: wrong\ntasks: { a: { type: video.encode, queue: gpu, with: { n: \"{{ 'seven' }}\" } } }")
        .await;
    let run = place.run("wrong").await;
    assert_eq!(
        place.engine.lease(&place.secret, call.clone()).await.unwrap(),
        [],
        "nobody is given what cannot be done"
    );
    place.end(run, expect![[r#"
        a failed: failed [input] its arguments do not fit what its type takes: n: expected integer, found "seven"
        run failed
    "#]]).await;
    place
        .save("flow: right\ntasks: { a: { type: video.encode, queue: gpu, with: { n: 7 } } }")
        .await;
    let run = place.run("right").await;
    let leased = place.engine.lease(&place.secret, call).await.unwrap().remove(0);
    assert_eq!(
        place.report(leased.token, json!({ "m": "seven", "k": 1 })).await,
        "taken"
    );
    place.end(run, expect![[r#"
        a failed: failed [output] what its worker gave does not fit what its type gives: m: expected integer, found "seven"
        run failed
    "#]]).await;
}
