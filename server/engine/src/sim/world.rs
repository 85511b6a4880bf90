//! One simulation: servers that live one after another over one store, with workers, callers and a clock that all do what the dice say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::run::{Command, EventKind};
use flow::view::RunStatus;
use flow::{Payload, RunId, Timestamp};
use futures::executor::block_on;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::check::Checker;
use super::dice::{Dice, SeededChance};
use super::store::{Fate, Gate, GatedStore, Verb};
use super::workers::{FaultyDispatch, Floor};
use crate::builder::{Furnishing, open_doors, recover};
use crate::clock::{Clock, ManualClock};
use crate::dispatch::Report;
use crate::dispatch::remote::{RemoteOptions, RemotePool};
use crate::engine::{Engine, StartRun};
use crate::error::{EngineError, EngineResult};
use crate::flows::Flows;
use crate::hub::Hub;
use crate::messages::courier::Courier;
use crate::queues::QueuesHandle;
use crate::reports;
use crate::secrets::{Keeper, key};
use crate::shard::{self, Counters, Inspected, Message, Planted, Router, Shared};
use crate::store::memory::MemoryStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{BlobStore, LogStore, NewVersion, References, Store};
use crate::task_logs::{LogLimits, LogWriter};
use crate::task_types::Types;

/// Steps at the end within which every run must have finished.
const FINISHING_STEPS_MAX: usize = 20_000;

/// How a simulation is set up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Setup {
    pub(super) seed: u64,
    /// On SQLite in a folder of its own instead of in memory.
    pub(super) is_on_disk: bool,
    pub(super) planted: Planted,
    /// Whether each step is told on standard error.
    pub(super) is_told: bool,
}

/// What came of it, for those who want to know that something happened at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) n_steps: usize,
    pub(super) n_crashes: usize,
    pub(super) outcomes: BTreeMap<String, usize>,
    pub(super) n_events: u64,
    /// Store calls by what was asked and what became of it.
    pub(super) fates: BTreeMap<String, usize>,
}

/// What a caller heard.
pub(super) enum Heard {
    Started {
        key: String,
        answer: EngineResult<RunId>,
    },
    Asked {
        run: RunId,
        what: RunStatus,
        answer: EngineResult<()>,
    },
}

/// What stays when a server dies.
pub(super) struct World {
    setup: Setup,
    dice: Dice,
    pub(super) clock: Arc<ManualClock>,
    chance: Arc<SeededChance>,
    pub(super) floor: Arc<Mutex<Floor>>,
    pub(super) checker: Checker,
    folder: Option<TempDir>,
    memory: Arc<MemoryStore>,
    flows: Vec<String>,
    /// Keys of starts that nobody has acknowledged yet, and the flow.
    open_starts: BTreeMap<String, String>,
    started: BTreeMap<String, RunId>,
    steps_left: usize,
    /// The latest the clock has ever shown.
    latest: Timestamp,
    tally: Tally,
}

/// Stores behind a gate.
struct Stores {
    store: Arc<dyn Store>,
    blobs: Arc<dyn BlobStore>,
    logs: Arc<dyn LogStore>,
}

/// One server.
pub(super) struct Life {
    pub(super) gate: Arc<Gate>,
    /// The store itself, in front of no gate.
    store: Arc<dyn Store>,
    engine: Engine,
    router: Router,
    loops: Vec<JoinHandle<()>>,
    pub(super) heard: Arc<Mutex<Vec<Heard>>>,
    is_disk_full: bool,
    n_commits_seen: usize,
}

fn start_of_time() -> Timestamp {
    // What the random flows wait for lies some seconds later.
    Timestamp::from_millis(1_767_225_600_000)
}

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let mut dice = Dice::new(setup.seed);
        let chance = SeededChance(Mutex::new(Dice::new(dice.next())));
        // A planted defect must be found by its own harm, not by that of lost messages.
        let is_lossy = dice.one_in(2) && setup.planted == Planted::Nothing;
        let floor = Floor::new(dice.next(), is_lossy);
        let steps_left = 40 + dice.below(160);
        Self {
            setup,
            clock: Arc::new(ManualClock::new(start_of_time())),
            chance: Arc::new(chance),
            floor: Arc::new(Mutex::new(floor)),
            checker: Checker::default(),
            folder: setup
                .is_on_disk
                .then(|| tempfile::tempdir().expect("a folder can be made")),
            memory: Arc::default(),
            flows: Vec::new(),
            open_starts: BTreeMap::new(),
            started: BTreeMap::new(),
            steps_left,
            latest: start_of_time(),
            tally: Tally::default(),
            dice,
        }
    }

    /// Lives to the end; panics at the first that must not be.
    pub(super) fn run(mut self) -> Tally {
        // Where the real store looks for threads while no server lives.
        let outside = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let _outside = outside.enter();
        self.save_flows();
        loop {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            let is_over = runtime.block_on(self.live());
            // All that the server was doing ends here and now.
            drop(runtime);
            if is_over {
                break;
            }
            self.tally.n_crashes += 1;
            self.floor.lock().server_died();
            let stores = self.stores();
            self.checker.look(&*stores.store);
        }
        let stores = self.stores();
        self.checker.assert_finished(&*stores.store);
        for (key, run) in &self.started {
            assert_eq!(
                self.checker.run_of(key),
                Some(*run),
                "{key} was acknowledged as {run}"
            );
        }
        for n_begun in self.floor.lock().n_begun.values() {
            assert!(
                *n_begun <= 1,
                "work to be made at most once has begun {n_begun} times"
            );
        }
        for watched in self.checker.runs.values() {
            let state = watched.status().key().to_owned();
            *self.tally.outcomes.entry(state).or_default() += 1;
            self.tally.n_events += watched.state.last_seq();
        }
        self.tally
    }

    fn tell(&self, line: impl FnOnce() -> String) {
        if self.setup.is_told {
            #[expect(clippy::print_stderr, reason = "asked for by who replays a seed")]
            {
                eprintln!("{:>4} {} {}", self.tally.n_steps, self.clock.now(), line());
            }
        }
    }

    fn stores(&self) -> Stores {
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

    fn save_flows(&mut self) {
        for n in 0..1 + self.dice.below(2) {
            let id = format!("random-{n}");
            let mut document = serde_json::to_value(self.dice.flow().doc()).expect("documents are JSON");
            document["flow"] = json!(id);
            for group in ["tasks", "finally", "on_failure"] {
                let tasks = document.get_mut(group).and_then(|tasks| tasks.as_object_mut());
                for (_, task) in tasks.into_iter().flatten() {
                    if task["type"] == "work" && self.dice.one_in(5) {
                        task["retry"]["on_lost"] = json!("fail");
                    }
                }
            }
            self.save_flow(id, &document);
        }
    }

    pub(super) fn save_flow(&mut self, id: String, document: &Value) {
        self.tell(|| format!("flow {document}"));
        self.checker
            .add_flow(serde_json::from_value(document.clone()).expect("it is a flow"));
        let version = NewVersion {
            flow: id.clone(),
            name: id.clone(),
            description: None,
            n_tasks: 1,
            source: document.to_string(),
            format: "json".to_owned(),
            document: document.to_string(),
            at: self.clock.now(),
            actor: "sim".to_owned(),
            expected: None,
            schedules: Vec::new(),
            references: References::default(),
            rules: Vec::new(),
            follows: Vec::new(),
        };
        block_on(self.stores().store.save_flow(version)).expect("it can be saved");
        self.flows.push(id);
    }

    /// A server from its start to its death, or to the end of all. True at the end of all.
    async fn live(&mut self) -> bool {
        let mut life = self.begin().await;
        self.look(&mut life).await;
        while self.steps_left > 0 {
            self.steps_left -= 1;
            self.tally.n_steps += 1;
            if self.dice.one_in(50) {
                self.crash(&life).await;
                return false;
            }
            self.step(&mut life);
            self.look(&mut life).await;
        }
        if std::mem::take(&mut self.floor.lock().is_lossy) {
            // What was lost for good comes back with a restart.
            self.crash(&life).await;
            return false;
        }
        self.finish(&mut life).await;
        true
    }

    pub(super) async fn begin(&mut self) -> Life {
        let stores = self.stores();
        let gate: Arc<Gate> = Arc::default();
        let gated = Arc::new(GatedStore {
            gate: Arc::clone(&gate),
            store: Arc::clone(&stores.store),
            blobs: stores.blobs,
        });
        let clock: Arc<dyn Clock> = self.clock.clone();
        let now = Arc::clone(&clock);
        let logs = LogWriter::start(
            Arc::clone(&stores.logs),
            Arc::new(move || now.now()),
            LogLimits::default(),
        );
        let (courier, letters) = Courier::new();
        let shared = Shared {
            courier,
            bells: Arc::default(),
            epochs: gated.take_shards().await.expect("the shards can be taken"),
            store: gated.clone(),
            blobs: gated.clone(),
            flows: Arc::new(Flows::new(gated.clone())),
            dispatch: Arc::new(FaultyDispatch(Arc::clone(&self.floor))),
            logs,
            hub: Arc::new(Hub::default()),
            clock,
            chance: self.chance.clone(),
            counters: Arc::new(Counters::default()),
            runtime: tokio::runtime::Handle::current(),
            planted: self.setup.planted,
        };
        let (router, inboxes) = Router::new(1 + self.dice.below(2));
        let loops = inboxes
            .into_iter()
            .map(|inbox| tokio::spawn(shard::run(shared.clone(), router.clone(), inbox)))
            .collect();
        let unfinished = gated.unfinished().await.expect("the store is well");
        recover(&router, &unfinished, &[]);
        let keeper = Keeper::open(Arc::clone(&stores.store), &key::KeySource::Folder, None);
        let keeper = Arc::new(keeper.await.expect("the store is well"));
        let remote = RemoteOptions {
            lease: Duration::from_secs(60),
            store: Arc::clone(&stores.store),
            log_store: Arc::clone(&stores.logs),
            logs: shared.logs.clone(),
            clock: Arc::clone(&shared.clock),
            secrets: Arc::<Keeper>::clone(&keeper),
        };
        let remote = RemotePool::start(remote, Arc::new(drop), Vec::new());
        let remote = remote.await.expect("the store is well");
        let engine = open_doors(
            shared,
            router.clone(),
            Arc::new(Types::new(Arc::default(), Vec::new())),
            Furnishing {
                log_store: stores.logs,
                instance: "sim".into(),
                keeper,
                letters,
                // No queue holds anything up: what is given out goes to the floor.
                queues: QueuesHandle::new().0,
                remote,
            },
            Engine::builder(),
        );
        Life {
            gate,
            store: stores.store,
            engine,
            router,
            loops,
            heard: Arc::default(),
            is_disk_full: false,
            n_commits_seen: 0,
        }
    }

    /// The server dies; what it had asked of the store may still be done.
    async fn crash(&mut self, life: &Life) {
        let is_done = self.dice.one_in(2);
        self.tell(|| format!("the server dies; what the store was asked to do is done: {is_done}"));
        if is_done {
            while life.gate.decide(0, |_| Fate::PassAndHang).is_some() {}
            settle().await;
        }
    }

    fn step(&mut self, life: &mut Life) {
        match self.dice.below(100) {
            0..=34 => self.answer_of_store(life),
            35..=54 => drop(self.floor.lock().work(false)),
            55..=74 => self.deliver(life),
            75..=80 => self.start(life),
            81..=84 => self.ask(life),
            85..=88 => self.outside(life),
            89..=92 => self.move_clock(),
            93..=95 => self.jump_clock(),
            96 | 97 => {
                let forged = self.floor.lock().forged();
                if let Some(report) = forged {
                    self.tell(|| format!("forged {report:?}"));
                    self.report(life, report);
                }
            }
            98 => life.is_disk_full = !life.is_disk_full,
            _ => self.read(life),
        }
    }

    fn answer_of_store(&mut self, life: &Life) {
        let which = self.dice.below(life.gate.n_waiting());
        let roll = self.dice.below(12);
        let is_full = life.is_disk_full;
        let decided = life.gate.decide(which, |verb| match verb {
            Verb::Commit | Verb::Put if is_full => Fate::Refuse,
            _ if roll == 0 => Fate::Refuse,
            Verb::Commit | Verb::Put if roll == 1 => Fate::PassUnknown,
            _ => Fate::Pass,
        });
        if let Some((verb, fate)) = decided {
            self.tell(|| format!("store: {verb:?} {fate:?}"));
            *self.tally.fates.entry(format!("{verb:?} {fate:?}")).or_default() += 1;
        }
    }

    pub(super) fn deliver(&mut self, life: &Life) {
        let report = {
            let mut floor = self.floor.lock();
            let n_letters = floor.mail.len();
            (n_letters > 0).then(|| floor.mail.remove(self.dice.below(n_letters)))
        };
        if let Some(report) = report {
            self.tell(|| format!("report {report:?}"));
            self.report(life, report);
        }
    }

    pub(super) fn report(&self, life: &Life, report: Report) {
        let shared = &life.engine.parts.shared;
        reports::take(
            &life.router,
            &shared.blobs,
            self.clock.now(),
            &shared.runtime,
            report,
        );
    }

    /// A caller starts a run, or repeats a start it has heard nothing of, or one it has.
    fn start(&mut self, life: &Life) {
        let n_open = self.open_starts.len();
        let n_started = self.started.len();
        let (key, flow) = if n_open > 0 && self.dice.one_in(2) {
            let at = self.dice.below(n_open);
            self.open_starts
                .iter()
                .nth(at)
                .map(|(key, flow)| (key.clone(), flow.clone()))
                .expect("there are as many")
        } else if n_started > 3 {
            return;
        } else {
            let flow = self.flows[self.dice.below(self.flows.len())].clone();
            let key = format!("key-{}", n_started + n_open);
            self.open_starts.insert(key.clone(), flow.clone());
            (key, flow)
        };
        self.tell(|| format!("start {key} of {flow}"));
        self.call_start(life, key, flow);
    }

    pub(super) fn call_start(&self, life: &Life, key: String, flow: String) {
        let mut start = StartRun::of(&flow);
        start.inputs = json!({"yes": true, "no": false, "word": "word"});
        start.idempotency_key = Some(key.clone());
        let (engine, heard) = (life.engine.clone(), Arc::clone(&life.heard));
        tokio::spawn(async move {
            let answer = engine.start_run(start).await;
            heard.lock().push(Heard::Started { key, answer });
        });
    }

    fn any_run(&mut self) -> Option<RunId> {
        let open: Vec<RunId> = self.checker.unfinished().map(|(run, _)| *run).collect();
        (!open.is_empty()).then(|| open[self.dice.below(open.len())])
    }

    /// A person asks something of a run.
    fn ask(&mut self, life: &Life) {
        let Some(run) = self.any_run() else { return };
        let what = match self.dice.below(8) {
            0 => RunStatus::Cancelled,
            1..=3 => RunStatus::Paused,
            _ => RunStatus::Running,
        };
        let force = self.dice.one_in(3);
        self.tell(|| format!("ask {run} to be {what:?}, by force {force}"));
        self.call(life, run, what, force);
    }

    pub(super) fn call(&self, life: &Life, run: RunId, what: RunStatus, force: bool) {
        let (engine, heard) = (life.engine.clone(), Arc::clone(&life.heard));
        tokio::spawn(async move {
            let answer = match what {
                RunStatus::Cancelled => engine.cancel_run(run, force, None, "sim").await,
                RunStatus::Paused => engine.pause_run(run, None, "sim").await,
                _ => engine.resume_run(run, "sim").await,
            };
            heard.lock().push(Heard::Asked { run, what, answer });
        });
    }

    /// What tasks wait for comes from outside, or comes too early, or twice.
    fn outside(&mut self, life: &Life) {
        let Some(run) = self.any_run() else { return };
        let approvals: Vec<String> = self.checker.runs[&run]
            .waiting()
            .into_iter()
            .filter_map(|(path, what)| (what == "approval").then_some(path))
            .collect();
        let command = if !approvals.is_empty() && self.dice.one_in(2) {
            Command::Approve {
                path: approvals[self.dice.below(approvals.len())].as_str().into(),
                approved: self.dice.one_in(2),
                values: json!({}),
                comment: None,
            }
        } else {
            Command::Signal {
                name: ["one", "two"][self.dice.below(2)].into(),
                payload: Payload::null(),
            }
        };
        self.tell(|| format!("{command:?} to {run}"));
        self.send(life, run, command);
    }

    fn send(&self, life: &Life, run: RunId, command: Command) {
        let router = life.router.clone();
        tokio::spawn(async move {
            // Whether it fits is for the run to say.
            drop(router.command(run, command, "sim".into()).await);
        });
    }

    fn move_clock(&mut self) {
        let by = Duration::from_millis(self.dice.below(3_000) as u64);
        self.clock.set(self.clock.now().plus(by));
    }

    /// Somebody sets the clock.
    fn jump_clock(&mut self) {
        let is_forward = self.dice.one_in(2);
        // Not far back: what looks at the time every few seconds until some moment would do so for long.
        let seconds = if is_forward {
            [1, 60, 3_600, 3 * 3_600]
        } else {
            [1, 10, 60, 120]
        };
        let by = seconds[self.dice.below(4)] * 1_000_000 + self.dice.below(1_000_000) as i64;
        let now = self.clock.now().as_micros();
        let to = if is_forward { now + by } else { now - by };
        self.clock.set(Timestamp::from_micros(to));
        self.tell(|| "the clock jumped here".to_owned());
    }

    /// Somebody looks at a run while all this goes on.
    fn read(&mut self, life: &Life) {
        let Some(run) = self.any_run() else { return };
        let engine = life.engine.clone();
        tokio::spawn(async move { drop(engine.state(run).await) });
    }

    /// Everything that must hold after a step.
    pub(super) async fn look(&mut self, life: &mut Life) {
        self.latest = self.latest.max(self.clock.now());
        settle().await;
        let n_commits = life.gate.n_commits();
        let is_changed = std::mem::replace(&mut life.n_commits_seen, n_commits) != n_commits;
        if is_changed {
            self.checker.look(&*life.store);
        }
        let heard = std::mem::take(&mut *life.heard.lock());
        heard.into_iter().for_each(|heard| self.hear(heard));
        let (submitted, confirmed) = {
            let mut floor = self.floor.lock();
            (
                std::mem::take(&mut floor.submitted),
                std::mem::take(&mut floor.confirmed),
            )
        };
        for (run, token) in submitted {
            assert!(
                self.checker.is_given_out(run, token),
                "an attempt at {run} is given out before that is committed"
            );
        }
        for token in confirmed {
            assert!(
                self.checker.is_begun(token),
                "work may begin before its start is committed"
            );
        }
        if !is_changed && !self.tally.n_steps.is_multiple_of(8) {
            return;
        }
        let inspected = self.inspect(life).await;
        self.checker.compare(&inspected);
        if life.gate.n_waiting() == 0 {
            self.checker.assert_armed(&inspected, self.latest);
        }
    }

    async fn inspect(&self, life: &Life) -> Inspected {
        let mut all = Inspected {
            runs: rustc_hash::FxHashMap::default(),
            armed: rustc_hash::FxHashMap::default(),
        };
        for (n, shards) in life.loops.iter().enumerate() {
            assert!(!shards.is_finished(), "a loop has ended by itself");
            let (inspected, answer) = oneshot::channel();
            // The loop that owns a run is that of its id's last byte.
            let run = (0..=255_u128)
                .map(RunId)
                .find(|run| usize::from(run.shard()) % life.loops.len() == n)
                .expect("each loop owns some");
            life.router.send(run, Message::Inspect { inspected });
            settle().await;
            match answer.await {
                Ok(one) => {
                    all.runs.extend(one.runs);
                    all.armed.extend(one.armed);
                }
                Err(_) => panic!("a loop has broken down"),
            }
        }
        all
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Started { key, answer: Ok(run) } => {
                assert_eq!(
                    self.checker.run_of(&key),
                    Some(run),
                    "the start of {key} is acknowledged before it is committed"
                );
                self.open_starts.remove(&key);
                self.started.insert(key, run);
            }
            Heard::Asked {
                run,
                what,
                answer: Ok(()),
            } => {
                let is_in_log = self.checker.runs[&run].has(|kind| match what {
                    RunStatus::Cancelled => matches!(kind, EventKind::RunCancelRequested { .. }),
                    RunStatus::Paused => matches!(kind, EventKind::RunPaused { .. }),
                    _ => true,
                });
                assert!(
                    is_in_log,
                    "{run}: {what:?} is acknowledged before it is committed"
                );
            }
            Heard::Started {
                answer: Err(error), ..
            }
            | Heard::Asked {
                answer: Err(error), ..
            } => {
                let is_expected = matches!(
                    error,
                    EngineError::Unavailable(_) | EngineError::Finished(_) | EngineError::NotNow(_)
                );
                assert!(is_expected, "{error}");
            }
        }
    }

    /// From here on nothing fails any more, so everything must come to its end.
    async fn finish(&mut self, life: &mut Life) {
        self.tell(|| "no more faults".to_owned());
        life.is_disk_full = false;
        life.gate.open();
        for (key, flow) in self.open_starts.clone() {
            self.call_start(life, key, flow);
        }
        for _ in 0..FINISHING_STEPS_MAX {
            self.look(life).await;
            if self.open_starts.is_empty() && self.checker.unfinished().next().is_none() {
                return;
            }
            self.tally.n_steps += 1;
            self.help(life).await;
        }
        let stuck: Vec<String> = self
            .checker
            .unfinished()
            .map(|(run, watched)| format!("{run}\n{}", watched.story()))
            .collect();
        panic!(
            "not everything comes to its end: {:?} {stuck:#?}",
            self.open_starts
        );
    }

    /// One thing that moves a run on: workers, then people, then time.
    async fn help(&mut self, life: &Life) {
        let mut is_helped = false;
        for _ in 0..8 {
            is_helped |= self.floor.lock().work(true);
            is_helped |= !self.floor.lock().mail.is_empty();
            self.deliver(life);
        }
        if is_helped {
            return;
        }
        let mut calls = Vec::new();
        for (run, watched) in self.checker.unfinished() {
            if watched.state.is_paused() {
                calls.push((*run, Command::Resume));
                continue;
            }
            for (path, what) in watched.waiting() {
                let signal = |name: &str| Command::Signal {
                    name: name.into(),
                    payload: Payload::null(),
                };
                match &*what {
                    "approval" => calls.push((
                        *run,
                        Command::Approve {
                            path: path.as_str().into(),
                            approved: true,
                            values: json!({}),
                            comment: None,
                        },
                    )),
                    "signal" => ["one", "two"]
                        .into_iter()
                        .filter(|name| watched.state.signal(name).is_none())
                        .for_each(|name| calls.push((*run, signal(name)))),
                    _ => {}
                }
            }
        }
        for (run, command) in calls {
            is_helped = true;
            self.send(life, run, command);
        }
        if !is_helped {
            let armed = self.inspect(life).await.armed;
            let later = self.clock.now().plus(Duration::from_millis(500));
            let due = armed.into_values().min().unwrap_or(later);
            self.clock
                .set(due.max(self.clock.now().plus(Duration::from_millis(1))));
        }
    }
}

/// Comes back when nobody has anything left to do: the paused clock of the runtime moves only then.
pub(super) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
