//! The same edits on plain values: what an edited text is to be read as.

use serde_json::{Map, Value};

/// A place in a document: names of fields, and numbers of list items as texts.
pub(crate) type Path = [String];

pub(crate) fn get_mut<'v>(value: &'v mut Value, path: &Path) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(map) => map.get_mut(step),
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    })
}

pub(crate) fn get<'v>(value: &'v Value, path: &Path) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Takes what stands at a path out of its mapping or list.
pub(super) fn remove(root: &mut Value, path: &Path) -> Option<Value> {
    let (last, parent) = path.split_last()?;
    match get_mut(root, parent)? {
        Value::Object(map) => map.shift_remove(last),
        Value::Array(items) => {
            let at = last.parse::<usize>().ok().filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        _ => None,
    }
}

/// Gives a key another name, in its place.
pub(super) fn rename(map: &mut Map<String, Value>, from: &str, to: &str) {
    let renamed = std::mem::take(map).into_iter().map(|(key, value)| {
        let key = if key == from { to.to_owned() } else { key };
        (key, value)
    });
    *map = renamed.collect();
}

/// Puts entries into a mapping before the entry number `at`.
pub(super) fn insert(map: &mut Map<String, Value>, at: usize, new: &[(String, Value)]) {
    let mut old = std::mem::take(map).into_iter();
    let head: Vec<_> = old.by_ref().take(at).collect();
    *map = head.into_iter().chain(new.iter().cloned()).chain(old).collect();
}

/// The mappings around `value` that a path still needs: `a.b` makes `{a: {b: value}}`, and a first item makes its list.
pub(super) fn nested(path: &Path, value: Value) -> Value {
    path.iter().rev().fold(value, |value, step| match step.as_str() {
        "0" => Value::Array(vec![value]),
        step => Value::Object([(step.to_owned(), value)].into_iter().collect()),
    })
}
