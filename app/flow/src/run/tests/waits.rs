//! Tasks that wait for the world: a time, a condition, a signal, a person.

use expect_test::expect;

use super::check;

#[test]
fn a_task_waits_for_a_time() {
    check(
        "tasks: { w: { type: wait, with: { until: '2026-01-01T00:01:00Z' } }, past: { type: wait, with: { until: '2025-01-01T00:01:00Z' } } }",
        "show; restart; wait 59s; show; wait 1s",
        expect![[r#"
            w     waiting    looks again at 2026-01-01T00:01:00Z
            past  succeeded
            run   running
            w     waiting    looks again at 2026-01-01T00:01:00Z
            past  succeeded
            run   running
            w     succeeded
            past  succeeded
            run   succeeded
        "#]],
    );
}

#[test]
fn a_task_waits_until_a_condition_holds_and_looks_again_and_again() {
    check(
        "tasks: { w: { type: wait, with: { poll: 20s, timeout: 1h, when: \"{{ now >= '2026-01-01T00:00:45Z' }}\" } } }",
        "wait 40s; show; pause; wait 20s; log",
        expect![[r#"
            w    waiting    looks again at 2026-01-01T00:01:00Z
            run  running
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 task_waiting {"task":"w","waits_for":"wait","until":"2026-01-01T00:00:20Z","input":{"value":{"poll":"20s","timeout":"1h","when":"{{ now >= '2026-01-01T00:00:45Z' }}"}}}
            4 task_waiting {"task":"w","waits_for":"wait","until":"2026-01-01T00:00:40Z"}
            5 task_waiting {"task":"w","waits_for":"wait","until":"2026-01-01T00:01:00Z"}
            6 run_paused {}
            7 task_succeeded {"task":"w","output":{"value":null}}
            w    succeeded
            run  paused
        "#]],
    );
    check(
        "tasks: { w: { type: wait, with: { poll: 20s, timeout: 30s, when: 'false' } }, late: { type: noop, needs: [{ task: w, on: timeout }] } }",
        "wait 20s; show; wait 10s",
        expect![[r#"
            w     waiting    looks again at 2026-01-01T00:00:30Z
            late  blocked    waits for w
            run   running
            w     failed     timeout: what it waited for did not come within 30s
            late  succeeded
            run   succeeded
        "#]],
    );
}

#[test]
fn what_cannot_be_waited_for_fails() {
    let flow = |with: &str| format!("tasks: {{ w: {{ type: wait, with: {with} }} }}");
    check(
        &flow("{ until: 3 }"),
        "",
        expect![[r#"
            w    failed     input: a wait needs `until` (a time such as `2026-01-31T12:00:00Z`) or `when` (a condition)
            run  failed  w input: a wait needs `until` (a time such as `2026-01-31T12:00:00Z`) or `when` (a condition)
        "#]],
    );
    check(
        &flow("{ until: soon }"),
        "",
        expect![[r#"
        w    failed     input: `soon` is not a time; write it as 2026-01-31T12:00:00Z
        run  failed  w input: `soon` is not a time; write it as 2026-01-31T12:00:00Z
    "#]],
    );
    check(
        &flow("{ when: false, poll: 3 }"),
        "",
        expect![[r#"
            w    failed     input: `poll` is a duration such as `30s`
            run  failed  w input: `poll` is a duration such as `30s`
        "#]],
    );
}

const SIGNAL: &str = "
tasks:
  a: { type: work }
  paid: { type: signal, needs: [a], with: { name: payment, timeout: 1m } }
  thank: { type: transform, needs: [paid], with: { value: '{{ tasks.paid.output.amount }}' } }
outputs: { amount: '{{ tasks.thank.output }}' }
";

#[test]
fn a_task_waits_for_a_signal() {
    check(
        SIGNAL,
        r#"a ok; show; restart; signal payment {"amount": 3}; log"#,
        expect![[r#"
            a      succeeded  1 attempt
            paid   waiting    waits for the signal payment until 2026-01-01T00:01:00Z
            thank  blocked    waits for paid
            run    running
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
            4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
            5 task_succeeded {"task":"a","output":{"value":null}}
            6 task_waiting {"task":"paid","waits_for":"signal","until":"2026-01-01T00:01:00Z","input":{"value":{"name":"payment","timeout":"1m"}},"signal":"payment"}
            7 signal_received {"name":"payment","payload":{"value":{"amount":3}}}
            8 task_succeeded {"task":"paid","output":{"value":{"amount":3}}}
            9 task_succeeded {"task":"thank","output":{"value":3}}
            10 run_finished {"outcome":"succeeded","outputs":{"value":{"amount":3}}}
            a      succeeded  1 attempt
            paid   succeeded
            thank  succeeded
            run    succeeded  {"amount":3}
        "#]],
    );
}

#[test]
fn a_signal_that_comes_early_is_kept_and_the_first_counts() {
    check(
        SIGNAL,
        r#"signal payment {"amount": 3}; signal payment {"amount": 4}; restart; a ok; signal payment"#,
        expect![[r#"
            - signal payment {"amount": 4}: the run has had the signal `payment`; the first one counts
            - signal payment: the run is finished
            a      succeeded  1 attempt
            paid   succeeded
            thank  succeeded
            run    succeeded  {"amount":3}
        "#]],
    );
}

#[test]
fn a_signal_that_does_not_come_fails_its_task_or_gives_the_default() {
    check(
        SIGNAL,
        "a ok; wait 1m",
        expect![[r#"
        a      succeeded  1 attempt
        paid   failed     timeout: what it waited for did not come within 1m
        thank  skipped    upstream paid failed
        run    failed  paid timeout: what it waited for did not come within 1m
    "#]],
    );
    check(
        "tasks: { s: { type: signal, with: { timeout: 1m, default: { amount: 0 } } }, none: { type: noop, needs: [{ task: s, on: timeout }] }, any: { type: noop, needs: [s] } }\noutputs: { got: '{{ tasks.s.output }}' }",
        "wait 1m; signal s",
        expect![[r#"
            - signal s: the run is finished
            s     succeeded  took timeout
            none  succeeded
            any   succeeded
            run   succeeded  {"got":{"amount":0}}
        "#]],
    );
}

#[test]
fn items_wait_for_signals_of_their_own() {
    check(
        "tasks: { each: { type: signal, for_each: { items: [x, y] }, with: { name: 'go-{{ item }}' } } }\noutputs: { got: '{{ tasks.each.output }}' }",
        "signal go-y 2; show; signal go-x 1",
        expect![[r#"
            each     running
            each[0]  waiting    waits for the signal go-x
            each[1]  succeeded
            run      running
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            run      succeeded  {"got":[1,2]}
        "#]],
    );
}

#[test]
fn a_signal_in_a_paused_run_is_kept_and_one_in_a_cancelled_run_is_not_awaited() {
    check(
        SIGNAL,
        r#"a ok; pause; signal payment {"amount": 3}; show; resume"#,
        expect![[r#"
        a      succeeded  1 attempt
        paid   blocked    starts when the run is resumed
        thank  blocked    waits for paid
        run    paused
        a      succeeded  1 attempt
        paid   succeeded
        thank  succeeded
        run    succeeded  {"amount":3}
    "#]],
    );
    check(
        SIGNAL,
        "a ok; cancel; signal payment",
        expect![[r#"
        - signal payment: the run is finished
        a      succeeded  1 attempt
        paid   cancelled  the run was cancelled
        thank  cancelled  the run was cancelled
        run    cancelled
    "#]],
    );
}

const APPROVAL: &str = "
tasks:
  ask: { type: approval, with: { timeout: 1d, title: Release?, form: { type: object, properties: { env: { enum: [test, prod] } }, required: [env] } } }
  go: { type: transform, needs: [{ task: ask, on: approved }], with: { value: '{{ tasks.ask.output.values.env }}' } }
  no: { type: transform, needs: [{ task: ask, on: rejected }], with: { value: '{{ tasks.ask.error.message }}' } }
  late: { type: noop, needs: [{ task: ask, on: timeout }] }
";

#[test]
fn a_person_approves_with_a_form() {
    check(
        APPROVAL,
        r#"show; approve ask; approve ask {"env": "moon"}; restart; approve ask {"env": "prod"}; approve ask {"env": "prod"}; log"#,
        expect![[r#"
            ask   waiting    waits for an answer until 2026-01-02T00:00:00Z
            go    blocked    waits for ask
            no    blocked    waits for ask
            late  blocked    waits for ask
            run   running
            - approve ask: the answer does not fit the form: `env` is missing
            - approve ask {"env": "moon"}: the answer does not fit the form: /env: "moon" is not possible here; write one of test, prod
            - approve ask {"env": "prod"}: the run is finished
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 task_waiting {"task":"ask","waits_for":"approval","until":"2026-01-02T00:00:00Z","input":{"value":{"timeout":"1d","title":"Release?","form":{"type":"object","properties":{"env":{"enum":["test","prod"]}},"required":["env"]}}}}
            4 task_succeeded {"task":"ask","output":{"value":{"approved":true,"by":"local","at":"2026-01-01T00:00:00Z","values":{"env":"prod"},"comment":null}},"case":"approved"}
            5 task_succeeded {"task":"go","output":{"value":"prod"}}
            6 task_skipped {"task":"no","reason":{"kind":"upstream","task":"ask"}}
            7 task_skipped {"task":"late","reason":{"kind":"upstream","task":"ask"}}
            8 run_finished {"outcome":"succeeded"}
            ask   succeeded  took approved
            go    succeeded
            no    skipped    upstream ask took the case approved
            late  skipped    upstream ask took the case approved
            run   succeeded
        "#]],
    );
}

#[test]
fn a_person_rejects_and_that_is_handled() {
    check(
        APPROVAL,
        "reject ask not on a Friday; reject go",
        expect![[r#"
        - reject go: the run is finished
        ask   failed     rejected: rejected by local: not on a Friday
        go    skipped    upstream ask failed
        no    succeeded
        late  skipped    upstream ask failed
        run   succeeded
    "#]],
    );
}

#[test]
fn nobody_answers() {
    check(
        APPROVAL,
        "pause; wait 1d; show; resume",
        expect![[r#"
        ask   failed     timeout: what it waited for did not come within 1d
        go    blocked    starts when the run is resumed
        no    blocked    starts when the run is resumed
        late  blocked    starts when the run is resumed
        run   paused
        ask   failed     timeout: what it waited for did not come within 1d
        go    skipped    upstream ask failed
        no    skipped    upstream ask failed
        late  succeeded
        run   succeeded
    "#]],
    );
    check(
        "tasks: { ask: { type: approval, with: { timeout: 1m } } }",
        "wait 1m",
        expect![[r#"
        ask  failed     timeout: what it waited for did not come within 1m
        run  failed  ask timeout: what it waited for did not come within 1m
    "#]],
    );
    check(
        "tasks: { ask: { type: approval, with: { form: { type: 3 } } } }",
        "",
        expect![[r#"
        ask  failed     input: the form is no JSON Schema: 3 is not valid under any of the schemas listed in the 'anyOf' keyword
        run  failed  ask input: the form is no JSON Schema: 3 is not valid under any of the schemas listed in the 'anyOf' keyword
    "#]],
    );
}

#[test]
fn each_item_has_an_answer_of_its_own() {
    check(
        "tasks: { ask: { type: approval, for_each: { items: [x, y], on_item_failure: continue }, with: { title: '{{ item }}?' } } }",
        "approve ask[1]; approve ask[1]; reject ask[0]; approve ask[7]",
        expect![[r#"
            - approve ask[1]: `ask[1]` does not wait for an answer
            - approve ask[7]: the run is finished
            ask     failed     items: 1 item of 2 failed, item 0 first: rejected by local
            ask[0]  failed     rejected: rejected by local
            ask[1]  succeeded
            run     failed  ask items: 1 item of 2 failed, item 0 first: rejected by local
        "#]],
    );
}

#[test]
fn a_task_waits_for_one_thing() {
    check(
        "tasks: { w: { type: wait, with: { when: 'true', until: '2026-01-01T00:01:00Z' } }, none: { type: wait } }",
        "",
        expect![[r#"
            w     failed     input: a wait takes `until` or `when`, not both
            none  failed     input: a wait needs `until` (a time such as `2026-01-31T12:00:00Z`) or `when` (a condition)
            run   failed  w input: a wait takes `until` or `when`, not both
        "#]],
    );
}

#[test]
fn time_may_answer_instead_of_a_person() {
    let flow = |on_timeout: &str| {
        format!(
            "tasks: {{ ask: {{ type: approval, with: {{ timeout: 1h, on_timeout: {on_timeout} }} }}, yes: {{ type: noop, needs: [{{ task: ask, on: approved }}] }}, no: {{ type: transform, needs: [{{ task: ask, on: rejected }}], with: {{ value: '{{{{ tasks.ask.output.by }}}}' }} }} }}"
        )
    };
    check(
        &flow("approve"),
        "wait 1h; log",
        expect![[r#"
        1 run_created {"inputs":{"value":{}}}
        2 run_started {}
        3 task_waiting {"task":"ask","waits_for":"approval","until":"2026-01-01T01:00:00Z","input":{"value":{"timeout":"1h","on_timeout":"approve"}}}
        4 task_succeeded {"task":"ask","output":{"value":{"approved":true,"by":"timeout","at":"2026-01-01T01:00:00Z","values":{},"comment":null}},"case":"approved"}
        5 task_succeeded {"task":"yes","output":{"value":null}}
        6 task_skipped {"task":"no","reason":{"kind":"upstream","task":"ask"}}
        7 run_finished {"outcome":"succeeded"}
        ask  succeeded  took approved
        yes  succeeded
        no   skipped    upstream ask took the case approved
        run  succeeded
    "#]],
    );
    check(
        &flow("reject"),
        "wait 1h",
        expect![[r#"
        ask  failed     rejected: nobody answered within 1h
        yes  skipped    upstream ask failed
        no   succeeded
        run  succeeded
    "#]],
    );
    check(
        &flow("shrug"),
        "",
        expect![[r#"
        ask  failed     input: `on_timeout` is `fail`, `approve` or `reject`
        yes  skipped    upstream ask failed
        no   skipped    upstream ask failed
        run  failed  ask input: `on_timeout` is `fail`, `approve` or `reject`
    "#]],
    );
}

#[test]
fn the_timeout_of_the_task_bounds_one_attempt() {
    check(
        "tasks: { s: { type: signal, timeout: 1m, retry: { max_attempts: 3, backoff: fixed, first: 30s, jitter: none }, with: { timeout: 2m } } }",
        "wait 1m; show; wait 30s; show; wait 30s",
        expect![[r#"
            s    waiting    1 attempt  tries again at 2026-01-01T00:01:30Z  timeout: what it waited for did not come within 1m
            run  running
            s    waiting    1 attempt  waits for the signal s until 2026-01-01T00:02:00Z  timeout: what it waited for did not come within 1m
            run  running
            s    failed     2 attempts  timeout: what it waited for did not come within 2m
            run  failed  s timeout: what it waited for did not come within 2m
        "#]],
    );
    check(
        "tasks: { w: { type: wait, timeout: 1m, retry: { max_attempts: 2, backoff: fixed, first: 10s, jitter: none }, with: { when: 'false', poll: 40s } } }",
        "wait 40s; wait 20s; show; wait 10s; wait 40s; show; wait 20s",
        expect![[r#"
            w    waiting    1 attempt  tries again at 2026-01-01T00:01:10Z  timeout: what it waited for did not come within 1m
            run  running
            w    waiting    1 attempt  looks again at 2026-01-01T00:02:10Z  timeout: what it waited for did not come within 1m
            run  running
            w    failed     2 attempts  timeout: what it waited for did not come within 1m
            run  failed  w timeout: what it waited for did not come within 1m
        "#]],
    );
}

#[test]
fn a_signal_is_given_to_the_task_that_will_wait_for_it() {
    check(
        SIGNAL,
        r#"signal to paid {"amount": 3}; signal to paid {"amount": 4}; signal to thank; a ok"#,
        expect![[r#"
            - signal to paid {"amount": 4}: the run has had the signal `payment`; the first one counts
            - signal to thank: `thank` waits for no signal, or not any more
            a      succeeded  1 attempt
            paid   succeeded
            thank  succeeded
            run    succeeded  {"amount":3}
        "#]],
    );
    check(
        "tasks: { a: { type: work }, s: { type: signal, needs: [a], with: { name: '{{ tasks.a.output }}', timeout: 1m } }, after: { type: work, needs: [{ task: s, on: always }] } }",
        "signal to s; a ok \"x\"; signal to s 5; signal to s 6; show; after ok",
        expect![[r#"
            - signal to s: the name of the signal that `s` waits for is known once it waits
            - signal to s 6: `s` waits for no signal, or not any more
            a      succeeded  1 attempt
            s      succeeded
            after  ready      1 attempt
            run    running
            a      succeeded  1 attempt
            s      succeeded
            after  succeeded  1 attempt
            run    succeeded
        "#]],
    );
    check(
        "tasks: { s: { type: signal, with: { timeout: 1m } }, after: { type: work, needs: [{ task: s, on: always }] } }",
        "wait 1m; signal to s; signal to nobody",
        expect![[r#"
            - signal to s: `s` waits for no signal, or not any more
            - signal to nobody: `nobody` waits for no signal, or not any more
            s      failed     timeout: what it waited for did not come within 1m
            after  ready      1 attempt
            run    running
        "#]],
    );
}

#[test]
fn the_ending_of_a_run_may_wait_too() {
    check(
        "
tasks:
  a: { type: noop, undo: { type: subflow, with: { flow: back } } }
  b: { type: signal, needs: [a], undo: { type: wait, with: { when: \"now >= '2026-01-01T00:00:30Z'\", poll: 10s } } }
  c: { type: fail, needs: [b] }
finally: { f: { type: approval, with: { timeout: 1m } } }
on_failure: { g: { type: signal }, h: { type: loop, needs: [g], with: { do: { type: noop }, until: 'iteration == 2' } } }
",
        "signal to b; show; wait 30s; show; child a.undo starts; restart; child a.undo ok null; show; approve f; signal to g; log",
        expect![[r#"
            a       succeeded
            b       succeeded
            c       failed     failed: the flow says so
            f       blocked    runs at the end, whatever happens
            g       blocked    runs if the run fails
            h       blocked    waits for g
            a.undo  blocked    takes back a if the run fails or is cancelled
            b.undo  waiting    looks again at 2026-01-01T00:00:10Z
            run     ending  c failed: the flow says so  Undo
            - a.undo starts back newest with {} in attempt 1, depth 1
            a       succeeded
            b       succeeded  taken back when the run ended
            c       failed     failed: the flow says so
            f       blocked    runs at the end, whatever happens
            g       blocked    runs if the run fails
            h       blocked    waits for g
            a.undo  waiting    1 attempt  waits for a run of the flow back to start
            b.undo  succeeded
            run     ending  c failed: the flow says so  Undo
            a       succeeded  taken back when the run ended
            b       succeeded  taken back when the run ended
            c       failed     failed: the flow says so
            f       waiting    waits for an answer until 2026-01-01T00:01:30Z
            g       blocked    runs if the run fails
            h       blocked    waits for g
            a.undo  succeeded  1 attempt
            b.undo  succeeded
            run     ending  c failed: the flow says so  Finally
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 task_succeeded {"task":"a","output":{"value":null}}
            4 task_waiting {"task":"b","waits_for":"signal","input":{"value":{}},"signal":"b"}
            5 signal_received {"name":"b","payload":{"value":null}}
            6 task_succeeded {"task":"b","output":{"value":null}}
            7 task_failed {"task":"c","error":{"kind":"failed","message":"the flow says so"}}
            8 run_ending {"outcome":"failed","error":{"task":"c","kind":"failed","message":"the flow says so"}}
            9 ending_step {"step":"undo"}
            10 task_waiting {"task":"b.undo","waits_for":"wait","until":"2026-01-01T00:00:10Z","input":{"value":{"when":"now >= '2026-01-01T00:00:30Z'","poll":"10s"}}}
            11 task_waiting {"task":"b.undo","waits_for":"wait","until":"2026-01-01T00:00:20Z"}
            12 task_waiting {"task":"b.undo","waits_for":"wait","until":"2026-01-01T00:00:30Z"}
            13 task_succeeded {"task":"b.undo","output":{"value":null}}
            14 child_requested {"task":"a.undo","attempt":1,"inputs":{"value":{}},"wait":true}
            15 child_started {"task":"a.undo","child":"run_0000000000000000000000002d"}
            16 task_succeeded {"task":"a.undo","output":{"value":null}}
            17 ending_step {"step":"finally"}
            18 task_waiting {"task":"f","waits_for":"approval","until":"2026-01-01T00:01:30Z","input":{"value":{"timeout":"1m"}}}
            19 task_succeeded {"task":"f","output":{"value":{"approved":true,"by":"local","at":"2026-01-01T00:00:30Z","values":{},"comment":null}},"case":"approved"}
            20 ending_step {"step":"on_failure"}
            21 task_waiting {"task":"g","waits_for":"signal","input":{"value":{}},"signal":"g"}
            22 signal_received {"name":"g","payload":{"value":null}}
            23 task_succeeded {"task":"g","output":{"value":null}}
            24 loop_begun {"task":"h"}
            25 task_succeeded {"task":"h#1","output":{"value":null}}
            26 task_succeeded {"task":"h#2","output":{"value":null}}
            27 task_succeeded {"task":"h","output":{"value":null}}
            28 run_finished {"outcome":"failed","error":{"task":"c","kind":"failed","message":"the flow says so"}}
            a       succeeded  taken back when the run ended
            b       succeeded  taken back when the run ended
            c       failed     failed: the flow says so
            f       succeeded  took approved
            g       succeeded
            h       succeeded
            h#1     succeeded
            h#2     succeeded
            a.undo  succeeded  1 attempt
            b.undo  succeeded
            run     failed  c failed: the flow says so
        "#]],
    );
    check(
        "tasks: { a: { type: noop, undo: { type: approval, with: { timeout: 1m } } }, b: { type: work, needs: [a] } }\nfinally: { f: { type: subflow, with: { flow: after } } }\nending_timeout: 5m",
        "cancel; b stops; wait 1m; child f starts; show; wait 4m",
        expect![[r#"
            - b is asked to end
            - f starts after newest with {} in attempt 1, depth 1
            a       succeeded
            b       cancelled  1 attempt  it was stopped because the run was cancelled
            f       waiting    1 attempt  waits for run_0000000000000000000000002d of the flow after
            a.undo  failed     timeout: what it waited for did not come within 1m
            run     ending  Finally
            - f cancels its run at once
            a       succeeded
            b       cancelled  1 attempt  it was stopped because the run was cancelled
            f       cancelled  1 attempt  the ending of the run took too long
            a.undo  failed     timeout: what it waited for did not come within 1m
            run     cancelled  ending_timeout: the ending of the run took too long
        "#]],
    );
}
