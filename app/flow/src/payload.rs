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

/// A large value on its way to the blob store.
#[cfg(feature = "author")]
#[derive(Clone, Debug, PartialEq)]
pub struct NewBlob {
    /// Its reference.
    pub blob: BlobRef,
    /// Its compact JSON.
    pub json: Arc<[u8]>,
}

#[cfg(feature = "author")]
impl Payload {
    /// Keeps a value in place or, if it is above [`crate::limits::INLINE_BYTES_MAX`], as a blob that must be made durable before
    /// anything refers to it.
    #[must_use]
    pub fn keep(value: Value) -> (Self, Option<NewBlob>) {
        if about_bytes(&value) <= crate::limits::INLINE_BYTES_MAX {
            return (value.into(), None);
        }
        let json = value.to_string();
        if json.len() <= crate::limits::INLINE_BYTES_MAX {
            return (value.into(), None);
        }
        let (payload, new) = blob_of(json);
        (payload, Some(new))
    }

    /// Keeps a value as a blob, however small it is.
    #[must_use]
    pub fn keep_apart(value: &Value) -> (Self, NewBlob) {
        blob_of(value.to_string())
    }
}

/// About the bytes of a value's compact JSON, never less but for texts that need escapes; far cheaper than writing it.
pub(crate) fn about_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 24,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| about_bytes(item) + 1).sum::<usize>(),
        Value::Object(fields) => {
            2 + fields
                .iter()
                .map(|(key, item)| key.len() + about_bytes(item) + 4)
                .sum::<usize>()
        }
    }
}

#[cfg(feature = "author")]
fn blob_of(json: String) -> (Payload, NewBlob) {
    use sha2::{Digest, Sha256};

    let blob = BlobRef {
        sha256: hex(&Sha256::digest(json.as_bytes())),
        bytes: json.len() as u64,
    };
    let new = NewBlob {
        blob: blob.clone(),
        json: json.into_bytes().into(),
    };
    (Payload::Blob(blob), new)
}

/// Bytes as hexadecimal digits, in lower case.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
