//! A real server on a free port with a folder of its own, and its answers as text.

use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;

use expect_test::Expect;
use reqwest::{Client, Method};
use server::{ServeOptions, Server};
use tempfile::TempDir;

/// Headers that answers are shown with.
const SHOWN: [&str; 6] = [
    "content-type",
    "location",
    "content-location",
    "etag",
    "allow",
    "retry-after",
];

/// A server under test.
pub(crate) struct Site {
    pub(crate) url: String,
    pub(crate) client: Client,
    server: Mutex<Option<Server>>,
    /// The ids seen so far, in their order: `run_1`, `run_2` …
    seen: Mutex<Vec<String>>,
    dir: TempDir,
}

/// A client that talks to the server alone and follows no redirect.
pub(crate) fn client() -> Client {
    // A client wants to know how to encrypt even if it never does. A second test of the process says it again.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The id of the run that was started.
    pub(crate) fn run(&self) -> String {
        self.json()["run_id"]
            .as_str()
            .expect("a run was started")
            .to_owned()
    }
}

impl Site {
    /// Starts a server without flows.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let server = Server::start(options(&dir)).await.expect("it starts");
        let client = client();
        let url = format!("http://{}", server.address());
        Self {
            url,
            client,
            server: Mutex::new(Some(server)),
            seen: Mutex::default(),
            dir,
        }
    }

    /// Stops the server and starts another on the same data.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let server = Server::start(options(&self.dir)).await.expect("it starts again");
        self.url = format!("http://{}", server.address());
        *self.server.lock().expect("not poisoned") = Some(server);
    }

    pub(crate) async fn stop(&self) {
        let server = self.server.lock().expect("not poisoned").take();
        server.expect("it runs").stop(Duration::ZERO).await;
    }

    /// `request` is a method and an address, headers one a line, an empty line and the body.
    pub(crate) async fn send(&self, request: &str) -> Answer {
        self.send_bytes(request, None).await
    }

    /// The same, with another body.
    pub(crate) async fn send_bytes(&self, request: &str, body: Option<Vec<u8>>) -> Answer {
        let (head, text) = request.split_once("\n\n").unwrap_or((request, ""));
        let mut lines = head.lines();
        let (method, path) = lines
            .next()
            .and_then(|line| line.split_once(' '))
            .expect("method and address");
        let method: Method = method.parse().expect("a method");
        let mut builder = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in lines.map(|line| line.split_once(": ").expect("a header")) {
            builder = builder.header(name, value);
        }
        let body = body.unwrap_or_else(|| text.as_bytes().to_vec());
        let response = if body.is_empty() {
            builder
        } else {
            builder.body(body)
        }
        .send()
        .await
        .expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a body");
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer {
            status,
            headers,
            body,
        }
    }

    /// The answer to a request, with ids and times made the same in each run.
    pub(crate) async fn check(&self, request: &str, expected: Expect) {
        let answer = self.send(request).await;
        expected.assert_eq(&self.show(&answer));
    }

    pub(crate) fn show(&self, answer: &Answer) -> String {
        let mut text = format!("{}\n", answer.status);
        for name in SHOWN {
            if let Some(value) = answer.headers.get(name) {
                let _ = writeln!(text, "{name}: {}", value.to_str().expect("text"));
            }
        }
        match serde_json::from_str::<serde_json::Value>(&answer.body) {
            Ok(value) if value.is_object() || value.is_array() => {
                let _ = writeln!(text, "{value:#}");
            }
            _ if answer.body.is_empty() => {}
            _ => {
                let _ = writeln!(text, "{}", answer.body.trim_end());
            }
        }
        self.redact(&text)
    }

    /// Ids become `run_1`, `run_2` …, times `TIME`.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut seen = self.seen.lock().expect("not poisoned");
        let mut shown = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(id) = rest.get(..30).filter(|id| is_run_id(id)) {
                let at = seen.iter().position(|known| known == id).unwrap_or_else(|| {
                    seen.push(id.to_owned());
                    seen.len() - 1
                });
                let _ = write!(shown, "run_{}", at + 1);
                rest = &rest[30..];
            } else if let Some(length) = time_length(rest) {
                shown.push_str("TIME");
                rest = &rest[length..];
            } else {
                shown.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        shown
    }

    /// Saves a flow that must be right.
    pub(crate) async fn save(&self, yaml: &str) {
        let answer = self
            .send(&format!(
                "POST /api/v1/flows\ncontent-type: application/yaml\n\n{yaml}"
            ))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Starts a run that must be accepted.
    pub(crate) async fn begin(&self, flow: &str) -> String {
        self.send(&format!("POST /api/v1/flows/{flow}/runs")).await.run()
    }

    /// Starts a run and waits for its end.
    pub(crate) async fn finish(&self, flow: &str) -> String {
        let answer = self
            .send(&format!("POST /api/v1/flows/{flow}/runs?wait=60s"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }
}

fn options(dir: &TempDir) -> ServeOptions {
    let listen = ([127, 0, 0, 1], 0).into();
    ServeOptions {
        examples: false,
        workers: Some(4),
        ..ServeOptions::new(listen, dir.path().join("data"))
    }
}

fn is_run_id(text: &str) -> bool {
    text.strip_prefix("run_").is_some_and(|rest| {
        rest.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// The length of the RFC 3339 time a text begins with.
fn time_length(text: &str) -> Option<usize> {
    let length = text.find('Z').filter(|end| (19..=30).contains(end))? + 1;
    let time = &text.as_bytes()[..length];
    (time[4] == b'-' && time[10] == b'T' && time[0].is_ascii_digit()).then_some(length)
}
