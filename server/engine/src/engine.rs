//! The engine as its embedders, handlers and pages use it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flow::parse::Format;
use flow::run::{Command, Event, NewRun, RunState};
use flow::validate::Checked;
use flow::view::{
    FlowDetail, FlowSummary, FlowVersionView, Page, RunDetail, RunSummary, TaskRunView, TaskStatus,
    TaskTypeView,
};
use flow::{FlowDoc, Payload, Problem, RunId, Severity, TaskIx};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::{broadcast, oneshot, watch};

use crate::builder::EngineBuilder;
use crate::clock::Clock;
use crate::dispatch::Load;
use crate::error::{EngineError, EngineResult};
use crate::reader::Reader;
use crate::reports;
use crate::shard::{Accepted, Counters, Router, Shared, Start};
use crate::store::listing::{LATEST_RUNS_MAX, dot};
use crate::store::{FlowStats, Idempotency, LogChunk, LogStore, NewVersion, RunFilter, RunRow};
use crate::task_logs::LogHint;
use crate::task_types::TypeRegistry;

/// The engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    parts: Arc<Parts>,
}

pub(crate) struct Parts {
    pub(crate) shared: Shared,
    pub(crate) router: Router,
    pub(crate) reader: Arc<Reader>,
    pub(crate) types: Arc<TypeRegistry>,
    pub(crate) log_store: Arc<dyn LogStore>,
    pub(crate) data_dir: PathBuf,
}

/// A document to be saved.
#[derive(Clone, Debug)]
pub struct SaveFlow {
    /// Its text.
    pub source: Vec<u8>,
    /// What it is written in.
    pub format: Format,
    /// The id it must have, if the caller knows it.
    pub id: Option<String>,
    /// What must be the newest version: `Some(0)` if the flow must be new.
    pub expected: Option<u32>,
    /// Who saves it.
    pub actor: String,
}

/// What became of a saved document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The flow's id.
    pub id: String,
    /// Its newest version: a new number, or the old one if nothing changed.
    pub version: u32,
    /// What its author would want to know.
    pub warnings: Vec<Problem>,
}

/// A run to be started.
#[derive(Clone, Debug)]
pub struct StartRun {
    /// The flow's id.
    pub flow: String,
    /// A version of it; the newest unless named.
    pub version: Option<u32>,
    /// What it is given: a JSON object, or null for nothing.
    pub inputs: Value,
    /// Labels beside the flow's own.
    pub labels: BTreeMap<String, String>,
    /// The same key finds the same run.
    pub idempotency_key: Option<String>,
    /// What starts it: `api`, `ui`, `cli` …
    pub trigger: String,
    /// On whose behalf.
    pub actor: String,
}

impl StartRun {
    /// The newest version of a flow, given nothing.
    #[must_use]
    pub fn of(flow: &str) -> Self {
        Self {
            flow: flow.to_owned(),
            version: None,
            inputs: Value::Null,
            labels: BTreeMap::new(),
            idempotency_key: None,
            trigger: "api".to_owned(),
            actor: "local".to_owned(),
        }
    }
}

/// A piece of a task run's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// Attempt and chunk, oldest first.
    pub chunks: Vec<(u32, LogChunk)>,
    /// Where to go on: attempt and chunk number.
    pub next: (u32, u64),
}

impl Engine {
    /// An engine in the making.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    /// Everything that is wrong with a document; nothing is stored.
    #[must_use]
    pub fn check(&self, source: &[u8], format: Format) -> Checked {
        flow::validate::check(source, format, &*self.parts.types)
    }

    /// Saves a document as a new flow or a new version of one.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] with all problems; [`EngineError::VersionConflict`] if `expected` does not hold.
    pub async fn save_flow(&self, save: SaveFlow) -> EngineResult<Saved> {
        let checked = self.check(&save.source, save.format);
        let (warnings, errors): (Vec<_>, Vec<_>) = checked
            .problems
            .into_iter()
            .partition(|problem| problem.severity == Severity::Warning);
        let Some(doc) = checked.doc.filter(|_| errors.is_empty()) else {
            return Err(EngineError::Invalid(errors.into_iter().chain(warnings).collect()));
        };
        if let Some(id) = save.id.filter(|id| *id != doc.flow) {
            let message = format!(
                "the document is of flow `{}`, not `{id}`; change its `flow` or the address",
                doc.flow
            );
            return Err(EngineError::Invalid(vec![
                Problem::error("id_mismatch", message).at("flow"),
            ]));
        }
        let source = String::from_utf8_lossy(&save.source).into_owned();
        let version = self
            .store_version(&doc, source, save.format, save.expected, save.actor)
            .await?;
        Ok(Saved {
            id: doc.flow,
            version,
            warnings,
        })
    }

    /// Saves a document that was made rather than written, such as a translated one. It must be valid.
    ///
    /// # Errors
    /// As [`Engine::save_flow`].
    pub async fn save_document(&self, doc: &FlowDoc, actor: &str) -> EngineResult<Saved> {
        let problems = flow::validate::validate(doc, &*self.parts.types);
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(EngineError::Invalid(problems));
        }
        let source = flow::parse::to_yaml(doc);
        let version = self
            .store_version(doc, source, Format::Yaml, None, actor.to_owned())
            .await?;
        Ok(Saved {
            id: doc.flow.clone(),
            version,
            warnings: problems,
        })
    }

    async fn store_version(
        &self,
        doc: &FlowDoc,
        source: String,
        format: Format,
        expected: Option<u32>,
        actor: String,
    ) -> EngineResult<u32> {
        let document = serde_json::to_string(doc)
            .map_err(|error| EngineError::BadRequest(format!("the document cannot be written: {error}")))?;
        let new = NewVersion {
            flow: doc.flow.clone(),
            name: doc.title().to_owned(),
            description: doc.description.clone(),
            n_tasks: n_tasks(doc),
            source,
            format: format.key().to_owned(),
            document,
            at: self.parts.shared.clock.now(),
            actor,
            expected,
        };
        let saved = self.parts.shared.store.save_flow(new).await;
        self.parts.shared.flows.forget_newest(&doc.flow);
        saved.map_err(|error| match EngineError::from(error) {
            EngineError::VersionConflict {
                expected, current, ..
            } => EngineError::VersionConflict {
                flow: doc.flow.clone(),
                expected,
                current,
            },
            other => other,
        })
    }

    /// Flows by id.
    ///
    /// # Errors
    /// If the store cannot be read or the cursor is none.
    pub async fn flows(
        &self,
        text: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> EngineResult<Page<FlowSummary>> {
        Ok(self.parts.shared.store.flows(text, cursor, limit).await?)
    }

    /// A flow, its newest version or a named one.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`].
    pub async fn flow(&self, id: &str, version: Option<u32>) -> EngineResult<FlowDetail> {
        let store = &self.parts.shared.store;
        let named = || version.map_or_else(|| id.to_owned(), |version| format!("{id} version {version}"));
        let stored = store
            .flow(id, version)
            .await?
            .ok_or_else(|| EngineError::UnknownFlow(named()))?;
        let document: FlowDoc = serde_json::from_str(&stored.document).map_err(|error| {
            EngineError::Unavailable(format!(
                "version {} of {id} cannot be read: {error}",
                stored.version
            ))
        })?;
        let warnings = flow::validate::validate(&document, &*self.parts.types);
        let filter = RunFilter {
            flow: Some(id.to_owned()),
            ..RunFilter::default()
        };
        let latest = store.runs(&filter, None, LATEST_RUNS_MAX).await?;
        let summary = FlowSummary {
            id: id.to_owned(),
            name: document.title().to_owned(),
            description: document.description.clone(),
            version: stored.newest,
            updated_at: stored.created_at,
            n_tasks: n_tasks(&document),
            runs: store.stats(Some(id)).await?.runs,
            latest_runs: latest.items.iter().map(dot).collect(),
        };
        Ok(FlowDetail {
            summary,
            shown_version: stored.version,
            document,
            source: stored.source,
            format: stored.format,
            warnings,
        })
    }

    /// The versions of a flow, newest first.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`].
    pub async fn flow_versions(&self, id: &str) -> EngineResult<Vec<FlowVersionView>> {
        let versions = self.parts.shared.store.flow_versions(id).await?;
        if versions.is_empty() {
            Err(EngineError::UnknownFlow(id.to_owned()))
        } else {
            Ok(versions)
        }
    }

    /// Hides a flow from lists and refuses new runs of it; its runs stay.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`].
    pub async fn archive_flow(&self, id: &str) -> EngineResult<()> {
        let found = self.parts.shared.store.archive_flow(id).await?;
        self.parts.shared.flows.forget_newest(id);
        if found {
            Ok(())
        } else {
            Err(EngineError::UnknownFlow(id.to_owned()))
        }
    }

    /// Starts a run; answers once its start is durable.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`], [`EngineError::Archived`], [`EngineError::Invalid`] for inputs that do not fit,
    /// [`EngineError::KeyReused`], [`EngineError::Overloaded`], [`EngineError::Unavailable`].
    pub async fn start_run(&self, start: StartRun) -> EngineResult<RunId> {
        self.begin(start, None).await
    }

    /// Starts a run and waits for its end, at most this long. `None` if it is still at work then.
    ///
    /// # Errors
    /// As [`Engine::start_run`].
    pub async fn start_and_wait(
        &self,
        start: StartRun,
        at_most: Duration,
    ) -> EngineResult<(RunId, Option<Arc<RunDetail>>)> {
        let deadline = tokio::time::Instant::now() + at_most;
        let (ended, end) = oneshot::channel();
        let run = self.begin(start, Some(ended)).await?;
        match tokio::time::timeout_at(deadline, end).await {
            Ok(Ok(detail)) => Ok((run, Some(detail))),
            // The run existed already, or left memory: ask for its end.
            Ok(Err(_)) => Ok((run, self.wait_until(run, deadline).await?)),
            Err(_) => Ok((run, None)),
        }
    }

    async fn begin(
        &self,
        start: StartRun,
        ended: Option<oneshot::Sender<Arc<RunDetail>>>,
    ) -> EngineResult<RunId> {
        let parts = &self.parts;
        let compiled = parts.shared.flows.to_start(&start.flow, start.version).await?;
        let inputs = flow::inputs::resolve(compiled.doc(), start.inputs).map_err(EngineError::Invalid)?;
        let key = start.idempotency_key;
        let idempotency = key.as_ref().map(|key| Idempotency {
            key: key.clone(),
            inputs_hash: hash(&inputs),
        });
        if let Some(wanted) = &idempotency
            && let Some((run, inputs_hash)) = parts.shared.store.run_by_key(&start.flow, &wanted.key).await?
        {
            return existing(run, inputs_hash, wanted);
        }
        let (inputs, blob) = Payload::keep(inputs);
        if let Some(new) = blob {
            parts
                .shared
                .blobs
                .put(vec![(new.blob, bytes::Bytes::from_owner(new.json))])
                .await?;
        }
        let id = RunId::new(parts.shared.clock.now(), reports::random());
        let version = compiled.version;
        let new = NewRun {
            id,
            version,
            inputs,
            labels: start.labels,
            trigger: start.trigger.into(),
            idempotency_key: key,
        };
        let wanted = idempotency.clone();
        let actor = start.actor.into();
        let accepted = parts
            .router
            .start(|accepted| Start {
                compiled,
                new,
                actor,
                idempotency,
                accepted,
                ended,
            })
            .await?;
        match (accepted, wanted) {
            (Accepted::Existing { run, inputs_hash }, Some(wanted)) => existing(run, inputs_hash, &wanted),
            _ => Ok(id),
        }
    }

    /// Waits for a run's end, at most this long. `None` if it is still at work then.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn wait(&self, run: RunId, at_most: Duration) -> EngineResult<Option<Arc<RunDetail>>> {
        self.wait_until(run, tokio::time::Instant::now() + at_most).await
    }

    async fn wait_until(
        &self,
        run: RunId,
        deadline: tokio::time::Instant,
    ) -> EngineResult<Option<Arc<RunDetail>>> {
        let mut hints = self.watch_run(run);
        loop {
            // Register before looking, or an end in between is missed.
            hints.mark_unchanged();
            let row = self
                .parts
                .shared
                .store
                .run(run)
                .await?
                .ok_or(EngineError::UnknownRun(run))?;
            if row.summary.state.is_final() {
                return Ok(Some(Arc::new(self.run(run).await?)));
            }
            if tokio::time::timeout_at(deadline, hints.changed()).await.is_err() {
                return Ok(None);
            }
        }
    }

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

    /// Hints that runs changed. One that lags has missed some: list them again.
    #[must_use]
    pub fn watch_runs(&self) -> broadcast::Receiver<RunId> {
        self.parts.shared.hub.watch_all()
    }

    /// Hints that logs grew.
    #[must_use]
    pub fn watch_logs(&self) -> broadcast::Receiver<LogHint> {
        self.parts.shared.logs.subscribe()
    }

    /// Counts of runs, of one flow or of all.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn stats(&self, flow: Option<&str>) -> EngineResult<FlowStats> {
        Ok(self.parts.shared.store.stats(flow).await?)
    }

    /// All task types.
    #[must_use]
    pub fn task_types(&self) -> Vec<TaskTypeView> {
        self.parts
            .types
            .infos()
            .map(|info| TaskTypeView {
                key: info.key.clone(),
                title: info.title.clone(),
                summary: info.summary.clone(),
                icon: info.icon.clone(),
                category: info.category.clone(),
                input_schema: info.input_schema.clone(),
                output_schema: info.output_schema.clone(),
            })
            .collect()
    }

    /// The task types, as validation asks for them.
    #[must_use]
    pub fn types(&self) -> &TypeRegistry {
        &self.parts.types
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.parts.shared.counters
    }

    /// How much the workers have to do.
    #[must_use]
    pub fn load_now(&self) -> Load {
        self.parts.shared.dispatch.load()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.parts.shared.clock
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.parts.data_dir
    }

    /// Stops: takes no new work, lets attempts finish for this long, commits what is in hand. What is left goes on at the next
    /// start.
    pub async fn shutdown(&self, finish: Duration) {
        let left = self.parts.shared.dispatch.shutdown(finish).await;
        if left > 0 {
            tracing::info!("Stopped {left} attempts; they are tried again at the next start");
        }
        self.parts.router.stop().await;
        self.parts.shared.logs.stop().await;
    }
}

fn n_tasks(doc: &FlowDoc) -> u32 {
    (doc.tasks.len() + doc.finally.len() + doc.on_failure.len()) as u32
}

fn existing(run: RunId, inputs_hash: u64, wanted: &Idempotency) -> EngineResult<RunId> {
    if inputs_hash == wanted.inputs_hash {
        Ok(run)
    } else {
        Err(EngineError::KeyReused(run))
    }
}

fn hash(inputs: &Value) -> u64 {
    // Kept in the database, so it must be the same in every build for ever.
    let digest = Sha256::digest(inputs.to_string().as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first) >> 1
}
