//! Hints to those who watch: something was committed, look again. The store is the truth, so a hint may be lost or doubled, and a
//! slow watcher costs nothing: register first, then look, then wait.

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::{broadcast, watch};

use flow::RunId;

/// How many changed runs a watcher of all may be behind before it has to list them again.
const CHANGES_KEPT: usize = 4096;

/// Who watches what.
pub(crate) struct Hub {
    runs: Mutex<FxHashMap<RunId, watch::Sender<u64>>>,
    changes: broadcast::Sender<RunId>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            runs: Mutex::default(),
            changes: broadcast::channel(CHANGES_KEPT).0,
        }
    }
}

impl Hub {
    /// Watches one run: the number of its last committed event, as far as hints told.
    pub(crate) fn watch(&self, run: RunId) -> watch::Receiver<u64> {
        let mut runs = self.runs.lock();
        if runs.len() > 64 {
            runs.retain(|_, sender| sender.receiver_count() > 0);
        }
        runs.entry(run).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    /// Watches all runs: the ids of those that changed.
    pub(crate) fn watch_all(&self) -> broadcast::Receiver<RunId> {
        self.changes.subscribe()
    }

    /// A run's events up to `seq` are committed.
    pub(crate) fn committed(&self, run: RunId, seq: u64) {
        let mut runs = self.runs.lock();
        if let Some(sender) = runs.get(&run) {
            sender.send_replace(seq);
            if sender.receiver_count() == 0 {
                runs.remove(&run);
            }
        }
        drop(runs);
        if self.changes.receiver_count() > 0 {
            // Fails only if the last watcher has just left.
            let _ = self.changes.send(run);
        }
    }
}
