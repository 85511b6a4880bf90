//! A backup: one SQLite file with the rows of all three, of one moment, written beside a server at work.
//!
//! [`backup`] writes one, [`check`](check::check) looks at everything in it, [`restore`](restore::restore) makes a data folder of it. It
//! holds the tables of the data folder as they are, without their indexes, and a table that says of which schemas they are. Files that
//! tasks wrote below `files/` are not in it.

pub(super) mod check;
pub(super) mod restore;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flow::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::file::{BLOBS, DbFile, Fault, Kind, LOGS, POINTWORK};
use super::{BUSY_TIMEOUT, hold};
use crate::store::{StoreError, StoreResult};

/// Stands in a backup's header.
const APPLICATION_ID: i32 = 0x5057_0004;

/// The version of the layout that this module writes; earlier ones are read for ever.
const FORMAT: i64 = 1;

/// What is copied. Events before the values they name: what is put meanwhile is too much, never too little.
const KINDS: [Kind; 3] = [POINTWORK, BLOBS, LOGS];

/// Writes a backup of a data folder, whether a server works in it or not, and answers its bytes. It is of one moment: the beginning.
///
/// # Errors
/// If there is a file of this name already, there is no data, it is of another version's schema, or a disk refuses. Then nothing is left.
pub fn backup(dir: &Path, to: &Path, now: Timestamp) -> StoreResult<u64> {
    if to.exists() {
        return Err(refused(format!(
            "{} is there already; choose another name",
            to.display()
        )));
    }
    for kind in KINDS {
        if !dir.join(kind.file_name).is_file() {
            return Err(refused(format!(
                "there is no {} in {}; name the data folder of a server",
                kind.file_name,
                dir.display()
            )));
        }
    }
    let _held = hold::hold(dir).map_err(|error| failed(dir, "large values cannot be held", &error))?;
    let partial = with_suffix(to, ".partial");
    let written = write(dir, &partial, now).and_then(|()| settle(&partial, to));
    if written.is_err() {
        // If it cannot be removed either, the next attempt says so.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn write(dir: &Path, partial: &Path, now: Timestamp) -> StoreResult<()> {
    if partial.exists() {
        fs::remove_file(partial).map_err(|error| failed(partial, "an earlier attempt stays", &error))?;
    }
    // Private from its first byte on, as the data folder is.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options
        .open(partial)
        .map_err(|error| failed(partial, "the backup cannot be written", &error))?;
    let target = DbFile {
        path: partial.to_owned(),
        kind: POINTWORK,
        busy_timeout: BUSY_TIMEOUT,
    };
    let conn = Connection::open(partial).map_err(|error| target.explain(&error))?;
    copy_all(&conn, dir, now).map_err(|fault| fault.explain(&target))
}

fn copy_all(conn: &Connection, dir: &Path, now: Timestamp) -> Result<(), Fault> {
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // It becomes durable as a whole, or is thrown away.
    conn.execute_batch("PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    for (n, kind) in KINDS.iter().enumerate() {
        let path = dir.join(kind.file_name);
        attach(conn, &path, &format!("src{n}"))?;
        check_source(conn, n, kind, &path)?;
    }
    conn.execute_batch("BEGIN")?;
    // The first look at each file fixes the moment that is copied of it.
    let mut tables = Vec::new();
    for n in 0..KINDS.len() {
        tables.push(tables_of(conn, &format!("src{n}"))?);
    }
    conn.execute_batch(
        "CREATE TABLE backup (made_at INTEGER NOT NULL);
         CREATE TABLE backup_files (file TEXT NOT NULL PRIMARY KEY, schema INTEGER NOT NULL);",
    )?;
    conn.execute("INSERT INTO backup VALUES (?)", [now.as_micros()])?;
    for (n, (kind, tables)) in KINDS.iter().zip(tables).enumerate() {
        conn.execute(
            "INSERT INTO backup_files VALUES (?, ?)",
            (kind.file_name, kind.migrations.len() as i64),
        )?;
        for (table, sql) in tables {
            conn.execute_batch(&sql)?;
            conn.execute_batch(&format!("INSERT INTO main.{table} SELECT * FROM src{n}.{table}"))?;
        }
    }
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    conn.pragma_update(None, "user_version", FORMAT)?;
    conn.execute_batch("COMMIT")?;
    Ok(())
}

fn check_source(conn: &Connection, n: usize, kind: &Kind, path: &Path) -> Result<(), Fault> {
    let number =
        |pragma: &str| conn.query_row(&format!("PRAGMA src{n}.{pragma}"), [], |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    if application != i64::from(kind.application_id) || version != kind.migrations.len() as i64 {
        return Err(refused(format!(
            "{} is of another Pointwork (schema {version}, this program writes {}); start this version's server in the folder first, or \
             make the backup with the version that works there",
            path.display(),
            kind.migrations.len()
        ))
        .into());
    }
    Ok(())
}

/// The tables of a database with the statements that make them.
fn tables_of(conn: &Connection, database: &str) -> Result<Vec<(String, String)>, Fault> {
    let mut select = conn.prepare(&format!(
        "SELECT name, sql FROM {database}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ))?;
    let tables = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(tables.collect::<rusqlite::Result<_>>()?)
}

fn attach(conn: &Connection, path: &Path, name: &str) -> Result<(), Fault> {
    let path = path
        .to_str()
        .ok_or_else(|| refused(format!("the name {} is no text", path.display())))?;
    conn.execute(&format!("ATTACH ? AS {name}"), [path])?;
    Ok(())
}

/// Makes a whole file durable under its name.
fn settle(partial: &Path, to: &Path) -> StoreResult<u64> {
    let settled = || -> std::io::Result<u64> {
        let file = File::open(partial)?;
        file.sync_all()?;
        fs::rename(partial, to)?;
        sync_folder_of(to)?;
        Ok(file.metadata()?.len())
    };
    settled().map_err(|error| failed(to, "the backup cannot be written", &error))
}

/// A name is durable when its folder is.
fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

/// Opens a backup for reading and tells when it was made.
fn open(path: &Path) -> StoreResult<(Connection, Timestamp)> {
    if !path.is_file() {
        return Err(refused(format!("there is no file {}", path.display())));
    }
    let opened = || -> Result<(Connection, Timestamp), Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        let number =
            |pragma: &str| conn.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
        if number("application_id")? != i64::from(APPLICATION_ID) {
            let name = path.display();
            return Err(refused(format!("{name} is a database, but no backup of Pointwork's")).into());
        }
        let format = number("user_version")?;
        if format != FORMAT {
            return Err(newer(path, &format!("format {format}, this program knows {FORMAT}")).into());
        }
        let made_at = conn.query_row("SELECT made_at FROM backup", [], |row| row.get(0))?;
        Ok((conn, Timestamp::from_micros(made_at)))
    };
    opened().map_err(|fault| explain(fault, path))
}

/// What a fault in the reading of a backup means.
fn explain(fault: Fault, path: &Path) -> StoreError {
    let error = match fault {
        Fault::Refused(error) => return error,
        Fault::Sqlite(error) => error,
    };
    let name = path.display();
    refused(match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => format!("{name} is no backup of Pointwork's"),
        Some(ErrorCode::DatabaseCorrupt) => format!("{name} is damaged ({error})"),
        _ => format!("{name} cannot be read ({error})"),
    })
}

/// The schema a file had when it was copied.
fn schema_of(conn: &Connection, path: &Path, kind: &Kind) -> Result<usize, Fault> {
    let schema: i64 = conn.query_row(
        "SELECT schema FROM backup_files WHERE file = ?",
        [kind.file_name],
        |row| row.get(0),
    )?;
    let known = kind.migrations.len();
    let within = usize::try_from(schema).ok().filter(|schema| *schema <= known);
    within.ok_or_else(|| {
        let what = format!(
            "{} of schema {schema}, this program knows up to {known}",
            kind.file_name
        );
        newer(path, &what).into()
    })
}

fn newer(path: &Path, what: &str) -> StoreError {
    refused(format!(
        "{} was made by a newer Pointwork ({what}); use that version or a later one",
        path.display()
    ))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn refused(why: String) -> StoreError {
    StoreError::Incompatible(why)
}

fn failed(path: &Path, what: &str, error: &std::io::Error) -> StoreError {
    refused(format!("{what}: {} ({error})", path.display()))
}
