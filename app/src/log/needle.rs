//! What is searched for in a log.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::group::without_mark;
use crate::ansi;

/// A text that lines are searched for, whatever their case, in what can be seen of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    /// In lower case.
    text: String,
    stream: Stream,
}

/// Which lines count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// All of them.
    #[default]
    All,
    /// What was written as an error.
    Stderr,
    /// What was written as usual.
    Stdout,
    /// Remarks of the engine.
    Engine,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::All, Self::Stderr, Self::Stdout, Self::Engine];

    /// As addresses have it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Stderr => "stderr",
            Self::Stdout => "stdout",
            Self::Engine => "engine",
        }
    }

    /// From an address; what is not known means all.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let found = Self::ALL.into_iter().find(|stream| stream.key() == key);
        found.unwrap_or_default()
    }
}

impl Needle {
    /// None if there is nothing to search for: no text, and every stream will do.
    #[must_use]
    pub fn new(text: &str, stream: Stream) -> Option<Self> {
        (!text.is_empty() || stream != Stream::All).then(|| Self {
            text: text.to_lowercase(),
            stream,
        })
    }

    /// Whether a line of this stream counts.
    #[must_use]
    pub fn takes(&self, stream: &str) -> bool {
        self.stream == Stream::All || self.stream.key() == stream
    }

    /// Whether a line's text holds it.
    #[must_use]
    pub fn is_in(&self, line: &str) -> bool {
        let plain = plain(line);
        match plain.is_ascii() {
            // Nothing is copied: a log may have a million lines.
            true => find_ascii(plain.as_bytes(), self.text.as_bytes()).is_some(),
            false => plain.to_lowercase().contains(&self.text),
        }
    }

    /// Whether a line of a stream is searched for.
    #[must_use]
    pub fn fits(&self, stream: &str, line: &str) -> bool {
        self.takes(stream) && self.is_in(line)
    }

    /// Where it is in a piece of a line, by bytes.
    #[must_use]
    pub fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        // A letter whose small form is longer would shift what follows: such text is told to be found, but not marked.
        let small = text.to_lowercase();
        if self.text.is_empty() || small.len() != text.len() {
            return places;
        }
        let mut from = 0;
        while let Some(at) = small[from..].find(&self.text) {
            let place = from + at..from + at + self.text.len();
            from = place.end;
            if text.is_char_boundary(place.start) && text.is_char_boundary(place.end) {
                places.push(place);
            }
        }
        places
    }
}

/// What can be seen of a line: without colour codes and other escape sequences, and without what says that a group begins or ends.
#[must_use]
pub fn plain(line: &str) -> Cow<'_, str> {
    let line = without_mark(line);
    if !line.contains('\u{1b}') {
        return Cow::Borrowed(line);
    }
    Cow::Owned(ansi::spans(line).into_iter().map(|span| span.text).collect())
}

fn find_ascii(line: &[u8], small: &[u8]) -> Option<usize> {
    let Some((first, rest)) = small.split_first() else {
        return Some(0);
    };
    let last = line.len().checked_sub(small.len())?;
    (0..=last).find(|at| {
        line[*at].to_ascii_lowercase() == *first
            && line[at + 1..at + small.len()]
                .iter()
                .zip(rest)
                .all(|(byte, small)| byte.to_ascii_lowercase() == *small)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, line: &str, expected: &str) {
        let Some(needle) = Needle::new(text, Stream::All) else {
            assert_eq!(expected, "nothing");
            return;
        };
        let mut out = String::new();
        let mut last = 0;
        for place in needle.places(line) {
            out += &line[last..place.start];
            out += &format!("[{}]", &line[place.clone()]);
            last = place.end;
        }
        out += &line[last..];
        assert_eq!(format!("{} {out}", needle.is_in(line)), expected);
    }

    #[test]
    fn a_text_is_found_whatever_its_case() {
        check(
            "error",
            "an Error and another ERROR",
            "true an [Error] and another [ERROR]",
        );
        check("ERR", "err", "true [err]");
        check("error", "no such thing", "false no such thing");
        check("aa", "aaaa", "true [aa][aa]");
        check("longer than", "short", "false short");
        check("", "all of them", "nothing");
    }

    #[test]
    fn letters_beyond_ascii_are_found_and_never_cut() {
        check("größe", "Die GRÖSSE, die Größe", "true Die GRÖSSE, die [Größe]");
        check("ß", "Straße", "true Stra[ß]e");
        // `İ` is longer in small letters.
        check("x", "İx", "true İx");
    }

    #[test]
    fn what_cannot_be_seen_is_not_found() {
        let line = "\u{1b}[31mred\u{1b}[0mdish";
        let is_in = |text| Needle::new(text, Stream::All).is_some_and(|needle| needle.is_in(line));
        assert!(is_in("reddish"));
        assert!(!is_in("31m"));
        check("group", "::group::Install", "false ::[group]::Install");
        check("install", "##[group]Install", "true ##[group][Install]");
        check("end", "::endgroup::", "false ::[end]group::");
    }

    #[test]
    fn a_stream_alone_is_a_search_too() {
        let needle = Needle::new("", Stream::Stderr).expect("a needle");
        assert!(needle.takes("stderr") && !needle.takes("stdout"));
        assert!(needle.is_in("anything"));
        assert_eq!(Stream::of("stdout"), Stream::Stdout);
        assert_eq!(Stream::of("?"), Stream::All);
    }
}
