//! The door of workers, and queues, over HTTP.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::support::Site;

const ENCODE: &str = "flow: encode\ntasks: { a: { type: video.encode, queue: gpu, with: { file: x } } }";

struct Worker {
    site: Site,
    secret: String,
}

impl Worker {
    async fn new() -> Self {
        let site = Site::start().await;
        let secret = Self::secret(&site, "gpu").await;
        Self { site, secret }
    }

    async fn secret(site: &Site, queue: &str) -> String {
        let made = site
            .send(&format!(
                "POST /api/v1/worker-tokens\ncontent-type: application/json\n\n{{\"name\": \"box\", \"queues\": [\"{queue}\"]}}"
            ))
            .await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()["secret"].as_str().expect("a secret").to_owned()
    }

    /// A call with the worker's token; its status, and its body if it has one.
    async fn call(&self, path: &str, body: &str) -> (u16, Value) {
        self.call_as(&self.secret, path, body).await
    }

    async fn call_as(&self, secret: &str, path: &str, body: &str) -> (u16, Value) {
        let request = format!(
            "POST /api/v1{path}\ncontent-type: application/json\nauthorization: Bearer {secret}\n\n{body}"
        );
        let answer = self.site.send(&request).await;
        let json = if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        };
        (answer.status, json)
    }

    /// Asks for work; `rest` are more fields.
    async fn lease(&self, rest: &str) -> (u16, Value) {
        let body = format!(
            r#"{{"worker": "w1", "queues": ["gpu"], "types": [{{"key": "video.encode", "input_schema": {{"type": "object", "required": ["file"]}}}}]{rest}}}"#
        );
        self.call("/workers/lease", &body).await
    }

    /// What calls are answered, one a line.
    async fn check(&self, calls: &[(&str, &str)], token: &str, expected: Expect) {
        let mut told = String::new();
        for (path, body) in calls {
            let (status, answer) = self.call(&path.replace("TOKEN", token), body).await;
            let shown = match &answer {
                Value::Object(map) if map.contains_key("code") => {
                    format!("{} {}", answer["code"], answer["detail"])
                }
                other => other.to_string(),
            };
            let body: String = body.chars().take(70).collect();
            writeln!(told, "{path} {body}\n    {status} {shown}").expect("a text");
        }
        expected.assert_eq(&self.site.redact(&told));
    }
}

#[tokio::test]
async fn an_attempt_is_asked_for_kept_and_reported() {
    let worker = Worker::new().await;
    let nothing = worker.lease(r#", "wait": "0s""#).await;
    assert_eq!(nothing, (200, serde_json::json!({ "leases": [] })));
    worker.site.save(ENCODE).await;
    let run = worker.site.begin("encode").await;
    let (status, answer) = worker.lease(r#", "max": 5, "wait": "60s""#).await;
    assert_eq!(status, 200, "{answer}");
    let token = answer["leases"][0]["token"].as_str().expect("a token").to_owned();
    expect![[r#"
        {
          "leases": [
            {
              "token": "TOKEN",
              "run": "run_1",
              "flow": "encode",
              "task": "a",
              "type": "video.encode",
              "attempt": 1,
              "queue": "gpu",
              "idempotency_key": "run_1/a",
              "input": {
                "file": "x"
              },
              "lease_ms": 60000
            }
          ]
        }
    "#]]
    .assert_eq(
        &worker
            .site
            .redact(&format!("{answer:#}\n").replace(&token, "TOKEN")),
    );

    let other = Worker::secret(&worker.site, "gpu").await;
    let stranger = worker
        .call_as(
            &other,
            &format!("/attempts/{token}/report"),
            r#"{"outcome": "succeeded"}"#,
        )
        .await;
    assert_eq!((stranger.0, &stranger.1["code"]), (403, &"forbidden".into()));
    let beat = "/attempts/TOKEN/heartbeat";
    let report = "/attempts/TOKEN/report";
    worker
        .check(
            &[
                (beat, r#"{"progress": 0.5, "message": "frame 7", "logs": [{"text": "a"}, {"stream": "stderr", "text": "b"}]}"#),
                (beat, r#"{"progress": 7}"#),
                (beat, r#"{"progres": 0.5}"#),
                (beat, "{}"),
                (report, "{}"),
                (report, r#"{"outcome": "exploded"}"#),
                (report, r#"{"outcome": "succeeded", "error": {"message": "x"}}"#),
                (report, r#"{"outcome": "failed"}"#),
                (report, r#"{"outcome": "failed", "error": {"message": "x", "kind": "Not A Word"}}"#),
                (report, "[1, 2"),
                (report, r#"{"outcome": "succeeded", "output": {"frames": 12}, "logs": [{"text": "c"}]}"#),
                (report, r#"{"outcome": "succeeded", "output": {"frames": 13}}"#),
                (beat, "{}"),
                ("/attempts/att_01k9w3zq5r8v2m4x6c7d9e0f1g/report", r#"{"outcome": "succeeded"}"#),
                ("/attempts/nonsense/report", r#"{"outcome": "succeeded"}"#),
            ],
            &token,
            expect![[r#"
                /attempts/TOKEN/heartbeat {"progress": 0.5, "message": "frame 7", "logs": [{"text": "a"}, {"stre
                    200 {"cancelled":false,"lease_ms":60000}
                /attempts/TOKEN/heartbeat {"progress": 7}
                    422 "invalid" "`progress` is from 0 to 1 (progress)."
                /attempts/TOKEN/heartbeat {"progres": 0.5}
                    422 "invalid" "Unknown field `progres`, expected one of `progress`, `message`, `logs` (progres)."
                /attempts/TOKEN/heartbeat {}
                    200 {"cancelled":false,"lease_ms":60000}
                /attempts/TOKEN/report {}
                    422 "invalid" "Missing field `outcome`."
                /attempts/TOKEN/report {"outcome": "exploded"}
                    422 "invalid" "Unknown variant `exploded`, expected one of `succeeded`, `failed`, `cancelled` (outcome)."
                /attempts/TOKEN/report {"outcome": "succeeded", "error": {"message": "x"}}
                    422 "invalid" "Unknown field `error`, expected `output` or `logs`."
                /attempts/TOKEN/report {"outcome": "failed"}
                    422 "invalid" "Missing field `error`."
                /attempts/TOKEN/report {"outcome": "failed", "error": {"message": "x", "kind": "Not A Word"}}
                    422 "bad_kind" "`error.kind` is a word of lower case letters, digits and `_`, at most 64 long."
                /attempts/TOKEN/report [1, 2
                    422 "invalid" "Invalid type: integer `1`, expected variant identifier ([0])."
                /attempts/TOKEN/report {"outcome": "succeeded", "output": {"frames": 12}, "logs": [{"text": "
                    204 null
                /attempts/TOKEN/report {"outcome": "succeeded", "output": {"frames": 13}}
                    409 "stale_attempt" "The attempt is over, or there never was one of this token; nothing was changed."
                /attempts/TOKEN/heartbeat {}
                    409 "stale_attempt" "The attempt is over, or there never was one of this token; nothing was changed."
                /attempts/att_01k9w3zq5r8v2m4x6c7d9e0f1g/report {"outcome": "succeeded"}
                    409 "stale_attempt" "The attempt is over, or there never was one of this token; nothing was changed."
                /attempts/nonsense/report {"outcome": "succeeded"}
                    404 "unknown_attempt" "An attempt's token is `att_` and 26 letters and digits."
            "#]],
        )
        .await;
    let ended = worker
        .site
        .send(&format!("GET /api/v1/runs/{run}/tasks/a/output"))
        .await;
    assert_eq!(
        ended.json(),
        serde_json::json!({ "frames": 12 }),
        "the first report counts"
    );
    let logs = worker
        .site
        .send(&format!("GET /api/v1/runs/{run}/tasks/a/logs"))
        .await;
    assert_eq!(logs.body, "a\nb\nc\n");
}

#[tokio::test]
async fn who_shows_no_good_token_gets_nothing() {
    let worker = Worker::new().await;
    let site = &worker.site;
    for path in [
        "/workers/lease",
        "/attempts/att_01k9w3zq5r8v2m4x6c7d9e0f1g/heartbeat",
        "/attempts/att_01k9w3zq5r8v2m4x6c7d9e0f1g/report",
    ] {
        let body = r#"{"worker": "w", "queues": ["gpu"], "types": [{"key": "a"}], "wait": "0s"}"#;
        let body = if path.ends_with("lease") {
            body
        } else if path.ends_with("report") {
            r#"{"outcome": "succeeded"}"#
        } else {
            "{}"
        };
        let without = site
            .send(&format!(
                "POST /api/v1{path}\ncontent-type: application/json\n\n{body}"
            ))
            .await;
        assert_eq!(
            (without.status, without.headers["www-authenticate"].as_bytes()),
            (401, &b"Bearer"[..]),
            "{path}"
        );
        let wrong = worker.call_as("pwt_0000", path, body).await;
        assert_eq!(
            (wrong.0, &wrong.1["code"]),
            (401, &"unauthorized".into()),
            "{path}"
        );
    }
    let (status, answer) = worker
        .call(
            "/workers/lease",
            r#"{"worker": "w", "queues": ["mail"], "types": [{"key": "a"}]}"#,
        )
        .await;
    assert_eq!((status, &answer["code"]), (403, &"forbidden".into()));
    for (rest, expected) in [
        (r#", "max": 0"#, 422),
        (r#", "max": 101"#, 422),
        (r#", "max": -1"#, 422),
        (r#", "max": 1e99"#, 422),
        (r#", "wait": "forever""#, 422),
        (r#", "unknown": 1"#, 422),
    ] {
        assert_eq!(worker.lease(rest).await.0, expected, "{rest}");
    }
    let large = format!(r#", "wait": "0s", "pad": "{}""#, "x".repeat(5 * 1024 * 1024));
    assert_eq!(worker.lease(&large).await.0, 413);
}

#[tokio::test]
async fn tokens_are_listed_without_their_secret_and_revoked() {
    let worker = Worker::new().await;
    let list = worker.site.send("GET /api/v1/worker-tokens").await;
    assert!(
        !list.body.contains(&worker.secret) && !list.body.contains("hash"),
        "{}",
        list.body
    );
    let id = list.json()["items"][0]["id"].as_str().expect("an id").to_owned();
    let gone = worker
        .site
        .send(&format!("DELETE /api/v1/worker-tokens/{id}"))
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(
        worker
            .site
            .send(&format!("DELETE /api/v1/worker-tokens/{id}"))
            .await
            .status,
        404
    );
    assert_eq!(worker.lease(r#", "wait": "0s""#).await.0, 401);
    for body in [
        r#"{"name": "", "queues": ["a"]}"#,
        r#"{"name": "a", "queues": []}"#,
        r#"{"name": "a", "queues": ["A B"]}"#,
    ] {
        let refused = worker
            .site
            .send(&format!(
                "POST /api/v1/worker-tokens\ncontent-type: application/json\n\n{body}"
            ))
            .await;
        assert_eq!(refused.status, 422, "{body}");
    }
}

#[tokio::test]
async fn queues_are_read_set_and_reset() {
    let mut site = Site::start().await;
    site.check(
        "GET /api/v1/queues",
        expect![[r#"
        200
        content-type: application/json
        {
          "items": []
        }
    "#]],
    )
    .await;
    let put = |body: &str| format!("PUT /api/v1/queues/mail\ncontent-type: application/json\n\n{body}");
    site.check(
        &put(r#"{"max_running": 0, "rate": "10/s", "per_key": {"max_running": 1}}"#),
        expect![[r#"
            200
            content-type: application/json
            {
              "name": "mail",
              "limits": {
                "max_running": 0,
                "rate": "10/s",
                "per_key": {
                  "max_running": 1
                },
                "local": true
              },
              "is_set": true,
              "n_running": 0,
              "n_waiting": 0,
              "workers": []
            }
        "#]],
    )
    .await;
    site.check(&put(r#"{"rate": "often"}"#), expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "`often` is no rate; write how many in a second, minute, hour or day, such as 10/s, 100/m, 5/h or 1/d (rate).",
          "problems": [
            {
              "severity": "error",
              "code": "bad_field",
              "message": "`often` is no rate; write how many in a second, minute, hour or day, such as 10/s, 100/m, 5/h or 1/d",
              "field": "rate",
              "line": 1,
              "column": 17
            }
          ]
        }
    "#]]).await;
    site.check(
        &put(r#"{"burst": 3}"#),
        expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "A burst goes with a `rate` (burst).",
          "problems": [
            {
              "severity": "error",
              "code": "bad_limit",
              "message": "a burst goes with a `rate`",
              "field": "burst"
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(&put(r#"{"max_runing": 3}"#), expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "Unknown field `max_runing`, expected one of `max_running`, `rate`, `burst`, `per_key`, `local` (max_runing).",
          "problems": [
            {
              "severity": "error",
              "code": "bad_field",
              "message": "unknown field `max_runing`, expected one of `max_running`, `rate`, `burst`, `per_key`, `local`",
              "field": "max_runing",
              "line": 1,
              "column": 13
            }
          ]
        }
    "#]]).await;
    site.save("flow: mail\ntasks: { a: { type: shell, queue: mail, with: { command: 'true' } } }")
        .await;
    let run = site.begin("mail").await;
    site.restart().await;
    let held = loop {
        let why = site.send(&format!("GET /api/v1/runs/{run}/explain")).await;
        if why.body.contains("queue_limit") {
            break why;
        }
        tokio::task::yield_now().await;
    };
    expect![[r#"
        200
        content-type: application/json
        {
          "items": [
            {
              "path": "a",
              "kind": "queue_limit",
              "reason": "the queue mail is held: its `max_running` is 0",
              "since": "TIME"
            }
          ]
        }
    "#]]
    .assert_eq(&site.show(&held));
    let reset = site.send("DELETE /api/v1/queues/mail").await;
    assert_eq!(reset.status, 204);
    let ended = site
        .send(&format!(
            "GET /api/v1/runs/{run}/events\naccept: text/event-stream"
        ))
        .await;
    assert!(ended.body.contains("run_finished"), "{}", ended.body);
}
