//! `pointwork secret`: secrets of a data folder that no server uses; a server that works is asked by its API.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use engine::clock::{Clock as _, SystemClock};
use engine::secrets::Keeper;
use engine::store::Store;
use engine::store::sqlite::SqliteStore;

use super::config::File;

/// Set, list and remove secrets in a data folder while no server uses it
#[derive(clap::Args)]
pub(super) struct SecretArgs {
    #[command(subcommand)]
    what: What,
    /// Folder of the server's database [usual: ./data]
    #[arg(long, env = "POINTWORK_DATA", value_name = "FOLDER", global = true)]
    data: Option<PathBuf>,
    /// The server's configuration file, for its data folder and key
    #[arg(long, env = "POINTWORK_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum What {
    /// Set a secret to what is read from standard input; one line break at its end is left out
    Set {
        /// Its name
        name: String,
    },
    /// List the names of the secrets, when each was set and which flows use it
    List,
    /// Remove a secret; this needs no key
    Remove {
        /// Its name
        name: String,
    },
}

/// Does what is asked.
///
/// # Errors
/// If the folder cannot be used, or the name, value or key is not right.
pub(super) async fn secret(args: SecretArgs, input: &mut dyn Read, out: &mut dyn Write) -> Result<()> {
    let file = File::read(args.config.as_deref())?;
    let key = super::serve::key_source(file.secret_key_file)?;
    let data = args.data.or(file.data).unwrap_or_else(|| PathBuf::from("data"));
    let store =
        SqliteStore::open(&data).with_context(|| format!("cannot use the data folder {}", data.display()))?;
    let store: Arc<dyn Store> = Arc::new(store);
    match args.what {
        What::Set { name } => {
            let mut value = String::new();
            input
                .read_to_string(&mut value)
                .context("the secret cannot be read from standard input")?;
            let value = value.strip_suffix('\n').unwrap_or(&value);
            let value = value.strip_suffix('\r').unwrap_or(value);
            let keeper = Keeper::open(store, &key, Some(&data)).await?;
            keeper.put(&name, value, SystemClock.now(), "local").await?;
            writeln!(out, "{name} is set")?;
        }
        What::List => {
            for row in store.secrets().await? {
                writeln!(out, "{}\t{}\t{}", row.name, row.updated_at, row.used_by.join(" "))?;
            }
        }
        What::Remove { name } => {
            if !store.remove_secret(&name).await? {
                bail!("there is no secret {name}");
            }
            writeln!(out, "{name} is removed")?;
        }
    }
    Ok(())
}
