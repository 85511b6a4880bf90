//! Workers that come late, twice, or not at all, and a dispatch that loses and repeats.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow::run::TaskError;
use flow::{AttemptToken, RunId};
use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use serde_json::json;

use super::dice::Dice;
use super::lanes::Lanes;
use crate::dispatch::{Dispatch, Job, Load, Report};
use crate::queues::Queued;
use crate::task_type::{TaskContext, TaskOutcome, TaskType, TaskTypeInfo};

/// An attempt a worker has.
pub(super) struct Held {
    pub(super) job: Job,
    /// Its beginning was told.
    is_told: bool,
    /// Its work has begun.
    has_begun: bool,
    /// It was asked to end.
    is_asked: bool,
}

/// All workers with what they have, and their reports on the way. They outlive the server.
pub(super) struct Floor {
    pub(super) dice: Dice,
    /// Whether messages get lost for good. Only a restart brings the work of lost ones back.
    pub(super) is_lossy: bool,
    pub(super) held: Vec<Held>,
    pub(super) mail: Vec<Report>,
    /// Tokens this server has given out.
    known: FxHashSet<AttemptToken>,
    /// Given out since the last look.
    pub(super) submitted: Vec<(RunId, AttemptToken)>,
    /// Confirmed since the last look.
    pub(super) confirmed: Vec<AttemptToken>,
    /// All that was ever given out.
    pub(super) ever: Vec<(RunId, AttemptToken)>,
    /// How often the work of attempts that are made at most once has begun.
    pub(super) n_begun: BTreeMap<AttemptToken, u32>,
    /// How many attempts workers here have at once, where they are offered some.
    n_places: usize,
    /// Whether one was refused for want of a place since somebody was last told of a free one.
    is_refused: bool,
    lanes: Arc<Mutex<Lanes>>,
}

impl Floor {
    pub(super) fn new(seed: u64, is_lossy: bool, lanes: Arc<Mutex<Lanes>>) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            n_places: 1 + dice.below(4),
            is_refused: false,
            lanes,
            dice,
            is_lossy,
            held: Vec::new(),
            mail: Vec::new(),
            known: FxHashSet::default(),
            submitted: Vec::new(),
            confirmed: Vec::new(),
            ever: Vec::new(),
            n_begun: BTreeMap::new(),
        }
    }

    /// A word for what a report would be about, in outputs and errors: whose work it was.
    pub(super) fn mark(token: AttemptToken) -> String {
        format!("by {token}")
    }

    /// One worker gets on. False if none has anything to do.
    pub(super) fn work(&mut self, is_kind: bool) -> bool {
        let n_held = self.held.len();
        if n_held == 0 {
            return false;
        }
        let at = self.dice.below(n_held);
        let held = &mut self.held[at];
        let (run, token, at_most_once) = (
            held.job.run,
            held.job.dispatch.token,
            held.job.dispatch.at_most_once,
        );
        if !held.is_told {
            held.is_told = true;
            self.send(Report::Started { run, token });
            if !at_most_once {
                self.held[at].has_begun = true;
            }
            return true;
        }
        if !held.has_begun && !held.is_asked {
            // It waits until it may begin. Its word may have been lost, and nobody asks again.
            return false;
        }
        let held = self.held.swap_remove(at);
        self.lanes.lock().ends(token);
        if self.is_lossy && self.dice.one_in(12) {
            // It dies with its work, and nobody hears of it.
            return true;
        }
        let report = self.end(&held, is_kind);
        self.send(report);
        true
    }

    /// All that is held is begun and succeeds, each told once.
    pub(super) fn work_well(&mut self) -> Vec<Report> {
        let held = std::mem::take(&mut self.held).into_iter();
        held.flat_map(|held| {
            let (run, token) = (held.job.run, held.job.dispatch.token);
            let outcome = TaskOutcome::Succeeded {
                output: json!(Self::mark(token)),
                exit_code: None,
            };
            [
                Report::Started { run, token },
                Report::Ended { run, token, outcome },
            ]
        })
        .collect()
    }

    fn end(&mut self, held: &Held, is_kind: bool) -> Report {
        let (run, token, at_most_once) = (
            held.job.run,
            held.job.dispatch.token,
            held.job.dispatch.at_most_once,
        );
        let error = |kind: &str| TaskError::new(kind, Self::mark(token));
        let outcome = match self.dice.below(if is_kind { 10 } else { 16 }) {
            _ if held.is_asked && (!held.has_begun || self.dice.one_in(2)) => TaskOutcome::Cancelled,
            8..=10 => error("failed").into(),
            11 => error("input").permanent().into(),
            12 => TaskOutcome::Snoozed(Duration::from_millis(self.dice.below(5_000) as u64)),
            13 => TaskOutcome::Cancelled,
            14 => {
                return Report::HandedBack {
                    run,
                    token,
                    at_most_once,
                };
            }
            15 if self.dice.one_in(3) => {
                // Larger than what an event holds.
                let filling = "x".repeat(flow::limits::INLINE_BYTES_MAX);
                TaskOutcome::Succeeded {
                    output: json!([Self::mark(token), filling]),
                    exit_code: None,
                }
            }
            _ => TaskOutcome::Succeeded {
                output: json!(Self::mark(token)),
                exit_code: None,
            },
        };
        Report::Ended { run, token, outcome }
    }

    /// Puts a report on its way: now and then twice, now and then not at all.
    fn send(&mut self, report: Report) {
        if self.is_lossy && self.dice.one_in(12) {
            return;
        }
        if self.dice.one_in(10) {
            self.mail.push(report.clone());
        }
        self.mail.push(report);
    }

    /// A report that nobody should believe.
    pub(super) fn forged(&mut self) -> Option<Report> {
        let n_ever = self.ever.len();
        if n_ever == 0 {
            return None;
        }
        let ((mut run, _), (_, token)) = (
            self.ever[self.dice.below(n_ever)],
            self.ever[self.dice.below(n_ever)],
        );
        if self.held.iter().any(|held| held.job.dispatch.token == token) {
            // Of an attempt at work only another run may hear.
            run = self.ever.iter().map(|(other, _)| *other).find(|other| {
                self.ever
                    .iter()
                    .all(|(owner, held)| *held != token || owner != other)
            })?;
        }
        let outcome = TaskOutcome::Succeeded {
            output: json!(Self::mark(token)),
            exit_code: None,
        };
        Some(Report::Ended { run, token, outcome })
    }

    /// The server is dead. Of its workers some die, some come back with what they were at, and forget what they had not begun.
    pub(super) fn server_died(&mut self) {
        self.known.clear();
        self.submitted.clear();
        self.confirmed.clear();
        let dice = &mut self.dice;
        self.held.retain(|held| held.has_begun && !dice.one_in(2));
        self.mail.retain(|_| !dice.one_in(3));
        self.is_refused = false;
        self.lanes.lock().server_died();
    }

    /// Whether there is a place again for who was refused one.
    pub(super) fn is_free_again(&mut self) -> bool {
        self.held.len() < self.n_places && std::mem::take(&mut self.is_refused)
    }

    fn take(&mut self, job: &Job) {
        self.held.push(Held {
            job: job.clone(),
            is_told: false,
            has_begun: false,
            is_asked: false,
        });
    }

    fn cancel(&mut self, token: AttemptToken) {
        let mut unbegun = Vec::new();
        self.held.retain_mut(|held| {
            let is_it = held.job.dispatch.token == token;
            held.is_asked |= is_it;
            let is_over = is_it && !held.is_told;
            if is_over {
                unbegun.push(held.job.run);
            }
            !is_over
        });
        for run in unbegun {
            self.lanes.lock().ends(token);
            self.send(Report::Ended {
                run,
                token,
                outcome: TaskOutcome::Cancelled,
            });
        }
    }

    fn recall(&mut self, run: RunId, token: AttemptToken) {
        let is_it = |held: &Held| held.job.dispatch.token == token;
        if self.held.iter().any(|held| is_it(held) && held.is_told) {
            return;
        }
        self.held.retain(|held| !is_it(held));
        self.lanes.lock().ends(token);
        self.send(Report::HandedBack {
            run,
            token,
            at_most_once: false,
        });
    }

    fn confirm_started(&mut self, token: AttemptToken) {
        self.confirmed.push(token);
        let mut n_begun = 0;
        for held in &mut self.held {
            if held.job.dispatch.token == token && held.is_told && !held.has_begun {
                held.has_begun = true;
                n_begun += 1;
            }
        }
        if n_begun > 0 {
            *self.n_begun.entry(token).or_default() += n_begun;
        }
    }
}

/// The dispatch of one server: right before the floor, or before queues.
pub(super) struct FaultyDispatch {
    pub(super) floor: Arc<Mutex<Floor>>,
    pub(super) queued: Option<Queued>,
}

impl FaultyDispatch {
    /// How often what is given out arrives.
    fn n_arrive(&self, job: &Job) -> usize {
        let mut floor = self.floor.lock();
        let (run, token) = (job.run, job.dispatch.token);
        floor.submitted.push((run, token));
        let is_known = self.queued.is_none() && floor.known.contains(&token);
        if is_known || (floor.is_lossy && floor.dice.one_in(12)) {
            return 0;
        }
        floor.known.insert(token);
        floor.ever.push((run, token));
        let may_be_doubled = self.queued.is_some() || !job.dispatch.at_most_once;
        1 + usize::from(may_be_doubled && floor.dice.one_in(12))
    }
}

#[async_trait]
impl Dispatch for FaultyDispatch {
    fn submit(&self, job: Job) {
        for _ in 0..self.n_arrive(&job) {
            match &self.queued {
                Some(queued) => queued.submit(job.clone()),
                None => self.floor.lock().take(&job),
            }
        }
    }

    fn offer(&self, job: Job) -> Option<Job> {
        self.submit(job);
        None
    }

    fn cancel(&self, token: AttemptToken, kill: bool) {
        match &self.queued {
            Some(queued) => queued.cancel(token, kill),
            None => self.floor.lock().cancel(token),
        }
    }

    fn recall(&self, run: RunId, token: AttemptToken) {
        match &self.queued {
            Some(queued) => queued.recall(run, token),
            None => self.floor.lock().recall(run, token),
        }
    }

    fn confirm_started(&self, token: AttemptToken) {
        match &self.queued {
            Some(queued) => queued.confirm_started(token),
            None => self.floor.lock().confirm_started(token),
        }
    }

    fn load(&self) -> Load {
        Load::default()
    }

    async fn shutdown(&self, _finish: Duration) -> usize {
        0
    }
}

/// Workers in this process, behind queues. As the real ones they have so many places and take no attempt twice.
pub(super) struct Bench(pub(super) Arc<Mutex<Floor>>);

#[async_trait]
impl Dispatch for Bench {
    fn submit(&self, job: Job) {
        drop(self.offer(job));
    }

    fn offer(&self, job: Job) -> Option<Job> {
        let mut floor = self.0.lock();
        if floor.held.len() >= floor.n_places {
            floor.is_refused = true;
            return Some(job);
        }
        floor.take(&job);
        None
    }

    fn cancel(&self, token: AttemptToken, _kill: bool) {
        self.0.lock().cancel(token);
    }

    fn recall(&self, run: RunId, token: AttemptToken) {
        self.0.lock().recall(run, token);
    }

    fn confirm_started(&self, token: AttemptToken) {
        self.0.lock().confirm_started(token);
    }

    fn load(&self) -> Load {
        Load::default()
    }

    async fn shutdown(&self, _finish: Duration) -> usize {
        0
    }
}

/// The type of all attempts. It is never run: the floor plays its part.
pub(super) struct WorkType;

#[async_trait]
impl TaskType for WorkType {
    fn info(&self) -> TaskTypeInfo {
        TaskTypeInfo::new::<serde_json::Value, serde_json::Value>(
            "work",
            "Work",
            "Whatever the simulator says.",
        )
    }

    async fn run(&self, _ctx: &TaskContext) -> TaskOutcome {
        TaskOutcome::failed("played", "the simulator makes attempts itself")
    }
}
