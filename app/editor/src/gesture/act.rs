//! What a gesture says: what is to be done, and what is to be drawn meanwhile.

use super::connect::Lead;
use crate::adding::{self, Template};
use crate::camera::Camera;
use crate::change::Change;
use crate::geometry::{Point, Port, Rect};
use crate::legal::Fixed;
use crate::model::{Edge, Section};
use crate::scene::{Hit, Scene};
use crate::select::Selection;
use crate::wires::Wire;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The camera stands elsewhere.
    Camera(Camera),
    /// Something else is selected.
    Select(Selection),
    /// Cards are shown elsewhere for now: [`Scene::shift`].
    Shift(Vec<(usize, Point)>),
    /// A note is shown elsewhere for now: [`Scene::shift_note`].
    ShiftNote(usize, Point),
    /// A note is shown larger or smaller for now, with this width and height: [`Scene::size_note`].
    SizeNote(usize, Point),
    /// What was shown for now is not so: the scene is as the document says.
    Settle,
    /// The document changes.
    Change(Change),
    /// The document changes, under a name of its own.
    ChangeAs(String, Change),
    /// A card is opened.
    Open(usize),
    /// The note or group that is selected is opened.
    OpenSelected,
    /// A task type is to be chosen.
    Pick(Pick),
    /// A task of a group is to be chosen.
    Choose(Choose),
    /// A menu is shown.
    Menu {
        /// Where, on the stage.
        at: Point,
        /// For what.
        hit: Hit,
    },
    /// To be said to those who do not see it.
    Say(String),
}

/// What a chosen task type is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Pick {
    /// Where to show the list, on the stage.
    pub at: Point,
    /// Where the new card's upper left corner is to be, on the canvas.
    pub place: Point,
    /// What it is to be connected to.
    pub from: Option<(usize, Port)>,
    /// What it is to lead to: the edge was drawn backwards.
    pub into: Option<usize>,
    /// The edge it comes between.
    pub on: Option<usize>,
    /// When it runs. What it is connected to is of the same section.
    pub section: Section,
}

impl Pick {
    /// The same for a task that runs at another time: with those that do, or below everything if none does yet.
    #[must_use]
    pub fn in_section(self, scene: &Scene, section: Section) -> Self {
        if section == self.section {
            return self;
        }
        Self {
            place: adding::place_in(scene, section),
            from: None,
            into: None,
            on: None,
            section,
            ..self
        }
    }

    /// Whether a task of a type does what is asked for: one that always fails leads nowhere on success.
    #[must_use]
    pub fn suits(&self, task_type: &str) -> bool {
        (self.into.is_none() && self.on.is_none()) || task_type != "fail"
    }

    /// The change that a chosen type makes.
    #[must_use]
    pub fn change(&self, scene: &Scene, template: &Template) -> Change {
        match self.on.filter(|track| *track < scene.tracks.len()) {
            Some(track) => adding::insert_on(scene, track, template, None),
            None if let Some(card) = self.into.filter(|card| *card < scene.cards.len()) => {
                adding::lead(scene, template, self.place, card)
            }
            None => {
                let from = self.from.as_ref().filter(|(card, _)| *card < scene.cards.len());
                let from = from.map(|(card, port)| (*card, port));
                adding::add_in(scene, template, Some(self.place), from, self.section)
            }
        }
    }
}

/// An edge is let go over a group that is drawn as one box: which of its tasks is meant has to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Choose {
    /// Where to show the list, on the stage.
    pub at: Point,
    /// The group's id.
    pub group: String,
    /// Whether the edge leads to the chosen task; else it comes from it.
    pub is_target: bool,
    /// What the edge says, with the end that is fixed.
    pub(super) like: Edge,
    /// The edge that is led elsewhere, if it is not a new one.
    pub(super) old: Option<Edge>,
}

impl Choose {
    /// What is led, as far as it is still there.
    fn lead(&self, scene: &Scene) -> Option<Lead> {
        let fixed = match self.is_target {
            true => Fixed::From(scene.number(&self.like.from)?),
            false => Fixed::To(scene.number(&self.like.to)?),
        };
        let track = match &self.old {
            Some(old) => Some(scene.track(old)?),
            None => None,
        };
        Some(Lead::new(scene, fixed, self.like.clone(), track))
    }

    /// The tasks that may be chosen, by the numbers of their cards.
    #[must_use]
    pub fn cards(&self, scene: &Scene) -> Vec<usize> {
        let group = scene.group(&self.group);
        let members = group.map_or(&[][..], |group| &group.members);
        let lead = self.lead(scene);
        lead.map_or_else(Vec::new, |lead| lead.legal_of(scene, members))
    }

    /// The change that a chosen task makes; none if it may not be chosen any more.
    #[must_use]
    pub fn change(&self, scene: &Scene, task: &str) -> Option<Change> {
        self.lead(scene)?.change(scene, scene.number(task)?)
    }
}

/// What is drawn over the canvas while a gesture is under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlay {
    /// What the pointer is over, if nothing is under way.
    pub hover: Option<Hit>,
    /// The edge that is being drawn.
    pub wire: Option<Wire>,
    /// Whether it may be drawn to where it is.
    pub verdict: Option<bool>,
    /// Why not, or what it would do.
    pub reason: Option<String>,
    /// Where that is said, on the canvas; at the end of the edge if nowhere else.
    pub tip: Option<Point>,
    /// The card it is drawn to.
    pub target: Option<usize>,
    /// The group drawn as one box that it is drawn to, or any that cards would come into.
    pub group: Option<usize>,
    /// The cards it may be drawn to; none if no edge is being drawn.
    pub targets: Option<Vec<usize>>,
    /// The edges of the circle it would close.
    pub cycle: Vec<usize>,
    /// The edge that goes if this ends well.
    pub leaving: Option<usize>,
    /// What is being selected, and whether only as a whole.
    pub marquee: Option<(Rect, bool)>,
    /// Lines along which cards stand.
    pub guides: Vec<(Point, Point)>,
    /// A card that is not there yet.
    pub ghost: Option<Rect>,
    /// The type of the task it would be.
    pub ghost_type: Option<String>,
    /// The edge that something would come in between.
    pub between: Option<usize>,
}
