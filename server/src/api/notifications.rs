//! Notifications: what was to be told because of the rules of flows, and whether it was.

use axum::extract::State;
use axum::response::Response;
use engine::store::{Channel, NoticeFilter, NoticeKind, NoticeRow, NoticeState};
use flow::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{json, limit};
use crate::extract::Query;
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

/// A notification.
#[derive(Serialize, ToSchema)]
pub(super) struct NotificationView {
    id: i64,
    flow: String,
    /// The rule of `notify` that wanted it.
    rule: String,
    /// `failure`, `late` or `silence`.
    #[schema(value_type = String)]
    kind: NoticeKind,
    /// `mail` or `webhook`.
    #[schema(value_type = String)]
    channel: Channel,
    /// The run it is about, if it is about one.
    run: Option<RunId>,
    message: String,
    /// When it was judged.
    #[schema(value_type = String)]
    at: Timestamp,
    /// `waiting`, `sent` or `failed`.
    #[schema(value_type = String)]
    state: NoticeState,
    /// How often it was tried.
    n_attempts: u32,
    /// When it is tried next.
    #[schema(value_type = Option<String>)]
    next_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    sent_at: Option<Timestamp>,
    /// Why the last attempt failed.
    error: Option<String>,
}

impl From<NoticeRow> for NotificationView {
    fn from(row: NoticeRow) -> Self {
        let notice = row.notice;
        Self {
            id: row.id,
            flow: notice.flow,
            rule: notice.rule,
            kind: notice.kind,
            channel: notice.channel,
            run: notice.run,
            message: notice.message,
            at: notice.at,
            state: row.state,
            n_attempts: row.n_attempts,
            next_at: row.next_at,
            sent_at: row.sent_at,
            error: row.error,
        }
    }
}

/// A page of notifications.
#[derive(Serialize, ToSchema)]
pub(super) struct Notifications {
    /// Newest first.
    items: Vec<NotificationView>,
    /// Give it as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Which.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// `waiting`, `sent` or `failed`.
    #[param(value_type = Option<String>)]
    state: Option<NoticeState>,
    /// Of this flow only.
    flow: Option<String>,
    /// The last page's `next_cursor`.
    cursor: Option<String>,
    /// So many, at most 500; 50 unless given.
    limit: Option<usize>,
}

/// List notifications
///
/// What was to be told because of the rules under `notify` of flows, newest first. The last 10,000 are kept.
#[utoipa::path(get, path = "/notifications", tag = "notifications", params(ListParams), responses((status = 200, description = "A page of them.", body = Notifications)))]
pub(super) async fn list(
    State(state): State<ServerState>,
    Query(params): Query<ListParams>,
) -> ApiResult<Response> {
    let limit = limit(params.limit)?;
    let before = params.cursor.as_deref().map(|cursor| {
        let number = cursor.parse::<i64>().ok().filter(|number| *number > 0);
        number.ok_or_else(|| ApiError::bad_request("bad_cursor", "`cursor` is no page's `next_cursor`"))
    });
    let filter = NoticeFilter {
        flow: params.flow,
        state: params.state,
        ..NoticeFilter::default()
    };
    let mut rows = state
        .engine
        .notifications(&filter, before.transpose()?, limit + 1)
        .await?;
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| is_more).map(|row| row.id.to_string());
    let items = rows.into_iter().map(NotificationView::from).collect();
    Ok(json(&Notifications { items, next_cursor }))
}
