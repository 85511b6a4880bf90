//! The flow editor as a pure machine: no browser, no server, no clock.
//!
//! The text is the document. A [`Change`] is what a person wants done; it becomes the smallest edit of the text that does it, so that
//! comments, order and formatting of everything else stay. The [`Model`] is what the canvas sees of the text.
//!
//! - [`change`]: the closed set of changes · [`model`]: the flow as boxes and arrows
//! - [`text`]: what a change does to the text · [`refusal`]: why one is not made · [`history`]: taking changes back
//! - [`editor`]: text, model and history together · [`session`]: with all that is seen of them · [`drawn`]: notes and groups · [`markdown`]: what notes say · [`clipboard`]: tasks as text
//! - [`complete`]: help while an expression is written · [`writing`]: help while the document is · [`mod@import`]: flows of other tools
//! - [`diff`]: what two documents differ in · [`merge`]: two people changed one flow
//! - [`keeping`]: where unsaved work is kept · [`trying`]: what tasks do in simulations · [`outputs`]: outputs that people write
//! - [`geometry`], [`wires`], [`space`], [`scene`], [`boxes`]: cards, edges, notes and groups with their places, and what is where · [`camera`]: what of it is seen
//! - [`gesture`]: what a hand does, as a state machine · [`actions`], [`keys`], [`own_keys`]: what can be asked for by name and key · [`form`]: fields from schemas
//! - [`visits`]: the places one has been to · [`fuzzy`]: names by some of their letters · [`reference`]: the task that is pointed at in a text · [`standing`]: how tasks of a run stand together
//! - [`outline`]: the flow as a tree · [`widths`]: of panels · [`legal`]: who may be connected to whom · [`links`]: the edges of a task · [`adding`]: new tasks · [`select`], [`focus`], [`find`], [`arrange`]: the rest of a canvas

pub mod actions;
pub mod adding;
pub mod arrange;
pub mod boxes;
pub mod camera;
pub mod change;
mod changes;
pub mod clipboard;
pub mod complete;
pub mod diff;
pub mod drawn;
pub mod editor;
pub mod extract;
pub mod find;
pub mod focus;
pub mod form;
pub mod fuzzy;
pub mod geometry;
pub mod gesture;
pub mod history;
pub mod import;
pub mod keeping;
pub mod keys;
pub mod legal;
pub mod links;
pub mod markdown;
pub mod merge;
pub mod model;
pub mod outline;
pub mod outputs;
pub mod own_keys;
pub mod reference;
pub mod refusal;
pub mod scene;
pub mod select;
pub mod session;
pub mod space;
pub mod standing;
pub mod templates;
#[cfg(test)]
mod testing;
pub mod text;
pub mod trying;
pub mod visits;
pub mod widths;
pub mod wires;
pub mod writing;

pub use change::Change;
pub use changes::{Reader, UNREAD};
pub use editor::Editor;
pub use history::History;
pub use model::Model;
pub use refusal::Refusal;
pub use scene::Scene;
pub use session::Session;
pub use text::draft::Again;
pub use text::{Source, Step};
