//! Runs that start runs: what travels between them, with a clock moved by hand, and over restarts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use flow::parse::Format;
use flow::run::RunState;
use flow::view::RunDetail;
use flow::{RunId, Timestamp};
use serde_json::{Value, json};

use crate::clock::ManualClock;
use crate::store::RunFilter;
use crate::{Answer, Engine, EngineError, RetryRun, SaveFlow, StartRun};

const LONG: Duration = Duration::from_secs(60);

const PARENT: &str = "
flow: parent
inputs: { n: { default: 1 } }
tasks:
  bill: { type: subflow, with: { flow: child, inputs: { n: '{{ inputs.n }}' } } }
  after: { type: transform, needs: [bill], with: { value: '{{ tasks.bill.output.twice }}' } }
outputs: { got: '{{ tasks.after.output }}' }
";

pub(super) const CHILD: &str = "
flow: child
inputs: { n: { type: integer, default: 1 } }
tasks:
  go: { type: signal }
  twice: { type: transform, needs: [go], with: { value: '{{ inputs.n * 2 }}' } }
outputs: { twice: '{{ tasks.twice.output }}' }
";

pub(super) struct Town {
    pub(super) engine: Engine,
    clock: Arc<ManualClock>,
}

impl Town {
    pub(super) async fn new(flows: &[&str]) -> Self {
        Self::open(None, flows).await
    }

    /// In a folder, or in memory.
    pub(super) async fn open(dir: Option<&Path>, flows: &[&str]) -> Self {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::new(start));
        let builder = Engine::builder().clock(clock.clone());
        let builder = match dir {
            Some(dir) => builder.data_dir(dir),
            None => builder.in_memory(),
        };
        let engine = builder.start().await.expect("it starts");
        let town = Self { engine, clock };
        for flow in flows {
            town.save(flow).await;
        }
        town
    }

    pub(super) async fn save(&self, source: &str) {
        let save = SaveFlow {
            source: source.as_bytes().to_vec(),
            format: Format::Yaml,
            id: None,
            expected: None,
            actor: "test".to_owned(),
        };
        self.engine
            .save_flow(save)
            .await
            .unwrap_or_else(|error| panic!("{error:#?}"));
    }

    pub(super) async fn start(&self, flow: &str, inputs: Value) -> RunId {
        let start = StartRun {
            inputs,
            ..StartRun::of(flow)
        };
        self.engine.start_run(start).await.expect("it starts")
    }

    /// Waits until a run's committed state is so.
    pub(super) async fn until(&self, run: RunId, is_so: impl Fn(&RunState) -> bool) -> Arc<RunState> {
        let mut hints = self.engine.watch_run(run);
        loop {
            hints.mark_unchanged();
            let state = self.engine.state(run).await.expect("it is there");
            if is_so(&state) {
                return state;
            }
            tokio::time::timeout(LONG, hints.changed())
                .await
                .unwrap_or_else(|_| panic!("{:?} of {run} lasts", state.summary()))
                .expect("the engine lives");
        }
    }

    /// The run that a task waits for, once it has started.
    pub(super) async fn child_of(&self, run: RunId, task: &str) -> RunId {
        let child = |state: &RunState| state.child(state.plan().spot(task)?)?.run;
        let state = self.until(run, |state| child(state).is_some()).await;
        child(&state).expect("it has one")
    }

    pub(super) async fn signal(&self, run: RunId, payload: Value) {
        let given = self.engine.signal_task(run, "go", payload, "test").await;
        given.expect("it is waited for");
    }

    pub(super) async fn end(&self, run: RunId) -> Arc<RunDetail> {
        let end = self.engine.wait(run, LONG).await.expect("it is there");
        end.unwrap_or_else(|| panic!("{run} does not end"))
    }

    /// How a run ended, a line for each task.
    pub(super) async fn check(&self, run: RunId, expected: Expect) {
        let text = told(&*self.end(run).await);
        expected.assert_eq(&numbered(&text));
    }
}

/// Ids of runs by their order in a text.
pub(super) fn numbered(text: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let mut shown = String::new();
    for (n, piece) in text.split("run_").enumerate() {
        if n == 0 {
            shown.push_str(piece);
            continue;
        }
        let (id, rest) = piece.split_at(26);
        let at = seen.iter().position(|known| *known == id).unwrap_or_else(|| {
            seen.push(id);
            seen.len() - 1
        });
        let _ = write!(shown, "run_{}{rest}", at + 1);
    }
    shown
}

fn told(run: &RunDetail) -> String {
    let mut text = String::new();
    for task in &run.tasks {
        let _ = write!(text, "{} {}", task.path, task.state.key());
        if let Some(reason) = &task.reason {
            let _ = write!(text, " ({reason})");
        }
        if let Some(error) = &task.error {
            let _ = write!(text, " [{}] {}", error.kind, error.message);
        }
        text.push('\n');
    }
    let _ = write!(text, "run {}", run.summary.state.key());
    if let Some(outputs) = &run.outputs {
        let _ = write!(text, " {outputs}");
    }
    if let Some(reason) = &run.summary.cancel_reason {
        let _ = write!(text, " ({reason})");
    }
    text + "\n"
}

#[tokio::test]
async fn a_task_waits_for_a_run_and_gives_its_outputs() {
    let town = Town::new(&[CHILD, PARENT]).await;
    let run = town.start("parent", json!({"n": 4})).await;
    let child = town.child_of(run, "bill").await;
    let summary = town.engine.run_summary(child).await.expect("it is there");
    assert_eq!(
        (summary.parent, &*summary.trigger, summary.version),
        (Some(run), "subflow", 1)
    );
    town.signal(child, json!(null)).await;
    town.check(
        run,
        expect![[r#"
        bill succeeded
        after succeeded
        run succeeded {"got":8}
    "#]],
    )
    .await;
    assert!(
        town.engine
            .parts
            .shared
            .store
            .outbox(None, 9)
            .await
            .expect("ok")
            .is_empty()
    );
}

#[tokio::test]
async fn what_cannot_be_started_fails_its_task() {
    let town = Town::new(&[CHILD, PARENT]).await;
    let run = town.start("parent", json!({"n": "many"})).await;
    town.check(
        run,
        expect![[r#"
        bill failed [invalid_inputs] a run of child cannot be started: expected a whole number, found "many"
        after skipped (upstream bill failed)
        run failed
    "#]],
    )
    .await;
    town.engine.archive_flow("child").await.expect("it is there");
    let run = town.start("parent", Value::Null).await;
    town.check(run, expect![[r#"
        bill failed [archived] a run of child cannot be started: flow child is archived and takes no new runs; save it again to bring it back
        after skipped (upstream bill failed)
        run failed
    "#]]).await;
    town.save("flow: nobody\ntasks: { a: { type: subflow, with: { flow: none-such } }, b: { type: subflow, with: { flow: child, version: 7 } } }").await;
    let run = town.start("nobody", Value::Null).await;
    town.check(run, expect![[r#"
        a failed [unknown_flow] a run of none-such cannot be started: there is no flow none-such
        b failed [archived] a run of child cannot be started: flow child is archived and takes no new runs; save it again to bring it back
        run failed
    "#]]).await;
}

#[tokio::test]
async fn a_child_that_fails_or_is_cancelled_fails_its_task() {
    let town = Town::new(&[
        PARENT,
        "flow: child\ninputs: { n: {} }\ntasks: { a: { type: fail, with: { message: no such order } } }",
    ])
    .await;
    let run = town.start("parent", Value::Null).await;
    town.check(
        run,
        expect![[r#"
            bill failed [child_failed] the run run_1 failed: no such order
            after skipped (upstream bill failed)
            run failed
        "#]],
    )
    .await;
    town.save(CHILD).await;
    let run = town.start("parent", Value::Null).await;
    let child = town.child_of(run, "bill").await;
    let cancelled = town
        .engine
        .cancel_run(child, false, Some("wrong".to_owned()), "test");
    cancelled.await.expect("it is at work");
    town.check(
        run,
        expect![[r#"
        bill failed [child_cancelled] the run run_1 was cancelled
        after skipped (upstream bill failed)
        run failed
    "#]],
    )
    .await;
}

#[tokio::test]
async fn cancel_and_pause_reach_children_of_children() {
    let town = Town::new(&[
        CHILD,
        PARENT,
        "flow: top\ntasks: { all: { type: subflow, with: { flow: parent } } }",
    ])
    .await;
    let top = town.start("top", Value::Null).await;
    let middle = town.child_of(top, "all").await;
    let bottom = town.child_of(middle, "bill").await;
    town.engine
        .pause_run(top, None, "test")
        .await
        .expect("it is at work");
    town.until(bottom, RunState::is_paused).await;
    town.engine.resume_run(top, "test").await.expect("it is paused");
    town.until(bottom, |state| !state.is_paused()).await;
    town.engine
        .cancel_run(top, false, None, "test")
        .await
        .expect("it is at work");
    town.check(
        top,
        expect![[r#"
        all cancelled (its run was cancelled)
        run cancelled
    "#]],
    )
    .await;
    town.check(
        bottom,
        expect![[r#"
        go cancelled (the run was cancelled)
        twice cancelled (the run was cancelled)
        run cancelled (bill of run_1, which had started it, was stopped)
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_run_that_is_not_waited_for_goes_its_own_way() {
    let town = Town::new(&[
        CHILD,
        "flow: parent\ntasks: { bill: { type: subflow, with: { flow: child, wait: false } } }\noutputs: { run: '{{ tasks.bill.output.run }}' }",
    ])
    .await;
    let run = town.start("parent", Value::Null).await;
    let end = town.end(run).await;
    let child: RunId =
        serde_json::from_value(end.outputs.clone().expect("it succeeded")["run"].clone()).expect("an id");
    assert!(
        !town
            .engine
            .run_summary(child)
            .await
            .expect("it is there")
            .state
            .is_final()
    );
    town.signal(child, json!(1)).await;
    town.check(
        child,
        expect![[r#"
        go succeeded
        twice succeeded
        run succeeded {"twice":2}
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_flow_that_starts_itself_ends_at_the_limit() {
    let town = Town::new(&["flow: again\ntasks: { more: { type: subflow, with: { flow: again } } }"]).await;
    let run = town.start("again", Value::Null).await;
    let error = town.end(run).await.summary.error.clone().expect("it failed");
    assert!(
        error
            .message
            .ends_with("runs may start runs only 16 deep; does the flow start itself?"),
        "{error:?}"
    );
    let runs = town
        .engine
        .runs(&RunFilter::default(), None, 100)
        .await
        .expect("ok")
        .items;
    assert_eq!(runs.len(), 17, "the first and sixteen below");
}

#[tokio::test]
async fn a_child_that_takes_too_long_is_cancelled_and_tried_again() {
    let town = Town::new(&[
        CHILD,
        "flow: parent\ntasks: { bill: { type: subflow, timeout: 1m, retry: { max_attempts: 2, first: 1s, jitter: none }, with: { flow: child } } }",
    ])
    .await;
    let run = town.start("parent", Value::Null).await;
    let first = town.child_of(run, "bill").await;
    town.clock.set("2026-01-01T00:01:00Z".parse().expect("a time"));
    town.end(first).await;
    town.until(run, |state| state.explain()[0].view().kind == "retry")
        .await;
    town.clock.set("2026-01-01T00:01:01Z".parse().expect("a time"));
    let other = |state: &RunState| {
        state
            .child(0.into())
            .and_then(|child| child.run)
            .filter(|run| *run != first)
    };
    let state = town.until(run, |state| other(state).is_some()).await;
    town.signal(other(&state).expect("it has one"), json!(null)).await;
    town.check(
        run,
        expect![[r#"
        bill succeeded
        run succeeded
    "#]],
    )
    .await;
    town.check(
        first,
        expect![[r#"
        go cancelled (the run was cancelled)
        twice cancelled (the run was cancelled)
        run cancelled (bill of run_1, which had started it, was stopped)
    "#]],
    )
    .await;
}

/// The message of the child's end is on its way, and nobody delivers it, when the server dies.
#[tokio::test]
async fn an_end_that_was_not_told_is_told_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let town = Town::open(Some(dir.path()), &[CHILD, PARENT]).await;
    let run = town.start("parent", json!({"n": 21})).await;
    let child = town.child_of(run, "bill").await;
    town.engine.parts.shared.courier.stop().await;
    town.signal(child, json!(null)).await;
    town.end(child).await;
    let on_its_way = town.engine.parts.shared.store.outbox(None, 9).await.expect("ok");
    expect![[r#"{"type":"child_ended","parent":{"run":"RUN","task":"bill","attempt":1,"depth":1,"wait":true},"version":1,"outcome":"succeeded","outputs":{"value":{"twice":42}}}"#]].assert_eq(&on_its_way[0].body.replace(&run.to_string(), "RUN"));
    town.engine.shutdown(Duration::ZERO).await;
    drop(town);
    let town = Town::open(Some(dir.path()), &[]).await;
    town.check(
        run,
        expect![[r#"
        bill succeeded
        after succeeded
        run succeeded {"got":42}
    "#]],
    )
    .await;
}

/// The start was asked for and nobody has carried it out, or its answer was lost, when the server dies.
#[tokio::test]
async fn a_child_is_started_once_whatever_is_lost() {
    let dir = tempfile::tempdir().expect("a folder");
    let town = Town::open(Some(dir.path()), &[CHILD, PARENT]).await;
    town.engine.parts.shared.courier.stop().await;
    let run = town.start("parent", json!({"n": 21})).await;
    let rows = town.engine.parts.shared.store.outbox(None, 9).await.expect("ok");
    assert_eq!(rows.len(), 1);
    // Started, but the parent was not told.
    let super::Body::StartChild { parent, .. } = serde_json::from_str(&rows[0].body).expect("it is one")
    else {
        panic!("{rows:?}")
    };
    let start = StartRun {
        inputs: json!({"n": 21}),
        idempotency_key: Some(super::child_key(run, "bill", 1)),
        ..StartRun::of("child")
    };
    let child = town
        .engine
        .start_child_run(start, parent)
        .await
        .expect("it starts");
    town.engine.shutdown(Duration::ZERO).await;
    drop(town);
    let town = Town::open(Some(dir.path()), &[]).await;
    assert_eq!(town.child_of(run, "bill").await, child);
    town.signal(child, json!(null)).await;
    town.check(
        run,
        expect![[r#"
        bill succeeded
        after succeeded
        run succeeded {"got":42}
    "#]],
    )
    .await;
    let runs = town
        .engine
        .runs(&RunFilter::default(), None, 100)
        .await
        .expect("ok")
        .items;
    assert_eq!(runs.len(), 2);
}

#[tokio::test]
async fn large_values_are_handed_on() {
    let town = Town::new(&[
        "flow: child\ninputs: { text: {} }\ntasks: { a: { type: transform, with: { value: '{{ inputs.text }}{{ inputs.text }}' } } }\noutputs: { text: '{{ tasks.a.output }}' }",
        "flow: parent\ninputs: { text: {} }\ntasks: { call: { type: subflow, with: { flow: child, inputs: { text: '{{ inputs.text }}' } } } }\noutputs: { length: '{{ tasks.call.output.text | length }}' }",
    ])
    .await;
    let run = town.start("parent", json!({"text": "x".repeat(100_000)})).await;
    town.check(
        run,
        expect![[r#"
        call succeeded
        run succeeded {"length":200000}
    "#]],
    )
    .await;
}

#[tokio::test]
async fn answers_are_taken_once() {
    let town = Town::new(&[
        "flow: ask\ntasks: { ok: { type: approval, with: { form: { type: object, required: [env] } } }, b: { type: approval } }",
    ])
    .await;
    let run = town.start("ask", Value::Null).await;
    let answer = |values: Value| Answer {
        approved: true,
        values,
        comment: None,
    };
    let engine = &town.engine;
    let refused = |answered: crate::EngineResult<()>| {
        answered
            .expect_err("it is refused")
            .to_string()
            .replace(&run.to_string(), "RUN")
    };
    let two = tokio::join!(
        engine.answer_task(run, "ok", answer(json!({"env": 1})), "one"),
        engine.answer_task(run, "ok", answer(json!({"env": 2})), "two"),
    );
    let (one, two) = (two.0.is_ok(), two.1.is_ok());
    assert!(one != two, "the first counts");
    let mut told = vec![
        refused(
            engine
                .answer_task(run, "ok", answer(json!({"env": 3})), "test")
                .await,
        ),
        refused(engine.answer_task(run, "nobody", answer(json!({})), "test").await),
        refused(engine.signal_task(run, "b", json!(1), "test").await),
    ];
    engine
        .answer_task(run, "b", answer(json!({})), "test")
        .await
        .expect("it waits");
    town.end(run).await;
    told.push(refused(
        engine.answer_task(run, "b", answer(json!({})), "test").await,
    ));
    let unknown = engine.answer_task(RunId(7), "b", answer(json!({})), "test").await;
    assert!(matches!(unknown, Err(EngineError::UnknownRun(_))));
    expect![[r#"
        `ok` does not wait for an answer
        run RUN has no task nobody
        `b` waits for no signal, or not any more
        run RUN is finished; nothing can change it any more"#]]
    .assert_eq(&told.join("\n"));
}

#[tokio::test]
async fn a_retry_keeps_what_holds() {
    let town = Town::new(&[
        CHILD,
        "flow: steps\ninputs: { ok: { default: false }, text: { default: x } }\ntasks:\n  a: { type: transform, with: { value: 1 } }\n  b: { type: switch, needs: [a], with: { cases: { no: '{{ not inputs.ok }}' }, default: 'yes' } }\n  c: { type: fail, needs: [{ task: b, on: 'no' }] }\n  d: { type: transform, needs: [a], with: { value: '{{ inputs.text }}' } }",
    ])
    .await;
    let run = town.start("steps", Value::Null).await;
    town.end(run).await;
    let retry = |from: Option<&str>, inputs: Option<Value>| RetryRun {
        idempotency_key: None,
        run,
        from: from.map(str::to_owned),
        inputs,
        version: None,
        mark_succeeded: BTreeMap::new(),
        actor: "test".to_owned(),
    };
    let plan = async |from: Option<&str>, inputs: Option<Value>| {
        let plan = town.engine.plan_retry(&retry(from, inputs)).await;
        match plan {
            Ok(plan) => {
                let runs: Vec<String> = plan
                    .runs
                    .iter()
                    .map(|task| format!("{}: {}", task.task, task.why))
                    .collect();
                format!("keeps {:?}, runs {runs:?}\n", plan.reused)
            }
            Err(error) => format!("{error}\n"),
        }
    };
    let plans = [
        plan(None, None).await,
        plan(Some("a"), None).await,
        plan(None, Some(json!({"ok": true}))).await,
        plan(Some("e"), None).await,
    ];
    expect![[r#"
        keeps ["a", "b", "d"], runs ["c: it had not succeeded, it was failed"]
        keeps [], runs ["a: the new run starts here", "b: it comes after a, which runs", "d: it comes after a, which runs", "c: it comes after b, which runs"]
        keeps ["a", "d"], runs ["b: the input ok has changed", "c: it comes after b, which runs"]
        run run_1 has no task e
    "#]].assert_eq(&numbered(&plans.concat()));
    let other = town
        .engine
        .retry_run(retry(None, Some(json!({"ok": true}))))
        .await
        .expect("it starts");
    town.check(
        other,
        expect![[r#"
        a succeeded (taken over from the run it was made from)
        b succeeded
        c skipped (upstream b took the case yes)
        d succeeded (taken over from the run it was made from)
        run succeeded
    "#]],
    )
    .await;
    let detail = town.engine.run(other).await.expect("it is there");
    assert_eq!(detail.summary.retry_of, Some(run));
    let reused: Vec<&str> = detail
        .tasks
        .iter()
        .filter(|task| task.is_reused)
        .map(|task| &*task.path)
        .collect();
    assert_eq!(reused, ["a", "d"]);
    let unfinished = town.start("child", Value::Null).await;
    let refused = town
        .engine
        .plan_retry(&RetryRun {
            idempotency_key: None,
            run: unfinished,
            ..retry(None, None)
        })
        .await;
    assert!(matches!(refused, Err(EngineError::NotNow(_))), "{refused:?}");
}
