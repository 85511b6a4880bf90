//! What must hold of any run at any time, each recomputed the slow way.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::World;
use crate::plan::{Role, Spot};
use crate::run::state::{EdgeState, Timer, WaitsFor};
use crate::run::{
    Command, Decision, Effect, Env, Event, EventKind, Phase, RunState, Snapshot, TaskRun, TaskState, decide,
};
use crate::view::{TaskCounts, TaskStatus};

impl World {
    /// Before a decision is committed.
    pub(super) fn assert_decision(&self, decision: &Decision) {
        let mut before = self.log.last();
        for event in &decision.events {
            assert_eq!(
                event.seq,
                before.map_or(0, |before| before.seq) + 1,
                "the log is dense"
            );
            assert!(
                before.is_none_or(|before| before.at <= event.at),
                "time does not run back in a log"
            );
            let json = serde_json::to_string(event).expect("events are JSON");
            assert_eq!(
                serde_json::from_str::<Event>(&json).expect("what was written is read"),
                *event,
                "{json}"
            );
            before = Some(event);
        }
        for effect in &decision.effects {
            if let Effect::Dispatch(dispatch) = effect {
                let spot = self.spot(&dispatch.path);
                assert_eq!(spot.task, dispatch.task);
                let task = self.state.find_run(spot).expect("it is at work");
                assert_eq!(
                    task.state,
                    TaskState::Ready {
                        token: dispatch.token
                    },
                    "only what is ready is given out"
                );
                assert_eq!(
                    task.attempts.last().map(|attempt| attempt.number),
                    Some(dispatch.attempt)
                );
                assert_eq!(task.input.as_ref(), Some(&dispatch.input));
            }
        }
        for event in &decision.events {
            let EventKind::TaskScheduled { task, token, .. } = &event.kind else {
                continue;
            };
            let is_out = self.token(task) == Some(*token);
            let is_given_out = decision
                .effects
                .iter()
                .any(|effect| matches!(effect, Effect::Dispatch(out) if out.token == *token));
            assert_eq!(is_out, is_given_out, "{task} is ready, so it is given out");
        }
    }

    /// After a decision is committed.
    pub(super) fn assert_state(&self, is_going_on: bool) {
        let state = &self.state;
        let replayed = RunState::replay(Arc::clone(&self.plan), &self.log).expect("the log is whole");
        assert_eq!(replayed, *state, "a log folds to the state that made it");
        let json = serde_json::to_string(&state.snapshot()).expect("snapshots are JSON");
        let read: Snapshot = serde_json::from_str(&json).expect("what was written is read");
        assert_eq!(
            RunState::restore(read, Arc::clone(&self.plan)).as_ref(),
            Some(state)
        );
        self.assert_counts();
        self.assert_timers();
        self.assert_parts();
        let mut tokens = FxHashSet::default();
        for event in &self.log {
            if let EventKind::TaskScheduled { token, .. } = event.kind {
                assert!(tokens.insert(token), "a token is used once");
            }
        }
        let statuses = |state: &RunState| {
            state
                .tasks()
                .iter()
                .map(|task| task.state.status())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            statuses(&self.viewer),
            statuses(state),
            "who follows sees the same"
        );
        assert_eq!(self.viewer.status(), state.status());
        assert_eq!(self.viewer.edges(), state.edges());
        assert!(
            is_going_on || state.is_paused() || state.data.agenda.is_empty(),
            "an agenda is worked off"
        );
    }

    fn assert_counts(&self) {
        let (state, data) = (&self.state, &self.state.data);
        let mut counts = TaskCounts::default();
        let mut open = [0; 3];
        let mut unhandled = BTreeSet::new();
        let agenda: FxHashSet<Spot> = data.agenda.iter().copied().collect();
        assert_eq!(
            agenda.len(),
            data.agenda.len(),
            "no task stands twice on the agenda"
        );
        for (ix, task) in state.tasks().iter().enumerate() {
            let plan = &self.plan.tasks[ix];
            *counts.of(task.state.status()) += 1;
            if !task.state.status().is_final() {
                match plan.role {
                    Role::Main => open[0] += 1,
                    Role::Finally => open[1] += 1,
                    Role::OnFailure => open[2] += 1,
                    Role::Undo(_) => {}
                }
            }
            assert_eq!(task.on_agenda, agenda.contains(&Spot::from(ix as u32)));
            if let (TaskState::Failed { error, .. }, false) =
                (&task.state, matches!(plan.role, Role::Undo(_)))
            {
                let handled = plan.downs.iter().any(|&at| {
                    let edge = self.plan.edge(at);
                    let is_taken = data.edges[at as usize] == EdgeState::Taken;
                    let names_kind = plan.names_failures() && edge.on.has_case(&error.kind);
                    (edge.on.failed || names_kind)
                        && edge.handles
                        && is_taken
                        && state.task(edge.to).state.status() != TaskStatus::Skipped
                });
                if !handled {
                    unhandled.insert((task.finished_at.expect("it has ended"), ix as u32));
                }
            }
        }
        assert_eq!(counts, state.counts());
        assert_eq!(open, data.n_open);
        if !state.is_finished() {
            assert_eq!(unhandled, data.unhandled);
        }
    }

    /// All task runs, those of items at work included.
    fn runs(&self) -> impl Iterator<Item = (Spot, &TaskRun)> {
        let tasks = self.state.tasks().iter().enumerate();
        let parts = self.state.data.parts.iter().flat_map(|(ix, parts)| {
            let open = parts.open.iter();
            open.map(|(part, run)| (Spot::part(*ix, *part), run))
        });
        tasks.map(|(ix, run)| ((ix as u32).into(), run)).chain(parts)
    }

    fn assert_parts(&self) {
        for (ix, parts) in &self.state.data.parts {
            let mut counts = TaskCounts::default();
            for part in parts.numbers() {
                *counts.of(parts.status(part).expect("it is an item")) += 1;
            }
            assert_eq!(counts, parts.counts());
            let is_open = self.state.task(*ix).state == TaskState::Spread;
            assert!(is_open || parts.open.is_empty(), "no item outlives its task");
            let each = self.plan.task(*ix).doc.for_each.as_ref();
            let n_most = each.map_or(1, |each| each.n_parallel());
            assert!(parts.open.len() <= n_most);
            assert!(parts.open.values().all(|run| !run.state.status().is_final()));
        }
    }

    fn assert_timers(&self) {
        let data = &self.state.data;
        let mut timers = BTreeSet::new();
        let mut n_out = 0;
        let (mut n_waiting, mut n_asking) = (0, 0);
        for (spot, task) in self.runs() {
            let ix = spot.task;
            if let Some(at) = task.timer {
                timers.insert((at, Timer::Task(spot)));
            }
            match task.state {
                TaskState::Waiting { until, waits_for } => {
                    n_waiting += 1;
                    n_asking += u32::from(waits_for == WaitsFor::Approval);
                    assert_eq!(task.timer, until);
                    assert_eq!(
                        waits_for == WaitsFor::Signal,
                        self.state.awaited_signal(spot).is_some()
                    );
                    let is_delay = self.plan.task(ix).light == Some(crate::plan::Light::Delay);
                    let is_pause = waits_for == WaitsFor::Pause;
                    assert_eq!(waits_for == WaitsFor::Delay, is_delay && !is_pause);
                }
                TaskState::Running { .. } => {
                    assert_eq!(task.timer.is_some(), self.plan.task(ix).doc.timeout.is_some())
                }
                TaskState::Ready { .. } => {
                    assert_eq!(
                        task.timer.is_some(),
                        self.plan.task(ix).doc.start_timeout.is_some()
                    )
                }
                _ => assert_eq!(task.timer, None),
            }
            let waits_for_child = matches!(
                task.state,
                TaskState::Waiting {
                    waits_for: WaitsFor::Child,
                    ..
                }
            );
            let is_open = self.state.child(spot).is_some_and(|child| child.is_open);
            assert_eq!(waits_for_child, is_open);
            if let Some(token) = task.state.token() {
                n_out += 1;
                assert_eq!(data.tokens.get(&token), Some(&spot));
            }
        }
        assert_eq!(data.tokens.len(), n_out);
        assert_eq!(data.n_waiting, n_waiting);
        assert_eq!(data.n_asking, n_asking);
        let own: BTreeSet<_> = data
            .timers
            .iter()
            .filter(|(_, timer)| matches!(timer, Timer::Task(_)))
            .copied()
            .collect();
        if self.state.is_finished() {
            assert!(data.timers.is_empty());
        } else {
            assert_eq!(own, timers);
        }
        let has = |wanted: Timer| data.timers.iter().any(|(_, timer)| *timer == wanted);
        assert_eq!(has(Timer::Ending), matches!(data.phase, Phase::Ending { .. }));
        assert_eq!(
            has(Timer::Run),
            data.phase == Phase::Running && self.plan.doc.timeout.is_some()
        );
    }

    /// When nothing is left to be decided: the run has ended, or something is under way that moves it.
    pub(super) fn assert_at_rest(&self) {
        let (state, data) = (&self.state, &self.state.data);
        if state.is_finished() {
            assert!(
                state.tasks().iter().all(|task| task.state.status().is_final()),
                "no task outlives its run"
            );
            assert_eq!((state.wake_at(), state.in_flight()), (None, false));
            return;
        }
        assert!(state.is_paused() || data.agenda.is_empty());
        assert!(
            state.is_paused()
                || !data.tokens.is_empty()
                || data.n_waiting > 0
                || state.awaited_permit().is_some(),
            "nothing moves this run: {:?}",
            data.phase
        );
        assert_eq!(state.in_flight(), !data.tokens.is_empty());
        let told = state.explain();
        let is_told = |path: &str| told.iter().any(|told| *told.path == *path);
        for ix in state
            .tasks_in(None)
            .filter(|&ix| !state.task(ix).state.status().is_final())
        {
            let plan = self.plan.task(ix);
            assert!(
                matches!(plan.role, Role::Undo(_)) || is_told(&plan.key),
                "{} has its reason",
                plan.key
            );
        }
        self.assert_effects_derivable();
    }

    /// What was asked for and lost is asked for again.
    fn assert_effects_derivable(&self) {
        let mut state = self.state.clone();
        let mut entropy = || -> u128 { panic!("nothing new is made of what is known") };
        let env = Env {
            now: self.clock,
            actor: "engine".into(),
            entropy: &mut entropy,
            blobs: &(),
        };
        if state.wake_at().is_some_and(|due| due <= self.clock) {
            return;
        }
        let decision = decide(
            &mut state,
            &self.program,
            Command::Recover {
                workers_gone: false,
                held: Vec::new(),
            },
            env,
        )
        .expect("it goes on");
        assert_eq!(decision.events, Vec::new());
        let (mut given, mut asked) = (Vec::new(), 0);
        for effect in &decision.effects {
            match effect {
                Effect::Dispatch(dispatch) => given.push(self.spot(&dispatch.path)),
                Effect::RecallAttempt { token } => {
                    let mut all = self.runs();
                    let recalled = all.find(|(_, run)| run.state.token() == Some(*token));
                    given.push(recalled.expect("it is out").0);
                }
                Effect::CancelAttempt { .. } => asked += 1,
                _ => {}
            }
        }
        let mut ready: Vec<Spot> = self
            .runs()
            .filter(|(spot, run)| {
                matches!(run.state, TaskState::Ready { .. }) && !self.state.is_stopped(*spot)
            })
            .map(|(spot, _)| spot)
            .collect();
        ready.sort_unstable();
        assert_eq!(given, ready);
        let unstarted = state
            .open_children()
            .filter(|(spot, child)| child.run.is_none() && !state.is_stopped(*spot));
        let asked_for = |effect: &&Effect| matches!(effect, Effect::StartChild(_));
        assert_eq!(
            decision.effects.iter().filter(asked_for).count(),
            unstarted.count()
        );
        let out = self
            .runs()
            .filter(|(spot, run)| run.state.token().is_some() && self.state.is_stopped(*spot));
        assert_eq!(asked, out.count());
    }
}
