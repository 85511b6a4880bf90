//! Who has to be woken when. Each run has at most one time: that of its earliest timer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use flow::{RunId, Timestamp};
use rustc_hash::FxHashMap;

/// Due times of runs, in memory or not.
#[derive(Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Timestamp, RunId)>>,
    /// The time that counts; older entries of the heap are passed over.
    armed: FxHashMap<RunId, Timestamp>,
}

impl Timers {
    /// Sets or clears a run's time.
    pub(super) fn arm(&mut self, run: RunId, at: Option<Timestamp>) {
        match at {
            None => {
                self.armed.remove(&run);
            }
            Some(at) if self.armed.insert(run, at) != Some(at) => self.heap.push(Reverse((at, run))),
            Some(_) => {}
        }
        // Retries and timeouts that were cleared long before they were due must not pile up.
        if self.heap.len() > 1024 && self.heap.len() > 4 * self.armed.len() {
            self.heap = self.armed.iter().map(|(run, at)| Reverse((*at, *run))).collect();
        }
    }

    /// Sets a run's time unless it has an earlier one.
    pub(super) fn arm_at_the_latest(&mut self, run: RunId, at: Timestamp) {
        let earlier = self.armed.get(&run).copied().filter(|armed| *armed <= at);
        self.arm(run, Some(earlier.unwrap_or(at)));
    }

    /// All times that count.
    #[cfg(test)]
    pub(super) fn armed(&self) -> FxHashMap<RunId, Timestamp> {
        self.armed.clone()
    }

    /// The earliest time.
    pub(super) fn next(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((at, run))) = self.heap.peek() {
            if self.armed.get(run) == Some(at) {
                return Some(*at);
            }
            self.heap.pop();
        }
        None
    }

    /// Takes a run whose time has come.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<RunId> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, run)) = self.heap.pop()?;
        self.armed.remove(&run);
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_last_word_counts() {
        let mut timers = Timers::default();
        let (a, b) = (RunId(1), RunId(2));
        timers.arm(a, Some(at(10)));
        timers.arm(b, Some(at(20)));
        timers.arm(a, Some(at(30)));
        assert_eq!(timers.next(), Some(at(20)));
        assert_eq!(timers.take_due(at(25)), Some(b));
        assert_eq!(timers.take_due(at(25)), None);
        timers.arm_at_the_latest(a, at(40));
        assert_eq!(timers.next(), Some(at(30)), "an earlier time stays");
        timers.arm(a, None);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn cleared_times_do_not_pile_up() {
        let mut timers = Timers::default();
        for n in 0..100_000 {
            timers.arm(RunId(7), Some(at(n)));
        }
        assert!(timers.heap.len() <= 1025, "{}", timers.heap.len());
        assert_eq!(timers.next(), Some(at(99_999)));
    }
}
