//! The same flow as a list: for those who do not see the drawing, and for screens that are too small for one.

use leptos::prelude::*;

use super::desk::Desk;
use crate::icons::{self, Icon};

/// A task in the list.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Line {
    id: String,
    title: String,
    task_type: String,
    leads_to: String,
}

/// All tasks, upstreams first, each with what it leads to.
#[component]
pub(super) fn Outline(desk: Desk) -> impl IntoView {
    let lines = Memo::new(move |_| {
        desk.track(|session| {
            let scene = &session.scene;
            order(scene)
                .into_iter()
                .map(|card| {
                    let card = &scene.cards[card];
                    let titles: Vec<&str> = card
                        .out
                        .iter()
                        .map(|track| scene.cards[scene.tracks[*track].to].title.as_str())
                        .collect();
                    Line {
                        id: card.id.clone(),
                        title: card.title.clone(),
                        task_type: card.task_type.clone(),
                        leads_to: titles.join(", "),
                    }
                })
                .collect::<Vec<_>>()
        })
    });
    let row = move |line: Line| {
        let (id, own) = (line.id.clone(), line.id.clone());
        let problem = move || {
            desk.problems.with(|problems| {
                problems
                    .iter()
                    .find(|problem| problem.task.as_ref() == Some(&own))
                    .map(|problem| problem.message.clone())
            })
        };
        let chosen = line.id.clone();
        let also = line.id.clone();
        let is_chosen = move || desk.selection.with(|selection| selection.has(&chosen));
        let is_chosen_too = move || desk.selection.with(|selection| selection.has(&also));
        let opened = line.id.clone();
        let (menu, name) = (line.id.clone(), line.title.clone());
        view! {
            <li class:chosen=is_chosen_too>
                <button type="button" aria-current=move || is_chosen().then_some("true") on:click=move |_| desk.jump(&id) on:dblclick=move |_| desk.open(&opened)>
                    <Icon name=icons::of_task_type(&line.task_type)/>
                    <span class="grow">
                        <b>{line.title}</b>
                        " "
                        <span class="muted">{line.task_type}</span>
                        {(!line.leads_to.is_empty()).then(|| view! { <span class="soft to">{format!("→ {}", line.leads_to)}</span> })}
                        {move || problem().map(|problem| view! { <span class="problem">{problem}</span> })}
                    </span>
                </button>
                <button
                    type="button"
                    class="button quiet square"
                    aria-haspopup="menu"
                    aria-label=format!("What to do with {name}")
                    on:click=move |event| asked(desk, &menu, &event)
                >
                    "⋯"
                </button>
            </li>
        }
    };
    view! {
        <section class="ed-outline" aria-label="List of tasks">
            <ol>
                <For each=move || lines.get() key=Clone::clone let:line>{row(line)}</For>
            </ol>
        </section>
    }
    .into_any()
}

/// The menu of a task, beside what was pressed.
fn asked(desk: Desk, id: &str, event: &web_sys::MouseEvent) {
    let card = desk.with(|session| session.scene.number(id));
    let Some(card) = card else { return };
    desk.select(editor::select::Selection::one(id));
    let floats = document().query_selector(".ed-floats").ok().flatten();
    let origin = floats.map(|floats| floats.get_bounding_client_rect());
    let (left, top) = origin.map_or((0.0, 0.0), |rect| (rect.left(), rect.top()));
    let at = editor::geometry::pt(
        f64::from(event.client_x()) - left,
        f64::from(event.client_y()) - top,
    );
    desk.kept.update_value(|kept| kept.menu_held = false);
    desk.menu.set(Some((at, editor::scene::Hit::Card(card))));
}

/// Upstreams first; in a circle, in the order of the document.
fn order(scene: &editor::Scene) -> Vec<usize> {
    let mut open: Vec<usize> = scene.cards.iter().map(|card| card.into.len()).collect();
    let mut order: Vec<usize> = (0..open.len()).filter(|card| open[*card] == 0).collect();
    let mut next = 0;
    while let Some(&card) = order.get(next) {
        next += 1;
        for track in &scene.cards[card].out {
            let to = scene.tracks[*track].to;
            open[to] = open[to].saturating_sub(1);
            if open[to] == 0 {
                order.push(to);
            }
        }
    }
    let mut seen = vec![false; open.len()];
    order.retain(|card| !std::mem::replace(&mut seen[*card], true));
    order.extend((0..seen.len()).filter(|card| !seen[*card]));
    order
}
