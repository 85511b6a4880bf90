//! Edges, joins, skipping: which tasks start, and at which moment.

use expect_test::expect;

use super::check;

#[test]
fn a_failed_task_skips_everything_behind_it() {
    check(
        "fetch -> parse -> store; fetch -> notify",
        "fetch ok; parse fails; notify ok",
        expect![[r#"
        fetch   succeeded  1 attempt
        parse   failed     1 attempt  failed: it broke
        store   skipped    upstream parse failed
        notify  succeeded  1 attempt
        run     failed  parse failed: it broke
    "#]],
    );
}

#[test]
fn roots_start_together_and_each_task_as_soon_as_its_upstreams_are_through() {
    check(
        "a -> c; b -> d; c -> e; d -> e",
        "show; a ok; show; b ok; c ok; show; d ok; e ok",
        expect![[r#"
        a    ready      1 attempt
        c    blocked    waits for a
        b    ready      1 attempt
        d    blocked    waits for b
        e    blocked    waits for c, d
        run  running
        a    succeeded  1 attempt
        c    ready      1 attempt
        b    ready      1 attempt
        d    blocked    waits for b
        e    blocked    waits for c, d
        run  running
        a    succeeded  1 attempt
        c    succeeded  1 attempt
        b    succeeded  1 attempt
        d    ready      1 attempt
        e    blocked    waits for d
        run  running
        a    succeeded  1 attempt
        c    succeeded  1 attempt
        b    succeeded  1 attempt
        d    succeeded  1 attempt
        e    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn edges_are_taken_by_the_outcomes_they_name() {
    let flow = "a -> on_success; a -failed-> on_failure; a -skipped-> on_skip; a -cancelled-> on_cancel; a -always-> on_any; a -succeeded|failed-> on_end";
    check(
        flow,
        "a ok; on_success ok; on_any ok; on_end ok",
        expect![[r#"
        a           succeeded  1 attempt
        on_success  succeeded  1 attempt
        on_failure  skipped    upstream a succeeded
        on_skip     skipped    upstream a succeeded
        on_cancel   skipped    upstream a succeeded
        on_any      succeeded  1 attempt
        on_end      succeeded  1 attempt
        run         succeeded
    "#]],
    );
    check(
        flow,
        "a fails; on_failure ok; on_any ok; on_end ok",
        expect![[r#"
        a           failed     1 attempt  failed: it broke
        on_success  skipped    upstream a failed
        on_failure  succeeded  1 attempt
        on_skip     skipped    upstream a failed
        on_cancel   skipped    upstream a failed
        on_any      succeeded  1 attempt
        on_end      succeeded  1 attempt
        run         succeeded
    "#]],
    );
    check(
        &format!("z -> a; {flow}"),
        "z fails; on_skip ok; on_any ok",
        expect![[r#"
        z           failed     1 attempt  failed: it broke
        a           skipped    upstream z failed
        on_success  skipped    upstream a was skipped
        on_failure  skipped    upstream a was skipped
        on_skip     succeeded  1 attempt
        on_cancel   skipped    upstream a was skipped
        on_any      succeeded  1 attempt
        on_end      skipped    upstream a was skipped
        run         failed  z failed: it broke
    "#]],
    );
}

#[test]
fn join_all_starts_last_and_is_skipped_first() {
    check(
        "a -> c; b -> c",
        "a ok; show; b ok; c ok",
        expect![[r#"
        a    succeeded  1 attempt
        c    blocked    waits for b
        b    ready      1 attempt
        run  running
        a    succeeded  1 attempt
        c    succeeded  1 attempt
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
    check(
        "a -> c; b -> c",
        "a fails; show; b ok",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        c    skipped    upstream a failed
        b    ready      1 attempt
        run  running
        a    failed     1 attempt  failed: it broke
        c    skipped    upstream a failed
        b    succeeded  1 attempt
        run  failed  a failed: it broke
    "#]],
    );
}

#[test]
fn join_any_starts_at_the_first_taken_edge_and_is_skipped_when_none_is_left() {
    check(
        "a -> c(any); b -> c",
        "a ok; show; c ok; b fails",
        expect![[r#"
        a    succeeded  1 attempt
        c    ready      1 attempt
        b    ready      1 attempt
        run  running
        a    succeeded  1 attempt
        c    succeeded  1 attempt
        b    failed     1 attempt  failed: it broke
        run  failed  b failed: it broke
    "#]],
    );
    check(
        "a -> c(any); b -> c",
        "a fails; show; b ok; c ok",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        c    blocked    waits for b
        b    ready      1 attempt
        run  running
        a    failed     1 attempt  failed: it broke
        c    succeeded  1 attempt
        b    succeeded  1 attempt
        run  failed  a failed: it broke
    "#]],
    );
    check(
        "a -> c(any); b -> c",
        "a fails; b fails",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        c    skipped    none of its edges was taken
        b    failed     1 attempt  failed: it broke
        run  failed  a failed: it broke
    "#]],
    );
}

#[test]
fn join_settled_waits_for_all_and_wants_one_taken_edge() {
    check(
        "a -> c(settled); b -> c",
        "a ok; show; b fails; c ok",
        expect![[r#"
        a    succeeded  1 attempt
        c    blocked    waits for b
        b    ready      1 attempt
        run  running
        a    succeeded  1 attempt
        c    succeeded  1 attempt
        b    failed     1 attempt  failed: it broke
        run  failed  b failed: it broke
    "#]],
    );
    check(
        "a -> c(settled); b -> c",
        "a fails; show; b fails",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        c    blocked    waits for b
        b    ready      1 attempt
        run  running
        a    failed     1 attempt  failed: it broke
        c    skipped    none of its edges was taken
        b    failed     1 attempt  failed: it broke
        run  failed  a failed: it broke
    "#]],
    );
}

#[test]
fn skipping_spreads_by_the_edges_alone() {
    check(
        "a -> b -> c -> d; c -skipped-> e; d -always-> f",
        "a fails; e ok; f ok",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    skipped    upstream a failed
        c    skipped    upstream b was skipped
        d    skipped    upstream c was skipped
        e    succeeded  1 attempt
        f    succeeded  1 attempt
        run  failed  a failed: it broke
    "#]],
    );
}

#[test]
fn several_edges_from_one_upstream_settle_together() {
    check(
        "a -failed-> b(any); a -> b",
        "a ok; b ok",
        expect![[r#"
        a    succeeded  1 attempt
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
    check(
        "a -failed-> b; a -> b",
        "a ok",
        expect![[r#"
        a    succeeded  1 attempt
        b    skipped    upstream a succeeded
        run  succeeded
    "#]],
    );
}

const NARROWED: &str = r#"
inputs: { go: { type: any } }
tasks:
  a: { type: work }
  b: { type: work, needs: [{ task: a, when: "{{ inputs.go }}" }] }
  c: { type: work, needs: [{ task: a, on: failed, when: "{{ tasks.a.error.kind == 'failed' }}" }] }
"#;

#[test]
fn an_edge_is_narrowed_by_its_expression() {
    check(
        NARROWED,
        "inputs {\"go\": true}; a ok; b ok",
        expect![[r#"
        a    succeeded  1 attempt
        b    succeeded  1 attempt
        c    skipped    upstream a succeeded
        run  succeeded
    "#]],
    );
    check(
        NARROWED,
        "inputs {\"go\": false}; a ok",
        expect![[r#"
        a    succeeded  1 attempt
        b    skipped    the condition of the edge from a was false
        c    skipped    upstream a succeeded
        run  succeeded
    "#]],
    );
    check(
        NARROWED,
        "inputs {\"go\": false}; a fails; c ok",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    skipped    upstream a failed
        c    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

#[test]
fn an_edge_whose_expression_fails_fails_its_target() {
    check(
        NARROWED,
        "inputs {\"go\": 7}; a ok; log",
        expect![[r#"
        1 run_created {"inputs":{"value":{"go":7}}}
        2 run_started {}
        3 task_scheduled {"task":"a","attempt":1,"input":{"value":{}}}
        4 attempt_started {"task":"a","attempt":1,"worker":"w1"}
        5 task_succeeded {"task":"a","output":{"value":null},"edges":[{"to":"b","need":0,"taken":false,"error":"A condition must give true or false, not a number; compare it, as in `… > 0`. In `{{ inputs.go }}`"}]}
        6 task_failed {"task":"b","error":{"kind":"expression","message":"A condition must give true or false, not a number; compare it, as in `… > 0`. In `{{ inputs.go }}`"}}
        7 task_skipped {"task":"c","reason":{"kind":"upstream","task":"a"}}
        8 run_finished {"outcome":"failed","error":{"task":"b","kind":"expression","message":"A condition must give true or false, not a number; compare it, as in `… > 0`. In `{{ inputs.go }}`"}}
        a    succeeded  1 attempt
        b    failed     expression: A condition must give true or false, not a number; compare it, as in `… > 0`. In `{{ inputs.go }}`
        c    skipped    upstream a succeeded
        run  failed  b expression: A condition must give true or false, not a number; compare it, as in `… > 0`. In `{{ inputs.go }}`
    "#]],
    );
}

#[test]
fn an_edge_that_cannot_be_judged_changes_nothing_of_what_its_join_has_decided() {
    let flow = r#"
tasks:
  a: { type: work }
  b: { type: work }
  any: { type: work, join: any, needs: [a, { task: b, when: "{{ tasks.b.output.missing }}" }] }
  all: { type: work, needs: [a, { task: b, when: "{{ tasks.b.output.missing }}" }] }
"#;
    check(
        flow,
        "a ok; b ok {}; any ok",
        expect![[r#"
        a    succeeded  1 attempt
        b    succeeded  1 attempt
        any  succeeded  1 attempt
        all  failed     expression: `tasks.b.output.missing` is not there; `tasks.b.output` is empty. In `{{ tasks.b.output.missing }}`
        run  failed  all expression: `tasks.b.output.missing` is not there; `tasks.b.output` is empty. In `{{ tasks.b.output.missing }}`
    "#]],
    );
    check(
        flow,
        "a fails; b ok {}",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    succeeded  1 attempt
        any  failed     expression: `tasks.b.output.missing` is not there; `tasks.b.output` is empty. In `{{ tasks.b.output.missing }}`
        all  skipped    upstream a failed
        run  failed  a failed: it broke
    "#]],
    );
}

#[test]
fn the_first_light_upstream_starts_an_any_join_though_a_later_one_cannot_be_judged() {
    let flow = r#"
tasks:
  a: { type: noop }
  b: { type: noop }
  c: { type: work, join: any, needs: [a, { task: b, when: "{{ tasks.b.output.missing }}" }] }
"#;
    check(
        flow,
        "c ok",
        expect![[r#"
        a    succeeded
        b    succeeded
        c    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

const OWN_WHEN: &str = r#"
tasks:
  a: { type: work }
  b: { type: work }
  c: { type: work, needs: [a] }
  d:
    type: work
    join: settled
    needs: [{ task: a, on: always }, { task: b, on: always }, { task: c, on: always }]
    when: "{{ upstream.n_succeeded == 1 and upstream.n_failed == 1 and upstream.n_skipped == 1 }}"
"#;

#[test]
fn a_tasks_own_condition_is_judged_last_and_counts_its_upstreams() {
    check(
        OWN_WHEN,
        "a fails; b ok; d ok",
        expect![[r#"
        a    failed     1 attempt  failed: it broke
        b    succeeded  1 attempt
        c    skipped    upstream a failed
        d    succeeded  1 attempt
        run  failed  a failed: it broke
    "#]],
    );
    check(
        OWN_WHEN,
        "a ok; b ok; c ok",
        expect![[r#"
        a    succeeded  1 attempt
        b    succeeded  1 attempt
        c    succeeded  1 attempt
        d    skipped    its condition was false
        run  succeeded
    "#]],
    );
}

#[test]
fn an_error_in_a_tasks_own_condition_fails_it_without_an_attempt() {
    let flow = r#"
tasks:
  a: { type: work }
  b: { type: work, needs: [a], when: "{{ tasks.a.output.n > 1 }}", retry: { max_attempts: 5 } }
  c: { type: work, needs: [b] }
"#;
    check(
        flow,
        "a ok {\"n\": 2}; b ok; c ok",
        expect![[r#"
        a    succeeded  1 attempt
        b    succeeded  1 attempt
        c    succeeded  1 attempt
        run  succeeded
    "#]],
    );
    check(
        flow,
        "a ok {\"m\": 2}",
        expect![[r#"
        a    succeeded  1 attempt
        b    failed     expression: `tasks.a.output.n` is not there; `tasks.a.output` has: m. In `{{ tasks.a.output.n > 1 }}`
        c    skipped    upstream b failed
        run  failed  b expression: `tasks.a.output.n` is not there; `tasks.a.output` has: m. In `{{ tasks.a.output.n > 1 }}`
    "#]],
    );
    check(
        flow,
        "a ok {\"n\": 1}",
        expect![[r#"
        a    succeeded  1 attempt
        b    skipped    its condition was false
        c    skipped    upstream b was skipped
        run  succeeded
    "#]],
    );
}

#[test]
fn an_upstream_that_a_condition_skips_takes_skipped_edges() {
    let flow = r#"
tasks:
  a: { type: work, when: "{{ false }}" }
  b: { type: work, needs: [{ task: a, on: [succeeded, skipped] }] }
"#;
    check(
        flow,
        "b ok",
        expect![[r#"
        a    skipped    its condition was false
        b    succeeded  1 attempt
        run  succeeded
    "#]],
    );
}

const SWITCH: &str = r#"
inputs: { n: { type: any } }
tasks:
  size:
    type: switch
    with: { cases: { big: "{{ inputs.n > 100 }}", odd: "{{ inputs.n % 2 == 1 }}" }, default: small }
  is_big: { type: work, needs: [{ task: size, on: big }] }
  is_odd: { type: work, needs: [{ task: size, on: [odd, big] }] }
  is_small: { type: work, needs: [{ task: size, on: small }] }
  anyway: { type: work, needs: [size] }
"#;

#[test]
fn a_switch_takes_the_first_case_that_holds() {
    check(
        SWITCH,
        "inputs {\"n\": 101}; is_big ok; is_odd ok; anyway ok",
        expect![[r#"
        size      succeeded  took big
        is_big    succeeded  1 attempt
        is_odd    succeeded  1 attempt
        is_small  skipped    upstream size took the case big
        anyway    succeeded  1 attempt
        run       succeeded
    "#]],
    );
    check(
        SWITCH,
        "inputs {\"n\": 3}; is_odd ok; anyway ok",
        expect![[r#"
        size      succeeded  took odd
        is_big    skipped    upstream size took the case odd
        is_odd    succeeded  1 attempt
        is_small  skipped    upstream size took the case odd
        anyway    succeeded  1 attempt
        run       succeeded
    "#]],
    );
    check(
        SWITCH,
        "inputs {\"n\": 4}; is_small ok; anyway ok",
        expect![[r#"
        size      succeeded  took small
        is_big    skipped    upstream size took the case small
        is_odd    skipped    upstream size took the case small
        is_small  succeeded  1 attempt
        anyway    succeeded  1 attempt
        run       succeeded
    "#]],
    );
    check(
        SWITCH,
        "inputs {\"n\": \"four\"}",
        expect![[r#"
        size      failed     expression: `>` cannot compare a text and a number. In `{{ inputs.n > 100 }}`
        is_big    skipped    upstream size failed
        is_odd    skipped    upstream size failed
        is_small  skipped    upstream size failed
        anyway    skipped    upstream size failed
        run       failed  size expression: `>` cannot compare a text and a number. In `{{ inputs.n > 100 }}`
    "#]],
    );
}

#[test]
fn a_switch_without_a_default_may_take_no_case() {
    let flow = r#"
tasks:
  which: { type: switch, with: { cases: { never: false } } }
  a: { type: work, needs: [{ task: which, on: never }] }
  b: { type: work, needs: [which] }
"#;
    check(
        flow,
        "b ok",
        expect![[r#"
        which  succeeded
        a      skipped    upstream which took no case
        b      succeeded  1 attempt
        run    succeeded
    "#]],
    );
}

#[test]
fn a_switched_off_task_does_nothing_and_what_comes_after_it_runs() {
    check(
        r#"
tasks:
  a: { type: work, disabled: true, for_each: { items: "{{ [1, 2] }}" }, retry: { max_attempts: 3 }, undo: { type: work }, with: { n: "{{ 1 / 0 }}" } }
  b: { type: work, needs: [a], with: { n: "{{ tasks.a.output }}" } }
  c: { type: work, needs: [{ task: a, on: failed }] }
  d: { type: work, disabled: true, needs: [c] }
  e: { type: loop, disabled: true, when: "{{ false }}", with: { do: { type: work }, until: "{{ false }}" } }
"#,
        "b ok; log",
        expect![[r#"
            1 run_created {"inputs":{"value":{}}}
            2 run_started {}
            3 task_succeeded {"task":"a","output":{"value":null}}
            4 task_skipped {"task":"e","reason":{"kind":"when"}}
            5 task_scheduled {"task":"b","attempt":1,"input":{"value":{"n":null}}}
            6 task_skipped {"task":"c","reason":{"kind":"upstream","task":"a"}}
            7 task_skipped {"task":"d","reason":{"kind":"upstream","task":"c"}}
            8 attempt_started {"task":"b","attempt":1,"worker":"w1"}
            9 task_succeeded {"task":"b","output":{"value":null}}
            10 run_finished {"outcome":"succeeded"}
            a    succeeded  switched off in this version: it did nothing
            b    succeeded  1 attempt
            c    skipped    upstream a succeeded
            d    skipped    upstream c was skipped
            e    skipped    its condition was false
            run  succeeded
        "#]],
    );
}
