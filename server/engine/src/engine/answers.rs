//! What people and programs tell to tasks that wait for them.

use std::sync::Arc;

use flow::run::Command;
use flow::{Payload, RunId};
use serde_json::Value;

use super::Engine;
use crate::error::{EngineError, EngineResult};

/// A person's answer to an `approval`.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Yes or no.
    pub approved: bool,
    /// What the form asks for; of no account if it is a no.
    pub values: Value,
    /// What the person has to say.
    pub comment: Option<String>,
}

impl Engine {
    /// Gives a `signal` task what it waits for, or will wait for: it is kept until then.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`]; [`EngineError::Finished`] if the run has ended;
    /// [`EngineError::NotNow`] if the signal came before or the task waits for none any more.
    pub async fn signal_task(&self, run: RunId, path: &str, payload: Value, actor: &str) -> EngineResult<()> {
        let path = self.known_path(run, path).await?;
        let payload = self.keep(payload).await?;
        self.ask(run, Command::SignalTask { path, payload }, actor).await
    }

    /// Answers an `approval` task. The first answer counts.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`]; [`EngineError::BadAnswer`] if it does not fit the form;
    /// [`EngineError::Finished`] and [`EngineError::NotNow`] if the task waits for none.
    pub async fn answer_task(&self, run: RunId, path: &str, answer: Answer, actor: &str) -> EngineResult<()> {
        let path = self.known_path(run, path).await?;
        let Answer {
            approved,
            values,
            comment,
        } = answer;
        let command = Command::Approve {
            path,
            approved,
            values,
            comment,
        };
        self.ask(run, command, actor).await
    }

    /// A path that the run's plan has, whether or not anything has happened there.
    async fn known_path(&self, run: RunId, path: &str) -> EngineResult<Arc<str>> {
        let state = self.state(run).await?;
        match state.plan().spot(path) {
            Some(spot) => Ok(state.plan().path(spot)),
            None => Err(EngineError::UnknownTask {
                run,
                task: path.to_owned(),
            }),
        }
    }

    /// Keeps a value in place or, if it is large, as a blob.
    pub(super) async fn keep(&self, value: Value) -> EngineResult<Payload> {
        let (payload, blob) = Payload::keep(value);
        if let Some(new) = blob {
            let shared = &self.parts.shared;
            let bytes = bytes::Bytes::from_owner(new.json);
            shared
                .blobs
                .put(shared.clock.now(), vec![(new.blob, bytes)])
                .await?;
        }
        Ok(payload)
    }
}
