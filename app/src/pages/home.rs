//! The first page: what needs people first, then the flows. Each number leads to exactly the rows it counts.

use flow::view::{RunStatus, RunSummary};
use leptos::prelude::*;

use super::FlowsPage;
use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::look;
use crate::model::{Asking, Attention};
use crate::parts::Moment;

/// What needs people, above the flows.
#[component]
pub fn HomePage() -> impl IntoView {
    let attention = Resource::new(|| (), |()| fns::attention());
    view! {
        <Transition>
            {move || Suspend::new(async move {
                // The flows below say it if the server cannot be reached.
                attention.await.ok().filter(|found| !found.is_empty()).map(|found| view! { <Needs found/> })
            })}
        </Transition>
        <FlowsPage/>
    }
}

#[component]
fn Needs(found: Attention) -> impl IntoView {
    let n_asking = found.asking.len();
    let asking = (n_asking > 0).then(|| {
        let rows = found
            .asking
            .into_iter()
            .map(|asking| view! { <AskingRow asking/> })
            .collect_view();
        view! {
            <section aria-labelledby="home-asking">
                <h3 id="home-asking" data-state="asking">
                    <Icon name="s-asking"/>
                    {format::count(n_asking as u64, "question waits for you", "questions wait for you")}
                </h3>
                <ul class="need-rows">{rows}</ul>
            </section>
        }
    });
    let n_failed = found.counts.get(RunStatus::Failed.key()).copied().unwrap_or(0);
    let failed = (!found.failed.is_empty()).then(|| {
        let rows = found
            .failed
            .into_iter()
            .map(|run| view! { <FailedRow run/> })
            .collect_view();
        view! {
            <section aria-labelledby="home-failed">
                <h3 id="home-failed" data-state="failed">
                    <Icon name="s-failed"/>
                    <a href="/runs?state=failed">{format::count(n_failed, "run failed", "runs failed")}</a>
                </h3>
                <ul class="need-rows">{rows}</ul>
            </section>
        }
    });
    let others = [
        RunStatus::Paused,
        RunStatus::Queued,
        RunStatus::Running,
        RunStatus::Ending,
    ]
    .into_iter()
    .filter_map(|state| {
        let n = found.counts.get(state.key()).copied().filter(|n| *n > 0)?;
        let look = look::run(state);
        Some(view! {
            <a class="toggle" data-state=look.key href=format!("/runs?state={}", state.key())>
                <Icon name=format!("s-{}", look.key)/>
                <span class="num">{format::thousands(n)}</span>
                " "
                {look.word}
            </a>
        })
    })
    .collect_view();
    view! {
        <div class="page needs">
            <header>
                <div class="grow"><h2 class="title">"What needs you"</h2></div>
                <nav class="toggles" aria-label="Runs at work">{others}</nav>
            </header>
            <div class="need-columns">{asking} {failed}</div>
        </div>
    }
}

#[component]
fn AskingRow(asking: Asking) -> impl IntoView {
    let href = format!("/runs/{}?task={}", asking.run, format::url_part(&asking.task));
    view! {
        <li>
            <a href=href>
                <strong class="cut">{asking.title}</strong>
                <span class="cut soft">{asking.flow_name}</span>
                {asking.since.map(|at| view! { <span class="muted">"since " <Moment at/></span> })}
            </a>
        </li>
    }
}

#[component]
fn FailedRow(run: RunSummary) -> impl IntoView {
    let task = run.error.as_ref().and_then(|error| error.task.as_deref());
    let task = task.map_or_else(String::new, |task| format!("?task={}", format::url_part(task)));
    let href = format!("/runs/{}{task}", run.id);
    let why = run.error.map(|error| error.message);
    view! {
        <li>
            <a href=href>
                <strong class="cut">{run.flow_name}</strong>
                <span class="cut soft">{why}</span>
                {run.finished_at.map(|at| view! { <span class="muted"><Moment at/></span> })}
            </a>
        </li>
    }
}
