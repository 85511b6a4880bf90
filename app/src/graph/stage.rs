//! The stage a drawing stands on. The server writes the drawing; the browser moves the camera, follows the keyboard and sets
//! states on single cards and tracks. A drawing that fits is never built again; of a large one only what is in sight is there.

use std::sync::Arc;

use leptos::html::Div;
use leptos::prelude::*;

use super::ink::Ink;
use crate::icons::Icon;

/// A drawing that can be moved, once the page lives. `on_select` is told the card that was clicked.
#[component]
pub fn Stage(
    /// The drawing.
    svg: String,
    /// What it shows, for what comes into sight later.
    ink: Arc<dyn Ink>,
    /// What can be done to it later.
    #[prop(optional)]
    handle: Option<Handle>,
    /// The card that is open.
    #[prop(into)]
    selected: Signal<Option<usize>>,
    /// The reader chose another card.
    on_select: Callback<usize>,
) -> impl IntoView {
    let handle = handle.unwrap_or_default();
    let stage = NodeRef::<Div>::new();
    let is_live = RwSignal::new(false);
    let percent = RwSignal::new(100);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if let Some(stage) = stage.get() {
            let live = Live::new(stage, percent, on_select, Arc::clone(&ink));
            handle.0.set_value(Some(live));
            is_live.set(true);
        }
    });
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        is_live.track();
        let selected = selected.get();
        handle.with(|live| live.select(selected));
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (selected, on_select, ink);
    view! {
        <div class="stage-box grow">
            <div class="stage" node_ref=stage inner_html=svg tabindex="-1"></div>
            <div class="zoomer" role="group" aria-label="Zoom" hidden=move || !is_live.get()>
                <button type="button" class="button quiet square" title="Smaller" aria-label="Smaller" on:click=move |_| handle.zoom(0.8)>
                    <Icon name="u-minus"/>
                </button>
                <button
                    type="button"
                    class="button quiet small num"
                    title="Actual size (3)"
                    aria-label="Actual size"
                    on:click=move |_| handle.zoom(f64::NAN)
                >
                    {move || format!("{} %", percent.get())}
                </button>
                <button type="button" class="button quiet square" title="Larger" aria-label="Larger" on:click=move |_| handle.zoom(1.25)>
                    <Icon name="u-plus"/>
                </button>
                <button type="button" class="button quiet square" title="Fit" aria-label="Fit" on:click=move |_| handle.fit()>
                    <Icon name="u-fit"/>
                </button>
            </div>
        </div>
    }
}

/// A living stage, for whoever knows what its cards show. Copies refer to the same stage; before the page lives nothing
/// happens.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "hydrate"), derive(Default))]
pub struct Handle(
    #[cfg(feature = "hydrate")] StoredValue<Option<std::rc::Rc<Live>>, LocalStorage>,
    #[cfg(not(feature = "hydrate"))] (),
);

#[cfg(feature = "hydrate")]
impl Default for Handle {
    fn default() -> Self {
        Self(StoredValue::new_local(None))
    }
}

#[cfg(feature = "hydrate")]
impl Handle {
    /// Does something with the stage.
    pub fn with(self, act: impl FnOnce(&Live)) {
        // The stage is let go of first: what is done to it may come back here.
        let live = self.0.try_with_value(Clone::clone).flatten();
        if let Some(live) = live {
            act(&live);
        }
    }

    fn zoom(self, factor: f64) {
        self.with(|live| live.zoom(factor));
    }

    fn fit(self) {
        self.with(Live::fit);
    }
}

#[cfg(not(feature = "hydrate"))]
impl Handle {
    #[expect(clippy::unused_self, reason = "the browser's build uses it")]
    fn zoom(self, _factor: f64) {}

    #[expect(clippy::unused_self, reason = "the browser's build uses it")]
    fn fit(self) {}
}

#[cfg(feature = "hydrate")]
pub use browser::Live;

#[cfg(feature = "hydrate")]
#[path = "browser.rs"]
mod browser;
