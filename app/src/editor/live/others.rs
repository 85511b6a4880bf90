//! The inspector of what is no task: an edge, a note, a group, or several tasks at once.

use editor::change::Change;
use editor::geometry::Port;
use editor::model::Edge;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::assist::{Assisted, Look};
use super::desk::Desk;
use super::drawn::{GroupPart, NotePart};
use crate::icons::Icon;

#[derive(Clone, PartialEq)]
enum Shown {
    Nothing,
    Edge(Edge),
    Note(String),
    Group(String),
    Many(usize),
}

/// What is selected, if it is no single task.
#[component]
pub(super) fn Others(desk: Desk) -> impl IntoView {
    let shown = Memo::new(move |_| {
        desk.rev.track();
        desk.selection.with(
            |selection| match (selection.note(), selection.group(), selection.edge()) {
                (Some(note), _, _) => Shown::Note(note.to_owned()),
                (_, Some(group), _) => Shown::Group(group.to_owned()),
                (_, _, Some(edge)) => Shown::Edge(edge.clone()),
                _ => match selection.tasks().len() {
                    0 | 1 => Shown::Nothing,
                    n => Shown::Many(n),
                },
            },
        )
    });
    move || match shown.get() {
        Shown::Nothing => ().into_any(),
        Shown::Edge(edge) => view! { <EdgePart desk edge/> }.into_any(),
        Shown::Note(id) => view! { <NotePart desk id/> }.into_any(),
        Shown::Group(id) => view! { <GroupPart desk id/> }.into_any(),
        Shown::Many(n) => view! { <Many desk n/> }.into_any(),
    }
}

#[component]
fn EdgePart(desk: Desk, edge: Edge) -> impl IntoView {
    let (from, to) = (edge.from.clone(), edge.to.clone());
    let edge = Memo::new(move |_| {
        desk.track(|session| {
            let there = session.scene.track(&edge)?;
            Some(session.scene.tracks[there].edge.clone())
        })
    });
    let set = move |on: Vec<String>, when: Option<String>| {
        if let Some(old) = edge.get_untracked() {
            desk.change(&Change::Reconnect {
                old: old.clone(),
                new: Edge { on, when, ..old },
            });
        }
    };
    let source = from.clone();
    let outcomes = NodeRef::<leptos::html::Fieldset>::new();
    desk.when_opened(move || {
        let first = outcomes
            .get()
            .and_then(|field| field.query_selector("input").ok().flatten());
        first.is_some_and(|input| input.unchecked_into::<web_sys::HtmlElement>().focus().is_ok())
    });
    let words = move || {
        let cases = desk
            .track(|session| session.scene.card(&source).map(|card| card.ports.clone()))
            .unwrap_or_default();
        let mut words: Vec<String> = ["succeeded", "failed", "skipped", "cancelled", "always"]
            .map(str::to_owned)
            .to_vec();
        for port in cases {
            if let Port::Case(case) = port
                && !words.contains(&case)
            {
                words.push(case);
            }
        }
        let on = edge.get().map(|edge| edge.on).unwrap_or_default();
        let is_on = move |word: &str| {
            if on.is_empty() {
                word == "succeeded"
            } else {
                on.iter().any(|other| other == word)
            }
        };
        words
            .into_iter()
            .map(|word| {
                let checked = is_on(&word);
                let own = word.clone();
                view! {
                    <label class="ed-check">
                        <input
                            type="checkbox"
                            prop:checked=checked
                            on:change=move |event| {
                                let Some(edge) = edge.get_untracked() else { return };
                                let mut on = if edge.on.is_empty() { vec!["succeeded".to_owned()] } else { edge.on.clone() };
                                on.retain(|other| *other != own);
                                if event_target_checked(&event) {
                                    on.push(own.clone());
                                }
                                if on == ["succeeded"] {
                                    on.clear();
                                }
                                set(on, edge.when);
                            }
                        />
                        {word}
                    </label>
                }
            })
            .collect_view()
    };
    let when = move || edge.get().and_then(|edge| edge.when).unwrap_or_default();
    let path = desk.with(|session| {
        let section = session.task(&to).map_or("tasks", |(section, _)| section);
        // Any entry of `needs` is read in the same way.
        [section, &to, "needs", "0", "when"].map(str::to_owned).to_vec()
    });
    let steps = path.join("\n");
    view! {
        <header>
            <Icon name="t-switch" large=true/>
            <div class="grow">
                <h2 class="cut">{format!("{from} → {to}")}</h2>
                <p class="muted">"An edge: what has to have happened before the next task may start."</p>
            </div>
        </header>
        <div class="ed-form">
            <fieldset class="ed-field" node_ref=outcomes>
                <legend class="name">"Taken when the upstream"</legend>
                {words}
            </fieldset>
            <div class="ed-field" data-path=steps>
                <label class="name" for="edge-when">"And only if"</label>
                <Assisted
                    desk
                    path
                    look=Look { id: "edge-when".to_owned(), label: Some("And only if"), rows: None, class: "mono", mode: "text", hint: "inputs.go".to_owned() }
                    text=Signal::derive(when)
                    is_wrong=false
                    live=RwSignal::new(String::new())
                    give=Callback::new(move |text: String| {
                        let edge = edge.get_untracked();
                        let before = edge.as_ref().and_then(|edge| edge.when.clone());
                        let when = (!text.trim().is_empty()).then_some(text);
                        if when != before {
                            set(edge.map(|edge| edge.on).unwrap_or_default(), when);
                        }
                    })
                />
                <span class="help">"An expression; without it the outcome alone decides."</span>
            </div>
            <button type="button" class="button danger" on:click=move |_| desk.run(editor::actions::Command::Delete)>"Delete the edge"</button>
        </div>
    }
    .into_any()
}

#[component]
fn Many(desk: Desk, n: usize) -> impl IntoView {
    use editor::actions::Command as C;
    let buttons = [
        C::Group,
        C::Copy,
        C::Duplicate,
        C::RunHere,
        C::AlignLeft,
        C::AlignCentre,
        C::AlignRight,
        C::AlignTop,
        C::AlignMiddle,
        C::AlignBottom,
        C::DistributeAcross,
        C::DistributeDown,
        C::Tidy,
        C::Delete,
    ];
    let buttons = buttons
        .into_iter()
        .filter(|command| n > 2 || !matches!(command, C::DistributeAcross | C::DistributeDown))
        .map(|command| {
            let label = match command {
                C::Tidy => "Tidy these",
                C::RunHere => "Run to the last one",
                command => editor::actions::of(command).label,
            };
            view! { <button type="button" class="button small" on:click=move |_| desk.run(command)>{label}</button> }
        })
        .collect_view();
    view! {
        <header>
            <Icon name="u-list" large=true/>
            <h2 class="grow">{format!("{n} tasks")}</h2>
        </header>
        <div class="ed-form"><div class="ed-many">{buttons}</div></div>
    }
    .into_any()
}
