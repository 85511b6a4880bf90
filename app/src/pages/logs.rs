//! A task's log: its newest lines in sight, following while it runs. Reading stops the following; a pill leads back. What came
//! earlier is loaded piece by piece above.

use std::collections::VecDeque;

use flow::RunId;
use flow::view::{TaskRunView, TaskStatus};
use leptos::html::Div;
use leptos::prelude::*;

use super::run::Shared;
use crate::ansi;
use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::model::{LogLine, LogPage};

/// So many lines stay in the page while it follows; the older ones can be loaded again.
const LINES_MAX: usize = 5000;

/// So many while somebody reads: taking lines away would move what is read.
const LINES_MAX_READING: usize = 50_000;

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
    let last = Resource::new(
        move || attempt.get(),
        move |attempt| {
            let key = asked.clone();
            async move {
                let page = match shared.capsule {
                    Some(capsule) => Ok(capsule.with_value(|capsule| capsule.log(&key, attempt))),
                    None => fns::task_logs(id, key, None, attempt).await,
                };
                (attempt, page)
            }
        },
    );
    let key = StoredValue::new(key);
    view! {
        <section class="log-panel" aria-labelledby="log-title">
            <Transition>
                {move || Suspend::new(async move {
                    let (attempt, page) = last.await;
                    let page = page.unwrap_or_default();
                    view! { <Log shared task key=key.get_value() attempt page has_begun/> }
                })}
            </Transition>
        </section>
    }
}

/// A line with its number, by which it is told from others: lines loaded later above have numbers below zero.
type Numbered = (i64, Entry);

/// A line, and whether an attempt other than that of the line before begins with it.
#[derive(Clone)]
struct Entry {
    line: LogLine,
    begins: bool,
}

/// Lines that came together, and the log's position where they end.
struct Piece {
    n_lines: usize,
    end: Option<String>,
}

/// What the panel knows of the log.
#[derive(Clone, Copy)]
struct Lines {
    /// The attempt whose lines these are; of all if none is named.
    attempt: Option<u32>,
    lines: RwSignal<Vec<Numbered>>,
    /// What the lines came in, oldest first.
    pieces: StoredValue<VecDeque<Piece>>,
    /// Where what comes before them ends.
    earlier: RwSignal<Option<String>>,
    n_unseen: RwSignal<usize>,
    is_following: RwSignal<bool>,
}

impl Lines {
    fn new(page: LogPage, attempt: Option<u32>) -> Self {
        let lines = Self {
            attempt,
            lines: RwSignal::new(Vec::new()),
            pieces: StoredValue::new(VecDeque::new()),
            earlier: RwSignal::new(page.earlier.clone()),
            n_unseen: RwSignal::new(0),
            is_following: RwSignal::new(true),
        };
        lines.add(page);
        lines
    }

    /// Newer lines. While nobody reads, the oldest make room for them.
    fn add(self, mut page: LogPage) {
        if let Some(attempt) = self.attempt {
            page.lines.retain(|line| line.attempt == attempt);
        }
        if !self.is_following.get_untracked() {
            self.n_unseen.update(|n| *n += page.lines.len());
        }
        self.pieces.update_value(|pieces| {
            pieces.push_back(Piece {
                n_lines: page.lines.len(),
                end: page.next,
            });
        });
        self.lines.update(|lines| {
            let (first, attempt) = lines
                .last()
                .map_or((0, None), |(at, entry)| (at + 1, Some(entry.line.attempt)));
            lines.extend(numbered(page.lines, first, attempt));
            self.make_room(lines);
        });
    }

    fn make_room(self, lines: &mut Vec<Numbered>) {
        let max = if self.is_following.get_untracked() {
            LINES_MAX
        } else {
            LINES_MAX_READING
        };
        self.pieces.update_value(|pieces| {
            while lines.len() > max && pieces.len() > 1 {
                let Some(oldest) = pieces.pop_front() else { return };
                lines.drain(..oldest.n_lines.min(lines.len()));
                self.earlier.set(oldest.end);
            }
        });
    }

    /// Older lines, which were asked for.
    #[cfg(feature = "hydrate")]
    fn add_before(self, page: LogPage) {
        let end = self.earlier.get_untracked();
        self.earlier.set(page.earlier);
        let n_lines = page.lines.len();
        self.pieces
            .update_value(|pieces| pieces.push_front(Piece { n_lines, end }));
        self.lines.update(|lines| {
            let first = lines.first().map_or(0, |(at, _)| *at) - n_lines as i64;
            let mut all: Vec<Numbered> = numbered(page.lines, first, None).collect();
            if let (Some((_, last)), Some((_, next))) = (all.last(), lines.first_mut()) {
                next.begins = last.line.attempt != next.line.attempt;
            }
            all.append(lines);
            *lines = all;
        });
    }

    fn told(self) -> String {
        let n = format::count(self.lines.with(Vec::len) as u64, "line", "lines");
        let n = match self.earlier.with(Option::is_some) {
            true => format!("last {n}"),
            false => n,
        };
        match self.attempt {
            Some(attempt) => format!("{n} of attempt {attempt}"),
            None => n,
        }
    }
}

/// Where a log is read as a file: of the attempt in sight, or of all.
fn address(run: RunId, key: &str, attempt: Option<u32>) -> String {
    let query = attempt.map_or_else(String::new, |attempt| format!("?attempt={attempt}"));
    format!("/api/v1/runs/{run}/tasks/{}/logs{query}", format::url_part(key))
}

/// Lines with their numbers, from `first` on, behind a line of this attempt.
fn numbered(lines: Vec<LogLine>, first: i64, mut attempt: Option<u32>) -> impl Iterator<Item = Numbered> {
    lines.into_iter().zip(first..).map(move |(line, at)| {
        let before = attempt.replace(line.attempt);
        let begins = before.is_some_and(|before| before != line.attempt);
        (at, Entry { line, begins })
    })
}

#[component]
fn Log(
    shared: Shared,
    task: Memo<TaskRunView>,
    key: String,
    attempt: Option<u32>,
    page: LogPage,
    has_begun: Memo<bool>,
) -> impl IntoView {
    let id = shared.id;
    let download = address(id, &key, attempt);
    let next = page.next.clone();
    let is_file = shared.capsule.is_some();
    let lines = Lines::new(page, attempt);
    // The lines of an attempt that has ended do not become more.
    let has_more = attempt
        .is_none_or(|attempt| task.with_untracked(|task| attempt >= task.attempt && !task.state.is_final()));
    let is_wrapped = RwSignal::new(false);
    let scroller = NodeRef::<Div>::new();
    let is_alive = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    {
        if has_more && !is_file {
            browser::follow(lines, scroller, format!("logs:{id}/{key}"), next, has_begun);
        } else {
            let _ = next;
            browser::begin_at_end(scroller);
        }
        Effect::new(move |_| is_alive.set(true));
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (next, key, has_more);
    #[cfg(feature = "hydrate")]
    let key = StoredValue::new(key);
    let is_loading = RwSignal::new(false);
    let load_earlier = move |_| {
        #[cfg(feature = "hydrate")]
        browser::load_earlier(lines, scroller, is_loading, id, key.get_value());
    };
    let to_end = move |_| {
        lines.is_following.set(true);
        lines.n_unseen.set(0);
        #[cfg(feature = "hydrate")]
        browser::scroll_down(scroller);
    };
    let on_scroll = move |_| {
        #[cfg(feature = "hydrate")]
        browser::scrolled(lines, scroller);
    };
    let is_empty = move || lines.lines.with(Vec::is_empty);
    let has_parts = Memo::new(move |_| task.with(|task| task.parts.is_some()));
    let none = move || match has_begun.get() {
        _ if has_parts.get() => "Each of its runs has a log of its own.",
        true if attempt.is_some() => "No lines of this attempt.",
        true => "No lines.",
        false => "Nothing is written before the task begins.",
    };
    let has_earlier = move || lines.earlier.with(Option::is_some);
    view! {
        <header>
            <h3 id="log-title">"Log"</h3>
            <span class="grow muted num">{move || if is_empty() { String::new() } else { lines.told() }}</span>
            {attempt.map(|_| view! {
                <a class="button quiet small" href=move || shared.attempt_address(None) data-noscroll="true">"All attempts"</a>
            })}
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
        <div class="log" class:wrap=move || is_wrapped.get() hidden=is_empty>
            <div class="lines" node_ref=scroller tabindex="0" role="log" aria-label="Log" on:scroll=on_scroll>
                <p class="rule" hidden=move || !has_earlier() || is_alive.get()>"Earlier lines are in the download."</p>
                <button
                    type="button"
                    class="button quiet small earlier"
                    hidden=move || !has_earlier() || !is_alive.get()
                    disabled=move || is_loading.get()
                    on:click=load_earlier
                >
                    {move || if is_loading.get() { "Loading…" } else { "Earlier lines" }}
                </button>
                <ol>
                    <For each=move || shown(shared, lines) key=|(at, entry)| (*at, entry.begins) let:line>
                        <Line entry=line.1/>
                    </For>
                </ol>
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

/// The lines; of an earlier moment, those that were written by then.
fn shown(shared: Shared, lines: Lines) -> Vec<Numbered> {
    let mut shown = lines.lines.get();
    if let Some(instant) = shared.run.instant.get() {
        shown.retain(|(_, entry)| entry.line.at <= instant.at);
    }
    shown
}

#[component]
fn Line(entry: Entry) -> impl IntoView {
    let line = entry.line;
    let title = format!(
        "{} · attempt {} · {}",
        line.stream,
        line.attempt,
        format::moment(line.at)
    );
    // Drawn by the style sheet: it is no line of the log, and is not copied with the lines.
    let begins = entry.begins.then(|| line.attempt.to_string());
    let spans = ansi::spans(&line.text)
        .into_iter()
        .map(|span| match (span.style.class(), span.style.css()) {
            (class, None) if class.is_empty() => span.text.into_any(),
            (class, css) => view! { <span class=class style=css>{span.text}</span> }.into_any(),
        })
        .collect_view();
    let is_error = line.stream == "stderr";
    let stream = line.stream;
    view! {
        <li data-stream=stream data-begins=begins title=title>
            {is_error.then(|| view! { <span class="sr">"stderr: "</span> })}
            {spans}
        </li>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use flow::RunId;
    use leptos::html::Div;
    use leptos::prelude::*;
    use leptos::task::spawn_local;

    use super::Lines;
    use crate::live::stream::{Batch, Next, Source, Stream, keep};
    use crate::model::LogPage;

    /// Opens the log's stream from where the first page ended.
    pub(super) fn follow(
        lines: Lines,
        scroller: NodeRef<Div>,
        topic: String,
        next: Option<String>,
        has_begun: Memo<bool>,
    ) {
        let position = StoredValue::new(next);
        let is_over = StoredValue::new(false);
        begin_at_end(scroller);
        Effect::new(move |_| {
            if !has_begun.get() || is_over.get_value() {
                return;
            }
            let topic = topic.clone();
            let batch = Batch::new(move |pages: Vec<LogPage>| {
                pages.into_iter().for_each(|page| lines.add(page));
                if lines.is_following.get_untracked() {
                    request_animation_frame(move || scroll_down(scroller));
                }
            });
            keep(Stream::open(Source {
                topic,
                from: position.get_value().unwrap_or_default(),
                frame: Box::new(move |frame| {
                    if frame.name == "end" {
                        is_over.try_set_value(true);
                        return Next::Done;
                    }
                    if frame.name == "log"
                        && let Ok(mut page) = serde_json::from_str::<LogPage>(&frame.data)
                    {
                        if !frame.id.is_empty() {
                            page.next = Some(frame.id);
                        }
                        if page.next.is_some() {
                            position.try_set_value(page.next.clone());
                        }
                        batch.push(page);
                    }
                    Next::Go
                }),
                link: None,
            }));
        });
    }

    /// The newest line is in sight first.
    pub(super) fn begin_at_end(scroller: NodeRef<Div>) {
        Effect::new(move |_| {
            scroller.track();
            scroll_down(scroller);
        });
    }

    /// Loads the piece before the first line; what is in sight stays where it is.
    pub(super) fn load_earlier(
        lines: Lines,
        scroller: NodeRef<Div>,
        is_loading: RwSignal<bool>,
        run: RunId,
        task: String,
    ) {
        let Some(until) = lines.earlier.get_untracked() else {
            return;
        };
        is_loading.set(true);
        lines.is_following.set(false);
        spawn_local(async move {
            let page = crate::fns::task_logs(run, task, Some(until), lines.attempt).await;
            // The panel may be gone by now.
            if is_loading.try_set(false).is_some() {
                return;
            }
            // An error leaves the button there: it is tried again.
            let Ok(page) = page else { return };
            let before = height_below(scroller);
            lines.add_before(page);
            request_animation_frame(move || {
                if let (Some(element), Some(before)) = (scroller.try_get_untracked().flatten(), before) {
                    element.set_scroll_top(element.scroll_height() - before);
                }
            });
        });
    }

    /// How far the first line in sight is from the log's end.
    fn height_below(scroller: NodeRef<Div>) -> Option<i32> {
        let element = scroller.try_get_untracked().flatten()?;
        Some(element.scroll_height() - element.scroll_top())
    }

    /// The newest line comes into sight.
    pub(super) fn scroll_down(scroller: NodeRef<Div>) {
        if let Some(element) = scroller.try_get_untracked().flatten() {
            element.set_scroll_top(element.scroll_height());
        }
    }

    /// At the end the log is followed, anywhere else it is read.
    pub(super) fn scrolled(lines: Lines, scroller: NodeRef<Div>) {
        if let Some(element) = scroller.get_untracked() {
            let left = element.scroll_height() - element.scroll_top() - element.client_height();
            let is_at_end = left < 24;
            if lines.is_following.get_untracked() != is_at_end {
                lines.is_following.set(is_at_end);
            }
            if is_at_end {
                lines.n_unseen.set(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flow::Timestamp;
    use leptos::prelude::Owner;

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

    fn page(lines: &[(u32, &str)], next: &str) -> LogPage {
        let line = |(attempt, text): &(u32, &str)| LogLine {
            attempt: *attempt,
            at: Timestamp::from_millis(0),
            stream: "stdout".to_owned(),
            text: (*text).to_owned(),
        };
        LogPage {
            lines: lines.iter().map(line).collect(),
            next: Some(next.to_owned()),
            earlier: None,
        }
    }

    #[test]
    fn an_attempt_is_marked_where_it_begins() {
        Owner::new().with(|| {
            let lines = Lines::new(page(&[(1, "a"), (2, "b")], "2:1"), None);
            lines.add(page(&[(2, "c"), (3, "d")], "3:1"));
            let told: Vec<String> = lines
                .lines
                .get_untracked()
                .into_iter()
                .map(|(at, entry)| format!("{at} {}{}", entry.line.text, if entry.begins { "!" } else { "" }))
                .collect();
            assert_eq!(told, ["0 a", "1 b!", "2 c", "3 d!"]);
            assert_eq!(lines.told(), "4 lines");
        });
    }

    #[test]
    fn of_one_attempt_only_its_lines_are_taken_in() {
        Owner::new().with(|| {
            let lines = Lines::new(page(&[(2, "a")], "2:1"), Some(2));
            lines.is_following.set(false);
            lines.add(page(&[(2, "b"), (3, "c")], "3:1"));
            assert_eq!(lines.told(), "2 lines of attempt 2");
            assert_eq!(lines.n_unseen.get_untracked(), 1);
        });
    }

    #[test]
    fn the_oldest_piece_makes_room_and_can_be_asked_for_again() {
        Owner::new().with(|| {
            let lines = Lines::new(page(&[(1, "first")], "1:1"), None);
            let many: Vec<(u32, &str)> = vec![(1, "x"); LINES_MAX];
            lines.add(page(&many, "1:2"));
            assert_eq!(lines.earlier.get_untracked().as_deref(), Some("1:1"));
            assert_eq!(lines.told(), "last 5,000 lines");
            // Somebody reads: nothing goes.
            lines.is_following.set(false);
            lines.add(page(&[(1, "last")], "1:3"));
            assert_eq!(lines.lines.with_untracked(Vec::len), LINES_MAX + 1);
            assert_eq!(lines.n_unseen.get_untracked(), 1);
        });
    }
}
