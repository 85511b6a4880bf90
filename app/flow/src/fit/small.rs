//! Schemas as the browser reads them: the keywords of JSON Schema 2020-12 that schemas of task types are made of. Of what it does not
//! know (formats, anchors, references to other documents) it lets everything pass, and the server has the last word.

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::{Measure, Misfit, MisfitKind};

/// How many schemas within schemas are followed, so that one that refers to itself ends.
const DEPTH_MAX: usize = 200;

const TYPES: [&str; 7] = [
    "null", "boolean", "object", "array", "number", "string", "integer",
];

#[derive(Debug)]
pub(super) struct Schema {
    root: Value,
    patterns: FxHashMap<String, regex_lite::Regex>,
}

/// A walk through a value.
struct Walk<'s> {
    schema: &'s Schema,
    found: Vec<Misfit>,
    most: usize,
}

impl Schema {
    pub(super) fn of(schema: &Value) -> Result<Self, String> {
        let mut read = Self {
            root: schema.clone(),
            patterns: FxHashMap::default(),
        };
        read.read(schema, 0)?;
        Ok(read)
    }

    /// Looks through a schema for what can be none, and for patterns. What regular expressions of this kind cannot say is passed.
    fn read(&mut self, schema: &Value, depth: usize) -> Result<(), String> {
        let map = match schema {
            Value::Object(map) if depth <= DEPTH_MAX => map,
            Value::Object(_) | Value::Bool(_) => return Ok(()),
            other => return Err(format!("{other} is no schema")),
        };
        for (keyword, value) in map {
            match keyword.as_str() {
                "pattern" => self.pattern(value),
                "type" => check_type(value)?,
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                    let named = value
                        .as_object()
                        .ok_or_else(|| format!("`{keyword}` is no object"))?;
                    for (name, inner) in named {
                        if keyword == "patternProperties" {
                            self.pattern(&Value::String(name.clone()));
                        }
                        self.read(inner, depth + 1)?;
                    }
                }
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                    let several = value
                        .as_array()
                        .ok_or_else(|| format!("`{keyword}` is no list"))?;
                    several.iter().try_for_each(|inner| self.read(inner, depth + 1))?;
                }
                "required" if !value.is_array() => return Err("`required` is no list".to_owned()),
                "enum" if !value.is_array() => return Err("`enum` is no list".to_owned()),
                "items" if value.is_array() => {}
                "items"
                | "additionalProperties"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames" => self.read(value, depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &Value) {
        let Some(pattern) = pattern.as_str() else {
            return;
        };
        if let Ok(regex) = regex_lite::Regex::new(pattern) {
            self.patterns.insert(pattern.to_owned(), regex);
        }
    }

    pub(super) fn is_met_by(&self, value: &Value) -> bool {
        self.misfits(value, 1).is_empty()
    }

    pub(super) fn misfits(&self, value: &Value, most: usize) -> Vec<Misfit> {
        self.walk(&self.root, value, "", most, 0)
    }

    fn walk(&self, schema: &Value, value: &Value, pointer: &str, most: usize, depth: usize) -> Vec<Misfit> {
        let mut walk = Walk {
            schema: self,
            found: Vec::new(),
            most,
        };
        walk.one(schema, value, pointer, depth);
        walk.found
    }

    fn is_met(&self, schema: &Value, value: &Value, depth: usize) -> bool {
        self.walk(schema, value, "", 1, depth).is_empty()
    }

    fn matches(&self, pattern: &str, text: &str) -> Option<bool> {
        Some(self.patterns.get(pattern)?.is_match(text))
    }

    /// What a reference within the same schema is to.
    fn referred(&self, reference: &str) -> Option<&Value> {
        let pointer = reference
            .strip_prefix('#')?
            .replace("%25", "%")
            .replace("%24", "$");
        self.root.pointer(&pointer)
    }
}

fn check_type(value: &Value) -> Result<(), String> {
    match names(value).iter().find(|name| !TYPES.contains(name)) {
        Some(unknown) => Err(format!("`{unknown}` is no type")),
        None if names(value).is_empty() => Err(format!("{value} is no type")),
        None => Ok(()),
    }
}

/// A name, or several.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

impl Walk<'_> {
    fn tell(&mut self, pointer: &str, kind: MisfitKind) {
        if self.found.len() < self.most {
            self.found.push(Misfit {
                pointer: pointer.to_owned(),
                kind,
            });
        }
    }

    fn one(&mut self, schema: &Value, value: &Value, pointer: &str, depth: usize) {
        if self.found.len() >= self.most || depth > DEPTH_MAX {
            return;
        }
        let schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(false) => return self.tell(pointer, MisfitKind::Forbidden),
            _ => return,
        };
        if let Some(referred) = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| self.schema.referred(reference))
        {
            self.one(referred, value, pointer, depth + 1);
        }
        self.any(schema, value, pointer);
        self.applied(schema, value, pointer, depth);
        match value {
            Value::String(text) => self.text(schema, text, pointer),
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or_default(), pointer),
            Value::Array(items) => self.list(schema, items, pointer, depth),
            Value::Object(fields) => self.object(schema, fields, pointer, depth),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// What is asked of any value.
    fn any(&mut self, schema: &Map<String, Value>, value: &Value, pointer: &str) {
        if let Some(types) = schema.get("type").map(names)
            && !types.iter().any(|one| is_of(value, one))
        {
            let mut types: Vec<_> = types.into_iter().map(str::to_owned).collect();
            types.sort_unstable();
            self.tell(pointer, MisfitKind::Type(types));
        }
        if let Some(options) = schema.get("enum").and_then(Value::as_array)
            && !options.iter().any(|option| is_same(option, value))
        {
            self.tell(pointer, MisfitKind::Choice(options.clone()));
        }
        if let Some(only) = schema.get("const")
            && !is_same(only, value)
        {
            self.tell(pointer, MisfitKind::Choice(vec![only.clone()]));
        }
    }

    /// Schemas that are applied to the same value.
    fn applied(&mut self, schema: &Map<String, Value>, value: &Value, pointer: &str, depth: usize) {
        let reader = self.schema;
        let several = |keyword: &str| schema.get(keyword).and_then(Value::as_array);
        for inner in several("allOf").into_iter().flatten() {
            self.one(inner, value, pointer, depth + 1);
        }
        if let Some(options) = several("anyOf")
            && !options
                .iter()
                .any(|option| reader.is_met(option, value, depth + 1))
        {
            self.tell(pointer, MisfitKind::NoAlternative);
        }
        if let Some(options) = several("oneOf") {
            let n_met = options
                .iter()
                .filter(|option| reader.is_met(option, value, depth + 1))
                .count();
            match n_met {
                0 => self.tell(pointer, MisfitKind::NoAlternative),
                1 => {}
                _ => self.tell(pointer, MisfitKind::Alternatives),
            }
        }
        if let Some(inner) = schema.get("not")
            && reader.is_met(inner, value, depth + 1)
        {
            self.tell(pointer, MisfitKind::Forbidden);
        }
        if let Some(condition) = schema.get("if") {
            let way = match reader.is_met(condition, value, depth + 1) {
                true => "then",
                false => "else",
            };
            if let Some(inner) = schema.get(way) {
                self.one(inner, value, pointer, depth + 1);
            }
        }
    }

    fn text(&mut self, schema: &Map<String, Value>, text: &str, pointer: &str) {
        self.count(
            schema,
            ("minLength", "maxLength"),
            Measure::Chars,
            pointer,
            || text.chars().count(),
        );
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            && self.schema.matches(pattern, text) == Some(false)
        {
            self.tell(pointer, MisfitKind::Pattern(pattern.to_owned()));
        }
    }

    fn number(&mut self, schema: &Map<String, Value>, number: f64, pointer: &str) {
        let limits = [
            ("minimum", Measure::Number, true),
            ("exclusiveMinimum", Measure::Beyond, true),
            ("maximum", Measure::Number, false),
            ("exclusiveMaximum", Measure::Beyond, false),
        ];
        for (keyword, measure, is_least) in limits {
            let Some(limit) = schema.get(keyword).filter(|limit| limit.is_number()) else {
                continue;
            };
            let beyond = match is_least {
                true => limit.as_f64().unwrap_or_default() - number,
                false => number - limit.as_f64().unwrap_or_default(),
            };
            if beyond > 0.0 || (beyond >= 0.0 && measure == Measure::Beyond) {
                let limit = limit.to_string();
                self.tell(
                    pointer,
                    match is_least {
                        true => MisfitKind::Least(measure, limit),
                        false => MisfitKind::Most(measure, limit),
                    },
                );
            }
        }
        if let Some(of) = schema.get("multipleOf").and_then(Value::as_f64)
            && of > 0.0
            && (number / of).fract() != 0.0
        {
            self.tell(pointer, MisfitKind::Multiple(of.to_string()));
        }
    }

    fn list(&mut self, schema: &Map<String, Value>, items: &[Value], pointer: &str, depth: usize) {
        self.count(schema, ("minItems", "maxItems"), Measure::Items, pointer, || {
            items.len()
        });
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) && has_twice(items) {
            self.tell(pointer, MisfitKind::Repeated);
        }
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let first = first.map_or(&[][..], Vec::as_slice);
        for (index, (inner, item)) in first.iter().zip(items).enumerate() {
            self.one(inner, item, &format!("{pointer}/{index}"), depth + 1);
        }
        if let Some(inner) = schema.get("items").filter(|inner| !inner.is_array()) {
            for (index, item) in items.iter().enumerate().skip(first.len()) {
                self.one(inner, item, &format!("{pointer}/{index}"), depth + 1);
            }
        }
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        fields: &Map<String, Value>,
        pointer: &str,
        depth: usize,
    ) {
        self.count(
            schema,
            ("minProperties", "maxProperties"),
            Measure::Fields,
            pointer,
            || fields.len(),
        );
        for name in schema.get("required").map(names).unwrap_or_default() {
            if !fields.contains_key(name) {
                self.tell(pointer, MisfitKind::Missing(name.to_owned()));
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let additional = schema.get("additionalProperties");
        let mut unexpected = Vec::new();
        for (name, value) in fields {
            let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            let own = properties.and_then(|properties| properties.get(name));
            if let Some(inner) = own {
                self.one(inner, value, &place, depth + 1);
            }
            let mut is_known = own.is_some();
            for (pattern, inner) in patterns.into_iter().flatten() {
                // A pattern that cannot be read might fit.
                let fits = self.schema.matches(pattern, name);
                is_known |= fits != Some(false);
                if fits == Some(true) {
                    self.one(inner, value, &place, depth + 1);
                }
            }
            match additional {
                Some(Value::Bool(false)) if !is_known => unexpected.push(name.clone()),
                Some(inner) if !is_known => self.one(inner, value, &place, depth + 1),
                _ => {}
            }
        }
        if !unexpected.is_empty() {
            self.tell(pointer, MisfitKind::Unexpected(unexpected));
        }
    }

    fn count(
        &mut self,
        schema: &Map<String, Value>,
        (least, most): (&str, &str),
        measure: Measure,
        pointer: &str,
        count: impl Fn() -> usize,
    ) {
        let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
        let (least, most) = (limit(least), limit(most));
        if least.is_none() && most.is_none() {
            return;
        }
        let count = count() as u64;
        if let Some(least) = least.filter(|least| count < *least) {
            self.tell(pointer, MisfitKind::Least(measure, least.to_string()));
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.tell(pointer, MisfitKind::Most(measure, most.to_string()));
        }
    }
}

fn is_of(value: &Value, one: &str) -> bool {
    match one {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        // 2.0 is one too.
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    }
}

/// Whether two values are the same: 1 and 1.0 are.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| is_same(one, other)))
        }
        (one, other) => one == other,
    }
}

fn has_twice(items: &[Value]) -> bool {
    items
        .iter()
        .enumerate()
        .any(|(index, item)| items[..index].iter().any(|before| is_same(before, item)))
}
