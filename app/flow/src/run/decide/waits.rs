//! Tasks that wait for the world: a time or a condition, a signal, a person's answer.
//!
//! How long one waits in all is its argument `timeout`, counted from when it began first: what then happens is final. The `timeout`
//! of the task bounds one attempt, as with every other type: after it another one may follow.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fit::Fit;
use crate::limits::{SIGNALS_MAX, WAIT_POLL_MIN_MS, WAIT_POLL_MS};
use crate::payload::Payload;
use crate::plan::{Light, Spot};
use crate::run::command::Rejected;
use crate::run::event::{EventKind, TaskError};
use crate::run::state::{AttemptEnd, TaskState, WaitsFor};
use crate::time::{HumanDuration, Timestamp};
use crate::validate::is_template;
use crate::view::TaskStatus;

use super::Decider;
use super::light::text;
use super::values::Missing;

/// What does not fit the form of an approval is told so many times at most.
const ANSWER_MISFITS_MAX: usize = 20;

/// What a look at what a `wait` waits for gave.
enum Look {
    Done,
    /// Not yet: look again then.
    Again(Timestamp),
}

impl Decider<'_, '_> {
    /// Looks at what a `wait` waits for: a time, or a condition that is judged now.
    pub(super) fn wait(&mut self, spot: Spot, with: Value) -> Result<(), Missing> {
        let next = match self.look(spot, &with)? {
            Ok(Look::Done) => return self.succeed(spot, Payload::null(), None, None),
            Ok(Look::Again(next)) => next,
            Err(error) => return self.fail(spot, error, None),
        };
        let times = match self.times(spot, &with) {
            Ok(times) => times,
            Err(error) => return self.fail(spot, error, None),
        };
        if times.until().is_some_and(|until| until <= self.now) {
            return self.time_is_up(spot, &times);
        }
        let until = Some(times.until().map_or(next, |until| next.min(until)));
        // Its arguments are evaluated again at each look; those of the first are kept to be shown.
        let input = match self.state.run_of(spot).input {
            Some(_) => None,
            None => Some(self.store(with)),
        };
        self.begin_waiting(spot, WaitsFor::Wait, until, (input, None));
        Ok(())
    }

    fn look(&mut self, spot: Spot, with: &Value) -> Result<Result<Look, TaskError>, Missing> {
        let program = self.program;
        let key = self.key(spot.task);
        let awaited = program.task(&key).and_then(|task| task.awaited.as_deref());
        let poll = match poll(with) {
            Ok(poll) => poll,
            Err(message) => return Ok(Err(bad_input(message))),
        };
        match (with.get("until"), awaited) {
            (Some(_), Some(_)) => Ok(Err(bad_input(
                "a wait takes `until` or `when`, not both".to_owned(),
            ))),
            (Some(Value::String(moment)), None) => Ok(match moment.parse::<Timestamp>() {
                Ok(moment) if moment <= self.now => Ok(Look::Done),
                Ok(moment) => Ok(Look::Again(moment)),
                Err(error) => Err(bad_input(error.to_string())),
            }),
            (None, Some(awaited)) => {
                let scope = self.scope_at(awaited.refs(), spot)?;
                Ok(match awaited.holds(program, &scope) {
                    Ok(true) => Ok(Look::Done),
                    Ok(false) => Ok(Look::Again(self.now.plus(poll))),
                    Err(error) => Err(TaskError::new("expression", error.message)),
                })
            }
            _ => Ok(Err(bad_input(
                "a wait needs `until` (a time such as `2026-01-31T12:00:00Z`) or `when` (a condition)"
                    .to_owned(),
            ))),
        }
    }

    pub(super) fn await_signal(&mut self, spot: Spot, with: Value) -> Result<(), Missing> {
        let name: Arc<str> = match text(with.get("name")) {
            Some(name) => name.into(),
            None => self.key(spot.task),
        };
        if let Some(payload) = self.state.signal(&name) {
            let payload = payload.clone();
            return self.succeed(spot, payload, None, None);
        }
        self.await_with(spot, WaitsFor::Signal, with, Some(name))
    }

    pub(super) fn await_answer(&mut self, spot: Spot, with: Value) -> Result<(), Missing> {
        if let Some(Err(error)) = with.get("form").map(Fit::of) {
            let message = format!("the form is no JSON Schema: {error}");
            return self.fail(spot, bad_input(message), None);
        }
        if let Err(message) = OnTimeout::of(&with) {
            return self.fail(spot, bad_input(message), None);
        }
        self.await_with(spot, WaitsFor::Approval, with, None)
    }

    fn await_with(
        &mut self,
        spot: Spot,
        waits_for: WaitsFor,
        with: Value,
        signal: Option<Arc<str>>,
    ) -> Result<(), Missing> {
        let until = match self.times(spot, &with) {
            Ok(times) => times.until(),
            Err(error) => return self.fail(spot, error, None),
        };
        let input = self.store(with);
        self.begin_waiting(spot, waits_for, until, (Some(input), signal));
        Ok(())
    }

    fn begin_waiting(
        &mut self,
        spot: Spot,
        waits_for: WaitsFor,
        until: Option<Timestamp>,
        (input, signal): (Option<Payload>, Option<Arc<str>>),
    ) {
        self.emit(EventKind::TaskWaiting {
            task: self.path(spot),
            waits_for,
            until,
            attempt: None,
            input,
            signal,
        });
    }

    /// Keeps a signal under its name. Who waits for it goes on by the agenda.
    pub(super) fn signal(&mut self, name: Arc<str>, payload: Payload) -> Result<(), Rejected> {
        if self.state.signal(&name).is_some() {
            return Err(Rejected::Signalled(name));
        }
        if self.state.n_signals() >= SIGNALS_MAX {
            return Err(Rejected::TooManySignals);
        }
        self.emit(EventKind::SignalReceived { name, payload });
        Ok(())
    }

    /// Keeps the signal that a task waits for, or will wait for.
    pub(super) fn signal_task(&mut self, path: &Arc<str>, payload: Payload) -> Result<(), Rejected> {
        let spot = self.plan.spot(path);
        let spot = spot.filter(|spot| self.plan.task(spot.task).light == Some(Light::Signal));
        let spot = spot.ok_or_else(|| Rejected::NoSignal(Arc::clone(path)))?;
        let status = match spot.part {
            None => Some(self.state.task(spot.task).state.status()),
            Some(part) => self.state.parts(spot.task).and_then(|parts| parts.status(part)),
        };
        let name = match self.state.awaited_signal(spot) {
            Some(name) => Arc::clone(name),
            None if status.is_some_and(TaskStatus::is_final) => {
                return Err(match self.literal_name(spot) {
                    Some(name) if self.state.signal(&name).is_some() => Rejected::Signalled(name),
                    _ => Rejected::NoSignal(Arc::clone(path)),
                });
            }
            None => self
                .literal_name(spot)
                .ok_or_else(|| Rejected::NameUnknown(Arc::clone(path)))?,
        };
        self.signal(name, payload)
    }

    /// The name of the signal a task will wait for, if that is known before it does.
    fn literal_name(&self, spot: Spot) -> Option<Arc<str>> {
        match self.plan.task(spot.task).doc.with.get("name") {
            None | Some(Value::Null) => Some(self.key(spot.task)),
            Some(Value::String(name)) if !is_template(name) => Some(name.as_str().into()),
            Some(_) => None,
        }
    }

    /// Settles an approval by a person's answer. Who it was and when stands in the event, and in the output for the tasks behind it.
    pub(super) fn approve(
        &mut self,
        path: &Arc<str>,
        approved: bool,
        values: Value,
        comment: Option<String>,
    ) -> Result<(), Rejected> {
        let spot = self.plan.spot(path).filter(|spot| self.awaits_answer(*spot));
        let spot = spot.ok_or_else(|| Rejected::NotWaiting(Arc::clone(path)))?;
        self.try_approve(spot, approved, values, comment)
            .unwrap_or_else(|Missing| Err(Rejected::NeedsBlobs(std::mem::take(&mut self.out.needs_blobs))))
    }

    fn awaits_answer(&self, spot: Spot) -> bool {
        let waits_for = self.state.find_run(spot).map(|run| &run.state);
        matches!(
            waits_for,
            Some(TaskState::Waiting {
                waits_for: WaitsFor::Approval,
                ..
            })
        )
    }

    fn try_approve(
        &mut self,
        spot: Spot,
        approved: bool,
        values: Value,
        comment: Option<String>,
    ) -> Result<Result<(), Rejected>, Missing> {
        let input = self.state.run_of(spot).input.clone();
        let form = match input {
            Some(input) => self.load(&input)?.get("form").cloned(),
            None => None,
        };
        // A no needs no form.
        if let Some(form) = form.filter(|_| approved)
            && let Err(rejected) = fits(&form, &values)
        {
            return Ok(Err(rejected));
        }
        let answer = json!({
            "approved": approved,
            "by": &*self.actor,
            "at": self.now.to_string(),
            "values": values,
            "comment": comment,
        });
        match self.store_output(answer) {
            Ok(output) if approved => self.succeed(spot, output, Some("approved".into()), None)?,
            Ok(output) => {
                let why = comment.map_or_else(String::new, |comment| format!(": {comment}"));
                let message = format!("rejected by {}{why}", self.actor);
                self.fail(spot, TaskError::new("rejected", message), Some(output))?;
            }
            Err(error) => return Ok(Err(Rejected::BadAnswer(vec![error.message.to_string()]))),
        }
        Ok(Ok(()))
    }

    /// The time of a signal or an approval is up.
    pub(super) fn waited_too_long(&mut self, spot: Spot) -> Result<(), Missing> {
        let with = match self.state.run_of(spot).input.clone() {
            Some(input) => self.load(&input)?,
            None => Arc::default(),
        };
        match self.times(spot, &with) {
            Ok(times) if times.is_over(self.now) => self.nobody_came(spot, &with, &times),
            Ok(times) => self.time_is_up(spot, &times),
            Err(error) => self.fail(spot, error, None),
        }
    }

    /// What its author wants to happen when nothing came in all that time.
    fn nobody_came(&mut self, spot: Spot, with: &Value, times: &Times) -> Result<(), Missing> {
        if self.plan.task(spot.task).light == Some(Light::Signal) {
            return match with.get("default").cloned() {
                Some(default) => {
                    let output = self.store(default);
                    self.succeed(spot, output, Some("timeout".into()), None)
                }
                None => self.time_is_up(spot, times),
            };
        }
        let answer = |approved: bool| {
            json!({
                "approved": approved,
                "by": "timeout",
                "at": self.now.to_string(),
                "values": {},
                "comment": null,
            })
        };
        match OnTimeout::of(with) {
            Ok(OnTimeout::Approve) => {
                let output = answer(true).into();
                self.succeed(spot, output, Some("approved".into()), None)
            }
            Ok(OnTimeout::Reject) => {
                let message = format!("nobody answered{}", times.within());
                let output = Some(answer(false).into());
                self.fail(spot, TaskError::new("rejected", message), output)
            }
            _ => self.time_is_up(spot, times),
        }
    }

    /// Fails: for good if the time for all attempts is up, else this attempt.
    fn time_is_up(&mut self, spot: Spot, times: &Times) -> Result<(), Missing> {
        let message = format!("what it waited for did not come{}", times.within());
        let error = TaskError::new("timeout", message);
        if times.is_over(self.now) {
            self.fail(spot, error, None)
        } else {
            self.attempt_failed(spot, error, None)
        }
    }

    /// When the time of a waiting task run is up.
    fn times(&self, spot: Spot, with: &Value) -> Result<Times, TaskError> {
        let task = self.state.run_of(spot);
        let began_at = task.started_at.unwrap_or(self.now);
        // A later attempt began when it was due.
        let attempt_at = match task.attempts.last().and_then(|attempt| attempt.end.as_ref()) {
            Some(AttemptEnd::Failed {
                retry_at: Some(due), ..
            }) => *due,
            _ => began_at,
        };
        let after = |from: Timestamp| move |limit: HumanDuration| (from.plus(limit.as_duration()), limit);
        let all = duration(with, "timeout").map_err(bad_input)?;
        Ok(Times {
            all: all.map(after(began_at)),
            attempt: self.plan.task(spot.task).doc.timeout.map(after(attempt_at)),
        })
    }
}

/// When a task run waits no longer, with how long that is.
struct Times {
    /// In all.
    all: Option<(Timestamp, HumanDuration)>,
    /// In this attempt.
    attempt: Option<(Timestamp, HumanDuration)>,
}

impl Times {
    fn until(&self) -> Option<Timestamp> {
        [self.all, self.attempt]
            .into_iter()
            .flatten()
            .map(|(at, _)| at)
            .min()
    }

    /// Whether no further attempt may wait.
    fn is_over(&self, now: Timestamp) -> bool {
        self.all.is_some_and(|(at, _)| at <= now)
    }

    fn within(&self) -> String {
        let first = [self.all, self.attempt].into_iter().flatten().min();
        first.map_or_else(String::new, |(_, limit)| format!(" within {limit}"))
    }
}

/// What becomes of an approval that nobody answers.
enum OnTimeout {
    Fail,
    Approve,
    Reject,
}

impl OnTimeout {
    fn of(with: &Value) -> Result<Self, String> {
        match with.get("on_timeout") {
            None | Some(Value::Null) => Ok(Self::Fail),
            Some(Value::String(word)) if word == "fail" => Ok(Self::Fail),
            Some(Value::String(word)) if word == "approve" => Ok(Self::Approve),
            Some(Value::String(word)) if word == "reject" => Ok(Self::Reject),
            Some(_) => Err("`on_timeout` is `fail`, `approve` or `reject`".to_owned()),
        }
    }
}

/// How long a `wait` does not look at its condition.
fn poll(with: &Value) -> Result<Duration, String> {
    let poll = duration(with, "poll")?.map_or(WAIT_POLL_MS, HumanDuration::as_millis);
    Ok(Duration::from_millis(poll.max(WAIT_POLL_MIN_MS)))
}

fn duration(with: &Value, name: &str) -> Result<Option<HumanDuration>, String> {
    match with.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text
            .parse()
            .map(Some)
            .map_err(|error: crate::time::InvalidDuration| error.to_string()),
        Some(_) => Err(format!("`{name}` is a duration such as `30s`")),
    }
}

fn fits(form: &Value, values: &Value) -> Result<(), Rejected> {
    // A form that is none was told when the task began.
    let Ok(form) = Fit::of(form) else {
        return Ok(());
    };
    let problems: Vec<String> = form
        .misfits(values, ANSWER_MISFITS_MAX)
        .iter()
        .map(|misfit| match misfit.pointer.as_str() {
            "" => misfit.sentence(values),
            pointer => format!("{pointer}: {}", misfit.sentence(values)),
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Rejected::BadAnswer(problems))
    }
}

fn bad_input(message: String) -> TaskError {
    TaskError::new("input", message).permanent()
}
