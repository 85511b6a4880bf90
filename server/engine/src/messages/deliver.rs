//! What delivering a message means.

use std::sync::Arc;

use flow::RunId;
use flow::run::event::ParentRun;
use flow::run::{ChildAttempt, Command, StartChild, TaskError};

use super::{Body, child_key, follow, gates};
use crate::engine::{Engine, StartRun};
use crate::error::{EngineError, EngineResult};
#[cfg(test)]
use crate::shard::Planted;
use crate::shard::read_payload;
use crate::store::MessageId;

/// Delivers a message: what it causes is decided and committed, and its row is gone.
///
/// # Errors
/// If that cannot be now; it is to be tried again.
pub(super) async fn deliver(engine: &Engine, id: MessageId, body: Body) -> EngineResult<()> {
    match body {
        Body::StartChild {
            flow,
            version,
            inputs,
            parent,
            fork,
        } => {
            let (run, attempt) = (parent.run, attempt_of(&parent));
            let asked = StartChild {
                flow: Arc::clone(&flow),
                version,
                inputs,
                parent,
                fork,
            };
            let command = match start_child(engine, asked).await {
                Ok((child, version)) => Command::ChildStarted {
                    attempt,
                    child,
                    version,
                },
                Err(error) => Command::ChildRefused {
                    attempt,
                    error: refusal(&flow, error)?,
                },
            };
            tell(engine, run, command, id).await
        }
        Body::CancelChild {
            task,
            attempt,
            flow,
            child,
            force,
        } => {
            let parent = RunId(id.sender);
            let child = match child {
                Some(child) => Some(child),
                None => known_child(engine, &flow, &child_key(parent, &task, attempt)).await?,
            };
            let Some(child) = child else {
                // It was not started, and nobody asks for it any more: the message that did was delivered before this one.
                return take(engine, id).await;
            };
            let reason = Some(format!("{task} of {parent}, which had started it, was stopped"));
            tell(engine, child, Command::Cancel { force, reason }, id).await
        }
        Body::PauseChild { child, pause, .. } => {
            let command = if pause {
                let reason = Some(format!("{}, which had started it, was paused", RunId(id.sender)));
                Command::Pause { reason }
            } else {
                Command::Resume
            };
            tell(engine, child, command, id).await
        }
        Body::ChildEnded {
            parent,
            version,
            outcome,
            outputs,
            error,
        } => {
            if let Some(outputs) = &outputs {
                engine.put_again(outputs).await?;
            }
            let command = Command::ChildEnded {
                attempt: attempt_of(&parent),
                child: RunId(id.sender),
                version,
                outcome,
                outputs,
                error,
            };
            tell(engine, parent.run, command, id).await
        }
        Body::AskPermit { flow, permit } => {
            let run = RunId(id.sender);
            #[cfg(test)]
            let permit = engine.parts.shared.planted.widen(permit);
            gates::decide(engine, gates::id_of(&flow, &permit.key), id, |gate| {
                gate.ask(run, &permit)
            })
            .await
        }
        Body::ReleasePermit { flow, key } => {
            let run = RunId(id.sender);
            #[cfg(test)]
            if engine.parts.shared.planted == Planted::KeptPlaces {
                return take(engine, id).await;
            }
            gates::decide(engine, gates::id_of(&flow, &key), id, |gate| gate.release(run)).await
        }
        Body::Granted { run } => tell(engine, run, Command::Granted, id).await,
        Body::Refused { run, holders } => tell(engine, run, Command::Refused { holders }, id).await,
        Body::Leave { run, newer } => {
            let reason = Some(format!("{newer}, a newer run of the flow, takes its place"));
            tell(engine, run, Command::Cancel { force: false, reason }, id).await
        }
        Body::Ended { flow, outcome, depth } => {
            follow::start_followers(engine, RunId(id.sender), &flow, outcome, depth).await?;
            take(engine, id).await
        }
    }
}

fn attempt_of(parent: &ParentRun) -> ChildAttempt {
    ChildAttempt {
        path: Arc::clone(&parent.task),
        attempt: parent.attempt,
    }
}

/// Starts the run that a task asked for, or finds it: a crash may have come between its start and the answer.
async fn start_child(engine: &Engine, asked: StartChild) -> EngineResult<(RunId, u32)> {
    let StartChild {
        flow,
        version,
        inputs,
        parent,
        fork,
    } = asked;
    let key = child_key(parent.run, &parent.task, parent.attempt);
    #[cfg(test)]
    let key = engine.parts.shared.planted.respell(engine, key);
    if let Some(child) = known_child(engine, &flow, &key).await? {
        return Ok((child, engine.run_summary(child).await?.version));
    }
    let parts = &engine.parts.shared;
    let compiled = parts.flows.to_start(&flow, version).await?;
    let inputs = read_payload(&*parts.blobs, &inputs).await?;
    let start = StartRun {
        // The version that was looked up: a newer one may be saved meanwhile.
        version: Some(compiled.version),
        inputs: (*inputs).clone(),
        idempotency_key: Some(key),
        trigger: "subflow".to_owned(),
        actor: "engine".to_owned(),
        ..StartRun::of(&flow)
    };
    let started = match fork {
        Some(fork) => engine.start_child_fork(start, parent, *fork).await,
        None => engine.start_child_run(start, parent).await,
    };
    match started {
        Ok(child) => Ok((child, compiled.version)),
        // Started meanwhile, by a version with other defaults.
        Err(EngineError::KeyReused(child)) => Ok((child, engine.run_summary(child).await?.version)),
        Err(error) => Err(error),
    }
}

async fn known_child(engine: &Engine, flow: &str, key: &str) -> EngineResult<Option<RunId>> {
    let found = engine.parts.shared.store.run_by_key(flow, key).await?;
    Ok(found.map(|(run, _)| run))
}

/// What the parent is told if its child cannot be; an error if it may be later.
fn refusal(flow: &str, error: EngineError) -> EngineResult<TaskError> {
    let kind = match &error {
        _ if error.is_temporary() => return Err(error),
        EngineError::UnknownFlow(_) => "unknown_flow",
        EngineError::Archived(_) => "archived",
        EngineError::Invalid(_) => "invalid_inputs",
        _ => "child_refused",
    };
    Ok(TaskError::new(
        kind,
        format!("a run of {flow} cannot be started: {error}"),
    ))
}

/// Lets a run decide what a message causes. That it rejects the command, because it has ended or waits no longer, is an answer too.
async fn tell(engine: &Engine, run: RunId, command: Command, id: MessageId) -> EngineResult<()> {
    engine.parts.router.deliver(run, command, id).await
}

async fn take(engine: &Engine, id: MessageId) -> EngineResult<()> {
    Ok(engine.parts.shared.store.take_messages(vec![id]).await?)
}
