//! Where the reader looks: a shift and a scale. Pure.

/// What part of the drawing is on the stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Camera {
    /// Where the drawing's left edge is on the stage, in pixels.
    pub(crate) x: f64,
    /// Where its upper edge is.
    pub(crate) y: f64,
    /// Pixels of the stage per pixel of the drawing.
    pub(crate) scale: f64,
}

/// The farthest the drawing can be.
const SCALE_MIN: f64 = 0.05;
/// The nearest.
const SCALE_MAX: f64 = 2.5;

impl Camera {
    /// All of a drawing of this size on a stage of that size, centred, never larger than life.
    #[must_use]
    pub(crate) fn fit(drawing: (f64, f64), stage: (f64, f64)) -> Self {
        let (w, h) = (drawing.0.max(1.0), drawing.1.max(1.0));
        let scale = (stage.0 / w).min(stage.1 / h).clamp(SCALE_MIN, 1.0);
        Self {
            x: (stage.0 - w * scale) / 2.0,
            y: (stage.1 - h * scale) / 2.0,
            scale,
        }
    }

    /// The first sight: everything if that can be read, else the beginning at a size that can.
    #[must_use]
    pub(crate) fn first(drawing: (f64, f64), stage: (f64, f64)) -> Self {
        const LEGIBLE: f64 = 0.55;
        let all = Self::fit(drawing, stage);
        if all.scale >= LEGIBLE {
            return all;
        }
        let scale = LEGIBLE.max((stage.1 / drawing.1.max(1.0)).min(0.8));
        let y = (stage.1 - drawing.1 * scale) / 2.0;
        Self {
            x: if drawing.0 * scale < stage.0 {
                (stage.0 - drawing.0 * scale) / 2.0
            } else {
                0.0
            },
            y,
            scale,
        }
    }

    /// Nearer or farther by a factor, holding one place of the stage where it is.
    #[must_use]
    pub(crate) fn zoomed(self, factor: f64, at: (f64, f64)) -> Self {
        let scale = (self.scale * factor).clamp(SCALE_MIN, SCALE_MAX);
        let by = scale / self.scale;
        Self {
            x: at.0 - (at.0 - self.x) * by,
            y: at.1 - (at.1 - self.y) * by,
            scale,
        }
    }

    /// Shifted so that a box of the drawing is on the stage, by as little as possible.
    #[must_use]
    pub(crate) fn showing(self, at: (f64, f64), size: (f64, f64), stage: (f64, f64)) -> Self {
        const EDGE: f64 = 16.0;
        let shift = |shift: f64, at: f64, size: f64, stage: f64| {
            let (low, high) = (
                shift + at * self.scale - EDGE,
                shift + (at + size) * self.scale + EDGE,
            );
            if low < 0.0 || high - low > stage {
                shift - low
            } else if high > stage {
                shift - (high - stage)
            } else {
                shift
            }
        };
        Self {
            x: shift(self.x, at.0, size.0, stage.0),
            y: shift(self.y, at.1, size.1, stage.1),
            scale: self.scale,
        }
    }

    /// As a CSS transform.
    #[cfg(feature = "hydrate")]
    #[must_use]
    pub(crate) fn css(self) -> String {
        format!(
            "translate({:.2}px,{:.2}px) scale({:.4})",
            self.x, self.y, self.scale
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_under_the_pointer_stays() {
        let camera = Camera {
            x: 10.0,
            y: 20.0,
            scale: 1.0,
        };
        let nearer = camera.zoomed(2.0, (110.0, 120.0));
        // The pointer was over (100, 100) of the drawing and still is.
        assert_eq!(
            (
                (110.0 - nearer.x) / nearer.scale,
                (120.0 - nearer.y) / nearer.scale
            ),
            (100.0, 100.0)
        );
        assert_eq!(camera.zoomed(1e9, (0.0, 0.0)).scale, SCALE_MAX);
        assert_eq!(camera.zoomed(1e-9, (0.0, 0.0)).scale, SCALE_MIN);
    }

    #[test]
    fn drawings_fit_and_are_never_larger_than_life() {
        assert_eq!(
            Camera::fit((100.0, 50.0), (300.0, 150.0)),
            Camera {
                x: 100.0,
                y: 50.0,
                scale: 1.0
            }
        );
        assert_eq!(Camera::fit((600.0, 100.0), (300.0, 150.0)).scale, 0.5);
        assert_eq!(Camera::fit((0.0, 0.0), (0.0, 0.0)).scale, SCALE_MIN);
        assert!(Camera::first((9000.0, 100.0), (300.0, 150.0)).scale >= 0.55);
    }

    #[test]
    fn what_is_looked_for_comes_into_sight() {
        let camera = Camera {
            x: 0.0,
            y: 0.0,
            scale: 1.0,
        };
        let inside = camera.showing((50.0, 50.0), (10.0, 10.0), (200.0, 200.0));
        assert_eq!(inside, camera);
        assert_eq!(
            camera.showing((300.0, 50.0), (100.0, 10.0), (200.0, 200.0)).x,
            -216.0
        );
        assert_eq!(
            camera.showing((-50.0, 50.0), (10.0, 10.0), (200.0, 200.0)).x,
            66.0
        );
    }
}
