//! Routes as drawing commands.

use std::fmt::Write as _;

use super::{Path, Point};

/// The route as the `d` of an SVG path, its corners rounded by `radius` pixels, or by less where
/// two bends are close. Empty for an empty path.
#[must_use]
pub fn svg_path(path: &Path, radius: f64) -> String {
    let points = &path.points;
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return String::new();
    };
    let mut d = format!("M{} {}", number(first.x), number(first.y));
    for corner in points.windows(3) {
        let [before, at, after] = [corner[0], corner[1], corner[2]];
        let room = (distance(before, at) / 2.0)
            .min(distance(at, after) / 2.0)
            .min(radius.max(0.0));
        let (start, end) = (towards(at, before, room), towards(at, after, room));
        line(&mut d, start);
        if room > 0.0 {
            let _ = write!(
                d,
                "Q{} {} {} {}",
                number(at.x),
                number(at.y),
                number(end.x),
                number(end.y)
            );
        }
    }
    if points.len() > 1 {
        line(&mut d, *last);
    }
    d
}

fn line(d: &mut String, to: Point) {
    let _ = write!(d, "L{} {}", number(to.x), number(to.y));
}

/// At most two decimals: finer is not seen and makes the page longer.
fn number(value: f64) -> f64 {
    // Adding zero turns a negative zero into a plain one.
    (value * 100.0).round() / 100.0 + 0.0
}

fn distance(one: Point, other: Point) -> f64 {
    (one.x - other.x).hypot(one.y - other.y)
}

fn towards(from: Point, to: Point, by: f64) -> Point {
    let length = distance(from, to);
    if length == 0.0 {
        return from;
    }
    Point {
        x: from.x + (to.x - from.x) * by / length,
        y: from.y + (to.y - from.y) * by / length,
    }
}

/// Leaves out points that lie on the way between their neighbours.
pub(super) fn simplify(points: Vec<Point>) -> Path {
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        while let [.., before, middle] = kept[..] {
            let level = before.y == middle.y && middle.y == point.y;
            let upright = before.x == middle.x && middle.x == point.x;
            if !(level || upright) {
                break;
            }
            kept.pop();
        }
        if kept.last() != Some(&point) {
            kept.push(point);
        }
    }
    Path { points: kept }
}
