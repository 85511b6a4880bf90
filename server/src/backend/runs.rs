//! A run for its page: as it is, as it was, how it stands to other runs.

use std::sync::Arc;

use app::AppError;
use app::compare;
use app::model::{Comparison, PastView, Relatives, RunPage, Usual};
use app::timeline::history::{ItemHistory, ItemRows};
use engine::Engine;
use engine::store::RunFilter;
use flow::RunId;
use flow::run::{Event, RunState};
use flow::view::{RunStatus, RunSummary};

use super::told;
use crate::problem::ApiError;

/// How many of a flow's last succeeded runs say how long it usually takes.
const USUAL_OF: usize = 20;

/// Among so many of the flow's newest runs those are looked for that were made from one.
const MADE_AMONG: usize = 200;

/// Events read at a time.
const EVENTS_PER_READ: usize = 500;

/// Everything the run page shows at first.
pub(super) async fn page(engine: &Engine, run: RunId, at: Option<u64>) -> Result<RunPage, AppError> {
    let state = engine.state(run).await.map_err(told)?;
    let flow = state.flow().to_string();
    let succeeded = RunFilter {
        flow: Some(flow.clone()),
        states: vec![RunStatus::Succeeded],
        ..RunFilter::default()
    };
    let before = engine.runs(&succeeded, None, USUAL_OF).await.map_err(told)?.items;
    let past = match at.filter(|at| *at < state.last_seq()) {
        Some(at) => Some(past(engine, &state, at.max(1)).await?),
        None => None,
    };
    let detail = state.detail(0);
    Ok(RunPage {
        inputs: detail.inputs,
        outputs: detail.outputs,
        document: (*state.plan().doc).clone(),
        snapshot: state.viewer_snapshot(),
        server_now: engine.clock().now(),
        usual: usual(engine, &flow, &before).await?,
        past,
        relatives: Relatives {
            last_success: before.iter().map(|run| run.id).find(|id| *id != run),
            made: made_from(engine, &detail.summary).await?,
        },
        summary: detail.summary,
    })
}

async fn usual(engine: &Engine, flow: &str, succeeded: &[RunSummary]) -> Result<Option<Usual>, AppError> {
    let durations = succeeded.iter().filter_map(|run| {
        let took = run.finished_at?.since(run.started_at?);
        u64::try_from(took.as_millis()).ok()
    });
    let Some(usual) = Usual::of(durations.collect()) else {
        return Ok(None);
    };
    let stats = engine.stats(Some(flow)).await.map_err(told)?;
    Ok(Some(Usual {
        late_ms: stats.duration_ms_p95,
        ..usual
    }))
}

/// The newest runs that take results from a run.
async fn made_from(engine: &Engine, run: &RunSummary) -> Result<Vec<RunId>, AppError> {
    if !run.state.is_final() {
        return Ok(Vec::new());
    }
    let later = RunFilter {
        flow: Some(run.flow.clone()),
        since: run.finished_at,
        ..RunFilter::default()
    };
    let later = engine.runs(&later, None, MADE_AMONG).await.map_err(told)?;
    let made = later.items.iter().filter(|other| other.retry_of == Some(run.id));
    Ok(made.map(|other| other.id).collect())
}

/// The run as it was after an event.
async fn past(engine: &Engine, state: &Arc<RunState>, at: u64) -> Result<PastView, AppError> {
    let mut then: Option<RunState> = None;
    let mut broken = false;
    each_event(engine, state.id(), at, |event| match &mut then {
        Some(then) => then.apply(event),
        None => match RunState::begin(Arc::clone(state.plan()), event) {
            Ok(state) => then = Some(state),
            Err(_) => broken = true,
        },
    })
    .await?;
    let then = then.filter(|_| !broken).ok_or_else(|| {
        AppError::from(ApiError::not_found(
            "no_events",
            "the run's events are not there any more",
        ))
    })?;
    Ok(PastView {
        summary: then.summary(),
        snapshot: then.viewer_snapshot(),
    })
}

/// Goes through a run's events up to one, oldest first.
async fn each_event(
    engine: &Engine,
    run: RunId,
    until: u64,
    mut take: impl FnMut(&Event),
) -> Result<(), AppError> {
    let mut after = 0;
    while after < until {
        let events = engine.events(run, after, EVENTS_PER_READ).await.map_err(told)?;
        let Some(last) = events.last().map(|event| event.seq) else {
            return Ok(());
        };
        events
            .iter()
            .filter(|event| event.seq <= until)
            .for_each(&mut take);
        after = last;
    }
    Ok(())
}

/// What the items of a task did when, or one of them.
pub(super) async fn item_rows(engine: &Engine, run: RunId, task: &str) -> Result<ItemRows, AppError> {
    let state = engine.state(run).await.map_err(told)?;
    let Some(spot) = state.plan().spot(task) else {
        return Err(ApiError::not_found("unknown_task", format!("the run has no task `{task}`")).into());
    };
    let plan = Arc::clone(state.plan());
    let mut history = ItemHistory::new(&plan, spot);
    each_event(engine, run, state.last_seq(), |event| history.take(event)).await?;
    Ok(history.rows())
}

/// Where two runs differ.
pub(super) async fn compared(engine: &Engine, a: RunId, b: RunId) -> Result<Comparison, AppError> {
    let a = engine.state(a).await.map_err(told)?;
    let b = engine.state(b).await.map_err(told)?;
    Ok(compare::compare(&a, &b))
}
