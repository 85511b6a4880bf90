//! The log of a whole run: the lines of all its tasks in the order in which they were written, each with its task before it. It opens at
//! its end and follows while the run is at work. Some thousands of lines are held, and those in sight are there; others come as the
//! ends come into sight.

#[cfg(feature = "hydrate")]
mod browser;

use flow::{Plan, Timestamp};
use leptos::html::{Div, Input};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::logs::{DRAWN_MAX, LINE_PX, MARGIN, Sight, Times, TimesButton, at_text, drawn, stream_options};
use super::run::stay;
use super::run_shared::{Shared, View};
use crate::error::AppError;
use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::log::group::Mark;
use crate::log::merged::Window;
use crate::log::needle::{Needle, Stream};
use crate::log::place;
use crate::model::{RunLogLine, RunLogPage};

/// So long after the last letter the server is asked.
#[cfg(feature = "hydrate")]
const PAUSE_MS: u64 = 200;

/// Letters that the column of names is wide: at most, and at least.
const NAME_WIDTH: (usize, usize) = (26, 8);

/// What is asked for: a text, and a stream by its key.
fn filter(shared: Shared) -> (String, String) {
    let param = |name| shared.param(name).unwrap_or_default();
    (param("says"), param("stream"))
}

fn needle(shared: Shared) -> Option<Needle> {
    let (text, stream) = filter(shared);
    Needle::new(&text, Stream::of(&stream))
}

/// The log.
#[component]
pub fn RunLog(shared: Shared) -> impl IntoView {
    // Asked for once for each filter: what comes later comes by the stream.
    let first = Resource::new(
        move || filter(shared),
        move |(text, stream)| {
            let (before, after, until) = untrack(|| {
                let until = shared.run.instant.get().map(|instant| instant.at);
                (shared.param("before"), shared.param("after"), until)
            });
            async move {
                match shared.capsule {
                    Some(capsule) => {
                        let needle = Needle::new(&text, Stream::of(&stream));
                        Ok(capsule.with_value(|capsule| capsule.run_log(needle.as_ref())))
                    }
                    None => {
                        // Of two the first counts: an address that says both was put together by hand.
                        let after = after.filter(|_| before.is_none());
                        fns::run_logs(shared.id, before, after, until, text, stream).await
                    }
                }
            }
        },
    );
    let times = RwSignal::new(Times::Off);
    let n_fitting = RwSignal::new(None::<u64>);
    let is_alive = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    {
        super::logs::browser::listen_for_find();
        Effect::new(move |_| is_alive.set(true));
    }
    view! {
        <section class="log-panel run-log" aria-label="Log of all tasks">
            <header>
                <Filter shared/>
                <Transition>
                    {move || Suspend::new(async move {
                        let n_lines = first.await.ok().and_then(|page| page.n_lines);
                        n_fitting.set(n_lines);
                        let told = move || match n_fitting.get() {
                            Some(0) => "not found".to_owned(),
                            Some(n) => format::count(n, "line", "lines"),
                            None => String::new(),
                        };
                        view! { <span class="grow num muted hits" role="status">{told}</span> }
                    })}
                </Transition>
                <TimesButton times is_hidden=Signal::derive(move || !is_alive.get())/>
            </header>
            <Transition>
                {move || Suspend::new(async move {
                    view! { <Log shared page=first.await times n_fitting is_alive/> }
                })}
            </Transition>
        </section>
    }
    .into_any()
}

/// The field and the choice of streams.
#[component]
fn Filter(shared: Shared) -> impl IntoView {
    let field = NodeRef::<Input>::new();
    let (typed, stream) = untrack(|| filter(shared));
    let navigate = use_navigate();
    let go = Callback::new(move |(name, value): (&'static str, String)| {
        let to = untrack(|| {
            let value = Some(value.as_str()).filter(|value| !value.is_empty());
            shared.changed(View::Log, &[(name, value), ("before", None), ("after", None)])
        });
        let mut options = stay();
        options.replace = true;
        navigate(&to, options);
    });
    let on_input = move |event: leptos::ev::Event| {
        let text = event_target_value(&event);
        #[cfg(feature = "hydrate")]
        super::logs::later(field, text, PAUSE_MS, move |text| go.run(("says", text)));
        #[cfg(not(feature = "hydrate"))]
        go.run(("says", text));
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| match event.key().as_str() {
        "Enter" => {
            event.prevent_default();
            go.run(("says", event_target_value(&event)));
        }
        "Escape" => {
            event.prevent_default();
            event.stop_propagation();
            if let Some(field) = field.get_untracked() {
                field.set_value("");
            }
            go.run(("says", String::new()));
        }
        _ => {}
    };
    let on_stream = move |event: leptos::ev::Event| {
        let key = event_target_value(&event);
        go.run((
            "stream",
            if key == Stream::All.key() {
                String::new()
            } else {
                key
            },
        ));
    };
    let hidden = move || {
        let fields = shared.hidden_fields(View::Log, &["says", "stream", "before", "after"]);
        fields
            .into_iter()
            .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
            .collect_view()
    };
    view! {
        <form
            method="get"
            class="log-find"
            role="search"
            action=move || shared.base()
            on:submit=move |event| event.prevent_default()
        >
            {hidden}
            <Icon name="u-search"/>
            <input
                type="search"
                name="says"
                node_ref=field
                value=typed
                placeholder="Lines that say"
                aria-label="Only lines that say"
                autocomplete="off"
                data-find-log
                data-keys="/"
                on:input=on_input
                on:keydown=on_key
            />
            <select name="stream" aria-label="Which lines" on:change=on_stream>{stream_options(Stream::of(&stream))}</select>
        </form>
    }
    .into_any()
}

/// What the panel knows of the log.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(feature = "hydrate"),
    expect(dead_code, reason = "only the browser asks for more")
)]
struct Lines {
    kept: StoredValue<Shared>,
    window: RwSignal<Window>,
    /// What is in sight, once there is somebody to see it.
    sight: RwSignal<Option<Sight>>,
    n_unseen: RwSignal<usize>,
    is_following: RwSignal<bool>,
    /// What is asked for.
    needle: Memo<Option<Needle>>,
    /// How many lines of the run fit.
    n_fitting: RwSignal<Option<u64>>,
    times: RwSignal<Times>,
    /// Whether lines were asked for and have not come, and how often any were.
    is_asking: RwSignal<bool>,
    turn: StoredValue<u32>,
    /// The line that is open beside: task run, attempt and number.
    here: Memo<Option<(String, u32, u64)>>,
}

/// A line as it is drawn.
#[derive(Clone, PartialEq)]
struct Drawn {
    at: usize,
    /// Whether the line before is of the same attempt.
    is_same: bool,
    line: RunLogLine,
}

impl Lines {
    /// The page; none when the panel is gone.
    fn shared(self) -> Option<Shared> {
        self.kept.try_get_value()
    }

    /// How many lines are held of the moment that is shown.
    fn n_rows(self) -> usize {
        let Some(shared) = self.shared() else { return 0 };
        let until = shared.run.instant.get().map(|instant| instant.at);
        let n_rows = self.window.try_with(|window| window.n_rows(until));
        n_rows.unwrap_or(0)
    }

    /// Those to be drawn: all that came at first, and once there is somebody to see it, what is in sight.
    fn drawn(self) -> std::ops::Range<usize> {
        let n_rows = self.n_rows();
        let Some(Some(sight)) = self.sight.try_get() else {
            return 0..n_rows;
        };
        let row_at = |px: f64| (px / LINE_PX).max(0.0) as usize;
        let last = (row_at(sight.top + sight.height) + MARGIN).min(n_rows);
        let first = row_at(sight.top).saturating_sub(MARGIN).min(last);
        match sight.marked {
            Some(at) if at < first && last - at <= DRAWN_MAX => at..last,
            Some(at) if at >= last && at - first <= DRAWN_MAX => first..(at + 1).min(n_rows),
            _ => first..last,
        }
    }

    fn rows(self) -> Vec<Drawn> {
        let drawn = self.drawn();
        let rows = self.window.try_with(|window| {
            let of = |at: usize| window.row(at).map(|line| (&line.task, line.line.attempt));
            let rows = drawn.filter_map(|at| {
                Some(Drawn {
                    at,
                    is_same: at.checked_sub(1).is_some_and(|before| of(before) == of(at)),
                    line: window.row(at)?.clone(),
                })
            });
            rows.collect()
        });
        rows.unwrap_or_default()
    }

    /// The address of what stands before or behind a line.
    fn page_address(self, before: Option<&str>, after: Option<&str>) -> Option<String> {
        let shared = self.shared()?;
        Some(shared.changed(View::Log, &[("before", before), ("after", after)]))
    }
}

#[component]
fn Log(
    shared: Shared,
    page: Result<RunLogPage, AppError>,
    times: RwSignal<Times>,
    n_fitting: RwSignal<Option<u64>>,
    is_alive: RwSignal<bool>,
) -> impl IntoView {
    let page = match page {
        Ok(page) => page,
        Err(error) => return view! { <p class="none muted">{error.message}</p> }.into_any(),
    };
    let until = untrack(|| shared.run.instant.get()).map(|instant| instant.at);
    let until = until.filter(|_| shared.capsule.is_none());
    let next = page.next.clone();
    let lines = Lines {
        kept: StoredValue::new(shared),
        is_following: RwSignal::new(!page.has_later),
        window: RwSignal::new(Window::new(page, until)),
        sight: RwSignal::new(None),
        n_unseen: RwSignal::new(0),
        needle: Memo::new(move |_| needle(shared)),
        n_fitting,
        times,
        is_asking: RwSignal::new(false),
        turn: StoredValue::new(0),
        here: Memo::new(move |_| {
            let (attempt, n) = place(&shared.param("line")?)?;
            Some((shared.selected_key()?, attempt, n))
        }),
    };
    let scroller = NodeRef::<Div>::new();
    #[cfg(feature = "hydrate")]
    browser::enliven(lines, shared, scroller, next);
    #[cfg(not(feature = "hydrate"))]
    let _ = next;
    let to_end = move |_| {
        #[cfg(feature = "hydrate")]
        browser::to_end(lines, scroller);
    };
    let on_scroll = move |_| {
        #[cfg(feature = "hydrate")]
        browser::scrolled(lines, scroller);
    };
    let is_empty = move || lines.n_rows() == 0;
    let none = move || match (lines.needle.get(), shared.run.status().is_final()) {
        (Some(_), _) => "No line fits.",
        (None, true) => "No task wrote anything.",
        (None, false) => "Nothing is written yet.",
    };
    let rows = Memo::new(move |_| lines.rows());
    let stop = Memo::new(move |_| rows.with(|rows| rows.last().map(|row| row.at)));
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        #[cfg(feature = "hydrate")]
        browser::moved(&event);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    let plan = shared.run.plan();
    let width = StoredValue::new(name_width(&plan));
    let plan = StoredValue::new(plan);
    let began = shared
        .run
        .summary
        .with_untracked(|summary| summary.started_at.unwrap_or(summary.created_at));
    let space = move || {
        let is_seen = lines.sight.with(Option::is_some);
        is_seen.then(|| format!("height:{}px", (lines.n_rows() as f64 * LINE_PX) as u64))
    };
    let offset = move || {
        let first = rows.with(|rows| rows.first().map_or(0, |row| row.at));
        let is_seen = lines.sight.with(Option::is_some);
        is_seen.then(|| format!("top:{}px", (first as f64 * LINE_PX) as u64))
    };
    view! {
        <p class="none muted" hidden=move || !is_empty()>{none}</p>
        <div
            class="log"
            data-times=move || (times.get() != Times::Off).then_some("")
            style=format!("--who:{}", width.get_value())
            hidden=is_empty
        >
            <div
                class="lines"
                node_ref=scroller
                tabindex="0"
                role="log"
                aria-label="Log of all tasks"
                aria-live=move || if lines.is_following.get() { "polite" } else { "off" }
                on:scroll=on_scroll
                on:keydown=on_key
            >
                <Around lines is_alive/>
                <div class="space" style=space>
                    <ol class:placed=move || lines.sight.with(Option::is_some) style=offset>
                        <For each=move || rows.get() key=|row| (row.line.place.clone(), row.is_same) let:row>
                            {plan.try_with_value(|plan| who(plan, &row.line.task))
                                .map(|who| view! { <Line shared lines row who began stop/> })}
                        </For>
                    </ol>
                </div>
            </div>
            <button
                type="button"
                class="pill more"
                hidden=move || lines.is_following.get() || lines.n_unseen.get() == 0
                on:click=to_end
            >
                {move || format::count(lines.n_unseen.get() as u64, "new line", "new lines")}
            </button>
        </div>
    }
    .into_any()
}

/// Links to the lines before and behind those that are there, for a page without scripts.
#[component]
fn Around(lines: Lines, is_alive: RwSignal<bool>) -> impl IntoView {
    let ends = move || {
        let window = lines.window;
        let place = |at: usize| window.with(|window| window.row(at).map(|line| line.place.clone()));
        let (has_earlier, has_later) = window.with(|window| (window.has_earlier, window.has_later));
        let last = lines.n_rows().checked_sub(1);
        let before = has_earlier
            .then(|| lines.page_address(Some(&place(0)?), None))
            .flatten();
        let behind = has_later
            .then(|| lines.page_address(None, Some(&place(last?)?)))
            .flatten();
        let end = has_later.then(|| lines.page_address(None, None)).flatten();
        [(before, "Earlier"), (behind, "Later"), (end, "The end")]
    };
    view! {
        <p class="around" hidden=move || is_alive.get()>
            {move || {
                // Once the page lives nobody needs them.
                let ends = (!is_alive.try_get().unwrap_or(true)).then(ends);
                let links = ends.into_iter().flatten().filter_map(|(href, text)| Some((href?, text)));
                links.map(|(href, text)| view! { <a class="button quiet small" href=href>{text}</a> }).collect_view()
            }}
        </p>
    }
}

/// What a line's task run is called: the task's name, and the mark of its item or iteration.
fn who(plan: &Plan, path: &str) -> (String, String) {
    let Some(spot) = plan.spot(path) else {
        return (path.to_owned(), String::new());
    };
    let mark = spot.part.and_then(|_| path.get(path.rfind(['[', '#'])?..));
    (plan.name_of(spot.task), mark.unwrap_or_default().to_owned())
}

/// Room for the names, in letters: as much as the longest needs, within bounds. Of items the mark comes to it.
fn name_width(plan: &Plan) -> usize {
    let widths = (0..plan.tasks.len()).map(|ix| {
        let ix = ix as flow::TaskIx;
        let mark = if plan.task(ix).spread.is_some() { 5 } else { 0 };
        plan.name_of(ix).chars().count() + mark
    });
    let (most, least) = NAME_WIDTH;
    widths.max().unwrap_or(0).clamp(least, most)
}

/// A line with its task before it, which leads to it in the task's log.
#[component]
fn Line(
    shared: Shared,
    lines: Lines,
    row: Drawn,
    who: (String, String),
    /// When the run began.
    began: Timestamp,
    /// The line whose link is a stop of the tabulator.
    stop: Memo<Option<usize>>,
) -> impl IntoView {
    let Drawn { at, is_same, line } = row;
    let RunLogLine { task, line, .. } = line;
    let (attempt, n, written) = (line.attempt, line.n, line.at);
    let (name, mark) = who;
    let title = format!(
        "{name}{mark} · {} · attempt {attempt} · {}",
        line.stream,
        format::moment(written)
    );
    let is_here = {
        let task = task.clone();
        move || {
            let is_here = |here: &Option<(String, u32, u64)>| {
                let is_it = |(of, in_attempt, number): &(String, u32, u64)| {
                    *of == task && (*in_attempt, *number) == (attempt, n)
                };
                here.as_ref().is_some_and(is_it)
            };
            lines.here.try_with(is_here).unwrap_or(false)
        }
    };
    let href = move || shared.line_address(&task, attempt, n);
    let time = move || at_text(lines.times, written, began);
    // Of all these links one is a stop of the tabulator, and arrows move from there. Without scripts nobody hears the arrows.
    let tab = move || {
        let is_alive = lines.sight.try_with(Option::is_some).unwrap_or(false);
        is_alive.then(|| {
            if stop.try_get() == Some(Some(at)) {
                "0"
            } else {
                "-1"
            }
        })
    };
    let is_error = line.stream == "stderr";
    let text = line.text;
    let group = Mark::of(&text).map(Mark::key);
    let spans = move || {
        let drawn = lines.needle.try_with(|needle| drawn(&text, needle.as_ref()));
        drawn.unwrap_or_default()
    };
    view! {
        <li data-row=at data-stream=line.stream data-group=group class:here=is_here class:same=is_same>
            <a
                class="n who"
                data-time=time
                href=href
                title=title
                tabindex=tab
                data-noscroll="true"
            >
                <span class="name">{name}</span>
                {(!mark.is_empty()).then(|| view! { <span>{mark}</span> })}
                {(attempt > 1).then(|| view! { <span class="nth"><span class="sr">" attempt "</span><Icon name="u-again"/>{attempt}</span> })}
            </a>
            <span class="t">
                {is_error.then(|| view! { <span class="sr">"stderr: "</span> })}
                {spans}
            </span>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::fan;

    #[test]
    fn lines_name_their_task_runs() {
        let (document, _) = fan(3);
        let document = serde_json::from_value(document).expect("a document");
        let plan = Plan::new(Arc::new(document));
        let told = |path: &str| who(&plan, path);
        assert_eq!(told("list"), ("list".to_owned(), String::new()));
        assert_eq!(told("each[2]"), ("each".to_owned(), "[2]".to_owned()));
        assert_eq!(told("gone"), ("gone".to_owned(), String::new()));
        assert_eq!(name_width(&plan), 9);
    }
}
