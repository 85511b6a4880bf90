//! The command line: the real binary, its words and its exit codes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use expect_test::{Expect, expect};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of documents in which the binary is called.
struct Folder(TempDir);

impl Folder {
    /// With these files.
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        Self(folder)
    }

    fn pointwork(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointwork"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .env_remove("RUST_LOG");
        command
    }

    /// What a call says and its exit code; durations are left out, as they differ.
    fn check(&self, arguments: &[&str], expected: Expect) {
        let output = self.pointwork(arguments).output().expect("the binary starts");
        expected.assert_eq(&shown(&output));
    }
}

fn shown(output: &Output) -> String {
    let told = [output.stdout.clone(), output.stderr.clone()].concat();
    let text = logs_in_order(&without_durations(&String::from_utf8_lossy(&told)));
    format!(
        "{text}exit code {}\n",
        output
            .status
            .code()
            .map_or_else(|| "none".to_owned(), |code| code.to_string())
    )
}

/// What a process writes to its two streams may be read in any order.
fn logs_in_order(text: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_log = |line: &&str| line.trim_start().starts_with('|');
    lines
        .chunk_by_mut(|a, b| is_log(a) == is_log(b))
        .filter(|lines| lines.first().is_some_and(is_log))
        .for_each(<[&str]>::sort_unstable);
    lines.concat()
}

/// `0.123s` becomes `[time]`.
fn without_durations(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches([' ', '\n', ':']);
        let is_duration = bare
            .strip_suffix('s')
            .is_some_and(|number| number.contains('.') && number.parse::<f64>().is_ok());
        if is_duration {
            word.replace(bare, "[time]")
        } else {
            word.to_owned()
        }
    };
    text.split_inclusive([' ', '\n']).map(word).collect()
}

const GOOD: &str = "\
flow: good
inputs:
  n: { type: integer, default: 3, minimum: 1 }
tasks:
  double: { type: transform, with: { value: \"{{ inputs.n * 2 }}\" } }
  say: { type: shell, needs: [double], with: { command: 'echo \"$N\"', env: { N: \"{{ tasks.double.output }}\" } } }
outputs:
  said: \"{{ tasks.say.output }}\"
";

const BAD: &str = "\
flow: Bad Name
tasks:
  a: { type: transfrom, needs: [b] }
  b: { type: noop, needs: [a, missing] }
  c: { type: transform, with: { value: \"{{ tasks.d.output \" } }
";

const FAILING: &str = "\
flow: failing
tasks:
  first: { type: noop }
  breaks: { type: shell, needs: [first], with: { command: 'echo looking; echo it is broken >&2; exit 4' } }
  after: { type: noop, needs: [breaks] }
on_failure:
  tell: { type: log, with: { message: \"{{ run.error }}\" } }
";

#[test]
fn documents_are_validated() {
    let folder = Folder::with(&[
        ("good.yaml", GOOD),
        ("bad.yaml", BAD),
        ("nonsense.json", "{\"flow\": "),
        ("theirs.json", include_str!("../../examples/flow-manager.json")),
    ]);
    folder.check(
        &["validate", "good.yaml"],
        expect![[r#"
        good.yaml: ok
        exit code 0
    "#]],
    );
    folder.check(
        &[
            "validate",
            "good.yaml",
            "bad.yaml",
            "nonsense.json",
            "gone.yaml",
            ".",
        ],
        expect![[r#"
            good.yaml: ok
            bad.yaml:1:7: error: `Bad Name` cannot be a flow's id: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit and are at most 64 long; `bad-name` would do (flow)
            bad.yaml:3:14: error: there is no task type `transfrom` (did you mean `transform`?); the types are approval, delay, fail, fetch_data, http.request, log, loop, noop, process_data, shell, signal, store_data, subflow, switch, transform, wait (tasks.a.type)
            bad.yaml:3:33: error: these tasks wait for each other: a -> b -> a; remove one of the edges (tasks.a.needs[0])
            bad.yaml:4:31: error: there is no task `missing` (tasks.b.needs[1])
            bad.yaml:5:40: error: The expression cannot be read at character 12: unexpected end of input, expected end of variable block. (tasks.c.with.value)
            nonsense.json:1:10: error: expected a value, but the document ends here
            gone.yaml: error: cannot read gone.yaml: No such file or directory (os error 2)
            .: error: cannot read .: Is a directory (os error 21)
            exit code 1
        "#]],
    );
    folder.check(&["validate", "theirs.json"], expect![[r#"
        theirs.json:17:7: warning: no condition leads from the start to `task3`, so it is always skipped (flow.tasks[2])
        exit code 0
    "#]]);
    folder.check(
        &["validate", "--json", "nonsense.json"],
        expect![[r#"
        [
          {
            "file": "nonsense.json",
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
        ]
        exit code 1
    "#]],
    );
    folder.check(
        &["validate"],
        expect![[r#"
        error: the following required arguments were not provided:
          <FILE>...

        Usage: pointwork validate <FILE>...

        For more information, try '--help'.
        exit code 2
    "#]],
    );
}

#[test]
fn standard_input_is_a_document_too() {
    let folder = Folder::with(&[]);
    let piped = |arguments: &[&str]| {
        let mut child = folder
            .pointwork(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(GOOD.as_bytes())
            .expect("it reads");
        shown(&child.wait_with_output().expect("it ends"))
    };
    expect![[r#"
        <stdin>: ok
        exit code 0
    "#]]
    .assert_eq(&piped(&["validate", "-"]));
    expect![[r#"
        succeeded double    [time]
        succeeded say       [time]
        good succeeded in [time]
        {
          "said": 6
        }
        exit code 0
    "#]]
    .assert_eq(&piped(&["run", "-"]));
}

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
        bad.yaml:3:14: error: there is no task type `transfrom` (did you mean `transform`?); the types are approval, delay, fail, fetch_data, http.request, log, loop, noop, process_data, shell, signal, store_data, subflow, switch, transform, wait (tasks.a.type)
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
    let document = include_str!("../../examples/flow-manager.json").replace("process_data", "store_data");
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

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// Runs an example, with files in a folder of its own; what it printed.
fn example(arguments: &[&str]) -> String {
    let folder = Folder::with(&[]);
    let data = folder.0.path().join("data").display().to_string();
    let arguments = [&["run"], arguments, &["--data", &data]].concat();
    let output = folder
        .pointwork(&arguments)
        .current_dir(examples())
        .output()
        .expect("it starts");
    let mut text = shown(&output);
    for file in ["data/files/reports/health.json"] {
        if let Ok(content) = std::fs::read_to_string(folder.0.path().join(file)) {
            text += &format!("{file}: {content}\n");
        }
    }
    text
}

#[test]
fn all_examples_are_valid_without_warnings() {
    let mut names: Vec<String> = std::fs::read_dir(examples())
        .expect("the folder of examples")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    assert!(names.len() >= 4, "{names:?}");
    let output = Folder::with(&[])
        .pointwork(&["validate"])
        .args(&names)
        .current_dir(examples())
        .output()
        .expect("it starts");
    let expected: String = names.iter().map(|name| format!("{name}: ok\n")).collect();
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert!(output.status.success());
}

#[test]
fn the_example_hello_runs() {
    expect![[r#"
        succeeded greeting    [time]
        succeeded say         [time]
        hello succeeded in [time]
        {
          "greeting": "Hello, Ada! Hello, Ada!"
        }
        exit code 0
    "#]]
    .assert_eq(&example(&[
        "hello.yaml",
        "--input",
        "name=Ada",
        "--input",
        "times=2",
    ]));
}

#[test]
fn the_example_order_checks_runs() {
    expect![[r#"
        succeeded fetch        [time]
        succeeded stock        [time]
        succeeded credit       [time]
        failed    partner      [time]  exit code 1: partner.example: connection refused
                  | partner.example: connection refused
        succeeded use_cache    [time]
        succeeded size         [time]
        succeeded review       [time]
        skipped   accept               upstream size took the case large
        succeeded confirm      [time]
        succeeded tidy         [time]
        order-checks succeeded in [time]
        {
          "order": 1017,
          "route": "large"
        }
        exit code 0
    "#]]
    .assert_eq(&example(&[
        "order-checks.yaml",
        "--input",
        "pace=0",
        "--input",
        "amount=1700",
    ]));
}

#[test]
fn the_example_release_runs_both_ways() {
    std::thread::scope(|scope| {
        let back = scope.spawn(|| example(&["release.yaml"]));
        expect![[r#"
            succeeded build            [time]
            succeeded database         [time]
            succeeded blue             [time]
            succeeded green            [time]
            succeeded settle           [time]
            succeeded check            [time]
            succeeded free             [time]
            release succeeded in [time]
            exit code 0
        "#]]
        .assert_eq(&example(&["release.yaml", "--input", "healthy=true"]));
        expect![[r#"
            succeeded build            [time]
            succeeded database         [time]
            succeeded blue             [time]
            succeeded green            [time]
            succeeded settle           [time]
            failed    check            [time]  exit code 1: checkout answers 500
                      | checking build 42
                      | checkout answers 500
            succeeded free             [time]
            succeeded tell             [time]
            succeeded database.undo    [time]
            succeeded blue.undo        [time]
            succeeded green.undo       [time]
            release failed in [time]: exit code 1: checkout answers 500
            exit code 1
        "#]]
        .assert_eq(&back.join().expect("it runs"));
    });
}

#[test]
fn the_example_health_report_runs() {
    let service = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("url=http://{}/health", service.local_addr().expect("its address"));
    let answering = std::thread::spawn(move || {
        let (mut connection, _) = service.accept().expect("the flow asks");
        let mut head = BufReader::new(connection.try_clone().expect("a connection")).lines();
        while head.next().is_some_and(|line| !line.expect("a line").is_empty()) {}
        let body = r#"{"status": "healthy"}"#;
        let length = body.len();
        write!(connection, "HTTP/1.1 200 OK\r\nserver: test\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
            .expect("an answer");
    });
    expect![[r#"
        succeeded call    [time]
        succeeded pick    [time]
        succeeded keep    [time]
        skipped   down            upstream call succeeded
        health-report succeeded in [time]
        {
          "reachable": true
        }
        exit code 0
        data/files/reports/health.json: {"status":200,"body":{"status":"healthy"},"server":"test"}
    "#]]
    .assert_eq(&example(&["health-report.yaml", "--input", &url]));
    answering.join().expect("it answered");
    // Nobody listens on a port that was given back.
    let gone = TcpListener::bind(("127.0.0.1", 0))
        .expect("a port")
        .local_addr()
        .expect("its address");
    let text = example(&["health-report.yaml", "--input", &format!("url=http://{gone}/")]);
    expect![[r#"
        failed    call    [time]  http://[address]/ cannot be reached: Connection refused (os error 111)
        skipped   pick            upstream call failed
        skipped   keep            upstream pick was skipped
        succeeded down    [time]
        health-report succeeded in [time]
        {
          "reachable": false
        }
        exit code 0
    "#]]
    .assert_eq(&text.replace(&gone.to_string(), "[address]"));
}

#[test]
fn workloads_are_measured() {
    let folder = Folder::with(&[]);
    let arguments = [
        "bench",
        "w1",
        "w4",
        "w7",
        "w9",
        "--scale",
        "0.001",
        "--markdown",
        "--folder",
        ".",
    ];
    let output = folder.pointwork(&arguments).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| W")).collect();
    assert_eq!(rows.len(), 5, "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        rows.iter().all(|row| row.contains("ms") || row.contains("/s")),
        "{text}"
    );
    assert!(output.status.success());
}

#[test]
fn the_flow_in_the_readme_runs() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```yaml\n").expect("a flow");
    let (flow, _) = rest.split_once("```").expect("its end");
    let folder = Folder::with(&[("first.yaml", flow)]);
    folder.check(
        &["run", "first.yaml", "--input", "name=Bartholomew"],
        expect![[r#"
            succeeded greet      [time]
            succeeded size       [time]
            succeeded shorten    [time]
            skipped   sorry              upstream greet succeeded
            first succeeded in [time]
            {
              "route": "long"
            }
            exit code 0
        "#]],
    );
}
