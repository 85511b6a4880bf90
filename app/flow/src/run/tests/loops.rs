//! Tasks that run again and again until a condition holds.

use expect_test::expect;

use super::check;

const FLOW: &str = "
inputs: { goal: {} }
tasks:
  poll: { type: work, loop: { until: '{{ last.n >= inputs.goal }}', max_iterations: 3 }, with: { n: '{{ iteration }}', before: '{{ last }}' } }
  after: { type: transform, needs: [poll], with: { value: '{{ tasks.poll.output }}' } }
outputs: { got: '{{ tasks.after.output }}' }
";

#[test]
fn a_task_is_repeated_until_its_condition_holds() {
    check(
        FLOW,
        r#"inputs {"goal": 2}; poll#1 ok {"n": 1}; show; restart; poll#2 ok {"n": 2}; log"#,
        expect![[r#"
            poll     running
            poll#1   succeeded
            poll#2   ready      1 attempt
            after    blocked    waits for poll
            run      running
            1 run_created {"inputs":{"value":{"goal":2}}}
            2 run_started {}
            3 loop_begun {"task":"poll"}
            4 task_scheduled {"task":"poll#1","attempt":1,"input":{"value":{"n":1,"before":null}}}
            5 attempt_started {"task":"poll#1","attempt":1,"worker":"w1"}
            6 task_succeeded {"task":"poll#1","output":{"value":{"n":1}},"exit_code":0}
            7 task_scheduled {"task":"poll#2","attempt":1,"input":{"value":{"n":2,"before":{"n":1}}}}
            8 attempt_started {"task":"poll#2","attempt":1,"worker":"w1"}
            9 task_succeeded {"task":"poll#2","output":{"value":{"n":2}},"exit_code":0}
            10 task_succeeded {"task":"poll","output":{"value":{"n":2}}}
            11 task_succeeded {"task":"after","output":{"value":{"n":2}}}
            12 run_finished {"outcome":"succeeded","outputs":{"value":{"got":{"n":2}}}}
            poll     succeeded
            poll#1   succeeded
            poll#2   succeeded
            after    succeeded
            run      succeeded  {"got":{"n":2}}
        "#]],
    );
}

#[test]
fn a_condition_that_never_holds_fails_the_task() {
    check(
        FLOW,
        r#"inputs {"goal": 9}; poll#1 ok {"n": 1}; poll#2 ok {"n": 2}; poll#3 ok {"n": 3}"#,
        expect![[r#"
            poll     failed     loop: `until` still does not hold after 3 iterations, the most there may be
            poll#1   succeeded
            poll#2   succeeded
            poll#3   succeeded
            after    skipped    upstream poll failed
            run      failed  poll loop: `until` still does not hold after 3 iterations, the most there may be
        "#]],
    );
    check(
        FLOW,
        r#"inputs {"goal": 9}; poll#1 ok 7"#,
        expect![[r#"
        poll     failed     expression: `last.n` is not there; `last` is a number and has no fields. In `{{ last.n >= inputs.goal }}`
        poll#1   succeeded
        after    skipped    upstream poll failed
        run      failed  poll expression: `last.n` is not there; `last` is a number and has no fields. In `{{ last.n >= inputs.goal }}`
    "#]],
    );
}

#[test]
fn a_failed_iteration_fails_the_task_when_its_attempts_are_used_up() {
    check(
        "tasks: { poll: { type: work, retry: { max_attempts: 2, first: 1s }, loop: { until: '{{ iteration == 2 }}' } } }",
        "poll#1 fails; wait 1s; poll#1 ok; poll#2 fails x2",
        expect![[r#"
            poll     failed     failed: iteration 2: it broke
            poll#1   succeeded
            poll#2   failed     failed: it broke
            run      failed  poll failed: iteration 2: it broke
        "#]],
    );
}

#[test]
fn iterations_keep_their_distance() {
    let flow = "tasks: { poll: { type: work, loop: { until: '{{ iteration == 2 }}', pause: 10s } } }";
    check(
        flow,
        "poll#1 ok; show; restart; wait 10s; poll#2 ok 5; log",
        expect![[r#"
            poll     running
            poll#1   succeeded
            poll#2   waiting    waits until 2026-01-01T00:00:10Z
            run      running
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 loop_begun {"task":"poll"}
            4 task_scheduled {"task":"poll#1","attempt":1,"input":{"value":{}}}
            5 attempt_started {"task":"poll#1","attempt":1,"worker":"w1"}
            6 task_succeeded {"task":"poll#1","output":{"value":null}}
            7 task_waiting {"task":"poll#2","waits_for":"pause","until":"2026-01-01T00:00:10Z"}
            8 task_scheduled {"task":"poll#2","attempt":1,"input":{"value":{}}}
            9 attempt_started {"task":"poll#2","attempt":1,"worker":"w1"}
            10 task_succeeded {"task":"poll#2","output":{"value":5},"exit_code":0}
            11 task_succeeded {"task":"poll","output":{"value":5}}
            12 run_finished {"outcome":"succeeded"}
            poll     succeeded
            poll#1   succeeded
            poll#2   succeeded
            run      succeeded
        "#]],
    );
    check(
        flow,
        "poll#1 ok; pause; wait 10s; show; resume; poll#2 ok",
        expect![[r#"
            poll     running
            poll#1   succeeded
            poll#2   blocked    starts when the run is resumed
            run      paused
            poll     succeeded
            poll#1   succeeded
            poll#2   succeeded
            run      succeeded
        "#]],
    );
    check(
        flow,
        "poll#1 ok; cancel",
        expect![[r#"
        poll     cancelled  the run ended before its loop had
        poll#1   succeeded
        poll#2   cancelled  its task ended before it
        run      cancelled
    "#]],
    );
    check(
        flow,
        "poll#1 starts; cancel; poll#1 stops",
        expect![[r#"
        - poll#1 is asked to end
        poll     cancelled  the run ended before its loop had
        poll#1   cancelled  its task ended before it
        run      cancelled
    "#]],
    );
}

#[test]
fn light_tasks_are_repeated_too() {
    check(
        "tasks: { count: { type: transform, loop: { until: '{{ last >= 3 }}' }, with: { value: '{{ (last or 0) + 1 }}' } } }\noutputs: { n: '{{ tasks.count.output }}' }",
        "",
        expect![[r#"
            count     succeeded
            count#1   succeeded
            count#2   succeeded
            count#3   succeeded
            run       succeeded  {"n":3}
        "#]],
    );
    check(
        "tasks: { count: { type: noop, loop: { until: '{{ false }}', max_iterations: 5000 } } }",
        "",
        expect![[r#"
            count     failed     loop: `until` still does not hold after 5000 iterations, the most there may be
            count#1   succeeded
            count#2   succeeded
            count#3   succeeded
            count#4   succeeded
            count#5   succeeded
            count#6   succeeded
            count#7   succeeded
            count#8   succeeded
            count#9   succeeded
            count#10  succeeded
            count#11  succeeded
            count#12  succeeded
            run       failed  count loop: `until` still does not hold after 5000 iterations, the most there may be
        "#]],
    );
}

#[test]
fn a_loop_is_written_as_a_task_type_too() {
    check(
        "tasks: { poll: { type: loop, retry: { max_attempts: 2, first: 1s, jitter: none }, with: { do: { type: work, with: { n: '{{ iteration }}' } }, until: 'last.n >= 2', max_iterations: 5, pause: 10s } }, after: { type: transform, needs: [poll], with: { value: '{{ tasks.poll.output.n }}' } } }",
        r#"poll#1 fails; wait 1s; poll#1 ok {"n": 1}; wait 10s; poll#2 ok {"n": 2}; log"#,
        expect![[r#"
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 loop_begun {"task":"poll"}
            4 task_scheduled {"task":"poll#1","attempt":1,"input":{"value":{"n":1}}}
            5 attempt_started {"task":"poll#1","attempt":1,"worker":"w1"}
            6 attempt_failed {"task":"poll#1","attempt":1,"error":{"kind":"failed","message":"it broke"},"retry_at":"2026-01-01T00:00:01Z"}
            7 task_scheduled {"task":"poll#1","attempt":2}
            8 attempt_started {"task":"poll#1","attempt":2,"worker":"w1"}
            9 task_succeeded {"task":"poll#1","output":{"value":{"n":1}},"exit_code":0}
            10 task_waiting {"task":"poll#2","waits_for":"pause","until":"2026-01-01T00:00:11Z"}
            11 task_scheduled {"task":"poll#2","attempt":1,"input":{"value":{"n":2}}}
            12 attempt_started {"task":"poll#2","attempt":1,"worker":"w1"}
            13 task_succeeded {"task":"poll#2","output":{"value":{"n":2}},"exit_code":0}
            14 task_succeeded {"task":"poll","output":{"value":{"n":2}}}
            15 task_succeeded {"task":"after","output":{"value":2}}
            16 run_finished {"outcome":"succeeded"}
            poll     succeeded
            poll#1   succeeded
            poll#2   succeeded
            after    succeeded
            run      succeeded
        "#]],
    );
    check(
        "tasks: { again: { type: loop, with: { flow: one, inputs: { n: '{{ iteration }}' }, until: '{{ last.done }}' } } }",
        r#"child again#1 starts; child again#1 ok {"done": false}; child again#2 ok {"done": true}"#,
        expect![[r#"
            - again#1 starts one newest with {"n":1} in attempt 1, depth 1
            - again#2 starts one newest with {"n":2} in attempt 1, depth 1
            again     succeeded
            again#1   succeeded
            again#2   succeeded
            run       succeeded
        "#]],
    );
}
