//! Flows: create, read, save, archive, history, list, validate.

use expect_test::expect;

use crate::support::Site;

const HELLO: &str = "flow: hello
name: Hello
inputs:
  name: { type: string, default: world }
tasks:
  greet: { type: transform, with: { value: \"Hello, {{ inputs.name }}!\" } }
";

#[tokio::test]
async fn a_flow_is_created_read_saved_and_archived() {
    let site = Site::start().await;
    let yaml = "content-type: application/yaml";
    site.check(
        &format!("POST /api/v1/flows\n{yaml}\n\n{HELLO}"),
        expect![[r#"
        201
        content-type: application/json
        location: /api/v1/flows/hello
        etag: "1"
        {
          "id": "hello",
          "version": 1
        }
    "#]],
    )
    .await;
    site.check(
        &format!("POST /api/v1/flows\n{yaml}\n\n{HELLO}"),
        expect![[r#"
        409
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Conflict",
          "status": 409,
          "code": "flow_exists",
          "detail": "There is a flow `hello` already; save a new version of it with PUT /api/v1/flows/hello."
        }
    "#]],
    )
    .await;
    site.check("GET /api/v1/flows/hello", expect![[r#"
        200
        content-type: application/json
        etag: "1"
        {
          "id": "hello",
          "name": "Hello",
          "version": 1,
          "updated_at": "TIME",
          "n_tasks": 1,
          "runs": {},
          "latest_runs": [],
          "shown_version": 1,
          "document": {
            "flow": "hello",
            "name": "Hello",
            "inputs": {
              "name": {
                "type": "string",
                "default": "world"
              }
            },
            "tasks": {
              "greet": {
                "type": "transform",
                "with": {
                  "value": "Hello, {{ inputs.name }}!"
                }
              }
            }
          },
          "source": "flow: hello\nname: Hello\ninputs:\n  name: { type: string, default: world }\ntasks:\n  greet: { type: transform, with: { value: \"Hello, {{ inputs.name }}!\" } }\n",
          "format": "yaml"
        }
    "#]]).await;
    site.check(
        "GET /api/v1/flows/hello\naccept: application/yaml",
        expect![[r#"
        200
        content-type: application/yaml
        etag: "1"
        flow: hello
        name: Hello
        inputs:
          name: { type: string, default: world }
        tasks:
          greet: { type: transform, with: { value: "Hello, {{ inputs.name }}!" } }
    "#]],
    )
    .await;
    let again = HELLO.replace("Hello,", "Good day,");
    site.check(
        &format!("PUT /api/v1/flows/hello\n{yaml}\nif-match: \"1\"\n\n{again}"),
        expect![[r#"
        200
        content-type: application/json
        etag: "2"
        {
          "id": "hello",
          "version": 2
        }
    "#]],
    )
    .await;
    site.check(
        &format!("PUT /api/v1/flows/hello\n{yaml}\nif-match: 1\n\n{HELLO}"),
        expect![[r#"
        412
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Precondition Failed",
          "status": 412,
          "code": "stale_version",
          "detail": "Flow hello is at version 2, not 1: load it again and repeat the change."
        }
    "#]],
    )
    .await;
    site.check(
        &format!("PUT /api/v1/flows/hello\n{yaml}\nif-none-match: *\n\n{HELLO}"),
        expect![[r#"
        412
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Precondition Failed",
          "status": 412,
          "code": "stale_version",
          "detail": "Flow hello is at version 2, not 0: load it again and repeat the change."
        }
    "#]],
    )
    .await;
    site.check(
        &format!("PUT /api/v1/flows/hello\n{yaml}\nif-match: three\n\n{HELLO}"),
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_version",
          "detail": "`If-Match` must be a version such as `\"3\"`, not `three`."
        }
    "#]],
    )
    .await;
    site.check(
        &format!("PUT /api/v1/flows/other\n{yaml}\n\n{HELLO}"),
        expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "The document is of flow `hello`, not `other`; change its `flow` or the address (flow).",
          "problems": [
            {
              "severity": "error",
              "code": "id_mismatch",
              "message": "the document is of flow `hello`, not `other`; change its `flow` or the address",
              "field": "flow"
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(
        &format!("PUT /api/v1/flows/hello\n{yaml}\nif-match: *\n\n{again}"),
        expect![[r#"
        200
        content-type: application/json
        etag: "2"
        {
          "id": "hello",
          "version": 2
        }
    "#]],
    )
    .await;
    let named = site
        .send(
            "PATCH /api/v1/flows/hello/versions/1\ncontent-type: application/json\n\n{\"name\": \" first \"}",
        )
        .await;
    assert_eq!(named.status, 204);
    site.check(
        "PATCH /api/v1/flows/hello/versions/2\ncontent-type: application/json\n\n{\"name\": \"first\"}",
        expect![[r#"
            422
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Unprocessable Entity",
              "status": 422,
              "code": "invalid",
              "detail": "Version 1 is called “first” already; give this one another name (name).",
              "problems": [
                {
                  "severity": "error",
                  "code": "name_taken",
                  "message": "version 1 is called “first” already; give this one another name",
                  "field": "name"
                }
              ]
            }
        "#]],
    )
    .await;
    site.check(
        "PATCH /api/v1/flows/hello/versions/9\ncontent-type: application/json\n\n{\"name\": null}",
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
        "GET /api/v1/flows/hello/versions",
        expect![[r#"
            200
            content-type: application/json
            {
              "items": [
                {
                  "version": 2,
                  "created_at": "TIME",
                  "actor": "local",
                  "n_tasks": 1
                },
                {
                  "version": 1,
                  "created_at": "TIME",
                  "actor": "local",
                  "n_tasks": 1,
                  "name": "first"
                }
              ]
            }
        "#]],
    )
    .await;
    site.check(
        "GET /api/v1/flows/hello?version=1\naccept: text/yaml",
        expect![[r#"
        200
        content-type: application/yaml
        etag: "1"
        flow: hello
        name: Hello
        inputs:
          name: { type: string, default: world }
        tasks:
          greet: { type: transform, with: { value: "Hello, {{ inputs.name }}!" } }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/flows/hello?version=9",
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
        "DELETE /api/v1/flows/hello",
        expect![[r#"
        204
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/flows",
        expect![[r#"
        200
        content-type: application/json
        {
          "items": []
        }
    "#]],
    )
    .await;
    site.check(
        "POST /api/v1/flows/hello/runs",
        expect![[r#"
        409
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Conflict",
          "status": 409,
          "code": "archived",
          "detail": "Flow hello is archived and takes no new runs; save it again to bring it back."
        }
    "#]],
    )
    .await;
    site.check(
        &format!("PUT /api/v1/flows/hello\n{yaml}\n\n{HELLO}"),
        expect![[r#"
        200
        content-type: application/json
        etag: "3"
        {
          "id": "hello",
          "version": 3
        }
    "#]],
    )
    .await;
    site.check(
        "DELETE /api/v1/flows/none",
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
}

#[tokio::test]
async fn moving_a_box_makes_no_version() {
    let site = Site::start().await;
    let put = async |more: &str| {
        let text = format!("PUT /api/v1/flows/hello\ncontent-type: text/yaml\n\n{HELLO}{more}");
        site.send(&text).await;
    };
    put("").await;
    put("layout:\n  greet: [40, 80]\n").await;
    site.check(
        "GET /api/v1/flows/hello?version=1\naccept: text/yaml",
        expect![[r#"
            200
            content-type: application/yaml
            etag: "1"
            flow: hello
            name: Hello
            inputs:
              name: { type: string, default: world }
            tasks:
              greet: { type: transform, with: { value: "Hello, {{ inputs.name }}!" } }
            layout:
              greet: [40, 80]
        "#]],
    )
    .await;
    site.check(
        "GET /api/v1/flows/hello/versions",
        expect![[r#"
        200
        content-type: application/json
        {
          "items": [
            {
              "version": 1,
              "created_at": "TIME",
              "actor": "local",
              "n_tasks": 1
            }
          ]
        }
    "#]],
    )
    .await;
    // What else is written is kept by a version.
    put("# Looked through.\nlayout:\n  greet: [40, 80]\n").await;
    site.check(
        "GET /api/v1/flows/hello\naccept: text/yaml",
        expect![[r#"
        200
        content-type: application/yaml
        etag: "2"
        flow: hello
        name: Hello
        inputs:
          name: { type: string, default: world }
        tasks:
          greet: { type: transform, with: { value: "Hello, {{ inputs.name }}!" } }
        # Looked through.
        layout:
          greet: [40, 80]
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_new_flow_can_be_put() {
    let site = Site::start().await;
    site.check(
        &format!("PUT /api/v1/flows/hello\ncontent-type: text/yaml\n\n{HELLO}"),
        expect![[r#"
        201
        content-type: application/json
        location: /api/v1/flows/hello
        etag: "1"
        {
          "id": "hello",
          "version": 1
        }
    "#]],
    )
    .await;
    // Saving it once more unchanged makes nothing new.
    assert_eq!(
        site.send(&format!(
            "PUT /api/v1/flows/hello\ncontent-type: text/yaml\n\n{HELLO}"
        ))
        .await
        .status,
        200
    );
    let json = r#"{"flow":"json","tasks":{"a":{"type":"noop"}}}"#;
    site.check(
        &format!("PUT /api/v1/flows/json\ncontent-type: application/json\nif-none-match: *\n\n{json}"),
        expect![[r#"
        201
        content-type: application/json
        location: /api/v1/flows/json
        etag: "1"
        {
          "id": "json",
          "version": 1
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/flows/json\naccept: application/yaml",
        expect![[r#"
        200
        content-type: application/yaml
        etag: "1"
        flow: json
        tasks:
          a:
            type: noop
    "#]],
    )
    .await;
}

#[tokio::test]
async fn flows_are_listed_in_pages() {
    let site = Site::start().await;
    for id in ["a", "b", "c-needle"] {
        site.save(&format!("flow: {id}\ntasks: {{ t: {{ type: noop }} }}"))
            .await;
    }
    let page = site.send("GET /api/v1/flows?limit=2").await.json();
    let ids = |page: &serde_json::Value| -> Vec<String> {
        page["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|flow| flow["id"].to_string())
            .collect()
    };
    assert_eq!(ids(&page), ["\"a\"", "\"b\""]);
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let page = site
        .send(&format!("GET /api/v1/flows?limit=2&cursor={cursor}"))
        .await
        .json();
    assert_eq!(ids(&page), ["\"c-needle\""]);
    assert!(page.get("next_cursor").is_none());
    assert_eq!(
        ids(&site.send("GET /api/v1/flows?q=needle").await.json()),
        ["\"c-needle\""]
    );
    site.check(
        "GET /api/v1/flows?limit=0",
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_query",
          "detail": "`limit` must be from 1 to 500."
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/flows?cursor=%00&limit=2",
        expect![[r#"
        200
        content-type: application/json
        {
          "items": [
            {
              "id": "a",
              "name": "a",
              "version": 1,
              "updated_at": "TIME",
              "n_tasks": 1,
              "runs": {},
              "latest_runs": []
            },
            {
              "id": "b",
              "name": "b",
              "version": 1,
              "updated_at": "TIME",
              "n_tasks": 1,
              "runs": {},
              "latest_runs": []
            }
          ],
          "next_cursor": "b"
        }
    "#]],
    )
    .await;
    site.check("GET /api/v1/flows?serch=x", expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_query",
          "detail": "The parameters are not right: unknown field `serch`, expected one of `q`, `cursor`, `limit` (`serch`)."
        }
    "#]]).await;
}

#[tokio::test]
async fn documents_are_checked_without_being_stored() {
    let site = Site::start().await;
    let bad = "flow: x\ntasks:\n  a: { type: nop, needs: [b] }\n  b: { type: noop, needs: [a, c] }\n";
    site.check(&format!("POST /api/v1/flows/validate\ncontent-type: application/yaml\n\n{bad}"), expect![[r#"
        200
        content-type: application/json
        {
          "valid": false,
          "problems": [
            {
              "severity": "error",
              "code": "unknown_type",
              "message": "there is no task type `nop` (did you mean `noop`?); the types are approval, delay, fail, fetch_data, http.request, log, loop, mail.send, noop, process_data, shell, signal, store_data, subflow, switch, transform, wait",
              "task": "a",
              "field": "tasks.a.type",
              "line": 3,
              "column": 14
            },
            {
              "severity": "error",
              "code": "cycle",
              "message": "these tasks wait for each other: a -> b -> a; remove one of the edges",
              "task": "a",
              "field": "tasks.a.needs[0]",
              "line": 3,
              "column": 27
            },
            {
              "severity": "error",
              "code": "unknown_task",
              "message": "there is no task `c`",
              "task": "b",
              "field": "tasks.b.needs[1]",
              "line": 4,
              "column": 31
            }
          ]
        }
    "#]]).await;
    site.check(
        &format!("POST /api/v1/flows/validate\ncontent-type: application/yaml\n\n{HELLO}"),
        expect![[r#"
        200
        content-type: application/json
        {
          "valid": true,
          "problems": []
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/flows/x",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_flow",
          "detail": "There is no flow x."
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn task_types_stats_and_health() {
    let site = Site::start().await;
    let types = site.send("GET /api/v1/task-types").await.json();
    let keys: Vec<&str> = types["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|item| item["key"].as_str())
        .collect();
    expect!["approval delay fail fetch_data http.request log loop mail.send noop process_data shell signal store_data subflow switch transform wait"]
        .assert_eq(&keys.join(" "));
    site.check(
        "GET /api/v1/stats",
        expect![[r#"
        200
        content-type: application/json
        {
          "runs": {},
          "durations": {
            "n_runs": 0
          },
          "workers": {
            "max": 4,
            "running": 0,
            "queued": 0
          }
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/stats?flow=none",
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
    site.check(
        "GET /ready",
        expect![[r#"
        200
        content-type: application/json
        {
          "status": "ready"
        }
    "#]],
    )
    .await;
    assert_eq!(site.send("GET /health").await.json()["status"], "healthy");
    let metrics = site.send("GET /metrics").await;
    let names: Vec<&str> = metrics
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    expect![[r#"
        pointwork_runs_started_total counter
        pointwork_runs_finished_total counter
        pointwork_runs_deleted_total counter
        pointwork_events_total counter
        pointwork_commits_total counter
        pointwork_commit_failures_total counter
        pointwork_attempts_total counter
        pointwork_runs_resident gauge
        pointwork_workers gauge
        pointwork_attempts_running gauge
        pointwork_attempts_queued gauge
        pointwork_attempts_abandoned gauge
        pointwork_streams gauge
        process_start_time_seconds gauge
        process_resident_memory_bytes gauge
        pointwork_runs gauge"#]]
    .assert_eq(&names.join("\n"));
}
