//! What a task run is known by to its queue and to the cache: evaluated once, with its arguments.

use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::expr::Template;
use crate::limits::QUEUE_KEY_BYTES_MAX;
use crate::payload::Payload;
use crate::plan::Spot;
use crate::run::command::{Effect, KeepResult};
use crate::run::event::TaskError;
use crate::run::state::TaskKeys;

use super::Decider;
use super::values::Missing;

impl Decider<'_, '_> {
    /// The keys of a task run with these arguments, or why they cannot be told; none if the task says nothing of them.
    pub(super) fn keys_of(
        &mut self,
        spot: Spot,
        input: &Value,
    ) -> Result<Result<Option<TaskKeys>, TaskError>, Missing> {
        let doc = &self.plan.task(spot.task).doc;
        if doc.queue_key.is_none() && doc.cache.is_none() {
            return Ok(Ok(None));
        }
        let program = self.program;
        let task = program.task(&self.key(spot.task));
        let mut keys = TaskKeys::default();
        if let Some(template) = task.and_then(|task| task.queue_key.as_deref()) {
            match self
                .render_key(spot, template)?
                .and_then(|value| queue_key(&value))
            {
                Ok(key) => keys.queue_key = Some(key),
                Err(error) => return Ok(Err(error)),
            }
        }
        if self.plan.task(spot.task).is_cached() {
            let key = match task.and_then(|task| task.cache_key.as_deref()) {
                Some(template) => match self.render_key(spot, template)? {
                    Ok(key) => key,
                    Err(error) => return Ok(Err(error)),
                },
                None => input.clone(),
            };
            keys.cache_key = Some(self.cache_key(spot, &key));
        }
        Ok(Ok(Some(keys)))
    }

    /// Whether a task run is done again because somebody wanted that: a kept result does not serve.
    pub(super) fn is_wanted_again(&self, spot: Spot) -> bool {
        let from = self.state.data.forked_at.as_deref();
        from.is_some_and(|from| *self.path(spot) == *from || *self.key(spot.task) == *from)
    }

    fn render_key(&mut self, spot: Spot, template: &Template) -> Result<Result<Value, TaskError>, Missing> {
        let scope = self.scope_at(template.refs(), spot)?;
        Ok(template
            .render(self.program, &scope)
            .map_err(|error| TaskError::new("expression", error.message).permanent()))
    }

    /// A result holds for the same task of the same flow with the same type and arguments as written; of these and the key a hash is
    /// made, which is kept for as long as results are, so it must be the same in every build.
    fn cache_key(&self, spot: Spot, key: &Value) -> Arc<str> {
        let plan = self.plan.task(spot.task);
        let flow = &self.plan.doc.flow;
        let of = serde_json::json!([flow, &*plan.key, plan.doc.task_type, plan.doc.with, key]);
        crate::payload::hex(&Sha256::digest(sorted(of).to_string().as_bytes())).into()
    }

    /// A result that may be taken by later task runs is kept once its event is durable.
    pub(super) fn keep_result(&mut self, spot: Spot, output: &Payload, exit_code: Option<i32>) {
        let keys = self.state.run_of(spot).keys.as_deref();
        let Some(key) = keys.and_then(|keys| keys.cache_key.clone()) else {
            return;
        };
        let Some(cache) = self.plan.task(spot.task).doc.cache.as_deref() else {
            return;
        };
        let ttl = cache.ttl.as_duration();
        self.out.effects.push(Effect::KeepResult(Box::new(KeepResult {
            key,
            ttl,
            task: self.path(spot),
            output: output.clone(),
            exit_code,
        })));
    }
}

/// A text as it is, anything else as JSON.
fn queue_key(value: &Value) -> Result<Arc<str>, TaskError> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() > QUEUE_KEY_BYTES_MAX {
        let message = format!(
            "its `queue_key` has {} bytes; at most {QUEUE_KEY_BYTES_MAX} are taken",
            text.len()
        );
        return Err(TaskError::new("queue_key", message).permanent());
    }
    Ok(text.into())
}

/// The same value with the fields of its objects in order: how an author or an expression orders them makes no difference.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields
                .into_iter()
                .map(|(name, field)| (name, sorted(field)))
                .collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(fields.into_iter().collect::<Map<_, _>>())
        }
        other => other,
    }
}
