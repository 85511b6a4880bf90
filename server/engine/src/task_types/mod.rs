//! The task types there are.
//!
//! The light ones (`noop`, `log`, `fail`, `transform`, `switch`, `delay`, and those that wait for the world, for people and for other
//! runs) are evaluated where runs are decided; of them only what
//! palette and validation need is here. All others do their work in attempts.

mod declared;
#[cfg(test)]
pub(crate) mod harness;
mod http;
mod jq;
mod light;
mod mail;
mod predecessors;
pub mod shell;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use flow::doc::ScheduleDoc;
use flow::run::event::TaskError;
use serde_json::Value;

use crate::mail::Post;
pub use crate::mail::{Certificates, MailOptions};
use crate::schedules::calendar::BadSchedule;
use crate::schedules::calendar_of;
use crate::store::lanes::DeclaredType;
use crate::task_type::{TaskType, TaskTypeInfo};

pub(crate) use declared::Types;
pub use http::HttpOptions;
pub(crate) use http::{Client as HttpClient, permitted};
pub use jq::{JQ_CHILD_ARGUMENT, jq_child_main};

/// How the built-in types are set up.
#[derive(Clone, Debug, Default)]
pub struct BuiltinOptions {
    /// Where `http.request`, mails and notifications may go.
    pub http: HttpOptions,
    /// How mails are sent.
    pub mail: MailOptions,
    /// A program that calls [`jq_child_main`] when its first argument is [`JQ_CHILD_ARGUMENT`]: jq programs then run in a process
    /// of their own, with bounded memory, that can be ended. Without it they run on a thread.
    pub jq_helper: Option<PathBuf>,
}

/// Why a task type was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// A key names one type.
    #[error("there are two task types called `{0}`; give one of them another key")]
    Duplicate(String),
    /// Nothing to switch off.
    #[error("`{0}` cannot be switched off: there is no such task type")]
    Unknown(String),
}

/// What is registered under a key.
pub enum Found {
    /// A type that does its work in attempts.
    Type(Arc<dyn TaskType>, Arc<TaskTypeInfo>),
    /// None; an attempt fails with this.
    Missing(TaskError),
}

/// The task types there are, by key.
#[derive(Clone, Default)]
pub struct TypeRegistry {
    entries: BTreeMap<String, Entry>,
    disabled: BTreeSet<String>,
    /// Types that workers elsewhere do, with their queues.
    elsewhere: BTreeMap<String, Vec<String>>,
}

#[derive(Clone)]
struct Entry {
    info: Arc<TaskTypeInfo>,
    /// Light types have none, nor do those that only workers elsewhere do.
    task_type: Option<Arc<dyn TaskType>>,
    is_here: bool,
}

impl TypeRegistry {
    /// All built-in types.
    #[must_use]
    pub fn builtin(options: &BuiltinOptions) -> Self {
        let mut registry = Self::default();
        for info in light::infos() {
            registry.insert(info, None);
        }
        let types: [Arc<dyn TaskType>; 7] = [
            Arc::new(jq::Transform::new(options.jq_helper.clone())),
            Arc::new(http::HttpRequest::new(options.http.clone())),
            Arc::new(shell::Shell),
            Arc::new(mail::MailSend::new(Post::new(options))),
            Arc::new(predecessors::FetchData::new(options.http.clone())),
            Arc::new(predecessors::ProcessData),
            Arc::new(predecessors::StoreData),
        ];
        for task_type in types {
            registry.insert(task_type.info(), Some(task_type));
        }
        registry
    }

    fn insert(&mut self, info: TaskTypeInfo, task_type: Option<Arc<dyn TaskType>>) {
        self.entries.insert(
            info.key.clone(),
            Entry {
                info: Arc::new(info),
                task_type,
                is_here: true,
            },
        );
    }

    /// Adds a type.
    ///
    /// # Errors
    /// If its key is taken.
    pub fn add(&mut self, task_type: Arc<dyn TaskType>) -> Result<(), RegistryError> {
        let info = task_type.info();
        if self.entries.contains_key(&info.key) {
            return Err(RegistryError::Duplicate(info.key));
        }
        self.insert(info, Some(task_type));
        Ok(())
    }

    /// Switches types off: flows that use them are refused, attempts of older ones fail.
    ///
    /// # Errors
    /// If there is no such type.
    pub fn disable<'k>(&mut self, keys: impl IntoIterator<Item = &'k str>) -> Result<(), RegistryError> {
        for key in keys {
            if !self.entries.contains_key(key) {
                return Err(RegistryError::Unknown(key.to_owned()));
            }
            self.disabled.insert(key.to_owned());
        }
        Ok(())
    }

    /// The same, and what workers elsewhere have declared. Of a type that this server has, only the queues are noted.
    #[must_use]
    pub(crate) fn with_declared(&self, declared: &[DeclaredType]) -> Self {
        let mut all = self.clone();
        let mut newest: BTreeMap<&str, &DeclaredType> = BTreeMap::new();
        for one in declared {
            all.elsewhere
                .entry(one.key.clone())
                .or_default()
                .push(one.queue.clone());
            let known = newest.entry(&one.key).or_insert(one);
            if known.declared_at < one.declared_at {
                *known = one;
            }
        }
        for queues in all.elsewhere.values_mut() {
            queues.sort_unstable();
        }
        for one in newest.into_values().filter(|one| !self.has(&one.key)) {
            let info = TaskTypeInfo {
                key: one.key.clone(),
                title: one.title.clone(),
                summary: one.summary.clone(),
                category: "worker".to_owned(),
                icon: "box".to_owned(),
                input_schema: one.input_schema.clone(),
                output_schema: one.output_schema.clone(),
                blocking: false,
            };
            let entry = Entry {
                info: Arc::new(info),
                task_type: None,
                is_here: false,
            };
            all.entries.insert(one.key.clone(), entry);
        }
        all
    }

    /// Whether there is a type of this key, switched off or not.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The queues whose workers have declared a type.
    #[must_use]
    pub fn queues_of(&self, key: &str) -> &[String] {
        self.elsewhere.get(key).map_or(&[], Vec::as_slice)
    }

    /// Whether this server makes attempts of a type itself, or evaluates it.
    #[must_use]
    pub fn is_local(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.is_here)
    }

    /// What an attempt of this type runs.
    #[must_use]
    pub fn find(&self, key: &str) -> Found {
        if self.disabled.contains(key) {
            return Found::Missing(
                TaskError::new(
                    "disabled_type",
                    format!("the task type `{key}` is switched off by the configuration"),
                )
                .permanent(),
            );
        }
        match self.entries.get(key) {
            Some(Entry {
                info,
                task_type: Some(task_type),
                ..
            }) => Found::Type(Arc::clone(task_type), Arc::clone(info)),
            _ => Found::Missing(
                TaskError::new("unknown_type", format!("this server has no task type `{key}`")).permanent(),
            ),
        }
    }

    /// What palette and forms know of a type, unless it is switched off.
    #[must_use]
    pub fn info(&self, key: &str) -> Option<&Arc<TaskTypeInfo>> {
        if self.disabled.contains(key) {
            None
        } else {
            self.entries.get(key).map(|entry| &entry.info)
        }
    }

    /// All types that are not switched off, by key.
    pub fn infos(&self) -> impl Iterator<Item = &Arc<TaskTypeInfo>> {
        self.entries
            .iter()
            .filter(|(key, _)| !self.disabled.contains(*key))
            .map(|(_, entry)| &entry.info)
    }
}

impl flow::validate::TypeCatalog for TypeRegistry {
    fn input_schema(&self, task_type: &str) -> Option<&Value> {
        self.info(task_type).map(|info| &info.input_schema)
    }

    fn queues(&self, task_type: &str) -> Option<Vec<&str>> {
        if !self.has(task_type) || self.is_local(task_type) {
            return None;
        }
        let queues = self.queues_of(task_type).iter();
        Some(queues.map(String::as_str).collect())
    }

    fn known(&self) -> Vec<&str> {
        self.infos().map(|info| info.key.as_str()).collect()
    }

    fn check_schedule(&self, schedule: &ScheduleDoc) -> Result<(), (&'static str, String)> {
        match calendar_of(schedule) {
            Ok(_) => Ok(()),
            Err(error @ BadSchedule::Zone(_)) => Err(("timezone", error.to_string())),
            Err(error) => Err(("cron", error.to_string())),
        }
    }
}

/// The end of a text that may be long, for a message.
fn last_chars(text: &str, max: usize) -> &str {
    if text.len() <= max {
        text
    } else {
        &text[text.ceil_char_boundary(text.len() - max)..]
    }
}

/// The beginning of a text that may be long, for a message.
fn first_chars(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
