//! What the simulator sees of a loop, and the defects it plants there to know that it would find them.

use flow::gate::Permit;
use flow::run::{Command, RunState};
use flow::{AttemptToken, RunId, Timestamp};
use rustc_hash::FxHashMap;

use super::resident::Resident;
use super::worker::ShardLoop;
use crate::chance;
use crate::engine::Engine;

/// What a loop has in memory.
pub(crate) struct Inspected {
    /// Runs with the number of decisions that are not committed yet; `None` if the run is being read.
    pub(crate) runs: FxHashMap<RunId, Option<(RunState, usize)>>,
    /// When who will be woken.
    pub(crate) armed: FxHashMap<RunId, Timestamp>,
}

/// A defect. There is none outside of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Planted {
    /// As it should be.
    #[default]
    Nothing,
    /// Starts are acknowledged before they are committed.
    EarlyAnswers,
    /// A report counts whatever token it carries.
    AnyToken,
    /// Runs whose commit failed are not looked at again.
    NoSecondLook,
    /// Reports decided upon in a commit that failed are forgotten.
    LostReports,
    /// A run is not woken when its timer is due, unless it was read from the log.
    NoTimers,
    /// A gate is not told that a run has ended.
    KeptPlaces,
    /// A gate lets in whoever asks.
    OpenGates,
    /// A message that starts a child does so each time it is delivered.
    TwiceStarted,
    /// A report with a token that is out no more counts for another attempt of the worker's.
    StaleLeases,
    /// The place of an attempt made elsewhere is free as soon as it is given out.
    FreeLeases,
    /// Results are taken whatever they are of.
    AnyResult,
}

impl Planted {
    /// The command as a loop with the defect would take it.
    pub(super) fn twist(self, state: &RunState, command: Command) -> Command {
        let current = |token: AttemptToken| state.tokens().next().unwrap_or(token);
        match command {
            Command::AttemptEnded { token, outcome }
                if self == Self::AnyToken && state.tokens().all(|held| held != token) =>
            {
                Command::AttemptEnded {
                    token: current(token),
                    outcome,
                }
            }
            command => command,
        }
    }

    /// The permit as a gate with the defect would understand it.
    pub(crate) fn widen(self, permit: Permit) -> Permit {
        match self {
            Self::OpenGates => Permit {
                limit: permit.limit + 1,
                ..permit
            },
            _ => permit,
        }
    }

    /// The key by which a child is known, which with the defect is another each time.
    pub(crate) fn respell(self, engine: &Engine, key: String) -> String {
        match self {
            Self::TwiceStarted => format!("{key} {}", chance::word(&*engine.parts.shared.chance)),
            _ => key,
        }
    }

    /// The key by which a result is kept, which with the defect is that of all.
    pub(crate) fn blur(self, key: &str) -> &str {
        match self {
            Self::AnyResult => "any",
            _ => key,
        }
    }
}

impl ShardLoop {
    pub(super) fn inspect(&self) -> Inspected {
        let runs = self.runs.iter().map(|(run, resident)| {
            let here = match resident {
                Resident::Loading(_) => None,
                Resident::Here(here) => Some((here.state.clone(), here.n_uncommitted)),
            };
            (*run, here)
        });
        Inspected {
            runs: runs.collect(),
            armed: self.timers.armed(),
        }
    }
}
