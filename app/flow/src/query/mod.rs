//! The language in which runs are looked for: `state:failed,cancelled flow:etl-* dur:>5m since:24h label:env=prod -is:retried text`.
//!
//! Terms stand side by side and all of them must hold; values of one term stand behind each other with commas and one of them must
//! hold; a `-` in front turns a term around. [`RunQuery::read`] reads it, [`RunQuery::admits`] judges a run by it: the list, its
//! counts, saved views and commands to many runs mean the same by the same words.

mod complete;
mod judge;
mod read;
mod term;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self::complete::{Completion, complete};
pub use self::judge::{Facts, has_text};
pub use self::term::{Comparison, Mark, Pattern, Term, What, When};

/// Bytes of a query.
pub const QUERY_BYTES_MAX: usize = 2_000;

/// Terms of a query, and values of one term.
pub const QUERY_TERMS_MAX: usize = 40;

/// A run is late when it takes so many times as long as 95 of a hundred succeeded runs of its flow did not exceed.
pub const LATE_FACTOR: u64 = 2;

/// But not before it has taken so long: twice five milliseconds is nothing to look at.
pub const LATE_MIN_MS: u64 = 30_000;

/// A run of which nothing is at work although something could be is stuck when it is so old.
pub const STUCK_AFTER_MS: u64 = 60_000;

/// What runs are looked for by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunQuery {
    /// All of them hold.
    pub terms: Vec<Term>,
}

/// What is wrong with a query, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {})", .from + 1)]
pub struct BadQuery {
    /// What is wrong and what to do, as a sentence.
    pub message: String,
    /// The first character of what is wrong, from 0.
    pub from: usize,
    /// The one after its last.
    pub until: usize,
}

impl RunQuery {
    /// Reads a query.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(text: &str) -> Result<Self, BadQuery> {
        read::query(text)
    }

    /// The same without one of its terms.
    #[must_use]
    pub fn without(&self, at: usize) -> Self {
        let kept = self.terms.iter().enumerate().filter(|(n, _)| *n != at);
        Self {
            terms: kept.map(|(_, term)| term.clone()).collect(),
        }
    }

    /// Whether a term asks for this mark.
    #[must_use]
    pub fn asks_for(&self, mark: Mark) -> bool {
        self.terms
            .iter()
            .any(|term| matches!(&term.what, What::Is(marks) if marks.contains(&mark)))
    }
}

/// As it is written: reading that gives the same query.
impl fmt::Display for RunQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, term) in self.terms.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}
