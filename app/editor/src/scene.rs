//! The flow as it stands on the canvas: every card with its rectangle and ports, every edge with its way, and where to find them.

use flow::layout::{self, Effort, Graph, Options};
use rustc_hash::FxHashMap;

use crate::boxes::{GroupBox, NoteBox};
use crate::geometry::{Point, Port, Rect, card_size, distance, entry, port_place, ports, pt};
use crate::model::{Edge, Model, Section};
use crate::space::Space;
use crate::wires::Wire;

/// Places by task id.
pub type Places = FxHashMap<String, Point>;

/// Free space inside a frame.
const PADDING: f64 = 16.0;
/// Above the cards in a frame: its title stands there.
const TITLE: f64 = 40.0;
/// Between the main tasks and a frame, and between frames.
const GAP: f64 = 48.0;
/// Above so many cards the layout takes less care.
const CAREFUL_MAX: usize = 400;

/// A task as a card.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The task's id.
    pub id: String,
    /// Its name, or its id.
    pub title: String,
    /// What it does.
    pub task_type: String,
    /// The map it stands in.
    pub section: Section,
    /// Where it is.
    pub rect: Rect,
    /// Its ports, from top to bottom.
    pub ports: Vec<Port>,
    /// Whether its place is written in the document.
    pub is_placed: bool,
    /// Whether it runs once for each item of a list.
    pub is_each: bool,
    /// Whether it is switched off.
    pub is_off: bool,
    /// The group it stands in.
    pub group: Option<usize>,
    /// Whether that is drawn as one box, and so the card is not.
    pub is_hidden: bool,
    /// The edges that leave it, and those that enter it.
    pub out: Vec<usize>,
    /// The edges that enter it.
    pub into: Vec<usize>,
}

impl Card {
    /// Where one of its ports is.
    #[must_use]
    pub fn port(&self, port: usize) -> Point {
        port_place(self.rect, port, self.ports.len())
    }

    /// Whether no edge leads to or from it.
    #[must_use]
    pub fn is_loose(&self) -> bool {
        self.out.is_empty() && self.into.is_empty()
    }
}

/// An edge with its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// The card it leaves.
    pub from: usize,
    /// The card it enters.
    pub to: usize,
    /// The port it leaves from.
    pub port: usize,
    /// Its way.
    pub wire: Wire,
    /// As in the model.
    pub edge: Edge,
}

/// A frame around tasks that end a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Which.
    pub section: Section,
    /// Around all its cards.
    pub rect: Rect,
}

/// Everything on the canvas.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// The cards, in the order of the document.
    pub cards: Vec<Card>,
    /// The edges between cards that are there.
    pub tracks: Vec<Track>,
    /// The frames.
    pub frames: Vec<Frame>,
    /// The notes.
    pub notes: Vec<NoteBox>,
    /// The groups.
    pub groups: Vec<GroupBox>,
    numbers: FxHashMap<String, usize>,
    card_space: Space,
    track_space: Space,
}

/// What is at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// Where edges enter a card: one can be drawn backwards from it.
    Entry(usize),
    /// A port: an edge can be drawn from it.
    Port {
        /// The card.
        card: usize,
        /// Its port.
        port: usize,
    },
    /// The end of an edge: it can be led elsewhere.
    End {
        /// The edge.
        track: usize,
        /// Its end at the target, or its beginning.
        is_target: bool,
    },
    /// A card.
    Card(usize),
    /// The middle of an edge: something can be put in between.
    Middle(usize),
    /// Beside the middle of an edge that is pointed at: the edge can be taken away.
    Cut(usize),
    /// An edge.
    Track(usize),
    /// A note.
    Note(usize),
    /// The lower right corner of a note: by it the note is sized.
    Grip(usize),
    /// The title of a group, or all of one that is drawn as one box.
    Group(usize),
    /// Nothing.
    Canvas,
}

impl Scene {
    /// Places everything. Cards stand where the document says, else where `kept` remembers them, else where the layout finds room.
    #[must_use]
    pub fn new(model: &Model, kept: &Places) -> Self {
        let mut scene = Self {
            numbers: model
                .nodes
                .iter()
                .enumerate()
                .map(|(ix, node)| (node.id.clone(), ix))
                .collect(),
            ..Self::default()
        };
        let mut leaving: Vec<Vec<&Edge>> = vec![Vec::new(); model.nodes.len()];
        for edge in &model.edges {
            if let Some(from) = scene.numbers.get(&edge.from) {
                leaving[*from].push(edge);
            }
        }
        for (node, leaving) in model.nodes.iter().zip(&leaving) {
            let ports = ports(node, leaving);
            let (w, h) = card_size(ports.len());
            let at = node.at.or_else(|| kept.get(&node.id).copied()).filter(is_near);
            scene.cards.push(Card {
                id: node.id.clone(),
                title: node.title.clone(),
                task_type: node.task_type.clone(),
                section: node.section,
                rect: Rect::at(at.unwrap_or(pt(f64::NAN, f64::NAN)), w, h),
                ports,
                is_placed: node.at.is_some(),
                is_each: node.is_each,
                is_off: node.is_off,
                group: None,
                is_hidden: false,
                out: Vec::new(),
                into: Vec::new(),
            });
        }
        scene.connect(&model.edges);
        scene.lay_out();
        scene.index();
        scene
    }

    fn connect(&mut self, edges: &[Edge]) {
        for edge in edges {
            let (Some(&from), Some(&to)) = (self.numbers.get(&edge.from), self.numbers.get(&edge.to)) else {
                continue;
            };
            let of = Port::of(edge);
            let port = self.cards[from]
                .ports
                .iter()
                .position(|port| *port == of)
                .unwrap_or(0);
            self.cards[from].out.push(self.tracks.len());
            self.cards[to].into.push(self.tracks.len());
            self.tracks.push(Track {
                from,
                to,
                port,
                wire: Wire::default(),
                edge: edge.clone(),
            });
        }
    }

    /// Finds places and ways, section by section; frames stand below the main tasks.
    fn lay_out(&mut self) {
        let mut bottom = self
            .lay_out_section(Section::Tasks, pt(0.0, 0.0))
            .map_or(0.0, |rect| rect.bottom() + GAP);
        let left =
            Rect::around(self.of_section(Section::Tasks).map(|card| card.rect)).map_or(0.0, |rect| rect.x);
        for section in [Section::Finally, Section::OnFailure] {
            let start = pt(left + PADDING, bottom + TITLE);
            if let Some(inner) = self.lay_out_section(section, start) {
                let rect = Rect {
                    x: inner.x - PADDING,
                    y: inner.y - TITLE,
                    w: inner.w + 2.0 * PADDING,
                    h: inner.h + TITLE + PADDING,
                };
                bottom = bottom.max(rect.bottom() + GAP);
                self.frames.push(Frame { section, rect });
            }
        }
        // Edges between sections are wrong, but there: they are drawn all the same.
        for ix in 0..self.tracks.len() {
            if self.tracks[ix].wire.start().is_none() {
                self.route(ix, false);
            }
        }
    }

    fn of_section(&self, section: Section) -> impl Iterator<Item = &Card> {
        self.cards.iter().filter(move |card| card.section == section)
    }

    /// Lays out the cards of a section, from `start` on if none of them has a place, and answers what is around them.
    fn lay_out_section(&mut self, section: Section, start: Point) -> Option<Rect> {
        let members: Vec<usize> = (0..self.cards.len())
            .filter(|ix| self.cards[*ix].section == section)
            .collect();
        let mut index = vec![usize::MAX; self.cards.len()];
        for (at, member) in members.iter().enumerate() {
            index[*member] = at;
        }
        let inner: Vec<usize> = (0..self.tracks.len())
            .filter(|ix| {
                index[self.tracks[*ix].from] != usize::MAX && index[self.tracks[*ix].to] != usize::MAX
            })
            .collect();
        let has_pins = members.iter().any(|ix| self.cards[*ix].has_place());
        let graph = Graph {
            nodes: members.iter().map(|ix| self.cards[*ix].node()).collect(),
            edges: inner
                .iter()
                .map(|ix| {
                    let track = &self.tracks[*ix];
                    layout::Edge {
                        from: index[track.from],
                        to: index[track.to],
                        port: track.port as u16,
                    }
                })
                .collect(),
        };
        let effort = if members.len() > CAREFUL_MAX {
            Effort::QUICK
        } else {
            Effort::NORMAL
        };
        let options = Options {
            effort,
            layer_gap: self.layer_gap(&inner),
            ..Options::default()
        };
        let placed = layout::layout(&graph, &options);
        let by = if has_pins {
            pt(0.0, 0.0)
        } else {
            pt(start.x - placed.origin.x, start.y - placed.origin.y)
        };
        let shift = |point: &Point| pt(point.x + by.x, point.y + by.y);
        for (ix, at) in members.iter().zip(&placed.nodes) {
            let at = shift(at);
            (self.cards[*ix].rect.x, self.cards[*ix].rect.y) = (at.x, at.y);
        }
        for (ix, path) in inner.iter().zip(&placed.edges) {
            self.tracks[*ix].wire = Wire::Bent(path.points.iter().map(shift).collect());
        }
        Rect::around(members.iter().map(|ix| self.cards[*ix].rect))
    }

    /// Wide enough between layers for what stands on the edges.
    fn layer_gap(&self, inner: &[usize]) -> f64 {
        let labels = inner.iter().filter_map(|ix| {
            let track = &self.tracks[*ix];
            self.cards[track.from].ports[track.port].label()
        });
        let longest = labels.map(|label| label.chars().count().min(25)).max();
        longest.map_or(72.0, |chars| (40.0 + 6.5 * chars as f64).max(72.0))
    }

    pub(crate) fn index(&mut self) {
        for (ix, card) in self.cards.iter().enumerate() {
            let rects = if card.is_hidden {
                Vec::new()
            } else {
                vec![card.rect]
            };
            self.card_space.set(ix, rects);
        }
        for (ix, track) in self.tracks.iter().enumerate() {
            self.track_space.set(ix, track.wire.rects());
        }
    }

    /// Finds the way of one edge from where its cards are.
    pub(crate) fn route(&mut self, ix: usize, curved: bool) {
        self.tracks[ix].wire = self.wire(ix, curved);
    }

    /// Moves a card while it is dragged; its edges follow as curves.
    pub fn shift(&mut self, card: usize, to: Point) {
        self.shift_all(&[(card, to)]);
    }

    /// The same for several cards at once.
    pub fn shift_all(&mut self, moves: &[(usize, Point)]) {
        let mut edges: Vec<usize> = Vec::new();
        let mut groups: Vec<usize> = Vec::new();
        for (card, to) in moves {
            let Some(moved) = self.cards.get_mut(*card) else {
                continue;
            };
            (moved.rect.x, moved.rect.y) = (to.x, to.y);
            edges.extend(moved.out.iter().chain(&moved.into));
            groups.extend(moved.group);
            if !moved.is_hidden {
                self.card_space.set(*card, vec![moved.rect]);
            }
        }
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            self.regroup(group);
            // Its box may have moved, and with it edges of cards that have not.
            for card in self.groups[group].members.iter().map(|card| &self.cards[*card]) {
                if card.is_hidden {
                    edges.extend(card.out.iter().chain(&card.into));
                }
            }
        }
        edges.sort_unstable();
        edges.dedup();
        for ix in edges {
            self.route(ix, true);
            self.track_space.set(ix, self.tracks[ix].wire.rects());
        }
    }

    /// The number of a task's card.
    #[must_use]
    pub fn number(&self, id: &str) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    /// A task's card.
    #[must_use]
    pub fn card(&self, id: &str) -> Option<&Card> {
        self.number(id).map(|ix| &self.cards[ix])
    }

    /// The number of an edge; of one whose outcomes have changed meanwhile too, as long as no other is between the two tasks.
    #[must_use]
    pub fn track(&self, edge: &Edge) -> Option<usize> {
        let (from, to) = (self.number(&edge.from)?, self.number(&edge.to)?);
        let out = self.cards[from].out.iter().copied();
        let between: Vec<usize> = out.filter(|ix| self.tracks[*ix].to == to).collect();
        let same = between.iter().find(|ix| self.tracks[**ix].edge.is_same(edge));
        match (same, between.as_slice()) {
            (Some(same), _) => Some(*same),
            (None, [only]) => Some(*only),
            _ => None,
        }
    }

    /// Where every card is.
    #[must_use]
    pub fn places(&self) -> Places {
        self.cards
            .iter()
            .map(|card| (card.id.clone(), card.rect.corner()))
            .collect()
    }

    /// When a task runs that is put at a point: in a frame with those in it.
    #[must_use]
    pub fn section_at(&self, at: Point) -> Section {
        let frame = self.frames.iter().find(|frame| frame.rect.has(at));
        frame.map_or(Section::Tasks, |frame| frame.section)
    }

    /// What is around all cards.
    #[must_use]
    pub fn bounds(&self) -> Option<Rect> {
        let frames = self.frames.iter().map(|frame| frame.rect);
        let notes = self.notes.iter().map(|note| note.rect);
        let groups = self.groups.iter().filter(|group| !group.members.is_empty());
        let cards = self.cards.iter().filter(|card| !card.is_hidden);
        let drawn = frames.chain(notes).chain(groups.map(|group| group.rect));
        Rect::around(cards.map(|card| card.rect).chain(drawn))
    }

    /// The cards that touch a rectangle.
    #[must_use]
    pub fn cards_in(&self, view: Rect) -> Vec<usize> {
        self.card_space.touching(view)
    }

    /// The edges of which a piece touches a rectangle.
    #[must_use]
    pub fn tracks_in(&self, view: Rect) -> Vec<usize> {
        self.track_space.touching(view)
    }

    /// The edge that runs within `slack` of a point, the nearest.
    #[must_use]
    pub fn track_at(&self, at: Point, slack: f64) -> Option<usize> {
        let near = self.track_space.near(at, slack).into_iter();
        near.map(|ix| (self.tracks[ix].wire.distance(at), ix))
            .filter(|(distance, _)| *distance <= slack)
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, ix)| ix)
    }

    /// The port within `slack` of a point, the nearest.
    #[must_use]
    pub fn port_at(&self, at: Point, slack: f64) -> Option<(usize, usize)> {
        let near = self.card_space.near(at, slack).into_iter();
        near.flat_map(|card| (0..self.cards[card].ports.len()).map(move |port| (card, port)))
            .map(|(card, port)| (distance(at, self.cards[card].port(port)), card, port))
            .filter(|(far, _, _)| *far <= slack)
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, card, port)| (card, port))
    }

    /// The card an edge would be led to at this point: the one it lies on, or whose entry is within the magnet's reach.
    #[must_use]
    pub fn card_near(&self, at: Point, reach: f64) -> Option<usize> {
        self.card_at(at).or_else(|| {
            let near = self.card_space.near(at, reach).into_iter();
            near.map(|card| (distance(at, entry(self.cards[card].rect)), card))
                .filter(|(far, _)| *far <= reach)
                .min_by(|one, other| one.0.total_cmp(&other.0))
                .map(|(_, card)| card)
        })
    }

    /// The card a point lies on: the last one of those that overlap.
    #[must_use]
    pub fn card_at(&self, at: Point) -> Option<usize> {
        self.card_space.near(at, 0.0).pop()
    }

    /// What is at a point. `slack` is how far a pointer may be off, in pixels of the canvas; only of the edge that is `chosen` can the
    /// ends be taken hold of, for on all others they lie on a port.
    #[must_use]
    pub fn hit(&self, at: Point, slack: f64, chosen: Option<usize>) -> Hit {
        if let Some(track) = chosen.filter(|ix| *ix < self.tracks.len()) {
            let wire = &self.tracks[track].wire;
            let ends = [(wire.end(), true), (wire.start(), false)];
            let near = ends
                .into_iter()
                .find(|(end, _)| end.is_some_and(|end| distance(at, end) <= slack));
            if let Some((_, is_target)) = near {
                return Hit::End { track, is_target };
            }
        }
        let port = self.port_at(at, slack);
        let card = self.card_at(at);
        if let Some((on, port)) = port {
            // On the card itself a port reaches half as far, so that the card's right side can be pressed too.
            let is_clear = at.x >= self.cards[on].rect.right() - slack / 2.0;
            if card.is_none() || (card == Some(on) && is_clear) {
                return Hit::Port { card: on, port };
            }
        }
        let near = card.or_else(|| self.card_near(at, slack));
        if let Some(near) = near.filter(|near| distance(at, entry(self.cards[*near].rect)) <= slack) {
            // On the card itself it reaches half as far, as ports do.
            if at.x <= self.cards[near].rect.x + slack / 2.0 {
                return Hit::Entry(near);
            }
        }
        if let Some(card) = card {
            return Hit::Card(card);
        }
        if let Some(group) = self.box_at(at) {
            return Hit::Group(group);
        }
        match self.track_at(at, slack) {
            Some(track) => {
                let middle = self.tracks[track].wire.middle();
                if middle.is_some_and(|middle| distance(middle, at) <= slack) {
                    Hit::Middle(track)
                } else {
                    Hit::Track(track)
                }
            }
            None => self.drawn_at(at, slack).unwrap_or(Hit::Canvas),
        }
    }
}

impl Card {
    fn has_place(&self) -> bool {
        self.rect.x.is_finite()
    }

    fn node(&self) -> layout::Node {
        layout::Node {
            width: self.rect.w,
            height: self.rect.h,
            ports: self.ports.len() as u16,
            hint: self.has_place().then(|| self.rect.corner()),
            pinned: self.has_place(),
        }
    }
}

/// Whether a place is one that the layout can work with.
fn is_near(at: &Point) -> bool {
    at.x.abs() < 1e6 && at.y.abs() < 1e6
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::testing::model;

    fn show(scene: &Scene) -> String {
        let mut out = String::new();
        for card in &scene.cards {
            let mark = if card.is_placed { "!" } else { "" };
            out.push_str(&format!(
                "{}{mark} {},{} {}x{}\n",
                card.id, card.rect.x, card.rect.y, card.rect.w, card.rect.h
            ));
        }
        for frame in &scene.frames {
            let rect = frame.rect;
            out.push_str(&format!(
                "{:?} {},{} {}x{}\n",
                frame.section, rect.x, rect.y, rect.w, rect.h
            ));
        }
        out
    }

    fn check(text: &str, expected: Expect) -> Scene {
        let scene = Scene::new(&model(text), &Places::default());
        expected.assert_eq(&show(&scene));
        scene
    }

    #[test]
    fn cards_stand_in_layers_and_groups_below() {
        let scene = check(
            "a -> b; a -failed-> c; finally: clean; failure: mail -> page",
            expect![[r#"
                a 0,40 216x64
                b 320,0 216x64
                c 320,96 216x64
                clean 16,248 216x64
                mail 16,416 216x64
                page 304,416 216x64
                Finally 0,208 248x120
                OnFailure 0,376 536x120
            "#]],
        );
        assert_eq!(
            scene.bounds(),
            Some(Rect {
                x: 0.0,
                y: 0.0,
                w: 536.0,
                h: 496.0
            })
        );
    }

    #[test]
    fn placed_cards_stay_and_others_come_to_them() {
        check(
            "a@800,400 -> b@1200,400 -> c",
            expect![[r#"
                a! 800,400 216x64
                b! 1200,400 216x64
                c 1488,400 216x64
            "#]],
        );
    }

    #[test]
    fn what_is_remembered_does_not_jump() {
        let kept: Places = [
            ("a".to_owned(), pt(160.0, 80.0)),
            ("b".to_owned(), pt(640.0, 8.0)),
        ]
        .into_iter()
        .collect();
        let scene = Scene::new(&model("a; b; a -> c"), &kept);
        assert_eq!(scene.cards[0].rect.corner(), pt(160.0, 80.0));
        assert_eq!(scene.cards[1].rect.corner(), pt(640.0, 8.0));
    }

    #[test]
    fn points_are_told_apart() {
        let mut scene = Scene::new(&model("a@0,0 -> b@400,0"), &Places::default());
        let hit = |scene: &Scene, x: f64, y: f64, chosen| format!("{:?}", scene.hit(pt(x, y), 8.0, chosen));
        let cases = [
            (100.0, 30.0, None),
            (216.0, 32.0, None),
            (222.0, 17.0, None),
            (260.0, 36.0, None),
            (308.0, 32.0, None),
            (398.0, 32.0, None),
            (398.0, 32.0, Some(0)),
            (218.0, 32.0, Some(0)),
            (260.0, 90.0, None),
        ];
        let told: Vec<String> = cases
            .iter()
            .map(|(x, y, chosen)| format!("{x},{y} {}\n", hit(&scene, *x, *y, *chosen)))
            .collect();
        expect![[r#"
            100,30 Card(0)
            216,32 Port { card: 0, port: 1 }
            222,17 Port { card: 0, port: 0 }
            260,36 Track(0)
            308,32 Middle(0)
            398,32 Entry(1)
            398,32 End { track: 0, is_target: true }
            218,32 End { track: 0, is_target: false }
            260,90 Canvas
        "#]]
        .assert_eq(&told.concat());
        // A card that is dragged takes its edge along.
        scene.shift(1, pt(400.0, 400.0));
        assert_eq!(hit(&scene, 260.0, 36.0, None), "Canvas");
        assert_eq!(hit(&scene, 450.0, 420.0, None), "Card(1)");
        assert_eq!(scene.tracks_in(Rect::at(pt(300.0, 200.0), 16.0, 64.0)), [0]);
    }

    #[test]
    fn edges_of_broken_documents_do_no_harm() {
        let scene = Scene::new(
            &model("a -> gone; gone -> a; a -> a; a -> b; b -> a; finally: c; a -> c"),
            &Places::default(),
        );
        assert_eq!(scene.tracks.len(), 4);
        assert!(
            scene
                .tracks
                .iter()
                .all(|track| track.wire.start().is_some() || track.from == track.to)
        );
    }
}
