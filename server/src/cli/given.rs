//! Secrets and variables that a run in this process is given.

use std::path::Path;

use anyhow::{Context, Result, bail};
use engine::Engine;
use serde_json::Value;
use zeroize::Zeroizing;

use super::run::RunArgs;

/// What stands in the place of a server's secrets and variables.
pub(super) struct Given {
    secrets: Vec<(String, Zeroizing<String>)>,
    variables: Vec<(String, Value)>,
}

impl Given {
    /// Reads what the arguments name.
    ///
    /// # Errors
    /// If a file or variable is not there, or a secret stands in the arguments themselves.
    pub(super) fn read(args: &RunArgs) -> Result<Self> {
        Ok(Self {
            secrets: args
                .secrets
                .iter()
                .map(|given| secret(given))
                .collect::<Result<_>>()?,
            variables: args
                .variables
                .iter()
                .map(|given| variable(given))
                .collect::<Result<_>>()?,
        })
    }

    /// Sets them in an engine of this process alone.
    ///
    /// # Errors
    /// If a name or value cannot be.
    pub(super) async fn put(self, engine: &Engine) -> Result<()> {
        for (name, value) in self.secrets {
            engine.put_secret(&name, &value, "local").await?;
        }
        for (name, value) in self.variables {
            engine.put_variable(&name, value, "local").await?;
        }
        Ok(())
    }
}

fn secret(given: &str) -> Result<(String, Zeroizing<String>)> {
    let Some((name, from)) = given.split_once('=') else {
        let value = std::env::var(given).with_context(|| {
            format!("`--secret {given}` takes the environment variable {given}, which cannot be read")
        })?;
        return Ok((given.to_owned(), Zeroizing::new(value)));
    };
    let Some(file) = from.strip_prefix('@') else {
        // What it is stays unsaid: it is a secret.
        bail!(
            "a secret does not stand in the arguments, which all users of the machine see: write --secret {name}=@FILE, or --secret \
             {name} with it in the environment variable {name}"
        );
    };
    let text = std::fs::read_to_string(Path::new(file))
        .with_context(|| format!("the secret {name} cannot be read from {file}"))?;
    let text = Zeroizing::new(text);
    // An editor's last line break is no part of it.
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    Ok((name.to_owned(), Zeroizing::new(value.to_owned())))
}

fn variable(given: &str) -> Result<(String, Value)> {
    let Some((name, value)) = given.split_once('=') else {
        bail!("`--var {given}` has no `=`; write it as --var name=value");
    };
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}
