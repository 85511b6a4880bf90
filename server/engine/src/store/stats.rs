//! How runs move the counts of their flow.

use flow::view::{RunStatus, RunSummary};

use super::FlowStats;
use super::durations::{Durations, bucket_of};
use super::listing::duration_ms;

/// What a set of moves adds to a flow's counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Movement {
    /// By state, in the order of [`RunStatus::ALL`]; negative where runs left it.
    pub(super) runs: [i64; RunStatus::ALL.len()],
    pub(super) n_finished: i64,
    pub(super) duration_ms_sum: i64,
    pub(super) duration_ms_min: Option<u64>,
    pub(super) duration_ms_max: Option<u64>,
    /// Of succeeded runs.
    pub(super) durations: Durations,
}

/// The number under which stores keep a state: its place in [`RunStatus::ALL`], spelled out because it may never change.
pub(super) const fn state_number(state: RunStatus) -> u8 {
    match state {
        RunStatus::Queued => 0,
        RunStatus::Running => 1,
        RunStatus::Paused => 2,
        RunStatus::Ending => 3,
        RunStatus::Succeeded => 4,
        RunStatus::Failed => 5,
        RunStatus::Cancelled => 6,
    }
}

/// The state with this number.
pub(super) fn state_of_number(number: i64) -> Option<RunStatus> {
    RunStatus::ALL
        .into_iter()
        .find(|state| i64::from(state_number(*state)) == number)
}

impl Movement {
    /// A run whose state was `before` (`None`: it is new) is now as `run` says.
    pub(super) fn record(&mut self, before: Option<RunStatus>, run: &RunSummary) {
        self.record_parts(before, run.state, duration_ms(run.started_at, run.finished_at));
    }

    /// The same from the parts it depends on. A run ends once: several moves of it may be recorded as one.
    pub(super) fn record_parts(
        &mut self,
        before: Option<RunStatus>,
        now: RunStatus,
        duration_ms: Option<u64>,
    ) {
        if let Some(before) = before {
            self.runs[usize::from(state_number(before))] -= 1;
        }
        self.runs[usize::from(state_number(now))] += 1;
        let just_ended = now.is_final() && !before.is_some_and(RunStatus::is_final);
        if let Some(duration) = duration_ms.filter(|_| just_ended) {
            self.count(now, duration, 1);
            self.duration_ms_min = Some(self.duration_ms_min.map_or(duration, |min| min.min(duration)));
            self.duration_ms_max = Some(self.duration_ms_max.map_or(duration, |max| max.max(duration)));
        }
    }

    /// A finished run is no longer kept. Shortest and longest stay what they were, unless it was the last.
    pub(super) fn remove_parts(&mut self, state: RunStatus, duration_ms: Option<u64>) {
        self.runs[usize::from(state_number(state))] -= 1;
        if let Some(duration) = duration_ms {
            self.count(state, duration, -1);
        }
        if self.n_finished == 0 {
            (self.duration_ms_min, self.duration_ms_max) = (None, None);
        }
    }

    fn count(&mut self, state: RunStatus, duration_ms: u64, n: i64) {
        let duration = i64::try_from(duration_ms).unwrap_or(i64::MAX);
        self.n_finished += n;
        self.duration_ms_sum = self.duration_ms_sum.saturating_add(duration.saturating_mul(n));
        if state == RunStatus::Succeeded {
            self.durations.add_to(bucket_of(duration_ms), n);
        }
    }

    /// Adds `other` to this.
    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.runs.iter_mut().zip(other.runs) {
            *mine += theirs;
        }
        self.n_finished += other.n_finished;
        self.duration_ms_sum = self.duration_ms_sum.saturating_add(other.duration_ms_sum);
        self.duration_ms_min = [self.duration_ms_min, other.duration_ms_min]
            .into_iter()
            .flatten()
            .min();
        self.duration_ms_max = self.duration_ms_max.max(other.duration_ms_max);
        self.durations.add(&other.durations);
    }

    /// All moves since the beginning, as counts; states without runs are left out.
    pub(super) fn into_stats(self) -> FlowStats {
        let counts = RunStatus::ALL.into_iter().zip(self.runs);
        // The middle of the longest run's bucket may lie beyond the longest run.
        let within = |ms: u64| {
            ms.min(self.duration_ms_max.unwrap_or(ms))
                .max(self.duration_ms_min.unwrap_or(ms))
        };
        FlowStats {
            runs: counts
                .filter_map(|(state, n)| {
                    u64::try_from(n)
                        .ok()
                        .filter(|n| *n > 0)
                        .map(|n| (state.key().to_owned(), n))
                })
                .collect(),
            n_finished: self.n_finished.max(0).unsigned_abs(),
            duration_ms_sum: self.duration_ms_sum.max(0).unsigned_abs(),
            duration_ms_min: self.duration_ms_min,
            duration_ms_max: self.duration_ms_max,
            duration_ms_p50: self.durations.percentile(50).map(within),
            duration_ms_p95: self.durations.percentile(95).map(within),
        }
    }
}
