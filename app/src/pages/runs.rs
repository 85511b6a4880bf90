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
            <Filters asked/>
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

/// The same filters with one state more or less, from the first page on.
fn toggled(query: &RunListQuery, state: RunStatus) -> RunListQuery {
    let key = state.key();
    let mut states = query.states.clone();
    match states.iter().position(|chosen| chosen == key) {
        Some(at) => drop(states.remove(at)),
        None => states.push(key.to_owned()),
    }
    RunListQuery {
        states,
        cursor: None,
        ..query.clone()
    }
}

/// A chip per state, each a link to the list with it or without it, and a form for the rest. Both change the page in place once
/// it lives.
#[component]
fn Filters(asked: Memo<RunListQuery>) -> impl IntoView {
    let is_filtered =
        move || asked.with(|query| query.flow.is_some() || query.text.is_some() || !query.states.is_empty());
    let chips = RunStatus::ALL
        .into_iter()
        .map(|state| {
            let look = look::run(state);
            let is_on = move || {
                asked
                    .with(|query| query.states.iter().any(|chosen| chosen == state.key()))
                    .then_some("true")
            };
            view! {
                <a
                    class="toggle"
                    data-state=look.key
                    href=move || address(&asked.with(|query| toggled(query, state)))
                    aria-current=is_on
                    data-noscroll="true"
                >
                    <Icon name=format!("s-{}", look.key)/>
                    {look.word}
                </a>
            }
        })
        .collect_view();
    let hidden = move || {
        let states = asked.with(|query| query.states.clone());
        states
            .into_iter()
            .map(|state| view! { <input type="hidden" name="state" value=state/> })
            .collect_view()
    };
    // The attribute is what a page without scripts shows, the property what a living one does.
    let flow = move || asked.with(|query| query.flow.clone()).unwrap_or_default();
    let text = move || asked.with(|query| query.text.clone()).unwrap_or_default();
    view! {
        <div class="filters">
            <nav class="toggles" aria-label="States">{chips}</nav>
            <form method="get" action="/runs" role="search" on:submit=submitted()>
                {hidden}
                <input type="search" name="flow" value=flow prop:value=flow placeholder="Flow id" aria-label="Flow id"/>
                <input
                    type="search"
                    name="q"
                    value=text
                    prop:value=text
                    placeholder="Id, label or error"
                    aria-label="Id, label or error"
                />
                <button class="button" type="submit" aria-label="Filter">
                    <Icon name="u-search"/>
                    <span class="word">"Filter"</span>
                </button>
                <a class="button quiet" href="/runs" hidden=move || !is_filtered() data-noscroll="true">"Clear"</a>
            </form>
        </div>
    }
}

/// A living page goes to the filtered list itself instead of having the browser load it.
fn submitted() -> impl Fn(leptos::ev::SubmitEvent) {
    #[cfg(feature = "hydrate")]
    let navigate = leptos_router::hooks::use_navigate();
    move |event: leptos::ev::SubmitEvent| {
        #[cfg(feature = "hydrate")]
        {
            use wasm_bindgen::JsCast;
            let form = event.target().and_then(|target| target.dyn_into().ok());
            let data = form.and_then(|form| web_sys::FormData::new_with_form(&form).ok());
            let Some(data) = data else { return };
            event.prevent_default();
            let mut map = ParamsMap::new();
            for name in ["flow", "q"] {
                map.insert(name, data.get(name).as_string().unwrap_or_default());
            }
            for state in data.get_all("state") {
                map.insert("state", state.as_string().unwrap_or_default());
            }
            navigate(
                &address(&read_query(&map)),
                leptos_router::NavigateOptions::default(),
            );
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    }
}

/// The rows as they are now: they change in place, new ones wait behind the pill.
#[derive(Clone, Copy)]
struct Rows {
    order: RwSignal<Vec<String>>,
    rows: StoredValue<HashMap<String, ArcRwSignal<RunSummary>>>,
    next: RwSignal<Option<String>>,
    n_new: RwSignal<usize>,
}

impl Rows {
    fn new(page: Page<RunSummary>) -> Self {
        let rows = Self {
            order: RwSignal::new(Vec::new()),
            rows: StoredValue::new(HashMap::new()),
            next: RwSignal::new(None),
            n_new: RwSignal::new(0),
        };
        rows.replace(page);
        rows
    }

    /// The list is this page from now on. A row that was there stays, and shows what is new of it.
    fn replace(self, page: Page<RunSummary>) {
        let order: Vec<String> = page.items.iter().map(|run| run.id.to_string()).collect();
        self.rows.update_value(|rows| {
            let mut before = std::mem::take(rows);
            for run in page.items {
                let id = run.id.to_string();
                let row = match before.remove(&id) {
                    Some(row) => {
                        row.set(run);
                        row
                    }
                    None => ArcRwSignal::new(run),
                };
                rows.insert(id, row);
            }
        });
        self.next.set(page.next_cursor);
        self.n_new.set(0);
        if self.order.with_untracked(|before| *before != order) {
            self.order.set(order);
        }
    }

    fn get(self, id: &str) -> Option<ArcRwSignal<RunSummary>> {
        self.rows.try_with_value(|rows| rows.get(id).cloned()).flatten()
    }
}

#[component]
fn Runs(page: Page<RunSummary>, query: RunListQuery) -> impl IntoView {
    let rows = Rows::new(page);
    #[cfg(feature = "hydrate")]
    browser::follow(rows, query.clone());
    let here = address(&query);
    let is_filtered = here != "/runs";
    let first = query.cursor.is_some().then(|| {
        address(&RunListQuery {
            cursor: None,
            ..query.clone()
        })
    });
    let query = StoredValue::new(query);
    let next = move || {
        let cursor = rows.next.get()?;
        Some(address(&RunListQuery {
            cursor: Some(cursor),
            ..query.get_value()
        }))
    };
    // The new runs are asked for and put in place; the browser need not load the page again.
    let show_new = move |event: leptos::ev::MouseEvent| {
        #[cfg(feature = "hydrate")]
        {
            event.prevent_default();
            browser::load_again(rows, query.get_value());
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    let is_empty = Memo::new(move |_| rows.order.with(Vec::is_empty));
    let body = move || match is_empty.get() {
        true => view! { <NoRuns is_filtered/> }.into_any(),
        false => view! { <Table rows/> }.into_any(),
    };
    view! {
        <a class="pill" href=here rel="external" role="status" hidden=move || rows.n_new.get() == 0 on:click=show_new>
            {move || format::count(rows.n_new.get() as u64, "new run", "new runs")}
        </a>
        <section class="panel" aria-label="Runs">{body}</section>
        <nav class="pager" aria-label="Pages">
            {first.map(|href| view! { <a class="button" href=href rel="first">"Newest runs"</a> })}
            <span class="grow"></span>
            {move || next().map(|href| view! { <a class="button" href=href rel="next">"Older runs"</a> })}
        </nav>
    }
}

#[component]
fn Table(rows: Rows) -> impl IntoView {
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
                <tbody>
                    <For each=move || rows.order.get() key=Clone::clone let:id>
                        {rows.get(&id).map(|run| view! { <Row run/> })}
                    </For>
                </tbody>
            </table>
        </div>
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

#[cfg(feature = "hydrate")]
mod browser {
    use std::collections::HashSet;

    use flow::view::RunSummary;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use serde::Deserialize;

    use super::super::run_follow::Hello;
    use super::Rows;
    use crate::live::Link;
    use crate::live::stream::{Batch, Next, Source, Stream, keep};
    use crate::model::RunListQuery;
    use crate::parts::Clock;

    /// What the server sends in place of changes that a client missed: the newest runs as they are now.
    #[derive(Deserialize)]
    struct Reset {
        runs: Vec<RunSummary>,
    }

    /// Changes rows in place as runs go on. New runs are counted only where they would stand: on the first page.
    pub(super) fn follow(rows: Rows, query: RunListQuery) {
        let link = expect_context::<RwSignal<Link>>();
        let clock = expect_context::<Clock>();
        // Where the stream was left: by it the server knows a client that comes back, and sends what it missed.
        let position = StoredValue::new(None::<String>);
        Effect::new(move |_| {
            let query = query.clone();
            let seen = StoredValue::new(HashSet::<String>::new());
            let take = {
                let query = query.clone();
                move |runs: Vec<RunSummary>| runs.into_iter().for_each(|run| take_in(rows, &query, seen, run))
            };
            let batch = Batch::new(take.clone());
            keep(Stream::open(Source {
                url: Box::new(move || {
                    let after = position.try_get_value().flatten();
                    let after = after.map(|after| format!("&after={}", crate::format::url_part(&after)));
                    format!("/api/v1/events?topics=runs{}", after.unwrap_or_default())
                }),
                names: &["hello", "run", "reset"],
                frame: Box::new(move |frame| {
                    match frame.name.as_str() {
                        "run" => {
                            if let Ok(run) = serde_json::from_str(&frame.data) {
                                batch.push(run);
                            }
                        }
                        "reset" => {
                            if let Ok(reset) = serde_json::from_str::<Reset>(&frame.data) {
                                batch.flush();
                                take(reset.runs);
                                load_again(rows, query.clone());
                            }
                        }
                        _ => {
                            if let Ok(hello) = serde_json::from_str::<Hello>(&frame.data) {
                                clock.set(hello.server_now);
                            }
                        }
                    }
                    // The first position is an empty one, but a position: a client without any is a new one.
                    position.try_set_value(
                        Some(frame.id)
                            .filter(|id| !id.is_empty())
                            .or_else(|| Some(String::new())),
                    );
                    link.set(Link::Live);
                    Next::Go
                }),
                link: Some(link),
            }));
        });
    }

    /// A run as it is now: in its row, or counted if it is newer than all that are shown.
    fn take_in(rows: Rows, query: &RunListQuery, seen: StoredValue<HashSet<String>>, run: RunSummary) {
        let id = run.id.to_string();
        if let Some(row) = rows.get(&id) {
            row.set(run);
        } else if query.cursor.is_none() && fits(&run, query) {
            let is_new = rows
                .order
                .with_untracked(|order| order.first().is_none_or(|first| id > *first));
            if is_new && seen.try_update_value(|seen| seen.insert(id)).unwrap_or(false) {
                rows.n_new.update(|n| *n += 1);
            }
        }
    }

    /// Asks for the page as it is now, and puts it in place. A page that cannot be had leaves what is shown.
    pub(super) fn load_again(rows: Rows, query: RunListQuery) {
        spawn_local(async move {
            if let Ok(page) = crate::fns::runs(query).await
                && rows.n_new.try_get_untracked().is_some()
            {
                rows.replace(page);
            }
        });
    }

    /// Whether a run would stand in the list with these filters, as far as the page can tell.
    fn fits(run: &RunSummary, query: &RunListQuery) -> bool {
        let state = query.states.is_empty() || query.states.iter().any(|state| state == run.state.key());
        state && query.flow.as_ref().is_none_or(|flow| *flow == run.flow) && query.text.is_none()
    }
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
        let toggled = |state| address(&toggled(&query, state));
        assert_eq!(toggled(RunStatus::Failed), "/runs?state=running&flow=a&q=b%20c");
        assert_eq!(
            toggled(RunStatus::Queued),
            "/runs?state=failed&state=running&state=queued&flow=a&q=b%20c"
        );
    }

    #[test]
    fn a_page_put_in_place_keeps_the_rows_that_were_there() {
        let run = |n: u8, state: &str| {
            let id = format!("run_{:026}", n);
            serde_json::from_value::<RunSummary>(serde_json::json!({
                "id": id, "flow": "f", "flow_name": "F", "version": 1, "state": state, "trigger": "api",
                "created_at": "2026-01-01T00:00:00Z", "counts": {}
            }))
            .expect("is a run")
        };
        let page = |items| Page {
            items,
            next_cursor: None,
        };
        Owner::new().with(|| {
            let rows = Rows::new(page(vec![run(2, "running"), run(1, "running")]));
            let ids = rows.order.get_untracked();
            let kept = rows.get(&ids[0]).expect("is there");
            rows.n_new.set(3);
            rows.replace(page(vec![run(3, "queued"), run(2, "succeeded")]));
            assert_eq!(
                kept.get_untracked().state,
                RunStatus::Succeeded,
                "its signal is the same"
            );
            assert_eq!(rows.order.with_untracked(Vec::len), 2);
            assert!(rows.get(&ids[1]).is_none(), "what left the page is forgotten");
            assert_eq!(rows.n_new.get_untracked(), 0);
        });
    }
}
