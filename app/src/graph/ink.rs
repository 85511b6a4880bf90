//! What a drawing shows: asked again whenever a part of a large one comes into sight.

use std::sync::Arc;

use flow::Plan;

use super::state::CardState;

/// What the cards and tracks of a graph show now.
pub trait Ink: Send + Sync {
    /// The graph.
    fn plan(&self) -> Arc<Plan>;

    /// Where a card leads: `?task=ID` is put behind it. Empty: cards lead nowhere.
    fn link(&self) -> String {
        String::new()
    }

    /// What a card of this height shows; none in a flow's drawing.
    fn card(&self, card: usize, height: f64) -> Option<CardState> {
        let _ = (card, height);
        None
    }

    /// The `data-state` of a card.
    fn key(&self, card: usize) -> &'static str {
        let _ = card;
        "plan"
    }

    /// The `data-taken` of a track.
    fn taken(&self, track: usize) -> &'static str {
        let _ = track;
        ""
    }
}

/// A flow: nothing has happened.
pub struct Blank(pub Arc<Plan>);

impl Ink for Blank {
    fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.0)
    }
}
