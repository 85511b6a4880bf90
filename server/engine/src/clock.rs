//! The clock, the only door to time: tests hold it by hand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use flow::Timestamp;
use tokio::sync::watch;

/// What time it is, and waiting for it.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Waits until `at`, or a little less: callers look again.
    async fn wait_until(&self, at: Timestamp);
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that stands still until it is moved: for tests, simulations and programs that play time.
#[derive(Debug)]
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    /// It shows this time.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(watch::Sender::new(now))
    }

    /// Sets it, forward or back; those whose time has come go on.
    pub fn set(&self, now: Timestamp) {
        self.0.send_replace(now);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn wait_until(&self, at: Timestamp) {
        let mut moved = self.0.subscribe();
        // The sender is this clock, which outlives the borrow.
        let _ = moved.wait_for(|now| *now >= at).await;
    }
}

/// How long the system clock is slept on at most, so that a clock set forward is noticed.
const NAP_MAX: Duration = Duration::from_secs(1);

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    async fn wait_until(&self, at: Timestamp) {
        tokio::time::sleep(at.since(self.now()).min(NAP_MAX)).await;
    }
}
