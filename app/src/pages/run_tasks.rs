//! The task runs of a run as a table: the graph for screen readers, for small screens and for the eye that reads lists. What it lists
//! stands in the address. Only the rows in sight are made, so that a hundred thousand items are no more work than fifty.

use std::ops::Range;

use flow::plan::Spot;
use flow::view::{TaskCounts, TaskRunView, TaskStatus};
use leptos::html::Div;
use leptos::prelude::*;
use leptos_router::hooks::{use_navigate, use_query_map};

use super::run::stay;
use super::run_shared::{Shared, View};
use crate::format;
use crate::graph::state::{elapsed, how_many};
use crate::icons::{self, Icon};
use crate::look;
use crate::parts::{Badge, Clock, Said};
use crate::rows::{self, By, Filter, Sort};

/// So many rows the server writes; a page without scripts goes on from there by a link.
const ROWS_WRITTEN: usize = 100;

/// So often the list is put together anew while much happens, in milliseconds.
#[cfg(feature = "hydrate")]
const LISTED_EVERY_MS: u64 = 250;

/// What the address asks for.
fn filter(shared: Shared) -> Filter {
    let plan = shared.run.plan();
    Filter {
        state: shared.param("state").and_then(|key| TaskStatus::from_key(&key)),
        text: shared.param("text").unwrap_or_default().to_lowercase(),
        with_items: shared.param("rows").as_deref() == Some("all"),
        under: shared.param("under").and_then(|key| plan.find(&key)),
        sort: Sort::from_key(&shared.param("sort").unwrap_or_default()),
    }
}

/// Tells that the rows may have changed, not more often than needs be.
fn changes(shared: Shared) -> RwSignal<u32> {
    let round = RwSignal::new(0);
    #[cfg(feature = "hydrate")]
    {
        let is_due = StoredValue::new(false);
        Effect::new(move |before: Option<()>| {
            shared.run.changed.track();
            if before.is_none() || is_due.try_update_value(|due| std::mem::replace(due, true)) != Some(false)
            {
                return;
            }
            let tell = move || {
                is_due.try_set_value(false);
                round.try_update(|round| *round += 1);
            };
            set_timeout(tell, std::time::Duration::from_millis(LISTED_EVERY_MS));
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = shared;
    round
}

/// The table, and what chooses its rows.
#[component]
pub fn TaskList(shared: Shared) -> impl IntoView {
    let query = use_query_map();
    let round = changes(shared);
    let filter = Memo::new(move |_| filter(shared));
    let found = Memo::new(move |_| {
        round.track();
        filter.with(|filter| shared.run.with(|run| rows::rows(run, filter)))
    });
    let counts = Memo::new(move |_| {
        round.track();
        filter.with(|filter| shared.run.with(|run| rows::counts(run, filter)))
    });
    let first_written = query
        .read_untracked()
        .get("from")
        .and_then(|from| from.parse().ok())
        .unwrap_or(0_usize);
    let sight = RwSignal::new(first_written..first_written + ROWS_WRITTEN);
    let scroller = NodeRef::<Div>::new();
    #[cfg(feature = "hydrate")]
    {
        browser::keep_in_sight(scroller, sight, found);
        browser::show_selected(shared, scroller, found);
    }
    let on_scroll = move |_| {
        #[cfg(feature = "hydrate")]
        browser::look(scroller, sight, found);
    };
    view! {
        <div class="task-list grow" node_ref=scroller on:scroll=on_scroll>
            <Chooser shared filter counts/>
            <Table shared filter found sight/>
            {move || (found.with(Vec::is_empty)).then(|| view! { <p class="none muted">"No task run is listed: nothing fits."</p> })}
            <Further shared found first_written/>
        </div>
    }
}

/// Text, states, items: what is listed.
#[component]
fn Chooser(shared: Shared, filter: Memo<Filter>, counts: Memo<TaskCounts>) -> impl IntoView {
    let navigate = use_navigate();
    // What is typed stands in the field; the address follows.
    let typed = untrack(|| shared.param("text")).unwrap_or_default();
    let on_input = move |event: leptos::ev::Event| {
        let text = event_target_value(&event);
        let to = untrack(|| {
            shared.changed(
                View::Tasks,
                &[("text", Some(text.as_str()).filter(|text| !text.is_empty()))],
            )
        });
        let mut options = stay();
        options.replace = true;
        navigate(&to, options);
    };
    let hidden = move || {
        let fields = shared.hidden_fields(View::Tasks, &["text"]);
        fields
            .into_iter()
            .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
            .collect_view()
    };
    let link = move |state: Option<TaskStatus>, n: u32| {
        let (key, word) = match state {
            Some(state) => (look::status(state).key, look::status(state).word),
            None => ("plan", "all"),
        };
        let href = shared.changed(View::Tasks, &[("state", state.map(TaskStatus::key))]);
        let current = (filter.with(|filter| filter.state) == state).then_some("true");
        view! {
            <a class="count" data-state=key href=href aria-current=current data-noscroll="true">
                {state.map(|_| view! { <Icon name=format!("s-{key}")/> })}
                <span class="num">{format::thousands(u64::from(n))}</span>
                " "
                {word}
            </a>
        }
    };
    let states = move || {
        let all = counts.get();
        let mut told = look::counts(all);
        // A state that is chosen stays there when nothing is left in it.
        if let Some(state) = filter
            .with(|filter| filter.state)
            .filter(|state| all.get(*state) == 0)
        {
            told.push((state, 0));
        }
        let each = told
            .into_iter()
            .map(|(state, n)| link(Some(state), n))
            .collect_view();
        view! { {link(None, all.total())} {each} }
    };
    view! {
        <div class="chooser">
            <form method="get" action=move || shared.base() class="search" role="search" on:submit=move |event| event.prevent_default()>
                {hidden}
                <Icon name="u-search"/>
                <input
                    type="search"
                    name="text"
                    value=typed
                    placeholder="Path, name, type or error"
                    aria-label="Find task runs"
                    data-keys="/"
                    autocomplete="off"
                    on:input=on_input
                />
            </form>
            <nav class="item-filters" aria-label="By state">{states}</nav>
            <Which shared filter/>
        </div>
    }
}

/// Whether items are listed, or only one task's.
#[component]
fn Which(shared: Shared, filter: Memo<Filter>) -> impl IntoView {
    let has_items = shared.run.plan().tasks.iter().any(|task| task.spread.is_some());
    let under = move || filter.with(|filter| filter.under);
    move || match under() {
        Some(ix) => {
            let name = shared.run.plan().name_of(ix);
            let href = shared.changed(View::Tasks, &[("under", None)]);
            view! {
                <a class="chip" href=href data-noscroll="true" title="List all tasks again">
                    {format!("only {name}")}
                    <Icon name="u-close"/>
                </a>
            }
            .into_any()
        }
        None if has_items => {
            let is_on = filter.with(|filter| filter.with_items);
            let href = shared.changed(View::Tasks, &[("rows", (!is_on).then_some("all"))]);
            view! {
                <a class="button small" href=href data-noscroll="true">
                    {if is_on { "Without items" } else { "With items" }}
                </a>
            }
            .into_any()
        }
        None => ().into_any(),
    }
}

#[component]
fn Table(
    shared: Shared,
    filter: Memo<Filter>,
    found: Memo<Vec<Spot>>,
    sight: RwSignal<Range<usize>>,
) -> impl IntoView {
    let head = move |by: By, name: &'static str, class: &'static str| {
        let sort = move || filter.with(|filter| filter.sort);
        let order = move || match sort() {
            sort if sort.by != by => None,
            sort if sort.is_reversed => Some("descending"),
            _ => Some("ascending"),
        };
        let href = move || shared.changed(View::Tasks, &[("sort", sort().next(by).key().as_deref())]);
        view! {
            <th scope="col" class=class aria-sort=order>
                <a href=href data-noscroll="true">{name}</a>
            </th>
        }
    };
    let shown = Memo::new(move |_| {
        let sight = sight.get();
        found.with(|found| {
            let last = sight.end.min(found.len());
            let first = sight.start.min(last);
            (first, found[first..last].to_vec(), found.len() - last)
        })
    });
    let spacer = move |n: usize| {
        (n > 0).then(|| {
            view! { <tr class="spacer" aria-hidden="true"><td colspan="7" style=format!("height:calc(var(--row) * {n})")></td></tr> }
        })
    };
    let each = move || {
        let (first, spots, _) = shown.get();
        spots
            .into_iter()
            .enumerate()
            .map(|(at, spot)| (first + at, spot))
            .collect::<Vec<_>>()
    };
    view! {
        <table aria-rowcount=move || found.with(Vec::len).to_string()>
            <caption class="sr">"Tasks of the run"</caption>
            <thead>
                <tr>
                    {head(By::State, "State", "")}
                    {head(By::Task, "Task", "")}
                    {head(By::Type, "Type", "kind")}
                    <th scope="col" class="why">"Why"</th>
                    {head(By::Attempt, "Attempt", "right attempt")}
                    {head(By::Start, "Began", "right began")}
                    {head(By::Duration, "Duration", "right")}
                </tr>
            </thead>
            <tbody>
                {move || spacer(shown.with(|(first, ..)| *first))}
                <For each=each key=|(at, spot)| (*at, *spot) let:row>
                    <Row shared spot=row.1 at=row.0/>
                </For>
                {move || spacer(shown.with(|(.., after)| *after))}
            </tbody>
        </table>
    }
}

#[component]
fn Row(shared: Shared, spot: Spot, at: usize) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let run = shared.run;
    let task = Memo::new(move |_| run.at(spot));
    let Some(fixed) = task.get_untracked() else {
        return ().into_any();
    };
    let of = move |read: fn(&TaskRunView) -> Option<String>| {
        move || task.with(|task| task.as_ref().and_then(read))
    };
    let attempt = of(|task| match task.attempt {
        _ if task.parts.is_some() => how_many(task),
        0 => None,
        n if task.max_attempts > 1 => Some(format!("{n}/{}", task.max_attempts.max(n))),
        n => Some(n.to_string()),
    });
    // Only what runs listens to the clock.
    let took = move || {
        let is_reused = task.with(|task| task.as_ref().is_some_and(|task| task.is_reused));
        if is_reused {
            return Some("–".to_owned());
        }
        task.with(|task| {
            let task = task.as_ref()?;
            let now = match task.finished_at.is_none() && task.started_at.is_some() {
                true => run.now(clock),
                false => run.rendered_at,
            };
            elapsed(task, now)
        })
    };
    let start = run.summary.with_untracked(|summary| summary.created_at);
    let began = move || {
        let began = task.with(|task| task.as_ref().and_then(|task| task.started_at));
        began.map(|at| match format::span(start, at) {
            0 => "+0 ms".to_owned(),
            after => format!("+{}", format::duration(after)),
        })
    };
    let key = fixed.path.clone();
    let href = move || shared.address(Some(&key));
    let name = match spot.part {
        None => fixed.name.clone(),
        Some(_) => fixed.path.clone(),
    };
    let is_selected = move || (shared.selected.get() == Some(spot)).then_some("true");
    let look = Signal::derive(move || {
        task.with(|task| {
            task.as_ref()
                .map_or(look::status(TaskStatus::Blocked), look::task)
        })
    });
    let why = Signal::derive(of(look::why));
    let key = fixed.path.clone();
    let items = move || {
        let has_items =
            spot.part.is_none() && task.with(|task| task.as_ref().is_some_and(|task| task.parts.is_some()));
        has_items.then(|| {
            let href = shared.changed(View::Tasks, &[("under", Some(&key)), ("state", None), ("text", None)]);
            view! { <a class="to-items" href=href data-noscroll="true" aria-label=format!("Items of {key}")><Icon name="u-turn"/></a> }
        })
    };
    view! {
        <tr aria-selected=is_selected aria-rowindex=(at + 2).to_string() class:item=spot.part.is_some()>
            <td><Badge look/></td>
            <td class="name">
                <span class="name-line">
                    <a class="cut" href=href data-noscroll="true">{name}</a>
                    {items}
                </span>
            </td>
            <td class="kind muted">
                <span class="kind-line">
                    <Icon name=icons::of_task_type(&fixed.task_type)/>
                    {fixed.task_type}
                </span>
            </td>
            <td class="why soft"><span class="cut" title=why>{move || why.get().map(|why| view! { <Said text=why/> })}</span></td>
            <td class="attempt right num">{attempt}</td>
            <td class="began right num muted">{began}</td>
            <td class="right num">{took}</td>
        </tr>
    }
    .into_any()
}

/// Without scripts the rows come page by page.
#[component]
fn Further(shared: Shared, found: Memo<Vec<Spot>>, first_written: usize) -> impl IntoView {
    let is_alive = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| is_alive.set(true));
    let next = first_written + ROWS_WRITTEN;
    move || {
        let n_left = found.with(Vec::len).saturating_sub(next);
        (n_left > 0 && !is_alive.get()).then(|| {
            let next = next.to_string();
            let href = shared.changed(View::Tasks, &[("from", Some(&next))]);
            view! { <p class="none"><a class="button small" href=href>{format!("{} more", format::thousands(n_left as u64))}</a></p> }
        })
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use super::*;

    fn row_height(scroller: &web_sys::HtmlElement) -> f64 {
        let row = scroller.query_selector("tbody tr:not(.spacer)").ok().flatten();
        row.map_or(36.0, |row| row.get_bounding_client_rect().height())
            .max(16.0)
    }

    /// The rows that are in sight now.
    pub(super) fn look(scroller: NodeRef<Div>, sight: RwSignal<Range<usize>>, found: Memo<Vec<Spot>>) {
        let Some(Some(element)) = scroller.try_get_untracked() else {
            return;
        };
        // A page of one column scrolls as a whole; then the list shows what the window does.
        let (top, height) = if element.scroll_height() > element.client_height() + 1 {
            (
                f64::from(element.scroll_top()),
                f64::from(element.client_height()),
            )
        } else {
            let inner = window()
                .inner_height()
                .ok()
                .and_then(|height| height.as_f64())
                .unwrap_or(800.0);
            (-element.get_bounding_client_rect().top(), inner)
        };
        let Some(n_rows) = found.try_with_untracked(Vec::len) else {
            return;
        };
        let wanted = window_of(top, height, row_height(&element), n_rows);
        if sight.try_with_untracked(|sight| *sight != wanted) == Some(true) {
            sight.set(wanted);
        }
    }

    fn window_of(top: f64, height: f64, row: f64, n_rows: usize) -> Range<usize> {
        crate::timeline::window(top.max(0.0), height, row, n_rows)
    }

    /// Looks again when the list or the window changes.
    pub(super) fn keep_in_sight(
        scroller: NodeRef<Div>,
        sight: RwSignal<Range<usize>>,
        found: Memo<Vec<Spot>>,
    ) {
        Effect::new(move |_| {
            found.track();
            scroller.track();
            request_animation_frame(move || look(scroller, sight, found));
        });
        let again = move |_| look(scroller, sight, found);
        let resize = window_event_listener(leptos::ev::resize, move |_| again(()));
        let scroll = window_event_listener(leptos::ev::scroll, move |_| again(()));
        on_cleanup(move || {
            resize.remove();
            scroll.remove();
        });
    }

    /// A row that is chosen elsewhere comes into sight.
    pub(super) fn show_selected(shared: Shared, scroller: NodeRef<Div>, found: Memo<Vec<Spot>>) {
        Effect::new(move |_| {
            let Some(spot) = shared.selected.get() else { return };
            let Some(element) = scroller.get() else { return };
            let Some(at) = found.with_untracked(|found| found.iter().position(|row| *row == spot)) else {
                return;
            };
            request_animation_frame(move || {
                let row = row_height(&element);
                let head = 90.0;
                let (top, height) = (at as f64 * row, f64::from(element.client_height()));
                let now = f64::from(element.scroll_top());
                if top < now || top + row + head > now + height {
                    element.set_scroll_top((top - height / 2.0).max(0.0) as i32);
                }
            });
        });
    }
}
