//! The tasks of a run as a table: the graph for screen readers, for small screens and for the eye that reads lists.

use flow::TaskIx;
use leptos::prelude::*;

use super::run::Shared;
use crate::graph::state::{elapsed, how_many};
use crate::icons;
use crate::icons::Icon;
use crate::look;
use crate::parts::{Badge, Clock};

/// So many rows stand in the page; the API pages through the rest.
const ROWS_MAX: usize = 1000;

/// The table.
#[component]
pub fn TaskList(shared: Shared) -> impl IntoView {
    let n_tasks = shared.run.plan().tasks.len();
    let rows = (0..n_tasks.min(ROWS_MAX))
        .map(|ix| view! { <Row shared ix=ix as TaskIx/> })
        .collect_view();
    view! {
        <div class="task-list grow">
            <table>
                <caption class="sr">"Tasks of the run"</caption>
                <thead>
                    <tr>
                        <th scope="col">"State"</th>
                        <th scope="col">"Task"</th>
                        <th scope="col">"Type"</th>
                        <th scope="col">"Why"</th>
                        <th scope="col" class="right">"Attempt"</th>
                        <th scope="col" class="right">"Duration"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            {(n_tasks > ROWS_MAX)
                .then(|| {
                    view! {
                        <p class="note" data-state="attention">
                            {format!("The first {ROWS_MAX} of {n_tasks} tasks. The others are in the graph and in the API.")}
                        </p>
                    }
                })}
        </div>
    }
}

#[component]
fn Row(shared: Shared, ix: TaskIx) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let task = Memo::new(move |_| shared.run.task(ix));
    let fixed = task.get_untracked();
    let key = fixed.path.clone();
    let attempt = move || {
        task.with(|task| match task.attempt {
            _ if task.parts.is_some() => how_many(task).unwrap_or_default(),
            0 => String::new(),
            n if task.max_attempts > 1 => format!("{n}/{}", task.max_attempts.max(n)),
            n => n.to_string(),
        })
    };
    // Only what runs listens to the clock.
    let took = move || {
        task.with(|task| {
            let now = if task.finished_at.is_none() && task.started_at.is_some() {
                clock.now_or(shared.run.rendered_at)
            } else {
                shared.run.rendered_at
            };
            elapsed(task, now)
        })
    };
    let why = move || task.with(look::why);
    let is_selected = move || (shared.selected_task() == Some(ix)).then_some("true");
    view! {
        <tr aria-selected=is_selected>
            <td><Badge look=Signal::derive(move || task.with(look::task))/></td>
            <td class="name">
                <a class="cut" style="display:block" href=move || shared.address(Some(&key), true) data-noscroll="true">{fixed.name}</a>
            </td>
            <td class="kind muted">
                <span style="display:flex;gap:6px;align-items:center">
                    <Icon name=icons::of_task_type(&fixed.task_type)/>
                    {fixed.task_type}
                </span>
            </td>
            <td class="why soft">{why}</td>
            <td class="attempt right num">{attempt}</td>
            <td class="right num">{took}</td>
        </tr>
    }
}
