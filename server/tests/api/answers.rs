//! Signals, approvals, subflows and retries.

use expect_test::expect;

use crate::runs::JSON;
use crate::support::Site;

const ASK: &str = "flow: ask
tasks:
  first: { type: delay, with: { for: 1h } }
  ok: { type: approval, with: { title: 'Ship?', form: { type: object, properties: { to: { enum: [here, there] } }, required: [to] } } }
  paid: { type: signal, with: { name: money } }
  late: { type: signal, needs: [first] }
  named: { type: signal, needs: [first], with: { name: '{{ tasks.first.state }}' } }
";

/// Status, code and sentence.
async fn told(site: &Site, request: &str) -> String {
    let answer = site.send(request).await;
    let body = answer.json();
    let said = match body["code"].as_str() {
        Some(code) => format!("{code}: {}", body["detail"].as_str().unwrap_or_default()),
        None => body["state"].as_str().unwrap_or_default().to_owned(),
    };
    let line = request.lines().next().unwrap_or_default();
    let call = line.rsplit('/').next().unwrap_or_default();
    site.redact(&format!("{call} {} {said}\n", answer.status))
}

#[tokio::test]
async fn tasks_are_answered() {
    let site = Site::start().await;
    site.save(ASK).await;
    let run = site.begin("ask").await;
    let post = |call: &str, body: &str| {
        if body.is_empty() {
            format!("POST /api/v1/runs/{run}/tasks/{call}")
        } else {
            format!("POST /api/v1/runs/{run}/tasks/{call}\n{JSON}\n\n{body}")
        }
    };
    let mut text = String::new();
    for (call, body) in [
        ("ok/approve", ""),
        ("ok/approve", r#"{"values":{"to":"nowhere"}}"#),
        ("ok/approve", r#"{"values":3}"#),
        ("ok/approve", r#"{"value":{}}"#),
        ("ok/approve", r#"{"values":{"to":"here"},"comment":"go"}"#),
        ("ok/approve", r#"{"values":{"to":"there"}}"#),
        ("ok/reject", ""),
        ("ok/signal", ""),
        ("first/approve", ""),
        ("nobody/approve", ""),
        ("paid/signal", r#"{"amount":3}"#),
        ("paid/signal", r#"{"amount":4}"#),
        ("late/signal", "[1]"),
        ("late/signal", "[2]"),
        ("named/signal", "1"),
        ("late/approve", ""),
    ] {
        text += &told(&site, &post(call, body)).await;
    }
    text += &told(
        &site,
        &format!("POST /api/v1/runs/{run}/tasks/ok/approve\ncontent-type: text/plain\n\nyes"),
    )
    .await;
    let unknown = format!(
        "POST /api/v1/runs/{}/tasks/ok/approve",
        run.replace(&run[10..], &"0".repeat(run.len() - 10))
    );
    text += &told(&site, &unknown).await;
    for task in ["ok", "paid"] {
        let output = site
            .send(&format!("GET /api/v1/runs/{run}/tasks/{task}/output"))
            .await;
        text += &site.redact(&format!("{}\n", output.body));
    }
    expect![[r#"
        approve 422 bad_answer: `to` is missing.
        approve 422 bad_answer: /to: "nowhere" is not possible here; write one of here, there.
        approve 422 invalid: Invalid type: integer `3`, expected a map (values).
        approve 422 invalid: Unknown field `value`, expected `values` or `comment` (value).
        approve 202 running
        approve 409 not_now: `ok` does not wait for an answer.
        reject 409 not_now: `ok` does not wait for an answer.
        signal 409 not_now: `ok` waits for no signal, or not any more.
        approve 409 not_now: `first` does not wait for an answer.
        approve 404 unknown_task: Run run_1 has no task nobody.
        signal 202 running
        signal 409 not_now: The run has had the signal `money`; the first one counts.
        signal 202 running
        signal 409 not_now: The run has had the signal `late`; the first one counts.
        signal 409 not_now: The name of the signal that `named` waits for is known once it waits.
        approve 409 not_now: `late` does not wait for an answer.
        approve 415 unsupported_media_type: The body must be application/json, and its content type must say so; it says `text/plain`.
        approve 404 unknown_run: There is no run run_2.
        {"approved":true,"by":"local","at":"TIME","values":{"to":"here"},"comment":"go"}
        {"amount":3}
    "#]].assert_eq(&text);
    site.check(
        &format!("GET /api/v1/runs/{run}/explain"),
        expect![[r#"
        200
        content-type: application/json
        {
          "items": [
            {
              "path": "first",
              "kind": "timer",
              "reason": "waits",
              "until": "TIME"
            },
            {
              "path": "late",
              "kind": "upstreams",
              "reason": "waits for first",
              "upstreams": [
                "first"
              ]
            },
            {
              "path": "named",
              "kind": "upstreams",
              "reason": "waits for first",
              "upstreams": [
                "first"
              ]
            }
          ]
        }
    "#]],
    )
    .await;
    assert_eq!(
        site.send(&format!("POST /api/v1/runs/{run}/cancel")).await.status,
        202
    );
    let finished = site.send(&format!("GET /api/v1/runs/{run}/events?stream")).await;
    assert!(finished.body.contains("event: end"));
    let mut text = String::new();
    for call in ["late/signal", "ok/approve"] {
        text += &told(&site, &post(call, "")).await;
    }
    expect![[r#"
        signal 409 finished: Run run_1 is finished; nothing can change it any more.
        approve 409 finished: Run run_1 is finished; nothing can change it any more.
    "#]]
    .assert_eq(&text);
}

#[tokio::test]
async fn a_subflow_is_a_run_of_its_own() {
    let site = Site::start().await;
    site.save("flow: one\ninputs: { n: { type: integer } }\ntasks: { a: { type: transform, with: { value: '{{ inputs.n + 1 }}' } } }\noutputs: { n: '{{ tasks.a.output }}' }").await;
    site.save("flow: two\ntasks: { call: { type: subflow, with: { flow: one, inputs: { n: 4 } } }, bad: { type: subflow, with: { flow: one, inputs: { m: 4 } } } }\noutputs: { got: '{{ tasks.call.output.n }}' }").await;
    let run = site.finish("two").await;
    let detail = site.send(&format!("GET /api/v1/runs/{run}")).await.json();
    let child = detail["tasks"][0]["child"].as_str().expect("it has one");
    expect!["a run of one cannot be started: the flow has no input `m`; its inputs are n"].assert_eq(
        detail["tasks"][1]["error"]["message"]
            .as_str()
            .expect("it failed"),
    );
    site.check(
        &format!("GET /api/v1/runs/{child}"),
        expect![[r#"
        200
        content-type: application/json
        {
          "id": "run_1",
          "flow": "one",
          "flow_name": "one",
          "version": 1,
          "state": "succeeded",
          "trigger": "subflow",
          "created_at": "TIME",
          "started_at": "TIME",
          "finished_at": "TIME",
          "counts": {
            "succeeded": 1
          },
          "parent": "run_2",
          "last_seq": 4,
          "inputs": {
            "n": 4
          },
          "outputs": {
            "n": 5
          },
          "tasks": [
            {
              "path": "a",
              "name": "a",
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
    let answer = site.send("POST /api/v1/flows\ncontent-type: application/yaml\n\nflow: three\ntasks: { call: { type: subflow, with: { flow: none-such } }, again: { type: loop, with: { flow: none-such, until: 'true' } }, any: { type: subflow, with: { flow: '{{ run.flow }}' } } }").await;
    assert_eq!(answer.status, 201);
    expect![[r#"
        [
          {
            "severity": "warning",
            "code": "unknown_flow",
            "message": "there is no flow `none-such` yet",
            "field": "tasks.call.with.flow"
          },
          {
            "severity": "warning",
            "code": "unknown_flow",
            "message": "there is no flow `none-such` yet",
            "field": "tasks.again.with.flow"
          }
        ]"#]]
    .assert_eq(&format!("{:#}", answer.json()["warnings"]));
}

#[tokio::test]
async fn a_run_is_retried() {
    let site = Site::start().await;
    site.save("flow: steps\ninputs: { code: { type: integer, default: 3 } }\ntasks:\n  a: { type: transform, with: { value: 1 } }\n  each: { type: shell, needs: [a], for_each: { items: [0, 1], on_item_failure: continue }, with: { command: 'exit $CODE', env: { CODE: '{{ item * 3 }}' } } }\n  b: { type: shell, needs: [a], with: { command: 'exit $CODE', env: { CODE: '{{ inputs.code }}' } } }\n").await;
    let run = site.finish("steps").await;
    site.check(
        &format!("POST /api/v1/runs/{run}/retry?dry_run"),
        expect![[r#"
        200
        content-type: application/json
        {
          "version": 1,
          "runs": [
            {
              "task": "each",
              "why": "it had not succeeded, it was failed",
              "n_items_reused": 1
            },
            {
              "task": "b",
              "why": "it had not succeeded, it was failed"
            }
          ],
          "reused": [
            "a",
            "each[0]"
          ]
        }
    "#]],
    )
    .await;
    site.check(
        &format!("POST /api/v1/runs/{run}/retry?dry_run=true\n{JSON}\n\n{{\"from\":\"each[0]\",\"inputs\":{{\"code\":0}}}}"),
        expect![[r#"
            200
            content-type: application/json
            {
              "version": 1,
              "runs": [
                {
                  "task": "each",
                  "why": "the new run starts here"
                },
                {
                  "task": "b",
                  "why": "the input code has changed"
                }
              ],
              "reused": [
                "a"
              ]
            }
        "#]],
    )
    .await;
    let mut text = String::new();
    for body in [
        r#"{"from":"nobody"}"#,
        r#"{"from":"each[7"}"#,
        r#"{"inputs":{"code":"x"}}"#,
        r#"{"inputs":3}"#,
        r#"{"version":9}"#,
        r#"{"form":"a"}"#,
    ] {
        text += &told(&site, &format!("POST /api/v1/runs/{run}/retry\n{JSON}\n\n{body}")).await;
    }
    expect![[r#"
        retry 404 unknown_task: Run run_1 has no task nobody.
        retry 404 unknown_task: Run run_1 has no task each[7.
        retry 422 invalid: Expected a whole number, found "x" (inputs.code).
        retry 422 invalid: Inputs are a JSON object: {"name": value} (inputs).
        retry 404 unknown_flow: There is no flow steps version 9.
        retry 422 invalid: Unknown field `form`, expected one of `from`, `inputs`, `version`, `mark_succeeded` (form).
    "#]]
    .assert_eq(&text);
    let answer = site
        .send(&format!(
            "POST /api/v1/runs/{run}/retry\n{JSON}\n\n{{\"inputs\":{{\"code\":0}}}}"
        ))
        .await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let other = answer.run();
    let events = site
        .send(&format!("GET /api/v1/runs/{other}/events?stream"))
        .await;
    assert!(events.body.contains("event: end"));
    let detail = site.send(&format!("GET /api/v1/runs/{other}")).await.json();
    let tasks: Vec<String> = detail["tasks"]
        .as_array()
        .expect("tasks")
        .iter()
        .map(|task| format!("{} {} reused {}", task["path"], task["state"], task["is_reused"]))
        .collect();
    expect![[r#"
        "a" "succeeded" reused true
        "each" "failed" reused null
        "b" "succeeded" reused null"#]]
    .assert_eq(&tasks.join("\n"));
    assert_eq!(detail["retry_of"], run.as_str());
}

#[tokio::test]
async fn a_task_is_marked_as_succeeded() {
    let site = Site::start().await;
    site.save(
        "flow: bridge\ntasks:\n  load: { type: shell, with: { command: exit 1 } }\n  each: { type: transform, for_each: { items: [1, 0] }, with: { value: '{{ 1 / item }}' } }\n  tell: { type: transform, needs: [load, each], with: { value: '{{ tasks.load.output.rows + (tasks.each.output | length) }}' } }\noutputs: { told: '{{ tasks.tell.output }}' }",
    )
    .await;
    let run = site.begin("bridge").await;
    site.send(&format!("GET /api/v1/runs/{run}/events?stream")).await;
    let marks = r#"{"mark_succeeded":{"load":{"rows":3},"each[1]":7}}"#;
    site.check(
        &format!("POST /api/v1/runs/{run}/retry?dry_run=true\n{JSON}\n\n{marks}"),
        expect![[r#"
            200
            content-type: application/json
            {
              "version": 1,
              "runs": [
                {
                  "task": "each",
                  "why": "it had not succeeded, it was failed",
                  "n_items_reused": 1
                },
                {
                  "task": "tell",
                  "why": "it comes after each, which runs",
                  "after": "each"
                }
              ],
              "reused": [
                "each[0]"
              ],
              "marked": [
                "each[1]",
                "load"
              ]
            }
        "#]],
    )
    .await;
    let mut text = String::new();
    for body in [
        r#"{"mark_succeeded":{"nobody":1}}"#,
        r#"{"from":"load","mark_succeeded":{"load":1}}"#,
        r#"{"mark_succeeded":["load"]}"#,
    ] {
        text += &told(&site, &format!("POST /api/v1/runs/{run}/retry\n{JSON}\n\n{body}")).await;
    }
    let many: Vec<String> = (0..1001).map(|at| format!("\"each[{at}]\":1")).collect();
    let body = format!("{{\"mark_succeeded\":{{{}}}}}", many.join(","));
    text += &told(&site, &format!("POST /api/v1/runs/{run}/retry\n{JSON}\n\n{body}")).await;
    expect![[r#"
        retry 422 invalid: The flow version has no task `nobody` to mark as succeeded (mark_succeeded.nobody).
        retry 422 invalid: The new run starts from `load`, so it cannot be marked as succeeded (mark_succeeded.load).
        retry 422 invalid: Invalid type: sequence, expected a map (mark_succeeded).
        retry 400 bad_request: 1001 task runs are marked as succeeded; at most 1000 can be at once.
    "#]].assert_eq(&text);
    // Who makes a run of that one does not have to say it again, and it stays known who did.
    let mut text = String::new();
    let mut last = run;
    for body in [marks, r#"{"from":"tell"}"#] {
        let answer = site
            .send(&format!("POST /api/v1/runs/{last}/retry\n{JSON}\n\n{body}"))
            .await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        last = answer.run();
        site.send(&format!("GET /api/v1/runs/{last}/events?stream")).await;
        let detail = site.send(&format!("GET /api/v1/runs/{last}")).await.json();
        for task in detail["tasks"].as_array().expect("tasks") {
            text += &format!(
                "{} {} given by {}\n",
                task["path"], task["state"], task["given_by"]
            );
        }
        let item = site
            .send(&format!("GET /api/v1/runs/{last}/tasks/each%5B1%5D"))
            .await
            .json();
        text += &format!("{} given by {}\n", item["path"], item["given_by"]);
        text += &format!("{}\n", detail["outputs"]);
    }
    expect![[r#"
        "load" "succeeded" given by "local"
        "each" "succeeded" given by null
        "tell" "succeeded" given by null
        "each[1]" given by "local"
        {"told":5}
        "load" "succeeded" given by "local"
        "each" "succeeded" given by null
        "tell" "succeeded" given by null
        null given by null
        {"told":5}
    "#]]
    .assert_eq(&text);
}

#[tokio::test]
async fn a_run_waits_for_its_turn_or_is_left_out() {
    let site = Site::start().await;
    let flow = |id: &str, strategy: &str| {
        format!(
            "flow: {id}\ninputs: {{ shop: {{ type: string, default: a }} }}\nconcurrency: {{ limit: 1, key: '{{{{ inputs.shop }}}}', strategy: {strategy} }}\ntasks: {{ go: {{ type: signal }} }}"
        )
    };
    site.save(&flow("one", "queue")).await;
    site.save(&flow("two", "skip")).await;
    for name in ["one", "two"] {
        let first = site.begin(name).await;
        let text = site.redact(&first);
        assert!(text.starts_with("run_"));
        // The gate has answered when its run has begun.
        while site.send(&format!("GET /api/v1/runs/{first}")).await.json()["state"] == "queued" {
            tokio::task::yield_now().await;
        }
    }
    let queued = site.begin("one").await;
    let explained = loop {
        let answer = site.send(&format!("GET /api/v1/runs/{queued}/explain")).await;
        if answer.json()["queued"]["n_before"].is_number() {
            break answer;
        }
    };
    expect![[r#"
        200
        content-type: application/json
        {
          "queued": {
            "reason": "waits for its turn: one run of the flow with the key a may be at work at once; at work: run_1",
            "limit": 1,
            "key": "a",
            "holders": [
              "run_1"
            ],
            "n_before": 0
          },
          "items": [
            {
              "path": "go",
              "kind": "queued",
              "reason": "starts when the run has its turn"
            }
          ]
        }
    "#]].assert_eq(&site.show(&explained));
    let left_out = site.finish("two").await;
    let answer = site.send(&format!("GET /api/v1/runs/{left_out}")).await.json();
    expect![[r#"
        "cancelled" {
          "kind": "skipped",
          "message": "left out: the run run_2 of the flow is at work"
        }"#]]
    .assert_eq(&site.redact(&format!("{} {:#}", answer["state"], answer["error"])));
    assert_eq!(
        site.send(&format!("POST /api/v1/runs/{queued}/cancel"))
            .await
            .status,
        202
    );
    let other = site
        .send(&format!(
            "POST /api/v1/flows/two/runs?wait=0s\n{JSON}\n\n{{\"inputs\":{{\"shop\":\"b\"}}}}"
        ))
        .await;
    assert_eq!(
        other.status, 202,
        "another key has a place of its own: {}",
        other.body
    );
}
