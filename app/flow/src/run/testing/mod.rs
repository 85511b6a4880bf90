//! What tests of the state machine share with tests of what is built on it: random flows, and a second, naive reading of the rules that
//! finds what a log breaks. Only there with the feature `testing`.

mod generate;
mod oracle;
mod oracle_parts;

pub use generate::{FlowSeed, TaskSeed};
pub use oracle::faults;
