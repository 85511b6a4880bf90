//! Flow versions, compiled once and shared by all their runs.

use std::sync::Arc;

use flow::expr::Program;
use flow::{FlowDoc, Plan};
use parking_lot::{Mutex, RwLock};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::{EngineError, EngineResult};
use crate::store::{Store, StoredVersion};

/// Compiled versions kept at hand: beyond it the least recently used go.
const COMPILED_MAX: usize = 512;

/// A flow version, ready to be run.
pub(crate) struct Compiled {
    /// The graph.
    pub(crate) plan: Arc<Plan>,
    /// Its expressions.
    pub(crate) program: Program,
    /// Its number.
    pub(crate) version: u32,
}

impl Compiled {
    /// Compiles a document that has been validated.
    #[must_use]
    pub(crate) fn new(doc: Arc<FlowDoc>, version: u32) -> Self {
        let (program, _) = Program::compile(&doc);
        Self {
            plan: Arc::new(Plan::new(doc)),
            program,
            version,
        }
    }

    /// The document.
    #[must_use]
    pub(crate) fn doc(&self) -> &Arc<FlowDoc> {
        &self.plan.doc
    }
}

struct Entry {
    compiled: Arc<Compiled>,
    used: u64,
}

#[derive(Default)]
struct Cache {
    versions: FxHashMap<(String, u32), Entry>,
    /// The newest version of a flow, and whether it is archived.
    newest: FxHashMap<String, (u32, bool)>,
    tick: u64,
    /// Counts what was forgotten: who read the store before that may have read what holds no more.
    n_changes: u64,
}

/// The compiled flows of a store.
pub(crate) struct Flows {
    store: Arc<dyn Store>,
    cache: Mutex<Cache>,
    /// The flows whose ends start others.
    followed: RwLock<FxHashSet<Arc<str>>>,
}

impl Flows {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            cache: Mutex::default(),
            followed: RwLock::default(),
        }
    }

    /// A version, or the newest.
    pub(crate) async fn get(&self, flow: &str, version: Option<u32>) -> EngineResult<Arc<Compiled>> {
        if let Some(found) = self.cached(flow, version) {
            return Ok(found);
        }
        let n_changes = self.cache.lock().n_changes;
        let stored = self
            .store
            .flow(flow, version)
            .await?
            .ok_or_else(|| EngineError::UnknownFlow(named(flow, version)))?;
        let number = stored.version;
        if self.note_newest(flow, version, n_changes, &stored)
            // Of many who ask at once one compiles: runs keep what they are given, and share it.
            && let Some(found) = self.cached(flow, Some(number))
        {
            return Ok(found);
        }
        let doc: FlowDoc = serde_json::from_str(&stored.document).map_err(|error| {
            EngineError::Unavailable(format!("version {number} of {flow} cannot be read: {error}"))
        })?;
        let compiled = Arc::new(Compiled::new(Arc::new(doc), number));
        let mut cache = self.cache.lock();
        if cache.n_changes != n_changes {
            return Ok(compiled);
        }
        cache.tick += 1;
        let used = cache.tick;
        let entry = cache.versions.entry((flow.to_owned(), number));
        let kept = Arc::clone(&entry.or_insert(Entry { compiled, used }).compiled);
        evict(&mut cache);
        Ok(kept)
    }

    /// Keeps which version is the newest, unless that may have changed since it was read. False if so.
    fn note_newest(&self, flow: &str, version: Option<u32>, n_changes: u64, stored: &StoredVersion) -> bool {
        let mut cache = self.cache.lock();
        let is_so = cache.n_changes == n_changes;
        if is_so && version.is_none() {
            cache
                .newest
                .insert(flow.to_owned(), (stored.version, stored.archived));
        }
        is_so
    }

    /// The version a new run starts with; refuses archived flows.
    pub(crate) async fn to_start(&self, flow: &str, version: Option<u32>) -> EngineResult<Arc<Compiled>> {
        if version.is_some_and(flow::trial::is_trial) {
            // There need be no such flow yet; whether it is archived was looked at when the document came.
            return self.get(flow, version).await;
        }
        let newest = self.get(flow, None).await?;
        if self
            .cache
            .lock()
            .newest
            .get(flow)
            .is_some_and(|(_, archived)| *archived)
        {
            return Err(EngineError::Archived(flow.to_owned()));
        }
        match version {
            None => Ok(newest),
            some => self.get(flow, some).await,
        }
    }

    /// Whether other flows start when runs of this one end.
    pub(crate) fn is_followed(&self, flow: &str) -> bool {
        self.followed.read().contains(flow)
    }

    /// Reads which flows others follow: at the start, and when a flow was saved or archived.
    pub(crate) async fn reread_followed(&self) -> EngineResult<()> {
        let followers = self.store.followers().await?;
        *self.followed.write() = followers.into_iter().map(|follower| follower.followed).collect();
        Ok(())
    }

    /// The newest version of a flow has changed, or it was archived. A version that was drawn otherwise is read again.
    pub(crate) fn forget_newest(&self, flow: &str, redrawn: Option<u32>) {
        let mut cache = self.cache.lock();
        cache.n_changes += 1;
        cache.newest.remove(flow);
        if let Some(version) = redrawn {
            cache.versions.remove(&(flow.to_owned(), version));
        }
    }

    fn cached(&self, flow: &str, version: Option<u32>) -> Option<Arc<Compiled>> {
        let mut cache = self.cache.lock();
        let version = version.or_else(|| cache.newest.get(flow).map(|(newest, _)| *newest))?;
        cache.tick += 1;
        let tick = cache.tick;
        let entry = cache.versions.get_mut(&(flow.to_owned(), version))?;
        entry.used = tick;
        Some(Arc::clone(&entry.compiled))
    }
}

fn named(flow: &str, version: Option<u32>) -> String {
    version.map_or_else(|| flow.to_owned(), |version| format!("{flow} version {version}"))
}

fn evict(cache: &mut Cache) {
    while cache.versions.len() > COMPILED_MAX {
        let oldest = cache
            .versions
            .iter()
            .min_by_key(|(_, entry)| entry.used)
            .map(|(key, _)| key.clone());
        match oldest {
            Some(key) => cache.versions.remove(&key),
            None => break,
        };
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::future::join_all;
    use tempfile::TempDir;

    use super::*;
    use crate::store::NewVersion;
    use crate::store::sqlite::SqliteStore;
    use crate::store::suite::drafts::version;

    fn saved(name: &str) -> NewVersion {
        let document = format!(r#"{{"flow":"a","name":"{name}","tasks":{{"x":{{"type":"noop"}}}}}}"#);
        version("a", &document, None)
    }

    async fn flows(dir: &TempDir) -> Flows {
        let store = SqliteStore::open(dir.path()).expect("it opens");
        store.save_flow(saved("first")).await.expect("it is saved");
        Flows::new(Arc::new(store))
    }

    #[tokio::test]
    async fn who_ask_at_once_share_what_is_compiled() {
        let dir = TempDir::new().expect("a folder");
        let flows = flows(&dir).await;
        let got = join_all((0..50).map(|_| flows.get("a", None))).await;
        let got: Vec<_> = got.into_iter().map(|one| one.expect("it is there")).collect();
        assert!(got.iter().all(|one| Arc::ptr_eq(one, &got[0])));
    }

    #[tokio::test]
    async fn what_was_read_before_a_change_is_not_kept() {
        let dir = TempDir::new().expect("a folder");
        let flows = flows(&dir).await;
        for round in 2..20 {
            let mut read = Box::pin(flows.get("a", None));
            let early = read.as_mut().now_or_never();
            let save = flows.store.save_flow(saved(&round.to_string())).await;
            assert_eq!(save.expect("it is saved"), round);
            flows.forget_newest("a", None);
            if early.is_none() {
                read.await.expect("it is there");
            }
            assert_eq!(flows.get("a", None).await.expect("it is there").version, round);
        }
    }
}
