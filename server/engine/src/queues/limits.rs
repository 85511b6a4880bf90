//! What may be set for a queue.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The highest number in a rate: past it, it is no limit.
const RATE_MAX: u32 = 1_000_000;

/// The highest burst of a rate.
const BURST_MAX: u32 = 1_000_000;

/// What holds for a queue. What is not said is not limited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueLimits {
    /// How many attempts may be made at once; 0 holds the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_running: Option<u32>,
    /// How many attempts may begin in a while, such as `10/s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How many of them may begin at once after a rest: 1 unless given, which spaces them evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// The same for all attempts of one `queue_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_key: Option<KeyLimits>,
    /// Whether this server makes attempts of the queue, where it has their type. False leaves all of them to workers elsewhere.
    pub local: bool,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            max_running: None,
            rate: None,
            burst: None,
            per_key: None,
            local: true,
        }
    }
}

/// What holds for each key of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyLimits {
    /// How many attempts of one key may be made at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_running: Option<u32>,
    /// How many attempts of one key may begin in a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How many of them may begin at once after a rest: 1 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

impl QueueLimits {
    /// What is wrong with them, as a field and a sentence.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let one = |burst: Option<u32>, rate: Option<Rate>| match burst {
            Some(_) if rate.is_none() => Err("a burst goes with a `rate`".to_owned()),
            Some(burst) if !(1..=BURST_MAX).contains(&burst) => {
                Err(format!("a burst is from 1 to {BURST_MAX}, not {burst}"))
            }
            _ => Ok(()),
        };
        one(self.burst, self.rate).map_err(|message| ("burst", message))?;
        let per_key = self.per_key.clone().unwrap_or_default();
        one(per_key.burst, per_key.rate).map_err(|message| ("per_key.burst", message))
    }

    pub(super) fn pace(&self) -> Option<Pace> {
        Pace::new(self.rate, self.burst)
    }

    pub(super) fn pace_per_key(&self) -> Option<Pace> {
        let per_key = self.per_key.as_ref()?;
        Pace::new(per_key.rate, per_key.burst)
    }
}

/// So many in a second, minute, hour or day: written `10/s`, `100/m`, `5/h`, `1/d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    n: u32,
    per: char,
}

impl Rate {
    fn period(self) -> Duration {
        Duration::from_secs(match self.per {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            _ => 86_400,
        })
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is no rate; write how many in a second, minute, hour or day, such as 10/s, 100/m, 5/h or 1/d",
                text.chars().take(40).collect::<String>().escape_debug()
            )
        };
        let (n, per) = text.split_once('/').ok_or_else(wrong)?;
        let n: u32 = n.trim().parse().map_err(|_| wrong())?;
        let per = match per.trim() {
            "s" => 's',
            "m" => 'm',
            "h" => 'h',
            "d" => 'd',
            _ => return Err(wrong()),
        };
        if !(1..=RATE_MAX).contains(&n) {
            return Err(format!("a rate is from 1 to {RATE_MAX}, not {n}"));
        }
        Ok(Self { n, per })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.n, self.per)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A rate with its burst, as a bucket counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// From one beginning to the next at an even pace.
    pub(super) interval: Duration,
    /// How far beginnings may run ahead of that.
    pub(super) ahead: Duration,
}

impl Pace {
    fn new(rate: Option<Rate>, burst: Option<u32>) -> Option<Self> {
        let rate = rate?;
        // Rounded up: of a pace that does not come out even, never more than it says.
        let micros = (rate.period().as_micros() as u64).div_ceil(u64::from(rate.n));
        let interval = Duration::from_micros(micros);
        Some(Self {
            interval,
            ahead: interval.saturating_mul(burst.unwrap_or(1).max(1) - 1),
        })
    }
}

/// When a rate is used up: the moment at which an even pace would have come as far as what has begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) until: Duration,
}

impl Bucket {
    /// When the next may begin.
    pub(super) fn ready_at(self, pace: Pace) -> Duration {
        self.until.saturating_sub(pace.ahead)
    }

    /// Not used up for longer than that.
    pub(super) fn at_most(self, most: Self) -> Self {
        Self {
            until: self.until.min(most.until),
        }
    }

    /// One begins now.
    pub(super) fn take(&mut self, now: Duration, pace: Pace) {
        self.until = self.until.max(now) + pace.interval;
    }

    /// Nothing is known of what began before now: all of the burst is taken for used.
    pub(super) fn used_up(now: Duration, pace: Pace) -> Self {
        Self {
            until: now + pace.ahead + pace.interval,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(json: &str, expected: Expect) {
        let told = match serde_json::from_str::<QueueLimits>(json) {
            Ok(limits) => match limits.check() {
                Ok(()) => format!(
                    "{} {:?}",
                    serde_json::to_string(&limits).expect("JSON"),
                    limits.pace()
                ),
                Err((field, message)) => format!("{field}: {message}"),
            },
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn limits_are_read() {
        check("{}", expect![[r#"{"local":true} None"#]]);
        check(
            r#"{"max_running": 0, "rate": "10/s", "burst": 3}"#,
            expect![[
                r#"{"max_running":0,"rate":"10/s","burst":3,"local":true} Some(Pace { interval: 100ms, ahead: 200ms })"#
            ]],
        );
        check(
            r#"{"rate": " 7 / m ", "per_key": {"max_running": 2, "rate": "1/d"}, "local": false}"#,
            expect![[
                r#"{"rate":"7/m","per_key":{"max_running":2,"rate":"1/d"},"local":false} Some(Pace { interval: 8.571429s, ahead: 0ns })"#
            ]],
        );
    }

    #[test]
    fn what_is_no_limit_is_told() {
        for (json, expected) in [
            (
                r#"{"rate": "10"}"#,
                expect![
                    "`10` is no rate; write how many in a second, minute, hour or day, such as 10/s, 100/m, 5/h or 1/d at line 1 column 14"
                ],
            ),
            (
                r#"{"rate": "0/s"}"#,
                expect!["a rate is from 1 to 1000000, not 0 at line 1 column 15"],
            ),
            (
                r#"{"rate": "1/week"}"#,
                expect![
                    "`1/week` is no rate; write how many in a second, minute, hour or day, such as 10/s, 100/m, 5/h or 1/d at line 1 column 18"
                ],
            ),
            (r#"{"burst": 2}"#, expect!["burst: a burst goes with a `rate`"]),
            (
                r#"{"per_key": {"rate": "1/s", "burst": 0}}"#,
                expect!["per_key.burst: a burst is from 1 to 1000000, not 0"],
            ),
            (
                r#"{"max_running": -1}"#,
                expect!["invalid value: integer `-1`, expected u32 at line 1 column 18"],
            ),
            (
                r#"{"maxrunning": 1}"#,
                expect![
                    "unknown field `maxrunning`, expected one of `max_running`, `rate`, `burst`, `per_key`, `local` at line 1 column 13"
                ],
            ),
        ] {
            check(json, expected);
        }
    }
}
