//! The stage in the browser: one set of native listeners, cards as elements only where they are seen, everything else painted. Nothing
//! here is reactive: acts change the desk, and one frame later what is seen follows.

mod motion;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use editor::adding::Template;
use editor::camera::Camera;
use editor::geometry::{Point, Rect, pt};
use editor::gesture::{Act, Button, Device, Gesture, Held, Input, Pointer, World};
use editor::scene::{Places, Scene};
use editor::select::Selection;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{
    AddEventListenerOptions, DragEvent, Element, Event, HtmlCanvasElement, HtmlElement, MouseEvent,
    PointerEvent, ResizeObserver, WheelEvent,
};

use super::boxes::{self, Texts};
use super::cards::{Cards, Look};
use super::desk::{Ask, Desk};
use super::over;
use super::paint::{Ink, Painter};

type Listener = Closure<dyn FnMut(Event)>;
/// What draws, when its time has come.
type Frame = Closure<dyn FnMut(f64)>;
/// Tells of another size, with what it calls.
type Resized = (ResizeObserver, Closure<dyn FnMut()>);

/// The elements of the stage.
pub(super) struct Parts {
    pub(super) host: HtmlElement,
    pub(super) back: HtmlElement,
    pub(super) under: HtmlCanvasElement,
    pub(super) world: HtmlElement,
    pub(super) over: Element,
    pub(super) map: HtmlCanvasElement,
}

/// The stage.
pub(super) struct Stage {
    parts: Parts,
    desk: Desk,
    camera: Cell<Camera>,
    size: Cell<(f64, f64)>,
    gesture: RefCell<Gesture>,
    cards: RefCell<Cards>,
    /// Where cards were before a gesture shifted them.
    before: RefCell<Option<Places>>,
    painter: RefCell<Painter>,
    is_waiting: Cell<bool>,
    /// The frame that was asked for.
    request: Cell<i32>,
    is_fitted: Cell<bool>,
    /// Notes and groups as they are in the page.
    drawn: RefCell<String>,
    texts: RefCell<Texts>,
    /// Whether it was a finger that pressed last.
    is_touched: Cell<bool>,
    /// Where the pointer is over the stage.
    seen: Cell<Option<Point>>,
    /// Where cards were before they began to glide to where they are, and when that was.
    gliding: RefCell<Option<(Places, Option<f64>)>>,
    /// Whether the map is shown.
    pub(super) has_map: Cell<bool>,
    frame: RefCell<Option<Frame>>,
    listeners: RefCell<Vec<Listener>>,
    resized: RefCell<Option<Resized>>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some((observer, _)) = self.resized.take() {
            observer.disconnect();
        }
        if let Some(window) = web_sys::window().filter(|_| self.is_waiting.get()) {
            // A frame that is not to come any more cannot be called off, which is as well.
            let _ = window.cancel_animation_frame(self.request.get());
        }
    }
}

impl Stage {
    pub(super) fn new(parts: Parts, desk: Desk) -> Rc<Self> {
        let stage = Rc::new(Self {
            painter: RefCell::new(Painter::new(&parts.under, &parts.map, Ink::of(&parts.host))),
            cards: RefCell::new(Cards::new(parts.host.clone(), parts.world.clone())),
            parts,
            desk,
            camera: Cell::default(),
            size: Cell::new((0.0, 0.0)),
            gesture: RefCell::default(),
            before: RefCell::default(),
            is_waiting: Cell::new(false),
            request: Cell::new(0),
            is_fitted: Cell::new(false),
            drawn: RefCell::default(),
            texts: RefCell::default(),
            is_touched: Cell::new(false),
            seen: Cell::new(None),
            gliding: RefCell::default(),
            has_map: Cell::new(true),
            frame: RefCell::default(),
            listeners: RefCell::default(),
            resized: RefCell::default(),
        });
        stage.set_wheel(desk.work().wheel_zooms.get_untracked());
        stage.listen();
        stage.watch_size();
        let me = Rc::downgrade(&stage);
        *stage.frame.borrow_mut() = Some(Closure::new(move |now: f64| {
            if let Some(stage) = me.upgrade() {
                stage.is_waiting.set(false);
                stage.draw(now);
            }
        }));
        stage
    }

    fn listen(self: &Rc<Self>) {
        self.on("pointerdown", |stage, event| {
            stage.pressed(&event.unchecked_into())
        });
        self.on("pointermove", |stage, event| {
            let pointer = stage.pointer(&event.unchecked_into());
            stage.seen.set(Some(pointer.at));
            stage.give(Input::Move(pointer));
        });
        self.on("pointerleave", |stage, _| stage.seen.set(None));
        self.on("pointerup", |stage, event| {
            stage.give(Input::Up(stage.pointer(&event.unchecked_into())));
        });
        self.on("pointercancel", |stage, event| {
            let event: PointerEvent = event.unchecked_into();
            stage.give(Input::Lost(event.pointer_id()));
        });
        self.on("wheel", |stage, event| stage.wheeled(&event.unchecked_into()));
        self.on("contextmenu", |stage, event| {
            event.prevent_default();
            // By the keyboard it is about what is selected; the browser says the middle of the stage.
            let is_by_key = event
                .dyn_ref::<PointerEvent>()
                .is_some_and(|event| event.pointer_type().is_empty());
            let chosen = stage.desk.primary().filter(|_| is_by_key).and_then(|id| {
                let rect = stage
                    .desk
                    .with(|session| session.scene.card(&id).map(|card| card.rect))?;
                Some(stage.camera.get().stage(rect.middle()))
            });
            let event: MouseEvent = event.unchecked_into();
            stage.give(Input::Menu(chosen.unwrap_or_else(|| stage.place(&event))));
        });
        self.on("dragover", |_, event| event.prevent_default());
        self.on("drop", |stage, event| {
            event.prevent_default();
            let data = event.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer);
            let file = data.and_then(|data| data.files()).and_then(|files| files.get(0));
            if let Some(file) = file {
                stage.desk.import_file(file);
            }
        });
        self.on("dragstart", |_, event| event.prevent_default());
    }

    fn on(self: &Rc<Self>, name: &str, act: impl Fn(&Self, Event) + 'static) {
        let me: Weak<Self> = Rc::downgrade(self);
        let listener: Listener = Closure::new(move |event: Event| {
            if let Some(stage) = me.upgrade() {
                act(&stage, event);
            }
        });
        let options = AddEventListenerOptions::new();
        options.set_passive(false);
        let host = &self.parts.host;
        // Of names that a browser knows it takes any listener.
        let _ = host.add_event_listener_with_callback_and_add_event_listener_options(
            name,
            listener.as_ref().unchecked_ref(),
            &options,
        );
        self.listeners.borrow_mut().push(listener);
    }

    fn watch_size(self: &Rc<Self>) {
        let me: Weak<Self> = Rc::downgrade(self);
        let listener: Closure<dyn FnMut()> = Closure::new(move || {
            if let Some(stage) = me.upgrade() {
                stage.measure();
            }
        });
        if let Ok(observer) = ResizeObserver::new(listener.as_ref().unchecked_ref()) {
            observer.observe(&self.parts.host);
            *self.resized.borrow_mut() = Some((observer, listener));
        }
        self.measure();
    }

    fn measure(&self) {
        let host = &self.parts.host;
        let size = (f64::from(host.client_width()), f64::from(host.client_height()));
        let before = self.size.replace(size);
        if self.is_fitted.get() {
            // What was in the middle stays there, whatever panel came or went.
            let by = pt((size.0 - before.0) / 2.0, (size.1 - before.1) / 2.0);
            self.camera.set(self.camera.get().panned(by));
        }
        self.painter.borrow_mut().resize(self.size.get());
        self.cards.borrow_mut().stale();
        if !self.is_fitted.get() && self.size.get().0 > 0.0 {
            self.is_fitted.set(true);
            self.first_sight();
        }
        self.refresh();
    }

    /// Where an event happened, on the stage.
    fn place(&self, event: &MouseEvent) -> Point {
        let rect = self.parts.host.get_bounding_client_rect();
        pt(
            f64::from(event.client_x()) - rect.left(),
            f64::from(event.client_y()) - rect.top(),
        )
    }

    pub(super) fn pointer(&self, event: &PointerEvent) -> Pointer {
        let device = match event.pointer_type().as_str() {
            "touch" => Device::Touch,
            "pen" => Device::Pen,
            _ => Device::Mouse,
        };
        let button = match event.button() {
            1 => Button::Middle,
            2 => Button::Second,
            _ => Button::Main,
        };
        Pointer {
            id: event.pointer_id(),
            device,
            button,
            at: self.place(event),
            held: held(event),
            now: event.time_stamp(),
        }
    }

    fn pressed(&self, event: &PointerEvent) {
        // A link in a note is followed by the browser, which a captured pointer would keep from it.
        let target: Option<Element> = event.target().and_then(|target| target.dyn_into().ok());
        let is_link = target.is_some_and(|target| target.closest("a[href]").ok().flatten().is_some());
        if is_link && !self.is_busy() {
            return;
        }
        self.is_touched.set(event.pointer_type() == "touch");
        if event.button() == 1 {
            event.prevent_default();
        }
        // A pointer that is gone by now cannot be captured, which does no harm.
        let _ = self.parts.host.set_pointer_capture(event.pointer_id());
        self.desk.close_floats();
        self.give(Input::Down(self.pointer(event)));
    }

    fn wheeled(&self, event: &WheelEvent) {
        event.prevent_default();
        // Lines and pages, as some mice tell, in pixels.
        let unit = match event.delta_mode() {
            1 => 24.0,
            2 => 400.0,
            _ => 1.0,
        };
        self.give(Input::Wheel {
            at: self.place(event),
            by: pt(event.delta_x() * unit, event.delta_y() * unit),
            held: held(event),
        });
    }

    /// A task type is dragged out of the palette by this pointer.
    pub(super) fn take(&self, template: Template, event: &PointerEvent) {
        let _ = self.parts.host.set_pointer_capture(event.pointer_id());
        self.give(Input::Place(template, self.pointer(event)));
    }

    /// Something happened: the gesture says what is to be done.
    pub(super) fn give(&self, input: Input) {
        let acts = self.desk.with(|session| {
            let world = self.world(&session.scene, &session.selection);
            self.gesture.borrow_mut().on(input, world)
        });
        for act in acts {
            self.act(act);
        }
        self.refresh();
    }

    fn world<'a>(&self, scene: &'a Scene, selection: &'a Selection) -> World<'a> {
        World {
            scene,
            camera: self.camera.get(),
            stage: self.size.get(),
            selection,
        }
    }

    fn act(&self, act: Act) {
        match act {
            Act::Camera(camera) => self.look(camera),
            Act::Select(selection) => self.desk.select(selection),
            Act::Shift(moves) => self.desk.with_mut(|session| {
                let mut before = self.before.borrow_mut();
                before.get_or_insert_with(|| session.scene.places());
                session.scene.shift_all(&moves);
                self.cards.borrow_mut().stale();
            }),
            Act::ShiftNote(note, to) => self.desk.with_mut(|session| {
                let mut before = self.before.borrow_mut();
                before.get_or_insert_with(|| session.scene.places());
                session.scene.shift_note(note, to);
            }),
            Act::SizeNote(note, to) => self.desk.with_mut(|session| {
                let mut before = self.before.borrow_mut();
                before.get_or_insert_with(|| session.scene.places());
                session.scene.size_note(note, to);
            }),
            Act::OpenSelected => self.desk.open_selected(),
            Act::Settle => {
                if let Some(before) = self.before.take() {
                    self.desk.with_mut(|session| session.settle(&before));
                }
                self.stale();
            }
            Act::Change(change) => {
                // What was only shown is forgotten first: the change begins from what is so.
                if let Some(before) = self.before.take() {
                    self.desk.with_mut(|session| session.settle(&before));
                }
                // One gesture is one step.
                self.desk.seal();
                self.desk.change(&change);
                self.desk.seal();
            }
            Act::ChangeAs(label, change) => {
                if let Some(before) = self.before.take() {
                    self.desk.with_mut(|session| session.settle(&before));
                }
                self.desk.change_as(&label, &change, None);
                self.desk.seal();
                // What was put on a group drawn as one box is not seen any more.
                self.stale();
            }
            Act::Open(card) => {
                let id = self.desk.with(|session| session.scene.cards[card].id.clone());
                self.desk.open(&id);
            }
            Act::Pick(pick) => self.desk.ask(Ask::Type(pick)),
            Act::Choose(choose) => self.desk.ask(Ask::Into(choose)),
            Act::Menu { at, hit } => {
                let is_held = self.is_touched.get();
                self.desk.kept.update_value(|kept| kept.menu_held = is_held);
                self.desk.menu.set(Some((at, hit)));
            }
            Act::Say(text) => self.desk.tell(text),
        }
    }

    /// The camera stands here from now on.
    pub(super) fn look(&self, camera: Camera) {
        let is_same_scale = camera.k == self.camera.get().k;
        self.camera.set(camera);
        if !is_same_scale {
            self.desk.zoom.set((camera.k * 100.0).round() as i32);
        }
        self.refresh();
    }

    pub(super) fn camera(&self) -> Camera {
        self.camera.get()
    }

    pub(super) fn size(&self) -> (f64, f64) {
        self.size.get()
    }

    /// Where the pointer is, if it is over the stage.
    pub(super) fn last_seen(&self) -> Option<Point> {
        self.seen.get()
    }

    /// Answers whether notes and groups are other ones, or are marked in other ways.
    fn redraw(&self, html: String) -> bool {
        let is_other = *self.drawn.borrow() != html;
        if is_other {
            self.parts.back.set_inner_html(&html);
            self.drawn.replace(html);
        }
        is_other
    }

    pub(super) fn is_busy(&self) -> bool {
        self.gesture.borrow().is_busy()
    }

    /// A card comes into sight.
    pub(super) fn show(&self, id: &str, is_centred: bool) {
        let rect = self
            .desk
            .with(|session| session.scene.card(id).map(|card| card.rect));
        if let Some(rect) = rect {
            let camera = self.camera.get();
            self.look(match is_centred {
                true => camera.centred(rect, self.size.get()),
                false => camera.showing(rect, self.size.get()),
            });
        }
    }

    pub(super) fn fit(&self, rect: Option<Rect>) {
        let bounds = rect.or_else(|| self.desk.with(|session| session.scene.bounds()));
        if let Some(bounds) = bounds {
            self.look(Camera::fit(bounds, self.size.get()));
        }
    }

    pub(super) fn zoom(&self, factor: f64) {
        let (w, h) = self.size.get();
        let camera = self.camera.get();
        let middle = pt(w / 2.0, h / 2.0);
        self.look(if factor.is_nan() {
            camera.actual(middle)
        } else {
            camera.zoomed(factor, middle)
        });
    }

    /// Cards are other ones, or other things are marked on them.
    pub(super) fn stale(&self) {
        self.cards.borrow_mut().stale();
        self.refresh();
    }

    /// Colours are other ones.
    pub(super) fn repaint(&self) {
        self.painter.borrow_mut().ink = Ink::of(&self.parts.host);
        self.stale();
    }

    /// Draws with the next frame.
    fn refresh(&self) {
        if self.is_waiting.replace(true) {
            return;
        }
        if let (Some(window), Some(frame)) = (web_sys::window(), &*self.frame.borrow()) {
            // Without a frame to come nothing is seen, so nothing is missed.
            let request = window.request_animation_frame(frame.as_ref().unchecked_ref());
            self.request.set(request.unwrap_or_default());
        } else {
            self.is_waiting.set(false);
        }
    }

    fn draw(&self, now: f64) {
        if self.gesture.borrow().wants_ticks() {
            let acts = self.desk.with(|session| {
                let world = self.world(&session.scene, &session.selection);
                self.gesture.borrow_mut().on(Input::Tick(now), world)
            });
            for act in acts {
                self.act(act);
            }
            self.refresh();
        }
        let camera = self.camera.get();
        let css = camera.css();
        let _ = self.parts.world.style().set_property("transform", &css);
        let _ = self.parts.back.style().set_property("transform", &css);
        let way = self.on_way(now);
        let has_other_notes = self.desk.with(|session| {
            // What glides is only shown so: everybody else has it where it is.
            let shown = way.and_then(|part| {
                let gliding = self.gliding.borrow();
                let (before, _) = gliding.as_ref()?;
                Some(editor::arrange::between(&session.scene, before, part))
            });
            let scene = shown.as_ref().unwrap_or(&session.scene);
            let world = self.world(scene, &session.selection);
            let gesture = self.gesture.borrow();
            let overlay = gesture.overlay(world);
            let _ = self.parts.host.style().set_property("cursor", gesture.cursor());
            drop(gesture);
            let sight = camera.sight(scene, self.size.get());
            let mut is_other = false;
            let is_whole = self.desk.with_marks(|problems| {
                let mut texts = self.texts.borrow_mut();
                texts.marking = self.desk.marking.get_untracked();
                self.desk.work().card(|states| {
                    let told = boxes::Told { problems, states };
                    let html = boxes::html(scene, &session.selection, &overlay, &told, &mut texts);
                    is_other = self.redraw(html);
                    self.cards.borrow_mut().mount(&Look {
                        states,
                        document: session.value(),
                        scene,
                        selection: &session.selection,
                        overlay: &overlay,
                        sight: &sight,
                        problems,
                    })
                })
            });
            if !is_whole {
                self.refresh();
            }
            let ghost = overlay.ghost_type.as_deref();
            let ghost = ghost.map(|key| session.type_of(key).map_or(key, |known| known.title.as_str()));
            let near = (camera, sight.detail);
            let painter = self.painter.borrow();
            painter.paint(scene, near, &overlay, !is_whole);
            if self.has_map.get() {
                self.desk
                    .work()
                    .card(|states| painter.map(scene, camera, self.size.get(), states));
            }
            self.parts
                .over
                .set_inner_html(&over::svg(scene, &session.selection, &overlay, ghost, near));
            self.desk.tip(
                overlay.reason.as_deref(),
                overlay.verdict == Some(true),
                overlay
                    .wire
                    .as_ref()
                    .and_then(editor::wires::Wire::end)
                    .or(overlay.tip)
                    .map(|at| camera.stage(at)),
            );
            is_other && !session.scene.notes.is_empty()
        });
        if has_other_notes {
            self.desk.want_marking();
        }
    }
}

fn held(event: &MouseEvent) -> Held {
    Held {
        shift: event.shift_key(),
        ctrl: event.ctrl_key() || event.meta_key(),
        alt: event.alt_key(),
    }
}
