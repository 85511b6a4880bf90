//! The runs that tasks of an old run had asked for, and which of them a new run takes up.
//!
//! A `subflow` task that runs again need not do all its child did again: its new child takes from the old one what holds, by the same
//! rules as the run itself.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::{BadStart, Chosen, Forking, Why};
use crate::ids::RunId;
use crate::plan::{Light, PlanTask, Spot, Spread, TaskIx};
use crate::run::command::ReusedChild;
use crate::run::event::{Event, EventKind};
use crate::view::TaskStatus;

/// The runs that tasks of a run waited for, as its log tells: of each task run the last that had started.
#[derive(Debug, Default)]
pub struct OldChildren {
    /// What was asked for and has not been told to have started: the flow, and by which attempt.
    asked: FxHashMap<Arc<str>, (Arc<str>, u32)>,
    known: FxHashMap<Arc<str>, OldChild>,
    reused: FxHashSet<Arc<str>>,
    forked_from: Option<RunId>,
}

/// A run that a task waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OldChild {
    flow: Arc<str>,
    version: u32,
    run: RunId,
}

impl OldChildren {
    /// Takes the next event of the log.
    pub fn read(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunCreated { forked_from, .. } => {
                self.forked_from = forked_from.as_ref().map(|from| from.run);
            }
            EventKind::TaskReused { task, .. } => drop(self.reused.insert(Arc::clone(task))),
            // What it was to take up, should it never have started one itself.
            EventKind::ChildReused {
                task,
                flow,
                version,
                child,
                ..
            } => {
                let child = OldChild {
                    flow: Arc::clone(flow),
                    version: *version,
                    run: *child,
                };
                self.known.insert(Arc::clone(task), child);
            }
            EventKind::ChildRequested {
                task,
                flow,
                attempt,
                wait: true,
                ..
            } => {
                self.asked.insert(Arc::clone(task), (Arc::clone(flow), *attempt));
            }
            EventKind::ChildStarted { task, child, version } => self.started(task, *child, *version),
            _ => {}
        }
    }

    /// A run that was asked for has started.
    pub fn started(&mut self, task: &Arc<str>, run: RunId, version: u32) {
        if let Some((flow, _)) = self.asked.remove(task) {
            let child = OldChild { flow, version, run };
            self.known.insert(Arc::clone(task), child);
        }
    }

    /// The paths, flows and attempts by which runs were asked for that the log knows nothing more of: the end of a quick one may have
    /// been told before its start.
    #[must_use]
    pub fn unheard_of(&self) -> Vec<(Arc<str>, Arc<str>, u32)> {
        let asked = self.asked.iter();
        asked
            .map(|(path, (flow, attempt))| (Arc::clone(path), Arc::clone(flow), *attempt))
            .collect()
    }

    /// The run whose log is to be read too, by [`OldChildren::earlier`]: results were taken from it, and so their runs are its.
    #[must_use]
    pub fn wants_earlier(&self) -> Option<RunId> {
        self.forked_from.filter(|_| !self.reused.is_empty())
    }

    /// Takes over the runs of what was taken from an earlier run.
    pub fn earlier(&mut self, earlier: Self) {
        let is_reused = |path: &Arc<str>| {
            let task = path.split(['[', '#']).next().unwrap_or_default();
            self.reused.contains(path) || self.reused.contains(task)
        };
        let taken: Vec<_> = earlier
            .known
            .into_iter()
            .filter(|(path, _)| is_reused(path) && !self.known.contains_key(path))
            .collect();
        self.known.extend(taken);
        self.reused.retain(|path| earlier.reused.contains(path));
        self.forked_from = earlier.forked_from;
    }
}

/// A path's first part, and what of it stands inside that task's child.
pub(super) fn split(from: &str) -> (&str, Option<&str>) {
    match from.split_once('/') {
        Some((head, inside)) => (head, Some(inside)),
        None => (from, None),
    }
}

impl Forking<'_> {
    /// Where inside a task's child it is to start.
    pub(super) fn chosen_inside<'f>(
        &self,
        (head, inside): (&str, &'f str),
        spot: Spot,
    ) -> Result<Option<&'f str>, BadStart> {
        let task = self.plan.task(spot.task);
        if task.light != Some(Light::Subflow) {
            return Err(BadStart::NothingInside(head.to_owned()));
        }
        match task.spread {
            // An iteration stands for its whole loop.
            Some(Spread::Loop) => return Ok(None),
            Some(Spread::Items) if spot.part.is_none() => {
                return Err(BadStart::WhichItem(head.to_owned(), inside.to_owned()));
            }
            _ => {}
        }
        if self.old_child(task, head).is_none() {
            return Err(BadStart::NoChild(head.to_owned()));
        }
        Ok(Some(inside))
    }

    /// The run that a task run had waited for, if it is of the flow that the task asks for, as far as that is known before it does.
    fn old_child(&self, task: &PlanTask, path: &str) -> Option<&OldChild> {
        let flow = task.doc.with.get("flow").and_then(Value::as_str);
        let flow = flow.filter(|flow| crate::ids::is_slug(flow));
        let child = self.children.known.get(path)?;
        flow.is_none_or(|flow| *flow == *child.flow).then_some(child)
    }

    /// Notes which old runs a task that runs again takes up: that from inside which all starts, and those that had not come to their
    /// good end. What comes after a task that runs may be meant to do all again.
    pub(super) fn take_up(
        &self,
        (ix, old): (TaskIx, Option<TaskIx>),
        (why, keeps_items): (&Why, bool),
        chosen: Option<Chosen<'_>>,
        found: &mut Vec<ReusedChild>,
    ) {
        let task = self.plan.task(ix);
        if task.light != Some(Light::Subflow) || task.spread == Some(Spread::Loop) {
            return;
        }
        let chosen = chosen.filter(|chosen| chosen.spot.task == ix);
        let was_not_done = |status: Option<TaskStatus>| {
            status.is_some_and(|status| !matches!(status, TaskStatus::Succeeded | TaskStatus::Skipped))
        };
        let mut spots: Vec<(Spot, Option<&str>)> = Vec::new();
        match (task.spread, old) {
            (None, Some(old)) => {
                let may = !matches!(why, Why::Upstream(_) | Why::New | Why::Chosen);
                if chosen.is_none() && may && was_not_done(Some(self.old.task(old).state.status())) {
                    spots.push((ix.into(), None));
                }
            }
            (Some(_), Some(old)) if keeps_items => {
                let parts = self.old.parts(old).into_iter();
                let undone = parts.flat_map(|parts| {
                    let undone = move |part: &u32| was_not_done(parts.status(*part));
                    parts.numbers().filter(undone)
                });
                let others = undone.map(|part| Spot::part(ix, part));
                let others = others.filter(|spot| chosen.is_none_or(|chosen| chosen.spot != *spot));
                spots.extend(others.map(|spot| (spot, None)));
            }
            _ => {}
        }
        spots.extend(chosen.and_then(|chosen| Some((chosen.spot, Some(chosen.inside?)))));
        spots.sort_unstable_by_key(|(spot, _)| *spot);
        found.extend(spots.into_iter().filter_map(|(spot, from)| {
            let path = self.plan.path(spot);
            let child = self.old_child(task, &path)?;
            Some(ReusedChild {
                path,
                flow: Arc::clone(&child.flow),
                version: version_said(task).unwrap_or(child.version),
                child: child.run,
                from: from.map(Into::into),
            })
        }));
    }
}

/// The version that a task names, if it is not an expression.
fn version_said(task: &PlanTask) -> Option<u32> {
    task.doc.with.get("version")?.as_u64()?.try_into().ok()
}
