//! How long to pause before the next attempt.

use std::time::Duration;

use crate::doc::{Backoff, Jitter, RetryDoc};

/// The pause after the `n_failed`-th failed attempt; `chance` is 128 random bits.
///
/// Full and equal jitter as in Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
pub(super) fn pause(retry: &RetryDoc, n_failed: u32, chance: u128) -> Duration {
    let first = retry.first.as_millis();
    let grown = match retry.backoff {
        Backoff::Fixed => first,
        Backoff::Linear => first.saturating_mul(u64::from(n_failed)),
        Backoff::Exponential => first.saturating_mul(2_u64.saturating_pow(n_failed.saturating_sub(1))),
    };
    let whole = grown.min(retry.longest().as_millis());
    let up_to = |limit: u64| {
        if limit == 0 {
            0
        } else {
            (chance % (u128::from(limit) + 1)) as u64
        }
    };
    Duration::from_millis(match retry.jitter {
        Jitter::None => whole,
        Jitter::Equal => whole / 2 + up_to(whole - whole / 2),
        Jitter::Full => up_to(whole),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(retry: &str, chance: u128, expected: Expect) {
        let retry: RetryDoc = serde_json::from_str(retry).expect("a retry");
        let pauses: Vec<String> = (1..=6)
            .map(|n| format!("{}ms", pause(&retry, n, chance).as_millis()))
            .collect();
        expected.assert_eq(&pauses.join(" "));
    }

    #[test]
    fn pauses_grow_as_told_and_stay_below_the_limit() {
        check(
            r#"{"jitter": "none"}"#,
            0,
            expect!["1000ms 2000ms 4000ms 8000ms 16000ms 32000ms"],
        );
        check(
            r#"{"jitter": "none", "max": "5s"}"#,
            0,
            expect!["1000ms 2000ms 4000ms 5000ms 5000ms 5000ms"],
        );
        // Unless told otherwise the longest is a minute, but never less than the first.
        check(
            r#"{"jitter": "none", "first": "25s"}"#,
            0,
            expect!["25000ms 50000ms 60000ms 60000ms 60000ms 60000ms"],
        );
        check(
            r#"{"jitter": "none", "first": "5m"}"#,
            0,
            expect!["300000ms 300000ms 300000ms 300000ms 300000ms 300000ms"],
        );
        check(
            r#"{"jitter": "none", "backoff": "fixed"}"#,
            0,
            expect!["1000ms 1000ms 1000ms 1000ms 1000ms 1000ms"],
        );
        check(
            r#"{"jitter": "none", "backoff": "linear"}"#,
            0,
            expect!["1000ms 2000ms 3000ms 4000ms 5000ms 6000ms"],
        );
        check(
            r#"{"jitter": "equal"}"#,
            0,
            expect!["500ms 1000ms 2000ms 4000ms 8000ms 16000ms"],
        );
        check(
            r#"{"jitter": "full"}"#,
            700,
            expect!["700ms 700ms 700ms 700ms 700ms 700ms"],
        );
        check(
            r#"{"jitter": "full", "first": "0s"}"#,
            9,
            expect!["0ms 0ms 0ms 0ms 0ms 0ms"],
        );
    }
}
