//! Signals: what came from outside, by name, and which task runs wait for what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::payload::Payload;
use crate::plan::Spot;
use crate::run::state::{RunState, TaskState};

/// The signals of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Signals {
    /// What came: the first of each name.
    pub(super) received: BTreeMap<Arc<str>, Payload>,
    /// Who waits for a name.
    waiting: BTreeMap<Arc<str>, BTreeSet<Spot>>,
    /// The name somebody waits for.
    names: Vec<(Spot, Arc<str>)>,
}

impl RunState {
    /// What came under a name, if it has come.
    #[must_use]
    pub fn signal(&self, name: &str) -> Option<&Payload> {
        self.data.signals.as_ref()?.received.get(name)
    }

    /// The name of the signal a task run waits for.
    #[must_use]
    pub fn awaited_signal(&self, spot: Spot) -> Option<&Arc<str>> {
        let names = &self.data.signals.as_ref()?.names;
        let at = names.binary_search_by_key(&spot, |(spot, _)| *spot).ok()?;
        Some(&names[at].1)
    }

    #[cfg(feature = "author")]
    pub(super) fn n_signals(&self) -> usize {
        self.data
            .signals
            .as_ref()
            .map_or(0, |signals| signals.received.len())
    }

    pub(super) fn await_signal(&mut self, spot: Spot, name: &Arc<str>) {
        let signals = self.data.signals.get_or_insert_default();
        signals.waiting.entry(Arc::clone(name)).or_default().insert(spot);
        if let Err(at) = signals.names.binary_search_by_key(&spot, |(spot, _)| *spot) {
            signals.names.insert(at, (spot, Arc::clone(name)));
        }
    }

    pub(super) fn await_no_signal(&mut self, spot: Spot) {
        let Some(signals) = &mut self.data.signals else {
            return;
        };
        let Ok(at) = signals.names.binary_search_by_key(&spot, |(spot, _)| *spot) else {
            return;
        };
        let (_, name) = signals.names.remove(at);
        if let Some(spots) = signals.waiting.get_mut(&name) {
            spots.remove(&spot);
            if spots.is_empty() {
                signals.waiting.remove(&name);
            }
        }
    }

    /// Keeps a signal. Who waited for it goes on.
    pub(super) fn signal_received(&mut self, name: &Arc<str>, payload: &Payload) {
        let signals = self.data.signals.get_or_insert_default();
        let payload = payload.clone();
        signals.received.entry(Arc::clone(name)).or_insert(payload);
        for spot in signals.waiting.remove(name).unwrap_or_default() {
            self.move_to(spot, TaskState::Blocked);
            self.put_on_agenda(spot);
        }
    }
}
