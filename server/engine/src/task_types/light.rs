//! What palette and validation know of the types that are evaluated where runs are decided.
//!
//! `transform` is one of them unless it has a jq program; see [`super::jq`].

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use flow::HumanDuration;
use flow::looping::LoopWith;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

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
    #[schemars(extend("x-ordered" = true))]
    cases: BTreeMap<String, Value>,
    /// The case taken if none is true. Without it the task then succeeds with null.
    #[serde(default)]
    default: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read by the decision step; here only its schema is of use"
)]
struct WaitArguments {
    /// Until when, such as `2026-01-31T12:00:00Z`.
    #[serde(default)]
    until: Option<String>,
    /// A condition that is judged again and again; it also sees `now`.
    #[serde(default)]
    when: Option<Condition>,
    /// How often it looks at the condition: each minute unless given, at most each second.
    #[serde(default)]
    poll: Option<HumanDuration>,
    /// How long it waits in all; then the task fails.
    #[serde(default)]
    timeout: Option<HumanDuration>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "read by the decision step; here only its schema is of use"
)]
enum Condition {
    Constant(bool),
    Expression(String),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read by the decision step; here only its schema is of use"
)]
struct SignalArguments {
    /// What it waits for; the task's id unless given. Tasks that wait for the same name get the same signal.
    #[serde(default)]
    name: Option<String>,
    /// How long it waits in all; then it gives the default, or fails if there is none.
    #[serde(default)]
    timeout: Option<HumanDuration>,
    /// What it gives if nothing came in time.
    #[serde(default)]
    default: Option<Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read by the decision step; here only its schema is of use"
)]
struct ApprovalArguments {
    /// What the person is asked.
    #[serde(default)]
    title: Option<String>,
    /// JSON Schema of what the person fills in to approve.
    #[serde(default)]
    form: Option<Map<String, Value>>,
    /// How long it waits in all.
    #[serde(default)]
    timeout: Option<HumanDuration>,
    /// What happens then: the task fails, or it is as if somebody had approved or rejected.
    #[serde(default)]
    on_timeout: OnTimeout,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OnTimeout {
    #[default]
    Fail,
    Approve,
    Reject,
}

#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "made by the decision step; here only its schema is of use"
)]
struct Answer {
    /// Yes or no.
    approved: bool,
    /// Who answered; `timeout` if nobody did.
    by: String,
    /// When.
    at: String,
    /// What the person had to say.
    comment: Option<String>,
    /// What the person filled in.
    values: Value,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read by the decision step; here only its schema is of use"
)]
struct SubflowArguments {
    /// The flow's id.
    flow: String,
    /// What its run is given.
    #[serde(default)]
    inputs: Map<String, Value>,
    /// Its version; the newest unless given.
    #[serde(default)]
    version: Option<NonZeroU32>,
    /// Whether the task waits for the run's end and gives its outputs. Else it gives the run's id and version at once.
    #[serde(default = "yes")]
    wait: bool,
}

const fn yes() -> bool {
    true
}

/// One of two arguments, and not both; what follows each of them goes with it alone.
fn either(mut info: TaskTypeInfo, first: &[&str], second: &[&str]) -> TaskTypeInfo {
    let branch = |names: &[&str]| {
        let mut branch = json!({ "required": [names[0]] });
        for name in &names[1..] {
            branch["properties"][name] = json!(true);
        }
        branch
    };
    if let Some(schema) = info.input_schema.as_object_mut() {
        schema.insert("oneOf".to_owned(), json!([branch(first), branch(second)]));
    }
    info
}

pub(super) fn infos() -> Vec<TaskTypeInfo> {
    let mut infos = waiting();
    infos.extend([
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
            &["for"],
            &["until"],
        )
        .shown_as("control", "clock"),
        TaskTypeInfo::new::<SwitchArguments, String>(
            "switch",
            "Switch",
            "Takes the first case that is true.",
        )
        .shown_as("control", "switch"),
    ]);
    infos
}

/// Those that wait for the world, for people and for other runs.
fn waiting() -> Vec<TaskTypeInfo> {
    vec![
        either(
            TaskTypeInfo::new::<WaitArguments, ()>(
                "wait",
                "Wait",
                "Waits for a time or until a condition holds, holding no worker.",
            ),
            &["until"],
            &["when", "poll"],
        )
        .shown_as("control", "clock"),
        TaskTypeInfo::new::<SignalArguments, Value>(
            "signal",
            "Signal",
            "Waits for something from outside and gives what came with it.",
        )
        .shown_as("control", "bell"),
        TaskTypeInfo::new::<ApprovalArguments, Answer>(
            "approval",
            "Approval",
            "Waits for a person to approve or reject.",
        )
        .shown_as("control", "user-check"),
        TaskTypeInfo::new::<SubflowArguments, Value>(
            "subflow",
            "Subflow",
            "Runs another flow and gives its outputs.",
        )
        .shown_as("control", "flow"),
        either(
            TaskTypeInfo::new::<LoopWith, Value>(
                "loop",
                "Loop",
                "Does a task or runs a flow again and again until a condition holds.",
            ),
            &["do"],
            &["flow", "inputs", "version"],
        )
        .shown_as("control", "repeat"),
    ]
}
