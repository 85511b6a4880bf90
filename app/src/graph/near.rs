//! The part of a large graph that is in sight, as cards and tracks above the boxes and lines of [`crate::graph::far`]. What leaves
//! sight leaves the page.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, SvgElement};

use super::{CardNode, all, whole_cards};
use crate::graph::far::{self, Level, Shown, Sight, Tiles};
use crate::graph::ink::Ink;
use crate::graph::{GraphView, svg, without_places};

/// The layers of a large graph.
pub(super) struct Near {
    ink: Arc<dyn Ink>,
    view: GraphView,
    tiles: Tiles,
    /// The group of each tile.
    groups: Vec<Element>,
    cards: Element,
    tracks: Element,
    keys: RefCell<Vec<&'static str>>,
    taken: RefCell<Vec<&'static str>>,
    drawn_tracks: RefCell<BTreeMap<usize, Element>>,
    level: Cell<Level>,
    sight: RefCell<Option<Sight>>,
    stale: RefCell<BTreeSet<usize>>,
}

/// What a box and a line show, unless a card or track stands there.
struct Rest<'a> {
    near: &'a Near,
    nodes: &'a BTreeMap<usize, CardNode>,
    tracks: &'a BTreeMap<usize, Element>,
}

impl Shown for Rest<'_> {
    fn card(&self, card: usize) -> Option<&'static str> {
        let key = self.near.keys.borrow().get(card).copied();
        key.filter(|_| !self.nodes.contains_key(&card))
    }

    fn track(&self, track: usize) -> Option<&'static str> {
        let taken = self.near.taken.borrow().get(track).copied();
        taken.filter(|_| !self.tracks.contains_key(&track))
    }
}

impl Near {
    /// Of a drawing that has the two layers; none if it is drawn as a whole.
    pub(super) fn of(drawing: &SvgElement, ink: Arc<dyn Ink>) -> Option<Self> {
        let part = |selector: &str| drawing.query_selector(selector).ok().flatten();
        let (tiles, tracks, cards) = (part("g.tiles")?, part("g.near-tracks")?, part("g.near")?);
        let mut view = without_places(&ink.plan());
        for path in all(&tiles, "path") {
            let value = |name: &str| path.get_attribute(name).unwrap_or_default();
            match value("class").as_str() {
                "box" => far::read_boxes(&mut view, &value("data-ix"), &value("d")),
                _ => far::read_lines(&mut view, &value("data-ix"), &value("d")),
            }
        }
        // What stood there before the page lived is drawn anew with the rest.
        cards.set_inner_html("");
        let near = Self {
            keys: RefCell::new((0..view.cards.len()).map(|ix| ink.key(ix)).collect()),
            taken: RefCell::new((0..view.tracks.len()).map(|ix| ink.taken(ix)).collect()),
            tiles: Tiles::of(&view),
            groups: all(&tiles, "g"),
            ink,
            view,
            cards,
            tracks,
            drawn_tracks: RefCell::default(),
            level: Cell::new(Level::Boxes),
            sight: RefCell::default(),
            stale: RefCell::default(),
        };
        near.stale.borrow_mut().extend(0..near.tiles.tiles.len());
        Some(near)
    }

    /// Where each card is, and how high.
    pub(super) fn places(&self) -> Vec<(f64, f64, f64)> {
        let cards = self.view.cards.iter();
        cards.map(|card| (card.at.x, card.at.y, card.height)).collect()
    }

    /// Draws what is in sight at this scale, and `always` too: what has the focus or is open stays.
    pub(super) fn look(
        &self,
        sight: &Sight,
        scale: f64,
        always: &[usize],
        nodes: &mut BTreeMap<usize, CardNode>,
    ) {
        let sight = sight.in_cells();
        let (level, mut wanted) = far::in_sight(&self.view, &sight, scale);
        let is_same = self.sight.borrow().as_ref() == Some(&sight) && self.level.get() == level;
        if is_same && always.iter().all(|ix| nodes.contains_key(ix)) {
            return;
        }
        wanted.extend(always.iter().filter(|ix| **ix < self.view.cards.len()));
        let wanted: BTreeSet<usize> = wanted.into_iter().collect();
        *self.sight.borrow_mut() = Some(sight);
        let is_other = self.level.replace(level) != level;
        let leaves = |ix: &usize| is_other || !wanted.contains(ix);
        let left: Vec<usize> = nodes.keys().copied().filter(leaves).collect();
        for ix in left {
            // The focus must not be lost with its card: that one only changes its look with the next change of state.
            let has_focus = always.contains(&ix)
                && nodes
                    .get(&ix)
                    .is_some_and(|node| document().active_element().as_ref() == Some(&node.root));
            if !has_focus && let Some(node) = nodes.remove(&ix) {
                node.root.remove();
                self.mark(ix);
            }
        }
        self.add_cards(&wanted, always, nodes);
        self.change_tracks(level, nodes);
        self.flush(nodes);
    }

    /// Whether only boxes are drawn.
    pub(super) fn is_boxes(&self) -> bool {
        self.level.get() == Level::Boxes
    }

    fn mark(&self, card: usize) {
        self.stale.borrow_mut().extend(self.tiles.of_card(card));
    }

    fn add_cards(&self, wanted: &BTreeSet<usize>, always: &[usize], nodes: &mut BTreeMap<usize, CardNode>) {
        let missing: Vec<usize> = wanted
            .iter()
            .copied()
            .filter(|ix| !nodes.contains_key(ix))
            .collect();
        if missing.is_empty() {
            return;
        }
        let link = self.ink.link();
        let mut text = String::new();
        for &ix in &missing {
            let card = &self.view.cards[ix];
            let look = svg::CardLook {
                state: self.ink.card(ix, card.height),
                link: &link,
                is_selected: false,
                has_tab: always.first() == Some(&ix),
                is_detailed: self.level.get() == Level::Full,
            };
            svg::card(&mut text, ix, card, &look);
            self.mark(ix);
        }
        let Ok(fresh) = document().create_element_ns(Some("http://www.w3.org/2000/svg"), "g") else {
            return;
        };
        fresh.set_inner_html(&text);
        for (ix, node) in missing.into_iter().zip(whole_cards(&fresh)) {
            // In the order of the tasks: it is that in which they are read.
            let next = nodes.range(ix..).next().map(|(_, node)| node.root.clone());
            let _ = self
                .cards
                .insert_before(&node.root, next.as_ref().map(|next| next.unchecked_ref()));
            nodes.insert(ix, node);
        }
    }

    fn change_tracks(&self, level: Level, nodes: &BTreeMap<usize, CardNode>) {
        let wanted: BTreeSet<usize> = match level {
            Level::Full => far::tracks_between(&self.view, |card| nodes.contains_key(&card))
                .into_iter()
                .collect(),
            _ => BTreeSet::new(),
        };
        let mut drawn = self.drawn_tracks.borrow_mut();
        let left: Vec<usize> = drawn.keys().copied().filter(|ix| !wanted.contains(ix)).collect();
        for ix in left {
            if let Some(element) = drawn.remove(&ix) {
                element.remove();
                self.mark(self.view.tracks[ix].from);
            }
        }
        let missing: Vec<usize> = wanted.into_iter().filter(|ix| !drawn.contains_key(ix)).collect();
        let mut text = String::new();
        for &ix in &missing {
            text.push_str("<g>");
            let taken = self.taken.borrow().get(ix).copied().unwrap_or_default();
            svg::track_and_label(&mut text, ix, &self.view.tracks[ix], taken);
            text.push_str("</g>");
            self.mark(self.view.tracks[ix].from);
        }
        let Ok(fresh) = document().create_element_ns(Some("http://www.w3.org/2000/svg"), "g") else {
            return;
        };
        fresh.set_inner_html(&text);
        for ix in missing {
            if let Some(element) = fresh.first_element_child() {
                let _ = self.tracks.append_child(&element);
                drawn.insert(ix, element);
            }
        }
    }

    /// A card's box is in another state.
    pub(super) fn set_key(&self, card: usize, key: &'static str) {
        if let Some(known) = self.keys.borrow_mut().get_mut(card)
            && std::mem::replace(known, key) != key
        {
            self.mark(card);
        }
    }

    /// A track's line shows something else.
    pub(super) fn set_taken(&self, track: usize, taken: &'static str) {
        if let Some(known) = self.taken.borrow_mut().get_mut(track)
            && std::mem::replace(known, taken) != taken
        {
            match self.drawn_tracks.borrow().get(&track) {
                Some(element) => {
                    for part in all(element, "[data-taken]") {
                        let _ = part.set_attribute("data-taken", taken);
                    }
                }
                None => self.mark(self.view.tracks[track].from),
            }
        }
    }

    /// Draws the tiles again on which something has changed.
    pub(super) fn flush(&self, nodes: &BTreeMap<usize, CardNode>) {
        let stale = self.stale.take();
        let tracks = self.drawn_tracks.borrow();
        let rest = Rest {
            near: self,
            nodes,
            tracks: &tracks,
        };
        for tile in stale {
            if let Some(group) = self.groups.get(tile) {
                group.set_inner_html(&self.tiles.draw(tile, &self.view, &rest, false));
            }
        }
    }
}
