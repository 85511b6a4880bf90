//! Runs chosen in the list, and what they are told: a form around the table. What is chosen is looked at once more before anything is done.

use flow::view::board::RunCount;
use leptos::prelude::*;

use super::run_actions::refusal;
use super::runs::address;
use crate::fns::board::PrepareBulk;
use crate::format;
use crate::parts::{Failure, SendForm, Sending};
use crate::posted::posted;

/// The form's id: the boxes in the table belong to it.
pub const FORM: &str = "bulk";

/// What can be told, and to whom.
#[component]
pub fn BulkBar(query: String, count: RunCount) -> impl IntoView {
    let action = Sending::<PrepareBulk>::new();
    let error = refusal(
        move || action.value().get(),
        posted("prepare_bulk").map(|posted| posted.error),
    );
    let here = address(&query, None);
    let more = if count.is_whole { "" } else { "more than " };
    let what = if query.is_empty() {
        "of all runs"
    } else {
        "that fit"
    };
    let all = format!("All {more}{} {what}", format::thousands(count.n));
    let chosen = RwSignal::new(0_usize);
    let on_change = move |event: leptos::ev::Event| {
        #[cfg(feature = "hydrate")]
        browser::changed(&event, chosen);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    #[cfg(feature = "hydrate")]
    browser::count(chosen);
    view! {
        <div class="bulk-bar">
            <SendForm action id=FORM>
                <strong class="num" role="status">
                    {move || {
                        let n = chosen.get();
                        (n > 0).then(|| format!("{} chosen", format::thousands(n as u64)))
                    }}
                </strong>
                <label class="box"><input type="checkbox" data-all-shown on:change=on_change/>"All shown"</label>
                <label class="box"><input type="checkbox" name="is_all" value="true"/>{all}</label>
                <input type="hidden" name="q" value=query/>
                <select name="command" aria-label="What to tell them">
                    <option value="cancel">"Cancel"</option>
                    <option value="pause">"Pause"</option>
                    <option value="resume">"Resume"</option>
                    <option value="retry">"Retry"</option>
                </select>
                <button class="button" type="submit" name="form" value="prepare_bulk" formaction=here>
                    "Look at them…"
                </button>
            </SendForm>
            {move || error.get().map(|error| view! { <Failure error part=true/> })}
        </div>
    }
    .into_any()
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    use web_sys::{Event, HtmlInputElement};

    fn boxes() -> Vec<HtmlInputElement> {
        let found = document().query_selector_all("input[name='runs[]']").ok();
        let nodes = found
            .into_iter()
            .flat_map(|list| (0..list.length()).filter_map(move |at| list.get(at)));
        nodes.filter_map(|node| node.dyn_into().ok()).collect()
    }

    /// All that are shown are chosen, or none.
    pub(super) fn changed(event: &Event, chosen: RwSignal<usize>) {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        let Some(target) = target else { return };
        let is_on = target.checked();
        let boxes = boxes();
        boxes.iter().for_each(|found| found.set_checked(is_on));
        chosen.set(if is_on { boxes.len() } else { 0 });
    }

    /// Counts what is chosen whenever a box changes, and what was chosen before the page came to life.
    pub(super) fn count(chosen: RwSignal<usize>) {
        Effect::new(move |_| {
            let tell = move || {
                let n = boxes().iter().filter(|found| found.checked()).count();
                chosen.try_set(n);
            };
            tell();
            let listener = Closure::<dyn FnMut(Event)>::new(move |_| tell());
            // Adding a listener fails for no name.
            let _ = document().add_event_listener_with_callback("change", listener.as_ref().unchecked_ref());
            let kept = StoredValue::new_local(Some(listener));
            on_cleanup(move || {
                kept.try_update_value(|listener| {
                    if let Some(listener) = listener.take() {
                        let _ = document()
                            .remove_event_listener_with_callback("change", listener.as_ref().unchecked_ref());
                    }
                });
            });
        });
    }
}
