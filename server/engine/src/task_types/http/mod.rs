//! `http.request`: one request, its redirects, and the response as a value.

mod address;
mod body;
mod exchange;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flow::limits;
use flow::run::event::TaskError;
use jiff::fmt::rfc2822;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Url};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::task_type::{TaskContext, TaskOutcome, TaskType, TaskTypeInfo};
use crate::task_types::first_chars;

pub(crate) use address::{Client, permitted};
pub(super) use exchange::{Request, Response, SecretParts, exchange};

/// Where requests may go. Link-local addresses and those of cloud metadata services are refused whatever stands here.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// Refuse this machine's and private networks' addresses too.
    pub deny_private: bool,
}

/// Bytes of a response's body, unless the task says otherwise.
const BODY_DEFAULT: usize = 8 * 1024 * 1024;

/// Redirects followed, unless the task says otherwise.
const REDIRECTS_DEFAULT: u32 = 10;

/// What of an unexpected response stands in the error.
const EXCERPT_BYTES: usize = 400;

/// Makes a request.
pub(super) struct HttpRequest {
    client: Client,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Where to, with `http://` or `https://`.
    #[schemars(extend("x-secret" = true))]
    url: String,
    /// `GET`, `POST`, `PUT` …
    #[serde(default = "default_method")]
    #[schemars(default = "default_method")]
    method: String,
    /// Headers by name.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    headers: BTreeMap<String, Value>,
    /// How to log in: `{bearer: …}`, or `{username: …, password: …}`.
    #[serde(default)]
    auth: Option<Auth>,
    /// Added to the URL; a list gives the name several times.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    query: BTreeMap<String, Value>,
    /// Text is sent as it is, anything else as JSON.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    body: Value,
    /// The statuses that are a success: numbers, or classes such as `2xx`.
    #[serde(default)]
    expect: Expect,
    /// Whether to follow redirects, or how many.
    #[serde(default)]
    follow_redirects: Follow,
    /// The most bytes a response's body may have, decompressed.
    #[serde(default = "default_max_body")]
    #[schemars(default = "default_max_body", range(min = 0, max = 16_777_216))]
    max_body: usize,
}

/// A login, sent as the header `Authorization`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Auth {
    /// A token.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    bearer: Option<String>,
    /// A name, with a password.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    username: Option<String>,
    /// The password.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    password: Option<String>,
}

impl Auth {
    fn header(&self) -> Result<HeaderValue, TaskError> {
        let text = match (&self.bearer, &self.username, &self.password) {
            (Some(token), None, None) => format!("Bearer {token}"),
            (None, Some(name), password) => {
                let pair = format!("{name}:{}", password.as_deref().unwrap_or_default());
                format!("Basic {}", STANDARD.encode(pair))
            }
            _ => {
                return Err(input_error(
                    "`auth` takes either `bearer`, or `username` and `password`",
                ));
            }
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| input_error("`auth` holds characters that cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn default_method() -> String {
    "GET".to_owned()
}

const fn default_max_body() -> usize {
    BODY_DEFAULT
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Follow {
    Whether(bool),
    AtMost(u32),
}

impl Default for Follow {
    fn default() -> Self {
        Self::Whether(true)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Expect {
    One(Status),
    Any(Vec<Status>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Status {
    Number(u16),
    Text(String),
}

impl Default for Expect {
    fn default() -> Self {
        Self::One(Status::Text("2xx".to_owned()))
    }
}

impl Expect {
    fn all(&self) -> &[Status] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Any(all) => all,
        }
    }

    fn check(&self) -> Result<(), TaskError> {
        let wrong = |status: &Status| match status {
            Status::Number(number) => !(100..600).contains(number),
            Status::Text(text) => {
                let is_class = matches!(text.as_bytes(), [b'1'..=b'5', b'x' | b'X', b'x' | b'X']);
                !is_class
                    && !text
                        .parse::<u16>()
                        .is_ok_and(|number| (100..600).contains(&number))
            }
        };
        match self.all().iter().any(wrong) || self.all().is_empty() {
            true => Err(input_error(
                "`expect` holds statuses such as 200 or \"404\", or classes such as \"2xx\"",
            )),
            false => Ok(()),
        }
    }

    fn holds(&self, status: u16) -> bool {
        self.all().iter().any(|expected| match expected {
            Status::Number(number) => *number == status,
            Status::Text(text) => {
                text.parse() == Ok(status)
                    || (text.len() == 3
                        && text.as_bytes()[0] == b'0' + (status / 100) as u8
                        && text[1..].eq_ignore_ascii_case("xx"))
            }
        })
    }
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of use")]
struct Output {
    /// The response's status.
    status: u16,
    /// Its headers, names in lower case; one that came several times is a list.
    headers: BTreeMap<String, Value>,
    /// Its body: JSON as a value, text as text, anything else as `{"base64": …}`; null if it is empty.
    body: Value,
}

fn input_error(message: impl Into<Arc<str>>) -> TaskError {
    TaskError::new("input", message).permanent()
}

impl HttpRequest {
    pub(super) fn new(options: HttpOptions) -> Self {
        Self {
            client: Client::new(options),
        }
    }

    async fn request(&self, ctx: &TaskContext) -> Result<TaskOutcome, TaskError> {
        let arguments: Arguments = ctx.input()?;
        arguments.expect.check()?;
        let request = arguments.request(ctx)?;
        let response = exchange(&self.client, ctx, request).await?;
        let is_expected = arguments.expect.holds(response.status);
        let status = response.status;
        let excerpt = if is_expected {
            String::new()
        } else {
            excerpt(ctx, &response.body)
        };
        let retry_after = retry_after(&response.headers);
        let output = output(response);
        if is_expected {
            return Ok(TaskOutcome::ok(output));
        }
        let message = if excerpt.is_empty() {
            format!("the answer was {status}")
        } else {
            format!("the answer was {status}: {excerpt}")
        };
        Ok(TaskOutcome::Failed {
            error: TaskError::new("http_status", message),
            output: Some(output),
            retry_after,
        })
    }
}

/// How long `Retry-After` asks to wait: seconds, or a time, which is held against the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = |text: &str| rfc2822::parse(text).ok().map(|time| time.timestamp());
    let now = text(DATE).and_then(time).unwrap_or_else(jiff::Timestamp::now);
    time(asked)?.duration_since(now).try_into().ok()
}

#[async_trait]
impl TaskType for HttpRequest {
    fn info(&self) -> TaskTypeInfo {
        TaskTypeInfo::new::<Arguments, Output>(
            "http.request",
            "HTTP request",
            "Calls a URL; the response becomes the output.",
        )
        .shown_as("io", "globe")
    }

    async fn run(&self, ctx: &TaskContext) -> TaskOutcome {
        // Dropping a request closes its connection.
        tokio::select! {
            outcome = self.request(ctx) => outcome.unwrap_or_else(TaskOutcome::from),
            () = ctx.cancel.cancelled() => TaskOutcome::Cancelled,
        }
    }
}

/// A response as a task's output.
pub(super) fn output(response: Response) -> Value {
    let mut headers = serde_json::Map::new();
    for name in response.headers.keys() {
        let mut values = response
            .headers
            .get_all(name)
            .iter()
            .map(|value| Value::String(String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let value = match (values.next(), values.next()) {
            (Some(one), None) => one,
            (first, second) => first.into_iter().chain(second).chain(values).collect(),
        };
        headers.insert(name.as_str().to_owned(), value);
    }
    let body = body::parse(&response.headers, &response.body);
    json!({ "status": response.status, "headers": headers, "body": body })
}

fn excerpt(ctx: &TaskContext, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT_BYTES * 4)]);
    let text = ctx.masked(&text);
    let words: Vec<&str> = text.split_whitespace().collect();
    first_chars(&words.join(" "), EXCERPT_BYTES).to_owned()
}

impl Arguments {
    fn request(&self, ctx: &TaskContext) -> Result<Request, TaskError> {
        let method = Method::from_bytes(self.method.to_ascii_uppercase().as_bytes())
            .ok()
            .filter(|method| *method != Method::CONNECT)
            .ok_or_else(|| {
                input_error(format!(
                    "`{}` is not a method of HTTP requests",
                    self.method.escape_debug()
                ))
            })?;
        if self.max_body > limits::OUTPUT_BYTES_MAX {
            return Err(input_error(format!(
                "`max_body` is at most {}",
                limits::OUTPUT_BYTES_MAX
            )));
        }
        let mut headers = self.headers()?;
        let body = match &self.body {
            Value::Null => None,
            Value::String(text) => Some((Bytes::from(text.clone()), "text/plain; charset=utf-8")),
            json => Some((Bytes::from(json.to_string()), "application/json")),
        };
        if let Some((_, content_type)) = &body {
            headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static(content_type));
        }
        if !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS)
            && let Ok(key) = HeaderValue::from_str(&ctx.idempotency_key)
        {
            headers.entry("idempotency-key").or_insert(key);
        }
        let redirects_max = match self.follow_redirects {
            Follow::Whether(true) => REDIRECTS_DEFAULT,
            Follow::Whether(false) => 0,
            Follow::AtMost(n) => n.min(REDIRECTS_DEFAULT * 2),
        };
        let secrets = SecretParts::of(ctx, self.auth.is_some());
        Ok(Request {
            method,
            url: self.url(ctx)?,
            headers,
            secrets,
            body: body.map(|(bytes, _)| bytes),
            redirects_max,
            body_max: self.max_body,
        })
    }

    fn url(&self, ctx: &TaskContext) -> Result<Url, TaskError> {
        let mut url = Url::parse(&self.url).map_err(|error| {
            input_error(format!(
                "`{}` is not a URL: {error}",
                first_chars(&ctx.masked(&self.url), 200).escape_debug()
            ))
        })?;
        if !self.query.is_empty() {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in &self.query {
                let values = match value {
                    Value::Array(values) => values.as_slice(),
                    one => std::slice::from_ref(one),
                };
                for value in values.iter().filter(|value| !value.is_null()) {
                    pairs.append_pair(name, &text_of(value));
                }
            }
        }
        Ok(url)
    }

    fn headers(&self) -> Result<HeaderMap, TaskError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let wrong = || {
                input_error(format!(
                    "`headers.{}` is not a possible header",
                    name.escape_debug()
                ))
            };
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            // How the message is framed is not the author's to say.
            if matches!(
                header.as_str(),
                "content-length" | "transfer-encoding" | "connection" | "upgrade" | "te" | "trailer"
            ) {
                return Err(input_error(format!(
                    "the header `{name}` is set by the connection itself"
                )));
            }
            headers.append(
                header,
                HeaderValue::from_str(&text_of(value)).map_err(|_| wrong())?,
            );
        }
        if let Some(auth) = &self.auth {
            headers.insert(AUTHORIZATION, auth.header()?);
        }
        Ok(headers)
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
