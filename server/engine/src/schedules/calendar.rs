//! When a schedule is due: a cron pattern on the clocks of a time zone, with a say about hours those clocks skip or repeat.
//!
//! The pattern is matched on wall clocks as if they never jumped; each match is then looked up on the zone's real clock. In the rare
//! days on which that clock jumps a match may have no moment or two, and the schedule's policies decide. Time zones come with the
//! binary, so that two machines never disagree.

use croner::Cron;
use croner::parser::CronParser;
use flow::Timestamp;
use flow::doc::{Doubled, Missing};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, ToSpan};

/// A moment at which a schedule is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fire {
    /// When.
    pub at: Timestamp,
    /// What is odd about it.
    pub oddity: Option<Oddity>,
}

/// What is odd about a fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Its time of day was skipped by the clocks; it comes as they jump.
    Moved,
    /// The first of two moments with this time of day.
    First,
    /// The second of them.
    Second,
}

/// Why a schedule cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// The pattern cannot be read.
    #[error("`{pattern}` is no cron pattern: {why}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// No such time zone.
    #[error("there is no time zone `{0}`; write it like Europe/Berlin or UTC")]
    Zone(String),
    /// The pattern matches no day, such as the 30th of February.
    #[error("`{0}` is never due")]
    Never(String),
}

/// A pattern on the clocks of a zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    cron: Cron,
    zone: TimeZone,
    missing: Missing,
    doubled: Doubled,
}

/// How far clocks jump at most, with room to spare.
const JUMP_HOURS_MAX: i64 = 26;

/// Matches looked at around a jump of the clocks; a pattern with a match each second has more, and then nothing is lost but order.
const MATCHES_MAX: usize = 200_000;

impl Calendar {
    /// Reads a pattern. Unless told otherwise, a pattern for each hour keeps its rhythm over jumps of the clocks, and one for certain
    /// hours is due once for each of them.
    ///
    /// # Errors
    /// [`BadSchedule`].
    pub fn new(
        pattern: &str,
        zone: &str,
        missing: Option<Missing>,
        doubled: Option<Doubled>,
    ) -> Result<Self, BadSchedule> {
        let cron = CronParser::new()
            .parse(pattern)
            .map_err(|error| BadSchedule::Pattern {
                pattern: pattern.to_owned(),
                why: error.to_string(),
            })?;
        let zone = TimeZone::get(zone).map_err(|_| BadSchedule::Zone(zone.to_owned()))?;
        let is_rhythm = has_each_hour(pattern);
        let calendar = Self {
            cron,
            zone,
            missing: missing.unwrap_or(if is_rhythm { Missing::Skip } else { Missing::After }),
            doubled: doubled.unwrap_or(if is_rhythm { Doubled::Both } else { Doubled::First }),
        };
        if calendar.next(Timestamp::from_micros(0)).is_none() {
            return Err(BadSchedule::Never(pattern.to_owned()));
        }
        Ok(calendar)
    }

    /// The first fire after a moment; `None` if there is none before the end of the calendar.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Fire> {
        let start = jiff::Timestamp::from_microsecond(after.as_micros()).ok()?;
        let wall = self.zone.to_datetime(start);
        let first = self.next_match(wall, false)?;
        if self.is_steady(start, first) {
            let at = self.zone.to_timestamp(first).ok()?;
            return Some(Fire {
                at: Timestamp::from_micros(at.as_microsecond()),
                oddity: None,
            });
        }
        self.next_near_jump(start, wall)
    }

    /// Fires after a moment, at most `n`.
    #[must_use]
    pub fn upcoming(&self, after: Timestamp, n: usize) -> Vec<Fire> {
        std::iter::successors(self.next(after), |fire| self.next(fire.at))
            .take(n)
            .collect()
    }

    /// What the zone's clocks show at a moment, as `2026-03-29T03:00:00+02:00`.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> String {
        match jiff::Timestamp::from_microsecond(at.as_micros()) {
            Ok(moment) => {
                let there = moment.to_zoned(self.zone.clone());
                there.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
            }
            Err(_) => at.to_string(),
        }
    }

    fn next_match(&self, wall: DateTime, inclusive: bool) -> Option<DateTime> {
        self.cron.find_next_occurrence(&wall, inclusive).ok()
    }

    /// Whether the clocks do not jump around the way from one moment to the other.
    fn is_steady(&self, start: jiff::Timestamp, until: DateTime) -> bool {
        let margin: Span = JUMP_HOURS_MAX.hours();
        let (Ok(from), Ok(to)) = (
            start.checked_sub(margin),
            self.zone
                .to_timestamp(until)
                .and_then(|at| at.checked_add(margin)),
        ) else {
            return false;
        };
        self.zone
            .following(from)
            .next()
            .is_none_or(|jump| jump.timestamp() > to)
    }

    /// Clocks that jump back repeat an hour, so moments do not follow the order of matches: all matches around are looked at.
    fn next_near_jump(&self, start: jiff::Timestamp, wall: DateTime) -> Option<Fire> {
        let margin: Span = JUMP_HOURS_MAX.hours();
        let mut best: Option<(jiff::Timestamp, Option<Oddity>)> = None;
        let mut next = self.next_match(wall.checked_sub(margin).ok()?, true);
        for _ in 0..MATCHES_MAX {
            let Some(at) = next else { break };
            let is_past_best = best.is_some_and(|(best, _)| {
                let best = self.zone.to_datetime(best);
                best.checked_add(margin).is_ok_and(|last| at > last)
            });
            if is_past_best {
                break;
            }
            for (moment, oddity) in self.moments(at).into_iter().flatten() {
                if moment > start && best.is_none_or(|(best, _)| moment < best) {
                    best = Some((moment, oddity));
                }
            }
            next = self.next_match(at, false);
        }
        let (at, oddity) = best?;
        Some(Fire {
            at: Timestamp::from_micros(at.as_microsecond()),
            oddity,
        })
    }

    /// The moments at which the zone's clock shows a time: none, one or two.
    fn moments(&self, wall: DateTime) -> [Option<(jiff::Timestamp, Option<Oddity>)>; 2] {
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => [ambiguous.compatible().ok().map(|at| (at, None)), None],
            AmbiguousOffset::Gap { .. } => {
                let jump = ambiguous
                    .later()
                    .ok()
                    .and_then(|later| self.zone.preceding(later).next())
                    .map(|jump| (jump.timestamp(), Some(Oddity::Moved)));
                [jump.filter(|_| self.missing == Missing::After), None]
            }
            AmbiguousOffset::Fold { .. } => {
                let first = ambiguous.earlier().ok().map(|at| (at, Some(Oddity::First)));
                let second = self
                    .zone
                    .to_ambiguous_timestamp(wall)
                    .later()
                    .ok()
                    .map(|at| (at, Some(Oddity::Second)));
                [
                    first.filter(|_| self.doubled != Doubled::Second),
                    second.filter(|_| self.doubled != Doubled::First),
                ]
            }
        }
    }
}

/// Whether the pattern is for every hour, or every second or third of them, rather than for certain ones.
fn has_each_hour(pattern: &str) -> bool {
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    let hour = match fields.as_slice() {
        [nickname] => return nickname.eq_ignore_ascii_case("@hourly"),
        [_, hour, _, _, _] | [_, _, hour, _, _, _, ..] => hour,
        _ => return false,
    };
    hour.starts_with('*')
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// The fires of `PATTERN in ZONE [missing WORD] [doubled WORD] from TIME`, one a line with its time of day there.
    fn check(text: &str, n: usize, expected: Expect) {
        let (pattern, rest) = text.split_once(" in ").expect("a zone");
        let words: Vec<&str> = rest.split(' ').collect();
        let after = |word: &str| words.iter().position(|w| *w == word).map(|at| words[at + 1]);
        let missing = after("missing").map(|word| {
            if word == "skip" {
                Missing::Skip
            } else {
                Missing::After
            }
        });
        let doubled = after("doubled").map(|word| match word {
            "first" => Doubled::First,
            "second" => Doubled::Second,
            _ => Doubled::Both,
        });
        let shown = match Calendar::new(pattern, words[0], missing, doubled) {
            Ok(calendar) => {
                let from = after("from").expect("a time").parse().expect("a time");
                let line = |fire: &Fire| {
                    let at = jiff::Timestamp::from_microsecond(fire.at.as_micros()).expect("in range");
                    let there = calendar.zone.to_datetime(at);
                    let odd = fire.oddity.map_or(String::new(), |odd| format!(" {odd:?}"));
                    format!("{} = {there}{odd}\n", fire.at)
                };
                calendar.upcoming(from, n).iter().map(line).collect()
            }
            Err(error) => format!("{error}\n"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn ordinary_days_have_each_time_once() {
        check(
            "30 2 * * MON-FRI in Europe/Berlin from 2026-11-20T00:00:00Z",
            3,
            expect![[r#"
                2026-11-20T01:30:00Z = 2026-11-20T02:30:00
                2026-11-23T01:30:00Z = 2026-11-23T02:30:00
                2026-11-24T01:30:00Z = 2026-11-24T02:30:00
            "#]],
        );
        check(
            "*/20 9 1 * * in UTC from 2026-01-01T09:20:00Z",
            3,
            expect![[r#"
            2026-01-01T09:40:00Z = 2026-01-01T09:40:00
            2026-02-01T09:00:00Z = 2026-02-01T09:00:00
            2026-02-01T09:20:00Z = 2026-02-01T09:20:00
        "#]],
        );
        check(
            "0 0 29 2 * in UTC from 2026-01-01T00:00:00Z",
            2,
            expect![[r#"
            2028-02-29T00:00:00Z = 2028-02-29T00:00:00
            2032-02-29T00:00:00Z = 2032-02-29T00:00:00
        "#]],
        );
        check(
            "@daily in America/New_York from 2026-01-01T00:00:00Z",
            2,
            expect![[r#"
                2026-01-01T05:00:00Z = 2026-01-01T00:00:00
                2026-01-02T05:00:00Z = 2026-01-02T00:00:00
            "#]],
        );
        check(
            "15 30 12 * * * in Asia/Kolkata from 2026-01-01T00:00:00Z",
            1,
            expect![[r#"
                2026-01-01T07:00:15Z = 2026-01-01T12:30:15
            "#]],
        );
    }

    #[test]
    fn a_time_the_clocks_skip_comes_as_they_jump_or_not_at_all() {
        check(
            "30 2 * * * in Europe/Berlin from 2026-03-28T00:00:00Z",
            3,
            expect![[r#"
                2026-03-28T01:30:00Z = 2026-03-28T02:30:00
                2026-03-29T01:00:00Z = 2026-03-29T03:00:00 Moved
                2026-03-30T00:30:00Z = 2026-03-30T02:30:00
            "#]],
        );
        check(
            "30 2 * * * in Europe/Berlin missing skip from 2026-03-28T00:00:00Z",
            2,
            expect![[r#"
                2026-03-28T01:30:00Z = 2026-03-28T02:30:00
                2026-03-30T00:30:00Z = 2026-03-30T02:30:00
            "#]],
        );
        check(
            "*/30 * * * * in Europe/Berlin from 2026-03-29T00:20:00Z",
            4,
            expect![[r#"
                2026-03-29T00:30:00Z = 2026-03-29T01:30:00
                2026-03-29T01:00:00Z = 2026-03-29T03:00:00
                2026-03-29T01:30:00Z = 2026-03-29T03:30:00
                2026-03-29T02:00:00Z = 2026-03-29T04:00:00
            "#]],
        );
        check(
            "*/30 2 * * * in Europe/Berlin from 2026-03-29T00:20:00Z",
            2,
            expect![[r#"
                2026-03-29T01:00:00Z = 2026-03-29T03:00:00 Moved
                2026-03-30T00:00:00Z = 2026-03-30T02:00:00
            "#]],
        );
        // A whole day was skipped there.
        check(
            "0 9 30 12 * in Pacific/Apia from 2011-01-01T00:00:00Z",
            2,
            expect![[r#"
                2011-12-30T10:00:00Z = 2011-12-31T00:00:00 Moved
                2012-12-29T19:00:00Z = 2012-12-30T09:00:00
            "#]],
        );
    }

    #[test]
    fn a_time_the_clocks_repeat_comes_as_often_as_wanted() {
        check(
            "30 2 * * * in Europe/Berlin from 2026-10-24T12:00:00Z",
            2,
            expect![[r#"
                2026-10-25T00:30:00Z = 2026-10-25T02:30:00 First
                2026-10-26T01:30:00Z = 2026-10-26T02:30:00
            "#]],
        );
        check(
            "30 2 * * * in Europe/Berlin doubled second from 2026-10-24T12:00:00Z",
            2,
            expect![[r#"
                2026-10-25T01:30:00Z = 2026-10-25T02:30:00 Second
                2026-10-26T01:30:00Z = 2026-10-26T02:30:00
            "#]],
        );
        check(
            "30 2 * * * in Europe/Berlin doubled both from 2026-10-24T12:00:00Z",
            3,
            expect![[r#"
                2026-10-25T00:30:00Z = 2026-10-25T02:30:00 First
                2026-10-25T01:30:00Z = 2026-10-25T02:30:00 Second
                2026-10-26T01:30:00Z = 2026-10-26T02:30:00
            "#]],
        );
        check(
            "*/30 * * * * in Europe/Berlin from 2026-10-24T23:50:00Z",
            6,
            expect![[r#"
                2026-10-25T00:00:00Z = 2026-10-25T02:00:00 First
                2026-10-25T00:30:00Z = 2026-10-25T02:30:00 First
                2026-10-25T01:00:00Z = 2026-10-25T02:00:00 Second
                2026-10-25T01:30:00Z = 2026-10-25T02:30:00 Second
                2026-10-25T02:00:00Z = 2026-10-25T03:00:00
                2026-10-25T02:30:00Z = 2026-10-25T03:30:00
            "#]],
        );
        check(
            "*/30 * * * * in Europe/Berlin doubled first from 2026-10-24T23:50:00Z",
            4,
            expect![[r#"
                2026-10-25T00:00:00Z = 2026-10-25T02:00:00 First
                2026-10-25T00:30:00Z = 2026-10-25T02:30:00 First
                2026-10-25T02:00:00Z = 2026-10-25T03:00:00
                2026-10-25T02:30:00Z = 2026-10-25T03:30:00
            "#]],
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_reason() {
        check(
            "61 * * * * in UTC",
            1,
            expect![[r#"
            `61 * * * *` is no cron pattern: Component error: Number out of bounds.
        "#]],
        );
        check(
            "often in UTC",
            1,
            expect![[r#"
            `often` is no cron pattern: Invalid pattern: Pattern must have between 5 and 7 fields.
        "#]],
        );
        check(
            "0 0 30 2 * in UTC",
            1,
            expect![[r#"
            `0 0 30 2 *` is never due
        "#]],
        );
        check(
            "0 0 * * * in Middle/Earth",
            1,
            expect![[r#"
            there is no time zone `Middle/Earth`; write it like Europe/Berlin or UTC
        "#]],
        );
    }
}
