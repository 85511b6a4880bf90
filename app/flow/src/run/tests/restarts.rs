//! A server that dies and comes back in every phase of a run. The harness also folds the log anew after every decision.

use expect_test::expect;

use super::check;

const FLOW: &str = r#"
tasks:
  a: { type: work, retry: { first: 10s, jitter: none }, undo: { type: work } }
  b: { type: work, needs: [a] }
finally: { clean: { type: work } }
on_failure: { alert: { type: work } }
"#;

#[test]
fn what_nobody_had_begun_is_given_out_as_it_was() {
    check(
        "a -> b",
        "restart; reload; show; a ok; b ok; log",
        expect![[r#"
        a    ready      1 attempt
        b    blocked    waits for a
        run  running
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 task_succeeded {"task":"a","output":{"value":null}}
        6 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
        7 attempt_started {"task":"b","attempt":1,"worker":"w1"}
        8 task_succeeded {"task":"b","output":{"value":null}}
        9 run_finished {"outcome":"succeeded"}
        a    succeeded  1 attempt
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn what_was_begun_is_lost_with_its_server_and_tried_again() {
    check(
        "a -> b",
        "a starts; restart; show; a ok; b ok; log",
        expect![[r#"
        a    ready      2 attempts
        b    blocked    waits for a
        run  running
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 attempt_lost {"task":"a","attempt":1}
        6 task_scheduled {"task":"a","attempt":2}
        7 attempt_started {"task":"a","attempt":2,"worker":"w1"}
        8 task_succeeded {"task":"a","output":{"value":null}}
        9 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
        10 attempt_started {"task":"b","attempt":1,"worker":"w1"}
        11 task_succeeded {"task":"b","output":{"value":null}}
        12 run_finished {"outcome":"succeeded"}
        a    succeeded  2 attempts
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn what_was_begun_goes_on_if_only_the_run_was_put_aside() {
    check(
        "a -> b",
        "a starts; reload; show; a ok; b ok",
        expect![[r#"
        a    running    1 attempt
        b    blocked    waits for a
        run  running
        a    succeeded  1 attempt
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn a_run_waits_on_after_a_restart() {
    check(
        FLOW,
        "a fails; restart; show; wait 10s; a ok; b ok; clean ok",
        expect![[r#"
        a       waiting    1 attempt  tries again at 2026-01-01T00:00:10Z  failed: it broke
        b       blocked    waits for a
        clean   blocked    runs at the end, whatever happens
        alert   blocked    runs if the run fails
        a.undo  blocked    takes back a if the run fails or is cancelled
        run     running
        a       succeeded  2 attempts
        b       succeeded  1 attempt
        clean   succeeded  1 attempt
        alert   skipped    was not needed
        a.undo  skipped    was not needed
        run     succeeded
    "#]],
    );
    check(
        FLOW,
        "a snoozes 1m; restart; restart; wait 1m; a ok; b ok; clean ok",
        expect![[r#"
        a       succeeded  1 attempt
        b       succeeded  1 attempt
        clean   succeeded  1 attempt
        alert   skipped    was not needed
        a.undo  skipped    was not needed
        run     succeeded
    "#]],
    );
}

#[test]
fn an_ending_goes_on_after_a_restart() {
    check(
        FLOW,
        "a ok; b starts; cancel; reload; restart; show; a.undo ok; clean ok",
        expect![[r#"
        - b is asked to end
        - b is asked to end
        a       succeeded  1 attempt
        b       cancelled  1 attempt  it was lost with its server while the run was ending
        clean   blocked    runs at the end, whatever happens
        alert   blocked    runs if the run fails
        a.undo  ready      1 attempt
        run     ending  Undo
        a       succeeded  1 attempt  taken back when the run ended
        b       cancelled  1 attempt  it was lost with its server while the run was ending
        clean   succeeded  1 attempt
        alert   skipped    was not needed
        a.undo  succeeded  1 attempt
        run     cancelled
    "#]],
    );
    check(
        FLOW,
        "a ok; b fails; a.undo starts; restart; show; a.undo ok; clean starts; restart; clean ok; alert starts; restart; alert ok",
        expect![[r#"
        a       succeeded  1 attempt
        b       failed     1 attempt  failed: it broke
        clean   blocked    runs at the end, whatever happens
        alert   blocked    runs if the run fails
        a.undo  ready      2 attempts
        run     ending  b failed: it broke  Undo
        a       succeeded  1 attempt  taken back when the run ended
        b       failed     1 attempt  failed: it broke
        clean   succeeded  2 attempts
        alert   succeeded  2 attempts
        a.undo  succeeded  2 attempts
        run     failed  b failed: it broke
    "#]],
    );
}

#[test]
fn what_nobody_had_begun_when_a_run_was_stopped_is_cancelled_after_a_restart() {
    check(
        "a; b",
        "cancel; show; restart",
        expect![[r#"
        - a is asked to end
        - b is asked to end
        a    ready      1 attempt
        b    ready      1 attempt
        run  ending  Attempts
        a    cancelled  1 attempt  it was lost with its server while the run was ending
        b    cancelled  1 attempt  it was lost with its server while the run was ending
        run  cancelled
    "#]],
    );
}

#[test]
fn a_task_that_kills_its_server_fails_in_the_end() {
    check(
        "a -> b",
        "a starts; restart; a starts; restart; a starts; restart; show; a starts; restart",
        expect![[r#"
        a    ready      4 attempts
        b    blocked    waits for a
        run  running
        a    failed     4 attempts  lost: its worker or server went away while it ran, 4 times
        b    skipped    upstream a failed
        run  failed  a lost: its worker or server went away while it ran, 4 times
    "#]],
    );
}

#[test]
fn with_fail_fast_a_loss_ends_the_run() {
    let flow = "fail_fast: true\ntasks: { a: { type: work, retry: { on_lost: fail } }, b: { type: work }, c: { type: work, needs: [b] } }";
    check(
        flow,
        "a starts; b starts; restart",
        expect![[r#"
        a    failed     1 attempt  lost: its worker or server went away while it ran; it is not tried again (retry.on_lost: fail)
        b    cancelled  1 attempt  the run failed (fail_fast)
        c    cancelled  the run failed (fail_fast)
        run  failed  a lost: its worker or server went away while it ran; it is not tried again (retry.on_lost: fail)
    "#]],
    );
}
