//! The form that starts a run, made from a flow's inputs. A plain form: it works without scripts.

use flow::doc::InputDoc;
use leptos::prelude::*;

use crate::error::AppError;
use crate::fns::StartRun;
use crate::format;
use crate::parts::Submit;
use crate::parts::fields::{Elsewhere, Field, given};
use crate::parts::{SendForm, Sending};
use crate::posted::posted;

/// Starts a run of a flow.
#[component]
pub fn StartForm(flow: String, inputs: Vec<(String, InputDoc)>) -> impl IntoView {
    let action = Sending::<StartRun>::new();
    // Only what was typed for this flow.
    let posted = posted("start_run").filter(|posted| posted.field("flow") == Some(flow.as_str()));
    let value = action.value();
    let refused = posted.as_ref().map(|posted| posted.error.clone());
    let error: Signal<Option<AppError>> = Signal::derive(move || match value.get() {
        Some(result) => result.err(),
        None => refused.clone(),
    });
    let page = format!("/flows/{}", format::url_part(&flow));
    let names: Vec<String> = inputs.iter().map(|(name, _)| name.clone()).collect();
    let none = inputs.is_empty();
    let fields = inputs
        .into_iter()
        .map(|(name, input)| {
            let given = given(&name, &input, posted.as_ref());
            view! { <Field name input given error/> }
        })
        .collect_view();
    let is_busy = move || action.pending().get();
    view! {
        <SendForm action class="start" id="start">
            <input type="hidden" name="flow" value=flow/>
            {none.then(|| view! { <p class="soft">"This flow takes no inputs."</p> })}
            {fields}
            <Elsewhere error names refused="Not started"/>
            <div class="tools">
                <Submit form="start_run" here=page busy=is_busy icon="u-play">
                    {move || if is_busy() { "Starting…" } else { "Start run" }}
                </Submit>
            </div>
        </SendForm>
    }
}
