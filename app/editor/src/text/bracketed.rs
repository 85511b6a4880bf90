//! Edits between brackets: JSON, and the flow style of YAML.

use std::ops::Range;

use flow::parse::pieces::{Piece, Shape};
use serde_json::Value;

use super::style::{DocStyle, indentation, line_end, line_start, next_line};
use crate::change::Patch;

/// What is put between brackets: an item, or an entry with its key.
pub(super) type Part<'p> = (Option<&'p str>, &'p Value);

/// The bytes of each part of a collection.
fn parts(piece: &Piece) -> Vec<Range<usize>> {
    match &piece.shape {
        Shape::List { items, .. } => items
            .iter()
            .map(|item| item.value.start..item.value.end)
            .collect(),
        Shape::Map { entries, .. } => entries
            .iter()
            .map(|entry| entry.key.span.start..entry.value.end.max(entry.key.after.min(entry.value.start)))
            .collect(),
        _ => Vec::new(),
    }
}

/// A pair in a list needs no braces: `[a: b]`. Such ones are left to people.
fn has_brackets(text: &str, piece: &Piece) -> bool {
    let written = &text[piece.start..piece.end.max(piece.start)];
    written.starts_with(['{', '[']) && written.ends_with(['}', ']'])
}

/// Whether the parts stand on lines of their own.
fn is_lined(text: &str, piece: &Piece, first: &Range<usize>) -> bool {
    text[piece.start..first.start].contains('\n')
}

fn written(style: &DocStyle, part: Part<'_>, lines: Option<&str>) -> String {
    match part.0 {
        Some(key) => style.bracketed_entry(key, part.1, lines),
        None => style.bracketed(part.1, lines),
    }
}

/// Puts new parts before the part number `at`.
pub(super) fn insert(text: &str, style: &DocStyle, piece: &Piece, at: usize, new: &[Part<'_>]) -> Vec<Patch> {
    if !has_brackets(text, piece) {
        return Vec::new();
    }
    let old = parts(piece);
    let Some(first) = old.first() else {
        return fill(text, style, piece, new);
    };
    let is_lined = is_lined(text, piece, first);
    let indent = indentation(text, first.start).to_owned();
    let lines = is_lined.then_some(indent.as_str());
    let separator = match (is_lined, old.get(1)) {
        (true, _) => format!("{}{indent}", style.eol),
        (false, Some(second)) => {
            let between = &text[first.end..second.start];
            let between = between.split_once(',').map_or(" ", |(_, after)| after);
            if between.trim().is_empty() { between } else { " " }.to_owned()
        }
        (false, None) => style.gap.to_owned(),
    };
    let new: Vec<String> = new.iter().map(|part| written(style, *part, lines)).collect();
    if let Some(next) = old.get(at) {
        let new: String = new.iter().map(|part| format!("{part},{separator}")).collect();
        return vec![Patch::insert(next.start, new)];
    }
    let last = old[old.len() - 1].end;
    let comma = trailing_comma(text, piece, last);
    let joined = new.join(&format!(",{separator}"));
    let end = comma.map_or(last, |comma| comma + 1);
    let tail = if comma.is_some() { "," } else { "" };
    let after = line_end(text, end);
    // A comment behind the last part stays behind it.
    if is_lined && after < piece.end && !text[end..after].trim().is_empty() {
        let mut patches = Vec::new();
        if comma.is_none() {
            patches.push(Patch::insert(last, ","));
        }
        patches.push(Patch::insert(after, format!("{separator}{joined}{tail}")));
        return patches;
    }
    let head = if comma.is_some() { "" } else { "," };
    vec![Patch::insert(end, format!("{head}{separator}{joined}{tail}"))]
}

/// The first parts of an empty collection.
fn fill(text: &str, style: &DocStyle, piece: &Piece, new: &[Part<'_>]) -> Vec<Patch> {
    let collection = match &piece.shape {
        Shape::List { .. } => Value::Array(new.iter().map(|(_, value)| (*value).clone()).collect()),
        _ => Value::Object(
            new.iter()
                .map(|(key, value)| (key.unwrap_or_default().to_owned(), (*value).clone()))
                .collect(),
        ),
    };
    vec![Patch::new(
        piece.start,
        piece.end,
        value_at(text, style, piece.start, &collection),
    )]
}

/// A value as it is written at a byte: on several lines where the document has its values so.
pub(super) fn value_at(text: &str, style: &DocStyle, at: usize, value: &Value) -> String {
    // A document of one line stays one.
    let is_lined = text.trim_end().contains('\n');
    style.bracketed(value, is_lined.then(|| indentation(text, at)))
}

fn trailing_comma(text: &str, piece: &Piece, last: usize) -> Option<usize> {
    let mut at = last;
    for line in text[last..piece.end].split_inclusive('\n') {
        let code = line.split('#').next().unwrap_or_default();
        if let Some(found) = code.find(',') {
            return Some(at + found);
        }
        if !code.trim().is_empty() {
            return None;
        }
        at += line.len();
    }
    None
}

/// Lets the part number `at` and the next one change places. What stands between them stays.
pub(super) fn swap(text: &str, piece: &Piece, at: usize) -> Vec<Patch> {
    let parts = parts(piece);
    let (Some(one), Some(other)) = (parts.get(at), parts.get(at + 1)) else {
        return Vec::new();
    };
    vec![
        Patch::new(one.start, one.end, text[other.clone()].to_owned()),
        Patch::new(other.start, other.end, text[one.clone()].to_owned()),
    ]
}

/// Takes the part number `at` out.
pub(super) fn remove(text: &str, piece: &Piece, at: usize) -> Vec<Patch> {
    let parts = parts(piece);
    let Some(part) = parts.get(at).filter(|_| has_brackets(text, piece)) else {
        return Vec::new();
    };
    if parts.len() == 1 {
        return vec![Patch::cut(piece.start + 1, piece.end - 1)];
    }
    let (start, end) = (line_start(text, part.start), next_line(text, part.end));
    let behind = text[part.end..end.min(piece.end)]
        .trim_start()
        .trim_start_matches(',')
        .trim();
    let is_alone = start > piece.start
        && end < piece.end
        && text[start..part.start].trim().is_empty()
        && (behind.is_empty() || behind.starts_with('#'));
    let is_last = at + 1 == parts.len();
    if is_alone {
        let mut patches = Vec::new();
        if is_last && trailing_comma(text, piece, part.end).is_none() {
            let before = parts[at - 1].end;
            let comma = before + text[before..part.start].find(',').unwrap_or(0);
            patches.push(Patch::cut(comma, comma + 1));
        }
        patches.push(Patch::cut(start, end));
        return patches;
    }
    if is_last {
        vec![Patch::cut(parts[at - 1].end, part.end)]
    } else {
        vec![Patch::cut(part.start, parts[at + 1].start)]
    }
}
