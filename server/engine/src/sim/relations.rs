//! What runs are to each other: parents and children, holders of a gate's places and those who wait, givers and takers of results. Each
//! stands in its own log; what is missing between two logs must be on its way as a message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flow::doc::Strategy;
use flow::gate::Permit;
use flow::run::event::{CachedFrom, Ended, ParentRun};
use flow::run::{EventKind, Phase};
use flow::{Payload, RunId};

use super::check::{Checker, Watched, all};
use super::world::block_on;
use crate::messages::{Body, gates};
use crate::store::Store;

/// An attempt at a task of a run that asked for another run.
type Asked = (RunId, Arc<str>, u32);

/// What a log says of how a task ended, to be held against another log.
pub(super) enum Claim {
    /// By its child.
    Child(Asked, Ended, Option<Payload>),
    /// By the result of an earlier one.
    Cached(RunId, Arc<str>, CachedFrom, Payload),
}

/// Messages on their way.
#[derive(Default)]
struct Mail {
    starts: BTreeSet<Asked>,
    cancels: BTreeSet<Asked>,
    ends: BTreeSet<RunId>,
    asks: BTreeSet<RunId>,
    releases: BTreeSet<RunId>,
    grants: BTreeSet<RunId>,
    refusals: BTreeSet<RunId>,
}

impl Mail {
    fn read(store: &dyn Store) -> Self {
        let mut mail = Self::default();
        for row in all(block_on(store.outbox(None, usize::MAX))) {
            let sender = RunId(row.id.sender);
            match serde_json::from_str(&row.body).expect("a message can be read") {
                Body::StartChild { parent, .. } => drop(mail.starts.insert(asked_by(&parent))),
                Body::CancelChild { task, attempt, .. } => drop(mail.cancels.insert((sender, task, attempt))),
                Body::ChildEnded { .. } => drop(mail.ends.insert(sender)),
                Body::AskPermit { .. } => drop(mail.asks.insert(sender)),
                Body::ReleasePermit { .. } => drop(mail.releases.insert(sender)),
                Body::Granted { run } => drop(mail.grants.insert(run)),
                Body::Refused { run, .. } => drop(mail.refusals.insert(run)),
                Body::PauseChild { .. } | Body::Leave { .. } | Body::Ended { .. } => {}
            }
        }
        mail
    }
}

fn asked_by(parent: &ParentRun) -> Asked {
    (parent.run, Arc::clone(&parent.task), parent.attempt)
}

impl Checker {
    /// After each step: what one log says and another does not say yet is on its way.
    pub(super) fn relate(&mut self, store: &dyn Store) {
        let mail = Mail::read(store);
        let mut children: BTreeMap<Asked, RunId> = BTreeMap::new();
        for (run, watched) in &self.runs {
            if let Some(parent) = watched.state.parent() {
                let other = children.insert(asked_by(parent), *run);
                assert_eq!(other, None, "{}/{} has two children", parent.run, parent.task);
            }
        }
        for (run, watched) in &self.runs {
            self.relate_parent(*run, watched, &mail, &children);
            self.relate_child(*run, watched, &mail);
        }
        self.relate_gates(store, &mail);
        for claim in std::mem::take(&mut self.claims) {
            match claim {
                Claim::Child(asked, outcome, output) => {
                    let child = children
                        .get(&asked)
                        .unwrap_or_else(|| panic!("{asked:?} has no child"));
                    self.agree(*child, outcome, output.as_ref());
                }
                Claim::Cached(run, task, from, output) => self.held_before(run, &task, &from, &output),
            }
        }
    }

    /// Whoever waits for a child has one, or has asked for it.
    fn relate_parent(&self, run: RunId, watched: &Watched, mail: &Mail, children: &BTreeMap<Asked, RunId>) {
        for (spot, open) in watched.state.open_children() {
            let asked = (run, watched.state.plan().path(spot), open.attempt);
            let Some(child) = open.run else {
                assert!(mail.starts.contains(&asked), "{asked:?}: nobody starts its child");
                continue;
            };
            assert_eq!(
                children.get(&asked),
                Some(&child),
                "{asked:?}: whose child is it?"
            );
            let is_over = self.runs[&child].state.is_finished();
            assert!(
                !is_over || mail.ends.contains(&child),
                "{asked:?}: nobody tells it that {child} has ended"
            );
        }
    }

    /// A child that nobody waits for any more, or whose parent was cancelled, is cancelled.
    fn relate_child(&self, run: RunId, watched: &Watched, mail: &Mail) {
        let Some(parent) = watched.state.parent().filter(|parent| parent.wait) else {
            return;
        };
        if watched.state.is_finished() {
            return;
        }
        let asked = asked_by(parent);
        let above = &self.runs[&parent.run];
        let is_awaited = above.state.open_children().any(|(spot, open)| {
            above.state.plan().path(spot) == parent.task && open.attempt == parent.attempt
        });
        let is_cancelled =
            |watched: &Watched| watched.has(|kind| matches!(kind, EventKind::RunCancelRequested { .. }));
        // Tasks of `finally` and `on_failure` go on although their run was cancelled.
        let shall_go_on = is_awaited && !(is_cancelled(above) && parent.task.starts_with('m'));
        assert!(
            shall_go_on
                || is_cancelled(watched)
                || mail.cancels.contains(&asked)
                || mail.starts.contains(&asked),
            "{run} goes on although {asked:?} is over\n{}",
            above.story()
        );
    }

    /// The child ended as its parent says.
    fn agree(&self, child: RunId, said: Ended, output: Option<&Payload>) {
        let Phase::Finished { outcome, outputs, .. } = self.runs[&child].state.phase() else {
            panic!("{child} is said to have ended as {said:?}, and is still at work");
        };
        assert_eq!(*outcome, said, "{child} ended as its parent says");
        if let Some(output) = output {
            let gave = outputs.clone().unwrap_or_else(Payload::null);
            assert_eq!(gave, *output, "{child} gave what its parent has");
        }
    }

    /// A result that was taken is that of an equal task run that succeeded by itself.
    fn held_before(&self, run: RunId, task: &Arc<str>, from: &CachedFrom, output: &Payload) {
        let (taker, giver) = (&self.runs[&run], &self.runs[&from.run]);
        let gave = giver.has(|kind| {
            matches!(kind, EventKind::TaskSucceeded { task, output: gave, cached_from: None, .. }
                if *task == from.task && gave == output)
        });
        assert!(
            gave,
            "{run}: {task} has what {} of {} never gave",
            from.task, from.run
        );
        assert_eq!(
            taker.cache_keys.get(task),
            giver.cache_keys.get(&from.task),
            "{run}: {task} takes the result of an equal one"
        );
        assert!(
            taker.cache_keys.contains_key(task),
            "{run}: {task} may take a result"
        );
    }

    fn relate_gates(&self, store: &dyn Store, mail: &Mail) {
        let mut at_work: BTreeMap<(Arc<str>, String), (u32, u32)> = BTreeMap::new();
        for (run, watched) in &self.runs {
            let Some(permit) = &watched.permit else { continue };
            let state = &watched.state;
            let has_begun = watched.has(|kind| matches!(kind, EventKind::RunStarted {}));
            if has_begun && !state.is_finished() {
                let of_gate = at_work.entry((Arc::clone(state.flow()), permit.key.clone()));
                of_gate.or_insert((0, permit.limit)).0 += 1;
            }
            let id = gates::id_of(state.flow(), &permit.key);
            let gate = all(block_on(store.gate(id))).gate;
            let (has_place, waits) = (gate.holders().contains(run), gate.n_before(*run).is_some());
            if state.is_finished() {
                let is_gone = !has_place && !waits || mail.releases.contains(run);
                assert!(is_gone, "{run} is over and keeps its place");
            } else if state.awaited_permit().is_some() {
                let is_seen_to = mail.asks.contains(run)
                    || mail.refusals.contains(run)
                    || state.has_returned_permit()
                    || waits
                    || has_place && mail.grants.contains(run);
                assert!(is_seen_to, "{run} is queued, and nobody knows");
            } else if has_begun {
                assert!(has_place, "{run} has begun without a place");
            }
            assert!(
                !waits || gate.holders().len() >= permit.limit as usize,
                "{run} waits although there is a place"
            );
        }
        for ((flow, key), (n, limit)) in at_work {
            assert!(n <= limit, "{n} runs of {flow} with the key {key:?} are at work");
        }
    }

    /// At the end: nothing is on its way, and who was cancelled was cancelled by somebody.
    pub(super) fn assert_settled(&self, store: &dyn Store) {
        let left = all(block_on(store.outbox(None, usize::MAX)));
        assert!(left.is_empty(), "messages are left: {left:?}");
        for (run, watched) in &self.runs {
            let is_cancelled = matches!(
                watched.state.phase(),
                Phase::Finished {
                    outcome: Ended::Cancelled,
                    ..
                }
            );
            let by_somebody = watched.has(|kind| matches!(kind, EventKind::RunCancelRequested { .. }));
            let is_left_out = watched
                .permit
                .as_ref()
                .is_some_and(|permit| permit.strategy == Strategy::Skip);
            assert!(
                !is_cancelled || by_somebody || is_left_out,
                "{run} was cancelled by nobody\n{}",
                watched.story()
            );
        }
    }
}

impl Watched {
    /// What an event says of other runs.
    pub(super) fn claims(&mut self, kind: &EventKind) -> Option<Claim> {
        let run = self.run();
        match kind {
            EventKind::TaskScheduled {
                task,
                cache_key: Some(key),
                ..
            } => drop(self.cache_keys.insert(Arc::clone(task), Arc::clone(key))),
            EventKind::ChildRequested {
                task, attempt, wait, ..
            } => drop(self.asked.insert(Arc::clone(task), (*attempt, *wait))),
            EventKind::TaskSucceeded {
                task,
                output,
                cached_from: Some(from),
                ..
            } => {
                return Some(Claim::Cached(
                    run,
                    Arc::clone(task),
                    CachedFrom::clone(from),
                    output.clone(),
                ));
            }
            EventKind::TaskSucceeded { task, output, .. } => {
                let (attempt, wait) = self.asked.get(task)?;
                let asked = (run, Arc::clone(task), *attempt);
                return wait.then(|| Claim::Child(asked, Ended::Succeeded, Some(output.clone())));
            }
            EventKind::TaskFailed { task, error, .. } | EventKind::AttemptFailed { task, error, .. } => {
                let outcome = match &*error.kind {
                    "child_failed" => Ended::Failed,
                    "child_cancelled" => Ended::Cancelled,
                    _ => return None,
                };
                let (attempt, _) = self.asked.get(task)?;
                return Some(Claim::Child((run, Arc::clone(task), *attempt), outcome, None));
            }
            _ => {}
        }
        None
    }
}

/// The place a run needs, as its creation says.
pub(super) fn permit_of(created: &EventKind) -> Option<Permit> {
    match created {
        EventKind::RunCreated { permit, .. } => permit.as_deref().cloned(),
        _ => None,
    }
}
