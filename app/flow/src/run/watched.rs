//! What a run forgets of an item when that settles, as it may have 100,000 of them. Its log remembers.

use crate::ids::RunId;
use crate::plan::Spot;
use crate::run::state::{RunState, TaskRun};
use crate::view::TaskRunView;

/// One item whose end is waited for while a log is read.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    spot: Spot,
    child: Option<RunId>,
    run: Option<TaskRun>,
}

impl RunState {
    /// Keeps what the next events would have the run forget of this item.
    pub fn watch(&mut self, spot: Spot) {
        self.watched = Some(Box::new(Watched {
            spot,
            child: None,
            run: None,
        }));
    }

    /// The run of the watched item, once that has settled.
    #[must_use]
    pub fn watched(&self) -> Option<&TaskRun> {
        self.watched.as_ref()?.run.as_ref()
    }

    /// The same as others see it, if the last event applied was the one that settled it.
    #[must_use]
    pub fn watched_view(&self) -> Option<TaskRunView> {
        let watched = self.watched.as_deref()?;
        let mut view = self.view_of(watched.spot, watched.run.as_ref()?);
        view.child = watched.child;
        // Of an item nothing but its attempts is dated, and whoever reads the log stops at its end.
        let begun = view.attempts.iter().find_map(|attempt| attempt.started_at);
        view.started_at = view.started_at.or(begun);
        view.finished_at = view.finished_at.or_else(|| Some(self.last_at()));
        Some(view)
    }
}

impl Watched {
    pub(super) fn settles(&mut self, spot: Spot, run: &TaskRun) {
        if self.spot == spot {
            self.run = Some(run.clone());
        }
    }

    pub(super) fn lets_go(&mut self, spot: Spot, child: Option<RunId>) {
        if self.spot == spot {
            self.child = child;
        }
    }
}
