//! Tasks that can never start, as far as the drawing alone tells it.
//!
//! For each task it is worked out which cases its switches must have taken if it ran. A task that waits for two cases of one
//! switch with `join: all`, the usual slip where branches meet again, is always skipped.

use super::Check;
use super::edges::Graph;
use crate::doc::{Join, NeedDoc, TaskDoc};
use crate::plan::waiting_cases;

/// Switches remembered for one task; beyond it the answer is "perhaps", which tells nothing wrong.
const SWITCHES_MAX: usize = 16;

/// Whether a task can start, and then which cases were taken: per switch those that remain possible.
#[derive(Clone, Default)]
struct Ran<'d> {
    can_start: bool,
    took: Vec<(usize, Vec<&'d str>)>,
}

pub(super) fn check<'d>(check: &mut Check<'d>, graph: &Graph<'d>) {
    let mut ran: Vec<Ran<'d>> = vec![Ran::default(); graph.tasks.len()];
    for &task in &graph.order {
        let (group, id, doc) = graph.tasks[task];
        let edges = &graph.ups[task];
        let judged = match doc.join {
            _ if edges.is_empty() => Ok(Ran {
                can_start: true,
                took: Vec::new(),
            }),
            Join::All => all(graph, &ran, edges),
            Join::Any | Join::Settled => any(graph, &ran, edges),
        };
        match judged {
            Ok(able) => ran[task] = able,
            Err(None) => {}
            Err(Some(why)) => {
                check.warning(
                    "never_starts",
                    format!("{}.needs", group.path(id)),
                    format!("`{id}` can never start: {why}"),
                );
            }
        }
    }
}

/// A reason, or none if that was told of an upstream already.
type Never = Option<String>;

/// The outcomes a task may have, cases instead of `succeeded` for a switch whose cases are known.
fn outcomes(task: &TaskDoc, can_start: bool) -> Vec<&str> {
    let mut outcomes = vec!["skipped", "cancelled"];
    if can_start {
        if task.disabled {
            outcomes.push("succeeded");
            return outcomes;
        }
        outcomes.push("failed");
        match task.cases() {
            _ if task.task_type == "fail" => {}
            Some(cases) => outcomes.extend(cases),
            None => outcomes.push("succeeded"),
        }
    }
    outcomes
}

/// Those of an upstream's outcomes that take the edge.
fn taking<'d>(up: &'d TaskDoc, can_start: bool, need: &NeedDoc) -> Vec<&'d str> {
    let words = need.on();
    // What cannot be judged, a computed case or a wrong word, may be anything.
    if words.is_empty() {
        return outcomes(up, can_start);
    }
    let is_open =
        !up.disabled && up.cases().is_none() && words.iter().any(|word| !super::edges::STATES.contains(word));
    outcomes(up, can_start)
        .into_iter()
        .filter(|outcome| {
            let is_success = !["skipped", "cancelled", "failed"].contains(outcome);
            // What a waiting task's own words say may be a failure or not.
            let is_either = *outcome == "failed"
                && words
                    .iter()
                    .any(|word| waiting_cases(&up.task_type).contains(word));
            is_either
                || words.contains(outcome)
                || words.contains(&"always")
                || (is_success && (is_open || words.contains(&"succeeded")))
        })
        .collect()
}

/// What is known if the upstream had one of `outcomes`.
fn known<'d>(
    graph: &Graph<'d>,
    ran: &[Ran<'d>],
    up: usize,
    outcomes: &[&'d str],
) -> Vec<(usize, Vec<&'d str>)> {
    if outcomes
        .iter()
        .any(|outcome| ["skipped", "cancelled"].contains(outcome))
    {
        return Vec::new();
    }
    let mut took = ran[up].took.clone();
    if !outcomes.contains(&"failed") && graph.tasks[up].2.cases().is_some() && took.len() < SWITCHES_MAX {
        took.push((up, outcomes.to_vec()));
    }
    took
}

/// `join: all`: every edge must be taken.
fn all<'d>(graph: &Graph<'d>, ran: &[Ran<'d>], edges: &[(usize, &NeedDoc)]) -> Result<Ran<'d>, Never> {
    let mut took: Vec<(usize, Vec<&'d str>)> = Vec::new();
    for (at, (up, need)) in edges.iter().enumerate() {
        let (_, id, task) = graph.tasks[*up];
        let mut outcomes = taking(task, ran[*up].can_start, need);
        if outcomes.is_empty() {
            let why = if task.disabled {
                "is switched off: it succeeds without a case, and never fails"
            } else {
                "always fails"
            };
            return Err(ran[*up]
                .can_start
                .then(|| format!("`{id}` {why}, so this edge is never taken")));
        }
        for (_, other) in edges[..at]
            .iter()
            .take(SWITCHES_MAX)
            .filter(|(other, _)| other == up)
        {
            let others = taking(task, ran[*up].can_start, other);
            outcomes.retain(|outcome| others.contains(outcome));
        }
        if outcomes.is_empty() {
            return Err(Some(format!(
                "its edges from `{id}` exclude each other, and `join: all` wants both; use `join: any`, or one edge with a list in `on`"
            )));
        }
        for (switch, cases) in known(graph, ran, *up, &outcomes) {
            if let Some((_, left)) = took.iter_mut().find(|(other, _)| *other == switch) {
                left.retain(|case| cases.contains(case));
            } else if took.len() < SWITCHES_MAX {
                took.push((switch, cases));
            }
        }
        if let Some((switch, _)) = took.iter().find(|(_, left)| left.is_empty()) {
            return Err(Some(format!(
                "`join: all` wants branches of different cases of the switch `{}`, which takes only one; use `join: any` where they meet",
                graph.tasks[*switch].1
            )));
        }
    }
    Ok(Ran {
        can_start: true,
        took,
    })
}

/// `join: any` and `settled`: one taken edge is enough.
fn any<'d>(graph: &Graph<'d>, ran: &[Ran<'d>], edges: &[(usize, &NeedDoc)]) -> Result<Ran<'d>, Never> {
    let mut took: Option<Vec<(usize, Vec<&'d str>)>> = None;
    let mut is_told = false;
    for (up, need) in edges {
        let outcomes = taking(graph.tasks[*up].2, ran[*up].can_start, need);
        if outcomes.is_empty() {
            is_told |= !ran[*up].can_start;
            continue;
        }
        let known = known(graph, ran, *up, &outcomes);
        took = Some(match took {
            None => known,
            // Only what holds whichever edge was taken.
            Some(mut took) => {
                took.retain_mut(|(switch, cases)| {
                    let Some((_, more)) = known.iter().find(|(other, _)| other == switch) else {
                        return false;
                    };
                    cases.extend(
                        more.iter()
                            .filter(|case| !cases.contains(case))
                            .copied()
                            .collect::<Vec<_>>(),
                    );
                    true
                });
                took
            }
        });
    }
    match took {
        Some(took) => Ok(Ran {
            can_start: true,
            took,
        }),
        None if is_told => Err(None),
        None => Err(Some("none of its edges can be taken".to_owned())),
    }
}
