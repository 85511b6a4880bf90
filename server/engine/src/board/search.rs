//! Runs by a query, and how many there are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::Problem;
use flow::query::{Mark, RunQuery};
use flow::view::RunSummary;
use flow::view::board::RunCount;

use crate::engine::Engine;
use crate::error::{EngineError, EngineResult};
use crate::store::{RunFilter, Sought};

/// Runs that are counted at most: who has more looks for fewer.
const COUNTED_MAX: u64 = 10_000;

/// Runs read at a time.
const PER_PAGE: usize = 500;

/// Pages read for one count. A page of a query that no index answers may have looked at twenty thousand rows.
const PAGES_MAX: usize = 25;

/// How long it is believed how long runs of a flow usually take.
const USUAL_FOR: Duration = Duration::from_secs(15);

impl Engine {
    /// The filter that a query's text means now. What an index can answer is asked of it.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] with the place, if the text is no query.
    pub async fn sought(&self, text: &str) -> EngineResult<RunFilter> {
        let query = RunQuery::read(text).map_err(|bad| {
            let mut problem = Problem::error("bad_query", bad.message).at("q");
            problem.line = Some(1);
            problem.column = u32::try_from(bad.from + 1).ok();
            EngineError::Invalid(vec![problem])
        })?;
        self.filter_of(query).await
    }

    pub(super) async fn filter_of(&self, query: RunQuery) -> EngineResult<RunFilter> {
        let now = self.clock().now();
        let p95_ms = match query.asks_for(Mark::Late) {
            true => BTreeMap::clone(&*self.usual_ms().await?),
            false => BTreeMap::new(),
        };
        let (since, until) = query.created(now);
        let labels = query
            .label()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(RunFilter {
            flow: query.flow().map(str::to_owned),
            states: query.states().unwrap_or_default(),
            labels: labels.into_iter().collect(),
            since,
            until,
            text: None,
            is_empty: query.states().is_some_and(|states| states.is_empty()),
            sought: Some(Arc::new(Sought {
                ended_since: query.ended_since(now),
                query,
                now,
                p95_ms,
            })),
        })
    }

    /// How long succeeded runs of each flow took at most, but for five of a hundred, in milliseconds.
    pub(super) async fn usual_ms(&self) -> EngineResult<Arc<BTreeMap<String, u64>>> {
        let now = self.clock().now();
        let kept = self.parts.board.usual.lock().clone();
        if let Some((at, usual)) = kept
            && now.since(at) < USUAL_FOR
            && now >= at
        {
            return Ok(usual);
        }
        let store = &self.parts.shared.store;
        let mut usual = BTreeMap::new();
        for flow in store.counted_flows().await? {
            if let Some(ms) = store.stats(Some(&flow)).await?.duration_ms_p95 {
                usual.insert(flow, ms);
            }
        }
        let usual = Arc::new(usual);
        *self.parts.board.usual.lock() = Some((now, Arc::clone(&usual)));
        Ok(usual)
    }

    /// How many runs pass a filter, counted up to ten thousand.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn count_runs(&self, filter: &RunFilter) -> EngineResult<RunCount> {
        let (runs, is_whole) = self
            .collect(filter, usize::try_from(COUNTED_MAX).unwrap_or(usize::MAX), |_| ())
            .await?;
        Ok(RunCount {
            n: runs.len() as u64,
            is_whole,
        })
    }

    /// What is wanted of the newest runs that pass a filter, at most so many, and whether these are all.
    pub(super) async fn collect<T>(
        &self,
        filter: &RunFilter,
        max: usize,
        wanted: impl Fn(RunSummary) -> T,
    ) -> EngineResult<(Vec<T>, bool)> {
        let (mut found, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES_MAX.max(max / PER_PAGE + 1) {
            let limit = PER_PAGE.min(max - found.len());
            let page = self.runs(filter, cursor.as_deref(), limit).await?;
            found.extend(page.items.into_iter().map(&wanted));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok((found, true));
            }
            if found.len() >= max {
                break;
            }
        }
        Ok((found, false))
    }
}
