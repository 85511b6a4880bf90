//! What tests of task types share: a real pool with a data folder of its own, and outcomes as text.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flow::run::command::Dispatch as Given;
use flow::{AttemptToken, Payload, RunId, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{BuiltinOptions, TypeRegistry};
use crate::dispatch::{Dispatch, Job, LocalPool, PoolOptions, Report};
use crate::secrets::{NoSecrets, SecretSource};
use crate::store::memory::MemoryStore;
use crate::store::{LogStore, LogStream};
use crate::task_logs::{LogLimits, LogWriter};
use crate::task_type::TaskOutcome;

/// Longer than anything takes; a test that gets here hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How a harness differs from the ordinary.
pub(crate) struct Setup {
    pub(crate) types: TypeRegistry,
    pub(crate) workers: usize,
    pub(crate) grace: Duration,
    pub(crate) logs: LogLimits,
    /// Names and values.
    pub(crate) secrets: &'static [(&'static str, &'static str)],
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            types: TypeRegistry::builtin(&BuiltinOptions::default()),
            workers: 4,
            grace: Duration::from_millis(200),
            logs: LogLimits {
                linger: Duration::from_millis(1),
                ..LogLimits::default()
            },
            secrets: &[],
        }
    }
}

/// A pool of its own.
pub(crate) struct Harness {
    pub(crate) pool: LocalPool,
    pub(crate) logs: LogWriter,
    pub(crate) instance: Arc<str>,
    store: Arc<MemoryStore>,
    reports: Mutex<mpsc::UnboundedReceiver<Report>>,
    dir: tempfile::TempDir,
    count: AtomicU64,
}

/// The run all attempts of a harness belong to.
pub(crate) const RUN: RunId = RunId(0x0195_0000_0000_0000_0000_0000_0000_0000);

impl Harness {
    pub(crate) fn new(setup: Setup) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let store = Arc::new(MemoryStore::new());
        let clock = Arc::new(|| Timestamp::from_millis(1_700_000_000_000));
        let logs = LogWriter::start(Arc::clone(&store) as Arc<dyn LogStore>, clock, setup.logs);
        let instance: Arc<str> = format!("test-{}", dir.path().display()).into();
        let (send, reports) = mpsc::unbounded_channel();
        let options = PoolOptions {
            workers: setup.workers,
            types: Arc::new(setup.types),
            logs: logs.clone(),
            data_dir: dir.path().to_owned(),
            instance: Arc::clone(&instance),
            secrets: Arc::new(Secrets(setup.secrets)),
            grace: setup.grace,
        };
        let pool = LocalPool::new(options, Arc::new(move |report| drop(send.send(report))));
        Self {
            pool,
            logs,
            instance,
            store,
            reports: Mutex::new(reports),
            dir,
            count: AtomicU64::new(0),
        }
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// A file in the data folder for signals between test and task.
    pub(crate) fn signal(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn job(&self, task_type: &str, input: Value) -> Job {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let input = Arc::new(input);
        let secrets = input.as_object().map(flow::secrets::uses).unwrap_or_default();
        let dispatch = Given {
            task: 0,
            path: format!("t{number}").into(),
            task_type: task_type.into(),
            attempt: 1,
            token: AttemptToken(u128::from(number)),
            input: Payload::Inline(Arc::clone(&input)),
            secrets: secrets.into(),
            timeout: None,
            at_most_once: false,
            since_first: Duration::ZERO,
            queue: "default".into(),
            queue_key: None,
            priority: 0,
            ready_at: Timestamp::from_millis(0),
            cache_key: None,
        };
        Job {
            run: RUN,
            flow: "demo".into(),
            dispatch,
            input,
        }
    }

    /// The next report.
    pub(crate) async fn report(&self) -> Report {
        let next = std::future::poll_fn(|cx| self.reports.lock().poll_recv(cx));
        tokio::time::timeout(PATIENCE, next)
            .await
            .expect("a report comes")
            .expect("the pool lives")
    }

    /// How the attempt ends; reports of others are passed over.
    pub(crate) async fn ended(&self, job: &Job) -> TaskOutcome {
        loop {
            if let Report::Ended { token, outcome, .. } = self.report().await
                && token == job.dispatch.token
            {
                return outcome;
            }
        }
    }

    /// Makes an attempt.
    pub(crate) async fn make(&self, job: &Job) -> TaskOutcome {
        self.pool.submit(job.clone());
        self.ended(job).await
    }

    /// Makes an attempt; its outcome and log as text, with what differs each time replaced.
    pub(crate) async fn run(&self, task_type: &str, input: Value) -> String {
        let job = self.job(task_type, input);
        let outcome = self.make(&job).await;
        let text = format!("{}{}", shown(&outcome), self.log(&job).await);
        text.replace(&self.dir.path().display().to_string(), "DATA")
            .replace(&RUN.to_string(), "RUN")
    }

    /// An attempt's log as text.
    pub(crate) async fn log(&self, job: &Job) -> String {
        self.logs.flushed(job.run).await;
        let chunks = self
            .store
            .read(job.run, &job.dispatch.path, (0, 0), usize::MAX)
            .await
            .expect("the log can be read");
        let mut text = String::new();
        for (_, chunk) in chunks {
            let name = match chunk.stream {
                LogStream::Stdout => "out",
                LogStream::Stderr => "err",
                LogStream::Engine => "eng",
            };
            for line in chunk.text.lines() {
                text.push_str(&format!("{name} | {line}\n"));
            }
        }
        text
    }

    /// Comes back when a task has made this file with something in it; gives what is in it.
    pub(crate) async fn appears(&self, path: &Path) -> String {
        let appears = async {
            loop {
                if let Ok(text) = std::fs::read_to_string(path)
                    && text.ends_with('\n')
                {
                    return text.trim().to_owned();
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, appears)
            .await
            .expect("the file appears")
    }
}

struct Secrets(&'static [(&'static str, &'static str)]);

#[async_trait::async_trait]
impl SecretSource for Secrets {
    async fn reveal(&self, name: &str) -> Result<zeroize::Zeroizing<String>, flow::run::TaskError> {
        match self.0.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(zeroize::Zeroizing::new((*value).to_owned())),
            None => NoSecrets.reveal(name).await,
        }
    }
}

/// An outcome as text.
pub(crate) fn shown(outcome: &TaskOutcome) -> String {
    match outcome {
        TaskOutcome::Succeeded { output, exit_code } => {
            let code = exit_code.map_or_else(String::new, |code| format!(" (exit code {code})"));
            format!("succeeded{code}: {output}\n")
        }
        TaskOutcome::Failed {
            error,
            output,
            retry_after,
        } => {
            let retry = match retry_after {
                _ if error.is_final => ", for good".to_owned(),
                Some(pause) => format!(", again after {pause:?}"),
                None => String::new(),
            };
            let code = error
                .exit_code
                .map_or_else(String::new, |code| format!(" (exit code {code})"));
            let output = output
                .as_ref()
                .map_or_else(String::new, |output| format!("with {output}\n"));
            format!("failed{code}{retry}: {}: {}\n{output}", error.kind, error.message)
        }
        TaskOutcome::Cancelled => "cancelled\n".to_owned(),
        TaskOutcome::Snoozed(pause) => format!("snoozed for {pause:?}\n"),
    }
}

/// Whether a process is there and at work.
pub(crate) fn is_alive(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended; it only waits for its parent to look.
    status
        .rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
