//! The iterations of a `loop`: one after the other, until its condition holds.

use std::sync::Arc;

use crate::expr::{Refs, Scope};
use crate::payload::Payload;
use crate::plan::{Spot, TaskIx};
use crate::run::event::{EventKind, TaskError};
use crate::run::state::WaitsFor;
use crate::view::TaskStatus;

use super::Decider;
use super::values::Missing;

impl Decider<'_, '_> {
    /// Begins the first iteration, or decides what comes after the one that has ended.
    pub(super) fn go_on_with_loop(&mut self, ix: TaskIx) -> Result<(), Missing> {
        if self.plan.task(ix).light.is_none() {
            self.n_light += 1;
        }
        let Some(parts) = self.state.parts(ix) else {
            return Ok(());
        };
        let ended = parts.next - 1;
        match parts.status(ended) {
            _ if self.state.is_stopping(ix) => {
                self.cancel_task(ix.into(), "the run ended before its loop had");
                Ok(())
            }
            None => self.attempt(Spot::part(ix, 1)),
            Some(TaskStatus::Succeeded) => self.after_iteration(ix, ended),
            Some(_) => {
                let failed = parts.errors.get(&ended).cloned();
                let mut error = failed.unwrap_or_else(|| TaskError::new("loop", "it did not succeed"));
                error.message = format!("iteration {ended}: {}", error.message).into();
                self.fail(ix.into(), error, None)
            }
        }
    }

    fn after_iteration(&mut self, ix: TaskIx, ended: u32) -> Result<(), Missing> {
        let program = self.program;
        let plan = Arc::clone(&self.plan);
        let (Some(until), Some(doc)) = (
            program
                .task(&plan.task(ix).key)
                .and_then(|task| task.until.as_ref()),
            &plan.task(ix).doc.repeat,
        ) else {
            return Ok(());
        };
        let mut scope = self.scope_of(until.refs(), Some(ix), None)?;
        self.see_iteration(&mut scope, until.refs(), ix, (ended, ended))?;
        match until.holds(program, &scope) {
            Ok(true) => {
                let output = self.output_of_iteration(ix, ended);
                self.succeed(ix.into(), output, None, None)
            }
            Ok(false) if ended >= doc.n_most() => {
                let message =
                    format!("`until` still does not hold after {ended} iterations, the most there may be");
                self.fail(ix.into(), TaskError::new("loop", message), None)
            }
            Ok(false) => {
                let next = Spot::part(ix, ended + 1);
                match doc.pause.filter(|pause| pause.as_millis() > 0) {
                    None => self.attempt(next),
                    Some(pause) => {
                        self.emit(EventKind::TaskWaiting {
                            task: self.path(next),
                            waits_for: WaitsFor::Pause,
                            until: Some(self.now.plus(pause.as_duration())),
                            attempt: None,
                            input: None,
                            signal: None,
                        });
                        Ok(())
                    }
                }
            }
            Err(error) => self.fail(ix.into(), TaskError::new("expression", error.message), None),
        }
    }

    /// Lets expressions see the number of an iteration and what the last one gave; `seen` is both their numbers.
    pub(super) fn see_iteration(
        &mut self,
        scope: &mut Scope,
        refs: &Refs,
        ix: TaskIx,
        seen: (u32, u32),
    ) -> Result<(), Missing> {
        if refs.iteration {
            let last = self.output_of_iteration(ix, seen.1);
            let last = if refs.last {
                self.load(&last)?
            } else {
                Arc::default()
            };
            scope.iteration(seen.0, last);
        }
        Ok(())
    }

    fn output_of_iteration(&self, ix: TaskIx, iteration: u32) -> Payload {
        let output = self
            .state
            .parts(ix)
            .and_then(|parts| parts.outputs.get(&iteration));
        output.cloned().unwrap_or_else(Payload::null)
    }
}
