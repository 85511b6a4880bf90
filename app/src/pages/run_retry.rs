//! Running a run again: what will run and what is taken over, then the button. The list is always that of exactly what the button
//! starts: other inputs are first looked at, then started. All of it is in the address, so it works without scripts.

use flow::view::{RetryView, WillRunView};
use leptos::prelude::*;
use leptos_router::components::Form;
use serde_json::Value;

use super::run::Shared;
use super::run_actions::refusal;
use crate::error::AppError;
use crate::fns::{self, RetryRun};
use crate::format;
use crate::icons::Icon;
use crate::model::RetryAsk;
use crate::parts::{Failure, Loading, SendForm, Sending, Submit};
use crate::posted::posted;

/// What the address asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// The task to start from; none: from what had not succeeded.
    pub from: Option<String>,
    /// Other inputs, as JSON.
    pub inputs: Option<String>,
}

/// The panel.
#[component]
pub fn Retry(shared: Shared, again: Again, inputs: Value) -> impl IntoView {
    let run = shared.run;
    let from = again.from.clone();
    let name = from.as_deref().map(|path| name_of(shared, path));
    let close = {
        let from = from.clone();
        move || shared.address(from.as_deref())
    };
    let ask = RetryAsk {
        run: shared.id,
        from,
        inputs: again.inputs.clone(),
    };
    // Asked again if the run ends while the panel is open.
    let plan = Resource::new(
        move || (ask.clone(), run.status().is_final()),
        |(ask, _)| fns::plan_retry(ask),
    );
    let title = match &name {
        Some(name) => format!("Run again from {name}"),
        None => "Retry what failed".to_owned(),
    };
    let again = StoredValue::new(again);
    let inputs = StoredValue::new(inputs);
    view! {
        <div class="side">
            <header>
                <span class="type"><Icon name=if name.is_some() { "u-fork" } else { "u-again" } large=true/></span>
                <div class="grow">
                    <h2>{title}</h2>
                    <p class="muted">"As a new run. This one stays as it is."</p>
                </div>
                <a class="button quiet square" href=close aria-label="Close" title="Close" data-noscroll="true">
                    <Icon name="u-close"/>
                </a>
            </header>
            <div class="details retry">
                <Transition fallback=Loading>
                    {move || Suspend::new(async move {
                        let plan = plan.await;
                        let wrong = plan.as_ref().err().filter(|error| is_about_inputs(error)).cloned();
                        view! {
                            {match plan {
                                Ok(plan) => view! { <WillRun shared plan again=again.get_value()/> }.into_any(),
                                Err(_) if wrong.is_some() => ().into_any(),
                                Err(error) => view! { <Failure error part=true/> }.into_any(),
                            }}
                            <Inputs shared again=again.get_value() inputs=inputs.get_value() wrong/>
                        }
                    })}
                </Transition>
            </div>
        </div>
    }
}

fn name_of(shared: Shared, path: &str) -> String {
    shared.run.with(|state| {
        let plan = state.plan();
        match plan.spot(path) {
            Some(spot) => {
                let rest = path.strip_prefix(&*plan.task(spot.task).key).unwrap_or_default();
                let space = if rest.is_empty() { "" } else { " " };
                format!("{}{space}{rest}", plan.name_of(spot.task))
            }
            None => path.to_owned(),
        }
    })
}

/// Whether what is wrong is the text of the inputs: then it is told there.
fn is_about_inputs(error: &AppError) -> bool {
    !error.problems.is_empty()
        && error.problems.iter().all(|problem| {
            let field = problem.field.as_deref().unwrap_or_default();
            field == "inputs" || field.starts_with("inputs.")
        })
}

/// What the new run will do, and the button that starts it.
#[component]
fn WillRun(shared: Shared, plan: RetryView, again: Again) -> impl IntoView {
    let action = Sending::<RetryRun>::new();
    let error = refusal(
        move || action.value().get(),
        posted("retry_run").map(|posted| posted.error),
    );
    let failure = move || error.get().map(|error| view! { <Failure error part=true/> });
    let flow = shared.run.summary.with_untracked(|summary| summary.flow.clone());
    if plan.runs.is_empty() {
        return view! {
            <p>
                "Nothing would run: every result still holds. Choose a task in the graph to run again from it, change the inputs below, or "
                <a href=format!("/flows/{}#start", format::url_part(&flow))>"start the flow anew"</a> "."
            </p>
            {failure}
        }
        .into_any();
    }
    let n_runs = plan.runs.len() as u64;
    let rows = plan
        .runs
        .into_iter()
        .map(|will| view! { <WillRunRow shared will/> })
        .collect_view();
    let here = {
        let again = again.clone();
        move || shared.again_address(&again)
    };
    view! {
        <section aria-labelledby="will-run">
            <h3 id="will-run">"Will run" <span class="muted num">{n_runs}</span></h3>
            <ol class="will-run">{rows}</ol>
        </section>
        <Reused shared reused=plan.reused/>
        <SendForm action>
            <input type="hidden" name="run" value=shared.id.to_string()/>
            <input type="hidden" name="from" value=again.from.unwrap_or_default()/>
            <input type="hidden" name="inputs" value=again.inputs.unwrap_or_default()/>
            <p class="soft hint">"What runs does its work again, with all it does outside."</p>
            <Submit form="retry_run" here busy=move || action.pending().get() icon="u-play">
                {move || {
                    if action.pending().get() { "Starting…".to_owned() } else { format!("Run {}", format::count(n_runs, "task", "tasks")) }
                }}
            </Submit>
        </SendForm>
        {failure}
    }
    .into_any()
}

#[component]
fn WillRunRow(shared: Shared, will: WillRunView) -> impl IntoView {
    let name = name_of(shared, &will.task);
    let why = match will.after {
        Some(after) => format!("it comes after {}, which runs", shared.run.plan().called(&after)),
        None => will.why,
    };
    let items = (will.n_items_reused > 0).then(|| {
        let n = format::count(
            u64::from(will.n_items_reused),
            "item keeps its result",
            "items keep their results",
        );
        view! { <span class="why muted">{n}</span> }
    });
    view! {
        <li>
            <strong>{name}</strong>
            <span class="why soft">{why}</span>
            {items}
        </li>
    }
}

/// The task runs whose results are taken over.
#[component]
fn Reused(shared: Shared, reused: Vec<String>) -> impl IntoView {
    const NAMED_MAX: usize = 200;
    let n = reused.len();
    if n == 0 {
        return view! { <p class="muted">"No result is taken over."</p> }.into_any();
    }
    let rows = reused
        .iter()
        .take(NAMED_MAX)
        .map(|path| view! { <li>{name_of(shared, path)}</li> })
        .collect_view();
    view! {
        <details class="fold">
            <summary>
                <Icon name="u-turn" attr:class="i turn"/>
                {format::count(n as u64, "result is taken over", "results are taken over")}
            </summary>
            <ul class="reused">
                {rows} {(n > NAMED_MAX).then(|| view! { <li class="muted">{format!("and {} more", n - NAMED_MAX)}</li> })}
            </ul>
        </details>
    }
    .into_any()
}

/// The inputs of the new run. Sent, they stand in the address, and the list above is that of a run with them.
#[component]
fn Inputs(shared: Shared, again: Again, inputs: Value, wrong: Option<AppError>) -> impl IntoView {
    let is_open = again.inputs.is_some() || wrong.is_some();
    let own = serde_json::to_string_pretty(&inputs).unwrap_or_default();
    let text = again.inputs.clone().unwrap_or_else(|| own.clone());
    // The inputs of a page are null where they are too large to stand there.
    if inputs.is_null() {
        return view! { <p class="muted">"The new run is given the same inputs; they are too large to be changed here."</p> }
            .into_any();
    }
    if inputs.as_object().is_some_and(serde_json::Map::is_empty) && !is_open {
        return ().into_any();
    }
    let rows = text.lines().count().clamp(4, 16).to_string();
    let is_wrong = wrong.is_some();
    let problems = wrong.map(|error| {
        error
            .problems
            .into_iter()
            .map(|problem| {
                let name = problem
                    .field
                    .as_deref()
                    .and_then(|field| field.strip_prefix("inputs."))
                    .map(|name| view! { <code>{name.to_owned()}</code> ": " });
                view! {
                    <p class="wrong">
                        <Icon name="s-failed"/>
                        <span>{name} {problem.message}</span>
                    </p>
                }
            })
            .collect_view()
    });
    let same = again.inputs.is_some().then(|| {
        let href = shared.retry_address(again.from.as_deref());
        view! { <a class="button quiet" href=href data-noscroll="true">"The same as before"</a> }
    });
    let from = again.from.clone();
    view! {
        <details class="fold" open=is_open>
            <summary>
                <Icon name="u-turn" attr:class="i turn"/>
                {if again.inputs.is_some() { "With other inputs" } else { "The same inputs. Change them…" }}
            </summary>
            <Form method="GET" action=format!("/runs/{}", shared.id) attr:class="start">
                <input type="hidden" name="do" value="retry"/>
                {from.map(|from| view! { <input type="hidden" name="from" value=from/> })}
                <div class="field">
                    <label for="retry-inputs">"Inputs " <span class="kind">"JSON object"</span></label>
                    <textarea
                        id="retry-inputs"
                        name="inputs"
                        class="code"
                        rows=rows
                        spellcheck="false"
                        aria-describedby="retry-inputs-wrong"
                        aria-invalid=is_wrong.then_some("true")
                        inner_html=format::in_textarea(&text)
                    ></textarea>
                    <div id="retry-inputs-wrong" role="alert">{problems}</div>
                </div>
                <div class="tools">
                    <button class="button" type="submit">"Show what would run"</button>
                    {same}
                </div>
            </Form>
        </details>
    }
    .into_any()
}
