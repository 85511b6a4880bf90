//! The operators that could take more than constant time, as functions that pay first.
//!
//! The engine would join and repeat texts up to any length, keep joined lists as chains that are walked again at each use, and
//! compare whole documents in one step of its own count.

use std::cmp::Ordering;

use minijinja::value::{Kwargs, ObjectRepr, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::json::{key_text, kind_word};
use super::meter::{Meter, weigh};
use super::text::Paying;
use crate::limits;

/// `value[key]`
pub(super) const ITEM: &str = "[]";
/// `value[from:to:step]`
pub(super) const SLICE: &str = "[:]";
/// `{key: …}`
pub(super) const KEY: &str = "{}";
/// `a < b < c`
pub(super) const CHAIN: &str = "<<";
/// `for … in value`
pub(super) const EACH: &str = "for";
/// What an author may call.
pub(super) const FUNCTIONS: [&str; 2] = ["range", "dict"];

/// Adds the operators and functions.
pub(super) fn add_to(env: &mut Environment<'_>) {
    env.add_function("+", add);
    env.add_function("*", multiply);
    env.add_function("~", concat);
    for sign in ["==", "!=", "<", "<=", ">", ">=", "in", "not in"] {
        env.add_function(sign, move |state: &mut State<'_, '_>, a: &Value, b: &Value| {
            compare(&*Meter::of(state)?, sign, a, b)
        });
    }
    env.add_function(CHAIN, chain);
    env.add_function(ITEM, item);
    env.add_function(SLICE, slice);
    env.add_function(KEY, |state: &mut State<'_, '_>, key: &Value| {
        defined(key)?;
        let text = key_text(key)?;
        Meter::of(state)?.charge(text.len() as u64)?;
        Ok::<_, Error>(Value::from(text))
    });
    env.add_function(EACH, each);
    env.add_function("range", range);
    env.add_function("dict", dict);
}

/// Refuses a value that is not there.
pub(super) fn defined(value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        Err(Error::from(ErrorKind::UndefinedError))
    } else {
        Ok(())
    }
}

fn fail<T>(sentence: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, sentence.into()))
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// The items of a list, each paid for.
pub(super) fn items_of(meter: &Meter, value: &Value) -> Result<Vec<Value>, Error> {
    let mut items = Vec::new();
    for item in value.try_iter()?.checked() {
        meter.charge_items(1)?;
        items.push(item?);
    }
    meter.check()?;
    Ok(items)
}

fn add(state: &mut State<'_, '_>, a: &Value, b: &Value) -> Result<Value, Error> {
    defined(a)?;
    defined(b)?;
    let meter = Meter::of(state)?;
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        meter.charge_text((a.len() + b.len()) as u64)?;
        return Ok(Value::from([a, b].concat()));
    }
    if is_list(a) && is_list(b) {
        let mut items = items_of(&meter, a)?;
        items.extend(items_of(&meter, b)?);
        return Ok(Value::from(items));
    }
    match numbers(a, b) {
        Some(Pair::Whole(a, b)) => whole(a.checked_add(b), "+"),
        Some(Pair::Real(a, b)) => Ok(Value::from(a + b)),
        None if a.as_str().is_some() || b.as_str().is_some() => fail(format!(
            "`+` cannot add {} and {}; join texts with `~`",
            kind_word(a),
            kind_word(b)
        )),
        None => fail(format!("`+` cannot add {} and {}", kind_word(a), kind_word(b))),
    }
}

fn multiply(state: &mut State<'_, '_>, a: &Value, b: &Value) -> Result<Value, Error> {
    defined(a)?;
    defined(b)?;
    let meter = Meter::of(state)?;
    let (thing, times) = if a.is_number() { (b, a) } else { (a, b) };
    if thing.is_number() {
        return match numbers(a, b) {
            Some(Pair::Whole(a, b)) => whole(a.checked_mul(b), "*"),
            Some(Pair::Real(a, b)) => Ok(Value::from(a * b)),
            None => fail(format!(
                "`*` cannot multiply {} and {}",
                kind_word(a),
                kind_word(b)
            )),
        };
    }
    let Some(times) = times.as_usize() else {
        return fail(format!(
            "`*` cannot multiply {} and {}",
            kind_word(a),
            kind_word(b)
        ));
    };
    if let Some(text) = thing.as_str() {
        meter.charge_text((text.len() as u64).saturating_mul(times as u64))?;
        return Ok(Value::from(text.repeat(times)));
    }
    if !is_list(thing) {
        return fail(format!(
            "`*` cannot multiply {} and {}",
            kind_word(a),
            kind_word(b)
        ));
    }
    let once = items_of(&meter, thing)?;
    meter.charge_items(once.len().saturating_mul(times))?;
    Ok(Value::from(
        once.iter()
            .cycle()
            .take(once.len() * times)
            .cloned()
            .collect::<Vec<_>>(),
    ))
}

fn concat(state: &mut State<'_, '_>, a: &Value, b: &Value) -> Result<Value, Error> {
    defined(a)?;
    defined(b)?;
    let meter = Meter::of(state)?;
    let mut text = String::new();
    let mut out = Paying::between(&mut text, &meter);
    out.text(a)?;
    out.text(b)?;
    Ok(Value::from(text))
}

enum Pair {
    Whole(i128, i128),
    Real(f64, f64),
}

fn numbers(a: &Value, b: &Value) -> Option<Pair> {
    if !a.is_number() || !b.is_number() {
        return None;
    }
    if a.is_integer() && b.is_integer() {
        return Some(Pair::Whole(
            i128::try_from(a.clone()).ok()?,
            i128::try_from(b.clone()).ok()?,
        ));
    }
    Some(Pair::Real(real(a)?, real(b)?))
}

fn real(value: &Value) -> Option<f64> {
    if value.is_integer() {
        i128::try_from(value.clone()).ok().map(|whole| whole as f64)
    } else {
        f64::try_from(value.clone()).ok()
    }
}

fn whole(result: Option<i128>, sign: &str) -> Result<Value, Error> {
    match result {
        Some(result) => Ok(i64::try_from(result).map_or_else(|_| Value::from(result), Value::from)),
        None => fail(format!("the result of `{sign}` is too large")),
    }
}

/// The sum of two numbers; for the filter `sum`.
pub(super) fn add_numbers(a: &Value, b: &Value) -> Result<Value, Error> {
    match numbers(a, b) {
        Some(Pair::Whole(a, b)) => whole(a.checked_add(b), "sum"),
        Some(Pair::Real(a, b)) => Ok(Value::from(a + b)),
        None => fail(format!("only numbers can be summed, not {}", kind_word(b))),
    }
}

/// One comparison.
pub(super) fn compare(meter: &Meter, sign: &str, a: &Value, b: &Value) -> Result<Value, Error> {
    defined(a)?;
    defined(b)?;
    let result = match sign {
        "in" => contains(meter, b, a)?,
        "not in" => !contains(meter, b, a)?,
        _ => {
            pay_to_compare(meter, a, b)?;
            match sign {
                "==" => a == b,
                "!=" => a != b,
                _ => ordered(sign, a, b)?,
            }
        }
    };
    meter.check()?;
    Ok(Value::from(result))
}

fn ordered(sign: &str, a: &Value, b: &Value) -> Result<bool, Error> {
    let is_same_kind = (a.is_number() && b.is_number()) || (is_list(a) && is_list(b)) || a.kind() == b.kind();
    if !is_same_kind || matches!(a.kind(), ValueKind::None | ValueKind::Map) {
        // The engine would order any two values by their kinds, which hides mistakes such as `"10" < 9`.
        return fail(format!(
            "`{sign}` cannot compare {} and {}",
            kind_word(a),
            kind_word(b)
        ));
    }
    let order = a.partial_cmp(b);
    Ok(match sign {
        "<" => order == Some(Ordering::Less),
        "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        ">" => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// Comparing costs at most what the smaller side holds, but which that is is not known before.
fn pay_to_compare(meter: &Meter, a: &Value, b: &Value) -> Result<(), Error> {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => meter.charge(a.len().min(b.len()) as u64),
        _ if a.as_object().is_some() && b.as_object().is_some() => {
            let cost = weigh(a, meter)? + weigh(b, meter)?;
            meter.charge(2 * cost)
        }
        _ => Ok(()),
    }
}

fn contains(meter: &Meter, container: &Value, value: &Value) -> Result<bool, Error> {
    if let Some(text) = container.as_str() {
        let Some(part) = value.as_str() else {
            return fail(format!(
                "a text can contain only a text, not {}",
                kind_word(value)
            ));
        };
        meter.charge((text.len() + part.len()) as u64)?;
        return Ok(text.contains(part));
    }
    match container.as_object().map(|object| object.repr()) {
        Some(ObjectRepr::Map) => Ok(match value.as_str() {
            Some(key) => {
                meter.charge(key.len() as u64)?;
                container.get_attr(key).is_ok_and(|found| !found.is_undefined())
            }
            None => false,
        }),
        Some(ObjectRepr::Seq | ObjectRepr::Iterable) => {
            for item in container.try_iter()?.checked() {
                let item = item?;
                meter.charge_items(1)?;
                pay_to_compare(meter, &item, value)?;
                if item == *value {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => fail(format!(
            "`in` needs a text, a list or an object on its right, not {}",
            kind_word(container)
        )),
    }
}

fn chain(state: &mut State<'_, '_>, args: Rest<Value>) -> Result<Value, Error> {
    let meter = Meter::of(state)?;
    let mut left = args.first().cloned().unwrap_or_default();
    for pair in args.get(1..).unwrap_or_default().chunks_exact(2) {
        let [sign, right] = pair else { continue };
        if !compare(&meter, sign.as_str().unwrap_or_default(), &left, right)?.is_true() {
            return Ok(Value::from(false));
        }
        left = right.clone();
    }
    Ok(Value::from(true))
}

fn item(state: &mut State<'_, '_>, base: &Value, key: &Value) -> Result<Value, Error> {
    defined(base)?;
    defined(key)?;
    let meter = Meter::of(state)?;
    match key.kind() {
        ValueKind::String => meter.charge(key.as_str().map_or(0, str::len) as u64)?,
        ValueKind::Number => {}
        _ => {
            return fail(format!(
                "a key must be a text or a number, not {}",
                kind_word(key)
            ));
        }
    }
    if let Some(text) = base.as_str() {
        let Some(place) = key.as_i64() else {
            return Ok(Value::UNDEFINED);
        };
        let letters = Letters::of(text, &meter)?;
        let place = if place < 0 {
            place + letters.count() as i64
        } else {
            place
        };
        let letter = usize::try_from(place).ok().and_then(|place| letters.at(place));
        return Ok(letter.map_or(Value::UNDEFINED, Value::from));
    }
    if base.kind() == ValueKind::Iterable {
        meter.charge_items(base.len().unwrap_or(0))?;
    } else if base.is_none() {
        return Ok(Value::UNDEFINED);
    }
    base.get_item(key)
}

fn slice(
    state: &mut State<'_, '_>,
    base: &Value,
    from: &Value,
    to: &Value,
    step: &Value,
) -> Result<Value, Error> {
    for value in [base, from, to, step] {
        defined(value)?;
    }
    let meter = Meter::of(state)?;
    let bounds = (bound(from)?, bound(to)?, bound(step)?.unwrap_or(1));
    if bounds.2 == 0 {
        return fail("a slice cannot have the step 0");
    }
    if let Some(text) = base.as_str() {
        let letters = Letters::of(text, &meter)?;
        let places = indices(letters.count(), bounds, &meter)?;
        return Ok(Value::from(
            places
                .into_iter()
                .filter_map(|ix| letters.at(ix))
                .collect::<String>(),
        ));
    }
    if !is_list(base) {
        return fail(format!("{} cannot be sliced", kind_word(base)));
    }
    let items = items_of(&meter, base)?;
    Ok(Value::from(
        indices(items.len(), bounds, &meter)?
            .into_iter()
            .filter_map(|ix| items.get(ix).cloned())
            .collect::<Vec<_>>(),
    ))
}

fn bound(value: &Value) -> Result<Option<i64>, Error> {
    if value.is_none() {
        Ok(None)
    } else {
        i64::try_from(value.clone()).map(Some)
    }
}

/// The places a slice takes out of `len`, as Python counts them.
fn indices(
    len: usize,
    (from, to, step): (Option<i64>, Option<i64>, i64),
    meter: &Meter,
) -> Result<Vec<usize>, Error> {
    let len = len as i64;
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let place = |given: Option<i64>, default: i64| match given {
        None => default,
        Some(place) if place < 0 => place.saturating_add(len).clamp(low, high),
        Some(place) => place.clamp(low, high),
    };
    let (mut at, end) = if step > 0 {
        (place(from, 0), place(to, len))
    } else {
        (place(from, len - 1), place(to, -1))
    };
    let mut places = Vec::new();
    while (step > 0 && at < end) || (step < 0 && at > end) {
        meter.charge(8)?;
        places.push(at as usize);
        at = at.saturating_add(step);
    }
    Ok(places)
}

/// The letters of a text by their places. Walking letters of several bytes is dear, so only such texts are taken apart.
enum Letters<'t> {
    Short(&'t [u8]),
    Long(Vec<char>),
}

impl<'t> Letters<'t> {
    fn of(text: &'t str, meter: &Meter) -> Result<Self, Error> {
        meter.charge(text.len() as u64)?;
        if text.is_ascii() {
            return Ok(Self::Short(text.as_bytes()));
        }
        meter.charge((text.len() as u64).saturating_mul(4))?;
        Ok(Self::Long(text.chars().collect()))
    }

    fn count(&self) -> usize {
        match self {
            Self::Short(bytes) => bytes.len(),
            Self::Long(chars) => chars.len(),
        }
    }

    fn at(&self, place: usize) -> Option<char> {
        match self {
            Self::Short(bytes) => bytes.get(place).map(|byte| char::from(*byte)),
            Self::Long(chars) => chars.get(place).copied(),
        }
    }
}

/// What a loop runs over; texts are no lists of letters here.
fn each(state: &mut State<'_, '_>, value: &Value) -> Result<Value, Error> {
    defined(value)?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => Ok(value.clone()),
        ValueKind::Map => {
            Meter::of(state)?.charge_items(value.len().unwrap_or(0))?;
            Ok(value.clone())
        }
        _ => fail(format!(
            "a loop needs a list or an object, not {}",
            kind_word(value)
        )),
    }
}

fn range(state: &mut State<'_, '_>, from: i64, to: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (from, to) = to.map_or((0, from), |to| (from, to));
    let step = step.unwrap_or(1);
    if step == 0 {
        return fail("`range` cannot have the step 0");
    }
    let way = if step > 0 {
        i128::from(to) - i128::from(from)
    } else {
        i128::from(from) - i128::from(to)
    };
    let count = way
        .max(0)
        .unsigned_abs()
        .div_ceil(u128::from(step.unsigned_abs()));
    if count > u128::from(limits::RANGE_MAX) {
        return fail(format!(
            "`range` can give at most {} numbers, not {count}",
            limits::RANGE_MAX
        ));
    }
    Meter::of(state)?.charge_items(count as usize)?;
    Ok(Value::from(
        (0..count as i64)
            .map(|n| Value::from(from + n * step))
            .collect::<Vec<_>>(),
    ))
}

fn dict(state: &mut State<'_, '_>, base: Option<Value>, fields: Kwargs) -> Result<Value, Error> {
    let meter = Meter::of(state)?;
    let mut pairs: Vec<(Value, Value)> = Vec::new();
    if let Some(base) = base {
        if base.kind() != ValueKind::Map {
            return fail(format!("`dict` needs an object, not {}", kind_word(&base)));
        }
        for key in items_of(&meter, &base)? {
            let value = base.get_item(&key)?;
            pairs.push((key, value));
        }
    }
    for name in fields.args() {
        pairs.push((Value::from(name), fields.get(name)?));
    }
    Ok(Value::from_pairs(pairs))
}
