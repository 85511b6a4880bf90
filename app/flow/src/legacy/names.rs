//! The names of a translated document, there and here.

use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};

use crate::doc::FlowDoc;
use crate::ids::{RESERVED_FLOW_IDS, is_slug};
use crate::validate::to_slug;

/// The label of a flow that holds the id its document gave it.
pub const ID_LABEL: &str = "legacy.id";

/// The names of a translated document: its own and the ids they became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LegacyNames {
    /// The id the document gave the flow.
    pub flow: String,
    by_id: FxHashMap<String, String>,
    by_name: FxHashMap<String, String>,
}

impl LegacyNames {
    /// The names of a flow that was translated; `None` for any other.
    #[must_use]
    pub fn of(doc: &FlowDoc) -> Option<Self> {
        let mut names = Self {
            flow: doc.labels.get(ID_LABEL)?.clone(),
            ..Self::default()
        };
        for (id, task) in &doc.tasks {
            names.add(id, task.name.as_deref().unwrap_or(id));
        }
        Some(names)
    }

    fn add(&mut self, id: &str, name: &str) {
        self.by_id.insert(id.to_owned(), name.to_owned());
        self.by_name.insert(name.to_owned(), id.to_owned());
    }

    /// The name the document gave the task with this id.
    #[must_use]
    pub fn name(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(String::as_str)
    }

    /// The id of the task the document gave this name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }
}

/// The flow id that belongs to the id a document gave: itself if it may be one, else a slug that no other id becomes.
#[must_use]
pub fn flow_id(legacy: &str) -> String {
    if is_slug(legacy) && !RESERVED_FLOW_IDS.contains(&legacy) {
        return legacy.to_owned();
    }
    let digest = Sha256::digest(legacy.as_bytes());
    let tail = crate::payload::hex(&digest[..5]);
    let mut slug = to_slug(legacy);
    slug.truncate(crate::limits::ID_BYTES_MAX - tail.len() - 1);
    if slug.is_empty() {
        format!("flow-{tail}")
    } else {
        format!("{}-{tail}", slug.trim_end_matches('-'))
    }
}

/// An id for each task, in order: the name itself if it may be one, else a slug of it. No two are the same.
pub(super) fn task_ids<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Vec<String> {
    // Names that are ids already keep themselves, whatever order they come in.
    let mut taken: FxHashMap<String, u32> = names
        .clone()
        .filter(|name| is_slug(name))
        .map(|name| (name.to_owned(), 1))
        .collect();
    let unique = |name: &str, taken: &mut FxHashMap<String, u32>| {
        let mut base = to_slug(name);
        base.truncate(crate::limits::ID_BYTES_MAX - 7);
        let base = if base.is_empty() { "task".to_owned() } else { base };
        let mut candidate = base.clone();
        while taken.contains_key(&candidate) {
            let count = taken.entry(base.clone()).or_insert(1);
            *count += 1;
            candidate = format!("{base}-{count}");
        }
        taken.insert(candidate.clone(), 1);
        candidate
    };
    // A name may stand twice in a document that is wrong; what is told of it must still be of the right task.
    let mut seen = FxHashSet::default();
    names
        .map(|name| {
            if is_slug(name) && seen.insert(name) {
                name.to_owned()
            } else {
                unique(name, &mut taken)
            }
        })
        .collect()
}
