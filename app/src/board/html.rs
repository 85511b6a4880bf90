//! Small pieces of HTML.

use flow::Timestamp;

use crate::format;
use crate::look::Look;

/// A text in an element or in a quoted attribute.
pub(super) fn text(text: &str) -> String {
    format::escape(text)
}

/// A sentence in an element: what stands between backticks is code.
pub(super) fn said(sentence: &str) -> String {
    let pieces = crate::parts::said::pieces(sentence).into_iter();
    let drawn = pieces.map(|(is_code, piece)| match is_code {
        true => format!("<code>{}</code>", text(&piece)),
        false => text(&piece),
    });
    drawn.collect()
}

/// A symbol beside text.
pub(super) fn icon(name: &str) -> String {
    format!("<svg class=\"i\" aria-hidden=\"true\"><use href=\"#{name}\"/></svg>")
}

/// A state in a word, a shape and a colour.
pub(super) fn badge(look: Look) -> String {
    let Look { key, word } = look;
    format!(
        "<span class=\"badge\" data-state=\"{key}\">{}{word}</span>",
        icon(&format!("s-{key}"))
    )
}

/// A moment: in UTC until the page lives.
pub(super) fn moment(at: Timestamp) -> String {
    let shown = format::moment(at);
    format!("<time class=\"num\" datetime=\"{at}\" title=\"{shown}\">{shown}</time>")
}

/// The address of the runs that a query finds.
pub(super) fn runs(query: &str) -> String {
    format!("/runs?q={}", format::url_part(query))
}
