//! Flows: list, create, read, save, archive, history, validate.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::{EngineError, SaveFlow, Saved};
use flow::parse::Format;
use flow::view::{FlowDetail, FlowSummary, FlowVersionView, Page};
use flow::{FlowDoc, Problem};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{format_of, json, limit, text};
use crate::accept::prefers;
use crate::extract::{Document, Json, NoParams, Path, Query};
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

/// What a list of flows may be asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// A text in id, name or description.
    q: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Entries, at most 500; 50 unless given.
    limit: Option<usize>,
}

/// Which version to read.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionParams {
    /// A version's number; the newest unless given.
    version: Option<u32>,
}

/// What became of a saved document.
#[derive(Serialize, ToSchema)]
pub(super) struct SavedFlow {
    /// The flow's id.
    id: String,
    /// Its newest version: a new number, or the old one if nothing changed.
    version: u32,
    /// What its author would want to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Problem>,
}

/// What checking a document gave.
#[derive(Serialize, ToSchema)]
pub(super) struct Validation {
    /// Whether it could be saved and run.
    valid: bool,
    /// Errors and warnings, in the order of the text.
    problems: Vec<Problem>,
}

/// A list of versions.
#[derive(Serialize, ToSchema)]
pub(super) struct Versions {
    /// The newest first.
    items: Vec<FlowVersionView>,
}

/// List flows
///
/// Archived ones are left out.
#[utoipa::path(get, path = "/flows", tag = "flows", params(ListParams), responses((status = 200, description = "A page of flows, by id.", body = Page<FlowSummary>)))]
pub(super) async fn list(
    State(state): State<ServerState>,
    Query(params): Query<ListParams>,
) -> ApiResult<Response> {
    let flows = state
        .engine
        .flows(
            params.q.as_deref(),
            params.cursor.as_deref(),
            limit(params.limit)?,
        )
        .await?;
    Ok(json(&flows))
}

/// Create a flow
#[utoipa::path(
    post, path = "/flows", tag = "flows",
    request_body(description = "The flow document.", content((FlowDocument = "application/json"), (String = "application/yaml"))),
    responses(
        (status = 201, description = "It is saved as version 1.", body = SavedFlow, headers(("location" = String, description = "Its address."))),
        (status = 409, description = "A flow of that id exists.", body = crate::problem::ProblemDetails),
        (status = 422, description = "All that is wrong with the document.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn create(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
    document: Document,
) -> ApiResult<Response> {
    let saved = state
        .engine
        .save_flow(save_of(document, None, Some(0)))
        .await
        .map_err(|error| match error {
            EngineError::VersionConflict { flow, .. } => {
                let detail = format!(
                    "there is a flow `{flow}` already; save a new version of it with PUT /api/v1/flows/{flow}"
                );
                ApiError::new(StatusCode::CONFLICT, "flow_exists", detail)
            }
            other => other.into(),
        })?;
    Ok(created(saved))
}

/// Read a flow
///
/// As JSON, or its text if YAML is asked for by `Accept: application/yaml`.
#[utoipa::path(
    get, path = "/flows/{flow}", tag = "flows", params(("flow" = String, Path, description = "The flow's id."), VersionParams),
    responses((status = 200, description = "The flow; `ETag` is the version shown.", content((FlowDetail = "application/json"), (String = "application/yaml")), headers(("etag" = String, description = "The version, for `If-Match`."))))
)]
pub(super) async fn read(
    State(state): State<ServerState>,
    Path(id): Path<String>,
    Query(params): Query<VersionParams>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let flow = state.engine.flow(&id, params.version).await?;
    let version = flow.shown_version;
    let as_yaml = prefers(&headers, &["application/yaml", "text/yaml", "application/x-yaml"]);
    let mut response = if as_yaml {
        text("application/yaml", yaml_of(flow))
    } else {
        json(&flow)
    };
    response.headers_mut().insert(header::ETAG, etag(version));
    response
        .headers_mut()
        .append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

fn yaml_of(flow: FlowDetail) -> String {
    match format_of(&flow.format) {
        Format::Yaml => flow.source,
        Format::Json => flow::parse::to_yaml(&flow.document),
    }
}

/// Save a new version of a flow
///
/// With `If-Match` only if that version is still the newest; with `If-None-Match: *` only if there is no such flow yet.
#[utoipa::path(
    put, path = "/flows/{flow}", tag = "flows",
    params(
        ("flow" = String, Path, description = "The flow's id."),
        ("If-Match" = Option<String>, Header, description = "The version that was edited, as `ETag` named it."),
        ("If-None-Match" = Option<String>, Header, description = "`*` if the flow must be new."),
    ),
    request_body(description = "The flow document.", content((FlowDocument = "application/json"), (String = "application/yaml"))),
    responses(
        (status = 200, description = "It is saved; an unchanged document makes no new version.", body = SavedFlow),
        (status = 201, description = "The flow is new.", body = SavedFlow),
        (status = 412, description = "Somebody saved another version since.", body = crate::problem::ProblemDetails),
        (status = 422, description = "All that is wrong with the document.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn save(
    State(state): State<ServerState>,
    Path(id): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    headers: HeaderMap,
    document: Document,
) -> ApiResult<Response> {
    let expected = expected(&state, &id, &headers).await?;
    let is_new = state.engine.flow_versions(&id).await.is_err();
    let saved = state
        .engine
        .save_flow(save_of(document, Some(id), expected))
        .await?;
    if is_new {
        return Ok(created(saved));
    }
    Ok(with_etag(json(&view(&saved)), saved.version))
}

/// What the newest version must be, as the headers say.
async fn expected(state: &ServerState, id: &str, headers: &HeaderMap) -> ApiResult<Option<u32>> {
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value == "*")
    {
        return Ok(Some(0));
    }
    let Some(wanted) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let wanted = wanted.to_str().unwrap_or_default().trim();
    if wanted == "*" {
        return match state.engine.flow_versions(id).await {
            Ok(versions) => Ok(versions.first().map(|newest| newest.version)),
            Err(error) => {
                Err(ApiError::from(error).told_as(StatusCode::PRECONDITION_FAILED, "stale_version"))
            }
        };
    }
    let number = wanted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(wanted);
    let version = number.parse().map_err(|_| {
        ApiError::bad_request(
            "bad_version",
            format!("`If-Match` must be a version such as `\"3\"`, not `{wanted}`"),
        )
    })?;
    Ok(Some(version))
}

/// Archive a flow
///
/// It leaves the lists and takes no new runs; its runs stay. Saving it again brings it back.
#[utoipa::path(delete, path = "/flows/{flow}", tag = "flows", params(("flow" = String, Path, description = "The flow's id.")), responses((status = 204, description = "It is archived.")))]
pub(super) async fn archive(
    State(state): State<ServerState>,
    Path(id): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<StatusCode> {
    state.engine.archive_flow(&id).await?;
    tracing::info!(flow = %id, "Archived the flow {id}");
    Ok(StatusCode::NO_CONTENT)
}

/// List the versions of a flow
#[utoipa::path(get, path = "/flows/{flow}/versions", tag = "flows", params(("flow" = String, Path, description = "The flow's id.")), responses((status = 200, description = "Its versions, newest first.", body = Versions)))]
pub(super) async fn versions(
    State(state): State<ServerState>,
    Path(id): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let items = state.engine.flow_versions(&id).await?;
    Ok(json(&Versions { items }))
}

/// What is to change of a version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionBody {
    /// The name by which it is remembered, which no other version of the flow has; `null` takes it away.
    // What is not said is not meant: without it nothing would be taken away.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    name: Option<String>,
}

/// Name a version
///
/// What it says never changes.
#[utoipa::path(
    patch, path = "/flows/{flow}/versions/{version}", tag = "flows",
    params(("flow" = String, Path, description = "The flow's id."), ("version" = u32, Path, description = "The version's number.")),
    request_body = VersionBody,
    responses(
        (status = 204, description = "It has this name."),
        (status = 404, description = "There is no such version.", body = crate::problem::ProblemDetails),
        (status = 422, description = "Another version has the name, or it is none.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn name_version(
    State(state): State<ServerState>,
    Path((flow, version)): Path<(String, u32)>,
    Query(NoParams {}): Query<NoParams>,
    Json(body): Json<VersionBody>,
) -> ApiResult<StatusCode> {
    state
        .engine
        .name_version(&flow, version, body.name.as_deref())
        .await?;
    tracing::info!(flow = %flow, version, "Named version {version} of {flow}");
    Ok(StatusCode::NO_CONTENT)
}

/// Check a document
///
/// Nothing is stored.
#[utoipa::path(
    post, path = "/flows/validate", tag = "flows",
    request_body(description = "The flow document.", content((FlowDocument = "application/json"), (String = "application/yaml"))),
    responses((status = 200, description = "Everything that is wrong with it.", body = Validation))
)]
pub(super) async fn validate(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
    document: Document,
) -> ApiResult<Response> {
    let (_, checked) = state.engine.check(document.source, document.format).await?;
    Ok(json(&Validation {
        valid: checked.doc.is_some(),
        problems: checked.problems,
    }))
}

/// A flow document; `/api/v1/flow-schema` has its whole JSON Schema.
#[derive(ToSchema)]
#[schema(value_type = Object)]
#[expect(dead_code, reason = "stands for the document in the description")]
pub(super) struct FlowDocument(FlowDoc);

/// Read the JSON Schema of flow documents
///
/// What editors complete and check against.
#[utoipa::path(get, path = "/flow-schema", tag = "flows", responses((status = 200, description = "A JSON Schema (2020-12).", body = serde_json::Value)))]
pub(super) async fn schema(Query(NoParams {}): Query<NoParams>) -> Response {
    json(&flow::schema::document_schema())
}

fn save_of(document: Document, id: Option<String>, expected: Option<u32>) -> SaveFlow {
    SaveFlow {
        source: document.source,
        format: document.format,
        id,
        expected,
        actor: "local".to_owned(),
    }
}

fn view(saved: &Saved) -> SavedFlow {
    SavedFlow {
        id: saved.id.clone(),
        version: saved.version,
        warnings: saved.warnings.clone(),
    }
}

fn created(saved: Saved) -> Response {
    tracing::info!(flow = %saved.id, "Created the flow {}", saved.id);
    let location = format!("/api/v1/flows/{}", saved.id);
    (
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        with_etag(json(&view(&saved)), saved.version),
    )
        .into_response()
}

fn with_etag(mut response: Response, version: u32) -> Response {
    response.headers_mut().insert(header::ETAG, etag(version));
    response
}

fn etag(version: u32) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}
