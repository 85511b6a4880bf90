//! How failed attempts are made again.

use serde::{Deserialize, Serialize};

use super::OneOrMany;
use crate::time::HumanDuration;

/// The longest pause between attempts unless a document says otherwise.
const LONGEST_PAUSE: HumanDuration = HumanDuration::from_millis(60_000);

/// What happens after a failed attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RetryDoc {
    /// How many attempts at most, the first included.
    pub max_attempts: u32,
    /// How the pause grows.
    pub backoff: Backoff,
    /// The pause after the first failed attempt.
    pub first: HumanDuration,
    /// The longest pause; 1m unless given, or `first` if that is longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<HumanDuration>,
    /// How much chance is mixed into the pause.
    pub jitter: Jitter,
    /// What happens to an attempt lost with its worker or server.
    pub on_lost: OnLost,
    /// The kinds of failure that are tried again, such as `timeout`; all, unless these or `exit_codes` are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<OneOrMany>,
    /// The exit codes that are tried again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exit_codes: Vec<u8>,
}

impl RetryDoc {
    /// The longest pause.
    #[must_use]
    pub fn longest(&self) -> HumanDuration {
        self.max.unwrap_or_else(|| self.first.max(LONGEST_PAUSE))
    }

    /// Whether a failure of this kind, with this exit code, is one to be tried again.
    #[must_use]
    pub fn covers(&self, kind: &str, exit_code: Option<i32>) -> bool {
        let is_open = self.on.is_none() && self.exit_codes.is_empty();
        let kinds = self.on.iter().flat_map(OneOrMany::as_slice);
        is_open
            || kinds.into_iter().any(|covered| covered == kind)
            || exit_code.is_some_and(|code| self.exit_codes.iter().any(|covered| i32::from(*covered) == code))
    }
}

impl Default for RetryDoc {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff: Backoff::Exponential,
            first: HumanDuration::from_millis(1000),
            max: None,
            jitter: Jitter::Full,
            on_lost: OnLost::Retry,
            on: None,
            exit_codes: Vec::new(),
        }
    }
}

/// How the pause between attempts grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    /// Always the first pause.
    Fixed,
    /// First, twice the first, three times the first …
    Linear,
    /// Twice as long after each attempt.
    #[default]
    Exponential,
}

/// How much chance is mixed into a pause, so that many retries do not come at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Jitter {
    /// None: the pause is exact.
    None,
    /// Half of the pause is fixed, half is chance.
    Equal,
    /// Anything from zero to the pause.
    #[default]
    Full,
}

/// What happens to an attempt lost with its worker or server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnLost {
    /// Another attempt, not counted against `max_attempts`.
    #[default]
    Retry,
    /// The task fails: its work is begun at most once.
    Fail,
}
