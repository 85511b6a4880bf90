//! What a run is given: defaults, checks, and the texts of forms and command lines.

use serde_json::{Map, Value};

use crate::doc::{FlowDoc, InputDoc, InputType};
use crate::limits;
use crate::parse::join;
use crate::parse::tree::shorten;
use crate::problem::Problem;
use crate::suggest::Suggester;
use crate::time::{HumanDuration, Timestamp, is_day};

/// The inputs of a run: every declared input has a value, its default if none was given, null if it has no default either.
///
/// `given` is a JSON object; null and a missing value are the same, except for an input of type `any`, which may be null.
/// Resolving what was resolved changes nothing.
///
/// # Errors
/// Everything wrong with the values, each problem with the field `inputs.NAME`.
pub fn resolve(doc: &FlowDoc, given: Value) -> Result<Value, Vec<Problem>> {
    let mut given = match given {
        Value::Null => Map::new(),
        Value::Object(map) => map,
        _ => {
            return Err(vec![
                Problem::error("wrong_type", "inputs are a JSON object: {\"name\": value}").at("inputs"),
            ]);
        }
    };
    let mut problems = Vec::new();
    let n_bytes = json_bytes(&given);
    if n_bytes > limits::INPUTS_BYTES_MAX {
        let message = format!(
            "the inputs have {n_bytes} bytes as JSON, at most {} are allowed",
            limits::INPUTS_BYTES_MAX
        );
        return Err(vec![Problem::error("too_large", message).at("inputs")]);
    }
    let mut resolved = Map::new();
    for (name, spec) in &doc.inputs {
        match value(spec, given.shift_remove(name)) {
            Ok(value) => {
                resolved.insert(name.clone(), value);
            }
            Err((code, message)) => problems.push(Problem::error(code, message).at(join("inputs", name))),
        }
    }
    let suggester = Suggester::default();
    problems.extend(given.keys().map(|name| unknown(doc, name, &suggester)));
    if problems.is_empty() {
        Ok(Value::Object(resolved))
    } else {
        Err(problems)
    }
}

fn unknown(doc: &FlowDoc, name: &str, suggester: &Suggester) -> Problem {
    let names = || doc.inputs.keys().map(String::as_str);
    let guess = suggester.did_you_mean(name, names());
    let known = match doc.inputs.is_empty() {
        true => "it has none".to_owned(),
        false => format!("its inputs are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Problem::error(
        "unknown_input",
        format!("the flow has no input `{}`{guess}; {known}", shorten(name)),
    )
    .at(join("inputs", name))
}

fn value(spec: &InputDoc, given: Option<Value>) -> Result<Value, (&'static str, String)> {
    let given = given.filter(|given| !given.is_null() || spec.input_type == InputType::Any);
    let Some(given) = given else {
        return match &spec.default {
            Some(default) => Ok(default.clone()),
            None if spec.required => Err(("missing_input", "this input is required".to_owned())),
            None => Ok(Value::Null),
        };
    };
    // What an optional input of type `any` got when nothing was given is no choice of its own.
    if given.is_null() && !spec.required {
        return Ok(given);
    }
    match wrong_value(spec, &given) {
        Some(wrong) => Err(("bad_input", wrong)),
        None => Ok(whole(spec, given)),
    }
}

/// 3.0 for an integer is 3.
fn whole(spec: &InputDoc, value: Value) -> Value {
    match (spec.input_type, value.as_f64()) {
        (InputType::Integer, Some(number)) if value.is_f64() => Value::from(number as i64),
        _ => value,
    }
}

/// What is wrong with a value for an input, as a sentence.
pub(crate) fn wrong_value(spec: &InputDoc, value: &Value) -> Option<String> {
    wrong_type(spec.input_type, value)
        .or_else(|| wrong_choice(spec, value))
        .or_else(|| out_of_range(spec, value))
}

/// Whether `minimum` and `maximum` mean something.
pub(crate) fn is_range_kind(kind: InputType) -> bool {
    matches!(kind, InputType::Integer | InputType::Number | InputType::Any)
}

/// Whether `min_length` and `max_length` mean something.
pub(crate) fn is_text_kind(kind: InputType) -> bool {
    matches!(kind, InputType::String | InputType::Text | InputType::Any)
}

fn wrong_type(kind: InputType, value: &Value) -> Option<String> {
    let text = value.as_str();
    let (fits, expected) = match kind {
        InputType::Any => (true, ""),
        InputType::String | InputType::Text => (text.is_some(), "a text"),
        InputType::Integer => (is_whole(value), "a whole number"),
        InputType::Number => (value.is_number(), "a number"),
        InputType::Boolean => (value.is_boolean(), "true or false"),
        InputType::Date => (text.is_some_and(is_day), "a day like 2026-01-31"),
        InputType::Datetime => (
            text.is_some_and(|text| text.parse::<Timestamp>().is_ok()),
            "a time like 2026-01-31T12:00:00Z",
        ),
        InputType::Duration => (
            text.is_some_and(|text| text.parse::<HumanDuration>().is_ok()),
            "a duration like 30s or 1h30m",
        ),
        InputType::Object => (value.is_object(), "a JSON object"),
        InputType::Array => (value.is_array(), "a JSON array"),
    };
    (!fits).then(|| format!("expected {expected}, found {}", shorten(&value.to_string())))
}

/// A whole number that is kept exactly; 3.0 is one.
fn is_whole(value: &Value) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.is_i64()
        || value.is_u64()
        || value
            .as_f64()
            .is_some_and(|number| number.fract() == 0.0 && number.abs() <= EXACT)
}

fn wrong_choice(spec: &InputDoc, value: &Value) -> Option<String> {
    if spec.choices.is_empty() || spec.choices.iter().any(|choice| same(choice, value)) {
        return None;
    }
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let choices: Vec<String> = spec.choices.iter().take(20).map(shown).collect();
    let more = if spec.choices.len() > choices.len() {
        " …"
    } else {
        ""
    };
    Some(format!(
        "{} is none of {}{more}",
        shorten(&value.to_string()),
        choices.join(", ")
    ))
}

/// Equal as people see it: 1 and 1.0 are.
fn same(a: &Value, b: &Value) -> bool {
    a == b || (a.is_f64() != b.is_f64() && a.as_f64().is_some() && a.as_f64() == b.as_f64())
}

fn out_of_range(spec: &InputDoc, value: &Value) -> Option<String> {
    if let Some(number) = value.as_f64().filter(|_| is_range_kind(spec.input_type)) {
        if let Some(least) = spec.minimum.filter(|least| number < *least) {
            return Some(format!("{number} is too small, the least is {least}"));
        }
        if let Some(most) = spec.maximum.filter(|most| number > *most) {
            return Some(format!("{number} is too large, the most is {most}"));
        }
    }
    let text = value.as_str().filter(|_| is_text_kind(spec.input_type))?;
    let length = text.chars().count() as u64;
    if let Some(least) = spec.min_length.filter(|least| length < *least) {
        return Some(format!(
            "the text has {length} characters, it needs at least {least}"
        ));
    }
    let most = spec.max_length.filter(|most| length > *most)?;
    Some(format!(
        "the text has {length} characters, at most {most} are allowed"
    ))
}

/// The length of a value as compact JSON, without making that text.
fn json_bytes(map: &Map<String, Value>) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, map) {
        Ok(()) => counter.0,
        Err(_) => usize::MAX,
    }
}

/// Inputs from the texts of an HTML form or of `--input name=value`, resolved as by [`resolve`].
///
/// A number is read as such, `true`/`on`/`yes`/`1` and their opposites as truth values, objects and lists as JSON; `any` is JSON
/// if the text is, else the text. An empty text means *not given*, except for an optional input of type `string` or `text`.
/// Of several texts for one truth value the last counts (a form's hidden `false` before its check box); several for an array
/// are its items.
///
/// # Errors
/// Everything wrong with the texts and the values, each problem with the field `inputs.NAME`.
pub fn from_form(doc: &FlowDoc, pairs: &[(String, String)]) -> Result<Value, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut given = Map::new();
    for (name, spec) in &doc.inputs {
        let texts: Vec<&str> = pairs
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, text)| text.as_str())
            .collect();
        match from_texts(spec, &texts) {
            Ok(Some(value)) => {
                given.insert(name.clone(), value);
            }
            Ok(None) => {}
            Err(message) => problems.push(Problem::error("bad_input", message).at(join("inputs", name))),
        }
    }
    for (name, text) in pairs.iter().filter(|(name, _)| !doc.inputs.contains_key(name)) {
        given.insert(name.clone(), Value::from(text.as_str()));
    }
    match resolve(doc, Value::Object(given)) {
        Ok(resolved) if problems.is_empty() => Ok(resolved),
        Ok(_) => Err(problems),
        Err(more) => {
            // A text that could not be read is not missing as well.
            let told: Vec<_> = problems.iter().map(|problem| problem.field.clone()).collect();
            problems.extend(more.into_iter().filter(|problem| !told.contains(&problem.field)));
            Err(problems)
        }
    }
}

fn from_texts(spec: &InputDoc, texts: &[&str]) -> Result<Option<Value>, String> {
    let text = match (spec.input_type, texts) {
        (_, []) => return Ok(None),
        (_, [text]) => *text,
        (InputType::Boolean, [.., last]) => *last,
        (InputType::Array, several) => return Ok(Some(several.iter().copied().map(Value::from).collect())),
        _ => return Err(format!("the input is given {} times", texts.len())),
    };
    let is_free_text = matches!(spec.input_type, InputType::String | InputType::Text);
    let trimmed = text.trim();
    if trimmed.is_empty() && (!is_free_text || text.is_empty() && (spec.required || !spec.choices.is_empty()))
    {
        return Ok(None);
    }
    let shown = shorten(text);
    let json = || serde_json::from_str::<Value>(trimmed);
    match spec.input_type {
        InputType::String | InputType::Text => Ok(Value::from(text)),
        InputType::Date | InputType::Datetime | InputType::Duration => Ok(Value::from(trimmed)),
        InputType::Integer | InputType::Number => json()
            .ok()
            .filter(Value::is_number)
            .ok_or_else(|| format!("expected a number, found `{shown}`")),
        InputType::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Ok(Value::Bool(true)),
            "false" | "off" | "no" | "0" => Ok(Value::Bool(false)),
            _ => Err(format!("expected true or false, found `{shown}`")),
        },
        InputType::Object | InputType::Array => json().map_err(|error| format!("this is not JSON: {error}")),
        InputType::Any => Ok(json().unwrap_or_else(|_| Value::from(text))),
    }
    .map(Some)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn doc() -> FlowDoc {
        let inputs = json!({
            "date": {"type": "date", "required": true},
            "limit": {"type": "integer", "default": 100, "minimum": 1, "maximum": 1000},
            "ratio": {"type": "number"},
            "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
            "note": {"type": "text", "max_length": 5, "default": "hi"},
            "dry": {"type": "boolean", "default": true},
            "pause": {"type": "duration"},
            "at": {"type": "datetime"},
            "tags": {"type": "array"},
            "extra": {"type": "object"},
            "free": {}
        });
        serde_json::from_value(json!({"flow": "f", "inputs": inputs, "tasks": {"a": {"type": "noop"}}}))
            .expect("a document")
    }

    fn told(result: Result<Value, Vec<Problem>>) -> String {
        match result {
            Ok(value) => value.to_string(),
            Err(problems) => problems
                .iter()
                .map(|problem| format!("{problem} [{}]\n", problem.code))
                .collect(),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "the macros make values")]
    fn check(given: Value, expected: Expect) {
        let resolved = resolve(&doc(), given);
        if let Ok(resolved) = &resolved {
            assert_eq!(
                resolve(&doc(), resolved.clone()).as_ref(),
                Ok(resolved),
                "resolving twice changes nothing"
            );
        }
        expected.assert_eq(&told(resolved));
    }

    #[expect(clippy::needless_pass_by_value, reason = "the macro makes a value")]
    fn check_form(pairs: &[(&str, &str)], expected: Expect) {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        expected.assert_eq(&told(from_form(&doc(), &pairs)));
    }

    #[test]
    fn defaults_are_applied() {
        check(
            json!({"date": "2026-01-31"}),
            expect![[
                r#"{"date":"2026-01-31","limit":100,"ratio":null,"mode":"fast","note":"hi","dry":true,"pause":null,"at":null,"tags":null,"extra":null,"free":null}"#
            ]],
        );
        check(
            json!({"date": "2026-01-31", "limit": 3.0, "ratio": null, "free": {"a": [1]}, "dry": false, "at": "2026-01-31T12:00:00+01:00"}),
            expect![[
                r#"{"date":"2026-01-31","limit":3,"ratio":null,"mode":"fast","note":"hi","dry":false,"pause":null,"at":"2026-01-31T12:00:00+01:00","tags":null,"extra":null,"free":{"a":[1]}}"#
            ]],
        );
        check(
            Value::Null,
            expect![[r#"
            error: this input is required (inputs.date) [missing_input]
        "#]],
        );
    }

    #[test]
    fn all_wrong_values_are_told() {
        check(
            json!([1]),
            expect![[r#"
            error: inputs are a JSON object: {"name": value} (inputs) [wrong_type]
        "#]],
        );
        check(
            json!({
                "date": "2026-02-30", "limit": 0, "ratio": "x", "mode": "slowly", "note": "too long", "dry": "yes", "pause": 3,
                "at": "2026-01-31", "tags": {}, "extra": [], "lmit": 3, "other": 1
            }),
            expect![[r#"
                error: expected a day like 2026-01-31, found "2026-02-30" (inputs.date) [bad_input]
                error: 0 is too small, the least is 1 (inputs.limit) [bad_input]
                error: expected a number, found "x" (inputs.ratio) [bad_input]
                error: "slowly" is none of fast, slow (inputs.mode) [bad_input]
                error: the text has 8 characters, at most 5 are allowed (inputs.note) [bad_input]
                error: expected true or false, found "yes" (inputs.dry) [bad_input]
                error: expected a duration like 30s or 1h30m, found 3 (inputs.pause) [bad_input]
                error: expected a time like 2026-01-31T12:00:00Z, found "2026-01-31" (inputs.at) [bad_input]
                error: expected a JSON array, found {} (inputs.tags) [bad_input]
                error: expected a JSON object, found [] (inputs.extra) [bad_input]
                error: the flow has no input `lmit` (did you mean `limit`?); its inputs are date, limit, ratio, mode, note, dry, pause, at, tags, extra, free (inputs.lmit) [unknown_input]
                error: the flow has no input `other`; its inputs are date, limit, ratio, mode, note, dry, pause, at, tags, extra, free (inputs.other) [unknown_input]
            "#]],
        );
        check(
            json!({"date": "2026-01-31T10:00", "limit": 1e20}),
            expect![[r#"
            error: expected a day like 2026-01-31, found "2026-01-31T10:00" (inputs.date) [bad_input]
            error: expected a whole number, found 1e+20 (inputs.limit) [bad_input]
        "#]],
        );
        check(
            json!({"date": "2026-01-31", "free": "x".repeat(limits::INPUTS_BYTES_MAX)}),
            expect![[r#"
            error: the inputs have 4194335 bytes as JSON, at most 4194304 are allowed (inputs) [too_large]
        "#]],
        );
    }

    #[test]
    fn forms_give_texts() {
        check_form(
            &[
                ("date", " 2026-01-31 "),
                ("limit", "7"),
                ("ratio", ""),
                ("note", ""),
                ("dry", "false"),
                ("dry", "on"),
                ("tags", "a"),
                ("tags", "b"),
                ("extra", "{\"a\": 1}"),
                ("free", "plain text"),
            ],
            expect![[
                r#"{"date":"2026-01-31","limit":7,"ratio":null,"mode":"fast","note":"","dry":true,"pause":null,"at":null,"tags":["a","b"],"extra":{"a":1},"free":"plain text"}"#
            ]],
        );
        check_form(
            &[
                ("date", "2026-01-31"),
                ("dry", "off"),
                ("tags", "[1, 2]"),
                ("free", "[true]"),
                ("mode", ""),
            ],
            expect![[
                r#"{"date":"2026-01-31","limit":100,"ratio":null,"mode":"fast","note":"hi","dry":false,"pause":null,"at":null,"tags":[1,2],"extra":null,"free":[true]}"#
            ]],
        );
        check_form(
            &[
                ("date", ""),
                ("limit", "many"),
                ("limti", "3"),
                ("dry", "perhaps"),
                ("extra", "{a}"),
                ("tags", "a"),
                ("mode", "x"),
                ("note", "a"),
                ("note", "b"),
            ],
            expect![[r#"
                error: expected a number, found `many` (inputs.limit) [bad_input]
                error: the input is given 2 times (inputs.note) [bad_input]
                error: expected true or false, found `perhaps` (inputs.dry) [bad_input]
                error: this is not JSON: expected value at line 1 column 1 (inputs.tags) [bad_input]
                error: this is not JSON: key must be a string at line 1 column 2 (inputs.extra) [bad_input]
                error: this input is required (inputs.date) [missing_input]
                error: "x" is none of fast, slow (inputs.mode) [bad_input]
                error: the flow has no input `limti` (did you mean `limit`?); its inputs are date, limit, ratio, mode, note, dry, pause, at, tags, extra, free (inputs.limti) [unknown_input]
            "#]],
        );
    }
}
