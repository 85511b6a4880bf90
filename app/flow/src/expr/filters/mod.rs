//! Filters and tests.
//!
//! Those of the engine run only after what they are given has been paid for; those that could make much out of little, or would
//! write values in another form than we do, are our own. There is none that reads a clock, chance or the environment.

mod encodings;
mod lists;
mod texts;

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters, tests};

use super::json::kind_word;
use super::meter::{Meter, weigh};
use super::ops::{compare, defined};

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
    ("capitalize", Cost::Texts, || {
        Value::from_function(filters::capitalize)
    }),
    ("count", Cost::Texts, || Value::from_function(filters::length)),
    ("d", Cost::Texts, || Value::from_function(filters::default)),
    ("default", Cost::Texts, || Value::from_function(filters::default)),
    ("dictsort", Cost::Sorted, || {
        Value::from_function(filters::dictsort)
    }),
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
    ("rejectattr", Cost::Items, || {
        Value::from_function(filters::rejectattr)
    }),
    ("reverse", Cost::Items, || Value::from_function(filters::reverse)),
    ("round", Cost::Texts, || Value::from_function(filters::round)),
    ("select", Cost::Items, || Value::from_function(filters::select)),
    ("selectattr", Cost::Items, || {
        Value::from_function(filters::selectattr)
    }),
    ("slice", Cost::Made, || Value::from_function(filters::slice)),
    ("sort", Cost::Sorted, || Value::from_function(filters::sort)),
    ("title", Cost::Texts, || Value::from_function(filters::title)),
    ("trim", Cost::Texts, || Value::from_function(filters::trim)),
    ("unique", Cost::Sorted, || Value::from_function(filters::unique)),
    ("upper", Cost::Texts, || Value::from_function(filters::upper)),
    ("urlencode", Cost::All, || {
        Value::from_function(filters::urlencode)
    }),
];

/// Our own filters.
const OWN: &[&str] = &[
    "b64decode",
    "b64encode",
    "chain",
    "flatten",
    "format",
    "fromjson",
    "indent",
    "items",
    "join",
    "keys",
    "lines",
    "replace",
    "sha256",
    "split",
    "string",
    "sum",
    "tojson",
    "values",
    "zip",
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

/// The names of a table alone: who looks at them needs no filter's code.
macro_rules! names_of {
    ($table:ident) => {{
        let mut names = [""; $table.len()];
        let mut ix = 0;
        while ix < names.len() {
            names[ix] = $table[ix].0;
            ix += 1;
        }
        names
    }};
}

const BUILTIN_NAMES: [&str; BUILTIN.len()] = names_of!(BUILTIN);
const TEST_NAMES: [&str; TESTS.len()] = names_of!(TESTS);

/// The names of all filters.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN_NAMES.iter().chain(OWN).copied()
}

/// The names of all tests.
pub(super) fn test_names() -> impl Iterator<Item = &'static str> {
    TEST_NAMES
        .iter()
        .copied()
        .chain(COMPARING.iter().map(|(name, _)| *name))
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
        env.add_filter(
            *name,
            move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
                let args = args.into_values();
                let meter = Meter::of(state)?;
                pay(&meter, cost, &args)?;
                let result = inner.call(state, &args)?;
                meter.check()?;
                Ok::<_, Error>(result)
            },
        );
    }
    for (name, make) in TESTS {
        let inner = make();
        env.add_test(
            *name,
            move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
                let args = args.into_values();
                pay(&*Meter::of(state)?, Cost::Texts, &args)?;
                inner.call(state, &args).map(|value| value.is_true())
            },
        );
    }
    for (name, sign) in COMPARING {
        env.add_test(*name, |state: &mut State<'_, '_>, a: &Value, b: &Value| {
            compare(&*Meter::of(state)?, sign, a, b).map(|value| value.is_true())
        });
    }
    texts::add_to(env);
    lists::add_to(env);
    encodings::add_to(env);
}

fn fail<T>(sentence: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, sentence.into()))
}

/// Pays for a filter of the engine before it runs.
fn pay(meter: &Meter, cost: Cost, args: &[Value]) -> Result<(), Error> {
    let Some(subject) = args.first() else {
        return Ok(());
    };
    let items = subject
        .as_object()
        .and_then(|object| object.enumerator_len())
        .unwrap_or(0);
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
fn pay_for_argument(
    meter: &Meter,
    arg: &Value,
    items: usize,
    attribute: &mut Option<String>,
) -> Result<(), Error> {
    if let Some(text) = arg.as_str() {
        return meter.charge((text.len() as u64).saturating_mul(items as u64 + 1));
    }
    if !arg.is_kwargs() {
        return Ok(());
    }
    for (name, value) in arg
        .as_object()
        .and_then(|named| named.try_iter_pairs())
        .into_iter()
        .flatten()
    {
        pay_for_argument(meter, &value, items, attribute)?;
        if name.as_str() == Some("attribute") {
            *attribute = value.as_str().map(str::to_owned);
        }
    }
    Ok(())
}

/// What comparing each item once costs: the items, or what an attribute of them holds.
fn compared(meter: &Meter, subject: &Value, attribute: Option<&str>) -> Result<u64, Error> {
    let Some(attribute) = attribute else {
        return weigh(subject, meter);
    };
    let mut sum = 0_u64;
    for item in subject.try_iter()?.checked() {
        let item = item?;
        for path in attribute.split(',') {
            let found = path.trim().split('.').try_fold(item.clone(), |at, step| {
                let key = step
                    .parse::<usize>()
                    .map_or_else(|_| Value::from(step), Value::from);
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
