//! What stores keep of secrets and variables.

use flow::Timestamp;
use serde_json::Value;

/// A secret to be stored, sealed: a store never sees what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSecret {
    /// Its name.
    pub name: String,
    /// What the cipher gave.
    pub sealed: Vec<u8>,
    /// Now.
    pub at: Timestamp,
    /// Who sets it.
    pub actor: String,
}

/// A secret as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// Its name.
    pub name: String,
    /// When it was set.
    pub updated_at: Timestamp,
    /// Who set it.
    pub actor: String,
    /// The flows whose newest version refers to it, by id; archived ones are left out.
    pub used_by: Vec<String>,
}

/// A variable to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Now.
    pub at: Timestamp,
    /// Who sets it.
    pub actor: String,
}

/// A variable.
#[derive(Clone, Debug, PartialEq)]
pub struct VariableRow {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// When it was set.
    pub updated_at: Timestamp,
    /// Who set it.
    pub actor: String,
    /// The flows whose newest version refers to it, by id; archived ones are left out.
    pub used_by: Vec<String>,
}

/// What a flow version refers to, by name, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Secrets.
    pub secrets: Vec<String>,
    /// Variables.
    pub variables: Vec<String>,
}
