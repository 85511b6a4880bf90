//! A large graph from afar: boxes and plain lines, many of them in one element. All of the graph is there, whatever is in sight, and
//! it is the place where a page that was made by the server finds where everything is. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use flow::layout::{Path, Point};

use super::{CARD_WIDTH, GraphView};

/// Above so many cards a graph is drawn in two layers: this one, and what is in sight above it.
pub const WHOLE_MAX: usize = 120;

/// The side of a tile: what changes draws the boxes and lines of its tile again.
const TILE: f64 = 2048.0;

/// What a box and a line show.
pub trait Shown {
    /// The `data-state` of a card's box; none if the card itself is drawn.
    fn card(&self, card: usize) -> Option<&'static str>;
    /// The `data-taken` of a track's line; none if the track itself is drawn.
    fn track(&self, track: usize) -> Option<&'static str>;
}

/// Which cards and tracks are drawn together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tiles {
    /// The cards of each tile, and the tracks that begin there.
    pub tiles: Vec<(Vec<usize>, Vec<usize>)>,
    tile_of: Vec<usize>,
}

impl Tiles {
    /// The tiles of a graph that have something on them.
    #[must_use]
    pub fn of(view: &GraphView) -> Self {
        let mut places: BTreeMap<(i64, i64), usize> = BTreeMap::new();
        let mut all = Self::default();
        for (ix, card) in view.cards.iter().enumerate() {
            let place = ((card.at.x / TILE) as i64, (card.at.y / TILE) as i64);
            let tile = *places.entry(place).or_insert_with(|| {
                all.tiles.push((Vec::new(), Vec::new()));
                all.tiles.len() - 1
            });
            all.tiles[tile].0.push(ix);
            all.tile_of.push(tile);
        }
        for (ix, track) in view.tracks.iter().enumerate() {
            if let Some(&tile) = all.tile_of.get(track.from)
                && !track.path.points.is_empty()
            {
                all.tiles[tile].1.push(ix);
            }
        }
        all
    }

    /// The tile that a card is drawn in.
    #[must_use]
    pub fn of_card(&self, card: usize) -> Option<usize> {
        self.tile_of.get(card).copied()
    }

    /// The boxes and lines of a tile as SVG. With `numbers` each element says of which cards or tracks it is: then it can be read.
    #[must_use]
    pub fn draw(&self, tile: usize, view: &GraphView, shown: &impl Shown, numbers: bool) -> String {
        let mut out = String::new();
        let Some((cards, tracks)) = self.tiles.get(tile) else {
            return out;
        };
        let mut element = |class: &str, name: &str, parts: BTreeMap<&str, (String, String)>| {
            for (value, (d, ixs)) in parts {
                let ixs = match numbers {
                    true => format!(r#" data-ix="{}""#, ixs.trim_end()),
                    false => String::new(),
                };
                let _ = write!(out, r#"<path class="{class}" {name}="{value}"{ixs} d="{d}"/>"#);
            }
        };
        let mut lines: BTreeMap<&str, (String, String)> = BTreeMap::new();
        for &ix in tracks {
            if let Some(taken) = shown.track(ix) {
                let (d, ixs) = lines.entry(taken).or_default();
                line(d, &view.tracks[ix].path);
                let _ = write!(ixs, "{ix} ");
            }
        }
        element("line", "data-taken", lines);
        let mut boxes: BTreeMap<&str, (String, String)> = BTreeMap::new();
        for &ix in cards {
            if let Some(state) = shown.card(ix) {
                let (d, ixs) = boxes.entry(state).or_default();
                let card = &view.cards[ix];
                let _ = write!(
                    d,
                    "M{} {}h{CARD_WIDTH}v{}h-{CARD_WIDTH}z",
                    card.at.x, card.at.y, card.height
                );
                let _ = write!(ixs, "{ix} ");
            }
        }
        element("box", "data-state", boxes);
        out
    }
}

/// A track as a plain line: its corners are too small to be seen from afar.
fn line(d: &mut String, path: &Path) {
    for (at, point) in path.points.iter().enumerate() {
        let _ = write!(d, "{}{} {}", if at == 0 { 'M' } else { 'L' }, point.x, point.y);
    }
}

/// Reads the places of cards from a box element: its `data-ix` and its `d`.
pub fn read_boxes(view: &mut GraphView, ixs: &str, d: &str) {
    let boxes = d.split('M').skip(1);
    for (ix, text) in numbers(ixs).zip(boxes) {
        let Some((x, rest)) = text.split_once(' ') else {
            continue;
        };
        let mut rest = rest.split(['h', 'v']);
        let mut number = || rest.next().and_then(|text| text.parse().ok());
        let (y, _, height) = (number(), number(), number());
        if let (Ok(x), Some(y), Some(height), Some(card)) = (x.parse(), y, height, view.cards.get_mut(ix)) {
            card.at = Point { x, y };
            card.height = height;
        }
    }
}

/// Reads the ways of tracks from a line element.
pub fn read_lines(view: &mut GraphView, ixs: &str, d: &str) {
    let lines = d.split('M').skip(1);
    for (ix, text) in numbers(ixs).zip(lines) {
        let point = |text: &str| -> Option<Point> {
            let (x, y) = text.split_once(' ')?;
            Some(Point {
                x: x.parse().ok()?,
                y: y.parse().ok()?,
            })
        };
        if let Some(track) = view.tracks.get_mut(ix) {
            track.path.points = text.split('L').filter_map(point).collect();
        }
    }
}

fn numbers(text: &str) -> impl Iterator<Item = usize> {
    text.split(' ').filter_map(|text| text.parse().ok())
}

/// How much of a graph is drawn as cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing: only boxes.
    Boxes,
    /// Names and states.
    Light,
    /// Everything, and the tracks between them.
    Full,
}

impl Level {
    /// Cards that are drawn at most: a page has at most four thousand elements, of which a card takes eight or, with its tracks, twenty.
    #[must_use]
    pub const fn cards_max(self) -> usize {
        match self {
            Self::Boxes => 0,
            Self::Light => 280,
            Self::Full => 120,
        }
    }
}

/// Tracks that are drawn beside the cards.
pub const TRACKS_MAX: usize = 200;

/// Below this scale a name cannot be read.
const NAMES_FROM: f64 = 0.25;
/// Below this scale a card's small print cannot be read.
pub const FAR: f64 = 0.72;

/// A part of the drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// From the left edge to the right.
    pub x: Range<f64>,
    /// From the upper edge to the lower.
    pub y: Range<f64>,
}

impl Sight {
    /// With room around it: this part of its size on each side.
    fn wider(&self, part: f64) -> Self {
        let grow = |range: &Range<f64>| {
            let by = (range.end - range.start) * part;
            range.start - by..range.end + by
        };
        Self {
            x: grow(&self.x),
            y: grow(&self.y),
        }
    }

    /// In whole cells: only when the view leaves a cell something else is in sight.
    #[must_use]
    pub fn in_cells(&self) -> Self {
        const CELL: f64 = 256.0;
        let cells =
            |range: &Range<f64>| (range.start / CELL).floor() * CELL..(range.end / CELL).ceil() * CELL;
        Self {
            x: cells(&self.x),
            y: cells(&self.y),
        }
    }

    fn has(&self, card: &super::Card) -> bool {
        card.at.x < self.x.end
            && card.at.x + CARD_WIDTH > self.x.start
            && card.at.y < self.y.end
            && card.at.y + card.height > self.y.start
    }
}

/// The cards to draw, in their order, when the reader sees this part at this scale.
#[must_use]
pub fn in_sight(view: &GraphView, sight: &Sight, scale: f64) -> (Level, Vec<usize>) {
    let within = |sight: &Sight, max: usize| -> Option<Vec<usize>> {
        let cards = view.cards.iter().enumerate();
        let found: Vec<usize> = cards
            .filter(|(_, card)| sight.has(card))
            .map(|(ix, _)| ix)
            .take(max + 1)
            .collect();
        (found.len() <= max).then_some(found)
    };
    let levels: &[Level] = match scale {
        scale if scale < NAMES_FROM => &[],
        scale if scale < FAR => &[Level::Light],
        _ => &[Level::Full, Level::Light],
    };
    for &level in levels {
        let Some(found) = within(sight, level.cards_max()) else {
            continue;
        };
        // What is just outside comes soon; as much of it as there is room for.
        let wider = [0.5, 0.25].into_iter();
        let mut wider = wider.filter_map(|part| within(&sight.wider(part), level.cards_max()));
        return (level, wider.next().unwrap_or(found));
    }
    (Level::Boxes, Vec::new())
}

/// The tracks to draw between these cards.
#[must_use]
pub fn tracks_between(view: &GraphView, is_drawn: impl Fn(usize) -> bool) -> Vec<usize> {
    let tracks = view.tracks.iter().enumerate();
    tracks
        .filter(|(_, track)| is_drawn(track.from) && is_drawn(track.to) && !track.path.points.is_empty())
        .map(|(ix, _)| ix)
        .take(TRACKS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::expect;
    use flow::Plan;

    use super::*;

    struct Plain;

    impl Shown for Plain {
        fn card(&self, card: usize) -> Option<&'static str> {
            Some(if card.is_multiple_of(2) { "plan" } else { "running" })
        }

        fn track(&self, track: usize) -> Option<&'static str> {
            (track != 1).then_some("")
        }
    }

    /// Chains of tasks side by side.
    fn chains(n: usize, length: usize) -> (Plan, GraphView) {
        let tasks: serde_json::Map<String, serde_json::Value> = (0..n * length)
            .map(|ix| {
                let needs: Vec<String> = (ix % length > 0)
                    .then(|| format!("t{}", ix - 1))
                    .into_iter()
                    .collect();
                (
                    format!("t{ix}"),
                    serde_json::json!({"type": "noop", "needs": needs}),
                )
            })
            .collect();
        let document = serde_json::from_value(serde_json::json!({"flow": "f", "tasks": tasks}));
        let plan = Plan::new(Arc::new(document.expect("is a document")));
        let view = super::super::view(&plan);
        (plan, view)
    }

    #[test]
    fn a_tile_has_an_element_for_each_state() {
        let (_, view) = chains(1, 4);
        let tiles = Tiles::of(&view);
        assert_eq!(tiles.tiles.len(), 1);
        let drawn = tiles.draw(0, &view, &Plain, true);
        expect![[r#"
            <path class="line" data-taken="" data-ix="0 2" d="M216 56L280 56M728 56L792 56"/>
            <path class="box" data-state="plan" data-ix="0 2" d="M24 24h192v64h-192zM536 24h192v64h-192z"/>
            <path class="box" data-state="running" data-ix="1 3" d="M280 24h192v64h-192zM792 24h192v64h-192z"/>
        "#]].assert_eq(&drawn.replace("/>", "/>\n"));
        assert!(!tiles.draw(0, &view, &Plain, false).contains("data-ix"));
        assert_eq!(tiles.draw(7, &view, &Plain, true), "");
    }

    #[test]
    fn places_can_be_read_from_the_drawing() {
        struct All;
        impl Shown for All {
            fn card(&self, _card: usize) -> Option<&'static str> {
                Some("plan")
            }
            fn track(&self, _track: usize) -> Option<&'static str> {
                Some("yes")
            }
        }
        let (plan, view) = chains(7, 40);
        let tiles = Tiles::of(&view);
        assert!(tiles.tiles.len() > 3);
        let mut read = super::super::without_places(&plan);
        for tile in 0..tiles.tiles.len() {
            let drawn = tiles.draw(tile, &view, &All, true);
            for element in drawn.split("/>").filter(|element| !element.is_empty()) {
                let value = |name: &str| {
                    let start = element.find(&format!(" {name}=\"")).expect("it is there") + name.len() + 3;
                    element[start..].split('"').next().expect("it ends").to_owned()
                };
                match value("class").as_str() {
                    "box" => read_boxes(&mut read, &value("data-ix"), &value("d")),
                    _ => read_lines(&mut read, &value("data-ix"), &value("d")),
                }
            }
        }
        assert_eq!(read.cards, view.cards);
        assert_eq!(read.tracks, view.tracks);
        // Of what is no drawing nothing is read.
        read_boxes(&mut read, "0 x 99999", "M1 2h3M4M");
        read_lines(&mut read, "99999 0", "MxLyM");
    }

    #[test]
    fn there_are_never_more_cards_than_a_page_can_bear() {
        let (_, view) = chains(40, 50);
        let look = |width: f64, scale: f64| {
            let sight = Sight {
                x: 300.0..300.0 + width / scale,
                y: 100.0..100.0 + 600.0 / scale,
            };
            let (level, cards) = in_sight(&view, &sight.in_cells(), scale);
            let tracks = tracks_between(&view, |card| cards.contains(&card));
            assert!(cards.len() <= level.cards_max() && tracks.len() <= TRACKS_MAX);
            format!("{level:?} {} {}", cards.len(), tracks.len())
        };
        let seen: Vec<String> = [1.5, 1.0, 0.6, 0.4, 0.2, 0.05]
            .into_iter()
            .map(|scale| format!("{scale}: {}", look(1100.0, scale)))
            .collect();
        expect![[r#"
            1.5: Full 42 36
            1: Full 81 72
            0.6: Light 195 180
            0.4: Light 270 200
            0.2: Boxes 0 0
            0.05: Boxes 0 0
        "#]]
        .assert_eq(&(seen.join("\n") + "\n"));
        expect!["Full 96 90"].assert_eq(&look(3800.0, 1.0));
    }

    #[test]
    fn what_is_in_sight_changes_with_the_cell() {
        let sight = |x: f64| {
            Sight {
                x: x..x + 500.0,
                y: 0.0..100.0,
            }
            .in_cells()
        };
        assert_eq!(sight(10.0), sight(11.0));
        assert_ne!(sight(10.0), sight(13.0));
    }
}
