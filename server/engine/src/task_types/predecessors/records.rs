//! Records in what earlier tasks gave, and what is made of them.

use serde_json::{Map, Value, json};

/// The records in a value: a list, or what stands under `records`, at the top or in the results of several tasks, where the last
/// that has any counts.
pub(super) fn find(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => match items.iter().rev().find_map(named) {
            Some(records) => Some(records),
            None => Some(items),
        },
        _ => named(value),
    }
}

fn named(value: &Value) -> Option<&[Value]> {
    let object = value.as_object()?;
    if let Some(Value::Array(records)) = object.get("records") {
        return Some(records);
    }
    object.values().rev().find_map(|value| match value {
        Value::Object(_) => named(value),
        _ => None,
    })
}

/// Marks each record as processed, texts trimmed, and sums up its numbers.
pub(super) fn process(records: &[Value]) -> Value {
    let mut summary: Map<String, Value> = Map::new();
    let processed: Vec<Value> = records.iter().map(|record| one(record, &mut summary)).collect();
    json!({ "records": processed, "count": records.len(), "summary": summary })
}

fn one(record: &Value, summary: &mut Map<String, Value>) -> Value {
    let mut fields = match record {
        Value::Object(fields) => fields.clone(),
        other => Map::from_iter([("value".to_owned(), other.clone())]),
    };
    for (name, value) in &mut fields {
        if let Value::String(text) = value {
            *text = text.trim().to_owned();
        }
        if name != "id"
            && let Some(number) = value.as_f64()
        {
            add(summary, name, number);
        }
    }
    fields.insert("processed".to_owned(), Value::Bool(true));
    Value::Object(fields)
}

fn add(summary: &mut Map<String, Value>, name: &str, number: f64) {
    let so_far = summary.get(name);
    let of = |part: &str| so_far.and_then(|sums| sums[part].as_f64());
    let n = so_far.and_then(|sums| sums["n"].as_u64()).unwrap_or(0) + 1;
    let sum = of("sum").unwrap_or(0.0) + number;
    let min = of("min").map_or(number, |min| min.min(number));
    let max = of("max").map_or(number, |max| max.max(number));
    let sums = json!({ "n": n, "sum": sum, "min": min, "max": max, "mean": sum / n as f64 });
    summary.insert(name.to_owned(), sums);
}
