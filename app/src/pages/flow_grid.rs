//! How a flow's tasks went in its last runs, and its numbers: HTML from the server. Of thousands of tasks only those in view are there.

use leptos::prelude::*;

use super::home::asked_window;
use crate::fns;
use crate::parts::Failure;

/// Tasks by runs.
#[component]
pub fn FlowGrid(flow: String) -> impl IntoView {
    let html = Resource::new(move || flow.clone(), |flow| fns::board::flow_grid(flow, None));
    view! {
        <section class="panel" aria-labelledby="grid-title">
            <header><h2 id="grid-title">"Tasks by run"</h2></header>
            <Transition>
                {move || Suspend::new(async move {
                    match html.await {
                        Ok(html) => view! { <Grid html/> }.into_any(),
                        Err(error) => view! { <Failure error part=true/> }.into_any(),
                    }
                })}
            </Transition>
        </section>
    }
    .into_any()
}

#[component]
fn Grid(html: String) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    #[cfg(feature = "hydrate")]
    browser::enliven(root);
    view! { <div class="task-grid" node_ref=root inner_html=html></div> }
}

/// The numbers of a window of time.
#[component]
pub fn FlowNumbers(flow: String) -> impl IntoView {
    let window = asked_window();
    let html = Resource::new(
        move || (flow.clone(), window.get()),
        |(flow, window)| fns::board::flow_numbers(flow, window),
    );
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match html.await {
                    Ok(html) => {
                        view! { <section class="numbers" aria-labelledby="numbers-title" inner_html=html></section> }.into_any()
                    }
                    Err(error) => view! { <Failure error part=true/> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::collections::HashSet;
    use std::rc::Rc;

    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    use web_sys::{Element, Event};

    use crate::fns;

    /// As the server has them.
    const ROW_PX: usize = 24;
    const ROWS_PER_CHUNK: usize = 100;

    /// Chunks kept; those out of view go first.
    const CHUNKS_MAX: usize = 2;

    pub(super) fn enliven(root: NodeRef<leptos::html::Div>) {
        let navigate = leptos_router::hooks::use_navigate();
        Effect::new(move |_| {
            let scroll = root.get().and_then(|root| {
                let root: Element = root.unchecked_into();
                root.query_selector(".grid-scroll").ok().flatten()
            });
            let Some(scroll) = scroll else { return };
            let asked = Rc::new(std::cell::RefCell::new(HashSet::from([0_usize])));
            let here = scroll.clone();
            listen(&scroll, "scroll", move |_| fill(&here, &asked));
            let here = scroll.clone();
            let navigate = navigate.clone();
            listen(&scroll, "click", move |event| {
                if let Some(address) = address_of(&here, &event) {
                    navigate(&address, leptos_router::NavigateOptions::default());
                }
            });
        });
    }

    fn listen(to: &Element, name: &str, then: impl FnMut(Event) + 'static) {
        let listener = Closure::<dyn FnMut(Event)>::new(then);
        // Adding a listener fails for no name.
        let _ = to.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
        let kept = StoredValue::new_local(Some(listener));
        on_cleanup(move || {
            kept.try_update_value(Option::take);
        });
    }

    fn number(element: &Element, name: &str) -> usize {
        let text = element.get_attribute(name);
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Fetches what comes into view.
    fn fill(scroll: &Element, asked: &Rc<std::cell::RefCell<HashSet<usize>>>) {
        let top = usize::try_from(scroll.scroll_top()).unwrap_or(0) / ROW_PX;
        let rows = usize::try_from(scroll.client_height()).unwrap_or(0) / ROW_PX;
        let n_tasks = number(scroll, "data-tasks");
        let first = top.saturating_sub(rows) / ROWS_PER_CHUNK;
        let last = ((top + 2 * rows).min(n_tasks.saturating_sub(1))) / ROWS_PER_CHUNK;
        for chunk in first..=last {
            if !asked.borrow_mut().insert(chunk) {
                continue;
            }
            let (scroll, asked) = (scroll.clone(), Rc::clone(asked));
            let flow = scroll.get_attribute("data-flow").unwrap_or_default();
            spawn_local(async move {
                match fns::board::flow_grid(flow, Some(chunk * ROWS_PER_CHUNK)).await {
                    Ok(html) => {
                        if let Ok(Some(space)) = scroll.query_selector(".grid-space") {
                            let _ = space.insert_adjacent_html("beforeend", &html);
                            forget_far(&space, &asked, chunk);
                        }
                    }
                    // It is asked for again when it comes into view again.
                    Err(_) => drop(asked.borrow_mut().remove(&chunk)),
                }
            });
        }
    }

    fn forget_far(space: &Element, asked: &std::cell::RefCell<HashSet<usize>>, near: usize) {
        while space.child_element_count() as usize > CHUNKS_MAX {
            let mut farthest: Option<(usize, Element)> = None;
            let mut child = space.first_element_child();
            while let Some(chunk) = child {
                let far = (number(&chunk, "data-from") / ROWS_PER_CHUNK).abs_diff(near);
                child = chunk.next_element_sibling();
                if farthest.as_ref().is_none_or(|(most, _)| far > *most) {
                    farthest = Some((far, chunk));
                }
            }
            let Some((_, chunk)) = farthest else { return };
            asked
                .borrow_mut()
                .remove(&(number(&chunk, "data-from") / ROWS_PER_CHUNK));
            chunk.remove();
        }
    }

    /// The run and task of the cell that was clicked.
    fn address_of(scroll: &Element, event: &Event) -> Option<String> {
        let target: Element = event.target()?.dyn_into().ok()?;
        let cells = target
            .parent_element()
            .filter(|parent| parent.class_name() == "cells")?;
        let row = cells.closest(".grid-row").ok()??;
        let mut column = 0;
        let mut before = target.previous_element_sibling();
        while let Some(element) = before {
            column += 1;
            before = element.previous_element_sibling();
        }
        let runs = scroll.get_attribute("data-runs")?;
        let run = runs.split(' ').nth(column)?;
        let task = crate::format::url_part(&row.get_attribute("data-task")?);
        Some(format!("/runs/{run}?task={task}"))
    }
}
