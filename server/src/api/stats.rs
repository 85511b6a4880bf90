//! Counts for the dashboard, and what palette and forms are drawn from.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use engine::Engine;
use flow::view::TaskTypeView;
use flow::view::board::{PointView, Window, WindowView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::json;
use crate::extract::{NoParams, Query};
use crate::problem::ApiResult;
use crate::state::ServerState;

/// Counts of runs and workers. They are kept as runs move, never counted.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct StatsView {
    /// Runs by state.
    runs: BTreeMap<String, u64>,
    /// How long finished runs took.
    durations: Durations,
    /// Who does the work.
    workers: Workers,
}

/// How long finished runs took, of those that are kept.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct Durations {
    /// How many runs they are of.
    n_runs: u64,
    /// The mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_ms: Option<u64>,
    /// What half of the succeeded runs did not exceed; at most 3.2 per cent off.
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<u64>,
    /// What 95 of a hundred succeeded runs did not exceed; as exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_ms: Option<u64>,
    /// The shortest there ever was.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_ms: Option<u64>,
    /// The longest there ever was.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ms: Option<u64>,
}

/// Who does the work.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct Workers {
    /// How many attempts may be made at once.
    max: usize,
    /// How many are made now.
    running: usize,
    /// How many wait for a worker.
    queued: usize,
}

impl StatsView {
    /// The counts of now, of one flow or of all.
    pub(crate) async fn of(engine: &Engine, flow: Option<&str>) -> ApiResult<Self> {
        let stats = engine.stats(flow).await?;
        let load = engine.load_now();
        Ok(Self {
            durations: Durations {
                n_runs: stats.n_finished,
                mean_ms: stats.duration_ms_sum.checked_div(stats.n_finished),
                p50_ms: stats.duration_ms_p50,
                p95_ms: stats.duration_ms_p95,
                min_ms: stats.duration_ms_min,
                max_ms: stats.duration_ms_max,
            },
            runs: stats.runs,
            workers: Workers {
                max: load.workers,
                running: load.running,
                queued: load.queued,
            },
        })
    }
}

/// Of what.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StatsParams {
    /// Of this flow only.
    flow: Option<String>,
    /// Also of this window, and of as much time before it: `1h`, `24h`, `7d` or `30d`.
    #[param(value_type = Option<String>)]
    window: Option<Window>,
}

/// Counts, and what was asked for of a window.
#[derive(Serialize, ToSchema)]
pub(super) struct StatsAnswer {
    #[serde(flatten)]
    now: StatsView,
    /// Statistics of the window. They are kept by the minute in which a run was created, never counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowView>,
}

/// Read counts
#[utoipa::path(get, path = "/stats", tag = "system", params(StatsParams), responses((status = 200, description = "Counts of now.", body = StatsAnswer)))]
pub(super) async fn stats(
    State(state): State<ServerState>,
    Query(params): Query<StatsParams>,
) -> ApiResult<Response> {
    if let Some(flow) = &params.flow {
        state.engine.flow_versions(flow).await?;
    }
    let flow = params.flow.as_deref();
    let window = match params.window {
        Some(window) => Some(state.engine.window(flow, window).await?),
        None => None,
    };
    Ok(json(&StatsAnswer {
        now: StatsView::of(&state.engine, flow).await?,
        window,
    }))
}

/// Of what.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DaysParams {
    /// Of this flow only.
    flow: Option<String>,
}

/// Runs by day.
#[derive(Serialize, ToSchema)]
pub(super) struct Days {
    /// A day (UTC) each, from a Monday to today.
    items: Vec<PointView>,
}

/// Read counts of runs by day
///
/// Of this week and the seven before it, by the day (UTC) on which runs were created.
#[utoipa::path(get, path = "/stats/days", tag = "system", params(DaysParams), responses((status = 200, description = "Counts by day.", body = Days)))]
pub(super) async fn days(
    State(state): State<ServerState>,
    Query(params): Query<DaysParams>,
) -> ApiResult<Response> {
    if let Some(flow) = &params.flow {
        state.engine.flow_versions(flow).await?;
    }
    let items = state.engine.days(params.flow.as_deref()).await?;
    Ok(json(&Days { items }))
}

/// The task types there are.
#[derive(Serialize, ToSchema)]
pub(super) struct TaskTypes {
    /// By key.
    items: Vec<TaskTypeView>,
}

/// List the task types
///
/// With JSON Schemas of their arguments and outputs.
#[utoipa::path(get, path = "/task-types", tag = "system", responses((status = 200, description = "All task types, by key.", body = TaskTypes)))]
pub(super) async fn task_types(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    Ok(json(&TaskTypes {
        items: state.engine.task_types(),
    }))
}
