//! Values as runs hold them: small ones in place, large ones by reference.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a large value lies: content-addressed, so that equal values are kept once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlobRef {
    /// SHA-256 of the value's compact JSON, in lower-case hex.
    pub sha256: String,
    /// Length of that JSON in bytes.
    pub bytes: u64,
}

/// A task's input or output, or a run's inputs or outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The value itself.
    #[serde(rename = "value")]
    Inline(Arc<Value>),
    /// A value above [`crate::limits::INLINE_BYTES_MAX`].
    Blob(BlobRef),
}

impl Payload {
    /// JSON null.
    #[must_use]
    pub fn null() -> Self {
        Self::Inline(Arc::new(Value::Null))
    }

    /// The value, if it stands here.
    #[must_use]
    pub fn inline(&self) -> Option<&Arc<Value>> {
        match self {
            Self::Inline(value) => Some(value),
            Self::Blob(_) => None,
        }
    }

    /// The reference, if the value lies elsewhere.
    #[must_use]
    pub fn blob(&self) -> Option<&BlobRef> {
        match self {
            Self::Inline(_) => None,
            Self::Blob(blob) => Some(blob),
        }
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self::Inline(Arc::new(value))
    }
}
