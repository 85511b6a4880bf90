//! The same flow in every style: what a change does to one it does to all.

use flow::parse::Format;
use flow::parse::pieces::outline;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::Source;
use crate::change::Change;
use crate::testing::{add, connect, edge, move_to, remove, rename, set, unset};
use crate::text::patch;

const STYLES: [&str; 6] = [
    "\
# one
flow: f # two
tasks:
  # three
  a:
    type: noop
    with:
      text: \"say {{ tasks.a.output }}\" # four
      list: [1, two]

  b:
    type: log
    needs:
    - a # five
    - task: c
      on: [failed]
    with: { message: 'it''s {{ tasks.a.output }}' }
  # six
  c: { type: noop }
layout:
  a: [1, 2] # seven
",
    "\
flow:   f
tasks:
      a: {type: noop, with: {text: 'say {{ tasks.a.output }}', list: [
          1,   # one
          two  # two
        ]}}
      b:   # three
            type: log
            needs:
                  -   a
                  -   task: c
                      on:
                        - failed
            with:
                  message: >-
                    it's
                    {{ tasks.a.output }}
      c:
            type: noop
layout: { a: [ 1, 2 ] }
# four",
    "{flow: f, tasks: {a: {type: noop, with: {text: \"say {{ tasks.a.output }}\", list: [1, two]}}, b: {type: log, needs: [a, {task: c, on: [failed]}], with: {message: \"it's {{ tasks.a.output }}\"}}, c: {type: noop}}, layout: {a: [1, 2]}}",
    "flow: f\r\ntasks:\r\n  a:\r\n    type: noop\r\n    with:\r\n      text: say {{ tasks.a.output }}\r\n      list:\r\n        - 1\r\n        - two\r\n  b:\r\n    type: log\r\n    needs: [a, {task: c, on: [failed]}]\r\n    with:\r\n      message: |-\r\n        it's {{ tasks.a.output }}\r\n  c: {type: noop}\r\nlayout: {a: [1, 2]}\r\n",
    "{\n\t\"flow\": \"f\",\n\t\"tasks\": {\n\t\t\"a\": {\"type\": \"noop\", \"with\": {\"text\": \"say {{ tasks.a.output }}\", \"list\": [1, \"two\"]}},\n\t\t\"b\": {\n\t\t\t\"type\": \"log\",\n\t\t\t\"needs\": [\n\t\t\t\t\"a\",\n\t\t\t\t{\"task\": \"c\", \"on\": [\"failed\"]}\n\t\t\t],\n\t\t\t\"with\": {\"message\": \"it's {{ tasks.a.output }}\"}\n\t\t},\n\t\t\"c\": {\"type\": \"noop\"}\n\t},\n\t\"layout\": {\"a\": [1, 2]}\n}\n",
    "{\"flow\":\"f\",\"tasks\":{\"a\":{\"type\":\"noop\",\"with\":{\"text\":\"say {{ tasks.a.output }}\",\"list\":[1,\"two\"]}},\"b\":{\"type\":\"log\",\"needs\":[\"a\",{\"task\":\"c\",\"on\":[\"failed\"]}],\"with\":{\"message\":\"it\\u0027s {{ tasks.a.output }}\"}},\"c\":{\"type\":\"noop\"}},\"layout\":{\"a\":[1,2]}}",
];

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z {}:#'\"\n\\\\-]{0,12}",
        prop::sample::select(vec![
            "yes",
            "null",
            "1.0",
            " x",
            "x ",
            "- a",
            "a: b",
            "{{ tasks.a.output }}",
            "ü\u{85}",
            "\t",
            "*a",
            "&a b",
            "!x",
            "one\ntwo",
            "one\n\ntwo\n",
            "\n",
            "|",
            "%x",
            "@"
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        text.prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!(0.5)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec(("[a-c :#-]{1,3}", inner), 0..3)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn change() -> impl Strategy<Value = Change> {
    let id = || prop::sample::select(vec!["a", "b", "c", "d", "load-all", "y"]);
    let field = prop::sample::select(vec![
        "with",
        "with.text",
        "with.list",
        "with.list.0",
        "with.list.1",
        "with.message",
        "with.new",
        "needs",
        "needs.0",
        "needs.1",
        "needs.1.on",
        "name",
        "retry.first",
        "when",
    ]);
    ((id(), id()), field, value(), 0_u8..12, any::<bool>()).prop_map(
        |((one, two), field, value, kind, flag)| match kind {
            0 => add(one, if flag { &[] } else { &["a"] }),
            1 => connect(&format!("{one} -> {two}")),
            2 => connect(&format!("{one} -failed,skipped-> {two} if tasks.{one}.error")),
            3 => rename(one, two),
            4 => remove(&[one], flag),
            5 => move_to(one, if flag { 3.0 } else { 2.5 }, 4.0),
            6 => Change::Disconnect(edge(&format!("{one} -> {two}"))),
            7 => Change::InsertOn {
                edge: edge(&format!("{one} -> {two}")),
                task: crate::testing::task("mid", json!({ "type": "noop" }), &[]),
            },
            8 => unset(&format!("tasks.{one}.{field}")),
            _ => set(&format!("tasks.{one}.{field}"), value),
        },
    )
}

fn says(text: &str) -> Value {
    outline(text, Format::guess(text.as_bytes()))
        .expect("it can be read")
        .value
}

#[test]
fn a_key_behind_a_mark_with_a_colon_in_it_is_no_trouble() {
    let mut source = Source::new("? flow: f\n:flow: f", Format::Yaml);
    let change = Change::Set {
        path: ["tasks", "a", "with"].map(str::to_owned).to_vec(),
        value: Some(json!("")),
    };
    // It may be refused.
    let _ = source.apply(&change);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_text_however_odd_makes_it_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "flow: f", "tasks:", "a:", "b:", "needs:", "type: noop", "with:", "layout:", "a", "c", ": ", ":", "\n", "\n  ", "\n    ",
            "\n      ", "- ", "- a", "[", "]", "{", "}", ", ", ",", "\"", "'", "{{ tasks.a }}", "&x ", "*x", "!!str ", "|", ">", "|+2", "#",
            " # c", "? ", "1", "~", "---\n", "\u{FEFF}", "ü", "\r\n", "task: a", "\"a\"", "'b'", "[a: b]", "[[a], {b}]",
        ]), 0..30),
        is_framed in any::<bool>(),
        changes in prop::collection::vec(change(), 1..5),
    ) {
        let head = if is_framed { "flow: f\ntasks:\n  " } else { "" };
        let mut source = Source::new(format!("{head}{}", pieces.concat()), Format::Yaml);
        for change in &changes {
            let before = source.text().to_owned();
            if let Ok(step) = source.apply(change) {
                prop_assert_eq!(&patch::apply(source.text(), &step.inverse), &before);
            }
        }
    }

    #[test]
    fn a_change_means_the_same_in_every_style(changes in prop::collection::vec(change(), 1..6)) {
        let mut sources = STYLES.map(Source::guess);
        let first = says(STYLES[0]);
        for text in STYLES {
            prop_assert_eq!(&says(text), &first);
        }
        for change in &changes {
            let mut told: Option<(Option<&str>, Value)> = None;
            for source in &mut sources {
                let before = source.text().to_owned();
                let refused = match source.apply(change) {
                    Ok(step) => {
                        prop_assert_eq!(&patch::apply(source.text(), &step.inverse), &before);
                        None
                    }
                    Err(refusal) => {
                        prop_assert_ne!(refusal.code, "text_only", "{:?} in\n{}", change, before);
                        Some(refusal.code)
                    }
                };
                let value = says(source.text());
                match &told {
                    None => told = Some((refused, value)),
                    Some((code, said)) => {
                        prop_assert_eq!(&refused, code, "{:?} in\n{}", change, before);
                        prop_assert_eq!(&value, said, "{:?} in\n{}", change, before);
                    }
                }
            }
        }
        // Comments of what nobody touched are still there.
        if !changes.iter().any(|change| matches!(change, Change::Remove { .. })) {
            prop_assert!(sources[0].text().contains("# two") && sources[1].text().contains("# four"));
        }
    }
}
