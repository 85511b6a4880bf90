//! The workers of this process: a bounded number of them, fed first in, first out.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use flow::{AttemptToken, RunId, limits};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::attempt::Threads;
use super::{Dispatch, Job, Load, Report, ReportTo};
use crate::secrets::{NoSecrets, SecretSource};
use crate::task_logs::LogWriter;
use crate::task_type::TaskOutcome;
use crate::task_types::TypeRegistry;

/// What a pool needs.
#[derive(Clone)]
pub struct PoolOptions {
    /// How many attempts may be made at once; at least 1.
    pub workers: usize,
    /// What attempts do.
    pub types: Arc<TypeRegistry>,
    /// Where their logs go.
    pub logs: LogWriter,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Identifies the data folder in the environment of child processes.
    pub instance: Arc<str>,
    /// Who opens the secrets that attempts need.
    pub secrets: Arc<dyn SecretSource>,
    /// How long an attempt has between being asked to end and being made to.
    pub grace: Duration,
}

impl PoolOptions {
    /// Four workers for each processor, as most tasks wait for something else, and the usual grace.
    #[must_use]
    pub fn new(types: Arc<TypeRegistry>, logs: LogWriter, data_dir: PathBuf, instance: Arc<str>) -> Self {
        let workers = std::thread::available_parallelism()
            .map_or(8, |n| n.get() * 4)
            .max(8);
        Self {
            workers,
            types,
            logs,
            data_dir,
            instance,
            secrets: Arc::new(NoSecrets),
            grace: Duration::from_millis(limits::TERMINATION_GRACE_MS),
        }
    }
}

/// The workers of this process. Clones are the same pool.
#[derive(Clone)]
pub struct LocalPool {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) options: PoolOptions,
    report: ReportTo,
    runtime: Handle,
    state: Mutex<State>,
    /// Notified whenever a worker has nothing more to do.
    idle: Notify,
    pub(super) threads: Threads,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// All attempts in the queue or at work.
    live: FxHashMap<AttemptToken, Arc<Live>>,
    running: usize,
    is_closed: bool,
}

/// An attempt's handles.
pub(super) struct Live {
    pub(super) cancel: CancellationToken,
    pub(super) kill: CancellationToken,
    pub(super) confirmed: Notify,
    has_begun: AtomicBool,
}

impl LocalPool {
    /// A pool on the current Tokio runtime.
    #[must_use]
    pub fn new(options: PoolOptions, report: ReportTo) -> Self {
        let inner = Inner {
            options,
            report,
            runtime: Handle::current(),
            state: Mutex::default(),
            idle: Notify::new(),
            threads: Threads::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl State {
    /// Takes an attempt that nobody has begun out of the queue.
    fn take_back(&mut self, token: AttemptToken) -> Option<RunId> {
        self.live.remove(&token);
        let at = self.queue.iter().position(|job| job.dispatch.token == token)?;
        self.queue.remove(at).map(|job| job.run)
    }
}

impl Inner {
    /// A worker: makes attempts until none is left.
    async fn work(self: Arc<Self>, mut job: Job, mut live: Arc<Live>) {
        loop {
            let (run, token, at_most_once) = (job.run, job.dispatch.token, job.dispatch.at_most_once);
            (self.report)(Report::Started { run, token });
            let outcome = self.attempt(job, &live).await;
            let is_closed = {
                let mut state = self.state.lock();
                state.live.remove(&token);
                state.is_closed
            };
            // An attempt that was stopped for a shutdown has not been cancelled: it will be made again. What is done is done.
            let is_stopped =
                is_closed && live.cancel.is_cancelled() && !matches!(outcome, TaskOutcome::Succeeded { .. });
            (self.report)(if is_stopped {
                Report::HandedBack {
                    run,
                    token,
                    at_most_once,
                }
            } else {
                Report::Ended { run, token, outcome }
            });
            match self.next() {
                Some(next) => (job, live) = next,
                None => return,
            }
        }
    }

    /// The next job of the queue, or the end of this worker.
    fn next(&self) -> Option<(Job, Arc<Live>)> {
        let mut state = self.state.lock();
        while let Some(job) = state.queue.pop_front() {
            // Jobs cancelled in the queue are no longer live.
            if let Some(live) = state.live.get(&job.dispatch.token).cloned() {
                live.has_begun.store(true, Ordering::Relaxed);
                return Some((job, live));
            }
        }
        state.running -= 1;
        drop(state);
        self.idle.notify_waiters();
        (self.report)(Report::Free);
        None
    }

    fn live(&self, token: AttemptToken) -> Option<Arc<Live>> {
        self.state.lock().live.get(&token).cloned()
    }

    /// Comes back when no worker is at work.
    async fn all_idle(&self) {
        loop {
            // Register before looking, or the last worker's end in between is missed.
            let idle = self.idle.notified();
            if self.state.lock().running == 0 {
                return;
            }
            idle.await;
        }
    }
}

#[async_trait]
impl Dispatch for LocalPool {
    fn submit(&self, job: Job) {
        let token = job.dispatch.token;
        let mut state = self.inner.state.lock();
        if state.is_closed || state.live.contains_key(&token) {
            return;
        }
        let live = Arc::new(Live {
            cancel: CancellationToken::new(),
            kill: CancellationToken::new(),
            confirmed: Notify::new(),
            has_begun: false.into(),
        });
        state.live.insert(token, Arc::clone(&live));
        if state.running < self.inner.options.workers.max(1) {
            state.running += 1;
            live.has_begun.store(true, Ordering::Relaxed);
            drop(state);
            self.inner.runtime.spawn(Arc::clone(&self.inner).work(job, live));
        } else {
            state.queue.push_back(job);
        }
    }

    fn offer(&self, job: Job) -> Option<Job> {
        let is_full = {
            let state = self.inner.state.lock();
            state.running >= self.inner.options.workers.max(1)
        };
        // Only the owner of the queues offers, so nobody takes the place in between.
        if is_full {
            return Some(job);
        }
        self.submit(job);
        None
    }

    fn cancel(&self, token: AttemptToken, kill: bool) {
        let mut state = self.inner.state.lock();
        let Some(live) = state.live.get(&token).cloned() else {
            return;
        };
        if live.has_begun.load(Ordering::Relaxed) {
            drop(state);
            live.cancel.cancel();
            if kill {
                live.kill.cancel();
            }
            return;
        }
        let run = state.take_back(token);
        drop(state);
        if let Some(run) = run {
            (self.inner.report)(Report::Ended {
                run,
                token,
                outcome: TaskOutcome::Cancelled,
            });
        }
    }

    fn recall(&self, run: RunId, token: AttemptToken) {
        let mut state = self.inner.state.lock();
        let live = state.live.get(&token);
        if live.is_some_and(|live| live.has_begun.load(Ordering::Relaxed)) {
            return;
        }
        state.take_back(token);
        drop(state);
        (self.inner.report)(Report::HandedBack {
            run,
            token,
            at_most_once: false,
        });
    }

    fn confirm_started(&self, token: AttemptToken) {
        if let Some(live) = self.inner.live(token) {
            // Kept for the attempt if it does not wait yet.
            live.confirmed.notify_one();
        }
    }

    fn load(&self) -> Load {
        let state = self.inner.state.lock();
        Load {
            workers: self.inner.options.workers,
            running: state.running,
            queued: state.queue.len(),
            abandoned: self.inner.threads.abandoned(),
        }
    }

    async fn shutdown(&self, finish: Duration) -> usize {
        let handed_back = {
            let mut state = self.inner.state.lock();
            state.is_closed = true;
            let queued = std::mem::take(&mut state.queue);
            for job in &queued {
                state.live.remove(&job.dispatch.token);
            }
            queued.len()
        };
        if tokio::time::timeout(finish, self.inner.all_idle()).await.is_ok() {
            return handed_back;
        }
        let left: Vec<Arc<Live>> = self.inner.state.lock().live.values().cloned().collect();
        for live in &left {
            live.cancel.cancel();
        }
        // Each attempt is made to end after its own grace; this only guards against a defect.
        let bound = self.inner.options.grace + super::attempt::KILLED_GRACE * 2;
        if tokio::time::timeout(bound, self.inner.all_idle()).await.is_err() {
            tracing::warn!("Left attempts behind that did not end");
        }
        handed_back + left.len()
    }
}
