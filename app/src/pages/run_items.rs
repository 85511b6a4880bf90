//! The items of a task, or its iterations: how they stand, by page and by state, each with a link to what is known of it. The page
//! and the state are in the address; the rows come from the run as the page has it, so they change with it.

use flow::plan::Spread;
use flow::view::{TaskRunView, TaskStatus};
use flow::{TaskIx, view::TaskCounts};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::run::Shared;
use crate::format;
use crate::graph::state::elapsed;
use crate::icons::Icon;
use crate::look;
use crate::parts::Clock;

/// So many rows stand in a page.
const ROWS_MAX: usize = 50;

/// What a part of a task is called.
#[must_use]
pub(super) const fn words(spread: Option<Spread>) -> (&'static str, &'static str) {
    match spread {
        Some(Spread::Loop) => ("iteration", "iterations"),
        _ => ("item", "items"),
    }
}

/// The list of a task that has some.
#[component]
pub fn Items(shared: Shared, ix: TaskIx, task: Memo<TaskRunView>) -> impl IntoView {
    let query = use_query_map();
    let counts = Memo::new(move |_| task.with(|task| task.parts));
    let chosen = Memo::new(move |_| {
        let query = query.read();
        TaskStatus::from_key(query.get("items").as_deref().unwrap_or_default())
    });
    let first = Memo::new(move |_| {
        let query = query.read();
        query
            .get("first")
            .and_then(|at| at.parse::<u32>().ok())
            .unwrap_or(0)
    });
    let page = Memo::new(move |_| shared.run.items(ix, chosen.get(), first.get(), ROWS_MAX));
    let (one, many) = words(shared.run.plan().task(ix).spread);
    move || {
        let all = counts.get()?;
        Some(view! {
            <section class="items" aria-labelledby="items-title">
                <h3 id="items-title">
                    {capital(many)} " " <span class="muted num">{format::thousands(u64::from(all.total()))}</span>
                </h3>
                <Filters shared counts chosen one many/>
                <ol class="item-rows" aria-label=capital(many)>
                    {move || page.with(|(rows, _)| rows.iter().map(|item| view! { <Row shared item=item.clone()/> }).collect_view())}
                </ol>
                {move || {
                    page.with(|(rows, _)| rows.is_empty())
                        .then(|| view! { <p class="muted">{format!("No {one} is in this state.")}</p> })
                }}
                <Pager shared page first chosen/>
            </section>
        })
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + chars.as_str()
    })
}

/// The counts, each a link to exactly those it counts.
#[component]
fn Filters(
    shared: Shared,
    counts: Memo<Option<TaskCounts>>,
    chosen: Memo<Option<TaskStatus>>,
    one: &'static str,
    many: &'static str,
) -> impl IntoView {
    let link = move |state: Option<TaskStatus>, n: u32| {
        let (key, word) = match state {
            Some(TaskStatus::Blocked) => ("blocked", "to come"),
            Some(state) => (look::status(state).key, look::status(state).word),
            None => ("plan", "all"),
        };
        let href = move || shared.items_address(state.map(TaskStatus::key), 0);
        let current = move || (chosen.get() == state).then_some("true");
        let title = format!("{} {word}", format::count(u64::from(n), one, many));
        view! {
            <a class="count" data-state=key href=href aria-current=current title=title data-noscroll="true">
                {state.map(|_| view! { <Icon name=format!("s-{key}")/> })}
                <span class="num">{format::thousands(u64::from(n))}</span>
                " "
                {word}
            </a>
        }
    };
    view! {
        <nav class="item-filters" aria-label="By state">
            {move || {
                let all = counts.get().unwrap_or_default();
                let each = look::counts(all)
                    .into_iter()
                    .map(|(state, n)| link(Some(state), n))
                    .collect_view();
                view! { {link(None, all.total())} {each} }
            }}
        </nav>
    }
}

#[component]
fn Row(shared: Shared, item: TaskRunView) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let look = look::task(&item);
    let path = item.path.clone();
    let mark = path
        .rfind(['[', '#'])
        .and_then(|at| path.get(at..))
        .unwrap_or(&path)
        .to_owned();
    let href = {
        let path = path.clone();
        move || shared.address(Some(&path))
    };
    let attempt = (item.attempt > 1
        || (item.max_attempts > 1 && item.attempt > 0 && !item.attempts.is_empty()))
    .then(|| format!("{}/{}", item.attempt, item.max_attempts.max(item.attempt)));
    let why = match item.state {
        TaskStatus::Succeeded | TaskStatus::Running => None,
        TaskStatus::Blocked => None,
        _ => look::why(&item),
    };
    let took = move || {
        let now = match item.finished_at {
            None if item.started_at.is_some() => shared.run.now(clock),
            _ => shared.run.rendered_at,
        };
        elapsed(&item, now)
    };
    view! {
        <li data-state=look.key>
            <a href=href data-noscroll="true" aria-label=format!("{path}: {}", look.word)>
                <Icon name=format!("s-{}", look.key)/>
                <strong class="num">{mark}</strong>
                <span class="word">{look.word}</span>
                <span class="num muted">{attempt}</span>
                <span class="num soft">{took}</span>
                {why.map(|why| {
                    let title = why.clone();
                    view! { <span class="why cut" title=title>{why}</span> }
                })}
            </a>
        </li>
    }
}

#[component]
fn Pager(
    shared: Shared,
    page: Memo<(Vec<TaskRunView>, Option<u32>)>,
    first: Memo<u32>,
    chosen: Memo<Option<TaskStatus>>,
) -> impl IntoView {
    let address = move |at: u32| shared.items_address(chosen.get().map(TaskStatus::key), at);
    move || {
        let (first, next) = (first.get(), page.with(|(_, next)| *next));
        // Where the page before one of a single state begins is known to nobody.
        let (before, back) = match chosen.get() {
            None => (
                first.saturating_sub(ROWS_MAX as u32),
                format!("Previous {ROWS_MAX}"),
            ),
            Some(_) => (0, "From the first".to_owned()),
        };
        (first > 0 || next.is_some()).then(|| {
            view! {
                <nav class="pager" aria-label="Pages">
                    {(first > 0).then(|| view! { <a class="button small" href=address(before) data-noscroll="true">{back}</a> })}
                    <span class="grow"></span>
                    {next.map(|next| view! { <a class="button small" href=address(next) data-noscroll="true">{format!("Next {ROWS_MAX}")}</a> })}
                </nav>
            }
        })
    }
}
