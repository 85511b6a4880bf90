//! What a run would have done had its flow been another: its recorded results are given again, and everything is decided anew.
//!
//! Light tasks are evaluated, so that another condition takes another way. Work is not done: a task gives what it gave. One of which nothing
//! is recorded gives nothing, and is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Failing, Progress, Scenario, Simulation, Stub};
use crate::doc::FlowDoc;
use crate::plan::{Light, Plan, Spread, TaskIx};
use crate::run::{RunState, TaskError, TaskState};
use crate::time::Timestamp;
use crate::view::{RunStatus, TaskStatus};

/// Moments that one replay goes through before it is given up.
const MOMENTS_MAX: usize = 100_000;

/// How long recorded work takes: its limits of time are not what is asked about.
const TAKES: Duration = Duration::from_millis(1);

/// A run that has ended, as far as another one like it needs it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What it was given.
    pub inputs: Value,
    /// The variables it started with.
    pub vars: Map<String, Value>,
    /// When it was created.
    pub at: Timestamp,
    /// How it ended.
    pub status: RunStatus,
    /// What became of its tasks, by their keys.
    pub tasks: BTreeMap<String, RecordedTask>,
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedTask {
    /// How it ended.
    pub status: TaskStatus,
    /// What it gave.
    pub output: Option<Value>,
    /// Why it failed.
    pub error: Option<TaskError>,
}

impl Recorded {
    /// Of a run's state, with its inputs and the outputs of its tasks loaded.
    #[must_use]
    pub fn of(state: &RunState, inputs: Value, outputs: &BTreeMap<TaskIx, Value>) -> Self {
        let tasks = (0_u32..).zip(state.tasks()).map(|(ix, task)| {
            let error = match &task.state {
                TaskState::Failed { error, .. } => Some(error.clone()),
                _ => None,
            };
            let recorded = RecordedTask {
                status: task.state.status(),
                output: outputs.get(&ix).cloned(),
                error,
            };
            (state.plan().task(ix).key.to_string(), recorded)
        });
        Self {
            inputs,
            vars: state.vars().as_object().cloned().unwrap_or_default(),
            at: state.summary().created_at,
            status: state.status(),
            tasks: tasks.collect(),
        }
    }

    fn stubs(&self, plan: &Plan) -> BTreeMap<String, Stub> {
        let mut stubs = BTreeMap::new();
        for (key, recorded) in &self.tasks {
            let Some(ix) = plan.find(key) else { continue };
            let task = plan.task(ix);
            if let (Some(Spread::Items), Some(Value::Array(items))) = (task.spread, &recorded.output) {
                for (at, item) in items.iter().enumerate() {
                    let stub = Stub {
                        output: Some(item.clone()),
                        takes: Some(TAKES),
                        fails: None,
                    };
                    stubs.insert(format!("{key}[{at}]"), stub);
                }
            }
            let mut output = recorded.output.clone();
            let mut why = recorded.error.clone();
            if task.light == Some(Light::Approval) {
                // What it gave tells the answer, and the answer holds what the form was filled with.
                let answer = output.take().unwrap_or_default();
                if answer.get("approved") == Some(&json!(false)) {
                    why = Some(TaskError::new("rejected", "it was turned down"));
                }
                output = answer.get("values").cloned();
            }
            let stub = Stub {
                output,
                takes: Some(TAKES),
                fails: why.map(|error| Failing {
                    error,
                    attempts: None,
                }),
            };
            stubs.insert(key.clone(), stub);
        }
        stubs
    }
}

/// Where a run would have gone another way first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The task.
    pub task: String,
    /// What became of it; none if it was not there.
    pub was: Option<String>,
    /// What would have; none if it is not there any more.
    pub is: Option<String>,
}

/// What a replay comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// How the run would have ended; none if it would not.
    pub status: Option<RunStatus>,
    /// Where it would have gone another way first; none if it would have gone the same.
    pub turn: Option<Turn>,
    /// Tasks that would have run and of which nothing is recorded: what comes after them is a guess.
    pub guessed: Vec<String>,
}

/// Replays a run by another document, which is valid.
///
/// # Errors
/// The inputs it was given do not fit, as a sentence.
pub fn replay(doc: &Arc<FlowDoc>, recorded: &Recorded) -> Result<Replayed, String> {
    let inputs = crate::inputs::resolve(doc, recorded.inputs.clone()).map_err(|problems| {
        let first = problems.first().map(|problem| problem.message.clone());
        first.unwrap_or_else(|| "its inputs do not fit".to_owned())
    })?;
    let plan = Plan::new(Arc::clone(doc));
    let scenario = Scenario {
        inputs,
        vars: recorded.vars.clone(),
        stubs: recorded.stubs(&plan),
        at: recorded.at,
        ..Scenario::default()
    };
    let mut simulation = Simulation::start(Arc::clone(doc), scenario);
    let mut n_moments = 0;
    let progress = loop {
        let progress = simulation.step();
        n_moments += 1;
        if progress != Progress::Going || n_moments >= MOMENTS_MAX {
            break progress;
        }
    };
    let state = simulation.state();
    let guessed = (0_u32..).zip(state.tasks()).filter(|(ix, task)| {
        let planned = state.plan().task(*ix);
        let is_work = planned.light.is_none() && task.state.status() == TaskStatus::Succeeded;
        let known = recorded.tasks.get(&*planned.key);
        is_work && known.is_none_or(|known| known.output.is_none() && known.error.is_none())
    });
    Ok(Replayed {
        status: (progress == Progress::Ended).then(|| state.status()),
        turn: turn(&simulation, recorded),
        guessed: guessed
            .map(|(ix, _)| state.plan().task(ix).key.to_string())
            .collect(),
    })
}

/// The first difference, each task after what comes before it; tasks that are gone come last.
fn turn(simulation: &Simulation, recorded: &Recorded) -> Option<Turn> {
    let state = simulation.state();
    let plan = state.plan();
    for ix in plan.upstreams_first(|_| true) {
        let key = &*plan.task(ix).key;
        let case = match &state.task(ix).state {
            TaskState::Succeeded { case, .. } => case.as_deref(),
            _ => None,
        };
        let is = words(state.task(ix).state.status(), case);
        let known = recorded.tasks.get(key);
        let is_switch = plan.task(ix).light == Some(Light::Switch);
        let was = known.map(|known| {
            let case = known.output.as_ref().and_then(Value::as_str);
            words(known.status, case.filter(|_| is_switch))
        });
        if was.as_ref() != Some(&is) {
            return Some(Turn {
                task: key.to_owned(),
                was,
                is: Some(is),
            });
        }
    }
    let gone = recorded
        .tasks
        .iter()
        .find(|(key, known)| plan.find(key).is_none() && known.status != TaskStatus::Skipped);
    gone.map(|(key, known)| Turn {
        task: key.clone(),
        was: Some(words(known.status, None)),
        is: None,
    })
}

fn words(status: TaskStatus, case: Option<&str>) -> String {
    match case {
        Some(case) => format!("{} ({case})", status.key()),
        None => status.key().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::parse::{Format, parse};

    const OLD: &str = "\
inputs: { limit: { type: integer, default: 5 } }
tasks:
  get: { type: shell, with: { command: x } }
  size: { type: switch, needs: [get], with: { cases: { big: 'tasks.get.output.n > inputs.limit' }, default: small } }
  each: { type: shell, needs: [{ task: size, on: big }], for_each: { items: '{{ tasks.get.output.of }}' }, with: { command: x } }
  few: { type: noop, needs: [{ task: size, on: small }] }
  late: { type: shell, needs: [each], with: { command: x } }
";

    /// Runs the old flow, which takes the way of what is big, then replays that run by the new one.
    fn check(new: &str, inputs: Value, expected: Expect) {
        let read = |text: &str| {
            let text = format!("flow: f\n{text}");
            Arc::new(parse(text.as_bytes(), Format::Yaml).expect("a flow").doc)
        };
        let doc = read(OLD);
        let given = [("get", json!({ "n": 7, "of": [1, 2] })), ("each", json!("done"))];
        let stub = |(task, output): (&str, _)| (task.to_owned(), Stub::giving(output));
        let scenario = Scenario {
            inputs: crate::inputs::resolve(&doc, inputs.clone()).expect("they fit"),
            stubs: given.into_iter().map(stub).collect(),
            ..Scenario::default()
        };
        let mut old = Simulation::start(doc, scenario);
        assert_eq!(old.run(), Progress::Ended);
        let state = old.state();
        let outputs = (0..state.tasks().len() as TaskIx).filter_map(|ix| {
            let value = old.value(state.output(ix)?)?;
            Some((ix, Value::clone(&value)))
        });
        let recorded = Recorded::of(state, inputs, &outputs.collect());
        let mut shown = String::new();
        match replay(&read(new), &recorded) {
            Ok(replayed) => {
                let _ = writeln!(shown, "{:?} was {:?}", replayed.status, recorded.status);
                if let Some(turn) = replayed.turn {
                    let _ = writeln!(shown, "{}: {:?} -> {:?}", turn.task, turn.was, turn.is);
                }
                if !replayed.guessed.is_empty() {
                    let _ = writeln!(shown, "guessed {}", replayed.guessed.join(", "));
                }
            }
            Err(why) => drop(writeln!(shown, "{why}")),
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn the_same_flow_goes_the_same_way() {
        check(
            OLD,
            json!({}),
            expect![[r#"
            Some(Succeeded) was Succeeded
        "#]],
        );
    }

    #[test]
    fn another_condition_takes_another_way() {
        let new = OLD.replace("> inputs.limit", "> 10");
        check(
            &new,
            json!({}),
            expect![[r#"
            Some(Succeeded) was Succeeded
            size: Some("succeeded (big)") -> Some("succeeded (small)")
        "#]],
        );
    }

    #[test]
    fn new_tasks_are_guessed_and_gone_ones_told() {
        let new = OLD.replace("  late:", "  later:");
        check(
            &new,
            json!({}),
            expect![[r#"
            Some(Succeeded) was Succeeded
            later: None -> Some("succeeded")
            guessed later
        "#]],
        );
        let new = OLD.replace(
            "  late: { type: shell, needs: [each], with: { command: x } }\n",
            "",
        );
        check(
            &new,
            json!({}),
            expect![[r#"
            Some(Succeeded) was Succeeded
            late: Some("succeeded") -> None
        "#]],
        );
    }

    #[test]
    fn inputs_that_do_not_fit_any_more_are_told() {
        let new = OLD.replace(
            "type: integer, default: 5",
            "type: integer, default: 5, maximum: 8",
        );
        check(
            &new,
            json!({ "limit": 9 }),
            expect![[r#"
            9 is too large, the most is 8
        "#]],
        );
    }
}
