//! A task's log: its end in sight first, following while it runs. Reading stops the following; a pill leads back. Of a million lines
//! those in sight are there, each has an address, and the server searches them all.

#![expect(
    unreachable_pub,
    reason = "it is said of what `#[component]` writes for components that only their neighbours see"
)]

#[cfg(feature = "hydrate")]
pub(super) mod browser;
mod find;
mod line;

use flow::RunId;
use flow::view::{TaskRunView, TaskStatus};
use leptos::html::Div;
use leptos::prelude::*;

#[cfg(feature = "hydrate")]
pub(super) use self::find::later;
use self::find::{Find, Search, search};
use self::line::Line;
pub(super) use self::line::{at_text, drawn};
use super::run::Shared;
use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::log::fold::Folded;
#[cfg(feature = "hydrate")]
use crate::log::group::Mark;
use crate::log::group::{Ended, Groups};
use crate::log::needle::{Needle, Stream};
use crate::log::place;
use crate::log::sheet::Sheet;
use crate::model::{LogFound, LogLine, LogPage, LogPart};

/// Height of a line, in pixels. Styles say the same.
pub(super) const LINE_PX: f64 = 18.0;

/// Lines drawn above and below what is in sight.
pub(super) const MARGIN: usize = 20;

/// Lines drawn at most: many are kept while they are being marked.
pub(super) const DRAWN_MAX: usize = 2000;

/// The log of a task.
#[component]
pub fn Logs(
    shared: Shared,
    task: Memo<TaskRunView>,
    /// The attempt whose lines are shown; of all if none is named.
    attempt: Memo<Option<u32>>,
    key: String,
) -> impl IntoView {
    let id = shared.id;
    // Of an item that has settled nothing else is kept but how it ended.
    let has_begun = Memo::new(move |_| {
        task.with(|task| {
            task.ready_at.is_some() || matches!(task.state, TaskStatus::Succeeded | TaskStatus::Failed)
        })
    });
    let asked = key.clone();
    // Asked for once: what comes later comes by the stream.
    let first = Resource::new(
        move || attempt.get(),
        move |attempt| {
            let key = asked.clone();
            let (from, until) = untrack(|| {
                let until = shared.run.instant.get().map(|instant| instant.at);
                (shared.param("line"), until)
            });
            async move {
                let page = match shared.capsule {
                    Some(capsule) => Ok(capsule.with_value(|capsule| capsule.log(&key, attempt))),
                    None => fns::task_logs(id, key, attempt, from, until, true).await,
                };
                (attempt, page)
            }
        },
    );
    // Not made where it is shown: the server makes that more than once, and the browser could not tell which was meant.
    let found = search(shared, attempt, &key);
    let key = StoredValue::new(key);
    view! {
        <section class="log-panel" aria-labelledby="log-title">
            <Transition>
                {move || Suspend::new(async move {
                    let (attempt, page) = first.await;
                    let page = page.unwrap_or_default();
                    view! { <Log shared task key=key.get_value() attempt page found has_begun/> }
                })}
            </Transition>
        </section>
    }
}

/// How lines tell when they were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    #[default]
    Off,
    /// Since the task began.
    Since,
    /// The time of day, in the reader's zone.
    Clock,
}

/// What is in sight, once there is somebody to see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sight {
    /// Pixels above it.
    pub(super) top: f64,
    pub(super) height: f64,
    /// Where lines are wrapped, if they are.
    pub(super) columns: Option<u32>,
    /// A line where marking began.
    pub(super) marked: Option<usize>,
}

/// A line as it is drawn.
#[derive(Clone, PartialEq)]
struct Drawn {
    /// Which of all lines it is, shown or not.
    at: usize,
    attempt: u32,
    n: u64,
    begins: bool,
    /// Whether it begins a group that can be closed.
    is_group: bool,
    /// None until it has come.
    line: Option<LogLine>,
}

/// What the panel knows of the log.
#[derive(Clone, Copy)]
struct Lines {
    kept: StoredValue<Shared>,
    /// The attempt whose lines these are; of all if none is named.
    attempt: Option<u32>,
    sheet: RwSignal<Sheet>,
    sight: RwSignal<Option<Sight>>,
    n_unseen: RwSignal<usize>,
    is_following: RwSignal<bool>,
    /// What is searched for.
    needle: Memo<Option<Needle>>,
    /// Where that is.
    found: RwSignal<Option<LogFound>>,
    /// How much each attempt had written at the moment that is shown, if that is not now.
    by_then: RwSignal<Vec<LogPart>>,
    times: RwSignal<Times>,
    /// The line that the address names.
    here: Memo<Option<(u32, u64)>>,
    groups: RwSignal<Groups>,
    /// What is not shown of them.
    folded: Memo<Folded>,
}

impl Lines {
    fn new(shared: Shared, attempt: Option<u32>, task: &TaskRunView, mut page: LogPage) -> Self {
        let mut sheet = Sheet::default();
        let by_then = page.by_then.clone();
        let mut groups = Groups::new(std::mem::take(&mut page.groups));
        sheet.add(page);
        let here = Memo::new(move |_| place(&shared.param("line")?));
        // Of an item that has settled nobody knows which attempt was its last: the log's end is that one's.
        let latest = Some(task.attempt).filter(|attempt| *attempt > 0);
        let latest = latest.or_else(|| sheet.attempts().last()).unwrap_or(0);
        groups.close_at_first(|attempt| match task.state {
            _ if attempt < latest => Some(Ended::Badly),
            TaskStatus::Succeeded => Some(Ended::Well),
            state => state.is_final().then_some(Ended::Badly),
        });
        let (sheet, groups) = (RwSignal::new(sheet), RwSignal::new(groups));
        let sight = RwSignal::new(None);
        let is_seen = Memo::new(move |_| sight.with(Option::is_some));
        // Without scripts nobody could open what is closed: all lines are there.
        let folded = Memo::new(move |_| {
            if !is_seen.get() {
                return Folded::default();
            }
            groups.with(|groups| sheet.with(|sheet| sheet.folded(groups.closed())))
        });
        let lines = Self {
            kept: StoredValue::new(shared),
            attempt,
            sheet,
            sight,
            n_unseen: RwSignal::new(0),
            is_following: RwSignal::new(here.get_untracked().is_none()),
            needle: Memo::new(move |_| {
                let stream = shared.param("in").unwrap_or_default();
                Needle::new(&shared.param("find").unwrap_or_default(), Stream::of(&stream))
            }),
            found: RwSignal::new(None),
            by_then: RwSignal::new(by_then),
            times: RwSignal::new(Times::Off),
            here,
            groups,
            folded,
        };
        if let Some(place) = here.get_untracked() {
            lines.open_around(place);
        }
        lines
    }

    /// The page; none when the panel is gone. An address that changes may close the panel, and those who look at the address in it are
    /// told before they go.
    fn shared(self) -> Option<Shared> {
        self.kept.try_get_value()
    }

    fn here(self) -> Option<(u32, u64)> {
        self.here.try_get().flatten()
    }

    /// Newer lines.
    #[cfg(feature = "hydrate")]
    fn add(self, page: LogPage) {
        let needle = self.needle.get_untracked();
        let fits = |line: &LogLine| {
            let needle = needle.as_ref();
            needle.is_some_and(|needle| needle.fits(&line.stream, &line.text))
        };
        let mut new = page.lines;
        new.retain(|line| self.attempt.is_none_or(|attempt| attempt == line.attempt));
        let attempts: Vec<u32> = new.iter().map(|line| line.attempt).collect();
        let fitting: Vec<bool> = new.iter().map(fits).collect();
        let marked: Vec<(usize, LogLine)> = new
            .iter()
            .enumerate()
            .filter(|(_, line)| Mark::of(&line.text).is_some())
            .map(|(at, line)| (at, line.clone()))
            .collect();
        let numbers = self.sheet.try_update(|sheet| sheet.append(new));
        let places: Vec<(u32, u64)> = attempts.into_iter().zip(numbers.unwrap_or_default()).collect();
        if !self.is_following.get_untracked() {
            self.n_unseen.update(|n| *n += places.len());
        }
        if !marked.is_empty() {
            self.groups.update(|groups| {
                for (at, line) in marked {
                    if let (Some(mark), Some((attempt, n))) = (Mark::of(&line.text), places.get(at)) {
                        groups.take(mark, *attempt, *n, || line.clone());
                    }
                }
            });
        }
        if fitting.contains(&true) {
            self.found.update(|found| {
                let Some(found) = found else { return };
                for (place, _) in places.iter().zip(&fitting).filter(|(_, fits)| **fits) {
                    found.n_lines += 1;
                    if found.places.len() < crate::log::FOUND_MAX {
                        found.places.push(*place);
                    }
                }
            });
        }
    }

    /// How many lines there are, at the moment that is shown.
    fn n_lines(self) -> usize {
        let Some(shared) = self.shared() else { return 0 };
        let Some(instant) = shared.run.instant.get() else {
            return self.sheet.try_with(Sheet::n_rows).unwrap_or(0);
        };
        let n_lines = self.sheet.try_with(|sheet| match sheet.is_whole() {
            true => sheet.lines().take_while(|line| line.at <= instant.at).count(),
            false => self.by_then.with(|parts| sheet.n_rows_of(parts)),
        });
        n_lines.unwrap_or(0)
    }

    /// The rows to be drawn: all that came at first, and once there is somebody to see it, what is in sight.
    fn drawn(self) -> std::ops::Range<usize> {
        let n_lines = self.n_lines();
        let Some(sight) = self.sight.try_get() else {
            return 0..0;
        };
        let Some(sight) = sight else {
            // Nothing is folded yet: rows are lines.
            return self.sheet.with(|sheet| {
                let is_here = |at: &usize| sheet.row(*at).is_some_and(|row| row.line.is_some());
                // What came is one piece.
                let last = self
                    .here
                    .get_untracked()
                    .and_then(|(attempt, n)| sheet.place(attempt, n));
                let anchor = last.unwrap_or_else(|| n_lines.saturating_sub(1));
                let first = (0..=anchor).rev().take_while(is_here).last().unwrap_or(anchor);
                let end = (anchor..n_lines)
                    .take_while(is_here)
                    .last()
                    .map_or(anchor, |last| last + 1);
                first..end.min(n_lines)
            });
        };
        let rows = self.folded.try_with(|folded| {
            let row_at = |px: f64| {
                let height = (px / LINE_PX).max(0.0) as usize;
                let row = self
                    .sheet
                    .try_with(|sheet| sheet.row_at(height, folded, sight.columns));
                row.unwrap_or(0)
            };
            let n_rows = folded.row(n_lines);
            let last = (row_at(sight.top + sight.height) + MARGIN).min(n_rows);
            // At an earlier moment there may be nothing where the view still is.
            let first = row_at(sight.top).saturating_sub(MARGIN).min(last);
            match sight.marked.map(|line| folded.row(line)) {
                Some(at) if at < first && last - at <= DRAWN_MAX => at..last,
                Some(at) if at >= last && at - first <= DRAWN_MAX => first..(at + 1).min(n_rows),
                _ => first..last,
            }
        });
        rows.unwrap_or_default()
    }

    fn rows(self) -> Vec<Drawn> {
        let drawn = self.drawn();
        let is_seen = self.sight.try_with(Option::is_some).unwrap_or(false);
        let rows = self.groups.try_with(|groups| {
            let row = |row: usize| {
                let at = self.folded.with(|folded| folded.line(row));
                self.sheet.with(|sheet| {
                    let row = sheet.row(at)?;
                    let group = groups.get((row.attempt, row.n)).filter(|_| is_seen);
                    Some(Drawn {
                        at,
                        attempt: row.attempt,
                        n: row.n,
                        begins: row.begins,
                        is_group: group.is_some(),
                        // Titles are known before their lines have come.
                        line: row.line.or_else(|| group.map(|group| &group.line)).cloned(),
                    })
                })
            };
            drawn.filter_map(row).collect()
        });
        rows.unwrap_or_default()
    }

    /// Which lines have to be there for what is drawn. Titles are known.
    #[cfg(feature = "hydrate")]
    fn wanted(self) -> Vec<std::ops::Range<usize>> {
        let drawn = self.drawn();
        let mut wanted: Vec<std::ops::Range<usize>> = Vec::new();
        self.folded.with(|folded| {
            let first = folded.line(drawn.start);
            let end = drawn
                .end
                .checked_sub(1)
                .map_or(first, |last| folded.line(last) + 1);
            for lines in folded.shown(first..end.max(first)) {
                let is_title = |at: usize| {
                    let place = self
                        .sheet
                        .with(|sheet| sheet.row(at).map(|row| (row.attempt, row.n)));
                    place.is_some_and(|place| self.groups.with(|groups| groups.get(place).is_some()))
                };
                // What is closed ends such a piece: its title stands last in it, alone or behind other titles.
                let n_titles = lines.clone().rev().take_while(|at| is_title(*at)).count();
                if n_titles < lines.len() {
                    wanted.push(lines.start..lines.end - n_titles);
                }
            }
        });
        wanted
    }

    /// The line at so many pixels from the top, and how many of them are its own.
    #[cfg(feature = "hydrate")]
    fn line_at(self, px: f64) -> (usize, f64) {
        let columns = self.sight.get().and_then(|sight| sight.columns);
        let line = self.folded.with(|folded| {
            let height = (px / LINE_PX).max(0.0) as usize;
            folded.line(self.sheet.with(|sheet| sheet.row_at(height, folded, columns)))
        });
        (line, px - self.above(line))
    }

    /// Pixels above a line.
    fn above(self, line: usize) -> f64 {
        let columns = self.sight.try_get().flatten().and_then(|sight| sight.columns);
        let height = self
            .folded
            .try_with(|folded| self.sheet.with(|sheet| sheet.height_above(line, folded, columns)));
        height.unwrap_or(0) as f64 * LINE_PX
    }

    /// Whether a group is closed.
    fn is_closed(self, group: (u32, u64)) -> bool {
        let is_closed = self.groups.try_with(|groups| groups.is_closed(group));
        is_closed.unwrap_or(false)
    }

    /// Opens the group that a line is inside of.
    fn open_around(self, place: (u32, u64)) {
        let closed = self.groups.try_with_untracked(|groups| {
            let group = groups.around(place)?.place();
            groups.is_closed(group).then_some(group)
        });
        if let Some(group) = closed.flatten() {
            self.groups.update(|groups| groups.fold(group, true));
        }
    }

    /// What is inside of a group, at the moment that is shown, and how much of it is what is searched for.
    fn inside(self, place: (u32, u64)) -> Option<String> {
        let n_all = self.n_lines();
        let (attempt, n) = place;
        let of_attempt = self.sheet.try_with(|sheet| {
            let behind = n_all.saturating_sub(sheet.place(attempt, n)?) as u64;
            Some(sheet.n_lines(attempt).min(n - 1 + behind))
        })??;
        let group = |groups: &Groups| {
            let group = groups.get(place)?;
            Some((group.n_inside(of_attempt), group.last(of_attempt)))
        };
        let (n_inside, last) = self.groups.try_with(group)??;
        let mut told = format::count(n_inside, "line", "lines");
        let n_found = self.found.with(|found| {
            // Only if it is known where all of them are.
            let found = found
                .as_ref()
                .filter(|found| found.n_lines == found.places.len() as u64)?;
            let before = |end: (u32, u64)| found.places.partition_point(|place| *place <= end);
            Some(before((attempt, last)) - before(place)).filter(|n| *n > 0)
        });
        if let Some(n_found) = n_found {
            told += &format!(", {} found", format::thousands(n_found as u64));
        }
        Some(told)
    }

    fn told(self) -> String {
        let n = format::count(self.n_lines() as u64, "line", "lines");
        match self.attempt {
            Some(attempt) => format!("{n} of attempt {attempt}"),
            None => n,
        }
    }

    /// The address with a line named.
    fn line_address(self, attempt: u32, n: u64) -> Option<String> {
        let line = format!("{attempt}:{n}");
        let shared = self.shared()?;
        Some(shared.changed(shared.view.get(), &[("line", Some(line.as_str()))]))
    }
}

/// Where a log is read as a file: of the attempt in sight, or of all.
fn address(run: RunId, key: &str, attempt: Option<u32>) -> String {
    let query = attempt.map_or_else(String::new, |attempt| format!("?attempt={attempt}"));
    format!("/api/v1/runs/{run}/tasks/{}/logs{query}", format::url_part(key))
}

#[component]
fn Log(
    shared: Shared,
    task: Memo<TaskRunView>,
    key: String,
    attempt: Option<u32>,
    page: LogPage,
    found: Search,
    has_begun: Memo<bool>,
) -> impl IntoView {
    let id = shared.id;
    let download = address(id, &key, attempt);
    let next = page.next.clone();
    let is_file = shared.capsule.is_some();
    let lines = task.with_untracked(|task| Lines::new(shared, attempt, task, page));
    // The lines of an attempt that has ended do not become more.
    let has_more = attempt
        .is_none_or(|attempt| task.with_untracked(|task| attempt >= task.attempt && !task.state.is_final()));
    let is_wrapped = RwSignal::new(false);
    let scroller = NodeRef::<Div>::new();
    let is_alive = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    {
        let panel = browser::Panel {
            shared,
            lines,
            scroller,
            is_wrapped,
            key: StoredValue::new(key.clone()),
        };
        panel.enliven();
        if has_more && !is_file {
            browser::follow(lines, scroller, format!("logs:{id}/{key}"), next, has_begun);
        }
        Effect::new(move |_| is_alive.set(true));
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (next, has_more);
    let to_end = move |_| {
        lines.is_following.set(true);
        lines.n_unseen.set(0);
        #[cfg(feature = "hydrate")]
        browser::scroll_down(scroller);
    };
    let on_scroll = move |_| {
        #[cfg(feature = "hydrate")]
        browser::scrolled(lines, scroller, is_wrapped);
    };
    let fold = Callback::new(move |(group, is_open)| {
        lines.groups.update(|groups| groups.fold(group, is_open));
        #[cfg(feature = "hydrate")]
        request_animation_frame(move || browser::scrolled(lines, scroller, is_wrapped));
    });
    let fold_all = Callback::new(move |is_open| {
        let change = || lines.groups.update(|groups| groups.fold_all(is_open));
        #[cfg(feature = "hydrate")]
        browser::stay_while(lines, scroller, change);
        #[cfg(not(feature = "hydrate"))]
        change();
    });
    let is_empty = move || lines.n_lines() == 0;
    let has_parts = Memo::new(move |_| task.with(|task| task.parts.is_some()));
    let none = move || match has_begun.get() {
        _ if has_parts.get() => "Each of its runs has a log of its own.",
        true if attempt.is_some() => "No lines of this attempt.",
        true => "No lines.",
        false => "Nothing is written before the task begins.",
    };
    let rows = Memo::new(move |_| lines.rows());
    let began = task.with_untracked(|task| task.started_at.or(task.ready_at));
    // Room for the greatest number.
    let gutter = Memo::new(move |_| lines.sheet.with(Sheet::n_rows).max(99).to_string().len());
    let first = move || rows.with(|rows| rows.first().map_or(0, |row| row.at));
    let space = move || {
        let height = lines.sight.get().map(|_| lines.above(lines.n_lines()));
        height.map(|px| format!("height:{}px", px as u64))
    };
    let offset = move || {
        let top = lines.sight.get().map(|_| lines.above(first()));
        top.map(|px| format!("top:{}px", px as u64))
    };
    view! {
        <header>
            <h3 id="log-title">"Log"</h3>
            <span class="grow muted num">{move || if is_empty() { String::new() } else { lines.told() }}</span>
            <Find shared lines scroller found is_empty=Signal::derive(is_empty)/>
            {attempt.map(|_| view! {
                <a class="button quiet small" href=move || shared.attempt_address(None) data-noscroll="true">"All attempts"</a>
            })}
            <FoldButton lines fold_all is_alive/>
            <TimesButton times=lines.times is_hidden=Signal::derive(move || !is_alive.get() || is_empty())/>
            <button
                type="button"
                class="button quiet square"
                title="Wrap lines"
                aria-label="Wrap lines"
                aria-pressed=move || is_wrapped.get().to_string()
                hidden=move || !is_alive.get() || is_empty()
                on:click=move |_| is_wrapped.update(|wrapped| *wrapped = !*wrapped)
            >
                <Icon name="u-wrap"/>
            </button>
            <a
                class="button quiet square"
                href=download
                rel="external"
                download
                title=attempt.map_or_else(|| "Download".to_owned(), |attempt| format!("Download attempt {attempt}"))
                aria-label="Download the log"
                hidden=move || is_file || is_empty()
            >
                <Icon name="u-download"/>
            </a>
        </header>
        <p class="none muted" hidden=move || !is_empty()>{none}</p>
        <div
            class="log"
            class:wrap=move || is_wrapped.get()
            data-times=move || (lines.times.get() != Times::Off).then_some("")
            style=move || format!("--digits:{}", gutter.get())
            hidden=is_empty
        >
            <div
                class="lines"
                node_ref=scroller
                tabindex="0"
                role="log"
                aria-label="Log"
                aria-live=move || if lines.is_following.get() { "polite" } else { "off" }
                on:scroll=on_scroll
            >
                <Around lines rows is_alive/>
                <div class="space" style=space>
                    <ol class:placed=move || lines.sight.with(Option::is_some) style=offset>
                        <For each=move || rows.get() key=|row| (row.attempt, row.n, row.begins, row.is_group, row.line.is_some()) let:row>
                            <Line lines row began fold/>
                        </For>
                    </ol>
                </div>
                <span class="ruler" aria-hidden="true" hidden=move || !is_alive.get()></span>
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
}

/// Opens or closes all groups, if there are any.
#[component]
fn FoldButton(lines: Lines, fold_all: Callback<bool>, is_alive: RwSignal<bool>) -> impl IntoView {
    let are_closed = move || lines.groups.with(Groups::are_closed);
    let is_hidden = move || {
        let has_none = lines.groups.with(|groups| groups.all().is_empty());
        has_none || !is_alive.get() || lines.n_lines() == 0
    };
    let name = move || {
        if are_closed() {
            "Open all groups"
        } else {
            "Close all groups"
        }
    };
    let icon = move || if are_closed() { "u-unfold" } else { "u-fold" }.to_owned();
    view! {
        <button
            type="button"
            class="button quiet square"
            title=name
            aria-label=name
            hidden=is_hidden
            on:click=move |_| fold_all.run(untrack(are_closed))
        >
            <Icon name=Signal::derive(icon)/>
        </button>
    }
    .into_any()
}

/// Shows when lines were written, one way after the other.
#[component]
pub(super) fn TimesButton(times: RwSignal<Times>, is_hidden: Signal<bool>) -> impl IntoView {
    view! {
        <button
            type="button"
            class="button quiet square"
            title=move || match times.get() {
                Times::Off => "Show times since the beginning",
                Times::Since => "Show times of day",
                Times::Clock => "Hide times",
            }
            aria-label="Times"
            aria-pressed=move || (times.get() != Times::Off).to_string()
            hidden=move || is_hidden.get()
            on:click=move |_| times.update(|times| *times = match times {
                Times::Off => Times::Since,
                Times::Since => Times::Clock,
                Times::Clock => Times::Off,
            })
        >
            <Icon name="u-history"/>
        </button>
    }
}

/// The streams of a log, to choose from.
pub(super) fn stream_options(chosen: Stream) -> impl IntoView {
    let streams = Stream::ALL.into_iter().map(|each| {
        let word = match each {
            Stream::All => "All lines",
            Stream::Stderr => "Errors (stderr)",
            Stream::Stdout => "Output (stdout)",
            Stream::Engine => "Remarks",
        };
        view! { <option value=each.key() selected=each == chosen>{word}</option> }
    });
    streams.collect_view()
}

/// Links to the lines before and behind those that are there, for a page without scripts.
#[component]
fn Around(lines: Lines, rows: Memo<Vec<Drawn>>, is_alive: RwSignal<bool>) -> impl IntoView {
    // Once the page lives nobody needs them.
    let is_needed = move || !is_alive.try_get().unwrap_or(true);
    let at = move |at: usize| {
        lines.sheet.with(|sheet| {
            sheet
                .row(at)
                .and_then(|row| lines.line_address(row.attempt, row.n))
        })
    };
    let before = move || {
        let first = is_needed().then(|| rows.with(|rows| rows.first().map(|row| row.at)))??;
        at(first.checked_sub(1)?)
    };
    let behind = move || {
        let last = is_needed().then(|| rows.with(|rows| rows.last().map(|row| row.at)))??;
        (last + 1 < lines.n_lines()).then(|| at(last + 1)).flatten()
    };
    let link = move |href: Option<String>, text: &'static str| {
        href.map(|href| view! { <a class="button quiet small" href=href>{text}</a> })
    };
    view! {
        <p class="around" hidden=move || is_alive.get()>
            {move || link(before(), "Earlier lines")}
            {move || link(behind(), "Later lines")}
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_download_is_of_the_attempt_in_sight() {
        assert_eq!(
            address(RunId(0), "send[4]", None),
            "/api/v1/runs/run_00000000000000000000000000/tasks/send%5B4%5D/logs"
        );
        assert_eq!(
            address(RunId(0), "load", Some(2)),
            "/api/v1/runs/run_00000000000000000000000000/tasks/load/logs?attempt=2"
        );
    }
}
