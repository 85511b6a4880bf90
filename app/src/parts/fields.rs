//! Fields of forms, made from what their values have to be: the inputs of a flow, what an approval asks. They work without scripts.

use flow::Problem;
use flow::doc::{InputDoc, InputType};
use leptos::prelude::*;
use serde_json::Value;

use crate::error::AppError;
use crate::format;
use crate::icons::Icon;
use crate::parts::Said;
use crate::posted::Posted;

/// What stands in a field at first: what was typed there and refused, or the input's default. A check box that is off is not sent.
#[must_use]
pub fn given(name: &str, input: &InputDoc, posted: Option<&Posted>) -> String {
    match posted {
        Some(posted) => posted
            .field(&format!("fields[{name}]"))
            .unwrap_or_default()
            .to_owned(),
        None => text_of(input.default.as_ref(), input.choices.is_empty()),
    }
}

/// The problem that belongs to a field.
fn problem_of(error: Option<&AppError>, name: &str) -> Option<String> {
    let is_here = |problem: &&Problem| {
        problem
            .field
            .as_deref()
            .is_some_and(|field| field_name(field) == name)
    };
    error?
        .problems
        .iter()
        .find(is_here)
        .map(|problem| problem.message.clone())
}

/// `inputs.date` and `date` both mean the input `date`; so do places inside its value.
fn field_name(path: &str) -> &str {
    let path = path.strip_prefix("inputs.").unwrap_or(path);
    path.split(['.', '[']).next().unwrap_or(path)
}

/// What is wrong with no field in particular.
#[component]
pub fn Elsewhere(
    error: Signal<Option<AppError>>,
    /// The fields of the form.
    names: Vec<String>,
    /// What did not happen, in two words.
    refused: &'static str,
) -> impl IntoView {
    move || {
        let error = error.get()?;
        let names = &names;
        let rest: Vec<String> = error
            .problems
            .iter()
            .filter(|problem| {
                !problem
                    .field
                    .as_deref()
                    .is_some_and(|field| names.iter().any(|name| name == field_name(field)))
            })
            .map(|problem| problem.message.clone())
            .collect();
        let at_fields = rest.is_empty() && !error.problems.is_empty();
        let message = if at_fields {
            format!("{refused}: see the marked fields.")
        } else {
            error.message
        };
        Some(view! {
            <div class="note" data-state="failed" role="alert">
                <Icon name="s-failed"/>
                <div class="grow">
                    <strong><Said text=message/></strong>
                    {rest.into_iter().map(|message| view! { <p><Said text=message/></p> }).collect_view()}
                </div>
            </div>
        })
    }
}

/// A field with its label, its hint and what is wrong with it.
#[component]
pub fn Field(
    /// Its name; the form sends it as `fields[NAME]`.
    name: String,
    /// What it takes.
    input: InputDoc,
    /// What stands in it at first.
    given: String,
    /// What was wrong with the form.
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let id = format!("in-{name}");
    let hint_id = format!("{id}-hint");
    let wrong_id = format!("{id}-wrong");
    let wrong = {
        let name = name.clone();
        Signal::derive(move || error.with(|error| problem_of(error.as_ref(), &name)))
    };
    let described = format!("{hint_id} {wrong_id}");
    let label = input.title.clone().unwrap_or_else(|| name.clone());
    let kind = kind(&input);
    let is_check = input.input_type == InputType::Boolean && input.choices.is_empty();
    let hint = input.description.clone();
    let control = control(&id, &name, &input, given, described, wrong);
    let label = view! {
        <label for=id>
            {label} {input.required.then(|| view! { <span class="kind" title="required">"required"</span> })}
            <span class="kind">{kind}</span>
        </label>
    };
    let (before, after) = if is_check {
        (None, Some(label))
    } else {
        (Some(label), None)
    };
    view! {
        <div class=if is_check { "field check" } else { "field" }>
            {before} {control} {after}
            {hint.map(|hint| view! { <p class="hint" id=hint_id>{hint}</p> })}
            <p class="wrong" id=wrong_id role="alert" hidden=move || wrong.get().is_none()>
                <Icon name="s-failed"/>
                <span>{move || wrong.get().unwrap_or_default()}</span>
            </p>
        </div>
    }
}

/// What a value has to be, in a few words.
fn kind(input: &InputDoc) -> String {
    let word = match input.input_type {
        _ if !input.choices.is_empty() => "one of these",
        InputType::String | InputType::Text | InputType::Boolean => "",
        InputType::Integer => "whole number",
        InputType::Number => "number",
        InputType::Date => "day",
        InputType::Datetime => "moment, in UTC",
        InputType::Duration => "such as 1h30m",
        InputType::Object => "JSON object",
        InputType::Array => "JSON array",
        InputType::Any => "JSON or text",
    };
    let range = match (input.minimum, input.maximum) {
        (Some(low), Some(high)) => format!(" from {low} to {high}"),
        (Some(low), None) => format!(" from {low}"),
        (None, Some(high)) => format!(" up to {high}"),
        (None, None) => String::new(),
    };
    format!("{word}{range}").trim().to_owned()
}

/// A value as the text of a form.
fn text_of(value: Option<&Value>, pretty: bool) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) if pretty => serde_json::to_string_pretty(value).unwrap_or_default(),
        Some(value) => value.to_string(),
    }
}

/// The element that takes the value.
fn control(
    id: &str,
    name: &str,
    input: &InputDoc,
    given: String,
    described: String,
    wrong: Signal<Option<String>>,
) -> AnyView {
    let field = format!("fields[{name}]");
    let id = id.to_owned();
    let invalid = move || wrong.get().map(|_| "true");
    let required = input.required && input.default.is_none();
    if !input.choices.is_empty() {
        return choices(id, field, input, &given, described, invalid);
    }
    match input.input_type {
        InputType::Boolean => {
            let boxes = name.to_owned();
            view! {
                <input type="hidden" name="boxes[]" value=boxes/>
                <input
                    type="checkbox"
                    id=id
                    name=field
                    value="true"
                    checked=given == "true"
                    aria-describedby=described
                />
            }
            .into_any()
        }
        InputType::Text | InputType::Object | InputType::Array | InputType::Any => {
            let class = if input.input_type == InputType::Text {
                ""
            } else {
                "code"
            };
            let rows = given.lines().count().clamp(2, 12).to_string();
            view! {
                <textarea
                    id=id
                    name=field
                    class=class
                    rows=rows
                    required=required
                    maxlength=input.max_length.map(|n| n.to_string())
                    aria-describedby=described
                    aria-invalid=invalid
                    spellcheck=(class.is_empty()).to_string()
                    inner_html=format::in_textarea(&given)
                ></textarea>
            }
            .into_any()
        }
        _ => single_line(id, field, input, described, invalid, given, required),
    }
}

fn single_line(
    id: String,
    field: String,
    input: &InputDoc,
    described: String,
    invalid: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
    given: String,
    required: bool,
) -> AnyView {
    let (html_type, step) = match input.input_type {
        InputType::Integer => ("number", Some("1")),
        InputType::Number => ("number", Some("any")),
        InputType::Date => ("date", None),
        // The browser's field knows no zone; a text in UTC says which moment is meant.
        _ => ("text", None),
    };
    let placeholder = match input.input_type {
        InputType::Datetime => Some("2026-01-31T12:00:00Z"),
        InputType::Duration => Some("30s"),
        _ => None,
    };
    view! {
        <input
            type=html_type
            id=id
            name=field
            value=given
            step=step
            min=input.minimum.map(|n| n.to_string())
            max=input.maximum.map(|n| n.to_string())
            minlength=input.min_length.map(|n| n.to_string())
            maxlength=input.max_length.map(|n| n.to_string())
            required=required
            placeholder=placeholder
            aria-describedby=described
            aria-invalid=invalid
        />
    }
    .into_any()
}

fn choices(
    id: String,
    field: String,
    input: &InputDoc,
    given: &str,
    described: String,
    invalid: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
) -> AnyView {
    let none = (input.default.is_none())
        .then(|| view! { <option value="">{if input.required { "Choose…" } else { "—" }}</option> });
    let options = input
        .choices
        .iter()
        .map(|choice| {
            let text = text_of(Some(choice), false);
            let value = text.clone();
            let is_chosen = text == given;
            view! { <option value=value selected=is_chosen>{text}</option> }
        })
        .collect_view();
    view! {
        <select id=id name=field required=input.required aria-describedby=described aria-invalid=invalid>
            {none} {options}
        </select>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_find_their_fields() {
        let mut error = AppError::new(422, "inputs", "Two inputs are wrong.");
        error.problems = vec![
            Problem::error("type", "not a number").at("inputs.limit"),
            Problem::error("type", "not a text").at("rows[3].name"),
        ];
        assert_eq!(problem_of(Some(&error), "limit").as_deref(), Some("not a number"));
        assert_eq!(problem_of(Some(&error), "rows").as_deref(), Some("not a text"));
        assert_eq!(problem_of(Some(&error), "lim"), None);
        assert_eq!(problem_of(None, "limit"), None);
    }

    #[test]
    fn kinds_and_texts() {
        let input = |input_type, minimum, maximum| InputDoc {
            input_type,
            minimum,
            maximum,
            ..InputDoc::default()
        };
        assert_eq!(
            kind(&input(InputType::Integer, Some(1.0), Some(9.5))),
            "whole number from 1 to 9.5"
        );
        assert_eq!(kind(&input(InputType::String, None, None)), "");
        assert_eq!(text_of(Some(&serde_json::json!("a")), false), "a");
        assert_eq!(text_of(Some(&serde_json::json!({"a": 1})), false), "{\"a\":1}");
        assert_eq!(text_of(Some(&Value::Null), true), "");
    }
}
