//! YAML 1.2 into a [`Node`] tree: scalars by the core schema (`no` is a text), anchors within a budget.

use std::borrow::Cow;

use granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, Tag};
use indexmap::map::Entry;
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::tree::{
    Entries, Kind, Node, Place, Reading, duplicate_key, is_task_group, number, shorten, too_deep,
};
use crate::limits;
use crate::problem::Problem;

/// Values that anchors and aliases may copy: enough for shared settings, too little for a bomb.
const COPIED_MAX: usize = 100_000;

/// A key may be as long as this; YAML's own limit of 1,024 is no use to a document that was JSON once.
const KEY_CHARS_MAX: usize = 16 * 1024;

/// Reads a text; `look` sees every event of it.
pub(super) fn read(text: &str, look: &mut dyn FnMut(&Event<'_>, &Span)) -> Reading {
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options()) {
        let done = match event {
            Ok((event, span)) => {
                look(&event, &span);
                builder.take(event, place(&span.start))
            }
            Err(error) => Err(Box::new(syntax(&error))),
        };
        if let Err(problem) = done {
            builder.reading.problems.push(*problem);
            builder.reading.root = None;
            return builder.reading;
        }
    }
    if builder.reading.root.is_none() && builder.reading.problems.is_empty() {
        let message = "the document is empty; a flow has at least `flow` and `tasks`";
        builder
            .reading
            .problems
            .push(Problem::error("syntax", message).on(Place { line: 1, column: 1 }));
    }
    builder.reading
}

fn options() -> Options {
    granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        simple_key_max_lookahead: KEY_CHARS_MAX,
        flow_nesting_limit: limits::DEPTH_MAX,
        block_nesting_limit: limits::DEPTH_MAX,
    }
}

fn place(marker: &Marker) -> Place {
    let from_one = |zero_based: usize| u32::try_from(zero_based).unwrap_or(u32::MAX).saturating_add(1);
    Place {
        line: from_one(marker.line().saturating_sub(1)),
        column: from_one(marker.col()),
    }
}

fn syntax(error: &ScanError) -> Problem {
    let at = place(error.marker());
    let message = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return too_deep(at),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => "YAML is indented with spaces; replace the tab here".to_owned(),
        ErrorKind::InvalidQuotedScalarIndent => {
            "a quoted text above goes on here; close its quote, or indent this line if it belongs to the text"
                .to_owned()
        }
        ErrorKind::UnclosedQuotedScalar => "a quoted text does not end; close its quote".to_owned(),
        ErrorKind::UnclosedFlowCollection { open } => format!("the `{open}` here is never closed"),
        ErrorKind::UnknownQuotedScalarEscape => {
            "this escape does not exist; in double quotes write \\\\ for a backslash, or use single quotes"
                .to_owned()
        }
        ErrorKind::UnexpectedCharacter {
            character: '@' | '`' | '%',
        }
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::SimpleKeyExpected => {
            "this is not YAML; a text with special characters needs quotes, a key needs `: ` after it"
                .to_owned()
        }
        ErrorKind::MappingValueNotAllowed => {
            "a mapping cannot begin here; check the indentation, and put a text that holds `: ` into quotes"
                .to_owned()
        }
        ErrorKind::ExpectedBlockMappingKey => {
            "expected the next key of the mapping; check the indentation of this line".to_owned()
        }
        other => format!("this is not YAML: {other}"),
    };
    Problem::error("syntax", message).on(at)
}

/// A collection that is still open.
struct Frame {
    at: Place,
    anchor: usize,
    kind: FrameKind,
}

enum FrameKind {
    List(Vec<Node>),
    Map {
        entries: Entries,
        /// The key whose value comes next, with its place; without a text if it cannot be a key.
        key: Option<(Option<String>, Place)>,
        /// Set on a group of tasks, whose entries beyond the limit are only counted.
        is_large: bool,
    },
}

#[derive(Default)]
struct Builder {
    reading: Reading,
    stack: Vec<Frame>,
    anchors: FxHashMap<usize, Node>,
    n_copied: usize,
    n_nodes: usize,
    n_documents: usize,
}

/// Boxed, since most are never made.
type Taken = Result<(), Box<Problem>>;

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Place) -> Taken {
        match event {
            Event::DocumentStart(..) => {
                self.n_documents += 1;
                if self.n_documents > 1 {
                    let message =
                        "a second document begins here; one text holds one flow, so put it into its own file";
                    return Err(Box::new(Problem::error("multiple_documents", message).on(at)));
                }
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::UnresolvedAlias(name) => {
                let message = format!(
                    "`*{}` refers to an anchor that does not stand above it",
                    shorten(&name)
                );
                self.reading
                    .problems
                    .push(Problem::error("unknown_anchor", message).on(at));
                self.push(Node::null(at), 0)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(text, style, tag.as_deref(), at);
                self.push(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(at, anchor, tag.as_deref(), "seq", FrameKind::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                let is_large = self.stack.len() == 1 && self.next_key().is_some_and(is_task_group);
                let kind = FrameKind::Map {
                    entries: Entries::new(),
                    key: None,
                    is_large,
                };
                self.open(at, anchor, tag.as_deref(), "map", kind)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            _ => Ok(()),
        }
    }

    fn next_key(&self) -> Option<&str> {
        match &self.stack.last()?.kind {
            FrameKind::Map {
                key: Some((Some(key), _)),
                ..
            } => Some(key),
            _ => None,
        }
    }

    fn open(
        &mut self,
        at: Place,
        anchor: usize,
        tag: Option<&Tag>,
        expected: &str,
        kind: FrameKind,
    ) -> Taken {
        if self.stack.len() == limits::DEPTH_MAX {
            return Err(Box::new(too_deep(at)));
        }
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema_tag(expected)) {
            self.unknown_tag(tag, at);
        }
        self.stack.push(Frame { at, anchor, kind });
        Ok(())
    }

    fn close(&mut self) -> Taken {
        let Some(Frame { at, anchor, kind }) = self.stack.pop() else {
            return Ok(());
        };
        let kind = match kind {
            FrameKind::List(items) => Kind::List(items),
            FrameKind::Map { entries, .. } => Kind::Map(entries),
        };
        self.push(Node { at, kind }, anchor)
    }

    /// Puts a finished node where it belongs.
    fn push(&mut self, node: Node, anchor: usize) -> Taken {
        self.n_nodes += 1;
        if self.n_nodes > super::NODES_MAX {
            return Err(Box::new(super::too_many_values(node.at)));
        }
        if anchor != 0 {
            self.copy(node.size(), node.at)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.stack.last_mut() else {
            self.reading.root = Some(node);
            return Ok(());
        };
        match &mut frame.kind {
            FrameKind::List(items) => items.push(node),
            FrameKind::Map {
                entries,
                key,
                is_large,
            } => match key.take() {
                None => *key = Some(self.reading.key(node)),
                Some((None, _)) => {}
                Some(_) if *is_large && entries.len() > limits::TASKS_MAX => {
                    self.reading.n_dropped += 1;
                    self.n_nodes = self.n_nodes.saturating_sub(node.size() + 1);
                }
                Some((Some(text), at)) => match entries.entry(text) {
                    Entry::Occupied(first) => {
                        self.reading
                            .problems
                            .push(duplicate_key(first.key(), at, first.get().0))
                    }
                    Entry::Vacant(slot) => {
                        slot.insert((at, node));
                    }
                },
            },
        }
        Ok(())
    }

    fn copy(&mut self, n_values: usize, at: Place) -> Taken {
        self.n_copied += n_values;
        if self.n_copied > COPIED_MAX {
            let message = format!(
                "anchors and aliases copy more than {COPIED_MAX} values; write them out or use fewer"
            );
            return Err(Box::new(Problem::error("too_large", message).on(at)));
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, at: Place) -> Taken {
        let Some(node) = self.anchors.get(&anchor) else {
            let message = "this alias stands inside the value it refers to; a value cannot hold itself";
            return Err(Box::new(Problem::error("unknown_anchor", message).on(at)));
        };
        let (size, height) = (node.size(), node.height());
        self.copy(size, at)?;
        if self.stack.len() + height > limits::DEPTH_MAX + 1 {
            return Err(Box::new(too_deep(at)));
        }
        // The copy tells its problems where it is used; its inner values where they were written.
        let node = self.anchors.get(&anchor).map(|node| Node {
            at,
            kind: node.kind.clone(),
        });
        self.n_nodes += size;
        node.map_or(Ok(()), |node| self.push(node, 0))
    }

    fn unknown_tag(&mut self, tag: &Tag, at: Place) {
        let message = format!(
            "the tag `{}` means nothing here; remove it",
            shorten(&tag.original())
        );
        self.reading
            .problems
            .push(Problem::error("unknown_tag", message).on(at));
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, at: Place) -> Node {
        let kind = match tag {
            None if style == ScalarStyle::Plain => plain(text),
            None => Ok(Kind::Text(text.into_owned())),
            Some(tag) if tag.is_yaml_core_schema_tag("str") => Ok(Kind::Text(text.into_owned())),
            Some(tag)
                if ["int", "float", "bool", "null"]
                    .iter()
                    .any(|known| tag.is_yaml_core_schema_tag(known)) =>
            {
                plain(text)
            }
            Some(tag) => {
                self.unknown_tag(tag, at);
                Ok(Kind::Null)
            }
        };
        let kind = kind.unwrap_or_else(|message| {
            self.reading
                .problems
                .push(Problem::error("number", message).on(at));
            Kind::Null
        });
        Node { at, kind }
    }
}

impl Reading {
    /// A node as a key, with its place.
    fn key(&mut self, node: Node) -> (Option<String>, Place) {
        let at = node.at;
        let text = match node.kind {
            Kind::Text(text) if text == "<<" => {
                let message = "`<<` merges mappings in YAML 1.1 only; write the entries out, or use an alias for a whole value";
                self.problems.push(Problem::error("syntax", message).on(at));
                None
            }
            Kind::Text(text) => Some(text),
            Kind::Bool(_, written) | Kind::Number(_, written) => Some(written.into()),
            Kind::Null => {
                self.problems
                    .push(Problem::error("syntax", "a key is missing before this `:`").on(at));
                None
            }
            Kind::List(_) | Kind::Map(_) => {
                let message =
                    "a key is a text, not a list or mapping; expressions in braces need quotes: \"{{ … }}\"";
                self.problems.push(Problem::error("syntax", message).on(at));
                None
            }
        };
        (text, at)
    }
}

/// The value of a plain scalar; one that cannot be kept is nothing.
pub(super) fn plain_value(text: &str) -> Value {
    let kind = plain(text.into()).unwrap_or(Kind::Null);
    let at = Place { line: 1, column: 1 };
    Node { at, kind }.to_value()
}

/// A plain scalar by the core schema of YAML 1.2.
fn plain(text: Cow<'_, str>) -> Result<Kind, String> {
    Ok(match &*text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true, text.into()),
        "false" | "False" | "FALSE" => Kind::Bool(false, text.into()),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" | "-.Inf" | "-.INF" | ".nan" | ".NaN" | ".NAN" => {
            return Err(format!(
                "{text} is no number that JSON knows; write it as a text in quotes"
            ));
        }
        written => match as_json_number(written) {
            Some(json) => Kind::Number(number(&json)?, text.into()),
            None => Kind::Text(text.into_owned()),
        },
    })
}

/// A number of the core schema in JSON's notation; `None` if the text is none.
fn as_json_number(text: &str) -> Option<String> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let sign = if negative { "-" } else { "" };
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(rest) = digits.strip_prefix(prefix) {
            let signed = digits.len() != text.len() || !rest.bytes().all(|byte| byte.is_ascii_hexdigit());
            return if signed {
                None
            } else {
                u64::from_str_radix(rest, radix)
                    .ok()
                    .map(|value| value.to_string())
            };
        }
    }
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole)
        || !fraction.is_none_or(all_digits)
        || (whole.is_empty() && fraction.is_none_or(str::is_empty))
    {
        return None;
    }
    let exponent = match exponent {
        None => String::new(),
        Some(power) => {
            let unsigned = power.strip_prefix(['-', '+']).unwrap_or(power);
            if unsigned.is_empty() || !all_digits(unsigned) {
                return None;
            }
            format!("e{power}")
        }
    };
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        trimmed => trimmed,
    };
    let fraction = fraction
        .filter(|fraction| !fraction.is_empty())
        .map(|fraction| format!(".{fraction}"))
        .unwrap_or_default();
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}
