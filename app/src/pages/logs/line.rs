//! A line of a log.

use flow::Timestamp;
use leptos::prelude::*;

use super::{Drawn, Lines, Times};
use crate::ansi::{self, Span};
use crate::format;
use crate::icons::Icon;
use crate::log::group::{Mark, without_mark};
use crate::log::needle::{Needle, plain};

/// A line with its number, which leads to it. Number and time are drawn by the style sheet: they are no part of what is copied, nor of
/// what is read aloud.
#[component]
pub(super) fn Line(
    lines: Lines,
    row: Drawn,
    /// When the task began.
    began: Option<Timestamp>,
    /// Opens (`true`) or closes a group.
    fold: Callback<((u32, u64), bool)>,
) -> impl IntoView {
    let (attempt, n) = (row.attempt, row.n);
    let href = move || lines.line_address(attempt, n);
    let is_here = move || lines.here() == Some((attempt, n));
    // An attempt's first line says so.
    let begins = row.begins.then(|| format!("attempt {attempt}"));
    let Some(line) = row.line else {
        return view! {
            <li class="yet" data-row=row.at data-begins=begins>
                <a class="n" data-n=n href=href tabindex="-1" aria-hidden="true"></a>
            </li>
        }
        .into_any();
    };
    let title = format!(
        "{} · attempt {attempt} · {}",
        line.stream,
        format::moment(line.at)
    );
    let is_error = line.stream == "stderr";
    let at = line.at;
    let time = move || at_text(lines.times, at, began.unwrap_or(at));
    let text = line.text;
    let mark = Mark::of(&text).map(Mark::key);
    let group = row
        .is_group
        .then(|| ((attempt, n), plain(&text).trim().to_owned()));
    let spans = move || {
        let drawn = lines.needle.try_with(|needle| drawn(&text, needle.as_ref()));
        drawn.unwrap_or_default()
    };
    let said = view! {
        {is_error.then(|| view! { <span class="sr">"stderr: "</span> })}
        {spans}
    };
    let said = match group {
        Some((group, name)) => view! { <Title lines group name fold said=said.into_any()/> }.into_any(),
        None => view! { <span class="t">{said}</span> }.into_any(),
    };
    view! {
        <li data-row=row.at data-stream=line.stream data-begins=begins data-group=mark class:here=is_here>
            <a class="n" data-n=n data-time=time href=href title=title tabindex="-1" aria-hidden="true" data-noscroll="true"></a>
            {said}
        </li>
    }
    .into_any()
}

/// The title of a group, which opens and closes it.
#[component]
fn Title(
    lines: Lines,
    /// Its place.
    group: (u32, u64),
    /// What it says, without colours.
    name: String,
    fold: Callback<((u32, u64), bool)>,
    said: AnyView,
) -> impl IntoView {
    let is_closed = move || lines.is_closed(group);
    // Told by the style sheet, as the number is.
    let inside = move || is_closed().then(|| lines.inside(group)).flatten();
    let name = if name.is_empty() {
        "Group without a title".to_owned()
    } else {
        name
    };
    let label = move || match inside() {
        Some(inside) => format!("{name}, {inside}"),
        None => name.clone(),
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let is_open = match event.key().as_str() {
            "ArrowRight" => true,
            "ArrowLeft" => false,
            _ => return,
        };
        event.prevent_default();
        fold.run((group, is_open));
    };
    // The button's clicks come here too.
    let on_click = move |_| {
        if !is_marking() {
            fold.run((group, untrack(is_closed)));
        }
    };
    view! {
        <span class="t" data-inside=inside on:click=on_click>
            <button
                type="button"
                class="fold"
                aria-label=label
                aria-expanded=move || (!is_closed()).to_string()
                on:keydown=on_key
            >
                <Icon name="u-turn"/>
            </button>
            {said}
        </span>
    }
    .into_any()
}

/// Whether something is being marked: a click that ends that means nothing else.
fn is_marking() -> bool {
    #[cfg(feature = "hydrate")]
    {
        let selection = window().get_selection().ok().flatten();
        selection.is_some_and(|selection| !selection.is_collapsed())
    }
    #[cfg(not(feature = "hydrate"))]
    {
        false
    }
}

/// When a line was written, if and as it is to be told.
pub(in crate::pages) fn at_text(times: RwSignal<Times>, at: Timestamp, began: Timestamp) -> Option<String> {
    match times.try_get().unwrap_or_default() {
        Times::Off => None,
        Times::Since => Some(since(at, began)),
        Times::Clock => Some(clock(at)),
    }
}

/// A line's text with its colours; what is searched for is marked. Of a line that begins a group it is the title.
pub(in crate::pages) fn drawn(text: &str, needle: Option<&Needle>) -> Vec<AnyView> {
    let mut views = Vec::new();
    for Span { style, text } in ansi::spans(without_mark(text)) {
        let pieces = marked(&text, needle);
        let inner = pieces.into_iter().map(|(piece, is_marked)| match is_marked {
            true => view! { <mark>{piece}</mark> }.into_any(),
            false => piece.into_any(),
        });
        match (style.class(), style.css()) {
            (class, None) if class.is_empty() => views.extend(inner),
            (class, css) => {
                let inner: Vec<_> = inner.collect();
                views.push(view! { <span class=class style=css>{inner}</span> }.into_any());
            }
        }
    }
    views
}

/// A text in pieces, each with whether it is what is searched for.
fn marked(text: &str, needle: Option<&Needle>) -> Vec<(String, bool)> {
    let places = needle.map(|needle| needle.places(text)).unwrap_or_default();
    let mut pieces = Vec::new();
    let mut last = 0;
    for place in places {
        if place.start > last {
            pieces.push((text[last..place.start].to_owned(), false));
        }
        pieces.push((text[place.clone()].to_owned(), true));
        last = place.end;
    }
    if last < text.len() {
        pieces.push((text[last..].to_owned(), false));
    }
    pieces
}

/// `+0:01:07.250`.
fn since(at: Timestamp, began: Timestamp) -> String {
    let ms = (at.as_millis() - began.as_millis()).max(0);
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!(
        "+{}:{:02}:{:02}.{ms:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `14:02:09.250`, in the reader's zone where there is a reader.
fn clock(at: Timestamp) -> String {
    #[cfg(feature = "hydrate")]
    {
        let date = js_sys::Date::new(&(at.as_millis() as f64).into());
        format!(
            "{:02}:{:02}:{:02}.{:03}",
            date.get_hours(),
            date.get_minutes(),
            date.get_seconds(),
            date.get_milliseconds()
        )
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let text = at.to_string();
        text.get(11..19).unwrap_or(&text).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::needle::Stream;

    #[test]
    fn what_is_searched_for_is_marked() {
        let needle = Needle::new("ab", Stream::All);
        let told = |text: &str| -> String {
            let pieces = marked(text, needle.as_ref()).into_iter();
            pieces
                .map(|(piece, is_marked)| if is_marked { format!("[{piece}]") } else { piece })
                .collect()
        };
        assert_eq!(told("ab and AB"), "[ab] and [AB]");
        assert_eq!(told("nothing"), "nothing");
        assert_eq!(told(""), "");
        assert_eq!(marked("ab", None), [("ab".to_owned(), false)]);
    }

    #[test]
    fn times_are_told_since_the_beginning() {
        let at = Timestamp::from_millis;
        assert_eq!(since(at(3_727_250), at(60_000)), "+1:01:07.250");
        assert_eq!(since(at(5), at(60)), "+0:00:00.000");
    }
}
