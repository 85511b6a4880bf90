//! The first page and the grids of flows as text: made on the server only, so that no browser has to load the code for it. What lives
//! in them is little: [`crate::live::patch`] puts what has changed in place.
//!
//! Each part is named by `data-part`; a part of rows has `data-rows`, and its rows `data-key`. Every number is a link to exactly the
//! runs that it counts.

mod agenda;
mod calendar;
mod grid;
mod home;
mod html;
mod needs;
mod strips;
#[cfg(test)]
mod tests;
mod tiles;

use flow::Timestamp;
use flow::view::board::{AgendaView, AttentionView, WindowView};
use flow::view::{FlowSummary, RunSummary};

pub use self::grid::{grid, grid_chunk};
pub use self::home::home;
pub use self::tiles::window_panel;

/// Everything the first page shows.
#[derive(Clone, Debug)]
pub struct HomeData {
    /// The server's clock.
    pub now: Timestamp,
    /// Statistics over all flows.
    pub window: WindowView,
    /// What needs people.
    pub attention: AttentionView,
    /// The flows that ran last, with their last runs.
    pub flows: Vec<FlowSummary>,
    /// Whether there are more.
    pub has_more_flows: bool,
    /// What is due.
    pub agenda: AgendaView,
    /// The newest runs.
    pub recent: Vec<RunSummary>,
}
