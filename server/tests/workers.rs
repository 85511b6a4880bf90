//! The example worker, in Python, against the real program: also when that is killed, and when the worker is.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

/// Longer than anything takes; a test that gets here hangs.
const PATIENCE: Duration = Duration::from_secs(60);

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program on this folder; `listen` is an address of an earlier one to be taken again.
async fn serve(dir: &Path, listen: &str) -> (Process, String) {
    let config = dir.join("pointwork.toml");
    std::fs::write(
        &config,
        "[remote_workers]\nlease = '3s'\n[queues.words]\nmax_running = 2\n",
    )
    .expect("it can be written");
    let mut process = Process(
        Command::new(env!("CARGO_BIN_EXE_pointwork"))
            .args(["serve", "--listen", listen, "--data"])
            .arg(dir.join("data"))
            .arg("--config")
            .arg(config)
            .env("POINTWORK_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts"),
    );
    let output = process.0.stdout.take().expect("a pipe");
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it can be read");
        line
    });
    let line = line.await.expect("no panic");
    let url = line
        .split_whitespace()
        .last()
        .filter(|word| word.starts_with("http://"));
    (process, url.unwrap_or_else(|| panic!("said `{line}`")).to_owned())
}

fn worker(url: &str, secret: &str) -> Process {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/worker/worker.py");
    Process(
        Command::new("python3")
            .args([script, url])
            .env("POINTWORK_TOKEN", secret)
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 is there"),
    )
}

async fn call(client: &Client, url: &str, body: Option<Value>) -> Value {
    let request = match body {
        Some(body) => client.post(url).json(&body),
        None => client.get(url),
    };
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let body: Value = answer.json().await.expect("JSON");
    assert!(status.is_success(), "{status} {body}");
    body
}

#[tokio::test]
async fn the_example_counts_words() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().expect("a client");
    let dir = tempfile::tempdir().expect("a folder");
    let (server, url) = serve(dir.path(), "127.0.0.1:0").await;
    let token = json!({ "name": "test", "queues": ["words"] });
    let made = call(&client, &format!("{url}/api/v1/worker-tokens"), Some(token)).await;
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    let first = worker(&url, &secret);
    // The type is there once the worker has asked for work.
    let source = include_str!("../../examples/worker/count-words.yaml");
    let save = async || {
        let request = client
            .post(format!("{url}/api/v1/flows"))
            .header("content-type", "application/yaml");
        request.body(source).send().await.expect("an answer").status()
    };
    let saved = tokio::time::timeout(PATIENCE, async {
        while save().await == 422 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    saved.await.expect("the worker declares its type");
    let start = format!("{url}/api/v1/flows/count-words/runs?wait=60s");
    let run = call(&client, &start, Some(json!({}))).await;
    assert_eq!(
        (&run["state"], &run["outputs"]["n"]),
        (&"succeeded".into(), &10.into()),
        "{run}"
    );

    // Without a worker it waits and says why; the server is killed meanwhile.
    drop(first);
    let texts = json!({ "inputs": { "texts": ["one two", "three", "four five six"] } });
    let accepted = call(
        &client,
        &format!("{url}/api/v1/flows/count-words/runs"),
        Some(texts),
    )
    .await;
    let run = accepted["run_id"].as_str().expect("an id").to_owned();
    let listen = url.trim_start_matches("http://").to_owned();
    drop(server);
    let (_server, url) = serve(dir.path(), &listen).await;
    let why = tokio::time::timeout(PATIENCE, async {
        loop {
            let why = call(&client, &format!("{url}/api/v1/runs/{run}/explain"), None).await;
            if why.to_string().contains("no_worker") {
                return why;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let why = why.await.expect("it says why").to_string();
    assert!(why.contains("no worker for the queue words"), "{why}");
    let _second = worker(&url, &secret);
    let ended = tokio::time::timeout(PATIENCE, async {
        loop {
            let run = call(&client, &format!("{url}/api/v1/runs/{run}"), None).await;
            if run["finished_at"].is_string() {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let ended = ended.await.expect("it ends");
    assert_eq!(
        (&ended["state"], &ended["outputs"]["n"]),
        (&"succeeded".into(), &6.into()),
        "{ended}"
    );
}
