//! What must never be taken in, each with a clear answer; and the server goes on.

use expect_test::{Expect, expect};

use crate::support::Site;

/// The problems of a document, a line each.
async fn check(document: &str, expected: Expect) {
    let site = Site::start().await;
    let answer = site
        .send(&format!(
            "POST /api/v1/flows\ncontent-type: application/yaml\n\n{document}"
        ))
        .await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    let json = answer.json();
    let lines = json["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|problem| {
            format!(
                "{}:{} {} {}\n",
                problem["line"],
                problem["column"],
                problem["code"].as_str().unwrap_or("?"),
                problem["message"].as_str().unwrap_or("?")
            )
        });
    expected.assert_eq(&lines.collect::<String>());
    assert_eq!(
        site.send("GET /api/v1/flows").await.json()["items"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn a_cycle() {
    check(
        "flow: x\ntasks:\n  a: { type: noop, needs: [b] }\n  b: { type: noop, needs: [a] }",
        expect![[r#"
        3:28 cycle these tasks wait for each other: a -> b -> a; remove one of the edges
    "#]],
    )
    .await;
}

#[tokio::test]
async fn an_unknown_task() {
    check(
        "flow: x\ntasks:\n  a: { type: noop, needs: [bb] }\n  b: { type: noop }",
        expect![[r#"
        3:28 unknown_task there is no task `bb` (did you mean `b`?)
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_duplicate_id() {
    check(
        "flow: x\ntasks:\n  a: { type: noop }\n  a: { type: noop }",
        expect![[r#"
        4:3 duplicate_id `a` stands here twice, first in line 3; rename one of them or remove it
    "#]],
    )
    .await;
}

#[tokio::test]
async fn an_unknown_type() {
    check("flow: x\ntasks:\n  a: { type: shel, with: { command: ls } }", expect![[r#"
        3:14 unknown_type there is no task type `shel` (did you mean `shell`?); the types are approval, delay, fail, fetch_data, http.request, log, loop, mail.send, noop, process_data, shell, signal, store_data, subflow, switch, transform, wait
    "#]]).await;
}

#[tokio::test]
async fn a_wrong_argument() {
    check("flow: x\ntasks:\n  a: { type: shell, with: { command: 3, cwdd: x } }", expect![[r#"
        3:38 bad_argument expected string, found 3
        3:47 unknown_argument `shell` has no argument `cwdd` (did you mean `cwd`?); its arguments are command, interpreter, env, cwd, stdin
    "#]]).await;
}

#[tokio::test]
async fn expressions_that_cannot_be() {
    check(
        "flow: x\ntasks:\n  a: { type: transform, with: { value: '{{ 1 + }}' } }\n  b: { type: transform, with: { value: '{{ tasks.a.output }}' } }",
        expect![[r#"
            3:40 expression The expression cannot be read at character 8: unexpected end of variable block.
            4:40 not_upstream `b` does not come after `a`, so it may not have run; add `a` to the `needs` of `b`.
        "#]],
    )
    .await;
}

#[tokio::test]
async fn deep_nesting() {
    let deep = format!(
        "flow: x\ntasks: {}1{}",
        "{a: ".repeat(100_000),
        "}".repeat(100_000)
    );
    check(
        &deep,
        expect![[r#"
        2:260 too_deep lists and mappings are nested more than 64 deep here
    "#]],
    )
    .await;
}

#[tokio::test]
async fn fifty_thousand_tasks() {
    let tasks: String = (0..50_000)
        .map(|n| format!("  t{n}: {{ type: noop }}\n"))
        .collect();
    check(&format!("flow: x\ntasks:\n{tasks}"), expect![[r#"
        2:1 too_many_tasks the flow has 50000 tasks, at most 10000 are allowed; let one task work on a list of items instead
    "#]]).await;
}

#[tokio::test]
async fn what_is_not_utf_8() {
    let site = Site::start().await;
    for kind in ["application/yaml", "application/json"] {
        let request = format!("POST /api/v1/flows\ncontent-type: {kind}");
        let answer = site.send_bytes(&request, Some(b"flow: \xff".to_vec())).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert_eq!(answer.json()["problems"][0]["code"], "not_utf8");
    }
    let answer = site
        .send_bytes(
            "POST /api/v1/flows/x/runs\ncontent-type: application/json",
            Some(b"{\"inputs\":\"\xff\"}".to_vec()),
        )
        .await;
    expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "not_utf8",
          "detail": "The body is not UTF-8."
        }
    "#]]
    .assert_eq(&site.show(&answer));
}

#[tokio::test]
async fn ten_megabytes() {
    let site = Site::start().await;
    let large = vec![b'x'; 10 * 1024 * 1024];
    for request in [
        "POST /api/v1/flows\ncontent-type: application/yaml",
        "POST /api/v1/flows/x/runs\ncontent-type: application/json",
    ] {
        let answer = site.send_bytes(request, Some(large.clone())).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (413, Some("too_large")),
            "{}",
            answer.body
        );
    }
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
}

#[tokio::test]
async fn bodies_and_addresses() {
    let site = Site::start().await;
    let deep = format!("{{\"inputs\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
    site.check(
        &format!("POST /api/v1/flows/x/runs\ncontent-type: application/json\n\n{deep}"),
        expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "too_deep",
          "detail": "The body is nested deeper than 64 levels."
        }
    "#]],
    )
    .await;
    site.check("POST /api/v1/flows\n\nflow: x", expect![[r#"
        415
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unsupported Media Type",
          "status": 415,
          "code": "unsupported_media_type",
          "detail": "The body must be application/yaml or application/json, and its content type must say so; it says nothing."
        }
    "#]]).await;
    site.check("POST /api/v1/flows\ncontent-type: multipart/form-data\n\nflow: x", expect![[r#"
        415
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unsupported Media Type",
          "status": 415,
          "code": "unsupported_media_type",
          "detail": "The body must be application/yaml or application/json, and its content type must say so; it says `multipart/form-data`."
        }
    "#]]).await;
    site.check(
        "GET /api/v1/nothing",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_address",
          "detail": "There is nothing at /api/v1/nothing; /docs lists all calls."
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/runs/%FF",
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_address",
          "detail": "The address is not right: Invalid URL: Invalid UTF-8 in `run`."
        }
    "#]],
    )
    .await;
    site.check(
        "PATCH /api/v1/flows",
        expect![[r#"
        405
        content-type: application/problem+json
        allow: GET,HEAD,POST
        {
          "type": "about:blank",
          "title": "Method Not Allowed",
          "status": 405,
          "code": "method_not_allowed",
          "detail": "PATCH cannot be done at /api/v1/flows."
        }
    "#]],
    )
    .await;
    site.check(
        "GET /ready?verbose=1",
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_query",
          "detail": "The parameters are not right: unknown field `verbose`, there are no fields (`verbose`)."
        }
    "#]],
    )
    .await;
    let long = "x".repeat(100_000);
    let answer = site.send(&format!("GET /api/v1/flows\nx-long: {long}")).await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn a_task_that_is_too_much() {
    let site = Site::start().await;
    // 17 MiB of output are above the limit; 100 MiB of log are cut in the middle.
    site.save("flow: big\ntasks: { t: { type: shell, with: { command: 'yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | head -c 100000000; head -c 17825792 /dev/zero | tr \"\\\\0\" 1 > $POINTWORK_OUTPUT' } } }").await;
    let run = site.finish("big").await;
    let task = site.send(&format!("GET /api/v1/runs/{run}/tasks/t")).await.json();
    assert_eq!(task["state"], "failed", "{task}");
    expect!["what was written to $POINTWORK_OUTPUT is larger than 16.0 MiB; write it to a file elsewhere and give its name"].assert_eq(task["error"]["message"].as_str().unwrap_or("?"));
    let logs = site
        .send(&format!("GET /api/v1/runs/{run}/tasks/t/logs"))
        .await
        .body;
    assert!(
        logs.len() < 17 * 1024 * 1024 && logs.contains("left out"),
        "{}",
        logs.len()
    );
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
}
