//! Saved views: queries with names, for everybody who uses this server.

use flow::Problem;
use flow::query::RunQuery;
use flow::view::board::{RunCount, SavedView};

use crate::engine::Engine;
use crate::error::{EngineError, EngineResult};
use crate::store::board::ViewRow;

/// Views that can be saved: a bar of them is looked over at a glance.
const VIEWS_MAX: usize = 100;

/// Characters of a view's name.
const NAME_CHARS_MAX: usize = 60;

/// Runs that are counted for a view.
const COUNTED_MAX: usize = 1_000;

/// Views that come with Pointwork. They stand beside those that people save and never in their place.
const SYSTEM: [(&str, &str); 5] = [
    ("Failed today", "state:failed since:24h"),
    ("Running", "state:running,ending"),
    ("Waiting for approval", "is:asking"),
    ("Late", "is:late"),
    ("Stuck", "is:stuck"),
];

impl Engine {
    /// All views, those that come with Pointwork first, each with how many runs it shows.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn views(&self) -> EngineResult<Vec<SavedView>> {
        let mut views = Vec::new();
        for (name, query) in SYSTEM {
            views.push(self.counted(name.to_owned(), query.to_owned(), true).await?);
        }
        for row in self.parts.shared.store.views().await? {
            views.push(self.counted(row.name, row.query, false).await?);
        }
        Ok(views)
    }

    async fn counted(&self, name: String, query: String, is_system: bool) -> EngineResult<SavedView> {
        let (count, problem) = match RunQuery::read(&query) {
            Ok(read) => {
                let filter = self.filter_of(read).await?;
                let (runs, is_whole) = self.collect(&filter, COUNTED_MAX, |_| ()).await?;
                let n = runs.len() as u64;
                (Some(RunCount { n, is_whole }), None)
            }
            Err(bad) => (None, Some(bad.to_string())),
        };
        Ok(SavedView {
            name,
            query,
            is_system,
            count,
            problem,
        })
    }

    /// Saves a view: a new one, or another query of one that is there.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if the name or the query cannot be, or there are too many.
    pub async fn put_view(&self, name: &str, query: &str, actor: &str) -> EngineResult<()> {
        let name = name.trim();
        check_name(name)?;
        // What is not a query would never show anything.
        self.sought(query).await?;
        let store = &self.parts.shared.store;
        let known = store.views().await?;
        if known.len() >= VIEWS_MAX && !known.iter().any(|view| view.name == name) {
            return Err(wrong(
                "too_many_views",
                format!("there are {VIEWS_MAX} views already; remove one first"),
            ));
        }
        let view = ViewRow {
            name: name.to_owned(),
            query: query.trim().to_owned(),
            updated_at: self.clock().now(),
            actor: actor.to_owned(),
        };
        Ok(store.put_view(view).await?)
    }

    /// Removes a view.
    ///
    /// # Errors
    /// [`EngineError::UnknownView`].
    pub async fn remove_view(&self, name: &str) -> EngineResult<()> {
        match self.parts.shared.store.remove_view(name).await? {
            true => Ok(()),
            false => Err(EngineError::UnknownView(
                name.chars().take(NAME_CHARS_MAX).collect(),
            )),
        }
    }
}

fn check_name(name: &str) -> EngineResult<()> {
    let is_system = SYSTEM.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let has_controls = name.chars().any(char::is_control);
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || has_controls {
        let message = format!("a view's name has 1 to {NAME_CHARS_MAX} characters, all of them visible");
        return Err(wrong("bad_view", message));
    }
    if is_system {
        let message = format!("`{name}` is a view that comes with Pointwork; choose another name");
        return Err(wrong("bad_view", message));
    }
    Ok(())
}

fn wrong(code: &str, message: String) -> EngineError {
    EngineError::Invalid(vec![Problem::error(code, message).at("name")])
}
