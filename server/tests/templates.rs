//! Every template of the editor runs to its end on a real server as it stands: nothing is given to it, nothing is put in its place.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use editor::templates::ALL;
use expect_test::expect;
use reqwest::Client;
use serde_json::{Value, json};
use server::{ServeOptions, Server};
use tempfile::TempDir;

async fn read(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.expect("an answer");
    let address = answer.url().clone();
    let is_fine = answer.status().is_success();
    let body: Value = answer.json().await.expect("JSON");
    assert!(is_fine, "{address}: {body}");
    body
}

/// Publishes a template and runs it with these inputs to its end, with a person who agrees to everything. Tells the states.
async fn run(client: &Client, url: &str, id: &str, text: &str, inputs: Value) -> String {
    let flows = client
        .post(format!("{url}/api/v1/flows"))
        .header("content-type", "application/yaml");
    read(flows.body(text.to_owned())).await;
    let start = client
        .post(format!("{url}/api/v1/flows/{id}/runs"))
        .json(&json!({ "inputs": inputs }));
    let started = read(start).await["run_id"].as_str().expect("an id").to_owned();
    let address = format!("{url}/api/v1/runs/{started}");
    for _ in 0..600 {
        let run = read(client.get(&address)).await;
        let tasks = run["tasks"].as_array().expect("tasks");
        match run["state"].as_str().expect("a state") {
            "succeeded" | "failed" | "cancelled" => {
                let tasks = tasks.iter().map(|task| {
                    let text = |key: &str| task[key].as_str().unwrap_or("?").to_owned();
                    format!("{} {}", text("path"), text("state"))
                });
                let tasks: Vec<String> = tasks.collect();
                let state = run["state"].as_str().expect("a state");
                return format!("{id} {state}: {}", tasks.join(", "));
            }
            _ => {
                for task in tasks.iter().filter(|task| task["state"] == "waiting") {
                    let task = task["path"].as_str().expect("an id");
                    // It may be a timer that it waits for.
                    let approve = client.post(format!("{address}/tasks/{task}/approve"));
                    approve.json(&json!({})).send().await.expect("an answer");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    panic!("{id} does not end");
}

#[tokio::test]
async fn every_template_runs_as_it_stands() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = TempDir::new().expect("a temporary folder");
    let mut options = ServeOptions::new((Ipv4Addr::LOCALHOST, 0).into(), data.path().to_owned());
    options.examples = false;
    let server = Server::start(options).await.expect("the server starts");
    let url = format!("http://{}", server.address());
    let client = Client::new();
    let mut shown = String::new();
    for template in ALL {
        let ran = run(&client, &url, template.id, &template.at(&url), json!({})).await;
        let _ = writeln!(shown, "{ran}");
    }
    let fails = ALL.iter().find(|template| template.id == "take-back-on-failure");
    let text = fails
        .expect("it is there")
        .text
        .replace("flow: take-back-on-failure", "flow: taken-back");
    let ran = run(&client, &url, "taken-back", &text, json!({ "arrives": false })).await;
    let _ = writeln!(shown, "{ran}");
    expect![[r#"
        hello succeeded: greet succeeded
        side-by-side succeeded: prices succeeded, stock succeeded, reviews failed, join succeeded, tidy succeeded
        call-and-route succeeded: call succeeded, state succeeded, accept succeeded, look skipped
        each-of-a-list succeeded: keep succeeded, count succeeded
        ask-a-person succeeded: ask succeeded, publish succeeded, keep skipped
        try-then-fall-back succeeded: ask failed, fallback succeeded, use succeeded
        poll-until-done succeeded: begin succeeded, look succeeded, done succeeded
        webhook-intake succeeded: check succeeded, keep succeeded, refuse skipped
        nightly-report failed: figures succeeded, summary failed, keep skipped, send skipped
        extract-transform-load succeeded: extract succeeded, transform succeeded, load succeeded
        take-back-on-failure succeeded: reserve succeeded, charge succeeded, ship succeeded, reserve.undo skipped, charge.undo skipped
        watch-a-service succeeded: call succeeded, tell skipped
        taken-back failed: reserve succeeded, charge succeeded, ship failed, reserve.undo succeeded, charge.undo succeeded
    "#]].assert_eq(&shown);
    server.stop(Duration::ZERO).await;
}
