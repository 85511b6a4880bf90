//! `pointwork run`: a flow in this process, its words and its exit codes.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};

use expect_test::expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{BAD, FAILING, Folder, GOOD, shown};

#[test]
fn a_flow_runs_without_a_server() {
    let folder = Folder::with(&[("good.yaml", GOOD)]);
    folder.check(
        &["run", "good.yaml", "--input", "n=21"],
        expect![[r#"
        succeeded double    [time]
        succeeded say       [time]
        good succeeded in [time]
        {
          "said": 42
        }
        exit code 0
    "#]],
    );
    let output = folder
        .pointwork(&["run", "good.yaml", "--json"])
        .output()
        .expect("it starts");
    let run: Value = serde_json::from_slice(&output.stdout).expect("nothing but JSON is printed");
    assert_eq!(
        (&run["state"], &run["outputs"]),
        (&json!("succeeded"), &json!({ "said": 6 }))
    );
    let left: Vec<_> = std::fs::read_dir(folder.0.path()).expect("the folder").collect();
    assert_eq!(left.len(), 1, "nothing is left beside the document: {left:?}");
}

#[test]
fn what_does_not_start_is_told_apart() {
    let folder = Folder::with(&[("good.yaml", GOOD), ("bad.yaml", BAD)]);
    folder.check(&["run", "bad.yaml"], expect![[r#"
        bad.yaml:1:7: error: `Bad Name` cannot be a flow's id: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit and are at most 64 long; `bad-name` would do (flow)
        bad.yaml:3:14: error: there is no task type `transfrom` (did you mean `transform`?); the types are approval, delay, fail, fetch_data, http.request, log, loop, mail.send, noop, process_data, shell, signal, store_data, subflow, switch, transform, wait (tasks.a.type)
        bad.yaml:3:33: error: these tasks wait for each other: a -> b -> a; remove one of the edges (tasks.a.needs[0])
        bad.yaml:4:31: error: there is no task `missing` (tasks.b.needs[1])
        bad.yaml:5:40: error: The expression cannot be read at character 12: unexpected end of input, expected end of variable block. (tasks.c.with.value)
        exit code 3
    "#]]);
    folder.check(
        &["run", "gone.yaml"],
        expect![[r#"
        pointwork: cannot read gone.yaml: No such file or directory (os error 2)
        exit code 3
    "#]],
    );
    folder.check(
        &["run", "good.yaml", "--input", "n=none"],
        expect![[r#"
        --input: error: expected a number, found `none` (inputs.n)
        exit code 3
    "#]],
    );
    folder.check(
        &["run", "good.yaml", "--input", "n=0", "--input", "m=1"],
        expect![[r#"
            --input: error: 0 is too small, the least is 1 (inputs.n)
            --input: error: the flow has no input `m`; its inputs are n (inputs.m)
            exit code 3
        "#]],
    );
    folder.check(
        &["run", "good.yaml", "--input", "n"],
        expect![[r#"
        `--input n` has no `=`; write it as --input name=value
        exit code 3
    "#]],
    );
    let usage = folder.pointwork(&["run"]).output().expect("it starts");
    assert_eq!(usage.status.code(), Some(3));
}

const GIVEN: &str = "
flow: given
tasks:
  say: { type: shell, with: { command: 'echo $TOKEN $OTHER; echo ${TOKEN}x | wc -c', env: { TOKEN: '{{ secrets.token }}', OTHER: '{{ secrets.other }}' } } }
  sum: { type: transform, with: { value: ['{{ vars.n + 1 }}', '{{ vars.town }}'] } }
outputs: { n: '{{ tasks.say.output }}', sum: '{{ tasks.sum.output }}' }
";

#[test]
fn secrets_and_variables_are_given() {
    let folder = Folder::with(&[("given.yaml", GIVEN), ("token", "geheimes-wort\n")]);
    let run = |arguments: &[&str]| {
        let mut command = folder.pointwork(&["run", "given.yaml"]);
        shown(
            &command
                .args(arguments)
                .env("other", "noch-eins")
                .output()
                .expect("it starts"),
        )
    };
    let vars = ["--var", "n=2", "--var", "town=Ulm"];
    expect![[r#"
        succeeded say    [time]
        succeeded sum    [time]
        given succeeded in [time]
        {
          "n": 15,
          "sum": [
            3,
            "Ulm"
          ]
        }
        exit code 0
    "#]]
    .assert_eq(&run(&[
        &["--secret", "token=@token", "--secret", "other"][..],
        &vars,
    ]
    .concat()));
    expect![[r#"
        failed    say    [time]  there is no secret `other`; set it and run the task again
        succeeded sum    [time]
        given failed in [time]: there is no secret `other`; set it and run the task again
        exit code 1
    "#]]
    .assert_eq(&run(&[&["--secret", "token=@token"][..], &vars].concat()));
    let wrong = [
        ["--secret", "token=geheim"],
        ["--secret", "token=@gone"],
        ["--secret", "gone"],
        ["--secret", "1x=@token"],
        ["--var", "n"],
        ["--var", "1=2"],
    ];
    expect![[r#"
        pointwork: a secret does not stand in the arguments, which all users of the machine see: write --secret token=@FILE, or --secret token with it in the environment variable token
        exit code 3
        pointwork: the secret token cannot be read from gone: No such file or directory (os error 2)
        exit code 3
        pointwork: `--secret gone` takes the environment variable gone, which cannot be read: environment variable not found
        exit code 3
        `1x` cannot name a secret: names have letters, digits and `_`, begin with no digit and are at most 64 long
        exit code 3
        pointwork: `--var n` has no `=`; write it as --var name=value
        exit code 3
        `1` cannot name a variable: names have letters, digits and `_`, begin with no digit and are at most 64 long
        exit code 3
    "#]].assert_eq(&wrong.iter().map(|arguments| run(arguments)).collect::<String>());
}

/// With a data folder, a run has what its server has.
#[test]
fn a_data_folder_has_its_secrets() {
    let folder = Folder::with(&[("given.yaml", GIVEN)]);
    let key = "07".repeat(32);
    for name in ["token", "other"] {
        let mut command = folder.pointwork(&["secret", "set", name, "--data", "data"]);
        let mut child = command
            .env("POINTWORK_SECRET_KEY", &key)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("it is piped");
        std::io::Write::write_all(&mut input, b"geheimes-wort").expect("it reads");
        drop(input);
        assert!(child.wait().expect("it ends").success());
    }
    std::fs::write(
        folder.0.path().join("given.yaml"),
        GIVEN.replace("vars.n", "2").replace("{{ vars.town }}", "Ulm"),
    )
    .expect("a file");
    let run = |key: &str| {
        let mut command = folder.pointwork(&["run", "given.yaml", "--data", "data"]);
        shown(
            &command
                .env("POINTWORK_SECRET_KEY", key)
                .output()
                .expect("it starts"),
        )
    };
    expect![[r#"
        succeeded say    [time]
        succeeded sum    [time]
        given succeeded in [time]
        {
          "n": 15,
          "sum": [
            3,
            "Ulm"
          ]
        }
        exit code 0
    "#]]
    .assert_eq(&run(&key));
    expect![[r#"
        pointwork: cannot use the data folder data: the stored secrets were sealed with another key than the given key; give the key they were sealed with, or remove them with `pointwork secret remove` and set them again
        exit code 3
    "#]].assert_eq(&run(&"08".repeat(32)));
}

#[test]
fn a_failing_flow_shows_why() {
    let folder = Folder::with(&[("failing.yaml", FAILING)]);
    folder.check(
        &["run", "failing.yaml"],
        expect![[r#"
        succeeded first     [time]
        failed    breaks    [time]  exit code 4: it is broken
                  | it is broken
                  | looking
        skipped   after             upstream breaks failed
        succeeded tell      [time]
        failing failed in [time]: exit code 4: it is broken
        exit code 1
    "#]],
    );
}

#[test]
fn a_predecessors_document_runs_and_its_files_stay() {
    let document = include_str!("../../../examples/flow-manager.json").replace("process_data", "store_data");
    let folder = Folder::with(&[("theirs.json", &document)]);
    folder.check(&["run", "theirs.json", "--data", "kept"], expect![[r#"
        succeeded task1    [time]
        succeeded task2    [time]
        skipped   task3            its condition was false
        data_processing_flow succeeded in [time]
        theirs.json:17:7: warning: no condition leads from the start to `task3`, so it is always skipped (flow.tasks[2])
        exit code 0
    "#]]);
    let files = folder.0.path().join("kept/files/data_processing_flow");
    assert_eq!(
        std::fs::read_dir(files).expect("the folder of its files").count(),
        1
    );
    // Without a folder they are in one that is told.
    let output = folder
        .pointwork(&["run", "theirs.json"])
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let kept = told
        .lines()
        .find_map(|line| line.strip_prefix("files are in "))
        .expect("the folder is told");
    assert!(Path::new(kept).join("data_processing_flow").is_dir());
    std::fs::remove_dir_all(Path::new(kept).parent().expect("the temporary folder"))
        .expect("it can be removed");
}

/// Starts a flow whose only task waits for an answer that never comes; comes back when it does.
fn start_waiting(folder: &Folder) -> (Child, TcpListener) {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("its address"));
    let yaml =
        format!("flow: waiting\ntasks:\n  ask: {{ type: http.request, with: {{ url: \"{url}\" }} }}\n");
    std::fs::write(folder.0.path().join("waiting.yaml"), yaml).expect("a file");
    let child = folder
        .pointwork(&["run", "waiting.yaml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let (connection, _) = silent.accept().expect("the task asks");
    let mut line = String::new();
    BufReader::new(connection.try_clone().expect("a connection"))
        .read_line(&mut line)
        .expect("a request");
    assert!(line.starts_with("GET /"), "{line}");
    // The connection stays open as long as the test runs.
    std::mem::forget(connection);
    (child, silent)
}

#[test]
fn an_interrupt_cancels_the_run() {
    let folder = Folder::with(&[]);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (child, _silent) = start_waiting(&folder);
        kill(
            Pid::from_raw(i32::try_from(child.id()).expect("a process's number")),
            signal,
        )
        .expect("it is there");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        if signal == Signal::SIGINT {
            expect![[r#"
                cancelled ask    [time]  it was stopped because the run was cancelled
                waiting cancelled in [time]
                interrupted from the keyboard; the run is cancelled, once more ends it at once
                exit code 2
            "#]]
            .assert_eq(&shown(&output));
        }
    }
}
