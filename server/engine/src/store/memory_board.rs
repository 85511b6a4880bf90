//! The part of [`MemoryStore`] about counts by time, views and commands to many runs.

use std::collections::BTreeMap;
use std::ops::Range;

use async_trait::async_trait;
use flow::view::RunStatus;
use flow::{RunId, Timestamp};

use super::StoreResult;
use super::board::{BoardStore, BulkMark, BulkRow, BulkRun, BulkState, ViewRow};
use super::cells::{Cell, CellKey, Moved};
use super::memory::MemoryStore;

/// What is kept for the first page and the list of runs.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// By flow; all together under the empty name.
    cells: BTreeMap<String, BTreeMap<CellKey, i64>>,
    views: BTreeMap<String, ViewRow>,
    bulks: BTreeMap<String, (BulkRow, Vec<BulkRun>)>,
}

impl Board {
    pub(super) fn count(&mut self, flow: &str, moved: Moved) {
        for name in [flow, ""] {
            let cells = self.cells.entry(name.to_owned()).or_default();
            moved.count(|key| *cells.entry(key).or_insert(0) += 1);
        }
    }
}

#[async_trait]
impl BoardStore for MemoryStore {
    async fn run_cells(&self, flow: Option<&str>, range: Range<i64>) -> StoreResult<Vec<Cell>> {
        let board = self.board.lock();
        let cells = board.cells.get(flow.unwrap_or_default()).into_iter().flatten();
        let found = cells.filter(|((at, ..), _)| range.contains(at));
        Ok(found
            .map(|((at, kind, bucket), n)| Cell {
                at: *at,
                kind: *kind,
                bucket: *bucket,
                n: *n,
            })
            .collect())
    }

    async fn fold_cells(
        &self,
        flow: Option<&str>,
        _minutes_before: i64,
        hours_before: i64,
    ) -> StoreResult<()> {
        if let Some(cells) = self.board.lock().cells.get_mut(flow.unwrap_or_default()) {
            cells.retain(|(at, ..), _| *at >= hours_before);
        }
        Ok(())
    }

    async fn counted_flows(&self) -> StoreResult<Vec<String>> {
        let board = self.board.lock();
        let flows = board.cells.keys().filter(|flow| !flow.is_empty());
        Ok(flows.cloned().collect())
    }

    async fn unasked_runs(&self, _limit: usize) -> StoreResult<Vec<RunId>> {
        // No earlier version wrote here.
        Ok(Vec::new())
    }

    async fn note_asking(&self, _run: RunId, _last_seq: u64, _n_asking: u32) -> StoreResult<()> {
        Ok(())
    }

    async fn views(&self) -> StoreResult<Vec<ViewRow>> {
        Ok(self.board.lock().views.values().cloned().collect())
    }

    async fn put_view(&self, view: ViewRow) -> StoreResult<()> {
        self.board.lock().views.insert(view.name.clone(), view);
        Ok(())
    }

    async fn remove_view(&self, name: &str) -> StoreResult<bool> {
        Ok(self.board.lock().views.remove(name).is_some())
    }

    async fn put_bulk(&self, bulk: BulkRow, runs: Vec<RunId>) -> StoreResult<()> {
        let runs = runs
            .into_iter()
            .zip(0..)
            .map(|(run, n)| BulkRun { n, run, result: None });
        let kept = (bulk.clone(), runs.collect());
        self.board.lock().bulks.insert(bulk.id, kept);
        Ok(())
    }

    async fn bulk(&self, id: &str) -> StoreResult<Option<BulkRow>> {
        Ok(self.board.lock().bulks.get(id).map(|(bulk, _)| bulk.clone()))
    }

    async fn begin_bulk(&self, id: &str, now: Timestamp) -> StoreResult<bool> {
        let mut board = self.board.lock();
        let Some((bulk, _)) = board.bulks.get_mut(id) else {
            return Ok(false);
        };
        let may = bulk.state == BulkState::Frozen && now < bulk.expires_at;
        if may {
            bulk.state = BulkState::Acting;
        }
        Ok(may)
    }

    async fn bulk_runs(&self, id: &str, from: u32, limit: usize) -> StoreResult<Vec<BulkRun>> {
        let board = self.board.lock();
        let runs = board.bulks.get(id).map_or(&[][..], |(_, runs)| runs);
        let following = runs.iter().filter(|run| run.n >= from);
        Ok(following.take(limit).cloned().collect())
    }

    async fn bulk_states(&self, id: &str) -> StoreResult<Vec<(Option<RunStatus>, u32)>> {
        let mut counts: Vec<(Option<RunStatus>, u32)> = Vec::new();
        for run in self.bulk_runs(id, 0, usize::MAX).await? {
            let state = self.state_of(run.run);
            match counts.iter_mut().find(|(counted, _)| *counted == state) {
                Some((_, n)) => *n += 1,
                None => counts.push((state, 1)),
            }
        }
        Ok(counts)
    }

    async fn mark_bulk(&self, id: &str, marks: Vec<BulkMark>) -> StoreResult<()> {
        let mut board = self.board.lock();
        let Some((bulk, runs)) = board.bulks.get_mut(id) else {
            return Ok(());
        };
        for mark in marks {
            let Some(run) = runs.get_mut(mark.n as usize).filter(|run| run.result.is_none()) else {
                continue;
            };
            run.result = Some(mark.result);
            bulk.n_done += u32::from(mark.is_done);
            bulk.n_refused += u32::from(!mark.is_done);
        }
        if bulk.n_done + bulk.n_refused >= bulk.n {
            bulk.state = BulkState::Done;
        }
        Ok(())
    }

    async fn acting_bulks(&self) -> StoreResult<Vec<BulkRow>> {
        let board = self.board.lock();
        let bulks = board.bulks.values().map(|(bulk, _)| bulk);
        Ok(bulks
            .filter(|bulk| bulk.state == BulkState::Acting)
            .cloned()
            .collect())
    }

    async fn forget_bulks(&self, before: Timestamp) -> StoreResult<()> {
        self.board
            .lock()
            .bulks
            .retain(|_, (bulk, _)| bulk.expires_at >= before || bulk.state == BulkState::Acting);
        Ok(())
    }
}
