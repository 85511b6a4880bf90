//! Which tab has the connection: the one with the lock, of those that are looked at.

use std::rc::Weak;

use leptos::prelude::{document, window};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::{Callback, Change, GATHER_MS, HIDDEN_MS, Hub, NAME, Role, now};
use crate::live::Link;
use crate::live::board::Board;

impl Hub {
    pub(super) fn visibility_changed(&self) {
        if let Some(sleeper) = self.sleeper.take() {
            sleeper.clear();
        }
        if document().hidden() {
            self.sleeper.set(self.later(HIDDEN_MS, Self::sleep));
        } else {
            self.wake();
        }
    }

    pub(super) fn sleep(&self) {
        let before = self.role.replace(Role::Sleeps);
        self.disconnect();
        self.say(Link::Asleep);
        match before {
            Role::Leads => *self.board.borrow_mut() = Board::default(),
            Role::Follows => self.post(&format!("want\n{}", self.tab)),
            Role::Sleeps => {}
        }
        if let Some(release) = self.release.borrow_mut().take() {
            // Resolving a promise does not throw.
            let _ = release.call0(&JsValue::NULL);
        }
    }

    pub(super) fn wake(&self) {
        if self.role.get() != Role::Sleeps {
            return;
        }
        self.tries.set(0);
        self.broken_at.set(0.0);
        self.heard_at.set(now());
        self.role.set(Role::Follows);
        self.say(Link::Connecting);
        self.ask_for_lock();
        self.begin_anew();
    }

    /// Becomes the one with the connection as soon as no other tab is; at once where tabs cannot agree on that.
    pub(super) fn ask_for_lock(&self) {
        if self.has_asked_for_lock.get() {
            return;
        }
        let asked = locks().filter(|_| self.channel.is_some()).and_then(|locks| {
            let request = js_sys::Reflect::get(&locks, &"request".into()).ok()?;
            let request: js_sys::Function = request.dyn_into().ok()?;
            let me = Weak::clone(&self.me);
            let granted: Callback = Closure::new(move |_| match me.upgrade() {
                Some(hub) => hub.granted(),
                None => JsValue::UNDEFINED,
            });
            let asked = request.call2(&locks, &NAME.into(), granted.as_ref()).ok();
            self.kept.borrow_mut().push(granted);
            asked
        });
        match asked {
            Some(_) => self.has_asked_for_lock.set(true),
            None => self.role.set(Role::Leads),
        }
    }

    /// The lock is this tab's: until the promise that is answered here is kept, or the tab closes.
    fn granted(&self) -> JsValue {
        self.has_asked_for_lock.set(false);
        if self.role.get() == Role::Sleeps {
            return JsValue::UNDEFINED;
        }
        let held = js_sys::Promise::new(&mut |resolve, _| {
            *self.release.borrow_mut() = Some(resolve);
        });
        self.role.set(Role::Leads);
        self.post("who");
        // The others say first where they stand, or what is told from here on would leave out what some have not heard.
        self.due.set(Change::Now);
        self.set_timer(GATHER_MS);
        self.begin_anew();
        held.into()
    }
}

/// The browser's locks, if this page may use them.
pub(super) fn locks() -> Option<JsValue> {
    let locks = js_sys::Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    locks.is_object().then_some(locks)
}
