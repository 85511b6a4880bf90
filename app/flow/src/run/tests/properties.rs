//! Random flows, random workers, a random clock and random restarts: every run ends, and the naive [oracle](crate::run::testing) finds no fault
//! in its log. The invariants of [`super::invariants`] are asserted after every decision on the way.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

use super::forks::fork;
use super::script::{Script, doc};
use super::world::World;
use crate::doc::FlowDoc;
use crate::ids::{AttemptToken, RunId};
use crate::payload::Payload;
use crate::run::event::Ended;
use crate::run::testing::{FlowSeed, TaskSeed, faults};
use crate::run::{ChildAttempt, Command, Event, EventKind, Outcome, TaskError};
use crate::simulate::Seeded;

fn task_seed() -> impl Strategy<Value = TaskSeed> {
    let needs = prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..4);
    (
        any::<u8>(),
        needs,
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
    )
        .prop_map(|(kind, needs, join, when, extras, spread)| TaskSeed {
            kind,
            needs,
            join,
            when,
            extras,
            spread,
        })
}

fn flow_seed() -> impl Strategy<Value = FlowSeed> {
    let some = |most: usize| prop::collection::vec(task_seed(), 0..=most);
    (
        prop::collection::vec(task_seed(), 1..10),
        some(2),
        some(2),
        any::<u8>(),
    )
        .prop_map(|(main, finally, on_failure, extras)| FlowSeed {
            main,
            finally,
            on_failure,
            extras,
        })
}

/// A run on its way, with the tokens that were ever out.
struct Life {
    world: World,
    chance: Seeded,
}

impl Life {
    fn out(&self) -> Vec<AttemptToken> {
        let mut out: Vec<_> = self.world.state.data.tokens.iter().collect();
        out.sort_unstable_by_key(|(_, spot)| **spot);
        out.into_iter().map(|(token, _)| *token).collect()
    }

    fn act(&mut self, what: u8, which: u8, how: u8) {
        if self.world.state.is_finished() {
            return;
        }
        let out = self.out();
        match what % 44 {
            0..=17 if !out.is_empty() => self.report(out[usize::from(which) % out.len()], how),
            18..=21 => self.world.wait(Duration::from_millis(u64::from(how) * 40)),
            22 => {
                self.world.clock =
                    crate::Timestamp::from_micros(self.world.clock.as_micros() - i64::from(how) * 100_000)
            }
            23 => self.world.clock = self.world.clock.plus(Duration::from_millis(u64::from(how) * 100)),
            24 | 25 => self.world.restart(),
            26 => self.world.recover(false),
            27 | 28 => self.late_report(which),
            29 if how < 100 => self.ask(false),
            30 if how < 30 => self.ask(true),
            31 => self.world.command(Command::Wake).expect("it is not finished"),
            32 | 33 => drop(self.world.command(Command::Pause { reason: None })),
            34 | 35 => self.resume(),
            36 | 37 => self.signal(["one", "two"][usize::from(which % 2)]),
            38 | 39 => self.answer(usize::from(which), how & 1 == 0),
            40..=43 => self.child(usize::from(which), how),
            _ => {}
        }
    }

    fn resume(&mut self) {
        self.world.command(Command::Resume).expect("it is not finished");
    }

    /// The first counts; whether this is it does not matter here.
    fn signal(&mut self, name: &str) {
        let payload = Payload::null();
        drop(self.world.command(Command::Signal {
            name: name.into(),
            payload,
        }));
    }

    fn answer(&mut self, which: usize, approved: bool) {
        let wanted = self.world.wanted_answers();
        if let Some(path) = wanted.get(which % wanted.len().max(1)) {
            let command = Command::Approve {
                path: path.as_str().into(),
                approved,
                values: json!({}),
                comment: None,
            };
            self.world.command(command).expect("it is waited for");
        }
    }

    /// A run that a task asked for starts, ends, or tells the same again.
    fn child(&mut self, which: usize, how: u8) {
        let open: Vec<_> = self.world.state.open_children().collect();
        let Some((spot, child)) = open.get(which % open.len().max(1)) else {
            return;
        };
        let attempt = ChildAttempt {
            path: self.world.plan.path(*spot),
            attempt: child.attempt,
        };
        // Told twice, the second time changes nothing: the run has one id, whatever the order.
        let child = RunId(u128::from(spot.task) << 64 | u128::from(child.attempt));
        let ended = |outcome| Command::ChildEnded {
            attempt: attempt.clone(),
            child,
            version: Some(1),
            outcome,
            outputs: None,
            error: None,
        };
        let command = match how % 8 {
            0..=2 => Command::ChildStarted {
                attempt,
                child,
                version: 1,
            },
            3 => Command::ChildRefused {
                attempt,
                error: TaskError::new("unknown_flow", "there is no such flow"),
            },
            4 | 5 => ended(Ended::Succeeded),
            6 => ended(Ended::Failed),
            _ => ended(Ended::Cancelled),
        };
        let is_detached = self.world.state.child(*spot).is_some_and(|child| !child.wait);
        let is_end = matches!(command, Command::ChildEnded { .. });
        let told = self.world.command(command.clone());
        assert_eq!(told.is_err(), is_detached && is_end, "{told:?}");
        if is_end && !is_detached {
            let n_events = self.world.log.len();
            drop(self.world.command(command));
            assert_eq!(self.world.log.len(), n_events, "told twice, it counts once");
        }
    }

    fn ask(&mut self, force: bool) {
        self.world
            .command(Command::Cancel { force, reason: None })
            .expect("it is not finished");
    }

    fn report(&mut self, token: AttemptToken, how: u8) {
        let outcome = match how % 16 {
            0..=7 => Outcome::Succeeded {
                output: Payload::null(),
                exit_code: None,
            },
            8 | 9 => Outcome::Failed {
                error: TaskError::new("failed", "it broke"),
                output: None,
                retry_after: None,
            },
            10 => Outcome::Failed {
                error: TaskError::new("input", "it is wrong").permanent(),
                output: None,
                retry_after: None,
            },
            11 | 12 => Outcome::Lost,
            13 => Outcome::Cancelled,
            14 => Outcome::Snoozed(Duration::from_millis(u64::from(how) * 20)),
            _ => return self.world.begin(token).expect("it is out"),
        };
        // Reports may overtake each other: the beginning is not always told.
        if how & 64 == 0 {
            self.world.begin(token).expect("it is out");
        }
        if self.out().contains(&token) {
            self.world
                .command(Command::AttemptEnded { token, outcome })
                .expect("it is out");
        }
    }

    /// A token that was out once must change nothing.
    fn late_report(&mut self, which: u8) {
        let scheduled = |event: &Event| {
            if let EventKind::TaskScheduled { token, .. } = event.kind {
                Some(token)
            } else {
                None
            }
        };
        let used: Vec<AttemptToken> = self
            .world
            .log
            .iter()
            .filter_map(scheduled)
            .filter(|token| !self.out().contains(token))
            .collect();
        let Some(&token) = used.get(usize::from(which) % used.len().max(1)) else {
            return;
        };
        let n_events = self.world.log.len();
        let outcome = Outcome::Succeeded {
            output: Payload::null(),
            exit_code: None,
        };
        self.world
            .command(Command::AttemptEnded { token, outcome })
            .expect_err("it is over");
        self.world
            .command(Command::AttemptStarted {
                token,
                worker: "w9".into(),
            })
            .expect_err("it is over");
        assert_eq!(self.world.log.len(), n_events);
    }

    /// From here on workers and people answer, signals come and time goes by.
    fn finish(&mut self) {
        for _ in 0..500 {
            let state = &self.world.state;
            if state.is_finished() {
                return;
            }
            let word = self.chance.bits();
            if state.is_paused() {
                self.resume();
            } else if let Some(&token) = self.out().first() {
                self.report(token, [0, 8][usize::from(word & 3 == 0)]);
            } else if state.open_children().next().is_some() && word & 24 != 0 {
                self.child(0, [0, 4, 5, 6][usize::from((word >> 8) as u8 % 4)]);
            } else if let Some(due) = state.wake_at() {
                let by = due.since(self.world.clock);
                self.world.wait(by);
            } else if !self.world.wanted_answers().is_empty() {
                self.answer(0, word & 4 == 0);
            } else {
                let has_one = state.signal("one").is_some();
                self.signal(if has_one { "two" } else { "one" });
            }
        }
        panic!("the run does not end");
    }
}

fn live(doc: FlowDoc, actions: &[(u8, u8, u8)], chance: u64) -> World {
    let world = World::start(doc, json!({"yes": true, "no": false, "word": "word"}));
    let mut life = Life {
        world,
        chance: Seeded::new(chance),
    };
    actions
        .iter()
        .for_each(|(what, which, how)| life.act(*what, *which, *how));
    life.finish();
    life.world
}

/// A fork of a run, from a task or for what had not succeeded.
fn live_again(old: World, doc: &FlowDoc, chance: u64) -> World {
    let at = chance as usize % (doc.tasks.len() + 1);
    let from = doc.tasks.get_index(at).map(|(key, _)| key.clone());
    let inputs = json!({"yes": true, "no": false, "word": if chance & 64 == 0 { "word" } else { "other" }});
    let (_, world) = fork(
        old,
        doc.clone(),
        (&inputs, &serde_json::Map::new()),
        from.as_deref(),
        &[],
    )
    .expect("it is a task");
    let mut life = Life {
        world,
        chance: Seeded::new(chance),
    };
    life.finish();
    life.world
}

/// What happened in a run, in a few words.
fn features(world: &World) -> impl Iterator<Item = String> + '_ {
    world.log.iter().map(|event| {
        let json = serde_json::to_value(&event.kind).expect("events are JSON");
        let detail = ["waits_for", "step", "outcome"]
            .iter()
            .find_map(|field| json[*field].as_str());
        let detail = detail
            .or_else(|| json["reason"]["kind"].as_str())
            .unwrap_or_default();
        let part = json["task"]
            .as_str()
            .and_then(|task| task.chars().find(|c| ['[', '#'].contains(c)));
        let item = match part {
            Some('[') => " of an item",
            Some(_) => " of an iteration",
            None => "",
        };
        format!("{} {detail}", json["type"].as_str().unwrap_or_default())
            .trim_end()
            .to_owned()
            + item
    })
}

/// Lets random runs live and gives what happened in them; panics at the first that breaks a rule.
fn explore(mut runner: TestRunner) -> BTreeSet<String> {
    let seen = RefCell::new(BTreeSet::new());
    let actions = prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..40);
    let lives = runner.run(
        &(flow_seed(), actions, any::<u64>()),
        |(flow, actions, chance)| {
            let doc = flow.doc();
            let world = live(doc.clone(), &actions, chance);
            let faults = faults(&doc, &world.log, &world.rests);
            prop_assert!(faults.is_empty(), "{faults:#?}\n{}", story(&world));
            seen.borrow_mut().extend(features(&world));
            let again = live_again(world, &doc, chance);
            let faults = crate::run::testing::faults(&doc, &again.log, &again.rests);
            prop_assert!(faults.is_empty(), "{faults:#?}\n{}", story(&again));
            seen.borrow_mut().extend(features(&again));
            Ok(())
        },
    );
    if let Err(error) = lives {
        panic!("{error}");
    }
    seen.into_inner()
}

fn config() -> ProptestConfig {
    ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::default()
    }
}

#[test]
fn every_run_ends_by_the_rules() {
    explore(TestRunner::new(config()));
}

#[test]
fn random_runs_get_everywhere() {
    let always_the_same = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let config = ProptestConfig {
        cases: 400,
        ..config()
    };
    let seen: Vec<String> = explore(TestRunner::new_with_rng(config, always_the_same))
        .into_iter()
        .collect();
    // Random runs that never got anywhere would prove nothing.
    expect![[r#"
        attempt_failed
        attempt_failed of an item
        attempt_failed of an iteration
        attempt_lost
        attempt_lost of an item
        attempt_lost of an iteration
        attempt_started
        attempt_started of an item
        attempt_started of an iteration
        child_requested
        child_requested of an item
        child_requested of an iteration
        child_reused
        child_reused of an item
        child_started
        child_started of an item
        child_started of an iteration
        ending_step finally
        ending_step on_failure
        ending_step undo
        items_listed
        loop_begun
        run_cancel_requested
        run_created
        run_ending cancelled
        run_ending failed
        run_ending succeeded
        run_finished cancelled
        run_finished failed
        run_finished succeeded
        run_paused
        run_resumed
        run_started
        signal_received
        task_cancelled
        task_cancelled of an item
        task_cancelled of an iteration
        task_due
        task_due of an item
        task_due of an iteration
        task_failed
        task_failed of an item
        task_failed of an iteration
        task_reused
        task_reused of an item
        task_scheduled
        task_scheduled of an item
        task_scheduled of an iteration
        task_skipped no_edge
        task_skipped upstream
        task_skipped when
        task_skipped when of an item
        task_succeeded
        task_succeeded of an item
        task_succeeded of an iteration
        task_waiting approval
        task_waiting approval of an item
        task_waiting approval of an iteration
        task_waiting delay
        task_waiting delay of an item
        task_waiting delay of an iteration
        task_waiting pause of an iteration
        task_waiting signal
        task_waiting signal of an item
        task_waiting signal of an iteration
        task_waiting snooze
        task_waiting snooze of an item
        task_waiting snooze of an iteration
        task_waiting wait
        task_waiting wait of an item
        task_waiting wait of an iteration"#]]
    .assert_eq(&seen.join("\n"));
}

fn story(world: &World) -> String {
    world
        .log
        .iter()
        .map(|event| format!("{} {:?}\n", event.seq, event.kind))
        .collect()
}

/// The same for what happens inside one task.
#[test]
fn the_oracle_finds_planted_faults_of_items_and_loops() {
    let flow = "tasks: { a: { type: work, for_each: { items: [1, 2], max_parallel: 1 } }, b: { type: work, loop: { until: '{{ iteration >= 2 }}' } } }";
    let log = Script::run(flow, "a[0] ok 1; b#1 ok; a[1] ok 2; b#2 ok")
        .world
        .log;
    let doc = doc(flow);
    assert_eq!(faults(&doc, &log, &[]), Vec::<String>::new());
    let without = |kind: &str, task: &str| {
        let mut planted = log.clone();
        planted.retain(|event| {
            let json = serde_json::to_value(&event.kind).expect("events are JSON");
            json["type"] != kind || json["task"] != task
        });
        assert!(planted.len() < log.len());
        planted
    };
    for (kind, task) in [
        ("items_listed", "a"),
        ("task_succeeded", "a[0]"),
        ("task_succeeded", "a[1]"),
        ("task_scheduled", "a[0]"),
        ("loop_begun", "b"),
        ("task_succeeded", "b#1"),
        ("task_succeeded", "b#2"),
    ] {
        assert_ne!(
            faults(&doc, &without(kind, task), &[]),
            Vec::<String>::new(),
            "{kind} {task}"
        );
    }
    let cut = &log[..log
        .iter()
        .position(|event| event.kind.task().is_some_and(|task| **task == *"a[0]"))
        .expect("it is there")];
    assert_ne!(
        faults(&doc, cut, &[cut.len()]),
        Vec::<String>::new(),
        "left alone"
    );
}

/// A log that breaks one rule is told from one that breaks none.
#[test]
fn the_oracle_finds_planted_faults() {
    let flow = "a -> b; a -failed-> c";
    let log = Script::run(flow, "a ok; b ok").world.log;
    let doc = doc(flow);
    assert_eq!(faults(&doc, &log, &[]), Vec::<String>::new());
    let find = |log: &[Event], kind: &str, task: &str| {
        let is_it = |event: &Event| {
            let json = serde_json::to_value(&event.kind).expect("events are JSON");
            json["type"] == kind && json["task"] == task
        };
        log.iter().position(is_it).expect("it is in the log")
    };
    let (a_ends, b_begins, c_ends) = (
        find(&log, "task_succeeded", "a"),
        find(&log, "task_scheduled", "b"),
        find(&log, "task_skipped", "c"),
    );

    let mut too_early = log.clone();
    too_early.swap(a_ends, b_begins);
    let mut wrongly_skipped = log.clone();
    if let EventKind::TaskSkipped { task, .. } = &mut wrongly_skipped[c_ends].kind {
        *task = "b".into();
    }
    wrongly_skipped.swap(c_ends, b_begins);
    let mut twice = log.clone();
    twice.insert(b_begins, log[b_begins].clone());
    let mut wrong_outcome = log.clone();
    if let Some(Event {
        kind: EventKind::RunFinished { outcome, .. },
        ..
    }) = wrong_outcome.last_mut()
    {
        *outcome = Ended::Failed;
    }
    for (name, planted) in [
        ("too early", too_early),
        ("skipped", wrongly_skipped),
        ("twice", twice),
        ("outcome", wrong_outcome),
    ] {
        assert_ne!(faults(&doc, &planted, &[]), Vec::<String>::new(), "{name}");
    }
    let left_alone = &log[..=a_ends];
    assert_ne!(
        faults(&doc, left_alone, &[left_alone.len()]),
        Vec::<String>::new(),
        "left alone"
    );
}
