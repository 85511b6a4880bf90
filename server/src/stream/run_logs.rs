//! The logs of all task runs of a run, followed.
//!
//! Lines are told as they arrive. The store knows them by task run, so who wrote is what hints are for: those task runs are read on from
//! where they stood. Who comes, comes back or has missed hints looks at everything written since shortly before its position; readers
//! know by their places which lines they have.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use app::model::RunLogPage;
use async_trait::async_trait;
use engine::store::{LogAmount, LogChunk, LogPlace, LogSide};
use engine::task_logs::LogHint;
use engine::{Engine, EngineError, EngineResult};
use flow::{RunId, Timestamp};
use serde::Serialize;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};

use super::{FLUSH_BYTES, Frame, Pace, Source};
use crate::run_log::{self, NUMBERED_BYTES, position_text};

/// Lines reach the store at most so long after they were written, but for what an attempt held back.
const REWIND: Duration = Duration::from_secs(2);

/// Task runs that wrote and are to be read; past so many, one look at everything is cheaper.
const HEARD_MAX: usize = 4096;

/// Task runs that are read before others are heard again: hints that nobody takes are lost.
const HEARD_READ: usize = 64;

/// Task runs of which it is known how far they were told.
const KNOWN_MAX: usize = 20_000;

/// Chunks that travel together.
const AMOUNT: LogAmount = LogAmount {
    chunks: 500,
    bytes: FLUSH_BYTES,
};

/// Bytes read of a task run that has told nothing yet: what one append holds.
const FIRST_BYTES: usize = 1024 * 1024;

#[derive(Serialize)]
struct Hello {
    server_now: Timestamp,
}

#[derive(Serialize)]
struct End {
    run: RunId,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Hello,
    /// More may be written.
    Following,
    /// The run has ended and its logs are flushed: what is there is all.
    Settled,
    Over,
}

/// How far a task run was told.
#[derive(Clone, Copy, Debug)]
struct Known {
    attempt: u32,
    number: u64,
    /// Lines of that attempt up to there, if they were counted.
    n_lines: Option<u64>,
}

/// Follows the logs of a run.
pub(crate) struct RunLines {
    engine: Engine,
    run: RunId,
    /// Up to when all was told, and how many frames that took.
    position: (Timestamp, u64),
    /// Of task runs that are not known, chunks from here on are new.
    since: Timestamp,
    known: HashMap<Arc<str>, Known>,
    /// Where the look at everything goes on.
    look: Option<LogPlace>,
    /// Task runs that have written.
    heard: BTreeSet<Arc<str>>,
    grown: broadcast::Receiver<LogHint>,
    changed: watch::Receiver<u64>,
    stage: Stage,
    pace: Pace,
}

fn rewound(at: Timestamp) -> Timestamp {
    let micros = i64::try_from(REWIND.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(at.as_micros().saturating_sub(micros))
}

impl RunLines {
    /// Follows a run's logs from a position on.
    pub(crate) async fn open(engine: &Engine, run: RunId, position: (Timestamp, u64)) -> EngineResult<Self> {
        // Register before looking, or what happens in between is missed.
        let (grown, changed) = (engine.watch_logs(), engine.watch_run(run));
        engine.run_summary(run).await?;
        let since = rewound(position.0);
        Ok(Self {
            engine: engine.clone(),
            run,
            position,
            since,
            known: HashMap::new(),
            look: Some(LogPlace::before(since)),
            heard: BTreeSet::new(),
            grown,
            changed,
            stage: Stage::Hello,
            pace: Pace::default(),
        })
    }

    /// Takes in who has written.
    fn hear(&mut self) {
        loop {
            match self.grown.try_recv() {
                Ok(hint) if hint.run != self.run => {}
                Ok(hint) => {
                    self.heard.insert(hint.task);
                }
                Err(TryRecvError::Lagged(_)) => self.look_at_everything(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if self.heard.len() > HEARD_MAX {
            self.look_at_everything();
        }
    }

    fn look_at_everything(&mut self) {
        let from = LogPlace::before(rewound(self.position.0));
        // One that has not come so far sees it anyway.
        if self.look.as_ref().is_none_or(|look| *look > from) {
            self.look = Some(from);
        }
        self.heard.clear();
    }

    fn is_new(&self, place: &LogPlace) -> bool {
        match self.known.get(&place.task) {
            Some(known) => (place.attempt, place.number) > (known.attempt, known.number),
            None => place.at >= self.since,
        }
    }

    /// Reads what is next; whether there was anything to look at, and what came of it.
    ///
    /// Nothing is changed before all is read: whoever waits for it may give up.
    async fn read(&mut self) -> EngineResult<Option<Frame>> {
        self.pace.wait().await;
        let (mut chunks, mut look, mut told) = (Vec::new(), None, Vec::new());
        if let Some(from) = self.look.clone() {
            let logs = self
                .engine
                .run_logs(self.run, LogSide::From(from), AMOUNT)
                .await?;
            chunks = logs.chunks;
            look = chunks.last().filter(|_| logs.has_more).map(|(last, _)| LogPlace {
                number: last.number + 1,
                ..last.clone()
            });
        } else {
            let mut bytes = 0;
            for task in self.heard.iter().take(HEARD_READ) {
                let more = self.of_task(task).await?;
                bytes += more.iter().map(|(_, chunk)| chunk.text.len()).sum::<usize>();
                chunks.extend(more);
                told.push(Arc::clone(task));
                if bytes >= FLUSH_BYTES {
                    // It may have more to tell.
                    told.pop();
                    break;
                }
            }
        }
        chunks.retain(|(place, _)| self.is_new(place));
        chunks.sort_by(|(one, _), (other, _)| key(one).cmp(&key(other)));
        let asked: Vec<LogPlace> = firsts(&chunks)
            .filter(|place| self.continues(place).is_none())
            .cloned()
            .collect();
        let counted = self
            .engine
            .log_lines_before(self.run, asked.clone(), NUMBERED_BYTES)
            .await?;
        self.look = look;
        told.iter().for_each(|task| {
            self.heard.remove(task);
        });
        let counted = asked.into_iter().zip(counted).collect();
        Ok(self.frame(chunks, &counted))
    }

    /// What follows of a task run.
    async fn of_task(&self, task: &Arc<str>) -> EngineResult<Vec<(LogPlace, LogChunk)>> {
        let chunks = match self.known.get(task) {
            Some(known) => {
                let after = (known.attempt, known.number);
                self.engine
                    .task_logs(self.run, task, after, FLUSH_BYTES)
                    .await?
                    .chunks
            }
            None => {
                self.engine
                    .task_logs_back(self.run, task, None, FIRST_BYTES)
                    .await?
            }
        };
        let placed = chunks.into_iter().map(|(attempt, chunk)| {
            let place = LogPlace {
                at: chunk.at,
                task: Arc::clone(task),
                attempt,
                number: chunk.number,
            };
            (place, chunk)
        });
        Ok(placed.collect())
    }

    /// How many lines stand before a chunk, if what was told of its attempt leads up to it.
    fn continues(&self, place: &LogPlace) -> Option<u64> {
        let known = self.known.get(&place.task)?;
        known.n_lines.filter(|_| known.attempt == place.attempt)
    }

    fn frame(
        &mut self,
        chunks: Vec<(LogPlace, LogChunk)>,
        counted: &HashMap<LogPlace, Option<u64>>,
    ) -> Option<Frame> {
        let mut lines = Vec::new();
        let mut last = self.position.0;
        for (place, chunk) in chunks {
            let before = self
                .continues(&place)
                .or_else(|| counted.get(&place).copied().flatten());
            let n_lines = chunk.text.lines().count() as u64;
            let known = Known {
                attempt: place.attempt,
                number: place.number,
                n_lines: before.map(|before| before + n_lines),
            };
            last = last.max(place.at);
            lines.push((
                place.clone(),
                run_log::lines(&place, &chunk, before).collect::<Vec<_>>(),
            ));
            self.known.insert(place.task, known);
        }
        if lines.is_empty() {
            return None;
        }
        lines.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.position = (last, self.position.1 + 1);
        if self.known.len() > KNOWN_MAX {
            self.known.clear();
            self.since = rewound(last);
        }
        let page = RunLogPage {
            lines: lines.into_iter().flat_map(|(_, lines)| lines).collect(),
            ..RunLogPage::default()
        };
        Some(Frame::new("log", &page).at(position_text(self.position)))
    }

    /// Waits until somebody has written or the run changed.
    async fn wait(&mut self) -> EngineResult<()> {
        let stopped = || EngineError::Unavailable("stopped".to_owned());
        loop {
            tokio::select! {
                hint = self.grown.recv() => match hint {
                    Ok(hint) if hint.run != self.run => {}
                    Ok(hint) => {
                        self.heard.insert(hint.task);
                        return Ok(());
                    }
                    Err(RecvError::Lagged(_)) => {
                        self.look_at_everything();
                        return Ok(());
                    }
                    Err(RecvError::Closed) => return Err(stopped()),
                },
                changed = self.changed.changed() => return changed.map_err(|_| stopped()),
            }
        }
    }

    async fn step(&mut self) -> EngineResult<Frame> {
        loop {
            self.hear();
            if self.look.is_some() || !self.heard.is_empty() {
                if let Some(frame) = self.read().await? {
                    return Ok(frame);
                }
                continue;
            }
            if self.stage == Stage::Settled {
                self.stage = Stage::Over;
                return Ok(Frame::new("end", &End { run: self.run }));
            }
            self.changed.mark_unchanged();
            if self.engine.run_summary(self.run).await?.state.is_final() {
                self.engine.logs_flushed(self.run).await;
                // What came last is looked at once more.
                self.look_at_everything();
                self.stage = Stage::Settled;
            } else {
                self.wait().await?;
            }
        }
    }
}

fn key(place: &LogPlace) -> (&str, u32, u64) {
    (&place.task, place.attempt, place.number)
}

/// The first chunk of each attempt, of chunks in the order of their keys.
fn firsts(chunks: &[(LogPlace, LogChunk)]) -> impl Iterator<Item = &LogPlace> {
    let mut last: Option<&LogPlace> = None;
    chunks.iter().map(|(place, _)| place).filter(move |place| {
        let before = last.replace(place);
        before.is_none_or(|before| (&before.task, before.attempt) != (&place.task, place.attempt))
    })
}

#[async_trait]
impl Source for RunLines {
    async fn next(&mut self) -> Option<Vec<Frame>> {
        match self.stage {
            Stage::Hello => {
                self.stage = Stage::Following;
                let server_now = self.engine.clock().now();
                Some(vec![Frame::new("hello", &Hello { server_now })])
            }
            Stage::Over => None,
            // A store that cannot be read ends the stream; the client comes back with its position.
            Stage::Following | Stage::Settled => Some(vec![self.step().await.ok()?]),
        }
    }
}
