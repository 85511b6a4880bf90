//! Which cards are where, for cards that are in no layer.

use std::collections::BTreeMap;

use super::{Point, grid_ceil, grid_floor};

/// The least edge length of the squares in which cards are looked up.
const CELL: f64 = 256.0;
/// A line through more squares than this is not looked at.
const FAR: f64 = 4_096.0;

/// A card in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    pub(super) at: Point,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Card {
    /// Whether the two are less than `gap` apart.
    fn near(&self, other: &Self, gap: f64) -> bool {
        self.at.x < other.at.x + other.width + gap
            && other.at.x < self.at.x + self.width + gap
            && self.at.y < other.at.y + other.height + gap
            && other.at.y < self.at.y + self.height + gap
    }
}

/// Cards by the squares they touch.
#[derive(Debug)]
pub(super) struct Space {
    cell: f64,
    cards: Vec<Card>,
    cells: BTreeMap<(i64, i64), Vec<usize>>,
}

impl Space {
    /// For cards with sides of at most `largest`.
    pub(super) fn new(largest: f64) -> Self {
        // No card touches more than a few squares.
        Self {
            cell: CELL.max(largest / 4.0),
            cards: Vec::new(),
            cells: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, card: Card) {
        for cell in self.squares(&card) {
            self.cells.entry(cell).or_default().push(self.cards.len());
        }
        self.cards.push(card);
    }

    fn squares(&self, card: &Card) -> impl Iterator<Item = (i64, i64)> + use<> {
        let square = |value: f64| (value / self.cell).floor() as i64;
        let (left, right) = (square(card.at.x), square(card.at.x + card.width));
        let (top, bottom) = (square(card.at.y), square(card.at.y + card.height));
        (left..=right).flat_map(move |x| (top..=bottom).map(move |y| (x, y)))
    }

    fn touching(&self, card: &Card, gap: f64) -> impl Iterator<Item = &Card> {
        let more = gap.max(0.0);
        let wide = Card {
            at: Point {
                x: card.at.x - more,
                y: card.at.y - more,
            },
            width: card.width + 2.0 * more,
            height: card.height + 2.0 * more,
        };
        let card = *card;
        let found = self
            .squares(&wide)
            .filter_map(|cell| self.cells.get(&cell))
            .flatten();
        found
            .map(|&index| &self.cards[index])
            .filter(move |other| card.near(other, gap))
    }

    /// The nearest place straight above or below where the card is `gap` away from all others.
    pub(super) fn free_place(&self, card: Card, gap: f64) -> Point {
        let slide = |down: bool| {
            let mut moved = card;
            // Every step passes a card for good, so this ends.
            while let Some(next) = self.step(&moved, gap, down) {
                moved.at.y = next;
            }
            moved.at
        };
        let (above, below) = (slide(false), slide(true));
        if card.at.y - above.y < below.y - card.at.y {
            above
        } else {
            below
        }
    }

    /// Where to go to pass the cards in the way; none when there are none.
    fn step(&self, card: &Card, gap: f64, down: bool) -> Option<f64> {
        let touching = self.touching(card, gap);
        if down {
            touching
                .map(|other| grid_ceil(other.at.y + other.height + gap))
                .reduce(f64::max)
        } else {
            touching
                .map(|other| grid_floor(other.at.y - gap - card.height))
                .reduce(f64::min)
        }
    }

    /// How many cards a horizontal or vertical line runs over; along the border does not count.
    pub(super) fn hits(&self, from: Point, to: Point) -> usize {
        let line = Card {
            at: Point {
                x: from.x.min(to.x),
                y: from.y.min(to.y),
            },
            width: (from.x - to.x).abs(),
            height: (from.y - to.y).abs(),
        };
        if line.width.max(line.height) > FAR * self.cell {
            return 0;
        }
        self.touching(&line, -0.5).count()
    }
}
