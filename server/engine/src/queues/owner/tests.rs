//! The owner, by scripts: `submit NAME` · `room N` (so many more may begin) · `recall NAME` · `cancel NAME` · `over NAME`. After each
//! step stands what went out and what was reported.

use std::sync::Arc;

use async_trait::async_trait;
use expect_test::{Expect, expect};
use parking_lot::Mutex;
use serde_json::json;

use super::*;
use crate::clock::ManualClock;
use crate::dispatch::Load;
use crate::store::memory::MemoryStore;
use crate::task_types::harness::{Harness, Setup};
use crate::task_types::{BuiltinOptions, TypeRegistry};

/// Takes as many attempts as there is room for, and writes down what it is told.
#[derive(Default)]
struct Floor {
    n_free: AtomicUsize,
    told: Arc<Mutex<Vec<String>>>,
}

impl Floor {
    fn note(&self, what: &str, token: AttemptToken) {
        self.told.lock().push(format!("{what} {}", token.0));
    }
}

#[async_trait]
impl Dispatch for Floor {
    fn submit(&self, job: Job) {
        self.note("given", job.dispatch.token);
    }

    fn offer(&self, job: Job) -> Option<Job> {
        let take = |free: usize| free.checked_sub(1);
        match self
            .n_free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        {
            Ok(_) => {
                self.submit(job);
                None
            }
            Err(_) => Some(job),
        }
    }

    fn cancel(&self, token: AttemptToken, _kill: bool) {
        self.note("asked to end", token);
    }

    fn recall(&self, _run: RunId, token: AttemptToken) {
        self.note("recalled", token);
    }

    fn confirm_started(&self, _token: AttemptToken) {}

    fn load(&self) -> Load {
        Load::default()
    }

    async fn shutdown(&self, _finish: Duration) -> usize {
        0
    }
}

async fn play(steps: &str) -> String {
    let harness = Harness::new(Setup::default());
    let floor = Arc::new(Floor::default());
    let told = Arc::clone(&floor.told);
    let reported = Arc::clone(&told);
    let parts = OwnerParts {
        store: Arc::new(MemoryStore::new()),
        clock: Arc::new(ManualClock::new(Timestamp::from_millis(0))),
        types: Arc::new(Types::new(
            Arc::new(TypeRegistry::builtin(&BuiltinOptions::default())),
            Vec::new(),
        )),
        here: Arc::clone(&floor) as Arc<dyn Dispatch>,
        elsewhere: Arc::new(Floor::default()),
        report: Arc::new(move |report| {
            let told = match report {
                Report::HandedBack { token, .. } => format!("handed back {}", token.0),
                Report::Ended { token, outcome, .. } => format!("ended {} {outcome:?}", token.0),
                other => format!("{other:?}"),
            };
            reported.lock().push(told);
        }),
        limits: BTreeMap::new(),
        marks: Vec::new(),
    };
    let mut owner = Owner::new(parts, Arc::default());
    let mut out = String::new();
    let mut jobs: BTreeMap<&str, Job> = BTreeMap::new();
    for step in steps.split(", ") {
        let (verb, name) = step.split_once(' ').expect("verb and name");
        if verb == "room" {
            floor
                .n_free
                .store(name.parse().expect("a number"), Ordering::Relaxed);
        } else {
            let job = jobs.entry(name).or_insert_with(|| harness.job("noop", json!({})));
            let (run, token) = (job.run, job.dispatch.token);
            owner.take(match verb {
                "submit" => Ask::Submit(job.clone()),
                "recall" => Ask::Recall { run, token },
                "cancel" => Ask::Cancel { token, kill: false },
                "over" => Ask::Over(token),
                _ => panic!("unknown step {step}"),
            });
        }
        owner.give_out().await;
        let told = std::mem::take(&mut *told.lock());
        out += &format!("{step}: {}\n", told.join("; "));
    }
    out
}

async fn check(steps: &str, expected: Expect) {
    expected.assert_eq(&play(steps).await);
}

#[tokio::test]
async fn what_is_recalled_comes_back_unless_it_has_begun() {
    check(
        "submit a, recall a, room 1, submit b",
        expect![[r#"
        submit a: 
        recall a: handed back 1
        room 1: 
        submit b: given 2
    "#]],
    )
    .await;
    check(
        "room 1, submit a, recall a, over a",
        expect![[r#"
        room 1: 
        submit a: given 1
        recall a: 
        over a: 
    "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_recalled_before_it_arrives_is_not_made() {
    check(
        "room 2, recall a, submit a, submit b",
        expect![[r#"
        room 2: 
        recall a: handed back 1
        submit a: ended 1 Cancelled
        submit b: given 2
    "#]],
    )
    .await;
    check(
        "room 2, cancel a, submit a, submit b",
        expect![[r#"
        room 2: 
        cancel a: asked to end 1
        submit a: ended 1 Cancelled
        submit b: given 2
    "#]],
    )
    .await;
}
