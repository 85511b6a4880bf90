//! Live streams: frames made from what is committed, sent as server-sent events or over WebSocket.
//!
//! Nothing is buffered for a client. A [`Source`] registers for hints first, then reads the store from the client's position, and
//! waits for a hint when it has caught up; it is asked for more only when the client has taken what came before. A client that
//! is too far behind, or whose position does not exist, gets a `reset` with a snapshot instead of the past.

pub(crate) mod logs;
pub(crate) mod many;
pub(crate) mod mux;
#[cfg(test)]
mod readers;
pub(crate) mod run;
mod run_logs;
mod runs;
mod stats;

use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flow::AttemptToken;
use flow::run::{Event, EventKind};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::problem::{ApiError, ApiResult};
use crate::state::{STREAMS_MAX, ServerState, Stopping};

/// A silent stream says that it lives: proxies cut idle ones at 30 s or more.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The least time between two flushes: what happens within it travels together. A screen shows a frame each 16 ms.
const FLUSH_EVERY: Duration = Duration::from_millis(20);

/// Bytes of frames that travel together, about.
const FLUSH_BYTES: usize = 64 * 1024;

/// How long a client may take to take a flush over WebSocket. (A stalled event stream is just not read, and holds nothing.)
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// How soon a client should come back when a stream breaks, in milliseconds.
const OPENING: &str = "retry: 1000\n\n";

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    event: &'static str,
    id: Option<String>,
    data: String,
}

impl Frame {
    /// A frame whose data is this as JSON.
    pub(crate) fn new(event: &'static str, data: &impl Serialize) -> Self {
        // All that is sent has text keys and finite numbers only, which JSON always holds.
        let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
        Self {
            event,
            id: None,
            data,
        }
    }

    /// The same, with the position behind it.
    pub(crate) fn at(mut self, id: impl ToString) -> Self {
        self.id = Some(id.to_string());
        self
    }

    /// As server-sent event. JSON has no line breaks, so one `data` line holds it.
    fn write_event(&self, text: &mut String) {
        text.push_str("event: ");
        text.push_str(self.event);
        if let Some(id) = &self.id {
            text.push_str("\nid: ");
            text.push_str(id);
        }
        text.push_str("\ndata: ");
        text.push_str(&self.data);
        text.push_str("\n\n");
    }

    /// As WebSocket message: `{event, id?, data}`.
    fn to_message(&self) -> String {
        let id = self.id.as_ref().map_or_else(String::new, |id| {
            format!(",\"id\":{}", serde_json::Value::from(id.as_str()))
        });
        format!("{{\"event\":\"{}\"{id},\"data\":{}}}", self.event, self.data)
    }
}

/// Where frames come from.
#[async_trait]
pub(crate) trait Source: Send {
    /// The next frames, when there are some; at most about [`FLUSH_BYTES`] of them. None at the end of the stream. Dropping the
    /// future loses nothing: the next call goes on where the last one that came back ended.
    async fn next(&mut self) -> Option<Vec<Frame>>;
}

/// Keeps flushes apart.
#[derive(Default)]
pub(crate) struct Pace {
    last: Option<Instant>,
}

impl Pace {
    /// Comes back when the next flush may go out: at once after a pause.
    pub(crate) async fn wait(&mut self) {
        if let Some(last) = self.last {
            tokio::time::sleep_until(last + FLUSH_EVERY).await;
        }
        self.last = Some(Instant::now());
    }
}

/// The position a client names when it comes back.
pub(crate) fn last_event_id(headers: &HeaderMap) -> ApiResult<Option<String>> {
    let Some(id) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let id = id
        .to_str()
        .map_err(|_| ApiError::bad_request("bad_position", "`Last-Event-ID` is no position"))?;
    Ok(Some(id.to_owned()).filter(|id| !id.is_empty()))
}

/// What must not leave the server: with an attempt's token one could report about it.
pub(crate) fn redact(event: &mut Event) {
    if let EventKind::TaskScheduled { token, .. } = &mut event.kind {
        *token = AttemptToken(0);
    }
}

fn permit(state: &ServerState) -> ApiResult<OwnedSemaphorePermit> {
    std::sync::Arc::clone(&state.shared.streams)
        .try_acquire_owned()
        .map_err(|_| {
            let detail =
                format!("there are {STREAMS_MAX} streams open already; close some or come back in a while");
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", detail)
        })
}

/// A response of server-sent events.
pub(crate) fn sse(state: &ServerState, source: Box<dyn Source>) -> ApiResult<Response> {
    let client = Client {
        source,
        stopping: state.shared.stopping.clone(),
        _permit: permit(state)?,
    };
    let opening = futures::stream::once(async {
        Ok::<_, std::convert::Infallible>(Bytes::from_static(OPENING.as_bytes()))
    });
    let frames = futures::stream::unfold(client, |mut client| async move {
        let text = client.next().await?;
        Some((Ok(Bytes::from(text)), client))
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-transform"),
        ),
        (
            header::HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((
        headers,
        Body::from_stream(futures::StreamExt::chain(opening, frames)),
    )
        .into_response())
}

/// A client of server-sent events. Dropped when the connection breaks, and with it everything the stream holds.
struct Client {
    source: Box<dyn Source>,
    stopping: Stopping,
    _permit: OwnedSemaphorePermit,
}

impl Client {
    async fn next(&mut self) -> Option<String> {
        let next = tokio::select! {
            () = self.stopping.wait() => return None,
            next = tokio::time::timeout(HEARTBEAT, self.source.next()) => next,
        };
        let Ok(frames) = next else {
            return Some(": still here\n\n".to_owned());
        };
        let mut text = String::new();
        for frame in frames? {
            frame.write_event(&mut text);
        }
        Some(text)
    }
}

/// The same frames over WebSocket.
pub(crate) fn websocket(
    state: &ServerState,
    upgrade: WebSocketUpgrade,
    source: Box<dyn Source>,
) -> ApiResult<Response> {
    /// Clients have nothing to say.
    const MESSAGE_BYTES_MAX: usize = 4096;
    let permit = permit(state)?;
    let stopping = state.shared.stopping.clone();
    Ok(upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .on_upgrade(move |socket| async move {
            follow(socket, source, stopping).await;
            drop(permit);
        }))
}

async fn follow(mut socket: WebSocket, mut source: Box<dyn Source>, stopping: Stopping) {
    loop {
        let next = tokio::select! {
            () = stopping.wait() => break,
            message = socket.recv() => match message {
                // Pings are answered by the library; anything else is not for us.
                Some(Ok(_)) => continue,
                _ => return,
            },
            next = tokio::time::timeout(HEARTBEAT, source.next()) => next,
        };
        let messages = match next {
            Err(_) => vec![Message::Ping(Bytes::new())],
            Ok(None) => break,
            Ok(Some(frames)) => frames
                .iter()
                .map(|frame| Message::Text(frame.to_message().into()))
                .collect(),
        };
        for message in messages {
            let sent = tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    }
    // The other side may be gone already.
    let _ = socket.send(Message::Close(None)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written() {
        let frame = Frame::new("event", &serde_json::json!({"a": "x\ny"})).at(7);
        let mut text = String::new();
        frame.write_event(&mut text);
        assert_eq!(text, "event: event\nid: 7\ndata: {\"a\":\"x\\ny\"}\n\n");
        assert_eq!(
            frame.to_message(),
            r#"{"event":"event","id":"7","data":{"a":"x\ny"}}"#
        );
    }
}
