//! The attempts of a task run as tabs: how each ended, why, and when. What is told of the attempt in sight is the log's too.

use std::collections::BTreeMap;

use flow::Timestamp;
use flow::view::{AttemptView, ErrorView, TaskRunView, TaskStatus};
use leptos::prelude::*;

use super::run_shared::Shared;
use crate::format;
use crate::icons::Icon;
use crate::look;
use crate::parts::{Badge, Clock, Moment, Said};
use crate::timeline::{Kind, Segment};

/// So many attempts each have a tab. Of more, which may be a thousand, the first and the last have one, and those about the one in
/// sight.
const TABS_MAX: u32 = 8;

/// Tabs to either side of the one in sight then.
const TABS_BESIDE: u32 = 2;

/// Waiting for a worker is told from so many milliseconds on.
const WAIT_TOLD_MS: u64 = 1_000;

/// What a task run, or an item, was tried.
#[component]
pub fn Attempts(
    shared: Shared,
    task: Memo<TaskRunView>,
    /// Oldest first.
    #[prop(into)]
    attempts: Signal<Vec<AttemptView>>,
) -> impl IntoView {
    let has_tabs = Memo::new(move |_| attempts.with(Vec::len) > 1);
    let shown = Memo::new(move |_| attempts.with(|all| in_sight(all, shared.attempt()).cloned()));
    let number = Memo::new(move |_| shown.with(|shown| shown.as_ref().map_or(0, |shown| shown.attempt)));
    let tabs = move || has_tabs.get().then(|| view! { <Tabs shared attempts number/> });
    // Both ends of what the tabs do: without tabs the part has a heading, and is no panel of one.
    let role = move || has_tabs.get().then_some("tabpanel");
    let label = move || has_tabs.get().then(|| format!("Attempt {}", number.get()));
    let panel = move || {
        let all = attempts.get();
        shown
            .get()
            .map(|attempt| view! { <Attempt shared task attempt all/> })
    };
    view! {
        <section class="attempts">
            {tabs}
            <div class="one-attempt" id="attempt" role=role aria-label=label data-state=move || shown.with(key)>
                {panel}
            </div>
        </section>
    }
}

fn key(shown: &Option<AttemptView>) -> &'static str {
    shown
        .as_ref()
        .map_or("queued", |shown| look::outcome(&shown.outcome).key)
}

/// The attempt that was asked for, or else the newest.
fn in_sight(attempts: &[AttemptView], asked: Option<u32>) -> Option<&AttemptView> {
    let asked = attempts.iter().find(|attempt| Some(attempt.attempt) == asked);
    asked.or_else(|| attempts.last())
}

/// The places among `n` attempts that have tabs while the one at `at` is in sight; a place before which some are left out is marked.
fn places(n: u32, at: u32) -> Vec<(u32, bool)> {
    let mut last = None;
    let is_shown =
        |place: &u32| n <= TABS_MAX || *place == 0 || *place + 1 == n || place.abs_diff(at) <= TABS_BESIDE;
    (0..n)
        .filter(is_shown)
        .map(|place| {
            let before = last.replace(place);
            (place, before.is_some_and(|before| before + 1 < place))
        })
        .collect()
}

#[component]
fn Tabs(shared: Shared, attempts: Signal<Vec<AttemptView>>, number: Memo<u32>) -> impl IntoView {
    // Without scripts these are links: nobody hears the arrow keys that tabs are moved through by.
    let is_alive = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| is_alive.set(true));
    let shown = move || {
        attempts.with(|all| {
            let at = all.iter().position(|attempt| attempt.attempt == number.get());
            places(all.len() as u32, at.unwrap_or_default() as u32)
                .into_iter()
                .filter_map(|(place, is_cut)| Some((all.get(place as usize)?.attempt, is_cut)))
                .collect::<Vec<_>>()
        })
    };
    let tab = move |(this, is_cut): (u32, bool)| {
        let look = Memo::new(move |_| {
            attempts.with(|all| {
                let found = all.iter().find(|attempt| attempt.attempt == this);
                look::outcome(found.map_or("", |attempt| &attempt.outcome))
            })
        });
        let is_shown = move || number.get() == this;
        let name = move || format!("Attempt {this}: {}", look.get().word);
        view! {
            <a
                class:cut-before=is_cut
                href=move || shared.attempt_address(Some(this))
                data-noscroll="true"
                data-state=move || look.get().key
                aria-label=name
                title=name
                role=move || is_alive.get().then_some("tab")
                aria-selected=move || is_alive.get().then(|| is_shown().to_string())
                aria-current=move || (!is_alive.get() && is_shown()).then_some("true")
                aria-controls="attempt"
                tabindex=move || is_alive.get().then(|| if is_shown() { "0" } else { "-1" })
            >
                <Icon name=Signal::derive(move || format!("s-{}", look.get().key))/>
                <span class="num">{this}</span>
            </a>
        }
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        #[cfg(feature = "hydrate")]
        browser::moved(&event);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    view! {
        <header>
            <h3 id="attempts-title">"Attempts"</h3>
            <div
                class="attempt-tabs"
                role=move || if is_alive.get() { "tablist" } else { "navigation" }
                aria-labelledby="attempts-title"
                on:keydown=on_key
            >
                <For each=shown key=|tab| *tab let:one>
                    {tab(one)}
                </For>
            </div>
        </header>
    }
}

#[component]
fn Attempt(
    shared: Shared,
    task: Memo<TaskRunView>,
    attempt: AttemptView,
    all: Vec<AttemptView>,
) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let look = look::outcome(&attempt.outcome);
    let (began, ended) = (attempt.started_at, attempt.finished_at);
    let took = move || {
        began.map(|began| match ended {
            Some(ended) => format::duration(format::span(began, ended)),
            None => format::ticking(format::span(began, shared.run.now(clock))),
        })
    };
    let is_last = all.last().is_some_and(|last| last.attempt == attempt.attempt);
    let error = attempt.error.clone().or_else(|| {
        // What was lost, or stopped from outside, has no error of its own.
        task.with_untracked(|task| {
            task.error
                .clone()
                .filter(|_| is_last && task.state == TaskStatus::Failed)
        })
    });
    let about = error.as_ref().map(|error| {
        // That what failed has failed was said.
        let kind = (error.kind != attempt.outcome).then(|| error.kind.replace('_', " "));
        let same =
            same_before(&all, attempt.attempt, error).map(|before| format!("the same as attempt {before}"));
        kind.into_iter().chain(same).collect::<Vec<_>>().join(" · ")
    });
    let waited = began
        .map(|began| format::span(attempt.ready_at, began))
        .filter(|ms| *ms >= WAIT_TOLD_MS);
    let pause = attempt
        .retry_at
        .zip(ended)
        .map(|(next, ended)| format::duration(format::span(ended, next)));
    view! {
        <p class="how">
            <Badge look/>
            <span class="num soft">{took}</span>
        </p>
        {error.zip(about).map(|(error, about)| view! {
            <div class="why">
                <strong><Said text=error.message/></strong>
                {(!about.is_empty()).then(|| view! { <p class="muted">{about}</p> })}
            </div>
        })}
        <dl class="rows">
            {waited.map(|ms| view! { <dt>"waited"</dt><dd class="num">{format!("{} for a worker", format::duration(ms))}</dd> })}
            {began.map(|at| view! { <dt>"started"</dt><dd><Moment at/></dd> })}
            {ended.map(|at| view! { <dt>"finished"</dt><dd><Moment at/></dd> })}
            {pause.map(|pause| view! { <dt>"tried again"</dt><dd class="num">{format!("after a pause of {pause}")}</dd> })}
        </dl>
    }
}

/// The attempt just before this one, if it failed of the same.
fn same_before(all: &[AttemptView], number: u32, error: &ErrorView) -> Option<u32> {
    let at = all.iter().position(|attempt| attempt.attempt == number)?;
    let before = all.get(at.checked_sub(1)?)?;
    (before.error.as_ref() == Some(error)).then_some(before.attempt)
}

/// The attempts of an item, by what the log says it did since the run began.
pub(super) fn of_segments(row: &[Segment], start: Timestamp) -> Vec<AttemptView> {
    let at = |ms: u64| Timestamp::from_millis(start.as_millis() + ms as i64);
    let mut all: BTreeMap<u32, AttemptView> = BTreeMap::new();
    for segment in row {
        let (from, to) = (at(segment.from), segment.to.map(at));
        if segment.kind == Kind::Backoff {
            // The pause after an attempt goes by the number of the next.
            if let Some(before) = all.get_mut(&segment.attempt.saturating_sub(1)) {
                before.retry_at = to;
            }
            continue;
        }
        if segment.attempt == 0 || segment.kind == Kind::Moment {
            continue;
        }
        let attempt = all.entry(segment.attempt).or_insert_with(|| AttemptView {
            attempt: segment.attempt,
            outcome: String::new(),
            ready_at: from,
            started_at: None,
            finished_at: None,
            error: None,
            retry_at: None,
        });
        if segment.kind == Kind::Running {
            attempt.started_at.get_or_insert(from);
        }
        attempt.outcome = match segment.outcome.as_str() {
            "queued" => "ready",
            "waiting" => "snoozed",
            outcome => outcome,
        }
        .to_owned();
        attempt.finished_at = to;
        attempt.error = segment.error.clone().map(|message| ErrorView {
            kind: segment.outcome.clone(),
            message,
            task: None,
        });
    }
    all.into_values().collect()
}

#[cfg(feature = "hydrate")]
mod browser {
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, KeyboardEvent};

    /// Arrow keys go from tab to tab, and bring each into sight.
    pub(super) fn moved(event: &KeyboardEvent) {
        let Some(tab) = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
        else {
            return;
        };
        let tabs = tab.parent_element();
        let next = match event.key().as_str() {
            "ArrowLeft" => tab.previous_element_sibling(),
            "ArrowRight" => tab.next_element_sibling(),
            "Home" => tabs.and_then(|tabs| tabs.first_element_child()),
            "End" => tabs.and_then(|tabs| tabs.last_element_child()),
            _ => return,
        };
        event.prevent_default();
        if let Some(next) = next.and_then(|next| next.dyn_into::<HtmlElement>().ok()) {
            let _ = next.focus();
            next.click();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(n: u32, at: u32) -> String {
        let one = |(place, is_cut): (u32, bool)| format!("{}{place}", if is_cut { "… " } else { "" });
        places(n, at).into_iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn many_attempts_have_few_tabs() {
        assert_eq!(told(1, 0), "0");
        assert_eq!(told(8, 7), "0 1 2 3 4 5 6 7");
        assert_eq!(told(9, 8), "0 … 6 7 8");
        assert_eq!(told(1_000, 0), "0 1 2 … 999");
        assert_eq!(told(1_000, 500), "0 … 498 499 500 501 502 … 999");
    }

    #[test]
    fn an_attempt_that_was_asked_for_and_is_not_there_is_the_newest() {
        let row = |kind, from, to, attempt, outcome: &str, error: Option<&str>| Segment {
            kind,
            from,
            to: Some(to),
            attempt,
            outcome: outcome.to_owned(),
            error: error.map(str::to_owned),
        };
        let rows = [
            row(Kind::Queued, 0, 4, 1, "queued", None),
            row(Kind::Running, 4, 9, 1, "failed", Some("no")),
            row(Kind::Backoff, 9, 20, 2, "waiting", None),
            row(Kind::Running, 20, 30, 2, "failed", Some("no")),
        ];
        let all = of_segments(&rows, Timestamp::from_millis(1_000));
        let number = |asked| in_sight(&all, asked).map(|attempt| attempt.attempt);
        assert_eq!(
            [None, Some(1), Some(2), Some(3)].map(number),
            [2, 1, 2, 2].map(Some)
        );
        let first = &all[0];
        assert_eq!(first.ready_at, Timestamp::from_millis(1_000));
        assert_eq!(first.started_at, Some(Timestamp::from_millis(1_004)));
        assert_eq!(first.finished_at, Some(Timestamp::from_millis(1_009)));
        assert_eq!(first.retry_at, Some(Timestamp::from_millis(1_020)));
        let error = all[1].error.as_ref().expect("it failed");
        assert_eq!(same_before(&all, 2, error), Some(1));
        assert_eq!(same_before(&all, 1, error), None);
    }
}
