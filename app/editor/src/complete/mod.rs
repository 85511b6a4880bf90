//! Help while an expression is written: what may stand at the cursor, and what the expression gives.
//!
//! Only tasks that can have ended are offered. What their outputs hold is known from a schema or from what they gave last time, and
//! only a small part of that is looked at, so that a large output costs no more than a small one.

mod before;
mod marks;
mod sample;
mod typed;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use flow::expr::{Form, RunFacts, Scope, TaskFacts, form_at, preview as evaluate, words};
use rustc_hash::FxHashSet;
use serde_json::{Map, Value};

use crate::changes::{section_in, task_ids, upstream};
use typed::{Typed, begin};

pub use before::{BELOW_MAX, Inserted, Row, before, insert};
pub use marks::{Mark, Says, marks};
pub use sample::capped;

/// Suggestions listed at most.
pub const ITEMS_MAX: usize = 100;

/// What is known besides the document.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// What tasks gave last, by their ids; see [`capped`].
    pub outputs: BTreeMap<String, Value>,
    /// What tasks are pinned to, by their ids: trials take that instead.
    pub pins: BTreeMap<String, Value>,
    /// The JSON Schemas of what tasks give, by their ids.
    pub schemas: BTreeMap<String, Value>,
    /// The inputs of a run.
    pub inputs: Value,
    /// The names of variables, with their values.
    pub vars: Map<String, Value>,
    /// The names of secrets.
    pub secrets: Vec<String>,
}

impl Known {
    /// What a task gives, as far as is known.
    #[must_use]
    pub fn output(&self, task: &str) -> Option<&Value> {
        self.pins.get(task).or_else(|| self.outputs.get(task))
    }
}

/// What a suggestion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A field of a value.
    Field,
    /// A task.
    Task,
    /// An input.
    Input,
    /// A variable.
    Variable,
    /// A secret.
    Secret,
    /// A name of the scope, such as `tasks`.
    Name,
    /// A function.
    Function,
    /// A filter.
    Filter,
    /// A test.
    Test,
}

/// Something that may stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What people see.
    pub label: String,
    /// What is put in the place of [`Completion::range`].
    pub insert: String,
    /// What it is.
    pub kind: Kind,
    /// More about it: a type, a title, a value.
    pub detail: String,
}

/// What may stand at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The bytes of the text that a suggestion replaces.
    pub range: Range<usize>,
    /// The suggestions, best first.
    pub items: Vec<Suggestion>,
}

/// What may stand at a cursor (a byte of `text`) in the field at a path of the document. Nothing outside of expressions.
#[must_use]
pub fn complete(document: &Value, path: &[String], text: &str, cursor: usize, known: &Known) -> Completion {
    let none = Completion::default();
    let Some(form) = form_at(document, path) else {
        return none;
    };
    let Some(before) = text.get(..cursor) else {
        return none;
    };
    let Some(start) = begin(before, form, text) else {
        return none;
    };
    let typed = Typed::of(&before[start..]);
    let place = Place {
        document,
        path,
        known,
    };
    let (range, mut items) = match typed {
        Typed::Filter(word) => (word, names(&words().filters, Kind::Filter)),
        Typed::Test(word) => (word, names(&words().tests, Kind::Test)),
        Typed::Chain { steps, last, step } => place.after(&steps, last, step),
        Typed::Nothing => return none,
    };
    let range = start + range.start..start + range.end;
    let word = text.get(range.clone()).unwrap_or_default();
    let word = word.trim_start_matches(['.', '[', '\'', '"', ' ']).to_lowercase();
    items.retain(|item| item.label.to_lowercase().contains(&word));
    // What begins with the word stands before what merely holds it; otherwise the order stays.
    items.sort_by_key(|item| !item.label.to_lowercase().starts_with(&word));
    items.truncate(ITEMS_MAX);
    Completion { range, items }
}

fn names(names: &[&str], kind: Kind) -> Vec<Suggestion> {
    names.iter().map(|name| plain(name, kind, "")).collect()
}

fn plain(name: &str, kind: Kind, detail: &str) -> Suggestion {
    Suggestion {
        label: name.to_owned(),
        insert: name.to_owned(),
        kind,
        detail: detail.to_owned(),
    }
}

/// Where an expression stands, and what is known there.
struct Place<'p> {
    document: &'p Value,
    path: &'p [String],
    known: &'p Known,
}

impl Place<'_> {
    fn after(
        &self,
        steps: &[String],
        last: Range<usize>,
        step: Range<usize>,
    ) -> (Range<usize>, Vec<Suggestion>) {
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        let language = words();
        let named = match steps.as_slice() {
            [] => return (last, self.roots()),
            ["tasks"] => self.upstreams(),
            ["inputs"] => self.inputs(),
            ["vars"] => (self.known.vars.iter())
                .map(|(name, value)| plain(name, Kind::Variable, &short(value)))
                .collect(),
            ["secrets"] => (self.known.secrets.iter())
                .map(|name| plain(name, Kind::Secret, ""))
                .collect(),
            ["run"] => names(language.run, Kind::Field),
            ["upstream"] => names(language.upstream, Kind::Field),
            ["trigger"] if self.is_in("after") => names(language.after, Kind::Field),
            ["trigger"] => names(language.trigger, Kind::Field),
            ["tasks", _] => names(language.task, Kind::Field),
            ["tasks", task, "output", rest @ ..] => self.output(task, rest),
            ["inputs", rest @ ..] => fields(find(&self.known.inputs, rest)),
            ["item", rest @ ..] => fields(self.item().as_ref().and_then(|item| find(item, rest))),
            ["last", rest @ ..] => self.task().map_or_else(Vec::new, |task| self.output(task, rest)),
            _ => Vec::new(),
        };
        // A name that is no word takes the dot with it: `tasks['load-all']`.
        let items = named.into_iter().map(|item| Suggestion {
            insert: crate::changes::named("", &item.insert),
            ..item
        });
        (step, items.collect())
    }

    fn is_in(&self, section: &str) -> bool {
        self.path.first().is_some_and(|first| first == section)
    }

    /// The task in which the expression stands.
    fn task(&self) -> Option<&str> {
        match self.path {
            [section, task, ..] if matches!(section.as_str(), "tasks" | "finally" | "on_failure") => {
                Some(task)
            }
            _ => None,
        }
    }

    fn field(&self) -> Option<&str> {
        self.path.get(2).map(String::as_str)
    }

    fn roots(&self) -> Vec<Suggestion> {
        let name = |name: &str, detail: &str| plain(name, Kind::Name, detail);
        let mut roots = Vec::new();
        let is_start = self.is_in("concurrency");
        match self.path.first().map(String::as_str) {
            Some("schedules" | "after") => roots.push(name("trigger", "what starts the run")),
            Some("webhooks") => {
                for (root, detail) in [
                    ("body", "of the delivery"),
                    ("headers", "of the delivery"),
                    ("query", "of the delivery"),
                ] {
                    roots.push(name(root, detail));
                }
            }
            _ => {
                if self.task().is_some() || self.is_in("outputs") {
                    roots.push(name("tasks", "what tasks before this gave"));
                }
                roots.push(name("inputs", "what the run was given"));
                if !is_start {
                    roots.push(name("run", "the run itself"));
                }
            }
        }
        if !is_start {
            roots.push(name("vars", "variables"));
        }
        let task = self
            .task()
            .and_then(|task| self.document.get(self.path.first()?)?.get(task));
        let has =
            |field: &str| task.is_some_and(|task| task.get(field).is_some_and(|value| !value.is_null()));
        let is_type =
            |of: &str| task.is_some_and(|task| task.get("type").is_some_and(|task_type| task_type == of));
        let field = self.field();
        if has("for_each") && matches!(field, Some("with" | "when")) {
            roots.push(name("item", "the item"));
            roots.push(name("item_index", "its number, from 0"));
        }
        if (has("loop") || is_type("loop")) && matches!(field, Some("with" | "loop")) {
            roots.push(name("iteration", "its number, from 1"));
            roots.push(name("last", "what the last one gave"));
        }
        if field == Some("when") {
            roots.push(name("upstream", "how many ended how"));
        }
        if is_type("wait") && field == Some("with") {
            roots.push(name("now", "the time"));
        }
        if field == Some("with") && !self.known.secrets.is_empty() {
            roots.push(name("secrets", "alone, in fields made for them"));
        }
        roots.extend(
            names(&words().functions, Kind::Function)
                .into_iter()
                .map(|mut item| {
                    item.insert.push('(');
                    item
                }),
        );
        roots
    }

    /// The tasks that can have ended when the expression is judged, the nearest first.
    fn upstreams(&self) -> Vec<Suggestion> {
        let suggestion = |id: &str, section: &str| {
            let task = &self.document[section][id];
            let text = |name: &str| task.get(name).and_then(Value::as_str).unwrap_or_default();
            let title = text("name");
            let detail = if title.is_empty() {
                text("type").to_owned()
            } else {
                format!("{title} · {}", text("type"))
            };
            plain(id, Kind::Task, &detail)
        };
        let own = self.path.first().map_or("", String::as_str);
        let earlier: &[&str] = match own {
            "finally" | "outputs" => &["tasks"],
            "on_failure" => &["tasks", "finally"],
            _ => &[],
        };
        let mut found: Vec<Suggestion> = Vec::new();
        if let Some(task) = self.task() {
            if self.field() == Some("undo") {
                found.push(suggestion(task, own));
            }
            found.extend(
                ancestors(self.document, own, task)
                    .iter()
                    .map(|id| suggestion(id, own)),
            );
        }
        for (section, id) in task_ids(self.document).filter(|(section, _)| earlier.contains(section)) {
            found.push(suggestion(id, section));
        }
        found
    }

    fn inputs(&self) -> Vec<Suggestion> {
        let inputs = self.document.get("inputs").and_then(Value::as_object);
        let inputs = inputs.into_iter().flatten();
        let suggested = inputs.map(|(name, input)| {
            let text = |field: &str| input.get(field).and_then(Value::as_str);
            let detail = [text("type"), text("title").or_else(|| text("description"))];
            plain(
                name,
                Kind::Input,
                &detail.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            )
        });
        suggested.collect()
    }

    fn output(&self, task: &str, path: &[&str]) -> Vec<Suggestion> {
        let sampled = fields(self.known.output(task).and_then(|output| find(output, path)));
        if !sampled.is_empty() {
            return sampled;
        }
        let schema = self.known.schemas.get(task);
        schema.map_or_else(Vec::new, |schema| schema_fields(schema, path))
    }

    /// The first of the items, as far as samples tell it.
    fn item(&self) -> Option<Value> {
        let task = self.task()?;
        let own = self.path.first()?;
        let items = self.document.get(own)?.get(task)?.get("for_each")?.get("items")?;
        let items = match items {
            Value::String(text) => evaluate(text, Form::Field, &scope(self.known)).ok()?,
            items => items.clone(),
        };
        items.get(0).cloned()
    }
}

/// The tasks before a task in its section, the nearest first.
#[must_use]
pub fn ancestors(document: &Value, section: &str, task: &str) -> Vec<String> {
    let tasks = document.get(section);
    let mut found: Vec<String> = Vec::new();
    let mut seen: FxHashSet<String> = FxHashSet::default();
    let mut queue = vec![task.to_owned()];
    let mut next = 0;
    while let Some(at) = queue.get(next).cloned() {
        next += 1;
        let needs = tasks.and_then(|tasks| tasks.get(&at)?.get("needs")?.as_array());
        for up in needs.into_iter().flatten().filter_map(upstream) {
            let is_there = tasks.is_some_and(|tasks| tasks.get(up).is_some());
            if is_there && up != task && seen.insert(up.to_owned()) {
                found.push(up.to_owned());
                queue.push(up.to_owned());
            }
        }
    }
    found
}

fn find<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        value => value.get(step),
    })
}

fn fields(value: Option<&Value>) -> Vec<Suggestion> {
    let fields = value.and_then(Value::as_object).into_iter().flatten();
    fields
        .map(|(name, value)| plain(name, Kind::Field, &short(value)))
        .collect()
}

/// A value in a few characters.
fn short(value: &Value) -> String {
    const LONGEST: usize = 40;
    let shown = match value {
        Value::Array(items) => format!("list of {}", items.len()),
        Value::Object(map) => format!("object of {}", map.len()),
        scalar => scalar.to_string(),
    };
    if shown.chars().count() <= LONGEST {
        return shown;
    }
    shown.chars().take(LONGEST).chain(['…']).collect()
}

/// The schema of what stands at a path of a value.
fn schema_at<'s>(schema: &'s Value, path: &[&str]) -> Option<&'s Value> {
    path.iter().try_fold(schema, |schema, step| {
        let property = schema
            .get("properties")
            .and_then(|properties| properties.get(step));
        property.or_else(|| schema.get("items").filter(|_| step.parse::<u32>().is_ok()))
    })
}

fn schema_fields(schema: &Value, path: &[&str]) -> Vec<Suggestion> {
    let properties = schema_at(schema, path).and_then(|schema| schema.get("properties")?.as_object());
    let fields = properties.into_iter().flatten().map(|(name, schema)| {
        let text = |field: &str| schema.get(field).and_then(Value::as_str);
        let detail = [text("type"), text("title").or_else(|| text("description"))];
        plain(
            name,
            Kind::Field,
            &detail.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        )
    });
    fields.collect()
}

fn scope(known: &Known) -> Scope {
    let mut scope = Scope::new(Arc::new(known.inputs.clone()), RunFacts::default());
    scope.vars(Arc::new(Value::Object(known.vars.clone())));
    let unpinned = known
        .outputs
        .iter()
        .filter(|(task, _)| !known.pins.contains_key(*task));
    for (task, output) in unpinned.chain(&known.pins) {
        let facts = TaskFacts {
            output: Some(Arc::new(output.clone())),
            state: "succeeded",
            attempts: 1,
            ..TaskFacts::default()
        };
        scope.task(task, facts);
    }
    scope
}

/// Whether a text at a path is an expression, or has one in it: then [`preview`] says what it gives.
#[must_use]
pub fn is_expression(document: &Value, path: &[String], text: &str) -> bool {
    let has_one = || text.contains("{{") || text.contains("{%");
    match form_at(document, path) {
        None => false,
        Some(Form::Field) => has_one(),
        Some(Form::Condition) => !text.trim().is_empty(),
    }
}

/// What the field at a path would give with what is known; `None` if no expression stands there.
///
/// # Errors
/// Why it gives nothing, as a run would say it; tasks that have not run are told as such.
#[must_use]
pub fn preview(
    document: &Value,
    path: &[String],
    text: &str,
    known: &Known,
) -> Option<Result<Value, String>> {
    if !is_expression(document, path, text) {
        return None;
    }
    let form = form_at(document, path)?;
    if flow::secrets::reference(text).is_some() {
        return Some(Ok(Value::from("•••")));
    }
    let unknown = flow::expr::task_uses(text, form)
        .into_iter()
        .flatten()
        .find(|used| section_in(document, &used.task).is_some() && known.output(&used.task).is_none());
    if let Some(used) = unknown {
        return Some(Err(format!(
            "`{}` has not run yet; run it, or pin an output, to see what this gives",
            used.task
        )));
    }
    let mut scope = scope(known);
    let place = Place {
        document,
        path,
        known,
    };
    if let Some(item) = place.item() {
        scope.item(Arc::new(item), 0);
    }
    Some(evaluate(text, form, &scope))
}

/// What kind of value an expression gives that is one output of a task, or a part of it, by the schema of what the task gives. Nothing
/// is known of other expressions before they are evaluated.
#[must_use]
pub fn expected(text: &str, known: &Known) -> Option<String> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let is_chain = |c: char| c.is_alphanumeric() || "._-[]'\"".contains(c);
    if !inner.chars().all(is_chain) {
        return None;
    }
    let Typed::Chain { steps, last, .. } = Typed::of(inner) else {
        return None;
    };
    let word = inner.get(last)?;
    let steps: Vec<&str> = steps.iter().map(String::as_str).chain([word]).collect();
    let ["tasks", task, "output", path @ ..] = steps.as_slice() else {
        return None;
    };
    let schema = schema_at(known.schemas.get(*task)?, path)?;
    let text = |field: &str| schema.get(field).and_then(Value::as_str);
    let told = [text("type"), text("title").or_else(|| text("description"))];
    let told: Vec<&str> = told.into_iter().flatten().collect();
    (!told.is_empty()).then(|| told.join(" · "))
}

#[cfg(test)]
mod tests;
