//! The predecessors' doors: their documents and calls keep working.
//!
//! A document of theirs is translated to an ordinary flow, so its runs appear in the dashboard, the graph and `/api/v1` like any
//! other. At these doors tasks keep their original names, and states are their words: `SUCCESS`, `FAILURE`, `SKIPPED`.

mod answers;
mod calls;

pub use answers::{Execution, ExecutionTask, FlowEntry, FlowsSummary, Info};
pub use calls::{api_info, flow_list, flows_summary, router};
