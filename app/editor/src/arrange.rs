//! Putting cards in order: along a line, at even distances, or by the layout. Each is one change.

use flow::layout::{self, GRID, Graph, Options, Point};

use crate::change::Change;
use crate::geometry::{Rect, pt, snapped};
use crate::scene::{Places, Scene};

/// A line that cards are moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Their left edges, to the leftmost.
    Left,
    /// Their right edges, to the rightmost.
    Right,
    /// Their upper edges, to the topmost.
    Top,
    /// Their lower edges, to the lowest.
    Bottom,
    /// Their middles, on one upright line.
    Centre,
    /// Their middles, on one level line.
    Middle,
}

/// A direction in which cards get even distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// From left to right.
    Across,
    /// From top to bottom.
    Down,
}

/// What moves cards to these places; none if none of them moves.
#[must_use]
pub fn moved(scene: &Scene, places: impl IntoIterator<Item = (usize, Point)>) -> Option<Change> {
    let moves: Vec<_> = places
        .into_iter()
        .filter(|(card, at)| scene.cards[*card].rect.corner() != *at)
        .map(|(card, at)| (scene.cards[card].id.clone(), Some(at)))
        .collect();
    (!moves.is_empty()).then_some(Change::Move(moves))
}

/// The same, and what has no place in the document gets the one it is shown at: else the layout, that makes room for cards with
/// places, would move all others the next time the flow is opened.
#[must_use]
pub fn moved_and_kept(scene: &Scene, places: impl IntoIterator<Item = (usize, Point)>) -> Option<Change> {
    match moved(scene, places) {
        Some(Change::Move(moves)) => Some(with_kept(scene, moves)),
        other => other,
    }
}

/// The moves, and those of [`kept`] beside them: the step is named after the first.
#[must_use]
pub fn with_kept(scene: &Scene, moves: Vec<(String, Option<Point>)>) -> Change {
    let kept = kept(scene, &moves);
    match kept.is_empty() {
        true => Change::Move(moves),
        false => Change::All(vec![Change::Move(moves), Change::Move(kept)]),
    }
}

/// The places of all cards that have none in the document, but for those that are moved.
#[must_use]
pub fn kept(scene: &Scene, moves: &[(String, Option<Point>)]) -> Vec<(String, Option<Point>)> {
    let free = scene.cards.iter().filter(|card| !card.is_placed);
    free.filter(|card| moves.iter().all(|(id, _)| *id != card.id))
        .map(|card| (card.id.clone(), Some(card.rect.corner())))
        .collect()
}

/// Moves cards to a line.
#[must_use]
pub fn align(scene: &Scene, cards: &[usize], to: Align) -> Option<Change> {
    let rect = |card: &usize| scene.cards[*card].rect;
    let around = Rect::around(cards.iter().map(rect))?;
    let places = cards.iter().map(|card| {
        let own = rect(card);
        let at = match to {
            Align::Left => pt(around.x, own.y),
            Align::Right => pt(around.right() - own.w, own.y),
            Align::Top => pt(own.x, around.y),
            Align::Bottom => pt(own.x, around.bottom() - own.h),
            Align::Centre => pt(grid(around.middle().x - own.w / 2.0), own.y),
            Align::Middle => pt(own.x, grid(around.middle().y - own.h / 2.0)),
        };
        (*card, at)
    });
    moved_and_kept(scene, places)
}

/// Gives three cards or more even distances; the outermost stay.
#[must_use]
pub fn distribute(scene: &Scene, cards: &[usize], way: Spread) -> Option<Change> {
    let side = |rect: Rect| match way {
        Spread::Across => (rect.x, rect.w),
        Spread::Down => (rect.y, rect.h),
    };
    let mut sorted: Vec<(usize, Rect)> = cards
        .iter()
        .map(|card| (*card, scene.cards[*card].rect))
        .collect();
    sorted.sort_by(|one, other| side(one.1).0.total_cmp(&side(other.1).0));
    let (first, last) = (sorted.first()?.1, sorted.last()?.1);
    if sorted.len() < 3 {
        return None;
    }
    let (start, end) = (side(first).0 + side(first).1, side(last).0);
    let inner = &sorted[1..sorted.len() - 1];
    let taken: f64 = inner.iter().map(|(_, rect)| side(*rect).1).sum();
    let gap = (end - start - taken) / (inner.len() + 1) as f64;
    let mut at = start;
    let places: Vec<(usize, Point)> = inner
        .iter()
        .map(|(card, rect)| {
            let place = grid(at + gap);
            at += gap + side(*rect).1;
            match way {
                Spread::Across => (*card, pt(place, rect.y)),
                Spread::Down => (*card, pt(rect.x, place)),
            }
        })
        .collect();
    moved_and_kept(scene, places)
}

/// Leaves the places of all tasks to the layout: none of them stands in the document any longer.
#[must_use]
pub fn tidy_all(scene: &Scene) -> Option<Change> {
    let placed = scene.cards.iter().filter(|card| card.is_placed);
    let moves: Vec<_> = placed.map(|card| (card.id.clone(), None)).collect();
    (!moves.is_empty()).then_some(Change::Move(moves))
}

/// The cards on their way from where they were: at `part` 0 there, at 1 where they are.
#[must_use]
pub fn between(scene: &Scene, before: &Places, part: f64) -> Scene {
    let mut shown = scene.clone();
    // Fast first, then slower: so it is felt to begin at once.
    let part = 1.0 - (1.0 - part.clamp(0.0, 1.0)).powi(3);
    let moves: Vec<(usize, Point)> = scene
        .cards
        .iter()
        .enumerate()
        .filter_map(|(ix, card)| {
            let (from, to) = (*before.get(&card.id)?, card.rect.corner());
            let on_way = pt(from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part);
            (from != to).then_some((ix, on_way))
        })
        .collect();
    shown.shift_all(&moves);
    shown
}

/// Lays out some cards anew where they are; all others stay. Their order from top to bottom is kept where edges let it be.
#[must_use]
pub fn tidy(scene: &Scene, cards: &[usize]) -> Option<Change> {
    let around = Rect::around(cards.iter().map(|card| scene.cards[*card].rect))?;
    let mut index = vec![usize::MAX; scene.cards.len()];
    for (at, card) in cards.iter().enumerate() {
        index[*card] = at;
    }
    let nodes = cards.iter().map(|card| {
        let card = &scene.cards[*card];
        layout::Node {
            width: card.rect.w,
            height: card.rect.h,
            ports: card.ports.len() as u16,
            hint: Some(card.rect.corner()),
            pinned: false,
        }
    });
    let inner = scene
        .tracks
        .iter()
        .filter(|track| index[track.from] != usize::MAX && index[track.to] != usize::MAX);
    let edges = inner.map(|track| layout::Edge {
        from: index[track.from],
        to: index[track.to],
        port: track.port as u16,
    });
    let graph = Graph {
        nodes: nodes.collect(),
        edges: edges.collect(),
    };
    let placed = layout::layout(&graph, &Options::default());
    let corner = snapped(around.corner());
    let places = cards.iter().zip(&placed.nodes);
    moved_and_kept(
        scene,
        places.map(|(card, at)| {
            (
                *card,
                pt(
                    at.x - placed.origin.x + corner.x,
                    at.y - placed.origin.y + corner.y,
                ),
            )
        }),
    )
}

/// Moves cards by some pixels, as arrow keys do.
#[must_use]
pub fn nudge(scene: &Scene, cards: &[usize], by: Point) -> Option<Change> {
    let places = cards.iter().map(|card| {
        let rect = scene.cards[*card].rect;
        (*card, pt(rect.x + by.x, rect.y + by.y))
    });
    moved_and_kept(scene, places)
}

fn grid(value: f64) -> f64 {
    (value / GRID).round() * GRID
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::testing::model;

    fn check(text: &str, act: impl Fn(&Scene, &[usize]) -> Option<Change>, expected: Expect) {
        let scene = Scene::new(&model(text), &Places::default());
        let cards: Vec<usize> = (0..scene.cards.len())
            .filter(|card| !scene.cards[*card].id.starts_with('_'))
            .collect();
        let moves = match act(&scene, &cards) {
            Some(Change::All(all)) => all,
            Some(one) => vec![one],
            None => return expected.assert_eq("None"),
        };
        let mut out = String::new();
        for change in moves {
            let Change::Move(moves) = change else {
                panic!("what is arranged only moves")
            };
            out.extend(moves.into_iter().map(|(id, at)| match at {
                Some(at) => format!("{id} {},{}\n", at.x, at.y),
                None => format!("{id} free\n"),
            }));
        }
        expected.assert_eq(&out);
    }

    const THREE: &str = "a@0,0; b@104,200; c@1000,96";

    #[test]
    fn cards_are_aligned() {
        check(
            THREE,
            |scene, cards| align(scene, cards, Align::Left),
            expect![[r#"
            b 0,200
            c 0,96
        "#]],
        );
        check(
            THREE,
            |scene, cards| align(scene, cards, Align::Bottom),
            expect![[r#"
            a 0,200
            c 1000,200
        "#]],
        );
        check(
            THREE,
            |scene, cards| align(scene, cards, Align::Centre),
            expect![[r#"
            a 504,0
            b 504,200
            c 504,96
        "#]],
        );
        check(
            "a@0,0; b@300,0",
            |scene, cards| align(scene, cards, Align::Top),
            expect!["None"],
        );
    }

    #[test]
    fn cards_get_even_distances() {
        check(
            THREE,
            |scene, cards| distribute(scene, cards, Spread::Across),
            expect![[r#"
            b 504,200
        "#]],
        );
        check(
            "a@0,0; b@0,64; c@0,400",
            |scene, cards| distribute(scene, cards, Spread::Down),
            expect![[r#"
            b 0,200
        "#]],
        );
        check(
            "a@0,0; b@9,64",
            |scene, cards| distribute(scene, cards, Spread::Down),
            expect!["None"],
        );
    }

    #[test]
    fn one_card_moves_and_all_others_keep_their_places() {
        check(
            "a -> b -> _c",
            |scene, cards| nudge(scene, &cards[..1], pt(0.0, 8.0)),
            expect![[r#"
            a 0,8
            b 288,0
            _c 576,0
        "#]],
        );
    }

    #[test]
    fn cards_are_shown_on_their_way() {
        let scene = Scene::new(&model("a@0,0 -> b@400,200"), &Places::default());
        let before = Places::from_iter([
            ("b".to_owned(), pt(0.0, 200.0)),
            ("gone".to_owned(), pt(1.0, 1.0)),
        ]);
        let places = [0.0, 0.5, 1.0, 7.0].map(|part| {
            let shown = between(&scene, &before, part);
            let at = shown.cards[1].rect.corner();
            let end = shown.tracks[0].wire.end().unwrap_or_default();
            format!("{:.0},{:.0} {:.0},{:.0}", at.x, at.y, end.x, end.y)
        });
        assert_eq!(
            places,
            [
                "0,200 0,232",
                "350,200 350,232",
                "400,200 400,232",
                "400,200 400,232"
            ]
        );
    }

    #[test]
    fn a_part_is_tidied_where_it_is() {
        check(
            "a@0,0 -> b@0,300 -> c@8,600; _d@900,900",
            tidy,
            expect![[r#"
                b 312,0
                c 624,0
            "#]],
        );
        check(
            "a@0,0 -> b@0,300; _c@5,5",
            |scene, _| tidy_all(scene),
            expect![[r#"
            a free
            b free
            _c free
        "#]],
        );
    }

    #[test]
    fn tidying_twice_moves_nothing_more() {
        let scene = Scene::new(
            &model("a@0,0 -> b@0,300 -> c@8,600; a -> d@9,9 -> c"),
            &Places::default(),
        );
        let mut model = model("a -> b -> c; a -> d -> c");
        let all: Vec<usize> = (0..4).collect();
        let Some(Change::Move(moves)) = tidy(&scene, &all) else {
            panic!("something moves");
        };
        for node in &mut model.nodes {
            let found = moves
                .iter()
                .find(|(id, _)| *id == node.id)
                .and_then(|(_, at)| *at);
            node.at = found.or(Some(pt(0.0, 0.0)));
        }
        let again = Scene::new(&model, &Places::default());
        assert_eq!(tidy(&again, &all), None);
    }
}
