//! The pool, with task types that do as they are told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Dispatch, Job, Report};
use crate::task_type::{TaskContext, TaskOutcome, TaskType, TaskTypeInfo};
use crate::task_types::harness::{Harness, PATIENCE, Setup, shown};

/// Does what its argument `do` says.
struct Obedient {
    /// Lets waiting attempts go on.
    gate: Arc<Semaphore>,
    is_blocking: bool,
}

#[async_trait]
impl TaskType for Obedient {
    fn info(&self) -> TaskTypeInfo {
        let info = TaskTypeInfo::new::<Value, Value>(
            if self.is_blocking { "blocking" } else { "async" },
            "Obedient",
            "For tests.",
        );
        if self.is_blocking { info.blocking() } else { info }
    }

    async fn run(&self, ctx: &TaskContext) -> TaskOutcome {
        ctx.info(&format!("attempt {} of {}", ctx.attempt, ctx.task));
        match ctx.input["do"].as_str().unwrap_or_default() {
            "wait" => {
                let Ok(permit) = self.gate.acquire().await else {
                    return TaskOutcome::failed("test", "the gate is closed");
                };
                permit.forget();
                TaskOutcome::ok("waited")
            }
            "panic" => panic!("as I was told"),
            "obey" => {
                ctx.cancel.cancelled().await;
                TaskOutcome::failed("test", "stopped in the middle")
            }
            "ignore cancel" => {
                ctx.kill.cancelled().await;
                TaskOutcome::failed("test", "killed")
            }
            "ignore all" => std::future::pending().await,
            "finish when cancelled" => {
                ctx.cancel.cancelled().await;
                TaskOutcome::ok("done all the same")
            }
            "make much" => TaskOutcome::ok("x".repeat(flow::limits::OUTPUT_BYTES_MAX)),
            "thread" => TaskOutcome::ok(std::thread::current().name().unwrap_or("none")),
            _ => TaskOutcome::ok(ctx.idempotency_key.clone()),
        }
    }
}

fn harness(workers: usize) -> (Harness, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let mut setup = Setup {
        workers,
        grace: Duration::from_millis(30),
        ..Setup::default()
    };
    for is_blocking in [false, true] {
        setup
            .types
            .add(Arc::new(Obedient {
                gate: Arc::clone(&gate),
                is_blocking,
            }))
            .expect("the key is free");
    }
    (Harness::new(setup), gate)
}

/// Makes one attempt, both as an asynchronous and as a blocking one: they end alike.
async fn check(what: &str, timeout: Option<Duration>, expect: &Expect) {
    let (harness, _gate) = harness(1);
    let mut outcomes = Vec::new();
    for task_type in ["async", "blocking"] {
        let mut job = harness.job(task_type, json!({ "do": what }));
        job.dispatch.timeout = timeout;
        let outcome = harness.make(&job).await;
        outcomes.push(
            shown(&outcome)
                .replace(&job.run.to_string(), "RUN")
                .replace(&*job.dispatch.path, "TASK"),
        );
    }
    assert_eq!(outcomes[0], outcomes[1]);
    expect.assert_eq(&outcomes[0]);
}

#[tokio::test]
async fn outcomes() {
    check(
        "nothing",
        None,
        &expect![[r#"
        succeeded: "RUN/TASK"
    "#]],
    )
    .await;
    check(
        "panic",
        None,
        &expect![[r#"
        failed: panic: the task type panicked: as I was told
    "#]],
    )
    .await;
    check("make much", None, &expect![[r#"
        failed, for good: output_too_large: the output is larger than 16.0 MiB; write it to a file and give its name
    "#]]).await;
}

#[tokio::test]
async fn timeouts() {
    let timeout = Some(Duration::from_millis(20));
    check(
        "obey",
        timeout,
        &expect![[r#"
        failed: timeout: took longer than 20ms
    "#]],
    )
    .await;
    check(
        "ignore cancel",
        timeout,
        &expect![[r#"
        failed: timeout: took longer than 20ms
    "#]],
    )
    .await;
    check(
        "finish when cancelled",
        timeout,
        &expect![[r#"
        failed: timeout: took longer than 20ms
    "#]],
    )
    .await;
}

#[tokio::test]
async fn blocking_work_has_its_own_thread() {
    let (harness, _gate) = harness(1);
    let blocking = harness
        .make(&harness.job("blocking", json!({ "do": "thread" })))
        .await;
    expect![[r#"
        succeeded: "task t1"
    "#]]
    .assert_eq(&shown(&blocking));
}

#[tokio::test]
async fn types_that_are_not_there_fail_for_good() {
    let (harness, _gate) = harness(1);
    expect![[r#"
        failed, for good: unknown_type: this server has no task type `teleport`
    "#]]
    .assert_eq(&harness.run("teleport", Value::Null).await);
    expect![[r#"
        failed, for good: unknown_type: this server has no task type `noop`
    "#]]
    .assert_eq(&harness.run("noop", Value::Null).await);
}

/// Submits jobs, does things, and writes down the reports in their order.
async fn reports(harness: &Harness, n: usize) -> String {
    let mut text = String::new();
    let mut left = n;
    while left > 0 {
        left -= 1;
        match harness.report().await {
            Report::Lost { token, .. } => text.push_str(&format!("{} lost\n", token.0)),
            // When that comes is not in the order of the others.
            Report::Free => left += 1,
            Report::Started { token, .. } => text.push_str(&format!("{} started\n", token.0)),
            Report::HandedBack { token, .. } => text.push_str(&format!("{} handed back\n", token.0)),
            Report::Ended { token, outcome, .. } => {
                text.push_str(&format!("{} {}", token.0, shown(&outcome)))
            }
        }
    }
    text
}

fn submit(harness: &Harness, what: &str) -> Job {
    let job = harness.job("async", json!({ "do": what }));
    harness.pool.submit(job.clone());
    job
}

#[tokio::test]
async fn first_in_first_out_with_bounded_workers() {
    let (harness, gate) = harness(1);
    for _ in 0..3 {
        submit(&harness, "wait");
    }
    expect![[r#"
        1 started
    "#]]
    .assert_eq(&reports(&harness, 1).await);
    assert_eq!((harness.pool.load().running, harness.pool.load().queued), (1, 2));
    gate.add_permits(3);
    expect![[r#"
        1 succeeded: "waited"
        2 started
        2 succeeded: "waited"
        3 started
        3 succeeded: "waited"
    "#]]
    .assert_eq(&reports(&harness, 5).await);
}

#[tokio::test]
async fn a_cancel_ends_what_runs_and_removes_what_waits() {
    let (harness, _gate) = harness(1);
    let running = submit(&harness, "obey");
    let queued = submit(&harness, "wait");
    let last = submit(&harness, "nothing");
    expect![[r#"
        1 started
    "#]]
    .assert_eq(&reports(&harness, 1).await);
    harness.pool.cancel(queued.dispatch.token, false);
    harness.pool.cancel(queued.dispatch.token, false);
    harness.pool.cancel(running.dispatch.token, false);
    expect![[r#"
        2 cancelled
        1 cancelled
        3 started
        3 succeeded: "RUN/t3"
    "#]]
    .assert_eq(&reports(&harness, 4).await.replace(&last.run.to_string(), "RUN"));
    harness.pool.cancel(running.dispatch.token, true);
}

#[tokio::test]
async fn what_nobody_has_begun_can_be_had_back() {
    let (harness, gate) = harness(1);
    let running = submit(&harness, "wait");
    let queued = submit(&harness, "nothing");
    expect![[r#"
        1 started
    "#]]
    .assert_eq(&reports(&harness, 1).await);
    let unheard_of = harness.job("async", json!({}));
    for job in [&running, &queued, &unheard_of] {
        harness.pool.recall(job.run, job.dispatch.token);
    }
    gate.add_permits(1);
    expect![[r#"
        2 handed back
        3 handed back
        1 succeeded: "waited"
    "#]]
    .assert_eq(&reports(&harness, 3).await);
}

#[tokio::test]
async fn a_cancel_that_comes_too_late_leaves_the_work_done() {
    let (harness, _gate) = harness(1);
    let job = submit(&harness, "finish when cancelled");
    reports(&harness, 1).await;
    harness.pool.cancel(job.dispatch.token, false);
    expect![[r#"
        1 succeeded: "done all the same"
    "#]]
    .assert_eq(&reports(&harness, 1).await);
}

#[tokio::test]
async fn who_ignores_everything_is_left_behind() {
    let (harness, _gate) = harness(2);
    for task_type in ["async", "blocking"] {
        let job = harness.job(task_type, json!({ "do": "ignore all" }));
        harness.pool.submit(job.clone());
        reports(&harness, 1).await;
        harness.pool.cancel(job.dispatch.token, true);
        assert_eq!(shown(&harness.ended(&job).await), "cancelled\n");
    }
    assert_eq!(harness.pool.load().abandoned, 1, "a thread cannot be ended");
}

#[tokio::test]
async fn the_same_attempt_is_made_once() {
    let (harness, gate) = harness(2);
    let job = submit(&harness, "wait");
    harness.pool.submit(job.clone());
    reports(&harness, 1).await;
    harness.pool.submit(job);
    gate.add_permits(1);
    expect![[r#"
        1 succeeded: "waited"
    "#]]
    .assert_eq(&reports(&harness, 1).await);
    assert_eq!(harness.pool.load().queued, 0);
}

#[tokio::test]
async fn at_most_once_begins_when_its_start_is_durable() {
    let (harness, _gate) = harness(1);
    let mut job = harness.job("async", json!({ "do": "nothing" }));
    job.dispatch.at_most_once = true;
    harness.pool.submit(job.clone());
    reports(&harness, 1).await;
    assert_eq!(harness.log(&job).await, "", "nothing was done yet");
    harness.pool.confirm_started(job.dispatch.token);
    expect![[r#"
        1 succeeded: "RUN/t1"
    "#]]
    .assert_eq(&reports(&harness, 1).await.replace(&job.run.to_string(), "RUN"));

    let mut cancelled = harness.job("async", json!({ "do": "nothing" }));
    cancelled.dispatch.at_most_once = true;
    harness.pool.submit(cancelled.clone());
    reports(&harness, 1).await;
    harness.pool.cancel(cancelled.dispatch.token, false);
    expect![[r#"
        2 cancelled
    "#]]
    .assert_eq(&reports(&harness, 1).await);
    assert_eq!(harness.log(&cancelled).await, "");
}

#[tokio::test]
async fn a_shutdown_lets_finish_and_hands_back_the_rest() {
    let (harness, gate) = harness(2);
    submit(&harness, "wait");
    submit(&harness, "ignore cancel");
    submit(&harness, "nothing");
    reports(&harness, 2).await;
    gate.add_permits(1);
    assert_eq!(reports(&harness, 1).await.lines().count(), 1);
    let handed_back = tokio::time::timeout(PATIENCE, harness.pool.shutdown(Duration::from_millis(20)))
        .await
        .expect("it is bounded");
    // The third attempt may have begun when the first ended, and then it was done.
    assert!((1..=2).contains(&handed_back), "{handed_back}");
    submit(&harness, "nothing");
    assert_eq!((harness.pool.load().running, harness.pool.load().queued), (0, 0));
}

#[tokio::test]
async fn a_thousand_jobs_through_two_workers() {
    let (harness, _gate) = harness(2);
    let jobs: Vec<Job> = (0..1000).map(|_| submit(&harness, "nothing")).collect();
    let mut ended = std::collections::BTreeSet::new();
    while ended.len() < jobs.len() {
        if let Report::Ended { token, .. } = harness.report().await {
            assert!(ended.insert(token), "each is reported once");
        }
    }
    assert_eq!(harness.pool.load().running, 0);
}
