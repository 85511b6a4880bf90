//! What a card and a track show of a run: computed the same way for the server's drawing and for a live page.

use flow::Timestamp;
use flow::run::EdgeState;
use flow::view::{TaskRunView, TaskStatus};

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
}

/// How a task run shows on its card at a moment of the server's clock.
#[must_use]
pub fn card(task: &TaskRunView, now: Timestamp) -> CardState {
    let look = look::task(task);
    let time = elapsed(task, now);
    let text = match (task.state, &time) {
        (TaskStatus::Running, Some(time)) if task.attempt > 1 => {
            format!("{time} · {}/{}", task.attempt, tries(task))
        }
        (TaskStatus::Waiting, _) if look.key == "retrying" => {
            format!("retry {}/{}", task.attempt + 1, tries(task))
        }
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
    }
}

fn tries(task: &TaskRunView) -> u32 {
    task.max_attempts.max(task.attempt)
}

/// How long a task run took, or has been at work.
#[must_use]
pub fn elapsed(task: &TaskRunView, now: Timestamp) -> Option<String> {
    let started = task.started_at?;
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
