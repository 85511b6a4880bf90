//! What a document may hold, field by field, and the walk that tells everything in a tree that does not fit.
//!
//! serde would stop at the first wrong field. This walk goes on: it leaves out what is wrong, so that the rest can still be
//! validated. A test compares the tables with the schema generated from the serde model.

use serde_json::{Map, Value};

use super::places::join;
use super::tree::{Entries, Kind, Node, Place, shorten};
use crate::problem::Problem;
use crate::suggest::Suggester;
use crate::time::HumanDuration;

/// What a value may be.
pub(crate) enum Shape {
    /// A text.
    Text,
    /// A duration, as text.
    Duration,
    /// true or false.
    Bool,
    /// A whole number from 0 to this.
    Whole(u64),
    /// A whole number, also below 0.
    Integer,
    /// Any number.
    Number,
    /// Anything.
    Any,
    /// A list of anything.
    AnyList,
    /// A mapping of anything.
    AnyMap,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A text or a list of texts.
    Texts,
    /// A text or a mapping with these fields.
    TextOr(&'static Fields),
    /// One of these words or a mapping with these fields.
    WordOr(&'static [&'static str], &'static Fields),
    /// A mapping with these fields.
    Struct(&'static Fields),
    /// A mapping from any key to this.
    MapOf(&'static Shape),
    /// A list of this.
    ListOf(&'static Shape),
    /// `[x, y]`.
    Position,
}

/// The fields of a mapping.
pub(crate) struct Fields {
    /// What it is in a sentence, for example `a task`.
    pub(crate) what: &'static str,
    pub(crate) fields: &'static [Field],
}

/// One field.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
}

/// Walks a tree against its shape.
pub(crate) struct Walk<'s> {
    pub(crate) problems: Vec<Problem>,
    /// Whether unquoted numbers and truth values may stand where a text is expected, as in YAML.
    pub(crate) is_yaml: bool,
    pub(crate) suggester: &'s Suggester,
}

impl Walk<'_> {
    fn tell(&mut self, code: &str, path: &str, at: Place, message: String) {
        let mut problem = Problem::error(code, message).on(at);
        problem.field = Some(path.to_owned()).filter(|path| !path.is_empty());
        problem.task = super::places::task_of(path);
        self.problems.push(problem);
    }

    fn wrong(&mut self, path: &str, node: &Node, expected: &str) -> Option<Value> {
        let found = match &node.kind {
            Kind::Text(text) => format!("the text `{}`", shorten(text)),
            Kind::Number(_, written) | Kind::Bool(_, written) => format!("`{}`", shorten(written)),
            _ => node.what().to_owned(),
        };
        self.tell(
            "wrong_type",
            path,
            node.at,
            format!("expected {expected}, found {found}"),
        );
        None
    }

    /// The value, as serde reads it, without what does not fit.
    pub(crate) fn value(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Value> {
        match (shape, &node.kind) {
            (Shape::Any, _) | (Shape::AnyList, Kind::List(_)) | (Shape::AnyMap, Kind::Map(_)) => {
                Some(node.to_value())
            }
            (Shape::Text, _) => self.text(node, path, "a text").map(Value::String),
            (Shape::Duration, _) => self.duration(node, path),
            (Shape::Bool, Kind::Bool(value, _)) => Some(Value::Bool(*value)),
            (Shape::Whole(max), Kind::Number(number, _))
                if number.as_u64().is_some_and(|number| number <= *max) =>
            {
                Some(Value::Number(number.clone()))
            }
            (Shape::Integer, Kind::Number(number, _))
                if number
                    .as_i64()
                    .is_some_and(|number| i32::try_from(number).is_ok()) =>
            {
                Some(Value::Number(number.clone()))
            }
            (Shape::Number, Kind::Number(number, _)) => Some(Value::Number(number.clone())),
            (Shape::Word(words), _) => self.word(node, words, path),
            (Shape::Texts, Kind::List(items)) => Some(self.items(items, path, &|walk, item, path| {
                walk.text(item, path, "a text").map(Value::String)
            })),
            (Shape::Texts, _) => self
                .text(node, path, "a text or a list of texts")
                .map(Value::String),
            (
                Shape::TextOr(fields) | Shape::Struct(fields) | Shape::WordOr(_, fields),
                Kind::Map(entries),
            ) => Some(self.fields(entries, node.at, fields, path)),
            // `fetch:` with nothing behind it: its missing fields say best what to do.
            (Shape::Struct(fields), Kind::Null) => Some(self.fields(&Entries::new(), node.at, fields, path)),
            (Shape::TextOr(fields), _) => self
                .text(node, path, &format!("a text or {}", fields.what))
                .map(Value::String),
            (Shape::WordOr(words, _), _) => self.word(node, words, path),
            (Shape::MapOf(shape), Kind::Map(entries)) => Some(self.entries(entries, shape, path)),
            (Shape::ListOf(shape), Kind::List(items)) => {
                Some(self.items(items, path, &|walk, item, path| walk.value(item, shape, path)))
            }
            (Shape::Position, Kind::List(items)) if is_position(items) => Some(node.to_value()),
            _ => self.wrong(path, node, &expected(shape)),
        }
    }

    fn text(&mut self, node: &Node, path: &str, expected: &str) -> Option<String> {
        match &node.kind {
            Kind::Text(text) => Some(text.clone()),
            // An unquoted 2026 or 1.10 in YAML: the author meant what stands there.
            Kind::Number(_, written) | Kind::Bool(_, written) if self.is_yaml => Some(written.to_string()),
            _ => {
                self.wrong(path, node, expected);
                None
            }
        }
    }

    fn duration(&mut self, node: &Node, path: &str) -> Option<Value> {
        let text = match &node.kind {
            Kind::Text(text) => text,
            Kind::Number(_, written) => {
                let message = format!("a duration needs its unit, for example `{}s`", shorten(written));
                self.tell("wrong_type", path, node.at, message);
                return None;
            }
            _ => {
                self.wrong(path, node, "a duration like 30s or 1h30m");
                return None;
            }
        };
        match text.parse::<HumanDuration>() {
            Ok(_) => Some(Value::String(text.clone())),
            Err(error) => {
                self.tell("bad_duration", path, node.at, error.to_string());
                None
            }
        }
    }

    fn word(&mut self, node: &Node, words: &[&str], path: &str) -> Option<Value> {
        let text = self.text(node, path, &format!("one of {}", listed(words)))?;
        if words.contains(&text.as_str()) {
            return Some(Value::String(text));
        }
        let guess = self.suggester.did_you_mean(&text, words.iter().copied());
        self.tell(
            "unknown_word",
            path,
            node.at,
            format!(
                "`{}` is not known here{guess}; write one of {}",
                shorten(&text),
                listed(words)
            ),
        );
        None
    }

    fn entries(&mut self, entries: &Entries, shape: &Shape, path: &str) -> Value {
        let mut map = Map::new();
        for (key, (key_at, node)) in entries {
            let path = join(path, key);
            let node_at_key = Node::null(*key_at);
            let node = if matches!(node.kind, Kind::Null) {
                &node_at_key
            } else {
                node
            };
            // A wrong task keeps its name, so that edges from it are not called unknown as well.
            if let Some(value) = self.value(node, shape, &path).or_else(|| empty(shape)) {
                map.insert(key.clone(), value);
            }
        }
        Value::Object(map)
    }

    fn items(
        &mut self,
        items: &[Node],
        path: &str,
        read: &dyn Fn(&mut Self, &Node, &str) -> Option<Value>,
    ) -> Value {
        let items = items.iter().enumerate();
        Value::Array(
            items
                .filter_map(|(index, item)| read(self, item, &format!("{path}[{index}]")))
                .collect(),
        )
    }

    /// A mapping with known fields; what is missing and required is told and stands in as an empty value.
    pub(crate) fn fields(
        &mut self,
        entries: &Entries,
        at: Place,
        fields: &'static Fields,
        path: &str,
    ) -> Value {
        let mut map = Map::new();
        for (key, (key_at, node)) in entries {
            let Some(field) = fields.fields.iter().find(|field| field.name == key) else {
                self.unknown_field(key, *key_at, fields, path);
                continue;
            };
            // A field with nothing behind it is as good as left out.
            if matches!(node.kind, Kind::Null) && !matches!(field.shape, Shape::Any) {
                continue;
            }
            if let Some(value) = self.value(node, &field.shape, &join(path, key)) {
                map.insert(key.clone(), value);
            }
        }
        for field in fields.fields.iter().filter(|field| field.required) {
            if map.contains_key(field.name) {
                continue;
            }
            let written = entries.get(field.name);
            if written.is_none_or(|(_, node)| matches!(node.kind, Kind::Null)) {
                let at = written.map_or(at, |(key_at, _)| *key_at);
                self.tell(
                    "missing_field",
                    &join(path, field.name),
                    at,
                    format!("{} needs `{}`", fields.what, field.name),
                );
            }
            map.insert(field.name.to_owned(), stand_in(&field.shape));
        }
        Value::Object(map)
    }

    fn unknown_field(&mut self, key: &str, at: Place, fields: &'static Fields, path: &str) {
        let names = || fields.fields.iter().map(|field| field.name);
        let guess = self.suggester.did_you_mean(key, names());
        let known = names().collect::<Vec<_>>().join(", ");
        let message = format!(
            "{} has no field `{}`{guess}; its fields are {known}",
            fields.what,
            shorten(key)
        );
        self.tell("unknown_field", &join(path, key), at, message);
    }
}

fn is_position(items: &[Node]) -> bool {
    items.len() == 2 && items.iter().all(|item| matches!(item.kind, Kind::Number(..)))
}

/// A mapping with nothing but what is required.
fn empty(shape: &Shape) -> Option<Value> {
    let Shape::Struct(fields) = shape else { return None };
    let required = fields.fields.iter().filter(|field| field.required);
    Some(Value::Object(
        required
            .map(|field| (field.name.to_owned(), stand_in(&field.shape)))
            .collect(),
    ))
}

/// What holds the place of a required field that is missing or wrong.
fn stand_in(shape: &Shape) -> Value {
    match shape {
        Shape::Text => Value::String(String::new()),
        Shape::Duration => Value::String("1s".to_owned()),
        Shape::MapOf(_) => Value::Object(Map::new()),
        Shape::ListOf(_) => Value::Array(Vec::new()),
        _ => Value::Null,
    }
}

fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Bool => "true or false".to_owned(),
        Shape::Whole(max) if *max <= u64::from(u16::MAX) => format!("a whole number from 0 to {max}"),
        Shape::Whole(_) => "a whole number, 0 or more".to_owned(),
        Shape::Integer => "a whole number".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::Struct(fields) => format!("{} as a mapping of fields", fields.what),
        Shape::AnyMap | Shape::MapOf(_) => "a mapping (`name: …` lines)".to_owned(),
        Shape::AnyList | Shape::ListOf(_) => "a list".to_owned(),
        Shape::Position => "a position like [120, 40]".to_owned(),
        _ => "a text".to_owned(),
    }
}

fn listed(words: &[&str]) -> String {
    words.join(", ")
}
