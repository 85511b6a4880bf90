//! Pause and resume: what was begun comes to its end, timers elapse, but nothing starts.

use crate::run::command::{Effect, Rejected};
use crate::run::event::EventKind;
use crate::run::state::{Phase, TaskState};

use super::Decider;

impl Decider<'_, '_> {
    /// Holds the run. Asking twice is no fault and changes nothing.
    pub(super) fn pause(&mut self, reason: Option<String>) -> Result<(), Rejected> {
        match self.state.phase() {
            Phase::Ending { .. } => return Err(Rejected::Ending),
            _ if self.state.is_paused() => {}
            _ => {
                self.emit(EventKind::RunPaused { reason });
                self.pause_children(true);
                self.recall();
            }
        }
        Ok(())
    }

    /// Has back what was given out and waits for a worker.
    fn recall(&mut self) {
        for spot in self.spots_out() {
            if let TaskState::Ready { token } = self.state.run_of(spot).state {
                self.out.effects.push(Effect::RecallAttempt { token });
            }
        }
    }

    /// Lets the run go on: with `fail_fast` it may end at once, by a failure that came while it was held.
    pub(super) fn resume(&mut self) -> Result<(), Rejected> {
        if self.state.is_paused() {
            let has_returned = self.state.data.permit_returned;
            self.emit(EventKind::RunResumed {});
            if has_returned {
                self.ask_again();
            }
            self.pause_children(false);
            self.fail_fast_check();
        }
        Ok(())
    }
}
