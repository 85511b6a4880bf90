//! JSON with expressions in its texts.

use std::sync::Arc;

use minijinja::value::ValueKind;
use serde_json::{Map, Value as Json};

use super::code::{Code, Form, has_expression};
use super::error::ExprError;
use super::json::{kind_word, to_json};
use super::meter::Meter;
use super::program::Program;
use super::refs::{Mention, Refs};
use super::scope::Scope;
use crate::secrets;
use crate::steps::push_field;
use crate::suggest::Suggester;

/// JSON with expressions in its texts, read once.
#[derive(Debug)]
pub struct Template {
    node: Node,
    refs: Refs,
}

#[derive(Debug)]
enum Node {
    Literal(Json),
    Code(Arc<str>, Code),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// One condition, read once.
#[derive(Debug)]
pub struct Condition {
    code: Option<Code>,
    constant: bool,
    field: Arc<str>,
    refs: Refs,
}

/// What is wrong with a field and what its expressions refer to, as it is read.
pub(super) trait Reader {
    /// A sentence about the field at `path`.
    fn fault(&mut self, path: &str, code: &'static str, sentence: &str);
    /// Finds near names.
    fn words(&self) -> &Suggester;
    /// Whether a reference to a secret stays here as it is written; if not, it is read like any other expression.
    fn leaves_secret(&self) -> bool;
    /// Judges what the field at `path` refers to.
    fn mentions(&mut self, path: &str, mentions: &[Mention]);
}

impl Template {
    /// Reads the texts of `json`; `path` is its place in the document.
    pub(super) fn read(json: &Json, path: &str, reader: &mut dyn Reader) -> Self {
        let mut mentions = Vec::new();
        let node = Node::read(json, path, &mut mentions, reader, 0);
        Self {
            node,
            refs: mentions.into_iter().collect(),
        }
    }

    /// What its expressions refer to.
    #[must_use]
    pub fn refs(&self) -> &Refs {
        &self.refs
    }

    /// Whether it holds no expression: it renders to itself.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        matches!(self.node, Node::Literal(_))
    }

    /// The value with every expression replaced by what it gives.
    ///
    /// # Errors
    ///
    /// The first expression that has no value, or the limit it met.
    pub fn render(&self, program: &Program, scope: &Scope) -> Result<Json, ExprError> {
        if let Node::Literal(json) = &self.node {
            return Ok(json.clone());
        }
        self.node.render(program, scope, &Meter::full())
    }
}

impl Node {
    fn read(
        json: &Json,
        path: &str,
        mentions: &mut Vec<Mention>,
        reader: &mut dyn Reader,
        depth: usize,
    ) -> Self {
        if depth > crate::limits::DEPTH_MAX {
            reader.fault(
                path,
                "too_deep",
                &format!("It is nested deeper than {} levels.", crate::limits::DEPTH_MAX),
            );
            return Self::Literal(Json::Null);
        }
        if !holds_expression(json) {
            return Self::Literal(json.clone());
        }
        match json {
            Json::String(text) if reader.leaves_secret() && secrets::reference(text).is_some() => {
                Self::Literal(json.clone())
            }
            Json::String(text) => match Code::read(text, Form::Field, reader.words()) {
                Ok((code, found)) => {
                    reader.mentions(path, &found);
                    mentions.extend(found);
                    Self::Code(path.into(), code)
                }
                Err(sentences) => {
                    sentences
                        .iter()
                        .for_each(|sentence| reader.fault(path, "expression", sentence));
                    Self::Literal(Json::Null)
                }
            },
            Json::Array(items) => {
                let read = |(ix, item): (usize, &Json)| {
                    Self::read(item, &format!("{path}[{ix}]"), mentions, reader, depth + 1)
                };
                Self::List(items.iter().enumerate().map(read).collect())
            }
            Json::Object(map) => {
                let mut nodes = Vec::with_capacity(map.len());
                for (key, value) in map {
                    let mut path = path.to_owned();
                    push_field(&mut path, key);
                    if has_expression(key) {
                        let sentence = "A key cannot hold an expression; build the object with one: `{{ {name: value} }}`.";
                        reader.fault(&path, "expression_in_key", sentence);
                    }
                    nodes.push((key.clone(), Self::read(value, &path, mentions, reader, depth + 1)));
                }
                Self::Object(nodes)
            }
            other => Self::Literal(other.clone()),
        }
    }

    fn render(&self, program: &Program, scope: &Scope, meter: &Arc<Meter>) -> Result<Json, ExprError> {
        match self {
            Self::Literal(json) => Ok(json.clone()),
            Self::List(nodes) => nodes
                .iter()
                .map(|node| node.render(program, scope, meter))
                .collect(),
            Self::Object(nodes) => {
                let mut map = Map::with_capacity(nodes.len());
                for (key, node) in nodes {
                    map.insert(key.clone(), node.render(program, scope, meter)?);
                }
                Ok(Json::Object(map))
            }
            Self::Code(field, code) => {
                let rendered = if code.is_native {
                    code.value(program.env(), scope, meter).and_then(|value| {
                        let json = to_json(&value, meter, 0)?;
                        meter.check().map(|()| json)
                    })
                } else {
                    code.render(program.env(), scope, meter).map(Json::String)
                };
                rendered.map_err(|error| ExprError::explain(code, field, scope, meter, &error))
            }
        }
    }
}

/// Whether a text anywhere in it is for the engine.
fn holds_expression(json: &Json) -> bool {
    match json {
        Json::String(text) => has_expression(text),
        Json::Array(items) => items.iter().any(holds_expression),
        Json::Object(map) => map
            .iter()
            .any(|(key, value)| has_expression(key) || holds_expression(value)),
        _ => false,
    }
}

impl Condition {
    /// Reads a condition; `path` is its place in the document. One that cannot be read holds never.
    pub(super) fn read(text: &str, path: &str, reader: &mut dyn Reader) -> Self {
        match Code::read(text, Form::Condition, reader.words()) {
            Ok((code, mentions)) => {
                reader.mentions(path, &mentions);
                Self {
                    code: Some(code),
                    constant: false,
                    field: path.into(),
                    refs: mentions.into_iter().collect(),
                }
            }
            Err(sentences) => {
                sentences
                    .iter()
                    .for_each(|sentence| reader.fault(path, "expression", sentence));
                Self::constant(false, path)
            }
        }
    }

    /// A condition that is written as true or false itself.
    pub(super) fn constant(constant: bool, path: &str) -> Self {
        Self {
            code: None,
            constant,
            field: path.into(),
            refs: Refs::default(),
        }
    }

    /// What it refers to.
    #[must_use]
    pub fn refs(&self) -> &Refs {
        &self.refs
    }

    /// Whether it holds.
    ///
    /// # Errors
    ///
    /// Anything but true or false, something that is not there, or the limit it met.
    pub fn holds(&self, program: &Program, scope: &Scope) -> Result<bool, ExprError> {
        let Some(code) = &self.code else {
            return Ok(self.constant);
        };
        let meter = Meter::full();
        let value = code
            .value(program.env(), scope, &meter)
            .and_then(|value| super::ops::defined(&value).map(|()| value))
            .map_err(|error| ExprError::explain(code, &self.field, scope, &meter, &error))?;
        if value.kind() == ValueKind::Bool {
            return Ok(value.is_true());
        }
        let hint = match value.kind() {
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => "; write `… | length > 0`",
            ValueKind::String => "; compare it, as in `… == \"yes\"`",
            ValueKind::Number => "; compare it, as in `… > 0`",
            ValueKind::None => "; write `… is none` or `… is not none`",
            _ => "",
        };
        Err(ExprError::new(
            code,
            &self.field,
            &format!(
                "A condition must give true or false, not {}{hint}",
                kind_word(&value)
            ),
        ))
    }
}
