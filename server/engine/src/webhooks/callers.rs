//! Whether who calls a webhook knows its secret. Nothing here takes longer the more of a guess is right.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use flow::doc::WebhookDoc;
use flow::payload::hex;
use flow::{Timestamp, limits};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderMap;
use sha2::Sha256;

/// Hexadecimal digits of a signature.
const DIGITS: usize = 64;

/// The header in which token or signature come.
pub(super) fn header_of(doc: &WebhookDoc) -> &str {
    let usual = if doc.token.is_some() {
        "authorization"
    } else {
        "x-hub-signature-256"
    };
    doc.header.as_deref().unwrap_or(usual)
}

/// Whether the delivery bears the secret or a signature made with it. A header that comes several times is taken for none: which of them
/// others have looked at cannot be known.
pub(super) fn is_known(
    doc: &WebhookDoc,
    secret: &[u8],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> bool {
    let Some(shown) = only(headers, header_of(doc)) else {
        return false;
    };
    if doc.token.is_some() {
        let bare = shown
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or(shown, |(_, token)| token.trim_start());
        // Compared by what is made of both with a key, so that neither length nor the first difference shows in the time.
        let (mut expected, mut given) = (keyed(b"pointwork"), keyed(b"pointwork"));
        expected.update(secret);
        given.update(bare.as_bytes());
        return expected.verify(&given.finalize().into_bytes()).is_ok();
    }
    let timestamp = match &doc.timestamp_header {
        Some(header) => match only(headers, header).filter(|text| is_recent(text, doc, now)) {
            Some(text) => text,
            None => return false,
        },
        None => "",
    };
    let mut signed = keyed(secret);
    let usual = if doc.timestamp_header.is_some() {
        "{timestamp}.{body}"
    } else {
        "{body}"
    };
    let mut rest = doc.signed.as_deref().unwrap_or(usual);
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        signed.update(before.as_bytes());
        rest = if let Some(after) = from.strip_prefix("{timestamp}") {
            signed.update(timestamp.as_bytes());
            after
        } else if let Some(after) = from.strip_prefix("{body}") {
            signed.update(body);
            after
        } else {
            signed.update(b"{");
            &from[1..]
        };
    }
    signed.update(rest.as_bytes());
    signature(shown).is_some_and(|signature| signed.verify_slice(&signature).is_ok())
}

/// The signature of `{timestamp}.{body}`, by which a webhook with `signature` and `timestamp_header` knows the caller.
pub(crate) fn signature_of(secret: &str, timestamp: &str, body: &str) -> String {
    let mut signed = keyed(secret.as_bytes());
    signed.update(timestamp.as_bytes());
    signed.update(b".");
    signed.update(body.as_bytes());
    format!("sha256={}", hex(&signed.finalize().into_bytes()))
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let Ok(hmac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("a key may have any length");
    };
    hmac
}

fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut all = headers.get_all(name).into_iter();
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().ok().map(str::trim),
        _ => None,
    }
}

/// Seconds or milliseconds since 1970, not too far from now.
fn is_recent(text: &str, doc: &WebhookDoc, now: Timestamp) -> bool {
    let Ok(number) = text.parse::<i64>() else {
        return false;
    };
    // Seconds get as long as this in the year 5138.
    let at_ms = if text.len() > 11 {
        number
    } else {
        number.saturating_mul(1000)
    };
    let usual = flow::HumanDuration::from_millis(limits::WEBHOOK_TOLERANCE_MS);
    let tolerance_ms = doc.tolerance.unwrap_or(usual).as_duration().as_millis();
    let now_ms = now.as_micros() / 1000;
    u128::from(now_ms.abs_diff(at_ms)) <= tolerance_ms
}

/// The bytes of a signature as services write it: hexadecimal digits or base64, perhaps behind `sha256=` or `v0=`.
fn signature(shown: &str) -> Option<Vec<u8>> {
    let is_scheme = |scheme: &str| {
        scheme.len() <= 16
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let bare = match shown.split_once('=') {
        Some((scheme, rest)) if is_scheme(scheme) && !rest.trim_end_matches('=').is_empty() => rest,
        _ => shown,
    };
    if bare.len() == DIGITS {
        let digits: Option<Vec<u8>> = bare
            .chars()
            .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
            .collect();
        return digits.map(|digits| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect());
    }
    STANDARD.decode(bare).or_else(|_| URL_SAFE.decode(bare)).ok()
}
