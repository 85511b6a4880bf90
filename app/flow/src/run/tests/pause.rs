//! A person holds a run and lets it go on.

use expect_test::expect;

use super::check;

#[test]
fn what_is_out_comes_to_its_end_and_nothing_starts() {
    check(
        "a -> b; c",
        "pause; pause; a ok; c fails; show; resume; b ok; log",
        expect![[r#"
            - a is recalled
            - c is recalled
            a    succeeded  1 attempt
            b    blocked    starts when the run is resumed
            c    failed     1 attempt  failed: it broke
            run  paused
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
            4 task_scheduled {"task":"c","attempt":1,"input":{"value":{}}}
            5 run_paused {}
            6 attempt_started {"task":"a","attempt":1,"worker":"w1"}
            7 task_succeeded {"task":"a","output":{"value":null}}
            8 attempt_started {"task":"c","attempt":1,"worker":"w1"}
            9 task_failed {"task":"c","error":{"kind":"failed","message":"it broke"}}
            10 run_resumed {}
            11 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
            12 attempt_started {"task":"b","attempt":1,"worker":"w1"}
            13 task_succeeded {"task":"b","output":{"value":null}}
            14 run_finished {"outcome":"failed","error":{"task":"c","kind":"failed","message":"it broke"}}
            a    succeeded  1 attempt
            b    succeeded  1 attempt
            c    failed     1 attempt  failed: it broke
            run  failed  c failed: it broke
        "#]],
    );
}

#[test]
fn timers_elapse_but_start_nothing() {
    let flow = "
tasks:
  a: { type: work, retry: { first: 5s, jitter: none } }
  d: { type: delay, with: { for: 5s } }
  after: { type: work, needs: [d] }
";
    check(
        flow,
        "a fails; pause; wait 6s; show; restart; show; resume; a ok; after ok",
        expect![[r#"
            a      blocked    1 attempt  starts when the run is resumed
            d      succeeded
            after  blocked    starts when the run is resumed
            run    paused
            a      blocked    1 attempt  starts when the run is resumed
            d      succeeded
            after  blocked    starts when the run is resumed
            run    paused
            a      succeeded  2 attempts
            d      succeeded
            after  succeeded  1 attempt
            run    succeeded
        "#]],
    );
    check(
        flow,
        "a snoozes 5s; pause; wait 6s; resume; a ok; after ok",
        expect![[r#"
            a      succeeded  1 attempt
            d      succeeded
            after  succeeded  1 attempt
            run    succeeded
        "#]],
    );
}

#[test]
fn the_timeout_of_the_run_goes_on_counting_and_cancel_works() {
    check(
        "timeout: 10s\ntasks: { a: { type: work }, b: { type: work, needs: [a] } }",
        "a ok; pause; wait 9s; show; wait 1s",
        expect![[r#"
            - b is recalled
            a    succeeded  1 attempt
            b    ready      1 attempt
            run  paused
            - b is asked to end
            a    succeeded  1 attempt
            b    ready      1 attempt
            run  ending  timeout: the run took longer than 10s  Attempts
        "#]],
    );
    check(
        "a -> b",
        "a starts; pause; cancel; a stops",
        expect![[r#"
            - a is asked to end
            a    cancelled  1 attempt  it was stopped because the run was cancelled
            b    cancelled  the run was cancelled
            run  cancelled
        "#]],
    );
    check(
        "a -> b",
        "a ok; pause; force cancel",
        expect![[r#"
            - b is recalled
            - b is killed
            a    succeeded  1 attempt
            b    cancelled  1 attempt  the run was cancelled by force
            run  cancelled
        "#]],
    );
    check(
        "a -> b",
        "cancel; pause; a stops; resume",
        expect![[r#"
            - a is asked to end
            - pause: the run is ending; it can be cancelled, not paused
            - resume: the run is finished
            a    cancelled  1 attempt  it was stopped because the run was cancelled
            b    cancelled  the run was cancelled
            run  cancelled
        "#]],
    );
}

#[test]
fn a_failure_that_came_meanwhile_ends_the_run_when_it_goes_on() {
    check(
        "fail_fast; a; b; c",
        "pause; a fails; show; resume; b stops; c stops",
        expect![[r#"
            - a is recalled
            - b is recalled
            - c is recalled
            a    failed     1 attempt  failed: it broke
            b    ready      1 attempt
            c    ready      1 attempt
            run  paused
            - b is asked to end
            - c is asked to end
            a    failed     1 attempt  failed: it broke
            b    cancelled  1 attempt  it was stopped because the run failed
            c    cancelled  1 attempt  it was stopped because the run failed
            run  failed  a failed: it broke
        "#]],
    );
    check(
        "a",
        "pause; a ok; show; restart; resume",
        expect![[r#"
            - a is recalled
            a    succeeded  1 attempt
            run  paused
            a    succeeded  1 attempt
            run  succeeded
        "#]],
    );
}
