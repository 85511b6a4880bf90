//! Rectangles, the sizes of cards and the ports on them. All numbers are pixels of the canvas, y pointing down.

use flow::layout::{GRID, port_offset};

pub use flow::layout::Point;

use crate::model::{Edge, Node};

/// How wide every card is: nothing is ever measured in the browser.
pub const CARD_WIDTH: f64 = 216.0;
/// How high a card is, unless it has more ports than fit on its side.
pub const CARD_HEIGHT: f64 = 64.0;
/// Distance of two ports of a card.
pub const PORT_PITCH: f64 = 16.0;

/// A point.
#[must_use]
pub const fn pt(x: f64, y: f64) -> Point {
    Point { x, y }
}

/// How far two points are apart.
#[must_use]
pub fn distance(one: Point, other: Point) -> f64 {
    (one.x - other.x).hypot(one.y - other.y)
}

/// The nearest point of the canvas grid.
#[must_use]
pub fn snapped(at: Point) -> Point {
    pt((at.x / GRID).round() * GRID, (at.y / GRID).round() * GRID)
}

/// An upright rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Its left edge.
    pub x: f64,
    /// Its upper edge.
    pub y: f64,
    /// Its width.
    pub w: f64,
    /// Its height.
    pub h: f64,
}

impl Rect {
    /// One with this upper left corner.
    #[must_use]
    pub const fn at(corner: Point, w: f64, h: f64) -> Self {
        Self {
            x: corner.x,
            y: corner.y,
            w,
            h,
        }
    }

    /// The one between two corners that lie across from each other.
    #[must_use]
    pub fn between(one: Point, other: Point) -> Self {
        Self {
            x: one.x.min(other.x),
            y: one.y.min(other.y),
            w: (one.x - other.x).abs(),
            h: (one.y - other.y).abs(),
        }
    }

    /// The smallest one around all; none around nothing.
    #[must_use]
    pub fn around(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(Self::with)
    }

    /// The smallest one around both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Self {
            x,
            y,
            w: self.right().max(other.right()) - x,
            h: self.bottom().max(other.bottom()) - y,
        }
    }

    /// Its right edge.
    #[must_use]
    pub fn right(self) -> f64 {
        self.x + self.w
    }

    /// Its lower edge.
    #[must_use]
    pub fn bottom(self) -> f64 {
        self.y + self.h
    }

    /// Its upper left corner.
    #[must_use]
    pub const fn corner(self) -> Point {
        pt(self.x, self.y)
    }

    /// Its middle.
    #[must_use]
    pub fn middle(self) -> Point {
        pt(self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// As large, elsewhere.
    #[must_use]
    pub fn moved(self, by: Point) -> Self {
        Self {
            x: self.x + by.x,
            y: self.y + by.y,
            ..self
        }
    }

    /// Larger by this much on every side; smaller if it is negative, but never less than nothing.
    #[must_use]
    pub fn grown(self, by: f64) -> Self {
        let by = by.max(-self.w / 2.0).max(-self.h / 2.0);
        Self {
            x: self.x - by,
            y: self.y - by,
            w: self.w + 2.0 * by,
            h: self.h + 2.0 * by,
        }
    }

    /// Whether a point lies in it or on its edge.
    #[must_use]
    pub fn has(self, at: Point) -> bool {
        at.x >= self.x && at.x <= self.right() && at.y >= self.y && at.y <= self.bottom()
    }

    /// Whether another lies in it as a whole.
    #[must_use]
    pub fn holds(self, other: Self) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && self.right() >= other.right()
            && self.bottom() >= other.bottom()
    }

    /// Whether the two have a point in common.
    #[must_use]
    pub fn touches(self, other: Self) -> bool {
        self.x <= other.right()
            && other.x <= self.right()
            && self.y <= other.bottom()
            && other.y <= self.bottom()
    }
}

/// What an edge that leaves from a port is taken on. Each has a shape of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// Whatever happened: a square.
    Always,
    /// Success: a triangle.
    Succeeded,
    /// One case of a switch, or a word a waiting task may end with: a hexagon.
    Case(String),
    /// Success or what else is named, narrowed by an expression: a hexagon.
    When {
        /// The outcomes, as in the document; empty for the usual one.
        on: Vec<String>,
        /// The expression.
        when: String,
    },
    /// Other outcomes, or several: a hexagon.
    Other(Vec<String>),
    /// Failure: a diamond.
    Failed,
}

impl Port {
    /// The port an edge leaves from.
    #[must_use]
    pub fn of(edge: &Edge) -> Self {
        if let Some(when) = &edge.when {
            return Self::When {
                on: edge.on.clone(),
                when: when.clone(),
            };
        }
        match edge.on.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] | ["succeeded"] => Self::Succeeded,
            ["failed"] => Self::Failed,
            ["always"] => Self::Always,
            ["skipped" | "cancelled"] => Self::Other(edge.on.clone()),
            [case] => Self::Case(case.to_owned()),
            _ => Self::Other(edge.on.clone()),
        }
    }

    /// What an edge from it says in the document: its outcomes and its expression.
    #[must_use]
    pub fn words(&self) -> (Vec<String>, Option<String>) {
        match self {
            Self::Succeeded => (Vec::new(), None),
            Self::Failed => (vec!["failed".to_owned()], None),
            Self::Always => (vec!["always".to_owned()], None),
            Self::Case(case) => (vec![case.clone()], None),
            Self::When { on, when } => (on.clone(), Some(when.clone())),
            Self::Other(on) => (on.clone(), None),
        }
    }

    /// An edge from it.
    #[must_use]
    pub fn edge(&self, from: &str, to: &str) -> Edge {
        let (on, when) = self.words();
        Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            on,
            when,
        }
    }

    /// The kind, as styles name it.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Always => "always",
            Self::Case(_) => "case",
            Self::When { .. } => "when",
            Self::Other(_) => "other",
        }
    }

    /// What stands on an edge from it; the usual outcome needs no words.
    #[must_use]
    pub fn label(&self) -> Option<String> {
        match self {
            Self::Succeeded => None,
            Self::Failed => Some("on failed".to_owned()),
            Self::Always => Some("always".to_owned()),
            Self::Case(case) => Some(case.clone()),
            Self::Other(words) => Some(words.join(", ")),
            Self::When { on, when } => {
                let when = expression(when);
                Some(match on[..] {
                    [] => format!("if {when}"),
                    _ => format!("{} · if {when}", on.join(", ")),
                })
            }
        }
    }
}

/// An expression without its braces.
fn expression(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("{{")
        .and_then(|inner| inner.strip_suffix("}}"))
        .map_or(text, str::trim)
}

/// The ports of a card from top to bottom: those its kind has, and those its edges use besides.
#[must_use]
pub fn ports(node: &Node, outgoing: &[&Edge]) -> Vec<Port> {
    let mut used: Vec<Port> = Vec::new();
    for port in outgoing.iter().map(|edge| Port::of(edge)) {
        if !used.contains(&port) {
            used.push(port);
        }
    }
    let has_cases = node.task_type == "switch" && !node.cases.is_empty();
    let mut ports = Vec::with_capacity(used.len() + 3);
    if !has_cases {
        ports.push(Port::Always);
    }
    if !has_cases || used.contains(&Port::Succeeded) {
        ports.push(Port::Succeeded);
    }
    ports.extend(node.cases.iter().cloned().map(Port::Case));
    used.retain(|port| matches!(port, Port::Case(_) | Port::When { .. } | Port::Other(_)));
    for port in used {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports.push(Port::Failed);
    if has_cases {
        ports.push(Port::Always);
    }
    ports
}

/// How large a card with so many ports is.
#[must_use]
pub fn card_size(n_ports: usize) -> (f64, f64) {
    (CARD_WIDTH, CARD_HEIGHT.max(PORT_PITCH * n_ports as f64))
}

/// Where a port of a card is: on its right edge.
#[must_use]
pub fn port_place(card: Rect, port: usize, n_ports: usize) -> Point {
    pt(card.right(), card.y + port_offset(card.h, port, n_ports))
}

/// Where edges enter a card: on its left edge.
#[must_use]
pub fn entry(card: Rect) -> Point {
    pt(card.x, card.y + port_offset(card.h, 0, 1))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(task_type: &str, cases: &[&str], edges: &[(&[&str], Option<&str>)], expected: Expect) {
        let node = Node {
            task_type: task_type.to_owned(),
            cases: cases.iter().map(|case| (*case).to_owned()).collect(),
            ..Node::default()
        };
        let edges: Vec<Edge> = edges
            .iter()
            .map(|(on, when)| Edge {
                on: on.iter().map(|word| (*word).to_owned()).collect(),
                when: when.map(str::to_owned),
                ..Edge::default()
            })
            .collect();
        let ports = ports(&node, &edges.iter().collect::<Vec<_>>());
        let (w, h) = card_size(ports.len());
        let card = Rect::at(pt(0.0, 0.0), w, h);
        let mut out = format!("{w}x{h}, in at {}\n", entry(card).y);
        for (at, port) in ports.iter().enumerate() {
            let y = port_place(card, at, ports.len()).y;
            out.push_str(&format!(
                "{y} {} {}",
                port.key(),
                port.label().unwrap_or_default()
            ));
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn an_ordinary_card_goes_straight_on_with_success() {
        check(
            "shell",
            &[],
            &[],
            expect![[r#"
            216x64, in at 32
            16 always always
            32 succeeded
            48 failed on failed
        "#]],
        );
    }

    #[test]
    fn a_switch_has_a_port_for_each_case() {
        check(
            "switch",
            &["big", "small"],
            &[(&["big"], None), (&["gone"], None)],
            expect![[r#"
            216x80, in at 40
            8 case big
            24 case small
            40 case gone
            56 failed on failed
            72 always always
        "#]],
        );
    }

    #[test]
    fn conditions_and_mixed_outcomes_have_ports_of_their_own() {
        check(
            "http.request",
            &[],
            &[
                (&[], Some("{{ inputs.go }}")),
                (&["failed", "skipped"], None),
                (&["failed"], Some("{{ x }}")),
            ],
            expect![[r#"
                216x96, in at 48
                8 always always
                24 succeeded
                40 when if inputs.go
                56 other failed, skipped
                72 when failed · if x
                88 failed on failed
            "#]],
        );
    }

    #[test]
    fn ports_and_edges_say_the_same() {
        for on in [
            &[][..],
            &["failed"],
            &["always"],
            &["big"],
            &["failed", "skipped"],
            &["skipped"],
        ] {
            for when in [None, Some("{{ x }}".to_owned())] {
                let edge = Edge {
                    from: "a".to_owned(),
                    to: "b".to_owned(),
                    on: on.iter().map(|word| (*word).to_owned()).collect(),
                    when,
                };
                assert_eq!(Port::of(&edge).edge("a", "b"), edge);
            }
        }
    }
}
