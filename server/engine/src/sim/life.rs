//! One server of a simulation, put together as the builder does it but for its threads: all of it lives in one.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::elsewhere::Told;
use super::lanes::{Counted, CountedRemote, FAR};
use super::people::Heard;
use super::store::{Fate, Gate, GatedStore};
use super::workers::{Bench, FaultyDispatch, WorkType};
use super::world::{World, settle};
use crate::builder::{DataFolder, Furnishing, leases_of, open_doors, recover, stored_limits};
use crate::clock::Clock;
use crate::dispatch::remote::{RemoteOptions, RemotePool};
use crate::dispatch::{Report, ReportTo};
use crate::engine::Engine;
use crate::flows::Flows;
use crate::hub::Hub;
use crate::messages::courier::Courier;
use crate::queues::{Ask, OwnerParts, Queued, QueuesHandle};
use crate::reports;
use crate::secrets::{Keeper, key};
use crate::shard::{self, Counters, Router, Shared};
use crate::store::lanes::LeaseRow;
use crate::store::sqlite::SqliteStore;
use crate::store::{BlobStore, LogStore, Store};
use crate::task_logs::{LogLimits, LogWriter};
use crate::task_types::{TypeRegistry, Types};

/// How long a worker elsewhere may be silent: shorter than what time a simulation takes.
pub(super) const LEASE: Duration = Duration::from_secs(5);

/// Stores behind a gate.
pub(super) struct Stores {
    pub(super) store: Arc<dyn Store>,
    blobs: Arc<dyn BlobStore>,
    logs: Arc<dyn LogStore>,
}

/// One server.
pub(super) struct Life {
    pub(super) gate: Arc<Gate>,
    /// The store itself, in front of no gate.
    pub(super) store: Arc<dyn Store>,
    pub(super) engine: Engine,
    pub(super) router: Router,
    pub(super) loops: Vec<JoinHandle<()>>,
    pub(super) heard: Arc<Mutex<Vec<Heard>>>,
    /// What workers elsewhere were told.
    pub(super) told: Arc<Mutex<Vec<Told>>>,
    pub(super) is_disk_full: bool,
    pub(super) n_writes_seen: usize,
}

/// What stands between runs and those who make attempts.
struct Between {
    handle: QueuesHandle,
    remote: RemotePool,
    dispatch: FaultyDispatch,
}

impl World {
    pub(super) fn stores(&self) -> Stores {
        match &self.folder {
            None => Stores {
                store: self.memory.clone(),
                blobs: self.memory.clone(),
                logs: self.memory.clone(),
            },
            Some(folder) => {
                let sqlite = SqliteStore::open(folder.path()).expect("the folder can be used");
                Stores {
                    blobs: sqlite.blobs(),
                    logs: sqlite.logs(),
                    store: Arc::new(sqlite),
                }
            }
        }
    }

    pub(super) async fn begin(&mut self) -> Life {
        let stores = self.stores();
        let gate: Arc<Gate> = Arc::default();
        let gated = Arc::new(GatedStore {
            gate: Arc::clone(&gate),
            store: Arc::clone(&stores.store),
            blobs: Arc::clone(&stores.blobs),
        });
        let clock: Arc<dyn Clock> = self.clock.clone();
        let now = Arc::clone(&clock);
        let logs = LogWriter::start(
            Arc::clone(&stores.logs),
            Arc::new(move || now.now()),
            LogLimits::default(),
        );
        let keeper = Keeper::open(Arc::clone(&stores.store), &key::KeySource::Folder, None);
        let keeper = Arc::new(keeper.await.expect("the store is well"));
        let mut here = TypeRegistry::default();
        here.add(Arc::new(WorkType)).expect("it is the only one");
        let declared = stores.store.declared_types().await.expect("the store is well");
        let types = Arc::new(Types::new(Arc::new(here), declared));
        let unfinished = stores.store.unfinished().await.expect("the store is well");
        let leases = leases_of(&*stores.store, &unfinished).await;
        let leases = leases.expect("the store is well");
        let (router, inboxes) = Router::new(1 + self.dice.below(2));
        let options = RemoteOptions {
            lease: LEASE,
            store: gated.clone(),
            log_store: Arc::clone(&stores.logs),
            logs: logs.clone(),
            clock: Arc::clone(&clock),
            secrets: Arc::<Keeper>::clone(&keeper),
        };
        let between = self
            .between(options, &types, &router, gated.clone(), &leases)
            .await;
        let (courier, letters) = Courier::new();
        let shared = Shared {
            courier,
            bells: Arc::default(),
            errands: TaskTracker::new(),
            epochs: gated.take_shards().await.expect("the shards can be taken"),
            store: gated.clone(),
            blobs: gated.clone(),
            flows: Arc::new(Flows::new(gated.clone())),
            dispatch: Arc::new(between.dispatch),
            logs,
            hub: Arc::new(Hub::default()),
            clock,
            chance: self.chance.clone(),
            counters: Arc::new(Counters::default()),
            runtime: tokio::runtime::Handle::current(),
            planted: self.setup.planted,
        };
        let loops = inboxes
            .into_iter()
            .map(|inbox| tokio::spawn(shard::run(shared.clone(), router.clone(), inbox)))
            .collect();
        recover(&router, &unfinished, &leases);
        let engine = open_doors(
            shared,
            router.clone(),
            types,
            Furnishing {
                log_store: stores.logs,
                instance: "sim".into(),
                keeper,
                letters,
                queues: between.handle,
                remote: between.remote,
                // Its tasks leave no files.
                folder: DataFolder::Named("sim".into()),
            },
            Engine::builder(),
        );
        self.hire(&engine).await;
        Life {
            gate,
            store: stores.store,
            engine,
            router,
            loops,
            heard: Arc::default(),
            told: Arc::default(),
            is_disk_full: false,
            n_writes_seen: 0,
        }
    }

    async fn between(
        &mut self,
        options: RemoteOptions,
        types: &Arc<Types>,
        router: &Router,
        gated: Arc<GatedStore>,
        leases: &[LeaseRow],
    ) -> Between {
        let (handle, inbox) = QueuesHandle::new();
        let report = report_to(router, &handle, gated.clone(), Arc::clone(&options.clock));
        let clock = Arc::clone(&options.clock);
        let remote = RemotePool::start(options, Arc::clone(&report), leases.to_vec()).await;
        let remote = remote.expect("the store is well");
        let floor = Arc::clone(&self.floor);
        if !self.scene.queues {
            // No queue holds anything up: what is given out goes to the floor.
            return Between {
                handle,
                remote,
                dispatch: FaultyDispatch { floor, queued: None },
            };
        }
        let mut limits = self.lanes.lock().all();
        let stored = stored_limits(&*gated.store).await;
        limits.extend(stored.expect("the store is well"));
        for (queue, limits) in &limits {
            self.lanes.lock().set(queue, limits.clone());
        }
        self.lanes.lock().step_is_over();
        let parts = OwnerParts {
            clock,
            types: Arc::clone(types),
            here: Arc::new(Counted {
                inner: Bench(Arc::clone(&floor)),
                lanes: Arc::clone(&self.lanes),
                is_here: true,
            }),
            elsewhere: Arc::new(CountedRemote {
                inner: remote.clone(),
                lanes: Arc::clone(&self.lanes),
                is_here: false,
            }),
            report,
            limits,
            marks: gated.store.rate_marks().await.expect("the store is well"),
            store: gated,
        };
        handle.tell(Ask::Adopt(leases.to_vec()));
        let queued = Some(Queued::start(parts, handle.clone(), inbox));
        Between {
            handle,
            remote,
            dispatch: FaultyDispatch { floor, queued },
        }
    }

    /// Worker tokens that are there from the beginning.
    async fn hire(&mut self, engine: &Engine) {
        while self.scene.queues && self.elsewhere.secrets.len() < 2 {
            let made = engine.make_worker_token("sim", vec![FAR.to_owned()]).await;
            self.elsewhere
                .secrets
                .push(made.expect("the store is well").secret);
        }
    }

    /// The server dies; what it had asked of the store may still be done.
    pub(super) async fn crash(&mut self, life: &Life) {
        let is_done = self.dice.one_in(2);
        self.tell(|| format!("the server dies; what the store was asked to do is done: {is_done}"));
        if is_done {
            while life.gate.decide(0, |_| Fate::PassAndHang).is_some() {}
            settle().await;
        }
    }

    pub(super) fn report(&self, life: &Life, report: Report) {
        life.engine.parts.queues.note(&report);
        self.believe(life, report);
    }

    /// A report that comes by ways on which no queue hears of it.
    pub(super) fn believe(&self, life: &Life, report: Report) {
        let shared = &life.engine.parts.shared;
        reports::take(
            &life.router,
            &shared.blobs,
            self.clock.now(),
            &shared.runtime,
            report,
        );
    }
}

fn report_to(
    router: &Router,
    queues: &QueuesHandle,
    blobs: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
) -> ReportTo {
    let (router, queues, runtime) = (router.clone(), queues.clone(), tokio::runtime::Handle::current());
    Arc::new(move |report: Report| {
        queues.note(&report);
        reports::take(&router, &blobs, clock.now(), &runtime, report);
    })
}
