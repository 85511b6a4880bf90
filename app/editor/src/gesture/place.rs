//! A new task is brought from the palette: to a place of its own, or in between two others.

use super::{Act, OVER, Overlay, World};
use crate::adding::{self, Template};
use crate::geometry::{CARD_HEIGHT, CARD_WIDTH, Point, Rect, pt, snapped};

#[derive(Clone, Debug)]
pub(super) struct Place {
    template: Template,
    /// Its card's corner; none while it is not over the stage.
    pub(super) at: Option<Point>,
    over: Option<usize>,
}

impl Place {
    pub(super) fn new(template: Template) -> Self {
        Self {
            template,
            at: None,
            over: None,
        }
    }

    pub(super) fn overlay(&self) -> Overlay {
        Overlay {
            ghost: self.at.map(|at| Rect::at(at, CARD_WIDTH, CARD_HEIGHT)),
            between: self.over,
            ..Overlay::default()
        }
    }

    pub(super) fn to(&mut self, at: Point, world: World<'_>) {
        let middle = world.canvas(at);
        let is_here = world.is_on_stage(at);
        self.at = is_here.then(|| snapped(pt(middle.x - CARD_WIDTH / 2.0, middle.y - CARD_HEIGHT / 2.0)));
        self.over = world.scene.track_at(middle, OVER).filter(|_| is_here);
    }

    pub(super) fn let_go(self, world: World<'_>) -> Vec<Act> {
        let Some(at) = self.at else { return Vec::new() };
        let change = match self.over {
            Some(track) => adding::insert_on(world.scene, track, &self.template, Some(at)),
            None => adding::add(world.scene, &self.template, Some(at), None),
        };
        vec![Act::Change(change)]
    }
}
