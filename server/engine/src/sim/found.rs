//! What the simulator has found, step by step.

use std::time::Duration;

use expect_test::{Expect, expect};
use flow::RunId;
use flow::view::RunStatus;
use serde_json::json;

use super::store::Fate;
use super::world::{Heard, Life, Setup, World, settle};
use crate::clock::Clock as _;
use crate::error::EngineError;

/// A run of one task that is given out, on a store whose every answer the test gives.
struct Bench {
    world: World,
    life: Life,
    run: RunId,
}

impl Bench {
    async fn new() -> Self {
        let mut world = World::new(Setup::default());
        world.floor.lock().is_lossy = false;
        let document = json!({
            "flow": "one",
            "inputs": {"yes": {}, "no": {}, "word": {}},
            "tasks": {"a": {"type": "work"}},
        });
        world.save_flow("one".to_owned(), &document);
        let mut life = world.begin().await;
        world.call_start(&life, "key".to_owned(), "one".to_owned());
        all_pass(&life).await;
        world.look(&mut life).await;
        let run = world.checker.run_of("key").expect("it has begun");
        Self { world, life, run }
    }

    /// Takes the steps; `store` steps are the fates of what was asked of the store first.
    async fn take(&mut self, steps: &str) {
        for step in steps.split(", ") {
            match step {
                "cancel" => self.world.call(&self.life, self.run, RunStatus::Cancelled, true),
                "pause" => self.world.call(&self.life, self.run, RunStatus::Paused, false),
                "work" => {
                    let reports = self.world.floor.lock().work_well();
                    for report in reports {
                        self.world.report(&self.life, report);
                    }
                }
                "refuse" => drop(self.life.gate.decide(0, |_| Fate::Refuse)),
                "pass" => all_pass(&self.life).await,
                "later" => {
                    let now = self.world.clock.now();
                    self.world.clock.set(now.plus(Duration::from_secs(1)));
                }
                "set back" => self.world.clock.set(flow::Timestamp::from_millis(0)),
                other => panic!("no step {other}"),
            }
            settle().await;
        }
    }
}

async fn all_pass(life: &Life) {
    settle().await;
    while life.gate.decide(0, |_| Fate::Pass).is_some() {
        settle().await;
    }
}

/// What callers hear after each line of steps, and how the run stands in the store.
fn check(lines: &str, expected: Expect) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let told = runtime.block_on(async {
        let mut bench = Bench::new().await;
        let mut told = String::new();
        for line in lines.lines() {
            bench.take(line.trim()).await;
            let heard = std::mem::take(&mut *bench.life.heard.lock());
            for heard in heard {
                if let Heard::Asked { what, answer, .. } = heard {
                    let answer = match answer {
                        Ok(()) => "yes".to_owned(),
                        Err(EngineError::Unavailable(_)) => "the store is not well".to_owned(),
                        Err(error) => error.to_string(),
                    };
                    told += &format!("{}? {answer}; ", what.key());
                }
            }
            bench.world.look(&mut bench.life).await;
            told += bench.world.checker.runs[&bench.run].status().key();
            told.push('\n');
        }
        told
    });
    expected.assert_eq(&told);
}

/// The second has nothing to commit, but rests on the first.
#[test]
fn an_answer_waits_for_the_commit_it_rests_on() {
    check(
        "pause, pause\nrefuse",
        expect![[r#"
            running
            paused? the store is not well; paused? the store is not well; running
        "#]],
    );
    check(
        "pause, pause\npass",
        expect![[r#"
            running
            paused? yes; paused? yes; paused
        "#]],
    );
    check(
        "cancel, pause\nrefuse",
        expect![[r#"
            running
            cancelled? the store is not well; paused? the store is not well; running
        "#]],
    );
}

/// The run was over only as long as nobody had committed it.
#[test]
fn a_report_refused_by_what_was_never_committed_comes_again() {
    check(
        "cancel, work\nrefuse\nlater, pass\nlater, pass",
        expect![[r#"
            running
            cancelled? the store is not well; running
            succeeded
            succeeded
        "#]],
    );
}

/// Half a second after a failure is half a second, wherever the clock goes.
#[test]
fn a_second_look_does_not_wait_for_a_clock_set_back() {
    check(
        "pause, work, refuse\nset back, pass\nlater, pass\nlater, pass",
        expect![[r#"
            paused? the store is not well; running
            succeeded
            succeeded
            succeeded
        "#]],
    );
}
