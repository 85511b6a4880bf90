//! Texts and numbers in the style they were written in.

use std::ops::Range;

use flow::parse::Format;
use flow::parse::pieces::{Piece, Scalar, Style, outline};
use serde_json::Value;

use super::style::DocStyle;
use crate::change::Patch;

/// The ways to write a scalar in the place of another, the nearest to how that one was written first.
pub(super) fn ways(style: &DocStyle, old: Style, value: &Value, is_bracketed: bool) -> Vec<String> {
    if style.format == Format::Json {
        return vec![value.to_string()];
    }
    let Value::String(text) = value else {
        return vec![value.to_string()];
    };
    let mut ways = Vec::new();
    match old {
        Style::Single if !text.chars().any(char::is_control) => {
            ways.push(format!("'{}'", text.replace('\'', "''")));
        }
        Style::Double => ways.push(Value::from(text.as_str()).to_string()),
        Style::Plain if is_plain(text, is_bracketed) => ways.push(text.clone()),
        _ => {}
    }
    ways.push(style.ink.line(value));
    ways.push(Value::from(text.as_str()).to_string());
    ways
}

/// Whether a text may stand without quotes, for every reader of YAML.
fn is_plain(text: &str, is_bracketed: bool) -> bool {
    let is_word = matches!(
        text.to_ascii_lowercase().as_str(),
        "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if is_word || text.contains('\n') || text.trim() != text {
        return false;
    }
    let probe = if is_bracketed {
        format!("[{text}]\n")
    } else {
        format!("- {text} # end\n")
    };
    outline(&probe, Format::Yaml).is_ok_and(|read| read.value == serde_json::json!([text]))
}

/// Replaces bytes of what a scalar says where they are written; nothing if they cannot be found there one by one.
pub(super) fn splice(text: &str, piece: &Piece, edits: &[(Range<usize>, String)]) -> Option<Vec<Patch>> {
    let scalar = piece.scalar()?;
    let places = places(&text[piece.start..piece.end], scalar)?;
    edits
        .iter()
        .map(|(range, new)| {
            let (start, end) = (*places.get(range.start)?, *places.get(range.end)?);
            let new = match scalar.style {
                Style::Single => new.replace('\'', "''"),
                Style::Double => new.replace('\\', "\\\\").replace('"', "\\\""),
                _ => new.clone(),
            };
            Some(Patch::new(piece.start + start, piece.start + end, new))
        })
        .collect()
}

/// For each byte of what a scalar says, and for its end, the byte it is written at.
fn places(raw: &str, scalar: &Scalar) -> Option<Vec<usize>> {
    match scalar.style {
        Style::Literal => literal(raw, &scalar.text),
        Style::Folded => folded(raw, raw.find('\n')? + 1, &scalar.text),
        Style::Plain => folded(raw, 0, &scalar.text),
        _ if raw.contains('\n') => None,
        Style::Single | Style::Double => quoted(raw, &scalar.text),
    }
}

fn quoted(raw: &str, text: &str) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(text.len() + 1);
    let is_single = raw.starts_with('\'');
    let mut at = 1;
    for c in text.chars() {
        let rest = raw.get(at..)?;
        let length = if is_single && rest.starts_with("''") {
            2
        } else if !is_single && rest.starts_with('\\') {
            match rest.as_bytes().get(1)? {
                b'x' => 4,
                // What two escapes say together is one character in JSON.
                b'u' if c as u32 > 0xFFFF => 12,
                b'u' => 6,
                b'U' => 10,
                _ => 2,
            }
        } else if rest.starts_with(c) {
            c.len_utf8()
        } else {
            return None;
        };
        places.extend(std::iter::repeat_n(at, c.len_utf8()));
        at += length;
    }
    places.push(at);
    (at + 1 == raw.len()).then_some(places)
}

/// Lines that are joined: a blank, or as many line breaks as there are empty lines, stands for what is between two of them.
fn folded(raw: &str, from: usize, text: &str) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(text.len() + 1);
    let mut at = from;
    let mut indent = None;
    for line in raw.get(from..)?.split_inclusive('\n') {
        let written = line.trim_end_matches(['\n', '\r']);
        let blanks = written.len() - written.trim_start_matches(' ').len();
        let is_first = at == 0;
        if !written.trim().is_empty() {
            // Lines that stand further in than the first keep what they have more.
            let inset = if is_first {
                0
            } else {
                (*indent.get_or_insert(blanks)).min(blanks)
            };
            let said = written[inset..].trim_end_matches(' ');
            let rest = text.get(places.len()..)?;
            let said = if rest.starts_with(said) {
                said
            } else {
                said.trim_start()
            };
            if !rest.starts_with(said) {
                return None;
            }
            let first = at + written.find(said)?;
            places.extend((0..said.len()).map(|byte| first + byte));
            let end = first + said.len();
            let rest = &text[places.len()..];
            let breaks = rest.len() - rest.trim_start_matches('\n').len();
            let between = if breaks == 0 {
                usize::from(rest.starts_with(' '))
            } else {
                breaks
            };
            places.extend(std::iter::repeat_n(end, between));
        }
        at += line.len();
    }
    let end = places
        .last()
        .map_or(at, |last| last + usize::from(!text.ends_with(['\n', ' '])));
    places.push(end.min(raw.len()));
    (places.len() == text.len() + 1).then_some(places)
}

fn literal(raw: &str, text: &str) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(text.len() + 1);
    let mut at = raw.find('\n')? + 1;
    for line in text.split_inclusive('\n') {
        let written = raw.get(at..).unwrap_or_default();
        let length = written.find('\n').map_or(written.len(), |found| found + 1);
        let written = written[..length].trim_end_matches(['\n', '\r']);
        let said = line.trim_end_matches('\n');
        let indent = written
            .len()
            .checked_sub(said.len())
            .filter(|_| written.ends_with(said));
        let first = at + if said.is_empty() { 0 } else { indent? };
        places.extend((0..line.len()).map(|byte| first + byte));
        at += length;
    }
    places.push(places.last().map_or(at, |last| last + 1).min(raw.len()));
    Some(places)
}
