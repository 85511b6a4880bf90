//! Chance that is the same for the same seed.

use flow::run::testing::{FlowSeed, TaskSeed};
use flow::simulate::Seeded;
use parking_lot::Mutex;

use crate::chance::ChanceSource;

/// Chance of a seed, in the forms a simulation wants.
#[derive(Clone, Debug)]
pub(super) struct Dice(Seeded);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Seeded::new(seed))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0.bits()
    }

    /// A number below this one.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0.below(end)
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// A flow, with or without tasks that start other runs.
    pub(super) fn flow(&mut self, with_children: bool) -> FlowSeed {
        let n_main = 1 + self.below(7);
        let (n_finally, n_on_failure) = (self.below(3), self.below(3));
        let mut tasks = |n: usize| (0..n).map(|_| self.task(with_children)).collect();
        FlowSeed {
            main: tasks(n_main),
            finally: tasks(n_finally),
            on_failure: tasks(n_on_failure),
            extras: self.byte(),
        }
    }

    fn task(&mut self, with_children: bool) -> TaskSeed {
        let n_needs = self.below(4);
        // The last of the twenty kinds starts another run.
        let is_parent = with_children && self.one_in(5);
        TaskSeed {
            kind: if is_parent { 19 } else { self.below(19) as u8 },
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
