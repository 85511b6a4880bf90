//! Which fields of a document hold expressions.

use serde_json::Value as Json;

use super::code::Form;

/// What the value at a path of the document is read as; `None` if expressions mean nothing there. Fields that the document does not
/// have yet count as well.
#[must_use]
pub fn form_at<S: AsRef<str>>(document: &Json, path: &[S]) -> Option<Form> {
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    match path.as_slice() {
        ["tasks" | "finally" | "on_failure", _, rest @ ..] => {
            let task = document.get(path[0])?.get(path[1]);
            in_task(task.unwrap_or(&Json::Null), rest)
        }
        ["outputs", ..]
        | ["concurrency", "key"]
        | ["schedules" | "after" | "webhooks", _, "inputs", ..]
        | ["webhooks", _, "idempotency_key"] => Some(Form::Field),
        _ => None,
    }
}

fn in_task(task: &Json, path: &[&str]) -> Option<Form> {
    match path {
        ["when"] | ["needs", _, "when"] | ["loop", "until"] => Some(Form::Condition),
        ["queue_key"] | ["cache", "key", ..] | ["for_each", "items", ..] => Some(Form::Field),
        ["with", rest @ ..] => in_arguments(task, rest),
        ["undo", "with", rest @ ..] => in_arguments(task.get("undo").unwrap_or(&Json::Null), rest),
        _ => None,
    }
}

fn in_arguments(task: &Json, path: &[&str]) -> Option<Form> {
    let task_type = task.get("type").and_then(Json::as_str).unwrap_or_default();
    match (task_type, path) {
        ("switch", ["cases", _]) | ("wait", ["when"]) | ("loop", ["until"]) => Some(Form::Condition),
        ("loop", ["do", "with", rest @ ..]) => {
            let inner = task.get("with").and_then(|with| with.get("do"));
            in_arguments(inner.unwrap_or(&Json::Null), rest)
        }
        ("loop", ["do", ..]) => None,
        _ => Some(Form::Field),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn each_field_is_read_in_its_form() {
        let document = serde_json::json!({
            "tasks": {
                "pick": { "type": "switch", "undo": { "type": "wait" } },
                "again": { "type": "loop", "with": { "do": { "type": "wait" } } },
            },
        });
        let paths = "tasks.pick.when tasks.pick.name tasks.pick.needs.0.when tasks.pick.needs.0.task tasks.pick.with.cases.big \
            tasks.pick.with.default tasks.pick.undo.with.when tasks.pick.undo.with.for tasks.again.with.until tasks.again.with.do.type \
            tasks.again.with.do.with.when tasks.new.with.url.0 tasks.new.loop.until tasks.new.for_each.items tasks.new.for_each.max_parallel \
            outputs.a.b name layout.pick webhooks.w.inputs.a webhooks.w.token";
        let shown: String = paths
            .split_whitespace()
            .map(|path| {
                let steps: Vec<&str> = path.split('.').collect();
                match form_at(&document, &steps) {
                    Some(form) => format!("{path}: {form:?}\n"),
                    None => format!("{path}: -\n"),
                }
            })
            .collect();
        expect![[r#"
            tasks.pick.when: Condition
            tasks.pick.name: -
            tasks.pick.needs.0.when: Condition
            tasks.pick.needs.0.task: -
            tasks.pick.with.cases.big: Condition
            tasks.pick.with.default: Field
            tasks.pick.undo.with.when: Condition
            tasks.pick.undo.with.for: Field
            tasks.again.with.until: Condition
            tasks.again.with.do.type: -
            tasks.again.with.do.with.when: Condition
            tasks.new.with.url.0: Field
            tasks.new.loop.until: Condition
            tasks.new.for_each.items: Field
            tasks.new.for_each.max_parallel: -
            outputs.a.b: Field
            name: -
            layout.pick: -
            webhooks.w.inputs.a: Field
            webhooks.w.token: -
        "#]]
        .assert_eq(&shown);
    }
}
