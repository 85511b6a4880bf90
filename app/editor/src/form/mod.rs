//! The form for a value from its JSON Schema: what a person fills in, field by field, and the changes that makes of it. The form is made
//! anew from schema and value after every change; it holds no state of its own, so it can never disagree with the document.

mod edit;
mod find;
pub(crate) mod schema;
#[cfg(test)]
mod tests;

pub use edit::Mistake;

use serde_json::{Map, Value};

use schema::{Root, array};

/// Fields within fields: deeper ones are shown as JSON.
const DEPTH_MAX: usize = 6;
/// The same of fields that are not given.
const ABSENT_MAX: usize = 3;

/// The form for an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// Of several alternatives one is chosen: `delay` takes `for` or `until`.
    pub choice: Option<Choice>,
    /// What stands in the document and is in no schema: kept, and shown as it is.
    pub unknown: Vec<Field>,
}

/// Alternatives of a form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// The alternatives.
    pub tabs: Vec<Tab>,
    /// The one that the value fits best.
    pub chosen: usize,
}

/// An alternative.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tab {
    /// What it is called.
    pub label: String,
    /// What it is for.
    pub help: Option<String>,
    /// The fields that only it has; they are shown while it is chosen.
    pub fields: Vec<String>,
    /// What is set when it is chosen, and with `None` removed.
    pub sets: Vec<(String, Option<Value>)>,
}

/// A field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    /// Where it stands in the document.
    pub path: Vec<String>,
    /// Its label.
    pub title: String,
    /// What it is for.
    pub help: Option<String>,
    /// What it may look like.
    pub examples: Vec<Value>,
    /// Whether it must be given.
    pub is_required: bool,
    /// Whether it is shown only on demand.
    pub is_advanced: bool,
    /// Whether references to secrets may stand in it.
    pub takes_secrets: bool,
    /// Whether the order of its entries counts, though they have names.
    pub is_ordered: bool,
    /// What holds if it is not given.
    pub default: Option<Value>,
    /// What is given.
    pub value: Option<Value>,
    /// Whether what is given is one expression instead of a value of the field's kind.
    pub is_expression: bool,
    /// How it is filled in.
    pub kind: Kind,
    /// What one more item or entry of it begins with, if its schema says.
    pub blank: Option<Value>,
    /// What is wrong with it, as far as its schema tells.
    pub problem: Option<String>,
}

/// How a field is filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Kind {
    /// A text on one line, which may hold expressions.
    #[default]
    Line,
    /// A text of several lines.
    Lines,
    /// A program in a language.
    Code(String),
    /// A number.
    Number {
        /// Whether it is whole.
        is_whole: bool,
        /// The least.
        least: Option<f64>,
        /// The greatest.
        most: Option<f64>,
    },
    /// Yes or no.
    Toggle,
    /// One of these.
    Select(Vec<Item>),
    /// A duration such as `1h30m`.
    Duration,
    /// When a schedule fires, such as `0 6 * * 1-5`.
    Cron,
    /// A moment such as `2026-01-31T12:00:00Z`.
    Moment,
    /// A reference to a secret.
    Secret,
    /// An object with fields of its own.
    Group(Box<Form>),
    /// An object whose names are free.
    Map(Vec<Field>),
    /// A list.
    List(Vec<Field>),
    /// Values of different kinds: the one that is given, and what else there may be.
    Variants {
        /// What may be chosen, each with what it begins with.
        tabs: Vec<(String, Value)>,
        /// The one that is.
        chosen: usize,
        /// How that one is filled in.
        kind: Box<Kind>,
    },
    /// Any JSON.
    Json,
}

/// One of several values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// The value.
    pub value: Value,
    /// What it is called.
    pub label: String,
    /// What it means.
    pub help: Option<String>,
}

/// The form for a value that stands at `path` in the document.
#[must_use]
pub fn form(schema: &Value, value: Option<&Value>, path: &[&str]) -> Form {
    let path: Vec<String> = path.iter().map(|&step| step.to_owned()).collect();
    Builder { root: Root(schema) }.form(schema, value, &path, 0)
}

struct Builder<'s> {
    root: Root<'s>,
}

impl Builder<'_> {
    fn form(&self, schema: &Value, value: Option<&Value>, path: &[String], depth: usize) -> Form {
        let mut whole = self.root.whole(schema, value);
        let choice = self.choice(&mut whole, value);
        let properties = whole
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let required = array(&whole, "required");
        let given = value.and_then(Value::as_object);
        let mut fields: Vec<(f64, Field)> = properties
            .iter()
            .map(|(name, field)| {
                let is_required = required.iter().any(|other| other == name);
                let path = [path, std::slice::from_ref(name)].concat();
                let given = given.and_then(|given| given.get(name));
                let order = field.get("x-order").and_then(Value::as_f64);
                // Without an order what must be given comes first.
                let order = order.unwrap_or(if is_required { 1e6 } else { 2e6 });
                (order, self.field(field, given, path, is_required, depth))
            })
            .collect();
        fields.sort_by(|one, other| one.0.total_cmp(&other.0));
        let unknown = given
            .into_iter()
            .flatten()
            .filter(|(name, _)| !properties.contains_key(*name));
        let is_closed = whole.get("additionalProperties") == Some(&Value::Bool(false));
        let unknown = unknown.map(|(name, value)| Field {
            path: [path, std::slice::from_ref(name)].concat(),
            title: name.clone(),
            value: Some(value.clone()),
            kind: Kind::Json,
            problem: is_closed.then(|| format!("`{name}` is not known here")),
            ..Field::default()
        });
        Form {
            unknown: unknown.collect(),
            fields: fields.into_iter().map(|(_, field)| field).collect(),
            choice,
        }
    }

    /// Alternatives of an object, each with fields of its own or only with what it requires; the chosen one's are merged in.
    fn choice(&self, whole: &mut Map<String, Value>, value: Option<&Value>) -> Option<Choice> {
        let key = ["oneOf", "anyOf"].into_iter().find(|key| {
            let branches = array(whole, key);
            branches.len() > 1
                && branches.iter().all(|branch| {
                    self.root
                        .whole(branch, None)
                        .keys()
                        .any(|key| key == "required" || key == "properties")
                })
        })?;
        let branches = array(whole, key);
        let merged: Vec<_> = branches
            .iter()
            .map(|branch| self.root.whole(branch, value))
            .collect();
        let chosen = branches
            .iter()
            .position(|branch| value.is_some_and(|value| self.root.fits(branch, value)))
            .or_else(|| {
                // None fits as a whole: the one with most of its fields given.
                let given = |map: &Map<String, Value>| {
                    own_fields(map)
                        .iter()
                        .filter(|name| value.and_then(|value| value.get(name.as_str())).is_some())
                        .count()
                };
                merged
                    .iter()
                    .enumerate()
                    .rev()
                    .max_by_key(|(_, map)| given(map))
                    .map(|(at, _)| at)
            })
            .unwrap_or(0);
        let all: Vec<String> = merged.iter().flat_map(own_fields).collect();
        let tabs = merged.iter().map(|map| self.tab(whole, map, &all)).collect();
        whole.remove(key);
        let mut branch = merged.into_iter().nth(chosen).unwrap_or_default();
        if let (Some(fields), Some(more)) = (
            whole
                .entry("properties")
                .or_insert_with(|| Value::Object(Map::new()))
                .as_object_mut(),
            branch.get("properties").and_then(Value::as_object),
        ) {
            for (name, field) in more {
                fields.entry(name.clone()).or_insert_with(|| field.clone());
            }
        }
        let mut required = array(whole, "required");
        required.extend(array(&branch, "required"));
        whole.insert("required".to_owned(), Value::Array(required));
        branch.clear();
        Some(Choice { tabs, chosen })
    }

    fn tab(&self, whole: &Map<String, Value>, branch: &Map<String, Value>, all: &[String]) -> Tab {
        let own = own_fields(branch);
        let constants: Vec<(String, Value)> = branch
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(name, field)| Some((name.clone(), field.get("const")?.clone())))
            .collect();
        let text = |key: &str| branch.get(key).and_then(Value::as_str).map(str::to_owned);
        let label = text("title")
            .or_else(|| constants.first().map(|(_, value)| plain(value)))
            .or_else(|| own.first().map(|name| title(name)))
            .unwrap_or_else(|| "Other".to_owned());
        // Only what no branch has in common with this one goes when it is chosen.
        let mut sets: Vec<(String, Option<Value>)> = all
            .iter()
            .filter(|name| !own.contains(name))
            .map(|name| (name.clone(), None))
            .collect();
        sets.extend(
            constants
                .iter()
                .map(|(name, value)| (name.clone(), Some(value.clone()))),
        );
        for name in array(branch, "required").iter().filter_map(Value::as_str) {
            if constants.iter().all(|(other, _)| other != name) {
                let field = [branch, whole]
                    .into_iter()
                    .find_map(|map| map.get("properties")?.get(name));
                sets.push((name.to_owned(), Some(self.blank(field))));
            }
        }
        Tab {
            label,
            help: text("description"),
            fields: own,
            sets,
        }
    }

    fn field(
        &self,
        schema: &Value,
        value: Option<&Value>,
        path: Vec<String>,
        is_required: bool,
        depth: usize,
    ) -> Field {
        let whole = self.root.whole(schema, value);
        let text = |key: &str| whole.get(key).and_then(Value::as_str).map(str::to_owned);
        let name = path.last().cloned().unwrap_or_default();
        let is = |key: &str| whole.get(key) == Some(&Value::Bool(true));
        let mut field = Field {
            title: text("title").unwrap_or_else(|| title(&name)),
            help: text("description"),
            examples: array(&whole, "examples"),
            is_required,
            is_advanced: is("x-advanced"),
            takes_secrets: is("x-secret"),
            is_ordered: is("x-ordered"),
            default: whole.get("default").filter(|default| !default.is_null()).cloned(),
            value: value.cloned(),
            kind: self.kind(&whole, value, &path, depth),
            blank: self.blank_within(&whole),
            path,
            ..Field::default()
        };
        let is_texts = matches!(
            field.kind,
            Kind::Line | Kind::Lines | Kind::Code(_) | Kind::Secret | Kind::Json
        );
        field.is_expression = !is_texts && value.and_then(Value::as_str).is_some_and(is_template);
        field.problem = match value {
            None if is_required => Some("this is required".to_owned()),
            Some(value) if !field.is_expression && !has_template(value) && !self.root.fits(schema, value) => {
                Some(self.misfit(&field))
            }
            _ => None,
        };
        field
    }

    /// What is wrong with a value that does not fit, in one line.
    fn misfit(&self, field: &Field) -> String {
        match &field.kind {
            Kind::Number {
                is_whole,
                least,
                most,
            } => {
                let kind = if *is_whole { "a whole number" } else { "a number" };
                match (least, most) {
                    (Some(least), Some(most)) => format!("{kind} from {least} to {most} is wanted"),
                    (Some(least), None) => format!("{kind} of at least {least} is wanted"),
                    (None, Some(most)) => format!("{kind} of at most {most} is wanted"),
                    (None, None) => format!("{kind} is wanted"),
                }
            }
            Kind::Toggle => "yes or no is wanted".to_owned(),
            Kind::Select(items) => {
                let labels: Vec<&str> = items.iter().map(|item| item.label.as_str()).collect();
                format!("one of these is wanted: {}", labels.join(", "))
            }
            Kind::Line
            | Kind::Lines
            | Kind::Code(_)
            | Kind::Secret
            | Kind::Duration
            | Kind::Cron
            | Kind::Moment => "a text is wanted".to_owned(),
            Kind::List(_) => "a list is wanted".to_owned(),
            Kind::Group(_) | Kind::Map(_) => "this does not fit: look at what stands in it".to_owned(),
            Kind::Variants { .. } | Kind::Json => "this does not fit what may stand here".to_owned(),
        }
    }

    fn kind(&self, whole: &Map<String, Value>, value: Option<&Value>, path: &[String], depth: usize) -> Kind {
        // What is not there is not unfolded for ever: a schema may refer to itself.
        if depth >= DEPTH_MAX || (value.is_none() && depth >= ABSENT_MAX) {
            return Kind::Json;
        }
        if let Some(items) = items(whole) {
            return Kind::Select(items);
        }
        for key in ["oneOf", "anyOf"] {
            let mut branches = array(whole, key);
            branches.retain(|branch| {
                self.root.whole(branch, None).get("type").and_then(Value::as_str) != Some("null")
            });
            if !whole.contains_key(key) || whole.contains_key("properties") {
                continue;
            }
            if let [branch] = &branches[..] {
                let branch = self.root.whole(branch, value);
                return self.kind(&branch, value, path, depth + 1);
            }
            let choices: Vec<Item> = branches
                .iter()
                .filter_map(|branch| constant(&self.root.whole(branch, None)))
                .collect();
            if !branches.is_empty() && choices.len() == branches.len() {
                return Kind::Select(choices);
            }
            if branches.len() > 1 {
                return self.variants(&branches, value, path, depth);
            }
        }
        let format = whole.get("format").and_then(Value::as_str).unwrap_or_default();
        match kind_word(whole).as_str() {
            "string" => string_kind(whole, format),
            "boolean" => Kind::Toggle,
            word @ ("integer" | "number") => Kind::Number {
                is_whole: word == "integer",
                least: whole.get("minimum").and_then(Value::as_f64),
                most: whole.get("maximum").and_then(Value::as_f64),
            },
            "array" => self.list(whole, value, path, depth),
            "object" if whole.contains_key("properties") || whole.contains_key("oneOf") => Kind::Group(
                Box::new(self.form(&Value::Object(whole.clone()), value, path, depth + 1)),
            ),
            "object" => self.map(whole, value, path, depth),
            _ => Kind::Json,
        }
    }

    fn list(&self, whole: &Map<String, Value>, value: Option<&Value>, path: &[String], depth: usize) -> Kind {
        let any = Value::Bool(true);
        let item = whole.get("items").unwrap_or(&any);
        let given = value.and_then(Value::as_array).into_iter().flatten().enumerate();
        let fields = given.map(|(at, value)| {
            let path = [path, &[at.to_string()]].concat();
            Field {
                title: format!("{}", at + 1),
                ..self.field(item, Some(value), path, true, depth + 1)
            }
        });
        Kind::List(fields.collect())
    }

    fn map(&self, whole: &Map<String, Value>, value: Option<&Value>, path: &[String], depth: usize) -> Kind {
        let any = Value::Bool(true);
        let item = whole
            .get("additionalProperties")
            .filter(|item| item.is_object())
            .unwrap_or(&any);
        let secrets = whole.get("x-secret") == Some(&Value::Bool(true));
        let given = value.and_then(Value::as_object).into_iter().flatten();
        let fields = given.map(|(name, value)| {
            let path = [path, std::slice::from_ref(name)].concat();
            let mut field = self.field(item, Some(value), path, true, depth + 1);
            // What may be anything is a text most of the time.
            if field.kind == Kind::Json && value.is_string() {
                field.kind = Kind::Line;
                field.is_expression = false;
            }
            Field {
                title: name.clone(),
                takes_secrets: secrets || field.takes_secrets,
                ..field
            }
        });
        Kind::Map(fields.collect())
    }

    fn variants(&self, branches: &[Value], value: Option<&Value>, path: &[String], depth: usize) -> Kind {
        let wholes: Vec<_> = branches
            .iter()
            .map(|branch| self.root.whole(branch, value))
            .collect();
        let fitting = |value: &Value| branches.iter().position(|branch| self.root.fits(branch, value));
        let chosen = value.and_then(fitting).unwrap_or(0);
        let tabs = wholes
            .iter()
            .map(|whole| {
                (
                    self.branch_label(whole),
                    self.blank(Some(&Value::Object(whole.clone()))),
                )
            })
            .collect();
        let kind = self.kind(&wholes[chosen], value, path, depth + 1);
        Kind::Variants {
            tabs,
            chosen,
            kind: Box::new(kind),
        }
    }

    fn branch_label(&self, whole: &Map<String, Value>) -> String {
        if let Some(title) = whole.get("title").and_then(Value::as_str) {
            return title.to_owned();
        }
        if let Some(Item { label, .. }) = constant(whole) {
            return label;
        }
        let constant = whole.get("properties").and_then(Value::as_object);
        if let Some(value) = constant
            .into_iter()
            .flatten()
            .find_map(|(_, field)| field.get("const"))
        {
            return plain(value);
        }
        match kind_word(whole).as_str() {
            "string" => "Text",
            "boolean" => "Yes or no",
            "integer" | "number" => "Number",
            "array" => "List",
            "object" => "Object",
            "null" => "Nothing",
            // Branches of branches: a status is a number or a text.
            _ if whole.contains_key("anyOf") || whole.contains_key("oneOf") => "One",
            _ => "Anything",
        }
        .to_owned()
    }

    /// What items of a list or entries of a map begin with.
    fn blank_within(&self, whole: &Map<String, Value>) -> Option<Value> {
        let key = match kind_word(whole).as_str() {
            "array" => "items",
            "object" => "additionalProperties",
            _ => return None,
        };
        let within = whole.get(key).filter(|within| within.is_object());
        Some(self.blank(within)).filter(|blank| !blank.is_null())
    }

    /// What a value of a schema begins with.
    fn blank(&self, schema: Option<&Value>) -> Value {
        let Some(schema) = schema else { return Value::Null };
        let whole = self.root.whole(schema, None);
        for key in ["default", "const"] {
            if let Some(value) = whole.get(key).filter(|value| !value.is_null()) {
                return value.clone();
            }
        }
        if let Some(first) = array(&whole, "enum").into_iter().next() {
            return first;
        }
        for key in ["anyOf", "oneOf"] {
            let branches = array(&whole, key);
            let first = branches
                .iter()
                .find(|branch| kind_word(&self.root.whole(branch, None)) != "null");
            if let Some(first) = first {
                return self.blank(Some(first));
            }
        }
        match kind_word(&whole).as_str() {
            "string" => Value::String(String::new()),
            "boolean" => Value::Bool(false),
            "integer" | "number" => whole.get("minimum").cloned().unwrap_or_else(|| 0.into()),
            "array" => Value::Array(Vec::new()),
            "object" => {
                let required = array(&whole, "required");
                let properties = whole.get("properties");
                let fields = required.iter().filter_map(Value::as_str);
                Value::Object(
                    fields
                        .map(|name| {
                            (
                                name.to_owned(),
                                self.blank(properties.and_then(|all| all.get(name))),
                            )
                        })
                        .collect(),
                )
            }
            _ => Value::Null,
        }
    }
}

/// The one type a schema names, `null` aside.
fn kind_word(whole: &Map<String, Value>) -> String {
    match whole.get("type") {
        Some(Value::String(word)) => word.clone(),
        Some(Value::Array(words)) => {
            let mut words = words
                .iter()
                .filter_map(Value::as_str)
                .filter(|word| *word != "null");
            match (words.next(), words.next()) {
                (Some(word), None) => word.to_owned(),
                _ => String::new(),
            }
        }
        _ if whole.contains_key("properties") => "object".to_owned(),
        _ => String::new(),
    }
}

fn string_kind(whole: &Map<String, Value>, format: &str) -> Kind {
    match format {
        "pointwork-duration" | "duration" => Kind::Duration,
        "cron" => Kind::Cron,
        "date-time" | "datetime" => Kind::Moment,
        "password" | "secret" => Kind::Secret,
        "textarea" | "multiline" | "markdown" => Kind::Lines,
        "javascript" | "python" | "sql" | "shell" | "jq" | "json" | "yaml" | "html" | "code" => {
            Kind::Code(format.to_owned())
        }
        _ if whole.get("contentMediaType").is_some() => Kind::Code("code".to_owned()),
        _ => Kind::Line,
    }
}

/// The values of an `enum`.
fn items(whole: &Map<String, Value>) -> Option<Vec<Item>> {
    let values = whole.get("enum")?.as_array()?;
    let item = |value: &Value| Item {
        value: value.clone(),
        label: plain(value),
        help: None,
    };
    Some(values.iter().filter(|value| !value.is_null()).map(item).collect())
}

/// A branch that is one value.
fn constant(whole: &Map<String, Value>) -> Option<Item> {
    let value = match (whole.get("const"), whole.get("enum").and_then(Value::as_array)) {
        (Some(value), _) => value.clone(),
        (None, Some(values)) if values.len() == 1 => values[0].clone(),
        _ => return None,
    };
    let text = |key: &str| whole.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Item {
        label: text("title").unwrap_or_else(|| plain(&value)),
        help: text("description"),
        value,
    })
}

/// The fields an alternative names.
fn own_fields(branch: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<String> = array(branch, "required")
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    for name in branch
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::keys)
    {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// A value without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `max_body` as `Max body`.
fn title(name: &str) -> String {
    let spaced = name.replace(['_', '-'], " ");
    let mut chars = spaced.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => spaced,
    }
}

/// Whether a text holds an expression.
fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => is_template(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(map) => map.values().any(has_template),
        _ => false,
    }
}

impl Form {
    /// All fields, those of the alternatives that are not chosen left out.
    pub fn shown(&self) -> impl Iterator<Item = &Field> {
        let hidden: Vec<&String> = self
            .choice
            .iter()
            .flat_map(|choice| {
                let own = &choice.tabs[choice.chosen.min(choice.tabs.len() - 1)].fields;
                let all = choice.tabs.iter().flat_map(|tab| &tab.fields);
                all.filter(|name| !own.contains(name)).collect::<Vec<_>>()
            })
            .collect();
        self.fields.iter().filter(move |field| {
            field.value.is_some() || field.path.last().is_none_or(|name| !hidden.contains(&name))
        })
    }
}
