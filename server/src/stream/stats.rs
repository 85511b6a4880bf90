//! Counts, followed.

use std::time::Duration;

use engine::Engine;
use tokio::time::{Instant, sleep_until};

use super::Frame;
use crate::api::StatsView;

/// How often counts are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Follows the counts over all flows.
pub(super) struct StatsTopic {
    engine: Engine,
    due: Instant,
    shown: Option<StatsView>,
}

impl StatsTopic {
    pub(super) fn open(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            due: Instant::now(),
            shown: None,
        }
    }

    /// The counts when they are others than before. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Vec<Frame>> {
        loop {
            sleep_until(self.due).await;
            let stats = StatsView::of(&self.engine, None).await.ok()?;
            self.due = Instant::now() + EVERY;
            if self.shown.as_ref() != Some(&stats) {
                let frame = Frame::new("stats", &stats);
                self.shown = Some(stats);
                return Some(vec![frame]);
            }
        }
    }
}
