//! Two runs side by side: where they went apart first, then every task of both.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::look;
use crate::model::{Compared, Comparison, TaskSide};
use crate::parts::{Badge, Failure, Loading, Moment};
use flow::view::RunSummary;

/// `?a=` and `?b=` name the runs; `?all=1` lists the tasks that are the same, too.
#[component]
pub fn ComparePage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let query = query.read();
        let of = |name: &str| query.get(name).unwrap_or_default().trim().to_owned();
        (of("a"), of("b"))
    });
    let found = Resource::new(
        move || asked.get(),
        |(a, b)| async move {
            match a.is_empty() || b.is_empty() {
                true => Ok(None),
                false => fns::compare_runs(a, b).await.map(Some),
            }
        },
    );
    view! {
        <Title text="Compare runs · Pointwork"/>
        <div class="page compare">
            <h1>"Compare two runs"</h1>
            <Suspense fallback=Loading>
                {move || Suspend::new(async move {
                    match found.await {
                        Ok(Some(comparison)) => view! { <Sides comparison/> }.into_any(),
                        Ok(None) => view! { <Ask/> }.into_any(),
                        Err(error) => view! { <Failure error part=true/> <Ask/> }.into_any(),
                    }
                })}
            </Suspense>
        </div>
    }
}

/// Asks which.
#[component]
fn Ask() -> impl IntoView {
    let query = use_query_map();
    let value = move |name: &'static str| move || query.read().get(name).unwrap_or_default();
    view! {
        <form method="get" action="/runs/compare" class="compare-ask">
            <div class="field">
                <label for="compare-a">"One run"</label>
                <input id="compare-a" name="a" required placeholder="run_…" value=value("a") autocomplete="off"/>
            </div>
            <div class="field">
                <label for="compare-b">"The other"</label>
                <input id="compare-b" name="b" required placeholder="run_…" value=value("b") autocomplete="off"/>
            </div>
            <button class="button primary" type="submit">"Compare"</button>
        </form>
    }
}

#[component]
fn Sides(comparison: Comparison) -> impl IntoView {
    let query = use_query_map();
    let Comparison {
        a,
        b,
        inputs,
        first,
        tasks,
    } = comparison;
    let is_one = a.id == b.id;
    let ids = (a.id.to_string(), b.id.to_string());
    let shows_all = Memo::new(move |_| query.read().get("all").is_some());
    let n_same = tasks.iter().filter(|task| task.differs.is_empty()).count();
    let turned = format!("/runs/compare?a={}&b={}", ids.1, ids.0);
    let more = format!("/runs/compare?a={}&b={}", ids.0, ids.1);
    let divergence = first
        .as_deref()
        .and_then(|path| tasks.iter().find(|task| task.path == path).cloned());
    let versions = (a.flow != b.flow || a.version != b.version).then(|| {
        let words = match a.flow == b.flow {
            true => format!("They are of the versions {} and {} of the flow.", format::version(a.version), format::version(b.version)),
            false => format!("They are of different flows: {} and {}.", a.flow, b.flow),
        };
        view! { <p class="note" data-state="attention"><Icon name="s-attention"/><span class="grow">{words}</span></p> }
    });
    let given = (!inputs.is_empty()).then(|| {
        let rows = inputs
            .into_iter()
            .map(|(name, [a, b])| {
                let side = |value: Option<String>| view! { <td><code>{value.unwrap_or_else(|| "–".to_owned())}</code></td> };
                view! { <tr><th scope="row">{name}</th>{side(a)}{side(b)}</tr> }
            })
            .collect_view();
        view! {
            <section>
                <h2>"Inputs that differ"</h2>
                <div class="table-wrap">
                    <table class="compared">
                        <caption class="sr">"Inputs of both runs"</caption>
                        <thead>
                            <tr><th scope="col">"Input"</th><th scope="col">"A"</th><th scope="col">"B"</th></tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </section>
        }
    });
    let runs = (a.id.to_string(), b.id.to_string());
    let nothing = (n_same == tasks.len()).then_some(match is_one {
        true => "It is the same run twice, so nothing differs.",
        false => "No task differs.",
    });
    let listed = move || {
        let shown = |task: &&Compared| shows_all.get() || !task.differs.is_empty();
        let rows = tasks.iter().filter(shown);
        rows.map(|task| view! { <Row task=task.clone() runs=runs.clone()/> })
            .collect_view()
    };
    let head = |run: RunSummary, name: &'static str| view! { <Head run name/> };
    view! {
        <div class="compare-heads">
            {head(a, "A")}
            {head(b, "B")}
            <a class="button small" href=turned><Icon name="u-again"/> "Turn round"</a>
        </div>
        {versions}
        <section class="divergence" aria-labelledby="divergence">
            <h2 id="divergence">"First divergence"</h2>
            {match divergence {
                Some(task) => view! { <First task runs=ids/> }.into_any(),
                None => view! { <p>"None: every task came to the same end, with the same output."</p> }.into_any(),
            }}
        </section>
        {given}
        <section>
            <h2>"Tasks"</h2>
            {nothing.map(|words| view! { <p>{words}</p> })}
            <div class="table-wrap" hidden=move || nothing.is_some() && !shows_all.get()>
                <table class="compared tasks">
                    <caption class="sr">"Tasks of both runs"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Task"</th>
                            <th scope="col">"Differs in"</th>
                            <th scope="col">"A"</th>
                            <th scope="col" class="right">"Took"</th>
                            <th scope="col" class="right">"Attempts"</th>
                            <th scope="col">"B"</th>
                            <th scope="col" class="right">"Took"</th>
                            <th scope="col" class="right">"Attempts"</th>
                        </tr>
                    </thead>
                    <tbody>{listed}</tbody>
                </table>
            </div>
            {(n_same > 0).then(|| {
                let (fewer, all) = (more.clone(), format!("{more}&all=1"));
                let words = format!("And {} the same", format::count(n_same as u64, "task that is", "tasks that are"));
                let href = move || if shows_all.get() { fewer.clone() } else { all.clone() };
                let words = move || if shows_all.get() { "Only what differs".to_owned() } else { words.clone() };
                view! { <p><a class="button small" href=href data-noscroll="true">{words}</a></p> }
            })}
        </section>
    }
}

#[component]
fn Head(run: RunSummary, name: &'static str) -> impl IntoView {
    let id = run.id.to_string();
    let tail = format::short_id(&id).to_owned();
    let took = run
        .started_at
        .zip(run.finished_at)
        .map(|(from, to)| format::duration(format::span(from, to)));
    view! {
        <div class="compare-head">
            <strong class="letter">{name}</strong>
            <Badge look=look::run(run.state)/>
            <a class="run-of" href=format!("/runs/{id}") title=id>
                <span class="cut">{run.flow_name}</span> " " <code>{tail}</code>
            </a>
            <span class="muted"><Moment at=run.started_at.unwrap_or(run.created_at)/></span>
            <span class="num">{took}</span>
        </div>
    }
}

/// The task where the runs went apart, in words.
#[component]
fn First(task: Compared, runs: (String, String)) -> impl IntoView {
    let what = match task.a.is_some() && task.b.is_some() {
        true => format!(" differs in: {}", task.differs.join(", ")),
        false => format!(" {}", task.differs.join(", ")),
    };
    let side = |letter: &'static str, run: &str, side: Option<TaskSide>, path: &str| {
        let href = format!("/runs/{run}?task={}", format::url_part(path));
        let told = side.map(|side| {
            let case = side.case.map(|case| format!(" took the case {case}"));
            let error = side.error.map(|error| format!(": {error}"));
            let icon = format!("s-{}", side.look);
            view! { <span data-state=side.look><Icon name=icon/> {side.word} {case} {error}</span> }
        });
        view! {
            <p class="side-line">
                <strong class="letter">{letter}</strong>
                <a href=href>{told.map_or_else(|| "is not in its flow".into_any(), IntoAny::into_any)}</a>
            </p>
        }
    };
    view! {
        <p><strong>{task.name.clone()}</strong> {what}</p>
        {side("A", &runs.0, task.a.clone(), &task.path)}
        {side("B", &runs.1, task.b.clone(), &task.path)}
    }
}

#[component]
fn Row(task: Compared, runs: (String, String)) -> impl IntoView {
    let (path, name) = (task.path.clone(), task.name.clone());
    let what = task.differs.join(", ");
    let side = |run: &str, side: Option<TaskSide>| match side {
        Some(side) => {
            let href = format!("/runs/{run}?task={}", format::url_part(&path));
            let took = side.took_ms.map(format::duration);
            let items = side
                .parts
                .map(|parts| format!(" {}/{}", parts.settled(), parts.total()));
            let error = side.error.clone();
            view! {
                <td>
                    <a class="badge" data-state=side.look.clone() href=href title=error>
                        <Icon name=format!("s-{}", side.look)/>
                        {side.word}
                        {items}
                    </a>
                </td>
                <td class="right num">{took}</td>
                <td class="right num">{(side.attempts > 0).then(|| side.attempts.to_string())}</td>
            }
            .into_any()
        }
        None => view! { <td class="muted">"not in it"</td> <td></td> <td></td> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td class="what">{what}</td>
            {side(&runs.0, task.a)}
            {side(&runs.1, task.b)}
        </tr>
    }
}
