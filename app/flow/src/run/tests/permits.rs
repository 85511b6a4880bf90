//! Runs that need a place before they begin.

use expect_test::{Expect, expect};
use serde_json::json;

use super::script::{Script, doc};
use super::world::{Blobs, World};
use crate::doc::Strategy;
use crate::gate::Permit;

const FLOW: &str = "tasks: { a: { type: work } }\nfinally: { f: { type: noop } }\non_failure: { g: { type: noop } }\ntimeout: 1m";

fn check(script: &str, expected: Expect) {
    let permit = Permit {
        key: "k".to_owned(),
        limit: 2,
        strategy: Strategy::Queue,
    };
    let world = World::start_new(doc(FLOW), json!({}), Blobs::default(), |new| {
        new.permit = Some(Box::new(permit))
    });
    let steps = script.split(';').map(str::trim).filter(|step| !step.is_empty());
    expected.assert_eq(&Script::run_in(world, steps).out);
}

#[test]
fn a_run_begins_when_it_has_its_place() {
    check(
        "show; restart; wait 1h; granted; granted; a ok; log",
        expect![[r#"
            - asks for one of 2 places `k`
            a    blocked    starts when the run has its turn
            f    blocked    runs at the end, whatever happens
            g    blocked    runs if the run fails
            run  queued
            - lets go of its place `k`
            1 run_created {"inputs":{"value":{}},"permit":{"key":"k","limit":2,"strategy":"queue"}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
            4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
            5 task_succeeded {"task":"a","output":{"value":null}}
            6 run_ending {"outcome":"succeeded"}
            7 ending_step {"step":"finally"}
            8 task_succeeded {"task":"f","output":{"value":null}}
            9 run_finished {"outcome":"succeeded"}
            a    succeeded  1 attempt
            f    succeeded
            g    skipped    was not needed
            run  succeeded
        "#]],
    );
}

#[test]
fn a_run_without_a_place_ends() {
    check(
        "refused; log",
        expect![[r#"
        - asks for one of 2 places `k`
        - lets go of its place `k`
        1 run_created {"inputs":{"value":{}},"permit":{"key":"k","limit":2,"strategy":"queue"}}
        2 run_ending {"outcome":"cancelled","error":{"kind":"skipped","message":"left out: the run run_00000000000000000000000009 of the flow is at work"}}
        3 task_cancelled {"task":"a","reason":"the run was left out"}
        4 run_finished {"outcome":"cancelled","error":{"kind":"skipped","message":"left out: the run run_00000000000000000000000009 of the flow is at work"}}
        a    cancelled  the run was left out
        f    skipped    the ending was cut short before it
        g    skipped    was not needed
        run  cancelled  skipped: left out: the run run_00000000000000000000000009 of the flow is at work
    "#]],
    );
    check(
        "granted; refused; a ok",
        expect![[r#"
        - asks for one of 2 places `k`
        - lets go of its place `k`
        a    succeeded  1 attempt
        f    succeeded
        g    skipped    was not needed
        run  succeeded
    "#]],
    );
}

#[test]
fn a_run_is_cancelled_or_held_before_it_begins() {
    check(
        "cancel",
        expect![[r#"
        - asks for one of 2 places `k`
        - lets go of its place `k`
        a    cancelled  the run was cancelled before it began
        f    skipped    the ending was cut short before it
        g    skipped    was not needed
        run  cancelled
    "#]],
    );
    check(
        "force cancel",
        expect![[r#"
        - asks for one of 2 places `k`
        - lets go of its place `k`
        a    cancelled  the run was cancelled before it began
        f    skipped    the ending was cut short before it
        g    skipped    was not needed
        run  cancelled
    "#]],
    );
}

#[test]
fn a_held_run_lets_others_have_its_place() {
    check(
        "pause; granted; explain; resume; show; granted; a ok; log",
        expect![[r#"
            - asks for one of 2 places `k`
            - lets go of its place `k`
            a Paused { since: 2026-01-01T00:00:00Z, reason: None }
            f Ending(Finally)
            g Ending(OnFailure)
            - asks for one of 2 places `k`
            a    blocked    starts when the run has its turn
            f    blocked    runs at the end, whatever happens
            g    blocked    runs if the run fails
            run  queued
            - lets go of its place `k`
            1 run_created {"inputs":{"value":{}},"permit":{"key":"k","limit":2,"strategy":"queue"}}
            2 run_paused {}
            3 permit_returned {}
            4 run_resumed {}
            5 run_started {}
            6 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
            7 attempt_started {"task":"a","attempt":1,"worker":"w1"}
            8 task_succeeded {"task":"a","output":{"value":null}}
            9 run_ending {"outcome":"succeeded"}
            10 ending_step {"step":"finally"}
            11 task_succeeded {"task":"f","output":{"value":null}}
            12 run_finished {"outcome":"succeeded"}
            a    succeeded  1 attempt
            f    succeeded
            g    skipped    was not needed
            run  succeeded
        "#]],
    );
    check(
        "pause; granted; cancel; log",
        expect![[r#"
        - asks for one of 2 places `k`
        - lets go of its place `k`
        1 run_created {"inputs":{"value":{}},"permit":{"key":"k","limit":2,"strategy":"queue"}}
        2 run_paused {}
        3 permit_returned {}
        4 run_cancel_requested {}
        5 run_ending {"outcome":"cancelled"}
        6 task_cancelled {"task":"a","reason":"the run was cancelled before it began"}
        7 run_finished {"outcome":"cancelled"}
        a    cancelled  the run was cancelled before it began
        f    skipped    the ending was cut short before it
        g    skipped    was not needed
        run  cancelled
    "#]],
    );
    check(
        "pause; resume; granted; a ok",
        expect![[r#"
        - asks for one of 2 places `k`
        - lets go of its place `k`
        a    succeeded  1 attempt
        f    succeeded
        g    skipped    was not needed
        run  succeeded
    "#]],
    );
}
