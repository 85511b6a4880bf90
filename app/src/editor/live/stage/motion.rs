//! Where the stage looks by itself, and what moves on it: cards that glide to where they are put, and the one that was jumped to.

use editor::camera::Camera;
use editor::scene::Places;
use leptos::prelude::*;

use super::Stage;
use crate::editor::live::cards::element_id;

/// How long cards glide, in milliseconds, and how many do at most.
const GLIDE_MS: f64 = 180.0;
const GLIDING_MAX: usize = 400;

impl Stage {
    /// The task that the address names; else everything if that can be read, else the beginning at a size that can.
    pub(super) fn first_sight(&self) {
        if let Some(id) = self.desk.primary() {
            self.look(Camera::default());
            return self.show(&id, true);
        }
        let camera = self
            .desk
            .with(|session| Camera::first(&session.scene, self.size.get()));
        self.look(camera);
    }

    /// After a step back what there is may be far away: then all of it is shown.
    pub(in crate::editor::live) fn find_back(&self) {
        let (camera, size) = (self.camera.get(), self.size.get());
        if self.desk.with(|session| camera.is_lost(&session.scene, size)) {
            self.fit(None);
        }
    }

    /// The wheel zooms, or moves the canvas.
    pub(in crate::editor::live) fn set_wheel(&self, zooms: bool) {
        self.gesture.borrow_mut().habits.wheel_zooms = zooms;
    }

    /// Cards glide from where they were to where they are, unless somebody likes it still, or they are too many.
    pub(in crate::editor::live) fn glide(&self, before: Places) {
        let still = window()
            .match_media("(prefers-reduced-motion: reduce)")
            .ok()
            .flatten();
        if still.is_some_and(|still| still.matches()) || before.len() > GLIDING_MAX {
            return;
        }
        self.gliding.replace(Some((before, None)));
        self.stale();
    }

    /// The card one has jumped to shows itself.
    pub(in crate::editor::live) fn pulse(&self, id: &str) {
        const PULSE: &str = "data-pulse";
        let id = element_id(id);
        // It is in the page with the next frame.
        let show = move || {
            let Some(card) = document().get_element_by_id(&id) else {
                return;
            };
            let _ = card.set_attribute(PULSE, "");
            let hide = move || drop(card.remove_attribute(PULSE));
            set_timeout(hide, std::time::Duration::from_millis(900));
        };
        set_timeout(show, std::time::Duration::from_millis(50));
    }

    /// How far cards have glided, as a share; none if they do not.
    pub(super) fn on_way(&self, now: f64) -> Option<f64> {
        let start = match &mut *self.gliding.borrow_mut() {
            None => return None,
            Some((_, start)) => *start.get_or_insert(now),
        };
        let part = (now - start) / GLIDE_MS;
        self.cards.borrow_mut().stale();
        // The last frame shows them where they are.
        self.refresh();
        if part >= 1.0 {
            self.gliding.replace(None);
            return None;
        }
        Some(part)
    }
}
