//! The seams of what stands beside the canvas: its code comes later, in one part.

use editor::widths::Panel;
use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::before::Before;
use super::chooser::Chooser;
use super::drawer::DrawerPart;
use super::edges::Edge;
use super::last::{LastRun, Pinned};
use super::later::Part;
use super::menu::Menu;
use super::others::Others;
use super::outline::Outline;
use super::sheet::Sheet;
use super::text::TextPanel;
use super::work;

/// The list of tasks.
#[wasm_split(panels, fallible)]
pub(super) fn outline() -> Result<Part, SplitLoaderError> {
    Ok(|desk| {
        (move || {
            desk.outline
                .get()
                .then(|| view! { <Outline desk/> <Edge panel=Panel::List/> })
        })
        .into_any()
    })
}

#[wasm_split(panels, fallible)]
pub(super) fn text_panel() -> Result<Part, SplitLoaderError> {
    Ok(|desk| {
        (move || {
            desk.text
                .get()
                .then(|| view! { <Edge panel=Panel::Text/> <TextPanel desk/> })
        })
        .into_any()
    })
}

#[wasm_split(panels, fallible)]
pub(super) fn problems() -> Result<Part, SplitLoaderError> {
    Ok(|desk| view! { <DrawerPart desk/> }.into_any())
}

/// The list that something is chosen from.
#[wasm_split(panels, fallible)]
pub(super) fn chooser() -> Result<Part, SplitLoaderError> {
    Ok(|desk| view! { <Chooser desk/> }.into_any())
}

/// What the selected task may read of those before it.
#[wasm_split(panels, fallible)]
pub(super) fn before_it() -> Result<Part, SplitLoaderError> {
    Ok(|desk| view! { <Before desk/> }.into_any())
}

/// The inspector of what is no task.
#[wasm_split(panels, fallible)]
pub(super) fn others() -> Result<Part, SplitLoaderError> {
    Ok(|desk| view! { <Others desk/> }.into_any())
}

/// What the selected task did last.
#[wasm_split(panels, fallible)]
pub(super) fn last_run() -> Result<Part, SplitLoaderError> {
    Ok(|desk| view! { <LastRun desk/> }.into_any())
}

/// What its output is pinned to.
#[wasm_split(panels, fallible)]
pub(super) fn pinned() -> Result<Part, SplitLoaderError> {
    Ok(|desk| view! { <Pinned desk/> }.into_any())
}

/// What is said of drafts above the canvas.
#[wasm_split(panels, fallible)]
pub(super) fn notices() -> Result<Part, SplitLoaderError> {
    Ok(|desk| view! { <work::Offer desk/> <work::Discarded desk/> <work::Others desk/> }.into_any())
}

/// The menu at the pointer, and the list of all keys.
#[wasm_split(panels, fallible)]
pub(super) fn floats() -> Result<Part, SplitLoaderError> {
    Ok(|desk| view! { <Menu desk/> <Sheet desk/> }.into_any())
}
