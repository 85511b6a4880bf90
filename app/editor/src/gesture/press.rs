//! A press that turns out to be a click, or the beginning of something.

use super::{
    Act, Connect, DOUBLE_MS, Device, Drag, Gesture, Marquee, Pick, Pointer, Size, State, World, select_drawn,
};
use crate::change::Change;
use crate::drawn::Drawn;
use crate::geometry::{CARD_HEIGHT, CARD_WIDTH, Port, distance, pt, snapped};
use crate::scene::Hit;
use crate::select::Selection;

impl Gesture {
    /// The press has wandered: it is the beginning of what it was made on.
    pub(super) fn start(&mut self, start: Pointer, hit: Hit, world: World<'_>) -> Vec<Act> {
        let is_touch = start.device == Device::Touch;
        let to = self.last;
        match hit {
            Hit::Port { card, port } => {
                self.state = State::Connect(Box::new(Connect::from(world, card, port, false)));
            }
            Hit::Entry(card) if !is_touch => {
                self.state = State::Connect(Box::new(Connect::back(world, card)));
            }
            Hit::End { track, is_target } => {
                self.state = State::Connect(Box::new(Connect::again(world, track, is_target)));
            }
            // With a finger, cards move only once they are selected: most of a small screen is cards.
            Hit::Card(card) | Hit::Entry(card)
                if !is_touch || world.selection.has(&world.scene.cards[card].id) =>
            {
                let id = &world.scene.cards[card].id;
                let is_selected = world.selection.has(id);
                let chosen = match (is_selected, start.held.shift || start.held.ctrl) {
                    (true, _) => world.selection.clone(),
                    (false, true) => world.selection.clone().toggled(id),
                    (false, false) => Selection::one(id),
                };
                self.state = State::Drag(Drag::new(world, &chosen, card, start));
                let mut acts = Vec::new();
                if !is_selected {
                    acts.push(Act::Select(chosen));
                }
                acts.extend(self.moved(to, world));
                return acts;
            }
            Hit::Note(_) | Hit::Group(_)
                if !is_touch || select_drawn(world, hit).as_ref() == Some(world.selection) =>
            {
                let Some((drag, chosen)) = Drag::of_drawn(world, hit, start) else {
                    return Vec::new();
                };
                self.state = State::Drag(drag);
                let mut acts = select(world, chosen);
                acts.extend(self.moved(to, world));
                return acts;
            }
            Hit::Grip(note) if !is_touch || select_drawn(world, hit).as_ref() == Some(world.selection) => {
                self.state = State::Size(Size::new(world, note, start));
                let mut acts = select_drawn(world, hit).map_or_else(Vec::new, |chosen| select(world, chosen));
                acts.extend(self.moved(to, world));
                return acts;
            }
            Hit::Card(_)
            | Hit::Entry(_)
            | Hit::Cut(_)
            | Hit::Middle(_)
            | Hit::Track(_)
            | Hit::Canvas
            | Hit::Note(_)
            | Hit::Grip(_)
            | Hit::Group(_) => {
                if is_touch || (self.habits.drag_pans && !start.held.shift) {
                    self.state = State::Pan(start.at);
                } else {
                    self.state = State::Marquee(Marquee::new(world, start));
                }
            }
        }
        self.moved(to, world)
    }

    /// It was a click.
    pub(super) fn click(&mut self, at: Pointer, hit: Hit, now: f64, world: World<'_>) -> Vec<Act> {
        let is_double = self
            .click
            .take()
            .is_some_and(|(before, when)| now - when <= DOUBLE_MS && distance(before, at.at) <= 8.0);
        if !is_double {
            self.click = Some((at.at, now));
        }
        let is_more = at.held.shift || at.held.ctrl;
        match hit {
            Hit::Port { card, port } => {
                let mut connect = Connect::from(world, card, port, true);
                connect.to(world.canvas(at.at), world);
                self.state = State::Connect(Box::new(connect));
                let card = &world.scene.cards[card];
                vec![Act::Say(format!(
                    "Connecting from {}. Choose where it leads, or press Escape.",
                    card.title
                ))]
            }
            Hit::Card(card) | Hit::Entry(card) if is_double && !is_more => vec![Act::Open(card)],
            Hit::Card(card) | Hit::Entry(card) => {
                let id = &world.scene.cards[card].id;
                select(
                    world,
                    match is_more {
                        true => world.selection.clone().toggled(id),
                        false => Selection::one(id),
                    },
                )
            }
            Hit::Cut(track) => {
                self.hover = None;
                vec![Act::Change(Change::Disconnect(
                    world.scene.tracks[track].edge.clone(),
                ))]
            }
            Hit::Middle(track) => {
                let mut acts = select(world, of_edge(world, track));
                let on = &world.scene.tracks[track];
                acts.push(Act::Pick(Pick {
                    at: at.at,
                    place: on.wire.middle().unwrap_or_default(),
                    from: None,
                    into: None,
                    on: Some(track),
                    section: world.scene.cards[on.from].section,
                }));
                acts
            }
            Hit::Track(track) | Hit::End { track, .. } => select(world, of_edge(world, track)),
            Hit::Group(group) if is_double && world.scene.groups[group].group.is_collapsed => {
                vec![Act::Change(Drawn::collapse(
                    &world.scene.groups[group].group.id,
                    false,
                ))]
            }
            Hit::Note(_) | Hit::Grip(_) | Hit::Group(_) if is_double => vec![Act::OpenSelected],
            Hit::Note(_) | Hit::Grip(_) | Hit::Group(_) => {
                select_drawn(world, hit).map_or_else(Vec::new, |chosen| select(world, chosen))
            }
            Hit::Canvas if is_double => {
                let place = world.canvas(at.at);
                vec![Act::Pick(Pick {
                    at: at.at,
                    place: snapped(pt(place.x - CARD_WIDTH / 2.0, place.y - CARD_HEIGHT / 2.0)),
                    from: None,
                    into: None,
                    on: None,
                    section: world.scene.section_at(place),
                })]
            }
            Hit::Canvas if is_more => Vec::new(),
            Hit::Canvas => select(world, Selection::default()),
        }
    }
}

fn of_edge(world: World<'_>, track: usize) -> Selection {
    Selection::of_edge(&world.scene.tracks[track].edge)
}

fn select(world: World<'_>, to: Selection) -> Vec<Act> {
    match to == *world.selection {
        true => Vec::new(),
        false => vec![Act::Select(to)],
    }
}

/// The port that edges leave from if none is named: that of success, else the first.
pub(super) fn usual_port(ports: &[Port]) -> usize {
    ports
        .iter()
        .position(|port| *port == Port::Succeeded)
        .unwrap_or(0)
}
