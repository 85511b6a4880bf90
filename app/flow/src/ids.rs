//! Identities: sortable run ids, attempt tokens and slugs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Timestamp;

/// Crockford's base 32: no I, L, O, U, so that an id read aloud or typed is not mistaken.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A text that is not an id of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

fn encode(value: u128, into: &mut [u8; 26]) {
    let mut rest = value;
    for slot in into.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
}

fn decode(text: &str) -> Result<u128, InvalidId> {
    if text.len() != 26 {
        return Err(InvalidId);
    }
    let mut value: u128 = 0;
    for (at, byte) in text.bytes().enumerate() {
        let digit = ALPHABET
            .iter()
            .position(|known| *known == byte.to_ascii_lowercase())
            .ok_or(InvalidId)?;
        // 26 digits hold 130 bits: the first may use only three of its five.
        if at == 0 && digit > 7 {
            return Err(InvalidId);
        }
        value = (value << 5) | digit as u128;
    }
    Ok(value)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; 26];
                encode(self.0, &mut text);
                f.write_str($prefix)?;
                f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                decode(text.strip_prefix($prefix).ok_or(InvalidId)?).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|_| {
                    serde::de::Error::custom(concat!("expected an id that starts with ", $prefix))
                })
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .examples([concat!($prefix, "01k9w3zq5r8v2m4x6c7d9e0f1g")])
                    .into()
            }
        }
    };
}

id! {
    /// One execution of a flow version. Sorts by creation: 48 bits of milliseconds, then 80 random ones.
    RunId, "run_"
}

id! {
    /// The fencing value of one attempt: 128 random bits. A report that carries another token changes nothing.
    AttemptToken, "att_"
}

impl RunId {
    /// An id for a run created at `at`; `random` gives the low 80 bits.
    #[must_use]
    pub fn new(at: Timestamp, random: u128) -> Self {
        let millis = u128::from(at.as_millis().max(0).cast_unsigned()) & 0xffff_ffff_ffff;
        Self((millis << 80) | (random & ((1 << 80) - 1)))
    }

    /// The shard that owns the run: [`crate::limits::SHARDS`] of them, for ever.
    #[must_use]
    pub fn shard(self) -> u16 {
        (self.0 % u128::from(crate::limits::SHARDS)) as u16
    }

    /// The 16 bytes in which stores keep it; they sort as the id does.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The inverse of [`RunId::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// Slugs that no flow may have: each is the address of something else (`/flows/new`, `/flows/summary`, `/api/v1/flows/validate`).
pub const RESERVED_FLOW_IDS: [&str; 3] = ["new", "summary", "validate"];

/// Whether `text` may name a flow or a task: lower case letters, digits, `-` and `_`, starting with a letter or digit.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    let ok = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    text.len() <= crate::limits::ID_BYTES_MAX
        && text.bytes().all(ok)
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_parse() {
        let id = RunId::new(Timestamp::from_millis(1_700_000_000_000), 42);
        let text = id.to_string();
        assert_eq!(text.len(), 30);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(
            "run_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<RunId>(),
            Err(InvalidId),
            "130 bits do not fit"
        );
        assert_eq!(text.replace("run_", "att_").parse::<RunId>(), Err(InvalidId));
        assert!(RunId::new(Timestamp::from_millis(1_700_000_000_001), 0) > id);
    }

    #[test]
    fn slugs() {
        for good in ["a", "nightly-orders", "task_1", "0"] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "A", "-a", "a b", "ü", "a.b"] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
