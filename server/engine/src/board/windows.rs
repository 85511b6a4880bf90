//! Statistics of a window of time and of as much time before it.

use std::time::Duration;

use flow::Timestamp;
use flow::view::board::{PointView, TallyView, Window, WindowView};

use crate::engine::Engine;
use crate::error::EngineResult;
use crate::store::Store;
use crate::store::StoreResult;
use crate::store::cells::{Cell, CellKind, RunTally};

/// Minutes are kept so long, which the shortest window and the one before it need.
const MINUTES_FOR: i64 = 3 * 3600;

/// Hours are kept so long, which the longest window and the one before it need.
const HOURS_FOR: i64 = 62 * 24 * 3600;

/// Weeks of which days are told.
const WEEKS: i64 = 8;

const DAY: i64 = 24 * 3600;

impl Engine {
    /// A flow's, or all flows', runs of each day (UTC) of this week and the seven before it, from Monday on.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn days(&self, flow: Option<&str>) -> EngineResult<Vec<PointView>> {
        let today = self.clock().now().as_micros().div_euclid(1_000_000 * DAY);
        // The first of January 1970 was a Thursday.
        let monday = today - (today + 3).rem_euclid(7);
        let range = (monday - (WEEKS - 1) * 7) * DAY..(today + 1) * DAY;
        let cells = self.parts.shared.store.run_cells(flow, range.clone()).await?;
        Ok(points(&cells, range, DAY))
    }

    /// Statistics of a flow, or of all flows.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn window(&self, flow: Option<&str>, window: Window) -> EngineResult<WindowView> {
        let now = self.clock().now();
        let grain = window.grain_secs();
        let until = (now.as_micros().div_euclid(1_000_000 * grain) + 1) * grain;
        let since = until - window.secs();
        let cells = self
            .parts
            .shared
            .store
            .run_cells(flow, since - window.secs()..until)
            .await?;
        let within = |from: i64, until: i64| {
            let mut tally = RunTally::default();
            let inside = cells.iter().filter(|cell| (from..until).contains(&cell.at));
            inside.for_each(|cell| tally.add(*cell));
            tally
        };
        let passed = now.since(of_secs(since));
        let whole = Duration::from_secs(window.secs().unsigned_abs());
        Ok(WindowView {
            window,
            now: told(&within(since, until), since..until, passed),
            before: told(
                &within(since - window.secs(), since),
                since - window.secs()..since,
                whole,
            ),
            points: points(&cells, since..until, window.point_secs()),
        })
    }
}

fn of_secs(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn told(tally: &RunTally, range: std::ops::Range<i64>, passed: Duration) -> TallyView {
    let n_created = tally.count(CellKind::Created);
    TallyView {
        since: of_secs(range.start),
        until: of_secs(range.end),
        n_created,
        n_succeeded: tally.count(CellKind::Succeeded),
        n_failed: tally.count(CellKind::Failed),
        n_cancelled: tally.count(CellKind::Cancelled),
        per_hour: n_created as f64 * 3600.0 / passed.as_secs_f64().max(1.0),
        duration_ms_p50: tally.duration_ms(50),
        duration_ms_p95: tally.duration_ms(95),
        wait_ms_p50: tally.wait_ms(50),
        wait_ms_p95: tally.wait_ms(95),
    }
}

fn points(cells: &[Cell], range: std::ops::Range<i64>, each: i64) -> Vec<PointView> {
    let n = usize::try_from((range.end - range.start) / each).unwrap_or(0);
    let mut tallies = vec![RunTally::default(); n];
    for cell in cells {
        let place = usize::try_from((cell.at - range.start).div_euclid(each));
        if let Some(tally) = place.ok().and_then(|place| tallies.get_mut(place)) {
            tally.add(*cell);
        }
    }
    let starts = (0..).map(|n| of_secs(range.start + n * each));
    tallies
        .iter()
        .zip(starts)
        .map(|(tally, at)| PointView {
            at,
            n_created: tally.count(CellKind::Created),
            n_succeeded: tally.count(CellKind::Succeeded),
            n_failed: tally.count(CellKind::Failed),
            duration_ms_p95: tally.duration_ms(95),
        })
        .collect()
}

/// Adds up what is old and forgets what is older than anybody asks for, a flow at a time.
pub(crate) async fn fold_old(store: &dyn Store, now: Timestamp) -> StoreResult<()> {
    let secs = now.as_micros().div_euclid(1_000_000);
    // At a whole hour: an hour is never told by the half.
    let minutes_before = (secs - MINUTES_FOR).div_euclid(3600) * 3600;
    store.fold_cells(None, minutes_before, secs - HOURS_FOR).await?;
    for flow in store.counted_flows().await? {
        store
            .fold_cells(Some(&flow), minutes_before, secs - HOURS_FOR)
            .await?;
    }
    Ok(())
}
