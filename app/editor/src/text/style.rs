//! How a document is laid out, so that what is added looks like the rest of it.

use flow::parse::pieces::{Piece, Shape};
use flow::parse::{Format, Ink};
use serde_json::Value;

/// Lists of scalars up to this many characters stand in one line of JSON.
const ONE_LINE_MAX: usize = 80;

/// The layout of a document.
#[derive(Clone, Debug)]
pub(super) struct DocStyle {
    pub(super) format: Format,
    /// YAML without brackets.
    pub(super) ink: Ink,
    /// The line break.
    pub(super) eol: &'static str,
    /// JSON: by what each level is indented.
    pub(super) unit: String,
    /// JSON: what stands between a key and its value, and after a comma in one line.
    pub(super) gap: &'static str,
}

impl DocStyle {
    pub(super) fn of(text: &str, root: &Piece, format: Format) -> Self {
        let mut found = Found::default();
        found.look(text, root, 0);
        let step = found.step.unwrap_or(2).max(1);
        let is_compact = format == Format::Json && found.gap == Some(false);
        Self {
            format,
            ink: Ink {
                step,
                dashes: found.dashes.unwrap_or(step),
                is_spaced: found.is_spaced.unwrap_or(true),
            },
            eol: if text.contains("\r\n") { "\r\n" } else { "\n" },
            unit: found.unit.unwrap_or_else(|| "  ".to_owned()),
            gap: if is_compact { "" } else { " " },
        }
    }

    /// A value between brackets. `lines` is the indentation of its first line, where parts may stand on lines of their own.
    pub(super) fn bracketed(&self, value: &Value, lines: Option<&str>) -> String {
        match self.format {
            Format::Yaml => self.ink.line(value),
            Format::Json => {
                let mut into = String::new();
                self.json(&mut into, value, lines);
                into
            }
        }
    }

    /// An entry between brackets.
    pub(super) fn bracketed_entry(&self, key: &str, value: &Value, lines: Option<&str>) -> String {
        let value = self.bracketed(value, lines);
        match self.format {
            Format::Yaml => format!("{}: {value}", self.ink.key(key)),
            Format::Json => format!("{}:{}{value}", Value::from(key), self.gap),
        }
    }

    fn json(&self, into: &mut String, value: &Value, lines: Option<&str>) {
        let (open, close, parts): (_, _, Vec<(Option<&String>, &Value)>) = match value {
            Value::Array(items) if !items.is_empty() => {
                ('[', ']', items.iter().map(|item| (None, item)).collect())
            }
            Value::Object(map) if !map.is_empty() => (
                '{',
                '}',
                map.iter().map(|(key, value)| (Some(key), value)).collect(),
            ),
            scalar => return into.push_str(&scalar.to_string()),
        };
        let is_short = || {
            let is_flat = value
                .as_array()
                .is_some_and(|items| items.iter().all(|item| !item.is_array() && !item.is_object()));
            is_flat && value.to_string().chars().count() <= ONE_LINE_MAX
        };
        let inner = lines
            .filter(|_| !is_short())
            .map(|outer| format!("{outer}{}", self.unit));
        into.push(open);
        for (at, (key, part)) in parts.into_iter().enumerate() {
            match &inner {
                Some(inner) => {
                    into.push_str(if at == 0 { "" } else { "," });
                    into.push_str(self.eol);
                    into.push_str(inner);
                }
                None if at > 0 => {
                    into.push(',');
                    into.push_str(self.gap);
                }
                None => {}
            }
            if let Some(key) = key {
                into.push_str(&Value::from(key.as_str()).to_string());
                into.push(':');
                into.push_str(self.gap);
            }
            self.json(into, part, inner.as_deref());
        }
        if let (Some(_), Some(outer)) = (&inner, lines) {
            into.push_str(self.eol);
            into.push_str(outer);
        }
        into.push(close);
    }
}

/// The first of each habit that the document shows.
#[derive(Default)]
struct Found {
    step: Option<usize>,
    dashes: Option<usize>,
    is_spaced: Option<bool>,
    unit: Option<String>,
    gap: Option<bool>,
}

impl Found {
    fn look(&mut self, text: &str, piece: &Piece, depth: usize) {
        let is_done = self.step.is_some() && self.dashes.is_some() && self.is_spaced.is_some();
        if is_done && self.unit.is_some() || depth > 8 {
            return;
        }
        match &piece.shape {
            Shape::Map { is_block, entries } => {
                if let (false, Some(first)) = (is_block, entries.first())
                    && text[piece.start..].starts_with('{')
                {
                    // A pair in a list needs no braces: `[a: b]`.
                    let inside = text.get(piece.start + 1..first.key.span.start).unwrap_or(" ");
                    if inside.contains('\n') {
                        self.unit
                            .get_or_insert_with(|| unit(text, piece.start, first.key.span.start));
                    } else {
                        self.is_spaced.get_or_insert(!inside.is_empty());
                    }
                    self.gap
                        .get_or_insert_with(|| text[first.key.after..].starts_with([' ', '\n']));
                }
                for entry in entries {
                    let indent = column(text, entry.key.span.start);
                    if let Some(inner) = first_column(text, &entry.value)
                        && *is_block
                    {
                        let by = inner.saturating_sub(indent);
                        match entry.value.shape {
                            Shape::List { .. } => self.dashes.get_or_insert(by),
                            _ => self.step.get_or_insert(by),
                        };
                    }
                    self.look(text, &entry.value, depth + 1);
                }
            }
            Shape::List { items, .. } => items
                .iter()
                .for_each(|item| self.look(text, &item.value, depth + 1)),
            Shape::Scalar(_) | Shape::Alias => {}
        }
    }
}

/// The column of a block's lines.
fn first_column(text: &str, piece: &Piece) -> Option<usize> {
    piece.is_block().then(|| column(text, piece.start))
}

/// What a line in a bracket is indented by more than the line of the bracket.
fn unit(text: &str, outer: usize, inner: usize) -> String {
    let (outer, inner) = (indentation(text, outer), indentation(text, inner));
    let unit = inner.strip_prefix(outer).unwrap_or(inner);
    if unit.is_empty() {
        "  ".to_owned()
    } else {
        unit.to_owned()
    }
}

/// The first byte of the line in which `at` stands.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |found| found + 1)
}

/// The end of the line in which `at` stands, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
    if end > at && text[..end].ends_with('\r') {
        end - 1
    } else {
        end
    }
}

/// The first byte of the next line; the end of the text if there is none.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |found| at + found + 1)
}

/// Characters before `at` in its line.
pub(super) fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at]
        .trim_start_matches('\u{FEFF}')
        .chars()
        .count()
}

/// The blanks at the begin of the line in which `at` stands.
pub(super) fn indentation(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}
