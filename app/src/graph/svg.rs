//! The drawing itself, as text. Pure; every text that a person wrote goes through [`escape`].

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flow::layout::{Path, Point, svg_path};

use super::far::{Shown, Tiles, WHOLE_MAX};
use super::state::{BAR, CardState, bar_y, whole_bar};
use super::text::{fit, width};
use super::{CARD_WIDTH, Card, GraphView, Kind, LINE_HEIGHT, TEXT_LEFT, Track};
use crate::format::{escape, url_part};
use crate::icons;

/// What a drawing shows beside the graph.
#[derive(Clone, Debug, Default)]
pub struct Drawing<'a> {
    /// What it is called for those who do not see it.
    pub label: &'a str,
    /// Where a card leads: `?task=ID` is put behind it. Empty: cards lead nowhere.
    pub link: &'a str,
    /// The state of each card, as numbered by the plan; none in a flow's drawing.
    pub cards: &'a [CardState],
    /// The `data-taken` of each track: whether a run took it, or what became of it between two versions.
    pub taken: &'a [&'static str],
    /// The card that is open in the inspector.
    pub selected: Option<usize>,
}

/// Draws a graph.
#[must_use]
pub fn svg(view: &GraphView, drawing: &Drawing<'_>) -> String {
    let mut out = String::with_capacity(600 * view.cards.len() + 300 * view.tracks.len() + 500);
    let (w, h) = (view.width.ceil(), view.height.ceil());
    let _ = write!(
        out,
        r#"<svg class="graph" xmlns="http://www.w3.org/2000/svg" role="group" aria-label="{}" width="{w}" height="{h}" viewBox="0 0 {w} {h}">"#,
        escape(drawing.label)
    );
    for group in &view.groups {
        let _ = write!(
            out,
            r#"<g class="group"><rect x="{}" y="{}" width="{}" height="{}" rx="6"/><text x="{}" y="{}">{}</text></g>"#,
            group.at.x,
            group.at.y,
            group.width,
            group.height,
            group.at.x + 16.0,
            group.at.y + 24.0,
            escape(group.title)
        );
    }
    if view.cards.len() > WHOLE_MAX {
        draw_large(&mut out, view, drawing);
        out.push_str("</svg>");
        return out;
    }
    out.push_str(r#"<g aria-hidden="true">"#);
    for (at, edge) in view.tracks.iter().enumerate() {
        track(
            &mut out,
            at,
            edge,
            drawing.taken.get(at).copied().unwrap_or_default(),
        );
    }
    // Labels after all tracks, so that no track runs over one.
    for (at, edge) in view.tracks.iter().enumerate() {
        label(
            &mut out,
            at,
            edge,
            drawing.taken.get(at).copied().unwrap_or_default(),
        );
    }
    out.push_str("</g>");
    for (at, card) in view.cards.iter().enumerate() {
        card_of(&mut out, at, card, drawing, true);
    }
    out.push_str("</svg>");
    out
}

/// How far from the corner, or from the open card, cards are drawn as such before anybody looks at a large graph.
const FIRST_SIGHT: (f64, f64) = (2000.0, 800.0);
/// At most so many.
const FIRST_MAX: usize = 100;

/// A large graph: all of it from afar, and the cards that are seen first.
fn draw_large(out: &mut String, view: &GraphView, drawing: &Drawing<'_>) {
    let middle = drawing
        .selected
        .and_then(|ix| view.cards.get(ix))
        .map(|card| card.at);
    let is_first = |at: usize, card: &Card| match middle {
        Some(middle) => {
            (card.at.x - middle.x).abs() < FIRST_SIGHT.0 / 2.0
                && (card.at.y - middle.y).abs() < FIRST_SIGHT.1 / 2.0
        }
        None => at == 0 || (card.at.x < FIRST_SIGHT.0 && card.at.y < FIRST_SIGHT.1),
    };
    let cards = view.cards.iter().enumerate();
    let first = cards.filter(|(at, card)| is_first(*at, card)).take(FIRST_MAX);
    let first: BTreeMap<usize, &Card> = first.collect();
    let tiles = Tiles::of(view);
    let rest = Rest {
        drawing,
        first: &first,
    };
    out.push_str(r#"<g class="tiles" aria-hidden="true">"#);
    for tile in 0..tiles.tiles.len() {
        out.push_str("<g>");
        out.push_str(&tiles.draw(tile, view, &rest, true));
        out.push_str("</g>");
    }
    out.push_str(r#"</g><g class="near-tracks" aria-hidden="true"></g><g class="near">"#);
    for (&at, &card) in &first {
        card_of(out, at, card, drawing, false);
    }
    out.push_str("</g>");
}

/// What boxes and lines show before anybody looks. A card that stands on its box hides it; it is there to say where the card is.
struct Rest<'a> {
    drawing: &'a Drawing<'a>,
    first: &'a BTreeMap<usize, &'a Card>,
}

impl Shown for Rest<'_> {
    fn card(&self, card: usize) -> Option<&'static str> {
        Some(match self.drawing.cards.get(card) {
            _ if self.first.contains_key(&card) => "drawn",
            Some(card) => card.key,
            None => "plan",
        })
    }

    fn track(&self, track: usize) -> Option<&'static str> {
        Some(self.drawing.taken.get(track).copied().unwrap_or_default())
    }
}

fn card_of(out: &mut String, at: usize, place: &Card, drawing: &Drawing<'_>, is_detailed: bool) {
    let look = CardLook {
        state: drawing.cards.get(at).cloned(),
        link: drawing.link,
        is_selected: drawing.selected == Some(at),
        has_tab: drawing.selected.unwrap_or(0) == at,
        is_detailed,
    };
    card(out, at, place, &look);
}

/// What a card shows beside its place.
pub(super) struct CardLook<'a> {
    /// None in a flow's drawing.
    pub(super) state: Option<CardState>,
    /// As in [`Drawing::link`].
    pub(super) link: &'a str,
    /// It is open in the inspector.
    pub(super) is_selected: bool,
    /// It is the one that Tab comes to; the others are reached from it with the arrow keys.
    pub(super) has_tab: bool,
    /// With the small print.
    pub(super) is_detailed: bool,
}

/// What stands below a card's name: its type, and before it that it is switched off, as the room is not always enough for both.
fn below(card: &Card, between: &str) -> String {
    match card.is_off {
        true => format!("off{between}{}", card.task_type),
        false => card.task_type.clone(),
    }
}

/// Draws a card.
pub(super) fn card(out: &mut String, at: usize, card: &Card, look: &CardLook<'_>) {
    let (state, detailed) = (look.state.as_ref(), look.is_detailed);
    let key = state.map_or("plan", |state| state.key);
    let title = state.map_or_else(
        || format!("{}: {}", card.name, below(card, ", ")),
        |state| state.title.clone(),
    );
    let href = if look.link.is_empty() {
        String::new()
    } else {
        format!(r#" href="{}?task={}""#, escape(look.link), url_part(&card.key))
    };
    let current = match look.is_selected {
        true => r#" aria-current="true""#,
        false => "",
    };
    let off = if card.is_off { " data-off" } else { "" };
    let tab = if look.has_tab { 0 } else { -1 };
    let _ = write!(
        out,
        r#"<a class="n"{off} data-n="{at}" data-state="{key}" tabindex="{tab}"{href}{current} aria-label="{0}" transform="translate({1} {2})"><title>{0}</title>"#,
        escape(&title),
        card.at.x,
        card.at.y
    );
    let (w, h) = (CARD_WIDTH, card.height);
    let _ = write!(
        out,
        r#"<rect class="ring" x="-4" y="-4" width="{}" height="{}" rx="9"/>"#,
        w + 8.0,
        h + 8.0
    );
    if card.task_type == "subflow" {
        let _ = write!(
            out,
            r#"<rect class="double" x="-3" y="-3" width="{}" height="{}" rx="8"/>"#,
            w + 6.0,
            h + 6.0
        );
    }
    if card.has_parts {
        // Two more lie below it.
        for (inset, below) in [(12.0, 8.0), (6.0, 4.0)] {
            let _ = write!(
                out,
                r#"<rect class="below" x="{inset}" y="{below}" width="{}" height="{h}" rx="6"/>"#,
                w - 2.0 * inset
            );
        }
    }
    let _ = write!(out, r#"<rect class="card" width="{w}" height="{h}" rx="6"/>"#);
    let _ = write!(out, r#"<path class="rail-line" d="M5 6V{}"/>"#, h - 6.0);
    if detailed {
        let _ = write!(
            out,
            r#"<svg x="3" y="6" width="4" height="{}" overflow="hidden" aria-hidden="true"><rect class="spark" width="4" height="24"/></svg>"#,
            h - 12.0
        );
    }
    let _ = write!(
        out,
        r##"<use class="ic" href="#{}" x="16" y="12" width="20" height="20"/>"##,
        icons::of_task_type(&card.task_type)
    );
    let left = TEXT_LEFT;
    let mut y = 27.0;
    for (line, class) in card.lines.iter().zip(["nm", "nm two"]) {
        let _ = write!(
            out,
            r#"<text class="{class}" x="{left}" y="{y}">{}</text>"#,
            escape(line)
        );
        y += LINE_HEIGHT;
    }
    y += 4.0;
    if detailed {
        // What is said of the state stands right of it.
        let room = if state.is_some() { 70.0 } else { w - left - 12.0 };
        let _ = write!(
            out,
            r#"<text class="ty" x="{left}" y="{y}">{}</text>"#,
            escape(&fit(&below(card, " · "), 12.0, room))
        );
    }
    if let Some(state) = state {
        let _ = write!(
            out,
            r##"<use class="si" href="#s-{}" x="{}" y="14" width="16" height="16"/><text class="st" x="{}" y="{y}">{}</text>"##,
            state.key,
            w - 28.0,
            w - 12.0,
            escape(&state.text)
        );
        if card.has_parts {
            draw_bar(out, state, h);
        }
    }
    out.push_str("</a>");
}

fn draw_bar(out: &mut String, state: &CardState, height: f64) {
    let hidden = if state.bar.is_some() { "" } else { " hidden=\"\"" };
    let _ = write!(
        out,
        r#"<g class="bar"{hidden}><path d="{}"/>"#,
        whole_bar(bar_y(height))
    );
    for (at, key) in BAR.iter().enumerate() {
        let d = state.bar.as_ref().map_or("", |bar| bar[at].as_str());
        let _ = write!(out, r#"<path data-state="{key}" d="{d}"/>"#);
    }
    out.push_str("</g>");
}

/// Draws a track, and what stands on it.
#[cfg(feature = "hydrate")]
pub(super) fn track_and_label(out: &mut String, at: usize, edge: &Track, taken: &str) {
    track(out, at, edge, taken);
    label(out, at, edge, taken);
}

fn track(out: &mut String, at: usize, track: &Track, taken: &str) {
    let (Some(start), Some(end)) = (track.path.points.first(), track.path.points.last()) else {
        return;
    };
    // The line ends inside the arrow's head.
    let shortened = shorten(&track.path);
    let d = svg_path(&shortened, 8.0);
    let _ = write!(
        out,
        r#"<g class="e" data-e="{at}" data-kind="{}" data-taken="{taken}"><path class="l" d="{d}"/>"#,
        track.kind.key()
    );
    if track.kind == Kind::Always {
        let _ = write!(out, r#"<path class="gap" d="{d}"/>"#);
    }
    let _ = write!(out, r#"<path class="port" d="{}"/>"#, port(&track.kind, *start));
    let (x, y) = (end.x, end.y);
    let _ = write!(
        out,
        r#"<path class="end" d="M{} {}L{x} {y}L{} {}z"/></g>"#,
        x - 8.0,
        y - 4.5,
        x - 8.0,
        y + 4.5
    );
}

/// The port's shape says the outcome: triangle, diamond, square, hexagon.
fn port(kind: &Kind, at: Point) -> String {
    let (x, y) = (at.x, at.y);
    let corners: &[(f64, f64)] = match kind {
        Kind::Succeeded => &[(0.0, -4.0), (6.0, 0.0), (0.0, 4.0)],
        Kind::Failed => &[(-1.0, 0.0), (4.0, -5.0), (9.0, 0.0), (4.0, 5.0)],
        Kind::Always => &[(0.0, -4.0), (8.0, -4.0), (8.0, 4.0), (0.0, 4.0)],
        Kind::Case(_) | Kind::Other(_) => &[
            (0.0, 0.0),
            (2.5, -4.5),
            (7.5, -4.5),
            (10.0, 0.0),
            (7.5, 4.5),
            (2.5, 4.5),
        ],
    };
    let mut d = String::new();
    for (ix, (dx, dy)) in corners.iter().enumerate() {
        let _ = write!(d, "{}{} {}", if ix == 0 { "M" } else { "L" }, x + dx, y + dy);
    }
    d.push('z');
    d
}

fn shorten(path: &Path) -> Path {
    let mut path = path.clone();
    if let [.., before, last] = path.points[..]
        && last.x - before.x > 8.0
        && let Some(end) = path.points.last_mut()
    {
        end.x = last.x - 6.0;
    }
    path
}

/// A label's text as it is drawn.
pub(super) fn cut_label(label: &str) -> String {
    let mut chars = label.chars();
    let start: String = chars.by_ref().take(24).collect();
    if chars.next().is_some() {
        format!("{start}…")
    } else {
        start
    }
}

fn label(out: &mut String, at: usize, track: &Track, taken: &str) {
    let (Some(full), Some(middle)) = (track.label(), label_place(track)) else {
        return;
    };
    let text = cut_label(&full);
    let w = (width(&text, 11.0) + 14.0).ceil();
    // Clear of the port it leaves from.
    let clear = track
        .path
        .points
        .first()
        .map_or(0.0, |start| start.x + 12.0 + w / 2.0);
    let middle = Point {
        x: middle.x.max(clear),
        ..middle
    };
    let _ = write!(
        out,
        r#"<g class="e" data-e="{at}" data-kind="{}" data-taken="{taken}"><g class="lab"><title>{}</title><rect x="{}" y="{}" width="{w}" height="18" rx="9"/><text x="{}" y="{}">{}</text></g></g>"#,
        track.kind.key(),
        escape(&full),
        middle.x - w / 2.0,
        middle.y - 9.0,
        middle.x,
        middle.y + 4.0,
        escape(&text)
    );
}

/// A label stands where the track is its own: an outcome near the port it leaves from, a condition before its target.
fn label_place(track: &Track) -> Option<Point> {
    let points = &track.path.points;
    let level = |pair: &[Point]| pair[0].y == pair[1].y && (pair[1].x - pair[0].x).abs() > 24.0;
    let mut pieces = points.windows(2).filter(|pair| level(pair));
    let piece = if track.when.is_some() && track.kind == Kind::Succeeded {
        pieces.next_back()
    } else {
        pieces.next()
    }
    .or_else(|| points.windows(2).next())?;
    Some(Point {
        x: f64::midpoint(piece[0].x, piece[1].x),
        y: f64::midpoint(piece[0].y, piece[1].y),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::{Expect, expect};
    use flow::Plan;

    use super::super::state::CardState;
    use super::*;

    fn plan(document: serde_json::Value) -> Plan {
        Plan::new(Arc::new(serde_json::from_value(document).expect("is a document")))
    }

    /// The drawing's elements, without their places.
    fn outline(svg: &str) -> String {
        let mut out = String::new();
        for tag in svg.split('<').skip(1) {
            let (tag, text) = tag.split_once('>').unwrap_or((tag, ""));
            let kept = [
                "class=\"n\"",
                "class=\"e\"",
                "class=\"group\"",
                "class=\"lab\"",
                "text",
                "title",
            ];
            if !kept.iter().any(|start| tag.contains(start)) || tag.starts_with('/') {
                continue;
            }
            let name = tag.split(' ').next().unwrap_or_default();
            let attributes: Vec<&str> = tag
                .split_inclusive("\" ")
                .map(|part| part.trim().trim_end_matches('/'))
                .filter(|part| {
                    part.starts_with("data-") || part.starts_with("href") || part.starts_with("aria-current")
                })
                .collect();
            out.push_str(format!("{name} {} {text}", attributes.join(" ")).trim_end());
            out.push('\n');
        }
        out
    }

    fn check(document: serde_json::Value, drawing: &Drawing<'_>, expected: Expect) {
        expected.assert_eq(&outline(&svg(&crate::graph::view(&plan(document)), drawing)));
    }

    #[test]
    fn a_task_that_is_switched_off_is_marked_and_says_so() {
        let document = serde_json::json!({"flow": "f", "tasks": {"a": {"type": "noop", "name": "Wash", "disabled": true}, "b": {"type": "noop"}}});
        check(
            document,
            &Drawing::default(),
            expect![[r#"
            a data-off data-n="0" data-state="plan"
            title  Wash: off, noop
            text  Wash
            text  off · noop
            a data-n="1" data-state="plan"
            title  b: noop
            text  b
            text  noop
        "#]],
        );
    }

    #[test]
    fn a_run_shows_states_outcomes_and_the_tasks_that_end_it() {
        let document = serde_json::json!({
            "flow": "f",
            "tasks": {
                "fetch": {"type": "http.request", "name": "Fetch orders"},
                "size": {"type": "switch", "needs": ["fetch"]},
                "big": {"type": "noop", "needs": [{"task": "size", "on": "big", "when": "{{ inputs.go }}"}]},
                "alert": {"type": "log", "needs": [{"task": "fetch", "on": "failed"}, {"task": "size", "on": "always"}]}
            },
            "finally": {"clean": {"type": "shell"}}
        });
        let state = |key, text: &str| CardState {
            key,
            text: text.to_owned(),
            title: format!("it {text}"),
            bar: None,
        };
        let cards = [
            state("succeeded", "2.1 s"),
            state("running", "3 s"),
            state("blocked", "blocked"),
            state("skipped", "skipped"),
            state("blocked", "blocked"),
        ];
        check(
            document,
            &Drawing {
                label: "x",
                link: "/runs/r",
                cards: &cards,
                taken: &["yes", "", "no", ""],
                selected: Some(1),
            },
            expect![[r#"
                g
                text  Finally: runs at the end, whatever happened
                g data-e="0" data-kind="succeeded" data-taken="yes"
                g data-e="1" data-kind="case" data-taken=""
                g data-e="2" data-kind="failed" data-taken="no"
                g data-e="3" data-kind="always" data-taken=""
                g data-e="1" data-kind="case" data-taken=""
                g
                title  big · if inputs.go
                text  big · if inputs.go
                g data-e="2" data-kind="failed" data-taken="no"
                g
                title  on failed
                text  on failed
                g data-e="3" data-kind="always" data-taken=""
                g
                title  always
                text  always
                a data-n="0" data-state="succeeded" href="/runs/r?task=fetch"
                title  it 2.1 s
                text  Fetch orders
                text  http.request
                text  2.1 s
                a data-n="1" data-state="running" href="/runs/r?task=size" aria-current="true"
                title  it 3 s
                text  size
                text  switch
                text  3 s
                a data-n="2" data-state="blocked" href="/runs/r?task=big"
                title  it blocked
                text  big
                text  noop
                text  blocked
                a data-n="3" data-state="skipped" href="/runs/r?task=alert"
                title  it skipped
                text  alert
                text  log
                text  skipped
                a data-n="4" data-state="blocked" href="/runs/r?task=clean"
                title  it blocked
                text  clean
                text  shell
                text  blocked
            "#]],
        );
    }

    #[test]
    fn a_task_with_items_is_a_stack_with_a_bar() {
        let document = serde_json::json!({
            "flow": "f",
            "tasks": {"each": {"type": "noop", "for_each": {"items": [1, 2]}}}
        });
        let counts = flow::view::TaskCounts {
            succeeded: 1,
            blocked: 1,
            ..flow::view::TaskCounts::default()
        };
        let mut cards = [CardState {
            key: "running",
            text: "1/2".to_owned(),
            title: "each".to_owned(),
            bar: Some(super::super::state::bar(counts, 57.0)),
        }];
        let draw = |cards: &[CardState]| {
            let view = crate::graph::view(&plan(document.clone()));
            let drawing = Drawing {
                cards,
                ..Drawing::default()
            };
            svg(&view, &drawing)
        };
        let drawn = draw(&cards);
        assert_eq!(drawn.matches("class=\"below\"").count(), 2);
        assert!(drawn.contains(r#"<g class="bar"><path d="M16 57h164"/><path data-state="succeeded" d="M16.0 57h83.5"/><path data-state="failed" d=""/>"#), "{drawn}");
        // Before its items are listed there is no bar to see.
        cards[0].bar = None;
        assert!(draw(&cards).contains(r#"<g class="bar" hidden="">"#));
    }

    #[test]
    fn what_people_wrote_stays_text() {
        let evil = "</text><script>alert(1)</script>\"'&";
        let document = serde_json::json!({
            "flow": "f",
            "tasks": {
                "a": {"type": evil, "name": evil},
                "b": {"type": "noop", "needs": [{"task": "a", "on": evil, "when": evil}]}
            }
        });
        let cards = [CardState {
            key: "failed",
            text: evil.to_owned(),
            title: evil.to_owned(),
            bar: None,
        }];
        let drawing = Drawing {
            label: evil,
            link: "/runs/\"><b>",
            cards: &cards,
            ..Drawing::default()
        };
        let svg = svg(&crate::graph::view(&plan(document)), &drawing);
        assert!(!svg.contains("<script") && !svg.contains("<b>"), "{svg}");
        assert!(
            svg.contains("aria-label=\"&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\""),
            "{svg}"
        );
        // Every element is closed in the order in which it was opened.
        let mut open = Vec::new();
        for tag in svg
            .split('<')
            .skip(1)
            .map(|tag| tag.split('>').next().unwrap_or_default())
        {
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name)),
                None if tag.ends_with('/') => {}
                None => open.push(tag.split(' ').next().unwrap_or_default()),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn many_cards_are_boxes_but_for_the_first() {
        let tasks: serde_json::Map<String, serde_json::Value> = (0..2000)
            .map(|n| (format!("t{n}"), serde_json::json!({"type": "noop"})))
            .collect();
        let view = crate::graph::view(&plan(serde_json::json!({"flow": "f", "tasks": tasks})));
        let draw = |selected| {
            let drawing = Drawing {
                selected,
                ..Drawing::default()
            };
            svg(&view, &drawing)
        };
        let drawn = draw(None);
        let cards = drawn.matches("class=\"n\"").count();
        assert!((1..=FIRST_MAX).contains(&cards), "{cards}");
        assert!(drawn.contains("data-n=\"0\"") && !drawn.contains("data-n=\"1500\""));
        assert_eq!(
            drawn.matches("h192v64h-192z").count(),
            2000,
            "all are there as boxes"
        );
        assert!(
            drawn.matches('<').count() < 2500,
            "{}",
            drawn.matches('<').count()
        );
        assert!(!drawn.contains("class=\"ty\"") && !drawn.contains("class=\"spark\""));
        assert!(
            draw(Some(1500)).contains(r#"data-n="1500" data-state="plan" tabindex="0" aria-current="true""#)
        );
    }
}
