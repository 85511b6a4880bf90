//! What the parts of a run's page share, and the addresses within it. One selection holds for graph, timeline and table.

use std::sync::Arc;

use flow::TaskIx;
use flow::plan::Spot;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::run_retry::Again;
use super::run_why::reasons;
use crate::capsule::Capsule;
use crate::format;
use crate::live::run::LiveRun;
use crate::model::Reasons;

/// The ways to look at a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Cards and tracks.
    #[default]
    Graph,
    /// The same as a list.
    Outline,
    /// Rows over time.
    Timeline,
    /// A table.
    Tasks,
    /// What they wrote.
    Log,
}

impl View {
    /// All, in the order of their tabs.
    pub const ALL: [Self; 5] = [Self::Graph, Self::Outline, Self::Timeline, Self::Tasks, Self::Log];

    /// The word in an address; the usual view needs none.
    #[must_use]
    pub const fn key(self) -> Option<&'static str> {
        match self {
            Self::Graph => None,
            Self::Outline => Some("outline"),
            Self::Timeline => Some("timeline"),
            Self::Tasks => Some("tasks"),
            Self::Log => Some("log"),
        }
    }

    fn from_key(key: Option<&str>) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|view| view.key() == key).unwrap_or_default()
    }
}

/// The parameters of an address that stay when another task or view is chosen: the moment, what the table lists, what the timeline
/// shows, which lines of the log there are. What is looked at of a task stays as long as that does.
const KEPT: [&str; 16] = [
    "at", "state", "text", "rows", "under", "sort", "open", "critical", "says", "stream", "before", "after",
    "attempt", "line", "find", "in",
];

/// Those that mean something for the task that is open, and nothing for another.
const OF_TASK: [(&str, Option<&str>); 4] = [("attempt", None), ("line", None), ("find", None), ("in", None)];

/// What the parts of the page share.
#[derive(Clone, Copy)]
pub struct Shared {
    /// The run.
    pub run: LiveRun,
    /// Its id.
    pub id: flow::RunId,
    /// The open task run; it may be that of an item.
    pub selected: Memo<Option<Spot>>,
    /// How the tasks are shown.
    pub view: Memo<View>,
    /// What is asked about running it again.
    pub again: Memo<Option<Again>>,
    /// What only the server knows of why nothing happens.
    pub reasons: Resource<Reasons>,
    /// The file that the run is read from, if no server is asked.
    pub capsule: Option<StoredValue<Arc<Capsule>>>,
    kept: Memo<Vec<(&'static str, String)>>,
}

impl Shared {
    /// What the address says of a run's page.
    pub fn new(run: LiveRun, id: flow::RunId, capsule: Option<Arc<Capsule>>) -> Self {
        let query = use_query_map();
        let is_file = capsule.is_some();
        let again = Memo::new(move |_| {
            let query = query.read();
            let filled = |name: &str| query.get(name).filter(|text| !text.trim().is_empty());
            (query.get("do").as_deref() == Some("retry") && !is_file).then(|| Again {
                from: filled("from"),
                inputs: filled("inputs"),
                mark: filled("mark"),
                output: filled("output"),
            })
        });
        let selected = Memo::new(move |_| {
            let task = match again.get() {
                Some(again) => again.mark.or(again.from),
                None => query.read().get("task"),
            };
            run.with(|state| state.plan().spot(&task?))
        });
        let kept = Memo::new(move |_| {
            let query = query.read();
            let kept = KEPT.into_iter().filter_map(|name| Some((name, query.get(name)?)));
            kept.filter(|(_, value)| !value.is_empty()).collect()
        });
        Self {
            run,
            id,
            selected,
            view: Memo::new(move |_| View::from_key(query.read().get("view").as_deref())),
            again,
            reasons: reasons(run, id, is_file),
            capsule: capsule.map(StoredValue::new),
            kept,
        }
    }

    /// Whether nothing can be done to what is shown: a file, or an earlier moment; followed.
    pub fn is_read_only(self) -> bool {
        self.capsule.is_some() || self.run.is_past()
    }

    /// The page, without what is asked of it.
    pub fn base(self) -> String {
        match self.capsule {
            Some(_) => "/runs/open".to_owned(),
            None => format!("/runs/{}", self.id),
        }
    }

    /// A parameter of the address that stays with the page; followed.
    pub fn param(self, name: &str) -> Option<String> {
        self.kept.with(|kept| {
            let found = kept.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone())
        })
    }

    /// The attempt of the open task that is asked for, if not the newest; it may be none of its attempts. Followed.
    pub fn attempt(self) -> Option<u32> {
        self.param("attempt")?.parse().ok()
    }

    /// The address of this page with another task open.
    pub fn address(self, task: Option<&str>) -> String {
        self.with_query(self.view.get(), &[&[("task", task)], &OF_TASK[..]].concat())
    }

    /// The address of this page with a line of a task run's log open; without a number (0) its attempt.
    pub fn line_address(self, task: &str, attempt: u32, n: u64) -> String {
        let (line, attempt) = match n {
            0 => (None, Some(attempt.to_string())),
            n => (Some(format!("{attempt}:{n}")), None),
        };
        let query = [
            ("task", Some(task)),
            ("attempt", attempt.as_deref()),
            ("line", line.as_deref()),
            ("find", None),
            ("in", None),
        ];
        self.with_query(self.view.get(), &query)
    }

    /// The address of another view of the same.
    pub fn view_address(self, view: View) -> String {
        self.changed(view, &[])
    }

    /// The address of one attempt of the open task, or of all.
    pub fn attempt_address(self, attempt: Option<u32>) -> String {
        let (task, attempt) = (self.selected_key(), attempt.map(|attempt| attempt.to_string()));
        let query = [
            ("task", task.as_deref()),
            ("attempt", attempt.as_deref()),
            ("line", None),
        ];
        self.with_query(self.view.get(), &query)
    }

    /// The address of this page with some parameters changed, in a view.
    pub fn changed(self, view: View, changes: &[(&str, Option<&str>)]) -> String {
        let task = self.selected_key();
        let mut query = vec![("task", task.as_deref())];
        query.extend_from_slice(changes);
        self.with_query(view, &query)
    }

    /// The address of what would run again.
    pub fn retry_address(self, from: Option<&str>) -> String {
        let query = [("do", Some("retry")), ("from", from)];
        self.with_query(self.view.get(), &[&query, &OF_TASK[..]].concat())
    }

    /// The address of what would run if a task or item were marked as succeeded.
    pub fn mark_address(self, path: &str) -> String {
        self.again_address(&Again {
            mark: Some(path.to_owned()),
            ..Again::default()
        })
    }

    /// The same with what is asked about it.
    pub fn again_address(self, again: &Again) -> String {
        let query = [
            ("do", Some("retry")),
            ("from", again.from.as_deref()),
            ("inputs", again.inputs.as_deref()),
            ("mark", again.mark.as_deref()),
            ("output", again.output.as_deref()),
        ];
        self.with_query(self.view.get(), &[&query, &OF_TASK[..]].concat())
    }

    /// The address of a page of the open task's items.
    pub fn items_address(self, state: Option<&str>, first: u32) -> String {
        let task = self.selected_key();
        let first = (first > 0).then(|| first.to_string());
        let query = [
            ("task", task.as_deref()),
            ("items", state),
            ("first", first.as_deref()),
        ];
        self.with_query(self.view.get(), &query)
    }

    /// The address of the page as it is: where its forms are sent without scripts.
    pub fn here(self) -> String {
        match self.again.get() {
            Some(again) => self.again_address(&again),
            None => self.view_address(self.view.get()),
        }
    }

    /// What a form that asks this page for something else has to send along, beside its own fields.
    pub fn hidden_fields(self, view: View, own: &[&str]) -> Vec<(&'static str, String)> {
        let mut fields: Vec<(&'static str, String)> = Vec::new();
        fields.extend(view.key().map(|key| ("view", key.to_owned())));
        fields.extend(self.selected_key().map(|key| ("task", key)));
        fields.extend(self.kept.get());
        fields.retain(|(name, _)| !own.contains(name));
        fields
    }

    fn with_query(self, view: View, query: &[(&str, Option<&str>)]) -> String {
        let kept = self.kept.get();
        let stays = |name: &str| query.iter().all(|(other, _)| *other != name);
        let parts: Vec<String> = std::iter::once(&("view", view.key()))
            .chain(query)
            .filter_map(|(name, value)| Some((*name, (*value)?)))
            .chain(
                kept.iter()
                    .filter(|(name, _)| stays(name))
                    .map(|(name, value)| (*name, value.as_str())),
            )
            .map(|(name, value)| format!("{name}={}", format::url_part(value)))
            .collect();
        let query = match parts.is_empty() {
            true => String::new(),
            false => format!("?{}", parts.join("&")),
        };
        format!("{}{query}", self.base())
    }

    /// The open task run's path.
    pub fn selected_key(self) -> Option<String> {
        let spot = self.selected.get()?;
        self.run.with(|state| Some(state.plan().path(spot).to_string()))
    }

    /// The open task, or that of the open item.
    pub fn selected_task(self) -> Option<TaskIx> {
        self.selected.get().map(|spot| spot.task)
    }
}
