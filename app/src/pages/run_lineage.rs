//! How a run stands to others: how long they usually take, what it was made from and what was made from it, and what to compare it
//! with. The run as a file, too.

use leptos::prelude::*;

use super::run_shared::Shared;
use super::run_why::RunLink;
use crate::format;
use crate::icons::Icon;
use crate::model::{Relatives, Usual};
use crate::parts::Clock;

/// How long such a run usually takes, what "usually" means, and whether this one is late.
#[component]
pub fn UsualTime(shared: Shared, usual: Usual) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let of = match usual.n_runs {
        1 => " (the last that succeeded)".to_owned(),
        n => format!(" (median of the last {n} that succeeded)"),
    };
    let is_late = Memo::new(move |_| {
        let run = shared.run;
        let started = run
            .summary
            .with(|summary| summary.started_at.filter(|_| !summary.state.is_final()));
        started.is_some_and(|started| usual.is_late(format::span(started, run.now(clock))))
    });
    let beyond = usual.late_ms.map(|late| {
        format!(
            "95 of a hundred runs that succeeded took no longer than {}",
            format::duration(late)
        )
    });
    view! {
        <span class="usual muted num">
            {format!("usually {}", format::duration(usual.ms))} <span class="of">{of}</span>
        </span>
        {move || {
            is_late
                .get()
                .then(|| {
                    view! {
                        <span class="badge" data-state="attention" title=beyond.clone()>
                            <Icon name="s-attention"/>
                            "late"
                        </span>
                    }
                })
        }}
    }
}

/// Links to other runs, as facts of this one.
#[component]
pub fn Lineage(shared: Shared, relatives: Relatives) -> impl IntoView {
    let id = shared.id;
    let made_from = shared.run.summary.with_untracked(|summary| summary.retry_of);
    let n_made = relatives.made.len();
    let made = (n_made > 0).then(|| {
        let links = relatives
            .made
            .iter()
            .rev()
            .map(|run| view! { <RunLink run=*run/> " " })
            .collect_view();
        let word = if n_made == 1 {
            "made from it"
        } else {
            "made from it, oldest first"
        };
        view! { <div><dt>{word}</dt><dd class="lineage">{links}</dd></div> }
    });
    let with = |run: flow::RunId, words: &'static str| {
        view! { <a href=format!("/runs/compare?a={run}&b={id}")>{words}</a> " " }
    };
    let compare = (made_from.is_some() || relatives.last_success.is_some()).then(|| {
        let with_origin = made_from.map(|run| with(run, "the run it was made from"));
        let with_success = relatives
            .last_success
            .filter(|run| Some(*run) != made_from)
            .map(|run| with(run, "the last success"));
        view! { <div><dt>"compare with"</dt><dd class="lineage">{with_origin} {with_success}</dd></div> }
    });
    let file = shared.capsule.is_none().then(|| {
        view! {
            <div>
                <dt>"file"</dt>
                <dd class="lineage">
                    <a
                        href=format!("/api/v1/runs/{id}/capsule")
                        rel="external"
                        download=format!("{id}.json")
                        title="The run in a file: it can be opened on any Pointwork, which need not know the run"
                    >
                        "Download"
                    </a>
                    " "
                    <a href="/runs/open" title="Look at a run that was downloaded">"Open one"</a>
                </dd>
            </div>
        }
    });
    view! { {made} {compare} {file} }
}
