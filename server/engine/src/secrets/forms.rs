//! The forms in which a secret may come back: as it is, in pieces that are secret by themselves, and encoded.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Bytes of the shortest text that is looked for: shorter ones stand everywhere by chance.
pub(super) const BYTES_MIN: usize = 4;

/// Bytes of the shortest piece of a secret that is secret by itself.
const PIECE_BYTES_MIN: usize = 8;

/// Characters of the shortest base64 that is looked for.
const BASE64_MIN: usize = 5;

/// Where common programs break base64 into lines.
const LINE_LENGTHS: [usize; 2] = [64, 76];

/// All forms of a secret; none of them holds a line break. A secret shorter than [`BYTES_MIN`] has none.
#[must_use]
pub(super) fn forms(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for piece in pieces(secret) {
        json(&piece, &mut forms);
        url(&piece, &mut forms);
        base64(&piece, &mut forms);
        forms.push(piece);
    }
    // Logs come line by line, and each line of a longer secret is a piece.
    forms.retain(|form| form.len() >= BYTES_MIN && !form.contains(['\n', '\r']));
    forms
}

/// The secret and the parts of it that tell it too: its lines, a token behind `Bearer`, the password in a URL.
fn pieces(secret: &str) -> Vec<String> {
    let mut pieces = vec![secret.to_owned(), secret.trim().to_owned()];
    let lines: Vec<&str> = secret.lines().map(str::trim).collect();
    if lines.len() > 1 {
        let long = |line: &&&str| line.len() >= PIECE_BYTES_MIN;
        pieces.extend(lines.iter().filter(long).map(|line| (**line).to_owned()));
    }
    let words: Vec<&str> = secret.split_whitespace().collect();
    if let [scheme, token] = words[..]
        && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
        && token.len() >= PIECE_BYTES_MIN
    {
        pieces.push(token.to_owned());
    }
    if lines.len() == 1 && secret.contains("://") {
        of_url(secret.trim(), &mut pieces);
    }
    pieces.retain(|piece| piece.len() >= BYTES_MIN);
    pieces.sort_unstable();
    pieces.dedup();
    pieces
}

/// What is secret in a URL: its password, and its path and parameters, where services put their tokens.
fn of_url(secret: &str, pieces: &mut Vec<String>) {
    let Ok(url) = reqwest::Url::parse(secret) else {
        return;
    };
    if let Some(password) = url.password() {
        pieces.push(password.to_owned());
        pieces.push(String::from_utf8_lossy(&percent_decoded(password)).into_owned());
        let name = String::from_utf8_lossy(&percent_decoded(url.username())).into_owned();
        // Servers answer a login by `AUTH PLAIN` with it, and `Authorization: Basic` is made of it.
        let password = String::from_utf8_lossy(&percent_decoded(password)).into_owned();
        pieces.push(format!("{name}:{password}"));
        pieces.push(format!("\0{name}\0{password}"));
    }
    let long = |piece: &&str| piece.len() >= PIECE_BYTES_MIN;
    pieces.extend(Some(url.path()).filter(long).map(str::to_owned));
    pieces.extend(url.query().filter(long).map(str::to_owned));
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    pieces.extend(values.filter(|value| value.len() >= PIECE_BYTES_MIN));
}

pub(crate) fn percent_decoded(text: &str) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let pair = match (first, more) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match pair {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &more[2..];
            }
            None => {
                decoded.push(*first);
                rest = more;
            }
        }
    }
    decoded
}

/// As it stands inside a JSON text: with what must be escaped alone, and with all that is not ASCII or is a slash.
fn json(piece: &str, forms: &mut Vec<String>) {
    let escaped = serde_json::Value::from(piece).to_string();
    let escaped = &escaped[1..escaped.len() - 1];
    let ascii = |with: fn(u16) -> String| -> String {
        let mut ascii = String::new();
        for c in escaped.chars() {
            let mut units = [0; 2];
            match c.is_ascii() {
                true => ascii.push(c),
                false => c
                    .encode_utf16(&mut units)
                    .iter()
                    .for_each(|unit| ascii.push_str(&with(*unit))),
            }
        }
        ascii
    };
    let lower = ascii(|unit| format!("\\u{unit:04x}"));
    let upper = ascii(|unit| format!("\\u{unit:04X}"));
    for form in [escaped, &lower, &upper] {
        forms.push(form.to_owned());
        forms.push(form.replace('/', "\\/"));
        // A text in JSON that is itself a text in JSON, as in a log line of JSON about an answer of JSON.
        let twice = serde_json::Value::from(form).to_string();
        forms.push(twice[1..twice.len() - 1].to_owned());
    }
}

/// What is left as it is beside letters and digits: by the standard, in browsers, in forms.
const LEFT: [&str; 4] = ["-._~", "-._~!'()*", "-._*", "-._~!$&'()*+,;=:@/?"];

fn url(piece: &str, forms: &mut Vec<String>) {
    for left in LEFT {
        for is_upper in [true, false] {
            let mut encoded = String::new();
            for byte in piece.bytes() {
                // Writing to a text cannot fail.
                let _ = match byte {
                    byte if byte.is_ascii_alphanumeric() || left.contains(char::from(byte)) => {
                        encoded.write_char(char::from(byte))
                    }
                    byte if is_upper => write!(encoded, "%{byte:02X}"),
                    byte => write!(encoded, "%{byte:02x}"),
                };
            }
            forms.push(encoded.replace("%20", "+"));
            forms.push(encoded);
        }
    }
}

/// In base64, alone or in the middle of something longer: at each of the three places it may have among the groups of three bytes,
/// without the characters that the neighbours have a part in.
fn base64(piece: &str, forms: &mut Vec<String>) {
    for engine in [&STANDARD, &URL_SAFE] {
        let alone = engine.encode(piece);
        for length in LINE_LENGTHS.into_iter().filter(|length| alone.len() > *length) {
            let lines = alone.as_bytes().chunks(length);
            let long = lines.filter(|line| line.len() >= PIECE_BYTES_MIN);
            forms.extend(long.map(|line| String::from_utf8_lossy(line).into_owned()));
        }
        forms.push(alone.trim_end_matches('=').to_owned());
        forms.push(alone);
        for shift in 0..3 {
            let shifted = [&[0; 2][..shift], piece.as_bytes()].concat();
            let encoded = engine.encode(&shifted);
            let own = (shift * 8).div_ceil(6)..shifted.len() * 8 / 6;
            forms.extend(
                encoded
                    .get(own)
                    .filter(|own| own.len() >= BASE64_MIN)
                    .map(str::to_owned),
            );
        }
    }
}
