//! Running a run again: what will run and what is taken over, then the button. The list is always that of exactly what the button
//! starts: other inputs, or what a task that is marked as succeeded is said to give, are first looked at, then started. All of it is
//! in the address, so it works without scripts.

use flow::plan::Light;
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
use crate::parts::{Failure, Loading, Said, SendForm, Sending, Submit};
use crate::posted::posted;

/// What the address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// The task to start from; none: from what had not succeeded.
    pub from: Option<String>,
    /// Other inputs, as JSON.
    pub inputs: Option<String>,
    /// The task or item that counts as succeeded without running.
    pub mark: Option<String>,
    /// What it is said to give, as JSON.
    pub output: Option<String>,
}

/// The panel.
#[component]
pub fn Retry(shared: Shared, again: Again, inputs: Value) -> impl IntoView {
    let run = shared.run;
    let from = again.from.clone();
    let mark = again.mark.clone();
    let mut again = again;
    if let Some(mark) = &mark {
        again.output = again.output.or_else(|| usual_output(shared, mark));
    }
    let close = {
        let open = mark.clone().or_else(|| from.clone());
        move || shared.address(open.as_deref())
    };
    let ask = RetryAsk {
        run: shared.id,
        from: from.clone(),
        inputs: again.inputs.clone(),
        mark: mark.clone(),
        output: again.output.clone(),
    };
    // Asked again if the run ends while the panel is open.
    let plan = Resource::new(
        move || (ask.clone(), run.status().is_final()),
        |(ask, _)| fns::plan_retry(ask),
    );
    let (icon, title) = match (&mark, &from) {
        (Some(mark), _) => ("u-check", format!("Mark {} as succeeded", name_of(shared, mark))),
        (None, Some(from)) => ("u-fork", format!("Run again from {}", name_of(shared, from))),
        (None, None) => ("u-again", "Retry what failed".to_owned()),
    };
    let hint = match mark {
        Some(_) => "In a new run, where it does not run. This one stays as it is.",
        None => "As a new run. This one stays as it is.",
    };
    let again = StoredValue::new(again);
    let inputs = StoredValue::new(inputs);
    view! {
        <div class="side">
            <header>
                <span class="type"><Icon name=icon large=true/></span>
                <div class="grow">
                    <h2>{title}</h2>
                    <p class="muted">{hint}</p>
                </div>
                <a class="button quiet square" href=close aria-label="Close" title="Close" data-noscroll="true">
                    <Icon name="u-close"/>
                </a>
            </header>
            <div class="details retry">
                <Transition fallback=Loading>
                    {move || Suspend::new(async move {
                        let plan = plan.await;
                        let again = again.get_value();
                        let field = if again.mark.is_some() { OUTPUT } else { INPUTS };
                        let wrong = plan.as_ref().err().filter(|error| is_about(error, field)).cloned();
                        // What is marked gives what is said first of all; other inputs are the exception.
                        let (above, below) = match again.mark.clone() {
                            Some(mark) => (Some(view! { <Output shared mark output=again.output.clone() wrong=wrong.clone()/> }), None),
                            None => (None, Some(view! { <Inputs shared again=again.clone() inputs=inputs.get_value() wrong=wrong.clone()/> })),
                        };
                        view! {
                            {above}
                            {match plan {
                                Ok(plan) => view! { <WillRun shared plan again/> }.into_any(),
                                Err(_) if wrong.is_some() => ().into_any(),
                                Err(error) => view! { <Failure error part=true/> }.into_any(),
                            }}
                            {below}
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

/// What errors call the two texts.
const INPUTS: &[&str] = &["inputs"];
const OUTPUT: &[&str] = &["output", "mark_succeeded"];

/// Whether what is wrong is this text: then it is told there.
fn is_about(error: &AppError, fields: &[&str]) -> bool {
    !error.problems.is_empty()
        && error.problems.iter().all(|problem| {
            let field = problem.field.as_deref().unwrap_or_default();
            let field = field.split('.').next().unwrap_or_default();
            fields.contains(&field)
        })
}

/// The cases that a switch may be said to take; none of any other task, and of its items.
fn cases_of(shared: Shared, path: &str) -> Vec<String> {
    shared.run.with(|state| {
        let plan = state.plan();
        let task = plan.find(path).map(|ix| plan.task(ix));
        let task = task.filter(|task| task.spread.is_none());
        let cases = task.and_then(|task| task.doc.cases()).unwrap_or_default();
        cases.into_iter().map(str::to_owned).collect()
    })
}

/// What a task gives when it goes well, if that is always the same: as JSON.
fn usual_output(shared: Shared, path: &str) -> Option<String> {
    let is_approval = shared.run.with(|state| {
        let plan = state.plan();
        let spot = plan.spot(path);
        spot.is_some_and(|spot| plan.task(spot.task).light == Some(Light::Approval))
    });
    if is_approval {
        return Some(r#"{"approved": true}"#.to_owned());
    }
    let first = cases_of(shared, path).into_iter().next();
    first.map(|case| Value::String(case).to_string())
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
    if plan.runs.is_empty() && plan.marked.is_empty() {
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
        .map(|will| {
            let is_marked = will
                .after
                .as_ref()
                .is_some_and(|after| plan.marked.contains(after));
            view! { <WillRunRow shared will is_marked/> }
        })
        .collect_view();
    let here = {
        let again = again.clone();
        move || shared.again_address(&again)
    };
    let list = match n_runs {
        0 => view! { <p>"Nothing runs: every other result still holds."</p> }.into_any(),
        _ => view! { <ol class="will-run">{rows}</ol> }.into_any(),
    };
    view! {
        <section aria-labelledby="will-run">
            <h3 id="will-run">"Will run" <span class="muted num">{n_runs}</span></h3>
            {list}
        </section>
        <Reused shared reused=plan.reused/>
        <SendForm action>
            <input type="hidden" name="run" value=shared.id.to_string()/>
            <input type="hidden" name="from" value=again.from.unwrap_or_default()/>
            <input type="hidden" name="inputs" value=again.inputs.unwrap_or_default()/>
            <input type="hidden" name="mark" value=again.mark.unwrap_or_default()/>
            <input type="hidden" name="output" value=again.output.unwrap_or_default()/>
            {(n_runs > 0).then(|| view! { <p class="soft hint">"What runs does its work again, with all it does outside."</p> })}
            <Submit form="retry_run" here busy=move || action.pending().get() icon="u-play">
                {move || {
                    match (action.pending().get(), n_runs) {
                        (true, _) => "Starting…".to_owned(),
                        (false, 0) => "Make the run".to_owned(),
                        (false, n) => format!("Run {}", format::count(n, "task", "tasks")),
                    }
                }}
            </Submit>
        </SendForm>
        {failure}
    }
    .into_any()
}

#[component]
fn WillRunRow(shared: Shared, will: WillRunView, is_marked: bool) -> impl IntoView {
    let name = name_of(shared, &will.task);
    let why = match will.after {
        Some(after) => {
            let after = shared.run.plan().called(&after);
            let what = if is_marked {
                "is marked as succeeded"
            } else {
                "runs"
            };
            format!("it comes after {after}, which {what}")
        }
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

/// What the task that is marked is said to give. Sent, it stands in the address, and the list above is that of a run with it.
#[component]
fn Output(shared: Shared, mark: String, output: Option<String>, wrong: Option<AppError>) -> impl IntoView {
    let text = output.unwrap_or_else(|| "null".to_owned());
    let is_wrong = wrong.is_some();
    let problems = wrong.map(|error| {
        let told = error.problems.into_iter().map(|problem| {
            view! {
                <p class="wrong">
                    <Icon name="s-failed"/>
                    <span><Said text=problem.message/></span>
                </p>
            }
        });
        told.collect_view()
    });
    let cases = cases_of(shared, &mark);
    let kind = cases.is_empty().then_some("JSON");
    let field = match cases.is_empty() {
        true => {
            let rows = text.lines().count().clamp(3, 16).to_string();
            view! {
                <textarea
                    id="retry-output"
                    name="output"
                    class="code"
                    rows=rows
                    spellcheck="false"
                    aria-describedby="retry-output-wrong"
                    aria-invalid=is_wrong.then_some("true")
                    inner_html=format::in_textarea(&text)
                ></textarea>
            }
            .into_any()
        }
        false => {
            let options = cases.into_iter().map(|case| {
                let value = Value::String(case.clone()).to_string();
                let is_chosen = value == text;
                view! { <option value=value selected=is_chosen>{case}</option> }
            });
            let options = options.collect_view();
            view! { <select id="retry-output" name="output" aria-describedby="retry-output-wrong">{options}</select> }.into_any()
        }
    };
    view! {
        <Form method="GET" action=format!("/runs/{}", shared.id) attr:class="start">
            <input type="hidden" name="do" value="retry"/>
            <input type="hidden" name="mark" value=mark/>
            <div class="field">
                <label for="retry-output">"Its output " <span class="kind">{kind}</span></label>
                {field}
                <div id="retry-output-wrong" role="alert">{problems}</div>
            </div>
            <div class="tools">
                <button class="button" type="submit">"Show what would run"</button>
            </div>
        </Form>
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
                        <span>{name} <Said text=problem.message/></span>
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
