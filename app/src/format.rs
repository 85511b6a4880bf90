//! Numbers, durations and moments as people read them. Pure: the same text on server and browser.

use flow::Timestamp;

/// A length of time, as short as it can be and still be told apart: `340 ms`, `2.1 s`, `42 s`, `4m 12s`, `1h 03m`, `2d 4h`.
#[must_use]
pub fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match millis {
        0 => "<1 ms".to_owned(),
        1..1000 => format!("{millis} ms"),
        1000..10_000 => format!("{}.{} s", seconds, millis % 1000 / 100),
        10_000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600_000..86_400_000 => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A running clock: whole seconds only, so that a label ticks evenly.
#[must_use]
pub fn ticking(millis: u64) -> String {
    if millis < 60_000 {
        format!("{} s", millis / 1000)
    } else {
        duration(millis)
    }
}

/// Milliseconds from `start` to `end`; none if it went backwards.
#[must_use]
pub fn span(start: Timestamp, end: Timestamp) -> u64 {
    u64::try_from(end.since(start).as_millis()).unwrap_or(u64::MAX)
}

/// A moment in UTC, `2026-01-31 12:00:05 UTC`.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) if text.as_bytes().get(10) == Some(&b'T') => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// A count of bytes: `512 B`, `1.4 KiB`, `3.0 MiB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64;
    let mut unit = "";
    for name in UNITS {
        value /= 1024.0;
        unit = name;
        if value < 1023.95 {
            break;
        }
    }
    format!("{value:.1} {unit}")
}

/// `1 task`, `2 tasks`; thousands are set apart.
#[must_use]
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// `12,345`.
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The tail of a run's id, which is what tells runs of one minute apart.
#[must_use]
pub fn short_id(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}

/// A text safe inside HTML and SVG, in elements and in quoted attributes. Characters XML does not allow are left out.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(char),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(char),
        }
    }
    out
}

/// A text as the inner HTML of a `<textarea>`. Leptos writes the children of one as they are, so that a text with `</textarea>` in
/// it would go on as HTML of the page; and browsers swallow a line break at its very beginning.
#[must_use]
pub fn in_textarea(text: &str) -> String {
    let start = if text.starts_with('\n') { "\n" } else { "" };
    format!("{start}{}", escape(text))
}

/// A text as a part of an address: everything but letters, digits and `-_.~` percent-encoded.
#[must_use]
pub fn url_part(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
            }
        }
    }
    out
}

/// A version of a flow as people call it: a document that was tried out has no number they know.
#[must_use]
pub fn version(version: u32) -> String {
    match flow::trial::is_trial(version) {
        true => "unpublished".to_owned(),
        false => version.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            (0, "<1 ms"),
            (999, "999 ms"),
            (1000, "1.0 s"),
            (9999, "9.9 s"),
            (10_000, "10 s"),
            (59_999, "59 s"),
            (60_000, "1m 00s"),
            (252_000, "4m 12s"),
            (3_780_000, "1h 03m"),
            (187_200_000, "2d 4h"),
        ];
        for (millis, expected) in cases {
            assert_eq!(duration(millis), expected);
        }
        assert_eq!(ticking(1_999), "1 s");
        assert_eq!(ticking(61_000), "1m 01s");
        assert_eq!(span(Timestamp::from_millis(2000), Timestamp::from_millis(500)), 0);
    }

    #[test]
    fn moments_bytes_and_counts() {
        assert_eq!(
            moment(Timestamp::from_micros(1_767_225_600_123_000)),
            "2026-01-01 00:00:00 UTC"
        );
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ];
        for (n, expected) in cases {
            assert_eq!(bytes(n), expected);
        }
        assert_eq!(count(1, "task", "tasks"), "1 task");
        assert_eq!(count(1_234_567, "task", "tasks"), "1,234,567 tasks");
        assert_eq!(short_id("run_01k9w3zq5r8v2m4x6c7d9e0f1g"), "7d9e0f1g");
        assert_eq!(short_id("ü"), "ü");
    }

    #[test]
    fn texts_stay_texts() {
        assert_eq!(
            escape("<a href='x' \"&\u{0}\u{1b}>"),
            "&lt;a href=&#39;x&#39; &quot;&amp;&gt;"
        );
        assert_eq!(in_textarea("\n</textarea>"), "\n\n&lt;/textarea&gt;");
        assert_eq!(url_part("a b/ü#1[2]"), "a%20b%2F%C3%BC%231%5B2%5D");
    }
}
