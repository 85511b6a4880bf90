//! The way to pages of another bundle.

use std::time::Duration;

use leptos::logging::warn;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// A page whose code is in another bundle: it is loaded from the server.
#[component]
pub fn OtherBundle() -> impl IntoView {
    let at = use_location();
    let part = |mark: &str, text: String| {
        if text.is_empty() {
            text
        } else {
            format!("{mark}{text}")
        }
    };
    let address = format!(
        "{}{}{}",
        at.pathname.get_untracked(),
        part("?", at.search.get_untracked().trim_start_matches('?').to_owned()),
        part("#", at.hash.get_untracked().trim_start_matches('#').to_owned()),
    );
    let wait = StoredValue::new(None);
    Effect::new(move |_| load(wait, address.clone(), here(), WAITS_MAX));
    // Who has gone elsewhere meanwhile is not brought here.
    on_cleanup(move || {
        wait.try_update_value(|wait: &mut Option<TimeoutHandle>| wait.take().map(|wait| wait.clear()));
    });
}

/// How often it is looked whether the router has put the page's address into the bar.
const WAITS_MAX: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// What stands in the bar, from the path on.
fn here() -> String {
    let location = window().location();
    let parts = [location.pathname(), location.search(), location.hash()];
    parts.map(Result::unwrap_or_default).concat()
}

/// Loads a page once its address has replaced the one before in the bar: until then a reload would bring the page one comes from, and
/// loading the address itself would make the way back two steps. A router that never puts it there is not waited for.
fn load(wait: StoredValue<Option<TimeoutHandle>>, address: String, before: String, n_waits: u32) {
    let location = window().location();
    let now = here();
    let loaded = if now == address || now != before {
        location.reload()
    } else if n_waits == 0 {
        location.assign(&address)
    } else {
        let again = move || load(wait, address, before, n_waits - 1);
        let handle = set_timeout_with_handle(again, PAUSE).ok();
        wait.try_set_value(handle);
        return;
    };
    if let Err(error) = loaded {
        warn!("The page cannot be loaded: {error:?}");
    }
}
