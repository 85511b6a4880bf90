//! A request and its redirects, each checked before it is followed.

use std::error::Error as StdError;

use bytes::{Bytes, BytesMut};
use flow::run::event::TaskError;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    LOCATION,
};
use reqwest::{Method, Url};

use super::address::{Client, Refused, Unresolved};
use super::input_error;
use crate::error::causes;
use crate::secrets::percent_decoded;
use crate::task_type::TaskContext;

/// A request as the task wants it.
pub(in crate::task_types) struct Request {
    pub(in crate::task_types) method: Method,
    pub(in crate::task_types) url: Url,
    pub(in crate::task_types) headers: HeaderMap,
    pub(in crate::task_types) body: Option<Bytes>,
    pub(in crate::task_types) secrets: SecretParts,
    pub(in crate::task_types) redirects_max: u32,
    pub(in crate::task_types) body_max: usize,
}

/// What of a request are secrets, which only the host is to get that the task names.
#[derive(Default)]
pub(in crate::task_types) struct SecretParts {
    headers: Vec<HeaderName>,
    is_in_body: bool,
}

impl SecretParts {
    pub(super) fn of(ctx: &TaskContext, has_login: bool) -> Self {
        let mut parts = Self::default();
        for found in ctx.secrets.iter() {
            let mut steps = found.pointer.split('/').skip(1);
            match (steps.next(), steps.next()) {
                (Some("body"), _) => parts.is_in_body = true,
                (Some("headers"), Some(name)) => parts.headers.extend(name.parse::<HeaderName>()),
                _ => {}
            }
        }
        if has_login {
            parts.headers.push(AUTHORIZATION);
        }
        parts
    }
}

/// The last response.
pub(in crate::task_types) struct Response {
    pub(in crate::task_types) status: u16,
    pub(in crate::task_types) headers: HeaderMap,
    pub(in crate::task_types) body: Bytes,
}

/// Makes a request and follows its redirects.
pub(in crate::task_types) async fn exchange(
    client: &Client,
    ctx: &TaskContext,
    mut request: Request,
) -> Result<Response, TaskError> {
    take_credentials(&mut request)?;
    let mut n_redirects = 0;
    loop {
        client.check(&request.url)?;
        let response = send(client, &request).await?;
        ctx.info(&format!(
            "{} {} answered {}",
            request.method,
            place(&request.url),
            response.status()
        ));
        let Some(location) = redirect(&response, request.redirects_max) else {
            return read(response, request.body_max).await;
        };
        if n_redirects == request.redirects_max {
            return Err(TaskError::new(
                "redirects",
                format!("more than {n_redirects} redirects, the last to {location}"),
            ));
        }
        n_redirects += 1;
        let status = response.status().as_u16();
        let next = request.url.join(&location).map_err(|error| {
            TaskError::new(
                "redirects",
                format!("the redirect to `{location}` leads nowhere: {error}"),
            )
        })?;
        follow(&mut request, next, status)?;
    }
}

async fn send(client: &Client, request: &Request) -> Result<reqwest::Response, TaskError> {
    let mut built = reqwest::Request::new(request.method.clone(), request.url.clone());
    *built.headers_mut() = request.headers.clone();
    *built.body_mut() = request.body.clone().map(reqwest::Body::from);
    client
        .get()?
        .execute(built)
        .await
        .map_err(|error| task_error(&error, &request.url))
}

/// Where a response sends us, if it does and we go.
fn redirect(response: &reqwest::Response, redirects_max: u32) -> Option<String> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) && redirects_max > 0;
    let location = response.headers().get(LOCATION).filter(|_| redirects)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// Turns a request into the one that follows it.
///
/// Fails if a secret in the body would go to another host.
fn follow(request: &mut Request, mut next: Url, status: u16) -> Result<(), TaskError> {
    let becomes_get = status == 303 || (matches!(status, 301 | 302) && request.method == Method::POST);
    if becomes_get && request.method != Method::HEAD {
        request.method = Method::GET;
        request.body = None;
        for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
            request.headers.remove(name);
        }
    }
    // What the other side writes into the address are not our credentials.
    let _ = next.set_username("");
    let _ = next.set_password(None);
    let is_same = next.host_str() == request.url.host_str()
        && next.port_or_known_default() == request.url.port_or_known_default();
    let is_weaker = request.url.scheme() == "https" && next.scheme() != "https";
    if !is_same || is_weaker {
        if request.secrets.is_in_body && request.body.is_some() {
            let message = format!(
                "the redirect leads to {}, and the body holds a secret that is meant for {}",
                place(&next),
                place(&request.url)
            );
            return Err(TaskError::new("redirects", message).permanent());
        }
        let credentials: Vec<HeaderName> = request
            .headers
            .keys()
            .filter(|name| is_credential(name) || request.secrets.headers.contains(name))
            .cloned()
            .collect();
        for name in credentials {
            request.headers.remove(name);
        }
        // A name chosen for the first host.
        request.headers.remove(reqwest::header::HOST);
    }
    request.url = next;
    Ok(())
}

/// Whether a header is likely to hold a secret: the standard ones, and what keys and tokens are commonly called.
fn is_credential(name: &HeaderName) -> bool {
    let name = name.as_str();
    name != "idempotency-key"
        && ["auth", "cookie", "token", "secret", "key", "password", "session"]
            .iter()
            .any(|word| name.contains(word))
}

/// Name and password in the URL become a header, so that they are treated like one and printed nowhere.
fn take_credentials(request: &mut Request) -> Result<(), TaskError> {
    use base64::Engine as _;
    let (name, password) = (
        request.url.username().to_owned(),
        request.url.password().map(str::to_owned),
    );
    if name.is_empty() && password.is_none() {
        return Ok(());
    }
    let plain = |text: &str| percent_decoded(text);
    let pair = [plain(&name), b":".to_vec(), plain(&password.unwrap_or_default())].concat();
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}"))
        .map_err(|_| input_error("name and password in the URL are not possible"))?;
    value.set_sensitive(true);
    request.headers.entry(AUTHORIZATION).or_insert(value);
    let _ = request.url.set_username("");
    let _ = request.url.set_password(None);
    Ok(())
}

/// Reads a body as far as it may go. What is counted is what comes out of decompression.
async fn read(mut response: reqwest::Response, body_max: usize) -> Result<Response, TaskError> {
    let (status, headers, url) = (
        response.status().as_u16(),
        response.headers().clone(),
        response.url().clone(),
    );
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| task_error(&error, &url))? {
        if body.len() + chunk.len() > body_max {
            let message = format!("the body of the response is larger than {body_max} bytes (`max_body`)");
            return Err(TaskError::new("body_too_large", message).permanent());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response {
        status,
        headers,
        body: body.freeze(),
    })
}

/// A URL without what may be secret in it.
fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn task_error(error: &reqwest::Error, url: &Url) -> TaskError {
    let place = place(url);
    let mut kind = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else {
        "http"
    };
    let mut why = error.to_string();
    for cause in causes(error) {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return refused.task_error();
        }
        if let Some(unresolved) = cause.downcast_ref::<Unresolved>() {
            return TaskError::new("dns", unresolved.to_string());
        }
        if is_tls(cause) {
            kind = "tls";
        }
        why = cause.to_string();
    }
    let message = match kind {
        "timeout" => format!("{place} took too long: {why}"),
        "connect" => format!("{place} cannot be reached: {why}"),
        "tls" => format!("no secure connection to {place}: {why}"),
        _ => format!("the exchange with {place} broke off: {why}"),
    };
    TaskError::new(kind, message)
}

/// Whether an error comes from TLS; it likes to be wrapped into one of input and output, several times.
fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    let inner = error
        .downcast_ref::<std::io::Error>()
        .and_then(|error| error.get_ref());
    error.is::<rustls::Error>() || inner.is_some_and(|inner| is_tls(inner))
}
