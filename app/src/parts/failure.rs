//! Pages and panels that could not be shown.

use leptos::prelude::*;

use super::{Problems, Said};
use crate::error::AppError;
use crate::icons::Icon;

/// An error in place of what should stand here. On the server it is the response's status too.
#[component]
pub fn Failure(error: AppError, #[prop(optional)] part: bool) -> impl IntoView {
    #[cfg(feature = "ssr")]
    if !part {
        crate::shell::set_status(error.status);
    }
    let title = match error.status {
        404 => "Not here",
        503 => "Not reachable",
        _ => "That did not work",
    };
    if !part && error.status == 404 {
        return view! {
            <div class="empty">
                <h1>{title}</h1>
                <p>{error.message}</p>
                <div class="tools">
                    <a class="button" href="/flows">"Flows"</a>
                    <a class="button" href="/runs">"Runs"</a>
                </div>
            </div>
        }
        .into_any();
    }
    let heading = if part {
        None
    } else {
        Some(view! { <h1>{title}</h1> })
    };
    view! {
        <div class=if part { "" } else { "page narrow" }>
            {heading}
            <div class="note" data-state="failed" role="alert">
                <Icon name="s-failed"/>
                <div class="grow">
                    <strong><Said text=headline(&error)/></strong>
                    {(!error.problems.is_empty()).then(|| view! { <Problems problems=error.problems/> })}
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// What stands above a list of problems; a list of one says it all itself.
fn headline(error: &AppError) -> String {
    match error.problems.len() {
        0 => error.message.clone(),
        1 => "One thing is wrong.".to_owned(),
        n => format!("{n} things are wrong."),
    }
}

/// What stands where something is on its way.
#[component]
pub fn Loading() -> impl IntoView {
    view! { <p class="page muted" role="status">"Loading…"</p> }
}
