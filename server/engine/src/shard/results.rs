//! Results that hold again: looked for before an attempt is given out, kept after one has succeeded.

use std::sync::Arc;

use flow::RunId;
use flow::run::{CachedFrom, Command, Dispatch, KeepResult, Outcome};
use tracing::warn;

use super::{Message, Router, RunCommand, Shared, effects};
use crate::store::StoreResult;
use crate::store::lanes::KeptResult;

/// Ends an attempt with the result of an earlier, equal one, if there is one that holds; else hands it on.
pub(super) fn take_or(
    shared: &Shared,
    router: &Router,
    (run, flow, dispatch): (RunId, Arc<str>, Dispatch),
    key: Arc<str>,
) {
    let (shared, router) = (shared.clone(), router.clone());
    let runtime = shared.runtime.clone();
    runtime.spawn(async move {
        match find(&shared, &key).await {
            Ok(Some(kept)) => {
                let outcome = Outcome::Cached {
                    output: kept.output,
                    exit_code: kept.exit_code,
                    from: Box::new(CachedFrom {
                        run: kept.run,
                        task: kept.task.into(),
                        at: kept.at,
                    }),
                };
                let command = Command::AttemptEnded {
                    token: dispatch.token,
                    outcome,
                };
                router.send(run, Message::Command(RunCommand::of_engine(run, command)));
            }
            Ok(None) => effects::submit(&shared, &router, run, flow, dispatch),
            Err(error) => {
                // What is not known is worked for.
                warn!(run.id = %run, "Kept results cannot be looked at, {} of {run} is worked for: {error}", dispatch.path);
                effects::submit(&shared, &router, run, flow, dispatch);
            }
        }
    });
}

/// The result under a key. A large value is put again, so that it stays until the event that names it is durable.
async fn find(shared: &Shared, key: &str) -> StoreResult<Option<KeptResult>> {
    #[cfg(test)]
    let key = shared.planted.blur(key);
    let now = shared.clock.now();
    let Some(kept) = shared.store.kept_result(key, now).await? else {
        return Ok(None);
    };
    let Some(blob) = kept.output.blob() else {
        return Ok(Some(kept));
    };
    let Some(json) = shared.blobs.get(blob).await? else {
        return Ok(None);
    };
    shared.blobs.put(now, vec![(blob.clone(), json)]).await?;
    Ok(Some(kept))
}

/// Keeps a result whose event is durable.
pub(super) fn keep(shared: &Shared, run: RunId, result: KeepResult) {
    let shared = shared.clone();
    let (runtime, errands) = (shared.runtime.clone(), shared.errands.clone());
    let kept = async move {
        let at = shared.clock.now();
        let key = &*result.key;
        #[cfg(test)]
        let key = shared.planted.blur(key);
        let kept = KeptResult {
            key: key.to_owned(),
            run,
            task: result.task.to_string(),
            output: result.output,
            exit_code: result.exit_code,
            at,
            until: at.plus(result.ttl),
        };
        if let Err(error) = shared.store.keep_result(kept).await {
            warn!(run.id = %run, "The result of {} of {run} could not be kept: {error}", result.task);
        }
    };
    errands.spawn_on(kept, &runtime);
}
