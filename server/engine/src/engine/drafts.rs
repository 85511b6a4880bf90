//! What the editor keeps before it is saved as a version: one text for each owner and flow.

use flow::{Problem, Timestamp};

use super::{Engine, SaveFlow, Saved};
use crate::chance;
use crate::error::{EngineError, EngineResult};
use crate::store::edits::{
    DRAFT_BYTES_MAX, DraftRow, DraftSaved, MESSAGE_CHARS_MAX, OWNER_CHARS_MAX, VERSION_NAME_CHARS_MAX,
};

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

impl Engine {
    /// Gives a version of a flow a name, by which it is remembered, or takes it away.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`] if there is no such version; [`EngineError::Invalid`] if another one has the name, or if it is none.
    pub async fn name_version(&self, flow: &str, version: u32, name: Option<&str>) -> EngineResult<()> {
        let store = &self.parts.shared.store;
        let is_there = version > 0 && !flow::trial::is_trial(version);
        if !is_there || store.flow(flow, Some(version)).await?.is_none() {
            return Err(EngineError::UnknownFlow(format!("{flow} version {version}")));
        }
        let name = name.map(named).transpose()?;
        match store.name_version(flow, version, name).await? {
            None => Ok(()),
            Some(other) => Err(taken(name.unwrap_or_default(), other)),
        }
    }

    /// Whether a new version of a flow could have this name.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if another one has it, or if it is none.
    pub async fn check_version_name(&self, flow: &str, name: &str) -> EngineResult<()> {
        let name = named(name)?;
        let names = self.parts.shared.store.version_names(flow).await?;
        match names.into_iter().find(|(_, other)| other == name) {
            None => Ok(()),
            Some((other, _)) => Err(taken(name, other)),
        }
    }
}

/// A name as it is kept.
fn named(name: &str) -> EngineResult<&str> {
    let name = name.trim();
    let n_chars = name.chars().count();
    if n_chars == 0 || n_chars > VERSION_NAME_CHARS_MAX || name.chars().any(char::is_control) {
        let message =
            format!("the name of a version has 1 to {VERSION_NAME_CHARS_MAX} characters in one line");
        return Err(wrong("bad_name", message, "name"));
    }
    Ok(name)
}

fn taken(name: &str, by: u32) -> EngineError {
    let message = format!("version {by} is called “{name}” already; give this one another name");
    wrong("name_taken", message, "name")
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
