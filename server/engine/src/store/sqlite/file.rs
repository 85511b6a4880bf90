//! Database files: opening, checking whose they are, bringing their schema up to date, and what their errors mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::store::{StoreError, StoreResult};

/// Prepared statements kept per connection; more than there are in this module.
const STATEMENTS_KEPT_MAX: usize = 128;

/// A kind of database file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) file_name: &'static str,
    /// Stands in the file's header and says that it is ours.
    pub(super) application_id: i32,
    /// Scripts, each a transaction that ends by setting `user_version` to its number, from 1.
    pub(super) migrations: &'static [&'static str],
    /// `FULL` where a commit must survive a power cut, `NORMAL` where losing the last second will do.
    pub(super) synchronous: &'static str,
}

/// Flows, runs and their event logs.
pub(super) const POINTWORK: Kind = Kind {
    file_name: "pointwork.db",
    application_id: 0x5057_0001,
    migrations: &[
        include_str!("migrations/pointwork/0001_first.sql"),
        include_str!("migrations/pointwork/0002_upkeep.sql"),
        include_str!("migrations/pointwork/0003_schedules.sql"),
        include_str!("migrations/pointwork/0004_secrets.sql"),
        include_str!("migrations/pointwork/0005_messages.sql"),
        include_str!("migrations/pointwork/0006_gates.sql"),
        include_str!("migrations/pointwork/0007_notifications.sql"),
        include_str!("migrations/pointwork/0008_lanes.sql"),
        include_str!("migrations/pointwork/0009_follows.sql"),
        include_str!("migrations/pointwork/0010_board.sql"),
        include_str!("migrations/pointwork/0011_drafts.sql"),
        include_str!("migrations/pointwork/0012_hold_reasons.sql"),
        include_str!("migrations/pointwork/0013_version_names.sql"),
    ],
    synchronous: "FULL",
};

/// Chunks of attempts' logs.
pub(super) const LOGS: Kind = Kind {
    file_name: "logs.db",
    application_id: 0x5057_0002,
    migrations: &[include_str!("migrations/logs/0001_first.sql")],
    synchronous: "NORMAL",
};

/// Large values.
pub(super) const BLOBS: Kind = Kind {
    file_name: "blobs.db",
    application_id: 0x5057_0003,
    migrations: &[
        include_str!("migrations/blobs/0001_first.sql"),
        include_str!("migrations/blobs/0002_collection.sql"),
    ],
    synchronous: "FULL",
};

/// A file of some kind, and how to connect to it.
#[derive(Clone, Debug)]
pub(super) struct DbFile {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) busy_timeout: Duration,
}

impl DbFile {
    pub(super) fn new(dir: &Path, kind: Kind, busy_timeout: Duration) -> Self {
        Self {
            path: dir.join(kind.file_name),
            kind,
            busy_timeout,
        }
    }

    /// The connection that writes: makes the file if there is none and brings it up to date if it is older than this program.
    pub(super) fn writer(&self) -> StoreResult<Connection> {
        let conn = Connection::open(&self.path).map_err(|error| self.explain(&error))?;
        self.prepare(&conn).map_err(|fault| fault.explain(self))?;
        Ok(conn)
    }

    /// A connection that reads; the file is there.
    pub(super) fn reader(&self) -> rusqlite::Result<Connection> {
        let conn = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        conn.busy_timeout(self.busy_timeout)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
        Ok(conn)
    }

    fn prepare(&self, conn: &Connection) -> Result<(), Fault> {
        conn.busy_timeout(self.busy_timeout)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
        self.migrate(conn)?;
        // After the migrations: the layout for giving pages back can only be chosen while the file is empty, and this writes to it.
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        conn.pragma_update(None, "synchronous", self.kind.synchronous)?;
        // 8 MiB hold the inner pages of trees with tens of millions of rows; the default is 2.
        conn.pragma_update(None, "cache_size", -8192)?;
        Ok(())
    }

    fn migrate(&self, conn: &Connection) -> Result<(), Fault> {
        let name = self.path.display();
        let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let application: i32 = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let n_tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
        let is_fresh = version == 0 && application == 0 && n_tables == 0;
        if !is_fresh && application != self.kind.application_id {
            return Err(Fault::Refused(StoreError::Incompatible(format!(
                "{name} is a database, but not one of Pointwork's; choose another data folder or move the file away"
            ))));
        }
        let known = self.kind.migrations.len();
        let done = usize::try_from(version).unwrap_or(usize::MAX);
        if done > known {
            return Err(Fault::Refused(StoreError::Incompatible(format!(
                "{name} was written by a newer Pointwork (schema {version}, this program knows up to {known}); run that version or a later one"
            ))));
        }
        for script in &self.kind.migrations[done..] {
            if let Err(error) = conn.execute_batch(script) {
                if !conn.is_autocommit() {
                    conn.execute_batch("ROLLBACK")?;
                }
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// What an error of SQLite's means for whoever runs this program.
    pub(super) fn explain(&self, error: &rusqlite::Error) -> StoreError {
        let name = self.path.display();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Unavailable(format!(
                "no space is left for {name}; free some on its disk, and Pointwork goes on by itself"
            )),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Unavailable(format!(
                "another program holds a lock on {name}; close it, and Pointwork goes on by itself"
            )),
            Some(ErrorCode::NotADatabase) => StoreError::Incompatible(format!(
                "{name} is not a database; choose another data folder, move the file away or restore it from a backup"
            )),
            Some(ErrorCode::DatabaseCorrupt) => {
                StoreError::Unavailable(format!("{name} is damaged; restore it from a backup ({error})"))
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                StoreError::Unavailable(format!(
                    "{name} cannot be opened for writing; make its folder writable for the user that runs Pointwork ({error})"
                ))
            }
            _ => StoreError::Unavailable(format!("{name}: {error}")),
        }
    }
}

/// Why a piece of work on a database ended early.
#[derive(Debug)]
pub(super) enum Fault {
    /// It was refused before it wrote anything: what shares its transaction is not concerned.
    Refused(StoreError),
    /// SQLite failed: the transaction is void.
    Sqlite(rusqlite::Error),
}

impl Fault {
    pub(super) fn explain(self, file: &DbFile) -> StoreError {
        match self {
            Self::Refused(error) => error,
            Self::Sqlite(error) => file.explain(&error),
        }
    }

    /// Whether the database as a whole is at fault, so that trying smaller pieces is of no use.
    pub(super) fn concerns_all(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        !matches!(
            error.sqlite_error_code(),
            None | Some(
                ErrorCode::ConstraintViolation
                    | ErrorCode::TooBig
                    | ErrorCode::TypeMismatch
                    | ErrorCode::Unknown
            )
        )
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}
