use std::sync::Arc;

use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

use super::*;
use crate::FlowDoc;

mod attacks;

/// A flow whose task `t`, after `a`, has `with` as its argument.
fn flow(with: Json, when: Option<&str>) -> FlowDoc {
    let mut doc = json!({
        "flow": "f",
        "inputs": { "day": {}, "limit": {}, "rows": {}, "text": {}, "big": {} },
        "tasks": {
            "a": { "type": "http.request" },
            "load-all": { "type": "noop" },
            "skipped": { "type": "noop" },
            "t": { "type": "noop", "needs": ["a", "load-all", "skipped"], "with": { "it": with } },
            "later": { "type": "noop", "needs": ["t"] }
        }
    });
    if let Some(when) = when {
        doc["tasks"]["t"]["when"] = json!(when);
    }
    serde_json::from_value(doc).expect("a document")
}

fn scope(inputs: Json) -> Scope {
    let run = RunFacts {
        id: "run-1".into(),
        flow: "f".into(),
        version: 3,
        started_at: "2026-01-31T12:00:00Z".into(),
        ..RunFacts::default()
    };
    let mut scope = Scope::new(Arc::new(inputs), run);
    let output = json!({ "status": 200, "headers": { "x-kind": "list" }, "body": [{ "id": 7, "name": "Ada" }, { "id": 8, "name": "Bo" }] });
    scope.task(
        "a",
        TaskFacts {
            output: Some(Arc::new(output)),
            state: "succeeded",
            attempts: 2,
            ..TaskFacts::default()
        },
    );
    scope.task(
        "load-all",
        TaskFacts {
            output: Some(Arc::new(json!("done"))),
            state: "succeeded",
            attempts: 1,
            ..TaskFacts::default()
        },
    );
    scope.task(
        "skipped",
        TaskFacts {
            state: "skipped",
            ..TaskFacts::default()
        },
    );
    scope
}

fn inputs() -> Json {
    json!({ "day": "2026-01-31", "limit": 100, "rows": [3, 1, 2], "text": "a<b & \"c\"", "big": u64::MAX })
}

/// What a value renders to, or the problems it has, or why it cannot be rendered.
fn outcome(with: Json, inputs: Json) -> String {
    let (program, problems) = Program::compile(&flow(with, None));
    if !problems.is_empty() {
        return problems
            .iter()
            .map(|problem| format!("{}: {problem}", problem.code))
            .collect::<Vec<_>>()
            .join("\n");
    }
    let template = &program.task("t").expect("the task").with;
    match template.render(&program, &scope(inputs)) {
        Ok(mut rendered) => rendered["it"].take().to_string(),
        Err(error) => format!("failed: {error}"),
    }
}

fn check_all(texts: &[&str], expected: Expect) {
    let lines: Vec<String> = texts
        .iter()
        .map(|text| format!("{text}\n    {}\n", outcome(json!(text), inputs())))
        .collect();
    expected.assert_eq(&lines.concat());
}

fn check_when(when: &str, expected: Expect) {
    let (program, problems) = Program::compile(&flow(json!(null), Some(when)));
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let condition = program
        .task("t")
        .and_then(|task| task.when.as_ref())
        .expect("a condition");
    let mut scope = scope(inputs());
    scope.upstream(UpstreamCounts {
        n_succeeded: 2,
        n_failed: 0,
        n_skipped: 1,
    });
    let said = match condition.holds(&program, &scope) {
        _ if !told.is_empty() => told.join("\n"),
        Ok(holds) => holds.to_string(),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&said);
}

#[test]
fn an_expression_alone_keeps_its_type() {
    check_all(
        &[
            "{{ inputs.limit }}",
            "{{ inputs.limit + 1 }}",
            "{{ inputs.big }}",
            "{{ inputs.rows }}",
            "{{ tasks.a.output.body[0] }}",
            "{{ tasks.a.output.headers['x-kind'] }}",
            "{{ tasks['load-all'].output }}",
            "{{ tasks.skipped.output }}",
            "{{ inputs.limit > 3 and not false }}",
            "{{ 1 <= inputs.limit < 1000 }}",
            "{{ 7 / 2 }}",
            "{{ 2.0 * 3 }}",
            "{{ {'a': inputs.rows[0], 'b': [1, (2, 3)]} }}",
            "{{ inputs.rows[1:] }}",
            "{{ inputs.rows[::-1] }}",
            "{{ inputs.day[:4] }}",
            "{{ 'x' if inputs.limit > 1000 }}",
            "{{ inputs.day }}\n",
            "{{ run.version }}",
            "{{ tasks.a.attempts }}",
        ],
        expect![[r#"
            {{ inputs.limit }}
                100
            {{ inputs.limit + 1 }}
                101
            {{ inputs.big }}
                18446744073709551615
            {{ inputs.rows }}
                [3,1,2]
            {{ tasks.a.output.body[0] }}
                {"id":7,"name":"Ada"}
            {{ tasks.a.output.headers['x-kind'] }}
                "list"
            {{ tasks['load-all'].output }}
                "done"
            {{ tasks.skipped.output }}
                null
            {{ inputs.limit > 3 and not false }}
                true
            {{ 1 <= inputs.limit < 1000 }}
                true
            {{ 7 / 2 }}
                3.5
            {{ 2.0 * 3 }}
                6.0
            {{ {'a': inputs.rows[0], 'b': [1, (2, 3)]} }}
                {"a":3,"b":[1,[2,3]]}
            {{ inputs.rows[1:] }}
                [1,2]
            {{ inputs.rows[::-1] }}
                [2,1,3]
            {{ inputs.day[:4] }}
                "2026"
            {{ 'x' if inputs.limit > 1000 }}
                null
            {{ inputs.day }}

                "2026-01-31"
            {{ run.version }}
                3
            {{ tasks.a.attempts }}
                2
        "#]],
    );
}

#[test]
fn a_text_with_expressions_is_a_text() {
    check_all(
        &[
            "https://shop.example/orders?day={{ inputs.date }}",
            "https://shop.example/orders?day={{ inputs.day }}",
            " {{ inputs.limit }}",
            "{{ inputs.limit }}{{ inputs.limit }}",
            "{{ inputs.rows }}, {{ tasks.a.output.body[1] }}, {{ none }}, {{ true }}, {{ 1.5 }}, {{ inputs.text }}",
            "{% for row in tasks.a.output.body %}{{ loop.index }}. {{ row.name }}\n{% endfor %}",
            "{% for k, v in tasks.a.output.headers | items %}{{ k }}={{ v }}{% else %}none{% endfor %}",
            "{% if inputs.limit > 3 %}many{% else %}few{% endif %} rows\n",
            "{% set n = inputs.limit %}{{ n * 2 }}{# not shown #}",
            "{% raw %}{{ not read }}{% endraw %}",
            "{{ '{{ inputs.limit }}' }}",
        ],
        expect![[r#"
            https://shop.example/orders?day={{ inputs.date }}
                unknown_input: error: The flow has no input `date`. (tasks.t.with.it)
            https://shop.example/orders?day={{ inputs.day }}
                "https://shop.example/orders?day=2026-01-31"
             {{ inputs.limit }}
                " 100"
            {{ inputs.limit }}{{ inputs.limit }}
                "100100"
            {{ inputs.rows }}, {{ tasks.a.output.body[1] }}, {{ none }}, {{ true }}, {{ 1.5 }}, {{ inputs.text }}
                "[3,1,2], {\"id\":8,\"name\":\"Bo\"}, null, true, 1.5, a<b & \"c\""
            {% for row in tasks.a.output.body %}{{ loop.index }}. {{ row.name }}
            {% endfor %}
                "1. Ada\n2. Bo\n"
            {% for k, v in tasks.a.output.headers | items %}{{ k }}={{ v }}{% else %}none{% endfor %}
                "x-kind=list"
            {% if inputs.limit > 3 %}many{% else %}few{% endif %} rows

                "many rows\n"
            {% set n = inputs.limit %}{{ n * 2 }}{# not shown #}
                "200"
            {% raw %}{{ not read }}{% endraw %}
                "{{ not read }}"
            {{ '{{ inputs.limit }}' }}
                "{{ inputs.limit }}"
        "#]],
    );
}

#[test]
fn filters_for_data() {
    check_all(
        &[
            "{{ tasks.a.output.body | map(attribute='name') | join(', ') }}",
            "{{ tasks.a.output.body | map(attribute='id') | sum }}",
            "{{ tasks.a.output.body | sum(attribute='id') }}",
            "{{ tasks.a.output.body | selectattr('id', 'gt', 7) | list }}",
            "{{ inputs.rows | sort }}",
            "{{ tasks.a.output.body | sort(attribute='id', reverse=true) | first }}",
            "{{ [1, 1, 2] | unique }}",
            "{{ inputs.rows | max }}",
            "{{ tasks.a.output | tojson | fromjson == tasks.a.output }}",
            "{{ tasks.a.output.headers | tojson(indent=2) }}",
            "{{ tasks.a.output.body | groupby('name') | map('first') }}",
            "{{ 'a b&c' | urlencode }}",
            "{{ 'Pointwork!' | b64encode }} {{ 'UG9pbnR3b3JrIQ==' | b64decode }}",
            "{{ 'abc' | sha256 }}",
            "{{ 'a,b,c' | split(',') }}",
            "{{ {'b': 1, 'a': 2} | keys }} {{ {'b': 1, 'a': 2} | values }} {{ {'b': 1, 'a': 2} | items }}",
            "{{ [[1, 2], [3], 4] | flatten }}",
            "{{ [1, 2] | zip(['a', 'b']) }}",
            "{{ inputs.rows | batch(2) }}",
            "{{ '%05.1f' | format(3.14159) }}",
            "{{ 'x\ny' | indent(2) }}",
            "{{ 'aXbX' | replace('X', '--') }}",
            "{{ '12' | int + 1 }}",
            "{{ 3.7 | round }}",
            "{{ tasks.a.output.missing | default('none') }}",
            "{{ tasks.skipped.output.body | default([]) }}",
            "{{ tasks.a.output.missing is defined }}",
            "{{ inputs.rows | tojson ~ 1 }}",
            "{{ range(3) }}",
            "{{ dict(a=1) }}",
            "{{ inputs.rows + [9] }}",
            "{{ 2 in inputs.rows }}, {{ 'id' in tasks.a.output.body[0] }}, {{ 'shop' not in 'workshop' }}",
        ],
        expect![[r#"
            {{ tasks.a.output.body | map(attribute='name') | join(', ') }}
                "Ada, Bo"
            {{ tasks.a.output.body | map(attribute='id') | sum }}
                15
            {{ tasks.a.output.body | sum(attribute='id') }}
                15
            {{ tasks.a.output.body | selectattr('id', 'gt', 7) | list }}
                [{"id":8,"name":"Bo"}]
            {{ inputs.rows | sort }}
                [1,2,3]
            {{ tasks.a.output.body | sort(attribute='id', reverse=true) | first }}
                {"id":8,"name":"Bo"}
            {{ [1, 1, 2] | unique }}
                [1,2]
            {{ inputs.rows | max }}
                3
            {{ tasks.a.output | tojson | fromjson == tasks.a.output }}
                true
            {{ tasks.a.output.headers | tojson(indent=2) }}
                "{\n  \"x-kind\": \"list\"\n}"
            {{ tasks.a.output.body | groupby('name') | map('first') }}
                ["Ada","Bo"]
            {{ 'a b&c' | urlencode }}
                "a%20b%26c"
            {{ 'Pointwork!' | b64encode }} {{ 'UG9pbnR3b3JrIQ==' | b64decode }}
                "UG9pbnR3b3JrIQ== Pointwork!"
            {{ 'abc' | sha256 }}
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            {{ 'a,b,c' | split(',') }}
                ["a","b","c"]
            {{ {'b': 1, 'a': 2} | keys }} {{ {'b': 1, 'a': 2} | values }} {{ {'b': 1, 'a': 2} | items }}
                "[\"b\",\"a\"] [1,2] [[\"b\",1],[\"a\",2]]"
            {{ [[1, 2], [3], 4] | flatten }}
                [1,2,3,4]
            {{ [1, 2] | zip(['a', 'b']) }}
                [[1,"a"],[2,"b"]]
            {{ inputs.rows | batch(2) }}
                [[3,1],[2]]
            {{ '%05.1f' | format(3.14159) }}
                "003.1"
            {{ 'x
            y' | indent(2) }}
                "x\n  y"
            {{ 'aXbX' | replace('X', '--') }}
                "a--b--"
            {{ '12' | int + 1 }}
                13
            {{ 3.7 | round }}
                4.0
            {{ tasks.a.output.missing | default('none') }}
                "none"
            {{ tasks.skipped.output.body | default([]) }}
                []
            {{ tasks.a.output.missing is defined }}
                false
            {{ inputs.rows | tojson ~ 1 }}
                "[3,1,2]1"
            {{ range(3) }}
                [0,1,2]
            {{ dict(a=1) }}
                {"a":1}
            {{ inputs.rows + [9] }}
                [3,1,2,9]
            {{ 2 in inputs.rows }}, {{ 'id' in tasks.a.output.body[0] }}, {{ 'shop' not in 'workshop' }}
                "true, true, false"
        "#]],
    );
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    check_all(
        &[
            "{{ tasks.a.output.boddy }}",
            "{{ tasks.a.output.body.name }}",
            "{{ tasks.a.output.body[0].nme + 1 }}",
            "{{ tasks.skipped.output.body }}",
            "{{ tasks.a.output.status.code }}",
            "{{ tasks.a.output.none.x | default(1) }}",
            "{{ 1 + tasks.a.output.count }}",
            "{{ tasks.a.output.body | map(attribute='nme') | join(',') }}",
            "{% for row in tasks.a.output.body %}{{ row.nme }}{% endfor %}",
            "{{ tasks.a.output['x' ~ 'y'] }}",
            "{{ tasks['a' ~ inputs.limit].state }}",
            "day {{ inputs.rows[7] }}",
            "{{ inputs.day + 1 }}",
            "{{ inputs.day > 1 }}",
            "{{ inputs.big + 1 }}",
            "{{ 1 / 0 }}",
            "{{ 'x' | int }}",
            "{{ inputs.day | sum }}",
            "{{ 'x' | fromjson }}",
        ],
        expect![[r#"
            {{ tasks.a.output.boddy }}
                failed: `tasks.a.output.boddy` is not there; `tasks.a.output` has: status, headers, body (did you mean `body`?). In `{{ tasks.a.output.boddy }}` (tasks.t.with.it)
            {{ tasks.a.output.body.name }}
                failed: `tasks.a.output.body.name` is not there; `tasks.a.output.body` is a list and has no fields. In `{{ tasks.a.output.body.name }}` (tasks.t.with.it)
            {{ tasks.a.output.body[0].nme + 1 }}
                failed: `tasks.a.output.body[0].nme` is not there; `tasks.a.output.body[0]` has: id, name (did you mean `name`?). In `{{ tasks.a.output.body[0].nme + 1 }}` (tasks.t.with.it)
            {{ tasks.skipped.output.body }}
                failed: `tasks.skipped.output.body` is not there; `tasks.skipped.output` is null: the task is skipped. In `{{ tasks.skipped.output.body }}` (tasks.t.with.it)
            {{ tasks.a.output.status.code }}
                failed: `tasks.a.output.status.code` is not there; `tasks.a.output.status` is a number and has no fields. In `{{ tasks.a.output.status.code }}` (tasks.t.with.it)
            {{ tasks.a.output.none.x | default(1) }}
                failed: `tasks.a.output.none` is not there; `tasks.a.output` has: status, headers, body. In `{{ tasks.a.output.none.x | default(1) }}` (tasks.t.with.it)
            {{ 1 + tasks.a.output.count }}
                failed: `tasks.a.output.count` is not there; `tasks.a.output` has: status, headers, body. In `{{ 1 + tasks.a.output.count }}` (tasks.t.with.it)
            {{ tasks.a.output.body | map(attribute='nme') | join(',') }}
                failed: `join`: an item of the list is not there. In `{{ tasks.a.output.body | map(attribute='nme') | join(',') }}` (tasks.t.with.it)
            {% for row in tasks.a.output.body %}{{ row.nme }}{% endfor %}
                failed: `row.nme` is not there; there is: id, name. In `{% for row in tasks.a.output.body %}{{ row.nme }}{% endfor %}` (tasks.t.with.it)
            {{ tasks.a.output['x' ~ 'y'] }}
                failed: `xy` is not there; there is: status, headers, body. In `{{ tasks.a.output['x' ~ 'y'] }}` (tasks.t.with.it)
            {{ tasks['a' ~ inputs.limit].state }}
                failed: `a100` is not there; there is: a, load-all, skipped. In `{{ tasks['a' ~ inputs.limit].state }}` (tasks.t.with.it)
            day {{ inputs.rows[7] }}
                failed: `inputs.rows[7]` is not there; `inputs.rows` is a list of 3. In `day {{ inputs.rows[7] }}` (tasks.t.with.it)
            {{ inputs.day + 1 }}
                failed: `+` cannot add a text and a number; join texts with `~`. In `{{ inputs.day + 1 }}` (tasks.t.with.it)
            {{ inputs.day > 1 }}
                failed: `>` cannot compare a text and a number. In `{{ inputs.day > 1 }}` (tasks.t.with.it)
            {{ inputs.big + 1 }}
                failed: Yields 18446744073709551616, an integer of more than 64 bits; use `| float` or `| string`. In `{{ inputs.big + 1 }}` (tasks.t.with.it)
            {{ 1 / 0 }}
                failed: Unable to calculate 1 / 0. In `{{ 1 / 0 }}` (tasks.t.with.it)
            {{ 'x' | int }}
                failed: Invalid float literal. In `{{ 'x' | int }}` (tasks.t.with.it)
            {{ inputs.day | sum }}
                failed: `sum` needs a list, not a text. In `{{ inputs.day | sum }}` (tasks.t.with.it)
            {{ 'x' | fromjson }}
                failed: `fromjson`: the text is no JSON: expected value at line 1 column 1. In `{{ 'x' | fromjson }}` (tasks.t.with.it)
        "#]],
    );
}

#[test]
fn references_are_checked_when_a_flow_is_read() {
    check_all(
        &[
            "{{ tasks.fetch.output }}",
            "{{ tasks.skiped.output }}",
            "{{ tasks.later.output }}",
            "{{ tasks.t.output }}",
            "{{ tasks.load-all.output }}",
            "{{ tasks.a.body }}",
            "{{ tasks.a.outptu }}",
            "{{ inputs.limt }}",
            "{{ run.user }}",
            "x {{ secrets.smtp }}",
            "{{ item }}",
            "{{ upstream.n_failed }}",
            "{{ a.output }}",
            "{{ env.HOME }}",
            "{{ limit | defualt(1) }}",
            "{{ limit is divisble(1) }}",
            "{{ inputs.limit + }}",
            "{{ inputs.limit",
            "{{ now() }}",
            "{{ inputs.day.upper() }}",
            "{% include 'x' %}",
            "{% macro m() %}{% endmacro %}",
            "{% set x %}{{ 1 }}{% endset %}",
            "{% filter upper %}x{% endfilter %}",
            "echo ${#files}",
            "{% for x in inputs.rows recursive %}{{ loop(x) }}{% endfor %}",
        ],
        expect![[r#"
            {{ tasks.fetch.output }}
                unknown_task: error: There is no task `fetch`. (tasks.t.with.it)
            {{ tasks.skiped.output }}
                unknown_task: error: There is no task `skiped` (did you mean `skipped`?). (tasks.t.with.it)
            {{ tasks.later.output }}
                not_upstream: error: `t` does not come after `later`, so it may not have run; add `later` to the `needs` of `t`. (tasks.t.with.it)
            {{ tasks.t.output }}
                not_upstream: error: `t` refers to itself, before it has run. (tasks.t.with.it)
            {{ tasks.load-all.output }}
                unknown_task: error: There is no task `load`; a `-` in a name is read as minus: write `tasks['load-all']`. (tasks.t.with.it)
            {{ tasks.a.body }}
                unknown_field: error: `tasks.a` has no field `body`; it has output, state, error, exit_code, attempts, case; what the task gave is in `tasks.a.output`. (tasks.t.with.it)
            {{ tasks.a.outptu }}
                unknown_field: error: `tasks.a` has no field `outptu`; it has output, state, error, exit_code, attempts, case (did you mean `output`?). (tasks.t.with.it)
            {{ inputs.limt }}
                unknown_input: error: The flow has no input `limt` (did you mean `limit`?). (tasks.t.with.it)
            {{ run.user }}
                unknown_field: error: `run` has no field `user`; it has id, flow, version, started_at, labels, outcome, error. (tasks.t.with.it)
            x {{ secrets.smtp }}
                secret_reference: error: Secrets cannot be read by expressions; only a field made for secrets takes `{{ secrets.name }}`, with nothing before or after it. (tasks.t.with.it)
            {{ item }}
                unknown_name: error: `item` is there only in `with` and `when` of a task with `for_each`. (tasks.t.with.it)
            {{ upstream.n_failed }}
                unknown_name: error: `upstream` is there only in a task's own `when`. (tasks.t.with.it)
            {{ a.output }}
                unknown_name: error: There is no `a`; expressions see `inputs`, `vars`, `tasks` and `run` (did you mean `tasks.a`?). (tasks.t.with.it)
            {{ env.HOME }}
                unknown_name: error: The environment cannot be read; give the run an input. (tasks.t.with.it)
            {{ limit | defualt(1) }}
                expression: error: There is no filter `defualt` (did you mean `default`?). (tasks.t.with.it)
            {{ limit is divisble(1) }}
                expression: error: There is no test `is divisble`. (tasks.t.with.it)
            {{ inputs.limit + }}
                expression: error: The expression cannot be read at character 19: unexpected end of variable block. (tasks.t.with.it)
            {{ inputs.limit
                expression: error: The expression cannot be read at character 11: unexpected end of input, expected end of variable block. (tasks.t.with.it)
            {{ now() }}
                expression: error: There is no function `now()`; there are `range()` and `dict()`. Filters are written `value | name`. (tasks.t.with.it)
            {{ inputs.day.upper() }}
                expression: error: Values have no methods such as `.upper()`; use a filter: `value | upper`. (tasks.t.with.it)
            {% include 'x' %}
                expression: error: `{% include %}` is not available: every text stands alone. (tasks.t.with.it)
            {% macro m() %}{% endmacro %}
                expression: error: `{% macro %}` is not available: use a task whose output others read. (tasks.t.with.it)
            {% set x %}{{ 1 }}{% endset %}
                expression: error: `{% set name %}…{% endset %}` is not available: use `{% set name = … %}`. (tasks.t.with.it)
            {% filter upper %}x{% endfilter %}
                expression: error: `{% filter %}` is not available: use `{{ value | filter }}`. (tasks.t.with.it)
            echo ${#files}
                expression: error: The expression cannot be read at character 15: unexpected end of comment. A plain `{#` is written `{{ '{#' }}`. (tasks.t.with.it)
            {% for x in inputs.rows recursive %}{{ loop(x) }}{% endfor %}
                expression: error: Recursive loops are not available. (tasks.t.with.it)
            expression: error: There is no function `loop()`; there are `range()` and `dict()`. Filters are written `value | name`. (tasks.t.with.it)
        "#]],
    );
}

#[test]
fn conditions_are_true_or_false() {
    check_when("inputs.limit > 3", expect!["true"]);
    check_when("{{ inputs.limit < 3 }}", expect!["false"]);
    check_when(
        "upstream.n_failed == 0 and upstream.n_skipped < 2",
        expect!["true"],
    );
    check_when("true", expect!["true"]);
    check_when(
        "inputs.rows",
        expect![
            "A condition must give true or false, not a list; write `… | length > 0`. In `inputs.rows` (tasks.t.when)"
        ],
    );
    check_when(
        "{{ 'false' }}",
        expect![[
            r#"A condition must give true or false, not a text; compare it, as in `… == "yes"`. In `{{ 'false' }}` (tasks.t.when)"#
        ]],
    );
    check_when(
        "inputs.nothing",
        expect!["error: The flow has no input `nothing`. (tasks.t.when)"],
    );
    check_when(
        "tasks.a.output.nothing",
        expect![
            "`tasks.a.output.nothing` is not there; `tasks.a.output` has: status, headers, body. In `tasks.a.output.nothing` (tasks.t.when)"
        ],
    );
    check_when(
        "{{ true }} and {{ false }}",
        expect![
            "error: A condition is one expression that gives true or false, such as `inputs.count > 3`. (tasks.t.when)"
        ],
    );
    check_when(
        "",
        expect![
            "error: The expression cannot be read at character 1: unexpected end of input, expected expression. (tasks.t.when)"
        ],
    );
}

/// A document and what is wrong with its expressions.
fn check_doc(doc: Json, expected: Expect) {
    let doc: FlowDoc = serde_json::from_value(doc).expect("a document");
    let (_, problems) = Program::compile(&doc);
    expected.assert_eq(
        &problems
            .iter()
            .map(|problem| format!("{} {problem}\n", problem.task.as_deref().unwrap_or("-")))
            .collect::<String>(),
    );
}

#[test]
fn each_place_sees_what_can_have_ended() {
    check_doc(
        json!({
            "flow": "f",
            "tasks": {
                "a": { "type": "noop", "undo": { "type": "noop", "with": { "x": "{{ tasks.a.output }}{{ tasks.b.output }}" } } },
                "b": { "type": "noop", "needs": [{ "task": "a", "when": "tasks.a.output.ok and tasks.c.output.ok" }] },
                "c": { "type": "switch", "needs": ["b"], "with": { "cases": { "x": "tasks.a.output > 1", "y": "{{ tasks.d.state }}", "z": 3 }, "default": "{{ tasks.b.x }}" } },
                "d": { "type": "noop", "needs": ["c"], "when": "upstream.n_faild > 0", "with": { "list": [1, { "deep": "{{ inputs.x }}" }], "{{ k }}": 1 } }
            },
            "finally": {
                "f1": { "type": "noop", "with": { "x": "{{ tasks.d.state }}{{ run.outcome }}{{ tasks.f2.state }}" } },
                "f2": { "type": "noop", "needs": ["f1"], "with": { "x": "{{ tasks.f1.state }}{{ tasks.g.state }}" } }
            },
            "on_failure": { "g": { "type": "noop", "with": { "x": "{{ tasks.f2.state }}{{ tasks.a.error.kind }}" } } },
            "outputs": { "total": "{{ tasks.d.output }}", "wrong": "{{ tasks.f1.output }}", "upstream": "{{ upstream.n_failed }}" }
        }),
        expect![[r#"
            a error: What takes `a` back sees `a` and the tasks before it; `b` is none of them. (tasks.a.undo.with.x)
            b error: `b` does not come after `c`, so it may not have run; add `c` to the `needs` of `b`. (tasks.b.needs[0].when)
            c error: `c` does not come after `d`, so it may not have run; add `d` to the `needs` of `c`. (tasks.c.with.cases.y)
            c error: Here stands an expression that gives true or false. (tasks.c.with.cases.z)
            c error: `tasks.b` has no field `x`; it has output, state, error, exit_code, attempts, case; what the task gave is in `tasks.b.output`. (tasks.c.with.default)
            d error: `upstream` has no field `n_faild`; it has n_succeeded, n_failed, n_skipped (did you mean `n_failed`?). (tasks.d.when)
            d error: The flow has no input `x`. (tasks.d.with.list[1].deep)
            d error: A key cannot hold an expression; build the object with one: `{{ {name: value} }}`. (tasks.d.with['{{ k }}'])
            f1 error: `f1` does not come after `f2`, so it may not have run; add `f2` to the `needs` of `f1`. (finally.f1.with.x)
            f2 error: `f2` does not come after `g`, so it may not have run; add `g` to the `needs` of `f2`. (finally.f2.with.x)
            - error: The outputs of the flow see its main tasks; `f1` is not one of them. (outputs.wrong)
            - error: `upstream` is there only in a task's own `when`. (outputs.upstream)
        "#]],
    );
}

#[test]
fn references_are_found() {
    let (program, problems) = Program::compile(&flow(
        json!({ "x": ["{{ tasks.a.state }}", "{{ tasks['load-all'].output.x }} {{ inputs.day }}"] }),
        None,
    ));
    assert_eq!(problems, []);
    expect![[r#"
        Refs {
            tasks: [
                "a",
                "load-all",
            ],
            outputs: [
                "load-all",
            ],
            any_task: false,
            inputs: true,
            input_names: [
                "day",
            ],
            any_input: false,
            vars: [],
            run: false,
            upstream: false,
            item: false,
            iteration: false,
            last: false,
            now: false,
        }
    "#]]
    .assert_debug_eq(program.task("t").expect("the task").with.refs());
    let (program, _) = Program::compile(&flow(json!("{% set x = tasks %}{{ run.id }}"), None));
    expect![[r#"
        Refs {
            tasks: [],
            outputs: [],
            any_task: true,
            inputs: false,
            input_names: [],
            any_input: false,
            vars: [],
            run: true,
            upstream: false,
            item: false,
            iteration: false,
            last: false,
            now: false,
        }
    "#]]
    .assert_debug_eq(program.task("t").expect("the task").with.refs());
    let (program, _) = Program::compile(&flow(json!({ "plain": ["text", 1] }), None));
    let with = &program.task("t").expect("the task").with;
    assert!(with.is_literal() && with.refs().is_empty());
}

#[test]
fn the_cases_of_a_switch_are_conditions() {
    let doc = json!({
        "flow": "f",
        "inputs": { "n": {} },
        "tasks": { "s": { "type": "switch", "with": { "cases": { "big": "{{ inputs.n > 10 }}", "mid": "inputs.n > 5", "any": true }, "default": "small" } } }
    });
    let (program, problems) = Program::compile(&serde_json::from_value(doc).expect("a document"));
    assert_eq!(problems, []);
    let task = program.task("s").expect("the task");
    let scope = Scope::new(Arc::new(json!({ "n": 7 })), RunFacts::default());
    let holds: Vec<_> = task
        .cases
        .iter()
        .map(|(name, case)| (name.as_str(), case.holds(&program, &scope)))
        .collect();
    assert_eq!(holds, [("big", Ok(false)), ("mid", Ok(true)), ("any", Ok(true))]);
    assert_eq!(
        task.with.render(&program, &scope),
        Ok(json!({ "default": "small" }))
    );
}

proptest::proptest! {
    #[test]
    fn no_text_brings_it_down(text in r"([{}%#|.\[\]()'+*~<=a-z0-9 -]|\{\{ | \}\}|\{% (for|if|set|else|endif|endfor|with) | %\}|inputs\.|tasks\.a\.|rows|tojson|length){0,40}") {
        let _ = outcome(json!(text), inputs());
        let _ = outcome(json!(format!("{{{{ {text} }}}}")), inputs());
    }

    #[test]
    fn every_value_passes_unchanged(numbers in proptest::collection::vec(proptest::num::i64::ANY, 0..5), float in proptest::num::f64::NORMAL, text in ".*") {
        let value = json!({ "numbers": numbers, "float": float, "big": u64::MAX, "z": { "text": text }, "a": [null, true, [text]] });
        let rows = json!({ "rows": value });
        proptest::prop_assert_eq!(outcome(json!("{{ inputs.rows }}"), rows.clone()), value.to_string());
        proptest::prop_assert_eq!(outcome(json!("{{ inputs.rows | tojson | fromjson }}"), rows.clone()), value.to_string());
        proptest::prop_assert_eq!(outcome(json!("{{ {'x': inputs.rows, 'y': [inputs.rows.a]} }}"), rows), json!({ "x": value, "y": [value["a"]] }).to_string());
    }
}
