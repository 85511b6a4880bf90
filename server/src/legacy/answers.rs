//! Runs in the predecessors' words.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Engine;
use engine::EngineResult;
use flow::legacy::LegacyNames;
use flow::view::{RunDetail, RunStatus, TaskRunView, TaskStatus};
use flow::{Problem, RunId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What `GET /` says to programs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Info {
    /// `Pointwork`
    pub name: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// Where to read more.
    pub documentation: &'static str,
    /// What can be called.
    pub endpoints: BTreeMap<&'static str, &'static str>,
}

/// What became of `POST /flow/create`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    /// The id the document gave the flow.
    pub flow_id: String,
    /// Its name.
    pub name: String,
    /// How many tasks it has.
    pub tasks: usize,
    /// A sentence.
    pub message: String,
    /// What its author would want to know, such as tasks that can never be reached.
    pub warnings: Vec<Problem>,
}

/// An execution of a flow.
#[derive(Debug, Serialize, ToSchema)]
pub struct Execution {
    /// The run's id.
    pub execution_id: RunId,
    /// The id the document gave the flow.
    pub flow_id: String,
    /// Its name.
    pub flow_name: String,
    /// `PENDING`, `RUNNING`, `SUCCESS`, `FAILURE` or `CANCELLED`.
    pub status: &'static str,
    /// The task at work, if one is.
    pub current_task: Option<String>,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// How long it took, in seconds.
    pub duration: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its tasks by name, in the document's order.
    pub task_results: Vec<ExecutionTask>,
    /// What the document's author would want to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Problem>,
}

/// What became of a task.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionTask {
    /// The name the document gave it.
    pub task_name: String,
    /// `SUCCESS`, `FAILURE`, `SKIPPED`, `RUNNING` or `PENDING`.
    pub status: &'static str,
    /// A sentence.
    pub message: String,
    /// Why it failed.
    pub error: Option<String>,
    /// What it gave.
    #[schema(value_type = Object)]
    pub data: Option<Arc<Value>>,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// How long it took, in seconds.
    pub execution_time: Option<f64>,
    /// Attempts made.
    pub attempts: u32,
}

/// A stored flow.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowEntry {
    /// The id its document gave it.
    pub flow_id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How many tasks it has.
    pub task_count: u32,
    /// When it was saved.
    pub updated_at: Timestamp,
    /// Its newest run.
    pub last_execution_id: Option<RunId>,
    /// How that run is.
    pub last_status: Option<&'static str>,
}

/// Statistics over all runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowsSummary {
    /// Flows stored.
    pub total_flows: usize,
    /// Runs there ever were.
    pub total_executions: u64,
    /// Runs by state.
    pub by_status: BTreeMap<&'static str, u64>,
    /// Share of finished runs that succeeded, from 0 to 1; null before the first.
    pub success_rate: Option<f64>,
    /// Mean duration in seconds; null before the first.
    pub average_duration: Option<f64>,
    /// Shortest in seconds.
    pub min_duration: Option<f64>,
    /// Longest in seconds.
    pub max_duration: Option<f64>,
}

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
        // A task that was cancelled was not executed either.
        TaskStatus::Skipped | TaskStatus::Cancelled => "SKIPPED",
        TaskStatus::Running | TaskStatus::Waiting => "RUNNING",
        TaskStatus::Blocked | TaskStatus::Ready => "PENDING",
    }
}

/// A run as an execution, with the data of all its tasks.
pub(super) async fn execution(engine: &Engine, run: &RunDetail, warnings: Vec<Problem>) -> EngineResult<Execution> {
    let names = names_of(engine, run.summary.id).await?;
    let mut task_results = Vec::with_capacity(run.tasks.len());
    for task in run.tasks.iter().filter(|task| task.role == "main") {
        task_results.push(task_result(engine, run.summary.id, task, &names).await?);
    }
    let current = run.tasks.iter().find(|task| matches!(task.state, TaskStatus::Running | TaskStatus::Waiting | TaskStatus::Ready));
    let summary = &run.summary;
    Ok(Execution {
        execution_id: summary.id,
        flow_id: names.as_ref().map_or_else(|| summary.flow.clone(), |names| names.flow.clone()),
        flow_name: summary.flow_name.clone(),
        status: run_word(summary.state),
        current_task: current.map(|task| task_name(&names, &task.path)),
        start_time: summary.started_at,
        end_time: summary.finished_at,
        duration: seconds(summary.started_at, summary.finished_at),
        error: summary.error.as_ref().map(|error| error.message.clone()),
        task_results,
        warnings,
    })
}

/// One task of a run, with its data.
pub(super) async fn task_result(
    engine: &Engine,
    run: RunId,
    task: &TaskRunView,
    names: &Option<LegacyNames>,
) -> EngineResult<ExecutionTask> {
    let task_name = task_name(names, &task.path);
    let error = task.error.as_ref().map(|error| error.message.clone());
    let message = match task.state {
        TaskStatus::Succeeded => format!("Task {task_name} completed successfully"),
        TaskStatus::Failed => format!("Task {task_name} failed"),
        TaskStatus::Skipped | TaskStatus::Cancelled => format!("Task {task_name} was not executed"),
        TaskStatus::Running => format!("Task {task_name} is running"),
        TaskStatus::Waiting => format!("Task {task_name} waits for its next attempt"),
        TaskStatus::Blocked | TaskStatus::Ready => format!("Task {task_name} has not started"),
    };
    Ok(ExecutionTask {
        status: task_word(task.state),
        message,
        error,
        data: engine.task_output(run, &task.path).await?,
        start_time: task.started_at,
        end_time: task.finished_at.filter(|_| task.started_at.is_some()),
        execution_time: seconds(task.started_at, task.finished_at),
        attempts: task.attempt,
        task_name,
    })
}

/// The names the run's document gave; `None` if its flow was not translated.
pub(super) async fn names_of(engine: &Engine, run: RunId) -> EngineResult<Option<LegacyNames>> {
    Ok(LegacyNames::of(&engine.state(run).await?.plan().doc))
}

fn task_name(names: &Option<LegacyNames>, path: &str) -> String {
    names.as_ref().and_then(|names| names.name(path)).unwrap_or(path).to_owned()
}

fn seconds(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    Some(to?.since(from?).as_secs_f64())
}
