//! The graph of a run as a list, for screen readers, small screens and the keyboard: the same tasks, the same selection. Only the rows
//! in sight are made.

use std::ops::Range;

use flow::TaskIx;
use flow::view::TaskStatus;
use leptos::html::Div;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::run::stay;
use super::run_shared::{Shared, View};
use crate::graph::outline::{self, Placed, Row};
use crate::graph::state::CardState;
use crate::icons::{self, Icon};
use crate::parts::Clock;
use crate::parts::tree::level_of;

/// So many rows the server writes; the others are in the table.
const ROWS_WRITTEN: usize = 100;

/// What the parts of the list share.
#[derive(Clone, Copy)]
struct List {
    shared: Shared,
    rows: Memo<Vec<Placed>>,
    /// Groups that show only their heads.
    closed: RwSignal<Vec<usize>>,
    /// The row that the keys act on.
    active: RwSignal<usize>,
    sight: RwSignal<Range<usize>>,
    scroller: NodeRef<Div>,
}

/// The list.
#[component]
pub fn Outline(shared: Shared) -> impl IntoView {
    let closed = RwSignal::new(Vec::new());
    let plan = shared.run.plan();
    let rows = Memo::new(move |_| closed.with(|closed| outline::rows(&plan, closed)));
    let selected = move || {
        let ix = shared.selected_task()?;
        rows.with(|rows| rows.iter().position(|placed| placed.row == Row::Task(ix)))
    };
    let list = List {
        shared,
        rows,
        closed,
        active: RwSignal::new(untrack(selected).unwrap_or(0)),
        sight: RwSignal::new(0..ROWS_WRITTEN),
        scroller: NodeRef::new(),
    };
    Effect::new(move |_| {
        if let Some(at) = selected() {
            list.go(at);
        }
    });
    #[cfg(feature = "hydrate")]
    browser::keep_in_sight(list);
    let navigate = use_navigate();
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        if let Some(href) = list.typed(&event.key()) {
            event.prevent_default();
            if !href.is_empty() {
                navigate(&href, stay());
            }
        }
    };
    let on_scroll = move |_| {
        #[cfg(feature = "hydrate")]
        browser::look(list);
    };
    let shown = Memo::new(move |_| {
        let sight = list.sight.get();
        rows.with(|rows| {
            let last = sight.end.min(rows.len());
            (sight.start.min(last)..last, rows.len() - last)
        })
    });
    let spacer = move |n: usize| {
        (n > 0)
            .then(|| view! { <div role="presentation" style=format!("height:calc(var(--row) * {n})")></div> })
    };
    let each = move || {
        let (range, _) = shown.get();
        rows.with(|rows| range.map(|at| (at, rows[at].clone())).collect::<Vec<_>>())
    };
    view! {
        <div
            class="outline grow"
            role="tree"
            tabindex="0"
            aria-label="Tasks of the run in their order"
            aria-activedescendant=move || format!("outline-{}", list.active.get())
            node_ref=list.scroller
            on:keydown=on_key
            on:scroll=on_scroll
        >
            {move || spacer(shown.with(|(range, _)| range.start))}
            <For each=each key=|(at, placed)| (*at, placed.row) let:row>
                <Item list at=row.0 placed=row.1/>
            </For>
            {move || spacer(shown.with(|(_, after)| *after))}
        </div>
        <Further list/>
    }
}

impl List {
    /// The row the keys act on is another one.
    fn go(self, at: usize) {
        self.active.set(at);
        #[cfg(feature = "hydrate")]
        browser::show(self, at);
    }

    /// What a key does; an address if it leads somewhere, none if it is no key of the list.
    fn typed(self, key: &str) -> Option<String> {
        let at = self.active.get_untracked();
        let last = self.rows.with_untracked(Vec::len).saturating_sub(1);
        let row = self
            .rows
            .with_untracked(|rows| rows.get(at).map(|placed| placed.row))?;
        match (key, row) {
            ("ArrowDown", _) => self.go((at + 1).min(last)),
            ("ArrowUp", _) => self.go(at.saturating_sub(1)),
            ("Home", _) => self.go(0),
            ("End", _) => self.go(last),
            ("Enter" | " ", Row::Task(ix)) => return Some(untrack(|| self.href(ix))),
            ("Enter" | " ", Row::Group(group)) => self.fold(group),
            ("ArrowRight", Row::Group(group)) if self.is_closed(group) => self.fold(group),
            ("ArrowRight", Row::Group(_)) => self.go((at + 1).min(last)),
            ("ArrowLeft", Row::Group(group)) if !self.is_closed(group) => self.fold(group),
            ("ArrowLeft", Row::Task(_)) => {
                let parent = self.rows.with_untracked(|rows| {
                    let is_below = rows.get(at).is_some_and(|placed| placed.level > 1);
                    let mut before = rows[..at].iter();
                    is_below
                        .then(|| before.rposition(|placed| placed.level == 1))
                        .flatten()
                });
                self.go(parent?);
            }
            _ => return None,
        }
        Some(String::new())
    }

    fn is_closed(self, group: usize) -> bool {
        self.closed.with_untracked(|closed| closed.contains(&group))
    }

    fn fold(self, group: usize) {
        let is_closed = self.is_closed(group);
        self.closed.update(|closed| match is_closed {
            true => closed.retain(|other| *other != group),
            false => closed.push(group),
        });
    }

    fn href(self, ix: TaskIx) -> String {
        let key = self
            .shared
            .run
            .with(|state| state.plan().task(ix).key.to_string());
        self.shared.address(Some(&key))
    }
}

#[component]
fn Item(list: List, at: usize, placed: Placed) -> impl IntoView {
    let Placed {
        row,
        level,
        position,
        n_siblings,
    } = placed;
    let id = format!("outline-{at}");
    let is_active = move || list.active.get() == at;
    match row {
        Row::Group(group) => view! {
            <div
                class="row group"
                role="treeitem"
                {..level_of(level)}
                id=id
                class:active=is_active
                aria-posinset=position.to_string()
                aria-setsize=n_siblings.to_string()
                aria-expanded=move || list.closed.with(|closed| !closed.contains(&group)).to_string()
                on:click=move |_| {
                    list.go(at);
                    list.fold(group);
                }
            >
                <Icon name="u-turn"/>
                {outline::title(group)}
            </div>
        }
        .into_any(),
        Row::Task(ix) => view! { <Task list at ix level position n_siblings/> }.into_any(),
    }
}

#[component]
fn Task(list: List, at: usize, ix: TaskIx, level: u8, position: usize, n_siblings: usize) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let run = list.shared.run;
    let plan = run.plan();
    let (name, task_type) = (plan.name_of(ix), plan.task(ix).written_type.to_string());
    let leads_to = outline::leads_to(&plan, ix);
    let state: Memo<CardState> = Memo::new(move |_| {
        let task = run.task(ix);
        // Only what runs listens to the clock.
        let now = match task.state {
            TaskStatus::Running => run.now(clock),
            _ => untrack(|| run.now(clock)),
        };
        run.card(ix, now, 0.0)
    });
    let spoken = leads_to.clone();
    let kind = task_type.clone();
    let label = move || {
        let parts = [
            state.with(|state| state.title.clone()),
            kind.clone(),
            spoken.clone(),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(", ")
    };
    let is_selected = move || list.shared.selected_task() == Some(ix);
    view! {
        <a
            class="row"
            role="treeitem"
            {..level_of(level)}
            id=format!("outline-{at}")
            class:active=move || list.active.get() == at
            href=move || list.href(ix)
            tabindex="-1"
            data-noscroll="true"
            data-state=move || state.with(|state| state.key)
            aria-posinset=position.to_string()
            aria-setsize=n_siblings.to_string()
            aria-selected=move || is_selected().to_string()
            aria-label=label
        >
            <Icon name=Signal::derive(move || state.with(|state| format!("s-{}", state.key)))/>
            <span class="name cut">{name}</span>
            <span class="said num">{move || state.with(|state| state.text.clone())}</span>
            <span class="kind muted">
                <Icon name=icons::of_task_type(&task_type)/>
                {task_type}
            </span>
            <span class="then muted cut">{leads_to}</span>
        </a>
    }
}

/// Without scripts the table has the rows that are not here.
#[component]
fn Further(list: List) -> impl IntoView {
    let is_alive = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| is_alive.set(true));
    move || {
        let n_left = list.rows.with(Vec::len).saturating_sub(ROWS_WRITTEN);
        (n_left > 0 && !is_alive.get()).then(|| {
            let href = list.shared.view_address(View::Tasks);
            view! { <p class="none"><a class="button small" href=href>{format!("{n_left} more in the table")}</a></p> }
        })
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use super::*;

    fn row_height(scroller: &web_sys::HtmlElement) -> f64 {
        let row = scroller.query_selector(".row").ok().flatten();
        row.map_or(36.0, |row| row.get_bounding_client_rect().height())
            .max(16.0)
    }

    /// The rows that are in sight now.
    pub(super) fn look(list: List) {
        let Some(Some(element)) = list.scroller.try_get_untracked() else {
            return;
        };
        // A page of one column scrolls as a whole; then the list shows what the window does.
        let (top, height) = if element.scroll_height() > element.client_height() + 1 {
            let (top, height) = (element.scroll_top(), element.client_height());
            (f64::from(top), f64::from(height))
        } else {
            let inner = window().inner_height().ok().and_then(|height| height.as_f64());
            (-element.get_bounding_client_rect().top(), inner.unwrap_or(800.0))
        };
        let Some(n_rows) = list.rows.try_with_untracked(Vec::len) else {
            return;
        };
        let wanted = crate::timeline::window(top.max(0.0), height, row_height(&element), n_rows);
        if list.sight.try_with_untracked(|sight| *sight != wanted) == Some(true) {
            list.sight.set(wanted);
        }
    }

    /// Looks again when the list or the window changes.
    pub(super) fn keep_in_sight(list: List) {
        Effect::new(move |_| {
            list.rows.track();
            list.scroller.track();
            request_animation_frame(move || look(list));
        });
        let resize = window_event_listener(leptos::ev::resize, move |_| look(list));
        let scroll = window_event_listener(leptos::ev::scroll, move |_| look(list));
        on_cleanup(move || {
            resize.remove();
            scroll.remove();
        });
    }

    /// A row comes into sight.
    pub(super) fn show(list: List, at: usize) {
        let Some(Some(element)) = list.scroller.try_get_untracked() else {
            return;
        };
        let row = row_height(&element);
        let (top, height) = (at as f64 * row, f64::from(element.client_height()));
        let now = f64::from(element.scroll_top());
        if top < now {
            element.set_scroll_top(top as i32);
        } else if top + row > now + height {
            element.set_scroll_top((top + row - height).ceil() as i32);
        }
        look(list);
    }
}
