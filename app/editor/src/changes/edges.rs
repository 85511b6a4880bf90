//! Edges: entries of `needs`.

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::{path, section_of, shown};
use crate::model::Edge;
use crate::refusal::Refusal;
use crate::text::draft::Draft;

/// An edge as an entry of `needs`: short where it can be.
pub(crate) fn need(edge: &Edge) -> Value {
    if edge.on.is_empty() && edge.when.is_none() {
        return Value::from(edge.from.as_str());
    }
    let mut need = Map::new();
    need.insert("task".to_owned(), Value::from(edge.from.as_str()));
    match edge.on.as_slice() {
        [] => {}
        [one] => drop(need.insert("on".to_owned(), Value::from(one.as_str()))),
        many => drop(need.insert("on".to_owned(), Value::from(many))),
    }
    if let Some(when) = &edge.when {
        need.insert("when".to_owned(), Value::from(when.as_str()));
    }
    Value::Object(need)
}

/// The upstream an entry of `needs` names.
pub(crate) fn upstream(need: &Value) -> Option<&str> {
    need.as_str().or_else(|| need.get("task")?.as_str())
}

/// The entries of `needs` of a task.
pub(super) fn needs<'d>(draft: &'d Draft, section: &str, task: &str) -> &'d [Value] {
    let needs = draft.get(&path(&[section, task, "needs"]));
    needs.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The numbers of the entries of a task's `needs` that say an edge.
pub(super) fn positions(draft: &Draft, section: &str, edge: &Edge) -> Vec<usize> {
    let needs = needs(draft, section, &edge.to).iter().enumerate();
    needs
        .filter(|(_, need)| is_same(need, edge))
        .map(|(at, _)| at)
        .collect()
}

/// A new edge. `strict` refuses cycles.
pub(super) fn connect(draft: &mut Draft, edge: &Edge, strict: bool) -> Result<(), Refusal> {
    let section = fits(draft, edge)?;
    if strict && let Some(cycle) = cycle(draft, section, edge) {
        return Err(Refusal::new(
            "cycle",
            format!(
                "the edge {} would close a circle: {}; remove one of its edges first",
                shown(edge),
                cycle.join(" → ")
            ),
        ));
    }
    let same = needs(draft, section, &edge.to)
        .iter()
        .any(|old| is_same(old, edge));
    if same {
        let message = format!("the edge {} is there already", shown(edge));
        return Err(Refusal::new("duplicate_edge", message));
    }
    add(draft, section, &edge.to, None, &need(edge))
}

/// Whether an entry of `needs` of an edge's downstream says that edge.
fn is_same(need: &Value, edge: &Edge) -> bool {
    Edge::of(need, &edge.to).is_some_and(|there| there.is_same(edge))
}

/// The section both ends of an edge stand in.
fn fits(draft: &Draft, edge: &Edge) -> Result<&'static str, Refusal> {
    let (from, to) = (section_of(draft, &edge.from)?, section_of(draft, &edge.to)?);
    if edge.from == edge.to {
        let message = format!("`{}` cannot wait for itself", edge.to);
        return Err(Refusal::new("self_edge", message));
    }
    if from != to {
        return Err(Refusal::new(
            "other_section",
            format!(
                "`{}` stands in `{from}` and `{}` in `{to}`; edges stay within one of them, and `{}` comes after all of `tasks` anyway",
                edge.from,
                edge.to,
                if to == "tasks" { &edge.from } else { &edge.to }
            ),
        ));
    }
    Ok(to)
}

/// The circle that an edge would close: from its downstream along the edges to its upstream.
fn cycle(draft: &Draft, section: &str, edge: &Edge) -> Option<Vec<String>> {
    let tasks = draft.get(&path(&[section]))?.as_object()?;
    // Against the edges from the upstream: whom it waits for, and through whom.
    let mut through: FxHashMap<&str, &str> = FxHashMap::default();
    let mut queue = vec![edge.from.as_str()];
    let mut next = 0;
    while let Some(&task) = queue.get(next) {
        next += 1;
        let needs = tasks.get(task).and_then(|task| task.get("needs")?.as_array());
        for up in needs.into_iter().flatten().filter_map(upstream) {
            if up == edge.to {
                let mut way = vec![edge.from.clone(), edge.to.clone()];
                let mut at = task;
                while at != edge.from {
                    way.push(at.to_owned());
                    at = through.get(at).copied().unwrap_or(edge.from.as_str());
                }
                way.push(edge.from.clone());
                return Some(way);
            }
            if up != edge.from && tasks.contains_key(up) && !through.contains_key(up) {
                through.insert(up, task);
                queue.push(up);
            }
        }
    }
    None
}

/// Puts an entry into `needs`, at the end unless a number is given.
pub(super) fn add(
    draft: &mut Draft,
    section: &str,
    to: &str,
    at: Option<usize>,
    need: &Value,
) -> Result<(), Refusal> {
    let list = path(&[section, to, "needs"]);
    match draft.get(&list) {
        None | Some(Value::Null) => draft.set(&list, &Value::Array(vec![need.clone()])),
        Some(Value::Array(needs)) if needs.is_empty() => draft.set(&list, &Value::Array(vec![need.clone()])),
        Some(Value::Array(needs)) => {
            let at = at.unwrap_or(needs.len());
            draft.insert_item(&list, at, need)
        }
        Some(_) => Err(Refusal::new(
            "no_list",
            format!("`needs` of `{to}` is no list; write it as one in the text, such as `needs: [fetch]`"),
        )),
    }
}

pub(super) fn disconnect(draft: &mut Draft, edge: &Edge) -> Result<(), Refusal> {
    let to = edge.to.as_str();
    let section = section_of(draft, to)?;
    let positions = positions(draft, section, edge);
    if positions.is_empty() {
        return Err(no_edge(edge));
    }
    for at in positions.iter().rev() {
        let at = at.to_string();
        draft.prune(&path(&[section, to, "needs", &at]), 3)?;
    }
    Ok(())
}

pub(super) fn no_edge(edge: &Edge) -> Refusal {
    Refusal::new(
        "unknown_edge",
        format!(
            "there is no such edge {}; it may have been changed meanwhile",
            shown(edge)
        ),
    )
}

pub(super) fn reconnect(draft: &mut Draft, old: &Edge, new: &Edge) -> Result<(), Refusal> {
    let (from, to) = (old.from.as_str(), old.to.as_str());
    let section = section_of(draft, to)?;
    let Some(&at) = positions(draft, section, old).first() else {
        return Err(no_edge(old));
    };
    let item = path(&[section, to, "needs", &at.to_string()]);
    let old = draft.get(&item).cloned().unwrap_or_default();
    let mut written = need(new);
    if let Some(handles) = old.get("handles") {
        if written.is_string() {
            written = Value::Object([("task".to_owned(), written)].into_iter().collect());
        }
        written["handles"] = handles.clone();
    }
    if to == new.to {
        let section = fits(draft, new)?;
        let others = needs(draft, section, to).iter().enumerate();
        let mut others = others.filter(|(other, _)| *other != at);
        if others.any(|(_, other)| is_same(other, new)) {
            let message = format!("the edge {} is there already", shown(new));
            return Err(Refusal::new("duplicate_edge", message));
        }
        if from != new.from
            && let Some(cycle) = cycle(draft, section, new)
        {
            let message = format!(
                "the edge {} would close a circle: {}",
                shown(new),
                cycle.join(" → ")
            );
            return Err(Refusal::new("cycle", message));
        }
        return draft.set(&item, &written);
    }
    draft.prune(&item, 3)?;
    connect(draft, new, true)?;
    if written.get("handles").is_some() {
        let at = needs(draft, section, &new.to).len().saturating_sub(1).to_string();
        draft.set(&path(&[section, &new.to, "needs", &at]), &written)?;
    }
    Ok(())
}
