//! What palette and validation know of the types that are evaluated where runs are decided.
//!
//! `transform` is one of them unless it has a jq program; see [`super::jq`].

use std::collections::BTreeMap;

use flow::HumanDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::task_type::TaskTypeInfo;

/// No arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read by the decision step; here only its schema is of use"
)]
struct FailArguments {
    /// Why, as a sentence.
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read by the decision step; here only its schema is of use"
)]
struct LogArguments {
    /// The line.
    message: Value,
    /// How much it matters.
    #[serde(default)]
    level: Level,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Level {
    Debug,
    #[default]
    Info,
    Warning,
    Error,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read by the decision step; here only its schema is of use"
)]
struct DelayArguments {
    /// How long to wait.
    #[serde(default, rename = "for")]
    duration: Option<HumanDuration>,
    /// Until when, such as `2026-01-31T12:00:00Z`.
    #[serde(default)]
    until: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read by the decision step; here only its schema is of use"
)]
struct SwitchArguments {
    /// Each case's name and the expression that takes it; the first that is true wins.
    cases: BTreeMap<String, Value>,
    /// The case taken if none is true. Without it the task then succeeds with null.
    #[serde(default)]
    default: Option<String>,
}

/// One of these arguments, and not both.
fn either(mut info: TaskTypeInfo, first: &str, second: &str) -> TaskTypeInfo {
    if let Some(schema) = info.input_schema.as_object_mut() {
        schema.insert(
            "oneOf".to_owned(),
            json!([{ "required": [first] }, { "required": [second] }]),
        );
    }
    info
}

pub(super) fn infos() -> Vec<TaskTypeInfo> {
    vec![
        TaskTypeInfo::new::<NoArguments, ()>(
            "noop",
            "No operation",
            "Does nothing; a place where edges meet.",
        )
        .shown_as("control", "circle"),
        TaskTypeInfo::new::<FailArguments, ()>("fail", "Fail", "Fails with a message.")
            .shown_as("control", "x-circle"),
        TaskTypeInfo::new::<LogArguments, Value>("log", "Log", "Writes a line into its log.")
            .shown_as("data", "message"),
        either(
            TaskTypeInfo::new::<DelayArguments, ()>(
                "delay",
                "Delay",
                "Waits before the flow goes on, holding no worker.",
            ),
            "for",
            "until",
        )
        .shown_as("control", "clock"),
        TaskTypeInfo::new::<SwitchArguments, String>(
            "switch",
            "Switch",
            "Takes the first case that is true.",
        )
        .shown_as("control", "switch"),
    ]
}
