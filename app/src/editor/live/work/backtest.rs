//! The document held against old runs: which of them would have gone another way, and where first.

use flow::view::RunStatus;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::super::desk::Desk;
use super::PanelHead;
use crate::error::AppError;
use crate::fns::draft::replay_runs;
use crate::icons::Icon;
use crate::look;
use crate::model::edit::ReplayRow;
use crate::parts::{Badge, Moment};

/// Runs that are looked at unless somebody chooses.
const RUNS: usize = 20;

/// The panel.
#[component]
pub(super) fn BackTest(desk: Desk) -> impl IntoView {
    let n = RwSignal::new(RUNS);
    let is_busy = RwSignal::new(false);
    let found = RwSignal::new(None::<Result<Vec<ReplayRow>, AppError>>);
    let look = move || {
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        let source = desk.with(|session| session.text().to_owned());
        spawn_local(async move {
            let rows = replay_runs(source, n.get_untracked()).await;
            if !is_busy.is_disposed() {
                is_busy.set(false);
                found.set(Some(rows));
            }
        });
    };
    Effect::new(move |before: Option<()>| {
        if before.is_none() {
            look();
        }
    });
    let body = move || {
        match (is_busy.get(), found.get()) {
        (true, _) | (_, None) => view! { <p class="ed-none muted">"Looking at old runs…"</p> }.into_any(),
        (_, Some(Err(error))) => view! {
            <p class="note" data-state="failed" role="alert"><Icon name="s-failed"/> <span class="grow">{error.message}</span></p>
        }
        .into_any(),
        (_, Some(Ok(rows))) if rows.is_empty() => {
            view! { <p class="ed-none muted">"No run of this flow has ended yet."</p> }.into_any()
        }
        (_, Some(Ok(rows))) => view! { <Rows desk rows/> }.into_any(),
    }
    };
    let choose = move |event: web_sys::Event| {
        n.set(event_target_value(&event).parse().unwrap_or(RUNS));
        look();
    };
    view! {
        <section class="ed-drawer ed-panel" aria-label="Back-test">
            <PanelHead desk title="Back-test">
                <span class="grow muted cut">"Old runs, decided again by what is on the canvas. Tasks give what they gave; nothing is done."</span>
                <label class="sr" for="bt-n">"How many runs"</label>
                <select id="bt-n" class="small" on:change=choose>
                    <option value="20">"20 runs"</option>
                    <option value="50">"50 runs"</option>
                </select>
                <button type="button" class="button small" disabled=move || is_busy.get() on:click=move |_| look()>
                    <Icon name="u-again"/>
                    "Look again"
                </button>
            </PanelHead>
            <div class="ed-panel-body">{body}</div>
        </section>
    }
}

#[component]
fn Rows(desk: Desk, rows: Vec<ReplayRow>) -> impl IntoView {
    let is_other = |row: &&ReplayRow| row.turn.is_some() || row.refused.is_some() || row.is != Some(row.was);
    let (n, n_other) = (rows.len(), rows.iter().filter(is_other).count());
    let summary = match (n, n_other) {
        (1, 0) => "The last run would have gone the same way.".to_owned(),
        (1, _) => "The last run would have gone another way.".to_owned(),
        (n, 0) => format!("All of the last {n} runs would have gone the same way."),
        (n, others) => format!("{others} of the last {n} runs would have gone another way."),
    };
    let state = if n_other == 0 { "succeeded" } else { "attention" };
    let rows = rows
        .into_iter()
        .map(|row| {
            let how = how(desk, &row);
            let guessed = (!row.guessed.is_empty()).then(|| {
                view! { <span class="muted">{format!(" Nothing is recorded of {}: what follows is a guess.", row.guessed.join(", "))}</span> }
            });
            view! {
                <tr>
                    <td><a href=format!("/runs/{}", row.run) target="_blank"><Moment at=row.at/></a></td>
                    <td><Status status=row.was/></td>
                    <td>{row.is.map(|status| view! { <Status status/> })}</td>
                    <td>{how} {guessed}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <p class="ed-summary" data-state=state role="status"><Icon name=format!("s-{state}")/> <strong>{summary}</strong></p>
        <table class="ed-table">
            <thead><tr><th scope="col">"Run"</th><th scope="col">"Was"</th><th scope="col">"Would be"</th><th scope="col">"Where it turns first"</th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

#[component]
fn Status(status: RunStatus) -> impl IntoView {
    view! { <Badge look=Signal::derive(move || look::run(status))/> }
}

/// Where a run would have turned off.
fn how(desk: Desk, row: &ReplayRow) -> impl IntoView + use<> {
    if let Some(why) = &row.refused {
        return view! { <span>{format!("It could not begin: {why}")}</span> }.into_any();
    }
    let Some(turn) = row.turn.clone() else {
        return view! { <span class="muted">"Nowhere"</span> }.into_any();
    };
    let task = turn.task.clone();
    let words = match (turn.was, turn.is) {
        (Some(was), Some(is)) => format!("{is} instead of {was}"),
        (None, Some(is)) => format!("new, {is}"),
        (Some(was), None) => format!("gone, was {was}"),
        (None, None) => String::new(),
    };
    view! {
        <button type="button" class="button quiet small" on:click=move |_| desk.jump(&task)>{turn.task}</button>
        <span>{words}</span>
    }
    .into_any()
}
