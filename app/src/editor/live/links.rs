//! What the selected task comes after and leads to, as lists: each edge can be gone along, changed and removed without taking hold of its
//! line on the canvas.

use editor::actions::Command;
use editor::change::Change;
use editor::links::{Link, links};
use editor::select::Selection;
use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::desk::{Ask, Desk};
use super::later::{Later, Part};
use crate::icons::Icon;

/// So many edges are listed one way.
const LISTED_MAX: usize = 60;

/// Both lists of the selected task.
#[component]
pub(super) fn Links(desk: Desk) -> impl IntoView {
    view! { <Later desk name="the list of edges" wanted=Signal::stored(true) fetch=|| Box::pin(both())/> }
}

#[wasm_split(panels, fallible)]
fn both() -> Result<Part, SplitLoaderError> {
    Ok(|desk| view! { <Both desk/> }.into_any())
}

#[component]
fn Both(desk: Desk) -> impl IntoView {
    let both = Memo::new(move |_| {
        let id = desk.inspected();
        desk.track(|session| {
            let id = id.as_deref()?;
            let (_, task) = session.task(id)?;
            Some(links(&session.scene, id, task))
        })
        .unwrap_or_default()
    });
    let before = Signal::derive(move || both.with(|both| both.before.clone()));
    let after = Signal::derive(move || both.with(|both| both.after.clone()));
    view! {
        <List desk title="Comes after" links=before add=Command::ConnectFrom/>
        <List desk title="Leads to" links=after add=Command::Connect/>
        <super::groups::InGroup desk/>
    }
    .into_any()
}

#[component]
fn List(desk: Desk, title: &'static str, links: Signal<Vec<Link>>, add: Command) -> impl IntoView {
    let rows = move || {
        let links = links.get().into_iter().take(LISTED_MAX);
        links.map(|link| row(desk, link)).collect_view()
    };
    let more = move || {
        let n = links.with(Vec::len).saturating_sub(LISTED_MAX);
        (n > 0).then(|| view! { <p class="muted">{format!("And {n} more, in the document.")}</p> })
    };
    view! {
        <section class="ed-links" aria-label=title>
            <header>
                <h3 class="grow">{title}</h3>
                <button
                    type="button"
                    class="button quiet square"
                    title=editor::actions::of(add).label
                    aria-label=editor::actions::of(add).label
                    on:click=move |_| {
                        if let Some(id) = desk.inspected() {
                            desk.ask(if add == Command::Connect { Ask::Target(id) } else { Ask::Source(id) });
                        }
                    }
                >
                    <Icon name="u-plus"/>
                </button>
            </header>
            {move || links.with(Vec::is_empty).then(|| view! { <p class="muted">"Nothing."</p> })}
            <ul>{rows}</ul>
            {more}
        </section>
    }
}

fn row(desk: Desk, link: Link) -> impl IntoView {
    let Link {
        edge,
        other,
        title,
        label,
        port,
    } = link;
    let label = label.unwrap_or_else(|| "on success".to_owned());
    let is_there = title.is_some();
    let name = title.unwrap_or_else(|| format!("{other}, which is not there"));
    let (changed, removed) = (edge.clone(), edge);
    let (change, remove) = (
        format!("Change the edge {} → {}", changed.from, changed.to),
        format!("Remove the edge {} → {}", changed.from, changed.to),
    );
    view! {
        <li>
            <span class="ed-glyph" data-port=port aria-hidden="true"></span>
            <button type="button" class="ed-link-to grow" disabled=!is_there on:click=move |_| desk.jump(&other)>
                <b class="cut">{name}</b>
                <span class="muted cut">{label}</span>
            </button>
            {is_there
                .then(|| {
                    view! {
                        <button
                            type="button"
                            class="button quiet square"
                            title="Change"
                            aria-label=change
                            on:click=move |_| {
                                desk.select(Selection::of_edge(&changed));
                                desk.open_selected();
                            }
                        >
                            <Icon name="u-edit"/>
                        </button>
                    }
                })}
            <button
                type="button"
                class="button quiet square"
                title="Remove"
                aria-label=remove
                on:click=move |_| {
                    desk.seal();
                    desk.change(&Change::Disconnect(removed.clone()));
                }
            >
                <Icon name="u-close"/>
            </button>
        </li>
    }
}
