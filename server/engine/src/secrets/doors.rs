//! What may be asked about secrets and variables.

use std::collections::BTreeSet;

use flow::doc::ScheduleDoc;
use flow::secrets::is_name;
use flow::validate::TypeCatalog;
use flow::{FlowDoc, Problem};
use serde_json::Value;

use super::{SECRET_BYTES_MAX, VARIABLE_BYTES_MAX, VARIABLES_MAX};
use crate::dispatch::exceeds;
use crate::engine::Engine;
use crate::error::{EngineError, EngineResult};
use crate::store::{NewVariable, References, SecretRow, StoreResult, VariableRow};
use crate::task_types::TypeRegistry;

impl Engine {
    /// All secrets by name, without their values: nothing gives those out.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn secrets(&self) -> EngineResult<Vec<SecretRow>> {
        Ok(self.parts.shared.store.secrets().await?)
    }

    /// Sets a secret: a new one, or another value of one that is there. Attempts that begin from now on get it.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] for a name or value that cannot be, or if there are too many.
    pub async fn put_secret(&self, name: &str, value: &str, actor: &str) -> EngineResult<()> {
        let now = self.clock().now();
        self.parts.keeper.put(name, value, now, actor).await
    }

    /// Removes a secret; attempts that need it fail from now on.
    ///
    /// # Errors
    /// [`EngineError::UnknownSecret`].
    pub async fn remove_secret(&self, name: &str) -> EngineResult<()> {
        match self.parts.shared.store.remove_secret(name).await? {
            true => Ok(()),
            false => Err(EngineError::UnknownSecret(name.to_owned())),
        }
    }

    /// All variables by name.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn variables(&self) -> EngineResult<Vec<VariableRow>> {
        Ok(self.parts.shared.store.variables().await?)
    }

    /// Sets a variable: a new one, or another value of one that is there. Runs that start from now on see it.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] for a name or value that cannot be, or if there are too many.
    pub async fn put_variable(&self, name: &str, value: Value, actor: &str) -> EngineResult<()> {
        check_name("variable", name)?;
        if exceeds(&value, VARIABLE_BYTES_MAX) {
            let problem = format!("a variable has at most {VARIABLE_BYTES_MAX} bytes of JSON");
            return Err(invalid("bad_value", problem, "value"));
        }
        let known = self.parts.variables.all().await?;
        if known.len() >= VARIABLES_MAX && !known.contains_key(name) {
            return Err(invalid(
                "too_many",
                format!("there are at most {VARIABLES_MAX} variables"),
                "name",
            ));
        }
        let new = NewVariable {
            name: name.to_owned(),
            value,
            at: self.clock().now(),
            actor: actor.to_owned(),
        };
        let done = self.parts.shared.store.put_variable(new).await;
        self.parts.variables.forget();
        Ok(done?)
    }

    /// Removes a variable; runs that are at work keep it.
    ///
    /// # Errors
    /// [`EngineError::UnknownVariable`].
    pub async fn remove_variable(&self, name: &str) -> EngineResult<()> {
        let done = self.parts.shared.store.remove_variable(name).await;
        self.parts.variables.forget();
        match done? {
            true => Ok(()),
            false => Err(EngineError::UnknownVariable(name.to_owned())),
        }
    }

    /// The task types with what else validation asks for.
    pub(crate) async fn catalog(&self) -> StoreResult<Catalog> {
        let secrets = self.parts.shared.store.secrets().await?;
        let variables = self.parts.variables.all().await?;
        Ok(Catalog {
            types: self.parts.types.all(),
            secrets: secrets.into_iter().map(|secret| secret.name).collect(),
            variables: variables.keys().cloned().collect(),
        })
    }
}

pub(super) fn check_secret(name: &str, value: &str) -> EngineResult<()> {
    check_name("secret", name)?;
    let problem = match value.len() {
        0 => "a secret is not empty; remove it instead".to_owned(),
        n if n > SECRET_BYTES_MAX => format!("a secret has at most {SECRET_BYTES_MAX} bytes"),
        _ if value.contains('\0') => "a secret holds no zero byte".to_owned(),
        _ => return Ok(()),
    };
    Err(invalid("bad_value", problem, "value"))
}

fn check_name(what: &str, name: &str) -> EngineResult<()> {
    if is_name(name) {
        return Ok(());
    }
    let problem = format!(
        "`{}` cannot name a {what}: names have letters, digits and `_`, begin with no digit and are at most 64 long",
        name.chars().take(80).collect::<String>().escape_debug()
    );
    Err(invalid("bad_name", problem, "name"))
}

pub(super) fn invalid(code: &str, problem: String, field: &str) -> EngineError {
    EngineError::Invalid(vec![Problem::error(code, problem).at(field)])
}

/// What a document refers to.
pub(crate) fn references(doc: &FlowDoc) -> References {
    let (program, _) = flow::expr::Program::compile(doc);
    References {
        secrets: flow::secrets::named_by(doc).into_iter().collect(),
        variables: program.variables().map(|name| name.to_string()).collect(),
    }
}

/// What validation asks for: the task types, and which secrets and variables there are.
pub(crate) struct Catalog {
    types: std::sync::Arc<TypeRegistry>,
    secrets: BTreeSet<String>,
    variables: BTreeSet<String>,
}

impl TypeCatalog for Catalog {
    fn input_schema(&self, task_type: &str) -> Option<&Value> {
        self.types.input_schema(task_type)
    }

    fn queues(&self, task_type: &str) -> Option<Vec<&str>> {
        self.types.queues(task_type)
    }

    fn known(&self) -> Vec<&str> {
        self.types.known()
    }

    fn check_schedule(&self, schedule: &ScheduleDoc) -> Result<(), (&'static str, String)> {
        self.types.check_schedule(schedule)
    }

    fn has_secret(&self, name: &str) -> Option<bool> {
        Some(self.secrets.contains(name))
    }

    fn has_variable(&self, name: &str) -> Option<bool> {
        Some(self.variables.contains(name))
    }
}
