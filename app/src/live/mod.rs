//! Following what happens: the stream's client, and a run as its events make it.

pub mod link;
#[cfg(feature = "hydrate")]
pub mod patch;
pub mod run;
#[cfg(feature = "hydrate")]
pub mod stream;

pub use link::Link;
