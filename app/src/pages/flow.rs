//! A flow: its graph, its document, its newest runs, and the form that starts one.

use std::sync::Arc;

use flow::Plan;
use flow::view::{FlowDetail, RunSummary};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::flow_form::StartForm;
use super::flow_grid::{FlowGrid, FlowNumbers};
use super::flow_starters::Starting;
use crate::fns;
use crate::format;
use crate::graph::ink::Blank;
use crate::graph::{self, stage::Stage, svg};
use crate::icons::Icon;
use crate::look;
use crate::model::RunListQuery;
use crate::parts::{Badge, Failure, Loading, Moment, Problems, Strip, Tally};

/// A flow, in its newest version or the one the address names.
#[component]
pub fn FlowPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
    let version = Memo::new(move |_| query.read().get("version").and_then(|text| text.parse().ok()));
    let detail = Resource::new(
        move || (id.get(), version.get()),
        |(id, version)| fns::flow(id, version),
    );
    let runs = Resource::new(
        move || id.get(),
        |id| {
            fns::runs(RunListQuery {
                flow: Some(id),
                ..RunListQuery::default()
            })
        },
    );
    view! {
        <Suspense fallback=Loading>
            {move || Suspend::new(async move {
                match (detail.await, runs.await) {
                    (Ok(detail), runs) => {
                        let runs = runs.map(|page| page.items).unwrap_or_default();
                        view! { <Flow detail runs/> }.into_any()
                    }
                    (Err(error), _) => view! { <Failure error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Flow(detail: FlowDetail, runs: Vec<RunSummary>) -> impl IntoView {
    let summary = detail.summary;
    let title = format!("{} · Pointwork", summary.name);
    let older = (detail.shown_version != summary.version).then(|| {
        view! {
            <div class="note" data-state="attention">
                <Icon name="s-attention"/>
                <p class="grow">
                    {match flow::trial::is_trial(detail.shown_version) {
                        true => "This was tried out in the editor and not published. ".to_owned(),
                        false => format!("This is version {}. ", detail.shown_version),
                    }}
                    {(summary.version > 0).then(|| view! {
                        <a href=format!("/flows/{}", format::url_part(&summary.id))>
                            {format!("The newest is version {}.", summary.version)}
                        </a>
                    })}
                </p>
            </div>
        }
    });
    let inputs: Vec<_> = detail
        .document
        .inputs
        .iter()
        .map(|(name, input)| (name.clone(), input.clone()))
        .collect();
    let plan = Arc::new(Plan::new(Arc::new(detail.document)));
    let drawing = draw(&plan, &summary.name);
    let warnings = (!detail.warnings.is_empty()).then(|| {
        view! {
            <section class="panel" aria-label="Warnings">
                <div class="body"><Problems problems=detail.warnings/></div>
            </section>
        }
    });
    view! {
        <Title text=title/>
        <div class="page">
            <header>
                <div class="grow">
                    <h1>{summary.name.clone()}</h1>
                    {summary.description.clone().map(|about| view! { <p>{about}</p> })}
                    <dl class="facts">
                        <div><dt>"id"</dt><dd><code>{summary.id.clone()}</code></dd></div>
                        <div><dt>"saved"</dt><dd><Moment at=summary.updated_at/></dd></div>
                        <div><dt>"tasks"</dt><dd class="num">{summary.n_tasks}</dd></div>
                        <div>
                            <dt>"version"</dt>
                            <dd><Versions id=summary.id.clone() newest=summary.version shown=detail.shown_version/></dd>
                        </div>
                    </dl>
                </div>
                <a class="button" href=format!("/flows/{}/edit", format::url_part(&summary.id))>
                    <Icon name="u-edit"/>
                    "Edit"
                </a>
                <div class="head-strip">
                    {(!summary.latest_runs.is_empty()).then(|| view! { <Strip runs=summary.latest_runs.clone()/> })}
                    <Tally flow=summary.id.clone() runs=summary.runs.clone()/>
                </div>
            </header>
            {older} {warnings}
            <div class="flow-page">
                <div class="column">
                    <section class="panel" aria-labelledby="graph-title">
                        <header><h2 id="graph-title">"Graph"</h2></header>
                        <div style=format!("height:{}px;display:flex", (drawing.1 + 8.0).clamp(200.0, 520.0))>
                            <Stage svg=drawing.0 ink=Arc::new(Blank(Arc::clone(&plan))) selected=Signal::stored(None) on_select=Callback::new(|_| ())/>
                        </div>
                    </section>
                    <FlowNumbers flow=summary.id.clone()/>
                    <FlowGrid flow=summary.id.clone()/>
                    <details class="panel fold">
                        <summary style="padding:4px 16px">
                            <Icon name="u-turn"/>
                            "Document"
                            <span class="muted">{detail.format.clone()}</span>
                        </summary>
                        <pre class="code-view" tabindex="0">{detail.source}</pre>
                    </details>
                </div>
                <div class="column side">
                    <section class="panel" aria-labelledby="start-title">
                        <header><h2 id="start-title">"Start a run"</h2></header>
                        <div class="body"><StartForm flow=summary.id.clone() inputs/></div>
                    </section>
                    <Starting flow=summary.id.clone()/>
                    <Newest flow=summary.id runs/>
                </div>
            </div>
        </div>
    }
}

/// The drawing and its height. While a page comes to life the server's drawing stays, so none is made.
fn draw(plan: &Plan, name: &str) -> (String, f64) {
    if crate::is_hydrating() {
        return (String::new(), 0.0);
    }
    let view = graph::view(plan);
    let label = format!("Graph of {name}");
    (
        svg::svg(
            &view,
            &svg::Drawing {
                label: &label,
                ..svg::Drawing::default()
            },
        ),
        view.height,
    )
}

#[component]
fn Versions(id: String, newest: u32, shown: u32) -> impl IntoView {
    const LISTED: u32 = 8;
    let links = (newest.saturating_sub(LISTED - 1).max(1)..=newest)
        .rev()
        .map(|version| {
            if version == shown {
                view! { <strong class="num">{version}</strong> " " }.into_any()
            } else {
                let href = format!("/flows/{}?version={version}", format::url_part(&id));
                view! { <a class="num" href=href>{version}</a> " " }.into_any()
            }
        })
        .collect_view();
    let all = format!("/flows/{}/versions", format::url_part(&id));
    view! { <span class="versions">{links} <a href=all>"History"</a></span> }
}

#[component]
fn Newest(flow: String, runs: Vec<RunSummary>) -> impl IntoView {
    const LISTED: usize = 8;
    let rows = runs
        .into_iter()
        .take(LISTED)
        .map(|run| {
            let took = run
                .started_at
                .zip(run.finished_at)
                .map(|(start, end)| format::duration(format::span(start, end)));
            view! {
                <a href=format!("/runs/{}", run.id)>
                    <span><Badge look=look::run(run.state)/></span>
                    <Moment at=run.created_at/>
                    <span class="num">{took}</span>
                </a>
            }
        })
        .collect_view();
    let is_empty = rows.is_empty();
    view! {
        <section class="panel" aria-labelledby="runs-title">
            <header>
                <h2 id="runs-title" class="grow">"Newest runs"</h2>
                <a class="button quiet small" href=format!("/runs?flow={}", format::url_part(&flow))>"All runs"</a>
            </header>
            <div class="runs-short">{rows}</div>
            {is_empty.then(|| view! { <p class="body muted">"It has not run yet."</p> })}
        </section>
    }
}
