//! What workers report, on its way to the run it is about.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::payload::{NewBlob, Payload};
use flow::run::{Command, Outcome, TaskError};
use flow::{AttemptToken, RunId, Timestamp};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::dispatch::Report;
use crate::error::EngineResult;
use crate::shard::{Message, Router, RunCommand};
use crate::store::BlobStore;
use crate::task_type::TaskOutcome;

/// Hands a report to the loop that owns its run. Outputs that are large are made durable first.
pub(crate) fn take(
    router: &Router,
    blobs: &Arc<dyn BlobStore>,
    now: Timestamp,
    runtime: &Handle,
    report: Report,
) {
    match report {
        Report::Started { run, token } => send(
            router,
            run,
            Command::AttemptStarted {
                token,
                worker: "local".into(),
            },
        ),
        Report::Free => {}
        Report::Lost { run, token } => send(
            router,
            run,
            Command::AttemptEnded {
                token,
                outcome: Outcome::Lost,
            },
        ),
        Report::HandedBack {
            run,
            token,
            at_most_once,
        } => {
            // An attempt that asks to be called again at once keeps its number, and no loss is counted.
            let outcome = if at_most_once {
                Outcome::Lost
            } else {
                Outcome::Snoozed(Duration::ZERO)
            };
            send(router, run, Command::AttemptEnded { token, outcome });
        }
        Report::Ended { run, token, outcome } => {
            let (outcome, blob) = convert(outcome);
            let Some(blob) = blob else {
                send(router, run, Command::AttemptEnded { token, outcome });
                return;
            };
            let (router, blobs) = (router.clone(), Arc::clone(blobs));
            runtime.spawn(
                async move { keep_and_send(&router, &*blobs, now, (run, token, outcome), blob).await },
            );
        }
    }
}

/// The same for a report that its giver wants to know heard: comes back when what it says is durable.
pub(crate) async fn settle(
    router: &Router,
    blobs: &dyn BlobStore,
    now: Timestamp,
    (run, token, outcome): (RunId, AttemptToken, TaskOutcome),
) -> EngineResult<()> {
    let (outcome, blob) = convert(outcome);
    if let Some(blob) = blob {
        blobs
            .put(now, vec![(blob.blob, Bytes::from_owner(blob.json))])
            .await?;
    }
    let command = Command::AttemptEnded { token, outcome };
    router.command(run, command, "engine".into()).await
}

async fn keep_and_send(
    router: &Router,
    blobs: &dyn BlobStore,
    now: Timestamp,
    (run, token, outcome): (RunId, AttemptToken, Outcome),
    blob: NewBlob,
) {
    let outcome = match blobs
        .put(now, vec![(blob.blob, Bytes::from_owner(blob.json))])
        .await
    {
        Ok(()) => outcome,
        Err(error) => {
            let error = TaskError::new("output", format!("its output could not be stored: {error}"));
            failed(error)
        }
    };
    send(router, run, Command::AttemptEnded { token, outcome });
}

fn failed(error: TaskError) -> Outcome {
    Outcome::Failed {
        error,
        output: None,
        retry_after: None,
    }
}

fn convert(outcome: TaskOutcome) -> (Outcome, Option<NewBlob>) {
    match outcome {
        TaskOutcome::Succeeded { output, exit_code } => match keep(output) {
            Ok((output, blob)) => (Outcome::Succeeded { output, exit_code }, blob),
            Err(error) => (failed(error), None),
        },
        TaskOutcome::Failed {
            error,
            output,
            retry_after,
        } => {
            // The failure counts more than an output too large to be kept.
            let (output, blob) = match output.map(keep) {
                Some(Ok((output, blob))) => (Some(output), blob),
                Some(Err(_)) | None => (None, None),
            };
            let outcome = Outcome::Failed {
                error,
                output,
                retry_after,
            };
            (outcome, blob)
        }
        TaskOutcome::Cancelled => (Outcome::Cancelled, None),
        TaskOutcome::Snoozed(pause) => (Outcome::Snoozed(pause), None),
    }
}

fn keep(output: Value) -> Result<(Payload, Option<NewBlob>), TaskError> {
    let (payload, blob) = Payload::keep(output);
    match &blob {
        Some(new) if new.blob.bytes > flow::limits::OUTPUT_BYTES_MAX as u64 => {
            let message = format!(
                "the output has {} bytes of JSON; at most {} are kept",
                new.blob.bytes,
                flow::limits::OUTPUT_BYTES_MAX
            );
            Err(TaskError::new("output_too_large", message).permanent())
        }
        _ => Ok((payload, blob)),
    }
}

fn send(router: &Router, run: RunId, command: Command) {
    router.send(run, Message::Command(RunCommand::of_engine(run, command)));
}
