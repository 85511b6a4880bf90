//! Flows that start when runs of others end.

use std::sync::Arc;

use flow::RunId;
use flow::expr::Scope;
use flow::limits::FOLLOWING_DEPTH_MAX;
use flow::run::event::Ended;
use flow::run::{FollowedRun, Phase};
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::engine::{Engine, StartRun};
use crate::error::{EngineError, EngineResult};
use crate::store::Follower;

/// Starts the flows that follow a run's end, each once: the key is made of its name for that and the run.
pub(super) async fn start_followers(
    engine: &Engine,
    run: RunId,
    flow: &Arc<str>,
    outcome: Ended,
    depth: u32,
) -> EngineResult<()> {
    let followers = engine.parts.shared.store.followers().await?;
    for follower in followers.iter().filter(|follower| follower.followed == *flow) {
        if depth >= FOLLOWING_DEPTH_MAX {
            warn!(run.id = %run, "{} does not start after {run}: runs lead to runs only {FOLLOWING_DEPTH_MAX} times; do the flows follow each other?", follower.flow);
            continue;
        }
        match start(engine, run, follower, outcome, depth + 1).await {
            Ok(Some(started)) => info!(run.id = %started, "{} started {started} after {run}", follower.flow),
            Ok(None) => {}
            Err(error) if error.is_temporary() => return Err(error),
            Err(error) => warn!(run.id = %run, "{} could not start after {run}: {error}", follower.flow),
        }
    }
    Ok(())
}

async fn start(
    engine: &Engine,
    run: RunId,
    follower: &Follower,
    outcome: Ended,
    depth: u32,
) -> EngineResult<Option<RunId>> {
    let compiled = engine.parts.shared.flows.to_start(&follower.flow, None).await?;
    let Some(after) = compiled.doc().after.get(&*follower.name) else {
        return Ok(None);
    };
    if !after.covers(outcome.key()) {
        return Ok(None);
    }
    let Some(inputs) = compiled.program.after(&follower.name) else {
        return Ok(None);
    };
    let facts = json!({
        "name": &*follower.name,
        "flow": &*follower.followed,
        "run": run.to_string(),
        "outcome": outcome.key(),
        "outputs": outputs(engine, run).await?,
    });
    let scope = Scope::of_trigger(Arc::new(facts));
    let scope = engine.parts.variables.seen_with(scope, &compiled.program).await?;
    let inputs = inputs
        .render(&compiled.program, &scope)
        .map_err(|error| EngineError::BadRequest(format!("its inputs cannot be made: {error}")))?;
    let start = StartRun {
        version: Some(compiled.version),
        inputs,
        idempotency_key: Some(format!("after {} {run}", follower.name)),
        trigger: format!("after {}", follower.followed),
        actor: "engine".to_owned(),
        ..StartRun::of(&follower.flow)
    };
    match engine.start_following(start, FollowedRun { run, depth }).await {
        Ok(started) | Err(EngineError::KeyReused(started)) => Ok(Some(started)),
        Err(error) => Err(error),
    }
}

/// What a run gave; null if it did not succeed, or retention has taken it.
async fn outputs(engine: &Engine, run: RunId) -> EngineResult<Value> {
    let state = match engine.state(run).await {
        Ok(state) => state,
        Err(EngineError::UnknownRun(_)) => return Ok(Value::Null),
        Err(error) => return Err(error),
    };
    match state.phase() {
        Phase::Finished {
            outputs: Some(outputs),
            ..
        } => {
            let outputs = crate::shard::read_payload(&*engine.parts.shared.blobs, outputs).await?;
            Ok((*outputs).clone())
        }
        _ => Ok(Value::Null),
    }
}
