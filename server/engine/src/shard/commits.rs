//! From decisions to what is done about them: commits, and what becomes of runs whose commit fails.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use flow::{RunId, Timestamp};
use tracing::{debug, error, warn};

#[cfg(test)]
use super::Planted;
use super::batch::Entry;
use super::resident::Resident;
use super::worker::{AFTER_FAILURE, IDLE_RESIDENT_MAX, ShardLoop, tell};
use super::{Accepted, Message, RunCommand, effects, load};
use crate::error::EngineError;
use crate::store::{Committed, StoreError, StoreResult};

/// A commit under way.
pub(super) type Committing = Pin<Box<dyn Future<Output = StoreResult<Written>> + Send>>;

/// What a commit has come to.
pub(super) struct Written {
    /// One for each decision.
    results: Vec<Committed>,
    /// Whether the messages that cause nothing are taken.
    taken: StoreResult<()>,
}

impl ShardLoop {
    /// Hands what was decided to the store.
    pub(super) fn begin_commit(&mut self) -> Committing {
        let mut batch = std::mem::take(&mut self.batch);
        let mut decisions = Vec::with_capacity(batch.entries.len());
        let mut taken_for_nothing = Vec::new();
        for entry in &mut batch.entries {
            let takes = std::mem::take(&mut entry.takes);
            match entry.decision.take() {
                Some(mut decision) => {
                    decision.messages.clone_from(&entry.messages);
                    decision.takes = takes;
                    decisions.push(decision);
                }
                None => {
                    entry.takes_for_nothing = !takes.is_empty();
                    taken_for_nothing.extend(takes);
                }
            }
        }
        let blobs: Vec<_> = batch
            .blobs
            .drain(..)
            .map(|new| (new.blob, bytes::Bytes::from_owner(new.json)))
            .collect();
        self.in_commit = Some(batch);
        let shared = self.shared.clone();
        Box::pin(async move {
            if !blobs.is_empty() {
                shared.blobs.put(shared.clock.now(), blobs).await?;
            }
            let results = if decisions.is_empty() {
                Vec::new()
            } else {
                shared.store.commit(&shared.epochs, decisions).await?
            };
            let taken = if taken_for_nothing.is_empty() {
                Ok(())
            } else {
                shared.store.take_messages(taken_for_nothing).await
            };
            Ok(Written { results, taken })
        })
    }

    /// The store has answered: callers are told, attempts given out.
    pub(super) fn committed(&mut self, done: StoreResult<Written>) {
        let Some(batch) = self.in_commit.take() else {
            return;
        };
        match done {
            Ok(Written { results, taken }) => {
                self.shared.counters.commits.fetch_add(1, Ordering::Relaxed);
                let mut results = results.into_iter();
                for mut entry in batch.entries {
                    if let Err(error) = &taken
                        && entry.takes_for_nothing
                    {
                        // They are delivered again.
                        let error = EngineError::from(error.clone());
                        let replies = std::mem::take(&mut entry.replies).into_iter();
                        replies.for_each(|reply| tell(reply, Err(error.clone())));
                    }
                    let result = if entry.n_events == 0 {
                        Committed::Done
                    } else {
                        results.next().unwrap_or(Committed::Done)
                    };
                    self.settle(entry, result);
                }
            }
            Err(error) => {
                self.shared
                    .counters
                    .commit_failures
                    .fetch_add(1, Ordering::Relaxed);
                error!(
                    "A commit of {} runs failed, they will be read again: {error}",
                    batch.entries.len()
                );
                // It may have been written all the same.
                self.shared.courier.look();
                if let StoreError::StaleEpoch { .. } = error {
                    self.runs.clear();
                }
                batch
                    .entries
                    .into_iter()
                    .for_each(|entry| self.give_up(entry, &error));
            }
        }
        self.count_resident();
    }

    fn settle(&mut self, entry: Entry, result: Committed) {
        let run = entry.run;
        match result {
            Committed::Done => self.act(entry),
            Committed::Duplicate {
                run: existing,
                inputs_hash,
            } => {
                self.forget(run);
                self.timers.arm(run, None);
                if let Some(accepted) = entry.accepted {
                    tell(
                        accepted,
                        Ok(Accepted::Existing {
                            run: existing,
                            inputs_hash,
                        }),
                    );
                }
            }
            Committed::OutOfStep { last_seq } => {
                warn!(run.id = %run, "The log of {run} ends at {last_seq}, not where a decision begins; the run is read again");
                self.give_up(
                    entry,
                    &StoreError::Unavailable("the run was changed by somebody else".to_owned()),
                );
            }
        }
    }

    /// Everything a committed entry asks for.
    fn act(&mut self, entry: Entry) {
        let run = entry.run;
        let counters = &self.shared.counters;
        counters
            .events
            .fetch_add(entry.n_events as u64, Ordering::Relaxed);
        if entry.is_new {
            counters.runs_started.fetch_add(1, Ordering::Relaxed);
        }
        effects::write_logs(&self.shared, run, &entry.effects);
        if entry.n_events > 0 {
            self.shared.hub.committed(run, entry.last_seq);
        }
        if let Some(accepted) = entry.accepted {
            tell(accepted, Ok(Accepted::New));
        }
        entry.replies.into_iter().for_each(|reply| tell(reply, Ok(())));
        for (reply, error) in entry.refusals {
            tell(reply, Err(error));
        }
        entry
            .started
            .into_iter()
            .for_each(|token| self.shared.dispatch.confirm_started(token));
        entry
            .unstarted
            .into_iter()
            .for_each(|token| self.take_back(token));
        self.shared.courier.sent(entry.messages);
        let Some(Resident::Here(here)) = self.runs.get_mut(&run) else {
            return;
        };
        here.n_uncommitted = here.n_uncommitted.saturating_sub(entry.n_decisions);
        let (n_before, wanted) = &mut here.wanted;
        *n_before = n_before.saturating_sub(entry.n_decisions);
        if *n_before == 0 && !wanted.is_empty() {
            load::values(&self.shared, &self.router, run, std::mem::take(wanted));
        }
        let flow = Arc::clone(here.state.flow());
        if entry.has_notices {
            self.shared.bells.to_send.notify_one();
        }
        if let Some(detail) = entry.ended {
            counters.runs_finished.fetch_add(1, Ordering::Relaxed);
            here.waiters
                .drain(..)
                .for_each(|waiter| tell(waiter, Arc::clone(&detail)));
            self.runs.remove(&run);
            self.timers.arm(run, None);
        } else if here.is_idle() && self.runs.len() > IDLE_RESIDENT_MAX {
            self.runs.remove(&run);
        }
        effects::perform(&self.shared, &self.router, run, &flow, entry.effects);
    }

    /// A commit failed: what was decided never happened. The run and all decided upon it leave memory; it is read again.
    fn give_up(&mut self, entry: Entry, error: &StoreError) {
        let run = entry.run;
        let later = self.forget(run);
        let is_new = entry.is_new;
        let answer = EngineError::from(error.clone());
        let mut reports = Vec::new();
        for entry in std::iter::once(entry).chain(later) {
            if let Some(accepted) = entry.accepted {
                tell(accepted, Err(answer.clone()));
            }
            let refused = entry.refusals.into_iter().map(|(reply, _)| reply);
            let replies = entry.replies.into_iter().chain(refused);
            replies.for_each(|reply| tell(reply, Err(answer.clone())));
            reports.extend(entry.reports);
        }
        self.offer_again(reports);
        // Also a start that failed is looked for: the answer of its commit may be what got lost.
        debug!(run.id = %run, is_new, "Run {run} is read again");
        self.look_again(run);
    }

    /// Drops a run from memory together with what was decided and not yet handed to the store. Those who wait for its end are
    /// let go; they ask again.
    pub(super) fn forget(&mut self, run: RunId) -> Option<Entry> {
        if let Some(Resident::Here(here)) = self.runs.remove(&run) {
            self.offer_again(here.parked);
        }
        self.batch.remove(run)
    }

    /// The run is looked at again a little later, whatever its timers say.
    pub(super) fn look_again(&mut self, run: RunId) {
        #[cfg(test)]
        if self.shared.planted == Planted::NoSecondLook {
            return;
        }
        let at: Timestamp = self.shared.clock.now().plus(AFTER_FAILURE);
        self.timers.arm_at_the_latest(run, at);
        self.again.insert(run);
    }

    /// Reports of workers are not lost with a failed commit: they come again a little later.
    pub(super) fn offer_again(&self, reports: Vec<RunCommand>) {
        if reports.is_empty() {
            return;
        }
        #[cfg(test)]
        if self.shared.planted == Planted::LostReports {
            return;
        }
        let (router, clock) = (self.router.clone(), Arc::clone(&self.shared.clock));
        self.shared.runtime.spawn(async move {
            let begun = clock.now();
            let at = begun.plus(AFTER_FAILURE);
            // A clock that was set back is not waited for.
            while (begun..at).contains(&clock.now()) {
                clock.wait_until(at).await;
            }
            for report in reports {
                router.send(report.run, Message::Command(report));
            }
        });
    }

    /// Brings the number of runs in memory, which all loops share, up to date.
    pub(super) fn count_resident(&mut self) {
        let n = self.runs.len() as u64;
        let more = n.wrapping_sub(std::mem::replace(&mut self.n_counted, n));
        self.shared.counters.resident.fetch_add(more, Ordering::Relaxed);
    }
}
