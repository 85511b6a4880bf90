//! The predecessor's document as it is written, and its fields.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::parse::shape::Shape::{AnyMap, ListOf, Struct, Text};
use crate::parse::shape::{Field, Fields, Shape};

/// `{"flow": …}`
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) flow: Flow,
}

/// The flow.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Flow {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) start_task: String,
    pub(super) tasks: Vec<Task>,
    pub(super) conditions: Vec<Condition>,
}

/// One of its tasks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) task_type: String,
    pub(super) parameters: Map<String, Value>,
}

/// What comes after a task. A target that is missing is `end`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    pub(super) source_task: String,
    pub(super) outcome: String,
    pub(super) target_task_success: Option<String>,
    pub(super) target_task_failure: Option<String>,
}

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        required: false,
        shape,
    }
}

const fn required(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        required: true,
        shape,
    }
}

pub(super) static DOCUMENT: Fields = Fields {
    what: "the document",
    fields: &[required("flow", Struct(&FLOW))],
};

static FLOW: Fields = Fields {
    what: "a flow",
    fields: &[
        required("id", Text),
        optional("name", Text),
        optional("description", Text),
        required("start_task", Text),
        required("tasks", ListOf(&Struct(&TASK))),
        optional("conditions", ListOf(&Struct(&CONDITION))),
    ],
};

static TASK: Fields = Fields {
    what: "a task",
    fields: &[
        required("name", Text),
        optional("description", Text),
        required("task_type", Text),
        optional("parameters", AnyMap),
    ],
};

static CONDITION: Fields = Fields {
    what: "a condition",
    fields: &[
        optional("name", Text),
        optional("description", Text),
        required("source_task", Text),
        required("outcome", Text),
        optional("target_task_success", Text),
        optional("target_task_failure", Text),
    ],
};
