//! The text is the document: a change becomes the smallest edit of the text that does it. What was not changed keeps every byte.

mod block;
mod bracketed;
pub(crate) mod draft;
pub mod offset;
mod order;
pub mod patch;
mod scalar;
mod style;
#[cfg(test)]
mod tests;
pub(crate) mod values;

use flow::parse::{Format, Ink};
use serde::{Deserialize, Serialize};

use crate::change::{Change, Patch};
use crate::changes::{self, Reader};
use crate::refusal::Refusal;
use crate::scene::Places;
use crate::select::Selection;
use draft::Draft;

/// A flow as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    text: String,
    format: Format,
}

/// A change as it is made to a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is done, in words: `Connect fetch → store`.
    pub label: String,
    /// Changes of the same key that follow each other are one step of the history: typing in one field, dragging one box.
    pub key: Option<String>,
    /// From the text before it to the text after it.
    pub patches: Vec<Patch>,
    /// Back again.
    pub inverse: Vec<Patch>,
    /// What the change could not take along, in sentences.
    pub notes: Vec<String>,
    /// What was seen before it and after it. Not kept with a draft: what opens it anew sees it anew.
    #[serde(skip)]
    pub sights: Option<Box<(Sight, Sight)>>,
}

/// What is seen of a text and does not stand in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// Where boxes stand that have no place in the text.
    pub places: Places,
    /// What is selected.
    pub selection: Selection,
}

impl Step {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }
}

impl Source {
    /// A text in a format.
    #[must_use]
    pub fn new(text: impl Into<String>, format: Format) -> Self {
        let text = text.into();
        Self { text, format }
    }

    /// A text in the format it seems to have.
    #[must_use]
    pub fn guess(text: impl Into<String>) -> Self {
        let text = text.into();
        let format = Format::guess(text.as_bytes());
        Self { text, format }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How it is written.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The same document in a format: its order stays, its comments do not if it is another format.
    ///
    /// # Errors
    /// The text cannot be read.
    pub fn written_as(&self, format: Format) -> Result<String, Refusal> {
        if format == self.format {
            return Ok(self.text.clone());
        }
        let draft = Draft::new(&self.text, self.format)?;
        let value = draft.value();
        Ok(match (format, value.as_object()) {
            (Format::Yaml, Some(fields)) => {
                let ink = Ink::default();
                fields
                    .iter()
                    .map(|(key, value)| ink.entry(key, value, 0))
                    .collect()
            }
            _ => format!("{value:#}\n"),
        })
    }

    /// What a change would do to the text.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub fn plan(&self, change: &Change) -> Result<Step, Refusal> {
        self.plan_by(change, Some(flow::expr::task_uses))
    }

    /// The same where there may be no reader of expressions yet.
    pub(crate) fn plan_by(&self, change: &Change, reader: Option<Reader>) -> Result<Step, Refusal> {
        if let Change::Type(patches) = change {
            patch::check(&self.text, patches).map_err(|message| Refusal::new("bad_patch", message))?;
            return Ok(self.step(change, patches.clone(), Vec::new()));
        }
        let mut draft = Draft::new(&self.text, self.format)?;
        self.plan_in(&mut draft, change, reader)
    }

    /// The same, in a draft of this very text, which then is one of the text after it. If the change is refused, the draft may have
    /// been changed in part.
    pub(crate) fn plan_in(
        &self,
        draft: &mut Draft,
        change: &Change,
        reader: Option<Reader>,
    ) -> Result<Step, Refusal> {
        let mut notes = Vec::new();
        changes::make(draft, change, reader, &mut notes)?;
        Ok(self.step(change, draft.take_patches(), notes))
    }

    fn step(&self, change: &Change, patches: Vec<Patch>, notes: Vec<String>) -> Step {
        Step {
            label: changes::label(change),
            key: changes::key(change),
            inverse: patch::invert(&self.text, &patches),
            patches,
            notes,
            sights: None,
        }
    }

    /// Makes a change.
    ///
    /// # Errors
    /// Why it cannot be done; the text stays as it is then.
    pub fn apply(&mut self, change: &Change) -> Result<Step, Refusal> {
        let step = self.plan(change)?;
        self.patch(&step.patches);
        Ok(step)
    }

    /// Applies patches made for this text; those that do not fit it are left out.
    pub fn patch(&mut self, patches: &[Patch]) {
        if !patches.is_empty() {
            self.text = patch::apply(&self.text, patches);
            // Another document may stand there now, or the same in the other format.
            self.format = Format::guess(self.text.as_bytes());
        }
    }
}
