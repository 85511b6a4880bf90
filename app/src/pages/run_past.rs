//! What an item went through. A run keeps of one that has settled only how it ended: its attempts are told by the log.

use flow::view::TaskRunView;
use leptos::prelude::*;

use super::run_shared::Shared;
use crate::fns;
use crate::format;
use crate::look;
use crate::parts::Badge;
use crate::timeline::history::attempts;
use crate::timeline::{self, Kind, Segment, millis};

/// The attempts of an item that has settled, and the pauses between them.
#[component]
pub fn ItemPast(shared: Shared, task: Memo<TaskRunView>, part: u32, key: String) -> impl IntoView {
    let id = shared.id;
    // One at work still knows all of it.
    let is_asked = Memo::new(move |_| task.with(|task| task.state.is_final() && task.attempts.is_empty()));
    let rows = Resource::new(
        move || is_asked.get(),
        move |is_asked| {
            let key = key.clone();
            async move {
                match (is_asked, shared.capsule) {
                    (false, _) => Vec::new(),
                    (true, Some(capsule)) => {
                        let plan = shared.run.plan();
                        let mut rows = capsule.with_value(|capsule| capsule.item_rows(&plan, &key));
                        rows.remove(&part).unwrap_or_default()
                    }
                    (true, None) => {
                        let rows = fns::times_of_items(id, key).await;
                        rows.ok()
                            .and_then(|mut rows| rows.remove(&part))
                            .unwrap_or_default()
                    }
                }
            }
        },
    );
    let start = shared.run.summary.with_untracked(|summary| summary.created_at);
    view! {
        <Transition>
            {move || Suspend::new(async move {
                let row = rows.await;
                let row = match shared.run.instant.get() {
                    Some(instant) => timeline::cut(&row, millis(start, instant.at)),
                    None => row,
                };
                let is_told = row.iter().any(|segment| segment.kind != Kind::Moment);
                is_told.then(|| view! { <Told row/> })
            })}
        </Transition>
    }
}

#[component]
fn Told(row: Vec<Segment>) -> impl IntoView {
    let mut before: Option<String> = None;
    let told: Vec<_> = attempts(&row)
        .into_iter()
        .map(|segment| {
            let again = segment.error.is_some() && segment.error == before;
            if segment.error.is_some() {
                before.clone_from(&segment.error);
            }
            (segment.clone(), again)
        })
        .collect();
    let rows = told
        .into_iter()
        .rev()
        .map(|(segment, again)| view! { <Piece segment again/> })
        .collect_view();
    view! {
        <section>
            <h3>"Attempts"</h3>
            <ol class="attempts">{rows}</ol>
        </section>
    }
}

/// An attempt, or a pause. An error that came twice is said once.
#[component]
fn Piece(segment: Segment, again: bool) -> impl IntoView {
    let took = segment.to.map(|to| format::duration(to - segment.from));
    let look = match segment.kind {
        Kind::Running => look::outcome(&segment.outcome),
        Kind::Backoff => look::outcome("snoozed"),
        _ => look::outcome(&segment.outcome),
    };
    let number = (segment.kind == Kind::Running).then(|| format!("#{}", segment.attempt));
    let word = match segment.kind {
        Kind::Backoff => Some("pause before the next"),
        _ => None,
    };
    let why = match again {
        true => Some("the same error".to_owned()),
        false => segment.error,
    };
    view! {
        <li data-state=look.key>
            <strong class="num">{number}</strong>
            <span>
                {match word {
                    Some(word) => view! { <span class="muted">{word}</span> }.into_any(),
                    None => view! { <Badge look/> }.into_any(),
                }}
            </span>
            <span class="num soft">{took}</span>
            {why.map(|why| view! { <span class="why">{why}</span> })}
        </li>
    }
}
