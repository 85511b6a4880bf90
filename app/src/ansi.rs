//! ANSI colour codes in log lines, as spans. Pure.
//!
//! SGR sequences set weight, slant, underline and the 16, 256 and 16 million colours. Every other escape sequence (cursor
//! movement, titles, links) is taken out: a log is read, not played.

/// A colour a code asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// One of the sixteen named ones; the page's theme says what it is.
    Named(u8),
    /// Exactly this red, green and blue.
    Rgb(u8, u8, u8),
}

/// How a span of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// The text's colour.
    pub front: Option<Colour>,
    /// The colour behind it.
    pub back: Option<Colour>,
    bold: bool,
    dim: bool,
    italic: bool,
    under: bool,
    strike: bool,
    inverse: bool,
}

/// A piece of a line in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its style.
    pub style: Style,
    /// Its text.
    pub text: String,
}

impl Style {
    /// The classes of the span's element.
    #[must_use]
    pub fn class(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        if let Some(Colour::Named(n)) = self.front {
            names.push(format!("a{n}"));
        }
        if let Some(Colour::Named(n)) = self.back {
            names.push(format!("b{}", n % 8));
        }
        let flags = [
            (self.bold, "t-bold"),
            (self.dim, "t-dim"),
            (self.italic, "t-italic"),
            (self.under, "t-under"),
            (self.strike, "t-strike"),
            (self.inverse, "t-inverse"),
        ];
        names.extend(
            flags
                .into_iter()
                .filter(|(on, _)| *on)
                .map(|(_, name)| name.to_owned()),
        );
        names.join(" ")
    }

    /// The inline style for exact colours; nothing if there are none.
    #[must_use]
    pub fn css(&self) -> Option<String> {
        let part = |name: &str, colour| match colour {
            Some(Colour::Rgb(r, g, b)) => format!("{name}:#{r:02x}{g:02x}{b:02x};"),
            _ => String::new(),
        };
        // An exact colour was chosen for a terminal; behind it goes the terminal's own ground unless it brought one.
        let css = part("color", self.front) + &part("background", self.back);
        (!css.is_empty()).then_some(css)
    }

    fn apply(&mut self, codes: &[u16]) {
        let mut at = 0;
        while let Some(&code) = codes.get(at) {
            at += 1;
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                3 => self.italic = true,
                4 => self.under = true,
                7 => self.inverse = true,
                9 => self.strike = true,
                22 => (self.bold, self.dim) = (false, false),
                23 => self.italic = false,
                24 => self.under = false,
                27 => self.inverse = false,
                29 => self.strike = false,
                30..=37 => self.front = Some(Colour::Named((code - 30) as u8)),
                39 => self.front = None,
                40..=47 => self.back = Some(Colour::Named((code - 40) as u8)),
                49 => self.back = None,
                90..=97 => self.front = Some(Colour::Named((code - 82) as u8)),
                100..=107 => self.back = Some(Colour::Named((code - 92) as u8)),
                38 | 48 => {
                    let (colour, used) = extended(&codes[at..]);
                    at += used;
                    if code == 38 {
                        self.front = colour
                    } else {
                        self.back = colour
                    }
                }
                _ => {}
            }
        }
    }
}

/// What follows 38 or 48, and how many codes it took.
fn extended(codes: &[u16]) -> (Option<Colour>, usize) {
    let byte = |at: usize| codes.get(at).map(|code| (*code).min(255) as u8);
    match codes.first() {
        Some(5) => (byte(1).map(palette), 2),
        Some(2) => match (byte(1), byte(2), byte(3)) {
            (Some(r), Some(g), Some(b)) => (Some(Colour::Rgb(r, g, b)), 4),
            _ => (None, codes.len()),
        },
        _ => (None, codes.len().min(1)),
    }
}

/// The 256 colours: 16 named, a cube of 6×6×6, 24 greys.
fn palette(n: u8) -> Colour {
    match n {
        0..=15 => Colour::Named(n),
        16..=231 => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + step * 40 };
            let n = n - 16;
            Colour::Rgb(level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        232..=255 => {
            let grey = 8 + (n - 232) * 10;
            Colour::Rgb(grey, grey, grey)
        }
    }
}

/// A line as spans. A line that carries on a style from the line before is not known to: each starts plain.
#[must_use]
pub fn spans(line: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut style = Style::default();
    let mut rest = line;
    while let Some(at) = rest.find(|char: char| char.is_control() && char != '\t') {
        push(&mut spans, style, &rest[..at]);
        let tail = &rest[at..];
        rest = match tail.strip_prefix('\u{1b}') {
            Some(sequence) => escape_sequence(sequence, &mut style),
            // A lone control character says nothing a reader can see.
            None => &tail[tail.chars().next().map_or(0, char::len_utf8)..],
        };
    }
    push(&mut spans, style, rest);
    spans
}

fn push(spans: &mut Vec<Span>, style: Style, text: &str) {
    match spans.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.style == style => last.text.push_str(text),
        _ => spans.push(Span {
            style,
            text: text.to_owned(),
        }),
    }
}

/// Reads the sequence after an escape character and answers what follows it. An unfinished one takes the rest of the line.
fn escape_sequence<'a>(sequence: &'a str, style: &mut Style) -> &'a str {
    if let Some(body) = sequence.strip_prefix('[') {
        let Some(end) = body.find(|char: char| ('\u{40}'..='\u{7e}').contains(&char)) else {
            return "";
        };
        if body[end..].starts_with('m') {
            style.apply(&codes(&body[..end]));
        }
        return &body[end + 1..];
    }
    if let Some(body) = sequence.strip_prefix(']') {
        // A title or link: up to BEL or the string terminator.
        let bell = body.find('\u{7}').map(|at| (at, at + 1));
        let terminator = body.find("\u{1b}\\").map(|at| (at, at + 2));
        return match bell.into_iter().chain(terminator).min() {
            Some((_, after)) => &body[after..],
            None => "",
        };
    }
    &sequence[sequence.chars().next().map_or(0, char::len_utf8)..]
}

/// `1;38;5;208`; both `;` and `:` separate, an empty code is 0.
fn codes(body: &str) -> Vec<u16> {
    // The colon form may name a colour space between kind and colour, as in `38:2::255:0:0`.
    let body = body.replace("38:2::", "38:2:").replace("48:2::", "48:2:");
    body.split([';', ':'])
        .take(64)
        .map(|code| {
            if code.is_empty() {
                0
            } else {
                code.parse().unwrap_or(u16::MAX)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(line: &str, expected: Expect) {
        let text: String = spans(line)
            .iter()
            .map(|span| {
                format!(
                    "[{}|{}] {:?}\n",
                    span.style.class(),
                    span.style.css().unwrap_or_default(),
                    span.text
                )
            })
            .collect();
        expected.assert_eq(&text);
    }

    #[test]
    fn weights_and_the_sixteen() {
        check(
            "plain \u{1b}[1;31merror\u{1b}[0m: \u{1b}[92mok\u{1b}[39m\u{1b}[44mback\u{1b}[m.",
            expect![[r#"
                [|] "plain "
                [a1 t-bold|] "error"
                [|] ": "
                [a10|] "ok"
                [b4|] "back"
                [|] "."
            "#]],
        );
    }

    #[test]
    fn the_256_and_true_colours() {
        check(
            "\u{1b}[38;5;208ma\u{1b}[38;5;3mb\u{1b}[38;5;244mc\u{1b}[48;2;1;2;300md\u{1b}[38:2::9:8:7me",
            expect![[r#"
                [|color:#ff8700;] "a"
                [a3|] "b"
                [|color:#808080;] "c"
                [|color:#808080;background:#0102ff;] "d"
                [|color:#090807;background:#0102ff;] "e"
            "#]],
        );
    }

    #[test]
    fn other_sequences_and_broken_ones_go() {
        check(
            "\u{1b}[2K\u{1b}[1Aup\u{1b}]0;title\u{7}down\u{1b}]8;;http://x\u{1b}\\link\u{8}\u{1b}cz\tt",
            expect![[r#"
                [|] "updownlinkz\tt"
            "#]],
        );
        check(
            "left\u{1b}[31",
            expect![[r#"
            [|] "left"
        "#]],
        );
        check(
            "\u{1b}[38;2;1mx\u{1b}[38my\u{1b}[9999999mz\u{1b}",
            expect![[r#"
            [|] "xyz"
        "#]],
        );
        check("", expect![""]);
    }
}
