//! A task's log: its newest lines in sight, following while it runs. Reading stops the following; a pill leads back.

use flow::view::TaskRunView;
use leptos::html::Div;
use leptos::prelude::*;

use super::run::Shared;
use crate::ansi;
use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::model::{LogLine, LogPage};

/// So many lines stay in the page; all of them can be downloaded.
const LINES_MAX: usize = 5000;

/// The log of a task.
#[component]
pub fn Logs(shared: Shared, task: Memo<TaskRunView>, key: String) -> impl IntoView {
    let id = shared.id;
    let has_begun = Memo::new(move |_| task.with(|task| task.ready_at.is_some()));
    let asked = key.clone();
    // Asked for once: what comes later comes by the stream.
    let first = Resource::new(
        || (),
        move |()| {
            let key = asked.clone();
            async move { fns::task_logs(id, key, None).await }
        },
    );
    let key = StoredValue::new(key);
    view! {
        <Transition>
            {move || Suspend::new(async move {
                let page = first.await.unwrap_or_default();
                view! { <Log shared key=key.get_value() page has_begun/> }
            })}
        </Transition>
    }
}

/// What the panel knows of the log.
#[derive(Clone, Copy)]
struct Lines {
    lines: RwSignal<Vec<(usize, LogLine)>>,
    n_all: StoredValue<usize>,
    n_unseen: RwSignal<usize>,
    is_following: RwSignal<bool>,
}

impl Lines {
    fn new(lines: Vec<LogLine>) -> Self {
        let n = lines.len();
        Self {
            lines: RwSignal::new(lines.into_iter().enumerate().collect()),
            n_all: StoredValue::new(n),
            n_unseen: RwSignal::new(0),
            is_following: RwSignal::new(true),
        }
    }

    #[cfg_attr(
        not(feature = "hydrate"),
        expect(dead_code, reason = "only the browser follows")
    )]
    fn add(self, more: Vec<LogLine>) {
        if !self.is_following.get_untracked() {
            self.n_unseen.update(|n| *n += more.len());
        }
        let first = self.n_all.get_value();
        self.n_all.set_value(first + more.len());
        self.lines.update(|lines| {
            lines.extend(more.into_iter().enumerate().map(|(at, line)| (first + at, line)));
            let over = lines.len().saturating_sub(LINES_MAX);
            lines.drain(..over);
        });
    }
}

#[component]
fn Log(shared: Shared, key: String, page: LogPage, has_begun: Memo<bool>) -> impl IntoView {
    let base = format!("/api/v1/runs/{}/tasks/{}/logs", shared.id, format::url_part(&key));
    let lines = Lines::new(page.lines);
    let is_wrapped = RwSignal::new(false);
    let scroller = NodeRef::<Div>::new();
    #[cfg(feature = "hydrate")]
    browser::follow(lines, scroller, base.clone(), page.next, has_begun);
    let to_end = move || {
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
    let n_more = move || lines.lines.with(|lines| lines.first().map_or(0, |(at, _)| *at));
    view! {
        <section hidden=move || is_empty() && !has_begun.get()>
            <h3>"Log"</h3>
            <p class="muted" hidden=move || !is_empty()>"No lines."</p>
            <div class="log" class:wrap=move || is_wrapped.get() hidden=is_empty>
                <header>
                    <span class="grow muted num">
                        {move || format::count((n_more() + lines.lines.with(Vec::len)) as u64, "line", "lines")}
                    </span>
                    <button
                        type="button"
                        class="button quiet square"
                        title="Wrap lines"
                        aria-label="Wrap lines"
                        aria-pressed=move || is_wrapped.get().to_string()
                        on:click=move |_| is_wrapped.update(|wrapped| *wrapped = !*wrapped)
                    >
                        <Icon name="u-wrap"/>
                    </button>
                    <a class="button quiet square" href=base rel="external" download title="Download" aria-label="Download the log">
                        <Icon name="u-download"/>
                    </a>
                </header>
                <div class="lines" node_ref=scroller tabindex="0" role="log" aria-label="Log" on:scroll=on_scroll>
                    <p class="rule" hidden=move || n_more() == 0>
                        {move || format!("{} earlier; download to read them", format::count(n_more() as u64, "line", "lines"))}
                    </p>
                    <ol>
                        <For each=move || lines.lines.get() key=|(at, _)| *at let:line>
                            <Line line=line.1/>
                        </For>
                    </ol>
                </div>
                <button
                    type="button"
                    class="pill more"
                    hidden=move || lines.is_following.get() || lines.n_unseen.get() == 0
                    on:click=move |_| to_end()
                >
                    {move || format::count(lines.n_unseen.get() as u64, "new line", "new lines")}
                </button>
            </div>
        </section>
    }
}

#[component]
fn Line(line: LogLine) -> impl IntoView {
    let title = format!(
        "{} · attempt {} · {}",
        line.stream,
        line.attempt,
        format::moment(line.at)
    );
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
        <li data-stream=stream title=title>
            {is_error.then(|| view! { <span class="sr">"stderr: "</span> })}
            {spans}
        </li>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::html::Div;
    use leptos::prelude::*;

    use super::Lines;
    use crate::live::stream::{Batch, Next, Source, Stream, keep};
    use crate::model::{LogLine, LogPage};

    /// Opens the log's stream from where the first page ended.
    pub(super) fn follow(
        lines: Lines,
        scroller: NodeRef<Div>,
        base: String,
        next: Option<String>,
        has_begun: Memo<bool>,
    ) {
        let position = StoredValue::new(next);
        let is_over = StoredValue::new(false);
        Effect::new(move |_| {
            scroller.track();
            scroll_down(scroller);
        });
        Effect::new(move |_| {
            if !has_begun.get() || is_over.get_value() {
                return;
            }
            let base = base.clone();
            let batch = Batch::new(move |pages: Vec<Vec<LogLine>>| {
                lines.add(pages.into_iter().flatten().collect());
                if lines.is_following.get_untracked() {
                    request_animation_frame(move || scroll_down(scroller));
                }
            });
            keep(Stream::open(Source {
                url: Box::new(move || {
                    let after = position.try_get_value().flatten();
                    let after = after.map(|after| format!("&after={}", crate::format::url_part(&after)));
                    format!("{base}?follow=true{}", after.unwrap_or_default())
                }),
                names: &["log", "message", "end"],
                frame: Box::new(move |frame| {
                    if frame.name == "end" {
                        is_over.try_set_value(true);
                        return Next::Done;
                    }
                    if let Ok(page) = serde_json::from_str::<LogPage>(&frame.data) {
                        let at = if frame.id.is_empty() {
                            page.next
                        } else {
                            Some(frame.id)
                        };
                        if at.is_some() {
                            position.try_set_value(at);
                        }
                        batch.push(page.lines);
                    }
                    Next::Go
                }),
                link: None,
            }));
        });
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
