//! The task types that are evaluated in the decision itself, so that a chain of forty of them costs one commit.

use std::sync::Arc;

use serde_json::Value;

use crate::payload::Payload;
use crate::plan::{Light, Spot};
use crate::run::command::Effect;
use crate::run::event::{EventKind, TaskError, WaitsFor};
use crate::time::{HumanDuration, Timestamp};

use super::Decider;
use super::values::Missing;

impl Decider<'_, '_> {
    pub(super) fn light(&mut self, spot: Spot, light: Light) -> Result<(), Missing> {
        self.n_light += 1;
        let with = match light {
            Light::Noop => return self.succeed(spot, Payload::null(), None, None),
            Light::Switch => return self.switch(spot),
            _ => match self.render_with(spot)? {
                Ok(with) => with,
                Err(error) => return self.fail(spot, error, None),
            },
        };
        match light {
            Light::Log => self.log(spot, with),
            Light::Fail => {
                let message = text(with.get("message")).unwrap_or_else(|| "the flow says so".to_owned());
                self.attempt_failed(spot, TaskError::new("failed", message), None)
            }
            Light::Delay => self.delay(spot, with),
            Light::Wait => self.wait(spot, with),
            Light::Subflow => self.request_child(spot, &with),
            Light::Signal => self.await_signal(spot, with),
            Light::Approval => self.await_answer(spot, with),
            _ => self.give(spot, field(with, "value")),
        }
    }

    /// Succeeds with a value made here.
    fn give(&mut self, spot: Spot, value: Value) -> Result<(), Missing> {
        match self.store_output(value) {
            Ok(output) => self.succeed(spot, output, None, None),
            Err(error) => self.fail(spot, error, None),
        }
    }

    fn log(&mut self, spot: Spot, with: Value) -> Result<(), Missing> {
        let level = text(with.get("level")).unwrap_or_else(|| "info".to_owned());
        let message = text(with.get("message")).unwrap_or_default();
        let attempt = self.state.run_of(spot).attempts.len() as u32 + 1;
        let line = Effect::Log {
            task: self.path(spot),
            attempt,
            level: level.into(),
            message: message.as_str().into(),
        };
        self.give(spot, Value::String(message))?;
        self.out.effects.push(line);
        Ok(())
    }

    fn switch(&mut self, spot: Spot) -> Result<(), Missing> {
        let program = self.program;
        let key = self.key(spot.task);
        let Some(task) = program.task(&key) else {
            return self.take_case(spot, None);
        };
        for (case, condition) in &task.cases {
            let scope = self.scope_at(condition.refs(), spot)?;
            match condition.holds(program, &scope) {
                Ok(true) => return self.take_case(spot, Some(case)),
                Ok(false) => {}
                Err(error) => return self.fail(spot, TaskError::new("expression", error.message), None),
            }
        }
        match self.render_with(spot)? {
            Ok(with) => self.take_case(spot, text(with.get("default")).as_deref()),
            Err(error) => self.fail(spot, error, None),
        }
    }

    /// No case and no default is no failure: the switch succeeds with null, and none of its cases' edges is taken.
    fn take_case(&mut self, spot: Spot, case: Option<&str>) -> Result<(), Missing> {
        let output = case.map_or(Value::Null, Value::from);
        self.succeed(spot, output.into(), case.map(Arc::from), None)
    }

    fn delay(&mut self, spot: Spot, with: Value) -> Result<(), Missing> {
        match due(&with, self.now) {
            Ok(until) => {
                let input = Some(with.into());
                self.emit(EventKind::TaskWaiting {
                    task: self.path(spot),
                    waits_for: WaitsFor::Delay,
                    until: Some(until),
                    attempt: None,
                    input,
                    signal: None,
                });
                Ok(())
            }
            Err(message) => self.fail(spot, TaskError::new("input", message).permanent(), None),
        }
    }
}

fn due(with: &Value, now: Timestamp) -> Result<Timestamp, String> {
    match (with.get("for"), with.get("until")) {
        (Some(Value::String(length)), None) => length
            .parse::<HumanDuration>()
            .map(|length| now.plus(length.as_duration()))
            .map_err(|error| error.to_string()),
        (None, Some(Value::String(moment))) => moment
            .parse()
            .map_err(|error: crate::time::InvalidTimestamp| error.to_string()),
        (Some(_), Some(_)) => Err("a delay takes `for` or `until`, not both".to_owned()),
        (None, None) => Err("a delay needs `for` (a duration) or `until` (a time)".to_owned()),
        _ => Err("a delay's `for` and `until` are texts, such as `90s` or `2026-01-31T12:00:00Z`".to_owned()),
    }
}

fn field(with: Value, name: &str) -> Value {
    match with {
        Value::Object(mut fields) => fields.remove(name).unwrap_or(Value::Null),
        _ => Value::Null,
    }
}

pub(super) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
