//! A new flow from text.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::parts::{DocumentForm, Failure, Writing};

/// The id of [`EXAMPLE`].
#[cfg(feature = "ssr")]
pub(crate) const EXAMPLE_ID: &str = "first-flow";

/// What the form begins with: a flow that validates and runs anywhere.
pub const EXAMPLE: &str = r#"flow: first-flow
name: My first flow
description: Greets somebody, waits a little, and goes one of two ways.
inputs:
  who:
    type: string
    title: Whom to greet
    default: world
tasks:
  greet:
    type: log
    with: { message: "Hello, {{ inputs.who }}!" }
  pause:
    type: delay
    needs: [greet]
    with: { for: 3s }
  length:
    type: switch
    needs: [pause]
    with:
      cases:
        long: "{{ inputs.who | length > 10 }}"
      default: short
  cheer:
    type: shell
    needs: [{ task: length, on: short }]
    with:
      command: 'echo "A short name: $WHO"'
      env: { WHO: "{{ inputs.who }}" }
  marvel:
    type: log
    needs: [{ task: length, on: long }]
    with: { message: "What a long name." }
"#;

/// A text area with a document; all its problems come back with their places.
#[component]
pub fn NewFlowPage() -> impl IntoView {
    let writing = Writing::from(EXAMPLE);
    let error = writing.error;
    view! {
        <Title text="New flow · Pointwork"/>
        <div class="page narrow">
            <header>
                <div class="grow">
                    <h1>"New flow"</h1>
                    <p>
                        "YAML or JSON. Saving a document with the id of a flow that exists makes a new version of it; runs keep the version they began with."
                    </p>
                </div>
                <a class="button" href="/edit">"Draw it instead"</a>
            </header>
            {move || error.get().map(|error| view! { <Failure error part=true/> })}
            <DocumentForm writing here="/flows/new".to_owned() back="/flows".to_owned() icon="u-plus" save="Save flow" is_explained=true/>
        </div>
    }
    .into_any()
}
