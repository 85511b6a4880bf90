//! Programs, on a thread; `tests/jq_child.rs` runs them in a process.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{PROGRAM_BYTES_MAX, Transform, evaluate};
use crate::dispatch::Dispatch;
use crate::task_types::TypeRegistry;
use crate::task_types::harness::{Harness, Setup, shown};

async fn check(program: &str, input: Value, expect: &Expect) {
    let harness = Harness::new(Setup::default());
    expect.assert_eq(
        &harness
            .run("transform", json!({ "jq": program, "input": input }))
            .await,
    );
}

#[tokio::test]
async fn outputs() {
    check(
        ".a",
        json!({ "a": 1 }),
        &expect![[r#"
        succeeded: 1
    "#]],
    )
    .await;
    check(
        ".[] | select(. > 1)",
        json!([1, 2, 3]),
        &expect![[r#"
        succeeded: [2,3]
    "#]],
    )
    .await;
    check(
        "empty",
        json!(null),
        &expect![[r#"
        succeeded: null
    "#]],
    )
    .await;
    check(
        "group_by(.k) | map({(.[0].k): map(.v) | add}) | add",
        json!([{ "k": "a", "v": 1 }, { "k": "b", "v": 2 }, { "k": "a", "v": 3 }]),
        &expect![[r#"
        succeeded: {"a":4,"b":2}
    "#]],
    )
    .await;
    check(
        "1, halt, 2",
        json!(null),
        &expect![[r#"
        succeeded: 1
    "#]],
    )
    .await;
    check(
        "[\"2026-01-31T12:00:00Z\" | fromdateiso8601, (\"a-b\" | test(\"^a\")), (\"x\" | ascii_upcase)]",
        json!(null),
        &expect![[r#"
        succeeded: [1769860800,true,"X"]
    "#]],
    )
    .await;
    check(
        "{\"z\": 1, \"a\": 12345678901234567890, \"f\": 1.5e10}",
        json!(null),
        &expect![[r#"
        succeeded: {"z":1,"a":12345678901234567890,"f":15000000000.0}
    "#]],
    )
    .await;
}

#[tokio::test]
async fn errors() {
    check(
        ".a +",
        json!(null),
        &expect![[r#"
        failed, for good: jq: expected term at the end of the jq program
    "#]],
    )
    .await;
    check(
        ".a |\n  nothing(1)",
        json!(null),
        &expect![[r#"
        failed, for good: jq: undefined filter `nothing` in line 2, column 3 of the jq program, at `nothing`
    "#]],
    )
    .await;
    check("$__loc__ | env", json!(null), &expect![[r#"
        failed, for good: jq: undefined variable `$__loc__` in line 1, column 1 of the jq program, at `$__loc__`
    "#]]).await;
    check(
        ".a.b",
        json!({ "a": 1 }),
        &expect![[r#"
        failed, for good: jq: cannot index 1 with "b"
    "#]],
    )
    .await;
    check(
        "error(\"no good\")",
        json!(null),
        &expect![[r#"
        failed, for good: jq: "no good"
    "#]],
    )
    .await;
    check("nan", json!(null), &expect![[r#"
        failed, for good: jq: the output is not JSON (not a number, bytes or nested too deep): expected value at line 1 column 1
    "#]]).await;
    check("import \"a\" as a; .", json!(null), &expect![[r#"
        failed, for good: jq: `a` cannot be loaded: module loading not supported in line 1, column 9 of the jq program, at `a`
    "#]]).await;
    check(
        "\"x\" * 17000000",
        json!(null),
        &expect![[r#"
        failed, for good: jq_limit: the output of the jq program is larger than 16.0 MiB
    "#]],
    )
    .await;
    check(
        "repeat(\"x\" * 100000)",
        json!(null),
        &expect![[r#"
        failed, for good: jq_limit: the output of the jq program is larger than 16.0 MiB
    "#]],
    )
    .await;
    let harness = Harness::new(Setup::default());
    expect![[r#"
        failed, for good: input: the jq program is longer than 65536 bytes; give data by `input`
    "#]]
    .assert_eq(
        &harness
            .run("transform", json!({ "jq": "1".repeat(PROGRAM_BYTES_MAX + 1) }))
            .await,
    );
    expect![[r#"
        failed, for good: input: the arguments do not fit: unknown field `inputs`, expected one of `value`, `jq`, `input`
    "#]].assert_eq(&harness.run("transform", json!({ "jq": ".", "inputs": 1 })).await);
}

#[tokio::test]
async fn a_program_without_end_is_given_up() {
    let mut types = TypeRegistry::default();
    types
        .add(Arc::new(Transform {
            helper: None,
            time_max: Duration::from_millis(50),
        }))
        .expect("the key is free");
    let harness = Harness::new(Setup {
        types,
        ..Setup::default()
    });
    // Not quite without end: nothing stops the thread before its next output.
    let long = "last(range(3000000))";
    let job = harness.job("transform", json!({ "jq": long }));
    expect![[r#"
        failed, for good: jq_limit: the jq program did not end within 0.05 seconds
    "#]]
    .assert_eq(&shown(&harness.make(&job).await));
    let job = harness.job("transform", json!({ "jq": long }));
    harness.pool.submit(job.clone());
    harness.pool.cancel(job.dispatch.token, false);
    assert_eq!(shown(&harness.ended(&job).await), "cancelled\n");
}

#[test]
fn between_outputs_it_can_be_stopped() {
    let stopped = evaluate::evaluate("repeat(null)", b"null", usize::MAX, &|| true);
    assert!(matches!(stopped, Err(evaluate::Error::Limit(_))), "{stopped:?}");
}
