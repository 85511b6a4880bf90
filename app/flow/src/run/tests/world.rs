//! A run with its log, a clock that stands still until it is moved, a blob store and seeded chance: the owner of a run as the
//! engine is one, without the engine. After every command it asserts what must hold of any run ([`super::invariants`]).

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::doc::FlowDoc;
use crate::expr::Program;
use crate::ids::{AttemptToken, RunId};
use crate::payload::{BlobRef, Payload};
use crate::plan::{Plan, Spot};
use crate::problem::Severity;
use crate::run::{
    BlobSource, Command, Decision, Effect, Env, Event, NewRun, Outcome, Rejected, RunState, create, decide,
};
use crate::simulate::Seeded;
use crate::time::Timestamp;

/// Large values that exist, and those the next decision is given.
#[derive(Default)]
pub(super) struct Blobs {
    stored: FxHashMap<BlobRef, Arc<Value>>,
    at_hand: FxHashMap<BlobRef, Arc<Value>>,
}

impl BlobSource for Blobs {
    fn get(&self, blob: &BlobRef) -> Option<Arc<Value>> {
        self.at_hand.get(blob).cloned()
    }
}

impl Blobs {
    fn fetch(&mut self, wanted: &[BlobRef]) {
        for blob in wanted {
            let value = self
                .stored
                .get(blob)
                .expect("only values that were stored are asked for");
            self.at_hand.insert(blob.clone(), Arc::clone(value));
        }
    }
}

/// A run and its surroundings.
pub(super) struct World {
    pub(super) plan: Arc<Plan>,
    pub(super) program: Program,
    pub(super) state: RunState,
    /// What a page holds that follows the run.
    pub(super) viewer: RunState,
    pub(super) log: Vec<Event>,
    /// How long the log was each time nothing was left to be decided.
    pub(super) rests: Vec<usize>,
    pub(super) clock: Timestamp,
    pub(super) blobs: Blobs,
    /// What was asked for beside dispatches, as lines; filled on demand of a script.
    pub(super) effects: Vec<Effect>,
    /// How many decisions were cut for their size, and how many large values had to be loaded.
    pub(super) n_continued: usize,
    pub(super) n_loaded: usize,
    /// Attempts that workers elsewhere keep when the server dies.
    pub(super) held: Vec<AttemptToken>,
    chance: Seeded,
}

pub(super) fn compile(doc: FlowDoc) -> (Arc<Plan>, Program) {
    let (program, problems) = Program::compile(&doc);
    let errors: Vec<_> = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "the flow's expressions are wrong: {errors:?}");
    (Arc::new(Plan::new(Arc::new(doc))), program)
}

impl World {
    /// Starts a run and lets it go on until it waits for something.
    pub(super) fn start(doc: FlowDoc, inputs: Value) -> Self {
        Self::start_new(doc, inputs, Blobs::default(), |_| {})
    }

    /// The same of a run with more to it, that has these large values already.
    pub(super) fn start_new(
        doc: FlowDoc,
        inputs: Value,
        mut blobs: Blobs,
        more: impl FnOnce(&mut NewRun),
    ) -> Self {
        let (plan, program) = compile(doc);
        let clock = Timestamp::from_millis(1_767_225_600_000);
        let mut chance = Seeded::new(1);
        let mut entropy = || u128::from(chance.bits()) << 64 | 0x00ff;
        let (inputs, new_blob) = Payload::keep(inputs);
        if let Some(blob) = new_blob {
            blobs.stored.insert(
                blob.blob,
                Arc::new(serde_json::from_slice(&blob.json).expect("written as JSON")),
            );
        }
        let mut new = NewRun {
            id: RunId::new(clock, 7),
            version: 3,
            inputs,
            vars: serde_json::Map::new(),
            labels: [("by".to_owned(), "test".to_owned())].into(),
            trigger: "api".into(),
            idempotency_key: None,
            parent: None,
            fork: None,
            permit: None,
            follows: None,
            priority: None,
        };
        more(&mut new);
        let env = Env {
            now: clock,
            actor: "local".into(),
            entropy: &mut entropy,
            blobs: &blobs,
        };
        let (state, decision) = create(&plan, &program, new, env);
        let viewer =
            RunState::begin(Arc::clone(&plan), &decision.events[0]).expect("a log begins with its creation");
        let mut viewer =
            RunState::restore(viewer.viewer_snapshot(), Arc::clone(&plan)).expect("of this plan");
        decision.events[1..]
            .iter()
            .for_each(|event| viewer.apply(&event.without_token()));
        let mut world = Self {
            plan,
            program,
            state,
            viewer,
            log: Vec::new(),
            rests: Vec::new(),
            clock,
            blobs,
            effects: Vec::new(),
            n_continued: 0,
            n_loaded: 0,
            held: Vec::new(),
            chance,
        };
        let (unfinished, wanted) = world.take(decision);
        world.go_on(unfinished, wanted);
        world
    }

    /// Gives a command, with the values it needs, and all that follows from it at once.
    pub(super) fn command(&mut self, command: Command) -> Result<(), Rejected> {
        loop {
            match self.decide(command.clone()) {
                Ok((unfinished, wanted)) => {
                    self.go_on(unfinished, wanted);
                    return Ok(());
                }
                Err(Rejected::NeedsBlobs(wanted)) => {
                    let n_before = self.blobs.at_hand.len();
                    self.n_loaded += wanted.len();
                    self.blobs.fetch(&wanted);
                    assert!(
                        self.blobs.at_hand.len() > n_before,
                        "values at hand are not asked for again"
                    );
                }
                Err(rejected) => return Err(rejected),
            }
        }
    }

    fn go_on(&mut self, mut unfinished: bool, mut wanted: Vec<BlobRef>) {
        while unfinished || !wanted.is_empty() {
            self.n_continued += usize::from(unfinished);
            self.n_loaded += wanted.len();
            self.blobs.fetch(&wanted);
            (unfinished, wanted) = self
                .decide(Command::Continue)
                .expect("a run that is not finished goes on");
        }
        self.blobs.at_hand.clear();
        self.rests.push(self.log.len());
        self.assert_at_rest();
    }

    fn decide(&mut self, command: Command) -> Result<(bool, Vec<BlobRef>), Rejected> {
        let before = self.state.clone();
        let mut entropy = self.chance.clone();
        let env = Env {
            now: self.clock,
            actor: "local".into(),
            entropy: &mut entropy,
            blobs: &self.blobs,
        };
        let decided = decide(&mut self.state, &self.program, command, env);
        self.chance = entropy;
        match decided {
            Ok(decision) => {
                decision
                    .events
                    .iter()
                    .for_each(|event| self.viewer.apply(&event.without_token()));
                Ok(self.take(decision))
            }
            Err(rejected) => {
                assert_eq!(before, self.state, "a rejected command has changed nothing");
                Err(rejected)
            }
        }
    }

    /// Commits a decision.
    fn take(&mut self, decision: Decision) -> (bool, Vec<BlobRef>) {
        self.assert_decision(&decision);
        for made in &decision.blobs {
            let value = serde_json::from_slice(&made.json).expect("written as JSON");
            self.blobs.stored.insert(made.blob.clone(), Arc::new(value));
        }
        self.log.extend(decision.events);
        self.assert_state(decision.unfinished || !decision.needs_blobs.is_empty());
        self.effects.extend(decision.effects);
        (decision.unfinished, decision.needs_blobs)
    }

    pub(super) fn spot(&self, task: &str) -> Spot {
        self.plan
            .spot(task)
            .unwrap_or_else(|| panic!("the flow has no task {task}"))
    }

    /// The token of the attempt that is out.
    pub(super) fn token(&self, task: &str) -> Option<AttemptToken> {
        self.state.find_run(self.spot(task))?.state.token()
    }

    /// The task runs that wait for a person.
    pub(super) fn wanted_answers(&self) -> Vec<String> {
        let tasks = 0..self.state.tasks().len() as u32;
        let views = tasks.flat_map(|ix| {
            let parts = self.state.part_views(ix, None, 0, usize::MAX).0;
            std::iter::once(self.state.task_view(ix)).chain(parts)
        });
        let waiting = views.filter(|view| view.waits_for.as_deref() == Some("approval"));
        waiting.map(|view| view.path).collect()
    }

    /// Keeps a value as the engine does before it reports it.
    pub(super) fn keep(&mut self, value: Value) -> Payload {
        let (payload, made) = Payload::keep(value.clone());
        if let Some(made) = made {
            self.blobs.stored.insert(made.blob, Arc::new(value));
        }
        payload
    }

    /// A worker begins the attempt that is out and reports its end.
    pub(super) fn report(&mut self, token: AttemptToken, outcome: Outcome) -> Result<(), Rejected> {
        self.begin(token)?;
        self.command(Command::AttemptEnded { token, outcome })
    }

    pub(super) fn begin(&mut self, token: AttemptToken) -> Result<(), Rejected> {
        self.command(Command::AttemptStarted {
            token,
            worker: "w1".into(),
        })
    }

    /// Moves the clock; each timer that comes due on the way is acted on at its time.
    pub(super) fn wait(&mut self, by: Duration) {
        let until = self.clock.plus(by);
        for _ in 0..10_000 {
            match self.state.wake_at().filter(|due| *due <= until) {
                Some(due) => {
                    self.clock = self.clock.max(due);
                    self.command(Command::Wake)
                        .expect("a run with timers is not finished");
                }
                None => {
                    self.clock = until;
                    return;
                }
            }
        }
        panic!("timers come due for ever");
    }

    /// The server dies and another reads the log.
    pub(super) fn restart(&mut self) {
        self.state = RunState::replay(Arc::clone(&self.plan), &self.log).expect("the log is whole");
        self.recover(true);
    }

    pub(super) fn recover(&mut self, workers_gone: bool) {
        if !self.state.is_finished() {
            let held = self.held.clone();
            self.command(Command::Recover { workers_gone, held })
                .expect("an unfinished run recovers");
        }
    }
}
