//! Moments as text: the form in which all events and pages have them. It is written and read so often that it has code of its own,
//! which the browser does with alone: it also reads how people write it, with a space, small letters or a short offset. What else the
//! library knows, such as a time zone behind the offset, is read where there is the library.

use std::fmt;

const DAY_S: i64 = 86_400;
/// The first and the last moment that are written, as the library has them.
const MICROS: std::ops::RangeInclusive<i64> = -377_705_023_201_000_000..=253_402_207_200_000_000;

/// Writes microseconds since 1970 as `2026-01-31T12:00:00.5Z`. False if they are outside the years that are written.
pub(super) fn write(micros: i64, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
    if !MICROS.contains(&micros) {
        return Ok(false);
    }
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (year, month, day) = date(seconds.div_euclid(DAY_S));
    let second = seconds.rem_euclid(DAY_S);
    if year < 0 {
        write!(f, "-{:06}", -year)?;
    } else {
        write!(f, "{year:04}")?;
    }
    let (hour, minute) = (second / 3600, second / 60 % 60);
    write!(f, "-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}", second % 60)?;
    if fraction > 0 {
        let digits = format!("{fraction:06}");
        write!(f, ".{}", digits.trim_end_matches('0'))?;
    }
    f.write_str("Z")?;
    Ok(true)
}

/// Reads `2026-01-31T12:00:00.5Z` or with an offset such as `+01:00`, `+0100` or `+01`. None for all that is written in another way or is
/// no moment.
pub(super) fn read(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let is = |at: usize, mark: u8| bytes.get(at) == Some(&mark);
    let marks = matches!(bytes.get(10), Some(b'T' | b't' | b' ')) && is(13, b':') && is(16, b':');
    if !marks {
        return None;
    }
    let day = day(bytes.get(..10)?)?;
    let (hour, minute, second) = (number(bytes, 11)?, number(bytes, 14)?, number(bytes, 17)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, end) = fraction(bytes)?;
    let offset = match bytes.get(end..)? {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, minutes) = match rest {
                [_, _, b':', _, _] => (number(rest, 0)?, number(rest, 3)?),
                [_, _, _, _] => (number(rest, 0)?, number(rest, 2)?),
                [_, _] => (number(rest, 0)?, 0),
                _ => return None,
            };
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 3600 + minutes * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let seconds = day * DAY_S + hour * 3600 + minute * 60 + second - offset;
    let micros = seconds * 1_000_000 + nanos / 1000;
    // What is finer than a microsecond is cut off towards 1970, as the library does.
    let is_cut = micros < 0 && nanos % 1000 > 0;
    Some(micros + i64::from(is_cut)).filter(|micros| MICROS.contains(micros))
}

/// Days since 1970 of a date as `2026-01-31`, if there is such a day.
pub(super) fn day(text: &[u8]) -> Option<i64> {
    let [_, _, _, _, b'-', _, _, b'-', _, _] = text else {
        return None;
    };
    let year = number(text, 0)? * 100 + number(text, 2)?;
    let (month, day) = (number(text, 5)?, number(text, 8)?);
    let is_there = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    is_there.then(|| days(year, month, day))
}

/// The number of two digits at a place.
fn number(bytes: &[u8], at: usize) -> Option<i64> {
    match bytes.get(at..at + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    }
}

/// Up to nine digits behind the seconds, in nanoseconds, and where they end.
fn fraction(bytes: &[u8]) -> Option<(i64, usize)> {
    if bytes.get(19) != Some(&b'.') {
        return Some((0, 19));
    }
    let n_digits = bytes[20..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if !(1..=9).contains(&n_digits) {
        return None;
    }
    let digits = bytes[20..20 + n_digits].iter();
    let number = digits.fold(0, |n, digit| n * 10 + i64::from(digit - b'0'));
    Some((number * 10_i64.pow(9 - n_digits as u32), 20 + n_digits))
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days in four centuries.
const ERA: i64 = 146_097;
/// Days from the first of March of the year 0 to 1970.
const TO_1970: i64 = 719_468;

/// Days since 1970 of a date of the Gregorian calendar. Years are counted from March, so that the odd day is their last (after
/// "chrono-Compatible Low-Level Date Algorithms" by Howard Hinnant).
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA + day_of_era - TO_1970
}

/// The date that is so many days after 1970, as the inverse of [`days`].
const fn date(days: i64) -> (i64, i64, i64) {
    let days = days + TO_1970;
    let era = days.div_euclid(ERA);
    let day_of_era = days.rem_euclid(ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use crate::Timestamp;
    use proptest::prelude::*;

    fn check(micros: i64) {
        let ours = Timestamp::from_micros(micros).to_string();
        match jiff::Timestamp::from_microsecond(micros) {
            Ok(theirs) => assert_eq!(ours, theirs.to_string()),
            Err(_) => assert_eq!(ours, format!("{micros}us")),
        }
        if !ours.starts_with('-') && !ours.ends_with("us") {
            assert_eq!(super::read(&ours), Some(micros));
        }
    }

    #[test]
    fn the_ends_of_time_are_those_of_the_library() {
        for edge in [
            jiff::Timestamp::MIN.as_microsecond(),
            jiff::Timestamp::MAX.as_microsecond(),
            0,
            i64::MIN,
            i64::MAX,
            951_782_400_000_000,
            -62_167_219_200_000_000,
        ] {
            (-2..=2).for_each(|near| check(edge.saturating_add(near)));
        }
    }

    #[test]
    fn what_is_no_moment_is_not_read() {
        for text in [
            "",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567891Z",
            "2026-01-01T00:00:00+100",
            "2026-01-01_00:00:00Z",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00:00Zé",
            "9999-12-31T23:59:59Z",
            "２026-01-01T00:00:00Z",
        ] {
            assert_eq!(super::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn moments_are_written_as_the_library_writes_them(micros: i64, near in -4_000_000_000_000_000_i64..4_000_000_000_000_000) {
            check(micros);
            check(near);
        }

        #[test]
        fn moments_are_read_as_the_library_reads_them(
            (year, month, day) in (0..=9999_u32, 0..=13_u32, 0..=32_u32),
            (hour, minute, second) in (0..=25_u32, 0..=61_u32, 0..=59_u32),
            between in "[Tt ]",
            behind in "(\\.[0-9]{1,9})?([Zz]|[+-][01][0-9]:[0-6][0-9]|[+-][01][0-9]([0-5][0-9])?)",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}{behind}");
            let theirs = text.parse::<jiff::Timestamp>().ok().map(|at| at.as_microsecond());
            prop_assert_eq!(super::read(&text), theirs, "{}", text);
            let day = text.get(..10).unwrap_or_default();
            prop_assert_eq!(super::day(day.as_bytes()).is_some(), day.parse::<jiff::civil::Date>().is_ok(), "{}", day);
        }
    }
}
