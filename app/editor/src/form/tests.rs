use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{made, say};

fn show(form: &Form, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    if let Some(choice) = &form.choice {
        let labels: Vec<String> = choice
            .tabs
            .iter()
            .enumerate()
            .map(|(at, tab)| {
                if at == choice.chosen {
                    format!("[{}]", tab.label)
                } else {
                    tab.label.clone()
                }
            })
            .collect();
        out.push_str(&format!("{pad}tabs {}\n", labels.join(" ")));
    }
    for field in form.shown() {
        show_field(field, indent, out);
    }
    for field in &form.unknown {
        out.push_str(&format!(
            "{pad}unknown {} = {}",
            field.title,
            field.text().replace('\n', " ")
        ));
        out.push_str(
            &field
                .problem
                .as_ref()
                .map_or_else(|| "\n".to_owned(), |problem| format!(" !{problem}\n")),
        );
    }
}

fn show_field(field: &Field, indent: usize, out: &mut String) {
    let mut line = format!("{}{}", " ".repeat(indent), field.title);
    for (is, mark) in [
        (field.is_required, "*"),
        (field.is_advanced, " advanced"),
        (field.takes_secrets, " secrets"),
    ] {
        line.push_str(if is { mark } else { "" });
    }
    line.push_str(&format!(": {}", word(&field.kind)));
    let is_inner =
        matches!(field.plain_kind(), Kind::Group(_) | Kind::Map(_) | Kind::List(_)) && !field.is_expression;
    if let Some(value) = field.value.as_ref().filter(|_| !is_inner) {
        line.push_str(&format!(" = {value}"));
    } else if let Some(default) = &field.default {
        line.push_str(&format!(" ({default})"));
    }
    if field.is_expression {
        line.push_str(" as an expression");
    }
    if let Some(problem) = &field.problem {
        line.push_str(&format!(" !{problem}"));
    }
    out.push_str(&line);
    out.push('\n');
    if field.is_expression {
        return;
    }
    match field.plain_kind() {
        Kind::Group(form) => show(form, indent + 2, out),
        Kind::Map(fields) | Kind::List(fields) => {
            fields.iter().for_each(|field| show_field(field, indent + 2, out))
        }
        _ => {}
    }
}

fn word(kind: &Kind) -> String {
    match kind {
        Kind::Code(language) => format!("code in {language}"),
        Kind::Number {
            is_whole: true,
            least,
            most,
        } => format!("whole number{}", range(*least, *most)),
        Kind::Number { least, most, .. } => format!("number{}", range(*least, *most)),
        Kind::Select(items) => {
            let items: Vec<&str> = items.iter().map(|item| item.label.as_str()).collect();
            format!("one of {}", items.join("|"))
        }
        Kind::Group(_) => "group".to_owned(),
        Kind::Map(fields) => format!("map of {}", fields.len()),
        Kind::List(fields) => format!("list of {}", fields.len()),
        Kind::Variants { tabs, chosen, kind } => {
            let labels: Vec<&str> = tabs.iter().map(|(label, _)| label.as_str()).collect();
            format!("{} of {}, {}", labels[*chosen], labels.join("|"), word(kind))
        }
        simple => format!("{simple:?}").to_lowercase(),
    }
}

fn range(least: Option<f64>, most: Option<f64>) -> String {
    let side = |side: Option<f64>| side.map_or(String::new(), |side| side.to_string());
    match (least, most) {
        (None, None) => String::new(),
        (least, most) => format!(" {}..{}", side(least), side(most)),
    }
}

fn check(schema: &Value, value: &Value, expected: Expect) {
    let mut out = String::new();
    show(&form(schema, Some(value), &["tasks", "t", "with"]), 0, &mut out);
    expected.assert_eq(&out);
}

/// As `http.request` describes itself.
fn request() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "method": {"type": "string", "default": "GET", "description": "`GET`, `POST` …"},
            "url": {"type": "string", "x-secret": true},
            "headers": {"type": "object", "additionalProperties": true, "default": {}, "x-secret": true},
            "auth": {"anyOf": [{"$ref": "#/$defs/Auth"}, {"type": "null"}], "default": null},
            "body": {"default": null, "x-secret": true},
            "expect": {"$ref": "#/$defs/Expect", "default": "2xx"},
            "follow_redirects": {"anyOf": [{"type": "boolean"}, {"type": "integer", "format": "uint32", "minimum": 0}], "default": true},
            "max_body": {"type": "integer", "format": "uint", "minimum": 0, "maximum": 16_777_216, "default": 8_388_608, "x-advanced": true}
        },
        "required": ["url"],
        "$defs": {
            "Auth": {"type": "object", "additionalProperties": false, "properties": {
                "bearer": {"type": ["string", "null"], "default": null, "x-secret": true},
                "username": {"type": ["string", "null"], "default": null}
            }},
            "Expect": {"anyOf": [{"$ref": "#/$defs/Status"}, {"type": "array", "items": {"$ref": "#/$defs/Status"}}]},
            "Status": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 65_535}, {"type": "string"}]}
        }
    })
}

#[test]
fn a_request_is_a_form() {
    check(
        &request(),
        &json!({}),
        expect![[r#"
        Url* secrets: line !this is required
        Method: line ("GET")
        Headers secrets: map of 0 ({})
        Auth: group
          Bearer secrets: line
          Username: line
        Body secrets: json
        Expect: One of One|List, Number of Number|Text, whole number 0..65535 ("2xx")
        Follow redirects: Yes or no of Yes or no|Number, toggle (true)
        Max body advanced: whole number 0..16777216 (8388608)
    "#]],
    );
    check(
        &request(),
        &json!({
            "url": "https://x/{{ inputs.day }}", "headers": {"Accept": "text/html", "X-N": 3}, "auth": {"bearer": "{{ secrets.token }}"},
            "expect": [200, "3xx"], "follow_redirects": "{{ inputs.follow }}", "max_body": -1, "retries": 3
        }),
        expect![[r#"
            Url* secrets: line = "https://x/{{ inputs.day }}"
            Method: line ("GET")
            Headers secrets: map of 2 ({})
              Accept* secrets: line = "text/html"
              X-N* secrets: json = 3
            Auth: group
              Bearer secrets: line = "{{ secrets.token }}"
              Username: line
            Body secrets: json
            Expect: List of One|List, list of 2 ("2xx")
              1*: Number of Number|Text, whole number 0..65535 = 200
              2*: Text of Number|Text, line = "3xx"
            Follow redirects: Yes or no of Yes or no|Number, toggle = "{{ inputs.follow }}" as an expression
            Max body advanced: whole number 0..16777216 = -1 !a whole number from 0 to 16777216 is wanted
            unknown retries = 3 !`retries` is not known here
        "#]],
    );
}

/// The built-in types, as `GET /api/v1/task-types` gave them.
#[test]
fn every_built_in_type_has_a_form() {
    let types: Map<String, Value> = serde_json::from_str(include_str!("task-types.json")).expect("is JSON");
    let mut out = String::new();
    for (key, schema) in &types {
        out.push_str(&format!("{key}\n"));
        show(&form(schema, Some(&json!({})), &["with"]), 2, &mut out);
    }
    expect![[r#"
        approval
          Title: line
          Form: map of 0
          Timeout: duration
          On timeout: one of fail|approve|reject
        delay
          tabs [For] Until
          For*: duration !this is required
        fail
          Message: line
        fetch_data
          Failure rate: number 0..1 (0.0)
          Data source: line ("default_source")
          Live: toggle (false)
          Timeout: number
        http.request
          Url* secrets: line !this is required
          Method: line ("GET")
          Headers secrets: map of 0 ({})
          Auth: group
            Bearer secrets: line
            Username secrets: line
            Password secrets: line
          Query secrets: map of 0 ({})
          Body secrets: json
          Expect: One of One|List, Number of Number|Text, whole number 0..65535
          Follow redirects: Yes or no of Yes or no|Number, toggle
          Max body: whole number 0..16777216 (8388608)
        log
          Message*: json !this is required
          Level: one of debug|info|warning|error
        loop
          tabs [Do] Flow
          Do*: group !this is required
            Type*: line !this is required
            With: map of 0
            Retry: json
            Timeout: duration
          Until*: line !this is required
          Max iterations: whole number 0..
          Pause: duration
        mail.send
          To*: Text of Text|List, line !this is required
          Subject*: line !this is required
          Smtp* secrets: line !this is required
          Cc: Text of Text|List, line
          From: line
          Reply to: line
          Body: line ("")
          Html: line
        noop
        process_data
          Failure rate: number 0..1 (0.0)
          Input: json
          Results: json
        shell
          Command*: line !this is required
          Interpreter: line ("/bin/sh")
          Env secrets: map of 0 ({})
          Cwd: line
          Stdin secrets: json
        signal
          Name: line
          Timeout: duration
          Default: json
        store_data
          Failure rate: number 0..1 (0.0)
          Input: json
          Results: json
          Destination: line
        subflow
          Flow*: line !this is required
          Inputs: map of 0 ({})
          Version: whole number 1..
          Wait: toggle (true)
        switch
          Cases*: map of 0 !this is required
          Default: line
        transform
          tabs [Value] Jq
          Value*: json !this is required
          Input: json
        wait
          tabs [Until] When
          Until*: line !this is required
          Timeout: duration
    "#]]
    .assert_eq(&out);
}

#[test]
fn one_of_two_arguments() {
    let delay = json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "for": {"type": ["string", "null"], "format": "pointwork-duration", "examples": ["30s"]},
            "until": {"type": ["string", "null"]}
        },
        "oneOf": [{"required": ["for"]}, {"required": ["until"]}]
    });
    check(
        &delay,
        &json!({"for": "3s"}),
        expect![[r#"
        tabs [For] Until
        For*: duration = "3s"
    "#]],
    );
    check(
        &delay,
        &json!({"until": "x"}),
        expect![[r#"
        tabs For [Until]
        Until*: line = "x"
    "#]],
    );
    check(
        &delay,
        &json!({}),
        expect![[r#"
        tabs [For] Until
        For*: duration !this is required
    "#]],
    );
    let choose = |value: Value, tab| {
        let path = ["tasks", "t", "with"];
        form(&delay, Some(&value), &path)
            .choose(tab, &path)
            .map_or_else(|| "nothing".to_owned(), |change| say(&change))
    };
    expect![[r#"
        set tasks.t.with.for = nothing
        set tasks.t.with.until = ""
    "#]]
    .assert_eq(&choose(json!({"for": "3s"}), 1));
    assert_eq!(choose(json!({"for": "3s"}), 0), "nothing");
}

#[test]
fn a_discriminator_chooses_the_fields() {
    let schema = json!({
        "oneOf": [
            {"title": "A file", "type": "object", "properties": {"kind": {"const": "file"}, "path": {"type": "string"}}, "required": ["kind", "path"]},
            {"type": "object", "properties": {"kind": {"const": "table"}, "rows": {"type": "integer", "minimum": 1}, "where": {"type": "string"}}, "required": ["kind", "rows"]}
        ]
    });
    check(
        &schema,
        &json!({"kind": "table", "rows": 4}),
        expect![[r#"
        tabs A file [table]
        Kind*: json = "table"
        Rows*: whole number 1.. = 4
        Where: line
    "#]],
    );
    let path = ["with"];
    let value = json!({"kind": "table", "rows": 4, "where": "x"});
    let change = form(&schema, Some(&value), &path)
        .choose(0, &path)
        .expect("is another one");
    expect![[r#"
        set with.rows = nothing
        set with.where = nothing
        set with.kind = "file"
        set with.path = ""
    "#]]
    .assert_eq(&say(&change));
}

#[test]
fn conditions_bring_fields() {
    let schema = json!({
        "type": "object",
        "properties": {
            "mode": {"enum": ["fast", "safe", null], "title": "How", "x-order": 1},
            "card": {"type": "string", "format": "secret"},
            "address": {"type": "string"},
            "when": {"type": "string", "format": "cron", "x-order": 0},
            "at": {"type": "string", "format": "date-time"},
            "program": {"type": "string", "format": "python"},
            "notes": {"type": "string", "format": "textarea"}
        },
        "if": {"properties": {"mode": {"const": "safe"}}, "required": ["mode"]},
        "then": {"properties": {"checks": {"type": "integer"}}, "required": ["checks"]},
        "else": {"properties": {"speed": {"type": "number", "maximum": 9.5}}},
        "dependentRequired": {"card": ["address"]},
        "dependentSchemas": {"at": {"properties": {"zone": {"type": "string"}}}},
        "allOf": [{"properties": {"dry": {"type": "boolean", "default": false}}}]
    });
    check(
        &schema,
        &json!({"mode": "safe", "card": "x"}),
        expect![[r#"
        When: cron
        How: one of fast|safe = "safe"
        Address*: line !this is required
        Checks*: whole number !this is required
        Card: secret = "x"
        At: moment
        Program: code in python
        Notes: lines
        Dry: toggle (false)
    "#]],
    );
    check(
        &schema,
        &json!({"mode": "quick", "at": "now", "speed": 10, "dry": "{{ inputs.dry }}"}),
        expect![[r#"
            When: cron
            How: one of fast|safe = "quick" !one of these is wanted: fast, safe
            Card: secret
            Address: line
            At: moment = "now"
            Program: code in python
            Notes: lines
            Dry: toggle = "{{ inputs.dry }}" as an expression
            Speed: number ..9.5 = 10 !a number of at most 9.5 is wanted
            Zone: line
        "#]],
    );
}

#[test]
fn schemas_that_refer_to_themselves_end() {
    let schema = json!({
        "type": "object",
        "properties": {"next": {"$ref": "#"}, "loop": {"$ref": "#/$defs/Loop"}, "gone": {"$ref": "#/$defs/Gone"}},
        "$defs": {"Loop": {"$ref": "#/$defs/Loop"}}
    });
    check(
        &schema,
        &json!({"next": {"next": {"other": 1}}}),
        expect![[r#"
            Next: group
              Next: group
                Next: group
                  Next: json
                  Loop: json
                  Gone: json
                Loop: json
                Gone: json
                unknown other = 1
              Loop: json
              Gone: json
            Loop: json
            Gone: json
        "#]],
    );
}

#[test]
fn choices_with_meanings() {
    let schema = json!({"type": "object", "properties": {"level": {
        "oneOf": [{"const": "info", "description": "As usual"}, {"type": "string", "enum": ["error"], "title": "Error!"}]
    }}});
    let form = form(&schema, None, &["with"]);
    let Kind::Select(items) = &form.fields[0].kind else {
        panic!("is a choice");
    };
    assert_eq!(items[0].help.as_deref(), Some("As usual"));
    assert_eq!(
        (items[1].label.as_str(), items[1].value.as_str()),
        ("Error!", Some("error"))
    );
}

/// What typing does, field by field: `url=text`.
fn typed(value: &Value, steps: &[(&str, &str)], expected: Expect) {
    let form = form(&request(), Some(value), &["with"]);
    let mut out = String::new();
    for (name, text) in steps {
        let field = form
            .fields
            .iter()
            .find(|field| field.path.last().is_some_and(|last| last == name))
            .expect("is a field");
        match field.typed(text) {
            Ok(change) => out.push_str(&say(&change)),
            Err(mistake) => out.push_str(&format!("{name}: {mistake}\n")),
        }
    }
    expected.assert_eq(&out);
}

#[test]
fn what_is_typed_becomes_a_change() {
    typed(
        &json!({"expect": 200}),
        &[
            ("url", "https://x"),
            ("url", ""),
            ("method", ""),
            ("max_body", "12"),
            ("max_body", "1.5"),
            ("max_body", "many"),
            ("max_body", "{{ inputs.n }}"),
            ("follow_redirects", "yes"),
            ("body", "{\"a\": 1}"),
            ("body", "{\"a\": "),
            ("body", "just text"),
            ("body", "{{ tasks.a.output }}"),
            ("expect", "404"),
        ],
        expect![[r#"
            set with.url = "https://x"
            set with.url = ""
            set with.method = nothing
            set with.max_body = 12
            max_body: `1.5` is not a whole number
            max_body: `many` is not a number
            set with.max_body = "{{ inputs.n }}"
            set with.follow_redirects = true
            set with.body = {"a":1}
            body: this is not JSON: EOF while parsing a value at line 1 column 6
            set with.body = "just text"
            set with.body = "{{ tasks.a.output }}"
            set with.expect = 404
        "#]],
    );
}

#[test]
fn entries_that_stand_in_an_order_are_moved() {
    let text = "\
flow: f
tasks:
  s:
    type: switch
    with:
      cases:
        # large ones first
        a: inputs.n > 9
        b: inputs.n > 5
        c: inputs.n > 1 # the rest
      default: d
";
    let schema = json!({ "properties": { "cases": { "type": "object", "additionalProperties": {}, "x-ordered": true } } });
    let value = json!({ "cases": { "a": "inputs.n > 9", "b": "inputs.n > 5", "c": "inputs.n > 1" } });
    let form = form(&schema, Some(&value), &["tasks", "s", "with"]);
    let cases = &form.fields[0];
    assert!(cases.is_ordered);
    let moved = |text: &str, name: &str, is_up| {
        let change = cases.move_entry(name, is_up);
        change.map_or_else(|| "nothing\n".to_owned(), |change| made(text, &change))
    };
    let mut shown = String::new();
    for (name, is_up) in [("a", true), ("a", false), ("c", true), ("c", false), ("x", true)] {
        shown.push_str(&moved(text, name, is_up));
    }
    let others = [
        "{\"flow\": \"f\", \"tasks\": {\"s\": {\"with\": {\"cases\": {\"a\": \"1\", \"b\": {\"x\": [2]}, \"c\": \"3\"}}}}}",
        "flow: f\r\ntasks:\r\n  s:\r\n    with:\r\n      cases:\r\n        a: 1\r\n        # of b\r\n        b: |\r\n          x\r\n\r\n        c: 3",
        "flow: f\ntasks:\n  s:\n    with:\n      cases: { a: 1, b: 2, c: &x 3 }\n",
    ];
    for text in others {
        shown.push_str(&moved(text, "b", true));
        shown.push_str(&moved(text, "b", false));
    }
    expect![[r#"
        nothing
        Change the order of with.cases of s
        -        a: inputs.n > 9
        +        a: inputs.n > 9
        Change the order of with.cases of s
        -        b: inputs.n > 5
        +        b: inputs.n > 5
        nothing
        nothing
        Change the order of with.cases of s
        -{"flow": "f", "tasks": {"s": {"with": {"cases": {"a": "1", "b": {"x": [2]}, "c": "3"}}}}}
        +{"flow": "f", "tasks": {"s": {"with": {"cases": {"b": {"x": [2]}, "a": "1", "c": "3"}}}}}
        Change the order of with.cases of s
        -{"flow": "f", "tasks": {"s": {"with": {"cases": {"a": "1", "b": {"x": [2]}, "c": "3"}}}}}
        +{"flow": "f", "tasks": {"s": {"with": {"cases": {"a": "1", "c": "3", "b": {"x": [2]}}}}}}
        Change the order of with.cases of s
        -        a: 1\r
        +        a: 1\r
        Change the order of with.cases of s
        +        c: 3\r
        +\r
        -          x\r
        -\r
        -        c: 3
        +          x
        Change the order of with.cases of s
        -      cases: { a: 1, b: 2, c: &x 3 }
        +      cases: { b: 2, a: 1, c: &x 3 }
        Change the order of with.cases of s
        -      cases: { a: 1, b: 2, c: &x 3 }
        +      cases: { a: 1, c: &x 3, b: 2 }
    "#]]
    .assert_eq(&shown);
}

#[test]
fn lists_and_maps_are_edited() {
    let value = json!({"headers": {"a": 1, "b": 2}, "expect": [200, 201, 202], "max_body": "{{ 7 }}", "method": "PUT"});
    let form = form(&request(), Some(&value), &["with"]);
    let field = |name: &str| {
        form.fields
            .iter()
            .find(|field| field.path[1] == name)
            .expect("is a field")
    };
    let mut out = String::new();
    let (headers, expect, max) = (field("headers"), field("expect"), field("max_body"));
    let changes = [
        Some(headers.add_entry()),
        headers.rename_entry("a", "c").ok(),
        Some(headers.remove_entry("a")),
        Some(expect.add_item()),
        expect.remove_item(0),
        expect.move_item(2, 0),
        expect.move_item(1, 3),
        expect.vary(0),
        Some(max.switched()),
        Some(field("method").switched()),
    ];
    for change in changes {
        out.push_str(&change.map_or_else(|| "nothing\n".to_owned(), |change| say(&change)));
    }
    out.push_str(&headers.rename_entry("a", "b").expect_err("is taken").0);
    expect![[r#"
        set with.headers = {"a":1,"b":2,"name1":""}
        set with.headers = {"c":1,"b":2}
        set with.headers = {"b":2}
        set with.expect = [200,201,202,0]
        set with.expect = [201,202]
        set with.expect = [202,200,201]
        nothing
        set with.expect = 0
        set with.max_body = 7
        set with.method = "{{ \"PUT\" }}"
        there is a `b` already"#]]
    .assert_eq(&out);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-5..5_i64).prop_map(Value::from),
        "[a-z{} %]{0,6}".prop_map(Value::String)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop::sample::select(vec![
            "type",
            "properties",
            "items",
            "oneOf",
            "anyOf",
            "allOf",
            "required",
            "enum",
            "const",
            "$ref",
            "if",
            "then",
            "a",
            "b",
            "additionalProperties",
            "dependentRequired",
            "default",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((name, inner), 0..4).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    /// Whatever a schema says and whatever stands in the document: there is a form, and everything of the document is in it.
    #[test]
    fn every_schema_is_a_form(schema in any_json(), value in any_json(), text in "[a-z{}\\[0-9 ]{0,8}") {
        let form = form(&schema, Some(&value), &["with"]);
        let mut out = String::new();
        show(&form, 0, &mut out);
        for name in value.as_object().into_iter().flat_map(Map::keys) {
            let all = form.fields.iter().chain(&form.unknown);
            prop_assert!(all.filter(|field| field.value.is_some()).any(|field| field.path.last() == Some(name)), "{name} is lost");
        }
        for field in &form.fields {
            let _ = (field.typed(&text), field.switched(), field.add_item(), field.add_entry(), field.vary(1));
        }
        let _ = form.choose(1, &["with"]);
    }
}

#[test]
fn what_is_added_begins_as_its_schema_wants_it() {
    let schema = flow::schema::task_schema();
    let mut whole = schema["x-flow"].clone();
    whole["$defs"] = schema["$defs"].clone();
    let form = form(&whole, Some(&json!({"flow": "f"})), &[]);
    let field = |name: &str| {
        let found = form.fields.iter().find(|field| field.path == [name]);
        found.expect("the flow has it").clone()
    };
    let told = [
        field("inputs").add_entry(),
        field("labels").add_entry(),
        field("schedules").add_entry(),
        field("after").add_entry(),
        field("webhooks").add_entry(),
        field("notify").add_item(),
    ];
    let shown: Vec<String> = told.iter().map(say).collect();
    expect_test::expect![[r#"
        set inputs = {"name1":{}}

        set labels = {"name1":""}

        set schedules = {"name1":{"cron":""}}

        set after = {"name1":{"flow":""}}

        set webhooks = {"name1":{}}

        set notify = [{}]
    "#]]
    .assert_eq(&shown.join("\n"));
}
