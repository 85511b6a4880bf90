//! What went wrong in an expression, as a sentence that helps.

use std::fmt;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::code::{Code, mentions_in};
use super::json::kind_word;
use super::meter::Meter;
use super::refs::{Mention, Step};
use super::scope::Scope;
use crate::limits;
use crate::suggest::Suggester;

/// Characters of an expression shown in an error.
const SHOWN_CHARS: usize = 120;
/// Names listed as what there is.
const SHOWN_NAMES: usize = 12;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ExprError {
    /// What is wrong, with the expression.
    pub message: String,
    /// The field it stands in, for example `tasks.fetch.with.url`.
    pub field: String,
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.field)
    }
}

impl ExprError {
    pub(super) fn new(code: &Code, field: &str, reason: &str) -> Self {
        let reason = reason.trim_end_matches('.');
        Self {
            message: format!("{reason}. In `{}`", shorten(code.text().trim())),
            field: field.to_owned(),
        }
    }

    pub(super) fn explain(code: &Code, field: &str, scope: &Scope, meter: &Meter, error: &Error) -> Self {
        Self::new(code, field, &reason(code, scope, meter, error))
    }
}

fn reason(code: &Code, scope: &Scope, meter: &Meter, error: &Error) -> String {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::OutOfFuel if detail.is_empty() => {
            format!(
                "It does not end: it was stopped after {} steps",
                limits::EXPRESSION_STEPS_MAX
            )
        }
        ErrorKind::OutOfFuel | ErrorKind::WriteFailure => format!("It {detail}"),
        _ if error.kind() == ErrorKind::UndefinedError || detail.contains("is undefined") => {
            missing(code, scope, meter, named_in(detail))
        }
        _ if detail.is_empty() => capital(&shorten(&error.kind().to_string())),
        _ => capital(&shorten(detail)),
    }
}

fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The name the engine says is undefined.
fn named_in(detail: &str) -> Option<&str> {
    detail
        .split_once("` is undefined")
        .and_then(|(before, _)| before.rsplit_once('`'))
        .map(|(_, name)| name)
}

/// Finds the name that is not there and says what is.
fn missing(code: &Code, scope: &Scope, met: &Meter, named: Option<&str>) -> String {
    let meter = Meter::full();
    let root = scope.root(&meter);
    let mentions = mentions_in(code.text(), code.is_bare);
    let is_named =
        |mention: &Mention| named.is_some_and(|name| written_alike(&mention.text(usize::MAX), name));
    let named_first = mentions
        .iter()
        .filter(|mention| is_named(mention))
        .chain(&mentions);
    named_first
        .filter_map(|mention| absent(mention, &root, scope))
        .next()
        .unwrap_or_else(|| match (met.missed(), named) {
            (Some(missed), Some(name)) if name.contains(&missed.key) => {
                format!("`{name}` is not there; there is: {}", missed.there)
            }
            (_, Some(name)) => format!("`{name}` is not there"),
            (Some(missed), None) => format!("`{}` is not there; there is: {}", missed.key, missed.there),
            (None, None) => "A value it uses is not there".to_owned(),
        })
}

/// The engine writes `a["b"]` where we write `a.b` or `a['b']`.
fn written_alike(a: &str, b: &str) -> bool {
    let bare = |text: &str| text.replace(['"', '\'', ']'], "").replace('[', ".");
    bare(a) == bare(b)
}

fn absent(mention: &Mention, root: &Value, scope: &Scope) -> Option<String> {
    let mut at = root.get_attr(&mention.root).ok()?;
    if at.is_undefined() {
        return Some(format!("`{}` is not there", mention.root));
    }
    for (ix, step) in mention.path.iter().enumerate() {
        let key = match step {
            Step::Field(field) => Value::from(field.as_str()),
            Step::Place(place) => Value::from(*place),
        };
        let next = at.get_item(&key).unwrap_or_default();
        if next.is_undefined() {
            let is_last = ix + 1 == mention.path.len();
            return (!is_last || !mention.is_optional).then(|| not_in(mention, ix, &at, scope));
        }
        at = next;
    }
    None
}

fn not_in(mention: &Mention, ix: usize, parent: &Value, scope: &Scope) -> String {
    let (base, wanted) = (mention.text(ix), mention.text(ix + 1));
    let step = mention.field(ix).unwrap_or_default();
    match parent.kind() {
        ValueKind::Map => {
            let names: Vec<String> = parent
                .try_iter()
                .map(|keys| keys.map(|key| key.to_string()).collect())
                .unwrap_or_default();
            let near = Suggester::default().did_you_mean(step, names.iter().map(String::as_str));
            match names.len() {
                0 => format!("`{wanted}` is not there; `{base}` is empty"),
                _ => format!(
                    "`{wanted}` is not there; `{base}` has: {}{}",
                    listed(names.len(), names.iter().map(String::as_str)),
                    near
                ),
            }
        }
        ValueKind::None => {
            let state = mention
                .field(0)
                .filter(|_| mention.root == "tasks" && ix == 2)
                .and_then(|task| scope.facts(task));
            let because = state.map_or_else(String::new, |facts| format!(": the task is {}", facts.state));
            format!("`{wanted}` is not there; `{base}` is null{because}")
        }
        ValueKind::Seq if mention.field(ix).is_none() => {
            format!(
                "`{wanted}` is not there; `{base}` is a list of {}",
                parent.len().unwrap_or(0)
            )
        }
        _ => format!(
            "`{wanted}` is not there; `{base}` is {} and has no fields",
            kind_word(parent)
        ),
    }
}

/// The first of `count` names.
pub(super) fn listed<'n>(count: usize, names: impl Iterator<Item = &'n str>) -> String {
    let mut shown: Vec<String> = names.take(SHOWN_NAMES).map(shorten).collect();
    match count.checked_sub(SHOWN_NAMES) {
        Some(more) if more > 0 => shown.push(format!("and {more} more")),
        _ if count == 0 => shown.push("nothing".to_owned()),
        _ => {}
    }
    shown.join(", ")
}

/// At most [`SHOWN_CHARS`] characters, on one line.
pub(super) fn shorten(text: &str) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = chars.by_ref().take(SHOWN_CHARS).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
