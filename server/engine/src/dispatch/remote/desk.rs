//! What is known of workers elsewhere: who waits for work, who has which attempt, who was here lately. No clock, no store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::limits::TERMINATION_GRACE_MS;
use flow::{AttemptToken, RunId, Timestamp};
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use super::Wanted;
use crate::dispatch::{Job, Presence};
use crate::secrets::mask::Masker;
use crate::store::LogStream;
use crate::store::lanes::LeaseRow;
use crate::task_logs::AttemptLog;
use crate::task_type::LogSink;

/// How long after its last call a worker counts as there: a little more than the longest call that waits for work takes.
const THERE: Duration = Duration::from_secs(90);

/// Workers named in one answer.
const NAMED_MAX: usize = 5;

/// A worker's call that waits for work.
pub(super) struct Want {
    pub(super) wanted: Wanted,
    pub(super) jobs: Vec<Job>,
    pub(super) wake: Arc<Notify>,
}

impl Want {
    fn fits(&self, job: &Job) -> bool {
        self.jobs.len() < self.wanted.n_max
            && self
                .wanted
                .queues
                .iter()
                .any(|queue| **queue == *job.dispatch.queue)
            && self
                .wanted
                .types
                .iter()
                .any(|task_type| **task_type == *job.dispatch.task_type)
    }
}

/// An attempt that a worker has, or is about to have.
pub(super) struct Lease {
    pub(super) row: LeaseRow,
    pub(super) log: Arc<AttemptLog>,
    /// When it is over unless it is renewed.
    deadline: Duration,
    /// Set once the attempt is to be cancelled: when it is over, renewed or not.
    cancelled_by: Option<Duration>,
    progress: Option<String>,
    /// Takes out of what is reported what the worker was given in secret.
    masker: Option<Masker>,
    /// Whether the worker has heard of it.
    has_begun: bool,
}

impl Lease {
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled_by.is_some()
    }

    pub(super) fn remark(&self, line: &str) {
        self.log.write(LogStream::Engine, format!("{line}\n").as_bytes());
    }
}

/// What a worker with a lease is told.
#[derive(Clone)]
pub(crate) struct Beat {
    /// The run.
    pub(crate) run: RunId,
    /// The task run's path.
    pub(crate) task: Arc<str>,
    /// The attempt's log.
    pub(crate) log: Arc<AttemptLog>,
    /// Takes out of what is reported what the worker was given in secret.
    pub(crate) masker: Option<Masker>,
    /// Whether the attempt is to end.
    pub(crate) is_cancelled: bool,
}

/// Whether somebody has the lease that it speaks of.
pub(crate) enum Claim<T> {
    /// It has.
    Held(T),
    /// Another has it.
    Foreign,
    /// Nobody has: the attempt is over, or never was.
    Over,
}

#[derive(Default)]
struct Seen {
    /// When each worker of the queue was there last, with what it does.
    workers: BTreeMap<Arc<str>, (Timestamp, Vec<String>)>,
    last_at: Option<Timestamp>,
}

/// What is known of workers elsewhere.
pub(super) struct Desk {
    period: Duration,
    since: Timestamp,
    wants: BTreeMap<u64, Want>,
    leases: FxHashMap<AttemptToken, Lease>,
    seen: BTreeMap<String, Seen>,
    n: u64,
    is_closed: bool,
}

impl Desk {
    pub(super) fn new(period: Duration, now: Timestamp) -> Self {
        Self {
            period,
            since: now,
            wants: BTreeMap::new(),
            leases: FxHashMap::default(),
            seen: BTreeMap::new(),
            n: 0,
            is_closed: false,
        }
    }

    /// Somebody has this attempt since before the start: one full period is given.
    pub(super) fn adopt(
        &mut self,
        row: LeaseRow,
        (log, masker): (Arc<AttemptLog>, Option<Masker>),
        now: Duration,
    ) {
        let lease = Lease {
            deadline: now + self.period,
            row,
            log,
            cancelled_by: None,
            progress: None,
            masker,
            has_begun: true,
        };
        self.leases.insert(lease.row.token, lease);
    }

    /// A worker waits for work.
    pub(super) fn want(&mut self, want: Want, now: Timestamp) -> u64 {
        self.n += 1;
        let wanted = &want.wanted;
        for queue in &wanted.queues {
            let seen = self.seen.entry(queue.clone()).or_default();
            seen.last_at = Some(now);
            seen.workers.retain(|_, (at, _)| now.since(*at) <= THERE);
            seen.workers
                .insert(Arc::clone(&wanted.worker), (now, wanted.types.clone()));
        }
        if self.is_closed {
            want.wake.notify_one();
        }
        self.wants.insert(self.n, want);
        self.n
    }

    /// It waits no longer and takes what it was given.
    pub(super) fn leave(&mut self, id: u64) -> Vec<Job> {
        self.wants.remove(&id).map_or_else(Vec::new, |want| want.jobs)
    }

    /// Gives a job to the worker that has waited longest, or back.
    pub(super) fn offer(
        &mut self,
        job: Job,
        now: Duration,
        log: impl FnOnce(&LeaseRow) -> Arc<AttemptLog>,
    ) -> Option<Job> {
        if self.is_closed {
            return Some(job);
        }
        let Some(want) = self.wants.values_mut().find(|want| want.fits(&job)) else {
            return Some(job);
        };
        let row = job.lease(&want.wanted.worker, &want.wanted.credential);
        let lease = Lease {
            log: log(&row),
            row,
            deadline: now + self.period,
            cancelled_by: None,
            progress: None,
            masker: None,
            has_begun: false,
        };
        self.leases.insert(lease.row.token, lease);
        want.jobs.push(job);
        want.wake.notify_one();
        None
    }

    /// A worker is about to hear of this attempt, with secrets or without.
    pub(super) fn begin(&mut self, token: AttemptToken, masker: Option<Masker>, now: Duration) -> bool {
        let period = self.period;
        let Some(lease) = self.leases.get_mut(&token) else {
            return false;
        };
        lease.has_begun = true;
        lease.masker = masker;
        lease.deadline = now + period;
        true
    }

    pub(super) fn claim(&self, token: AttemptToken, credential: &str) -> Claim<Beat> {
        match self.leases.get(&token) {
            None => Claim::Over,
            Some(lease) if lease.row.credential != credential => Claim::Foreign,
            Some(lease) => Claim::Held(Beat {
                run: lease.row.run,
                task: lease.row.task.as_str().into(),
                log: Arc::clone(&lease.log),
                masker: lease.masker.clone(),
                is_cancelled: lease.is_cancelled(),
            }),
        }
    }

    #[cfg(test)]
    pub(super) fn any_of(&self, token: AttemptToken, credential: &str) -> AttemptToken {
        let held = self.leases.values().map(|lease| &lease.row);
        let mut held = held.filter(|row| row.credential == credential);
        match held.next() {
            Some(other) if !self.leases.contains_key(&token) => other.token,
            _ => token,
        }
    }

    pub(super) fn beat(
        &mut self,
        token: AttemptToken,
        credential: &str,
        now: Duration,
        progress: Option<String>,
    ) -> Claim<Beat> {
        let claim = self.claim(token, credential);
        if let (Claim::Held(_), Some(lease)) = (&claim, self.leases.get_mut(&token)) {
            lease.deadline = now + self.period;
            if let Some(progress) = progress {
                let masked = lease
                    .masker
                    .as_ref()
                    .map(|masker| masker.text(&progress).into_owned());
                lease.progress = Some(masked.unwrap_or(progress));
            }
        }
        claim
    }

    /// Asks for the end of an attempt. One that is killed, or that its worker has not heard of, is over at once.
    pub(super) fn cancel(&mut self, token: AttemptToken, kill: bool, now: Duration) -> Option<Lease> {
        let lease = self.leases.get_mut(&token)?;
        if kill || !lease.has_begun {
            return self.end(token);
        }
        // It is told with its next heartbeat, and then has as long as a process here.
        let by = lease.deadline.max(now) + Duration::from_millis(TERMINATION_GRACE_MS);
        lease.cancelled_by.get_or_insert(by);
        None
    }

    /// A lease is over. A job that is still on its way stays behind.
    pub(super) fn end(&mut self, token: AttemptToken) -> Option<Lease> {
        self.leases.remove(&token)
    }

    /// Takes the leases whose time is over.
    pub(super) fn over(&mut self, now: Duration) -> Vec<Lease> {
        let is_over = |lease: &Lease| lease.deadline <= now || lease.cancelled_by.is_some_and(|by| by <= now);
        let mut tokens: Vec<AttemptToken> = self
            .leases
            .values()
            .filter(|lease| is_over(lease))
            .map(|lease| lease.row.token)
            .collect();
        tokens.sort_unstable();
        tokens.into_iter().filter_map(|token| self.end(token)).collect()
    }

    /// Nobody could be heard for a while: everybody gets a full period.
    pub(super) fn renew_all(&mut self, now: Duration) {
        for lease in self.leases.values_mut() {
            lease.deadline = now + self.period;
            lease.cancelled_by = lease.cancelled_by.map(|_| now + self.period);
        }
    }

    pub(super) fn presence(&self, queue: &str, task_type: &str, now: Timestamp) -> Presence {
        let Some(seen) = self.seen.get(queue) else {
            return Presence::None { since: None };
        };
        let there = || {
            seen.workers
                .iter()
                .filter(|(worker, (at, _))| now.since(*at) <= THERE || self.has_lease(worker))
        };
        let does = |types: &[String]| types.iter().any(|known| known == task_type);
        let able: Vec<String> = there()
            .filter(|(_, (_, types))| does(types))
            .map(|(worker, _)| worker.to_string())
            .take(NAMED_MAX)
            .collect();
        if !able.is_empty() {
            Presence::Busy { workers: able }
        } else if there().next().is_some() {
            let last = seen
                .workers
                .values()
                .filter(|(_, types)| does(types))
                .map(|(at, _)| *at);
            Presence::OtherTypes {
                since: last.max().unwrap_or(self.since),
            }
        } else {
            Presence::None { since: seen.last_at }
        }
    }

    fn has_lease(&self, worker: &str) -> bool {
        self.leases.values().any(|lease| lease.row.worker == worker)
    }

    pub(super) fn workers(&self, now: Timestamp) -> Vec<(String, Vec<String>)> {
        let queues = self.seen.iter().map(|(queue, seen)| {
            let there = seen.workers.iter().filter(|(_, (at, _))| now.since(*at) <= THERE);
            (
                queue.clone(),
                there.map(|(worker, _)| worker.to_string()).collect(),
            )
        });
        queues.collect()
    }

    pub(super) fn progress(&self, run: RunId) -> Vec<(String, String)> {
        let of_run = self.leases.values().filter(|lease| lease.row.run == run);
        of_run
            .filter_map(|lease| Some((lease.row.task.clone(), lease.progress.clone()?)))
            .collect()
    }

    pub(super) fn n_leases(&self) -> usize {
        self.leases.len()
    }

    /// Gives nothing out any more; those that wait go away.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
        for want in self.wants.values() {
            want.wake.notify_one();
        }
    }
}
