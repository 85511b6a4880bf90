//! Secrets and variables in a whole engine on a data folder of its own.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use expect_test::{Expect, expect};
use flow::parse::Format;
use flow::view::RunDetail;
use serde_json::json;
use tempfile::TempDir;

use crate::secrets::key::{KEY_FILE, KeySource, SecretKey};
use crate::{Engine, EngineError, SaveFlow, StartRun};

const SECRET: &str = "s3cr3t \"value\"/ä+b";

const LEAKY: &str = r#"
flow: leaky
inputs: { like: { default: "{{ secrets.token }}" } }
tasks:
  print:
    type: shell
    with:
      env: { TOKEN: "{{ secrets.token }}", LIKE: "{{ inputs.like }}" }
      command: |
        echo "$TOKEN"; printf %s "$TOKEN" | base64; echo "name:$TOKEN" | base64; echo "like: $LIKE"
        printf '{"token": "%s"}' "$(printf %s "$TOKEN" | sed 's/"/\\"/g')"
  fail:
    type: shell
    retry: { max_attempts: 2, first: 10ms }
    with: { env: { TOKEN: "{{ secrets.token }}" }, command: 'echo "no login with $TOKEN" >&2; exit 1' }
outputs: { got: "{{ tasks.print.output.token }}" }
"#;

async fn start(dir: &Path, source: KeySource) -> Result<Engine, EngineError> {
    Engine::builder().data_dir(dir).secret_key(source).start().await
}

async fn save(engine: &Engine, yaml: &str) -> String {
    let save = SaveFlow {
        source: yaml.into(),
        format: Format::Yaml,
        id: None,
        expected: None,
        actor: "test".into(),
    };
    let saved = engine
        .save_flow(save)
        .await
        .unwrap_or_else(|error| panic!("{error:#?}"));
    saved
        .warnings
        .iter()
        .map(|warning| format!("{warning}\n"))
        .collect()
}

async fn run(engine: &Engine, flow: &str, inputs: serde_json::Value) -> std::sync::Arc<RunDetail> {
    let start = StartRun {
        inputs,
        ..StartRun::of(flow)
    };
    let ended = engine
        .start_and_wait(start, Duration::from_secs(60))
        .await
        .expect("it starts");
    ended.1.expect("it ends")
}

/// The names of the files below a folder that hold the secret in some form.
fn traces(dir: &Path) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let json = json!(SECRET).to_string();
    let forms = [
        SECRET.to_owned(),
        json[1..json.len() - 1].to_owned(),
        STANDARD.encode(SECRET).trim_end_matches('=').to_owned(),
        URL_SAFE.encode(SECRET).trim_end_matches('=').to_owned(),
        // The middle of it where something stands before it.
        STANDARD.encode(format!("name:{SECRET}"))[8..24].to_owned(),
        "s3cr3t%20%22value".to_owned(),
        "s3cr3t+%22value".to_owned(),
        hex(SECRET.as_bytes()),
        "s3cr3t".to_owned(),
    ];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(traces(&path));
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        for form in &forms {
            if bytes.windows(form.len()).any(|window| window == form.as_bytes()) {
                found.push(format!("{} holds {form}", path.display()));
            }
        }
    }
    found
}

#[tokio::test]
async fn nothing_that_is_stored_tells_a_secret() {
    let dir = TempDir::new().expect("a folder");
    let data = dir.path().join("data");
    let engine = start(&data, KeySource::Folder).await.expect("it starts");
    let warnings = save(&engine, LEAKY).await;
    assert_eq!(
        warnings.matches("there is no secret `token`").count(),
        2,
        "{warnings}"
    );
    engine
        .put_secret("token", SECRET, "test")
        .await
        .expect("it is set");
    assert_eq!(save(&engine, LEAKY).await, "");
    let ended = run(&engine, "leaky", serde_json::Value::Null).await;
    engine.logs_flushed(ended.summary.id).await;
    let mut told = String::new();
    for task in &ended.tasks {
        let log = engine
            .task_logs(ended.summary.id, &task.path, (0, 0), usize::MAX)
            .await
            .expect("a log");
        let lines: String = log
            .chunks
            .iter()
            .map(|(attempt, chunk)| format!("{attempt} {}", chunk.text))
            .collect();
        let error = task.error.as_ref().map(|error| error.message.clone());
        told += &format!("{} {} {error:?}\n{lines}", task.path, task.state.key());
    }
    let events = engine.events(ended.summary.id, 0, 100).await.expect("events");
    let scheduled = serde_json::to_string(&events).expect("JSON");
    assert_eq!(
        scheduled.matches(r#""TOKEN":"{{ secrets.token }}""#).count(),
        2,
        "{scheduled}"
    );
    expect![[r#"
        print succeeded None
        1 ***
        ***
        bmFtZTp***Cg==
        like: {{ secrets.token }}
        {"token": "***"}
        fail failed Some("exit code 1: no login with ***")
        1 no login with ***
        2 no login with ***
    "#]]
    .assert_eq(&told);
    crate::store::sqlite::backup(&data, &dir.path().join("backup.db"), engine.clock().now())
        .expect("a backup");
    engine.shutdown(Duration::ZERO).await;
    drop(engine);
    assert_eq!(traces(dir.path()), [""; 0]);
    // The search finds what is there.
    std::fs::write(
        dir.path().join("canary"),
        STANDARD.encode(format!("name:{SECRET}")),
    )
    .expect("written");
    assert_eq!(traces(dir.path()).len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_missing_is_not_tried_for_again() {
    let engine = Engine::builder().in_memory().start().await.expect("it starts");
    let flow = "
flow: a
tasks:
  b: { type: shell, retry: { max_attempts: 5, first: 1s }, with: { command: 'true', env: { A: '{{ secrets.gone }}' } } }
";
    save(&engine, flow).await;
    let ended = run(&engine, "a", serde_json::Value::Null).await;
    let task = &ended.tasks[0];
    let error = task.error.as_ref().expect("it failed");
    assert_eq!((task.attempts.len(), error.kind.as_str()), (1, "unknown_secret"));
}

/// What starting with a key says.
async fn check_key(dir: &Path, source: KeySource, expected: Expect) {
    let told = match start(dir, source).await {
        Ok(engine) => {
            engine.shutdown(Duration::ZERO).await;
            "it starts".to_owned()
        }
        Err(error) => error.to_string().replace(&dir.display().to_string(), "DATA"),
    };
    expected.assert_eq(&told);
}

#[tokio::test]
async fn another_key_is_told_at_once() {
    let dir = TempDir::new().expect("a folder");
    let (data, key_file) = (dir.path(), dir.path().join(KEY_FILE));
    let first = SecretKey::random().expect("chance");
    let other = SecretKey::random().expect("chance");
    check_key(data, KeySource::Folder, expect!["it starts"]).await;
    check_key(data, KeySource::Given(first.clone()), expect!["it starts"]).await;
    let engine = start(data, KeySource::Given(first.clone()))
        .await
        .expect("it starts");
    engine.put_secret("a", "geheim", "test").await.expect("it is set");
    engine.shutdown(Duration::ZERO).await;
    drop(engine);
    check_key(data, KeySource::Folder, expect!["the stored secrets were sealed with another key than DATA/secret.key; give the key they were sealed with, or remove them with `pointwork secret remove` and set them again"]).await;
    check_key(data, KeySource::Given(other), expect!["the stored secrets were sealed with another key than the given key; give the key they were sealed with, or remove them with `pointwork secret remove` and set them again"]).await;
    std::fs::remove_file(&key_file).expect("it is there");
    check_key(data, KeySource::Folder, expect!["the secret key DATA/secret.key cannot be read: No such file or directory (os error 2); secrets are stored here, so put the key they were sealed with back, or give it in POINTWORK_SECRET_KEY"]).await;
    assert!(!key_file.exists(), "a new key would open nothing");
    check_key(data, KeySource::File(dir.path().join("none")), expect!["the secret key DATA/none cannot be read: No such file or directory (os error 2); secrets are stored here, so put the key they were sealed with back, or give it in POINTWORK_SECRET_KEY"]).await;
    check_key(data, KeySource::Given(first), expect!["it starts"]).await;
}

#[tokio::test]
async fn a_run_keeps_the_variables_of_its_start() {
    let engine = Engine::builder().in_memory().start().await.expect("it starts");
    let flow = "
flow: a
inputs: { x: {} }
tasks:
  b: { type: shell, with: { command: 'true' } }
  c: { type: log, needs: [b], with: { message: '{{ vars.base_url }}/{{ inputs.x }}' } }
outputs: { said: '{{ tasks.c.output }}' }
schedules: { s: { cron: '0 0 1 1 *', inputs: { x: '{{ vars.base_url }}' } } }
";
    let warnings = save(&engine, flow).await;
    assert_eq!(
        warnings.matches("there is no variable `base_url`").count(),
        1,
        "{warnings}"
    );
    engine
        .put_variable("base_url", json!("http://a"), "test")
        .await
        .expect("it is set");
    engine
        .put_variable("other", json!([1]), "test")
        .await
        .expect("it is set");
    assert_eq!(save(&engine, flow).await, "");
    let ended = run(&engine, "a", json!({"x": 1})).await;
    assert_eq!(ended.outputs, Some(json!({"said": "http://a/1"})));
    let events = engine.events(ended.summary.id, 0, 1).await.expect("events");
    let first = serde_json::to_value(&events[0]).expect("JSON");
    assert_eq!(first["vars"], json!({"base_url": "http://a"}), "those it names");
    let range =
        "2026-01-01T00:00:00Z".parse().expect("a time").."2026-01-01T00:00:01Z".parse().expect("a time");
    let fires = engine.backfill("a", "s", range, false).await.expect("it starts");
    let by_schedule = fires[0].run.expect("a run");
    engine
        .wait(by_schedule, Duration::from_secs(60))
        .await
        .expect("it ends");
    let inputs = engine.run(by_schedule).await.expect("it is there").inputs;
    assert_eq!(inputs, json!({"x": "http://a"}));
    engine.remove_variable("base_url").await.expect("it is there");
    let error = engine.remove_variable("base_url").await.expect_err("it is gone");
    assert_eq!(error.to_string(), "there is no variable base_url");
    let used: Vec<_> = engine
        .variables()
        .await
        .expect("ok")
        .into_iter()
        .map(|row| row.name)
        .collect();
    assert_eq!(used, ["other"]);
}

#[tokio::test]
async fn names_and_values_have_limits() {
    let engine = Engine::builder().in_memory().start().await.expect("it starts");
    let long = "x".repeat(64 * 1024 + 1);
    let mut told = String::new();
    for (name, value) in [
        ("a-b", "x"),
        ("1a", "x"),
        ("", "x"),
        ("a", ""),
        ("a", "x\0"),
        ("a", &long),
    ] {
        let error = engine.put_secret(name, value, "test").await.expect_err("refused");
        told += &format!("{error}\n");
    }
    for (name, value) in [("a b", json!(1)), ("a", json!(long))] {
        let error = engine
            .put_variable(name, value, "test")
            .await
            .expect_err("refused");
        told += &format!("{error}\n");
    }
    expect![[r#"
        `a-b` cannot name a secret: names have letters, digits and `_`, begin with no digit and are at most 64 long
        `1a` cannot name a secret: names have letters, digits and `_`, begin with no digit and are at most 64 long
        `` cannot name a secret: names have letters, digits and `_`, begin with no digit and are at most 64 long
        a secret is not empty; remove it instead
        a secret holds no zero byte
        a secret has at most 65536 bytes
        `a b` cannot name a variable: names have letters, digits and `_`, begin with no digit and are at most 64 long
        a variable has at most 8192 bytes of JSON
    "#]].assert_eq(&told);
}
