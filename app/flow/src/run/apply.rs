//! Events applied to states. Nothing is evaluated here: every value stands in the event, so that replay never depends on a
//! template engine's version.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::ids::RunId;
use crate::limits::{ENDING_TIMEOUT_MS, TIMEOUT_BACKSTOP_MS};
use crate::payload::Payload;
use crate::plan::{EdgeIx, Plan, Role, TaskIx};
use crate::run::event::{EdgeVerdict, Ended, EndingStep, Event, EventKind};
use crate::run::state::{
    Attempt, AttemptEnd, EdgeState, Phase, RunData, RunState, SkipReason, TaskRun, TaskState, Timer, WaitsFor,
};
use crate::time::Timestamp;
use crate::view::{TaskCounts, TaskStatus};

/// Why a log cannot be folded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLog {
    /// A run's log begins with its creation.
    #[error("the log does not begin with run_created")]
    NoBeginning,
    /// An event is missing or doubled.
    #[error("event {found} stands where {expected} should")]
    Gap {
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
}

impl RunState {
    /// The state a run's first event makes.
    ///
    /// # Errors
    /// [`BadLog`] if that event is not its creation.
    pub fn begin(plan: Arc<Plan>, event: &Event) -> Result<Self, BadLog> {
        let EventKind::RunCreated { run, flow, version, inputs, labels, trigger, .. } = &event.kind else {
            return Err(BadLog::NoBeginning);
        };
        let mut data = RunData::empty(*run, &plan, event.at);
        data.flow = Arc::clone(flow);
        data.version = *version;
        data.inputs = inputs.clone();
        data.labels = labels.clone();
        data.trigger = Arc::clone(trigger);
        data.last_seq = event.seq;
        Ok(Self { plan, data })
    }

    /// The state a whole log makes.
    ///
    /// # Errors
    /// [`BadLog`] if it does not begin with the run's creation or has a gap.
    pub fn replay(plan: Arc<Plan>, events: &[Event]) -> Result<Self, BadLog> {
        let (first, rest) = events.split_first().ok_or(BadLog::NoBeginning)?;
        let mut state = Self::begin(plan, first)?;
        for event in rest {
            if event.seq != state.data.last_seq + 1 {
                return Err(BadLog::Gap { expected: state.data.last_seq + 1, found: event.seq });
            }
            state.apply(event);
        }
        Ok(state)
    }

    /// Changes the state by the next event of the log. Events about tasks the plan does not have are passed over.
    pub fn apply(&mut self, event: &Event) {
        self.data.last_seq = event.seq;
        self.data.last_at = self.data.last_at.max(event.at);
        let at = event.at;
        match &event.kind {
            EventKind::RunCreated { .. } => {}
            EventKind::RunStarted {} => self.run_started(at),
            EventKind::TaskSkipped { task, reason, edges } => {
                let reason = SkipReason::Decided(reason.clone());
                self.with_task(task, |run, ix| run.settle(ix, TaskState::Skipped { reason }, edges, at));
            }
            EventKind::TaskScheduled { task, attempt, token, input } => self.with_task(task, |run, ix| {
                run.move_to(ix, TaskState::Ready { token: *token });
                run.data.tokens.insert(*token, ix);
                run.give_out(ix, *attempt, input, at);
            }),
            EventKind::AttemptStarted { task, worker, .. } => self.with_task(task, |run, ix| run.attempt_started(ix, worker, at)),
            EventKind::TaskWaiting { task, waits_for, until, input, .. } => self.with_task(task, |run, ix| {
                run.end_attempt(ix, AttemptEnd::Snoozed, at);
                run.wait(ix, *waits_for, *until);
                let task = run.task_mut(ix);
                task.ready_at.get_or_insert(at);
                task.started_at.get_or_insert(at);
                if input.is_some() {
                    task.input.clone_from(input);
                }
            }),
            EventKind::AttemptFailed { task, error, retry_at, .. } => self.with_task(task, |run, ix| {
                let end = AttemptEnd::Failed { error: error.clone(), retry_at: Some(*retry_at) };
                run.light_attempt(ix, at);
                run.end_attempt(ix, end, at);
                run.task_mut(ix).n_failed += 1;
                run.wait(ix, WaitsFor::Retry, *retry_at);
            }),
            EventKind::AttemptLost { task, .. } => self.with_task(task, |run, ix| {
                run.end_attempt(ix, AttemptEnd::Lost, at);
                run.task_mut(ix).n_lost += 1;
                run.move_to(ix, TaskState::Blocked);
                run.put_on_agenda(ix);
            }),
            EventKind::TaskSucceeded { task, output, case, exit_code, edges } => self.with_task(task, |run, ix| {
                run.end_attempt(ix, AttemptEnd::Succeeded, at);
                let state = TaskState::Succeeded { output: output.clone(), case: case.clone(), exit_code: *exit_code };
                run.settle(ix, state, edges, at);
                if run.plan.task(ix).role == Role::Main && run.plan.undo_of(ix).is_some() {
                    run.data.to_undo.push(ix);
                }
            }),
            EventKind::TaskFailed { task, error, output, edges } => self.with_task(task, |run, ix| {
                if run.task(ix).n_failed > 0 {
                    run.light_attempt(ix, at);
                }
                run.end_attempt(ix, AttemptEnd::Failed { error: error.clone(), retry_at: None }, at);
                run.task_mut(ix).n_failed += 1;
                run.settle(ix, TaskState::Failed { error: error.clone(), output: output.clone() }, edges, at);
            }),
            EventKind::TaskCancelled { task, reason, edges } => self.with_task(task, |run, ix| {
                run.end_attempt(ix, AttemptEnd::Cancelled, at);
                run.settle(ix, TaskState::Cancelled { reason: Arc::clone(reason) }, edges, at);
            }),
            EventKind::RunCancelRequested { .. } => {}
            EventKind::RunEnding { outcome, error, outputs } => {
                self.clear_agenda();
                let (step, error, outputs) = (EndingStep::Attempts, error.clone(), outputs.clone());
                self.data.phase = Phase::Ending { step, outcome: *outcome, error, outputs };
                let limit = self.plan.doc.ending_timeout.map_or(ENDING_TIMEOUT_MS, |limit| limit.as_millis());
                self.data.timers.retain(|(_, timer)| *timer != Timer::Run);
                self.data.timers.insert((at.plus(Duration::from_millis(limit)), Timer::Ending));
            }
            EventKind::EndingStep { step } => self.ending_step(*step),
            EventKind::RunFinished { outcome, outputs, error } => {
                self.data.phase = Phase::Finished { outcome: *outcome, error: error.clone(), outputs: outputs.clone() };
                self.run_finished(at);
            }
        }
    }

    fn with_task(&mut self, key: &str, change: impl FnOnce(&mut Self, TaskIx)) {
        if let Some(ix) = self.plan.find(key) {
            change(self, ix);
        }
    }

    fn task_mut(&mut self, ix: TaskIx) -> &mut TaskRun {
        &mut self.data.tasks[ix as usize]
    }

    fn run_started(&mut self, at: Timestamp) {
        self.data.phase = Phase::Running;
        self.data.started_at = Some(at);
        if let Some(limit) = self.plan.doc.timeout {
            self.data.timers.insert((at.plus(limit.as_duration()), Timer::Run));
        }
        self.put_roots_on_agenda(Role::Main);
    }

    fn put_roots_on_agenda(&mut self, role: Role) {
        let plan = Arc::clone(&self.plan);
        for ix in plan.of_role(role).filter(|&ix| plan.task(ix).ups.is_empty()) {
            self.put_on_agenda(ix);
        }
    }

    fn put_on_agenda(&mut self, ix: TaskIx) {
        let task = self.task_mut(ix);
        if task.state == TaskState::Blocked && !task.on_agenda {
            task.on_agenda = true;
            self.data.agenda.push_back(ix);
        }
    }

    fn give_out(&mut self, ix: TaskIx, number: u32, input: &Option<Payload>, at: Timestamp) {
        let task = self.task_mut(ix);
        task.ready_at.get_or_insert(at);
        if input.is_some() {
            task.input.clone_from(input);
        }
        match task.attempts.last_mut() {
            // A snoozed attempt goes on: a task that polls for days has one attempt, not thousands.
            Some(last) if last.number == number && last.end == Some(AttemptEnd::Snoozed) => {
                last.finished_at = None;
                last.end = None;
            }
            _ => task.attempts.push(Attempt { number, ready_at: at, started_at: None, finished_at: None, worker: None, end: None }),
        }
    }

    fn attempt_started(&mut self, ix: TaskIx, worker: &Arc<str>, at: Timestamp) {
        let Some(token) = self.task(ix).state.token() else { return };
        self.move_to(ix, TaskState::Running { token });
        self.data.tokens.insert(token, ix);
        let limit = self.plan.task(ix).doc.timeout;
        let task = self.task_mut(ix);
        task.started_at.get_or_insert(at);
        if let Some(attempt) = task.attempts.last_mut() {
            attempt.started_at.get_or_insert(at);
            attempt.worker = Some(Arc::clone(worker));
        }
        if let Some(limit) = limit {
            self.set_timer(ix, at.plus(limit.as_duration()).plus(Duration::from_millis(TIMEOUT_BACKSTOP_MS)));
        }
    }

    /// A light task's failed attempt was never given out, but its history shall show it.
    fn light_attempt(&mut self, ix: TaskIx, at: Timestamp) {
        if self.plan.task(ix).light.is_none() {
            return;
        }
        let task = self.task_mut(ix);
        task.ready_at.get_or_insert(at);
        task.started_at.get_or_insert(at);
        let number = task.attempts.len() as u32 + 1;
        task.attempts.push(Attempt { number, ready_at: at, started_at: Some(at), finished_at: None, worker: None, end: None });
    }

    fn end_attempt(&mut self, ix: TaskIx, end: AttemptEnd, at: Timestamp) {
        if let Some(attempt) = self.task_mut(ix).attempts.last_mut().filter(|attempt| attempt.end.is_none()) {
            attempt.finished_at = Some(at);
            attempt.end = Some(end);
        }
    }

    fn wait(&mut self, ix: TaskIx, waits_for: WaitsFor, until: Timestamp) {
        self.move_to(ix, TaskState::Waiting { waits_for, until });
        self.set_timer(ix, until);
    }

    fn set_timer(&mut self, ix: TaskIx, at: Timestamp) {
        self.task_mut(ix).timer = Some(at);
        self.data.timers.insert((at, Timer::Task(ix)));
    }

    /// Leaves the old state behind, with its token and timer, for the new one.
    fn move_to(&mut self, ix: TaskIx, state: TaskState) {
        let task = &mut self.data.tasks[ix as usize];
        if let Some(token) = task.state.token() {
            self.data.tokens.remove(&token);
        }
        if let Some(at) = task.timer.take() {
            self.data.timers.remove(&(at, Timer::Task(ix)));
        }
        if std::mem::take(&mut task.on_agenda) {
            // The deciding step works in order, so this is the front but for a run that ends early.
            if self.data.agenda.front() == Some(&ix) {
                self.data.agenda.pop_front();
            } else {
                self.data.agenda.retain(|other| *other != ix);
            }
        }
        *self.data.counts.of(task.state.status()) -= 1;
        *self.data.counts.of(state.status()) += 1;
        task.state = state;
    }

    fn settle(&mut self, ix: TaskIx, state: TaskState, verdicts: &[EdgeVerdict], at: Timestamp) {
        let plan = Arc::clone(&self.plan);
        let role = plan.task(ix).role;
        let was_final = self.task(ix).state.status().is_final();
        self.move_to(ix, state);
        let task = self.task_mut(ix);
        task.finished_at = Some(at);
        if !matches!(task.state, TaskState::Skipped { .. } | TaskState::Cancelled { .. }) {
            task.ready_at.get_or_insert(at);
            task.started_at.get_or_insert(at);
        }
        if let (Some(open), false) = (self.data.open_of(role), was_final) {
            *open -= 1;
        }
        if self.judges_edges_of(role) {
            let mut verdicts = verdicts;
            for &edge in &plan.task(ix).downs {
                self.settle_edge(edge, &mut verdicts);
            }
        }
        match (&self.task(ix).state, role) {
            // Undone one by one, last finished first: it is the last.
            (_, Role::Undo(of)) => drop(self.data.to_undo.pop_if(|last| *last == of)),
            (TaskState::Failed { .. }, _) if self.task(ix).n_handlers == 0 => {
                self.data.unhandled.insert((at, ix));
            }
            (TaskState::Skipped { .. }, _) => self.handle_no_more(ix),
            _ => {}
        }
    }

    /// A skipped task handles no failure: those it was to handle may now be unhandled.
    fn handle_no_more(&mut self, ix: TaskIx) {
        let plan = Arc::clone(&self.plan);
        for &at in &plan.task(ix).ups {
            let edge = plan.edge(at);
            if !self.handles_failure(at) {
                continue;
            }
            let upstream = self.task_mut(edge.from);
            upstream.n_handlers -= 1;
            if let (0, Some(failed_at)) = (upstream.n_handlers, upstream.finished_at) {
                self.data.unhandled.insert((failed_at, edge.from));
            }
        }
    }

    /// Whether an edge was taken because its upstream failed, and counts as handling that.
    fn handles_failure(&self, at: EdgeIx) -> bool {
        let edge = self.plan.edge(at);
        edge.on.failed
            && edge.handles
            && self.data.edges[at as usize] == EdgeState::Taken
            && matches!(self.task(edge.from).state, TaskState::Failed { .. })
    }

    /// Whether edges of this role's tasks are evaluated at this point of the run.
    pub(super) fn judges_edges_of(&self, role: Role) -> bool {
        match (&self.data.phase, role) {
            (Phase::Running, Role::Main) => true,
            (Phase::Ending { step, .. }, Role::Finally) => *step == EndingStep::Finally,
            (Phase::Ending { step, .. }, Role::OnFailure) => *step == EndingStep::OnFailure,
            _ => false,
        }
    }

    fn settle_edge(&mut self, at: EdgeIx, verdicts: &mut &[EdgeVerdict]) {
        let plan = Arc::clone(&self.plan);
        let edge = plan.edge(at);
        let mut taken = self.names_state(at);
        let mut error = None;
        if taken && edge.has_when {
            let verdict = verdict_of(verdicts, &plan.task(edge.to).key, edge.need);
            taken = verdict.is_some_and(|verdict| verdict.taken);
            error = verdict.and_then(|verdict| verdict.error.clone());
        }
        self.data.edges[at as usize] = if taken { EdgeState::Taken } else { EdgeState::NotTaken };
        let comes_too_late = matches!(self.task(edge.to).state, TaskState::Skipped { .. });
        if self.handles_failure(at) && !comes_too_late {
            self.task_mut(edge.from).n_handlers += 1;
        }
        let target = self.task_mut(edge.to);
        target.n_settled += 1;
        // What a join has decided stands: an edge that settles afterwards changes nothing.
        if !target.on_agenda {
            target.edge_error = target.edge_error.take().or(error);
        }
        if taken {
            target.n_taken += 1;
        } else {
            target.refused_by.get_or_insert(edge.from);
        }
        if self.join_verdict(edge.to).is_some() {
            self.put_on_agenda(edge.to);
        }
    }

    /// Whether an edge's `on` names the state its upstream settled in.
    pub(super) fn names_state(&self, at: EdgeIx) -> bool {
        let edge = self.plan.edge(at);
        let on = &edge.on;
        match &self.task(edge.from).state {
            TaskState::Succeeded { case, .. } => {
                on.succeeded || on.always || case.as_deref().is_some_and(|case| on.cases.iter().any(|name| name == case))
            }
            TaskState::Failed { .. } => on.failed || on.always,
            TaskState::Skipped { .. } => on.skipped || on.always,
            TaskState::Cancelled { .. } => on.cancelled || on.always,
            _ => false,
        }
    }

    fn ending_step(&mut self, next: EndingStep) {
        let failure = if next == EndingStep::OnFailure { self.unhandled_error(Role::Finally) } else { None };
        if let Phase::Ending { step, outcome, error, .. } = &mut self.data.phase {
            *step = next;
            if next == EndingStep::OnFailure {
                // The run may fail only now, by a `finally` task; what runs next shall see that.
                *outcome = Ended::Failed;
                *error = error.take().or(failure);
            }
        }
        match next {
            EndingStep::Attempts | EndingStep::Undo => {}
            EndingStep::Finally => self.put_roots_on_agenda(Role::Finally),
            EndingStep::OnFailure => self.put_roots_on_agenda(Role::OnFailure),
        }
    }

    fn run_finished(&mut self, at: Timestamp) {
        self.data.finished_at = Some(at);
        self.clear_agenda();
        for ix in 0..self.data.tasks.len() as TaskIx {
            if !self.task(ix).state.status().is_final() {
                self.move_to(ix, TaskState::Skipped { reason: SkipReason::NotNeeded });
            }
        }
        self.data.n_open = [0; 3];
        self.data.timers.clear();
        self.data.tokens.clear();
    }

    /// Forgets what was still to be decided.
    fn clear_agenda(&mut self) {
        while let Some(ix) = self.data.agenda.pop_front() {
            self.task_mut(ix).on_agenda = false;
        }
    }
}

/// The verdict on one edge. Verdicts stand in the order of the edges, so that each is found at the front.
fn verdict_of<'v>(verdicts: &mut &'v [EdgeVerdict], to: &str, need: u32) -> Option<&'v EdgeVerdict> {
    let is_it = |verdict: &EdgeVerdict| *verdict.to == *to && verdict.need == need;
    match verdicts.split_first() {
        Some((first, rest)) if is_it(first) => {
            *verdicts = rest;
            Some(first)
        }
        // Written by a build that numbered edges another way.
        _ => verdicts.iter().find(|verdict| is_it(verdict)),
    }
}

impl RunData {
    fn empty(id: RunId, plan: &Plan, at: Timestamp) -> Self {
        let count = |role: Role| plan.of_role(role).count() as u32;
        let counts = TaskCounts { blocked: plan.tasks.len() as u32, ..TaskCounts::default() };
        debug_assert_eq!(counts.get(TaskStatus::Blocked), counts.total());
        Self {
            id,
            flow: "".into(),
            version: 0,
            inputs: Payload::null(),
            labels: Default::default(),
            trigger: "".into(),
            phase: Phase::Queued,
            last_seq: 0,
            last_at: at,
            created_at: at,
            started_at: None,
            finished_at: None,
            tasks: plan.tasks.iter().map(|_| TaskRun::new()).collect(),
            edges: vec![EdgeState::Pending; plan.edges.len()],
            agenda: VecDeque::new(),
            timers: BTreeSet::new(),
            tokens: FxHashMap::default(),
            counts,
            n_open: [count(Role::Main), count(Role::Finally), count(Role::OnFailure)],
            to_undo: Vec::new(),
            unhandled: BTreeSet::new(),
        }
    }

    fn open_of(&mut self, role: Role) -> Option<&mut u32> {
        match role {
            Role::Main => Some(&mut self.n_open[0]),
            Role::Finally => Some(&mut self.n_open[1]),
            Role::OnFailure => Some(&mut self.n_open[2]),
            Role::Undo(_) => None,
        }
    }
}
