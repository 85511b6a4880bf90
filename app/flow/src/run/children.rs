//! The runs of other flows that tasks of a run asked for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::RunId;
use crate::plan::Spot;
use crate::run::event::{ForkedFrom, ParentRun};
use crate::run::state::RunState;

/// A run that a task asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The flow's id.
    pub flow: Arc<str>,
    /// The version: that which was asked for, or once it has started that which it is pinned to.
    pub version: Option<u32>,
    /// The attempt that asked.
    pub attempt: u32,
    /// Whether the task waits for its end.
    pub wait: bool,
    /// Whether the task still does, or waits for its start.
    pub is_open: bool,
    /// The run, once it has started.
    pub run: Option<RunId>,
    /// The run that it takes results from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<Box<ForkedFrom>>,
}

/// The runs that task runs had asked for in another run, in the order of the plan. They stand for every attempt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ReusedChildren(Vec<(Spot, OldChild)>);

/// A run that what a task asks for takes results from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OldChild {
    pub(super) flow: Arc<str>,
    pub(super) version: u32,
    pub(super) fork: ForkedFrom,
}

/// All of them, in the order of the plan. Of an item only the one that is open is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Children(Vec<(Spot, Child)>);

impl Children {
    fn find(&self, spot: Spot) -> Result<usize, usize> {
        self.0.binary_search_by_key(&spot, |(spot, _)| *spot)
    }

    fn put(&mut self, spot: Spot, child: Child) {
        match self.find(spot) {
            Ok(at) => self.0[at].1 = child,
            Err(at) => self.0.insert(at, (spot, child)),
        }
    }
}

impl RunState {
    /// The task of another run that started this one.
    #[must_use]
    pub fn parent(&self) -> Option<&ParentRun> {
        self.data.parent.as_deref()
    }

    /// The run that a task run asked for last.
    #[must_use]
    pub fn child(&self, spot: Spot) -> Option<&Child> {
        let children = self.data.children.as_ref()?;
        let at = children.find(spot).ok()?;
        Some(&children.0[at].1)
    }

    /// The runs whose start or end is awaited.
    pub fn open_children(&self) -> impl Iterator<Item = (Spot, &Child)> + '_ {
        let all = self.data.children.iter().flat_map(|children| &children.0);
        all.filter(|(_, child)| child.is_open)
            .map(|(spot, child)| (*spot, child))
    }

    /// The run of this flow that a task run had asked for in another run.
    #[cfg(feature = "author")]
    pub(super) fn child_to_reuse(&self, spot: Spot, flow: &str) -> Option<&OldChild> {
        let all = &self.data.reused_children.as_ref()?.0;
        let at = all.binary_search_by_key(&spot, |(spot, _)| *spot).ok()?;
        Some(&all[at].1).filter(|old| *old.flow == *flow)
    }

    pub(super) fn child_reused(&mut self, spot: Spot, child: OldChild) {
        let all = &mut self.data.reused_children.get_or_insert_default().0;
        match all.binary_search_by_key(&spot, |(spot, _)| *spot) {
            Ok(at) => all[at].1 = child,
            Err(at) => all.insert(at, (spot, child)),
        }
    }

    pub(super) fn child_requested(&mut self, spot: Spot, child: Child) {
        self.data.children.get_or_insert_default().put(spot, child);
    }

    pub(super) fn child_started(&mut self, spot: Spot, run: RunId, version: u32) {
        if let Some(children) = &mut self.data.children
            && let Ok(at) = children.find(spot)
        {
            children.0[at].1.run = Some(run);
            children.0[at].1.version = Some(version);
        }
    }

    pub(super) fn await_no_child(&mut self, spot: Spot) {
        let Some(children) = &mut self.data.children else {
            return;
        };
        let Ok(at) = children.find(spot) else { return };
        if spot.part.is_some() {
            let (_, child) = children.0.remove(at);
            if let Some(watched) = &mut self.watched {
                watched.lets_go(spot, child.run);
            }
        } else {
            children.0[at].1.is_open = false;
        }
    }
}
