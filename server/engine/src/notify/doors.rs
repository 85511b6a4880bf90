//! What may be asked about notifications.

use crate::engine::Engine;
use crate::error::EngineResult;
use crate::store::{NoticeFilter, NoticeRow};

impl Engine {
    /// Notifications, newest first, those with a number below `before`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn notifications(
        &self,
        filter: &NoticeFilter,
        before: Option<i64>,
        limit: usize,
    ) -> EngineResult<Vec<NoticeRow>> {
        Ok(self
            .parts
            .shared
            .store
            .notifications(filter, before, limit)
            .await?)
    }
}
