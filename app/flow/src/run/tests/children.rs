//! Tasks that start runs of other flows.

use expect_test::expect;
use serde_json::json;

use super::check;
use super::script::doc;
use super::world::{Blobs, World};
use crate::ids::RunId;
use crate::limits::SUBFLOW_DEPTH_MAX;
use crate::run::{Effect, ParentRun};

const FLOW: &str = "
tasks:
  bill: { type: subflow, with: { flow: bill-one, version: 4, inputs: { order: '{{ 3 + 4 }}' } } }
  after: { type: transform, needs: [bill], with: { value: '{{ tasks.bill.output.sum }}' } }
outputs: { sum: '{{ tasks.after.output }}' }
";

#[test]
fn a_task_waits_for_the_run_of_another_flow() {
    check(
        FLOW,
        r#"show; restart; child bill starts; child bill starts; restart; show; child bill ok {"sum": 9}; child bill ok {"sum": 9}; log"#,
        expect![[r#"
            - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
            bill   waiting    1 attempt  waits for a run of the flow bill-one to start
            after  blocked    waits for bill
            run    running
            - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
            bill   waiting    1 attempt  waits for run_0000000000000000000000002d of the flow bill-one
            after  blocked    waits for bill
            run    running
            - child bill ok {"sum": 9}: the run is finished
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 child_requested {"task":"bill","attempt":1,"inputs":{"value":{"order":7}},"wait":true}
            4 child_started {"task":"bill","child":"run_0000000000000000000000002d"}
            5 task_succeeded {"task":"bill","output":{"value":{"sum":9}}}
            6 task_succeeded {"task":"after","output":{"value":9}}
            7 run_finished {"outcome":"succeeded","outputs":{"value":{"sum":9}}}
            bill   succeeded  1 attempt
            after  succeeded
            run    succeeded  {"sum":9}
        "#]],
    );
}

#[test]
fn a_child_that_does_not_succeed_fails_its_task() {
    check(
        FLOW,
        "child bill starts; child bill fails",
        expect![[r#"
        - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
        bill   failed     1 attempt  child_failed: the run run_0000000000000000000000002d failed: it broke
        after  skipped    upstream bill failed
        run    failed  bill child_failed: the run run_0000000000000000000000002d failed: it broke
    "#]],
    );
    check(
        FLOW,
        "child bill starts; child bill cancelled",
        expect![[r#"
        - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
        bill   failed     1 attempt  child_cancelled: the run run_0000000000000000000000002d was cancelled
        after  skipped    upstream bill failed
        run    failed  bill child_cancelled: the run run_0000000000000000000000002d was cancelled
    "#]],
    );
    check(
        FLOW,
        "child bill refused",
        expect![[r#"
        - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
        bill   failed     1 attempt  unknown_flow: there is no such flow
        after  skipped    upstream bill failed
        run    failed  bill unknown_flow: there is no such flow
    "#]],
    );
    check(
        FLOW,
        "child bill starts; child bill other starts; child bill other fails; show; child bill fails",
        expect![[r#"
        - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
        - child bill other starts: `bill` does not wait for an answer
        - child bill other fails: `bill` does not wait for an answer
        bill   waiting    1 attempt  waits for run_0000000000000000000000002d of the flow bill-one
        after  blocked    waits for bill
        run    running
        bill   failed     1 attempt  child_failed: the run run_0000000000000000000000002d failed: it broke
        after  skipped    upstream bill failed
        run    failed  bill child_failed: the run run_0000000000000000000000002d failed: it broke
    "#]],
    );
}

#[test]
fn of_a_chain_of_runs_the_last_is_named() {
    check(
        FLOW,
        "child bill starts; child bill fails as its child",
        expect![[r#"
            - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
            bill   failed     1 attempt  child_failed: the run run_9 failed: it broke
            after  skipped    upstream bill failed
            run    failed  bill child_failed: the run run_9 failed: it broke
        "#]],
    );
}

#[test]
fn another_attempt_is_another_run() {
    check(
        "tasks: { bill: { type: subflow, with: { flow: bill }, timeout: 1m, retry: { max_attempts: 3, first: 1s, jitter: none } } }",
        "child bill starts; child bill fails; wait 1s; child bill other starts; wait 1m; wait 2s; child bill starts; child bill ok 1",
        expect![[r#"
            - bill starts bill newest with {} in attempt 1, depth 1
            - bill starts bill newest with {} in attempt 2, depth 1
            - bill cancels its run
            - bill starts bill newest with {} in attempt 3, depth 1
            bill  succeeded  3 attempts
            run   succeeded
        "#]],
    );
}

#[test]
fn a_detached_run_is_not_waited_for() {
    check(
        "tasks: { bill: { type: subflow, with: { flow: bill, wait: false } } }\noutputs: { it: '{{ tasks.bill.output }}' }",
        "child bill starts; child bill ok 1",
        expect![[r#"
            - bill starts bill newest with {} in attempt 1, depth 1
            - child bill ok 1: the run is finished
            bill  succeeded  1 attempt
            run   succeeded  {"it":{"run":"run_0000000000000000000000002d","version":4}}
        "#]],
    );
}

#[test]
fn cancelling_reaches_children() {
    check(
        FLOW,
        "child bill starts; cancel; show; restart; child bill cancelled",
        expect![[r#"
        - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
        - bill cancels its run
        bill   waiting    1 attempt  waits for run_0000000000000000000000002d of the flow bill-one
        after  cancelled  the run was cancelled
        run    ending  Attempts
        - bill cancels its run
        bill   cancelled  1 attempt  its run was cancelled
        after  cancelled  the run was cancelled
        run    cancelled
    "#]],
    );
    check(
        FLOW,
        "cancel; show; child bill starts; child bill cancelled",
        expect![[r#"
        - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
        - bill cancels what it asked for
        bill   waiting    1 attempt  waits for a run of the flow bill-one to start
        after  cancelled  the run was cancelled
        run    ending  Attempts
        - bill cancels its run
        bill   cancelled  1 attempt  its run was cancelled
        after  cancelled  the run was cancelled
        run    cancelled
    "#]],
    );
    check(
        FLOW,
        "child bill starts; force cancel",
        expect![[r#"
        - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
        - bill cancels its run at once
        bill   cancelled  1 attempt  the run was cancelled by force
        after  cancelled  the run was cancelled by force
        run    cancelled
    "#]],
    );
    check(
        FLOW,
        r#"child bill starts; cancel; child bill ok {"sum": 1}"#,
        expect![[r#"
        - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
        - bill cancels its run
        bill   succeeded  1 attempt
        after  cancelled  the run was cancelled
        run    cancelled
    "#]],
    );
}

#[test]
fn pausing_reaches_children() {
    check(
        FLOW,
        r#"child bill starts; pause; resume; child bill ok {"sum": 1}"#,
        expect![[r#"
        - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
        - a child is held
        - a child is let go on
        bill   succeeded  1 attempt
        after  succeeded
        run    succeeded  {"sum":1}
    "#]],
    );
    check(
        FLOW,
        r#"pause; child bill starts; child bill ok {"sum": 1}; show; resume"#,
        expect![[r#"
        - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1
        - a child is held
        bill   succeeded  1 attempt
        after  blocked    starts when the run is resumed
        run    paused
        bill   succeeded  1 attempt
        after  succeeded
        run    succeeded  {"sum":1}
    "#]],
    );
}

#[test]
fn items_and_iterations_start_runs() {
    check(
        "tasks: { each: { type: subflow, for_each: { items: [1, 2, 3], max_parallel: 2 }, with: { flow: one, inputs: { n: '{{ item }}' } } } }\noutputs: { all: '{{ tasks.each.output }}' }",
        "child each[0] starts; child each[1] other starts; child each[1] other ok 2; child each[2] other ok 3; child each[0] ok 1",
        expect![[r#"
            - each[0] starts one newest with {"n":1} in attempt 1, depth 1
            - each[1] starts one newest with {"n":2} in attempt 1, depth 1
            - each[2] starts one newest with {"n":3} in attempt 1, depth 1
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            each[2]  succeeded
            run      succeeded  {"all":[1,2,3]}
        "#]],
    );
    check(
        "tasks: { each: { type: subflow, for_each: { items: [1, 2] }, with: { flow: one } } }",
        "child each[0] starts; child each[1] fails; show; child each[0] cancelled",
        expect![[r#"
            - each[0] starts one newest with {} in attempt 1, depth 1
            - each[1] starts one newest with {} in attempt 1, depth 1
            - each[0] cancels its run
            each     running
            each[0]  waiting    1 attempt  waits for run_0000000000000000000000002d of the flow one
            each[1]  failed     child_failed: the run run_0000000000000000000000002d failed: it broke
            run      running
            each     failed     items: 1 item of 2 failed, item 1 first: the run run_0000000000000000000000002d failed: it broke
            each[0]  cancelled  its task ended before it
            each[1]  failed     child_failed: the run run_0000000000000000000000002d failed: it broke
            run      failed  each items: 1 item of 2 failed, item 1 first: the run run_0000000000000000000000002d failed: it broke
        "#]],
    );
    check(
        "tasks: { again: { type: subflow, loop: { until: '{{ last.done }}' }, with: { flow: one } } }",
        r#"child again#1 starts; child again#1 ok {"done": false}; child again#2 ok {"done": true}"#,
        expect![[r#"
            - again#1 starts one newest with {} in attempt 1, depth 1
            - again#2 starts one newest with {} in attempt 1, depth 1
            again     succeeded
            again#1   succeeded
            again#2   succeeded
            run       succeeded
        "#]],
    );
}

#[test]
fn what_cannot_be_asked_for_fails() {
    let flow = |with: &str| format!("tasks: {{ a: {{ type: subflow, with: {with} }} }}");
    check(
        &flow("{}"),
        "",
        expect![[r#"
        a    failed     input: `flow` must be the id of a flow
        run  failed  a input: `flow` must be the id of a flow
    "#]],
    );
    check(
        &flow("{ flow: a, version: 0 }"),
        "",
        expect![[r#"
        a    failed     input: `version` is a number from 1
        run  failed  a input: `version` is a number from 1
    "#]],
    );
    check(
        &flow("{ flow: a, inputs: [] }"),
        "",
        expect![[r#"
        a    failed     input: `inputs` is an object: a value for each input
        run  failed  a input: `inputs` is an object: a value for each input
    "#]],
    );
    check(
        &flow("{ flow: a, wait: maybe }"),
        "",
        expect![[r#"
        a    failed     input: `wait` is true or false
        run  failed  a input: `wait` is true or false
    "#]],
    );
}

fn child_at(depth: u32, flow: &str) -> World {
    let parent = ParentRun {
        run: RunId(5),
        task: "bill".into(),
        attempt: 1,
        depth,
        wait: true,
    };
    World::start_new(doc(flow), json!({}), Blobs::default(), |new| {
        new.parent = Some(Box::new(parent))
    })
}

#[test]
fn a_run_tells_its_parent_how_it_ended() {
    let world = child_at(1, "tasks: { a: { type: noop } }\noutputs: { x: 3 }");
    let told = world.effects.iter().find_map(|effect| match effect {
        Effect::TellParent {
            parent,
            outcome,
            outputs,
            ..
        } => Some(format!(
            "{} {} {:?}",
            parent.task,
            outcome.key(),
            outputs.as_ref()?.inline()?.to_string()
        )),
        _ => None,
    });
    expect![[r#"bill succeeded "{\"x\":3}""#]].assert_eq(&told.expect("the parent is told"));
}

#[test]
fn runs_start_runs_only_so_deep() {
    let flow = "tasks: { a: { type: subflow, with: { flow: test } } }";
    let deepest = child_at(SUBFLOW_DEPTH_MAX - 1, flow);
    assert!(!deepest.state.is_finished());
    let too_deep = child_at(SUBFLOW_DEPTH_MAX, flow);
    let error = too_deep.state.summary().error.expect("it failed");
    expect!["runs may start runs only 16 deep; does the flow start itself?"].assert_eq(&error.message);
}
