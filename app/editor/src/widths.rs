//! How wide the panels beside the canvas are: as one has made them, kept as a short text.

use std::fmt::Write as _;

/// A panel whose edge can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// The list of tasks.
    List,
    /// The document as text.
    Text,
    /// The inspector.
    Side,
}

impl Panel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::List, Self::Text, Self::Side];

    /// Its name, under which its width is kept.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Text => "text",
            Self::Side => "side",
        }
    }

    /// Its name in a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::List => "the list of tasks",
            Self::Text => "the text",
            Self::Side => "the inspector",
        }
    }

    /// It cannot be narrower, in pixels.
    #[must_use]
    pub const fn least(self) -> u32 {
        match self {
            Self::List => 180,
            Self::Text | Self::Side => 260,
        }
    }

    /// Nor wider, in a window of this width: the canvas has to have room.
    #[must_use]
    pub fn most(self, window: u32) -> u32 {
        let share = match self {
            Self::List => window * 2 / 5,
            Self::Text | Self::Side => window / 2,
        };
        share.max(self.least())
    }

    /// A width that it can have in a window.
    #[must_use]
    pub fn fitting(self, width: u32, window: u32) -> u32 {
        width.clamp(self.least(), self.most(window))
    }

    /// The width that a key gives it; none if the key is for something else. The arrows move the edge, so some panels shrink with the one
    /// with which others grow.
    #[must_use]
    pub fn by_key(self, key: &str, is_far: bool, now: u32, window: u32) -> Option<u32> {
        let step = if is_far { 80 } else { 16 };
        let is_left_of_canvas = self == Self::List;
        let width = match key {
            "Home" => self.least(),
            "End" => self.most(window),
            "ArrowRight" if is_left_of_canvas => now + step,
            "ArrowLeft" if is_left_of_canvas => now.saturating_sub(step),
            "ArrowLeft" => now + step,
            "ArrowRight" => now.saturating_sub(step),
            _ => return None,
        };
        Some(self.fitting(width, window))
    }

    /// The width after its edge was dragged so far to the right.
    #[must_use]
    pub fn dragged(self, from: u32, by: i32, window: u32) -> u32 {
        let by = if self == Self::List { by } else { -by };
        self.fitting(from.saturating_add_signed(by), window)
    }
}

/// The widths somebody has chosen, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Widths([Option<u32>; 3]);

impl Widths {
    /// Reads what [`Widths::write`] wrote; what cannot be read is left out.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut widths = Self::default();
        for word in text.split(' ') {
            let Some((name, width)) = word.split_once('=') else {
                continue;
            };
            for panel in Panel::ALL {
                if panel.name() == name {
                    widths.0[panel as usize] = width.parse().ok().filter(|width| *width < 10_000);
                }
            }
        }
        widths
    }

    /// To be kept.
    #[must_use]
    pub fn write(&self) -> String {
        self.each(|out, panel, width| {
            let blank = if out.is_empty() { "" } else { " " };
            let _ = write!(out, "{blank}{}={width}", panel.name());
        })
    }

    /// For the style sheet: `--ed-side:400px;`. Which of it has room is decided there.
    #[must_use]
    pub fn css(&self) -> String {
        self.each(|out, panel, width| {
            let _ = write!(out, "--ed-{}:{width}px;", panel.name());
        })
    }

    /// A panel is as wide as this from now on, or as it usually is.
    pub fn set(&mut self, panel: Panel, width: Option<u32>) {
        self.0[panel as usize] = width;
    }

    fn each(&self, add: impl Fn(&mut String, Panel, u32)) -> String {
        let mut out = String::new();
        for panel in Panel::ALL {
            if let Some(width) = self.0[panel as usize] {
                add(&mut out, panel, width);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_kept_as_a_short_text() {
        let mut widths = Widths::default();
        assert_eq!((widths.write(), widths.css()), (String::new(), String::new()));
        widths.set(Panel::Side, Some(420));
        widths.set(Panel::List, Some(240));
        assert_eq!(widths.write(), "list=240 side=420");
        assert_eq!(widths.css(), "--ed-list:240px;--ed-side:420px;");
        assert_eq!(Widths::read(&widths.write()), widths);
        widths.set(Panel::Side, None);
        assert_eq!(widths.write(), "list=240");
        let odd = Widths::read("side=wide list=99999999 text=300;} hat=3 text");
        assert_eq!(odd, Widths::default());
    }

    #[test]
    fn keys_and_pointers_move_the_edge() {
        let keys = |panel: Panel| {
            let keys = ["ArrowLeft", "ArrowRight", "Home", "End", "a"];
            keys.map(|key| panel.by_key(key, false, 300, 1440))
        };
        assert_eq!(
            keys(Panel::List),
            [Some(284), Some(316), Some(180), Some(576), None]
        );
        assert_eq!(
            keys(Panel::Side),
            [Some(316), Some(284), Some(260), Some(720), None]
        );
        assert_eq!(Panel::Side.by_key("ArrowLeft", true, 300, 1440), Some(380));
        assert_eq!(Panel::Side.dragged(372, -100, 1440), 472);
        assert_eq!(Panel::Side.dragged(372, 500, 1440), 260);
        assert_eq!(Panel::List.dragged(200, 5000, 1440), 576);
        // Where there is no room it is as narrow as it can be.
        assert_eq!(Panel::Text.dragged(400, 10, 390), 260);
    }
}
