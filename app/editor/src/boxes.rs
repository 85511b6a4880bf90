//! Notes and groups on the canvas: where they are, and what of a group that is drawn as one box is not.

use crate::drawn::{Drawn, Group, Note};
use crate::geometry::{CARD_HEIGHT, CARD_WIDTH, Point, Rect, distance, entry, pt};
use crate::scene::{Hit, Scene};
use crate::wires::Wire;

/// How wide a note is unless it says.
pub const NOTE_WIDTH: f64 = 216.0;
/// How high a note is unless it says.
pub const NOTE_HEIGHT: f64 = 120.0;
/// No note is smaller, or it could not be taken hold of.
const NOTE_MIN: (f64, f64) = (64.0, 32.0);
/// No note is wider or higher.
const NOTE_MAX: f64 = 4000.0;
/// The side of the corner by which a note is sized.
const GRIP: f64 = 12.0;
/// Free space inside a group.
const PADDING: f64 = 16.0;
/// Above the cards of a group: its title stands there, and there it is taken hold of.
pub const TITLE: f64 = 32.0;
/// Below everything, where a note without a place stands.
const GAP: f64 = 32.0;

/// A note with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct NoteBox {
    /// As in the document.
    pub note: Note,
    /// Where it is.
    pub rect: Rect,
}

/// A group with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupBox {
    /// As in the document.
    pub group: Group,
    /// The numbers of its cards.
    pub members: Vec<usize>,
    /// Around all of them, or the one box it is drawn as.
    pub rect: Rect,
}

impl Scene {
    /// With the notes and groups of the same document.
    #[must_use]
    pub fn with_drawn(mut self, drawn: &Drawn) -> Self {
        for group in &drawn.groups {
            let members = group.tasks.iter().filter_map(|task| self.number(task));
            // A task stands in one group at most; validation tells of others.
            let members: Vec<usize> = members.filter(|card| self.cards[*card].group.is_none()).collect();
            for card in &members {
                self.cards[*card].group = Some(self.groups.len());
                self.cards[*card].is_hidden = group.is_collapsed;
            }
            self.groups.push(GroupBox {
                group: group.clone(),
                members,
                rect: Rect::default(),
            });
        }
        for ix in 0..self.groups.len() {
            self.regroup(ix);
        }
        for ix in 0..self.tracks.len() {
            let ends = [self.tracks[ix].from, self.tracks[ix].to];
            if ends.iter().any(|card| self.cards[*card].is_hidden) {
                self.route(ix, false);
            }
        }
        self.index();
        let mut below = self
            .bounds()
            .map_or(pt(0.0, 0.0), |all| pt(all.x, all.bottom() + GAP));
        for note in &drawn.notes {
            let size = note
                .size
                .map_or((NOTE_WIDTH, NOTE_HEIGHT), |size| (size.x, size.y));
            let size = note_size(size.0, size.1);
            let near = note.at.filter(|at| at.x.abs() < 1e6 && at.y.abs() < 1e6);
            let rect = Rect::at(near.unwrap_or(below), size.0, size.1);
            if near.is_none() {
                below.y = rect.bottom() + GAP;
            }
            self.notes.push(NoteBox {
                note: note.clone(),
                rect,
            });
        }
        self
    }

    /// A group is around its cards where they are now.
    pub(crate) fn regroup(&mut self, ix: usize) {
        let group = &self.groups[ix];
        let around = Rect::around(group.members.iter().map(|card| self.cards[*card].rect));
        let around = around.unwrap_or_default();
        self.groups[ix].rect = if group.group.is_collapsed {
            Rect::at(around.corner(), CARD_WIDTH, CARD_HEIGHT)
        } else {
            Rect {
                x: around.x - PADDING,
                y: around.y - PADDING - TITLE,
                w: around.w + 2.0 * PADDING,
                h: around.h + 2.0 * PADDING + TITLE,
            }
        };
    }

    /// The rectangle an edge leaves or enters at a card, and where: at the group's that hides it.
    pub(crate) fn end_of(&self, card: usize, port: Option<usize>) -> (Rect, Point) {
        let card = &self.cards[card];
        let hidden = card.group.filter(|_| card.is_hidden);
        let rect = hidden.map_or(card.rect, |group| self.groups[group].rect);
        let at = match (port, hidden) {
            (Some(port), None) => card.port(port),
            (Some(_), Some(_)) => pt(rect.right(), rect.middle().y),
            (None, _) => entry(rect),
        };
        (rect, at)
    }

    /// Whether an edge is within a group that is drawn as one box.
    pub(crate) fn is_inside(&self, ix: usize) -> bool {
        let track = &self.tracks[ix];
        let (from, to) = (&self.cards[track.from], &self.cards[track.to]);
        from.is_hidden && to.is_hidden && from.group == to.group
    }

    /// The way of an edge as it is now; none if it is not seen.
    pub(crate) fn wire(&self, ix: usize, curved: bool) -> Wire {
        if self.is_inside(ix) {
            return Wire::default();
        }
        let track = &self.tracks[ix];
        let (from, start) = self.end_of(track.from, Some(track.port));
        let (to, end) = self.end_of(track.to, None);
        if curved {
            Wire::curve(start, end)
        } else {
            Wire::bent(start, end, (from, to))
        }
    }

    /// Moves a note while it is dragged.
    pub fn shift_note(&mut self, note: usize, to: Point) {
        if let Some(note) = self.notes.get_mut(note) {
            (note.rect.x, note.rect.y) = (to.x, to.y);
        }
    }

    /// Sizes a note while it is dragged by its corner.
    pub fn size_note(&mut self, note: usize, to: Point) {
        if let Some(note) = self.notes.get_mut(note) {
            (note.rect.w, note.rect.h) = (to.x, to.y);
        }
    }

    /// A note by its id.
    #[must_use]
    pub fn note(&self, id: &str) -> Option<&NoteBox> {
        self.notes.iter().find(|note| note.note.id == id)
    }

    /// A group by its id.
    #[must_use]
    pub fn group(&self, id: &str) -> Option<&GroupBox> {
        self.groups.iter().find(|group| group.group.id == id)
    }

    /// The group drawn as one box at a point.
    pub(crate) fn box_at(&self, at: Point) -> Option<usize> {
        let is_there = |group: &GroupBox| group.group.is_collapsed && group.rect.has(at);
        self.groups.iter().rposition(is_there)
    }

    /// The group drawn as one box that an edge would be led to at this point, if no card is there: see [`Scene::card_near`].
    pub(crate) fn box_near(&self, at: Point, reach: f64) -> Option<usize> {
        let boxes = self.groups.iter().enumerate();
        let boxes = boxes.filter(|(_, group)| group.group.is_collapsed && !group.members.is_empty());
        let far = boxes.map(|(ix, group)| (distance(at, entry(group.rect)), ix));
        far.filter(|(far, _)| *far <= reach)
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, ix)| ix)
    }

    /// The note, a note's corner, or the title of a group at a point.
    pub(crate) fn drawn_at(&self, at: Point, slack: f64) -> Option<Hit> {
        let note = self.notes.iter().rposition(|note| note.rect.has(at));
        let grip = self.notes.iter().rposition(|note| grip(note.rect, slack).has(at));
        // What lies over the corner hides it.
        if let Some(grip) = grip.filter(|grip| note.is_none_or(|note| note <= *grip)) {
            return Some(Hit::Grip(grip));
        }
        let title = |group: &GroupBox| {
            let strip = Rect {
                h: TITLE,
                ..group.rect
            };
            !group.members.is_empty() && strip.has(at)
        };
        note.map(Hit::Note)
            .or_else(|| self.groups.iter().rposition(title).map(Hit::Group))
    }
}

/// The width and height that a note may have, next to these.
pub(crate) fn note_size(w: f64, h: f64) -> (f64, f64) {
    (w.clamp(NOTE_MIN.0, NOTE_MAX), h.clamp(NOTE_MIN.1, NOTE_MAX))
}

/// Where a note is taken hold of to size it: its corner, and a little around it. Half of a small note is left to move it by.
fn grip(note: Rect, slack: f64) -> Rect {
    let reach = slack.max(GRIP).min(note.w / 2.0).min(note.h / 2.0);
    let side = reach + slack / 2.0;
    Rect::at(pt(note.right() - reach, note.bottom() - reach), side, side)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use flow::parse::Format;

    use super::*;
    use crate::editor::Editor;
    use crate::scene::Places;

    const FLOW: &str = "\
flow: f
tasks:
  a: { type: noop }
  b: { type: noop, needs: [a] }
  c: { type: noop, needs: [b] }
  d: { type: noop, needs: [c] }
layout: { a: [0, 0], b: [300, 0], c: [600, 0], d: [900, 0] }
notes:
  one: { text: hi, at: [0, 200], size: [100, 80] }
  two: { text: ho }
";

    fn scene(groups: &str) -> Scene {
        let editor = Editor::new(format!("{FLOW}{groups}"), Format::Yaml);
        Scene::new(editor.model(), &Places::default()).with_drawn(editor.drawn())
    }

    fn check(scene: &Scene, expected: Expect) {
        let mut out = String::new();
        for group in &scene.groups {
            let Rect { x, y, w, h } = group.rect;
            let _ = writeln!(out, "{} {x},{y} {w}x{h} of {:?}", group.group.id, group.members);
        }
        for note in &scene.notes {
            let Rect { x, y, w, h } = note.rect;
            let _ = writeln!(out, "{} {x},{y} {w}x{h}", note.note.id);
        }
        for track in &scene.tracks {
            let ends = track.wire.start().zip(track.wire.end());
            let shown = ends.map_or_else(
                || "not seen".to_owned(),
                |(from, to)| format!("{},{} to {},{}", from.x, from.y, to.x, to.y),
            );
            let _ = writeln!(out, "{} -> {}: {shown}", track.edge.from, track.edge.to);
        }
        for at in [
            pt(310.0, 10.0),
            pt(610.0, 10.0),
            pt(290.0, -30.0),
            pt(50.0, 250.0),
            pt(95.0, 275.0),
            pt(103.0, 283.0),
        ] {
            let _ = writeln!(out, "{},{} {:?}", at.x, at.y, scene.hit(at, 8.0, None));
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn a_group_is_around_its_cards() {
        check(
            &scene("groups: { g: { tasks: [b, c, gone] } }\n"),
            expect![[r#"
                g 284,-48 548x128 of [1, 2]
                one 0,200 100x80
                two 0,112 216x120
                a -> b: 216,32 to 300,32
                b -> c: 516,32 to 600,32
                c -> d: 816,32 to 900,32
                310,10 Card(1)
                610,10 Card(2)
                290,-30 Group(0)
                50,250 Note(0)
                95,275 Grip(0)
                103,283 Grip(0)
            "#]],
        );
    }

    #[test]
    fn a_group_drawn_as_one_hides_its_cards_and_takes_their_edges() {
        let mut scene = scene("groups: { g: { tasks: [b, c], collapsed: true } }\n");
        check(
            &scene,
            expect![[r#"
                g 300,0 216x64 of [1, 2]
                one 0,200 100x80
                two 0,96 216x120
                a -> b: 216,32 to 300,32
                b -> c: not seen
                c -> d: 516,32 to 900,32
                310,10 Group(0)
                610,10 Canvas
                290,-30 Canvas
                50,250 Note(0)
                95,275 Grip(0)
                103,283 Grip(0)
            "#]],
        );
        // Its box goes along with its cards.
        scene.shift(1, pt(300.0, 400.0));
        scene.shift(2, pt(600.0, 400.0));
        scene.shift_note(0, pt(8.0, 8.0));
        check(
            &scene,
            expect![[r#"
                g 300,400 216x64 of [1, 2]
                one 8,8 100x80
                two 0,96 216x120
                a -> b: 216,32 to 300,432
                b -> c: not seen
                c -> d: 516,432 to 900,32
                310,10 Canvas
                610,10 Canvas
                290,-30 Canvas
                50,250 Canvas
                95,275 Canvas
                103,283 Canvas
            "#]],
        );
    }
}
