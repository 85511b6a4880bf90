//! `pointwork simulate`: the timeline of a flow whose work is not done.

use expect_test::{Expect, expect};

use super::Folder;

const NIGHTLY: &str = "\
flow: nightly
inputs:
  limit: { type: integer, default: 2 }
tasks:
  fetch: { type: http.request, with: { url: \"https://shop.example/orders\" }, retry: { max_attempts: 3, first: 10s, jitter: none } }
  size: { type: switch, needs: [fetch], with: { cases: { big: \"{{ tasks.fetch.output.body | length > inputs.limit }}\" }, default: small } }
  each: { type: shell, needs: [{ task: size, on: big }], for_each: { items: \"{{ tasks.fetch.output.body }}\" }, with: { command: 'true' } }
  pause: { type: delay, needs: [{ task: size, on: small }], with: { for: 8h } }
finally:
  tell: { type: log, with: { message: \"{{ run.outcome }}\" } }
";

fn check(arguments: &[&str], expected: Expect) {
    let folder = Folder::with(&[("nightly.yaml", NIGHTLY)]);
    let arguments = [&["simulate", "nightly.yaml"], arguments].concat();
    folder.check(&arguments, expected);
}

#[test]
fn hours_pass_in_a_moment() {
    check(
        &["--output", r#"fetch={"body": [1]}"#],
        expect![[r#"
                0s         the run starts
                0s  fetch  starts
                1s  fetch  succeeded {"body":[1]}
                1s  size   succeeded, small
                1s  each   skipped: the edge from size was not taken
                1s  pause  waits: delay until 2026-01-01T08:00:01Z
              8h1s  pause  succeeded
              8h1s         the ending: finally
              8h1s  tell   succeeded "succeeded"
              8h1s  tell   | succeeded
              8h1s         the run succeeded
        exit code 0
    "#]],
    );
}

#[test]
fn tasks_fail_as_they_are_told() {
    check(
        &[
            "--output",
            r#"fetch={"body": [1, 2, 3]}"#,
            "--fail",
            "fetch:2=no route",
            "--takes",
            "each=5s",
            "--fail",
            "each[1]=broken",
        ],
        expect![[r#"
                    0s           the run starts
                    0s  fetch    starts
                    1s  fetch    fails: no route; again in 10.000 s
                   11s  fetch    starts attempt 2
                   12s  fetch    fails: no route; again in 20.000 s
                   32s  fetch    starts attempt 3
                   33s  fetch    succeeded {"body":[1,2,3]}
                   33s  size     succeeded, big
                   33s  each     has 3 items
                   33s  pause    skipped: the edge from size was not taken
                   33s  each[0]  starts
                   33s  each[1]  starts
                   33s  each[2]  starts
                   38s  each[0]  succeeded
                   38s  each[1]  failed: broken
                   38s  each[2]  cancelled: it was stopped because other items had failed
                   38s  each     failed: 1 item of 3 failed, item 1 first: broken
                   38s           the ending: finally
                   38s  tell     succeeded "failed"
                   38s  tell     | failed
                   38s           the run failed: 1 item of 3 failed, item 1 first: broken
            exit code 1
        "#]],
    );
}

#[test]
fn what_is_not_said_is_a_plain_value_of_its_kind() {
    check(
        &[],
        expect![[r#"
                0s         the run starts
                0s  fetch  starts
                1s  fetch  succeeded {"status":0,"headers":{},"body":null}
                1s  size   failed: Cannot calculate length of value of type none. In `{{ tasks.fetch.output.body | length > inputs.limit }}`
                1s  each   skipped: the edge from size was not taken
                1s  pause  skipped: the edge from size was not taken
                1s         the ending: finally
                1s  tell   succeeded "failed"
                1s  tell   | failed
                1s         the run failed: Cannot calculate length of value of type none. In `{{ tasks.fetch.output.body | length > inputs.limit }}`
        exit code 1
    "#]],
    );
}

#[test]
fn wrong_arguments_are_told() {
    check(
        &["--fail", "fetsh=no"],
        expect![[r#"
        pointwork: `--fail fetsh=…`: the flow has no task run `fetsh`; its tasks are fetch, size, each, pause, tell
        exit code 3
    "#]],
    );
    check(
        &["--fail", "fetch"],
        expect![[r#"
        pointwork: `--fail fetch` has no `=`; write it as --fail task=…
        exit code 3
    "#]],
    );
    check(
        &["--fail", "fetch:x=no"],
        expect![[r#"
        pointwork: `--fail fetch:x=no`: `x` is no number of attempts: invalid digit found in string
        exit code 3
    "#]],
    );
    check(
        &["--output", "fetch=none"],
        expect![[r#"
        pointwork: `--output fetch=…` is no JSON (a text has quotes: 'fetch="text"'): expected ident at line 1 column 2
        exit code 3
    "#]],
    );
    check(
        &["--takes", "fetch=long"],
        expect![[r#"
        pointwork: `--takes fetch=…`: `long` is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d (at most 3650d)
        exit code 3
    "#]],
    );
    check(
        &["--input", "limit=many"],
        expect![[r#"
        pointwork: --input: error: expected a number, found `many` (inputs.limit)
        exit code 3
    "#]],
    );
}
