//! References to secrets stay what they are, and only those of the document are references; variables are as they were at the start.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::script::Script;

/// The log of a run, and for each attempt that is out which secrets go where.
fn check_secrets(flow: &str, script: &str, expected: Expect) {
    let mut told = Script::run(flow, script).out;
    let world = Script::run(flow, script).world;
    for task in world
        .state
        .plan()
        .tasks
        .iter()
        .filter(|task| !task.secrets.is_empty())
    {
        let _ = writeln!(told, "{}: {:?}", task.key, task.secrets);
    }
    expected.assert_eq(&told);
}

#[test]
fn a_reference_is_kept_as_it_is_written_and_a_value_like_one_is_none() {
    check_secrets(
        "
inputs: { x: {} }
tasks:
  a: { type: work, with: { token: '{{ secrets.token }}', other: '{{ inputs.x }}', n: '{{ 1 + 1 }}' } }
",
        r#"inputs {"x": "{{ secrets.token }}"}; log; restart; log"#,
        expect![[r#"
            1 run_created {"inputs":{"value":{"x":"{{ secrets.token }}"}}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{"token":"{{ secrets.token }}","other":"{{ secrets.token }}","n":2}}}
            1 run_created {"inputs":{"value":{"x":"{{ secrets.token }}"}}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{"token":"{{ secrets.token }}","other":"{{ secrets.token }}","n":2}}}
            a    ready      1 attempt
            run  running
            a: [SecretUse { pointer: "/token", name: "token" }]
        "#]],
    );
}

#[test]
fn variables_are_those_of_the_start() {
    super::check(
        r#"
tasks:
  a: { type: work, with: { url: '{{ vars.base_url }}/a', limit: '{{ vars.limit }}' } }
  b: { type: log, needs: [a], when: 'vars.limit == 5', with: { message: "{{ vars.none | default('nothing') }}" } }
  c: { type: log, needs: [b], with: { message: '{{ vars.gone }}' } }
"#,
        r#"vars {"base_url": "https://erp.example", "limit": 5}; log; reload; a ok"#,
        expect![[r#"
            1 run_created {"inputs":{"value":{}},"vars":{"base_url":"https://erp.example","limit":5}}
            2 run_started {}
            3 task_scheduled {"task":"a","attempt":1,"input":{"value":{"url":"https://erp.example/a","limit":5}}}
            - b logs info "nothing" in attempt 1
            a    succeeded  1 attempt
            b    succeeded
            c    failed     expression: `vars.gone` is not there; `vars` has: base_url, limit. In `{{ vars.gone }}`
            run  failed  c expression: `vars.gone` is not there; `vars` has: base_url, limit. In `{{ vars.gone }}`
        "#]],
    );
}
