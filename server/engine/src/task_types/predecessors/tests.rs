//! The predecessors' types.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::task_type::TaskOutcome;
use crate::task_types::harness::{Harness, Setup, shown};

async fn check(task_type: &str, input: Value, expect: &Expect) {
    let harness = Harness::new(Setup::default());
    expect.assert_eq(&harness.run(task_type, input).await);
}

#[tokio::test]
async fn fetching_is_simulated_and_always_gives_the_same() {
    check("fetch_data", json!({ "data_source": "https://api.example.com/data", "timeout": 30, "retry_count": 3, "failure_rate": 0 }), &expect![[r#"
        succeeded: {"source":"https://api.example.com/data","records":[{"id":1,"name":"delta-1","value":162},{"id":2,"name":"heron-2","value":77},{"id":3,"name":"cedar-3","value":858},{"id":4,"name":"grove-4","value":385},{"id":5,"name":"birch-5","value":461},{"id":6,"name":"birch-6","value":902},{"id":7,"name":"birch-7","value":376},{"id":8,"name":"cedar-8","value":401},{"id":9,"name":"amber-9","value":228},{"id":10,"name":"delta-10","value":565}],"count":10,"simulated":true}
        out | Fetched 10 records from https://api.example.com/data (simulated)
    "#]]).await;
    check(
        "fetch_data",
        json!({ "failure_rate": 1, "anything": "else" }),
        &expect![[r#"
        failed: simulated: fetching failed, as it does with a failure rate of 1
    "#]],
    )
    .await;
    check(
        "fetch_data",
        json!({ "failure_rate": 1.5 }),
        &expect![[r#"
        failed, for good: input: `failure_rate` is 1.5; it goes from 0 to 1
    "#]],
    )
    .await;
    check(
        "fetch_data",
        json!({ "data_source": "orders.csv", "live": true }),
        &expect![[r#"
        failed, for good: input: `data_source` is not a URL, which `live` needs: relative URL without a base
    "#]],
    )
    .await;
}

#[tokio::test]
async fn chance_belongs_to_the_attempt() {
    let harness = Harness::new(Setup::default());
    let mut failed = 0;
    for attempt in 1..=200 {
        let mut job = harness.job("process_data", json!({ "failure_rate": 0.25 }));
        job.dispatch.path = "always-the-same".into();
        job.dispatch.attempt = attempt;
        let first = shown(&harness.make(&job).await);
        failed += usize::from(first.starts_with("failed: simulated"));
        if attempt <= 5 {
            job.dispatch.token = flow::AttemptToken(u128::from(attempt) << 64);
            assert_eq!(
                shown(&harness.make(&job).await),
                first,
                "the same attempt has the same luck"
            );
        }
    }
    assert!((25..=75).contains(&failed), "{failed} of 200 failed");
}

#[tokio::test]
async fn processing_reads_what_came_before() {
    let records = json!([{ "id": 1, "name": " amber ", "value": 10 }, { "id": 2, "value": 30 }, "loose"]);
    check("process_data", json!({ "input": { "records": records, "count": 3 } }), &expect![[r#"
        succeeded: {"records":[{"id":1,"name":"amber","value":10,"processed":true},{"id":2,"value":30,"processed":true},{"value":"loose","processed":true}],"count":3,"summary":{"value":{"n":2,"sum":40.0,"min":10.0,"max":30.0,"mean":20.0}}}
        out | Processed 3 records
    "#]]).await;
    let results = json!({ "task1": { "records": [{ "id": 1 }] }, "task2": { "records": [{ "id": 2 }] }, "task3": null });
    check(
        "process_data",
        json!({ "results": results }),
        &expect![[r#"
        succeeded: {"records":[{"id":2,"processed":true}],"count":1,"summary":{}}
        out | Processed 1 records
    "#]],
    )
    .await;
    check(
        "process_data",
        json!({}),
        &expect![[r#"
        succeeded: {"records":[],"count":0,"summary":{}}
        out | Processed 0 records
    "#]],
    )
    .await;
}

#[tokio::test]
async fn storing_really_writes() {
    let harness = Harness::new(Setup::default());
    let records = json!({ "records": [{ "id": 1 }, { "id": 2 }] });
    expect![[r#"
        succeeded: {"destination":"orders/today","path":"files/orders/today.json","bytes":19,"records":2}
        out | Stored 2 records in files/orders/today.json (19 bytes)
    "#]]
    .assert_eq(
        &harness
            .run(
                "store_data",
                json!({ "destination": "orders/today", "input": records }),
            )
            .await,
    );
    let written =
        std::fs::read_to_string(harness.data_dir().join("files/orders/today.json")).expect("it was written");
    assert_eq!(written, r#"[{"id":1},{"id":2}]"#);
    let left: Vec<_> = std::fs::read_dir(harness.data_dir().join("files/orders"))
        .expect("it is there")
        .collect();
    assert_eq!(left.len(), 1, "no parts are left");
    expect![[r#"
        succeeded: {"destination":null,"path":"files/demo/RUN-t2.json","bytes":19,"records":2}
        out | Stored 2 records in files/demo/RUN-t2.json (19 bytes)
    "#]]
    .assert_eq(
        &harness
            .run("store_data", json!({ "input": records, "retry_count": 3 }))
            .await,
    );
}

#[tokio::test]
async fn nothing_is_written_elsewhere() {
    let harness = Harness::new(Setup::default());
    let files = harness.data_dir().join("files");
    std::fs::create_dir_all(files.join("folder")).expect("it can be made");
    std::os::unix::fs::symlink("/tmp", files.join("link")).expect("it can be made");
    let outside = harness.signal("outside.json");
    std::fs::write(&outside, "untouched").expect("it can be written");
    std::os::unix::fs::symlink(&outside, files.join("file-link.json")).expect("it can be made");
    let long = "a/".repeat(20) + "b";
    for destination in [
        "../x",
        "a/../../x",
        "/etc/x",
        "postgres://db/table",
        "link/x",
        "a\0b",
        "a\\b",
        "folder/",
        "..",
        &long,
        &"n".repeat(300),
    ] {
        let job = harness.job("store_data", json!({ "destination": destination, "input": [1] }));
        let outcome = harness.make(&job).await;
        let TaskOutcome::Failed { error, .. } = &outcome else {
            panic!("{destination:?} was written: {}", shown(&outcome))
        };
        assert!(
            error.is_final && &*error.kind == "input",
            "{destination:?} gave {}",
            shown(&outcome)
        );
    }
    // A link at the very place is replaced, not followed.
    harness
        .make(&harness.job("store_data", json!({ "destination": "file-link", "input": [1] })))
        .await;
    assert_eq!(
        std::fs::read_to_string(outside).expect("it is there"),
        "untouched"
    );
    assert_eq!(
        std::fs::read_to_string(files.join("file-link.json")).expect("it is there"),
        "[1]"
    );
}
