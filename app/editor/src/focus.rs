//! From card to card with the arrow keys: along edges first, else to what lies nearest that way.

use crate::scene::Scene;

/// Where an arrow key points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Left: upstream.
    Left,
    /// Right: downstream.
    Right,
    /// Up.
    Up,
    /// Down.
    Down,
}

impl Way {
    /// The way of an arrow key by its name.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Some(match key {
            "ArrowLeft" => Self::Left,
            "ArrowRight" => Self::Right,
            "ArrowUp" => Self::Up,
            "ArrowDown" => Self::Down,
            _ => return None,
        })
    }

    /// As steps to the right and down.
    #[must_use]
    pub const fn steps(self) -> (f64, f64) {
        match self {
            Self::Left => (-1.0, 0.0),
            Self::Right => (1.0, 0.0),
            Self::Up => (0.0, -1.0),
            Self::Down => (0.0, 1.0),
        }
    }
}

/// The card to go to. Left and right follow edges; up and down go among the cards beside it; where there is none, it is the nearest
/// that way. None if nothing lies there.
#[must_use]
pub fn next(scene: &Scene, from: usize, way: Way) -> Option<usize> {
    let card = scene.cards.get(from)?;
    let along = match way {
        Way::Right => card.out.iter().map(|ix| scene.tracks[*ix].to).collect(),
        Way::Left => card.into.iter().map(|ix| scene.tracks[*ix].from).collect(),
        Way::Up | Way::Down => Vec::new(),
    };
    let start = card.rect.middle();
    let level = |other: &usize| {
        let middle = scene.cards[*other].rect.middle();
        ((middle.y - start.y).abs(), (middle.x - start.x).abs())
    };
    // Of several edges the most level one.
    let nearest = along
        .into_iter()
        .filter(|other| *other != from)
        .min_by(|one, other| {
            let (one, other) = (level(one), level(other));
            one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1))
        });
    nearest.or_else(|| {
        let (right, down) = way.steps();
        let others = scene.cards.iter().enumerate().filter(|(ix, _)| *ix != from);
        others
            .filter_map(|(ix, other)| {
                let middle = other.rect.middle();
                let (dx, dy) = (middle.x - start.x, middle.y - start.y);
                let ahead = dx * right + dy * down;
                let aside = (dx * down + dy * right).abs();
                // What lies aside counts double: the way is a cone, not a half plane.
                (ahead > 1.0).then_some((ahead + 2.0 * aside, ix))
            })
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, ix)| ix)
    })
}

/// The card that the focus enters the canvas at: the first without an upstream, else the first.
#[must_use]
pub fn first(scene: &Scene) -> Option<usize> {
    let is_first = |card: &crate::scene::Card| card.into.is_empty();
    scene
        .cards
        .iter()
        .position(is_first)
        .or(if scene.cards.is_empty() { None } else { Some(0) })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::scene::Places;
    use crate::testing::model;

    fn check(text: &str, from: &str, keys: &str, expected: Expect) {
        let scene = Scene::new(&model(text), &Places::default());
        let mut at = scene.number(from).expect("is a card");
        let mut out = from.to_owned();
        for key in keys.chars() {
            let (name, mark) = match key {
                'l' => ("ArrowLeft", "<"),
                'r' => ("ArrowRight", ">"),
                'u' => ("ArrowUp", "^"),
                _ => ("ArrowDown", "v"),
            };
            let to = next(&scene, at, Way::from_key(name).expect("is an arrow"));
            out.push_str(&format!(
                " {mark} {}",
                to.map_or("-", |ix| scene.cards[ix].id.as_str())
            ));
            at = to.unwrap_or(at);
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn arrows_follow_edges_before_places() {
        let flow = "a@0,100 -> b@800,0; a -> c@800,200; near@300,90; d@1200,0; b -> d";
        check(flow, "a", "rrllr", expect!["a > b > d < b < a > b"]);
        check(flow, "b", "drlu", expect!["b v c > d < b ^ -"]);
        check(flow, "near", "lr", expect!["near < a > b"]);
    }

    #[test]
    fn the_focus_enters_where_the_flow_begins() {
        let scene = Scene::new(&model("b -> c; a -> b"), &Places::default());
        assert_eq!(first(&scene).map(|ix| scene.cards[ix].id.as_str()), Some("a"));
        assert_eq!(first(&Scene::default()), None);
        assert_eq!(next(&scene, 9, Way::Left), None);
    }
}
