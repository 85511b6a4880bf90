//! Flow versions, compiled once and shared by all their runs.

use std::sync::Arc;

use flow::expr::Program;
use flow::{FlowDoc, Plan};
use parking_lot::{Mutex, RwLock};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::{EngineError, EngineResult};
use crate::store::Store;

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
        let stored = self
            .store
            .flow(flow, version)
            .await?
            .ok_or_else(|| EngineError::UnknownFlow(named(flow, version)))?;
        let doc: FlowDoc = serde_json::from_str(&stored.document).map_err(|error| {
            EngineError::Unavailable(format!(
                "version {} of {flow} cannot be read: {error}",
                stored.version
            ))
        })?;
        let compiled = Arc::new(Compiled::new(Arc::new(doc), stored.version));
        let mut cache = self.cache.lock();
        if version.is_none() {
            cache
                .newest
                .insert(flow.to_owned(), (stored.version, stored.archived));
        }
        cache.tick += 1;
        let entry = Entry {
            compiled: Arc::clone(&compiled),
            used: cache.tick,
        };
        cache.versions.insert((flow.to_owned(), stored.version), entry);
        evict(&mut cache);
        Ok(compiled)
    }

    /// The version a new run starts with; refuses archived flows.
    pub(crate) async fn to_start(&self, flow: &str, version: Option<u32>) -> EngineResult<Arc<Compiled>> {
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

    /// The newest version of a flow has changed, or it was archived.
    pub(crate) fn forget_newest(&self, flow: &str) {
        self.cache.lock().newest.remove(flow);
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
