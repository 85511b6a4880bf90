//! What is done after a commit.

use std::sync::atomic::Ordering;

use flow::RunId;
use flow::run::{Command, Dispatch, Effect, Outcome, TaskError};

use super::{Message, Router, RunCommand, Shared, load, results};
use crate::dispatch::Job;
use crate::store::{LogKey, LogStream};

/// Does what committed decisions ask for. Any of it may be lost in a crash: it can be derived again from the log.
pub(super) fn perform(
    shared: &Shared,
    router: &Router,
    run: RunId,
    flow: &std::sync::Arc<str>,
    effects: Vec<Effect>,
) {
    for effect in effects {
        match effect {
            Effect::Dispatch(dispatch) => give_out(shared, router, run, flow, dispatch),
            Effect::CancelAttempt { token, kill } => shared.dispatch.cancel(token, kill),
            Effect::RecallAttempt { token } => shared.dispatch.recall(run, token),
            // They were committed as messages, and the courier has them.
            Effect::StartChild(_)
            | Effect::CancelChild { .. }
            | Effect::PauseChild { .. }
            | Effect::AskPermit(_)
            | Effect::ReleasePermit { .. }
            | Effect::TellParent { .. } => {}
            Effect::KeepResult(result) => results::keep(shared, run, *result),
            // It was written before anybody heard of the commit.
            Effect::Log { .. } => {}
        }
    }
}

/// Queues what light tasks log. Before the commit is told to anybody: who hears that a task has settled reads its log to the end.
pub(super) fn write_logs(shared: &Shared, run: RunId, effects: &[Effect]) {
    for effect in effects {
        let Effect::Log {
            task,
            attempt,
            level,
            message,
        } = effect
        else {
            continue;
        };
        let stream = if matches!(&**level, "warning" | "error") {
            LogStream::Stderr
        } else {
            LogStream::Stdout
        };
        let key = LogKey {
            run,
            task: task.clone(),
            attempt: *attempt,
        };
        shared.logs.line(key, stream, message);
    }
}

fn give_out(shared: &Shared, router: &Router, run: RunId, flow: &std::sync::Arc<str>, dispatch: Dispatch) {
    shared.counters.attempts.fetch_add(1, Ordering::Relaxed);
    let flow = flow.clone();
    if let Some(key) = dispatch.cache_key.clone() {
        results::take_or(shared, router, (run, flow, dispatch), key);
        return;
    }
    submit(shared, router, run, flow, dispatch);
}

/// Hands an attempt on, with its arguments.
pub(super) fn submit(
    shared: &Shared,
    router: &Router,
    run: RunId,
    flow: std::sync::Arc<str>,
    dispatch: Dispatch,
) {
    if let Some(input) = dispatch.input.inline().cloned() {
        shared.dispatch.submit(Job {
            run,
            flow,
            dispatch,
            input,
        });
        return;
    }
    let (shared, router) = (shared.clone(), router.clone());
    let runtime = shared.runtime.clone();
    runtime.spawn(async move {
        match load::read_payload(&*shared.blobs, &dispatch.input).await {
            Ok(input) => shared.dispatch.submit(Job {
                run,
                flow,
                dispatch,
                input,
            }),
            Err(error) => {
                let error = TaskError::new("input", format!("its arguments could not be read: {error}"));
                let outcome = Outcome::Failed {
                    error,
                    output: None,
                    retry_after: None,
                };
                let command = Command::AttemptEnded {
                    token: dispatch.token,
                    outcome,
                };
                router.send(run, Message::Command(RunCommand::of_engine(run, command)));
            }
        }
    });
}
