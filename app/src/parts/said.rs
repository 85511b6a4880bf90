//! Sentences of the server: what stands between backticks in them is drawn as code.

use leptos::prelude::*;

/// Its pieces, and whether each is code. A backtick that nothing closes stays what it is.
pub(crate) fn pieces(text: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('`') {
        let Some((code, after)) = tail.split_once('`') else {
            break;
        };
        if !before.is_empty() {
            found.push((false, before.to_owned()));
        }
        if !code.is_empty() {
            found.push((true, code.to_owned()));
        }
        rest = after;
    }
    if !rest.is_empty() {
        found.push((false, rest.to_owned()));
    }
    found
}

/// A sentence with its code.
#[component]
pub fn Said(#[prop(into)] text: String) -> impl IntoView {
    // Most have none: text is less work than a list of one.
    if !text.contains('`') {
        return text.into_any();
    }
    let piece = |(is_code, text): (bool, String)| match is_code {
        true => view! { <code>{text}</code> }.into_any(),
        false => text.into_any(),
    };
    pieces(&text).into_iter().map(piece).collect_view().into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code() {
        let check = |text: &str, expected: &str| {
            let drawn = |(is_code, text): &(bool, String)| match is_code {
                true => format!("<{text}>"),
                false => text.clone(),
            };
            assert_eq!(pieces(text).iter().map(drawn).collect::<String>(), expected);
        };
        check("no code", "no code");
        check("there is no key `lost`", "there is no key <lost>");
        check("`a` and `b`", "<a> and <b>");
        check("one ` alone", "one ` alone");
        check("`a` and one ` alone", "<a> and one ` alone");
        check("", "");
    }
}
