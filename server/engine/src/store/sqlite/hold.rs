//! Large values are not collected while a backup is made: what its events name must still be there when its values are copied.

use std::fs::{File, OpenOptions, TryLockError};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

pub(super) const FILE: &str = "backup.lock";

fn open(dir: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(dir.join(FILE))
}

/// Keeps values from being collected for as long as the answer lives. Several may.
pub(super) fn hold(dir: &Path) -> std::io::Result<File> {
    let file = open(dir)?;
    file.lock_shared()?;
    Ok(file)
}

/// The right to collect values for as long as the answer lives; `None` while somebody holds them.
pub(super) fn may_collect(dir: &Path) -> std::io::Result<Option<File>> {
    let file = open(dir)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
