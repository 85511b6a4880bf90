//! Lists of runs, followed: the latest state of each run that changed.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::Engine;
use engine::store::RunFilter;
use flow::RunId;
use flow::view::RunSummary;
use serde::Serialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::Frame;

/// What happens to a run within this time is told once.
const FLUSH_EVERY: Duration = Duration::from_millis(250);

/// Runs told one by one in a flush. If more have changed, the newest are told instead: nobody reads faster.
const CHANGED_MAX: usize = 200;

/// Runs of a snapshot.
const SNAPSHOT_RUNS: usize = 100;

/// A snapshot in place of changes that were missed.
#[derive(Serialize)]
struct Reset<'t> {
    topic: &'t str,
    runs: Vec<RunSummary>,
}

/// Follows the runs of all flows, or of one.
pub(super) struct RunsTopic {
    engine: Engine,
    /// The topic as the client named it.
    topic: String,
    flow: Option<String>,
    hints: broadcast::Receiver<RunId>,
    changed: BTreeSet<RunId>,
    /// Changes were missed: a snapshot is due.
    is_behind: bool,
    due: Instant,
}

impl RunsTopic {
    /// Follows; `is_behind` if the client was away.
    pub(super) fn open(engine: &Engine, topic: String, flow: Option<String>, is_behind: bool) -> Self {
        let (hints, due) = (engine.watch_runs(), Instant::now());
        Self {
            engine: engine.clone(),
            topic,
            flow,
            hints,
            changed: BTreeSet::new(),
            is_behind,
            due,
        }
    }

    /// The runs that changed. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Vec<Frame>> {
        loop {
            self.gather().await?;
            let frames = if self.is_behind {
                self.snapshot().await?
            } else {
                self.changes().await?
            };
            self.changed.clear();
            self.is_behind = false;
            self.due = Instant::now() + FLUSH_EVERY;
            if !frames.is_empty() {
                return Some(frames);
            }
        }
    }

    /// Waits until something has changed and a flush is due.
    async fn gather(&mut self) -> Option<()> {
        loop {
            let has_changes = self.is_behind || !self.changed.is_empty();
            tokio::select! {
                () = sleep_until(self.due), if has_changes => return Some(()),
                hint = self.hints.recv() => match hint {
                    Ok(_) if self.is_behind => {}
                    Ok(run) => {
                        self.changed.insert(run);
                        if self.changed.len() > CHANGED_MAX {
                            self.fall_behind();
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.fall_behind(),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    fn fall_behind(&mut self) {
        self.is_behind = true;
        self.changed.clear();
    }

    async fn changes(&self) -> Option<Vec<Frame>> {
        let mut frames = Vec::with_capacity(self.changed.len());
        for run in &self.changed {
            let summary = self.engine.run_summary(*run).await.ok()?;
            if self.flow.as_ref().is_none_or(|flow| *flow == summary.flow) {
                frames.push(Frame::new("run", &summary));
            }
        }
        Some(frames)
    }

    async fn snapshot(&self) -> Option<Vec<Frame>> {
        let filter = RunFilter {
            flow: self.flow.clone(),
            ..RunFilter::default()
        };
        let runs = self.engine.runs(&filter, None, SNAPSHOT_RUNS).await.ok()?.items;
        Some(vec![Frame::new(
            "reset",
            &Reset {
                topic: &self.topic,
                runs,
            },
        )])
    }
}
