//! Where randomness comes from: tokens, ids and jitter. The operating system's, but for a simulation, which must be repeatable.

use std::sync::Arc;

use flow::run::Entropy;
use tracing::error;

/// A source of random bytes.
pub(crate) trait ChanceSource: Send + Sync {
    /// Fills the bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system.
pub(crate) struct SystemChance;

impl ChanceSource for SystemChance {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Tokens are secrets: with guessable ones it is better not to go on.
            error!("The operating system gives no random bytes: {error}");
            std::process::abort();
        }
    }
}

/// Chance fetched by the page, for a loop that needs much of it.
pub(crate) struct Chance {
    source: Arc<dyn ChanceSource>,
    bytes: [u8; 1024],
    used: usize,
}

impl Chance {
    pub(crate) fn new(source: Arc<dyn ChanceSource>) -> Self {
        Self {
            source,
            bytes: [0; 1024],
            used: 1024,
        }
    }
}

impl Entropy for Chance {
    fn next(&mut self) -> u128 {
        if self.used + 16 > self.bytes.len() {
            self.source.fill(&mut self.bytes);
            self.used = 0;
        }
        let mut word = [0; 16];
        word.copy_from_slice(&self.bytes[self.used..self.used + 16]);
        self.bytes[self.used..self.used + 16].fill(0);
        self.used += 16;
        u128::from_le_bytes(word)
    }
}

/// 128 random bits.
pub(crate) fn word(source: &dyn ChanceSource) -> u128 {
    let mut bytes = [0; 16];
    source.fill(&mut bytes);
    u128::from_le_bytes(bytes)
}
