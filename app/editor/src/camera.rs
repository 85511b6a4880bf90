//! Where the reader looks: a shift and a scale. Instants and sizes are arguments.

use crate::geometry::{Point, Rect, pt};
use crate::scene::Scene;

/// The farthest the canvas can be.
pub const SCALE_MIN: f64 = 0.1;
/// The nearest.
pub const SCALE_MAX: f64 = 4.0;
/// One step of the keys and buttons for nearer and farther.
pub const STEP: f64 = 1.25;
/// Free space kept around what is fitted, in pixels of the stage.
const MARGIN: f64 = 40.0;
/// So near to the stage's edge a drag begins to move the camera.
const PAN_EDGE: f64 = 40.0;
/// How fast it then moves at most, in pixels of the stage per second.
const PAN_SPEED: f64 = 900.0;

/// A flow of so many tasks is seen as a whole at first, if their titles can be read.
const SMALL: usize = 24;

/// What part of the canvas is on the stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Where the canvas's origin is on the stage, in pixels to the right.
    pub x: f64,
    /// The same, down.
    pub y: f64,
    /// Pixels of the stage per pixel of the canvas.
    pub k: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            x: 0.0,
            y: 0.0,
            k: 1.0,
        }
    }
}

/// How much of a card is drawn at a scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// A filled box on the canvas, no card.
    Box,
    /// Its title.
    Title,
    /// All of it.
    #[default]
    Full,
}

impl Detail {
    /// The word styles know it by.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::Title => "title",
            Self::Full => "full",
        }
    }
}

/// Cards that a page holds at most, unless they are so near that they can be read: with nine elements each that is below what makes
/// browsers slow.
pub const CARDS_MAX: usize = 400;

/// What a page holds of a scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// How much of each card is drawn.
    pub detail: Detail,
    /// The part of the canvas whose cards are in the page.
    pub area: Rect,
    /// Those cards.
    pub cards: Vec<usize>,
}

impl Camera {
    /// A point of the stage on the canvas.
    #[must_use]
    pub fn canvas(self, at: Point) -> Point {
        pt((at.x - self.x) / self.k, (at.y - self.y) / self.k)
    }

    /// A point of the canvas on the stage.
    #[must_use]
    pub fn stage(self, at: Point) -> Point {
        pt(at.x * self.k + self.x, at.y * self.k + self.y)
    }

    /// What of the canvas a stage of this size shows.
    #[must_use]
    pub fn view(self, stage: (f64, f64)) -> Rect {
        Rect::at(self.canvas(pt(0.0, 0.0)), stage.0 / self.k, stage.1 / self.k)
    }

    /// Moved by pixels of the stage.
    #[must_use]
    pub fn panned(self, by: Point) -> Self {
        Self {
            x: self.x + by.x,
            y: self.y + by.y,
            ..self
        }
    }

    /// Nearer or farther by a factor, holding one point of the stage where it is.
    #[must_use]
    pub fn zoomed(self, factor: f64, at: Point) -> Self {
        let factor = if factor.is_finite() { factor } else { 1.0 };
        let k = (self.k * factor).clamp(SCALE_MIN, SCALE_MAX);
        let by = k / self.k;
        Self {
            x: at.x - (at.x - self.x) * by,
            y: at.y - (at.y - self.y) * by,
            k,
        }
    }

    /// A wheel's turn as a zoom: a notch is about a step, and what a trackpad sends in small pieces adds up to the same.
    #[must_use]
    pub fn wheeled(self, pixels: f64, at: Point) -> Self {
        self.zoomed((-pixels.clamp(-240.0, 240.0) / 450.0).exp(), at)
    }

    /// Actual size, holding one point of the stage.
    #[must_use]
    pub fn actual(self, at: Point) -> Self {
        self.zoomed(1.0 / self.k, at)
    }

    /// All of a rectangle in the middle of the stage, never larger than life.
    #[must_use]
    pub fn fit(rect: Rect, stage: (f64, f64)) -> Self {
        let room = |side: f64| (side - 2.0 * MARGIN).max(side / 2.0).max(1.0);
        let k = (room(stage.0) / rect.w.max(1.0))
            .min(room(stage.1) / rect.h.max(1.0))
            .clamp(SCALE_MIN, 1.0);
        let middle = rect.middle();
        Self {
            x: stage.0 / 2.0 - middle.x * k,
            y: stage.1 / 2.0 - middle.y * k,
            k,
        }
    }

    /// The first sight of a flow: all of it, if it can be read or is not much; else its beginning at a size that can be read.
    #[must_use]
    pub fn first(scene: &Scene, stage: (f64, f64)) -> Self {
        let Some(bounds) = scene.bounds() else {
            return Self {
                x: stage.0 / 3.0,
                y: stage.1 / 3.0,
                k: 1.0,
            };
        };
        let all = Self::fit(bounds, stage);
        let is_small = scene.cards.len() <= SMALL && all.detail() != Detail::Box;
        if is_small || all.detail() == Detail::Full {
            return all;
        }
        let first = crate::focus::first(scene).map(|card| scene.cards[card].rect);
        let rect = first.unwrap_or(bounds);
        let k = 0.7;
        let rect = if bounds.h * k <= stage.1 {
            Rect { x: rect.x, ..bounds }
        } else {
            rect
        };
        Self {
            x: 48.0 - rect.x * k,
            y: stage.1 / 2.0 - rect.middle().y * k,
            k,
        }
    }

    /// Whether nothing of what there is can be seen.
    #[must_use]
    pub fn is_lost(self, scene: &Scene, stage: (f64, f64)) -> bool {
        let view = self.view(stage);
        let mut boxes = scene.groups.iter().filter(|group| group.group.is_collapsed);
        !scene.cards.is_empty()
            && scene.cards_in(view).is_empty()
            && !boxes.any(|group| group.rect.touches(view))
    }

    /// Moved as little as possible, so that a rectangle is on the stage.
    #[must_use]
    pub fn showing(self, rect: Rect, stage: (f64, f64)) -> Self {
        let shift = |shift: f64, at: f64, size: f64, stage: f64| {
            let (low, high) = (shift + at * self.k - 16.0, shift + (at + size) * self.k + 16.0);
            if low < 0.0 || high - low > stage {
                shift - low
            } else if high > stage {
                shift - (high - stage)
            } else {
                shift
            }
        };
        Self {
            x: shift(self.x, rect.x, rect.w, stage.0),
            y: shift(self.y, rect.y, rect.h, stage.1),
            k: self.k,
        }
    }

    /// The rectangle's middle in the middle of the stage, at a size at which it can be read.
    #[must_use]
    pub fn centred(self, rect: Rect, stage: (f64, f64)) -> Self {
        let k = self.k.max(0.7);
        let middle = rect.middle();
        Self {
            x: stage.0 / 2.0 - middle.x * k,
            y: stage.1 / 2.0 - middle.y * k,
            k,
        }
    }

    /// How far the camera moves in `ms` while something is dragged near the edge of the stage; none in the middle.
    #[must_use]
    pub fn edge_pan(pointer: Point, stage: (f64, f64), ms: f64) -> Option<Point> {
        let pull = |at: f64, side: f64| {
            let edge = PAN_EDGE.min(side / 4.0).max(1.0);
            let low = ((edge - at) / edge).clamp(0.0, 1.0);
            let high = ((at - (side - edge)) / edge).clamp(0.0, 1.0);
            (low - high) * PAN_SPEED * ms.clamp(0.0, 50.0) / 1000.0
        };
        let by = pt(pull(pointer.x, stage.0), pull(pointer.y, stage.1));
        (by.x != 0.0 || by.y != 0.0).then_some(by)
    }

    /// How much of cards is drawn.
    #[must_use]
    pub fn detail(self) -> Detail {
        if self.k >= 0.55 {
            Detail::Full
        } else if self.k >= 0.25 {
            Detail::Title
        } else {
            Detail::Box
        }
    }

    /// What a page holds of a scene, and how much of its cards is drawn. Besides what is seen that is some of what is near, so that it is
    /// there when it comes into sight, as long as it is not too much.
    #[must_use]
    pub fn sight(self, scene: &Scene, stage: (f64, f64)) -> Sight {
        let detail = self.detail();
        let seen = self.view(stage);
        let near = seen.grown(seen.w.min(seen.h) / 2.0);
        let of = |area| Sight {
            detail,
            area,
            cards: scene.cards_in(area),
        };
        if detail != Detail::Box {
            for area in [near, seen] {
                let sight = of(area);
                // What can be read is there, however much it is.
                if sight.cards.len() <= CARDS_MAX || (detail == Detail::Full && area == seen) {
                    return sight;
                }
            }
        }
        Sight {
            detail: Detail::Box,
            area: near,
            cards: Vec::new(),
        }
    }

    /// As a CSS transform.
    #[must_use]
    pub fn css(self) -> String {
        format!("translate({:.2}px,{:.2}px) scale({:.4})", self.x, self.y, self.k)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;
    use crate::model::Model;
    use crate::scene::Places;
    use crate::text::Source;

    const STAGE: (f64, f64) = (1000.0, 600.0);

    #[test]
    fn fitting_shows_everything_and_is_never_larger_than_life() {
        let all = Rect {
            x: -500.0,
            y: 100.0,
            w: 4000.0,
            h: 900.0,
        };
        let camera = Camera::fit(all, STAGE);
        assert!(camera.view(STAGE).holds(all));
        assert_eq!(
            Camera::fit(
                Rect {
                    w: 100.0,
                    h: 100.0,
                    ..all
                },
                STAGE
            )
            .k,
            1.0
        );
        assert_eq!(Camera::fit(Rect { w: 1e9, ..all }, STAGE).k, SCALE_MIN);
        assert!(Camera::fit(all, (0.0, 0.0)).k >= SCALE_MIN);
    }

    #[test]
    fn a_flow_is_seen_as_a_whole_at_first_unless_it_is_much() {
        let told = |n: usize| {
            let chain: Vec<String> = (0..n).map(|at| format!("t{at}")).collect();
            let scene = Scene::new(&crate::testing::model(&chain.join(" -> ")), &Places::default());
            let camera = Camera::first(&scene, STAGE);
            let all = scene.bounds().is_some_and(|all| camera.view(STAGE).holds(all));
            format!(
                "{n}: {} {:.2} {}",
                camera.detail().key(),
                camera.k,
                if all { "all" } else { "its beginning" }
            )
        };
        assert_eq!(
            [3, 10, 12, 40].map(told),
            [
                "3: full 1.00 all",
                "10: title 0.33 all",
                "12: title 0.27 all",
                "40: full 0.70 its beginning"
            ]
        );
        let scene = Scene::new(&crate::testing::model("a@0,0 -> b@400,0"), &Places::default());
        let far = Camera {
            x: 5000.0,
            ..Camera::default()
        };
        assert_eq!(
            (
                Camera::default().is_lost(&scene, STAGE),
                far.is_lost(&scene, STAGE),
                far.is_lost(&Scene::default(), STAGE)
            ),
            (false, true, false)
        );
    }

    #[test]
    fn details_come_and_go_with_the_scale() {
        let at = |k| {
            Camera {
                k,
                ..Camera::default()
            }
            .detail()
            .key()
        };
        assert_eq!(
            [4.0, 0.55, 0.54, 0.25, 0.24].map(at),
            ["full", "full", "title", "title", "box"]
        );
    }

    #[test]
    fn a_page_holds_no_more_cards_than_it_can() {
        let mut text = "flow: f\ntasks:\n".to_owned();
        let mut layout = "layout:\n".to_owned();
        for at in 0..2000 {
            text += &format!("  t{at}: {{ type: noop }}\n");
            layout += &format!("  t{at}: {{ x: {}, y: {} }}\n", at % 50 * 304, at / 50 * 104);
        }
        let model = Model::of(&Source::new(text + &layout, flow::parse::Format::Yaml)).expect("is a flow");
        let scene = Scene::new(&model, &Places::default());
        let told = |k: f64, stage| {
            let camera = Camera {
                k,
                ..Camera::default()
            };
            let sight = camera.sight(&scene, stage);
            let is_more = sight.area != camera.view(stage);
            let more = if is_more { " and near" } else { "" };
            format!("{k}: {} {}{more}\n", sight.detail.key(), sight.cards.len())
        };
        let told: String = [1.0, 0.55, 0.4, 0.25, 0.2]
            .map(|k| told(k, STAGE))
            .into_iter()
            .chain([told(0.55, (3840.0, 2160.0)), told(0.5, (3840.0, 2160.0))])
            .collect();
        expect![[r#"
            1: full 40 and near
            0.55: full 117 and near
            0.4: title 216 and near
            0.25: title 285
            0.2: box 0 and near
            0.55: full 775
            0.5: box 0 and near
        "#]]
        .assert_eq(&told);
    }

    #[test]
    fn near_the_edge_the_camera_comes_along() {
        assert_eq!(Camera::edge_pan(pt(500.0, 300.0), STAGE, 16.0), None);
        // At the left edge and beyond, what is left of the stage comes in from there.
        assert_eq!(Camera::edge_pan(pt(0.0, 300.0), STAGE, 10.0), Some(pt(9.0, 0.0)));
        assert_eq!(
            Camera::edge_pan(pt(-80.0, 300.0), STAGE, 10.0),
            Some(pt(9.0, 0.0))
        );
        assert_eq!(
            Camera::edge_pan(pt(980.0, 600.0), STAGE, 10.0),
            Some(pt(-4.5, -9.0))
        );
        // A tab that slept does not jump.
        assert_eq!(Camera::edge_pan(pt(0.0, 300.0), STAGE, 1e6), Some(pt(45.0, 0.0)));
    }

    proptest! {
        #[test]
        fn the_point_under_the_pointer_stays(
            x in -900.0..900.0, y in -900.0..900.0, k in SCALE_MIN..SCALE_MAX,
            px in 0.0..1000.0, py in 0.0..600.0, turns in prop::collection::vec(-500.0..500.0, 0..20),
        ) {
            let before = Camera { x, y, k };
            let pointer = pt(px, py);
            let mut camera = before;
            for turn in turns {
                camera = camera.wheeled(turn, pointer);
                prop_assert!((SCALE_MIN..=SCALE_MAX).contains(&camera.k));
            }
            let (was, is) = (before.canvas(pointer), camera.canvas(pointer));
            prop_assert!((was.x - is.x).abs() < 1e-6 && (was.y - is.y).abs() < 1e-6);
            let back = camera.stage(camera.canvas(pointer));
            prop_assert!((back.x - px).abs() < 1e-6 && (back.y - py).abs() < 1e-6);
        }

        #[test]
        fn what_is_looked_for_comes_into_sight(x in -9000.0..9000.0, y in -9000.0..9000.0) {
            let rect = Rect { x, y, w: 216.0, h: 64.0 };
            prop_assert!(Camera::default().showing(rect, STAGE).view(STAGE).grown(1e-6).holds(rect));
        }
    }
}
