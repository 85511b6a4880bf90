//! Text to document: YAML or JSON in, a [`FlowDoc`] or everything that is wrong out, each with its line and column.
//!
//! A text is read into a tree that knows places ([`tree`]), the tree is walked against the document's fields ([`shape`],
//! [`model`]), and only what fits goes to serde. So one slip of the pen never hides the others.

mod json;
mod model;
pub mod pieces;
mod places;
pub(crate) mod shape;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
mod write;
mod yaml;

pub(crate) use places::task_of;
pub use places::{Places, join};
pub use tree::Place;
pub use write::Ink;

use shape::Walk;
use tree::{Kind, Reading};

use crate::doc::FlowDoc;
use crate::limits;
use crate::problem::Problem;
use crate::suggest::Suggester;

/// Values (lists, mappings, texts …) of one document: a flow at the task limit has a third of it.
const NODES_MAX: usize = 1_000_000;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// The word for it, as in the API.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }

    /// The format with this word.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Yaml, Self::Json]
            .into_iter()
            .find(|format| format.key() == key)
    }

    /// JSON if the text begins with a brace, else YAML (which reads most JSON as well).
    #[must_use]
    pub fn guess(text: &[u8]) -> Self {
        let text = text
            .strip_prefix(b"\xEF\xBB\xBF")
            .unwrap_or(text)
            .trim_ascii_start();
        // `{{` and `{a` are YAML at best.
        match text
            .strip_prefix(b"{")
            .map(|rest| rest.trim_ascii_start().first())
        {
            Some(Some(b'"' | b'}') | None) => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// A document that has the right fields of the right kinds; [`crate::validate`] says whether it makes sense.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The document.
    pub doc: FlowDoc,
    /// Where its fields stand in the text.
    pub places: Places,
    /// The text.
    pub source: String,
    /// How it is written.
    pub format: Format,
}

/// What could be read of a text.
pub(crate) struct Draft {
    /// The document without what is wrong in it; missing required texts are empty.
    pub(crate) doc: Option<FlowDoc>,
    pub(crate) places: Places,
    pub(crate) problems: Vec<Problem>,
}

/// Reads a document.
///
/// # Errors
/// Everything wrong with its text and fields: encoding, size, depth, syntax, duplicate keys, unknown and missing fields, wrong
/// kinds of values. Each problem has line and column.
pub fn parse(text: &[u8], format: Format) -> Result<Parsed, Vec<Problem>> {
    let Draft {
        doc,
        places,
        problems,
    } = draft(text, format);
    match doc {
        Some(doc) if problems.is_empty() => {
            // Reading has shown that it is UTF-8.
            Ok(Parsed {
                doc,
                places,
                source: String::from_utf8_lossy(text).into_owned(),
                format,
            })
        }
        _ => Err(problems),
    }
}

/// Reads as much of a document as can be read.
pub(crate) fn draft(text: &[u8], format: Format) -> Draft {
    let Reading {
        root,
        mut problems,
        n_dropped,
    } = read(text, format);
    let mut doc = None;
    if let Some(root) = &root {
        let suggester = Suggester::default();
        let mut walk = Walk {
            problems: Vec::new(),
            is_yaml: format == Format::Yaml,
            suggester: &suggester,
        };
        if n_dropped > 0 {
            problems.push(too_many_tasks(limits::TASKS_MAX + 1 + n_dropped));
        } else if matches!(root.kind, Kind::Map(_)) {
            let value = walk.value(root, &shape::Shape::Struct(&model::FLOW), "");
            match value.map(serde_json::from_value::<FlowDoc>) {
                Some(Ok(read)) => doc = Some(read),
                Some(Err(error)) => walk
                    .problems
                    .push(Problem::error("wrong_type", error.to_string())),
                None => {}
            }
        } else {
            let message = format!("a flow is a mapping with `flow` and `tasks`, not {}", root.what());
            walk.problems
                .push(Problem::error("wrong_type", message).on(root.at));
        }
        problems.append(&mut walk.problems);
    }
    let places = Places::new(root);
    places.locate(&mut problems);
    problems.sort_by_key(|problem| (problem.line, problem.column));
    Draft {
        doc,
        places,
        problems,
    }
}

/// Reads a text as a tree.
pub(crate) fn read(text: &[u8], format: Format) -> Reading {
    read_with(text, format, None)
}

/// Reads a text as a tree and, if it is YAML, as pieces.
fn read_with(text: &[u8], format: Format, pieces: Option<&mut pieces::Pieces>) -> Reading {
    if text.len() > limits::DOCUMENT_BYTES_MAX {
        let max = limits::DOCUMENT_BYTES_MAX / 1024 / 1024;
        let message = format!(
            "the document has {} bytes; at most {max} MiB are read",
            text.len()
        );
        return Reading::failed(Problem::error("too_large", message).on(Place { line: 1, column: 1 }));
    }
    let n_bytes = text.len();
    let text = match std::str::from_utf8(text) {
        Ok(text) => text.strip_prefix('\u{FEFF}').unwrap_or(text),
        Err(error) => return Reading::failed(not_utf8(text, error.valid_up_to())),
    };
    match format {
        Format::Json => json::read(text),
        Format::Yaml => match pieces {
            Some(pieces) => {
                pieces.begin(text, n_bytes - text.len());
                yaml::read(text, &mut |event, span| pieces.take(event, span))
            }
            None => yaml::read(text, &mut |_, _| {}),
        },
    }
}

fn not_utf8(text: &[u8], at: usize) -> Problem {
    let before = String::from_utf8_lossy(&text[..at]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    let place = Place {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
    };
    Problem::error(
        "not_utf8",
        format!("byte {} is not UTF-8; save the file as UTF-8", at + 1),
    )
    .on(place)
}

pub(crate) fn too_many_values(at: Place) -> Problem {
    Problem::error(
        "too_large",
        format!("the document has more than {NODES_MAX} values"),
    )
    .on(at)
}

/// A flow that is larger than a drawing should be.
pub(crate) fn too_many_tasks(n_tasks: usize) -> Problem {
    let max = limits::TASKS_MAX;
    let message = format!(
        "the flow has {n_tasks} tasks, at most {max} are allowed; let one task work on a list of items instead"
    );
    Problem::error("too_many_tasks", message).at("tasks")
}

/// A document as YAML, in the order of its fields. Reading it again gives the same document.
#[must_use]
pub fn to_yaml(doc: &FlowDoc) -> String {
    let mut yaml = String::new();
    match serde_json::to_value(doc) {
        Ok(value) => write::mapping(&mut yaml, &value),
        // A document has text keys and finite numbers only, which JSON always holds.
        Err(error) => yaml.push_str(&format!("# {error}\n")),
    }
    yaml
}
