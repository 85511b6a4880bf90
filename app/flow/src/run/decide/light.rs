//! The task types that are evaluated in the decision itself, so that a chain of forty of them costs one commit.

use std::sync::Arc;

use serde_json::Value;

use crate::payload::Payload;
use crate::plan::{Light, TaskIx};
use crate::run::command::Effect;
use crate::run::event::{EventKind, TaskError, WaitsFor};
use crate::time::{HumanDuration, Timestamp};

use super::Decider;
use super::values::Missing;

impl Decider<'_, '_> {
    pub(super) fn light(&mut self, ix: TaskIx, light: Light) -> Result<(), Missing> {
        self.n_light += 1;
        let with = match light {
            Light::Noop => return self.succeed(ix, Payload::null(), None, None),
            Light::Switch => return self.switch(ix),
            _ => match self.render_with(ix)? {
                Ok(with) => with,
                Err(error) => return self.fail(ix, error, None),
            },
        };
        match light {
            Light::Log => self.log(ix, with),
            Light::Fail => {
                let message = text(with.get("message")).unwrap_or_else(|| "the flow says so".to_owned());
                self.attempt_failed(ix, TaskError::new("failed", message), None)
            }
            Light::Delay => self.delay(ix, with),
            _ => self.give(ix, field(with, "value")),
        }
    }

    /// Succeeds with a value made here.
    fn give(&mut self, ix: TaskIx, value: Value) -> Result<(), Missing> {
        match self.store_output(value) {
            Ok(output) => self.succeed(ix, output, None, None),
            Err(error) => self.fail(ix, error, None),
        }
    }

    fn log(&mut self, ix: TaskIx, with: Value) -> Result<(), Missing> {
        let level = text(with.get("level")).unwrap_or_else(|| "info".to_owned());
        let message = text(with.get("message")).unwrap_or_default();
        let attempt = self.state.task(ix).attempts.len() as u32 + 1;
        let line = Effect::Log {
            task: self.key(ix),
            attempt,
            level: level.into(),
            message: message.as_str().into(),
        };
        self.give(ix, Value::String(message))?;
        self.out.effects.push(line);
        Ok(())
    }

    fn switch(&mut self, ix: TaskIx) -> Result<(), Missing> {
        let program = self.program;
        let key = self.key(ix);
        let Some(task) = program.task(&key) else {
            return self.take_case(ix, None);
        };
        for (case, condition) in &task.cases {
            let scope = self.scope_of(condition.refs(), Some(ix), None)?;
            match condition.holds(program, &scope) {
                Ok(true) => return self.take_case(ix, Some(case)),
                Ok(false) => {}
                Err(error) => return self.fail(ix, TaskError::new("expression", error.message), None),
            }
        }
        match self.render_with(ix)? {
            Ok(with) => self.take_case(ix, text(with.get("default")).as_deref()),
            Err(error) => self.fail(ix, error, None),
        }
    }

    /// No case and no default is no failure: the switch succeeds with null, and none of its cases' edges is taken.
    fn take_case(&mut self, ix: TaskIx, case: Option<&str>) -> Result<(), Missing> {
        let output = case.map_or(Value::Null, Value::from);
        self.succeed(ix, output.into(), case.map(Arc::from), None)
    }

    fn delay(&mut self, ix: TaskIx, with: Value) -> Result<(), Missing> {
        match due(&with, self.now) {
            Ok(until) => {
                let input = Some(with.into());
                self.emit(EventKind::TaskWaiting {
                    task: self.key(ix),
                    waits_for: WaitsFor::Delay,
                    until,
                    attempt: None,
                    input,
                });
                Ok(())
            }
            Err(message) => self.fail(ix, TaskError::new("input", message).permanent(), None),
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

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
