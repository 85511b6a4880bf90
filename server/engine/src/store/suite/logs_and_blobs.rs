//! What lives apart from the runs.

use bytes::Bytes;
use flow::run::EventKind;
use flow::{BlobRef, Payload};

use super::drafts::{at, id, run};
use crate::store::{
    BlobStore, LogAmount, LogChunk, LogKey, LogPlace, LogSide, LogStore, LogStream, ShardEpochs, Store,
};

pub(super) async fn logs_are_read_from_any_place(logs: &dyn LogStore) {
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
    let told = |found: Vec<(u32, LogChunk)>| {
        found
            .iter()
            .map(|(attempt, chunk)| format!("{attempt}.{} {:?} {}", chunk.number, chunk.stream, chunk.text))
            .collect::<String>()
    };
    let read = async |task: &str, after, bytes| told(logs.read(id(1), task, after, bytes).await.expect("ok"));
    let back =
        async |task: &str, until, bytes| told(logs.read_back(id(1), task, until, bytes).await.expect("ok"));
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

    let end = (u32::MAX, u64::MAX);
    assert_eq!(back("a", end, 1000).await, whole);
    assert_eq!(back("a", end, 1).await, "2.1 Stdout second try\n", "at least one");
    assert_eq!(
        back("a", end, 20).await,
        "1.9 Engine left out\n2.1 Stdout second try\n",
        "as much as fits, the newest"
    );
    assert_eq!(
        back("a", (1, 8), 1000).await,
        "1.1 Stdout one\n1.2 Stderr zwölf\n"
    );
    assert_eq!(
        back("a", (1, 2), 7).await,
        "1.2 Stderr zwölf\n",
        "the position itself belongs to it"
    );
    assert_eq!(back("a", (1, 0), 1000).await, "");
    assert_eq!(back("c", end, 1000).await, "");
}

pub(super) async fn logs_of_a_run_are_one(logs: &dyn LogStore) {
    let chunk = |run_n: i64, task: &str, attempt, number: u64, at_ms: i64, text: &str| {
        let key = LogKey {
            run: id(run_n),
            task: task.into(),
            attempt,
        };
        let chunk = LogChunk {
            number,
            at: at(at_ms),
            stream: LogStream::Stdout,
            text: text.to_owned(),
        };
        (key, chunk)
    };
    logs.append(vec![
        chunk(31, "b", 1, 1, 10, "b one\nb two\n"),
        chunk(31, "b", 1, 2, 40, "b three\n"),
        chunk(31, "a[10]", 1, 1, 20, "item\n"),
        chunk(31, "a[10]", 2, 1, 30, "again\n"),
        chunk(31, "a", 1, 1, 30, "all\n"),
        chunk(31, "ü", 1, 1, 30, "umlaut\n"),
        chunk(31, "b", 1, i64::MAX as u64, 50, "lost\n"),
        chunk(30, "b", 1, 1, 25, "of another run\n"),
        chunk(32, "a", 1, 1, 25, "of another run\n"),
    ])
    .await
    .expect("ok");
    let name = |place: &LogPlace| match place.number > 9 {
        true => format!("{}:{}.last", place.task, place.attempt),
        false => format!("{}:{}.{}", place.task, place.attempt, place.number),
    };
    let read = async |side, chunks, bytes| {
        let amount = LogAmount { chunks, bytes };
        let found = logs.read_run(id(31), side, amount).await.expect("ok");
        let mut told: Vec<String> = found.chunks.iter().map(|(place, _)| name(place)).collect();
        told.extend(found.has_more.then(|| "…".to_owned()));
        told.join(" ")
    };
    let (first, last) = (|| LogPlace::before(at(0)), LogPlace::end);
    let whole = "b:1.1 a[10]:1.1 a:1.1 a[10]:2.1 ü:1.1 b:1.2 b:1.last";
    assert_eq!(read(LogSide::From(first()), 9, 999).await, whole);
    assert_eq!(
        read(LogSide::UpTo(last()), 9, 999).await,
        "b:1.last b:1.2 ü:1.1 a[10]:2.1 a:1.1 a[10]:1.1 b:1.1"
    );
    assert_eq!(read(LogSide::From(first()), 7, 999).await, whole, "no more");
    assert_eq!(read(LogSide::UpTo(last()), 2, 999).await, "b:1.last b:1.2 …");
    assert_eq!(
        read(LogSide::From(first()), 9, 1).await,
        "b:1.1 …",
        "at least one"
    );
    assert_eq!(
        read(LogSide::From(first()), 9, 17).await,
        "b:1.1 a[10]:1.1 …",
        "as much as fits"
    );
    let here = || LogPlace {
        at: at(30),
        task: "a[10]".into(),
        attempt: 2,
        number: 1,
    };
    assert_eq!(
        read(LogSide::From(here()), 9, 999).await,
        "a[10]:2.1 ü:1.1 b:1.2 b:1.last"
    );
    assert_eq!(
        read(LogSide::UpTo(here()), 9, 999).await,
        "a[10]:2.1 a:1.1 a[10]:1.1 b:1.1"
    );
    assert_eq!(
        read(LogSide::UpTo(LogPlace::behind(at(30))), 2, 999).await,
        "ü:1.1 a[10]:2.1 …"
    );
    assert_eq!(read(LogSide::From(LogPlace::before(at(60))), 9, 999).await, "");

    let mut scanned = Vec::new();
    let mut after = None;
    loop {
        let found = logs.scan_run(id(31), after, 12).await.expect("ok");
        let Some((last, _)) = found.last() else { break };
        after = Some(last.clone());
        let all: Vec<String> = found.iter().map(|(place, _)| name(place)).collect();
        scanned.push(all.join(" "));
    }
    assert_eq!(
        scanned,
        ["a:1.1 a[10]:1.1", "a[10]:2.1", "b:1.1", "b:1.2", "b:1.last ü:1.1"]
    );

    let before = async |bytes| {
        let place = |task: &str, number| LogPlace {
            at: at(0),
            task: task.into(),
            attempt: 1,
            number,
        };
        let asked = vec![place("b", 1), place("b", i64::MAX as u64), place("b", 2)];
        logs.lines_before(id(31), asked, bytes).await.expect("ok")
    };
    assert_eq!(before(999).await, [Some(0), Some(3), Some(2)]);
    assert_eq!(before(20).await, [Some(0), Some(3), Some(2)], "each is read once");
    assert_eq!(
        before(12).await,
        [Some(0), None, Some(2)],
        "as far as the bytes go"
    );
}

pub(super) async fn blobs_come_back(blobs: &dyn BlobStore) {
    let blob = |digit: char, bytes: u64| BlobRef {
        sha256: digit.to_string().repeat(64),
        bytes,
    };
    let value = Bytes::from(vec![b'7'; 300_000]);
    let values = vec![
        (blob('a', 300_000), value.clone()),
        (blob('b', 4), Bytes::from_static(b"null")),
    ];
    blobs.put(at(0), values.clone()).await.expect("ok");
    blobs.put(at(0), values).await.expect("the same again");
    assert_eq!(blobs.get(&blob('a', 300_000)).await.expect("ok"), Some(value));
    assert_eq!(
        blobs.get(&blob('b', 4)).await.expect("ok"),
        Some(Bytes::from_static(b"null"))
    );
    assert_eq!(blobs.get(&blob('c', 4)).await.expect("ok"), None);
    assert_eq!(blobs.get(&blob('ü', 4)).await.expect("ok"), None);
    assert!(
        blobs
            .put(at(0), vec![(blob('c', 5), Bytes::from_static(b"null"))])
            .await
            .is_err(),
        "its length is another"
    );
    assert!(
        blobs
            .put(at(0), vec![(blob('x', 4), Bytes::from_static(b"null"))])
            .await
            .is_err(),
        "that is no hash"
    );
}

pub(super) async fn blobs_nobody_names_can_go(
    store: &dyn Store,
    blobs: &dyn BlobStore,
    epochs: &ShardEpochs,
) {
    let blob = |byte: u8| BlobRef {
        sha256: format!("{byte:02x}").repeat(32),
        bytes: 4,
    };
    let put = async |at_ms: i64, bytes: &[u8]| {
        let values = bytes
            .iter()
            .map(|byte| (blob(*byte), Bytes::from_static(b"null")));
        blobs.put(at(at_ms), values.collect()).await.expect("ok");
    };
    put(5000, &[0xd1, 0xd2, 0xd3, 0xd4]).await;
    put(9000, &[0xd2, 0xd5]).await;
    put(1000, &[0xd5]).await;
    let old = async |before_ms, after: Option<u8>, limit| -> Vec<u8> {
        let after = after.map(|byte| [byte; 32]);
        let found = blobs.untouched(at(before_ms), after, limit).await.expect("ok");
        found
            .iter()
            .map(|key| key[0])
            .filter(|byte| *byte > 0xd0)
            .collect()
    };
    assert_eq!(
        old(9000, Some(0xd0), 99).await,
        [0xd1, 0xd3, 0xd4],
        "the last time counts"
    );
    assert_eq!(old(10_000, Some(0xd1), 2).await, [0xd2, 0xd3]);

    let naming = |n, byte: u8| {
        let mut decision = run(n).of("naming").decision();
        if let EventKind::TaskSucceeded { output, .. } = &mut decision.events[1].kind {
            *output = Payload::Blob(blob(byte));
        }
        decision
    };
    let batch = vec![naming(700, 0xd1), naming(701, 0xd1), naming(702, 0xd3)];
    store.commit(epochs, batch).await.expect("ok");
    let free = async || -> Vec<u8> {
        let all = [0xd1, 0xd3, 0xd4, 0xd9].map(|byte| [byte; 32]).to_vec();
        let found = store.unreferenced(all).await.expect("ok");
        found.iter().map(|key| key[0]).collect()
    };
    assert_eq!(free().await, [0xd4, 0xd9]);
    store.delete_runs(vec![id(700), id(702)]).await.expect("ok");
    assert_eq!(
        free().await,
        [0xd3, 0xd4, 0xd9],
        "another run names the first, too"
    );

    put(9000, &[0xd3]).await;
    let all = vec![[0xd3; 32], [0xd4; 32], [0xd9; 32]];
    let n_gone = blobs.delete(at(9000), all).await.expect("ok");
    assert_eq!(n_gone, Some(1), "one was put again meanwhile, one is not there");
    let is_there = async |byte| blobs.get(&blob(byte)).await.expect("ok").is_some();
    assert!(is_there(0xd3).await && !is_there(0xd4).await);
    store.delete_runs(vec![id(701)]).await.expect("ok");
}
