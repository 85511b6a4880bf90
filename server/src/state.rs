//! What handlers work with.

use std::sync::Arc;

use engine::Engine;
use flow::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use crate::api::Wrong;
use crate::log_lines::LogLines;
use crate::safety::Hosts;

/// Streams open at once, of all kinds: each costs some kilobytes and a look at the store per change.
pub(crate) const STREAMS_MAX: usize = 2_000;

/// What handlers work with. Clones are the same.
#[derive(Clone)]
pub(crate) struct ServerState {
    /// The engine.
    pub(crate) engine: Engine,
    /// The rest.
    pub(crate) shared: Arc<Shared>,
}

/// What does not change while the server runs.
pub(crate) struct Shared {
    /// Which hosts requests may be for.
    pub(crate) hosts: Hosts,
    /// Turns true when the server goes down.
    pub(crate) stopping: Stopping,
    /// One permit per open stream.
    pub(crate) streams: Arc<Semaphore>,
    /// Addresses whose deliveries to webhooks were wrong.
    pub(crate) wrong: Mutex<Wrong>,
    /// Logs by lines.
    pub(crate) logs: LogLines,
    /// When the server started.
    pub(crate) started_at: Timestamp,
}

impl ServerState {
    /// Now, by the engine's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }
}

/// Tells that the server goes down.
#[derive(Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// The sender turns it true.
    pub(crate) const fn new(receiver: watch::Receiver<bool>) -> Self {
        Self(receiver)
    }

    /// Whether it goes down.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Comes back when it goes down.
    pub(crate) async fn wait(&self) {
        let mut receiver = self.0.clone();
        // A sender that is gone means that the server is gone.
        let _ = receiver.wait_for(|stopping| *stopping).await;
    }
}
