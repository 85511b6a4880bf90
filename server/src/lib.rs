//! Pointwork's server: the HTTP doors, the web app and the command line around one [`engine::Engine`].
//!
//! - [`cli`]: the command line · [`serve`]: a server put together, started and stopped · [`wire`]: connections and their limits
//! - [`api`]: REST calls, problems, what bodies and queries may hold · [`stream`]: server-sent events and WebSocket
//! - [`safety`]: which requests are let in at all · [`backend`]: the web app's port to the engine · [`site`]: its pages and files
//! - [`legacy`]: the predecessors' doors · [`docs`]: the API's description, and two pages that show it
//!
//! Handlers and server functions only translate: every write ends in the same engine calls.

mod accept;
mod api;
mod backend;
mod bench;
pub mod cli;
mod docs;
mod examples;
mod extract;
mod legacy;
mod log_lines;
mod problem;
mod run_log;
mod safety;
mod schema;
mod serve;
mod site;
mod state;
mod stream;
mod wire;

pub use docs::description;
pub use serve::{ServeOptions, Server};
