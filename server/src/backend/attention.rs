//! What needs people, for the first page.

use app::AppError;
use app::model::{Asking, Attention};
use engine::Engine;
use engine::store::RunFilter;
use flow::RunId;
use flow::run::RunState;
use flow::view::{RunStatus, TaskStatus};

use super::told;

/// So many of the newest failures stand on the page; the count leads to all.
const FAILED_SHOWN: usize = 5;

/// In so many of the newest runs at work questions are looked for.
const SEARCHED: usize = 50;

/// So many questions stand on the page.
const ASKING_SHOWN: usize = 10;

pub(super) async fn attention(engine: &Engine) -> Result<Attention, AppError> {
    let counts = engine.stats(None).await.map_err(told)?.runs;
    let failed = in_states(&[RunStatus::Failed]);
    let failed = engine
        .runs(&failed, None, FAILED_SHOWN)
        .await
        .map_err(told)?
        .items;
    let open = in_states(&[RunStatus::Running, RunStatus::Paused]);
    let open = engine.runs(&open, None, SEARCHED).await.map_err(told)?.items;
    let mut asking = Vec::new();
    for run in open {
        if run.counts.waiting > 0 {
            // A run that is deleted meanwhile asks nothing.
            let Ok(state) = engine.state(run.id).await else {
                continue;
            };
            asked(engine, run.id, &state, &mut asking).await?;
        }
        if asking.len() >= ASKING_SHOWN {
            asking.truncate(ASKING_SHOWN);
            break;
        }
    }
    Ok(Attention {
        counts,
        failed,
        asking,
    })
}

fn in_states(states: &[RunStatus]) -> RunFilter {
    RunFilter {
        states: states.to_vec(),
        ..RunFilter::default()
    }
}

/// The approvals of a run that wait; those of single items are left to its page.
async fn asked(
    engine: &Engine,
    run: RunId,
    state: &RunState,
    asking: &mut Vec<Asking>,
) -> Result<(), AppError> {
    let waiting = state
        .tasks_in(Some(TaskStatus::Waiting))
        .map(|ix| state.task_view(ix))
        .filter(|task| task.waits_for.as_deref() == Some("approval"));
    for task in waiting.take(ASKING_SHOWN) {
        let input = engine.task_input(run, &task.path).await.map_err(told)?;
        let title = input
            .as_ref()
            .and_then(|input| input.get("title")?.as_str())
            .map(str::to_owned);
        asking.push(Asking {
            run,
            flow_name: state.plan().doc.title().to_owned(),
            title: title.unwrap_or(task.name),
            task: task.path,
            since: task.ready_at.or(task.started_at),
        });
    }
    Ok(())
}
