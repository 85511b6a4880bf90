//! The flows there are.

use flow::view::{FlowSummary, Page};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::parts::{Failure, Loading, Strip, Tally};

/// All flows, with their last runs.
#[component]
pub fn FlowsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let query = query.read();
        (
            query.get("q").filter(|q| !q.trim().is_empty()),
            query.get("cursor"),
        )
    });
    let page = Resource::new(move || asked.get(), |(text, cursor)| fns::flows(text, cursor));
    view! {
        <Title text="Flows · Pointwork"/>
        <Suspense fallback=Loading>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <Flows page text=asked.get_untracked().0/> }.into_any(),
                    Err(error) => view! { <Failure error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Flows(page: Page<FlowSummary>, text: Option<String>) -> impl IntoView {
    let is_empty = page.items.is_empty();
    let next = page.next_cursor.as_ref().map(|cursor| {
        let q = text
            .as_deref()
            .map(|q| format!("q={}&", format::url_part(q)))
            .unwrap_or_default();
        format!("/flows?{q}cursor={}", format::url_part(cursor))
    });
    let rows = page
        .items
        .into_iter()
        .map(|flow| view! { <Row flow/> })
        .collect_view();
    let list = match (is_empty, &text) {
        (false, _) => view! { <ul class="flow-rows">{rows}</ul> }.into_any(),
        (true, Some(text)) => view! {
            <div class="empty">
                <p>"No flow has “"{text.clone()}"” in its id, name or description."</p>
                <a class="button" href="/flows">"Show all flows"</a>
            </div>
        }
        .into_any(),
        (true, None) => view! { <NoFlows/> }.into_any(),
    };
    view! {
        <div class="page">
            <header>
                <div class="grow">
                    <h1>"Flows"</h1>
                </div>
                <form class="search" method="get" action="/flows" role="search">
                    <input type="search" name="q" value=text placeholder="Search flows" aria-label="Search flows" data-keys="/"/>
                    <button class="button square" type="submit" aria-label="Search" title="Search">
                        <Icon name="u-search"/>
                    </button>
                </form>
                <a class="button primary" href="/edit">
                    <Icon name="u-plus"/>
                    "New flow"
                </a>
            </header>
            <section class="panel" aria-label="Flows">{list}</section>
            {next
                .map(|href| {
                    view! {
                        <nav class="pager" aria-label="Pages">
                            <span></span>
                            <a class="button" href=href rel="next">"More flows"</a>
                        </nav>
                    }
                })}
        </div>
    }
}

#[component]
fn Row(flow: FlowSummary) -> impl IntoView {
    let href = format!("/flows/{}", format::url_part(&flow.id));
    let start = format!("{href}#start");
    view! {
        <li class="flow-row">
            <div>
                <h2 class="cut">
                    <a href=href>{flow.name.clone()}</a>
                </h2>
                {flow.description.map(|about| view! { <p class="about cut">{about}</p> })}
                <p class="ids">
                    <code>{flow.id.clone()}</code>
                    <span class="num">{format!("version {}", flow.version)}</span>
                    <span class="num">{format::count(u64::from(flow.n_tasks), "task", "tasks")}</span>
                </p>
            </div>
            {if flow.latest_runs.is_empty() {
                view! { <span class="muted">"no runs yet"</span> }.into_any()
            } else {
                view! { <Strip runs=flow.latest_runs/> }.into_any()
            }}
            <Tally flow=flow.id runs=flow.runs/>
            <a class="button go" href=start aria-label=format!("Start {}", flow.name)>
                <Icon name="u-play"/>
                "Start"
            </a>
        </li>
    }
}

#[component]
fn NoFlows() -> impl IntoView {
    view! {
        <div class="empty">
            <svg
                class="art"
                viewBox="0 0 220 88"
                fill="none"
                stroke="currentColor"
                stroke-width="1.5"
                aria-hidden="true"
                inner_html=ART
            ></svg>
            <h2>"No flows yet"</h2>
            <p>"A flow names tasks and what each of them needs. Draw the first one, or write it; both begin with an example that runs."</p>
            <a class="button primary" href="/edit">
                <Icon name="u-plus"/>
                "Draw the first flow"
            </a>
            <a class="button" href="/flows/new">"Write it as text"</a>
            <p class="muted">
                "Or send one: " <code>"curl --data-binary @flow.yaml -H 'content-type: application/yaml' …/api/v1/flows"</code>
            </p>
        </div>
    }
}

/// A track that parts in two.
const ART: &str = r#"<path d="M4 60h70c26 0 26-36 52-36h26"/><path d="M74 60h78"/><rect x="152" y="12" width="60" height="24" rx="4"/><rect x="152" y="48" width="60" height="24" rx="4"/><path d="M153 14v20M153 50v20" stroke-width="4"/><circle cx="74" cy="60" r="4" fill="currentColor"/><circle cx="8" cy="60" r="4"/>"#;
