//! JSON as expressions see it, and back.
//!
//! A value is never copied for the engine: a [`JsonPart`] is a shared pointer to the whole with a reference to the part, and
//! makes the next part only when it is asked for. Texts are the exception, the engine wants its own; they are paid for.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use serde_json::{Map, Number, Value as Json};
use yoke::Yoke;

use super::error::listed;
use super::meter::{Meter, Missed, check_depth};

/// An object or array inside a shared JSON value.
pub(super) struct JsonPart {
    part: Yoke<&'static Json, Arc<Json>>,
    meter: Arc<Meter>,
}

impl std::fmt::Debug for JsonPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("json")
    }
}

impl JsonPart {
    /// The part itself.
    pub(super) fn get(&self) -> &Json {
        self.part.get()
    }

    fn miss(&self, key: &str) {
        let there = match self.get() {
            Json::Object(map) => listed(map.len(), map.keys().map(String::as_str)),
            Json::Array(items) => format!("a list of {}", items.len()),
            _ => return,
        };
        self.meter.miss(Missed {
            key: super::error::shorten(key),
            there,
        });
    }
}

/// A shared JSON value for the engine.
pub(super) fn share(json: &Arc<Json>, meter: &Arc<Meter>) -> Value {
    wrap(json, meter, || {
        Yoke::attach_to_cart(Arc::clone(json), |json| json)
    })
}

fn wrap(json: &Json, meter: &Arc<Meter>, part: impl FnOnce() -> Yoke<&'static Json, Arc<Json>>) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(yes) => Value::from(*yes),
        Json::Number(number) => number_in(number),
        Json::String(text) => match meter.charge(text.len() as u64) {
            Ok(()) => Value::from(text.as_str()),
            // The engine fails with this error where it is handed the value.
            Err(error) => Value::from(error),
        },
        Json::Array(_) | Json::Object(_) => Value::from_object(JsonPart {
            part: part(),
            meter: Arc::clone(meter),
        }),
    }
}

fn number_in(number: &Number) -> Value {
    if let Some(number) = number.as_i64() {
        Value::from(number)
    } else if let Some(number) = number.as_u64() {
        Value::from(number)
    } else {
        Value::from(number.as_f64().unwrap_or(f64::NAN))
    }
}

impl Object for JsonPart {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.get().is_array() {
            ObjectRepr::Seq
        } else {
            ObjectRepr::Map
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match self.get() {
            Json::Array(items) => {
                let index = key.as_usize();
                let Some((index, item)) = index.and_then(|index| items.get(index).map(|item| (index, item)))
                else {
                    self.miss(&key.to_string());
                    return None;
                };
                Some(wrap(item, &self.meter, || {
                    self.part
                        .map_project_cloned(|json, _| json.get(index).unwrap_or(&Json::Null))
                }))
            }
            _ => self.get_value_by_str(key.as_str()?),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let Some(field) = self.get().as_object().and_then(|map| map.get(key)) else {
            self.miss(key);
            return None;
        };
        Some(wrap(field, &self.meter, || {
            self.part
                .map_project_cloned(|json, _| json.get(key).unwrap_or(&Json::Null))
        }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.get() {
            Json::Array(items) => Enumerator::Seq(items.len()),
            Json::Object(map) => {
                let bytes: usize = map.keys().map(|key| key.len() + 32).sum();
                match self.meter.charge(bytes as u64) {
                    Ok(()) => Enumerator::Values(map.keys().map(|key| Value::from(key.as_str())).collect()),
                    Err(error) => Enumerator::Values(vec![Value::from(error)]),
                }
            }
            _ => Enumerator::NonEnumerable,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match self.get() {
            Json::Array(items) => Some(items.len()),
            Json::Object(map) => Some(map.len()),
            _ => None,
        }
    }
}

/// The JSON of a result; each part is paid for as output.
pub(super) fn to_json(value: &Value, meter: &Meter, depth: usize) -> Result<Json, Error> {
    check_depth(depth)?;
    if let Some(part) = value.downcast_object_ref::<JsonPart>() {
        pay_for(part.get(), meter)?;
        return Ok(part.get().clone());
    }
    match value.kind() {
        ValueKind::None => scalar(Json::Null, 4, meter),
        ValueKind::Bool => scalar(Json::Bool(value.is_true()), 5, meter),
        ValueKind::Number => scalar(Json::Number(number_out(value)?), 8, meter),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            scalar(Json::String(text.to_owned()), text.len() + 2, meter)
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter()?.checked() {
                meter.charge_items(1)?;
                items.push(to_json(&item?, meter, depth + 1)?);
            }
            scalar(Json::Array(items), 2, meter)
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter()?.checked() {
                let key = key?;
                meter.charge_items(1)?;
                let item = to_json(&value.get_item(&key)?, meter, depth + 1)?;
                let key = key_text(&key)?;
                meter.emit(key.len() + 4)?;
                map.insert(key, item);
            }
            scalar(Json::Object(map), 2, meter)
        }
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Invalid => value.clone().try_iter().map(|_| Json::Null),
        other => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("yields a {other}, which is no JSON value"),
        )),
    }
}

fn scalar(json: Json, bytes: usize, meter: &Meter) -> Result<Json, Error> {
    meter.emit(bytes)?;
    Ok(json)
}

fn pay_for(json: &Json, meter: &Meter) -> Result<(), Error> {
    meter.charge(32)?;
    match json {
        Json::Null | Json::Bool(_) => meter.emit(5),
        Json::Number(_) => meter.emit(8),
        Json::String(text) => meter.emit(text.len() + 2),
        Json::Array(items) => {
            meter.emit(2 + items.len())?;
            items.iter().try_for_each(|item| pay_for(item, meter))
        }
        Json::Object(map) => {
            meter.emit(2 + map.keys().map(|key| key.len() + 4).sum::<usize>())?;
            map.values().try_for_each(|item| pay_for(item, meter))
        }
    }
}

pub(super) fn number_out(value: &Value) -> Result<Number, Error> {
    if value.is_integer() {
        if let Ok(number) = i64::try_from(value.clone()) {
            return Ok(number.into());
        }
        return u64::try_from(value.clone()).map(Number::from).map_err(|_| {
            Error::new(
                ErrorKind::InvalidOperation,
                format!("yields {value}, an integer of more than 64 bits; use `| float` or `| string`"),
            )
        });
    }
    let number = f64::try_from(value.clone())?;
    Number::from_f64(number).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!("yields {number}, which JSON cannot hold as a number"),
        )
    })
}

/// A key of a map as text.
pub(super) fn key_text(key: &Value) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
        ValueKind::Number | ValueKind::Bool => Ok(key.to_string()),
        other => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a key of a map must be a text, not a {other}"),
        )),
    }
}

/// What a value is, in an author's words.
pub(super) fn kind_word(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "undefined",
        ValueKind::None => "null",
        ValueKind::Bool => "true or false",
        ValueKind::Number => "a number",
        ValueKind::String => "a text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "an object",
        _ => "a special value",
    }
}
