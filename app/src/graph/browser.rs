//! A drawing brought to life: native listeners on the stage alone, states set on single elements.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{
    AddEventListenerOptions, Element, Event, HtmlElement, KeyboardEvent, MouseEvent, PointerEvent,
    ResizeObserver, SvgElement, WheelEvent,
};

use super::super::camera::Camera;
use super::super::far::{FAR, Sight};
use super::super::ink::Ink;
use super::super::state::CardState;
use near::Near;

type Listener = Closure<dyn FnMut(Event)>;

/// How far a press may wander and still be a click, in pixels.
const CLICK_SLACK: f64 = 4.0;

/// What a card keeps at hand, so that an update looks nothing up.
struct CardNode {
    root: Element,
    icon: Option<Element>,
    text: Option<Element>,
    title: Option<Element>,
    /// The bar of its items, and its pieces.
    bar: Option<(Element, Vec<Element>)>,
}

/// A stage with a drawing on it.
pub struct Live {
    stage: HtmlElement,
    drawing: SvgElement,
    size: (f64, f64),
    /// Where each card is, and how high.
    places: Vec<(f64, f64, f64)>,
    /// The cards that are drawn.
    nodes: RefCell<BTreeMap<usize, CardNode>>,
    /// The tracks of a graph that is drawn as a whole.
    tracks: Vec<Vec<Element>>,
    /// What is drawn of a large one.
    near: Option<Near>,
    /// Whether the boxes of a large one are drawn again with the next frame.
    is_due: Cell<bool>,
    me: Weak<Self>,
    /// The card that Tab comes to.
    tab: Cell<usize>,
    camera: Cell<Camera>,
    drag: Cell<Option<Drag>>,
    was_drag: Cell<bool>,
    is_far: Cell<bool>,
    selected: Cell<Option<usize>>,
    percent: RwSignal<i32>,
    on_select: Callback<usize>,
    listeners: RefCell<Vec<Listener>>,
    /// Whether the reader moved the camera: until then it sees to it that everything is in sight.
    is_moved: Cell<bool>,
    resized: RefCell<Option<Resized>>,
}

/// Tells when the stage has another size, until it is dropped.
struct Resized {
    observer: ResizeObserver,
    _listener: Closure<dyn FnMut()>,
}

impl Drop for Resized {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

#[derive(Clone, Copy)]
struct Drag {
    pointer: i32,
    from: (f64, f64),
    camera: Camera,
}

impl Live {
    /// Takes a stage over.
    pub(super) fn new(
        stage: web_sys::HtmlDivElement,
        percent: RwSignal<i32>,
        on_select: Callback<usize>,
        ink: Arc<dyn Ink>,
    ) -> Rc<Self> {
        let stage: HtmlElement = stage.into();
        let drawing: SvgElement = stage
            .query_selector("svg.graph")
            .ok()
            .flatten()
            .and_then(|svg| svg.dyn_into().ok())
            .unwrap_or_else(|| stage.clone().unchecked_into());
        let number = |name: &str| {
            drawing
                .get_attribute(name)
                .and_then(|text| text.parse().ok())
                .unwrap_or(1.0)
        };
        let size = (number("width"), number("height"));
        let near = Near::of(&drawing, ink);
        let (places, nodes, tracks) = match &near {
            Some(near) => (near.places(), BTreeMap::new(), Vec::new()),
            None => {
                let cards = whole_cards(&stage);
                let places = cards.iter().map(place_of).collect();
                (places, cards.into_iter().enumerate().collect(), tracks(&stage))
            }
        };
        let live = Rc::new_cyclic(|me| Self {
            places,
            nodes: RefCell::new(nodes),
            tracks,
            near,
            is_due: Cell::new(false),
            me: Weak::clone(me),
            tab: Cell::new(0),
            camera: Cell::new(Camera::first(size, measure(&stage))),
            drawing,
            size,
            stage,
            drag: Cell::new(None),
            was_drag: Cell::new(false),
            is_far: Cell::new(false),
            selected: Cell::new(None),
            percent,
            on_select,
            listeners: RefCell::default(),
            is_moved: Cell::new(false),
            resized: RefCell::default(),
        });
        let _ = live.stage.class_list().add_1("live");
        live.listen();
        live.watch_size();
        live.first_sight();
        live
    }

    /// Where the camera stands before anybody moves it.
    fn first_sight(&self) {
        let stage = measure(&self.stage);
        self.at(Camera::first(self.size, stage));
        // Of a drawing too large to be seen whole, the open card, or at least the first, is in sight.
        if Camera::fit(self.size, stage).scale < self.camera.get().scale {
            self.show(self.selected.get().unwrap_or(0));
        }
    }

    fn watch_size(self: &Rc<Self>) {
        let me: Weak<Self> = Rc::downgrade(self);
        let listener: Closure<dyn FnMut()> = Closure::new(move || {
            if let Some(live) = me.upgrade() {
                live.fit_again();
            }
        });
        // A browser without it leaves the camera where it is.
        if let Ok(observer) = ResizeObserver::new(listener.as_ref().unchecked_ref()) {
            observer.observe(&self.stage);
            *self.resized.borrow_mut() = Some(Resized {
                observer,
                _listener: listener,
            });
        }
    }

    /// The stage has another size: a panel came or went, or the window changed.
    fn fit_again(&self) {
        if !self.is_moved.get() {
            self.first_sight();
        } else if let Some(card) = self.selected.get() {
            self.show(card);
        }
    }

    fn listen(self: &Rc<Self>) {
        self.on("pointerdown", |live, event| live.pressed(&event.unchecked_into()));
        self.on("pointermove", |live, event| live.moved(&event.unchecked_into()));
        self.on("pointerup", |live, event| live.released(&event.unchecked_into()));
        self.on("pointercancel", |live, event| {
            live.released(&event.unchecked_into())
        });
        self.on("click", |live, event| live.clicked(&event.unchecked_into()));
        self.on("dragstart", |_, event| event.prevent_default());
        self.on("wheel", |live, event| live.wheeled(&event.unchecked_into()));
        self.on("keydown", |live, event| live.typed(&event.unchecked_into()));
        self.on("focusin", |live, event| live.focused(&event));
    }

    fn on(self: &Rc<Self>, name: &str, act: impl Fn(&Self, Event) + 'static) {
        let me: Weak<Self> = Rc::downgrade(self);
        let listener: Listener = Closure::new(move |event: Event| {
            if let Some(live) = me.upgrade() {
                act(&live, event);
            }
        });
        let options = AddEventListenerOptions::new();
        options.set_passive(false);
        let _ = self
            .stage
            .add_event_listener_with_callback_and_add_event_listener_options(
                name,
                listener.as_ref().unchecked_ref(),
                &options,
            );
        self.listeners.borrow_mut().push(listener);
    }

    fn look(&self) {
        let camera = self.camera.get();
        self.draw_sight(camera);
        let style = self.drawing.style();
        let _ = style.set_property("transform", &camera.css());
        // Seen from afar, cards show less and what they show larger.
        let is_far = camera.scale < FAR;
        if self.is_far.replace(is_far) != is_far {
            let _ = self.stage.class_list().toggle_with_force("far", is_far);
        }
        let percent = (camera.scale * 100.0).round() as i32;
        if self.percent.try_get_untracked() != Some(percent) {
            self.percent.try_set(percent);
        }
    }

    /// Draws what is in sight of a large graph.
    fn draw_sight(&self, camera: Camera) {
        let Some(near) = &self.near else { return };
        let (w, h) = measure(&self.stage);
        let (x, y) = (-camera.x / camera.scale, -camera.y / camera.scale);
        let sight = Sight {
            x: x..x + w / camera.scale,
            y: y..y + h / camera.scale,
        };
        let always: Vec<usize> = [Some(self.tab.get()), self.selected.get()]
            .into_iter()
            .flatten()
            .collect();
        let mut nodes = self.nodes.borrow_mut();
        near.look(&sight, camera.scale, &always, &mut nodes);
        let _ = self
            .stage
            .class_list()
            .toggle_with_force("boxes", near.is_boxes());
        if let Some(node) = self.selected.get().and_then(|ix| nodes.get(&ix)) {
            let _ = node.root.set_attribute("aria-current", "true");
        }
    }

    fn at(&self, camera: Camera) {
        self.camera.set(camera);
        self.look();
    }

    /// Nearer or farther about the middle; not a number means actual size.
    pub(super) fn zoom(&self, factor: f64) {
        let (w, h) = measure(&self.stage);
        let camera = self.camera.get();
        let factor = if factor.is_nan() {
            1.0 / camera.scale
        } else {
            factor
        };
        self.is_moved.set(true);
        self.at(camera.zoomed(factor, (w / 2.0, h / 2.0)));
    }

    /// Everything on the stage.
    pub(super) fn fit(&self) {
        self.is_moved.set(true);
        self.at(Camera::fit(self.size, measure(&self.stage)));
    }

    fn place(&self, event: &MouseEvent) -> (f64, f64) {
        let rect = self.stage.get_bounding_client_rect();
        (
            f64::from(event.client_x()) - rect.left(),
            f64::from(event.client_y()) - rect.top(),
        )
    }

    fn pressed(&self, event: &PointerEvent) {
        if event.button() == 0 || event.button() == 1 {
            self.was_drag.set(false);
            self.drag.set(Some(Drag {
                pointer: event.pointer_id(),
                from: self.place(event),
                camera: self.camera.get(),
            }));
        }
    }

    fn moved(&self, event: &PointerEvent) {
        let Some(drag) = self.drag.get().filter(|drag| drag.pointer == event.pointer_id()) else {
            return;
        };
        let (x, y) = self.place(event);
        let (dx, dy) = (x - drag.from.0, y - drag.from.1);
        if !self.was_drag.get() {
            if dx.hypot(dy) < CLICK_SLACK {
                return;
            }
            self.was_drag.set(true);
            self.is_moved.set(true);
            // Only now: a captured pointer would take the click away from the card under it.
            let _ = self.stage.set_pointer_capture(drag.pointer);
            let _ = self.stage.class_list().add_1("panning");
        }
        self.at(Camera {
            x: drag.camera.x + dx,
            y: drag.camera.y + dy,
            ..drag.camera
        });
    }

    fn released(&self, event: &PointerEvent) {
        if self
            .drag
            .get()
            .is_some_and(|drag| drag.pointer == event.pointer_id())
        {
            self.drag.set(None);
            let _ = self.stage.class_list().remove_1("panning");
        }
    }

    fn clicked(&self, event: &MouseEvent) {
        if self.was_drag.replace(false) {
            event.prevent_default();
            return;
        }
        // With a modifier the browser follows the link its own way: a new tab, a download.
        if event.meta_key() || event.ctrl_key() || event.shift_key() || event.alt_key() {
            return;
        }
        if let Some(card) = card_of(event.target()) {
            event.prevent_default();
            self.on_select.run(card);
        }
    }

    fn wheeled(&self, event: &WheelEvent) {
        // Without a modifier the wheel belongs to the page.
        if event.ctrl_key() || event.meta_key() {
            event.prevent_default();
            self.is_moved.set(true);
            let factor = (-event.delta_y() * if event.delta_mode() == 0 { 0.0035 } else { 0.08 })
                .clamp(-0.6, 0.6)
                .exp();
            self.at(self.camera.get().zoomed(factor, self.place(event)));
        } else if event.shift_key() || event.delta_x() != 0.0 {
            event.prevent_default();
            self.is_moved.set(true);
            let by = if event.delta_x() == 0.0 {
                event.delta_y()
            } else {
                event.delta_x()
            };
            let camera = self.camera.get();
            self.at(Camera {
                x: camera.x - by,
                ..camera
            });
        }
    }

    fn typed(&self, event: &KeyboardEvent) {
        let here = card_of(event.target());
        match (event.key().as_str(), here) {
            ("+" | "=", _) => self.zoom(1.25),
            ("-", _) => self.zoom(0.8),
            ("1", _) => self.fit(),
            ("0" | "3", _) => self.zoom(f64::NAN),
            ("Enter" | " ", Some(card)) => self.on_select.run(card),
            ("Home", Some(_)) => self.focus(0),
            ("End", Some(_)) => self.focus(self.places.len().saturating_sub(1)),
            ("ArrowRight", Some(card)) => self.step(card, (1.0, 0.0)),
            ("ArrowLeft", Some(card)) => self.step(card, (-1.0, 0.0)),
            ("ArrowDown", Some(card)) => self.step(card, (0.0, 1.0)),
            ("ArrowUp", Some(card)) => self.step(card, (0.0, -1.0)),
            _ => return,
        }
        event.prevent_default();
    }

    /// The nearest card that way: what lies aside counts double.
    fn step(&self, from: usize, way: (f64, f64)) {
        let Some(&start) = self.places.get(from) else {
            return;
        };
        let nearest = self
            .places
            .iter()
            .enumerate()
            .filter_map(|(ix, card)| {
                let (dx, dy) = (card.0 - start.0, card.1 - start.1);
                let ahead = dx * way.0 + dy * way.1;
                let aside = (dx * way.1 + dy * way.0).abs();
                (ahead > 1.0).then_some((ahead + 2.0 * aside, ix))
            })
            .min_by(|one, other| one.0.total_cmp(&other.0));
        if let Some((_, ix)) = nearest {
            self.focus(ix);
        }
    }

    fn focus(&self, ix: usize) {
        if self.near.is_some() {
            // It has to be there before it can have the focus.
            self.tab.set(ix);
            self.show(ix);
        }
        let root = self.nodes.borrow().get(&ix).map(|card| card.root.clone());
        if let Some(root) = root {
            let _ = root.unchecked_ref::<SvgElement>().focus();
        }
    }

    /// The card with the focus is the one that Tab comes back to, and it is in sight.
    fn focused(&self, event: &Event) {
        // The browser scrolls what it focuses into sight; here the camera does.
        self.stage.set_scroll_left(0);
        self.stage.set_scroll_top(0);
        let Some(ix) = card_of(event.target()) else { return };
        self.tab.set(ix);
        for (&at, card) in self.nodes.borrow().iter() {
            if at == ix || card.root.get_attribute("tabindex").as_deref() == Some("0") {
                let _ = card
                    .root
                    .set_attribute("tabindex", if at == ix { "0" } else { "-1" });
            }
        }
        if self.drag.get().is_none() {
            self.show(ix);
        }
    }

    fn show(&self, ix: usize) {
        if let Some(&(x, y, height)) = self.places.get(ix) {
            self.at(self.camera.get().showing(
                (x, y),
                (super::super::CARD_WIDTH, height),
                measure(&self.stage),
            ));
        }
    }

    /// Marks the card that is open.
    pub fn select(&self, card: Option<usize>) {
        let before = self.selected.replace(card);
        let root = |ix: Option<usize>| Some(self.nodes.borrow().get(&ix?)?.root.clone());
        if let Some(old) = root(before).filter(|_| before != card) {
            let _ = old.remove_attribute("aria-current");
        }
        if let Some(ix) = card {
            self.show(ix);
        }
        if let Some(new) = root(card) {
            let _ = new.set_attribute("aria-current", "true");
        }
    }

    /// Whether a card is drawn as such. Of others only the key of their state is seen.
    pub fn shows(&self, ix: usize) -> bool {
        self.nodes.borrow().contains_key(&ix)
    }

    /// Shows the state of a card that is only a box.
    pub fn set_box(&self, ix: usize, key: &'static str) {
        if let Some(near) = &self.near {
            near.set_key(ix, key);
            self.draw_boxes_soon();
        }
    }

    fn draw_boxes_soon(&self) {
        if self.is_due.replace(true) {
            return;
        }
        let me = Weak::clone(&self.me);
        request_animation_frame(move || {
            if let Some(live) = me.upgrade() {
                live.is_due.set(false);
                if let Some(near) = &live.near {
                    near.flush(&live.nodes.borrow());
                }
            }
        });
    }

    /// Shows a card's state. Only what differs is touched.
    pub fn set_card(&self, ix: usize, state: &CardState) {
        self.set_box(ix, state.key);
        let nodes = self.nodes.borrow();
        let Some(card) = nodes.get(&ix) else { return };
        if card.root.get_attribute("data-state").as_deref() != Some(state.key) {
            let _ = card.root.set_attribute("data-state", state.key);
            if let Some(icon) = &card.icon {
                let _ = icon.set_attribute("href", &format!("#s-{}", state.key));
            }
        }
        if let Some(text) = &card.text
            && text.text_content().as_deref() != Some(&state.text)
        {
            text.set_text_content(Some(&state.text));
        }
        if let Some(title) = &card.title
            && title.text_content().as_deref() != Some(&state.title)
        {
            title.set_text_content(Some(&state.title));
            let _ = card.root.set_attribute("aria-label", &state.title);
        }
        if let (Some((bar, pieces)), Some(state)) = (&card.bar, &state.bar) {
            let _ = bar.remove_attribute("hidden");
            for (piece, d) in pieces.iter().zip(state) {
                if piece.get_attribute("d").as_deref() != Some(d) {
                    let _ = piece.set_attribute("d", d);
                }
            }
        }
    }

    /// A card's height, as it is drawn.
    pub fn height(&self, ix: usize) -> f64 {
        self.places
            .get(ix)
            .map_or(super::super::CARD_HEIGHT, |place| place.2)
    }

    /// Shows whether a track was taken.
    pub fn set_track(&self, ix: usize, taken: &'static str) {
        if let Some(near) = &self.near {
            near.set_taken(ix, taken);
            self.draw_boxes_soon();
        }
        for part in self.tracks.get(ix).into_iter().flatten() {
            if part.get_attribute("data-taken").as_deref() != Some(taken) {
                let _ = part.set_attribute("data-taken", taken);
            }
        }
    }
}

fn measure(stage: &HtmlElement) -> (f64, f64) {
    (f64::from(stage.client_width()), f64::from(stage.client_height()))
}

/// The card an event happened on.
fn card_of(target: Option<web_sys::EventTarget>) -> Option<usize> {
    let element: Element = target?.dyn_into().ok()?;
    element
        .closest("[data-n]")
        .ok()??
        .get_attribute("data-n")?
        .parse()
        .ok()
}

fn all(stage: &Element, selector: &str) -> Vec<Element> {
    let Ok(found) = stage.query_selector_all(selector) else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|ix| found.item(ix)?.dyn_into().ok())
        .collect()
}

/// The cards there are below an element, in their order.
fn whole_cards(root: &Element) -> Vec<CardNode> {
    all(root, "a.n")
        .into_iter()
        .map(|root| {
            let part = |selector: &str| root.query_selector(selector).ok().flatten();
            CardNode {
                icon: part(".si"),
                text: part(".st"),
                title: part("title"),
                bar: part(".bar").map(|bar| {
                    let pieces = all(&bar, "[data-state]");
                    (bar, pieces)
                }),
                root,
            }
        })
        .collect()
}

/// Where a card is, and how high.
fn place_of(card: &CardNode) -> (f64, f64, f64) {
    let (x, y) = translation(&card.root);
    let shape = card.root.query_selector(".card").ok().flatten();
    let height = shape.and_then(|shape| shape.get_attribute("height")?.parse().ok());
    (x, y, height.unwrap_or(super::super::CARD_HEIGHT))
}

/// `translate(x y)`, as the drawing writes it.
fn translation(element: &Element) -> (f64, f64) {
    let text = element.get_attribute("transform").unwrap_or_default();
    let mut numbers = text
        .trim_start_matches("translate(")
        .trim_end_matches(')')
        .split(' ')
        .filter_map(|part| part.parse().ok());
    (numbers.next().unwrap_or(0.0), numbers.next().unwrap_or(0.0))
}

fn tracks(stage: &HtmlElement) -> Vec<Vec<Element>> {
    let mut tracks: Vec<Vec<Element>> = Vec::new();
    for part in all(stage, "[data-e]") {
        if let Some(ix) = part
            .get_attribute("data-e")
            .and_then(|ix| ix.parse::<usize>().ok())
        {
            if tracks.len() <= ix {
                tracks.resize_with(ix + 1, Vec::new);
            }
            tracks[ix].push(part);
        }
    }
    tracks
}

#[path = "near.rs"]
mod near;
