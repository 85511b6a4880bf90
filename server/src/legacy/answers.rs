//! What the predecessors' calls answer with.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::{Problem, RunId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What became of `POST /flow/create`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Created {
    /// The id the document gave the flow.
    pub(super) flow_id: String,
    /// Its name.
    pub(super) name: String,
    /// `CREATED`
    pub(super) status: &'static str,
    /// How many tasks it has.
    pub(super) task_count: usize,
    /// The version it is stored as; the same document again makes no new one.
    pub(super) version: u32,
    /// A sentence.
    pub(super) message: String,
    /// What its author would want to know, such as tasks that can never be reached.
    pub(super) warnings: Vec<Problem>,
}

/// What became of `POST /flow/execute`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Started {
    /// The run's id.
    pub(super) execution_id: RunId,
    /// The id the document gave the flow.
    pub(super) flow_id: String,
    /// As of a moment ago: see `status_url`.
    pub(super) status: &'static str,
    /// A sentence.
    pub(super) message: String,
    /// Where to ask how it is.
    pub(super) status_url: String,
    /// What the document's author would want to know.
    pub(super) warnings: Vec<Problem>,
}

/// An execution of a flow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Execution {
    /// The run's id.
    pub(super) execution_id: RunId,
    /// The id the document gave the flow.
    pub(super) flow_id: String,
    /// Its name.
    pub(super) flow_name: String,
    /// `PENDING`, `RUNNING`, `SUCCESS`, `FAILURE` or `CANCELLED`.
    pub(super) status: &'static str,
    /// The task at work, if one is.
    pub(super) current_task: Option<String>,
    /// When it began.
    pub(super) start_time: Option<Timestamp>,
    /// When it ended.
    pub(super) end_time: Option<Timestamp>,
    /// How long it took, in seconds.
    pub(super) duration: Option<f64>,
    /// Why it failed.
    pub(super) error: Option<String>,
    /// Its tasks, in the document's order.
    pub(super) task_results: Vec<TaskResult>,
    /// What the document's author would want to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<Problem>,
}

/// What became of a task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskResult {
    /// The name the document gave it.
    pub(super) task_name: String,
    /// `SUCCESS`, `FAILURE`, `SKIPPED`, `RUNNING` or `PENDING`.
    pub(super) status: &'static str,
    /// A sentence.
    pub(super) message: String,
    /// Why it failed.
    pub(super) error: Option<String>,
    /// What it gave.
    #[schema(value_type = Object)]
    pub(super) data: Option<Arc<Value>>,
    /// When it began.
    pub(super) start_time: Option<Timestamp>,
    /// When it ended.
    pub(super) end_time: Option<Timestamp>,
    /// How long it took, in seconds.
    pub(super) execution_time: Option<f64>,
    /// Attempts made.
    pub(super) attempts: u32,
}

/// A stored flow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowEntry {
    /// The id its document gave it.
    pub(super) flow_id: String,
    /// Its name.
    pub(super) name: String,
    /// What it is for.
    pub(super) description: Option<String>,
    /// How many tasks it has.
    pub(super) task_count: u32,
    /// When it was saved.
    pub(super) updated_at: Timestamp,
    /// Its newest run.
    pub(super) last_execution_id: Option<RunId>,
    /// How that run is.
    pub(super) last_status: Option<&'static str>,
}

/// Statistics over all runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowsSummary {
    /// Flows stored.
    pub(super) total_flows: u64,
    /// Runs there ever were.
    pub(super) total_executions: u64,
    /// Runs by state.
    pub(super) by_status: BTreeMap<&'static str, u64>,
    /// Share of finished runs that succeeded, from 0 to 1; null before the first.
    pub(super) success_rate: Option<f64>,
    /// Mean duration in seconds; null before the first.
    pub(super) average_duration: Option<f64>,
    /// Shortest in seconds.
    pub(super) min_duration: Option<f64>,
    /// Longest in seconds.
    pub(super) max_duration: Option<f64>,
}
