//! Chance that is the same for the same seed.

use flow::run::testing::{FlowSeed, TaskSeed};
use parking_lot::Mutex;

use crate::chance::ChanceSource;

/// `SplitMix64`: any seed gives a good sequence.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below this one.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// A flow without tasks that start other runs.
    pub(super) fn flow(&mut self) -> FlowSeed {
        let n_main = 1 + self.below(7);
        let (n_finally, n_on_failure) = (self.below(3), self.below(3));
        FlowSeed {
            main: (0..n_main).map(|_| self.task()).collect(),
            finally: (0..n_finally).map(|_| self.task()).collect(),
            on_failure: (0..n_on_failure).map(|_| self.task()).collect(),
            extras: self.byte(),
        }
    }

    fn task(&mut self) -> TaskSeed {
        let n_needs = self.below(4);
        TaskSeed {
            // The last of the twenty kinds starts another run.
            kind: self.below(19) as u8,
            needs: (0..n_needs)
                .map(|_| (self.byte(), self.byte(), self.byte()))
                .collect(),
            join: self.byte(),
            when: self.byte(),
            extras: self.byte(),
            spread: self.byte(),
        }
    }
}

/// The engine's own chance in a simulation.
pub(super) struct SeededChance(pub(super) Mutex<Dice>);

impl ChanceSource for SeededChance {
    fn fill(&self, bytes: &mut [u8]) {
        let mut dice = self.0.lock();
        for word in bytes.chunks_mut(8) {
            word.copy_from_slice(&dice.next().to_le_bytes()[..word.len()]);
        }
    }
}
