//! What is fed with random bytes: each of these takes any and must not panic. `fuzz/` finds bytes that get far, and those it has found are
//! tried by an ordinary test. Only there with the feature `testing`.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use crate::doc::FlowDoc;
use crate::expr::{Program, RunFacts, Scope, TaskFacts};
use crate::ids::RunId;
use crate::parse::{self, Format};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::problem::Severity;
use crate::run::{Env, Event, EventKind, NewRun, RunState, create};
use crate::simulate::Seeded;
use crate::time::Timestamp;
use crate::validate::{TypeCatalog, check};

/// Types whose arguments may be anything.
struct AnyArguments;

const TYPES: [&str; 12] = [
    "work",
    "noop",
    "log",
    "fail",
    "transform",
    "switch",
    "delay",
    "wait",
    "signal",
    "approval",
    "subflow",
    "shell",
];

static ANYTHING: Value = Value::Bool(true);

impl TypeCatalog for AnyArguments {
    fn input_schema(&self, task_type: &str) -> Option<&Value> {
        TYPES.contains(&task_type).then_some(&ANYTHING)
    }

    fn known(&self) -> Vec<&str> {
        TYPES.to_vec()
    }
}

/// A text as a flow document: what is found valid can be written, read again as the same, and run.
///
/// # Panics
/// If it is not so.
pub fn document(bytes: &[u8]) {
    for format in [Format::Yaml, Format::Json] {
        let checked = check(bytes, format, &AnyArguments);
        for problem in &checked.problems {
            assert!(!problem.message.is_empty(), "a problem says what is wrong");
        }
        let Some(doc) = checked.doc else {
            assert!(!checked.problems.is_empty(), "who refuses says why");
            continue;
        };
        let text = parse::to_yaml(&doc);
        match parse::parse(text.as_bytes(), Format::Yaml) {
            Ok(again) => assert_eq!(again.doc, doc, "written and read it is the same: {text}"),
            Err(problems) => panic!("what was written cannot be read: {problems:?}\n{text}"),
        }
        begin(doc);
    }
}

/// A run of a valid document begins.
fn begin(doc: FlowDoc) {
    let (program, problems) = Program::compile(&doc);
    let is_wrong = problems.iter().any(|problem| problem.severity == Severity::Error);
    assert!(!is_wrong, "a valid document compiles: {problems:?}");
    let inputs = crate::inputs::resolve(&doc, Value::Null).unwrap_or(Value::Null);
    let plan = Arc::new(Plan::new(Arc::new(doc)));
    let mut chance = 0_u128;
    let mut entropy = || {
        chance += 1;
        chance
    };
    let env = Env {
        now: Timestamp::default(),
        actor: "fuzz".into(),
        entropy: &mut entropy,
        blobs: &(),
    };
    let (state, decision) = create(&plan, &program, new_run(inputs), env);
    if decision.needs_blobs.is_empty() && decision.blobs.is_empty() {
        let again = RunState::replay(plan, &decision.events);
        assert!(
            again.as_ref() == Ok(&state),
            "a log folds to the state that made it"
        );
    }
}

fn new_run(inputs: Value) -> NewRun {
    NewRun {
        id: RunId(7),
        version: 1,
        inputs: Payload::keep(inputs).0,
        vars: Map::new(),
        permit: None,
        follows: None,
        labels: [].into(),
        trigger: "fuzz".into(),
        idempotency_key: None,
        parent: None,
        fork: None,
        priority: None,
    }
}

/// A text with expressions in it, checked and rendered.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let document = json!({
        "flow": "f",
        "inputs": { "day": {}, "rows": {}, "text": {} },
        "tasks": {
            "a": { "type": "noop" },
            "t": { "type": "noop", "needs": ["a"], "with": { "it": text } },
        }
    });
    let Ok(doc) = serde_json::from_value::<FlowDoc>(document) else {
        return;
    };
    let (program, problems) = Program::compile(&doc);
    let is_wrong = problems.iter().any(|problem| problem.severity == Severity::Error);
    let Some(task) = program.task("t").filter(|_| !is_wrong) else {
        return;
    };
    let inputs = json!({ "day": "2026-01-31", "rows": [3, 1, 2, {"id": 7}], "text": "a<b & \"c\"" });
    let mut scope = Scope::new(Arc::new(inputs), RunFacts::default());
    let facts = TaskFacts {
        output: Some(Arc::new(
            json!({ "status": 200, "body": [{ "id": 7, "name": "Ada" }] }),
        )),
        state: "succeeded",
        attempts: 2,
        ..TaskFacts::default()
    };
    scope.task("a", facts);
    if let Err(error) = task.with.render(&program, &scope) {
        assert!(!error.to_string().is_empty(), "an error says what is wrong");
    }
}

/// Where events that nobody decided are applied.
static PLAN: LazyLock<Option<Arc<Plan>>> = LazyLock::new(|| {
    let document = json!({
        "flow": "f",
        "inputs": { "day": {} },
        "tasks": {
            "a": { "type": "work", "undo": { "type": "work" }, "retry": { "max_attempts": 3 } },
            "b": { "type": "switch", "needs": ["a"], "with": { "cases": { "big": "{{ inputs.day }}" } } },
            "c": { "type": "work", "needs": [{ "task": "b", "on": "big" }], "for_each": { "items": [1, 2, 3] } },
            "d": { "type": "work", "needs": ["a"], "loop": { "until": "{{ iteration >= 2 }}" } },
            "e": { "type": "subflow", "needs": ["a"], "with": { "flow": "other" } },
            "g": { "type": "signal", "with": { "name": "one" } },
        },
        "finally": { "f": { "type": "work" } },
        "on_failure": { "o": { "type": "work" } },
    });
    let doc = serde_json::from_value(document).ok()?;
    Some(Arc::new(Plan::new(Arc::new(doc))))
});

/// Lines of JSON as the events of a log that was damaged, or never decided by anybody: they add up to something that can be shown.
pub fn events(bytes: &[u8]) {
    let Some(plan) = &*PLAN else { return };
    let created = EventKind::RunCreated {
        run: RunId(7),
        flow: "f".into(),
        version: 1,
        inputs: Payload::null(),
        vars: Map::new(),
        permit: None,
        follows: None,
        labels: [].into(),
        trigger: "fuzz".into(),
        idempotency_key: None,
        parent: None,
        forked_from: None,
        priority: 0,
    };
    let event = |seq: u64, kind: EventKind| Event {
        seq,
        at: Timestamp::from_millis(seq as i64),
        actor: "fuzz".into(),
        kind,
    };
    let Ok(mut state) = RunState::begin(Arc::clone(plan), &event(1, created)) else {
        return;
    };
    let lines = bytes.split(|byte| *byte == b'\n').take(64);
    for kind in lines.filter_map(|line| serde_json::from_slice::<EventKind>(line).ok()) {
        state.apply(&event(state.last_seq() + 1, kind));
    }
    drop((
        state.summary(),
        state.detail(100),
        state.wake_at(),
        state.explain(),
    ));
    let json = serde_json::to_vec(&state.snapshot());
    assert!(json.is_ok(), "a state can be written: {:?}", json.err());
}

/// Feeds a target with all that lies in its folder, whole and cut off, and with some that is made of it.
///
/// # Panics
/// If the target does, or there is nothing to feed.
pub fn corpus(target: &str, feed: fn(&[u8]), n_made: usize) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
    let mut corpus = Vec::new();
    for entry in std::fs::read_dir(format!("{folder}/{target}")).expect("it has a corpus") {
        let path = entry.expect("it can be listed").path();
        let bytes = std::fs::read(&path).expect("it can be read");
        feed(&bytes);
        // What is cut off in the middle is no worse.
        let step = 300_usize.div_ceil(n_made);
        (0..bytes.len().min(512))
            .step_by(step)
            .for_each(|end| feed(&bytes[..end]));
        corpus.push(bytes);
    }
    assert!(!corpus.is_empty(), "there is something to feed");
    let n = std::env::var("FUZZ_INPUTS").ok().and_then(|n| n.parse().ok());
    let mut chance = Seeded::new(7);
    for _ in 0..n.unwrap_or(n_made) {
        feed(&mutated(&corpus, &mut chance));
    }
}

/// One input with a few pieces of others, or of itself, put in or over, and some bytes changed or gone.
fn mutated(corpus: &[Vec<u8>], chance: &mut Seeded) -> Vec<u8> {
    let mut bytes = corpus[chance.below(corpus.len())].clone();
    for _ in 0..1 + chance.below(4) {
        let other = &corpus[chance.below(corpus.len())];
        let from = chance.below(other.len());
        let piece = &other[from..(from + chance.below(40)).min(other.len())];
        let at = chance.below(bytes.len());
        let end = (at + chance.below(12)).min(bytes.len());
        match chance.below(4) {
            0 => drop(bytes.splice(at..at, piece.iter().copied())),
            1 => drop(bytes.splice(at..end, piece.iter().copied())),
            2 => drop(bytes.drain(at..end)),
            _ if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            _ => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_the_corpus() {
        corpus("document", document, 300);
    }

    #[test]
    fn expressions_of_the_corpus() {
        corpus("expression", expression, 300);
    }

    #[test]
    fn events_of_the_corpus() {
        corpus("events", events, 300);
    }
}
