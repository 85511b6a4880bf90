//! Runs that are ended: by a person, by their timeout, by the timeout of their ending.

use expect_test::expect;

use super::check;
use super::ending::FULL;

#[test]
fn cancel_ends_attempts_and_leaves_out_what_had_not_started() {
    check(
        "tasks: { a: { type: work }, b: { type: work, needs: [a] }, c: { type: work }, d: { type: delay, with: { for: 1h } } }",
        "a starts; cancel; show; a stops; c stops",
        expect![[r#"
            - a is asked to end
            - c is asked to end
            a    running    1 attempt
            b    cancelled  the run was cancelled
            c    ready      1 attempt
            d    cancelled  the run was cancelled
            run  ending  Attempts
            a    cancelled  1 attempt  it was stopped because the run was cancelled
            b    cancelled  the run was cancelled
            c    cancelled  1 attempt  it was stopped because the run was cancelled
            d    cancelled  the run was cancelled
            run  cancelled
        "#]],
    );
    check(
        "a -> b -always-> c",
        "a starts; cancel; a fails",
        expect![[r#"
        - a is asked to end
        a    failed     1 attempt  failed: it broke
        b    cancelled  the run was cancelled
        c    cancelled  the run was cancelled
        run  cancelled
    "#]],
    );
}

#[test]
fn what_succeeds_while_a_run_is_cancelled_is_undone_too() {
    check(
        FULL,
        "a ok; b starts; cancel; b ok; b.undo ok; a.undo ok; clean ok {\"x\": 1}; sweep ok; log",
        expect![[r#"
        - b is asked to end
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 task_succeeded {"task":"a","output":{"value":null}}
        6 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
        7 attempt_started {"task":"b","attempt":1,"worker":"w1"}
        8 run_cancel_requested {}
        9 run_ending {"outcome":"cancelled"}
        10 task_cancelled {"task":"c","reason":"the run was cancelled"}
        11 task_succeeded {"task":"b","output":{"value":null}}
        12 ending_step {"step":"undo"}
        13 task_scheduled {"task":"b.undo","attempt":1,"input":{"value":{}}}
        14 attempt_started {"task":"b.undo","attempt":1,"worker":"w1"}
        15 task_succeeded {"task":"b.undo","output":{"value":null}}
        16 task_scheduled {"task":"a.undo","attempt":1,"input":{"value":{"of":"a"}}}
        17 attempt_started {"task":"a.undo","attempt":1,"worker":"w1"}
        18 task_succeeded {"task":"a.undo","output":{"value":null}}
        19 ending_step {"step":"finally"}
        20 task_scheduled {"task":"clean","attempt":1,"input":{"value":{"outcome":"cancelled","a":"succeeded","c":"cancelled"}}}
        21 attempt_started {"task":"clean","attempt":1,"worker":"w1"}
        22 task_succeeded {"task":"clean","output":{"value":{"x":1}},"exit_code":0}
        23 task_scheduled {"task":"sweep","attempt":1,"input":{"value":{}}}
        24 attempt_started {"task":"sweep","attempt":1,"worker":"w1"}
        25 task_succeeded {"task":"sweep","output":{"value":null}}
        26 run_finished {"outcome":"cancelled"}
        a       succeeded  1 attempt  taken back when the run ended
        b       succeeded  1 attempt  taken back when the run ended
        c       cancelled  the run was cancelled
        clean   succeeded  1 attempt
        sweep   succeeded  1 attempt
        alert   skipped    was not needed
        a.undo  succeeded  1 attempt
        b.undo  succeeded  1 attempt
        run     cancelled
    "#]],
    );
}

#[test]
fn a_second_cancel_asks_again_and_changes_nothing() {
    check(
        "a -> b",
        "a starts; cancel; cancel; show; a stops; cancel",
        expect![[r#"
            - a is asked to end
            - a is asked to end
            a    running    1 attempt
            b    cancelled  the run was cancelled
            run  ending  Attempts
            - cancel: the run is finished
            a    cancelled  1 attempt  it was stopped because the run was cancelled
            b    cancelled  the run was cancelled
            run  cancelled
        "#]],
    );
}

#[test]
fn cancel_while_a_run_is_ending_lets_the_clean_up_go_on() {
    check(
        FULL,
        "a ok; b ok; c ok; cancel; clean ok; cancel; sweep ok; log",
        expect![[r#"
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
        15 run_cancel_requested {}
        16 attempt_started {"task":"clean","attempt":1,"worker":"w1"}
        17 task_succeeded {"task":"clean","output":{"value":null}}
        18 task_scheduled {"task":"sweep","attempt":1,"input":{"value":{}}}
        19 run_cancel_requested {}
        20 attempt_started {"task":"sweep","attempt":1,"worker":"w1"}
        21 task_succeeded {"task":"sweep","output":{"value":null}}
        22 run_finished {"outcome":"succeeded"}
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
    check(
        FULL,
        "a ok; b fails; cancel; a.undo ok; clean ok; sweep ok; alert ok",
        expect![[r#"
        a       succeeded  1 attempt  taken back when the run ended
        b       failed     1 attempt  failed: it broke
        c       skipped    upstream b failed
        clean   succeeded  1 attempt
        sweep   succeeded  1 attempt
        alert   succeeded  1 attempt
        a.undo  succeeded  1 attempt
        b.undo  skipped    b did not succeed, so there is nothing to take back
        run     failed  b failed: it broke
    "#]],
    );
}

#[test]
fn a_cancelled_run_whose_finally_task_fails_has_failed() {
    check(
        FULL,
        "cancel; a stops; clean fails; alert ok",
        expect![[r#"
            - a is asked to end
            a       cancelled  1 attempt  it was stopped because the run was cancelled
            b       cancelled  the run was cancelled
            c       cancelled  the run was cancelled
            clean   failed     1 attempt  failed: it broke
            sweep   skipped    upstream clean failed
            alert   succeeded  1 attempt
            a.undo  skipped    a did not succeed, so there is nothing to take back
            b.undo  skipped    b did not succeed, so there is nothing to take back
            run     failed  clean failed: it broke
        "#]],
    );
}

#[test]
fn forced_cancel_ends_everything_at_once() {
    check(
        FULL,
        "a ok; b starts; force cancel; late report of b; force cancel; log",
        expect![[r#"
        - b is killed
        - late report of b: the run is finished
        - force cancel: the run is finished
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 task_succeeded {"task":"a","output":{"value":null}}
        6 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
        7 attempt_started {"task":"b","attempt":1,"worker":"w1"}
        8 run_cancel_requested {"force":true}
        9 run_ending {"outcome":"cancelled"}
        10 task_cancelled {"task":"b","reason":"the run was cancelled by force"}
        11 task_cancelled {"task":"c","reason":"the run was cancelled by force"}
        12 run_finished {"outcome":"cancelled"}
        a       succeeded  1 attempt
        b       cancelled  1 attempt  the run was cancelled by force
        c       cancelled  the run was cancelled by force
        clean   skipped    the ending was cut short before it
        sweep   skipped    the ending was cut short before it
        alert   skipped    was not needed
        a.undo  skipped    the ending was cut short before it
        b.undo  skipped    b did not succeed, so there is nothing to take back
        run     cancelled
    "#]],
    );
    check(
        FULL,
        "a ok; b starts; cancel; force cancel",
        expect![[r#"
        - b is asked to end
        - b is killed
        a       succeeded  1 attempt
        b       cancelled  1 attempt  the run was cancelled by force
        c       cancelled  the run was cancelled
        clean   skipped    the ending was cut short before it
        sweep   skipped    the ending was cut short before it
        alert   skipped    was not needed
        a.undo  skipped    the ending was cut short before it
        b.undo  skipped    b did not succeed, so there is nothing to take back
        run     cancelled
    "#]],
    );
    check(
        FULL,
        "a ok; b ok; c ok; clean starts; force cancel",
        expect![[r#"
        - clean is killed
        a       succeeded  1 attempt
        b       succeeded  1 attempt
        c       succeeded  1 attempt
        clean   cancelled  1 attempt  the run was cancelled by force
        sweep   skipped    the ending was cut short before it
        alert   skipped    was not needed
        a.undo  skipped    the ending was cut short before it
        b.undo  skipped    the ending was cut short before it
        run     cancelled
    "#]],
    );
    check(
        "a -always-> b; a -cancelled-> c",
        "force cancel",
        expect![[r#"
        - a is killed
        a    cancelled  1 attempt  the run was cancelled by force
        b    cancelled  the run was cancelled by force
        c    cancelled  the run was cancelled by force
        run  cancelled
    "#]],
    );
}

#[test]
fn a_run_that_had_failed_stays_failed_when_its_clean_up_is_cut_short() {
    check(
        FULL,
        "a ok; b fails; a.undo starts; force cancel",
        expect![[r#"
        - a.undo is killed
        a       succeeded  1 attempt
        b       failed     1 attempt  failed: it broke
        c       skipped    upstream b failed
        clean   skipped    the ending was cut short before it
        sweep   skipped    the ending was cut short before it
        alert   skipped    the ending was cut short before it
        a.undo  cancelled  1 attempt  the run was cancelled by force
        b.undo  skipped    b did not succeed, so there is nothing to take back
        run     failed  b failed: it broke
    "#]],
    );
}

#[test]
fn the_timeout_of_a_flow_bounds_its_run() {
    let flow = r#"
timeout: 1m
tasks: { a: { type: work, undo: { type: work } }, b: { type: work, needs: [a] }, c: { type: work, needs: [b] } }
finally: { clean: { type: work } }
"#;
    check(
        flow,
        "a ok; b starts; wait 59s; show; wait 1s; show; b stops; a.undo ok; wait 5m; clean ok",
        expect![[r#"
            a       succeeded  1 attempt
            b       running    1 attempt
            c       blocked    waits for b
            clean   blocked    runs at the end, whatever happens
            a.undo  blocked    takes back a if the run fails or is cancelled
            run     running
            - b is asked to end
            a       succeeded  1 attempt
            b       running    1 attempt
            c       cancelled  the run took too long
            clean   blocked    runs at the end, whatever happens
            a.undo  blocked    takes back a if the run fails or is cancelled
            run     ending  timeout: the run took longer than 1m  Attempts
            a       succeeded  1 attempt  taken back when the run ended
            b       cancelled  1 attempt  it was stopped because the run failed
            c       cancelled  the run took too long
            clean   succeeded  1 attempt
            a.undo  succeeded  1 attempt
            run     failed  timeout: the run took longer than 1m
        "#]],
    );
}

#[test]
fn the_ending_is_bounded_too() {
    check(
        FULL,
        "a ok; b starts; cancel; wait 9m; show; wait 1m; late report of b",
        expect![[r#"
        - b is asked to end
        a       succeeded  1 attempt
        b       running    1 attempt
        c       cancelled  the run was cancelled
        clean   blocked    runs at the end, whatever happens
        sweep   blocked    waits for clean
        alert   blocked    runs if the run fails
        a.undo  blocked    takes back a if the run fails or is cancelled
        b.undo  blocked    takes back b if the run fails or is cancelled
        run     ending  Attempts
        - b is killed
        - late report of b: the run is finished
        a       succeeded  1 attempt
        b       cancelled  1 attempt  the ending of the run took too long
        c       cancelled  the run was cancelled
        clean   skipped    the ending was cut short before it
        sweep   skipped    the ending was cut short before it
        alert   skipped    was not needed
        a.undo  skipped    the ending was cut short before it
        b.undo  skipped    b did not succeed, so there is nothing to take back
        run     cancelled  ending_timeout: the ending of the run took too long
    "#]],
    );
    let flow = "ending_timeout: 5s\ntasks: { a: { type: work } }\nfinally: { clean: { type: work }, next: { type: work, needs: [clean] } }";
    check(
        flow,
        "a ok; clean starts; wait 5s",
        expect![[r#"
        - clean is killed
        a      succeeded  1 attempt
        clean  cancelled  1 attempt  the ending of the run took too long
        next   skipped    the ending was cut short before it
        run    failed  ending_timeout: the ending of the run took too long
    "#]],
    );
}
