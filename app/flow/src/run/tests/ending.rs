//! How a run ends.

use expect_test::expect;

use super::check;

#[test]
fn a_failure_is_handled_by_a_taken_edge_that_names_it() {
    check(
        "a -failed-> b",
        "a fails; b ok",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
    check(
        "a -failed-> b",
        "a fails; b fails",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    failed     1 attempt  failed: it broke
        run  failed  b failed: it broke
    "#]],
    );
    check(
        "a -always-> b",
        "a fails; b ok",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    succeeded  1 attempt
        run  failed  a failed: it broke
    "#]],
    );
    check(
        "a -failed|always-> b",
        "a fails; b ok",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn a_failure_whose_handler_is_skipped_is_not_handled() {
    check(
        "a -failed-> c; b -> c",
        "a fails; b fails",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        c    skipped    upstream b failed
        b    failed     1 attempt  failed: it broke
        run  failed  a failed: it broke
    "#]],
    );
    check(
        "a -failed-> c; b -> c",
        "b fails; a fails",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        c    skipped    upstream b failed
        b    failed     1 attempt  failed: it broke
        run  failed  a failed: it broke
    "#]],
    );
    check(
        "a -failed-> b; a -failed-> c; z -> c",
        "a fails; b ok; z fails",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    succeeded  1 attempt
        c    skipped    upstream z failed
        z    failed     1 attempt  failed: it broke
        run  failed  z failed: it broke
    "#]],
    );
}

#[test]
fn an_edge_may_react_without_handling() {
    let flow = "tasks: { a: { type: work }, alert: { type: work, needs: [{ task: a, on: failed, handles: false }] } }";
    check(
        flow,
        "a fails; alert ok",
        expect![[r#"
        a      failed     1 attempt  failed: it broke
        alert  succeeded  1 attempt
        run    failed  a failed: it broke
    "#]],
    );
}

#[test]
fn other_branches_go_on_after_a_failure() {
    check(
        "a; b -> c",
        "a fails; show; b ok; c ok",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    ready      1 attempt
        c    blocked    waits for b
        run  running
        a    failed     1 attempt  failed: it broke
        b    succeeded  1 attempt
        c    succeeded  1 attempt
        run  failed  a failed: it broke
    "#]],
    );
}

#[test]
fn fail_fast_ends_the_run_at_the_first_unhandled_failure() {
    check(
        "fail_fast; a; b -> c; d",
        "b starts; a fails; show; b stops; d ok",
        expect![[r#"
            - b is asked to end
            - d is asked to end
            a    failed     1 attempt  failed: it broke
            b    running    1 attempt
            c    cancelled  the run failed (fail_fast)
            d    ready      1 attempt
            run  ending  a failed: it broke  Attempts
            a    failed     1 attempt  failed: it broke
            b    cancelled  1 attempt  it was stopped because the run failed
            c    cancelled  the run failed (fail_fast)
            d    succeeded  1 attempt
            run  failed  a failed: it broke
        "#]],
    );
    check(
        "fail_fast; a -failed-> h; b -> c",
        "a fails; show; b ok; h ok; c ok",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        h    ready      1 attempt
        b    ready      1 attempt
        c    blocked    waits for b
        run  running
        a    failed     1 attempt  failed: it broke
        h    succeeded  1 attempt
        b    succeeded  1 attempt
        c    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn fail_fast_waits_until_the_handler_is_skipped() {
    check(
        "fail_fast; a -failed-> h; b -> h; c",
        "a fails; show; b fails; show; c stops",
        expect![[r#"
            a    failed     1 attempt  failed: it broke
            h    blocked    waits for b
            b    ready      1 attempt
            c    ready      1 attempt
            run  running
            - c is asked to end
            a    failed     1 attempt  failed: it broke
            h    cancelled  the run failed (fail_fast)
            b    failed     1 attempt  failed: it broke
            c    ready      1 attempt
            run  ending  b failed: it broke  Attempts
            a    failed     1 attempt  failed: it broke
            h    cancelled  the run failed (fail_fast)
            b    failed     1 attempt  failed: it broke
            c    cancelled  1 attempt  it was stopped because the run failed
            run  failed  b failed: it broke
        "#]],
    );
}

pub(super) const FULL: &str = r#"
tasks:
  a: { type: work, undo: { type: work, with: { of: a } } }
  b: { type: work, needs: [a], undo: { type: work } }
  c: { type: work, needs: [b] }
finally:
  clean: { type: work, with: { outcome: "{{ run.outcome }}", a: "{{ tasks.a.state }}", c: "{{ tasks.c.state }}" } }
  sweep: { type: work, needs: [clean] }
on_failure:
  alert: { type: work, with: { why: "{{ run.error }}", outcome: "{{ run.outcome }}" } }
"#;

#[test]
fn a_run_that_succeeds_runs_only_its_finally_tasks() {
    check(
        FULL,
        "a ok; b ok; c ok; show; clean ok; sweep ok; log",
        expect![[r#"
        a       succeeded  1 attempt
        b       succeeded  1 attempt
        c       succeeded  1 attempt
        clean   ready      1 attempt
        sweep   blocked    waits for clean
        alert   blocked    runs if the run fails
        a.undo  blocked    takes back a if the run fails or is cancelled
        b.undo  blocked    takes back b if the run fails or is cancelled
        run     ending  Finally
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 task_succeeded {"task":"a","output":{"value":null}}
        6 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
        7 attempt_started {"task":"b","attempt":1,"worker":"w1"}
        8 task_succeeded {"task":"b","output":{"value":null}}
        9 task_scheduled {"task":"c","attempt":1,"input":{"value":{}}}
        10 attempt_started {"task":"c","attempt":1,"worker":"w1"}
        11 task_succeeded {"task":"c","output":{"value":null}}
        12 run_ending {"outcome":"succeeded"}
        13 ending_step {"step":"finally"}
        14 task_scheduled {"task":"clean","attempt":1,"input":{"value":{"outcome":"succeeded","a":"succeeded","c":"succeeded"}}}
        15 attempt_started {"task":"clean","attempt":1,"worker":"w1"}
        16 task_succeeded {"task":"clean","output":{"value":null}}
        17 task_scheduled {"task":"sweep","attempt":1,"input":{"value":{}}}
        18 attempt_started {"task":"sweep","attempt":1,"worker":"w1"}
        19 task_succeeded {"task":"sweep","output":{"value":null}}
        20 run_finished {"outcome":"succeeded"}
        a       succeeded  1 attempt
        b       succeeded  1 attempt
        c       succeeded  1 attempt
        clean   succeeded  1 attempt
        sweep   succeeded  1 attempt
        alert   skipped    was not needed
        a.undo  skipped    was not needed
        b.undo  skipped    was not needed
        run     succeeded
    "#]],
    );
}

#[test]
fn a_run_that_fails_is_undone_last_first_then_cleaned_up_then_told() {
    check(
        FULL,
        "a ok; b ok; c fails; show; b.undo ok; show; a.undo fails; clean ok; sweep ok; show; alert ok; log",
        expect![[r#"
        a       succeeded  1 attempt
        b       succeeded  1 attempt
        c       failed     1 attempt  failed: it broke
        clean   blocked    runs at the end, whatever happens
        sweep   blocked    waits for clean
        alert   blocked    runs if the run fails
        a.undo  blocked    takes back a if the run fails or is cancelled
        b.undo  ready      1 attempt
        run     ending  c failed: it broke  Undo
        a       succeeded  1 attempt
        b       succeeded  1 attempt  taken back when the run ended
        c       failed     1 attempt  failed: it broke
        clean   blocked    runs at the end, whatever happens
        sweep   blocked    waits for clean
        alert   blocked    runs if the run fails
        a.undo  ready      1 attempt
        b.undo  succeeded  1 attempt
        run     ending  c failed: it broke  Undo
        a       succeeded  1 attempt
        b       succeeded  1 attempt  taken back when the run ended
        c       failed     1 attempt  failed: it broke
        clean   succeeded  1 attempt
        sweep   succeeded  1 attempt
        alert   ready      1 attempt
        a.undo  failed     1 attempt  failed: it broke
        b.undo  succeeded  1 attempt
        run     ending  c failed: it broke  OnFailure
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 task_succeeded {"task":"a","output":{"value":null}}
        6 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
        7 attempt_started {"task":"b","attempt":1,"worker":"w1"}
        8 task_succeeded {"task":"b","output":{"value":null}}
        9 task_scheduled {"task":"c","attempt":1,"input":{"value":{}}}
        10 attempt_started {"task":"c","attempt":1,"worker":"w1"}
        11 task_failed {"task":"c","error":{"kind":"failed","message":"it broke"}}
        12 run_ending {"outcome":"failed","error":{"task":"c","kind":"failed","message":"it broke"}}
        13 ending_step {"step":"undo"}
        14 task_scheduled {"task":"b.undo","attempt":1,"input":{"value":{}}}
        15 attempt_started {"task":"b.undo","attempt":1,"worker":"w1"}
        16 task_succeeded {"task":"b.undo","output":{"value":null}}
        17 task_scheduled {"task":"a.undo","attempt":1,"input":{"value":{"of":"a"}}}
        18 attempt_started {"task":"a.undo","attempt":1,"worker":"w1"}
        19 task_failed {"task":"a.undo","error":{"kind":"failed","message":"it broke"}}
        20 ending_step {"step":"finally"}
        21 task_scheduled {"task":"clean","attempt":1,"input":{"value":{"outcome":"failed","a":"succeeded","c":"failed"}}}
        22 attempt_started {"task":"clean","attempt":1,"worker":"w1"}
        23 task_succeeded {"task":"clean","output":{"value":null}}
        24 task_scheduled {"task":"sweep","attempt":1,"input":{"value":{}}}
        25 attempt_started {"task":"sweep","attempt":1,"worker":"w1"}
        26 task_succeeded {"task":"sweep","output":{"value":null}}
        27 ending_step {"step":"on_failure"}
        28 task_scheduled {"task":"alert","attempt":1,"input":{"value":{"why":"it broke","outcome":"failed"}}}
        29 attempt_started {"task":"alert","attempt":1,"worker":"w1"}
        30 task_succeeded {"task":"alert","output":{"value":null}}
        31 run_finished {"outcome":"failed","error":{"task":"c","kind":"failed","message":"it broke"}}
        a       succeeded  1 attempt
        b       succeeded  1 attempt  taken back when the run ended
        c       failed     1 attempt  failed: it broke
        clean   succeeded  1 attempt
        sweep   succeeded  1 attempt
        alert   succeeded  1 attempt
        a.undo  failed     1 attempt  failed: it broke
        b.undo  succeeded  1 attempt
        run     failed  c failed: it broke
    "#]],
    );
}

#[test]
fn undo_goes_by_the_order_of_finishing_not_of_the_document() {
    let flow = r#"
tasks:
  a: { type: work, undo: { type: work } }
  b: { type: work, undo: { type: work } }
  c: { type: work, needs: [a, b] }
"#;
    check(
        flow,
        "b ok; a ok; c fails; show; a.undo ok; b.undo ok",
        expect![[r#"
        a       succeeded  1 attempt
        b       succeeded  1 attempt
        c       failed     1 attempt  failed: it broke
        a.undo  ready      1 attempt
        b.undo  blocked    takes back b if the run fails or is cancelled
        run     ending  c failed: it broke  Undo
        a       succeeded  1 attempt  taken back when the run ended
        b       succeeded  1 attempt  taken back when the run ended
        c       failed     1 attempt  failed: it broke
        a.undo  succeeded  1 attempt
        b.undo  succeeded  1 attempt
        run     failed  c failed: it broke
    "#]],
    );
}

#[test]
fn an_undo_has_retries_of_its_own_and_may_be_light_or_wait() {
    let flow = r#"
tasks:
  a: { type: work, undo: { type: work, retry: { first: 1s, jitter: none } } }
  b: { type: work, needs: [a], undo: { type: delay, with: { for: 5s } } }
  c: { type: work, needs: [b], undo: { type: log, with: { message: "back from {{ tasks.c.output }}" } } }
  d: { type: work, needs: [c] }
"#;
    check(
        flow,
        "a ok; b ok; c ok 7; d fails; show; wait 5s; a.undo fails; wait 1s; a.undo ok",
        expect![[r#"
        - c.undo logs info "back from 7" in attempt 1
        a       succeeded  1 attempt
        b       succeeded  1 attempt
        c       succeeded  1 attempt  taken back when the run ended
        d       failed     1 attempt  failed: it broke
        a.undo  blocked    takes back a if the run fails or is cancelled
        b.undo  waiting    waits until 2026-01-01T00:00:05Z
        c.undo  succeeded
        run     ending  d failed: it broke  Undo
        a       succeeded  1 attempt  taken back when the run ended
        b       succeeded  1 attempt  taken back when the run ended
        c       succeeded  1 attempt  taken back when the run ended
        d       failed     1 attempt  failed: it broke
        a.undo  succeeded  2 attempts
        b.undo  succeeded
        c.undo  succeeded
        run     failed  d failed: it broke
    "#]],
    );
}

#[test]
fn a_failing_finally_task_fails_the_run() {
    check(
        FULL,
        "a ok; b ok; c ok; clean fails; show; alert ok",
        expect![[r#"
        a       succeeded  1 attempt
        b       succeeded  1 attempt
        c       succeeded  1 attempt
        clean   failed     1 attempt  failed: it broke
        sweep   skipped    upstream clean failed
        alert   ready      1 attempt
        a.undo  blocked    takes back a if the run fails or is cancelled
        b.undo  blocked    takes back b if the run fails or is cancelled
        run     ending  clean failed: it broke  OnFailure
        a       succeeded  1 attempt
        b       succeeded  1 attempt
        c       succeeded  1 attempt
        clean   failed     1 attempt  failed: it broke
        sweep   skipped    upstream clean failed
        alert   succeeded  1 attempt
        a.undo  skipped    was not needed
        b.undo  skipped    was not needed
        run     failed  clean failed: it broke
    "#]],
    );
}

#[test]
fn a_failing_finally_task_fails_a_run_that_tells_nobody() {
    let flow = "tasks: { a: { type: noop } }\nfinally: { clean: { type: work } }";
    check(
        flow,
        "clean fails",
        expect![[r#"
        a      succeeded
        clean  failed     1 attempt  failed: it broke
        run    failed  clean failed: it broke
    "#]],
    );
}

#[test]
fn on_failure_tasks_see_that_a_finally_task_failed_the_run() {
    let flow = r#"
tasks: { a: { type: noop } }
finally: { clean: { type: fail, with: { message: no broom } } }
on_failure: { alert: { type: log, with: { message: "{{ run.outcome }}: {{ run.error }}" } } }
"#;
    check(
        flow,
        "log",
        expect![[r#"
        - alert logs info "failed: no broom" in attempt 1
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_succeeded {"task":"a","output":{"value":null}}
        4 run_ending {"outcome":"succeeded"}
        5 ending_step {"step":"finally"}
        6 task_failed {"task":"clean","error":{"kind":"failed","message":"no broom"}}
        7 ending_step {"step":"on_failure"}
        8 task_succeeded {"task":"alert","output":{"value":"failed: no broom"}}
        9 run_finished {"outcome":"failed","error":{"task":"clean","kind":"failed","message":"no broom"}}
        a      succeeded
        clean  failed     failed: no broom
        alert  succeeded
        run    failed  clean failed: no broom
    "#]],
    );
}

#[test]
fn a_failure_among_finally_tasks_can_be_handled() {
    let flow = r#"
tasks: { a: { type: noop } }
finally:
  clean: { type: work }
  mop: { type: work, needs: [{ task: clean, on: failed }] }
  polish: { type: work, needs: [clean] }
"#;
    check(
        flow,
        "clean fails; mop ok",
        expect![[r#"
        a       succeeded
        clean   failed     1 attempt  failed: it broke
        mop     succeeded  1 attempt
        polish  skipped    upstream clean failed
        run     succeeded
    "#]],
    );
}

#[test]
fn a_failing_on_failure_task_changes_nothing() {
    let flow = "tasks: { a: { type: work } }\non_failure: { alert: { type: work }, then: { type: work, needs: [alert] } }";
    check(
        flow,
        "a fails; alert fails",
        expect![[r#"
        a      failed     1 attempt  failed: it broke
        alert  failed     1 attempt  failed: it broke
        then   skipped    upstream alert failed
        run    failed  a failed: it broke
    "#]],
    );
}

const OUTPUTS: &str = r#"
tasks:
  a: { type: work, undo: { type: work } }
finally: { clean: { type: work } }
on_failure: { alert: { type: log, with: { message: "{{ run.error }}" } } }
outputs: { n: "{{ tasks.a.output.n }}", outcome: "{{ run.outcome }}", text: "n={{ tasks.a.output.n }}" }
"#;

#[test]
fn outputs_are_made_when_the_work_is_done() {
    check(
        OUTPUTS,
        "a ok {\"n\": 4}; show; clean ok; log",
        expect![[r#"
        a       succeeded  1 attempt
        clean   ready      1 attempt
        alert   blocked    runs if the run fails
        a.undo  blocked    takes back a if the run fails or is cancelled
        run     ending  Finally
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 task_succeeded {"task":"a","output":{"value":{"n":4}},"exit_code":0}
        6 run_ending {"outcome":"succeeded","outputs":{"value":{"n":4,"outcome":"succeeded","text":"n=4"}}}
        7 ending_step {"step":"finally"}
        8 task_scheduled {"task":"clean","attempt":1,"input":{"value":{}}}
        9 attempt_started {"task":"clean","attempt":1,"worker":"w1"}
        10 task_succeeded {"task":"clean","output":{"value":null}}
        11 run_finished {"outcome":"succeeded","outputs":{"value":{"n":4,"outcome":"succeeded","text":"n=4"}}}
        a       succeeded  1 attempt
        clean   succeeded  1 attempt
        alert   skipped    was not needed
        a.undo  skipped    was not needed
        run     succeeded  {"n":4,"outcome":"succeeded","text":"n=4"}
    "#]],
    );
    check(
        OUTPUTS,
        "a ok {\"n\": 4}; clean fails",
        expect![[r#"
        - alert logs info "it broke" in attempt 1
        a       succeeded  1 attempt
        clean   failed     1 attempt  failed: it broke
        alert   succeeded
        a.undo  skipped    was not needed
        run     failed  clean failed: it broke
    "#]],
    );
}

#[test]
fn a_run_whose_outputs_cannot_be_made_fails_as_any_other() {
    check(
        OUTPUTS,
        "a ok {\"m\": 4}; show; a.undo ok; clean ok",
        expect![[r#"
        a       succeeded  1 attempt
        clean   blocked    runs at the end, whatever happens
        alert   blocked    runs if the run fails
        a.undo  ready      1 attempt
        run     ending  expression: the outputs could not be made: `tasks.a.output.n` is not there; `tasks.a.output` has: m. In `{{ tasks.a.output.n }}`  Undo
        - alert logs info "the outputs could not be made: `tasks.a.output.n` is not there; `tasks.a.output` has: m. In `{{ tasks.a.output.n }}`" in attempt 1
        a       succeeded  1 attempt  taken back when the run ended
        clean   succeeded  1 attempt
        alert   succeeded
        a.undo  succeeded  1 attempt
        run     failed  expression: the outputs could not be made: `tasks.a.output.n` is not there; `tasks.a.output` has: m. In `{{ tasks.a.output.n }}`
    "#]],
    );
    check(
        "tasks: { a: { type: work } }\noutputs: { n: \"{{ tasks.a.output.n }}\" }",
        "a ok {}",
        expect![[r#"
        a    succeeded  1 attempt
        run  failed  expression: the outputs could not be made: `tasks.a.output.n` is not there; `tasks.a.output` is empty. In `{{ tasks.a.output.n }}`
    "#]],
    );
}
