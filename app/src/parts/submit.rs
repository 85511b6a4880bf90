//! The button that sends a form, with scripts and without.

use leptos::prelude::*;

use crate::icons::Icon;

/// Sends the form it stands in. Without scripts the page at `here` gets the form posted, and knows by `form` which one it was.
#[component]
pub fn Submit(
    /// The name of the server function.
    form: &'static str,
    /// The page's own address.
    #[prop(into)]
    here: Signal<String>,
    /// Whether an answer is being waited for.
    #[prop(into)]
    busy: Signal<bool>,
    /// Classes beside `button`.
    #[prop(default = "button primary")]
    class: &'static str,
    /// A symbol before the words.
    #[prop(optional)]
    icon: Option<&'static str>,
    /// What it does, at more length.
    #[prop(optional)]
    title: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    view! {
        <button class=class type="submit" name="form" value=form formaction=here title=title disabled=busy>
            {icon.map(|name| view! { <Icon name/> })}
            {children()}
        </button>
    }
}
