//! A new flow from text.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::fns::SaveFlow;
use crate::format;
use crate::icons::Icon;
use crate::parts::{Failure, SendForm, Sending};
use crate::posted::posted;

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
    let action = Sending::<SaveFlow>::new();
    let value = action.value();
    let posted = posted("save_flow");
    let source = posted
        .as_ref()
        .and_then(|posted| posted.field("source"))
        .unwrap_or(EXAMPLE)
        .to_owned();
    let error = move || match value.get() {
        Some(result) => result.err(),
        None => posted.as_ref().map(|posted| posted.error.clone()),
    };
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
            </header>
            {move || {
                error().map(|error| {
                    view! {
                        <Failure error part=true/>
                    }
                })
            }}
            <SendForm action class="start new-flow">
                <label class="sr" for="source">"The flow document"</label>
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
                    <button
                        class="button primary"
                        type="submit"
                        name="form"
                        value="save_flow"
                        formaction="/flows/new"
                        disabled=move || action.pending().get()
                    >
                        <Icon name="u-plus"/>
                        {move || if action.pending().get() { "Saving…" } else { "Save flow" }}
                    </button>
                    <a class="button quiet" href="/flows">"Cancel"</a>
                </div>
            </SendForm>
        </div>
    }
    .into_any()
}
