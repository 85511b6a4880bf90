//! Why nothing happens: what a run or a task waits for, who stands in its way, and when it goes on. What the run's events say is
//! known at once; who has the places and which queue has no worker only the server knows.

use flow::doc::TaskDoc;
use flow::view::{RunStatus, TaskRunView, TaskStatus, WhyView};
use flow::{HumanDuration, RunId, Timestamp};
use leptos::prelude::*;
use serde_json::Value;

use super::run::Shared;
use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::look;
use crate::model::Reasons;
use crate::parts::{Clock, Moment, Said};

/// How often the server is asked again, while something waits that its events do not tell of.
const ASK_EVERY_MS: i64 = 5_000;

/// What the server knows of it. It is asked only while something waits for a place or a worker, and never about a run from a file.
pub(super) fn reasons(run: crate::live::run::LiveRun, id: RunId, is_file: bool) -> Resource<Reasons> {
    let clock = expect_context::<Clock>();
    let round = Memo::new(move |_| {
        let is_asked = run.summary.with(|summary| {
            summary.state == RunStatus::Queued || (!summary.state.is_final() && summary.counts.ready > 0)
        });
        (is_asked && !is_file && !run.is_past())
            .then(|| clock.now.get().map_or(0, |now| now.as_millis() / ASK_EVERY_MS))
    });
    Resource::new(
        move || round.get(),
        move |round| async move {
            match round {
                Some(_) => fns::ask_reasons(id).await.unwrap_or_default(),
                None => Reasons::default(),
            }
        },
    )
}

/// How a run stands, where a word does not say it: queued behind whom, held, cancelled why.
#[component]
pub fn Standing(shared: Shared) -> impl IntoView {
    let run = shared.run;
    let held = move || match run.status() {
        RunStatus::Paused => {
            let reason = run.with(|state| state.pause_reason().map(|reason| [": ", reason].concat()));
            let reason = reason.unwrap_or_default();
            let words = [
                "Held",
                &reason,
                ". What runs comes to its end; nothing more starts until somebody resumes the run.",
            ];
            Some(("paused", words.concat()))
        }
        RunStatus::Ending | RunStatus::Cancelled => {
            let reason = run.summary.with(|summary| summary.cancel_reason.clone());
            reason.map(|reason| ("cancelled", format!("Cancelled: {reason}")))
        }
        _ => None,
    };
    view! {
        {move || {
            held()
                .map(|(state, words)| {
                    view! {
                        <p class="standing" data-state=state>
                            <Icon name=format!("s-{state}")/>
                            <span>{words}</span>
                        </p>
                    }
                })
        }}
        <Transition>
            {move || {
                (run.status() == RunStatus::Queued)
                    .then(|| Suspend::new(async move { view! { <Queued reasons=shared.reasons.await/> } }))
            }}
        </Transition>
    }
}

#[component]
fn Queued(reasons: Reasons) -> impl IntoView {
    let words = reasons.queued.map(|queued| {
        let of = if queued.key.is_empty() {
            "of this flow".to_owned()
        } else {
            format!("with the key {}", queued.key)
        };
        let may = format!(
            "Waits for its turn: {} {of} may be at work at once.",
            format::count(u64::from(queued.limit), "run", "runs")
        );
        let before = match queued.n_before {
            None | Some(0) => "It is next.".to_owned(),
            Some(n) => format!("{} before it.", format::count(n as u64, "run waits", "runs wait")),
        };
        let holders = (!queued.holders.is_empty()).then(|| {
            let links = queued
                .holders
                .into_iter()
                .map(|holder| view! { " " <RunLink run=holder/> })
                .collect_view();
            view! { <span>"At work:" {links} "."</span> }
        });
        view! { <span>{may} " " {before} " " {holders}</span> }
    });
    view! {
        <p class="standing" data-state="queued">
            <Icon name="s-queued"/>
            {words}
        </p>
    }
}

/// A run by the tail of its id.
#[component]
pub fn RunLink(run: RunId) -> impl IntoView {
    let id = run.to_string();
    let tail = format::short_id(&id).to_owned();
    view! {
        <a href=format!("/runs/{id}") title=id>
            <code>{tail}</code>
        </a>
    }
}

/// Why a task run is not running, for as long as it is not.
#[component]
pub fn Why(shared: Shared, task: Memo<TaskRunView>) -> impl IntoView {
    let until = Memo::new(move |_| task.with(|task| task.waits_until));
    // Only a task that is out for a worker waits for what its events do not tell.
    let is_out = Memo::new(move |_| task.with(|task| task.state == TaskStatus::Ready));
    let ups = open_upstreams(shared, task);
    let path = StoredValue::new(task.with_untracked(|task| task.path.clone()));
    let then = Memo::new(move |_| {
        let plan = shared.run.plan();
        task.with(|task| Some(after_wait(task, &plan.task(plan.spot(&task.path)?.task).doc)?.to_owned()))
    });
    // What a failure says stands below, on its own.
    let words = move || {
        task.with(|task| match (&task.error, &task.waits_for) {
            (Some(_), None) => task.reason.clone().or_else(|| look::parts(task)),
            _ => look::why(task),
        })
    };
    view! {
        <div class="why-line soft">
            {move || {
                if is_out.get() {
                    view! {
                        <Transition>
                            {move || Suspend::new(async move {
                                let items = shared.reasons.await.items;
                                let found = items.into_iter().find(|why| path.with_value(|path| why.path == *path));
                                view! { <Out task found/> }
                            })}
                        </Transition>
                    }
                        .into_any()
                } else if ups.with(|ups| !ups.is_empty()) {
                    view! { <Upstreams shared ups=ups.get()/> }.into_any()
                } else {
                    words().map(|words| view! { <span><Said text=words/></span> }).into_any()
                }
            }}
            {move || until.get().map(|at| view! { <TimeLeft shared at then=then.get()/> })}
        </div>
    }
}

/// The upstreams of a blocked task that have not settled: path and name.
fn open_upstreams(shared: Shared, task: Memo<TaskRunView>) -> Memo<Vec<(String, String)>> {
    Memo::new(move |_| {
        let path = task.with(|task| (task.state == TaskStatus::Blocked).then(|| task.path.clone()));
        shared.run.with(|state| {
            let plan = state.plan();
            let ix = path.and_then(|path| plan.find(&path));
            let mut open: Vec<(String, String)> = Vec::new();
            for &edge in ix.into_iter().flat_map(|ix| &plan.task(ix).ups) {
                let from = plan.edge(edge).from;
                let key = &*plan.task(from).key;
                if !state.task(from).state.status().is_final() && open.iter().all(|(other, _)| other != key) {
                    open.push((key.to_owned(), plan.name_of(from)));
                }
            }
            open
        })
    })
}

/// The tasks that a blocked one waits for, as links: ten of them suffice.
#[component]
fn Upstreams(shared: Shared, ups: Vec<(String, String)>) -> impl IntoView {
    let n_more = ups.len().saturating_sub(10);
    let links = ups
        .into_iter()
        .take(10)
        .map(|(key, name)| {
            let href = move || shared.address(Some(&key));
            view! { <li><a href=href data-noscroll="true">{name}</a></li> }
        })
        .collect_view();
    view! {
        <span>"waits for"</span>
        <ul class="upstreams" aria-label="Waits for">{links}</ul>
        {(n_more > 0).then(|| format!("and {n_more} more"))}
    }
}

/// What the server says of a task that waits for a worker.
#[component]
fn Out(task: Memo<TaskRunView>, found: Option<WhyView>) -> impl IntoView {
    match found {
        Some(why) => {
            let state = if why.kind == "no_worker" {
                "attention"
            } else {
                "queued"
            };
            view! {
                <span class="out" data-state=state>
                    <Icon name=format!("s-{state}")/>
                    <span><Said text=why.reason/></span>
                    {why.since.map(|since| view! { <span>"since " <Moment at=since/></span> })}
                </span>
            }
            .into_any()
        }
        None => view! { <span>{move || task.with(|task| task.reason.clone()).map(|reason| view! { <Said text=reason/> })}</span> }.into_any(),
    }
}

/// What becomes of a task that waits for a person or a signal when its time is up. None if it waits for something else, or if only an
/// expression knows.
fn after_wait(task: &TaskRunView, doc: &TaskDoc) -> Option<&'static str> {
    let is_signal = match task.waits_for.as_deref()? {
        "signal" => true,
        "approval" => false,
        _ => return None,
    };
    let until = task.waits_until?;
    // There is a time for each attempt and one for all of them; what comes first is what is told.
    let all: Option<HumanDuration> = match doc.with.get("timeout") {
        None | Some(Value::Null) => None,
        Some(timeout) => Some(timeout.as_str()?.parse().ok()?),
    };
    let is_for_all = match (all, task.started_at) {
        (Some(all), Some(began)) => until >= began.plus(all.as_duration()),
        _ => false,
    };
    if !is_for_all {
        return Some(match task.attempt < task.max_attempts {
            true => "then it is tried again",
            false => "then it fails",
        });
    }
    if is_signal {
        return Some(match doc.with.contains_key("default") {
            true => "then it goes on with its default",
            false => "then it fails",
        });
    }
    match doc.with.get("on_timeout") {
        None | Some(Value::Null) => Some("then it fails"),
        Some(word) => match word.as_str()? {
            "fail" => Some("then it fails"),
            "approve" => Some("then it goes on as approved"),
            "reject" => Some("then it is rejected"),
            _ => None,
        },
    }
}

/// How long until a moment, ticking, when that is, and what happens then.
#[component]
pub fn TimeLeft(shared: Shared, at: Timestamp, then: Option<String>) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let left = move || match format::span(shared.run.now(clock), at) {
        0 => "now".to_owned(),
        ms => format!("in {}", format::ticking(ms.saturating_add(999))),
    };
    view! {
        <span class="time-left">
            <strong class="num">{left}</strong>
            " · "
            <Moment at/>
            {then.map(|then| format!(" · {then}"))}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_says_what_happens_when_its_time_is_up() {
        let check = |waits_for: &str, doc: &str, expected: &str| {
            let text = format!(
                r#"{{"path": "t", "name": "t", "task_type": "x", "role": "main", "state": "waiting", "attempt": 1, "max_attempts": 2,
                "started_at": "2026-01-31T12:00:00Z", "waits_until": "2026-01-31T14:00:00Z", "waits_for": "{waits_for}"}}"#
            );
            let task: TaskRunView = serde_json::from_str(&text).expect("a task run");
            let doc: TaskDoc = serde_json::from_str(doc).expect("a task");
            assert_eq!(
                after_wait(&task, &doc).unwrap_or("–"),
                expected,
                "{waits_for} {doc:?}"
            );
        };
        let with = |with: &str| format!(r#"{{"type": "x", "with": {with}}}"#);
        check("approval", &with(r#"{"timeout": "2h"}"#), "then it fails");
        let approve = with(r#"{"timeout": "2h", "on_timeout": "approve"}"#);
        check("approval", &approve, "then it goes on as approved");
        let reject = with(r#"{"timeout": "2h", "on_timeout": "reject"}"#);
        check("approval", &reject, "then it is rejected");
        check("signal", &reject, "then it fails");
        let default = with(r#"{"timeout": "2h", "default": null}"#);
        check("signal", &default, "then it goes on with its default");
        let unknown = with(r#"{"timeout": "2h", "on_timeout": "{{ inputs.then }}"}"#);
        check("approval", &unknown, "–");
        // The time of this attempt is up before that of all.
        let attempt = r#"{"type": "x", "timeout": "2h", "with": {"timeout": "3h", "on_timeout": "approve"}}"#;
        check("approval", attempt, "then it is tried again");
        check("timer", "{\"type\": \"x\"}", "–");
    }
}
