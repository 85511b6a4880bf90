//! What the items of a task did when. A run keeps of an item that has settled only how it ended; its times stand in the log.

use std::collections::BTreeMap;

use flow::plan::Spot;
use flow::run::{Event, EventKind};
use flow::{Plan, TaskIx, Timestamp};

use super::{Kind, Segment, millis};

/// The items of one task: what each did.
pub type ItemRows = BTreeMap<u32, Vec<Segment>>;

/// Collects it from the events of a run, oldest first.
#[derive(Debug)]
pub struct ItemHistory<'p> {
    plan: &'p Plan,
    task: TaskIx,
    /// Only this item, if one is named.
    part: Option<u32>,
    start: Option<Timestamp>,
    rows: ItemRows,
}

impl<'p> ItemHistory<'p> {
    /// Of the items of a task, or of one of them.
    #[must_use]
    pub const fn new(plan: &'p Plan, spot: Spot) -> Self {
        Self {
            plan,
            task: spot.task,
            part: spot.part,
            start: None,
            rows: BTreeMap::new(),
        }
    }

    /// What they did.
    #[must_use]
    pub fn rows(self) -> ItemRows {
        self.rows
    }

    /// Takes in the next event.
    pub fn take(&mut self, event: &Event) {
        let start = *self.start.get_or_insert(event.at);
        let Some(path) = event.kind.task() else { return };
        // Most events are of other tasks: their paths are not even read.
        if !path.starts_with(&*self.plan.task(self.task).key) {
            return;
        }
        let Some(Spot {
            task,
            part: Some(part),
        }) = self.plan.spot(path)
        else {
            return;
        };
        if task == self.task && self.part.is_none_or(|only| only == part) {
            note(
                self.rows.entry(part).or_default(),
                &event.kind,
                millis(start, event.at),
            );
        }
    }
}

fn note(row: &mut Vec<Segment>, kind: &EventKind, at: u64) {
    let attempt_now = row.last().map_or(0, |segment| segment.attempt);
    match kind {
        EventKind::TaskScheduled { attempt, .. } => {
            end(row, at, None);
            begin(row, Kind::Queued, at, *attempt, "queued");
        }
        EventKind::AttemptStarted { attempt, .. } => {
            end(row, at, None);
            begin(row, Kind::Running, at, *attempt, "running");
        }
        EventKind::ChildRequested { attempt, .. } => {
            end(row, at, None);
            begin(row, Kind::Waiting, at, *attempt, "waiting");
        }
        EventKind::TaskWaiting { attempt, .. } => {
            end(row, at, Some("snoozed"));
            begin(row, Kind::Waiting, at, attempt.unwrap_or(attempt_now), "waiting");
        }
        EventKind::AttemptFailed { attempt, error, .. } => {
            end(row, at, Some("failed"));
            blame(row, &error.message);
            begin(row, Kind::Backoff, at, attempt + 1, "waiting");
        }
        EventKind::AttemptLost { .. } => end(row, at, Some("lost")),
        EventKind::TaskSucceeded { .. } => settle(row, at, "succeeded"),
        EventKind::TaskFailed { error, .. } => {
            settle(row, at, "failed");
            blame(row, &error.message);
        }
        EventKind::TaskCancelled { .. } => settle(row, at, "cancelled"),
        EventKind::TaskSkipped { .. } => settle(row, at, "skipped"),
        _ => {}
    }
}

fn begin(row: &mut Vec<Segment>, kind: Kind, at: u64, attempt: u32, outcome: &str) {
    row.push(Segment {
        kind,
        from: at,
        to: None,
        attempt,
        outcome: outcome.to_owned(),
        error: None,
    });
}

fn blame(row: &mut [Segment], why: &str) {
    if let Some(last) = row.last_mut() {
        last.error = Some(why.to_owned());
    }
}

/// Ends what goes on. Nothing that took no time is kept but for work.
fn end(row: &mut Vec<Segment>, at: u64, outcome: Option<&str>) {
    let Some(last) = row.last_mut().filter(|last| last.to.is_none()) else {
        return;
    };
    last.to = Some(at);
    if let Some(outcome) = outcome.filter(|_| last.kind == Kind::Running) {
        outcome.clone_into(&mut last.outcome);
    }
    if last.from == at && last.kind != Kind::Running {
        row.pop();
    }
}

fn settle(row: &mut Vec<Segment>, at: u64, outcome: &str) {
    if row.is_empty() {
        begin(row, Kind::Moment, at, 0, outcome);
    }
    if let Some(last) = row.last_mut().filter(|last| last.to.is_none()) {
        last.to = Some(at);
        outcome.clone_into(&mut last.outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{events, fan, plan};

    fn told(row: &[Segment]) -> String {
        let one = |segment: &Segment| {
            let to = segment.to.map_or_else(|| "…".to_owned(), |to| to.to_string());
            format!(
                "{} {}–{to} #{} {}",
                segment.kind.key(),
                segment.from,
                segment.attempt,
                segment.outcome
            )
        };
        row.iter().map(one).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn items_are_told_by_their_events() {
        let (document, all) = fan(2);
        let plan = plan(&document);
        let each = plan.find("each").expect("is there");
        let mut history = ItemHistory::new(&plan, each.into());
        all.iter().for_each(|event| history.take(event));
        let rows = history.rows();
        assert_eq!(
            told(&rows[&0]),
            "queued 140–145 #1 queued | running 145–165 #1 succeeded"
        );
        assert_eq!(
            told(&rows[&1]),
            "queued 170–175 #1 queued | running 175–195 #1 succeeded"
        );

        let lines = "0 items_listed each n=3\n1 task_scheduled each[2]\n1 attempt_started each[2]\n5 attempt_failed each[2]\n\
                     9 task_scheduled each[2] attempt=2\n9 attempt_started each[2] attempt=2\n9 task_skipped each[0]";
        let mut history = ItemHistory::new(&plan, each.into());
        events(lines).iter().for_each(|event| history.take(event));
        let rows = history.rows();
        assert_eq!(
            told(&rows[&2]),
            "running 1–5 #1 failed | back-off 5–9 #2 waiting | running 9–… #2 running"
        );
        assert_eq!(told(&rows[&0]), "moment 9–9 #0 skipped");
        assert!(!rows.contains_key(&1));
        let why: Vec<_> = rows[&2].iter().map(|segment| segment.error.as_deref()).collect();
        assert_eq!(why, [Some("no"), None, None]);
        let mut history = ItemHistory::new(&plan, Spot::part(each, 0));
        events(lines).iter().for_each(|event| history.take(event));
        assert_eq!(history.rows().into_keys().collect::<Vec<_>>(), [0]);
    }
}
