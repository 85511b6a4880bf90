//! The system's clipboard, as a page is let use it.

use js_sys::{Function, Promise, Reflect};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// The clipboard, where a page may have one: only where it came over a safe way.
fn system() -> Option<JsValue> {
    let clipboard = Reflect::get(&window().navigator(), &"clipboard".into()).ok()?;
    clipboard.is_object().then_some(clipboard)
}

async fn call(name: &str, argument: Option<&str>) -> Option<JsValue> {
    let clipboard = system()?;
    let method: Function = Reflect::get(&clipboard, &name.into()).ok()?.dyn_into().ok()?;
    let promise = match argument {
        Some(text) => method.call1(&clipboard, &text.into()),
        None => method.call0(&clipboard),
    };
    let promise: Promise = promise.ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()
}

/// The text it holds, if the browser lets the page read it.
#[cfg(feature = "editor")]
pub(crate) async fn read() -> Option<String> {
    call("readText", None).await?.as_string()
}

/// Puts a text into it; whether it is there now.
pub(crate) async fn put(text: &str) -> bool {
    call("writeText", Some(text)).await.is_some() || put_by_hand(text).is_some()
}

/// The old way, which works where the other is not allowed: what is selected in a field is copied.
fn put_by_hand(text: &str) -> Option<()> {
    let document = document();
    let before = document.active_element();
    let area: web_sys::HtmlTextAreaElement = document.create_element("textarea").ok()?.dyn_into().ok()?;
    area.set_value(text);
    area.set_class_name("sr");
    document.body()?.append_child(&area).ok()?;
    area.select();
    let copies: Function = Reflect::get(&document, &"execCommand".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let done = copies.call1(&document, &"copy".into()).ok();
    area.remove();
    if let Some(before) = before.and_then(|before| before.dyn_into::<web_sys::HtmlElement>().ok()) {
        // An element that is gone takes no focus, which does no harm.
        let _ = before.focus();
    }
    done.filter(|done| done.as_bool() == Some(true)).map(|_| ())
}
