//! Schemas as the library reads them.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::{Measure, Misfit, MisfitKind};

#[derive(Debug)]
pub(super) struct Schema(Validator);

impl Schema {
    pub(super) fn of(schema: &Value) -> Result<Self, String> {
        match jsonschema::validator_for(schema) {
            Ok(validator) => Ok(Self(validator)),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn is_met_by(&self, value: &Value) -> bool {
        self.0.is_valid(value)
    }

    pub(super) fn misfits(&self, value: &Value, most: usize) -> Vec<Misfit> {
        self.0
            .iter_errors(value)
            .filter(|error| !is_there(error))
            .take(most)
            .map(|error| misfit(&error))
            .collect()
    }
}

/// Whether it misses what stands there: the library does if a required name is none of the properties and no others are allowed.
fn is_there(error: &ValidationError<'_>) -> bool {
    match error.kind() {
        ValidationErrorKind::Required { property } => property
            .as_str()
            .is_some_and(|name| error.instance().get(name).is_some()),
        _ => false,
    }
}

fn misfit(error: &ValidationError<'_>) -> Misfit {
    use ValidationErrorKind as Kind;
    let list = |options: &Value| options.as_array().cloned().unwrap_or_default();
    let kind = match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            MisfitKind::Unexpected(unexpected.clone())
        }
        Kind::Required { property } => MisfitKind::Missing(property.as_str().unwrap_or_default().to_owned()),
        Kind::Type { kind } => MisfitKind::Type(match kind {
            TypeKind::Single(one) => vec![one.to_string()],
            TypeKind::Multiple(several) => {
                let mut types: Vec<_> = several.iter().map(|one| one.to_string()).collect();
                types.sort_unstable();
                types
            }
        }),
        Kind::Enum { options } => MisfitKind::Choice(list(options)),
        Kind::Constant { expected_value } => MisfitKind::Choice(vec![(**expected_value).clone()]),
        Kind::Pattern { pattern } => MisfitKind::Pattern(pattern.clone()),
        Kind::Minimum { limit } => MisfitKind::Least(Measure::Number, limit.to_string()),
        Kind::Maximum { limit } => MisfitKind::Most(Measure::Number, limit.to_string()),
        Kind::ExclusiveMinimum { limit } => MisfitKind::Least(Measure::Beyond, limit.to_string()),
        Kind::ExclusiveMaximum { limit } => MisfitKind::Most(Measure::Beyond, limit.to_string()),
        Kind::MinLength { limit } => MisfitKind::Least(Measure::Chars, limit.to_string()),
        Kind::MaxLength { limit } => MisfitKind::Most(Measure::Chars, limit.to_string()),
        Kind::MinItems { limit } => MisfitKind::Least(Measure::Items, limit.to_string()),
        Kind::MaxItems { limit } => MisfitKind::Most(Measure::Items, limit.to_string()),
        Kind::MinProperties { limit } => MisfitKind::Least(Measure::Fields, limit.to_string()),
        Kind::MaxProperties { limit } => MisfitKind::Most(Measure::Fields, limit.to_string()),
        Kind::MultipleOf { multiple_of } => MisfitKind::Multiple(multiple_of.to_string()),
        Kind::UniqueItems => MisfitKind::Repeated,
        Kind::FalseSchema | Kind::Not { .. } => MisfitKind::Forbidden,
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => MisfitKind::NoAlternative,
        Kind::OneOfMultipleValid { .. } => MisfitKind::Alternatives,
        _ => MisfitKind::Other(error.to_string()),
    };
    Misfit {
        pointer: error.instance_path().as_str().to_owned(),
        kind,
    }
}
