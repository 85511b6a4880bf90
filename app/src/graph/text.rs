//! How wide a text will be, roughly: an SVG text cannot shorten itself, and the server has no font at hand.

/// The width of a text in pixels at this font size, within a few percent for Latin letters.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// The text, shortened to fit, with an ellipsis if anything was cut.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut used = advance('…') * size;
    let mut out = String::new();
    for char in text.chars() {
        used += advance(char) * size;
        if used > room {
            break;
        }
        out.push(char);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

/// The text on one line, or broken between words into two; the last line is cut if it still does not fit.
pub(super) fn lines(text: &str, size: f64, room: f64) -> Vec<String> {
    if width(text, size) <= room {
        return vec![text.to_owned()];
    }
    let breaks = text.match_indices(' ').map(|(at, _)| text.split_at(at));
    let first = breaks.take_while(|(first, _)| width(first, size) <= room).last();
    match first {
        Some((first, rest)) => vec![first.to_owned(), fit(rest.trim_start(), size, room)],
        None => vec![fit(text, size, room)],
    }
}

/// The advance of a character as a part of the font size, on the wide side of Hanken Grotesk's semibold.
fn advance(char: char) -> f64 {
    match char {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | 'I' => 0.28,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | ' ' | '-' | '/' | '·' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.88,
        'A'..='Z' => 0.68,
        '0'..='9' => 0.58,
        '\u{0}'..='\u{2e7f}' => 0.57,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(fit("short", 14.0, 100.0), "short");
        assert_eq!(fit("a name that goes on and on", 14.0, 100.0), "a name that…");
        assert_eq!(fit("漢字漢字漢字漢字漢字", 14.0, 60.0), "漢字漢…");
        assert_eq!(fit("anything", 14.0, 0.0), "…");
    }

    #[test]
    fn names_take_a_second_line() {
        assert_eq!(lines("short", 14.0, 110.0), ["short"]);
        assert_eq!(
            lines("Use last known answer", 14.0, 110.0),
            ["Use last known", "answer"]
        );
        assert_eq!(
            lines("a name that goes on and on and on", 14.0, 110.0),
            ["a name that", "goes on and o…"]
        );
        assert_eq!(lines("onewordthatdoesnotend", 14.0, 60.0), ["onewo…"]);
    }
}
