//! What runs tell each other: messages that are committed with the decision that sends them and taken with the decision they cause.
//!
//! A message is a row of the store's outbox, so it survives a crash; it is delivered at least once, and its row is gone with the
//! first decision it causes, so it has its effect once. [`courier`]: who delivers · [`deliver`]: what delivering each kind means ·
//! [`gates`]: limits on runs at work at once · [`follow`]: flows that start when others end

pub(crate) mod courier;
mod deliver;
mod follow;
#[cfg(test)]
mod fork_tests;
#[cfg(test)]
mod gate_tests;
pub(crate) mod gates;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use flow::gate::Permit;
use flow::run::event::{Ended, ForkedFrom, ParentRun, RunError};
use flow::run::{ChildAttempt, Effect, Phase, RunState};
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
        /// The run it takes results from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fork: Option<Box<ForkedFrom>>,
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
        /// The sender's flow version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u32>,
        /// How the sender ended.
        outcome: Ended,
        /// What it gave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Payload>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<RunError>,
    },
    /// The sender wants to begin: told to the gate of its flow and key.
    AskPermit {
        /// The flow's id.
        flow: Arc<str>,
        /// What it needs.
        permit: Permit,
    },
    /// The sender has ended: told to the gate of its flow and key.
    ReleasePermit {
        /// The flow's id.
        flow: Arc<str>,
        /// Which of its gates.
        key: String,
    },
    /// The sender, a gate, has a place for a run.
    Granted {
        /// The run.
        run: RunId,
    },
    /// The sender, a gate, has none for a run that does not wait.
    Refused {
        /// The run.
        run: RunId,
        /// Who has the places.
        holders: Vec<RunId>,
    },
    /// The sender, a gate, wants a run to end for a newer one.
    Leave {
        /// The run.
        run: RunId,
        /// The newer one.
        newer: RunId,
    },
    /// The sender has ended, and other flows start for that.
    Ended {
        /// Its flow's id.
        flow: Arc<str>,
        /// How it ended.
        outcome: Ended,
        /// How many runs lead up to it by their ends.
        #[serde(default)]
        depth: u32,
    },
}

impl Body {
    /// The message that an effect is carried out by, or the effect if it needs none.
    fn of(flow: &Arc<str>, effect: Effect) -> Result<Self, Box<Effect>> {
        Ok(match effect {
            Effect::AskPermit(permit) => Self::AskPermit {
                flow: Arc::clone(flow),
                permit: *permit,
            },
            Effect::ReleasePermit { key } => Self::ReleasePermit {
                flow: Arc::clone(flow),
                key,
            },
            Effect::StartChild(start) => Self::StartChild {
                flow: start.flow,
                version: start.version,
                inputs: start.inputs,
                parent: start.parent,
                fork: start.fork,
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
                version,
                outcome,
                outputs,
                error,
            } => Self::ChildEnded {
                parent: *parent,
                version: Some(version),
                outcome,
                outputs,
                error,
            },
            other @ (Effect::Dispatch(_)
            | Effect::CancelAttempt { .. }
            | Effect::RecallAttempt { .. }
            | Effect::KeepResult(_)
            | Effect::Log { .. }) => {
                return Err(Box::new(other));
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
            Self::AskPermit { .. } | Self::ReleasePermit { .. } => "permit".to_owned(),
            Self::Granted { run } | Self::Refused { run, .. } | Self::Leave { run, .. } => run.to_string(),
            Self::Ended { .. } => "ended".to_owned(),
        }
    }
}

/// The rows of messages. They are numbered from a number of the sender's that rises with each decision.
pub(crate) fn rows(sender: u128, number: u64, bodies: Vec<Body>) -> Vec<OutboxRow> {
    let mut rows = Vec::with_capacity(bodies.len());
    for (n, body) in bodies.into_iter().enumerate() {
        let id = MessageId {
            sender,
            seq: number * PER_DECISION_MAX + n as u64,
        };
        match serde_json::to_string(&body) {
            Ok(body) => rows.push(OutboxRow {
                id,
                body: body.into(),
            }),
            Err(error) => error!("A message of {sender:032x} cannot be written: {error}"),
        }
    }
    rows
}

/// Takes out of a decision's effects those that are messages, after which the run is in this state. `is_followed` says whether other
/// flows start when runs of this one end.
pub(crate) fn taken_out(state: &RunState, effects: &mut Vec<Effect>, is_followed: bool) -> Vec<OutboxRow> {
    let mut bodies = Vec::new();
    let is_message = |effect: &Effect| {
        !matches!(
            effect,
            Effect::Dispatch(_)
                | Effect::CancelAttempt { .. }
                | Effect::RecallAttempt { .. }
                | Effect::Log { .. }
        )
    };
    if effects.iter().any(is_message) {
        let mut kept = Vec::with_capacity(effects.len());
        for effect in effects.drain(..) {
            match Body::of(state.flow(), effect) {
                Ok(body) => bodies.push(body),
                Err(effect) => kept.push(*effect),
            }
        }
        *effects = kept;
    }
    if is_followed && let Phase::Finished { outcome, .. } = state.phase() {
        bodies.push(Body::Ended {
            flow: Arc::clone(state.flow()),
            outcome: *outcome,
            depth: state.n_followed(),
        });
    }
    rows(state.id().0, state.last_seq(), bodies)
}

/// The key by which the run is known that an attempt of a task asked for.
pub(crate) fn child_key(parent: RunId, task: &str, attempt: u32) -> String {
    format!("subflow {parent}/{task}/{attempt}")
}
