//! Runs and flows for tests, from the two or three things a test cares about.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::run::event::{Ended, Event, EventKind};
use flow::view::{ErrorView, RunStatus, RunSummary, TaskCounts};
use flow::{Payload, RunId, Timestamp};
use serde_json::json;

use crate::store::{
    Committed, Idempotency, MessageId, NewVersion, OutboxRow, References, RunDecision, RunRow, ShardEpochs,
    Store,
};

/// 2023-11-14T22:13:20Z.
pub(super) const START_MS: i64 = 1_700_000_000_000;

pub(in crate::store) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START_MS + ms)
}

/// The `n`th run: created `n` milliseconds after the start.
pub(in crate::store) fn id(n: i64) -> RunId {
    RunId::new(
        at(n),
        u128::from(n.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15),
    )
}

/// A decision in the making: what a test does not say is what a plain run would have.
#[derive(Clone, Debug)]
pub(in crate::store) struct Draft {
    pub(in crate::store) n: i64,
    flow: &'static str,
    first_seq: u64,
    n_events: u64,
    state: RunStatus,
    labels: Vec<(&'static str, &'static str)>,
    error: Option<&'static str>,
    key: Option<(&'static str, u64)>,
    lasted_ms: i64,
    parent: Option<i64>,
    retry_of: Option<i64>,
    messages: Vec<OutboxRow>,
    takes: Vec<MessageId>,
}

/// A first decision of the `n`th run: three events, and it has succeeded.
pub(in crate::store) fn run(n: i64) -> Draft {
    Draft {
        n,
        flow: "orders",
        first_seq: 1,
        n_events: 3,
        state: RunStatus::Succeeded,
        labels: Vec::new(),
        error: None,
        key: None,
        lasted_ms: 5,
        parent: None,
        retry_of: None,
        messages: Vec::new(),
        takes: Vec::new(),
    }
}

impl Draft {
    pub(in crate::store) fn of(self, flow: &'static str) -> Self {
        Self { flow, ..self }
    }

    pub(in crate::store) fn events(self, first_seq: u64, n_events: u64) -> Self {
        Self {
            first_seq,
            n_events,
            ..self
        }
    }

    pub(in crate::store) fn state(self, state: RunStatus) -> Self {
        Self { state, ..self }
    }

    pub(in crate::store) fn label(mut self, label: &'static str, value: &'static str) -> Self {
        self.labels.push((label, value));
        self
    }

    pub(in crate::store) fn error(self, error: &'static str) -> Self {
        Self {
            error: Some(error),
            state: RunStatus::Failed,
            ..self
        }
    }

    pub(in crate::store) fn key(self, key: &'static str, inputs_hash: u64) -> Self {
        Self {
            key: Some((key, inputs_hash)),
            ..self
        }
    }

    pub(in crate::store) fn lasted(self, lasted_ms: i64) -> Self {
        Self { lasted_ms, ..self }
    }

    /// Started by a task of the `n`th run.
    pub(in crate::store) fn child_of(self, n: i64) -> Self {
        Self {
            parent: Some(n),
            ..self
        }
    }

    /// Made from the `n`th run.
    pub(in crate::store) fn retry_of(self, n: i64) -> Self {
        Self {
            retry_of: Some(n),
            ..self
        }
    }

    /// It sends a message of this number.
    pub(in crate::store) fn sends(mut self, seq: u64, body: &str) -> Self {
        self.messages.push(OutboxRow {
            id: message(self.n, seq),
            body: body.into(),
        });
        self
    }

    /// It is the answer to a message of the `n`th run.
    pub(in crate::store) fn takes(mut self, n: i64, seq: u64) -> Self {
        self.takes.push(message(n, seq));
        self
    }

    pub(in crate::store) fn summary(&self) -> RunSummary {
        let started_at = (self.state != RunStatus::Queued).then(|| at(self.n + 1));
        RunSummary {
            id: id(self.n),
            flow: self.flow.to_owned(),
            flow_name: format!("The {}", self.flow),
            version: 1,
            state: self.state,
            trigger: "api".to_owned(),
            labels: self
                .labels
                .iter()
                .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
                .collect(),
            created_at: at(self.n),
            started_at,
            finished_at: self.state.is_final().then(|| at(self.n + 1 + self.lasted_ms)),
            counts: TaskCounts {
                succeeded: 2,
                ..TaskCounts::default()
            },
            error: self.error.map(|message| ErrorView {
                kind: "failed".to_owned(),
                message: message.to_owned(),
                task: None,
            }),
            cancel_reason: None,
            parent: self.parent.map(id),
            retry_of: self.retry_of.map(id),
            retried_by: None,
            n_asking: 0,
        }
    }

    pub(in crate::store) fn decision(&self) -> RunDecision {
        let last_seq = self.first_seq + self.n_events - 1;
        let is_final = self.state.is_final();
        RunDecision {
            run: id(self.n),
            events: (self.first_seq..=last_seq)
                .map(|seq| event(self, seq, last_seq))
                .collect(),
            row: RunRow {
                summary: self.summary(),
                last_seq,
                wake_at: (self.state == RunStatus::Running).then(|| at(self.n + 60_000)),
                in_flight: !is_final && self.state != RunStatus::Queued,
            },
            idempotency: self.key.map(|(key, inputs_hash)| Idempotency {
                key: key.to_owned(),
                inputs_hash,
            }),
            messages: self.messages.clone(),
            takes: self.takes.clone(),
            notices: Vec::new(),
        }
    }
}

/// A message of the `n`th run.
pub(in crate::store) fn message(n: i64, seq: u64) -> MessageId {
    MessageId { sender: id(n).0, seq }
}

fn event(draft: &Draft, seq: u64, last_seq: u64) -> Event {
    let kind = if seq == 1 {
        EventKind::RunCreated {
            run: id(draft.n),
            flow: draft.flow.into(),
            version: 1,
            vars: serde_json::Map::new(),
            inputs: Payload::from(json!({"ümlaut": [1, 2.5, null, "\u{0}"], "n": draft.n})),
            labels: BTreeMap::new(),
            trigger: "api".into(),
            idempotency_key: None,
            parent: None,
            forked_from: None,
            permit: None,
            follows: None,
            priority: 0,
        }
    } else if seq == last_seq && draft.state.is_final() {
        EventKind::RunFinished {
            outcome: Ended::Succeeded,
            outputs: None,
            error: None,
        }
    } else {
        EventKind::TaskSucceeded {
            task: format!("task{seq}").into(),
            output: Payload::from(json!({"b": seq, "a": [true]})),
            case: None,
            exit_code: Some(0),
            edges: Vec::new(),
            cached_from: None,
        }
    };
    let actor: Arc<str> = if seq == 1 { "local" } else { "engine" }.into();
    Event {
        seq,
        at: at(draft.n + seq.cast_signed()),
        actor,
        kind,
    }
}

pub(crate) fn version(flow: &str, document: &str, expected: Option<u32>) -> NewVersion {
    NewVersion {
        flow: flow.to_owned(),
        name: format!("The {flow}"),
        description: Some(format!("What {flow} is for")),
        n_tasks: 2,
        source: format!("# {document}"),
        format: "yaml".to_owned(),
        document: document.to_owned(),
        at: at(document.len() as i64),
        actor: "local".to_owned(),
        expected,
        redraws: None,
        references: References::default(),
        rules: Vec::new(),
        schedules: Vec::new(),
        follows: Vec::new(),
    }
}

/// What became of the drafts.
pub(super) async fn commit(store: &dyn Store, epochs: &ShardEpochs, drafts: &[Draft]) -> Vec<Committed> {
    store
        .commit(epochs, drafts.iter().map(Draft::decision).collect())
        .await
        .expect("the store is well")
}
