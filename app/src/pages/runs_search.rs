//! What runs are looked for by: views, states, the query with its terms as chips. All are links and forms; while a query is typed the
//! server says how it could go on.

use flow::view::RunStatus;
use flow::view::board::SavedView;
use leptos::prelude::*;

use super::run_actions::refusal;
use super::runs::address;
use crate::fns::board::{RemoveView, SaveView};
use crate::format;
use crate::icons::Icon;
use crate::look;
use crate::model::board::{Chip, QueryProblem, Toggle};
use crate::parts::{Failure, Said, SendForm, Sending};
use crate::posted::posted;

/// The views there are; the one that is shown is marked.
#[component]
pub fn Views(
    views: Vec<SavedView>,
    query: String,
    is_right: bool,
    save: Sending<SaveView>,
    remove: Sending<RemoveView>,
) -> impl IntoView {
    let shown = views.iter().position(|view| view.query == query);
    let is_saved = shown.is_some_and(|at| !views[at].is_system);
    let own = shown.filter(|_| is_saved).map(|at| views[at].name.clone());
    let links = views
        .into_iter()
        .enumerate()
        .map(|(at, view)| {
            let count = view.count.map(|count| {
                let more = if count.is_whole { "" } else { "+" };
                format!("{}{more}", format::thousands(count.n))
            });
            view! {
                <a
                    class="view"
                    class:own=!view.is_system
                    href=address(&view.query, None)
                    aria-current=(Some(at) == shown).then_some("true")
                    title=view.query
                    data-noscroll="true"
                >
                    {view.name}
                    <span class="num muted">{count}</span>
                </a>
            }
        })
        .collect_view();
    let can_save = is_right && !query.is_empty() && shown.is_none();
    view! {
        <div class="views">
            <nav aria-label="Views">{links}</nav>
            {can_save.then(|| view! { <Save query=query.clone() action=save/> })}
            {own.map(|name| view! { <Remove name action=remove/> })}
        </div>
    }
    .into_any()
}

#[component]
fn Save(query: String, action: Sending<SaveView>) -> impl IntoView {
    let typed = posted("save_view");
    let name = typed
        .as_ref()
        .and_then(|typed| typed.field("name").map(str::to_owned));
    let is_open = typed.is_some();
    let error = refusal(move || action.value().get(), typed.map(|typed| typed.error));
    let here = address(&query, None);
    view! {
        <details class="save-view" open=is_open>
            <summary class="button small">"Save view…"</summary>
            <div class="float">
                <SendForm action>
                    <input type="hidden" name="query" value=query/>
                    <div class="field">
                        <label for="view-name">"Name"</label>
                        <input id="view-name" name="name" maxlength="60" required autocomplete="off" value=name/>
                    </div>
                    <button class="button primary" type="submit" name="form" value="save_view" formaction=here>
                        "Save for everybody"
                    </button>
                </SendForm>
                {move || error.get().map(|error| view! { <Failure error part=true/> })}
            </div>
        </details>
    }
}

#[component]
fn Remove(name: String, action: Sending<RemoveView>) -> impl IntoView {
    let label = format!("Remove the view {name}");
    view! {
        <SendForm action>
            <input type="hidden" name="name" value=name/>
            <button class="button quiet small" type="submit" name="form" value="remove_view" formaction="/runs" aria-label=label>
                "Remove view"
            </button>
        </SendForm>
    }
}

/// The states, the terms, the field.
#[component]
pub fn Search(
    query: String,
    toggles: Vec<Toggle>,
    chips: Vec<Chip>,
    problem: Option<QueryProblem>,
) -> impl IntoView {
    let toggles = toggles
        .into_iter()
        .filter_map(|toggle| {
            let look = look::run(RunStatus::from_key(&toggle.state)?);
            Some(view! {
                <a
                    class="toggle"
                    data-state=look.key
                    href=address(&toggle.query, None)
                    aria-current=toggle.is_on.then_some("true")
                    data-noscroll="true"
                >
                    <Icon name=format!("s-{}", look.key)/>
                    {look.word}
                </a>
            })
        })
        .collect_view();
    let has_chips = !chips.is_empty();
    let chips = chips
        .into_iter()
        .map(|chip| {
            let label = format!("Without {}", chip.text);
            view! {
                <li>
                    <a class="chip" href=address(&chip.without, None) aria-label=label data-noscroll="true">
                        <code>{chip.text}</code>
                        <Icon name="u-close"/>
                    </a>
                </li>
            }
        })
        .collect_view();
    let is_filtered = !query.is_empty();
    let wrong = problem.map(|problem| {
        view! {
            <div class="note" data-state="failed" role="alert" id="query-wrong">
                <Icon name="s-failed"/>
                <div class="grow">
                    <code class="wrong-query">{problem.before}<mark>{problem.wrong}</mark>{problem.after}</code>
                    <p><Said text=problem.message/></p>
                </div>
            </div>
        }
    });
    view! {
        <div class="filters">
            <nav class="toggles" aria-label="States">{toggles}</nav>
            <Field query is_filtered/>
        </div>
        {has_chips.then(|| view! { <ul class="chips" aria-label="Filters">{chips}</ul> })}
        {wrong}
    }
    .into_any()
}

/// The field, with what it could go on with below it.
#[component]
fn Field(query: String, is_filtered: bool) -> impl IntoView {
    let offered = RwSignal::new(Vec::<crate::model::board::Completed>::new());
    let chosen = RwSignal::new(None::<usize>);
    let input = NodeRef::<leptos::html::Input>::new();
    let is_open = move || offered.with(|offered| !offered.is_empty());
    let options = move || {
        let offered = offered.get();
        offered
            .into_iter()
            .enumerate()
            .map(|(at, one)| {
                view! {
                    <li
                        id=format!("offer-{at}")
                        role="option"
                        aria-selected=move || (chosen.get() == Some(at)).to_string()
                        data-query=one.query
                    >
                        <code>{one.word}</code>
                        <span class="muted">{one.about}</span>
                    </li>
                }
            })
            .collect_view()
    };
    #[cfg(feature = "hydrate")]
    let typing = browser::Typing {
        input,
        offered,
        chosen,
        n_asked: StoredValue::new(0),
    };
    let on_input = move |_: leptos::ev::Event| {
        #[cfg(feature = "hydrate")]
        typing.ask();
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        #[cfg(feature = "hydrate")]
        typing.key(&event);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    let on_blur = move |_: leptos::ev::FocusEvent| offered.set(Vec::new());
    let on_choose = move |event: leptos::ev::MouseEvent| {
        #[cfg(feature = "hydrate")]
        typing.pick(&event);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    view! {
        <form method="get" action="/runs" role="search">
            <div class="query">
                <input
                    type="search"
                    name="q"
                    node_ref=input
                    value=query.clone()
                    prop:value=query
                    placeholder="state:failed flow:etl-* dur:>5m since:24h words"
                    aria-label="Filter runs"
                    data-keys="/"
                    role="combobox"
                    aria-expanded=move || is_open().to_string()
                    aria-controls="offers"
                    aria-autocomplete="list"
                    aria-activedescendant=move || chosen.get().map(|at| format!("offer-{at}"))
                    autocomplete="off"
                    spellcheck="false"
                    maxlength="2000"
                    on:input=on_input
                    on:keydown=on_key
                    on:blur=on_blur
                />
                <ul id="offers" class="offers" role="listbox" aria-label="How it could go on" hidden=move || !is_open() on:mousedown=on_choose>
                    {options}
                </ul>
            </div>
            <button class="button" type="submit" aria-label="Filter">
                <Icon name="u-search"/>
                <span class="word">"Filter"</span>
            </button>
            <a class="button quiet" href="/runs" hidden=!is_filtered data-noscroll="true">"Clear"</a>
        </form>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::ev::{KeyboardEvent, MouseEvent};
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use wasm_bindgen::JsCast;

    use crate::model::board::Completed;

    #[derive(Clone, Copy)]
    pub(super) struct Typing {
        pub(super) input: NodeRef<leptos::html::Input>,
        pub(super) offered: RwSignal<Vec<Completed>>,
        pub(super) chosen: RwSignal<Option<usize>>,
        /// The last question: answers to earlier ones come too late.
        pub(super) n_asked: StoredValue<u32>,
    }

    impl Typing {
        pub(super) fn ask(self) {
            let Some(input) = self.input.get_untracked() else {
                return;
            };
            let text = input.value();
            let caret = input.selection_start().ok().flatten().unwrap_or(0) as usize;
            // The browser counts halves of characters of more than 16 bits; who types such a one is offered nothing wrong, only less.
            self.n_asked.update_value(|n| *n += 1);
            let n = self.n_asked.get_value();
            spawn_local(async move {
                let found = crate::fns::board::complete_query(text, caret)
                    .await
                    .unwrap_or_default();
                if self.n_asked.try_get_value() == Some(n) {
                    self.chosen.set(None);
                    self.offered.set(found);
                }
            });
        }

        pub(super) fn key(self, event: &KeyboardEvent) {
            let n = self.offered.with_untracked(Vec::len);
            if n == 0 {
                if event.key() == "ArrowDown" {
                    event.prevent_default();
                    self.ask();
                }
                return;
            }
            let at = self.chosen.get_untracked();
            match event.key().as_str() {
                "ArrowDown" => self.chosen.set(Some(at.map_or(0, |at| (at + 1) % n))),
                "ArrowUp" => self.chosen.set(Some(at.map_or(n - 1, |at| (at + n - 1) % n))),
                "Escape" => self.offered.set(Vec::new()),
                "Enter" | "Tab" if at.is_some() => {
                    let query = self
                        .offered
                        .with_untracked(|offered| Some(offered.get(at?)?.query.clone()));
                    self.put(query);
                }
                _ => return,
            }
            event.prevent_default();
        }

        pub(super) fn pick(self, event: &MouseEvent) {
            // The focus stays in the field.
            event.prevent_default();
            let target = event
                .target()
                .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
            let option = target.and_then(|target| target.closest("[data-query]").ok().flatten());
            self.put(option.and_then(|option| option.get_attribute("data-query")));
        }

        fn put(self, query: Option<String>) {
            if let (Some(input), Some(query)) = (self.input.get_untracked(), query) {
                // A key goes on with its values.
                let goes_on = query.ends_with(':');
                input.set_value(&query);
                self.offered.set(Vec::new());
                if goes_on {
                    self.ask();
                }
            }
        }
    }
}
