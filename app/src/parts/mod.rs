//! Parts that several pages are made of.

#[cfg(feature = "hydrate")]
pub(crate) mod clipboard;
pub mod document;
pub mod failure;
pub mod fields;
pub mod frame;
pub mod keys;
pub mod moment;
pub mod problems;
pub mod said;
pub mod sending;
pub mod state;
pub mod submit;
pub mod tree;

pub use document::{DocumentForm, Writing};
pub use failure::{Failure, Loading};
#[cfg(all(feature = "editor", feature = "hydrate"))]
pub(crate) use frame::ADDRESS_MOVED;
pub use frame::Frame;
#[cfg(feature = "hydrate")]
pub(crate) use moment::localised;
pub use moment::{Clock, Moment, provide_clock};
pub use problems::Problems;
pub use said::Said;
pub use sending::{SendForm, Sending};
pub use state::{Badge, Counts, Strip, Tally};
pub use submit::Submit;
pub use tree::Tree;

/// Whether a dialog that said it was closed still is: it says so a moment later, when it may be open again, or another in its place.
pub(crate) fn is_closed(dialog: leptos::prelude::NodeRef<leptos::html::Dialog>) -> bool {
    use leptos::prelude::GetUntracked as _;
    let dialog = dialog.try_get_untracked().flatten();
    dialog.is_some_and(|dialog| !dialog.open())
}
