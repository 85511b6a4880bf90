//! Pointwork's web app: rendered on the server (feature `ssr`), hydrated in the browser (feature `hydrate`).
//!
//! - [`pages`]: what has an address · [`parts`]: what pages are made of · [`graph`]: the drawing of a flow
//! - [`timeline`], [`rows`], [`travel`], [`compare`], [`capsule`], [`values`]: what the page of a run shows, as values
//! - `board`: the first page and grids as text, made on the server only
//! - [`editor`]: flows drawn by hand · [`live`]: streams, and runs as their events make them · [`fns`]: server functions, doors to the [`backend`]
//!
//! The first render is the same on both sides: no clock, random id, locale or viewport before the page lives.

#![recursion_limit = "512"]

#[cfg(not(erase_components))]
compile_error!(
    "build with `--cfg erase_components`, as .cargo/config.toml says; RUSTFLAGS in the environment replaces that file"
);

pub mod ansi;
#[cfg(any(feature = "ssr", test))]
pub mod ask;
#[cfg(feature = "ssr")]
pub mod backend;
#[cfg(any(feature = "ssr", test))]
pub mod board;
pub mod bundles;
pub mod capsule;
#[cfg(any(feature = "ssr", test))]
pub mod compare;
pub mod editor;
pub mod error;
pub mod fns;
pub mod format;
pub mod graph;
pub mod icons;
pub mod live;
pub mod log;
pub mod look;
pub mod model;
pub mod pages;
pub mod parts;
pub mod posted;
pub mod readable;
pub mod rows;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(test)]
mod testing;
pub mod theme;
pub mod timeline;
pub mod travel;
pub mod values;

pub use error::AppError;

use std::sync::atomic::{AtomicBool, Ordering};

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

use crate::bundles::views::{
    BulkPage, ComparePage, EditPage, FlowPage, FlowsPage, HomePage, NewFlowPage, OpenPage, RunPage, RunsPage,
    VersionsPage,
};
use crate::parts::{Failure, Frame, provide_clock};
use crate::theme::Theme;

/// The whole app, from the first element of `<body>` on.
#[component]
pub fn App() -> impl IntoView {
    #[cfg(feature = "ssr")]
    fns::once::begin_page();
    provide_meta_context();
    provide_clock();
    provide_context(RwSignal::new(live::Link::default()));
    provide_context(RwSignal::new(chosen_theme()));
    posted::provide_posted();
    Effect::new(|_| IS_ALIVE.store(true, Ordering::Relaxed));
    view! {
        <Title text="Pointwork"/>
        <icons::Sprite/>
        <Router>
            <Frame>
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=HomePage/>
                    <Route path=path!("/flows") view=FlowsPage/>
                    <Route path=path!("/flows/new") view=NewFlowPage/>
                    <Route path=path!("/flows/:id") view=FlowPage/>
                    <Route path=path!("/flows/:id/edit") view=EditPage/>
                    <Route path=path!("/flows/:id/versions") view=VersionsPage/>
                    <Route path=path!("/edit") view=EditPage/>
                    <Route path=path!("/runs") view=RunsPage/>
                    <Route path=path!("/runs/compare") view=ComparePage/>
                    <Route path=path!("/runs/open") view=OpenPage/>
                    <Route path=path!("/runs/:id") view=RunPage/>
                    <Route path=path!("/bulks/:id") view=BulkPage/>
                </Routes>
            </Frame>
        </Router>
    }
}

static IS_ALIVE: AtomicBool = AtomicBool::new(false);

/// Whether the browser is taking over what the server wrote. Inert content is left as it stands then, so that it need not be
/// made a second time: laying out a graph of thousands of tasks takes a while.
pub(crate) fn is_hydrating() -> bool {
    cfg!(feature = "hydrate") && !IS_ALIVE.load(Ordering::Relaxed)
}

/// The theme the page was written in: on the server from the cookie, in the browser from what the server wrote.
fn chosen_theme() -> Theme {
    #[cfg(feature = "ssr")]
    return shell::theme();
    #[cfg(not(feature = "ssr"))]
    document()
        .document_element()
        .and_then(|root| root.get_attribute("data-theme"))
        .map_or_else(Theme::default, |key| Theme::from_key(&key))
}

/// The page for addresses that lead nowhere.
#[component]
fn NotFound() -> impl IntoView {
    let error = AppError::new(
        404,
        "not_found",
        "This address leads nowhere. The flows and runs are in the menu.",
    );
    view! {
        <Title text="Not here · Pointwork"/>
        <Failure error/>
    }
}
