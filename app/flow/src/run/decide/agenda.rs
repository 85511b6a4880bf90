//! Tasks whose join has been decided: skipped, failed for want of an argument, evaluated at once or given out.

use std::sync::Arc;

use crate::doc::Join;
use crate::expr::TaskFacts;
use crate::ids::AttemptToken;
use crate::payload::Payload;
use crate::plan::{Spot, Spread, TaskIx};
use crate::run::edges::JoinVerdict;
use crate::run::event::{CachedFrom, EventKind, Skip, TaskError};
use crate::run::state::{AttemptEnd, TaskKeys, TaskState};

use super::Decider;
use super::values::Missing;

/// What a task succeeds with.
pub(super) struct Success {
    pub(super) output: Payload,
    pub(super) case: Option<Arc<str>>,
    pub(super) exit_code: Option<i32>,
    pub(super) cached_from: Option<Box<CachedFrom>>,
}

impl Decider<'_, '_> {
    /// Decides the task at the head of the agenda. False if a large value has to be loaded first.
    pub(super) fn begin(&mut self, spot: Spot) -> bool {
        self.try_begin(spot).is_ok()
    }

    fn try_begin(&mut self, spot: Spot) -> Result<(), Missing> {
        let task = self.state.run_of(spot);
        if task.state == TaskState::Spread {
            return match self.plan.task(spot.task).spread {
                Some(Spread::Loop) => self.go_on_with_loop(spot.task),
                _ => self.go_on_with_items(spot.task),
            };
        }
        match task.attempts.last().and_then(|attempt| attempt.end.as_ref()) {
            Some(AttemptEnd::Lost) => self.after_loss(spot),
            // Its pause was over while the run was paused.
            Some(_) => self.attempt(spot),
            // What it waited for has come.
            None if spot.part.is_some() || task.started_at.is_some() => self.attempt(spot),
            None => self.try_start(spot.task),
        }
    }

    fn try_start(&mut self, ix: TaskIx) -> Result<(), Missing> {
        let task = self.state.task(ix);
        if let Some(error) = task.edge_error.clone() {
            return self.fail(ix.into(), TaskError::new("expression", error), None);
        }
        if self.state.join_verdict(ix) == Some(JoinVerdict::Skip) {
            let reason = self.skip_reason(ix);
            return self.skip(ix.into(), reason);
        }
        if let Some(result) = self.state.result_to_reuse(ix) {
            let result = result.clone();
            self.n_light += 1;
            return self.succeed(ix.into(), result.output, result.case, result.exit_code);
        }
        let judges_items = self.plan.task(ix).spread == Some(Spread::Items);
        if let Some(when) = self
            .program
            .task(&self.plan.task(ix).key)
            .and_then(|task| task.when.as_ref())
            && !(judges_items && when.refs().item)
        {
            let scope = self.scope_of(when.refs(), Some(ix), None)?;
            match when.holds(self.program, &scope) {
                Ok(true) => {}
                Ok(false) => return self.skip(ix.into(), Skip::When),
                Err(error) => return self.fail(ix.into(), TaskError::new("expression", error.message), None),
            }
        }
        match self.plan.task(ix).spread {
            Some(Spread::Items) => self.list_items(ix),
            Some(Spread::Loop) => {
                self.emit(EventKind::LoopBegun { task: self.key(ix) });
                Ok(())
            }
            None => self.attempt(ix.into()),
        }
    }

    /// Makes the next attempt at a task that may run: evaluates a light one, gives any other out.
    pub(super) fn attempt(&mut self, spot: Spot) -> Result<(), Missing> {
        if let Some(light) = self.plan.task(spot.task).light {
            return self.light(spot, light);
        }
        // Later attempts get the arguments of the first: what an attempt is given does not depend on when it is made.
        if self.state.run_of(spot).input.is_some() {
            self.schedule(spot, None, None);
            return Ok(());
        }
        let input = match self.render_with(spot)? {
            Ok(input) => input,
            Err(error) => return self.fail(spot, error, None),
        };
        let keys = match self.keys_of(spot, &input)? {
            Ok(keys) => keys,
            Err(error) => return self.fail(spot, error, None),
        };
        let input = self.store(input);
        self.schedule(spot, Some(input), keys);
        Ok(())
    }

    pub(super) fn schedule(&mut self, spot: Spot, input: Option<Payload>, keys: Option<TaskKeys>) {
        let keys = keys.unwrap_or_default();
        let token = AttemptToken(self.entropy.next());
        let task = self.state.run_of(spot);
        // A snoozed attempt goes on under its own number.
        let attempt = match task.attempts.last() {
            Some(last) if last.end == Some(AttemptEnd::Snoozed) => last.number,
            Some(last) => last.number + 1,
            None => 1,
        };
        self.emit(EventKind::TaskScheduled {
            task: self.path(spot),
            attempt,
            token,
            input,
            queue_key: keys.queue_key,
            cache_key: keys.cache_key,
        });
        self.dispatch(spot, token);
    }

    fn skip_reason(&self, ix: TaskIx) -> Skip {
        let task = self.state.task(ix);
        match (self.plan.task(ix).ups.len(), task.refused_by) {
            // With one upstream, or the join that needs all, the first refusal is the reason.
            (n, Some(upstream)) if n == 1 || self.plan.task(ix).join() == Join::All => Skip::Upstream {
                task: self.key(upstream),
            },
            _ => Skip::NoEdge,
        }
    }

    pub(super) fn skip(&mut self, spot: Spot, reason: Skip) -> Result<(), Missing> {
        let edges = self.judge_edges(spot, ("skipped", None), |_, _| {
            Ok(TaskFacts {
                state: "skipped",
                ..TaskFacts::default()
            })
        })?;
        self.emit(EventKind::TaskSkipped {
            task: self.path(spot),
            reason,
            edges,
        });
        self.fail_fast_check();
        Ok(())
    }

    pub(super) fn fail(
        &mut self,
        spot: Spot,
        error: TaskError,
        output: Option<Payload>,
    ) -> Result<(), Missing> {
        let plan = Arc::clone(&self.plan);
        let kind = Some(&*error.kind).filter(|_| plan.task(spot.task).names_failures());
        let edges = self.judge_edges(spot, ("failed", kind), |decider, output_read| {
            decider.facts_of_failure(spot.task, &error, output.as_ref().filter(|_| output_read))
        })?;
        let failed = EventKind::TaskFailed {
            task: self.path(spot),
            error,
            output,
            edges,
        };
        if spot.part.is_some() {
            self.emit_of_item(spot, failed);
            return Ok(());
        }
        self.emit(failed);
        self.fail_fast_check();
        Ok(())
    }

    pub(super) fn succeed(
        &mut self,
        spot: Spot,
        output: Payload,
        case: Option<Arc<str>>,
        exit_code: Option<i32>,
    ) -> Result<(), Missing> {
        self.succeed_as(
            spot,
            Success {
                output,
                case,
                exit_code,
                cached_from: None,
            },
        )
    }

    pub(super) fn succeed_as(&mut self, spot: Spot, success: Success) -> Result<(), Missing> {
        let Success {
            output,
            case,
            exit_code,
            cached_from,
        } = success;
        let word = case.as_deref().unwrap_or("succeeded");
        let edges = self.judge_edges(spot, (word, None), |decider, output_read| {
            decider.facts_of_success(
                spot.task,
                Some(&output).filter(|_| output_read),
                case.as_deref(),
                exit_code,
            )
        })?;
        let succeeded = EventKind::TaskSucceeded {
            task: self.path(spot),
            output,
            case,
            exit_code,
            edges,
            cached_from,
        };
        if spot.part.is_some() {
            self.emit_of_item(spot, succeeded);
        } else {
            self.emit(succeeded);
        }
        Ok(())
    }
}
