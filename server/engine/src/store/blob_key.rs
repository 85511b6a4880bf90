//! The key under which stores keep a large value.

use flow::BlobRef;

use super::{BlobKey, StoreError, StoreResult};

/// The 32 bytes of a reference; `None` if it is not 64 hexadecimal digits.
pub(super) fn key_of(blob: &BlobRef) -> Option<BlobKey> {
    key_of_digits(blob.sha256.as_bytes())
}

/// The same from the digits alone.
pub(super) fn key_of_digits(digits: &[u8]) -> Option<BlobKey> {
    let mut key = [0; 32];
    if digits.len() != 2 * key.len() {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(key)
}

/// The same for a value about to be kept. Its length is compared, its hash is not: that costs as much as the writing.
pub(super) fn key_for(blob: &BlobRef, value: &[u8]) -> StoreResult<BlobKey> {
    let key = key_of(blob).filter(|_| blob.bytes == value.len() as u64);
    key.ok_or_else(|| {
        StoreError::Unavailable(format!(
            "a value of {} bytes does not fit its reference `{}` ({} bytes)",
            value.len(),
            blob.sha256,
            blob.bytes
        ))
    })
}
