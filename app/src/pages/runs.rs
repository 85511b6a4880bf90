//! The runs there are, newest first. Filters are a form whose answers stand in the address.

use std::collections::HashMap;

use flow::view::{Page, RunStatus, RunSummary};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::look;
use crate::model::RunListQuery;
use crate::parts::{Badge, Clock, Counts, Failure, Loading, Moment};

/// Runs, with filters.
#[component]
pub fn RunsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| read_query(&query.read()));
    let page = Resource::new(move || asked.get(), fns::runs);
    view! {
        <Title text="Runs · Pointwork"/>
        <div class="page">
            <header>
                <div class="grow"><h1>"Runs"</h1></div>
            </header>
            {move || view! { <Filters query=asked.get()/> }}
            <Transition fallback=Loading>
                {move || Suspend::new(async move {
                    let query = asked.get_untracked();
                    match page.await {
                        Ok(page) => view! { <Runs page query/> }.into_any(),
                        Err(error) => view! { <Failure error part=true/> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
}

fn read_query(map: &ParamsMap) -> RunListQuery {
    let text = |name: &str| {
        map.get(name)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let known = |state: &String| RunStatus::from_key(state).is_some();
    RunListQuery {
        flow: text("flow"),
        states: map
            .get_all("state")
            .unwrap_or_default()
            .into_iter()
            .filter(known)
            .collect(),
        text: text("q"),
        cursor: text("cursor"),
    }
}

/// The address of the list with these filters.
fn address(query: &RunListQuery) -> String {
    let mut parts: Vec<String> = query
        .states
        .iter()
        .map(|state| format!("state={state}"))
        .collect();
    for (name, value) in [
        ("flow", &query.flow),
        ("q", &query.text),
        ("cursor", &query.cursor),
    ] {
        parts.extend(
            value
                .as_ref()
                .map(|value| format!("{name}={}", format::url_part(value))),
        );
    }
    if parts.is_empty() {
        "/runs".to_owned()
    } else {
        format!("/runs?{}", parts.join("&"))
    }
}

#[component]
fn Filters(query: RunListQuery) -> impl IntoView {
    let is_filtered = query.flow.is_some() || query.text.is_some() || !query.states.is_empty();
    let toggles = RunStatus::ALL
        .into_iter()
        .filter(|state| *state != RunStatus::Paused)
        .map(|state| {
            let look = look::run(state);
            let checked = query.states.iter().any(|chosen| chosen == state.key());
            view! {
                <label data-state=look.key>
                    <input type="checkbox" name="state" value=state.key() checked=checked on:change=submit/>
                    <Icon name=format!("s-{}", look.key)/>
                    {look.word}
                </label>
            }
        })
        .collect_view();
    view! {
        <form class="filters" method="get" action="/runs" role="search">
            <div class="toggles" role="group" aria-label="States">{toggles}</div>
            <input type="search" name="flow" value=query.flow placeholder="Flow id" aria-label="Flow id"/>
            <input type="search" name="q" value=query.text placeholder="Id, label or error" aria-label="Id, label or error"/>
            <button class="button" type="submit">"Filter"</button>
            {is_filtered.then(|| view! { <a class="button quiet" href="/runs">"Clear"</a> })}
        </form>
    }
}

/// A chip works at once; without scripts it waits for the button.
fn submit(event: leptos::ev::Event) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let form = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok())
            .and_then(|input| input.form());
        if let Some(form) = form {
            // A form that cannot be sent stays as it is.
            let _ = form.request_submit();
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = event;
}

/// The rows as they are now: they change in place, new ones wait behind the pill.
#[derive(Clone, Copy)]
struct Rows {
    order: StoredValue<Vec<String>>,
    rows: StoredValue<HashMap<String, ArcRwSignal<RunSummary>>>,
    n_new: RwSignal<usize>,
}

#[component]
fn Runs(page: Page<RunSummary>, query: RunListQuery) -> impl IntoView {
    let is_empty = page.items.is_empty();
    let rows = Rows {
        order: StoredValue::new(page.items.iter().map(|run| run.id.to_string()).collect()),
        rows: StoredValue::new(
            page.items
                .into_iter()
                .map(|run| (run.id.to_string(), ArcRwSignal::new(run)))
                .collect(),
        ),
        n_new: RwSignal::new(0),
    };
    #[cfg(feature = "hydrate")]
    follow(rows, query.clone());
    let next = page.next_cursor.map(|cursor| {
        address(&RunListQuery {
            cursor: Some(cursor),
            ..query.clone()
        })
    });
    let first = query.cursor.is_some().then(|| {
        address(&RunListQuery {
            cursor: None,
            ..query.clone()
        })
    });
    let here = address(&query);
    let list = rows.rows.with_value(|all| {
        rows.order.with_value(|order| {
            order
                .iter()
                .filter_map(|id| all.get(id).cloned())
                .map(|run| view! { <Row run/> })
                .collect_view()
        })
    });
    let body = if is_empty {
        view! { <NoRuns is_filtered=address(&query) != "/runs"/> }.into_any()
    } else {
        view! {
            <div class="table-wrap">
                <table class="runs">
                    <thead>
                        <tr>
                            <th scope="col">"State"</th>
                            <th scope="col">"Flow"</th>
                            <th scope="col">"Run"</th>
                            <th scope="col">"Trigger"</th>
                            <th scope="col">"Started"</th>
                            <th scope="col" class="right">"Duration"</th>
                            <th scope="col">"Tasks"</th>
                        </tr>
                    </thead>
                    <tbody>{list}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <a
            class="pill"
            href=here
            rel="external"
            role="status"
            hidden=move || rows.n_new.get() == 0
        >
            {move || format::count(rows.n_new.get() as u64, "new run", "new runs")}
        </a>
        <section class="panel" aria-label="Runs">{body}</section>
        <nav class="pager" aria-label="Pages">
            {first.map(|href| view! { <a class="button" href=href rel="first">"Newest runs"</a> })}
            <span class="grow"></span>
            {next.map(|href| view! { <a class="button" href=href rel="next">"Older runs"</a> })}
        </nav>
    }
}

#[component]
fn Row(run: ArcRwSignal<RunSummary>) -> impl IntoView {
    let run = RwSignal::from(run);
    let fixed = run.get_untracked();
    let id = fixed.id.to_string();
    let short = format::short_id(&id).to_owned();
    let href = format!("/runs/{id}");
    let why = move || run.with(|run| run.error.as_ref().map(|error| error.message.clone()));
    view! {
        <tr>
            <td><Badge look=Signal::derive(move || look::run(run.with(|run| run.state)))/></td>
            <td class="name">
                <div class="cut">
                    <a href=href.clone()>{fixed.flow_name}</a>
                    " "
                    <span class="why" hidden=move || why().is_none()>{move || why().unwrap_or_default()}</span>
                </div>
            </td>
            <td class="id"><a href=href tabindex="-1"><code title=id>{short}</code></a></td>
            <td class="trigger muted">{fixed.trigger}</td>
            <td class="at"><Moment at=Signal::derive(move || run.with(|run| run.started_at.unwrap_or(run.created_at)))/></td>
            <td class="took right"><Took run/></td>
            <td class="tasks"><Counts counts=Signal::derive(move || run.with(|run| run.counts))/></td>
        </tr>
    }
}

/// How long a run took, or has been at work; unknown until the page has a clock.
#[component]
fn Took(run: RwSignal<RunSummary>) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let text = move || {
        let (started, finished) = run.with(|run| (run.started_at, run.finished_at));
        let started = started?;
        match finished {
            Some(finished) => Some(format::duration(format::span(started, finished))),
            None => clock
                .now
                .get()
                .map(|now| format::ticking(format::span(started, now))),
        }
    };
    view! { <span class="num">{move || text().unwrap_or_else(|| "–".to_owned())}</span> }
}

#[component]
fn NoRuns(is_filtered: bool) -> impl IntoView {
    if is_filtered {
        view! {
            <div class="empty">
                <p>"No run fits these filters."</p>
                <a class="button" href="/runs">"Show all runs"</a>
            </div>
        }
        .into_any()
    } else {
        view! {
            <div class="empty">
                <h2>"Nothing has run yet"</h2>
                <p>"Open a flow and start it: it appears here the moment it is accepted."</p>
                <a class="button primary" href="/flows">"Go to the flows"</a>
            </div>
        }
        .into_any()
    }
}

/// Changes rows in place as runs go on. New runs are counted only where they would stand: on the first page.
#[cfg(feature = "hydrate")]
fn follow(rows: Rows, query: RunListQuery) {
    use crate::live::Link;
    use crate::live::stream::{Batch, Next, Source, Stream, keep};
    let link = expect_context::<RwSignal<Link>>();
    let clock = expect_context::<Clock>();
    Effect::new(move |_| {
        let query = query.clone();
        let seen = StoredValue::new(std::collections::HashSet::<String>::new());
        let batch = Batch::new(move |runs: Vec<RunSummary>| {
            for run in runs {
                let id = run.id.to_string();
                let row = rows.rows.try_with_value(|all| all.get(&id).cloned()).flatten();
                if let Some(row) = row {
                    row.set(run);
                } else if query.cursor.is_none() && fits(&run, &query) {
                    let is_new = rows
                        .order
                        .with_value(|order| order.first().is_none_or(|first| id > *first));
                    if is_new && seen.try_update_value(|seen| seen.insert(id)).unwrap_or(false) {
                        rows.n_new.update(|n| *n += 1);
                    }
                }
            }
        });
        keep(Stream::open(Source {
            url: Box::new(|| "/api/v1/events?topics=runs".to_owned()),
            names: &["hello", "run", "reset"],
            frame: Box::new(move |frame| {
                match frame.name.as_str() {
                    "run" => {
                        if let Ok(run) = serde_json::from_str(&frame.data) {
                            batch.push(run);
                        }
                    }
                    _ => {
                        if let Ok(hello) = serde_json::from_str::<super::run_follow::Hello>(&frame.data) {
                            clock.set(hello.server_now);
                        }
                    }
                }
                link.set(Link::Live);
                Next::Go
            }),
            link: Some(link),
        }));
    });
}

/// Whether a run would stand in the list with these filters, as far as the page can tell.
#[cfg(feature = "hydrate")]
fn fits(run: &RunSummary, query: &RunListQuery) -> bool {
    let state = query.states.is_empty() || query.states.iter().any(|state| state == run.state.key());
    state && query.flow.as_ref().is_none_or(|flow| *flow == run.flow) && query.text.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_addresses_are_inverse() {
        let mut map = ParamsMap::new();
        for (name, value) in [
            ("state", "failed"),
            ("state", "running"),
            ("state", "x"),
            ("flow", " a "),
            ("q", "b c"),
            ("cursor", ""),
        ] {
            map.insert(name.to_owned(), value.to_owned());
        }
        let query = read_query(&map);
        assert_eq!(address(&query), "/runs?state=failed&state=running&flow=a&q=b%20c");
        assert_eq!(address(&RunListQuery::default()), "/runs");
    }
}
