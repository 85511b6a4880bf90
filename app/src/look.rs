//! How a state looks: its key (styles map it to a family of colours), its shape and its word. Any one of them suffices.

use flow::view::{RunStatus, TaskCounts, TaskRunView, TaskStatus};

use crate::format;

/// A state's key, icon and word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The value of `data-state`; also names the icon, `s-KEY`.
    pub key: &'static str,
    /// The word people read.
    pub word: &'static str,
}

const fn look(key: &'static str, word: &'static str) -> Look {
    Look { key, word }
}

/// How a run's state looks.
#[must_use]
pub const fn run(state: RunStatus) -> Look {
    match state {
        RunStatus::Queued => look("queued", "queued"),
        RunStatus::Running => look("running", "running"),
        RunStatus::Paused => look("paused", "paused"),
        RunStatus::Ending => look("ending", "ending"),
        RunStatus::Succeeded => look("succeeded", "succeeded"),
        RunStatus::Failed => look("failed", "failed"),
        RunStatus::Cancelled => look("cancelled", "cancelled"),
    }
}

/// How a task's state looks when nothing else is known of it.
#[must_use]
pub const fn status(state: TaskStatus) -> Look {
    match state {
        TaskStatus::Blocked => look("blocked", "blocked"),
        TaskStatus::Ready => look("ready", "ready"),
        TaskStatus::Running => look("running", "running"),
        TaskStatus::Waiting => look("waiting", "waiting"),
        TaskStatus::Succeeded => look("succeeded", "succeeded"),
        TaskStatus::Failed => look("failed", "failed"),
        TaskStatus::Skipped => look("skipped", "skipped"),
        TaskStatus::Cancelled => look("cancelled", "cancelled"),
    }
}

/// How a task run looks: a wait for a retry is not the wait for a timer, a timeout not just any failure.
#[must_use]
pub fn task(view: &TaskRunView) -> Look {
    match view.state {
        TaskStatus::Waiting => match view.waits_for.as_deref() {
            Some("retry") => RETRYING,
            Some("approval") => look("asking", "needs you"),
            _ => status(view.state),
        },
        TaskStatus::Failed if view.error.as_ref().is_some_and(|error| error.kind == "timeout") => {
            look("timed_out", "timed out")
        }
        TaskStatus::Succeeded if view.is_undone => look("taken_back", "taken back"),
        state => status(state),
    }
}

/// What stands where the time of a task run would: it was taken over and took none, or nothing is left of what it did.
#[must_use]
pub fn in_place_of_time(view: &TaskRunView) -> Option<&'static str> {
    match (view.is_undone, view.given_by.is_some(), view.is_reused) {
        (true, ..) => Some("taken back"),
        (_, true, _) => Some("marked"),
        (.., true) => Some("taken over"),
        _ => None,
    }
    .filter(|_| view.state == TaskStatus::Succeeded)
}

/// Why a task run is not running, was skipped or failed, in a sentence; how its items stand, if it has some. When it goes on is
/// told apart, in the reader's zone.
#[must_use]
pub fn why(view: &TaskRunView) -> Option<String> {
    let waits = match view.waits_for.as_deref() {
        Some("retry") => "waits for its next attempt".to_owned(),
        Some("approval") => "waits for a person's answer".to_owned(),
        Some("timer") => "waits for its timer".to_owned(),
        Some(_) => without_time(view.reason.as_deref().unwrap_or("waits")).to_owned(),
        None => {
            let error = view.error.as_ref().map(|error| error.message.clone());
            return error.or_else(|| view.reason.clone()).or_else(|| parts(view));
        }
    };
    Some(waits)
}

/// A reason without the moment at its end.
fn without_time(reason: &str) -> &str {
    match reason.rsplit_once(" until ") {
        Some((words, at)) if at.parse::<flow::Timestamp>().is_ok() => words,
        _ => reason,
    }
}

/// How a task's items or iterations stand: `412 of 1,000 items, 2 failed, 5 running`.
#[must_use]
pub fn parts(view: &TaskRunView) -> Option<String> {
    let all = view.parts?;
    let what = if view.task_type == "loop" {
        format::count(u64::from(all.total()), "iteration", "iterations")
    } else {
        let total = format::count(u64::from(all.total()), "item", "items");
        format!("{} of {total}", format::thousands(u64::from(all.settled())))
    };
    let mut told = vec![what];
    for (state, n) in counts(all) {
        if !matches!(state, TaskStatus::Succeeded | TaskStatus::Blocked) {
            told.push(format!(
                "{} {}",
                format::thousands(u64::from(n)),
                status(state).word
            ));
        }
    }
    Some(told.join(", "))
}

/// What a wait is for, for those who count tasks: the word of [`counts`] is the word of the cards.
const RETRYING: Look = look("retrying", "retrying");

/// How an attempt's outcome looks.
#[must_use]
pub fn outcome(key: &str) -> Look {
    match key {
        "ready" => look("ready", "ready"),
        "running" => look("running", "running"),
        "succeeded" => look("succeeded", "succeeded"),
        "failed" => look("failed", "failed"),
        "cancelled" => look("cancelled", "cancelled"),
        "snoozed" => look("waiting", "waits"),
        "lost" => look("attention", "lost"),
        _ => look("queued", "unknown"),
    }
}

/// The order in which counts are told: what needs a person first.
pub const COUNT_ORDER: [TaskStatus; 8] = [
    TaskStatus::Failed,
    TaskStatus::Running,
    TaskStatus::Waiting,
    TaskStatus::Ready,
    TaskStatus::Succeeded,
    TaskStatus::Skipped,
    TaskStatus::Cancelled,
    TaskStatus::Blocked,
];

/// The counts that are not zero, in [`COUNT_ORDER`].
#[must_use]
pub fn counts(counts: TaskCounts) -> Vec<(TaskStatus, u32)> {
    COUNT_ORDER
        .into_iter()
        .map(|state| (state, counts.get(state)))
        .filter(|(_, n)| *n > 0)
        .collect()
}

/// The same in the words of the cards: of those that wait, so many wait for their next attempt.
#[must_use]
pub fn told_counts(all: TaskCounts, n_retrying: u32) -> Vec<(Look, u32)> {
    let mut told = Vec::new();
    for (state, n) in counts(all) {
        if state == TaskStatus::Waiting {
            let n_retrying = n_retrying.min(n);
            told.extend([(RETRYING, n_retrying), (status(state), n - n_retrying)]);
        } else {
            told.push((status(state), n));
        }
    }
    told.retain(|(_, n)| *n > 0);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_a_retry_is_counted_by_the_word_of_its_card() {
        let all = TaskCounts {
            waiting: 3,
            running: 1,
            ..TaskCounts::default()
        };
        let say = |n_retrying| {
            let told = told_counts(all, n_retrying);
            let words: Vec<String> = told
                .iter()
                .map(|(look, n)| format!("{n} {}", look.word))
                .collect();
            words.join(", ")
        };
        assert_eq!(say(0), "1 running, 3 waiting");
        assert_eq!(say(2), "1 running, 2 retrying, 1 waiting");
        assert_eq!(say(9), "1 running, 3 retrying");
    }

    #[test]
    fn a_wait_says_what_for_and_items_how_they_stand() {
        let view = |more: serde_json::Value| -> TaskRunView {
            let mut view = serde_json::json!({
                "path": "t", "name": "t", "task_type": "shell", "role": "main", "state": "waiting", "attempt": 1, "max_attempts": 1
            });
            if let (Some(view), serde_json::Value::Object(more)) = (view.as_object_mut(), more) {
                view.extend(more);
            }
            serde_json::from_value(view).expect("a task run")
        };
        let say = |more| {
            let view = view(more);
            format!("{}: {}", task(&view).word, why(&view).unwrap_or_default())
        };
        assert_eq!(
            say(
                serde_json::json!({"waits_for": "signal", "reason": "waits for the signal go until now until 2026-01-31T12:00:05Z"})
            ),
            "waiting: waits for the signal go until now"
        );
        assert_eq!(
            say(serde_json::json!({"waits_for": "approval", "reason": "waits for an answer"})),
            "needs you: waits for a person's answer"
        );
        assert_eq!(
            say(
                serde_json::json!({"state": "running", "parts": {"succeeded": 1409, "failed": 1, "running": 8, "blocked": 82}})
            ),
            "running: 1,410 of 1,500 items, 1 failed, 8 running"
        );
        assert_eq!(
            say(
                serde_json::json!({"state": "running", "task_type": "loop", "parts": {"succeeded": 2, "waiting": 1}})
            ),
            "running: 3 iterations, 1 waiting"
        );
    }
}
