//! What an approval asks for, as a form: its JSON Schema read as far as a form goes. The server reads it, so that no page carries
//! the code. Pure.

use flow::doc::{InputDoc, InputType};
use serde_json::{Map, Value};

use crate::format;

/// A text that may be longer than this gets several lines.
const LINE_MAX: u64 = 200;

/// The fields of a form, in the order of its schema. What a field cannot show (objects, lists, alternatives) is typed as JSON;
/// whoever takes the answer checks it against the whole schema.
#[must_use]
pub fn fields(schema: &Value) -> Vec<(String, InputDoc)> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, property)| (name.clone(), field(property, required.contains(&name.as_str()))))
        .collect()
}

fn field(schema: &Value, required: bool) -> InputDoc {
    let text = |name: &str| schema.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| schema.get(name).and_then(Value::as_f64);
    let length = |name: &str| schema.get(name).and_then(Value::as_u64);
    let default = schema.get("default").or_else(|| schema.get("const"));
    let choices = schema.get("enum").and_then(Value::as_array);
    InputDoc {
        input_type: kind(schema),
        title: text("title"),
        description: text("description"),
        required,
        default: default.filter(|value| !value.is_null()).cloned(),
        choices: choices.map_or_else(Vec::new, Clone::clone),
        minimum: number("minimum"),
        maximum: number("maximum"),
        min_length: length("minLength"),
        max_length: length("maxLength"),
    }
}

fn kind(schema: &Value) -> InputType {
    let word = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default();
    match type_of(schema) {
        "string" => match word("format") {
            "date" => InputType::Date,
            "date-time" => InputType::Datetime,
            "textarea" | "multiline" => InputType::Text,
            _ => match schema.get("maxLength").and_then(Value::as_u64) {
                Some(most) if most > LINE_MAX => InputType::Text,
                _ => InputType::String,
            },
        },
        "integer" => InputType::Integer,
        "number" => InputType::Number,
        "boolean" => InputType::Boolean,
        "object" => InputType::Object,
        "array" => InputType::Array,
        // Choices that are texts are read as texts: `1` among them is no number.
        _ => match schema.get("enum").and_then(Value::as_array) {
            Some(choices) if choices.iter().all(Value::is_string) => InputType::String,
            _ => InputType::Any,
        },
    }
}

/// The one type a schema allows, apart from null.
fn type_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(one)) => one,
        Some(Value::Array(several)) => {
            let mut types = several
                .iter()
                .filter_map(Value::as_str)
                .filter(|name| *name != "null");
            match (types.next(), types.next()) {
                (Some(one), None) => one,
                _ => "",
            }
        }
        _ => "",
    }
}

/// An answer without what was left empty: a schema that allows a text does not allow null.
#[must_use]
pub fn given(values: Value) -> Value {
    match values {
        Value::Object(map) => {
            let map: Map<String, Value> = map.into_iter().filter(|(_, value)| !value.is_null()).collect();
            Value::Object(map)
        }
        other => other,
    }
}

/// The field that a complaint of the schema is about: it begins with the place in the answer, `/date: …`.
#[must_use]
pub fn place_of(complaint: &str) -> (Option<&str>, &str) {
    let found = complaint.strip_prefix('/').and_then(|rest| rest.split_once(": "));
    match found {
        Some((place, message)) => (place.split('/').next(), message),
        None => (None, complaint),
    }
}

/// Who decided an approval, how and when, from its output.
#[must_use]
pub fn decided(output: &Value) -> Option<String> {
    let said = if output.get("approved")?.as_bool()? {
        "approved"
    } else {
        "rejected"
    };
    let by = output.get("by")?.as_str()?;
    let at: flow::Timestamp = output.get("at")?.as_str()?.parse().ok()?;
    let comment = output
        .get("comment")
        .and_then(Value::as_str)
        .filter(|comment| !comment.trim().is_empty());
    let comment = comment.map_or_else(String::new, |comment| format!(": “{comment}”"));
    Some(format!(
        "Already {said} by {by} at {}{comment}. The first answer counts.",
        format::moment(at)
    ))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the macros make values")]
    fn check(schema: Value, expected: Expect) {
        let told: String = fields(&schema)
            .into_iter()
            .map(|(name, field)| {
                let field = serde_json::to_string(&field).expect("a field is JSON");
                format!("{name} {field}\n")
            })
            .collect();
        expected.assert_eq(&told);
    }

    #[test]
    fn a_schema_is_a_form() {
        check(
            json!({
                "type": "object",
                "required": ["carrier", "insured"],
                "properties": {
                    "carrier": {"enum": ["post", "courier"], "title": "Carrier"},
                    "parcels": {"type": "integer", "minimum": 1, "maximum": 9, "default": 1},
                    "weight": {"type": ["number", "null"]},
                    "insured": {"type": "boolean"},
                    "day": {"type": "string", "format": "date", "description": "When it goes"},
                    "at": {"type": "string", "format": "date-time"},
                    "note": {"type": "string", "maxLength": 500},
                    "name": {"type": "string", "minLength": 2, "maxLength": 40},
                    "labels": {"type": "array", "items": {"type": "string"}},
                    "extra": {"type": "object"},
                    "either": {"oneOf": [{"type": "string"}, {"type": "number"}]}
                }
            }),
            expect![[r#"
                carrier {"type":"string","title":"Carrier","required":true,"enum":["post","courier"]}
                parcels {"type":"integer","default":1,"minimum":1.0,"maximum":9.0}
                weight {"type":"number"}
                insured {"type":"boolean","required":true}
                day {"type":"date","description":"When it goes"}
                at {"type":"datetime"}
                note {"type":"text","max_length":500}
                name {"type":"string","min_length":2,"max_length":40}
                labels {"type":"array"}
                extra {"type":"object"}
                either {"type":"any"}
            "#]],
        );
        check(json!({"type": "object"}), expect![""]);
        check(json!(true), expect![""]);
    }

    #[test]
    fn complaints_find_their_fields() {
        assert_eq!(
            place_of("/day: \"x\" is not a date"),
            (Some("day"), "\"x\" is not a date")
        );
        assert_eq!(place_of("/rows/3/name: no text"), (Some("rows"), "no text"));
        assert_eq!(
            place_of("\"carrier\" is a required property"),
            (None, "\"carrier\" is a required property")
        );
        assert_eq!(
            given(json!({"a": null, "b": {"c": null}, "d": 0})),
            json!({"b": {"c": null}, "d": 0})
        );
    }

    #[test]
    fn a_second_answer_hears_of_the_first() {
        let at = "2026-01-31T12:00:05.123Z";
        assert_eq!(
            decided(&json!({"approved": true, "by": "local", "at": at, "comment": "go"})).as_deref(),
            Some("Already approved by local at 2026-01-31 12:00:05 UTC: “go”. The first answer counts.")
        );
        assert_eq!(
            decided(&json!({"approved": false, "by": "ann", "at": at, "comment": null})).as_deref(),
            Some("Already rejected by ann at 2026-01-31 12:00:05 UTC. The first answer counts.")
        );
        assert_eq!(decided(&json!(null)), None);
    }
}
