//! Where the fields of a document stand in its text.

use super::tree::{Kind, Node, Place};
use crate::problem::Problem;

/// The places of a text's values, found by paths such as `tasks.fetch.needs[0].on` or `labels["a.b"]`.
#[derive(Clone, Debug)]
pub struct Places {
    root: Option<Node>,
}

impl Places {
    pub(crate) fn new(root: Option<Node>) -> Self {
        Self { root }
    }

    /// Where the value at `path` stands; if it does not exist, its nearest ancestor. A list or mapping is found by its key.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Place> {
        let mut node = self.root.as_ref()?;
        let mut at = node.at;
        for step in (Steps { rest: path }) {
            let (place, next) = match (&node.kind, &step) {
                (Kind::Map(entries), Step::Key(key)) => match entries.get(key.as_str()) {
                    Some((key_at, next)) => (if is_collection(next) { *key_at } else { next.at }, next),
                    None => break,
                },
                (Kind::List(items), Step::Index(index)) => match items.get(*index) {
                    Some(next) => (next.at, next),
                    None => break,
                },
                // `needs.0` is a list's item as well.
                (Kind::List(items), Step::Key(key)) => {
                    match key.parse::<usize>().ok().and_then(|index| items.get(index)) {
                        Some(next) => (next.at, next),
                        None => break,
                    }
                }
                _ => break,
            };
            at = place;
            node = next;
        }
        Some(at)
    }

    /// Gives each problem that has a field and no place yet the place of that field, and the task it stands in.
    pub fn locate(&self, problems: &mut [Problem]) {
        for problem in problems {
            let Some(field) = &problem.field else { continue };
            if problem.task.is_none() {
                problem.task = task_of(field);
            }
            if problem.line.is_none()
                && let Some(place) = self.find(field)
            {
                problem.line = Some(place.line);
                problem.column = Some(place.column);
            }
        }
    }
}

fn is_collection(node: &Node) -> bool {
    matches!(node.kind, Kind::List(_) | Kind::Map(_) | Kind::Null)
}

/// The task in whose description `path` lies.
pub(crate) fn task_of(path: &str) -> Option<String> {
    let mut steps = Steps { rest: path };
    match (steps.next()?, steps.next()?) {
        (Step::Key(group), Step::Key(task)) if super::tree::is_task_group(&group) => Some(task),
        _ => None,
    }
}

/// The path of `key` in the mapping at `path`: `a.b`, or `a["b c"]` if the key is not a plain word.
#[must_use]
pub fn join(path: &str, key: &str) -> String {
    let is_word = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !is_word {
        format!("{path}[{}]", serde_json::Value::from(key))
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

enum Step {
    Key(String),
    Index(usize),
}

/// A path, step by step; ends early at what is no path.
struct Steps<'p> {
    rest: &'p str,
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let rest = self.rest.strip_prefix('.').unwrap_or(self.rest);
        if let Some(inner) = rest.strip_prefix('[') {
            if inner.starts_with('"') {
                let mut texts = serde_json::Deserializer::from_str(inner).into_iter::<String>();
                let key = texts.next()?.ok()?;
                self.rest = inner[texts.byte_offset()..].strip_prefix(']')?;
                return Some(Step::Key(key));
            }
            let (index, after) = inner.split_once(']')?;
            self.rest = after;
            return index.parse().ok().map(Step::Index);
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        if end == 0 {
            return None;
        }
        self.rest = &rest[end..];
        Some(Step::Key(rest[..end].to_owned()))
    }
}
