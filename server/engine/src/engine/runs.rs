//! Runs as they are read, followed and cancelled: their rows, task runs, values, logs and events.

use std::sync::Arc;

use flow::plan::{PlanTask, Spot};
use flow::run::explain::Explained;
use flow::run::{Command, Event, RunState};
use flow::view::{Page, RunDetail, RunSummary, TaskRunView, TaskStatus, WhyView};
use flow::{Payload, RunId};
use serde_json::Value;
use tokio::sync::watch;

use super::Engine;
use crate::error::{EngineError, EngineResult};
use crate::store::{LogAmount, LogChunk, LogPlace, LogSide, RunFilter, RunLogs, RunRow};

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
        self.ask(run, Command::Cancel { force, reason }, actor).await
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
        Ok(self.run_row(run).await?.summary)
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

    /// Lets a run start nothing more until it is resumed; attempts that are out come to their end.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`]; [`EngineError::Finished`] and [`EngineError::NotNow`] if there is nothing to hold.
    pub async fn pause_run(&self, run: RunId, reason: Option<String>, actor: &str) -> EngineResult<()> {
        self.ask(run, Command::Pause { reason }, actor).await
    }

    /// Lets a paused run go on.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`]; [`EngineError::Finished`].
    pub async fn resume_run(&self, run: RunId, actor: &str) -> EngineResult<()> {
        self.ask(run, Command::Resume, actor).await
    }

    pub(super) async fn ask(&self, run: RunId, command: Command, actor: &str) -> EngineResult<()> {
        self.parts.router.command(run, command, actor.into()).await
    }

    /// Task runs of a run in document order, each task followed by its items: those in a state, and those whose path begins with
    /// `under`. A page goes on from the path that is the `next_cursor` of the one before.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`]; [`EngineError::BadCursor`].
    pub async fn tasks(
        &self,
        run: RunId,
        state: Option<TaskStatus>,
        under: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> EngineResult<Page<TaskRunView>> {
        let run_state = self.state(run).await?;
        let from = match cursor {
            Some(cursor) => run_state
                .plan()
                .spot(cursor)
                .ok_or_else(|| EngineError::bad_cursor(cursor))?,
            None => Spot::from(0),
        };
        let (items, next) = run_state.task_views(from, state, under, limit);
        let next_cursor = next.map(|spot| run_state.plan().path(spot).to_string());
        Ok(Page { items, next_cursor })
    }

    /// Why each unfinished task run is not running, from stored facts.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn explain(&self, run: RunId) -> EngineResult<Vec<WhyView>> {
        let state = self.state(run).await?;
        let mut told: Vec<WhyView> = state.explain().iter().map(Explained::view).collect();
        if told.iter().any(|why| matches!(&*why.kind, "worker" | "runs")) {
            self.tell_of_queues(run, &mut told).await;
        }
        Ok(told)
    }

    /// One task run.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`].
    pub async fn task(&self, run: RunId, path: &str) -> EngineResult<TaskRunView> {
        let (state, spot, view) = self.find_task(run, path).await?;
        Ok(match self.settled_item(&state, spot, &view).await? {
            Some(item) => item.watched_view().unwrap_or(view),
            None => view,
        })
    }

    /// An item that has run and settled, of which the run remembers but its outcome: its log tells the rest.
    async fn settled_item(
        &self,
        state: &RunState,
        spot: Spot,
        view: &TaskRunView,
    ) -> EngineResult<Option<Arc<RunState>>> {
        let is_forgotten = spot.part.is_some() && view.state.is_final() && view.finished_at.is_none();
        if !is_forgotten || view.state == TaskStatus::Skipped {
            return Ok(None);
        }
        Ok(Some(self.parts.reader.at_end_of(state.id(), spot).await?))
    }

    /// A task run's output; `None` if it has none (yet).
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`].
    pub async fn task_output(&self, run: RunId, path: &str) -> EngineResult<Option<Arc<Value>>> {
        let (state, spot, _) = self.find_task(run, path).await?;
        let Some(part) = spot.part else {
            return self.load(state.output(spot.task)).await;
        };
        if let Some(output) = state.output_at(spot) {
            return self.load(Some(output)).await;
        }
        // Once its task has settled, an item's output is its place in the task's.
        let all = self.load(state.output(spot.task)).await?;
        Ok(all.and_then(|all| all.get(part as usize).cloned()).map(Arc::new))
    }

    /// A task run's arguments as they were evaluated; `None` before its first attempt and for light tasks.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`].
    pub async fn task_input(&self, run: RunId, path: &str) -> EngineResult<Option<Arc<Value>>> {
        let (state, spot, view) = self.find_task(run, path).await?;
        let settled = self.settled_item(&state, spot, &view).await?;
        let task = match &settled {
            Some(item) => item.watched(),
            None => state.find_run(spot),
        };
        self.load(task.and_then(|task| task.input.as_ref())).await
    }

    /// The tasks of a run whose expressions read the output of one of its tasks, in the order of the plan. Those that choose tasks
    /// only when they are evaluated are not among them.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`].
    pub async fn readers_of(&self, run: RunId, path: &str) -> EngineResult<Vec<String>> {
        let (state, spot, _) = self.find_task(run, path).await?;
        let key = &state.plan().task(spot.task).key;
        let flows = &self.parts.shared.flows;
        let compiled = flows.get(state.flow(), Some(state.version())).await?;
        let reads = |task: &&PlanTask| {
            let program = compiled.program.task(&task.key);
            program.is_some_and(|program| {
                let all = [&program.start_refs, &program.work_refs];
                all.iter().any(|refs| refs.outputs.binary_search(key).is_ok())
            })
        };
        let readers = compiled.plan.tasks.iter().filter(reads);
        Ok(readers.map(|task| task.key.to_string()).collect())
    }

    /// The JSON Schema of a task run's input or output, as its type has it now; none for a task's items as a whole, and if the type
    /// is not known here.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`].
    pub async fn value_schema(&self, run: RunId, path: &str, output: bool) -> EngineResult<Option<Value>> {
        let (state, spot, _) = self.find_task(run, path).await?;
        let task = state.plan().task(spot.task);
        if task.spread.is_some() && spot.part.is_none() {
            return Ok(None);
        }
        let types = self.types();
        let info = types.infos().find(|info| info.key == task.doc.task_type);
        Ok(info.map(|info| match output {
            true => info.output_schema.clone(),
            false => info.input_schema.clone(),
        }))
    }

    async fn find_task(&self, run: RunId, path: &str) -> EngineResult<(Arc<RunState>, Spot, TaskRunView)> {
        let state = self.state(run).await?;
        let found = state
            .plan()
            .spot(path)
            .and_then(|spot| Some((spot, state.view_at(spot)?)));
        match found {
            Some((spot, view)) => Ok((state, spot, view)),
            None => Err(EngineError::UnknownTask {
                run,
                task: path.to_owned(),
            }),
        }
    }

    /// A value that an event names, from wherever it lies.
    ///
    /// # Errors
    /// If the blob store cannot be read, or the value is gone.
    pub async fn value(&self, payload: &Payload) -> EngineResult<Arc<Value>> {
        crate::shard::read_payload(&*self.parts.shared.blobs, payload).await
    }

    async fn load(&self, payload: Option<&Payload>) -> EngineResult<Option<Arc<Value>>> {
        match payload {
            Some(payload) => Ok(Some(self.value(payload).await?)),
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

    /// The last of a task run's log up to a position (attempt, chunk number), about `bytes` of it; `None` is its end.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownTask`].
    pub async fn task_logs_back(
        &self,
        run: RunId,
        path: &str,
        until: Option<(u32, u64)>,
        bytes: usize,
    ) -> EngineResult<Vec<(u32, LogChunk)>> {
        self.find_task(run, path).await?;
        let until = until.unwrap_or((u32::MAX, u64::MAX));
        Ok(self.parts.log_store.read_back(run, path, until, bytes).await?)
    }

    /// The logs of all task runs of a run in the order in which they were written. An unknown run has none.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn run_logs(&self, run: RunId, side: LogSide, amount: LogAmount) -> EngineResult<RunLogs> {
        Ok(self.parts.log_store.read_run(run, side, amount).await?)
    }

    /// The logs of all task runs of a run, task run by task run, behind the chunk at `after`, about `bytes` of them.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn scan_run_logs(
        &self,
        run: RunId,
        after: Option<LogPlace>,
        bytes: usize,
    ) -> EngineResult<Vec<(LogPlace, LogChunk)>> {
        Ok(self.parts.log_store.scan_run(run, after, bytes).await?)
    }

    /// How many lines stand before each of these chunks in the log of its attempt, as far as that is told by `bytes` of text.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn log_lines_before(
        &self,
        run: RunId,
        chunks: Vec<LogPlace>,
        bytes: usize,
    ) -> EngineResult<Vec<Option<u64>>> {
        Ok(self.parts.log_store.lines_before(run, chunks, bytes).await?)
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
