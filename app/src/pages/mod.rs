//! The pages.

mod flow;
mod flow_form;
mod flow_new;
mod flows;
mod inspector;
mod logs;
mod run;
mod run_follow;
mod run_tasks;
mod runs;

pub use flow::FlowPage;
pub use flow_new::NewFlowPage;
pub use flows::FlowsPage;
pub use run::RunPage;
pub use runs::RunsPage;
