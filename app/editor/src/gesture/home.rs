//! Into which group cards are let go, or out of which. A group's frame goes along with its cards, so what counts is where it was when they
//! were taken up.

use crate::adding::free_place;
use crate::boxes::GroupBox;
use crate::change::Change;
use crate::drawn::Drawn;
use crate::geometry::{CARD_HEIGHT, Point, Rect, pt};
use crate::scene::Scene;

/// What letting go means for the cards in the hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Home {
    /// They stay where they belong.
    #[default]
    Same,
    /// They come into this group.
    Into(usize),
    /// They leave this group.
    Out(usize),
    /// They stay in this group although they are far from where it was: its frame comes along.
    Kept(usize),
}

/// The frames of all groups as they were.
#[derive(Clone, Debug, Default)]
pub(super) struct Homes {
    frames: Vec<Rect>,
}

impl Homes {
    pub(super) fn new(scene: &Scene) -> Self {
        Self {
            frames: scene.groups.iter().map(|group| group.rect).collect(),
        }
    }

    /// What letting these cards go at a place means. With Alt they come into no group, and leave theirs if that is elsewhere.
    pub(super) fn at(&self, scene: &Scene, cards: &[usize], at: Point, is_alone: bool) -> Home {
        let is_in = |group: usize| self.frames.get(group).is_some_and(|frame| frame.has(at));
        let left = cards
            .iter()
            .filter_map(|card| scene.cards[*card].group)
            .find(|group| !is_in(*group));
        if is_alone {
            return left.map_or(Home::Same, Home::Out);
        }
        let is_new = |group: &GroupBox| {
            let has_others = group.members.iter().any(|member| !cards.contains(member));
            has_others && cards.iter().any(|card| !group.members.contains(card))
        };
        let into = (0..scene.groups.len()).rfind(|group| is_in(*group) && is_new(&scene.groups[*group]));
        match (into, left) {
            (Some(group), _) => Home::Into(group),
            (None, Some(group)) if !scene.groups[group].group.is_collapsed => Home::Kept(group),
            _ => Home::Same,
        }
    }
}

impl Homes {
    /// What letting a new card go at a place means.
    pub(super) fn new_at(&self, scene: &Scene, at: Point) -> Home {
        let is_there =
            |group: &usize| self.frames[*group].has(at) && !scene.groups[*group].members.is_empty();
        let into = (0..scene.groups.len()).rfind(is_there);
        into.map_or(Home::Same, Home::Into)
    }
}

impl Home {
    /// What is said beside the pointer, and whether anything comes of it.
    pub(super) fn words(self, scene: &Scene) -> Option<(String, bool)> {
        let title = |group: usize| &scene.groups[group].group.title;
        Some(match self {
            Self::Same => return None,
            Self::Into(group) => (format!("Put into “{}”", title(group)), true),
            Self::Out(group) => (format!("Take out of “{}”", title(group)), true),
            Self::Kept(group) => (
                format!("Stays in “{}”. With Alt it leaves the group.", title(group)),
                false,
            ),
        })
    }

    /// The group that is marked.
    pub(super) fn group(self) -> Option<usize> {
        match self {
            Self::Into(group) => Some(group),
            _ => None,
        }
    }

    /// What becomes of groups, under its name; none if nothing does.
    pub(super) fn change(self, scene: &Scene, cards: &[usize]) -> Option<(String, Change)> {
        let drawn = drawn(scene);
        let id = |card: &usize| scene.cards[*card].id.clone();
        let (tasks, to) = match self {
            Self::Into(group) => (
                cards.iter().map(id).collect::<Vec<_>>(),
                Some(scene.groups[group].group.id.as_str()),
            ),
            Self::Out(group) => {
                let members = cards
                    .iter()
                    .filter(|card| scene.cards[**card].group == Some(group));
                (members.map(id).collect(), None)
            }
            Self::Same | Self::Kept(_) => return None,
        };
        Some((drawn.put_words(&tasks, to), drawn.put_in(&tasks, to)?))
    }

    /// Where cards stand that are let go on a group drawn as one box, from the first on: below its own, or they would lie on them when it is
    /// opened. None if they stay where they were let go.
    pub(super) fn inside(self, scene: &Scene, from: Point) -> Option<Point> {
        let group = &scene.groups[self.group()?];
        if !group.group.is_collapsed {
            return None;
        }
        let members = group.members.iter().map(|card| scene.cards[*card].rect);
        let around = Rect::around(members)?;
        let below = free_place(scene, pt(around.x, around.bottom() + CARD_HEIGHT / 2.0));
        Some(pt(below.x - from.x, below.y - from.y))
    }
}

/// The groups as the document has them.
fn drawn(scene: &Scene) -> Drawn {
    Drawn {
        groups: scene.groups.iter().map(|group| group.group.clone()).collect(),
        notes: Vec::new(),
    }
}
