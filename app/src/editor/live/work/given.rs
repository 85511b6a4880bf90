//! What the tasks give that one reads which runs alone: shown with where it is from, and open to be written otherwise.

use std::collections::BTreeMap;

use editor::outputs;
use leptos::prelude::*;
use serde_json::Value;
use wasm_bindgen::JsCast;

use crate::model::edit::{GivenFrom, GivenView};

/// What is given, once the server has told.
#[derive(Clone, Copy)]
pub(super) struct Given {
    rows: RwSignal<Vec<Row>>,
    is_told: RwSignal<bool>,
}

/// What one task gives.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    task: String,
    from: GivenFrom,
    /// The text it begins with; empty if it is too large to be one.
    first: String,
    is_large: bool,
    text: RwSignal<String>,
    problem: RwSignal<Option<String>>,
}

impl Given {
    pub(super) fn new() -> Self {
        Self {
            rows: RwSignal::default(),
            is_told: RwSignal::new(false),
        }
    }

    /// Takes up what the server tells. What was written by hand stays.
    pub(super) fn put(self, told: Vec<GivenView>) {
        let rows = told.into_iter().map(|told| {
            let is_large = !told.part.more.is_empty();
            let first = match is_large {
                true => String::new(),
                false => outputs::text(&told.part.value),
            };
            let written = self.rows.with_untracked(|rows| {
                let row = rows.iter().find(|row| row.task == told.task)?;
                let text = row.text.get_untracked();
                (text != row.first).then_some(text)
            });
            Row {
                task: told.task,
                from: told.from,
                text: RwSignal::new(written.unwrap_or_else(|| first.clone())),
                first,
                is_large,
                problem: RwSignal::new(None),
            }
        });
        self.rows.set(rows.collect());
        self.is_told.set(true);
    }

    pub(super) fn is_empty(self) -> bool {
        self.rows.with_untracked(Vec::is_empty)
    }

    /// What was written by hand, by task; none if some of it is no value, which is then told at its field.
    pub(super) fn outputs(self) -> Option<BTreeMap<String, Value>> {
        let mut all = BTreeMap::new();
        let mut wrong = None;
        for row in self.rows.get_untracked() {
            match outputs::edited(&row.first, &row.text.get_untracked()) {
                Ok(None) => row.problem.set(None),
                Ok(Some(output)) => {
                    row.problem.set(None);
                    all.insert(row.task, output);
                }
                Err(mistake) => {
                    row.problem.set(Some(mistake.to_string()));
                    wrong = wrong.or(Some(row.task));
                }
            }
        }
        if let Some(task) = wrong {
            let field = document().get_element_by_id(&id_of(&task));
            if let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlElement>().ok()) {
                // It is in the page, so it takes the focus.
                let _ = field.focus();
            }
            return None;
        }
        Some(all)
    }
}

fn id_of(task: &str) -> String {
    format!("given-{task}")
}

/// A field for each of them.
#[component]
pub(super) fn GivenFields(given: Given) -> impl IntoView {
    move || {
        if !given.is_told.get() {
            return view! { <p class="muted" role="status">"Looking up what it is given…"</p> }.into_any();
        }
        let rows = given.rows.get();
        if rows.is_empty() {
            return view! { <p class="muted">"It reads no output of another task."</p> }.into_any();
        }
        let rows = rows.into_iter().map(|row| view! { <One row/> }).collect_view();
        view! {
            <fieldset class="ed-given">
                <legend>"What it is given"</legend>
                {rows}
            </fieldset>
        }
        .into_any()
    }
}

#[component]
fn One(row: Row) -> impl IntoView {
    let Row {
        task,
        from,
        first,
        is_large,
        text,
        problem,
    } = row;
    let id = id_of(&task);
    let about = format!("{id}-from");
    let lines = first.lines().count().clamp(1, 8);
    let source = match from {
        GivenFrom::Pin => view! { "pinned" }.into_any(),
        GivenFrom::Run(run) => {
            view! { "of an " <a href=format!("/runs/{run}") target="_blank">"earlier run"</a> }.into_any()
        }
        GivenFrom::Nowhere => view! { "nothing is known: null" }.into_any(),
    };
    let is_written = {
        let first = first.clone();
        Memo::new(move |_| text.with(|text| text.trim() != first.trim()))
    };
    let back = move |_| {
        text.set(first.clone());
        problem.set(None);
    };
    view! {
        <div class="ed-field" class:wrong=move || problem.with(Option::is_some)>
            <div class="top">
                <label class="name grow mono cut" for=id.clone()>{task}</label>
                <span class="help" id=about.clone()>
                    {move || if is_written.get() { view! { "written here" }.into_any() } else { ().into_any() }}
                    <span hidden=move || is_written.get()>{source}</span>
                </span>
                <button type="button" class="button quiet small" hidden=move || !is_written.get() on:click=back>"As it was"</button>
            </div>
            <textarea
                id=id
                class="mono"
                rows=lines.to_string()
                spellcheck="false"
                autocomplete="off"
                placeholder=is_large.then_some("Too large to be shown here: it is given whole unless something is written.")
                aria-describedby=about
                aria-invalid=move || problem.with(Option::is_some).to_string()
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            ></textarea>
            {move || problem.get().map(|problem| view! { <span class="problem" role="alert">{problem}</span> })}
            {is_large.then(|| view! { <span class="help">{format!("It is larger than {} KiB.", crate::values::BYTES_SHOWN / 1024)}</span> })}
        </div>
    }
    .into_any()
}
