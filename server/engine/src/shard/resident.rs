//! A run in memory.

use std::sync::Arc;

use flow::payload::BlobRef;
use flow::run::BlobSource;
use flow::run::RunState;
use flow::view::RunDetail;
use rustc_hash::FxHashMap;
use serde_json::Value;
use tokio::sync::oneshot;

use super::RunCommand;
use crate::flows::Compiled;

/// A run in memory, or on its way there.
pub(super) enum Resident {
    /// It is being read; what is asked meanwhile waits.
    Loading(Vec<RunCommand>),
    /// It is here.
    Here(Box<Here>),
}

/// A run in memory.
pub(super) struct Here {
    pub(super) state: RunState,
    pub(super) compiled: Arc<Compiled>,
    /// Who is told when it ends.
    pub(super) waiters: Vec<oneshot::Sender<Arc<RunDetail>>>,
    /// Large values at hand for the next decisions.
    pub(super) values: Values,
    /// Commands that wait for large values.
    pub(super) parked: Vec<RunCommand>,
    /// Whether large values are being read, or will be.
    pub(super) is_reading: bool,
    /// Large values to be read once so many decisions more are committed: those may have made them.
    pub(super) wanted: (usize, Vec<BlobRef>),
    /// Decisions that are not committed yet.
    pub(super) n_uncommitted: usize,
}

impl Here {
    pub(super) fn new(state: RunState, compiled: Arc<Compiled>) -> Self {
        Self {
            state,
            compiled,
            waiters: Vec::new(),
            values: Values::default(),
            parked: Vec::new(),
            is_reading: false,
            wanted: (0, Vec::new()),
            n_uncommitted: 0,
        }
    }

    /// Whether nothing but its timers will move it: it may leave memory until then.
    pub(super) fn is_idle(&self) -> bool {
        self.n_uncommitted == 0
            && !self.state.in_flight()
            && self.waiters.is_empty()
            && self.parked.is_empty()
            && !self.is_reading
    }
}

/// Large values at hand.
#[derive(Default)]
pub(super) struct Values(pub(super) FxHashMap<BlobRef, Arc<Value>>);

impl BlobSource for Values {
    fn get(&self, blob: &BlobRef) -> Option<Arc<Value>> {
        self.0.get(blob).cloned()
    }
}
