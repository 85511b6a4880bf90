//! Filters on texts.

use minijinja::formatting::{FormatStyle, format as printf};
use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};

use super::super::meter::{Meter, weigh};
use super::super::ops::defined;
use super::super::text::to_text;
use super::{fail, text_of};

/// Adds them.
pub(super) fn add_to(env: &mut Environment<'_>) {
    env.add_filter("string", |state: &mut State<'_, '_>, value: &Value| {
        defined(value)?;
        to_text(value, &*Meter::of(state)?)
    });
    env.add_filter(
        "replace",
        |state: &mut State<'_, '_>, value: &Value, from: &Value, to: &Value| {
            let (text, from, to) = (
                text_of(value, "replace")?,
                text_of(from, "replace")?,
                text_of(to, "replace")?,
            );
            let meter = Meter::of(state)?;
            meter.charge((text.len() + from.len()) as u64)?;
            if from.is_empty() {
                return fail("`replace` needs a text to look for");
            }
            let count = text.matches(from).count() as u64;
            meter.charge_text(text.len() as u64 + count.saturating_mul(to.len() as u64))?;
            Ok(text.replace(from, to))
        },
    );
    env.add_filter(
        "split",
        |state: &mut State<'_, '_>, value: &Value, separator: Option<String>, most: Option<i64>| {
            let text = text_of(value, "split")?;
            let most = most
                .and_then(|most| usize::try_from(most).ok())
                .map_or(usize::MAX, |most| most.saturating_add(1));
            let meter = Meter::of(state)?;
            meter.charge(text.len() as u64)?;
            match separator.as_deref() {
                Some("") => fail("`split` needs a text to split at"),
                Some(separator) => pieces(&meter, text.splitn(most, separator)),
                None if most == usize::MAX => pieces(&meter, text.split_whitespace()),
                None => pieces(&meter, text.trim().splitn(most, char::is_whitespace)),
            }
        },
    );
    env.add_filter("lines", |state: &mut State<'_, '_>, value: &Value| {
        pieces(&*Meter::of(state)?, text_of(value, "lines")?.lines())
    });
    env.add_filter(
        "indent",
        |state: &mut State<'_, '_>, value: &Value, width: Option<usize>, first: Option<bool>| {
            let text = text_of(value, "indent")?;
            let width = width.unwrap_or(4);
            let meter = Meter::of(state)?;
            meter.charge_text(
                (width as u64)
                    .saturating_mul(text.lines().count() as u64 + 1)
                    .saturating_add(text.len() as u64),
            )?;
            let blanks = " ".repeat(width);
            let start = if first == Some(true) { blanks.as_str() } else { "" };
            Ok::<_, Error>(format!("{start}{}", text.replace('\n', &format!("\n{blanks}"))))
        },
    );
    env.add_filter(
        "format",
        |state: &mut State<'_, '_>, value: &Value, args: Rest<ValueOrKwargs>| {
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
            printf(FormatStyle::Printf, text, &args)
        },
    );
}

/// A width of millions would make millions of blanks.
fn check_widths(format: &str) -> Result<(), Error> {
    let is_wide = format
        .split(|c: char| !c.is_ascii_digit())
        .any(|digits| digits.len() > 3);
    let is_given = format.split('%').skip(1).any(|rest| {
        rest.chars()
            .take_while(|c| !c.is_ascii_alphabetic() && *c != '%')
            .any(|c| c == '*')
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
