//! What handlers take from requests, each refusal with a sentence.
//!
//! Unknown fields and parameters are errors: a misspelt `idempotency_kye` must not start a second run.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use flow::parse::Format;
use flow::{Problem, RunId, limits};
use futures::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::accept::content_type;
use crate::problem::{ApiError, ApiResult};

/// How long a body may take to arrive. A document of the largest size passes a slow line in that time.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of a JSON body: the largest inputs, and room for what stands around them.
pub(crate) const JSON_BYTES_MAX: usize = limits::INPUTS_BYTES_MAX + 64 * 1024;

/// Bytes of a body that is too large which are read all the same, so that a client that writes first gets the answer.
const DRAIN_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A JSON body that may be left out.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        let has_type = request.headers().contains_key(header::CONTENT_TYPE);
        if has_type {
            expect_json(request.headers())?;
        }
        let body = read_body(request, JSON_BYTES_MAX).await?;
        match (body.trim_ascii().is_empty(), has_type) {
            (true, _) => Ok(Self(T::default())),
            (false, true) => from_json(&body).map(Self),
            (false, false) => Err(unsupported("", "application/json")),
        }
    }
}

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        expect_json(request.headers())?;
        let body = read_body(request, JSON_BYTES_MAX).await?;
        from_json(&body).map(Self)
    }
}

/// A JSON body that holds a task's output.
pub(crate) struct LargeJson<T>(pub(crate) T);

/// Bytes of such a body: the largest output, its escapes, and room for lines of log.
const LARGE_JSON_BYTES_MAX: usize = limits::OUTPUT_BYTES_MAX + 4 * 1024 * 1024;

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for LargeJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        expect_json(request.headers())?;
        let body = read_body(request, LARGE_JSON_BYTES_MAX).await?;
        from_json(&body).map(Self)
    }
}

/// A flow document, in the format that the content type names.
pub(crate) struct Document {
    /// Its text.
    pub(crate) source: Vec<u8>,
    /// What it is written in.
    pub(crate) format: Format,
}

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        let format = match content_type(request.headers()).as_str() {
            "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Format::Yaml,
            "application/json" => Format::Json,
            other => return Err(unsupported(other, "application/yaml or application/json")),
        };
        let source = read_body(request, limits::DOCUMENT_BYTES_MAX).await?.into();
        Ok(Self { source, format })
    }
}

fn expect_json(headers: &HeaderMap) -> ApiResult<()> {
    match content_type(headers).as_str() {
        "application/json" => Ok(()),
        other => Err(unsupported(other, "application/json")),
    }
}

/// 415.
pub(crate) fn unsupported(found: &str, expected: &str) -> ApiError {
    let found = if found.is_empty() {
        "nothing".to_owned()
    } else {
        format!("`{found}`")
    };
    let detail = format!("the body must be {expected}, and its content type must say so; it says {found}");
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        detail,
    )
}

/// Reads a body of at most so many bytes.
pub(crate) async fn read_body(request: Request, max: usize) -> ApiResult<Bytes> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let waits = request.headers().contains_key(header::EXPECT);
    let body = request.into_body();
    if announced.is_some_and(|bytes| bytes > max) {
        // A client that waits for our word before it sends needs no draining; it must not be told to go on.
        if !waits {
            let _ = tokio::time::timeout(BODY_TIMEOUT, collect(body, 0)).await;
        }
        return Err(too_large(max));
    }
    match tokio::time::timeout(BODY_TIMEOUT, collect(body, max)).await {
        Ok(body) => body,
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs());
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail))
        }
    }
}

async fn collect(body: Body, max: usize) -> ApiResult<Bytes> {
    let mut chunks = body.into_data_stream();
    let mut all = bytes::BytesMut::new();
    let mut n_bytes = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk
            .map_err(|error| ApiError::bad_request("broken_body", format!("the body broke off: {error}")))?;
        n_bytes += chunk.len();
        if n_bytes > DRAIN_BYTES_MAX {
            break;
        }
        if n_bytes <= max {
            all.extend_from_slice(&chunk);
        }
    }
    if n_bytes > max {
        Err(too_large(max))
    } else {
        Ok(all.freeze())
    }
}

fn too_large(max: usize) -> ApiError {
    let most = match max {
        0..1024 => format!("{max} bytes"),
        _ => format!("{} KiB", max / 1024),
    };
    let detail = format!("the body is too large; at most {most} are read");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

pub(crate) fn from_json<T: DeserializeOwned>(body: &[u8]) -> ApiResult<T> {
    if std::str::from_utf8(body).is_err() {
        return Err(ApiError::bad_request("not_utf8", "the body is not UTF-8"));
    }
    if depth(body) > limits::DEPTH_MAX {
        let detail = format!("the body is nested deeper than {} levels", limits::DEPTH_MAX);
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too_deep",
            detail,
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        wrong_json(error.into_inner(), &field)
    })?;
    json.end().map_err(|error| wrong_json(error, "."))?;
    Ok(read)
}

/// What serde says about a body: about its text, or about a field of it.
fn wrong_json(error: serde_json::Error, field: &str) -> ApiError {
    if !error.is_data() {
        return ApiError::bad_request("bad_json", format!("the body is not JSON: {error}"));
    }
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let mut problem = Problem::error("bad_field", message);
    problem.line = u32::try_from(line).ok();
    problem.column = u32::try_from(column).ok();
    ApiError::invalid(vec![if field == "." { problem } else { problem.at(field) }])
}

/// How deep brackets are nested; texts are skipped.
fn depth(json: &[u8]) -> usize {
    let (mut deepest, mut depth, mut is_text, mut is_escaped) = (0_usize, 0_usize, false, false);
    for byte in json {
        match (is_text, byte) {
            _ if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => is_text = !is_text,
            (false, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The parameters behind the `?`. Unknown ones are errors.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        let text = parts.uri.query().unwrap_or_default();
        let read =
            serde_path_to_error::deserialize(serde_html_form::Deserializer::from_bytes(text.as_bytes()));
        read.map(Self).map_err(|error| {
            let field = error.path().to_string();
            let about = if field == "." {
                String::new()
            } else {
                format!(" (`{field}`)")
            };
            ApiError::bad_request(
                "bad_query",
                format!("the parameters are not right: {}{about}", error.inner()),
            )
        })
    }
}

/// A parameter that is on by being there: `?stream`, `?stream=true`.
pub(crate) fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    match &*text {
        "" | "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(serde::de::Error::custom(format!(
            "expected true or false, found `{other}`"
        ))),
    }
}

/// Calls that take no parameters.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

/// The parts of the address that have names.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(path)| Self(path))
            .map_err(|error| {
                ApiError::bad_request(
                    "bad_address",
                    format!("the address is not right: {}", error.body_text()),
                )
            })
    }
}

/// A run's id from an address.
pub(crate) fn run_id(text: &str) -> ApiResult<RunId> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(60).collect();
        ApiError::not_found(
            "unknown_run",
            format!("there is no run `{shown}`: a run's id is `run_` and 26 letters and digits"),
        )
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use futures::stream;

    use super::*;

    /// Time stands still but for the waiting: the clock of Tokio's tests goes on by itself.
    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
        let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{\"inputs\":"))]);
        let body = Body::from_stream(first.chain(stream::pending()));
        let asked = tokio::time::Instant::now();
        let refused = read_body(Request::new(body), 1024)
            .await
            .expect_err("it never ends");
        assert_eq!(asked.elapsed().as_secs(), BODY_TIMEOUT.as_secs());
        assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "shown by Debug")]
    struct Sample {
        a: u8,
        #[serde(default)]
        list: Vec<Sample>,
    }

    fn check(json: &[u8], expected: Expect) {
        let actual = match from_json::<Sample>(json) {
            Ok(read) => format!("{read:?}"),
            Err(error) => format!("{error:?}"),
        };
        expected.assert_eq(&actual);
    }

    #[test]
    fn fields_are_named() {
        check(
            br#"{"a":1,"list":[{"a":2}]}"#,
            expect!["Sample { a: 1, list: [Sample { a: 2, list: [] }] }"],
        );
        check(
            br#"{"a":1,"list":[{"a":2},{"a":"x"}]}"#,
            expect![[
                r#"ApiError(ProblemDetails { kind: "about:blank", title: "Unprocessable Entity", status: 422, code: "invalid", detail: "Invalid type: string \"x\", expected u8 (list[1].a).", problems: [Problem { severity: Error, code: "bad_field", message: "invalid type: string \"x\", expected u8", task: None, field: Some("list[1].a"), line: Some(1), column: Some(31) }] })"#
            ]],
        );
        check(
            br#"{"a":1} x"#,
            expect![[
                r#"ApiError(ProblemDetails { kind: "about:blank", title: "Bad Request", status: 400, code: "bad_json", detail: "The body is not JSON: trailing characters at line 1 column 9.", problems: [] })"#
            ]],
        );
        check(
            b"\xff",
            expect![[
                r#"ApiError(ProblemDetails { kind: "about:blank", title: "Bad Request", status: 400, code: "not_utf8", detail: "The body is not UTF-8.", problems: [] })"#
            ]],
        );
    }

    #[test]
    fn brackets_in_texts_are_not_deep() {
        assert_eq!(depth(br#"{"a":["[[[\"[[", [1]]}"#), 3);
        assert_eq!(depth(b"]]]]["), 1);
        check(
            "[".repeat(100_000).as_bytes(),
            expect![[
                r#"ApiError(ProblemDetails { kind: "about:blank", title: "Unprocessable Entity", status: 422, code: "too_deep", detail: "The body is nested deeper than 64 levels.", problems: [] })"#
            ]],
        );
    }
}
