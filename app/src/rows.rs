//! The task runs of a run as rows of a table: which of them, in which order. Pure, and quick with a hundred thousand items.

use std::cmp::Ordering;

use flow::plan::Spot;
use flow::run::RunState;
use flow::view::{TaskCounts, TaskStatus};
use flow::{TaskIx, Timestamp};

/// What rows are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// As the document has them, a task's items behind it.
    #[default]
    Document,
    /// What needs a person first.
    State,
    /// By name.
    Task,
    /// By type.
    Type,
    /// By number of attempts.
    Attempt,
    /// By when they began.
    Start,
    /// By how long they took.
    Duration,
}

impl By {
    /// All but the document's order, which nobody has to ask for.
    pub const ASKED: [Self; 6] = [
        Self::State,
        Self::Task,
        Self::Type,
        Self::Attempt,
        Self::Start,
        Self::Duration,
    ];

    /// The word in an address.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::State => "state",
            Self::Task => "task",
            Self::Type => "type",
            Self::Attempt => "attempt",
            Self::Start => "start",
            Self::Duration => "duration",
        }
    }
}

/// An order: by what, and whether the last comes first. In an address `duration`, or `-duration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: By,
    /// Whether the last comes first.
    pub is_reversed: bool,
}

impl Sort {
    /// The order with this word; that of the document if there is none.
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        let (word, is_reversed) = match key.strip_prefix('-') {
            Some(word) => (word, true),
            None => (key, false),
        };
        let by = By::ASKED.into_iter().find(|by| by.key() == word);
        by.map_or_else(Self::default, |by| Self { by, is_reversed })
    }

    /// The word in an address; none for the document's order.
    #[must_use]
    pub fn key(self) -> Option<String> {
        let sign = if self.is_reversed { "-" } else { "" };
        (self.by != By::Document).then(|| format!("{sign}{}", self.by.key()))
    }

    /// What a click on a column's head leads to: up, down, back to the document's order.
    #[must_use]
    pub fn next(self, by: By) -> Self {
        match (self.by == by, self.is_reversed) {
            (false, _) => Self {
                by,
                is_reversed: false,
            },
            (true, false) => Self {
                by,
                is_reversed: true,
            },
            (true, true) => Self::default(),
        }
    }
}

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub state: Option<TaskStatus>,
    /// With this text in path, name, type or error; lower case.
    pub text: String,
    /// Items and iterations too.
    pub with_items: bool,
    /// Only this task and its items.
    pub under: Option<TaskIx>,
    /// In this order.
    pub sort: Sort,
}

impl Filter {
    fn lists_items(&self) -> bool {
        self.with_items || self.under.is_some()
    }

    fn admits(&self, ix: TaskIx) -> bool {
        self.under.is_none_or(|under| under == ix)
    }
}

/// The state of a task run; none for an item that is not listed.
#[must_use]
pub fn status(run: &RunState, spot: Spot) -> Option<TaskStatus> {
    match spot.part {
        None => Some(run.tasks().get(spot.task as usize)?.state.status()),
        Some(part) => run.parts(spot.task)?.status(part),
    }
}

/// All task runs in the document's order, each task followed by its items if those are wanted.
fn all(run: &RunState, with_items: bool, admits: impl Fn(TaskIx) -> bool) -> impl Iterator<Item = Spot> {
    (0..run.tasks().len() as TaskIx)
        .filter(move |&ix| admits(ix))
        .flat_map(move |ix| {
            let parts = run.parts(ix).filter(|_| with_items);
            let numbers = parts.map_or(0..0, flow::run::Parts::numbers);
            std::iter::once(Spot::from(ix)).chain(numbers.map(move |part| Spot::part(ix, part)))
        })
}

/// The rows that a filter lets through.
#[must_use]
pub fn rows(run: &RunState, filter: &Filter) -> Vec<Spot> {
    let mut text = Text::new(run, &filter.text);
    let mut found: Vec<Spot> = all(run, filter.lists_items(), |ix| filter.admits(ix))
        .filter(|&spot| filter.state.is_none_or(|state| status(run, spot) == Some(state)))
        .filter(|&spot| text.is_in(spot))
        .collect();
    sort(run, &mut found, filter.sort);
    found
}

/// How the rows stand that are there without regard to state and text.
#[must_use]
pub fn counts(run: &RunState, filter: &Filter) -> TaskCounts {
    if filter.under.is_none() && !filter.with_items {
        return run.counts();
    }
    let mut counts = TaskCounts::default();
    for ix in (0..run.tasks().len() as TaskIx).filter(|&ix| filter.admits(ix)) {
        *counts.of(run.task(ix).state.status()) += 1;
        if let Some(parts) = run.parts(ix).filter(|_| filter.lists_items()) {
            let parts = parts.counts();
            for state in TaskStatus::ALL {
                *counts.of(state) += parts.get(state);
            }
        }
    }
    counts
}

/// The next task run that failed after this one, or the first of all behind the last. Items come before their task's successor.
#[must_use]
pub fn next_failed(run: &RunState, after: Option<Spot>) -> Option<Spot> {
    let failed = |spot: &Spot| status(run, *spot) == Some(TaskStatus::Failed);
    let next = after.and_then(|after| {
        let later = all(run, true, move |ix| ix >= after.task).filter(failed);
        later.into_iter().find(|spot| *spot > after)
    });
    next.or_else(|| all(run, true, |_| true).find(failed))
}

/// Whether a text is in what a row shows. What holds for a whole task is looked at once, not for each of its items.
struct Text<'r> {
    run: &'r RunState,
    text: &'r str,
    of_task: Option<(TaskIx, bool)>,
}

impl<'r> Text<'r> {
    const fn new(run: &'r RunState, text: &'r str) -> Self {
        Self {
            run,
            text,
            of_task: None,
        }
    }

    fn is_in(&mut self, spot: Spot) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let ix = spot.task;
        let of_task = match self.of_task {
            Some((task, is_in)) if task == ix => is_in,
            _ => {
                let task = self.run.plan().task(ix);
                let name = self.run.plan().name_of(ix);
                let is_in = [&*task.key, &name, &task.written_type]
                    .into_iter()
                    .any(|field| self.is_within(field));
                self.of_task = Some((ix, is_in));
                is_in
            }
        };
        of_task
            || (spot.part.is_some() && self.is_within(&self.run.plan().path(spot)))
            || self.is_in_error(spot)
    }

    fn is_in_error(&self, spot: Spot) -> bool {
        status(self.run, spot) == Some(TaskStatus::Failed)
            && self
                .run
                .view_at(spot)
                .and_then(|view| view.error)
                .is_some_and(|error| self.is_within(&error.message))
    }

    fn is_within(&self, field: &str) -> bool {
        field.to_lowercase().contains(self.text)
    }
}

fn sort(run: &RunState, rows: &mut [Spot], sort: Sort) {
    let by: fn(&RunState, Spot) -> Key = match sort.by {
        By::Document => return,
        By::State => |run, spot| {
            let state = status(run, spot);
            let place = crate::look::COUNT_ORDER
                .iter()
                .position(|known| Some(*known) == state);
            Key::Number(place.map(|place| place as i64))
        },
        By::Task => |run, spot| Key::Text(run.plan().name_of(spot.task).to_lowercase()),
        By::Type => |run, spot| Key::Text(run.plan().task(spot.task).written_type.to_string()),
        By::Attempt => |run, spot| {
            let attempts = run.find_run(spot).map(|task| task.attempts.len() as i64);
            Key::Number(attempts.filter(|n| *n > 0))
        },
        By::Start => |run, spot| {
            let task = run.find_run(spot);
            Key::Number(task.and_then(|task| task.started_at).map(Timestamp::as_micros))
        },
        By::Duration => |run, spot| {
            let task = run.find_run(spot);
            Key::Number(
                task.and_then(|task| Some(task.finished_at?.as_micros() - task.started_at?.as_micros())),
            )
        },
    };
    rows.sort_by_cached_key(|&spot| Placed {
        key: by(run, spot),
        is_reversed: sort.is_reversed,
        spot,
    });
}

#[derive(PartialEq, Eq)]
enum Key {
    Number(Option<i64>),
    Text(String),
}

/// A row with what it is ordered by. What is not known stands last in either order; equals keep the document's.
#[derive(PartialEq, Eq)]
struct Placed {
    key: Key,
    is_reversed: bool,
    spot: Spot,
}

impl Ord for Placed {
    fn cmp(&self, other: &Self) -> Ordering {
        let turn = |order: Ordering| if self.is_reversed { order.reverse() } else { order };
        let by_key = match (&self.key, &other.key) {
            (Key::Number(Some(one)), Key::Number(Some(two))) => turn(one.cmp(two)),
            (Key::Number(one), Key::Number(two)) => one.is_none().cmp(&two.is_none()),
            (Key::Text(one), Key::Text(two)) => turn(one.cmp(two)),
            _ => Ordering::Equal,
        };
        by_key.then(self.spot.cmp(&other.spot))
    }
}

impl PartialOrd for Placed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::run;

    fn state() -> RunState {
        let document = json!({"flow": "f", "tasks": {
            "list": {"type": "shell", "name": "List orders"},
            "each": {"type": "http.request", "needs": ["list"], "for_each": {"items": "{{ tasks.list.output }}"}},
            "done": {"type": "noop", "needs": ["each"]},
        }});
        run(
            &document,
            "10 task_scheduled list\n20 attempt_started list\n120 task_succeeded list\n130 items_listed each n=4\n\
             130 task_scheduled each[0]\n130 attempt_started each[0]\n140 task_failed each[0]\n\
             140 task_scheduled each[1]\n140 attempt_started each[1]\n150 task_succeeded each[1]\n\
             150 task_scheduled each[2]\n150 attempt_started each[2]\n",
        )
    }

    fn told(run: &RunState, spots: &[Spot]) -> String {
        let paths: Vec<_> = spots
            .iter()
            .map(|spot| run.plan().path(*spot).to_string())
            .collect();
        paths.join(" ")
    }

    #[track_caller]
    fn check(filter: Filter, expected: &str) {
        let run = state();
        assert_eq!(told(&run, &rows(&run, &filter)), expected);
    }

    #[test]
    fn rows_are_filtered_and_ordered() {
        let with_items = || Filter {
            with_items: true,
            ..Filter::default()
        };
        check(Filter::default(), "list each done");
        check(with_items(), "list each each[0] each[1] each[2] each[3] done");
        check(
            Filter {
                state: Some(TaskStatus::Failed),
                ..with_items()
            },
            "each[0]",
        );
        check(
            Filter {
                state: Some(TaskStatus::Blocked),
                ..with_items()
            },
            "each[3] done",
        );
        check(
            Filter {
                text: "orders".to_owned(),
                ..with_items()
            },
            "list",
        );
        check(
            Filter {
                text: "each[3".to_owned(),
                ..with_items()
            },
            "each[3]",
        );
        check(
            Filter {
                text: "http".to_owned(),
                ..Filter::default()
            },
            "each",
        );
        check(
            Filter {
                under: Some(1),
                state: Some(TaskStatus::Succeeded),
                ..Filter::default()
            },
            "each[1]",
        );
        let sorted = |word: &str| Filter {
            sort: Sort::from_key(word),
            ..with_items()
        };
        check(sorted("start"), "list each each[2] each[0] each[1] each[3] done");
        check(sorted("-start"), "each[2] each list each[0] each[1] each[3] done");
        check(sorted("state"), "each[0] each each[2] list each[1] each[3] done");
        check(sorted("task"), "done each each[0] each[1] each[2] each[3] list");
        check(
            sorted("nonsense"),
            "list each each[0] each[1] each[2] each[3] done",
        );
    }

    #[test]
    fn counts_are_of_the_rows_that_a_filter_is_about() {
        let run = state();
        let count = |filter: &Filter| {
            let counts = counts(&run, filter);
            (counts.total(), counts.failed)
        };
        assert_eq!(count(&Filter::default()), (3, 0));
        assert_eq!(
            count(&Filter {
                with_items: true,
                ..Filter::default()
            }),
            (7, 1)
        );
        assert_eq!(
            count(&Filter {
                under: Some(1),
                ..Filter::default()
            }),
            (5, 1)
        );
    }

    #[test]
    fn failures_are_gone_through_in_a_ring() {
        let run = state();
        let first = next_failed(&run, None);
        assert_eq!(first, Some(Spot::part(1, 0)));
        assert_eq!(next_failed(&run, Some(Spot::from(0))), first);
        assert_eq!(next_failed(&run, first), first);
        assert_eq!(next_failed(&run, Some(Spot::from(2))), first);
    }

    #[test]
    fn a_head_orders_up_down_and_not_at_all() {
        let up = Sort::default().next(By::Start);
        let down = up.next(By::Start);
        assert_eq!(
            (up.key().as_deref(), down.key().as_deref()),
            (Some("start"), Some("-start"))
        );
        assert_eq!(down.next(By::Start), Sort::default());
        assert_eq!(down.next(By::State).key().as_deref(), Some("state"));
        assert_eq!(Sort::default().key(), None);
    }
}
