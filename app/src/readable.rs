//! Values as people read them: laid out as in a flow's document, texts as texts. A command of several lines is several lines,
//! not one line full of `\n` and `\"`. Pure.

use serde_json::Value;

/// The value as text. It is YAML, but made to be read, not to be parsed.
#[must_use]
pub fn readable(value: &Value) -> String {
    let mut out = String::new();
    match value {
        // A text alone needs no quotes to be told from anything.
        Value::String(text) => out.push_str(text),
        _ => write(&mut out, value, 0, true),
    }
    out.truncate(out.trim_end_matches('\n').len());
    out
}

/// Writes a value behind what is on the line already, `depth` deep; `is_start`: nothing is on it.
fn write(out: &mut String, value: &Value, depth: usize, is_start: bool) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (at, (key, value)) in map.iter().enumerate() {
                begin(out, depth, is_start && at == 0);
                out.push_str(&if is_plain(key) { key.clone() } else { quoted(key) });
                out.push(':');
                write(out, value, depth + 1, false);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                begin(out, depth, is_start && at == 0);
                out.push('-');
                let is_nested = matches!(item, Value::Object(map) if !map.is_empty());
                if is_nested {
                    out.push(' ');
                }
                write(out, item, depth + 1, is_nested);
            }
        }
        other => {
            if !is_start {
                out.push(' ');
            }
            match other {
                Value::String(text) => string(out, text, depth.max(1)),
                other => out.push_str(&other.to_string()),
            }
        }
    }
}

/// A new line, unless the first thing stands on it already.
fn begin(out: &mut String, depth: usize, is_first: bool) {
    if !is_first {
        out.push('\n');
        indent(out, depth);
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn string(out: &mut String, text: &str, depth: usize) {
    if is_plain(text) {
        out.push_str(text);
    } else if is_block(text) {
        out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
        for line in text.lines() {
            out.push('\n');
            if !line.is_empty() {
                indent(out, depth);
                out.push_str(line);
            }
        }
    } else {
        out.push_str(&quoted(text));
    }
}

/// Whether a text can stand as it is and still be told from a number or a list.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let is_other =
        matches!(text, "true" | "false" | "null" | "~" | "yes" | "no") || text.parse::<f64>().is_ok();
    !is_other
        && !text.ends_with([' ', ':'])
        && !" -?:,[]{}#&*!|>'\"%@`".contains(first)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(char::is_control)
}

/// Whether a text reads best as lines of its own: it has several, or quoting it would hide it behind backslashes.
fn is_block(text: &str) -> bool {
    let is_worth_it = text.contains(['\n', '"', '\\']);
    let is_clean = !text
        .chars()
        .any(|char| char.is_control() && !matches!(char, '\n' | '\t'));
    is_worth_it && is_clean && !text.starts_with([' ', '\n'])
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check(value: &Value, expected: Expect) {
        expected.assert_eq(&readable(value));
    }

    #[test]
    fn texts_stay_texts() {
        check(
            &json!({
                "command": "echo \"hi $WHO\"\n\nif [ -e x ]; then exit 75; fi\n",
                "last": "echo '{\"score\": 712}'",
                "env": {"WHO": "Ada", "PACE": "3", "EMPTY": "", "ON": "true", "NOTE": "a: b"},
            }),
            expect![[r#"
                command: |
                  echo "hi $WHO"

                  if [ -e x ]; then exit 75; fi
                last: |-
                  echo '{"score": 712}'
                env:
                  WHO: Ada
                  PACE: "3"
                  EMPTY: ""
                  ON: "true"
                  NOTE: "a: b""#]],
        );
        check(&json!("two\nlines"), expect!["two\nlines"]);
    }

    #[test]
    fn lists_and_depths() {
        check(
            &json!({"rows": [1, {"a": 2, "b": [true, null]}, [], {}, [3, "x"], "- y\nz"], "none": {}}),
            expect![[r#"
                rows:
                  - 1
                  - a: 2
                    b:
                      - true
                      - null
                  - []
                  - {}
                  -
                    - 3
                    - x
                  - |-
                    - y
                    z
                none: {}"#]],
        );
        check(&json!([1.5, "1.5"]), expect!["- 1.5\n- \"1.5\""]);
        check(&json!(null), expect!["null"]);
    }

    #[test]
    fn what_cannot_be_seen_is_quoted() {
        check(
            &json!({"a\u{1b}": "b\u{7}c\n", "lead": " x\ny"}),
            expect![[r#"
                "a\u001b": "b\u0007c\n"
                lead: " x\ny""#]],
        );
    }
}
