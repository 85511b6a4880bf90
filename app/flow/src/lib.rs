//! Pointwork's pure core, shared by engine, server and browser.
//!
//! No async, no IO, no clock, no randomness, no global state: `now` and seeds are arguments. The same code validates a
//! flow in the editor, decides a run on the server and replays a run in the browser.
//!
//! - [`doc`]: the flow document as people write it · [`mod@validate`]: everything that is wrong with one
//! - [`plan`]: a valid document as a graph, ready to be run
//! - [`expr`]: expressions and templates · [`legacy`]: the predecessors' documents, translated
//! - [`trial`]: parts of a document, to be tried out · [`simulate`]: runs without a server
//! - [`run`]: the state machine: commands are decided into events, events are applied to states
//! - [`secrets`]: where references to secrets may stand · [`steps`]: ways into values, as authors write them · [`query`]: the language in which runs are looked for
//! - [`layout`]: where the boxes of a graph go · [`drawing`]: whether a change is one of that only · [`view`]: what lists and pages show

pub mod doc;
#[cfg(feature = "author")]
pub mod drawing;
#[cfg(feature = "author")]
pub mod expr;
#[cfg(feature = "author")]
mod fit;
#[cfg(all(any(test, feature = "testing"), feature = "author"))]
pub mod fuzzing;
pub mod gate;
pub mod ids;
#[cfg(feature = "author")]
pub mod inputs;
pub mod layout;
#[cfg(feature = "author")]
pub mod legacy;
pub mod limits;
pub mod looping;
#[cfg(feature = "author")]
pub mod parse;
pub mod payload;
pub mod plan;
pub mod problem;
pub mod query;
pub mod run;
#[cfg(feature = "author")]
pub mod schema;
pub mod secrets;
#[cfg(feature = "author")]
pub mod simulate;
pub mod steps;
#[cfg(feature = "author")]
mod suggest;
pub mod time;
pub mod trial;
#[cfg(feature = "author")]
pub mod validate;
pub mod view;

pub use doc::FlowDoc;
pub use ids::{AttemptToken, RunId};
pub use payload::{BlobRef, Payload};
pub use plan::{Plan, TaskIx};
pub use problem::{Problem, Severity};
pub use time::{HumanDuration, Timestamp};
