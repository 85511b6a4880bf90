//! What pages ask is no part of the simulation: it goes through untouched.

use std::ops::Range;

use async_trait::async_trait;
use flow::view::RunStatus;
use flow::{RunId, Timestamp};

use super::super::world::block_on;
use super::GatedStore;
use crate::store::StoreResult;
use crate::store::board::{BoardStore, BulkMark, BulkRow, BulkRun, ViewRow};
use crate::store::cells::Cell;

#[async_trait]
impl BoardStore for GatedStore {
    async fn run_cells(&self, flow: Option<&str>, range: Range<i64>) -> StoreResult<Vec<Cell>> {
        block_on(self.store.run_cells(flow, range))
    }

    async fn fold_cells(&self, flow: Option<&str>, minutes: i64, hours: i64) -> StoreResult<()> {
        block_on(self.store.fold_cells(flow, minutes, hours))
    }

    async fn counted_flows(&self) -> StoreResult<Vec<String>> {
        block_on(self.store.counted_flows())
    }

    async fn unasked_runs(&self, limit: usize) -> StoreResult<Vec<RunId>> {
        block_on(self.store.unasked_runs(limit))
    }

    async fn note_asking(&self, run: RunId, last_seq: u64, n_asking: u32) -> StoreResult<()> {
        block_on(self.store.note_asking(run, last_seq, n_asking))
    }

    async fn views(&self) -> StoreResult<Vec<ViewRow>> {
        block_on(self.store.views())
    }

    async fn put_view(&self, view: ViewRow) -> StoreResult<()> {
        block_on(self.store.put_view(view))
    }

    async fn remove_view(&self, name: &str) -> StoreResult<bool> {
        block_on(self.store.remove_view(name))
    }

    async fn put_bulk(&self, bulk: BulkRow, runs: Vec<RunId>) -> StoreResult<()> {
        block_on(self.store.put_bulk(bulk, runs))
    }

    async fn bulk(&self, id: &str) -> StoreResult<Option<BulkRow>> {
        block_on(self.store.bulk(id))
    }

    async fn begin_bulk(&self, id: &str, now: Timestamp) -> StoreResult<bool> {
        block_on(self.store.begin_bulk(id, now))
    }

    async fn bulk_runs(&self, id: &str, from: u32, limit: usize) -> StoreResult<Vec<BulkRun>> {
        block_on(self.store.bulk_runs(id, from, limit))
    }

    async fn bulk_states(&self, id: &str) -> StoreResult<Vec<(Option<RunStatus>, u32)>> {
        block_on(self.store.bulk_states(id))
    }

    async fn mark_bulk(&self, id: &str, marks: Vec<BulkMark>) -> StoreResult<()> {
        block_on(self.store.mark_bulk(id, marks))
    }

    async fn acting_bulks(&self) -> StoreResult<Vec<BulkRow>> {
        block_on(self.store.acting_bulks())
    }

    async fn forget_bulks(&self, before: Timestamp) -> StoreResult<()> {
        block_on(self.store.forget_bulks(before))
    }
}
