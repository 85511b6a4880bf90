//! What a client would like to get.

use axum::http::{HeaderMap, header};

/// How much a client wants a media type: how exactly it named it (3: by name, 2: `text/*`, 1: `*/*`, 0: not), and the weight.
fn wish(headers: &HeaderMap, media: &str) -> (u8, f32) {
    let group = media.split('/').next().unwrap_or_default();
    let mut best = (0, 0.0);
    let values = headers
        .get_all(header::ACCEPT)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default();
        let exactness = if range.eq_ignore_ascii_case(media) {
            3
        } else if range
            .strip_suffix("/*")
            .is_some_and(|range| range.eq_ignore_ascii_case(group))
        {
            2
        } else {
            u8::from(range == "*/*")
        };
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(Ok(1.0), str::parse::<f32>);
        if exactness > best.0 {
            best = (exactness, weight.unwrap_or(0.0));
        }
    }
    best
}

/// Whether one of these types is asked for by name, and at least as much as JSON.
pub(crate) fn prefers(headers: &HeaderMap, media: &[&str]) -> bool {
    let (_, json) = wish(headers, "application/json");
    media
        .iter()
        .map(|media| wish(headers, media))
        .any(|(exactness, weight)| exactness == 3 && weight > 0.0 && weight >= json)
}

/// Whether a page is preferred to JSON. Browsers do so by name; `curl` with its `*/*` does not.
pub(crate) fn prefers_html(headers: &HeaderMap) -> bool {
    prefers(headers, &["text/html", "application/xhtml+xml"])
}

/// Whether a stream of server-sent events is asked for.
pub(crate) fn wants_events(headers: &HeaderMap) -> bool {
    prefers(headers, &["text/event-stream"])
}

/// The media type of the body, without parameters, in lower case; empty if none is named.
pub(crate) fn content_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_pages_and_scripts_get_json() {
        for (accept, is_html) in [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
            ),
            ("*/*", false),
            ("", false),
            ("application/json", false),
            ("application/json, text/html;q=0.5", false),
            ("text/html;q=0", false),
            ("text/*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().expect("a header"));
            assert_eq!(prefers_html(&headers), is_html, "{accept}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }
}
