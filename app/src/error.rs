//! What went wrong, as server functions and pages have it.

use flow::Problem;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use crate::fns::json::JsonText;

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
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            problems: Vec::new(),
        }
    }
}

/// What goes wrong between browser and server, beside what the backend says.
impl FromServerFnError for AppError {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => {
                Self::new(503, "unreachable", "The server cannot be reached. Try again.")
            }
            ServerFnErrorErr::Args(detail) | ServerFnErrorErr::MissingArg(detail) => Self::new(
                400,
                "bad_request",
                format!("The request was not understood: {detail}"),
            ),
            other => Self::new(500, "internal", other.to_string()),
        }
    }
}
