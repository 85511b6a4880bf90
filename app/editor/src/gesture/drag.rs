//! Cards are dragged: to the grid, or in line with others that are near.

use flow::layout::GRID;

use super::home::{Home, Homes};
use super::{Act, OVER, Overlay, Pointer, World, select_drawn};
use crate::adding;
use crate::arrange;
use crate::change::Change;
use crate::drawn::{Drawn, Note};
use crate::geometry::{Point, Rect, pt};
use crate::scene::{Hit, Scene};
use crate::select::Selection;

/// So near, in pixels of the stage, a line of another card is taken.
pub(super) const NEAR: f64 = 5.0;

#[derive(Clone, Debug)]
pub(super) struct Drag {
    /// The cards and where they were.
    cards: Vec<(usize, Rect)>,
    /// The note, if that is what is dragged.
    note: Option<usize>,
    /// Whether it may come between two tasks.
    is_loose: bool,
    /// Around all of them.
    around: Rect,
    /// The one in the hand.
    held: Rect,
    /// Where it was taken hold of.
    grip: Point,
    /// How far they are from where they were.
    by: Point,
    guides: Vec<(Point, Point)>,
    /// The edge the card would come between.
    over: Option<usize>,
    /// Where the groups were; none if whole groups or notes are dragged, which come into no group.
    homes: Option<Homes>,
    /// What letting go means for the cards' groups.
    home: Home,
    /// Where the pointer is.
    at: Point,
}

impl Drag {
    pub(super) fn new(world: World<'_>, chosen: &Selection, card: usize, start: Pointer) -> Self {
        let rect = |card: usize| (card, world.scene.cards[card].rect);
        let mut cards: Vec<_> = chosen.cards(world.scene).into_iter().map(rect).collect();
        if cards.is_empty() {
            cards.push(rect(card));
        }
        let held = world.scene.cards[card].rect;
        Self {
            around: Rect::around(cards.iter().map(|(_, rect)| *rect)).unwrap_or(held),
            is_loose: cards.len() == 1,
            cards,
            note: None,
            held,
            grip: world.canvas(start.at),
            by: pt(0.0, 0.0),
            guides: Vec::new(),
            over: None,
            homes: Some(Homes::new(world.scene)),
            home: Home::Same,
            at: world.canvas(start.at),
        }
    }

    /// A note, or a group by its title: all its cards go along.
    pub(super) fn of_drawn(world: World<'_>, hit: Hit, start: Pointer) -> Option<(Self, Selection)> {
        let chosen = select_drawn(world, hit)?;
        let (cards, held, note) = match hit {
            Hit::Note(note) => (Vec::new(), world.scene.notes[note].rect, Some(note)),
            Hit::Group(group) => {
                let group = &world.scene.groups[group];
                let members = group.members.iter();
                let cards = members.map(|card| (*card, world.scene.cards[*card].rect));
                (cards.collect(), group.rect, None)
            }
            _ => return None,
        };
        let drag = Self {
            around: held,
            cards,
            note,
            is_loose: false,
            held,
            grip: world.canvas(start.at),
            by: pt(0.0, 0.0),
            guides: Vec::new(),
            over: None,
            homes: None,
            home: Home::Same,
            at: world.canvas(start.at),
        };
        Some((drag, chosen))
    }

    pub(super) fn to(&mut self, pointer: Pointer, world: World<'_>) -> Vec<Act> {
        let at = world.canvas(pointer.at);
        let free = pt(at.x - self.grip.x, at.y - self.grip.y);
        let before = self.by;
        if pointer.held.alt {
            self.guides.clear();
            self.by = pt(free.x.round(), free.y.round());
        } else {
            self.by = self.snap(free, world);
        }
        self.over = match self.cards[..] {
            [(card, rect)] if self.is_loose => {
                let middle = rect.moved(self.by).middle();
                let near = world.scene.track_at(middle, OVER);
                near.filter(|track| adding::can_put_on(world.scene, *track, card))
            }
            _ => None,
        };
        self.at = at;
        let homes = self.homes.as_ref();
        self.home = homes.map_or(Home::Same, |homes| {
            homes.at(world.scene, &self.own(), at, pointer.held.alt)
        });
        if self.by == before {
            return Vec::new();
        }
        if let Some(note) = self.note {
            return vec![Act::ShiftNote(note, self.held.moved(self.by).corner())];
        }
        let places = self
            .cards
            .iter()
            .map(|(card, rect)| (*card, rect.moved(self.by).corner()));
        vec![Act::Shift(places.collect())]
    }

    /// To a line of another card if one is near, else to the grid; each axis for itself.
    fn snap(&mut self, free: Point, world: World<'_>) -> Point {
        let reach = NEAR / world.camera.k;
        let now = self.around.moved(free);
        let others = lines_near(world, now, |card| self.cards.iter().any(|(own, _)| *own == card));
        let across = |rect: &Rect| [rect.x, rect.middle().x, rect.right()];
        let down = |rect: &Rect| [rect.y, rect.middle().y, rect.bottom()];
        let x = nearest(across(&now), others.iter().map(across), reach);
        let y = nearest(down(&now), others.iter().map(down), reach);
        let grid = |free: f64, at: f64| ((at + free) / GRID).round() * GRID - at;
        let by = pt(
            x.map_or_else(|| grid(free.x, self.held.x), |x| free.x + x),
            y.map_or_else(|| grid(free.y, self.held.y), |y| free.y + y),
        );
        let own = self.around.moved(by);
        self.guides.clear();
        for other in &others {
            let whole = own.with(*other);
            if x.is_some() {
                for line in shared(across(&own), across(other)) {
                    self.guides.push((pt(line, whole.y), pt(line, whole.bottom())));
                }
            }
            if y.is_some() {
                for line in shared(down(&own), down(other)) {
                    self.guides.push((pt(whole.x, line), pt(whole.right(), line)));
                }
            }
        }
        self.guides.truncate(24);
        by
    }

    pub(super) fn let_go(self, world: World<'_>) -> Vec<Act> {
        if self.by == pt(0.0, 0.0) && self.over.is_none() {
            return vec![Act::Settle];
        }
        if let Some(note) = self.note {
            let note = Note {
                at: Some(self.held.moved(self.by).corner()),
                ..world.scene.notes[note].note.clone()
            };
            return vec![Act::Change(Drawn::put_note(&note))];
        }
        let places = self
            .cards
            .iter()
            .map(|(card, rect)| (*card, rect.moved(self.by).corner()));
        let moved = if let (Some(track), [(card, rect)]) = (self.over, &self.cards[..]) {
            let at = rect.moved(self.by).corner();
            adding::put_on(world.scene, track, *card, at)
        } else {
            let first = self.around.moved(self.by).corner();
            let by = self.home.inside(world.scene, first).unwrap_or_default();
            let moves: Vec<_> = places
                .map(|(card, at)| {
                    (
                        world.scene.cards[card].id.clone(),
                        Some(pt(at.x + by.x, at.y + by.y)),
                    )
                })
                .collect();
            arrange::with_kept(world.scene, moves)
        };
        match self.home.change(world.scene, &self.own()) {
            Some((label, change)) => vec![Act::ChangeAs(label, Change::All(vec![moved, change]))],
            None => vec![Act::Change(moved)],
        }
    }

    fn own(&self) -> Vec<usize> {
        self.cards.iter().map(|(card, _)| *card).collect()
    }

    pub(super) fn overlay(&self, scene: &Scene) -> Overlay {
        let words = self.home.words(scene);
        Overlay {
            guides: self.guides.clone(),
            between: self.over,
            group: self.home.group(),
            verdict: words.as_ref().map(|(_, is_offer)| *is_offer),
            tip: words.is_some().then_some(self.at),
            reason: words.map(|(words, _)| words),
            ..Overlay::default()
        }
    }
}

/// The cards along which something can stand, but for its own. They are those that are seen; of very many the nearest are enough, and
/// they come in no order that would say which.
pub(super) fn lines_near(world: World<'_>, now: Rect, is_own: impl Fn(usize) -> bool) -> Vec<Rect> {
    let view = now.grown(600.0 / world.camera.k.max(0.5));
    let cards = world.scene.cards_in(view).into_iter();
    let others = cards.filter(|card| !is_own(*card)).take(200);
    others.map(|card| world.scene.cards[card].rect).collect()
}

/// The least way from one of the own lines to one of another's; none if it is farther than `reach`.
fn nearest(own: [f64; 3], others: impl Iterator<Item = [f64; 3]>, reach: f64) -> Option<f64> {
    others
        // Edges go to edges and middles to middles: the rest is no order.
        .flat_map(|other| {
            [
                other[0] - own[0],
                other[2] - own[2],
                other[1] - own[1],
                other[2] - own[0],
                other[0] - own[2],
            ]
        })
        .filter(|by| by.abs() <= reach)
        .min_by(|one, other| one.abs().total_cmp(&other.abs()))
}

/// The lines two have in common.
fn shared(own: [f64; 3], other: [f64; 3]) -> impl Iterator<Item = f64> {
    let pairs = [(0, 0), (2, 2), (1, 1), (0, 2), (2, 0)];
    pairs
        .into_iter()
        .filter(move |(one, two)| (own[*one] - other[*two]).abs() < 0.01)
        .map(move |(one, _)| own[one])
}
