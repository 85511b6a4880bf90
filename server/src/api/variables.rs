//! Variables: plain values that many flows share.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::store::VariableRow;
use flow::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::info;
use utoipa::ToSchema;

use super::json;
use crate::extract::{Json, NoParams, Path, Query};
use crate::problem::ApiResult;
use crate::state::ServerState;

/// A variable.
#[derive(Serialize, ToSchema)]
pub(super) struct VariableView {
    name: String,
    value: Value,
    /// When it was set.
    #[schema(value_type = String)]
    updated_at: Timestamp,
    /// Who set it.
    updated_by: String,
    /// The flows whose newest version refers to it.
    used_by: Vec<String>,
}

impl From<VariableRow> for VariableView {
    fn from(row: VariableRow) -> Self {
        Self {
            name: row.name,
            value: row.value,
            updated_at: row.updated_at,
            updated_by: row.actor,
            used_by: row.used_by,
        }
    }
}

/// All variables.
#[derive(Serialize, ToSchema)]
pub(super) struct Variables {
    /// By name.
    items: Vec<VariableView>,
}

/// A variable's value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VariableBody {
    /// Any JSON of at most 8 KiB.
    value: Value,
}

/// List the variables
#[utoipa::path(get, path = "/variables", tag = "variables", responses((status = 200, description = "All variables by name.", body = Variables)))]
pub(super) async fn list(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let rows = state.engine.variables().await?;
    let items = rows.into_iter().map(VariableView::from).collect();
    Ok(json(&Variables { items }))
}

/// Read a variable
#[utoipa::path(get, path = "/variables/{name}", tag = "variables", params(("name" = String, Path, description = "The variable's name.")), responses((status = 200, description = "The variable.", body = VariableView)))]
pub(super) async fn read(
    State(state): State<ServerState>,
    Path(name): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let rows = state.engine.variables().await?;
    let row = rows.into_iter().find(|row| row.name == name);
    let row = row.ok_or(engine::EngineError::UnknownVariable(name))?;
    Ok(json(&VariableView::from(row)))
}

/// Set a variable
///
/// A new one, or another value of one that is there: runs that start from now on see it, those at work keep what they have.
#[utoipa::path(put, path = "/variables/{name}", tag = "variables", params(("name" = String, Path, description = "Letters, digits and `_`, no digit first.")), request_body = VariableBody, responses((status = 204, description = "It is set."), (status = 422, description = "The name or the value cannot be.", body = crate::problem::ProblemDetails)))]
pub(super) async fn put(
    State(state): State<ServerState>,
    Path(name): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    Json(body): Json<VariableBody>,
) -> ApiResult<StatusCode> {
    state.engine.put_variable(&name, body.value, "local").await?;
    info!("Variable {name} is set");
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a variable
#[utoipa::path(delete, path = "/variables/{name}", tag = "variables", params(("name" = String, Path, description = "The variable's name.")), responses((status = 204, description = "It is gone.")))]
pub(super) async fn remove(
    State(state): State<ServerState>,
    Path(name): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<StatusCode> {
    state.engine.remove_variable(&name).await?;
    info!("Variable {name} is removed");
    Ok(StatusCode::NO_CONTENT)
}
