//! JSON into a [`Node`] tree. `serde_json` would forget places and swallow duplicate keys.

use indexmap::map::Entry;

use super::tree::{
    Entries, Kind, Node, Place, Reading, duplicate_key, is_task_group, number, shorten, too_deep,
};
use crate::limits;
use crate::problem::Problem;

pub(super) fn read(text: &str) -> Reading {
    let mut reader = Reader {
        text,
        at: 0,
        place: Place { line: 1, column: 1 },
        problems: Vec::new(),
        depth: 0,
        n_nodes: 0,
        n_dropped: 0,
    };
    let root = reader.document();
    let Reader {
        mut problems,
        n_dropped,
        ..
    } = reader;
    match root {
        Ok(root) => Reading {
            root: Some(root),
            problems,
            n_dropped,
        },
        Err(problem) => {
            problems.push(*problem);
            Reading {
                root: None,
                problems,
                n_dropped,
            }
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    /// Bytes read so far.
    at: usize,
    place: Place,
    problems: Vec<Problem>,
    depth: usize,
    n_nodes: usize,
    n_dropped: usize,
}

/// Boxed, since it passes through every level of the recursion.
type Read<T> = Result<T, Box<Problem>>;

impl Reader<'_> {
    fn document(&mut self) -> Read<Node> {
        self.blanks();
        if self.peek().is_none() {
            return Err(self.wrong("the document is empty; a flow has at least `flow` and `tasks`"));
        }
        let root = self.value(None)?;
        self.blanks();
        match self.peek() {
            None => Ok(root),
            Some(_) => Err(self.wrong("the document ends before this; remove what follows")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes one byte on; a character's later bytes move no column.
    fn step(&mut self) {
        match self.peek() {
            Some(b'\n') => {
                self.place = Place {
                    line: self.place.line + 1,
                    column: 1,
                }
            }
            Some(byte) if byte & 0xC0 != 0x80 => self.place.column += 1,
            _ => {}
        }
        self.at += 1;
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step();
        }
    }

    fn wrong(&self, message: impl Into<String>) -> Box<Problem> {
        Box::new(Problem::error("syntax", message).on(self.place))
    }

    fn unexpected(&self, expected: &str) -> Box<Problem> {
        match self.text[self.at..].chars().next() {
            Some(found) => self.wrong(format!(
                "expected {expected}, found `{}`",
                shorten(&found.to_string())
            )),
            None => self.wrong(format!("expected {expected}, but the document ends here")),
        }
    }

    /// `key` is the key the value belongs to.
    fn value(&mut self, key: Option<&str>) -> Read<Node> {
        let at = self.place;
        self.n_nodes += 1;
        if self.n_nodes > super::NODES_MAX {
            return Err(Box::new(super::too_many_values(at)));
        }
        let kind = match self.peek() {
            Some(b'{') => self.nested(|reader| reader.mapping(key))?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => Kind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Kind::Bool(true, "true".into()))?,
            Some(b'f') => self.word("false", Kind::Bool(false, "false".into()))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { at, kind })
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Read<Kind>) -> Read<Kind> {
        if self.depth == limits::DEPTH_MAX {
            return Err(Box::new(too_deep(self.place)));
        }
        self.depth += 1;
        self.step();
        self.blanks();
        let kind = read(self)?;
        self.depth -= 1;
        Ok(kind)
    }

    fn list(&mut self) -> Read<Kind> {
        let mut items = Vec::new();
        while self.peek() != Some(b']') {
            items.push(self.value(None)?);
            self.separator(b']')?;
        }
        self.step();
        Ok(Kind::List(items))
    }

    fn mapping(&mut self, key: Option<&str>) -> Read<Kind> {
        let is_large = self.depth == 2 && key.is_some_and(is_task_group);
        let mut entries = Entries::new();
        while self.peek() != Some(b'}') {
            let at = self.place;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.step();
            self.blanks();
            let n_before = self.n_nodes;
            let value = self.value(Some(&key))?;
            if is_large && entries.len() > limits::TASKS_MAX {
                self.n_dropped += 1;
                self.n_nodes = n_before;
            } else {
                match entries.entry(key) {
                    Entry::Occupied(first) => {
                        self.problems.push(duplicate_key(first.key(), at, first.get().0))
                    }
                    Entry::Vacant(slot) => {
                        slot.insert((at, value));
                    }
                }
            }
            self.separator(b'}')?;
        }
        self.step();
        Ok(Kind::Map(entries))
    }

    /// What may follow an item: a comma and another item, or the end.
    fn separator(&mut self, end: u8) -> Read<()> {
        self.blanks();
        match self.peek() {
            Some(b',') => {
                self.step();
                self.blanks();
                if self.peek() == Some(end) {
                    return Err(self.wrong("JSON allows no comma before the end; remove it"));
                }
                Ok(())
            }
            Some(byte) if byte == end => Ok(()),
            _ => Err(self.unexpected(if end == b'}' { "`,` or `}`" } else { "`,` or `]`" })),
        }
    }

    fn string(&mut self) -> Read<String> {
        let (from, place) = (self.at, self.place);
        self.step();
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.step();
                    if self.peek().is_some() {
                        self.step();
                    }
                }
                Some(0..=0x1F) => {
                    return Err(self.wrong("a text in JSON has no raw line breaks or tabs; write \\n or \\t"));
                }
                Some(_) => self.step(),
                None => {
                    return Err(Box::new(
                        Problem::error("syntax", "the text that begins here never ends").on(place),
                    ));
                }
            }
        }
        self.step();
        serde_json::from_str(&self.text[from..self.at]).map_err(|_| {
            Box::new(Problem::error("syntax", "the text that begins here has an invalid escape").on(place))
        })
    }

    fn number(&mut self) -> Read<Kind> {
        let (from, place) = (self.at, self.place);
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'e' | b'E')) {
            self.step();
        }
        let written = &self.text[from..self.at];
        if serde_json::from_str::<&serde_json::value::RawValue>(written).is_err() {
            let message = format!("`{}` is not a number as JSON writes them", shorten(written));
            return Err(Box::new(Problem::error("syntax", message).on(place)));
        }
        match number(written) {
            Ok(number) => Ok(Kind::Number(number, written.into())),
            Err(message) => {
                self.problems.push(Problem::error("number", message).on(place));
                Ok(Kind::Null)
            }
        }
    }

    fn word(&mut self, word: &str, kind: Kind) -> Read<Kind> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.unexpected("a value"));
        }
        for _ in 0..word.len() {
            self.step();
        }
        Ok(kind)
    }
}
