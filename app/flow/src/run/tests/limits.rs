//! What is bounded: the work of one decision, the stack, the log.

use serde_json::json;

use super::script::doc;
use super::world::World;
use crate::limits::{EVENTS_PER_RUN_MAX, LIGHT_TASKS_PER_DECISION_MAX};
use crate::run::state::TaskState;
use crate::run::{Command, Env, EventKind, Rejected, create, decide};
use crate::view::RunStatus;

fn wide(n_tasks: usize) -> String {
    (0..n_tasks).map(|n| format!("t{n}:noop;")).collect()
}

fn chain(n_tasks: usize) -> String {
    (1..n_tasks).map(|n| format!("t{}:noop -> t{n}:noop;", n - 1)).collect()
}

#[test]
fn a_decision_yields_after_a_thousand_light_tasks() {
    for (n_tasks, n_continued) in [(LIGHT_TASKS_PER_DECISION_MAX, 0), (LIGHT_TASKS_PER_DECISION_MAX + 1, 1), (2500, 2)] {
        let world = World::start(doc(&wide(n_tasks)), json!({}));
        assert_eq!((world.state.status(), world.n_continued), (RunStatus::Succeeded, n_continued), "{n_tasks}");
    }
}

#[test]
fn a_long_chain_of_light_tasks_needs_no_stack() {
    let world = World::start(doc(&chain(5000)), json!({}));
    assert_eq!((world.state.status(), world.n_continued, world.log.len()), (RunStatus::Succeeded, 4, 5003));
}

#[test]
fn a_decision_yields_after_a_mebibyte_of_output() {
    let tasks: String = (0..30).map(|n| format!("  t{n}: {{ type: transform, with: {{ value: \"{{{{ 'x' * 60000 }}}}\" }} }}\n")).collect();
    let world = World::start(doc(&format!("tasks:\n{tasks}")), json!({}));
    assert_eq!((world.state.status(), world.n_continued), (RunStatus::Succeeded, 1));
}

#[test]
fn undoing_thousands_yields_too() {
    let tasks: String = (0..1200).map(|n| format!("  t{n}: {{ type: noop, undo: {{ type: noop }} }}\n")).collect();
    let world = World::start(doc(&format!("tasks:\n  a: {{ type: fail }}\n{tasks}")), json!({}));
    assert_eq!((world.state.status(), world.n_continued, world.state.counts().succeeded), (RunStatus::Failed, 2, 2400));
}

#[test]
fn an_unfinished_decision_is_taken_up_after_a_restart() {
    let mut world = World::start(doc("a"), json!({}));
    let (plan, program) = super::world::compile(doc(&chain(1500)));
    let mut chance = || 5;
    let new = crate::run::NewRun {
        id: world.state.id(),
        version: 1,
        inputs: crate::Payload::null(),
        labels: Default::default(),
        trigger: "api".into(),
        idempotency_key: None,
    };
    let env = Env { now: world.clock, actor: "local".into(), entropy: &mut chance, blobs: &() };
    let (state, decision) = create(&plan, &program, new, env);
    assert!(decision.unfinished && state.in_flight());
    (world.log, world.state, world.plan, world.program) = (decision.events, state, plan, program);
    let mut chance = || 6;
    let env = Env { now: world.clock, actor: "local".into(), entropy: &mut chance, blobs: &() };
    decide(&mut world.state, &world.program, Command::Recover { workers_gone: true }, env).expect("it goes on");
    assert_eq!(world.state.status(), RunStatus::Succeeded);
}

#[test]
fn a_full_log_ends_the_run() {
    let mut world = World::start(doc("tasks: { a: { type: work }, b: { type: work, needs: [a] } }\nfinally: { c: { type: work } }"), json!({}));
    world.state.data.last_seq = EVENTS_PER_RUN_MAX;
    let mut chance = || 5;
    let env = Env { now: world.clock, actor: "local".into(), entropy: &mut chance, blobs: &() };
    let token = world.token("a").expect("it is out");
    let command = Command::AttemptStarted { token, worker: "w".into() };
    let decision = decide(&mut world.state, &world.program, command, env).expect("the run ends");
    assert!(matches!(decision.events.last().map(|event| &event.kind), Some(EventKind::RunFinished { .. })));
    assert_eq!(decision.effects.len(), 1, "the attempt is killed");
    let error = world.state.summary().error.expect("it failed");
    assert_eq!(error.kind, "too_many_events");
    assert!(matches!(world.state.task(0).state, TaskState::Cancelled { .. }));
    assert_eq!(world.command(Command::Wake), Err(Rejected::Finished));
}

#[test]
fn ten_thousand_tasks_are_cancelled_in_one_go() {
    let flow: String = (0..9_999).map(|n| format!("a -> t{n};")).collect();
    let mut world = World::start(doc(&flow), json!({}));
    world.command(Command::Cancel { force: false, reason: None }).expect("it is running");
    assert_eq!(world.state.counts().cancelled, 9_999);
}
