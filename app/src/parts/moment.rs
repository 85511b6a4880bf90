//! Moments and clocks. The first render knows neither the reader's time zone nor a clock; both come after it.

use flow::Timestamp;
use leptos::prelude::*;

use crate::format;

/// The server's clock as the page has it, ticking once a second after the page has come to life.
#[derive(Clone, Copy)]
pub struct Clock {
    /// The server's clock minus the browser's, in milliseconds.
    pub offset_ms: RwSignal<f64>,
    /// Now by the server's clock; none before the first tick.
    pub now: RwSignal<Option<Timestamp>>,
}

impl Clock {
    /// The page learnt what the server's clock shows.
    pub fn set(self, server_now: Timestamp) {
        #[cfg(feature = "hydrate")]
        {
            self.offset_ms
                .set(server_now.as_millis() as f64 - js_sys::Date::now());
            self.tick();
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = server_now;
    }

    #[cfg(feature = "hydrate")]
    fn tick(self) {
        let now = js_sys::Date::now() + self.offset_ms.get_untracked();
        self.now.set(Some(Timestamp::from_millis(now as i64)));
    }

    /// Now, or what the server said when it rendered.
    #[must_use]
    pub fn now_or(self, rendered: Timestamp) -> Timestamp {
        self.now.get().map_or(rendered, |now| now.max(rendered))
    }
}

/// Makes the clock and, in the browser, sets it going.
pub fn provide_clock() -> Clock {
    let clock = Clock {
        offset_ms: RwSignal::new(0.0),
        now: RwSignal::new(None),
    };
    provide_context(clock);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        clock.tick();
        if let Ok(timer) = set_interval_with_handle(move || clock.tick(), std::time::Duration::from_secs(1)) {
            on_cleanup(move || timer.clear());
        }
    });
    clock
}

/// A moment: in UTC as the server writes it, in the reader's zone and habit once the page lives.
#[component]
pub fn Moment(#[prop(into)] at: Signal<Timestamp>) -> impl IntoView {
    let local = RwSignal::new(None::<String>);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| local.set(Some(localised(at.get()))));
    view! {
        <time class="num" datetime=move || at.get().to_string() title=move || format::moment(at.get())>
            {move || local.get().unwrap_or_else(|| format::moment(at.get()))}
        </time>
    }
}

/// Today's moments as a time of day, others with their date.
#[cfg(feature = "hydrate")]
pub(crate) fn localised(at: Timestamp) -> String {
    use js_sys::{Array, Date, Intl, Object, Reflect};
    let date = Date::new(&(at.as_millis() as f64).into());
    let options = Object::new();
    let set = |key: &str, value: &str| {
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&options, &key.into(), &value.into());
    };
    if date.to_date_string() != Date::new_0().to_date_string() {
        set("dateStyle", "medium");
    }
    set("timeStyle", "medium");
    let format = Intl::DateTimeFormat::new(&Array::new(), &options);
    format
        .format()
        .call1(&wasm_bindgen::JsValue::UNDEFINED, &date)
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_else(|| format::moment(at))
}
