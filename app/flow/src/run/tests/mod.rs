//! Runs as text: a flow and a script in, what became of it out. [`script::check`] is the only place that knows the API.

mod attempts;
mod cancel;
mod children;
mod ending;
mod explain;
mod forks;
mod invariants;
mod items;
mod joins;
mod keys;
mod limits;
mod loops;
mod pause;
mod permits;
mod properties;
mod restarts;
mod samples;
mod script;
mod secrets;
mod values;
mod waits;
mod world;

use script::check;
use world::World;
