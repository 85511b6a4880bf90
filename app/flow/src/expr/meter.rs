//! What a rendering may still spend.
//!
//! The template engine counts its own steps, but one step can be a filter over a million items or a text of megabytes. So
//! everything that takes more than constant time pays here first, in bytes touched or made, and stops when nothing is left.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use minijinja::value::Object;
use minijinja::{Error, ErrorKind, State, Value};

use crate::limits;

/// The name under which functions find the meter. No author can write it.
pub(super) const METER: &str = "%meter";

/// What one call of a function or filter counts for: a filter may be called for each item of a list in one step of the engine.
const CALL_BYTES: u64 = 128;

/// What one part of a value counts for that is looked at through the engine.
pub(super) const PART_BYTES: u64 = 64;

/// The budget of one rendering, shared by all that takes part in it.
#[derive(Debug)]
pub(super) struct Meter {
    work: AtomicU64,
    output: AtomicU64,
    missed: Mutex<Option<Missed>>,
}

/// The last thing that was asked for and not there.
#[derive(Clone, Debug)]
pub(super) struct Missed {
    /// What was asked for.
    pub(super) key: String,
    /// What there is instead, as a list of names or a sentence.
    pub(super) there: String,
}

impl Object for Meter {}

impl Meter {
    /// The full budget of one rendering.
    pub(super) fn full() -> Arc<Self> {
        Arc::new(Self {
            work: AtomicU64::new(limits::EXPRESSION_BYTES_MAX),
            output: AtomicU64::new(limits::RENDER_BYTES_MAX as u64),
            missed: Mutex::new(None),
        })
    }

    /// The meter of the rendering that a function is called in.
    /// The call itself is paid for.
    pub(super) fn of(state: &State<'_, '_>) -> Result<Arc<Self>, Error> {
        let meter = state
            .lookup(METER)
            .and_then(|value| value.downcast_object::<Self>())
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "called outside of a rendering"))?;
        meter.charge(CALL_BYTES)?;
        Ok(meter)
    }

    /// Pays for `bytes` touched or made.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), Error> {
        if take(&self.work, bytes) {
            Ok(())
        } else {
            Err(too_much_work())
        }
    }

    /// Pays for a text of `bytes`, which is never longer than a result may be.
    pub(super) fn charge_text(&self, bytes: u64) -> Result<(), Error> {
        Self::fits_text(bytes)?;
        self.charge(bytes)
    }

    /// Refuses a text longer than a result may be.
    pub(super) fn fits_text(bytes: u64) -> Result<(), Error> {
        if bytes > limits::RENDER_BYTES_MAX as u64 {
            Err(too_much_output())
        } else {
            Ok(())
        }
    }

    /// Pays for `count` items made or visited.
    pub(super) fn charge_items(&self, count: usize) -> Result<(), Error> {
        self.charge((count as u64).saturating_mul(limits::EXPRESSION_ITEM_BYTES))
    }

    /// Pays for `bytes` of the result.
    pub(super) fn emit(&self, bytes: usize) -> Result<(), Error> {
        if take(&self.output, bytes as u64) {
            Ok(())
        } else {
            Err(too_much_output())
        }
    }

    /// Remembers what was not there, for the error if there will be one.
    pub(super) fn miss(&self, missed: Missed) {
        if let Ok(mut last) = self.missed.lock() {
            *last = Some(missed);
        }
    }

    /// The last thing that was not there.
    pub(super) fn missed(&self) -> Option<Missed> {
        self.missed.lock().ok().and_then(|last| last.clone())
    }

    /// Fails if something before ran out: a lazy value cannot fail itself where the engine asks it for a part.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.charge(0)
    }
}

/// Takes `amount`; once it is not there, nothing is ever there again.
fn take(left: &AtomicU64, amount: u64) -> bool {
    let now = left.load(Ordering::Relaxed);
    let rest = now.saturating_sub(amount.saturating_add(1));
    left.store(rest, Ordering::Relaxed);
    rest > 0
}

pub(super) fn too_much_work() -> Error {
    Error::new(
        ErrorKind::OutOfFuel,
        format!(
            "takes too much work: it was stopped after {} MiB of values; filter earlier, or use a task for heavy data work",
            limits::EXPRESSION_BYTES_MAX / (1024 * 1024)
        ),
    )
}

fn too_much_output() -> Error {
    Error::new(
        ErrorKind::WriteFailure,
        format!(
            "makes more than {} MiB; keep large data in files or blobs",
            limits::RENDER_BYTES_MAX / (1024 * 1024)
        ),
    )
}

/// The cost of visiting every part of a value, paid while visiting; also refuses values nested too deep to be walked.
pub(super) fn weigh(value: &Value, meter: &Meter) -> Result<u64, Error> {
    let mut sum = 0;
    weigh_into(value, meter, 0, &mut sum)?;
    Ok(sum)
}

fn weigh_into(value: &Value, meter: &Meter, depth: usize, sum: &mut u64) -> Result<(), Error> {
    check_depth(depth)?;
    if let Some(json) = value.downcast_object_ref::<super::json::JsonPart>() {
        return weigh_json(json.get(), meter, depth, sum);
    }
    let own = value
        .as_str()
        .map_or(PART_BYTES, |text| PART_BYTES + text.len() as u64);
    meter.charge(own)?;
    *sum += own;
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    match object.repr() {
        minijinja::value::ObjectRepr::Seq | minijinja::value::ObjectRepr::Iterable => {
            for item in object.try_iter().into_iter().flatten() {
                weigh_into(&item, meter, depth + 1, sum)?;
            }
        }
        minijinja::value::ObjectRepr::Map => {
            for (key, item) in object.try_iter_pairs().into_iter().flatten() {
                weigh_into(&key, meter, depth + 1, sum)?;
                weigh_into(&item, meter, depth + 1, sum)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn weigh_json(json: &serde_json::Value, meter: &Meter, depth: usize, sum: &mut u64) -> Result<(), Error> {
    use serde_json::Value as Json;
    check_depth(depth)?;
    let own = match json {
        Json::String(text) => 16 + text.len() as u64,
        Json::Object(map) => 32 * map.len() as u64 + 16,
        _ => 16,
    };
    meter.charge(own)?;
    *sum += own;
    match json {
        Json::Array(items) => items
            .iter()
            .try_for_each(|item| weigh_json(item, meter, depth + 1, sum)),
        Json::Object(map) => map
            .values()
            .try_for_each(|item| weigh_json(item, meter, depth + 1, sum)),
        _ => Ok(()),
    }
}

/// Fails below the nesting a value may have. A margin above that of documents lets an expression wrap one.
pub(super) fn check_depth(depth: usize) -> Result<(), Error> {
    if depth > 2 * limits::DEPTH_MAX {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "makes a value nested deeper than {} levels",
                2 * limits::DEPTH_MAX
            ),
        ));
    }
    Ok(())
}
