//! Help beside the cursor of the document: what may be written there, and what it is for. The same is told of what the pointer rests on.

use std::time::Duration;

use editor::complete::Completion;
use editor::text::offset;
use editor::writing::{Writing, taken};
use flow::Problem;
use leptos::html::Textarea;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::desk::Desk;
use super::text::{LEFT, LINE, TOP};

/// How long the pointer rests before it is told what lies there.
const REST: Duration = Duration::from_millis(350);

/// How wide the list is, and how high it can become.
const LIST: (f64, f64) = (340.0, 208.0);

/// The help, and what it is shown by. Copies are the same.
#[derive(Clone, Copy)]
pub(super) struct Help {
    /// Too large to be handed about.
    desk: StoredValue<Desk, LocalStorage>,
    area: NodeRef<Textarea>,
    offered: RwSignal<Completion>,
    /// None as long as nothing says which is meant: then Tab and Enter do what they do in any text.
    at: RwSignal<Option<usize>>,
    /// Where the list stands.
    place: RwSignal<(f64, f64)>,
    /// What stands at the cursor.
    told: RwSignal<Option<String>>,
    /// What the pointer rests on, and where that is.
    hovered: RwSignal<Option<(f64, f64, String)>>,
    rests: StoredValue<Option<TimeoutHandle>>,
    /// Where the pointer is, while it is over the text.
    pointer: StoredValue<Option<(f64, f64)>>,
    /// Somebody typed while the code that knows what may stand there was on its way; whether they asked for it.
    waits: StoredValue<Option<bool>>,
    /// The width of a letter; all have the same.
    letter: StoredValue<Option<f64>>,
}

impl Help {
    pub(super) fn new(desk: Desk, area: NodeRef<Textarea>) -> Self {
        let help = Self {
            desk: StoredValue::new_local(desk),
            area,
            offered: RwSignal::default(),
            at: RwSignal::new(None),
            place: RwSignal::new((0.0, 0.0)),
            told: RwSignal::new(None),
            hovered: RwSignal::new(None),
            rests: StoredValue::new(None),
            pointer: StoredValue::new(None),
            waits: StoredValue::new(None),
            letter: StoredValue::new(None),
        };
        on_cleanup(move || help.rest(None));
        Effect::new(move |_| {
            if desk.engine().is_some()
                && let Some(asked) = help.waits.try_update_value(Option::take).flatten()
            {
                help.offer(asked);
                help.explain();
            }
        });
        help
    }

    fn desk(self) -> Desk {
        self.desk.get_value()
    }

    pub(super) fn is_open(self) -> bool {
        self.offered.with(|offered| !offered.items.is_empty())
    }

    fn is_open_now(self) -> bool {
        self.offered.with_untracked(|offered| !offered.items.is_empty())
    }

    /// The entry of the list that keys act on.
    pub(super) fn active(self) -> Option<String> {
        self.at
            .get()
            .filter(|_| self.is_open())
            .map(|at| format!("ed-write-{at}"))
    }

    /// What is told of the place of the cursor.
    pub(super) fn told(self) -> Option<String> {
        self.told.get()
    }

    pub(super) fn close(self) {
        self.waits.set_value(None);
        if self.is_open_now() {
            self.offered.set(Completion::default());
        }
    }

    /// The text and the byte of its cursor.
    fn cursor(self) -> Option<(String, usize)> {
        let area = self.area.get_untracked()?;
        let units = area.selection_end().ok().flatten()?;
        let text = area.value();
        let at = offset::byte(&text, units as usize);
        Some((text, at))
    }

    /// Looks at a text with all that is known of it; nothing as long as the code that knows it is not there.
    fn with<T>(self, text: &str, look: impl FnOnce(super::later::Engine, &Writing<'_>) -> T) -> Option<T> {
        let desk = self.desk();
        let engine = untrack(|| desk.engine())?;
        desk.learn_document();
        Some(desk.with(|session| {
            desk.with_known(|known| {
                let writing = Writing {
                    text,
                    format: session.editor().source().format(),
                    document: session.value(),
                    types: &session.types,
                    schema: &session.task_schema,
                    known,
                };
                look(engine, &writing)
            })
        }))
    }

    /// Says what the cursor stands at.
    pub(super) fn explain(self) {
        let told = self.cursor().and_then(|(text, at)| {
            self.with(&text, |engine, writing| (engine.explain)(writing, at))
                .flatten()
        });
        if self.told.with_untracked(|before| *before != told) {
            self.told.set(told);
        }
    }

    /// Offers what may stand at the cursor; the first of it is meant if somebody `asked`.
    pub(super) fn offer(self, asked: bool) {
        let Some((text, at)) = self.cursor() else { return };
        let is_there = untrack(|| self.desk().engine().is_some());
        self.waits.set_value((!is_there).then_some(asked));
        let found = self.with(&text, |engine, writing| (engine.write)(writing, at));
        let found = found.unwrap_or_default();
        let word = text.get(found.range.clone()).unwrap_or_default();
        let is_meant =
            asked || !word.is_empty() && found.items.first().is_some_and(|item| item.insert != word);
        self.at.set((is_meant && !found.items.is_empty()).then_some(0));
        self.place.set(self.below(&text, found.range.start));
        self.offered.set(found);
        self.hovered.set(None);
    }

    fn letter(self) -> f64 {
        if let Some(width) = self.letter.get_value() {
            return width;
        }
        // As wide as a line of a hundred of them is.
        let probe = document().query_selector(".ed-probe").ok().flatten();
        let width = probe.map_or(0.0, |probe| probe.get_bounding_client_rect().width() / 100.0);
        if width > 0.0 {
            self.letter.set_value(Some(width));
            return width;
        }
        8.0
    }

    /// Where a byte of the text is seen, below its line.
    fn below(self, text: &str, at: usize) -> (f64, f64) {
        let line = offset::line(text, at);
        let start = offset::line_start(text, line);
        let column = text.get(start..at).map_or(0, |before| before.chars().count());
        let Some(area) = self.area.get_untracked() else {
            return (0.0, 0.0);
        };
        let x = LEFT + column as f64 * self.letter() - f64::from(area.scroll_left());
        let y = TOP + (line + 1) as f64 * LINE - f64::from(area.scroll_top());
        (x, y)
    }

    /// Where in the panel the list begins: below the line if there is room, else above it.
    fn style(self) -> String {
        let (x, y) = self.place.get();
        let area = self.area.get();
        let (w, h) = area.map_or((LIST.0, LIST.1), |area| {
            let (w, h) = (area.client_width(), area.client_height());
            (f64::from(w), f64::from(h))
        });
        // The text begins behind its numbers; so much of the panel is left of it.
        let before = LEFT - 12.0;
        let x = x.min(before + w - LIST.0 - 4.0).max(4.0);
        if y + LIST.1 > h && y - LINE > h - y {
            return format!("left:{x:.0}px;bottom:{:.0}px;top:auto", h - (y - LINE) + 2.0);
        }
        format!("left:{x:.0}px;top:{y:.0}px")
    }

    fn accept(self, ix: usize) {
        let Some((text, _)) = self.cursor() else { return };
        let new = self.offered.with_untracked(|offered| {
            let item = offered.items.get(ix)?;
            taken(&text, &offered.range, &item.insert)
        });
        let (Some((new, at)), Some(area)) = (new, self.area.get_untracked()) else {
            return;
        };
        let units = offset::units(&new, at) as u32;
        area.set_value(&new);
        let _ = area.set_selection_range(units, units);
        self.desk().typed(&new);
        // What was taken may ask for more: a field for its value.
        self.offer(false);
        self.explain();
    }

    /// Keys while the list is open. Whether the key was one of them.
    pub(super) fn pressed(self, event: &web_sys::KeyboardEvent) -> bool {
        if (event.ctrl_key() || event.meta_key()) && event.key() == " " {
            self.offer(true);
            event.prevent_default();
            return true;
        }
        let n = self.offered.with_untracked(|offered| offered.items.len());
        if n == 0 || event.ctrl_key() || event.meta_key() || event.is_composing() {
            return false;
        }
        match event.key().as_str() {
            "ArrowDown" => self.at.update(|at| *at = Some(at.map_or(0, |at| (at + 1) % n))),
            "ArrowUp" => self
                .at
                .update(|at| *at = Some(at.map_or(n - 1, |at| (at + n - 1) % n))),
            "Enter" | "Tab" => match self.at.get_untracked() {
                Some(chosen) => self.accept(chosen),
                None => {
                    self.close();
                    return false;
                }
            },
            "Escape" => self.close(),
            "ArrowLeft" | "ArrowRight" | "Home" | "End" | "PageUp" | "PageDown" => {
                self.close();
                return false;
            }
            _ => return false,
        }
        event.prevent_default();
        event.stop_propagation();
        true
    }

    fn rest(self, next: Option<TimeoutHandle>) {
        let before = self
            .rests
            .try_update_value(|rests| std::mem::replace(rests, next));
        if let Some(Some(before)) = before {
            before.clear();
        }
    }

    /// The pointer moved: where it rests, it is told what lies there.
    pub(super) fn pointed(self, event: &web_sys::MouseEvent) {
        if self.hovered.with_untracked(Option::is_some) {
            self.hovered.set(None);
        }
        let at = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        self.pointer.set_value(Some(at));
        self.look_soon(at);
    }

    /// The pointer left the text.
    pub(super) fn gone(self) {
        self.pointer.set_value(None);
        self.rest(None);
        self.hovered.set(None);
    }

    /// The text was moved below the cursor and the pointer, by hand or because one types at its edge: the list goes along with what it
    /// is about, and the pointer rests on something else.
    pub(super) fn scrolled(self) {
        let start = self.offered.with_untracked(|offered| offered.range.start);
        match (self.is_open_now(), self.area.get_untracked()) {
            (true, Some(area)) => {
                let (x, y) = self.below(&area.value(), start);
                let (w, h) = (f64::from(area.client_width()), f64::from(area.client_height()));
                match (LEFT - 12.0..LEFT + w).contains(&x) && (TOP..h + LINE).contains(&y) {
                    true => self.place.set((x, y)),
                    false => self.close(),
                }
            }
            _ => self.close(),
        }
        self.hovered.set(None);
        if let Some(at) = self.pointer.get_value() {
            self.look_soon(at);
        }
    }

    fn look_soon(self, (x, y): (f64, f64)) {
        let look = move || self.look(x, y);
        self.rest(set_timeout_with_handle(look, REST).ok());
    }

    fn look(self, x: f64, y: f64) {
        let Some(Some(area)) = self.area.try_get_untracked() else {
            return;
        };
        if self.is_open_now() {
            return;
        }
        // Both are of what the padding begins with.
        let left = (x + f64::from(area.scroll_left()) - 12.0) / self.letter();
        let line = (y + f64::from(area.scroll_top()) - TOP) / LINE;
        if left < 0.0 || line < 0.0 {
            return;
        }
        let text = area.value();
        let start = offset::line_start(&text, line as usize);
        let Some(said) = text.get(start..).and_then(|rest| rest.lines().next()) else {
            return;
        };
        let Some((column, _)) = said.char_indices().nth(left as usize) else {
            return;
        };
        let wrong = self.desk().problems.with_untracked(|problems| {
            let here = |problem: &&Problem| problem.line == Some(line as u32 + 1);
            let first = problems
                .iter()
                .filter(here)
                .min_by_key(|problem| problem.severity);
            first.map(|problem| problem.message.clone())
        });
        let at = start + column;
        let about = || {
            self.with(&text, |engine, writing| (engine.explain)(writing, at))
                .flatten()
        };
        if let Some(told) = wrong.or_else(about) {
            let (x, y) = self.below(&text, at);
            self.hovered.set(Some((x, y, told)));
        }
    }
}

/// The list, and what is told of what the pointer rests on.
#[component]
pub(super) fn HelpPart(help: Help) -> impl IntoView {
    let rows = move || {
        let items = help.offered.get().items.into_iter().enumerate();
        items
            .map(|(ix, item)| {
                view! {
                    <li
                        id=format!("ed-write-{ix}")
                        role="option"
                        aria-selected=move || (help.at.get() == Some(ix)).to_string()
                        on:pointerdown=move |event| {
                            event.prevent_default();
                            help.accept(ix);
                        }
                    >
                        <code>{item.label}</code>
                        <span class="muted cut">{item.detail}</span>
                    </li>
                }
            })
            .collect_view()
    };
    Effect::new(move |_| {
        let Some(active) = help.active() else { return };
        let row = document().get_element_by_id(&active);
        let row = row.and_then(|row| row.dyn_into::<web_sys::HtmlElement>().ok());
        let list = document().get_element_by_id("ed-write");
        if let (Some(row), Some(list)) = (row, list) {
            let (top, bottom) = (row.offset_top(), row.offset_top() + row.offset_height());
            let seen = list.scroll_top();
            list.set_scroll_top(seen.clamp((bottom - list.client_height()).max(0), top.max(0)));
        }
    });
    view! {
        <span class="ed-probe" aria-hidden="true">{"0".repeat(100)}</span>
        <ul
            class="ed-suggest ed-write"
            id="ed-write"
            role="listbox"
            aria-label="What may stand here"
            hidden=move || !help.is_open()
            style=move || help.style()
        >
            {rows}
        </ul>
        {move || {
            help.hovered
                .get()
                .map(|(x, y, told)| {
                    let x = x.min(LEFT + 200.0);
                    view! { <p class="ed-hover" role="tooltip" style=format!("left:{x:.0}px;top:{y:.0}px")>{told}</p> }
                })
        }}
    }
    .into_any()
}
