//! Edits on lines: the block style of YAML.

use flow::parse::pieces::{Entry, Item, Piece, Shape, properties_end};
use serde_json::Value;

use super::style::{DocStyle, column, line_end, line_start, next_line};
use crate::change::Patch;

/// Lines as the document ends them, the last one without its end.
fn lines(style: &DocStyle, written: &str) -> String {
    let written = written.strip_suffix('\n').unwrap_or(written);
    if style.eol == "\n" {
        written.to_owned()
    } else {
        written.replace('\n', style.eol)
    }
}

fn spaces(n: usize) -> String {
    " ".repeat(n)
}

/// Where the lines of an entry end.
fn entry_end(entry: &Entry) -> usize {
    entry.value.end.max(entry.key.after)
}

fn item_end(item: &Item) -> usize {
    item.value.end.max(item.dash.map_or(0, |dash| dash + 1))
}

/// Puts entries into a mapping before the entry number `at`.
pub(super) fn insert_entries(
    text: &str,
    style: &DocStyle,
    entries: &[Entry],
    at: usize,
    new: &[(String, Value)],
) -> Vec<Patch> {
    let Some(first) = entries.first() else {
        return Vec::new();
    };
    let indent = column(text, first.key.span.start);
    let is_spaced = is_spaced(text, entries);
    let written = |(key, value): &(String, Value)| lines(style, &style.ink.entry(key, value, indent));
    if at == 0 {
        let gap = if is_spaced { style.eol } else { "" };
        let new = new
            .iter()
            .map(|entry| format!("{}{}{gap}{}", written(entry), style.eol, spaces(indent)));
        return vec![Patch::insert(first.key.span.start, new.collect::<String>())];
    }
    let before = &entries[at.min(entries.len()) - 1];
    let gap = if is_spaced { style.eol } else { "" };
    let new = new
        .iter()
        .map(|entry| format!("{}{gap}{}{}", style.eol, spaces(indent), written(entry)));
    let end = line_end(text, entry_end(before));
    vec![Patch::insert(end, new.collect::<String>())]
}

/// Whether the entries are set apart by empty lines.
fn is_spaced(text: &str, entries: &[Entry]) -> bool {
    let [.., before, last] = entries else { return false };
    // Of keys behind `?` the colon is not always where it is looked for.
    let between = text
        .get(entry_end(before)..last.key.span.start)
        .unwrap_or_default();
    // The first and the last piece belong to the lines of the entries.
    let n_lines = between.split('\n').count();
    let mut inner = between.split('\n').take(n_lines - 1).skip(1);
    inner.any(|line| line.trim().is_empty())
}

/// Puts an item into a list before the item number `at`.
pub(super) fn insert_item(
    text: &str,
    style: &DocStyle,
    items: &[Item],
    at: usize,
    value: &Value,
) -> Vec<Patch> {
    let Some((dash, first)) = items.first().and_then(|first| Some((first.dash?, first))) else {
        return Vec::new();
    };
    let indent = column(text, dash);
    let gap = text.get(dash + 1..first.value.start).unwrap_or(" ");
    let gap = if !gap.is_empty() && gap.chars().all(|c| c == ' ') {
        gap.len()
    } else {
        1
    };
    let new = lines(style, &style.ink.item(value, indent, gap));
    match at.min(items.len()).checked_sub(1) {
        None => vec![Patch::insert(
            dash,
            format!("{new}{}{}", style.eol, spaces(indent)),
        )],
        Some(before) => {
            let end = line_end(text, item_end(&items[before]));
            vec![Patch::insert(
                end,
                format!("{}{}{new}", style.eol, spaces(indent)),
            )]
        }
    }
}

/// Takes an entry with its lines, and the comment right above it, out of a mapping.
pub(super) fn remove_entry(text: &str, entries: &[Entry], at: usize) -> Vec<Patch> {
    let entry = &entries[at];
    let from = at.checked_sub(1).map(|before| entry_end(&entries[before]));
    let next = entries.get(at + 1).map(|next| next.key.span.start);
    remove_lines(
        text,
        from,
        mark(text, entry.key.span.start),
        entry_end(entry),
        next,
    )
}

/// Lets an entry and the next one change places, each with its lines and the comment right above it. Nothing if one begins in the
/// middle of a line.
pub(super) fn swap(text: &str, entries: &[Entry], at: usize) -> Vec<Patch> {
    let lines = |at: usize| {
        let entry = &entries[at];
        let from = at.checked_sub(1).map(|before| entry_end(&entries[before]));
        let start = mark(text, entry.key.span.start);
        let line = line_start(text, start);
        let is_alone = text[line..start].trim_start_matches('\u{FEFF}').trim().is_empty();
        let first = comment_above(text, line, column(text, start), from);
        is_alone.then(|| (first, next_line(text, entry_end(entry))))
    };
    let (Some(one), Some(other)) = (lines(at), lines(at + 1)) else {
        return Vec::new();
    };
    let (upper, lower) = (&text[one.0..one.1], &text[other.0..other.1]);
    // The last line of a text may have no end.
    let eol = &upper[upper.trim_end_matches(['\r', '\n']).len()..];
    let (below, above) = match lower.ends_with('\n') {
        true => (upper, lower.to_owned()),
        false => (upper.trim_end_matches(['\r', '\n']), format!("{lower}{eol}")),
    };
    vec![
        Patch::new(one.0, one.1, above),
        Patch::new(other.0, other.1, below.to_owned()),
    ]
}

/// The same for an item of a list.
pub(super) fn remove_item(text: &str, items: &[Item], at: usize) -> Vec<Patch> {
    let item = &items[at];
    let Some(dash) = item.dash else { return Vec::new() };
    let from = at.checked_sub(1).map(|before| item_end(&items[before]));
    remove_lines(
        text,
        from,
        dash,
        item_end(item),
        items.get(at + 1).and_then(|next| next.dash),
    )
}

/// The `?` before a key, if it has one.
fn mark(text: &str, key: usize) -> usize {
    let before = text[..key].trim_end_matches(' ');
    if before.ends_with('?') {
        before.len() - 1
    } else {
        key
    }
}

fn remove_lines(
    text: &str,
    from: Option<usize>,
    start: usize,
    end: usize,
    next: Option<usize>,
) -> Vec<Patch> {
    let line = line_start(text, start);
    if !text[line..start].trim_start_matches('\u{FEFF}').trim().is_empty() {
        // It begins behind the dash of a list: what follows moves up to it.
        return vec![Patch::cut(start, next.unwrap_or(end))];
    }
    let mut first = comment_above(text, line, column(text, start), from);
    let last = next_line(text, end);
    if last == text.len() && !text.ends_with('\n') && first > 0 {
        return vec![Patch::cut(line_end(text, first - 1), text.len())];
    }
    // Two empty lines do not meet, and none is left at the end.
    let is_open = |at: usize| {
        text[at..]
            .lines()
            .next()
            .is_none_or(|line| line.trim().is_empty())
    };
    while is_open(last) && first > 0 {
        let above = line_start(text, first - 1);
        if above == first || !text[above..first].trim().is_empty() || from.is_some_and(|from| above < from) {
            break;
        }
        first = above;
    }
    vec![Patch::cut(first, last)]
}

/// The first line of the comment that stands right above a line at its indentation, or the line itself.
fn comment_above(text: &str, line: usize, indent: usize, from: Option<usize>) -> usize {
    let mut first = line;
    while first > 0 {
        let above = line_start(text, first - 1);
        let written = text[above..first].trim_end();
        let is_comment = written.trim_start().starts_with('#')
            && written.chars().take_while(|c| *c == ' ').count() == indent;
        if !is_comment || above == 0 || from.is_some_and(|from| above < from) {
            break;
        }
        first = above;
    }
    // A comment at the very top of a mapping is its heading more often than its first entry's.
    if from.is_none() { line } else { first }
}

/// Where a value stands: behind the colon or dash at `from`, its parent `indent` characters in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) from: usize,
    pub(super) indent: usize,
    pub(super) is_item: bool,
}

/// Puts a value in the place of another. There may be several ways; the first that reads as it should is right.
pub(super) fn replace(
    text: &str,
    style: &DocStyle,
    slot: Slot,
    old: &Piece,
    value: &Value,
) -> Vec<Vec<Patch>> {
    let written = if slot.is_item {
        let item = style.ink.item(value, slot.indent, 1);
        item.strip_prefix('-').unwrap_or(&item).to_owned()
    } else {
        style.ink.after(value, slot.indent)
    };
    let mut ways = Vec::new();
    let head_end = properties_end(text, slot.from).min(old.start.max(slot.from));
    let (head, rest) = written.split_once('\n').unwrap_or((&written, ""));
    let is_old_inline = !text[slot.from..old.start].contains('\n');
    let comment_line = line_end(text, head_end);
    if old.is_block() && rest.is_empty() {
        // A scalar in the place of lines: it goes up behind the key.
        if is_old_inline {
            ways.push(vec![Patch::new(old.start, old.end, head.trim_start())]);
        } else {
            ways.push(vec![
                Patch::insert(head_end, head.trim_end()),
                Patch::cut(comment_line, old.end),
            ]);
        }
    } else if old.is_block() {
        if head.trim().is_empty() && !slot.is_item {
            let indent = spaces(column(text, old.start));
            let body = style_lines(style, value, indent.len());
            ways.push(vec![Patch::new(
                old.start,
                old.end,
                lines(style, body.trim_start_matches(' ')),
            )]);
        }
        ways.push(vec![Patch::new(head_end, old.end, lines(style, &written))]);
    } else if rest.is_empty() {
        let head = if old.start == old.end {
            head.trim_end()
        } else {
            head.trim()
        };
        ways.push(vec![Patch::new(old.start, old.end, head)]);
        ways.push(vec![Patch::new(head_end, old.end, format!(" {}", head.trim()))]);
    } else {
        let end = line_end(text, old.end);
        let body = lines(style, rest);
        let head = if old.start == old.end || head.is_empty() {
            head
        } else {
            head.trim_start()
        };
        let start = if head.is_empty() { head_end } else { old.start };
        ways.push(vec![
            Patch::new(start, old.end, head),
            Patch::insert(end, format!("{}{body}", style.eol)),
        ]);
        ways.push(vec![Patch::new(head_end, old.end, lines(style, &written))]);
    }
    ways
}

/// The lines of a collection at an indentation.
fn style_lines(style: &DocStyle, value: &Value, indent: usize) -> String {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| format!("{}{}", spaces(indent), style.ink.entry(key, value, indent)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| format!("{}{}", spaces(indent), style.ink.item(item, indent, 1)))
            .collect(),
        scalar => style.ink.line(scalar),
    }
}

/// Where the value at the end of a path stands among lines; `None` if it stands between brackets.
pub(super) fn slot(text: &str, parent: &Piece, step: &str) -> Option<Slot> {
    match &parent.shape {
        Shape::Map { is_block: true, .. } => {
            let entry = parent.entry(step)?;
            let indent = column(text, mark(text, entry.key.span.start));
            let from = entry.key.after;
            Some(Slot {
                from,
                indent,
                is_item: false,
            })
        }
        Shape::List {
            is_block: true,
            items,
        } => {
            let dash = items.get(step.parse::<usize>().ok()?)?.dash?;
            Some(Slot {
                from: dash + 1,
                indent: column(text, dash),
                is_item: true,
            })
        }
        _ => None,
    }
}
