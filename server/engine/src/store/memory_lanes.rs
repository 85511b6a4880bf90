//! The part of [`MemoryStore`] about workers, queues and kept results.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flow::{AttemptToken, Timestamp};

use super::blob_key::key_of;
use super::lanes::{DeclaredType, KeptResult, LaneStore, LeaseRow, WorkerTokenRow};
use super::memory::MemoryStore;
use super::{BlobKey, StoreResult};

/// What is kept of workers, queues and results.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    tokens: Vec<WorkerTokenRow>,
    types: BTreeMap<(String, String), DeclaredType>,
    leases: BTreeMap<u128, LeaseRow>,
    queues: BTreeMap<String, String>,
    marks: BTreeMap<(String, Option<String>), Timestamp>,
    results: BTreeMap<String, KeptResult>,
}

impl Lanes {
    /// Whether a kept result names this value.
    pub(super) fn names(&self, key: &BlobKey) -> bool {
        self.results
            .values()
            .filter_map(|result| key_of(result.output.blob()?))
            .any(|named| named == *key)
    }
}

#[async_trait]
impl LaneStore for MemoryStore {
    async fn put_worker_token(&self, token: WorkerTokenRow) -> StoreResult<()> {
        self.lanes.lock().tokens.push(token);
        Ok(())
    }

    async fn worker_token(&self, hash: [u8; 32]) -> StoreResult<Option<WorkerTokenRow>> {
        let lanes = self.lanes.lock();
        Ok(lanes.tokens.iter().find(|token| token.hash == hash).cloned())
    }

    async fn worker_tokens(&self) -> StoreResult<Vec<WorkerTokenRow>> {
        Ok(self.lanes.lock().tokens.clone())
    }

    async fn revoke_worker_token(&self, id: &str) -> StoreResult<bool> {
        let mut lanes = self.lanes.lock();
        let n_before = lanes.tokens.len();
        lanes.tokens.retain(|token| token.id != id);
        Ok(lanes.tokens.len() < n_before)
    }

    async fn declare_types(&self, types: Vec<DeclaredType>) -> StoreResult<()> {
        let mut lanes = self.lanes.lock();
        for declared in types {
            lanes
                .types
                .insert((declared.key.clone(), declared.queue.clone()), declared);
        }
        Ok(())
    }

    async fn declared_types(&self) -> StoreResult<Vec<DeclaredType>> {
        Ok(self.lanes.lock().types.values().cloned().collect())
    }

    async fn forget_type(&self, queue: &str, key: &str) -> StoreResult<bool> {
        let place = (key.to_owned(), queue.to_owned());
        Ok(self.lanes.lock().types.remove(&place).is_some())
    }

    async fn put_leases(&self, leases: Vec<LeaseRow>) -> StoreResult<()> {
        let rows = leases.into_iter().map(|lease| (lease.token.0, lease));
        self.lanes.lock().leases.extend(rows);
        Ok(())
    }

    async fn leases(&self) -> StoreResult<Vec<LeaseRow>> {
        Ok(self.lanes.lock().leases.values().cloned().collect())
    }

    async fn drop_leases(&self, tokens: Vec<AttemptToken>) -> StoreResult<()> {
        let mut lanes = self.lanes.lock();
        for token in tokens {
            lanes.leases.remove(&token.0);
        }
        Ok(())
    }

    async fn queues(&self) -> StoreResult<Vec<(String, String)>> {
        let lanes = self.lanes.lock();
        let rows = lanes.queues.iter();
        Ok(rows
            .map(|(name, limits)| (name.clone(), limits.clone()))
            .collect())
    }

    async fn put_queue(&self, name: &str, limits: Option<String>) -> StoreResult<()> {
        let mut lanes = self.lanes.lock();
        match limits {
            Some(limits) => drop(lanes.queues.insert(name.to_owned(), limits)),
            None => drop(lanes.queues.remove(name)),
        }
        Ok(())
    }

    async fn rate_marks(&self) -> StoreResult<Vec<(String, Option<String>, Timestamp)>> {
        let lanes = self.lanes.lock();
        let rows = lanes.marks.iter();
        Ok(rows
            .map(|((queue, key), until)| (queue.clone(), key.clone(), *until))
            .collect())
    }

    async fn mark_rate(&self, queue: &str, key: Option<&str>, until: Timestamp) -> StoreResult<()> {
        let place = (queue.to_owned(), key.map(str::to_owned));
        self.lanes.lock().marks.insert(place, until);
        Ok(())
    }

    async fn keep_result(&self, result: KeptResult) -> StoreResult<()> {
        self.lanes.lock().results.insert(result.key.clone(), result);
        Ok(())
    }

    async fn kept_result(&self, key: &str, now: Timestamp) -> StoreResult<Option<KeptResult>> {
        let lanes = self.lanes.lock();
        let found = lanes.results.get(key).filter(|result| now < result.until);
        Ok(found.cloned())
    }

    async fn forget_outdated(&self, now: Timestamp, limit: usize) -> StoreResult<u64> {
        let mut lanes = self.lanes.lock();
        let outdated = lanes.results.values().filter(|result| result.until <= now);
        let keys: Vec<String> = outdated.take(limit).map(|result| result.key.clone()).collect();
        for key in &keys {
            lanes.results.remove(key);
        }
        let n_before = lanes.marks.len();
        lanes.marks.retain(|_, until| *until > now);
        Ok((keys.len() + n_before - lanes.marks.len()) as u64)
    }
}
