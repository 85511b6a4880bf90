//! How long runs take, as counts in buckets whose width grows with the duration: enough for percentiles, small for ever.
//!
//! Up to 31 ms each millisecond has a bucket of its own. Above, each doubling is cut into 16 buckets of equal width, and a bucket
//! speaks for all in it by its middle: what is told differs from the truth by at most [`ERROR_PER_CENT_MAX`].

use std::collections::BTreeMap;

/// A told percentile's distance from the true one, in per cent of that: half a bucket is at most a 32nd of its smallest duration.
#[cfg(test)]
const ERROR_PER_CENT_MAX: f64 = 100.0 / 32.0;

/// Buckets per doubling. The numbers of buckets are stored: this may never change.
const PER_DOUBLING: u64 = 16;

/// Counts by bucket; negative where they are what a set of moves takes away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Durations(BTreeMap<u16, i64>);

/// The number of the bucket that holds a duration. A migration says the same in SQL.
pub(super) const fn bucket_of(ms: u64) -> u16 {
    if ms < PER_DOUBLING {
        return ms as u16;
    }
    let doublings = (ms / PER_DOUBLING).ilog2() as u64;
    (PER_DOUBLING * doublings + (ms >> doublings)) as u16
}

/// The duration that speaks for a bucket.
const fn middle_of(bucket: u16) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * PER_DOUBLING {
        return bucket;
    }
    let doublings = bucket / PER_DOUBLING - 1;
    let low = (bucket - PER_DOUBLING * doublings) << doublings;
    low + ((1 << doublings) - 1) / 2
}

impl Durations {
    /// Adds `n` runs of a bucket.
    pub(super) fn add_to(&mut self, bucket: u16, n: i64) {
        *self.0.entry(bucket).or_insert(0) += n;
    }

    /// Adds `other` to this.
    pub(super) fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(bucket, n)| self.add_to(*bucket, *n));
    }

    /// Buckets with their counts, shortest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, i64)> {
        self.0.iter().map(|(bucket, n)| (*bucket, *n))
    }

    /// The duration that so many of a hundred do not exceed.
    pub(super) fn percentile(&self, percent: u64) -> Option<u64> {
        let n_all: u64 = self.iter().map(|(_, n)| n.max(0).unsigned_abs()).sum();
        let rank = (n_all.saturating_mul(percent)).div_ceil(100).max(1);
        let mut n_below = 0;
        self.iter().find_map(|(bucket, n)| {
            n_below += n.max(0).unsigned_abs();
            (n_below >= rank).then(|| middle_of(bucket))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_follow_one_another() {
        let mut last = 0;
        for ms in 0..200_000 {
            let bucket = bucket_of(ms);
            assert!(bucket == last || bucket == last + 1, "{ms} ms");
            last = bucket;
        }
        assert_eq!(bucket_of(31), 31);
        assert_eq!(bucket_of(u64::MAX), 975);
        assert_eq!(bucket_of(middle_of(975)), 975);
        assert_eq!(Durations::default().percentile(50), None);
    }

    proptest! {
        #[test]
        fn percentiles_are_close(
            mut all in proptest::collection::vec((0..40_u32, any::<u64>()).prop_map(|(bits, ms)| ms >> (63 - bits)), 1..200),
            percent in 1..=100_u64,
        ) {
            let mut durations = Durations::default();
            all.iter().for_each(|ms| durations.add_to(bucket_of(*ms), 1));
            all.sort_unstable();
            let rank = (all.len() * percent as usize).div_ceil(100);
            let (truth, told) = (all[rank - 1] as f64, durations.percentile(percent).expect("there are some") as f64);
            prop_assert!((told - truth).abs() <= truth * ERROR_PER_CENT_MAX / 100.0, "{told} for {truth}");
        }
    }
}
