//! Drafts, versions, and documents that are tried out.

use std::collections::BTreeMap;

use app::AppError;
use app::backend::edit::EditBackend;
use app::editor::changes;
use app::fns::edit::Saved;
use app::model::edit::{
    DraftAsk, DraftKept, DraftView, GivenFrom, GivenView, HistoryPage, LastView, PublishAsk,
    RecordedTaskView, RecordedView, ReplayRow, TrialAsk, TrialView, TurnView,
};
use app::values::Part;
use async_trait::async_trait;
use engine::{EngineError, SaveDraft, SaveFlow, StartTrial};
use flow::Severity;
use flow::parse::Format;
use serde_json::Value;

use super::{ACTOR, EngineBackend, told};

/// Bytes of an output's JSON that the editor is sent: it shows it and gives it again in simulations.
const OUTPUT_BYTES_SENT: usize = 64 * 1024;

/// Bytes of all of them together.
const OUTPUTS_BYTES_SENT: usize = 1024 * 1024;

impl EngineBackend {
    async fn newest(&self, flow: &str) -> Result<u32, AppError> {
        match self.engine.flow_versions(flow).await {
            Ok(versions) => Ok(versions.first().map_or(0, |newest| newest.version)),
            Err(EngineError::UnknownFlow(_)) => Ok(0),
            Err(error) => Err(told(error)),
        }
    }
}

#[async_trait]
impl EditBackend for EngineBackend {
    fn new_owner(&self) -> String {
        self.engine.new_owner()
    }

    async fn draft(&self, owner: String, flow: Option<String>) -> Result<Option<DraftView>, AppError> {
        let draft = self.engine.draft(&owner, flow.as_deref()).await.map_err(told)?;
        Ok(draft.map(|draft| DraftView {
            base: draft.base,
            source: draft.source,
            saved_at: draft.saved_at,
        }))
    }

    async fn save_draft(&self, owner: String, ask: DraftAsk) -> Result<DraftKept, AppError> {
        let newest = match &ask.flow {
            Some(flow) => self.newest(flow).await?,
            None => 0,
        };
        let save = SaveDraft {
            owner,
            flow: ask.flow,
            base: ask.base,
            source: ask.source,
            after: ask.after,
        };
        Ok(DraftKept {
            saved_at: self.engine.save_draft(save).await.map_err(told)?,
            newest,
        })
    }

    async fn discard_draft(&self, owner: String, flow: Option<String>) -> Result<(), AppError> {
        self.engine
            .discard_draft(&owner, flow.as_deref())
            .await
            .map_err(told)
    }

    async fn publish(&self, ask: PublishAsk) -> Result<Saved, AppError> {
        let format = Format::guess(ask.source.as_bytes());
        let read = flow::parse::pieces::outline(&ask.source, format).ok();
        let id = read.and_then(|read| Some(read.value.get("flow")?.as_str()?.to_owned()));
        let save = SaveFlow {
            source: ask.source.into_bytes(),
            format,
            id: None,
            expected: Some(ask.base),
            actor: ACTOR.to_owned(),
        };
        let name = ask.name.trim();
        // A name that another version has is told before anything is saved.
        if let Some(id) = id.filter(|_| !name.is_empty()) {
            self.engine.check_version_name(&id, name).await.map_err(told)?;
        }
        let saved = self.engine.publish(save, &ask.message).await.map_err(told)?;
        if !name.is_empty() {
            let named = self.engine.name_version(&saved.id, saved.version, Some(name));
            named.await.map_err(told)?;
        }
        Ok(Saved {
            flow: saved.id,
            version: saved.version,
            warnings: saved.warnings,
        })
    }

    async fn history(
        &self,
        flow: String,
        from: Option<u32>,
        to: Option<u32>,
    ) -> Result<HistoryPage, AppError> {
        let versions = self.engine.flow_versions(&flow).await.map_err(told)?;
        let newest = versions.first().map_or(1, |newest| newest.version);
        let to = to.unwrap_or(newest);
        let from = from.unwrap_or_else(|| to.saturating_sub(1));
        let newer = self.engine.flow(&flow, Some(to)).await.map_err(told)?;
        let diff = match from {
            0 => None,
            from => {
                let older = self.engine.flow(&flow, Some(from)).await.map_err(told)?;
                Some(changes::between((from, &older.document), (to, &newer.document)))
            }
        };
        Ok(HistoryPage {
            flow,
            name: newer.summary.name,
            versions,
            diff,
        })
    }

    async fn name_version(&self, flow: String, version: u32, name: Option<String>) -> Result<(), AppError> {
        let named = self.engine.name_version(&flow, version, name.as_deref());
        named.await.map_err(told)
    }

    async fn restore(&self, flow: String, version: u32) -> Result<u32, AppError> {
        let old = self.engine.flow(&flow, Some(version)).await.map_err(told)?;
        let save = SaveFlow {
            source: old.source.into_bytes(),
            format: Format::from_key(&old.format).unwrap_or(Format::Yaml),
            id: Some(flow),
            expected: Some(old.summary.version),
            actor: ACTOR.to_owned(),
        };
        let message = format!("Version {version} again");
        Ok(self.engine.publish(save, &message).await.map_err(told)?.version)
    }

    async fn start_trial(&self, ask: TrialAsk) -> Result<TrialView, AppError> {
        let format = Format::guess(ask.source.as_bytes());
        let source = ask.source.into_bytes();
        let (source, checked) = self.engine.check(source, format).await.map_err(told)?;
        let is_right = checked
            .problems
            .iter()
            .all(|problem| problem.severity != Severity::Error);
        let Some(document) = checked.doc.filter(|_| is_right) else {
            return Err(told(EngineError::Invalid(checked.problems)));
        };
        let inputs = flow::inputs::from_form(&document, &ask.fields)
            .map_err(|problems| told(EngineError::Invalid(problems)))?;
        let start = StartTrial {
            source,
            format,
            inputs,
            scope: ask.scope,
            is_reusing: ask.is_reusing,
            outputs: ask.outputs,
            actor: ACTOR.to_owned(),
        };
        let started = self.engine.start_trial(start).await.map_err(told)?;
        Ok(TrialView {
            run: started.run,
            reused: started.reused,
            unknown: started.unknown,
        })
    }

    async fn trial_outputs(&self, ask: TrialAsk) -> Result<Vec<GivenView>, AppError> {
        let start = StartTrial {
            format: Format::guess(ask.source.as_bytes()),
            source: ask.source.into_bytes(),
            inputs: Value::Null,
            scope: ask.scope,
            is_reusing: ask.is_reusing,
            outputs: BTreeMap::new(),
            actor: ACTOR.to_owned(),
        };
        let given = self.engine.trial_outputs(&start).await.map_err(told)?;
        let given = given.into_iter().map(|given| GivenView {
            task: given.task,
            part: Part::of(&given.output),
            from: match given.from {
                engine::GivenFrom::Pin => GivenFrom::Pin,
                engine::GivenFrom::Run(run) => GivenFrom::Run(run),
                engine::GivenFrom::Nowhere => GivenFrom::Nowhere,
            },
        });
        Ok(given.collect())
    }

    async fn last_of_task(&self, flow: String, task: String) -> Result<Option<LastView>, AppError> {
        let last = self.engine.last_of_task(&flow, &task).await.map_err(told)?;
        Ok(last.map(|(run, view)| LastView {
            run: run.id,
            version: run.version,
            at: view.ready_at,
            status: view.state,
            error: view.error.map(|error| error.message),
        }))
    }

    async fn recorded(&self, flow: String) -> Result<Option<RecordedView>, AppError> {
        let Some((run, recorded)) = self.engine.last_recorded(&flow).await.map_err(told)? else {
            return Ok(None);
        };
        let mut left = OUTPUTS_BYTES_SENT;
        let tasks = recorded.tasks.into_iter().map(|(key, task)| {
            let fits = |output: &Value| {
                let bytes = output.to_string().len();
                let fits = bytes <= OUTPUT_BYTES_SENT && bytes <= left;
                left -= if fits { bytes } else { 0 };
                fits
            };
            let had = task.output.is_some();
            let output = task.output.filter(fits);
            let view = RecordedTaskView {
                status: task.status,
                is_large: had && output.is_none(),
                output,
            };
            (key, view)
        });
        Ok(Some(RecordedView {
            run: run.id,
            inputs: recorded.inputs,
            tasks: tasks.collect(),
        }))
    }

    async fn replay(&self, source: String, n: usize) -> Result<Vec<ReplayRow>, AppError> {
        let format = Format::guess(source.as_bytes());
        let replayed = self
            .engine
            .replay_runs(source.into_bytes(), format, n)
            .await
            .map_err(told)?;
        let rows = replayed.into_iter().map(|(run, replayed)| {
            let (replayed, refused) = match replayed {
                Ok(replayed) => (Some(replayed), None),
                Err(why) => (None, Some(why)),
            };
            let turn = replayed.as_ref().and_then(|replayed| replayed.turn.clone());
            ReplayRow {
                run: run.id,
                at: run.created_at,
                was: run.state,
                is: replayed.as_ref().and_then(|replayed| replayed.status),
                turn: turn.map(|turn| TurnView {
                    task: turn.task,
                    was: turn.was,
                    is: turn.is,
                }),
                guessed: replayed.map(|replayed| replayed.guessed).unwrap_or_default(),
                refused,
            }
        });
        Ok(rows.collect())
    }
}
