//! Runs judged by a query.

use super::term::{Mark, Pattern, Term, What};
use super::{LATE_FACTOR, LATE_MIN_MS, RunQuery, STUCK_AFTER_MS};
use crate::time::Timestamp;
use crate::view::{RunStatus, RunSummary};

/// What has to be known beside a run itself.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Now.
    pub now: Timestamp,
    /// What 95 of a hundred succeeded runs of a flow did not exceed, in milliseconds.
    pub p95_ms: &'a dyn Fn(&str) -> Option<u64>,
}

impl RunQuery {
    /// Whether a run is looked for.
    #[must_use]
    pub fn admits(&self, run: &RunSummary, facts: Facts<'_>) -> bool {
        self.terms.iter().all(|term| term.admits(run, facts))
    }

    /// The states in which a run can be that is looked for; none if any will do.
    #[must_use]
    pub fn states(&self) -> Option<Vec<RunStatus>> {
        let mut left: Option<Vec<RunStatus>> = None;
        for term in &self.terms {
            let own = match (&term.what, term.is_not) {
                (What::State(states), false) => states.clone(),
                (What::State(states), true) => all_but(states),
                (What::Is(marks), false) if !marks.contains(&Mark::Retried) => {
                    all_but(&[RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled])
                }
                _ => continue,
            };
            left = Some(match left {
                None => own,
                Some(before) => before.into_iter().filter(|state| own.contains(state)).collect(),
            });
        }
        left
    }

    /// The one flow whose runs are looked for, if there is one.
    #[must_use]
    pub fn flow(&self) -> Option<&str> {
        self.terms.iter().find_map(|term| match &term.what {
            What::Flow(flows) if !term.is_not => match &**flows {
                [one] => one.exact(),
                _ => None,
            },
            _ => None,
        })
    }

    /// A label with a value that each of them has, if there is one.
    #[must_use]
    pub fn label(&self) -> Option<(&str, &str)> {
        self.terms.iter().find_map(|term| match &term.what {
            What::Label(name, values) if !term.is_not => match &**values {
                [one] => Some((name.as_str(), one.exact()?)),
                _ => None,
            },
            _ => None,
        })
    }

    /// From when on they ended, if that is asked.
    #[must_use]
    pub fn ended_since(&self, now: Timestamp) -> Option<Timestamp> {
        let wanted = self.terms.iter().filter(|term| !term.is_not);
        wanted
            .filter_map(|term| match term.what {
                What::EndedSince(when) => Some(when.at(now)),
                _ => None,
            })
            .max()
    }

    /// From when on and before when they were created.
    #[must_use]
    pub fn created(&self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let (mut since, mut until) = (None, None);
        for term in self.terms.iter().filter(|term| !term.is_not) {
            match term.what {
                What::Since(when) => since = since.max(Some(when.at(now))),
                What::Until(when) => {
                    let at = when.at(now);
                    until = Some(until.map_or(at, |before: Timestamp| before.min(at)));
                }
                _ => {}
            }
        }
        (since, until)
    }
}

fn all_but(states: &[RunStatus]) -> Vec<RunStatus> {
    let mut left = RunStatus::ALL.to_vec();
    left.retain(|state| !states.contains(state));
    left
}

impl Term {
    fn admits(&self, run: &RunSummary, facts: Facts<'_>) -> bool {
        self.holds(run, facts) != self.is_not
    }

    fn holds(&self, run: &RunSummary, facts: Facts<'_>) -> bool {
        let now = facts.now;
        let like = |patterns: &[Pattern], text: &str| patterns.iter().any(|pattern| pattern.is_like(text));
        match &self.what {
            What::State(states) => states.contains(&run.state),
            What::Is(marks) => marks.iter().any(|mark| is_marked(run, *mark, facts)),
            What::Flow(flows) => like(flows, &run.flow),
            What::Trigger(triggers) => like(triggers, &run.trigger),
            What::Error(kinds) => run.error.as_ref().is_some_and(|error| like(kinds, &error.kind)),
            What::Label(name, values) => run
                .labels
                .get(name)
                .is_some_and(|value| values.is_empty() || like(values, value)),
            What::Duration(comparison, limit) => run.started_at.is_some_and(|started| {
                comparison.holds(span(started, run.finished_at.unwrap_or(now)), *limit)
            }),
            What::Wait(comparison, limit) => {
                let until = run.started_at.or(run.finished_at).unwrap_or(now);
                comparison.holds(span(run.created_at, until), *limit)
            }
            What::Since(when) => run.created_at >= when.at(now),
            What::Until(when) => run.created_at < when.at(now),
            What::EndedSince(when) => run.finished_at.is_some_and(|at| at >= when.at(now)),
            What::EndedUntil(when) => run.finished_at.is_some_and(|at| at < when.at(now)),
            What::Text(text) => has_text(run, text),
        }
    }
}

fn span(from: Timestamp, until: Timestamp) -> u64 {
    u64::try_from(until.since(from).as_millis()).unwrap_or(u64::MAX)
}

fn is_marked(run: &RunSummary, mark: Mark, facts: Facts<'_>) -> bool {
    let is_open = !run.state.is_final();
    match mark {
        Mark::Asking => is_open && run.n_asking > 0,
        Mark::Retried => run.retried_by.is_some(),
        Mark::Late => {
            let limit = || {
                let usual = (facts.p95_ms)(&run.flow)?;
                Some(usual.saturating_mul(LATE_FACTOR).max(LATE_MIN_MS))
            };
            // Who is asked a question may take the time for it.
            is_open
                && run.n_asking == 0
                && run
                    .started_at
                    .is_some_and(|started| limit().is_some_and(|limit| span(started, facts.now) > limit))
        }
        Mark::Stuck => {
            let counts = run.counts;
            let stands = run.state == RunStatus::Queued
                || (run.state != RunStatus::Paused
                    && counts.ready > 0
                    && counts.running == 0
                    && run.n_asking == 0);
            is_open && stands && span(run.created_at, facts.now) > STUCK_AFTER_MS
        }
    }
}

/// Whether a text stands in a run's id, flow, flow's name, labels or error, in letters of either size.
#[must_use]
pub fn has_text(run: &RunSummary, text: &str) -> bool {
    let text = text.to_lowercase();
    let within = |field: &str| field.to_lowercase().contains(&text);
    within(&run.flow)
        || within(&run.flow_name)
        || within(&run.id.to_string())
        || run
            .labels
            .iter()
            .any(|(label, value)| within(label) || within(value))
        || run
            .error
            .as_ref()
            .is_some_and(|error| within(&error.message) || within(&error.kind))
}
