//! The JSON Schema of the flow document, generated from its types.

use serde_json::Value;

use crate::doc::FlowDoc;

/// The JSON Schema (2020-12) of a flow document: what editors complete and check against.
#[must_use]
pub fn document_schema() -> Value {
    let mut schema = schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<FlowDoc>();
    schema.insert("title".to_owned(), "Pointwork flow".into());
    schema.to_value()
}

/// The schema of a task, with what it refers to in `$defs`; that of the flow around it stands in `x-flow`.
#[must_use]
pub fn task_schema() -> Value {
    let mut schema = document_schema();
    let mut task = schema.pointer("/$defs/TaskDoc").cloned().unwrap_or_default();
    if let Some(task) = task.as_object_mut() {
        task.insert(
            "x-flow".to_owned(),
            serde_json::json!({
                "type": "object",
                "properties": schema["properties"].take(),
                "required": schema["required"].take(),
            }),
        );
        task.insert("$defs".to_owned(), schema["$defs"].take());
    }
    task
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_fit_the_schema() {
        let schema = document_schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let validator = jsonschema::validator_for(&schema).expect("the schema is one");
        let doc = serde_json::json!({"flow": "a", "tasks": {"b": {"type": "noop", "timeout": "3s", "needs": ["c", {"task": "d", "on": ["failed"]}]}}, "layout": {"b": [1, 2]}});
        assert!(
            validator.is_valid(&doc),
            "{:?}",
            validator.iter_errors(&doc).collect::<Vec<_>>()
        );
        assert!(
            !validator.is_valid(
                &serde_json::json!({"flow": "a", "tasks": {"b": {"type": "noop", "timout": "3s"}}})
            )
        );
        assert!(!validator.is_valid(&serde_json::json!({"flow": "a"})));
    }
}
