//! Webhooks and notifications over HTTP.

use expect_test::{Expect, expect};

use crate::support::Site;

const FLOW: &str = r#"
flow: orders
inputs: { order: { required: true }, page: { default: none } }
tasks: { a: { type: fail, when: "inputs.order == 0" } }
outputs: { got: "{{ inputs.order }}", page: "{{ inputs.page }}" }
webhooks:
  plain: { token: "{{ secrets.hook }}", max_body: 64 }
  answer:
    token: "{{ secrets.hook }}"
    header: X-Token
    inputs: { order: "{{ body.order }}", page: "{{ query.page }}{{ headers['x-page'] | default('') }}" }
    idempotency_key: "{{ headers['x-delivery'] | default(body.order) }}"
    respond: output
  signed: { signature: "{{ secrets.hook }}", header: x-sign }
  unset: { token: "{{ secrets.gone }}" }
"#;

const HEADERS: &str =
    "content-type: application/json\nauthorization: Bearer geheim-geheim\nx-token: geheim-geheim";

async fn site() -> Site {
    let site = Site::start().await;
    site.save(FLOW).await;
    let put = "PUT /api/v1/secrets/hook\ncontent-type: application/json\n\n{\"value\":\"geheim-geheim\"}";
    assert_eq!(site.send(put).await.status, 204);
    site
}

#[tokio::test]
async fn deliveries_start_runs() {
    let site = site().await;
    let check = async |path: &str, more: &str, body: &str, expected: Expect| {
        site.check(
            &format!("POST /hooks/orders/{path}\n{HEADERS}{more}\n\n{body}"),
            expected,
        )
        .await;
    };
    check(
        "plain",
        "\norigin: https://shop.example\nsec-fetch-site: cross-site",
        r#"{"order":1,"other":2}"#,
        expect![[r#"
            202
            content-type: application/json
            location: /api/v1/runs/run_1
            {
              "run_id": "run_1"
            }
        "#]],
    )
    .await;
    check(
        "plain",
        "",
        r#"{"other":2}"#,
        expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "This input is required (inputs.order).",
          "problems": [
            {
              "severity": "error",
              "code": "missing_input",
              "message": "this input is required",
              "field": "inputs.order"
            }
          ]
        }
    "#]],
    )
    .await;
    check(
        "plain",
        "",
        &format!("{{\"order\":\"{}\"}}", "x".repeat(64)),
        expect![[r#"
            413
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Payload Too Large",
              "status": 413,
              "code": "too_large",
              "detail": "The body is too large; at most 64 bytes are read."
            }
        "#]],
    )
    .await;
    check(
        "answer?page=2",
        "",
        r#"{"order":1}"#,
        expect![[r#"
        200
        content-type: application/json
        {
          "got": 1,
          "page": "2"
        }
    "#]],
    )
    .await;
    check(
        "answer?page=2",
        "\nx-delivery: 7",
        r#"{"order":1}"#,
        expect![[r#"
            200
            content-type: application/json
            {
              "got": 1,
              "page": "2"
            }
        "#]],
    )
    .await;
    check(
        "answer?page=3",
        "\nx-delivery: 7",
        r#"{"order":1}"#,
        expect![[r#"
            409
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Conflict",
              "status": 409,
              "code": "key_reused",
              "detail": "The idempotency key belongs to run_2, which was started with other inputs."
            }
        "#]],
    )
    .await;
    check(
        "answer?page=2",
        "",
        r#"{"order":0}"#,
        expect![[r#"
        500
        content-type: application/json
        {
          "run_id": "run_3",
          "state": "failed"
        }
    "#]],
    )
    .await;
    check("answer", "", r#"{"ordr":0}"#, expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "`body.order` is not there; `body` has: ordr (did you mean `ordr`?). In `{{ body.order }}` (webhooks.answer.inputs).",
          "problems": [
            {
              "severity": "error",
              "code": "expression",
              "message": "`body.order` is not there; `body` has: ordr (did you mean `ordr`?). In `{{ body.order }}`",
              "field": "webhooks.answer.inputs"
            }
          ]
        }
    "#]]).await;
    let runs = site.send("GET /api/v1/runs?flow=orders").await.json();
    let mut triggers: Vec<&str> = runs["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|run| run["trigger"].as_str())
        .collect();
    triggers.sort_unstable();
    assert_eq!(
        triggers,
        [
            "webhook answer",
            "webhook answer",
            "webhook answer",
            "webhook plain"
        ]
    );
    // Of the body, signed with the secret.
    let signed = "POST /hooks/orders/signed\ncontent-type: application/json\nx-sign: sha256=6c2ec3d8f49f9063df03f66017f3f7e7c46b7849c3415363922b7db757626954\n\n{\"order\":5}";
    assert_eq!(site.send(signed).await.status, 202);
    assert_eq!(site.send(&signed.replace(":5}", ":6}")).await.status, 401);
}

#[tokio::test]
async fn who_is_not_known_is_not_let_in() {
    let site = site().await;
    let wrong = "POST /hooks/orders/plain\ncontent-type: application/json\nauthorization: Bearer geheim\n\n{\"order\":1}";
    site.check(
        wrong,
        expect![[r#"
        401
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unauthorized",
          "status": 401,
          "code": "unknown_caller",
          "detail": "The delivery does not show that it comes from somebody who may make it."
        }
    "#]],
    )
    .await;
    for (request, expected) in [
        (
            "POST /hooks/orders/none\n\nx",
            expect![[r#"
            404
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Not Found",
              "status": 404,
              "code": "unknown_webhook",
              "detail": "Flow orders has no webhook none."
            }
        "#]],
        ),
        (
            "POST /hooks/none/plain\n\nx",
            expect![[r#"
            404
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Not Found",
              "status": 404,
              "code": "unknown_webhook",
              "detail": "Flow none has no webhook plain."
            }
        "#]],
        ),
        (
            "GET /hooks/orders/plain",
            expect![[r#"
            405
            content-type: application/problem+json
            allow: POST
            {
              "type": "about:blank",
              "title": "Method Not Allowed",
              "status": 405,
              "code": "method_not_allowed",
              "detail": "GET cannot be done at /hooks/orders/plain."
            }
        "#]],
        ),
        (
            "POST /hooks/orders/unset\nauthorization: x\n\nx",
            expect![[r#"
                503
                content-type: application/problem+json
                retry-after: 1
                {
                  "type": "about:blank",
                  "title": "Service Unavailable",
                  "status": 503,
                  "code": "unavailable",
                  "detail": "This webhook cannot tell now who calls; its secret has to be set."
                }
            "#]],
        ),
    ] {
        site.check(request, expected).await;
    }
    for _ in 1..30 {
        assert_eq!(site.send(wrong).await.status, 401);
    }
    let right = format!("POST /hooks/orders/plain\n{HEADERS}\n\n{{\"order\":1}}");
    let refused = site.send(&right).await;
    // With a slow machine one wrong delivery may have been forgiven in the meantime.
    assert!(matches!(refused.status, 429 | 202), "{}", refused.body);
    let mut n_refused = 0;
    for _ in 0..40 {
        n_refused += u32::from(site.send(wrong).await.status == 429);
    }
    assert!(n_refused > 0, "wrong deliveries are bounded");
    assert_eq!(
        site.send("GET /api/v1/runs?limit=1").await.status,
        200,
        "nothing else is concerned"
    );
}

#[tokio::test]
async fn notifications_are_listed() {
    let site = Site::start().await;
    site.save("flow: a\ntasks: { b: { type: fail, with: { message: broken } } }\nnotify: { ops: { failure: true, webhook: { url: '{{ secrets.gone }}' } } }\n").await;
    site.finish("a").await;
    site.finish("a").await;
    let page = site
        .send("GET /api/v1/notifications?flow=a&state=waiting&limit=1")
        .await
        .json();
    let item = &page["items"][0];
    assert_eq!(
        (&item["rule"], &item["kind"], &item["channel"]),
        (&"ops".into(), &"failure".into(), &"webhook".into())
    );
    assert!(
        item["message"]
            .as_str()
            .expect("text")
            .ends_with("of a failed: b: broken"),
        "{item}"
    );
    let cursor = page["next_cursor"].as_str().expect("there is another");
    let rest = site
        .send(&format!("GET /api/v1/notifications?flow=a&cursor={cursor}"))
        .await
        .json();
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(rest["next_cursor"], serde_json::Value::Null);
    let none = site.send("GET /api/v1/notifications?state=sent").await.json();
    assert_eq!(none["items"].as_array().map(Vec::len), Some(0));
    for wrong in ["state=lost", "cursor=x", "limit=0", "flw=a"] {
        assert_eq!(
            site.send(&format!("GET /api/v1/notifications?{wrong}"))
                .await
                .status,
            400,
            "{wrong}"
        );
    }
}
