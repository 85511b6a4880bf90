//! What lives apart from the runs.

use bytes::Bytes;
use flow::BlobRef;

use super::drafts::{at, id};
use crate::store::{BlobStore, LogChunk, LogKey, LogStore, LogStream};

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
