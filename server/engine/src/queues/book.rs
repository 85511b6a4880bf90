//! The owner's book: who waits in which queue, who runs, and who is next. No clock, no tasks, no store: all of that is given.
//!
//! Attempts of a queue stand in *lanes*: one for each key and place in which they can be made. Within a lane nobody overtakes but by
//! priority, so only the first of each lane has to be looked at, and a limit that holds one lane holds no other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use flow::{AttemptToken, RunId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Standing;
use super::limits::{Bucket, Pace, QueueLimits};

/// What a point of priority is worth: a minute of waiting. So everybody's turn comes: what waits for longer than the difference of two
/// priorities in minutes stands before what has just come.
const AGEING: Duration = Duration::from_secs(60);

/// Holders that one answer names at most.
const HOLDERS_NAMED_MAX: usize = 5;

/// An attempt that asks to be made.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) token: AttemptToken,
    pub(super) run: RunId,
    pub(super) path: Arc<str>,
    pub(super) queue: Arc<str>,
    pub(super) key: Option<Arc<str>>,
    pub(super) place: Place,
    pub(super) priority: i32,
    /// When the run gave it out.
    pub(super) asked_at: Timestamp,
}

/// Where attempts can be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// In this process.
    Here,
    /// In workers elsewhere that do this type.
    Elsewhere(Arc<str>),
}

/// Waits for its turn among others; the lowest is next. It does not change as time goes by: all age alike.
type Rank = (i64, u64);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    key: Option<Arc<str>>,
    place: Place,
}

/// Why an attempt is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// As many of the queue run as may.
    Queue { max: u32 },
    /// As many of its key run as may.
    Key { key: Arc<str>, max: u32 },
    /// The queue's rate is used up until then.
    Rate { rate: String, until: Duration },
    /// Its key's rate is.
    KeyRate {
        key: Arc<str>,
        rate: String,
        until: Duration,
    },
}

/// What is known of an attempt that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) path: Arc<str>,
    pub(super) queue: Arc<str>,
    pub(super) place: Place,
    pub(super) asked_at: Timestamp,
    pub(super) hold: Option<Hold>,
    /// Some of those that run in its stead, the first first.
    pub(super) holders: Vec<(RunId, Arc<str>)>,
    /// How many of its lane stand before it.
    pub(super) n_before: usize,
}

/// A rate that is used up for longer than the store may forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) queue: Arc<str>,
    pub(super) key: Option<Arc<str>>,
    pub(super) until: Duration,
}

/// Rates that are slower than this are noted in the store. Faster ones are taken for used up after a restart.
pub(super) const SLOW: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Queue {
    limits: QueueLimits,
    n_running: u32,
    bucket: Bucket,
    keys: FxHashMap<Arc<str>, Key>,
    /// Set if an earlier server may have let some begin shortly before.
    restarted_at: Option<Duration>,
    lanes: BTreeMap<Lane, BTreeMap<Rank, Ticket>>,
}

#[derive(Debug, Default)]
struct Key {
    n_running: u32,
    bucket: Bucket,
}

#[derive(Debug)]
struct Holder {
    order: u64,
    run: RunId,
    path: Arc<str>,
    queue: Arc<str>,
    key: Option<Arc<str>>,
}

/// Who waits and who runs.
#[derive(Debug, Default)]
pub(super) struct Book {
    queues: BTreeMap<Arc<str>, Queue>,
    waiting: FxHashMap<AttemptToken, (Arc<str>, Lane, Rank)>,
    running: FxHashMap<AttemptToken, Holder>,
    n: u64,
}

/// One look over all that wait.
pub(super) struct Pass {
    heads: BinaryHeap<Reverse<(Rank, Arc<str>, Lane)>>,
    /// Where nobody is free.
    full: FxHashSet<(Option<Arc<str>>, Place)>,
    /// When a rate lets the next begin.
    pub(super) next_due: Option<Duration>,
}

impl Book {
    /// Sets what holds for a queue. What runs goes on; a rate's past goes on to count, but for no longer than it could have come to under
    /// the new rate.
    pub(super) fn set_limits(&mut self, queue: &str, limits: QueueLimits, now: Duration) {
        let queue = self.queues.entry(queue.into()).or_default();
        if let Some(pace) = limits.pace() {
            queue.bucket = queue.bucket.at_most(Bucket::used_up(now, pace));
        }
        if let Some(pace) = limits.pace_per_key() {
            for key in queue.keys.values_mut() {
                key.bucket = key.bucket.at_most(Bucket::used_up(now, pace));
            }
        }
        queue.limits = limits;
    }

    pub(super) fn limits(&self, queue: &str) -> QueueLimits {
        self.queues
            .get(queue)
            .map_or_else(QueueLimits::default, |queue| queue.limits.clone())
    }

    /// After a restart: what began in the last moments is not known but for what was noted.
    pub(super) fn restart(&mut self, now: Duration, marks: impl IntoIterator<Item = Mark>) {
        for queue in self.queues.values_mut() {
            queue.restarted_at = Some(now);
            if let Some(pace) = queue.limits.pace().filter(|pace| pace.interval < SLOW) {
                queue.bucket = Bucket::used_up(now, pace);
            }
        }
        for Mark { queue, key, until } in marks {
            let queue = self.queues.entry(queue).or_default();
            // A clock that was set back must not hold a queue for longer than its whole burst.
            let pace = if key.is_none() {
                queue.limits.pace()
            } else {
                queue.limits.pace_per_key()
            };
            let Some(pace) = pace else { continue };
            let bucket = Bucket { until }.at_most(Bucket::used_up(now, pace));
            match key {
                None => queue.bucket = bucket,
                Some(key) => queue.keys.entry(key).or_default().bucket = bucket,
            }
        }
    }

    /// Whether an attempt waits or runs.
    pub(super) fn knows(&self, token: AttemptToken) -> bool {
        self.waiting.contains_key(&token) || self.running.contains_key(&token)
    }

    pub(super) fn n_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// An attempt asks to be made.
    pub(super) fn ask(&mut self, ticket: Ticket) {
        if self.knows(ticket.token) {
            return;
        }
        self.n += 1;
        let ageing = i64::from(ticket.priority) * AGEING.as_micros() as i64;
        let rank = (ticket.asked_at.as_micros().saturating_sub(ageing), self.n);
        let lane = Lane {
            key: ticket.key.clone(),
            place: ticket.place.clone(),
        };
        let place = (Arc::clone(&ticket.queue), lane.clone(), rank);
        self.waiting.insert(ticket.token, place);
        let queue = self.queues.entry(Arc::clone(&ticket.queue)).or_default();
        queue.lanes.entry(lane).or_default().insert(rank, ticket);
    }

    /// An attempt that waits no longer asks.
    pub(super) fn take_back(&mut self, token: AttemptToken) -> Option<Ticket> {
        let (queue, lane, rank) = self.waiting.remove(&token)?;
        let queue = self.queues.get_mut(&queue)?;
        let tickets = queue.lanes.get_mut(&lane)?;
        let ticket = tickets.remove(&rank);
        if tickets.is_empty() {
            queue.lanes.remove(&lane);
        }
        ticket
    }

    /// Somebody has this attempt, whatever the limits say: it was begun before a restart.
    pub(super) fn adopt(&mut self, ticket: Ticket) {
        self.n += 1;
        let queue = self.queues.entry(Arc::clone(&ticket.queue)).or_default();
        queue.n_running += 1;
        if let Some(key) = &ticket.key {
            queue.keys.entry(Arc::clone(key)).or_default().n_running += 1;
        }
        self.running.insert(
            ticket.token,
            Holder {
                order: self.n,
                run: ticket.run,
                path: ticket.path,
                queue: ticket.queue,
                key: ticket.key,
            },
        );
    }

    /// An attempt ended, or is not made after all. False if it did not run.
    pub(super) fn release(&mut self, token: AttemptToken, now: Duration) -> bool {
        let Some(holder) = self.running.remove(&token) else {
            return false;
        };
        let Some(queue) = self.queues.get_mut(&holder.queue) else {
            return true;
        };
        queue.n_running = queue.n_running.saturating_sub(1);
        if let Some(key) = holder.key
            && let Some(of_key) = queue.keys.get_mut(&key)
        {
            of_key.n_running = of_key.n_running.saturating_sub(1);
            if of_key.n_running == 0 && of_key.bucket.until <= now {
                queue.keys.remove(&key);
            }
        }
        true
    }

    /// Begins to look who may begin.
    pub(super) fn pass(&self) -> Pass {
        let mut heads = Vec::new();
        for (name, queue) in &self.queues {
            if queue.limits.max_running.is_some_and(|max| queue.n_running >= max) {
                continue;
            }
            for (lane, tickets) in &queue.lanes {
                if let Some((rank, _)) = tickets.first_key_value() {
                    heads.push(Reverse((*rank, Arc::clone(name), lane.clone())));
                }
            }
        }
        Pass {
            heads: heads.into(),
            full: FxHashSet::default(),
            next_due: None,
        }
    }

    /// Who is next, as far as limits go. It is to be given out and then told by [`Book::began`] or [`Book::no_room`].
    pub(super) fn next(&self, pass: &mut Pass, now: Duration) -> Option<Ticket> {
        while let Some(Reverse((rank, name, lane))) = pass.heads.pop() {
            if pass.full.contains(&room_of(&name, &lane.place)) {
                continue;
            }
            let Some(queue) = self.queues.get(&name) else {
                continue;
            };
            let Some(ticket) = queue.lanes.get(&lane).and_then(|tickets| tickets.get(&rank)) else {
                continue;
            };
            match queue.hold(lane.key.as_ref(), now) {
                None => return Some(ticket.clone()),
                Some(Hold::Rate { until, .. } | Hold::KeyRate { until, .. }) => {
                    pass.next_due = Some(pass.next_due.map_or(until, |due| due.min(until)));
                }
                Some(Hold::Queue { .. } | Hold::Key { .. }) => {}
            }
        }
        None
    }

    /// What must be durable before an attempt that is next may begin: how far it uses up slow rates.
    pub(super) fn marks(&self, ticket: &Ticket, now: Duration) -> Vec<Mark> {
        let Some(queue) = self.queues.get(&ticket.queue) else {
            return Vec::new();
        };
        let after = |mut bucket: Bucket, pace: Option<Pace>| {
            let pace = pace.filter(|pace| pace.interval >= SLOW)?;
            bucket.take(now, pace);
            Some(bucket.until)
        };
        let of_queue = after(queue.bucket, queue.limits.pace()).map(|until| (None, until));
        let of_key = ticket.key.as_ref().and_then(|key| {
            let pace = queue.limits.pace_per_key()?;
            let until = after(queue.bucket_of(key, pace), Some(pace))?;
            Some((Some(Arc::clone(key)), until))
        });
        let marks = of_queue.into_iter().chain(of_key);
        marks
            .map(|(key, until)| Mark {
                queue: Arc::clone(&ticket.queue),
                key,
                until,
            })
            .collect()
    }

    /// The attempt that was next has been given out.
    pub(super) fn began(&mut self, pass: &mut Pass, token: AttemptToken, now: Duration) {
        let Some((name, lane, _)) = self.waiting.get(&token).cloned() else {
            return;
        };
        let Some(ticket) = self.take_back(token) else {
            return;
        };
        let key = ticket.key.clone();
        self.adopt(ticket);
        let Some(queue) = self.queues.get_mut(&name) else {
            return;
        };
        if let Some(pace) = queue.limits.pace() {
            queue.bucket.take(now, pace);
        }
        if let (Some(pace), Some(key)) = (queue.limits.pace_per_key(), key) {
            let mut bucket = queue.bucket_of(&key, pace);
            bucket.take(now, pace);
            queue.keys.entry(key).or_default().bucket = bucket;
            queue.tidy(now);
        }
        let head = queue
            .lanes
            .get(&lane)
            .and_then(|tickets| tickets.first_key_value());
        if let Some((rank, _)) = head {
            pass.heads.push(Reverse((*rank, name, lane)));
        }
    }

    /// The attempt that was next is to be looked at once more.
    pub(super) fn look_again(&self, pass: &mut Pass, ticket: &Ticket) {
        if let Some((name, lane, rank)) = self.waiting.get(&ticket.token).cloned() {
            pass.heads.push(Reverse((rank, name, lane)));
        }
    }

    /// Nobody is free to make the attempt that was next, nor any like it.
    pub(super) fn no_room(&self, pass: &mut Pass, ticket: &Ticket) {
        pass.full.insert(room_of(&ticket.queue, &ticket.place));
    }

    /// Why the attempts of a run wait.
    pub(super) fn why(&self, run: RunId, now: Duration) -> Vec<Waiting> {
        let mut all = Vec::new();
        for (name, queue) in &self.queues {
            for (lane, tickets) in &queue.lanes {
                let of_run = tickets
                    .values()
                    .enumerate()
                    .filter(|(_, ticket)| ticket.run == run);
                for (n_before, ticket) in of_run {
                    let hold = queue.hold(lane.key.as_ref(), now);
                    let holders = match &hold {
                        Some(Hold::Queue { .. }) => self.holders(name, None),
                        Some(Hold::Key { key, .. }) => self.holders(name, Some(key)),
                        _ => Vec::new(),
                    };
                    all.push(Waiting {
                        path: Arc::clone(&ticket.path),
                        queue: Arc::clone(name),
                        place: lane.place.clone(),
                        asked_at: ticket.asked_at,
                        hold,
                        holders,
                        n_before,
                    });
                }
            }
        }
        all
    }

    fn holders(&self, queue: &Arc<str>, key: Option<&Arc<str>>) -> Vec<(RunId, Arc<str>)> {
        let fits = |holder: &&Holder| {
            holder.queue == *queue && key.is_none_or(|key| holder.key.as_ref() == Some(key))
        };
        let mut holders: Vec<&Holder> = self.running.values().filter(fits).collect();
        holders.sort_unstable_by_key(|holder| holder.order);
        let named = holders.into_iter().take(HOLDERS_NAMED_MAX);
        named
            .map(|holder| (holder.run, Arc::clone(&holder.path)))
            .collect()
    }

    /// How the queues stand.
    pub(super) fn standings(&self) -> impl Iterator<Item = (Arc<str>, Standing)> + '_ {
        self.queues.iter().map(|(name, queue)| {
            let standing = Standing {
                limits: queue.limits.clone(),
                n_running: queue.n_running,
                n_waiting: queue.lanes.values().map(BTreeMap::len).sum(),
            };
            (Arc::clone(name), standing)
        })
    }
}

/// Keys of a queue from which on those that nothing is to be remembered of are looked for, each time their number doubles.
const KEYS_TIDIED_AT: usize = 1024;

impl Queue {
    fn tidy(&mut self, now: Duration) {
        if self.keys.len() >= KEYS_TIDIED_AT && self.keys.len().is_power_of_two() {
            self.keys
                .retain(|_, key| key.n_running > 0 || key.bucket.until > now);
        }
    }

    fn bucket_of(&self, key: &Arc<str>, pace: Pace) -> Bucket {
        let used_before = self.restarted_at.filter(|_| pace.interval < SLOW);
        let begins = used_before.map_or_else(Bucket::default, |at| Bucket::used_up(at, pace));
        self.keys.get(key).map_or(begins, |of_key| Bucket {
            until: of_key.bucket.until.max(begins.until),
        })
    }

    fn hold(&self, key: Option<&Arc<str>>, now: Duration) -> Option<Hold> {
        if let Some(max) = self.limits.max_running.filter(|max| self.n_running >= *max) {
            return Some(Hold::Queue { max });
        }
        let of_key = key.and_then(|key| self.keys.get(key));
        let max = self.limits.per_key.as_ref().and_then(|limits| limits.max_running);
        if let (Some(max), Some(key)) = (max, key)
            && of_key.map_or(0, |key| key.n_running) >= max
        {
            let key = Arc::clone(key);
            return Some(Hold::Key { key, max });
        }
        let rate = self.limits.rate.map(|rate| rate.to_string()).unwrap_or_default();
        if let Some(until) = held_until(self.bucket, self.limits.pace(), now) {
            return Some(Hold::Rate { rate, until });
        }
        let (key, pace) = (key?, self.limits.pace_per_key()?);
        let rate = self.limits.per_key.as_ref()?.rate?.to_string();
        let until = held_until(self.bucket_of(key, pace), Some(pace), now)?;
        let key = Arc::clone(key);
        Some(Hold::KeyRate { key, rate, until })
    }
}

fn held_until(bucket: Bucket, pace: Option<Pace>, now: Duration) -> Option<Duration> {
    let ready_at = bucket.ready_at(pace?);
    (ready_at > now).then_some(ready_at)
}

/// Who can make attempts of a place: this process those of all queues.
fn room_of(queue: &Arc<str>, place: &Place) -> (Option<Arc<str>>, Place) {
    let queue = matches!(place, Place::Elsewhere(_)).then(|| Arc::clone(queue));
    (queue, place.clone())
}
