//! The owner at work: messages in, attempts out.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flow::plan::DEFAULT_QUEUE;
use flow::{AttemptToken, RunId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::mpsc;
use tracing::warn;

use super::book::{Book, Hold, Mark, Pass, Place, Ticket, Waiting};
use super::{Ask, HeldBack, QueueLimits, Standing};
use crate::clock::{Clock, wait_for};
use crate::dispatch::{Dispatch, Job, Presence, Report, ReportTo};
use crate::store::Store;
use crate::store::lanes::LeaseRow;
use crate::task_type::TaskOutcome;
use crate::task_types::Types;

/// Cancels that are remembered although nobody has heard of their attempt: what it is given may still be on its way here.
const EARLY_CANCELS_MAX: usize = 10_000;

/// How long a note may take to be stored. What it says holds for so much longer, as an attempt begins only once it is there.
const NOTING: Duration = Duration::from_secs(1);

/// How long after a note could not be stored it is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// All the owner works with.
pub(crate) struct OwnerParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) types: Arc<Types>,
    /// Who makes attempts in this process.
    pub(crate) here: Arc<dyn Dispatch>,
    /// Workers in other processes.
    pub(crate) elsewhere: Arc<dyn Dispatch>,
    pub(crate) report: ReportTo,
    /// What holds for queues at the start.
    pub(crate) limits: BTreeMap<String, QueueLimits>,
    /// Until when slow rates are used up, as noted.
    pub(crate) marks: Vec<(String, Option<String>, Timestamp)>,
}

struct Owner {
    parts: OwnerParts,
    book: Book,
    jobs: FxHashMap<AttemptToken, Job>,
    early_cancels: (FxHashSet<AttemptToken>, VecDeque<AttemptToken>),
    is_closed: bool,
    is_over: bool,
    n_waiting: Arc<AtomicUsize>,
}

/// Serves until nobody can ask any more.
pub(super) async fn run(
    parts: OwnerParts,
    mut inbox: mpsc::UnboundedReceiver<Ask>,
    n_waiting: Arc<AtomicUsize>,
) {
    let mut owner = Owner::new(parts, n_waiting);
    let mut next_due: Option<Duration> = None;
    loop {
        let clock = Arc::clone(&owner.parts.clock);
        let due = next_due.map(|due| clock.now().plus(due.saturating_sub(clock.elapsed())));
        let first = tokio::select! {
            biased;
            ask = inbox.recv() => match ask {
                Some(ask) => Some(ask),
                None => return,
            },
            () = wait_for(&*clock, due) => None,
        };
        if let Some(first) = first {
            owner.take(first);
        }
        while let Ok(ask) = inbox.try_recv() {
            owner.take(ask);
        }
        if owner.is_over {
            return;
        }
        next_due = owner.give_out().await;
        owner.n_waiting.store(owner.book.n_waiting(), Ordering::Relaxed);
    }
}

impl Owner {
    fn new(mut parts: OwnerParts, n_waiting: Arc<AtomicUsize>) -> Self {
        let mut book = Book::default();
        let (now, wall) = (parts.clock.elapsed(), parts.clock.now());
        for (queue, limits) in std::mem::take(&mut parts.limits) {
            book.set_limits(&queue, limits, now);
        }
        let marks = std::mem::take(&mut parts.marks);
        let marks = marks.into_iter().map(|(queue, key, until)| Mark {
            queue: queue.into(),
            key: key.map(Into::into),
            until: now + until.since(wall),
        });
        book.restart(now, marks);
        Self {
            parts,
            book,
            jobs: FxHashMap::default(),
            early_cancels: Default::default(),
            is_closed: false,
            is_over: false,
            n_waiting,
        }
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Submit(job) => self.submit(job),
            Ask::Cancel { token, kill } => self.cancel(token, kill),
            Ask::Recall { run, token } => self.recall(run, token),
            Ask::Over(token) => {
                self.book.release(token, self.parts.clock.elapsed());
            }
            Ask::Free => {}
            Ask::Adopt(leases) => leases.into_iter().for_each(|lease| self.adopt(lease)),
            Ask::Limits { queue, limits } => self.set_limits(&queue, limits),
            Ask::Why { run, answer } => drop(answer.send(self.why(run))),
            Ask::Show { answer } => drop(answer.send(self.show())),
            Ask::Close { closed } => {
                self.is_closed = true;
                let _ = closed.send(self.book.n_waiting());
            }
            Ask::End => self.is_over = true,
        }
    }

    fn submit(&mut self, job: Job) {
        let token = job.dispatch.token;
        if self.is_closed || self.book.knows(token) {
            return;
        }
        if self.early_cancels.0.remove(&token) {
            self.end_cancelled(job.run, token);
            return;
        }
        self.book.ask(self.ticket(&job));
        self.jobs.insert(token, job);
    }

    fn ticket(&self, job: &Job) -> Ticket {
        let dispatch = &job.dispatch;
        let is_here = self
            .parts
            .types
            .is_made_here(&dispatch.task_type, self.book.limits(&dispatch.queue).local);
        Ticket {
            token: dispatch.token,
            run: job.run,
            path: Arc::clone(&dispatch.path),
            queue: Arc::clone(&dispatch.queue),
            key: dispatch.queue_key.clone(),
            place: if is_here {
                Place::Here
            } else {
                Place::Elsewhere(Arc::clone(&dispatch.task_type))
            },
            priority: dispatch.priority,
            asked_at: dispatch.ready_at,
        }
    }

    /// Where attempts can be made may have changed with the limits: those that wait ask again.
    fn set_limits(&mut self, queue: &str, limits: QueueLimits) {
        let moves = self.book.limits(queue).local != limits.local;
        self.book.set_limits(queue, limits, self.parts.clock.elapsed());
        if !moves {
            return;
        }
        let waiting: Vec<AttemptToken> = self
            .jobs
            .values()
            .filter(|job| &*job.dispatch.queue == queue)
            .map(|job| job.dispatch.token)
            .collect();
        for token in waiting {
            self.book.take_back(token);
            if let Some(job) = self.jobs.get(&token) {
                self.book.ask(self.ticket(job));
            }
        }
    }

    fn cancel(&mut self, token: AttemptToken, kill: bool) {
        if let Some(ticket) = self.book.take_back(token) {
            self.jobs.remove(&token);
            self.end_cancelled(ticket.run, token);
            return;
        }
        if !self.book.knows(token) {
            self.refuse_later(token);
        }
        // Who does not have it passes it over.
        self.parts.here.cancel(token, kill);
        self.parts.elsewhere.cancel(token, kill);
    }

    /// One that nobody has heard of is on its way here, or was lost: either way the run can have it back.
    fn recall(&mut self, run: RunId, token: AttemptToken) {
        if self.book.take_back(token).is_some() {
            self.jobs.remove(&token);
        } else if self.book.knows(token) {
            return;
        } else {
            self.refuse_later(token);
        }
        (self.parts.report)(Report::HandedBack {
            run,
            token,
            at_most_once: false,
        });
    }

    /// Whatever comes with this token has been cancelled.
    fn refuse_later(&mut self, token: AttemptToken) {
        let (known, order) = &mut self.early_cancels;
        if known.insert(token) {
            order.push_back(token);
        }
        while order.len() > EARLY_CANCELS_MAX {
            let oldest = order.pop_front();
            oldest.map(|oldest| known.remove(&oldest));
        }
    }

    fn end_cancelled(&self, run: RunId, token: AttemptToken) {
        (self.parts.report)(Report::Ended {
            run,
            token,
            outcome: TaskOutcome::Cancelled,
        });
    }

    fn adopt(&mut self, lease: LeaseRow) {
        self.book.adopt(Ticket {
            token: lease.token,
            run: lease.run,
            path: lease.task.into(),
            queue: lease.queue.into(),
            key: lease.queue_key.map(Into::into),
            place: Place::Elsewhere("".into()),
            priority: 0,
            asked_at: self.parts.clock.now(),
        });
    }

    /// Gives out whatever may begin, and says when to look again.
    async fn give_out(&mut self) -> Option<Duration> {
        if self.is_closed || self.book.n_waiting() == 0 {
            return None;
        }
        let mut pass = self.book.pass();
        loop {
            let now = self.parts.clock.elapsed();
            let Some(ticket) = self.book.next(&mut pass, now) else {
                break;
            };
            let marks = self.book.marks(&ticket, now + NOTING);
            if let Err(error) = self.note(&marks).await {
                warn!(
                    "Attempts of queue {} wait, as its rate cannot be noted: {error}",
                    ticket.queue
                );
                let again = now + AFTER_FAILURE;
                pass.next_due = Some(pass.next_due.map_or(again, |due| due.min(again)));
                continue;
            }
            let now = match self.parts.clock.elapsed() {
                later if marks.is_empty() || later <= now + NOTING => later,
                // It took longer than the note allows for.
                _ => {
                    self.book.look_again(&mut pass, &ticket);
                    continue;
                }
            };
            self.offer(&mut pass, &ticket, now);
        }
        pass.next_due
    }

    fn offer(&mut self, pass: &mut Pass, ticket: &Ticket, now: Duration) {
        let Some(job) = self.jobs.remove(&ticket.token) else {
            self.book.take_back(ticket.token);
            return;
        };
        let to = match ticket.place {
            Place::Here => &self.parts.here,
            Place::Elsewhere(_) => &self.parts.elsewhere,
        };
        match to.offer(job) {
            None => self.book.began(pass, ticket.token, now),
            Some(job) => {
                self.jobs.insert(ticket.token, job);
                self.book.no_room(pass, ticket);
            }
        }
    }

    async fn note(&self, marks: &[Mark]) -> crate::store::StoreResult<()> {
        let (now, wall) = (self.parts.clock.elapsed(), self.parts.clock.now());
        for Mark { queue, key, until } in marks {
            let until = wall.plus(until.saturating_sub(now));
            self.parts.store.mark_rate(queue, key.as_deref(), until).await?;
        }
        Ok(())
    }

    fn show(&self) -> BTreeMap<String, Standing> {
        let standings = self.book.standings();
        standings
            .map(|(name, standing)| (name.to_string(), standing))
            .collect()
    }

    fn why(&self, run: RunId) -> Vec<HeldBack> {
        let now = self.parts.clock.elapsed();
        let waiting = self.book.why(run, now);
        waiting
            .into_iter()
            .map(|waiting| self.told(waiting, now))
            .collect()
    }

    fn told(&self, waiting: Waiting, now: Duration) -> HeldBack {
        let queue = &waiting.queue;
        let at = |until: Duration| self.parts.clock.now().plus(until.saturating_sub(now));
        let holders = named(&waiting.holders);
        let (kind, reason, until) = match &waiting.hold {
            Some(Hold::Queue { max: 0 }) => (
                "queue_limit",
                format!("the queue {queue} is held: its `max_running` is 0"),
                None,
            ),
            Some(Hold::Queue { max }) => (
                "queue_limit",
                format!("{max} of the queue {queue} are made at once, no more may be: {holders}"),
                None,
            ),
            Some(Hold::Key { key, max }) => (
                "queue_limit",
                format!(
                    "{max} of the key {key} in the queue {queue} are made at once, no more may be: {holders}"
                ),
                None,
            ),
            Some(Hold::Rate { rate, until }) => (
                "rate_limit",
                format!("of the queue {queue} no more than {rate} may begin"),
                Some(at(*until)),
            ),
            Some(Hold::KeyRate { key, rate, until }) => (
                "rate_limit",
                format!("of the key {key} in the queue {queue} no more than {rate} may begin"),
                Some(at(*until)),
            ),
            None => return self.told_of_room(&waiting),
        };
        HeldBack {
            path: waiting.path,
            kind,
            reason,
            since: waiting.asked_at,
            until,
        }
    }

    /// No limit holds it, so nobody is free to make it.
    fn told_of_room(&self, waiting: &Waiting) -> HeldBack {
        let queue = &*waiting.queue;
        let (kind, mut reason, since) = match &waiting.place {
            Place::Here => {
                let load = self.parts.here.load();
                let of = if queue == DEFAULT_QUEUE {
                    String::new()
                } else {
                    format!(" of the queue {queue}")
                };
                let reason = format!("waits for a free worker{of}: all {} are at work", load.workers);
                ("worker", reason, waiting.asked_at)
            }
            Place::Elsewhere(task_type) => match self.parts.elsewhere.presence(queue, task_type) {
                Presence::Busy { workers } => (
                    "worker",
                    format!(
                        "the workers of the queue {queue} are at work: {}",
                        workers.join(", ")
                    ),
                    waiting.asked_at,
                ),
                Presence::OtherTypes { since } => (
                    "no_worker",
                    format!("no worker of the queue {queue} does {task_type}"),
                    since.max(waiting.asked_at),
                ),
                Presence::None { since } => (
                    "no_worker",
                    format!("no worker for the queue {queue}"),
                    since.map_or(waiting.asked_at, |since| since.max(waiting.asked_at)),
                ),
            },
        };
        if waiting.n_before > 0 {
            reason.push_str(&format!("; {} stand before it", waiting.n_before));
        }
        HeldBack {
            path: Arc::clone(&waiting.path),
            kind,
            reason,
            since,
            until: None,
        }
    }
}

fn named(holders: &[(RunId, Arc<str>)]) -> String {
    let named: Vec<String> = holders
        .iter()
        .map(|(run, path)| format!("{path} of {run}"))
        .collect();
    named.join(", ")
}
