//! Filters on lists and objects.

use minijinja::value::{Kwargs, Rest, ValueIter, ValueKind};
use minijinja::{Environment, Error, State, Value};

use super::super::json::kind_word;
use super::super::meter::Meter;
use super::super::ops::{add_numbers, defined, items_of};
use super::super::text::Paying;
use super::fail;

/// Adds them.
pub(super) fn add_to(env: &mut Environment<'_>) {
    env.add_filter(
        "join",
        |state: &mut State<'_, '_>, value: &Value, joiner: Option<String>, named: Kwargs| {
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
        },
    );
    env.add_filter(
        "sum",
        |state: &mut State<'_, '_>, value: &Value, attribute: Option<String>, named: Kwargs| {
            defined(value)?;
            let attribute = attribute.map_or_else(
                || named.get::<Option<String>>("attribute"),
                |attribute| Ok(Some(attribute)),
            )?;
            let mut sum = named
                .get::<Option<Value>>("start")?
                .unwrap_or_else(|| Value::from(0));
            named.assert_all_used()?;
            let meter = Meter::of(state)?;
            for item in list_of(value, "sum")?.checked() {
                meter.charge(16)?;
                sum = add_numbers(&sum, &picked(&meter, item?, attribute.as_deref())?)?;
            }
            Ok::<_, Error>(sum)
        },
    );
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
    env.add_filter(
        "chain",
        |state: &mut State<'_, '_>, value: &Value, others: Rest<Value>| {
            let meter = Meter::of(state)?;
            let mut all = items_of(&meter, value)?;
            for other in others.iter() {
                all.extend(items_of(&meter, other)?);
            }
            Ok::<_, Error>(Value::from(all))
        },
    );
    env.add_filter(
        "zip",
        |state: &mut State<'_, '_>, value: &Value, others: Rest<Value>| {
            let meter = Meter::of(state)?;
            let mut lists = vec![items_of(&meter, value)?];
            for other in others.iter() {
                lists.push(items_of(&meter, other)?);
            }
            let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
            let row = |ix: usize| {
                Value::from(
                    lists
                        .iter()
                        .filter_map(|list| list.get(ix).cloned())
                        .collect::<Vec<_>>(),
                )
            };
            Ok::<_, Error>(Value::from((0..shortest).map(row).collect::<Vec<_>>()))
        },
    );
    env.add_filter("keys", |state: &mut State<'_, '_>, value: &Value| {
        Ok::<_, Error>(Value::from(keys_of(&*Meter::of(state)?, value, "keys")?))
    });
    env.add_filter("values", |state: &mut State<'_, '_>, value: &Value| {
        let keys = keys_of(&*Meter::of(state)?, value, "values")?;
        keys.iter()
            .map(|key| value.get_item(key))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::from)
    });
    env.add_filter("items", |state: &mut State<'_, '_>, value: &Value| {
        let keys = keys_of(&*Meter::of(state)?, value, "items")?;
        let pair = |key: Value| value.get_item(&key).map(|item| Value::from(vec![key, item]));
        keys.into_iter()
            .map(pair)
            .collect::<Result<Vec<_>, _>>()
            .map(Value::from)
    });
}

fn list_of(value: &Value, filter: &str) -> Result<ValueIter, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => value.try_iter(),
        _ => fail(format!("`{filter}` needs a list, not {}", kind_word(value))),
    }
}

fn keys_of(meter: &Meter, value: &Value, filter: &str) -> Result<Vec<Value>, Error> {
    defined(value)?;
    match value.kind() {
        // Each key is looked up again by some callers and may come with a value.
        ValueKind::Map => meter
            .charge_items(2 * value.len().unwrap_or(0))
            .and_then(|()| items_of(meter, value)),
        _ => fail(format!("`{filter}` needs an object, not {}", kind_word(value))),
    }
}

/// The item itself or the attribute of it at a dotted path.
fn picked(meter: &Meter, item: Value, attribute: Option<&str>) -> Result<Value, Error> {
    let Some(attribute) = attribute else {
        return Ok(item);
    };
    meter.charge(attribute.len() as u64)?;
    let mut at = item;
    for step in attribute.split('.') {
        let key = step
            .parse::<usize>()
            .map_or_else(|_| Value::from(step), Value::from);
        at = at.get_item(&key)?;
        if at.is_undefined() {
            return fail(format!("an item of the list has no `{attribute}`"));
        }
    }
    Ok(at)
}
