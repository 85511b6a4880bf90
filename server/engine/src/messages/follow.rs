//! Flows that start when runs of others end.

use std::sync::Arc;

use flow::RunId;
use flow::expr::Scope;
use flow::limits::FOLLOWING_DEPTH_MAX;
use flow::run::event::Ended;
use flow::run::{FollowedRun, Phase};
use flow::view::FollowerView;
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::engine::{Engine, StartRun};
use crate::error::{EngineError, EngineResult};
use crate::store::{FollowMark, Follower};

/// Starts the flows that follow a run's end, each once: the key is made of its name for that and the run.
pub(super) async fn start_followers(
    engine: &Engine,
    run: RunId,
    flow: &Arc<str>,
    outcome: Ended,
    depth: u32,
) -> EngineResult<()> {
    let store = &engine.parts.shared.store;
    let followers = store.followers().await?;
    for follower in followers.iter().filter(|follower| follower.followed == *flow) {
        let came = match start(engine, run, follower, outcome, depth + 1).await {
            Ok(Some(started)) => {
                info!(run.id = %started, "{} started {started} after {run}", follower.flow);
                Ok(started)
            }
            Ok(None) => continue,
            Err(error) if error.is_temporary() => return Err(error),
            Err(error) => {
                warn!(run.id = %run, "{} could not start after {run}: {error}", follower.flow);
                let why = told(&error);
                crate::notify::not_started(engine, follower, (run, outcome), &why).await?;
                Err(why)
            }
        };
        let mark = FollowMark {
            at: engine.clock().now(),
            after: run,
            came,
        };
        store.mark_follower(&follower.flow, &follower.name, mark).await?;
    }
    Ok(())
}

/// All that is wrong with the inputs, each with its place.
fn told(error: &EngineError) -> String {
    match error {
        EngineError::Invalid(problems) => {
            let all = problems.iter().map(|problem| match &problem.field {
                Some(field) => format!("{field}: {}", problem.message),
                None => problem.message.clone(),
            });
            all.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

impl Engine {
    /// The flows that start when others end, those of one flow or of all that are not archived.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn followers(&self, flow: Option<&str>) -> EngineResult<Vec<FollowerView>> {
        let all = self.parts.shared.store.followers().await?;
        let wanted = all
            .into_iter()
            .filter(|follower| flow.is_none_or(|flow| *flow == *follower.flow));
        Ok(wanted.map(view).collect())
    }
}

fn view(follower: Follower) -> FollowerView {
    let (last_at, last_after, came) = match follower.last {
        Some(last) => (Some(last.at), Some(last.after), Some(last.came)),
        None => (None, None, None),
    };
    let (last_run, last_error) = match came {
        Some(Ok(run)) => (Some(run), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, None),
    };
    FollowerView {
        flow: follower.flow.to_string(),
        name: follower.name.to_string(),
        after: follower.followed.to_string(),
        last_at,
        last_after,
        last_run,
        last_error,
    }
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
    if depth > FOLLOWING_DEPTH_MAX {
        return Err(EngineError::BadRequest(format!(
            "runs lead to runs only {FOLLOWING_DEPTH_MAX} times; do the flows follow each other?"
        )));
    }
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
