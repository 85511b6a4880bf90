//! What queues and the cache know a task run by, and attempts that outlive their server.

use expect_test::expect;

use super::check;

#[test]
fn keys_are_evaluated_once_and_stand_in_the_log() {
    check(
        r#"
inputs: { tenant: { default: blue } }
tasks:
  a: { type: work, queue: mail, queue_key: "{{ inputs.tenant }}", cache: { key: ["{{ inputs.tenant }}", 1], ttl: 1h }, retry: { first: 1s, jitter: none }, with: { n: 1 } }
"#,
        r#"inputs {"tenant": "blue"}; a fails; wait 1s; a ok 5; log"#,
        expect![[r#"
            - a keeps 5 for 3600 s as b3e6e19d
            1 run_created {"inputs":{"value":{"tenant":"blue"}}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{"n":1}},"queue_key":"blue","cache_key":"b3e6e19d346c4d9e217d26750a8ba174cd87f1fa79e2b1edc9993cb4fa7ca102"}
            4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
            5 attempt_failed {"task":"a","attempt":1,"error":{"kind":"failed","message":"it broke"},"retry_at":"2026-01-01T00:00:01Z"}
            6 task_scheduled {"task":"a","attempt":2}
            7 attempt_started {"task":"a","attempt":2,"worker":"w1"}
            8 task_succeeded {"task":"a","output":{"value":5},"exit_code":0}
            9 run_finished {"outcome":"succeeded"}
            a    succeeded  2 attempts
            run  succeeded
        "#]],
    );
}

#[test]
fn a_kept_result_is_a_success_that_was_not_worked_for() {
    check(
        r#"
tasks:
  a: { type: work, cache: { ttl: 1h } }
  b: { type: work, needs: [{ task: a, when: "{{ tasks.a.output == 5 }}" }] }
"#,
        "a cached 5; b ok; log",
        expect![[r#"
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}},"cache_key":"febe54489650e50301fc4134cacede31d407a0ea200d08c5b6b11c01511a1ce4"}
            4 task_succeeded {"task":"a","output":{"value":5},"edges":[{"to":"b","need":0,"taken":true}],"cached_from":{"run":"run_00000000000000000000000007","task":"other","at":"1970-01-01T00:00:00Z"}}
            5 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
            6 attempt_started {"task":"b","attempt":1,"worker":"w1"}
            7 task_succeeded {"task":"b","output":{"value":null}}
            8 run_finished {"outcome":"succeeded"}
            a    succeeded  1 attempt  cached: the result of other of run_00000000000000000000000007 holds
            b    succeeded  1 attempt
            run  succeeded
        "#]],
    );
}

#[test]
fn failures_are_not_kept() {
    check(
        "tasks: { a: { type: work, cache: { ttl: 1h } } }",
        "a fails",
        expect![[r#"
            a    failed     1 attempt  failed: it broke
            run  failed  a failed: it broke
        "#]],
    );
}

#[test]
fn items_have_keys_of_their_own() {
    check(
        r#"
tasks:
  a: { type: work, for_each: { items: [x, y, x] }, queue_key: "{{ item }}", cache: { key: "{{ item }}", ttl: 1m }, with: { it: "{{ item }}" } }
"#,
        "a[0] ok 1; a[1] ok 2; a[2] cached 1; log",
        expect![[r#"
            - a[0] keeps 1 for 60 s as 53dbb086
            - a[1] keeps 2 for 60 s as 51be8418
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 items_listed {"task":"a","n":3,"items":[{"first":0,"items":{"value":["x","y","x"]}}]}
            4 task_scheduled {"task":"a[0]","attempt":1,"input":{"value":{"it":"x"}},"queue_key":"x","cache_key":"53dbb0869618649acb96985b1c2fcab44fd21a12abdca2c69d2f542e83e3aa1a"}
            5 task_scheduled {"task":"a[1]","attempt":1,"input":{"value":{"it":"y"}},"queue_key":"y","cache_key":"51be8418d73e16edc3187566a48b8046f6edf8836dc154c598dc240730ae97b2"}
            6 task_scheduled {"task":"a[2]","attempt":1,"input":{"value":{"it":"x"}},"queue_key":"x","cache_key":"53dbb0869618649acb96985b1c2fcab44fd21a12abdca2c69d2f542e83e3aa1a"}
            7 attempt_started {"task":"a[0]","attempt":1,"worker":"w1"}
            8 task_succeeded {"task":"a[0]","output":{"value":1},"exit_code":0}
            9 attempt_started {"task":"a[1]","attempt":1,"worker":"w1"}
            10 task_succeeded {"task":"a[1]","output":{"value":2},"exit_code":0}
            11 task_succeeded {"task":"a[2]","output":{"value":1},"cached_from":{"run":"run_00000000000000000000000007","task":"other","at":"1970-01-01T00:00:00Z"}}
            12 task_succeeded {"task":"a","output":{"value":[1,2,1]}}
            13 run_finished {"outcome":"succeeded"}
            a     succeeded
            a[0]  succeeded
            a[1]  succeeded
            a[2]  succeeded
            run   succeeded
        "#]],
    );
}

#[test]
fn a_key_that_cannot_be_told_fails_the_task() {
    check(
        r#"
tasks:
  a: { type: work, queue_key: "{{ 'x' * 300 }}" }
  b: { type: work, queue_key: "{% for n in range(300) %}x{% endfor %}" }
"#,
        "show",
        expect![[r#"
            a    failed     queue_key: its `queue_key` has 300 bytes; at most 256 are taken
            b    failed     queue_key: its `queue_key` has 300 bytes; at most 256 are taken
            run  failed  a queue_key: its `queue_key` has 300 bytes; at most 256 are taken
            a    failed     queue_key: its `queue_key` has 300 bytes; at most 256 are taken
            b    failed     queue_key: its `queue_key` has 300 bytes; at most 256 are taken
            run  failed  a queue_key: its `queue_key` has 300 bytes; at most 256 are taken
        "#]],
    );
}

#[test]
fn an_attempt_that_a_worker_elsewhere_keeps_is_not_lost_with_the_server() {
    check(
        "a; b",
        "a starts; b starts; kept a; restart; show; a ok; b ok; log",
        expect![[r#"
            a    running    1 attempt
            b    ready      2 attempts
            run  running
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
            4 task_scheduled {"task":"b","attempt":1,"input":{"value":{}}}
            5 attempt_started {"task":"a","attempt":1,"worker":"w1"}
            6 attempt_started {"task":"b","attempt":1,"worker":"w1"}
            7 attempt_lost {"task":"b","attempt":1}
            8 task_scheduled {"task":"b","attempt":2}
            9 task_succeeded {"task":"a","output":{"value":null}}
            10 attempt_started {"task":"b","attempt":2,"worker":"w1"}
            11 task_succeeded {"task":"b","output":{"value":null}}
            12 run_finished {"outcome":"succeeded"}
            a    succeeded  1 attempt
            b    succeeded  2 attempts
            run  succeeded
        "#]],
    );
    check(
        "a",
        "a starts; kept a; cancel; restart; a ok",
        expect![[r#"
        - a is asked to end
        - a is asked to end
        a    succeeded  1 attempt
        run  cancelled
    "#]],
    );
}

#[test]
fn nothing_is_kept_of_what_names_secrets() {
    check(
        r#"
tasks:
  a: { type: work, cache: { ttl: 1h }, with: { env: { TOKEN: "{{ secrets.token }}" } } }
  b: { type: loop, cache: { ttl: 1h }, with: { do: { type: work, with: { token: "{{ secrets.token }}" } }, until: "true" } }
  c: { type: work, cache: { ttl: 1h }, with: { word: secrets } }
"#,
        "a ok 1; c ok 3; log",
        expect![[r#"
            - c keeps 3 for 3600 s as 0521d446
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{"env":{"TOKEN":"{{ secrets.token }}"}}}}
            4 loop_begun {"task":"b"}
            5 task_scheduled {"task":"c","attempt":1,"input":{"value":{"word":"secrets"}},"cache_key":"0521d4467a5f4f58667d4e8040eb3d9046a39662514d3c09bab949f5e35f161e"}
            6 task_scheduled {"task":"b#1","attempt":1,"input":{"value":{"token":"{{ secrets.token }}"}}}
            7 attempt_started {"task":"a","attempt":1,"worker":"w1"}
            8 task_succeeded {"task":"a","output":{"value":1},"exit_code":0}
            9 attempt_started {"task":"c","attempt":1,"worker":"w1"}
            10 task_succeeded {"task":"c","output":{"value":3},"exit_code":0}
            a     succeeded  1 attempt
            b     running
            b#1   ready      1 attempt
            c     succeeded  1 attempt
            run   running
        "#]],
    );
}
