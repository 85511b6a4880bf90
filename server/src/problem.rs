//! Errors as clients get them: RFC 9457 problem documents with a stable code and a sentence.

use app::AppError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::EngineError;
use flow::Problem;
use serde::Serialize;

/// A handler's answer.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// An error on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError(Box<ProblemDetails>);

/// An error: RFC 9457 problem details.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct ProblemDetails {
    /// `about:blank`: the status says what kind of error it is, `code` says it exactly.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// Stable name of the kind of error.
    code: &'static str,
    /// What happened and what to do, as a sentence.
    detail: String,
    /// For documents and inputs: everything that is wrong, with places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

impl ApiError {
    /// An error without problems. The detail becomes a sentence.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl AsRef<str>) -> Self {
        let detail = sentence(detail.as_ref());
        let problems = Vec::new();
        Self(Box::new(ProblemDetails {
            kind: "about:blank",
            title: title(status),
            status: status.as_u16(),
            code,
            detail,
            problems,
        }))
    }

    /// 400: the request itself is not right.
    pub(crate) fn bad_request(code: &'static str, detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 404.
    pub(crate) fn not_found(code: &'static str, detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 422 with all problems.
    pub(crate) fn invalid(problems: Vec<Problem>) -> Self {
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", summary(&problems));
        error.0.problems = problems;
        error
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The same with another status and code, for calls that know better what it means.
    pub(crate) fn told_as(mut self, status: StatusCode, code: &'static str) -> Self {
        self.0.title = title(status);
        self.0.status = status.as_u16();
        self.0.code = code;
        self
    }
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

/// The first problem, where it is, and how many more there are.
fn summary(problems: &[Problem]) -> String {
    let Some(first) = problems.first() else {
        return "something is wrong, but nobody said what".to_owned();
    };
    let place = first
        .field
        .as_ref()
        .map_or_else(String::new, |field| format!(" ({field})"));
    let more = match problems.len() - 1 {
        0 => String::new(),
        n => format!(", and {n} more"),
    };
    format!("{}{place}{more}", first.message.trim_end_matches('.'))
}

/// The first letter large and a full stop at the end.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut rest = text.chars();
    let mut sentence: String = rest
        .next()
        .map(|first| first.to_uppercase().collect())
        .unwrap_or_default();
    sentence.push_str(rest.as_str());
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let (status, code) = match error {
            EngineError::Invalid(problems) => return Self::invalid(problems),
            EngineError::BadAnswer(problems) => {
                let told = problems
                    .iter()
                    .map(|message| Problem::error("bad_answer", message));
                return Self::invalid(told.collect()).told_as(StatusCode::UNPROCESSABLE_ENTITY, "bad_answer");
            }
            EngineError::UnknownFlow(_) => (StatusCode::NOT_FOUND, "unknown_flow"),
            EngineError::UnknownRun(_) => (StatusCode::NOT_FOUND, "unknown_run"),
            EngineError::UnknownTask { .. } => (StatusCode::NOT_FOUND, "unknown_task"),
            EngineError::UnknownSchedule { .. } => (StatusCode::NOT_FOUND, "unknown_schedule"),
            EngineError::UnknownWebhook { .. } => (StatusCode::NOT_FOUND, "unknown_webhook"),
            EngineError::UnknownSecret(_) => (StatusCode::NOT_FOUND, "unknown_secret"),
            EngineError::UnknownVariable(_) => (StatusCode::NOT_FOUND, "unknown_variable"),
            EngineError::UnknownView(_) => (StatusCode::NOT_FOUND, "unknown_view"),
            EngineError::UnknownBulk(_) => (StatusCode::NOT_FOUND, "unknown_bulk"),
            EngineError::Archived(_) => (StatusCode::CONFLICT, "archived"),
            EngineError::VersionConflict { .. } => (StatusCode::PRECONDITION_FAILED, "stale_version"),
            EngineError::Finished(_) => (StatusCode::CONFLICT, "finished"),
            EngineError::KeyReused(_) => (StatusCode::CONFLICT, "key_reused"),
            EngineError::Overloaded(_) => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            EngineError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            EngineError::StaleAttempt => (StatusCode::CONFLICT, "stale_attempt"),
            EngineError::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            EngineError::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            EngineError::NotNow(_) => (StatusCode::CONFLICT, "not_now"),
            EngineError::BadCursor(_) => (StatusCode::BAD_REQUEST, "bad_cursor"),
            EngineError::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<ApiError> for AppError {
    fn from(ApiError(details): ApiError) -> Self {
        Self {
            status: details.status,
            code: details.code.to_owned(),
            message: details.detail,
            problems: details.problems,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, axum::Json(self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_sentences() {
        assert_eq!(sentence("there is no run"), "There is no run.");
        assert_eq!(sentence("`a` is missing!"), "`a` is missing!");
    }
}
