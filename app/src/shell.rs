//! The HTML document around the app, and the script that brings the page to life.
//!
//! Leptos' own `HydrationScripts` looks for files beside the executable; here the site is inside the
//! binary, so the server names the files in [`SiteAssets`] and the document loads them by those names.

use std::collections::BTreeMap;

use crate::App;
use crate::bundles::Bundle;
use crate::theme::Theme;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, COOKIE, HeaderValue};
use axum::http::request::Parts;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::MetaTags;

/// The addresses of the built site, from its `manifest.json`. They contain a hash of the content, so
/// a browser may keep what it got for ever.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct SiteAssets {
    /// The app in parts, by the names of [`Bundle`]s.
    pub bundles: BTreeMap<String, BundleAssets>,
}

/// The addresses of one part of the app.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct BundleAssets {
    /// What its pages look like.
    pub css: String,
    /// The JavaScript module that loads the WASM.
    pub js: String,
    /// The code itself.
    pub wasm: String,
}

/// Loads the app and takes the page over. The WASM is asked for beside the JavaScript and at low priority:
/// the page can be read and its forms work before it is there. `data-live` tells styles and tests that
/// it is. Who has gone back meanwhile, to a page that is of this document for the browser, gets that page: taken over as it is, it
/// would be another one than its address says.
const START: &str = r#"
const at = location.pathname + location.search;
const wasm = fetch("{wasm}", { priority: "low" });
const app = await import("{js}");
await app.default({ module_or_path: wasm });
if (at === location.pathname + location.search) {
  app.hydrate();
  document.documentElement.dataset.live = "";
} else {
  location.reload();
}
"#;

/// The document, rendered once per request. Without [`SiteAssets`] in the context (no site was built) it
/// is the bare page without style and script.
pub fn shell() -> impl IntoView {
    restrict_sources();
    let assets = use_context::<SiteAssets>();
    let theme = theme();
    let data_theme = (theme != Theme::System).then(|| theme.key());
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=data_theme>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                {assets.map(|assets| view! { <Assets assets/> })}
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

#[component]
fn Assets(assets: SiteAssets) -> impl IntoView {
    let path = use_context::<Parts>().map_or_else(String::new, |parts| parts.uri.path().to_owned());
    let mut bundles = assets.bundles;
    let own = bundles.remove(Bundle::of(&path).key());
    let BundleAssets { css, js, wasm } = own?;
    let start = START.replace("{js}", &js).replace("{wasm}", &wasm);
    Some(view! {
        <link rel="stylesheet" href=css/>
        <link
            rel="preload"
            href="/fonts/hanken-grotesk.woff2"
            r#as="font"
            r#type="font/woff2"
            crossorigin=""
        />
        <link rel="modulepreload" href=js/>
        <script type="module" nonce=use_nonce() inner_html=start></script>
    })
}

/// Tells the browser to load from this server only, and to run no script that the server did not write
/// for this very response.
fn restrict_sources() {
    let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce()) else {
        return;
    };
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'nonce-{nonce}'; style-src 'self'; \
         style-src-attr 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(CONTENT_SECURITY_POLICY, policy);
    }
}

/// Gives the response a status, for pages of things that are not there or cannot be shown.
pub fn set_status(status: u16) {
    if let (Some(response), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
        response.set_status(status);
    }
}

/// The theme that the request's cookie asks for.
pub(crate) fn theme() -> Theme {
    use_context::<Parts>()
        .and_then(|parts| {
            let cookies = parts
                .headers
                .get_all(COOKIE)
                .iter()
                .filter_map(|value| value.to_str().ok());
            cookies
                .map(Theme::from_cookies)
                .find(|theme| *theme != Theme::System)
        })
        .unwrap_or_default()
}
