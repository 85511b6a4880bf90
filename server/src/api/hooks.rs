//! Webhooks: runs that others start by knowing a secret.
//!
//! They come from other machines and from no page of ours, so what keeps foreign pages out does not apply to them: who calls must
//! show a secret that no browser sends by itself. The host must be one we answer to, as everywhere.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::webhooks::Webhook;
use flow::expr::Delivery;
use flow::view::RunStatus;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tracing::{debug, info};
use utoipa::ToSchema;

use super::json as answer;
use super::start::{accepted, started_and_ended};
use crate::accept::content_type;
use crate::extract::{Path, from_json, read_body};
use crate::problem::{ApiError, ApiResult};
use crate::safety::PeerAddress;
use crate::state::ServerState;

/// Who was wrong, and at which webhook: whoever stands behind one proxy with others closes but one door.
type Caller = (IpAddr, Arc<str>);

/// Wrong deliveries that one address may make at once to a webhook, and how long it takes until one more is forgiven.
const WRONG_MAX: u32 = 30;
const FORGIVEN_EVERY: Duration = Duration::from_secs(2);

/// Callers whose wrong deliveries are remembered; beyond them the one that was wrong longest ago is forgotten.
const CALLERS_MAX: usize = 1_000;

/// The callers that have been wrong.
#[derive(Default)]
pub(crate) struct Wrong(BTreeMap<Caller, (u32, Option<Instant>)>);

impl Wrong {
    /// Whether a caller has been wrong too often to be listened to now.
    fn is_over(&mut self, caller: &Caller, now: Instant) -> bool {
        let Some((n, since)) = self.0.get_mut(caller) else {
            return false;
        };
        let waited = since.map_or(Duration::MAX, |since| now.saturating_duration_since(since));
        let forgiven = u32::try_from(waited.as_millis() / FORGIVEN_EVERY.as_millis()).unwrap_or(u32::MAX);
        if forgiven >= *n {
            self.0.remove(caller);
            return false;
        }
        *n -= forgiven;
        if forgiven > 0 {
            *since = since.map(|since| since + FORGIVEN_EVERY * forgiven);
        }
        *n >= WRONG_MAX
    }

    fn add(&mut self, caller: Caller, now: Instant) {
        if self.0.len() >= CALLERS_MAX && !self.0.contains_key(&caller) {
            let oldest = self
                .0
                .iter()
                .min_by_key(|(_, (_, since))| *since)
                .map(|(caller, _)| caller.clone());
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
        let (n, since) = self.0.entry(caller).or_default();
        *n += 1;
        since.get_or_insert(now);
    }
}

/// A run that has not succeeded, for who waited for its output.
#[derive(Serialize, ToSchema)]
pub(super) struct NoOutput {
    /// `run_…`
    run_id: flow::RunId,
    /// How it ended.
    state: RunStatus,
}

/// Deliver to a webhook
///
/// Starts a run of the flow as its document says under `webhooks`. Who calls shows a token or signs the body. Any JSON, form or text may be
/// the body.
#[utoipa::path(
    post, path = "/hooks/{flow}/{name}", tag = "webhooks",
    params(("flow" = String, Path, description = "The flow's id."), ("name" = String, Path, description = "The webhook's name.")),
    request_body(content = Object, description = "What the webhook takes."),
    responses(
        (status = 202, description = "A run was started, or the one of an earlier delivery with this key was found.", body = super::start::Started),
        (status = 200, description = "With `respond: output`: the run's output.", body = Object),
        (status = 401, description = "The token or signature is missing or wrong.", body = crate::problem::ProblemDetails),
        (status = 404, description = "There is no such webhook.", body = crate::problem::ProblemDetails),
        (status = 429, description = "Too many wrong deliveries came from this address.", body = crate::problem::ProblemDetails),
        (status = 500, description = "With `respond: output`: the run did not succeed.", body = NoOutput),
    )
)]
pub(super) async fn deliver(
    State(state): State<ServerState>,
    Path((flow, name)): Path<(String, String)>,
    request: Request,
) -> ApiResult<Response> {
    let webhook = state.engine.webhook(&flow, &name).await?;
    let headers = request.headers().clone();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let caller: Option<Caller> = request
        .extensions()
        .get::<PeerAddress>()
        .map(|PeerAddress(address)| (*address, format!("{flow}/{name}").into()));
    if caller
        .as_ref()
        .is_some_and(|caller| state.shared.wrong.lock().is_over(caller, Instant::now()))
    {
        let detail =
            "too many wrong deliveries to this webhook came from this address; try again in a moment";
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_wrong", detail);
        return Ok(([(header::RETRY_AFTER, HeaderValue::from_static("2"))], error).into_response());
    }
    let body = read_body(request, webhook.body_max()).await?;
    if !state.engine.knows_caller(&webhook, &headers, &body).await? {
        if let Some(caller) = caller {
            state.shared.wrong.lock().add(caller, Instant::now());
        }
        debug!("A delivery to webhook {name} of {flow} was refused");
        let detail = "the delivery does not show that it comes from somebody who may make it";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "unknown_caller", detail));
    }
    let delivery = Delivery {
        body: Arc::new(value_of(&headers, &body)?),
        headers: Arc::new(visible(&headers, &webhook)),
        query: Arc::new(query_of(&query)),
    };
    let start = state.engine.run_of_delivery(&webhook, delivery).await?;
    let Some(wait) = webhook.wait() else {
        let run = state.engine.start_run(start).await?;
        info!(run.id = %run, "Webhook {name} of {flow} started run {run}");
        return Ok(accepted(run));
    };
    match started_and_ended(&state, start, wait).await? {
        (run, None) => Ok(accepted(run)),
        (_, Some(ended)) if ended.summary.state == RunStatus::Succeeded => {
            Ok(answer(&ended.outputs.clone().unwrap_or_default()))
        }
        (run_id, Some(ended)) => {
            let state = ended.summary.state;
            Ok((
                StatusCode::INTERNAL_SERVER_ERROR,
                answer(&NoOutput { run_id, state }),
            )
                .into_response())
        }
    }
}

/// JSON as a value, a form as an object of texts, text as a text, anything else as `{"base64": …}`.
fn value_of(headers: &HeaderMap, body: &[u8]) -> ApiResult<Value> {
    if body.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    let media = content_type(headers);
    if media == "application/json" || media.ends_with("+json") {
        return from_json(body);
    }
    Ok(match std::str::from_utf8(body) {
        Ok(text) if media == "application/x-www-form-urlencoded" => query_of(text),
        Ok(text) => Value::from(text),
        Err(_) => json!({ "base64": STANDARD.encode(body) }),
    })
}

/// Names and values; a name that comes several times has a list of them.
fn query_of(text: &str) -> Value {
    let pairs: Vec<(String, String)> = serde_html_form::from_str(text).unwrap_or_default();
    let mut fields = Map::new();
    for (name, value) in pairs {
        let value = Value::from(value);
        match fields.get_mut(&name) {
            None => drop(fields.insert(name, value)),
            Some(Value::Array(several)) => several.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    Value::Object(fields)
}

/// The headers that expressions may see: none that shows who somebody is.
fn visible(headers: &HeaderMap, webhook: &Webhook) -> Value {
    let hidden = [
        webhook.caller_header(),
        "authorization".to_owned(),
        "cookie".to_owned(),
        "proxy-authorization".to_owned(),
    ];
    let shown = headers
        .iter()
        .filter(|(name, _)| hidden.iter().all(|hidden| name.as_str() != hidden));
    let fields = shown.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), Value::from(value))
    });
    Value::Object(fields.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_ones_are_counted_and_forgiven() {
        let caller = |address: [u8; 4], hook: &str| -> Caller { (address.into(), hook.into()) };
        let one = caller([10, 0, 0, 1], "pay/done");
        let start = Instant::now();
        let mut wrong = Wrong::default();
        for _ in 0..WRONG_MAX {
            assert!(!wrong.is_over(&one, start));
            wrong.add(one.clone(), start);
        }
        assert!(wrong.is_over(&one, start));
        for other in [
            caller([10, 0, 0, 2], "pay/done"),
            caller([10, 0, 0, 1], "pay/failed"),
        ] {
            assert!(!wrong.is_over(&other, start), "others are not concerned");
        }
        let later = start + FORGIVEN_EVERY;
        assert!(!wrong.is_over(&one, later), "one is forgiven");
        wrong.add(one.clone(), later);
        assert!(wrong.is_over(&one, later));
        assert!(!wrong.is_over(&one, later + FORGIVEN_EVERY * WRONG_MAX));
        assert!(wrong.0.is_empty(), "all are forgotten");
        for n in 0..2 * CALLERS_MAX {
            wrong.add(
                (IpAddr::from((n as u128).to_be_bytes()), "pay/done".into()),
                start + Duration::from_nanos(n as u64),
            );
        }
        assert_eq!(wrong.0.len(), CALLERS_MAX);
    }

    #[test]
    fn bodies_become_values() {
        let check = |media: &str, body: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, media.parse().expect("a header"));
            value_of(&headers, body)
                .map_or_else(|error| error.status().to_string(), |value| value.to_string())
        };
        assert_eq!(check("application/json", b"{\"a\":[1]}"), r#"{"a":[1]}"#);
        assert_eq!(check("application/cloudevents+json", b"[]"), "[]");
        assert_eq!(check("application/json", b"{"), "400 Bad Request");
        assert_eq!(
            check("application/json", "[".repeat(100).as_bytes()),
            "422 Unprocessable Entity"
        );
        assert_eq!(
            check("application/x-www-form-urlencoded", b"a=1&b=x+y&a=2"),
            r#"{"a":["1","2"],"b":"x y"}"#
        );
        assert_eq!(check("text/plain", b"hello"), r#""hello""#);
        assert_eq!(check("image/png", b"\xff"), r#"{"base64":"/w=="}"#);
        assert_eq!(check("application/json", b" "), "null");
    }
}
