//! Upkeep of a whole engine, on a clock held by hand.

use std::path::Path;

use async_trait::async_trait;
use flow::parse::Format;
use flow::view::RunStatus;
use flow::{BlobRef, Payload, RunId, Timestamp};
use serde_json::json;
use tokio::sync::watch;

use super::*;
use crate::store::RunFilter;
use crate::store::retention::{Rule, Rules};
use crate::store::sqlite::SqliteStore;
use crate::{Engine, SaveFlow, StartRun};

/// Stands still until it is set; knows until when others wait.
struct HandClock {
    now: watch::Sender<Timestamp>,
    waits: watch::Sender<Vec<Timestamp>>,
}

impl HandClock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            now: watch::Sender::new(Timestamp::from_millis(1_700_000_000_000)),
            waits: watch::Sender::new(Vec::new()),
        })
    }

    /// Lets time pass; the round of upkeep that is due then is over when this comes back.
    async fn pass(&self, time: Duration) {
        let now = *self.now.borrow();
        self.waits_for(&[now.plus(FIRST), now.plus(EVERY)]).await;
        let now = now.plus(time);
        self.now.send_replace(now);
        self.waits_for(&[now.plus(EVERY)]).await;
    }

    async fn waits_for(&self, one_of: &[Timestamp]) {
        let mut waits = self.waits.subscribe();
        let is_there = |waits: &Vec<Timestamp>| one_of.iter().any(|at| waits.contains(at));
        waits.wait_for(is_there).await.expect("the clock is here");
    }
}

/// Somebody waits for as long as this lives.
struct Waits<'a>(&'a HandClock, Timestamp);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waits.send_modify(|waits| {
            if let Some(at) = waits.iter().position(|at| *at == self.1) {
                waits.swap_remove(at);
            }
        });
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn wait_until(&self, at: Timestamp) {
        let mut now = self.now.subscribe();
        self.waits.send_modify(|waits| waits.push(at));
        let _waits = Waits(self, at);
        now.wait_for(|now| *now >= at)
            .await
            .expect("the clock outlives who waits");
    }
}

const FLOWS: [&str; 3] = [
    "flow: good\ninputs: { text: { type: string, default: '' } }\ntasks: { a: { type: transform, with: { value: '{{ inputs.text }}' } } }\n",
    "flow: bad\ntasks: { a: { type: fail, with: { message: no } } }\n",
    "flow: long\ntasks: { a: { type: log, with: { message: here } }, b: { type: delay, needs: [a], with: { for: 3000d } } }\n",
];

async fn engine(dir: &Path, clock: &Arc<HandClock>, retention: Retention, in_memory: bool) -> Engine {
    let mut builder = Engine::builder()
        .data_dir(dir)
        .clock(Arc::clone(clock) as Arc<dyn Clock>)
        .retention(retention);
    if in_memory {
        builder = builder.in_memory();
    }
    let engine = builder.start().await.expect("it starts");
    for flow in FLOWS {
        let save = SaveFlow {
            source: flow.into(),
            format: Format::Yaml,
            id: None,
            expected: None,
            actor: "test".into(),
        };
        engine.save_flow(save).await.expect("a flow without problems");
    }
    engine
}

/// Starts a run; it has ended when this comes back, unless it is a long one.
async fn start(engine: &Engine, flow: &str, text: &str) -> RunId {
    let start = StartRun {
        inputs: if text.is_empty() {
            json!({})
        } else {
            json!({ "text": text })
        },
        idempotency_key: Some(format!("{flow}{}", text.len())),
        ..StartRun::of(flow)
    };
    if flow == "long" {
        return engine.start_run(start).await.expect("it starts");
    }
    let (run, end) = engine
        .start_and_wait(start, Duration::from_secs(60))
        .await
        .expect("it starts");
    assert!(end.is_some(), "{run} does not end");
    run
}

/// Flow and state of the runs there are, in the order of the alphabet.
async fn runs(engine: &Engine) -> String {
    let page = engine
        .runs(&RunFilter::default(), None, 1000)
        .await
        .expect("the store is well");
    let mut runs: Vec<String> = page
        .items
        .iter()
        .map(|run| format!("{} {}", run.flow, run.state.key()))
        .collect();
    runs.sort_unstable();
    runs.join(", ")
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn finished_runs_go_when_their_time_has_come() {
    for in_memory in [true, false] {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = HandClock::new();
        let days = |age: u32| Rule {
            age: Some(DAY * age),
            runs: None,
        };
        let usual = Rules {
            succeeded: days(1),
            failed: days(3),
            cancelled: days(1),
        };
        let retention = Retention {
            usual,
            ..Retention::off()
        };
        let engine = engine(dir.path(), &clock, retention, in_memory).await;
        let good = start(&engine, "good", "").await;
        start(&engine, "long", "").await;
        start(&engine, "bad", "").await;
        clock.pass(DAY / 2).await;
        assert_eq!(runs(&engine).await, "bad failed, good succeeded, long running");
        // In the reader's memory, too.
        engine.run(good).await.expect("it is there");
        clock.pass(DAY).await;
        assert_eq!(runs(&engine).await, "bad failed, long running");
        assert!(
            engine.run(good).await.is_err(),
            "it is gone for those who have read it, too"
        );
        assert_eq!(engine.counters().runs_deleted.load(Ordering::Relaxed), 1);
        assert_ne!(
            start(&engine, "good", "").await,
            good,
            "the key went with its run"
        );
        clock.pass(DAY * 3).await;
        assert_eq!(
            runs(&engine).await,
            "long running",
            "unfinished runs are never touched"
        );
        engine.shutdown(Duration::ZERO).await;
    }
}

#[tokio::test]
async fn the_newest_runs_of_a_flow_stay() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = HandClock::new();
    let rules = |runs| Rules {
        succeeded: Rule {
            age: None,
            runs: Some(runs),
        },
        ..Rules::default()
    };
    let retention = Retention {
        usual: rules(0),
        flows: [("good".to_owned(), rules(2))].into(),
    };
    let engine = engine(dir.path(), &clock, retention, true).await;
    let mut newest = Vec::new();
    for n in 0..4 {
        newest.push(start(&engine, "good", &"x".repeat(n)).await);
        start(&engine, "bad", "").await;
        clock.pass(EVERY).await;
    }
    clock.pass(DAY).await;
    let filter = RunFilter {
        states: vec![RunStatus::Succeeded],
        ..RunFilter::default()
    };
    let page = engine.runs(&filter, None, 9).await.expect("ok");
    let kept: Vec<RunId> = page.items.iter().rev().map(|run| run.id).collect();
    assert_eq!(kept, newest[2..]);
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn deleted_runs_give_their_space_back_to_the_disk() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = HandClock::new();
    // Whoever opens the folder has waited for the other to let it go.
    let size = || {
        drop(SqliteStore::open(dir.path()).expect("it can be opened"));
        std::fs::metadata(dir.path().join("pointwork.db"))
            .expect("the file is there")
            .len()
    };
    let first = engine(dir.path(), &clock, Retention::off(), false).await;
    let text = "x".repeat(40_000);
    for n in 0..100 {
        start(&first, "good", &text[n..]).await;
    }
    start(&first, "long", "").await;
    clock.pass(DAY * 300).await;
    first.shutdown(Duration::ZERO).await;
    drop(first);
    let full = size();
    assert!(full > 8_000_000, "{full} bytes of runs");

    let second = engine(dir.path(), &clock, Retention::default(), false).await;
    assert!(runs(&second).await.starts_with("good succeeded"));
    clock.pass(FIRST).await;
    assert_eq!(runs(&second).await, "long running");
    second.shutdown(Duration::ZERO).await;
    drop(second);
    let rest = size();
    assert!(rest < full / 10, "{rest} bytes are left of {full}");
}

/// Whether the value is still there.
async fn is_kept(engine: &Engine, value: &BlobRef) -> bool {
    let found = engine.parts.shared.blobs.get(value).await;
    found.expect("the store is well").is_some()
}

#[tokio::test]
async fn large_values_go_when_nobody_names_them() {
    for in_memory in [true, false] {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = HandClock::new();
        let usual = Rules {
            succeeded: Rule {
                age: Some(DAY),
                runs: None,
            },
            ..Rules::default()
        };
        let retention = Retention {
            usual,
            ..Retention::off()
        };
        let engine = engine(dir.path(), &clock, retention, in_memory).await;
        let text = "x".repeat(flow::limits::INLINE_BYTES_MAX + 1);
        let (inputs, _) = Payload::keep(json!({ "text": text.clone() }));
        let named = inputs.blob().expect("it is large").clone();
        let (alone, new) = Payload::keep(json!(text.clone() + "y"));
        let (alone, new) = (
            alone.blob().expect("it is large").clone(),
            new.expect("it is large"),
        );
        let run = start(&engine, "good", &text).await;
        let value = vec![(alone.clone(), bytes::Bytes::from_owner(new.json))];
        let put = engine.parts.shared.blobs.put(clock.now(), value);
        put.await.expect("the store is well");

        // A jump is no time that has passed.
        clock.pass(DAY / 2).await;
        for _ in 0..5 {
            clock.pass(EVERY).await;
            assert!(is_kept(&engine, &alone).await, "an hour has not passed");
        }
        clock.pass(EVERY).await;
        assert!(!is_kept(&engine, &alone).await);
        assert!(is_kept(&engine, &named).await, "a run names it");

        clock.pass(DAY).await;
        assert!(engine.run(run).await.is_err(), "its time has come");
        for _ in 0..6 {
            assert!(is_kept(&engine, &named).await);
            clock.pass(EVERY).await;
        }
        assert!(!is_kept(&engine, &named).await, "it went after its run");
        engine.shutdown(Duration::ZERO).await;
    }
}
