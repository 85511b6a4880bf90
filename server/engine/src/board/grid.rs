//! The last runs of a flow by its tasks.

use flow::view::TaskStatus;
use flow::view::board::{GridTask, GridView};

use crate::engine::Engine;
use crate::error::EngineResult;
use crate::store::RunFilter;
use crate::store::listing::{LATEST_RUNS_MAX, dot};

/// Tasks of one piece of a grid.
pub(crate) const GRID_TASKS_MAX: usize = 500;

impl Engine {
    /// How the tasks of a flow's newest version went in its last runs: at most [`GRID_TASKS_MAX`] tasks from a place on.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`](crate::error::EngineError::UnknownFlow).
    pub async fn grid(&self, flow: &str, from: usize, n: usize) -> EngineResult<GridView> {
        let compiled = self.parts.shared.flows.get(flow, None).await?;
        let tasks = &compiled.plan.tasks;
        let filter = RunFilter {
            flow: Some(flow.to_owned()),
            ..RunFilter::default()
        };
        let runs = self.runs(&filter, None, LATEST_RUNS_MAX).await?.items;
        let range = from.min(tasks.len())..from.saturating_add(n.min(GRID_TASKS_MAX)).min(tasks.len());
        let mut rows: Vec<GridTask> = tasks[range.clone()]
            .iter()
            .zip(range.start..)
            .map(|(task, ix)| GridTask {
                id: task.key.to_string(),
                name: compiled.plan.name_of(ix as flow::TaskIx),
                states: String::with_capacity(runs.len()),
            })
            .collect();
        for run in &runs {
            // Runs may be of other versions, whose tasks are others: they are found by their ids.
            let state = self.state(run.id).await?;
            for row in &mut rows {
                let spot = state.plan().spot(&row.id);
                let status = spot.map(|spot| state.task(spot.task).state.status());
                row.states.push(status.map_or('-', letter));
            }
        }
        Ok(GridView {
            runs: runs.iter().map(dot).collect(),
            n_tasks: tasks.len(),
            from: range.start,
            tasks: rows,
        })
    }
}

const fn letter(status: TaskStatus) -> char {
    match status {
        TaskStatus::Blocked => 'b',
        TaskStatus::Ready => 'r',
        TaskStatus::Running => 'a',
        TaskStatus::Waiting => 'w',
        TaskStatus::Succeeded => 's',
        TaskStatus::Failed => 'f',
        TaskStatus::Skipped => 'k',
        TaskStatus::Cancelled => 'c',
    }
}
