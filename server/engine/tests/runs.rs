//! Flows that really run: SQLite in a temporary folder, real processes, the real clock.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;
use std::time::Duration;

use engine::flow::parse::Format;
use engine::flow::view::{RunDetail, RunStatus, TaskStatus};
use engine::{Engine, EngineError, SaveFlow, StartRun};
use expect_test::{Expect, expect};
use serde_json::json;
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(60);

async fn engine(dir: &TempDir) -> Engine {
    Engine::builder().data_dir(dir.path()).start().await.unwrap()
}

async fn save(engine: &Engine, yaml: &str) -> String {
    let save = SaveFlow {
        source: yaml.into(),
        format: Format::Yaml,
        id: None,
        expected: None,
        actor: "test".into(),
    };
    engine
        .save_flow(save)
        .await
        .unwrap_or_else(|error| panic!("{error:#?}"))
        .id
}

/// The run as text: a line for each task, then how it ended and what it gave.
async fn show(engine: &Engine, run: &RunDetail) -> String {
    let mut text = String::new();
    for task in &run.tasks {
        let output = engine.task_output(run.summary.id, &task.path).await.unwrap();
        write!(text, "{} {}", task.path, task.state.key()).unwrap();
        if let Some(output) = output {
            let json = output.to_string();
            if json.len() > 200 {
                write!(text, " ({} bytes)", json.len()).unwrap()
            } else {
                write!(text, " {json}").unwrap()
            }
        }
        if let Some(error) = &task.error {
            write!(text, " [{}] {}", error.kind, error.message).unwrap();
        }
        if task.attempts.len() > 1 {
            write!(text, " after {} attempts", task.attempts.len()).unwrap();
        }
        text.push('\n');
    }
    write!(text, "run {}", run.summary.state.key()).unwrap();
    if let Some(outputs) = &run.outputs {
        write!(text, " {outputs}").unwrap();
    }
    text + "\n"
}

async fn check(yaml: &str, inputs: serde_json::Value, expected: Expect) {
    let dir = TempDir::new().unwrap();
    let engine = engine(&dir).await;
    let flow = save(&engine, yaml).await;
    let (_, end) = engine
        .start_and_wait(
            StartRun {
                inputs,
                ..StartRun::of(&flow)
            },
            LONG,
        )
        .await
        .unwrap();
    expected.assert_eq(&show(&engine, &end.expect("the run ends")).await);
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn branches_join_and_values_flow() {
    check(
        r#"
flow: sums
inputs: { n: { type: integer, default: 3 } }
tasks:
  double: { type: transform, with: { value: "{{ inputs.n * 2 }}" } }
  size:
    type: switch
    needs: [double]
    with: { cases: { big: "{{ tasks.double.output > 10 }}" }, default: small }
  shrink: { type: transform, needs: [{ task: size, on: big }], with: { value: 10 } }
  keep: { type: transform, needs: [{ task: size, on: small }], with: { value: "{{ tasks.double.output }}" } }
  say: { type: shell, needs: [shrink, keep], join: any, with: { command: "echo hello; echo '{\"n\": 7}'" } }
outputs: { said: "{{ tasks.say.output.n }}" }
"#,
        json!({ "n": 4 }),
        expect![[r#"
            double succeeded 8
            size succeeded "small"
            shrink skipped
            keep succeeded 8
            say succeeded {"n":7}
            run succeeded {"said":7}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn failures_are_retried_and_handled() {
    check(
        r#"
flow: troubles
tasks:
  flaky: { type: shell, with: { command: "echo trouble >&2; exit 3" }, retry: { max_attempts: 3, first: 1ms, jitter: none } }
  mend: { type: log, needs: [{ task: flaky, on: failed }], with: { message: "code {{ tasks.flaky.exit_code }}" } }
  after: { type: noop, needs: [flaky] }
"#,
        json!({}),
        expect![[r#"
            flaky failed [exit_code] exit code 3: trouble after 3 attempts
            mend succeeded "code 3"
            after skipped
            run succeeded
        "#]],
    )
    .await;
}

#[tokio::test]
async fn an_unhandled_failure_is_undone_and_told() {
    check(
        r#"
flow: sad
tasks:
  charge: { type: noop, undo: { type: log, with: { message: refunded } } }
  ship: { type: fail, needs: [charge], with: { message: no ship } }
finally:
  tidy: { type: transform, with: { value: "{{ run.outcome }}" } }
on_failure:
  tell: { type: log, with: { message: "told: {{ run.error }}" } }
"#,
        json!({}),
        expect![[r#"
            charge succeeded null
            ship failed [failed] no ship
            tidy succeeded "failed"
            tell succeeded "told: no ship"
            charge.undo succeeded "refunded"
            run failed
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_large_output_goes_by_reference_and_is_read_again() {
    check(
        r#"
flow: large
tasks:
  make: { type: shell, with: { command: "printf '['; i=0; while [ $i -lt 20000 ]; do printf '\"row %s\",' $i; i=$((i+1)); done; echo '0]'" } }
  count: { type: transform, needs: [make], with: { value: "{{ tasks.make.output | length }}" } }
  again: { type: shell, needs: [make], with: { command: "wc -c", stdin: "{{ tasks.make.output | tojson | length }}" } }
outputs: { n: "{{ tasks.count.output }}" }
"#,
        json!({}),
        expect![[r#"
            make succeeded (228893 bytes)
            count succeeded 20001
            again succeeded 6
            run succeeded {"n":20001}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_cancelled_process_dies_with_its_children() {
    let dir = TempDir::new().unwrap();
    let engine = engine(&dir).await;
    let flow = save(
        &engine,
        "flow: sleepy\ntasks:\n  nap: { type: shell, with: { command: 'sleep 1000 & sleep 1000' } }\n  next: { type: noop, needs: [nap] }\n",
    )
    .await;
    let run = engine.start_run(StartRun::of(&flow)).await.unwrap();
    let mut hints = engine.watch_run(run);
    while engine.task(run, "nap").await.unwrap().state != TaskStatus::Running {
        hints.changed().await.unwrap();
    }
    engine
        .cancel_run(run, false, Some("enough".into()), "test")
        .await
        .unwrap();
    let end = engine.wait(run, LONG).await.unwrap().expect("it ends");
    assert_eq!(end.summary.state, RunStatus::Cancelled);
    let again = engine.cancel_run(run, false, None, "test").await;
    assert!(matches!(again, Err(EngineError::Finished(_))), "{again:?}");
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn the_same_key_finds_the_same_run() {
    let dir = TempDir::new().unwrap();
    let engine = engine(&dir).await;
    let flow = save(
        &engine,
        "flow: keyed\ninputs: { n: { type: integer } }\ntasks: { a: { type: noop } }\n",
    )
    .await;
    let start = |n: i64| StartRun {
        inputs: json!({ "n": n }),
        idempotency_key: Some("k".into()),
        ..StartRun::of(&flow)
    };
    let starts = futures::future::join_all((0..50).map(|_| engine.start_run(start(1)))).await;
    let first = *starts[0].as_ref().unwrap();
    assert!(starts.iter().all(|start| start.as_ref().unwrap() == &first));
    assert!(matches!(engine.start_run(start(2)).await, Err(EngineError::KeyReused(run)) if run == first));
    let all = engine.runs(&Default::default(), None, 100).await.unwrap();
    assert_eq!(all.items.len(), 1);
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_restart_goes_on_where_the_log_ends() {
    let dir = TempDir::new().unwrap();
    let first = engine(&dir).await;
    let flow = save(
        &first,
        "flow: two\ntasks:\n  pause: { type: delay, with: { for: 300ms } }\n  work: { type: shell, needs: [pause], with: { command: 'echo 5' } }\n",
    )
    .await;
    let run = first.start_run(StartRun::of(&flow)).await.unwrap();
    first.shutdown(Duration::ZERO).await;
    drop(first);
    let second = engine(&dir).await;
    let end = second.wait(run, LONG).await.unwrap().expect("it ends");
    expect![[r#"
        pause succeeded null
        work succeeded 5
        run succeeded
    "#]]
    .assert_eq(&show(&second, &end).await);
    second.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_shutdown_hands_back_what_runs_and_counts_no_loss() {
    let dir = TempDir::new().unwrap();
    let gate = dir.path().join("gate");
    let yaml = format!(
        "flow: patient\ntasks:\n  work: {{ type: shell, with: {{ command: 'until [ -e {} ]; do sleep 0.05; done; echo 1' }} }}\n",
        gate.display()
    );
    let mut run = None;
    // More often than attempts may be lost.
    for _ in 0..5 {
        let engine = engine(&dir).await;
        let id = match run {
            Some(id) => id,
            None => {
                let flow = save(&engine, &yaml).await;
                *run.insert(engine.start_run(StartRun::of(&flow)).await.unwrap())
            }
        };
        let mut hints = engine.watch_run(id);
        while engine.task(id, "work").await.unwrap().state != TaskStatus::Running {
            hints.changed().await.unwrap();
        }
        engine.shutdown(Duration::ZERO).await;
    }
    std::fs::write(&gate, "").unwrap();
    let engine = engine(&dir).await;
    let end = engine.wait(run.unwrap(), LONG).await.unwrap().expect("it ends");
    let attempts: Vec<_> = end.tasks[0]
        .attempts
        .iter()
        .map(|attempt| (attempt.attempt, attempt.outcome.as_str()))
        .collect();
    assert_eq!(attempts.last(), Some(&(1, "succeeded")), "{attempts:?}");
    engine.shutdown(Duration::ZERO).await;
}

/// A run remembers of an item that settled only how; its log tells the rest.
#[tokio::test]
async fn of_an_item_is_told_what_it_was_through() {
    let dir = TempDir::new().expect("a folder");
    let engine = engine(&dir).await;
    save(&engine, "flow: child\ntasks: { a: { type: noop } }").await;
    save(
        &engine,
        "flow: items\ntasks:\n  s: { type: shell, for_each: { items: [1, 2] }, with: { command: 'exit $((N - 1))', env: { N: '{{ item }}' } }, retry: { max_attempts: 2, first: 1ms } }\n  c: { type: subflow, for_each: { items: [1] }, with: { flow: child } }",
    )
    .await;
    let run = engine.start_run(StartRun::of("items")).await.expect("it starts");
    engine.wait(run, LONG).await.expect("ok").expect("it ends");
    let mut told = String::new();
    for path in ["s[0]", "s[1]", "c[0]"] {
        let task = engine.task(run, path).await.expect("it is there");
        let input = engine.task_input(run, path).await.expect("it can be read");
        let attempts: Vec<&str> = task.attempts.iter().map(|attempt| &*attempt.outcome).collect();
        let has_times = task.started_at.is_some() && task.finished_at.is_some();
        told += &format!(
            "{path} {} after {}: {}; times {has_times}, child {}, input {}\n",
            task.state.key(),
            task.attempt,
            attempts.join(", "),
            task.child.is_some(),
            input.is_some(),
        );
    }
    expect![[r#"
        s[0] succeeded after 1: succeeded; times true, child false, input true
        s[1] failed after 2: failed, failed; times true, child false, input true
        c[0] succeeded after 1: succeeded; times true, child true, input true
    "#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn engines_in_memory_have_folders_of_their_own_that_go_with_them() {
    let one = Engine::builder().in_memory().start().await.unwrap();
    let folder = one.data_dir().to_owned();
    save(
        &one,
        "flow: a\ntasks: { b: { type: shell, with: { command: 'echo \"\\\"$PWD\\\"\"' } } }",
    )
    .await;
    let (_, ended) = one.start_and_wait(StartRun::of("a"), LONG).await.unwrap();
    let worked_in = one
        .task_output(ended.unwrap().summary.id, "b")
        .await
        .unwrap()
        .unwrap();
    assert!(
        worked_in
            .as_str()
            .is_some_and(|dir| dir.starts_with(&*folder.to_string_lossy())),
        "{worked_in} is not below {}",
        folder.display()
    );
    let other = Engine::builder().in_memory().start().await.unwrap();
    assert_ne!(other.data_dir(), folder);
    assert!(
        folder.join("tmp").exists(),
        "the start of another leaves it alone"
    );
    one.shutdown(Duration::ZERO).await;
    drop(one);
    assert!(!folder.exists(), "{} is still there", folder.display());
}
