//! A value as YAML that people like to read: block mappings, short lists in one line, quotes only where they are needed.

use serde_json::Value;

/// Lists and mappings of scalars up to this many characters stand in one line.
const ONE_LINE_MAX: usize = 80;

/// Writes the entries of a mapping as the lines of a document.
pub(super) fn mapping(into: &mut String, value: &Value) {
    match value {
        Value::Object(map) if !map.is_empty() => entries(into, value, 0),
        _ => {
            flow(into, value);
            into.push('\n');
        }
    }
}

fn entries(into: &mut String, value: &Value, indent: usize) {
    let Value::Object(map) = value else { return };
    for (key, value) in map {
        pad(into, indent);
        entry(into, key, value, indent);
    }
}

fn entry(into: &mut String, key: &str, value: &Value, indent: usize) {
    self::key(into, key);
    after(into, value, indent);
}

/// What follows a `key:` or a `-`.
fn after(into: &mut String, value: &Value, indent: usize) {
    if let Value::String(lines) = value
        && is_block(lines)
    {
        // The block ends as the text does: with one line break (`|`) or none (`|-`).
        into.push_str(if lines.ends_with('\n') { " |\n" } else { " |-\n" });
        for line in lines.lines() {
            if !line.is_empty() {
                pad(into, indent + 2);
                into.push_str(line);
            }
            into.push('\n');
        }
        return;
    }
    let mut line = String::new();
    flow(&mut line, value);
    let is_short = line.chars().count() <= ONE_LINE_MAX && is_flat(value);
    match value {
        Value::Object(map) if !map.is_empty() && !is_short => {
            into.push('\n');
            entries(into, value, indent + 2);
        }
        Value::Array(items) if !items.is_empty() && !is_short => {
            into.push('\n');
            for item in items {
                pad(into, indent + 2);
                into.push('-');
                list_item(into, item, indent + 2);
            }
        }
        _ => {
            into.push(' ');
            into.push_str(&line);
            into.push('\n');
        }
    }
}

fn pad(into: &mut String, indent: usize) {
    into.extend(std::iter::repeat_n(' ', indent));
}

/// An item after its `-`: the first entry of a mapping stands in the same line.
fn list_item(into: &mut String, item: &Value, indent: usize) {
    let Value::Object(map) = item else {
        return after(into, item, indent);
    };
    let mut line = String::new();
    flow(&mut line, item);
    if map.is_empty() || (is_flat_map(item) && line.chars().count() <= ONE_LINE_MAX) {
        into.push(' ');
        into.push_str(&line);
        into.push('\n');
        return;
    }
    for (at, (key, value)) in map.iter().enumerate() {
        if at == 0 {
            into.push(' ');
        } else {
            pad(into, indent + 2);
        }
        entry(into, key, value, indent + 2);
    }
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

fn flow(into: &mut String, value: &Value) {
    match value {
        Value::String(value) => text(into, value),
        Value::Array(items) => {
            into.push('[');
            for (at, item) in items.iter().enumerate() {
                into.push_str(if at == 0 { "" } else { ", " });
                flow(into, item);
            }
            into.push(']');
        }
        Value::Object(map) if map.is_empty() => into.push_str("{}"),
        Value::Object(map) => {
            into.push_str("{ ");
            for (at, (key, value)) in map.iter().enumerate() {
                into.push_str(if at == 0 { "" } else { ", " });
                self::key(into, key);
                into.push(' ');
                flow(into, value);
            }
            into.push_str(" }");
        }
        scalar => into.push_str(&scalar.to_string()),
    }
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
