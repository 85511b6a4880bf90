use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::Value;

use super::shape::{Fields, Shape};
use super::{Format, draft, model, parse};
use crate::doc::FlowDoc;
use crate::limits;

fn told(text: &[u8], format: Format) -> String {
    draft(text, format)
        .problems
        .iter()
        .map(|problem| format!("{problem} [{}]\n", problem.code))
        .collect()
}

/// What is told of a YAML text.
#[expect(clippy::needless_pass_by_value, reason = "the macro makes a value")]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&told(text.as_bytes(), Format::Yaml));
}

/// What is told of a JSON text.
#[expect(clippy::needless_pass_by_value, reason = "the macro makes a value")]
fn check_json(text: &str, expected: Expect) {
    expected.assert_eq(&told(text.as_bytes(), Format::Json));
}

/// A document with everything in it.
const WHOLE: &str = r#"
flow: nightly-orders
name: 2026
description: |
  Two lines
  of text
labels: { team: shop, version: 1.10, "a.b": no }
inputs:
  date: { type: date, required: true }
  limit: { type: integer, default: 100, minimum: 1, maximum: 1000 }
  mode: { enum: [fast, slow], default: fast }
  free:
timeout: 2h
ending_timeout: 5m
fail_fast: true
tasks:
  fetch:
    type: http.request
    with: { url: "https://shop.example/orders?day={{ inputs.date }}", day: 2026-01-01, off: no, n: 0x10, f: 1.5e3, none: ~ }
    retry: { max_attempts: 4, backoff: exponential, first: 1s, max: 1m, jitter: full, on_lost: fail }
    timeout: 30s
    undo: { type: http.request, with: { method: DELETE }, timeout: 10s, retry: { max_attempts: 2 } }
  size:
    type: switch
    needs: [fetch]
    with: { cases: { big: "{{ tasks.fetch.output.body | length > inputs.limit }}" }, default: small }
  small:
    type: noop
    name: Small one
    labels: { kind: quick }
    needs: [{ task: size, on: [small, failed], when: "{{ true }}", handles: false }, { task: fetch, on: always }]
    join: settled
    when: "{{ inputs.limit > 1 }}"
finally:
  tidy: { type: noop }
on_failure:
  alert: { type: log, with: { message: failed } }
outputs:
  n: "{{ tasks.size.output }}"
  fixed: [1, true, null]
layout: { fetch: [0, 0], size: [120.5, -4] }
notes: { why: { text: "as *ops* asked", at: [10, 20.5], size: [200, 80], colour: yellow } }
groups: { load: { title: Load, tasks: [fetch, size], collapsed: true, colour: blue } }
webhooks:
  shop: { signature: "{{ secrets.key }}", timestamp_header: x-time, signed: "{timestamp}{body}", tolerance: 1m, respond: output, wait: 10s,
    header: x-sign, inputs: { limit: "{{ body.limit }}" }, idempotency_key: "{{ headers['x-id'] }}", max_body: 1000 }
  plain: { token: "{{ secrets.key }}" }
notify:
  ops: { failure: true, late: 30m, silence: 1d, mail: { to: a@example.org, from: b@example.org, smtp: "{{ secrets.smtp }}" } }
  chat: { late: 1h, schedule: night, webhook: { url: "https://chat.example", secret: "{{ secrets.key }}" } }
"#;

fn whole() -> FlowDoc {
    match parse(WHOLE.as_bytes(), Format::Yaml) {
        Ok(parsed) => parsed.doc,
        Err(problems) => panic!("{problems:#?}"),
    }
}

#[test]
fn a_whole_document_is_read() {
    let doc = whole();
    assert_eq!(
        doc.name.as_deref(),
        Some("2026"),
        "a number where a text is wanted stays as written"
    );
    assert_eq!(doc.labels["version"], "1.10");
    assert_eq!(doc.labels["a.b"], "no");
    let with = Value::Object(doc.tasks["fetch"].with.clone());
    expect![[r#"{"url":"https://shop.example/orders?day={{ inputs.date }}","day":"2026-01-01","off":"no","n":16,"f":1500.0,"none":null}"#]]
        .assert_eq(&with.to_string());
    assert_eq!(doc.tasks["small"].needs[0].on(), ["small", "failed"]);
}

#[test]
fn yaml_and_json_give_the_same_document() {
    let doc = whole();
    let json = serde_json::to_string_pretty(&doc).expect("a document is JSON");
    let from_json = parse(json.as_bytes(), Format::Json).expect("its own JSON is a document");
    assert_eq!(from_json.doc, doc);
    let json_as_yaml = parse(json.as_bytes(), Format::Yaml).expect("JSON is YAML");
    assert_eq!(json_as_yaml.doc, doc);
    let yaml = super::to_yaml(&doc);
    let from_yaml =
        parse(yaml.as_bytes(), Format::Yaml).unwrap_or_else(|problems| panic!("{problems:#?}\n{yaml}"));
    assert_eq!(from_yaml.doc, doc, "{yaml}");
}

#[test]
fn places_are_found() {
    let parsed = parse(WHOLE.as_bytes(), Format::Yaml).expect("it is a document");
    let found: String = [
        "flow",
        "tasks.fetch",
        "tasks.fetch.retry.max_attempts",
        "tasks.small.needs[0].on[1]",
        "tasks.small.needs.1.task",
        "tasks.small.needs[7].task",
        "tasks.fetch.with.nothing.here",
        r#"labels["a.b"]"#,
        "nonsense[",
        "",
    ]
    .iter()
    .map(|path| match parsed.places.find(path) {
        Some(place) => format!("{path}: {}:{}\n", place.line, place.column),
        None => format!("{path}: nowhere\n"),
    })
    .collect();
    expect![[r#"
        flow: 2:7
        tasks.fetch: 17:3
        tasks.fetch.retry.max_attempts: 20:28
        tasks.small.needs[0].on[1]: 31:39
        tasks.small.needs.1.task: 31:94
        tasks.small.needs[7].task: 31:5
        tasks.fetch.with.nothing.here: 19:5
        labels["a.b"]: 7:45
        nonsense[: 2:1
        : 2:1
    "#]]
    .assert_eq(&found);
}

#[test]
fn all_wrong_fields_are_told_at_once() {
    check(
        r#"
flow: [a]
nmae: x
labels: { a: [1] }
inputs:
  d: { type: dat, min_length: -1, required: yes }
  e: 3
timeout: 30
ending_timeout: 5 minutes
tasks:
  a:
    type: noop
    timout: 3s
    join: al
    needs: b
    retry: { max_attempts: many, first: 1.5s, jitter: [] }
    undo: { with: {}, when: "{{ x }}" }
  b: noop
  c:
    needs: [{ taks: a }, [b], 3]
layout: { a: [1], b: here }
"#,
        expect![[r#"
            2:7: error: expected a text, found a list (flow) [wrong_type]
            3:1: error: a flow has no field `nmae` (did you mean `name`?); its fields are flow, name, description, labels, inputs, timeout, ending_timeout, fail_fast, priority, tasks, finally, on_failure, outputs, concurrency, after, schedules, webhooks, notify, layout, notes, groups, pins (nmae) [unknown_field]
            4:14: error: expected a text, found a list (labels.a) [wrong_type]
            6:14: error: `dat` is not known here (did you mean `date`?); write one of string, text, integer, number, boolean, date, datetime, duration, object, array, any (inputs.d.type) [unknown_word]
            6:31: error: expected a whole number, 0 or more, found `-1` (inputs.d.min_length) [wrong_type]
            6:45: error: expected true or false, found the text `yes` (inputs.d.required) [wrong_type]
            7:6: error: expected an input as a mapping of fields, found `3` (inputs.e) [wrong_type]
            8:10: error: a duration needs its unit, for example `30s` (timeout) [wrong_type]
            9:17: error: `5 minutes` is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d (at most 3650d) (ending_timeout) [bad_duration]
            13:5: error: a task has no field `timout` (did you mean `timeout`?); its fields are type, name, description, disabled, labels, needs, join, when, with, retry, timeout, start_timeout, queue, queue_key, priority, cache, for_each, loop, undo (tasks.a.timout) [unknown_field]
            14:11: error: `al` is not known here (did you mean `all`?); write one of all, any, settled (tasks.a.join) [unknown_word]
            15:12: error: expected a list, found the text `b` (tasks.a.needs) [wrong_type]
            16:28: error: expected a whole number, 0 or more, found the text `many` (tasks.a.retry.max_attempts) [wrong_type]
            16:41: error: `1.5s` is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d (at most 3650d) (tasks.a.retry.first) [bad_duration]
            16:55: error: expected one of none, equal, full, found a list (tasks.a.retry.jitter) [wrong_type]
            17:11: error: an undo needs `type` (tasks.a.undo.type) [missing_field]
            17:23: error: an undo has no field `when`; its fields are type, with, retry, timeout (tasks.a.undo.when) [unknown_field]
            18:6: error: expected a task as a mapping of fields, found the text `noop` (tasks.b) [wrong_type]
            20:5: error: a task needs `type` (tasks.c.type) [missing_field]
            20:13: error: an edge needs `task` (tasks.c.needs[0].task) [missing_field]
            20:15: error: an edge has no field `taks` (did you mean `task`?); its fields are task, on, when, handles (tasks.c.needs[0].taks) [unknown_field]
            20:26: error: expected a text or an edge, found a list (tasks.c.needs[1]) [wrong_type]
            21:14: error: expected a position like [120, 40], found a list (layout.a) [wrong_type]
            21:22: error: expected a position like [120, 40], found the text `here` (layout.b) [wrong_type]
        "#]],
    );
}

#[test]
fn duplicate_keys_are_told() {
    check(
        "flow: a\ntasks:\n  x: { type: noop }\n  y: { type: noop }\n  x: { type: log }\nflow: b\n",
        expect![[r#"
        5:3: error: `x` stands here twice, first in line 3; rename one of them or remove it [duplicate_id]
        6:1: error: `flow` stands here twice, first in line 1; rename one of them or remove it [duplicate_id]
    "#]],
    );
    check_json(
        "{\"flow\": \"a\", \"tasks\": {\n  \"x\": {\"type\": \"noop\"},\n  \"x\": {\"type\": \"log\"}}}",
        expect![[r#"
        3:3: error: `x` stands here twice, first in line 2; rename one of them or remove it [duplicate_id]
    "#]],
    );
}

#[test]
fn broken_yaml_is_told() {
    for (text, expected) in [
        (
            "",
            expect![[r#"
            1:1: error: the document is empty; a flow has at least `flow` and `tasks` [syntax]
        "#]],
        ),
        (
            "# only a comment\n",
            expect![[r#"
            1:1: error: the document is empty; a flow has at least `flow` and `tasks` [syntax]
        "#]],
        ),
        (
            "just text",
            expect![[r#"
            1:1: error: a flow is a mapping with `flow` and `tasks`, not a text [wrong_type]
        "#]],
        ),
        (
            "- a\n- b\n",
            expect![[r#"
            1:1: error: a flow is a mapping with `flow` and `tasks`, not a list [wrong_type]
        "#]],
        ),
        (
            "flow: a\ntasks:\n\tx: { type: noop }\n",
            expect![[r#"
            3:2: error: YAML is indented with spaces; replace the tab here [syntax]
        "#]],
        ),
        (
            "flow: a\ntasks: { x: { type: noop }\n",
            expect![[r#"
            2:8: error: the `{` here is never closed [syntax]
        "#]],
        ),
        (
            "flow: \"a\ntasks: {}\n",
            expect![[r#"
            2:1: error: a quoted text above goes on here; close its quote, or indent this line if it belongs to the text [syntax]
        "#]],
        ),
        (
            "flow: a\ntasks:\n  x:\n    type: noop\n   when: x\n",
            expect![[r#"
            5:4: error: expected the next key of the mapping; check the indentation of this line [syntax]
        "#]],
        ),
        (
            "flow: a\ndescription: what: this\ntasks: {}\n",
            expect![[r#"
            2:18: error: a mapping cannot begin here; check the indentation, and put a text that holds `: ` into quotes [syntax]
        "#]],
        ),
        (
            "flow: a\ntasks: { x: { type: noop } }\n---\nflow: b\n",
            expect![[r#"
            3:1: error: a second document begins here; one text holds one flow, so put it into its own file [multiple_documents]
        "#]],
        ),
        (
            "flow: a\ntasks: { x: { type: log, with: { message: {{ inputs.a }} } } }\n",
            expect![[r#"
            2:44: error: a key is a text, not a list or mapping; expressions in braces need quotes: "{{ … }}" [syntax]
        "#]],
        ),
        (
            "flow: @a\n",
            expect![[r#"
            1:7: error: this is not YAML; a text with special characters needs quotes, a key needs `: ` after it [syntax]
        "#]],
        ),
        (
            "flow: \"\\d\"\n",
            expect![[r#"
            1:7: error: this escape does not exist; in double quotes write \\ for a backslash, or use single quotes [syntax]
        "#]],
        ),
        (
            "flow: a\ntasks:\n  x:\n    <<: *base\n    type: noop\n",
            expect![[r#"
            4:5: error: `<<` merges mappings in YAML 1.1 only; write the entries out, or use an alias for a whole value [syntax]
            4:9: error: `*base` refers to an anchor that does not stand above it [unknown_anchor]
        "#]],
        ),
        (
            "flow: a\ntasks: { x: &t { type: noop, with: { me: *t } } }\n",
            expect![[r#"
            2:42: error: this alias stands inside the value it refers to; a value cannot hold itself [unknown_anchor]
        "#]],
        ),
        (
            "flow: a\ntasks: { x: !job { type: noop } }\n",
            expect![[r#"
            2:18: error: the tag `!job` means nothing here; remove it [unknown_tag]
        "#]],
        ),
        (
            "flow: a\ntasks: { x: { type: noop, with: { n: 123456789012345678901234567890, i: .inf, e: 1e999 } } }\n",
            expect![[r#"
            2:38: error: the number 123456789012345678901234567890 is too large to be kept exactly; write it as a text in quotes [number]
            2:73: error: .inf is no number that JSON knows; write it as a text in quotes [number]
            2:82: error: the number 1e999 is outside of what a number can hold; write it as a text in quotes [number]
        "#]],
        ),
        (
            "flow: a\r\ntasks:\r\n  x: { typ: noop }\r\n",
            expect![[r#"
                3:6: error: a task needs `type` (tasks.x.type) [missing_field]
                3:8: error: a task has no field `typ` (did you mean `type`?); its fields are type, name, description, disabled, labels, needs, join, when, with, retry, timeout, start_timeout, queue, queue_key, priority, cache, for_each, loop, undo (tasks.x.typ) [unknown_field]
            "#]],
        ),
        (
            "flow: ä\ntasks: { 'ü': { type: noop, wenn: x } }\n",
            expect![[r#"
                2:29: error: a task has no field `wenn`; its fields are type, name, description, disabled, labels, needs, join, when, with, retry, timeout, start_timeout, queue, queue_key, priority, cache, for_each, loop, undo (tasks["ü"].wenn) [unknown_field]
            "#]],
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn broken_json_is_told() {
    for (text, expected) in [
        (
            "",
            expect![[r#"
            1:1: error: the document is empty; a flow has at least `flow` and `tasks` [syntax]
        "#]],
        ),
        (
            "{\"flow\": \"a\",}",
            expect![[r#"
            1:14: error: JSON allows no comma before the end; remove it [syntax]
        "#]],
        ),
        (
            "{\"flow\": \"a\" \"tasks\": {}}",
            expect![[r#"
            1:14: error: expected `,` or `}`, found `"` [syntax]
        "#]],
        ),
        (
            "{\"flow\": \"a\",\n \"tasks\": {\"ü\": tru}}",
            expect![[r#"
            2:17: error: expected a value, found `t` [syntax]
        "#]],
        ),
        (
            "{flow: 1}",
            expect![[r#"
            1:2: error: expected a key in double quotes, found `f` [syntax]
        "#]],
        ),
        (
            "{\"flow\": \"a",
            expect![[r#"
            1:10: error: the text that begins here never ends [syntax]
        "#]],
        ),
        (
            "{\"flow\": \"a\\x\"}",
            expect![[r#"
            1:10: error: the text that begins here has an invalid escape [syntax]
        "#]],
        ),
        (
            "{\"flow\": \"a\", \"tasks\": {}} x",
            expect![[r#"
            1:28: error: the document ends before this; remove what follows [syntax]
        "#]],
        ),
        (
            "{\"flow\": \"a\", \"name\": 3, \"tasks\": {\"x\": {\"type\": \"noop\", \"with\": {\"n\": 12345678901234567890123, \"m\": 01}}}}",
            expect![[r#"
            1:72: error: the number 12345678901234567890123 is too large to be kept exactly; write it as a text in quotes [number]
            1:102: error: `01` is not a number as JSON writes them [syntax]
        "#]],
        ),
        (
            "{\"flow\": \"a\", \"name\": 3, \"fail_fast\": 1, \"tasks\": {\"x\": {\"type\": \"noop\", \"with\": {\"n\": 12345678901234567890123, \"m\": 1e400}}}}",
            expect![[r#"
            1:23: error: expected a text, found `3` (name) [wrong_type]
            1:39: error: expected true or false, found `1` (fail_fast) [wrong_type]
            1:88: error: the number 12345678901234567890123 is too large to be kept exactly; write it as a text in quotes [number]
            1:118: error: the number 1e400 is outside of what a number can hold; write it as a text in quotes [number]
        "#]],
        ),
        (
            "[1, 2",
            expect![[r#"
            1:6: error: expected `,` or `]`, but the document ends here [syntax]
        "#]],
        ),
    ] {
        check_json(text, expected);
    }
}

#[test]
fn anchors_copy_values_within_a_budget() {
    let text = "flow: a\ntasks:\n  x: &t\n    type: log\n    with: { message: hi }\n  y: *t\n";
    let doc = parse(text.as_bytes(), Format::Yaml)
        .expect("aliases are allowed")
        .doc;
    assert_eq!(doc.tasks["x"], doc.tasks["y"]);

    let mut bomb = "flow: a\nx0: &x0 [1, 1]\n".to_owned();
    for level in 1..40 {
        let below = level - 1;
        bomb.push_str(&format!(
            "x{level}: &x{level} [*x{below}, *x{below}, *x{below}]\n"
        ));
    }
    check(
        &bomb,
        expect![[r#"
        11:15: error: anchors and aliases copy more than 100000 values; write them out or use fewer [too_large]
    "#]],
    );
}

#[test]
fn hostile_texts_are_refused() {
    for (text, format) in [
        ("[", Format::Yaml),
        ("[", Format::Json),
        ("{\"a\":", Format::Json),
        ("{a: ", Format::Yaml),
        ("- ", Format::Yaml),
    ] {
        let told = told(text.repeat(1 << 20).as_bytes(), format);
        assert!(told.contains("nested more than 64 deep"), "{text}: {told}");
    }
    let mut stairs = String::new();
    for level in 0..2_000 {
        stairs.push_str(&format!("{}a:\n", " ".repeat(level)));
    }
    assert!(told(stairs.as_bytes(), Format::Yaml).contains("nested more than 64 deep"));
    expect![[r#"
        1:1: error: the document has 8388609 bytes; at most 8 MiB are read [too_large]
    "#]]
    .assert_eq(&told(&vec![b' '; limits::DOCUMENT_BYTES_MAX + 1], Format::Yaml));
    expect![[r#"
        2:9: error: byte 18 is not UTF-8; save the file as UTF-8 [not_utf8]
    "#]]
    .assert_eq(&told(b"flow: a\nname: \"\xC3\xA4\xFF\"", Format::Yaml));
    expect![[r#"
        1:2000004: error: the document has more than 1000000 values [too_large]
    "#]]
    .assert_eq(&told(
        format!("{{\"a\": [{}1]}}", "1,".repeat(1_500_000)).as_bytes(),
        Format::Json,
    ));
}

#[test]
fn the_nesting_limit_is_exact() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for format in [Format::Yaml, Format::Json] {
        let told = |depth| told(nested(depth).as_bytes(), format);
        assert!(!told(limits::DEPTH_MAX).contains("deep"), "{format:?}");
        assert!(told(limits::DEPTH_MAX + 1).contains("deep"), "{format:?}");
    }
}

#[test]
fn a_flow_with_too_many_tasks_is_refused_quickly() {
    let yaml: String = (0..50_000)
        .map(|n| format!("  t{n}:\n    type: noop\n    needs: [t{}]\n", n / 2))
        .collect();
    check(
        &format!("flow: a\ntasks:\n{yaml}"),
        expect![[r#"
        2:1: error: the flow has 50000 tasks, at most 10000 are allowed; let one task work on a list of items instead (tasks) [too_many_tasks]
    "#]],
    );
    let json: Vec<String> = (0..50_000)
        .map(|n| format!("\"t{n}\": {{\"type\": \"noop\", \"needs\": [\"t{}\"]}}", n / 2))
        .collect();
    check_json(
        &format!("{{\"flow\": \"a\", \"tasks\": {{{}}}}}", json.join(",")),
        expect![[r#"
        1:15: error: the flow has 50000 tasks, at most 10000 are allowed; let one task work on a list of items instead (tasks) [too_many_tasks]
    "#]],
    );
}

#[test]
fn the_format_is_guessed() {
    for (text, format) in [
        ("{\"flow\": 1}", Format::Json),
        ("\n {}", Format::Json),
        ("flow: a", Format::Yaml),
        ("{flow: a}", Format::Yaml),
        ("", Format::Yaml),
    ] {
        assert_eq!(Format::guess(text.as_bytes()), format, "{text}");
    }
}

/// The fields this crate checks are those of the serde model, required ones included.
#[test]
fn the_tables_agree_with_the_types() {
    let schema = crate::schema::document_schema();
    let definition = |name: &str| {
        if name.is_empty() {
            &schema
        } else {
            &schema["$defs"][name]
        }
    };
    let tables: [(&str, &Fields); 10] = [
        ("", &model::FLOW),
        ("InputDoc", &model::INPUT),
        ("TaskDoc", &model::TASK),
        ("EdgeDoc", &model::EDGE),
        ("UndoDoc", &model::UNDO),
        ("RetryDoc", &model::RETRY),
        ("ForEachDoc", &model::FOR_EACH),
        ("TolerateDoc", &model::TOLERATE),
        ("ScheduleDoc", &model::SCHEDULE),
        ("LoopDoc", &model::LOOP),
    ];
    for (name, table) in tables {
        let definition = definition(name);
        let known: Vec<&str> = table.fields.iter().map(|field| field.name).collect();
        let typed: Vec<&str> = definition["properties"]
            .as_object()
            .expect(name)
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(known, typed, "{name}");
        let required: Vec<&str> = table
            .fields
            .iter()
            .filter(|field| field.required)
            .map(|field| field.name)
            .collect();
        let typed: Vec<&str> = definition["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(required, typed, "{name}");
    }
    let words = |fields: &Fields, name: &str| match fields
        .fields
        .iter()
        .find(|field| field.name == name)
        .map(|field| &field.shape)
    {
        Some(Shape::Word(words) | Shape::WordOr(words, _)) => {
            words.iter().map(|word| Value::from(*word)).collect::<Vec<_>>()
        }
        _ => panic!("{name} is no word"),
    };
    for (table, field, name) in [
        (&model::INPUT, "type", "InputType"),
        (&model::TASK, "join", "Join"),
        (&model::RETRY, "backoff", "Backoff"),
        (&model::RETRY, "jitter", "Jitter"),
        (&model::RETRY, "on_lost", "OnLost"),
        (&model::FOR_EACH, "on_item_failure", "ItemFailureWord"),
        (&model::SCHEDULE, "missing", "Missing"),
        (&model::SCHEDULE, "doubled", "Doubled"),
        (&model::SCHEDULE, "missed", "Missed"),
        (&model::SCHEDULE, "overlap", "Overlap"),
    ] {
        let typed: Vec<Value> = definition(name)["oneOf"]
            .as_array()
            .expect(name)
            .iter()
            .map(|one| one["const"].clone())
            .collect();
        assert_eq!(words(table, field), typed, "{name}");
    }
}

/// Texts that are nearly documents.
fn near_document() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "flow", "tasks", "needs", "type", "noop", "a", "b", ": ", ":", "\n", "\n  ", "\n    ", "- ", "[",
        "]", "{", "}", ",", "\"", "'", "{{ ", " }}", "&x ", "*x", "!!str ", "!t ", "|", ">", "#", "%", "@",
        "\t", "---\n", "...\n", "? ", "1", "1e9", "0x1", "~", "true", "<<", "\u{FEFF}", "ü", "\r", "\0",
        "\\", "\\u00", "timeout", "retry", "layout",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in [Format::Yaml, Format::Json] {
            let problems = parse(&bytes, format).err();
            prop_assert!(problems.is_none_or(|problems| !problems.is_empty()));
        }
    }

    #[test]
    fn no_text_panics_and_every_problem_has_its_place(text in near_document(), whole in any::<bool>()) {
        let text = if whole { format!("{WHOLE}{text}") } else { text };
        for format in [Format::Yaml, Format::Json] {
            for problem in parse(text.as_bytes(), format).err().into_iter().flatten() {
                prop_assert!(problem.line.is_some_and(|line| line as usize <= text.matches(['\n', '\r']).count() + 1), "{problem:?}");
                prop_assert!(problem.column.is_some_and(|column| column >= 1), "{problem:?}");
            }
        }
    }

    #[test]
    fn any_value_reads_the_same_in_both_notations(text in ".{0,20}", number in any::<i64>(), float in -1e300..1e300f64, key in ".{0,10}") {
        let mut doc = whole();
        let with = &mut doc.tasks["fetch"].with;
        with.insert("text".to_owned(), text.clone().into());
        with.insert("number".to_owned(), number.into());
        with.insert("float".to_owned(), float.into());
        with.insert("list".to_owned(), serde_json::json!([text, {"deep": text}, [], {}]));
        with.insert(format!("_{key}"), true.into());
        doc.description = Some(text);
        let json = serde_json::to_string(&doc).expect("a document is JSON");
        prop_assert_eq!(&parse(json.as_bytes(), Format::Json).expect("its own JSON").doc, &doc);
        let yaml = super::to_yaml(&doc);
        match parse(yaml.as_bytes(), Format::Yaml) {
            Ok(parsed) => prop_assert_eq!(&parsed.doc, &doc, "{}", yaml),
            Err(problems) => prop_assert!(false, "{problems:#?}\n{yaml}"),
        }
    }
}
