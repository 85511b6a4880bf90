//! Which tasks decided how long a run took, and how much later every other could have ended.

use flow::plan::Role;
use flow::run::{EdgeState, RunState};
use flow::{TaskIx, Timestamp};

/// For each task, as numbered by the plan: how much later it could have ended without anything after it beginning later, in
/// milliseconds. Zero is the critical path. None for what has not ended or did not run.
///
/// Only what happened counts: an edge that was not taken held nobody up, nor did one whose task began without it. What runs at the end
/// has no edges: it waits for all that comes before the end, undo tasks each for the one before it.
#[must_use]
pub fn slack(state: &RunState) -> Vec<Option<u64>> {
    let plan = state.plan();
    let n = plan.tasks.len();
    let ended: Vec<Option<Timestamp>> = (0..n).map(|ix| ended_at(state, ix as TaskIx)).collect();
    let Some(end) = ended.iter().flatten().max().copied() else {
        return vec![None; n];
    };
    let steps = Steps::of(state, &ended);
    let mut slack: Vec<Option<u64>> = vec![None; n];
    // Later ones first, so that what comes after a task is known before it. Those that began last stand first among equals.
    let mut order: Vec<usize> = (0..n).filter(|&ix| ended[ix].is_some()).collect();
    order.sort_by_key(|&ix| std::cmp::Reverse((ended[ix], began_at(state, ix as TaskIx))));
    let mut visited = vec![false; n];
    for ix in order {
        settle((state, &steps), ix, end, &ended, &mut slack, &mut visited);
    }
    slack
}

/// What ran at the end, step by step: undo tasks, `finally`, `on_failure`. Of each step its tasks by when they began.
struct Steps {
    steps: [Vec<(Timestamp, usize)>; 3],
    /// When tasks ended, with when they began; in the order of their ends.
    ends: Vec<(Timestamp, Timestamp)>,
}

impl Steps {
    fn of(state: &RunState, ended: &[Option<Timestamp>]) -> Self {
        let mut steps = [const { Vec::new() }; 3];
        for (ix, task) in state.plan().tasks.iter().enumerate() {
            let began = began_at(state, ix as TaskIx).filter(|_| ended[ix].is_some());
            if let Some((step, began)) = step(task.role).zip(began) {
                steps[step].push((began, ix));
            }
        }
        steps.iter_mut().for_each(|step| step.sort_unstable());
        let n_at_end: usize = steps.iter().map(Vec::len).sum();
        let times = |ix: usize| ended[ix].zip(began_at(state, ix as TaskIx));
        let mut ends: Vec<_> = match n_at_end {
            0 => Vec::new(),
            _ => (0..ended.len()).filter_map(times).collect(),
        };
        ends.sort_unstable();
        Self { steps, ends }
    }

    /// The first task that began once this one, and all beside it, had ended, where no edge says so; and how long this one had
    /// ended before the last of those.
    fn next(&self, role: Role, ended: Timestamp) -> Option<(usize, u64)> {
        let own = step(role);
        let later = match role {
            // Each takes its turn.
            Role::Undo(_) => 0,
            _ => own.map_or(0, |own| own + 1),
        };
        let (began, ix) = self.steps[later..].iter().find_map(|step| {
            let at = step.partition_point(|(began, _)| *began < ended);
            step.get(at).copied()
        })?;
        // From the last end to there it took the engine to go on: nobody's slack.
        let before = self.ends.partition_point(|(ended, _)| *ended <= began);
        let mut last = self.ends[..before].iter().rev();
        let last = last.find(|(_, its_began)| *its_began < began);
        Some((ix, span(ended, last.map_or(began, |(last, _)| *last))))
    }
}

const fn step(role: Role) -> Option<usize> {
    match role {
        Role::Main => None,
        Role::Undo(_) => Some(0),
        Role::Finally => Some(1),
        Role::OnFailure => Some(2),
    }
}

fn settle(
    (state, steps): (&RunState, &Steps),
    root: usize,
    end: Timestamp,
    ended: &[Option<Timestamp>],
    slack: &mut [Option<u64>],
    visited: &mut [bool],
) {
    // Tasks that are decided in one moment end at the same time as what they wait for: those after come first.
    let mut stack = vec![root];
    while let Some(&ix) = stack.last() {
        let open = held((state, steps), ix, ended).find(|(to, _)| !visited[*to]);
        if let Some((to, _)) = open.filter(|(to, _)| !stack.contains(to)) {
            stack.push(to);
            continue;
        }
        stack.pop();
        if std::mem::replace(&mut visited[ix], true) {
            continue;
        }
        let Some(own) = ended[ix] else { continue };
        let after = held((state, steps), ix, ended)
            .filter_map(|(to, gap)| Some(gap + slack[to]?))
            .min();
        slack[ix] = Some(after.unwrap_or_else(|| span(own, end)));
    }
}

/// The tasks that waited for this one to end, and for how long after that they did not begin.
fn held<'s>(
    (state, steps): (&'s RunState, &Steps),
    ix: usize,
    ended: &'s [Option<Timestamp>],
) -> impl Iterator<Item = (usize, u64)> + 's {
    let plan = state.plan();
    let own = ended[ix];
    let edges = plan.tasks[ix].downs.iter();
    let at_end = own.and_then(|own| {
        let next = steps.next(plan.tasks[ix].role, own);
        next.filter(|(to, _)| *to != ix)
    });
    let by_edges = edges
        .filter(|&&edge| state.edges()[edge as usize] == EdgeState::Taken)
        .filter_map(move |&edge| {
            let to = plan.edge(edge).to;
            let began = began_at(state, to)?;
            ended[to as usize]?;
            (began >= own?).then(|| (to as usize, span(own.unwrap_or(began), began)))
        });
    by_edges.chain(at_end)
}

fn began_at(state: &RunState, ix: TaskIx) -> Option<Timestamp> {
    let task = state.task(ix);
    task.ready_at.or(task.started_at).or(task.finished_at)
}

fn ended_at(state: &RunState, ix: TaskIx) -> Option<Timestamp> {
    let task = state.task(ix);
    let is_skipped = task.state.status() == flow::view::TaskStatus::Skipped;
    task.finished_at.filter(|_| !is_skipped)
}

fn span(from: Timestamp, to: Timestamp) -> u64 {
    super::millis(from, to)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::run;

    fn check(tasks: &Value, lines: &str, expected: &str) {
        let state = run(&json!({"flow": "f", "tasks": tasks}), lines);
        let told: Vec<String> = slack(&state)
            .into_iter()
            .zip(&state.plan().tasks)
            .map(|(slack, task)| match slack {
                Some(slack) => format!("{} {slack}", task.key),
                None => format!("{} –", task.key),
            })
            .collect();
        assert_eq!(told.join(", "), expected);
    }

    fn work(task: &str, from: u32, to: u32) -> String {
        format!("{from} task_scheduled {task}\n{from} attempt_started {task}\n{to} task_succeeded {task}\n")
    }

    #[test]
    fn the_longer_way_is_critical() {
        let tasks = json!({
            "a": {"type": "shell"},
            "slow": {"type": "shell", "needs": ["a"]},
            "quick": {"type": "shell", "needs": ["a"]},
            "beside": {"type": "shell"},
            "end": {"type": "noop", "needs": ["slow", "quick"]},
        });
        // In the order in which it happened.
        let lines = "0 task_scheduled a\n0 attempt_started a\n0 task_scheduled beside\n0 attempt_started beside\n\
                     10 task_succeeded a\n10 task_scheduled slow\n10 attempt_started slow\n10 task_scheduled quick\n\
                     10 attempt_started quick\n30 task_succeeded quick\n60 task_succeeded beside\n90 task_succeeded slow\n\
                     90 task_succeeded end\n";
        check(&tasks, lines, "a 0, slow 0, quick 60, beside 30, end 0");
    }

    #[test]
    fn who_began_without_it_was_not_held_up() {
        let tasks = json!({
            "first": {"type": "shell"},
            "late": {"type": "shell"},
            "any": {"type": "shell", "needs": ["first", "late"], "join": "any"},
        });
        let lines = "0 task_scheduled first\n0 attempt_started first\n0 task_scheduled late\n0 attempt_started late\n\
                     10 task_succeeded first\n10 task_scheduled any\n10 attempt_started any\n50 task_succeeded late\n\
                     100 task_succeeded any\n";
        check(&tasks, lines, "first 0, late 50, any 0");
    }

    #[test]
    fn what_runs_at_the_end_waits_for_what_was_before_it() {
        let tasks = json!({
            "a": {"type": "shell", "undo": {"type": "shell"}},
            "b": {"type": "shell", "needs": ["a"], "undo": {"type": "shell"}},
            "beside": {"type": "shell"},
            "fails": {"type": "shell", "needs": ["b"]},
        });
        let lines = "0 task_scheduled a\n0 attempt_started a\n0 task_scheduled beside\n0 attempt_started beside\n\
                     10 task_succeeded a\n10 task_scheduled b\n10 attempt_started b\n20 task_succeeded beside\n30 task_succeeded b\n\
                     30 task_scheduled fails\n30 attempt_started fails\n60 task_failed fails\n60 run_ending outcome=\"failed\"\n\
                     62 task_scheduled b.undo\n62 attempt_started b.undo\n70 task_succeeded b.undo\n\
                     70 task_scheduled a.undo\n70 attempt_started a.undo\n95 task_succeeded a.undo\n";
        check(&tasks, lines, "a 0, b 0, beside 40, fails 0, a.undo 0, b.undo 0");
    }

    #[test]
    fn what_did_not_run_has_none() {
        let tasks = json!({"a": {"type": "shell"}, "b": {"type": "shell", "needs": ["a"]}});
        check(
            &tasks,
            &format!("{}20 task_skipped b", work("a", 0, 20)),
            "a 0, b –",
        );
        check(&tasks, "", "a –, b –");
    }
}
