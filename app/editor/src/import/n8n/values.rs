//! Expressions of n8n, as far as they are paths into what a node before gave.

use serde_json::{Value, json};

use super::Reader;
use crate::import::sketch::{literal, steps, task_path};

impl<'n> Reader<'n> {
    /// A value inside an expression.
    pub(super) fn operand(&self, name: &str, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => match text.strip_prefix('=') {
                Some(inner) => {
                    let inner = inner.trim().strip_prefix("{{")?.strip_suffix("}}")?;
                    self.path(name, inner.trim())
                }
                None => Some(value.to_string()),
            },
            Value::Null => Some("none".to_owned()),
            Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
            _ => None,
        }
    }

    /// A parameter as a value: expressions become expressions, everything else stays.
    pub(super) fn value(&mut self, id: &str, name: &'n str, field: &str, value: &Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('=') {
                Some(template) => self.template(id, name, field, template),
                None => json!(literal(text)),
            },
            Value::Array(items) => items
                .iter()
                .map(|item| self.value(id, name, field, item))
                .collect(),
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(key, value)| (key.clone(), self.value(id, name, field, value)))
                    .collect(),
            ),
            scalar => scalar.clone(),
        }
    }

    pub(super) fn template(&mut self, id: &str, name: &str, field: &str, template: &str) -> Value {
        let mut made = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            made.push_str(&literal(before));
            let Some((inner, behind)) = after.split_once("}}") else {
                rest = "";
                self.sketch.tell(format!(
                    "`{field}` of `{id}` holds a text that does not end: `{}`.",
                    literal(template)
                ));
                break;
            };
            match self.path(name, inner.trim()) {
                Some(path) => made.push_str(&format!("{{{{ {path} }}}}")),
                None => {
                    made.push_str(&format!("{{ {{{inner}}} }}"));
                    self.sketch.tell(format!(
                        "`{field}` of `{id}` holds an expression that has to be written anew: `{}`.",
                        literal(inner.trim())
                    ));
                }
            }
            rest = behind;
        }
        made.push_str(&literal(rest));
        json!(made)
    }

    /// The node whose output a node is given; nodes that only direct items hand them on.
    fn item_of(&self, name: &str) -> Option<&'n str> {
        let mut at = name;
        for _ in 0..=self.nodes.len() {
            let before = self.before.get(at)?;
            let mut known = before.iter().filter(|node| self.tasks.contains_key(**node));
            let (Some(only), None) = (known.next(), known.next()) else {
                return None;
            };
            let kind = self.nodes.iter().find(|node| node.name == *only)?.kind;
            if !matches!(kind, "if" | "switch" | "noOp" | "wait") {
                return Some(only);
            }
            at = only;
        }
        None
    }

    /// A path such as `$json.a.b` or `$('Node').item.json.a`; `None` for everything that is more than that.
    pub(super) fn path(&self, name: &str, expression: &str) -> Option<String> {
        let (node, rest) = if let Some(rest) = expression.strip_prefix("$json") {
            (self.item_of(name)?, rest)
        } else {
            let rest = expression
                .strip_prefix("$node[")
                .or_else(|| expression.strip_prefix("$("))?;
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (node, rest) = rest[1..].split_once(quote)?;
            let rest = rest.strip_prefix([']', ')'])?;
            let rest = [".item.json", ".first().json", ".last().json", ".json"]
                .iter()
                .find_map(|part| rest.strip_prefix(part))?;
            (self.nodes.iter().find(|known| known.name == node)?.name, rest)
        };
        let task = self.tasks.get(node)?;
        let is_http = self
            .nodes
            .iter()
            .any(|known| known.name == node && known.kind == "httpRequest");
        let body = if is_http { ".body" } else { "" };
        Some(format!(
            "{}.output{body}{}",
            task_path(task),
            steps(&members(rest)?)
        ))
    }
}

/// The members of `.a["b c"][0]`.
fn members(path: &str) -> Option<Vec<String>> {
    let mut members = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(after.len());
            members.push(after[..end].to_owned());
            rest = &after[end..];
            if end == 0 {
                return None;
            }
        } else {
            let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
            let inner = inner.trim();
            let unquoted = inner
                .strip_prefix(['"', '\''])
                .and_then(|inner| inner.strip_suffix(['"', '\'']));
            match unquoted {
                Some(name) if !name.contains(['"', '\'']) => members.push(name.to_owned()),
                None if inner.parse::<u32>().is_ok() => members.push(inner.to_owned()),
                _ => return None,
            }
            rest = after;
        }
    }
    Some(members)
}
