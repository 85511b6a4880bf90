//! Variables, at hand for every start.

use std::sync::Arc;

use flow::expr::Program;
use parking_lot::RwLock;
use serde_json::{Map, Value};

use crate::store::{Store, StoreResult};

/// The variables of a store. This process is the only one that changes them, so what was read once holds until it does.
pub(crate) struct Variables {
    store: Arc<dyn Store>,
    values: RwLock<Option<Arc<Map<String, Value>>>>,
}

impl Variables {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            values: RwLock::default(),
        }
    }

    /// All of them.
    pub(crate) async fn all(&self) -> StoreResult<Arc<Map<String, Value>>> {
        if let Some(values) = self.values.read().clone() {
            return Ok(values);
        }
        let rows = self.store.variables().await?;
        let values: Arc<Map<String, Value>> =
            Arc::new(rows.into_iter().map(|row| (row.name, row.value)).collect());
        *self.values.write() = Some(Arc::clone(&values));
        Ok(values)
    }

    /// Those that a flow names, as they are now.
    pub(crate) async fn named_by(&self, program: &Program) -> StoreResult<Map<String, Value>> {
        let mut names = program.variables().peekable();
        if names.peek().is_none() {
            return Ok(Map::new());
        }
        let all = self.all().await?;
        Ok(names
            .filter_map(|name| Some((name.to_string(), all.get(&**name)?.clone())))
            .collect())
    }

    /// They have changed.
    pub(crate) fn forget(&self) {
        *self.values.write() = None;
    }
}
