//! Chains such as `a >> [b, c] >> d`, with or without the operators that make the tasks.

use rustc_hash::FxHashMap;
use serde_json::json;

use super::sketch::{Sketch, literal};
use crate::refusal::Refusal;

pub(super) fn read(text: &str) -> Result<Sketch, Refusal> {
    let mut sketch = Sketch::named("Chain");
    let mut tasks: FxHashMap<String, String> = FxHashMap::default();
    let mut chains = Vec::new();
    for (number, statement) in statements(text) {
        if let Some((name, call)) = assignment(&statement) {
            let id = operator(&mut sketch, name, call);
            tasks.insert(name.to_owned(), id);
        } else if statement.contains(">>") || statement.contains("<<") {
            chains.push((number, statement));
        } else if !is_frame(&statement) {
            sketch.tell(format!(
                "Line {number} is left out: `{}`.",
                literal(&shorten(&statement))
            ));
        }
    }
    for (number, chain) in chains {
        let links = links(&chain).ok_or_else(|| {
            let mut refusal = Refusal::new(
                "bad_chain",
                format!(
                    "`{}` is no chain; write it like `a >> [b, c] >> d`",
                    shorten(&chain)
                ),
            );
            refusal.line = Some(number);
            refusal
        })?;
        for group in links.iter().map(|(_, group)| group) {
            for name in group {
                if !tasks.contains_key(name) {
                    let id = sketch.task(name, json!({ "type": "noop" }));
                    tasks.insert(name.clone(), id);
                }
            }
        }
        for pair in links.windows(2) {
            let [(_, left), (is_back, right)] = pair else {
                continue;
            };
            let (ups, downs) = if *is_back { (right, left) } else { (left, right) };
            for up in ups {
                for down in downs {
                    sketch.edge(&tasks[up], &tasks[down], &[]);
                }
            }
        }
    }
    let n_empty = sketch
        .ids()
        .iter()
        .filter(|id| sketch.get(id, "type") == Some(&json!("noop")))
        .count();
    if n_empty > 0 {
        sketch.tell(match n_empty {
            1 => "1 task does nothing yet: say what it does.".to_owned(),
            n => format!("{n} tasks do nothing yet: say what they do."),
        });
    }
    Ok(sketch)
}

/// Statements with the number of their first line; brackets hold lines together.
fn statements(text: &str) -> Vec<(usize, String)> {
    let mut statements: Vec<(usize, String)> = Vec::new();
    let (mut depth, mut open) = (0_usize, String::new());
    let mut first = 1;
    for (at, line) in text.lines().enumerate() {
        let mut quote = None;
        let is_new = open.is_empty();
        if is_new {
            first = at + 1;
        }
        for c in line.chars() {
            match (quote, c) {
                (None, '#') => break,
                (None, '"' | '\'') => quote = Some(c),
                (Some(own), c) if own == c => quote = None,
                (None, '(' | '[' | '{') => depth += 1,
                (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            open.push(c);
        }
        let is_joined = open.trim_end().ends_with('\\')
            || open.trim_end().ends_with(">>")
            || open.trim_end().ends_with("<<");
        if depth == 0 && !is_joined {
            let statement = open.replace("\\\n", " ").trim().to_owned();
            if !statement.is_empty() {
                statements.push((first, statement));
            }
            open.clear();
        } else {
            open.push('\n');
        }
    }
    let rest = open.trim().to_owned();
    if !rest.is_empty() {
        statements.push((first, rest));
    }
    statements
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// `name = Operator(…)`.
fn assignment(statement: &str) -> Option<(&str, &str)> {
    let (name, call) = statement.split_once('=')?;
    let (name, call) = (name.trim(), call.trim());
    let is_call = call
        .split_once('(')
        .is_some_and(|(operator, _)| is_word(operator.trim()));
    (is_word(name) && is_call && !call.starts_with('=') && call.ends_with(')')).then_some((name, call))
}

/// The frame of a program that means nothing here.
fn is_frame(statement: &str) -> bool {
    ["import ", "from ", "with ", "dag ", "dag=", "@", "def "]
        .iter()
        .any(|start| statement.starts_with(start))
}

fn operator(sketch: &mut Sketch, name: &str, call: &str) -> String {
    let (operator, arguments) = call.split_once('(').unwrap_or((call, ""));
    let operator = operator.trim();
    let id = argument(arguments, "task_id").unwrap_or_else(|| name.to_owned());
    match (operator, argument(arguments, "bash_command")) {
        ("BashOperator", Some(command)) => {
            if command.contains("{{") {
                sketch.tell(format!(
                    "The command of `{id}` holds a template of the other tool; write it anew."
                ));
            }
            left_out(sketch, &id, arguments);
            sketch.task(
                &id,
                json!({ "type": "shell", "with": { "command": literal(&command) } }),
            )
        }
        ("EmptyOperator" | "DummyOperator", _) => {
            left_out(sketch, &id, arguments);
            sketch.task(&id, json!({ "type": "noop" }))
        }
        _ => sketch.untranslated(&id, operator, &json!(literal(call))),
    }
}

/// Lists what a call says beside what was taken over.
fn left_out(sketch: &mut Sketch, id: &str, arguments: &str) {
    let names = names(arguments).into_iter();
    let names = names.filter(|name| !["task_id", "bash_command", "dag"].contains(name));
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if !names.is_empty() {
        sketch.tell(format!("Of `{id}` not taken over: {}.", names.join(", ")));
    }
}

/// The names by which a call gives something; not those of calls and texts within it.
fn names(arguments: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let (mut depth, mut quote, mut from) = (0_usize, None, 0);
    let mut signs = arguments.char_indices();
    while let Some((at, c)) = signs.next() {
        match (quote, c) {
            (Some(_), '\\') => drop(signs.next()),
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => from = at + 1,
            (None, '=') if depth == 0 => {
                names.extend(
                    arguments
                        .get(from..at)
                        .map(str::trim)
                        .filter(|name| is_word(name)),
                );
            }
            _ => {}
        }
    }
    names
}

/// The text given by name in a call.
fn argument(arguments: &str, name: &str) -> Option<String> {
    let at = arguments.find(&format!("{name}="))? + name.len() + 1;
    let rest = arguments[at..].trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut text = String::new();
    let mut chars = rest[1..].chars();
    loop {
        match chars.next()? {
            '\\' => text.push(chars.next()?),
            c if c == quote => return Some(text),
            c => text.push(c),
        }
    }
}

/// The groups of a chain, each with whether `<<` stands before it.
fn links(chain: &str) -> Option<Vec<(bool, Vec<String>)>> {
    let mut links = Vec::new();
    let mut rest = chain;
    let mut is_back = false;
    loop {
        let (at, back) = match (rest.find(">>"), rest.find("<<")) {
            (Some(on), Some(back)) => (on.min(back), back < on),
            (Some(on), None) => (on, false),
            (None, Some(back)) => (back, true),
            (None, None) => (rest.len(), false),
        };
        let group = rest[..at].trim();
        let inner = group
            .strip_prefix('[')
            .map_or(Some(group), |inner| inner.strip_suffix(']'))?;
        let names: Vec<String> = inner
            .split(',')
            .map(|name| name.trim().trim_matches(['"', '\'']).to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        if names.is_empty() || !names.iter().all(|name| is_word(name)) {
            return None;
        }
        links.push((is_back, names));
        if at == rest.len() {
            return Some(links);
        }
        is_back = back;
        rest = &rest[at + 2..];
    }
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 80;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}
