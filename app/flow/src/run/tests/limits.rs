//! What is bounded: the work of one decision, the stack, the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::script::doc;
use super::world::{World, compile};
use crate::ids::RunId;
use crate::limits::{EVENTS_PER_RUN_MAX, LIGHT_TASKS_PER_DECISION_MAX};
use crate::payload::{BlobRef, Payload};
use crate::run::{
    BlobSource, Command, Decision, Env, EventKind, NewRun, Rejected, RunState, TaskState, create, decide,
};
use crate::time::Timestamp;
use crate::view::{RunStatus, TaskStatus};

fn wide(n_tasks: usize) -> String {
    (0..n_tasks).map(|n| format!("t{n}:noop;")).collect()
}

fn chain(n_tasks: usize) -> String {
    (1..n_tasks)
        .map(|n| format!("t{}:noop -> t{n}:noop;", n - 1))
        .collect()
}

/// Every large value a run made.
#[derive(Default)]
struct Kept(FxHashMap<BlobRef, Arc<Value>>);

impl Kept {
    fn take(&mut self, decision: &Decision) {
        for made in &decision.blobs {
            let value = serde_json::from_slice(&made.json).expect("written as JSON");
            self.0.insert(made.blob.clone(), Arc::new(value));
        }
    }
}

impl BlobSource for Kept {
    fn get(&self, blob: &BlobRef) -> Option<Arc<Value>> {
        self.0.get(blob).cloned()
    }
}

/// A run without the harness, whose checks would take longer than the run: (state, decisions, events).
fn drive(flow: &str, commands: &[Command]) -> (RunState, usize, usize) {
    let (plan, program) = compile(doc(flow));
    let mut chance = 0_u128;
    let mut entropy = || {
        chance += 1;
        chance
    };
    let mut kept = Kept::default();
    let mut n = (0, 0);
    let new = NewRun {
        id: RunId(1),
        version: 1,
        inputs: Payload::null(),
        vars: serde_json::Map::new(),
        labels: BTreeMap::new(),
        trigger: "api".into(),
        idempotency_key: None,
        parent: None,
        fork: None,
        permit: None,
        follows: None,
        priority: None,
    };
    let env = Env {
        now: Timestamp::default(),
        actor: "local".into(),
        entropy: &mut entropy,
        blobs: &(),
    };
    let (mut state, mut decision) = create(&plan, &program, new, env);
    kept.take(&decision);
    let mut commands = commands.iter().cloned();
    loop {
        n = (n.0 + 1, n.1 + decision.events.len());
        let command = if decision.unfinished {
            assert!(state.in_flight(), "what is left over keeps it in memory");
            Command::Continue
        } else {
            let Some(command) = commands.next() else {
                return (state, n.0, n.1);
            };
            command
        };
        let env = Env {
            now: Timestamp::default(),
            actor: "local".into(),
            entropy: &mut entropy,
            blobs: &kept,
        };
        decision = decide(&mut state, &program, command, env).expect("it is not finished");
        kept.take(&decision);
    }
}

#[test]
fn a_hundred_thousand_items_run_in_bounded_steps() {
    let flow = |items: &str, with: &str| {
        format!(
            "tasks: {{ each: {{ type: transform, for_each: {{ items: '{{{{ range({items}) | list }}}}', max_parallel: 100 }}, with: {{ value: '{with}' }} }} }}"
        )
    };
    let (state, n, n_events) = drive(&flow("9999", "{{ item }}"), &[]);
    assert_eq!(state.status(), RunStatus::Succeeded);
    assert!((10..=12).contains(&n), "{n} decisions");
    assert_eq!(n_events, 10_004);
    let parts = state.parts(0).expect("it has items");
    assert_eq!((parts.n(), parts.counts().succeeded), (9999, 9999));
    let snapshot = serde_json::to_string(&state.viewer_snapshot()).expect("snapshots are JSON");
    assert!(
        snapshot.len() < 3_000,
        "equal states take no room: {}",
        snapshot.len()
    );
    let (page, next) = state.part_views(0, None, 9_990, 5);
    assert_eq!((page.len(), next), (5, Some(9_995)));
    let (page, next) = state.part_views(0, Some(TaskStatus::Failed), 0, 5);
    assert_eq!((page.len(), next), (0, None));

    let (state, _, _) = drive(&flow("100000", ""), &[]);
    assert_eq!(state.status(), RunStatus::Succeeded);
}

#[test]
fn a_decision_yields_after_a_thousand_light_tasks() {
    for (n_tasks, n_decisions) in [
        (LIGHT_TASKS_PER_DECISION_MAX, 1),
        (LIGHT_TASKS_PER_DECISION_MAX + 1, 2),
        (2500, 3),
    ] {
        let (state, n, _) = drive(&wide(n_tasks), &[]);
        assert_eq!(
            (state.status(), n),
            (RunStatus::Succeeded, n_decisions),
            "{n_tasks}"
        );
    }
}

#[test]
fn a_long_chain_of_light_tasks_needs_no_stack() {
    let (state, n_decisions, n_events) = drive(&chain(5000), &[]);
    assert_eq!(
        (state.status(), n_decisions, n_events),
        (RunStatus::Succeeded, 5, 5003)
    );
}

#[test]
fn a_decision_yields_after_a_mebibyte_of_output() {
    let tasks: String = (0..30)
        .map(|n| format!("  t{n}: {{ type: transform, with: {{ value: \"{{{{ 'x' * 60000 }}}}\" }} }}\n"))
        .collect();
    let (state, n_decisions, _) = drive(&format!("tasks:\n{tasks}"), &[]);
    assert_eq!((state.status(), n_decisions), (RunStatus::Succeeded, 2));
}

#[test]
fn undoing_thousands_yields_too() {
    let tasks: String = (0..1200)
        .map(|n| format!("  t{n}: {{ type: noop, undo: {{ type: noop }} }}\n"))
        .collect();
    let (state, n_decisions, _) = drive(&format!("tasks:\n  a: {{ type: fail }}\n{tasks}"), &[]);
    assert_eq!(
        (state.status(), n_decisions, state.counts().succeeded),
        (RunStatus::Failed, 3, 2400)
    );
}

#[test]
fn an_unfinished_decision_is_taken_up_after_a_restart() {
    let flow = chain(1500);
    let (plan, program) = compile(doc(&flow));
    let mut chance = || 5;
    let new = NewRun {
        id: RunId(1),
        version: 1,
        inputs: Payload::null(),
        vars: serde_json::Map::new(),
        labels: BTreeMap::new(),
        trigger: "api".into(),
        idempotency_key: None,
        parent: None,
        fork: None,
        permit: None,
        follows: None,
        priority: None,
    };
    let env = Env {
        now: Timestamp::default(),
        actor: "local".into(),
        entropy: &mut chance,
        blobs: &(),
    };
    let (_, decision) = create(&plan, &program, new, env);
    assert!(decision.unfinished);
    let mut state = RunState::replay(plan, &decision.events).expect("the log is whole");
    assert!(state.in_flight());
    let mut chance = || 6;
    let env = Env {
        now: Timestamp::default(),
        actor: "local".into(),
        entropy: &mut chance,
        blobs: &(),
    };
    let recover = Command::Recover {
        workers_gone: true,
        held: Vec::new(),
    };
    decide(&mut state, &program, recover, env).expect("it goes on");
    assert_eq!(state.status(), RunStatus::Succeeded);
}

#[test]
fn ten_thousand_tasks_are_cancelled_in_one_go() {
    let flow: String = (0..9_999).map(|n| format!("a -> t{n};")).collect();
    let (state, ..) = drive(
        &flow,
        &[Command::Cancel {
            force: false,
            reason: None,
        }],
    );
    assert_eq!(
        (state.counts().cancelled, state.status()),
        (9_999, RunStatus::Ending)
    );
}

#[test]
fn a_full_log_ends_the_run() {
    let mut world = World::start(
        doc("tasks: { a: { type: work }, b: { type: work, needs: [a] } }\nfinally: { c: { type: work } }"),
        json!({}),
    );
    world.state.data.last_seq = EVENTS_PER_RUN_MAX;
    let mut chance = || 5;
    let env = Env {
        now: world.clock,
        actor: "local".into(),
        entropy: &mut chance,
        blobs: &(),
    };
    let token = world.token("a").expect("it is out");
    let command = Command::AttemptStarted {
        token,
        worker: "w".into(),
    };
    let decision = decide(&mut world.state, &world.program, command, env).expect("the run ends");
    assert!(matches!(
        decision.events.last().map(|event| &event.kind),
        Some(EventKind::RunFinished { .. })
    ));
    assert_eq!(decision.effects.len(), 1, "the attempt is killed");
    let error = world.state.summary().error.expect("it failed");
    assert_eq!(error.kind, "too_many_events");
    assert!(matches!(world.state.task(0).state, TaskState::Cancelled { .. }));
    assert_eq!(world.command(Command::Wake), Err(Rejected::Finished));
}
