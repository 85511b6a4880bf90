//! Random flows, random workers, a random clock and random restarts: every run ends, and the naive [`super::oracle`] finds no fault
//! in its log. The invariants of [`super::invariants`] are asserted after every decision on the way.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::oracle::faults;
use super::script::{Script, doc};
use super::world::{World, next_chance};
use crate::doc::FlowDoc;
use crate::ids::AttemptToken;
use crate::payload::Payload;
use crate::run::{Command, Event, EventKind, Outcome, TaskError};

/// One task to be: the numbers are taken modulo what there is to choose from.
#[derive(Clone, Debug)]
struct TaskSeed {
    kind: u8,
    needs: Vec<(u8, u8, u8)>,
    join: u8,
    when: u8,
    extras: u8,
    spread: u8,
}

#[derive(Clone, Debug)]
struct FlowSeed {
    main: Vec<TaskSeed>,
    finally: Vec<TaskSeed>,
    on_failure: Vec<TaskSeed>,
    extras: u8,
}

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

impl FlowSeed {
    fn doc(&self) -> FlowDoc {
        let mut flow = json!({
            "flow": "random",
            "inputs": {"yes": {}, "no": {}, "word": {}},
            "tasks": group(&self.main, "m", true),
            "finally": group(&self.finally, "f", false),
            "on_failure": group(&self.on_failure, "o", false),
            "fail_fast": self.extras & 1 == 1,
        });
        if self.extras & 6 == 6 {
            flow["timeout"] = json!("40s");
        }
        if self.extras & 24 == 24 {
            flow["ending_timeout"] = json!("15s");
        }
        serde_json::from_value(flow).expect("a flow")
    }
}

fn group(seeds: &[TaskSeed], prefix: &str, is_main: bool) -> Value {
    let tasks = seeds
        .iter()
        .enumerate()
        .map(|(ix, seed)| (format!("{prefix}{ix}"), task(seeds, ix, seed, prefix, is_main)));
    Value::Object(tasks.collect())
}

fn task(seeds: &[TaskSeed], ix: usize, seed: &TaskSeed, prefix: &str, is_main: bool) -> Value {
    let (task_type, with) = match kind(seed) {
        "delay" => ("delay", json!({"for": "3s"})),
        "switch" => (
            "switch",
            json!({"cases": {"left": "{{ inputs.no }}", "right": "{{ inputs.yes }}"}}),
        ),
        "lost switch" => ("switch", json!({"cases": {"left": "{{ inputs.no }}"}})),
        "bad work" => ("work", json!({"x": "{{ inputs.word.x }}"})),
        "transform" => ("transform", json!({"value": "{{ inputs.word }}"})),
        plain => (plain, json!({})),
    };
    let needs: Vec<Value> = seed
        .needs
        .iter()
        .filter(|_| ix > 0)
        .map(|need| edge(seeds, ix, *need, prefix))
        .collect();
    let join = ["all", "any", "settled"][usize::from(seed.join % 3)];
    let mut task = json!({"type": task_type, "with": with, "needs": needs, "join": join});
    match seed.when % 12 {
        0 => task["when"] = json!("{{ inputs.yes }}"),
        1 => task["when"] = json!("{{ inputs.no }}"),
        2 => task["when"] = json!("{{ inputs.word }}"),
        3 => task["when"] = json!("{{ upstream.n_failed == 0 }}"),
        _ => {}
    }
    if seed.extras & 3 == 3 {
        task["retry"] = json!({"max_attempts": 1 + seed.extras % 5 % 3, "first": "2s"});
    }
    if seed.extras & 12 == 12 {
        task["timeout"] = json!("5s");
    }
    if let Some(each) = for_each(seed.spread) {
        task["for_each"] = each;
        if seed.when % 12 == 4 {
            task["when"] = json!("{{ item != 1 }}");
        }
    }
    if seed.extras & 48 == 48 && is_main {
        let undo_type = ["work", "noop", "delay", "fail"][usize::from(seed.extras >> 6)];
        task["undo"] = json!({"type": undo_type, "with": if undo_type == "delay" { json!({"for": "2s"}) } else { json!({}) }});
    }
    task
}

fn for_each(spread: u8) -> Option<Value> {
    let policy = match spread / 4 % 4 {
        0 | 1 => json!("continue"),
        2 => json!({"tolerate": "40%"}),
        _ => json!("fail_fast"),
    };
    let n = usize::from(spread / 16 % 6);
    (spread % 4 == 3).then(|| {
        json!({"items": (0..n).collect::<Vec<_>>(), "max_parallel": 1 + spread / 96, "on_item_failure": policy})
    })
}

fn kind(seed: &TaskSeed) -> &'static str {
    match seed.kind % 16 {
        8 => "noop",
        9 => "fail",
        10 => "transform",
        11 | 12 => "switch",
        13 => "lost switch",
        14 => "delay",
        15 => "bad work",
        _ => "work",
    }
}

fn edge(seeds: &[TaskSeed], ix: usize, (from, on, more): (u8, u8, u8), prefix: &str) -> Value {
    let from = usize::from(from) % ix;
    let mut words: Vec<&str> = match on % 8 {
        0..=2 => vec!["succeeded"],
        3 => vec!["failed"],
        4 => vec!["always"],
        5 => vec!["succeeded", "failed"],
        6 => vec!["skipped", "cancelled"],
        _ => vec!["failed", "skipped", "always"],
    };
    if kind(&seeds[from]).ends_with("switch") && on & 8 == 8 {
        words = vec![if on & 16 == 16 { "left" } else { "right" }];
    }
    let mut edge = json!({"task": format!("{prefix}{from}"), "on": words, "handles": more & 1 == 0});
    match more >> 1 & 15 {
        0 => edge["when"] = json!("{{ inputs.yes }}"),
        1 => edge["when"] = json!("{{ inputs.no }}"),
        2 => edge["when"] = json!("{{ inputs.word }}"),
        3 => edge["when"] = json!(format!("{{{{ tasks.{prefix}{from}.state == 'failed' }}}}")),
        _ => {}
    }
    edge
}

/// A run on its way, with the tokens that were ever out.
struct Life {
    world: World,
    chance: u64,
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
        match what % 36 {
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
            _ => {}
        }
    }

    fn resume(&mut self) {
        self.world.command(Command::Resume).expect("it is not finished");
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
            },
            10 => Outcome::Failed {
                error: TaskError::new("input", "it is wrong").permanent(),
                output: None,
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

    /// From here on workers answer and time goes by.
    fn finish(&mut self) {
        for _ in 0..500 {
            if self.world.state.is_finished() {
                return;
            }
            self.resume();
            if self.world.state.is_finished() {
                return;
            }
            let word = next_chance(&mut self.chance);
            match self.out().first() {
                Some(&token) => self.report(token, [0, 8][usize::from(word & 3 == 0)]),
                None => {
                    let due = self.world.state.wake_at().expect("something is waited for");
                    let by = due.since(self.world.clock);
                    self.world.wait(by);
                }
            }
        }
        panic!("the run does not end");
    }
}

fn live(doc: FlowDoc, actions: &[(u8, u8, u8)], chance: u64) -> World {
    let world = World::start(doc, json!({"yes": true, "no": false, "word": "word"}));
    let mut life = Life { world, chance };
    actions
        .iter()
        .for_each(|(what, which, how)| life.act(*what, *which, *how));
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
        let is_item = json["task"].as_str().is_some_and(|task| task.contains('['));
        let item = if is_item { " of an item" } else { "" };
        format!("{} {detail}", json["type"].as_str().unwrap_or_default())
            .trim_end()
            .to_owned()
            + item
    })
}

#[test]
fn every_run_ends_by_the_rules() {
    let seen = RefCell::new(BTreeSet::new());
    let actions = prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..40);
    let config = ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::default()
    };
    let lives = TestRunner::new(config).run(
        &(flow_seed(), actions, any::<u64>()),
        |(flow, actions, chance)| {
            let doc = flow.doc();
            let world = live(doc.clone(), &actions, chance);
            let faults = faults(&doc, &world.log, &world.rests);
            prop_assert!(faults.is_empty(), "{faults:#?}\n{}", story(&world));
            seen.borrow_mut().extend(features(&world));
            Ok(())
        },
    );
    if let Err(error) = lives {
        panic!("{error}");
    }
    let seen: Vec<String> = seen.into_inner().into_iter().collect();
    // Random runs that never got anywhere would prove nothing.
    expect![[r#"
        attempt_failed
        attempt_failed of an item
        attempt_lost
        attempt_lost of an item
        attempt_started
        attempt_started of an item
        ending_step finally
        ending_step on_failure
        ending_step undo
        items_listed
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
        task_cancelled
        task_cancelled of an item
        task_due
        task_due of an item
        task_failed
        task_failed of an item
        task_scheduled
        task_scheduled of an item
        task_skipped no_edge
        task_skipped upstream
        task_skipped when
        task_skipped when of an item
        task_succeeded
        task_succeeded of an item
        task_waiting delay
        task_waiting delay of an item
        task_waiting snooze
        task_waiting snooze of an item"#]]
    .assert_eq(&seen.join("\n"));
}

fn story(world: &World) -> String {
    world
        .log
        .iter()
        .map(|event| format!("{} {:?}\n", event.seq, event.kind))
        .collect()
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
        *outcome = crate::run::event::Ended::Failed;
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
