//! A graph as a list: its tasks in an order in which they could run, and what each leads to. Pure.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use flow::{Plan, TaskIx};

use super::{TITLES, group_of, track};

/// A row of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    /// A group of tasks, as numbered; what follows belongs to it.
    Group(usize),
    /// A task.
    Task(TaskIx),
}

/// A row with its place among its like: from 1, of so many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// What it is.
    pub row: Row,
    /// 1, or 2 below a group.
    pub level: u8,
    /// The how-manieth of its level.
    pub position: usize,
    /// How many there are on its level, below the same group.
    pub n_siblings: usize,
}

/// The words of a group.
#[must_use]
pub fn title(group: usize) -> &'static str {
    TITLES.get(group).copied().unwrap_or_default()
}

/// The tasks in their order: what comes before others first, and as written where nothing says otherwise.
fn order(plan: &Plan) -> Vec<TaskIx> {
    let mut n_ups: Vec<usize> = plan.tasks.iter().map(|task| task.ups.len()).collect();
    let free = |(ix, n): (usize, &usize)| (*n == 0).then_some(Reverse(ix));
    let mut ready: BinaryHeap<Reverse<usize>> = n_ups.iter().enumerate().filter_map(free).collect();
    let mut order = Vec::with_capacity(n_ups.len());
    while let Some(Reverse(ix)) = ready.pop() {
        order.push(ix as TaskIx);
        for &edge in &plan.tasks[ix].downs {
            let to = plan.edge(edge).to as usize;
            n_ups[to] = n_ups[to].saturating_sub(1);
            if n_ups[to] == 0 {
                ready.push(Reverse(to));
            }
        }
    }
    order
}

/// All rows; of the groups in `closed` only their heads.
#[must_use]
pub fn rows(plan: &Plan, closed: &[usize]) -> Vec<Placed> {
    let mut groups: [Vec<TaskIx>; TITLES.len()] = Default::default();
    for ix in order(plan) {
        groups[group_of(plan.task(ix).role)].push(ix);
    }
    let [main, others @ ..] = groups;
    let n_top = main.len() + others.iter().filter(|tasks| !tasks.is_empty()).count();
    let mut rows: Vec<Placed> = Vec::with_capacity(plan.tasks.len() + others.len());
    let tasks = |tasks: Vec<TaskIx>, level: u8, n_siblings: usize| {
        let placed = tasks.into_iter().enumerate();
        placed.map(move |(at, ix)| Placed {
            row: Row::Task(ix),
            level,
            position: at + 1,
            n_siblings,
        })
    };
    let mut position = main.len();
    rows.extend(tasks(main, 1, n_top));
    for (at, members) in others.into_iter().enumerate() {
        if members.is_empty() {
            continue;
        }
        position += 1;
        rows.push(Placed {
            row: Row::Group(at + 1),
            level: 1,
            position,
            n_siblings: n_top,
        });
        if !closed.contains(&(at + 1)) {
            let n = members.len();
            rows.extend(tasks(members, 2, n));
        }
    }
    rows
}

/// What a task leads to: `then Size, Alert (on failed)`. No text if nothing comes after it.
#[must_use]
pub fn leads_to(plan: &Plan, ix: TaskIx) -> String {
    /// So many are named.
    const NAMED: usize = 4;
    let downs = &plan.task(ix).downs;
    let mut names: Vec<String> = downs
        .iter()
        .take(NAMED)
        .map(|&edge| {
            let edge = plan.edge(edge);
            let name = plan.name_of(edge.to);
            match track(plan, edge).label() {
                Some(label) => format!("{name} ({label})"),
                None => name,
            }
        })
        .collect();
    if downs.len() > NAMED {
        names.push(format!("{} more", downs.len() - NAMED));
    }
    match names.is_empty() {
        true => String::new(),
        false => format!("then {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::{Expect, expect};

    use super::*;

    fn check(tasks: serde_json::Value, closed: &[usize], expected: Expect) {
        let mut document = serde_json::json!({"flow": "f"});
        document
            .as_object_mut()
            .expect("is an object")
            .extend(tasks.as_object().expect("is one too").clone());
        let document = serde_json::from_value(document).expect("is a document");
        let plan = Plan::new(Arc::new(document));
        let told: String = rows(&plan, closed)
            .into_iter()
            .map(|placed| {
                let words = match placed.row {
                    Row::Group(group) => title(group).to_owned(),
                    Row::Task(ix) => format!("{} {}", plan.name_of(ix), leads_to(&plan, ix)),
                };
                let indent = "  ".repeat(usize::from(placed.level) - 1);
                let line = format!("{indent}{}/{} {words}", placed.position, placed.n_siblings);
                format!("{}\n", line.trim_end())
            })
            .collect();
        expected.assert_eq(&told);
    }

    #[test]
    fn what_comes_before_stands_before() {
        check(
            serde_json::json!({"tasks": {
                "last": {"type": "noop", "needs": ["size", {"task": "fetch", "on": "failed"}]},
                "size": {"type": "switch", "needs": ["fetch"]},
                "fetch": {"type": "noop", "name": "Fetch orders"},
                "alone": {"type": "noop"},
            }}),
            &[],
            expect![[r#"
                1/4 Fetch orders then last (on failed), size
                2/4 size then last
                3/4 last
                4/4 alone
            "#]],
        );
    }

    #[test]
    fn what_ends_a_run_stands_below_its_heading() {
        let tasks = serde_json::json!({
            "tasks": {"a": {"type": "noop"}},
            "finally": {"clean": {"type": "noop"}, "tell": {"type": "noop", "needs": ["clean"]}},
            "on_failure": {"alert": {"type": "noop"}},
        });
        check(
            tasks.clone(),
            &[],
            expect![[r#"
            1/3 a
            2/3 Finally: runs at the end, whatever happened
              1/2 clean then tell
              2/2 tell
            3/3 On failure: runs when the run failed
              1/1 alert
        "#]],
        );
        check(
            tasks,
            &[1],
            expect![[r#"
            1/3 a
            2/3 Finally: runs at the end, whatever happened
            3/3 On failure: runs when the run failed
              1/1 alert
        "#]],
        );
    }

    #[test]
    fn of_many_that_follow_some_are_named() {
        let mut tasks = serde_json::json!({"a": {"type": "noop"}});
        for n in 0..6 {
            tasks[format!("b{n}")] = serde_json::json!({"type": "noop", "needs": ["a"]});
        }
        check(
            serde_json::json!({"tasks": tasks}),
            &[],
            expect![[r#"
            1/7 a then b0, b1, b2, b3, 2 more
            2/7 b0
            3/7 b1
            4/7 b2
            5/7 b3
            6/7 b4
            7/7 b5
        "#]],
        );
    }
}
