//! A new task is brought from the palette: to a place of its own, into a group or frame, or in between two others.

use super::home::{Home, Homes};
use super::{Act, OVER, Overlay, World};
use crate::adding::{self, Template};
use crate::change::Change;
use crate::drawn::Drawn;
use crate::geometry::{CARD_HEIGHT, CARD_WIDTH, Point, Rect, pt, snapped};
use crate::model::Section;
use crate::scene::Scene;

#[derive(Clone, Debug)]
pub(super) struct Place {
    template: Template,
    /// Its card's corner; none while it is not over the stage.
    pub(super) at: Option<Point>,
    over: Option<usize>,
    /// The pointer, on the canvas.
    middle: Point,
    /// When it would run.
    section: Section,
    home: Home,
}

impl Place {
    pub(super) fn new(template: Template) -> Self {
        Self {
            template,
            at: None,
            over: None,
            middle: pt(0.0, 0.0),
            section: Section::Tasks,
            home: Home::Same,
        }
    }

    pub(super) fn overlay(&self, scene: &Scene) -> Overlay {
        let is_apart = self.section != Section::Tasks && self.over.is_none();
        let words = match is_apart {
            true => Some(self.section.words().to_owned()),
            false => self.home.words(scene).map(|(words, _)| words),
        };
        Overlay {
            ghost: self.at.map(|at| Rect::at(at, CARD_WIDTH, CARD_HEIGHT)),
            ghost_type: self.at.map(|_| self.template.task_type.clone()),
            between: self.over,
            group: self.home.group(),
            verdict: words.is_some().then_some(true),
            tip: words.is_some().then_some(self.middle),
            reason: words,
            ..Overlay::default()
        }
    }

    pub(super) fn to(&mut self, at: Point, world: World<'_>) {
        let middle = world.canvas(at);
        let is_here = world.is_on_stage(at);
        self.middle = middle;
        self.at = is_here.then(|| snapped(pt(middle.x - CARD_WIDTH / 2.0, middle.y - CARD_HEIGHT / 2.0)));
        self.over = world.scene.track_at(middle, OVER).filter(|_| is_here);
        self.section = Section::Tasks;
        self.home = Home::Same;
        if is_here {
            self.section = world.scene.section_at(middle);
            self.home = Homes::new(world.scene).new_at(world.scene, middle);
        }
    }

    pub(super) fn let_go(self, world: World<'_>) -> Vec<Act> {
        let Some(at) = self.at else { return Vec::new() };
        let scene = world.scene;
        let at = match self.home.inside(scene, at) {
            Some(by) => pt(at.x + by.x, at.y + by.y),
            None => at,
        };
        let change = match self.over {
            Some(track) => adding::insert_on(scene, track, &self.template, Some(at)),
            None => adding::add_in(scene, &self.template, Some(at), None, self.section),
        };
        let Some(group) = self.home.group().map(|group| &scene.groups[group].group) else {
            return vec![Act::Change(change)];
        };
        // The card is not there yet: it is told by the id that it gets.
        let id = adding::free_id(scene, &self.template.task_type);
        let drawn = Drawn {
            groups: vec![group.clone()],
            notes: Vec::new(),
        };
        let label = format!("Add {id} to {}", group.title);
        let put = drawn.put_in(&[id], Some(&group.id));
        let all = std::iter::once(change).chain(put).collect();
        vec![Act::ChangeAs(label, Change::All(all))]
    }
}
