//! A run as a file. It is written piece by piece as the client takes it, so that a large run takes no more memory than a small one.

use std::collections::{BTreeMap, VecDeque};

use app::capsule::{FORMAT, VERSION, paths_with_logs};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use engine::{Engine, EngineResult};
use flow::run::{Event, EventKind};
use flow::{Payload, RunId};
use futures::Stream;
use serde::Serialize;
use serde_json::{Value, json};

use crate::extract::{NoParams, Path, Query, run_id};
use crate::problem::ApiResult;
use crate::state::ServerState;
use crate::stream::{self, logs};

/// Events read at a time.
const EVENTS_PER_READ: usize = 500;

/// Bytes of one value in the file; a larger one stays behind.
const VALUE_BYTES_MAX: u64 = 1024 * 1024;

/// Bytes of all large values together.
const VALUES_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Bytes of one task run's log: its end.
const LOG_BYTES_MAX: usize = 256 * 1024;

/// Bytes of all logs together, about.
const LOGS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Task runs whose logs are looked for.
const LOGS_MAX: usize = 2_000;

/// Export a run as a file
///
/// One JSON document with a `format` and its `version`: the flow version, all events, large values, logs. The web app opens it at
/// `/runs/open`, on any Pointwork, which need not know the run. Secrets are not in it. Values and logs beyond the limits are left out,
/// which `left_out` says in words.
#[utoipa::path(
    get, path = "/runs/{run}/capsule", tag = "runs", params(("run" = String, Path, description = "`run_…`")),
    responses((status = 200, description = "The file.", content((serde_json::Value = "application/json"))))
)]
pub(super) async fn export(
    State(state): State<ServerState>,
    Path(run): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let run = run_id(&run)?;
    let file = Writer::new(&state.engine, run).await?;
    let name = format!("attachment; filename=\"{run}.json\"");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment")),
        ),
    ];
    Ok((headers, Body::from_stream(file.pieces())).into_response())
}

/// What comes next.
enum Stage {
    Head,
    Events,
    Values,
    Logs,
    Over,
}

struct Writer {
    engine: Engine,
    run: RunId,
    head: String,
    stage: Stage,
    /// The last event that was written, and the last there was at the beginning.
    after: u64,
    last_seq: u64,
    /// Large values that events name, not yet written, and bytes of those that were.
    values: BTreeMap<String, Payload>,
    value_bytes: u64,
    paths: VecDeque<String>,
    log_bytes: usize,
    /// Whether the list that is being written has an entry already.
    has_entry: bool,
    left_out: Vec<String>,
}

impl Writer {
    async fn new(engine: &Engine, run: RunId) -> EngineResult<Self> {
        engine.logs_flushed(run).await;
        let state = engine.state(run).await?;
        let fields = [
            ("format", json!(FORMAT)),
            ("version", json!(VERSION)),
            ("run", json!(run)),
            ("exported_at", json!(engine.clock().now())),
            ("pointwork", json!(env!("CARGO_PKG_VERSION"))),
            ("document", json!(&*state.plan().doc)),
        ];
        let head: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        let mut paths: VecDeque<String> = paths_with_logs(&state).into();
        let mut left_out = Vec::new();
        if paths.len() > LOGS_MAX {
            let n = paths.len() - LOGS_MAX;
            left_out.push(format!("The logs of {n} task runs are left out."));
            paths.truncate(LOGS_MAX);
        }
        Ok(Self {
            engine: engine.clone(),
            run,
            head: head.join(","),
            stage: Stage::Head,
            after: 0,
            last_seq: state.last_seq(),
            values: BTreeMap::new(),
            value_bytes: 0,
            paths,
            log_bytes: 0,
            has_entry: false,
            left_out,
        })
    }

    fn pieces(self) -> impl Stream<Item = EngineResult<Bytes>> {
        futures::stream::try_unfold(self, |mut writer| async move {
            let piece = writer.next().await?;
            Ok(piece.map(|piece| (Bytes::from(piece), writer)))
        })
    }

    async fn next(&mut self) -> EngineResult<Option<String>> {
        Ok(Some(match self.stage {
            Stage::Head => {
                self.stage = Stage::Events;
                format!("{{{},\"events\":[", self.head)
            }
            Stage::Events => self.events().await?,
            Stage::Values => self.value().await?,
            Stage::Logs => self.log().await?,
            Stage::Over => return Ok(None),
        }))
    }

    async fn events(&mut self) -> EngineResult<String> {
        let mut events = self.engine.events(self.run, self.after, EVENTS_PER_READ).await?;
        events.retain(|event| event.seq <= self.last_seq);
        let Some(last) = events.last() else {
            return Ok(self.turn(Stage::Values, "],\"values\":{"));
        };
        self.after = last.seq;
        let mut piece = String::new();
        for event in &mut events {
            stream::redact(event);
            self.note_values(event);
            self.entry(&mut piece, "", event);
        }
        Ok(piece)
    }

    fn note_values(&mut self, event: &Event) {
        for payload in payloads(&event.kind) {
            if let Some(blob) = payload.blob() {
                self.values.insert(blob.sha256.clone(), payload.clone());
            }
        }
    }

    async fn value(&mut self) -> EngineResult<String> {
        let Some((key, payload)) = self.values.pop_first() else {
            return Ok(self.turn(Stage::Logs, "},\"logs\":{"));
        };
        let bytes = payload.blob().map_or(0, |blob| blob.bytes);
        if bytes > VALUE_BYTES_MAX || self.value_bytes + bytes > VALUES_BYTES_MAX {
            self.left_out
                .push(format!("A value of {bytes} bytes is left out ({key})."));
            return Ok(String::new());
        }
        self.value_bytes += bytes;
        let value = self.engine.value(&payload).await?;
        let mut piece = String::new();
        self.entry(&mut piece, &key, &*value);
        Ok(piece)
    }

    async fn log(&mut self) -> EngineResult<String> {
        let Some(path) = self.paths.pop_front() else {
            let left_out = json!(self.left_out);
            return Ok(self.turn(Stage::Over, &format!("}},\"left_out\":{left_out}}}\n")));
        };
        if self.log_bytes > LOGS_BYTES_MAX {
            let n = self.paths.len() + 1;
            self.left_out
                .push(format!("The logs of {n} task runs are left out."));
            self.paths.clear();
            return Ok(String::new());
        }
        let chunks = self
            .engine
            .task_logs_back(self.run, &path, None, LOG_BYTES_MAX)
            .await?;
        if chunks.is_empty() {
            return Ok(String::new());
        }
        let bytes: usize = chunks.iter().map(|(_, chunk)| chunk.text.len()).sum();
        self.log_bytes += bytes;
        if bytes >= LOG_BYTES_MAX {
            self.left_out
                .push(format!("Of the log of {path} only the end is here."));
        }
        let mut piece = String::new();
        self.entry(&mut piece, &path, &logs::lines_of(&chunks));
        Ok(piece)
    }

    /// Writes an entry of a list, or of an object if it has a name.
    fn entry(&mut self, piece: &mut String, name: &str, value: &impl Serialize) {
        if std::mem::replace(&mut self.has_entry, true) {
            piece.push(',');
        }
        if !name.is_empty() {
            piece.push_str(&Value::from(name).to_string());
            piece.push(':');
        }
        // All that is written has text keys and finite numbers only, which JSON always holds.
        piece.push_str(&serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()));
    }

    fn turn(&mut self, stage: Stage, between: &str) -> String {
        self.stage = stage;
        self.has_entry = false;
        between.to_owned()
    }
}

/// The values that a page shows of an event.
fn payloads(kind: &EventKind) -> Vec<&Payload> {
    match kind {
        EventKind::RunCreated { inputs, .. } | EventKind::ChildRequested { inputs, .. } => vec![inputs],
        EventKind::TaskScheduled { input, .. } | EventKind::TaskWaiting { input, .. } => {
            input.iter().collect()
        }
        EventKind::TaskSucceeded { output, .. } => vec![output],
        EventKind::TaskFailed { output, .. } => output.iter().collect(),
        EventKind::RunFinished { outputs, .. } => outputs.iter().collect(),
        _ => Vec::new(),
    }
}
