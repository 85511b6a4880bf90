//! A valid document as a graph, ready to be run.
//!
//! A plan holds no compiled expression, so that a page that follows a run needs no template engine; those are in
//! [`crate::expr::Program`]. Tasks are numbered in document order: main tasks, then `finally`, `on_failure` and undo tasks.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::doc::{FlowDoc, Join, NeedDoc, OnLost, RetryDoc, TaskDoc};
use crate::secrets::{self, SecretUse};

/// The queue of tasks that name none.
pub const DEFAULT_QUEUE: &str = "default";

/// The number of a task in its plan.
pub type TaskIx = u32;

/// Which task run: that of a task, or of one of its items or iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Spot {
    /// The task.
    pub task: TaskIx,
    /// The item (from 0) or iteration (from 1); absent for the task's own run.
    pub part: Option<u32>,
}

impl Spot {
    /// One item or iteration of a task.
    #[must_use]
    pub const fn part(task: TaskIx, part: u32) -> Self {
        Self {
            task,
            part: Some(part),
        }
    }
}

impl From<TaskIx> for Spot {
    fn from(task: TaskIx) -> Self {
        Self { task, part: None }
    }
}

/// Why a task has several runs inside one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// One for each item of a list.
    Items,
    /// One after the other, until a condition holds.
    Loop,
}

/// The number of an edge in its plan.
pub type EdgeIx = u32;

/// What a task is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The flow's work.
    Main,
    /// Runs at the end whatever happened.
    Finally,
    /// Runs after all else when the run failed.
    OnFailure,
    /// Takes back what the task of this number did.
    Undo(TaskIx),
}

/// The task types that are evaluated inside the decision step: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Does nothing.
    Noop,
    /// Writes a line into the task's log.
    Log,
    /// Fails.
    Fail,
    /// An expression makes the output.
    Transform,
    /// The first case that holds names the edge to take.
    Switch,
    /// Waits on a timer, holding no worker.
    Delay,
    /// Waits for a time, or until a condition holds that is judged again and again.
    Wait,
    /// Waits for something named from outside.
    Signal,
    /// Waits for a person's answer.
    Approval,
    /// Starts a run of another flow.
    Subflow,
}

impl Light {
    /// The light type a task is of; `transform` with `jq` is none, it runs as an attempt.
    #[must_use]
    pub fn of(task: &TaskDoc) -> Option<Self> {
        match task.task_type.as_str() {
            "noop" => Some(Self::Noop),
            "log" => Some(Self::Log),
            "fail" => Some(Self::Fail),
            "transform" if !task.with.contains_key("jq") => Some(Self::Transform),
            "switch" => Some(Self::Switch),
            "delay" => Some(Self::Delay),
            "wait" => Some(Self::Wait),
            "signal" => Some(Self::Signal),
            "approval" => Some(Self::Approval),
            "subflow" => Some(Self::Subflow),
            _ => None,
        }
    }
}

/// The words an edge may name beside the states, for what became of a task of this type that waits: `timeout` when its time was
/// up (whether that failed it or gave its default), `approved` and `rejected` for what a person said.
#[must_use]
pub fn waiting_cases(task_type: &str) -> &'static [&'static str] {
    match task_type {
        "approval" => &["approved", "rejected", "timeout"],
        "signal" | "wait" => &["timeout"],
        _ => &[],
    }
}

/// A task of a plan.
#[derive(Debug)]
pub struct PlanTask {
    /// Its id: the path of its task run. An undo task is `TASK.undo`, which no author can write.
    pub key: Arc<str>,
    /// What it is there for.
    pub role: Role,
    /// What its author wrote; of a task of the type `loop`, what it does again and again (see [`TaskDoc::unrolled`]).
    pub doc: TaskDoc,
    /// The type its author wrote.
    pub written_type: Box<str>,
    /// Set if the decision step evaluates it.
    pub light: Option<Light>,
    /// Set if it has several runs.
    pub spread: Option<Spread>,
    /// The references to secrets in its arguments.
    pub secrets: Arc<[SecretUse]>,
    /// The edges into it, in the order of `needs`.
    pub ups: Vec<EdgeIx>,
    /// The edges out of it.
    pub downs: Vec<EdgeIx>,
}

impl PlanTask {
    /// When it may start.
    #[must_use]
    pub fn join(&self) -> Join {
        self.doc.join
    }

    /// Whether edges may name the kind of its failure.
    #[must_use]
    pub fn names_failures(&self) -> bool {
        !waiting_cases(&self.doc.task_type).is_empty()
    }

    /// How many attempts it may have.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.doc
            .retry
            .as_ref()
            .map_or(1, |retry| retry.max_attempts.max(1))
    }

    /// Whether results of it are kept and taken. What a secret went into is not: it could be told from it.
    #[must_use]
    pub fn is_cached(&self) -> bool {
        self.doc.cache.is_some() && self.light.is_none() && self.secrets.is_empty()
    }

    /// The queue its attempts wait in.
    #[must_use]
    pub fn queue(&self) -> &str {
        self.doc.queue.as_deref().unwrap_or(DEFAULT_QUEUE)
    }

    /// Its retry, if it has one.
    #[must_use]
    pub fn retry(&self) -> Option<&RetryDoc> {
        self.doc.retry.as_ref()
    }

    /// Whether its work is begun at most once: only after its start is durable, and never again after it was lost.
    #[must_use]
    pub fn is_at_most_once(&self) -> bool {
        self.retry().is_some_and(|retry| retry.on_lost == OnLost::Fail)
    }
}

/// The outcomes that take an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenOn {
    /// The upstream succeeded.
    pub succeeded: bool,
    /// It failed; only this names a failure, `always` does not.
    pub failed: bool,
    /// It was skipped.
    pub skipped: bool,
    /// It was cancelled.
    pub cancelled: bool,
    /// Any of the four.
    pub always: bool,
    /// It is a switch that took one of these.
    pub cases: Vec<String>,
}

impl TakenOn {
    fn from_words(words: &[&str]) -> Self {
        let mut on = Self::default();
        for word in words {
            match *word {
                "succeeded" => on.succeeded = true,
                "failed" => on.failed = true,
                "skipped" => on.skipped = true,
                "cancelled" => on.cancelled = true,
                "always" => on.always = true,
                case => on.cases.push(case.to_owned()),
            }
        }
        on
    }

    /// Whether it names this outcome: a final state, or the case that a switch took. `kind` is the kind of a failure that edges may
    /// name.
    #[must_use]
    pub fn names(&self, word: &str, kind: Option<&str>) -> bool {
        self.always
            || match word {
                "succeeded" => self.succeeded,
                "failed" => self.failed || kind.is_some_and(|kind| self.has_case(kind)),
                "skipped" => self.skipped,
                "cancelled" => self.cancelled,
                case => self.succeeded || self.has_case(case),
            }
    }

    /// Whether it names this case.
    #[must_use]
    pub fn has_case(&self, case: &str) -> bool {
        self.cases.iter().any(|name| name == case)
    }
}

/// An edge of a plan.
#[derive(Debug)]
pub struct PlanEdge {
    /// The upstream.
    pub from: TaskIx,
    /// The downstream.
    pub to: TaskIx,
    /// Its place among the downstream's `needs`.
    pub need: u32,
    /// The outcomes that take it.
    pub on: TakenOn,
    /// Whether an expression narrows it.
    pub has_when: bool,
    /// Whether taking it on a failure handles that failure.
    pub handles: bool,
}

/// A flow version as a graph.
#[derive(Debug)]
pub struct Plan {
    /// The document it was made from.
    pub doc: Arc<FlowDoc>,
    /// All tasks: main, finally, `on_failure`, undo.
    pub tasks: Vec<PlanTask>,
    /// All edges.
    pub edges: Vec<PlanEdge>,
    by_key: FxHashMap<Arc<str>, TaskIx>,
    undo_of: FxHashMap<TaskIx, TaskIx>,
    /// Whether sentences call tasks by their names.
    says_names: bool,
}

impl Plan {
    /// The graph of a document. Edges from unknown tasks are left out: validation has refused such a document before it is
    /// run, and a drawing of a broken one is still of use.
    #[must_use]
    pub fn new(doc: Arc<FlowDoc>) -> Self {
        let mut plan = Self {
            doc: Arc::clone(&doc),
            tasks: Vec::new(),
            edges: Vec::new(),
            by_key: FxHashMap::default(),
            undo_of: FxHashMap::default(),
            says_names: false,
        };
        for (role, group) in [
            (Role::Main, &doc.tasks),
            (Role::Finally, &doc.finally),
            (Role::OnFailure, &doc.on_failure),
        ] {
            for (key, task) in group {
                plan.add(key.as_str().into(), role, task.clone());
            }
        }
        for ix in 0..plan.tasks.len() {
            let task = &plan.tasks[ix];
            if let Some(undo) = task.doc.undo.clone() {
                let key = format!("{}.undo", task.key);
                let body = TaskDoc {
                    with: undo.with,
                    retry: undo.retry,
                    timeout: undo.timeout,
                    queue: task.doc.queue.clone(),
                    priority: task.doc.priority,
                    ..TaskDoc::of_type(&undo.task_type)
                };
                let undo_ix = plan.add(key.into(), Role::Undo(ix as TaskIx), body);
                plan.undo_of.insert(ix as TaskIx, undo_ix);
            }
        }
        plan.connect();
        plan
    }

    /// The same plan for pages: sentences about its runs call tasks by the names that people see beside them. Elsewhere they say ids,
    /// which programs can look up.
    #[must_use]
    pub fn saying_names(self) -> Self {
        Self {
            says_names: true,
            ..self
        }
    }

    fn add(&mut self, key: Arc<str>, role: Role, doc: TaskDoc) -> TaskIx {
        let ix = self.tasks.len() as TaskIx;
        self.by_key.insert(Arc::clone(&key), ix);
        let written_type = doc.task_type.as_str().into();
        let doc = match doc.disabled {
            true => doc.switched_off(),
            false => doc.unrolled().into_owned(),
        };
        let light = Light::of(&doc);
        let spread = match (&doc.for_each, &doc.repeat) {
            (Some(_), _) => Some(Spread::Items),
            (None, Some(_)) => Some(Spread::Loop),
            (None, None) => None,
        };
        let secrets = secrets::uses(&doc.with).into();
        self.tasks.push(PlanTask {
            key,
            role,
            doc,
            written_type,
            light,
            spread,
            secrets,
            ups: Vec::new(),
            downs: Vec::new(),
        });
        ix
    }

    fn connect(&mut self) {
        for to in 0..self.tasks.len() {
            let needs: Vec<NeedDoc> = self.tasks[to].doc.needs.clone();
            for (need_ix, need) in needs.iter().enumerate() {
                let Some(from) = self.find(need.task()) else {
                    continue;
                };
                let edge = self.edges.len() as EdgeIx;
                self.edges.push(PlanEdge {
                    from,
                    to: to as TaskIx,
                    need: need_ix as u32,
                    on: TakenOn::from_words(&need.on()),
                    has_when: need.when().is_some(),
                    handles: need.handles(),
                });
                self.tasks[to].ups.push(edge);
                self.tasks[from as usize].downs.push(edge);
            }
        }
    }

    /// The number of the task with this id.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<TaskIx> {
        self.by_key.get(key).copied()
    }

    /// The task run at a path: `task`, `task[17]` for an item, `task#3` for an iteration.
    #[must_use]
    pub fn spot(&self, path: &str) -> Option<Spot> {
        if let Some(ix) = self.find(path) {
            return Some(ix.into());
        }
        let (key, rest) = path.split_at(path.find(['[', '#'])?);
        let task = self.find(key)?;
        let number = match self.task(task).spread? {
            Spread::Items => rest.strip_prefix('[')?.strip_suffix(']')?,
            Spread::Loop => rest.strip_prefix('#')?,
        };
        // Only what `path` writes is read.
        let part = number.parse().ok()?;
        let spot = Spot::part(task, part);
        (*self.path(spot) == *path).then_some(spot)
    }

    /// The path of a task run.
    #[must_use]
    pub fn path(&self, spot: Spot) -> Arc<str> {
        let task = self.task(spot.task);
        match (spot.part, task.spread) {
            (Some(part), Some(Spread::Items)) => format!("{}[{part}]", task.key).into(),
            (Some(part), Some(Spread::Loop)) => format!("{}#{part}", task.key).into(),
            _ => Arc::clone(&task.key),
        }
    }

    /// The name people see. A task that takes another back is called after that one: nobody names it.
    #[must_use]
    pub fn name_of(&self, ix: TaskIx) -> String {
        let shown = |task: &PlanTask| task.doc.name.clone().unwrap_or_else(|| task.key.to_string());
        match self.task(ix).role {
            Role::Undo(of) => format!("Undo {}", shown(self.task(of))),
            _ => shown(self.task(ix)),
        }
    }

    /// What a sentence calls the task run at a path: so, or by its task's name, which stands in quotation marks if it is more than a word.
    #[must_use]
    pub fn called(&self, path: &str) -> String {
        let spot = self.spot(path).filter(|_| self.says_names);
        let Some(Spot { task, .. }) = spot else {
            return path.to_owned();
        };
        let part = path.get(self.task(task).key.len()..).unwrap_or_default();
        let name = self.name_of(task);
        match name.contains(char::is_whitespace) {
            true => format!("“{name}”{part}"),
            false => format!("{name}{part}"),
        }
    }

    /// The task of this number.
    #[must_use]
    pub fn task(&self, ix: TaskIx) -> &PlanTask {
        &self.tasks[ix as usize]
    }

    /// The edge of this number.
    #[must_use]
    pub fn edge(&self, ix: EdgeIx) -> &PlanEdge {
        &self.edges[ix as usize]
    }

    /// The task that takes back what `task` did.
    #[must_use]
    pub fn undo_of(&self, task: TaskIx) -> Option<TaskIx> {
        self.undo_of.get(&task).copied()
    }

    /// The tasks of one role, in document order.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = TaskIx> + '_ {
        self.tasks
            .iter()
            .enumerate()
            .filter(move |(_, task)| task.role == role)
            .map(|(ix, _)| ix as TaskIx)
    }

    /// The tasks of some roles, each after its upstreams. What has no edges because it belongs to the ending begins after the flow's work.
    #[must_use]
    pub fn upstreams_first(&self, is_meant: impl Fn(Role) -> bool) -> Vec<TaskIx> {
        let mut open: Vec<usize> = self.tasks.iter().map(|task| task.ups.len()).collect();
        let all = (0..).zip(&self.tasks);
        let first = all.filter(|(_, task)| task.ups.is_empty() && is_meant(task.role));
        let mut order: Vec<TaskIx> = first.map(|(ix, _)| ix).collect();
        order.sort_by_key(|&ix| self.task(ix).role != Role::Main);
        let mut next = 0;
        while let Some(&ix) = order.get(next) {
            next += 1;
            for &edge in &self.task(ix).downs {
                let to = self.edge(edge).to;
                open[to as usize] -= 1;
                if open[to as usize] == 0 {
                    order.push(to);
                }
            }
        }
        order
    }
}
