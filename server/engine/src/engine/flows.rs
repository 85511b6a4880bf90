//! Flows: saved as versions, listed, archived.

use std::collections::BTreeMap;

use flow::drawing::{Written, is_only_redrawn};
use flow::parse::Format;
use flow::validate::Checked;
use flow::view::{FlowDetail, FlowSummary, FlowVersionView, Page};
use flow::{FlowDoc, Problem, Severity};
use serde_json::{Map, Value};

use super::Engine;
use crate::error::{EngineError, EngineResult};
use crate::notify;
use crate::secrets::references;
use crate::store::listing::{LATEST_RUNS_MAX, dot};
use crate::store::{NewSchedule, NewVersion, RunFilter};

/// Flows that one document's tasks run and that are looked for when it is checked.
const FLOWS_LOOKED_FOR_MAX: usize = 100;

/// A document to be saved.
#[derive(Clone, Debug)]
pub struct SaveFlow {
    /// Its text.
    pub source: Vec<u8>,
    /// What it is written in.
    pub format: Format,
    /// The id it must have, if the caller knows it.
    pub id: Option<String>,
    /// What must be the newest version: `Some(0)` if the flow must be new.
    pub expected: Option<u32>,
    /// Who saves it.
    pub actor: String,
}

/// What became of a saved document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The flow's id.
    pub id: String,
    /// Its newest version: a new number, or the old one if nothing changed.
    pub version: u32,
    /// What its author would want to know.
    pub warnings: Vec<Problem>,
}

impl Engine {
    /// Everything that is wrong with a document; nothing is stored.
    ///
    /// # Errors
    /// Only if the process can start no thread for it: a large document would hold up everything else on this one.
    pub async fn check(&self, source: Vec<u8>, format: Format) -> EngineResult<(Vec<u8>, Checked)> {
        let types = self.catalog().await?;
        let check = move || {
            let checked = flow::validate::check(&source, format, &types);
            (source, checked)
        };
        let (source, mut checked) =
            self.parts
                .shared
                .runtime
                .spawn_blocking(check)
                .await
                .map_err(|error| {
                    EngineError::Unavailable(format!("the document could not be checked: {error}"))
                })?;
        if let Some(doc) = &checked.doc {
            checked.problems.extend(self.missing_flows(doc).await?);
        }
        Ok((source, checked))
    }

    /// Warnings about flows that a document's tasks run and that are not there. They may be saved later, so these are no errors.
    async fn missing_flows(&self, doc: &FlowDoc) -> EngineResult<Vec<Problem>> {
        let mut known: BTreeMap<String, Option<bool>> = BTreeMap::new();
        let mut warnings = Vec::new();
        for (place, name) in run_by(doc) {
            if !known.contains_key(&name) {
                if known.len() >= FLOWS_LOOKED_FOR_MAX {
                    break;
                }
                let found = self.parts.shared.store.flow(&name, None).await?;
                known.insert(name.clone(), found.map(|found| found.archived));
            }
            let message = match known.get(&name) {
                Some(None) => format!("there is no flow `{}` yet", name.escape_debug()),
                Some(Some(true)) => format!("the flow `{name}` is archived and takes no new runs"),
                _ => continue,
            };
            warnings.push(Problem::warning("unknown_flow", message).at(place));
        }
        Ok(warnings)
    }

    /// Saves a document as a new flow or a new version of one.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] with all problems; [`EngineError::VersionConflict`] if `expected` does not hold.
    pub async fn save_flow(&self, save: SaveFlow) -> EngineResult<Saved> {
        let (source, checked) = self.check(save.source, save.format).await?;
        let (warnings, errors): (Vec<_>, Vec<_>) = checked
            .problems
            .into_iter()
            .partition(|problem| problem.severity == Severity::Warning);
        let Some(doc) = checked.doc.filter(|_| errors.is_empty()) else {
            return Err(EngineError::Invalid(errors.into_iter().chain(warnings).collect()));
        };
        if let Some(id) = save.id.filter(|id| *id != doc.flow) {
            let message = format!(
                "the document is of flow `{}`, not `{id}`; change its `flow` or the address",
                doc.flow
            );
            return Err(EngineError::Invalid(vec![
                Problem::error("id_mismatch", message).at("flow"),
            ]));
        }
        let source = String::from_utf8_lossy(&source).into_owned();
        let version = self
            .store_version(&doc, source, save.format, save.expected, save.actor)
            .await?;
        Ok(Saved {
            id: doc.flow,
            version,
            warnings,
        })
    }

    /// Saves a document that was made rather than written, such as a translated one. It must be valid.
    ///
    /// # Errors
    /// As [`Engine::save_flow`].
    pub async fn save_document(&self, doc: &FlowDoc, actor: &str) -> EngineResult<Saved> {
        let problems = flow::validate::validate(doc, &self.catalog().await?);
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(EngineError::Invalid(problems));
        }
        let source = flow::parse::to_yaml(doc);
        let version = self
            .store_version(doc, source, Format::Yaml, None, actor.to_owned())
            .await?;
        Ok(Saved {
            id: doc.flow.clone(),
            version,
            warnings: problems,
        })
    }

    async fn store_version(
        &self,
        doc: &FlowDoc,
        source: String,
        format: Format,
        expected: Option<u32>,
        actor: String,
    ) -> EngineResult<u32> {
        let document = serde_json::to_string(doc)
            .map_err(|error| EngineError::BadRequest(format!("the document cannot be written: {error}")))?;
        let redraws = self.redrawn(doc, &source, format).await?;
        let new = NewVersion {
            flow: doc.flow.clone(),
            name: doc.title().to_owned(),
            description: doc.description.clone(),
            n_tasks: n_tasks(doc),
            source,
            format: format.key().to_owned(),
            document,
            at: self.parts.shared.clock.now(),
            actor,
            expected,
            redraws,
            schedules: schedules(doc),
            references: references(doc),
            follows: doc
                .after
                .iter()
                .map(|(name, after)| (name.clone(), after.flow.clone()))
                .collect(),
            rules: notify::rules(doc),
        };
        let saved = self.parts.shared.store.save_flow(new).await;
        self.parts.shared.flows.forget_newest(&doc.flow, redraws);
        self.parts.shared.flows.reread_followed().await?;
        self.parts.clerk.look();
        self.parts.shared.bells.look();
        saved.map_err(|error| match EngineError::from(error) {
            EngineError::VersionConflict {
                expected, current, ..
            } => EngineError::VersionConflict {
                flow: doc.flow.clone(),
                expected,
                current,
            },
            other => other,
        })
    }

    /// The newest version of a flow if a text says the same and only draws it otherwise.
    async fn redrawn(&self, doc: &FlowDoc, source: &str, format: Format) -> EngineResult<Option<u32>> {
        let Some(newest) = self.parts.shared.store.flow(&doc.flow, None).await? else {
            return Ok(None);
        };
        let (Ok(before), Some(before_format)) = (
            serde_json::from_str::<FlowDoc>(&newest.document),
            Format::from_key(&newest.format),
        ) else {
            return Ok(None);
        };
        let before = Written {
            doc: &before,
            source: &newest.source,
            format: before_format,
        };
        Ok(is_only_redrawn(before, Written { doc, source, format }).then_some(newest.version))
    }

    /// Flows by id.
    ///
    /// # Errors
    /// If the store cannot be read or the cursor is none.
    pub async fn flows(
        &self,
        text: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> EngineResult<Page<FlowSummary>> {
        Ok(self.parts.shared.store.flows(text, cursor, limit).await?)
    }

    /// The flows of which a run was made last, newest first, then those without runs by name; archived ones are left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn latest_flows(&self, limit: usize) -> EngineResult<Vec<FlowSummary>> {
        Ok(self.parts.shared.store.latest_flows(limit).await?)
    }

    /// How many flows there are; archived ones are left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn count_flows(&self) -> EngineResult<u64> {
        Ok(self.parts.shared.store.count_flows().await?)
    }

    /// A flow, its newest version or a named one.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`].
    pub async fn flow(&self, id: &str, version: Option<u32>) -> EngineResult<FlowDetail> {
        let store = &self.parts.shared.store;
        let named = || version.map_or_else(|| id.to_owned(), |version| format!("{id} version {version}"));
        let stored = store
            .flow(id, version)
            .await?
            .ok_or_else(|| EngineError::UnknownFlow(named()))?;
        let document: FlowDoc = serde_json::from_str(&stored.document).map_err(|error| {
            EngineError::Unavailable(format!(
                "version {} of {id} cannot be read: {error}",
                stored.version
            ))
        })?;
        let warnings = flow::validate::validate(&document, &self.catalog().await?);
        let filter = RunFilter {
            flow: Some(id.to_owned()),
            ..RunFilter::default()
        };
        let latest = store.runs(&filter, None, LATEST_RUNS_MAX).await?;
        let summary = FlowSummary {
            id: id.to_owned(),
            name: document.title().to_owned(),
            description: document.description.clone(),
            version: stored.newest,
            updated_at: stored.created_at,
            n_tasks: n_tasks(&document),
            runs: store.stats(Some(id)).await?.runs,
            latest_runs: latest.items.iter().map(dot).collect(),
        };
        Ok(FlowDetail {
            summary,
            shown_version: stored.version,
            document,
            source: stored.source,
            format: stored.format,
            warnings,
        })
    }

    /// The versions of a flow, newest first.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`].
    pub async fn flow_versions(&self, id: &str) -> EngineResult<Vec<FlowVersionView>> {
        let store = &self.parts.shared.store;
        let mut versions = store.flow_versions(id).await?;
        if versions.is_empty() {
            return Err(EngineError::UnknownFlow(id.to_owned()));
        }
        let mut messages = store.messages(id).await?;
        let mut names = store.version_names(id).await?;
        for view in &mut versions {
            view.message = messages.remove(&view.version);
            view.name = names.remove(&view.version);
        }
        Ok(versions)
    }

    /// Hides a flow from lists and refuses new runs of it; its runs stay.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`].
    pub async fn archive_flow(&self, id: &str) -> EngineResult<()> {
        let found = self.parts.shared.store.archive_flow(id).await?;
        self.parts.shared.flows.forget_newest(id, None);
        self.parts.shared.flows.reread_followed().await?;
        self.parts.clerk.look();
        self.parts.shared.bells.look();
        if found {
            Ok(())
        } else {
            Err(EngineError::UnknownFlow(id.to_owned()))
        }
    }
}

/// The flows that tasks run, as far as they are known before a run, with the fields that name them. A flow may run itself.
fn run_by(doc: &FlowDoc) -> Vec<(String, String)> {
    let groups = [
        ("tasks", &doc.tasks),
        ("finally", &doc.finally),
        ("on_failure", &doc.on_failure),
    ];
    let mut found = Vec::new();
    for (group, tasks) in groups {
        for (id, task) in tasks {
            let runs = |task_type: &str, with: &Map<String, Value>| match with.get("flow") {
                Some(Value::String(flow)) if task_type == "subflow" && !flow.contains('{') => {
                    Some(flow.clone())
                }
                _ => None,
            };
            let unrolled = task.unrolled();
            let own = runs(&unrolled.task_type, &unrolled.with)
                .map(|flow| (format!("{group}.{id}.with.flow"), flow));
            let undo = task
                .undo
                .as_ref()
                .and_then(|undo| runs(&undo.task_type, &undo.with));
            let undo = undo.map(|flow| (format!("{group}.{id}.undo.with.flow"), flow));
            found.extend(own.into_iter().chain(undo));
        }
    }
    found.retain(|(_, flow)| *flow != doc.flow);
    found
}

fn schedules(doc: &FlowDoc) -> Vec<NewSchedule> {
    let all = doc.schedules.iter().map(|(name, schedule)| NewSchedule {
        name: name.clone(),
        spec: serde_json::to_string(schedule).unwrap_or_default(),
    });
    all.collect()
}

fn n_tasks(doc: &FlowDoc) -> u32 {
    (doc.tasks.len() + doc.finally.len() + doc.on_failure.len()) as u32
}
