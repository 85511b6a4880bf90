//! What the simulator has found, step by step.

use std::time::Duration;

use expect_test::{Expect, expect};
use flow::RunId;
use flow::view::RunStatus;
use serde_json::json;

use super::dice::Dice;
use super::life::Life;
use super::people::Heard;
use super::scene::Scene;
use super::store::{Fate, Verb};
use super::world::{Setup, World, settle};
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
        let mut world = World::bare(Setup::default(), Dice::new(0), Scene::default());
        world.floor.lock().is_lossy = false;
        let document = json!({
            "flow": "one",
            "inputs": {"yes": {}, "no": {}, "word": {}, "lane": {}},
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

/// A decision goes on with what the one before it made large. Whoever asks the store for it before it is there has to look again
/// later, which a clock that stands still never does.
#[test]
fn large_values_are_asked_for_once_they_are_there() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let (verbs, state) = runtime.block_on(async {
        let mut world = World::bare(Setup::default(), Dice::new(0), Scene::default());
        world.floor.lock().is_lossy = false;
        let document = json!({
            "flow": "large",
            "inputs": {"yes": {}, "no": {}, "word": {}, "lane": {}},
            "tasks": {"a": {"type": "work", "for_each": {"items": "{{ range(60000) }}", "max_parallel": 1}, "with": {"it": "{{ item }}"}}},
        });
        world.save_flow("large".to_owned(), &document);
        let mut life = world.begin().await;
        world.call_start(&life, "key".to_owned(), "large".to_owned());
        settle().await;
        let mut verbs = Vec::new();
        // Who asked last is answered first.
        while let Some((verb, _)) = life
            .gate
            .decide(life.gate.n_waiting().wrapping_sub(1), |_| Fate::Pass)
        {
            verbs.push(format!("{verb:?}"));
            settle().await;
        }
        world.look(&mut life).await;
        let run = world.checker.run_of("key").expect("it has begun");
        (verbs.join(" "), world.checker.runs[&run].status().key())
    });
    expect![[r#"
        Flow Key Put Commit Get Commit Messages: running
    "#]]
    .assert_eq(&format!("{verbs}: {state}\n"));
}

/// A run asks for its place and the store is not well; before it asks again it is cancelled. Told of in the other order, the gate would
/// keep the place for a run that is over, and nobody else would ever have it.
#[test]
fn no_message_overtakes_one_that_has_to_wait() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let told = runtime.block_on(async {
        let mut world = World::bare(Setup::default(), Dice::new(0), Scene::default());
        world.floor.lock().is_lossy = false;
        let document = json!({
            "flow": "limited",
            "inputs": {"yes": {}, "no": {}, "word": {}, "lane": {}},
            "concurrency": {"limit": 1},
            "tasks": {"a": {"type": "work"}},
        });
        world.save_flow("limited".to_owned(), &document);
        let mut life = world.begin().await;
        let mut told = Vec::new();
        world.call_start(&life, "key-1".to_owned(), "limited".to_owned());
        settle().await;
        // The first time the gate has decided, that cannot be written.
        let fate = |verb| match verb {
            Verb::CommitGate => Fate::Refuse,
            _ => Fate::Pass,
        };
        while let Some((_, decided)) = life.gate.decide(0, fate) {
            settle().await;
            if decided == Fate::Refuse {
                break;
            }
        }
        world.look(&mut life).await;
        let first = world.checker.run_of("key-1").expect("it has begun");
        told.push(world.checker.runs[&first].status().key());
        world.call(&life, first, RunStatus::Cancelled, true);
        all_pass(&life).await;
        world.look(&mut life).await;
        told.push(world.checker.runs[&first].status().key());
        world.call_start(&life, "key-2".to_owned(), "limited".to_owned());
        for _ in 0..3 {
            all_pass(&life).await;
            let now = world.clock.now();
            world.clock.set(now.plus(Duration::from_secs(1)));
        }
        world.look(&mut life).await;
        let second = world.checker.run_of("key-2").expect("it has begun");
        told.push(world.checker.runs[&second].status().key());
        told.join(" ")
    });
    expect!["queued cancelled running"].assert_eq(&told);
}

/// The answer of the commit that ends the run is lost, and with it the word to the worker who has its attempt. That one waits to hear
/// that it may begin.
#[test]
fn who_may_not_begin_is_told_so() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let n_held = runtime.block_on(async {
        let mut world = World::bare(Setup::default(), Dice::new(0), Scene::default());
        world.floor.lock().is_lossy = false;
        let document = json!({
            "flow": "once",
            "inputs": {"yes": {}, "no": {}, "word": {}, "lane": {}},
            "tasks": {"a": {"type": "work", "retry": {"on_lost": "fail"}}},
        });
        world.save_flow("once".to_owned(), &document);
        let mut life = world.begin().await;
        world.call_start(&life, "key".to_owned(), "once".to_owned());
        all_pass(&life).await;
        world.look(&mut life).await;
        let run = world.checker.run_of("key").expect("it has begun");
        world.call(&life, run, RunStatus::Cancelled, true);
        settle().await;
        life.gate.decide(0, |_| Fate::PassUnknown);
        all_pass(&life).await;
        for _ in 0..4 {
            world.floor.lock().work(true);
            world.deliver(&life);
            all_pass(&life).await;
        }
        world.look(&mut life).await;
        world.floor.lock().held.len()
    });
    assert_eq!(n_held, 0, "nobody waits for a word that never comes");
}

/// A parent that is over hears of its child's end, which causes nothing; that this is heard cannot be written the first time.
#[test]
fn what_causes_nothing_is_taken_in_the_end() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let told = runtime.block_on(async {
        let mut world = World::bare(Setup::default(), Dice::new(0), Scene::default());
        let inputs = json!({"yes": {}, "no": {}, "word": {}, "lane": {}});
        let child = json!({"flow": "child", "inputs": inputs, "tasks": {"a": {"type": "work"}}});
        let asks = json!({"type": "subflow", "with": {"flow": "child", "inputs": {"yes": 1, "no": 1, "word": 1, "lane": 1}}});
        let parent = json!({"flow": "parent", "inputs": inputs, "tasks": {"a": asks}});
        world.save_flow("child".to_owned(), &child);
        world.save_flow("parent".to_owned(), &parent);
        let mut life = world.begin().await;
        world.call_start(&life, "key".to_owned(), "parent".to_owned());
        all_pass(&life).await;
        world.look(&mut life).await;
        let run = world.checker.run_of("key").expect("it has begun");
        world.call(&life, run, RunStatus::Cancelled, true);
        settle().await;
        let mut told = Vec::new();
        let fate = |verb| match verb {
            Verb::Take => Fate::Refuse,
            _ => Fate::Pass,
        };
        while let Some((verb, decided)) = life.gate.decide(0, fate) {
            settle().await;
            if decided == Fate::Refuse {
                told.push(format!("{verb:?} refused"));
                break;
            }
        }
        for _ in 0..3 {
            all_pass(&life).await;
            let now = world.clock.now();
            world.clock.set(now.plus(Duration::from_secs(1)));
        }
        all_pass(&life).await;
        let rows = life.store.outbox(None, 10).await.expect("the store is well");
        told.push(format!("{} messages left", rows.len()));
        told.join(", ")
    });
    expect!["Take refused, 0 messages left"].assert_eq(&told);
}
