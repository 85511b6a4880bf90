//! A text as a tree of pieces that know the bytes they stand at, for those who change a text in place.
//!
//! The same pass that reads a document makes the pieces of YAML, so both always see the same values. Nothing is left out: a key that
//! stands twice is here twice, and an alias is an alias.

mod json;
mod patched;
mod yaml;

use std::ops::Range;

use serde_json::Value;

use super::Format;
use crate::problem::Problem;

pub(super) use yaml::Pieces;
pub use yaml::properties_end;

/// A text that can be read, though it need not be a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// Its outermost value.
    pub root: Piece,
    /// The same without places, aliases replaced by what they stand for.
    pub value: Value,
}

/// A value in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Its first byte, after anchor and tag. Where nothing is written, the place where it would be.
    pub start: usize,
    /// The byte after its last; the line break that ends a block text is not part of it.
    pub end: usize,
    /// What it is.
    pub shape: Shape,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A text, number, truth value or nothing.
    Scalar(Scalar),
    /// A reference to an anchor.
    Alias,
    /// A list.
    List {
        /// Whether its items stand behind dashes, each on a line of its own.
        is_block: bool,
        /// Its items.
        items: Vec<Item>,
    },
    /// A mapping.
    Map {
        /// Whether its entries stand on lines of their own without braces.
        is_block: bool,
        /// Its entries, those with the same key as well.
        entries: Vec<Entry>,
    },
}

/// A value without parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// What is written, without quotes, escapes and indentation.
    pub text: String,
    /// The value it is read as.
    pub value: Value,
    /// How it is written.
    pub style: Style,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes; in JSON all that is no text.
    Plain,
    /// `'…'`.
    Single,
    /// `"…"`.
    Double,
    /// A block after `|`, which keeps line breaks.
    Literal,
    /// A block after `>`, which folds them.
    Folded,
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The byte of its dash, in a list of dashes.
    pub dash: Option<usize>,
    /// The item.
    pub value: Piece,
}

/// An entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// Its value.
    pub value: Piece,
}

/// A key of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The key; empty if it can be none.
    pub text: String,
    /// Its bytes, quotes included.
    pub span: Range<usize>,
    /// How it is written.
    pub style: Style,
    /// The byte after its colon; where no colon is written, the key's end.
    pub after: usize,
}

impl Piece {
    /// The entry of a mapping with this key, the first if there are several.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key.text == key)
    }

    /// The entries of a mapping; none if it is none.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.shape {
            Shape::Map { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The items of a list; none if it is none.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        match &self.shape {
            Shape::List { items, .. } => items,
            _ => &[],
        }
    }

    /// What stands one step further in: under a key, or at a number of a list.
    #[must_use]
    pub fn step(&self, step: &str) -> Option<&Self> {
        match &self.shape {
            Shape::Map { .. } => self.entry(step).map(|entry| &entry.value),
            Shape::List { items, .. } => items.get(step.parse::<usize>().ok()?).map(|item| &item.value),
            _ => None,
        }
    }

    /// What stands at a path of keys and numbers.
    #[must_use]
    pub fn find<S: AsRef<str>>(&self, path: &[S]) -> Option<&Self> {
        path.iter()
            .try_fold(self, |piece, step| piece.step(step.as_ref()))
    }

    /// The text it is, if it is a scalar that is read as a text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar(scalar) => scalar.value.as_str(),
            _ => None,
        }
    }

    /// The scalar it is.
    #[must_use]
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.shape {
            Shape::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Whether nothing is written there, or `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.value.is_null())
    }

    /// Whether its parts stand on lines of their own, without brackets.
    #[must_use]
    pub fn is_block(&self) -> bool {
        matches!(
            self.shape,
            Shape::List { is_block: true, .. } | Shape::Map { is_block: true, .. }
        )
    }
}

/// Reads a text as pieces.
///
/// # Errors
/// What is wrong with its syntax. Keys that stand twice, unknown tags and the like are no matter here.
pub fn outline(text: &str, format: Format) -> Result<Outline, Vec<Problem>> {
    let mut pieces = Pieces::default();
    let reading = super::read_with(text.as_bytes(), format, Some(&mut pieces));
    let Some(root) = reading.root else {
        return Err(reading.problems);
    };
    let piece = match format {
        Format::Yaml => pieces.finish(),
        Format::Json => Some(json::walk(text)),
    };
    match piece {
        Some(piece) => Ok(Outline {
            root: piece,
            value: root.to_value(),
        }),
        None => Err(reading.problems),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};

    use super::*;

    fn show(into: &mut String, text: &str, piece: &Piece, depth: usize) {
        let pad = "  ".repeat(depth);
        let raw = text[piece.start..piece.end].escape_debug();
        match &piece.shape {
            Shape::Scalar(scalar) => {
                let _ = writeln!(into, "{raw} {:?} = {}", scalar.style, scalar.value);
            }
            Shape::Alias => {
                let _ = writeln!(into, "{raw} alias");
            }
            Shape::List { is_block, items } => {
                let _ = writeln!(into, "list{}", if *is_block { " of lines" } else { "" });
                for item in items {
                    let dash = item.dash.map_or("", |dash| &text[dash..=dash]);
                    let _ = write!(into, "{pad}  {dash}| ");
                    show(into, text, &item.value, depth + 1);
                }
            }
            Shape::Map { is_block, entries } => {
                let _ = writeln!(into, "map{}", if *is_block { " of lines" } else { "" });
                for entry in entries {
                    let key = &text[entry.key.span.start..entry.key.after];
                    let _ = write!(into, "{pad}  {} ", key.escape_debug());
                    show(into, text, &entry.value, depth + 1);
                }
            }
        }
    }

    fn check(text: &str, format: Format, expected: Expect) {
        let outline = outline(text, format).expect("the text can be read");
        let mut shown = String::new();
        show(&mut shown, text, &outline.root, 0);
        expected.assert_eq(&shown);
    }

    #[test]
    fn every_way_to_write_yaml_has_its_bytes() {
        check(
            "# h\nflow: ü  # id\ntasks:\n  fetch: &a !!map\n    d: |\n      one\n\n      two\n\n    f: >-\n      x\n      y\n    p: plain\n      goes on\n    e:\n    with: { a: 1, b: [1, 2 ], c }\n    needs:\n    - a\n    -   task: b\n        on: x\n    - # none\n    -\n      z: 1\n    ? type\n    : noop\n    s: 'it''s'\n  al: *a\n# tail\n",
            Format::Yaml,
            expect![[r#"
                map of lines
                  flow: ü Plain = "ü"
                  tasks: map of lines
                    fetch: map of lines
                      d: |\n      one\n\n      two Literal = "one\n\ntwo\n"
                      f: >-\n      x\n      y Folded = "x y"
                      p: plain\n      goes on Plain = "plain goes on"
                      e:  Plain = null
                      with: map
                        a: 1 Plain = 1
                        b: list
                          | 1 Plain = 1
                          | 2 Plain = 2
                        c  Plain = null
                      needs: list of lines
                        -| a Plain = "a"
                        -| map of lines
                          task: b Plain = "b"
                          on: x Plain = "x"
                        -|  Plain = null
                        -| map of lines
                          z: 1 Plain = 1
                      type\n    : noop Plain = "noop"
                      s: \'it\'\'s\' Single = "it's"
                    al: *a alias
            "#]],
        );
    }

    #[test]
    fn json_has_its_bytes() {
        check(
            "\u{FEFF} {\"a\" : [1, \"\\u00fc\\\"\", {}], \"b\": null,\n \"c\": {\"d\": -1.5e3, \"e\": true}}\n",
            Format::Json,
            expect![[r#"
                map
                  \"a\" : list
                    | 1 Plain = 1
                    | \"\\u00fc\\\"\" Double = "ü\""
                    | map
                  \"b\": null Plain = null
                  \"c\": map
                    \"d\": -1.5e3 Plain = -1500.0
                    \"e\": true Plain = true
            "#]],
        );
    }
}
