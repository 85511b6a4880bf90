//! A data folder made of a backup.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::{KINDS, attach, explain, failed, open, refused, schema_of, tables_of};
use crate::store::StoreResult;
use crate::store::sqlite::file::{DbFile, Fault, Kind};
use crate::store::sqlite::folder::{LOCK_FILE, RESTORING, lock, make};
use crate::store::sqlite::{BUSY_TIMEOUT, hold};

/// Makes a data folder of a backup. The folder must be empty or not there. If it is broken off no server starts in the folder, and
/// the same call begins anew. Files are those of the schemas they were copied from; the next server brings them up to date.
///
/// # Errors
/// If the folder is not empty or in use, the backup is none or of a newer version, or a disk refuses.
pub fn restore(backup: &Path, dir: &Path) -> StoreResult<()> {
    let (conn, _) = open(backup)?;
    let schemas: Vec<usize> = KINDS
        .iter()
        .map(|kind| schema_of(&conn, backup, kind).map_err(|fault| explain(fault, backup)))
        .collect::<StoreResult<_>>()?;
    drop(conn);
    check_empty(dir)?;
    make(dir)?;
    let _lock = lock(dir)?;
    let aside = dir.join(RESTORING);
    clear(dir).map_err(|error| failed(dir, "an earlier attempt cannot be removed", &error))?;
    make(&aside)?;
    for (kind, schema) in KINDS.iter().zip(schemas) {
        let target = DbFile::new(&aside, *kind, BUSY_TIMEOUT);
        fill(backup, &target.path, kind, schema).map_err(|fault| fault.explain(&target))?;
    }
    let moved = || -> std::io::Result<()> {
        for kind in KINDS {
            fs::rename(aside.join(kind.file_name), dir.join(kind.file_name))?;
        }
        fs::File::open(dir)?.sync_all()?;
        fs::remove_dir(&aside)?;
        fs::File::open(dir)?.sync_all()
    };
    moved().map_err(|error| failed(dir, "the data folder cannot be filled", &error))
}

/// What may be in a folder that counts as empty.
const NOTHING: [&str; 4] = [LOCK_FILE, hold::FILE, RESTORING, "lost+found"];

fn check_empty(dir: &Path) -> StoreResult<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(dir, "the data folder cannot be read", &error)),
    };
    let is_broken_off = dir.join(RESTORING).exists();
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed(dir, "the data folder cannot be read", &error))?;
        names.push(entry.file_name());
    }
    names.retain(|name| {
        let is_ours = is_broken_off && KINDS.iter().any(|kind| name == kind.file_name);
        !is_ours && !NOTHING.iter().any(|nothing| name == nothing)
    });
    match names.iter().min() {
        None => Ok(()),
        Some(name) => Err(refused(format!(
            "{} is not empty (there is {}); a backup is put back into an empty folder",
            dir.display(),
            name.display()
        ))),
    }
}

/// Removes what an attempt that was broken off has left.
fn clear(dir: &Path) -> std::io::Result<()> {
    if dir.join(RESTORING).exists() {
        for kind in KINDS {
            match fs::remove_file(dir.join(kind.file_name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::remove_dir_all(dir.join(RESTORING))?;
    }
    Ok(())
}

fn fill(backup: &Path, path: &Path, kind: &Kind, schema: usize) -> Result<(), Fault> {
    let conn = Connection::open(path)?;
    for script in &kind.migrations[..schema] {
        conn.execute_batch(script)?;
    }
    attach(&conn, backup, "src")?;
    conn.execute_batch("BEGIN")?;
    for (table, _) in tables_of(&conn, "main")? {
        conn.execute_batch(&format!(
            "DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM src.{table}"
        ))?;
    }
    conn.execute_batch("COMMIT")?;
    Ok(())
}
