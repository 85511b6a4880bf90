//! One attempt: given its context, watched over, and made to end.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flow::HumanDuration;
use flow::limits;
use flow::run::event::TaskError;
use futures::FutureExt;
use tokio::sync::oneshot;

use super::Job;
use super::pool::{Inner, Live};
use crate::secrets::fill_in;
use crate::secrets::mask::{MaskedLog, Masker};
use crate::store::LogKey;
use crate::task_logs::AttemptLog;
use crate::task_type::{LogSink, TaskContext, TaskOutcome, TaskType};
use crate::task_types::Found;

/// How long an attempt has after it was killed before it is given up: time to see its process gone.
pub(super) const KILLED_GRACE: Duration = Duration::from_secs(2);

type Work = Pin<Box<dyn Future<Output = TaskOutcome> + Send>>;

impl Inner {
    /// Makes an attempt. Its log is closed when it comes back.
    pub(super) async fn attempt(&self, mut job: Job, live: &Arc<Live>) -> TaskOutcome {
        if job.dispatch.at_most_once {
            tokio::select! {
                biased;
                () = live.cancel.cancelled() => return TaskOutcome::Cancelled,
                () = live.confirmed.notified() => {}
            }
        }
        let (task_type, info) = match self.options.types.find(&job.dispatch.task_type) {
            Found::Type(task_type, info) => (task_type, info),
            Found::Missing(error) => return TaskOutcome::from(error),
        };
        let uses = Arc::clone(&job.dispatch.secrets);
        let masker = if uses.is_empty() {
            None
        } else {
            match fill_in(&*self.options.secrets, &uses, &info.input_schema, &job.input).await {
                Ok((input, masker)) => {
                    job.input = input;
                    masker
                }
                Err(error) => return TaskOutcome::from(error),
            }
        };
        let key = LogKey {
            run: job.run,
            task: Arc::clone(&job.dispatch.path),
            attempt: job.dispatch.attempt,
        };
        let log = self.options.logs.sink(key);
        let timeout = job.dispatch.timeout;
        let masked = masker
            .clone()
            .map(|masker| Arc::new(MaskedLog::new(masker, Arc::<AttemptLog>::clone(&log))));
        let sink: Arc<dyn LogSink> = match &masked {
            Some(masked) => Arc::<MaskedLog>::clone(masked),
            None => Arc::<AttemptLog>::clone(&log),
        };
        let context = self.context(job, live, (sink, masker.clone()));
        let work = if info.blocking {
            self.on_own_thread(task_type, context)
        } else {
            guarded(task_type, context)
        };
        let outcome = self.watch(work, timeout, live).await;
        if let Some(masked) = masked {
            masked.finish();
        }
        log.close();
        within_limit(match masker {
            Some(masker) => masker.outcome(outcome),
            None => outcome,
        })
    }

    fn context(
        &self,
        job: Job,
        live: &Live,
        (log, masker): (Arc<dyn LogSink>, Option<Masker>),
    ) -> TaskContext {
        let idempotency_key = job.idempotency_key();
        TaskContext {
            run: job.run,
            flow: job.flow,
            idempotency_key,
            task: job.dispatch.path,
            attempt: job.dispatch.attempt,
            input: job.input,
            secrets: job.dispatch.secrets,
            masker,
            cancel: live.cancel.clone(),
            kill: live.kill.clone(),
            log,
            data_dir: self.options.data_dir.clone(),
            instance: Arc::clone(&self.options.instance),
            since_first: job.dispatch.since_first,
        }
    }

    /// Sees to it that the work ends: by itself, or when its time is over, or when it is cancelled.
    async fn watch(&self, mut work: Work, timeout: Option<Duration>, live: &Live) -> TaskOutcome {
        let time_is_over = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let (ended, timed_out) = tokio::select! {
            biased;
            outcome = &mut work => (Some(outcome), None),
            () = live.cancel.cancelled() => (None, None),
            () = time_is_over => (None, timeout),
        };
        let outcome = match ended {
            Some(outcome) => outcome,
            None => {
                live.cancel.cancel();
                self.make_it_end(&mut work, live).await
            }
        };
        if let Some(timeout) = timed_out {
            let timeout = HumanDuration::from_millis(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
            return TaskOutcome::failed("timeout", format!("took longer than {timeout}"));
        }
        match outcome {
            // It was done before it could be stopped: that is a fact. What else comes of a cancel comes of the cancel.
            TaskOutcome::Failed { .. } | TaskOutcome::Snoozed(_) if live.cancel.is_cancelled() => {
                TaskOutcome::Cancelled
            }
            outcome => outcome,
        }
    }

    async fn make_it_end(&self, work: &mut Work, live: &Live) -> TaskOutcome {
        tokio::select! {
            biased;
            outcome = &mut *work => return outcome,
            () = live.kill.cancelled() => {}
            () = tokio::time::sleep(self.options.grace) => {}
        }
        live.kill.cancel();
        // Past this it is dropped; a thread that does not end cannot be, and is left behind.
        tokio::time::timeout(KILLED_GRACE, work)
            .await
            .unwrap_or(TaskOutcome::Cancelled)
    }

    /// Work that blocks gets a thread of its own, not one of a pool: one that never ends must hold up neither others nor the
    /// end of the runtime.
    fn on_own_thread(&self, task_type: Arc<dyn TaskType>, context: TaskContext) -> Work {
        let (done, outcome) = oneshot::channel();
        let runtime = tokio::runtime::Handle::current();
        let name = format!("task {}", context.task);
        let alive = Counted::new(&self.threads.alive);
        let spawned = std::thread::Builder::new().name(name).spawn(move || {
            let outcome = runtime.block_on(guarded(task_type, context));
            drop(alive);
            // Nobody waits for an attempt that was given up.
            let _ = done.send(outcome);
        });
        if let Err(error) = spawned {
            let error = TaskError::new("resources", format!("no thread could be started: {error}"));
            return Box::pin(async { TaskOutcome::from(error) });
        }
        let awaited = Counted::new(&self.threads.awaited);
        Box::pin(async move {
            let outcome = outcome.await;
            drop(awaited);
            outcome.unwrap_or_else(|_| TaskOutcome::failed("panic", "the task's thread ended without a word"))
        })
    }
}

/// The threads of attempts that block.
#[derive(Default)]
pub(super) struct Threads {
    alive: Arc<AtomicUsize>,
    awaited: Arc<AtomicUsize>,
}

impl Threads {
    /// How many are at work although their attempt was given up.
    pub(super) fn abandoned(&self) -> usize {
        self.alive
            .load(Ordering::Relaxed)
            .saturating_sub(self.awaited.load(Ordering::Relaxed))
    }
}

/// One more for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a type; its panics are failures.
fn guarded(task_type: Arc<dyn TaskType>, context: TaskContext) -> Work {
    Box::pin(async move {
        let work = AssertUnwindSafe(task_type.run(&context)).catch_unwind();
        work.await.unwrap_or_else(|panic| {
            TaskOutcome::failed(
                "panic",
                format!("the task type panicked: {}", message_of(&*panic)),
            )
        })
    })
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

/// An output past the limit is a failure, whatever type made it.
fn within_limit(outcome: TaskOutcome) -> TaskOutcome {
    let too_large = |output: &serde_json::Value| exceeds(output, limits::OUTPUT_BYTES_MAX);
    match outcome {
        TaskOutcome::Succeeded { output, .. } if too_large(&output) => {
            let message = format!(
                "the output is larger than {}; write it to a file and give its name",
                size_max()
            );
            TaskError::new("output_too_large", message).permanent().into()
        }
        TaskOutcome::Failed {
            error,
            output: Some(output),
            retry_after,
        } if too_large(&output) => TaskOutcome::Failed {
            error,
            output: None,
            retry_after,
        },
        outcome => outcome,
    }
}

fn size_max() -> String {
    crate::task_logs::human_bytes(limits::OUTPUT_BYTES_MAX)
}

/// Whether a value's compact JSON is longer than this.
pub(crate) fn exceeds(value: &serde_json::Value, max: usize) -> bool {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or_else(|| std::io::Error::other("too long"))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Count(max), value).is_err()
}
