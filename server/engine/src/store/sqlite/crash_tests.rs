//! `kill -9` in the middle of commits: whatever was acknowledged is there afterwards.
//!
//! The test starts its own program again with a variable that makes it the victim: it commits and prints what was acknowledged.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rusqlite::Connection;

use super::*;
use crate::store::suite::{id, run};

const FOLDER: &str = "POINTWORK_TEST_CRASH_FOLDER";
const FIRST_RUN: &str = "POINTWORK_TEST_CRASH_FIRST_RUN";
const NAME: &str = "store::sqlite::crash_tests::acknowledged_decisions_survive_a_kill";
/// Runs each victim may use up; it never lives long enough.
const RUNS_PER_VICTIM: i64 = 1_000_000;

#[test]
fn acknowledged_decisions_survive_a_kill() {
    if let (Ok(folder), Ok(first)) = (std::env::var(FOLDER), std::env::var(FIRST_RUN)) {
        victim(Path::new(&folder), first.parse().expect("a number"));
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let mut acknowledged = Vec::new();
    for (round, kill_after) in [1, 10, 50, 111, 250].into_iter().enumerate() {
        acknowledged.extend(kill_a_victim(
            dir.path(),
            i64::try_from(round).expect("small") * RUNS_PER_VICTIM,
            kill_after,
        ));
        check(dir.path(), &acknowledged);
    }
}

/// The numbers of the runs that were acknowledged before and while the victim died.
fn kill_a_victim(dir: &Path, first: i64, kill_after: usize) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
        .env(FOLDER, dir)
        .env(FIRST_RUN, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started again");
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        // The harness may put its own words in front of the first line.
        let Some((_, number)) = line
            .expect("it is text")
            .split_once("ack ")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
        else {
            continue;
        };
        acknowledged.push(number.parse().expect("a number"));
        if acknowledged.len() == kill_after {
            child.kill().expect("it can be killed");
        }
    }
    let status = child.wait().expect("it has ended");
    assert!(!status.success(), "it was killed, not done");
    assert!(acknowledged.len() >= kill_after);
    acknowledged
}

fn victim(dir: &Path, first: i64) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = Arc::new(SqliteStore::open(dir).expect("the folder can be opened"));
        let epochs = store.take_shards().await.expect("ok");
        let shards = (0..4).map(|caller| {
            let (store, epochs) = (Arc::clone(&store), epochs.clone());
            tokio::spawn(async move {
                for n in (first + caller..first + RUNS_PER_VICTIM).step_by(4) {
                    let done = store.commit(&epochs, vec![run(n).decision()]).await.expect("ok");
                    assert_eq!(done, [Committed::Done]);
                    writeln!(std::io::stdout().lock(), "ack {n}").expect("somebody reads");
                }
            })
        });
        for shard in shards.collect::<Vec<_>>() {
            shard.await.expect("no panic");
        }
    });
}

fn check(dir: &Path, acknowledged: &[i64]) {
    let file = Connection::open(dir.join("pointwork.db")).expect("ok");
    let integrity: String = file
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("ok");
    assert_eq!(integrity, "ok");
    drop(file);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(dir).expect("a killed process leaves no lock behind");
        for n in acknowledged {
            let events = store.events(id(*n), 0, 100).await.expect("ok");
            assert_eq!(events, run(*n).decision().events, "run {n} was acknowledged");
            assert_eq!(store.run(id(*n)).await.expect("ok"), Some(run(*n).decision().row));
        }
        let succeeded = store.stats(None).await.expect("ok").runs["succeeded"];
        assert!(
            succeeded >= acknowledged.len() as u64,
            "{succeeded} counted, {} acknowledged",
            acknowledged.len()
        );
    });
}
