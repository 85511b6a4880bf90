//! What the first page and the list of runs ask: runs by a query and how many there are, what needs people, statistics by time,
//! saved views, what is due, and commands to many runs at once.

mod agenda;
mod attention;
mod bulk;
mod grid;
mod search;
mod views;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::Timestamp;
use parking_lot::Mutex;

pub(crate) use self::attention::note_asking;
pub use self::bulk::{BULK_CONFIRM_ABOVE, BULK_RUNS_MAX, BulkCommand, NewBulk};
pub(crate) use self::bulk::{BULK_KEPT_FOR, go_on as go_on_with_bulks};
pub(crate) use self::windows::fold_old;

/// What 95 of a hundred succeeded runs of a flow did not exceed, by flow, in milliseconds.
type UsualMs = BTreeMap<String, u64>;

/// What is kept at hand for it.
#[derive(Default)]
pub(crate) struct Board {
    /// What 95 of a hundred succeeded runs of each flow did not exceed, and when that was read.
    usual: Mutex<Option<(Timestamp, Arc<UsualMs>)>>,
}
