//! JSON Schemas as forms need them: references followed, branches merged, values told apart.

use serde_json::{Map, Value};

/// How deep schemas refer to each other: one that refers to itself must end.
const DEPTH_MAX: usize = 16;

/// A whole schema, and a place in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root<'s>(pub(crate) &'s Value);

impl<'s> Root<'s> {
    /// The schema with references followed and what holds for this value merged in: `allOf`, `if`, `dependentRequired`,
    /// `dependentSchemas`. What does not fit together keeps what was said first.
    pub(crate) fn whole(self, schema: &Value, value: Option<&Value>) -> Map<String, Value> {
        self.merged(schema, value, 0)
    }

    fn merged(self, schema: &Value, value: Option<&Value>, depth: usize) -> Map<String, Value> {
        let mut whole = match schema {
            Value::Object(map) => map.clone(),
            _ => Map::new(),
        };
        if depth > DEPTH_MAX {
            return Map::new();
        }
        if let Some(target) = whole
            .remove("$ref")
            .as_ref()
            .and_then(Value::as_str)
            .and_then(|path| self.find(path))
        {
            merge(&mut whole, self.merged(target, value, depth + 1));
        }
        for part in array(&whole, "allOf") {
            merge(&mut whole, self.merged(&part, value, depth + 1));
        }
        if let Some(condition) = whole.remove("if") {
            let holds = value.is_some_and(|value| self.fits(&condition, value));
            let branch = whole.get(if holds { "then" } else { "else" }).cloned();
            if let Some(branch) = branch {
                merge(&mut whole, self.merged(&branch, value, depth + 1));
            }
        }
        let given = |name: &str| value.and_then(|value| value.get(name)).is_some();
        for (name, needs) in object(&whole, "dependentRequired") {
            if given(&name) {
                merge(&mut whole, Map::from_iter([("required".to_owned(), needs)]));
            }
        }
        for (name, more) in object(&whole, "dependentSchemas") {
            if given(&name) {
                merge(&mut whole, self.merged(&more, value, depth + 1));
            }
        }
        whole
    }

    /// The schema a reference within the document leads to: `#/$defs/NAME`.
    fn find(self, path: &str) -> Option<&'s Value> {
        let path = path.strip_prefix('#')?;
        if path.is_empty() {
            Some(self.0)
        } else {
            self.0.pointer(path)
        }
    }

    /// Whether a value is of a schema, as far as forms have to tell: types, constants, choices, fields. What else a schema says is left to
    /// validation.
    pub(crate) fn fits(self, schema: &Value, value: &Value) -> bool {
        self.fits_at(schema, value, 0)
    }

    fn fits_at(self, schema: &Value, value: &Value, depth: usize) -> bool {
        let Value::Object(map) = schema else {
            return schema != &Value::Bool(false);
        };
        if depth > DEPTH_MAX {
            return true;
        }
        let fits = |schema: &Value, value: &Value| self.fits_at(schema, value, depth + 1);
        let all = |key: &str, test: &dyn Fn(&Value) -> bool| map.get(key).is_none_or(test);
        let each = |list: &Value| list.as_array().cloned().unwrap_or_default();
        all("$ref", &|path| {
            path.as_str()
                .and_then(|path| self.find(path))
                .is_none_or(|found| fits(found, value))
        }) && all("type", &|types| match types {
            Value::Array(types) => types.iter().any(|one| is_of_type(value, one)),
            one => is_of_type(value, one),
        }) && all("const", &|only| only == value)
            && all("enum", &|choices| each(choices).contains(value))
            && all("allOf", &|parts| each(parts).iter().all(|part| fits(part, value)))
            && all("anyOf", &|parts| each(parts).iter().any(|part| fits(part, value)))
            && all("oneOf", &|parts| each(parts).iter().any(|part| fits(part, value)))
            && all("not", &|part| !fits(part, value))
            && all("required", &|names| {
                !value.is_object()
                    || each(names)
                        .iter()
                        .all(|name| name.as_str().is_none_or(|name| value.get(name).is_some()))
            })
            && all("properties", &|fields| {
                let fields = fields.as_object().cloned().unwrap_or_default();
                fields
                    .iter()
                    .all(|(name, field)| value.get(name).is_none_or(|value| fits(field, value)))
            })
            && all("items", &|item| {
                value
                    .as_array()
                    .is_none_or(|items| items.iter().all(|value| fits(item, value)))
            })
            && all("minimum", &|least| {
                value
                    .as_f64()
                    .zip(least.as_f64())
                    .is_none_or(|(value, least)| value >= least)
            })
            && all("maximum", &|most| {
                value
                    .as_f64()
                    .zip(most.as_f64())
                    .is_none_or(|(value, most)| value <= most)
            })
    }
}

fn is_of_type(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap_or_default() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

/// Adds what another schema says: fields and requirements of both, of everything else what stands there already.
fn merge(into: &mut Map<String, Value>, other: Map<String, Value>) {
    for (key, value) in other {
        match (key.as_str(), into.get_mut(&key), value) {
            (_, None, value) => {
                into.insert(key, value);
            }
            ("properties", Some(Value::Object(own)), Value::Object(more)) => {
                for (name, field) in more {
                    match own.get_mut(&name) {
                        Some(Value::Object(own)) => {
                            if let Value::Object(field) = field {
                                merge(own, field);
                            }
                        }
                        Some(own) if own.as_object().is_none() && field.is_object() => *own = field,
                        Some(_) => {}
                        None => {
                            own.insert(name, field);
                        }
                    }
                }
            }
            ("required", Some(Value::Array(own)), Value::Array(more)) => {
                own.extend(
                    more.into_iter()
                        .filter(|name| !own.contains(name))
                        .collect::<Vec<_>>(),
                );
            }
            _ => {}
        }
    }
}

pub(crate) fn array(schema: &Map<String, Value>, key: &str) -> Vec<Value> {
    schema
        .get(key)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

fn object(schema: &Map<String, Value>, key: &str) -> Map<String, Value> {
    schema
        .get(key)
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}
