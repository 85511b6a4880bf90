//! The expressions of a document and the tasks they name.

use flow::expr::{Form, TaskUse, form_at};
use serde_json::Value;

use super::path;
use crate::refusal::Refusal;

/// Reads which tasks a text of that form names: [`flow::expr::task_uses`]. A browser begins without it, for it is half of the engine.
pub type Reader = fn(&str, Form) -> Option<Vec<TaskUse>>;

/// The refusal of a change that needs a [`Reader`] where there is none yet.
pub const UNREAD: &str = "unread";

/// # Errors
/// There is none.
pub(super) fn need(reader: Option<Reader>) -> Result<Reader, Refusal> {
    reader.ok_or_else(|| {
        Refusal::new(
            UNREAD,
            "what reads expressions is not there yet, and one of them may name this task; try again",
        )
    })
}

/// A field with an expression.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    /// Where it stands.
    pub(crate) path: Vec<String>,
    /// What stands there.
    pub(crate) text: String,
    /// How it is read.
    pub(crate) form: Form,
}

/// All expressions of a document.
pub(crate) fn expressions(document: &Value) -> Vec<Expression> {
    let mut found = Vec::new();
    let Some(fields) = document.as_object() else {
        return found;
    };
    for (name, value) in fields {
        if !matches!(
            name.as_str(),
            "layout" | "notes" | "groups" | "pins" | "inputs" | "labels"
        ) {
            look(document, value, &mut vec![name.clone()], &mut found);
        }
    }
    found
}

fn look(document: &Value, value: &Value, path: &mut Vec<String>, found: &mut Vec<Expression>) {
    match value {
        Value::String(text) => {
            let Some(form) = form_at(document, path) else {
                return;
            };
            if form == Form::Condition || text.contains("{{") || text.contains("{%") {
                found.push(Expression {
                    path: path.clone(),
                    text: text.clone(),
                    form,
                });
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push(at.to_string());
                look(document, item, path, found);
                path.pop();
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                path.push(key.clone());
                look(document, value, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

impl Expression {
    /// Whether one of these tasks may be named in it. In a quoted text any letter may be written as its number.
    pub(super) fn may_name<'t>(&self, mut tasks: impl Iterator<Item = &'t str>) -> bool {
        tasks.any(|task| self.text.contains(task)) || self.text.contains('\\')
    }

    /// The places where it names a task; `None` if it cannot be read.
    pub(crate) fn uses(&self, reader: Reader) -> Option<Vec<TaskUse>> {
        reader(&self.text, self.form)
    }

    /// What is told when it cannot be read although a task it may name is called something else now.
    pub(crate) fn left_alone(&self) -> String {
        format!(
            "The expression in `{}` cannot be read, so it was left as it is.",
            self.path.join(".")
        )
    }
}

/// A task's place in a group.
pub(crate) struct Membership {
    /// The path of the entry that names it.
    pub(crate) path: Vec<String>,
    /// How many tasks the group has.
    pub(crate) n_tasks: usize,
}

/// Where groups name a task, in the order of the document.
pub(crate) fn memberships(document: &Value, task: &str) -> Vec<Membership> {
    let groups = document.get("groups").and_then(Value::as_object);
    let mut found = Vec::new();
    for (id, group) in groups.into_iter().flatten() {
        let Some(tasks) = group.get("tasks").and_then(Value::as_array) else {
            continue;
        };
        let named = tasks.iter().enumerate().filter(|(_, member)| *member == task);
        found.extend(named.map(|(at, _)| Membership {
            path: path(&["groups", id, "tasks", &at.to_string()]),
            n_tasks: tasks.len(),
        }));
    }
    found
}

/// The step to a task of another name, written as the old one was: `.fetch`, `['fetch']`.
pub(crate) fn named(old: &str, name: &str) -> String {
    let is_word = !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let old = old.trim();
    if let Some(quote) = old
        .strip_prefix('[')
        .and_then(|rest| rest.trim_start().chars().next())
        && matches!(quote, '"' | '\'')
    {
        return format!("[{quote}{name}{quote}]");
    }
    if is_word {
        format!(".{name}")
    } else {
        format!("['{name}']")
    }
}
