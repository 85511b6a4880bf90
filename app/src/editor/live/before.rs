//! What the selected task may read of those before it, as a tree: a click, a drag or Enter puts it into a field.

use std::collections::BTreeSet;

use editor::complete::{self, Row};
use editor::text::offset;
use leptos::html::Ul;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::desk::Desk;
use super::{assist, known, on_document};
use crate::icons::Icon;
use crate::parts::tree::level_of;

/// What the rows share.
#[derive(Clone, Copy)]
struct Tools {
    rows: Memo<Vec<Row>>,
    open: RwSignal<BTreeSet<String>>,
    /// The row that the keys act on, once there is one.
    active: RwSignal<Option<String>>,
    /// What is dragged.
    dragged: RwSignal<Option<String>>,
}

/// The tree.
#[component]
pub(super) fn Before(desk: Desk) -> impl IntoView {
    let place = desk.primary().and_then(|id| {
        let section = desk.with(|session| session.task(&id).map(|(section, _)| section.to_owned()))?;
        Some(vec![section, id])
    });
    let Some(place) = place else { return ().into_any() };
    let open = RwSignal::new(BTreeSet::new());
    let rows = Memo::new(move |_| {
        desk.known.track();
        desk.rev.track();
        desk.learn_document();
        open.with(|open| {
            desk.with(|session| {
                desk.with_known(|known| complete::before(session.value(), &place, known, open))
            })
        })
    });
    // The nearest is what is read most.
    let nearest = rows.with_untracked(|rows| rows.iter().find(|row| row.task.is_some()).cloned());
    if let Some(nearest) = nearest {
        open.set(BTreeSet::from([nearest.reference.clone()]));
        known::ask_for(desk, |task| nearest.task.as_deref() == Some(task));
    }
    let tools = Tools {
        rows,
        open,
        active: RwSignal::new(None),
        dragged: RwSignal::new(None),
    };
    on_document("dragover", false, move |event| dragged_over(tools, &event));
    on_document("drop", false, move |event| dropped(desk, tools, &event));
    let list = NodeRef::<Ul>::new();
    let is_empty = Memo::new(move |_| rows.with(Vec::is_empty));
    (move || {
        if is_empty.get() {
            return view! { <p class="muted">"No task comes before this one, and the flow has no inputs."</p> }.into_any();
        }
        view! {
            <ul
                class="tree ed-before"
                role="tree"
                aria-label="Values from before"
                aria-describedby="ed-before-help"
                node_ref=list
                on:keydown=move |event| pressed(desk, tools, list, &event)
            >
                <For
                    each=move || rows.get()
                    key=|row| (row.reference.clone(), row.detail.clone(), row.is_open.is_some(), row.place, row.n_more)
                    let:row
                >
                    <Line desk tools row/>
                </For>
            </ul>
            <p class="help" id="ed-before-help">"Put the cursor into a field, then click a value or press Enter on it, or drag it there."</p>
        }
        .into_any()
    })
    .into_any()
}

#[component]
fn Line(desk: Desk, tools: Tools, row: Row) -> impl IntoView {
    let reference = StoredValue::new(row.reference.clone());
    let opens = row.is_open.is_some();
    let is_open =
        Memo::new(move |_| opens && reference.with_value(|own| tools.open.with(|open| open.contains(own))));
    let is_stop = Memo::new(move |_| {
        reference.with_value(|own| {
            tools.active.with(|active| match active {
                Some(active) => active == own,
                None => tools
                    .rows
                    .with(|rows| rows.first().is_some_and(|first| first.reference == *own)),
            })
        })
    });
    // Opened, and nothing is below it.
    let is_bare = Memo::new(move |_| {
        is_open.get()
            && tools.rows.with(|rows| {
                let at = reference.with_value(|own| rows.iter().position(|row| row.reference == *own));
                at.is_some_and(|at| rows.get(at + 1).is_none_or(|next| next.level <= rows[at].level))
            })
    });
    let is_value = row.is_value;
    let click = move |_| match opens {
        true => turn(desk, tools, &reference.get_value()),
        false => put(desk, &reference.get_value(), None),
    };
    let whole = (opens && is_value).then(|| {
        view! {
            <button
                type="button"
                class="ed-put"
                tabindex="-1"
                aria-hidden="true"
                title="Put all of it into the field"
                on:click=move |event| {
                    event.stop_propagation();
                    put(desk, &reference.get_value(), None);
                }
            >
                "insert"
            </button>
        }
    });
    let title = row.reference.clone();
    let more =
        (row.n_more > 0).then(|| format!("… and {} more", crate::format::thousands(row.n_more as u64)));
    view! {
        <li
            role="treeitem"
            {..level_of(row.level)}
            aria-setsize=row.place.1
            aria-posinset=row.place.0
            aria-expanded=move || opens.then(|| if is_open.get() { "true" } else { "false" })
            tabindex=move || if is_stop.get() { "0" } else { "-1" }
            style=format!("--level:{}", row.level)
            draggable=is_value.then_some("true")
            on:focus=move |_| tools.active.set(Some(reference.get_value()))
            on:dragstart=move |event| {
                tools.dragged.set(Some(reference.get_value()));
                if let Some(data) = event.data_transfer() {
                    let _ = data.set_data("text/plain", &reference.with_value(|own| format!("{{{{ {own} }}}}")));
                }
            }
            on:dragend=move |_| {
                tools.dragged.set(None);
                mark(None);
            }
        >
            <div class="tree-row" class:opens=opens title=title on:click=click>
                {opens.then(|| view! { <Icon name="u-turn"/> })}
                <span class="key">{row.name}</span>
                <span class="val cut">{row.detail}</span>
                {whole}
            </div>
            {move || is_bare.get().then(|| view! { <p class="rest">"Nothing is known of it yet. Run it, or pin an output."</p> })}
            {more.map(|more| view! { <p class="rest">{more}</p> })}
        </li>
    }
}

fn turn(desk: Desk, tools: Tools, reference: &str) {
    tools.open.update(|open| {
        if !open.remove(reference) {
            open.insert(reference.to_owned());
        }
    });
    let task = tools.rows.with_untracked(|rows| {
        let row = rows.iter().find(|row| row.reference == reference)?;
        row.task.clone()
    });
    known::ask_for(desk, |asked| task.as_deref() == Some(asked));
}

/// Arrow keys go through the rows, open and close them; Enter puts the value into the field.
fn pressed(desk: Desk, tools: Tools, list: NodeRef<Ul>, event: &web_sys::KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let rows = tools.rows.get_untracked();
    let active = tools.active.get_untracked();
    let at = rows
        .iter()
        .position(|row| Some(&row.reference) == active.as_ref());
    let at = at.unwrap_or(0);
    let Some(row) = rows.get(at) else { return };
    let to = match event.key().as_str() {
        "ArrowDown" => at + 1,
        "ArrowUp" => at.saturating_sub(1),
        "Home" => 0,
        "End" => rows.len() - 1,
        "ArrowRight" if row.is_open == Some(false) => {
            turn(desk, tools, &row.reference);
            at
        }
        "ArrowRight" if row.is_open == Some(true) => at + 1,
        "ArrowLeft" if row.is_open == Some(true) => {
            turn(desk, tools, &row.reference);
            at
        }
        // To what it is in.
        "ArrowLeft" => {
            let above = rows.iter().take(at);
            above
                .clone()
                .rposition(|above| above.level < row.level)
                .unwrap_or(at)
        }
        "Enter" | " " if row.is_value => {
            event.prevent_default();
            event.stop_propagation();
            return put(desk, &row.reference, None);
        }
        "Enter" | " " => {
            turn(desk, tools, &row.reference);
            at
        }
        _ => return,
    };
    event.prevent_default();
    event.stop_propagation();
    let children = list.get_untracked().map(|list| list.children());
    let target = children.and_then(|all| all.item(to.min(rows.len() - 1) as u32));
    if let Some(target) = target.and_then(|target| target.dyn_into::<HtmlElement>().ok()) {
        // It is in the page, so it takes the focus.
        let _ = target.focus();
    }
}

/// The field of the inspector with a path.
fn field_at(path: &str) -> Option<Element> {
    let all = document().query_selector_all(".ed-side [data-path]").ok()?;
    let all = (0..all.length()).filter_map(|at| all.item(at)?.dyn_into::<Element>().ok());
    all.into_iter()
        .find(|field| field.get_attribute("data-path").as_deref() == Some(path))
}

/// What one writes or chooses in, of a field with these steps.
fn control(steps: &[String]) -> Option<Element> {
    document().get_element_by_id(&format!("f-{}", steps.join("-")))
}

/// Puts a reference into the field it was dropped on, or that had the focus last.
fn put(desk: Desk, reference: &str, dropped_on: Option<String>) {
    let is_dropped = dropped_on.is_some();
    let path = dropped_on.or_else(|| desk.kept.with_value(|kept| kept.field.clone()));
    let Some(path) = path.filter(|path| field_at(path).is_some()) else {
        return desk.refuse(
            "No field is chosen. Put the cursor into one of the task's fields, then choose the value."
                .to_owned(),
        );
    };
    let steps: Vec<String> = path.split('\n').map(str::to_owned).collect();
    let Some(field) = desk.with(|session| session.field(&steps)) else {
        return desk
            .refuse("This field takes no values of other tasks. Choose one of the arguments.".to_owned());
    };
    let written = control(&steps).map(|element| assist::read(&element));
    // Where it was left, if what stands there is what the document says.
    let caret = written.filter(|(text, _)| !is_dropped && *text == field.text());
    let caret = caret.map(|(text, units)| offset::byte(&text, units as usize));
    let made = desk.with(|session| complete::insert(session.value(), &field, caret, reference));
    match made {
        Err(mistake) => desk.refuse(mistake.to_string()),
        Ok(made) => {
            let label = format!("Put {reference} into {}", field.title);
            desk.change_as(&label, &made.change, None);
            desk.kept.update_value(|kept| kept.field = Some(path));
            let units = offset::units(&made.text, made.caret) as u32;
            // The field may be another kind now, and stands there with the next turn of the page.
            set_timeout(move || back(&steps, units), std::time::Duration::from_millis(30));
        }
    }
}

/// Goes on writing behind what was put in.
fn back(steps: &[String], units: u32) {
    let Some(element) = control(steps) else { return };
    if let Some(field) = element.dyn_ref::<HtmlElement>() {
        // It is in the page, so it takes the focus.
        let _ = field.focus();
    }
    if let Some(area) = element.dyn_ref::<web_sys::HtmlTextAreaElement>() {
        let _ = area.set_selection_range(units, units);
    } else if let Some(input) = element.dyn_ref::<web_sys::HtmlInputElement>() {
        // One without a caret refuses.
        let _ = input.set_selection_range(units, units);
    }
}

/// The field under what is dragged.
fn under(event: &web_sys::DragEvent) -> Option<Element> {
    let target: Element = event.target()?.dyn_into().ok()?;
    target.closest(".ed-side [data-path]").ok().flatten()
}

/// Marks the field that would take what is dragged, and no other.
fn mark(field: Option<&Element>) {
    if let Some(before) = document().query_selector("[data-drop]").ok().flatten()
        && Some(&before) != field
    {
        let _ = before.remove_attribute("data-drop");
    }
    if let Some(field) = field {
        // An element takes any attribute with such a name.
        let _ = field.set_attribute("data-drop", "");
    }
}

fn dragged_over(tools: Tools, event: &web_sys::DragEvent) {
    if tools.dragged.with_untracked(Option::is_none) {
        return;
    }
    let field = under(event);
    if field.is_some() {
        event.prevent_default();
    }
    mark(field.as_ref());
}

fn dropped(desk: Desk, tools: Tools, event: &web_sys::DragEvent) {
    let Some(reference) = tools.dragged.get_untracked() else {
        return;
    };
    mark(None);
    if let Some(path) = under(event).and_then(|field| field.get_attribute("data-path")) {
        event.prevent_default();
        put(desk, &reference, Some(path));
    }
}
