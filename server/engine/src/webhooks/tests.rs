//! Who is let in, and what becomes of a delivery.

use std::sync::Arc;

use expect_test::{Expect, expect};
use flow::Timestamp;
use flow::doc::WebhookDoc;
use flow::expr::Delivery;
use flow::parse::Format;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::callers::is_known;
use crate::{Engine, EngineError, SaveFlow};

const NOW: i64 = 1_700_000_000;

/// Whether a delivery with these headers, one a line, is from somebody who knows `It's a Secret to Everybody`.
fn knows(doc: Value, headers: &str, body: &str) -> bool {
    let doc: WebhookDoc = serde_json::from_value(doc).expect("a webhook");
    let mut map = HeaderMap::new();
    for (name, value) in headers.lines().filter_map(|line| line.trim().split_once(": ")) {
        let name: HeaderName = name.parse().expect("a header");
        map.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    let now = Timestamp::from_millis(NOW * 1000);
    is_known(&doc, b"It's a Secret to Everybody", &map, body.as_bytes(), now)
}

#[test]
fn tokens() {
    let usual = json!({"token": "{{ secrets.a }}"});
    assert!(knows(
        usual.clone(),
        "authorization: It's a Secret to Everybody",
        ""
    ));
    assert!(knows(
        usual.clone(),
        "authorization: Bearer It's a Secret to Everybody",
        "x"
    ));
    for wrong in [
        "",
        "authorization: It's a Secret to Everybod",
        "authorization: It's a Secret to Everybody!",
        "authorization: Basic It's a Secret to Everybody",
        "x-token: It's a Secret to Everybody",
        "authorization: It's a Secret to Everybody\nauthorization: x",
    ] {
        assert!(!knows(usual.clone(), wrong, ""), "{wrong}");
    }
    let own = json!({"token": "{{ secrets.a }}", "header": "X-Token"});
    assert!(knows(own, "x-token: It's a Secret to Everybody", ""));
}

/// The example that GitHub gives in its documentation, and what others make of the same.
#[test]
fn signatures() {
    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let usual = json!({"signature": "{{ secrets.a }}"});
    let other = json!({"signature": "{{ secrets.a }}", "header": "x-sign"});
    let body = "Hello, World!";
    assert!(knows(
        usual.clone(),
        &format!("x-hub-signature-256: sha256={HEX}"),
        body
    ));
    assert!(knows(
        other.clone(),
        &format!("x-sign: {}", HEX.to_uppercase()),
        body
    ));
    assert!(knows(
        other,
        "x-sign: dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=",
        body
    ));
    for (headers, body) in [
        (format!("x-hub-signature-256: sha256={HEX}"), "Hello, World"),
        (format!("x-hub-signature-256: sha1={}", &HEX[..40]), body),
        (format!("x-hub-signature-256: sha256={}", &HEX[1..]), body),
        ("x-hub-signature-256: sha256=".to_owned(), body),
        ("x-hub-signature-256: ===".to_owned(), body),
        (String::new(), body),
    ] {
        assert!(!knows(usual.clone(), &headers, body), "{headers}");
    }
}

/// Signatures of `1700000000.{}` and of `v0:1700000000:{}`.
#[test]
fn signatures_with_a_time() {
    const PLAIN: &str = "1df0d47c3774d7ccf5c4d51759477d319136747489fd8d3da926674d75de192f";
    const SLACK: &str = "936d24cc381000c047532a9fe91c5e701c1e9740559a8fdec4acbd3577100a69";
    let doc = |tolerance: &str| json!({"signature": "{{ secrets.a }}", "timestamp_header": "x-time", "tolerance": tolerance});
    let at = |time: &str| format!("x-time: {time}\nx-hub-signature-256: {PLAIN}");
    assert!(knows(doc("1s"), &at("1700000000"), "{}"));
    assert!(
        !knows(doc("1s"), &at("1700000001"), "{}"),
        "another time was signed"
    );
    assert!(!knows(doc("1s"), &format!("x-hub-signature-256: {PLAIN}"), "{}"));
    assert!(!knows(doc("1s"), &at("now"), "{}"));
    let mut slack = doc("5m");
    slack["signed"] = json!("v0:{timestamp}:{body}");
    assert!(knows(
        slack.clone(),
        &format!("x-time: 1700000000\nx-hub-signature-256: v0={SLACK}"),
        "{}"
    ));
    assert!(!knows(slack, &at("1700000000"), "{}"));
}

const FLOW: &str = r#"
flow: orders
inputs: { order: { required: true }, source: { default: shop } }
tasks: { a: { type: noop } }
webhooks:
  plain: { token: "{{ secrets.hook }}" }
  mapped:
    token: "{{ secrets.hook }}"
    inputs: { order: "{{ body.data.id }}", source: "{{ vars.shop }}/{{ headers['x-shop'] }}/{{ query.page }}" }
    idempotency_key: "{{ headers['x-delivery'] }}"
  all: { token: "{{ secrets.hook }}", idempotency_key: "{{ body }}" }
"#;

/// The run that a delivery would start.
async fn check(engine: &Engine, (name, headers): (&str, Value), body: Value, expected: Expect) {
    let webhook = engine.webhook("orders", name).await.expect("it is there");
    let delivery = Delivery {
        body: Arc::new(body),
        headers: Arc::new(headers),
        query: Arc::new(json!({"page": "1"})),
    };
    let told = match engine.run_of_delivery(&webhook, delivery).await {
        Ok(start) => format!(
            "{} {:?} by {} {}",
            start.inputs, start.idempotency_key, start.actor, start.trigger
        ),
        Err(EngineError::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&told);
}

#[tokio::test]
async fn deliveries_become_runs() {
    let engine = Engine::builder().in_memory().start().await.expect("it starts");
    let save = SaveFlow {
        source: FLOW.into(),
        format: Format::Yaml,
        id: None,
        expected: None,
        actor: "test".into(),
    };
    engine.save_flow(save).await.expect("it is saved");
    engine
        .put_variable("shop", json!("berlin"), "test")
        .await
        .expect("it is set");
    let headers = || json!({"x-shop": "s", "x-delivery": "d-1"});
    check(
        &engine,
        ("plain", headers()),
        json!({"order": 7, "more": [1]}),
        expect![[r#"{"order":7} None by webhook webhook plain"#]],
    )
    .await;
    check(
        &engine,
        ("plain", headers()),
        Value::Null,
        expect!["{} None by webhook webhook plain"],
    )
    .await;
    check(
        &engine,
        ("plain", headers()),
        json!([1]),
        expect!["error: the body is no object whose fields could become inputs (webhooks.plain.inputs)"],
    )
    .await;
    check(
        &engine,
        ("mapped", headers()),
        json!({"data": {"id": 7}}),
        expect![[
            r#"{"order":7,"source":"berlin/s/1"} Some("webhook mapped d-1") by webhook webhook mapped"#
        ]],
    )
    .await;
    check(
        &engine,
        ("mapped", json!({})),
        json!({"data": {"id": 7}}),
        expect!["error: `headers['x-shop']` is not there; `headers` is empty. In `{{ vars.shop }}/{{ headers['x-shop'] }}/{{ query.page }}` (webhooks.mapped.inputs)"],
    )
    .await;
    check(
        &engine,
        ("mapped", headers()),
        json!({"data": {}}),
        expect!["error: `body.data.id` is not there; `body.data` is empty. In `{{ body.data.id }}` (webhooks.mapped.inputs)"],
    )
    .await;
    check(
        &engine,
        ("all", headers()),
        json!(" "),
        expect!["error: the body is no object whose fields could become inputs (webhooks.all.inputs)"],
    )
    .await;
    let long = engine.webhook("orders", "all").await.expect("it is there");
    let key = long.key_of(&json!("x".repeat(1000))).expect("a key");
    assert_eq!(key.len(), "webhook all ".len() + 64);
    for nothing in [json!(" "), json!(null), json!([1])] {
        assert!(long.key_of(&nothing).is_err(), "{nothing}");
    }
    for (flow, name) in [("orders", "none"), ("none", "plain")] {
        let error = engine.webhook(flow, name).await.err().expect("it is not there");
        assert!(matches!(error, EngineError::UnknownWebhook { .. }), "{error}");
    }
    engine.archive_flow("orders").await.expect("it is there");
    assert!(engine.webhook("orders", "plain").await.is_err());
}
