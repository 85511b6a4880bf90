//! Whether references to secrets stand where they may, and whether what is referred to is there.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::arguments::field_path;
use super::{Check, TypeCatalog};
use crate::expr::Program;
use crate::secrets;

/// The references in the arguments at `with_path`.
pub(super) fn arguments(
    check: &mut Check<'_>,
    types: &dyn TypeCatalog,
    (task_type, schema): (&str, &Value),
    (with_path, with): (&str, &Map<String, Value>),
) {
    for found in secrets::uses(with) {
        let field = field_path(with_path, &found.pointer);
        if secrets::may_stand(schema, &found.pointer) {
            exists(check, types, &field, &found.name);
            continue;
        }
        let mut message =
            format!("`{task_type}` takes no secret here: it would be kept and shown like any other value");
        let fields = secrets::fields(schema);
        if !fields.is_empty() {
            let _ = write!(
                message,
                "; its arguments that take secrets are {}",
                fields.join(", ")
            );
        }
        check.error("secret_reference", field, message);
    }
}

/// A secret that is not there is no error: it may be set after the flow is saved.
pub(super) fn exists(check: &mut Check<'_>, types: &dyn TypeCatalog, field: &str, name: &str) {
    if types.has_secret(name) == Some(false) {
        let message = format!("there is no secret `{name}`; until it is set, what needs it fails");
        check.warning("unknown_secret", field, message);
    }
}

/// The variables that expressions cannot do without.
pub(super) fn variables(check: &mut Check<'_>, program: &Program, types: &dyn TypeCatalog) {
    for (name, field) in program.variables_needed() {
        if types.has_variable(name) == Some(false) {
            let message = format!("there is no variable `{name}`; until it is set, what needs it fails");
            check.warning("unknown_variable", field, message);
        }
    }
}
