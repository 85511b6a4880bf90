//! What only files can do: last, be locked, be full, be somebody else's.

use std::path::Path;
use std::time::Duration;

use flow::run::EventKind;
use flow::view::RunStatus;
use flow::{BlobRef, Payload};
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

use super::rows::Walk;
use super::*;
use crate::store::StoreError;
use crate::store::board::BoardStore;
use crate::store::cells::RunTally;
use crate::store::suite::{N_DECISIONS_DELETED, exercise, id, run, version};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

fn open(dir: &TempDir) -> SqliteStore {
    SqliteStore::open_with(dir.path(), Duration::from_millis(20)).expect("the folder can be opened")
}

fn raw(dir: &TempDir, file: &str) -> Connection {
    Connection::open(dir.path().join(file)).expect("the file can be opened")
}

fn refusal(dir: &TempDir) -> String {
    match SqliteStore::open(dir.path()) {
        Ok(_) => "opened".to_owned(),
        Err(StoreError::Incompatible(text)) => format!(
            "incompatible: {}",
            text.replace(&dir.path().display().to_string(), "DIR")
        ),
        Err(error) => error
            .to_string()
            .replace(&dir.path().display().to_string(), "DIR"),
    }
}

#[tokio::test]
async fn sqlite_does_what_a_store_must() {
    let dir = folder();
    let store = open(&dir);
    exercise(&store, &*store.logs(), &*store.blobs()).await;
    drop(store);
    for file in ["pointwork.db", "logs.db", "blobs.db"] {
        let check: String = raw(&dir, file)
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("ok");
        assert_eq!(check, "ok", "{file}");
    }
    let (n_decisions, n_numbers): (i64, i64) = raw(&dir, "pointwork.db")
        .query_row(
            "SELECT (SELECT count(*) FROM events), (SELECT sum(shard_seq) FROM shards)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("ok");
    assert_eq!(
        n_decisions + N_DECISIONS_DELETED,
        n_numbers,
        "shard numbers are dense"
    );
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let dir = folder();
    let store = open(&dir);
    let instance = store.instance().to_owned();
    let epochs = store.take_shards().await.expect("ok");
    store.save_flow(version("orders", "{}", None)).await.expect("ok");
    let running = run(1).state(RunStatus::Running).key("k", 5);
    store
        .commit(&epochs, vec![running.decision(), run(2).decision()])
        .await
        .expect("ok");
    drop(store);

    let store = open(&dir);
    assert_eq!(store.instance(), instance);
    assert_eq!(
        store.events(id(1), 0, 9).await.expect("ok"),
        running.decision().events
    );
    assert_eq!(store.unfinished().await.expect("ok").len(), 1);
    assert_eq!(
        store.run_by_key("orders", "k").await.expect("ok"),
        Some((id(1), 5))
    );
    let raised = store.take_shards().await.expect("ok");
    assert_eq!(raised.0[7], epochs.0[7] + 1);
    let next = run(1).events(4, 1).decision();
    assert_eq!(
        store.commit(&raised, vec![next]).await.expect("ok"),
        [Committed::Done]
    );
    assert_eq!(store.stats(None).await.expect("ok").runs["succeeded"], 2);
}

#[cfg(unix)]
#[test]
fn the_folder_is_private_and_taken_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = folder();
    let data = dir.path().join("a/b");
    let store = SqliteStore::open(&data).expect("it is made");
    let mode = std::fs::metadata(&data)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let second = SqliteStore::open(&data).err().expect("it is taken").to_string();
    assert!(second.contains("another Pointwork is at work in"), "{second}");
    drop(store);
    assert!(SqliteStore::open(&data).is_ok());
}

#[test]
fn foreign_and_newer_files_are_refused() {
    let foreign = folder();
    raw(&foreign, "pointwork.db")
        .execute_batch("CREATE TABLE theirs (a)")
        .expect("ok");
    let newer = folder();
    drop(open(&newer));
    raw(&newer, "logs.db")
        .pragma_update(None, "user_version", 2)
        .expect("ok");
    let text = folder();
    std::fs::write(
        text.path().join("blobs.db"),
        "nothing like a database, but longer than the header of one: ".repeat(20),
    )
    .expect("ok");
    expect_test::expect![[r"
        incompatible: DIR/pointwork.db is a database, but not one of Pointwork's; choose another data folder or move the file away
        incompatible: DIR/logs.db was written by a newer Pointwork (schema 2, this program knows up to 1); run that version or a later one
        incompatible: DIR/blobs.db is not a database; choose another data folder, move the file away or restore it from a backup
    "]]
    .assert_eq(&[&foreign, &newer, &text].map(|dir| refusal(dir) + "\n").concat());
}

/// For each file and each schema there ever was: a file that has only got that far is brought up to date.
#[tokio::test]
async fn files_of_every_earlier_schema_open() {
    for kind in [POINTWORK, LOGS, BLOBS] {
        for reached in 1..=kind.migrations.len() {
            let dir = folder();
            let conn = raw(&dir, kind.file_name);
            for script in &kind.migrations[..reached] {
                conn.execute_batch(script).expect("a migration runs");
            }
            drop(conn);
            let store = open(&dir);
            exercise(&store, &*store.logs(), &*store.blobs()).await;
            drop(store);
            let conn = raw(&dir, kind.file_name);
            let version: i64 = conn
                .query_row("PRAGMA user_version", [], |row| row.get(0))
                .expect("ok");
            assert_eq!(usize::try_from(version), Ok(kind.migrations.len()));
            let vacuum: i64 = conn
                .query_row("PRAGMA auto_vacuum", [], |row| row.get(0))
                .expect("ok");
            assert_eq!(vacuum, 2, "incremental, from the first page on");
        }
    }
}

/// What a store answers about everything in it, as text.
async fn all_of(store: &SqliteStore) -> String {
    let page = store.runs(&RunFilter::default(), None, 1000).await.expect("ok");
    let mut text = format!(
        "{:?}\n{:?}\n",
        store.stats(None).await,
        store.flows(None, None, 99).await
    );
    for run in page.items {
        text += &format!(
            "{:?}\n{:?}\n",
            store.run(run.id).await,
            store.events(run.id, 0, 99).await
        );
    }
    for flow in [None, Some("orders")] {
        let mut tally = RunTally::default();
        let cells = store.run_cells(flow, 0..i64::MAX).await.expect("ok");
        cells.into_iter().for_each(|cell| tally.add(cell));
        text += &format!("{tally:?}\n");
    }
    let values = [0xa0, 0xa1, 0xa2].map(|byte| [byte; 32]).to_vec();
    text += &format!("{:?}\n", store.unreferenced(values).await);
    text + &format!("{:?}", store.run_by_key("orders", "k").await)
}

/// The rows of a file as an earlier schema held them.
fn as_of_schema(new: &Path, old: &Path, kind: file::Kind, reached: usize) {
    let conn = Connection::open(old).expect("ok");
    for script in &kind.migrations[..reached] {
        conn.execute_batch(script).expect("a migration runs");
    }
    conn.execute("ATTACH ? AS new", [new.to_str().expect("text")])
        .expect("ok");
    let names = |sql: &str| -> Vec<String> {
        let mut select = conn.prepare(sql).expect("ok");
        let rows = select.query_map([], |row| row.get(0)).expect("ok");
        rows.collect::<rusqlite::Result<_>>().expect("ok")
    };
    for table in names("SELECT name FROM main.sqlite_master WHERE type = 'table'") {
        let columns = names(&format!("SELECT name FROM pragma_table_info('{table}', 'main')")).join(", ");
        conn.execute_batch(&format!(
            "DELETE FROM main.{table}; INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}"
        ))
        .expect("a table keeps its columns");
    }
}

#[tokio::test]
async fn data_of_every_earlier_schema_is_kept() {
    let made = folder();
    let store = open(&made);
    let epochs = store.take_shards().await.expect("ok");
    store.save_flow(version("orders", "{}", None)).await.expect("ok");
    let lasted = [0, 7, 15, 16, 17, 31, 32, 33, 1000, 86_400_000, 86_400_000_000];
    let drafts = lasted.into_iter().zip(1..).map(|(ms, n)| run(n).lasted(ms));
    let others = [
        run(20).key("k", 7).label("env", "prod"),
        run(21).error("broken").lasted(99),
        run(23).retry_of(21).state(RunStatus::Cancelled),
        run(22).of("mails").state(RunStatus::Running),
    ];
    let mut batch: Vec<_> = drafts.chain(others).map(|draft| draft.decision()).collect();
    for (event, byte) in [(0, 0xa1_u8), (1, 0xa2)] {
        let blob = BlobRef {
            sha256: format!("{byte:02x}").repeat(32),
            bytes: 70_000,
        };
        match &mut batch[0].events[event].kind {
            EventKind::RunCreated { inputs: value, .. } | EventKind::TaskSucceeded { output: value, .. } => {
                *value = Payload::Blob(blob);
            }
            _ => {}
        }
    }
    store.commit(&epochs, batch).await.expect("ok");
    let expected = all_of(&store).await;
    let free = store.unreferenced([0xa0, 0xa1, 0xa2].map(|byte| [byte; 32]).to_vec());
    assert_eq!(free.await.expect("ok"), [[0xa0; 32]]);
    drop(store);
    for kind in [POINTWORK, LOGS, BLOBS] {
        for reached in 1..=kind.migrations.len() {
            let dir = folder();
            for other in [POINTWORK, LOGS, BLOBS] {
                let (from, to) = (
                    made.path().join(other.file_name),
                    dir.path().join(other.file_name),
                );
                if other.file_name == kind.file_name {
                    as_of_schema(&from, &to, kind, reached);
                } else {
                    std::fs::copy(from, to).expect("ok");
                }
            }
            let store = open(&dir);
            assert_eq!(
                all_of(&store).await,
                expected,
                "{} of schema {reached}",
                kind.file_name
            );
        }
    }
}

#[tokio::test]
async fn what_rows_of_earlier_schemas_do_not_say_is_noted_once() {
    let (made, old) = (folder(), folder());
    let store = open(&made);
    let epochs = store.take_shards().await.expect("ok");
    let running = |n: i64| run(n).events(1, 2).state(RunStatus::Running);
    let batch = [running(1), running(2), run(3)].map(|draft| draft.decision());
    store.commit(&epochs, batch.to_vec()).await.expect("ok");
    assert_eq!(
        store.unasked_runs(9).await.expect("ok"),
        [],
        "a new row says it itself"
    );
    drop(store);
    let name = POINTWORK.file_name;
    as_of_schema(&made.path().join(name), &old.path().join(name), POINTWORK, 9);
    let store = open(&old);
    assert_eq!(store.unasked_runs(9).await.expect("ok"), [id(1), id(2)]);
    store.note_asking(id(1), 2, 3).await.expect("ok");
    store.note_asking(id(2), 1, 3).await.expect("ok");
    let noted = async |n: i64| {
        store
            .run(id(n))
            .await
            .expect("ok")
            .expect("it is there")
            .summary
            .n_asking
    };
    assert_eq!(
        (noted(1).await, noted(2).await),
        (3, 0),
        "the second was written since"
    );
    assert_eq!(store.unasked_runs(9).await.expect("ok"), []);
}

#[tokio::test]
async fn a_lock_of_another_program_is_waited_out_and_told() {
    let dir = folder();
    let store = open(&dir);
    let epochs = store.take_shards().await.expect("ok");
    let other = raw(&dir, "pointwork.db");
    other.execute_batch("BEGIN EXCLUSIVE").expect("ok");
    let refused = store
        .commit(&epochs, vec![run(1).decision()])
        .await
        .expect_err("it is locked")
        .to_string();
    assert!(refused.contains("another program holds a lock on"), "{refused}");
    assert_eq!(store.run(id(1)).await.expect("reading goes on"), None);
    other.execute_batch("ROLLBACK").expect("ok");
    assert_eq!(
        store
            .commit(&epochs, vec![run(1).decision()])
            .await
            .expect("later calls work"),
        [Committed::Done]
    );
}

#[tokio::test]
async fn a_full_disk_changes_nothing_and_passes() {
    let dir = folder();
    let store = open(&dir);
    let epochs = store.take_shards().await.expect("ok");
    assert_eq!(
        store.commit(&epochs, vec![run(1).decision()]).await.expect("ok"),
        [Committed::Done]
    );
    let allow = async |pages: i64| {
        let set = move |conn: &Connection, _: &mut EventLedger| {
            conn.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?;
            Ok(())
        };
        store.writer.write(1, set).await.expect("ok");
    };
    allow(1).await; // As many as there are.
    let many = || {
        let keyed = std::iter::once(run(2).key("k", 0));
        keyed
            .chain((3..501).map(run))
            .map(|draft| draft.decision())
            .collect::<Vec<_>>()
    };
    let refused = store
        .commit(&epochs, many())
        .await
        .expect_err("it is full")
        .to_string();
    assert!(refused.contains("no space is left for"), "{refused}");
    assert_eq!(store.run(id(2)).await.expect("ok"), None);
    assert_eq!(store.run_by_key("orders", "k").await.expect("ok"), None);
    assert_eq!(store.stats(None).await.expect("ok").runs["succeeded"], 1);
    allow(1_000_000).await;
    assert!(
        store
            .commit(&epochs, many())
            .await
            .expect("there is space again")
            .iter()
            .all(|done| *done == Committed::Done)
    );
    let runs: i64 = raw(&dir, "pointwork.db")
        .query_row("SELECT sum(shard_seq) FROM shards", [], |row| row.get(0))
        .expect("ok");
    assert_eq!(runs, 1 + 499, "what was rolled back took no number");
}

#[tokio::test]
async fn one_failing_request_does_not_harm_those_it_shares_a_transaction_with() {
    let dir = folder();
    let store = Arc::new(open(&dir));
    let epochs = store.take_shards().await.expect("ok");
    // The writer is held while the others gather behind it.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let hold = store.writer.write(1, move |_, _| Ok(held.recv().is_ok()));
    let poison = store.writer.write(1, |conn, _| {
        conn.execute("INSERT INTO shards VALUES (999, 0, 0)", [])?;
        conn.execute("INSERT INTO shards VALUES (0, 0, 0)", [])?;
        Ok(())
    });
    let (before, after) = (vec![run(1).decision()], vec![run(2).decision()]);
    // The sender goes with it: should the holder share the transaction and run again, it finds nobody to wait for.
    let release_later = async move {
        tokio::task::yield_now().await;
        release.send(()).expect("the writer waits for it");
    };
    let (_, first, poisoned, second, ()) = tokio::join!(
        hold,
        store.commit(&epochs, before),
        poison,
        store.commit(&epochs, after),
        release_later
    );
    assert_eq!(first.expect("ok"), [Committed::Done]);
    assert_eq!(second.expect("ok"), [Committed::Done]);
    assert!(
        matches!(poisoned, Err(StoreError::Unavailable(_))),
        "{poisoned:?}"
    );
    let shards: i64 = raw(&dir, "pointwork.db")
        .query_row("SELECT count(*) FROM shards", [], |row| row.get(0))
        .expect("ok");
    assert_eq!(shards, 256, "nothing of it is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_at_once_meet_no_lock() {
    let dir = folder();
    let store = Arc::new(open(&dir));
    let epochs = store.take_shards().await.expect("ok");
    store.save_flow(version("orders", "{}", None)).await.expect("ok");
    let calls = (0..1000_i64).map(|n| {
        let (store, epochs) = (Arc::clone(&store), epochs.clone());
        tokio::spawn(async move {
            match n % 5 {
                0..=2 => {
                    let done = store.commit(&epochs, vec![run(n).decision()]).await?;
                    assert_eq!(done, [Committed::Done]);
                    assert!(store.run(id(n)).await?.is_some(), "what was answered can be read");
                }
                3 => drop(store.runs(&RunFilter::default(), None, 10).await?),
                _ => drop(store.flows(None, None, 10).await?),
            }
            StoreResult::Ok(())
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("no panic").expect("no error");
    }
    assert_eq!(store.stats(None).await.expect("ok").runs["succeeded"], 600);
}

#[test]
fn lists_walk_an_index() {
    let dir = folder();
    drop(open(&dir));
    let conn = raw(&dir, "pointwork.db");
    let flow = Some("orders".to_owned());
    let failed = vec![RunStatus::Failed];
    let label = vec![("env".to_owned(), "prod".to_owned())];
    let filters = [
        RunFilter::default(),
        RunFilter {
            flow: flow.clone(),
            ..RunFilter::default()
        },
        RunFilter {
            states: failed.clone(),
            ..RunFilter::default()
        },
        RunFilter {
            flow,
            states: failed,
            ..RunFilter::default()
        },
        RunFilter {
            labels: label,
            ..RunFilter::default()
        },
    ];
    let mut plans = String::new();
    for filter in &filters {
        let walk = Walk::of(filter);
        let mut values = walk.sources[0].clone();
        values.extend([Value::Blob(vec![0; 16]), Value::Blob(vec![255; 16])]);
        let mut explain = conn
            .prepare(&format!("EXPLAIN QUERY PLAN {}", walk.sql))
            .expect("it is SQL");
        let steps = explain
            .query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3))
            .expect("ok");
        plans += &steps
            .map(|step| step.expect("a step"))
            .collect::<Vec<_>>()
            .join(" · ");
        plans += "\n";
    }
    expect_test::expect![[r#"
        SEARCH w USING PRIMARY KEY (run>? AND run<?) · SEARCH r USING PRIMARY KEY (run=?)
        SEARCH w USING COVERING INDEX runs_by_flow (flow=? AND run>? AND run<?) · SEARCH r USING PRIMARY KEY (run=?)
        SEARCH w USING COVERING INDEX runs_by_state (state=? AND run>? AND run<?) · SEARCH r USING PRIMARY KEY (run=?)
        SEARCH w USING COVERING INDEX runs_by_flow_and_state (flow=? AND state=? AND run>? AND run<?) · SEARCH r USING PRIMARY KEY (run=?)
        SEARCH w USING PRIMARY KEY (label=? AND value=? AND run>? AND run<?) · SEARCH r USING PRIMARY KEY (run=?)
    "#]].assert_eq(&plans);
}
