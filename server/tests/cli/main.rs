//! The command line: the real binary, its words and its exit codes.

mod examples;
mod run;
mod simulate;
mod validate;

use std::process::{Command, Output, Stdio};

use expect_test::Expect;
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
fn workloads_are_measured() {
    let folder = Folder::with(&[]);
    let arguments = [
        "bench",
        "w1",
        "w2",
        "w4",
        "w6",
        "w7",
        "w8",
        "w9",
        "w10",
        "w11",
        "w12",
        "--scale",
        "0.001",
        "--markdown",
        "--folder",
        ".",
    ];
    let output = folder.pointwork(&arguments).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| W")).collect();
    assert_eq!(
        rows.len(),
        14,
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        rows.iter().all(|row| row.contains("ms") || row.contains("/s")),
        "{text}"
    );
    assert!(output.status.success());
}
