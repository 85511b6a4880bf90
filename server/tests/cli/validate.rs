//! `pointwork validate`: everything wrong with documents, with places.

use std::io::Write;
use std::process::Stdio;

use expect_test::expect;

use super::{BAD, Folder, GOOD, shown};

#[test]
fn documents_are_validated() {
    let folder = Folder::with(&[
        ("good.yaml", GOOD),
        ("bad.yaml", BAD),
        ("nonsense.json", "{\"flow\": "),
        ("theirs.json", include_str!("../../../examples/flow-manager.json")),
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
            bad.yaml:3:14: error: there is no task type `transfrom` (did you mean `transform`?); the types are approval, delay, fail, fetch_data, http.request, log, loop, mail.send, noop, process_data, shell, signal, store_data, subflow, switch, transform, wait (tasks.a.type)
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
