//! Programs, on a thread; `tests/jq_child.rs` runs them in a process.

use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{PROGRAM_BYTES_MAX, Transform, evaluate};
use crate::dispatch::Dispatch;
use crate::task_types::harness::{Harness, Setup, shown};

async fn check(program: &str, input: Value, expect: &Expect) {
    let harness = Harness::new(Setup::default());
    expect.assert_eq(&harness.run("transform", json!({ "jq": program, "input": input })).await);
}

#[tokio::test]
async fn outputs() {
    check(".a", json!({ "a": 1 }), &expect![""]).await;
    check(".[] | select(. > 1)", json!([1, 2, 3]), &expect![""]).await;
    check("empty", json!(null), &expect![""]).await;
    check("group_by(.k) | map({(.[0].k): map(.v) | add}) | add", json!([{ "k": "a", "v": 1 }, { "k": "b", "v": 2 }, { "k": "a", "v": 3 }]), &expect![""]).await;
    check("1, halt, 2", json!(null), &expect![""]).await;
    check("[\"2026-01-31T12:00:00Z\" | fromdateiso8601, (\"a-b\" | test(\"^a\")), (\"x\" | ascii_upcase)]", json!(null), &expect![""]).await;
    check("{\"z\": 1, \"a\": 12345678901234567890, \"f\": 1.5e10}", json!(null), &expect![""]).await;
}

#[tokio::test]
async fn errors() {
    check(".a +", json!(null), &expect![""]).await;
    check(".a |\n  nothing(1)", json!(null), &expect![""]).await;
    check("$__loc__ | env", json!(null), &expect![""]).await;
    check(".a.b", json!({ "a": 1 }), &expect![""]).await;
    check("error(\"no good\")", json!(null), &expect![""]).await;
    check("nan", json!(null), &expect![""]).await;
    check("import \"a\" as a; .", json!(null), &expect![""]).await;
    check("[limit(3000000; repeat(\"xxxxxxxx\"))]", json!(null), &expect![""]).await;
    check("repeat(\"x\" * 100000)", json!(null), &expect![""]).await;
    let harness = Harness::new(Setup::default());
    expect![""].assert_eq(&harness.run("transform", json!({ "jq": "1".repeat(PROGRAM_BYTES_MAX + 1) })).await);
    expect![""].assert_eq(&harness.run("transform", json!({ "jq": ".", "inputs": 1 })).await);
}

#[tokio::test]
async fn a_program_without_end_is_given_up() {
    let mut setup = Setup::default();
    setup.types = crate::task_types::TypeRegistry::default();
    setup.types.add(std::sync::Arc::new(Transform { helper: None, time_max: Duration::from_millis(50) })).expect("the key is free");
    let harness = Harness::new(setup);
    // With outputs it is stopped; its outputs are nothing but spaces to the bound.
    let job = harness.job("transform", json!({ "jq": "def f: 1 | select(false), f; f" }));
    expect![""].assert_eq(&shown(&harness.make(&job).await));
    let job = harness.job("transform", json!({ "jq": "last(range(1; 1e18))" }));
    harness.pool.submit(job.clone());
    harness.pool.cancel(job.dispatch.token, false);
    assert_eq!(shown(&harness.ended(&job).await), "cancelled\n");
}

#[test]
fn between_outputs_it_can_be_stopped() {
    let stopped = evaluate::evaluate("repeat(null)", b"null", usize::MAX, &|| true);
    assert!(matches!(stopped, Err(evaluate::Error::Limit(_))), "{stopped:?}");
}
