//! A run: its state, its tasks as a graph, an outline, a timeline, a table or what they wrote, and the inspector beside them. Below them stands the scrubber.

use std::sync::Arc;

use flow::TaskIx;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_params_map, use_query_map};

use super::inspector::Inspector;
use super::run_actions::Actions;
use super::run_lineage::{Lineage, UsualTime};
use super::run_log::RunLog;
use super::run_outline::Outline;
use super::run_scrubber::{Scrubber, travel};
pub use super::run_shared::{Shared, View};
use super::run_tasks::TaskList;
use super::run_timeline::Timeline;
use super::run_why::{RunLink, Standing};
use crate::capsule::Capsule;
use crate::error::AppError;
use crate::fns;
use crate::format;
use crate::graph::ink::Ink;
use crate::graph::{self, stage, svg};
use crate::icons::Icon;
use crate::live::run::LiveRun;
use crate::look;
use crate::model::{self, Usual};
use crate::parts::{Badge, Clock, Failure, Loading, Moment};

/// The run that the address names. `?task=` opens a task, an item or an iteration, `&attempt=` one of its attempts, `?view=outline`, `?view=timeline`, `?view=tasks` and `?view=log` show the tasks
/// otherwise, `?at=` shows the moment after that event, `?do=retry` what would run again (`&from=` from a task on, `&inputs=` with
/// others), `?items=` and `&first=` page through the items of a task. Timeline, table and log have parameters of their own.
#[component]
pub fn RunPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
    // Where the page begins; from there on it travels by itself.
    let page = Resource::new(
        move || id.get(),
        move |id| {
            let at = query.read_untracked().get("at");
            fns::run(id, at.and_then(|at| at.parse().ok()))
        },
    );
    view! {
        <Suspense fallback=Loading>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <Run page capsule=None/> }.into_any(),
                    Err(error) => view! { <Failure error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// A run, from the server or from a file.
#[component]
pub fn Run(page: model::RunPage, capsule: Option<Arc<Capsule>>) -> impl IntoView {
    let clock = expect_context::<Clock>();
    clock.set(page.server_now);
    let (id, name, usual) = (page.summary.id, page.summary.flow_name.clone(), page.usual);
    let (inputs, relatives) = (page.inputs.clone(), page.relatives.clone());
    let Some(run) = LiveRun::new(page) else {
        let error = AppError::new(
            500,
            "snapshot",
            "This page was made by another version of Pointwork. Load it again.",
        );
        return view! { <Failure error/> }.into_any();
    };
    let shared = Shared::new(run, id, capsule);
    let handle = stage::Handle::default();
    let travel = travel(shared);
    #[cfg(feature = "hydrate")]
    {
        super::run_follow::follow(shared, handle);
        super::run_keys::listen(shared);
    }
    let navigate = use_navigate();
    // Escape closes the open task, wherever the focus is on the page; it stays where it is.
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let is_open = shared.selected.get_untracked().is_some() || shared.again.get_untracked().is_some();
        if event.key() == "Escape" && is_open {
            navigate(&untrack(|| shared.address(None)), stay());
        }
    };
    let board = move || match shared.view.get() {
        View::Graph => view! { <Graph shared handle/> }.into_any(),
        View::Outline => view! { <Outline shared/> }.into_any(),
        View::Timeline => view! { <Timeline shared usual/> }.into_any(),
        View::Tasks => view! { <TaskList shared/> }.into_any(),
        View::Log => view! { <RunLog shared/> }.into_any(),
    };
    // Who follows a link to a task wants to read of it: on a small screen, where one stands below the other, the inspector comes first
    // then. It goes to its place once the task is closed, and stays there.
    let is_open = move || shared.selected.with(Option::is_some) || shared.again.with(Option::is_some);
    let is_led = Memo::new(move |before: Option<&bool>| is_open() && before != Some(&false));
    view! {
        <Title text=format!("{name} · {} · Pointwork", format::short_id(&id.to_string()))/>
        <div class="run-page" class:past=move || run.is_past() class:led=is_led on:keydown=on_key>
            <Head shared usual relatives/>
            <div class="run-board">
                <Tabs shared/>
                {board}
                <Scrubber shared travel/>
            </div>
            <Inspector shared inputs/>
        </div>
    }
    .into_any()
}

/// A move within the page leaves it where it is.
pub(super) fn stay() -> NavigateOptions {
    NavigateOptions {
        scroll: false,
        ..NavigateOptions::default()
    }
}

#[component]
fn Head(shared: Shared, usual: Option<Usual>, relatives: model::Relatives) -> impl IntoView {
    let run = shared.run;
    let fixed = run.summary.get_untracked();
    let look = Signal::derive(move || look::run(run.status()));
    let labels = fixed
        .labels
        .iter()
        .map(|(name, value)| view! { <span class="chip">{format!("{name}={value}")}</span> })
        .collect_view();
    let parent = run.with(|state| state.parent().cloned()).map(|parent| {
        let href = format!("/runs/{}?task={}", parent.run, format::url_part(&parent.task));
        let (id, task) = (parent.run.to_string(), parent.task.to_string());
        view! {
            <div>
                <dt>"started by"</dt>
                <dd>
                    <a href=href title=format!("{}", parent.run)>
                        {task}
                        " of "
                        <code>{format::short_id(&id).to_owned()}</code>
                    </a>
                </dd>
            </div>
        }
    });
    view! {
        <div class="run-head">
            <div class="line">
                <Badge look large=true/>
                <h1 class="cut">
                    <a href=format!("/flows/{}", format::url_part(&fixed.flow))>{fixed.flow_name}</a>
                </h1>
                <span class="elapsed num"><Elapsed run/></span>
                {usual.map(|usual| view! { <UsualTime shared usual/> })}
                <span class="grow"></span>
                {move || (!shared.is_read_only()).then(|| view! { <Actions shared/> })}
            </div>
            <div class="line">
                <dl class="facts">
                    <div class="id"><dt>"run"</dt><dd><code>{fixed.id.to_string()}</code></dd></div>
                    <div><dt>"started"</dt><dd><Moment at=fixed.started_at.unwrap_or(fixed.created_at)/></dd></div>
                    <div>
                        <dt>"version"</dt>
                        <dd>
                            <a class="num" href=format!("/flows/{}?version={}", format::url_part(&fixed.flow), fixed.version)>
                                {format::version(fixed.version)}
                            </a>
                        </dd>
                    </div>
                    <div><dt>"trigger"</dt><dd>{fixed.trigger}</dd></div>
                    {fixed.retry_of.map(|of| view! { <div><dt>"made from"</dt><dd><RunLink run=of/></dd></div> })}
                    {parent}
                    <Lineage shared relatives/>
                </dl>
                {labels}
            </div>
            <Standing shared/>
        </div>
    }
}

/// How long the run took or has been at work, by the server's clock.
#[component]
fn Elapsed(run: LiveRun) -> impl IntoView {
    let clock = expect_context::<Clock>();
    move || {
        let (started, finished) = run
            .summary
            .with(|summary| (summary.started_at, summary.finished_at));
        match (started, finished) {
            (None, _) => String::new(),
            (Some(start), Some(end)) => format::duration(format::span(start, end)),
            (Some(start), None) => format::ticking(format::span(start, run.now(clock))),
        }
    }
}

#[component]
fn Tabs(shared: Shared) -> impl IntoView {
    let tab = move |view: View, icon: &'static str, name: &'static str, keys: &'static str| {
        let current = move || (shared.view.get() == view).then_some("page");
        view! {
            <a class="tab" href=move || shared.view_address(view) aria-current=current data-keys=keys data-noscroll="true">
                <Icon name=icon/>
                {name}
            </a>
        }
    };
    view! {
        <nav class="tabs" aria-label="View">
            {tab(View::Graph, "u-flows", "Graph", "l")}
            {tab(View::Outline, "u-outline", "Outline", "l")}
            {tab(View::Timeline, "u-timeline", "Timeline", "t")}
            {tab(View::Tasks, "u-list", "Tasks", "k")}
            {tab(View::Log, "t-log", "Log", "o")}
            <div class="counts-line"><TaskCounters shared/></div>
        </nav>
    }
}

/// How many tasks are in which state, each a link to exactly those.
#[component]
fn TaskCounters(shared: Shared) -> impl IntoView {
    move || {
        // The table has counters of its own, which know of items.
        if shared.view.get() == View::Tasks {
            return None;
        }
        let counts = shared.run.summary.with(|summary| summary.counts);
        let n_retrying = match counts.waiting {
            0 => 0,
            _ => shared.run.n_retrying(),
        };
        let links = look::told_counts(counts, n_retrying)
            .into_iter()
            .map(|(look, n)| {
                // What waits for its next attempt waits.
                let state = if look.key == "retrying" {
                    "waiting"
                } else {
                    look.key
                };
                let href = shared.changed(
                    View::Tasks,
                    &[
                        ("state", Some(state)),
                        ("rows", None),
                        ("under", None),
                        ("text", None),
                    ],
                );
                view! {
                    <a class="count num" data-state=look.key href=href data-noscroll="true">
                        <Icon name=format!("s-{}", look.key)/>
                        {format!("{n} {}", look.word)}
                    </a>
                }
            });
        Some(links.collect_view())
    }
}

#[component]
fn Graph(shared: Shared, handle: stage::Handle) -> impl IntoView {
    let run = shared.run;
    let navigate = use_navigate();
    let on_select = Callback::new(move |ix: usize| {
        let key = run.with(|state| state.plan().task(ix as TaskIx).key.to_string());
        navigate(&untrack(|| shared.address(Some(&key))), stay());
    });
    let selected = Signal::derive(move || shared.selected_task().map(|ix| ix as usize));
    let clock = expect_context::<Clock>();
    view! { <stage::Stage svg=draw(shared) ink=Arc::new(RunInk { shared, clock }) handle selected on_select/> }
}

/// The run, for what comes into sight of its drawing later.
struct RunInk {
    shared: Shared,
    clock: Clock,
}

impl Ink for RunInk {
    fn plan(&self) -> Arc<flow::Plan> {
        self.shared.run.plan()
    }

    fn link(&self) -> String {
        self.shared.base()
    }

    fn card(&self, card: usize, height: f64) -> Option<graph::state::CardState> {
        let run = self.shared.run;
        let now = untrack(|| run.now(self.clock));
        Some(run.card(card as TaskIx, now, height))
    }

    fn key(&self, card: usize) -> &'static str {
        self.shared.run.key(card as TaskIx)
    }

    fn taken(&self, track: usize) -> &'static str {
        let state = self.shared.run.with(|state| state.edges().get(track).copied());
        state.map_or("", graph::state::taken)
    }
}

/// The drawing as it is right now.
fn draw(shared: Shared) -> String {
    if crate::is_hydrating() {
        return String::new();
    }
    let run = shared.run;
    let view = graph::view(&run.plan());
    run.with(|state| {
        let past = run.instant.get_untracked().map(|instant| instant.at);
        let now = past.unwrap_or_else(|| run.rendered_at.max(state.last_at()));
        let cards: Vec<_> = (0..view.cards.len())
            .map(|ix| graph::state::card(&state.task_view(ix as TaskIx), now, view.cards[ix].height))
            .collect();
        let taken: Vec<_> = state
            .edges()
            .iter()
            .map(|edge| graph::state::taken(*edge))
            .collect();
        let label = format!("Graph of the run's tasks: {}", state.plan().doc.title());
        let link = shared.base();
        svg::svg(
            &view,
            &svg::Drawing {
                label: &label,
                link: &link,
                cards: &cards,
                taken: &taken,
                selected: shared.selected.get_untracked().map(|spot| spot.task as usize),
            },
        )
    })
}
