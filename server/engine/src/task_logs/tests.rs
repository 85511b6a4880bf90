//! Log capture against the memory store.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use expect_test::{Expect, expect};
use flow::{RunId, Timestamp};

use super::{LogHint, LogLimits, LogWriter};
use crate::store::memory::MemoryStore;
use crate::store::{
    LogAmount, LogChunk, LogKey, LogPlace, LogSide, LogStore, LogStream, RunLogs, StoreError, StoreResult,
};
use crate::task_type::LogSink;

const RUN: RunId = RunId(7);

fn key() -> LogKey {
    LogKey {
        run: RUN,
        task: "t".into(),
        attempt: 1,
    }
}

fn small() -> LogLimits {
    LogLimits {
        attempt: 200,
        line: 20,
        memory: 1024 * 1024,
        linger: Duration::from_millis(1),
        batch: 64 * 1024,
    }
}

fn writer(limits: LogLimits) -> (LogWriter, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new());
    let seconds = AtomicI64::new(0);
    let clock = Arc::new(move || Timestamp::from_millis(1000 * seconds.fetch_add(1, Ordering::Relaxed)));
    (
        LogWriter::start(Arc::clone(&store) as Arc<dyn LogStore>, clock, limits),
        store,
    )
}

async fn stored(writer: &LogWriter, store: &MemoryStore) -> String {
    writer.flushed(RUN).await;
    let mut text = String::new();
    for (attempt, chunk) in store
        .read(RUN, "t", (0, 0), usize::MAX)
        .await
        .expect("it can be read")
    {
        let LogChunk { number, stream, .. } = &chunk;
        text.push_str(&format!("{attempt}.{number} {stream:?}\n"));
        for line in chunk.text.lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

/// Writes pieces, each to a stream (`1` or `2`), closes, and shows what is in the store.
async fn check(pieces: &[(u8, &[u8])], expect: &Expect) {
    let (writer, store) = writer(small());
    let log = writer.sink(key());
    for (stream, bytes) in pieces {
        log.write(
            if *stream == 1 {
                LogStream::Stdout
            } else {
                LogStream::Stderr
            },
            bytes,
        );
    }
    log.close();
    expect.assert_eq(&stored(&writer, &store).await);
    assert_eq!(writer.held_bytes(), 0, "nothing is held once it is stored");
}

#[tokio::test]
async fn lines_are_cut_out_of_pieces() {
    check(
        &[
            (1, b"he"),
            (1, b"llo\nwor"),
            (2, b"oops\n"),
            (1, b"ld\nno newline"),
        ],
        &expect![[r#"
        1.1 Stdout
          hello
        1.2 Stderr
          oops
        1.3 Stdout
          world
          no newline
    "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_not_utf8_is_replaced_and_carriage_returns_go() {
    check(
        &[
            (1, b"\xff\xfe caf\xc3\xa9\r\n"),
            (1, b"split \xc3"),
            (1, b"\xa9\n"),
        ],
        &expect![[r#"
        1.1 Stdout
          �� café
          split é
    "#]],
    )
    .await;
}

#[tokio::test]
async fn long_lines_go_on_in_the_next() {
    check(
        &[(1, "ä".repeat(25).as_bytes()), (1, b"\nshort\n")],
        &expect![[r#"
        1.1 Stdout
          ääääääääää
          ääääääääää
          äääää
          short
    "#]],
    )
    .await;
    check(
        &[(1, &[b'x'; 45]), (1, b"y\n")],
        &expect![[r#"
        1.1 Stdout
          xxxxxxxxxxxxxxxxxxxx
          xxxxxxxxxxxxxxxxxxxx
          xxxxxy
    "#]],
    )
    .await;
}

#[tokio::test]
async fn the_middle_of_a_flood_is_left_out() {
    let (writer, store) = writer(LogLimits {
        attempt: 40_000,
        ..small()
    });
    let log = writer.sink(key());
    for number in 0..100_000 {
        log.write(LogStream::Stdout, format!("line {number:06}\n").as_bytes());
    }
    assert!(
        writer.held_bytes() < 80_000 * 2,
        "{} bytes are held",
        writer.held_bytes()
    );
    log.close();
    let text = stored(&writer, &store).await;
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("  line") || line.ends_with("000000") || line.ends_with("099999"))
        .collect();
    expect![[r#"
        1.1 Stdout
          line 000000
        1.2 Engine
          (a long log: after t
          he first 19.5 KiB on
          ly the last 19.5 KiB
           are kept, and shown
           when the attempt en
          ds)
        1.4 Engine
          (1.1 MiB in 96915 li
          nes left out here)
        1.5 Stdout
          line 099999"#]]
    .assert_eq(&lines.join("\n"));
    let kept = text.lines().filter(|line| line.starts_with("  line")).count() * 12;
    assert!((20_000..=40_000).contains(&kept), "{kept} bytes are kept");
}

#[tokio::test]
async fn a_flood_without_newlines_is_bounded_too() {
    let (writer, store) = writer(LogLimits {
        attempt: 10_000,
        line: 1000,
        ..small()
    });
    let log = writer.sink(key());
    for _ in 0..10_000 {
        log.write(LogStream::Stderr, &[b'x'; 777]);
    }
    assert!(
        writer.held_bytes() < 40_000,
        "{} bytes are held",
        writer.held_bytes()
    );
    log.close();
    let text = stored(&writer, &store).await;
    assert!(text.len() < 25_000, "{} bytes were stored", text.len());
    assert!(text.contains("left out here"), "{text}");
}

#[tokio::test]
async fn all_attempts_share_a_budget() {
    let (writer, _store) = writer(LogLimits {
        attempt: 16 * 1024 * 1024,
        memory: 1024 * 1024,
        line: 1024,
        linger: Duration::from_secs(3600),
        batch: usize::MAX,
    });
    let logs: Vec<_> = (0..4)
        .map(|attempt| writer.sink(LogKey { attempt, ..key() }))
        .collect();
    for _ in 0..4000 {
        for log in &logs {
            log.write(LogStream::Stdout, &[b"x".repeat(999).as_slice(), b"\n"].concat());
        }
    }
    // 16 MB were written. Each attempt may hold a little of its end even when the budget is used up.
    assert!(
        writer.held_bytes() < 1024 * 1024 + 4 * 100 * 1024,
        "{} bytes are held",
        writer.held_bytes()
    );
}

#[tokio::test]
async fn followers_are_told_after_the_lines_are_there() {
    let (writer, store) = writer(small());
    let mut hints = writer.subscribe();
    let log = writer.sink(key());
    log.write(LogStream::Stdout, b"hello\n");
    assert_eq!(
        hints.recv().await,
        Ok(LogHint {
            run: RUN,
            task: "t".into()
        })
    );
    assert_eq!(
        store
            .read(RUN, "t", (0, 0), 1000)
            .await
            .expect("it can be read")
            .len(),
        1
    );
}

#[tokio::test]
async fn a_closed_log_takes_only_remarks() {
    let (writer, store) = writer(small());
    writer.line(key(), LogStream::Stdout, "a light task's line");
    let log = writer.sink(LogKey { attempt: 2, ..key() });
    log.write(LogStream::Stdout, b"one\n");
    log.close();
    log.write(LogStream::Stdout, b"too late\n");
    writer.remark(
        log_key(2).as_ref(),
        "the server ended; the last second of this log may be missing",
    );
    expect![[r#"
        1.1 Stdout
          a light task's line
        2.1 Stdout
          one
        2.9223372036854775807 Engine
          the server ended; the last second of this log may be missing
    "#]]
    .assert_eq(&stored(&writer, &store).await);
    writer.stop().await;
}

fn log_key(attempt: u32) -> Box<LogKey> {
    Box::new(LogKey { attempt, ..key() })
}

/// Refuses some appends before it takes any.
struct Moody {
    refusals: AtomicUsize,
    store: MemoryStore,
}

#[async_trait]
impl LogStore for Moody {
    async fn append(&self, chunks: Vec<(LogKey, LogChunk)>) -> StoreResult<()> {
        if self
            .refusals
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
        {
            return Err(StoreError::Unavailable("the disk is full".to_owned()));
        }
        self.store.append(chunks).await
    }

    async fn read(
        &self,
        run: RunId,
        task: &str,
        after: (u32, u64),
        bytes: usize,
    ) -> StoreResult<Vec<(u32, LogChunk)>> {
        self.store.read(run, task, after, bytes).await
    }

    async fn read_back(
        &self,
        run: RunId,
        task: &str,
        until: (u32, u64),
        bytes: usize,
    ) -> StoreResult<Vec<(u32, LogChunk)>> {
        self.store.read_back(run, task, until, bytes).await
    }

    async fn read_run(&self, run: RunId, side: LogSide, amount: LogAmount) -> StoreResult<RunLogs> {
        self.store.read_run(run, side, amount).await
    }

    async fn scan_run(
        &self,
        run: RunId,
        after: Option<LogPlace>,
        bytes: usize,
    ) -> StoreResult<Vec<(LogPlace, LogChunk)>> {
        self.store.scan_run(run, after, bytes).await
    }

    async fn lines_before(
        &self,
        run: RunId,
        chunks: Vec<LogPlace>,
        bytes: usize,
    ) -> StoreResult<Vec<Option<u64>>> {
        self.store.lines_before(run, chunks, bytes).await
    }

    async fn delete(&self, runs: &[RunId], limit: usize) -> StoreResult<bool> {
        self.store.delete(runs, limit).await
    }

    async fn give_back(&self) -> StoreResult<bool> {
        self.store.give_back().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_is_asked_again_and_never_waited_for_without_end() {
    for (refusals, expected) in [(3, 1), (100, 0)] {
        let store = Arc::new(Moody {
            refusals: refusals.into(),
            store: MemoryStore::new(),
        });
        let writer = LogWriter::start(
            Arc::clone(&store) as Arc<dyn LogStore>,
            Arc::new(|| Timestamp::from_millis(0)),
            small(),
        );
        writer.line(key(), LogStream::Stdout, "hello");
        writer.flushed(RUN).await;
        let chunks = store.read(RUN, "t", (0, 0), 1000).await.expect("it can be read");
        assert_eq!(chunks.len(), expected, "after {refusals} refusals");
        assert_eq!(writer.held_bytes(), 0);
    }
}
