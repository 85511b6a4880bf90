//! The timeline: a row for each task run, with what it did when. Bars are placed by the style sheet from numbers of milliseconds, so
//! that a run that goes on, or another zoom, changes three numbers and no row. The items of a task are a group that opens.

use std::ops::Range;
use std::sync::Arc;

use flow::TaskIx;
use flow::plan::Spot;
use flow::view::TaskStatus;
use leptos::html::Div;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::run::stay;
use super::run_shared::{Shared, View};
use crate::format;
use crate::graph::state::{elapsed, how_many};
use crate::icons::Icon;
use crate::look;
use crate::model::Usual;
use crate::parts::Clock;
use crate::timeline::history::ItemRows;
use crate::timeline::{self, Kind, Segment, critical, millis, segments, tick_word, ticks};

/// So many rows stand in the page that the server writes.
const ROWS_WRITTEN: usize = 200;

/// So many marks has the axis at no zoom.
const MARKS: f64 = 7.0;

/// So much wider than the screen is enough for a minute in an hour.
#[cfg(feature = "hydrate")]
const ZOOM_MAX: f64 = 60.0;

/// What the rows share.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(feature = "hydrate"),
    expect(dead_code, reason = "the browser's build moves in it")
)]
struct Board {
    shared: Shared,
    /// How much wider than the screen the run is drawn.
    zoom: RwSignal<f64>,
    rows: Memo<Vec<Spot>>,
    /// The rows that are made.
    sight: RwSignal<Range<usize>>,
    /// The row that the tabulator leads to.
    at: RwSignal<usize>,
    /// What the items of the open task did.
    items: RwSignal<Arc<ItemRows>>,
    /// How much later each task could have ended; none unless it is asked for.
    slack: Memo<Option<Vec<Option<u64>>>>,
    scroller: NodeRef<Div>,
    /// Goes to an address.
    go: Callback<String>,
}

impl Board {
    fn start(self) -> flow::Timestamp {
        self.shared
            .run
            .summary
            .with_untracked(|summary| summary.created_at)
    }

    fn opened(self) -> Option<TaskIx> {
        let key = self.shared.param("open")?;
        let plan = self.shared.run.plan();
        plan.find(&key).filter(|&ix| plan.task(ix).spread.is_some())
    }
}

/// The view.
#[component]
pub fn Timeline(shared: Shared, usual: Option<Usual>) -> impl IntoView {
    let run = shared.run;
    let clock = expect_context::<Clock>();
    let navigate = use_navigate();
    let scroller = NodeRef::<Div>::new();
    let rows = Memo::new(move |_| {
        run.changed.track();
        let opened = shared.param("open");
        run.with(|state| {
            let plan = state.plan();
            let n_tasks = plan.tasks.len() as TaskIx;
            let mut rows = Vec::with_capacity(n_tasks as usize);
            for ix in 0..n_tasks {
                rows.push(Spot::from(ix));
                let is_open = opened.as_deref() == Some(&*plan.task(ix).key);
                if let Some(parts) = state.parts(ix).filter(|_| is_open) {
                    rows.extend(parts.numbers().map(|part| Spot::part(ix, part)));
                }
            }
            rows
        })
    });
    let slack = Memo::new(move |_| {
        shared.param("critical")?;
        run.changed.track();
        Some(run.with(critical::slack))
    });
    let board = Board {
        shared,
        zoom: RwSignal::new(1.0),
        rows,
        sight: RwSignal::new(0..ROWS_WRITTEN),
        at: RwSignal::new(0),
        items: RwSignal::new(Arc::default()),
        slack,
        scroller,
        go: Callback::new(move |address: String| navigate(&address, stay())),
    };
    let start = board.start();
    let now = Memo::new(move |_| {
        let end = run.summary.with(|summary| summary.finished_at);
        millis(start, end.unwrap_or_else(|| run.now(clock)))
    });
    let is_over = move || run.summary.with(|summary| summary.finished_at.is_some());
    // Counted from when the run began, not from when it was accepted.
    let usual_end = move || {
        let began = run.summary.with(|summary| summary.started_at)?;
        Some(millis(start, began) + usual?.ms)
    };
    let span = Memo::new(move |_| timeline::scale(now.get(), usual_end(), is_over()));
    let numbers = move || {
        format!(
            "--span:{};--now:{};--zoom:{}",
            span.get(),
            now.get(),
            board.zoom.get()
        )
    };
    #[cfg(feature = "hydrate")]
    browser::set_up(board);
    let on_scroll = move |_| {
        #[cfg(feature = "hydrate")]
        browser::look(board);
    };
    let on_wheel = move |event: leptos::ev::WheelEvent| {
        #[cfg(feature = "hydrate")]
        browser::wheel(board, &event);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        #[cfg(feature = "hydrate")]
        browser::key(board, &event);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    view! {
        <div class="timeline-box grow">
            <Tools board/>
            <div
                class="timeline"
                class:critical=move || slack.with(Option::is_some)
                node_ref=scroller
                style=numbers
                on:scroll=on_scroll
                on:wheel=on_wheel
                on:keydown=on_key
            >
                <div class="sheet">
                    <Axis board span/>
                    <div class="over" aria-hidden="true">
                        {move || {
                            usual_end()
                                .filter(|at| *at <= span.get())
                                .map(|at| {
                                    let is_far = at * 10 > span.get() * 8;
                                    view! { <i class="ghost" class:far=is_far style=format!("--a:{at}")><b>"usual"</b></i> }
                                })
                        }}
                        {move || (!is_over()).then(|| view! { <i class="now"><b>{if run.is_past() { "then" } else { "now" }}</b></i> })}
                    </div>
                    <Rows board/>
                </div>
            </div>
        </div>
    }
}

/// Legend, critical path, zoom.
#[component]
fn Tools(board: Board) -> impl IntoView {
    let shared = board.shared;
    let is_alive = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| is_alive.set(true));
    let is_on = move || board.slack.with(Option::is_some);
    let href = move || shared.changed(View::Timeline, &[("critical", (!is_on()).then_some("1"))]);
    let zoom = move |factor: f64| {
        #[cfg(feature = "hydrate")]
        browser::zoom(board, factor, None);
        #[cfg(not(feature = "hydrate"))]
        let _ = factor;
    };
    let legend = [Kind::Queued, Kind::Running, Kind::Waiting, Kind::Backoff]
        .map(|kind| view! { <li><i class="tbar" data-kind=kind.key() data-state="running"></i> {kind.key()}</li> })
        .collect_view();
    view! {
        <div class="timeline-tools">
            <ul class="legend" aria-label="What bars mean">{legend}</ul>
            <span class="grow"></span>
            <a class="button small" href=href aria-current=move || is_on().then_some("true") data-noscroll="true" title="Which tasks decided how long the run took, and how much later every other could have ended">
                "Critical path"
            </a>
            <div class="zooms" role="group" aria-label="Zoom" hidden=move || !is_alive.get()>
                <button type="button" class="button quiet square" title="Less time (-)" aria-label="Zoom out" on:click=move |_| zoom(0.5)>
                    <Icon name="u-minus"/>
                </button>
                <button type="button" class="button quiet square" title="More time (+)" aria-label="Zoom in" on:click=move |_| zoom(2.0)>
                    <Icon name="u-plus"/>
                </button>
                <button type="button" class="button quiet square" title="All of the run (0)" aria-label="Fit" on:click=move |_| zoom(0.0)>
                    <Icon name="u-fit"/>
                </button>
            </div>
        </div>
    }
}

#[component]
fn Axis(board: Board, span: Memo<u64>) -> impl IntoView {
    let marks = Memo::new(move |_| ticks(span.get(), (MARKS * board.zoom.get()) as u64));
    view! {
        <div class="axis" aria-hidden="true">
            {move || {
                marks
                    .get()
                    .into_iter()
                    .map(|at| view! { <span style=format!("--a:{at}")>{tick_word(at)}</span> })
                    .collect_view()
            }}
        </div>
    }
}

#[component]
fn Rows(board: Board) -> impl IntoView {
    let shown = move || {
        let sight = board.sight.get();
        board.rows.with(|rows| {
            let last = sight.end.min(rows.len());
            let first = sight.start.min(last);
            (first..last).zip(rows[first..last].to_vec()).collect::<Vec<_>>()
        })
    };
    view! {
        <ol class="trows" aria-label="Task runs over time" style=move || format!("--n:{}", board.rows.with(Vec::len))>
            <For each=shown key=|(at, spot)| (*at, *spot) let:row>
                <Row board spot=row.1 at=row.0/>
            </For>
        </ol>
    }
}

#[component]
fn Row(board: Board, spot: Spot, at: usize) -> impl IntoView {
    let shared = board.shared;
    let run = shared.run;
    let clock = expect_context::<Clock>();
    let task = Memo::new(move |_| run.at(spot));
    let Some(fixed) = task.get_untracked() else {
        return ().into_any();
    };
    let start = board.start();
    let bars = Memo::new(move |_| {
        let own = task.with(|task| {
            task.as_ref()
                .map(|task| segments(task, start))
                .unwrap_or_default()
        });
        match spot.part {
            // Of an item that has settled only the log knows the times.
            Some(part) if own.is_empty() => {
                let told = board
                    .items
                    .with(|items| items.get(&part).cloned().unwrap_or_default());
                match run.instant.get() {
                    Some(instant) => timeline::cut(&told, millis(start, instant.at)),
                    None => told,
                }
            }
            _ => own,
        }
    });
    let look = Memo::new(move |_| {
        task.with(|task| {
            task.as_ref()
                .map_or(look::status(TaskStatus::Blocked), look::task)
        })
    });
    let took = move || {
        task.with(|task| {
            let task = task.as_ref()?;
            let now = match task.finished_at.is_none() && task.started_at.is_some() {
                true => run.now(clock),
                false => run.rendered_at,
            };
            elapsed(task, now)
        })
    };
    let slack = move || {
        board.slack.with(|slack| {
            slack
                .as_ref()?
                .get(spot.task as usize)
                .copied()
                .flatten()
                .filter(|_| spot.part.is_none())
        })
    };
    let beside = move || match slack() {
        Some(0) => Some("critical".to_owned()),
        Some(slack) => Some(format!("+{}", format::duration(slack))),
        None if board.slack.with(Option::is_some) => None,
        None => task
            .with(|task| {
                let task = task.as_ref()?;
                how_many(task).or_else(|| look::in_place_of_time(task).map(str::to_owned))
            })
            .or_else(took),
    };
    let path = fixed.path.clone();
    let name = match spot.part {
        None => fixed.name,
        Some(_) => path
            .rfind(['[', '#'])
            .and_then(|at| path.get(at..))
            .unwrap_or(&path)
            .to_owned(),
    };
    let label = {
        let name = if spot.part.is_some() {
            path.clone()
        } else {
            name.clone()
        };
        move || {
            let tail = beside().map(|beside| format!(", {beside}")).unwrap_or_default();
            format!("{name}: {}{tail}", look.get().word)
        }
    };
    let href = move || shared.address(Some(&path));
    let is_selected = move || (shared.selected.get() == Some(spot)).then_some("true");
    let tabindex = move || if board.at.get() == at { "0" } else { "-1" };
    view! {
        <li
            class="trow"
            class:item=spot.part.is_some()
            class:on-path=move || slack() == Some(0)
            data-state=move || look.get().key
            style=format!("--at:{at}")
        >
            <Toggle board spot/>
            <a class="row-link" href=href aria-label=label aria-current=is_selected tabindex=tabindex data-row=at.to_string() data-noscroll="true">
                <span class="row-name">
                    <Icon name=Signal::derive(move || format!("s-{}", look.get().key))/>
                    <span class="cut">{name}</span>
                    <span class="beside num">{beside}</span>
                </span>
                <span class="track">{move || bars.with(|bars| bars.iter().map(bar).collect_view())}</span>
            </a>
        </li>
    }
    .into_any()
}

/// A piece of a row. Its place and length are numbers for the style sheet.
fn bar(segment: &Segment) -> impl IntoView + use<> {
    let (kind, from) = (segment.kind, segment.from);
    let state = match (kind, segment.outcome.as_str()) {
        (Kind::Queued, _) => "queued",
        (Kind::Backoff, _) => "retrying",
        (Kind::Waiting, "succeeded" | "waiting" | "running" | "snoozed") => "waiting",
        (_, "lost" | "snoozed") => "attention",
        (_, outcome) => look_key(outcome),
    };
    let (style, told) = match segment.to {
        Some(to) => (
            format!("--a:{from};--d:{}", to - from),
            format!(" {}", format::duration(to - from)),
        ),
        None => (format!("--a:{from}"), " so far".to_owned()),
    };
    let attempt = match segment.attempt {
        0 => String::new(),
        attempt => format!("attempt {attempt}: "),
    };
    let word = if kind == Kind::Moment {
        segment.outcome.clone()
    } else {
        kind.key().to_owned()
    };
    view! {
        <i class="tbar" class:open=segment.to.is_none() data-kind=kind.key() data-state=state style=style title=format!("{attempt}{word}{told}")></i>
    }
}

fn look_key(outcome: &str) -> &'static str {
    TaskStatus::from_key(outcome).map_or("running", |state| look::status(state).key)
}

/// Opens and closes the items of a task.
#[component]
fn Toggle(board: Board, spot: Spot) -> impl IntoView {
    let plan = board.shared.run.plan();
    let has_items = spot.part.is_none() && plan.task(spot.task).spread.is_some();
    has_items.then(|| {
        let key = plan.task(spot.task).key.to_string();
        let is_open = move || board.opened() == Some(spot.task);
        let name = {
            let key = key.clone();
            move || match is_open() {
                true => format!("Close the items of {key}"),
                false => format!("Open the items of {key}"),
            }
        };
        let href = move || board.shared.changed(View::Timeline, &[("open", (!is_open()).then_some(key.as_str()))]);
        view! {
            <a class="opener" class:is-open=is_open href=href aria-label=name tabindex="-1" data-noscroll="true">
                <Icon name="u-turn"/>
            </a>
        }
    })
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::sync::Arc;
    use std::time::Duration;

    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use wasm_bindgen::JsCast;
    use web_sys::{HtmlElement, KeyboardEvent, WheelEvent};

    use super::super::run_shared::View;
    use super::{Board, ZOOM_MAX};
    use crate::timeline::window;

    /// While items are at work their times are asked for again after so long.
    const AGAIN: Duration = Duration::from_secs(3);

    fn element(board: Board) -> Option<HtmlElement> {
        let element = board.scroller.try_get_untracked().flatten()?;
        Some(element.unchecked_into())
    }

    fn row_height(element: &HtmlElement) -> f64 {
        let row = element.query_selector(".trow").ok().flatten();
        row.map_or(30.0, |row| row.get_bounding_client_rect().height())
            .max(16.0)
    }

    /// Makes the rows that are in sight.
    pub(super) fn look(board: Board) {
        let Some(element) = element(board) else { return };
        let n_rows = board.rows.with_untracked(Vec::len);
        let height = f64::from(element.client_height());
        let wanted = window(
            f64::from(element.scroll_top()),
            height,
            row_height(&element),
            n_rows,
        );
        if board.sight.with_untracked(|sight| *sight != wanted) {
            board.sight.set(wanted);
        }
    }

    pub(super) fn set_up(board: Board) {
        Effect::new(move |_| {
            board.rows.track();
            board.scroller.track();
            request_animation_frame(move || {
                if board.rows.try_get_untracked().is_some() {
                    look(board);
                }
            });
        });
        let resize = window_event_listener(leptos::ev::resize, move |_| look(board));
        on_cleanup(move || resize.remove());
        // What is chosen elsewhere is where the tabulator leads to, and comes into sight.
        Effect::new(move |_| {
            let Some(spot) = board.shared.selected.get() else {
                return;
            };
            board.scroller.track();
            let at = board.rows.with(|rows| rows.iter().position(|row| *row == spot));
            if let Some(at) = at
                && at != board.at.get_untracked()
            {
                board.at.set(at);
                request_animation_frame(move || into_sight(board, at));
            }
        });
        items(board);
    }

    /// The times of the open task's items: asked for once it is open, and again while more of them settle.
    fn items(board: Board) {
        let shared = board.shared;
        let round = RwSignal::new(0_u32);
        let opened = Memo::new(move |_| board.opened());
        Effect::new(move |_| {
            round.track();
            let Some(ix) = opened.get() else { return };
            let key = shared.run.plan().task(ix).key.to_string();
            if let Some(capsule) = shared.capsule {
                let plan = shared.run.plan();
                board.items.set(Arc::new(
                    capsule.with_value(|capsule| capsule.item_rows(&plan, &key)),
                ));
                return;
            }
            let n_settled = move || {
                shared
                    .run
                    .with(|run| run.parts(ix).map(|parts| parts.counts().settled()))
            };
            let asked_at = n_settled();
            spawn_local(async move {
                let rows = crate::fns::times_of_items(shared.id, key).await;
                if let Ok(rows) = rows {
                    board.items.try_set(Arc::new(rows));
                }
                let again = move || wait_for_more(board, round, asked_at);
                set_timeout(again, AGAIN);
            });
        });
    }

    /// Asks again when items have settled since.
    fn wait_for_more(board: Board, round: RwSignal<u32>, before: Option<u32>) {
        let Some(Some(ix)) = board
            .shared
            .selected
            .try_with_untracked(|_| untrack(|| board.opened()))
        else {
            return;
        };
        let now = board
            .shared
            .run
            .with(|run| run.parts(ix).map(|parts| parts.counts().settled()));
        if now != before {
            round.try_update(|round| *round += 1);
        } else if board.shared.run.is_over.try_get_untracked() == Some(false) {
            set_timeout(move || wait_for_more(board, round, before), AGAIN);
        }
    }

    /// Zooms the axis of time, around a place of the window or the middle; a factor of nothing shows all of the run.
    pub(super) fn zoom(board: Board, factor: f64, around: Option<f64>) {
        let Some(element) = element(board) else { return };
        let before = board.zoom.get_untracked();
        let after = if factor == 0.0 {
            1.0
        } else {
            (before * factor).clamp(1.0, ZOOM_MAX)
        };
        if (after - before).abs() < f64::EPSILON {
            return;
        }
        let label = element
            .query_selector(".row-name")
            .ok()
            .flatten()
            .map_or(0.0, |name| name.get_bounding_client_rect().width());
        let frame = element.get_bounding_client_rect();
        let at = around.map_or_else(|| frame.width() / 2.0, |x| x - frame.left());
        let place = (f64::from(element.scroll_left()) + at - label).max(0.0);
        board.zoom.set(after);
        // The width follows the number at once; what was under the pointer is put back there.
        let left = place * after / before - (at - label);
        request_animation_frame(move || element.set_scroll_left(left.max(0.0) as i32));
    }

    pub(super) fn wheel(board: Board, event: &WheelEvent) {
        if !event.ctrl_key() && !event.meta_key() {
            return;
        }
        event.prevent_default();
        let factor = (-event.delta_y() / 240.0).clamp(-1.0, 1.0).exp2();
        zoom(board, factor, Some(f64::from(event.client_x())));
    }

    /// Arrows move among the rows, left and right close and open a task's items, plus and minus zoom.
    pub(super) fn key(board: Board, event: &KeyboardEvent) {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let n_rows = board.rows.with_untracked(Vec::len);
        let at = board.at.get_untracked();
        let to = match event.key().as_str() {
            "ArrowDown" => at + 1,
            "ArrowUp" => at.saturating_sub(1),
            "PageDown" => at + 10,
            "PageUp" => at.saturating_sub(10),
            "Home" => 0,
            "End" => n_rows,
            "+" | "=" => return handled(event, || zoom(board, 2.0, None)),
            "-" => return handled(event, || zoom(board, 0.5, None)),
            "0" | "1" => return handled(event, || zoom(board, 0.0, None)),
            "ArrowRight" => return handled(event, || open(board, at, true)),
            "ArrowLeft" => return handled(event, || open(board, at, false)),
            _ => return,
        };
        event.prevent_default();
        let to = to.min(n_rows.saturating_sub(1));
        board.at.set(to);
        focus(board, to);
    }

    fn handled(event: &KeyboardEvent, act: impl FnOnce()) {
        event.prevent_default();
        act();
    }

    fn open(board: Board, at: usize, wanted: bool) {
        let Some(spot) = board.rows.with_untracked(|rows| rows.get(at).copied()) else {
            return;
        };
        let plan = board.shared.run.plan();
        let task = plan.task(spot.task);
        let is_open = untrack(|| board.opened()) == Some(spot.task);
        if task.spread.is_none() || is_open == wanted {
            return;
        }
        // An item's group closes around it: the row of its task is where one is then.
        let head = board
            .rows
            .with_untracked(|rows| rows.iter().position(|row| *row == spot.task.into()));
        let key = wanted.then(|| task.key.to_string());
        let address = untrack(|| board.shared.changed(View::Timeline, &[("open", key.as_deref())]));
        board.go.run(address);
        if let Some(head) = head {
            board.at.set(head);
            focus(board, head);
        }
    }

    fn into_sight(board: Board, at: usize) {
        let Some(element) = element(board) else { return };
        let row = row_height(&element);
        let (top, height) = (at as f64 * row, f64::from(element.client_height()));
        let now = f64::from(element.scroll_top());
        // The axis stands over the first row.
        let axis = 28.0;
        if top < now {
            element.set_scroll_top(top as i32);
        } else if top + row + axis > now + height {
            element.set_scroll_top((top + row + axis - height) as i32);
        }
        look(board);
    }

    /// At once if the row is there, so that the next key finds it there; else in the next frame, when it has been made.
    fn focus(board: Board, at: usize) {
        into_sight(board, at);
        if !focus_row(board, at) {
            request_animation_frame(move || {
                focus_row(board, at);
            });
        }
    }

    /// False if the row is not in the page.
    fn focus_row(board: Board, at: usize) -> bool {
        let link = element(board).and_then(|element| {
            let found = element.query_selector(&format!("[data-row=\"{at}\"]"));
            found.ok().flatten()?.dyn_into::<HtmlElement>().ok()
        });
        // A link that cannot take the focus is no harm.
        link.is_some_and(|link| link.focus().is_ok())
    }
}
