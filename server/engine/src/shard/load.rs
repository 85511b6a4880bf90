//! Runs and large values brought into memory, beside the loop.

use std::sync::Arc;

use flow::RunId;
use flow::payload::{BlobRef, Payload};
use flow::run::{EventKind, RunState};
use serde_json::Value;

use super::{Message, Router, Shared};
use crate::error::{EngineError, EngineResult};
use crate::flows::Compiled;
use crate::store::BlobStore;

/// Events read at a time.
const EVENTS_PER_READ: usize = 10_000;

/// A run as its log makes it; `None` if there is no such run.
pub(super) type Loaded = EngineResult<Option<(RunState, Arc<Compiled>)>>;

/// Reads a run from its log and tells the loop.
pub(super) fn run(shared: &Shared, router: &Router, run: RunId) {
    let (shared, router) = (shared.clone(), router.clone());
    let runtime = shared.runtime.clone();
    runtime.spawn(async move {
        let loaded = read_run(&shared, run).await;
        let loaded = Box::new(loaded);
        router.send(run, Message::Loaded { run, loaded });
    });
}

async fn read_run(shared: &Shared, run: RunId) -> Loaded {
    let mut loaded: Option<(RunState, Arc<Compiled>)> = None;
    loop {
        let after = loaded.as_ref().map_or(0, |(state, _)| state.last_seq());
        let events = shared.store.events(run, after, EVENTS_PER_READ).await?;
        if events.is_empty() {
            return Ok(loaded);
        }
        for event in &events {
            match (&mut loaded, &event.kind) {
                (Some((state, _)), _) => state.apply(event),
                (none, EventKind::RunCreated { flow, version, .. }) => {
                    let compiled = shared.flows.get(flow, Some(*version)).await?;
                    let state = RunState::begin(Arc::clone(&compiled.plan), event)
                        .map_err(|error| bad_log(run, &error))?;
                    *none = Some((state, compiled));
                }
                (None, _) => return Err(bad_log(run, &"it does not begin with the run's creation")),
            }
        }
    }
}

fn bad_log(run: RunId, why: &dyn std::fmt::Display) -> EngineError {
    EngineError::Unavailable(format!("the log of {run} cannot be read: {why}"))
}

/// Reads large values and tells the loop.
pub(super) fn values(shared: &Shared, router: &Router, run: RunId, wanted: Vec<BlobRef>) {
    let (shared, router) = (shared.clone(), router.clone());
    let runtime = shared.runtime.clone();
    runtime.spawn(async move {
        let mut values = Vec::with_capacity(wanted.len());
        for blob in wanted {
            match read_blob(&*shared.blobs, &blob).await {
                Ok(value) => values.push((blob, value)),
                Err(error) => {
                    router.send(
                        run,
                        Message::Values {
                            run,
                            values: Err(error),
                        },
                    );
                    return;
                }
            }
        }
        router.send(
            run,
            Message::Values {
                run,
                values: Ok(values),
            },
        );
    });
}

/// A large value.
pub(crate) async fn read_blob(blobs: &dyn BlobStore, blob: &BlobRef) -> EngineResult<Arc<Value>> {
    let json = blobs.get(blob).await?;
    let json = json.ok_or_else(|| {
        EngineError::Unavailable(format!(
            "the value {} is missing from the blob store",
            blob.sha256
        ))
    })?;
    serde_json::from_slice(&json).map(Arc::new).map_err(|error| {
        EngineError::Unavailable(format!("the value {} cannot be read: {error}", blob.sha256))
    })
}

/// A value, wherever it lies.
pub(crate) async fn read_payload(blobs: &dyn BlobStore, payload: &Payload) -> EngineResult<Arc<Value>> {
    match payload {
        Payload::Inline(value) => Ok(Arc::clone(value)),
        Payload::Blob(blob) => read_blob(blobs, blob).await,
    }
}
