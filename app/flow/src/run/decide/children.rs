//! Tasks that start runs of other flows. Runs are moved by messages: what is asked of another run is an effect, what it answers a
//! command; both may be repeated.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::ids::RunId;
use crate::limits::SUBFLOW_DEPTH_MAX;
use crate::payload::Payload;
use crate::plan::Spot;
use crate::run::children::Child;
use crate::run::command::{ChildAttempt, Effect, Rejected, StartChild};
use crate::run::event::{Ended, EventKind, ParentRun, RunError, TaskError};
use crate::run::state::RunState;

use super::Decider;
use super::light::text;
use super::values::Missing;

/// The kind of error of a task whose run failed.
const CHILD_FAILED: &str = "child_failed";

/// How a child ended.
type Ending = (Ended, Option<Payload>, Option<RunError>);

impl Decider<'_, '_> {
    /// Asks for a run of the flow that a task names.
    pub(super) fn request_child(&mut self, spot: Spot, with: &Value) -> Result<(), Missing> {
        if self.depth() >= SUBFLOW_DEPTH_MAX {
            let message =
                format!("runs may start runs only {SUBFLOW_DEPTH_MAX} deep; does the flow start itself?");
            return self.fail(spot, TaskError::new("depth", message).permanent(), None);
        }
        let asked = match wanted(with) {
            Ok(wanted) => wanted,
            Err(message) => return self.fail(spot, TaskError::new("input", message).permanent(), None),
        };
        let (flow, version, inputs, wait) = asked;
        let inputs = self.store(inputs);
        let old = self.state.child_to_reuse(spot, &flow);
        // The child does what the old one did unless its task says otherwise.
        let version = version.or_else(|| Some(old?.version));
        let fork = old.map(|old| Box::new(old.fork.clone()));
        let attempt = self
            .state
            .run_of(spot)
            .attempts
            .last()
            .map_or(1, |last| last.number + 1);
        let limit = self.plan.task(spot.task).doc.timeout;
        self.emit(EventKind::ChildRequested {
            task: self.path(spot),
            attempt,
            flow: Arc::clone(&flow),
            version,
            inputs: inputs.clone(),
            wait,
            until: limit.map(|limit| self.now.plus(limit.as_duration())),
            fork,
        });
        self.start_child(spot, (flow, version, inputs));
        Ok(())
    }

    fn start_child(&mut self, spot: Spot, (flow, version, inputs): (Arc<str>, Option<u32>, Payload)) {
        let Some(child) = self.state.child(spot) else {
            return;
        };
        let parent = ParentRun {
            run: self.state.id(),
            task: self.path(spot),
            attempt: child.attempt,
            depth: self.depth() + 1,
            wait: child.wait,
        };
        let fork = child.fork.clone();
        self.out.effects.push(Effect::StartChild(Box::new(StartChild {
            flow,
            version,
            inputs,
            parent,
            fork,
        })));
    }

    fn depth(&self) -> u32 {
        self.state.parent().map_or(0, |parent| parent.depth)
    }

    /// The task run that still waits for what a message tells.
    fn waiting_parent(&self, attempt: &ChildAttempt) -> Result<(Spot, Child), Rejected> {
        let spot = self.plan.spot(&attempt.path);
        let open = spot.and_then(|spot| Some((spot, self.state.child(spot)?)));
        match open {
            Some((spot, child)) if child.is_open && child.attempt == attempt.attempt => {
                Ok((spot, child.clone()))
            }
            _ => Err(Rejected::NotWaiting(Arc::clone(&attempt.path))),
        }
    }

    pub(super) fn child_started(
        &mut self,
        attempt: &ChildAttempt,
        run: RunId,
        version: u32,
    ) -> Result<(), Rejected> {
        let (spot, child) = self.waiting_parent(attempt)?;
        match child.run {
            Some(known) if known == run => return Ok(()),
            Some(_) => return Err(Rejected::NotWaiting(Arc::clone(&attempt.path))),
            None => {}
        }
        if !child.wait {
            // Nothing more is known of it; its own page tells the rest.
            let output = json!({"run": run.to_string(), "version": version});
            let done = self.succeed(spot, output.into(), None, None);
            return self.needs_blobs(done);
        }
        self.emit(EventKind::ChildStarted {
            task: self.path(spot),
            child: run,
            version,
        });
        if self.state.is_stopped(spot) {
            self.cancel_children(false, |_, other| other == spot);
        } else if self.state.is_paused() {
            self.out.effects.push(Effect::PauseChild {
                attempt: attempt.clone(),
                child: run,
                pause: true,
            });
        }
        Ok(())
    }

    pub(super) fn child_refused(&mut self, attempt: &ChildAttempt, error: TaskError) -> Result<(), Rejected> {
        let (spot, _) = self.waiting_parent(attempt)?;
        if self.state.is_stopped(spot) {
            self.cancel_task(spot, "its run was not started");
            return Ok(());
        }
        let done = self.attempt_failed(spot, error, None);
        self.needs_blobs(done)
    }

    pub(super) fn child_ended(
        &mut self,
        attempt: &ChildAttempt,
        (run, version): (RunId, Option<u32>),
        (outcome, outputs, error): Ending,
    ) -> Result<(), Rejected> {
        let (spot, child) = self.waiting_parent(attempt)?;
        if !child.wait || child.run.is_some_and(|known| known != run) {
            return Err(Rejected::NotWaiting(Arc::clone(&attempt.path)));
        }
        // A short run ends before its start is told of. Which it was shall be known all the same.
        if let (None, Some(version)) = (child.run, version) {
            self.emit(EventKind::ChildStarted {
                task: self.path(spot),
                child: run,
                version,
            });
        }
        let done = match outcome {
            Ended::Succeeded => self.succeed(spot, outputs.unwrap_or_else(Payload::null), None, None),
            Ended::Failed => {
                let message = match error {
                    // It names the run to look at, however deep that is.
                    Some(error) if &*error.kind == CHILD_FAILED => error.message.to_string(),
                    Some(error) => format!("the run {run} failed: {}", error.message),
                    None => format!("the run {run} failed"),
                };
                self.attempt_failed(spot, TaskError::new(CHILD_FAILED, message), None)
            }
            Ended::Cancelled if self.state.is_stopped(spot) => {
                self.cancel_task(spot, "its run was cancelled");
                Ok(())
            }
            Ended::Cancelled => {
                let why = error.map_or_else(String::new, |error| format!(": {}", error.message));
                let message = format!("the run {run} was cancelled{why}");
                let error = TaskError::new("child_cancelled", message);
                self.attempt_failed(spot, error.permanent(), None)
            }
        };
        self.needs_blobs(done)
    }

    fn needs_blobs(&mut self, done: Result<(), Missing>) -> Result<(), Rejected> {
        done.map_err(|Missing| Rejected::NeedsBlobs(std::mem::take(&mut self.out.needs_blobs)))
    }

    /// The time of an attempt is up before its child's end.
    pub(super) fn child_too_late(&mut self, spot: Spot) -> Result<(), Missing> {
        self.cancel_children(false, |_, other| other == spot);
        let limit = self.plan.task(spot.task).doc.timeout;
        let limit = limit.map_or_else(String::new, |limit| format!(" than {limit}"));
        let message = format!("the run it waits for took longer{limit}");
        self.attempt_failed(spot, TaskError::new("timeout", message), None)
    }

    /// Whether a task run waits for the end of another run, and so does not end before it.
    pub(super) fn waits_for_child(&self, spot: Spot) -> bool {
        self.state
            .child(spot)
            .is_some_and(|child| child.is_open && child.wait)
    }

    /// Asks the awaited runs of some tasks to end.
    pub(super) fn cancel_children(&mut self, force: bool, of: impl Fn(&RunState, Spot) -> bool) {
        let mut asked = Vec::new();
        for (spot, child) in self.state.open_children() {
            if child.wait && of(self.state, spot) {
                let attempt = ChildAttempt {
                    path: self.path(spot),
                    attempt: child.attempt,
                };
                asked.push(Effect::CancelChild {
                    attempt,
                    flow: Arc::clone(&child.flow),
                    child: child.run,
                    force,
                });
            }
        }
        self.out.effects.append(&mut asked);
    }

    pub(super) fn pause_children(&mut self, pause: bool) {
        let awaited = self.state.open_children().filter(|(_, child)| child.wait);
        let asked = awaited.filter_map(|(spot, child)| {
            let attempt = ChildAttempt {
                path: self.path(spot),
                attempt: child.attempt,
            };
            let child = child.run?;
            Some(Effect::PauseChild {
                attempt,
                child,
                pause,
            })
        });
        let asked: Vec<Effect> = asked.collect();
        self.out.effects.extend(asked);
    }

    /// Asks again for what other runs were asked for.
    pub(super) fn recover_children(&mut self) {
        self.cancel_children(false, |state, spot| state.is_stopped(spot));
        if self.state.is_paused() {
            self.pause_children(true);
        }
        let unstarted: Vec<Spot> = self
            .state
            .open_children()
            .filter(|(spot, child)| child.run.is_none() && !self.state.is_stopped(*spot))
            .map(|(spot, _)| spot)
            .collect();
        for spot in unstarted {
            let with = self.asked_before(spot);
            if let Some(asked) = with {
                self.start_child(spot, asked);
            }
        }
    }

    /// What a task run asked for.
    fn asked_before(&self, spot: Spot) -> Option<(Arc<str>, Option<u32>, Payload)> {
        let child = self.state.child(spot)?;
        Some((
            Arc::clone(&child.flow),
            child.version,
            self.state.run_of(spot).input.clone()?,
        ))
    }

    /// The end of a run that a task waits for.
    pub(super) fn tell_parent(&mut self, finished: &EventKind) {
        let Some(parent) = self.state.data.parent.clone().filter(|parent| parent.wait) else {
            return;
        };
        if let EventKind::RunFinished {
            outcome,
            outputs,
            error,
        } = finished
        {
            self.out.effects.push(Effect::TellParent {
                parent,
                version: self.state.data.version,
                outcome: *outcome,
                outputs: outputs.clone(),
                error: error.clone(),
            });
        }
    }
}

/// The flow, version and inputs that a task's arguments ask for, and whether it waits.
fn wanted(with: &Value) -> Result<(Arc<str>, Option<u32>, Value, bool), String> {
    let flow = text(with.get("flow")).filter(|flow| crate::ids::is_slug(flow));
    let flow = flow.ok_or("`flow` must be the id of a flow")?;
    let version = match with.get("version") {
        None | Some(Value::Null) => None,
        Some(version) => {
            let number = version.as_u64().and_then(|number| u32::try_from(number).ok());
            Some(
                number
                    .filter(|number| *number > 0)
                    .ok_or("`version` is a number from 1")?,
            )
        }
    };
    let inputs = match with.get("inputs") {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(Value::Object(inputs)) => Value::Object(inputs.clone()),
        Some(_) => return Err("`inputs` is an object: a value for each input".to_owned()),
    };
    let wait = match with.get("wait") {
        None | Some(Value::Null) => true,
        Some(Value::Bool(wait)) => *wait,
        Some(_) => return Err("`wait` is true or false".to_owned()),
    };
    Ok((flow.into(), version, inputs, wait))
}
