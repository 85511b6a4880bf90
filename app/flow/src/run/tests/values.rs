//! Values that are kept by reference, and what becomes of too large ones.

use expect_test::{Expect, expect};
use serde_json::json;

use super::script::{Script, doc};
use super::{World, check};
use crate::limits::{INLINE_BYTES_MAX, OUTPUT_BYTES_MAX};
use crate::payload::{BlobRef, Payload};
use crate::run::{Command, Effect, Outcome};

fn check_loads(flow: &str, script: &str, expected: Expect) {
    let script = Script::run(flow, script);
    expected.assert_eq(&format!(
        "{}{} values loaded\n",
        script.out, script.world.n_loaded
    ));
}

const LARGE: &str = r#"
inputs: { n: { type: integer } }
tasks:
  make: { type: transform, with: { value: "{{ 'x' * inputs.n }}" } }
  here: { type: log, needs: [make], with: { message: "{{ tasks.make.output | length }}" } }
  work: { type: work, needs: [here] }
  then: { type: log, needs: [work], with: { message: "{{ tasks.make.output | length }} of {{ tasks.make.state }}" } }
  other: { type: log, needs: [work], with: { message: "{{ tasks.make.state }}" } }
outputs: { n: "{{ tasks.make.output | length }}" }
"#;

#[test]
fn a_large_value_is_kept_by_reference_and_loaded_when_it_is_read() {
    check_loads(
        LARGE,
        "inputs {\"n\": 70000}; show; work ok",
        expect![[r#"
        - here logs info "70000" in attempt 1
        make   succeeded
        here   succeeded
        work   ready      1 attempt
        then   blocked    waits for work
        other  blocked    waits for work
        run    running
        - then logs info "70000 of succeeded" in attempt 1
        - other logs info "succeeded" in attempt 1
        make   succeeded
        here   succeeded
        work   succeeded  1 attempt
        then   succeeded
        other  succeeded
        run    succeeded  {"n":70000}
        1 values loaded
    "#]],
    );
    check_loads(
        LARGE,
        "inputs {\"n\": 60000}; work ok",
        expect![[r#"
        - here logs info "60000" in attempt 1
        - then logs info "60000 of succeeded" in attempt 1
        - other logs info "succeeded" in attempt 1
        make   succeeded
        here   succeeded
        work   succeeded  1 attempt
        then   succeeded
        other  succeeded
        run    succeeded  {"n":60000}
        0 values loaded
    "#]],
    );
}

#[test]
fn a_value_is_large_above_the_limit() {
    for (n, is_large) in [(INLINE_BYTES_MAX - 2, false), (INLINE_BYTES_MAX - 1, true)] {
        let world = World::start(doc(LARGE), json!({"n": n}));
        let output = world.state.output_at(world.spot("make")).expect("it succeeded");
        assert_eq!(
            output.blob().is_some(),
            is_large,
            "a text of {n} bytes and its quotes"
        );
        assert_eq!(
            output.blob().map(|blob| blob.bytes),
            is_large.then_some(n as u64 + 2)
        );
    }
}

#[test]
fn all_large_values_a_task_refers_to_are_asked_for_at_once() {
    let flow = r#"
tasks:
  a: { type: work }
  b: { type: work }
  c: { type: work, needs: [a, b], with: { n: "{{ (tasks.a.output | length) + (tasks.b.output | length) }}" } }
"#;
    let mut world = World::start(doc(flow), json!({}));
    for (task, n) in [("a", 70_000), ("b", 80_000)] {
        let output = world.keep("x".repeat(n).into());
        let token = world.token(task).expect("it is out");
        world
            .report(
                token,
                Outcome::Succeeded {
                    output,
                    exit_code: None,
                },
            )
            .expect("it is heard");
    }
    assert_eq!((world.n_loaded, world.n_continued), (2, 0));
    let dispatch = world.effects.iter().rev().find_map(|effect| {
        if let Effect::Dispatch(dispatch) = effect {
            Some(dispatch)
        } else {
            None
        }
    });
    assert_eq!(
        dispatch.map(|dispatch| &dispatch.input),
        Some(&json!({"n": 150_000}).into())
    );
}

#[test]
fn an_edges_expression_may_want_a_large_value() {
    let flow = r#"
tasks:
  a: { type: work }
  b: { type: noop, needs: [{ task: a, when: "{{ tasks.a.output | length > 5 }}" }] }
"#;
    check_loads(
        flow,
        "a ok big 70000",
        expect![[r#"
        a    succeeded  1 attempt
        b    succeeded
        run  succeeded
        1 values loaded
    "#]],
    );
    let unread = r#"
tasks:
  a: { type: work }
  b: { type: noop, needs: [{ task: a, when: "{{ tasks.a.state == 'succeeded' }}" }] }
"#;
    check_loads(
        unread,
        "a ok big 70000",
        expect![[r#"
        a    succeeded  1 attempt
        b    succeeded
        run  succeeded
        0 values loaded
    "#]],
    );
}

#[test]
fn a_lost_attempt_fails_only_when_the_values_its_edges_want_are_there() {
    let flow = r#"
tasks:
  a: { type: work }
  b: { type: work, needs: [a], retry: { on_lost: fail } }
  c: { type: noop, needs: [{ task: b, on: failed, when: "{{ tasks.a.output | length > 5 }}" }] }
"#;
    check_loads(
        flow,
        "a ok big 70000; b starts; restart",
        expect![[r#"
        a    succeeded  1 attempt
        b    failed     1 attempt  lost: its worker or server went away while it ran; it is not tried again (retry.on_lost: fail)
        c    succeeded
        run  succeeded
        1 values loaded
    "#]],
    );
}

#[test]
fn timers_wait_for_values_too() {
    let flow = r#"
tasks:
  a: { type: work }
  b: { type: delay, needs: [a], with: { for: 5s } }
  c: { type: work, needs: [a], timeout: 1s }
  d: { type: noop, needs: [{ task: b, when: "{{ tasks.a.output | length > 5 }}" }] }
  e: { type: noop, needs: [{ task: c, on: failed, when: "{{ tasks.a.output | length > 5 }}" }] }
"#;
    check_loads(
        flow,
        "a ok big 70000; c starts; wait 1m",
        expect![[r#"
        - c is killed
        - c is killed
        a    succeeded  1 attempt
        b    succeeded
        c    failed     1 attempt  timeout: took longer than 1s and did not report its end
        d    succeeded
        e    succeeded
        run  succeeded
        2 values loaded
    "#]],
    );
}

#[test]
fn undo_and_outputs_wait_for_values() {
    let flow = r#"
tasks:
  a: { type: work, undo: { type: log, with: { message: "{{ tasks.a.output | length }}" } } }
  b: { type: work, needs: [a] }
outputs: { n: "{{ tasks.a.output | length }}" }
"#;
    check_loads(
        flow,
        "a ok big 70000; b fails",
        expect![[r#"
        - a.undo logs info "70000" in attempt 1
        a       succeeded  1 attempt  taken back when the run ended
        b       failed     1 attempt  failed: it broke
        a.undo  succeeded
        run     failed  b failed: it broke
        1 values loaded
    "#]],
    );
    check_loads(
        flow,
        "a ok big 70000; b ok",
        expect![[r#"
        a       succeeded  1 attempt
        b       succeeded  1 attempt
        a.undo  skipped    was not needed
        run     succeeded  {"n":70000}
        1 values loaded
    "#]],
    );
}

#[test]
fn a_run_that_wants_a_value_to_end_is_in_flight() {
    let mut world = World::start(
        doc("tasks: { a: { type: work } }\noutputs: { n: \"{{ tasks.a.output | length }}\" }"),
        json!({}),
    );
    let output = world.keep("x".repeat(70_000).into());
    let token = world.token("a").expect("it is out");
    let mut chance = || 1;
    let env = crate::run::Env {
        now: world.clock,
        actor: "local".into(),
        entropy: &mut chance,
        blobs: &(),
    };
    let command = Command::AttemptEnded {
        token,
        outcome: Outcome::Succeeded {
            output,
            exit_code: None,
        },
    };
    let decision = crate::run::decide(&mut world.state, &world.program, command, env).expect("it is heard");
    assert_eq!((decision.needs_blobs.len(), decision.unfinished), (1, false));
    assert!(world.state.in_flight(), "nothing else would keep it in memory");
}

#[test]
fn an_output_above_the_limit_fails_its_task() {
    let flow = format!(
        "tasks: {{ a: {{ type: transform, with: {{ value: [\"{{{{ 'x' * {0} }}}}\", \"{{{{ 'x' * {0} }}}}\"] }}, retry: {{}} }} }}",
        9 << 20
    );
    check(
        &flow,
        "",
        expect![[r#"
        a    failed     expression: It makes more than 16 MiB; keep large data in files or blobs. In `{{ 'x' * 9437184 }}`
        run  failed  a expression: It makes more than 16 MiB; keep large data in files or blobs. In `{{ 'x' * 9437184 }}`
    "#]],
    );
}

#[test]
fn an_attempts_output_above_the_limit_fails_it_for_good() {
    let mut world = World::start(doc("tasks: { a: { type: work, retry: {} } }"), json!({}));
    let blob = BlobRef {
        sha256: "00".repeat(32),
        bytes: OUTPUT_BYTES_MAX as u64 + 1,
    };
    let token = world.token("a").expect("it is out");
    world
        .report(
            token,
            Outcome::Succeeded {
                output: Payload::Blob(blob),
                exit_code: None,
            },
        )
        .expect("it is heard");
    let error = world.state.task_view(0).error.expect("it failed");
    assert_eq!(
        (error.kind.as_str(), world.state.is_finished()),
        ("output_too_large", true)
    );
}
