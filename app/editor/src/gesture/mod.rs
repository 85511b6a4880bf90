//! What a hand does on the canvas, as one state machine: pointers, wheel and keys with their instants go in; what is to be done and what
//! is to be drawn meanwhile come out. Nothing is changed before a gesture ends, and Escape leaves no trace of one.

mod act;
mod connect;
mod drag;
mod home;
mod input;
mod marquee;
mod place;
mod press;
mod size;
#[cfg(test)]
mod tests;

use crate::camera::{Camera, Detail};
use crate::geometry::{CARD_HEIGHT, Point, Rect, distance, pt};
use crate::scene::{Hit, Scene};
use crate::select::Selection;

pub use act::{Act, Choose, Overlay, Pick};
use connect::Connect;
use drag::Drag;
pub use input::{Button, Device, Held, Input, Pointer};
use marquee::Marquee;
use place::Place;
use size::Size;

/// How far a press may wander and still be a click, in pixels of the stage; a finger is less steady.
const CLICK_SLACK: f64 = 4.0;
const TOUCH_SLACK: f64 = 10.0;
/// How far a pointer may be off a port or an edge, in pixels of the stage: half of what the hand is promised to be able to hit.
const HIT: f64 = 12.0;
const TOUCH_HIT: f64 = 22.0;
/// How near to where edges enter a card a new one is drawn to it.
const MAGNET: f64 = 28.0;
/// A card whose middle is so near to an edge lies on it, in pixels of the canvas.
const OVER: f64 = CARD_HEIGHT / 2.0 + 8.0;
/// So long a finger is held down for a menu, in milliseconds.
const LONG_PRESS_MS: f64 = 500.0;
/// Within so many milliseconds a second click makes a double one.
const DOUBLE_MS: f64 = 400.0;

/// What a gesture sees.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The flow.
    pub scene: &'a Scene,
    /// Where the reader looks.
    pub camera: Camera,
    /// The stage's size.
    pub stage: (f64, f64),
    /// What is selected.
    pub selection: &'a Selection,
}

impl World<'_> {
    fn canvas(&self, at: Point) -> Point {
        self.camera.canvas(at)
    }

    fn is_on_stage(&self, at: Point) -> bool {
        at.x >= 0.0 && at.y >= 0.0 && at.x <= self.stage.0 && at.y <= self.stage.1
    }

    /// The selected edge.
    fn chosen(&self) -> Option<usize> {
        self.selection.edge().and_then(|edge| self.scene.track(edge))
    }

    fn hit(&self, pointer: &Pointer) -> Hit {
        let slack = if pointer.device == Device::Touch {
            TOUCH_HIT
        } else {
            HIT
        };
        self.scene.hit(
            self.canvas(pointer.at),
            slack / self.camera.k.max(0.5),
            self.chosen(),
        )
    }
}

/// How the hand likes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// Dragging the empty canvas moves it; with Shift it selects. Else the other way round.
    pub drag_pans: bool,
    /// The wheel zooms; with Control it moves. Else the other way round.
    pub wheel_zooms: bool,
}

/// What is under way.
#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Idle,
    /// Over until everything is let go.
    Spent,
    /// Pressed, and not yet clear for what.
    Press(Pointer, Hit),
    /// The canvas is moved.
    Pan(Point),
    Drag(Drag),
    Size(Size),
    Marquee(Marquee),
    Connect(Box<Connect>),
    Place(Place),
    Pinch(Pinch),
}

/// Two fingers: where they were when they began, and the camera.
#[derive(Clone, Copy, Debug)]
struct Pinch {
    start: (Point, Point),
    camera: Camera,
}

/// What was so when a gesture began.
#[derive(Clone, Debug)]
struct Before {
    camera: Camera,
    selection: Selection,
}

/// The state machine.
#[derive(Clone, Debug, Default)]
pub struct Gesture {
    /// How the hand likes it.
    pub habits: Habits,
    state: State,
    before: Option<Before>,
    /// The pointer that does what is under way; others are not meant.
    active: Option<i32>,
    /// The pointer as it was last seen.
    last: Pointer,
    fingers: Vec<(i32, Point)>,
    is_space_held: bool,
    /// The last click: where and when.
    click: Option<(Point, f64)>,
    /// The last tick.
    ticked: Option<f64>,
    /// What the pointer is over while nothing is under way.
    hover: Option<Hit>,
}

impl Gesture {
    /// Whether something is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !matches!(self.state, State::Idle | State::Spent)
    }

    /// Whether time has to be told: something is near the edge, or held down.
    #[must_use]
    pub fn wants_ticks(&self) -> bool {
        match &self.state {
            State::Press(pointer, _) => pointer.device == Device::Touch,
            State::Drag(_) | State::Size(_) | State::Marquee(_) | State::Connect(_) | State::Place(_) => true,
            _ => false,
        }
    }

    /// The word for the pointer's shape.
    #[must_use]
    pub fn cursor(&self) -> &'static str {
        match (&self.state, self.hover) {
            (State::Pan(_) | State::Drag(_), _) => "grabbing",
            (State::Connect(_), _) => "crosshair",
            (State::Place(_), _) => "copy",
            (State::Size(_), _) | (State::Idle, Some(Hit::Grip(_))) if !self.is_space_held => "nwse-resize",
            (State::Idle, _) if self.is_space_held => "grab",
            (State::Idle, Some(Hit::Port { .. } | Hit::Entry(_))) => "crosshair",
            (State::Idle, Some(Hit::End { .. })) => "move",
            (
                State::Idle,
                Some(
                    Hit::Middle(_)
                    | Hit::Cut(_)
                    | Hit::Track(_)
                    | Hit::Card(_)
                    | Hit::Group(_)
                    | Hit::Note(_),
                ),
            ) => "pointer",
            (State::Idle, Some(Hit::Canvas) | None) if self.habits.drag_pans => "grab",
            _ => "default",
        }
    }

    /// Takes something that happened.
    pub fn on(&mut self, input: Input, world: World<'_>) -> Vec<Act> {
        match input {
            Input::Down(pointer) => self.down(pointer, world),
            Input::Move(pointer) => self.moved(pointer, world),
            Input::Up(pointer) => self.up(pointer, world),
            Input::Lost(id) => {
                self.fingers.retain(|(finger, _)| *finger != id);
                self.escape(world)
            }
            Input::Wheel { at, by, held } => self.wheel(at, by, held, world),
            Input::Menu(at) => self.menu(at, world),
            Input::Place(template, pointer) => {
                let acts = self.begin_anew(world);
                self.active = Some(pointer.id);
                self.last = pointer;
                self.state = State::Place(Place::new(template));
                acts
            }
            Input::Connect { card, port } if card < world.scene.cards.len() => {
                let acts = self.begin_anew(world);
                self.state = State::Connect(Box::new(Connect::from(world, card, port, true)));
                acts
            }
            Input::Connect { .. } => Vec::new(),
            Input::Space(is_held) => {
                self.is_space_held = is_held;
                Vec::new()
            }
            Input::Escape => self.escape(world),
            Input::Tick(now) => self.tick(now, world),
        }
    }

    /// What is to be drawn.
    #[must_use]
    pub fn overlay(&self, world: World<'_>) -> Overlay {
        match &self.state {
            State::Idle => Overlay {
                hover: self.hover,
                ..Overlay::default()
            },
            State::Drag(drag) => drag.overlay(world.scene),
            State::Size(size) => size.overlay(),
            State::Marquee(marquee) => marquee.overlay(),
            State::Connect(connect) => connect.overlay(world.scene),
            State::Place(place) => place.overlay(world.scene),
            _ => Overlay::default(),
        }
    }

    /// What the pointer is over. The cross beside the middle of an edge is there only while the edge is pointed at or selected.
    fn hit(&self, pointer: &Pointer, world: World<'_>) -> Hit {
        let hit = world.hit(pointer);
        let pointed = match self.hover {
            Some(Hit::Track(track) | Hit::Middle(track) | Hit::Cut(track)) => Some(track),
            _ => world.chosen(),
        };
        let is_free = matches!(hit, Hit::Canvas | Hit::Track(_) | Hit::Middle(_) | Hit::Note(_));
        let track = pointed.filter(|track| is_free && *track < world.scene.tracks.len());
        let Some(track) = track.filter(|_| world.camera.detail() != Detail::Box) else {
            return hit;
        };
        let wire = &world.scene.tracks[track].wire;
        let (Some(middle), Some(cut)) = (wire.middle(), wire.cut_place()) else {
            return hit;
        };
        let at = world.canvas(pointer.at);
        let is_between = Rect::between(middle, cut).grown(HIT).has(at);
        match (is_between, distance(at, cut) < distance(at, middle)) {
            (true, true) => Hit::Cut(track),
            // On the way to the cross the edge stays pointed at.
            (true, false) if hit == Hit::Canvas => Hit::Track(track),
            _ => hit,
        }
    }

    fn begin(&mut self, world: World<'_>) {
        self.before = Some(Before {
            camera: world.camera,
            selection: world.selection.clone(),
        });
        self.hover = None;
        self.ticked = None;
    }

    /// Ends what is under way without a trace and begins anew, from what then is so.
    fn begin_anew(&mut self, world: World<'_>) -> Vec<Act> {
        let acts = self.escape(world);
        self.begin(world);
        if let Some(before) = &mut self.before {
            for act in &acts {
                match act {
                    Act::Camera(camera) => before.camera = *camera,
                    Act::Select(selection) => before.selection = selection.clone(),
                    _ => {}
                }
            }
        }
        acts
    }

    fn down(&mut self, pointer: Pointer, world: World<'_>) -> Vec<Act> {
        self.last = pointer;
        if pointer.device == Device::Touch {
            self.fingers.retain(|(id, _)| *id != pointer.id);
            self.fingers.push((pointer.id, pointer.at));
            if let [.., (_, one), (_, other)] = self.fingers[..] {
                // A second finger: whatever the first one began was not meant.
                let acts = self.begin_anew(world);
                let camera = self.before.as_ref().map_or(world.camera, |before| before.camera);
                self.state = State::Pinch(Pinch {
                    start: (one, other),
                    camera,
                });
                return acts;
            }
        }
        match &self.state {
            // A press ends an edge that was begun with a click.
            State::Connect(connect) if connect.is_sticky => {
                self.moved(pointer, world);
                return self.finish(world);
            }
            State::Idle | State::Spent => {}
            // Another button meanwhile is not meant.
            _ => return Vec::new(),
        }
        if pointer.button == Button::Second {
            return Vec::new();
        }
        // Begun, nothing is pointed at any more.
        let hit = self.hit(&pointer, world);
        self.begin(world);
        self.active = Some(pointer.id);
        self.state = if pointer.button == Button::Middle || self.is_space_held {
            State::Pan(pointer.at)
        } else {
            State::Press(pointer, hit)
        };
        Vec::new()
    }

    fn moved(&mut self, pointer: Pointer, world: World<'_>) -> Vec<Act> {
        if let Some(finger) = self.fingers.iter_mut().find(|(id, _)| *id == pointer.id) {
            finger.1 = pointer.at;
        }
        if self.is_of_another(pointer) {
            return Vec::new();
        }
        self.last = pointer;
        match &mut self.state {
            State::Idle => {
                self.hover = Some(self.hit(&pointer, world)).filter(|_| pointer.device != Device::Touch);
                Vec::new()
            }
            State::Spent => Vec::new(),
            State::Press(start, hit) => {
                let slack = if start.device == Device::Touch {
                    TOUCH_SLACK
                } else {
                    CLICK_SLACK
                };
                if distance(start.at, pointer.at) <= slack {
                    return Vec::new();
                }
                let (start, hit) = (*start, *hit);
                self.start(start, hit, world)
            }
            State::Pan(from) => {
                let by = pt(pointer.at.x - from.x, pointer.at.y - from.y);
                *from = pointer.at;
                vec![Act::Camera(world.camera.panned(by))]
            }
            State::Drag(drag) => drag.to(pointer, world),
            State::Size(size) => size.to(pointer, world),
            State::Marquee(marquee) => marquee.to(pointer, world),
            State::Connect(connect) => {
                connect.to(world.canvas(pointer.at), world);
                Vec::new()
            }
            State::Place(place) => {
                place.to(pointer.at, world);
                Vec::new()
            }
            State::Pinch(pinch) => match self.fingers[..] {
                [.., (_, one), (_, other)] => vec![Act::Camera(pinch.camera(one, other))],
                _ => Vec::new(),
            },
        }
    }

    fn up(&mut self, pointer: Pointer, world: World<'_>) -> Vec<Act> {
        self.fingers.retain(|(id, _)| *id != pointer.id);
        if self.is_of_another(pointer) {
            return Vec::new();
        }
        let acts = match &self.state {
            State::Press(start, hit) => {
                let (start, hit) = (*start, *hit);
                self.state = State::Idle;
                self.click(start, hit, pointer.now, world)
            }
            State::Connect(connect) if connect.is_sticky => return Vec::new(),
            State::Pinch(_) | State::Spent | State::Idle | State::Pan(_) => Vec::new(),
            _ => {
                let mut acts = self.moved(pointer, world);
                // What is shown for now is replaced by what is so.
                acts.retain(|act| !matches!(act, Act::Shift(_) | Act::ShiftNote(..) | Act::SizeNote(..)));
                acts.extend(self.finish(world));
                return acts;
            }
        };
        if matches!(self.state, State::Pinch(_)) || !self.fingers.is_empty() {
            self.state = State::Spent;
            self.before = None;
        } else if !matches!(self.state, State::Connect(_)) {
            self.state = State::Idle;
            self.before = None;
        }
        acts
    }

    /// Whether a pointer has nothing to do with what is under way.
    fn is_of_another(&self, pointer: Pointer) -> bool {
        let is_held = match &self.state {
            State::Connect(connect) => !connect.is_sticky,
            State::Press(..)
            | State::Pan(_)
            | State::Drag(_)
            | State::Size(_)
            | State::Marquee(_)
            | State::Place(_) => true,
            State::Idle | State::Spent | State::Pinch(_) => false,
        };
        is_held && self.active != Some(pointer.id)
    }

    /// Ends what is under way, well.
    fn finish(&mut self, world: World<'_>) -> Vec<Act> {
        self.before = None;
        match std::mem::take(&mut self.state) {
            State::Drag(drag) => drag.let_go(world),
            State::Size(size) => size.let_go(world),
            State::Marquee(_) => Vec::new(),
            State::Connect(connect) => connect.let_go(self.last.at, world),
            State::Place(place) => place.let_go(world),
            _ => Vec::new(),
        }
    }

    /// Ends what is under way as if it had never been.
    fn escape(&mut self, world: World<'_>) -> Vec<Act> {
        let state = std::mem::take(&mut self.state);
        let Some(before) = self.before.take() else {
            return Vec::new();
        };
        if !self.fingers.is_empty() {
            self.state = State::Spent;
        }
        let mut acts = Vec::new();
        if before.camera != world.camera && !matches!(state, State::Spent) {
            acts.push(Act::Camera(before.camera));
        }
        if before.selection != *world.selection {
            acts.push(Act::Select(before.selection));
        }
        if matches!(state, State::Drag(_) | State::Size(_)) {
            acts.push(Act::Settle);
        }
        acts
    }

    fn wheel(&mut self, at: Point, by: Point, held: Held, world: World<'_>) -> Vec<Act> {
        let camera = if held.ctrl == self.habits.wheel_zooms {
            let by = if held.shift && by.x == 0.0 {
                pt(by.y, 0.0)
            } else {
                by
            };
            world.camera.panned(pt(-by.x, -by.y))
        } else {
            world.camera.wheeled(by.y, at)
        };
        self.with_camera(camera, world)
    }

    /// The camera moves while something may be under way: what is dragged stays under the pointer.
    fn with_camera(&mut self, camera: Camera, world: World<'_>) -> Vec<Act> {
        let mut acts = vec![Act::Camera(camera)];
        if !matches!(self.state, State::Press(..) | State::Pan(_) | State::Pinch(_)) {
            acts.extend(self.moved(self.last, World { camera, ..world }));
        }
        acts
    }

    fn menu(&mut self, at: Point, world: World<'_>) -> Vec<Act> {
        let acts = self.escape(world);
        if !acts.is_empty() {
            return acts;
        }
        let pointer = Pointer {
            at,
            ..Pointer::default()
        };
        let hit = world.hit(&pointer);
        self.state = if self.fingers.is_empty() {
            State::Idle
        } else {
            State::Spent
        };
        let mut acts = Vec::new();
        match hit {
            Hit::Card(card) | Hit::Entry(card) | Hit::Port { card, .. } => {
                let id = &world.scene.cards[card].id;
                if !world.selection.has(id) {
                    acts.push(Act::Select(Selection::one(id)));
                }
            }
            Hit::Track(track) | Hit::Middle(track) | Hit::Cut(track) | Hit::End { track, .. } => {
                let edge = &world.scene.tracks[track].edge;
                acts.push(Act::Select(Selection::of_edge(edge)));
            }
            Hit::Note(_) | Hit::Grip(_) | Hit::Group(_) => {
                acts.extend(select_drawn(world, hit).map(Act::Select));
            }
            Hit::Canvas => {}
        }
        acts.push(Act::Menu { at, hit });
        acts
    }

    fn tick(&mut self, now: f64, world: World<'_>) -> Vec<Act> {
        let ms = self.ticked.replace(now).map_or(0.0, |before| now - before);
        match &self.state {
            State::Press(pointer, _) if pointer.device == Device::Touch => {
                if now - pointer.now < LONG_PRESS_MS {
                    return Vec::new();
                }
                let at = pointer.at;
                self.before = None;
                self.state = State::Spent;
                self.menu(at, world)
            }
            State::Drag(_) | State::Size(_) | State::Marquee(_) | State::Connect(_) | State::Place(_) => {
                // From the palette one comes over the stage's edge: only what is on it moves it.
                let is_away = matches!(&self.state, State::Place(place) if place.at.is_none());
                match Camera::edge_pan(self.last.at, world.stage, ms).filter(|_| !is_away) {
                    Some(by) => self.with_camera(world.camera.panned(by), world),
                    None => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }
}

/// The selection of a note or a group.
fn select_drawn(world: World<'_>, hit: Hit) -> Option<Selection> {
    match hit {
        Hit::Note(note) | Hit::Grip(note) => Some(Selection::of_note(&world.scene.notes[note].note.id)),
        Hit::Group(group) => Some(Selection::of_group(&world.scene.groups[group].group.id)),
        _ => None,
    }
}

impl Pinch {
    fn camera(&self, one: Point, other: Point) -> Camera {
        let middle =
            |one: Point, other: Point| pt(f64::midpoint(one.x, other.x), f64::midpoint(one.y, other.y));
        let (from, to) = (middle(self.start.0, self.start.1), middle(one, other));
        let was = distance(self.start.0, self.start.1).max(1.0);
        let moved = self.camera.panned(pt(to.x - from.x, to.y - from.y));
        moved.zoomed(distance(one, other).max(1.0) / was, to)
    }
}
