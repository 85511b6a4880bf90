//! Callers: they start runs, cancel and pause them, answer what tasks wait for, all of it also at the wrong moment, and hear answers.

use std::sync::Arc;

use flow::run::{Command, EventKind};
use flow::view::RunStatus;
use flow::{Payload, RunId};
use serde_json::json;

use super::life::Life;
use super::world::World;
use crate::engine::StartRun;
use crate::error::{EngineError, EngineResult};

/// Runs that callers have at once at most, so that a simulation comes to its end.
const STARTED_MAX: usize = 5;

/// What a caller heard.
pub(super) enum Heard {
    Started {
        key: String,
        answer: EngineResult<RunId>,
    },
    Asked {
        run: RunId,
        what: RunStatus,
        answer: EngineResult<()>,
    },
    Sent {
        run: RunId,
        command: Command,
        answer: EngineResult<()>,
    },
}

impl World {
    /// A caller starts a run, or repeats a start it has heard nothing of, or one it has.
    pub(super) fn start(&mut self, life: &Life) {
        let n_open = self.open_starts.len();
        let n_started = self.started.len();
        let (key, flow) = if n_open > 0 && self.dice.one_in(2) {
            let at = self.dice.below(n_open);
            self.open_starts
                .iter()
                .nth(at)
                .map(|(key, flow)| (key.clone(), flow.clone()))
                .expect("there are as many")
        } else if n_started >= STARTED_MAX {
            return;
        } else {
            let flow = self.flows[self.dice.below(self.flows.len())].clone();
            let key = format!("key-{}", n_started + n_open);
            self.open_starts.insert(key.clone(), flow.clone());
            (key, flow)
        };
        self.tell(|| format!("start {key} of {flow}"));
        self.call_start(life, key, flow);
    }

    pub(super) fn call_start(&self, life: &Life, key: String, flow: String) {
        let mut start = StartRun::of(&flow);
        // The same key comes with the same inputs.
        let lane = if key.ends_with(['0', '2', '4']) { "a" } else { "b" };
        start.inputs = json!({"yes": true, "no": false, "word": "word", "lane": lane});
        start.idempotency_key = Some(key.clone());
        let (engine, heard) = (life.engine.clone(), Arc::clone(&life.heard));
        tokio::spawn(async move {
            let answer = engine.start_run(start).await;
            heard.lock().push(Heard::Started { key, answer });
        });
    }

    pub(super) fn any_run(&mut self) -> Option<RunId> {
        let open: Vec<RunId> = self.checker.unfinished().map(|(run, _)| *run).collect();
        (!open.is_empty()).then(|| open[self.dice.below(open.len())])
    }

    /// A person asks something of a run.
    pub(super) fn ask(&mut self, life: &Life) {
        let Some(run) = self.any_run() else { return };
        let what = match self.dice.below(8) {
            0 => RunStatus::Cancelled,
            1..=3 => RunStatus::Paused,
            _ => RunStatus::Running,
        };
        let force = self.dice.one_in(3);
        self.tell(|| format!("ask {run} to be {what:?}, by force {force}"));
        self.call(life, run, what, force);
    }

    pub(super) fn call(&self, life: &Life, run: RunId, what: RunStatus, force: bool) {
        let (engine, heard) = (life.engine.clone(), Arc::clone(&life.heard));
        tokio::spawn(async move {
            let answer = match what {
                RunStatus::Cancelled => engine.cancel_run(run, force, None, "sim").await,
                RunStatus::Paused => engine.pause_run(run, None, "sim").await,
                _ => engine.resume_run(run, "sim").await,
            };
            heard.lock().push(Heard::Asked { run, what, answer });
        });
    }

    /// What tasks wait for comes from outside, or comes too early, too late, or twice.
    pub(super) fn outside(&mut self, life: &Life) {
        let Some(run) = self.any_run() else { return };
        let watched = &self.checker.runs[&run];
        let waiting = watched.waiting().into_iter();
        let mut approvals: Vec<String> = waiting
            .filter_map(|(path, what)| (what == "approval").then_some(path))
            .collect();
        if self.dice.one_in(4) {
            let tasks = &watched.state.plan().doc.tasks;
            let of_type = tasks.iter().filter(|(_, task)| task.task_type == "approval");
            approvals.extend(of_type.map(|(key, _)| key.to_string()));
        }
        let command = if !approvals.is_empty() && self.dice.one_in(2) {
            Command::Approve {
                path: approvals[self.dice.below(approvals.len())].as_str().into(),
                approved: self.dice.one_in(2),
                values: json!({}),
                comment: None,
            }
        } else {
            Command::Signal {
                name: ["one", "two"][self.dice.below(2)].into(),
                payload: Payload::null(),
            }
        };
        self.tell(|| format!("{command:?} to {run}"));
        for _ in 0..1 + usize::from(self.dice.one_in(4)) {
            self.send(life, run, command.clone());
        }
    }

    pub(super) fn send(&self, life: &Life, run: RunId, command: Command) {
        let (router, heard) = (life.router.clone(), Arc::clone(&life.heard));
        tokio::spawn(async move {
            let answer = router.command(run, command.clone(), "sim".into()).await;
            heard.lock().push(Heard::Sent { run, command, answer });
        });
    }

    pub(super) fn hear(&mut self, heard: Heard) {
        let error = match heard {
            Heard::Started { key, answer: Ok(run) } => {
                assert_eq!(
                    self.checker.run_of(&key),
                    Some(run),
                    "the start of {key} is acknowledged before it is committed"
                );
                self.open_starts.remove(&key);
                self.started.insert(key, run);
                return;
            }
            Heard::Asked {
                run,
                what,
                answer: Ok(()),
            } => {
                let is_in_log = self.checker.runs[&run].has(|kind| match what {
                    RunStatus::Cancelled => matches!(kind, EventKind::RunCancelRequested { .. }),
                    RunStatus::Paused => matches!(kind, EventKind::RunPaused { .. }),
                    _ => true,
                });
                assert!(
                    is_in_log,
                    "{run}: {what:?} is acknowledged before it is committed"
                );
                return;
            }
            Heard::Sent {
                run,
                command,
                answer: Ok(()),
            } => {
                let watched = &self.checker.runs[&run];
                let is_in_log = match &command {
                    Command::Signal { name, .. } => watched.has_signal(name),
                    Command::Approve { path, .. } => watched.has_settled(path),
                    _ => true,
                };
                assert!(
                    is_in_log,
                    "{run}: {command:?} is acknowledged before it is committed"
                );
                return;
            }
            Heard::Started {
                answer: Err(error), ..
            }
            | Heard::Asked {
                answer: Err(error), ..
            }
            | Heard::Sent {
                answer: Err(error), ..
            } => error,
        };
        let is_expected = matches!(
            error,
            EngineError::Unavailable(_) | EngineError::Finished(_) | EngineError::NotNow(_)
        );
        assert!(is_expected, "{error}");
    }
}
