//! Edges: whom a task may need, what may take an edge, and cycles.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Check, Group};
use crate::doc::{NeedDoc, TaskDoc};
use crate::limits;
use crate::plan::waiting_cases;

/// The words that are no case of a switch.
pub(super) const STATES: [&str; 5] = ["succeeded", "failed", "skipped", "cancelled", "always"];

/// The edges between known tasks of one flow, which form no cycle.
pub(super) struct Graph<'d> {
    pub(super) tasks: Vec<(Group, &'d str, &'d TaskDoc)>,
    /// For each task its valid edges: the upstream's number and the edge.
    pub(super) ups: Vec<Vec<(usize, &'d NeedDoc)>>,
    /// The tasks, upstreams first.
    pub(super) order: Vec<usize>,
}

/// Checks all edges; gives the graph if it has no cycle.
pub(super) fn check<'d>(check: &mut Check<'d>) -> Option<Graph<'d>> {
    let tasks: Vec<_> = check.tasks().collect();
    let n_edges: usize = tasks.iter().map(|(_, _, task)| task.needs.len()).sum();
    if n_edges > limits::EDGES_MAX {
        let max = limits::EDGES_MAX;
        check.error(
            "too_many_edges",
            "tasks",
            format!("the flow has {n_edges} edges, at most {max} are allowed"),
        );
        return None;
    }
    let numbers: FxHashMap<(&str, &str), usize> = tasks
        .iter()
        .enumerate()
        .map(|(ix, (group, id, _))| ((group.field(), *id), ix))
        .collect();
    let mut ups = Vec::with_capacity(tasks.len());
    for (group, id, task) in &tasks {
        let mut edges = Vec::with_capacity(task.needs.len());
        let mut seen = FxHashSet::default();
        for (at, need) in task.needs.iter().enumerate() {
            let path = format!("{}.needs[{at}]", group.path(id));
            if need.task() == *id {
                check.error(
                    "self_edge",
                    path,
                    format!("`{id}` needs itself; remove this edge"),
                );
            } else if let Some(&up) = numbers.get(&(group.field(), need.task())) {
                words(check, &path, need, tasks[up].2);
                if seen.insert((need.task(), sorted_on(need), need.when())) {
                    edges.push((up, need));
                } else {
                    let message = format!(
                        "this edge from `{}` stands here twice; remove one of them",
                        need.task()
                    );
                    check.error("duplicate_edge", path, message);
                }
            } else {
                unknown(check, *group, &path, need);
            }
        }
        ups.push(edges);
    }
    let order = order(&ups);
    if order.len() < tasks.len() {
        cycles(check, &tasks, &ups);
        return None;
    }
    Some(Graph { tasks, ups, order })
}

/// The words of an edge as a set.
fn sorted_on(need: &NeedDoc) -> Vec<&str> {
    let mut on = need.on();
    on.sort_unstable();
    on.dedup();
    on
}

fn task_field(path: &str, need: &NeedDoc) -> String {
    match need {
        NeedDoc::Task(_) => path.to_owned(),
        NeedDoc::Edge(_) => format!("{path}.task"),
    }
}

fn unknown(check: &mut Check<'_>, group: Group, path: &str, need: &NeedDoc) {
    let name = need.task();
    let field = task_field(path, need);
    if let Some(other) = Group::ALL
        .into_iter()
        .find(|other| *other != group && other.of(check.doc).contains_key(name))
    {
        let why = match other {
            Group::Main => "all tasks of `tasks` have ended by then, so the edge is not needed",
            Group::Finally | Group::OnFailure => "those run only after it",
        };
        let (own, other) = (group.field(), other.field());
        check.error(
            "other_group",
            field,
            format!("`{name}` is a task of `{other}`; tasks of `{own}` need only each other: {why}"),
        );
        return;
    }
    let doc = check.doc;
    let guess = check
        .suggester
        .did_you_mean(name, group.of(doc).keys().map(String::as_str));
    check.error(
        "unknown_task",
        field,
        format!("there is no task `{}`{guess}", name.escape_debug()),
    );
}

fn words(check: &mut Check<'_>, path: &str, need: &NeedDoc, up: &TaskDoc) {
    let NeedDoc::Edge(edge) = need else { return };
    let Some(on) = &edge.on else { return };
    let field = format!("{path}.on");
    if on.as_slice().is_empty() {
        check.error(
            "unknown_on",
            field,
            "`on` is empty, so nothing could take this edge; name an outcome or leave `on` out",
        );
        return;
    }
    // What each item or iteration took says nothing of their task.
    let is_spread = up.for_each.is_some() || up.is_loop();
    let own: &[&str] = if is_spread {
        &[]
    } else {
        waiting_cases(&up.task_type)
    };
    let known = up.cases();
    for word in on.as_slice().iter().map(String::as_str) {
        if STATES.contains(&word)
            || own.contains(&word)
            || known.as_ref().is_some_and(|known| known.contains(&word))
        {
            continue;
        }
        let shown = word.escape_debug();
        if up.task_type != "switch" {
            let guess = check
                .suggester
                .did_you_mean(word, STATES.iter().chain(own).copied());
            let all: Vec<&str> = STATES.iter().chain(own).copied().collect();
            let message = format!(
                "`{shown}` is no outcome{guess}; write {}, or a case if `{}` were a switch",
                all.join(", "),
                need.task()
            );
            check.error("unknown_on", field.clone(), message);
        } else if let Some(known) = &known {
            let guess = check
                .suggester
                .did_you_mean(word, known.iter().copied().chain(STATES));
            let message = format!(
                "the switch `{}` has no case `{shown}`{guess}; its cases are {}",
                need.task(),
                known.join(", ")
            );
            check.error("unknown_case", field.clone(), message);
        }
    }
}

/// The tasks, upstreams first, as far as no cycle holds them.
fn order(ups: &[Vec<(usize, &NeedDoc)>]) -> Vec<usize> {
    let mut downs: Vec<Vec<usize>> = vec![Vec::new(); ups.len()];
    let mut open: Vec<usize> = ups.iter().map(Vec::len).collect();
    for (task, edges) in ups.iter().enumerate() {
        for (up, _) in edges {
            downs[*up].push(task);
        }
    }
    let mut order: Vec<usize> = (0..ups.len()).filter(|task| open[*task] == 0).collect();
    let mut next = 0;
    while let Some(&task) = order.get(next) {
        next += 1;
        for &down in &downs[task] {
            open[down] -= 1;
            if open[down] == 0 {
                order.push(down);
            }
        }
    }
    order
}

/// Tells one way round for each knot of tasks that wait for each other.
fn cycles(check: &mut Check<'_>, tasks: &[(Group, &str, &TaskDoc)], ups: &[Vec<(usize, &NeedDoc)>]) {
    for knot in knots(ups) {
        let way = way_round(&knot, ups);
        let mut names: Vec<&str> = way.iter().map(|task| tasks[*task].1).collect();
        names.extend(names.first().copied());
        let (group, id, _) = tasks[way[0]];
        // The edge that closes the round: the first task needs the last one.
        let last = way[way.len() - 1];
        let at = tasks[way[0]]
            .2
            .needs
            .iter()
            .position(|need| need.task() == tasks[last].1)
            .unwrap_or(0);
        let mut message = format!(
            "these tasks wait for each other: {}; remove one of the edges",
            shown(&names)
        );
        if knot.len() > way.len() {
            message.push_str(&format!(" ({} tasks are caught in this knot)", knot.len()));
        }
        check.error("cycle", format!("{}.needs[{at}]", group.path(id)), message);
    }
}

/// `a -> b -> a`, with the middle left out of a long one.
fn shown(names: &[&str]) -> String {
    const SHOWN: usize = 20;
    if names.len() <= SHOWN {
        return names.join(" -> ");
    }
    let (head, tail) = (&names[..SHOWN / 2], &names[names.len() - SHOWN / 2..]);
    format!(
        "{} -> … {} more … -> {}",
        head.join(" -> "),
        names.len() - SHOWN,
        tail.join(" -> ")
    )
}

/// The strongly connected components of more than one task, each in document order (Tarjan's way, without recursion).
fn knots(ups: &[Vec<(usize, &NeedDoc)>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let mut index = vec![NEW; ups.len()];
    let mut low = vec![0; ups.len()];
    let mut is_open = vec![false; ups.len()];
    let mut open = Vec::new();
    let mut knots = Vec::new();
    let mut n_seen = 0;
    for root in 0..ups.len() {
        if index[root] != NEW {
            continue;
        }
        let mut calls = vec![(root, 0)];
        while let Some((task, edge)) = calls.pop() {
            if edge == 0 {
                (index[task], low[task]) = (n_seen, n_seen);
                n_seen += 1;
                open.push(task);
                is_open[task] = true;
            } else {
                // Back from the upstream visited last.
                low[task] = low[task].min(low[ups[task][edge - 1].0]);
            }
            let next = ups[task][edge..].iter().position(|(up, _)| {
                if is_open[*up] {
                    low[task] = low[task].min(index[*up]);
                }
                index[*up] == NEW
            });
            if let Some(next) = next {
                calls.push((task, edge + next + 1));
                calls.push((ups[task][edge + next].0, 0));
            } else if low[task] == index[task] {
                let from = open.iter().rposition(|other| *other == task).unwrap_or(0);
                let mut knot = open.split_off(from);
                for member in &knot {
                    is_open[*member] = false;
                }
                knot.sort_unstable();
                if knot.len() > 1 {
                    knots.push(knot);
                }
            }
        }
    }
    knots.sort_unstable();
    knots
}

/// A shortest way from the knot's first task back to it, in the direction of the edges.
fn way_round(knot: &[usize], ups: &[Vec<(usize, &NeedDoc)>]) -> Vec<usize> {
    let first = knot[0];
    let members: FxHashSet<usize> = knot.iter().copied().collect();
    // Which task was reached from which, going against the edges.
    let mut downstream: FxHashMap<usize, usize> = FxHashMap::default();
    let mut queue = vec![first];
    let mut next = 0;
    while let Some(&task) = queue.get(next) {
        next += 1;
        for (up, _) in ups[task].iter().filter(|(up, _)| members.contains(up)) {
            if *up == first {
                // `first -> … -> task` has been found; `task` lists who needs whom from here down to the first.
                let mut way = vec![first];
                let mut at = task;
                while at != first {
                    way.push(at);
                    at = downstream.get(&at).copied().unwrap_or(first);
                }
                return way;
            }
            if *up != first && !downstream.contains_key(up) {
                downstream.insert(*up, task);
                queue.push(*up);
            }
        }
    }
    knot.to_vec()
}
