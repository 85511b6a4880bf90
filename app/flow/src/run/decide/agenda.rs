//! Tasks whose join has been decided: skipped, failed for want of an argument, evaluated at once or given out.

use std::sync::Arc;

use crate::doc::Join;
use crate::expr::TaskFacts;
use crate::ids::AttemptToken;
use crate::payload::Payload;
use crate::plan::TaskIx;
use crate::run::edges::JoinVerdict;
use crate::run::event::{EventKind, Skip, TaskError};
use crate::run::state::AttemptEnd;

use super::Decider;
use super::values::Missing;

impl Decider<'_, '_> {
    /// Decides the task at the head of the agenda. False if a large value has to be loaded first.
    pub(super) fn begin(&mut self, ix: TaskIx) -> bool {
        self.try_begin(ix).is_ok()
    }

    fn try_begin(&mut self, ix: TaskIx) -> Result<(), Missing> {
        let task = self.state.task(ix);
        match task.attempts.last().and_then(|attempt| attempt.end.as_ref()) {
            Some(AttemptEnd::Lost) => return self.after_loss(ix),
            // Its pause was over while the run was paused.
            Some(_) => return self.attempt(ix),
            None => {}
        }
        if let Some(error) = task.edge_error.clone() {
            return self.fail(ix, TaskError::new("expression", error), None);
        }
        if self.state.join_verdict(ix) == Some(JoinVerdict::Skip) {
            let reason = self.skip_reason(ix);
            return self.skip(ix, reason);
        }
        if let Some(when) = self
            .program
            .task(&self.plan.task(ix).key)
            .and_then(|task| task.when.as_ref())
        {
            let scope = self.scope_of(when.refs(), Some(ix), None)?;
            match when.holds(self.program, &scope) {
                Ok(true) => {}
                Ok(false) => return self.skip(ix, Skip::When),
                Err(error) => return self.fail(ix, TaskError::new("expression", error.message), None),
            }
        }
        self.attempt(ix)
    }

    /// Makes the next attempt at a task that may run: evaluates a light one, gives any other out.
    pub(super) fn attempt(&mut self, ix: TaskIx) -> Result<(), Missing> {
        if let Some(light) = self.plan.task(ix).light {
            return self.light(ix, light);
        }
        let input = match self.state.task(ix).input {
            // Later attempts get the arguments of the first: what an attempt is given does not depend on when it is made.
            Some(_) => None,
            None => match self.render_with(ix)? {
                Ok(input) => Some(self.store(input)),
                Err(error) => return self.fail(ix, error, None),
            },
        };
        self.schedule(ix, input);
        Ok(())
    }

    pub(super) fn schedule(&mut self, ix: TaskIx, input: Option<Payload>) {
        let token = AttemptToken(self.entropy.next());
        let task = self.state.task(ix);
        // A snoozed attempt goes on under its own number.
        let attempt = match task.attempts.last() {
            Some(last) if last.end == Some(AttemptEnd::Snoozed) => last.number,
            Some(last) => last.number + 1,
            None => 1,
        };
        self.emit(EventKind::TaskScheduled {
            task: self.key(ix),
            attempt,
            token,
            input,
        });
        self.dispatch(ix, token);
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

    fn skip(&mut self, ix: TaskIx, reason: Skip) -> Result<(), Missing> {
        let edges = self.judge_edges(ix, "skipped", |_, _| {
            Ok(TaskFacts {
                state: "skipped",
                ..TaskFacts::default()
            })
        })?;
        self.emit(EventKind::TaskSkipped {
            task: self.key(ix),
            reason,
            edges,
        });
        self.fail_fast_check();
        Ok(())
    }

    pub(super) fn fail(
        &mut self,
        ix: TaskIx,
        error: TaskError,
        output: Option<Payload>,
    ) -> Result<(), Missing> {
        let edges = self.judge_edges(ix, "failed", |decider, output_read| {
            decider.facts_of_failure(ix, &error, output.as_ref().filter(|_| output_read))
        })?;
        self.emit(EventKind::TaskFailed {
            task: self.key(ix),
            error,
            output,
            edges,
        });
        self.fail_fast_check();
        Ok(())
    }

    pub(super) fn succeed(
        &mut self,
        ix: TaskIx,
        output: Payload,
        case: Option<Arc<str>>,
        exit_code: Option<i32>,
    ) -> Result<(), Missing> {
        let word = case.as_deref().unwrap_or("succeeded");
        let edges = self.judge_edges(ix, word, |decider, output_read| {
            decider.facts_of_success(
                ix,
                Some(&output).filter(|_| output_read),
                case.as_deref(),
                exit_code,
            )
        })?;
        self.emit(EventKind::TaskSucceeded {
            task: self.key(ix),
            output,
            case,
            exit_code,
            edges,
        });
        Ok(())
    }
}
