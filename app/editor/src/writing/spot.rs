//! What a cursor in a document stands in: which field's name or value is being written there. The text is half written as a rule, so it is
//! read as far as the cursor and no further, and nothing in it is an error.

use std::ops::Range;

use flow::parse::Format;

/// What is written at a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The name of a field.
    Key,
    /// The value of a field.
    Value,
    /// An entry of a list: a value, or the first field of one.
    Item,
    /// A text of several lines.
    Text,
}

/// Where a cursor stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// The mapping in which a name is written, or the field whose value is; entries of lists by their numbers.
    pub(super) path: Vec<String>,
    /// What is written.
    pub(super) what: What,
    /// The bytes from where that begins to the cursor.
    pub(super) typed: Range<usize>,
    /// Whether a quotation mark stands before it.
    pub(super) is_quoted: bool,
    /// Whether it stands in brackets.
    pub(super) is_bracketed: bool,
    /// The column at which it begins, if it stands in none.
    pub(super) column: usize,
}

/// Where a cursor (a byte of the text) stands; none in a comment, and where nothing can be written.
#[must_use]
pub(super) fn spot(text: &str, format: Format, cursor: usize) -> Option<Spot> {
    let before = text.get(..cursor)?;
    let mut reader = Reader {
        text: before,
        blocks: Vec::new(),
        brackets: Vec::new(),
        quote: None,
        scalar: None,
    };
    if format == Format::Json {
        return match reader.bracketed(0, before.len()) {
            End::Here(spot) => spot,
            End::Before => None,
        };
    }
    let mut start = 0;
    for line in before.split_inclusive('\n') {
        let end = start + line.len();
        let is_last = end == before.len() && !line.ends_with('\n');
        if let Some(found) = reader.line(start, end, is_last) {
            return found;
        }
        start = end;
    }
    // The cursor stands at the beginning of a line.
    reader.line(before.len(), before.len(), true).flatten()
}

/// One step of the way to the cursor.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Item(usize),
}

/// A field or an entry of a list that is open, by the column at which it stands.
struct Block {
    column: usize,
    step: Step,
}

/// A bracket that is open.
struct Bracket {
    is_map: bool,
    n_items: usize,
    key: Option<String>,
    /// Whether its field or entry has its value already.
    is_done: bool,
}

/// How a stretch in brackets ends.
enum End {
    /// With the cursor.
    Here(Option<Spot>),
    /// Before it: all brackets are closed.
    Before,
}

struct Reader<'t> {
    text: &'t str,
    blocks: Vec<Block>,
    brackets: Vec<Bracket>,
    /// A quoted text that goes on in the next line.
    quote: Option<(char, usize)>,
    /// A text of several lines: the column of its field, and where it begins.
    scalar: Option<(usize, usize)>,
}

impl Reader<'_> {
    fn path(&self) -> Vec<String> {
        let blocks = self.blocks.iter().map(|block| match &block.step {
            Step::Key(key) => key.clone(),
            Step::Item(n) => n.to_string(),
        });
        let brackets = self.brackets.iter().filter_map(|bracket| match bracket.is_map {
            true => bracket.key.clone(),
            false => Some(bracket.n_items.to_string()),
        });
        blocks.chain(brackets).collect()
    }

    fn spot(&self, what: What, typed: Range<usize>, is_quoted: bool, column: usize) -> Spot {
        Spot {
            path: self.path(),
            what,
            typed,
            is_quoted,
            is_bracketed: !self.brackets.is_empty(),
            column,
        }
    }

    /// Reads a line. What is found if the cursor is in it.
    fn line(&mut self, start: usize, end: usize, is_last: bool) -> Option<Option<Spot>> {
        let line = self.text[start..end].trim_end_matches(['\n', '\r']);
        let end = start + line.len();
        if let Some((mark, from)) = self.quote {
            return match closing(self.text, start, end, mark) {
                Some(_) => {
                    self.quote = None;
                    is_last.then_some(None)
                }
                None => is_last.then(|| Some(self.spot(What::Value, from..end, true, 0))),
            };
        }
        if !self.brackets.is_empty() {
            return self.stretch(start, end, is_last);
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        let is_blank = line.trim().is_empty();
        if let Some((column, from)) = self.scalar {
            if is_blank && !is_last || indent > column {
                return is_last.then(|| Some(self.spot(What::Text, from.min(end)..end, false, column)));
            }
            self.scalar = None;
        }
        if is_blank && !is_last {
            return None;
        }
        if line[indent..].starts_with('#') || line.starts_with("---") {
            return is_last.then_some(None);
        }
        let (mut column, mut at) = (indent, start + indent);
        let mut is_item = false;
        while self.text[at..end] == *"-" || self.text[at..end].starts_with("- ") {
            self.item(column);
            is_item = true;
            let rest = self.text[at + 1..end].trim_start_matches(' ');
            let next = end - rest.len();
            column += next - at;
            at = next;
            if at == end {
                return is_last.then(|| Some(self.spot(What::Item, at..end, false, column)));
            }
        }
        while self.blocks.last().is_some_and(|block| block.column >= column) {
            self.blocks.pop();
        }
        let Some((key, after)) = key_at(self.text, at, end) else {
            if self.text[at..end].starts_with(['[', '{']) {
                return self.stretch(at, end, is_last);
            }
            let what = if is_item { What::Item } else { What::Key };
            let (from, is_quoted) = unquoted(self.text, at, end);
            return is_last.then(|| Some(self.spot(what, from..end, is_quoted, column)));
        };
        self.blocks.push(Block {
            column,
            step: Step::Key(key),
        });
        self.value(after, end, column, is_last)
    }

    /// Opens an entry of a list whose mark stands at a column.
    fn item(&mut self, column: usize) {
        let mut n = 0;
        while let Some(block) = self.blocks.last() {
            match block.step {
                Step::Item(before) if block.column == column => n = before + 1,
                _ if block.column > column => {}
                // A list may stand at the column of the field it belongs to.
                _ => break,
            }
            self.blocks.pop();
        }
        self.blocks.push(Block {
            column,
            step: Step::Item(n),
        });
    }

    /// Reads the value of a field.
    fn value(&mut self, at: usize, end: usize, column: usize, is_last: bool) -> Option<Option<Spot>> {
        let mut at = end - self.text[at..end].trim_start_matches(' ').len();
        // Anchors and tags say nothing here.
        while self.text[at..end].starts_with(['&', '!']) {
            let rest = self.text[at..end]
                .trim_start_matches(|c| c != ' ')
                .trim_start_matches(' ');
            at = end - rest.len();
        }
        let rest = &self.text[at..end];
        if rest.starts_with(['|', '>']) {
            self.scalar = Some((column, end + 1));
            return is_last.then_some(None);
        }
        if rest.starts_with(['[', '{']) {
            return self.stretch(at, end, is_last);
        }
        if rest.starts_with('#') {
            return is_last.then_some(None);
        }
        let (from, is_quoted) = unquoted(self.text, at, end);
        if !is_quoted && rest.contains(" #") {
            return is_last.then_some(None);
        }
        if is_quoted {
            let mark = if rest.starts_with('"') { '"' } else { '\'' };
            match closing(self.text, from, end, mark) {
                Some(_) => return is_last.then_some(None),
                None if !is_last => self.quote = Some((mark, from)),
                None => {}
            }
        }
        is_last.then(|| Some(self.spot(What::Value, from..end, is_quoted, column)))
    }

    /// Reads on in brackets as far as the line goes.
    fn stretch(&mut self, at: usize, end: usize, is_last: bool) -> Option<Option<Spot>> {
        match self.bracketed(at, end) {
            End::Here(spot) if is_last => Some(spot),
            _ if is_last => Some(None),
            _ => None,
        }
    }

    fn bracketed(&mut self, mut at: usize, end: usize) -> End {
        while let Some(c) = self.text[at..end].chars().next() {
            let next = at + c.len_utf8();
            match c {
                '{' | '[' => self.brackets.push(Bracket {
                    is_map: c == '{',
                    n_items: 0,
                    key: None,
                    is_done: false,
                }),
                '}' | ']' => {
                    self.brackets.pop();
                    match self.brackets.last_mut() {
                        Some(outer) => outer.is_done = true,
                        None => return End::Before,
                    }
                }
                ',' => {
                    if let Some(bracket) = self.brackets.last_mut() {
                        bracket.n_items += 1;
                        (bracket.key, bracket.is_done) = (None, false);
                    }
                }
                ' ' | '\t' | '\n' | '\r' => {}
                '#' => {
                    let rest = &self.text[at..end];
                    match rest.find('\n') {
                        Some(more) => {
                            at += more;
                            continue;
                        }
                        None => return End::Here(None),
                    }
                }
                '"' | '\'' => match closing(self.text, next, end, c) {
                    None => return End::Here(self.in_brackets(next..end, true)),
                    Some(after) => {
                        let word = self.text[next..after - 1].to_owned();
                        at = self.word(word, after, end);
                        continue;
                    }
                },
                _ => {
                    let rest = &self.text[at..end];
                    let stop = rest.char_indices().find(|(ix, c)| match c {
                        ',' | '[' | ']' | '{' | '}' | '\n' => true,
                        ':' => rest[ix + 1..].is_empty() || rest[ix + 1..].starts_with([' ', '\n']),
                        _ => false,
                    });
                    let Some((stop, _)) = stop else {
                        return End::Here(self.in_brackets(at..end, false));
                    };
                    // A colon that names nothing is passed over.
                    let after = at + stop.max(c.len_utf8());
                    let word = self.text[at..after].trim().to_owned();
                    at = self.word(word, after, end);
                    continue;
                }
            }
            at = next;
        }
        End::Here(self.in_brackets(end..end, false))
    }

    /// A word in brackets is over: it is a field's name if a colon follows, else a value. Where to read on.
    fn word(&mut self, word: String, after: usize, end: usize) -> usize {
        let rest = self.text[after..end].trim_start();
        let Some(bracket) = self.brackets.last_mut() else {
            return after;
        };
        if bracket.is_map && bracket.key.is_none() && rest.starts_with(':') {
            bracket.key = Some(word);
            return end - rest.len() + 1;
        }
        bracket.is_done = true;
        after
    }

    fn in_brackets(&self, typed: Range<usize>, is_quoted: bool) -> Option<Spot> {
        let bracket = self.brackets.last()?;
        let what = match (bracket.is_map, &bracket.key) {
            _ if bracket.is_done => return None,
            (true, None) => What::Key,
            (true, Some(_)) => What::Value,
            (false, _) => What::Item,
        };
        Some(self.spot(what, typed, is_quoted, 0))
    }
}

/// The name of a field that begins at a byte, and where its colon is over.
fn key_at(text: &str, at: usize, end: usize) -> Option<(String, usize)> {
    let rest = &text[at..end];
    if let Some(mark @ ('"' | '\'')) = rest.chars().next() {
        let after = closing(text, at + 1, end, mark)?;
        let colon = text[after..end].trim_start();
        let is_key = colon == ":" || colon.starts_with(": ");
        return is_key.then(|| (text[at + 1..after - 1].to_owned(), end - colon.len() + 1));
    }
    if rest.starts_with(['[', '{', '#', '&', '!', '|', '>']) {
        return None;
    }
    let colon = rest.char_indices().find(|(ix, c)| {
        let next = &rest[ix + c.len_utf8()..];
        *c == ':' && (next.is_empty() || next.starts_with(' '))
    });
    let (colon, _) = colon?;
    Some((rest[..colon].trim_end().to_owned(), at + colon + 1))
}

/// Where a value begins without its quotation mark, and whether it has one.
fn unquoted(text: &str, at: usize, end: usize) -> (usize, bool) {
    match text[at..end].starts_with(['"', '\'']) {
        true => (at + 1, true),
        false => (at, false),
    }
}

/// The byte behind the mark that closes a quoted text.
fn closing(text: &str, from: usize, end: usize, mark: char) -> Option<usize> {
    let mut chars = text[from..end].char_indices().peekable();
    while let Some((ix, c)) = chars.next() {
        match c {
            '\\' if mark == '"' => drop(chars.next()),
            '\'' if mark == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') => drop(chars.next()),
            c if c == mark => return Some(from + ix + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    /// Where each `|` of a text stands.
    fn check(text: &str, expected: Expect) {
        let plain = text.replace('¦', "");
        let format = Format::guess(plain.as_bytes());
        let mut told = String::new();
        for (n, (at, _)) in text.match_indices('¦').enumerate() {
            let cursor = at - n * '¦'.len_utf8();
            let line = match spot(&plain, format, cursor) {
                None => "-".to_owned(),
                Some(spot) => format!(
                    "{:?} {} {:?}{}{}",
                    spot.what,
                    spot.path.join("."),
                    &plain[spot.typed.clone()],
                    if spot.is_quoted { " quoted" } else { "" },
                    if spot.is_bracketed { " bracketed" } else { "" },
                ),
            };
            told.push_str(&line);
            told.push('\n');
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn names_and_values_are_told_apart() {
        check(
            "na¦me: x¦\ntasks:\n  fetch:\n    type: ht¦tp.request # c¦\n    re¦\n    ¦\n  ¦\n¦",
            expect![[r#"
                Key  "na"
                Value name "x"
                Value tasks.fetch.type "ht"
                -
                Key tasks.fetch "re"
                Key tasks.fetch ""
                Key tasks ""
                Key  ""
            "#]],
        );
    }

    #[test]
    fn lists_stand_below_their_field_or_beside_it() {
        check(
            "tasks:\n  a:\n    needs:\n      - b¦\n      - task: c¦\n        o¦n: failed\n    with:\n      cases:\n      - x¦\n      - ¦\n      -¦\n    joi¦n: any",
            expect![[r#"
                Item tasks.a.needs.0 "b"
                Value tasks.a.needs.1.task "c"
                Key tasks.a.needs.1 "o"
                Item tasks.a.with.cases.0 "x"
                Item tasks.a.with.cases.1 ""
                Item tasks.a.with.cases.2 ""
                Key tasks.a "joi"
            "#]],
        );
    }

    #[test]
    fn brackets_are_read_in_one_line_and_in_many() {
        check(
            "tasks:\n  a: { type: lo¦g, wi¦th: { message: 'it¦ is', l¦evel: [ 1, ¦2 ] }¦, needs: [b, { task: ¦c, on: [failed, ¦] }] }\n  b: {\n    ty¦pe: x,\n    ¦\n  }\n  c¦",
            expect![[r#"
                Value tasks.a.type "lo" bracketed
                Key tasks.a "wi" bracketed
                Value tasks.a.with.message "it" quoted bracketed
                Key tasks.a.with "l" bracketed
                Item tasks.a.with.level.1 "" bracketed
                -
                Value tasks.a.needs.1.task "" bracketed
                Item tasks.a.needs.1.on.1 "" bracketed
                Key tasks.b "ty" bracketed
                Key tasks.b "" bracketed
                Key tasks "c"
            "#]],
        );
    }

    #[test]
    fn json_is_brackets_throughout() {
        check(
            "{\"flow\": \"a¦\", \"tasks\": {\"x\": {\"ty¦pe\": \"lo¦g\", \"needs\": [\"¦\"], ¦}}, ¦}",
            expect![[r#"
                Value flow "a" quoted bracketed
                Key tasks.x "ty" quoted bracketed
                Value tasks.x.type "lo" quoted bracketed
                Item tasks.x.needs.0 "" quoted bracketed
                Key tasks.x "" bracketed
                Key  "" bracketed
            "#]],
        );
    }

    #[test]
    fn texts_of_several_lines_are_one_value() {
        check(
            "tasks:\n  a:\n    with:\n      script: |\n        echo {{ ta¦sks }}\n\n        # no comment¦\n      other: \"one\n        two ¦\n        three\"\n      more: x¦",
            expect![[r#"
                Text tasks.a.with.script "        echo {{ ta"
                Text tasks.a.with.script "        echo {{ tasks }}\n\n        # no comment"
                Value tasks.a.with.other "one\n        two " quoted
                Value tasks.a.with.more "x"
            "#]],
        );
    }

    proptest! {
        #[test]
        fn anything_can_be_half_written(text in "[a{}\\[\\]:\"' \n#|,>é-]{0,60}", cut in 0_usize..60) {
            for format in [Format::Yaml, Format::Json] {
                let cursor = cut.min(text.len());
                if let Some(spot) = spot(&text, format, cursor) {
                    prop_assert!(spot.typed.start <= spot.typed.end && spot.typed.end <= cursor);
                    prop_assert!(text.get(spot.typed).is_some());
                }
            }
        }
    }
}
