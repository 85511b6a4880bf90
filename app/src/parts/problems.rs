//! What is wrong with a document or with inputs, all of it.

use flow::{Problem, Severity};
use leptos::prelude::*;

use super::Said;
use crate::icons::Icon;

/// A list of problems with their places.
#[component]
pub fn Problems(problems: Vec<Problem>) -> impl IntoView {
    let items = problems
        .into_iter()
        .map(|problem| {
            let place = problem
                .line
                .map(|line| format!("{line}:{}", problem.column.unwrap_or(1)));
            let state = if problem.severity == Severity::Error {
                "failed"
            } else {
                "attention"
            };
            let word = if problem.severity == Severity::Error {
                "error"
            } else {
                "warning"
            };
            view! {
                <li data-state=state>
                    <span class="place">{place}</span>
                    <span>
                        <span class="count"><Icon name=format!("s-{state}")/> {word}</span>
                        " "
                        <Said text=problem.message/>
                    </span>
                    {problem.field.map(|field| view! { <code class="field">{field}</code> })}
                </li>
            }
        })
        .collect_view();
    view! { <ul class="problems">{items}</ul> }
}
