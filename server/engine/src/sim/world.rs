//! One simulation: servers that live one after another over one store, with workers, callers and a clock that all do what the dice say.
//!
//! [`World`] is what outlives a server, [`super::life`] the server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::{RunId, Timestamp};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::check::Checker;
use super::dice::{Dice, SeededChance};
use super::elsewhere::Elsewhere;
use super::lanes::{self, FAR, Lanes, NEAR};
use super::life::Life;
use super::scene::Scene;
use super::store::{Fate, Verb};
use super::workers::Floor;
use crate::QueueLimits;
use crate::clock::{Clock, ManualClock};
use crate::dispatch::Report;
use crate::shard::{Inspected, Message, Planted};
use crate::store::memory::MemoryStore;

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
    /// Things of note that the logs tell of.
    pub(super) seen: BTreeMap<&'static str, usize>,
}

/// What stays when a server dies.
pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) scene: Scene,
    pub(super) dice: Dice,
    pub(super) clock: Arc<ManualClock>,
    pub(super) chance: Arc<SeededChance>,
    pub(super) floor: Arc<Mutex<Floor>>,
    pub(super) lanes: Arc<Mutex<Lanes>>,
    pub(super) elsewhere: Elsewhere,
    pub(super) checker: Checker,
    pub(super) folder: Option<TempDir>,
    pub(super) memory: Arc<MemoryStore>,
    /// Flows that callers start runs of.
    pub(super) flows: Vec<String>,
    /// Keys of starts that nobody has acknowledged yet, and the flow.
    pub(super) open_starts: BTreeMap<String, String>,
    pub(super) started: BTreeMap<String, RunId>,
    steps_left: usize,
    /// The latest the clock has ever shown.
    latest: Timestamp,
    pub(super) tally: Tally,
}

fn start_of_time() -> Timestamp {
    // What the random flows wait for lies some seconds later.
    Timestamp::from_millis(1_767_225_600_000)
}

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let mut dice = Dice::new(setup.seed);
        let scene = Scene::roll(&mut dice);
        let mut world = Self::bare(setup, dice, scene);
        if scene.queues {
            for queue in [NEAR, FAR] {
                let limits = lanes::limits(&mut world.dice, queue, None);
                world.lanes.lock().set(queue, limits);
            }
        }
        world
    }

    /// A world of which nothing is said but its seed and scene.
    pub(super) fn bare(setup: Setup, mut dice: Dice, scene: Scene) -> Self {
        let chance = SeededChance(Mutex::new(Dice::new(dice.next())));
        // A planted defect must be found by its own harm, not by that of lost messages.
        let is_lossy = dice.one_in(2) && setup.planted == Planted::Nothing;
        let clock = Arc::new(ManualClock::new(start_of_time()));
        let lanes = Arc::new(Mutex::new(Lanes::new(Arc::clone(&clock))));
        let floor = Floor::new(dice.next(), is_lossy, Arc::clone(&lanes));
        let steps_left = 40 + dice.below(160);
        Self {
            setup,
            scene,
            clock,
            chance: Arc::new(chance),
            floor: Arc::new(Mutex::new(floor)),
            lanes,
            elsewhere: Elsewhere::new(),
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
        self.tell(|| format!("seed {}: {:?}", self.setup.seed, self.scene));
        self.save_flows();
        loop {
            let runtime = runtime();
            let is_over = runtime.block_on(self.live());
            // All that the server was doing ends here and now.
            drop(runtime);
            if is_over {
                break;
            }
            self.tally.n_crashes += 1;
            self.floor.lock().server_died();
            self.elsewhere.server_died();
            let stores = self.stores();
            self.checker.look(&*stores.store);
        }
        self.assert_over();
        self.tally
    }

    fn assert_over(&mut self) {
        let stores = self.stores();
        self.checker.assert_finished(&*stores.store);
        self.checker.assert_settled(&*stores.store);
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
            watched.count(&mut self.tally.seen);
        }
    }

    pub(super) fn tell(&self, line: impl FnOnce() -> String) {
        if self.setup.is_told {
            #[expect(clippy::print_stderr, reason = "asked for by who replays a seed")]
            {
                eprintln!("{:>4} {} {}", self.tally.n_steps, self.clock.now(), line());
            }
        }
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

    fn step(&mut self, life: &mut Life) {
        if self.scene.queues && self.dice.one_in(4) {
            self.work_elsewhere(life);
            return;
        }
        match self.dice.below(100) {
            0..=34 => self.answer_of_store(life),
            35..=54 => drop(self.floor.lock().work(false)),
            55..=74 => self.deliver(life),
            75..=80 => self.start(life),
            81..=84 => self.ask(life),
            85..=88 => self.outside(life),
            89..=91 => self.move_clock(),
            92 => self.change_queue(life),
            93..=95 => self.jump_clock(),
            96 | 97 => {
                let forged = self.floor.lock().forged();
                if let Some(report) = forged {
                    self.tell(|| format!("forged {report:?}"));
                    self.believe(life, report);
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
            _ if verb.is_write() && is_full => Fate::Refuse,
            _ if roll == 0 => Fate::Refuse,
            _ if verb.is_write() && roll == 1 => Fate::PassUnknown,
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
            if let Report::Ended { token, .. } = &report {
                // Given out again by the next server, it may be made a second time: that one has nobody's place.
                self.lanes.lock().ends(*token);
            }
            self.report(life, report);
        }
    }

    /// Somebody sets another limit.
    fn change_queue(&mut self, life: &Life) {
        if !self.scene.queues {
            self.move_clock();
            return;
        }
        let queue = [NEAR, FAR][self.dice.below(2)];
        let before = self.lanes.lock().of(queue).cloned();
        let limits = lanes::limits(&mut self.dice, queue, before.as_ref());
        self.set_queue(life, queue, limits);
    }

    pub(super) fn set_queue(&self, life: &Life, queue: &str, limits: QueueLimits) {
        self.tell(|| format!("{queue} has {limits:?}"));
        self.lanes.lock().set(queue, limits.clone());
        let (engine, queue) = (life.engine.clone(), queue.to_owned());
        tokio::spawn(async move {
            let set = engine.set_queue(&queue, limits).await;
            set.expect("the store takes limits at once");
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
        tokio::spawn(async move {
            drop(engine.state(run).await);
            drop(engine.explain(run).await);
        });
    }

    /// Everything that must hold after a step.
    pub(super) async fn look(&mut self, life: &mut Life) {
        self.latest = self.latest.max(self.clock.now());
        if self.scene.queues && self.floor.lock().is_free_again() {
            self.report(life, Report::Free);
        }
        settle().await;
        let n_writes = life.gate.n_writes();
        let is_changed = std::mem::replace(&mut life.n_writes_seen, n_writes) != n_writes;
        if is_changed {
            self.checker.look(&*life.store);
        }
        self.listen(life);
        if !is_changed && !self.tally.n_steps.is_multiple_of(8) {
            return;
        }
        let inspected = self.inspect(life).await;
        self.checker.compare(&inspected);
        if life.gate.n_waiting() == 0 {
            self.checker.assert_armed(&inspected, self.latest);
        }
    }

    /// What was said and done since the last look.
    fn listen(&mut self, life: &Life) {
        let heard = std::mem::take(&mut *life.heard.lock());
        heard.into_iter().for_each(|heard| self.hear(heard));
        let told = std::mem::take(&mut *life.told.lock());
        told.into_iter().for_each(|told| self.hear_elsewhere(told));
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
        let mut lanes = self.lanes.lock();
        // Whoever settles limits hears of nothing while he waits for a rate to be noted.
        if !life.gate.is_asked(Verb::Rate) {
            lanes.step_is_over();
        }
        assert!(lanes.faults.is_empty(), "{:?}", lanes.faults);
    }

    pub(super) async fn inspect(&self, life: &Life) -> Inspected {
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
}

/// Where a server lives: its time goes on when nobody has anything to do.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// Waits here, in the middle of a task. What it waits for has no budget: past that it would be told to come again in the runtime's next
/// turn, which waits for it.
pub(super) fn block_on<F: Future>(work: F) -> F::Output {
    futures::executor::block_on(tokio::task::unconstrained(work))
}

/// Comes back when nobody has anything left to do: the paused clock of the runtime moves only then.
pub(super) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
