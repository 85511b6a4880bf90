//! References to secrets: what one looks like, where it may stand, where a task has some.
//!
//! A reference is a text that is nothing but `{{ secrets.name }}`. It is no expression: nothing evaluates it, events hold it as it
//! is written, and the worker puts the value in its place just before the attempt. It does so at the places where the *document* has a
//! reference and nowhere else, so a value that only looks like one, such as an input somebody sends, stays the text it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::doc::FlowDoc;
use crate::limits;

/// The mark in a schema of fields that may hold a reference.
pub const MARK: &str = "x-secret";

/// A reference in the arguments of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// Where, as a JSON pointer into the arguments.
    pub pointer: String,
    /// The secret's name.
    pub name: Arc<str>,
}

/// The name of the secret a text refers to, if it is a reference and nothing else.
#[must_use]
pub fn reference(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?.trim();
    inner.strip_prefix("secrets.").filter(|name| is_name(name))
}

/// Whether a secret or variable can be called this: a name that expressions read without quotes.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_first = |first: u8| first.is_ascii_alphabetic() || first == b'_';
    name.len() <= limits::ID_BYTES_MAX
        && name.bytes().next().is_some_and(is_first)
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The references in the arguments of a task, in their order.
#[must_use]
pub fn uses(with: &Map<String, Value>) -> Vec<SecretUse> {
    let mut found = Vec::new();
    for (name, value) in with {
        find(value, &step("", name), 0, &mut found);
    }
    found
}

/// The names of all secrets a document refers to.
#[must_use]
pub fn named_by(doc: &FlowDoc) -> BTreeSet<String> {
    let groups = [&doc.tasks, &doc.finally, &doc.on_failure];
    let tasks = groups.into_iter().flat_map(|group| group.values());
    let withs = tasks.flat_map(|task| [Some(&task.with), task.undo.as_ref().map(|undo| &undo.with)]);
    let in_tasks = withs.flatten().flat_map(uses).map(|found| found.name.to_string());
    let hooks = doc.webhooks.values();
    let in_hooks = hooks.flat_map(|hook| [&hook.token, &hook.signature]).flatten();
    let mails = doc
        .notify
        .values()
        .filter_map(|rule| Some(&rule.mail.as_ref()?.smtp));
    let calls = doc.notify.values().filter_map(|rule| rule.webhook.as_ref());
    let in_rules = mails.chain(calls.flat_map(|call| std::iter::once(&call.url).chain(&call.secret)));
    let in_hooks = in_hooks.chain(in_rules);
    in_tasks
        .chain(in_hooks.filter_map(|text| reference(text)).map(str::to_owned))
        .collect()
}

fn find(value: &Value, pointer: &str, depth: usize, found: &mut Vec<SecretUse>) {
    match value {
        Value::String(text) => found.extend(reference(text).map(|name| SecretUse {
            pointer: pointer.to_owned(),
            name: name.into(),
        })),
        _ if depth > limits::DEPTH_MAX => {}
        Value::Array(items) => {
            for (ix, item) in items.iter().enumerate() {
                find(item, &format!("{pointer}/{ix}"), depth + 1, found);
            }
        }
        Value::Object(map) => {
            for (name, value) in map {
                find(value, &step(pointer, name), depth + 1, found);
            }
        }
        _ => {}
    }
}

fn step(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Whether the schema of a task type's arguments lets a reference stand at this place: the field or one around it bears the mark.
#[must_use]
pub fn may_stand(schema: &Value, pointer: &str) -> bool {
    let steps: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect();
    is_marked(schema, schema, &steps, 0)
}

/// The arguments of a task type that take references, themselves or inside, for a hint.
#[must_use]
pub fn fields(schema: &Value) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let takes = |field: &Value| bears_mark(schema, field, 0);
    let marked = properties.into_iter().flatten().filter(|(_, field)| takes(field));
    marked.map(|(name, _)| name.as_str()).collect()
}

/// References from one part of a schema to another followed at most: a schema may refer to itself.
const HOPS_MAX: usize = 32;

fn is_marked(root: &Value, schema: &Value, steps: &[String], hops: usize) -> bool {
    if schema.get(MARK) == Some(&Value::Bool(true)) {
        return true;
    }
    if hops > HOPS_MAX {
        return false;
    }
    let through = |next: &Value, steps: &[String]| is_marked(root, next, steps, hops + 1);
    if referred(root, schema).is_some_and(|other| through(other, steps))
        || choices(schema).any(|choice| through(choice, steps))
    {
        return true;
    }
    let Some((first, rest)) = steps.split_first() else {
        return false;
    };
    let own = schema.get("properties").and_then(|fields| fields.get(first));
    let of_place = || schema.get("items").filter(|_| first.parse::<usize>().is_ok());
    own.or_else(|| schema.get("additionalProperties"))
        .or_else(of_place)
        .is_some_and(|next| through(next, rest))
}

/// Whether the mark is on a field or anywhere inside it.
fn bears_mark(root: &Value, field: &Value, hops: usize) -> bool {
    if field.get(MARK) == Some(&Value::Bool(true)) {
        return true;
    }
    let inside = field.get("properties").and_then(Value::as_object);
    hops <= HOPS_MAX
        && referred(root, field)
            .into_iter()
            .chain(choices(field))
            .chain(inside.into_iter().flatten().map(|(_, field)| field))
            .chain(field.get("additionalProperties"))
            .chain(field.get("items"))
            .any(|next| bears_mark(root, next, hops + 1))
}

fn referred<'s>(root: &'s Value, schema: &Value) -> Option<&'s Value> {
    root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
}

fn choices(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf", "allOf"]
        .into_iter()
        .filter_map(|word| schema.get(word)?.as_array())
        .flatten()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_bare() {
        for (text, name) in [
            ("{{ secrets.smtp }}", Some("smtp")),
            ("{{secrets.a_1}}", Some("a_1")),
            ("{{ secrets.smtp }} ", None),
            ("Bearer {{ secrets.smtp }}", None),
            ("{{ secrets.smtp | upper }}", None),
            ("{{ secrets.a }}{{ secrets.b }}", None),
            ("{{ secrets['a'] }}", None),
            ("{{ secrets.1a }}", None),
            ("{{ secrets. }}", None),
            ("secrets.smtp", None),
            ("{{}}", None),
            ("{{}", None),
        ] {
            assert_eq!(reference(text), name, "{text}");
        }
    }

    /// All references in `with`, and whether the schema lets them stand there.
    fn check(with: &Value, expected: Expect) {
        let schema = json!({
            "properties": {
                "url": {"type": "string"},
                "headers": {"x-secret": true, "type": "object"},
                "auth": {"anyOf": [{"$ref": "#/$defs/Auth"}, {"type": "null"}]},
                "list": {"items": {"properties": {"key": {"x-secret": true}}}},
                "env": {"additionalProperties": {"x-secret": true}},
                "self": {"$ref": "#"},
            },
            "$defs": {"Auth": {"properties": {"password": {"x-secret": true}, "name": {"type": "string"}}}},
        });
        let with = with.as_object().expect("arguments");
        let told: String = uses(with)
            .iter()
            .map(|one| {
                let word = if may_stand(&schema, &one.pointer) {
                    "may"
                } else {
                    "may not"
                };
                format!("{} {} {word}\n", one.pointer, one.name)
            })
            .collect();
        expected.assert_eq(&told);
        assert_eq!(fields(&schema), ["headers", "auth", "list", "env", "self"]);
    }

    #[test]
    fn places_are_judged_by_the_schema() {
        check(
            &json!({
                "url": "{{ secrets.a }}",
                "headers": {"x/y~z": "{{ secrets.b }}", "deep": [["{{ secrets.c }}"]]},
                "auth": {"password": "{{ secrets.d }}", "name": "{{ secrets.e }}"},
                "list": [1, {"key": "{{ secrets.f }}", "other": "{{ secrets.g }}"}],
                "env": {"A": "{{ secrets.h }}"},
                "self": {"self": {"url": "{{ secrets.i }}", "env": {"B": "{{ secrets.j }}"}}},
                "unknown": "{{ secrets.k }}",
            }),
            expect![[r#"
                /url a may not
                /headers/x~1y~0z b may
                /headers/deep/0/0 c may
                /auth/password d may
                /auth/name e may not
                /list/1/key f may
                /list/1/other g may not
                /env/A h may
                /self/self/url i may not
                /self/self/env/B j may
                /unknown k may not
            "#]],
        );
    }
}
