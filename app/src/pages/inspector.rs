//! Beside the graph: the open task with everything known of it, or the run's inputs and outputs.

use flow::plan::{Spot, Spread};
use flow::steps::{push_field, push_place};
use flow::view::{RunStatus, TaskRunView, TaskStatus};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde_json::Value;

use super::attempts::Attempts;
use super::logs::Logs;
use super::run::Shared;
use super::run_answer::Answer;
use super::run_items::{self, Items};
use super::run_last_words::LastWords;
use super::run_past::ItemPast;
use super::run_retry::Retry;
use super::run_why::{RunLink, Why};
use crate::error::AppError;
use crate::fns;
use crate::format;
use crate::graph::state::elapsed;
use crate::icons::{Icon, of_task_type};
use crate::look;
use crate::model::{SchemaRow, ValueView};
use crate::parts::{Badge, Clock, Moment, Said, Tree};
use crate::values::Part;

/// The panel.
#[component]
pub fn Inspector(shared: Shared, inputs: Value) -> impl IntoView {
    let inputs = StoredValue::new(inputs);
    let panel = NodeRef::<leptos::html::Aside>::new();
    #[cfg(feature = "hydrate")]
    bring_into_sight(shared, panel);
    view! {
        <aside class="inspector" aria-label="Inspector" node_ref=panel>
            {move || match (shared.again.get(), shared.selected.get()) {
                (Some(again), _) => view! { <Retry shared again inputs=inputs.get_value()/> }.into_any(),
                (None, Some(spot)) => view! { <Open shared spot/> }.into_any(),
                (None, None) => view! { <RunValues shared inputs=inputs.get_value()/> }.into_any(),
            }}
        </aside>
    }
}

/// Where the panel stands below the graph, a task that is chosen is off the screen: the page scrolls to it, and back to the
/// graph when it is closed.
#[cfg(feature = "hydrate")]
fn bring_into_sight(shared: Shared, panel: NodeRef<leptos::html::Aside>) {
    Effect::new(move |before: Option<Option<(Option<Spot>, bool)>>| {
        let (spot, is_again) = (shared.selected.get(), shared.again.with(Option::is_some));
        let chosen = (is_again || spot.is_some()).then_some((spot, is_again));
        if before.is_some_and(|before| before != chosen) {
            request_animation_frame(move || {
                let Some(panel) = panel.try_get_untracked().flatten() else {
                    return;
                };
                let is_beside = window()
                    .match_media("(min-width: 1100px)")
                    .ok()
                    .flatten()
                    .is_some_and(|wide| wide.matches());
                let board = panel.previous_element_sibling();
                match (is_beside, chosen, board) {
                    (true, ..) => {}
                    (false, Some(_), _) => panel.scroll_into_view(),
                    (false, None, Some(board)) => board.scroll_into_view(),
                    (false, None, None) => {}
                }
            });
        }
        chosen
    });
}

#[component]
fn RunValues(shared: Shared, inputs: Value) -> impl IntoView {
    let run = shared.run;
    let query = use_query_map();
    let error = move || run.summary.with(|summary| summary.error.clone());
    let outputs = move || match run.outputs.get().filter(|value| !value.is_null()) {
        Some(value) => Some(view! { <RunValue title="Outputs" value root=""/> }.into_any()),
        None => (run.status() == RunStatus::Succeeded)
            .then(|| view! { <p class="muted">"It gave nothing."</p> }.into_any()),
    };
    view! {
        <div class="side">
        <header>
            <div class="grow">
                <h2>"The run"</h2>
                <p class="muted">"Choose a task to see what it did."</p>
            </div>
        </header>
        <div class="details">
        {move || {
            let unknown = query.read().get("task").filter(|task| !task.is_empty() && shared.selected.get().is_none());
            unknown.map(|path| view! {
                <p class="note" data-state="attention"><Icon name="s-attention"/>{format!("This run has no task “{path}”.")}</p>
            })
        }}
        {move || {
            error().map(|error| {
                let task = error.task.clone();
                let href = task.as_deref().map(|task| shared.address(Some(task)));
                let name = task.as_deref().map(|key| {
                    run.with(|state| state.plan().find(key).map_or_else(|| key.to_owned(), |ix| state.plan().name_of(ix)))
                });
                view! {
                    <div class="note" data-state="failed">
                        <Icon name="s-failed"/>
                        <div class="grow">
                            <strong><Said text=error.message/></strong>
                            {name.map(|name| view! { <p>"in " <a href=href data-noscroll="true">{name}</a></p> })}
                        </div>
                    </div>
                }
            })
        }}
        <LastWords shared/>
        {if is_empty(&inputs) {
            view! { <p class="muted">"It was given no inputs."</p> }.into_any()
        } else {
            let schema = SchemaRow::of_inputs(&run.plan().doc.inputs);
            view! { <RunValue title="Inputs" value=inputs root="inputs" schema/> }.into_any()
        }}
        {outputs}
        </div>
        </div>
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// What the run was given, or gave.
#[component]
fn RunValue(
    title: &'static str,
    value: Value,
    root: &'static str,
    #[prop(optional)] schema: Vec<SchemaRow>,
) -> impl IntoView {
    let part = Part::of(&value);
    let is_cut = !part.more.is_empty();
    view! {
        <section>
            <h3>{title}</h3>
            <Tree part root label=title/>
            {is_cut.then(|| view! { <p class="muted">"Not all of it is shown."</p> })}
            <Schema rows=schema/>
        </section>
    }
}

/// The open task run. An item has none before its task has listed it.
#[component]
fn Open(shared: Shared, spot: Spot) -> impl IntoView {
    let is_there = Memo::new(move |_| shared.run.at(spot).is_some());
    move || match is_there.get() {
        true => view! { <Task shared spot/> }.into_any(),
        false => view! { <NotYet shared spot/> }.into_any(),
    }
}

#[component]
fn NotYet(shared: Shared, spot: Spot) -> impl IntoView {
    let path = shared.run.plan().path(spot);
    let (one, _) = run_items::words(shared.run.plan().task(spot.task).spread);
    view! {
        <div class="side">
            <header>
                <div class="grow">
                    <h2>{path.to_string()}</h2>
                </div>
                <a
                    class="button quiet square"
                    href=move || shared.address(None)
                    aria-label="Close"
                    title="Close"
                    data-noscroll="true"
                >
                    <Icon name="u-close"/>
                </a>
            </header>
            <p class="muted">{format!("There is no such {one}, or not yet.")}</p>
        </div>
    }
}

/// Whose item or iteration it is, and its neighbours.
#[component]
fn Neighbours(shared: Shared, spot: Spot, part: u32) -> impl IntoView {
    let plan = shared.run.plan();
    let (one, many) = run_items::words(plan.task(spot.task).spread);
    let all = plan.task(spot.task).key.to_string();
    let link = move |part: Option<u32>, name: String, icon: &'static str| {
        let path = part.map(|part| shared.run.plan().path(Spot::part(spot.task, part)).to_string());
        let is_there = move || part.is_some_and(|part| shared.run.at(Spot::part(spot.task, part)).is_some());
        move || {
            is_there().then(|| {
                view! {
                    <a
                        class="button quiet square"
                        href=shared.address(path.as_deref())
                        aria-label=name.clone()
                        title=name.clone()
                        data-noscroll="true"
                    >
                        <Icon name=icon/>
                    </a>
                }
            })
        }
    };
    view! {
        <nav class="neighbours" aria-label=format!("Other {many}")>
            <a href=move || shared.address(Some(&all)) data-noscroll="true">{format!("All {many}")}</a>
            <span class="grow"></span>
            {link(part.checked_sub(1), format!("The {one} before"), "u-before")}
            {link(part.checked_add(1), format!("The next {one}"), "u-turn")}
        </nav>
    }
}

#[component]
fn Task(shared: Shared, spot: Spot) -> impl IntoView {
    let ix = spot.task;
    let task = Memo::new(move |_| shared.run.at(spot).unwrap_or_else(|| shared.run.task(ix)));
    let fixed = task.get_untracked();
    let about = shared
        .run
        .with(|state| state.plan().task(ix).doc.description.clone());
    let close = move || shared.address(None);
    let mark = spot.part.and_then(|_| {
        let at = fixed.path.rfind(['[', '#'])?;
        fixed.path.get(at..).map(str::to_owned)
    });
    let title = format!("{} ({})", fixed.path, fixed.role.replace('_', " "));
    // A single attempt says nothing that the task does not.
    let is_retried = Memo::new(move |_| task.with(|task| task.attempts.len() > 1));
    let attempts = Memo::new(move |_| task.with(|task| task.attempts.clone()));
    // Of an item that has settled the log knows the attempts.
    let attempt = Memo::new(move |_| {
        let is_there = |n: &u32| {
            spot.part.is_some()
                || attempts.with(|all| all.len() > 1 && all.iter().any(|one| one.attempt == *n))
        };
        shared.attempt().filter(is_there)
    });
    let tried = move || match (is_retried.get(), spot.part) {
        (true, _) => view! { <Attempts shared task attempts/> }.into_any(),
        (false, Some(part)) => view! { <ItemPast shared task part/> }.into_any(),
        (false, None) => view! { <Wrong task/> }.into_any(),
    };
    view! {
        <div class="side">
        <header>
            <span style="padding-top:2px"><Icon name=of_task_type(&fixed.task_type) large=true/></span>
            <div class="grow">
                <h2>{fixed.name.clone()} {mark.map(|mark| view! { " " <span class="num soft">{mark}</span> })}</h2>
                <p class="muted" title=title>
                    {fixed.task_type.clone()}
                    {(fixed.role != "main").then(|| format!(" · {}", fixed.role.replace('_', " ")))}
                </p>
            </div>
            <a class="button quiet square" href=close aria-label="Close" title="Close" data-noscroll="true">
                <Icon name="u-close"/>
            </a>
        </header>
        {spot.part.map(|part| view! { <Neighbours shared spot part/> })}
        <div class="state-line">
            <Badge look=Signal::derive(move || task.with(look::task)) large=true/>
            <Why shared task/>
        </div>
        <div class="details">
            {move || (!shared.is_read_only()).then(|| view! { <Answer shared task/> })}
            {tried}
            {about.map(|about| view! { <p class="soft">{about}</p> })}
            <Facts shared task/>
            <Again shared task/>
            {spot.part.is_none().then(|| view! { <Items shared ix task/> })}
            <Values shared task attempt key=fixed.path.clone()/>
        </div>
        </div>
        <Logs shared task attempt key=fixed.path/>
    }
}

/// Why the task run, or its last attempt, failed.
#[component]
pub(super) fn Wrong(task: Memo<TaskRunView>) -> impl IntoView {
    move || {
        task.with(|task| task.error.clone()).map(|error| {
            view! {
                <div class="note" data-state="failed">
                    <Icon name="s-failed"/>
                    <div class="grow">
                        <strong><Said text=error.message/></strong>
                        <p class="muted">{error.kind.replace('_', " ")}</p>
                    </div>
                </div>
            }
        })
    }
}

#[component]
fn Facts(shared: Shared, task: Memo<TaskRunView>) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let took = move || task.with(|task| elapsed(task, shared.run.now(clock)));
    let row = |name: &'static str, value: Option<String>| {
        value.map(|value| view! { <dt>{name}</dt><dd class="num">{value}</dd> })
    };
    view! {
        <dl class="rows">
            {move || {
                let (is_over, is_retried) = task.with(|task| (task.finished_at.is_some(), task.attempts.len() > 1));
                let name = match (is_over, is_retried) {
                    (true, true) => "took in all",
                    (true, false) => "took",
                    (false, true) => "in all so far",
                    (false, false) => "so far",
                };
                row(name, took())
            }}
            {move || row("case", task.with(|task| task.case.clone()))}
            {move || row("exit code", task.with(|task| task.exit_code.map(|code| code.to_string())))}
            {move || {
                row(
                    "attempt",
                    task.with(|task| {
                        (task.max_attempts > 1 && task.attempt > 0 && task.parts.is_none()).then(|| format!("{} of {}", task.attempt, task.max_attempts.max(task.attempt)))
                    }),
                )
            }}
            {move || task.with(|task| task.started_at).map(|at| view! { <dt>"started"</dt><dd><Moment at/></dd> })}
            {move || task.with(|task| task.finished_at).map(|at| view! { <dt>"finished"</dt><dd><Moment at/></dd> })}
            {move || task.with(|task| task.child).map(|run| view! { <dt>"its run"</dt><dd><RunLink run/></dd> })}
            {move || {
                task.with(|task| task.cached_from.clone())
                    .map(|from| view! { <dt>"result of"</dt><dd><RunLink run=from.run/> ", " <Moment at=from.at/></dd> })
            }}
        </dl>
    }
}

/// Once the run has ended it can be run again from here, or as if this had succeeded.
#[component]
fn Again(shared: Shared, task: Memo<TaskRunView>) -> impl IntoView {
    let is_main = task.with_untracked(|task| task.role == "main");
    let path = task.with_untracked(|task| task.path.clone());
    // A round of a loop is not marked: others may follow it.
    let is_round = path.contains('#');
    let has_no_result =
        move || task.with(|task| matches!(task.state, TaskStatus::Failed | TaskStatus::Cancelled));
    move || {
        let is_over = shared.run.status().is_final() && !shared.is_read_only();
        (is_main && is_over).then(|| {
            let mark = (!is_round && has_no_result()).then(|| {
                view! {
                    <a class="button" href=shared.mark_address(&path) data-noscroll="true">
                        <Icon name="u-check"/>
                        "Mark as succeeded…"
                    </a>
                }
            });
            view! {
                <p class="tools">
                    <a class="button" href=shared.retry_address(Some(&path)) data-noscroll="true">
                        <Icon name="u-fork"/>
                        "Run again from here…"
                    </a>
                    {mark}
                </p>
            }
        })
    }
}

/// A task's input and output. Each is asked for when there is one, and again when there is a newer one. The input is made once and
/// holds for all attempts; the output is the newest's.
#[component]
fn Values(shared: Shared, task: Memo<TaskRunView>, attempt: Memo<Option<u32>>, key: String) -> impl IntoView {
    let id = shared.id;
    let is_newest = Memo::new(move |_| {
        let newest = task.with(|task| task.attempts.last().map(|last| last.attempt));
        attempt
            .get()
            .is_none_or(|attempt| newest.is_none_or(|newest| attempt == newest))
    });
    let is_same = Memo::new(move |_| task.with(|task| task.attempts.len() > 1));
    let has_input =
        Memo::new(move |_| task.with(|task| task.ready_at.is_some() && task.state != TaskStatus::Blocked));
    let has_output = Memo::new(move |_| {
        task.with(|task| matches!(task.state, TaskStatus::Succeeded | TaskStatus::Failed))
    });
    let fetch = move |is_there: Memo<bool>, key: String, output: bool| {
        Resource::new(
            move || is_there.get(),
            move |is_there| {
                let key = key.clone();
                async move {
                    match (is_there, shared.capsule) {
                        (true, Some(capsule)) => {
                            Ok(capsule.with_value(|capsule| capsule.value(&key, output)))
                        }
                        (true, None) => fns::task_value(id, key, output).await,
                        (false, _) => Ok(None),
                    }
                }
            },
        )
    };
    let output = fetch(has_output, key.clone(), true);
    let input = fetch(has_input, key.clone(), false);
    let name = StoredValue::new(task.with_untracked(|task| output_name(&shared, task)));
    // A file has no address for the whole of a value: it stands here, or was left out of the file.
    let all = shared
        .capsule
        .is_none()
        .then(|| format!("/api/v1/runs/{id}/tasks/{}", format::url_part(&key)));
    view! {
        <Transition>
            {move || {
                let all = all.clone();
                let (is_newest, is_same) = (is_newest.get(), is_same.get());
                Suspend::new(async move {
                    let (output, input) = (output.await, input.await);
                    let of_output = all.as_ref().map(|all| format!("{all}/output"));
                    view! {
                        {is_newest.then(|| view! { <TaskValue shared title="Output" value=output root=name.get_value() all=of_output/> })}
                        <TaskValue
                            shared
                            title="Input"
                            root=String::new()
                            value=input
                            all=all.as_ref().map(|all| format!("{all}/input"))
                            hint=is_same.then_some("the same for each attempt")
                        />
                    }
                })
            }}
        </Transition>
    }
}

/// How expressions call the output of a task run; empty if they cannot.
fn output_name(shared: &Shared, task: &TaskRunView) -> String {
    let plan = shared.run.plan();
    let Some(spot) = plan.spot(&task.path).filter(|_| task.role != "undo") else {
        return String::new();
    };
    let mut name = "tasks".to_owned();
    push_field(&mut name, &plan.task(spot.task).key);
    name.push_str(".output");
    match (spot.part, plan.task(spot.task).spread) {
        (None, _) => {}
        (Some(item), Some(Spread::Items)) => push_place(&mut name, item.into()),
        // Only the last iteration's output is the task's.
        (Some(_), _) => name.clear(),
    }
    name
}

#[component]
fn TaskValue(
    shared: Shared,
    title: &'static str,
    value: Result<Option<ValueView>, AppError>,
    /// How expressions call it; empty if they cannot.
    root: String,
    /// Where the whole value is, as JSON.
    all: Option<String>,
    /// What else is to be said of it.
    #[prop(default = None)]
    hint: Option<&'static str>,
) -> impl IntoView {
    let value = match value {
        Ok(Some(value)) if value.is_absent || !value.part.value.is_null() => value,
        // Only null was given: without a word nobody knows whether the output is missing here.
        Ok(Some(_)) if title == "Output" => {
            return Some(
                view! { <section><h3>{title}</h3><p class="muted">"It gave nothing."</p></section> }
                    .into_any(),
            );
        }
        // A task without a value says so by having no panel.
        Ok(_) => return None,
        Err(error) if error.status == 404 => return None,
        Err(error) => {
            return Some(
                view! { <section><h3>{title}</h3><p class="muted">{error.message}</p></section> }.into_any(),
            );
        }
    };
    let ValueView {
        part,
        bytes,
        is_absent,
        used_by,
        schema,
    } = value;
    let is_cut = !part.more.is_empty();
    let cut = is_cut.then(|| {
        view! {
            <p class="muted">
                "Not all of it is shown. "
                {all.clone().map(|all| view! { <a href=all rel="external">"Open all of it"</a> })}
            </p>
        }
    });
    let plan = shared.run.plan();
    let reader = |key: String| {
        let name = plan.find(&key).map_or_else(|| key.clone(), |ix| plan.name_of(ix));
        view! { <li><a href=move || shared.address(Some(&key)) data-noscroll="true">{name}</a></li> }
    };
    let readers = (!used_by.is_empty()).then(|| {
        view! {
            <div class="readers">
                <span class="muted">"Read by"</span>
                <ul>{used_by.into_iter().map(reader).collect_view()}</ul>
            </div>
        }
    });
    let tree = match is_absent {
        true => view! { <p class="muted">"It was too large for the file."</p> }.into_any(),
        false => view! { <Tree part root label=title/> }.into_any(),
    };
    Some(
        view! {
            <section>
                <h3>
                    {title}
                    <span class="muted num" style="font-weight:400">
                        {format::bytes(bytes)}
                        {hint.map(|hint| format!(" · {hint}"))}
                    </span>
                </h3>
                {all.map(|all| view! { <a class="raw" href=all rel="external" aria-label=format!("{title} as JSON")>"JSON"</a> })}
                {tree}
                {cut}
                {readers}
                <Schema rows=schema/>
            </section>
        }
        .into_any(),
    )
}

/// The fields that a value has by its description.
#[component]
fn Schema(rows: Vec<SchemaRow>) -> impl IntoView {
    (!rows.is_empty()).then(|| {
        let rows = rows.into_iter().map(|row| {
            let about = (!row.about.is_empty()).then(|| view! { <p class="soft">{row.about}</p> });
            view! {
                <dt><code>{row.name}</code></dt>
                <dd>
                    {row.kind}
                    {row.is_required.then_some(", required")}
                    {about}
                </dd>
            }
        });
        view! {
            <details class="fold schema">
                <summary>
                    <Icon name="u-turn" attr:class="i turn"/>
                    "Schema"
                </summary>
                <dl>{rows.collect_view()}</dl>
            </details>
        }
    })
}
