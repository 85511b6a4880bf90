//! Forms that call server functions.
//!
//! What leptos has for it (`ServerAction`, `ActionForm`) reads a form into the function's arguments and writes these again as what a form
//! sends. Here the form's own text travels, which is also what a browser without scripts sends: nobody has to read it on the way, and
//! pages carry no reader (with what it needs, one part in thirty of the code of home).

use std::ops::Deref;

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use serde::de::DeserializeOwned;

use crate::error::AppError;

/// A server function that forms call, whether it is on its way, and what came of it.
///
/// Errors of forms that were sent without scripts are elsewhere: see [`crate::posted`].
pub struct Sending<S>(Action<String, Answer<S>>)
where
    S: ServerFn + 'static,
    S::Output: 'static;

type Answer<S> = Result<<S as ServerFn>::Output, AppError>;

impl<S> Sending<S>
where
    S: ServerFn<Error = AppError> + 'static,
    S::Output: DeserializeOwned + Send + Sync + 'static,
{
    /// Nothing was sent yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Action::new(|body: &String| send(S::PATH, body.clone())))
    }
}

impl<S> Default for Sending<S>
where
    S: ServerFn<Error = AppError> + 'static,
    S::Output: DeserializeOwned + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Clone for Sending<S>
where
    S: ServerFn + 'static,
    S::Output: 'static,
{
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Sending<S>
where
    S: ServerFn + 'static,
    S::Output: 'static,
{
}

impl<S> Deref for Sending<S>
where
    S: ServerFn + 'static,
    S::Output: 'static,
{
    type Target = Action<String, Answer<S>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A form whose fields are the arguments of a server function.
#[component]
pub fn SendForm<S>(
    /// What is called.
    action: Sending<S>,
    #[prop(optional)] class: Option<&'static str>,
    #[prop(optional)] id: Option<&'static str>,
    children: Children,
) -> impl IntoView
where
    S: ServerFn<Error = AppError> + 'static,
    S::Output: DeserializeOwned + Send + Sync + 'static,
{
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        if let Some(body) = browser::taken(&event) {
            action.dispatch(body);
        }
    };
    view! { <form method="post" action=S::PATH class=class id=id on:submit=on_submit>{children()}</form> }
}

/// Calls what is at `path` with a form's text, and goes where the answer leads.
async fn send<T: DeserializeOwned>(path: &'static str, body: String) -> Result<T, AppError> {
    let (answer, place) = browser::fetched(path, body).await?;
    let answer =
        serde_json::from_str(&answer).map_err(|error| AppError::new(500, "internal", error.to_string()))?;
    if let Some(place) = place {
        server_fn::redirect::call_redirect_hook(&place);
    }
    Ok(answer)
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::ev::SubmitEvent;
    use leptos::form::form_data_from_event;
    use leptos::server_fn::client::{Client, browser::BrowserClient};
    use leptos::server_fn::error::FromServerFnError;
    use leptos::server_fn::request::ClientReq;
    use leptos::server_fn::request::browser::BrowserRequest;
    use leptos::server_fn::response::ClientRes;
    use leptos::server_fn::response::browser::BrowserResponse;

    use crate::error::AppError;

    /// The form's text, with the button it was sent by, if it is for us to send.
    pub(super) fn taken(event: &SubmitEvent) -> Option<String> {
        if event.default_prevented() {
            return None;
        }
        let data = form_data_from_event(event).ok()?;
        let fields = web_sys::UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
        event.prevent_default();
        Some(fields.to_string().into())
    }

    /// The answer's text, and where it leads.
    pub(super) async fn fetched(path: &str, body: String) -> Result<(String, Option<String>), AppError> {
        let request = <BrowserRequest as ClientReq<AppError>>::try_new_post(
            path,
            "application/x-www-form-urlencoded",
            "application/json",
            body,
        )?;
        let response: BrowserResponse = <BrowserClient as Client<AppError>>::send(request).await?;
        let status = ClientRes::<AppError>::status(&response);
        let leads = ClientRes::<AppError>::has_redirect(&response) || (300..=399).contains(&status);
        let place = leads.then(|| ClientRes::<AppError>::location(&response));
        if (400..=599).contains(&status) {
            let bytes = ClientRes::<AppError>::try_into_bytes(response).await?;
            return Err(AppError::de(bytes));
        }
        let text = ClientRes::<AppError>::try_into_string(response).await?;
        Ok((text, place))
    }
}

/// The server renders forms, and sends none.
#[cfg(not(feature = "hydrate"))]
mod browser {
    use leptos::ev::SubmitEvent;

    use crate::error::AppError;

    pub(super) fn taken(_: &SubmitEvent) -> Option<String> {
        None
    }

    pub(super) async fn fetched(_: &str, _: String) -> Result<(String, Option<String>), AppError> {
        std::future::pending().await
    }
}
