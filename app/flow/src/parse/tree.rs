//! A text as a tree of values that remember where they stand, before anything is known of flows.

use indexmap::IndexMap;
use serde_json::{Map, Number, Value};

use crate::problem::Problem;

/// A place in a text, both parts from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) kind: Kind,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    /// A truth value and how it was written.
    Bool(bool, Box<str>),
    /// A number and how it was written.
    Number(Number, Box<str>),
    Text(String),
    List(Vec<Node>),
    Map(Entries),
}

/// The entries of a mapping: by key, the place of the key and the value.
pub(crate) type Entries = IndexMap<String, (Place, Node)>;

impl Node {
    pub(crate) fn null(at: Place) -> Self {
        Self { at, kind: Kind::Null }
    }

    /// The kind of value in a word, for sentences.
    pub(crate) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(..) => "true or false",
            Kind::Number(..) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The value without its places.
    pub(crate) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value, _) => Value::Bool(*value),
            Kind::Number(value, _) => Value::Number(value.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Kind::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, (_, node))| (key.clone(), node.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// How deep it goes: 1 for a scalar.
    pub(crate) fn height(&self) -> usize {
        match &self.kind {
            Kind::List(items) => 1 + items.iter().map(Self::height).max().unwrap_or(0),
            Kind::Map(entries) => 1 + entries.values().map(|(_, node)| node.height()).max().unwrap_or(0),
            _ => 1,
        }
    }

    /// How many values it is made of, itself included.
    pub(crate) fn size(&self) -> usize {
        match &self.kind {
            Kind::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Kind::Map(entries) => 1 + entries.values().map(|(_, node)| node.size()).sum::<usize>(),
            _ => 1,
        }
    }
}

/// What reading a text gave: a tree if there is one to speak of, and everything wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) root: Option<Node>,
    pub(crate) problems: Vec<Problem>,
    /// Entries of the large groups (`tasks` …) beyond the limit, which were counted and not kept.
    pub(crate) n_dropped: usize,
}

impl Reading {
    pub(crate) fn failed(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            ..Self::default()
        }
    }
}

impl Problem {
    /// The same, at a place in the text.
    #[must_use]
    pub fn on(mut self, place: Place) -> Self {
        self.line = Some(place.line);
        self.column = Some(place.column);
        self
    }
}

/// A key that stands twice in one mapping.
pub(crate) fn duplicate_key(key: &str, at: Place, first: Place) -> Problem {
    Problem::error(
        "duplicate_id",
        format!(
            "`{}` stands here twice, first in line {}; rename one of them or remove it",
            shorten(key),
            first.line
        ),
    )
    .on(at)
}

pub(crate) fn too_deep(at: Place) -> Problem {
    let max = crate::limits::DEPTH_MAX;
    Problem::error(
        "too_deep",
        format!("lists and mappings are nested more than {max} deep here"),
    )
    .on(at)
}

/// A text short enough to stand in a sentence.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().nth(LONGEST).is_none() {
        return text
            .escape_debug()
            .to_string()
            .replace("\\\"", "\"")
            .replace("\\'", "'");
    }
    let head: String = text.chars().take(LONGEST).collect();
    format!("{}…", shorten(&head))
}

/// The keys of a document's mappings that may grow large; see [`Reading::n_dropped`].
pub(crate) fn is_task_group(key: &str) -> bool {
    matches!(key, "tasks" | "finally" | "on_failure")
}

/// Reads a number as written: an error says why it cannot be kept.
pub(crate) fn number(written: &str) -> Result<Number, String> {
    let is_whole = !written.contains(['.', 'e', 'E']);
    if is_whole && written.parse::<i64>().is_err() && written.parse::<u64>().is_err() {
        return Err(format!(
            "the number {} is too large to be kept exactly; write it as a text in quotes",
            shorten(written)
        ));
    }
    serde_json::from_str::<Number>(written).map_err(|_| {
        format!(
            "the number {} is outside of what a number can hold; write it as a text in quotes",
            shorten(written)
        )
    })
}
