//! Scripts in words.
//!
//! A flow is YAML, or one line: `a -> b -> c; a -failed-> d`; a task is written `name`, `name:type`, `name(any)`; tasks are of the
//! type `work`, ordinary attempts, unless told otherwise; `fail_fast` stands alone.
//!
//! A script is a list of steps: `X starts` · `X ok [JSON]` · `X ok big N` (a text of N bytes) · `X fails [x3] [for good] [for 5s] [as KIND] [with code N]
//! [with JSON]`
//! · `X lost` · `X stops` · `X snoozes 3s` · `X cached JSON` · `kept X` (its worker outlives the server) · `late report of X` · `wait 5s` · `clock back 5s` · `clock on 5s` · `cancel` · `force cancel` ·
//! `child X starts` · `child X ok JSON` · `child X fails [as its child]` · `child X cancelled` · `child X refused` · `signal NAME [JSON]` · `signal to X [JSON]` · `approve X [JSON]` · `reject X [why]` · `granted` · `refused` · `pause` · `resume` · `restart` · `reload` · `inputs JSON` (first), `vars JSON` (then) · `show` (the tasks so far) · `explain` · `log` (the events so far).

use std::fmt::Write as _;
use std::iter::Peekable;
use std::time::Duration;

use expect_test::Expect;
use indexmap::IndexMap;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use super::World;
use super::world::Blobs;
use crate::HumanDuration;
use crate::doc::{EdgeDoc, FlowDoc, Join, NeedDoc, OneOrMany, TaskDoc};
use crate::ids::{AttemptToken, RunId};
use crate::payload::Payload;
use crate::run::event::{CachedFrom, Ended, RunError};
use crate::run::{ChildAttempt, Command, Effect, Event, EventKind, Outcome, ParentRun, Phase, TaskError};
use crate::time::Timestamp;
use crate::view::TaskStatus;

/// Runs a script and compares what became of the run.
pub(super) fn check(flow: &str, script: &str, expected: Expect) {
    expected.assert_eq(&Script::run(flow, script).out);
}

pub(super) fn doc(flow: &str) -> FlowDoc {
    if !flow.contains("tasks:") {
        return graph(flow);
    }
    let text = format!("flow: test\n{flow}");
    crate::parse::parse(text.as_bytes(), crate::parse::Format::Yaml)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
        .doc
}

fn graph(text: &str) -> FlowDoc {
    let mut doc: FlowDoc = serde_json::from_value(json!({"flow": "test", "tasks": {}})).expect("a flow");
    for line in text.split(';').map(str::trim).filter(|line| !line.is_empty()) {
        if line == "fail_fast" {
            doc.fail_fast = true;
            continue;
        }
        let mut upstream: Option<(String, Option<String>)> = None;
        let mut rest = line;
        loop {
            let end = rest.find(" -").unwrap_or(rest.len());
            let task = declare(&mut doc.tasks, rest[..end].trim());
            if let Some((from, on)) = upstream.take() {
                let need = match on {
                    None => NeedDoc::Task(from),
                    Some(on) => {
                        let on = Some(OneOrMany::Many(on.split('|').map(str::to_owned).collect()));
                        NeedDoc::Edge(EdgeDoc {
                            task: from,
                            on,
                            when: None,
                            handles: true,
                        })
                    }
                };
                doc.tasks[&task].needs.push(need);
            }
            let Some((label, after)) = rest[end..].trim_start().split_once("> ") else {
                break;
            };
            let on = label.trim_matches('-');
            upstream = Some((task, (!on.is_empty()).then(|| on.to_owned())));
            rest = after;
        }
    }
    doc
}

fn declare(tasks: &mut IndexMap<String, TaskDoc>, text: &str) -> String {
    let (text, join) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        Some((text, "any")) => (text, Some(Join::Any)),
        Some((text, "settled")) => (text, Some(Join::Settled)),
        _ => (text, None),
    };
    let (name, task_type) = text
        .split_once(':')
        .map_or((text, None), |(name, task_type)| (name, Some(task_type)));
    let task = tasks
        .entry(name.to_owned())
        .or_insert_with(|| TaskDoc::of_type("work"));
    if let Some(task_type) = task_type {
        task.task_type = task_type.to_owned();
    }
    task.join = join.unwrap_or(task.join);
    name.to_owned()
}

/// The variables a run starts with, if the next step says some: `vars {…}`.
pub(super) fn vars<'s>(steps: &mut Peekable<impl Iterator<Item = &'s str>>) -> Map<String, Value> {
    let step = steps.next_if(|step| step.starts_with("vars "));
    step.map_or_else(Map::new, |step| {
        serde_json::from_str(&step[5..]).expect("an object")
    })
}

/// A script being run.
pub(super) struct Script {
    pub(super) world: World,
    /// The last token of each task that is no longer current.
    used: FxHashMap<String, AttemptToken>,
    pub(super) out: String,
}

impl Script {
    pub(super) fn run(flow: &str, script: &str) -> Self {
        let mut steps = script
            .split([';', '\n'])
            .map(str::trim)
            .filter(|step| !step.is_empty())
            .peekable();
        let inputs = steps
            .next_if(|step| step.starts_with("inputs "))
            .map_or_else(|| json!({}), |step| value(&step[7..]));
        let vars = vars(&mut steps);
        let world = World::start_new(doc(flow), inputs, Blobs::default(), |new| new.vars = vars);
        Self::run_in(world, steps)
    }

    /// Runs steps in a run that is there.
    pub(super) fn run_in<'s>(world: World, steps: impl Iterator<Item = &'s str>) -> Self {
        let mut script = Self {
            world,
            used: FxHashMap::default(),
            out: String::new(),
        };
        script.tell_effects();
        for step in steps {
            script.step(step);
            script.tell_effects();
        }
        script.show();
        script
    }

    fn step(&mut self, step: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        match words.as_slice() {
            ["wait", length] => self.world.wait(duration(length)),
            ["clock", "back", length] => {
                let back = i64::try_from(duration(length).as_micros()).expect("short");
                self.world.clock = Timestamp::from_micros(self.world.clock.as_micros() - back);
            }
            ["clock", "on", length] => self.world.clock = self.world.clock.plus(duration(length)),
            ["cancel"] => self.ask(
                step,
                Command::Cancel {
                    force: false,
                    reason: None,
                },
            ),
            ["force", "cancel"] => self.ask(
                step,
                Command::Cancel {
                    force: true,
                    reason: None,
                },
            ),
            ["granted"] => self.ask(step, Command::Granted),
            ["refused"] => self.ask(
                step,
                Command::Refused {
                    holders: vec![RunId(9)],
                },
            ),
            ["pause"] => self.ask(step, Command::Pause { reason: None }),
            ["signal", "to", path, rest @ ..] => {
                let payload = if rest.is_empty() {
                    Value::Null
                } else {
                    value(&rest.join(" "))
                };
                let payload = self.world.keep(payload);
                let path = (*path).into();
                self.ask(step, Command::SignalTask { path, payload });
            }
            ["signal", name, rest @ ..] => {
                let payload = if rest.is_empty() {
                    Value::Null
                } else {
                    value(&rest.join(" "))
                };
                let payload = self.world.keep(payload);
                let name = (*name).into();
                self.ask(step, Command::Signal { name, payload });
            }
            ["approve", path, rest @ ..] => {
                let values = if rest.is_empty() {
                    json!({})
                } else {
                    value(&rest.join(" "))
                };
                self.answer(step, path, Ok(values));
            }
            ["reject", path, rest @ ..] => self.answer(step, path, Err(rest.join(" "))),
            ["child", path, rest @ ..] => self.child(step, path, rest),
            ["resume"] => self.ask(step, Command::Resume),
            ["wake"] => self.ask(step, Command::Wake),
            ["restart"] => self.world.restart(),
            ["reload"] => self.world.recover(false),
            ["explain"] => {
                for told in self.world.state.explain() {
                    let _ = writeln!(self.out, "{} {:?}", told.path, told.reason);
                }
            }
            ["show"] => self.show(),
            ["log"] => self.log(),
            ["late", "report", "of", task] => {
                let token = *self
                    .used
                    .get(*task)
                    .unwrap_or_else(|| panic!("{task} has had no earlier attempt"));
                let output = Payload::null();
                self.ask(
                    step,
                    Command::AttemptEnded {
                        token,
                        outcome: Outcome::Succeeded {
                            output,
                            exit_code: None,
                        },
                    },
                );
            }
            ["other", "worker", "starts", task] => {
                let token = self.token(task);
                self.ask(
                    step,
                    Command::AttemptStarted {
                        token,
                        worker: "w2".into(),
                    },
                );
            }
            ["kept", task] => {
                let token = self.token(task);
                self.world.held.push(token);
            }
            [task, "cached", rest @ ..] => {
                let token = self.token(task);
                let outcome = self.outcome("cached", rest);
                self.ask(step, Command::AttemptEnded { token, outcome });
            }
            [task, "starts"] => {
                let token = self.token(task);
                self.world.begin(token).expect("a ready attempt may begin");
            }
            [task, "fails", rest @ ..] => self.fail(task, rest),
            [task, verb, rest @ ..] => {
                let outcome = self.outcome(verb, rest);
                self.report(task, outcome);
            }
            _ => panic!("unknown step {step}"),
        }
    }

    /// What another run tells; all are of the same id but `other`.
    fn child(&mut self, step: &str, path: &str, rest: &[&str]) {
        let (rest, run) = match rest {
            ["other", rest @ ..] => (rest, RunId(78)),
            _ => (rest, RunId(77)),
        };
        let spot = self.world.spot(path);
        let attempt = ChildAttempt {
            path: path.into(),
            attempt: self.world.state.child(spot).map_or(1, |child| child.attempt),
        };
        let end = |outcome, outputs, error| Command::ChildEnded {
            attempt: attempt.clone(),
            child: run,
            version: Some(4),
            outcome,
            outputs,
            error,
        };
        let command = match rest {
            ["starts"] => Command::ChildStarted {
                attempt,
                child: run,
                version: 4,
            },
            ["refused"] => Command::ChildRefused {
                attempt,
                error: TaskError::new("unknown_flow", "there is no such flow").permanent(),
            },
            ["ok", rest @ ..] => end(Ended::Succeeded, Some(value(&rest.join(" ")).into()), None),
            ["fails", of @ ..] => {
                let (kind, message) = match of {
                    ["as", "its", "child"] => ("child_failed", "the run run_9 failed: it broke"),
                    _ => ("failed", "it broke"),
                };
                let error = RunError {
                    task: None,
                    kind: kind.into(),
                    message: message.into(),
                };
                end(Ended::Failed, None, Some(error))
            }
            ["cancelled"] => end(Ended::Cancelled, None, None),
            _ => panic!("unknown step {step}"),
        };
        self.ask(step, command);
    }

    fn answer(&mut self, step: &str, path: &str, answer: Result<Value, String>) {
        let command = Command::Approve {
            path: path.into(),
            approved: answer.is_ok(),
            values: answer.clone().unwrap_or_default(),
            comment: answer.err().filter(|comment| !comment.is_empty()),
        };
        self.ask(step, command);
    }

    fn outcome(&mut self, verb: &str, rest: &[&str]) -> Outcome {
        match (verb, rest) {
            ("ok", []) => Outcome::Succeeded {
                output: Payload::null(),
                exit_code: None,
            },
            ("ok", ["big", bytes]) => {
                let output = self
                    .world
                    .keep(Value::String("x".repeat(bytes.parse().expect("a number"))));
                Outcome::Succeeded {
                    output,
                    exit_code: None,
                }
            }
            ("ok", rest) => Outcome::Succeeded {
                output: self.world.keep(value(&rest.join(" "))),
                exit_code: Some(0),
            },
            ("cached", rest) => Outcome::Cached {
                output: self.world.keep(value(&rest.join(" "))),
                exit_code: None,
                from: Box::new(CachedFrom {
                    run: RunId(7),
                    task: "other".into(),
                    at: Timestamp::from_millis(0),
                }),
            },
            ("lost", []) => Outcome::Lost,
            ("stops", []) => Outcome::Cancelled,
            ("snoozes", [length]) => Outcome::Snoozed(duration(length)),
            _ => panic!("unknown step {verb} {rest:?}"),
        }
    }

    fn fail(&mut self, task: &str, rest: &[&str]) {
        let mut error = TaskError::new("failed", "it broke");
        let mut output = None;
        let mut times = 1;
        let mut retry_after = None;
        match rest {
            ["as", kind] => error = TaskError::new(kind, "it broke"),
            ["with", "code", code] => error.exit_code = Some(code.parse().expect("a number")),
            [] => {}
            ["for", "good"] => error = error.permanent(),
            ["for", length] => retry_after = Some(duration(length)),
            ["with", json @ ..] => output = Some(value(&json.join(" ")).into()),
            [count] => times = count.trim_start_matches('x').parse().expect("x3"),
            _ => panic!("unknown step fails {rest:?}"),
        }
        for left in (0..times).rev() {
            self.report(
                task,
                Outcome::Failed {
                    error: error.clone(),
                    output: output.clone(),
                    retry_after,
                },
            );
            if left > 0 {
                let due = self.world.state.wake_at().expect("another attempt follows");
                self.world.wait(due.since(self.world.clock));
            }
        }
    }

    fn token(&self, task: &str) -> AttemptToken {
        self.world.token(task).unwrap_or_else(|| {
            panic!(
                "{task} is {}\n{}",
                self.world
                    .state
                    .view_at(self.world.spot(task))
                    .map_or("not there", |view| view.state.key()),
                self.out
            )
        })
    }

    fn report(&mut self, task: &str, outcome: Outcome) {
        let token = self.token(task);
        self.used.insert(task.to_owned(), token);
        self.world
            .report(token, outcome)
            .expect("a current attempt is heard");
    }

    fn ask(&mut self, step: &str, command: Command) {
        if let Err(rejected) = self.world.command(command) {
            let _ = writeln!(self.out, "- {step}: {rejected}");
        }
    }

    /// What was asked for, dispatches apart.
    fn tell_effects(&mut self) {
        for effect in std::mem::take(&mut self.world.effects) {
            match effect {
                Effect::Dispatch(dispatch) => {
                    self.used
                        .entry(dispatch.path.to_string())
                        .or_insert(dispatch.token);
                }
                Effect::RecallAttempt { token } => {
                    let mut paths = self.used.iter().filter(|(_, used)| **used == token);
                    let path = paths.next().map_or("?", |(path, _)| path.as_str());
                    let _ = writeln!(self.out, "- {path} is recalled");
                }
                Effect::CancelAttempt { token, kill } => {
                    let scheduled = |event: &&Event| matches!(&event.kind, EventKind::TaskScheduled { token: out, .. } if *out == token);
                    let event = self
                        .world
                        .log
                        .iter()
                        .find(scheduled)
                        .expect("only what was given out is asked to end");
                    let EventKind::TaskScheduled { task, .. } = &event.kind else {
                        continue;
                    };
                    if kill {
                        self.used.insert(task.to_string(), token);
                    }
                    let _ = writeln!(
                        self.out,
                        "- {task} is {}",
                        if kill { "killed" } else { "asked to end" }
                    );
                }
                Effect::StartChild(start) => {
                    let version = start
                        .version
                        .map_or_else(|| "newest".to_owned(), |version| version.to_string());
                    let inputs = start.inputs.inline().expect("small");
                    let ParentRun {
                        task, attempt, depth, ..
                    } = start.parent;
                    let fork = start.fork.map_or_else(String::new, |fork| {
                        let from = fork.task.map_or_else(String::new, |from| format!(" from {from}"));
                        format!(", taking up {}{from}", fork.run)
                    });
                    let _ = writeln!(
                        self.out,
                        "- {task} starts {} {version} with {inputs} in attempt {attempt}, depth {depth}{fork}",
                        start.flow
                    );
                }
                Effect::CancelChild {
                    attempt,
                    child,
                    force,
                    ..
                } => {
                    let known = if child.is_some() {
                        "its run"
                    } else {
                        "what it asked for"
                    };
                    let how = if force { " at once" } else { "" };
                    let _ = writeln!(self.out, "- {} cancels {known}{how}", attempt.path);
                }
                Effect::AskPermit(permit) => {
                    let _ = writeln!(
                        self.out,
                        "- asks for one of {} places `{}`",
                        permit.limit, permit.key
                    );
                }
                Effect::ReleasePermit { key } => {
                    let _ = writeln!(self.out, "- lets go of its place `{key}`");
                }
                Effect::PauseChild { pause, .. } => {
                    let _ = writeln!(
                        self.out,
                        "- a child is {}",
                        if pause { "held" } else { "let go on" }
                    );
                }
                Effect::TellParent {
                    parent,
                    outcome,
                    outputs,
                    ..
                } => {
                    let outputs = outputs
                        .and_then(|outputs| outputs.inline().cloned())
                        .unwrap_or_default();
                    let _ = writeln!(self.out, "- {} is told: {} {outputs}", parent.task, outcome.key());
                }
                Effect::KeepResult(kept) => {
                    let output = kept.output.inline().expect("small");
                    let ttl = kept.ttl.as_secs();
                    let _ = writeln!(
                        self.out,
                        "- {} keeps {output} for {ttl} s as {}",
                        kept.task,
                        &kept.key[..8]
                    );
                }
                Effect::Log {
                    task,
                    attempt,
                    level,
                    message,
                } => {
                    let _ = writeln!(self.out, "- {task} logs {level} {message:?} in attempt {attempt}");
                }
            }
        }
    }

    fn show(&mut self) {
        let state = &self.world.state;
        let width = self
            .world
            .plan
            .tasks
            .iter()
            .map(|task| task.key.len() + if task.spread.is_some() { 3 } else { 0 })
            .max()
            .unwrap_or(0)
            .max(3);
        let tasks = 0..state.tasks().len() as u32;
        let views = tasks.flat_map(|ix| {
            let parts = state.part_views(ix, None, 0, 12).0;
            std::iter::once(state.task_view(ix)).chain(parts)
        });
        for view in views {
            let mut line = format!("{:width$}  {:9}", view.path, view.state.key());
            match view.attempts.len() {
                0 => {}
                1 => line.push_str("  1 attempt"),
                n => {
                    let _ = write!(line, "  {n} attempts");
                }
            }
            let error = view
                .error
                .map(|error| format!("{}: {}", error.kind, error.message));
            let case = view.case.map(|case| format!("took {case}"));
            let reason = view.reason.filter(|_| view.state != TaskStatus::Ready);
            for part in [reason, error, case].into_iter().flatten() {
                let _ = write!(line, "  {part}");
            }
            let _ = writeln!(self.out, "{}", line.trim_end());
        }
        let summary = state.summary();
        let mut line = format!("{:width$}  {}", "run", summary.state.key());
        if let Some(error) = summary.error {
            let task = error.task.map(|task| format!("{task} ")).unwrap_or_default();
            let _ = write!(line, "  {task}{}: {}", error.kind, error.message);
        }
        if let Phase::Ending { step, .. } = state.phase() {
            let _ = write!(line, "  {step:?}");
        }
        if let Phase::Finished {
            outputs: Some(outputs),
            ..
        } = state.phase()
        {
            let outputs = outputs
                .inline()
                .map_or_else(|| "large".to_owned(), ToString::to_string);
            let _ = write!(line, "  {outputs}");
        }
        let _ = writeln!(self.out, "{line}");
    }

    fn log(&mut self) {
        for event in &self.world.log {
            let mut json = serde_json::to_value(&event.kind).expect("events are JSON");
            let fields = json.as_object_mut().expect("events are objects");
            let kind = fields.shift_remove("type");
            ["token", "labels", "run", "flow", "version", "trigger"]
                .iter()
                .for_each(|field| drop(fields.shift_remove(*field)));
            let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
            let _ = writeln!(self.out, "{} {kind} {json}", event.seq);
        }
    }
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn duration(text: &str) -> Duration {
    text.parse::<HumanDuration>().expect(text).as_duration()
}
