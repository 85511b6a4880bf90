mod styles;

use expect_test::{Expect, expect};
use serde_json::json;

use crate::change::Change;
use crate::testing::{add, made, move_to, set, unset};

fn check(text: &str, changes: &[Change], expected: Expect) {
    let shown: Vec<String> = changes.iter().map(|change| made(text, change)).collect();
    expected.assert_eq(&shown.join("\n"));
}

const BLOCK: &str = "\
# What it is for.
flow: orders  # the id
tasks:
    # Reads them.
    fetch:
        type: http.request   # the door
        with:
            url: 'https://a.example/it''s'
            body: |
                one

                  two
            headers: { a: 1, \"b c\": two }  # sent

    # Keeps them.
    store:
        name: \"Store \\u00fc\"
        type: store_data
        needs: # one
        -   fetch   # first
        -   task: other
            on: [failed, skipped]

    empty:
    # nothing yet
    other: { type: noop, with: {}, when: tasks.fetch.output > 3 }

# the end
";

#[test]
fn a_value_among_lines_changes_alone() {
    check(
        BLOCK,
        &[
            set("flow", json!("other-orders")),
            set("tasks.fetch.type", json!("log")),
            set("tasks.fetch.with.url", json!("it's")),
            set("tasks.fetch.with.url", json!("two\nlines\n")),
            set(
                "tasks.fetch.with.url",
                json!({ "a": [1, { "b": { "c": null } }] }),
            ),
            set("tasks.fetch.with.body", json!("one line")),
            set("tasks.fetch.with.body", json!("other\n\n  lines")),
            set("tasks.fetch.with.body", json!(7)),
            set("tasks.fetch.with.headers.a", json!("x: y")),
            set("tasks.fetch.with", json!(null)),
            set("tasks.fetch.with", json!("text")),
            set("tasks.store.name", json!("Say \"hi\"\n")),
            set("tasks.store.needs", json!(["a", "b"])),
            set(
                "tasks.store.needs.0",
                json!({ "task": "fetch", "when": "x == 'a: b'" }),
            ),
            set("tasks.empty", json!({ "type": "noop" })),
            set("tasks.other.when", json!("tasks.store.output < 3")),
            set("tasks.other.when", json!("a[0], b")),
            set("tasks.store.needs.1.on", json!("always")),
        ],
        expect![[r#"
            Change flow
            -flow: orders  # the id
            +flow: other-orders  # the id

            Change type of fetch
            -        type: http.request   # the door
            +        type: log   # the door

            Change with.url of fetch
            -            url: 'https://a.example/it''s'
            +            url: 'it''s'

            Change with.url of fetch
            -            url: 'https://a.example/it''s'
            +            url: |
            +                two
            +                lines

            Change with.url of fetch
            -            url: 'https://a.example/it''s'
            +            url:
            +                a:
            +                - 1
            +                - b:
            +                      c: null

            Change with.body of fetch
            -            body: |
            -                one
            -
            -                  two
            +            body: one line

            Change with.body of fetch
            -            body: |
            -                one
            +            body: |-
            +                other
            -                  two
            +                  lines

            Change with.body of fetch
            -            body: |
            -                one
            -
            -                  two
            +            body: 7

            Change with.headers.a of fetch
            -            headers: { a: 1, "b c": two }  # sent
            +            headers: { a: "x: y", "b c": two }  # sent

            Change with of fetch
            -        with:
            -            url: 'https://a.example/it''s'
            -            body: |
            -                one
            -
            -                  two
            -            headers: { a: 1, "b c": two }  # sent
            +        with: null  # sent

            Change with of fetch
            -        with:
            -            url: 'https://a.example/it''s'
            -            body: |
            -                one
            -
            -                  two
            -            headers: { a: 1, "b c": two }  # sent
            +        with: text  # sent

            Change name of store
            -        name: "Store \u00fc"
            +        name: "Say \"hi\"\n"

            Change needs of store
            -        -   fetch   # first
            -        -   task: other
            -            on: [failed, skipped]
            +        -   a   # first
            +        -   b

            Change needs.0 of store
            -        -   fetch   # first
            +        -   { task: fetch, when: "x == 'a: b'" }   # first

            Change tasks.empty
            +        type: noop

            Change when of other
            -    other: { type: noop, with: {}, when: tasks.fetch.output > 3 }
            +    other: { type: noop, with: {}, when: tasks.store.output < 3 }

            Change when of other
            -    other: { type: noop, with: {}, when: tasks.fetch.output > 3 }
            +    other: { type: noop, with: {}, when: "a[0], b" }

            Change needs.1.on of store
            -            on: [failed, skipped]
            +            on: always
        "#]],
    );
}

#[test]
fn fields_come_and_go_among_lines() {
    check(
        BLOCK,
        &[
            set("tasks.fetch.name", json!("Fetch")),
            set("tasks.fetch.retry.first", json!("3s")),
            set("tasks.fetch.with.method", json!("POST")),
            set("tasks.fetch.with.headers.c", json!([1])),
            set("tasks.store.needs.2", json!("fetch")),
            set("tasks.store.needs.2", json!({ "task": "a", "on": "failed" })),
            set("tasks.empty.type", json!("noop")),
            set("tasks.other.with.message", json!("hi")),
            set("tasks.other.name", json!("Other")),
            set("tasks.new", json!({ "type": "log", "with": { "message": "hi" } })),
            set("inputs.a", json!({ "type": "date" })),
            set("layout.fetch", json!([0, 0])),
            unset("tasks.fetch.with.url"),
            unset("tasks.fetch.with.headers"),
            unset("tasks.fetch.with.headers.a"),
            unset("tasks.fetch.with.headers.b c"),
            unset("tasks.fetch.type"),
            unset("tasks.store"),
            unset("tasks.other"),
            unset("tasks.other.with"),
            unset("tasks.other.when"),
            unset("tasks.store.needs.0"),
            unset("tasks.store.needs.1"),
            unset("tasks.store.needs.1.task"),
            unset("flow"),
            unset("nothing.there"),
        ],
        expect![[r#"
            Change name of fetch
            +        name: Fetch

            Change retry.first of fetch
            +        retry:
            +            first: 3s

            Change with.method of fetch
            +            method: POST

            Change with.headers.c of fetch
            -            headers: { a: 1, "b c": two }  # sent
            +            headers: { a: 1, "b c": two, c: [1] }  # sent

            Change needs.2 of store
            +        -   fetch

            Change needs.2 of store
            +        -   { task: a, on: failed }

            Change type of empty
            +        type: noop

            Change with.message of other
            -    other: { type: noop, with: {}, when: tasks.fetch.output > 3 }
            +    other: { type: noop, with: { message: hi }, when: tasks.fetch.output > 3 }

            Change name of other
            -    other: { type: noop, with: {}, when: tasks.fetch.output > 3 }
            +    other: { name: Other, type: noop, with: {}, when: tasks.fetch.output > 3 }

            Change tasks.new
            +    new:
            +        type: log
            +        with:
            +            message: hi

            Change inputs.a
            +inputs:
            +    a:
            +        type: date

            Change layout.fetch
            +layout:
            +    fetch: [0, 0]

            Remove with.url of fetch
            -            url: 'https://a.example/it''s'

            Remove with.headers of fetch
            -            headers: { a: 1, "b c": two }  # sent

            Remove with.headers.a of fetch
            -            headers: { a: 1, "b c": two }  # sent
            +            headers: { "b c": two }  # sent

            Remove with.headers.b c of fetch
            -            headers: { a: 1, "b c": two }  # sent
            +            headers: { a: 1 }  # sent

            Remove type of fetch
            -        type: http.request   # the door

            Remove tasks.store
            -    # Keeps them.
            -    store:
            -        name: "Store \u00fc"
            -        type: store_data
            -        needs: # one
            -        -   fetch   # first
            -        -   task: other
            -            on: [failed, skipped]
            -

            Remove tasks.other
            -    # nothing yet
            -    other: { type: noop, with: {}, when: tasks.fetch.output > 3 }

            Remove with of other
            -    other: { type: noop, with: {}, when: tasks.fetch.output > 3 }
            +    other: { type: noop, when: tasks.fetch.output > 3 }

            Remove when of other
            -    other: { type: noop, with: {}, when: tasks.fetch.output > 3 }
            +    other: { type: noop, with: {} }

            Remove needs.0 of store
            -        -   fetch   # first

            Remove needs.1 of store
            -        -   task: other
            -            on: [failed, skipped]

            Remove needs.1.task of store
            -        -   task: other
            -            on: [failed, skipped]
            +        -   on: [failed, skipped]

            Remove flow
            -flow: orders  # the id

            Remove nothing.there
        "#]],
    );
}

const PRETTY: &str = r#"{
    "flow": "orders",
    "tasks": {
        "fetch": {
            "type": "http.request",
            "with": {"url": "https:\/\/a.example", "n": 1.50}
        },
        "store": {
            "type": "store_data",
            "needs": ["fetch"]
        }
    }
}
"#;

const COMPACT: &str = r#"{"flow":"a","tasks":{"x":{"type":"noop"}},"layout":{}}"#;

#[test]
fn json_keeps_its_layout() {
    let changes = [
        set("flow", json!("other")),
        set("tasks.fetch.with.url", json!("two\n\"lines\"")),
        set("tasks.fetch.with.headers", json!({ "a": 1 })),
        set("tasks.fetch.retry", json!({ "first": "3s", "on": ["a", "b"] })),
        set(
            "tasks.store.needs.1",
            json!({ "task": "other", "on": ["failed"] }),
        ),
        set("tasks.new", json!({ "type": "noop" })),
        set("layout.fetch", json!([10, 20])),
        unset("tasks.fetch"),
        unset("tasks.store"),
        unset("tasks.store.needs.0"),
        unset("tasks.fetch.with.url"),
    ];
    check(
        PRETTY,
        &changes,
        expect![[r#"
        Change flow
        -    "flow": "orders",
        +    "flow": "other",

        Change with.url of fetch
        -            "with": {"url": "https:\/\/a.example", "n": 1.50}
        +            "with": {"url": "two\n\"lines\"", "n": 1.50}

        Change with.headers of fetch
        -            "with": {"url": "https:\/\/a.example", "n": 1.50}
        +            "with": {"url": "https:\/\/a.example", "n": 1.50, "headers": {"a": 1}}

        Change retry of fetch
        -            "with": {"url": "https:\/\/a.example", "n": 1.50}
        +            "with": {"url": "https:\/\/a.example", "n": 1.50},
        +            "retry": {
        +                "first": "3s",
        +                "on": ["a", "b"]
        +            }

        Change needs.1 of store
        -            "needs": ["fetch"]
        +            "needs": ["fetch", {"task": "other", "on": ["failed"]}]

        Change tasks.new
        +        },
        +        "new": {
        +            "type": "noop"

        Change layout.fetch
        +    },
        +    "layout": {
        +        "fetch": [10, 20]

        Remove tasks.fetch
        -        "fetch": {
        -            "type": "http.request",
        -            "with": {"url": "https:\/\/a.example", "n": 1.50}
        -        },

        Remove tasks.store
        -        },
        -        "store": {
        -            "type": "store_data",
        -            "needs": ["fetch"]

        Remove needs.0 of store
        -            "type": "store_data",
        -            "needs": ["fetch"]
        +            "type": "store_data"

        Remove with.url of fetch
        -            "with": {"url": "https:\/\/a.example", "n": 1.50}
        +            "with": {"n": 1.50}
    "#]],
    );
    let changes = [
        set("tasks.x.name", json!("X")),
        set("tasks.y", json!({ "type": "noop", "needs": ["x"] })),
        set("layout.x", json!([1, 2])),
        unset("layout"),
        unset("tasks.x"),
    ];
    check(
        COMPACT,
        &changes,
        expect![[r#"
        Change name of x
        -{"flow":"a","tasks":{"x":{"type":"noop"}},"layout":{}}
        +{"flow":"a","tasks":{"x":{"name":"X","type":"noop"}},"layout":{}}

        Change tasks.y
        -{"flow":"a","tasks":{"x":{"type":"noop"}},"layout":{}}
        +{"flow":"a","tasks":{"x":{"type":"noop"},"y":{"type":"noop","needs":["x"]}},"layout":{}}

        Change layout.x
        -{"flow":"a","tasks":{"x":{"type":"noop"}},"layout":{}}
        +{"flow":"a","tasks":{"x":{"type":"noop"}},"layout":{"x":[1,2]}}

        Remove layout
        -{"flow":"a","tasks":{"x":{"type":"noop"}},"layout":{}}
        +{"flow":"a","tasks":{"x":{"type":"noop"}}}

        Remove tasks.x
        -{"flow":"a","tasks":{"x":{"type":"noop"}},"layout":{}}
        +{"flow":"a","tasks":{},"layout":{}}
    "#]],
    );
}

#[test]
fn other_styles_are_kept() {
    check(
        "flow: a\r\ntasks:\r\n  x:\r\n    type: noop\r\n",
        &[add("y", &["x"]), set("tasks.x.with.command", json!("a\nb\n"))],
        expect![[r#"
            Add y
            +  "y":\r
            +    type: noop\r
            +    needs: [x]\r

            Change with.command of x
            +    with:\r
            +      command: |\r
            +        a\r
            +        b\r
        "#]],
    );
    check(
        "flow: a\ntasks:\n  x:\n    type: noop",
        &[add("y", &["x"]), unset("tasks.x.type"), move_to("x", 1.0, 2.5)],
        expect![[r#"
            Add y
            +  "y":
            +    type: noop
            +    needs: [x]

            Remove type of x
            -  x:
            -    type: noop
            +  x: {}

            Move x
            +layout:
            +  x: [1, 2.5]
        "#]],
    );
    check(
        "flow: a\ntasks: {}\nlayout:\n",
        &[
            add("y", &[]),
            set("layout.y", json!([0, 1])),
            set("tasks.y.type", json!("noop")),
        ],
        expect![[r#"
            Add y
            -tasks: {}
            +tasks:
            +  "y":
            +    type: noop

            Change layout.y
            +  "y": [0, 1]

            Change type of y
            -tasks: {}
            +tasks:
            +  "y":
            +    type: noop
        "#]],
    );
    check(
        "flow: a\ntasks: {\n  x: {type: noop}, # first\n  y: {type: noop}, # second\n}\n",
        &[
            add("z", &[]),
            unset("tasks.x"),
            unset("tasks.y"),
            set("tasks.x.with.a", json!({ "b": 1 })),
        ],
        expect![[r#"
            Add z
            +  z: {type: noop},

            Remove tasks.x
            -  x: {type: noop}, # first

            Remove tasks.y
            -  y: {type: noop}, # second

            Change with.a of x
            -  x: {type: noop}, # first
            +  x: {type: noop, with: {a: {b: 1}}}, # first
        "#]],
    );
    check(
        "\u{FEFF}---\nflow: a\ntasks:\n  ? x\n  : type: noop\n  \"y\": {type: noop}\n...\n",
        &[
            unset("tasks.x"),
            set("tasks.x.type", json!("log")),
            unset("tasks.y"),
            set("name", json!("A")),
        ],
        expect![[r#"
            Remove tasks.x
            -  ? x
            -  : type: noop

            Change type of x
            -  : type: noop
            +  : type: log

            Remove tasks.y
            -  "y": {type: noop}

            Change name
            +name: A
        "#]],
    );
    check(
        "flow: a\ntasks:\n  y:\n    with:\n      - - 1\n        - 2\n      - # c\n        a: 1\n    type: !!str noop\n",
        &[
            set("tasks.y.with.0.1", json!(3)),
            unset("tasks.y.with.0.0"),
            unset("tasks.y.with.0"),
            set("tasks.y.with.1.b", json!("t")),
            set("tasks.y.type", json!("log")),
        ],
        expect![[r#"
            Change with.0.1 of y
            -        - 2
            +        - 3

            Remove with.0.0 of y
            -      - - 1
            -        - 2
            +      - - 2

            Remove with.0 of y
            -      - - 1
            -        - 2

            Change with.1.b of y
            +        b: t

            Change type of y
            -    type: !!str noop
            +    type: !!str log
        "#]],
    );
}

#[test]
fn anchors_stay_and_what_they_share_is_not_changed_by_stealth() {
    let text = "flow: a\ntasks:\n  x: &x\n    type: noop\n    with: &w { a: 1 }\n  y:\n    type: noop\n    with: *w\n  z: *x\n";
    check(
        text,
        &[
            set("tasks.y.with", json!({ "a": 2 })),
            set("tasks.y.type", json!("log")),
            set("tasks.y.with.a", json!(2)),
            set("tasks.x.with.a", json!(2)),
            set("tasks.z.type", json!("log")),
            unset("tasks.z"),
        ],
        expect![[r#"
            Change with of y
            -    with: *w
            +    with:
            +      a: 2

            Change type of y
            -    type: noop
            +    type: log

            refused: line 8: `tasks.y.with.a` stands in what an alias (`*…`) shares with other places; change it where the anchor (`&…`) is, or write it out in the text

            refused: line 5: `tasks.x.with.a` cannot be changed here without changing what aliases (`*…`) share; change it in the text

            refused: line 9: `tasks.z.type` stands in what an alias (`*…`) shares with other places; change it where the anchor (`&…`) is, or write it out in the text

            Remove tasks.z
            -  z: *x
        "#]],
    );
}

#[test]
fn a_broken_text_is_not_changed() {
    check(
        "flow: a\ntasks:\n  x: [\n",
        &[set("flow", json!("b")), add("y", &[])],
        expect![[r#"
            refused: line 3: the text cannot be read as it is, so nothing else can be changed: the `[` here is never closed; mend it in the text, or undo

            refused: line 3: the text cannot be read as it is, so nothing else can be changed: the `[` here is never closed; mend it in the text, or undo
        "#]],
    );
    check(
        "flow: a\ntasks: 3\n",
        &[set("tasks.x.type", json!("b")), add("y", &[])],
        expect![[r#"
        refused: `x` cannot stand in `tasks`, which is no mapping; change that first

        refused: line 2: `tasks` is written in a way that can only be changed in the text
    "#]],
    );
}

#[test]
fn a_document_is_written_in_the_other_format_and_back() {
    use flow::parse::Format;

    use crate::change::Patch;
    use crate::text::Source;

    let yaml = "flow: a # mine\nname: \"yes\"\ntasks:\n  z: { type: log, with: { message: \"{{ inputs.x }}: \\\"q\\\"\" } }\n  a:\n    type: shell\n    needs: [z]\n    with:\n      command: |\n        one\n        two\nlayout: { z: [0, 8] }\n";
    let mut source = Source::guess(yaml);
    let json = source.written_as(Format::Json).expect("can be read");
    let whole = |source: &Source, text: &str| {
        Change::Type(vec![Patch {
            start: 0,
            end: source.text().len(),
            text: text.to_owned(),
        }])
    };
    let step = source.apply(&whole(&source, &json)).expect("is made");
    assert_eq!(source.format(), Format::Json);
    let back = source.written_as(Format::Yaml).expect("can be read");
    expect_test::expect![[r#"
        flow: a
        name: "yes"
        tasks:
          z:
            type: log
            with:
              message: "{{ inputs.x }}: \"q\""
          a:
            type: shell
            needs: [z]
            with:
              command: |
                one
                two
        layout:
          z: [0, 8]
    "#]]
    .assert_eq(&back);
    // Back by undo, every byte as it was.
    source.patch(&step.inverse);
    assert_eq!((source.text(), source.format()), (yaml, Format::Yaml));
    assert!(Source::guess("a: [").written_as(Format::Json).is_err());
}
