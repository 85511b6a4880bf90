//! Queues: the entity that settles who may begin when, over all runs.
//!
//! Whatever a run gives out waits here until the limits of its queue allow it and somebody is free to make it; then it goes to the
//! [`Dispatch`] behind. The owner is one task with a [`book`]; all others send it messages, and it sends the attempts on. Nothing it
//! knows has to be stored to survive a crash: who waits asks again by recovery, who runs elsewhere is noted as a lease, and until when
//! slow rates are used up is noted before anything begins ([`limits`] says what may be set).

mod book;
mod limits;
mod owner;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use flow::{AttemptToken, RunId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use self::limits::{KeyLimits, QueueLimits, Rate};
pub(crate) use self::owner::OwnerParts;

use crate::dispatch::{Dispatch, Job, Load, Report};
use crate::store::lanes::LeaseRow;

/// What the owner is told.
pub(crate) enum Ask {
    /// A run gives an attempt out.
    Submit(Job),
    /// An attempt shall end.
    Cancel { token: AttemptToken, kill: bool },
    /// The run wants the attempt back, unless somebody has begun it.
    Recall { run: RunId, token: AttemptToken },
    /// An attempt ended, however.
    Over(AttemptToken),
    /// Somebody has become free.
    Free,
    /// Workers elsewhere have these attempts since before the start.
    Adopt(Vec<LeaseRow>),
    /// What holds for a queue from now on.
    Limits { queue: String, limits: QueueLimits },
    /// Why attempts of a run wait.
    Why {
        run: RunId,
        answer: oneshot::Sender<Vec<HeldBack>>,
    },
    /// How all queues stand.
    Show {
        answer: oneshot::Sender<BTreeMap<String, Standing>>,
    },
    /// Nothing begins any more; how many wait is answered.
    Close { closed: oneshot::Sender<usize> },
    /// All is over: whatever is held is let go.
    End,
}

/// Why an attempt is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeldBack {
    /// The task run's path.
    pub(crate) path: Arc<str>,
    /// `queue_limit`, `rate_limit`, `no_worker` or `worker`.
    pub(crate) kind: &'static str,
    /// The same as a sentence.
    pub(crate) reason: String,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Until when, if that is known.
    pub(crate) until: Option<Timestamp>,
}

/// How a queue stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What holds for it.
    pub limits: QueueLimits,
    /// Attempts that are made.
    pub n_running: u32,
    /// Attempts that wait.
    pub n_waiting: usize,
}

/// The way to the owner. Clones lead to the same.
#[derive(Clone)]
pub(crate) struct QueuesHandle(mpsc::UnboundedSender<Ask>);

impl QueuesHandle {
    /// The way, and where it leads.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Ask>) {
        let (send, receive) = mpsc::unbounded_channel();
        (Self(send), receive)
    }

    /// Tells the owner. One that is gone, because the engine stops, needs to know nothing.
    pub(crate) fn tell(&self, ask: Ask) {
        let _ = self.0.send(ask);
    }

    /// Tells what is to be known of a report.
    pub(crate) fn note(&self, report: &Report) {
        match report {
            Report::Started { .. } => {}
            Report::Ended { token, .. } | Report::HandedBack { token, .. } | Report::Lost { token, .. } => {
                self.tell(Ask::Over(*token));
            }
            Report::Free => self.tell(Ask::Free),
        }
    }

    /// Why attempts of a run wait.
    pub(crate) async fn why(&self, run: RunId) -> Vec<HeldBack> {
        let (answer, answered) = oneshot::channel();
        self.tell(Ask::Why { run, answer });
        answered.await.unwrap_or_default()
    }

    /// How all queues stand.
    pub(crate) async fn show(&self) -> BTreeMap<String, Standing> {
        let (answer, answered) = oneshot::channel();
        self.tell(Ask::Show { answer });
        answered.await.unwrap_or_default()
    }
}

/// Queues in front of a dispatch.
pub(crate) struct Queued {
    handle: QueuesHandle,
    here: Arc<dyn Dispatch>,
    elsewhere: Arc<dyn Dispatch>,
    n_waiting: Arc<AtomicUsize>,
    owner: Mutex<Option<JoinHandle<()>>>,
}

impl Queued {
    /// Starts the owner on the current Tokio runtime.
    pub(crate) fn start(
        parts: OwnerParts,
        handle: QueuesHandle,
        inbox: mpsc::UnboundedReceiver<Ask>,
    ) -> Self {
        let n_waiting = Arc::<AtomicUsize>::default();
        let (here, elsewhere) = (Arc::clone(&parts.here), Arc::clone(&parts.elsewhere));
        let owner = tokio::spawn(owner::run(parts, inbox, Arc::clone(&n_waiting)));
        Self {
            handle,
            here,
            elsewhere,
            n_waiting,
            owner: Mutex::new(Some(owner)),
        }
    }
}

#[async_trait]
impl Dispatch for Queued {
    fn submit(&self, job: Job) {
        self.handle.tell(Ask::Submit(job));
    }

    fn offer(&self, job: Job) -> Option<Job> {
        self.submit(job);
        None
    }

    fn cancel(&self, token: AttemptToken, kill: bool) {
        self.handle.tell(Ask::Cancel { token, kill });
    }

    fn recall(&self, run: RunId, token: AttemptToken) {
        self.handle.tell(Ask::Recall { run, token });
    }

    fn confirm_started(&self, token: AttemptToken) {
        self.here.confirm_started(token);
        self.elsewhere.confirm_started(token);
    }

    fn load(&self) -> Load {
        let mut load = self.here.load();
        load.running += self.elsewhere.load().running;
        load.queued += self.n_waiting.load(Ordering::Relaxed);
        load
    }

    async fn shutdown(&self, finish: Duration) -> usize {
        let (closed, n_waiting) = oneshot::channel();
        self.handle.tell(Ask::Close { closed });
        let n_waiting = n_waiting.await.unwrap_or(0);
        let (here, elsewhere) = tokio::join!(self.here.shutdown(finish), self.elsewhere.shutdown(finish));
        // The store is let go before the engine has stopped, so that another can have its folder at once.
        self.handle.tell(Ask::End);
        let owner = self.owner.lock().take();
        if let Some(owner) = owner
            && owner.await.is_err()
        {
            tracing::warn!("The owner of the queues had ended by a panic");
        }
        n_waiting + here + elsewhere
    }
}
