//! What a card and a track show of a run: computed the same way for the server's drawing and for a live page.

use flow::Timestamp;
use flow::run::EdgeState;
use flow::view::{TaskCounts, TaskRunView, TaskStatus};

use super::CARD_WIDTH;
use crate::format;
use crate::look;

/// The changing part of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardState {
    /// The value of `data-state`; also names the icon.
    pub key: &'static str,
    /// The words in the lower right corner.
    pub text: String,
    /// The sentence screen readers and the tooltip give.
    pub title: String,
    /// How its items stand, if it has some: the paths of the pieces of its bar, in the order of [`BAR`].
    pub bar: Option<[String; BAR.len()]>,
}

/// The pieces of a bar, by the look of the states they count.
pub const BAR: [&str; 5] = ["succeeded", "failed", "running", "waiting", "cancelled"];

/// Where a bar begins and how long it is, on a card.
const BAR_LEFT: f64 = 16.0;
const BAR_WIDTH: f64 = CARD_WIDTH - BAR_LEFT - 12.0;

/// The least length of a piece: one failure among a thousand items is seen.
const PIECE_MIN: f64 = 3.0;

/// The pieces of a bar at a height. What has not begun is left free.
#[must_use]
pub fn bar(counts: TaskCounts, y: f64) -> [String; BAR.len()] {
    let n = [
        counts.succeeded,
        counts.failed,
        counts.running + counts.ready,
        counts.waiting,
        counts.cancelled + counts.skipped,
    ];
    let room = BAR_WIDTH - n.iter().filter(|n| **n > 0).count() as f64 * PIECE_MIN;
    let per = room / f64::from(counts.total().max(1));
    let mut x = BAR_LEFT;
    n.map(|n| {
        if n == 0 {
            return String::new();
        }
        let length = PIECE_MIN + f64::from(n) * per;
        let d = format!("M{x:.1} {y}h{length:.1}");
        x += length;
        d
    })
}

/// Where the whole bar stands: a piece as long as all of them.
#[must_use]
pub(super) fn whole_bar(y: f64) -> String {
    format!("M{BAR_LEFT} {y}h{BAR_WIDTH}")
}

/// The height at which a card of this height has its bar.
#[must_use]
pub const fn bar_y(card_height: f64) -> f64 {
    card_height - 7.0
}

/// How a task run shows on its card, of this height, at a moment of the server's clock.
#[must_use]
pub fn card(task: &TaskRunView, now: Timestamp, height: f64) -> CardState {
    let look = look::task(task);
    let time = elapsed(task, now);
    let text = match (task.state, &time) {
        _ if task.parts.is_some() => how_many(task).unwrap_or_default(),
        (TaskStatus::Running, Some(time)) if task.attempt > 1 => {
            format!("{time} · {}/{}", task.attempt, tries(task))
        }
        (TaskStatus::Waiting, _) if look.key == "retrying" => {
            format!("retry {}/{}", task.attempt + 1, tries(task))
        }
        (TaskStatus::Succeeded, _) if let Some(words) = look::in_place_of_time(task) => words.to_owned(),
        (TaskStatus::Running | TaskStatus::Succeeded, Some(time)) => time.clone(),
        _ => look.word.to_owned(),
    };
    let mut title = format!("{}: {}", task.name, look.word);
    let why = look::why(task);
    for part in [time.as_ref(), why.as_ref()].into_iter().flatten() {
        title.push_str(", ");
        title.push_str(part);
    }
    CardState {
        key: look.key,
        text,
        title,
        bar: task.parts.map(|counts| bar(counts, bar_y(height))),
    }
}

/// How far a task with items or iterations is: `412/1000`, `#3`.
#[must_use]
pub fn how_many(task: &TaskRunView) -> Option<String> {
    let counts = task.parts?;
    Some(if task.task_type == "loop" {
        format!("#{}", counts.total())
    } else {
        format!("{}/{}", counts.settled(), counts.total())
    })
}

fn tries(task: &TaskRunView) -> u32 {
    task.max_attempts.max(task.attempt)
}

/// How long a task run took, or has been at work. What was taken over took no time here.
#[must_use]
pub fn elapsed(task: &TaskRunView, now: Timestamp) -> Option<String> {
    let started = task.started_at.filter(|_| !task.is_reused)?;
    Some(match task.finished_at {
        Some(finished) => format::duration(format::span(started, finished)),
        None => format::ticking(format::span(started, now)),
    })
}

/// The value of a track's `data-taken`.
#[must_use]
pub const fn taken(edge: EdgeState) -> &'static str {
    match edge {
        EdgeState::Pending => "",
        EdgeState::Taken => "yes",
        EdgeState::NotTaken => "no",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_says_what_was_taken_over_or_back() {
        let check = |more: &str, expected: &str| {
            let text = format!(
                r#"{{"path": "t", "name": "t", "task_type": "shell", "role": "main", "state": "succeeded", "attempt": 1,
                "max_attempts": 1, "started_at": "2026-01-31T12:00:00Z", "finished_at": "2026-01-31T12:00:02Z"{more}}}"#
            );
            let view: TaskRunView = serde_json::from_str(&text).expect("a task run");
            let CardState { key, text, title, .. } = card(&view, Timestamp::from_micros(0), 64.0);
            assert_eq!(format!("{key} | {text} | {title}"), expected);
        };
        check("", "succeeded | 2.0 s | t: succeeded, 2.0 s");
        check(r#", "is_reused": true"#, "succeeded | taken over | t: succeeded");
        check(
            r#", "is_undone": true"#,
            "taken_back | taken back | t: taken back, 2.0 s",
        );
    }

    #[test]
    fn a_bar_shows_the_one_that_failed() {
        let counts = TaskCounts {
            succeeded: 600,
            failed: 1,
            running: 9,
            blocked: 390,
            ..TaskCounts::default()
        };
        let [succeeded, failed, running, waiting, cancelled] = bar(counts, 57.0);
        assert_eq!(succeeded, "M16.0 57h96.0");
        assert_eq!(failed, "M112.0 57h3.2");
        assert_eq!(running, "M115.2 57h4.4");
        assert_eq!((waiting.as_str(), cancelled.as_str()), ("", ""));
        // All settled: the bar is full.
        let all = TaskCounts {
            succeeded: 2,
            ..TaskCounts::default()
        };
        assert_eq!(bar(all, 1.0)[0], "M16.0 1h164.0");
        assert_eq!(bar(TaskCounts::default(), 1.0).concat(), "");
    }
}
