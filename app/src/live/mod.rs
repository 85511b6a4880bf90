//! Following what happens: the stream's client, and a run as its events make it.

#[cfg(feature = "hydrate")]
mod batch;
#[cfg(any(feature = "hydrate", test))]
pub mod board;
#[cfg(any(feature = "hydrate", test))]
pub mod frames;
#[cfg(feature = "hydrate")]
mod hub;
pub mod link;
#[cfg(feature = "hydrate")]
pub mod patch;
pub mod run;
#[cfg(feature = "hydrate")]
pub mod stream;

pub use link::Link;
