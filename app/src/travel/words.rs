//! An event in words, for the line under the graph.

use flow::run::{Event, EventKind};

/// What happened, short: `import[17] failed`.
#[must_use]
pub fn words(event: &Event) -> String {
    let what = match &event.kind {
        EventKind::RunCreated { .. } => "the run was accepted",
        EventKind::RunStarted {} => "the run began",
        EventKind::TaskSkipped { .. } => "was skipped",
        EventKind::ItemsListed { n, task, .. } => return format!("{task} has {n} items"),
        EventKind::LoopBegun { .. } => "began to loop",
        EventKind::TaskScheduled { attempt: 1, .. } => "is ready",
        EventKind::TaskScheduled { task, attempt, .. } => {
            return format!("{task} is ready for attempt {attempt}");
        }
        EventKind::AttemptStarted { attempt: 1, .. } => "began",
        EventKind::AttemptStarted { task, attempt, .. } => return format!("{task} began attempt {attempt}"),
        EventKind::TaskWaiting { .. } => "waits",
        EventKind::SignalReceived { name, .. } => return format!("the signal {name} came"),
        EventKind::ChildRequested { task, flow, .. } => return format!("{task} asked for a run of {flow}"),
        EventKind::ChildStarted { .. } => "has its run",
        EventKind::TaskReused { .. } => "has a result to take over",
        EventKind::ChildReused { .. } => "has a run to take over",
        EventKind::AttemptFailed { task, attempt, .. } => return format!("{task} failed attempt {attempt}"),
        EventKind::AttemptLost { task, attempt, .. } => return format!("{task} lost attempt {attempt}"),
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
    match event.kind.task() {
        Some(task) => format!("{task} {what}"),
        None => what.to_owned(),
    }
}
