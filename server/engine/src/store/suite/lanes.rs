//! Workers in other processes, queues, kept results.

use flow::{AttemptToken, BlobRef, Payload, RunId};
use serde_json::{Value, json};

use super::drafts::at;
use crate::store::Store;
use crate::store::lanes::{DeclaredType, KeptResult, LeaseRow, WorkerTokenRow};

pub(super) async fn rights_and_types_of_workers(store: &dyn Store) {
    let token = |id: &str, second| WorkerTokenRow {
        id: id.to_owned(),
        hash: [second as u8; 32],
        name: "gpu box".to_owned(),
        queues: vec!["gpu".to_owned(), "mail".to_owned()],
        created_at: at(second),
    };
    store.put_worker_token(token("wt_b", 1)).await.expect("ok");
    store.put_worker_token(token("wt_a", 2)).await.expect("ok");
    let both = [token("wt_b", 1), token("wt_a", 2)];
    assert_eq!(store.worker_tokens().await.expect("ok"), both);
    assert_eq!(
        store.worker_token([2; 32]).await.expect("ok").as_ref(),
        Some(&both[1])
    );
    assert_eq!(store.worker_token([7; 32]).await.expect("ok"), None);
    assert!(store.revoke_worker_token("wt_b").await.expect("ok"));
    assert!(
        !store.revoke_worker_token("wt_b").await.expect("ok"),
        "it is gone"
    );
    assert_eq!(store.worker_tokens().await.expect("ok"), both[1..]);

    let declared = |queue: &str, key: &str, title: &str| DeclaredType {
        queue: queue.to_owned(),
        key: key.to_owned(),
        title: title.to_owned(),
        summary: "Does it.".to_owned(),
        input_schema: json!({"type": "object"}),
        output_schema: Value::Bool(true),
        declared_at: at(3),
    };
    let first = vec![
        declared("mail", "b", "old"),
        declared("gpu", "b", "other"),
        declared("mail", "a", "A"),
    ];
    store.declare_types(first).await.expect("ok");
    store
        .declare_types(vec![declared("mail", "b", "new")])
        .await
        .expect("ok");
    assert_eq!(
        store.declared_types().await.expect("ok"),
        [
            declared("mail", "a", "A"),
            declared("gpu", "b", "other"),
            declared("mail", "b", "new")
        ]
    );
    assert!(store.forget_type("gpu", "b").await.expect("ok"));
    assert!(!store.forget_type("gpu", "b").await.expect("ok"));
    assert_eq!(store.declared_types().await.expect("ok").len(), 2);
}

pub(super) async fn attempts_elsewhere_are_noted(store: &dyn Store) {
    let lease = |token: u128, worker: &str| LeaseRow {
        token: AttemptToken(token),
        run: RunId(token << 64),
        task: "a[3]".to_owned(),
        attempt: 2,
        queue: "gpu".to_owned(),
        queue_key: Some("blue".to_owned()),
        worker: worker.to_owned(),
        credential: "wt_a".to_owned(),
        at_most_once: token == 1,
        secrets: vec!["smtp".to_owned(); usize::from(token == 1)],
    };
    let many = vec![lease(1 << 100, "w1"), lease(1, "w1")];
    store.put_leases(many).await.expect("ok");
    store.put_leases(vec![lease(1, "w2")]).await.expect("ok");
    assert_eq!(
        store.leases().await.expect("ok"),
        [lease(1, "w2"), lease(1 << 100, "w1")]
    );
    let gone = vec![AttemptToken(1), AttemptToken(77)];
    store.drop_leases(gone).await.expect("ok");
    assert_eq!(store.leases().await.expect("ok"), [lease(1 << 100, "w1")]);
    store.drop_leases(vec![AttemptToken(1 << 100)]).await.expect("ok");
}

pub(super) async fn queues_are_set(store: &dyn Store) {
    let set = async |name: &str, limits: Option<&str>| {
        store
            .put_queue(name, limits.map(str::to_owned))
            .await
            .expect("ok");
        store.queues().await.expect("ok")
    };
    let row = |name: &str, limits: &str| (name.to_owned(), limits.to_owned());
    set("mail", Some("1")).await;
    assert_eq!(set("gpu", Some("2")).await, [row("gpu", "2"), row("mail", "1")]);
    assert_eq!(set("gpu", Some("3")).await, [row("gpu", "3"), row("mail", "1")]);
    assert_eq!(set("gpu", None).await, [row("mail", "1")]);
    assert_eq!(set("none", None).await, [row("mail", "1")]);
    for (key, second) in [(None, 10), (Some(""), 20), (Some("blue"), 30), (None, 40)] {
        store.mark_rate("mail", key, at(second)).await.expect("ok");
    }
    let mark = |key: Option<&str>, second| ("mail".to_owned(), key.map(str::to_owned), at(second));
    assert_eq!(
        store.rate_marks().await.expect("ok"),
        [mark(None, 40), mark(Some(""), 20), mark(Some("blue"), 30)],
        "the queue's own is not that of the empty key"
    );
    assert_eq!(store.forget_outdated(at(30), 10).await.expect("ok"), 2);
    assert_eq!(store.rate_marks().await.expect("ok"), [mark(None, 40)]);
}

pub(super) async fn results_hold_for_a_while(store: &dyn Store) {
    let blob = BlobRef {
        sha256: "e7".repeat(32),
        bytes: 70_000,
    };
    let result = |key: &str, output: Payload, second| KeptResult {
        key: key.to_owned(),
        run: RunId(9),
        task: "a".to_owned(),
        output,
        exit_code: Some(0),
        at: at(0),
        until: at(second),
    };
    let small = result("k1", json!({"n": 1}).into(), 100);
    let large = result("k2", Payload::Blob(blob), 200);
    for kept in [result("k1", json!(0).into(), 50), small.clone(), large.clone()] {
        store.keep_result(kept).await.expect("ok");
    }
    let find = async |key: &str, second| store.kept_result(key, at(second)).await.expect("ok");
    assert_eq!(find("k1", 99).await, Some(small), "the last one counts");
    assert_eq!(find("k1", 100).await, None, "its time is over");
    assert_eq!(find("k2", 100).await, Some(large));
    assert_eq!(find("k3", 0).await, None);

    let free = async || store.unreferenced(vec![[0xe7; 32]]).await.expect("ok").len();
    assert_eq!(
        store.forget_outdated(at(199), 10).await.expect("ok"),
        2,
        "with a mark"
    );
    assert_eq!(free().await, 0, "a kept result holds its large value");
    assert_eq!(store.forget_outdated(at(200), 10).await.expect("ok"), 1);
    assert_eq!(free().await, 1);
    assert_eq!(find("k2", 0).await, None, "it is gone");
}
