//! How lists are filtered and cut into pages: the same for every store.

use flow::limits::SHARDS;
use flow::query::has_text;
use flow::view::{FlowSummary, Page, RunDot, RunStatus, RunSummary};
use flow::{RunId, Timestamp};

use super::{RunFilter, StoreError, StoreResult};

/// Rows one page looks at. A filter no index answers (a text, say) would otherwise read the whole history for one page; with it a
/// page may be short, even empty, and yet have a cursor to go on from.
pub(super) const SCANNED_ROWS_MAX: usize = 20_000;

/// Newest runs shown with each flow of a list.
pub(crate) const LATEST_RUNS_MAX: usize = 30;

/// How far a run's `created_at` may lie from the instant in its id. The id is made when the call arrives, the run is created when
/// its shard has decided: ranges of time are searched by id, widened by this much.
const ID_SLACK_MS: i64 = 10 * 60 * 1000;

const _: () = assert!(SHARDS == 256, "the first migration makes 256 shards, for ever");

impl RunFilter {
    /// Whether a run can be in the list, judged by what is at hand without reading all of its row.
    pub(super) fn admits(&self, flow: &str, state: RunStatus, created_at: Timestamp) -> bool {
        !self.is_empty
            && self.flow.as_deref().is_none_or(|wanted| wanted == flow)
            && (self.states.is_empty() || self.states.contains(&state))
            && self.since.is_none_or(|since| created_at >= since)
            && self.until.is_none_or(|until| created_at < until)
    }

    /// Whether a run that ended then, or has not ended, can be in the list.
    pub(super) fn admits_end(&self, finished_at: Option<Timestamp>) -> bool {
        let since = self.sought.as_ref().and_then(|sought| sought.ended_since);
        since.is_none_or(|since| finished_at.is_some_and(|at| at >= since))
    }

    /// Whether the run is in the list.
    pub(super) fn matches(&self, run: &RunSummary) -> bool {
        self.admits(&run.flow, run.state, run.created_at)
            && self
                .labels
                .iter()
                .all(|(label, value)| run.labels.get(label) == Some(value))
            && self.text.as_deref().is_none_or(|text| has_text(run, text))
            && self.sought.as_ref().is_none_or(|sought| sought.admits(run))
    }

    /// The ids between which the page lies: from the first on, before the second.
    pub(super) fn id_range(&self, cursor: Option<&str>) -> StoreResult<(RunId, RunId)> {
        let id_at = |at: Timestamp, slack_ms: i64| {
            RunId::new(Timestamp::from_millis(at.as_millis().saturating_add(slack_ms)), 0)
        };
        let low = self.since.map_or(RunId(0), |since| id_at(since, -ID_SLACK_MS));
        let mut high = self
            .until
            .map_or(RunId(u128::MAX), |until| id_at(until, ID_SLACK_MS));
        if let Some(cursor) = cursor {
            let after: RunId = cursor
                .parse()
                .map_err(|_| StoreError::BadCursor(cursor.to_owned()))?;
            high = high.min(after);
        }
        Ok((low, high))
    }
}

/// Whether a flow's id, name or description holds the text.
pub(super) fn flow_has_text(text: Option<&str>, id: &str, name: &str, description: Option<&str>) -> bool {
    let Some(text) = text.map(str::to_lowercase) else {
        return true;
    };
    [Some(id), Some(name), description]
        .into_iter()
        .flatten()
        .any(|field| field.to_lowercase().contains(&text))
}

/// Cuts a page of runs from `rows`, which come newest first; `None` in them is a run that was refused at a glance.
pub(super) fn page_of_runs(
    rows: impl Iterator<Item = StoreResult<(RunId, Option<RunSummary>)>>,
    filter: &RunFilter,
    limit: usize,
) -> StoreResult<Page<RunSummary>> {
    let limit = limit.max(1);
    let mut items: Vec<RunSummary> = Vec::new();
    for (scanned, row) in rows.enumerate() {
        let (id, summary) = row?;
        if let Some(summary) = summary.filter(|summary| filter.matches(summary)) {
            if items.len() == limit {
                let next_cursor = items.last().map(|last| last.id.to_string());
                return Ok(Page { items, next_cursor });
            }
            items.push(summary);
        }
        if scanned + 1 >= SCANNED_ROWS_MAX {
            return Ok(Page {
                items,
                next_cursor: Some(id.to_string()),
            });
        }
    }
    Ok(Page {
        items,
        next_cursor: None,
    })
}

/// Cuts a page from flows that come in the order of their ids: one more than fits says that there is a next page.
pub(super) fn page_of_flows(mut flows: Vec<FlowSummary>, limit: usize) -> Page<FlowSummary> {
    let more = flows.len() > limit;
    flows.truncate(limit);
    let next_cursor = if more {
        flows.last().map(|last| last.id.clone())
    } else {
        None
    };
    Page {
        items: flows,
        next_cursor,
    }
}

/// How long a run waited before it began, once it has.
pub(super) fn wait_ms(created_at: Timestamp, started_at: Option<Timestamp>) -> Option<u64> {
    let spent = started_at?.since(created_at);
    Some(u64::try_from(spent.as_millis()).unwrap_or(u64::MAX))
}

/// A run's duration, once it has one.
pub(super) fn duration_ms(started_at: Option<Timestamp>, finished_at: Option<Timestamp>) -> Option<u64> {
    let spent = finished_at?.since(started_at?);
    Some(u64::try_from(spent.as_millis()).unwrap_or(u64::MAX))
}

/// Whether it is told of a run by which other it was made again: of those that did not succeed.
pub(super) const fn has_retries(state: RunStatus) -> bool {
    matches!(state, RunStatus::Failed | RunStatus::Cancelled)
}

/// A run as a mark in a row of them.
pub(crate) fn dot(run: &RunSummary) -> RunDot {
    RunDot {
        id: run.id,
        state: run.state,
        created_at: run.created_at,
        duration_ms: duration_ms(run.started_at, run.finished_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_looked_long_enough_stops_with_a_cursor() {
        let rows = (0..SCANNED_ROWS_MAX as u128 + 10)
            .rev()
            .map(|n| Ok((RunId(n), None)));
        let page = page_of_runs(rows, &RunFilter::default(), 5).expect("rows are fine");
        assert!(page.items.is_empty());
        assert_eq!(page.next_cursor, Some(RunId(10).to_string()));
    }
}
