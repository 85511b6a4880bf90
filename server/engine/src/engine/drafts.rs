//! What the editor keeps before it is saved as a version: one text for each owner and flow.

use flow::{Problem, Timestamp};

use super::{Engine, SaveFlow, Saved};
use crate::chance;
use crate::error::{EngineError, EngineResult};
use crate::store::edits::{DRAFT_BYTES_MAX, DraftRow, DraftSaved, MESSAGE_CHARS_MAX, OWNER_CHARS_MAX};

/// A draft to be saved.
#[derive(Clone, Debug)]
pub struct SaveDraft {
    /// Whose it is: a browser, until there is login.
    pub owner: String,
    /// The flow it is of; none for one that has never been saved.
    pub flow: Option<String>,
    /// The version it was begun from; 0 if there was none.
    pub base: u32,
    /// The text. It need not be right.
    pub source: String,
    /// When the same writer saved it last.
    pub after: Option<Timestamp>,
}

/// A draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The version it was begun from; 0 if there was none.
    pub base: u32,
    /// The text.
    pub source: String,
    /// When it was saved.
    pub saved_at: Timestamp,
}

impl Engine {
    /// A name for a new owner of drafts, which nobody can guess.
    #[must_use]
    pub fn new_owner(&self) -> String {
        format!("{:032x}", chance::word(&*self.parts.shared.chance))
    }

    /// Saves a draft and answers when; the next save names that moment.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if it is too large; [`EngineError::NotNow`] if another writer of the same owner has saved it since.
    pub async fn save_draft(&self, save: SaveDraft) -> EngineResult<Timestamp> {
        check_owner(&save.owner)?;
        if save.source.len() > DRAFT_BYTES_MAX {
            let message = format!(
                "the draft has {} bytes; at most {DRAFT_BYTES_MAX} are kept",
                save.source.len()
            );
            return Err(wrong("too_large", message, "source"));
        }
        let draft = DraftRow {
            owner: save.owner,
            flow: key_of(save.flow.as_deref())?,
            base: save.base,
            source: save.source,
            saved_at: self.clock().now(),
        };
        match self.parts.shared.store.put_draft(draft, save.after).await? {
            DraftSaved::Kept(at) => Ok(at),
            DraftSaved::Newer(_) => Err(EngineError::NotNow(
                "another tab saves this draft too; nothing of it was overwritten".to_owned(),
            )),
        }
    }

    /// The draft of a flow, or of one that has never been saved.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn draft(&self, owner: &str, flow: Option<&str>) -> EngineResult<Option<Draft>> {
        check_owner(owner)?;
        let found = self.parts.shared.store.draft(owner, &key_of(flow)?).await?;
        Ok(found.map(|row| Draft {
            base: row.base,
            source: row.source,
            saved_at: row.saved_at,
        }))
    }

    /// Discards a draft; none is no error.
    ///
    /// # Errors
    /// If the store cannot be used.
    pub async fn discard_draft(&self, owner: &str, flow: Option<&str>) -> EngineResult<()> {
        check_owner(owner)?;
        self.parts
            .shared
            .store
            .remove_draft(owner, &key_of(flow)?)
            .await?;
        Ok(())
    }

    /// Saves a document as a version with a word about it.
    ///
    /// # Errors
    /// As [`Engine::save_flow`]; [`EngineError::Invalid`] if too much is said.
    pub async fn publish(&self, save: SaveFlow, message: &str) -> EngineResult<Saved> {
        let message = message.trim();
        if message.chars().count() > MESSAGE_CHARS_MAX {
            let message = format!("a message has at most {MESSAGE_CHARS_MAX} characters");
            return Err(wrong("too_long", message, "message"));
        }
        let before = save.expected;
        let saved = self.save_flow(save).await?;
        // An unchanged document is no new version, and what was said of the old one stays.
        if !message.is_empty() && before != Some(saved.version) {
            let store = &self.parts.shared.store;
            store.put_message(&saved.id, saved.version, message).await?;
        }
        Ok(saved)
    }
}

fn key_of(flow: Option<&str>) -> EngineResult<String> {
    match flow {
        Some(flow) if !flow::ids::is_slug(flow) => {
            Err(EngineError::UnknownFlow(flow.chars().take(64).collect()))
        }
        flow => Ok(flow.unwrap_or_default().to_owned()),
    }
}

fn check_owner(owner: &str) -> EngineResult<()> {
    if owner.is_empty() || owner.len() > OWNER_CHARS_MAX || !owner.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(EngineError::BadRequest(
            "drafts are kept for browsers that name themselves by a cookie".to_owned(),
        ));
    }
    Ok(())
}

fn wrong(code: &str, message: String, field: &str) -> EngineError {
    EngineError::Invalid(vec![Problem::error(code, message).at(field)])
}
