//! What the log of a run does in the browser: it measures, fetches what comes into sight at its ends, and follows.

use std::time::Duration;

use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{LINE_PX, Lines, Shared, Sight, Window, filter};
use crate::live::stream::{Batch, Next, Source, Stream, keep};
use crate::model::{RunLogLine, RunLogPage};
use crate::pages::logs::browser::{marked, scroll_down, watch_size};

/// So many pixels from an end what is beyond is fetched.
const NEAR_PX: f64 = 40.0 * LINE_PX;

/// So long a moment has to be shown before its lines are fetched.
const FETCH_AFTER: Duration = Duration::from_millis(40);

/// What is fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Earlier,
    Later,
    /// The end, in the place of what is there.
    End,
}

pub(super) fn enliven(lines: Lines, shared: Shared, scroller: NodeRef<Div>, next: Option<String>) {
    Effect::new(move |before: Option<bool>| {
        let Some(element) = scroller.get() else {
            return false;
        };
        if before != Some(true) {
            look(lines, scroller);
            follow_end(lines, scroller);
            watch_size(&element, move || {
                look(lines, scroller);
                follow_end(lines, scroller);
            });
        }
        true
    });
    if shared.capsule.is_none() {
        follow_time(lines, shared, scroller);
        follow(lines, shared, scroller, next);
    }
}

/// Whoever follows sees the newest line.
fn follow_end(lines: Lines, scroller: NodeRef<Div>) {
    if lines.is_following.try_get_untracked() == Some(true) {
        request_animation_frame(move || scroll_down(scroller));
    }
}

/// Arrows go from the link of a line to that of the next.
pub(super) fn moved(event: &web_sys::KeyboardEvent) {
    let line = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
        .filter(|target| target.tag_name() == "A")
        .and_then(|link| link.closest("li").ok().flatten());
    let to = line.and_then(|line| match event.key().as_str() {
        "ArrowUp" => line.previous_element_sibling(),
        "ArrowDown" => line.next_element_sibling(),
        _ => None,
    });
    let link = to.and_then(|line| line.query_selector("a").ok().flatten());
    if let Some(link) = link.and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
        event.prevent_default();
        let _ = link.focus();
    }
}

/// Sees what is in sight.
fn look(lines: Lines, scroller: NodeRef<Div>) {
    let Some(element) = scroller.try_get_untracked().flatten() else {
        return;
    };
    let sight = Sight {
        top: f64::from(element.scroll_top()),
        height: f64::from(element.client_height()),
        columns: None,
        marked: marked(&element),
    };
    if lines.sight.try_get_untracked().flatten() != Some(sight) {
        lines.sight.try_set(Some(sight));
    }
}

/// At the end the log is followed, anywhere else it is read; near an end with more behind it, more is fetched.
pub(super) fn scrolled(lines: Lines, scroller: NodeRef<Div>) {
    look(lines, scroller);
    let Some(element) = scroller.get_untracked() else {
        return;
    };
    let above = f64::from(element.scroll_top());
    let below = f64::from(element.scroll_height() - element.client_height()) - above;
    let (has_earlier, has_later) = lines
        .window
        .with_untracked(|window| (window.has_earlier, window.has_later));
    let is_at_end = below < 24.0 && !has_later;
    if lines.is_following.get_untracked() != is_at_end {
        lines.is_following.set(is_at_end);
    }
    if is_at_end {
        lines.n_unseen.set(0);
    }
    if has_earlier && above < NEAR_PX {
        fetch(lines, scroller, Way::Earlier);
    } else if has_later && below < NEAR_PX {
        fetch(lines, scroller, Way::Later);
    }
}

/// The newest lines come into sight, and are followed.
pub(super) fn to_end(lines: Lines, scroller: NodeRef<Div>) {
    lines.n_unseen.set(0);
    if lines.window.with_untracked(|window| window.has_later) {
        fetch(lines, scroller, Way::End);
    } else {
        lines.is_following.set(true);
        scroll_down(scroller);
    }
}

/// Asks for lines; one question at a time, but the end is wanted whatever else is on its way.
fn fetch(lines: Lines, scroller: NodeRef<Div>, way: Way) {
    let Some(shared) = lines.shared() else { return };
    if shared.capsule.is_some() || (way != Way::End && lines.is_asking.get_untracked()) {
        return;
    }
    lines.is_asking.set(true);
    let turn = lines.turn.try_update_value(|turn| {
        *turn += 1;
        *turn
    });
    let place = |at: usize| {
        let window = lines.window;
        window.with_untracked(|window| window.row(at).map(|line| line.place.clone()))
    };
    let n_rows = lines.window.with_untracked(|window| window.n_rows(None));
    let (before, after) = match way {
        Way::Earlier => (place(0), None),
        Way::Later => (None, n_rows.checked_sub(1).and_then(place)),
        Way::End => (None, None),
    };
    let until = match way {
        Way::End => untrack(|| shared.run.instant.get()).map(|instant| instant.at),
        _ => lines.window.with_untracked(|window| window.until),
    };
    let (text, stream) = untrack(|| filter(shared));
    spawn_local(async move {
        let page = crate::fns::run_logs(shared.id, before, after, until, text, stream).await;
        // Somebody asked for the end meanwhile, or the panel is gone.
        if lines.turn.try_get_value() != turn {
            return;
        }
        lines.is_asking.try_set(false);
        // What could not be fetched is asked for again at the next scroll.
        let Ok(page) = page else { return };
        take(lines, scroller, way, page, until);
    });
}

fn take(lines: Lines, scroller: NodeRef<Div>, way: Way, page: RunLogPage, until: Option<flow::Timestamp>) {
    // What is read stays where it is.
    let moved = match way {
        Way::Earlier => lines
            .window
            .try_update(|window| window.earlier(page))
            .unwrap_or(0) as f64,
        Way::Later => -(lines.window.try_update(|window| window.later(page)).unwrap_or(0) as f64),
        Way::End => {
            if page.n_lines.is_some() {
                lines.n_fitting.try_set(page.n_lines);
            }
            lines.window.try_set(Window::new(page, until));
            lines.is_following.try_set(true);
            lines.n_unseen.try_set(0);
            // The room for all lines is made before the next frame.
            follow_end(lines, scroller);
            return;
        }
    };
    if moved == 0.0 {
        return;
    }
    let by = moved * LINE_PX;
    lines.sight.try_update(|sight| {
        if let Some(sight) = sight {
            sight.top = (sight.top + by).max(0.0);
            sight.marked = sight.marked.and_then(|at| at.checked_add_signed(moved as isize));
        }
    });
    request_animation_frame(move || {
        if let Some(element) = scroller.try_get_untracked().flatten() {
            element.set_scroll_top(element.scroll_top() + by as i32);
        }
    });
}

/// Another moment has other lines, unless all are here.
fn follow_time(lines: Lines, shared: Shared, scroller: NodeRef<Div>) {
    Effect::new(move |before: Option<()>| {
        let seq = shared.run.instant.get().map(|instant| instant.seq);
        // The first moment came with the page.
        if before.is_none() {
            return;
        }
        if lines.window.with_untracked(Window::is_whole) {
            follow_end(lines, scroller);
            return;
        }
        set_timeout(
            move || {
                let now = shared.run.instant.try_get_untracked();
                if now.map(|now| now.map(|now| now.seq)) == Some(seq) {
                    fetch(lines, scroller, Way::End);
                }
            },
            FETCH_AFTER,
        );
    });
}

/// Opens the stream of the run's lines from where the page ended.
fn follow(lines: Lines, shared: Shared, scroller: NodeRef<Div>, next: Option<String>) {
    let batch = Batch::new(move |pages: Vec<RunLogPage>| {
        add(lines, pages);
        follow_end(lines, scroller);
    });
    keep(Stream::open(Source {
        topic: format!("logs:{}", shared.id),
        from: next.unwrap_or_default(),
        frame: Box::new(move |frame| {
            if frame.name == "end" {
                return Next::Done;
            }
            if frame.name == "log"
                && let Ok(page) = serde_json::from_str::<RunLogPage>(&frame.data)
            {
                batch.push(page);
            }
            Next::Go
        }),
        link: None,
    }));
}

/// Newly written lines.
fn add(lines: Lines, pages: Vec<RunLogPage>) {
    // The panel may have gone before the frame that this waited for.
    let Some(needle) = lines.needle.try_get_untracked() else {
        return;
    };
    let fits = |line: &RunLogLine| {
        let needle = needle.as_ref();
        needle.is_none_or(|needle| needle.fits(&line.line.stream, &line.line.text))
    };
    let new: Vec<RunLogLine> = pages
        .into_iter()
        .flat_map(|page| page.lines)
        .filter(fits)
        .collect();
    if new.is_empty() {
        return;
    }
    let is_following = lines.is_following.get_untracked();
    let n_new = lines
        .window
        .try_update(|window| window.append(new, is_following))
        .unwrap_or(0);
    if !is_following {
        lines.n_unseen.update(|n| *n += n_new);
    }
    lines
        .n_fitting
        .update(|n_fitting| *n_fitting = n_fitting.map(|n| n + n_new as u64));
}
