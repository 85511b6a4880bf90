//! `pointwork backup`, `check` and `restore`: a data folder in one file, looked at, and put back.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use engine::clock::{Clock as _, SystemClock};
use engine::store::sqlite;

use super::config::File;

/// Write flows, runs, large values and logs into one file, also while a server works. Files that tasks wrote below `files/` in the
/// data folder are not in it
#[derive(clap::Args)]
pub(super) struct BackupArgs {
    /// The file to write; there must be none of this name
    #[arg(value_name = "FILE")]
    to: PathBuf,
    /// Folder of the server's database [usual: ./data]
    #[arg(long, env = "POINTWORK_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The server's configuration file, for its data folder
    #[arg(long, env = "POINTWORK_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Look at everything in a backup. Exit code: 0 it is whole, 1 it is not or is no backup
#[derive(clap::Args)]
pub(super) struct CheckArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    backup: PathBuf,
}

/// Check a backup and make a data folder of it
#[derive(clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    backup: PathBuf,
    /// The data folder to make; it must be empty or not there
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
}

/// Writes a backup.
///
/// # Errors
/// If it cannot be written; then there is none.
pub(super) fn backup(args: BackupArgs, out: &mut dyn Write) -> Result<()> {
    let file = File::read(args.config.as_deref())?;
    let data = args.data.or(file.data).unwrap_or_else(|| PathBuf::from("data"));
    let bytes = sqlite::backup(&data, &args.to, SystemClock.now()).context("no backup was made")?;
    writeln!(
        out,
        "{} holds {}, {bytes} bytes",
        args.to.display(),
        data.display()
    )?;
    Ok(())
}

/// Says what is in a backup and what is wrong with it. True if nothing is.
///
/// # Errors
/// If it is no backup.
pub(super) fn check(args: &CheckArgs, out: &mut dyn Write) -> Result<bool> {
    let name = args.backup.display();
    let checked = sqlite::check_backup(&args.backup)?;
    for problem in &checked.problems {
        writeln!(std::io::stderr(), "{problem}")?;
    }
    if checked.n_more_problems > 0 {
        writeln!(std::io::stderr(), "and {} more", checked.n_more_problems)?;
    }
    let is_whole = checked.problems.is_empty();
    writeln!(
        out,
        "{name} {}, made {}: {} flows, {} runs with {} events, {} large values, {} pieces of logs",
        if is_whole { "is whole" } else { "is not whole" },
        checked.made_at,
        checked.n_flows,
        checked.n_runs,
        checked.n_events,
        checked.n_values,
        checked.n_chunks
    )?;
    Ok(is_whole)
}

/// Checks a backup and puts it back.
///
/// # Errors
/// If it is not whole or cannot be put there.
pub(super) fn restore(args: RestoreArgs, out: &mut dyn Write) -> Result<()> {
    let RestoreArgs { backup, data } = args;
    let check_args = CheckArgs { backup };
    if !check(&check_args, out)? {
        bail!("a backup that is not whole is not put back");
    }
    sqlite::restore(&check_args.backup, &data).context("the backup was not put back")?;
    writeln!(
        out,
        "{} is ready; start a server with --data {}",
        data.display(),
        data.display()
    )?;
    Ok(())
}
