//! The timeline of a run: what each task run did when, as numbers. Drawing it is the page's.

pub mod critical;
pub mod history;

use std::ops::Range;

use flow::Timestamp;
use flow::view::{AttemptView, TaskRunView, TaskStatus};

/// What a task run did for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It was given out, no worker had begun it.
    Queued,
    /// A worker had it.
    Running,
    /// It waited for a time, a person, a signal or another run.
    Waiting,
    /// It waited for its next attempt.
    Backoff,
    /// It was decided without any of these: skipped, or a result was taken over.
    Moment,
}

impl Kind {
    /// The value of `data-kind`, and the word.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Backoff => "back-off",
            Self::Moment => "moment",
        }
    }
}

/// A piece of a row: from one moment to another, in milliseconds since the run was accepted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Segment {
    /// What it did.
    pub kind: Kind,
    /// From when.
    pub from: u64,
    /// Until when; none while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// The attempt, from 1; 0 where there is none.
    #[serde(default)]
    pub attempt: u32,
    /// How that ended: an outcome of an attempt, or a state.
    pub outcome: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a task run did.
#[must_use]
pub fn segments(task: &TaskRunView, start: Timestamp) -> Vec<Segment> {
    let since = |at: Timestamp| millis(start, at);
    let mut all = Vec::new();
    if task.attempts.is_empty() {
        all.extend(without_attempts(task, start));
        return all;
    }
    let mut free_from = task.ready_at;
    let mut after_failure = false;
    for attempt in &task.attempts {
        if let Some(from) = free_from.filter(|from| *from < attempt.ready_at) {
            all.push(Segment {
                kind: if after_failure {
                    Kind::Backoff
                } else {
                    Kind::Waiting
                },
                from: since(from),
                to: Some(since(attempt.ready_at)),
                attempt: attempt.attempt,
                outcome: "waiting".to_owned(),
                error: None,
            });
        }
        of_attempt(&mut all, attempt, task, start);
        free_from = attempt.finished_at;
        after_failure = matches!(attempt.outcome.as_str(), "failed" | "lost");
    }
    if let Some(from) = free_from.filter(|_| task.finished_at.is_none()) {
        all.push(Segment {
            kind: if after_failure {
                Kind::Backoff
            } else {
                Kind::Waiting
            },
            from: since(from),
            to: None,
            attempt: task.attempt,
            outcome: "waiting".to_owned(),
            error: None,
        });
    }
    all
}

fn of_attempt(all: &mut Vec<Segment>, attempt: &AttemptView, task: &TaskRunView, start: Timestamp) {
    let since = |at: Timestamp| millis(start, at);
    let queued_until = attempt.started_at.or(attempt.finished_at);
    if queued_until.is_none_or(|until| until > attempt.ready_at) {
        all.push(Segment {
            kind: Kind::Queued,
            from: since(attempt.ready_at),
            to: queued_until.map(since),
            attempt: attempt.attempt,
            outcome: "queued".to_owned(),
            error: None,
        });
    }
    if let Some(started) = attempt.started_at {
        all.push(Segment {
            // A task that waits for a run of another flow has no worker.
            kind: if task.task_type == "subflow" {
                Kind::Waiting
            } else {
                Kind::Running
            },
            from: since(started),
            to: attempt.finished_at.map(since),
            attempt: attempt.attempt,
            outcome: attempt.outcome.clone(),
            error: attempt.error.as_ref().map(|error| error.message.clone()),
        });
    }
}

/// Of tasks that are decided in a moment, that wait, or that have items.
fn without_attempts(task: &TaskRunView, start: Timestamp) -> Option<Segment> {
    let to = task.finished_at.map(|at| millis(start, at));
    let from = task
        .started_at
        .or(task.ready_at)
        .map(|at| millis(start, at))
        .or(to)?;
    let kind = match task.state {
        TaskStatus::Blocked => return None,
        TaskStatus::Waiting => Kind::Waiting,
        _ if to == Some(from) => Kind::Moment,
        _ if task.parts.is_some() => Kind::Running,
        _ => Kind::Waiting,
    };
    Some(Segment {
        kind,
        from,
        to,
        attempt: 0,
        outcome: task.state.key().to_owned(),
        error: None,
    })
}

/// Milliseconds from the run's beginning to a moment, rounded down.
#[must_use]
pub fn millis(start: Timestamp, at: Timestamp) -> u64 {
    u64::try_from(at.as_millis().saturating_sub(start.as_millis())).unwrap_or(0)
}

/// The segments as they were at an earlier moment: what came later is not there, what was at work goes on.
#[must_use]
pub fn cut(segments: &[Segment], now: u64) -> Vec<Segment> {
    let before = segments.iter().filter(|segment| segment.from <= now);
    before
        .map(|segment| {
            let is_open = segment.to.is_some_and(|to| to > now);
            let mut segment = segment.clone();
            if is_open {
                segment.to = None;
                segment.error = None;
                if segment.kind == Kind::Running {
                    "running".clone_into(&mut segment.outcome);
                }
            }
            segment
        })
        .collect()
}

/// How much time a row of the width of the screen shows: all of the run, and what it usually takes while it is at work. Never so
/// little that nothing has a length.
#[must_use]
pub fn scale(elapsed: u64, usual: Option<u64>, is_over: bool) -> u64 {
    let shown = match usual.filter(|_| !is_over) {
        Some(usual) => elapsed.max(usual),
        None => elapsed,
    };
    // What runs does not touch the edge, and the scale does not jump each second.
    let room = if is_over { shown / 50 } else { shown / 8 };
    (shown + room).max(10)
}

/// The steps in which people count time, in milliseconds.
const STEPS: [u64; 24] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    1_800_000,
    3_600_000,
    3 * 3_600_000,
    6 * 3_600_000,
    86_400_000,
];

/// Where the axis has its marks: at most `n_max` of them over a time, in steps of one length.
#[must_use]
pub fn ticks(span: u64, n_max: u64) -> Vec<u64> {
    let n_max = n_max.max(1);
    let fits = |step: &u64| span / step <= n_max;
    let last = STEPS[STEPS.len() - 1];
    let step = STEPS.into_iter().find(fits).unwrap_or_else(|| {
        // Of days, as many at once as are needed.
        last * (span / last / n_max + 1)
    });
    (0..=span / step).map(|at| at * step).collect()
}

/// A mark of the axis in words.
#[must_use]
pub fn tick_word(at: u64) -> String {
    let (seconds, rest) = (at / 1000, at % 1000);
    match seconds {
        0 if rest == 0 => "0".to_owned(),
        0 => format!("{rest} ms"),
        1..60 if rest > 0 => format!("{seconds}.{} s", rest / 100),
        1..60 => format!("{seconds} s"),
        60..3600 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The rows of a long list that are made: those in sight and as many again around them.
#[must_use]
pub fn window(scroll_top: f64, height: f64, row: f64, n_rows: usize) -> Range<usize> {
    let in_sight = (height / row).ceil().max(1.0);
    let first = (scroll_top / row - in_sight / 2.0).floor().max(0.0) as usize;
    let first = first.min(n_rows);
    // Whole tens: a small move of the list changes nothing.
    let first = first - first % 10;
    let last = first + (in_sight * 2.0) as usize + 20;
    first..last.min(n_rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::run;

    fn told(segments: &[Segment]) -> String {
        let one = |segment: &Segment| {
            let to = segment.to.map_or_else(|| "…".to_owned(), |to| to.to_string());
            let (kind, from, attempt) = (segment.kind.key(), segment.from, segment.attempt);
            format!("{kind} {from}–{to} #{attempt} {}", segment.outcome)
        };
        segments.iter().map(one).collect::<Vec<_>>().join(" | ")
    }

    fn of(task_type: &str, lines: &str) -> String {
        let state = run(
            &json!({"flow": "f", "tasks": {"t": {"type": task_type, "retry": {"max_attempts": 3}}}}),
            lines,
        );
        let all = segments(&state.task_view(0), Timestamp::from_millis(0));
        told(&all)
    }

    #[test]
    fn attempts_stand_in_one_row_with_their_pauses() {
        let failing = "5 task_scheduled t\n15 attempt_started t\n40 attempt_failed t";
        assert_eq!(
            of("shell", failing),
            "queued 5–15 #1 queued | running 15–40 #1 failed | back-off 40–… #1 waiting"
        );
        let again = format!("{failing}\n140 task_scheduled t attempt=2\n150 attempt_started t attempt=2");
        assert_eq!(
            of("shell", &again),
            "queued 5–15 #1 queued | running 15–40 #1 failed | back-off 40–140 #2 waiting | queued 140–150 #2 queued | running 150–… #2 running"
        );
        let done = format!("{again}\n200 task_succeeded t");
        assert!(of("shell", &done).ends_with("running 150–200 #2 succeeded"));
    }

    #[test]
    fn what_waits_has_no_worker() {
        assert_eq!(of("approval", "7 task_waiting t"), "waiting 7–… #0 waiting");
        assert_eq!(
            of("approval", "7 task_waiting t\n90 task_succeeded t"),
            "waiting 7–90 #0 succeeded"
        );
        assert_eq!(of("noop", "9 task_succeeded t"), "moment 9–9 #0 succeeded");
        assert_eq!(of("shell", "9 task_skipped t"), "moment 9–9 #0 skipped");
        assert_eq!(of("shell", ""), "");
        assert_eq!(of("shell", "3 task_scheduled t"), "queued 3–… #1 queued");
    }

    #[test]
    fn an_earlier_moment_knows_nothing_of_what_came_later() {
        let piece = |kind, from, to, attempt, outcome: &str| Segment {
            kind,
            from,
            to: Some(to),
            attempt,
            outcome: outcome.to_owned(),
            error: None,
        };
        let all = [
            piece(Kind::Queued, 0, 5, 1, "queued"),
            piece(Kind::Running, 5, 20, 1, "failed"),
            piece(Kind::Backoff, 20, 30, 2, "waiting"),
        ];
        assert_eq!(
            told(&cut(&all, 10)),
            "queued 0–5 #1 queued | running 5–… #1 running"
        );
        assert_eq!(cut(&all, 30), all);
    }

    #[test]
    fn the_axis_counts_as_people_do() {
        let words = |span, n| {
            ticks(span, n)
                .into_iter()
                .map(tick_word)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(words(4_200, 5), "0 1 s 2 s 3 s 4 s");
        assert_eq!(words(4_200, 10), "0 500 ms 1 s 1.5 s 2 s 2.5 s 3 s 3.5 s 4 s");
        assert_eq!(words(150_000, 6), "0 30 s 1 min 1m 30s 2 min 2m 30s");
        assert_eq!(words(5_400_000, 4), "0 30 min 1 h 1h 30m");
        assert_eq!(ticks(40 * 86_400_000, 10).len(), 9);
        assert_eq!(words(0, 3), "0");
    }

    #[test]
    fn the_scale_has_room_for_what_usually_happens() {
        assert_eq!(scale(0, None, true), 10);
        assert_eq!(scale(10_000, Some(60_000), true), 10_200);
        assert_eq!(scale(10_000, Some(60_000), false), 67_500);
        assert_eq!(scale(80_000, Some(60_000), false), 90_000);
    }

    #[test]
    fn only_rows_around_the_sight_are_made() {
        assert_eq!(window(0.0, 280.0, 28.0, 100_000), 0..40);
        assert_eq!(window(28_000.0, 280.0, 28.0, 100_000), 990..1_030);
        assert_eq!(window(1e9, 280.0, 28.0, 50), 50..50);
        assert_eq!(window(0.0, 280.0, 28.0, 7), 0..7);
    }
}
