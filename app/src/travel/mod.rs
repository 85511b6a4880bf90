//! Travel in time: a run's events, folded to any moment by the same rules as the engine's.

mod log;
mod play;
mod words;

pub use log::Log;
pub use play::Player;
pub use words::words;
