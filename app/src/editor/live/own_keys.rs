//! The keys somebody has chosen, kept in this browser.

use editor::keys::Keymap;
use editor::own_keys::OwnKeys;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::desk::Desk;
use crate::parts::keys;

/// Under which name they are kept.
const NAME: &str = "editor-keys";

fn stored() -> Option<String> {
    let storage = window().local_storage().ok().flatten()?;
    storage.get_item(NAME).ok().flatten()
}

/// Reads what is kept, with or without keys that are one letter, and tells what of it was left out.
type Reader = fn(&str, bool) -> (Keymap, Vec<String>);

/// What reads them. It comes with the panels: most have chosen nothing.
#[wasm_split(panels, fallible)]
fn reader() -> Result<Reader, SplitLoaderError> {
    Ok(|text, has_singles| {
        let (own, notes) = OwnKeys::read(text);
        (own.keymap(has_singles), notes)
    })
}

/// Takes up the keys that were chosen before.
pub(super) fn begin(desk: Desk) {
    let Some(text) = stored() else { return };
    spawn_local(async move {
        match reader().await {
            Ok(read) => {
                let (keymap, notes) = read(&text, !keys::are_off());
                // The editor may be gone meanwhile.
                if desk.keymap.try_set(keymap).is_none() && !notes.is_empty() {
                    desk.note(&notes);
                }
            }
            Err(_) => desk.note(&[
                "The keys you have chosen could not be fetched; for now all have the keys they came with."
                    .to_owned(),
            ]),
        }
    });
}

/// The keys that were chosen, with what could not be read of them.
pub(super) fn chosen() -> (OwnKeys, Vec<String>) {
    stored().map_or_else(Default::default, |text| OwnKeys::read(&text))
}

/// Keeps other ones, which hold from now on. Answers whether the browser keeps them beyond this page.
pub(super) fn keep(desk: Desk, own: &OwnKeys) -> bool {
    desk.keymap.set(own.keymap(!keys::are_off()));
    let Ok(Some(storage)) = window().local_storage() else {
        return false;
    };
    match own.is_empty() {
        true => storage.remove_item(NAME).is_ok(),
        false => storage.set_item(NAME, &own.write()).is_ok(),
    }
}
