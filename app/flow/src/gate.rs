//! A limit on how many runs of a flow are at work at once: who has its places, and who waits for one.
//!
//! Pure. There is one gate for each flow and key. What is asked of it and what it answers goes by messages, so both may come twice:
//! a run that has a place and asks again has it, and one that lets go of none changes nothing.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::doc::Strategy;
use crate::ids::RunId;

/// Runs that one answer names at most.
pub const NAMED_MAX: usize = 10;

/// What a run needs before it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// Which of the flow's gates; empty if it has but one.
    pub key: String,
    /// How many runs may be at work at once.
    pub limit: u32,
    /// What happens if they are.
    pub strategy: Strategy,
}

/// A gate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// How many places there are, by the run that asked last: a newer version of the flow may have another limit.
    limit: u32,
    /// Who has one, in the order in which they got it.
    holders: Vec<RunId>,
    /// Who waits, in the order in which they asked.
    queue: VecDeque<RunId>,
    /// Those of both that have been asked to end.
    leaving: Vec<RunId>,
}

/// What a gate tells a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// It may begin.
    Granted(RunId),
    /// It shall not be: these have the places.
    Refused(RunId, Vec<RunId>),
    /// It shall end, for the newer run needs its place.
    Leave {
        /// Who.
        run: RunId,
        /// For whom.
        newer: RunId,
    },
}

impl Gate {
    /// A run asks for a place.
    pub fn ask(&mut self, run: RunId, permit: &Permit) -> Vec<Tell> {
        self.limit = permit.limit;
        if self.holders.contains(&run) {
            return vec![Tell::Granted(run)];
        }
        if self.queue.contains(&run) {
            return Vec::new();
        }
        let is_free = self.queue.is_empty() && self.has_room();
        if !is_free && permit.strategy == Strategy::Skip {
            return vec![Tell::Refused(
                run,
                self.holders.iter().take(NAMED_MAX).copied().collect(),
            )];
        }
        self.queue.push_back(run);
        let mut told = self.let_in();
        if permit.strategy == Strategy::CancelRunning {
            told.extend(self.make_room(run));
        }
        told
    }

    /// A run has ended, or wants no place any more.
    pub fn release(&mut self, run: RunId) -> Vec<Tell> {
        self.holders.retain(|holder| *holder != run);
        self.queue.retain(|waiting| *waiting != run);
        self.leaving.retain(|leaving| *leaving != run);
        self.let_in()
    }

    /// Who has the places.
    #[must_use]
    pub fn holders(&self) -> &[RunId] {
        &self.holders
    }

    /// How many are before a run that waits; none if it does not.
    #[must_use]
    pub fn n_before(&self, run: RunId) -> Option<usize> {
        self.queue.iter().position(|waiting| *waiting == run)
    }

    /// Whether nobody has a place or waits for one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.holders.is_empty() && self.queue.is_empty()
    }

    fn has_room(&self) -> bool {
        self.holders.len() < self.limit.max(1) as usize
    }

    fn let_in(&mut self) -> Vec<Tell> {
        let mut told = Vec::new();
        while self.has_room()
            && let Some(run) = self.queue.pop_front()
        {
            self.holders.push(run);
            told.push(Tell::Granted(run));
        }
        told
    }

    /// The newest runs win: of all others as many have to go, oldest first, as are too many. Who was asked before is not asked again.
    fn make_room(&mut self, newer: RunId) -> Vec<Tell> {
        let all: Vec<RunId> = self.holders.iter().chain(&self.queue).copied().collect();
        let n_over = all.len().saturating_sub(self.limit.max(1) as usize);
        let going: Vec<RunId> = all
            .into_iter()
            .filter(|run| *run != newer)
            .take(n_over)
            .filter(|run| !self.leaving.contains(run))
            .collect();
        self.leaving.extend(&going);
        going.into_iter().map(|run| Tell::Leave { run, newer }).collect()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Steps such as `ask 1; release 1`; a line for each with what is told.
    fn check(limit: u32, strategy: Strategy, script: &str, expected: Expect) {
        let mut gate = Gate::default();
        let permit = Permit {
            key: String::new(),
            limit,
            strategy,
        };
        let mut text = String::new();
        for step in script.split("; ") {
            let (verb, run) = step.split_once(' ').expect("a verb and a number");
            let run = RunId(run.parse().expect("a number"));
            let told = match verb {
                "ask" => gate.ask(run, &permit),
                _ => gate.release(run),
            };
            let told: Vec<String> = told
                .iter()
                .map(|tell| match tell {
                    Tell::Granted(run) => format!("{} begins", run.0),
                    Tell::Refused(run, holders) => {
                        format!(
                            "{} is refused by {:?}",
                            run.0,
                            holders.iter().map(|run| run.0).collect::<Vec<_>>()
                        )
                    }
                    Tell::Leave { run, newer } => format!("{} leaves for {}", run.0, newer.0),
                })
                .collect();
            assert!(gate.holders.len() <= limit as usize, "{step}");
            let stored = serde_json::to_string(&gate).expect("JSON");
            assert_eq!(serde_json::from_str::<Gate>(&stored).expect("JSON"), gate);
            text += &format!("{step}: {}\n", told.join(", "));
        }
        text += if gate.is_empty() { "empty\n" } else { "in use\n" };
        expected.assert_eq(&text);
    }

    #[test]
    fn runs_wait_in_the_order_of_asking() {
        check(
            2,
            Strategy::Queue,
            "ask 1; ask 2; ask 3; ask 4; ask 3; ask 1; release 1; release 1; release 4; release 2; release 3",
            expect![[r#"
                ask 1: 1 begins
                ask 2: 2 begins
                ask 3: 
                ask 4: 
                ask 3: 
                ask 1: 1 begins
                release 1: 3 begins
                release 1: 
                release 4: 
                release 2: 
                release 3: 
                empty
            "#]],
        );
    }

    #[test]
    fn the_newest_wins() {
        check(
            1,
            Strategy::CancelRunning,
            "ask 1; ask 2; ask 3; release 2; release 1; ask 4; release 3; release 4",
            expect![[r#"
                ask 1: 1 begins
                ask 2: 1 leaves for 2
                ask 3: 2 leaves for 3
                release 2: 
                release 1: 3 begins
                ask 4: 3 leaves for 4
                release 3: 4 begins
                release 4: 
                empty
            "#]],
        );
    }

    #[test]
    fn what_finds_no_place_is_left_out() {
        check(
            1,
            Strategy::Skip,
            "ask 1; ask 2; release 2; release 1; ask 3; release 3",
            expect![[r#"
                ask 1: 1 begins
                ask 2: 2 is refused by [1]
                release 2: 
                release 1: 
                ask 3: 3 begins
                release 3: 
                empty
            "#]],
        );
    }
}
