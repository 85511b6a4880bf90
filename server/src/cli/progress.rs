//! Bars on a terminal while a flow runs.

use std::collections::BTreeMap;
use std::time::Duration;

use flow::view::{RunDetail, TaskRunView, TaskStatus};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Tasks shown at work at the same time: more would not fit on a screen.
const TASKS_SHOWN_MAX: usize = 20;

/// How often what turns and counts seconds is drawn again.
const TICK: Duration = Duration::from_millis(120);

/// A line for each task at work, and one for the run.
pub(super) struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    tasks: BTreeMap<String, ProgressBar>,
}

impl Bars {
    /// Bars on standard error, so that what a run gives can be redirected.
    pub(super) fn new() -> Self {
        let all = MultiProgress::new();
        let whole = all.add(ProgressBar::new(0));
        whole.set_style(style("{bar:30} {pos}/{len} tasks  {elapsed}"));
        whole.enable_steady_tick(TICK);
        Self {
            all,
            whole,
            tasks: BTreeMap::new(),
        }
    }

    /// Prints a line above the bars.
    pub(super) fn say(&self, line: &str) {
        // If nobody can be told there is nothing left to do.
        let _ = self.all.println(line);
    }

    /// Shows the run as it is now; when it has ended all bars go.
    pub(super) fn show(&mut self, run: &RunDetail) {
        let counts = run.summary.counts;
        self.whole.set_length(u64::from(counts.total()));
        self.whole.set_position(u64::from(counts.settled()));
        for task in &run.tasks {
            match (is_at_work(task), self.tasks.get(&task.path)) {
                (true, Some(bar)) => bar.set_message(told(task)),
                (true, None) if self.tasks.len() < TASKS_SHOWN_MAX => {
                    let bar = self.all.insert_before(&self.whole, ProgressBar::new_spinner());
                    bar.set_style(style("{spinner} {msg}  {elapsed}"));
                    bar.set_message(told(task));
                    bar.enable_steady_tick(TICK);
                    self.tasks.insert(task.path.clone(), bar);
                }
                (false, Some(_)) => {
                    if let Some(bar) = self.tasks.remove(&task.path) {
                        bar.finish_and_clear();
                    }
                }
                _ => {}
            }
        }
        if run.summary.state.is_final() {
            self.tasks.values().for_each(ProgressBar::finish_and_clear);
            self.whole.finish_and_clear();
        }
    }
}

/// A style, or the usual one should the template not be one.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn is_at_work(task: &TaskRunView) -> bool {
    matches!(task.state, TaskStatus::Running | TaskStatus::Waiting)
}

fn told(task: &TaskRunView) -> String {
    let attempt = if task.attempt > 1 {
        format!(" ({}/{})", task.attempt, task.max_attempts)
    } else {
        String::new()
    };
    match &task.reason {
        Some(reason) => format!("{}{attempt}: {reason}", task.name),
        None => format!("{}{attempt}", task.name),
    }
}
