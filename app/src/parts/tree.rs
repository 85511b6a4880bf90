//! A value as a tree: what is inside opens and closes, and the way to anything can be copied, as expressions want it.

use std::collections::BTreeSet;

use leptos::html::Ul;
use leptos::prelude::*;
use leptos::tachys::html::attribute::custom::{CustomAttr, custom_attribute};

use crate::icons::Icon;
use crate::values::{Part, Row, open_at_first, rows};

/// What the rows share.
#[derive(Clone, Copy)]
struct Tools {
    part: StoredValue<Part>,
    /// How expressions call the whole value.
    root: StoredValue<String>,
    open: RwSignal<BTreeSet<String>>,
    /// The row that the keys act on, once there is one.
    active: RwSignal<Option<String>>,
    /// The row that the mouse is on.
    pointed: RwSignal<Option<String>>,
    /// What became of the last copy.
    said: RwSignal<String>,
}

impl Tools {
    fn turn(self, path: &str) {
        self.open.update(|open| {
            if !open.remove(path) {
                open.insert(path.to_owned());
            }
        });
    }

    /// The way to a row, as expressions call it. What has no name in them is called from the value on.
    fn way(self, path: &str) -> String {
        let way = self.root.with_value(|root| [root, path].concat());
        match way.strip_prefix('.') {
            Some(field) => field.to_owned(),
            None => way,
        }
    }
}

/// A value that can be looked through.
#[component]
pub fn Tree(
    part: Part,
    /// How expressions call the value; empty if they cannot.
    #[prop(into)]
    root: String,
    /// What the value is.
    label: &'static str,
) -> impl IntoView {
    let tools = Tools {
        open: RwSignal::new(open_at_first(&part)),
        part: StoredValue::new(part),
        root: StoredValue::new(root),
        active: RwSignal::new(None),
        pointed: RwSignal::new(None),
        said: RwSignal::new(String::new()),
    };
    let list = NodeRef::<Ul>::new();
    let in_sight = Memo::new(move |_| {
        tools
            .open
            .with(|open| tools.part.with_value(|part| rows(part, open)))
    });
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        #[cfg(feature = "hydrate")]
        browser::pressed(tools, in_sight, list, &event);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    view! {
        <div class="tree-box" on:mouseleave=move |_| tools.pointed.set(None)>
            <ul class="tree" role="tree" aria-label=label node_ref=list on:keydown=on_key>
                <For each=move || in_sight.get() key=|row| row.path.clone() let:row>
                    <Line tools in_sight row/>
                </For>
            </ul>
            <p class="said" class:is-empty=move || tools.said.with(String::is_empty) role="status">{move || tools.said.get()}</p>
        </div>
    }
}

#[component]
fn Line(tools: Tools, in_sight: Memo<Vec<Row>>, row: Row) -> impl IntoView {
    let Row {
        path,
        level,
        place,
        name,
        kind,
        text,
        size,
        block,
        more,
        opens,
    } = row;
    let path = StoredValue::new(path);
    let is_open = Memo::new(move |_| {
        opens
            && tools
                .open
                .with(|open| path.with_value(|path| open.contains(path)))
    });
    let is = move |which: RwSignal<Option<String>>| {
        which.with(|which| path.with_value(|path| which.as_ref() == Some(path)))
    };
    // One stop of the tabulator: the row the keys were on last, or the first.
    let is_stop = Memo::new(move |_| {
        is(tools.active)
            || tools.active.with(Option::is_none)
                && in_sight.with(|rows| {
                    rows.first()
                        .is_some_and(|first| path.with_value(|path| *path == first.path))
                })
    });
    let has_tools = Memo::new(move |_| match tools.pointed.with(Option::is_some) {
        true => is(tools.pointed),
        false => is(tools.active),
    });
    let turn = move |_| {
        if opens && !is_marked() {
            path.with_value(|path| tools.turn(path));
        }
    };
    let activate = move |_| tools.active.set(Some(path.get_value()));
    let is_whole = path.with_value(String::is_empty);
    let way = path.with_value(|path| tools.way(path));
    let text = StoredValue::new(text);
    let block = StoredValue::new(block);
    // What is open is seen below; its row says only how much it is.
    let told = move || (!is_open.get()).then(|| text.get_value());
    let opened = move || {
        is_open.get().then(|| {
            block
                .get_value()
                .map(|block| view! { <pre class="block">{block}</pre> })
        })
    };
    view! {
        <li
            role="treeitem"
            {..level_of(level)}
            aria-setsize=place.1
            aria-posinset=place.0
            aria-expanded=move || opens.then(|| if is_open.get() { "true" } else { "false" })
            tabindex=move || if is_stop.get() { "0" } else { "-1" }
            style=format!("--level:{level}")
            on:focus=activate
        >
            <div class="tree-row" class:opens=opens on:click=turn on:mouseenter=move |_| tools.pointed.set(Some(path.get_value()))>
                {opens.then(|| view! { <Icon name="u-turn"/> })}
                {(!is_whole).then(|| view! { <span class="key" title=way>{name} ": "</span> })}
                {move || told().map(|text| view! { <span class="val" data-kind=kind.key()>{text}</span> })}
                {(!size.is_empty()).then(|| view! { <span class="size">{size}</span> })}
                {move || has_tools.get().then(|| view! { <Copies tools path=path.get_value()/> })}
            </div>
            {opened}
            {(!more.is_empty()).then(|| view! { <p class="rest">{more}</p> })}
        </li>
    }
}

/// How deep an item of a tree is, which the elements of the framework have no attribute for.
pub(crate) fn level_of(level: impl Into<u32>) -> CustomAttr<&'static str, String> {
    custom_attribute("aria-level", level.into().to_string())
}

/// What the mouse can copy of a row; from the keyboard it is `c` and `v`.
#[component]
fn Copies(tools: Tools, path: String) -> impl IntoView {
    let path = StoredValue::new(path);
    let button = move |name: &'static str, title: &'static str, is_value: bool| {
        let copy = move |event: leptos::ev::MouseEvent| {
            event.stop_propagation();
            #[cfg(feature = "hydrate")]
            path.with_value(|path| browser::copy(tools, path, is_value));
            #[cfg(not(feature = "hydrate"))]
            let _ = (tools, path, is_value);
        };
        view! { <button type="button" tabindex="-1" title=title on:click=copy>{name}</button> }
    };
    view! {
        <span class="copies" aria-hidden="true">
            {button("path", "Copy the path, as expressions name it (c)", false)}
            {button("value", "Copy the value (v)", true)}
        </span>
    }
}

/// Whether something is marked: then a click was the end of marking it.
fn is_marked() -> bool {
    #[cfg(feature = "hydrate")]
    return window()
        .get_selection()
        .ok()
        .flatten()
        .is_some_and(|selection| !selection.is_collapsed());
    #[cfg(not(feature = "hydrate"))]
    false
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::time::Duration;

    use leptos::html::Ul;
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{HtmlElement, KeyboardEvent};

    use super::Tools;
    use crate::parts::clipboard;
    use crate::values::Row;

    /// How long it is said what became of a copy.
    const SAID: Duration = Duration::from_secs(4);

    /// Arrow keys go through the rows, open and close them; `c` copies the path, `v` the value.
    pub(super) fn pressed(tools: Tools, in_sight: Memo<Vec<Row>>, list: NodeRef<Ul>, event: &KeyboardEvent) {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let rows = in_sight.get_untracked();
        let active = tools.active.get_untracked();
        let at = rows
            .iter()
            .position(|row| Some(&row.path) == active.as_ref())
            .unwrap_or(0);
        let Some(row) = rows.get(at) else { return };
        let is_open = tools.open.with_untracked(|open| open.contains(&row.path));
        let to = match event.key().as_str() {
            "ArrowDown" => at + 1,
            "ArrowUp" => at.saturating_sub(1),
            "Home" => 0,
            "End" => rows.len() - 1,
            "ArrowRight" if row.opens && !is_open => {
                tools.turn(&row.path);
                at
            }
            "ArrowRight" if row.opens => at + 1,
            "ArrowLeft" if row.opens && is_open => {
                tools.turn(&row.path);
                at
            }
            // To what it is in.
            "ArrowLeft" => rows
                .iter()
                .take(at)
                .rposition(|above| above.level < row.level)
                .unwrap_or(at),
            "Enter" | " " if row.opens => {
                tools.turn(&row.path);
                at
            }
            "c" => {
                copy(tools, &row.path, false);
                at
            }
            "v" => {
                copy(tools, &row.path, true);
                at
            }
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        let children = list.get_untracked().map(|list| list.children());
        let target = children.and_then(|all| all.item(to.min(rows.len() - 1) as u32));
        if let Some(target) = target.and_then(|target| target.dyn_into::<HtmlElement>().ok()) {
            let _ = target.focus();
        }
    }

    /// Copies the path of a row, or its value: a text as it is, anything else as JSON.
    pub(super) fn copy(tools: Tools, path: &str, is_value: bool) {
        let way = tools.way(path);
        let text = match is_value {
            false => way.clone(),
            true => tools.part.with_value(|part| match part.at(path) {
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(other) => serde_json::to_string_pretty(other).unwrap_or_default(),
                None => String::new(),
            }),
        };
        let is_cut = is_value && tools.part.with_value(|part| part.is_cut_at(path));
        let what = match (is_value, is_cut) {
            (false, _) => ["Copied ", &way].concat(),
            (true, false) => "Copied the value".to_owned(),
            (true, true) => "Copied as much of it as is shown".to_owned(),
        };
        leptos::task::spawn_local(async move {
            let said = match clipboard::put(&text).await {
                true => what,
                false => "The browser did not let the page write to the clipboard".to_owned(),
            };
            tools.said.try_set(said.clone());
            let is_still_said = move || tools.said.try_with_untracked(|now| *now == said) == Some(true);
            set_timeout(
                move || {
                    if is_still_said() {
                        tools.said.set(String::new());
                    }
                },
                SAID,
            );
        });
    }
}
