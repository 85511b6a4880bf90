//! A run's events, followed.

use async_trait::async_trait;
use engine::{Engine, EngineResult};
use flow::run::event::Ended;
use flow::run::{Event, EventKind};
use flow::view::{RunDetail, RunStatus};
use flow::{RunId, Timestamp};
use serde::Serialize;
use tokio::sync::watch;

use super::{FLUSH_BYTES, Frame, Pace, Source, redact};

/// Events a client may be behind. One that is further behind gets the run as it is now: that is less to send and to fold.
pub(crate) const BACKLOG_MAX: u64 = 5_000;

/// Events read at a time.
const EVENTS_PER_READ: usize = 500;

/// The first frame.
#[derive(Serialize)]
struct Hello {
    server_now: Timestamp,
    last_seq: u64,
}

/// A snapshot in place of events.
#[derive(Serialize)]
pub(super) struct Reset {
    /// Why.
    reason: &'static str,
    /// Events after this one follow.
    pub(super) last_seq: u64,
    /// The run as of that event.
    run: RunDetail,
}

/// The last frame.
#[derive(Serialize)]
pub(super) struct End {
    pub(super) run: RunId,
    pub(super) state: RunStatus,
}

/// What following a run gives next.
pub(super) enum Step {
    /// Events happened: number and JSON of each.
    Events(Vec<(u64, String)>),
    /// The client's position does not exist, or is too far behind.
    Reset(Box<Reset>),
    /// The run has ended, and its logs are flushed.
    End(End),
}

enum Stage {
    /// Events are to come.
    Following,
    /// The last event was given out.
    Ended(RunStatus),
    /// So was the end.
    Over,
}

/// Follows one run.
pub(crate) struct RunEvents {
    engine: Engine,
    run: RunId,
    /// The client has everything up to here.
    after: u64,
    /// What the store had when it was last asked for all.
    last_seq: u64,
    /// How the run had ended then, if it had.
    ended: Option<RunStatus>,
    hints: watch::Receiver<u64>,
    is_greeted: bool,
    stage: Stage,
    pace: Pace,
}

impl RunEvents {
    /// Follows a run from a position on.
    pub(crate) async fn open(engine: &Engine, run: RunId, after: u64) -> EngineResult<Self> {
        // Register before looking, or what is committed in between is missed.
        let hints = engine.watch_run(run);
        let row = engine.run_row(run).await?;
        Ok(Self {
            engine: engine.clone(),
            run,
            after,
            last_seq: row.last_seq,
            ended: Some(row.summary.state).filter(|state| state.is_final()),
            hints,
            is_greeted: false,
            stage: Stage::Following,
            pace: Pace::default(),
        })
    }

    /// Which run.
    pub(super) fn run(&self) -> RunId {
        self.run
    }

    /// The client's position.
    pub(super) fn position(&self) -> u64 {
        self.after
    }

    /// The last event there was at the start.
    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// What comes next; none after the end, or if the store cannot be read: the client comes back with its position. Dropping the
    /// future loses nothing.
    pub(super) async fn step(&mut self) -> Option<Step> {
        loop {
            match self.stage {
                Stage::Over => return None,
                Stage::Ended(state) => {
                    self.engine.logs_flushed(self.run).await;
                    self.stage = Stage::Over;
                    return Some(Step::End(End { run: self.run, state }));
                }
                Stage::Following => {
                    if let Some(step) = self.look().await.ok()? {
                        return Some(step);
                    }
                }
            }
        }
    }

    /// Reads what follows the position; waits for a hint if nothing does.
    async fn look(&mut self) -> EngineResult<Option<Step>> {
        let known = (*self.hints.borrow_and_update()).max(self.last_seq);
        if self.after > known {
            return self.reset("position_unknown").await;
        }
        if known - self.after > BACKLOG_MAX {
            return self.reset("too_far_behind").await;
        }
        self.pace.wait().await;
        let events = self.engine.events(self.run, self.after, EVENTS_PER_READ).await?;
        if !events.is_empty() {
            return Ok(Some(self.take(events)));
        }
        match self.ended {
            Some(state) => self.stage = Stage::Ended(state),
            // The sender lives as long as this receiver does: an error can only mean that the engine is gone.
            None => self
                .hints
                .changed()
                .await
                .map_err(|_| engine::EngineError::Unavailable("stopped".to_owned()))?,
        }
        Ok(None)
    }

    /// As many events as one flush holds; the others are read again next time.
    fn take(&mut self, events: Vec<Event>) -> Step {
        let mut bytes = 0;
        let mut taken = Vec::with_capacity(events.len());
        for mut event in events {
            redact(&mut event);
            let json = Frame::new("event", &event).data;
            bytes += json.len();
            taken.push((event.seq, json));
            self.after = event.seq;
            // What has been read is there, although the hint of it may still be on its way.
            self.last_seq = self.last_seq.max(event.seq);
            if let EventKind::RunFinished { outcome, .. } = event.kind {
                self.stage = Stage::Ended(status(outcome));
            }
            if bytes > FLUSH_BYTES {
                break;
            }
        }
        Step::Events(taken)
    }

    async fn reset(&mut self, reason: &'static str) -> EngineResult<Option<Step>> {
        let run = self.engine.run(self.run).await?;
        self.after = run.last_seq;
        self.last_seq = run.last_seq;
        self.ended = Some(run.summary.state).filter(|state| state.is_final());
        Ok(Some(Step::Reset(Box::new(Reset {
            reason,
            last_seq: run.last_seq,
            run,
        }))))
    }
}

fn status(outcome: Ended) -> RunStatus {
    match outcome {
        Ended::Succeeded => RunStatus::Succeeded,
        Ended::Failed => RunStatus::Failed,
        Ended::Cancelled => RunStatus::Cancelled,
    }
}

#[async_trait]
impl Source for RunEvents {
    async fn next(&mut self) -> Option<Vec<Frame>> {
        if !self.is_greeted {
            self.is_greeted = true;
            let hello = Hello {
                server_now: self.engine.clock().now(),
                last_seq: self.last_seq,
            };
            return Some(vec![Frame::new("hello", &hello)]);
        }
        Some(match self.step().await? {
            Step::Events(events) => events
                .into_iter()
                .map(|(seq, data)| Frame {
                    event: "event",
                    id: Some(seq.to_string()),
                    data,
                })
                .collect(),
            Step::Reset(reset) => vec![Frame::new("reset", &reset).at(reset.last_seq)],
            Step::End(end) => vec![Frame::new("end", &end)],
        })
    }
}
