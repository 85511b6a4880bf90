//! A value that fits a JSON Schema, to stand where nobody said what a task gives.

use serde_json::{Map, Value, json};

/// Schemas within schemas that are followed; what lies deeper is null.
const DEPTH_MAX: usize = 16;

/// A simple value of the kind a schema describes: its default, its first example, or the plainest of its type. Bounds of texts and
/// numbers other than `minimum` and `minItems` are not looked at.
#[must_use]
pub fn sample(schema: &Value) -> Value {
    at_depth(schema, schema, 0)
}

fn at_depth(root: &Value, schema: &Value, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    let said = |key| schema.get(key).cloned();
    let first = |key| schema.get(key).and_then(|all| all.get(0));
    if let Some(value) = said("const").or_else(|| said("default")) {
        return value;
    }
    if let Some(value) = first("examples").or_else(|| first("enum")) {
        return value.clone();
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, |target| at_depth(root, target, depth + 1));
    }
    let of = |of: &Value| at_depth(root, of, depth + 1);
    match kind(schema) {
        Some("object") => object(schema, of),
        Some("array") => {
            let n = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
            let item = schema.get("items").map_or(Value::Null, of);
            // More would tell nobody more.
            Value::Array((0..n.min(100)).map(|_| item.clone()).collect())
        }
        Some("string") => json!(""),
        Some("integer" | "number") => said("minimum").unwrap_or_else(|| json!(0)),
        Some("boolean") => json!(false),
        Some(_) => Value::Null,
        None => {
            let part = first("oneOf")
                .or_else(|| first("anyOf"))
                .or_else(|| first("allOf"));
            part.map_or(Value::Null, of)
        }
    }
}

/// Its type, the first if it may be of several.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first()?.as_str(),
        Some(kind) => kind.as_str(),
        None => schema.get("properties").map(|_| "object"),
    }
}

fn object(schema: &Value, of: impl Fn(&Value) -> Value) -> Value {
    let fields = schema.get("properties").and_then(Value::as_object);
    let fields = fields.into_iter().flatten();
    Value::Object(
        fields
            .map(|(name, field)| (name.clone(), of(field)))
            .collect::<Map<_, _>>(),
    )
}
