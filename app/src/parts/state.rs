//! States: a badge, the counts of tasks, the strip of last runs. The word stays: colour alone excludes readers.

use std::collections::BTreeMap;

use flow::view::{RunDot, RunStatus, TaskCounts};
use leptos::prelude::*;

use crate::format;
use crate::icons::Icon;
use crate::look::{self, Look};

/// A state in a word, a shape and a colour.
#[component]
pub fn Badge(#[prop(into)] look: Signal<Look>, #[prop(optional)] large: bool) -> impl IntoView {
    view! {
        <span class=if large { "badge large" } else { "badge" } data-state=move || look.get().key>
            <Icon name=Signal::derive(move || format!("s-{}", look.get().key))/>
            {move || look.get().word}
        </span>
    }
}

/// How far a run is: a bar of settled tasks and `settled/total`.
#[component]
pub fn Counts(#[prop(into)] counts: Signal<TaskCounts>) -> impl IntoView {
    let bar = move || {
        let counts = counts.get();
        look::counts(counts)
            .into_iter()
            .filter(|(state, _)| state.is_final() || *state == flow::view::TaskStatus::Running)
            .map(|(state, n)| {
                view! { <i data-state=look::status(state).key style=format!("flex-grow:{n}")></i> }
            })
            .collect_view()
    };
    let rest = move || {
        let counts = counts.get();
        let rest = counts.total() - counts.settled() - counts.running;
        format!("flex-grow:{rest};background:none;min-width:0")
    };
    let words = move || {
        look::counts(counts.get())
            .into_iter()
            .map(|(state, n)| format!("{n} {}", look::status(state).word))
            .collect::<Vec<_>>()
            .join(", ")
    };
    view! {
        <span class="counts num" title=words>
            <span class="meter" aria-hidden="true">
                {bar}
                <i style=rest></i>
            </span>
            {move || format!("{}/{}", counts.get().settled(), counts.get().total())}
        </span>
    }
}

/// A run in a strip.
pub(crate) struct Mark {
    /// The state's name in styles.
    pub(crate) key: &'static str,
    /// What it is, in words.
    pub(crate) title: String,
    /// In whole pixels.
    pub(crate) height: u32,
}

impl Mark {
    /// The mark of a run beside others of which one took `longest` milliseconds. A run that has not ended stands low.
    pub(crate) fn of(run: &RunDot, longest: u64) -> Self {
        let look = look::run(run.state);
        let part = run.duration_ms.map_or(0.35, |ms| ms as f64 / longest as f64);
        let took = run
            .duration_ms
            .map(|ms| format!(" in {}", format::duration(ms)))
            .unwrap_or_default();
        Self {
            key: look.key,
            title: format!("{}{took}, {}", look.word, format::moment(run.created_at)),
            height: (7.0 + 21.0 * part).round() as u32,
        }
    }
}

/// What the longest of these runs took, in milliseconds; at least 1.
pub(crate) fn longest(runs: &[RunDot]) -> u64 {
    runs.iter()
        .filter_map(|run| run.duration_ms)
        .max()
        .unwrap_or(1)
        .max(1)
}

/// The newest runs of a flow, oldest left. The height is the duration.
#[component]
pub fn Strip(runs: Vec<RunDot>) -> impl IntoView {
    let longest = longest(&runs);
    let n = runs.len();
    let marks = runs
        .into_iter()
        .rev()
        .map(|run| {
            let Mark { key, title, height } = Mark::of(&run, longest);
            view! {
                // No links: a mark six pixels wide is no target for a finger. The list of runs leads to each.
                <span
                    role="img"
                    data-state=key
                    title=title.clone()
                    aria-label=title
                    style=format!("height:{height}px")
                ></span>
            }
        })
        .collect_view();
    view! {
        <div class="strip" role="group" aria-label=format!("The last {}", format::count(n as u64, "run", "runs"))>
            {marks}
        </div>
    }
}

/// How many runs of a flow are in each state; each number leads to exactly those.
#[component]
pub fn Tally(flow: String, runs: BTreeMap<String, u64>) -> impl IntoView {
    let counts = RunStatus::ALL
        .into_iter()
        .filter_map(|state| runs.get(state.key()).filter(|n| **n > 0).map(|n| (state, *n)))
        .map(|(state, n)| {
            let look = look::run(state);
            view! {
                <a
                    class="count"
                    href=format!("/runs?flow={}&state={}", format::url_part(&flow), state.key())
                    data-state=look.key
                    title=format!("{} {}", format::thousands(n), look.word)
                >
                    <Icon name=format!("s-{}", look.key)/>
                    <span class="num">{format::thousands(n)}</span>
                    <span class="sr">{look.word}</span>
                </a>
            }
        })
        .collect_view();
    view! { <div class="tally">{counts}</div> }
}
