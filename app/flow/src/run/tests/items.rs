//! Tasks that run once for each item of a list.

use expect_test::expect;

use super::check;
use super::script::Script;
use crate::run::EventKind;

const FLOW: &str = "
inputs: { list: {} }
tasks:
  each: { type: work, for_each: { items: '{{ inputs.list }}', max_parallel: 2 }, with: { x: '{{ item }}/{{ item_index }}' } }
  after: { type: transform, needs: [each], with: { value: '{{ tasks.each.output }}' } }
outputs: { all: '{{ tasks.after.output }}' }
";

#[test]
fn items_start_as_there_is_room_and_give_their_outputs_in_order() {
    check(
        FLOW,
        r#"inputs {"list": ["a", "b", "c"]}; show; each[1] ok 11; each[0] starts; show; each[2] ok; each[0] ok {"n": 1}; log"#,
        expect![[r#"
            each     running
            each[0]  ready      1 attempt
            each[1]  ready      1 attempt
            each[2]  blocked    waits for its turn
            after    blocked    waits for each
            run      running
            each     running
            each[0]  running    1 attempt
            each[1]  succeeded
            each[2]  ready      1 attempt
            after    blocked    waits for each
            run      running
            1 run_created {"inputs":{"value":{"list":["a","b","c"]}}}
            2 run_started {}
            3 items_listed {"task":"each","n":3,"items":[{"first":0,"items":{"value":["a","b","c"]}}]}
            4 task_scheduled {"task":"each[0]","attempt":1,"input":{"value":{"x":"a/0"}}}
            5 task_scheduled {"task":"each[1]","attempt":1,"input":{"value":{"x":"b/1"}}}
            6 attempt_started {"task":"each[1]","attempt":1,"worker":"w1"}
            7 task_succeeded {"task":"each[1]","output":{"value":11},"exit_code":0}
            8 task_scheduled {"task":"each[2]","attempt":1,"input":{"value":{"x":"c/2"}}}
            9 attempt_started {"task":"each[0]","attempt":1,"worker":"w1"}
            10 attempt_started {"task":"each[2]","attempt":1,"worker":"w1"}
            11 task_succeeded {"task":"each[2]","output":{"value":null}}
            12 task_succeeded {"task":"each[0]","output":{"value":{"n":1}},"exit_code":0}
            13 task_succeeded {"task":"each","output":{"value":[{"n":1},11,null]}}
            14 task_succeeded {"task":"after","output":{"value":[{"n":1},11,null]}}
            15 run_finished {"outcome":"succeeded","outputs":{"value":{"all":[{"n":1},11,null]}}}
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            each[2]  succeeded
            after    succeeded
            run      succeeded  {"all":[{"n":1},11,null]}
        "#]],
    );
}

#[test]
fn an_empty_list_succeeds_with_an_empty_list() {
    check(
        FLOW,
        r#"inputs {"list": []}"#,
        expect![[r#"
        each     succeeded
        after    succeeded
        run      succeeded  {"all":[]}
    "#]],
    );
}

#[test]
fn what_is_no_list_fails() {
    check(
        FLOW,
        r#"inputs {"list": {"a": 1}}"#,
        expect![[r#"
        each     failed     items: `for_each.items` must give a list; it gave an object
        after    skipped    upstream each failed
        run      failed  each items: `for_each.items` must give a list; it gave an object
    "#]],
    );
    check(
        FLOW,
        "inputs {}",
        expect![[r#"
        each     failed     expression: `inputs.list` is not there; `inputs` is empty. In `{{ inputs.list }}`
        after    skipped    upstream each failed
        run      failed  each expression: `inputs.list` is not there; `inputs` is empty. In `{{ inputs.list }}`
    "#]],
    );
}

#[test]
fn each_item_has_attempts_and_timeouts_of_its_own() {
    check(
        "tasks: { each: { type: work, for_each: { items: [1, 2, 3] }, retry: { max_attempts: 2, first: 5s, jitter: none }, timeout: 1m } }",
        "each[0] fails; each[1] starts; each[2] snoozes 10s; show; wait 5s; each[0] ok 0; each[1] lost; restart; wait 10s; show; each[1] starts; wait 2m; wait 5s; each[1] ok 1; each[2] ok 2; late report of each[0]",
        expect![[r#"
            each     running
            each[0]  waiting    1 attempt  tries again at 2026-01-01T00:00:05Z  failed: it broke
            each[1]  running    1 attempt
            each[2]  waiting    1 attempt  waits until 2026-01-01T00:00:10Z
            run      running
            each     running
            each[0]  succeeded
            each[1]  ready      2 attempts
            each[2]  ready      1 attempt
            run      running
            - each[1] is killed
            - late report of each[0]: the run is finished
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            each[2]  succeeded
            run      succeeded
        "#]],
    );
}

fn failing(policy: &str) -> String {
    format!(
        "tasks: {{ each: {{ type: work, for_each: {{ items: [0, 1, 2, 3, 4], max_parallel: 3, on_item_failure: {policy} }} }}, mend: {{ type: noop, needs: [{{ task: each, on: failed }}] }} }}"
    )
}

#[test]
fn the_first_failure_stops_the_others() {
    check(
        &failing("fail_fast"),
        "each[1] fails; show; each[0] ok; each[2] stops",
        expect![[r#"
            - each[0] is asked to end
            - each[2] is asked to end
            each     running
            each[0]  ready      1 attempt
            each[1]  failed     failed: it broke
            each[2]  ready      1 attempt
            each[3]  blocked    waits for its turn
            each[4]  blocked    waits for its turn
            mend     blocked    waits for each
            run      running
            each     failed     items: 1 item of 5 failed, item 1 first: it broke
            each[0]  succeeded
            each[1]  failed     failed: it broke
            each[2]  cancelled  its task ended before it
            each[3]  cancelled  its task ended before it
            each[4]  cancelled  its task ended before it
            mend     succeeded
            run      succeeded
        "#]],
    );
}

#[test]
fn all_run_though_some_fail() {
    check(
        &failing("continue"),
        "each[1] fails; each[0] ok 0; each[2] ok 2; each[3] fails; each[4] ok 4; log",
        expect![[r#"
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 items_listed {"task":"each","n":5,"items":[{"first":0,"items":{"value":[0,1,2,3,4]}}]}
            4 task_scheduled {"task":"each[0]","attempt":1,"input":{"value":{}}}
            5 task_scheduled {"task":"each[1]","attempt":1,"input":{"value":{}}}
            6 task_scheduled {"task":"each[2]","attempt":1,"input":{"value":{}}}
            7 attempt_started {"task":"each[1]","attempt":1,"worker":"w1"}
            8 task_failed {"task":"each[1]","error":{"kind":"failed","message":"it broke"}}
            9 task_scheduled {"task":"each[3]","attempt":1,"input":{"value":{}}}
            10 attempt_started {"task":"each[0]","attempt":1,"worker":"w1"}
            11 task_succeeded {"task":"each[0]","output":{"value":0},"exit_code":0}
            12 task_scheduled {"task":"each[4]","attempt":1,"input":{"value":{}}}
            13 attempt_started {"task":"each[2]","attempt":1,"worker":"w1"}
            14 task_succeeded {"task":"each[2]","output":{"value":2},"exit_code":0}
            15 attempt_started {"task":"each[3]","attempt":1,"worker":"w1"}
            16 task_failed {"task":"each[3]","error":{"kind":"failed","message":"it broke"}}
            17 attempt_started {"task":"each[4]","attempt":1,"worker":"w1"}
            18 task_succeeded {"task":"each[4]","output":{"value":4},"exit_code":0}
            19 task_failed {"task":"each","error":{"kind":"items","message":"2 items of 5 failed, item 1 first: it broke"},"output":{"value":[0,null,2,null,4]}}
            20 task_succeeded {"task":"mend","output":{"value":null}}
            21 run_finished {"outcome":"succeeded"}
            each     failed     items: 2 items of 5 failed, item 1 first: it broke
            each[0]  succeeded
            each[1]  failed     failed: it broke
            each[2]  succeeded
            each[3]  failed     failed: it broke
            each[4]  succeeded
            mend     succeeded
            run      succeeded
        "#]],
    );
}

#[test]
fn a_share_may_fail() {
    check(
        &failing("{ tolerate: 20% }"),
        "each[1] fails; each[0] ok 0; each[2] ok 2; each[3] ok 3; each[4] ok 4; log",
        expect![[r#"
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 items_listed {"task":"each","n":5,"items":[{"first":0,"items":{"value":[0,1,2,3,4]}}]}
            4 task_scheduled {"task":"each[0]","attempt":1,"input":{"value":{}}}
            5 task_scheduled {"task":"each[1]","attempt":1,"input":{"value":{}}}
            6 task_scheduled {"task":"each[2]","attempt":1,"input":{"value":{}}}
            7 attempt_started {"task":"each[1]","attempt":1,"worker":"w1"}
            8 task_failed {"task":"each[1]","error":{"kind":"failed","message":"it broke"}}
            9 task_scheduled {"task":"each[3]","attempt":1,"input":{"value":{}}}
            10 attempt_started {"task":"each[0]","attempt":1,"worker":"w1"}
            11 task_succeeded {"task":"each[0]","output":{"value":0},"exit_code":0}
            12 task_scheduled {"task":"each[4]","attempt":1,"input":{"value":{}}}
            13 attempt_started {"task":"each[2]","attempt":1,"worker":"w1"}
            14 task_succeeded {"task":"each[2]","output":{"value":2},"exit_code":0}
            15 attempt_started {"task":"each[3]","attempt":1,"worker":"w1"}
            16 task_succeeded {"task":"each[3]","output":{"value":3},"exit_code":0}
            17 attempt_started {"task":"each[4]","attempt":1,"worker":"w1"}
            18 task_succeeded {"task":"each[4]","output":{"value":4},"exit_code":0}
            19 task_succeeded {"task":"each","output":{"value":[0,null,2,3,4]}}
            20 task_skipped {"task":"mend","reason":{"kind":"upstream","task":"each"}}
            21 run_finished {"outcome":"succeeded"}
            each     succeeded
            each[0]  succeeded
            each[1]  failed     failed: it broke
            each[2]  succeeded
            each[3]  succeeded
            each[4]  succeeded
            mend     skipped    upstream each succeeded
            run      succeeded
        "#]],
    );
    check(
        &failing("{ tolerate: 20% }"),
        "each[1] fails; each[0] fails; each[2] ok 2; each[3] ok 3",
        expect![[r#"
            - each[2] is asked to end
            - each[3] is asked to end
            each     failed     items: 2 items of 5 failed, item 1 first: it broke
            each[0]  failed     failed: it broke
            each[1]  failed     failed: it broke
            each[2]  succeeded
            each[3]  succeeded
            each[4]  cancelled  its task ended before it
            mend     succeeded
            run      succeeded
        "#]],
    );
}

#[test]
fn a_condition_that_says_item_is_judged_for_each() {
    check(
        "tasks: { each: { type: work, when: '{{ item > 1 }}', for_each: { items: [0, 1, 2] } } }\noutputs: { all: '{{ tasks.each.output }}' }",
        "each[2] ok 22",
        expect![[r#"
            each     succeeded
            each[0]  skipped    its condition was false
            each[1]  skipped    its condition was false
            each[2]  succeeded
            run      succeeded  {"all":[null,null,22]}
        "#]],
    );
    check(
        "tasks: { each: { type: work, when: '{{ item.x }}', for_each: { items: [0, {x: true}], on_item_failure: continue } } }",
        "each[1] ok 22",
        expect![[r#"
            each     failed     items: 1 item of 2 failed, item 0 first: `item.x` is not there; `item` is a number and has no fields. In `{{ item.x }}`
            each[0]  failed     expression: `item.x` is not there; `item` is a number and has no fields. In `{{ item.x }}`
            each[1]  succeeded
            run      failed  each items: 1 item of 2 failed, item 0 first: `item.x` is not there; `item` is a number and has no fields. In `{{ item.x }}`
        "#]],
    );
    check(
        "inputs: { go: {} }\ntasks: { each: { type: work, when: '{{ inputs.go }}', for_each: { items: [0] } } }",
        r#"inputs {"go": false}"#,
        expect![[r#"
            each     skipped    its condition was false
            run      succeeded
        "#]],
    );
}

#[test]
fn light_items_are_evaluated_at_once() {
    check(
        "tasks: { each: { type: transform, for_each: { items: [1, 2] }, with: { value: '{{ item * 10 + item_index }}' } }, wait: { type: delay, needs: [each], for_each: { items: ['1s', '5s'] }, with: { for: '{{ item }}' } } }\noutputs: { all: '{{ tasks.each.output }}' }",
        "show; wait 1s; show; wait 5s",
        expect![[r#"
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            wait     running
            wait[0]  waiting    waits until 2026-01-01T00:00:01Z
            wait[1]  waiting    waits until 2026-01-01T00:00:05Z
            run      running
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            wait     running
            wait[0]  succeeded
            wait[1]  waiting    waits until 2026-01-01T00:00:05Z
            run      running
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            wait     succeeded
            wait[0]  succeeded
            wait[1]  succeeded
            run      succeeded  {"all":[10,21]}
        "#]],
    );
}

#[test]
fn items_end_with_their_run() {
    check(
        FLOW,
        r#"inputs {"list": ["a", "b", "c"]}; each[0] starts; cancel; each[0] stops; each[1] ok"#,
        expect![[r#"
        - each[0] is asked to end
        - each[1] is asked to end
        each     cancelled  the run ended before its items had
        each[0]  cancelled  its task ended before it
        each[1]  succeeded
        each[2]  cancelled  its task ended before it
        after    cancelled  the run was cancelled
        run      cancelled
    "#]],
    );
    check(
        FLOW,
        r#"inputs {"list": ["a", "b", "c"]}; each[0] snoozes 5s; cancel; restart"#,
        expect![[r#"
        - each[1] is asked to end
        each     cancelled  the run ended before its items had
        each[0]  cancelled  its task ended before it
        each[1]  cancelled  its task ended before it
        each[2]  cancelled  its task ended before it
        after    cancelled  the run was cancelled
        run      cancelled
    "#]],
    );
    check(
        FLOW,
        r#"inputs {"list": ["a", "b", "c"]}; each[0] snoozes 5s; force cancel; late report of each[1]"#,
        expect![[r#"
        - each[1] is killed
        - late report of each[1]: the run is finished
        each     cancelled  the run was cancelled by force
        each[0]  cancelled  its task ended before it
        each[1]  cancelled  its task ended before it
        each[2]  cancelled  its task ended before it
        after    cancelled  the run was cancelled by force
        run      cancelled
    "#]],
    );
    check(
        FLOW,
        r#"inputs {"list": ["a", "b", "c"]}; pause; each[0] ok; each[1] snoozes 1s; wait 5s; show; resume; each[1] ok; each[2] ok"#,
        expect![[r#"
            - each[0] is recalled
            - each[1] is recalled
            each     running
            each[0]  succeeded
            each[1]  blocked    1 attempt  starts when the run is resumed
            each[2]  blocked    waits for its turn
            after    blocked    waits for each
            run      paused
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            each[2]  succeeded
            after    succeeded
            run      succeeded  {"all":[null,null,null]}
        "#]],
    );
}

#[test]
fn an_edge_that_settles_late_does_not_disturb_items() {
    check(
        "tasks: { a: { type: noop }, b: { type: work }, each: { type: work, needs: [a, b], join: any, for_each: { items: [0, 1], max_parallel: 1 } } }",
        "b ok; show; each[0] ok; each[1] ok",
        expect![[r#"
            a        succeeded
            b        succeeded  1 attempt
            each     running
            each[0]  ready      1 attempt
            each[1]  blocked    waits for its turn
            run      running
            a        succeeded
            b        succeeded  1 attempt
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            run      succeeded
        "#]],
    );
}

#[test]
fn a_long_list_is_kept_in_pieces() {
    let flow = "inputs: { list: {} }\ntasks: { each: { type: work, for_each: { items: '{{ [inputs.list, inputs.list, inputs.list] }}', max_parallel: 1 }, with: { x: '{{ item | length }}' } } }";
    let script = format!(
        r#"inputs {{"list": "{}"}}; each[0] ok big 70000; each[1] ok big 70000; each[2] ok"#,
        "x".repeat(40_000)
    );
    let world = Script::run(flow, &script).world;
    let kinds: Vec<String> = world
        .log
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::ItemsListed { n, items, .. } => {
                let at: Vec<u32> = items.iter().map(|chunk| chunk.first).collect();
                assert!(items.iter().all(|chunk| chunk.items.blob().is_some()));
                Some(format!("{n} items in pieces from {at:?}"))
            }
            EventKind::TaskScheduled { task, input, .. } => {
                Some(format!("{task} {}", input.as_ref()?.inline()?))
            }
            EventKind::TaskSucceeded { task, output, .. } => {
                Some(format!("{task} gave a blob: {}", output.blob().is_some()))
            }
            _ => None,
        })
        .collect();
    expect![[r#"
        3 items in pieces from [0, 1, 2]
        each[0] {"x":40000}
        each[0] gave a blob: true
        each[1] {"x":40000}
        each[1] gave a blob: true
        each[2] {"x":40000}
        each[2] gave a blob: false
        each gave a blob: true"#]]
    .assert_eq(&kinds.join("\n"));
}
