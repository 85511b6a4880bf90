//! Runs as their committed events make them, for those who look.
//!
//! A shard's own states run ahead of the store; what is shown must not. So viewers get a fold of their own over what the store has,
//! kept for a while and continued from where it stood.

use std::sync::Arc;

use flow::RunId;
use flow::plan::Spot;
use flow::run::RunState;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::error::{EngineError, EngineResult};
use crate::flows::Flows;
use crate::store::Store;

/// Folded runs kept at hand.
const FOLDED_MAX: usize = 256;

/// Tasks of all folded runs kept at hand: a bound on their memory, some kilobytes each with inputs and outputs.
const FOLDED_TASKS_MAX: usize = 200_000;

/// Events read at a time.
const EVENTS_PER_READ: usize = 5_000;

#[derive(Default)]
struct Cache {
    runs: FxHashMap<RunId, (Arc<RunState>, u64)>,
    tick: u64,
    n_tasks: usize,
}

/// Folds committed events.
pub(crate) struct Reader {
    store: Arc<dyn Store>,
    flows: Arc<Flows>,
    cache: Mutex<Cache>,
}

impl Reader {
    pub(crate) fn new(store: Arc<dyn Store>, flows: Arc<Flows>) -> Self {
        Self {
            store,
            flows,
            cache: Mutex::default(),
        }
    }

    /// The run as all its committed events make it.
    pub(crate) async fn state(&self, run: RunId) -> EngineResult<Arc<RunState>> {
        let known = self
            .cache
            .lock()
            .runs
            .get(&run)
            .map(|(state, _)| Arc::clone(state));
        if let Some(state) = &known
            && state.is_finished()
        {
            return Ok(Arc::clone(state));
        }
        let before = known.as_ref().map(|state| state.last_seq());
        let state = match known {
            Some(state) => self.fold(run, Some(state), None).await?,
            None => self.fold(run, None, None).await?,
        };
        if before != Some(state.last_seq()) {
            self.keep(run, &state);
        }
        Ok(state)
    }

    /// These runs are no longer there.
    pub(crate) fn forget(&self, runs: &[RunId]) {
        let mut cache = self.cache.lock();
        for run in runs {
            if let Some((gone, _)) = cache.runs.remove(run) {
                cache.n_tasks -= gone.tasks().len();
            }
        }
    }

    /// The run as it was when an item settled: later it remembers but the item's outcome.
    pub(crate) async fn at_end_of(&self, run: RunId, item: Spot) -> EngineResult<Arc<RunState>> {
        self.fold(run, None, Some(item)).await
    }

    /// Goes on with a state to the end of the log, or until an item settles.
    async fn fold(
        &self,
        run: RunId,
        mut state: Option<Arc<RunState>>,
        watched: Option<Spot>,
    ) -> EngineResult<Arc<RunState>> {
        loop {
            let after = state.as_ref().map_or(0, |state| state.last_seq());
            let events = self.store.events(run, after, EVENTS_PER_READ).await?;
            if events.is_empty() {
                return state.ok_or(EngineError::UnknownRun(run));
            }
            let n_events = events.len();
            let mut rest = events.as_slice();
            if state.is_none() {
                let mut begun = self.begin(run, &mut rest).await?;
                if let Some(item) = watched {
                    begun.watch(item);
                }
                state = Some(Arc::new(begun));
            }
            if let Some(state) = state.as_mut() {
                let folded = Arc::make_mut(state);
                for event in rest.iter().filter(|event| event.seq > after) {
                    folded.apply(event);
                    if folded.watched().is_some() {
                        return Ok(Arc::clone(state));
                    }
                }
            }
            if n_events < EVENTS_PER_READ {
                return state.ok_or(EngineError::UnknownRun(run));
            }
        }
    }

    async fn begin(&self, run: RunId, events: &mut &[flow::run::Event]) -> EngineResult<RunState> {
        let Some((first, rest)) = events.split_first() else {
            return Err(EngineError::UnknownRun(run));
        };
        let flow::run::EventKind::RunCreated { flow, version, .. } = &first.kind else {
            return Err(EngineError::Unavailable(format!(
                "the log of {run} does not begin with its creation"
            )));
        };
        let compiled = self.flows.get(flow, Some(*version)).await?;
        *events = rest;
        RunState::begin(Arc::clone(&compiled.plan), first)
            .map_err(|error| EngineError::Unavailable(format!("the log of {run} cannot be read: {error}")))
    }

    fn keep(&self, run: RunId, state: &Arc<RunState>) {
        let mut cache = self.cache.lock();
        cache.tick += 1;
        let tick = cache.tick;
        if cache.runs.insert(run, (Arc::clone(state), tick)).is_none() {
            cache.n_tasks += state.tasks().len();
        }
        while cache.runs.len() > FOLDED_MAX || (cache.n_tasks > FOLDED_TASKS_MAX && cache.runs.len() > 1) {
            let Some(oldest) = cache
                .runs
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(run, _)| *run)
            else {
                return;
            };
            if let Some((gone, _)) = cache.runs.remove(&oldest) {
                cache.n_tasks -= gone.tasks().len();
            }
        }
    }
}
