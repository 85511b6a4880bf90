//! One command to many runs: which runs, how many, begin, what came of it. The runs were chosen when it was prepared.

use flow::view::RunSummary;
use flow::view::board::{BulkRunView, BulkView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::run_actions::refusal;
use crate::fns::{self, board::BeginBulk};
use crate::format;
use crate::icons::Icon;
use crate::look;
use crate::model::board::BulkPage as Page;
use crate::parts::{Badge, Failure, Loading, Moment, SendForm, Sending, Submit};
use crate::posted::posted;

/// A command to many runs.
#[component]
pub fn BulkPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
    let begin = Sending::<BeginBulk>::new();
    let page = Resource::new(
        move || (id.get(), begin.version().get()),
        |(id, _)| fns::board::bulk(id),
    );
    view! {
        <Title text="Many runs · Pointwork"/>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(found) => {
                        #[cfg(feature = "hydrate")]
                        if found.bulk.state == "acting" {
                            set_timeout(move || page.refetch(), std::time::Duration::from_millis(400));
                        }
                        view! { <Bulk found begin/> }.into_any()
                    }
                    Err(error) => view! { <Failure error/> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// `Cancel 40 runs`.
fn title(bulk: &BulkView) -> String {
    let mut word = bulk.command.clone();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{word} {}", format::count(u64::from(bulk.n_runs), "run", "runs"))
}

#[component]
fn Bulk(found: Page, begin: Sending<BeginBulk>) -> impl IntoView {
    let Page { bulk, runs } = found;
    let heading = title(&bulk);
    let from = bulk.query.clone().map(|query| {
        let href = format!("/runs?q={}", format::url_part(&query));
        view! { <p>"All that fitted " <a href=href><code>{query}</code></a> " at " <Moment at=bulk.made_at/> "."</p> }
    });
    let is_cut = !bulk.is_whole;
    let body = match bulk.state.as_str() {
        "frozen" => view! { <Ask bulk begin/> }.into_any(),
        _ => view! { <Results bulk runs/> }.into_any(),
    };
    view! {
        <div class="page narrow">
            <header>
                <div class="grow">
                    <h1>{heading}</h1>
                    {from}
                    {is_cut.then(|| view! { <p>"More fitted; these are the newest."</p> })}
                </div>
            </header>
            {body}
        </div>
    }
    .into_any()
}

#[component]
fn Ask(bulk: BulkView, begin: Sending<BeginBulk>) -> impl IntoView {
    let error = refusal(
        move || begin.value().get(),
        posted("begin_bulk").map(|posted| posted.error),
    );
    let here = format!("/bulks/{}", bulk.id);
    let word = title(&bulk);
    // What cannot be taken back looks the same wherever it is asked about.
    let class = match bulk.command.as_str() {
        "cancel" => "button danger",
        _ => "button primary",
    };
    let n_more = (bulk.n_runs as usize).saturating_sub(bulk.sample.len());
    let sample = bulk
        .sample
        .into_iter()
        .map(|run| view! { <Sample run/> })
        .collect_view();
    let confirm = bulk.confirm.map(|words| {
        view! {
            <div class="field">
                <label for="confirm">"Write " <code>{words}</code> " to confirm"</label>
                <input id="confirm" name="confirm" autocomplete="off" required/>
            </div>
        }
    });
    view! {
        <section class="panel" aria-label="Runs">
            <ul class="recent-rows">{sample}</ul>
            {(n_more > 0).then(|| view! { <p class="more muted">{format!("and {} more", format::thousands(n_more as u64))}</p> })}
        </section>
        <SendForm action=begin>
            <div class="bulk-ask">
                <p>"It goes to exactly these runs, also if others fit by now. It can be begun until " <Moment at=bulk.expires_at/> "."</p>
                <input type="hidden" name="id" value=bulk.id/>
                {confirm}
                <div class="tools">
                    <Submit form="begin_bulk" here class busy=move || begin.pending().get()>
                        {word}
                    </Submit>
                    <a class="button quiet" href="/runs">"Leave them alone"</a>
                </div>
            </div>
        </SendForm>
        {move || error.get().map(|error| view! { <div class="refused"><Failure error part=true/></div> })}
    }
}

#[component]
fn Sample(run: RunSummary) -> impl IntoView {
    view! {
        <li>
            <a href=format!("/runs/{}", run.id)>
                <span><Badge look=look::run(run.state)/></span>
                <strong class="cut">{run.flow_name}</strong>
                <Moment at=run.created_at/>
            </a>
        </li>
    }
}

#[component]
fn Results(bulk: BulkView, runs: Vec<BulkRunView>) -> impl IntoView {
    let n_told = bulk.n_done + bulk.n_refused;
    let is_over = bulk.state == "done";
    let told = if is_over {
        format!("Done: {} did as told, {} did not.", bulk.n_done, bulk.n_refused)
    } else {
        format!("{n_told} of {} …", bulk.n_runs)
    };
    let shown = runs.len();
    // Those that did not do as told are why somebody reads on.
    let mut runs = runs;
    runs.sort_by_key(|run| run.is_done);
    let rows = runs
        .into_iter()
        .map(|run| {
            let (look, word) = match run.is_done {
                Some(true) => ("succeeded", "done"),
                Some(false) => ("failed", "refused"),
                None => ("queued", "to come"),
            };
            let id = run.run.to_string();
            view! {
                <li>
                    <a href=format!("/runs/{id}")>
                        <span class="badge" data-state=look><Icon name=format!("s-{look}")/>{word}</span>
                        <code>{format::short_id(&id).to_owned()}</code>
                        <span class="cut soft">{run.reason}</span>
                    </a>
                    {run.made.map(|made| view! { <a class="button small" href=format!("/runs/{made}")>"New run"</a> })}
                </li>
            }
        })
        .collect_view();
    view! {
        <div class="note" data-state=if is_over && bulk.n_refused == 0 { "succeeded" } else { "running" } role="status">
            <Icon name=if is_over { "s-succeeded" } else { "s-running" }/>
            <div class="grow"><strong>{told}</strong></div>
        </div>
        <progress max=bulk.n_runs value=n_told aria-label="Progress"></progress>
        <section class="panel" aria-label="Runs">
            <ul class="recent-rows results">{rows}</ul>
            {(shown < bulk.n_runs as usize).then(|| view! { <p class="more muted">{format!("The first {shown} are shown; the API lists all.")}</p> })}
        </section>
        <p><a class="button" href="/runs">"Runs"</a></p>
    }
}
