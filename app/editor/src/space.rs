//! Where things are: rectangles by the squares of the canvas they touch, so that what is in view or under the pointer is found
//! without looking at everything.

use rustc_hash::FxHashMap;

use crate::geometry::{Point, Rect};

/// The side of a square.
pub const CELL: f64 = 256.0;

/// A thing over more squares than this is looked at every time instead.
const CELLS_MAX: i64 = 1024;

/// Things with a number, each with one rectangle or several.
#[derive(Clone, Debug, Default)]
pub struct Space {
    cells: FxHashMap<(i64, i64), Vec<u32>>,
    /// The rectangles of each thing.
    rects: Vec<Vec<Rect>>,
    /// Those that are too large for squares.
    large: Vec<u32>,
}

/// The squares a rectangle touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    /// The first column and row.
    pub first: (i64, i64),
    /// The last column and row.
    pub last: (i64, i64),
}

impl Cells {
    /// Those of a rectangle: what is in view changes only when these do.
    #[must_use]
    pub fn of(rect: Rect) -> Self {
        // `as` keeps to the numbers there are; a million squares away from the origin nothing is told apart any more.
        let cell = |value: f64| ((value / CELL).floor() as i64).clamp(-1_000_000, 1_000_000);
        Self {
            first: (cell(rect.x), cell(rect.y)),
            last: (cell(rect.right()), cell(rect.bottom())),
        }
    }

    fn count(self) -> i64 {
        (self.last.0 - self.first.0 + 1) * (self.last.1 - self.first.1 + 1)
    }

    fn each(self) -> impl Iterator<Item = (i64, i64)> {
        (self.first.0..=self.last.0).flat_map(move |x| (self.first.1..=self.last.1).map(move |y| (x, y)))
    }
}

impl Space {
    /// Gives a thing its rectangles, in place of those it had.
    pub fn set(&mut self, id: usize, rects: Vec<Rect>) {
        self.remove(id);
        if self.rects.len() <= id {
            self.rects.resize_with(id + 1, Vec::new);
        }
        let number = id as u32;
        for rect in &rects {
            let cells = Cells::of(*rect);
            if cells.count() > CELLS_MAX {
                if !self.large.contains(&number) {
                    self.large.push(number);
                }
                continue;
            }
            for cell in cells.each() {
                let things = self.cells.entry(cell).or_default();
                if things.last() != Some(&number) && !things.contains(&number) {
                    things.push(number);
                }
            }
        }
        self.rects[id] = rects;
    }

    /// Takes a thing out.
    pub fn remove(&mut self, id: usize) {
        let Some(rects) = self.rects.get_mut(id).map(std::mem::take) else {
            return;
        };
        let number = id as u32;
        self.large.retain(|other| *other != number);
        for cells in rects
            .into_iter()
            .map(Cells::of)
            .filter(|cells| cells.count() <= CELLS_MAX)
        {
            for cell in cells.each() {
                if let Some(things) = self.cells.get_mut(&cell) {
                    things.retain(|other| *other != number);
                }
            }
        }
    }

    /// The numbers of the things that touch a rectangle, in order.
    #[must_use]
    pub fn touching(&self, rect: Rect) -> Vec<usize> {
        let cells = Cells::of(rect);
        let touches = |id: &u32| self.rects[*id as usize].iter().any(|own| own.touches(rect));
        let mut found: Vec<usize> = if cells.count() > CELLS_MAX {
            (0..self.rects.len() as u32)
                .filter(touches)
                .map(|id| id as usize)
                .collect()
        } else {
            let near = cells.each().filter_map(|cell| self.cells.get(&cell)).flatten();
            near.chain(&self.large)
                .copied()
                .filter(touches)
                .map(|id| id as usize)
                .collect()
        };
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The numbers of the things under a point, or no farther from it than `slack` each way.
    #[must_use]
    pub fn near(&self, at: Point, slack: f64) -> Vec<usize> {
        self.touching(Rect::at(at, 0.0, 0.0).grown(slack))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::pt;

    fn rect() -> impl Strategy<Value = Rect> {
        (-3000.0..3000.0, -3000.0..3000.0, 0.0..900.0, 0.0..900.0).prop_map(|(x, y, w, h)| Rect {
            x,
            y,
            w,
            h,
        })
    }

    proptest! {
        #[test]
        fn finds_what_looking_at_everything_finds(
            rects in prop::collection::vec(rect(), 0..40),
            moved in prop::collection::vec((0..40_usize, rect()), 0..20),
            view in rect(),
        ) {
            let mut space = Space::default();
            let mut all = rects;
            for (id, rect) in all.iter().enumerate() {
                space.set(id, vec![*rect]);
            }
            for (id, rect) in moved.into_iter().filter(|(id, _)| *id < all.len()).collect::<Vec<_>>() {
                space.set(id, vec![rect]);
                all[id] = rect;
            }
            let slow: Vec<usize> = (0..all.len()).filter(|id| all[*id].touches(view)).collect();
            prop_assert_eq!(space.touching(view), slow);
        }
    }

    #[test]
    fn vast_things_and_views_are_found_too() {
        let mut space = Space::default();
        space.set(
            0,
            vec![Rect {
                x: -1e9,
                y: 0.0,
                w: 2e9,
                h: 2e5,
            }],
        );
        space.set(
            2,
            vec![Rect {
                x: 5.0,
                y: 5.0,
                w: 1.0,
                h: 1.0,
            }],
        );
        assert_eq!(space.near(pt(6.0, 6.0), 0.0), [0, 2]);
        assert_eq!(space.near(pt(1e8, 1e5), 0.0), [0]);
        assert_eq!(
            space.touching(Rect {
                x: -1e7,
                y: -1e7,
                w: 3e7,
                h: 3e7
            }),
            [0, 2]
        );
        space.remove(0);
        space.remove(9);
        assert_eq!(space.near(pt(6.0, 6.0), 0.0), [2]);
    }
}
