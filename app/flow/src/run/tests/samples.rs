//! One stored sample of each kind of event, which every later build must still read.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::run::{Event, EventKind};

const SAMPLES: &str = include_str!("../samples.jsonl");

/// The word of a kind. A new kind does not compile here until it is named, and fails below until it has a sample.
fn word(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::RunCreated { .. } => "run_created",
        EventKind::RunStarted {} => "run_started",
        EventKind::TaskSkipped { .. } => "task_skipped",
        EventKind::TaskScheduled { .. } => "task_scheduled",
        EventKind::AttemptStarted { .. } => "attempt_started",
        EventKind::TaskWaiting { .. } => "task_waiting",
        EventKind::AttemptFailed { .. } => "attempt_failed",
        EventKind::AttemptLost { .. } => "attempt_lost",
        EventKind::TaskSucceeded { .. } => "task_succeeded",
        EventKind::TaskFailed { .. } => "task_failed",
        EventKind::TaskCancelled { .. } => "task_cancelled",
        EventKind::RunCancelRequested { .. } => "run_cancel_requested",
        EventKind::RunPaused { .. } => "run_paused",
        EventKind::RunResumed {} => "run_resumed",
        EventKind::PermitReturned {} => "permit_returned",
        EventKind::TaskDue { .. } => "task_due",
        EventKind::ItemsListed { .. } => "items_listed",
        EventKind::LoopBegun { .. } => "loop_begun",
        EventKind::SignalReceived { .. } => "signal_received",
        EventKind::ChildRequested { .. } => "child_requested",
        EventKind::ChildStarted { .. } => "child_started",
        EventKind::TaskReused { .. } => "task_reused",
        EventKind::ChildReused { .. } => "child_reused",
        EventKind::RunEnding { .. } => "run_ending",
        EventKind::EndingStep { .. } => "ending_step",
        EventKind::RunFinished { .. } => "run_finished",
    }
}

const N_KINDS: usize = 26;

#[test]
fn stored_events_are_read_for_ever() {
    let mut seen = BTreeSet::new();
    for line in SAMPLES.lines() {
        let event: Event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let stored: Value = serde_json::from_str(line).expect("the line is JSON");
        assert_eq!(stored["type"], word(&event.kind), "{line}");
        assert_eq!(
            serde_json::to_value(&event).expect("events are JSON"),
            stored,
            "written as it was"
        );
        assert_eq!(
            serde_json::to_string(&event).expect("events are JSON"),
            line,
            "in the same order"
        );
        seen.insert(word(&event.kind));
    }
    assert_eq!(seen.len(), N_KINDS, "each kind has a sample: {seen:?}");
}

#[test]
fn fields_with_a_default_may_be_missing() {
    for line in SAMPLES.lines() {
        let full: Event = serde_json::from_str(line).expect("a sample");
        let mut stored: Value = serde_json::from_str(line).expect("the line is JSON");
        let fields = stored.as_object_mut().expect("events are objects");
        [
            "labels",
            "idempotency_key",
            "edges",
            "input",
            "attempt",
            "case",
            "exit_code",
            "output",
            "force",
            "reason",
            "error",
            "outputs",
            "items",
            "parent",
            "forked_from",
            "permit",
            "follows",
            "version",
            "until",
            "signal",
            "vars",
            "priority",
            "queue_key",
            "cache_key",
            "cached_from",
            "fork",
            "from",
        ]
        .iter()
        .filter(|field| is_optional(&full.kind, field))
        .for_each(|field| drop(fields.shift_remove(*field)));
        let sparse: Event =
            serde_json::from_value(stored.clone()).unwrap_or_else(|error| panic!("{stored}: {error}"));
        assert_eq!(
            serde_json::to_value(&sparse).expect("events are JSON"),
            stored,
            "what is not there is not written"
        );
    }
}

/// Whether a build may find this field missing in a stored event of this kind.
fn is_optional(kind: &EventKind, field: &str) -> bool {
    match kind {
        EventKind::RunCreated { .. } => {
            matches!(
                field,
                "labels"
                    | "vars"
                    | "idempotency_key"
                    | "parent"
                    | "forked_from"
                    | "permit"
                    | "follows"
                    | "priority"
            )
        }
        EventKind::TaskReused { .. } => matches!(field, "case" | "exit_code" | "given_by"),
        EventKind::ChildRequested { .. } => matches!(field, "version" | "until" | "fork"),
        EventKind::ChildReused { .. } => field == "from",
        EventKind::TaskScheduled { .. } => matches!(field, "input" | "queue_key" | "cache_key"),
        EventKind::TaskWaiting { .. } => matches!(field, "attempt" | "input" | "until" | "signal"),
        EventKind::TaskSucceeded { .. } => matches!(field, "case" | "exit_code" | "edges" | "cached_from"),
        EventKind::TaskFailed { .. } => matches!(field, "output" | "edges"),
        EventKind::TaskSkipped { .. } | EventKind::TaskCancelled { .. } => field == "edges",
        EventKind::RunCancelRequested { .. } => matches!(field, "force" | "reason"),
        EventKind::RunPaused { .. } => field == "reason",
        EventKind::ItemsListed { .. } => field == "items",
        EventKind::RunEnding { .. } | EventKind::RunFinished { .. } => matches!(field, "outputs" | "error"),
        _ => false,
    }
}
