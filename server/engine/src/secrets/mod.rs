//! Secrets and variables.
//!
//! A secret is sealed with a key that is not in the database ([`key`]), referred to by name in documents and events, and opened by
//! the worker just before an attempt that names it ([`SecretSource`]). What comes back from the attempt is masked ([`mask`]). No call
//! gives a secret's value out again.
//!
//! A variable is a plain value. A run keeps the values of those its flow names as they are when it starts.

mod doors;
mod forms;
pub mod key;
pub mod mask;
#[cfg(test)]
mod tests;
mod variables;

use std::sync::Arc;

use async_trait::async_trait;
use flow::run::event::TaskError;
use flow::secrets::SecretUse;
use serde_json::Value;
use zeroize::Zeroizing;

pub(crate) use doors::references;
pub(crate) use forms::percent_decoded;
pub(crate) use variables::Variables;

use self::key::{KeyError, KeySource, SecretKey};
use self::mask::Masker;
use crate::error::{EngineError, EngineResult};
use crate::store::{NewSecret, Store};

/// Secrets there may be.
pub const SECRETS_MAX: usize = 1_000;

/// Bytes of a secret: a private key with its chain of certificates fits.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;

/// Variables there may be.
pub const VARIABLES_MAX: usize = 500;

/// Bytes of a variable as JSON: its value stands in the first event of every run that names it.
pub const VARIABLE_BYTES_MAX: usize = 8 * 1024;

/// Opens secrets for those who need their values.
#[async_trait]
pub trait SecretSource: Send + Sync + 'static {
    /// The value of a secret.
    ///
    /// # Errors
    /// Of kind `unknown_secret` or `unreadable_secret`, which no other attempt mends; of kind `secret` if the store cannot be asked now.
    async fn reveal(&self, name: &str) -> Result<Zeroizing<String>, TaskError>;
}

/// Where there are no secrets.
pub struct NoSecrets;

#[async_trait]
impl SecretSource for NoSecrets {
    async fn reveal(&self, name: &str) -> Result<Zeroizing<String>, TaskError> {
        Err(unknown(name))
    }
}

fn unknown(name: &str) -> TaskError {
    TaskError::new(
        "unknown_secret",
        format!("there is no secret `{name}`; set it and run the task again"),
    )
    .permanent()
}

/// The secrets of a store.
pub struct Keeper {
    store: Arc<dyn Store>,
    key: SecretKey,
}

impl Keeper {
    /// Takes the key from where it is, and sees to it that it opens what is stored. Without a data folder, a key that would be in it is
    /// a new one.
    ///
    /// # Errors
    /// If there is no key, or it opens nothing.
    pub async fn open(
        store: Arc<dyn Store>,
        source: &KeySource,
        data_dir: Option<&std::path::Path>,
    ) -> EngineResult<Self> {
        let first = store.secrets().await?.into_iter().next();
        let (key, place) = match (source, data_dir) {
            (KeySource::Given(key), _) => (Ok(key.clone()), "the given key".to_owned()),
            (KeySource::File(path), _) => (SecretKey::read(path), path.display().to_string()),
            (KeySource::Folder, None) => (SecretKey::random(), String::new()),
            (KeySource::Folder, Some(dir)) => {
                let path = dir.join(key::KEY_FILE);
                let key = match first {
                    // A new key could not open what is there.
                    Some(_) => SecretKey::read(&path),
                    None => SecretKey::read_or_make(&path),
                };
                (key, path.display().to_string())
            }
        };
        let key = key.map_err(|error| no_key(&error))?;
        let keeper = Self { store, key };
        if let Some(first) = first
            && let Some(sealed) = keeper.store.sealed_secret(&first.name).await?
            && keeper.key.open(&first.name, &sealed).is_none()
        {
            return Err(EngineError::Unavailable(format!(
                "the stored secrets were sealed with another key than {place}; give the key they were sealed with, or remove them \
                 with `pointwork secret remove` and set them again"
            )));
        }
        Ok(keeper)
    }

    /// Seals and stores a secret.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] for a name or value that cannot be, or if there are too many.
    pub async fn put(&self, name: &str, value: &str, at: flow::Timestamp, actor: &str) -> EngineResult<()> {
        doors::check_secret(name, value)?;
        let known = self.store.secrets().await?;
        if known.len() >= SECRETS_MAX && known.iter().all(|secret| secret.name != name) {
            let problem = format!("there are at most {SECRETS_MAX} secrets");
            return Err(doors::invalid("too_many", problem, "name"));
        }
        let sealed = self.key.seal(name, value);
        let new = NewSecret {
            name: name.to_owned(),
            sealed: sealed.map_err(|error| EngineError::Unavailable(error.to_string()))?,
            at,
            actor: actor.to_owned(),
        };
        Ok(self.store.put_secret(new).await?)
    }
}

fn no_key(error: &KeyError) -> EngineError {
    let missing =
        matches!(error, KeyError::File { error, .. } if error.kind() == std::io::ErrorKind::NotFound);
    let hint = match missing {
        true => {
            "; secrets are stored here, so put the key they were sealed with back, or give it in POINTWORK_SECRET_KEY"
        }
        false => "",
    };
    EngineError::Unavailable(format!("{error}{hint}"))
}

#[async_trait]
impl SecretSource for Keeper {
    async fn reveal(&self, name: &str) -> Result<Zeroizing<String>, TaskError> {
        let sealed = self.store.sealed_secret(name).await.map_err(|error| {
            TaskError::new(
                "secret",
                format!("the secret `{name}` cannot be read now: {error}"),
            )
        })?;
        let sealed = sealed.ok_or_else(|| unknown(name))?;
        self.key.open(name, &sealed).ok_or_else(|| {
            let message =
                format!("the secret `{name}` was sealed with another key or is damaged; set it again");
            TaskError::new("unreadable_secret", message).permanent()
        })
    }
}

/// Puts the values of secrets where the document refers to them, and answers what takes them out of what comes back.
///
/// # Errors
/// As [`SecretSource::reveal`]; of kind `input` if a reference does not stand where the schema lets it.
pub(crate) async fn fill_in(
    source: &dyn SecretSource,
    uses: &[SecretUse],
    schema: &Value,
    input: &Arc<Value>,
) -> Result<(Arc<Value>, Option<Masker>), TaskError> {
    let mut filled = Value::clone(input);
    let mut values = Vec::with_capacity(uses.len());
    for found in uses {
        // Saving a flow sees to both; its type may have changed since.
        if !flow::secrets::may_stand(schema, &found.pointer) {
            let message = format!("the argument at {} takes no secret", found.pointer);
            return Err(TaskError::new("input", message).permanent());
        }
        let value = source.reveal(&found.name).await?;
        if let Some(place) = filled.pointer_mut(&found.pointer) {
            *place = Value::String(value.as_str().to_owned());
        }
        values.push(value);
    }
    let masker = Masker::new(values.iter().map(|value| value.as_str()));
    Ok((Arc::new(filled), masker))
}
