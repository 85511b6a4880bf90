//! Values as trees: how much of a large one is shown, and the rows of what is open. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use flow::steps::{push_field, push_place};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::format;

/// Bytes of JSON shown of a value, about.
pub const BYTES_SHOWN: usize = 64 * 1024;

/// Items of a list, or fields of an object, shown at most.
const CHILDREN_SHOWN: usize = 200;

/// Bytes that an item or field has at least while there is room for any.
const SHARE_MIN: usize = 64;

/// Rows that are open before anybody opened or closed one, at most.
const ROWS_OPEN: usize = 30;

/// Lines of a text that is open from the start, at most.
const LINES_OPEN: usize = 12;

/// Characters of a text that stands in its row.
const ROW_CHARS: usize = 120;

/// Characters that tell what is in a closed list or object.
const INSIDE_CHARS: usize = 60;

/// Characters of a text in there.
const INSIDE_TEXT_CHARS: usize = 16;

/// As much of a value as is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The value, without what was left out.
    pub value: Value,
    /// Where something was left out, as the path of a row, and how much: items, fields, or bytes of a text.
    pub more: BTreeMap<String, u64>,
}

impl Part {
    /// What is shown of a value. The room is shared evenly: one large field leaves its neighbours what they need.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        Self::within(value, BYTES_SHOWN)
    }

    fn within(value: &Value, room: usize) -> Self {
        let mut more = BTreeMap::new();
        let (value, _) = cut(value, room, &mut String::new(), &mut more);
        Self { value, more }
    }

    /// Whether something was left out at or below a place.
    #[must_use]
    pub fn is_cut_at(&self, path: &str) -> bool {
        self.more.keys().any(|at| is_at_or_below(at, path))
    }

    /// What stands at a place.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Value> {
        let (mut value, mut here) = (&self.value, String::new());
        while here != path {
            let step = children(value).find_map(|(step, child)| {
                let mut next = here.clone();
                step.push(&mut next);
                is_at_or_below(path, &next).then_some((next, child))
            });
            (here, value) = step?;
        }
        Some(value)
    }
}

/// Whether a place is another, or below it.
fn is_at_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A step down.
#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Place(usize),
}

impl Step<'_> {
    fn push(self, path: &mut String) {
        match self {
            Self::Field(field) => push_field(path, field),
            Self::Place(place) => push_place(path, place as u64),
        }
    }
}

fn children(value: &Value) -> Box<dyn Iterator<Item = (Step<'_>, &Value)> + '_> {
    match value {
        Value::Object(map) => Box::new(map.iter().map(|(key, value)| (Step::Field(key), value))),
        Value::Array(items) => Box::new(
            items
                .iter()
                .enumerate()
                .map(|(at, value)| (Step::Place(at), value)),
        ),
        _ => Box::new(std::iter::empty()),
    }
}

fn n_children(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    }
}

/// What fits into so many bytes, and how many it takes.
fn cut(value: &Value, room: usize, path: &mut String, more: &mut BTreeMap<String, u64>) -> (Value, usize) {
    match value {
        Value::String(text) if text.len() > room.max(SHARE_MIN) => {
            let kept = &text[..text.floor_char_boundary(room.max(SHARE_MIN))];
            more.insert(path.clone(), (text.len() - kept.len()) as u64);
            (Value::String(kept.to_owned()), kept.len())
        }
        Value::String(text) => (value.clone(), text.len() + 2),
        Value::Object(_) | Value::Array(_) => {
            let n = n_children(value);
            let n_shown = n.min(CHILDREN_SHOWN);
            let (mut left, mut used) = (room, 2);
            let mut kept = Vec::new();
            for (step, child) in children(value).take(n_shown) {
                if left == 0 {
                    break;
                }
                let share = (left / (n_shown - kept.len())).max(SHARE_MIN);
                let end = path.len();
                step.push(path);
                let (child, bytes) = cut(child, share, path, more);
                let bytes = bytes + path.len() - end;
                used += bytes;
                left = left.saturating_sub(bytes);
                path.truncate(end);
                kept.push((step, child));
            }
            if kept.len() < n {
                more.insert(path.clone(), (n - kept.len()) as u64);
            }
            let fields = |(step, child)| match step {
                Step::Field(field) => (String::from(field), child),
                Step::Place(_) => (String::new(), child),
            };
            let kept_value = match value {
                Value::Object(_) => Value::Object(kept.into_iter().map(fields).collect()),
                _ => Value::Array(kept.into_iter().map(|(_, child)| child).collect()),
            };
            (kept_value, used)
        }
        other => (other.clone(), 8),
    }
}

/// What a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// True, false, or nothing.
    Word,
    /// A list or an object.
    Inner,
}

impl Kind {
    /// The name that styles go by.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Word => "word",
            Self::Inner => "inner",
        }
    }
}

/// A row of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The way to it from the whole value, as an author writes it: `.rows[0].id`. Of the whole value it is empty.
    pub path: String,
    /// How deep it is, from 1.
    pub level: u32,
    /// Its place among its neighbours, from 1, and how many there are.
    pub place: (u32, u32),
    /// The field or place in a list; empty for a value that is no list and no object.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// The value, if it fits into the row; otherwise what it is like.
    pub text: String,
    /// How much there is in it, in words; empty where that is seen.
    pub size: String,
    /// What is shown of a long text when it is open.
    pub block: Option<String>,
    /// What is not shown of it, in words; empty if nothing is left out.
    pub more: String,
    /// Whether it can be opened.
    pub opens: bool,
}

/// What is open before anybody opened or closed anything: level by level as long as it stays short.
#[must_use]
pub fn open_at_first(part: &Part) -> BTreeSet<String> {
    let mut open = BTreeSet::from([String::new()]);
    let mut n_rows = n_children(&part.value);
    let mut next = VecDeque::from([(String::new(), &part.value)]);
    while let Some((path, value)) = next.pop_front() {
        for (step, child) in children(value) {
            let n = match child {
                Value::String(text) if is_long(text) => height(text),
                child => n_children(child),
            };
            let is_short = !child.is_string() || n <= LINES_OPEN;
            if n > 0 && is_short && n_rows + n <= ROWS_OPEN {
                n_rows += n;
                let mut path = path.clone();
                step.push(&mut path);
                open.insert(path.clone());
                next.push_back((path, child));
            }
        }
    }
    open
}

/// The rows in sight.
#[must_use]
pub fn rows(part: &Part, open: &BTreeSet<String>) -> Vec<Row> {
    let mut rows = Vec::new();
    if n_children(&part.value) == 0 {
        rows.push(row(part, &part.value, String::new(), None, 1, (1, 1)));
    } else {
        push_children(&mut rows, part, &part.value, "", 1, open);
    }
    rows
}

fn push_children(
    rows: &mut Vec<Row>,
    part: &Part,
    value: &Value,
    path: &str,
    level: u32,
    open: &BTreeSet<String>,
) {
    let n = n_children(value) as u32;
    for (at, (step, child)) in children(value).enumerate() {
        let mut path = path.to_owned();
        step.push(&mut path);
        let row = row(part, child, path, Some(step), level, (at as u32 + 1, n));
        let below = (n_children(child) > 0 && open.contains(&row.path)).then(|| row.path.clone());
        rows.push(row);
        if let Some(path) = below {
            push_children(rows, part, child, &path, level + 1, open);
        }
    }
}

fn row(
    part: &Part,
    value: &Value,
    path: String,
    step: Option<Step<'_>>,
    level: u32,
    place: (u32, u32),
) -> Row {
    let more = part.more.get(&path).copied();
    let (mut size, mut block) = (String::new(), None);
    let (kind, text) = match value {
        Value::String(text) if is_long(text) || more.is_some() => {
            size = match (text.lines().count(), more) {
                (n @ 2.., None) => format::count(n as u64, "line", "lines"),
                (_, more) => format::bytes(text.len() as u64 + more.unwrap_or(0)),
            };
            block = Some(text.clone());
            let first = text.lines().find(|line| !line.trim().is_empty());
            let (first, _) = shortened(first.unwrap_or_default(), ROW_CHARS);
            (Kind::Text, ["\"", first, "…"].concat())
        }
        Value::String(text) => (Kind::Text, ["\"", text, "\""].concat()),
        Value::Number(number) => (Kind::Number, number.to_string()),
        Value::Null => (Kind::Word, "null".to_owned()),
        Value::Bool(is_so) => (Kind::Word, if *is_so { "true" } else { "false" }.to_owned()),
        inner => {
            let n = n_children(inner) as u64 + more.unwrap_or(0);
            let (one, many) = if inner.is_array() {
                ("item", "items")
            } else {
                ("field", "fields")
            };
            if n > 0 {
                size = format::count(n, one, many);
            }
            let mut text = String::new();
            inside(&mut text, inner, 0);
            (Kind::Inner, text)
        }
    };
    let more = more.map_or_else(String::new, |n| {
        let amount = match value {
            Value::String(_) => format::bytes(n),
            _ => format::thousands(n),
        };
        ["… ", &amount, " more"].concat()
    });
    Row {
        path,
        level,
        place,
        name: match step {
            Some(Step::Field(field)) => field.to_owned(),
            Some(Step::Place(at)) => at.to_string(),
            None => String::new(),
        },
        kind,
        text,
        size,
        opens: block.is_some() || n_children(value) > 0,
        block,
        more,
    }
}

fn is_long(text: &str) -> bool {
    text.contains('\n') || shortened(text, ROW_CHARS).1
}

/// Rows that a text takes, about.
fn height(text: &str) -> usize {
    let of = |line: &str| 1 + line.len() / INSIDE_CHARS;
    text.lines().map(of).sum()
}

/// At most so many characters, and whether any were left out.
fn shortened(text: &str, n: usize) -> (&str, bool) {
    match text.char_indices().nth(n) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

/// What is in a list or object, in a few words: `{id: 7, name: "Ada", …}`.
fn inside(out: &mut String, value: &Value, depth: u32) {
    let (begin, end) = match value {
        Value::Object(_) => ('{', '}'),
        Value::Array(_) => ('[', ']'),
        Value::String(text) => {
            let line = text.lines().next().unwrap_or_default();
            let (start, is_cut) = shortened(line, INSIDE_TEXT_CHARS);
            out.push('"');
            out.push_str(start);
            if is_cut || line.len() < text.len() {
                out.push('…');
            }
            out.push('"');
            return;
        }
        other => return out.push_str(&other.to_string()),
    };
    out.push(begin);
    for (at, (step, child)) in children(value).enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        if depth > 1 || out.len() > INSIDE_CHARS {
            out.push('…');
            break;
        }
        if let Step::Field(field) = step {
            out.push_str(field);
            out.push_str(": ");
        }
        inside(out, child, depth + 1);
    }
    out.push(end);
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn told(part: &Part, open: &BTreeSet<String>) -> String {
        let mut told = String::new();
        for row in rows(part, open) {
            let mark = match (row.opens, open.contains(&row.path)) {
                // Not a space: one line alone would lose it, as its indentation.
                (false, _) => '·',
                (true, false) => '+',
                (true, true) => '-',
            };
            let indent = "  ".repeat(row.level as usize - 1);
            told += &format!("{indent}{mark} {}: {}", row.name, row.text);
            for (word, is_said) in [
                (&row.size, !row.size.is_empty()),
                (&row.more, !row.more.is_empty()),
            ] {
                if is_said {
                    told += &format!(" ({word})");
                }
            }
            told += match &*row.path {
                "" => "\n".to_owned(),
                path => format!("  {path}\n"),
            }
            .as_str();
        }
        told
    }

    /// The rows of a value as they are at first.
    fn check(value: &Value, room: usize, expected: Expect) {
        let part = Part::within(value, room);
        expected.assert_eq(&told(&part, &open_at_first(&part)));
    }

    #[test]
    fn short_values_are_open() {
        check(
            &json!({"id": 7, "who": {"name": "Ada", "mail": null}, "odd key": [true, 1.5], "none": [], "blank": {}}),
            BYTES_SHOWN,
            expect![[r#"
                · id: 7  .id
                - who: {name: "Ada", mail: null} (2 fields)  .who
                  · name: "Ada"  .who.name
                  · mail: null  .who.mail
                - odd key: [true, 1.5] (2 items)  ['odd key']
                  · 0: true  ['odd key'][0]
                  · 1: 1.5  ['odd key'][1]
                · none: []  .none
                · blank: {}  .blank
            "#]],
        );
    }

    #[test]
    fn a_value_alone_is_one_row() {
        check(
            &json!("yes"),
            BYTES_SHOWN,
            expect![[r#"
                · : "yes"
            "#]],
        );
        check(
            &json!({}),
            BYTES_SHOWN,
            expect![[r#"
                · : {}
            "#]],
        );
        check(
            &json!("one\ntwo"),
            BYTES_SHOWN,
            expect![[r#"
                - : "one… (2 lines)
            "#]],
        );
    }

    #[test]
    fn what_would_make_it_long_is_closed() {
        let rows: Vec<_> = (0..40)
            .map(|id| json!({"id": id, "name": "a name that goes on for a while"}))
            .collect();
        check(
            &json!({"script": "set -e\ncd /\n".repeat(9), "short": "a\nb", "rows": rows, "n": 40}),
            BYTES_SHOWN,
            expect![[r#"
                + script: "set -e… (18 lines)  .script
                - short: "a… (2 lines)  .short
                + rows: [{id: 0, name: "a name that goes…"}, {id: 1, name: "a name that goes…"}, …] (40 items)  .rows
                · n: 40  .n
            "#]],
        );
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let long = "0123456789".repeat(1000);
        check(
            &json!({"a": long, "b": [long, long], "c": 1}),
            2_000,
            expect![[r#"
                - a: "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789… (9.8 KiB) (… 9.1 KiB more)  .a
                - b: ["0123456789012345…", "0123456789012345…"] (2 items)  .b
                  - 0: "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789… (9.8 KiB) (… 9.4 KiB more)  .b[0]
                  - 1: "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789… (9.8 KiB) (… 9.4 KiB more)  .b[1]
                · c: 1  .c
            "#]],
        );
        let many: Vec<u32> = (0..100_000).collect();
        let part = Part::of(&json!({"many": many, "n": 100_000}));
        assert_eq!(part.more, BTreeMap::from([(".many".to_owned(), 99_800)]));
        assert_eq!(part.at(".n"), Some(&json!(100_000)));
        let one = rows(&part, &open_at_first(&part)).swap_remove(0);
        assert_eq!(
            (one.size.as_str(), one.more.as_str()),
            ("100,000 items", "… 99,800 more")
        );
    }

    #[test]
    fn a_part_is_within_its_room() {
        let mut deep = json!("x".repeat(5_000));
        for at in 0..100 {
            deep = json!([deep, {"at": at, "text": "y".repeat(3_000)}]);
        }
        let wide: Vec<_> = (0..5_000)
            .map(|at| vec![json!({"a": "z".repeat(900), "at": at}); 50])
            .collect();
        for value in [deep, json!(wide), json!("q".repeat(1_000_000))] {
            let part = Part::of(&value);
            let n = part.value.to_string().len();
            assert!(n <= BYTES_SHOWN * 5 / 4, "{n} bytes are shown");
        }
    }

    #[test]
    fn places_are_found_by_their_paths() {
        let value = json!({"a": {"b": [1, {"c d": "here"}]}, "ab": 2, "": 3});
        let part = Part::of(&value);
        let open = BTreeSet::from(["", ".a", ".a.b", ".a.b[1]"].map(str::to_owned));
        for row in rows(&part, &open) {
            assert!(part.at(&row.path).is_some(), "{}", row.path);
        }
        assert_eq!(part.at(".a.b[1]['c d']"), Some(&json!("here")));
        assert_eq!(part.at(".ab"), Some(&json!(2)));
        assert_eq!(part.at(".a.x"), None);
        assert!(!part.is_cut_at(".a"));
    }
}
