//! The pieces of a YAML text, from the events it is read by.

use granit_parser::{Event, ScalarStyle, Span, StructureStyle};
use serde_json::Value;

use super::{Entry, Item, Key, Piece, Scalar, Shape, Style};
use crate::parse::yaml::plain_value;

/// Puts pieces together as the events come.
#[derive(Default)]
pub(crate) struct Pieces {
    text: String,
    /// Where the text begins in what the caller has.
    offset: usize,
    open: Vec<Open>,
    root: Option<Piece>,
}

/// A collection that is not complete yet.
struct Open {
    start: usize,
    is_block: bool,
    kind: Kind,
    /// Where what comes next may begin: behind the bracket, the colon or the last part.
    from: usize,
    /// The dash of the item that has begun.
    dash: Option<usize>,
}

enum Kind {
    List(Vec<Item>),
    Map { entries: Vec<Entry>, key: Option<Key> },
}

impl Pieces {
    /// Begins; `offset` is the number of bytes before the text.
    pub(crate) fn begin(&mut self, text: &str, offset: usize) {
        text.clone_into(&mut self.text);
        self.offset = offset;
    }

    /// The outermost piece.
    pub(super) fn finish(self) -> Option<Piece> {
        let mut root = self.root?;
        if self.offset != 0 {
            move_by(&mut root, |at| at + self.offset);
        }
        Some(root)
    }

    pub(crate) fn take(&mut self, event: &Event<'_>, span: &Span) {
        let Some(range) = span.byte_range() else { return };
        match event {
            Event::Scalar(text, style, _, tag) => {
                let from = self.enter();
                let is_text = tag.as_ref().is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let piece = self.scalar(from, range.start, range.end, (text, *style, is_text));
                self.push(piece);
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.enter();
                self.push(Piece {
                    start: range.start,
                    end: range.end,
                    shape: Shape::Alias,
                });
            }
            Event::SequenceStart(style, ..) => self.open(range.start, *style, Kind::List(Vec::new())),
            Event::MappingStart(style, ..) => {
                let kind = Kind::Map {
                    entries: Vec::new(),
                    key: None,
                };
                self.open(range.start, *style, kind);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range.end),
            _ => {}
        }
    }

    /// A value begins: finds the dash before it, and tells from where on it may stand.
    fn enter(&mut self) -> usize {
        let Some(open) = self.open.last_mut() else {
            return 0;
        };
        if open.is_block && matches!(open.kind, Kind::List(_)) {
            let dash = sign(&self.text, open.from);
            if self.text[dash..].starts_with('-') {
                open.dash = Some(dash);
                open.from = dash + 1;
            }
        }
        open.from
    }

    fn scalar(
        &self,
        from: usize,
        start: usize,
        end: usize,
        (text, style, is_text): (&str, ScalarStyle, bool),
    ) -> Piece {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let value = if is_text || style != Style::Plain {
            Value::String(text.to_owned())
        } else {
            plain_value(text)
        };
        let (start, end) = match style {
            Style::Literal | Style::Folded => {
                let header = sign(&self.text, from);
                (header, self.block_end(header, start, end))
            }
            // Nothing is written: it would stand behind the anchor or tag, if there is one.
            Style::Plain if start == end => {
                let at = properties_end(&self.text, from);
                (at, at)
            }
            _ => (start, end),
        };
        let text = text.to_owned();
        let shape = Shape::Scalar(Scalar { text, value, style });
        Piece { start, end, shape }
    }

    /// Where a block text ends. Only `+` keeps the empty lines that follow.
    fn block_end(&self, header: usize, start: usize, end: usize) -> usize {
        let line = self.text[header..].lines().next().unwrap_or_default();
        let signs = line.split([' ', '\t', '#']).next().unwrap_or_default();
        let written = &self.text[start..end];
        let header_end = header + signs.len();
        if written.trim().is_empty() {
            return header_end;
        }
        let written = written.trim_end_matches([' ', '\t']);
        let end = if signs.contains('+') {
            written
                .strip_suffix('\n')
                .unwrap_or(written)
                .trim_end_matches('\r')
        } else {
            written.trim_end_matches([' ', '\t', '\r', '\n'])
        };
        start + end.len()
    }

    fn open(&mut self, start: usize, style: StructureStyle, kind: Kind) {
        let from = self.enter();
        let is_block = style == StructureStyle::Block;
        self.open.push(Open {
            start,
            is_block,
            kind,
            from: if is_block { from } else { start + 1 },
            dash: None,
        });
    }

    fn close(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let (mut start, is_block) = (open.start, open.is_block);
        let shape = match open.kind {
            Kind::List(items) => {
                start = items.first().and_then(|item| item.dash).unwrap_or(start);
                Shape::List { is_block, items }
            }
            Kind::Map { entries, .. } => {
                if let (Some(first), true) = (entries.first(), is_block) {
                    start = first.key.span.start;
                }
                Shape::Map { is_block, entries }
            }
        };
        let end = if is_block { open.from.max(start) } else { end };
        self.push(Piece { start, end, shape });
    }

    fn push(&mut self, piece: Piece) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(piece);
            return;
        };
        let end = piece.end;
        match &mut open.kind {
            Kind::List(items) => {
                let dash = open.dash.take();
                items.push(Item { dash, value: piece });
                open.from = open.from.max(end);
            }
            Kind::Map { entries, key } => match key.take() {
                None => {
                    let (text, style) = match piece.shape {
                        Shape::Scalar(scalar) => (scalar.text, scalar.style),
                        _ => (String::new(), Style::Plain),
                    };
                    let after = after_colon(&self.text, end);
                    let span = piece.start..end;
                    *key = Some(Key {
                        text,
                        span,
                        style,
                        after,
                    });
                    open.from = after;
                }
                Some(key) => {
                    entries.push(Entry { key, value: piece });
                    open.from = open.from.max(end);
                }
            },
        }
    }
}

/// The first sign after blanks, commas, comments, anchors and tags.
fn sign(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = &text[at..];
        let code = rest.trim_start_matches([' ', '\t', '\r', '\n', ',']);
        at = text.len() - code.len();
        let word = code.split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
        if code.starts_with('#') {
            at += code.find('\n').unwrap_or(code.len());
        } else if code.starts_with(['&', '!']) {
            at += word.len();
        } else {
            return at;
        }
    }
}

/// The end of the anchor and tag that begin after blanks; `from` if there are none.
#[must_use]
pub fn properties_end(text: &str, from: usize) -> usize {
    let mut end = from;
    loop {
        let rest = &text[end..];
        let code = rest.trim_start_matches([' ', '\t']);
        if !code.starts_with(['&', '!']) {
            return end;
        }
        let word = code
            .split([' ', '\t', '\r', '\n', ',', '}', ']'])
            .next()
            .unwrap_or_default();
        end += rest.len() - code.len() + word.len();
    }
}

/// The byte after the colon that follows a key.
fn after_colon(text: &str, end: usize) -> usize {
    let mut at = end;
    for line in text[end..].split_inclusive('\n') {
        let code = line.trim_start();
        if code.starts_with(':') {
            return at + line.len() - code.len() + 1;
        }
        if !code.is_empty() && !code.starts_with('#') {
            break;
        }
        at += line.len();
    }
    end
}

/// Moves a piece: `by` says where a byte is now.
fn move_by(piece: &mut Piece, by: impl Fn(usize) -> usize + Copy) {
    piece.start = by(piece.start);
    piece.end = by(piece.end);
    match &mut piece.shape {
        Shape::List { items, .. } => {
            for item in items {
                item.dash = item.dash.map(by);
                move_by(&mut item.value, by);
            }
        }
        Shape::Map { entries, .. } => {
            for entry in entries {
                move_entry(entry, by);
            }
        }
        Shape::Scalar(_) | Shape::Alias => {}
    }
}

/// Moves an entry with its key.
pub(super) fn move_entry(entry: &mut Entry, by: impl Fn(usize) -> usize + Copy) {
    entry.key.span = by(entry.key.span.start)..by(entry.key.span.end);
    entry.key.after = by(entry.key.after);
    move_by(&mut entry.value, by);
}
