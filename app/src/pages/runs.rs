//! The runs there are, newest first. What they are looked for by stands in the address, in the words of the query.

use std::collections::HashMap;

use flow::view::{Page, RunSummary};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::runs_bulk::{BulkBar, FORM};
use super::runs_search::{Search, Views};
use crate::fns;
use crate::fns::board::{RemoveView, SaveView};
use crate::format;
use crate::look;
use crate::model::board::{RunList, RunListAsk};
use crate::parts::{Badge, Clock, Counts, Failure, Loading, Moment, Said, Sending};

/// Runs, with filters.
#[component]
pub fn RunsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| read_query(&query.read()));
    let save = Sending::<SaveView>::new();
    let remove = Sending::<RemoveView>::new();
    // A saved view leads to the address that is shown already.
    let list = Resource::new(
        move || (asked.get(), save.version().get(), remove.version().get()),
        |(ask, _, _)| fns::board::list_runs(ask),
    );
    view! {
        <Title text="Runs · Pointwork"/>
        <div class="page">
            <header>
                <div class="grow"><h1>"Runs"</h1></div>
            </header>
            <Transition fallback=Loading>
                {move || Suspend::new(async move {
                    let cursor = asked.get_untracked().cursor;
                    match list.await {
                        Ok(list) => view! { <List list cursor save remove/> }.into_any(),
                        Err(error) => view! { <Failure error part=true/> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
}

fn read_query(map: &ParamsMap) -> RunListAsk {
    let text = |name: &str| {
        map.get(name)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    RunListAsk {
        q: text("q").unwrap_or_default(),
        states: map.get_all("state").unwrap_or_default(),
        flow: text("flow"),
        cursor: text("cursor"),
    }
}

/// The address of the list with this query, from a page on.
pub(super) fn address(query: &str, cursor: Option<&str>) -> String {
    let mut parts = Vec::new();
    if !query.is_empty() {
        parts.push(format!("q={}", format::url_part(query)));
    }
    parts.extend(cursor.map(|cursor| format!("cursor={}", format::url_part(cursor))));
    if parts.is_empty() {
        "/runs".to_owned()
    } else {
        format!("/runs?{}", parts.join("&"))
    }
}

#[component]
fn List(
    list: RunList,
    cursor: Option<String>,
    save: Sending<SaveView>,
    remove: Sending<RemoveView>,
) -> impl IntoView {
    let RunList {
        query,
        problem,
        chips,
        toggles,
        views,
        count,
        page,
    } = list;
    let is_wrong = problem.is_some();
    let rest = (!is_wrong).then(|| {
        let has_rows = !page.items.is_empty();
        let bar = has_rows.then(|| view! { <BulkBar query=query.clone() count/> });
        view! {
            <Runs page query=query.clone() cursor/>
            {bar}
        }
    });
    view! {
        <Views views query=query.clone() is_right=!is_wrong save remove/>
        <Search query toggles chips problem/>
        {rest}
    }
    .into_any()
}

/// The rows as they are now: they change in place, new ones wait behind the pill.
#[derive(Clone, Copy)]
struct Rows {
    order: RwSignal<Vec<String>>,
    rows: StoredValue<HashMap<String, ArcRwSignal<RunSummary>>>,
    next: RwSignal<Option<String>>,
    n_new: RwSignal<usize>,
    /// It will be asked which new runs fit.
    #[cfg(feature = "hydrate")]
    is_due: StoredValue<bool>,
}

impl Rows {
    fn new(page: Page<RunSummary>) -> Self {
        let rows = Self {
            order: RwSignal::new(Vec::new()),
            rows: StoredValue::new(HashMap::new()),
            next: RwSignal::new(None),
            n_new: RwSignal::new(0),
            #[cfg(feature = "hydrate")]
            is_due: StoredValue::new(false),
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

    /// Whether these runs tell of every row that may still change.
    #[cfg(any(feature = "hydrate", test))]
    fn are_told_by(self, runs: &[RunSummary]) -> bool {
        let is_told = |row: &ArcRwSignal<RunSummary>| {
            row.with_untracked(|row| row.state.is_final() || runs.iter().any(|run| run.id == row.id))
        };
        self.rows
            .try_with_value(|rows| rows.values().all(is_told))
            .unwrap_or(true)
    }
}

#[component]
fn Runs(page: Page<RunSummary>, query: String, cursor: Option<String>) -> impl IntoView {
    let rows = Rows::new(page);
    let ask = RunListAsk {
        q: query.clone(),
        cursor: cursor.clone(),
        ..RunListAsk::default()
    };
    #[cfg(feature = "hydrate")]
    browser::follow(rows, ask.clone());
    let here = address(&query, cursor.as_deref());
    let is_filtered = !query.is_empty();
    let first = cursor.is_some().then(|| address(&query, None));
    let ask = StoredValue::new(ask);
    let next = move || {
        let cursor = rows.next.get()?;
        Some(ask.with_value(|ask| address(&ask.q, Some(&cursor))))
    };
    // The new runs are asked for and put in place; the browser need not load the page again.
    let show_new = move |event: leptos::ev::MouseEvent| {
        #[cfg(feature = "hydrate")]
        {
            event.prevent_default();
            browser::load_again(rows, ask.get_value());
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (event, ask);
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
                        <th scope="col" class="pick"><span class="sr">"Choose"</span></th>
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
            <td class="pick">
                <input type="checkbox" name="runs[]" value=id.clone() form=FORM aria-label=format!("Choose run {short}")/>
            </td>
            <td class="state"><Badge look=Signal::derive(move || look::run(run.with(|run| run.state)))/></td>
            <td class="name">
                <div class="cut">
                    <a href=href.clone()>{fixed.flow_name}</a>
                    " "
                    <span class="why" hidden=move || why().is_none()>{move || why().map(|why| view! { <Said text=why/> })}</span>
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
    use std::cell::Cell;
    use std::collections::HashSet;
    use std::time::Duration;

    use flow::view::RunSummary;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use serde::Deserialize;

    use super::super::run_follow::Hello;
    use super::Rows;
    use crate::live::Link;
    use crate::live::stream::{Batch, Next, Source, Stream, keep};
    use crate::model::board::RunListAsk;
    use crate::parts::Clock;

    /// What the server tells first, in place of changes that nobody heard: the newest runs as they are now.
    #[derive(Deserialize)]
    struct Reset {
        runs: Vec<RunSummary>,
    }

    /// Changes rows in place as runs go on. New runs are counted only where they would stand: on the first page.
    pub(super) fn follow(rows: Rows, ask: RunListAsk) {
        let link = expect_context::<RwSignal<Link>>();
        let clock = expect_context::<Clock>();
        Effect::new(move |_| {
            let ask = ask.clone();
            let seen = StoredValue::new(HashSet::<String>::new());
            let take = {
                let ask = ask.clone();
                move |runs: Vec<RunSummary>| runs.into_iter().for_each(|run| take_in(rows, &ask, seen, run))
            };
            let batch = Batch::new(take.clone());
            // Whether the connection was gone for a while: then what is shown may be quite another page by now.
            let (was_heard, was_away) = (Cell::new(false), Cell::new(false));
            keep(Stream::open(Source {
                topic: "runs".to_owned(),
                from: String::new(),
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
                                let is_covered = rows.are_told_by(&reset.runs);
                                take(reset.runs);
                                if was_away.take() {
                                    load_again(rows, ask.clone());
                                } else if !is_covered {
                                    look_again(rows, ask.clone(), take.clone());
                                }
                            }
                        }
                        _ => {
                            if let Ok(hello) = serde_json::from_str::<Hello>(&frame.data) {
                                clock.set(hello.server_now);
                            }
                            if was_heard.replace(true) && link.get_untracked() != Link::Live {
                                was_away.set(true);
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

    /// A run as it is now: in its row, or counted if it is newer than all that are shown.
    fn take_in(rows: Rows, ask: &RunListAsk, seen: StoredValue<HashSet<String>>, run: RunSummary) {
        let id = run.id.to_string();
        if let Some(row) = rows.get(&id) {
            row.set(run);
        } else if ask.cursor.is_none() {
            let is_new = rows
                .order
                .with_untracked(|order| order.first().is_none_or(|first| id > *first));
            if !is_new || !seen.try_update_value(|seen| seen.insert(id)).unwrap_or(false) {
                return;
            }
            if ask.q.is_empty() {
                rows.n_new.update(|n| *n += 1);
            } else {
                count_new(rows, ask.clone());
            }
        }
    }

    /// How long is waited for others before it is asked which new runs fit: only the server knows the query.
    const PAUSE: Duration = Duration::from_millis(500);

    fn count_new(rows: Rows, ask: RunListAsk) {
        if rows
            .is_due
            .try_update_value(|is_due| std::mem::replace(is_due, true))
            != Some(false)
        {
            return;
        }
        set_timeout(
            move || {
                rows.is_due.try_set_value(false);
                spawn_local(async move {
                    let Ok(list) = crate::fns::board::list_runs(ask).await else {
                        return;
                    };
                    let first = rows
                        .order
                        .try_with_untracked(|order| order.first().cloned())
                        .flatten()
                        .unwrap_or_default();
                    let newer = list.page.items.iter().filter(|run| run.id.to_string() > first);
                    rows.n_new.try_set(newer.count());
                });
            },
            PAUSE,
        );
    }

    /// Asks for the page as it is now, and changes the rows that are shown in place: nothing moves under a pointer.
    fn look_again(rows: Rows, ask: RunListAsk, take: impl Fn(Vec<RunSummary>) + 'static) {
        spawn_local(async move {
            if let Ok(list) = crate::fns::board::list_runs(ask).await
                && rows.n_new.try_get_untracked().is_some()
            {
                take(list.page.items);
            }
        });
    }

    /// Asks for the page as it is now, and puts it in place. A page that cannot be had leaves what is shown.
    pub(super) fn load_again(rows: Rows, ask: RunListAsk) {
        spawn_local(async move {
            if let Ok(list) = crate::fns::board::list_runs(ask).await
                && rows.n_new.try_get_untracked().is_some()
            {
                rows.replace(list.page);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use flow::view::RunStatus;

    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        let mut map = ParamsMap::new();
        for (name, value) in [
            ("state", "failed"),
            ("state", "x"),
            ("flow", " a "),
            ("q", " b c "),
            ("cursor", ""),
        ] {
            map.insert(name.to_owned(), value.to_owned());
        }
        let ask = RunListAsk {
            q: "b c".to_owned(),
            states: vec!["failed".to_owned(), "x".to_owned()],
            flow: Some("a".to_owned()),
            cursor: None,
        };
        assert_eq!(read_query(&map), ask);
        assert_eq!(address("", None), "/runs");
        assert_eq!(
            address("dur:>5m b", Some("run_1")),
            "/runs?q=dur%3A%3E5m%20b&cursor=run_1"
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
            // Of the queued one nobody has told, of the one that has succeeded nothing more will come.
            assert!(!rows.are_told_by(&[run(2, "succeeded")]));
            assert!(rows.are_told_by(&[run(3, "running")]));
        });
    }
}
