//! What workers show to be let in.

use flow::Timestamp;
use sha2::{Digest, Sha256};
use tracing::info;

use super::Engine;
use super::checks::{check_queues, check_text, refuse};
use crate::chance::{self, SystemChance};
use crate::error::{EngineError, EngineResult};
use crate::store::lanes::WorkerTokenRow;

/// Worker tokens kept at all.
const TOKENS_MAX: usize = 1_000;

/// A new worker token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorkerToken {
    /// As lists show it.
    pub token: WorkerToken,
    /// What workers show; it is kept nowhere and cannot be told again.
    pub secret: String,
}

/// A worker token, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerToken {
    /// `wt_…`
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// The queues it is for.
    pub queues: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Engine {
    /// Makes a worker token for queues. Its secret is told once.
    ///
    /// # Errors
    /// [`EngineError::Invalid`]; if it cannot be stored.
    pub async fn make_worker_token(&self, name: &str, queues: Vec<String>) -> EngineResult<NewWorkerToken> {
        let mut problems = Vec::new();
        check_text(&mut problems, "name", name);
        check_queues(&mut problems, &queues);
        refuse(problems)?;
        let store = &self.parts.shared.store;
        if store.worker_tokens().await?.len() >= TOKENS_MAX {
            return Err(EngineError::NotNow(format!(
                "there are {TOKENS_MAX} worker tokens, the most there may be; revoke some"
            )));
        }
        let secret = format!(
            "pwt_{:032x}{:032x}",
            chance::word(&SystemChance),
            chance::word(&SystemChance)
        );
        let row = WorkerTokenRow {
            id: format!("wt_{:016x}", chance::word(&SystemChance) as u64),
            hash: hash(&secret),
            name: name.to_owned(),
            queues,
            created_at: self.parts.shared.clock.now(),
        };
        store.put_worker_token(row.clone()).await?;
        info!("Made the worker token {} for {}", row.id, row.queues.join(", "));
        Ok(NewWorkerToken {
            token: shown(row),
            secret,
        })
    }

    /// All worker tokens, without their secrets.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn worker_tokens(&self) -> EngineResult<Vec<WorkerToken>> {
        let rows = self.parts.shared.store.worker_tokens().await?;
        Ok(rows.into_iter().map(shown).collect())
    }

    /// Takes a worker token back: who has it is refused from now on, reports included. False if there is none of this id.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub async fn revoke_worker_token(&self, id: &str) -> EngineResult<bool> {
        Ok(self.parts.shared.store.revoke_worker_token(id).await?)
    }

    /// Whose secret this is.
    pub(super) async fn worker_of(&self, secret: &str) -> EngineResult<WorkerTokenRow> {
        let row = self.parts.shared.store.worker_token(hash(secret)).await?;
        row.ok_or_else(|| {
            EngineError::Unauthorized(
                "there is no such worker token, or it was revoked; POST /api/v1/worker-tokens makes one"
                    .to_owned(),
            )
        })
    }
}

fn shown(row: WorkerTokenRow) -> WorkerToken {
    WorkerToken {
        id: row.id,
        name: row.name,
        queues: row.queues,
        created_at: row.created_at,
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
