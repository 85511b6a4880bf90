//! The clock, the only door to time: tests hold it by hand.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use flow::Timestamp;
use tokio::sync::watch;

/// What time it is, and waiting for it.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// How long since some moment, on a clock that nobody sets: what leases and rates are judged by. It may stay as it is for clocks
    /// that only go forward.
    fn elapsed(&self) -> Duration {
        self.now().since(Timestamp::from_micros(0))
    }

    /// Waits until `at`, or a little less: callers look again.
    async fn wait_until(&self, at: Timestamp);
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that stands still until it is moved: for tests, simulations and programs that play time.
#[derive(Debug)]
pub struct ManualClock {
    /// What it shows, and how far it has been moved forward.
    shown: watch::Sender<(Timestamp, Duration)>,
}

impl ManualClock {
    /// It shows this time.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            shown: watch::Sender::new((now, Duration::ZERO)),
        }
    }

    /// Sets it, forward or back; those whose time has come go on.
    pub fn set(&self, now: Timestamp) {
        self.shown.send_modify(|(shown, elapsed)| {
            *elapsed += now.since(*shown);
            *shown = now;
        });
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.shown.borrow().0
    }

    fn elapsed(&self) -> Duration {
        self.shown.borrow().1
    }

    async fn wait_until(&self, at: Timestamp) {
        let mut moved = self.shown.subscribe();
        // The sender is this clock, which outlives the borrow.
        let _ = moved.wait_for(|(now, _)| *now >= at).await;
    }
}

/// How long the system clock is slept on at most, so that a clock set forward is noticed.
const NAP_MAX: Duration = Duration::from_secs(1);

/// When this process first asked how long since.
static FIRST_ASKED: LazyLock<tokio::time::Instant> = LazyLock::new(tokio::time::Instant::now);

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        FIRST_ASKED.elapsed()
    }

    async fn wait_until(&self, at: Timestamp) {
        tokio::time::sleep(at.since(self.now()).min(NAP_MAX)).await;
    }
}
