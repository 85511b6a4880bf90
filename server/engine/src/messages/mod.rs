//! What runs tell each other: messages that are committed with the decision that sends them and taken with the decision they cause.
//!
//! A message is a row of the store's outbox, so it survives a crash; it is delivered at least once, and its row is gone with the
//! first decision it causes, so it has its effect once. [`courier`]: who delivers · [`deliver`]: what delivering each kind means

pub(crate) mod courier;
mod deliver;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use flow::run::event::{Ended, ParentRun, RunError};
use flow::run::{ChildAttempt, Effect};
use flow::{Payload, RunId};
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::store::{MessageId, OutboxRow};

/// Messages of one decision are numbered from its last event's number times this: more than a decision can send.
const PER_DECISION_MAX: u64 = 1 << 20;

/// What a message says. It is stored, so kinds and fields are never renamed or removed, and new fields have a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Body {
    /// Start a run for a task of the sender's.
    StartChild {
        /// The flow's id.
        flow: Arc<str>,
        /// Its version; the newest if the task names none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u32>,
        /// What it is given.
        inputs: Payload,
        /// Who asks.
        parent: ParentRun,
    },
    /// Cancel the run that a task of the sender's asked for.
    CancelChild {
        /// The task run's path.
        task: Arc<str>,
        /// From 1.
        attempt: u32,
        /// The flow's id.
        flow: Arc<str>,
        /// The run, if it was known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        child: Option<RunId>,
        /// At once, without its ending.
        force: bool,
    },
    /// Hold the run that a task of the sender's asked for, or let it go on.
    PauseChild {
        /// The task run's path.
        task: Arc<str>,
        /// From 1.
        attempt: u32,
        /// The run.
        child: RunId,
        /// Whether to hold it.
        pause: bool,
    },
    /// The sender has ended: told to the task that waits for it.
    ChildEnded {
        /// The task.
        parent: ParentRun,
        /// How the sender ended.
        outcome: Ended,
        /// What it gave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Payload>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<RunError>,
    },
}

impl Body {
    /// The message that an effect is carried out by, or the effect if it needs none.
    fn of(effect: Effect) -> Result<Self, Effect> {
        Ok(match effect {
            Effect::StartChild(start) => Self::StartChild {
                flow: start.flow,
                version: start.version,
                inputs: start.inputs,
                parent: start.parent,
            },
            Effect::CancelChild {
                attempt: ChildAttempt { path, attempt },
                flow,
                child,
                force,
            } => Self::CancelChild {
                task: path,
                attempt,
                flow,
                child,
                force,
            },
            Effect::PauseChild {
                attempt: ChildAttempt { path, attempt },
                child,
                pause,
            } => Self::PauseChild {
                task: path,
                attempt,
                child,
                pause,
            },
            Effect::TellParent {
                parent,
                outcome,
                outputs,
                error,
            } => Self::ChildEnded {
                parent: *parent,
                outcome,
                outputs,
                error,
            },
            other @ (Effect::Dispatch(_) | Effect::CancelAttempt { .. } | Effect::Log { .. }) => {
                return Err(other);
            }
        })
    }

    /// What of the sender's it is about: messages about the same are delivered in their order.
    fn about(&self) -> String {
        match self {
            Self::StartChild { parent, .. } => format!("{}/{}", parent.task, parent.attempt),
            Self::CancelChild { task, attempt, .. } | Self::PauseChild { task, attempt, .. } => {
                format!("{task}/{attempt}")
            }
            Self::ChildEnded { .. } => String::new(),
        }
    }
}

/// Takes out of a decision's effects those that are messages. `last_seq` is the number of its last event.
pub(crate) fn taken_out(run: RunId, last_seq: u64, effects: &mut Vec<Effect>) -> Vec<OutboxRow> {
    let mut rows = Vec::new();
    let is_message = |effect: &Effect| {
        !matches!(
            effect,
            Effect::Dispatch(_) | Effect::CancelAttempt { .. } | Effect::Log { .. }
        )
    };
    if !effects.iter().any(is_message) {
        return rows;
    }
    let mut kept = Vec::with_capacity(effects.len());
    for effect in effects.drain(..) {
        match Body::of(effect) {
            Ok(body) => {
                let id = MessageId {
                    sender: run.0,
                    seq: last_seq * PER_DECISION_MAX + rows.len() as u64,
                };
                match serde_json::to_string(&body) {
                    Ok(body) => rows.push(OutboxRow {
                        id,
                        body: body.into(),
                    }),
                    Err(error) => error!(run.id = %run, "A message of {run} cannot be written: {error}"),
                }
            }
            Err(effect) => kept.push(effect),
        }
    }
    *effects = kept;
    rows
}

/// The key by which the run is known that an attempt of a task asked for.
pub(crate) fn child_key(parent: RunId, task: &str, attempt: u32) -> String {
    format!("subflow {parent}/{task}/{attempt}")
}
