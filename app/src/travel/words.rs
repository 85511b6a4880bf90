//! An event in words, for the line under the graph.

use flow::Plan;
use flow::run::{Event, EventKind};

/// What happened, short: `import[17] failed`, with the name of the task if the plan says names.
#[must_use]
pub fn words(event: &Event, plan: &Plan) -> String {
    let task = event.kind.task().map(|task| plan.called(task));
    let task = task.as_deref().unwrap_or_default();
    let what = match &event.kind {
        EventKind::RunCreated { .. } => "the run was accepted",
        EventKind::RunStarted {} => "the run began",
        EventKind::TaskSkipped { .. } => "was skipped",
        EventKind::ItemsListed { n, .. } => return format!("{task} has {n} items"),
        EventKind::LoopBegun { .. } => "began to loop",
        EventKind::TaskScheduled { attempt: 1, .. } => "is ready",
        EventKind::TaskScheduled { attempt, .. } => {
            return format!("{task} is ready for attempt {attempt}");
        }
        EventKind::AttemptStarted { attempt: 1, .. } => "began",
        EventKind::AttemptStarted { attempt, .. } => return format!("{task} began attempt {attempt}"),
        EventKind::TaskWaiting { .. } => "waits",
        EventKind::SignalReceived { name, .. } => return format!("the signal {name} came"),
        EventKind::ChildRequested { flow, .. } => return format!("{task} asked for a run of {flow}"),
        EventKind::ChildStarted { .. } => "has its run",
        EventKind::TaskReused {
            given_by: Some(_), ..
        } => "is marked as succeeded",
        EventKind::TaskReused { .. } => "has a result to take over",
        EventKind::ChildReused { .. } => "has a run to take over",
        EventKind::AttemptFailed { attempt, .. } => return format!("{task} failed attempt {attempt}"),
        EventKind::AttemptLost { attempt, .. } => return format!("{task} lost attempt {attempt}"),
        EventKind::TaskSucceeded { .. } => "succeeded",
        EventKind::TaskFailed { .. } => "failed",
        EventKind::TaskCancelled { .. } => "was cancelled",
        EventKind::RunCancelRequested { .. } => "somebody cancelled the run",
        EventKind::RunPaused { .. } => "the run was paused",
        EventKind::RunResumed {} => "the run was resumed",
        EventKind::PermitReturned {} => "another run was let go first",
        EventKind::TaskDue { .. } => "is due",
        EventKind::RunEnding { .. } => "the run is ending",
        EventKind::EndingStep { .. } => "the ending went on",
        EventKind::RunFinished { .. } => "the run ended",
    };
    match task {
        "" => what.to_owned(),
        task => format!("{task} {what}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::testing::events;

    #[test]
    fn an_event_is_told_by_the_name_of_its_task() {
        let document = json!({"flow": "f", "tasks": {
            "load": {"name": "Load rows", "type": "noop"},
            "each": {"name": "Send", "type": "noop", "for_each": {"items": [1]}},
            "bare": {"type": "noop"}
        }});
        let document = Arc::new(serde_json::from_value(document).expect("a flow document"));
        let plan = Plan::new(Arc::clone(&document));
        let named = Plan::new(document).saying_names();
        let lines =
            "1 task_scheduled load\n2 attempt_failed load\n3 task_scheduled each[0]\n4 task_succeeded bare";
        let say = |plan: &Plan| {
            let told: Vec<String> = events(lines).iter().map(|event| words(event, plan)).collect();
            told.join("; ")
        };
        assert_eq!(
            say(&plan),
            "the run was accepted; the run began; load is ready; load failed attempt 1; each[0] is ready; bare succeeded"
        );
        assert_eq!(
            say(&named),
            "the run was accepted; the run began; “Load rows” is ready; “Load rows” failed attempt 1; Send[0] is ready; bare succeeded"
        );
    }
}
