use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::testing::strings;

fn document() -> Value {
    json!({
        "inputs": { "day": { "type": "date", "title": "Day" }, "my-limit": {} },
        "tasks": {
            "fetch": { "type": "http.request", "name": "Fetch" },
            "load-all": { "type": "log", "needs": ["fetch"] },
            "size": { "type": "switch", "needs": [{ "task": "load-all", "on": "always" }] },
            "each": { "type": "log", "needs": ["size"], "for_each": { "items": "{{ tasks.fetch.output.rows }}" } },
            "other": { "type": "wait" },
        },
        "finally": { "tidy": { "type": "log" } },
    })
}

fn known() -> Known {
    Known {
        outputs: [(
            "fetch".to_owned(),
            json!({ "rows": [{ "id": 1, "the name": "x" }], "total": 2.5 }),
        )]
        .into(),
        schemas: [(
            "load-all".to_owned(),
            json!({ "properties": { "n": { "type": "integer", "description": "how many" },
            "list": { "items": { "properties": { "a": {} } } } } }),
        )]
        .into(),
        inputs: json!({ "day": "2026-01-01" }),
        vars: json!({ "base": "https://a.example" })
            .as_object()
            .cloned()
            .unwrap_or_default(),
        secrets: vec!["token".to_owned()],
        ..Known::default()
    }
}

/// The cursor is the `@`.
fn check(field: &str, written: &[&str], expected: Expect) {
    let mut shown = String::new();
    for written in written {
        let cursor = written.find('@').expect("a cursor");
        let text = written.replace('@', "");
        let found = complete(&document(), &strings(field), &text, cursor, &known());
        let _ = writeln!(shown, "{written}  replaces `{}`", &text[found.range.clone()]);
        for item in &found.items {
            let _ = writeln!(
                shown,
                "  {:?} {} ({}) {}",
                item.kind, item.label, item.insert, item.detail
            );
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn only_what_can_be_there_is_offered() {
    check(
        "tasks.each.with.message",
        &[
            "@",
            "plain {{ a }} @",
            "{{ @",
            "{{ tasks.@",
            "{{ tasks.si@ }}",
            "{{ tasks['lo@",
            "{{ tasks['load-all'].@",
            "{{ tasks['load-all'].output.@",
            "{{ tasks['load-all'].output.list[0].@",
            "{{ tasks.fetch.output.rows[0].@",
            "{{ 1 + tasks.fetch.output.to@",
            "{{ inputs.@",
            "{{ vars.@",
            "{{ secrets.@",
            "{{ item.@",
            "{{ 'tasks.@",
            "{{ inputs.day | up@",
            "{{ inputs.day is not def@",
            "{{ nothing.@",
            "{{ 12@",
        ],
        expect![[r#"
            @  replaces ``
            plain {{ a }} @  replaces ``
            {{ @  replaces ``
              Name tasks (tasks) what tasks before this gave
              Name inputs (inputs) what the run was given
              Name run (run) the run itself
              Name vars (vars) variables
              Name item (item) the item
              Name item_index (item_index) its number, from 0
              Name secrets (secrets) alone, in fields made for them
              Function range (range() 
              Function dict (dict() 
            {{ tasks.@  replaces `.`
              Task size (.size) switch
              Task load-all (['load-all']) log
              Task fetch (.fetch) Fetch · http.request
            {{ tasks.si@ }}  replaces `.si`
              Task size (.size) switch
            {{ tasks['lo@  replaces `['lo`
              Task load-all (['load-all']) log
            {{ tasks['load-all'].@  replaces `.`
              Field output (.output) 
              Field state (.state) 
              Field error (.error) 
              Field exit_code (.exit_code) 
              Field attempts (.attempts) 
              Field case (.case) 
            {{ tasks['load-all'].output.@  replaces `.`
              Field n (.n) integer · how many
              Field list (.list) 
            {{ tasks['load-all'].output.list[0].@  replaces `.`
              Field a (.a) 
            {{ tasks.fetch.output.rows[0].@  replaces `.`
              Field id (.id) 1
              Field the name (['the name']) "x"
            {{ 1 + tasks.fetch.output.to@  replaces `.to`
              Field total (.total) 2.5
            {{ inputs.@  replaces `.`
              Input day (.day) date · Day
              Input my-limit (['my-limit']) 
            {{ vars.@  replaces `.`
              Variable base (.base) "https://a.example"
            {{ secrets.@  replaces `.`
              Secret token (.token) 
            {{ item.@  replaces `.`
              Field id (.id) 1
              Field the name (['the name']) "x"
            {{ 'tasks.@  replaces ``
            {{ inputs.day | up@  replaces `up`
              Filter upper (upper) 
              Filter groupby (groupby) 
            {{ inputs.day is not def@  replaces `def`
              Test defined (defined) 
              Test undefined (undefined) 
            {{ nothing.@  replaces `.`
            {{ 12@  replaces ``
        "#]],
    );
    check(
        "tasks.size.when",
        &["@", "tasks.@", "not ups@"],
        expect![[r#"
        @  replaces ``
          Name tasks (tasks) what tasks before this gave
          Name inputs (inputs) what the run was given
          Name run (run) the run itself
          Name vars (vars) variables
          Name upstream (upstream) how many ended how
          Function range (range() 
          Function dict (dict() 
        tasks.@  replaces `.`
          Task load-all (['load-all']) log
          Task fetch (.fetch) Fetch · http.request
        not ups@  replaces `ups`
          Name upstream (upstream) how many ended how
    "#]],
    );
    check(
        "tasks.other.with.until",
        &["{{ tasks.@", "{{ n@"],
        expect![[r#"
            {{ tasks.@  replaces `.`
            {{ n@  replaces `n`
              Name now (now) the time
              Name inputs (inputs) what the run was given
              Name run (run) the run itself
              Function range (range() 
        "#]],
    );
    check(
        "finally.tidy.with.message",
        &["{{ tasks.@"],
        expect![[r#"
        {{ tasks.@  replaces `.`
          Task fetch (.fetch) Fetch · http.request
          Task load-all (['load-all']) log
          Task size (.size) switch
          Task each (.each) log
          Task other (.other) wait
    "#]],
    );
    check(
        "schedules.night.inputs.day",
        &["{{ @", "{{ trigger.@"],
        expect![[r#"
            {{ @  replaces ``
              Name trigger (trigger) what starts the run
              Name vars (vars) variables
              Function range (range() 
              Function dict (dict() 
            {{ trigger.@  replaces `.`
              Field at (.at) 
              Field name (.name) 
        "#]],
    );
    check(
        "tasks.size.name",
        &["{{ @"],
        expect![[r#"
        {{ @  replaces ``
    "#]],
    );
}

#[test]
fn a_preview_is_what_is_known_or_why_not() {
    let texts = [
        ("tasks.each.with.message", "no expression"),
        (
            "tasks.each.with.message",
            "{{ tasks.fetch.output.rows | length }} of {{ inputs.day }}",
        ),
        ("tasks.each.with.message", "{{ item.id + 1 }}"),
        ("tasks.each.with.message", "{{ secrets.token }}"),
        ("tasks.each.with.message", "{{ tasks.size.output }}"),
        ("tasks.each.with.message", "{{ vars.none }}"),
        ("tasks.size.when", "tasks.fetch.output.total > 2"),
        ("tasks.size.name", "{{ 1 }}"),
    ];
    let shown: String = texts
        .iter()
        .map(|(field, text)| format!("{:?}\n", preview(&document(), &strings(field), text, &known())))
        .collect();
    expect![[r#"
        None
        Some(Ok(String("1 of 2026-01-01")))
        Some(Ok(Number(2)))
        Some(Ok(String("•••")))
        Some(Err("`size` has not run yet; run it, or pin an output, to see what this gives"))
        Some(Err("`vars.none` is not there; `vars` has: base. In `{{ vars.none }}`"))
        Some(Ok(Bool(true)))
        None
    "#]]
    .assert_eq(&shown);
}

#[test]
fn a_sample_is_small_whatever_it_was() {
    let wide = json!(vec![
        json!({ "text": "ü".repeat(10_000), "list": vec![1; 1000] });
        5000
    ]);
    let deep = (0..200).fold(json!(1), |value, _| json!([value]));
    for value in [wide, deep] {
        let capped = capped(&value);
        let size = capped.to_string().len();
        assert!(size < 600_000, "{size}");
    }
    assert_eq!(
        capped(&json!({ "a": [1, "b", null] })),
        json!({ "a": [1, "b", null] })
    );
}

#[test]
fn before_a_run_the_schema_says_what_is_given() {
    let told = |text: &str| expected(text, &known());
    assert_eq!(
        told("{{ tasks['load-all'].output.n }}").as_deref(),
        Some("integer · how many")
    );
    assert_eq!(told("{{ tasks['load-all'].output.list.0.a }}"), None);
    assert_eq!(told("{{ tasks['load-all'].output.n + 1 }}"), None);
    assert_eq!(
        told("{{ tasks.fetch.output.total }}"),
        None,
        "of it there is no schema"
    );
    assert_eq!(told("n {{ tasks['load-all'].output.n }}"), None);
}
