//! The clock, the only door to time: tests hold it by hand.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use flow::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

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

/// Waits until a time if there is one, else for ever.
pub(crate) async fn wait_for(clock: &dyn Clock, at: Option<Timestamp>) {
    match at {
        Some(at) => clock.wait_until(at).await,
        None => std::future::pending().await,
    }
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that stands still until it is moved: for tests, simulations and programs that play time.
#[derive(Debug)]
pub struct ManualClock {
    /// What it shows, and how far it has been moved forward.
    shown: Mutex<(Timestamp, Duration)>,
    /// Wakes those who wait in the order in which they came, so that what is played is the same each time.
    moved: Notify,
}

impl ManualClock {
    /// It shows this time.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            shown: Mutex::new((now, Duration::ZERO)),
            moved: Notify::new(),
        }
    }

    /// Sets it, forward or back; those whose time has come go on.
    pub fn set(&self, now: Timestamp) {
        {
            let mut shown = self.shown.lock();
            let on = now.since(shown.0);
            *shown = (now, shown.1 + on);
        }
        self.moved.notify_waiters();
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.shown.lock().0
    }

    fn elapsed(&self) -> Duration {
        self.shown.lock().1
    }

    async fn wait_until(&self, at: Timestamp) {
        // Register before looking, or a move in between is missed.
        let moved = self.moved.notified();
        if self.now() < at {
            // Also one back is told, as the system's clock is looked at again and again.
            moved.await;
        }
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
