//! Searching a log: the server looks through all of it and counts exactly. What is searched for is part of the address.

use leptos::html::{Div, Input};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::{Lines, Shared, stream_options};
use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::log::FOUND_MAX;
use crate::log::needle::{Needle, Stream};
use crate::log::sheet::Sheet;
use crate::model::{LogFound, LogPage};
use crate::pages::run::stay;

/// So long after the last letter the server is asked.
#[cfg(feature = "hydrate")]
const PAUSE_MS: u64 = 150;

/// What is searched for of a log, found.
pub(super) type Search = Resource<Option<LogFound>>;

/// Searches for what the address says. None if that is nothing.
pub(super) fn search(shared: Shared, attempt: Memo<Option<u32>>, key: &str) -> Search {
    let key = key.to_owned();
    let asked = move || {
        let text = shared.param("find").unwrap_or_default();
        (attempt.get(), text, shared.param("in").unwrap_or_default())
    };
    Resource::new(asked, move |(attempt, text, stream)| {
        let key = key.clone();
        async move {
            let needle = Needle::new(&text, Stream::of(&stream))?;
            let found = match shared.capsule {
                Some(capsule) => capsule.with_value(|capsule| within(capsule.log(&key, attempt), &needle)),
                None => fns::find_in_log(shared.id, key, attempt, text, stream)
                    .await
                    .unwrap_or_default(),
            };
            Some(found)
        }
    })
}

/// The field, what was found, and the ways to it.
#[component]
pub(super) fn Find(
    shared: Shared,
    lines: Lines,
    scroller: NodeRef<Div>,
    found: Search,
    is_empty: Signal<bool>,
) -> impl IntoView {
    let field = NodeRef::<Input>::new();
    // What is typed stands in the field; the address follows.
    let typed = untrack(|| shared.param("find")).unwrap_or_default();
    let stream = untrack(|| Stream::of(&shared.param("in").unwrap_or_default()));
    let navigate = use_navigate();
    let go = Callback::new(move |to: String| {
        let mut options = stay();
        options.replace = true;
        navigate(&to, options);
    });
    let ask = move |text: String| {
        let to = untrack(|| {
            let text = Some(text.as_str()).filter(|text| !text.is_empty());
            shared.changed(shared.view.get(), &[("find", text), ("line", None)])
        });
        go.run(to);
    };
    let on_input = move |event: leptos::ev::Event| {
        let text = event_target_value(&event);
        #[cfg(feature = "hydrate")]
        later(field, text, PAUSE_MS, ask);
        #[cfg(not(feature = "hydrate"))]
        ask(text);
    };
    let on_stream = move |event: leptos::ev::Event| {
        let stream = event_target_value(&event);
        let to = untrack(|| {
            let stream = Some(stream.as_str()).filter(|stream| *stream != Stream::All.key());
            shared.changed(shared.view.get(), &[("in", stream), ("line", None)])
        });
        go.run(to);
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| match event.key().as_str() {
        "Enter" => {
            event.prevent_default();
            let typed = event_target_value(&event);
            let asked = untrack(|| shared.param("find")).unwrap_or_default();
            if typed != asked {
                // Whoever is quick need not wait.
                ask(typed);
            } else if let Some(to) = untrack(|| step(lines, !event.shift_key())) {
                go.run(to);
            }
        }
        "Escape" => {
            event.prevent_default();
            event.stop_propagation();
            if let Some(field) = field.get_untracked() {
                field.set_value("");
            }
            ask(String::new());
        }
        _ => {}
    };
    let hidden = move || {
        let fields = shared.hidden_fields(shared.view.get(), &["find", "in", "line"]);
        fields
            .into_iter()
            .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
            .collect_view()
    };
    view! {
        <form
            method="get"
            class="log-find"
            role="search"
            action=move || shared.base()
            hidden=move || is_empty.get()
            on:submit=move |event| event.prevent_default()
        >
            {hidden}
            <Icon name="u-search"/>
            <input
                type="search"
                name="find"
                node_ref=field
                value=typed
                placeholder="Find in the log"
                aria-label="Find in the log"
                autocomplete="off"
                data-find-log
                on:input=on_input
                on:keydown=on_key
            />
            <select name="in" aria-label="Which lines" on:change=on_stream>{stream_options(stream)}</select>
            <Transition>
                {move || Suspend::new(async move {
                    let found = found.await;
                    view! { <Hits lines scroller found/> }
                })}
            </Transition>
        </form>
    }
    .into_any()
}

/// How many lines fit, and the ways to the one before and the next.
#[component]
fn Hits(lines: Lines, scroller: NodeRef<Div>, found: Option<LogFound>) -> impl IntoView {
    let is_asked = found.is_some();
    lines.found.set(found);
    #[cfg(feature = "hydrate")]
    super::browser::show_first(lines, scroller);
    #[cfg(not(feature = "hydrate"))]
    let _ = scroller;
    let told = move || {
        let here = lines.here();
        lines.found.try_with(|found| {
            let found = found.as_ref()?;
            let at = here.and_then(|here| found.places.binary_search(&here).ok());
            Some(match (found.n_lines, at) {
                (0, _) => "not found".to_owned(),
                (n, Some(at)) => format!("{} of {}", format::thousands(at as u64 + 1), format::thousands(n)),
                (n, None) => format::count(n, "line", "lines"),
            })
        })?
    };
    let link = move |is_next: bool| {
        let href = step(lines, is_next)?;
        let (name, icon) = match is_next {
            true => ("Next line that fits", "u-turn"),
            false => ("Line before that fits", "u-before"),
        };
        Some(view! {
            <a class="button quiet square" href=href title=name aria-label=name data-noscroll="true"><Icon name=icon/></a>
        })
    };
    is_asked.then(|| {
        view! {
            <span class="num hits" role="status">{told}</span>
            {move || link(false)}
            {move || link(true)}
        }
    })
}

/// The address of the next line that was found, or of the one before; round about.
fn step(lines: Lines, is_next: bool) -> Option<String> {
    let here = lines.here();
    let place = lines
        .found
        .try_with(|found| next(&found.as_ref()?.places, here, is_next))??;
    lines.line_address(place.0, place.1)
}

/// The place behind or before one. Without one: the last, as a log is read from its end.
pub(super) fn next(places: &[(u32, u64)], here: Option<(u32, u64)>, is_next: bool) -> Option<(u32, u64)> {
    let found = match (here, is_next) {
        (None, _) => None,
        (Some(here), true) => places.get(places.partition_point(|place| *place <= here)),
        (Some(here), false) => {
            let at = places.partition_point(|place| *place < here);
            at.checked_sub(1).and_then(|at| places.get(at))
        }
    };
    let around = match (here, is_next) {
        (Some(_), true) => places.first(),
        _ => places.last(),
    };
    found.or(around).copied()
}

/// What is found in a log that is here as a whole: that of a file.
fn within(page: LogPage, needle: &Needle) -> LogFound {
    let mut sheet = Sheet::default();
    sheet.add(page);
    let fitting = sheet.lines().filter(|line| needle.fits(&line.stream, &line.text));
    let places: Vec<_> = fitting.map(|line| (line.attempt, line.n)).collect();
    LogFound {
        n_lines: places.len() as u64,
        places: places.into_iter().take(FOUND_MAX).collect(),
    }
}

/// Asks when nothing more was typed for a moment, in milliseconds.
#[cfg(feature = "hydrate")]
pub(in crate::pages) fn later(
    field: NodeRef<Input>,
    text: String,
    pause: u64,
    ask: impl Fn(String) + 'static,
) {
    let then = move || {
        let is_same = field
            .try_get_untracked()
            .flatten()
            .is_some_and(|field| field.value() == text);
        if is_same {
            ask(text);
        }
    };
    set_timeout(then, std::time::Duration::from_millis(pause));
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn what_was_found_is_gone_through_round_about() {
        let places = [(1, 3), (1, 9), (2, 1)];
        let go = |here, is_next| next(&places, here, is_next);
        assert_eq!((go(None, true), go(None, false)), (Some((2, 1)), Some((2, 1))));
        assert_eq!(
            (go(Some((1, 3)), true), go(Some((1, 3)), false)),
            (Some((1, 9)), Some((2, 1)))
        );
        assert_eq!(
            (go(Some((2, 1)), true), go(Some((2, 1)), false)),
            (Some((1, 3)), Some((1, 9)))
        );
        assert_eq!(
            (go(Some((1, 5)), true), go(Some((1, 5)), false)),
            (Some((1, 9)), Some((1, 3)))
        );
        assert_eq!(next(&[], Some((1, 5)), true), None);
    }
}
