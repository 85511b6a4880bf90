//! A JSON Schema as people read it: a row for each field. What it says in ways that no row has is left out; the schema itself is served
//! with the task types.

use app::model::SchemaRow;
use serde_json::Value;

/// Rows of a schema at most.
const ROWS_MAX: usize = 60;

/// Fields inside fields inside fields are not told.
const DEPTH_MAX: usize = 2;

/// Choices that are named.
const CHOICES_MAX: usize = 8;

/// Definitions that lead to definitions are followed so far; they may lead back to themselves.
const REFS_MAX: usize = 8;

/// The fields that an object of this schema has; none if it is no object, or may have any.
pub(crate) fn rows(schema: &Value) -> Vec<SchemaRow> {
    let mut rows = Vec::new();
    fields(schema, schema, "", 1, &mut rows);
    rows
}

fn fields(root: &Value, schema: &Value, inside: &str, depth: usize, rows: &mut Vec<SchemaRow>) {
    let schema = meant(root, schema).0;
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    let required = schema.get("required").and_then(Value::as_array);
    for (name, field) in properties {
        if rows.len() == ROWS_MAX {
            return;
        }
        let (meaning, may_be_null) = meant(root, field);
        let is_named = required.is_some_and(|required| required.iter().any(|one| one == name));
        // What a definition says of itself is less to the point than what is said where it is used.
        let about = [field, meaning].map(|schema| schema.get("description").and_then(Value::as_str));
        let about = about[0].or(about[1]).unwrap_or_default();
        rows.push(SchemaRow {
            name: format!("{inside}{name}"),
            kind: kind(root, meaning, REFS_MAX),
            is_required: is_named && !may_be_null && field.get("default").is_none(),
            about: about.split_whitespace().collect::<Vec<_>>().join(" "),
        });
        if depth < DEPTH_MAX {
            fields(root, meaning, &format!("{inside}{name}."), depth + 1, rows);
        }
    }
}

/// The schema that a reference or a choice between something and nothing leads to, and whether null will do.
fn meant<'s>(root: &'s Value, mut schema: &'s Value) -> (&'s Value, bool) {
    let mut may_be_null = false;
    for _ in 0..REFS_MAX {
        let target = schema.get("$ref").and_then(Value::as_str);
        let choices = ["anyOf", "oneOf"]
            .iter()
            .find_map(|key| schema.get(key)?.as_array());
        let next = match (target, choices) {
            (Some(target), _) => target.strip_prefix('#').and_then(|way| root.pointer(way)),
            (None, Some(choices)) => {
                let is_null = |choice: &&Value| choice.get("type").is_some_and(|kind| kind == "null");
                may_be_null |= choices.iter().any(|choice| is_null(&choice));
                let mut others = choices.iter().filter(|choice| !is_null(choice));
                others.next().filter(|_| others.next().is_none())
            }
            (None, None) => None,
        };
        match next {
            Some(next) => schema = next,
            None => break,
        }
    }
    let kinds = schema.get("type").and_then(Value::as_array);
    may_be_null |= kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "null"));
    (schema, may_be_null)
}

/// What a value of a schema is, in a few words.
fn kind(root: &Value, schema: &Value, depth: usize) -> String {
    let Some(depth) = depth.checked_sub(1) else {
        return "anything".to_owned();
    };
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return one_of(choices.iter());
    }
    if let Some(choices) = ["anyOf", "oneOf"]
        .iter()
        .find_map(|key| schema.get(key)?.as_array())
    {
        let constants: Option<Vec<&Value>> = choices.iter().map(|choice| choice.get("const")).collect();
        if let Some(constants) = constants {
            return one_of(constants.into_iter());
        }
        let mut kinds: Vec<String> = choices
            .iter()
            .map(|choice| kind(root, meant(root, choice).0, depth))
            .filter(|kind| kind != "nothing")
            .collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    let word = |kind: &str| match kind {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "yes or no".to_owned(),
        "null" => "nothing".to_owned(),
        "array" => match schema.get("items").map(|items| kind_of_items(root, items, depth)) {
            Some(items) if !items.is_empty() => format!("list of {items}"),
            _ => "list".to_owned(),
        },
        other => other.to_owned(),
    };
    match schema.get("type") {
        Some(Value::String(kind)) => word(kind),
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            let words: Vec<String> = kinds.filter(|kind| *kind != "null").map(word).collect();
            words.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn kind_of_items(root: &Value, items: &Value, depth: usize) -> String {
    match kind(root, meant(root, items).0, depth).as_str() {
        "text" => "texts".to_owned(),
        "whole number" => "whole numbers".to_owned(),
        "number" => "numbers".to_owned(),
        "object" => "objects".to_owned(),
        _ => String::new(),
    }
}

fn one_of<'v>(choices: impl Iterator<Item = &'v Value>) -> String {
    let mut words: Vec<String> = choices
        .map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned))
        .collect();
    if words.len() > CHOICES_MAX {
        let n_more = words.len() - CHOICES_MAX;
        words.truncate(CHOICES_MAX);
        words.push(format!("{n_more} more"));
    }
    format!("one of {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the macro makes a value")]
    fn check(schema: Value, expected: Expect) {
        let mut text = String::new();
        for row in rows(&schema) {
            let required = if row.is_required { ", required" } else { "" };
            let line = format!("{}: {}{required}. {}", row.name, row.kind, row.about);
            text += line.trim_end();
            text += "\n";
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn fields_are_told_with_what_is_inside() {
        check(
            json!({
                "type": "object",
                "required": ["url", "auth", "rest", "how"],
                "properties": {
                    "url": {"type": "string", "description": "Where it\n is."},
                    "method": {"enum": ["GET", "POST"], "default": "GET"},
                    "auth": {"anyOf": [{"$ref": "#/$defs/Auth"}, {"type": "null"}]},
                    "rest": {"type": ["array", "null"], "items": {"type": "string"}},
                    "how": {"oneOf": [{"const": "fast"}, {"const": "well"}]},
                    "many": {"type": "array", "items": {"$ref": "#/$defs/Auth"}},
                    "n": {"type": ["integer", "string"]},
                    "any": true,
                },
                "$defs": {
                    "Auth": {
                        "type": "object", "description": "Who asks.", "required": ["name"],
                        "properties": {
                            "name": {"type": "string"},
                            "more": {"type": "object", "properties": {"deep": {"type": "boolean"}}},
                        },
                    },
                },
            }),
            expect![[r#"
                url: text, required. Where it is.
                method: one of GET, POST.
                auth: object. Who asks.
                auth.name: text, required.
                auth.more: object.
                rest: list of texts.
                how: one of fast, well, required.
                many: list of objects.
                n: whole number or text.
                any: anything.
            "#]],
        );
    }

    #[test]
    fn what_is_no_object_has_no_rows() {
        check(json!(true), expect![""]);
        check(json!({"type": "string"}), expect![""]);
        check(
            json!({"properties": {"a": {"$ref": "#/properties/a"}, "b": {"$ref": "elsewhere"}, "c": {"type": "array", "items": {"$ref": "#/properties/c"}}}}),
            expect![[r#"
                a: anything.
                b: anything.
                c: list.
            "#]],
        );
    }
}
