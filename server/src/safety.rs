//! Which requests are let in, and what every response says to browsers.
//!
//! A server on loopback has no login: what keeps other web pages out is that a request must be for a host we answer to (so that
//! a foreign name made to point here is refused), and that writes and streams must come from our own pages or from no page at all.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::accept::wants_events;
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

/// Our own address of the connection a request came by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalAddress(pub(crate) IpAddr);

/// The address a connection came from: a proxy's, if there is one in front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// The hosts requests may be for. Ports do not matter: another port of ours is no other's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts(Vec<String>);

impl Hosts {
    /// Loopback, the address we listen on, and those that were named.
    pub(crate) fn new(listen: SocketAddr, named: &[String]) -> Self {
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into();
        if !listen.ip().is_unspecified() {
            hosts.push(bracketed(listen.ip()));
        }
        hosts.extend(named.iter().map(|host| match host.parse::<IpAddr>() {
            Ok(address) => bracketed(address),
            Err(_) => host.to_ascii_lowercase(),
        }));
        Self(hosts)
    }

    fn allow(&self, host: &str, local: Option<LocalAddress>) -> bool {
        let host = host.to_ascii_lowercase();
        // Nobody can make an address point elsewhere: one by which the connection came in is ours.
        self.0.contains(&host)
            || local.is_some_and(|LocalAddress(address)| bracketed(address.to_canonical()) == host)
    }
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Lets a request in or not, and adds to the response what browsers should know.
pub(crate) async fn guard(State(state): State<ServerState>, request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let mut response = match admit(&state.shared.hosts, &request, is_read) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    secure(&mut response);
    response
}

fn admit(hosts: &Hosts, request: &Request, is_read: bool) -> ApiResult<()> {
    let n_bytes: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if n_bytes > HEADERS_BYTES_MAX {
        let detail = format!(
            "the headers are too large; at most {} KiB are read",
            HEADERS_BYTES_MAX / 1024
        );
        return Err(ApiError::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            detail,
        ));
    }
    let authority = authority(request)?;
    let local = request.extensions().get::<LocalAddress>().copied();
    if !hosts.allow(authority.host(), local) {
        let detail = format!(
            "this server does not answer for the host `{}`; start it with `--allow-host {0}` if it should",
            authority.host()
        );
        return Err(ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "host_not_allowed",
            detail,
        ));
    }
    let headers = request.headers();
    let is_stream = wants_events(headers) || headers.contains_key(header::UPGRADE);
    if (is_read && !is_stream) || is_delivery(request) {
        Ok(())
    } else {
        same_origin(headers, &authority)
    }
}

/// Whether a request is a delivery to a webhook. Those come from other machines and may name any origin: what lets them in is a secret
/// that no browser adds by itself to what a foreign page sends.
fn is_delivery(request: &Request) -> bool {
    let path = request.uri().path().strip_prefix("/hooks/");
    let names = path.and_then(|path| path.split_once('/'));
    *request.method() == Method::POST
        && names.is_some_and(|(_, name)| !name.is_empty() && !name.contains('/'))
}

/// The host a request is for: of the whole address if it has one, else of the header. Both must agree.
fn authority(request: &Request) -> ApiResult<Authority> {
    let bad = |detail: &str| ApiError::bad_request("bad_host", detail);
    let mut headers = request.headers().get_all(header::HOST).into_iter();
    let named = match (headers.next(), headers.next()) {
        (_, Some(_)) => return Err(bad("the request has several Host headers")),
        (None, None) => None,
        (Some(host), None) => {
            let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
            Some(
                host.filter(|host| !host.as_str().contains('@'))
                    .ok_or_else(|| bad("the Host header is not a host"))?,
            )
        }
    };
    match (request.uri().authority(), named) {
        (Some(whole), Some(named)) if *whole != named => {
            Err(bad("the address and the Host header name different hosts"))
        }
        (Some(whole), _) => Ok(whole.clone()),
        (None, Some(named)) => Ok(named),
        (None, None) if request.version() == Version::HTTP_10 => {
            Err(bad("the request has no Host header; HTTP/1.1 asks for one"))
        }
        (None, None) => Err(bad("the request has no Host header")),
    }
}

/// Whether a request comes from a page of ours, or from no page.
fn same_origin(headers: &HeaderMap, authority: &Authority) -> ApiResult<()> {
    let foreign = |detail: String| Err(ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", detail));
    for site in headers.get_all("sec-fetch-site") {
        if !matches!(site.as_bytes(), b"same-origin" | b"none") {
            return foreign("a page of another site may not do this".to_owned());
        }
    }
    for origin in headers.get_all(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or("null");
        let host = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        let is_ours = host
            .and_then(|host| host.parse::<Authority>().ok())
            .is_some_and(|host| same_host(&host, authority));
        if !is_ours {
            return foreign(format!("a page of `{origin}` may not do this"));
        }
    }
    Ok(())
}

/// The same host and port. A missing port is the scheme's, which a proxy in front may have changed: then either will do.
fn same_host(origin: &Authority, own: &Authority) -> bool {
    let usual = |port: Option<u16>| port.is_none_or(|port| port == 80 || port == 443);
    let same_port =
        origin.port_u16() == own.port_u16() || (usual(origin.port_u16()) && usual(own.port_u16()));
    origin.host().eq_ignore_ascii_case(own.host()) && same_port
}

/// Bytes of a request's headers: cookies of everything on localhost fit, attacks do not.
const HEADERS_BYTES_MAX: usize = 32 * 1024;

/// What a browser may do with what is no page of the app: nothing.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

fn secure(response: &mut Response) {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Our own forms lead back by it; nobody else gets to know what is open here.
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(header::CONTENT_SECURITY_POLICY, NOTHING);
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use expect_test::{Expect, expect};

    /// `request` is a method, an address and headers, one a line. The server listens on 10.0.0.7 and is called `flows.example`.
    fn check(request: &str, expected: Expect) {
        let mut lines = request.lines().map(str::trim);
        let (method, uri) = lines
            .next()
            .and_then(|line| line.split_once(' '))
            .expect("method and address");
        let mut builder = Request::builder()
            .method(method)
            .uri(uri)
            .extension(LocalAddress([192, 168, 1, 5].into()));
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            builder = builder.header(name, value);
        }
        let request = builder.body(Body::empty()).expect("a request");
        let hosts = Hosts::new(([10, 0, 0, 7], 8000).into(), &["flows.example".to_owned()]);
        let is_read = request.method() == Method::GET;
        expected.assert_eq(&match admit(&hosts, &request, is_read) {
            Ok(()) => "let in".to_owned(),
            Err(error) => format!("{} {}", error.status().as_u16(), AppErrorText(error)),
        });
    }

    struct AppErrorText(ApiError);

    impl std::fmt::Display for AppErrorText {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&app::AppError::from(self.0.clone()).message)
        }
    }

    #[test]
    fn hosts() {
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "127.0.0.1:9",
            "[::1]:8000",
            "10.0.0.7",
            "flows.example",
            "192.168.1.5:8000",
        ] {
            check(&format!("GET /\nhost: {host}"), expect!["let in"]);
        }
        check(
            "GET /\nhost: evil.example",
            expect![
                "421 This server does not answer for the host `evil.example`; start it with `--allow-host evil.example` if it should."
            ],
        );
        check(
            "GET /\nhost: localhost.evil.example",
            expect![
                "421 This server does not answer for the host `localhost.evil.example`; start it with `--allow-host localhost.evil.example` if it should."
            ],
        );
        check(
            "GET /\nhost: localhost@evil.example",
            expect!["400 The Host header is not a host."],
        );
        check("GET /", expect!["400 The request has no Host header."]);
        check(
            "GET /\nhost: localhost\nhost: evil.example",
            expect!["400 The request has several Host headers."],
        );
        check(
            "GET http://evil.example/\nhost: localhost",
            expect!["400 The address and the Host header name different hosts."],
        );
        check(
            "GET http://localhost:8000/\nhost: localhost:8000",
            expect!["let in"],
        );
    }

    #[test]
    fn origins() {
        check("POST /\nhost: localhost:8000", expect!["let in"]);
        check(
            "POST /\nhost: localhost:8000\norigin: http://localhost:8000\nsec-fetch-site: same-origin",
            expect!["let in"],
        );
        check(
            "POST /\nhost: localhost:8000\norigin: http://localhost:3000",
            expect!["403 A page of `http://localhost:3000` may not do this."],
        );
        check(
            "POST /\nhost: localhost:8000\norigin: null",
            expect!["403 A page of `null` may not do this."],
        );
        check(
            "POST /\nhost: flows.example\norigin: https://flows.example",
            expect!["let in"],
        );
        check(
            "POST /hooks/flow/name\nhost: localhost:8000\norigin: https://evil.example\nsec-fetch-site: cross-site",
            expect!["let in"],
        );
        check(
            "POST /hooks/flow/name\nhost: evil.example",
            expect![
                "421 This server does not answer for the host `evil.example`; start it with `--allow-host evil.example` if it should."
            ],
        );
        check(
            "DELETE /hooks/flow/name\nhost: localhost:8000\norigin: https://evil.example",
            expect!["403 A page of `https://evil.example` may not do this."],
        );
        check(
            "POST /hooks/flow/name/more\nhost: localhost:8000\norigin: https://evil.example",
            expect!["403 A page of `https://evil.example` may not do this."],
        );
        check(
            "DELETE /\nhost: localhost:8000\nsec-fetch-site: same-site",
            expect!["403 A page of another site may not do this."],
        );
        check(
            "GET /\nhost: localhost:8000\norigin: http://evil.example",
            expect!["let in"],
        );
        check(
            "GET /\nhost: localhost:8000\norigin: http://evil.example\naccept: text/event-stream",
            expect!["403 A page of `http://evil.example` may not do this."],
        );
        check(
            "GET /\nhost: localhost:8000\norigin: http://evil.example\nupgrade: websocket",
            expect!["403 A page of `http://evil.example` may not do this."],
        );
    }
}
