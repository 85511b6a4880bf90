//! A flow run without a server: the state machine that decides real runs, on a clock that jumps from one due moment to the next,
//! with stubs in place of work.
//!
//! Nothing here decides anything. A simulation plays the part of the world: it begins each attempt at once, reports after the time
//! its stub takes, answers signals and approvals, and stands for the runs that `subflow` tasks ask for.

pub mod replay;
mod sample;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use crate::doc::FlowDoc;
use crate::expr::Program;
use crate::ids::{AttemptToken, RunId};
use crate::payload::{BlobRef, NewBlob, Payload};
use crate::plan::{Plan, Spot};
use crate::run::event::{Ended, RunError, WaitsFor};
use crate::run::{
    BlobSource, ChildAttempt, Command, Decision, Dispatch, Effect, Entropy, Env, Event, EventKind, Fork,
    NewRun, Outcome, Reused, RunState, StartChild, TaskError, create, decide,
};
use crate::time::{HumanDuration, Timestamp};

pub use sample::sample;

/// Moments a simulation goes through before it is given up: a flow that waits for ever would otherwise be simulated for ever.
pub const MOMENTS_MAX: usize = 1_000_000;

/// How long an attempt takes whose stub does not say.
pub const TAKES: Duration = Duration::from_secs(1);

/// Chance from a seed: `SplitMix64`, which gives a good sequence for any seed.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// The sequence of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below this one; 0 if there is none.
    pub const fn below(&mut self, end: usize) -> usize {
        let end = if end == 0 { 1 } else { end };
        (self.bits() % end as u64) as usize
    }
}

impl Entropy for Seeded {
    fn next(&mut self) -> u128 {
        u128::from(self.bits()) << 64 | u128::from(self.bits())
    }
}

/// What happens when a task's work is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stub {
    /// What it gives: an attempt's output, a signal's body, an approval's values, a child run's outputs. Null if nothing is said.
    pub output: Option<Value>,
    /// How long it takes; [`TAKES`] if nothing is said.
    pub takes: Option<Duration>,
    /// How it fails.
    pub fails: Option<Failing>,
}

impl Stub {
    /// It gives a value; nothing else is said.
    #[must_use]
    pub fn giving(output: Value) -> Self {
        Self {
            output: Some(output),
            ..Self::default()
        }
    }
}

/// How a stub fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Failing {
    /// Why.
    pub error: TaskError,
    /// How many attempts of a task run fail before one succeeds; all of them if nothing is said.
    pub attempts: Option<u32>,
}

/// What a simulation starts from.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// Resolved: see [`crate::inputs::resolve`].
    pub inputs: Value,
    /// The variables that its expressions name.
    pub vars: Map<String, Value>,
    /// By the path of a task run (`import[3]`) or, for all of a task, by its key.
    pub stubs: BTreeMap<String, Stub>,
    /// What tasks give without being run, by their keys; as outputs are pinned in the editor.
    pub pinned: BTreeMap<String, Value>,
    /// Of jitter and ids: the same seed gives the same log.
    pub seed: u64,
    /// When the run starts.
    pub at: Timestamp,
}

/// How far a simulation has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to happen.
    Going,
    /// The run has ended.
    Ended,
    /// Nothing will happen any more: each unfinished task run, with what it lacks.
    Stuck(Vec<(String, String)>),
    /// Given up after [`MOMENTS_MAX`] moments.
    TooLong,
}

/// A line that a light task logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// The task run's path.
    pub task: Arc<str>,
    /// The line.
    pub message: Arc<str>,
}

/// A run on a virtual clock.
pub struct Simulation {
    program: Program,
    state: RunState,
    stubs: BTreeMap<String, Stub>,
    log: Vec<Event>,
    lines: Vec<LogLine>,
    blobs: Blobs,
    clock: Timestamp,
    seeded: Seeded,
    /// What the world will say, and when; the number keeps what is due at once in order.
    due: BTreeMap<(Timestamp, u64), Due>,
    n_planned: u64,
    n_moments: usize,
}

/// What the world will say.
enum Due {
    Report { token: AttemptToken, outcome: Outcome },
    ChildEnds(Command),
    Answer(Command),
}

#[derive(Default)]
struct Blobs(FxHashMap<BlobRef, Arc<Value>>);

impl BlobSource for Blobs {
    fn get(&self, blob: &BlobRef) -> Option<Arc<Value>> {
        self.0.get(blob).cloned()
    }
}

impl Blobs {
    fn keep(&mut self, value: Value) -> Payload {
        let (payload, made) = Payload::keep(value);
        self.store(made);
        payload
    }

    fn store(&mut self, made: impl IntoIterator<Item = NewBlob>) {
        for NewBlob { blob, json } in made {
            // A blob's JSON was written from a value, so it can be read.
            if let Ok(value) = serde_json::from_slice(&json) {
                self.0.insert(blob, Arc::new(value));
            }
        }
    }
}

impl Simulation {
    /// Starts a run of a valid document and lets it go on until it waits for the world.
    #[must_use]
    pub fn start(doc: Arc<FlowDoc>, scenario: Scenario) -> Self {
        let (program, _) = Program::compile(&doc);
        let plan = Arc::new(Plan::new(doc));
        let mut blobs = Blobs::default();
        let mut seeded = Seeded::new(scenario.seed);
        let reused = scenario
            .pinned
            .into_iter()
            .filter(|(task, _)| plan.find(task).is_some());
        let reused: Vec<Reused> = reused
            .map(|(task, output)| Reused::given(&plan, &task, &output.clone(), blobs.keep(output)))
            .collect();
        let fork = (!reused.is_empty()).then(|| {
            Box::new(Fork {
                from: None,
                reused,
                children: Vec::new(),
            })
        });
        let new = NewRun {
            id: RunId::new(scenario.at, seeded.next()),
            version: 1,
            inputs: blobs.keep(scenario.inputs),
            vars: scenario.vars,
            permit: None,
            follows: None,
            labels: BTreeMap::new(),
            trigger: "simulation".into(),
            idempotency_key: None,
            parent: None,
            fork,
            priority: None,
        };
        let env = Env {
            now: scenario.at,
            actor: "local".into(),
            entropy: &mut seeded,
            blobs: &blobs,
        };
        let (state, decision) = create(&plan, &program, new, env);
        let mut simulation = Self {
            program,
            state,
            stubs: scenario.stubs,
            log: Vec::new(),
            lines: Vec::new(),
            blobs,
            clock: scenario.at,
            seeded,
            due: BTreeMap::new(),
            n_planned: 0,
            n_moments: 0,
        };
        let mut commands = VecDeque::new();
        simulation.take(decision, &mut commands);
        simulation.settle(commands);
        simulation
    }

    /// Moves the clock to the next moment at which anything happens, and lets it happen.
    pub fn step(&mut self) -> Progress {
        if self.state.is_finished() {
            return Progress::Ended;
        }
        if self.n_moments >= MOMENTS_MAX {
            return Progress::TooLong;
        }
        self.n_moments += 1;
        let said = self.due.first_key_value().map(|((at, _), _)| *at);
        let wakes = self.state.wake_at();
        match (said, wakes) {
            (None, None) => return Progress::Stuck(self.lacks()),
            // A limit that is reached as the work ends counts as kept.
            (Some(at), wakes) if wakes.is_none_or(|wakes| at <= wakes) => {
                self.clock = self.clock.max(at);
                if let Some((_, due)) = self.due.pop_first() {
                    self.say(due);
                }
            }
            (_, Some(wakes)) => {
                self.clock = self.clock.max(wakes);
                self.settle([Command::Wake].into());
            }
            (Some(_), None) => {}
        }
        if self.state.is_finished() {
            Progress::Ended
        } else {
            Progress::Going
        }
    }

    /// Goes on until nothing more happens.
    pub fn run(&mut self) -> Progress {
        loop {
            let progress = self.step();
            if progress != Progress::Going {
                return progress;
            }
        }
    }

    /// The run as it is now.
    #[must_use]
    pub const fn state(&self) -> &RunState {
        &self.state
    }

    /// What has happened.
    #[must_use]
    pub fn log(&self) -> &[Event] {
        &self.log
    }

    /// What light tasks logged.
    #[must_use]
    pub fn lines(&self) -> &[LogLine] {
        &self.lines
    }

    /// Now, on the virtual clock.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.clock
    }

    /// The value behind a payload of the log.
    #[must_use]
    pub fn value(&self, payload: &Payload) -> Option<Arc<Value>> {
        match payload {
            Payload::Inline(value) => Some(Arc::clone(value)),
            Payload::Blob(blob) => self.blobs.get(blob),
        }
    }

    fn say(&mut self, due: Due) {
        let command = match due {
            Due::Report { token, outcome } => Command::AttemptEnded { token, outcome },
            Due::ChildEnds(command) | Due::Answer(command) => command,
        };
        self.settle([command].into());
    }

    /// Gives commands and all that follows from them at this moment.
    fn settle(&mut self, mut commands: VecDeque<Command>) {
        while let Some(command) = commands.pop_front() {
            let env = Env {
                now: self.clock,
                actor: "local".into(),
                entropy: &mut self.seeded,
                blobs: &self.blobs,
            };
            // What is rejected came too late, such as an answer after the time for it, and changes nothing.
            if let Ok(decision) = decide(&mut self.state, &self.program, command, env) {
                self.take(decision, &mut commands);
            }
        }
    }

    fn take(&mut self, decision: Decision, commands: &mut VecDeque<Command>) {
        self.blobs.store(decision.blobs);
        for event in &decision.events {
            if let EventKind::TaskWaiting { task, waits_for, .. } = &event.kind {
                self.plan_answer(task, *waits_for, event);
            }
        }
        self.log.extend(decision.events);
        for effect in decision.effects {
            self.perform(effect, commands);
        }
        // All values are at hand, so what was wanted can be had at once.
        if decision.unfinished || !decision.needs_blobs.is_empty() {
            commands.push_front(Command::Continue);
        }
    }

    fn perform(&mut self, effect: Effect, commands: &mut VecDeque<Command>) {
        match effect {
            Effect::Dispatch(dispatch) => {
                commands.push_back(Command::AttemptStarted {
                    token: dispatch.token,
                    worker: "simulation".into(),
                });
                self.plan_report(&dispatch);
            }
            Effect::CancelAttempt { token, .. } => {
                self.due
                    .retain(|_, due| !matches!(due, Due::Report { token: other, .. } if *other == token));
                commands.push_back(Command::AttemptEnded {
                    token,
                    outcome: Outcome::Cancelled,
                });
            }
            // Every attempt begins at once.
            Effect::RecallAttempt { .. } => {}
            Effect::StartChild(child) => self.start_child(&child, commands),
            Effect::CancelChild { attempt, child, .. } => {
                self.due.retain(
                    |_, due| !matches!(due, Due::ChildEnds(Command::ChildEnded { attempt: other, .. }) if *other == attempt),
                );
                commands.extend(child.map(|child| Command::ChildEnded {
                    attempt,
                    child,
                    version: None,
                    outcome: Ended::Cancelled,
                    outputs: None,
                    error: None,
                }));
            }
            // Nobody pauses a simulated run, waits for its end, shares a limit with it or takes its results.
            Effect::PauseChild { .. }
            | Effect::TellParent { .. }
            | Effect::AskPermit(_)
            | Effect::ReleasePermit { .. }
            | Effect::KeepResult(_) => {}
            Effect::Log { task, message, .. } => self.lines.push(LogLine {
                at: self.clock,
                task,
                message,
            }),
        }
    }

    fn plan_report(&mut self, dispatch: &Dispatch) {
        let stub = self.stub(&dispatch.path);
        let takes = stub.takes.unwrap_or(TAKES);
        let failing = stub.fails.as_ref();
        let failing = failing.filter(|failing| failing.attempts.is_none_or(|n| dispatch.attempt <= n));
        let outcome = match (failing, dispatch.timeout.filter(|limit| *limit < takes)) {
            (_, Some(limit)) => {
                let limit = HumanDuration::from_millis(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
                failed(TaskError::new("timeout", format!("took longer than {limit}")))
            }
            (Some(failing), None) if &*failing.error.kind == "lost" => Outcome::Lost,
            (Some(failing), None) => failed(failing.error.clone()),
            (None, None) => Outcome::Succeeded {
                output: self.blobs.keep(stub.output.unwrap_or_default()),
                exit_code: None,
            },
        };
        let takes = dispatch.timeout.map_or(takes, |limit| takes.min(limit));
        let token = dispatch.token;
        self.plan(takes, Due::Report { token, outcome });
    }

    fn start_child(&mut self, child: &StartChild, commands: &mut VecDeque<Command>) {
        let stub = self.stub(&child.parent.task);
        let run = RunId::new(self.clock, self.seeded.next());
        let attempt = ChildAttempt {
            path: Arc::clone(&child.parent.task),
            attempt: child.parent.attempt,
        };
        commands.push_back(Command::ChildStarted {
            attempt: attempt.clone(),
            child: run,
            version: child.version.unwrap_or(1),
        });
        if !child.parent.wait {
            return;
        }
        let failing = stub.fails.as_ref();
        let failing = failing.filter(|failing| failing.attempts.is_none_or(|n| attempt.attempt <= n));
        let error = failing.map(|failing| RunError {
            task: None,
            kind: Arc::clone(&failing.error.kind),
            message: Arc::clone(&failing.error.message),
        });
        let ends = Command::ChildEnded {
            attempt,
            child: run,
            version: None,
            outcome: if error.is_some() {
                Ended::Failed
            } else {
                Ended::Succeeded
            },
            outputs: error
                .is_none()
                .then(|| self.blobs.keep(stub.output.unwrap_or_else(|| json!({})))),
            error,
        };
        self.plan(stub.takes.unwrap_or(TAKES), Due::ChildEnds(ends));
    }

    /// Signals and approvals are answered unless their stub fails: then nobody sends the one, and the other is turned down.
    fn plan_answer(&mut self, task: &Arc<str>, waits_for: WaitsFor, event: &Event) {
        let stub = self.stub(task);
        let refusal = stub
            .fails
            .as_ref()
            .map(|failing| failing.error.message.to_string());
        let answer = match (waits_for, refusal) {
            (WaitsFor::Signal, None) => {
                let EventKind::TaskWaiting {
                    signal: Some(name), ..
                } = &event.kind
                else {
                    return;
                };
                Command::Signal {
                    name: Arc::clone(name),
                    payload: self.blobs.keep(stub.output.unwrap_or_default()),
                }
            }
            (WaitsFor::Approval, refusal) => {
                let EventKind::TaskWaiting { input, .. } = &event.kind else {
                    return;
                };
                let form = input.as_ref().and_then(|input| self.value(input));
                let form = form.as_deref().and_then(|with| with.get("form"));
                let values = stub
                    .output
                    .or_else(|| form.map(sample))
                    .unwrap_or_else(|| json!({}));
                Command::Approve {
                    path: Arc::clone(task),
                    approved: refusal.is_none(),
                    values,
                    comment: refusal,
                }
            }
            _ => return,
        };
        self.plan(stub.takes.unwrap_or(TAKES), Due::Answer(answer));
    }

    fn plan(&mut self, takes: Duration, due: Due) {
        self.n_planned += 1;
        self.due.insert((self.clock.plus(takes), self.n_planned), due);
    }

    /// The stub of a task run: its own, or its task's.
    fn stub(&self, path: &str) -> Stub {
        let of_task = || {
            let Spot { task, .. } = self.state.plan().spot(path)?;
            self.stubs.get(&*self.state.plan().task(task).key)
        };
        self.stubs.get(path).or_else(of_task).cloned().unwrap_or_default()
    }

    fn lacks(&self) -> Vec<(String, String)> {
        let explained = self.state.explain();
        explained
            .into_iter()
            .map(|told| told.view())
            .map(|told| (told.path, told.reason))
            .collect()
    }
}

fn failed(error: TaskError) -> Outcome {
    Outcome::Failed {
        error,
        output: None,
        retry_after: None,
    }
}
