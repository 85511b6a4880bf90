//! Filters and tests.
//!
//! Those of the engine run only after what they are given has been paid for; those that could make much out of little, or would
//! write values in another form than we do, are our own. There is none that reads a clock, chance or the environment.

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters, tests};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

use super::json::{Paying, kind_word, share, to_text};
use super::meter::{Meter, weigh};
use super::ops::{add_numbers, compare, defined, items_of};

/// What a filter of the engine costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    /// Nothing but the length of the texts it is given.
    Texts,
    /// Each item of what it is given.
    Items,
    /// Each item, and as many items as its argument says.
    Made,
    /// All that is in it, as it is written or compared once.
    All,
    /// All that is compared, as often as sorting does.
    Sorted,
}

type Make = fn() -> Value;
type Entry = (&'static str, Cost, Make);

/// The filters of the engine that are safe once paid for.
const BUILTIN: &[Entry] = &[
    ("abs", Cost::Texts, || Value::from_function(filters::abs)),
    ("attr", Cost::Texts, || Value::from_function(filters::attr)),
    ("batch", Cost::Made, || Value::from_function(filters::batch)),
    ("bool", Cost::Texts, || Value::from_function(filters::bool)),
    ("capitalize", Cost::Texts, || Value::from_function(filters::capitalize)),
    ("count", Cost::Texts, || Value::from_function(filters::length)),
    ("d", Cost::Texts, || Value::from_function(filters::default)),
    ("default", Cost::Texts, || Value::from_function(filters::default)),
    ("dictsort", Cost::Sorted, || Value::from_function(filters::dictsort)),
    ("first", Cost::Texts, || Value::from_function(filters::first)),
    ("float", Cost::Texts, || Value::from_function(filters::float)),
    ("groupby", Cost::Sorted, || Value::from_function(filters::groupby)),
    ("int", Cost::Texts, || Value::from_function(filters::int)),
    ("last", Cost::Items, || Value::from_function(filters::last)),
    ("length", Cost::Texts, || Value::from_function(filters::length)),
    ("list", Cost::Items, || Value::from_function(filters::list)),
    ("lower", Cost::Texts, || Value::from_function(filters::lower)),
    ("map", Cost::Items, || Value::from_function(filters::map)),
    ("max", Cost::Sorted, || Value::from_function(filters::max)),
    ("min", Cost::Sorted, || Value::from_function(filters::min)),
    ("reject", Cost::Items, || Value::from_function(filters::reject)),
    ("rejectattr", Cost::Items, || Value::from_function(filters::rejectattr)),
    ("reverse", Cost::Items, || Value::from_function(filters::reverse)),
    ("round", Cost::Texts, || Value::from_function(filters::round)),
    ("select", Cost::Items, || Value::from_function(filters::select)),
    ("selectattr", Cost::Items, || Value::from_function(filters::selectattr)),
    ("slice", Cost::Made, || Value::from_function(filters::slice)),
    ("sort", Cost::Sorted, || Value::from_function(filters::sort)),
    ("title", Cost::Texts, || Value::from_function(filters::title)),
    ("trim", Cost::Texts, || Value::from_function(filters::trim)),
    ("unique", Cost::Sorted, || Value::from_function(filters::unique)),
    ("upper", Cost::Texts, || Value::from_function(filters::upper)),
    ("urlencode", Cost::All, || Value::from_function(filters::urlencode)),
];

/// Our own filters.
const OWN: &[&str] = &[
    "b64decode", "b64encode", "chain", "flatten", "format", "fromjson", "indent", "items", "join", "keys", "lines", "replace", "sha256",
    "split", "string", "sum", "tojson", "values", "zip",
];

/// Tests that look at a value's kind only, or at numbers and short texts.
const TESTS: &[(&str, Make)] = &[
    ("boolean", || Value::from_function(tests::is_boolean)),
    ("defined", || Value::from_function(tests::is_defined)),
    ("divisibleby", || Value::from_function(tests::is_divisibleby)),
    ("endingwith", || Value::from_function(tests::is_endingwith)),
    ("even", || Value::from_function(tests::is_even)),
    ("false", || Value::from_function(tests::is_false)),
    ("float", || Value::from_function(tests::is_float)),
    ("integer", || Value::from_function(tests::is_integer)),
    ("iterable", || Value::from_function(tests::is_iterable)),
    ("lower", || Value::from_function(tests::is_lower)),
    ("mapping", || Value::from_function(tests::is_mapping)),
    ("none", || Value::from_function(tests::is_none)),
    ("number", || Value::from_function(tests::is_number)),
    ("odd", || Value::from_function(tests::is_odd)),
    ("sequence", || Value::from_function(tests::is_sequence)),
    ("startingwith", || Value::from_function(tests::is_startingwith)),
    ("string", || Value::from_function(tests::is_string)),
    ("true", || Value::from_function(tests::is_true)),
    ("undefined", || Value::from_function(tests::is_undefined)),
    ("upper", || Value::from_function(tests::is_upper)),
];

/// Tests that compare, with the sign they stand for.
const COMPARING: &[(&str, &str)] = &[
    ("eq", "=="),
    ("equalto", "=="),
    ("ne", "!="),
    ("lt", "<"),
    ("lessthan", "<"),
    ("le", "<="),
    ("gt", ">"),
    ("greaterthan", ">"),
    ("ge", ">="),
    ("in", "in"),
];

/// The names of all filters.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, ..)| *name).chain(OWN.iter().copied())
}

/// The names of all tests.
pub(super) fn test_names() -> impl Iterator<Item = &'static str> {
    TESTS.iter().map(|(name, _)| *name).chain(COMPARING.iter().map(|(name, _)| *name))
}

pub(super) fn is_filter(name: &str) -> bool {
    names().any(|known| known == name)
}

pub(super) fn is_test(name: &str) -> bool {
    test_names().any(|known| known == name)
}

/// Adds all filters and tests.
pub(super) fn add_to(env: &mut Environment<'_>) {
    for (name, cost, make) in BUILTIN {
        let (inner, cost) = (make(), *cost);
        env.add_filter(*name, move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            let meter = Meter::of(state)?;
            pay(&meter, cost, &args)?;
            let result = inner.call(state, &args)?;
            meter.check()?;
            Ok::<_, Error>(result)
        });
    }
    for (name, make) in TESTS {
        let inner = make();
        env.add_test(*name, move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            pay(&*Meter::of(state)?, Cost::Texts, &args)?;
            inner.call(state, &args).map(|value| value.is_true())
        });
    }
    for (name, sign) in COMPARING {
        env.add_test(*name, |state: &mut State<'_, '_>, a: &Value, b: &Value| {
            compare(&*Meter::of(state)?, sign, a, b).map(|value| value.is_true())
        });
    }
    add_texts(env);
    add_lists(env);
    add_encodings(env);
}

fn fail<T>(sentence: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, sentence.into()))
}

/// Pays for a filter of the engine before it runs.
fn pay(meter: &Meter, cost: Cost, args: &[Value]) -> Result<(), Error> {
    let Some(subject) = args.first() else { return Ok(()) };
    let items = subject.as_object().and_then(|object| object.enumerator_len()).unwrap_or(0);
    let text = subject.as_str().map_or(0, str::len) as u64;
    // Changing case can triple a text.
    meter.charge(text.saturating_mul(4))?;
    let mut attribute = None;
    for arg in args.get(1..).unwrap_or_default() {
        pay_for_argument(meter, arg, items, &mut attribute)?;
    }
    match cost {
        Cost::Texts => Ok(()),
        Cost::Items => meter.charge_items(items),
        Cost::Made => {
            meter.charge_items(items)?;
            meter.charge_items(args.get(1).and_then(Value::as_usize).unwrap_or(0))
        }
        Cost::All => weigh(subject, meter).map(drop),
        Cost::Sorted => {
            meter.charge_items(items)?;
            let attribute = attribute.or_else(|| args.get(1).and_then(Value::as_str).map(str::to_owned));
            let once = compared(meter, subject, attribute.as_deref())?;
            meter.charge(once.saturating_mul(u64::from(items.max(1).ilog2())))
        }
    }
}

/// Texts among the arguments are used once for each item; named ones are a map in the last place.
fn pay_for_argument(meter: &Meter, arg: &Value, items: usize, attribute: &mut Option<String>) -> Result<(), Error> {
    if let Some(text) = arg.as_str() {
        return meter.charge((text.len() as u64).saturating_mul(items as u64 + 1));
    }
    if !arg.is_kwargs() {
        return Ok(());
    }
    for (name, value) in arg.as_object().and_then(|named| named.try_iter_pairs()).into_iter().flatten() {
        pay_for_argument(meter, &value, items, attribute)?;
        if name.as_str() == Some("attribute") {
            *attribute = value.as_str().map(str::to_owned);
        }
    }
    Ok(())
}

/// What comparing each item once costs: the items, or what an attribute of them holds.
fn compared(meter: &Meter, subject: &Value, attribute: Option<&str>) -> Result<u64, Error> {
    let Some(attribute) = attribute else { return weigh(subject, meter) };
    let mut sum = 0_u64;
    for item in subject.try_iter()?.checked() {
        let item = item?;
        for path in attribute.split(',') {
            let found = path.trim().split('.').try_fold(item.clone(), |at, step| {
                let key = step.parse::<usize>().map_or_else(|_| Value::from(step), Value::from);
                at.get_item(&key)
            });
            sum = sum.saturating_add(found.map_or(Ok(16), |found| weigh(&found, meter))?);
        }
    }
    Ok(sum)
}

fn text_of<'v>(value: &'v Value, filter: &str) -> Result<&'v str, Error> {
    defined(value)?;
    match value.as_str() {
        Some(text) => Ok(text),
        None => fail(format!("`{filter}` needs a text, not {}", kind_word(value))),
    }
}

fn add_texts(env: &mut Environment<'_>) {
    env.add_filter("string", |state: &mut State<'_, '_>, value: &Value| {
        defined(value)?;
        to_text(value, &*Meter::of(state)?)
    });
    env.add_filter("replace", |state: &mut State<'_, '_>, value: &Value, from: &Value, to: &Value| {
        let (text, from, to) = (text_of(value, "replace")?, text_of(from, "replace")?, text_of(to, "replace")?);
        let meter = Meter::of(state)?;
        meter.charge((text.len() + from.len()) as u64)?;
        if from.is_empty() {
            return fail("`replace` needs a text to look for");
        }
        let count = text.matches(from).count() as u64;
        meter.charge(text.len() as u64 + count.saturating_mul(to.len() as u64))?;
        Ok(text.replace(from, to))
    });
    env.add_filter("split", |state: &mut State<'_, '_>, value: &Value, separator: Option<String>, most: Option<i64>| {
        let text = text_of(value, "split")?;
        let most = most.and_then(|most| usize::try_from(most).ok()).map_or(usize::MAX, |most| most.saturating_add(1));
        let meter = Meter::of(state)?;
        meter.charge(text.len() as u64)?;
        match separator.as_deref() {
            Some("") => fail("`split` needs a text to split at"),
            Some(separator) => pieces(&meter, text.splitn(most, separator)),
            None if most == usize::MAX => pieces(&meter, text.split_whitespace()),
            None => pieces(&meter, text.trim().splitn(most, char::is_whitespace)),
        }
    });
    env.add_filter("lines", |state: &mut State<'_, '_>, value: &Value| pieces(&*Meter::of(state)?, text_of(value, "lines")?.lines()));
    env.add_filter("indent", |state: &mut State<'_, '_>, value: &Value, width: Option<usize>, first: Option<bool>| {
        let text = text_of(value, "indent")?;
        let width = width.unwrap_or(4);
        let meter = Meter::of(state)?;
        meter.charge((width as u64).saturating_mul(text.lines().count() as u64 + 1).saturating_add(text.len() as u64))?;
        let blanks = " ".repeat(width);
        let start = if first == Some(true) { blanks.as_str() } else { "" };
        Ok::<_, Error>(format!("{start}{}", text.replace('\n', &format!("\n{blanks}"))))
    });
    env.add_filter("format", |state: &mut State<'_, '_>, value: &Value, args: Rest<ValueOrKwargs>| {
        let text = text_of(value, "format")?;
        let args = args.into_values();
        let meter = Meter::of(state)?;
        check_widths(text)?;
        meter.charge((text.len() as u64).saturating_mul(1_000))?;
        for arg in &args {
            defined(arg)?;
            let cost = weigh(arg, &meter)?;
            meter.charge(cost.saturating_mul(text.matches('%').count() as u64))?;
        }
        minijinja::formatting::format(minijinja::formatting::FormatStyle::Printf, text, &args)
    });
}

/// A width of millions would make millions of blanks.
fn check_widths(format: &str) -> Result<(), Error> {
    let is_wide = format.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 3);
    let is_given = format.split('%').skip(1).any(|rest| {
        rest.chars().take_while(|c| !c.is_ascii_alphabetic() && *c != '%').any(|c| c == '*')
    });
    if is_wide || is_given {
        return fail("`format` takes widths of at most 3 digits, written in the text");
    }
    Ok(())
}

fn pieces<'t>(meter: &Meter, pieces: impl Iterator<Item = &'t str>) -> Result<Value, Error> {
    let mut list = Vec::new();
    for piece in pieces {
        meter.charge_items(1)?;
        meter.charge(piece.len() as u64)?;
        list.push(Value::from(piece));
    }
    Ok(Value::from(list))
}

fn add_lists(env: &mut Environment<'_>) {
    env.add_filter("join", |state: &mut State<'_, '_>, value: &Value, joiner: Option<String>, named: Kwargs| {
        defined(value)?;
        let attribute: Option<String> = named.get("attribute")?;
        named.assert_all_used()?;
        let meter = Meter::of(state)?;
        let joiner = joiner.unwrap_or_default();
        let mut text = String::new();
        let mut out = Paying::between(&mut text, &meter);
        for (ix, item) in list_of(value, "join")?.checked().enumerate() {
            if ix > 0 {
                out.put(&joiner)?;
            }
            let item = picked(&meter, item?, attribute.as_deref())?;
            if item.is_undefined() {
                return fail("`join`: an item of the list is not there");
            }
            out.text(&item)?;
        }
        Ok::<_, Error>(text)
    });
    env.add_filter("sum", |state: &mut State<'_, '_>, value: &Value, attribute: Option<String>, named: Kwargs| {
        defined(value)?;
        let attribute = attribute.map_or_else(|| named.get::<Option<String>>("attribute"), |attribute| Ok(Some(attribute)))?;
        let mut sum = named.get::<Option<Value>>("start")?.unwrap_or_else(|| Value::from(0));
        named.assert_all_used()?;
        let meter = Meter::of(state)?;
        for item in list_of(value, "sum")?.checked() {
            meter.charge(16)?;
            sum = add_numbers(&sum, &picked(&meter, item?, attribute.as_deref())?)?;
        }
        Ok::<_, Error>(sum)
    });
    env.add_filter("flatten", |state: &mut State<'_, '_>, value: &Value| {
        let meter = Meter::of(state)?;
        let mut flat = Vec::new();
        for item in items_of(&meter, value)? {
            if matches!(item.kind(), ValueKind::Seq | ValueKind::Iterable) {
                flat.extend(items_of(&meter, &item)?);
            } else {
                flat.push(item);
            }
        }
        Ok::<_, Error>(Value::from(flat))
    });
    env.add_filter("chain", |state: &mut State<'_, '_>, value: &Value, others: Rest<Value>| {
        let meter = Meter::of(state)?;
        let mut all = items_of(&meter, value)?;
        for other in others.iter() {
            all.extend(items_of(&meter, other)?);
        }
        Ok::<_, Error>(Value::from(all))
    });
    env.add_filter("zip", |state: &mut State<'_, '_>, value: &Value, others: Rest<Value>| {
        let meter = Meter::of(state)?;
        let mut lists = vec![items_of(&meter, value)?];
        for other in others.iter() {
            lists.push(items_of(&meter, other)?);
        }
        let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
        let row = |ix: usize| Value::from(lists.iter().filter_map(|list| list.get(ix).cloned()).collect::<Vec<_>>());
        Ok::<_, Error>(Value::from((0..shortest).map(row).collect::<Vec<_>>()))
    });
    env.add_filter("keys", |state: &mut State<'_, '_>, value: &Value| Ok::<_, Error>(Value::from(keys_of(&*Meter::of(state)?, value, "keys")?)));
    env.add_filter("values", |state: &mut State<'_, '_>, value: &Value| {
        let keys = keys_of(&*Meter::of(state)?, value, "values")?;
        keys.iter().map(|key| value.get_item(key)).collect::<Result<Vec<_>, _>>().map(Value::from)
    });
    env.add_filter("items", |state: &mut State<'_, '_>, value: &Value| {
        let keys = keys_of(&*Meter::of(state)?, value, "items")?;
        let pair = |key: Value| value.get_item(&key).map(|item| Value::from(vec![key, item]));
        keys.into_iter().map(pair).collect::<Result<Vec<_>, _>>().map(Value::from)
    });
}

fn list_of(value: &Value, filter: &str) -> Result<minijinja::value::ValueIter, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => value.try_iter(),
        _ => fail(format!("`{filter}` needs a list, not {}", kind_word(value))),
    }
}

fn keys_of(meter: &Meter, value: &Value, filter: &str) -> Result<Vec<Value>, Error> {
    defined(value)?;
    match value.kind() {
        // Each key is looked up again by some callers and may come with a value.
        ValueKind::Map => meter.charge_items(2 * value.len().unwrap_or(0)).and_then(|()| items_of(meter, value)),
        _ => fail(format!("`{filter}` needs an object, not {}", kind_word(value))),
    }
}

/// The item itself or the attribute of it at a dotted path.
fn picked(meter: &Meter, item: Value, attribute: Option<&str>) -> Result<Value, Error> {
    let Some(attribute) = attribute else { return Ok(item) };
    meter.charge(attribute.len() as u64)?;
    let mut at = item;
    for step in attribute.split('.') {
        let key = step.parse::<usize>().map_or_else(|_| Value::from(step), Value::from);
        at = at.get_item(&key)?;
        if at.is_undefined() {
            return fail(format!("an item of the list has no `{attribute}`"));
        }
    }
    Ok(at)
}

fn add_encodings(env: &mut Environment<'_>) {
    env.add_filter("tojson", |state: &mut State<'_, '_>, value: &Value, indent: Option<Value>, named: Kwargs| {
        defined(value)?;
        let indent = indent.map_or_else(|| named.get::<Option<Value>>("indent"), |indent| Ok(Some(indent)))?;
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
    });
    env.add_filter("fromjson", |state: &mut State<'_, '_>, value: &Value| {
        let text = text_of(value, "fromjson")?;
        let meter = Meter::of(state)?;
        // A number of one digit becomes a value of 32 bytes.
        meter.charge((text.len() as u64).saturating_mul(8))?;
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
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(text.as_bytes()) {
            write!(hex, "{byte:02x}")?;
        }
        Ok::<_, Error>(hex)
    });
}

const B64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn b64_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let three = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
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
    let end = trimmed.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
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
