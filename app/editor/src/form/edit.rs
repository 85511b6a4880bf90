//! What is typed into a field as a change of the document.

use serde_json::{Map, Value};

use super::{Field, Form, Kind, is_template};
use crate::change::Change;

/// What was typed cannot stand in the field; nothing changes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mistake(pub String);

impl Field {
    /// The field's value as the text that is edited.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.value {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(value) if self.kind == Kind::Json => serde_json::to_string_pretty(value).unwrap_or_default(),
            Some(value) => value.to_string(),
        }
    }

    /// The field gets this value; `None` leaves it out.
    #[must_use]
    pub fn set(&self, value: Option<Value>) -> Change {
        Change::Set {
            path: self.path.clone(),
            value,
        }
    }

    /// The change that a text typed into the field makes.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn typed(&self, text: &str) -> Result<Change, Mistake> {
        self.read(text).map(|value| self.set(value))
    }

    fn read(&self, text: &str) -> Result<Option<Value>, Mistake> {
        if text.trim().is_empty() && !(self.is_required && self.takes_text()) {
            return Ok(None);
        }
        let is_expression = is_template(text);
        Ok(Some(match self.plain_kind() {
            // An expression may stand for any value.
            _ if is_expression && !matches!(self.plain_kind(), Kind::Json) => Value::String(text.to_owned()),
            Kind::Number { is_whole, .. } => number(text, *is_whole)?,
            Kind::Toggle => match text.trim() {
                "true" | "yes" | "on" => Value::Bool(true),
                "false" | "no" | "off" => Value::Bool(false),
                other => return Err(Mistake(format!("`{other}` is neither true nor false"))),
            },
            Kind::Select(items) => {
                let found = items.iter().find(|item| item.label == text || item.value == text);
                found.map_or_else(|| Value::String(text.to_owned()), |item| item.value.clone())
            }
            Kind::Json | Kind::List(_) | Kind::Map(_) | Kind::Group(_) => json(text)?,
            _ => Value::String(text.to_owned()),
        }))
    }

    fn takes_text(&self) -> bool {
        matches!(
            self.plain_kind(),
            Kind::Line | Kind::Lines | Kind::Code(_) | Kind::Secret
        )
    }

    /// How it is filled in, of several kinds the chosen one.
    #[must_use]
    pub fn plain_kind(&self) -> &Kind {
        let mut kind = &self.kind;
        while let Kind::Variants { kind: inner, .. } = kind {
            kind = inner;
        }
        kind
    }

    /// The value as an expression that gives it, or the other way round: `5` and `{{ 5 }}`. What cannot be a value again is left out.
    #[must_use]
    pub fn switched(&self) -> Change {
        let value = self.value.as_ref().or(self.default.as_ref());
        if !self.is_expression {
            // In expressions nothing is called `none`.
            let inner = value.filter(|value| !value.is_null());
            let inner = inner.map_or_else(|| "none".to_owned(), Value::to_string);
            return self.set(Some(Value::String(format!("{{{{ {inner} }}}}"))));
        }
        let text = self.text();
        let inner = text
            .trim()
            .strip_prefix("{{")
            .and_then(|rest| rest.strip_suffix("}}"));
        let value = inner
            .map(str::trim)
            .filter(|inner| *inner != "none")
            .and_then(|inner| serde_json::from_str(inner).ok());
        self.set(
            value
                .or_else(|| self.default.clone())
                .filter(|value: &Value| !value.is_null()),
        )
    }

    /// Another kind of value is chosen.
    #[must_use]
    pub fn vary(&self, tab: usize) -> Option<Change> {
        match &self.kind {
            Kind::Variants { tabs, chosen, .. } if tab != *chosen => {
                let (_, blank) = tabs.get(tab)?;
                Some(self.set(Some(blank.clone())))
            }
            _ => None,
        }
    }

    fn items(&self) -> Vec<Value> {
        self.value
            .as_ref()
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    }

    fn entries(&self) -> Map<String, Value> {
        self.value
            .as_ref()
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    }

    /// One more item at the end of a list: what its schema wants, else like the last one's kind, but empty.
    #[must_use]
    pub fn add_item(&self) -> Change {
        let mut items = self.items();
        let blank = match items.last() {
            _ if let Some(blank) = &self.blank => blank.clone(),
            Some(Value::Number(_)) => 0.into(),
            Some(Value::Bool(_)) => Value::Bool(false),
            Some(Value::Object(_)) => Value::Object(Map::new()),
            Some(Value::Array(_)) => Value::Array(Vec::new()),
            _ => Value::String(String::new()),
        };
        items.push(blank);
        self.set(Some(Value::Array(items)))
    }

    /// A list without one of its items.
    #[must_use]
    pub fn remove_item(&self, at: usize) -> Option<Change> {
        let mut items = self.items();
        (at < items.len()).then(|| {
            items.remove(at);
            self.set(Some(Value::Array(items)))
        })
    }

    /// A list with one of its items elsewhere.
    #[must_use]
    pub fn move_item(&self, from: usize, to: usize) -> Option<Change> {
        let mut items = self.items();
        (from < items.len() && to < items.len() && from != to).then(|| {
            let item = items.remove(from);
            items.insert(to, item);
            self.set(Some(Value::Array(items)))
        })
    }

    /// One more entry of a map, with a name that is free.
    #[must_use]
    pub fn add_entry(&self) -> Change {
        let mut entries = self.entries();
        let free = (1..=entries.len() + 1)
            .map(|n| format!("name{n}"))
            .find(|name| !entries.contains_key(name));
        let blank = self.blank.clone().unwrap_or_else(|| "".into());
        entries.insert(free.unwrap_or_default(), blank);
        self.set(Some(Value::Object(entries)))
    }

    /// A map with one of its entries in the place of the one before it, or after it. Nothing if there is none.
    #[must_use]
    pub fn move_entry(&self, name: &str, is_up: bool) -> Option<Change> {
        let entries = self.entries();
        let at = entries.keys().position(|other| other == name)?;
        let at = if is_up { at.checked_sub(1)? } else { at };
        (at + 1 < entries.len()).then(|| Change::Swap {
            path: self.path.clone(),
            at,
        })
    }

    /// An entry of a map gets another name, at the same place.
    ///
    /// # Errors
    /// If the name is taken or empty.
    pub fn rename_entry(&self, from: &str, to: &str) -> Result<Change, Mistake> {
        let to = to.trim();
        let entries = self.entries();
        if to.is_empty() {
            return Err(Mistake("a name is wanted".to_owned()));
        }
        if from != to && entries.contains_key(to) {
            return Err(Mistake(format!("there is a `{to}` already")));
        }
        let renamed = entries
            .into_iter()
            .map(|(name, value)| (if name == from { to.to_owned() } else { name }, value));
        Ok(self.set(Some(Value::Object(renamed.collect()))))
    }

    /// A map without one of its entries.
    #[must_use]
    pub fn remove_entry(&self, name: &str) -> Change {
        let mut entries = self.entries();
        entries.shift_remove(name);
        self.set(Some(Value::Object(entries)))
    }
}

impl Form {
    /// Another alternative is chosen: what only others have goes, what it must have comes. As one step.
    #[must_use]
    pub fn choose(&self, tab: usize, path: &[&str]) -> Option<Change> {
        let choice = self.choice.as_ref()?;
        let tab = choice.tabs.get(tab).filter(|_| tab != choice.chosen)?;
        let value = |name: &str| {
            let own = |field: &&Field| field.path.last().is_some_and(|last| last == name);
            let fields = self.fields.iter().chain(&self.unknown);
            fields.filter(own).find_map(|field| field.value.clone())
        };
        let changes = tab
            .sets
            .iter()
            .filter(|(name, to)| value(name).is_some() || to.is_some())
            .filter(|(name, to)| {
                // What is given already stays, unless the alternative says what it must be.
                to.is_none()
                    || value(name).is_none()
                    || to
                        .as_ref()
                        .is_some_and(|to| !is_blank(to) && value(name).as_ref() != Some(to))
            });
        let step = |name: &str| {
            path.iter()
                .map(|&step| step.to_owned())
                .chain([name.to_owned()])
                .collect()
        };
        let changes = changes.map(|(name, to)| Change::Set {
            path: step(name),
            value: to.clone(),
        });
        Some(Change::All(changes.collect()))
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn number(text: &str, is_whole: bool) -> Result<Value, Mistake> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole.into());
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    match number {
        Some(_) if is_whole => Err(Mistake(format!("`{text}` is not a whole number"))),
        Some(number) => Ok(number.into()),
        None => Err(Mistake(format!("`{text}` is not a number"))),
    }
}

fn json(text: &str) -> Result<Value, Mistake> {
    let trimmed = text.trim_start();
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        // What does not look like JSON is meant as a text.
        Err(_)
            if !trimmed.starts_with(['{', '[', '"'])
                || is_template(text) && !trimmed.starts_with(['[', '"']) && !trimmed.starts_with("{\n") =>
        {
            Ok(Value::String(text.to_owned()))
        }
        Err(error) => Err(Mistake(format!("this is not JSON: {error}"))),
    }
}
