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
mod oracle;
mod oracle_parts;
mod pause;
mod properties;
mod restarts;
mod samples;
mod script;
mod values;
mod waits;
mod world;

use script::check;
use world::World;
