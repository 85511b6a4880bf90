//! Filters between values and texts that stand for them: JSON, base64, SHA-256.

use std::sync::Arc;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, State, Value};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::super::json::share;
use super::super::meter::Meter;
use super::super::ops::defined;
use super::super::text::Paying;
use super::{fail, text_of};
use crate::payload::hex;

/// Adds them.
pub(super) fn add_to(env: &mut Environment<'_>) {
    env.add_filter(
        "tojson",
        |state: &mut State<'_, '_>, value: &Value, indent: Option<Value>, named: Kwargs| {
            defined(value)?;
            let indent =
                indent.map_or_else(|| named.get::<Option<Value>>("indent"), |indent| Ok(Some(indent)))?;
            named.assert_all_used()?;
            let blanks = match indent {
                None => None,
                Some(indent) if indent.kind() == ValueKind::Bool => indent.is_true().then_some(2),
                Some(indent) => match indent.as_usize() {
                    Some(blanks) if blanks <= 16 => Some(blanks),
                    _ => return fail("`tojson` takes an indent of at most 16"),
                },
            };
            let meter = Meter::of(state)?;
            let mut text = String::new();
            Paying::between(&mut text, &meter).json(value, blanks, 0)?;
            Ok(text)
        },
    );
    env.add_filter("fromjson", |state: &mut State<'_, '_>, value: &Value| {
        let text = text_of(value, "fromjson")?;
        let meter = Meter::of(state)?;
        // A number of one digit becomes a value of 32 bytes, with its share of the list's spare room.
        let values = text
            .bytes()
            .filter(|byte| matches!(byte, b',' | b'[' | b'{'))
            .count();
        meter.charge(text.len() as u64)?;
        meter.charge_items(values)?;
        match serde_json::from_str::<Json>(text) {
            Ok(json) => Ok(share(&Arc::new(json), &meter)),
            Err(error) => fail(format!("`fromjson`: the text is no JSON: {error}")),
        }
    });
    env.add_filter("b64encode", |state: &mut State<'_, '_>, value: &Value| {
        let text = text_of(value, "b64encode")?;
        Meter::of(state)?.charge(2 * text.len() as u64)?;
        Ok::<_, Error>(b64_encode(text.as_bytes()))
    });
    env.add_filter("b64decode", |state: &mut State<'_, '_>, value: &Value| {
        let text = text_of(value, "b64decode")?;
        Meter::of(state)?.charge(2 * text.len() as u64)?;
        match b64_decode(text).map(String::from_utf8) {
            Some(Ok(text)) => Ok(text),
            Some(Err(_)) => fail("`b64decode` gives bytes that are no text"),
            None => fail("`b64decode`: the text is no base64"),
        }
    });
    env.add_filter("sha256", |state: &mut State<'_, '_>, value: &Value| {
        let text = text_of(value, "sha256")?;
        // Hashing a byte takes longer than copying it.
        Meter::of(state)?.charge((text.len() as u64).saturating_mul(4))?;
        Ok::<_, Error>(hex(&Sha256::digest(text.as_bytes())))
    });
}

const B64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn b64_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let three = [
            chunk[0],
            chunk.get(1).copied().unwrap_or(0),
            chunk.get(2).copied().unwrap_or(0),
        ];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            let letter = B64[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { letter as char } else { '=' });
        }
    }
    text
}

/// Both alphabets, with or without padding; white space is skipped.
fn b64_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    let letters = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let trimmed: Vec<u8> = letters.collect();
    let end = trimmed
        .iter()
        .rposition(|byte| *byte != b'=')
        .map_or(0, |last| last + 1);
    if end % 4 == 1 || trimmed.len() - end > 2 {
        return None;
    }
    for byte in &trimmed[..end] {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}
