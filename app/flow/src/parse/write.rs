//! A value as YAML that people like to read: block mappings, short lists in one line, quotes only where they are needed.

use serde_json::Value;

/// Lists and mappings of scalars up to this many characters stand in one line.
const ONE_LINE_MAX: usize = 80;

/// How YAML is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    /// Spaces by which what a key holds is indented.
    pub step: usize,
    /// Spaces by which the dashes under a key are indented.
    pub dashes: usize,
    /// Whether braces have a space inside: `{ a: 1 }`.
    pub is_spaced: bool,
}

impl Default for Ink {
    fn default() -> Self {
        Self {
            step: 2,
            dashes: 2,
            is_spaced: true,
        }
    }
}

impl Ink {
    /// The lines of a `key: value` entry that stands `indent` spaces in; the first line is not indented, the last one ends.
    #[must_use]
    pub fn entry(self, key: &str, value: &Value, indent: usize) -> String {
        let mut into = String::new();
        self.write_entry(&mut into, key, value, indent);
        into
    }

    /// What follows the colon of a key, or the dash of an item, that stands `indent` spaces in.
    #[must_use]
    pub fn after(self, value: &Value, indent: usize) -> String {
        let mut into = String::new();
        self.write_after(&mut into, value, indent);
        into
    }

    /// The lines of an item whose dash stands `indent` spaces in, with `gap` spaces behind the dash.
    #[must_use]
    pub fn item(self, value: &Value, indent: usize, gap: usize) -> String {
        let mut into = String::from("-");
        self.list_item(&mut into, value, indent, gap);
        into
    }

    /// A value in one line.
    #[must_use]
    pub fn line(self, value: &Value) -> String {
        let mut into = String::new();
        self.flow(&mut into, value);
        into
    }

    /// A key without its colon.
    #[must_use]
    pub fn key(self, key: &str) -> String {
        let mut into = String::new();
        self::key(&mut into, key);
        into.pop();
        into
    }

    /// The lines of a block text, or nothing if it reads better in quotes. The first line is its sign.
    #[must_use]
    pub fn block(self, text: &str, indent: usize) -> Option<String> {
        is_block(text).then(|| self.after(&Value::from(text), indent).trim_start().to_owned())
    }

    fn write_entry(self, into: &mut String, key: &str, value: &Value, indent: usize) {
        self::key(into, key);
        self.write_after(into, value, indent);
    }

    fn entries(self, into: &mut String, value: &Value, indent: usize) {
        let Value::Object(map) = value else { return };
        for (key, value) in map {
            pad(into, indent);
            self.write_entry(into, key, value, indent);
        }
    }

    fn write_after(self, into: &mut String, value: &Value, indent: usize) {
        if let Value::String(lines) = value
            && is_block(lines)
        {
            // The block ends as the text does: with one line break (`|`) or none (`|-`).
            into.push_str(if lines.ends_with('\n') { " |\n" } else { " |-\n" });
            for line in lines.lines() {
                if !line.is_empty() {
                    pad(into, indent + self.step);
                    into.push_str(line);
                }
                into.push('\n');
            }
            return;
        }
        let mut line = String::new();
        self.flow(&mut line, value);
        let is_short = line.chars().count() <= ONE_LINE_MAX && is_flat(value);
        match value {
            Value::Object(map) if !map.is_empty() && !is_short => {
                into.push('\n');
                self.entries(into, value, indent + self.step);
            }
            Value::Array(items) if !items.is_empty() && !is_short => {
                into.push('\n');
                for item in items {
                    pad(into, indent + self.dashes);
                    into.push('-');
                    self.list_item(into, item, indent + self.dashes, 1);
                }
            }
            _ => {
                into.push(' ');
                into.push_str(&line);
                into.push('\n');
            }
        }
    }

    /// An item after its `-`: the first entry of a mapping stands in the same line.
    fn list_item(self, into: &mut String, item: &Value, indent: usize, gap: usize) {
        let Value::Object(map) = item else {
            // A list in a list stands further in than its dash, however lists under keys are indented.
            let inner = Self {
                dashes: self.dashes.max(2),
                ..self
            };
            let after = inner.after(item, indent);
            if after.starts_with(' ') {
                pad(into, gap - 1);
            }
            into.push_str(&after);
            return;
        };
        let mut line = String::new();
        self.flow(&mut line, item);
        if map.is_empty() || (is_flat_map(item) && line.chars().count() <= ONE_LINE_MAX) {
            pad(into, gap);
            into.push_str(&line);
            into.push('\n');
            return;
        }
        for (at, (key, value)) in map.iter().enumerate() {
            pad(into, if at == 0 { gap } else { indent + 1 + gap });
            self.write_entry(into, key, value, indent + 1 + gap);
        }
    }

    fn flow(self, into: &mut String, value: &Value) {
        match value {
            Value::String(value) => text(into, value),
            Value::Array(items) => {
                into.push('[');
                for (at, item) in items.iter().enumerate() {
                    into.push_str(if at == 0 { "" } else { ", " });
                    self.flow(into, item);
                }
                into.push(']');
            }
            Value::Object(map) if map.is_empty() => into.push_str("{}"),
            Value::Object(map) => {
                into.push_str(if self.is_spaced { "{ " } else { "{" });
                for (at, (key, value)) in map.iter().enumerate() {
                    into.push_str(if at == 0 { "" } else { ", " });
                    self::key(into, key);
                    into.push(' ');
                    self.flow(into, value);
                }
                into.push_str(if self.is_spaced { " }" } else { "}" });
            }
            scalar => into.push_str(&scalar.to_string()),
        }
    }
}

/// Writes the entries of a mapping as the lines of a document.
pub(super) fn mapping(into: &mut String, value: &Value) {
    let ink = Ink::default();
    match value {
        Value::Object(map) if !map.is_empty() => ink.entries(into, value, 0),
        _ => {
            ink.flow(into, value);
            into.push('\n');
        }
    }
}

fn pad(into: &mut String, indent: usize) {
    into.extend(std::iter::repeat_n(' ', indent));
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

/// A mapping of scalars and of lists of them.
fn is_flat_map(value: &Value) -> bool {
    let is_simple = |value: &Value| match value {
        Value::Array(items) => items.iter().all(is_scalar),
        other => is_scalar(other),
    };
    value.as_object().is_some_and(|map| map.values().all(is_simple))
}

/// Whether one line holds it well: lists of scalars and of small mappings do, a mapping behind its key is opened up.
fn is_flat(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(|item| is_scalar(item) || is_flat_map(item)),
        Value::Object(map) => map.is_empty(),
        _ => true,
    }
}

/// A text of several plain lines, which a block shows best.
fn is_block(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n'])
        && text.chars().all(|c| {
            c == '\n' || (!c.is_control() && !matches!(c, '\u{FEFF}' | '\u{85}' | '\u{2028}' | '\u{2029}'))
        })
        && text.lines().all(|line| line.trim_end() == line)
}

/// A key with its colon. `on` is a truth value in YAML 1.1 only, and a key of nearly every edge.
fn key(into: &mut String, key: &str) {
    if key == "on" {
        into.push_str(key);
    } else {
        text(into, key);
    }
    into.push(':');
}

fn text(into: &mut String, text: &str) {
    if is_plain(text) {
        into.push_str(text);
        return;
    }
    // JSON's quoting is YAML's, but for characters YAML reads as line breaks or refuses unescaped.
    into.push('"');
    for c in text.chars() {
        match c {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\t' => into.push_str("\\t"),
            c if c.is_control()
                || matches!(c, '\u{FEFF}' | '\u{2028}' | '\u{2029}' | '\u{FFFE}' | '\u{FFFF}') =>
            {
                into.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => into.push(c),
        }
    }
    into.push('"');
}

/// A text that needs no quotes, neither in YAML 1.2 nor for readers that still speak 1.1.
fn is_plain(text: &str) -> bool {
    let is_word =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '(' | ')' | '+');
    let is_unit = |c: char| matches!(c, 'd' | 'h' | 'm' | 's');
    // Among those that begin with a digit only durations are surely no number, date or time.
    let is_duration = || text.ends_with(is_unit) && text.chars().all(|c| c.is_ascii_digit() || is_unit(c));
    (text.starts_with(|c: char| c.is_ascii_alphabetic())
        || (text.starts_with(|c: char| c.is_ascii_digit()) && is_duration()))
        && text.chars().all(is_word)
        && !text.ends_with(' ')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        )
}
