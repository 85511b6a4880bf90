//! What needs people: what failed and was not retried, what is stuck, what asks, what is late, each with its reason.

use std::sync::Arc;
use std::time::Duration;

use flow::query::{LATE_FACTOR, LATE_MIN_MS};
use flow::view::board::{AttentionView, NeedView, NeedyRun, RunCount};
use flow::view::{RunSummary, TaskStatus};
use tracing::warn;

use crate::engine::Engine;
use crate::error::{EngineError, EngineResult};

/// Failed runs of the last day that nobody has retried.
const FAILED: &str = "state:failed ended-since:24h -is:retried";

/// Runs shown of each kind.
const SHOWN: usize = 8;

/// Runs counted of each kind.
const COUNTED_MAX: usize = 1_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed,
    Stuck,
    Asking,
    Late,
}

impl Engine {
    /// What needs people. Each count is that of the runs that its query finds.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn attention(&self) -> EngineResult<AttentionView> {
        Ok(AttentionView {
            failed: self.need(Kind::Failed, FAILED).await?,
            stuck: self.need(Kind::Stuck, "is:stuck").await?,
            asking: self.need(Kind::Asking, "is:asking").await?,
            late: self.need(Kind::Late, "is:late").await?,
        })
    }

    async fn need(&self, kind: Kind, query: &str) -> EngineResult<NeedView> {
        let filter = self.sought(query).await?;
        let (runs, is_whole) = self.collect(&filter, COUNTED_MAX, |run| run).await?;
        let n = runs.len() as u64;
        let mut items = Vec::new();
        for run in runs.into_iter().take(SHOWN) {
            items.push(match kind {
                Kind::Failed => failed(run),
                Kind::Stuck => self.stuck(run).await?,
                Kind::Asking => self.asking(run).await?,
                Kind::Late => self.late(run).await?,
            });
        }
        Ok(NeedView {
            query: query.to_owned(),
            count: RunCount { n, is_whole },
            items,
        })
    }

    async fn stuck(&self, run: RunSummary) -> EngineResult<NeedyRun> {
        if let Some(queued) = self.queued(run.id).await? {
            return Ok(NeedyRun {
                since: Some(run.created_at),
                reason: Some(queued.reason),
                ..plain(run)
            });
        }
        let why = self.explain(run.id).await?;
        let held = why
            .into_iter()
            .filter(|why| !matches!(&*why.kind, "upstreams" | "runs"))
            .min_by_key(|why| why.since);
        Ok(match held {
            Some(why) => NeedyRun {
                since: why.since,
                task: Some(why.path),
                reason: Some(why.reason),
                ..plain(run)
            },
            None => plain(run),
        })
    }

    async fn asking(&self, run: RunSummary) -> EngineResult<NeedyRun> {
        let state = self.state(run.id).await?;
        let waiting = state
            .tasks_in(Some(TaskStatus::Waiting))
            .map(|ix| state.task_view(ix))
            .find(|task| task.waits_for.as_deref() == Some("approval"));
        let Some(task) = waiting else {
            // One of the items of a task asks: its page tells which.
            return Ok(NeedyRun {
                reason: Some("An item of it waits for an answer".to_owned()),
                ..plain(run)
            });
        };
        let input = self.task_input(run.id, &task.path).await?;
        let title = input.as_ref().and_then(|input| input.get("title")?.as_str());
        Ok(NeedyRun {
            reason: Some(title.map_or(task.name, str::to_owned)),
            since: task.ready_at.or(task.started_at),
            task: Some(task.path),
            ..plain(run)
        })
    }

    async fn late(&self, run: RunSummary) -> EngineResult<NeedyRun> {
        let usual = self.usual_ms().await?;
        let usual_ms = usual.get(&run.flow).copied();
        let limit = usual_ms.map(|ms| ms.saturating_mul(LATE_FACTOR).max(LATE_MIN_MS));
        let since = run
            .started_at
            .zip(limit)
            .map(|(started, ms)| started.plus(Duration::from_millis(ms)));
        let state = self.state(run.id).await?;
        let task = state.tasks_in(Some(TaskStatus::Running)).next();
        let task = task.map(|ix| state.task_view(ix));
        Ok(NeedyRun {
            reason: task.as_ref().map(|task| format!("{} is at work", task.name)),
            task: task.map(|task| task.path),
            since,
            usual_ms,
            ..plain(run)
        })
    }
}

/// Runs whose rows are brought up to date at a time.
const NOTED_AT_ONCE: usize = 100;

/// Notes in the rows of an earlier version's runs how many approvals wait. Once that is done there is nothing more to do.
pub(crate) fn note_asking(engine: &Engine) {
    let parts = Arc::downgrade(&engine.parts);
    let shared = &engine.parts.shared;
    let errands = shared.errands.clone();
    let noting = async move {
        while let Some(engine) = Engine::alive(&parts).filter(|_| !errands.is_closed()) {
            match note_some(&engine).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    warn!("Which runs wait for approvals is noted at the next start: {error}");
                    return;
                }
            }
        }
    };
    shared.errands.spawn_on(noting, &shared.runtime);
}

async fn note_some(engine: &Engine) -> EngineResult<bool> {
    let store = &engine.parts.shared.store;
    let runs = store.unasked_runs(NOTED_AT_ONCE).await?;
    for run in &runs {
        let (last_seq, n_asking) = match engine.state(*run).await {
            Ok(state) => (state.last_seq(), state.summary().n_asking),
            // One that cannot be read has no say.
            Err(EngineError::UnknownRun(_) | EngineError::UnknownFlow(_)) => (0, 0),
            Err(error) => return Err(error),
        };
        store.note_asking(*run, last_seq, n_asking).await?;
    }
    Ok(!runs.is_empty())
}

fn failed(run: RunSummary) -> NeedyRun {
    let error = run.error.as_ref();
    NeedyRun {
        task: error.and_then(|error| error.task.clone()),
        reason: error.map(|error| error.message.clone()),
        since: run.finished_at,
        ..plain(run)
    }
}

const fn plain(run: RunSummary) -> NeedyRun {
    NeedyRun {
        run,
        task: None,
        reason: None,
        since: None,
        usual_ms: None,
    }
}
