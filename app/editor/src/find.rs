//! Finding tasks: by name, id, type, by what stands in their fields, and by having a problem.

use flow::{Problem, Severity};
use serde_json::Value;

use crate::model::{Model, Section};

/// Found tasks listed at once.
const FOUND_MAX: usize = 200;
/// Characters of a text shown around what was found in it.
const EXCERPT: usize = 40;

/// What was looked for is in this task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub task: String,
    /// Where: `name`, `id`, `type`, a path below the task, or `error`.
    pub place: String,
    /// The text it was found in, around the place.
    pub excerpt: String,
}

/// The steps of a path as problems name it: `tasks.b.needs[1]` is `tasks`, `b`, `needs`, `1`.
#[must_use]
pub fn steps(path: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let mut rest = path;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '.' => steps.push(String::new()),
            '[' => {
                let end = rest.find(']').unwrap_or(rest.len());
                steps.push(rest[..end].trim_matches(['"', '\'']).to_owned());
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            c => {
                if let Some(last) = steps.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    steps.retain(|step| !step.is_empty());
    steps
}

/// Looks for all words of `text`, whatever their case, the best first. `error` and `warning` alone find what has one. `document` is the
/// flow as JSON; without it only names are looked at.
#[must_use]
pub fn find(model: &Model, document: Option<&Value>, problems: &[Problem], text: &str) -> Vec<Found> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Vec::new();
    }
    let severity = match text.trim_start_matches("has ").trim_end_matches('s') {
        "error" => Some(Severity::Error),
        "warning" => Some(Severity::Warning),
        _ => None,
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut found: Vec<(u8, Found)> = Vec::new();
    for node in &model.nodes {
        let mut told = severity.and_then(|severity| {
            let mut of_task = problems
                .iter()
                .filter(|problem| problem.task.as_deref() == Some(&node.id));
            let problem = of_task.find(|problem| problem.severity == severity)?;
            Some((0, "error".to_owned(), problem.message.clone()))
        });
        let names = [(&node.title, "name"), (&node.id, "id"), (&node.task_type, "type")];
        for (rank, (value, place)) in names.into_iter().enumerate() {
            if told.is_some() {
                break;
            }
            let lower = value.to_lowercase();
            if words.iter().all(|word| lower.contains(word)) {
                let rank = if lower.starts_with(words[0]) {
                    rank as u8
                } else {
                    3 + rank as u8
                };
                told = Some((rank, place.to_owned(), value.clone()));
            }
        }
        if told.is_none() {
            let section = match node.section {
                Section::Tasks => "tasks",
                Section::Finally => "finally",
                Section::OnFailure => "on_failure",
            };
            let task = document.and_then(|document| document.get(section)?.get(&node.id));
            told = task
                .and_then(|task| in_value(task, &words, String::new()))
                .map(|(place, excerpt)| (9, place, excerpt));
        }
        if let Some((rank, place, excerpt)) = told {
            let task = node.id.clone();
            found.push((rank, Found { task, place, excerpt }));
        }
    }
    found.sort_by_key(|(rank, _)| *rank);
    found.truncate(FOUND_MAX);
    found.into_iter().map(|(_, found)| found).collect()
}

/// The first text below a value that has all words, with its path.
fn in_value(value: &Value, words: &[&str], path: String) -> Option<(String, String)> {
    let step = |name: &str| match path.is_empty() {
        true => name.to_owned(),
        false => format!("{path}.{name}"),
    };
    match value {
        Value::String(text) => {
            let lower = text.to_lowercase();
            let at = words
                .iter()
                .all(|word| lower.contains(word))
                .then(|| lower.find(words[0]))??;
            Some((path, excerpt(text, at)))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(at, item)| in_value(item, words, step(&at.to_string()))),
        Value::Object(map) => map.iter().find_map(|(name, value)| {
            let path = step(name);
            let is_named = words.iter().all(|word| name.to_lowercase().contains(word));
            in_value(value, words, path.clone()).or_else(|| is_named.then(|| (path, name.clone())))
        }),
        _ => None,
    }
}

/// What stands around a byte of a text, on one line. The byte is of the text in lower case, so it may be a little off.
fn excerpt(text: &str, at: usize) -> String {
    let start = text.floor_char_boundary(at.saturating_sub(EXCERPT / 2));
    let end = text.floor_char_boundary((at + EXCERPT).min(text.len()));
    let mut out = String::new();
    if start > 0 {
        out.push('…');
    }
    out.push_str(&text[start.min(end)..end].replace(['\n', '\t'], " "));
    if end < text.len() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;
    use crate::testing::model;

    fn check(text: &str, expected: Expect) {
        let mut model = model("http.request fetch -> shell import -> log report; finally: shell clean");
        model.nodes[0].title = "Fetch Orders".to_owned();
        let document = json!({
            "tasks": {
                "fetch": {"type": "http.request", "with": {"url": "https://shop.example/orders?day={{ inputs.date }}"}},
                "import": {"type": "shell", "with": {"command": "load --date \"$DATE\" --into the very long name of a table", "env": {"DATE": "{{ inputs.date }}"}}},
            },
            "finally": {"clean": {"type": "shell", "with": {"command": "rm -r tmp"}}},
        });
        let problem = Problem::error("x", "`messag` is not known").of_task("report");
        let found = find(&model, Some(&document), &[problem], text);
        let lines: Vec<String> = found
            .iter()
            .map(|found| format!("{} {}: {}\n", found.task, found.place, found.excerpt))
            .collect();
        expected.assert_eq(&lines.concat());
    }

    #[test]
    fn paths_have_steps() {
        assert_eq!(steps("tasks.b.needs[1].on"), ["tasks", "b", "needs", "1", "on"]);
        assert_eq!(
            steps("tasks.a.with['x.y'][0]"),
            ["tasks", "a", "with", "x.y", "0"]
        );
        assert_eq!(steps("flow"), ["flow"]);
        assert!(steps("").is_empty());
    }

    #[test]
    fn tasks_are_found_by_everything_that_stands_in_them() {
        check(
            "ord",
            expect![[r#"
            fetch name: Fetch Orders
        "#]],
        );
        check(
            "SHELL",
            expect![[r#"
            import type: shell
            clean type: shell
        "#]],
        );
        check(
            "inputs.date",
            expect![[r#"
                fetch with.url: …ample/orders?day={{ inputs.date }}
                import with.env.DATE: {{ inputs.date }}
            "#]],
        );
        check(
            "table long",
            expect![[r#"
                import with.command: …very long name of a table
            "#]],
        );
        check(
            "has error",
            expect![[r#"
            report error: `messag` is not known
        "#]],
        );
        check(
            "tmp",
            expect![[r#"
            clean with.command: rm -r tmp
        "#]],
        );
        check("  ", expect![""]);
        check("nowhere", expect![""]);
    }

    #[test]
    fn letters_that_change_their_length_do_no_harm() {
        let model = model("a");
        let document = json!({"tasks": {"a": {"with": {"x": "İİİİİİİİİİİİİİİİİİİİİİİİİ here"}}}});
        assert_eq!(find(&model, Some(&document), &[], "here").len(), 1);
    }
}
