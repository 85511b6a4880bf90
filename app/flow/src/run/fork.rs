//! What a new run can take from an old one, and what it will run itself.
//!
//! A result holds if the task succeeded, its definition is the same, it refers to no input that changed and all its upstreams'
//! results hold; never from the chosen task on. A task that was skipped is skipped again by the same rules, so it is in neither list,
//! and what stands behind it may hold.
//!
//! A task may also be marked as succeeded: it gives what somebody says it gives, and what comes after it runs.

mod children;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Map, Value};

use crate::doc::{Join, TaskDoc};
use crate::expr::Program;
use crate::payload::Payload;
use crate::plan::{Plan, PlanEdge, Role, Spot, Spread, TaskIx};
use crate::run::command::{Reused, ReusedChild};
use crate::run::state::{RunState, TaskState};
use crate::view::TaskStatus;

pub use self::children::OldChildren;

/// What a run would take from another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForkPlan {
    /// Results that hold in the new run, and those that were given for it.
    pub reused: Vec<Reused>,
    /// Main tasks that run, each with the reason, and those of the end; of items that run again only their task stands here.
    pub runs: Vec<WillRun>,
    /// Runs of other flows that `subflow` tasks among those take up, instead of starting new ones whole.
    pub children: Vec<ReusedChild>,
}

/// A task that runs in the new run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WillRun {
    /// Its path.
    pub path: Arc<str>,
    /// Why its old result does not hold.
    pub why: Why,
    /// How many of its items keep their results.
    pub n_items_reused: u32,
}

/// Why a task runs again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The new run starts from it.
    #[error("the new run starts here")]
    Chosen,
    /// It had not succeeded.
    #[error("it had not succeeded, it was {}", .0.key())]
    NotSucceeded(TaskStatus),
    /// It had succeeded, and the old run took that back.
    #[error("it was taken back")]
    Undone,
    /// Whatever happens before.
    #[error("it runs at the end, whatever happens")]
    Finally,
    /// The old version has no such task.
    #[error("it is new")]
    New,
    /// Its definition is another.
    #[error("its definition has changed")]
    Changed,
    /// It refers to an input that is another.
    #[error("the input {0} has changed")]
    Input(Arc<str>),
    /// It refers to a variable that is another.
    #[error("the variable {0} has changed")]
    Variable(Arc<str>),
    /// Some of its items' results are given.
    #[error("some of its items are marked as succeeded")]
    Items,
    /// It comes after a task that runs.
    #[error("it comes after {0}, which runs")]
    Upstream(Arc<str>),
    /// It comes after a task whose result is given.
    #[error("it comes after {0}, which is marked as succeeded")]
    Given(Arc<str>),
}

impl Why {
    /// The task before it that runs or whose result is given, if that is why.
    #[must_use]
    pub fn after(&self) -> Option<&Arc<str>> {
        match self {
            Self::Upstream(task) | Self::Given(task) => Some(task),
            _ => None,
        }
    }
}

/// Why a run cannot start from a task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStart {
    /// The new version has none at that path.
    #[error("the flow version has no task `{0}` to start from")]
    NoSuchTask(String),
    /// The old run had no such item, and the list may be the same again.
    #[error("the task of `{0}` had {1} items; start from one of them, or from the task")]
    NoSuchItem(String, u32),
    /// It belongs to the ending of a run.
    #[error("`{0}` belongs to the ending of a run; start from a main task")]
    NotMain(String),
    /// It is a task that starts no run of its own.
    #[error("`{0}` starts no run of another flow, so there is no task inside it")]
    NothingInside(String),
    /// Each of its items had a run of its own.
    #[error("each item of `{0}` has a run of its own; name one of them, as in `{0}[0]/{1}`")]
    WhichItem(String, String),
    /// It had waited for no run.
    #[error("`{0}` had no run there that it waited for; start from `{0}` itself")]
    NoChild(String),
}

/// Why a task cannot be marked as succeeded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMark {
    /// The new version has none at that path.
    #[error("the flow version has no task `{0}` to mark as succeeded")]
    NoSuchTask(String),
    /// It belongs to the ending of a run.
    #[error("`{0}` belongs to the ending of a run; only main tasks are marked as succeeded")]
    NotMain(String),
    /// Later rounds may follow.
    #[error("`{0}` is one round of a loop; mark the loop as succeeded, with what its last round would give")]
    Round(String),
    /// It would go on by none of its cases.
    #[error("`{0}` is a switch, whose output is one of its cases: {1}")]
    NoSuchCase(String, String),
    /// It cannot do both.
    #[error("the new run starts from `{0}`, so it cannot be marked as succeeded")]
    Chosen(String),
}

impl BadMark {
    /// The path that was named.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::NoSuchTask(path)
            | Self::NotMain(path)
            | Self::Round(path)
            | Self::NoSuchCase(path, _)
            | Self::Chosen(path) => path,
        }
    }
}

/// From where on all runs again.
#[derive(Clone, Copy)]
struct Chosen<'a> {
    spot: Spot,
    /// From where inside the run that it asked for.
    inside: Option<&'a str>,
}

/// What a run of `plan` with these inputs can take from an old run.
pub struct Forking<'a> {
    /// The old run.
    pub old: &'a RunState,
    /// What it was given.
    pub old_inputs: &'a Value,
    /// The runs that its tasks waited for.
    pub children: &'a OldChildren,
    /// The flow version of the new run.
    pub plan: &'a Plan,
    /// Its expressions.
    pub program: &'a Program,
    /// What the new run is given.
    pub inputs: &'a Value,
    /// The variables it starts with.
    pub vars: &'a Map<String, Value>,
    /// What tasks and items are said to give, without running: marked as succeeded.
    pub given: &'a [Reused],
}

/// What is known to become of tasks because others' results are given.
#[derive(Default)]
struct Fates {
    /// Those whose own results are.
    given: FxHashMap<TaskIx, usize>,
    /// Those that are skipped for it.
    skipped: FxHashSet<TaskIx>,
}

impl Forking<'_> {
    /// Says what holds and what runs. `from` is the path of the task, item or iteration from which on all runs; without one, what had
    /// not succeeded runs. An iteration stands for its whole loop. `task/inner` is the task `inner` of the run that the `subflow` task
    /// `task` had asked for: that task runs again, and all from `inner` on inside.
    ///
    /// # Errors
    /// [`BadStart`] if nothing can start there.
    pub fn plan(&self, from: Option<&str>) -> Result<ForkPlan, BadStart> {
        let chosen = from.map(|from| self.chosen(from)).transpose()?;
        let none = Map::new();
        let given =
            [self.old_inputs, self.inputs, self.old.vars()].map(|given| given.as_object().unwrap_or(&none));
        let changed = Changed {
            inputs: changed(given[0], given[1]),
            variables: changed(given[2], self.vars),
        };
        let mut runs_again: FxHashSet<TaskIx> = FxHashSet::default();
        let mut found = ForkPlan::default();
        let mut fates = Fates::default();
        for (at, given) in self.given.iter().enumerate() {
            if let Some(ix) = self.plan.find(&given.path) {
                fates.given.insert(ix, at);
            }
        }
        for ix in self.plan.upstreams_first(|role| role == Role::Main) {
            if let Some(&at) = fates.given.get(&ix) {
                found.reused.push(self.given[at].clone());
                continue;
            }
            if self.is_skipped(ix, &fates) {
                fates.skipped.insert(ix);
                continue;
            }
            let has_given = self.given_items(ix).next().is_some();
            let why = self.why(ix, chosen, &changed, (&runs_again, &fates));
            let why = why.or_else(|| has_given.then_some(Why::Items));
            let key = &self.plan.task(ix).key;
            let old = self.old.plan().find(key);
            match (why, old) {
                (None, Some(old)) => found.reused.extend(self.result(key, old)),
                (why, old) => {
                    runs_again.insert(ix);
                    let why = why.unwrap_or(Why::New);
                    let is_item = chosen.is_some_and(|chosen| chosen.spot.part.is_some());
                    let keeps_items = match why {
                        Why::NotSucceeded(_) | Why::Items => true,
                        Why::Chosen => is_item,
                        _ => false,
                    };
                    let n_before = found.reused.len();
                    if let Some(old) =
                        old.filter(|_| keeps_items && self.plan.task(ix).spread == Some(Spread::Items))
                    {
                        self.items(ix, old, chosen, &mut found.reused);
                    }
                    let n_items_reused = (found.reused.len() - n_before) as u32;
                    found.reused.extend(self.given_items(ix).cloned());
                    let task = (ix, self.old.plan().find(key));
                    self.take_up(task, (&why, keeps_items), chosen, &mut found.children);
                    found.runs.push(WillRun {
                        path: Arc::clone(key),
                        why,
                        n_items_reused,
                    });
                }
            }
        }
        found
            .runs
            .extend(self.plan.of_role(Role::Finally).map(|ix| WillRun {
                path: Arc::clone(&self.plan.task(ix).key),
                why: Why::Finally,
                n_items_reused: 0,
            }));
        Ok(found)
    }

    fn chosen<'f>(&self, from: &'f str) -> Result<Chosen<'f>, BadStart> {
        let (head, inside) = children::split(from);
        let spot = self
            .plan
            .spot(head)
            .ok_or_else(|| BadStart::NoSuchTask(head.to_owned()))?;
        let task = self.plan.task(spot.task);
        if task.role != Role::Main {
            return Err(BadStart::NotMain(head.to_owned()));
        }
        let old = self.old.plan().find(&task.key);
        let n_items = old.and_then(|old| Some(self.old.parts(old)?.n()));
        if let (Some(Spread::Items), Some(part), Some(n)) = (task.spread, spot.part, n_items)
            && part >= n
        {
            return Err(BadStart::NoSuchItem(head.to_owned(), n));
        }
        let inside = match inside {
            Some(inside) => self.chosen_inside((head, inside), spot)?,
            None => None,
        };
        let is_loop = task.spread == Some(Spread::Loop);
        let spot = if is_loop { spot.task.into() } else { spot };
        Ok(Chosen { spot, inside })
    }

    /// Whether these can be marked as succeeded, in a run that starts from `from`.
    ///
    /// # Errors
    /// [`BadMark`] for the first that cannot.
    pub fn check_given(plan: &Plan, given: &[(&str, &Value)], from: Option<&str>) -> Result<(), BadMark> {
        for (path, output) in given {
            let name = || (*path).to_owned();
            let spot = plan.spot(path).ok_or_else(|| BadMark::NoSuchTask(name()))?;
            let task = plan.task(spot.task);
            if task.role != Role::Main {
                return Err(BadMark::NotMain(name()));
            }
            if spot.part.is_some() && task.spread == Some(Spread::Loop) {
                return Err(BadMark::Round(name()));
            }
            if spot.part.is_none()
                && task.spread.is_none()
                && let Some(cases) = task.doc.cases()
                && !output.as_str().is_some_and(|output| cases.contains(&output))
            {
                return Err(BadMark::NoSuchCase(name(), cases.join(", ")));
            }
            if from == Some(*path) {
                return Err(BadMark::Chosen(name()));
            }
        }
        Ok(())
    }

    /// The items of a task whose results are given.
    fn given_items(&self, ix: TaskIx) -> impl Iterator<Item = &Reused> {
        self.given.iter().filter(move |given| {
            let spot = self.plan.spot(&given.path);
            spot.is_some_and(|spot| spot.task == ix && spot.part.is_some())
        })
    }

    /// Whether a task is skipped, whatever else happens, because of what is given before it.
    fn is_skipped(&self, ix: TaskIx, fates: &Fates) -> bool {
        if fates.given.is_empty() {
            return false;
        }
        let task = self.plan.task(ix);
        let is_refused = |edge: &PlanEdge| match fates.given.get(&edge.from) {
            Some(&at) => {
                let case = self.given[at].case.as_deref();
                !edge.on.succeeded && !edge.on.always && !case.is_some_and(|case| edge.on.has_case(case))
            }
            None => fates.skipped.contains(&edge.from) && !edge.on.skipped && !edge.on.always,
        };
        let mut edges = task.ups.iter().map(|&edge| self.plan.edge(edge));
        match task.join() {
            Join::All => edges.any(is_refused),
            Join::Any | Join::Settled => !task.ups.is_empty() && edges.all(is_refused),
        }
    }

    /// Why a task's old result does not hold; none if it does, or if it is skipped again.
    fn why(
        &self,
        ix: TaskIx,
        chosen: Option<Chosen<'_>>,
        changed: &Changed,
        (runs_again, fates): (&FxHashSet<TaskIx>, &Fates),
    ) -> Option<Why> {
        let task = self.plan.task(ix);
        let mut ups = task.ups.iter().map(|&edge| self.plan.edge(edge).from);
        if let Some(up) = ups.clone().find(|up| runs_again.contains(up)) {
            return Some(Why::Upstream(Arc::clone(&self.plan.task(up).key)));
        }
        let is_given = |up: &TaskIx| fates.given.contains_key(up) || fates.skipped.contains(up);
        if let Some(up) = ups.find(is_given) {
            return Some(Why::Given(Arc::clone(&self.plan.task(up).key)));
        }
        let old = self.old.plan().find(&task.key);
        let Some(old) = old.filter(|&old| self.old.plan().task(old).role == Role::Main) else {
            return Some(Why::New);
        };
        if !does_the_same(&self.old.plan().task(old).doc, &task.doc) {
            return Some(Why::Changed);
        }
        if let Some(why) = self.refers_to(&task.key, changed) {
            return Some(why);
        }
        if chosen.is_some_and(|chosen| chosen.spot.task == ix) {
            return Some(Why::Chosen);
        }
        match self.old.task(old).state.status() {
            TaskStatus::Succeeded if self.is_undone(old) => Some(Why::Undone),
            TaskStatus::Succeeded | TaskStatus::Skipped => None,
            other => Some(Why::NotSucceeded(other)),
        }
    }

    /// Whether the old run began to take back what a task had done. What a failing undo has left of it, nobody knows.
    fn is_undone(&self, old: TaskIx) -> bool {
        let undo = self
            .old
            .plan()
            .undo_of(old)
            .map(|undo| &self.old.task(undo).state);
        undo.is_some_and(|state| !matches!(state, TaskState::Blocked | TaskState::Skipped { .. }))
    }

    /// Whether a task refers to something that is another now.
    fn refers_to(&self, key: &str, changed: &Changed) -> Option<Why> {
        let task = self.program.task(key)?;
        let all = [&task.start_refs, &task.work_refs];
        let names_input = |name: &&Arc<str>| {
            all.iter()
                .any(|refs| refs.any_input || refs.input_names.binary_search(name).is_ok())
        };
        let names_variable = |name: &&Arc<str>| all.iter().any(|refs| refs.vars.binary_search(name).is_ok());
        let input = changed.inputs.iter().find(names_input).cloned().map(Why::Input);
        input.or_else(|| {
            changed
                .variables
                .iter()
                .find(names_variable)
                .cloned()
                .map(Why::Variable)
        })
    }

    fn result(&self, key: &Arc<str>, old: TaskIx) -> Option<Reused> {
        let TaskState::Succeeded {
            output,
            case,
            exit_code,
        } = &self.old.task(old).state
        else {
            return None;
        };
        Some(Reused {
            path: Arc::clone(key),
            output: output.clone(),
            case: case.clone(),
            exit_code: *exit_code,
            given_by: self.old.given_by(old.into()).cloned(),
        })
    }

    /// The items that succeeded, but for the chosen one.
    fn items(&self, ix: TaskIx, old: TaskIx, chosen: Option<Chosen<'_>>, reused: &mut Vec<Reused>) {
        let Some(parts) = self.old.parts(old).filter(|parts| !parts.is_too_large()) else {
            return;
        };
        for part in parts.numbers() {
            let spot = Spot::part(ix, part);
            let path = self.plan.path(spot);
            if parts.status(part) == Some(TaskStatus::Succeeded)
                && chosen.is_none_or(|chosen| chosen.spot != spot)
                && !self.given.iter().any(|given| given.path == path)
            {
                reused.push(Reused {
                    output: parts.outputs.get(&part).cloned().unwrap_or_else(Payload::null),
                    case: None,
                    exit_code: None,
                    given_by: self.old.given_by(Spot::part(old, part)).cloned(),
                    path,
                });
            }
        }
    }
}

/// Whether two definitions do the same: how long and how often it is tried, and what it is called, does not change a result.
fn does_the_same(old: &TaskDoc, new: &TaskDoc) -> bool {
    let parts = |doc: &TaskDoc| {
        (
            doc.task_type.clone(),
            doc.with.clone(),
            doc.needs.clone(),
            doc.join,
        )
    };
    parts(old) == parts(new)
        && old.when == new.when
        && old.for_each.as_ref().map(|each| &each.items) == new.for_each.as_ref().map(|each| &each.items)
        && old.repeat == new.repeat
}

/// What a new run is given that the old one was not.
struct Changed {
    inputs: Vec<Arc<str>>,
    variables: Vec<Arc<str>>,
}

/// The names of what differs.
fn changed(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = old
        .keys()
        .chain(new.keys())
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| name.as_str().into())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
