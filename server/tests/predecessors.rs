//! The predecessors' documents and calls, sent to a real server.

use std::net::Ipv4Addr;
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use server::{ServeOptions, Server};
use tempfile::TempDir;

/// Their own example.
const EXAMPLE: &str = include_str!("../../examples/flow-manager.json");

/// A server on a free port, with a data folder of its own.
struct Doors {
    server: Server,
    data: TempDir,
    client: reqwest::Client,
}

impl Doors {
    async fn open() -> Self {
        // Twice is once: other tests of this process may have been here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data = TempDir::new().expect("a temporary folder");
        let mut options = ServeOptions::new((Ipv4Addr::LOCALHOST, 0).into(), data.path().to_owned());
        options.examples = false;
        let server = Server::start(options).await.expect("the server starts");
        Self {
            server,
            data,
            client: reqwest::Client::new(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    /// Status and JSON of an answer.
    async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.client.get(self.url(path)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let request = self
            .client
            .post(self.url(path))
            .header("content-type", "application/json")
            .body(body);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Asks until the execution has ended.
    async fn ended(&self, id: &str) -> Value {
        loop {
            let (status, answer) = self.get(&format!("/flow/{id}/status")).await;
            assert_eq!(status, 200, "{answer}");
            if !matches!(answer["status"].as_str(), Some("PENDING" | "RUNNING")) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn close(self) {
        self.server.stop(Duration::ZERO).await;
    }
}

/// The answer as text: what differs from time to time is named instead, and lists of records are counted.
fn shown((status, mut answer): (u16, Value)) -> String {
    redact(&mut answer);
    format!("{status}\n{answer:#}\n")
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), &value) {
                    (_, Value::Null) => {}
                    ("execution_id" | "last_execution_id", _) => *value = json!("[run]"),
                    ("start_time" | "end_time" | "updated_at", Value::String(time)) => {
                        assert!(time.ends_with('Z') && time.contains('T'), "{time} is a time");
                        *value = json!("[time]");
                    }
                    (
                        "duration" | "execution_time" | "average_duration" | "min_duration" | "max_duration",
                        _,
                    ) => {
                        assert!(value.is_number(), "{value} is a number of seconds");
                        *value = json!("[seconds]");
                    }
                    ("records", Value::Array(records)) => {
                        *value = json!(format!("[{} records]", records.len()))
                    }
                    ("summary", Value::Object(_)) => *value = json!("[sums]"),
                    ("status_url", _) => *value = json!("[url]"),
                    _ => redact(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        Value::String(text) => {
            if let Some(at) = text.find("run_") {
                text.replace_range(at..(at + 30).min(text.len()), "[run]");
            }
        }
        _ => {}
    }
}

/// Runs a document by `execute-sync`: the run and, a line each, its tasks.
async fn check(document: Value, expected: Expect) {
    let doors = Doors::open().await;
    let (status, answer) = doors.post("/flow/execute-sync", document.to_string()).await;
    assert_eq!(status, 200, "{answer:#}");
    let mut text = format!(
        "{} {}\n",
        answer["status"].as_str().expect("a status"),
        answer["error"]
    );
    for task in answer["task_results"].as_array().expect("results") {
        let word = |name: &str| task[name].as_str().expect(name).to_owned();
        text += &format!(
            "{} {} after {} attempts: {} {}\n",
            word("task_name"),
            word("status"),
            task["attempts"],
            word("message"),
            task["error"]
        );
    }
    expected.assert_eq(&text);
    doors.close().await;
}

/// Tasks `[name, type, parameters]` and conditions `[source, outcome, met, unmet]`.
fn document(tasks: &[(&str, &str, Value)], conditions: &[[&str; 4]]) -> Value {
    let tasks: Vec<Value> = tasks
        .iter()
        .map(|(name, kind, parameters)| json!({ "name": name, "description": "", "task_type": kind, "parameters": parameters }))
        .collect();
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|[source, outcome, met, unmet]| {
            json!({ "name": "c", "description": "", "source_task": source, "outcome": outcome,
                "target_task_success": met, "target_task_failure": unmet })
        })
        .collect();
    json!({ "flow": { "id": "f", "name": "F", "start_task": tasks[0]["name"], "tasks": tasks, "conditions": conditions } })
}

#[tokio::test]
async fn their_example_is_executed() {
    let doors = Doors::open().await;
    expect![[r#"
        200
        {
          "execution_id": "[run]",
          "flow_id": "data_processing_flow",
          "flow_name": "Data Processing Pipeline",
          "status": "SUCCESS",
          "current_task": null,
          "start_time": "[time]",
          "end_time": "[time]",
          "duration": "[seconds]",
          "error": null,
          "task_results": [
            {
              "task_name": "task1",
              "status": "SUCCESS",
              "message": "Task task1 completed successfully",
              "error": null,
              "data": {
                "source": "default_source",
                "records": "[10 records]",
                "count": 10,
                "simulated": true
              },
              "start_time": "[time]",
              "end_time": "[time]",
              "execution_time": "[seconds]",
              "attempts": 1
            },
            {
              "task_name": "task2",
              "status": "SUCCESS",
              "message": "Task task2 completed successfully",
              "error": null,
              "data": {
                "records": "[10 records]",
                "count": 10,
                "summary": "[sums]"
              },
              "start_time": "[time]",
              "end_time": "[time]",
              "execution_time": "[seconds]",
              "attempts": 1
            },
            {
              "task_name": "task3",
              "status": "SKIPPED",
              "message": "Task task3 was not executed",
              "error": null,
              "data": null,
              "start_time": null,
              "end_time": null,
              "execution_time": null,
              "attempts": 0
            }
          ],
          "warnings": [
            {
              "severity": "warning",
              "code": "never_starts",
              "message": "no condition leads from the start to `task3`, so it is always skipped",
              "field": "flow.tasks[2]",
              "line": 17,
              "column": 7
            }
          ]
        }
    "#]]
    .assert_eq(&shown(doors.post("/flow/execute-sync", EXAMPLE).await));
    doors.close().await;
}

#[tokio::test]
async fn an_execution_goes_on_behind_the_answer() {
    let doors = Doors::open().await;
    let (status, started) = doors.post("/flow/execute", EXAMPLE).await;
    let id = started["execution_id"].as_str().expect("an id").to_owned();
    doors.ended(&id).await;
    expect![[r#"
        202
        {
          "execution_id": "[run]",
          "flow_id": "data_processing_flow",
          "status": "RUNNING",
          "message": "Flow execution started",
          "status_url": "[url]",
          "warnings": [
            {
              "severity": "warning",
              "code": "never_starts",
              "message": "no condition leads from the start to `task3`, so it is always skipped",
              "field": "flow.tasks[2]",
              "line": 17,
              "column": 7
            }
          ]
        }
    "#]]
    .assert_eq(&shown((status, started)));
    let by_run = doors.get(&format!("/flow/{id}/status")).await;
    let by_flow = doors.get("/flow/data_processing_flow/status").await;
    assert_eq!(by_run, by_flow, "a flow's id means its newest execution");
    expect![[r#"
        200
        {
          "task_name": "task2",
          "status": "SUCCESS",
          "message": "Task task2 completed successfully",
          "error": null,
          "data": {
            "records": "[10 records]",
            "count": 10,
            "summary": "[sums]"
          },
          "start_time": "[time]",
          "end_time": "[time]",
          "execution_time": "[seconds]",
          "attempts": 1
        }
    "#]]
    .assert_eq(&shown(doors.get(&format!("/flow/{id}/tasks/task2/result")).await));
    expect![[r#"
        200
        {
          "task_name": "task3",
          "status": "SKIPPED",
          "message": "Task task3 was not executed",
          "error": null,
          "data": null,
          "start_time": null,
          "end_time": null,
          "execution_time": null,
          "attempts": 0
        }
    "#]]
    .assert_eq(&shown(
        doors.get("/flow/data_processing_flow/tasks/task3/result").await,
    ));
    expect![[r#"
        404
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_task",
          "detail": "Run [run] has no task task9."
        }
    "#]]
    .assert_eq(&shown(doors.get(&format!("/flow/{id}/tasks/task9/result")).await));
    doors.close().await;
}

#[tokio::test]
async fn records_are_fetched_processed_and_stored() {
    let doors = Doors::open().await;
    let document = document(
        &[
            (
                "fetch",
                "fetch_data",
                json!({ "data_source": "https://api.example.com/data" }),
            ),
            ("process", "process_data", json!({})),
            ("store", "store_data", json!({ "destination": "orders/today" })),
        ],
        &[
            ["fetch", "success", "process", "end"],
            ["process", "success", "store", "end"],
        ],
    );
    let (status, answer) = doors.post("/flow/execute-sync", document.to_string()).await;
    assert_eq!(
        (status, answer["status"].as_str()),
        (200, Some("SUCCESS")),
        "{answer:#}"
    );
    let stored = std::fs::read(doors.data.path().join("files/orders/today.json")).expect("the file is there");
    let stored: Value = serde_json::from_slice(&stored).expect("it is JSON");
    assert_eq!(
        stored, answer["task_results"][1]["data"]["records"],
        "what was processed is what is stored"
    );
    assert_eq!(stored[0]["processed"], true);
    expect![[r#"
        200
        {
          "task_name": "store",
          "status": "SUCCESS",
          "message": "Task store completed successfully",
          "error": null,
          "data": {
            "destination": "orders/today",
            "path": "files/orders/today.json",
            "bytes": 552,
            "records": 10
          },
          "start_time": "[time]",
          "end_time": "[time]",
          "execution_time": "[seconds]",
          "attempts": 1
        }
    "#]]
    .assert_eq(&shown((status, answer["task_results"][2].clone())));
    doors.close().await;
}

#[tokio::test]
async fn a_failure_that_leads_to_the_end_fails_the_run() {
    let fails = json!({ "failure_rate": 1 });
    check(
        document(
            &[("a", "fetch_data", fails), ("b", "process_data", json!({}))],
            &[["a", "success", "b", "end"]],
        ),
        expect![[r#"
            FAILURE "fetching failed, as it does with a failure rate of 1"
            a FAILURE after 1 attempts: Task a failed "fetching failed, as it does with a failure rate of 1"
            b SKIPPED after 0 attempts: Task b was not executed null
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_failure_that_leads_to_a_task_does_not() {
    let fails = json!({ "failure_rate": 1 });
    check(
        document(
            &[
                ("a", "fetch_data", fails),
                ("b", "process_data", json!({})),
                ("mend", "store_data", json!({})),
            ],
            &[["a", "success", "b", "mend"]],
        ),
        expect![[r#"
            SUCCESS null
            a FAILURE after 1 attempts: Task a failed "fetching failed, as it does with a failure rate of 1"
            b SKIPPED after 0 attempts: Task b was not executed null
            mend SUCCESS after 1 attempts: Task mend completed successfully null
        "#]],
    )
    .await;
}

#[tokio::test]
async fn an_outcome_may_be_failure() {
    let tasks = |rate: f64| {
        [
            ("a", "fetch_data", json!({ "failure_rate": rate })),
            ("met", "process_data", json!({})),
            ("unmet", "process_data", json!({})),
        ]
    };
    let condition = [["a", "failure", "met", "unmet"]];
    check(
        document(&tasks(1.0), &condition),
        expect![[r#"
        SUCCESS null
        a FAILURE after 1 attempts: Task a failed "fetching failed, as it does with a failure rate of 1"
        met SUCCESS after 1 attempts: Task met completed successfully null
        unmet SKIPPED after 0 attempts: Task unmet was not executed null
    "#]],
    )
    .await;
    check(
        document(&tasks(0.0), &condition),
        expect![[r#"
        SUCCESS null
        a SUCCESS after 1 attempts: Task a completed successfully null
        met SKIPPED after 0 attempts: Task met was not executed null
        unmet SUCCESS after 1 attempts: Task unmet completed successfully null
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_failed_task_that_leads_to_itself_is_tried_again() {
    let tasks = [
        ("a", "fetch_data", json!({ "failure_rate": 1 })),
        ("b", "process_data", json!({})),
    ];
    check(
        document(&tasks, &[["a", "success", "b", "a"]]),
        expect![[r#"
        FAILURE "fetching failed, as it does with a failure rate of 1"
        a FAILURE after 3 attempts: Task a failed "fetching failed, as it does with a failure rate of 1"
        b SKIPPED after 0 attempts: Task b was not executed null
    "#]],
    )
    .await;
    let tasks = [("a", "fetch_data", json!({ "failure_rate": 1, "retry_count": 1 }))];
    check(
        document(&tasks, &[]),
        expect![[r#"
        FAILURE "fetching failed, as it does with a failure rate of 1"
        a FAILURE after 2 attempts: Task a failed "fetching failed, as it does with a failure rate of 1"
    "#]],
    )
    .await;
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let doors = Doors::open().await;
    let wrong = document(
        &[
            ("a", "fetch_data", json!({ "failure_rate": 7 })),
            ("a", "fetchdata", json!({})),
            ("b", "process_data", json!({})),
        ],
        &[
            ["a", "success", "x", "end"],
            ["a", "maybe", "b", "end"],
            ["b", "success", "a", "end"],
        ],
    );
    for call in ["/flow/create", "/flow/execute", "/flow/execute-sync"] {
        let (status, answer) = doors.post(call, wrong.to_string()).await;
        assert_eq!(status, 422);
        if call == "/flow/create" {
            let problems = answer["problems"].as_array().expect("problems").iter();
            let lines: Vec<String> = problems
                .map(|problem| {
                    format!(
                        "{} {}: {}\n",
                        problem["field"], problem["code"], problem["message"]
                    )
                })
                .collect();
            expect![[r#"
                "flow.tasks[0].parameters.failure_rate" "bad_argument": "7 is too large, the most is 1.0"
                "flow.tasks[1].name" "duplicate_id": "`a` is already the name of task 1 (counted from 1)"
                "flow.tasks[1].task_type" "unknown_type": "there is no task type `fetchdata` (did you mean `fetch_data`?); the types are approval, delay, fail, fetch_data, http.request, log, loop, mail.send, noop, process_data, shell, signal, store_data, subflow, switch, transform, wait"
                "flow.conditions[0].target_task_success" "unknown_task": "there is no task `x`"
                "flow.conditions[1].outcome" "unknown_word": "the outcome is `success` or `failure`, not `maybe`"
            "#]].assert_eq(&lines.concat());
        }
    }
    expect![[r#"
        422
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "Expected a value, but the document ends here.",
          "problems": [
            {
              "severity": "error",
              "code": "syntax",
              "message": "expected a value, but the document ends here",
              "line": 1,
              "column": 10
            }
          ]
        }
    "#]]
    .assert_eq(&shown(doors.post("/flow/create", "{\"flow\": ").await));
    expect![[r#"
        200
        []
    "#]]
    .assert_eq(&shown(doors.get("/flows").await));
    doors.close().await;
}

#[tokio::test]
async fn only_json_comes_in() {
    let doors = Doors::open().await;
    for kind in [
        "text/plain",
        "application/yaml",
        "application/x-www-form-urlencoded",
    ] {
        let request = doors
            .client
            .post(doors.url("/flow/execute"))
            .header("content-type", kind)
            .body(EXAMPLE);
        assert_eq!(request.send().await.expect("an answer").status(), 415, "{kind}");
    }
    let huge = format!("{EXAMPLE}{}", " ".repeat(9 * 1024 * 1024));
    assert_eq!(doors.post("/flow/create", huge).await.0, 413);
    assert_eq!(doors.get("/flows").await.1, json!([]), "nothing was stored");
    doors.close().await;
}

#[tokio::test]
async fn flows_are_stored_once_and_listed_by_their_own_ids() {
    let doors = Doors::open().await;
    expect![[r#"
        201
        {
          "flow_id": "data_processing_flow",
          "name": "Data Processing Pipeline",
          "status": "CREATED",
          "task_count": 3,
          "version": 1,
          "message": "Flow data_processing_flow created",
          "warnings": [
            {
              "severity": "warning",
              "code": "never_starts",
              "message": "no condition leads from the start to `task3`, so it is always skipped",
              "field": "flow.tasks[2]",
              "line": 17,
              "column": 7
            }
          ]
        }
    "#]]
    .assert_eq(&shown(doors.post("/flow/create", EXAMPLE).await));
    let again = doors.post("/flow/create", EXAMPLE).await;
    assert_eq!(
        (again.0, &again.1["version"]),
        (201, &json!(1)),
        "the same document makes no new version"
    );
    let mut odd = document(&[("Fetch It!", "fetch_data", json!({}))], &[]);
    odd["flow"]["id"] = json!("Täglich: Bestellungen");
    let (_, answer) = doors.post("/flow/execute-sync", odd.to_string()).await;
    assert_eq!(answer["flow_id"], "Täglich: Bestellungen");
    let result = doors
        .get("/flow/T%C3%A4glich:%20Bestellungen/tasks/Fetch%20It!/result")
        .await;
    assert_eq!(
        (result.0, &result.1["task_name"]),
        (200, &json!("Fetch It!")),
        "{}",
        result.1
    );
    expect![[r#"
        200
        [
          {
            "flow_id": "data_processing_flow",
            "name": "Data Processing Pipeline",
            "description": null,
            "task_count": 3,
            "updated_at": "[time]",
            "last_execution_id": null,
            "last_status": null
          },
          {
            "flow_id": "Täglich: Bestellungen",
            "name": "F",
            "description": null,
            "task_count": 1,
            "updated_at": "[time]",
            "last_execution_id": "[run]",
            "last_status": "SUCCESS"
          }
        ]
    "#]]
    .assert_eq(&shown(doors.get("/flows").await));
    expect![[r#"
        200
        {
          "total_flows": 2,
          "total_executions": 1,
          "by_status": {
            "SUCCESS": 1
          },
          "success_rate": 1.0,
          "average_duration": "[seconds]",
          "min_duration": "[seconds]",
          "max_duration": "[seconds]"
        }
    "#]]
    .assert_eq(&shown(doors.get("/flows/summary").await));
    doors.close().await;
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let doors = Doors::open().await;
    doors.post("/flow/create", EXAMPLE).await;
    expect![[r#"
        404
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_execution",
          "detail": "There is no execution `nothing`, and no flow `nothing` that has ever run."
        }
    "#]]
    .assert_eq(&shown(doors.get("/flow/nothing/status").await));
    expect![[r#"
        404
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_execution",
          "detail": "There is no execution `data_processing_flow`, and no flow `data_processing_flow` that has ever run."
        }
    "#]].assert_eq(&shown(doors.get("/flow/data_processing_flow/status").await));
    expect![[r#"
        404
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_run",
          "detail": "There is no run [run]."
        }
    "#]]
    .assert_eq(&shown(
        doors.get("/flow/run_00000000000000000000000000/status").await,
    ));
    expect![[r#"
        404
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_execution",
          "detail": "There is no execution `nothing`, and no flow `nothing` that has ever run."
        }
    "#]]
    .assert_eq(&shown(doors.get("/flow/nothing/tasks/task1/result").await));
    doors.close().await;
}

#[tokio::test]
async fn browsers_get_pages_where_programs_get_json() {
    let doors = Doors::open().await;
    for path in ["/", "/flows", "/flows/summary"] {
        for (accept, kind) in [("*/*", "application/json"), ("text/html,*/*;q=0.8", "text/html")] {
            let answer = doors
                .client
                .get(doors.url(path))
                .header("accept", accept)
                .send()
                .await
                .expect("an answer");
            let header = |name: &str| {
                answer
                    .headers()
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or("")
                    .to_ascii_lowercase()
            };
            assert!(
                header("content-type").starts_with(kind),
                "{path} for {accept} is {}",
                header("content-type")
            );
            assert!(
                header("vary").contains("accept"),
                "{path} says that it depends on Accept"
            );
        }
    }
    let (_, info) = doors.get("/").await;
    for call in [
        "POST /flow/create",
        "POST /flow/execute",
        "POST /flow/execute-sync",
        "GET /flow/{id}/status",
        "GET /flows/summary",
    ] {
        assert!(info["endpoints"].to_string().contains(call), "{call} is listed");
    }
    doors.close().await;
}
