//! Runs in the predecessors' words.

use engine::{Engine, EngineError, EngineResult};
use flow::legacy::LegacyNames;
use flow::plan::Role;
use flow::run::RunState;
use flow::view::{RunStatus, TaskStatus};
use flow::{Problem, RunId, TaskIx, Timestamp};

use super::answers::{Execution, TaskResult};

/// The predecessors' word for a run's state.
pub(super) const fn run_word(state: RunStatus) -> &'static str {
    match state {
        RunStatus::Queued => "PENDING",
        RunStatus::Running | RunStatus::Paused | RunStatus::Ending => "RUNNING",
        RunStatus::Succeeded => "SUCCESS",
        RunStatus::Failed => "FAILURE",
        RunStatus::Cancelled => "CANCELLED",
    }
}

const fn task_word(state: TaskStatus) -> &'static str {
    match state {
        TaskStatus::Succeeded => "SUCCESS",
        TaskStatus::Failed => "FAILURE",
        // A task that was cancelled was not executed to its end either, and they have no other word.
        TaskStatus::Skipped | TaskStatus::Cancelled => "SKIPPED",
        TaskStatus::Running | TaskStatus::Waiting => "RUNNING",
        TaskStatus::Blocked | TaskStatus::Ready => "PENDING",
    }
}

/// A run as an execution, with what all its tasks gave.
pub(super) async fn execution(
    engine: &Engine,
    run: RunId,
    warnings: Vec<Problem>,
) -> EngineResult<Execution> {
    let state = engine.state(run).await?;
    let names = LegacyNames::of(&state.plan().doc);
    let mut task_results = Vec::new();
    let mut current_task = None;
    for ix in state.plan().of_role(Role::Main) {
        let result = result(engine, &state, ix, names.as_ref()).await?;
        let at_work = matches!(
            state.task(ix).state.status(),
            TaskStatus::Ready | TaskStatus::Running | TaskStatus::Waiting
        );
        if at_work && current_task.is_none() {
            current_task = Some(result.task_name.clone());
        }
        task_results.push(result);
    }
    let summary = state.summary();
    Ok(Execution {
        execution_id: run,
        flow_id: names.map_or(summary.flow, |names| names.flow),
        flow_name: summary.flow_name,
        status: run_word(summary.state),
        current_task,
        start_time: summary.started_at,
        end_time: summary.finished_at,
        duration: seconds(summary.started_at, summary.finished_at),
        error: summary.error.map(|error| error.message),
        task_results,
        warnings,
    })
}

/// One task of a run, by the name its document gave it, or by ours.
pub(super) async fn task_result(engine: &Engine, run: RunId, name: &str) -> EngineResult<TaskResult> {
    let state = engine.state(run).await?;
    let names = LegacyNames::of(&state.plan().doc);
    let path = names.as_ref().and_then(|names| names.id(name)).unwrap_or(name);
    let ix = state.plan().find(path).ok_or_else(|| EngineError::UnknownTask {
        run,
        task: name.to_owned(),
    })?;
    result(engine, &state, ix, names.as_ref()).await
}

async fn result(
    engine: &Engine,
    state: &RunState,
    ix: TaskIx,
    names: Option<&LegacyNames>,
) -> EngineResult<TaskResult> {
    let task = state.task_view(ix);
    let task_name = names
        .and_then(|names| names.name(&task.path))
        .unwrap_or(&task.path)
        .to_owned();
    let error = task
        .error
        .filter(|_| task.state != TaskStatus::Succeeded)
        .map(|error| error.message);
    let message = match task.state {
        TaskStatus::Succeeded => format!("Task {task_name} completed successfully"),
        TaskStatus::Failed => format!("Task {task_name} failed"),
        TaskStatus::Skipped => format!("Task {task_name} was not executed"),
        TaskStatus::Cancelled => format!("Task {task_name} was cancelled"),
        TaskStatus::Running => format!("Task {task_name} is running"),
        TaskStatus::Waiting => format!("Task {task_name} waits for its next attempt"),
        TaskStatus::Blocked | TaskStatus::Ready => format!("Task {task_name} has not started"),
    };
    // Only large values have to be read, so that a status costs one look at the log and not one for each task.
    let data = match state.output(ix) {
        None => None,
        Some(output) => match output.inline() {
            Some(value) => Some(value.clone()),
            None => engine.task_output(state.id(), &task.path).await?,
        },
    };
    Ok(TaskResult {
        task_name,
        status: task_word(task.state),
        message,
        error,
        data,
        start_time: task.started_at,
        end_time: task.finished_at.filter(|_| task.started_at.is_some()),
        execution_time: seconds(task.started_at, task.finished_at),
        attempts: task.attempt,
    })
}

fn seconds(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    Some(to?.since(from?).as_secs_f64())
}
