//! A flow and a scenario in, the timeline out.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Failing, Progress, Scenario, Simulation, Stub, sample};
use crate::parse::{Format, parse};
use crate::run::{EventKind, TaskError};
use crate::time::{HumanDuration, Timestamp};

/// Simulates a flow. A line of the scenario is `TASK takes 5s`, `TASK gives JSON`, `TASK fails [xN] WHY` or `seed N`.
fn simulate(flow: &str, scenario: &str) -> (Simulation, Progress) {
    let text = format!("flow: test\n{flow}");
    let doc = parse(text.as_bytes(), Format::Yaml).expect("a flow").doc;
    let mut given = Scenario {
        inputs: json!({}),
        seed: 1,
        at: Timestamp::from_millis(1_767_225_600_000),
        ..Scenario::default()
    };
    for line in scenario.split(';').map(str::trim).filter(|line| !line.is_empty()) {
        let (subject, rest) = line.split_once(' ').expect("two words");
        let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if subject == "seed" {
            given.seed = verb.parse().expect("a number");
            continue;
        }
        let stub: &mut Stub = given.stubs.entry(subject.to_owned()).or_default();
        match verb {
            "takes" => {
                let takes: HumanDuration = rest.parse().expect("a duration");
                stub.takes = Some(takes.as_duration());
            }
            "gives" => stub.output = Some(serde_json::from_str(rest).expect("JSON")),
            "fails" => {
                let n = rest.strip_prefix('x').and_then(|rest| rest.split_once(' '));
                let (attempts, why) = n.map_or((None, rest), |(n, why)| (n.parse().ok(), why));
                let kind = if why == "lost" { "lost" } else { "failed" };
                let error = TaskError::new(kind, why);
                stub.fails = Some(Failing { error, attempts });
            }
            verb => panic!("{verb} is no verb"),
        }
    }
    let mut simulation = Simulation::start(Arc::new(doc), given);
    let progress = simulation.run();
    (simulation, progress)
}

fn check(flow: &str, scenario: &str, expected: Expect) {
    let (simulation, progress) = simulate(flow, scenario);
    let began = simulation.log()[0].at;
    let mut out = String::new();
    for event in simulation.log() {
        let after = event.at.since(began);
        let task = event.kind.task().map_or("run", |task| task);
        let kind = serde_json::to_value(&event.kind).expect("an event");
        let more = match &event.kind {
            EventKind::TaskSucceeded { output, .. } => {
                format!(" {}", simulation.value(output).expect("kept"))
            }
            EventKind::TaskFailed { error, .. } | EventKind::AttemptFailed { error, .. } => {
                format!(" {}", error.message)
            }
            EventKind::RunFinished { outcome, .. } => format!(" {}", outcome.key()),
            _ => String::new(),
        };
        let kind = kind["type"].as_str().expect("a kind");
        out += &format!("{:>8.3} {task} {kind}{more}\n", after.as_secs_f64());
    }
    for line in simulation.lines() {
        out += &format!(
            "{:>8.3} {}: {}\n",
            line.at.since(began).as_secs_f64(),
            line.task,
            line.message
        );
    }
    out += &format!("{progress:?}\n");
    expected.assert_eq(&out);
}

#[test]
fn work_takes_its_time_on_a_clock_that_jumps() {
    check(
        "tasks:\n  a: { type: work }\n  b: { type: work, needs: [a] }\n  c: { type: log, needs: [b], with: { message: 'b gave {{ tasks.b.output.n }}' } }",
        "a takes 1h; b gives {\"n\": 3}",
        expect![[r#"
               0.000 run run_created
               0.000 run run_started
               0.000 a task_scheduled
               0.000 a attempt_started
            3600.000 a task_succeeded null
            3600.000 b task_scheduled
            3600.000 b attempt_started
            3601.000 b task_succeeded {"n":3}
            3601.000 c task_succeeded "b gave 3"
            3601.000 run run_finished succeeded
            3601.000 c: b gave 3
            Ended
        "#]],
    );
}

#[test]
fn attempts_fail_as_often_as_they_are_told() {
    check(
        "tasks:\n  a: { type: work, retry: { max_attempts: 3, first: 10s, jitter: none } }\n  b: { type: noop, needs: [{ task: a, on: failed }] }",
        "a fails x2 no route",
        expect![[r#"
               0.000 run run_created
               0.000 run run_started
               0.000 a task_scheduled
               0.000 a attempt_started
               1.000 a attempt_failed no route
              11.000 a task_scheduled
              11.000 a attempt_started
              12.000 a attempt_failed no route
              32.000 a task_scheduled
              32.000 a attempt_started
              33.000 a task_succeeded null
              33.000 b task_skipped
              33.000 run run_finished succeeded
            Ended
        "#]],
    );
    check(
        "tasks:\n  a: { type: work }\n  b: { type: noop, needs: [{ task: a, on: failed }] }",
        "a fails no route",
        expect![[r#"
               0.000 run run_created
               0.000 run run_started
               0.000 a task_scheduled
               0.000 a attempt_started
               1.000 a task_failed no route
               1.000 b task_succeeded null
               1.000 run run_finished succeeded
            Ended
        "#]],
    );
}

#[test]
fn an_attempt_that_takes_longer_than_it_may_fails() {
    check(
        "tasks:\n  a: { type: work, timeout: 5s }",
        "a takes 5001ms",
        expect![[r#"
               0.000 run run_created
               0.000 run run_started
               0.000 a task_scheduled
               0.000 a attempt_started
               5.000 a task_failed took longer than 5s
               5.000 run run_finished failed
            Ended
        "#]],
    );
}

#[test]
fn items_have_stubs_of_their_own() {
    check(
        "tasks:\n  a: { type: work, for_each: { items: '{{ [1, 2, 3] }}', on_item_failure: continue } }",
        "a takes 2s; a[1] fails no; a[2] gives 9",
        expect![[r#"
               0.000 run run_created
               0.000 run run_started
               0.000 a items_listed
               0.000 a[0] task_scheduled
               0.000 a[1] task_scheduled
               0.000 a[2] task_scheduled
               0.000 a[0] attempt_started
               0.000 a[1] attempt_started
               0.000 a[2] attempt_started
               1.000 a[1] task_failed no
               1.000 a[2] task_succeeded 9
               2.000 a[0] task_succeeded null
               2.000 a task_failed 1 item of 3 failed, item 1 first: no
               2.000 run run_finished failed
            Ended
        "#]],
    );
}

#[test]
fn a_run_that_is_out_of_time_is_cancelled() {
    check(
        "timeout: 10s\ntasks:\n  a: { type: work }",
        "a takes 1m",
        expect![[r#"
               0.000 run run_created
               0.000 run run_started
               0.000 a task_scheduled
               0.000 a attempt_started
              10.000 run run_ending
              10.000 a task_cancelled
              10.000 run run_finished failed
            Ended
        "#]],
    );
}

#[test]
fn lost_attempts_come_to_an_end() {
    check(
        "tasks:\n  a: { type: work }",
        "a fails lost",
        expect![[r#"
           0.000 run run_created
           0.000 run run_started
           0.000 a task_scheduled
           0.000 a attempt_started
           1.000 a attempt_lost
           1.000 a task_scheduled
           1.000 a attempt_started
           2.000 a attempt_lost
           2.000 a task_scheduled
           2.000 a attempt_started
           3.000 a attempt_lost
           3.000 a task_scheduled
           3.000 a attempt_started
           4.000 a attempt_lost
           4.000 a task_failed its worker or server went away while it ran, 4 times
           4.000 run run_finished failed
        Ended
    "#]],
    );
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let flow = "tasks:\n  a: { type: work, retry: { max_attempts: 5, first: 10s, jitter: full } }";
    let log = |seed: u32| {
        simulate(flow, &format!("seed {seed}; a fails no"))
            .0
            .log()
            .to_vec()
    };
    assert_eq!(log(7), log(7));
    assert_ne!(log(7), log(8));
}

#[test]
fn steps_show_the_run_between_them() {
    let text = b"flow: test\ntasks:\n  a: { type: work }\n  b: { type: work, needs: [a] }";
    let doc = parse(text, Format::Yaml).expect("a flow").doc;
    let mut simulation = Simulation::start(
        Arc::new(doc),
        Scenario {
            inputs: json!({}),
            ..Scenario::default()
        },
    );
    let mut seen = vec![simulation.state().counts().succeeded];
    while simulation.step() == Progress::Going {
        seen.push(simulation.state().counts().succeeded);
    }
    assert_eq!(seen, [0, 1]);
    assert_eq!(
        simulation.now().since(Timestamp::from_millis(0)),
        Duration::from_secs(2)
    );
}

#[test]
fn samples_fit_their_schemas() {
    let check = |schema: Value, expected: Value| assert_eq!(sample(&schema), expected, "of {schema}");
    check(json!({}), json!(null));
    check(
        json!({"type": "object", "properties": {"status": {"type": "integer", "minimum": 100}, "body": {}}}),
        json!({"status": 100, "body": null}),
    );
    check(json!({"type": ["string", "null"]}), json!(""));
    check(json!({"enum": ["x", "y"]}), json!("x"));
    check(
        json!({"type": "array", "minItems": 2, "items": {"type": "boolean"}}),
        json!([false, false]),
    );
    check(
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"default": 4}}}),
        json!(4),
    );
    check(
        json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        json!(""),
    );
    // One that is its own part ends all the same.
    check(json!({"$ref": "#"}), json!(null));
}
