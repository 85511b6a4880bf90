//! The items of a `for_each`: listed once, started in their order as far as there is room, gathered in the end.

use std::sync::Arc;

use serde_json::Value;

use crate::limits::{INLINE_BYTES_MAX, ITEMS_MAX, OUTPUT_BYTES_MAX};
use crate::payload::{Payload, about_bytes};
use crate::plan::{Spot, TaskIx};
use crate::run::command::Effect;
use crate::run::event::{EventKind, ItemChunk, Skip, TaskError};
use crate::run::state::TaskState;

use super::Decider;
use super::values::Missing;

impl Decider<'_, '_> {
    /// Evaluates the list a task runs over.
    pub(super) fn list_items(&mut self, ix: TaskIx) -> Result<(), Missing> {
        self.n_light += 1;
        let program = self.program;
        let key = self.key(ix);
        let Some(template) = program.task(&key).and_then(|task| task.items.as_ref()) else {
            return self.fail(ix.into(), not_a_list(&Value::Null), None);
        };
        let scope = self.scope_of(template.refs(), Some(ix), None)?;
        let items = match template.render(program, &scope) {
            Ok(Value::Array(items)) if items.len() > ITEMS_MAX => {
                let message = format!("the list has {} items; at most {ITEMS_MAX} are run", items.len());
                return self.fail(
                    ix.into(),
                    TaskError::new("too_many_items", message).permanent(),
                    None,
                );
            }
            Ok(Value::Array(items)) => items,
            Ok(other) => return self.fail(ix.into(), not_a_list(&other), None),
            Err(error) => return self.fail(ix.into(), TaskError::new("expression", error.message), None),
        };
        let n = items.len() as u32;
        let items = self.chunks(items);
        self.emit(EventKind::ItemsListed { task: key, n, items });
        Ok(())
    }

    /// A short list stands in the event. A long one is cut into pieces, so that starting an item never loads all of them.
    fn chunks(&mut self, items: Vec<Value>) -> Vec<ItemChunk> {
        let bytes: Vec<usize> = items.iter().map(|item| about_bytes(item) + 1).collect();
        let total: usize = bytes.iter().sum();
        self.light_bytes += total;
        if items.is_empty() {
            return Vec::new();
        }
        if total <= INLINE_BYTES_MAX {
            let items = Value::Array(items).into();
            return vec![ItemChunk { first: 0, items }];
        }
        let mut chunks = Vec::new();
        let mut first = 0;
        let mut piece = Vec::new();
        let mut piece_bytes = 0;
        for (at, (item, bytes)) in items.into_iter().zip(bytes).enumerate() {
            if piece_bytes + bytes > INLINE_BYTES_MAX && !piece.is_empty() {
                chunks.push(self.chunk(first, std::mem::take(&mut piece)));
                (first, piece_bytes) = (at as u32, 0);
            }
            piece_bytes += bytes;
            piece.push(item);
        }
        chunks.push(self.chunk(first, piece));
        chunks
    }

    fn chunk(&mut self, first: u32, items: Vec<Value>) -> ItemChunk {
        let (items, blob) = Payload::keep_apart(&Value::Array(items));
        self.out.blobs.push(blob);
        ItemChunk { first, items }
    }

    /// One item of a task's list.
    pub(super) fn item(&mut self, ix: TaskIx, part: u32) -> Result<Arc<Value>, Missing> {
        let Some(parts) = self.state.parts(ix) else {
            return Ok(Arc::default());
        };
        let at = parts.chunks.partition_point(|chunk| chunk.first <= part);
        let Some(chunk) = at.checked_sub(1).and_then(|at| parts.chunks.get(at)) else {
            return Ok(Arc::default());
        };
        let place = (part - chunk.first) as usize;
        let payload = chunk.items.clone();
        let items = self.load(&payload)?;
        Ok(Arc::new(items.get(place).cloned().unwrap_or_default()))
    }

    /// Starts the next item, or ends the task if all have settled.
    pub(super) fn go_on_with_items(&mut self, ix: TaskIx) -> Result<(), Missing> {
        if self.plan.task(ix).light.is_none() {
            self.n_light += 1;
        }
        let Some(parts) = self.state.parts(ix) else {
            return Ok(());
        };
        if self.state.are_parts_stopped(ix) || parts.next >= parts.n {
            return self.gather(ix);
        }
        let spot = Spot::part(ix, parts.next);
        let program = self.program;
        let key = self.key(ix);
        let when = program.task(&key).and_then(|task| task.when.as_ref());
        if let Some(when) = when.filter(|when| when.refs().item) {
            let scope = self.scope_at(when.refs(), spot)?;
            match when.holds(program, &scope) {
                Ok(true) => {}
                Ok(false) => {
                    self.n_light += 1;
                    return self.skip(spot, Skip::When);
                }
                Err(error) => return self.fail(spot, TaskError::new("expression", error.message), None),
            }
        }
        self.attempt(spot)
    }

    /// All items have settled: the task ends by their outcomes.
    fn gather(&mut self, ix: TaskIx) -> Result<(), Missing> {
        let plan = Arc::clone(&self.plan);
        let (Some(parts), Some(each)) = (self.state.parts(ix), &plan.task(ix).doc.for_each) else {
            return Ok(());
        };
        if self.state.is_stopping(ix) {
            self.cancel_task(ix.into(), "the run ended before its items had");
            return Ok(());
        }
        if parts.is_too_large() {
            let message = format!(
                "its items gave more than {OUTPUT_BYTES_MAX} bytes of JSON together; let each give less, or keep it elsewhere and give where"
            );
            let error = TaskError::new("output_too_large", message).permanent();
            return self.fail(ix.into(), error, None);
        }
        let n_failed = parts.counts.failed;
        let error = (n_failed > each.n_tolerated(parts.n)).then(|| self.items_error(ix));
        // Of a list that was broken off, what there is would only mislead.
        if let Some(error) = error.clone().filter(|_| n_failed > each.n_before_stop(parts.n)) {
            return self.fail(ix.into(), error, None);
        }
        let output = self.gathered(ix)?;
        match (self.store_output(output), error) {
            (Ok(output), None) => self.succeed(ix.into(), output, None, None),
            (Ok(output), Some(error)) => self.fail(ix.into(), error, Some(output)),
            (Err(error), _) => self.fail(ix.into(), error, None),
        }
    }

    /// The outputs of all items in their order, null for those that did not succeed.
    fn gathered(&mut self, ix: TaskIx) -> Result<Value, Missing> {
        let Some(parts) = self.state.parts(ix) else {
            return Ok(Value::Null);
        };
        let mut all = vec![Value::Null; parts.n as usize];
        let outputs: Vec<(u32, Payload)> = parts
            .outputs
            .iter()
            .map(|(part, output)| (*part, output.clone()))
            .collect();
        // All that is missing is asked for at once.
        let mut is_missing = false;
        for (part, output) in outputs {
            match self.load(&output) {
                Ok(value) => all[part as usize] = Value::clone(&value),
                Err(Missing) => is_missing = true,
            }
        }
        if is_missing {
            return Err(Missing);
        }
        Ok(Value::Array(all))
    }

    fn items_error(&self, ix: TaskIx) -> TaskError {
        let Some(parts) = self.state.parts(ix) else {
            return TaskError::new("items", "items failed");
        };
        let (n_failed, n) = (parts.counts.failed, parts.n);
        let what = if n_failed == 1 { "item" } else { "items" };
        let first = parts.first_failed.unwrap_or_default();
        let why = parts
            .errors
            .get(&first)
            .map_or_else(String::new, |error| format!(": {}", error.message));
        TaskError::new(
            "items",
            format!("{n_failed} {what} of {n} failed, item {first} first{why}"),
        )
    }

    /// Tells that an item settled. If no further one may start for that, those at work are stopped.
    pub(super) fn emit_of_item(&mut self, spot: Spot, kind: EventKind) {
        let had_failed = self.state.have_parts_failed(spot.task);
        self.emit(kind);
        if !had_failed && self.state.have_parts_failed(spot.task) && !self.state.is_stopping(spot.task) {
            self.stop_items(spot.task, "it was stopped because other items had failed");
        }
    }

    /// Asks the items at work to end; those that hold no worker end at once, and without any the task does.
    pub(super) fn stop_items(&mut self, ix: TaskIx, reason: &str) {
        let Some(parts) = self.state.parts(ix) else { return };
        let open: Vec<u32> = parts.open.keys().copied().collect();
        for &part in &open {
            let spot = Spot::part(ix, part);
            match self.state.run_of(spot).state.token() {
                // When the run ends, all that is out is asked at once.
                Some(_) if self.state.is_stopping(ix) => {}
                Some(token) => self
                    .out
                    .effects
                    .push(Effect::CancelAttempt { token, kill: false }),
                None if self.waits_for_child(spot) => {}
                None => self.cancel_task(spot, reason),
            }
        }
        if !self.state.is_stopping(ix) {
            self.cancel_children(false, |_, spot| spot.task == ix);
        }
        if open.is_empty() && self.state.task(ix).state == TaskState::Spread && self.state.is_stopping(ix) {
            self.cancel_task(ix.into(), reason);
        }
    }
}

fn not_a_list(found: &Value) -> TaskError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let message = format!("`for_each.items` must give a list; it gave {found}");
    TaskError::new("items", message).permanent()
}
