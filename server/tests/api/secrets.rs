//! Secrets and variables over REST and by the command line, and a look for traces in all that the program says.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use expect_test::expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Site, client};

const JSON: &str = "content-type: application/json";

#[tokio::test]
async fn secrets_are_set_and_removed_and_never_given_out() {
    let site = Site::start().await;
    let put = |name: &str, body: &str| format!("PUT /api/v1/secrets/{name}\n{JSON}\n\n{body}");
    for (request, expected) in [
        (
            put("token", r#"{"value":"tok3n-geheim"}"#),
            expect![[r#"
            204
        "#]],
        ),
        (
            put("tok-en", r#"{"value":"tok3n-geheim"}"#),
            expect![[r#"
            422
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Unprocessable Entity",
              "status": 422,
              "code": "invalid",
              "detail": "`tok-en` cannot name a secret: names have letters, digits and `_`, begin with no digit and are at most 64 long (name).",
              "problems": [
                {
                  "severity": "error",
                  "code": "bad_name",
                  "message": "`tok-en` cannot name a secret: names have letters, digits and `_`, begin with no digit and are at most 64 long",
                  "field": "name"
                }
              ]
            }
        "#]],
        ),
        (
            put("token", r#"{"value":12345678}"#),
            expect![[r#"
            422
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Unprocessable Entity",
              "status": 422,
              "code": "invalid",
              "detail": "The value must be a text (value).",
              "problems": [
                {
                  "severity": "error",
                  "code": "bad_field",
                  "message": "the value must be a text",
                  "field": "value",
                  "line": 1,
                  "column": 18
                }
              ]
            }
        "#]],
        ),
        (
            put("token", r#"{"value":""}"#),
            expect![[r#"
            422
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Unprocessable Entity",
              "status": 422,
              "code": "invalid",
              "detail": "A secret is not empty; remove it instead (value).",
              "problems": [
                {
                  "severity": "error",
                  "code": "bad_value",
                  "message": "a secret is not empty; remove it instead",
                  "field": "value"
                }
              ]
            }
        "#]],
        ),
        (
            put("token", r#"{"vlaue":"tok3n-geheim"}"#),
            expect![[r#"
            422
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Unprocessable Entity",
              "status": 422,
              "code": "invalid",
              "detail": "Unknown field `vlaue`, expected `value` (vlaue).",
              "problems": [
                {
                  "severity": "error",
                  "code": "bad_field",
                  "message": "unknown field `vlaue`, expected `value`",
                  "field": "vlaue",
                  "line": 1,
                  "column": 8
                }
              ]
            }
        "#]],
        ),
        (
            "GET /api/v1/secrets/other".to_owned(),
            expect![[r#"
            404
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Not Found",
              "status": 404,
              "code": "unknown_secret",
              "detail": "There is no secret other."
            }
        "#]],
        ),
        (
            "DELETE /api/v1/secrets/other".to_owned(),
            expect![[r#"
            404
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Not Found",
              "status": 404,
              "code": "unknown_secret",
              "detail": "There is no secret other."
            }
        "#]],
        ),
    ] {
        site.check(&request, expected).await;
    }
    site.save("flow: a\ntasks: { b: { type: shell, with: { command: 'echo $T', env: { T: '{{ secrets.token }}' } } } }\n").await;
    site.check(
        "GET /api/v1/secrets",
        expect![[r#"
        200
        content-type: application/json
        {
          "items": [
            {
              "name": "token",
              "updated_at": "TIME",
              "updated_by": "local",
              "used_by": [
                "a"
              ]
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/secrets/token",
        expect![[r#"
        200
        content-type: application/json
        {
          "name": "token",
          "updated_at": "TIME",
          "updated_by": "local",
          "used_by": [
            "a"
          ]
        }
    "#]],
    )
    .await;
    site.check(
        "DELETE /api/v1/secrets/token",
        expect![[r#"
        204
    "#]],
    )
    .await;
    site.finish("a").await;
    let foreign =
        format!("PUT /api/v1/secrets/token\n{JSON}\norigin: https://evil.example\n\n{{\"value\":\"x\"}}");
    assert_eq!(site.send(&foreign).await.status, 403);
}

#[tokio::test]
async fn variables_are_plain() {
    let site = Site::start().await;
    site.save("flow: a\ntasks: { b: { type: log, with: { message: '{{ vars.base_url }}' } } }\noutputs: { o: '{{ tasks.b.output }}' }\n").await;
    let put = |name: &str, body: &str| format!("PUT /api/v1/variables/{name}\n{JSON}\n\n{body}");
    for (request, expected) in [
        (
            put("base_url", r#"{"value":"https://a.example"}"#),
            expect![[r#"
                204
            "#]],
        ),
        (
            put("base-url", r#"{"value":1}"#),
            expect![[r#"
            422
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Unprocessable Entity",
              "status": 422,
              "code": "invalid",
              "detail": "`base-url` cannot name a variable: names have letters, digits and `_`, begin with no digit and are at most 64 long (name).",
              "problems": [
                {
                  "severity": "error",
                  "code": "bad_name",
                  "message": "`base-url` cannot name a variable: names have letters, digits and `_`, begin with no digit and are at most 64 long",
                  "field": "name"
                }
              ]
            }
        "#]],
        ),
        (
            "GET /api/v1/variables".to_owned(),
            expect![[r#"
            200
            content-type: application/json
            {
              "items": [
                {
                  "name": "base_url",
                  "value": "https://a.example",
                  "updated_at": "TIME",
                  "updated_by": "local",
                  "used_by": [
                    "a"
                  ]
                }
              ]
            }
        "#]],
        ),
        (
            "GET /api/v1/variables/other".to_owned(),
            expect![[r#"
            404
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Not Found",
              "status": 404,
              "code": "unknown_variable",
              "detail": "There is no variable other."
            }
        "#]],
        ),
    ] {
        site.check(&request, expected).await;
    }
    let ended = site.send("POST /api/v1/flows/a/runs?wait=60s").await.json();
    assert_eq!(ended["outputs"]["o"], "https://a.example");
    site.check(
        "DELETE /api/v1/variables/base_url",
        expect![[r#"
        204
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/variables/base_url",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_variable",
          "detail": "There is no variable base_url."
        }
    "#]],
    )
    .await;
}

const SECRET: &str = "s3cr3t-\"ü/value";

/// The program on a data folder; what it says, and its exit code.
fn pointwork(data: &Path, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pointwork"))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // One that refuses before it reads closes the pipe.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    let told = told.replace(&data.display().to_string(), "DATA");
    let words = told
        .split_inclusive(char::is_whitespace)
        .map(|word| match word.trim_end().ends_with('Z') {
            true => "TIME\t",
            false => word,
        });
    format!(
        "{}exit code {}",
        words.collect::<String>(),
        output.status.code().expect("not killed")
    )
}

/// Everything is read that a viewer could read, and all that the program writes about itself at its most talkative.
#[tokio::test]
async fn no_stream_and_no_log_tells_a_secret() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    expect![[r#"
        token is set
        exit code 0"#]]
    .assert_eq(&pointwork(
        &data,
        &["secret", "set", "token"],
        &format!("{SECRET}\n"),
    ));
    expect![[r#"
        pointwork: `other-name` cannot name a secret: names have letters, digits and `_`, begin with no digit and are at most 64 long
        exit code 1"#]].assert_eq(&pointwork(&data, &["secret", "set", "other-name"], "x"));
    expect![[r#"
        token	TIME	
        exit code 0"#]]
    .assert_eq(&pointwork(&data, &["secret", "list"], ""));
    let mut child = Command::new(env!("CARGO_BIN_EXE_pointwork"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .env("POINTWORK_LOG", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut errors = child.stderr.take().expect("a pipe");
    // Read all along, or the program would wait for room in the pipe.
    let log = std::thread::spawn(move || {
        let mut log = Vec::new();
        errors.read_to_end(&mut log).map(|_| log)
    });
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    output.read_line(&mut line).expect("it says something");
    let url = line
        .trim()
        .strip_prefix("Pointwork answers on ")
        .expect("its address")
        .to_owned();
    let client = client();
    let flow = r#"{"flow":"leaky","tasks":{"b":{"type":"shell","with":{
        "command":"echo \"$T\"; echo \"$T\" | base64; echo \"$T\" >&2; printf '{\"t\":\"%s\"}' \"$(printf %s \"$T\" | base64)\"; exit 3",
        "env":{"T":"{{ secrets.token }}"}}}}}"#;
    let post = |path: &str, body: &'static str| {
        client
            .post(format!("{url}{path}"))
            .header("content-type", "application/json")
            .body(body)
            .send()
    };
    assert_eq!(
        post("/api/v1/flows", flow).await.expect("an answer").status(),
        201
    );
    let ended = post("/api/v1/flows/leaky/runs?wait=60s", "{}")
        .await
        .expect("an answer");
    let mut seen = ended.text().await.expect("text");
    let run: serde_json::Value = serde_json::from_str(&seen).expect("JSON");
    assert_eq!(run["state"], "failed", "{seen}");
    let id = run["id"].as_str().expect("an id");
    let get = async |path: &str, accept: &str| {
        let answer = client
            .get(format!("{url}{path}"))
            .header("accept", accept)
            .send()
            .await;
        answer.expect("an answer").text().await.expect("text")
    };
    for path in [
        format!("/api/v1/runs/{id}"),
        format!("/api/v1/runs/{id}/events"),
        format!("/api/v1/runs/{id}/tasks/b"),
        format!("/api/v1/runs/{id}/tasks/b/input"),
        format!("/api/v1/runs/{id}/tasks/b/output"),
        format!("/api/v1/runs/{id}/tasks/b/logs"),
        "/api/v1/secrets".to_owned(),
        "/api/v1/flows/leaky".to_owned(),
        "/metrics".to_owned(),
    ] {
        seen += &get(&path, "*/*").await;
    }
    // The streams of a finished run end by themselves.
    seen += &get(&format!("/api/v1/runs/{id}/events"), "text/event-stream").await;
    seen += &get(
        &format!("/api/v1/runs/{id}/tasks/b/logs?follow"),
        "text/event-stream",
    )
    .await;
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("it is there");
    child.wait().expect("it ends");
    let log = log.join().expect("no panic").expect("a log");
    assert!(seen.matches("***").count() > 10, "{seen}");
    seen += &String::from_utf8_lossy(&log);
    assert!(seen.contains("leaky"), "the log is there");
    for form in ["s3cr3t", "czNjcjN0LSLDvC92YWx1Z", "s3cr3t-%22%C3%BC%2Fvalue"] {
        assert!(!seen.contains(form), "{form}: {seen}");
    }
    expect![[r#"
        token is removed
        exit code 0"#]]
    .assert_eq(&pointwork(&data, &["secret", "remove", "token"], ""));
    expect![[r#"
        pointwork: there is no secret token
        exit code 1"#]]
    .assert_eq(&pointwork(&data, &["secret", "remove", "token"], ""));
}

#[test]
fn a_key_that_does_not_fit_is_told_in_one_sentence() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    pointwork(&data, &["secret", "set", "token"], SECRET);
    let serve = |key: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_pointwork"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .env("POINTWORK_SECRET_KEY", key)
            .output()
            .expect("it starts");
        let told = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{told}");
        told.replace(&data.display().to_string(), "DATA")
    };
    expect![[r#"
        pointwork: cannot use the data folder DATA: the stored secrets were sealed with another key than the given key; give the key they were sealed with, or remove them with `pointwork secret remove` and set them again
    "#]].assert_eq(&serve(&"ab".repeat(32)));
    expect![[r#"
        pointwork: POINTWORK_SECRET_KEY is not right: a secret key is 32 bytes, written as 64 hexadecimal digits or in base64
    "#]].assert_eq(&serve("abc"));
}
