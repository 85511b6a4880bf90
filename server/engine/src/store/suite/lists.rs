//! Flows, lists and counts.

use std::collections::BTreeMap;

use flow::RunId;
use flow::view::RunStatus;

use super::drafts::{Draft, START_MS, at, commit, id, run, version};
use crate::store::{Committed, FlowStats, RunFilter, ShardEpochs, Store, StoreError};

const HOUR: i64 = 3_600_000;

/// The run of the `n`th hour.
fn hour(n: i64) -> i64 {
    (100 + n) * HOUR
}

/// A filter from words: `flow=a state=failed,queued label=env:prod since=2h until=3h text=a_b`, where `_` is a space.
fn filter(words: &str) -> RunFilter {
    let mut filter = RunFilter::default();
    for (key, value) in words.split(' ').filter_map(|word| word.split_once('=')) {
        let moment = || value.parse().map(|n| at(hour(n))).ok();
        match key {
            "flow" => filter.flow = Some(value.to_owned()),
            "state" => filter.states = value.split(',').filter_map(RunStatus::from_key).collect(),
            "label" => {
                let (label, value) = value.split_once(':').expect("label:value");
                filter.labels.push((label.to_owned(), value.to_owned()));
            }
            "since" => filter.since = moment(),
            "until" => filter.until = moment(),
            "text" => filter.text = Some(value.replace('_', " ")),
            other => panic!("no filter is called {other}"),
        }
    }
    filter
}

/// The hours of the runs that are listed, page by page.
async fn listed(store: &dyn Store, filter: &RunFilter) -> Vec<i64> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = store
            .runs(filter, cursor.as_deref(), 3)
            .await
            .expect("the store is well");
        assert!(page.items.len() <= 3, "a page has at most its limit");
        found.extend(
            page.items
                .iter()
                .map(|run| (run.created_at.as_millis() - START_MS) / HOUR - 100),
        );
        cursor = page.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

pub(super) async fn runs_are_found(store: &dyn Store, epochs: &ShardEpochs) {
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
    for (words, expected) in [
        ("since=0", &[6, 5, 4, 3, 2, 1, 0][..]),
        ("flow=found", &[5, 3, 2, 1, 0]),
        ("flow=found state=succeeded", &[5, 0]),
        ("flow=found state=failed,queued,failed", &[3, 1]),
        ("since=0 state=failed,queued", &[6, 4, 3, 1]),
        ("since=0 state=succeeded,running", &[5, 2, 0]),
        ("label=env:prod", &[4, 3, 0]),
        ("label=env:prod label=team:a", &[0]),
        ("label=env:prod flow=found", &[3, 0]),
        ("label=env:none", &[]),
        ("since=0 until=3", &[2, 1, 0]),
        ("since=3 until=5", &[4, 3]),
        ("since=4 until=2", &[]),
        ("text=DOOR", &[1]),
        ("text=the_found-too", &[6, 4]),
        ("since=0 text=prod", &[4, 3, 0]),
        ("since=0 text=100%", &[]),
        ("flow=unknown", &[]),
    ] {
        assert_eq!(listed(store, &filter(words)).await, expected, "{words}");
    }
    let by_id = RunFilter {
        text: Some(id(hour(2)).to_string()),
        ..RunFilter::default()
    };
    assert_eq!(listed(store, &by_id).await, [2]);
    let unfinished: Vec<RunId> = store
        .unfinished()
        .await
        .expect("ok")
        .iter()
        .map(|unfinished| unfinished.run)
        .collect();
    assert_eq!(unfinished, [hour(2), hour(3), hour(6)].map(id), "oldest first");
}

/// New runs come in front: who is on the way through the pages sees none twice and misses none.
pub(super) async fn pages_stay_in_place(store: &dyn Store, epochs: &ShardEpochs) {
    let all = filter("since=0");
    let page = store.runs(&all, None, 2).await.expect("ok");
    let new = [run(hour(7)).of("found-too").state(RunStatus::Queued)];
    assert_eq!(commit(store, epochs, &new).await, [Committed::Done]);
    let next = store
        .runs(&all, page.next_cursor.as_deref(), 2)
        .await
        .expect("ok");
    assert_eq!(
        next.items.iter().map(|run| run.id).collect::<Vec<_>>(),
        [id(hour(4)), id(hour(3))]
    );
    let whole = store.runs(&all, None, 8).await.expect("ok");
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
}

pub(super) async fn flows_are_saved_as_versions(store: &dyn Store) {
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

    assert_eq!(store.count_flows().await.expect("ok"), 1);
    let redraw = async |document: &str, redraws| {
        let mut new = version("saved", document, None);
        new.redraws = Some(redraws);
        let number = store.save_flow(new).await.expect("ok");
        let saved = store.flow("saved", Some(number)).await.expect("ok");
        (number, saved.expect("it is there").source)
    };
    assert_eq!(redraw("{4444}", 3).await, (3, "# {4444}".to_owned()));
    assert_eq!(redraw("{}", 3).await, (3, "# {}".to_owned()));
    assert_eq!(store.flow_versions("saved").await.expect("ok").len(), 3);
    assert!(store.archive_flow("saved").await.expect("ok"));
    assert_eq!(store.count_flows().await.expect("ok"), 0);
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

pub(super) async fn counts_follow_the_runs(store: &dyn Store, epochs: &ShardEpochs) {
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
    assert_eq!(
        (stats.duration_ms_p50, stats.duration_ms_p95),
        (Some(20), Some(101)),
        "of the succeeded ones; 101 ms speak for 100 to 103"
    );
    let after = store.stats(None).await.expect("ok");
    assert_eq!(after.n_finished, before.n_finished + 3, "all flows together");
    assert_eq!(after.runs["failed"], before.runs["failed"] + 1);
    assert_eq!(
        store.stats(Some("unknown")).await.expect("ok"),
        FlowStats::default()
    );
}

pub(super) async fn flows_show_their_runs(store: &dyn Store, epochs: &ShardEpochs) {
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
    let latest = store.latest_flows(3).await.expect("ok");
    assert_eq!(
        latest.iter().map(|flow| flow.id.as_str()).collect::<Vec<_>>(),
        ["listed-b", "listed-a", "listed-d"]
    );
    assert_eq!(latest[0], *b, "as in the list");
    commit(store, epochs, &[run(235).of("listed-d")]).await;
    let latest = store.latest_flows(2).await.expect("ok");
    assert_eq!(
        latest.iter().map(|flow| flow.id.as_str()).collect::<Vec<_>>(),
        ["listed-d", "listed-b"]
    );
    let described = store.flows(Some("what listed-d is"), None, 9).await.expect("ok");
    assert_eq!(described.items.len(), 1, "the description is searched too");
}
