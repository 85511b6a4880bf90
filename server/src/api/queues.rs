//! Queues: how they stand, and what holds for them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::{QueueLimits, QueueView};
use serde::Serialize;
use utoipa::ToSchema;

use super::json;
use crate::extract::{Json, NoParams, Path, Query};
use crate::problem::ApiResult;
use crate::state::ServerState;

/// How a queue stands.
#[derive(Serialize, ToSchema)]
pub(super) struct QueueBody {
    /// Its name.
    name: String,
    /// What holds for it: `max_running`, `rate` (such as `10/s`), `burst`, `per_key` (the same for each `queue_key`), `local` (whether
    /// this server makes its attempts where it has their type). What is not there is not limited.
    #[schema(value_type = Object)]
    limits: QueueLimits,
    /// Whether that was set by a call; else it is as configured.
    is_set: bool,
    /// Attempts that are made now, here and by workers elsewhere.
    n_running: u32,
    /// Attempts that wait.
    n_waiting: usize,
    /// Workers in other processes that asked for its work in the last minute and a half.
    workers: Vec<String>,
}

impl From<QueueView> for QueueBody {
    fn from(view: QueueView) -> Self {
        Self {
            name: view.name,
            limits: view.limits,
            is_set: view.is_set,
            n_running: view.n_running,
            n_waiting: view.n_waiting,
            workers: view.workers,
        }
    }
}

/// All queues.
#[derive(Serialize, ToSchema)]
pub(super) struct Queues {
    /// By name.
    items: Vec<QueueBody>,
}

/// List the queues
///
/// Those that are configured or set, and those that tasks have waited in or workers asked for since the start.
#[utoipa::path(get, path = "/queues", tag = "queues", responses((status = 200, description = "All queues of which something is known.", body = Queues)))]
pub(super) async fn list(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let queues = state.engine.queues().await?;
    let items = queues.into_iter().map(QueueBody::from).collect();
    Ok(json(&Queues { items }))
}

/// Read a queue
#[utoipa::path(get, path = "/queues/{queue}", tag = "queues", params(("queue" = String, Path, description = "The queue.")), responses((status = 200, description = "How it stands; one that nobody has heard of has no limits.", body = QueueBody)))]
pub(super) async fn read(
    State(state): State<ServerState>,
    Path(queue): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    Ok(json(&QueueBody::from(state.engine.queue(&queue).await?)))
}

/// Set what holds for a queue
///
/// All of it, at once, until it is set again or reset: also after a restart, and whatever the configuration says. What runs goes on.
#[utoipa::path(put, path = "/queues/{queue}", tag = "queues", params(("queue" = String, Path, description = "The queue.")), request_body = Object, responses((status = 200, description = "How it stands.", body = QueueBody), (status = 422, description = "What is wrong with it.", body = crate::problem::ProblemDetails)))]
pub(super) async fn set(
    State(state): State<ServerState>,
    Path(queue): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    Json(limits): Json<QueueLimits>,
) -> ApiResult<Response> {
    state.engine.set_queue(&queue, limits).await?;
    Ok(json(&QueueBody::from(state.engine.queue(&queue).await?)))
}

/// Reset a queue
///
/// What the configuration says holds again.
#[utoipa::path(delete, path = "/queues/{queue}", tag = "queues", params(("queue" = String, Path, description = "The queue.")), responses((status = 204, description = "It is as configured.")))]
pub(super) async fn reset(
    State(state): State<ServerState>,
    Path(queue): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<StatusCode> {
    state.engine.reset_queue(&queue).await?;
    Ok(StatusCode::NO_CONTENT)
}
