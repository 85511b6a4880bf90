//! The flows in `examples/` and in the readme do what they say.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use expect_test::expect;

use super::{Folder, shown};

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
            succeeded database         [time]  taken back when the run ended
            succeeded blue             [time]  taken back when the run ended
            succeeded green            [time]  taken back when the run ended
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
fn the_flow_in_the_readme_runs() {
    let readme = include_str!("../../../README.md");
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
