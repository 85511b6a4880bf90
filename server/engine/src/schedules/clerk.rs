//! Who looks at the clock and starts what is due.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use flow::Timestamp;
use flow::doc::{Missed as Policy, Overlap, ScheduleDoc};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::calendar::{Calendar, Fire};
use super::{calendar_of, jitter_of};
use crate::clock::wait_for;
use crate::engine::{Engine, Parts};
use crate::error::{EngineError, EngineResult};
use crate::store::{ScheduleMark, ScheduleRow};

/// The newest fire has been missed if it is dealt with so much later than it was due.
const LATE: Duration = Duration::from_secs(60);

/// Those before it have been missed after that time already: a server at work looks at the clock more often.
const LATE_AMONG_OTHERS: Duration = Duration::from_secs(2);

/// Missed fires that are made up for at most.
const MADE_UP_MAX: usize = 100;

/// Fires looked at before others get their turn: a schedule of each second may have missed millions.
const FIRES_PER_TURN: usize = 1_000;

/// How long after the store refused the clerk looks again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The way to the clerk.
#[derive(Default)]
pub(crate) struct Clerk {
    changed: Notify,
    stop: CancellationToken,
}

impl Clerk {
    /// Schedules were saved, held or let go.
    pub(crate) fn look(&self) {
        self.changed.notify_one();
    }

    /// Starts nothing more.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

/// Sets a clerk to work for an engine, as long as that lives.
pub(crate) fn start(engine: &Engine) {
    let parts = Arc::downgrade(&engine.parts);
    let clerk = Arc::clone(&engine.parts.clerk);
    engine.parts.shared.runtime.spawn(async move {
        tokio::select! {
            biased;
            () = clerk.stop.cancelled() => {}
            () = work(parts, &clerk) => {}
        }
    });
}

async fn work(parts: Weak<Parts>, clerk: &Clerk) {
    let mut desk = Desk::default();
    // The schedules are read at once.
    clerk.look();
    loop {
        let Some(engine) = Engine::alive(&parts) else {
            return;
        };
        let clock = Arc::clone(engine.clock());
        drop(engine);
        let due = desk.next_due();
        tokio::select! {
            biased;
            () = clerk.changed.notified() => desk.reread(),
            () = wait_for(&*clock, due) => {}
        }
        let Some(engine) = Engine::alive(&parts) else {
            return;
        };
        if let Err(error) = desk.turn(&engine).await {
            warn!("Schedules have to wait: {error}");
            desk.is_stale = true;
            desk.not_before = Some(engine.clock().now().plus(AFTER_FAILURE));
        }
    }
}

/// The schedules as they were last read.
#[derive(Default)]
pub(super) struct Desk {
    orders: Vec<Order>,
    /// They have changed since.
    is_stale: bool,
    /// The store refused: nothing is done before.
    not_before: Option<Timestamp>,
}

/// One schedule at work.
struct Order {
    row: ScheduleRow,
    doc: ScheduleDoc,
    calendar: Calendar,
    next: Option<Fire>,
}

/// Fires that were not dealt with in time. Only those that may be made up for are kept.
#[derive(Default)]
struct Backlog {
    newest: VecDeque<Fire>,
    n_before: u64,
}

impl Backlog {
    fn extend(&mut self, fire: Option<Fire>) {
        self.newest.extend(fire);
        if self.newest.len() > MADE_UP_MAX {
            self.newest.pop_front();
            self.n_before += 1;
        }
    }

    /// So many of the newest, and how many others there are.
    fn newest(mut self, n: usize) -> (VecDeque<Fire>, u64) {
        let n_left_out = self.newest.len().saturating_sub(n);
        self.newest.drain(..n_left_out);
        (self.newest, self.n_before + n_left_out as u64)
    }
}

impl Desk {
    /// The schedules have changed since they were read.
    pub(super) fn reread(&mut self) {
        self.is_stale = true;
    }

    fn next_due(&self) -> Option<Timestamp> {
        let due = self.orders.iter().filter_map(Order::due).min();
        match self.not_before {
            Some(at) => Some(at),
            None => due,
        }
    }

    /// Deals with what is due.
    pub(super) async fn turn(&mut self, engine: &Engine) -> EngineResult<()> {
        let now = engine.clock().now();
        if self.not_before.is_some_and(|at| now < at) {
            return Ok(());
        }
        self.not_before = None;
        if std::mem::take(&mut self.is_stale) {
            self.orders = engine
                .parts
                .shared
                .store
                .schedules(None)
                .await?
                .into_iter()
                .filter(|row| !row.is_paused)
                .filter_map(Order::new)
                .collect();
        }
        for order in &mut self.orders {
            if order.due().is_some_and(|due| due <= now) {
                order.deal(engine, now).await?;
            }
        }
        Ok(())
    }
}

impl Order {
    fn new(row: ScheduleRow) -> Option<Self> {
        let read = serde_json::from_str(&row.spec)
            .map_err(|error| error.to_string())
            .and_then(|doc: ScheduleDoc| match calendar_of(&doc) {
                Ok(calendar) => Ok((doc, calendar)),
                Err(error) => Err(error.to_string()),
            });
        match read {
            Ok((doc, calendar)) => {
                let next = calendar.next(row.considered_at);
                Some(Self {
                    row,
                    doc,
                    calendar,
                    next,
                })
            }
            Err(error) => {
                warn!(
                    "Schedule {} of {} cannot be followed: {error}",
                    row.name, row.flow
                );
                None
            }
        }
    }

    /// When its next fire is to be dealt with.
    fn due(&self) -> Option<Timestamp> {
        self.next.map(|fire| self.due_of(fire.at))
    }

    fn due_of(&self, at: Timestamp) -> Timestamp {
        at.plus(jitter_of(&self.row, &self.doc, at))
    }

    /// Deals with all fires that are due, and notes it.
    async fn deal(&mut self, engine: &Engine, now: Timestamp) -> EngineResult<()> {
        let mut missed = Backlog::default();
        let mut in_time = Vec::new();
        // The newest of those that are late.
        let mut late: Option<Fire> = None;
        let mut n_seen = 0;
        let mut considered_at = self.row.considered_at;
        while let Some(fire) = self.next.filter(|fire| self.due_of(fire.at) <= now) {
            missed.extend(late.take());
            if self.due_of(fire.at).plus(LATE_AMONG_OTHERS) < now {
                late = Some(fire);
            } else {
                in_time.push(fire);
            }
            considered_at = fire.at;
            self.next = self.calendar.next(fire.at);
            n_seen += 1;
            if n_seen % FIRES_PER_TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
        match late {
            Some(fire) if self.due_of(fire.at).plus(LATE) >= now => in_time.insert(0, fire),
            late => missed.extend(late),
        }
        let n_made_up = match self.doc.missed {
            Policy::Skip => 0,
            // A fire in time makes up for those before it.
            Policy::One => usize::from(in_time.is_empty()),
            Policy::All => MADE_UP_MAX,
        };
        let (made_up, n_left_out) = missed.newest(n_made_up);
        let mut mark = ScheduleMark {
            considered_at,
            n_left_out,
            ..ScheduleMark::default()
        };
        for fire in made_up.into_iter().chain(in_time) {
            self.fire(engine, fire, &mut mark).await?;
        }
        self.note(engine, mark).await
    }

    async fn fire(&mut self, engine: &Engine, fire: Fire, mark: &mut ScheduleMark) -> EngineResult<()> {
        if self.doc.overlap == Overlap::Skip
            && let Some((_, run)) = mark.last.or(self.row.last)
            && is_at_work(engine, run).await?
        {
            mark.n_left_out += 1;
            return Ok(());
        }
        match engine
            .start_scheduled(&self.row.flow, &self.row.name, fire.at)
            .await
        {
            Ok(run) => {
                info!(run.id = %run, "Schedule {} of {} started run {run}", self.row.name, self.row.flow);
                mark.last = Some((fire.at, run));
                mark.last_error = None;
                Ok(())
            }
            // It was started before the server went down, by another version of the document.
            Err(EngineError::KeyReused(run)) => {
                mark.last = Some((fire.at, run));
                Ok(())
            }
            Err(error) if error.is_temporary() => Err(error),
            Err(error) => {
                warn!(
                    "Schedule {} of {} could not start a run: {error}",
                    self.row.name, self.row.flow
                );
                mark.last_error = Some(error.to_string());
                Ok(())
            }
        }
    }

    async fn note(&mut self, engine: &Engine, mark: ScheduleMark) -> EngineResult<()> {
        self.row.considered_at = self.row.considered_at.max(mark.considered_at);
        self.row.last = mark.last.or(self.row.last);
        let store = &engine.parts.shared.store;
        Ok(store.mark_schedule(&self.row.flow, &self.row.name, mark).await?)
    }
}

async fn is_at_work(engine: &Engine, run: flow::RunId) -> EngineResult<bool> {
    match engine.run_summary(run).await {
        Ok(summary) => Ok(!summary.state.is_final()),
        // Retention has taken it.
        Err(EngineError::UnknownRun(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
