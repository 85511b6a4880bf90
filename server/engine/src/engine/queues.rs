//! Queues: what holds for them, how they stand, why attempts wait in them.

use std::collections::{BTreeMap, BTreeSet};

use flow::Problem;
use flow::RunId;
use flow::ids::is_slug;
use flow::view::WhyView;

use super::Engine;
use crate::error::{EngineError, EngineResult};
use crate::queues::{Ask, QueueLimits, Standing};

/// How a queue stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// Its name.
    pub name: String,
    /// What holds for it.
    pub limits: QueueLimits,
    /// Whether that was set while the engine worked; else it is as configured.
    pub is_set: bool,
    /// Attempts that are made, here and elsewhere.
    pub n_running: u32,
    /// Attempts that wait.
    pub n_waiting: usize,
    /// Workers in other processes that asked for work lately.
    pub workers: Vec<String>,
}

/// Says what is wrong with a queue's name and limits.
pub(crate) fn check_queue(name: &str, limits: &QueueLimits) -> EngineResult<()> {
    if !is_slug(name) {
        let message = format!(
            "`{}` cannot be a queue's name: lower case letters, digits, `-` and `_`, at most 64",
            name.escape_debug()
        );
        return Err(EngineError::Invalid(vec![
            Problem::error("bad_queue", message).at("queue"),
        ]));
    }
    limits.check().map_err(|(field, message)| {
        EngineError::Invalid(vec![Problem::error("bad_limit", message).at(field)])
    })
}

impl Engine {
    /// All queues of which something is known: set, configured, used since the start, or asked for by a worker.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn queues(&self) -> EngineResult<Vec<QueueView>> {
        let set: BTreeSet<String> = self
            .parts
            .shared
            .store
            .queues()
            .await?
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let mut standings = self.parts.queues.show().await;
        let mut workers: BTreeMap<String, Vec<String>> = self.parts.remote.workers().into_iter().collect();
        let names: BTreeSet<String> = standings.keys().chain(workers.keys()).cloned().collect();
        let views = names.into_iter().map(|name| {
            let Standing {
                limits,
                n_running,
                n_waiting,
            } = standings.remove(&name).unwrap_or_default();
            QueueView {
                limits,
                is_set: set.contains(&name),
                n_running,
                n_waiting,
                workers: workers.remove(&name).unwrap_or_default(),
                name,
            }
        });
        Ok(views.collect())
    }

    /// A queue; one that nobody has heard of has no limits.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn queue(&self, name: &str) -> EngineResult<QueueView> {
        let known = self.queues().await?.into_iter().find(|view| view.name == name);
        Ok(known.unwrap_or_else(|| QueueView {
            name: name.to_owned(),
            limits: QueueLimits::default(),
            is_set: false,
            n_running: 0,
            n_waiting: 0,
            workers: Vec::new(),
        }))
    }

    /// Sets what holds for a queue, instead of what the configuration says. What runs goes on; what waits is judged anew.
    ///
    /// # Errors
    /// [`EngineError::Invalid`]; if it cannot be stored.
    pub async fn set_queue(&self, name: &str, limits: QueueLimits) -> EngineResult<()> {
        check_queue(name, &limits)?;
        let json = serde_json::to_string(&limits)
            .map_err(|error| EngineError::BadRequest(format!("the limits cannot be written: {error}")))?;
        self.parts.shared.store.put_queue(name, Some(json)).await?;
        self.tell_limits(name, limits);
        Ok(())
    }

    /// Forgets what was set for a queue: it is as configured again.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub async fn reset_queue(&self, name: &str) -> EngineResult<()> {
        self.parts.shared.store.put_queue(name, None).await?;
        let configured = self.parts.configured.get(name).cloned();
        self.tell_limits(name, configured.unwrap_or_default());
        Ok(())
    }

    fn tell_limits(&self, name: &str, limits: QueueLimits) {
        let queue = name.to_owned();
        self.parts.queues.tell(Ask::Limits { queue, limits });
    }

    /// Says more of attempts that wait in a queue or that workers elsewhere have.
    pub(super) async fn tell_of_queues(&self, run: RunId, told: &mut [WhyView]) {
        let held = self.parts.queues.why(run).await;
        let progress = self.parts.remote.progress(run);
        for why in told {
            if why.kind == "worker"
                && let Some(held) = held.iter().find(|held| *held.path == *why.path)
            {
                held.kind.clone_into(&mut why.kind);
                why.reason.clone_from(&held.reason);
                why.since = Some(held.since);
                why.until = held.until.into_iter().chain(why.until).min();
            }
            if why.kind == "runs"
                && let Some((_, progress)) = progress.iter().find(|(path, _)| *path == why.path)
            {
                why.reason = format!("{}: {progress}", why.reason);
            }
        }
    }
}
