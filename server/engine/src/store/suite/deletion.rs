//! Finished runs that go.

use std::time::Duration;

use flow::RunId;
use flow::view::RunStatus;

use super::drafts::{Draft, at, commit, id, run};
use crate::store::retention::{Retention, Rule, Rules};
use crate::store::{
    Committed, FlowStats, LogChunk, LogKey, LogStore, LogStream, RunFilter, ShardEpochs, Store,
};

const HOUR_MS: i64 = 60 * 60 * 1000;

fn rule(age_hours: Option<u64>, runs: Option<u64>) -> Rule {
    Rule {
        age: age_hours.map(|hours| Duration::from_secs(hours * 60 * 60)),
        runs,
    }
}

pub(super) async fn expired_runs_are_found(store: &dyn Store, epochs: &ShardEpochs) {
    let hour = |n: i64| run(500 + n).of("expiring").lasted(n * HOUR_MS);
    let mut drafts: Vec<Draft> = (0..6).map(hour).collect();
    drafts.push(hour(6).state(RunStatus::Failed));
    drafts.push(hour(7).state(RunStatus::Cancelled));
    drafts.push(hour(8).state(RunStatus::Running));
    commit(store, epochs, &drafts).await;
    let found = async |rules: [Rule; 3], now_hours: i64, limit| -> Vec<i64> {
        let [succeeded, failed, cancelled] = rules;
        let flow = Rules {
            succeeded,
            failed,
            cancelled,
        };
        let policy = Retention {
            flows: [("expiring".to_owned(), flow)].into(),
            ..Retention::off()
        };
        let now = at(now_hours * HOUR_MS + 1000);
        let runs = store.expired(&policy, now, limit).await.expect("ok");
        let number = |run| (0..9).find(|n| id(500 + n) == run).expect("one of these");
        runs.into_iter().map(number).collect()
    };
    let (off, day) = (rule(None, None), rule(Some(24), None));
    assert_eq!(
        found([off; 3], 10_000, 99).await,
        [0; 0],
        "nothing is counted out"
    );
    assert_eq!(
        found([day; 3], 24, 99).await,
        [0],
        "its end counts, not its beginning"
    );
    assert_eq!(found([day; 3], 26, 99).await, [0, 1, 2]);
    assert_eq!(found([day, off, day], 99, 99).await, [0, 1, 2, 3, 4, 5, 7]);
    assert_eq!(found([day; 3], 99, 2).await, [0, 1], "the oldest first");
    let newest = rule(None, Some(2));
    assert_eq!(
        found([newest; 3], 99, 99).await,
        [0, 1, 2, 3],
        "of each state two stay"
    );
    assert_eq!(
        found([rule(None, Some(0)); 3], 99, 99).await,
        [0, 1, 2, 3, 4, 5, 6, 7]
    );
    assert_eq!(
        found([newest, off, off], 3, 99).await,
        [0, 1, 2],
        "what has just ended stays"
    );
    assert_eq!(
        found([rule(Some(0), None); 3], 3, 99).await,
        [0, 1, 2],
        "however short the age"
    );
    assert_eq!(
        found([rule(Some(24), Some(5)); 3], 26, 99).await,
        [0, 1, 2],
        "either is enough"
    );
}

pub(super) async fn children_stay_as_long_as_their_parents(store: &dyn Store, epochs: &ShardEpochs) {
    let drafts = [
        run(550).of("families").events(1, 2).state(RunStatus::Running),
        run(551).of("families").child_of(550),
        run(552).of("families").child_of(550).state(RunStatus::Failed),
        run(553).of("families").child_of(559),
    ];
    commit(store, epochs, &drafts).await;
    let found = async || {
        let rules = Rules {
            succeeded: rule(Some(1), None),
            failed: rule(Some(1), None),
            cancelled: rule(Some(1), None),
        };
        let policy = Retention {
            flows: [("families".to_owned(), rules)].into(),
            ..Retention::off()
        };
        let runs = store.expired(&policy, at(99 * HOUR_MS), 99).await.expect("ok");
        let number = |run| (550..560).find(|n| id(*n) == run).expect("one of these");
        runs.into_iter().map(number).collect::<Vec<i64>>()
    };
    assert_eq!(found().await, [553], "its parent is gone, the others' is at work");
    commit(store, epochs, &[run(550).of("families").events(3, 1)]).await;
    assert_eq!(found().await, [550, 551, 553, 552]);
}

/// Deletes all that is left of vanished runs, row by row, and answers which they were.
async fn sweep_all(store: &dyn Store, logs: &dyn LogStore) -> Vec<RunId> {
    let mut emptied = Vec::new();
    for _ in 0..20 {
        let swept = store.sweep(1).await.expect("ok");
        while !logs.delete(&swept.emptied, 1).await.expect("ok") {}
        store.forget_runs(swept.emptied.clone()).await.expect("ok");
        emptied.extend(swept.emptied);
        if swept.is_done {
            return emptied;
        }
    }
    panic!("it does not come to an end");
}

/// Decisions of the runs that [`deleted_runs_leave_nothing`] deletes, and two that the suite of the board does.
pub(in crate::store) const N_DECISIONS_DELETED: i64 = 5 + 2;

pub(super) async fn deleted_runs_leave_nothing(store: &dyn Store, logs: &dyn LogStore, epochs: &ShardEpochs) {
    let drafts = [
        run(600)
            .of("deleted")
            .key("k", 1)
            .label("env", "deleted")
            .lasted(70),
        run(601).of("deleted").state(RunStatus::Running).key("l", 1),
        run(602).of("deleted").state(RunStatus::Running),
        run(603).of("deleted").lasted(9),
    ];
    commit(store, epochs, &drafts).await;
    let next = run(602).of("deleted").events(4, 1).error("broken").lasted(4000);
    commit(store, epochs, &[next]).await;
    let key = |n| LogKey {
        run: id(n),
        task: "a".into(),
        attempt: 1,
    };
    let chunk = |number| LogChunk {
        number,
        at: at(1),
        stream: LogStream::Stdout,
        text: "line\n".to_owned(),
    };
    logs.append(vec![
        (key(600), chunk(1)),
        (key(600), chunk(2)),
        (key(601), chunk(1)),
    ])
    .await
    .expect("ok");

    let all: Vec<_> = [600, 601, 602, 699].map(id).to_vec();
    assert_eq!(
        store.delete_runs(all.clone()).await.expect("ok"),
        2,
        "the finished ones"
    );
    assert_eq!(store.delete_runs(all).await.expect("ok"), 0, "once");
    for n in [600, 602] {
        assert_eq!(store.run(id(n)).await.expect("ok"), None);
        assert!(store.events(id(n), 0, 9).await.expect("ok").is_empty());
    }
    let listed = async |filter: RunFilter| -> Vec<_> {
        let page = store.runs(&filter, None, 99).await.expect("ok");
        page.items.iter().map(|run| run.id).collect()
    };
    let of_flow = RunFilter {
        flow: Some("deleted".to_owned()),
        ..RunFilter::default()
    };
    assert_eq!(listed(of_flow).await, [id(603), id(601)]);
    let labelled = RunFilter {
        labels: vec![("env".to_owned(), "deleted".to_owned())],
        ..RunFilter::default()
    };
    assert_eq!(listed(labelled).await, []);
    let stats = store.stats(Some("deleted")).await.expect("ok");
    let expected = FlowStats {
        runs: [("running".to_owned(), 1), ("succeeded".to_owned(), 1)].into(),
        n_finished: 1,
        duration_ms_sum: 9,
        duration_ms_min: Some(9),
        duration_ms_max: Some(4000),
        duration_ms_p50: Some(9),
        duration_ms_p95: Some(9),
    };
    assert_eq!(stats, expected, "counts are of what is kept");
    assert_eq!(store.run_by_key("deleted", "k").await.expect("ok"), None);
    let again = run(604).of("deleted").key("k", 2);
    assert_eq!(
        commit(store, epochs, &[again]).await,
        [Committed::Done],
        "its key is free"
    );
    assert!(store.run_by_key("deleted", "l").await.expect("ok").is_some());

    let mut emptied = sweep_all(store, logs).await;
    emptied.sort_unstable();
    emptied.dedup();
    assert_eq!(emptied, [id(600), id(602)]);
    assert_eq!(store.sweep(99).await.expect("ok").emptied, [], "nothing is left");
    assert!(logs.read(id(600), "a", (0, 0), 99).await.expect("ok").is_empty());
    assert_eq!(logs.read(id(601), "a", (0, 0), 99).await.expect("ok").len(), 1);

    let rest = vec![id(603), id(604)];
    assert_eq!(store.delete_runs(rest.clone()).await.expect("ok"), 2);
    let stats = store.stats(Some("deleted")).await.expect("ok");
    let one = [("running".to_owned(), 1)].into();
    assert_eq!(
        stats,
        FlowStats {
            runs: one,
            ..FlowStats::default()
        },
        "no bounds of nothing"
    );
    assert_eq!(sweep_all(store, logs).await, rest);
    let end = run(601).of("deleted").events(4, 1);
    assert_eq!(commit(store, epochs, &[end]).await, [Committed::Done]);
}
