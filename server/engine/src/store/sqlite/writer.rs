//! The thread that writes to a file, and group commit: whatever waits when it is free goes into one transaction.

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::file::{DbFile, Fault};
use crate::store::{StoreError, StoreResult};

/// Requests that may wait for the writer before callers wait for a place.
const WAITING_MAX: usize = 1024;

/// Weight of one transaction, in rows or so: bounds how long the first caller waits for the last one's work.
const WEIGHT_PER_TRANSACTION_MAX: usize = 4096;

/// What a writer keeps in memory beside its connection, in step with its transactions.
pub(super) trait Ledger: Send + 'static {
    /// Writes what was put off during the transaction; the commit follows.
    fn flush(&mut self, _conn: &Connection) -> Result<(), Fault> {
        Ok(())
    }

    /// The transaction is durable.
    fn committed(&mut self) {}

    /// The transaction is void: what it changed in memory is taken back.
    fn rolled_back(&mut self) {}
}

/// For files whose writer remembers nothing.
pub(super) struct NoLedger;

impl Ledger for NoLedger {}

/// A request on its way. It may be run again if a transaction it shared was void.
trait Job<L>: Send {
    fn weight(&self) -> usize;
    fn run(&mut self, conn: &Connection, ledger: &mut L) -> Result<(), Fault>;
    fn answer(self: Box<Self>, result: StoreResult<()>);
}

struct Request<W, R> {
    weight: usize,
    work: W,
    result: Option<R>,
    answer: oneshot::Sender<StoreResult<R>>,
}

impl<L, W, R> Job<L> for Request<W, R>
where
    W: FnMut(&Connection, &mut L) -> Result<R, Fault> + Send,
    R: Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, conn: &Connection, ledger: &mut L) -> Result<(), Fault> {
        self.result = Some((self.work)(conn, ledger)?);
        Ok(())
    }

    fn answer(self: Box<Self>, result: StoreResult<()>) {
        let Self {
            result: outcome,
            answer,
            ..
        } = *self;
        // A caller that no longer waits has learned nothing; what was written stands all the same.
        let _ = answer.send(result.and_then(|()| outcome.ok_or_else(stopped)));
    }
}

/// The way to a writer's thread. Dropping it lets the thread finish what waits, close the file and end.
pub(super) struct Writer<L> {
    jobs: Option<mpsc::Sender<Box<dyn Job<L>>>>,
    thread: Option<JoinHandle<()>>,
}

impl<L: Ledger> Writer<L> {
    pub(super) fn start(file: DbFile, conn: Connection, ledger: L) -> StoreResult<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let name = format!("write {}", file.kind.file_name.trim_end_matches(".db"));
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || Desk { file, conn, ledger }.serve(waiting))
            .map_err(|error| {
                StoreError::Unavailable(format!(
                    "no thread can be started to write to the database: {error}"
                ))
            })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Does `work` in a transaction, which it may share with others', and answers when that is durable.
    ///
    /// `work` may run more than once, and must refuse ([`Fault::Refused`]) before it writes, not after.
    pub(super) async fn write<W, R>(&self, weight: usize, work: W) -> StoreResult<R>
    where
        W: FnMut(&Connection, &mut L) -> Result<R, Fault> + Send + 'static,
        R: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Request {
            weight,
            work,
            result: None,
            answer,
        });
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(job).await.map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl<L> Drop for Writer<L> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes to the database had panicked");
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the thread that writes to it has ended; restart Pointwork".to_owned())
}

struct Desk<L> {
    file: DbFile,
    conn: Connection,
    ledger: L,
}

impl<L: Ledger> Desk<L> {
    fn serve(mut self, mut waiting: mpsc::Receiver<Box<dyn Job<L>>>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut weight = first.weight();
            let mut jobs = vec![first];
            while weight < WEIGHT_PER_TRANSACTION_MAX
                && let Ok(next) = waiting.try_recv()
            {
                weight += next.weight();
                jobs.push(next);
            }
            self.do_together(jobs);
        }
    }

    fn do_together(&mut self, mut jobs: Vec<Box<dyn Job<L>>>) {
        match self.transaction(&mut jobs) {
            Ok(results) => {
                for (job, result) in jobs.into_iter().zip(results) {
                    job.answer(result);
                }
            }
            Err(fault) if jobs.len() == 1 || fault.concerns_all() => {
                let error = fault.explain(&self.file);
                for job in jobs {
                    job.answer(Err(error.clone()));
                }
            }
            // The database is well, so one of them is at fault: singly, it harms only itself.
            Err(_) => {
                for job in jobs {
                    self.do_together(vec![job]);
                }
            }
        }
    }

    fn transaction(&mut self, jobs: &mut [Box<dyn Job<L>>]) -> Result<Vec<StoreResult<()>>, Fault> {
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let outcome = self.run_all(jobs);
        match &outcome {
            Ok(_) => self.ledger.committed(),
            Err(_) => {
                self.ledger.rolled_back();
                // SQLite ends a transaction by itself on some errors, such as a full disk.
                if !self.conn.is_autocommit() {
                    self.conn.execute_batch("ROLLBACK")?;
                }
            }
        }
        outcome
    }

    fn run_all(&mut self, jobs: &mut [Box<dyn Job<L>>]) -> Result<Vec<StoreResult<()>>, Fault> {
        let mut results = Vec::with_capacity(jobs.len());
        for job in jobs {
            match job.run(&self.conn, &mut self.ledger) {
                Ok(()) => results.push(Ok(())),
                Err(Fault::Refused(error)) => results.push(Err(error)),
                Err(fault) => return Err(fault),
            }
        }
        self.ledger.flush(&self.conn)?;
        self.conn.prepare_cached("COMMIT")?.execute([])?;
        Ok(results)
    }
}
