//! Who delivers messages.
//!
//! It is told of new ones after their commit and reads the store's outbox itself at the start, after whatever could not be delivered,
//! and once in a while: what it is told is a hint, the outbox is the truth. Messages of one sender about the same thing go one after
//! the other. So after whatever may have left one behind, no later one is believed until the outbox has been read.

use std::collections::VecDeque;
use std::sync::Weak;
use std::time::Duration;

use flow::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use super::{Body, deliver};
use crate::engine::{Engine, Parts};
use crate::error::EngineResult;
use crate::store::{MessageId, OutboxRow};

/// Messages being delivered at once: each may be the start of a run.
const IN_HAND_MAX: usize = 256;

/// Messages that were delivered and are remembered, so that a late word about one does not bring it again.
const DONE_KEPT: usize = 4096;

/// Rows read of the outbox at a time.
const ROWS_PER_READ: usize = 1_000;

/// How long after something could not be delivered the outbox is read again.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// How often the outbox is read without cause.
const EVERY: Duration = Duration::from_secs(60);

/// The way to the courier.
#[derive(Clone)]
pub(crate) struct Courier(mpsc::UnboundedSender<Told>);

/// What the courier is told.
pub(crate) enum Told {
    /// These were committed.
    Sent(Vec<OutboxRow>),
    /// One was delivered, or could not be now.
    Delivered { lane: Lane, is_done: bool },
    /// There may be others.
    Look,
    /// Deliver nothing more, and tell when nothing is being delivered.
    Stop(oneshot::Sender<()>),
}

/// What a courier that is not at work yet will be told.
pub(crate) type Letters = mpsc::UnboundedReceiver<Told>;

/// Messages that go one after the other: their sender, and what they are about.
pub(crate) type Lane = (u128, String);

impl Courier {
    /// The way to a courier, and what it will be told.
    pub(crate) fn new() -> (Self, Letters) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Messages were committed.
    pub(crate) fn sent(&self, rows: Vec<OutboxRow>) {
        if !rows.is_empty() {
            self.tell(Told::Sent(rows));
        }
    }

    /// There may be messages that nobody told of: a commit failed, or seemed to.
    pub(crate) fn look(&self) {
        self.tell(Told::Look);
    }

    /// Delivers nothing more; comes back when nothing is being delivered.
    pub(crate) async fn stop(&self) {
        let (stopped, wait) = oneshot::channel();
        self.tell(Told::Stop(stopped));
        // An error means that it has stopped before.
        let _ = wait.await;
    }

    fn tell(&self, told: Told) {
        // An error means that it has stopped; what is left is delivered after the next start.
        let _ = self.0.send(told);
    }
}

/// Sets a courier to work for an engine, as long as that lives.
pub(crate) fn start(engine: &Engine, mut inbox: Letters) {
    let parts = std::sync::Arc::downgrade(&engine.parts);
    let courier = engine.parts.shared.courier.clone();
    let clock = std::sync::Arc::clone(engine.clock());
    engine.parts.shared.runtime.spawn(async move {
        let mut desk = Desk {
            courier,
            parts,
            lanes: FxHashMap::default(),
            known: FxHashSet::default(),
            done: VecDeque::new(),
            ready: VecDeque::new(),
            n_in_hand: 0,
            is_behind: true,
            stalled: FxHashSet::default(),
            look_at: clock.now(),
        };
        let mut stopping = Vec::new();
        loop {
            tokio::select! {
                biased;
                told = inbox.recv() => match told {
                    None => return,
                    Some(Told::Stop(stopped)) => stopping.push(stopped),
                    Some(told) => desk.take(told, clock.now()),
                },
                // It may come back early.
                () = clock.wait_until(desk.look_at) => desk.look(clock.now()).await,
            }
            if !stopping.is_empty() {
                if desk.n_in_hand == 0 {
                    // Dropping the senders tells.
                    return;
                }
                continue;
            }
            desk.deliver();
            if desk.parts.strong_count() == 0 {
                return;
            }
        }
    });
}

struct Desk {
    courier: Courier,
    parts: Weak<Parts>,
    /// What is to be delivered; the head of a lane is in hand.
    lanes: FxHashMap<Lane, VecDeque<(MessageId, Body)>>,
    /// All of that, and what was delivered lately.
    known: FxHashSet<MessageId>,
    /// What was delivered lately, oldest first; it is known too.
    done: VecDeque<MessageId>,
    /// Lanes whose head may be delivered.
    ready: VecDeque<Lane>,
    n_in_hand: usize,
    /// Whether there may be messages that nobody told of, or as at the start has not yet: what is told now may have to come after them.
    is_behind: bool,
    /// Lanes whose head has to wait: what comes later waits for the outbox to be read as well.
    stalled: FxHashSet<Lane>,
    look_at: Timestamp,
}

impl Desk {
    fn take(&mut self, told: Told, now: Timestamp) {
        match told {
            // What is left out here is found in the outbox.
            Told::Sent(_) if self.is_behind => {}
            Told::Sent(rows) => rows.into_iter().for_each(|row| self.line_up(row, true)),
            Told::Delivered { lane, is_done } => self.delivered(lane, is_done, now),
            Told::Look => {
                self.is_behind = true;
                self.look_at = self.look_at.min(now.plus(AFTER_FAILURE));
            }
            Told::Stop(_) => {}
        }
    }

    /// Lines up a message that was told of, or read.
    fn line_up(&mut self, row: OutboxRow, is_told: bool) {
        if self.known.contains(&row.id) {
            return;
        }
        let body: Body = match serde_json::from_str(&row.body) {
            Ok(body) => body,
            Err(error) => {
                error!(
                    "The message {} of {:032x} cannot be read, it stays where it is: {error}",
                    row.id.seq, row.id.sender
                );
                self.known.insert(row.id);
                return;
            }
        };
        let lane = (row.id.sender, body.about());
        if is_told && self.stalled.contains(&lane) {
            return;
        }
        self.known.insert(row.id);
        let queue = self.lanes.entry(lane.clone()).or_default();
        if queue.is_empty() {
            self.ready.push_back(lane);
        }
        queue.push_back((row.id, body));
    }

    fn delivered(&mut self, lane: Lane, is_done: bool, now: Timestamp) {
        self.n_in_hand -= 1;
        let Some(queue) = self.lanes.get_mut(&lane) else {
            return;
        };
        if is_done {
            if let Some((id, _)) = queue.pop_front() {
                self.done.push_back(id);
            }
            if self.done.len() > DONE_KEPT
                && let Some(id) = self.done.pop_front()
            {
                self.known.remove(&id);
            }
            if queue.is_empty() {
                self.lanes.remove(&lane);
            } else {
                self.ready.push_back(lane);
            }
            return;
        }
        // The rest of the lane waits with it; it is read again in its order.
        for (id, _) in self.lanes.remove(&lane).into_iter().flatten() {
            self.known.remove(&id);
        }
        self.stalled.insert(lane);
        self.look_at = self.look_at.min(now.plus(AFTER_FAILURE));
    }

    /// Reads the outbox if it is time.
    async fn look(&mut self, now: Timestamp) {
        let is_waited_for = self.is_behind || !self.stalled.is_empty();
        // A clock that was set back is not waited for.
        let at_the_latest = now.plus(if is_waited_for { AFTER_FAILURE } else { EVERY });
        self.look_at = self.look_at.min(at_the_latest);
        if now >= self.look_at {
            self.read(now).await;
        }
    }

    /// Reads the outbox. What is in hand is known and passed over.
    async fn read(&mut self, now: Timestamp) {
        self.look_at = now.plus(EVERY);
        match self.read_all().await {
            Ok(()) => {
                self.is_behind = false;
                self.stalled.clear();
            }
            Err(error) => {
                warn!("Messages between runs have to wait: {error}");
                self.is_behind = true;
                self.look_at = now.plus(AFTER_FAILURE);
            }
        }
    }

    async fn read_all(&mut self) -> EngineResult<()> {
        let Some(parts) = self.parts.upgrade() else {
            return Ok(());
        };
        let mut after = None;
        loop {
            let rows = parts.shared.store.outbox(after, ROWS_PER_READ).await?;
            let n_rows = rows.len();
            after = rows.last().map(|row| row.id);
            rows.into_iter().for_each(|row| self.line_up(row, false));
            if n_rows < ROWS_PER_READ {
                return Ok(());
            }
        }
    }

    fn deliver(&mut self) {
        while self.n_in_hand < IN_HAND_MAX
            && let Some(lane) = self.ready.pop_front()
        {
            let Some((id, body)) = self.lanes.get(&lane).and_then(|queue| queue.front()).cloned() else {
                continue;
            };
            let Some(engine) = Engine::alive(&self.parts) else {
                return;
            };
            self.n_in_hand += 1;
            let courier = self.courier.clone();
            let runtime = engine.parts.shared.runtime.clone();
            runtime.spawn(async move {
                let is_done = match deliver::deliver(&engine, id, body).await {
                    Ok(()) => true,
                    Err(error) => {
                        warn!("A message of {:032x} has to wait: {error}", id.sender);
                        false
                    }
                };
                drop(engine);
                courier.tell(Told::Delivered { lane, is_done });
            });
        }
    }
}
