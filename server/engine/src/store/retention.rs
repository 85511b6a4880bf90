//! How long finished runs are kept. Unfinished ones always are.

use std::collections::BTreeMap;
use std::time::Duration;

use flow::view::RunStatus;
use flow::{RunId, Timestamp};

use super::stats::state_number;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long succeeded and cancelled runs are kept.
pub const KEPT_AGE: Duration = DAY.saturating_mul(30);

/// How long failed runs are kept: somebody may still want to know why.
pub const FAILED_KEPT_AGE: Duration = DAY.saturating_mul(90);

/// How many finished runs of a flow are kept in each state: more are nobody's to read, and a flow that runs every second would
/// otherwise keep millions.
pub const KEPT_RUNS_MAX: u64 = 10_000;

/// How long a run is kept after its end whatever the rules say: who started it still comes for what it gave.
pub const KEPT_AT_LEAST: Duration = Duration::from_secs(60 * 60);

/// How long runs that ended in one state are kept. Without either bound: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// So long after their end.
    pub age: Option<Duration>,
    /// The newest so many of a flow.
    pub runs: Option<u64>,
}

/// Rules by the state in which runs ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// For runs that succeeded.
    pub succeeded: Rule,
    /// For runs that failed.
    pub failed: Rule,
    /// For runs that were cancelled.
    pub cancelled: Rule,
}

/// Which finished runs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For flows that are not named.
    pub usual: Rules,
    /// For flows with rules of their own.
    pub flows: BTreeMap<String, Rules>,
}

impl Default for Retention {
    fn default() -> Self {
        let rule = |age| Rule {
            age: Some(age),
            runs: Some(KEPT_RUNS_MAX),
        };
        Self {
            usual: Rules {
                succeeded: rule(KEPT_AGE),
                failed: rule(FAILED_KEPT_AGE),
                cancelled: rule(KEPT_AGE),
            },
            flows: BTreeMap::new(),
        }
    }
}

/// The states a run ends in.
const FINAL: [RunStatus; 3] = [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled];

impl Retention {
    /// Keeps everything for ever.
    #[must_use]
    pub const fn off() -> Self {
        const FOR_EVER: Rule = Rule {
            age: None,
            runs: None,
        };
        Self {
            usual: Rules {
                succeeded: FOR_EVER,
                failed: FOR_EVER,
                cancelled: FOR_EVER,
            },
            flows: BTreeMap::new(),
        }
    }

    /// The rule for a flow's runs that ended in this state.
    #[must_use]
    pub fn rule(&self, flow: &str, state: RunStatus) -> Rule {
        let rules = self.flows.get(flow).unwrap_or(&self.usual);
        match state {
            RunStatus::Succeeded => rules.succeeded,
            RunStatus::Failed => rules.failed,
            RunStatus::Cancelled => rules.cancelled,
            _ => Rule::default(),
        }
    }
}

/// A question for runs: the first `limit` of a flow, oldest first, that ended in `state` before an instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Oldest<'a> {
    pub(super) flow: &'a str,
    pub(super) state: RunStatus,
    pub(super) finished_before: Timestamp,
    pub(super) limit: usize,
}

impl Oldest<'_> {
    /// Runs with this id or a later one were made after the instant, so they cannot have ended before it.
    pub(super) fn id_end(&self) -> RunId {
        RunId::new(Timestamp::from_millis(self.finished_before.as_millis() + 1), 0)
    }
}

/// At most about `limit` runs that may go, from a store's counts by flow and its answers to a question. A run that waited long
/// for its end is older than its age says: the age counts from the end, the order of counting out is that of creation.
pub(super) fn expired<E>(
    policy: &Retention,
    now: Timestamp,
    limit: usize,
    flows: impl Iterator<Item = (String, [i64; RunStatus::ALL.len()])>,
    mut oldest: impl FnMut(Oldest<'_>) -> Result<Vec<RunId>, E>,
) -> Result<Vec<RunId>, E> {
    let mut found = Vec::new();
    for (flow, counts) in flows {
        for state in FINAL {
            let n_runs = counts[usize::from(state_number(state))].max(0).unsigned_abs();
            let rule = policy.rule(&flow, state);
            let mut ask = |age: Duration, at_most: u64| {
                oldest(Oldest {
                    flow: &flow,
                    state,
                    finished_before: before(now, age.max(KEPT_AT_LEAST)),
                    limit: usize::try_from(at_most).unwrap_or(usize::MAX).min(limit),
                })
            };
            let mut runs = Vec::new();
            if let Some(age) = rule.age.filter(|_| n_runs > 0) {
                runs = ask(age, n_runs)?;
            }
            let n_beyond = rule.runs.map_or(0, |kept| n_runs.saturating_sub(kept));
            if n_beyond > 0 {
                runs.extend(ask(Duration::ZERO, n_beyond)?);
                runs.sort_unstable();
                runs.dedup();
            }
            found.append(&mut runs);
            if found.len() >= limit {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let micros = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(micros))
}
