//! Outputs that people write as JSON: what a task is pinned to, and what those before it give when it runs alone.

use serde_json::Value;

use crate::change::Change;
use crate::form::Mistake;

/// Bytes of JSON that a pin may have: it is part of the document.
pub const PIN_BYTES_MAX: usize = 64 * 1024;

/// An output as the text that is edited.
#[must_use]
pub fn text(output: &Value) -> String {
    serde_json::to_string_pretty(output).unwrap_or_default()
}

/// How expressions call the output of a task.
#[must_use]
pub fn reference(task: &str) -> String {
    let mut reference = "tasks".to_owned();
    flow::steps::push_field(&mut reference, task);
    reference.push_str(".output");
    reference
}

/// The output that a text says.
///
/// # Errors
/// Where it is no JSON, and what to write instead.
pub fn read(text: &str) -> Result<Value, Mistake> {
    if text.trim().is_empty() {
        return Err(Mistake("Nothing is no JSON. For no value write null.".to_owned()));
    }
    serde_json::from_str(text).map_err(|error| {
        let is_word = text.trim().starts_with(|c: char| c.is_alphabetic());
        let hint = if is_word {
            " A text stands in quotes: \"so\"."
        } else {
            ""
        };
        Mistake(format!("This is not JSON: {error}.{hint}"))
    })
}

/// What was made of an output that was shown as `first`; none if it was left as it is.
///
/// # Errors
/// As [`read`].
pub fn edited(first: &str, text: &str) -> Result<Option<Value>, Mistake> {
    if first.trim() == text.trim() {
        return Ok(None);
    }
    read(text).map(Some)
}

/// The change that pins a task's output.
///
/// # Errors
/// If it is too large to be part of a document.
pub fn pin(task: &str, output: Value) -> Result<Change, Mistake> {
    let n = output.to_string().len();
    if n > PIN_BYTES_MAX {
        return Err(Mistake(format!(
            "An output of {} KiB is too large to be pinned: the document holds at most {} KiB of each. Pin a part of it.",
            n.div_ceil(1024),
            PIN_BYTES_MAX / 1024
        )));
    }
    Ok(Change::Set {
        path: vec!["pins".to_owned(), task.to_owned()],
        value: Some(output),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// What becomes of a text in a field that showed `{"a": 1}` at first.
    fn check(typed: &str, expected: Expect) {
        let first = text(&serde_json::json!({ "a": 1 }));
        let said = match edited(&first, typed) {
            Ok(None) => "as it was".to_owned(),
            Ok(Some(value)) => value.to_string(),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn texts_become_outputs() {
        check("{\n  \"a\": 1\n}\n", expect!["as it was"]);
        check("[1, \"x\"]", expect![[r#"[1,"x"]"#]]);
        check("null", expect!["null"]);
        check(" ", expect!["Nothing is no JSON. For no value write null."]);
        check(
            "{\"a\": 1,}",
            expect!["This is not JSON: trailing comma at line 1 column 9."],
        );
        check(
            "so",
            expect![[
                r#"This is not JSON: expected value at line 1 column 1. A text stands in quotes: "so"."#
            ]],
        );
    }

    #[test]
    fn a_pin_is_part_of_the_document_and_small() {
        let small = pin("a", Value::from(7)).map_err(|error| error.to_string());
        let path = vec!["pins".to_owned(), "a".to_owned()];
        assert_eq!(
            small,
            Ok(Change::Set {
                path,
                value: Some(7.into())
            })
        );
        let large = pin("a", Value::from("x".repeat(70_000))).map_err(|error| error.to_string());
        assert!(large.is_err_and(|why| why.starts_with("An output of 69 KiB is too large")));
    }
}
