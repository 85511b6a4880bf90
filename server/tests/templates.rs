//! Every template of the editor runs to its end on a real engine, with its real task types; only what others would answer is given.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use editor::templates::ALL;
use engine::{Engine, StartTrial};
use expect_test::expect;
use flow::FlowDoc;
use flow::parse::{Format, parse};
use flow::trial::Scope;
use serde_json::{Value, json};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(60);

/// What others answer, by the task that asks; the plainest answer if nothing is said.
fn answers(doc: &FlowDoc) -> BTreeMap<String, Value> {
    let said = [
        ("call", json!({ "status": 200, "body": { "amount": 4200 } })),
        (
            "figures",
            json!({ "status": 200, "body": { "sold": 3, "returned": 1 } }),
        ),
        (
            "list",
            json!({ "status": 200, "body": [{ "id": 1 }, { "id": 2 }] }),
        ),
        ("begin", json!({ "status": 200, "body": { "id": 7 } })),
        (
            "look",
            json!({ "status": 200, "body": { "state": "done", "result": 9 } }),
        ),
        (
            "extract",
            json!({ "status": 200, "body": [{ "id": 1, "amount": 2 }] }),
        ),
    ];
    let said = BTreeMap::from(said);
    let asks = |task_type: &str| matches!(task_type, "http.request" | "mail.send" | "approval");
    let sections = [&doc.tasks, &doc.finally, &doc.on_failure].into_iter().flatten();
    let asking = sections.filter(|(_, task)| asks(&task.task_type));
    let answer = |(id, task): (&String, &flow::doc::TaskDoc)| {
        let usual = match task.task_type.as_str() {
            "approval" => json!({ "approved": true, "values": {} }),
            "mail.send" => json!("<1@example.org>"),
            _ => json!({ "status": 200, "headers": {}, "body": { "id": 1, "rate": 1.2 } }),
        };
        (id.clone(), said.get(id.as_str()).cloned().unwrap_or(usual))
    };
    asking.map(answer).collect()
}

#[tokio::test]
async fn every_template_runs() {
    let dir = TempDir::new().unwrap();
    let engine = Engine::builder().data_dir(dir.path()).start().await.unwrap();
    let mut shown = String::new();
    for template in ALL {
        let doc = parse(template.text.as_bytes(), Format::Yaml).unwrap().doc;
        let start = StartTrial {
            source: template.text.into(),
            format: Format::Yaml,
            inputs: Value::Null,
            scope: Scope::Whole,
            is_reusing: false,
            outputs: answers(&doc),
            actor: "test".to_owned(),
        };
        let started = engine.start_trial(start).await.unwrap();
        let run = engine.wait(started.run, LONG).await.unwrap().expect("it ends");
        write!(shown, "{}: {}", template.id, run.summary.state.key()).unwrap();
        let error = run.summary.error.as_ref().map(|error| error.message.clone());
        writeln!(
            shown,
            "{}",
            error.map_or_else(String::new, |error| format!(", {error}"))
        )
        .unwrap();
    }
    expect![[r#"
        hello: succeeded
        side-by-side: succeeded
        call-and-route: succeeded
        each-of-a-list: succeeded
        ask-a-person: succeeded
        try-then-fall-back: succeeded
        poll-until-done: succeeded
        webhook-intake: succeeded
        nightly-report: succeeded
        extract-transform-load: succeeded
        take-back-on-failure: succeeded
        watch-a-service: succeeded
    "#]]
    .assert_eq(&shown);
    engine.shutdown(Duration::ZERO).await;
}
