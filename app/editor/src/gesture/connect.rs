//! An edge is drawn, or one of its ends is led elsewhere.

use super::press::usual_port;
use super::{Act, MAGNET, Overlay, Pick, World};
use crate::adding::connect_by;
use crate::change::Change;
use crate::geometry::{CARD_HEIGHT, Point, Port, entry, pt, snapped};
use crate::legal::{Fixed, Legal};
use crate::model::Edge;
use crate::scene::Scene;
use crate::wires::Wire;

#[derive(Clone, Debug)]
pub(super) struct Connect {
    fixed: Fixed,
    /// What the edge says.
    like: Edge,
    /// The edge that is led elsewhere.
    track: Option<usize>,
    legal: Legal,
    targets: Vec<usize>,
    /// Where it begins, if that is fixed.
    port: usize,
    at: Point,
    over: Option<usize>,
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
        let legal = Legal::new(world.scene, fixed, &like, track);
        Self {
            targets: legal.targets(world.scene),
            fixed,
            like,
            track,
            legal,
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
        let (Fixed::From(own) | Fixed::To(own)) = self.fixed;
        // Over the card it comes from nothing is said: there every edge begins.
        let near = world
            .scene
            .card_near(at, MAGNET / world.camera.k)
            .filter(|card| *card != own);
        if near == self.over {
            return;
        }
        self.over = near;
        self.reason = near.and_then(|card| self.legal.reason(world.scene, card));
        let way = near.map_or_else(Vec::new, |card| self.legal.cycle(world.scene, card));
        // All but the first step are edges there are.
        let ends = way.windows(2).skip(1);
        self.cycle = ends
            .filter_map(|step| {
                let out = &world.scene.cards[step[0]].out;
                out.iter()
                    .copied()
                    .find(|ix| world.scene.tracks[*ix].to == step[1])
            })
            .collect();
    }

    pub(super) fn overlay(&self, scene: &Scene) -> Overlay {
        let over = self.over.filter(|_| self.reason.is_none());
        let wire = match self.fixed {
            Fixed::From(card) => {
                let end = over.map_or(self.at, |card| entry(scene.cards[card].rect));
                Wire::curve(scene.cards[card].port(self.port), end)
            }
            Fixed::To(card) => {
                let start = over.map_or(self.at, |card| {
                    let card = &scene.cards[card];
                    card.port(usual_port(&card.ports))
                });
                Wire::curve(start, entry(scene.cards[card].rect))
            }
        };
        Overlay {
            wire: Some(wire),
            verdict: self.over.map(|_| self.reason.is_none()),
            reason: self.reason.clone(),
            target: self.over,
            targets: Some(self.targets.clone()),
            cycle: self.cycle.clone(),
            leaving: self.track,
            ..Overlay::default()
        }
    }

    /// `stage` is where the pointer is on the stage.
    pub(super) fn let_go(mut self, stage: Point, world: World<'_>) -> Vec<Act> {
        let scene = world.scene;
        let Some(card) = self.over else {
            return self.let_go_beside(stage, world);
        };
        if let Some(reason) = self.reason.take() {
            return vec![Act::Say(format!("Not connected: {reason}."))];
        }
        let Some(track) = self.track else {
            return connect_by(scene, &self.legal, card)
                .map(Act::Change)
                .into_iter()
                .collect();
        };
        let old = &scene.tracks[track];
        if (old.from, old.to) == self.fixed.ends(card) {
            return Vec::new();
        }
        let mut new = self.legal.edge(scene, card);
        // A case that the other task does not have says nothing of it.
        let port = Port::of(&self.like);
        let from = &scene.cards[self.fixed.ends(card).0];
        if matches!(port, Port::Case(_)) && !from.ports.contains(&port) {
            new.on = from.ports[usual_port(&from.ports)].words().0;
        }
        vec![Act::Change(Change::Reconnect {
            old: old.edge.clone(),
            new,
        })]
    }

    /// Let go over nothing: a new edge asks what it shall lead to, an old one stays.
    fn let_go_beside(self, stage: Point, world: World<'_>) -> Vec<Act> {
        let at = world.canvas(stage);
        let Fixed::From(card) = self.fixed else {
            return vec![Act::Say("The edge stays as it was.".to_owned())];
        };
        let from = &world.scene.cards[card];
        if self.track.is_some() {
            return vec![Act::Say("The edge stays as it was.".to_owned())];
        }
        if from.rect.has(at) || !world.is_on_stage(stage) {
            return Vec::new();
        }
        vec![Act::Pick(Pick {
            at: stage,
            place: snapped(pt(at.x, at.y - CARD_HEIGHT / 2.0)),
            from: Some((card, from.ports[self.port].clone())),
            on: None,
        })]
    }
}
