use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::text::Source;

fn types() -> Vec<TaskTypeView> {
    let schemas: Map<String, Value> =
        serde_json::from_str(include_str!("../form/task-types.json")).expect("is JSON");
    let view = |(key, schema): (String, Value)| {
        let view = json!({
            "key": key, "title": key, "summary": format!("Does {key}."), "icon": "", "category": "",
            "input_schema": schema, "output_schema": true,
        });
        serde_json::from_value(view).expect("is a type")
    };
    schemas.into_iter().map(view).collect()
}

/// What is offered, and told, where `¦` stands. The document is what is read without the line of the cursor, if it cannot be read with it.
fn check(text: &str, expected: Expect) {
    let cursor = text.find('¦').expect("a cursor");
    let plain = text.replacen('¦', "", 1);
    let format = Format::guess(plain.as_bytes());
    let read = |text: &str| {
        let draft = crate::text::draft::Draft::new(text, format).ok()?;
        Some(draft.value().clone())
    };
    let without = || {
        let lines = text.lines().filter(|line| !line.contains('¦'));
        read(&lines.collect::<Vec<_>>().join("\n"))
    };
    let document = read(&plain).or_else(without).unwrap_or_default();
    let (types, schema) = (types(), flow::schema::task_schema());
    let known = Known {
        outputs: [("fetch".to_owned(), json!({"rows": [1, 2], "status": 200}))].into(),
        ..Known::default()
    };
    let writing = Writing {
        text: &plain,
        format,
        document: &document,
        types: &types,
        schema: &schema,
        known: &known,
    };
    let found = complete_text(&writing, cursor);
    let mut told = String::new();
    if let Some(about) = explain(&writing, cursor) {
        told.push_str(&format!("? {about}\n"));
    }
    for item in found.items.iter().take(8) {
        let insert = item.insert.replace('\n', "⏎").replace(' ', "·");
        told.push_str(&format!("{} | {insert} | {}\n", item.label, item.detail));
    }
    if found.items.len() > 8 {
        told.push_str(&format!("and {} more\n", found.items.len() - 8));
    }
    if let Some(item) = found.items.first() {
        let (after, at) = taken(&plain, &found.range, &item.insert).expect("is in the text");
        let line = after[..at].rfind('\n').map_or(0, |at| at + 1);
        told.push_str(&format!("→ {}¦\n", &after[line..at]));
    }
    expected.assert_eq(&told);
}

#[test]
fn fields_of_the_flow_and_of_tasks_are_offered() {
    check(
        "flow: a\nsch¦",
        expect![[r#"
        schedules | schedules:⏎·· | When runs of the flow start by themselves, by the schedules' names
        →   ¦
    "#]],
    );
    check(
        "flow: a\ntasks:\n  fetch:\n    type: http.request\n    re¦\n    timeout: 3s\n",
        expect![[r#"
            retry | retry:⏎······ | What happens after a failed attempt; without it the first failure is final
            →       ¦
        "#]],
    );
    check(
        "flow: a\ntasks:\n  fetch:\n    type: http.request\n    retry:\n      ¦\n",
        expect![[r#"
            max_attempts | max_attempts:· | How many attempts at most, the first included
            backoff | backoff:· | How the pause grows
            first | first:· | The pause after the first failed attempt
            max | max:· | The longest pause; 1m unless given, or `first` if that is longer
            jitter | jitter:· | How much chance is mixed into the pause
            on_lost | on_lost:· | What happens to an attempt lost with its worker or server
            on | on:· | The kinds of failure that are tried again, such as `timeout`; all, unless these or `exit_codes` are given
            exit_codes | exit_codes:⏎········-· | The exit codes that are tried again
            →       max_attempts: ¦
        "#]],
    );
    check(
        "flow: a\ntasks:\n  fetch: { type: http.request, with: { ur¦ } }\n",
        expect![[r#"
            url | url:· | Where to, with `http://` or `https://`
            →   fetch: { type: http.request, with: { url: ¦
        "#]],
    );
    check(
        "{\"flow\": \"a\", \"tasks\": {\"fetch\": {\"type\": \"shell\", \"de¦\"}}}",
        expect![[r#"
            description | description":· | What it is for
            → {"flow": "a", "tasks": {"fetch": {"type": "shell", "description": ¦
        "#]],
    );
}

#[test]
fn values_are_offered_by_their_schema_and_by_the_flow() {
    check(
        "flow: a\ntasks:\n  fetch:\n    type: sh¦\n",
        expect![[r#"
        ? type: text · What it does, for example `http.request`
        shell | shell | Does shell.
        →     type: shell¦
    "#]],
    );
    check(
        "flow: a\ntasks:\n  fetch: { type: shell }\n  store:\n    needs: [fetch, ¦]\n  log: { type: log }\n",
        expect![[r#"
            ? needs: text or fields · An edge into a task: the short form is the upstream's id alone
            log | log | 
            task | task:· | The upstream task
            on | on:· | The outcomes that take the edge: `succeeded` (default), `failed`, `skipped`, `cancelled`, a case of a switch, or `always`
            when | when:· | An expression that narrows it
            handles | handles:· | Whether taking the edge on a failure counts as handling that failure
            →     needs: [fetch, log¦
        "#]],
    );
    check(
        "flow: a\ntasks:\n  size: { type: switch, with: { cases: { big: x } } }\n  b:\n    needs:\n    - task: size\n      on: ¦\n",
        expect![[r#"
            ? on: text or list · The outcomes that take the edge: `succeeded` (default), `failed`, `skipped`, `cancelled`, a case of a switch, or `always`
            big | big | 
            succeeded | succeeded | 
            failed | failed | 
            skipped | skipped | 
            cancelled | cancelled | 
            always | always | 
            →       on: big¦
        "#]],
    );
    check(
        "flow: a\ntasks:\n  ask:\n    type: approval\n    with:\n      on_timeout: ¦\n",
        expect![[r#"
            ? on_timeout: text · What happens then: the task fails, or it is as if somebody had approved or rejected
            fail | fail | 
            approve | approve | 
            reject | reject | 
            →       on_timeout: fail¦
        "#]],
    );
    check(
        "flow: a\ntasks:\n  a:\n    type: log\n    disabled: ¦\n",
        expect![[r#"
        ? disabled: true or false · Switched off: it does nothing and succeeds at once with the output null, unless it is skipped; what comes after it runs
        true | true | 
        false | false | 
        →     disabled: true¦
    "#]],
    );
    check(
        "flow: a\ntasks:\n  a:\n    type: log\n    join: \"¦\"\n",
        expect![[r#"
        ? join: text · When a task with several edges may start
        all | all | When every edge is taken; skipped at the first settled edge that is not
        any | any | At the first taken edge; skipped if none is
        settled | settled | When all upstreams are settled and at least one edge was taken; else skipped
        →     join: "all¦
    "#]],
    );
    check(
        "flow: a\ngroups:\n  one:\n    tasks:\n      - ¦\ntasks:\n  x: { type: log }\n",
        expect![[r#"
            ? tasks: text
            x | x | 
            →       - x¦
        "#]],
    );
}

#[test]
fn expressions_are_helped_with_where_they_stand() {
    let flow = |value: &str| {
        format!(
            "flow: a\ntasks:\n  fetch: {{ type: http.request }}\n  b:\n    type: log\n    needs: [fetch]\n    with:\n      message: {value}\n"
        )
    };
    check(
        &flow("\"{{ tasks.fetch.output.¦ }}\""),
        expect![[r#"
        ? message: The line
        rows | .rows | list of 2
        status | .status | 200
        →       message: "{{ tasks.fetch.output.rows¦
    "#]],
    );
    check(
        &flow("\"{{ tasks.fetch.output.sta¦tus }}\""),
        expect![[r#"
        ? = 200
        status | .status | 200
        →       message: "{{ tasks.fetch.output.status¦
    "#]],
    );
    check(
        &flow("|\n        so {{ ta¦"),
        expect![[r#"
        ? message: The line
        tasks | tasks | what tasks before this gave
        →         so {{ tasks¦
    "#]],
    );
}

#[test]
fn what_stands_there_is_explained() {
    check(
        "flow: a\ntasks:\n  a:\n    type: she¦ll\n",
        expect![[r#"
        ? shell: Does shell.
        shell | shell | Does shell.
        →     type: shell¦
    "#]],
    );
    check(
        "flow: a\ntasks:\n  a:\n    type: log\n    retry: { max_att¦empts: 3 }\n",
        expect![[r#"
            ? max_attempts: whole number · How many attempts at most, the first included
        "#]],
    );
    check("flow: a # com¦ment\n", expect![""]);
    check(
        "fl¦ow: a\n",
        expect![[r#"
        ? flow: text · The flow's id: lower case letters, digits, `-` and `_`
    "#]],
    );
}

#[test]
fn what_is_taken_can_be_read() {
    let text = "flow: a\ntasks:\n  a:\n    type: log\n    re";
    let (after, at) = taken(text, &(text.len() - 2..text.len()), "retry:\n      ").expect("fits");
    assert_eq!((at, after.len()), (after.len(), text.len() + 11));
    assert!(Source::guess(after).text().ends_with("retry:\n      "));
}
