//! Which task comes after which: the conditions as a graph, and everything wrong with it.

use rustc_hash::FxHashMap;

use super::document::Flow;
use crate::problem::Problem;
use crate::suggest::Suggester;

/// The target that ends a flow.
const END: &str = "end";

/// What comes after a task: a task's number, or nothing for the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) on_success: Option<usize>,
    pub(super) on_failure: Option<usize>,
    /// Set if the task is to be tried again when it fails.
    pub(super) is_retried: bool,
}

/// The way through a flow.
#[derive(Debug)]
pub(super) struct Route {
    /// What comes after each task.
    pub(super) next: Vec<Next>,
    /// Whether a task can be reached from the first.
    pub(super) is_reached: Vec<bool>,
}

/// The way through a flow, as far as it has one; all problems go to `problems`.
pub(super) fn route(flow: &Flow, problems: &mut Vec<Problem>) -> Option<Route> {
    let mut finder = Finder {
        flow,
        numbers: FxHashMap::default(),
        suggester: Suggester::default(),
        problems,
    };
    finder.names();
    let start = finder.start();
    let (next, fields) = finder.conditions();
    finder.jumps_back(&next, &fields, start);
    let start = start?;
    let mut is_reached = vec![false; next.len()];
    let mut open = vec![start];
    while let Some(task) = open.pop() {
        if !std::mem::replace(&mut is_reached[task], true) {
            open.extend(next[task].on_success.into_iter().chain(next[task].on_failure));
        }
    }
    Some(Route { next, is_reached })
}

struct Finder<'f, 'p> {
    flow: &'f Flow,
    numbers: FxHashMap<&'f str, usize>,
    suggester: Suggester,
    problems: &'p mut Vec<Problem>,
}

/// The fields that name the targets of a task: after success, after failure.
type TargetFields = Vec<[String; 2]>;

impl Finder<'_, '_> {
    fn error(&mut self, code: &str, field: String, message: String) {
        self.problems.push(Problem::error(code, message).at(field));
    }

    fn names(&mut self) {
        let flow = self.flow;
        for (at, task) in flow.tasks.iter().enumerate() {
            let field = format!("flow.tasks[{at}].name");
            // A missing name has been told already.
            if task.name.is_empty() {
                continue;
            }
            if task.name == END {
                self.error(
                    "reserved_id",
                    field,
                    "`end` is the target that ends a flow; give the task another name".to_owned(),
                );
            } else if let Some(first) = self.numbers.get(task.name.as_str()) {
                let message = format!(
                    "`{}` is already the name of task {} (counted from 1)",
                    task.name.escape_debug(),
                    first + 1
                );
                self.error("duplicate_id", field, message);
            } else {
                self.numbers.insert(&task.name, at);
            }
        }
    }

    fn find(&mut self, name: &str, field: &str) -> Option<usize> {
        let found = self.numbers.get(name).copied();
        if found.is_none() && !name.is_empty() {
            let guess = self
                .suggester
                .did_you_mean(name, self.flow.tasks.iter().map(|task| task.name.as_str()));
            self.error(
                "unknown_task",
                field.to_owned(),
                format!("there is no task `{}`{guess}", name.escape_debug()),
            );
        }
        found
    }

    fn start(&mut self) -> Option<usize> {
        if self.flow.tasks.is_empty() {
            self.error(
                "no_tasks",
                "flow.tasks".to_owned(),
                "a flow needs at least one task".to_owned(),
            );
            return None;
        }
        self.find(&self.flow.start_task, "flow.start_task")
    }

    /// A target that is missing, empty or `end` is the end.
    fn target(&mut self, name: Option<&String>, field: &str) -> Option<usize> {
        match name.map(String::as_str) {
            None | Some("") => None,
            Some(end) if end.eq_ignore_ascii_case(END) => None,
            Some(name) => self.find(name, field),
        }
    }

    fn conditions(&mut self) -> (Vec<Next>, TargetFields) {
        let flow = self.flow;
        let mut next = vec![Next::default(); flow.tasks.len()];
        let mut fields = vec![[String::new(), String::new()]; flow.tasks.len()];
        let mut first_of: FxHashMap<usize, usize> = FxHashMap::default();
        for (at, condition) in flow.conditions.iter().enumerate() {
            let path = format!("flow.conditions[{at}]");
            let (met_field, unmet_field) = (
                format!("{path}.target_task_success"),
                format!("{path}.target_task_failure"),
            );
            let source = self.find(&condition.source_task, &format!("{path}.source_task"));
            let met = self.target(condition.target_task_success.as_ref(), &met_field);
            let unmet = self.target(condition.target_task_failure.as_ref(), &unmet_field);
            let wants_success = match condition.outcome.to_lowercase().as_str() {
                "success" => true,
                "failure" => false,
                "" => continue,
                _ => {
                    let shown = condition.outcome.escape_debug();
                    self.error(
                        "unknown_word",
                        format!("{path}.outcome"),
                        format!("the outcome is `success` or `failure`, not `{shown}`"),
                    );
                    continue;
                }
            };
            let Some(source) = source else { continue };
            if let Some(first) = first_of.insert(source, at) {
                let name = condition.source_task.escape_debug();
                let message = format!(
                    "`{name}` has a condition already, number {} (counted from 1); keep one of them",
                    first + 1
                );
                self.error("duplicate_condition", format!("{path}.source_task"), message);
                first_of.insert(source, first);
                continue;
            }
            let (on_success, on_failure) = if wants_success { (met, unmet) } else { (unmet, met) };
            fields[source] = if wants_success {
                [met_field, unmet_field]
            } else {
                [unmet_field, met_field]
            };
            // The failed task itself as the target of its failure: it is tried again.
            let is_retried = on_failure == Some(source);
            next[source] = Next {
                on_success,
                on_failure: on_failure.filter(|_| !is_retried),
                is_retried,
            };
        }
        (next, fields)
    }

    /// Tells each condition that leads back to a task which has run before it.
    fn jumps_back(&mut self, next: &[Next], fields: &TargetFields, start: Option<usize>) {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; next.len()];
        for root in start.into_iter().chain(0..next.len()) {
            let mut way = vec![(root, 0)];
            while let Some((task, at)) = way.pop() {
                if at == 0 {
                    if marks[task] != Mark::New {
                        continue;
                    }
                    marks[task] = Mark::Open;
                }
                let targets = [next[task].on_success, next[task].on_failure];
                let Some(target) = targets.get(at) else {
                    marks[task] = Mark::Done;
                    continue;
                };
                way.push((task, at + 1));
                match target {
                    Some(target) if marks[*target] == Mark::Open => {
                        let (from, to) = (&self.flow.tasks[task].name, &self.flow.tasks[*target].name);
                        let message = format!(
                            "this leads from `{}` back to `{}`, which has run by then; only a failed task may be its own target, as a retry",
                            from.escape_debug(),
                            to.escape_debug()
                        );
                        self.error("cycle", fields[task][at].clone(), message);
                    }
                    Some(target) => way.push((*target, 0)),
                    None => {}
                }
            }
        }
    }
}
