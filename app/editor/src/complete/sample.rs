//! Samples of outputs, small whatever they were.

use serde_json::{Map, Value};

/// Items of a list, and characters of a text, that are kept of a sample.
const SAMPLE_ITEMS: usize = 100;
const SAMPLE_CHARS: usize = 2_000;
/// Values of a sample in all: enough to see its shape.
const SAMPLE_VALUES: usize = 5_000;
/// How deep a sample is kept.
const SAMPLE_DEPTH: usize = 12;

/// A sample small enough to be kept and evaluated at every key: the first items, the first characters.
#[must_use]
pub fn capped(value: &Value) -> Value {
    let mut left = SAMPLE_VALUES;
    cap(value, 0, &mut left)
}

fn cap(value: &Value, depth: usize, left: &mut usize) -> Value {
    *left = left.saturating_sub(1);
    match value {
        Value::String(text) if text.len() > SAMPLE_CHARS => {
            Value::from(text.chars().take(SAMPLE_CHARS).collect::<String>())
        }
        Value::Array(_) | Value::Object(_) if depth >= SAMPLE_DEPTH => Value::Null,
        Value::Array(items) => {
            let mut kept = Vec::new();
            for item in items.iter().take(SAMPLE_ITEMS) {
                if *left == 0 {
                    break;
                }
                kept.push(cap(item, depth + 1, left));
            }
            Value::Array(kept)
        }
        Value::Object(map) => {
            let mut kept = Map::new();
            for (key, value) in map {
                if *left == 0 {
                    break;
                }
                kept.insert(key.clone(), cap(value, depth + 1, left));
            }
            Value::Object(kept)
        }
        scalar => scalar.clone(),
    }
}
