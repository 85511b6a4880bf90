//! What limits of queues mean, seen from outside: what is truly at work, here and elsewhere, and when it began.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow::{AttemptToken, RunId};
use parking_lot::Mutex;
use serde_json::json;

use super::dice::Dice;
use crate::QueueLimits;
use crate::clock::{Clock, ManualClock};
use crate::dispatch::{Dispatch, Job, Load, Presence, RemotePool};

/// The queue whose attempts this server makes.
pub(super) const NEAR: &str = "near";
/// The queue whose attempts workers elsewhere make.
pub(super) const FAR: &str = "far";

/// An attempt at work.
struct Work {
    queue: Arc<str>,
    key: Option<Arc<str>>,
    /// When a worker elsewhere may have lost it, at the earliest.
    until: Option<Duration>,
}

/// All queues with limits. It outlives the server.
pub(super) struct Lanes {
    clock: Arc<ManualClock>,
    /// What holds for each queue, and what did before this step.
    limits: BTreeMap<String, (QueueLimits, QueueLimits)>,
    work: BTreeMap<AttemptToken, Work>,
    /// When attempts of each queue began.
    begun: BTreeMap<Arc<str>, Vec<Duration>>,
    /// What must not be: a panic inside the engine's own tasks would be nobody's.
    pub(super) faults: Vec<String>,
}

/// Limits of a queue: how many at once is for the dice each time, rates stay, as what they mean needs a past.
pub(super) fn limits(dice: &mut Dice, queue: &str, before: Option<&QueueLimits>) -> QueueLimits {
    let max_running = [json!(1), json!(2), json!(3), json!(null), json!(0)];
    // A queue is held only by who had set it before and will set it again.
    let n_choices = if before.is_some() { 5 } else { 4 };
    let mut limits = json!({ "max_running": max_running[dice.below(n_choices)], "local": queue != FAR });
    match before {
        Some(before) => {
            limits["rate"] = json!(before.rate);
            limits["burst"] = json!(before.burst);
        }
        None if dice.one_in(3) => {
            limits["rate"] = json!(["2/s", "30/m"][dice.below(2)]);
            limits["burst"] = json!(1 + dice.below(2));
        }
        None => {}
    }
    let per_key = before.map_or_else(|| dice.one_in(3), |before| before.per_key.is_some());
    if per_key {
        limits["per_key"] = json!({ "max_running": 1 });
    }
    serde_json::from_value(limits).expect("limits")
}

impl Lanes {
    pub(super) fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            clock,
            limits: BTreeMap::new(),
            work: BTreeMap::new(),
            begun: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    pub(super) fn set(&mut self, queue: &str, limits: QueueLimits) {
        let known = self.limits.get(queue);
        let mut before = known.map_or(&limits, |(now, _)| now).clone();
        // Of several that are not known everywhere yet the widest counts.
        if let Some((_, still)) = known {
            before.max_running = before
                .max_running
                .and_then(|now| Some(now.max(still.max_running?)));
        }
        self.limits.insert(queue.to_owned(), (limits, before));
    }

    /// What was set is known everywhere by now.
    pub(super) fn step_is_over(&mut self) {
        for (now, before) in self.limits.values_mut() {
            before.clone_from(now);
        }
    }

    pub(super) fn of(&self, queue: &str) -> Option<&QueueLimits> {
        self.limits.get(queue).map(|(now, _)| now)
    }

    pub(super) fn all(&self) -> BTreeMap<String, QueueLimits> {
        let limits = self.limits.iter();
        limits
            .map(|(name, (now, _))| (name.clone(), now.clone()))
            .collect()
    }

    /// Whoever settles limits says that this one may begin.
    fn may_begin(&mut self, job: &Job) {
        let (queue, key) = (&job.dispatch.queue, &job.dispatch.queue_key);
        let Some((now, before)) = self.limits.get(&**queue).cloned() else {
            return;
        };
        let max = |of: fn(&QueueLimits) -> Option<u32>| Some(of(&now)?.max(of(&before)?));
        let n = self.n_at_work(queue, None);
        if max(|limits| limits.max_running).is_some_and(|max| n >= max) {
            self.faults
                .push(format!("{n} are at work in {queue}, and another begins"));
        }
        if let Some(key) = key {
            let n = self.n_at_work(queue, Some(key));
            if max(|limits| limits.per_key.as_ref()?.max_running).is_some_and(|max| n >= max) {
                self.faults
                    .push(format!("{n} of {key} are at work in {queue}, and another begins"));
            }
        }
        self.keeps_pace(queue, &now);
    }

    fn n_at_work(&self, queue: &str, key: Option<&str>) -> u32 {
        let now = self.clock.elapsed();
        let fits = |work: &&Work| {
            *work.queue == *queue
                && key.is_none_or(|key| work.key.as_deref() == Some(key))
                && work.until.is_none_or(|until| until > now)
        };
        self.work.values().filter(fits).count() as u32
    }

    /// Of any that begin one after the other, all but a burst are as far apart as the rate says.
    fn keeps_pace(&mut self, queue: &Arc<str>, limits: &QueueLimits) {
        let Some(rate) = limits.rate.map(|rate| rate.to_string()) else {
            return;
        };
        let (n, per) = rate.split_once('/').expect("so many in a time");
        let per = Duration::from_secs(if per == "s" { 1 } else { 60 });
        let apart = per / n.parse::<u32>().expect("a number");
        let burst = limits.burst.unwrap_or(1) as usize;
        let now = self.clock.elapsed();
        let begun = self.begun.entry(Arc::clone(queue)).or_default();
        begun.push(now);
        for (n_since, first) in begun.iter().rev().enumerate() {
            let at_least = apart * (n_since + 1).saturating_sub(burst) as u32;
            if now.saturating_sub(*first) < at_least {
                self.faults.push(format!(
                    "{} begin in {queue} within {:?}, of {rate} with a burst of {burst}",
                    n_since + 1,
                    now.saturating_sub(*first)
                ));
                return;
            }
        }
    }

    /// It is at work: here, or elsewhere until then unless it is renewed.
    pub(super) fn begins(
        &mut self,
        token: AttemptToken,
        queue: &str,
        key: Option<&Arc<str>>,
        until: Option<Duration>,
    ) {
        let work = Work {
            queue: queue.into(),
            key: key.cloned(),
            until,
        };
        self.work.insert(token, work);
    }

    pub(super) fn renewed(&mut self, token: AttemptToken, until: Duration) {
        if let Some(work) = self.work.get_mut(&token) {
            work.until = Some(until);
        }
    }

    pub(super) fn ends(&mut self, token: AttemptToken) {
        self.work.remove(&token);
    }

    /// Of what was made here nothing counts any more; what goes on by itself has nobody's place.
    pub(super) fn server_died(&mut self) {
        self.work.retain(|_, work| work.until.is_some());
    }
}

/// Who makes attempts, with somebody who counts.
pub(super) struct Counted<D> {
    pub(super) inner: D,
    pub(super) lanes: Arc<Mutex<Lanes>>,
    /// Whether who takes an attempt begins at once; else that is told when its worker hears of it.
    pub(super) is_here: bool,
}

pub(super) type CountedRemote = Counted<RemotePool>;

#[async_trait]
impl<D: Dispatch> Dispatch for Counted<D> {
    fn submit(&self, job: Job) {
        self.inner.submit(job);
    }

    fn offer(&self, job: Job) -> Option<Job> {
        let refused = self.inner.offer(job.clone());
        if refused.is_none() {
            let mut lanes = self.lanes.lock();
            lanes.may_begin(&job);
            if self.is_here {
                let dispatch = &job.dispatch;
                lanes.begins(dispatch.token, &dispatch.queue, dispatch.queue_key.as_ref(), None);
            }
        }
        refused
    }

    fn presence(&self, queue: &str, task_type: &str) -> Presence {
        self.inner.presence(queue, task_type)
    }

    fn cancel(&self, token: AttemptToken, kill: bool) {
        // A worker elsewhere whose attempt is killed has no place any more, whatever it does.
        if kill && !self.is_here {
            self.lanes.lock().ends(token);
        }
        self.inner.cancel(token, kill);
    }

    fn recall(&self, run: RunId, token: AttemptToken) {
        self.inner.recall(run, token);
    }

    fn confirm_started(&self, token: AttemptToken) {
        self.inner.confirm_started(token);
    }

    fn load(&self) -> Load {
        self.inner.load()
    }

    async fn shutdown(&self, finish: Duration) -> usize {
        self.inner.shutdown(finish).await
    }
}
