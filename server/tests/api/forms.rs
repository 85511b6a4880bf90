//! Forms of control flow, as a caller sees them.

use expect_test::expect;

use crate::streams::Frames;
use crate::support::Site;

const EACH: &str = "
flow: each
inputs: { names: { type: array } }
tasks:
  greet:
    type: shell
    for_each: { items: '{{ inputs.names }}', max_parallel: 2, on_item_failure: continue }
    with: { command: 'echo \"$NAME\" says hello; test \"$NAME\" != bob && printf %s \"$NAME\" | wc -c', env: { NAME: '{{ item }}' } }
  tell:
    type: log
    needs: [{ task: greet, on: always }]
    with: { message: 'all {{ tasks.greet.output | length if tasks.greet.output else 0 }}' }
";

#[tokio::test]
async fn a_task_runs_once_for_each_item() {
    let site = Site::start().await;
    site.save(EACH).await;
    let inputs = r#"{"inputs":{"names":["ann","bob","chloe"]}}"#;
    let started = site
        .send(&format!(
            "POST /api/v1/flows/each/runs?wait=30s\ncontent-type: application/json\n\n{inputs}"
        ))
        .await;
    let run = started.json()["id"].as_str().expect("it is done").to_owned();
    let listed = async |query: &str| {
        let page = site
            .send(&format!("GET /api/v1/runs/{run}/tasks?{query}"))
            .await
            .json();
        let mut text: Vec<String> = page["items"]
            .as_array()
            .expect("a page")
            .iter()
            .map(|task| format!("{} {}", task["path"], task["state"]).replace('"', ""))
            .collect();
        text.extend(page["next_cursor"].as_str().map(|next| format!("then {next}")));
        text.join("\n")
    };
    expect![[r#"
        greet failed
        greet[0] succeeded
        greet[1] failed
        greet[2] succeeded
        tell succeeded"#]]
    .assert_eq(&listed("").await);
    expect![[r#"
        greet[0] succeeded
        greet[2] succeeded"#]]
    .assert_eq(&listed("under=greet%5B&state=succeeded").await);
    expect![[r#"
        greet failed
        greet[0] succeeded
        then greet[1]"#]]
    .assert_eq(&listed("limit=2").await);
    expect![[r#"
        greet[1] failed
        greet[2] succeeded
        then tell"#]]
    .assert_eq(&listed("limit=2&cursor=greet%5B1%5D").await);
    for (path, expected) in [
        (
            "tasks/greet%5B2%5D/logs",
            expect![[r#"
                200
                content-type: text/plain; charset=utf-8
                chloe says hello
                5
            "#]],
        ),
        (
            "tasks/greet%5B2%5D/output",
            expect![[r#"
                200
                content-type: application/json
                5
            "#]],
        ),
        (
            "tasks/greet%5B3%5D",
            expect![[r#"
                404
                content-type: application/problem+json
                {
                  "type": "about:blank",
                  "title": "Not Found",
                  "status": 404,
                  "code": "unknown_task",
                  "detail": "Run run_1 has no task greet[3]."
                }
            "#]],
        ),
        (
            "tasks?cursor=greet%5Bx%5D",
            expect![[r#"
                400
                content-type: application/problem+json
                {
                  "type": "about:blank",
                  "title": "Bad Request",
                  "status": 400,
                  "code": "bad_cursor",
                  "detail": "`greet[x]` is no position in this list; give a page's `next_cursor` as it is."
                }
            "#]],
        ),
    ] {
        site.check(&format!("GET /api/v1/runs/{run}/{path}"), expected)
            .await;
    }
}

const STEPS: &str = "
flow: steps
tasks:
  first: { type: delay, with: { for: 1h } }
  second: { type: noop, needs: [first] }
";

#[tokio::test]
async fn a_run_is_held_and_goes_on() {
    let site = Site::start().await;
    site.save(STEPS).await;
    let run = site.begin("steps").await;
    let ask = async |call: &str| {
        let answer = site.send(&format!("POST /api/v1/runs/{run}/{call}")).await;
        let json = answer.json();
        let word = json["state"].as_str().or_else(|| json["code"].as_str());
        format!("{call}: {} {}", answer.status, word.unwrap_or_default())
    };
    let mut said = Vec::new();
    for call in ["pause", "pause", "resume", "resume", "pause", "cancel"] {
        said.push(ask(call).await);
    }
    site.send(&format!("GET /api/v1/runs/{run}/events?stream")).await;
    for call in ["pause", "resume"] {
        said.push(ask(call).await);
    }
    expect![[r#"
        pause: 202 paused
        pause: 202 paused
        resume: 202 running
        resume: 202 running
        pause: 202 paused
        cancel: 202 cancelled
        pause: 409 finished
        resume: 409 finished"#]]
    .assert_eq(&said.join("\n"));
}

const WAITING: &str = "
flow: waiting
tasks:
  pause: { type: delay, with: { for: 1h } }
  broken: { type: shell, with: { command: exit 3 }, retry: { max_attempts: 2, first: 1m, jitter: none } }
  after: { type: noop, needs: [pause, broken] }
finally: { tidy: { type: noop } }
";

#[tokio::test]
async fn what_does_not_run_is_explained() {
    let site = Site::start().await;
    site.save(WAITING).await;
    let run = site.begin("waiting").await;
    let mut frames = Frames::open(&site, &format!("/api/v1/runs/{run}/events?stream"), None).await;
    while frames.until("event").await.data["type"] != "attempt_failed" {}
    let answer = site.send(&format!("GET /api/v1/runs/{run}/explain")).await.json();
    let told: Vec<String> = answer["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|why| {
            format!(
                "{} {} {} {}",
                why["path"],
                why["kind"],
                why["reason"],
                why["until"].is_string()
            )
        })
        .collect();
    expect![[r#"
        pause timer waits true
        broken retry tries again true
        after upstreams waits for pause, broken false
        tidy ending runs at the end, whatever happens false"#]]
    .assert_eq(&told.join("\n").replace('"', ""));
    site.send(&format!("POST /api/v1/runs/{run}/cancel")).await;
    frames.until("end").await;
    site.check(
        &format!("GET /api/v1/runs/{run}/explain"),
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
