//! How somebody likes the editor, kept in the browser.

use editor::fuzzy::Recent;
use leptos::prelude::*;

use super::desk::Desk;

/// Where it is kept that the wheel zooms.
const WHEEL: &str = "editor-wheel-zooms";

/// What was chosen lately, of each kind.
#[derive(Clone, Copy)]
pub(super) enum Lately {
    /// Commands.
    Commands,
    /// Types of tasks.
    Types,
}

impl Lately {
    const fn key(self) -> &'static str {
        match self {
            Self::Commands => "editor-recent-commands",
            Self::Types => "editor-recent-types",
        }
    }

    /// What was chosen lately.
    pub(super) fn read(self) -> Recent {
        let text = storage().and_then(|storage| storage.get_item(self.key()).ok().flatten());
        Recent::read(&text.unwrap_or_default())
    }

    /// This was chosen.
    pub(super) fn used(self, id: &str) {
        if let Some(storage) = storage() {
            // A browser that keeps nothing forgets it with the page.
            let _ = storage.set_item(self.key(), &self.read().with(id).text());
        }
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// Whether the wheel zooms, and moves the canvas with Ctrl; else the other way round.
pub(super) fn wheel_zooms() -> bool {
    storage().is_some_and(|storage| matches!(storage.get_item(WHEEL), Ok(Some(_))))
}

impl Desk {
    /// The wheel zooms from now on, or moves the canvas.
    pub(super) fn swap_wheel(self, zooms: bool) {
        if let Some(storage) = storage() {
            // A browser that keeps nothing forgets it with the page.
            let _ = match zooms {
                true => storage.set_item(WHEEL, ""),
                false => storage.remove_item(WHEEL),
            };
        }
        self.work().wheel_zooms.set(zooms);
        self.stage(|stage| stage.set_wheel(zooms));
        self.tell(match zooms {
            true => "The wheel zooms; with Ctrl it moves the canvas.".to_owned(),
            false => "The wheel moves the canvas; with Ctrl it zooms.".to_owned(),
        });
    }
}
