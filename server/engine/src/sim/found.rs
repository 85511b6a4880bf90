//! What the simulator has found, step by step.

use std::time::Duration;

use expect_test::{Expect, expect};
use flow::RunId;
use flow::view::RunStatus;
use serde_json::{Value, json};

use super::dice::Dice;
use super::life::Life;
use super::people::Heard;
use super::scene::Scene;
use super::store::{Fate, Verb};
use super::world::{Setup, World, runtime, settle};
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
        let (mut world, mut life) = place(
            Scene::default(),
            &[json!({"flow": "one", "tasks": {"a": {"type": "work"}}})],
        )
        .await;
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

/// A server with these flows, in a world where nothing gets lost by chance.
async fn place(scene: Scene, flows: &[Value]) -> (World, Life) {
    let mut world = World::bare(Setup::default(), Dice::new(0), scene);
    world.floor.lock().is_lossy = false;
    for flow in flows {
        let mut flow = flow.clone();
        // What the world gives to every run.
        flow["inputs"] = json!({"yes": {}, "no": {}, "word": {}, "lane": {}});
        let name = flow["flow"].as_str().expect("a name").to_owned();
        world.save_flow(name, &flow);
    }
    let life = world.begin().await;
    (world, life)
}

/// Lets everything pass but the first of this kind, which is refused. False if there was none.
async fn refuse_first(life: &Life, refused: Verb) -> bool {
    let fate = |verb| match verb {
        verb if verb == refused => Fate::Refuse,
        _ => Fate::Pass,
    };
    while let Some((_, decided)) = life.gate.decide(0, fate) {
        settle().await;
        if decided == Fate::Refuse {
            return true;
        }
    }
    false
}

/// Seconds go by, in which all is well.
async fn pass_seconds(world: &World, life: &Life, n: usize) {
    for _ in 0..n {
        all_pass(life).await;
        let now = world.clock.now();
        world.clock.set(now.plus(Duration::from_secs(1)));
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
    let told = runtime().block_on(async {
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
    let (verbs, state) = runtime().block_on(async {
        let document = json!({
            "flow": "large",
            "tasks": {"a": {"type": "work", "for_each": {"items": "{{ range(60000) }}", "max_parallel": 1}, "with": {"it": "{{ item }}"}}},
        });
        let (mut world, mut life) = place(Scene::default(), &[document]).await;
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
    let told = runtime().block_on(async {
        let document = json!({
            "flow": "limited",
            "concurrency": {"limit": 1},
            "tasks": {"a": {"type": "work"}},
        });
        let (mut world, mut life) = place(Scene::default(), &[document]).await;
        let mut told = Vec::new();
        world.call_start(&life, "key-1".to_owned(), "limited".to_owned());
        settle().await;
        // The first time the gate has decided, that cannot be written.
        assert!(refuse_first(&life, Verb::CommitGate).await);
        world.look(&mut life).await;
        let first = world.checker.run_of("key-1").expect("it has begun");
        told.push(world.checker.runs[&first].status().key());
        world.call(&life, first, RunStatus::Cancelled, true);
        all_pass(&life).await;
        world.look(&mut life).await;
        told.push(world.checker.runs[&first].status().key());
        world.call_start(&life, "key-2".to_owned(), "limited".to_owned());
        pass_seconds(&world, &life, 3).await;
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
    let n_held = runtime().block_on(async {
        let document = json!({
            "flow": "once",
            "tasks": {"a": {"type": "work", "retry": {"on_lost": "fail"}}},
        });
        let (mut world, mut life) = place(Scene::default(), &[document]).await;
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
    let told = runtime().block_on(async {
        let child = json!({"flow": "child", "tasks": {"a": {"type": "work"}}});
        let asks = json!({"type": "subflow", "with": {"flow": "child", "inputs": {"yes": 1, "no": 1, "word": 1, "lane": 1}}});
        let parent = json!({"flow": "parent", "tasks": {"a": asks}});
        let (mut world, mut life) = place(Scene::default(), &[child, parent]).await;
        world.call_start(&life, "key".to_owned(), "parent".to_owned());
        all_pass(&life).await;
        world.look(&mut life).await;
        let run = world.checker.run_of("key").expect("it has begun");
        world.call(&life, run, RunStatus::Cancelled, true);
        settle().await;
        let is_refused = refuse_first(&life, Verb::Take).await;
        pass_seconds(&world, &life, 3).await;
        all_pass(&life).await;
        let rows = life.store.outbox(None, 10).await.expect("the store is well");
        (is_refused, rows.len())
    });
    assert_eq!(told, (true, 0), "refused once, and no message left");
}

/// That a slow rate is used up takes a second to be noted. The next attempt is as far from the one that waited for that as the rate says.
#[test]
fn a_slow_note_brings_no_two_attempts_together() {
    let n_given = runtime().block_on(async {
        let scene = Scene {
            queues: true,
            ..Scene::default()
        };
        let document = json!({"flow": "slow", "tasks": {"a": {"type": "work", "queue": "near"}}});
        let (mut world, mut life) = place(scene, &[document]).await;
        let limits = serde_json::from_value(json!({"rate": "30/m"})).expect("limits");
        world.set_queue(&life, "near", limits);
        all_pass(&life).await;
        for key in ["key-1", "key-2"] {
            world.call_start(&life, key.to_owned(), "slow".to_owned());
        }
        settle().await;
        while !life.gate.is_asked(Verb::Rate) {
            life.gate
                .decide(0, |_| Fate::Pass)
                .expect("the note is asked for in the end");
            settle().await;
        }
        let mut n_given = Vec::new();
        for _ in 0..5 {
            let now = world.clock.now();
            world.clock.set(now.plus(Duration::from_secs(1)));
            all_pass(&life).await;
            // This finds fault with two that begin too near to each other.
            world.look(&mut life).await;
            let mut floor = world.floor.lock();
            n_given.push(floor.held.len());
            // The floor has few places.
            let reports = floor.work_well();
            drop(floor);
            for report in reports {
                world.report(&life, report);
            }
        }
        n_given
    });
    assert_eq!(n_given, [1, 0, 1, 0, 0]);
}
