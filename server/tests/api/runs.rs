//! Runs: wait, read, list, cancel, events, tasks, outputs, logs.

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::Site;

pub(crate) const HELLO: &str = "flow: hello
inputs:
  name: { type: string, default: world }
  times: { type: integer, default: 1, minimum: 1 }
  who: { type: string, required: true }
tasks:
  greet: { type: transform, with: { value: \"Hello, {{ inputs.name }}!\" } }
  shout: { type: transform, needs: [greet], with: { value: \"{{ tasks.greet.output | upper }}\" } }
outputs: { said: \"{{ tasks.shout.output }}\" }
";

const LONG: &str = "flow: long\ntasks: { wait: { type: delay, with: { for: 1h } } }";

pub(crate) const JSON: &str = "content-type: application/json";

#[tokio::test]
async fn a_run_is_started_waited_for_and_read() {
    let site = Site::start().await;
    site.save(HELLO).await;
    site.check(
        &format!("POST /api/v1/flows/hello/runs\n{JSON}\n\n{{\"inputs\":{{\"who\":\"me\"}}}}"),
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
    let body = r#"{"inputs":{"who":"me","name":"moon"},"labels":{"day":"one"},"version":1}"#;
    let answer = site
        .send(&format!(
            "POST /api/v1/flows/hello/runs?wait=30s\n{JSON}\n\n{body}"
        ))
        .await;
    assert_eq!(answer.status, 200);
    let run = answer.json();
    assert_eq!(run["outputs"], serde_json::json!({ "said": "HELLO, MOON!" }));
    assert_eq!(run["state"], "succeeded");
    let id = run["id"].as_str().expect("an id");
    site.check(
        &format!("GET /api/v1/runs/{id}"),
        expect![[r#"
        200
        content-type: application/json
        {
          "id": "run_2",
          "flow": "hello",
          "flow_name": "hello",
          "version": 1,
          "state": "succeeded",
          "trigger": "api",
          "labels": {
            "day": "one"
          },
          "created_at": "TIME",
          "started_at": "TIME",
          "finished_at": "TIME",
          "counts": {
            "succeeded": 2
          },
          "last_seq": 5,
          "inputs": {
            "name": "moon",
            "times": 1,
            "who": "me"
          },
          "outputs": {
            "said": "HELLO, MOON!"
          },
          "tasks": [
            {
              "path": "greet",
              "name": "greet",
              "task_type": "transform",
              "role": "main",
              "state": "succeeded",
              "attempt": 1,
              "max_attempts": 1,
              "ready_at": "TIME",
              "started_at": "TIME",
              "finished_at": "TIME"
            },
            {
              "path": "shout",
              "name": "shout",
              "task_type": "transform",
              "role": "main",
              "state": "succeeded",
              "attempt": 1,
              "max_attempts": 1,
              "ready_at": "TIME",
              "started_at": "TIME",
              "finished_at": "TIME"
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(
        &format!("GET /api/v1/runs/{id}/tasks?state=succeeded&under=sh"),
        expect![[r#"
        200
        content-type: application/json
        {
          "items": [
            {
              "path": "shout",
              "name": "shout",
              "task_type": "transform",
              "role": "main",
              "state": "succeeded",
              "attempt": 1,
              "max_attempts": 1,
              "ready_at": "TIME",
              "started_at": "TIME",
              "finished_at": "TIME"
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(
        &format!("GET /api/v1/runs/{id}/tasks/greet/output"),
        expect![[r#"
        200
        content-type: application/json
        "Hello, moon!"
    "#]],
    )
    .await;
    site.check(
        &format!("GET /api/v1/runs/{id}/tasks/nobody/output"),
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_task",
          "detail": "Run run_2 has no task nobody."
        }
    "#]],
    )
    .await;
    site.check(
        &format!("GET /api/v1/runs/{id}/events?limit=2"),
        expect![[r#"
        200
        content-type: application/json
        {
          "items": [
            {
              "seq": 1,
              "at": "TIME",
              "actor": "local",
              "type": "run_created",
              "run": "run_2",
              "flow": "hello",
              "version": 1,
              "inputs": {
                "value": {
                  "name": "moon",
                  "times": 1,
                  "who": "me"
                }
              },
              "labels": {
                "day": "one"
              },
              "trigger": "api"
            },
            {
              "seq": 2,
              "at": "TIME",
              "actor": "local",
              "type": "run_started"
            },
            {
              "seq": 3,
              "at": "TIME",
              "actor": "local",
              "type": "task_succeeded",
              "task": "greet",
              "output": {
                "value": "Hello, moon!"
              }
            },
            {
              "seq": 4,
              "at": "TIME",
              "actor": "local",
              "type": "task_succeeded",
              "task": "shout",
              "output": {
                "value": "HELLO, MOON!"
              }
            },
            {
              "seq": 5,
              "at": "TIME",
              "actor": "local",
              "type": "run_finished",
              "outcome": "succeeded",
              "outputs": {
                "value": {
                  "said": "HELLO, MOON!"
                }
              }
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(
        &format!("GET /api/v1/runs/{id}/events?after=99"),
        expect![[r#"
        200
        content-type: application/json
        {
          "items": []
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn runs_are_cancelled_once() {
    let site = Site::start().await;
    site.save(LONG).await;
    let run = site.begin("long").await;
    let answer = site.send("POST /api/v1/flows/long/runs?wait=10ms").await;
    assert_eq!(answer.status, 202);
    assert_eq!(
        site.send(&format!(
            "POST /api/v1/runs/{run}/cancel\n{JSON}\n\n{{\"reason\":\"enough\"}}"
        ))
        .await
        .status,
        202
    );
    let ended = site.send(&format!("GET /api/v1/runs/{run}/events?stream")).await;
    assert!(
        ended.body.ends_with(&format!(
            "event: end\ndata: {{\"run\":\"{run}\",\"state\":\"cancelled\"}}\n\n"
        )),
        "{}",
        ended.body
    );
    site.check(
        &format!("POST /api/v1/runs/{run}/cancel"),
        expect![[r#"
        409
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Conflict",
          "status": 409,
          "code": "finished",
          "detail": "Run run_1 is finished; nothing can change it any more."
        }
    "#]],
    )
    .await;
    site.check(
        &format!("POST /api/v1/runs/{run}/cancel\n{JSON}\n\n{{\"froce\":true}}"),
        expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "Unknown field `froce`, expected `force` or `reason` (froce).",
          "problems": [
            {
              "severity": "error",
              "code": "bad_field",
              "message": "unknown field `froce`, expected `force` or `reason`",
              "field": "froce",
              "line": 1,
              "column": 8
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(
        "POST /api/v1/runs/run_00000000000000000000000000/cancel",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_run",
          "detail": "There is no run run_2."
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/runs/7",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_run",
          "detail": "There is no run `7`: a run's id is `run_` and 26 letters and digits."
        }
    "#]],
    )
    .await;
    site.check(
        &format!("GET /api/v1/runs/{run}/tasks/wait"),
        expect![[r#"
        200
        content-type: application/json
        {
          "path": "wait",
          "name": "wait",
          "task_type": "delay",
          "role": "main",
          "state": "cancelled",
          "reason": "the run was cancelled",
          "attempt": 0,
          "max_attempts": 1,
          "ready_at": "TIME",
          "started_at": "TIME",
          "finished_at": "TIME"
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn runs_are_listed_by_what_they_are() {
    let site = Site::start().await;
    site.save("flow: good\nlabels: { team: red }\ntasks: { t: { type: noop } }")
        .await;
    site.save("flow: bad\ntasks: { t: { type: fail, with: { message: needle } } }")
        .await;
    let (good, bad) = (site.finish("good").await, site.finish("bad").await);
    for (query, expected) in [
        ("", vec![&bad, &good]),
        ("?flow=good", vec![&good]),
        ("?state=failed", vec![&bad]),
        ("?state=failed,succeeded", vec![&bad, &good]),
        ("?state=failed&state=cancelled", vec![&bad]),
        ("?label=team=red", vec![&good]),
        ("?text=needle", vec![&bad]),
        ("?until=2020-01-01T00:00:00Z", vec![]),
        ("?since=2020-01-01T00:00:00Z&limit=1", vec![&bad]),
    ] {
        let page = site.send(&format!("GET /api/v1/runs{query}")).await.json();
        let ids: Vec<&str> = page["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter_map(|run| run["id"].as_str())
            .collect();
        assert_eq!(ids, expected, "{query}");
    }
    site.check("GET /api/v1/runs?state=done", expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_query",
          "detail": "`done` is no state of a run; there are queued, running, paused, ending, succeeded, failed, cancelled."
        }
    "#]]).await;
    site.check(
        "GET /api/v1/runs?label=team",
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_query",
          "detail": "`team` is no label; write it as name=value."
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/runs?since=yesterday",
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_query",
          "detail": "The parameters are not right: `yesterday` is not a time; write it as TIME (`since`)."
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/runs?cursor=x",
        expect![[r#"
            400
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Bad Request",
              "status": 400,
              "code": "bad_cursor",
              "detail": "`x` is no position in this list; give a page's `next_cursor` as it is."
            }
        "#]],
    )
    .await;
    let answer = site.send("GET /api/v1/stats").await.json();
    assert_eq!(answer["runs"], serde_json::json!({ "failed": 1, "succeeded": 1 }));
}

#[tokio::test]
async fn large_outputs_come_whole() {
    let site = Site::start().await;
    site.save("flow: large\ntasks: { big: { type: shell, with: { command: \"head -c 100000 /dev/zero | tr '\\\\0' x | sed 's/^/\\\"/; s/$/\\\"/'\" } } }").await;
    let run = site.finish("large").await;
    let task = site
        .send(&format!("GET /api/v1/runs/{run}/tasks/big"))
        .await
        .json();
    assert_eq!(task["state"], "succeeded", "{task}");
    assert_eq!(task["output_bytes"], 100_002);
    let output = site
        .send(&format!("GET /api/v1/runs/{run}/tasks/big/output"))
        .await;
    assert_eq!(output.json(), Value::from("x".repeat(100_000)));
    let events = site.send(&format!("GET /api/v1/runs/{run}/events")).await;
    assert!(
        events.body.len() < 10_000,
        "events hold references only: {}",
        events.body.len()
    );
}

#[tokio::test]
async fn lines_of_a_log_have_numbers_and_are_found() {
    let site = Site::start().await;
    site.save("flow: talk\ntasks:\n  say: { type: shell, retry: { max_attempts: 2, first: 1ms }, with: { command: 'seq 1 500; [ $POINTWORK_ATTEMPT = 2 ]' } }\n  warn: { type: shell, with: { command: 'echo \"it went wrong\" >&2' } }\n").await;
    let run = site.finish("talk").await;
    let of = async |task: &str, what: &str| -> Value {
        let answer = site
            .send(&format!("GET /api/v1/runs/{run}/tasks/{task}/logs/{what}"))
            .await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    };
    let read = async |what: &str| of("say", what).await;
    let told = |page: &Value| {
        let lines = page["lines"].as_array().expect("lines");
        let line = |line: &Value| {
            format!(
                "{}:{} {}",
                line["attempt"],
                line["n"],
                line["text"].as_str().unwrap_or("?")
            )
        };
        (line(&lines[0]), line(&lines[lines.len() - 1]), lines.len())
    };
    let owned = |first: &str, last: &str, n| (first.to_owned(), last.to_owned(), n);
    let end = read("lines").await;
    assert_eq!(
        end["parts"],
        json!([{ "attempt": 1, "n_lines": 500 }, { "attempt": 2, "n_lines": 500 }])
    );
    assert_eq!(told(&end), owned("2:401 401", "2:500 500", 100));
    assert_eq!(
        told(&read("lines?from=1:250").await),
        owned("1:101 101", "1:300 300", 200)
    );
    assert_eq!(
        told(&read("lines?from=1:201").await),
        owned("1:201 201", "1:400 400", 200)
    );
    assert_eq!(
        told(&read("lines?from=1:99999").await),
        owned("1:401 401", "1:500 500", 100)
    );
    assert_eq!(read("lines?attempt=2&from=1:9").await["lines"], json!([]));
    assert_eq!(read("lines?until=2000-01-01T00:00:00Z").await["lines"], json!([]));

    let found = read("find?text=499").await;
    assert_eq!(found, json!({ "n_lines": 2, "places": [[1, 499], [2, 499]] }));
    assert_eq!(read("find?text=5&attempt=2").await["n_lines"], 96);
    let stderr = of("warn", "find?text=WENT&in=stderr").await;
    assert_eq!(stderr, json!({ "n_lines": 1, "places": [[1, 1]] }));
    assert_eq!(of("warn", "find?in=stderr").await, stderr);
    assert_eq!(of("warn", "find?text=went&in=stdout").await["n_lines"], 0);
    for (what, code) in [
        ("find", "bad_query"),
        ("find?in=x", "bad_stream"),
        ("lines?from=x", "bad_line"),
        ("lines?from=0:1", "bad_line"),
    ] {
        let answer = site
            .send(&format!("GET /api/v1/runs/{run}/tasks/say/logs/{what}"))
            .await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(code), "{what}: {}", answer.body);
    }
    let unknown = site
        .send(&format!("GET /api/v1/runs/{run}/tasks/none/logs/find?text=a"))
        .await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_line_that_is_named_is_there_as_soon_as_the_run_has_ended() {
    let site = Site::start().await;
    site.save("flow: talk\ntasks:\n  say: { type: shell, with: { command: 'seq 1 300' } }\n")
        .await;
    for line in [100, 250] {
        let run = site.finish("talk").await;
        let path = format!("GET /api/v1/runs/{run}/tasks/say/logs/lines?from=1:{line}");
        let page = site.send(&path).await.json();
        let lines = page["lines"].as_array().cloned().unwrap_or_default();
        assert!(lines.iter().any(|of| of["n"] == line), "line {line}: {page}");
    }
}

#[tokio::test]
async fn groups_of_lines_are_listed() {
    let site = Site::start().await;
    site.save("flow: talk\ntasks:\n  say: { type: shell, with: { command: 'echo ::group::Get all; seq 1 300; echo ::endgroup::; echo \"##[group]Build\"; seq 1 5' } }\n").await;
    let run = site.finish("talk").await;
    let read = async |query: &str| -> Value {
        let path = format!("GET /api/v1/runs/{run}/tasks/say/logs/lines{query}");
        site.send(&path).await.json()
    };
    let groups = json!([
        { "attempt": 1, "n": 1, "last": 302, "title": "Get all" },
        { "attempt": 1, "n": 303, "title": "Build" },
    ]);
    // They are those of the whole log, wherever its lines are read.
    assert_eq!(read("?groups=true").await["groups"], groups);
    assert_eq!(read("?groups=true&attempt=1&from=1:1").await["groups"], groups);
    assert_eq!(read("?groups=true&attempt=2").await["groups"], Value::Null);
    assert_eq!(read("").await["groups"], Value::Null);
    // What says that a group begins is no part of what is searched.
    let find = format!("GET /api/v1/runs/{run}/tasks/say/logs/find?text=group");
    assert_eq!(site.send(&find).await.json()["n_lines"], 0);
}

#[tokio::test]
async fn logs_are_text() {
    let site = Site::start().await;
    site.save("flow: talk\ntasks: { say: { type: shell, with: { command: 'echo one; echo two >&2; printf \"\\377\\n\"; echo three' } } }").await;
    let run = site.finish("talk").await;
    let logs = site.send(&format!("GET /api/v1/runs/{run}/tasks/say/logs")).await;
    assert_eq!(logs.headers["content-type"], "text/plain; charset=utf-8");
    let mut lines: Vec<&str> = logs.body.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["one", "three", "two", "\u{fffd}"]);
    site.check(
        &format!("GET /api/v1/runs/{run}/tasks/say/logs?after=x"),
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_position",
          "detail": "`x` is no position in a log; give the `id` of a frame."
        }
    "#]],
    )
    .await;
    site.check(
        &format!("GET /api/v1/runs/{run}/tasks/none/logs"),
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_task",
          "detail": "Run run_1 has no task none."
        }
    "#]],
    )
    .await;
    site.save("flow: again\ntasks: { say: { type: shell, retry: { max_attempts: 2, first: 1ms }, with: { command: 'echo attempt $POINTWORK_ATTEMPT; exit 1' } } }").await;
    let again = site.finish("again").await;
    for (query, lines) in [
        ("", "attempt 1\nattempt 2\n"),
        ("?attempt=1", "attempt 1\n"),
        ("?attempt=2", "attempt 2\n"),
        ("?attempt=3", ""),
    ] {
        let logs = site
            .send(&format!("GET /api/v1/runs/{again}/tasks/say/logs{query}"))
            .await;
        assert_eq!((logs.status, logs.body.as_str()), (200, lines), "{query}");
    }
    let followed = site
        .send(&format!(
            "GET /api/v1/runs/{again}/tasks/say/logs?follow&attempt=1"
        ))
        .await;
    assert!(followed.body.contains("attempt 1"), "{}", followed.body);
    assert!(!followed.body.contains("attempt 2"), "{}", followed.body);
    let input = site
        .send(&format!("GET /api/v1/runs/{run}/tasks/say/input"))
        .await
        .json();
    assert!(
        input["command"]
            .as_str()
            .is_some_and(|command| command.starts_with("echo one")),
        "{input}"
    );
}

#[tokio::test]
async fn tokens_stay_inside() {
    let site = Site::start().await;
    site.save("flow: work\ntasks: { t: { type: shell, with: { command: 'true' } } }")
        .await;
    let run = site.finish("work").await;
    for request in [
        format!("GET /api/v1/runs/{run}/events"),
        format!("GET /api/v1/runs/{run}/events?stream"),
    ] {
        let body = site.send(&request).await.body;
        assert!(body.contains("task_scheduled"), "{body}");
        assert!(body.contains("att_00000000000000000000000000"), "{body}");
        assert_eq!(
            body.matches("att_").count(),
            body.matches("att_00000000000000000000000000").count(),
            "{body}"
        );
    }
}

#[tokio::test]
async fn runs_survive_a_restart() {
    let mut site = Site::start().await;
    site.save(LONG).await;
    let run = site.begin("long").await;
    site.restart().await;
    let answer = site.send(&format!("GET /api/v1/runs/{run}")).await.json();
    assert_eq!(answer["state"], "running");
    assert_eq!(answer["tasks"][0]["state"], "waiting");
}
