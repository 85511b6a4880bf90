//! The pieces of a JSON text that has been read before: nothing can be wrong with it any more.

use serde_json::Value;

use super::{Entry, Item, Key, Piece, Scalar, Shape, Style};

pub(super) fn walk(text: &str) -> Piece {
    let start = text.len() - text.strip_prefix('\u{FEFF}').unwrap_or(text).len();
    Walker { text, at: start }.value()
}

struct Walker<'t> {
    text: &'t str,
    at: usize,
}

impl Walker<'_> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(b' ')
    }

    /// Goes on to what is no blank, comma or colon.
    fn skip(&mut self, separators: &[u8]) {
        while self.at < self.text.len()
            && (self.peek().is_ascii_whitespace() || separators.contains(&self.peek()))
        {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Piece {
        self.skip(b",");
        let start = self.at;
        let shape = match self.peek() {
            b'{' => self.map(),
            b'[' => self.list(),
            b'"' => self.string(),
            _ => self.word(),
        };
        Piece {
            start,
            end: self.at,
            shape,
        }
    }

    /// Whether the collection ends here; if so, that is behind us.
    fn ends(&mut self, end: u8) -> bool {
        self.skip(b",");
        let is_end = self.at >= self.text.len() || self.peek() == end;
        self.at += usize::from(is_end);
        is_end
    }

    fn list(&mut self) -> Shape {
        let mut items = Vec::new();
        self.at += 1;
        while !self.ends(b']') {
            let value = self.value();
            items.push(Item { dash: None, value });
        }
        Shape::List {
            is_block: false,
            items,
        }
    }

    fn map(&mut self) -> Shape {
        let mut entries = Vec::new();
        self.at += 1;
        while !self.ends(b'}') {
            let key = self.value();
            self.skip(b"");
            self.at += 1;
            let text = key
                .scalar()
                .map_or_else(String::new, |scalar| scalar.text.clone());
            let key = Key {
                text,
                span: key.start..key.end,
                style: Style::Double,
                after: self.at,
            };
            let value = self.value();
            entries.push(Entry { key, value });
        }
        Shape::Map {
            is_block: false,
            entries,
        }
    }

    fn string(&mut self) -> Shape {
        let start = self.at;
        self.at += 1;
        while self.at < self.text.len() && self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        self.scalar(start, Style::Double)
    }

    fn word(&mut self) -> Shape {
        let start = self.at;
        while self.at < self.text.len()
            && !matches!(self.peek(), b',' | b'}' | b']')
            && !self.peek().is_ascii_whitespace()
        {
            self.at += 1;
        }
        self.scalar(start, Style::Plain)
    }

    fn scalar(&mut self, start: usize, style: Style) -> Shape {
        self.at = self.at.min(self.text.len());
        let written = self.text.get(start..self.at).unwrap_or_default();
        let value = serde_json::from_str(written).unwrap_or(Value::Null);
        let text = value.as_str().map_or_else(|| written.to_owned(), str::to_owned);
        Shape::Scalar(Scalar { text, value, style })
    }
}
