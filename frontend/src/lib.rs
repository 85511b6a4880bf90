//! The WASM entry: the browser calls [`hydrate`] once the page is there.

use wasm_bindgen::prelude::wasm_bindgen;

/// Takes over the page that the server rendered.
#[wasm_bindgen]
pub fn hydrate() {
    // The hook and the panic messages it prints are a tenth of the code; a release build goes without.
    #[cfg(debug_assertions)]
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
