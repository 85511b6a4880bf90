use expect_test::{Expect, expect};
use flow::layout::Point;
use serde_json::json;

use crate::change::Change;
use crate::testing::{add, connect, edge, made, move_to, remove, rename, set, task, typed};

const FLOW: &str = "\
flow: orders
tasks:
  fetch:
    type: http.request

  size:
    type: switch
    needs: [fetch]
    with: { cases: { big: tasks.fetch.output.n > 3 }, default: small }

  store:
    name: Store
    type: store_data
    needs:
      - { task: size, on: big }   # only large ones
      - fetch
    when: tasks['fetch'].state == \"succeeded\" and tasks.size.output
    with:
      text: \"from {{ tasks.fetch.output.a }} {# tasks.fetch #} tasks.fetch {{ tasks[\\\"fetch\\\"].state }}\"
      code: |
        echo {{ tasks.fetch.output }}
        echo '{{ tasks.fetch.state }}'
      folded: >
        say {{ tasks.fetch.output }}
        again
      broken: \"{{ tasks.fetch. }}\"
    undo: { type: log, with: { message: 'it''s {{ tasks.fetch.output }}' } }
  alone: { type: noop }
finally:
  tidy: { type: log, with: { message: '{{ tasks.fetch.state }}' } }
outputs:
  a: \"{{ tasks.fetch.output }}\"
layout:
  fetch: [0, 0]
  store: [200.5, 0]
groups:
  g: { tasks: [fetch, size] }
";

fn check(text: &str, changes: &[Change], expected: Expect) {
    let shown: Vec<String> = changes.iter().map(|change| made(text, change)).collect();
    expected.assert_eq(&shown.join("\n"));
}

#[test]
fn edges_are_entries_of_needs() {
    check(
        FLOW,
        &[
            connect("alone -> store"),
            connect("alone -> fetch"),
            connect("alone -failed-> size"),
            connect("fetch -failed,skipped-> store if run.labels.a == 'b'"),
            connect("fetch -> store"),
            connect("store -> fetch"),
            connect("alone -> alone"),
            connect("alone -> tidy"),
            connect("alone -> nobody"),
            Change::Disconnect(edge("fetch -> size")),
            Change::Disconnect(edge("size -big-> store")),
            Change::Disconnect(edge("alone -> store")),
            Change::Reconnect {
                old: edge("size -big-> store"),
                new: edge("size -small-> store"),
            },
            Change::Reconnect {
                old: edge("size -big-> store"),
                new: edge("size -> store"),
            },
            Change::Reconnect {
                old: edge("fetch -> store"),
                new: edge("alone -> store"),
            },
            Change::Reconnect {
                old: edge("fetch -> size"),
                new: edge("store -> size"),
            },
            Change::Reconnect {
                old: edge("size -big-> store"),
                new: edge("size -big-> alone"),
            },
        ],
        expect![[r#"
            Connect alone → store
            +      - alone

            Connect alone → fetch
            +    needs: [alone]

            Connect alone → size
            -    needs: [fetch]
            +    needs: [fetch, { task: alone, on: failed }]

            Connect fetch → store
            +      - { task: fetch, on: [failed, skipped], when: "run.labels.a == 'b'" }

            refused: the edge `fetch` → `store` is there already

            refused: the edge `store` → `fetch` would close a circle: store → fetch → store; remove one of its edges first

            refused: `alone` cannot wait for itself

            refused: `alone` stands in `tasks` and `tidy` in `finally`; edges stay within one of them, and `tidy` comes after all of `tasks` anyway

            refused: there is no task `nobody`; it may have been renamed or removed meanwhile

            Disconnect fetch → size
            -    needs: [fetch]

            Disconnect size → store
            -      - { task: size, on: big }   # only large ones

            refused: there is no such edge `alone` → `store`; it may have been changed meanwhile

            Change edge size → store
            -      - { task: size, on: big }   # only large ones
            +      - { task: size, on: small }   # only large ones

            Change edge size → store
            -      - { task: size, on: big }   # only large ones
            +      - size   # only large ones

            Reconnect alone → store
            -      - fetch
            +      - alone

            refused: the edge `store` → `size` would close a circle: store → size → store

            Reconnect size → alone
            -      - { task: size, on: big }   # only large ones
            -  alone: { type: noop }
            +  alone: { type: noop, needs: [{ task: size, on: big }] }
        "#]],
    );
}

#[test]
fn many_tasks_go_at_once_as_one_after_the_other() {
    check(
        FLOW,
        &[
            remove(&["size", "alone"], false),
            remove(&["fetch", "store", "tidy"], false),
            remove(&["fetch", "size", "store", "alone"], false),
        ],
        expect![[r#"
            Remove 2 tasks
            -  size:
            -    type: switch
            -    needs: [fetch]
            -    with: { cases: { big: tasks.fetch.output.n > 3 }, default: small }
            -
            -      - { task: size, on: big }   # only large ones
            -  alone: { type: noop }
            -  g: { tasks: [fetch, size] }
            +  g: { tasks: [fetch] }
            note: `tasks.store.when` still names `size`.

            Remove 3 tasks
            -  fetch:
            -    type: http.request
            -    needs: [fetch]
            -  store:
            -    name: Store
            -    type: store_data
            -    needs:
            -      - { task: size, on: big }   # only large ones
            -      - fetch
            -    when: tasks['fetch'].state == "succeeded" and tasks.size.output
            -    with:
            -      text: "from {{ tasks.fetch.output.a }} {# tasks.fetch #} tasks.fetch {{ tasks[\"fetch\"].state }}"
            -      code: |
            -        echo {{ tasks.fetch.output }}
            -        echo '{{ tasks.fetch.state }}'
            -      folded: >
            -        say {{ tasks.fetch.output }}
            -        again
            -      broken: "{{ tasks.fetch. }}"
            -    undo: { type: log, with: { message: 'it''s {{ tasks.fetch.output }}' } }
            -finally:
            -  tidy: { type: log, with: { message: '{{ tasks.fetch.state }}' } }
            -layout:
            -  fetch: [0, 0]
            -  store: [200.5, 0]
            -  g: { tasks: [fetch, size] }
            +  g: { tasks: [size] }
            note: `tasks.size.with.cases.big` still names `fetch`.
            note: `outputs.a` still names `fetch`.

            Remove 4 tasks
            -tasks:
            -  fetch:
            -    type: http.request
            -
            -  size:
            -    type: switch
            -    needs: [fetch]
            -    with: { cases: { big: tasks.fetch.output.n > 3 }, default: small }
            -
            -  store:
            -    name: Store
            -    type: store_data
            -    needs:
            -      - { task: size, on: big }   # only large ones
            -      - fetch
            -    when: tasks['fetch'].state == "succeeded" and tasks.size.output
            -    with:
            -      text: "from {{ tasks.fetch.output.a }} {# tasks.fetch #} tasks.fetch {{ tasks[\"fetch\"].state }}"
            -      code: |
            -        echo {{ tasks.fetch.output }}
            -        echo '{{ tasks.fetch.state }}'
            -      folded: >
            -        say {{ tasks.fetch.output }}
            -        again
            -      broken: "{{ tasks.fetch. }}"
            -    undo: { type: log, with: { message: 'it''s {{ tasks.fetch.output }}' } }
            -  alone: { type: noop }
            +tasks: {}
            -layout:
            -  fetch: [0, 0]
            -  store: [200.5, 0]
            -groups:
            -  g: { tasks: [fetch, size] }
            note: `finally.tidy.with.message` still names `fetch`.
            note: `outputs.a` still names `fetch`.
        "#]],
    );
}

#[test]
fn edges_between_the_same_tasks_are_told_apart() {
    let text = "flow: f\ntasks:\n  a: { type: noop }\n  b: { type: noop, needs: [a, { task: a, on: [skipped, failed] }] }\n";
    check(
        text,
        &[
            Change::Disconnect(edge("a -failed,skipped-> b")),
            Change::Disconnect(edge("a -succeeded-> b")),
            Change::Disconnect(edge("a -failed-> b")),
            Change::Reconnect {
                old: edge("a -failed,skipped-> b"),
                new: edge("a -> b"),
            },
            Change::Reconnect {
                old: edge("a -> b"),
                new: edge("a -> b if inputs.go"),
            },
            Change::InsertOn {
                edge: edge("a -failed,skipped-> b"),
                task: task("c", json!({ "type": "noop" }), &[]),
            },
        ],
        expect![[r#"
            Disconnect a → b
            -  b: { type: noop, needs: [a, { task: a, on: [skipped, failed] }] }
            +  b: { type: noop, needs: [a] }

            Disconnect a → b
            -  b: { type: noop, needs: [a, { task: a, on: [skipped, failed] }] }
            +  b: { type: noop, needs: [{ task: a, on: [skipped, failed] }] }

            refused: there is no such edge `a` → `b`; it may have been changed meanwhile

            refused: the edge `a` → `b` is there already

            Change edge a → b
            -  b: { type: noop, needs: [a, { task: a, on: [skipped, failed] }] }
            +  b: { type: noop, needs: [{ task: a, when: inputs.go }, { task: a, on: [skipped, failed] }] }

            Insert c on a → b
            -  b: { type: noop, needs: [a, { task: a, on: [skipped, failed] }] }
            +  c:
            +    type: noop
            +    needs: [{ task: a, on: [skipped, failed] }]
            +  b: { type: noop, needs: [a, c] }
        "#]],
    );
}

#[test]
fn tasks_come_after_what_they_wait_for() {
    let log = |id: &str, upstream: &[&str]| {
        task(
            id,
            json!({ "name": "N", "type": "log", "with": { "message": "{{ a }}\n" } }),
            upstream,
        )
    };
    let placed = crate::change::NewTask {
        at: Some(Point { x: 8.0, y: -16.5 }),
        ..log("placed", &["fetch"])
    };
    let last = crate::change::NewTask {
        section: crate::model::Section::OnFailure,
        ..log("alarm", &[])
    };
    check(
        FLOW,
        &[
            add("plain", &[]),
            Change::Add(placed),
            Change::Add(last),
            add("Not An Id", &[]),
            add("tidy", &[]),
            add("late", &["tidy"]),
            Change::Add(task("typeless", json!({}), &[])),
            Change::InsertOn {
                edge: edge("size -big-> store"),
                task: log("between", &[]),
            },
            Change::InsertOn {
                edge: edge("fetch -> size"),
                task: log("between", &[]),
            },
            Change::InsertOn {
                edge: edge("alone -> size"),
                task: log("between", &[]),
            },
            Change::Retype {
                task: "store".into(),
                task_type: "shell".into(),
                known: vec!["code".into()],
            },
            Change::Retype {
                task: "size".into(),
                task_type: "noop".into(),
                known: vec![],
            },
        ],
        expect![[r#"
            Add plain
            +  plain:
            +    type: noop

            Add placed
            +  placed:
            +    name: "N"
            +    type: log
            +    needs: [fetch]
            +    with:
            +      message: "{{ a }}\n"
            +  placed: [8, -16.5]

            Add alarm
            +on_failure:
            +  alarm:
            +    name: "N"
            +    type: log
            +    with:
            +      message: "{{ a }}\n"

            refused: `Not An Id` cannot be the id of a task: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit, and have at most 64 characters

            refused: there is a task `tidy` already, in `finally`; choose another id

            refused: `tidy` does not stand in `tasks`, so `late` cannot wait for it

            refused: `typeless` has no `type`; a task says what it does

            Insert between on size → store
            +  between:
            +    name: "N"
            +    type: log
            +    needs: [{ task: size, on: big }]
            +    with:
            +      message: "{{ a }}\n"
            -      - { task: size, on: big }   # only large ones
            +      - between   # only large ones

            Insert between on fetch → size
            +  between:
            +    name: "N"
            +    type: log
            +    needs: [fetch]
            +    with:
            +      message: "{{ a }}\n"
            -    needs: [fetch]
            +    needs: [between]

            refused: there is no such edge `alone` → `size`; it may have been changed meanwhile

            Make store a shell
            -    type: store_data
            +    type: shell
            -      text: "from {{ tasks.fetch.output.a }} {# tasks.fetch #} tasks.fetch {{ tasks[\"fetch\"].state }}"
            -      folded: >
            -        say {{ tasks.fetch.output }}
            -        again
            -      broken: "{{ tasks.fetch. }}"

            Make size a noop
            -    type: switch
            +    type: noop
            -    with: { cases: { big: tasks.fetch.output.n > 3 }, default: small }
        "#]],
    );
}

#[test]
fn a_rename_takes_everything_along() {
    check(
        FLOW,
        &[
            rename("fetch", "get"),
            rename("fetch", "get-it"),
            rename("size", "how"),
            rename("alone", "fetch"),
            rename("fetch", "Fetch"),
            rename("nobody", "x"),
            rename("fetch", "fetch"),
        ],
        expect![[r#"
            Rename fetch → get
            -  fetch:
            +  get:
            -    needs: [fetch]
            -    with: { cases: { big: tasks.fetch.output.n > 3 }, default: small }
            +    needs: [get]
            +    with: { cases: { big: tasks.get.output.n > 3 }, default: small }
            -      - fetch
            -    when: tasks['fetch'].state == "succeeded" and tasks.size.output
            +      - get
            +    when: tasks['get'].state == "succeeded" and tasks.size.output
            -      text: "from {{ tasks.fetch.output.a }} {# tasks.fetch #} tasks.fetch {{ tasks[\"fetch\"].state }}"
            +      text: "from {{ tasks.get.output.a }} {# tasks.fetch #} tasks.fetch {{ tasks[\"get\"].state }}"
            -        echo {{ tasks.fetch.output }}
            -        echo '{{ tasks.fetch.state }}'
            +        echo {{ tasks.get.output }}
            +        echo '{{ tasks.get.state }}'
            -        say {{ tasks.fetch.output }}
            +        say {{ tasks.get.output }}
            -    undo: { type: log, with: { message: 'it''s {{ tasks.fetch.output }}' } }
            +    undo: { type: log, with: { message: 'it''s {{ tasks.get.output }}' } }
            -  tidy: { type: log, with: { message: '{{ tasks.fetch.state }}' } }
            +  tidy: { type: log, with: { message: '{{ tasks.get.state }}' } }
            -  a: "{{ tasks.fetch.output }}"
            +  a: "{{ tasks.get.output }}"
            -  fetch: [0, 0]
            +  get: [0, 0]
            -  g: { tasks: [fetch, size] }
            +  g: { tasks: [get, size] }
            note: The expression in `tasks.store.with.broken` cannot be read, so it was left as it is.

            Rename fetch → get-it
            -  fetch:
            +  get-it:
            -    needs: [fetch]
            -    with: { cases: { big: tasks.fetch.output.n > 3 }, default: small }
            +    needs: [get-it]
            +    with: { cases: { big: "tasks['get-it'].output.n > 3" }, default: small }
            -      - fetch
            -    when: tasks['fetch'].state == "succeeded" and tasks.size.output
            +      - get-it
            +    when: tasks['get-it'].state == "succeeded" and tasks.size.output
            -      text: "from {{ tasks.fetch.output.a }} {# tasks.fetch #} tasks.fetch {{ tasks[\"fetch\"].state }}"
            +      text: "from {{ tasks['get-it'].output.a }} {# tasks.fetch #} tasks.fetch {{ tasks[\"get-it\"].state }}"
            -        echo {{ tasks.fetch.output }}
            -        echo '{{ tasks.fetch.state }}'
            +        echo {{ tasks['get-it'].output }}
            +        echo '{{ tasks['get-it'].state }}'
            -        say {{ tasks.fetch.output }}
            +        say {{ tasks['get-it'].output }}
            -    undo: { type: log, with: { message: 'it''s {{ tasks.fetch.output }}' } }
            +    undo: { type: log, with: { message: 'it''s {{ tasks[''get-it''].output }}' } }
            -  tidy: { type: log, with: { message: '{{ tasks.fetch.state }}' } }
            +  tidy: { type: log, with: { message: '{{ tasks[''get-it''].state }}' } }
            -  a: "{{ tasks.fetch.output }}"
            +  a: "{{ tasks['get-it'].output }}"
            -  fetch: [0, 0]
            +  get-it: [0, 0]
            -  g: { tasks: [fetch, size] }
            +  g: { tasks: [get-it, size] }
            note: The expression in `tasks.store.with.broken` cannot be read, so it was left as it is.

            Rename size → how
            -  size:
            +  how:
            -      - { task: size, on: big }   # only large ones
            +      - { task: how, on: big }   # only large ones
            -    when: tasks['fetch'].state == "succeeded" and tasks.size.output
            +    when: tasks['fetch'].state == "succeeded" and tasks.how.output
            -  g: { tasks: [fetch, size] }
            +  g: { tasks: [fetch, how] }

            refused: there is a task `fetch` already, in `tasks`; choose another id

            refused: `Fetch` cannot be the id of a task: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit, and have at most 64 characters

            refused: there is no task `nobody`; it may have been renamed or removed meanwhile

            Rename fetch → fetch
        "#]],
    );
}

#[test]
fn what_is_removed_leaves_no_edges_behind() {
    check(
        FLOW,
        &[
            remove(&["alone"], false),
            remove(&["fetch"], false),
            remove(&["size"], true),
            remove(&["size", "fetch"], true),
            remove(&["store"], false),
            remove(&["tidy"], false),
            remove(&["nobody"], true),
        ],
        expect![[r#"
            Remove alone
            -  alone: { type: noop }

            Remove fetch
            -  fetch:
            -    type: http.request
            -    needs: [fetch]
            -      - fetch
            -  fetch: [0, 0]
            -  g: { tasks: [fetch, size] }
            +  g: { tasks: [size] }
            note: `tasks.size.with.cases.big` still names `fetch`.
            note: `tasks.store.when` still names `fetch`.
            note: `tasks.store.with.text` still names `fetch`.
            note: `tasks.store.with.code` still names `fetch`.
            note: `tasks.store.with.folded` still names `fetch`.
            note: `tasks.store.undo.with.message` still names `fetch`.
            note: `finally.tidy.with.message` still names `fetch`.
            note: `outputs.a` still names `fetch`.

            Remove size and close the gap
            -  size:
            -    type: switch
            -    needs: [fetch]
            -    with: { cases: { big: tasks.fetch.output.n > 3 }, default: small }
            -
            -      - { task: size, on: big }   # only large ones
            -  g: { tasks: [fetch, size] }
            +  g: { tasks: [fetch] }
            note: `tasks.store.when` still names `size`.

            Remove 2 tasks and close the gap
            -  fetch:
            -    type: http.request
            -  size:
            -    type: switch
            -    needs: [fetch]
            -    with: { cases: { big: tasks.fetch.output.n > 3 }, default: small }
            -
            -    needs:
            -      - { task: size, on: big }   # only large ones
            -      - fetch
            -  fetch: [0, 0]
            -groups:
            -  g: { tasks: [fetch, size] }
            note: `tasks.store.when` still names `fetch`.
            note: `tasks.store.when` still names `size`.
            note: `tasks.store.with.text` still names `fetch`.
            note: `tasks.store.with.code` still names `fetch`.
            note: `tasks.store.with.folded` still names `fetch`.
            note: `tasks.store.undo.with.message` still names `fetch`.
            note: `finally.tidy.with.message` still names `fetch`.
            note: `outputs.a` still names `fetch`.

            Remove store
            -  store:
            -    name: Store
            -    type: store_data
            -    needs:
            -      - { task: size, on: big }   # only large ones
            -      - fetch
            -    when: tasks['fetch'].state == "succeeded" and tasks.size.output
            -    with:
            -      text: "from {{ tasks.fetch.output.a }} {# tasks.fetch #} tasks.fetch {{ tasks[\"fetch\"].state }}"
            -      code: |
            -        echo {{ tasks.fetch.output }}
            -        echo '{{ tasks.fetch.state }}'
            -      folded: >
            -        say {{ tasks.fetch.output }}
            -        again
            -      broken: "{{ tasks.fetch. }}"
            -    undo: { type: log, with: { message: 'it''s {{ tasks.fetch.output }}' } }
            -  store: [200.5, 0]

            Remove tidy
            -finally:
            -  tidy: { type: log, with: { message: '{{ tasks.fetch.state }}' } }

            refused: there is no task `nobody`; it may have been renamed or removed meanwhile
        "#]],
    );
}

#[test]
fn boxes_move_in_the_layout_alone() {
    let both = Change::Move(vec![
        ("store".into(), Some(Point { x: 1.0, y: 2.0 })),
        ("size".into(), Some(Point { x: 3.0, y: 4.25 })),
        ("alone".into(), Some(Point { x: -3.0, y: 0.0 })),
    ]);
    let free = Change::Move(vec![("store".into(), None), ("fetch".into(), None)]);
    check(
        FLOW,
        &[
            move_to("store", 200.5, 8.0),
            both,
            free,
            move_to("nobody", 0.0, 0.0),
        ],
        expect![[r#"
            Move store
            -  store: [200.5, 0]
            +  store: [200.5, 8]

            Move 3 tasks
            -  store: [200.5, 0]
            +  store: [1, 2]
            +  size: [3, 4.25]
            +  alone: [-3, 0]

            Tidy
            -layout:
            -  fetch: [0, 0]
            -  store: [200.5, 0]

            refused: there is no task `nobody`; it may have been renamed or removed meanwhile
        "#]],
    );
}

#[test]
fn several_changes_are_one() {
    let all = Change::All(vec![
        add("new", &["store"]),
        rename("new", "newer"),
        set("tasks.newer.name", json!("Newer")),
        connect("alone -> newer"),
    ]);
    let broken = Change::All(vec![add("new", &[]), add("new", &[])]);
    check(
        FLOW,
        &[
            all,
            broken,
            typed(6, 12, "x"),
            typed(3, 2, ""),
            typed(0, 9999, ""),
        ],
        expect![[r#"
            Add new and 3 more
            +  newer:
            +    name: Newer
            +    type: noop
            +    needs: [store, alone]

            refused: there are two new tasks `new`; choose another id for one

            Type
            -flow: orders
            +flow: x

            refused: the pieces to replace are not in order at byte 3

            refused: byte 9999 is not between two characters of the text, which has 969 bytes
        "#]],
    );
}
