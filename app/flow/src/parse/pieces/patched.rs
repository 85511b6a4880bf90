//! A text that was changed in one place is read again there alone.

use std::ops::Range;

use serde_json::{Map, Value};

use super::yaml::move_entry;
use super::{Entry, Outline, Piece, Shape, Style, outline};
use crate::limits;
use crate::parse::Format;

/// A key that takes over the entries of others: what it says may be meant elsewhere.
const MERGE: &str = "<<";

/// The lines of an entry that stands on lines of its own, with all that belongs to it.
struct Lines {
    /// The numbers of the entries on the way to it.
    way: Vec<usize>,
    /// The first byte of its first line: the same before and after the change.
    start: usize,
    /// The byte after its last line, before the change.
    end: usize,
}

impl Outline {
    /// The outline of the YAML text that this one's text has become: bytes were replaced, each by so many others. What is read again is
    /// the innermost entry that stands on lines of its own and in whose value all of them lie; or what was put between such entries.
    ///
    /// None where the rest might not mean what it did: read the whole then.
    #[must_use]
    pub fn patched(&self, text: &str, patches: &[(Range<usize>, usize)]) -> Option<Self> {
        if text.len() > limits::DOCUMENT_BYTES_MAX || shares(&self.root) || is_open_ended(&self.root) {
            return None;
        }
        match patches {
            [(bytes, n)] if bytes.is_empty() => self
                .with_lines(text, bytes.start, *n)
                .or_else(|| self.with_changes(text, patches)),
            _ => self.with_changes(text, patches),
        }
    }

    /// The same if an entry was changed.
    fn with_changes(&self, text: &str, patches: &[(Range<usize>, usize)]) -> Option<Self> {
        let (first, last) = (patches.first()?, patches.last()?);
        let (taken, given) = patches.iter().fold((0, 0), |(taken, given), (bytes, n)| {
            (taken + bytes.len(), given + n)
        });
        let now = |at: usize| at + given - taken;
        let lines = self.lines(
            text,
            first.0.start..last.0.end,
            now,
            (text.len() + taken).checked_sub(given)?,
        )?;
        let (mut entries, mut said) = read_lines(text.get(lines.start..now(lines.end))?)?;
        let mut again = entries.pop().filter(|_| entries.is_empty())?;
        move_entry(&mut again, |at| at + lines.start);
        let (last, maps) = lines.way.split_last()?;
        let mut root = self.root.clone();
        let mut value = self.value.clone();
        let (entries, values) = map_at(&mut root, &mut value, maps)?;
        let entry = entries.get_mut(*last)?;
        if again.key.text != entry.key.text || again.key.span != entry.key.span {
            return None;
        }
        *values.get_mut(&again.key.text)? = said.get_mut(&again.key.text)?.take();
        *entry = again;
        move_on(&mut root, &lines.way, now);
        settle(&mut root, &lines.way);
        Some(Self { root, value })
    }

    /// The same if `n` bytes were put behind the last line of an entry, as entries that come after it.
    fn with_lines(&self, text: &str, at: usize, n: usize) -> Option<Self> {
        let put = text.get(at..at + n)?;
        let first = put.lines().skip(1).find(|line| !line.trim().is_empty())?;
        let is_line = |text: &str| text.starts_with('\n') || text.starts_with("\r\n");
        if !is_line(put) || !(at + n == text.len() || is_line(&text[at + n..])) {
            return None;
        }
        let indent = first.len() - first.trim_start_matches(' ').len();
        let (way, end) = self.before(text, at, n, indent)?;
        let (mut new, mut said) = read_lines(text.get(at..end + n)?)?;
        for entry in &mut new {
            move_entry(entry, |byte| byte + at);
        }
        let first = new.first()?.key.span.start;
        if line_start(text, first).map(|line| first - line) != Some(indent) {
            return None;
        }
        let (last, maps) = way.split_last()?;
        let mut root = self.root.clone();
        let mut value = self.value.clone();
        let (entries, values) = map_at(&mut root, &mut value, maps)?;
        if values.len() != entries.len() {
            return None;
        }
        for (ix, entry) in new.iter().enumerate() {
            let key = &entry.key.text;
            if key.is_empty() || key == MERGE || values.contains_key(key) {
                return None;
            }
            values.shift_insert(last + 1 + ix, key.clone(), said.get_mut(key)?.take());
        }
        let n_new = new.len();
        entries.splice(last + 1..last + 1, new);
        let mut behind = way.clone();
        *behind.last_mut()? += n_new;
        move_on(&mut root, &behind, |byte| byte + n);
        settle(&mut root, &behind);
        Some(Self { root, value })
    }

    /// The way to the entry that ends in the line in which `at` stands, and whose key is indented so far; and where what comes after it
    /// ends, before the change.
    fn before(&self, text: &str, at: usize, n: usize, indent: usize) -> Option<(Vec<usize>, usize)> {
        let (mut piece, mut way, mut end) = (&self.root, Vec::new(), text.len() - n);
        loop {
            let Shape::Map {
                is_block: true,
                entries,
            } = &piece.shape
            else {
                return None;
            };
            let ix = entries
                .partition_point(|entry| entry.key.after <= at)
                .checked_sub(1)?;
            let entry = &entries[ix];
            let column = entry.key.span.start - line_start(text, entry.key.span.start)?;
            if let Some(next) = entries.get(ix + 1) {
                let line = line_start(text, next.key.span.start + n).filter(|line| *line > at + n)?;
                (next.key.span.start + n - line == column).then_some(())?;
                end = line - n;
            }
            way.push(ix);
            if column < indent {
                piece = &entry.value;
                continue;
            }
            let rest = text.get(entry.value.end.max(entry.key.after)..at)?;
            let is_comment =
                rest.trim().is_empty() || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#');
            let is_so = column == indent
                && is_comment
                && !rest.contains(['\n', '\r'])
                && !ends_in_block(&entry.value);
            return is_so.then_some((way, end));
        }
    }

    /// The lines of the innermost entry in whose value all of `changed` lies.
    fn lines(
        &self,
        text: &str,
        changed: Range<usize>,
        now: impl Fn(usize) -> usize,
        n_bytes: usize,
    ) -> Option<Lines> {
        let mut found = None;
        let (mut piece, mut way, mut end) = (&self.root, Vec::new(), n_bytes);
        while let Shape::Map {
            is_block: true,
            entries,
        } = &piece.shape
        {
            let behind = entries.partition_point(|entry| entry.key.after <= changed.start);
            let Some(ix) = behind.checked_sub(1) else { break };
            let entry = &entries[ix];
            let Some(start) = line_start(text, entry.key.span.start) else {
                break;
            };
            let next = match entries.get(ix + 1) {
                None => Some(end),
                // Between the last change and the next entry a line ends as it did before, and that is as far indented.
                Some(next) if next.key.span.start < changed.end => None,
                Some(next) => line_start(text, now(next.key.span.start))
                    .filter(|line| *line > now(changed.end))
                    .filter(|line| now(next.key.span.start) - line == entry.key.span.start - start)
                    .and_then(|line| (line + n_bytes).checked_sub(text.len())),
            };
            let Some(next) = next.filter(|next| changed.end <= *next) else {
                break;
            };
            let has_twin = entries
                .iter()
                .enumerate()
                .any(|(other, twin)| other != ix && twin.key.text == entry.key.text);
            if has_twin || entry.key.text.is_empty() || entry.key.text == MERGE {
                break;
            }
            way.push(ix);
            end = next;
            found = Some(Lines {
                way: way.clone(),
                start,
                end,
            });
            piece = &entry.value;
        }
        found
    }
}

/// The entries that stand on these lines and on no others, and what they say.
fn read_lines(lines: &str) -> Option<(Vec<Entry>, Value)> {
    // A document may end or begin on such lines.
    let is_mark = |line: &str| ["---", "...", "%"].iter().any(|sign| line.starts_with(sign));
    if lines.lines().any(is_mark) {
        return None;
    }
    let read = outline(lines, Format::Yaml).ok()?;
    if shares(&read.root) || is_open_ended(&read.root) {
        return None;
    }
    match read.root.shape {
        Shape::Map {
            is_block: true,
            entries,
        } => Some((entries, read.value)),
        _ => None,
    }
}

/// Where the line begins in which nothing but blanks stands before a byte.
fn line_start(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?.trim_end_matches(' ');
    (before.is_empty() || before.ends_with('\n')).then_some(before.len())
}

/// Whether something stands in it that is said elsewhere.
fn shares(piece: &Piece) -> bool {
    has(piece, &|shape| matches!(shape, Shape::Alias))
}

/// Whether a block text stands in it that says nothing, or is a key: where that ends depends on what comes after it.
fn is_open_ended(piece: &Piece) -> bool {
    let is_block = |style| matches!(style, Style::Literal | Style::Folded);
    has(piece, &|shape| match shape {
        Shape::Scalar(scalar) => scalar.text.trim().is_empty() && is_block(scalar.style),
        Shape::Map { entries, .. } => entries.iter().any(|entry| is_block(entry.key.style)),
        _ => false,
    })
}

/// Whether the last that is written in it is a block text: what comes after that may belong to it.
fn ends_in_block(piece: &Piece) -> bool {
    match &piece.shape {
        Shape::Alias => false,
        Shape::Scalar(scalar) => matches!(scalar.style, Style::Literal | Style::Folded),
        Shape::List { items, .. } => items.last().is_some_and(|item| ends_in_block(&item.value)),
        Shape::Map { entries, .. } => entries.last().is_some_and(|entry| ends_in_block(&entry.value)),
    }
}

fn has(piece: &Piece, is_so: &impl Fn(&Shape) -> bool) -> bool {
    is_so(&piece.shape)
        || match &piece.shape {
            Shape::List { items, .. } => items.iter().any(|item| has(&item.value, is_so)),
            Shape::Map { entries, .. } => entries.iter().any(|entry| has(&entry.value, is_so)),
            Shape::Scalar(_) | Shape::Alias => false,
        }
}

/// The entries of the mapping a way leads to, and what they say.
fn map_at<'d>(
    root: &'d mut Piece,
    value: &'d mut Value,
    way: &[usize],
) -> Option<(&'d mut Vec<Entry>, &'d mut Map<String, Value>)> {
    let Shape::Map { entries, .. } = &mut root.shape else {
        return None;
    };
    match way.split_first() {
        None => Some((entries, value.as_object_mut()?)),
        Some((&ix, rest)) => {
            let entry = entries.get_mut(ix)?;
            map_at(&mut entry.value, value.get_mut(&entry.key.text)?, rest)
        }
    }
}

/// Moves all that comes after the entry a way leads to.
fn move_on(root: &mut Piece, way: &[usize], now: impl Fn(usize) -> usize + Copy) {
    let mut piece = Some(root);
    let mut way = way.iter();
    while let (Some(map), Some(&at)) = (piece.take(), way.next()) {
        piece = follow(map, at, now);
    }
}

/// Moves what comes after an entry of a mapping to where it is now, and goes on to what the entry says.
fn follow(map: &mut Piece, at: usize, now: impl Fn(usize) -> usize + Copy) -> Option<&mut Piece> {
    let Shape::Map { entries, .. } = &mut map.shape else {
        return None;
    };
    let (before, after) = entries.split_at_mut(at + 1);
    for entry in after {
        move_entry(entry, now);
    }
    Some(&mut before.last_mut()?.value)
}

/// A mapping on lines ends where its last entry does.
fn settle(piece: &mut Piece, way: &[usize]) {
    let (Some((&at, rest)), Shape::Map { entries, .. }) = (way.split_first(), &mut piece.shape) else {
        return;
    };
    if let Some(entry) = entries.get_mut(at) {
        settle(&mut entry.value, rest);
    }
    if let Some(last) = entries.last() {
        piece.end = last.value.end.max(last.key.after);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Puts each of `texts` in the place of some bytes of a text, wherever that is possible: what is read again is what the whole says.
    /// Tells of how many changes only a part was read.
    fn check(text: &str, texts: &[&str]) -> String {
        let before = outline(text, Format::Yaml).expect("it can be read");
        let (mut n_parts, mut n) = (0, 0);
        for start in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let ends = [0, 1, 2, 3, 9, 30, 90].map(|n| start + n);
            for end in ends.into_iter().filter(|at| text.is_char_boundary(*at)) {
                for put in texts {
                    let now = [&text[..start], put, &text[end..]].concat();
                    n += 1;
                    let Some(part) = before.patched(&now, &[(start..end, put.len())]) else {
                        continue;
                    };
                    n_parts += 1;
                    match outline(&now, Format::Yaml) {
                        Ok(whole) => assert_eq!(part, whole, "{now}"),
                        Err(problems) => panic!("{now}\nis no document: {problems:?}"),
                    }
                }
            }
        }
        format!("{n_parts} of {n}")
    }

    const SIGNS: [&str; 31] = [
        "\nz: [1, 2]",
        "\n  z: { t: 1 }",
        "\n    z: 1\n    y: 2",
        "\n\n  z: |\n    a",
        "\n  # c\n  z: 1 # d",
        "\nz: 1\n\n",
        "\n  z:",
        "",
        "x",
        " ",
        "\n",
        "\n  ",
        "\n  x: 1\n",
        "\nx: 1\n",
        ":",
        ": ",
        "#",
        " # ",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "|",
        " |\n",
        "---\n",
        "- ",
        "*a",
        "&a ",
        ",",
    ];

    #[test]
    fn what_is_read_again_is_what_the_whole_says() {
        let told = [
            "flow: f # one\ntasks:\n  a: { type: log }\n  # two\n  b:\n    type: shell\n    with:\n      run: |\n        echo\n\n        x\n    needs: [a]\nlayout:\n  a: [1, 2]\n  b: [3,\n    4]\n",
            "tasks:\n  ü: !!str 1\n  b: \"a\n    b\"\n  c: &x plain\n   more\n  d:\n  - 1\n  - e: 2\n    f: 3\n  g:\nlast: >+\n  a\n\n",
            "# said before\n--- # begin\na:\n    b: 1\n    b: 2\n    c: {d: 1,\n e: 2}\nf: 'x'",
            "a: &x { b: 1 }\nc: *x\n",
        ]
        .map(|text| check(text, &SIGNS));
        expect_test::expect![[r#"
            6259 of 32271
            3755 of 18693
            1362 of 12555
            0 of 2945"#]]
        .assert_eq(&told.join("\n"));
    }

    #[test]
    fn several_changes_of_one_entry_are_read_at_once() {
        let text = "tasks:\n  a: { type: log, with: { message: m } }\n  b: { type: noop }\nlayout: {}\n";
        let before = outline(text, Format::Yaml).expect("it can be read");
        let at = |sign: &str| text.find(sign).expect("is there");
        let now = text.replace("log", "shell").replace("message: m", "run: x");
        let patches = [
            (at("log")..at("log") + 3, 5),
            (at("message")..at("message") + 10, 6),
        ];
        let whole = outline(&now, Format::Yaml).expect("it can be read");
        assert_eq!(before.patched(&now, &patches), Some(whole));
        assert_eq!(before.patched(text, &[]), None);
    }

    /// A change of a text, `None` if there is nothing to be compared: what a part says, and what the whole does.
    fn read_both_ways(text: &str, bytes: Range<usize>, put: &str) -> Option<(Outline, Option<Outline>)> {
        let before = outline(text, Format::Yaml).ok()?;
        let now = [text.get(..bytes.start)?, put, text.get(bytes.end..)?].concat();
        let part = before.patched(&now, &[(bytes, put.len())])?;
        Some((part, outline(&now, Format::Yaml).ok()))
    }

    fn odd() -> impl Strategy<Value = String> {
        let pieces = vec![
            "flow: f",
            "tasks:",
            "a:",
            "b:",
            "c: 1",
            "needs:",
            "a",
            "c",
            ": ",
            ":",
            "\n",
            "\n  ",
            "\n    ",
            "\n      ",
            "\n\n",
            "- ",
            "- a",
            "[",
            "]",
            "{",
            "}",
            ", ",
            ",",
            "\"",
            "'",
            "&x ",
            "*x",
            "!!str ",
            "|",
            ">",
            "|+2",
            "|-\n",
            ">+\n",
            "#",
            " # c",
            "? ",
            "1",
            "~",
            "---\n",
            "...\n",
            "%TAG ! x\n",
            "\u{FEFF}",
            "ü",
            "\r\n",
            "\t",
            "task: a",
            "\"a\"",
            "'b'",
            "[a: b]",
            "[[a], {b}]",
            "<<: ",
        ];
        prop::collection::vec(prop::sample::select(pieces), 0..16).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn however_odd_a_text_a_part_says_what_the_whole_does(
            text in odd(),
            is_framed in any::<bool>(),
            at in any::<prop::sample::Index>(),
            n in prop_oneof![Just(0_usize), 0..6_usize],
            put in odd(),
            indent in prop::option::of(0..5_usize),
        ) {
            let put = match indent {
                Some(n) => format!("\n{}{put}", " ".repeat(n)),
                None => put,
            };
            let text = if is_framed { format!("tasks:\n  a: 1\n  b: {text}\nz: 2\n") } else { text };
            let start = at.index(text.len() + 1);
            if let Some((part, whole)) = read_both_ways(&text, start..start + n, &put) {
                prop_assert_eq!(Some(part), whole);
            }
        }
    }
}
