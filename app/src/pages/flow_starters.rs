//! What starts a flow by itself: its schedules, which can be held and made to start a run now, the flows it comes after, and its webhooks.

use flow::view::{FollowerView, ScheduleView};
use leptos::prelude::*;

use super::run_actions::refusal;
use super::run_why::RunLink;
use crate::fns;
use crate::fns::board::{HoldSchedule, RunSchedule};
use crate::format;
use crate::icons::Icon;
use crate::model::board::{Starters, WebhookLine};
use crate::parts::{Failure, Moment, Said, SendForm, Sending, Submit};
use crate::posted::posted;

/// The panel; nothing for a flow that only people and programs start.
#[component]
pub fn Starting(flow: String) -> impl IntoView {
    let hold = Sending::<HoldSchedule>::new();
    let run = Sending::<RunSchedule>::new();
    let of = StoredValue::new(flow.clone());
    let starters = Resource::new(
        move || hold.version().get(),
        move |_| fns::board::ask_starters(flow.clone()),
    );
    let kept =
        [posted("hold_schedule"), posted("run_schedule")].map(|posted| posted.map(|posted| posted.error));
    let [of_hold, of_run] = kept;
    let of_hold = refusal(move || hold.value().get(), of_hold);
    let of_run = refusal(move || run.value().get(), of_run);
    let error = move || of_hold.get().or_else(|| of_run.get());
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match starters.await {
                    Ok(starters) if starters == Starters::default() => ().into_any(),
                    Ok(Starters { schedules, followed, webhooks }) => {
                        let webhooks = webhooks.into_iter().map(|one| view! { <Hook one flow=of.get_value()/> }).collect_view();
                        let schedules = schedules.into_iter().map(|one| view! { <Schedule one hold run/> }).collect_view();
                        let followed = followed.into_iter().map(|one| view! { <Followed one/> }).collect_view();
                        view! {
                            <section class="panel" aria-labelledby="starters-title">
                                <header><h2 id="starters-title" class="grow">"Starts by itself"</h2></header>
                                <ul class="starters">{schedules} {followed} {webhooks}</ul>
                                {move || error().map(|error| view! { <div class="refused"><Failure error part=true/></div> })}
                            </section>
                        }
                            .into_any()
                    }
                    Err(error) => view! { <Failure error part=true/> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// A schedule: its pattern, when it was and will be due, and what can be done with it.
#[component]
fn Schedule(one: ScheduleView, hold: Sending<HoldSchedule>, run: Sending<RunSchedule>) -> impl IntoView {
    let is_held = one.is_paused;
    let here = format!("/flows/{}", format::url_part(&one.flow));
    let here = StoredValue::new(here);
    let (word, icon, title) = match is_held {
        true => (
            "Let it go on",
            "u-play",
            "From now: what was due meanwhile is not made up for.",
        ),
        false => (
            "Hold",
            "u-pause",
            "It starts nothing until it goes on. Runs at work are not touched.",
        ),
    };
    let (flow, name) = (one.flow.clone(), one.name.clone());
    let names = move || {
        view! {
            <input type="hidden" name="flow" value=flow.clone()/>
            <input type="hidden" name="name" value=name.clone()/>
        }
    };
    let of_hold = names();
    let next = one.next.clone().map(|next| {
        let odd = next.oddity.map(|oddity| match oddity.as_str() {
            "moved" => " (clocks skip its time of day)",
            "first" => " (the first of two such times that day)",
            _ => " (the second of two such times that day)",
        });
        view! { <dt>"next"</dt><dd><Moment at=next.at/>{odd}</dd> }
    });
    let last = one.last_at.map(|at| {
        view! { <dt>"last"</dt><dd><Moment at/>{one.last_run.map(|run| view! { " " <RunLink run/> })}</dd> }
    });
    let left_out = (one.n_left_out > 0).then(|| {
        view! { <dt>"left out"</dt><dd>{format::count(one.n_left_out, "time", "times")}" while a run was at work"</dd> }
    });
    let has_rows = next.is_some() || last.is_some() || left_out.is_some();
    view! {
        <li>
            <div class="line">
                <strong class="cut">{one.name}</strong>
                {is_held.then(|| view! { <span class="chip" data-state="paused">"held"</span> })}
            </div>
            <p class="soft"><code>{one.cron}</code> " " {one.timezone}</p>
            {one.pause_reason.map(|why| view! { <p class="soft">"Held: " {why}</p> })}
            {has_rows.then(|| view! { <dl class="rows">{next} {last} {left_out}</dl> })}
            <Missed error=one.last_error/>
            <div class="line">
                <SendForm action=hold>
                    {of_hold}
                    <input type="hidden" name="is_held" value=(!is_held).to_string()/>
                    {(!is_held).then(|| view! { <input name="reason" class="why-held" aria-label="Why it is held, if you like" placeholder="Why, if you like" autocomplete="off"/> })}
                    <Submit form="hold_schedule" here=move || here.get_value() busy=move || hold.pending().get() class="button small" icon title>
                        {word}
                    </Submit>
                </SendForm>
                <SendForm action=run>
                    {names()}
                    <Submit form="run_schedule" here=move || here.get_value() busy=move || run.pending().get() class="button small" icon="u-again"
                        title="Starts a run with the inputs the schedule would give it now. When it is due next stays the same."
                    >
                        "Run now"
                    </Submit>
                </SendForm>
            </div>
        </li>
    }
}

/// Another flow whose ends start this one.
#[component]
fn Followed(one: FollowerView) -> impl IntoView {
    let href = format!("/flows/{}", format::url_part(&one.after));
    let last = one.last_at.map(|at| {
        view! {
            <dl class="rows">
                <dt>"last"</dt>
                <dd><Moment at/>{one.last_run.map(|run| view! { " " <RunLink run/> })}</dd>
            </dl>
        }
    });
    view! {
        <li>
            <div class="line"><span class="cut">"After runs of " <a href=href><strong>{one.after.clone()}</strong></a></span></div>
            {last}
            <Missed error=one.last_error/>
        </li>
    }
}

/// A webhook: where others send to, and how they show that they may. What they show is a secret and stands nowhere.
#[component]
fn Hook(one: WebhookLine, flow: String) -> impl IntoView {
    let path = format!(
        "/hooks/{}/{}",
        format::url_part(&flow),
        format::url_part(&one.name)
    );
    let shown = if one.is_signed { "a signature" } else { "a token" };
    view! {
        <li>
            <div class="line"><span class="cut">"By the webhook " <strong>{one.name}</strong></span></div>
            <p class="soft"><code>"POST " {path}</code></p>
            <p class="soft">"Callers send " {shown} " in the header " <code>{one.header}</code> "."</p>
        </li>
    }
}

/// Why nothing was started the last time.
#[component]
fn Missed(error: Option<String>) -> impl IntoView {
    error.map(|error| {
        view! {
            <p class="missed" data-state="attention">
                <Icon name="s-attention"/>
                <span>"Started nothing the last time: " <Said text=error/></span>
            </p>
        }
    })
}
