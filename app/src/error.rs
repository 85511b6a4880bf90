//! What went wrong, as server functions and pages have it.

use flow::Problem;
use serde::{Deserialize, Serialize};

/// An error a person reads: what happened and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct AppError {
    /// The HTTP status it stands for.
    pub status: u16,
    /// Stable name of the kind of error, as in the API.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// For documents and inputs: everything that is wrong, with places.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

impl AppError {
    /// An error without problems.
    #[must_use]
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), problems: Vec::new() }
    }
}
