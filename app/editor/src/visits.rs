//! The places one has been to on the canvas, and the way back and forth through them.

use crate::camera::Camera;
use crate::select::Selection;

/// So many places are remembered.
const PLACES_MAX: usize = 100;

/// A place: where one looked, and at what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// Where the camera stood.
    pub camera: Camera,
    /// What was selected.
    pub selection: Selection,
}

/// The places, in the order in which one came to them.
#[derive(Clone, Debug, Default)]
pub struct Visits {
    /// Those behind, the last one last.
    behind: Vec<Place>,
    /// Those one came back from, the nearest last.
    ahead: Vec<Place>,
}

impl Visits {
    /// One leaves this place for another by a jump: what was ahead is forgotten.
    pub fn leave(&mut self, here: Place) {
        self.ahead.clear();
        if self.behind.last() != Some(&here) {
            self.behind.push(here);
        }
        let n_more = self.behind.len().saturating_sub(PLACES_MAX);
        self.behind.drain(..n_more);
    }

    /// The way back from this place; none if there is none.
    pub fn back(&mut self, here: Place) -> Option<Place> {
        turn(&mut self.behind, &mut self.ahead, here)
    }

    /// The way forth again from this place; none if there is none.
    pub fn forth(&mut self, here: Place) -> Option<Place> {
        turn(&mut self.ahead, &mut self.behind, here)
    }
}

/// Takes the nearest place of one side that is another than this one, which then lies on the other side.
fn turn(from: &mut Vec<Place>, to: &mut Vec<Place>, here: Place) -> Option<Place> {
    let mut next = from.pop()?;
    while next == here {
        next = from.pop()?;
    }
    to.push(here);
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        Place {
            camera: Camera::default(),
            selection: Selection::one(name),
        }
    }

    /// Jumps to tasks by name, goes back with `<` and forth with `>`; answers where one is after each step.
    fn check(steps: &str, expected: &str) {
        let mut visits = Visits::default();
        let mut here = place("start");
        let mut out = Vec::new();
        for step in steps.split(' ') {
            let next = match step {
                "<" => visits.back(here.clone()),
                ">" => visits.forth(here.clone()),
                name => {
                    visits.leave(here.clone());
                    Some(place(name))
                }
            };
            match next {
                Some(next) => {
                    here = next;
                    out.push(here.selection.primary().unwrap_or_default().to_owned());
                }
                None => out.push("-".to_owned()),
            }
        }
        assert_eq!(out.join(" "), expected);
    }

    #[test]
    fn one_goes_back_and_forth() {
        check("a b < < < > > >", "a b a start - a b -");
        check("a b < c > < <", "a b a c - a start");
        check("a a < <", "a a start -");
    }

    #[test]
    fn the_oldest_places_are_forgotten() {
        let mut visits = Visits::default();
        for at in 0..PLACES_MAX + 10 {
            visits.leave(place(&format!("t{at}")));
        }
        let mut n = 0;
        let mut here = place("end");
        while let Some(before) = visits.back(here.clone()) {
            here = before;
            n += 1;
        }
        assert_eq!((n, here.selection.primary()), (PLACES_MAX, Some("t10")));
    }
}
