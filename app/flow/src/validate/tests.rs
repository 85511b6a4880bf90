use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

/// A few task types like the real ones.
pub(crate) struct Types(Vec<(&'static str, Value)>);

impl Types {
    pub(crate) fn new() -> Self {
        let object = |properties: Value, required: &[&str]| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        Self(vec![
            ("noop", object(json!({}), &[])),
            ("fail", object(json!({"message": {"type": "string"}}), &[])),
            (
                "log",
                object(
                    json!({"message": {"type": "string"}, "level": {"enum": ["info", "warn"]}}),
                    &["message"],
                ),
            ),
            (
                "approval",
                object(
                    json!({"title": {"type": "string"}, "form": {"type": "object"}, "on_timeout": {"type": "string"}}),
                    &[],
                ),
            ),
            ("signal", object(json!({"name": {"type": "string"}}), &[])),
            ("loop", schemars::schema_for!(crate::looping::LoopWith).to_value()),
            (
                "switch",
                object(
                    json!({"cases": {"type": "object"}, "default": {"type": "string"}}),
                    &["cases"],
                ),
            ),
            (
                "shell",
                object(
                    json!({"command": {"type": "string"}, "env": {"type": "object", "additionalProperties": {"type": "string"}, "x-secret": true}}),
                    &["command"],
                ),
            ),
            (
                "http.request",
                object(
                    json!({
                        "url": {"type": "string", "format": "uri"},
                        "method": {"enum": ["GET", "POST"]},
                        "expect": {"type": "array", "items": {"type": "integer", "minimum": 100}},
                        "pause": HumanDurationSchema::value(),
                        "body": {"anyOf": [{"type": "string"}, {"type": "object"}]}
                    }),
                    &["url"],
                ),
            ),
            (
                "fetch_data",
                object(
                    json!({"data_source": {"type": "string"}, "timeout": {"type": "number"}, "failure_rate": {"type": "number", "maximum": 1}}),
                    &[],
                ),
            ),
            (
                "process_data",
                object(
                    json!({"results": {"type": "object"}, "failure_rate": {"type": "number"}}),
                    &[],
                ),
            ),
            (
                "store_data",
                object(
                    json!({"destination": {"type": "string"}, "failure_rate": {"type": "number"}}),
                    &[],
                ),
            ),
        ])
    }
}

struct HumanDurationSchema;

impl HumanDurationSchema {
    fn value() -> Value {
        schemars::SchemaGenerator::default()
            .subschema_for::<crate::time::HumanDuration>()
            .to_value()
    }
}

impl TypeCatalog for Types {
    fn input_schema(&self, task_type: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(key, _)| *key == task_type)
            .map(|(_, schema)| schema)
    }

    fn known(&self) -> Vec<&str> {
        self.0.iter().map(|(key, _)| *key).collect()
    }

    fn has_secret(&self, name: &str) -> Option<bool> {
        Some(name == "token")
    }

    fn has_variable(&self, name: &str) -> Option<bool> {
        Some(name == "base_url")
    }
}

/// What checking a YAML text tells.
#[expect(clippy::needless_pass_by_value, reason = "the macro makes a value")]
fn check_text(text: &str, expected: Expect) {
    let checked = check(text.as_bytes(), Format::Yaml, &Types::new());
    let told: String = checked
        .problems
        .iter()
        .map(|problem| format!("{problem} [{}]\n", problem.code))
        .collect();
    assert_eq!(checked.doc.is_none(), told.contains("error: "), "{told}");
    expected.assert_eq(&told);
}

/// The same of a flow with these tasks, whose lines are indented already.
fn check_tasks(tasks: &str, expected: Expect) {
    check_text(&format!("flow: f\ntasks:\n{tasks}"), expected);
}

#[test]
fn a_good_flow_has_no_problems() {
    check_tasks(
        r#"  fetch: { type: http.request, with: { url: "https://a.example", expect: ["{{ inputs.status }}", 200], method: "{{ 'GET' }}" } }
  size: { type: switch, needs: [fetch], with: { cases: { big: "{{ true }}" }, default: small } }
  big: { type: noop, needs: [{ task: size, on: big }] }
  small: { type: noop, needs: [{ task: size, on: [small] }] }
  end: { type: noop, needs: [big, small], join: any }
  alert: { type: log, needs: [{ task: end, on: [failed, cancelled], handles: false }], with: { message: oh } }
inputs: { status: { type: integer, default: 200 } }
finally: { a1: { type: noop }, b1: { type: noop, needs: [a1] } }
on_failure: { a2: { type: noop } }
"#,
        expect![[""]],
    );
}

#[test]
fn ids_are_checked() {
    check_text(
        "flow: My Flow\ntasks:\n  Fetch It!: { type: noop }\n  -x: { type: noop }\n  'ü': { type: noop }\nfinally:\n  again: { type: noop }\non_failure:\n  again: { type: noop }\n",
        expect![[r#"
            1:7: error: `My Flow` cannot be a flow's id: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit and are at most 64 long; `my-flow` would do (flow) [bad_id]
            3:3: error: `Fetch It!` cannot be a task's id: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit and are at most 64 long; `fetch-it` would do (tasks["Fetch It!"]) [bad_id]
            4:3: error: `-x` cannot be a task's id: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit and are at most 64 long; `x` would do (tasks.-x) [bad_id]
            5:3: error: `ü` cannot be a task's id: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit and are at most 64 long (tasks["ü"]) [bad_id]
            9:3: error: `again` is already a task of `finally`; all tasks of a flow need ids of their own (on_failure.again) [duplicate_id]
        "#]],
    );
    check_text(
        "flow: summary\ntasks: {}\n",
        expect![[r#"
        1:7: error: `summary` is an address of the application's own; give the flow another id (flow) [reserved_id]
        2:1: error: a flow needs at least one task in `tasks` (tasks) [no_tasks]
    "#]],
    );
    check_text(
        "flow: a\n",
        expect![[r#"
        1:1: error: a flow needs `tasks` (tasks) [missing_field]
    "#]],
    );
    check_text(
        &format!("flow: {}\ntasks: {{ a: {{ type: noop }} }}", "a".repeat(65)),
        expect![[r#"
        1:7: error: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` cannot be a flow's id: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit and are at most 64 long; `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` would do (flow) [bad_id]
    "#]],
    );
}

#[test]
fn edges_are_checked() {
    check_tasks(
        r#"  fetch: { type: noop, needs: [fetch] }
  a: { type: noop, needs: [fetsh, { task: nobody, on: failed }] }
  b: { type: noop, needs: [fetch, { task: fetch, on: succeeded }, { task: fetch, on: failed }] }
  c: { type: noop, needs: [{ task: fetch, on: suceeded }, { task: a, on: [] }] }
  d: { type: noop, needs: [tidy] }
finally:
  tidy: { type: noop, needs: [a] }
on_failure:
  alert: { type: noop, needs: [tidy] }
"#,
        expect![[r#"
            3:32: error: `fetch` needs itself; remove this edge (tasks.fetch.needs[0]) [self_edge]
            4:28: error: there is no task `fetsh` (did you mean `fetch`?) (tasks.a.needs[0]) [unknown_task]
            4:43: error: there is no task `nobody` (tasks.a.needs[1].task) [unknown_task]
            5:20: warning: `b` can never start: its edges from `fetch` exclude each other, and `join: all` wants both; use `join: any`, or one edge with a list in `on` (tasks.b.needs) [never_starts]
            5:35: error: this edge from `fetch` stands here twice; remove one of them (tasks.b.needs[1]) [duplicate_edge]
            6:47: error: `suceeded` is no outcome (did you mean `succeeded`?); write succeeded, failed, skipped, cancelled, always, or a case if `fetch` were a switch (tasks.c.needs[0].on) [unknown_on]
            6:70: error: `on` is empty, so nothing could take this edge; name an outcome or leave `on` out (tasks.c.needs[1].on) [unknown_on]
            7:28: error: `tidy` is a task of `finally`; tasks of `tasks` need only each other: those run only after it (tasks.d.needs[0]) [other_group]
            9:31: error: `a` is a task of `tasks`; tasks of `finally` need only each other: all tasks of `tasks` have ended by then, so the edge is not needed (finally.tidy.needs[0]) [other_group]
            11:32: error: `tidy` is a task of `finally`; tasks of `on_failure` need only each other: those run only after it (on_failure.alert.needs[0]) [other_group]
        "#]],
    );
}

#[test]
fn cases_are_checked() {
    check_tasks(
        r#"  s: { type: switch, with: { cases: { big: "{{ 1 }}", failed: "{{ 2 }}" }, default: always } }
  a: { type: noop, needs: [{ task: s, on: [big, bigg, huge] }] }
  t: { type: switch, with: { cases: { x: "{{ true }}" }, default: "{{ 1 }}" } }
  b: { type: noop, needs: [{ task: t, on: anything }] }
"#,
        expect![[r#"
            3:63: error: a case cannot be called `failed`: on edges that word names an outcome of the task itself (tasks.s.with.cases.failed) [reserved_case]
            3:85: error: a case cannot be called `always`: on edges that word names an outcome of the task itself (tasks.s.with.default) [reserved_case]
            4:39: error: the switch `s` has no case `bigg` (did you mean `big`?); its cases are big, failed, always (tasks.a.needs[0].on) [unknown_case]
            4:39: error: the switch `s` has no case `huge`; its cases are big, failed, always (tasks.a.needs[0].on) [unknown_case]
        "#]],
    );
}

#[test]
fn cycles_are_told_once_each() {
    check_tasks(
        r#"  a: { type: noop, needs: [start, b] }
  b: { type: noop, needs: [a] }
  c: { type: noop, needs: [e] }
  d: { type: noop, needs: [c, e] }
  e: { type: noop, needs: [d] }
  start: { type: noop }
  after: { type: noop, needs: [a, e] }
"#,
        expect![[r#"
            3:35: error: these tasks wait for each other: a -> b -> a; remove one of the edges (tasks.a.needs[1]) [cycle]
            5:28: error: these tasks wait for each other: c -> d -> e -> c; remove one of the edges (tasks.c.needs[0]) [cycle]
        "#]],
    );
    let ring: String = (0..3_000)
        .map(|n| format!("  t{n}: {{ type: noop, needs: [t{}] }}\n", (n + 1) % 3_000))
        .collect();
    check_tasks(
        &ring,
        expect![[r#"
        3:29: error: these tasks wait for each other: t0 -> t2999 -> t2998 -> t2997 -> t2996 -> t2995 -> t2994 -> t2993 -> t2992 -> t2991 -> … 2981 more … -> t9 -> t8 -> t7 -> t6 -> t5 -> t4 -> t3 -> t2 -> t1 -> t0; remove one of the edges (tasks.t0.needs[0]) [cycle]
    "#]],
    );
}

#[test]
fn arguments_are_checked() {
    check_tasks(
        r#"  a: { type: http.reqest }
  b: { type: http.request, with: { urll: x, method: PUT, expect: [1, yes, 200], pause: soon, body: 3 } }
  c: { type: log, with: { message: [1] }, undo: { type: log, with: {} } }
  d: { type: shell, with: { command: "rm {{ inputs.x }}", env: { A: 1 } } }
  e: { type: log, with: { message: "{{ x }}", level: "{{ y }}" } }
inputs: { x: {} }
"#,
        expect![[r#"
            3:14: error: there is no task type `http.reqest` (did you mean `http.request`?); the types are noop, fail, log, approval, signal, loop, switch, shell, http.request, fetch_data, process_data, store_data (tasks.a.type) [unknown_type]
            4:28: error: `http.request` needs the argument `url` (tasks.b.with.url) [missing_argument]
            4:42: error: `http.request` has no argument `urll` (did you mean `url`?); its arguments are url, method, expect, pause, body (tasks.b.with.urll) [unknown_argument]
            4:53: error: "PUT" is not possible here; write one of GET, POST (tasks.b.with.method) [bad_argument]
            4:67: error: 1 is too small, the least is 100 (tasks.b.with.expect[0]) [bad_argument]
            4:70: error: expected integer, found "yes" (tasks.b.with.expect[1]) [bad_argument]
            4:88: error: "soon" is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d (tasks.b.with.pause) [bad_argument]
            4:100: error: 3 is none of what may stand here (tasks.b.with.body) [bad_argument]
            5:27: error: expected string, found [1] (tasks.c.with.message) [bad_argument]
            5:62: error: `log` needs the argument `message` (tasks.c.undo.with.message) [missing_argument]
            6:38: warning: an expression inside a command lets its value run as code; put it into `env` and write "$NAME" here (tasks.d.with.command) [shell_injection]
            6:69: error: expected string, found 1 (tasks.d.with.env.A) [bad_argument]
            7:36: error: There is no `x`; expressions see `inputs`, `vars`, `tasks` and `run` (did you mean `inputs.x`?). (tasks.e.with.message) [unknown_name]
            7:54: error: There is no `y`; expressions see `inputs`, `vars`, `tasks` and `run`. (tasks.e.with.level) [unknown_name]
        "#]],
    );
}

#[test]
fn needed_arguments_that_are_empty_are_warned_of() {
    check_tasks(
        r#"  a: { type: http.request, with: { url: "" } }
  b: { type: shell, with: { command: "" }, undo: { type: log, with: { message: "" } } }
  c: { type: loop, with: { do: { type: shell, with: { command: "" } }, until: "", max_iterations: 3 } }
  d: { type: signal, with: { name: "" } }
  e: { type: shell, disabled: true, with: { command: "" } }
  f: { type: http.request, with: { url: " ", body: "" } }
  g: { type: http.request, with: { url: "https://" } }
"#,
        expect![[r#"
            3:41: warning: `http.request` needs a `url`, and this one is empty (tasks.a.with.url) [empty_argument]
            4:38: warning: `shell` needs a `command`, and this one is empty (tasks.b.with.command) [empty_argument]
            4:80: warning: `log` needs a `message`, and this one is empty (tasks.b.undo.with.message) [empty_argument]
            5:64: warning: `shell` needs a `command`, and this one is empty (tasks.c.with.do.with.command) [empty_argument]
            5:79: error: The expression cannot be read at character 1: unexpected end of input, expected expression. (tasks.c.with.until) [expression]
            6:36: error: a signal's name has 1 to 200 characters on one line (tasks.d.with.name) [bad_signal]
            7:54: warning: `shell` needs a `command`, and this one is empty (tasks.e.with.command) [empty_argument]
            9:41: warning: `http.request` needs a `url`, and this one is empty (tasks.g.with.url) [empty_argument]
        "#]],
    );
}

#[test]
fn bounds_are_checked() {
    check_tasks(
        r#"  a: { type: noop, retry: { max_attempts: 0, first: 5m } }
  b: { type: noop, retry: { max_attempts: 2000 }, timeout: 0s }
  c: { type: noop, undo: { type: noop, retry: { first: 2s, max: 1s } } }
timeout: 0s
layout: { aa: [0, 0], b: [1, 1] }
"#,
        expect![[r#"
            3:43: error: `max_attempts` counts the first attempt too, so it is 1 to 1000, not 0 (tasks.a.retry.max_attempts) [bad_retry]
            4:43: error: `max_attempts` counts the first attempt too, so it is 1 to 1000, not 2000 (tasks.b.retry.max_attempts) [bad_retry]
            4:60: error: a timeout of 0s would end everything at once; leave it out for none (tasks.b.timeout) [bad_duration]
            5:40: error: the first pause (2s) is longer than the longest (1s); raise `max` or shorten `first` (tasks.c.undo.retry) [bad_retry]
            6:10: error: a timeout of 0s would end everything at once; leave it out for none (timeout) [bad_duration]
            7:11: warning: `layout` places `aa`, which is no task (did you mean `a`?) (layout.aa) [unknown_task]
        "#]],
    );
}

#[test]
fn input_declarations_are_checked() {
    check_text(
        r#"flow: f
inputs:
  bad name: {}
  a: { type: integer, default: 1.5, required: true }
  b: { type: integer, minimum: 5, maximum: 4, max_length: 3 }
  c: { type: string, enum: [a, 1, a], default: z, min_length: 3, max_length: 2 }
  d: { type: date, default: 2026-02-30, maximum: 3 }
  e: { type: duration, default: 1h }
  f: { type: boolean, default: yes }
  g: { type: integer, minimum: 10, default: 3 }
tasks: { a: { type: noop } }
"#,
        expect![[r#"
            3:3: error: `bad name` cannot name an input: names have letters, digits, `_` and `-`, begin with a letter and are at most 64 long (inputs["bad name"]) [bad_id]
            4:32: error: the default does not fit the input: expected a whole number, found 1.5 (inputs.a.default) [bad_default]
            4:47: warning: `required` has no effect: a run that is given nothing gets the default (inputs.a.required) [required_default]
            5:32: error: the least number 5 is above the greatest, 4 (inputs.b.minimum) [bad_input]
            5:59: warning: `max_length` has no effect: the input is no text (inputs.b.max_length) [bad_input]
            6:29: error: this choice can never be given: the text has 1 characters, it needs at least 3 (inputs.c.enum[0]) [bad_input]
            6:32: error: this choice can never be given: expected a text, found 1 (inputs.c.enum[1]) [bad_input]
            6:35: error: this choice can never be given: the text has 1 characters, it needs at least 3 (inputs.c.enum[2]) [bad_input]
            6:48: error: the default does not fit the input: "z" is none of a, 1, a (inputs.c.default) [bad_default]
            6:63: error: the least length 3 is above the greatest, 2 (inputs.c.min_length) [bad_input]
            7:29: error: the default does not fit the input: expected a day like 2026-01-31, found "2026-02-30" (inputs.d.default) [bad_default]
            7:50: warning: `maximum` has no effect: the input is no number (inputs.d.maximum) [bad_input]
            9:32: error: the default does not fit the input: expected true or false, found "yes" (inputs.f.default) [bad_default]
            10:45: error: the default does not fit the input: 3 is too small, the least is 10 (inputs.g.default) [bad_default]
        "#]],
    );
}

#[test]
fn tasks_that_never_start_are_warned_of() {
    check_tasks(
        r#"  s: { type: switch, with: { cases: { x: "{{ true }}", y: "{{ true }}" }, default: z } }
  x: { type: noop, needs: [{ task: s, on: x }] }
  y: { type: noop, needs: [{ task: s, on: [y, z] }] }
  meet: { type: noop, needs: [x, y] }
  after: { type: noop, needs: [meet] }
  meet_any: { type: noop, needs: [x, y], join: any }
  meet_settled: { type: noop, needs: [x, { task: y, on: skipped }] }
  both: { type: noop, needs: [{ task: x, on: failed }, { task: x }] }
  stop: { type: fail }
  unreached: { type: noop, needs: [stop] }
  reached: { type: noop, needs: [{ task: stop, on: failed }] }
  never: { type: noop, needs: [stop], join: any }
  deep: { type: noop, needs: [meet_any, x] }
"#,
        expect![[r#"
            6:23: warning: `meet` can never start: `join: all` wants branches of different cases of the switch `s`, which takes only one; use `join: any` where they meet (tasks.meet.needs) [never_starts]
            10:23: warning: `both` can never start: its edges from `x` exclude each other, and `join: all` wants both; use `join: any`, or one edge with a list in `on` (tasks.both.needs) [never_starts]
            12:28: warning: `unreached` can never start: `stop` always fails, so this edge is never taken (tasks.unreached.needs) [never_starts]
            14:24: warning: `never` can never start: none of its edges can be taken (tasks.never.needs) [never_starts]
        "#]],
    );
}

#[test]
fn one_slip_does_not_hide_the_others() {
    check_tasks(
        r#"  a: { typ: noop }
  b: [noop]
  c: { type: nop, needs: [a, b, c, x], retry: { first: soon, max: 100ms } }
"#,
        expect![[r#"
            3:6: error: a task needs `type` (tasks.a.type) [missing_field]
            3:8: error: a task has no field `typ` (did you mean `type`?); its fields are type, name, description, disabled, labels, needs, join, when, with, retry, timeout, start_timeout, queue, queue_key, priority, cache, for_each, loop, undo (tasks.a.typ) [unknown_field]
            4:6: error: expected a task as a mapping of fields, found a list (tasks.b) [wrong_type]
            5:14: error: there is no task type `nop` (did you mean `noop`?); the types are noop, fail, log, approval, signal, loop, switch, shell, http.request, fetch_data, process_data, store_data (tasks.c.type) [unknown_type]
            5:33: error: `c` needs itself; remove this edge (tasks.c.needs[2]) [self_edge]
            5:36: error: there is no task `x` (tasks.c.needs[3]) [unknown_task]
            5:56: error: `soon` is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d (at most 3650d) (tasks.c.retry.first) [bad_duration]
        "#]],
    );
}

#[test]
fn many_problems_are_counted() {
    let tasks: String = (0..3_000)
        .map(|n| format!("  t{n}: {{ type: noop, needs: [x{n}] }}\n"))
        .collect();
    let checked = check(
        format!("flow: f\ntasks:\n{tasks}").as_bytes(),
        Format::Yaml,
        &Types::new(),
    );
    assert_eq!(checked.problems.len(), PROBLEMS_MAX + 1);
    assert_eq!(
        checked.problems[PROBLEMS_MAX].message,
        "2000 more problems are not listed"
    );
}

#[test]
fn large_flows_are_validated() {
    let needs = |n: usize| {
        (1..=4)
            .filter(|by| n >= *by)
            .map(|by| format!("t{}", n - by))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let tasks: String = (0..limits::TASKS_MAX)
        .map(|n| format!("  t{n}: {{ type: noop, needs: [{}] }}\n", needs(n)))
        .collect();
    check_tasks(&tasks, expect![[""]]);
    let tasks: String = (0..4)
        .map(|n| {
            format!(
                "  t{n}: {{ type: noop, needs: [{}] }}\n",
                vec!["t0"; 15_000].join(", ")
            )
        })
        .collect();
    check_tasks(
        &tasks,
        expect![[r#"
        2:1: error: the flow has 60000 edges, at most 50000 are allowed (tasks) [too_many_edges]
    "#]],
    );
}

#[test]
fn schedules_give_what_the_inputs_ask_for() {
    check_text(
        "flow: f
inputs: { day: { type: date, required: true }, n: { type: integer, default: 1 } }
tasks: { a: { type: noop } }
schedules:
  good: { cron: '0 2 * * *', timezone: Europe/Berlin, inputs: { day: '{{ trigger.at[:10] }}' } }
  Bad Name: { cron: '0 2 * * *', inputs: { day: tomorrow, n: '{{ inputs.n }}', m: 1 } }
  odd: { cron: '0 2 * * *', jitter: 25h, missing: never, inputs: { n: '{{ trigger.on }}' } }
  none: {}
",
        expect![[r#"
            6:3: error: `Bad Name` cannot name a schedule: names have lower case letters, digits, `-` and `_` (schedules["Bad Name"]) [bad_id]
            6:49: error: expected a day like 2026-01-31, found "tomorrow" (schedules["Bad Name"].inputs.day) [bad_input]
            6:62: error: There is no `inputs` before the run has started; expressions see `trigger` and `vars` here. (schedules["Bad Name"].inputs.n) [unknown_name]
            6:83: error: the flow has no input `m`; its inputs are day, n (schedules["Bad Name"].inputs.m) [unknown_input]
            7:37: error: the jitter is at most 24 h (schedules.odd.jitter) [bad_schedule]
            7:51: error: `never` is not known here; write one of skip, after (schedules.odd.missing) [unknown_word]
            7:58: error: this input is required (schedules.odd.inputs.day) [missing_input]
            7:71: error: `trigger` has no field `on`; it has at, name. (schedules.odd.inputs.n) [unknown_field]
            8:3: error: this input is required (schedules.none.inputs.day) [missing_input]
            8:9: error: a schedule needs `cron` (schedules.none.cron) [missing_field]
        "#]],
    );
}

#[test]
fn items_and_loops_are_checked() {
    check_tasks(
        r#"  a: { type: noop, for_each: { items: "{{ [1] }}", on_item_failure: { tolerate: 10% } } }
  b: { type: noop, for_each: { items: [1], on_item_failure: continue, max_parallel: 3 }, when: "{{ item > 1 and item_index < 5 }}" }
  c: { type: noop, loop: { until: "{{ last.ok and iteration > 1 }}", pause: 3s } }
"#,
        expect![[""]],
    );
    check_tasks(
        r#"  a: { type: noop, for_each: { items: 3, on_item_failure: { tolerate: 110% } } }
  b: { type: noop, for_each: { max_parallel: 0, on_item_failure: continu, itemss: [] } }
  c: { type: noop, loop: { until: "{{ item }}", max_iterations: 0, pause: 3 }, for_each: { items: "{{ iteration }}" } }
  d: { type: log, with: { message: "{{ item }} {{ last }} {{ loop.index }}" }, loop: {} }
  e: { type: log, with: { message: "{{ itm }}" }, for_each: { items: "{{ item }}", on_item_failure: [] } }
"#,
        expect![[r#"
            3:39: error: `items` is a list, or an expression that gives one: `{{ tasks.fetch.output }}` (tasks.a.for_each.items) [bad_items]
            3:71: error: `110%` is no share; write it like `10%`, from 0% to 100% (tasks.a.for_each.on_item_failure.tolerate) [bad_share]
            4:30: error: a `for_each` needs `items` (tasks.b.for_each.items) [missing_field]
            4:46: error: how many items may be at work at once is 1 to 10000 (tasks.b.for_each.max_parallel) [bad_for_each]
            4:66: error: `continu` is not known here (did you mean `continue`?); write one of fail_fast, continue (tasks.b.for_each.on_item_failure) [unknown_word]
            4:75: error: a `for_each` has no field `itemss` (did you mean `items`?); its fields are items, max_parallel, on_item_failure (tasks.b.for_each.itemss) [unknown_field]
            5:35: error: `item` is there only in `with` and `when` of a task with `for_each`. (tasks.c.loop.until) [unknown_name]
            5:65: error: how many iterations there may be is 1 to 100000 (tasks.c.loop.max_iterations) [bad_loop]
            5:75: error: a duration needs its unit, for example `3s` (tasks.c.loop.pause) [wrong_type]
            5:99: error: `iteration` is there only in `with` and `until` of a task with a `loop`. (tasks.c.for_each.items) [unknown_name]
            6:36: error: `item` is there only in `with` and `when` of a task with `for_each`. (tasks.d.with.message) [unknown_name]
            6:36: error: `loop` is there only inside a `{% for %}`; what this task's loop is at are `iteration` and `last`. (tasks.d.with.message) [unknown_name]
            6:86: error: a `loop` needs `until` (tasks.d.loop.until) [missing_field]
            7:36: error: There is no `itm`; expressions see `inputs`, `vars`, `tasks`, `item`, `item_index` and `run` (did you mean `item`?). (tasks.e.with.message) [unknown_name]
            7:70: error: `item` is there only in `with` and `when` of a task with `for_each`. (tasks.e.for_each.items) [unknown_name]
            7:101: error: expected one of fail_fast, continue, found a list (tasks.e.for_each.on_item_failure) [wrong_type]
        "#]],
    );
}

#[test]
fn edges_may_name_what_became_of_a_task_that_waits() {
    check_tasks(
        r#"  ask: { type: approval }
  yes: { type: noop, needs: [{ task: ask, on: approved }] }
  no: { type: noop, needs: [{ task: ask, on: [rejected, timeout] }] }
  both: { type: noop, needs: [{ task: ask, on: rejected }, { task: ask, on: failed }] }
"#,
        expect![[""]],
    );
    check_tasks(
        r#"  ask: { type: approval }
  each: { type: approval, for_each: { items: [1] } }
  yes: { type: noop, needs: [{ task: ask, on: aproved }] }
  no: { type: noop, needs: [{ task: each, on: approved }] }
"#,
        expect![[r#"
            5:47: error: `aproved` is no outcome (did you mean `approved`?); write succeeded, failed, skipped, cancelled, always, approved, rejected, timeout, or a case if `ask` were a switch (tasks.yes.needs[0].on) [unknown_on]
            6:47: error: `approved` is no outcome; write succeeded, failed, skipped, cancelled, always, or a case if `each` were a switch (tasks.no.needs[0].on) [unknown_on]
        "#]],
    );
}

#[test]
fn queues_priorities_and_caches_are_checked() {
    check_tasks(
        r#"  a: { type: shell, queue: mail, queue_key: "{{ run.id }}", priority: -100, cache: { key: ["{{ run.flow }}", 1], ttl: 1h }, with: { command: x } }
"#,
        expect![[""]],
    );
    check_tasks(
        r#"  a: { type: shell, queue: Big Mail, queue_key: "{{ inputs.x }}", priority: 101, cache: { ttl: 0s }, with: { command: x } }
  b: { type: shell, priority: 1.5, cache: { key: "{{ tasks.a.output }}" }, with: { command: x } }
  c: { type: log, queue: mail, priority: 1, cache: { ttl: 9000h }, with: { message: hi } }
"#,
        expect![[r#"
            3:28: error: `Big Mail` cannot be a queue's name: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit and are at most 64 long; `big-mail` would do (tasks.a.queue) [bad_queue]
            3:49: error: The flow has no input `x`. (tasks.a.queue_key) [unknown_input]
            3:77: error: a priority is from -100 to 100, not 101 (tasks.a.priority) [bad_priority]
            3:96: error: a result holds for more than 0s and at most 366d (tasks.a.cache.ttl) [bad_duration]
            4:31: error: expected a whole number, found `1.5` (tasks.b.priority) [wrong_type]
            4:43: error: a `cache` needs `ttl` (tasks.b.cache.ttl) [missing_field]
            4:50: error: `b` does not come after `a`, so it may not have run; add `a` to the `needs` of `b`. (tasks.b.cache.key) [not_upstream]
            5:26: warning: `log` needs no worker, so `queue` changes nothing here (tasks.c.queue) [no_effect]
            5:42: warning: `log` needs no worker, so `priority` changes nothing here (tasks.c.priority) [no_effect]
            5:45: warning: `log` needs no worker, so `cache` changes nothing here (tasks.c.cache) [no_effect]
            5:59: error: a result holds for more than 0s and at most 366d (tasks.c.cache.ttl) [bad_duration]
        "#]],
    );
}

#[test]
fn secrets_stand_only_where_they_are_kept() {
    check_text(
        "
flow: a
inputs: { x: { default: '{{ secrets.token }}' } }
tasks:
  b: { type: shell, with: { command: 'true', env: { A: '{{ secrets.token }}', B: '{{ secrets.tokn }}', C: 'x {{ secrets.token }}' } } }
  c: { type: shell, with: { command: '{{ secrets.token }}' } }
  d: { type: log, with: { message: '{{ secrets.token }}' } }
  e: { type: log, when: '{{ secrets.token == 1 }}', with: { message: a }, for_each: { items: ['{{ secrets.token }}'] } }
  f: { type: noop, undo: { type: log, with: { message: '{{ secrets.token }}' } } }
outputs: { o: '{{ secrets.token }}' }
schedules: { s: { cron: '@daily', inputs: { x: '{{ secrets.token }}' } } }
",
        expect![[r#"
            5:82: warning: there is no secret `tokn`; until it is set, what needs it fails (tasks.b.with.env.B) [unknown_secret]
            5:107: error: Secrets cannot be read by expressions; only a field made for secrets takes `{{ secrets.name }}`, with nothing before or after it. (tasks.b.with.env.C) [secret_reference]
            6:38: warning: an expression inside a command lets its value run as code; put it into `env` and write "$NAME" here (tasks.c.with.command) [shell_injection]
            6:38: error: `shell` takes no secret here: it would be kept and shown like any other value; its arguments that take secrets are env (tasks.c.with.command) [secret_reference]
            7:36: error: `log` takes no secret here: it would be kept and shown like any other value (tasks.d.with.message) [secret_reference]
            8:25: error: Secrets cannot be read by expressions; only a field made for secrets takes `{{ secrets.name }}`, with nothing before or after it. (tasks.e.when) [secret_reference]
            8:95: error: Secrets cannot be read by expressions; only a field made for secrets takes `{{ secrets.name }}`, with nothing before or after it. (tasks.e.for_each.items[0]) [secret_reference]
            9:56: error: `log` takes no secret here: it would be kept and shown like any other value (tasks.f.undo.with.message) [secret_reference]
            10:15: error: Secrets cannot be read by expressions; only a field made for secrets takes `{{ secrets.name }}`, with nothing before or after it. (outputs.o) [secret_reference]
            11:48: error: Secrets cannot be read by expressions; only a field made for secrets takes `{{ secrets.name }}`, with nothing before or after it. (schedules.s.inputs.x) [secret_reference]
        "#]],
    );
}

#[test]
fn variables_that_are_not_there_are_told() {
    check_text(
        r#"
flow: a
inputs: { x: {} }
tasks:
  b: { type: log, with: { message: '{{ vars.base_url }}/{{ vars.path }}' } }
  c: { type: log, with: { message: "{{ vars.level | default('info') }} {{ vars[inputs.x] }}" } }
schedules: { s: { cron: '@daily', inputs: { x: '{{ vars.base_url }} {{ vars.bass_url }}' } } }
"#,
        expect![[r#"
            5:36: warning: there is no variable `path`; until it is set, what needs it fails (tasks.b.with.message) [unknown_variable]
            6:36: error: Variables are read by name, as in `vars.base_url`: a run keeps those it names. (tasks.c.with.message) [unknown_variable]
            7:48: warning: there is no variable `bass_url`; until it is set, what needs it fails (schedules.s.inputs.x) [unknown_variable]
        "#]],
    );
}

#[test]
fn limits_and_starts_after_others_are_checked() {
    check_text(
        r#"flow: f
inputs: { n: { type: integer } }
concurrency: { limit: 0, key: "{{ inputs.m }}{{ run.id }}", strategy: que }
tasks: { a: { type: noop } }
after:
  One: { flow: other, inputs: { n: x } }
  two: { flow: f, on: [failed, done] }
  three: { flow: other, on: always, inputs: { n: "{{ trigger.outputs.n }}", m: 1 } }
  four: { flow: other, inputs: { n: "{{ trigger.at }}" } }
"#,
        expect![[r#"
            3:23: error: how many runs may be at work at once is 1 to 10000 (concurrency.limit) [bad_concurrency]
            3:31: error: The flow has no input `m`. (concurrency.key) [unknown_input]
            3:31: error: There is no `run` before the run has started; expressions see `inputs` here. (concurrency.key) [unknown_name]
            3:71: error: `que` is not known here; write one of queue, cancel_running, skip (concurrency.strategy) [unknown_word]
            6:3: error: `One` cannot be a name here: names have lower case letters, digits, `-` and `_` (after.One) [bad_id]
            6:36: error: expected a whole number, found "x" (after.One.inputs.n) [bad_input]
            7:16: error: a flow that starts after itself would never end; use a loop or a schedule (after.two.flow) [self_after]
            7:19: error: `done` is no end of a run; there are succeeded, failed, cancelled, always (after.two.on) [unknown_on]
            8:80: error: the flow has no input `m`; its inputs are n (after.three.inputs.m) [unknown_input]
            9:37: error: `trigger` has no field `at`; it has name, flow, run, outcome, outputs. (after.four.inputs.n) [unknown_field]
        "#]],
    );
}

#[test]
fn webhooks_know_their_callers() {
    check_text(
        r#"
flow: a
inputs: { order: {} }
tasks: { b: { type: noop } }
webhooks:
  Bad Name: {}
  both: { token: '{{ secrets.token }}', signature: 'geheim', tolerance: 5m, max_body: 0 }
  typo: { token: '{{ secrets.tokn }}', timestamp_header: x-time, header: 'a b', wait: 1h }
  good: { signature: '{{ secrets.token }}', timestamp_header: x-time, signed: 'v0:{timestamp}:{body}', respond: output, wait: 10s,
    inputs: { order: '{{ body.order }} {{ headers["x-a"] }} {{ query.b }}' }, idempotency_key: '{{ headers["x-id"] }}' }
  other: { token: '{{ secrets.token }}', signed: '{timestamp}', inputs: { ordr: '{{ inputs.order }} {{ secrets.token }}' }, wait: 1s, respnd: run }
"#,
        expect![[r#"
            6:3: error: `Bad Name` cannot name a webhook: names have lower case letters, digits, `-` and `_` (webhooks["Bad Name"]) [bad_id]
            6:3: error: a webhook knows its callers by a `token` or by a `signature`: give one of them, as `{{ secrets.name }}` (webhooks["Bad Name"]) [webhook_auth]
            7:3: error: a webhook knows its callers by a `token` or by a `signature`: give one of them, as `{{ secrets.name }}` (webhooks.both) [webhook_auth]
            7:52: error: this is a secret: write `{{ secrets.name }}` with nothing before or after it, and set the secret of that name (webhooks.both.signature) [secret_reference]
            7:73: error: without a `timestamp_header` nobody knows how old a delivery is (webhooks.both.tolerance) [bad_webhook]
            7:87: error: `max_body` is from 1 to 4194304 bytes (webhooks.both.max_body) [bad_webhook]
            8:18: warning: there is no secret `tokn`; until it is set, what needs it fails (webhooks.typo.token) [unknown_secret]
            8:58: error: `timestamp_header` goes with `signature` alone (webhooks.typo.timestamp_header) [bad_webhook]
            8:74: error: `a b` is not the name of a header (webhooks.typo.header) [bad_webhook]
            8:87: error: a webhook waits at most 300 s (webhooks.typo.wait) [bad_webhook]
            11:50: error: `signed` goes with `signature` alone (webhooks.other.signed) [bad_webhook]
            11:50: error: what is signed holds `{body}`, and `{timestamp}` if and only if there is a `timestamp_header` (webhooks.other.signed) [bad_webhook]
            11:81: error: the flow has no input `ordr` (did you mean `order`?) (webhooks.other.inputs.ordr) [unknown_input]
            11:81: error: There is no `inputs` before the run has started; expressions see `body`, `headers`, `query` and `vars` here. (webhooks.other.inputs.ordr) [unknown_name]
            11:81: error: Secrets cannot be read by expressions; only a field made for secrets takes `{{ secrets.name }}`, with nothing before or after it. (webhooks.other.inputs.ordr) [secret_reference]
            11:131: warning: `wait` has no effect without `respond: output` (webhooks.other.wait) [bad_webhook]
            11:135: error: a webhook has no field `respnd` (did you mean `respond`?); its fields are token, signature, header, timestamp_header, signed, tolerance, inputs, idempotency_key, respond, wait, max_body (webhooks.other.respnd) [unknown_field]
        "#]],
    );
}

#[test]
fn what_waits_is_checked_deeply() {
    check_tasks(
        r#"  a: { type: approval, with: { form: { type: 3 } } }
  b: { type: approval, with: { form: { type: object, required: [x] }, on_timeout: approve } }
  c: { type: approval, with: { form: { type: object, required: [x] }, on_timeout: reject } }
  d: { type: signal, with: { name: "" } }
  e: { type: signal, with: { name: "{{ run.id }}" } }
"#,
        expect![[r#"
            3:32: error: the form is no JSON Schema: 3 is not valid under any of the schemas listed in the 'anyOf' keyword (tasks.a.with.form) [bad_form]
            4:32: error: the form has fields that must be filled in, which nobody does when time approves; give `on_timeout` another value or require none (tasks.b.with.form) [bad_form]
            6:36: error: a signal's name has 1 to 200 characters on one line (tasks.d.with.name) [bad_signal]
        "#]],
    );
}

#[test]
fn loops_are_checked_like_the_field() {
    check_tasks(
        r#"  a: { type: loop, with: { do: { type: shell, with: { comand: x }, retry: { max_attempts: 0 } }, until: "last.n > nobody", max_iterations: 0 } }
  b: { type: loop, with: { do: { type: loop }, until: "true" } }
  c: { type: loop, loop: { until: "true" }, with: { do: { type: noop }, until: "true" } }
  d: { type: loop, for_each: { items: [1] }, with: { do: { type: noop }, until: "true" } }
  e: { type: noop, undo: { type: loop, with: { do: { type: noop }, until: "true" } } }
  f: { type: loop, with: { do: { type: noop } } }
  g: { type: loop, with: { do: { type: log, with: { message: "{{ iteration }} {{ last }}" } }, until: "iteration == 3" } }
"#,
        expect![[r#"
            3:47: error: `shell` needs the argument `command` (tasks.a.with.do.with.command) [missing_argument]
            3:63: error: `shell` has no argument `comand` (did you mean `command`?); its arguments are command, env (tasks.a.with.do.with.comand) [unknown_argument]
            3:91: error: `max_attempts` counts the first attempt too, so it is 1 to 1000, not 0 (tasks.a.with.do.retry.max_attempts) [bad_retry]
            3:105: error: There is no `nobody`; expressions see `inputs`, `vars`, `tasks`, `iteration`, `last` and `run`. (tasks.a.with.until) [unknown_name]
            3:140: error: how many iterations there may be is 1 to 100000 (tasks.a.with.max_iterations) [bad_loop]
            4:28: error: `loop` needs the argument `until` (tasks.b.with.do.with.until) [missing_argument]
            4:40: error: a loop cannot do a loop; put the inner one into a flow of its own and let the outer one run that (`flow`) (tasks.b.with.do.type) [nested_loop]
            5:20: error: a task of the type `loop` has its condition in `with`; leave the field `loop` out (tasks.c.loop) [nested_loop]
            6:46: error: a task has `for_each` or `loop`, not both; put one of them into a flow of its own and run that as a subflow (tasks.d.with) [for_each_and_loop]
            7:20: error: what takes a task back cannot be a loop; put the loop into a flow of its own and run that by `subflow` (tasks.e.undo) [nested_loop]
            8:20: error: `loop` needs the argument `until` (tasks.f.with.until) [missing_argument]
        "#]],
    );
}

#[test]
fn rules_look_for_something_and_tell_somebody() {
    check_text(
        r#"
flow: a
tasks: { b: { type: noop } }
schedules: { night: { cron: '@daily' } }
notify:
  nothing: {}
  good: { failure: true, late: 30m, schedule: night, silence: 26h, mail: { to: 'a@example.org', smtp: '{{ secrets.token }}' },
    webhook: { url: '{{ secrets.tokn }}', secret: '{{ secrets.token }}' } }
  bad: { late: 100ms, schedule: nigth, mail: { to: "a\nb", from: '{{ vars.x }}', smtp: 'smtp://geheim' }, webhook: { url: 'ftp://x', secret: x } }
  half: { silence: 1h, schedule: night, webhook: { url: 'https://{{ vars.x }}', sercet: x } }
"#,
        expect![[r#"
            6:3: error: the rule looks for nothing: give `failure: true`, `late` or `silence` (notify.nothing) [bad_rule]
            6:3: error: the rule tells nobody: give `mail` or `webhook` (notify.nothing) [bad_rule]
            8:21: warning: there is no secret `tokn`; until it is set, what needs it fails (notify.good.webhook.url) [unknown_secret]
            9:16: error: `late` is from 1s to 366d (notify.bad.late) [bad_rule]
            9:33: error: the flow has no schedule `nigth` (did you mean `night`?) (notify.bad.schedule) [unknown_schedule]
            9:52: error: these are no mail addresses (notify.bad.mail.to) [bad_rule]
            9:66: error: there are no expressions here: rules are judged without a run (notify.bad.mail.from) [expression]
            9:88: error: this is a secret: write `{{ secrets.name }}` with nothing before or after it, and set the secret of that name (notify.bad.mail.smtp) [secret_reference]
            9:123: error: an address begins with `https://` or `http://`, or is a secret (notify.bad.webhook.url) [bad_rule]
            9:142: error: this is a secret: write `{{ secrets.name }}` with nothing before or after it, and set the secret of that name (notify.bad.webhook.secret) [secret_reference]
            10:34: error: `schedule` says what `late` is about; give `late` too (notify.half.schedule) [bad_rule]
            10:57: error: there are no expressions here: rules are judged without a run (notify.half.webhook.url) [expression]
            10:81: error: a call has no field `sercet` (did you mean `secret`?); its fields are url, secret (notify.half.webhook.sercet) [unknown_field]
        "#]],
    );
}

#[test]
fn who_would_wait_for_itself_is_warned() {
    let told = |with: &str, expected: Expect| {
        let text =
            format!("flow: f\nconcurrency: {{ limit: 1 }}\ntasks:\n  a: {{ type: subflow, with: {with} }}");
        let mut types = Types::new();
        types.0.push(("subflow", json!({})));
        let problems = check(text.as_bytes(), Format::Yaml, &types).problems;
        expected.assert_eq(
            &problems
                .iter()
                .map(|problem| format!("{problem}\n"))
                .collect::<String>(),
        );
    };
    told(
        "{ flow: f }",
        expect![[r#"
        4:37: warning: the run would wait for one of its own flow, which may have to wait for the place that this run has by `concurrency`; give the two different keys, or the inner one a flow of its own (tasks.a.with.flow)
    "#]],
    );
    told("{ flow: f, wait: false }", expect![[""]]);
    told("{ flow: g }", expect![[""]]);
}

#[test]
fn alternatives_are_named() {
    let schema = json!({"type": "object", "oneOf": [{"required": ["for"]}, {"required": ["until"]}]});
    let told = |value: Value, expected: Expect| {
        expected.assert_eq(&check_fit(&schema, &value).expect_err("it does not fit"))
    };
    told(json!({}), expect!["write one of `for`, `until`"]);
    told(
        json!({"for": 1, "until": 2, "other": 3}),
        expect!["`for`, `until` exclude each other; keep one of them"],
    );
}

#[test]
fn notes_and_groups_are_drawn_and_mean_nothing() {
    check_text(
        r#"
flow: a
tasks: { x: { type: noop }, yy: { type: noop } }
notes:
  ok: { text: "said" }
  Bad Id: { text: "", at: [1, 2], size: [0, 10] }
  none:
  far: { text: t, colour: pink, at: 3 }
groups:
  one: { title: One, tasks: [x, yyy] }
  two: { tasks: [x, yy], collapsed: true, colour: red }
  three: { tasks: x }
"#,
        expect![[r#"
            6:3: error: `Bad Id` cannot be the id of a note: names have lower case letters, digits, `-` and `_` (notes["Bad Id"]) [bad_id]
            6:35: error: a note is larger than nothing: write its size as [width, height], such as [240, 120] (notes["Bad Id"].size) [bad_size]
            7:3: error: a note needs `text` (notes.none.text) [missing_field]
            8:27: error: `pink` is not known here; write one of grey, yellow, green, blue, purple, red (notes.far.colour) [unknown_word]
            8:37: error: expected a position like [120, 40], found `3` (notes.far.at) [wrong_type]
            10:33: warning: the group `one` holds `yyy`, which is no task (did you mean `yy`?) (groups.one.tasks[1]) [unknown_task]
            11:18: warning: `x` stands in the group `one` already; a task is drawn in one group (groups.two.tasks[0]) [grouped_twice]
            12:19: error: expected a list, found the text `x` (groups.three.tasks) [wrong_type]
        "#]],
    );
    let parsed = |text: &str| {
        parse::parse(text.as_bytes(), Format::Yaml)
            .expect("it can be read")
            .doc
    };
    let plain = parsed("flow: a\ntasks: { x: { type: noop } }\n");
    let drawn = parsed(
        "flow: a\ntasks: { x: { type: noop } }\nlayout: { x: [1, 2] }\nnotes: { n: { text: t } }\ngroups: { g: { tasks: [x] } }\npins: { x: 1 }\n",
    );
    let other = parsed("flow: a\ntasks: { x: { type: log } }\n");
    assert!(drawn.means_the_same(&plain) && !drawn.means_the_same(&other) && drawn != plain);
}

#[test]
fn what_is_wrong_with_a_switched_off_task_keeps_nobody_from_running_the_flow() {
    check_tasks(
        r"
  a: { type: fetch, disabled: true, with: { urk: 1, x: '{{ tasks.gone.output }}' } }
  b: { type: log, with: { message: '{{ tasks.a.output }} {{ tasks.a.status }}' }, needs: [a] }
  c: { type: noop, disabled: true, needs: [gone], when: '{{ 1 + }}' }
  d: { type: switch, disabled: true, with: { cases: { big: '{{ true }}' } } }
  e: { type: noop, needs: [{ task: d, on: big }] }
  f: { type: noop, needs: [d, { task: a, on: failed }] }
  g: { type: fail, disabled: true }
  h: { type: noop, needs: [g] }
",
        expect![[r#"
            4:14: warning: there is no task type `fetch`; the types are noop, fail, log, approval, signal, loop, switch, shell, http.request, fetch_data, process_data, store_data (tasks.a.type) [unknown_type]
            4:56: warning: There is no task `gone`. (tasks.a.with.x) [unknown_task]
            5:36: warning: `a` is switched off: its output is null. (tasks.b.with.message) [disabled_task]
            5:36: error: `tasks.a` has no field `status`; it has output, state, error, exit_code, attempts, case (did you mean `state`?). (tasks.b.with.message) [unknown_field]
            6:44: error: there is no task `gone` (tasks.c.needs[0]) [unknown_task]
            6:57: error: The expression cannot be read at character 8: unexpected end of variable block. (tasks.c.when) [expression]
            8:20: warning: `e` can never start: `d` is switched off: it succeeds without a case, and never fails, so this edge is never taken (tasks.e.needs) [never_starts]
            9:20: warning: `f` can never start: `a` is switched off: it succeeds without a case, and never fails, so this edge is never taken (tasks.f.needs) [never_starts]
        "#]],
    );
}
