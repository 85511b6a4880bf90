//! A run: its state, the graph or the list of its tasks, and the inspector beside them.

use flow::TaskIx;
use flow::plan::Spot;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_params_map, use_query_map};

use super::inspector::Inspector;
use super::run_actions::Actions;
use super::run_retry::Again;
use super::run_tasks::TaskList;
use super::run_why::{RunLink, Standing, reasons};
use crate::error::AppError;
use crate::fns;
use crate::format;
use crate::graph::{self, stage, svg};
use crate::icons::Icon;
use crate::live::run::LiveRun;
use crate::look;
use crate::model::{self, Reasons, Usual};
use crate::parts::{Badge, Clock, Failure, Loading, Moment};

/// The run that the address names. `?task=` opens a task, an item or an iteration, `?view=tasks` lists the tasks, `?do=retry` shows
/// what would run again (`&from=` from a task on, `&inputs=` with others), `?items=` and `&at=` page through the items of a task.
#[component]
pub fn RunPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
    let page = Resource::new(move || id.get(), fns::run);
    view! {
        <Suspense fallback=Loading>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <Run page/> }.into_any(),
                    Err(error) => view! { <Failure error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// What the parts of the page share.
#[derive(Clone, Copy)]
pub struct Shared {
    /// The run.
    pub run: LiveRun,
    /// Its id.
    pub id: flow::RunId,
    /// The open task run; it may be that of an item.
    pub selected: Memo<Option<Spot>>,
    /// Whether the tasks are listed instead of drawn.
    pub as_list: Memo<bool>,
    /// What is asked about running it again.
    pub again: Memo<Option<Again>>,
    /// What only the server knows of why nothing happens.
    pub reasons: Resource<Reasons>,
}

impl Shared {
    /// The address of this page with another task open.
    pub fn address(self, task: Option<&str>, as_list: bool) -> String {
        self.with_query(as_list, &[("task", task)])
    }

    /// The address of what would run again.
    pub fn retry_address(self, from: Option<&str>) -> String {
        self.with_query(self.as_list.get(), &[("do", Some("retry")), ("from", from)])
    }

    /// The same with what is asked about it.
    pub fn again_address(self, again: &Again) -> String {
        let query = [
            ("do", Some("retry")),
            ("from", again.from.as_deref()),
            ("inputs", again.inputs.as_deref()),
        ];
        self.with_query(self.as_list.get(), &query)
    }

    /// The address of a page of the open task's items.
    pub fn items_address(self, state: Option<&str>, at: u32) -> String {
        let task = self.selected_key();
        let at = (at > 0).then(|| at.to_string());
        let query = [("task", task.as_deref()), ("items", state), ("at", at.as_deref())];
        self.with_query(self.as_list.get(), &query)
    }

    /// The address of the page as it is: where its forms are sent without scripts.
    pub fn here(self) -> String {
        match self.again.get() {
            Some(again) => self.again_address(&again),
            None => self.address(self.selected_key().as_deref(), self.as_list.get()),
        }
    }

    fn with_query(self, as_list: bool, query: &[(&str, Option<&str>)]) -> String {
        let view = ("view", as_list.then_some("tasks"));
        let parts: Vec<String> = std::iter::once(&view)
            .chain(query)
            .filter_map(|(name, value)| Some(format!("{name}={}", format::url_part((*value)?))))
            .collect();
        let query = if parts.is_empty() {
            String::new()
        } else {
            format!("?{}", parts.join("&"))
        };
        format!("/runs/{}{query}", self.id)
    }

    /// The open task run's path.
    pub fn selected_key(self) -> Option<String> {
        let spot = self.selected.get()?;
        self.run.with(|state| Some(state.plan().path(spot).to_string()))
    }

    /// The open task, or that of the open item.
    pub fn selected_task(self) -> Option<TaskIx> {
        self.selected.get().map(|spot| spot.task)
    }
}

#[component]
fn Run(page: model::RunPage) -> impl IntoView {
    let query = use_query_map();
    let clock = expect_context::<Clock>();
    clock.set(page.server_now);
    let (id, name, usual) = (page.summary.id, page.summary.flow_name.clone(), page.usual);
    let inputs = page.inputs.clone();
    let Some(run) = LiveRun::new(page) else {
        let error = AppError::new(
            500,
            "snapshot",
            "This page was made by another version of Pointwork. Load it again.",
        );
        return view! { <Failure error/> }.into_any();
    };
    let again = Memo::new(move |_| {
        let query = query.read();
        let filled = |name: &str| query.get(name).filter(|text| !text.trim().is_empty());
        (query.get("do").as_deref() == Some("retry")).then(|| Again {
            from: filled("from"),
            inputs: filled("inputs"),
        })
    });
    let selected = Memo::new(move |_| {
        let task = match again.get() {
            Some(again) => again.from,
            None => query.read().get("task"),
        };
        run.with(|state| state.plan().spot(&task?))
    });
    let as_list = Memo::new(move |_| query.read().get("view").as_deref() == Some("tasks"));
    let shared = Shared {
        run,
        id,
        selected,
        as_list,
        again,
        reasons: reasons(run, id),
    };
    let handle = stage::Handle::default();
    #[cfg(feature = "hydrate")]
    super::run_follow::follow(shared, handle);
    let navigate = use_navigate();
    // Escape closes the open task, wherever the focus is on the page; it stays where it is.
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let is_open = shared.selected.get_untracked().is_some() || shared.again.get_untracked().is_some();
        if event.key() == "Escape" && is_open {
            let options = NavigateOptions {
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&shared.address(None, shared.as_list.get_untracked()), options);
        }
    };
    view! {
        <Title text=format!("{name} · {} · Pointwork", format::short_id(&id.to_string()))/>
        <div class="run-page" on:keydown=on_key>
            <Head shared usual/>
            <div class="run-board">
                <Tabs shared/>
                <Show when=move || as_list.get() fallback=move || view! { <Graph shared handle/> }>
                    <TaskList shared/>
                </Show>
            </div>
            <Inspector shared inputs/>
        </div>
    }
    .into_any()
}

#[component]
fn Head(shared: Shared, usual: Option<Usual>) -> impl IntoView {
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
                {usual.map(|usual| view! { <UsualTime usual/> })}
                <span class="grow"></span>
                <Actions shared/>
            </div>
            <div class="line">
                <dl class="facts">
                    <div class="id"><dt>"run"</dt><dd><code>{fixed.id.to_string()}</code></dd></div>
                    <div><dt>"started"</dt><dd><Moment at=fixed.started_at.unwrap_or(fixed.created_at)/></dd></div>
                    <div>
                        <dt>"version"</dt>
                        <dd>
                            <a class="num" href=format!("/flows/{}?version={}", format::url_part(&fixed.flow), fixed.version)>
                                {fixed.version}
                            </a>
                        </dd>
                    </div>
                    <div><dt>"trigger"</dt><dd>{fixed.trigger}</dd></div>
                    {fixed.retry_of.map(|of| view! { <div><dt>"made from"</dt><dd><RunLink run=of/></dd></div> })}
                    {parent}
                </dl>
                {labels}
            </div>
            <Standing shared/>
        </div>
    }
}

/// How long such a run usually takes, and what "usually" means.
#[component]
fn UsualTime(usual: Usual) -> impl IntoView {
    let of = match usual.n_runs {
        1 => " (the last that succeeded)".to_owned(),
        n => format!(" (median of the last {n} that succeeded)"),
    };
    view! {
        <span class="usual muted num">
            {format!("usually {}", format::duration(usual.ms))} <span class="of">{of}</span>
        </span>
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
            (Some(start), None) => format::ticking(format::span(start, clock.now_or(run.rendered_at))),
        }
    }
}

#[component]
fn Tabs(shared: Shared) -> impl IntoView {
    let link = move |as_list: bool| move || shared.address(shared.selected_key().as_deref(), as_list);
    let current = move |as_list: bool| move || (shared.as_list.get() == as_list).then_some("page");
    let counts = move || {
        let counts = shared.run.summary.with(|summary| summary.counts);
        let n_retrying = match counts.waiting {
            0 => 0,
            _ => shared.run.n_retrying(),
        };
        look::told_counts(counts, n_retrying)
            .into_iter()
            .map(|(look, n)| {
                view! {
                    <span class="count num" data-state=look.key>
                        <Icon name=format!("s-{}", look.key)/>
                        {format!("{n} {}", look.word)}
                    </span>
                }
            })
            .collect_view()
    };
    view! {
        <nav class="tabs" aria-label="View">
            <a class="tab" href=link(false) aria-current=current(false) data-noscroll="true">
                <Icon name="u-flows"/>
                "Graph"
            </a>
            <a class="tab" href=link(true) aria-current=current(true) data-noscroll="true">
                <Icon name="u-list"/>
                "Tasks"
            </a>
            <div class="counts-line">{counts}</div>
        </nav>
    }
}

#[component]
fn Graph(shared: Shared, handle: stage::Handle) -> impl IntoView {
    let run = shared.run;
    let navigate = use_navigate();
    let on_select = Callback::new(move |ix: usize| {
        let key = run.with(|state| state.plan().task(ix as TaskIx).key.to_string());
        let options = NavigateOptions {
            scroll: false,
            ..NavigateOptions::default()
        };
        navigate(&shared.address(Some(&key), false), options);
    });
    let selected = Signal::derive(move || shared.selected_task().map(|ix| ix as usize));
    view! { <stage::Stage svg=draw(shared) handle selected on_select/> }
}

/// The drawing as it is right now.
fn draw(shared: Shared) -> String {
    if crate::is_hydrating() {
        return String::new();
    }
    let run = shared.run;
    let view = graph::view(&run.plan());
    run.with(|state| {
        let now = run.rendered_at.max(state.last_at());
        let cards: Vec<_> = (0..view.cards.len())
            .map(|ix| graph::state::card(&state.task_view(ix as TaskIx), now, view.cards[ix].height))
            .collect();
        let taken: Vec<_> = state
            .edges()
            .iter()
            .map(|edge| graph::state::taken(*edge))
            .collect();
        let label = format!("Graph of the run's tasks: {}", state.plan().doc.title());
        let link = format!("/runs/{}", shared.id);
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
