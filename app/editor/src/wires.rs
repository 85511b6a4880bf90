//! The ways of edges: right-angled between cards at rest, curved while something moves. From rectangles alone.

use std::fmt::Write as _;

use flow::layout::{self, GRID, Path};

use crate::geometry::{Point, Rect, distance, pt};

/// From a card to the first bend beside it.
const STUB: f64 = 24.0;
/// How round corners are.
pub const CORNER: f64 = 8.0;
/// Pieces a curve is cut into: at most a pixel off at any usual length.
const PIECES: u32 = 20;
/// From the middle of an edge to where it can be taken away.
const CUT: f64 = 24.0;

/// The way of an edge.
#[derive(Clone, Debug, PartialEq)]
pub enum Wire {
    /// Horizontal and vertical pieces between these points.
    Bent(Vec<Point>),
    /// A curve: start, two handles, end.
    Curve([Point; 4]),
}

impl Default for Wire {
    fn default() -> Self {
        Self::Bent(Vec::new())
    }
}

impl Wire {
    /// A curve from a port to where an edge enters.
    #[must_use]
    pub fn curve(from: Point, to: Point) -> Self {
        let reach = ((to.x - from.x).abs() / 2.0).clamp(STUB, 160.0);
        Self::Curve([from, pt(from.x + reach, from.y), pt(to.x - reach, to.y), to])
    }

    /// A right-angled way from a port of one card to where edges enter another.
    #[must_use]
    pub fn bent(from: Point, to: Point, cards: (Rect, Rect)) -> Self {
        if from.y == to.y && to.x >= from.x {
            return Self::Bent(vec![from, to]);
        }
        if to.x - from.x >= 2.0 * STUB {
            let x = (f64::midpoint(from.x, to.x) / GRID).round() * GRID;
            return Self::Bent(vec![from, pt(x, from.y), pt(x, to.y), to]);
        }
        // Back to the left: between the two if there is room, else below both.
        let (upper, lower) = if cards.0.y <= cards.1.y {
            cards
        } else {
            (cards.1, cards.0)
        };
        let lane = if lower.y - upper.bottom() >= STUB {
            f64::midpoint(upper.bottom(), lower.y)
        } else {
            cards.0.bottom().max(cards.1.bottom()) + STUB
        };
        let (out, back) = (from.x + STUB, to.x - STUB);
        Self::Bent(vec![
            from,
            pt(out, from.y),
            pt(out, lane),
            pt(back, lane),
            pt(back, to.y),
            to,
        ])
    }

    /// As straight pieces.
    #[must_use]
    pub fn flat(&self) -> Vec<Point> {
        match self {
            Self::Bent(points) => points.clone(),
            Self::Curve(curve) => (0..=PIECES)
                .map(|step| on_curve(curve, f64::from(step) / f64::from(PIECES)))
                .collect(),
        }
    }

    /// Where it begins.
    #[must_use]
    pub fn start(&self) -> Option<Point> {
        match self {
            Self::Bent(points) => points.first().copied(),
            Self::Curve(curve) => Some(curve[0]),
        }
    }

    /// Where it ends.
    #[must_use]
    pub fn end(&self) -> Option<Point> {
        match self {
            Self::Bent(points) => points.last().copied(),
            Self::Curve(curve) => Some(curve[3]),
        }
    }

    /// A rectangle around each of its pieces: by them it is looked up.
    #[must_use]
    pub fn rects(&self) -> Vec<Rect> {
        match self {
            Self::Bent(points) => points
                .windows(2)
                .map(|piece| Rect::between(piece[0], piece[1]))
                .collect(),
            // The handles hold the curve between them.
            Self::Curve(curve) => Rect::around(curve.iter().map(|point| Rect::at(*point, 0.0, 0.0)))
                .into_iter()
                .collect(),
        }
    }

    /// How far a point is from it.
    #[must_use]
    pub fn distance(&self, at: Point) -> f64 {
        self.flat()
            .windows(2)
            .map(|piece| distance_to_piece(at, piece[0], piece[1]))
            .fold(f64::INFINITY, f64::min)
    }

    /// The point halfway along: there something can be put in between.
    #[must_use]
    pub fn middle(&self) -> Option<Point> {
        self.halfway().map(|(at, _)| at)
    }

    /// The place beside the middle where the edge can be taken away: above a level piece, to the right of an upright one.
    #[must_use]
    pub fn cut_place(&self) -> Option<Point> {
        let (at, way) = self.halfway()?;
        Some(match way.x.abs() >= way.y.abs() {
            true => pt(at.x, at.y - CUT),
            false => pt(at.x + CUT, at.y),
        })
    }

    /// The point halfway along, and which way it goes there.
    fn halfway(&self) -> Option<(Point, Point)> {
        let flat = self.flat();
        let whole: f64 = flat.windows(2).map(|piece| distance(piece[0], piece[1])).sum();
        let mut left = whole / 2.0;
        for piece in flat.windows(2) {
            let length = distance(piece[0], piece[1]);
            if length >= left && length > 0.0 {
                let part = left / length;
                let way = pt(piece[1].x - piece[0].x, piece[1].y - piece[0].y);
                return Some((pt(piece[0].x + way.x * part, piece[0].y + way.y * part), way));
            }
            left -= length;
        }
        flat.first().map(|first| (*first, pt(1.0, 0.0)))
    }

    /// Where its label stands: on a level piece, where it is its own. An outcome near the port, a condition before the target.
    #[must_use]
    pub fn label_place(&self, at_target: bool) -> Option<Point> {
        let Self::Bent(points) = self else {
            return self.middle();
        };
        let is_level = |piece: &&[Point]| piece[0].y == piece[1].y && (piece[1].x - piece[0].x).abs() > 24.0;
        let mut level = points.windows(2).filter(is_level);
        let piece = if at_target {
            level.next_back()
        } else {
            level.next()
        };
        match piece {
            Some(piece) => Some(pt(f64::midpoint(piece[0].x, piece[1].x), piece[0].y)),
            None => self.middle(),
        }
    }

    /// As the `d` of an SVG path.
    #[must_use]
    pub fn svg(&self) -> String {
        match self {
            Self::Bent(points) => layout::svg_path(
                &Path {
                    points: points.clone(),
                },
                CORNER,
            ),
            Self::Curve([from, one, other, to]) => {
                let mut d = String::new();
                let _ = write!(
                    d,
                    "M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
                    from.x, from.y, one.x, one.y, other.x, other.y, to.x, to.y
                );
                d
            }
        }
    }
}

fn on_curve(curve: &[Point; 4], part: f64) -> Point {
    let rest = 1.0 - part;
    let weights = [
        rest.powi(3),
        3.0 * rest * rest * part,
        3.0 * rest * part * part,
        part.powi(3),
    ];
    let sum =
        |of: fn(&Point) -> f64| -> f64 { curve.iter().zip(weights).map(|(point, by)| of(point) * by).sum() };
    pt(sum(|point| point.x), sum(|point| point.y))
}

/// How far a point is from a straight piece.
#[must_use]
pub fn distance_to_piece(at: Point, from: Point, to: Point) -> f64 {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length = dx * dx + dy * dy;
    if length == 0.0 {
        return distance(at, from);
    }
    let part = (((at.x - from.x) * dx + (at.y - from.y) * dy) / length).clamp(0.0, 1.0);
    distance(at, pt(from.x + dx * part, from.y + dy * part))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn check(from: (f64, f64), to: (f64, f64), expected: Expect) {
        let card = |x: f64, y: f64| Rect::at(pt(x, y), 216.0, 64.0);
        let (one, other) = (card(from.0 - 216.0, from.1 - 32.0), card(to.0, to.1 - 32.0));
        let wire = Wire::bent(pt(from.0, from.1), pt(to.0, to.1), (one, other));
        let points: Vec<String> = wire
            .flat()
            .iter()
            .map(|point| format!("{},{}", point.x, point.y))
            .collect();
        let middle = wire.middle().expect("has a middle");
        expected.assert_eq(&format!(
            "{} | middle {},{}",
            points.join(" "),
            middle.x,
            middle.y
        ));
    }

    #[test]
    fn ways_turn_where_there_is_room() {
        check((0.0, 0.0), (96.0, 0.0), expect!["0,0 96,0 | middle 48,0"]);
        check(
            (0.0, 0.0),
            (96.0, 100.0),
            expect!["0,0 48,0 48,100 96,100 | middle 48,50"],
        );
        check(
            (0.0, 0.0),
            (8.0, 160.0),
            expect!["0,0 24,0 24,80 -16,80 -16,160 8,160 | middle 4,80"],
        );
        check(
            (0.0, 0.0),
            (-400.0, 16.0),
            expect!["0,0 24,0 24,72 -424,72 -424,16 -400,16 | middle -192,72"],
        );
    }

    proptest! {
        #[test]
        fn a_way_is_found_where_it_runs(x in -900.0..900.0, y in -900.0..900.0, part in 0.0..1.0_f64, curved: bool) {
            let (from, to) = (pt(0.0, 0.0), pt(x, y));
            let card = |at: Point| Rect::at(at, 216.0, 64.0);
            let wire = if curved { Wire::curve(from, to) } else { Wire::bent(from, to, (card(pt(-216.0, -32.0)), card(to))) };
            prop_assert_eq!(wire.start(), Some(from));
            prop_assert_eq!(wire.end(), Some(to));
            let flat = wire.flat();
            let at = flat[((flat.len() - 1) as f64 * part) as usize];
            prop_assert!(wire.distance(at) < 1e-6);
            prop_assert!(wire.rects().iter().any(|rect| rect.grown(1e-6).has(at)), "culling must not lose it");
            let middle = wire.middle().expect("has a middle");
            prop_assert!(wire.distance(middle) < 1e-6);
            prop_assert!(!wire.svg().contains("NaN"));
        }
    }
}
