//! Help while the document is typed as text: which fields and values may stand at the cursor, by the schemas that forms are made from,
//! and what a field is for.

mod spot;

use std::ops::Range;

use flow::parse::Format;
use flow::view::TaskTypeView;
use serde_json::{Map, Value};

use crate::changes::{task_ids, upstream};
use crate::complete::{self, Completion, ITEMS_MAX, Kind, Known, Suggestion};
use crate::form::schema::{Root, array};
use spot::{Spot, What};

/// Columns by which what stands below a field is moved to the right.
const INDENT: usize = 2;

/// The outcomes that an edge may be taken on, besides the cases of a switch.
const OUTCOMES: [&str; 5] = ["succeeded", "failed", "skipped", "cancelled", "always"];

/// A document that is being typed, and what is known of it.
#[derive(Clone, Copy)]
pub struct Writing<'w> {
    /// The text as it is, which may not be readable.
    pub text: &'w str,
    /// How it is written.
    pub format: Format,
    /// The document as it could be read last.
    pub document: &'w Value,
    /// The types of tasks.
    pub types: &'w [TaskTypeView],
    /// The schema of a task, with that of the flow in `x-flow`.
    pub schema: &'w Value,
    /// What is known besides.
    pub known: &'w Known,
}

/// What may stand at the cursor (a byte of the text).
#[must_use]
pub fn complete_text(writing: &Writing<'_>, cursor: usize) -> Completion {
    let none = Completion::default();
    let Some(spot) = spot::spot(writing.text, writing.format, cursor) else {
        return none;
    };
    let is_value = matches!(spot.what, What::Value | What::Item | What::Text);
    if is_value && let Some(found) = writing.in_expression(&spot, cursor) {
        return found;
    }
    let mut items = match spot.what {
        What::Key => writing.keys(&spot, &spot.path),
        What::Value => writing.values(&spot),
        What::Item => {
            let mut items = writing.values(&spot);
            if !spot.is_quoted {
                items.extend(writing.keys(&spot, &spot.path));
            }
            items
        }
        What::Text => return none,
    };
    let typed = writing.text[spot.typed.clone()].to_lowercase();
    items.retain(|item| item.label.to_lowercase().contains(&typed));
    items.sort_by_key(|item| !item.label.to_lowercase().starts_with(&typed));
    items.truncate(ITEMS_MAX);
    // What stands there already as a whole needs no help.
    if matches!(&items[..], [only] if only.label.to_lowercase() == typed) {
        return none;
    }
    Completion {
        range: spot.typed,
        items,
    }
}

/// What the word at a place (a byte of the text) is for, and what an expression there gives; none if nothing is known.
#[must_use]
pub fn explain(writing: &Writing<'_>, at: usize) -> Option<String> {
    let rest = writing.text.get(at..)?;
    let is_word = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let end = at + rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    let spot = spot::spot(writing.text, writing.format, end)?;
    let mut path = spot.path.clone();
    if spot.what == What::Key {
        path.push(writing.text[spot.typed.clone()].to_owned());
    }
    let name = path.iter().rev().find(|step| step.parse::<usize>().is_err())?;
    let schemas = branches(writing.root_of(&path), writing.schema_at(&path)?);
    let says = [kind(&schemas), schemas.iter().find_map(about).unwrap_or_default()];
    let says: Vec<String> = says.into_iter().filter(|part| !part.is_empty()).collect();
    let mut told = format!("{name}: {}", says.join(" · "));
    if spot.what == What::Value
        && let Some(type_key) = path
            .ends_with(&["type".to_owned()])
            .then(|| writing.text_at(&path))
            .flatten()
        && let Some(known) = writing.types.iter().find(|known| known.key == type_key)
    {
        told = format!("{}: {}", known.title, known.summary);
    }
    let value = writing.document_at(&spot.path).and_then(Value::as_str);
    if spot.what != What::Key
        && let Some(value) = value
        && complete::is_expression(writing.document, &spot.path, value)
        && let Some(Ok(gives)) = complete::preview(writing.document, &spot.path, value, writing.known)
    {
        told = format!("= {}", short(&gives.to_string()));
    }
    Some(told)
}

impl Writing<'_> {
    /// What may stand in an expression, if the cursor stands in one.
    fn in_expression(&self, spot: &Spot, cursor: usize) -> Option<Completion> {
        let start = spot.typed.start;
        let rest = self.text.get(start..)?;
        // The value goes on behind the cursor.
        let typed = cursor - start;
        let end = rest[typed..].find('\n').map_or(rest.len(), |more| typed + more);
        let value = &rest[..end];
        let found = complete::complete(self.document, &spot.path, value, typed, self.known);
        (!found.items.is_empty()).then(|| Completion {
            range: start + found.range.start..start + found.range.end,
            items: found.items,
        })
    }

    fn document_at(&self, path: &[String]) -> Option<&Value> {
        path.iter().try_fold(self.document, |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            other => other.get(step),
        })
    }

    fn text_at(&self, path: &[String]) -> Option<&str> {
        self.document_at(path)?.as_str()
    }

    /// The schema of what stands at a path, with everything merged that holds for the document as it is.
    fn schema_at(&self, path: &[String]) -> Option<Map<String, Value>> {
        let flow = self.schema.get("x-flow");
        let is_task = path.len() >= 2 && matches!(path[0].as_str(), "tasks" | "finally" | "on_failure");
        let mut root = Root(self.schema);
        let (mut schema, mut at) = match is_task {
            true => (self.schema.clone(), 2),
            false => (flow?.clone(), 0),
        };
        loop {
            let here = self.document_at(&path[..at]);
            let whole = root.whole(&schema, here);
            let Some(step) = path.get(at) else {
                return Some(whole);
            };
            // What the arguments are says the type beside them.
            if step == "with"
                && let Some(key) = here.and_then(|here| here.get("type")?.as_str())
                && let Some(known) = self.types.iter().find(|known| known.key == key)
            {
                root = Root(&known.input_schema);
                schema = known.input_schema.clone();
            } else {
                schema = below(root, &whole, step)?;
            }
            at += 1;
        }
    }

    /// The fields that may stand in the mapping at a path and are not there yet.
    fn keys(&self, spot: &Spot, path: &[String]) -> Vec<Suggestion> {
        let there = self.document_at(path).and_then(Value::as_object);
        let typed = &self.text[spot.typed.clone()];
        let is_new = |name: &str| name == typed || there.is_none_or(|there| !there.contains_key(name));
        if let [only] = path
            && matches!(only.as_str(), "pins" | "layout")
        {
            let ids = task_ids(self.document).map(|(_, id)| id);
            let new = ids.filter(|id| is_new(id));
            return new.map(|id| self.key(spot, id, &[], Kind::Task)).collect();
        }
        let Some(schema) = self.schema_at(path) else {
            return Vec::new();
        };
        let root = self.root_of(path);
        let mut items: Vec<Suggestion> = Vec::new();
        for branch in branches(root, schema) {
            let fields = branch.get("properties").and_then(Value::as_object);
            for (name, field) in fields.into_iter().flatten() {
                if is_new(name) && items.iter().all(|item| item.label != *name) {
                    let all = branches(root, root.whole(field, None));
                    items.push(self.key(spot, name, &all, Kind::Field));
                }
            }
        }
        items
    }

    /// The schema that references at a path are looked up in.
    fn root_of(&self, path: &[String]) -> Root<'_> {
        let with = path.iter().rposition(|step| step == "with");
        let of_type = with.and_then(|at| {
            let key = self.document_at(&path[..at])?.get("type")?.as_str()?;
            self.types.iter().find(|known| known.key == key)
        });
        Root(of_type.map_or(self.schema, |known| &known.input_schema))
    }

    fn key(&self, spot: &Spot, name: &str, schemas: &[Map<String, Value>], as_kind: Kind) -> Suggestion {
        let is = |kind: &str| schemas.iter().any(|schema| is_of_kind(schema, kind));
        let insert = match self.format {
            Format::Json if spot.is_quoted => format!("{name}\": "),
            Format::Json => format!("\"{name}\": "),
            Format::Yaml if spot.is_quoted => name.to_owned(),
            Format::Yaml => {
                let below = spot.column + INDENT;
                match () {
                    () if spot.is_bracketed || is("string") => format!("{name}: "),
                    () if is("object") => format!("{name}:\n{:below$}", ""),
                    () if is("array") => format!("{name}:\n{:below$}- ", ""),
                    () => format!("{name}: "),
                }
            }
        };
        let about = schemas.iter().find_map(about);
        Suggestion {
            label: name.to_owned(),
            insert,
            kind: as_kind,
            detail: about.unwrap_or_else(|| kind(schemas)),
        }
    }

    /// The values that may stand in the field at the spot.
    fn values(&self, spot: &Spot) -> Vec<Suggestion> {
        let path: Vec<&str> = spot.path.iter().map(String::as_str).collect();
        let suggest = |value: &Value, kind: Kind, detail: &str| Suggestion {
            label: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            insert: self.written(value, spot.is_quoted),
            kind,
            detail: detail.to_owned(),
        };
        let tasks = |section: &str, but: &[&str]| -> Vec<Suggestion> {
            let tasks = self.document.get(section).and_then(Value::as_object);
            let others = tasks
                .into_iter()
                .flatten()
                .filter(|(id, _)| !but.contains(&id.as_str()));
            others
                .map(|(id, task)| {
                    let name = task.get("name").and_then(Value::as_str).unwrap_or_default();
                    suggest(&Value::from(id.as_str()), Kind::Task, name)
                })
                .collect()
        };
        match path[..] {
            [.., "type"] if path.len() > 2 && self.is_task_type(&path) => {
                let types = self.types.iter();
                return types
                    .map(|known| suggest(&Value::from(known.key.as_str()), Kind::Name, &known.summary))
                    .collect();
            }
            [section, own, "needs", at] | [section, own, "needs", at, "task"] => {
                let needs = self
                    .document
                    .get(section)
                    .and_then(|tasks| tasks.get(own)?.get("needs")?.as_array());
                let others = needs.into_iter().flatten().enumerate();
                let mut but: Vec<&str> = others
                    .filter(|(ix, _)| ix.to_string() != at)
                    .filter_map(|(_, need)| upstream(need))
                    .collect();
                but.push(own);
                return tasks(section, &but);
            }
            [section, own, "needs", at, "on"] | [section, own, "needs", at, "on", _] => {
                let need = self.document_at(&[section, own, "needs", at].map(str::to_owned));
                let cases = need.and_then(upstream).and_then(|up| {
                    self.document
                        .get(section)?
                        .get(up)?
                        .get("with")?
                        .get("cases")?
                        .as_object()
                });
                let cases = cases.into_iter().flatten().map(|(case, _)| case.as_str());
                let words = cases.chain(OUTCOMES);
                return words
                    .map(|word| suggest(&Value::from(word), Kind::Name, ""))
                    .collect();
            }
            ["groups", _, "tasks", _] => return tasks("tasks", &[]),
            _ => {}
        }
        let Some(schema) = self.schema_at(&spot.path) else {
            return Vec::new();
        };
        let root = self.root_of(&spot.path);
        let mut items: Vec<Suggestion> = Vec::new();
        let mut offer = |value: &Value, detail: &str| {
            let item = suggest(value, Kind::Name, detail);
            if !value.is_object() && !value.is_array() && items.iter().all(|other| other.label != item.label)
            {
                items.push(item);
            }
        };
        for branch in branches(root, schema) {
            let about = branch
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let about = first_sentence(about);
            array(&branch, "enum").iter().for_each(|value| offer(value, ""));
            if let Some(only) = branch.get("const") {
                offer(only, &about);
            }
            if branch.get("type").and_then(Value::as_str) == Some("boolean") {
                offer(&Value::Bool(true), "");
                offer(&Value::Bool(false), "");
            }
            if let Some(usual) = branch.get("default").filter(|usual| !usual.is_null()) {
                offer(usual, "usual");
            }
            array(&branch, "examples")
                .iter()
                .for_each(|value| offer(value, "for example"));
        }
        items
    }

    /// Whether a field `type` at a path is that of a task: so it is in sections, in `undo` and in what a loop does, and not in inputs.
    fn is_task_type(&self, path: &[&str]) -> bool {
        matches!(path[0], "tasks" | "finally" | "on_failure")
            && (path.len() == 3 || matches!(path[path.len() - 2], "undo" | "do"))
    }

    /// A value as it is written there.
    fn written(&self, value: &Value, is_quoted: bool) -> String {
        let Some(text) = value.as_str() else {
            return value.to_string();
        };
        let quoted = Value::from(text).to_string();
        match (self.format, is_quoted) {
            (_, true) => quoted[1..quoted.len() - 1].to_owned(),
            (Format::Json, false) => quoted,
            (Format::Yaml, false) if is_plain(text) => text.to_owned(),
            (Format::Yaml, false) => quoted,
        }
    }
}

/// Whether a text means itself in YAML without quotation marks, wherever it stands.
fn is_plain(text: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    let begins = text.starts_with(|c: char| c.is_alphabetic());
    let means_else = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    begins && text.chars().all(is_word) && !means_else.contains(&text.to_lowercase().as_str())
}

/// The schema of what stands one step below.
fn below(root: Root<'_>, whole: &Map<String, Value>, step: &str) -> Option<Value> {
    for branch in branches(root, whole.clone()) {
        let field = branch.get("properties").and_then(|fields| fields.get(step));
        if let Some(field) = field {
            return Some(field.clone());
        }
        if step.parse::<usize>().is_ok()
            && let Some(items) = branch.get("items")
        {
            return Some(items.clone());
        }
        if let Some(more @ Value::Object(_)) = branch.get("additionalProperties") {
            return Some(more.clone());
        }
    }
    None
}

/// A schema and what it may be instead.
fn branches(root: Root<'_>, whole: Map<String, Value>) -> Vec<Map<String, Value>> {
    let mut all = vec![whole];
    let mut at = 0;
    // A schema that may be itself ends somewhere.
    while at < all.len() && all.len() < 32 {
        let mut more: Vec<Map<String, Value>> = Vec::new();
        for key in ["anyOf", "oneOf"] {
            more.extend(array(&all[at], key).iter().map(|schema| root.whole(schema, None)));
        }
        all.extend(more);
        at += 1;
    }
    all
}

/// Whether a schema is of a kind of value.
fn is_of_kind(schema: &Map<String, Value>, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        Some(one) => one == kind,
        None => false,
    }
}

/// What kinds of value schemas ask for, in a few words; nothing if they do not say.
fn kind(schemas: &[Map<String, Value>]) -> String {
    const KINDS: [(&str, &str); 6] = [
        ("string", "text"),
        ("integer", "whole number"),
        ("number", "number"),
        ("boolean", "true or false"),
        ("array", "list"),
        ("object", "fields"),
    ];
    let is = |kind: &str| schemas.iter().any(|schema| is_of_kind(schema, kind));
    let kinds = KINDS.iter().filter(|(kind, _)| is(kind)).map(|(_, word)| *word);
    kinds.collect::<Vec<_>>().join(" or ")
}

/// What a schema says of its field, in a sentence.
fn about(schema: &Map<String, Value>) -> Option<String> {
    let text = schema
        .get("description")
        .or_else(|| schema.get("title"))?
        .as_str()?;
    Some(first_sentence(text))
}

fn first_sentence(text: &str) -> String {
    let text = text.trim();
    let end = text.find(". ").or_else(|| text.find(".\n")).unwrap_or(text.len());
    text[..end].trim_end_matches('.').replace('\n', " ")
}

/// The beginning of a long text.
fn short(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

/// The bytes of a text without those of a range, and with a suggestion in their place.
#[must_use]
pub fn taken(text: &str, range: &Range<usize>, insert: &str) -> Option<(String, usize)> {
    let (head, tail) = (text.get(..range.start)?, text.get(range.end..)?);
    Some((format!("{head}{insert}{tail}"), range.start + insert.len()))
}

#[cfg(test)]
mod tests;
