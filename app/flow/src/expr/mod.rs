//! Expressions and templates: Jinja, read once per flow version and rendered within limits.
//!
//! - A text that is exactly one `{{ expression }}` gives that expression's value with its type; any other text with braces gives
//!   a text, in which values that are not texts stand as compact JSON. What comes out is never read as a template again.
//! - A condition (`when`, a case of a switch) is one expression, with or without braces, and must give true or false. A list, a
//!   number or the text `"false"` is an error, not a truth: write `… | length > 0` or `… == "yes"`.
//! - What is not there is an error that says what is. A task that gave no output has the output null.
//! - Expressions are pure: no clock, no chance, no environment. They see `inputs`, `vars`, `tasks`, `run` and, in a task's own `when`,
//!   `upstream`.
//! - One field may take [`crate::limits::EXPRESSION_STEPS_MAX`] steps per expression and touch
//!   [`crate::limits::EXPRESSION_BYTES_MAX`]; its result is at most [`crate::limits::RENDER_BYTES_MAX`] long.
//!
//! How it is done: the engine's syntax tree of each expression is checked and built again with every operator that could take
//! more than constant time replaced by a function that pays for it first (`tree`); filters are wrapped in the same manner
//! (`filters`). What can hoard memory past that (macros, captured blocks, namespaces, includes) is refused with its reason.

mod check;
mod code;
mod error;
mod fields;
mod filters;
mod json;
mod meter;
mod ops;
mod program;
mod refs;
mod scope;
mod template;
mod text;
mod tree;
mod uses;

#[cfg(test)]
mod tests;

pub use code::Form;
pub use error::ExprError;
pub use fields::form_at;
pub use program::{Program, TaskProgram, WebhookProgram};
pub use refs::Refs;
pub use scope::{Delivery, RunFacts, Scope, TaskError, TaskFacts, UpstreamCounts};
pub use template::{Condition, Template};
pub use uses::{NameUse, TaskUse, Words, name_uses, preview, task_uses, words};
