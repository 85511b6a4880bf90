//! The frame around every page: rail, top bar, content.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::fns::SetTheme;
use crate::format;
use crate::icons::Icon;
use crate::live::Link;
use crate::theme::Theme;

use super::keys::Keys;
use super::sending::{SendForm, Sending};

/// Rail, top bar and, inside `<main>`, the page.
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    crate::posted::forget_elsewhere();
    view! {
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="frame">
            <Rail/>
            <header class="bar">
                <Crumbs/>
                <button type="button" class="find" data-opens="goto" title="Go to a flow, a run or a page">
                    <Icon name="u-search"/>
                    <span>"Go to…"</span>
                    <kbd>"Ctrl K"</kbd>
                </button>
                <Dot/>
                <Themes/>
            </header>
            <main id="main" tabindex="-1">
                <Stale/>
                {children()}
            </main>
        </div>
        <Keys/>
    }
    .into_any()
}

#[component]
fn Rail() -> impl IntoView {
    let path = use_location().pathname;
    let item = move |href: &'static str, icon: &'static str, name: &'static str| {
        let here = move || {
            let path = path.get();
            let is = path.starts_with(href) || (href == "/runs" && path.starts_with("/bulks/"));
            is.then_some("page")
        };
        view! {
            <li>
                <a class="item" href=href aria-current=here>
                    <Icon name=icon large=true/>
                    <span>{name}</span>
                </a>
            </li>
        }
    };
    view! {
        <nav class="rail" aria-label="Main">
            <a class="brand" href="/" aria-label="Pointwork, home">
                <Icon name="u-brand" large=true/>
            </a>
            <ul>
                {item("/flows", "u-flows", "Flows")}
                {item("/runs", "u-runs", "Runs")}
                <li>
                    <a class="item" href="/docs" rel="external">
                        <Icon name="u-docs" large=true/>
                        <span>"API docs"</span>
                    </a>
                </li>
            </ul>
        </nav>
    }
}

/// What a page tells the window of when it has changed the address and stays the page it is.
#[cfg(feature = "hydrate")]
pub(crate) const ADDRESS_MOVED: &str = "addressmoved";

/// Where the page is, read from its address.
#[component]
fn Crumbs() -> impl IntoView {
    let path = use_location().pathname;
    // The editor of a new flow gets an address of its own when the flow is first published, and stays the page it is.
    let moved = RwSignal::new(None::<String>);
    #[cfg(feature = "hydrate")]
    {
        Effect::new(move |_| {
            path.track();
            moved.set(None);
        });
        let told = window_event_listener_untyped(ADDRESS_MOVED, move |_| {
            moved.set(window().location().pathname().ok());
        });
        on_cleanup(move || told.remove());
    }
    let crumbs = move || trail(&moved.get().unwrap_or_else(|| path.get()));
    view! {
        <nav class="crumbs" aria-label="Breadcrumb">
            <ol>
                {move || {
                    crumbs()
                        .into_iter()
                        .map(|(name, href)| match href {
                            Some(href) => view! { <li><a href=href>{name}</a></li> }.into_any(),
                            None => view! { <li class="cut"><span class="cut" aria-current="page">{name}</span></li> }.into_any(),
                        })
                        .collect_view()
                }}
            </ol>
        </nav>
    }
}

/// The names of an address's parts, and where they lead; the last leads nowhere.
fn trail(path: &str) -> Vec<(String, Option<&'static str>)> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts[..] {
        [] => vec![("Home".to_owned(), None)],
        ["flows"] => vec![("Flows".to_owned(), None)],
        ["flows", "new"] => vec![
            ("Flows".to_owned(), Some("/flows")),
            ("New flow".to_owned(), None),
        ],
        ["edit"] => vec![
            ("Flows".to_owned(), Some("/flows")),
            ("New flow".to_owned(), None),
        ],
        ["flows", id, "edit"] => vec![
            ("Flows".to_owned(), Some("/flows")),
            (format!("{id} · edit"), None),
        ],
        ["flows", id, "versions"] => vec![
            ("Flows".to_owned(), Some("/flows")),
            (format!("{id} · history"), None),
        ],
        ["flows", id] => vec![("Flows".to_owned(), Some("/flows")), (id.to_owned(), None)],
        ["runs"] => vec![("Runs".to_owned(), None)],
        ["runs", id] => vec![
            ("Runs".to_owned(), Some("/runs")),
            (format::short_id(id).to_owned(), None),
        ],
        ["bulks", _] => vec![("Runs".to_owned(), Some("/runs")), ("Many runs".to_owned(), None)],
        _ => vec![("Not here".to_owned(), None)],
    }
}

/// How the page hangs on the server: shown only while it follows something.
#[component]
fn Dot() -> impl IntoView {
    let link = use_context::<RwSignal<Link>>().unwrap_or_default();
    let now = RwSignal::new(0.0);
    #[cfg(feature = "hydrate")]
    {
        let clock = expect_context::<super::Clock>();
        Effect::new(move |_| {
            clock.now.track();
            now.set(js_sys::Date::now());
        });
    }
    let words = move || crate::live::link::words(link.get(), now.get(), clock_time);
    view! {
        <span class="dot" role="status" data-state=move || words().0 hidden=move || link.get() == Link::None>
            {move || words().1}
        </span>
    }
}

/// Says over the page that what it shows may be old, once that has lasted.
#[component]
fn Stale() -> impl IntoView {
    let link = use_context::<RwSignal<Link>>().unwrap_or_default();
    let words = move || match link.get() {
        Link::Offline { since_ms } => {
            format!(
                "What is shown is as of {}: the server does not answer.",
                clock_time(since_ms)
            )
        }
        Link::Gone => "What is shown was deleted on the server meanwhile.".to_owned(),
        _ => String::new(),
    };
    let is_stale = move || matches!(link.get(), Link::Offline { .. } | Link::Gone);
    view! { <p class="lost" data-state="failed" hidden=move || !is_stale()>{words}</p> }
}

fn clock_time(ms: f64) -> String {
    #[cfg(feature = "hydrate")]
    {
        let date = js_sys::Date::new(&ms.into());
        format!("{:02}:{:02}", date.get_hours(), date.get_minutes())
    }
    #[cfg(not(feature = "hydrate"))]
    format::moment(flow::Timestamp::from_millis(ms as i64))
}

/// Light, dark or as the system has it. Without scripts each button posts the form; with them the page changes in place.
#[component]
fn Themes() -> impl IntoView {
    let action = Sending::<SetTheme>::new();
    let theme = expect_context::<RwSignal<Theme>>();
    let buttons = Theme::ALL
        .into_iter()
        .map(|each| {
            let name = match each {
                Theme::Light => "Light",
                Theme::Dark => "Dark",
                Theme::System => "As the system",
            };
            view! {
                <button
                    type="submit"
                    name="theme"
                    value=each.key()
                    title=name
                    aria-label=name
                    aria-pressed=move || (theme.get() == each).to_string()
                    on:click=move |_| choose(theme, each)
                >
                    <Icon name=format!("u-{}", each.key())/>
                </button>
            }
        })
        .collect_view();
    view! {
        <SendForm action>
            <div class="themes" role="group" aria-label="Theme">{buttons}</div>
        </SendForm>
    }
}

fn choose(theme: RwSignal<Theme>, to: Theme) {
    theme.set(to);
    #[cfg(feature = "hydrate")]
    if let Some(root) = document().document_element() {
        // The attribute's name and value are constants that a browser accepts.
        let _ = match to {
            Theme::System => root.remove_attribute("data-theme"),
            _ => root.set_attribute("data-theme", to.key()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::trail;

    #[test]
    fn crumbs_follow_the_address() {
        let say = |path: &str| {
            trail(path)
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
                .join(" / ")
        };
        assert_eq!(say("/"), "Home");
        assert_eq!(say("/bulks/bulk_1"), "Runs / Many runs");
        assert_eq!(say("/flows/new"), "Flows / New flow");
        assert_eq!(say("/flows/nightly/"), "Flows / nightly");
        assert_eq!(say("/flows/nightly/edit"), "Flows / nightly · edit");
        assert_eq!(say("/runs/run_01k9w3zq5r8v2m4x6c7d9e0f1g"), "Runs / 7d9e0f1g");
        assert_eq!(say("/x/y/z"), "Not here");
    }
}
