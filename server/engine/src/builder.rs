//! An engine put together: `Engine::builder().data_dir("data").task_type(MyTask).start()`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flow::{AttemptToken, RunId};

use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::board::{self, Board};
use crate::chance::{self, SystemChance};
use crate::clock::{Clock, SystemClock};
use crate::dispatch::remote::RemoteOptions;
use crate::dispatch::{LocalPool, PoolOptions, RemotePool, Report, ReportTo};
use crate::engine::{Engine, Parts};
use crate::error::{EngineError, EngineResult};
use crate::flows::Flows;
use crate::hub::Hub;
use crate::messages::courier::{self, Courier, Letters};
use crate::notify;
use crate::queues::{Ask, OwnerParts, QueueLimits, Queued, QueuesHandle};
use crate::reader::Reader;
use crate::reports;
use crate::schedules;
use crate::secrets::key::KeySource;
use crate::secrets::{Keeper, Variables};
use crate::shard::{self, Counters, Message, Router, RunCommand, Shared};
use crate::store::lanes::LeaseRow;
use crate::store::memory::MemoryStore;
use crate::store::retention::Retention;
use crate::store::sqlite::SqliteStore;
use crate::store::{BlobStore, LogStore, Store, Unfinished};
use crate::task_logs::{LogLimits, LogWriter};
use crate::task_type::TaskType;
use crate::task_types::shell::{TEMPORARY, end_survivors};
use crate::task_types::{BuiltinOptions, TypeRegistry, Types};
use crate::upkeep::Upkeep;

/// Everything an engine is made of, with usual choices for what is not named.
pub struct EngineBuilder {
    /// `data` unless named, or in memory a new folder that goes with the engine.
    data_dir: Option<PathBuf>,
    in_memory: bool,
    workers: Option<usize>,
    loops: Option<usize>,
    clock: Arc<dyn Clock>,
    builtin: BuiltinOptions,
    types: Vec<Arc<dyn TaskType>>,
    disabled: Vec<String>,
    retention: Retention,
    secret_key: KeySource,
    #[cfg(any(test, feature = "testing"))]
    loops_here: bool,
    queues: BTreeMap<String, QueueLimits>,
    lease: Duration,
}

/// How long a worker in another process may be silent. Three of its heartbeats may get lost.
const LEASE: Duration = Duration::from_secs(60);

/// Who makes attempts.
struct Work {
    dispatch: Queued,
    queues: QueuesHandle,
    remote: RemotePool,
    /// The way to the runs, which is set once there is one.
    router: Arc<OnceLock<Router>>,
}

/// Stores and what belongs to them.
struct Stores {
    store: Arc<dyn Store>,
    logs: Arc<dyn LogStore>,
    blobs: Arc<dyn BlobStore>,
    instance: Arc<str>,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        Self {
            data_dir: None,
            in_memory: false,
            workers: None,
            loops: None,
            clock: Arc::new(SystemClock),
            builtin: BuiltinOptions::default(),
            types: Vec::new(),
            disabled: Vec::new(),
            retention: Retention::default(),
            queues: BTreeMap::new(),
            lease: LEASE,
            secret_key: KeySource::default(),
            #[cfg(any(test, feature = "testing"))]
            loops_here: false,
        }
    }
}

impl EngineBuilder {
    /// The folder that holds databases and files: `data` unless named.
    #[must_use]
    pub fn data_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.data_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Keeps flows and runs in memory only: what is not finished when the process ends is gone. Files of tasks go below the data
    /// folder if one is named, and otherwise below a temporary one that goes with the engine.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.in_memory = true;
        self
    }

    /// How many attempts may be made at once.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How many shard loops there are: one for each four processors unless named.
    #[must_use]
    pub fn shard_loops(mut self, loops: usize) -> Self {
        self.loops = Some(loops);
        self
    }

    /// Another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Adds a task type.
    #[must_use]
    pub fn task_type(mut self, task_type: impl TaskType) -> Self {
        self.types.push(Arc::new(task_type));
        self
    }

    /// Sets up the built-in types.
    #[must_use]
    pub fn builtin(mut self, options: BuiltinOptions) -> Self {
        self.builtin = options;
        self
    }

    /// Switches task types off.
    #[must_use]
    pub fn disable(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        self.disabled.extend(keys);
        self
    }

    /// Which finished runs are kept; what [`Retention::default`] says unless named.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// What holds for a queue, unless something else is set while the engine works.
    #[must_use]
    pub fn queue(mut self, name: &str, limits: QueueLimits) -> Self {
        self.queues.insert(name.to_owned(), limits);
        self
    }

    /// How long a worker in another process may be silent before its attempts are lost; a minute unless named.
    #[must_use]
    pub fn worker_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Where the key of the secrets is: in the data folder unless named. In memory there is a new one each time.
    #[must_use]
    pub fn secret_key(mut self, source: KeySource) -> Self {
        self.secret_key = source;
        self
    }

    /// Opens the data folder and begins to work: unfinished runs go on.
    ///
    /// # Errors
    /// If the folder cannot be used (another server has it, it is not writable, it was written by a newer Pointwork) or two
    /// task types have the same key.
    pub async fn start(self) -> EngineResult<Engine> {
        let mut types = TypeRegistry::builtin(&self.builtin);
        for task_type in &self.types {
            types
                .add(Arc::clone(task_type))
                .map_err(|error| EngineError::BadRequest(error.to_string()))?;
        }
        types
            .disable(self.disabled.iter().map(String::as_str))
            .map_err(|error| EngineError::BadRequest(error.to_string()))?;
        self.check_queues()?;
        let folder = self.folder()?;
        let stores = self.open(&folder)?;
        let survivors = end_survivors(&stores.instance);
        if survivors > 0 {
            warn!("Ended {survivors} processes that had survived an earlier server of this data folder");
        }
        // What a killed server's tasks left in their working folders. Nothing of it is anybody's any more: the store's lock says so,
        // which there is none of in memory.
        if !self.in_memory
            && let Err(error) = std::fs::remove_dir_all(folder.path().join(TEMPORARY))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            warn!("Old working folders of tasks could not be removed: {error}");
        }
        let clock = Arc::clone(&self.clock);
        let log_clock = Arc::clone(&clock);
        let logs = LogWriter::start(
            Arc::clone(&stores.logs),
            Arc::new(move || log_clock.now()),
            LogLimits::default(),
        );
        let key_folder = (!self.in_memory).then_some(folder.path());
        let keeper = Arc::new(Keeper::open(Arc::clone(&stores.store), &self.secret_key, key_folder).await?);
        let declared = stores.store.declared_types().await?;
        let types = Arc::new(Types::new(Arc::new(types), declared));
        let unfinished = stores.store.unfinished().await?;
        let leases = leases_of(&*stores.store, &unfinished).await?;
        let work = self
            .work(&types, &logs, &stores, &leases, &keeper, folder.path())
            .await?;
        let flows = Arc::new(Flows::new(Arc::clone(&stores.store)));
        flows.reread_followed().await?;
        let (courier, letters) = Courier::new();
        let shared = Shared {
            courier,
            epochs: stores.store.take_shards().await?,
            store: Arc::clone(&stores.store),
            blobs: Arc::clone(&stores.blobs),
            flows,
            dispatch: Arc::new(work.dispatch),
            logs: logs.clone(),
            hub: Arc::new(Hub::default()),
            bells: Arc::default(),
            errands: TaskTracker::new(),
            clock,
            chance: Arc::new(SystemChance),
            counters: Arc::new(Counters::default()),
            runtime: tokio::runtime::Handle::current(),
            #[cfg(test)]
            planted: shard::Planted::Nothing,
        };
        let router = self.start_loops(&shared)?;
        // The pool exists before the router it reports to: what it says meanwhile could only be about attempts nobody gave it.
        let _ = work.router.set(router.clone());
        recover(&router, &unfinished, &leases);
        let engine = open_doors(
            shared,
            router,
            types,
            Furnishing {
                log_store: stores.logs,
                instance: stores.instance,
                keeper,
                letters,
                queues: work.queues,
                remote: work.remote,
                folder,
            },
            self,
        );
        board::go_on_with_bulks(&engine).await;
        board::note_asking(&engine);
        Ok(engine)
    }

    fn n_loops(&self) -> usize {
        self.loops
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(4)))
    }

    fn start_loops(&self, shared: &Shared) -> EngineResult<Router> {
        let (router, inboxes) = Router::new(self.n_loops());
        #[cfg(any(test, feature = "testing"))]
        if self.loops_here {
            for inbox in inboxes {
                tokio::spawn(shard::run(shared.clone(), router.clone(), inbox));
            }
            return Ok(router);
        }
        for (n, inbox) in inboxes.into_iter().enumerate() {
            shard::spawn(&format!("shards-{n}"), shared.clone(), router.clone(), inbox).map_err(|error| {
                EngineError::Unavailable(format!("a thread could not be started: {error}"))
            })?;
        }
        Ok(router)
    }

    /// Shard loops share the current runtime's thread instead of having their own, so that what they do is the same each time.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub(crate) fn loops_here(mut self) -> Self {
        self.loops_here = true;
        self
    }

    fn folder(&self) -> EngineResult<DataFolder> {
        match &self.data_dir {
            Some(dir) => Ok(DataFolder::Named(dir.clone())),
            None if self.in_memory => tempfile::Builder::new()
                .prefix("pointwork-")
                .tempdir()
                .map(DataFolder::Temporary)
                .map_err(|error| {
                    EngineError::Unavailable(format!("no temporary folder could be made: {error}"))
                }),
            None => Ok(DataFolder::Named(PathBuf::from("data"))),
        }
    }

    fn open(&self, folder: &DataFolder) -> EngineResult<Stores> {
        if self.in_memory {
            let memory = Arc::new(MemoryStore::new());
            let instance = format!("{:032x}", chance::word(&SystemChance));
            return Ok(Stores {
                store: memory.clone(),
                logs: memory.clone(),
                blobs: memory,
                instance: instance.into(),
            });
        }
        let sqlite = SqliteStore::open(folder.path())?;
        let (logs, blobs, instance) = (sqlite.logs(), sqlite.blobs(), sqlite.instance().into());
        Ok(Stores {
            store: Arc::new(sqlite),
            logs,
            blobs,
            instance,
        })
    }

    fn check_queues(&self) -> EngineResult<()> {
        for (name, limits) in &self.queues {
            crate::engine::check_queue(name, limits)?;
        }
        Ok(())
    }

    /// Who makes attempts, and the queues in front of them.
    async fn work(
        &self,
        types: &Arc<Types>,
        logs: &LogWriter,
        stores: &Stores,
        leases: &[LeaseRow],
        keeper: &Arc<Keeper>,
        folder: &Path,
    ) -> EngineResult<Work> {
        let mut options = PoolOptions::new(
            Arc::clone(types.here()),
            logs.clone(),
            folder.to_owned(),
            Arc::clone(&stores.instance),
        );
        options.secrets = Arc::<Keeper>::clone(keeper);
        if let Some(workers) = self.workers {
            options.workers = workers;
        }
        let router: Arc<OnceLock<Router>> = Arc::default();
        let (queues, inbox) = QueuesHandle::new();
        let report = self.report_to(&router, &queues, stores);
        let remote = RemoteOptions {
            lease: self.lease,
            store: Arc::clone(&stores.store),
            log_store: Arc::clone(&stores.logs),
            logs: logs.clone(),
            clock: Arc::clone(&self.clock),
            secrets: Arc::<Keeper>::clone(keeper),
        };
        let remote = RemotePool::start(remote, Arc::clone(&report), leases.to_vec()).await?;
        let mut limits = self.queues.clone();
        limits.extend(stored_limits(&*stores.store).await?);
        let parts = OwnerParts {
            store: Arc::clone(&stores.store),
            clock: Arc::clone(&self.clock),
            types: Arc::clone(types),
            here: Arc::new(LocalPool::new(options, Arc::clone(&report))),
            elsewhere: Arc::new(remote.clone()),
            report,
            limits,
            marks: stores.store.rate_marks().await?,
        };
        // Before anything is given out, so that no limit is exceeded by what is still at work.
        queues.tell(Ask::Adopt(leases.to_vec()));
        Ok(Work {
            dispatch: Queued::start(parts, queues.clone(), inbox),
            queues,
            remote,
            router,
        })
    }

    fn report_to(&self, router: &Arc<OnceLock<Router>>, queues: &QueuesHandle, stores: &Stores) -> ReportTo {
        let (to, queues, blobs, clock, runtime) = (
            Arc::clone(router),
            queues.clone(),
            Arc::clone(&stores.blobs),
            Arc::clone(&self.clock),
            tokio::runtime::Handle::current(),
        );
        Arc::new(move |report: Report| {
            queues.note(&report);
            if let Some(router) = to.get() {
                reports::take(router, &blobs, clock.now(), &runtime, report);
            }
        })
    }
}

/// What has been set for queues while an engine worked.
pub(crate) async fn stored_limits(store: &dyn Store) -> EngineResult<Vec<(String, QueueLimits)>> {
    let stored = store.queues().await?;
    let read = stored
        .into_iter()
        .map(|(name, limits)| match serde_json::from_str(&limits) {
            Ok(limits) => Ok((name, limits)),
            Err(error) => Err(EngineError::Unavailable(format!(
                "what was set for the queue {name} cannot be read: {error}"
            ))),
        });
    read.collect()
}

/// What workers elsewhere have of unfinished runs. Of runs that are over, nobody waits for their reports.
pub(crate) async fn leases_of(store: &dyn Store, unfinished: &[Unfinished]) -> EngineResult<Vec<LeaseRow>> {
    let runs: FxHashSet<RunId> = unfinished.iter().map(|found| found.run).collect();
    let leases = store.leases().await?;
    let (kept, over): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| runs.contains(&lease.run));
    if !over.is_empty() {
        store
            .drop_leases(over.iter().map(|lease| lease.token).collect())
            .await?;
    }
    Ok(kept)
}

/// Where the store and the files of tasks are.
pub(crate) enum DataFolder {
    Named(PathBuf),
    /// Removed with this.
    Temporary(tempfile::TempDir),
}

impl DataFolder {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Named(dir) => dir,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

/// What an engine has beside its loops.
pub(crate) struct Furnishing {
    pub(crate) log_store: Arc<dyn LogStore>,
    /// The data folder's id.
    pub(crate) instance: Arc<str>,
    pub(crate) keeper: Arc<Keeper>,
    /// What the courier will be told.
    pub(crate) letters: Letters,
    pub(crate) queues: QueuesHandle,
    pub(crate) remote: RemotePool,
    pub(crate) folder: DataFolder,
}

/// The engine around loops that are at work.
pub(crate) fn open_doors(
    shared: Shared,
    router: Router,
    types: Arc<Types>,
    furnishing: Furnishing,
    options: EngineBuilder,
) -> Engine {
    let Furnishing {
        log_store,
        instance,
        keeper,
        letters,
        queues,
        remote,
        folder,
    } = furnishing;
    let reader = Arc::new(Reader::new(Arc::clone(&shared.store), Arc::clone(&shared.flows)));
    let upkeep = Upkeep {
        store: Arc::clone(&shared.store),
        logs: Arc::clone(&log_store),
        blobs: Arc::clone(&shared.blobs),
        reader: Arc::clone(&reader),
        clock: Arc::clone(&shared.clock),
        counters: Arc::clone(&shared.counters),
        retention: options.retention,
    };
    let variables = Variables::new(Arc::clone(&shared.store));
    let parts = Parts {
        shared,
        router,
        reader,
        types,
        queues,
        remote,
        configured: options.queues,
        log_store,
        folder,
        clerk: Arc::default(),
        keeper,
        variables,
        ways: notify::Ways::new(&options.builtin),
        instance,
        upkeep: Mutex::new(Some(upkeep.start())),
        board: Board::default(),
    };
    let engine = Engine {
        parts: Arc::new(parts),
    };
    courier::start(&engine, letters);
    schedules::start(&engine);
    notify::start(&engine);
    engine
}

/// Goes on with what an earlier server left unfinished.
pub(crate) fn recover(router: &Router, unfinished: &[Unfinished], leases: &[LeaseRow]) {
    let mut held: FxHashMap<RunId, Vec<AttemptToken>> = FxHashMap::default();
    for lease in leases {
        held.entry(lease.run).or_default().push(lease.token);
    }
    let mut n_in_flight = 0;
    for found in unfinished {
        if let Some(at) = found.wake_at {
            router.send(found.run, Message::Arm { run: found.run, at });
        }
        // What else waits is moved by its timer, or by a command or message that is kept.
        if found.in_flight {
            n_in_flight += 1;
            let command = flow::run::Command::Recover {
                workers_gone: true,
                held: held.remove(&found.run).unwrap_or_default(),
            };
            router.send(
                found.run,
                Message::Command(RunCommand::of_engine(found.run, command)),
            );
        }
    }
    if !unfinished.is_empty() {
        info!(
            "Going on with {} unfinished runs, {n_in_flight} of them with work in hand",
            unfinished.len()
        );
    }
}
