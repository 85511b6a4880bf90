//! A flow document as text, to be saved. A plain form: it works without scripts.

use leptos::prelude::*;

use super::{SendForm, Sending, Submit};
use crate::error::AppError;
use crate::fns::SaveFlow;
use crate::format;
use crate::posted::posted;

/// A document that is being written.
#[derive(Clone)]
pub struct Writing {
    action: Sending<SaveFlow>,
    source: String,
    /// Why it was not saved.
    pub error: Signal<Option<AppError>>,
}

impl Writing {
    /// Begins with a text, or with what was typed already and could not be saved.
    #[must_use]
    pub fn from(text: &str) -> Self {
        let action = Sending::<SaveFlow>::new();
        let value = action.value();
        let posted = posted("save_flow");
        let typed = posted.as_ref().and_then(|posted| posted.field("source"));
        let source = typed.unwrap_or(text).to_owned();
        let refused = posted.map(|posted| posted.error);
        let error = Signal::derive(move || match value.get() {
            Some(result) => result.err(),
            None => refused.clone(),
        });
        Self {
            action,
            source,
            error,
        }
    }
}

/// A text area with the document, and the button that saves it.
#[component]
pub fn DocumentForm(
    writing: Writing,
    /// The page's own address.
    here: String,
    /// Where to go instead.
    back: String,
    /// The button's symbol.
    icon: &'static str,
    /// What the button says.
    save: &'static str,
    /// Whether the page says already what the text is.
    #[prop(optional)]
    is_explained: bool,
) -> impl IntoView {
    let Writing { action, source, .. } = writing;
    let is_busy = move || action.pending().get();
    view! {
        <SendForm action class="start new-flow">
            <label class=is_explained.then_some("sr") for="source">"The flow document"</label>
            <textarea
                id="source"
                class="code"
                name="source"
                rows="28"
                spellcheck="false"
                autocapitalize="off"
                autocomplete="off"
                required
                inner_html=format::in_textarea(&source)
            ></textarea>
            <div class="tools">
                <Submit form="save_flow" here busy=is_busy icon>
                    {move || if is_busy() { "Saving…" } else { save }}
                </Submit>
                <a class="button quiet" href=back>"Cancel"</a>
            </div>
        </SendForm>
    }
}
