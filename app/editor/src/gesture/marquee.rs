//! A rectangle is drawn around what is to be selected: to the right it takes what lies in it as a whole, to the left also what it touches.

use super::{Act, Overlay, Pointer, World};
use crate::geometry::{Point, Rect};
use crate::select::Selection;

#[derive(Clone, Debug)]
pub(super) struct Marquee {
    start: Point,
    rect: Rect,
    is_whole: bool,
    /// What was selected before.
    before: Selection,
}

impl Marquee {
    pub(super) fn new(world: World<'_>, start: Pointer) -> Self {
        Self {
            start: world.canvas(start.at),
            rect: Rect::default(),
            is_whole: true,
            before: world.selection.clone(),
        }
    }

    pub(super) fn to(&mut self, pointer: Pointer, world: World<'_>) -> Vec<Act> {
        let at = world.canvas(pointer.at);
        self.rect = Rect::between(self.start, at);
        self.is_whole = at.x >= self.start.x;
        let taken = Selection::within(world.scene, self.rect, self.is_whole);
        let now = match (pointer.held.shift, pointer.held.ctrl) {
            (true, _) => self.before.clone().with(taken),
            (false, true) => self.before.clone().without(&taken),
            _ => taken,
        };
        match now == *world.selection {
            true => Vec::new(),
            false => vec![Act::Select(now)],
        }
    }

    pub(super) fn overlay(&self) -> Overlay {
        Overlay {
            marquee: Some((self.rect, self.is_whole)),
            ..Overlay::default()
        }
    }
}
