//! How fast the past goes by when it is played.

use flow::Timestamp;
use flow::run::Event;

/// A pause in which nothing happens is shown for no longer than this.
const PAUSE_MAX_MS: f64 = 1_000.0;

/// Plays events in the time they took, or faster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Player {
    /// The last event that was shown.
    pub seq: u64,
    /// The time of the run, in milliseconds.
    at_ms: f64,
}

impl Player {
    /// From an event on.
    #[must_use]
    pub fn new(seq: u64, at: Timestamp) -> Self {
        Self {
            seq,
            at_ms: at.as_millis() as f64,
        }
    }

    /// So many milliseconds of the viewer's time went by: shows what happened in the run's, `speed` times as much. What comes next
    /// after a long pause comes early.
    #[must_use]
    pub fn step(mut self, events: &[Event], elapsed_ms: f64, speed: f64) -> Self {
        self.at_ms += elapsed_ms * speed;
        let next = |seq: u64| events.get(usize::try_from(seq).unwrap_or(usize::MAX));
        while let Some(event) = next(self.seq)
            && event.at.as_millis() as f64 <= self.at_ms
        {
            self.seq = event.seq;
        }
        if let Some(event) = next(self.seq) {
            let earliest = event.at.as_millis() as f64 - PAUSE_MAX_MS * speed;
            self.at_ms = self.at_ms.max(earliest);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fan;

    #[test]
    fn events_come_in_their_time_and_pauses_are_short() {
        let (_, mut events) = fan(1);
        for (event, ms) in events.iter_mut().zip([0, 100, 200, 3_600_000, 3_600_010]) {
            event.at = Timestamp::from_millis(ms);
        }
        events.truncate(5);
        let mut player = Player::new(1, events[0].at);
        let mut shown = Vec::new();
        for _ in 0..14 {
            player = player.step(&events, 100.0, 1.0);
            shown.push(player.seq);
        }
        assert_eq!(shown, [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5, 5]);
        assert_eq!(Player::new(1, events[0].at).step(&events, 2.0, 100.0).seq, 3);
    }
}
