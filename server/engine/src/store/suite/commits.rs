//! Decisions and what is read back of them.

use std::collections::BTreeMap;

use flow::run::event::Event;
use flow::view::RunStatus;

use super::drafts::{at, commit, id, run};
use crate::store::{Committed, FlowStats, RunFilter, ShardEpochs, Store, StoreError};

pub(super) async fn nothing_is_there_before(store: &dyn Store) {
    assert_eq!(store.run(id(1)).await.expect("ok"), None);
    assert!(store.events(id(1), 0, 10).await.expect("ok").is_empty());
    assert!(store.unfinished().await.expect("ok").is_empty());
    assert_eq!(store.stats(None).await.expect("ok"), FlowStats::default());
    assert!(matches!(
        store.runs(&RunFilter::default(), Some("nonsense"), 5).await,
        Err(StoreError::BadCursor(_))
    ));
}

pub(super) async fn decisions_are_appended_in_step(store: &dyn Store, epochs: &ShardEpochs) {
    let first = run(1).of("steps").events(1, 3).state(RunStatus::Running);
    let second = run(1).of("steps").events(4, 2).state(RunStatus::Succeeded);
    assert_eq!(
        commit(store, epochs, std::slice::from_ref(&second)).await,
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

pub(super) async fn keys_belong_to_one_run(store: &dyn Store, epochs: &ShardEpochs) {
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

pub(super) async fn a_batch_is_judged_one_by_one(store: &dyn Store, epochs: &ShardEpochs) {
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

pub(super) async fn events_come_in_whole_decisions(store: &dyn Store, epochs: &ShardEpochs) {
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

pub(super) async fn rows_without_events(store: &dyn Store, epochs: &ShardEpochs) {
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

pub(super) async fn old_epochs_are_refused(store: &dyn Store, old: &ShardEpochs) {
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
