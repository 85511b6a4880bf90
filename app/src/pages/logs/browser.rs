//! What a log does in the browser: it measures, fetches what comes into sight, follows, and goes to lines.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver};

use super::{LINE_PX, Lines, Shared, Sight};
use crate::live::stream::{Batch, Next, Source, Stream, keep};
use crate::log::PIECE;
use crate::log::sheet::Sheet;
use crate::model::LogPage;

/// So long what comes into sight has to stay there before it is fetched.
const FETCH_AFTER: Duration = Duration::from_millis(40);

/// The log's panel.
#[derive(Clone, Copy)]
pub(super) struct Panel {
    pub(super) shared: Shared,
    pub(super) lines: Lines,
    pub(super) scroller: NodeRef<Div>,
    pub(super) is_wrapped: RwSignal<bool>,
    /// The task run's path.
    pub(super) key: StoredValue<String>,
}

impl Panel {
    pub(super) fn enliven(self) {
        let Self {
            lines,
            scroller,
            is_wrapped,
            ..
        } = self;
        // Where the first look falls: on the end, unless a line is named.
        Effect::new(move |before: Option<bool>| {
            let Some(element) = scroller.get() else {
                return false;
            };
            is_wrapped.track();
            let was_here = before == Some(true);
            look(lines, scroller, is_wrapped);
            if !was_here {
                watch_size(&element, move || {
                    look(lines, scroller, is_wrapped);
                    if lines.is_following.try_get_untracked() == Some(true) {
                        scroll_down(scroller);
                    }
                });
            }
            // The room for all lines is made before the next frame.
            if lines.is_following.get_untracked() {
                request_animation_frame(move || {
                    // Something that was searched for may have come into sight since.
                    if lines.is_following.try_get_untracked() == Some(true) {
                        scroll_down(scroller);
                    }
                });
            }
            true
        });
        // A line that is named is shown once, as soon as it is there: it may be written only now.
        Effect::new(move |shown: Option<Option<(u32, u64)>>| {
            let place = lines.here()?;
            let is_there = lines.sheet.with(|sheet| sheet.place(place.0, place.1).is_some());
            if scroller.get().is_none() || !is_there {
                return None;
            }
            if shown.flatten() != Some(place) {
                lines.open_around(place);
                request_animation_frame(move || show(lines, scroller));
            }
            Some(place)
        });
        self.fetch_what_is_seen();
        self.follow_time();
        listen_for_find();
    }

    fn fetch_what_is_seen(self) {
        let (lines, shared) = (self.lines, self.shared);
        if shared.capsule.is_some() {
            return;
        }
        let asked: Rc<RefCell<HashSet<(u32, u64)>>> = Rc::default();
        Effect::new(move |_| {
            if lines.sight.with(Option::is_none) {
                return;
            }
            let wanted = lines.wanted();
            let mut missing: Vec<(u32, u64)> = lines.sheet.with(|sheet| {
                let pieces = wanted.iter().flat_map(|lines| sheet.missing(lines.clone()));
                pieces.collect()
            });
            // Lines on both sides of a group that is closed may be of one piece.
            missing.dedup();
            if missing.is_empty() {
                return;
            }
            let asked = Rc::clone(&asked);
            let then = move || {
                // Somebody who scrolls past a million lines wants none of them.
                let still = lines.sight.try_with_untracked(Option::is_some);
                if still != Some(true) || untrack(|| lines.wanted()) != wanted {
                    return;
                }
                let mut last = None;
                for place in missing {
                    // Two pieces come at once.
                    let comes_with = last.is_some_and(|(attempt, from)| (attempt, from + PIECE) == place);
                    if comes_with || !asked.borrow_mut().insert(place) {
                        continue;
                    }
                    last = Some(place);
                    self.fetch(place, Rc::clone(&asked));
                }
            };
            set_timeout(then, FETCH_AFTER);
        });
    }

    fn fetch(self, place: (u32, u64), asked: Rc<RefCell<HashSet<(u32, u64)>>>) {
        let lines = self.lines;
        let Some(key) = self.key.try_get_value() else {
            return;
        };
        spawn_local(async move {
            let from = Some(format!("{}:{}", place.0, place.1));
            let page = crate::fns::task_logs(self.shared.id, key, lines.attempt, from, None, false).await;
            asked.borrow_mut().remove(&place);
            // What could not be fetched is asked for again when it comes into sight again.
            let Ok(page) = page else { return };
            lines.sheet.try_update(|sheet| {
                sheet.add(page);
                sheet.forget(sheet.place(place.0, place.1).unwrap_or(0));
            });
        });
    }

    /// Asks how much was written by the moment that is shown, if that cannot be told here.
    fn follow_time(self) {
        let (lines, shared) = (self.lines, self.shared);
        if shared.capsule.is_some() {
            return;
        }
        Effect::new(move |before: Option<()>| {
            let Some(instant) = shared.run.instant.get() else {
                return;
            };
            // The first moment came with the page.
            if before.is_none() || lines.sheet.with_untracked(Sheet::is_whole) {
                return;
            }
            let Some(key) = self.key.try_get_value() else {
                return;
            };
            set_timeout(
                move || {
                    let now = shared.run.instant.try_get_untracked().flatten();
                    if now.is_none_or(|now| now.seq != instant.seq) {
                        return;
                    }
                    spawn_local(async move {
                        let until = Some(instant.at);
                        let page =
                            crate::fns::task_logs(shared.id, key, lines.attempt, None, until, false).await;
                        if let Ok(page) = page {
                            lines.by_then.try_set(page.by_then);
                        }
                    });
                },
                FETCH_AFTER,
            );
        });
    }
}

/// Tells when an element has another size: the panel may be made larger, or be shown only now.
pub(in crate::pages) fn watch_size(element: &Element, seen: impl FnMut() + 'static) {
    let seen = Closure::<dyn FnMut()>::new(seen);
    if let Ok(observer) = ResizeObserver::new(seen.as_ref().unchecked_ref()) {
        observer.observe(element);
        let kept = StoredValue::new_local(Some((observer, seen)));
        on_cleanup(move || {
            kept.try_update_value(|kept| {
                if let Some((observer, _)) = kept.take() {
                    observer.disconnect();
                }
            });
        });
    }
}

/// The browser's own search knows only the lines that are drawn: here its keys lead to ours. Pressed again they are the browser's.
pub(in crate::pages) fn listen_for_find() {
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        let is_find = event.key().eq_ignore_ascii_case("f") && (event.ctrl_key() || event.meta_key());
        if !is_find || event.alt_key() || event.shift_key() || event.default_prevented() {
            return;
        }
        let panel = document()
            .query_selector(".log-panel:hover, .log-panel:focus-within")
            .ok()
            .flatten();
        let field = panel.and_then(|panel| panel.query_selector("[data-find-log]").ok().flatten());
        let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlInputElement>().ok()) else {
            return;
        };
        let is_there = document()
            .active_element()
            .is_some_and(|active| active == *field.unchecked_ref::<Element>());
        if !is_there && field.focus().is_ok() {
            event.prevent_default();
            field.select();
        }
    });
    on_cleanup(move || listener.remove());
}

/// Opens the log's stream from where the first page ended.
pub(super) fn follow(
    lines: Lines,
    scroller: NodeRef<Div>,
    topic: String,
    next: Option<String>,
    has_begun: Memo<bool>,
) {
    let position = StoredValue::new(next);
    let is_over = StoredValue::new(false);
    Effect::new(move |_| {
        if !has_begun.get() || is_over.get_value() {
            return;
        }
        let topic = topic.clone();
        let batch = Batch::new(move |pages: Vec<LogPage>| {
            pages.into_iter().for_each(|page| lines.add(page));
            if lines.is_following.get_untracked() {
                request_animation_frame(move || scroll_down(scroller));
            }
        });
        keep(Stream::open(Source {
            topic,
            from: position.get_value().unwrap_or_default(),
            frame: Box::new(move |frame| {
                if frame.name == "end" {
                    is_over.try_set_value(true);
                    return Next::Done;
                }
                if frame.name == "log"
                    && let Ok(mut page) = serde_json::from_str::<LogPage>(&frame.data)
                {
                    if !frame.id.is_empty() {
                        page.next = Some(frame.id);
                    }
                    if page.next.is_some() {
                        position.try_set_value(page.next.clone());
                    }
                    batch.push(page);
                }
                Next::Go
            }),
            link: None,
        }));
    });
}

/// Sees what is in sight.
fn look(lines: Lines, scroller: NodeRef<Div>, is_wrapped: RwSignal<bool>) {
    let Some(element) = scroller.try_get_untracked().flatten() else {
        return;
    };
    let columns = is_wrapped
        .try_get_untracked()
        .unwrap_or(false)
        .then(|| columns(&element))
        .flatten();
    let sight = Sight {
        top: f64::from(element.scroll_top()),
        height: f64::from(element.client_height()),
        columns,
        marked: marked(&element),
    };
    if lines.sight.try_get_untracked().flatten() != Some(sight) {
        lines.sight.try_set(Some(sight));
    }
}

/// Characters that fit beside the numbers.
fn columns(scroller: &Element) -> Option<u32> {
    let char_px = scroller
        .query_selector(".ruler")
        .ok()??
        .get_bounding_client_rect()
        .width()
        / 10.0;
    let text_px = scroller
        .query_selector("li .t")
        .ok()??
        .get_bounding_client_rect()
        .width();
    (char_px > 1.0).then(|| ((text_px + 0.01) / char_px).floor().max(1.0) as u32)
}

/// The line where marking began, which has to stay as long as something is marked.
pub(in crate::pages) fn marked(scroller: &Element) -> Option<usize> {
    let selection = window().get_selection().ok()??;
    if selection.is_collapsed() {
        return None;
    }
    let node = selection.anchor_node()?;
    let element = node
        .clone()
        .dyn_into::<Element>()
        .ok()
        .or_else(|| node.parent_element())?;
    let row = element.closest("li[data-row]").ok()??;
    scroller
        .contains(Some(&row))
        .then(|| row.get_attribute("data-row")?.parse().ok())?
}

/// The newest line comes into sight.
pub(in crate::pages) fn scroll_down(scroller: NodeRef<Div>) {
    if let Some(element) = scroller.try_get_untracked().flatten() {
        element.set_scroll_top(element.scroll_height());
    }
}

/// The line that is named comes into sight, and is read.
fn show(lines: Lines, scroller: NodeRef<Div>) {
    let Some(place) = untrack(|| lines.here()) else {
        return;
    };
    if bring_into_sight(lines, scroller, place).is_some() {
        lines.is_following.try_set(false);
    }
}

/// Something was searched for: the last line that fits comes into sight, unless one is named.
pub(super) fn show_first(lines: Lines, scroller: NodeRef<Div>) {
    Effect::new(move |_| {
        let place = lines
            .found
            .with(|found| super::find::next(&found.as_ref()?.places, None, true));
        let Some(place) = place.filter(|_| untrack(|| lines.here()).is_none()) else {
            return;
        };
        lines.open_around(place);
        request_animation_frame(move || {
            if bring_into_sight(lines, scroller, place) == Some(true) {
                lines.is_following.try_set(false);
            }
        });
    });
}

/// Does what may hide or show lines; what is read stays where it is.
pub(super) fn stay_while(lines: Lines, scroller: NodeRef<Div>, change: impl FnOnce()) {
    let top = scroller
        .get_untracked()
        .map(|element| f64::from(element.scroll_top()));
    let (line, rest) = untrack(|| lines.line_at(top.unwrap_or(0.0)));
    let is_following = lines.is_following.get_untracked();
    change();
    request_animation_frame(move || {
        if is_following {
            return scroll_down(scroller);
        }
        if let Some(element) = scroller.try_get_untracked().flatten() {
            // Of a line that is hidden now, the title is what stands for it.
            let is_shown = lines.folded.try_with_untracked(|folded| folded.shows(line));
            let (above, rest) = match is_shown {
                Some(true) => (untrack(|| lines.above(line)), rest),
                _ => (untrack(|| lines.above(line)) - LINE_PX, 0.0),
            };
            element.set_scroll_top((above + rest) as i32);
        }
    });
}

/// Scrolls to a line if it is out of sight; whether it was. None if there is no such line.
fn bring_into_sight(lines: Lines, scroller: NodeRef<Div>, (attempt, n): (u32, u64)) -> Option<bool> {
    let element = scroller.try_get_untracked().flatten()?;
    let row = lines
        .sheet
        .try_with_untracked(|sheet| sheet.place(attempt, n))
        .flatten()?;
    let top = untrack(|| lines.above(row));
    let (above, height) = (
        f64::from(element.scroll_top()),
        f64::from(element.client_height()),
    );
    let is_out = top < above || top + LINE_PX > above + height;
    if is_out {
        element.set_scroll_top((top - height / 3.0).max(0.0) as i32);
    }
    Some(is_out)
}

/// At the end the log is followed, anywhere else it is read.
pub(super) fn scrolled(lines: Lines, scroller: NodeRef<Div>, is_wrapped: RwSignal<bool>) {
    look(lines, scroller, is_wrapped);
    if let Some(element) = scroller.get_untracked() {
        let left = element.scroll_height() - element.scroll_top() - element.client_height();
        let is_at_end = left < 24;
        if lines.is_following.get_untracked() != is_at_end {
            lines.is_following.set(is_at_end);
        }
        if is_at_end {
            lines.n_unseen.set(0);
        }
    }
}
