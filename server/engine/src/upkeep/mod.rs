//! What an engine does for its store when nobody asks: runs that are no longer kept go, and the space they leave is given back.
//!
//! All of it happens in small steps between which others have their turn, by the engine's clock, and none of it is urgent: what
//! fails is told once and tried again in the next round.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::reader::Reader;
use crate::shard::Counters;
use crate::store::retention::Retention;
use crate::store::{BlobStore, LogStore, Store, StoreResult};

/// How long after the start the first round begins: recovering comes first.
const FIRST: Duration = Duration::from_secs(60);

/// How long after a round the next one begins.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// Runs looked for at a time.
const RUNS_PER_LOOK: usize = 512;

/// Runs that vanish in one transaction.
const RUNS_PER_STEP: usize = 32;

/// Rows of events deleted in one transaction: each is a decision of about a kilobyte.
const ROWS_PER_STEP: usize = 256;

/// Chunks of logs deleted in one transaction: each may hold 64 KiB.
const CHUNKS_PER_STEP: usize = 64;

/// What upkeep works with.
pub(crate) struct Upkeep {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) logs: Arc<dyn LogStore>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) reader: Arc<Reader>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) retention: Retention,
}

/// Upkeep at work. Dropping it ends it after the step at hand.
pub(crate) struct UpkeepTask {
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl UpkeepTask {
    /// Ends it; the step at hand is done and its stores are let go when this comes back.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        if self.task.await.is_err() {
            warn!("Upkeep of the store had ended by a panic");
        }
    }
}

/// A step failed, or the engine stops.
enum Broken {
    Store(crate::store::StoreError),
    Stopped,
}

impl From<crate::store::StoreError> for Broken {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Store(error)
    }
}

impl Upkeep {
    /// Begins on the current Tokio runtime.
    pub(crate) fn start(self) -> UpkeepTask {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        UpkeepTask {
            stop: stop.drop_guard(),
            task: tokio::spawn(async move {
                let mut due = self.clock.now().plus(FIRST);
                while self.wait(due, &stopped).await {
                    self.round(&stopped).await;
                    due = self.clock.now().plus(EVERY);
                }
            }),
        }
    }

    /// False if it is stopped meanwhile.
    async fn wait(&self, due: flow::Timestamp, stopped: &CancellationToken) -> bool {
        while self.clock.now() < due {
            tokio::select! {
                () = self.clock.wait_until(due) => {}
                () = stopped.cancelled() => return false,
            }
        }
        !stopped.is_cancelled()
    }

    /// All there is to do now.
    async fn round(&self, stopped: &CancellationToken) {
        let mut n_deleted = 0;
        let done = self.delete_expired(stopped, &mut n_deleted).await;
        if n_deleted > 0 {
            info!("Deleted {n_deleted} finished runs that are no longer kept");
        }
        let done = match done {
            Ok(()) => self.give_back(stopped).await,
            broken => broken,
        };
        if let Err(Broken::Store(error)) = done {
            warn!("Upkeep of the store was broken off, it is tried again later: {error}");
        }
    }

    async fn delete_expired(&self, stopped: &CancellationToken, n_deleted: &mut u64) -> Result<(), Broken> {
        // What an earlier server had begun comes first.
        self.sweep(stopped).await?;
        loop {
            let now = self.clock.now();
            let expired = self.store.expired(&self.retention, now, RUNS_PER_LOOK).await?;
            let before = *n_deleted;
            for runs in expired.chunks(RUNS_PER_STEP) {
                go_on(stopped)?;
                let n_gone = self.store.delete_runs(runs.to_vec()).await?;
                self.reader.forget(runs);
                *n_deleted += n_gone;
                self.counters.runs_deleted.fetch_add(n_gone, Ordering::Relaxed);
                self.sweep(stopped).await?;
            }
            // The end, or nothing of what was found can go now.
            if *n_deleted == before {
                return Ok(());
            }
        }
    }

    /// Deletes what is left of vanished runs.
    async fn sweep(&self, stopped: &CancellationToken) -> Result<(), Broken> {
        loop {
            go_on(stopped)?;
            let swept = self.store.sweep(ROWS_PER_STEP).await?;
            if !swept.emptied.is_empty() {
                while !self.logs.delete(&swept.emptied, CHUNKS_PER_STEP).await? {
                    go_on(stopped)?;
                }
                self.store.forget_runs(swept.emptied).await?;
            }
            if swept.is_done {
                return Ok(());
            }
        }
    }

    async fn give_back(&self, stopped: &CancellationToken) -> Result<(), Broken> {
        loop {
            go_on(stopped)?;
            let more: [StoreResult<bool>; 3] = [
                self.store.give_back().await,
                self.logs.give_back().await,
                self.blobs.give_back().await,
            ];
            let mut is_more = false;
            for more in more {
                is_more |= more?;
            }
            if !is_more {
                return Ok(());
            }
        }
    }
}

fn go_on(stopped: &CancellationToken) -> Result<(), Broken> {
    if stopped.is_cancelled() {
        Err(Broken::Stopped)
    } else {
        Ok(())
    }
}
