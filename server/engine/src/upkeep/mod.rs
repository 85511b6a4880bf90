//! What an engine does for its store when nobody asks: runs that are no longer kept go, then large values that nobody names any more,
//! and the space they leave is given back.
//!
//! All of it happens in small steps between which others have their turn, by the engine's clock, and none of it is urgent: what
//! fails is told once and tried again in the next round.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flow::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use crate::board::{BULK_KEPT_FOR, fold_old};
use crate::clock::Clock;
use crate::reader::Reader;
use crate::shard::Counters;
use crate::store::retention::Retention;
use crate::store::{BLOBS_UNTOUCHED, BlobStore, LogStore, Store, StoreResult};

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

/// Kept results that are forgotten in one transaction.
const RESULTS_PER_STEP: usize = 256;

/// Values looked at in one read.
const BLOBS_PER_LOOK: usize = 1000;

/// Values deleted in one transaction: each may be of some megabytes.
const BLOBS_PER_STEP: usize = 8;

/// How long a draft is kept that is not saved again.
const DRAFTS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long a document that was tried out is kept at least; after that as long as there are runs of it.
const TRIALS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an empty limit on runs is kept: its numbers go on from the clock when it is needed again.
const GATES_UNUSED: Duration = Duration::from_secs(60 * 60);

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
                let mut calm = Calm::new(self.clock.now());
                while self.wait(due, &stopped).await {
                    let now = self.clock.now();
                    let n_failures = self.counters.commit_failures.load(Ordering::Relaxed);
                    calm.look(now, due, n_failures);
                    self.round(&stopped, calm.has_lasted(now)).await;
                    due = self.clock.now().plus(EVERY);
                }
            }),
        }
    }

    /// False if it is stopped meanwhile.
    async fn wait(&self, due: Timestamp, stopped: &CancellationToken) -> bool {
        while self.clock.now() < due {
            tokio::select! {
                () = self.clock.wait_until(due) => {}
                () = stopped.cancelled() => return false,
            }
        }
        !stopped.is_cancelled()
    }

    /// All there is to do now.
    async fn round(&self, stopped: &CancellationToken, may_collect: bool) {
        let mut n_deleted = 0;
        let done = self.delete_expired(stopped, &mut n_deleted).await;
        if n_deleted > 0 {
            info!("Deleted {n_deleted} finished runs that are no longer kept");
        }
        let done = match done {
            Ok(()) if may_collect => self.collect(stopped).await,
            other => other,
        };
        let done = match done {
            Ok(()) => self.give_back(stopped).await,
            broken => broken,
        };
        if let Err(Broken::Store(error)) = done {
            warn!("Upkeep of the store was broken off, it is tried again later: {error}");
        }
    }

    async fn delete_expired(&self, stopped: &CancellationToken, n_deleted: &mut u64) -> Result<(), Broken> {
        let unused = i64::try_from(GATES_UNUSED.as_micros()).unwrap_or(i64::MAX);
        let before = self.clock.now().as_micros().saturating_sub(unused);
        self.store.forget_gates(Timestamp::from_micros(before)).await?;
        let now = self.clock.now();
        fold_old(&*self.store, now).await?;
        let kept = i64::try_from(BULK_KEPT_FOR.as_micros()).unwrap_or(i64::MAX);
        let before = now.as_micros().saturating_sub(kept);
        self.store.forget_bulks(Timestamp::from_micros(before)).await?;
        self.forget_edits(now).await?;
        // What an earlier server had begun comes first.
        self.sweep(stopped).await?;
        while self
            .store
            .forget_outdated(self.clock.now(), RESULTS_PER_STEP)
            .await?
            >= RESULTS_PER_STEP as u64
        {
            go_on(stopped)?;
        }
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

    /// Drafts that nobody has come back to, and documents that were tried out and of which no run is left.
    async fn forget_edits(&self, now: Timestamp) -> Result<(), Broken> {
        let before = |age: Duration| {
            let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
            Timestamp::from_micros(now.as_micros().saturating_sub(age))
        };
        self.store.forget_drafts(before(DRAFTS_KEPT)).await?;
        self.store.forget_trials(before(TRIALS_KEPT)).await?;
        Ok(())
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

    /// Deletes large values that no run names.
    async fn collect(&self, stopped: &CancellationToken) -> Result<(), Broken> {
        let age = i64::try_from(BLOBS_UNTOUCHED.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp::from_micros(self.clock.now().as_micros().saturating_sub(age));
        let (mut after, mut n_collected) = (None, 0);
        loop {
            let old = self.blobs.untouched(before, after, BLOBS_PER_LOOK).await?;
            let Some(last) = old.last().copied() else { break };
            after = Some(last);
            for garbage in self.store.unreferenced(old).await?.chunks(BLOBS_PER_STEP) {
                go_on(stopped)?;
                let Some(n_gone) = self.blobs.delete(before, garbage.to_vec()).await? else {
                    // A backup is being made. There is another round.
                    return Ok(());
                };
                n_collected += n_gone;
            }
        }
        if n_collected > 0 {
            info!("Deleted {n_collected} large values that no run names");
        }
        Ok(())
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

/// For how long nothing has happened that could keep an event from being committed soon after the values it names: no commit failed,
/// the clock did not jump, the engine was at work. Only then does a value's age say that nobody is about to name it.
struct Calm {
    since: Timestamp,
    n_failures: u64,
}

impl Calm {
    fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            n_failures: 0,
        }
    }

    /// A round that was due at `due` begins at `now`.
    fn look(&mut self, now: Timestamp, due: Timestamp, n_failures: u64) {
        let has_jumped = now < self.since || now.since(due) > EVERY;
        if has_jumped || n_failures != self.n_failures {
            *self = Self {
                since: now,
                n_failures,
            };
        }
    }

    fn has_lasted(&self, now: Timestamp) -> bool {
        now.since(self.since) >= BLOBS_UNTOUCHED
    }
}

fn go_on(stopped: &CancellationToken) -> Result<(), Broken> {
    if stopped.is_cancelled() {
        Err(Broken::Stopped)
    } else {
        Ok(())
    }
}
