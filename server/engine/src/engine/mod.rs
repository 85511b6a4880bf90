//! The engine as its embedders, handlers and pages use it.

mod answers;
mod drafts;
mod flows;
mod queues;
mod retry;
mod runs;
mod start;
mod trial_results;
mod trials;
mod workers;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use flow::RunId;
use flow::view::TaskTypeView;
use parking_lot::Mutex;
use tokio::sync::broadcast;

pub use self::answers::Answer;
pub use self::drafts::{Draft, SaveDraft};
pub use self::flows::{SaveFlow, Saved};
pub use self::queues::QueueView;
pub(crate) use self::queues::check_queue;
pub use self::retry::RetryRun;
pub use self::runs::Logs;
pub use self::start::StartRun;
pub use self::trial_results::{GivenFrom, GivenOutput};
pub use self::trials::{StartTrial, TrialStarted};
pub use self::workers::{
    AttemptBeat, AttemptReport, Heartbeat, LeaseCall, Leased, LogLine, NewWorkerToken, OfferedType,
    WorkerToken,
};

use crate::board::Board;
use crate::builder::{DataFolder, EngineBuilder};
use crate::clock::Clock;
use crate::dispatch::{Load, RemotePool};
use crate::error::EngineResult;
use crate::notify::Ways;
use crate::queues::{QueueLimits, QueuesHandle};
use crate::reader::Reader;
use crate::schedules::Clerk;
use crate::secrets::{Keeper, Variables};
use crate::shard::{Counters, Router, Shared};
use crate::store::{FlowStats, LogStore};
use crate::task_logs::LogHint;
use crate::task_types::{TypeRegistry, Types};
use crate::upkeep::UpkeepTask;

/// The engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) parts: Arc<Parts>,
}

pub(crate) struct Parts {
    pub(crate) shared: Shared,
    pub(crate) router: Router,
    pub(crate) reader: Arc<Reader>,
    pub(crate) types: Arc<Types>,
    pub(crate) queues: QueuesHandle,
    pub(crate) remote: RemotePool,
    /// What the configuration sets for queues.
    pub(crate) configured: BTreeMap<String, QueueLimits>,
    pub(crate) log_store: Arc<dyn LogStore>,
    pub(crate) folder: DataFolder,
    pub(crate) clerk: Arc<Clerk>,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) variables: Variables,
    pub(crate) ways: Ways,
    /// Identifies the data folder.
    pub(crate) instance: Arc<str>,
    pub(crate) upkeep: Mutex<Option<UpkeepTask>>,
    pub(crate) board: Board,
}

impl Engine {
    /// The engine of parts that may be gone.
    pub(crate) fn alive(parts: &Weak<Parts>) -> Option<Self> {
        parts.upgrade().map(|parts| Self { parts })
    }

    /// An engine in the making.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Hints that runs changed. One that lags has missed some: list them again.
    #[must_use]
    pub fn watch_runs(&self) -> broadcast::Receiver<RunId> {
        self.parts.shared.hub.watch_all()
    }

    /// Hints that logs grew.
    #[must_use]
    pub fn watch_logs(&self) -> broadcast::Receiver<LogHint> {
        self.parts.shared.logs.subscribe()
    }

    /// Counts of runs, of one flow or of all.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn stats(&self, flow: Option<&str>) -> EngineResult<FlowStats> {
        Ok(self.parts.shared.store.stats(flow).await?)
    }

    /// All task types.
    #[must_use]
    pub fn task_types(&self) -> Vec<TaskTypeView> {
        let types = self.parts.types.all();
        types
            .infos()
            .map(|info| TaskTypeView {
                is_local: types.is_local(&info.key),
                queues: types.queues_of(&info.key).to_vec(),
                key: info.key.clone(),
                title: info.title.clone(),
                summary: info.summary.clone(),
                icon: info.icon.clone(),
                category: info.category.clone(),
                input_schema: info.input_schema.clone(),
                output_schema: info.output_schema.clone(),
            })
            .collect()
    }

    /// The task types, as validation asks for them.
    #[must_use]
    pub fn types(&self) -> Arc<TypeRegistry> {
        self.parts.types.all()
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.parts.shared.counters
    }

    /// How much the workers have to do.
    #[must_use]
    pub fn load_now(&self) -> Load {
        self.parts.shared.dispatch.load()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.parts.shared.clock
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.parts.folder.path()
    }

    /// Stops: takes no new work, lets attempts finish for this long, commits what is in hand. What is left goes on at the next
    /// start.
    pub async fn shutdown(&self, finish: Duration) {
        self.parts.clerk.stop();
        self.parts.shared.errands.close();
        self.parts.shared.courier.stop().await;
        self.parts.shared.bells.stop();
        let upkeep = self.parts.upkeep.lock().take();
        if let Some(upkeep) = upkeep {
            upkeep.stop().await;
        }
        let left = self.parts.shared.dispatch.shutdown(finish).await;
        if left > 0 {
            tracing::info!("Stopped {left} attempts; they are tried again at the next start");
        }
        self.parts.router.stop().await;
        self.parts.shared.errands.wait().await;
        self.parts.shared.logs.stop().await;
    }
}
