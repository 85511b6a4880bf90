//! What happens on the stage: what a gesture is told.

use crate::adding::Template;
use crate::geometry::Point;

/// What points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// A mouse or a trackpad.
    #[default]
    Mouse,
    /// A finger.
    Touch,
    /// A pen: as exact as a mouse.
    Pen,
}

/// Which button is pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Button {
    /// The left one, a finger, a pen's tip.
    #[default]
    Main,
    /// The middle one.
    Middle,
    /// The right one.
    Second,
}

/// Keys held down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Shift.
    pub shift: bool,
    /// Control, or Command where that is its like.
    pub ctrl: bool,
    /// Alt.
    pub alt: bool,
}

/// A pointer at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pointer {
    /// Which, as the browser numbers them.
    pub id: i32,
    /// What it is.
    pub device: Device,
    /// What is pressed.
    pub button: Button,
    /// Where, in pixels of the stage.
    pub at: Point,
    /// Keys held down.
    pub held: Held,
    /// When, in milliseconds of any clock that does not go back.
    pub now: f64,
}

/// What happens on the stage.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A pointer is pressed.
    Down(Pointer),
    /// A pointer moves, pressed or not.
    Move(Pointer),
    /// A pointer is let go.
    Up(Pointer),
    /// The browser takes a pointer away.
    Lost(i32),
    /// The wheel turns by pixels.
    Wheel {
        /// Where the pointer is, on the stage.
        at: Point,
        /// How far.
        by: Point,
        /// Keys held down; a pinch on a trackpad comes as a wheel with Control.
        held: Held,
    },
    /// A menu is asked for, by the right button or its key.
    Menu(Point),
    /// Something is dragged out of the palette.
    Place(Template, Pointer),
    /// An edge is drawn from the keyboard, or by a tap: the next press on a card ends it.
    Connect {
        /// The card it leaves.
        card: usize,
        /// Its port.
        port: usize,
    },
    /// The space bar is pressed or let go.
    Space(bool),
    /// Escape.
    Escape,
    /// Time passes; sent while [`Gesture::wants_ticks`](super::Gesture::wants_ticks).
    Tick(f64),
}
