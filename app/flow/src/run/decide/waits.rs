//! Tasks that wait for the world: a time or a condition, a signal, a person's answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::limits::{SIGNALS_MAX, WAIT_EVERY_MIN_MS, WAIT_EVERY_MS};
use crate::payload::Payload;
use crate::plan::{Light, Spot};
use crate::run::command::Rejected;
use crate::run::event::{EventKind, TaskError};
use crate::run::state::{TaskState, WaitsFor};
use crate::time::{HumanDuration, Timestamp};

use super::Decider;
use super::light::text;
use super::values::Missing;

impl Decider<'_, '_> {
    /// Looks at what a `wait` waits for: a time in the form of a text, or a condition that has just been judged.
    pub(super) fn wait(&mut self, spot: Spot, with: &Value) -> Result<(), Missing> {
        let next = match (with.get("until"), every(with)) {
            (_, Err(message)) => return self.fail(spot, bad_input(message), None),
            (Some(Value::Bool(true)), _) => return self.succeed(spot, Payload::null(), None, None),
            (Some(Value::Bool(false)), Ok(every)) => self.now.plus(every),
            (Some(Value::String(moment)), _) => match moment.parse::<Timestamp>() {
                Ok(moment) if moment <= self.now => {
                    return self.succeed(spot, Payload::null(), None, None);
                }
                Ok(moment) => moment,
                Err(error) => return self.fail(spot, bad_input(error.to_string()), None),
            },
            _ => {
                let message = "`until` must give a time such as `2026-01-31T12:00:00Z`, or true or false";
                return self.fail(spot, bad_input(message.to_owned()), None);
            }
        };
        let deadline = self.deadline(spot);
        if deadline.is_some_and(|deadline| deadline <= self.now) {
            return self.fail(spot, self.too_late(spot), None);
        }
        let until = Some(deadline.map_or(next, |deadline| next.min(deadline)));
        // Its arguments are evaluated again at each look; those of the first are kept to be shown.
        let input = match self.state.run_of(spot).input {
            Some(_) => None,
            None => Some(self.store(with.clone())),
        };
        self.begin_waiting(spot, WaitsFor::Wait, until, (input, None));
        Ok(())
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
        let input = self.store(with);
        let until = self.deadline(spot);
        self.begin_waiting(spot, WaitsFor::Signal, until, (Some(input), Some(name)));
        Ok(())
    }

    pub(super) fn await_answer(&mut self, spot: Spot, with: Value) -> Result<(), Missing> {
        if let Some(Err(error)) = with.get("form").map(jsonschema::validator_for) {
            let message = format!("the form is no JSON Schema: {error}");
            return self.fail(spot, bad_input(message), None);
        }
        let input = self.store(with);
        let until = self.deadline(spot);
        self.begin_waiting(spot, WaitsFor::Approval, until, (Some(input), None));
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

    /// Keeps a signal. Who waits for it goes on by the agenda.
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
        let input = self.state.run_of(spot).input.clone();
        let is_signal = self.plan.task(spot.task).light == Some(Light::Signal);
        let default = match input.filter(|_| is_signal) {
            Some(input) => self.load(&input)?.get("default").cloned(),
            None => None,
        };
        match default {
            Some(default) => {
                let output = self.store(default);
                self.succeed(spot, output, Some("timeout".into()), None)
            }
            None => self.fail(spot, self.too_late(spot), None),
        }
    }

    fn too_late(&self, spot: Spot) -> TaskError {
        let limit = self.plan.task(spot.task).doc.timeout;
        let limit = limit.map_or_else(String::new, |limit| format!(" within {limit}"));
        TaskError::new("timeout", format!("what it waited for did not come{limit}"))
    }

    /// When the time of a waiting task run is up, counted from when it began to wait.
    fn deadline(&self, spot: Spot) -> Option<Timestamp> {
        let began_at = self.state.run_of(spot).started_at.unwrap_or(self.now);
        let limit = self.plan.task(spot.task).doc.timeout?;
        Some(began_at.plus(limit.as_duration()))
    }
}

fn every(with: &Value) -> Result<Duration, String> {
    let every = match with.get("every") {
        None | Some(Value::Null) => WAIT_EVERY_MS,
        Some(Value::String(every)) => every
            .parse::<HumanDuration>()
            .map_err(|error| error.to_string())?
            .as_millis(),
        Some(_) => return Err("`every` is a duration such as `30s`".to_owned()),
    };
    Ok(Duration::from_millis(every.max(WAIT_EVERY_MIN_MS)))
}

fn fits(form: &Value, values: &Value) -> Result<(), Rejected> {
    // A form that is none was told when the task began.
    let Ok(form) = jsonschema::validator_for(form) else {
        return Ok(());
    };
    let problems: Vec<String> = form
        .iter_errors(values)
        .take(20)
        .map(|error| match error.instance_path().as_str() {
            "" => error.to_string(),
            path => format!("{path}: {error}"),
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
