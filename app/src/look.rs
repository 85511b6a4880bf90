//! How a state looks: its key (styles map it to a family of colours), its shape and its word. Any one of them suffices.

use flow::view::{RunStatus, TaskCounts, TaskRunView, TaskStatus};

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
        TaskStatus::Waiting if view.waits_for.as_deref() == Some("retry") => RETRYING,
        TaskStatus::Failed if view.error.as_ref().is_some_and(|error| error.kind == "timeout") => {
            look("timed_out", "timed out")
        }
        state => status(state),
    }
}

/// Why a task run is not running, was skipped or failed, in a sentence. When it goes on is told apart, in the reader's zone.
#[must_use]
pub fn why(view: &TaskRunView) -> Option<String> {
    let waits = match view.waits_for.as_deref() {
        Some("retry") => "waits for its next attempt",
        Some(_) => "waits for its timer",
        None => {
            return view
                .error
                .as_ref()
                .map(|error| error.message.clone())
                .or_else(|| view.reason.clone());
        }
    };
    Some(waits.to_owned())
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
}
