//! Connections that read. They see what is committed and never hold the writer up.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::file::{DbFile, Fault};
use crate::store::{StoreError, StoreResult};

/// Connections per file. Reads are short; more would only fight for the cores.
const READERS_MAX: usize = 4;

/// A pool of reading connections, opened as they are needed.
#[derive(Clone)]
pub(super) struct Readers {
    file: DbFile,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(file: DbFile) -> Self {
        Self {
            file,
            idle: Arc::default(),
            places: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }

    /// Reads on a thread that may block; all that `work` reads is of one moment.
    pub(super) async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<R, Fault> + Send + 'static,
    ) -> StoreResult<R> {
        let closed = |_| StoreError::Unavailable("it is being closed".to_owned());
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(closed)?;
        let this = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            this.read_here(work).map_err(|fault| fault.explain(&this.file))
        });
        task.await.unwrap_or_else(|error| {
            Err(StoreError::Unavailable(format!(
                "a read of it was broken off: {error}"
            )))
        })
    }

    fn read_here<R>(&self, work: impl FnOnce(&Connection) -> Result<R, Fault>) -> Result<R, Fault> {
        let idle = self.idle.lock().pop();
        let conn = match idle {
            Some(conn) => conn,
            None => self.file.reader()?,
        };
        let moment = conn.unchecked_transaction()?;
        let answer = work(&moment);
        moment.finish()?;
        // Only a connection that is in order comes back; after an error a new one is opened.
        if !matches!(answer, Err(Fault::Sqlite(_))) {
            self.idle.lock().push(conn);
        }
        answer
    }
}
