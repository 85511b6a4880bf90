//! Counts by time, saved views, commands to many runs, runs made from others.

use std::sync::Arc;
use std::time::Duration;

use flow::query::RunQuery;
use flow::view::RunStatus;

use super::drafts::{Draft, START_MS, at, commit, id, run};
use crate::store::board::{BulkMark, BulkRow, BulkState, ViewRow};
use crate::store::cells::{CellKind, RunTally};
use crate::store::{RunFilter, ShardEpochs, Sought, Store};

const MINUTE: i64 = 60_000;
/// A time that the rest of the suite leaves alone.
const THEN: i64 = 1_000 * 60 * MINUTE;

fn counted(n: i64) -> Draft {
    run(THEN + n).of("counted")
}

/// What the cells of some minutes add up to.
async fn tally(store: &dyn Store, flow: Option<&str>, minutes: std::ops::Range<i64>) -> String {
    let secs = |minute: i64| (START_MS + THEN).div_euclid(MINUTE) * 60 + minute * 60;
    let cells = store
        .run_cells(flow, secs(minutes.start)..secs(minutes.end))
        .await
        .expect("the store is well");
    let mut tally = RunTally::default();
    cells.into_iter().for_each(|cell| tally.add(cell));
    let [created, succeeded, failed, cancelled] = [
        CellKind::Created,
        CellKind::Succeeded,
        CellKind::Failed,
        CellKind::Cancelled,
    ]
    .map(|kind| tally.count(kind));
    format!(
        "{created}: {succeeded} {failed} {cancelled}, {:?} {:?}, {:?}",
        tally.duration_ms(50),
        tally.duration_ms(95),
        tally.wait_ms(95)
    )
}

/// Nothing is left of a run.
async fn delete(store: &dyn Store, n: i64) {
    assert_eq!(store.delete_runs(vec![id(n)]).await.expect("ok"), 1);
    loop {
        let swept = store.sweep(99).await.expect("ok");
        store.forget_runs(swept.emptied).await.expect("ok");
        if swept.is_done {
            return;
        }
    }
}

pub(super) async fn counts_by_time_follow_the_runs(store: &dyn Store, epochs: &ShardEpochs) {
    let shown = async |minutes| tally(store, Some("counted"), minutes).await;
    assert_eq!(shown(0..9).await, "0: 0 0 0, None None, None");
    let batch = [
        counted(1).lasted(10),
        counted(2).lasted(30),
        counted(3).events(1, 1).state(RunStatus::Queued),
        counted(2 * MINUTE).error("broken"),
    ];
    commit(store, epochs, &batch).await;
    assert_eq!(shown(0..2).await, "3: 2 0 0, Some(10) Some(30), Some(1)");
    assert_eq!(shown(2..4).await, "1: 0 1 0, None None, Some(1)");
    assert_eq!(
        tally(store, None, 0..9).await,
        "4: 2 1 0, Some(10) Some(30), Some(1)"
    );
    // A run that ends later counts for the minute in which it was created, once.
    let next = |state| counted(3).events(2, 1).state(state);
    commit(store, epochs, &[next(RunStatus::Running)]).await;
    commit(
        store,
        epochs,
        &[counted(3).events(3, 1).state(RunStatus::Cancelled)],
    )
    .await;
    assert_eq!(shown(0..2).await, "3: 2 0 1, Some(10) Some(30), Some(1)");
    // What is out of step is not counted.
    commit(
        store,
        epochs,
        &[counted(3).events(3, 1).state(RunStatus::Cancelled)],
    )
    .await;
    delete(store, THEN + 1).await;
    assert_eq!(
        shown(0..2).await,
        "3: 2 0 1, Some(10) Some(30), Some(1)",
        "deleted runs stay counted"
    );
    let flows = store.counted_flows().await.expect("ok");
    assert!(flows.contains(&"counted".to_owned()), "{flows:?}");
    let hour = (START_MS + THEN).div_euclid(60 * MINUTE) * 3600;
    store
        .fold_cells(Some("counted"), hour + 3600, 0)
        .await
        .expect("ok");
    let of_hour = store
        .run_cells(Some("counted"), hour..hour + 3600)
        .await
        .expect("ok");
    let created = of_hour.iter().filter(|cell| cell.kind == CellKind::Created);
    assert_eq!(
        created.map(|cell| cell.n).sum::<i64>(),
        4,
        "what is old is still there"
    );
    store
        .fold_cells(Some("counted"), 0, hour + 3600)
        .await
        .expect("ok");
    let left = store.run_cells(Some("counted"), 0..i64::MAX).await.expect("ok");
    assert_eq!(left, [], "what is older than anybody asks for is gone");
}

pub(super) async fn runs_know_what_was_made_from_them(store: &dyn Store, epochs: &ShardEpochs) {
    let failed = |n: i64| run(THEN + n).of("again").error("broken");
    let batch = [failed(100), failed(101), run(THEN + 102).of("again")];
    commit(store, epochs, &batch).await;
    let retry = |n: i64, of: i64| run(THEN + n).of("again").retry_of(THEN + of);
    commit(
        store,
        epochs,
        &[retry(103, 100).error("again"), retry(104, 100), retry(105, 102)],
    )
    .await;
    let found = async |query: &str| -> Vec<i64> {
        let query = RunQuery::read(query).expect("is right");
        let filter = RunFilter {
            flow: Some("again".to_owned()),
            states: query.states().unwrap_or_default(),
            sought: Some(Arc::new(Sought {
                query,
                now: at(THEN),
                ..Sought::default()
            })),
            ..RunFilter::default()
        };
        let page = store.runs(&filter, None, 99).await.expect("the store is well");
        let offsets = page
            .items
            .iter()
            .map(|run| run.created_at.as_millis() - START_MS - THEN);
        offsets.collect()
    };
    assert_eq!(found("state:failed -is:retried").await, [103, 101]);
    assert_eq!(found("is:retried").await, [100]);
    let row = store.run(id(THEN + 100)).await.expect("ok").expect("it is there");
    assert_eq!(
        row.summary.retried_by,
        Some(id(THEN + 103)),
        "the first one counts"
    );
    delete(store, THEN + 100).await;
    assert_eq!(found("is:retried").await, [] as [i64; 0]);
}

pub(super) async fn views_are_kept(store: &dyn Store) {
    let put = async |name: &str, query: &str| {
        let view = ViewRow {
            name: name.to_owned(),
            query: query.to_owned(),
            updated_at: at(1),
            actor: "local".to_owned(),
        };
        store.put_view(view).await.expect("ok");
    };
    let shown = async || {
        let views = store.views().await.expect("ok");
        let line = |view: &ViewRow| format!("{}: {}", view.name, view.query);
        views.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(shown().await, "");
    put("mine", "state:failed").await;
    put("Ärger", "is:late").await;
    put("mine", "state:failed flow:a").await;
    assert_eq!(shown().await, "mine: state:failed flow:a\nÄrger: is:late");
    assert!(store.remove_view("mine").await.expect("ok"));
    assert!(!store.remove_view("mine").await.expect("ok"), "it is gone");
    assert!(store.remove_view("Ärger").await.expect("ok"));
}

pub(super) async fn commands_to_many_runs_are_kept(store: &dyn Store) {
    let bulk = |id: &str, n: u32| BulkRow {
        id: id.to_owned(),
        spec: "{}".to_owned(),
        state: BulkState::Frozen,
        made_at: at(0),
        expires_at: at(1_000),
        n,
        n_done: 0,
        n_refused: 0,
    };
    let mark = |n: u32, is_done: bool| BulkMark {
        n,
        is_done,
        result: format!("{is_done}"),
    };
    let shown = async |id: &str| {
        let bulk = store.bulk(id).await.expect("ok");
        bulk.map(|bulk| {
            format!(
                "{} {}+{}/{}",
                bulk.state.key(),
                bulk.n_done,
                bulk.n_refused,
                bulk.n
            )
        })
    };
    let runs = [3, 1, 2].map(|n| id(THEN + n));
    store.put_bulk(bulk("b1", 3), runs.to_vec()).await.expect("ok");
    store.put_bulk(bulk("b2", 1), vec![id(1)]).await.expect("ok");
    assert_eq!(shown("b1").await.as_deref(), Some("frozen 0+0/3"));
    assert_eq!(shown("b0").await, None);
    let states = store.bulk_states("b1").await.expect("ok");
    assert_eq!(states, [(None, 3)], "runs that are not there");
    assert!(!store.begin_bulk("b1", at(1_000)).await.expect("ok"), "too late");
    assert!(store.begin_bulk("b1", at(999)).await.expect("ok"));
    assert!(
        !store.begin_bulk("b1", at(999)).await.expect("ok"),
        "it begins once"
    );
    store
        .mark_bulk("b1", vec![mark(1, true), mark(2, false)])
        .await
        .expect("ok");
    store.mark_bulk("b1", vec![mark(2, true)]).await.expect("ok");
    assert_eq!(
        shown("b1").await.as_deref(),
        Some("acting 1+1/3"),
        "the first word counts"
    );
    let listed = store.bulk_runs("b1", 1, 99).await.expect("ok");
    let listed: Vec<_> = listed
        .iter()
        .map(|run| (run.n, run.run, run.result.as_deref()))
        .collect();
    assert_eq!(listed, [(1, runs[1], Some("true")), (2, runs[2], Some("false"))]);
    let acting = store.acting_bulks().await.expect("ok");
    assert_eq!(acting.iter().map(|bulk| &*bulk.id).collect::<Vec<_>>(), ["b1"]);
    let late = at(1_000).plus(Duration::from_secs(1));
    store.forget_bulks(late).await.expect("ok");
    assert_eq!(shown("b2").await, None, "what was never begun is forgotten");
    store.mark_bulk("b1", vec![mark(0, true)]).await.expect("ok");
    assert_eq!(shown("b1").await.as_deref(), Some("done 2+1/3"));
    store.forget_bulks(late).await.expect("ok");
    assert_eq!(store.bulk_runs("b1", 0, 9).await.expect("ok"), []);
}
