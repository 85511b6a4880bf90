//! Runs as they are read, followed and cancelled: their rows, task runs, values, logs and events.

use std::sync::Arc;

use flow::run::{Command, Event, RunState};
use flow::view::{Page, RunDetail, RunSummary, TaskRunView, TaskStatus};
use flow::{Payload, RunId, TaskIx};
use serde_json::Value;
use tokio::sync::watch;

use super::Engine;
use crate::error::{EngineError, EngineResult};
use crate::store::{LogChunk, RunFilter, RunRow};

/// A piece of a task run's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// Attempt and chunk, oldest first.
    pub chunks: Vec<(u32, LogChunk)>,
    /// Where to go on: attempt and chunk number.
    pub next: (u32, u64),
}

impl Engine {
    /// Cancels a run: by `force` at once and without undo, finally and `on_failure`.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`]; [`EngineError::Finished`] if it has ended.
    pub async fn cancel_run(
        &self,
        run: RunId,
        force: bool,
        reason: Option<String>,
        actor: &str,
    ) -> EngineResult<()> {
        self.parts
            .router
            .command(run, Command::Cancel { force, reason }, actor.into())
            .await
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// If the store cannot be read or the cursor is none.
    pub async fn runs(
        &self,
        filter: &RunFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> EngineResult<Page<RunSummary>> {
        Ok(self.parts.shared.store.runs(filter, cursor, limit).await?)
    }

    /// A run's row.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn run_summary(&self, run: RunId) -> EngineResult<RunSummary> {
        Ok(self
            .parts
            .shared
            .store
            .run(run)
            .await?
            .ok_or(EngineError::UnknownRun(run))?
            .summary)
    }

    /// A run's row with the number of its last event, as the store has it.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn run_row(&self, run: RunId) -> EngineResult<RunRow> {
        self.parts
            .shared
            .store
            .run(run)
            .await?
            .ok_or(EngineError::UnknownRun(run))
    }

    /// A run, whole, with at most [`flow::limits::TASK_RUNS_LISTED_MAX`] task runs.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn run(&self, run: RunId) -> EngineResult<RunDetail> {
        Ok(self.state(run).await?.detail(flow::limits::TASK_RUNS_LISTED_MAX))
    }

    /// A run as its committed events make it.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn state(&self, run: RunId) -> EngineResult<Arc<RunState>> {
        self.parts.reader.state(run).await
    }

    /// Task runs of a run in document order, from the `after`-th on: those in a state, and those whose path begins with `under`.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn tasks(
        &self,
        run: RunId,
        state: Option<TaskStatus>,
        under: Option<&str>,
        after: usize,
        limit: usize,
    ) -> EngineResult<Page<TaskRunView>> {
        let run_state = self.state(run).await?;
        let below = |ix: &TaskIx| under.is_none_or(|under| run_state.plan().task(*ix).key.starts_with(under));
        let mut found = run_state
            .tasks_in(state)
            .filter(|ix| *ix as usize >= after)
            .filter(below);
        let items: Vec<TaskRunView> = found
            .by_ref()
            .take(limit)
            .map(|ix| run_state.task_view(ix))
            .collect();
        let next_cursor = found.next().map(|ix| ix.to_string());
        Ok(Page { items, next_cursor })
    }

    /// One task run.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`].
    pub async fn task(&self, run: RunId, path: &str) -> EngineResult<TaskRunView> {
        let (state, ix) = self.find_task(run, path).await?;
        Ok(state.task_view(ix))
    }

    /// A task run's output; `None` if it has none (yet).
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`].
    pub async fn task_output(&self, run: RunId, path: &str) -> EngineResult<Option<Arc<Value>>> {
        let (state, ix) = self.find_task(run, path).await?;
        self.load(state.output(ix)).await
    }

    /// A task run's arguments as they were evaluated; `None` before its first attempt and for light tasks.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`].
    pub async fn task_input(&self, run: RunId, path: &str) -> EngineResult<Option<Arc<Value>>> {
        let (state, ix) = self.find_task(run, path).await?;
        self.load(state.task(ix).input.as_ref()).await
    }

    async fn find_task(&self, run: RunId, path: &str) -> EngineResult<(Arc<RunState>, TaskIx)> {
        let state = self.state(run).await?;
        let ix = state.plan().find(path).ok_or_else(|| EngineError::UnknownTask {
            run,
            task: path.to_owned(),
        })?;
        Ok((state, ix))
    }

    async fn load(&self, payload: Option<&Payload>) -> EngineResult<Option<Arc<Value>>> {
        match payload {
            Some(payload) => Ok(Some(
                crate::shard::read_payload(&*self.parts.shared.blobs, payload).await?,
            )),
            None => Ok(None),
        }
    }

    /// A piece of a task run's log after a position (attempt, chunk number), about `bytes` of it.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`].
    pub async fn task_logs(
        &self,
        run: RunId,
        path: &str,
        after: (u32, u64),
        bytes: usize,
    ) -> EngineResult<Logs> {
        self.find_task(run, path).await?;
        let chunks = self.parts.log_store.read(run, path, after, bytes).await?;
        let next = chunks
            .last()
            .map_or(after, |(attempt, chunk)| (*attempt, chunk.number));
        Ok(Logs { chunks, next })
    }

    /// Comes back when what a run's attempts have logged so far can be read.
    pub async fn logs_flushed(&self, run: RunId) {
        self.parts.shared.logs.flushed(run).await;
    }

    /// The events of a run after `after`, about `limit` of them.
    ///
    /// # Errors
    /// If the store cannot be read. An unknown run has none.
    pub async fn events(&self, run: RunId, after: u64, limit: usize) -> EngineResult<Vec<Event>> {
        Ok(self.parts.shared.store.events(run, after, limit).await?)
    }

    /// Hints that events of a run were committed. Register first, then look, then wait.
    #[must_use]
    pub fn watch_run(&self, run: RunId) -> watch::Receiver<u64> {
        self.parts.shared.hub.watch(run)
    }
}
