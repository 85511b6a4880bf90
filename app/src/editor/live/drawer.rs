//! What lies along the lower edge: everything that is wrong, or the document as text.

use flow::{Problem, Severity};
use leptos::prelude::*;

use super::desk::{Desk, Drawer, Saving};
use crate::icons::Icon;
use crate::parts::Said;

/// The drawer.
#[component]
pub(super) fn DrawerPart(desk: Desk) -> impl IntoView {
    move || match desk.drawer.get() {
        Drawer::Shut => None,
        Drawer::Problems => Some(
            view! {
                <section class="ed-drawer" aria-label="Problems">
                    <Head desk title="Problems"/>
                    <List desk/>
                </section>
            }
            .into_any(),
        ),
    }
}

#[component]
fn Head(desk: Desk, title: &'static str) -> impl IntoView {
    view! {
        <header>
            <h2 class="grow">{title}</h2>
            <button type="button" class="button quiet square" aria-label="Close" on:click=move |_| desk.drawer.set(Drawer::Shut)>
                <Icon name="u-close"/>
            </button>
        </header>
    }
    .into_any()
}

/// All problems; each leads to its task.
#[component]
fn List(desk: Desk) -> impl IntoView {
    let refused = move || match desk.saving.get() {
        Saving::Refused(error) if error.problems.is_empty() => Some(
            view! { <p class="ed-none" data-state="failed">{format!("Not saved: {}", error.message)}</p> },
        ),
        _ => None,
    };
    let rows = move || {
        let mut problems = desk.problems.get();
        if let Saving::Refused(error) = desk.saving.get() {
            // What only the server knows, such as what other flows there are.
            let more: Vec<Problem> = error
                .problems
                .into_iter()
                .filter(|problem| {
                    problems
                        .iter()
                        .all(|known| (&known.field, &known.code) != (&problem.field, &problem.code))
                })
                .collect();
            problems.extend(more);
        }
        if problems.is_empty() {
            return view! { <p class="ed-none muted">"Nothing is wrong with the document."</p> }.into_any();
        }
        let rows = problems
            .into_iter()
            .map(|problem| row(desk, problem))
            .collect_view();
        view! { <ul class="ed-problems">{rows}</ul> }.into_any()
    };
    view! { {refused} {rows} }
}

fn row(desk: Desk, problem: Problem) -> impl IntoView {
    let state = if problem.severity == Severity::Error {
        "failed"
    } else {
        "attention"
    };
    let to = problem.clone();
    let place = match (&problem.task, &problem.field, problem.line) {
        (_, Some(field), _) => field.clone(),
        (Some(task), None, _) => task.clone(),
        (None, None, Some(line)) => format!("line {line}"),
        _ => String::new(),
    };
    view! {
        <li data-state=state>
            <button
                type="button"
                on:click=move |_| desk.to_problem(&to)
            >
                <Icon name=format!("s-{state}")/>
                <span class="grow"><Said text=problem.message/></span>
                <code class="cut">{place}</code>
            </button>
        </li>
    }
}
