//! A response's body as a value.

use base64::Engine as _;
use encoding_rs::{Encoding, UTF_8};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

/// JSON becomes its value, text becomes text, anything else `{"base64": …}`; nothing becomes null.
pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let charset = parts
        .find_map(|part| part.strip_prefix("charset="))
        .map(|charset| charset.trim_matches('"'));
    if kind == "application/json" || kind.ends_with("+json") {
        // A server that says JSON and sends something else: the author sees what it sent.
        return serde_json::from_slice(body).unwrap_or_else(|_| text(body, charset));
    }
    if is_text(kind) {
        return text(body, charset);
    }
    match std::str::from_utf8(body) {
        Ok(plain) if kind.is_empty() => Value::String(plain.to_owned()),
        _ => json!({ "base64": base64::engine::general_purpose::STANDARD.encode(body) }),
    }
}

fn is_text(kind: &str) -> bool {
    const OTHERS: [&str; 9] = [
        "application/xml",
        "application/javascript",
        "application/ecmascript",
        "application/x-javascript",
        "application/x-www-form-urlencoded",
        "application/x-ndjson",
        "application/jsonl",
        "application/yaml",
        "application/x-yaml",
    ];
    kind.starts_with("text/") || kind.ends_with("+xml") || kind.ends_with("+yaml") || OTHERS.contains(&kind)
}

/// What is not in the charset is replaced; a byte order mark wins over the charset.
fn text(body: &[u8], charset: Option<&str>) -> Value {
    let encoding = charset
        .and_then(|charset| Encoding::for_label(charset.as_bytes()))
        .unwrap_or(UTF_8);
    Value::String(encoding.decode(body).0.into_owned())
}
