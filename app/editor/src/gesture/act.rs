//! What a gesture says: what is to be done, and what is to be drawn meanwhile.

use crate::adding::{self, Template};
use crate::camera::Camera;
use crate::change::Change;
use crate::geometry::{Point, Port, Rect};
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
    /// What was shown for now is not so: the scene is as the document says.
    Settle,
    /// The document changes.
    Change(Change),
    /// A card is opened.
    Open(usize),
    /// The note or group that is selected is opened.
    OpenSelected,
    /// A task type is to be chosen.
    Pick(Pick),
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
    /// The edge it comes between.
    pub on: Option<usize>,
}

impl Pick {
    /// The change that a chosen type makes.
    #[must_use]
    pub fn change(&self, scene: &Scene, template: &Template) -> Change {
        match self.on.filter(|track| *track < scene.tracks.len()) {
            Some(track) => adding::insert_on(scene, track, template, None),
            None => {
                let from = self.from.as_ref().filter(|(card, _)| *card < scene.cards.len());
                let from = from.map(|(card, port)| (*card, port));
                adding::add(scene, template, Some(self.place), from)
            }
        }
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
    /// The card it is drawn to.
    pub target: Option<usize>,
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
    /// The edge that something would come in between.
    pub between: Option<usize>,
}
