//! The predecessors' doors: their documents and calls keep working.
//!
//! A document of theirs is translated to an ordinary flow, so its runs appear in the dashboard, the graph and `/api/v1` like any
//! other. At these doors flows and tasks keep the names their documents gave them, and states are the words used there:
//! `SUCCESS`, `FAILURE`, `SKIPPED`.
//!
//! [`calls`]: the calls · [`answers`]: what they answer with · [`execution`]: runs told in those words

mod answers;
mod calls;
mod execution;

pub(crate) use calls::router;
