//! The inspector of a note or a group.

use editor::drawn::Drawn;
use editor::geometry::Point;
use leptos::html::{Input, Textarea};
use leptos::prelude::*;

use super::desk::Desk;
use crate::format::count;
use crate::icons::Icon;

/// Sizes a note may be chosen to have.
const SIZES: [(&str, f64, f64); 3] = [
    ("Small", 216.0, 120.0),
    ("Wide", 432.0, 120.0),
    ("Large", 432.0, 280.0),
];

/// A note.
#[component]
pub(super) fn NotePart(desk: Desk, id: String) -> impl IntoView {
    let area = NodeRef::<Textarea>::new();
    desk.when_opened(move || area.get().is_some_and(|area| area.focus().is_ok()));
    let own = id.clone();
    let note = Memo::new(move |_| {
        desk.track(|session| session.scene.note(&own).map(|there| there.note.clone()))
            .unwrap_or_default()
    });
    let typed = id.clone();
    let sizes = SIZES
        .into_iter()
        .map(|(label, x, y)| {
            let is_so = move || {
                note.with(|note| {
                    let size = note.size.unwrap_or(Point { x: 216.0, y: 120.0 });
                    (size.x, size.y) == (x, y)
                })
            };
            view! {
                <button
                    type="button"
                    class="button small"
                    aria-pressed=move || is_so().to_string()
                    on:click=move |_| {
                        let mut note = note.get_untracked();
                        note.size = Some(Point { x, y });
                        desk.change_as("Size a note", &Drawn::put_note(&note), None);
                    }
                >
                    {label}
                </button>
            }
        })
        .collect_view();
    let links = Memo::new(move |_| {
        let marking = desk.marking.get();
        marking.map_or_else(String::new, |marking| {
            note.with(|note| (marking.links)(&note.text))
        })
    });
    view! {
        <header>
            <Icon name="u-edit" large=true/>
            <div class="grow">
                <h2>"Note"</h2>
                <p class="muted">"It is drawn beside the tasks and means nothing to a run."</p>
            </div>
        </header>
        <div class="ed-form">
            <label class="ed-field">
                <span class="name">"Text"</span>
                <textarea
                    node_ref=area
                    rows="6"
                    aria-describedby="note-marks"
                    prop:value=move || note.with(|note| note.text.clone())
                    on:change=move |event| desk.change(&Drawn::field(true, &typed, "text", &event_target_value(&event)))
                ></textarea>
            </label>
            <p id="note-marks" class="muted">"Markdown: # heading, **bold**, *italic*, `code`, - list, [text](https://…)"</p>
            <div class="ed-field" hidden=move || links.with(String::is_empty)>
                <span class="name">"Links"</span>
                <ul class="ed-members" inner_html=move || links.get()></ul>
            </div>
            <div class="ed-field">
                <span class="name">"Size"</span>
                <div class="ed-many">{sizes}</div>
            </div>
            <Colours desk id is_note=true colour=Signal::derive(move || note.with(|note| note.colour.clone()))/>
            <button type="button" class="button danger" on:click=move |_| desk.run(editor::actions::Command::Delete)>"Delete the note"</button>
        </div>
    }
    .into_any()
}

/// A group.
#[component]
pub(super) fn GroupPart(desk: Desk, id: String) -> impl IntoView {
    use editor::actions::Command as C;
    let input = NodeRef::<Input>::new();
    desk.when_opened(move || {
        input.get().is_some_and(|input| {
            input.select();
            input.focus().is_ok()
        })
    });
    let own = id.clone();
    let group = Memo::new(move |_| {
        desk.track(|session| session.scene.group(&own).map(|there| there.group.clone()))
            .unwrap_or_default()
    });
    let (typed, shown) = (id.clone(), id.clone());
    let title = move || {
        group.with(|group| {
            let is_own = group.title != group.id;
            if is_own {
                group.title.clone()
            } else {
                String::new()
            }
        })
    };
    let members = move || {
        group
            .with(|group| group.tasks.clone())
            .into_iter()
            .map(|task| {
                let to = task.clone();
                view! {
                    <li>
                        <button type="button" class="ed-link" on:click=move |_| desk.jump(&to)>{task}</button>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <header>
            <Icon name="t-subflow" large=true/>
            <div class="grow">
                <h2>"Group"</h2>
                <p class="muted">{move || group.with(|group| count(group.tasks.len() as u64, "task", "tasks"))}</p>
            </div>
        </header>
        <div class="ed-form">
            <label class="ed-field">
                <span class="name">"Title"</span>
                <input
                    node_ref=input
                    placeholder=shown
                    prop:value=title
                    on:change=move |event| desk.change(&Drawn::field(false, &typed, "title", &event_target_value(&event)))
                />
            </label>
            <Colours desk id is_note=false colour=Signal::derive(move || group.with(|group| group.colour.clone()))/>
            <label class="ed-check">
                <input
                    type="checkbox"
                    prop:checked=move || group.with(|group| group.is_collapsed)
                    on:change=move |_| desk.run(C::Collapse)
                />
                "Collapsed"
            </label>
            <div class="ed-field">
                <span class="name">"Tasks"</span>
                <ul class="ed-members">{members}</ul>
            </div>
            <button type="button" class="button" on:click=move |_| desk.run(C::Ungroup)>"Ungroup"</button>
        </div>
    }
    .into_any()
}

#[component]
fn Colours(desk: Desk, id: String, is_note: bool, colour: Signal<Option<String>>) -> impl IntoView {
    let swatches = Drawn::COLOURS
        .into_iter()
        .map(|name| {
            let id = id.clone();
            let is_so = move || colour.with(|colour| colour.as_deref().unwrap_or("grey") == name);
            view! {
                <button
                    type="button"
                    class="ed-swatch"
                    data-colour=name
                    title=name
                    aria-label=name
                    aria-pressed=move || is_so().to_string()
                    on:click=move |_| desk.change(&Drawn::field(is_note, &id, "colour", name))
                ></button>
            }
        })
        .collect_view();
    view! {
        <div class="ed-field" role="group" aria-label="Colour">
            <span class="name">"Colour"</span>
            <div class="ed-many">{swatches}</div>
        </div>
    }
    .into_any()
}
