//! Starts: refused with reasons, found by their keys, sent by forms.

use expect_test::expect;

use crate::runs::{HELLO, JSON};
use crate::support::Site;

#[tokio::test]
async fn starts_are_refused_with_reasons() {
    let site = Site::start().await;
    site.save(HELLO).await;
    let start = |body: &str| format!("POST /api/v1/flows/hello/runs\n{JSON}\n\n{body}");
    site.check(
        &start("{}"),
        expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "This input is required (inputs.who).",
          "problems": [
            {
              "severity": "error",
              "code": "missing_input",
              "message": "this input is required",
              "field": "inputs.who"
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(&start(r#"{"inputs":{"who":7,"times":0,"nmae":"x"}}"#), expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "0 is too small, the least is 1 (inputs.times), and 2 more.",
          "problems": [
            {
              "severity": "error",
              "code": "bad_input",
              "message": "0 is too small, the least is 1",
              "field": "inputs.times"
            },
            {
              "severity": "error",
              "code": "bad_input",
              "message": "expected a text, found 7",
              "field": "inputs.who"
            },
            {
              "severity": "error",
              "code": "unknown_input",
              "message": "the flow has no input `nmae` (did you mean `name`?); its inputs are name, times, who",
              "field": "inputs.nmae"
            }
          ]
        }
    "#]]).await;
    site.check(&start(r#"{"input":{}}"#), expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "Unknown field `input`, expected one of `inputs`, `idempotency_key`, `labels`, `version`, `priority` (input).",
          "problems": [
            {
              "severity": "error",
              "code": "bad_field",
              "message": "unknown field `input`, expected one of `inputs`, `idempotency_key`, `labels`, `version`, `priority`",
              "field": "input",
              "line": 1,
              "column": 8
            }
          ]
        }
    "#]]).await;
    site.check(
        &start(r#"{"inputs":[]}"#),
        expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "Inputs are a JSON object: {\"name\": value} (inputs).",
          "problems": [
            {
              "severity": "error",
              "code": "wrong_type",
              "message": "inputs are a JSON object: {\"name\": value}",
              "field": "inputs"
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(
        &start(r#"{"labels":{"a":1}}"#),
        expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "Invalid type: integer `1`, expected a string (labels.a).",
          "problems": [
            {
              "severity": "error",
              "code": "bad_field",
              "message": "invalid type: integer `1`, expected a string",
              "field": "labels.a",
              "line": 1,
              "column": 16
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(
        &start(r#"{"inputs":{"#),
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_json",
          "detail": "The body is not JSON: EOF while parsing an object at line 1 column 11."
        }
    "#]],
    )
    .await;
    site.check(
        &start(r#"{"version":9,"inputs":{"who":"me"}}"#),
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_flow",
          "detail": "There is no flow hello version 9."
        }
    "#]],
    )
    .await;
    site.check(
        &start(r#"{"idempotency_key":""}"#),
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_key",
          "detail": "An idempotency key has from 1 to 256 bytes."
        }
    "#]],
    )
    .await;
    site.check(
        "POST /api/v1/flows/none/runs",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_flow",
          "detail": "There is no flow none."
        }
    "#]],
    )
    .await;
    site.check("POST /api/v1/flows/hello/runs?wait=soon", expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_query",
          "detail": "The parameters are not right: `soon` is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d (at most 3650d) (`wait`)."
        }
    "#]]).await;
    site.check(
        "POST /api/v1/flows/hello/runs?wait=1h",
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_query",
          "detail": "`wait` may be at most 300 s."
        }
    "#]],
    )
    .await;
    site.check("POST /api/v1/flows/hello/runs\ncontent-type: text/plain\n\n{}", expect![[r#"
        415
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unsupported Media Type",
          "status": 415,
          "code": "unsupported_media_type",
          "detail": "The body must be application/json, and its content type must say so; it says `text/plain`."
        }
    "#]]).await;
    site.check("POST /api/v1/flows/hello/runs\ncontent-type: application/x-www-form-urlencoded\n\nwho=me", expect![[r#"
        415
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unsupported Media Type",
          "status": 415,
          "code": "unsupported_media_type",
          "detail": "The body must be application/json, and its content type must say so; it says `application/x-www-form-urlencoded`."
        }
    "#]]).await;
}

#[tokio::test]
async fn keys_find_their_run() {
    let site = Site::start().await;
    site.save(HELLO).await;
    let start = |key: &str, who: &str| {
        format!(
            "POST /api/v1/flows/hello/runs\n{JSON}\nidempotency-key: {key}\n\n{{\"inputs\":{{\"who\":\"{who}\"}}}}"
        )
    };
    let first = site.send(&start("k", "me")).await.run();
    assert_eq!(site.send(&start("k", "me")).await.run(), first);
    let body = r#"{"idempotency_key":"k","inputs":{"who":"me"}}"#;
    assert_eq!(
        site.send(&format!(
            "POST /api/v1/flows/hello/runs?wait=30s\n{JSON}\n\n{body}"
        ))
        .await
        .json()["id"],
        first.as_str()
    );
    site.check(
        &start("k", "you"),
        expect![[r#"
        409
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Conflict",
          "status": 409,
          "code": "key_reused",
          "detail": "The idempotency key belongs to run_1, which was started with other inputs."
        }
    "#]],
    )
    .await;
    site.check(
        &format!(
            "POST /api/v1/flows/hello/runs\n{JSON}\nidempotency-key: a\n\n{{\"idempotency_key\":\"b\"}}"
        ),
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_key",
          "detail": "Header and body give different idempotency keys; give one."
        }
    "#]],
    )
    .await;

    let request = start("many", "me");
    let answers = futures::future::join_all((0..50).map(|_| site.send(&request))).await;
    let mut runs: Vec<String> = answers.iter().map(|answer| answer.run()).collect();
    runs.dedup();
    assert_eq!(runs.len(), 1, "{runs:?}");
    let all = site.send("GET /api/v1/runs").await.json();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_plain_form_starts_a_run_and_leads_to_it() {
    let site = Site::start().await;
    site.save(HELLO).await;
    let form = "content-type: application/x-www-form-urlencoded\naccept: text/html";
    let answer = site
        .send(&format!(
            "POST /fn/start_run\n{form}\nreferer: {}/flows/hello\n\nflow=hello&fields[who]=me",
            site.url
        ))
        .await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    let page = answer.headers["location"].to_str().expect("text").to_owned();
    let run = page.strip_prefix("/runs/").expect("a run's page");
    let events = site
        .send(&format!("GET /api/v1/runs/{run}/events?stream"))
        .await
        .body;
    assert!(
        events.contains("\"trigger\":\"ui\"") && events.contains("event: end"),
        "{events}"
    );
    let shown = site.send(&format!("GET {page}\naccept: text/html")).await;
    assert_eq!(shown.status, 200);
    assert!(shown.body.contains("HELLO, WORLD!"), "its output is on the page");
    site.check(
        "POST /fn/start_run\ncontent-type: text/plain\n\nflow=hello",
        expect![[r#"
            415
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Unsupported Media Type",
              "status": 415,
              "code": "unsupported_media_type",
              "detail": "The body must be a form, and its content type must say so; it says `text/plain`."
            }
        "#]],
    )
    .await;
}
