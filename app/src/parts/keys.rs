//! Keys that work on every page: `?` shows them, `g` and a letter goes to a page, Ctrl+K to anything by its name, as does a button
//! marked `data-opens="goto"`.
//!
//! A key of a page is said where its target is, in `data-keys`, and pressing it is a click there; so a page gets a key without any
//! code here. Keys without a modifier can be switched off: speech input and tremor press them unasked.

use leptos::html::{Dialog, Input};
use leptos::prelude::*;

use crate::format;

#[cfg(feature = "hydrate")]
mod browser;
#[cfg(feature = "hydrate")]
pub(crate) use browser::{are_off, keep_off};

/// What is open above the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "hydrate"),
    expect(dead_code, reason = "only the browser opens it")
)]
enum Sheet {
    Keys,
    Goto,
}

/// The keys, as the sheet tells them: where they work, which they are, what they do.
const KEYS: [(&str, &[(&str, &str)]); 3] = [
    (
        "Everywhere",
        &[
            ("Ctrl K", "Go to a flow, a run or a page"),
            ("g d", "Home"),
            ("g f", "Flows"),
            ("g r", "Runs"),
            ("g s", "What is due next"),
            ("/", "Search this list"),
            ("?", "This list"),
        ],
    ),
    (
        "On a run",
        &[
            ("l", "Graph, or the same as a list"),
            ("t", "Timeline"),
            ("k", "Table of tasks"),
            ("o", "Log of all tasks"),
            ("e", "Next task run that failed"),
            ("Ctrl F", "Find in the log, if the focus or the mouse is there"),
            ("c v", "In a value: copy the path, or what is there"),
            ("Esc", "Close the open task"),
        ],
    ),
    (
        "In a graph or its list",
        &[
            ("arrows", "To the next task that way"),
            ("Enter", "Open the task"),
            ("+ −", "Nearer, farther"),
            ("1", "Everything"),
            ("0 3", "Actual size"),
        ],
    ),
];

/// Where `g` and a letter lead.
#[cfg(any(feature = "hydrate", test))]
const PAGES: [(&str, &str); 4] = [
    ("d", "/"),
    ("f", "/flows"),
    ("r", "/runs"),
    ("s", "/#home-agenda"),
];

/// Listens to keys, and shows what they open.
#[component]
pub fn Keys() -> impl IntoView {
    let sheet = RwSignal::new(None::<Sheet>);
    let dialog = NodeRef::<Dialog>::new();
    #[cfg(feature = "hydrate")]
    browser::listen(sheet, dialog);
    let inside = move || {
        sheet.get().map(|sheet| match sheet {
            Sheet::Keys => view! { <KeySheet/> }.into_any(),
            Sheet::Goto => view! { <Goto/> }.into_any(),
        })
    };
    let label = move || match sheet.get() {
        Some(Sheet::Goto) => "Go to",
        _ => "Keys",
    };
    view! {
        <dialog class="key-sheet" node_ref=dialog aria-label=label on:close=move |_| if super::is_closed(dialog) { sheet.set(None) }>
            {inside}
        </dialog>
    }
    .into_any()
}

#[component]
fn KeySheet() -> impl IntoView {
    let is_off = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    is_off.set(are_off());
    let choose = move |_| {
        is_off.update(|is_off| *is_off = !*is_off);
        #[cfg(feature = "hydrate")]
        keep_off(is_off.get_untracked());
    };
    let groups = KEYS
        .into_iter()
        .map(|(title, keys)| {
            let rows = keys
                .iter()
                .map(|(key, what)| view! { <dt><kbd>{*key}</kbd></dt><dd>{*what}</dd> })
                .collect_view();
            view! { <section><h3>{title}</h3><dl class="keys">{rows}</dl></section> }
        })
        .collect_view();
    view! {
        <form method="dialog">
            // Not the first field has the focus: on a small screen the list would begin out of sight.
            <h2 tabindex="-1" autofocus=true>"Keys"</h2>
            <div class="groups">{groups}</div>
            <label class="check">
                <input type="checkbox" prop:checked=move || is_off.get() on:change=choose/>
                "Switch off keys that are a single letter"
            </label>
            <button type="submit" class="button">"Close"</button>
        </form>
    }
    .into_any()
}

/// An address with its name and what kind of thing it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    kind: String,
    name: String,
    href: String,
}

/// Pages, and a run if its id was typed: what needs no question to the server.
fn known(text: &str) -> Vec<Place> {
    let text = text.trim().to_ascii_lowercase();
    let pages = [
        ("Home", "/"),
        ("Flows", "/flows"),
        ("Runs", "/runs"),
        ("New flow", "/edit"),
        ("New flow as text", "/flows/new"),
        ("Compare runs", "/runs/compare"),
        ("Open a run from a file", "/runs/open"),
    ];
    let run = text.starts_with("run_").then(|| Place {
        kind: "run".to_owned(),
        name: text.clone(),
        href: format!("/runs/{}", format::url_part(&text)),
    });
    let pages = pages
        .into_iter()
        .filter(|(name, _)| name.to_ascii_lowercase().contains(&text))
        .map(|(name, href)| Place {
            kind: "page".to_owned(),
            name: name.to_owned(),
            href: href.to_owned(),
        });
    run.into_iter().chain(pages).collect()
}

/// How well a name fits what was typed, the best first: a word of it begins so, it has it somewhere, something else of it does.
/// The server finds, this only puts in order, so letters beyond ASCII need no table of cases here: it weighs 4 kB on every page.
#[cfg(any(feature = "hydrate", test))]
fn rank(name: &str, typed: &str) -> u8 {
    let (name, typed) = (name.to_ascii_lowercase(), typed.trim().to_ascii_lowercase());
    match name.find(&typed) {
        _ if name.split_whitespace().any(|word| word.starts_with(&typed)) => 0,
        Some(_) => 1,
        None => 2,
    }
}

#[component]
fn Goto() -> impl IntoView {
    let text = RwSignal::new(String::new());
    let found = RwSignal::new(Vec::<Place>::new());
    let field = NodeRef::<Input>::new();
    // The place that Enter leads to.
    let chosen = RwSignal::new(0_usize);
    #[cfg(feature = "hydrate")]
    browser::find(text, found, field);
    let places = Memo::new(move |_| {
        let mut places = known(&text.get());
        places.extend(found.get());
        places
    });
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let n = places.with(Vec::len).max(1);
        match event.key().as_str() {
            "ArrowDown" => chosen.update(|at| *at = (*at + 1) % n),
            "ArrowUp" => chosen.update(|at| *at = (*at + n - 1) % n),
            _ => return,
        }
        event.prevent_default();
    };
    let go = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        #[cfg(feature = "hydrate")]
        browser::click_chosen();
    };
    let list = move || {
        let chosen = chosen.get();
        places
            .get()
            .into_iter()
            .enumerate()
            .map(|(at, place)| {
                view! {
                    <li role="presentation">
                        <a
                            role="option"
                            id=format!("goto-{at}")
                            href=place.href
                            tabindex="-1"
                            aria-selected=(at == chosen).to_string()
                        >
                            <span class="cut">{place.name}</span>
                            <span class="muted">{place.kind}</span>
                        </a>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <form method="dialog" role="search" on:submit=go>
            <label for="goto" class="sr">"Go to a flow, a run or a page"</label>
            <input
                id="goto"
                type="search"
                placeholder="Flow, run or page"
                autocomplete="off"
                role="combobox"
                aria-expanded="true"
                aria-controls="goto-places"
                aria-activedescendant=move || format!("goto-{}", chosen.get())
                node_ref=field
                on:keydown=on_key
                on:input=move |event| {
                    text.set(event_target_value(&event));
                    chosen.set(0);
                }
            />
            <ul class="places" id="goto-places" role="listbox" aria-label="Places">{list}</ul>
            <p class="none muted" hidden=move || places.with(|places| !places.is_empty())>"Nothing has such a name."</p>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_typed_runs_are_known() {
        let say = |text: &str| {
            let places: Vec<String> = known(text).into_iter().map(|place| place.href).collect();
            places.join(" ")
        };
        assert_eq!(
            say(""),
            "/ /flows /runs /edit /flows/new /runs/compare /runs/open"
        );
        assert_eq!(say(" FLOW"), "/flows /edit /flows/new");
        assert_eq!(say("run_01k9"), "/runs/run_01k9");
        assert_eq!(say("nothing"), "");
    }

    #[test]
    fn names_that_begin_so_come_first() {
        let mut names = ["Hello", "Health report", "Order checks", "Nightly orders"];
        names.sort_by_key(|name| rank(name, " OR"));
        assert_eq!(
            names,
            ["Order checks", "Nightly orders", "Health report", "Hello"]
        );
    }

    #[test]
    #[cfg(feature = "editor")]
    fn a_graph_is_seen_whole_by_the_keys_of_the_editor() {
        let keys = editor::actions::of(editor::actions::Command::FitAll).keys;
        let told = KEYS[2].1.iter().find(|(_, what)| *what == "Everything");
        assert_eq!(
            told.map(|(told, _)| told.split(' ').collect()),
            Some(keys.to_vec())
        );
    }

    #[test]
    fn the_sheet_tells_every_page_that_a_key_leads_to() {
        let told: Vec<&str> = KEYS[0].1.iter().map(|(key, _)| *key).collect();
        for (letter, _) in PAGES {
            assert!(told.contains(&format!("g {letter}").as_str()), "{letter}");
        }
    }
}
