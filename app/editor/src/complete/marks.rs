//! What the parts of an expression give, and which of them are at fault: for the places of a field that are pointed at or underlined.

use std::ops::Range;

use flow::expr::{Form, form_at, task_uses, words};

use super::typed::begin;
use super::{Known, Place, Value, find, is_expression, schema_at, section_in, short};

/// A part of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its bytes in the field's text.
    pub range: Range<usize>,
    /// What is known of it.
    pub says: Says,
}

/// What is known of a part of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// It gave this last.
    Gives(String),
    /// Why nothing is known of what it gives.
    Unknown(String),
    /// What is wrong with it.
    Wrong(String),
}

/// The references in the field at a path, in their order; where a text cannot be read as an expression, that text as a whole.
#[must_use]
pub fn marks(document: &Value, path: &[String], text: &str, known: &Known) -> Vec<Mark> {
    let Some(form) = form_at(document, path).filter(|_| is_expression(document, path, text)) else {
        return Vec::new();
    };
    if flow::secrets::reference(text).is_some() {
        return Vec::new();
    }
    let regions = regions(text, form);
    if task_uses(text, form).is_none() {
        let wrong = |range: Range<usize>| Mark {
            range: trimmed(text, range),
            says: Says::Wrong("This cannot be read as an expression.".to_owned()),
        };
        // One of several may be right by itself.
        let is_wrong = |range: &Range<usize>| {
            let alone = format!("{{{{{}}}}}", &text[range.clone()]);
            regions.len() == 1 || task_uses(&alone, Form::Field).is_none()
        };
        return regions
            .iter()
            .filter(|range| is_wrong(range))
            .cloned()
            .map(wrong)
            .collect();
    }
    let place = Place {
        document,
        path,
        known,
    };
    let before: Vec<String> = place.upstreams().into_iter().map(|task| task.label).collect();
    let mut found = Vec::new();
    for region in regions {
        for (range, steps) in chains(text, region) {
            let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
            if let Some(says) = judge(&place, &before, &steps) {
                found.push(Mark { range, says });
            }
        }
    }
    found
}

/// What stands between the braces.
fn regions(text: &str, form: Form) -> Vec<Range<usize>> {
    if begin("", form, text) == Some(0) {
        return std::iter::once(0..text.len()).collect();
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|open| at + open + 2) {
        let end = text[open..].find("}}").map_or(text.len(), |end| open + end);
        found.push(open..end);
        at = end;
    }
    found
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let inner = &text[range.clone()];
    let start = range.start + inner.len() - inner.trim_start().len();
    let end = start + inner.trim().len();
    // An empty one is seen by its braces.
    if start < end {
        start..end
    } else {
        range.start.saturating_sub(2)..(range.end + 2).min(text.len())
    }
}

/// The chains of steps from a name of the scope on that stand there literally.
fn chains(text: &str, region: Range<usize>) -> Vec<(Range<usize>, Vec<String>)> {
    let mut found = Vec::new();
    let mut at = region.start;
    let mut before = ' ';
    while let Some(c) = text[at..region.end].chars().next() {
        if matches!(c, '"' | '\'') {
            let quoted = quoted(&text[at..region.end]);
            at += quoted.map_or_else(|| c.len_utf8(), |(_, n)| n);
            before = c;
            continue;
        }
        let word = word(&text[at..region.end]);
        let is_begin = !(before.is_alphanumeric() || matches!(before, '_' | '.' | ']' | ')'));
        if word.is_empty() {
            at += c.len_utf8();
            before = c;
            continue;
        }
        let start = at;
        at += word.len();
        before = word.chars().next_back().unwrap_or(before);
        if !is_begin || !matches!(word, "tasks" | "inputs" | "vars") {
            continue;
        }
        let mut steps = vec![word.to_owned()];
        while let Some((step, n)) = step(&text[at..region.end]) {
            steps.push(step);
            at += n;
        }
        found.push((start..at, steps));
    }
    found
}

fn word(text: &str) -> &str {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let end = text.find(|c: char| !is_word(c)).unwrap_or(text.len());
    &text[..end]
}

/// A text in quotes, and how many bytes it takes.
fn quoted(text: &str) -> Option<(&str, usize)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let end = text[1..].find(quote)?;
    Some((&text[1..=end], end + 2))
}

/// A step into a value, and how many bytes it takes: `.rows`, `[0]`, `['a name']`.
fn step(text: &str) -> Option<(String, usize)> {
    if let Some(rest) = text.strip_prefix('.') {
        let word = word(rest);
        return (!word.is_empty()).then(|| (word.to_owned(), word.len() + 1));
    }
    let rest = text.strip_prefix('[')?;
    let (step, n) = match quoted(rest) {
        Some((step, n)) => (step, n),
        None => {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|n| *n > 0)?;
            (&rest[..digits], digits)
        }
    };
    rest[n..].starts_with(']').then(|| (step.to_owned(), n + 2))
}

fn judge(place: &Place<'_>, before: &[String], steps: &[&str]) -> Option<Says> {
    let known = place.known;
    Some(match steps {
        ["tasks", task, ..] if !before.iter().any(|id| id == task) => {
            match section_in(place.document, task) {
                Some(_) => Says::Wrong(format!("`{task}` does not come before this: connect it first")),
                None => Says::Wrong(format!("there is no task `{task}`")),
            }
        }
        ["tasks", task, "output", path @ ..] => match known.output(task) {
            Some(output) => match find(output, path) {
                Some(value) => Says::Gives(short(value)),
                None => Says::Unknown(format!("what `{task}` gave last has no such part")),
            },
            None => {
                let schema = known
                    .schemas
                    .get(*task)
                    .and_then(|schema| schema_at(schema, path));
                let kind = schema.and_then(|schema| schema.get("type")?.as_str());
                Says::Unknown(match kind {
                    Some(kind) => format!("{kind}, once `{task}` has run"),
                    None => format!("`{task}` has not run yet"),
                })
            }
        },
        ["tasks", _, field, ..] if !words().task.contains(field) => Says::Wrong(format!(
            "a task has no `{field}`; it has {}",
            words().task.join(", ")
        )),
        ["inputs", name, path @ ..] => {
            if place
                .document
                .get("inputs")
                .and_then(|inputs| inputs.get(*name))
                .is_none()
            {
                return Some(Says::Wrong(format!("there is no input `{name}`")));
            }
            let given = find(&known.inputs, &[name]).and_then(|given| find(given, path));
            given.map_or_else(
                || Says::Unknown("given when a run starts".to_owned()),
                |given| Says::Gives(short(given)),
            )
        }
        ["vars", name, path @ ..] => Says::Gives(short(find(known.vars.get(*name)?, path)?)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;
    use crate::testing::strings;

    fn check(path: &str, text: &str, expected: Expect) {
        let document = json!({
            "inputs": { "day": {}, "n": {} },
            "tasks": {
                "fetch": { "type": "http.request" },
                "load-all": { "type": "log", "needs": ["fetch"] },
                "last": { "type": "log", "needs": ["load-all"] },
                "other": { "type": "wait" },
            },
        });
        let known = Known {
            outputs: [(
                "fetch".to_owned(),
                json!({ "rows": [{ "id": 1, "the name": "x" }] }),
            )]
            .into(),
            schemas: [(
                "load-all".to_owned(),
                json!({ "properties": { "n": { "type": "integer" } } }),
            )]
            .into(),
            inputs: json!({ "day": "2026-01-01" }),
            ..Known::default()
        };
        let mut shown = String::new();
        for mark in marks(&document, &strings(path), text, &known) {
            let _ = writeln!(shown, "{}  {:?}", &text[mark.range], mark.says);
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn each_reference_says_what_it_gives() {
        check(
            "tasks.last.with.message",
            "é {{ tasks.fetch.output.rows[0]['the name'] ~ 'tasks.fetch' }} {{ inputs.day }}, {{ tasks['load-all'].output.n + tasks.fetch.output.none + inputs.n }}",
            expect![[r#"
                tasks.fetch.output.rows[0]['the name']  Gives("\"x\"")
                inputs.day  Gives("\"2026-01-01\"")
                tasks['load-all'].output.n  Unknown("integer, once `load-all` has run")
                tasks.fetch.output.none  Unknown("what `fetch` gave last has no such part")
                inputs.n  Unknown("given when a run starts")
            "#]],
        );
        check(
            "tasks.last.when",
            "tasks.fetch.state == 'failed' or inputs.day",
            expect![[r#"
                inputs.day  Gives("\"2026-01-01\"")
            "#]],
        );
    }

    #[test]
    fn what_is_at_fault_is_said() {
        check(
            "tasks.last.with.message",
            "{{ tasks.fetsch.output }} {{ tasks.other.output }} {{ tasks.fetch.outptu }} {{ inputs.dya }}",
            expect![[r#"
                tasks.fetsch.output  Wrong("there is no task `fetsch`")
                tasks.other.output  Wrong("`other` does not come before this: connect it first")
                tasks.fetch.outptu  Wrong("a task has no `outptu`; it has output, state, error, exit_code, attempts, case")
                inputs.dya  Wrong("there is no input `dya`")
            "#]],
        );
        check(
            "tasks.last.with.message",
            "{{ 1 }} {{ inputs.day + }}",
            expect![[r#"
                inputs.day +  Wrong("This cannot be read as an expression.")
            "#]],
        );
        check(
            "tasks.last.when",
            "inputs.day ==",
            expect![[r#"
            inputs.day ==  Wrong("This cannot be read as an expression.")
        "#]],
        );
        check("tasks.last.with.message", "no expression", expect![""]);
        check("tasks.last.timeout", "{{ tasks.fetsch.output }}", expect![""]);
    }
}
