//! Documents that are tried out before they are saved: real processes, SQLite in a temporary folder.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use engine::flow::parse::Format;
use engine::flow::trial::{Scope, is_trial};
use engine::{Engine, EngineError, GivenFrom, SaveDraft, SaveFlow, StartRun, StartTrial};
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(60);

const FLOW: &str = "\
flow: tried
inputs: { n: { type: integer, default: 1 } }
tasks:
  first: { type: shell, with: { command: 'echo 3' } }
  second: { type: shell, needs: [first], with: { command: 'echo $N', env: { N: '{{ tasks.first.output + inputs.n }}' } } }
  third: { type: transform, needs: [second], with: { value: '{{ tasks.second.output * 10 }}' } }
finally: { end: { type: noop } }
outputs: { it: '{{ tasks.third.output }}' }
";

async fn save(engine: &Engine, yaml: &str, expected: Option<u32>, message: &str) -> Result<u32, EngineError> {
    let save = SaveFlow {
        source: yaml.into(),
        format: Format::Yaml,
        id: None,
        expected,
        actor: "test".into(),
    };
    engine.publish(save, message).await.map(|saved| saved.version)
}

fn trial(yaml: &str, scope: Scope) -> StartTrial {
    StartTrial {
        source: yaml.into(),
        format: Format::Yaml,
        inputs: Value::Null,
        scope,
        is_reusing: false,
        outputs: BTreeMap::new(),
        actor: "test".to_owned(),
    }
}

/// Tries a document out after the saved flow has run once.
async fn check(start: StartTrial, is_reusing: bool, expected: Expect) {
    let dir = TempDir::new().unwrap();
    let engine = Engine::builder().data_dir(dir.path()).start().await.unwrap();
    save(&engine, FLOW, Some(0), "").await.unwrap();
    engine.start_and_wait(StartRun::of("tried"), LONG).await.unwrap();
    let mut shown = String::new();
    match engine.start_trial(StartTrial { is_reusing, ..start }).await {
        Ok(started) => {
            let run = engine.wait(started.run, LONG).await.unwrap().expect("it ends");
            assert!(is_trial(run.summary.version) && run.summary.trigger == "editor");
            for task in &run.tasks {
                let output = engine.task_output(started.run, &task.path).await.unwrap();
                let reused = if task.is_reused { " given" } else { "" };
                writeln!(shown, "{} {}{reused} {:?}", task.path, task.state.key(), output).unwrap();
            }
            writeln!(shown, "{} {:?}", run.summary.state.key(), run.outputs).unwrap();
            writeln!(
                shown,
                "of earlier runs {:?}, unknown {:?}",
                started.reused, started.unknown
            )
            .unwrap();
        }
        Err(error) => writeln!(shown, "{error}").unwrap(),
    }
    // No list of versions knows of it, and the flow is as it was.
    assert_eq!(engine.flow_versions("tried").await.unwrap().len(), 1);
    expected.assert_eq(&shown);
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn the_whole_of_an_unsaved_document_runs() {
    let changed = FLOW.replace("* 10", "* 100");
    check(
        trial(&changed, Scope::Whole),
        false,
        expect![[r#"
        first succeeded Some(Number(3))
        second succeeded Some(Number(4))
        third succeeded Some(Number(400))
        end succeeded Some(Null)
        succeeded Some(Object {"it": Number(400)})
        of earlier runs [], unknown []
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_part_runs_on_results_that_hold() {
    let changed = FLOW.replace("echo $N", "expr $N + 1");
    check(
        trial(&changed, Scope::To("second".to_owned())),
        true,
        expect![[r#"
        first succeeded given Some(Number(3))
        second succeeded Some(Number(5))
        succeeded None
        of earlier runs ["first"], unknown []
    "#]],
    )
    .await;
}

#[tokio::test]
async fn pins_stand_for_work_and_what_follows_them_runs() {
    let pinned = format!("{FLOW}pins: {{ first: 40 }}\n");
    check(
        trial(&pinned, Scope::To("third".to_owned())),
        true,
        expect![[r#"
        first succeeded given Some(Number(40))
        second succeeded Some(Number(41))
        third succeeded Some(Number(410))
        succeeded None
        of earlier runs [], unknown []
    "#]],
    )
    .await;
}

#[tokio::test]
async fn one_task_runs_on_what_was_recorded() {
    check(
        trial(FLOW, Scope::One("third".to_owned())),
        true,
        expect![[r#"
        first succeeded given Some(Number(3))
        second succeeded given Some(Number(4))
        third succeeded Some(Number(40))
        succeeded None
        of earlier runs ["first", "second"], unknown []
    "#]],
    )
    .await;
    let mut given = trial(FLOW, Scope::One("third".to_owned()));
    given.outputs.insert("second".to_owned(), json!(7));
    check(
        given,
        false,
        expect![[r#"
        first succeeded given Some(Null)
        second succeeded given Some(Number(7))
        third succeeded Some(Number(70))
        succeeded None
        of earlier runs [], unknown ["first"]
    "#]],
    )
    .await;
}

/// A document, how much of it runs, and what is said that tasks give.
type Tried<'t> = (&'t str, Scope, &'t [(&'t str, Value)]);

/// Tries documents out one after the other, and says of each what it took of those before.
async fn check_chain(trials: &[Tried<'_>], expected: Expect) {
    let dir = TempDir::new().unwrap();
    let engine = Engine::builder().data_dir(dir.path()).start().await.unwrap();
    let mut shown = String::new();
    for (yaml, scope, outputs) in trials {
        let mut start = trial(yaml, scope.clone());
        start.is_reusing = true;
        start.outputs = outputs
            .iter()
            .map(|(task, output)| ((*task).to_owned(), output.clone()))
            .collect();
        let started = engine.start_trial(start).await.unwrap();
        let run = engine.wait(started.run, LONG).await.unwrap().expect("it ends");
        let state = run.summary.state.key();
        writeln!(
            shown,
            "{state}, took {:?}, unknown {:?}",
            started.reused, started.unknown
        )
        .unwrap();
    }
    expected.assert_eq(&shown);
    engine.shutdown(Duration::ZERO).await;
}

fn to(task: &str) -> Scope {
    Scope::To(task.to_owned())
}

fn one(task: &str) -> Scope {
    Scope::One(task.to_owned())
}

#[tokio::test]
async fn trials_go_on_from_trials() {
    let changed = FLOW.replace("* 10", "* 100");
    check_chain(
        &[
            (FLOW, to("second"), &[]),
            // What came before it ran in the trial before.
            (FLOW, to("third"), &[]),
            (&changed, to("third"), &[]),
            // A part of the flow and a task alone say nothing of what they leave out.
            (FLOW, to("first"), &[]),
            (FLOW, one("second"), &[]),
            (FLOW, Scope::Whole, &[]),
        ],
        expect![[r#"
            succeeded, took [], unknown []
            succeeded, took ["first", "second"], unknown []
            succeeded, took ["first", "second"], unknown []
            succeeded, took [], unknown []
            succeeded, took ["first"], unknown []
            succeeded, took ["first", "second", "third"], unknown []
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_was_only_given_is_no_result() {
    let pinned = format!("{FLOW}pins: {{ first: 40 }}\n");
    let failing = FLOW.replace("echo $N", "exit 1");
    check_chain(
        &[
            // Nothing is known of the first, then something is said of it: neither is what it gives.
            (FLOW, one("second"), &[]),
            (FLOW, one("second"), &[("first", json!(7))]),
            (FLOW, to("second"), &[]),
            // On a pin the second gave something else, which holds only with that pin.
            (&pinned, to("third"), &[]),
            (&pinned, Scope::Whole, &[]),
            (FLOW, to("third"), &[]),
            // What failed runs again.
            (&failing, Scope::Whole, &[]),
            (&failing, Scope::Whole, &[]),
        ],
        expect![[r#"
            failed, took [], unknown ["first"]
            succeeded, took [], unknown []
            succeeded, took [], unknown []
            succeeded, took [], unknown []
            succeeded, took ["second", "third"], unknown []
            succeeded, took ["first", "second"], unknown []
            failed, took ["first"], unknown []
            failed, took ["first"], unknown []
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_a_task_alone_would_be_given_is_told() {
    let dir = TempDir::new().unwrap();
    let engine = Engine::builder().data_dir(dir.path()).start().await.unwrap();
    let told = async |yaml: &str, task: &str| {
        let mut start = trial(yaml, one(task));
        start.is_reusing = true;
        let given = engine.trial_outputs(&start).await.unwrap();
        let from = |from| match from {
            GivenFrom::Run(_) => "run".to_owned(),
            other => format!("{other:?}"),
        };
        let given = given
            .iter()
            .map(|given| format!("{} {} {}", given.task, given.output, from(given.from)));
        given.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(told(FLOW, "first").await, "");
    assert_eq!(told(FLOW, "third").await, "second null Nowhere");
    let started = engine.start_trial(trial(FLOW, to("second"))).await.unwrap();
    engine.wait(started.run, LONG).await.unwrap();
    assert_eq!(told(FLOW, "third").await, "second 4 run");
    assert_eq!(
        told(&format!("{FLOW}pins: {{ second: [1] }}\n"), "third").await,
        "second [1] Pin"
    );

    let (run, view) = engine.last_of_task("tried", "second").await.unwrap().unwrap();
    assert_eq!((run.id, view.state.key()), (started.run, "succeeded"));
    assert!(engine.last_of_task("tried", "third").await.unwrap().is_none());
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    check(trial("flow: tried\ntasks: { a: { type: nope } }\n", Scope::Whole), false, expect![[r#"
        there is no task type `nope`; the types are approval, delay, fail, fetch_data, http.request, log, loop, mail.send, noop, process_data, shell, signal, store_data, subflow, switch, transform, wait
    "#]]).await;
    check(
        trial(FLOW, Scope::To("nobody".to_owned())),
        false,
        expect![[r#"
        there is no task `nobody` to run; only the tasks of `tasks` run by themselves
    "#]],
    )
    .await;
}

#[tokio::test]
async fn trials_outlive_a_restart_and_need_no_flow() {
    let dir = TempDir::new().unwrap();
    let engine = Engine::builder().data_dir(dir.path()).start().await.unwrap();
    let waiting = "flow: fresh\ntasks: { a: { type: signal, with: { name: go } } }\n";
    let started = engine.start_trial(trial(waiting, Scope::Whole)).await.unwrap();
    engine.shutdown(Duration::ZERO).await;
    drop(engine);
    let engine = Engine::builder().data_dir(dir.path()).start().await.unwrap();
    assert_eq!(engine.run_summary(started.run).await.unwrap().flow, "fresh");
    engine.cancel_run(started.run, false, None, "test").await.unwrap();
    assert!(engine.wait(started.run, LONG).await.unwrap().is_some());
    assert!(engine.flow("fresh", None).await.is_err());
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn old_runs_are_held_against_a_document() {
    let dir = TempDir::new().unwrap();
    let engine = Engine::builder().data_dir(dir.path()).start().await.unwrap();
    save(&engine, FLOW, Some(0), "").await.unwrap();
    for n in [1, 50] {
        let start = StartRun {
            inputs: json!({ "n": n }),
            ..StartRun::of("tried")
        };
        engine.start_and_wait(start, LONG).await.unwrap();
    }
    let edited = FLOW.replace(
        "needs: [second], with",
        "needs: [second], when: 'tasks.second.output < 10', with",
    );
    let rows = engine.replay_runs(edited.into(), Format::Yaml, 10).await.unwrap();
    let mut shown = String::new();
    for (run, replayed) in rows {
        writeln!(shown, "{} {replayed:?}", run.state.key()).unwrap();
    }
    expect![[r#"
        succeeded Ok(Replayed { status: Some(Succeeded), turn: Some(Turn { task: "third", was: Some("succeeded"), is: Some("skipped") }), guessed: [] })
        succeeded Ok(Replayed { status: Some(Succeeded), turn: None, guessed: [] })
    "#]].assert_eq(&shown);
    let (run, recorded) = engine.last_recorded("tried").await.unwrap().expect("it ran");
    assert_eq!(
        (recorded.inputs, run.state.is_final()),
        (json!({ "n": 50 }), true)
    );
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn drafts_and_messages_are_kept() {
    let dir = TempDir::new().unwrap();
    let engine = Engine::builder().data_dir(dir.path()).start().await.unwrap();
    let owner = engine.new_owner();
    let draft = |source: &str, after| SaveDraft {
        owner: owner.clone(),
        flow: Some("tried".to_owned()),
        base: 1,
        source: source.to_owned(),
        after,
    };
    let at = engine.save_draft(draft("not: [right", None)).await.unwrap();
    let refused = engine.save_draft(draft("x", None)).await.unwrap_err();
    assert!(matches!(refused, EngineError::NotNow(_)));
    engine.save_draft(draft("y", Some(at))).await.unwrap();
    let large = "x".repeat(flow::limits::DOCUMENT_BYTES_MAX + 1);
    assert!(matches!(
        engine.save_draft(draft(&large, None)).await,
        Err(EngineError::Invalid(_))
    ));
    assert!(engine.draft("", None).await.is_err());
    assert_eq!(
        engine.draft(&owner, Some("tried")).await.unwrap().unwrap().source,
        "y"
    );
    engine.discard_draft(&owner, Some("tried")).await.unwrap();
    assert_eq!(engine.draft(&owner, Some("tried")).await.unwrap(), None);

    assert_eq!(save(&engine, FLOW, Some(0), " The first. ").await.unwrap(), 1);
    let changed = FLOW.replace("* 10", "* 100");
    assert_eq!(save(&engine, &changed, Some(1), "").await.unwrap(), 2);
    let late = save(&engine, FLOW, Some(1), "late").await.unwrap_err();
    assert!(matches!(late, EngineError::VersionConflict { current: 2, .. }));
    let versions = engine.flow_versions("tried").await.unwrap();
    let said: Vec<_> = versions
        .iter()
        .map(|version| version.message.as_deref())
        .collect();
    assert_eq!(said, [None, Some("The first.")]);
    engine.shutdown(Duration::ZERO).await;
}
