//! A task run's log: as text, as pages, followed.

use app::model::{LogLine, LogPage};
use async_trait::async_trait;
use axum::body::Bytes;
use engine::store::LogChunk;
use engine::task_logs::LogHint;
use engine::{Engine, EngineError, EngineResult, Logs};
use flow::{RunId, Timestamp};
use futures::Stream;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::{FLUSH_BYTES, Frame, Pace, Source};
use crate::problem::{ApiError, ApiResult};

/// Bytes read at a time for a download.
const TEXT_BYTES: usize = 256 * 1024;

/// A position in a log from its text: `attempt:chunk`; nothing is the beginning.
pub(crate) fn position(text: Option<&str>) -> ApiResult<(u32, u64)> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok((0, 0));
    };
    let parts = text
        .split_once(':')
        .and_then(|(attempt, chunk)| Some((attempt.parse().ok()?, chunk.parse().ok()?)));
    parts.ok_or_else(|| {
        ApiError::bad_request(
            "bad_position",
            format!("`{text}` is no position in a log; give the `id` of a frame"),
        )
    })
}

pub(crate) fn position_text((attempt, chunk): (u32, u64)) -> String {
    format!("{attempt}:{chunk}")
}

/// A piece of a log as pages have it.
pub(crate) fn page(logs: &Logs) -> LogPage {
    LogPage {
        lines: lines_of(&logs.chunks),
        next: Some(position_text(logs.next)),
        ..LogPage::default()
    }
}

/// The lines of chunks, uncounted.
pub(crate) fn lines_of(chunks: &[(u32, LogChunk)]) -> Vec<LogLine> {
    chunks
        .iter()
        .flat_map(|(attempt, chunk)| lines(*attempt, chunk))
        .collect()
}

fn lines(attempt: u32, chunk: &LogChunk) -> impl Iterator<Item = LogLine> {
    chunk
        .text
        .lines()
        .map(move |text| line_of(attempt, 0, chunk, text))
}

/// A line of a chunk, with its number if somebody counted.
pub(crate) fn line_of(attempt: u32, n: u64, chunk: &LogChunk, text: &str) -> LogLine {
    LogLine {
        attempt,
        n,
        at: chunk.at,
        stream: chunk.stream.key().to_owned(),
        text: text.to_owned(),
    }
}

/// Where the lines of an attempt begin; of all if none is named.
const fn beginning(attempt: Option<u32>) -> (u32, u64) {
    match attempt {
        Some(attempt) => (attempt, 0),
        None => (0, 0),
    }
}

/// Leaves out what is of other attempts. They stand one after the other: what is left of a piece that began with this one is all of it.
fn keep(logs: &mut Logs, attempt: Option<u32>) {
    logs.chunks
        .retain(|(of, _)| attempt.is_none_or(|attempt| attempt == *of));
}

/// A log as text, or an attempt's part of it, read piece by piece as the client takes it.
pub(crate) fn text(
    engine: Engine,
    run: RunId,
    task: String,
    after: (u32, u64),
    attempt: Option<u32>,
) -> impl Stream<Item = EngineResult<Bytes>> {
    let is_from_start = after.0 == 0;
    let start = (engine, task, after.max(beginning(attempt)), is_from_start);
    futures::stream::try_unfold(start, move |(engine, task, after, is_first)| async move {
        if is_first {
            engine.logs_flushed(run).await;
        }
        let mut logs = engine.task_logs(run, &task, after, TEXT_BYTES).await?;
        keep(&mut logs, attempt);
        if logs.chunks.is_empty() {
            return Ok(None);
        }
        let text: String = logs.chunks.into_iter().map(|(_, chunk)| chunk.text).collect();
        Ok(Some((Bytes::from(text), (engine, task, logs.next, false))))
    })
}

/// The first frame.
#[derive(Serialize)]
struct Hello {
    server_now: Timestamp,
}

/// The last frame.
#[derive(Serialize)]
struct End<'t> {
    run: RunId,
    task: &'t str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Hello,
    /// More may be written.
    Following,
    /// The task has settled and its log is flushed: what is there is all.
    Settled,
    Over,
}

/// Follows the log of one task run.
pub(crate) struct TaskLogs {
    engine: Engine,
    run: RunId,
    task: String,
    after: (u32, u64),
    /// The attempt whose lines are followed; of all if none is named.
    attempt: Option<u32>,
    grown: broadcast::Receiver<LogHint>,
    changed: watch::Receiver<u64>,
    stage: Stage,
    pace: Pace,
}

impl TaskLogs {
    /// Follows a log from a position on.
    pub(crate) async fn open(
        engine: &Engine,
        run: RunId,
        task: String,
        after: (u32, u64),
        attempt: Option<u32>,
    ) -> EngineResult<Self> {
        // Register before looking, or what happens in between is missed.
        let (grown, changed) = (engine.watch_logs(), engine.watch_run(run));
        engine.task(run, &task).await?;
        let engine = engine.clone();
        Ok(Self {
            engine,
            run,
            task,
            after: after.max(beginning(attempt)),
            attempt,
            grown,
            changed,
            stage: Stage::Hello,
            pace: Pace::default(),
        })
    }

    /// Reads what follows the position; none if nothing does.
    async fn read(&mut self) -> EngineResult<Option<Frame>> {
        self.pace.wait().await;
        let mut logs = self
            .engine
            .task_logs(self.run, &self.task, self.after, FLUSH_BYTES)
            .await?;
        keep(&mut logs, self.attempt);
        if logs.chunks.is_empty() {
            return Ok(None);
        }
        self.after = logs.next;
        Ok(Some(Frame::new("log", &page(&logs)).at(position_text(logs.next))))
    }

    /// Waits until the log may have grown or the task settled.
    async fn wait(&mut self) -> EngineResult<()> {
        loop {
            tokio::select! {
                hint = self.grown.recv() => match hint {
                    Ok(hint) if hint.run != self.run || *hint.task != *self.task => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return Ok(()),
                    Err(RecvError::Closed) => return Err(EngineError::Unavailable("stopped".to_owned())),
                },
                changed = self.changed.changed() => {
                    return changed.map_err(|_| EngineError::Unavailable("stopped".to_owned()));
                }
            }
        }
    }

    async fn step(&mut self) -> EngineResult<Option<Frame>> {
        loop {
            if let Some(frame) = self.read().await? {
                return Ok(Some(frame));
            }
            if self.stage == Stage::Settled {
                self.stage = Stage::Over;
                return Ok(Some(Frame::new(
                    "end",
                    &End {
                        run: self.run,
                        task: &self.task,
                    },
                )));
            }
            self.changed.mark_unchanged();
            if self.engine.task(self.run, &self.task).await?.state.is_final() {
                self.engine.logs_flushed(self.run).await;
                // What came last is read once more.
                self.stage = Stage::Settled;
            } else {
                self.wait().await?;
            }
        }
    }
}

#[async_trait]
impl Source for TaskLogs {
    async fn next(&mut self) -> Option<Vec<Frame>> {
        match self.stage {
            Stage::Hello => {
                self.stage = Stage::Following;
                Some(vec![Frame::new(
                    "hello",
                    &Hello {
                        server_now: self.engine.clock().now(),
                    },
                )])
            }
            Stage::Over => None,
            // A store that cannot be read ends the stream; the client comes back with its position.
            Stage::Following | Stage::Settled => Some(vec![self.step().await.ok()??]),
        }
    }
}
