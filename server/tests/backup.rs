//! Backups of a server at work, by the real binary: made under load, checked, put back, served again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use expect_test::{Expect, expect};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

const FLOW: &str = "\
flow: kept
inputs: { text: { type: string } }
tasks:
  copy: { type: transform, with: { value: '{{ inputs.text }}' } }
  say: { type: shell, needs: [copy], with: { command: 'echo said' } }
  pause: { type: delay, needs: [say], with: { for: 20ms } }
";

/// Runs of which one in four has values too large for its events.
fn text(n: usize) -> String {
    let times = if n.is_multiple_of(4) { 70_000 } else { 3 };
    format!("{n} ") + &"x".repeat(times)
}

/// The program in a folder.
fn pointwork(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointwork"));
    command
        .args(arguments)
        .current_dir(dir)
        .env("POINTWORK_LOG", "warn")
        .stdin(Stdio::null());
    command
}

/// What a call says, and its exit code. Counts and times differ from run to run and are left out.
fn call(dir: &Path, arguments: &[&str]) -> String {
    let output = pointwork(dir, arguments).output().expect("it starts");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).expect("text");
    let words = told.split_inclusive(char::is_whitespace).map(|word| {
        let bare = word.trim_end_matches(|c: char| c.is_whitespace() || c == ':');
        let is_time = bare.len() > 19 && bare.ends_with('Z') && bare.contains('T');
        if is_time || bare.parse::<u64>().is_ok() {
            word.replace(bare, "N")
        } else {
            word.to_owned()
        }
    });
    format!(
        "{}exit code {}",
        words.collect::<String>(),
        output.status.code().expect("it was not killed")
    )
}

fn check(dir: &Path, arguments: &[&str], expected: Expect) {
    expected.assert_eq(&call(dir, arguments));
}

struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(dir: &Path, data: &str) -> Self {
        let mut process = pointwork(dir, &["serve", "--listen", "127.0.0.1:0", "--data", data])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("it says something");
        let url = line.split_whitespace().last().expect("its address").to_owned();
        Self { process, url }
    }
}

impl Drop for Server {
    /// Killed: a backup needs no orderly end.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn client() -> Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::new()
}

async fn get(client: &Client, url: &str) -> String {
    let response = client.get(url).send().await.expect("it answers");
    let status = response.status();
    let body = response.text().await.expect("a body");
    assert!(status.is_success(), "{url}: {status} {body}");
    body
}

/// Starts a run; its id once it is accepted.
async fn start(client: &Client, server: &str, n: usize) -> String {
    let response = client
        .post(format!("{server}/api/v1/flows/kept/runs"))
        .json(&json!({ "inputs": { "text": text(n) } }))
        .send()
        .await
        .expect("it answers");
    let answer: Value = response.json().await.expect("JSON");
    answer["run_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

/// All there is to know about a run that has ended.
async fn all_of(client: &Client, server: &str, run: &str) -> [String; 3] {
    let run = format!("{server}/api/v1/runs/{run}");
    [
        get(client, &format!("{run}/events")).await,
        get(client, &format!("{run}/tasks/copy/output")).await,
        get(client, &format!("{run}/tasks/say/logs")).await,
    ]
}

async fn state(client: &Client, server: &str, run: &str) -> String {
    let detail: Value =
        serde_json::from_str(&get(client, &format!("{server}/api/v1/runs/{run}")).await).expect("JSON");
    detail["state"].as_str().expect("a state").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_comes_back() {
    let dir = TempDir::new().expect("a folder");
    let server = Server::start(dir.path(), "data");
    let (client, url) = (client(), server.url.clone());
    let saved = client
        .post(format!("{url}/api/v1/flows"))
        .header("content-type", "application/yaml")
        .body(FLOW)
        .send();
    assert_eq!(saved.await.expect("it answers").status(), 201);
    let mut ended = Vec::new();
    for n in 0..5 {
        let run = start(&client, &url, n).await;
        while state(&client, &url, &run).await != "succeeded" {}
        let mut all = all_of(&client, &url, &run).await;
        // Logs may come a moment after the end.
        while !all[2].contains("said") {
            all = all_of(&client, &url, &run).await;
        }
        ended.push((all, run));
    }

    let (is_over, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let load = {
        let (client, url) = (client.clone(), url.clone());
        let (is_over, begun) = (Arc::clone(&is_over), Arc::clone(&begun));
        tokio::spawn(async move {
            let mut n = 5;
            let mut before = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let run = start(&client, &url, n).await;
                n += 1;
                // What was accepted by then must be in the backup.
                if n < 30 {
                    before.push(run);
                } else if n == 30 {
                    begun.notify_one();
                }
            }
            before
        })
    };
    begun.notified().await;
    let (dir_path, made) = (dir.path().to_owned(), dir.path().join("out.db"));
    let told = tokio::task::spawn_blocking(move || call(&dir_path, &["backup", "out.db"])).await;
    expect![[r#"
        out.db holds data, N bytes
        exit code 0"#]]
    .assert_eq(&told.expect("no panic"));
    is_over.store(true, Ordering::Relaxed);
    let before = load.await.expect("no panic");
    drop(server);

    check(
        dir.path(),
        &["check", "out.db"],
        expect![[r#"
        out.db is whole, made N: N flows, N runs with N events, N large values, N pieces of logs
        exit code 0"#]],
    );
    check(
        dir.path(),
        &["restore", "out.db", "--data", "again"],
        expect![[r#"
            out.db is whole, made N: N flows, N runs with N events, N large values, N pieces of logs
            again is ready; start a server with --data again
            exit code 0"#]],
    );
    let again = Server::start(dir.path(), "again");
    for (expected, run) in ended {
        assert_eq!(all_of(&client, &again.url, &run).await, expected, "{run}");
    }
    for run in before {
        while state(&client, &again.url, &run).await != "succeeded" {}
    }
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(made).expect("it is there").permissions());
    assert_eq!(mode & 0o077, 0, "nobody else may read it");
}

#[test]
fn what_cannot_be_done_is_said() {
    let dir = TempDir::new().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    check(
        dir.path(),
        &["backup", "out.db"],
        expect![[r#"
        pointwork: no backup was made: there is no pointwork.db in data; name the data folder of a server
        exit code 1"#]],
    );
    drop(Server::start(dir.path(), "data"));
    check(
        dir.path(),
        &["backup", "out.db"],
        expect![[r#"
        out.db holds data, N bytes
        exit code 0"#]],
    );
    check(
        dir.path(),
        &["backup", "out.db"],
        expect![[r#"
        pointwork: no backup was made: out.db is there already; choose another name
        exit code 1"#]],
    );
    check(
        dir.path(),
        &["backup", "nowhere/out.db"],
        expect![[r#"
            pointwork: no backup was made: the backup cannot be written: nowhere/out.db.partial (No such file or directory (os error 2))
            exit code 1"#]],
    );
    check(
        dir.path(),
        &["restore", "out.db", "--data", "data"],
        expect![[r#"
            out.db is whole, made N: N flows, N runs with N events, N large values, N pieces of logs
            pointwork: the backup was not put back: data is not empty (there is blobs.db); a backup is put back into an empty folder
            exit code 1"#]],
    );
    check(
        dir.path(),
        &["check", "data/pointwork.db"],
        expect![[r#"
        pointwork: data/pointwork.db is a database, but no backup of Pointwork's
        exit code 1"#]],
    );
    check(
        dir.path(),
        &["check", "missing.db"],
        expect![[r#"
        pointwork: there is no file missing.db
        exit code 1"#]],
    );

    std::fs::write(at("text.db"), "nothing like a backup\n".repeat(99)).expect("it can be written");
    check(
        dir.path(),
        &["check", "text.db"],
        expect![[r#"
        pointwork: text.db is no backup of Pointwork's
        exit code 1"#]],
    );
    let whole = std::fs::read(at("out.db")).expect("it is there");
    std::fs::write(at("cut.db"), &whole[..whole.len() / 2]).expect("it can be written");
    let told = call(dir.path(), &["restore", "cut.db", "--data", "cut"]);
    assert!(told.contains("cut.db is damaged"), "{told}");
    assert!(told.ends_with("exit code 1"), "{told}");
    assert!(!at("cut").exists());

    // As a restore that was killed leaves it.
    std::fs::create_dir_all(at("half/restoring")).expect("ok");
    std::fs::write(at("half/blobs.db"), "moved already").expect("ok");
    check(
        dir.path(),
        &["serve", "--listen", "127.0.0.1:0", "--data", "half"],
        expect![[r#"
            pointwork: cannot use the data folder half: a backup was being put back into half and is not whole there; call `pointwork restore` again, or empty the folder
            exit code 1"#]],
    );
    check(
        dir.path(),
        &["restore", "out.db", "--data", "half"],
        expect![[r#"
            out.db is whole, made N: N flows, N runs with N events, N large values, N pieces of logs
            half is ready; start a server with --data half
            exit code 0"#]],
    );
    drop(Server::start(dir.path(), "half"));
}
