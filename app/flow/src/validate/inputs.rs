//! Whether the inputs a flow declares make sense.

use super::Check;
use crate::doc::InputDoc;
use crate::inputs::{is_range_kind, is_text_kind, wrong_value};
use crate::limits;
use crate::parse::join;

pub(super) fn check(check: &mut Check<'_>) {
    let doc = check.doc;
    for (name, input) in &doc.inputs {
        let path = join("inputs", name);
        names(check, &path, name);
        bounds(check, &path, input);
        choices(check, &path, input);
        default(check, &path, input);
    }
}

fn names(check: &mut Check<'_>, path: &str, name: &str) {
    let is_name = name.len() <= limits::ID_BYTES_MAX
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    if !is_name {
        let message = format!(
            "`{}` cannot name an input: names have letters, digits, `_` and `-`, begin with a letter and are at most 64 long",
            name.escape_debug()
        );
        check.error("bad_id", path, message);
    }
}

fn bounds(check: &mut Check<'_>, path: &str, input: &InputDoc) {
    if let (Some(least), Some(most)) = (input.minimum, input.maximum)
        && least > most
    {
        check.error(
            "bad_input",
            join(path, "minimum"),
            format!("the least number {least} is above the greatest, {most}"),
        );
    }
    if let (Some(least), Some(most)) = (input.min_length, input.max_length)
        && least > most
    {
        check.error(
            "bad_input",
            join(path, "min_length"),
            format!("the least length {least} is above the greatest, {most}"),
        );
    }
    let ranges = [
        ("minimum", input.minimum.is_some()),
        ("maximum", input.maximum.is_some()),
    ];
    let lengths = [
        ("min_length", input.min_length.is_some()),
        ("max_length", input.max_length.is_some()),
    ];
    let unused = |fields: [(&'static str, bool); 2], is_used: bool| {
        fields
            .into_iter()
            .filter(move |(_, is_set)| *is_set && !is_used)
            .map(|(name, _)| name)
    };
    for field in unused(ranges, is_range_kind(input.input_type)) {
        check.warning(
            "bad_input",
            join(path, field),
            format!("`{field}` has no effect: the input is no number"),
        );
    }
    for field in unused(lengths, is_text_kind(input.input_type)) {
        check.warning(
            "bad_input",
            join(path, field),
            format!("`{field}` has no effect: the input is no text"),
        );
    }
}

fn choices(check: &mut Check<'_>, path: &str, input: &InputDoc) {
    // The choices themselves must fit everything but the choice.
    let spec = InputDoc {
        choices: Vec::new(),
        ..input.clone()
    };
    for (at, choice) in input.choices.iter().enumerate() {
        if let Some(wrong) = wrong_value(&spec, choice) {
            check.error(
                "bad_input",
                format!("{path}.enum[{at}]"),
                format!("this choice can never be given: {wrong}"),
            );
        } else if input.choices[..at].contains(choice) {
            check.warning(
                "bad_input",
                format!("{path}.enum[{at}]"),
                "this choice stands here twice",
            );
        }
        // Beyond a hundred, comparing each with each is no service any more.
        if at == 100 {
            break;
        }
    }
}

fn default(check: &mut Check<'_>, path: &str, input: &InputDoc) {
    let Some(default) = &input.default else { return };
    if let Some(wrong) = wrong_value(input, default) {
        check.error(
            "bad_default",
            join(path, "default"),
            format!("the default does not fit the input: {wrong}"),
        );
    }
    if input.required {
        let message = "`required` has no effect: a run that is given nothing gets the default";
        check.warning("required_default", join(path, "required"), message);
    }
}
