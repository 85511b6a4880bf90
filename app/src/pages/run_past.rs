//! What an item went through. A run keeps of one that has settled only how it ended: its attempts are told by the log.

use flow::view::TaskRunView;
use leptos::prelude::*;

use super::attempts::{Attempts, of_segments};
use super::inspector::Wrong;
use super::run_shared::Shared;
use crate::fns;
use crate::timeline::{self, millis};

/// The attempts of an item that has settled.
#[component]
pub fn ItemPast(shared: Shared, task: Memo<TaskRunView>, part: u32) -> impl IntoView {
    let id = shared.id;
    let key = task.with_untracked(|task| task.path.clone());
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
        <Transition fallback=move || view! { <Wrong task/> }>
            {move || Suspend::new(async move {
                let row = rows.await;
                let row = match shared.run.instant.get() {
                    Some(instant) => timeline::cut(&row, millis(start, instant.at)),
                    None => row,
                };
                let attempts = of_segments(&row, start);
                match attempts.is_empty() {
                    true => view! { <Wrong task/> }.into_any(),
                    false => view! { <Attempts shared task attempts=Signal::stored(attempts)/> }.into_any(),
                }
            })}
        </Transition>
    }
}
