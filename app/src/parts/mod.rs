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
