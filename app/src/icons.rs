//! The icon set: one sprite of symbols that stands in every page, and the element that shows one of them.
//!
//! `s-…` are the shapes of states (16×16; `--knock` is the colour of what is cut out of a filled shape), `t-…` task types
//! and `u-…` the interface (20×20). All are strokes of the text's colour unless they say otherwise.

use leptos::prelude::*;

/// Every symbol. Only the server writes it; the browser finds it in the page.
pub const SPRITE: &str = concat!(
    r##"<svg width="0" height="0">"##,
    // States.
    r##"<symbol id="s-blocked" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5.5"/></symbol>"##,
    r##"<symbol id="s-ready" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path d="M5.2 8h.01M8 8h.01M10.8 8h.01" stroke-width="2"/></symbol>"##,
    r##"<symbol id="s-queued" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path d="M5.2 8h.01M8 8h.01M10.8 8h.01" stroke-width="2"/></symbol>"##,
    r##"<symbol id="s-running" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path d="M6.6 5.4 10.8 8l-4.2 2.6z" fill="currentColor" stroke-width="1"/></symbol>"##,
    r##"<symbol id="s-ending" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path d="M6 6h4v4H6z" fill="currentColor" stroke-width="1"/></symbol>"##,
    r##"<symbol id="s-succeeded" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="currentColor" stroke="none"/><path d="m4.9 8.2 2.2 2.2 4-4.6" stroke="var(--knock)" stroke-width="1.8"/></symbol>"##,
    r##"<symbol id="s-failed" viewBox="0 0 16 16"><path d="M8 .4 15.6 8 8 15.6.4 8z" fill="currentColor" stroke="none"/><path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" stroke="var(--knock)" stroke-width="1.6"/></symbol>"##,
    r##"<symbol id="s-timed_out" viewBox="0 0 16 16"><path d="M8 .4 15.6 8 8 15.6.4 8z" fill="currentColor" stroke="none"/><path d="M8 4.6V8l2.2 1.6" stroke="var(--knock)" stroke-width="1.6"/></symbol>"##,
    r##"<symbol id="s-retrying" viewBox="0 0 16 16"><path d="M13.2 9.4A5.4 5.4 0 1 1 12 4.4"/><path d="M13.6 1.6v4.2H9.4z" fill="currentColor" stroke-width="1"/></symbol>"##,
    r##"<symbol id="s-attention" viewBox="0 0 16 16"><path d="M8 1.8 15 14H1z"/><path d="M8 6v4M8 12h.01" stroke-width="1.7"/></symbol>"##,
    r##"<symbol id="s-waiting" viewBox="0 0 16 16"><path d="M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2z"/><path d="M5.6 4.6h4.8L8 8zm0 6.8h4.8L8 8z" stroke-width="1.1"/></symbol>"##,
    r##"<symbol id="s-paused" viewBox="0 0 16 16"><path d="M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2z"/><path d="M6.4 5.4v5.2M9.6 5.4v5.2" stroke-width="1.7"/></symbol>"##,
    r##"<symbol id="s-asking" viewBox="0 0 16 16"><path d="M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2z"/><path d="M6 6.200c.1-1.100.9-1.800 2-1.800s2 .7 2 1.700c0 1.400-2 1.500-2 3M8 11.400h.01" stroke-width="1.6"/></symbol>"##,
    r##"<symbol id="s-skipped" viewBox="0 0 16 16"><path d="m3 3.5 4.5 4.5L3 12.5M8.5 3.5 13 8l-4.5 4.5"/></symbol>"##,
    r##"<symbol id="s-taken_back" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.8"/><path d="M6.8 4.600 4.700 6.700l2.100 2.100M5 6.700h4a2.100 2.100 0 0 1 0 4.200H6.600"/></symbol>"##,
    r##"<symbol id="s-cancelled" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path d="m3.9 12.1 8.2-8.2"/></symbol>"##,
    // What became of a task between two versions.
    r##"<symbol id="s-added" viewBox="0 0 16 16"><rect x="2" y="2" width="12" height="12" rx="2"/><path d="M8 5v6M5 8h6"/></symbol>"##,
    r##"<symbol id="s-removed" viewBox="0 0 16 16"><rect x="2" y="2" width="12" height="12" rx="2" stroke-dasharray="3 2"/><path d="M5 8h6"/></symbol>"##,
    r##"<symbol id="s-changed" viewBox="0 0 16 16"><rect x="2" y="2" width="12" height="12" rx="2"/><path d="m5 10.500 5-5 1 1-5 5H5z"/></symbol>"##,
    r##"<symbol id="s-same" viewBox="0 0 16 16"></symbol>"##,
    // Task types.
    r##"<symbol id="t-box" viewBox="0 0 20 20"><path d="M10 2.5 16.5 6v8L10 17.5 3.5 14V6zM3.5 6 10 9.6 16.5 6M10 9.6v7.9"/></symbol>"##,
    r##"<symbol id="t-http" viewBox="0 0 20 20"><circle cx="10" cy="10" r="7.25"/><path d="M2.75 10h14.5M10 2.75c4.6 4.6 4.6 9.9 0 14.5-4.6-4.6-4.6-9.9 0-14.5z"/></symbol>"##,
    r##"<symbol id="t-shell" viewBox="0 0 20 20"><rect x="2.5" y="3.5" width="15" height="13" rx="2"/><path d="m6 7.5 2.5 2.5L6 12.5m5 0h3.5"/></symbol>"##,
    r##"<symbol id="t-delay" viewBox="0 0 20 20"><circle cx="10" cy="10" r="7.25"/><path d="M10 5.5V10l3 2"/></symbol>"##,
    r##"<symbol id="t-switch" viewBox="0 0 20 20"><path d="M2.5 10h5l4-5.5h6M7.5 10l4 5.5h6m-2.6-13.3 2.6 2.3-2.6 2.3m0 6.4 2.6 2.3-2.6 2.3"/></symbol>"##,
    r##"<symbol id="t-transform" viewBox="0 0 20 20"><path d="M7 3c-3.5 0-1 6.5-4 7 3 .5.5 7 4 7m6-14c3.5 0 1 6.5 4 7-3 .5-.5 7-4 7M9 12.5l2-5"/></symbol>"##,
    r##"<symbol id="t-log" viewBox="0 0 20 20"><path d="M5 2.5h7l3.5 3.5v11.5H5zM8 9h4.5M8 12h4.5M8 6h2"/></symbol>"##,
    r##"<symbol id="t-fail" viewBox="0 0 20 20"><path d="M11.5 2.5 4.5 11.5h4.6l-1 6 7.4-9.6h-4.8z"/></symbol>"##,
    r##"<symbol id="t-noop" viewBox="0 0 20 20"><circle cx="10" cy="10" r="4"/><path d="M2 10h4m8 0h4"/></symbol>"##,
    r##"<symbol id="t-fetch" viewBox="0 0 20 20"><path d="M10 2.5v9.5m-4-4 4 4 4-4M3 13v3.5h14V13"/></symbol>"##,
    r##"<symbol id="t-process" viewBox="0 0 20 20"><circle cx="10" cy="10" r="2.75"/><path d="M10 2.5v3m0 9v3M2.5 10h3m9 0h3M4.7 4.7l2.1 2.1m6.4 6.4 2.1 2.1m0-10.6-2.1 2.1m-6.4 6.4-2.1 2.1"/></symbol>"##,
    r##"<symbol id="t-store" viewBox="0 0 20 20"><path d="M3.5 5v10c0 3.3 13 3.3 13 0V5M3.5 10c0 3.3 13 3.3 13 0"/><ellipse cx="10" cy="5" rx="6.5" ry="2.5"/></symbol>"##,
    r##"<symbol id="t-approval" viewBox="0 0 20 20"><circle cx="8" cy="6.5" r="3.25"/><path d="M2.5 16.5c0-3.600 2.400-5.500 5.500-5.500 1.400 0 2.600.4 3.500 1.100m.5 2.900 2 2 3.500-4"/></symbol>"##,
    r##"<symbol id="t-signal" viewBox="0 0 20 20"><path d="M10 2.5c-3 0-4.500 2.200-4.500 5v3L4 13.500h12L14.500 10.500v-3c0-2.800-1.500-5-4.500-5zM8 16.500h4"/></symbol>"##,
    r##"<symbol id="t-subflow" viewBox="0 0 20 20"><rect x="2.5" y="3" width="15" height="14" rx="2"/><rect x="5.500" y="8" width="3.500" height="4" rx=".8"/><rect x="11.500" y="8" width="3.500" height="4" rx=".8"/><path d="M9 10h2.500"/></symbol>"##,
    r##"<symbol id="t-loop" viewBox="0 0 20 20"><path d="M4 9V8a2.500 2.500 0 0 1 2.500-2.500H16M13.500 3 16 5.500 13.500 8M16 11v1a2.500 2.500 0 0 1-2.500 2.500H4M6.500 17 4 14.500 6.500 12"/></symbol>"##,
    r##"<symbol id="t-mail" viewBox="0 0 20 20"><rect x="2.5" y="4.500" width="15" height="11" rx="1.500"/><path d="m3 6 7 5 7-5"/></symbol>"##,
    // Interface.
    r##"<symbol id="u-brand" viewBox="0 0 20 20"><path d="M2 15h16M2 15h5.5L14 5h4" stroke-width="2"/><circle cx="7.5" cy="15" r="1.6" fill="currentColor"/></symbol>"##,
    r##"<symbol id="u-flows" viewBox="0 0 20 20"><rect x="2.5" y="3" width="6" height="4.5" rx="1"/><rect x="11.5" y="8" width="6" height="4.5" rx="1"/><rect x="2.5" y="13" width="6" height="4.5" rx="1"/><path d="M8.500 5.250h2v5h1m-3 5h2v-5"/></symbol>"##,
    r##"<symbol id="u-runs" viewBox="0 0 20 20"><path d="M3 5h9M3 10h14M3 15h6"/><path d="M14.500 3l3 2-3 2zm-3 10 3 2-3 2z" fill="currentColor" stroke-width="1"/></symbol>"##,
    r##"<symbol id="u-docs" viewBox="0 0 20 20"><path d="M3 4.500c3-1 5-.6 7 1 2-1.600 4-2 7-1v11c-3-1-5-.6-7 1-2-1.600-4-2-7-1zM10 5.500v11"/></symbol>"##,
    r##"<symbol id="u-light" viewBox="0 0 20 20"><circle cx="10" cy="10" r="3.500"/><path d="M10 2v2m0 12v2M2 10h2m12 0h2M4.300 4.300l1.500 1.500m8.400 8.400 1.500 1.500m0-11.400-1.500 1.500m-8.400 8.400-1.500 1.500"/></symbol>"##,
    r##"<symbol id="u-dark" viewBox="0 0 20 20"><path d="M16.800 11.800A7.200 7.200 0 0 1 8.200 3.200a7.200 7.200 0 1 0 8.600 8.600z"/></symbol>"##,
    r##"<symbol id="u-system" viewBox="0 0 20 20"><rect x="2.500" y="3.500" width="15" height="10" rx="1.500"/><path d="M7 17h6m-3-3.500V17"/></symbol>"##,
    r##"<symbol id="u-search" viewBox="0 0 20 20"><circle cx="8.500" cy="8.500" r="5.500"/><path d="m12.600 12.600 4.400 4.400"/></symbol>"##,
    r##"<symbol id="u-plus" viewBox="0 0 20 20"><path d="M10 4v12M4 10h12"/></symbol>"##,
    r##"<symbol id="u-minus" viewBox="0 0 20 20"><path d="M4 10h12"/></symbol>"##,
    r##"<symbol id="u-fit" viewBox="0 0 20 20"><path d="M3 7V3h4m6 0h4v4m0 6v4h-4m-6 0H3v-4"/></symbol>"##,
    r##"<symbol id="u-play" viewBox="0 0 20 20"><path d="M6 3.500 16 10 6 16.500z" fill="currentColor"/></symbol>"##,
    r##"<symbol id="u-pause" viewBox="0 0 20 20"><path d="M7 4.500v11M13 4.500v11" stroke-width="2.500"/></symbol>"##,
    r##"<symbol id="u-again" viewBox="0 0 20 20"><path d="M16 10.500A6 6 0 1 1 14 5.500"/><path d="M16.500 2.500v4h-4" /></symbol>"##,
    r##"<symbol id="u-fork" viewBox="0 0 20 20"><path d="M3 5h5l5 9h4M8 5h9M14.500 2.500 17 5l-2.500 2.500m0 4L17 14l-2.500 2.500"/></symbol>"##,
    r##"<symbol id="u-stop" viewBox="0 0 20 20"><rect x="5" y="5" width="10" height="10" rx="1" fill="currentColor"/></symbol>"##,
    r##"<symbol id="u-close" viewBox="0 0 20 20"><path d="m5 5 10 10M15 5 5 15"/></symbol>"##,
    r##"<symbol id="u-turn" viewBox="0 0 20 20"><path d="m7.500 4.500 5.500 5.500-5.500 5.500"/></symbol>"##,
    r##"<symbol id="u-before" viewBox="0 0 20 20"><path d="m12.500 4.500-5.500 5.500 5.500 5.500"/></symbol>"##,
    r##"<symbol id="u-check" viewBox="0 0 20 20"><path d="m4 10.500 4 4 8-9"/></symbol>"##,
    r##"<symbol id="u-download" viewBox="0 0 20 20"><path d="M10 3v10m-4-4 4 4 4-4M4 17h12"/></symbol>"##,
    r##"<symbol id="u-wrap" viewBox="0 0 20 20"><path d="M3 5h14M3 10h11a3 3 0 0 1 0 6h-3m2-2-2 2 2 2M3 16h4"/></symbol>"##,
    r##"<symbol id="u-fold" viewBox="0 0 20 20"><path d="M3 10h14M7 2.500l3 3 3-3M7 17.500l3-3 3 3"/></symbol>"##,
    r##"<symbol id="u-unfold" viewBox="0 0 20 20"><path d="M3 10h14M7 5.500l3-3 3 3M7 14.500l3 3 3-3"/></symbol>"##,
    r##"<symbol id="u-list" viewBox="0 0 20 20"><path d="M7 5h10M7 10h10M7 15h10M3.500 5h.01M3.500 10h.01M3.500 15h.01"/></symbol>"##,
    r##"<symbol id="u-outline" viewBox="0 0 20 20"><path d="M3 4h9M6.500 10H17M6.500 16H15M3.500 7v9H5"/></symbol>"##,
    r##"<symbol id="u-timeline" viewBox="0 0 20 20"><path d="M3 5h7M6 10h9M11 15h6" stroke-width="2.500"/></symbol>"##,
    r##"<symbol id="u-first" viewBox="0 0 20 20"><path d="m14.500 4.500-5.500 5.500 5.500 5.500M5.500 4.500v11"/></symbol>"##,
    r##"<symbol id="u-file" viewBox="0 0 20 20"><path d="M5 2.500h7l3.500 3.500v11.500H5zM12 2.500V6h3.500"/></symbol>"##,
    r##"<symbol id="u-edit" viewBox="0 0 20 20"><path d="M4 13v3h3l8.500-8.500-3-3zM11 6l3 3"/></symbol>"##,
    r##"<symbol id="u-undo" viewBox="0 0 20 20"><path d="M7 4 3.500 7.500 7 11M3.500 7.500H12a4.250 4.250 0 0 1 0 8.500H8"/></symbol>"##,
    r##"<symbol id="u-redo" viewBox="0 0 20 20"><path d="m13 4 3.500 3.500L13 11M16.500 7.500H8a4.250 4.250 0 0 0 0 8.500h4"/></symbol>"##,
    r##"<symbol id="u-tidy" viewBox="0 0 20 20"><rect x="2.500" y="7.500" width="5" height="5" rx="1"/><rect x="12.500" y="3" width="5" height="5" rx="1"/><rect x="12.500" y="12" width="5" height="5" rx="1"/><path d="M7.500 10H10V5.500h2.500M10 10v4.500h2.500"/></symbol>"##,
    r##"<symbol id="u-pin" viewBox="0 0 20 20"><path d="M7.500 3h5l-.5 5 2.500 2.500v1.500h-9v-1.500L8 8zM10 12v5"/></symbol>"##,
    r##"<symbol id="u-history" viewBox="0 0 20 20"><path d="M3.500 10a6.500 6.500 0 1 0 2-4.700M3.500 3v4h4M10 6.500V10l2.500 1.500"/></symbol>"##,
    r##"<symbol id="u-upload" viewBox="0 0 20 20"><path d="M10 13V3M6 7l4-4 4 4M4 17h12"/></symbol>"##,
    r##"<symbol id="u-simulate" viewBox="0 0 20 20"><path d="M8 3h4M9 3v4.500L4.500 15A1.300 1.300 0 0 0 5.700 17h8.600a1.300 1.300 0 0 0 1.200-2L11 7.500V3M6.800 12h6.400"/></symbol>"##,
    r##"<symbol id="u-keys" viewBox="0 0 20 20"><rect x="2.500" y="5" width="15" height="10" rx="1.500"/><path d="M5.500 8h.01M8.500 8h.01M11.500 8h.01M14.500 8h.01M6.500 12h7"/></symbol>"##,
    r##"</svg>"##,
);

/// The symbol of a task type.
#[must_use]
pub fn of_task_type(key: &str) -> &'static str {
    match key {
        "http.request" => "t-http",
        "shell" => "t-shell",
        "delay" | "wait" => "t-delay",
        "switch" => "t-switch",
        "transform" => "t-transform",
        "log" => "t-log",
        "fail" => "t-fail",
        "noop" => "t-noop",
        "fetch_data" => "t-fetch",
        "process_data" => "t-process",
        "store_data" => "t-store",
        "approval" => "t-approval",
        "signal" => "t-signal",
        "subflow" => "t-subflow",
        "loop" => "t-loop",
        "mail.send" => "t-mail",
        _ => "t-box",
    }
}

/// A symbol beside text, so hidden from screen readers.
#[component]
pub fn Icon(#[prop(into)] name: Signal<String>, #[prop(optional)] large: bool) -> impl IntoView {
    view! {
        <svg
            class=if large { "i i-20" } else { "i" }
            aria-hidden="true"
            inner_html=move || format!("<use href=\"#{}\"/>", name.get())
        ></svg>
    }
}

/// The sprite, once per page.
#[component]
pub fn Sprite() -> impl IntoView {
    // Hydration leaves what the server wrote untouched, so the browser's build need not carry it.
    let sprite = if cfg!(feature = "ssr") { SPRITE } else { "" };
    view! { <div class="sprite" aria-hidden="true" inner_html=sprite></div> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_task_type_has_its_symbol() {
        let has = |id: &str| SPRITE.contains(&format!("<symbol id=\"{id}\""));
        for state in flow::view::TaskStatus::ALL {
            assert!(has(&format!("s-{}", crate::look::status(state).key)), "{state:?}");
        }
        for state in flow::view::RunStatus::ALL {
            assert!(has(&format!("s-{}", crate::look::run(state).key)), "{state:?}");
        }
        assert!(has("s-asking") && has("s-retrying") && has("s-taken_back"));
        for key in [
            "http.request",
            "shell",
            "switch",
            "store_data",
            "approval",
            "loop",
            "mail.send",
            "anything.else",
        ] {
            assert!(has(of_task_type(key)), "{key}");
        }
        assert_eq!(
            SPRITE.matches("<symbol").count(),
            SPRITE.matches("</symbol>").count()
        );
    }
}
