//! The program itself: how it starts, refuses to, and ends.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use expect_test::{Expect, expect};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::client;

fn pointwork(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointwork"));
    command
        .args(arguments)
        .env("POINTWORK_LOG", "warn")
        .stdin(Stdio::null());
    command
}

/// What the program says when it does not start. `PORT` and `FOLDER` stand for this test's own.
fn check(arguments: &[&str], own: &[(&str, &str)], expected: Expect) {
    let output = pointwork(arguments).output().expect("it can be started");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let mut said = String::from_utf8(output.stderr).expect("text");
    for (text, name) in own {
        said = said.replace(text, name);
    }
    expected.assert_eq(&said);
}

fn folder() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("data").display().to_string();
    (dir, path)
}

/// A server at work, its address and its remaining output.
fn serve(data: &str, arguments: &[&str]) -> (Child, String, BufReader<std::process::ChildStdout>) {
    let mut command = pointwork(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
    command.args(arguments);
    answering(command)
}

fn answering(mut command: Command) -> (Child, String, BufReader<std::process::ChildStdout>) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("it says something");
    let address = line
        .trim()
        .strip_prefix("Pointwork answers on http://")
        .expect("its address")
        .to_owned();
    (child, address, output)
}

fn end(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).expect("it is there");
}

#[test]
fn it_refuses_to_start_with_one_sentence() {
    let (_dir, data) = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    check(
        &["serve", "--listen", &address, "--data", &data],
        &[(&address, "ADDRESS")],
        expect![[r#"
        pointwork: cannot listen on ADDRESS: Address already in use (os error 98)
    "#]],
    );
    check(
        &["serve", "--listen", "0.0.0.0:0", "--data", &data],
        &[],
        expect![[r#"
        pointwork: 0.0.0.0:0 can be reached from other machines, and there is no login yet: whoever reaches it could run commands here. Listen on 127.0.0.1, or give `--insecure-no-login` if the network is trusted
    "#]],
    );
    assert!(!Path::new(&data).exists(), "nothing is made before that is clear");
    std::fs::write(&data, "a file").expect("it can be written");
    check(
        &["serve", "--listen", "127.0.0.1:0", "--data", &data],
        &[(&data, "FOLDER")],
        expect![[r#"
        pointwork: cannot use the data folder FOLDER: the database cannot be used right now: the data folder cannot be made: FOLDER (File exists (os error 17))
    "#]],
    );
    check(
        &["serve", "--config", &format!("{data}.toml")],
        &[(&data, "FILE")],
        expect![[r#"
        pointwork: cannot read the configuration FILE.toml: No such file or directory (os error 2)
    "#]],
    );
    let config = format!("{data}.toml");
    std::fs::write(&config, "workres = 3").expect("it can be written");
    check(
        &["serve", "--config", &config],
        &[(&config, "FILE")],
        expect![[r#"
            pointwork: the configuration FILE is not right: TOML parse error at line 1, column 1
              |
            1 | workres = 3
              | ^^^^^^^
            unknown field `workres`, expected one of `listen`, `data`, `workers`, `insecure_no_login`, `allow_hosts`, `shutdown_grace`, `queues`, `remote_workers`, `secret_key_file`, `task_types`, `mail`, `retention`
        "#]],
    );
    std::fs::write(&config, "[task_types]\ndisabled = ['shel']").expect("it can be written");
    let (_other, free) = folder();
    check(
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--config",
            &config,
            "--data",
            &free,
        ],
        &[(&free, "FOLDER")],
        expect![[r#"
        pointwork: `shel` cannot be switched off: there is no such task type
    "#]],
    );
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let (_dir, data) = folder();
    let (mut first, _, _output) = serve(&data, &[]);
    check(
        &["serve", "--listen", "127.0.0.1:0", "--data", &data],
        &[(&data, "FOLDER")],
        expect![[r#"
        pointwork: cannot use the data folder FOLDER: the database cannot be used right now: another Pointwork is at work in FOLDER; stop it, or choose another data folder
    "#]],
    );
    end(&first, Signal::SIGTERM);
    assert!(first.wait().expect("it ends").success());
}

#[test]
fn it_ends_in_good_order_when_told() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (_dir, data) = folder();
        let (mut child, _, mut output) = serve(&data, &["--shutdown-grace", "1s"]);
        end(&child, signal);
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{signal}");
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, "", "one line is all it says");
    }
}

#[test]
fn settings_are_layered() {
    let (_dir, data) = folder();
    std::fs::create_dir_all(&data).expect("a folder");
    let config = format!("{data}/pointwork.toml");
    std::fs::write(&config, "listen = '127.0.0.1:1'\nallow_hosts = ['file.example']")
        .expect("it can be written");
    // The environment stands over the file, whose port cannot be had; a flag over both.
    let mut command = pointwork(&["serve", "--config", &config, "--data", &data]);
    command.env("POINTWORK_LISTEN", "127.0.0.1:0");
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe"))
        .read_line(&mut line)
        .expect("it says something");
    assert!(
        line.starts_with("Pointwork answers on http://127.0.0.1:"),
        "{line}"
    );
    end(&child, Signal::SIGTERM);
    child.wait().expect("it ends");
    let output = pointwork(&["serve", "--help"])
        .output()
        .expect("it can be started");
    let help = String::from_utf8(output.stdout).expect("text");
    for name in [
        "--listen",
        "--data",
        "--workers",
        "--config",
        "--insecure-no-login",
        "--allow-host",
        "POINTWORK_LISTEN",
        "127.0.0.1:8000",
    ] {
        assert!(help.contains(name), "{name} is not in the help");
    }
}

/// A server whose files cannot grow beyond so many blocks of 512 bytes.
fn serve_within(data: &str, blocks: u32) -> (Child, String, BufReader<std::process::ChildStdout>) {
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"",
            &blocks.to_string(),
        ])
        .args([env!("CARGO_BIN_EXE_pointwork"), "serve"])
        .args(["--listen", "127.0.0.1:0", "--data", data])
        .env("POINTWORK_LOG", "off")
        .stdin(Stdio::null());
    answering(command)
}

#[tokio::test]
async fn a_full_disk_fails_requests_and_loses_no_run() {
    const FLOW: &str = "flow: fill\ninputs: { text: { type: string } }\ntasks: { say: { type: noop } }\n";
    let (_dir, data) = folder();
    let (mut child, address, _output) = serve_within(&data, 2_000);
    let client = client();
    let flows = format!("http://{address}/api/v1/flows");
    let saved = client
        .post(&flows)
        .header("content-type", "application/yaml")
        .body(FLOW);
    assert_eq!(saved.send().await.expect("an answer").status(), 201);
    let start = async || {
        let inputs = serde_json::json!({ "inputs": { "text": "x".repeat(20_000) } });
        let call = client.post(format!("{flows}/fill/runs")).json(&inputs);
        let answer = call.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json::<serde_json::Value>().await.expect("JSON"))
    };
    let mut accepted = Vec::new();
    let refused = loop {
        match start().await {
            (202, answer) => accepted.push(answer["run_id"].as_str().expect("an id").to_owned()),
            refused => break refused,
        }
        assert!(accepted.len() < 1_000, "the limit holds");
    };
    assert_eq!(
        (refused.0, &refused.1["code"]),
        (503, &"unavailable".into()),
        "{refused:?}"
    );
    assert!(!accepted.is_empty());
    // It goes on serving what it has.
    let health = client.get(format!("http://{address}/health"));
    assert_eq!(health.send().await.expect("an answer").status(), 200);
    let run = client.get(format!("http://{address}/api/v1/runs/{}", accepted[0]));
    assert_eq!(run.send().await.expect("an answer").status(), 200);
    end(&child, Signal::SIGKILL);
    child.wait().expect("it ends");

    let (mut child, address, _output) = serve(&data, &[]);
    for run in &accepted {
        let run = client.get(format!("http://{address}/api/v1/runs/{run}"));
        let answer = run.send().await.expect("an answer");
        let run: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(
            run["state"], "succeeded",
            "it was acknowledged, so it is there: {run}"
        );
    }
    end(&child, Signal::SIGTERM);
    child.wait().expect("it ends");
}
