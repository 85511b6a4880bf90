//! What a query could go on with.

use super::read::{GROUPS, KEYS};
use super::term::Mark;
use crate::view::RunStatus;

/// How a query could go on at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The whole query with it.
    pub query: String,
    /// What is added or put in place of what was begun.
    pub word: String,
    /// What it means, for keys.
    pub about: &'static str,
}

/// Completions told at most.
const COMPLETIONS_MAX: usize = 12;

/// What the keys mean.
const ABOUT: [(&str, &str); 12] = [
    ("state", "failed, running, open, ended …"),
    ("is", "asking, late, stuck, retried"),
    ("flow", "its id, * for anything"),
    ("label", "name=value"),
    ("dur", "how long it took: >5m"),
    ("wait", "how long it waited: >10s"),
    ("since", "created after: 24h, 2026-01-31"),
    ("until", "created before"),
    ("ended-since", "ended after"),
    ("ended-until", "ended before"),
    ("trigger", "what started it: ui, api, schedule*"),
    ("error", "its kind: timeout, exit_code …"),
];

/// What the word that ends at `caret` (in characters) could become. `flows` are ids that there are.
#[must_use]
pub fn complete<'f>(text: &str, caret: usize, flows: impl IntoIterator<Item = &'f str>) -> Vec<Completion> {
    let chars: Vec<char> = text.chars().collect();
    let caret = caret.min(chars.len());
    let begin = chars[..caret]
        .iter()
        .rposition(|char| char.is_whitespace())
        .map_or(0, |at| at + 1);
    let word: String = chars[begin..caret].iter().collect();
    let bare = word.strip_prefix('-').unwrap_or(&word);
    let sign = &word[..word.len() - bare.len()];
    let (kept, begun, choices): (String, &str, Vec<(String, &'static str)>) = match bare.split_once(':') {
        None => {
            let keys = KEYS.iter().map(|key| {
                let about = ABOUT.iter().find(|(known, _)| known == key);
                (format!("{key}:"), about.map_or("", |(_, about)| about))
            });
            (sign.to_owned(), bare, keys.collect())
        }
        Some((key, values)) => {
            let begun = values.rsplit(',').next().unwrap_or_default();
            let kept = format!("{sign}{key}:{}", &values[..values.len() - begun.len()]);
            (kept, begun, values_of(key, flows))
        }
    };
    let before: String = chars[..begin].iter().collect();
    let after: String = chars[caret..].iter().collect();
    choices
        .into_iter()
        .filter(|(choice, _)| choice.starts_with(begun) && choice != begun)
        .take(COMPLETIONS_MAX)
        .map(|(choice, about)| Completion {
            query: format!("{before}{kept}{choice}{after}"),
            word: choice,
            about,
        })
        .collect()
}

fn values_of<'f>(key: &str, flows: impl IntoIterator<Item = &'f str>) -> Vec<(String, &'static str)> {
    let plain = |words: &[&str]| words.iter().map(|word| ((*word).to_owned(), "")).collect();
    match key {
        "state" => {
            let groups = GROUPS.map(|(word, _)| word);
            let states = RunStatus::ALL.map(RunStatus::key);
            plain(&[&states[..], &groups[..]].concat())
        }
        "is" => plain(&Mark::ALL.map(Mark::key)),
        "flow" => flows.into_iter().map(|flow| (flow.to_owned(), "")).collect(),
        "dur" | "wait" => plain(&[">10s", ">1m", ">5m", ">1h", "<1s"]),
        "since" | "ended-since" => plain(&["1h", "24h", "7d", "30d"]),
        "until" | "ended-until" => plain(&["1h", "24h", "7d"]),
        "trigger" => plain(&["ui", "api", "cli", "schedule*", "webhook*", "retry"]),
        _ => Vec::new(),
    }
}
