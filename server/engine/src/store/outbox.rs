//! Messages that decisions send to others, kept until what they cause is decided.

use std::sync::Arc;

/// A message: who sent it, and its number among the sender's. Its row is also what tells a message that comes twice: who takes it
/// deletes it in the transaction of its own decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The bits of the sender's id: a run's, or another entity's.
    pub sender: u128,
    /// Rises with each message of the sender.
    pub seq: u64,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Which.
    pub id: MessageId,
    /// What it says, as JSON.
    pub body: Arc<str>,
}
