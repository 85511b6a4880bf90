//! The task types of this server together with those that workers elsewhere have declared.

use std::sync::Arc;

use parking_lot::RwLock;

use super::TypeRegistry;
use crate::store::lanes::DeclaredType;

/// All task types, as they are now.
pub(crate) struct Types {
    here: Arc<TypeRegistry>,
    declared: RwLock<(Vec<DeclaredType>, Arc<TypeRegistry>)>,
}

impl Types {
    /// Those of this server, and those declared so far.
    pub(crate) fn new(here: Arc<TypeRegistry>, declared: Vec<DeclaredType>) -> Self {
        let all = Arc::new(here.with_declared(&declared));
        Self {
            here,
            declared: RwLock::new((declared, all)),
        }
    }

    /// Those of this server.
    pub(crate) fn here(&self) -> &Arc<TypeRegistry> {
        &self.here
    }

    /// All of them.
    pub(crate) fn all(&self) -> Arc<TypeRegistry> {
        Arc::clone(&self.declared.read().1)
    }

    /// Those of these declarations that say something new.
    pub(crate) fn new_among(&self, declared: Vec<DeclaredType>) -> Vec<DeclaredType> {
        let known = self.declared.read();
        let is_known = |new: &DeclaredType| {
            known.0.iter().any(|old| {
                DeclaredType {
                    declared_at: new.declared_at,
                    ..old.clone()
                } == *new
            })
        };
        declared.into_iter().filter(|new| !is_known(new)).collect()
    }

    /// Takes in what has been stored.
    pub(crate) fn declare(&self, new: Vec<DeclaredType>) {
        let mut known = self.declared.write();
        known.0.retain(|old| {
            new.iter()
                .all(|new| (&new.queue, &new.key) != (&old.queue, &old.key))
        });
        known.0.extend(new);
        known.1 = Arc::new(self.here.with_declared(&known.0));
    }

    /// Forgets what workers of a queue have declared of a type.
    pub(crate) fn forget(&self, queue: &str, key: &str) {
        let mut known = self.declared.write();
        known.0.retain(|old| old.queue != queue || old.key != key);
        known.1 = Arc::new(self.here.with_declared(&known.0));
    }

    /// How many types are declared.
    pub(crate) fn n_declared(&self) -> usize {
        self.declared.read().0.len()
    }

    /// Whether attempts of a type are made in this process, if its queue lets them. What nobody knows fails here.
    pub(crate) fn is_made_here(&self, key: &str, queue_is_local: bool) -> bool {
        if self.here.has(key) {
            queue_is_local
        } else {
            self.all().queues_of(key).is_empty()
        }
    }
}
