//! A form that was sent without scripts and could not be carried out. The server answers with the page it stands on, which shows
//! the error and everything that was typed: nobody types a document twice.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// What was sent, and what was wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The server function the form is for, as the button that sent it says.
    pub form: String,
    /// Names and values, in the order of the form.
    pub fields: Vec<(String, String)>,
    /// Why it was not carried out.
    pub error: AppError,
}

impl Posted {
    /// The value of a field, if it was sent.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }
}

type Kept = RwSignal<Option<Posted>>;

/// Takes what the server left in the request's extensions, and carries it into the browser.
pub(crate) fn provide_posted() {
    let posted = SharedValue::new(|| {
        #[cfg(feature = "ssr")]
        return use_context::<axum::http::request::Parts>()
            .and_then(|parts| parts.extensions.get::<Posted>().cloned());
        #[cfg(not(feature = "ssr"))]
        None
    });
    provide_context::<Kept>(RwSignal::new(posted.into_inner()));
}

/// What was typed belongs to the page it was typed on: another page forgets it.
pub(crate) fn forget_elsewhere() {
    #[cfg(feature = "hydrate")]
    {
        let kept = expect_context::<Kept>();
        let path = leptos_router::hooks::use_location().pathname;
        Effect::new(move |before: Option<String>| {
            let path = path.get();
            if before.is_some_and(|before| before != path) && kept.with_untracked(Option::is_some) {
                kept.set(None);
            }
            path
        });
    }
}

/// What was sent with this form, when the page began.
#[must_use]
pub fn posted(form: &str) -> Option<Posted> {
    use_context::<Kept>()?
        .get_untracked()
        .filter(|posted| posted.form == form)
}
