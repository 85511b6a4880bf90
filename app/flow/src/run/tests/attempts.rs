//! Attempts, tokens, retries, timers.

use expect_test::expect;

use super::check;

const RETRY: &str = r#"
tasks:
  a: { type: work, retry: { max_attempts: 3, first: 1s, backoff: exponential, jitter: none }, timeout: 30s, with: { n: "{{ 1 + 1 }}" } }
  b: { type: work, needs: [a] }
"#;

#[test]
fn a_failed_attempt_is_followed_by_others_up_to_the_limit() {
    check(
        RETRY,
        "a fails; show; wait 999ms; show; wait 1ms; show; a ok; b ok; log",
        expect![[r#"
        a    waiting    1 attempt  tries again at 2026-01-01T00:00:01Z  failed: it broke
        b    blocked    waits for a
        run  running
        a    waiting    1 attempt  tries again at 2026-01-01T00:00:01Z  failed: it broke
        b    blocked    waits for a
        run  running
        a    ready      2 attempts
        b    blocked    waits for a
        run  running
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{"n":2}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 attempt_failed {"task":"a","attempt":1,"error":{"kind":"failed","message":"it broke"},"retry_at":"2026-01-01T00:00:01Z"}
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
    check(
        RETRY,
        "a fails x3",
        expect![[r#"
        a    failed     3 attempts  failed: it broke
        b    skipped    upstream a failed
        run  failed  a failed: it broke
    "#]],
    );
}

#[test]
fn an_error_that_another_attempt_cannot_mend_is_final() {
    check(
        RETRY,
        "a fails for good",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    skipped    upstream a failed
        run  failed  a failed: it broke
    "#]],
    );
}

#[test]
fn a_failed_task_may_have_an_output() {
    let flow = r#"
tasks:
  a: { type: work }
  b: { type: log, needs: [{ task: a, on: failed }], with: { message: "{{ tasks.a.error.kind }} {{ tasks.a.output.code }}" } }
"#;
    check(
        flow,
        "a fails with {\"code\": 3}",
        expect![[r#"
        - b logs info "failed 3" in attempt 1
        a    failed     1 attempt  failed: it broke
        b    succeeded
        run  succeeded
    "#]],
    );
}

#[test]
fn lost_attempts_do_not_count_but_for_their_own_limit() {
    check(
        RETRY,
        "a lost; a lost; a lost; a fails; wait 1s; a fails; wait 2s; a fails",
        expect![[r#"
        a    failed     6 attempts  failed: it broke
        b    skipped    upstream a failed
        run  failed  a failed: it broke
    "#]],
    );
    check(
        RETRY,
        "a lost; a fails; wait 1s; a lost; a lost; show; a lost; log",
        expect![[r#"
        a    ready      5 attempts
        b    blocked    waits for a
        run  running
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{"n":2}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 attempt_lost {"task":"a","attempt":1}
        6 task_scheduled {"task":"a","attempt":2}
        7 attempt_started {"task":"a","attempt":2,"worker":"w1"}
        8 attempt_failed {"task":"a","attempt":2,"error":{"kind":"failed","message":"it broke"},"retry_at":"2026-01-01T00:00:01Z"}
        9 task_scheduled {"task":"a","attempt":3}
        10 attempt_started {"task":"a","attempt":3,"worker":"w1"}
        11 attempt_lost {"task":"a","attempt":3}
        12 task_scheduled {"task":"a","attempt":4}
        13 attempt_started {"task":"a","attempt":4,"worker":"w1"}
        14 attempt_lost {"task":"a","attempt":4}
        15 task_scheduled {"task":"a","attempt":5}
        16 attempt_started {"task":"a","attempt":5,"worker":"w1"}
        17 attempt_lost {"task":"a","attempt":5}
        18 task_failed {"task":"a","error":{"kind":"lost","message":"its worker or server went away while it ran, 4 times"}}
        19 task_skipped {"task":"b","reason":{"kind":"upstream","task":"a"}}
        20 run_finished {"outcome":"failed","error":{"task":"a","kind":"lost","message":"its worker or server went away while it ran, 4 times"}}
        a    failed     5 attempts  lost: its worker or server went away while it ran, 4 times
        b    skipped    upstream a failed
        run  failed  a lost: its worker or server went away while it ran, 4 times
    "#]],
    );
    check(
        "a",
        "a stops; a stops; a ok",
        expect![[r#"
        a    succeeded  3 attempts
        run  succeeded
    "#]],
    );
}

#[test]
fn at_most_once_means_that_a_lost_attempt_fails() {
    let flow = "tasks: { a: { type: work, retry: { max_attempts: 5, on_lost: fail } }, b: { type: work, needs: [{ task: a, on: failed }] } }";
    check(
        flow,
        "a lost; b ok",
        expect![[r#"
        a    failed     1 attempt  lost: its worker or server went away while it ran; it is not tried again (retry.on_lost: fail)
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
    check(
        flow,
        "a starts; restart; b ok",
        expect![[r#"
        a    failed     1 attempt  lost: its worker or server went away while it ran; it is not tried again (retry.on_lost: fail)
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
    check(
        flow,
        "restart; a ok",
        expect![[r#"
        a    succeeded  1 attempt
        b    skipped    upstream a succeeded
        run  succeeded
    "#]],
    );
}

#[test]
fn an_attempt_given_out_twice_is_begun_once() {
    check(
        "a",
        "a starts; a starts; other worker starts a; a ok",
        expect![[r#"
        - other worker starts a: the attempt is no longer current; its report changes nothing
        a    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn a_report_with_an_old_token_changes_nothing() {
    check(
        RETRY,
        "a fails; late report of a; wait 1s; late report of a; a ok; late report of a; b ok; late report of b",
        expect![[r#"
        - late report of a: the attempt is no longer current; its report changes nothing
        - late report of a: the attempt is no longer current; its report changes nothing
        - late report of a: the attempt is no longer current; its report changes nothing
        - late report of b: the run is finished
        a    succeeded  2 attempts
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
    check(
        "a -> b",
        "a starts; restart; late report of a; a ok; b ok",
        expect![[r#"
        - late report of a: the attempt is no longer current; its report changes nothing
        a    succeeded  2 attempts
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn a_snoozed_attempt_goes_on_later_as_the_same_attempt() {
    check(
        RETRY,
        "a snoozes 3s; show; wait 2s; late report of a; show; wait 1s; show; a snoozes 10s; wait 10s; a ok; b ok; log",
        expect![[r#"
        a    waiting    1 attempt  waits until 2026-01-01T00:00:03Z
        b    blocked    waits for a
        run  running
        - late report of a: the attempt is no longer current; its report changes nothing
        a    waiting    1 attempt  waits until 2026-01-01T00:00:03Z
        b    blocked    waits for a
        run  running
        a    ready      1 attempt
        b    blocked    waits for a
        run  running
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{"n":2}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 task_waiting {"task":"a","waits_for":"snooze","until":"2026-01-01T00:00:03Z","attempt":1}
        6 task_scheduled {"task":"a","attempt":1}
        7 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        8 task_waiting {"task":"a","waits_for":"snooze","until":"2026-01-01T00:00:13Z","attempt":1}
        9 task_scheduled {"task":"a","attempt":1}
        10 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        11 task_succeeded {"task":"a","output":{"value":null}}
        12 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
        13 attempt_started {"task":"b","attempt":1,"worker":"w1"}
        14 task_succeeded {"task":"b","output":{"value":null}}
        15 run_finished {"outcome":"succeeded"}
        a    succeeded  1 attempt
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn a_worker_that_never_reports_is_given_up_some_time_after_the_timeout() {
    check(
        RETRY,
        "a starts; wait 59s; show; wait 1s; show; late report of a; wait 1s; a ok; b ok",
        expect![[r#"
        a    running    1 attempt
        b    blocked    waits for a
        run  running
        - a is killed
        a    waiting    1 attempt  tries again at 2026-01-01T00:01:01Z  timeout: took longer than 30s and did not report its end
        b    blocked    waits for a
        run  running
        - late report of a: the attempt is no longer current; its report changes nothing
        a    succeeded  2 attempts
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
    check(
        "tasks: { a: { type: work, timeout: 1s } }",
        "wait 1h; show; a starts; wait 31s",
        expect![[r#"
        a    ready      1 attempt
        run  running
        - a is killed
        a    failed     1 attempt  timeout: took longer than 1s and did not report its end
        run  failed  a timeout: took longer than 1s and did not report its end
    "#]],
    );
}

#[test]
fn a_light_task_that_fails_is_tried_again_too() {
    let flow = "tasks: { a: { type: fail, with: { message: not yet }, retry: { max_attempts: 3, backoff: linear, first: 1s, jitter: none } } }";
    check(
        flow,
        "show; wait 1s; show; wait 2s",
        expect![[r#"
        a    waiting    1 attempt  tries again at 2026-01-01T00:00:01Z  failed: not yet
        run  running
        a    waiting    2 attempts  tries again at 2026-01-01T00:00:03Z  failed: not yet
        run  running
        a    failed     3 attempts  failed: not yet
        run  failed  a failed: not yet
    "#]],
    );
    let at_once = "tasks: { a: { type: fail, retry: { max_attempts: 5, first: 0s, max: 0s } } }";
    check(
        at_once,
        "wake",
        expect![[r#"
        a    failed     5 attempts  failed: the flow says so
        run  failed  a failed: the flow says so
    "#]],
    );
}

#[test]
fn a_delay_waits_on_a_timer() {
    let flow = "tasks: { a: { type: delay, with: { for: 1h } }, b: { type: work, needs: [a] } }";
    check(
        flow,
        "show; wait 59m; restart; show; wait 1m; b ok; log",
        expect![[r#"
        a    waiting    waits until 2026-01-01T01:00:00Z
        b    blocked    waits for a
        run  running
        a    waiting    waits until 2026-01-01T01:00:00Z
        b    blocked    waits for a
        run  running
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_waiting {"task":"a","waits_for":"delay","until":"2026-01-01T01:00:00Z","input":{"value":{"for":"1h"}}}
        4 task_succeeded {"task":"a","output":{"value":null}}
        5 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
        6 attempt_started {"task":"b","attempt":1,"worker":"w1"}
        7 task_succeeded {"task":"b","output":{"value":null}}
        8 run_finished {"outcome":"succeeded"}
        a    succeeded
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
    check(
        "tasks: { a: { type: delay, with: { until: '2026-01-01T00:00:10Z' } } }",
        "wait 9s; show; wait 1s",
        expect![[r#"
        a    waiting    waits until 2026-01-01T00:00:10Z
        run  running
        a    succeeded
        run  succeeded
    "#]],
    );
    check(
        "tasks: { a: { type: delay, with: { until: '2020-01-01T00:00:10Z' } } }",
        "wake",
        expect![[r#"
        a    succeeded
        run  succeeded
    "#]],
    );
}

#[test]
fn a_delay_that_is_none_says_why() {
    check(
        "a:delay",
        "",
        expect![[r#"
        a    failed     input: a delay needs `for` (a duration) or `until` (a time)
        run  failed  a input: a delay needs `for` (a duration) or `until` (a time)
    "#]],
    );
    check(
        "tasks: { a: { type: delay, with: { for: soon }, retry: {} } }",
        "",
        expect![[r#"
        a    failed     input: `soon` is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d (at most 3650d)
        run  failed  a input: `soon` is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d (at most 3650d)
    "#]],
    );
    check(
        "tasks: { a: { type: delay, with: { until: \"{{ 5 }}\" } } }",
        "",
        expect![[r#"
        a    failed     input: a delay's `for` and `until` are texts, such as `90s` or `2026-01-31T12:00:00Z`
        run  failed  a input: a delay's `for` and `until` are texts, such as `90s` or `2026-01-31T12:00:00Z`
    "#]],
    );
    check(
        "tasks: { a: { type: delay, with: { for: 1s, until: '2026-01-01T00:00:10Z' } } }",
        "",
        expect![[r#"
        a    failed     input: a delay takes `for` or `until`, not both
        run  failed  a input: a delay takes `for` or `until`, not both
    "#]],
    );
}

#[test]
fn time_never_runs_back_in_a_log() {
    check(
        RETRY,
        "wait 10s; a starts; clock back 20s; a fails; wait 20s; show; wait 1s; a ok; b ok",
        expect![[r#"
        a    waiting    1 attempt  tries again at 2026-01-01T00:00:11Z  failed: it broke
        b    blocked    waits for a
        run  running
        a    succeeded  2 attempts
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn log_and_fail_and_transform_are_done_at_once() {
    let flow = r#"
inputs: { name: { type: string } }
tasks:
  hello: { type: log, with: { message: "Hello {{ inputs.name }}", level: warning } }
  list: { type: transform, needs: [hello], with: { value: ["{{ tasks.hello.output }}", "{{ 1 + 1 }}"] } }
  stop: { type: fail, needs: [list], with: { message: "stopped at {{ tasks.list.output[1] }}" } }
"#;
    check(
        flow,
        "inputs {\"name\": \"Ada\"}; log",
        expect![[r#"
        - hello logs warning "Hello Ada" in attempt 1
        1 run_created {"inputs":{"value":{"name":"Ada"}}}
        2 run_started {}
        3 task_succeeded {"task":"hello","output":{"value":"Hello Ada"}}
        4 task_succeeded {"task":"list","output":{"value":["Hello Ada",2]}}
        5 task_failed {"task":"stop","error":{"kind":"failed","message":"stopped at 2"}}
        6 run_finished {"outcome":"failed","error":{"task":"stop","kind":"failed","message":"stopped at 2"}}
        hello  succeeded
        list   succeeded
        stop   failed     failed: stopped at 2
        run    failed  stop failed: stopped at 2
    "#]],
    );
}

#[test]
fn arguments_that_cannot_be_made_fail_the_task_for_good() {
    let flow = "tasks: { a: { type: work }, b: { type: work, needs: [a], with: { x: \"{{ tasks.a.output.x }}\" }, retry: {} } }";
    check(
        flow,
        "a ok {}",
        expect![[r#"
        a    succeeded  1 attempt
        b    failed     expression: `tasks.a.output.x` is not there; `tasks.a.output` is empty. In `{{ tasks.a.output.x }}`
        run  failed  b expression: `tasks.a.output.x` is not there; `tasks.a.output` is empty. In `{{ tasks.a.output.x }}`
    "#]],
    );
}

#[test]
fn only_failures_that_the_retry_names_are_tried_again() {
    let flow = "tasks: { a: { type: work, retry: { max_attempts: 5, first: 1s, jitter: none, on: [timeout, http_status], exit_codes: [75] } } }";
    check(
        flow,
        "a fails as http_status; wait 1s; a fails with code 75; wait 2s; a fails with code 1",
        expect![[r#"
            a    failed     3 attempts  failed: it broke
            run  failed  a failed: it broke
        "#]],
    );
    check(
        flow,
        "a fails as input",
        expect![[r#"
        a    failed     1 attempt  input: it broke
        run  failed  a input: it broke
    "#]],
    );
}

#[test]
fn an_attempt_may_ask_for_a_longer_pause() {
    check(
        "tasks: { a: { type: work, retry: { max_attempts: 5, first: 2s, jitter: none } } }",
        "a fails for 30s; show; wait 30s; a fails for 1s; show; wait 4s; a fails for 90d; show",
        expect![[r#"
            a    waiting    1 attempt  tries again at 2026-01-01T00:00:30Z  failed: it broke
            run  running
            a    waiting    2 attempts  tries again at 2026-01-01T00:00:34Z  failed: it broke
            run  running
            a    waiting    3 attempts  tries again at 2026-01-02T00:00:34Z  failed: it broke
            run  running
            a    waiting    3 attempts  tries again at 2026-01-02T00:00:34Z  failed: it broke
            run  running
        "#]],
    );
}

#[test]
fn what_a_held_run_gave_out_and_nobody_began_comes_back() {
    check(
        "a; b",
        "a starts; pause; b snoozes 0s; show; a ok; show; restart; resume; b starts; b ok; log",
        expect![[r#"
            - b is recalled
            a    running    1 attempt
            b    blocked    1 attempt  starts when the run is resumed
            run  paused
            a    succeeded  1 attempt
            b    blocked    1 attempt  starts when the run is resumed
            run  paused
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
            4 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
            5 attempt_started {"task":"a","attempt":1,"worker":"w1"}
            6 run_paused {}
            7 attempt_started {"task":"b","attempt":1,"worker":"w1"}
            8 task_waiting {"task":"b","waits_for":"snooze","until":"2026-01-01T00:00:00Z","attempt":1}
            9 task_due {"task":"b"}
            10 task_succeeded {"task":"a","output":{"value":null}}
            11 run_resumed {}
            12 task_scheduled {"task":"b","attempt":1}
            13 attempt_started {"task":"b","attempt":1,"worker":"w1"}
            14 task_succeeded {"task":"b","output":{"value":null}}
            15 run_finished {"outcome":"succeeded"}
            a    succeeded  1 attempt
            b    succeeded  1 attempt
            run  succeeded
        "#]],
    );
    check(
        "a; b",
        "a starts; pause; restart; show; resume; b ok",
        expect![[r#"
            - b is recalled
            - b is recalled
            a    blocked    1 attempt  starts when the run is resumed
            b    ready      1 attempt
            run  paused
            a    ready      2 attempts
            b    succeeded  1 attempt
            run  running
        "#]],
    );
}

#[test]
fn an_attempt_that_nobody_begins_is_taken_back() {
    let flow = "tasks: { a: { type: work, start_timeout: 10s, timeout: 1m, retry: { max_attempts: 2, first: 1s, jitter: none } } }";
    check(
        flow,
        "wait 5s; restart; wait 5s; show; late report of a; wait 1s; a starts; wait 20s; a ok",
        expect![[r#"
            - a is killed
            a    waiting    1 attempt  tries again at 2026-01-01T00:00:11Z  start_timeout: no worker began it within 10s
            run  running
            - late report of a: the attempt is no longer current; its report changes nothing
            a    succeeded  2 attempts
            run  succeeded
        "#]],
    );
    check(
        flow,
        "wait 1m",
        expect![[r#"
        - a is killed
        - a is killed
        a    failed     2 attempts  start_timeout: no worker began it within 10s
        run  failed  a start_timeout: no worker began it within 10s
    "#]],
    );
    // A server that was away for too long does not give it out once more.
    check(
        flow,
        "clock on 15s; restart; show; wait 1s; a ok",
        expect![[r#"
        - a is killed
        a    waiting    1 attempt  tries again at 2026-01-01T00:00:16Z  start_timeout: no worker began it within 10s
        run  running
        a    succeeded  2 attempts
        run  succeeded
    "#]],
    );
    check(
        flow,
        "cancel; wait 1m",
        expect![[r#"
            - a is asked to end
            - a is killed
            a    cancelled  1 attempt  it was stopped because the run was cancelled
            run  cancelled
        "#]],
    );
}
