//! Secrets: set and removed, never given out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::store::SecretRow;
use flow::Timestamp;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use tracing::info;
use utoipa::ToSchema;

use super::json;
use crate::extract::{Json, NoParams, Path, Query};
use crate::problem::ApiResult;
use crate::state::ServerState;

/// A secret, without its value: no call gives that out.
#[derive(Serialize, ToSchema)]
pub(super) struct SecretView {
    name: String,
    /// When it was set.
    #[schema(value_type = String)]
    updated_at: Timestamp,
    /// Who set it.
    updated_by: String,
    /// The flows whose newest version refers to it.
    used_by: Vec<String>,
}

impl From<SecretRow> for SecretView {
    fn from(row: SecretRow) -> Self {
        Self {
            name: row.name,
            updated_at: row.updated_at,
            updated_by: row.actor,
            used_by: row.used_by,
        }
    }
}

/// All secrets.
#[derive(Serialize, ToSchema)]
pub(super) struct Secrets {
    /// By name.
    items: Vec<SecretView>,
}

/// A secret's value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretBody {
    /// At most 64 KiB of text. One shorter than 4 bytes is not masked in logs and outputs.
    #[schema(value_type = String, write_only)]
    value: SecretText,
}

/// A text that no error repeats.
struct SecretText(String);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = String;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<String, E> {
                Ok(text.to_owned())
            }
        }
        // What is found instead of a text may be the secret, written in another way.
        let text = deserializer.deserialize_str(Text);
        text.map(Self)
            .map_err(|_| D::Error::custom("the value must be a text"))
    }
}

/// List the secrets
///
/// Names, not values: no call gives those out.
#[utoipa::path(get, path = "/secrets", tag = "secrets", responses((status = 200, description = "All secrets by name.", body = Secrets)))]
pub(super) async fn list(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let rows = state.engine.secrets().await?;
    let items = rows.into_iter().map(SecretView::from).collect();
    Ok(json(&Secrets { items }))
}

/// Read what is known of a secret
#[utoipa::path(get, path = "/secrets/{name}", tag = "secrets", params(("name" = String, Path, description = "The secret's name.")), responses((status = 200, description = "Everything but its value.", body = SecretView)))]
pub(super) async fn read(
    State(state): State<ServerState>,
    Path(name): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let rows = state.engine.secrets().await?;
    let row = rows.into_iter().find(|row| row.name == name);
    let row = row.ok_or(engine::EngineError::UnknownSecret(name))?;
    Ok(json(&SecretView::from(row)))
}

/// Set a secret
///
/// A new one, or another value of one that is there: attempts that begin from now on get it.
#[utoipa::path(put, path = "/secrets/{name}", tag = "secrets", params(("name" = String, Path, description = "Letters, digits and `_`, no digit first.")), request_body = SecretBody, responses((status = 204, description = "It is set."), (status = 422, description = "The name or the value cannot be.", body = crate::problem::ProblemDetails)))]
pub(super) async fn put(
    State(state): State<ServerState>,
    Path(name): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    Json(body): Json<SecretBody>,
) -> ApiResult<StatusCode> {
    state.engine.put_secret(&name, &body.value.0, "local").await?;
    info!("Secret {name} is set");
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a secret
///
/// Attempts that need it fail from now on.
#[utoipa::path(delete, path = "/secrets/{name}", tag = "secrets", params(("name" = String, Path, description = "The secret's name.")), responses((status = 204, description = "It is gone.")))]
pub(super) async fn remove(
    State(state): State<ServerState>,
    Path(name): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<StatusCode> {
    state.engine.remove_secret(&name).await?;
    info!("Secret {name} is removed");
    Ok(StatusCode::NO_CONTENT)
}
