//! jq programs in a process of their own: this test is that process too, when it is called so.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use engine::TaskOutcome;
use engine::dispatch::{Dispatch, Job, LocalPool, PoolOptions, Report};
use engine::flow::run::command::Dispatch as Given;
use engine::flow::{AttemptToken, Payload, RunId, Timestamp};
use engine::store::memory::MemoryStore;
use engine::task_logs::{LogLimits, LogWriter};
use engine::task_types::{BuiltinOptions, JQ_CHILD_ARGUMENT, TypeRegistry, jq_child_main};
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tokio::sync::mpsc;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(JQ_CHILD_ARGUMENT) {
        return jq_child_main();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(all());
    ExitCode::SUCCESS
}

async fn all() {
    check(".[] | . * 2", json!([1, 2]), &expect!["[2,4]"]).await;
    check(
        ".a.b",
        json!({ "a": 1 }),
        &expect![[r#"jq, for good: cannot index 1 with "b""#]],
    )
    .await;
    check(
        ". as [$a] | env",
        json!(null),
        &expect!["jq, for good: undefined filter `env` in line 1, column 13 of the jq program, at `env`"],
    )
    .await;
    // What would end the whole server on a thread ends this process only.
    check(
        "def f: 1 + f; f",
        json!(null),
        &expect!["jq_limit, for good: the jq program recurses too deep"],
    )
    .await;
    check(
        "reduce range(1000) as $i (\"x\" * 1000000; . + .) | length",
        json!(null),
        &expect!["jq_limit, for good: the jq program needs more memory than it may have (1.0 GiB)"],
    )
    .await;
    check(
        "\"x\" * 17000000",
        json!(null),
        &expect!["jq_limit, for good: the output of the jq program is larger than 16.0 MiB"],
    )
    .await;
    without_end().await;
}

struct Harness {
    pool: LocalPool,
    reports: mpsc::UnboundedReceiver<Report>,
    _dir: tempfile::TempDir,
}

fn harness() -> Harness {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let helper = std::env::current_exe().expect("this program has a place");
    let types = TypeRegistry::builtin(&BuiltinOptions {
        jq_helper: Some(helper),
        ..BuiltinOptions::default()
    });
    let logs = LogWriter::start(
        Arc::new(MemoryStore::new()),
        Arc::new(|| Timestamp::from_millis(0)),
        LogLimits::default(),
    );
    let (send, reports) = mpsc::unbounded_channel();
    let options = PoolOptions::new(
        Arc::new(types),
        logs,
        dir.path().to_owned(),
        "jq-child-test".into(),
    );
    Harness {
        pool: LocalPool::new(options, Arc::new(move |report| drop(send.send(report)))),
        reports,
        _dir: dir,
    }
}

fn job(program: &str, input: Value) -> Job {
    let input = Arc::new(json!({ "jq": program, "input": input }));
    let dispatch = Given {
        task: 0,
        path: "t".into(),
        task_type: "transform".into(),
        attempt: 1,
        token: AttemptToken(1),
        input: Payload::Inline(Arc::clone(&input)),
        timeout: None,
        at_most_once: false,
        secrets: Arc::default(),
        since_first: Duration::ZERO,
        queue: "default".into(),
        queue_key: None,
        priority: 0,
        ready_at: Timestamp::from_millis(0),
        cache_key: None,
    };
    Job {
        run: RunId(1),
        flow: "demo".into(),
        dispatch,
        input,
    }
}

impl Harness {
    async fn ended(&mut self) -> TaskOutcome {
        loop {
            if let Report::Ended { outcome, .. } = self.reports.recv().await.expect("the pool lives") {
                return outcome;
            }
        }
    }
}

async fn check(program: &str, input: Value, expect: &Expect) {
    let mut harness = harness();
    harness.pool.submit(job(program, input));
    let text = match harness.ended().await {
        TaskOutcome::Succeeded { output, .. } => output.to_string(),
        TaskOutcome::Failed { error, .. } => format!(
            "{}{}: {}",
            error.kind,
            if error.is_final { ", for good" } else { "" },
            error.message
        ),
        other => format!("{other:?}"),
    };
    expect.assert_eq(&text);
}

/// A program that never gives anything is killed when it is cancelled.
async fn without_end() {
    let mut harness = harness();
    let job = job("def f: select(false), f; f", json!(null));
    let token = job.dispatch.token;
    harness.pool.submit(job);
    while children().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    harness.pool.cancel(token, false);
    assert!(matches!(harness.ended().await, TaskOutcome::Cancelled));
    while !children().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The processes that run programs for this one.
fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
        .filter(|stat| {
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(&own))
        })
        .collect()
}
