//! The data folder: private to its user, used by one process at a time, with a name of its own.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write as _;
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use flow::payload::hex;

use crate::store::{StoreError, StoreResult};

pub(super) const LOCK_FILE: &str = "pointwork.lock";
/// Where a backup is put back, beside the place: what is there is not whole.
pub(super) const RESTORING: &str = "restoring";
const INSTANCE_FILE: &str = "instance";
/// Hexadecimal digits of an instance id: 128 bits.
const INSTANCE_DIGITS: usize = 32;

/// A folder this process has to itself for as long as the value lives.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) instance: String,
    _lock: File,
}

impl Folder {
    /// Makes the folder if there is none, and takes it.
    pub(super) fn take(dir: &Path) -> StoreResult<Self> {
        make(dir)?;
        let lock = lock(dir)?;
        if dir.join(RESTORING).exists() {
            return Err(StoreError::Incompatible(format!(
                "a backup was being put back into {} and is not whole there; call `pointwork restore` again, or empty the folder",
                dir.display()
            )));
        }
        Ok(Self {
            instance: instance(dir)?,
            _lock: lock,
        })
    }
}

/// Makes a folder that only its user can enter, if there is none.
pub(super) fn make(dir: &Path) -> StoreResult<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder
        .create(dir)
        .map_err(|error| failed(dir, "the data folder cannot be made", &error))
}

/// How often, and after what pause, a held lock is tried again. A server that is killed just as it starts a process leaves the
/// lock to that process for the moment until it runs its program; restarting meanwhile must not fail.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

pub(super) fn lock(dir: &Path) -> StoreResult<File> {
    let path = dir.join(LOCK_FILE);
    let file = private().create(true).truncate(false).open(&path);
    let file = file.map_err(|error| failed(&path, "the lock file cannot be opened", &error))?;
    let mut taken = file.try_lock();
    for _ in 0..LOCK_TRIES {
        if !matches!(taken, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(LOCK_PAUSE);
        taken = file.try_lock();
    }
    match taken {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Unavailable(format!(
            "another Pointwork is at work in {}; stop it, or choose another data folder",
            dir.display()
        ))),
        Err(TryLockError::Error(error)) => Err(failed(&path, "the lock cannot be taken", &error)),
    }
}

/// The folder's id, made at the first start. Processes are marked with it, so that a restarted server knows its own.
fn instance(dir: &Path) -> StoreResult<String> {
    let path = dir.join(INSTANCE_FILE);
    if let Ok(text) = fs::read_to_string(&path) {
        let text = text.trim();
        if text.len() == INSTANCE_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(text.to_owned());
        }
    }
    let mut random = [0; INSTANCE_DIGITS / 2];
    getrandom::fill(&mut random)
        .map_err(|error| StoreError::Unavailable(format!("the system gives no random numbers: {error}")))?;
    let id = hex(&random);
    // Written aside and moved, so that a crash leaves a whole file or none.
    let draft = dir.join("instance.new");
    let written = private()
        .create(true)
        .truncate(true)
        .open(&draft)
        .and_then(|mut file| file.write_all(id.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, &path));
    written.map_err(|error| failed(&path, "the instance id cannot be written", &error))?;
    Ok(id)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    options.mode(0o600);
    options
}

fn failed(path: &Path, what: &str, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{what}: {} ({error})", path.display()))
}
