//! What server functions carry between server and browser, beside `flow::view`.

use flow::FlowDoc;
use flow::run::Snapshot;
use flow::view::RunDetail;
use serde::{Deserialize, Serialize};

/// Which runs to list. Empty fields do not filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunListQuery {
    /// Of this flow.
    pub flow: Option<String>,
    /// In one of these states.
    pub states: Vec<String>,
    /// With this text in id, flow, label or error.
    pub text: Option<String>,
    /// The page.
    pub cursor: Option<String>,
}

/// Everything the run page shows at first: a live page goes on from it by folding events into the snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunPage {
    /// The run as lists and the API show it, as of the snapshot's last event.
    pub detail: RunDetail,
    /// The document of the version the run is pinned to.
    pub document: FlowDoc,
    /// The run's state, to be continued with events after `snapshot.last_seq()`.
    pub snapshot: Snapshot,
    /// The server's clock when it answered: elapsed times are counted from it, not from the browser's clock.
    pub server_now: flow::Timestamp,
    /// How long finished runs of this flow take on average, if there were any.
    pub usual_ms: Option<u64>,
}

/// A task run's input or output as the inspector shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueView {
    /// Pretty JSON, cut at 64 KiB.
    pub text: String,
    /// Bytes of the whole value's JSON.
    pub bytes: u64,
    /// Whether `text` is not the whole.
    pub cut: bool,
}

/// A piece of a task run's log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// Its lines.
    pub lines: Vec<LogLine>,
    /// Give it as `after` to get what follows.
    pub next: Option<String>,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// From 1.
    pub attempt: u32,
    /// When it was written.
    pub at: flow::Timestamp,
    /// `stdout`, `stderr` or `engine`.
    pub stream: String,
    /// Its text, without the newline; may hold ANSI colour codes.
    pub text: String,
}
