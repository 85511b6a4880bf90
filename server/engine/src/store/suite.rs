//! What every store must do. A new rule is written here first; each implementation runs all of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use flow::run::event::{Ended, Event, EventKind};
use flow::view::{ErrorView, RunStatus, RunSummary, TaskCounts};
use flow::{BlobRef, Payload, RunId, Timestamp};
use serde_json::json;

use super::memory::MemoryStore;
use super::{
    BlobStore, Committed, Idempotency, LogChunk, LogKey, LogStore, LogStream, NewVersion, RunDecision,
    RunFilter, RunRow, ShardEpochs, Store, StoreError,
};

/// 2023-11-14T22:13:20Z.
const START_MS: i64 = 1_700_000_000_000;

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START_MS + ms)
}

/// The `n`th run: created `n` milliseconds after the start.
pub(super) fn id(n: i64) -> RunId {
    RunId::new(
        at(n),
        u128::from(n.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15),
    )
}

/// A decision in the making: what a test does not say is what a plain run would have.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) n: i64,
    flow: &'static str,
    first_seq: u64,
    n_events: u64,
    state: RunStatus,
    labels: Vec<(&'static str, &'static str)>,
    error: Option<&'static str>,
    key: Option<(&'static str, u64)>,
    lasted_ms: i64,
}

/// A first decision of the `n`th run: three events, and it has succeeded.
pub(super) fn run(n: i64) -> Draft {
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
    }
}

impl Draft {
    pub(super) fn of(self, flow: &'static str) -> Self {
        Self { flow, ..self }
    }

    pub(super) fn events(self, first_seq: u64, n_events: u64) -> Self {
        Self {
            first_seq,
            n_events,
            ..self
        }
    }

    pub(super) fn state(self, state: RunStatus) -> Self {
        Self { state, ..self }
    }

    fn label(mut self, label: &'static str, value: &'static str) -> Self {
        self.labels.push((label, value));
        self
    }

    fn error(self, error: &'static str) -> Self {
        Self {
            error: Some(error),
            state: RunStatus::Failed,
            ..self
        }
    }

    pub(super) fn key(self, key: &'static str, inputs_hash: u64) -> Self {
        Self {
            key: Some((key, inputs_hash)),
            ..self
        }
    }

    fn lasted(self, lasted_ms: i64) -> Self {
        Self { lasted_ms, ..self }
    }

    fn summary(&self) -> RunSummary {
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
        }
    }

    pub(super) fn decision(&self) -> RunDecision {
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
        }
    }
}

fn event(draft: &Draft, seq: u64, last_seq: u64) -> Event {
    let kind = if seq == 1 {
        EventKind::RunCreated {
            run: id(draft.n),
            flow: draft.flow.into(),
            version: 1,
            inputs: Payload::from(json!({"ümlaut": [1, 2.5, null, "\u{0}"], "n": draft.n})),
            labels: BTreeMap::new(),
            trigger: "api".into(),
            idempotency_key: None,
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

pub(super) fn version(flow: &str, document: &str, expected: Option<u32>) -> NewVersion {
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
    }
}

async fn commit(store: &dyn Store, epochs: &ShardEpochs, drafts: &[Draft]) -> Vec<Committed> {
    store
        .commit(epochs, drafts.iter().map(Draft::decision).collect())
        .await
        .expect("the store is well")
}

async fn listed(store: &dyn Store, filter: RunFilter) -> Vec<i64> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = store
            .runs(&filter, cursor.as_deref(), 3)
            .await
            .expect("the store is well");
        assert!(page.items.len() <= 3, "a page has at most its limit");
        found.extend(
            page.items
                .iter()
                .map(|run| (run.created_at.as_millis()) - START_MS),
        );
        cursor = page.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

/// Runs the suite; the store must be empty.
pub(super) async fn exercise(store: &dyn Store, logs: &dyn LogStore, blobs: &dyn BlobStore) {
    flows_are_saved_as_versions(store).await;
    let epochs = store.take_shards().await.expect("the store is well");
    nothing_is_there_before(store).await;
    decisions_are_appended_in_step(store, &epochs).await;
    keys_belong_to_one_run(store, &epochs).await;
    a_batch_is_judged_one_by_one(store, &epochs).await;
    events_come_in_whole_decisions(store, &epochs).await;
    rows_without_events(store, &epochs).await;
    runs_are_found(store, &epochs).await;
    counts_follow_the_runs(store, &epochs).await;
    flows_show_their_runs(store, &epochs).await;
    old_epochs_are_refused(store, &epochs).await;
    logs_are_read_from_any_place(logs).await;
    blobs_come_back(blobs).await;
}

async fn flows_are_saved_as_versions(store: &dyn Store) {
    let save = async |document: &str, expected| store.save_flow(version("saved", document, expected)).await;
    assert_eq!(store.flow("saved", None).await.expect("ok"), None);
    assert!(!store.archive_flow("saved").await.expect("ok"), "there is none");
    assert_eq!(save("{}", Some(0)).await.expect("new"), 1);
    assert!(
        matches!(
            save("{1}", Some(0)).await,
            Err(StoreError::VersionConflict {
                expected: 0,
                current: 1
            })
        ),
        "it is not new any more"
    );
    assert_eq!(save("{}", None).await.expect("unchanged"), 1);
    assert_eq!(save("{22}", Some(1)).await.expect("the next"), 2);
    assert!(matches!(
        save("{333}", Some(1)).await,
        Err(StoreError::VersionConflict {
            expected: 1,
            current: 2
        })
    ));
    assert_eq!(save("{}", None).await.expect("an old document is new again"), 3);

    let second = store
        .flow("saved", Some(2))
        .await
        .expect("ok")
        .expect("it is there");
    assert_eq!(
        (
            second.version,
            second.newest,
            second.document.as_str(),
            second.archived
        ),
        (2, 3, "{22}", false)
    );
    assert_eq!(
        (
            second.source.as_str(),
            second.format.as_str(),
            second.actor.as_str()
        ),
        ("# {22}", "yaml", "local")
    );
    assert_eq!(second.created_at, at(4));
    assert_eq!(store.flow("saved", Some(4)).await.expect("ok"), None);
    assert_eq!(store.flow("saved", Some(0)).await.expect("ok"), None);
    let versions = store.flow_versions("saved").await.expect("ok");
    assert_eq!(
        versions.iter().map(|version| version.version).collect::<Vec<_>>(),
        [3, 2, 1]
    );
    assert!(store.flow_versions("unknown").await.expect("ok").is_empty());

    assert!(store.archive_flow("saved").await.expect("ok"));
    assert!(
        store.flows(None, None, 10).await.expect("ok").items.is_empty(),
        "archived flows are not listed"
    );
    assert!(
        store
            .flow("saved", None)
            .await
            .expect("ok")
            .expect("it stays")
            .archived
    );
    assert_eq!(save("{}", None).await.expect("unchanged, and back"), 3);
    assert!(
        !store
            .flow("saved", None)
            .await
            .expect("ok")
            .expect("it is there")
            .archived
    );
}

async fn nothing_is_there_before(store: &dyn Store) {
    assert_eq!(store.run(id(1)).await.expect("ok"), None);
    assert!(store.events(id(1), 0, 10).await.expect("ok").is_empty());
    assert!(store.unfinished().await.expect("ok").is_empty());
    assert_eq!(store.stats(None).await.expect("ok"), super::FlowStats::default());
    assert!(matches!(
        store.runs(&RunFilter::default(), Some("nonsense"), 5).await,
        Err(StoreError::NotFound(_))
    ));
}

async fn decisions_are_appended_in_step(store: &dyn Store, epochs: &ShardEpochs) {
    let first = run(1).of("steps").events(1, 3).state(RunStatus::Running);
    let second = run(1).of("steps").events(4, 2).state(RunStatus::Succeeded);
    assert_eq!(
        commit(store, epochs, &[second.clone()]).await,
        [Committed::OutOfStep { last_seq: 0 }],
        "it has no beginning"
    );
    assert_eq!(store.run(id(1)).await.expect("ok"), None);
    assert_eq!(
        commit(store, epochs, std::slice::from_ref(&first)).await,
        [Committed::Done]
    );
    assert_eq!(store.run(id(1)).await.expect("ok"), Some(first.decision().row));
    let unfinished = store.unfinished().await.expect("ok");
    assert_eq!(unfinished.len(), 1);
    assert_eq!(
        (unfinished[0].run, unfinished[0].wake_at, unfinished[0].in_flight),
        (id(1), Some(at(60_001)), true)
    );

    assert_eq!(
        commit(store, epochs, std::slice::from_ref(&first)).await,
        [Committed::OutOfStep { last_seq: 3 }],
        "it was written before"
    );
    let gap = run(1).of("steps").events(5, 1);
    assert_eq!(
        commit(store, epochs, &[gap]).await,
        [Committed::OutOfStep { last_seq: 3 }]
    );
    let mut broken = second.decision();
    broken.events[1].seq = 9;
    assert_eq!(
        store.commit(epochs, vec![broken]).await.expect("ok"),
        [Committed::OutOfStep { last_seq: 3 }]
    );
    assert_eq!(
        commit(store, epochs, std::slice::from_ref(&second)).await,
        [Committed::Done]
    );
    assert_eq!(store.run(id(1)).await.expect("ok"), Some(second.decision().row));
    assert!(store.unfinished().await.expect("ok").is_empty());
    let all: Vec<Event> = [first, second]
        .iter()
        .flat_map(|draft| draft.decision().events)
        .collect();
    assert_eq!(
        store.events(id(1), 0, 100).await.expect("ok"),
        all,
        "events come back as they were given"
    );
}

async fn keys_belong_to_one_run(store: &dyn Store, epochs: &ShardEpochs) {
    let done = commit(store, epochs, &[run(10).of("keys").key("k", 77)]).await;
    assert_eq!(done, [Committed::Done]);
    let again = commit(
        store,
        epochs,
        &[
            run(11).of("keys").key("k", 78),
            run(12).of("other-keys").key("k", 79),
        ],
    )
    .await;
    assert_eq!(
        again,
        [
            Committed::Duplicate {
                run: id(10),
                inputs_hash: 77
            },
            Committed::Done
        ],
        "a key is its flow's own"
    );
    assert_eq!(
        store.run(id(11)).await.expect("ok"),
        None,
        "nothing of a duplicate is written"
    );
    assert!(store.events(id(11), 0, 9).await.expect("ok").is_empty());
    let repeated = commit(store, epochs, &[run(10).of("keys").key("k", 77)]).await;
    assert_eq!(
        repeated,
        [Committed::OutOfStep { last_seq: 3 }],
        "it is no duplicate of itself"
    );
    let together = commit(
        store,
        epochs,
        &[
            run(13).of("keys").key("l", u64::MAX),
            run(14).of("keys").key("l", 2),
        ],
    )
    .await;
    assert_eq!(
        together,
        [
            Committed::Done,
            Committed::Duplicate {
                run: id(13),
                inputs_hash: u64::MAX
            }
        ]
    );
    assert_eq!(
        store.run_by_key("keys", "l").await.expect("ok"),
        Some((id(13), u64::MAX))
    );
    assert_eq!(store.run_by_key("keys", "m").await.expect("ok"), None);
    // What failed leaves its key free.
    assert_eq!(
        commit(store, epochs, &[run(15).of("keys").events(2, 1).key("n", 1)]).await,
        [Committed::OutOfStep { last_seq: 0 }]
    );
    assert_eq!(store.run_by_key("keys", "n").await.expect("ok"), None);
}

async fn a_batch_is_judged_one_by_one(store: &dyn Store, epochs: &ShardEpochs) {
    let batch = [
        run(20).of("mixed").events(1, 2).state(RunStatus::Running),
        run(21).of("mixed").events(7, 2),
        run(20).of("mixed").events(3, 2).state(RunStatus::Paused),
        run(20).of("mixed").events(3, 2),
        run(22).of("mixed"),
        run(20).of("mixed").events(5, 1).state(RunStatus::Cancelled),
        run(22).of("mixed").events(1, 4),
    ];
    let expected = [
        Committed::Done,
        Committed::OutOfStep { last_seq: 0 },
        Committed::Done,
        Committed::OutOfStep { last_seq: 4 },
        Committed::Done,
        Committed::Done,
        Committed::OutOfStep { last_seq: 3 },
    ];
    assert_eq!(commit(store, epochs, &batch).await, expected);
    assert_eq!(
        store.run(id(20)).await.expect("ok"),
        Some(batch[5].decision().row)
    );
    assert_eq!(store.run(id(21)).await.expect("ok"), None);
    let counts = store.stats(Some("mixed")).await.expect("ok").runs;
    assert_eq!(
        counts,
        BTreeMap::from([("cancelled".to_owned(), 1), ("succeeded".to_owned(), 1)])
    );
    assert!(commit(store, epochs, &[]).await.is_empty());
}

async fn events_come_in_whole_decisions(store: &dyn Store, epochs: &ShardEpochs) {
    let parts = [(1, 2), (3, 1), (4, 5)]
        .map(|(first, n)| run(30).of("paged").events(first, n).state(RunStatus::Paused));
    assert_eq!(
        commit(store, epochs, &parts).await,
        [Committed::Done, Committed::Done, Committed::Done]
    );
    let numbers = async |after, limit| -> Vec<u64> {
        store
            .events(id(30), after, limit)
            .await
            .expect("ok")
            .iter()
            .map(|event| event.seq)
            .collect()
    };
    assert_eq!(numbers(0, 1).await, [1, 2], "at least one decision");
    assert_eq!(numbers(0, 3).await, [1, 2, 3]);
    assert_eq!(numbers(2, 1).await, [3]);
    assert_eq!(numbers(1, 2).await, [2, 3], "from the middle of a decision");
    assert_eq!(numbers(5, 1).await, [6, 7, 8]);
    assert_eq!(numbers(8, 9).await, [0; 0]);
    assert_eq!(numbers(u64::MAX, 9).await, [0; 0]);
}

async fn rows_without_events(store: &dyn Store, epochs: &ShardEpochs) {
    let mut decision = run(30)
        .of("paged")
        .events(8, 1)
        .state(RunStatus::Paused)
        .decision();
    decision.events.clear();
    decision.row.in_flight = false;
    assert_eq!(
        store.commit(epochs, vec![decision.clone()]).await.expect("ok"),
        [Committed::Done]
    );
    assert_eq!(store.run(id(30)).await.expect("ok"), Some(decision.row.clone()));
    decision.row.last_seq = 7;
    assert_eq!(
        store.commit(epochs, vec![decision.clone()]).await.expect("ok"),
        [Committed::OutOfStep { last_seq: 8 }]
    );
    decision.run = id(31);
    assert_eq!(
        store.commit(epochs, vec![decision]).await.expect("ok"),
        [Committed::OutOfStep { last_seq: 0 }]
    );
    let end = run(30).of("paged").events(9, 1).state(RunStatus::Cancelled);
    assert_eq!(commit(store, epochs, &[end]).await, [Committed::Done]);
}

async fn runs_are_found(store: &dyn Store, epochs: &ShardEpochs) {
    const HOUR: i64 = 3_600_000;
    let hour = |n: i64| 100 * HOUR + n * HOUR;
    let batch = [
        run(hour(0)).of("found").label("env", "prod").label("team", "a"),
        run(hour(1)).of("found").error("The Door is shut"),
        run(hour(2))
            .of("found")
            .state(RunStatus::Running)
            .label("env", "test"),
        run(hour(3))
            .of("found")
            .state(RunStatus::Queued)
            .label("env", "prod"),
        run(hour(4)).of("found-too").error("no way").label("env", "prod"),
        run(hour(5)).of("found"),
        run(hour(6)).of("found-too").state(RunStatus::Queued),
    ];
    assert!(
        commit(store, epochs, &batch)
            .await
            .iter()
            .all(|done| *done == Committed::Done)
    );
    let only = RunFilter {
        since: Some(at(hour(0))),
        ..RunFilter::default()
    };
    let check = async |filter: RunFilter, expected: &[i64]| {
        let hours: Vec<i64> = listed(store, filter.clone())
            .await
            .into_iter()
            .map(|ms| ms / HOUR - 100)
            .collect();
        assert_eq!(hours, expected, "{filter:?}");
    };
    let flow = || Some("found".to_owned());
    let labels = |labels: &[(&str, &str)]| {
        labels
            .iter()
            .map(|(l, v)| ((*l).to_owned(), (*v).to_owned()))
            .collect::<Vec<_>>()
    };
    check(only.clone(), &[6, 5, 4, 3, 2, 1, 0]).await;
    check(
        RunFilter {
            flow: flow(),
            ..RunFilter::default()
        },
        &[5, 3, 2, 1, 0],
    )
    .await;
    check(
        RunFilter {
            flow: flow(),
            states: vec![RunStatus::Succeeded],
            ..RunFilter::default()
        },
        &[5, 0],
    )
    .await;
    let failed_or_queued = vec![RunStatus::Failed, RunStatus::Queued, RunStatus::Failed];
    check(
        RunFilter {
            flow: flow(),
            states: failed_or_queued.clone(),
            ..RunFilter::default()
        },
        &[3, 1],
    )
    .await;
    check(
        RunFilter {
            states: failed_or_queued,
            ..only.clone()
        },
        &[6, 4, 3, 1],
    )
    .await;
    check(
        RunFilter {
            states: vec![RunStatus::Succeeded, RunStatus::Running],
            ..only.clone()
        },
        &[5, 2, 0],
    )
    .await;
    check(
        RunFilter {
            labels: labels(&[("env", "prod")]),
            ..RunFilter::default()
        },
        &[4, 3, 0],
    )
    .await;
    check(
        RunFilter {
            labels: labels(&[("env", "prod"), ("team", "a")]),
            ..RunFilter::default()
        },
        &[0],
    )
    .await;
    check(
        RunFilter {
            labels: labels(&[("env", "prod")]),
            flow: flow(),
            ..RunFilter::default()
        },
        &[3, 0],
    )
    .await;
    check(
        RunFilter {
            labels: labels(&[("env", "none")]),
            ..RunFilter::default()
        },
        &[],
    )
    .await;
    check(
        RunFilter {
            until: Some(at(hour(3))),
            ..only.clone()
        },
        &[2, 1, 0],
    )
    .await;
    check(
        RunFilter {
            since: Some(at(hour(2) + 1)),
            until: Some(at(hour(4) + 1)),
            ..RunFilter::default()
        },
        &[4, 3],
    )
    .await;
    check(
        RunFilter {
            since: Some(at(hour(4))),
            until: Some(at(hour(2))),
            ..RunFilter::default()
        },
        &[],
    )
    .await;
    check(
        RunFilter {
            text: Some("DOOR".to_owned()),
            ..RunFilter::default()
        },
        &[1],
    )
    .await;
    check(
        RunFilter {
            text: Some("the found-too".to_owned()),
            ..RunFilter::default()
        },
        &[6, 4],
    )
    .await;
    check(
        RunFilter {
            text: Some("prod".to_owned()),
            ..only.clone()
        },
        &[4, 3, 0],
    )
    .await;
    check(
        RunFilter {
            text: Some(id(hour(2)).to_string()),
            ..only.clone()
        },
        &[2],
    )
    .await;
    check(
        RunFilter {
            text: Some("100%".to_owned()),
            ..only.clone()
        },
        &[],
    )
    .await;
    check(
        RunFilter {
            flow: Some("unknown".to_owned()),
            ..RunFilter::default()
        },
        &[],
    )
    .await;

    // New runs come in front: who is on the way through the pages sees none twice and misses none.
    let page = store.runs(&only, None, 2).await.expect("ok");
    let new = [run(hour(7)).of("found-too").state(RunStatus::Queued)];
    assert_eq!(commit(store, epochs, &new).await, [Committed::Done]);
    let next = store
        .runs(&only, page.next_cursor.as_deref(), 2)
        .await
        .expect("ok");
    assert_eq!(
        next.items.iter().map(|run| run.id).collect::<Vec<_>>(),
        [id(hour(4)), id(hour(3))]
    );
    let whole = store.runs(&only, None, 8).await.expect("ok");
    assert_eq!(
        (whole.items.len(), whole.next_cursor),
        (8, None),
        "a full last page has no next"
    );
    assert_eq!(
        whole.items[0],
        new[0].summary(),
        "rows come back as they were given"
    );
    let unfinished: Vec<RunId> = store
        .unfinished()
        .await
        .expect("ok")
        .iter()
        .map(|unfinished| unfinished.run)
        .collect();
    assert_eq!(
        unfinished,
        [hour(2), hour(3), hour(6), hour(7)].map(id),
        "oldest first"
    );
}

async fn counts_follow_the_runs(store: &dyn Store, epochs: &ShardEpochs) {
    let before = store.stats(None).await.expect("ok");
    commit(
        store,
        epochs,
        &[
            run(40).of("counted").state(RunStatus::Queued),
            run(41).of("counted").lasted(100),
        ],
    )
    .await;
    commit(
        store,
        epochs,
        &[
            run(40).of("counted").events(4, 1).state(RunStatus::Running),
            run(42).of("counted").lasted(20),
        ],
    )
    .await;
    let stats = store.stats(Some("counted")).await.expect("ok");
    assert_eq!(
        stats.runs,
        BTreeMap::from([("running".to_owned(), 1), ("succeeded".to_owned(), 2)])
    );
    assert_eq!((stats.n_finished, stats.duration_ms_sum), (2, 120));
    assert_eq!(
        (stats.duration_ms_min, stats.duration_ms_max),
        (Some(20), Some(100))
    );
    commit(
        store,
        epochs,
        &[run(40)
            .of("counted")
            .events(5, 1)
            .state(RunStatus::Failed)
            .lasted(500)],
    )
    .await;
    let stats = store.stats(Some("counted")).await.expect("ok");
    assert_eq!(
        (stats.n_finished, stats.duration_ms_sum, stats.duration_ms_max),
        (3, 620, Some(500))
    );
    let after = store.stats(None).await.expect("ok");
    assert_eq!(after.n_finished, before.n_finished + 3, "all flows together");
    assert_eq!(after.runs["failed"], before.runs["failed"] + 1);
    assert_eq!(
        store.stats(Some("unknown")).await.expect("ok"),
        super::FlowStats::default()
    );
}

async fn flows_show_their_runs(store: &dyn Store, epochs: &ShardEpochs) {
    for flow in ["listed-a", "listed-b", "listed-c", "listed-d"] {
        store.save_flow(version(flow, "{}", None)).await.expect("ok");
    }
    let runs: Vec<Draft> = (0..35).map(|n| run(200 + n).of("listed-b")).collect();
    commit(store, epochs, &runs).await;
    store.archive_flow("listed-c").await.expect("ok");
    let page = store.flows(Some("LISTED-"), None, 2).await.expect("ok");
    assert_eq!(
        page.items.iter().map(|flow| flow.id.as_str()).collect::<Vec<_>>(),
        ["listed-a", "listed-b"]
    );
    let b = &page.items[1];
    assert_eq!(
        (b.name.as_str(), b.version, b.n_tasks, b.updated_at),
        ("The listed-b", 1, 2, at(2))
    );
    assert_eq!(b.runs, BTreeMap::from([("succeeded".to_owned(), 35)]));
    assert_eq!(b.latest_runs.len(), 30, "only the newest");
    assert_eq!(
        (b.latest_runs[0].id, b.latest_runs[0].duration_ms),
        (id(234), Some(5))
    );
    let rest = store
        .flows(Some("listed-"), page.next_cursor.as_deref(), 2)
        .await
        .expect("ok");
    assert_eq!(
        rest.items.iter().map(|flow| flow.id.as_str()).collect::<Vec<_>>(),
        ["listed-d"]
    );
    assert_eq!(rest.next_cursor, None);
    let described = store.flows(Some("what listed-d is"), None, 9).await.expect("ok");
    assert_eq!(described.items.len(), 1, "the description is searched too");
}

async fn old_epochs_are_refused(store: &dyn Store, old: &ShardEpochs) {
    let new = store.take_shards().await.expect("ok");
    assert_eq!(new.0.len(), 256);
    assert!(new.0.iter().zip(old.0.iter()).all(|(new, old)| *new == old + 1));
    let batch = || vec![run(300).decision(), run(301).decision()];
    let shard = id(300).shard();
    match store.commit(old, batch()).await {
        Err(StoreError::StaleEpoch {
            shard: refused,
            given,
            current,
        }) => {
            assert_eq!(
                (refused, given, current),
                (shard, old.0[usize::from(shard)], new.0[usize::from(shard)])
            );
        }
        other => panic!("an old epoch was accepted: {other:?}"),
    }
    assert!(matches!(
        store.commit(&ShardEpochs::default(), batch()).await,
        Err(StoreError::StaleEpoch { given: 0, .. })
    ));
    assert_eq!(
        store.run(id(301)).await.expect("ok"),
        None,
        "nothing of the batch was written"
    );
    assert_eq!(
        store.commit(&new, batch()).await.expect("ok"),
        [Committed::Done, Committed::Done]
    );
}

async fn logs_are_read_from_any_place(logs: &dyn LogStore) {
    let key = |task: &str, attempt| LogKey {
        run: id(1),
        task: task.into(),
        attempt,
    };
    let chunk = |number: u64, text: &str| LogChunk {
        number,
        at: at(number.cast_signed()),
        stream: LogStream::Stdout,
        text: text.to_owned(),
    };
    let engine = LogChunk {
        stream: LogStream::Engine,
        ..chunk(9, "left out\n")
    };
    logs.append(vec![
        (key("a", 1), chunk(1, "one\n")),
        (key("a", 2), chunk(1, "second try\n")),
        (key("b", 1), chunk(1, "of another\n")),
        (
            key("a", 1),
            LogChunk {
                stream: LogStream::Stderr,
                ..chunk(2, "zwölf\n")
            },
        ),
    ])
    .await
    .expect("ok");
    logs.append(vec![
        (key("a", 1), engine.clone()),
        (key("a", 1), chunk(1, "one\n")),
    ])
    .await
    .expect("a repetition is no error");
    let read = async |task: &str, after, bytes| {
        let found = logs.read(id(1), task, after, bytes).await.expect("ok");
        found
            .iter()
            .map(|(attempt, chunk)| format!("{attempt}.{} {:?} {}", chunk.number, chunk.stream, chunk.text))
            .collect::<String>()
    };
    let whole = "1.1 Stdout one\n1.2 Stderr zwölf\n1.9 Engine left out\n2.1 Stdout second try\n";
    assert_eq!(read("a", (0, 0), 1000).await, whole);
    assert_eq!(
        read("a", (1, 2), 1000).await,
        "1.9 Engine left out\n2.1 Stdout second try\n"
    );
    assert_eq!(read("a", (1, u64::MAX), 1000).await, "2.1 Stdout second try\n");
    assert_eq!(read("a", (0, 0), 1).await, "1.1 Stdout one\n", "at least one");
    assert_eq!(
        read("a", (0, 0), 11).await,
        "1.1 Stdout one\n1.2 Stderr zwölf\n",
        "as much as fits"
    );
    assert_eq!(read("a", (2, 1), 1000).await, "");
    assert_eq!(read("c", (0, 0), 1000).await, "");
    assert_eq!(logs.read(id(1), "a", (1, 2), 1).await.expect("ok"), [(1, engine)]);
}

async fn blobs_come_back(blobs: &dyn BlobStore) {
    let blob = |digit: char, bytes: u64| BlobRef {
        sha256: digit.to_string().repeat(64),
        bytes,
    };
    let value = Bytes::from(vec![b'7'; 300_000]);
    let values = vec![
        (blob('a', 300_000), value.clone()),
        (blob('b', 4), Bytes::from_static(b"null")),
    ];
    blobs.put(values.clone()).await.expect("ok");
    blobs.put(values).await.expect("the same again");
    assert_eq!(blobs.get(&blob('a', 300_000)).await.expect("ok"), Some(value));
    assert_eq!(
        blobs.get(&blob('b', 4)).await.expect("ok"),
        Some(Bytes::from_static(b"null"))
    );
    assert_eq!(blobs.get(&blob('c', 4)).await.expect("ok"), None);
    assert_eq!(blobs.get(&blob('ü', 4)).await.expect("ok"), None);
    assert!(
        blobs
            .put(vec![(blob('c', 5), Bytes::from_static(b"null"))])
            .await
            .is_err(),
        "its length is another"
    );
    assert!(
        blobs
            .put(vec![(blob('x', 4), Bytes::from_static(b"null"))])
            .await
            .is_err(),
        "that is no hash"
    );
}

#[tokio::test]
async fn memory_does_what_a_store_must() {
    let store = MemoryStore::new();
    exercise(&store, &store, &store).await;
}
