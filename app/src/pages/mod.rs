//! The pages.

pub mod flow;
pub mod flow_form;
pub mod flow_new;
pub mod flows;
pub mod home;
pub mod inspector;
pub mod logs;
pub mod run;
pub mod run_actions;
pub mod run_answer;
pub mod run_follow;
pub mod run_items;
pub mod run_retry;
pub mod run_tasks;
pub mod run_why;
pub mod runs;

pub use flow::FlowPage;
pub use flow_new::NewFlowPage;
pub use flows::FlowsPage;
pub use home::HomePage;
pub use run::RunPage;
pub use runs::RunsPage;
