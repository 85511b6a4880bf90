//! One command to many runs: which runs, how many, begin, what came of it. The runs were chosen when it was prepared.

use flow::view::RunSummary;
use flow::view::board::{BulkOutlook, BulkRunView, BulkView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::run_actions::refusal;
use crate::fns::{self, board::BeginBulk};
use crate::format;
use crate::icons::Icon;
use crate::look;
use crate::model::board::BulkPage as Page;
use crate::parts::{Badge, Failure, Loading, Moment, Said, SendForm, Sending, Submit};
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

/// What runs are that have done as told.
fn done_word(command: &str) -> &'static str {
    match command {
        "cancel" => "cancelled",
        "pause" => "paused",
        "resume" => "resumed",
        _ => "retried",
    }
}

/// What would come of it: `38 of 40 can be cancelled; 2 have ended.`
fn outlook_words(command: &str, n_runs: u32, outlook: &BulkOutlook) -> String {
    let done = done_word(command);
    let n = |n: u32| format::thousands(u64::from(n));
    let have = |n| if n == 1 { "has" } else { "have" };
    let are = |n| if n == 1 { "is" } else { "are" };
    let mut text = match outlook.n_able {
        0 if n_runs == 1 => format!("It cannot be {done}"),
        0 => format!("None of {} can be {done}", n(n_runs)),
        able if able == n_runs && n_runs == 1 => format!("It can be {done}"),
        2 if n_runs == 2 => format!("Both can be {done}"),
        able if able == n_runs => format!("All {} can be {done}", n(n_runs)),
        able => format!("{} of {} can be {done}", n(able), n(n_runs)),
    };
    for hindered in &outlook.unable {
        let many = hindered.n;
        let why = match hindered.reason.as_str() {
            "ended" => format!("{} ended", have(many)),
            "ending" => format!("{} ending", are(many)),
            "at_work" => format!("{} still at work", are(many)),
            _ => format!("{} no longer there", are(many)),
        };
        let who = if n_runs == 1 { "it".to_owned() } else { n(many) };
        text.push_str(&format!("; {who} {why}"));
    }
    text.push('.');
    if outlook.n_unchanged > 0 {
        let many = outlook.n_unchanged;
        let so = if command == "pause" {
            "paused already"
        } else {
            "not paused"
        };
        let who = if n_runs == 1 { "It".to_owned() } else { n(many) };
        text.push_str(&format!(" {who} {} {so}: nothing changes there.", are(many)));
    }
    text
}

/// What has come of it, and the state it looks like: what few or none did must not look like success.
fn result_words(bulk: &BulkView) -> (&'static str, String) {
    let n = |n: u32| format::thousands(u64::from(n));
    let done = done_word(&bulk.command);
    if bulk.state != "done" {
        let told = format!("{} of {} …", n(bulk.n_done + bulk.n_refused), n(bulk.n_runs));
        return ("running", told);
    }
    match (bulk.n_done, bulk.n_runs) {
        (0, 1) => ("failed", format!("The run was not {done}.")),
        (0, all) => ("failed", format!("None of {} runs was {done}.", n(all))),
        (1, 1) => ("succeeded", format!("The run was {done}.")),
        (2, 2) => ("succeeded", format!("Both runs were {done}.")),
        (some, all) if some == all => ("succeeded", format!("All {} runs were {done}.", n(all))),
        (some, all) => {
            let were = if some == 1 { "was" } else { "were" };
            (
                "attention",
                format!("{} of {} runs {were} {done}.", n(some), n(all)),
            )
        }
    }
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
    let able = bulk
        .outlook
        .as_ref()
        .map_or(bulk.n_runs, |outlook| outlook.n_able);
    let outlook = bulk.outlook.as_ref().map(|outlook| {
        let state = match outlook.n_able {
            0 => "failed",
            able if able == bulk.n_runs => "queued",
            _ => "attention",
        };
        let words = outlook_words(&bulk.command, bulk.n_runs, outlook);
        view! {
            <div class="note" data-state=state>
                <Icon name=format!("s-{state}")/>
                <div class="grow"><strong>{words}</strong></div>
            </div>
        }
    });
    let is_retry = bulk.command == "retry";
    let n_more = (bulk.n_runs as usize).saturating_sub(bulk.sample.len());
    let sample = bulk
        .sample
        .into_iter()
        .map(|run| view! { <Sample run is_retry/> })
        .collect_view();
    let confirm = bulk.confirm.map(|words| {
        view! {
            <div class="field">
                <label for="confirm">"Write " <code>{words}</code> " to confirm"</label>
                <input id="confirm" name="confirm" autocomplete="off" required/>
            </div>
        }
    });
    // What no run can do is not offered.
    let form = match able {
        0 => view! { <p><a class="button" href="/runs">"Runs"</a></p> }.into_any(),
        _ => view! {
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
        }
        .into_any(),
    };
    view! {
        {outlook}
        <section class="panel" aria-label="Runs">
            <ul class="recent-rows samples">{sample}</ul>
            {(n_more > 0).then(|| view! { <p class="more muted">{format!("and {} more", format::thousands(n_more as u64))}</p> })}
        </section>
        {form}
        {move || error.get().map(|error| view! { <div class="refused"><Failure error part=true/></div> })}
    }
}

#[component]
fn Sample(run: RunSummary, is_retry: bool) -> impl IntoView {
    let id = run.id.to_string();
    // Whether a run is worth another try is seen by what went wrong.
    let error = run.error.filter(|_| is_retry);
    let why = error.and_then(|error| error.message.lines().next().map(str::to_owned));
    view! {
        <li>
            <a href=format!("/runs/{id}")>
                <span><Badge look=look::run(run.state)/></span>
                <code title=id.clone()>{format::short_id(&id).to_owned()}</code>
                <span class="what">
                    <strong class="cut">{run.flow_name}</strong>
                    {why.map(|why| view! { <span class="cut why"><Said text=why/></span> })}
                </span>
                <Moment at=run.created_at/>
            </a>
        </li>
    }
}

#[component]
fn Results(bulk: BulkView, runs: Vec<BulkRunView>) -> impl IntoView {
    let n_told = bulk.n_done + bulk.n_refused;
    let (state, told) = result_words(&bulk);
    let refusals = bulk
        .refusals
        .iter()
        .map(|one| view! { <li><strong class="num">{format::thousands(u64::from(one.n))}</strong> " not: " <Said text=one.reason.clone()/></li> })
        .collect_view();
    let refusals = (!bulk.refusals.is_empty()).then(|| view! { <ul class="refusals">{refusals}</ul> });
    let shown = runs.len();
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
                        <span class="cut soft">{run.reason.map(|reason| view! { <Said text=reason/> })}</span>
                    </a>
                    {run.made.map(|made| view! { <a class="button small" href=format!("/runs/{made}")>"New run"</a> })}
                </li>
            }
        })
        .collect_view();
    view! {
        <div class="note" data-state=state role="status">
            <Icon name=format!("s-{state}")/>
            <div class="grow"><strong>{told}</strong>{refusals}</div>
        </div>
        // A full bar would look like success, whatever came of it.
        {(bulk.state != "done").then(|| view! { <progress max=bulk.n_runs value=n_told aria-label="Progress"></progress> })}
        <section class="panel" aria-label="Runs">
            <ul class="recent-rows results">{rows}</ul>
            {(shown < bulk.n_runs as usize).then(|| view! { <p class="more muted">{format!("The first {shown} are shown; the API lists all.")}</p> })}
        </section>
        <p><a class="button" href="/runs">"Runs"</a></p>
    }
}

#[cfg(test)]
mod tests {
    use flow::Timestamp;
    use flow::view::board::BulkReason;

    use super::*;

    fn outlook(n_able: u32, n_unchanged: u32, unable: &[(&str, u32)]) -> BulkOutlook {
        let unable = unable.iter().map(|(reason, n)| BulkReason {
            reason: (*reason).to_owned(),
            n: *n,
        });
        BulkOutlook {
            n_able,
            n_unchanged,
            unable: unable.collect(),
        }
    }

    #[test]
    fn the_outlook_tells_how_many_can_and_why_others_cannot() {
        let check = |command, n, outlook, expected| assert_eq!(outlook_words(command, n, &outlook), expected);
        check("cancel", 40, outlook(40, 0, &[]), "All 40 can be cancelled.");
        check(
            "cancel",
            40,
            outlook(38, 0, &[("ended", 2)]),
            "38 of 40 can be cancelled; 2 have ended.",
        );
        check(
            "pause",
            4,
            outlook(2, 1, &[("ending", 1), ("gone", 1)]),
            "2 of 4 can be paused; 1 is ending; 1 is no longer there. 1 is paused already: nothing changes there.",
        );
        check(
            "retry",
            3,
            outlook(0, 0, &[("at_work", 3)]),
            "None of 3 can be retried; 3 are still at work.",
        );
        check(
            "resume",
            1,
            outlook(0, 0, &[("ended", 1)]),
            "It cannot be resumed; it has ended.",
        );
        check(
            "resume",
            1,
            outlook(1, 1, &[]),
            "It can be resumed. It is not paused: nothing changes there.",
        );
    }

    #[test]
    fn only_what_all_did_looks_like_success() {
        let check = |n_done, n_runs, expected: &str| {
            let bulk = BulkView {
                id: "bulk_1".to_owned(),
                command: "cancel".to_owned(),
                query: None,
                state: "done".to_owned(),
                n_runs,
                is_whole: true,
                n_done,
                n_refused: n_runs - n_done,
                confirm: None,
                made_at: Timestamp::from_micros(0),
                expires_at: Timestamp::from_micros(0),
                sample: Vec::new(),
                outlook: None,
                refusals: Vec::new(),
            };
            let (state, words) = result_words(&bulk);
            assert_eq!(format!("{state}: {words}"), expected);
        };
        check(0, 3, "failed: None of 3 runs was cancelled.");
        check(0, 1, "failed: The run was not cancelled.");
        check(38, 40, "attention: 38 of 40 runs were cancelled.");
        check(1, 2, "attention: 1 of 2 runs was cancelled.");
        check(2, 2, "succeeded: Both runs were cancelled.");
        check(40, 40, "succeeded: All 40 runs were cancelled.");
        check(1, 1, "succeeded: The run was cancelled.");
    }
}
