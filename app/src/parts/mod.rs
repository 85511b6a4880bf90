//! Parts that several pages are made of.

mod failure;
mod frame;
mod moment;
mod problems;
mod state;

pub use failure::{Failure, Loading, failed_post};
pub use frame::Frame;
pub use moment::{Clock, Moment, provide_clock};
pub use problems::Problems;
pub use state::{Badge, Counts, Strip, Tally};
