//! Workers in other processes: they ask for work, keep it by heartbeats, and report.
//!
//! An attempt that is given to a worker is a *lease*: noted in the store before the worker hears of it, so that after a restart its
//! report is still heard, and renewed by each heartbeat. Leases are judged by a clock that nobody sets. One that is not renewed in
//! time is over: its attempt is lost, and whatever its worker still says is refused, for the run knows another token by then.
//!
//! [`desk`] is what is known, without clock or store; this is what connects it with both. HTTP is the server's.

mod desk;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow::{AttemptToken, RunId};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

pub(crate) use self::desk::{Beat, Claim};

use self::desk::{Desk, Want};
use super::{Dispatch, Job, Load, Presence, Report, ReportTo};
use crate::clock::Clock;
use crate::secrets::SecretSource;
use crate::secrets::mask::Masker;
use crate::store::lanes::LeaseRow;
use crate::store::{LogKey, LogStore, Store, StoreResult};
use crate::task_logs::{LogWriter, REMARK_NUMBER};

/// How often leases are looked over.
const LOOK: Duration = Duration::from_secs(1);

/// How much later than it should a look may come; past it, this process slept or was stopped, and no worker could be heard.
const JUMP: Duration = Duration::from_secs(5);

/// What a pool of workers elsewhere works with.
#[derive(Clone)]
pub struct RemoteOptions {
    /// How long a worker may be silent.
    pub lease: Duration,
    /// Where leases are noted.
    pub store: Arc<dyn Store>,
    /// Where logs are.
    pub log_store: Arc<dyn LogStore>,
    /// Where logs go.
    pub logs: LogWriter,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What opens secrets.
    pub secrets: Arc<dyn SecretSource>,
}

/// Workers in other processes. Clones are the same.
#[derive(Clone)]
pub struct RemotePool {
    inner: Arc<Inner>,
    looking: Arc<Looking>,
}

/// The looking over of leases; it ends with the last clone of the pool, or before.
struct Looking {
    stop: CancellationToken,
    _guard: DropGuard,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    options: RemoteOptions,
    report: ReportTo,
    desk: Mutex<Desk>,
}

/// What a worker asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) worker: Arc<str>,
    pub(crate) credential: Arc<str>,
    pub(crate) queues: Vec<String>,
    pub(crate) types: Vec<String>,
    pub(crate) n_max: usize,
}

impl RemotePool {
    /// Takes up the leases of an earlier server and begins to look over them, on the current Tokio runtime.
    ///
    /// # Errors
    /// If logs cannot be read: what a worker logs goes on where it was.
    pub async fn start(options: RemoteOptions, report: ReportTo, leases: Vec<LeaseRow>) -> StoreResult<Self> {
        let mut desk = Desk::new(options.lease, options.clock.now());
        for row in leases {
            let key = log_key(&row);
            let until = (row.attempt, REMARK_NUMBER - 1);
            let last = options.log_store.read_back(row.run, &row.task, until, 1).await?;
            let of_attempt = last.iter().filter(|(attempt, _)| *attempt == row.attempt);
            let number = of_attempt.map(|(_, chunk)| chunk.number).max().unwrap_or(0);
            let log = options.logs.sink_after(key, number);
            let masker = masker_of(&*options.secrets, &row).await;
            desk.adopt(row, (log, masker), options.clock.elapsed());
        }
        let inner = Arc::new(Inner {
            options,
            report,
            desk: Mutex::new(desk),
        });
        let stop = CancellationToken::new();
        let task = tokio::spawn(look_over(Arc::clone(&inner), stop.clone()));
        let looking = Looking {
            _guard: stop.clone().drop_guard(),
            stop,
            task: Mutex::new(Some(task)),
        };
        Ok(Self {
            inner,
            looking: Arc::new(looking),
        })
    }

    /// Waits until there is work for a worker, at most this long. Jobs that nobody takes from the guard go back.
    pub(crate) async fn work_for(&self, wanted: Wanted, at_most: Duration) -> Taken {
        let wake = Arc::new(Notify::new());
        let want = Want {
            wanted,
            jobs: Vec::new(),
            wake: Arc::clone(&wake),
        };
        let now = self.inner.options.clock.now();
        let id = self.inner.desk.lock().want(want, now);
        let place = Place { pool: self, id };
        (self.inner.report)(Report::Free);
        // Whoever waits for nothing still gets what there is: the owner of the queues answers within a moment.
        let at_most = at_most.max(Duration::from_millis(50));
        if tokio::time::timeout(at_most, wake.notified()).await.is_ok() {
            // What is given out in the same breath comes along.
            tokio::task::yield_now().await;
        }
        place.leave()
    }

    /// How long a worker may be silent.
    pub(crate) fn lease(&self) -> Duration {
        self.inner.options.lease
    }

    /// Notes that a worker has these attempts.
    pub(crate) async fn note(&self, rows: Vec<LeaseRow>) -> StoreResult<()> {
        self.inner.options.store.put_leases(rows).await
    }

    /// A worker has this attempt from now on; what it reports is masked. False if it was cancelled meanwhile.
    pub(crate) fn begin(&self, token: AttemptToken, masker: Option<Masker>) -> bool {
        let now = self.inner.options.clock.elapsed();
        self.inner.desk.lock().begin(token, masker, now)
    }

    /// Gives an attempt back that its worker has never heard of.
    pub(crate) fn hand_back(&self, token: AttemptToken) {
        let lease = self.inner.desk.lock().end(token);
        let Some(lease) = lease else { return };
        self.inner.drop_note(vec![token]);
        (self.inner.report)(Report::HandedBack {
            run: lease.row.run,
            token,
            // Its work has not begun, so it may be begun.
            at_most_once: false,
        });
    }

    /// Renews a lease and writes what came with it.
    pub(crate) fn beat(
        &self,
        token: AttemptToken,
        credential: &str,
        progress: Option<String>,
    ) -> Claim<Beat> {
        let now = self.inner.options.clock.elapsed();
        self.inner.desk.lock().beat(token, credential, now, progress)
    }

    /// The lease that somebody reports about, with its log, and whether the attempt was to be cancelled.
    pub(crate) fn claim(&self, token: AttemptToken, credential: &str) -> Claim<Beat> {
        self.inner.desk.lock().claim(token, credential)
    }

    /// For a planted defect: the token, or if it is out no more another of the same holder's.
    #[cfg(test)]
    pub(crate) fn any_of(&self, token: AttemptToken, credential: &str) -> AttemptToken {
        self.inner.desk.lock().any_of(token, credential)
    }

    /// A report is durable, or came too late: the lease is over.
    pub(crate) async fn finish(&self, token: AttemptToken) {
        let lease = self.inner.desk.lock().end(token);
        let Some(lease) = lease else { return };
        lease.log.close();
        if let Err(error) = self.inner.options.store.drop_leases(vec![token]).await {
            // It goes with the next start: its run knows that the attempt is over.
            warn!("A lease that is over could not be forgotten: {error}");
        }
    }

    /// What the workers of a run's attempts last said of their progress, by path.
    pub(crate) fn progress(&self, run: RunId) -> Vec<(String, String)> {
        self.inner.desk.lock().progress(run)
    }

    /// Workers that have asked for work lately, by queue.
    pub(crate) fn workers(&self) -> Vec<(String, Vec<String>)> {
        self.inner.desk.lock().workers(self.inner.options.clock.now())
    }
}

/// What masks the reports of an attempt that an earlier server gave out. A secret that was set anew meanwhile is masked as it is now.
async fn masker_of(source: &dyn SecretSource, row: &LeaseRow) -> Option<Masker> {
    let mut values = Vec::with_capacity(row.secrets.len());
    for name in &row.secrets {
        match source.reveal(name).await {
            Ok(value) => values.push(value),
            Err(error) => warn!(
                run.id = %row.run,
                "What worker {} reports of {} of {} cannot be masked: {}",
                row.worker, row.task, row.run, error.message
            ),
        }
    }
    Masker::new(values.iter().map(|value| value.as_str()))
}

fn log_key(row: &LeaseRow) -> LogKey {
    LogKey {
        run: row.run,
        task: row.task.as_str().into(),
        attempt: row.attempt,
    }
}

/// A place among those that wait for work.
struct Place<'p> {
    pool: &'p RemotePool,
    id: u64,
}

impl Place<'_> {
    fn leave(self) -> Taken {
        let taken = self.pool.inner.desk.lock().leave(self.id);
        let pool = self.pool.clone();
        std::mem::forget(self);
        Taken { pool, jobs: taken }
    }
}

impl Drop for Place<'_> {
    /// Whoever asked has gone away: what it was given goes back.
    fn drop(&mut self) {
        let jobs = self.pool.inner.desk.lock().leave(self.id);
        for job in jobs {
            self.pool.hand_back(job.dispatch.token);
        }
    }
}

/// Jobs on their way to a worker. Those still here when it is dropped go back.
pub(crate) struct Taken {
    pool: RemotePool,
    pub(crate) jobs: Vec<Job>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        for job in self.jobs.drain(..) {
            self.pool.hand_back(job.dispatch.token);
        }
    }
}

impl Inner {
    fn drop_note(self: &Arc<Self>, tokens: Vec<AttemptToken>) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = this.options.store.drop_leases(tokens).await {
                warn!("Leases that are over could not be forgotten: {error}");
            }
        });
    }

    /// Ends leases that were not renewed in time.
    fn look(self: &Arc<Self>) {
        let over = self.desk.lock().over(self.options.clock.elapsed());
        if over.is_empty() {
            return;
        }
        self.drop_note(over.iter().map(|lease| lease.row.token).collect());
        for lease in over {
            let (run, token) = (lease.row.run, lease.row.token);
            if !lease.is_cancelled() {
                let LeaseRow { worker, task, .. } = &lease.row;
                info!(run.id = %run, task = %task, "Worker {worker} has not been heard of; attempt {} of {task} of {run} is lost", lease.row.attempt);
                lease.remark(&format!("The worker {worker} was not heard of any more."));
            }
            lease.log.close();
            (self.report)(if lease.is_cancelled() {
                Report::Ended {
                    run,
                    token,
                    outcome: crate::task_type::TaskOutcome::Cancelled,
                }
            } else {
                Report::Lost { run, token }
            });
        }
    }
}

async fn look_over(inner: Arc<Inner>, stop: CancellationToken) {
    let clock = Arc::clone(&inner.options.clock);
    let mut last = clock.elapsed();
    loop {
        let due = clock.now().plus(LOOK);
        tokio::select! {
            () = clock.wait_until(due) => {}
            () = stop.cancelled() => return,
        }
        let now = clock.elapsed();
        if now.saturating_sub(last) > LOOK + JUMP {
            inner.desk.lock().renew_all(now);
        }
        last = now;
        inner.look();
    }
}

#[async_trait]
impl Dispatch for RemotePool {
    fn submit(&self, job: Job) {
        // Nobody asks for what is not offered; it comes again with the next start.
        if let Some(job) = self.offer(job) {
            warn!(run.id = %job.run, "No worker is free for {} of {}", job.dispatch.path, job.run);
        }
    }

    fn offer(&self, job: Job) -> Option<Job> {
        let logs = &self.inner.options.logs;
        let now = self.inner.options.clock.elapsed();
        self.inner
            .desk
            .lock()
            .offer(job, now, |row| logs.sink(log_key(row)))
    }

    fn presence(&self, queue: &str, task_type: &str) -> Presence {
        let now = self.inner.options.clock.now();
        self.inner.desk.lock().presence(queue, task_type, now)
    }

    fn cancel(&self, token: AttemptToken, kill: bool) {
        let now = self.inner.options.clock.elapsed();
        let ended = self.inner.desk.lock().cancel(token, kill, now);
        if let Some(lease) = ended {
            self.inner.drop_note(vec![token]);
            lease.log.close();
            (self.inner.report)(Report::Ended {
                run: lease.row.run,
                token,
                outcome: crate::task_type::TaskOutcome::Cancelled,
            });
        }
    }

    fn recall(&self, _run: RunId, _token: AttemptToken) {
        // Whatever is here a worker has begun.
    }

    fn confirm_started(&self, _token: AttemptToken) {
        // A worker hears of an attempt only after its start is durable.
    }

    fn load(&self) -> Load {
        Load {
            running: self.inner.desk.lock().n_leases(),
            ..Load::default()
        }
    }

    async fn shutdown(&self, _finish: Duration) -> usize {
        // Workers elsewhere go on; they are heard again by the next server.
        self.inner.desk.lock().close();
        self.looking.stop.cancel();
        let task = self.looking.task.lock().take();
        if let Some(task) = task
            && task.await.is_err()
        {
            warn!("The looking over of leases had ended by a panic");
        }
        0
    }
}
