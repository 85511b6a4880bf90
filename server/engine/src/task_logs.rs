//! What attempts write, on its way to the log store.
//!
//! Each attempt writes into its own [`AttemptLog`], which cuts lines and never blocks. One task of the engine gathers what all of
//! them wrote, hands it to the [`LogStore`] in batches and tells followers. Memory is bounded twice: an attempt keeps the first
//! half of its limit as it comes and only the last half of the rest, and all attempts together share a budget.
//!
//! Logs are no truth: when the store refuses them for long they are dropped, and said to be.

mod sink;
mod tail;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flow::{RunId, Timestamp, limits};
use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{Notify, broadcast, watch};

use crate::store::{LogChunk, LogKey, LogStore, LogStream};
use crate::task_type::LogSink;

pub use sink::AttemptLog;
pub(crate) use sink::human_bytes;

/// Where log lines get their time from.
pub type LogClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What one append holds at most, so that a long queue neither makes one endless transaction nor is copied whole.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// What a chunk costs beside its text; counted so that a flood of tiny chunks is bounded too.
const CHUNK_OVERHEAD: usize = 128;

/// How often a refused batch is offered before it is dropped: about five seconds.
const TRIES_MAX: u32 = 8;

/// The number of a remark about an attempt whose log is closed: behind whatever it may have written.
pub(crate) const REMARK_NUMBER: u64 = i64::MAX as u64;

/// The bounds of log capture.
#[derive(Clone, Debug)]
pub struct LogLimits {
    /// Bytes kept of one attempt: half of them its beginning, half its end.
    pub attempt: usize,
    /// Bytes of one line; a longer one goes on in the next line.
    pub line: usize,
    /// Bytes held in memory for all attempts together. Past it, beginnings end early and ends grow short.
    pub memory: usize,
    /// How long lines are gathered before they are handed to the store.
    pub linger: Duration,
    /// A queue this long is handed over at once.
    pub batch: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            attempt: limits::LOG_BYTES_PER_ATTEMPT_MAX,
            line: 64 * 1024,
            memory: 64 * 1024 * 1024,
            // Below what a person takes for delay, above what makes a transaction per line.
            linger: Duration::from_millis(50),
            batch: 64 * 1024,
        }
    }
}

/// Something was appended to the log of this task run: look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogHint {
    /// The run.
    pub run: RunId,
    /// The task run's path.
    pub task: Arc<str>,
}

/// Takes the logs of all attempts to the store. Clones share one writer.
#[derive(Clone)]
pub struct LogWriter {
    shared: Arc<Shared>,
}

/// What attempts and the writing task share.
struct Shared {
    limits: LogLimits,
    clock: LogClock,
    queue: Mutex<Queue>,
    /// Bytes in the queue and in the ends kept by attempts.
    held: AtomicUsize,
    /// There is something to write.
    wake: Notify,
    /// It should be written without waiting for more.
    hurry: Notify,
    /// How many chunks were written or dropped.
    done: watch::Sender<u64>,
    hints: broadcast::Sender<LogHint>,
}

#[derive(Default)]
struct Queue {
    chunks: Vec<(LogKey, LogChunk)>,
    /// Counts how often chunks were taken: a place in `chunks` holds within one turn only.
    turn: u64,
    bytes: usize,
    /// How many chunks were ever queued.
    n_queued: u64,
    /// The last of each run's.
    last_of: FxHashMap<RunId, u64>,
    is_stopped: bool,
}

/// A chunk's place in the queue.
#[derive(Clone, Copy)]
struct Place {
    turn: u64,
    index: usize,
}

impl Shared {
    fn is_short_of_memory(&self, more: usize) -> bool {
        self.held.load(Ordering::Relaxed) + more > self.limits.memory
    }

    /// Queues lines, into the attempt's last chunk if that is still here, of the same stream and not long yet.
    fn put(&self, key: &LogKey, chunk: LogChunk, place: Option<Place>) -> (Place, bool) {
        let mut queue = self.queue.lock();
        let len = chunk.text.len();
        queue.bytes += len;
        self.held.fetch_add(len, Ordering::Relaxed);
        let full = queue.bytes >= self.limits.batch;
        let same = place
            .filter(|place| place.turn == queue.turn)
            .and_then(|place| Some((place, queue.chunks.get_mut(place.index)?)));
        let (place, is_new) = match same {
            Some((place, (_, last)))
                if last.stream == chunk.stream && last.text.len() + len <= self.limits.batch =>
            {
                last.text.push_str(&chunk.text);
                (place, false)
            }
            _ => {
                queue.bytes += CHUNK_OVERHEAD;
                self.held.fetch_add(CHUNK_OVERHEAD, Ordering::Relaxed);
                queue.n_queued += 1;
                let n_queued = queue.n_queued;
                queue.last_of.insert(key.run, n_queued);
                queue.chunks.push((key.clone(), chunk));
                (
                    Place {
                        turn: queue.turn,
                        index: queue.chunks.len() - 1,
                    },
                    true,
                )
            }
        };
        drop(queue);
        self.wake.notify_one();
        if full {
            self.hurry.notify_one();
        }
        (place, is_new)
    }

    fn take(&self) -> Vec<(LogKey, LogChunk)> {
        let mut queue = self.queue.lock();
        queue.turn += 1;
        let mut bytes = 0;
        let n_taken = queue
            .chunks
            .iter()
            .take_while(|(_, chunk)| {
                let fits = bytes < BATCH_BYTES_MAX;
                bytes += chunk.text.len();
                fits
            })
            .count();
        let rest = queue.chunks.split_off(n_taken);
        let taken = std::mem::replace(&mut queue.chunks, rest);
        let bytes: usize = taken
            .iter()
            .map(|(_, chunk)| chunk.text.len() + CHUNK_OVERHEAD)
            .sum();
        queue.bytes = queue.bytes.saturating_sub(bytes);
        taken
    }

    fn finish(&self, taken: usize, bytes: usize, hints: FxHashSet<LogHint>) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        let mut done = 0;
        self.done.send_modify(|count| {
            *count += taken as u64;
            done = *count;
        });
        self.queue.lock().last_of.retain(|_, last| *last > done);
        for hint in hints {
            // Nobody may be following; those who lag look anyway.
            let _ = self.hints.send(hint);
        }
    }
}

impl LogWriter {
    /// Starts the writing task on the current Tokio runtime.
    #[must_use]
    pub fn start(store: Arc<dyn LogStore>, clock: LogClock, limits: LogLimits) -> Self {
        let shared = Arc::new(Shared {
            limits,
            clock,
            queue: Mutex::default(),
            held: AtomicUsize::new(0),
            wake: Notify::new(),
            hurry: Notify::new(),
            done: watch::Sender::new(0),
            hints: broadcast::Sender::new(1024),
        });
        tokio::spawn(write_all(Arc::clone(&shared), store));
        Self { shared }
    }

    /// The log of an attempt. It is closed by [`AttemptLog::close`] or when its last owner drops it.
    #[must_use]
    pub fn sink(&self, key: LogKey) -> Arc<AttemptLog> {
        Arc::new(AttemptLog::new(key, Arc::clone(&self.shared)))
    }

    /// The same of an attempt of which chunks up to this number are in the store already: it goes on behind them.
    #[must_use]
    pub fn sink_after(&self, key: LogKey, number: u64) -> Arc<AttemptLog> {
        let log = AttemptLog::new(key, Arc::clone(&self.shared));
        log.go_on_after(number);
        Arc::new(log)
    }

    /// The whole log of an attempt that writes but this: a light task's.
    pub fn line(&self, key: LogKey, stream: LogStream, line: &str) {
        let log = self.sink(key);
        log.write(stream, line.as_bytes());
        log.close();
    }

    /// A remark of the engine's behind the log of an attempt that writes no more, such as one lost with its server. One for each.
    pub fn remark(&self, key: &LogKey, remark: &str) {
        let chunk = LogChunk {
            number: REMARK_NUMBER,
            at: (self.shared.clock)(),
            stream: LogStream::Engine,
            text: format!("{remark}\n"),
        };
        self.shared.put(key, chunk, None);
    }

    /// Hints that something was appended. A receiver that lags has missed hints, not lines.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<LogHint> {
        self.shared.hints.subscribe()
    }

    /// Comes back when everything a run's attempts have written so far in whole lines is in the store, or was given up.
    pub async fn flushed(&self, run: RunId) {
        let last = self.shared.queue.lock().last_of.get(&run).copied();
        if let Some(last) = last {
            self.wait_for(last).await;
        }
    }

    /// Writes what is queued and ends the writing task. What is written afterwards is lost.
    pub async fn stop(&self) {
        let last = {
            let mut queue = self.shared.queue.lock();
            queue.is_stopped = true;
            queue.n_queued
        };
        self.wait_for(last).await;
    }

    async fn wait_for(&self, last: u64) {
        // Looking is registered before hurrying, so that what is done in between is seen.
        let mut done = self.shared.done.subscribe();
        self.shared.wake.notify_one();
        self.shared.hurry.notify_one();
        // An error means that the writing task is gone with its runtime: nothing more will be written.
        let _ = done.wait_for(|done| *done >= last).await;
    }

    /// Bytes held in memory, for metrics.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.shared.held.load(Ordering::Relaxed)
    }
}

async fn write_all(shared: Arc<Shared>, store: Arc<dyn LogStore>) {
    loop {
        shared.wake.notified().await;
        tokio::select! {
            () = shared.hurry.notified() => {}
            () = tokio::time::sleep(shared.limits.linger) => {}
        }
        loop {
            let batch = shared.take();
            if batch.is_empty() {
                break;
            }
            let bytes = batch
                .iter()
                .map(|(_, chunk)| chunk.text.len() + CHUNK_OVERHEAD)
                .sum();
            let hints = batch
                .iter()
                .map(|(key, _)| LogHint {
                    run: key.run,
                    task: Arc::clone(&key.task),
                })
                .collect();
            let taken = batch.len();
            append(store.as_ref(), batch).await;
            shared.finish(taken, bytes, hints);
        }
        if shared.queue.lock().is_stopped {
            return;
        }
    }
}

/// Appends a batch, several times if need be.
async fn append(store: &dyn LogStore, batch: Vec<(LogKey, LogChunk)>) {
    let mut pause = Duration::from_millis(20);
    for _ in 1..TRIES_MAX {
        if store.append(batch.clone()).await.is_ok() {
            return;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    let n_chunks = batch.len();
    if let Err(error) = store.append(batch).await {
        tracing::error!(n_chunks, %error, "Dropped {n_chunks} pieces of task logs that could not be written: {error}");
    }
}
