//! What is wrong with a backup is told. That whole ones are put back is tested through the program.

use bytes::Bytes;
use expect_test::{Expect, expect};
use flow::run::EventKind;
use flow::view::RunStatus;
use flow::{BlobRef, Payload};
use tempfile::TempDir;

use super::check::check;
use super::*;
use crate::store::sqlite::SqliteStore;
use crate::store::suite::{at, id, run, version};
use crate::store::{BlobStore as _, LogChunk, LogKey, LogStore as _, LogStream, Store as _};

/// A data folder with four runs, one of them on its way out, and a server that works in it.
async fn data() -> (TempDir, SqliteStore) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&dir.path().join("data")).expect("it is made");
    let epochs = store.take_shards().await.expect("ok");
    store.save_flow(version("orders", "{}", None)).await.expect("ok");
    let json = Bytes::from("\"large\"");
    let value = BlobRef {
        sha256: sha256(&json),
        bytes: json.len() as u64,
    };
    store
        .blobs()
        .put(at(0), vec![(value.clone(), json)])
        .await
        .expect("ok");
    let mut first = run(1).label("env", "prod").key("k", 1).decision();
    if let EventKind::TaskSucceeded { output, .. } = &mut first.events[1].kind {
        *output = Payload::Blob(value);
    }
    let begun = run(2).events(1, 2).state(RunStatus::Running);
    let batch = vec![
        first,
        begun.decision(),
        run(2).events(3, 1).state(RunStatus::Running).decision(),
        run(3).decision(),
        run(4).decision(),
    ];
    store.commit(&epochs, batch).await.expect("ok");
    store.delete_runs(vec![id(4)]).await.expect("ok");
    let key = LogKey {
        run: id(1),
        task: "a".into(),
        attempt: 1,
    };
    let chunk = LogChunk {
        number: 1,
        at: at(1),
        stream: LogStream::Stdout,
        text: "hello\n".to_owned(),
    };
    store.logs().append(vec![(key, chunk)]).await.expect("ok");
    (dir, store)
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What is told of a backup that was changed by this SQL. `RUN1` and so on stand for runs.
async fn tell(sql: &str, expected: Expect) {
    let (dir, _store) = data().await;
    let path = dir.path().join("out.db");
    backup(&dir.path().join("data"), &path, at(0)).expect("it is made beside a server at work");
    let conn = Connection::open(&path).expect("ok");
    let mut sql = sql.to_owned();
    for n in 1..=4 {
        let bytes: String = id(n)
            .to_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        sql = sql.replace(&format!("RUN{n}"), &format!("x'{bytes}'"));
    }
    conn.execute_batch(&sql).expect("it is SQL");
    drop(conn);
    let mut told = match check(&path) {
        Ok(checked) => {
            let counts = format!(
                "{} flows, {} runs, {} events, {} values, {} chunks",
                checked.n_flows, checked.n_runs, checked.n_events, checked.n_values, checked.n_chunks
            );
            let lines: Vec<String> = checked.problems.into_iter().chain([counts]).collect();
            lines.join("\n")
        }
        Err(error) => error.to_string(),
    };
    told = told.replace(&dir.path().display().to_string(), "DIR");
    for n in 1..=4 {
        told = told.replace(&id(n).to_string(), &format!("RUN{n}"));
    }
    expected.assert_eq(&told);
}

#[tokio::test]
async fn whole_backups_have_no_problems() {
    tell("", expect!["1 flows, 3 runs, 12 events, 1 values, 1 chunks"]).await;
}

#[tokio::test]
async fn what_is_wrong_with_events_is_told() {
    tell(
        "DELETE FROM events WHERE run = RUN1",
        expect![[r#"
        RUN1: it has a row and no events
        1 flows, 3 runs, 9 events, 1 values, 1 chunks"#]],
    )
    .await;
    tell(
        "DELETE FROM events WHERE run = RUN2 AND first_seq = 1",
        expect![[r#"
            RUN2: its log begins with event 3
            1 flows, 3 runs, 10 events, 1 values, 1 chunks"#]],
    )
    .await;
    tell(
        "DELETE FROM events WHERE run = RUN2 AND first_seq = 3",
        expect![[r#"
            RUN2: its row says that its last event is 3, it is 2
            1 flows, 3 runs, 11 events, 1 values, 1 chunks"#]],
    )
    .await;
    tell(
        "UPDATE events SET last_seq = 5, bytes = x'0199' WHERE run = RUN2 AND first_seq = 3",
        expect![[r#"
            RUN2: events from number 3 on cannot be read (expected value at line 1 column 1); they were written by a newer Pointwork or are damaged
            RUN2: its row says that its last event is 3, it is 5
            1 flows, 3 runs, 11 events, 1 values, 1 chunks"#]],
    )
    .await;
    tell(
        "UPDATE events SET last_seq = 4 WHERE run = RUN3",
        expect![[r#"
        RUN3: 3 events stand where 1 to 4 should
        RUN3: its row says that its last event is 3, it is 4
        1 flows, 3 runs, 12 events, 1 values, 1 chunks"#]],
    )
    .await;
    tell(
        "UPDATE events SET shard_seq = 99 WHERE run = RUN3",
        expect![[r#"
        shard 63: the numbers of its decisions do not fit its counter
        1 flows, 3 runs, 12 events, 1 values, 1 chunks"#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_rows_is_told() {
    tell(
        "DELETE FROM runs WHERE run = RUN3",
        expect![[r#"
        RUN3: it has events and no row
        flow orders: 2 runs are counted as succeeded, there are 1
        1 flows, 2 runs, 12 events, 1 values, 1 chunks"#]],
    )
    .await;
    tell(
        "UPDATE runs SET state = 4 WHERE run = RUN2",
        expect![[r#"
        RUN2: its row says succeeded, its log that it has not ended
        flow orders: 1 runs are counted as running, there are 0
        flow orders: 2 runs are counted as succeeded, there are 3
        1 flows, 3 runs, 12 events, 1 values, 1 chunks"#]],
    )
    .await;
    tell("UPDATE runs SET rest = '{}' WHERE run = RUN2", expect![[r#"
        RUN2: a run's row cannot be read (missing field `flow_name` at line 1 column 2); it was written by a newer Pointwork or is damaged
        1 flows, 3 runs, 12 events, 1 values, 1 chunks"#]]).await;
    tell(
        "DELETE FROM flow_versions",
        expect![[r#"
        RUN1: version 1 of its flow orders is missing
        RUN2: version 1 of its flow orders is missing
        RUN3: version 1 of its flow orders is missing
        1 flows, 3 runs, 12 events, 1 values, 1 chunks"#]],
    )
    .await;
    tell(
        "DELETE FROM flow_stats",
        expect![[r#"
        flow orders: it has runs that are not counted
        1 flows, 3 runs, 12 events, 1 values, 1 chunks"#]],
    )
    .await;
    tell(
        "DELETE FROM deleted_runs",
        expect![[r#"
        RUN4: it has events and no row
        1 flows, 3 runs, 12 events, 1 values, 1 chunks"#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_values_is_told() {
    tell(
        "DELETE FROM blobs",
        expect![[r#"
        RUN1: the large value 8dd8c429f56aeaccae1c540f78a366e07f80c0a73bb128291b6bca3ba349abc9 is missing
        1 flows, 3 runs, 12 events, 0 values, 1 chunks"#]],
    )
    .await;
    tell("UPDATE blobs SET value = x'22'", expect![[r#"
        the large value 8dd8c429f56aeaccae1c540f78a366e07f80c0a73bb128291b6bca3ba349abc9 is another than it was
        1 flows, 3 runs, 12 events, 1 values, 1 chunks"#]]).await;
    tell("DELETE FROM run_blobs", expect![[r#"
        RUN1: it names the large value 8dd8c429f56aeaccae1c540f78a366e07f80c0a73bb128291b6bca3ba349abc9, but is not noted to
        1 flows, 3 runs, 12 events, 1 values, 1 chunks"#]]).await;
}

#[tokio::test]
async fn what_is_no_backup_is_refused() {
    tell(
        "PRAGMA application_id = 7",
        expect!["DIR/out.db is a database, but no backup of Pointwork's"],
    )
    .await;
    tell("PRAGMA user_version = 2", expect!["DIR/out.db was made by a newer Pointwork (format 2, this program knows 1); use that version or a later one"]).await;
    tell(
        "UPDATE backup_files SET schema = 99 WHERE file = 'logs.db'",
        expect!["DIR/out.db was made by a newer Pointwork (logs.db of schema 99, this program knows up to 1); use that version or a later one"],
    )
    .await;
}

#[tokio::test]
async fn values_are_held_while_a_backup_is_made() {
    let (dir, store) = data().await;
    let blobs = store.blobs();
    let far = at(1_000_000_000);
    let all = blobs.untouched(far, None, 9).await.expect("ok");
    let held = hold::hold(&dir.path().join("data")).expect("ok");
    let second = hold::hold(&dir.path().join("data")).expect("several may");
    drop(second);
    assert_eq!(blobs.delete(far, all.clone()).await.expect("ok"), None);
    drop(held);
    assert_eq!(blobs.delete(far, all).await.expect("ok"), Some(1));
}
