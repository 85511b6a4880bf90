//! The place a run needs before it begins, if its flow limits how many are at work at once.

use crate::ids::RunId;
use crate::run::command::Effect;
use crate::run::event::{Ended, EventKind, RunError};
use crate::run::state::Phase;

use super::Decider;

impl Decider<'_, '_> {
    /// The run has its place. One that is held lets others have it.
    pub(super) fn granted(&mut self) {
        if *self.state.phase() != Phase::Queued {
            return;
        }
        if self.state.is_paused() {
            self.release_permit();
            self.emit(EventKind::PermitReturned {});
        } else {
            self.emit(EventKind::RunStarted {});
        }
    }

    /// Asks for another place, after the run has let others have the one that came while it was held.
    pub(super) fn ask_again(&mut self) {
        if let Some(permit) = self.state.awaited_permit().cloned() {
            self.out.effects.push(Effect::AskPermit(Box::new(permit)));
        }
    }

    /// There is no place, and the run shall not wait for one: it ends without having begun.
    pub(super) fn refused(&mut self, holders: &[RunId]) {
        if *self.state.phase() != Phase::Queued {
            return;
        }
        let by: Vec<String> = holders.iter().map(ToString::to_string).collect();
        let message = match by.as_slice() {
            [] => "other runs of the flow are at work".to_owned(),
            [one] => format!("the run {one} of the flow is at work"),
            several => format!("the runs {} of the flow are at work", several.join(", ")),
        };
        let error = RunError {
            task: None,
            kind: "skipped".into(),
            message: format!("left out: {message}").into(),
        };
        self.cut_short(Ended::Cancelled, Some(error), "the run was left out");
    }

    /// Others may have the run's place, unless they have it already.
    pub(super) fn release_permit(&mut self) {
        let data = &self.state.data;
        if let Some(permit) = data.permit.as_ref().filter(|_| !data.permit_returned) {
            let key = permit.key.clone();
            self.out.effects.push(Effect::ReleasePermit { key });
        }
    }
}
