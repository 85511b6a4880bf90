//! An edge is drawn, or one of its ends is led elsewhere.

use super::press::usual_port;
use super::{Act, Choose, MAGNET, Overlay, Pick, World};
use crate::adding::{connect, connect_by};
use crate::change::Change;
use crate::geometry::{CARD_HEIGHT, CARD_WIDTH, Point, Port, entry, pt, snapped};
use crate::legal::{Fixed, Legal};
use crate::model::Edge;
use crate::scene::Scene;
use crate::wires::Wire;

/// An edge of which one end is looked for.
#[derive(Clone, Debug)]
pub(super) struct Lead {
    fixed: Fixed,
    /// What the edge says.
    like: Edge,
    /// The edge that is led elsewhere.
    track: Option<usize>,
    legal: Legal,
}

impl Lead {
    pub(super) fn new(scene: &Scene, fixed: Fixed, like: Edge, track: Option<usize>) -> Self {
        Self {
            legal: Legal::new(scene, fixed, &like, track),
            fixed,
            like,
            track,
        }
    }

    /// Those of some cards that it may be led to.
    pub(super) fn legal_of(&self, scene: &Scene, cards: &[usize]) -> Vec<usize> {
        let cards = cards.iter().copied();
        cards
            .filter(|card| self.legal.verdict(scene, *card).is_legal())
            .collect()
    }

    /// The change that leads it to a card; none if it may not be, or is there already.
    pub(super) fn change(&self, scene: &Scene, card: usize) -> Option<Change> {
        let Some(track) = self.track else {
            let Fixed::To(to) = self.fixed else {
                return connect_by(scene, &self.legal, card);
            };
            // It leaves the port that edges leave from if none is named: not all cards have that of success.
            let ports = &scene.cards[card].ports;
            return connect(scene, card, &ports[usual_port(ports)], to);
        };
        let old = &scene.tracks[track];
        let ends = self.fixed.ends(card);
        if (old.from, old.to) == ends || !self.legal.verdict(scene, card).is_legal() {
            return None;
        }
        let mut new = self.legal.edge(scene, card);
        // A case that the other task does not have says nothing of it.
        let port = Port::of(&self.like);
        let from = &scene.cards[ends.0];
        if matches!(port, Port::Case(_)) && !from.ports.contains(&port) {
            new.on = from.ports[usual_port(&from.ports)].words().0;
        }
        Some(Change::Reconnect {
            old: old.edge.clone(),
            new,
        })
    }
}

/// What the end in the hand is led to.
#[derive(Clone, Debug, PartialEq)]
enum Over {
    Card(usize),
    /// A group drawn as one box, and those of its cards that may be meant.
    Group(usize, Vec<usize>),
}

#[derive(Clone, Debug)]
pub(super) struct Connect {
    lead: Lead,
    targets: Vec<usize>,
    /// Where it begins, if that is fixed.
    port: usize,
    at: Point,
    over: Option<Over>,
    reason: Option<String>,
    cycle: Vec<usize>,
    /// Begun with a click: it goes on without a button until the next press.
    pub(super) is_sticky: bool,
}

impl Connect {
    /// A new edge from a port.
    pub(super) fn from(world: World<'_>, card: usize, port: usize, is_sticky: bool) -> Self {
        let from = &world.scene.cards[card];
        let port = if port < from.ports.len() {
            port
        } else {
            usual_port(&from.ports)
        };
        let like = from.ports[port].edge(&from.id, "");
        let at = from.port(port);
        let connect = Self::new(world, Fixed::From(card), like, None, port);
        Self {
            at,
            is_sticky,
            ..connect
        }
    }

    /// A new edge, drawn backwards from where edges enter a card.
    pub(super) fn back(world: World<'_>, card: usize) -> Self {
        let like = Port::Succeeded.edge("", &world.scene.cards[card].id);
        Self::new(world, Fixed::To(card), like, None, 0)
    }

    /// One end of an edge is taken off.
    pub(super) fn again(world: World<'_>, track: usize, is_target: bool) -> Self {
        let old = &world.scene.tracks[track];
        let fixed = if is_target {
            Fixed::From(old.from)
        } else {
            Fixed::To(old.to)
        };
        Self::new(world, fixed, old.edge.clone(), Some(track), old.port)
    }

    fn new(world: World<'_>, fixed: Fixed, like: Edge, track: Option<usize>, port: usize) -> Self {
        let lead = Lead::new(world.scene, fixed, like, track);
        Self {
            targets: lead.legal.targets(world.scene),
            lead,
            port,
            at: Point::default(),
            over: None,
            reason: None,
            cycle: Vec::new(),
            is_sticky: false,
        }
    }

    pub(super) fn to(&mut self, at: Point, world: World<'_>) {
        self.at = at;
        let scene = world.scene;
        let over = self.near(at, world);
        if over == self.over {
            return;
        }
        // Of a group that cannot be connected at all, the first card says in which way it closes a circle.
        let first = match &over {
            Some(Over::Card(card)) => Some(*card),
            Some(Over::Group(group, legal)) if legal.is_empty() => {
                scene.groups[*group].members.first().copied()
            }
            _ => None,
        };
        self.reason = match &over {
            Some(Over::Card(card)) => self.lead.legal.reason(scene, *card),
            Some(Over::Group(group, legal)) if legal.is_empty() => Some(self.why_none(scene, *group)),
            _ => None,
        };
        self.over = over;
        let way = first.map_or_else(Vec::new, |card| self.lead.legal.cycle(scene, card));
        // All but the first step are edges there are.
        let ends = way.windows(2).skip(1);
        self.cycle = ends
            .filter_map(|step| {
                let out = &scene.cards[step[0]].out;
                out.iter().copied().find(|ix| scene.tracks[*ix].to == step[1])
            })
            .collect();
    }

    /// What the end is led to at a point: a card or box it lies on comes before one that draws it near.
    fn near(&self, at: Point, world: World<'_>) -> Option<Over> {
        let (scene, reach) = (world.scene, MAGNET / world.camera.k);
        let (Fixed::From(own) | Fixed::To(own)) = self.lead.fixed;
        let own_box = scene.cards[own].group.filter(|_| scene.cards[own].is_hidden);
        let card = |card: Option<usize>| card.map(Over::Card);
        let group = |group: Option<usize>| {
            group.map(|group| {
                let members = &scene.groups[group].members;
                Over::Group(group, self.lead.legal_of(scene, members))
            })
        };
        let near = card(scene.card_at(at))
            .or_else(|| group(scene.box_at(at)))
            .or_else(|| card(scene.card_near(at, reach)))
            .or_else(|| group(scene.box_near(at, reach)));
        // Over what it comes from nothing is said: there every edge begins.
        near.filter(|over| match over {
            Over::Card(card) => *card != own,
            Over::Group(group, _) => Some(*group) != own_box,
        })
    }

    /// Why no task of a group can be connected: in one word if it is the same for all.
    fn why_none(&self, scene: &Scene, group: usize) -> String {
        const SHOWN: usize = 3;
        let members = &scene.groups[group].members;
        let reason = |card: &usize| self.lead.legal.reason(scene, *card).unwrap_or_default();
        let first = members.first().map(reason).unwrap_or_default();
        if members.iter().all(|card| reason(card) == first) {
            return first;
        }
        let told = members.iter().take(SHOWN);
        let told: Vec<String> = told
            .map(|card| format!("{}: {}", scene.cards[*card].id, reason(card)))
            .collect();
        let more = match members.len().saturating_sub(SHOWN) {
            0 => String::new(),
            n => format!("; and {n} more"),
        };
        format!("{}{more}", told.join("; "))
    }

    pub(super) fn overlay(&self, scene: &Scene) -> Overlay {
        let over = self.over.as_ref().filter(|_| self.reason.is_none());
        let wire = match self.lead.fixed {
            Fixed::From(card) => {
                let end = over.map_or(self.at, |over| match over {
                    Over::Card(card) => entry(scene.cards[*card].rect),
                    Over::Group(group, _) => entry(scene.groups[*group].rect),
                });
                Wire::curve(scene.end_of(card, Some(self.port)).1, end)
            }
            Fixed::To(card) => {
                let start = over.map_or(self.at, |over| match over {
                    Over::Card(card) => {
                        let card = &scene.cards[*card];
                        card.port(usual_port(&card.ports))
                    }
                    Over::Group(group, _) => {
                        let rect = scene.groups[*group].rect;
                        pt(rect.right(), rect.middle().y)
                    }
                });
                Wire::curve(start, scene.end_of(card, None).1)
            }
        };
        let (target, group, offer) = match &self.over {
            Some(Over::Card(card)) => (Some(*card), None, None),
            Some(Over::Group(group, legal)) => (None, Some(*group), offer(scene, legal)),
            None => (None, None, None),
        };
        Overlay {
            wire: Some(wire),
            verdict: self.over.as_ref().map(|_| self.reason.is_none()),
            reason: self.reason.clone().or(offer),
            target,
            group,
            targets: Some(self.targets.clone()),
            cycle: self.cycle.clone(),
            leaving: self.lead.track,
            ..Overlay::default()
        }
    }

    /// `stage` is where the pointer is on the stage.
    pub(super) fn let_go(mut self, stage: Point, world: World<'_>) -> Vec<Act> {
        let scene = world.scene;
        if let Some(reason) = self.reason.take() {
            return vec![Act::Say(format!("Not connected: {reason}."))];
        }
        match self.over.take() {
            None => self.let_go_beside(stage, world),
            Some(Over::Group(group, legal)) if legal.len() > 1 => {
                let old = self.lead.track.map(|track| scene.tracks[track].edge.clone());
                vec![Act::Choose(Choose {
                    at: stage,
                    group: scene.groups[group].group.id.clone(),
                    is_target: matches!(self.lead.fixed, Fixed::From(_)),
                    like: self.lead.like,
                    old,
                })]
            }
            Some(Over::Card(card)) => self.connect(scene, card),
            Some(Over::Group(_, legal)) => legal
                .first()
                .map_or_else(Vec::new, |card| self.connect(scene, *card)),
        }
    }

    fn connect(&self, scene: &Scene, card: usize) -> Vec<Act> {
        let change = self.lead.change(scene, card);
        change.map(Act::Change).into_iter().collect()
    }

    /// Let go over nothing: a new edge asks what it shall lead to, an old one stays.
    fn let_go_beside(self, stage: Point, world: World<'_>) -> Vec<Act> {
        let at = world.canvas(stage);
        if self.lead.track.is_some() {
            return vec![Act::Say("The edge stays as it was.".to_owned())];
        }
        let (Fixed::From(card) | Fixed::To(card)) = self.lead.fixed;
        let own = &world.scene.cards[card];
        if own.rect.has(at) || !world.is_on_stage(stage) {
            return Vec::new();
        }
        if let Fixed::To(_) = self.lead.fixed {
            return vec![Act::Pick(Pick {
                at: stage,
                place: snapped(pt(at.x - CARD_WIDTH, at.y - CARD_HEIGHT / 2.0)),
                from: None,
                into: Some(card),
                on: None,
                section: own.section,
            })];
        }
        vec![Act::Pick(Pick {
            at: stage,
            place: snapped(pt(at.x, at.y - CARD_HEIGHT / 2.0)),
            from: Some((card, own.ports[self.port].clone())),
            into: None,
            on: None,
            section: own.section,
        })]
    }
}

/// What letting go over a group does.
fn offer(scene: &Scene, legal: &[usize]) -> Option<String> {
    match legal {
        [] => None,
        [card] => Some(format!("to {}", scene.cards[*card].title)),
        _ => Some(format!("to one of {} tasks", legal.len())),
    }
}
