//! A note is sized by its lower right corner: to the grid, or in line with cards that are near.

use flow::layout::GRID;

use super::drag::{NEAR, lines_near};
use super::{Act, Overlay, Pointer, World};
use crate::boxes::note_size;
use crate::drawn::Drawn;
use crate::geometry::{Point, Rect, pt};

#[derive(Clone, Debug)]
pub(super) struct Size {
    note: usize,
    /// As it was.
    before: Rect,
    /// Where it was taken hold of.
    grip: Point,
    /// As it is shown.
    now: Rect,
    guides: Vec<(Point, Point)>,
}

impl Size {
    pub(super) fn new(world: World<'_>, note: usize, start: Pointer) -> Self {
        let before = world.scene.notes[note].rect;
        Self {
            note,
            before,
            grip: world.canvas(start.at),
            now: before,
            guides: Vec::new(),
        }
    }

    pub(super) fn to(&mut self, pointer: Pointer, world: World<'_>) -> Vec<Act> {
        let at = world.canvas(pointer.at);
        let free = pt(
            self.before.right() + at.x - self.grip.x,
            self.before.bottom() + at.y - self.grip.y,
        );
        self.guides.clear();
        let corner = match pointer.held.alt {
            true => pt(free.x.round(), free.y.round()),
            false => self.snap(free, world),
        };
        let (w, h) = note_size(corner.x - self.before.x, corner.y - self.before.y);
        let before = std::mem::replace(&mut self.now, Rect { w, h, ..self.before });
        // Of a note that cannot become so small, the lines are not where it ends.
        let now = self.now;
        self.guides.retain(|(from, to)| {
            from.x == now.right() && to.x == from.x || from.y == now.bottom() && to.y == from.y
        });
        match self.now == before {
            true => Vec::new(),
            false => vec![Act::SizeNote(self.note, pt(w, h))],
        }
    }

    /// The corner at a line of a card if one is near, else on the grid; each axis for itself.
    fn snap(&mut self, free: Point, world: World<'_>) -> Point {
        let reach = NEAR / world.camera.k;
        let own = Rect::between(self.before.corner(), free);
        let cards = lines_near(world, own, |_| false);
        let x = nearest(
            free.x,
            cards.iter().flat_map(|card| [card.x, card.right()]),
            reach,
        );
        let y = nearest(
            free.y,
            cards.iter().flat_map(|card| [card.y, card.bottom()]),
            reach,
        );
        let grid = |free: f64| (free / GRID).round() * GRID;
        let corner = pt(
            x.unwrap_or_else(|| grid(free.x)),
            y.unwrap_or_else(|| grid(free.y)),
        );
        let own = Rect::between(self.before.corner(), corner);
        for card in &cards {
            let whole = own.with(*card);
            if x.is_some_and(|x| x == card.x || x == card.right()) {
                self.guides
                    .push((pt(corner.x, whole.y), pt(corner.x, whole.bottom())));
            }
            if y.is_some_and(|y| y == card.y || y == card.bottom()) {
                self.guides
                    .push((pt(whole.x, corner.y), pt(whole.right(), corner.y)));
            }
        }
        self.guides.truncate(24);
        corner
    }

    pub(super) fn let_go(self, world: World<'_>) -> Vec<Act> {
        if self.now == self.before {
            return vec![Act::Settle];
        }
        let id = &world.scene.notes[self.note].note.id;
        vec![Act::Change(Drawn::size_note(id, pt(self.now.w, self.now.h)))]
    }

    pub(super) fn overlay(&self) -> Overlay {
        Overlay {
            guides: self.guides.clone(),
            ..Overlay::default()
        }
    }
}

/// The line next to a place; none if all are farther than `reach`.
fn nearest(at: f64, lines: impl Iterator<Item = f64>, reach: f64) -> Option<f64> {
    lines
        .filter(|line| (line - at).abs() <= reach)
        .min_by(|one, other| (one - at).abs().total_cmp(&(other - at).abs()))
}
