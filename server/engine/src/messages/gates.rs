//! Limits on runs at work at once.
//!
//! Each flow and key has a gate, which lives in the store alone: what it decides is written with the messages that tell it, if it is
//! still as it was when the decision was made. So whoever is asked last, whatever crashes, it never lets in more than it has places.

use flow::RunId;
use flow::gate::{Gate, Tell};
use flow::view::QueuedView;
use sha2::{Digest, Sha256};

use super::{Body, rows};
use crate::engine::Engine;
use crate::error::{EngineError, EngineResult};
use crate::store::{GateDecision, MessageId};

/// How often a decision is made anew because another came first.
const TRIES_MAX: usize = 20;

/// The id of a flow's gate. Kept in the database, so it must be the same in every build for ever.
pub(crate) fn id_of(flow: &str, key: &str) -> u128 {
    let digest = Sha256::digest(format!("gate {flow} {key}").as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    u128::from_be_bytes(first)
}

/// Lets a gate decide about a message.
pub(super) async fn decide(
    engine: &Engine,
    id: u128,
    takes: MessageId,
    decide: impl Fn(&mut Gate) -> Vec<Tell>,
) -> EngineResult<()> {
    let shared = &engine.parts.shared;
    for _ in 0..TRIES_MAX {
        let row = shared.store.gate(id).await?;
        let now = shared.clock.now();
        let mut gate = row.gate;
        let told = decide(&mut gate);
        // A gate that was forgotten begins with a number it has not had.
        let rev = (row.rev + 1).max(now.as_millis().max(0).cast_unsigned());
        let messages = rows(id, rev, told.into_iter().map(body_of).collect());
        let decision = GateDecision {
            id,
            before: row.rev,
            rev,
            gate,
            at: now,
            messages: messages.clone(),
            takes,
        };
        let done = shared.store.commit_gate(decision).await;
        if done.is_err() {
            // It may have been written all the same, and what it tells with it.
            shared.courier.look();
        }
        if done? {
            shared.courier.sent(messages);
            return Ok(());
        }
        // Another came first, or this message was taken before.
        let after = MessageId {
            seq: takes.seq.saturating_sub(1),
            ..takes
        };
        let next = shared.store.outbox(Some(after), 1).await?;
        if next.first().is_none_or(|row| row.id != takes) {
            return Ok(());
        }
    }
    Err(EngineError::Unavailable(
        "too many runs ask for a place at the same time".to_owned(),
    ))
}

fn body_of(tell: Tell) -> Body {
    match tell {
        Tell::Granted(run) => Body::Granted { run },
        Tell::Refused(run, holders) => Body::Refused { run, holders },
        Tell::Leave { run, newer } => Body::Leave { run, newer },
    }
}

impl Engine {
    /// What a queued run waits for; none if it is not queued.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn queued(&self, run: RunId) -> EngineResult<Option<QueuedView>> {
        let state = self.state(run).await?;
        let Some(permit) = state.awaited_permit() else {
            return Ok(None);
        };
        let row = self
            .parts
            .shared
            .store
            .gate(id_of(state.flow(), &permit.key))
            .await?;
        let holders: Vec<RunId> = row
            .gate
            .holders()
            .iter()
            .take(flow::gate::NAMED_MAX)
            .copied()
            .collect();
        Ok(Some(QueuedView::new(permit, holders, row.gate.n_before(run))))
    }
}
