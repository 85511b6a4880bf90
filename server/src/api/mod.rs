//! The REST calls. Each handler is: state, engine call, view.

#![expect(unused_qualifications, reason = "the macro that describes calls writes them")]

mod answers;
mod board;
mod bulks;
mod capsule;
mod flows;
mod health;
mod hooks;
mod logs;
mod metrics;
mod notifications;
mod queues;
mod runs;
mod schedules;
mod secrets;
mod start;
mod stats;
mod streams;
mod tasks;
mod variables;
mod workers;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flow::parse::Format;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::legacy;
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

pub(crate) use hooks::Wrong;
pub(crate) use runs::check_reason;
pub(crate) use stats::StatsView;

/// Entries of a list, unless the caller says otherwise.
pub(crate) const LIST_DEFAULT: usize = 50;

/// Entries of a list at most.
const LIST_MAX: usize = 500;

/// Whoever calls, until there is login.
const ACTOR: &str = "local";

/// All calls, the predecessors' too; the description of them comes with the routes.
pub(crate) fn router() -> OpenApiRouter<ServerState> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(flows::list, flows::create))
        .routes(routes!(flows::validate))
        .routes(routes!(flows::schema))
        .routes(routes!(flows::read, flows::save, flows::archive))
        .routes(routes!(flows::versions))
        .routes(routes!(flows::name_version))
        .routes(routes!(start::start))
        .routes(routes!(runs::list))
        .routes(routes!(board::count))
        .routes(routes!(bulks::prepare))
        .routes(routes!(bulks::read))
        .routes(routes!(bulks::begin))
        .routes(routes!(bulks::runs))
        .routes(routes!(board::attention))
        .routes(routes!(board::views))
        .routes(routes!(board::put_view, board::remove_view))
        .routes(routes!(board::agenda))
        .routes(routes!(board::grid))
        .routes(routes!(runs::read))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::pause))
        .routes(routes!(runs::resume))
        .routes(routes!(answers::retry))
        .routes(routes!(runs::explain))
        .routes(routes!(runs::events))
        .routes(routes!(capsule::export))
        .routes(routes!(tasks::list))
        .routes(routes!(tasks::read))
        .routes(routes!(tasks::input))
        .routes(routes!(tasks::output))
        .routes(routes!(tasks::logs))
        .routes(routes!(logs::lines))
        .routes(routes!(logs::find))
        .routes(routes!(logs::of_run))
        .routes(routes!(answers::signal))
        .routes(routes!(answers::approve))
        .routes(routes!(answers::reject))
        .routes(routes!(schedules::list))
        .routes(routes!(schedules::followers))
        .routes(routes!(schedules::preview))
        .routes(routes!(schedules::upcoming))
        .routes(routes!(schedules::pause))
        .routes(routes!(schedules::resume))
        .routes(routes!(schedules::backfill))
        .routes(routes!(schedules::run))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::read, secrets::put, secrets::remove))
        .routes(routes!(variables::list))
        .routes(routes!(variables::read, variables::put, variables::remove))
        .routes(routes!(notifications::list))
        .routes(routes!(queues::list))
        .routes(routes!(queues::read, queues::set, queues::reset))
        .routes(routes!(workers::make_token, workers::list_tokens))
        .routes(routes!(workers::revoke_token))
        .routes(routes!(workers::forget_type))
        .routes(routes!(workers::lease))
        .routes(routes!(workers::heartbeat))
        .routes(routes!(workers::report))
        .routes(routes!(stats::task_types))
        .routes(routes!(stats::stats))
        .routes(routes!(stats::days))
        .routes(routes!(streams::events))
        .routes(routes!(streams::socket));
    OpenApiRouter::new()
        .routes(routes!(health::info))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(hooks::deliver))
        .nest("/api/v1", v1)
        .merge(legacy::router())
}

/// How many entries a caller gets.
fn limit(wanted: Option<usize>) -> ApiResult<usize> {
    limit_to(wanted, LIST_DEFAULT, LIST_MAX)
}

/// How many a caller gets who wants `wanted`, of at most `max`.
fn limit_to(wanted: Option<usize>, default: usize, max: usize) -> ApiResult<usize> {
    let n = wanted.unwrap_or(default);
    if n == 0 || n > max {
        let detail = format!("`limit` must be from 1 to {max}");
        return Err(ApiError::bad_request("bad_query", detail));
    }
    Ok(n)
}

/// JSON that changes at any time.
fn json<T: serde::Serialize>(value: &T) -> Response {
    (
        [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
        axum::Json(value),
    )
        .into_response()
}

/// Text of a media type that changes at any time.
fn text(media: &'static str, body: String) -> Response {
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_TYPE, HeaderValue::from_static(media)),
    ];
    (headers, body).into_response()
}

/// The format with this word, as the store has it.
fn format_of(word: &str) -> Format {
    Format::from_key(word).unwrap_or(Format::Yaml)
}
