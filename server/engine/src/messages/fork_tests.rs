//! Runs made from others, whose tasks had waited for runs of other flows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use expect_test::{Expect, expect};
use flow::RunId;
use serde_json::{Value, json};

use super::tests::{Town, numbered};
use crate::store::RunFilter;
use crate::{EngineError, RetryRun};

const LEAF: &str = "
flow: leaf
inputs: { n: { default: 1 } }
tasks:
  before: { type: transform, with: { value: '{{ inputs.n * 10 }}' } }
  go: { type: signal, needs: [before] }
  twice: { type: transform, needs: [go], with: { value: '{{ tasks.before.output + tasks.go.output }}' } }
outputs: { sum: '{{ tasks.twice.output }}' }
";

const MIDDLE: &str = "
flow: middle
inputs: { n: {} }
tasks:
  size: { type: transform, with: { value: 1 } }
  bill: { type: subflow, needs: [size], with: { flow: leaf, inputs: { n: '{{ inputs.n }}' } } }
outputs: { sum: '{{ tasks.bill.output.sum }}' }
";

const TOP: &str = "
flow: top
tasks:
  all: { type: subflow, for_each: { items: [1, 2], on_item_failure: continue }, with: { flow: middle, inputs: { n: '{{ item }}' } } }
  after: { type: transform, needs: [all], with: { value: '{{ tasks.all.output }}' } }
outputs: { got: '{{ tasks.after.output }}' }
";

fn retry(run: RunId, from: Option<&str>) -> RetryRun {
    RetryRun {
        idempotency_key: None,
        run,
        from: from.map(str::to_owned),
        inputs: None,
        version: None,
        mark_succeeded: BTreeMap::new(),
        actor: "test".to_owned(),
    }
}

impl Town {
    async fn leaf_of(&self, top: RunId, item: u32) -> RunId {
        let middle = self.child_of(top, &format!("all[{item}]")).await;
        self.child_of(middle, "bill").await
    }

    /// A run whose first item succeeded and whose second was cancelled at the bottom.
    async fn half_done(&self) -> RunId {
        let top = self.start("top", Value::Null).await;
        let leaf = self.leaf_of(top, 0).await;
        self.until_waiting(leaf).await;
        self.signal(leaf, json!(5)).await;
        let leaf = self.leaf_of(top, 1).await;
        let cancelled = self.engine.cancel_run(leaf, false, None, "test");
        cancelled.await.expect("it is at work");
        self.end(top).await;
        top
    }

    async fn until_waiting(&self, leaf: RunId) {
        self.until(leaf, |state| {
            state.explain().iter().any(|why| why.view().kind == "signal")
        })
        .await;
    }

    /// What a retry would do, by its own words.
    async fn check_plan(&self, retry: &RetryRun, expected: Expect) {
        let mut text = String::new();
        match self.engine.plan_retry(retry).await {
            Ok(plan) => {
                let _ = writeln!(text, "keeps {}", plan.reused.join(" "));
                for task in plan.runs {
                    let _ = writeln!(text, "{} runs: {}", task.task, task.why);
                }
            }
            Err(error) => text = error.to_string(),
        }
        expected.assert_eq(&numbered(&text));
    }

    /// How a run and the runs below it stand to others, and which results they took over.
    async fn check_made_of(&self, top: RunId, item: u32, expected: Expect) {
        let middle = self.child_of(top, &format!("all[{item}]")).await;
        let leaf = self.child_of(middle, "bill").await;
        let mut text = String::new();
        for run in [top, middle, leaf] {
            let detail = self.engine.run(run).await.expect("it is there");
            let reused: Vec<&str> = detail
                .tasks
                .iter()
                .filter(|task| task.is_reused)
                .map(|task| &*task.path)
                .collect();
            let of = detail
                .summary
                .retry_of
                .map_or_else(String::new, |of| format!(", made of {of}"));
            let _ = writeln!(
                text,
                "{} version {}{of} keeps {reused:?}",
                detail.summary.flow, detail.summary.version
            );
        }
        expected.assert_eq(&numbered(&text));
    }
}

#[tokio::test]
async fn what_had_not_succeeded_in_children_is_tried_again() {
    let town = Town::new(&[LEAF, MIDDLE, TOP]).await;
    let run = town.half_done().await;
    // A newer version is not taken: the children do what the old ones did.
    town.save(&LEAF.replace("go: { type: signal,", "go: { type: signal, description: newer,"))
        .await;
    town.check_plan(
        &retry(run, None),
        expect![[r#"
        keeps all[0] all[1]/size all[1]/bill/before
        all runs: it had not succeeded, it was failed
        all[1]/bill runs: it had not succeeded, it was failed
        all[1]/bill/go runs: it had not succeeded, it was cancelled
        all[1]/bill/twice runs: it comes after go, which runs
        after runs: it comes after all, which runs
    "#]],
    )
    .await;
    let again = town.engine.retry_run(retry(run, None)).await.expect("it starts");
    let leaf = town.leaf_of(again, 1).await;
    town.until_waiting(leaf).await;
    town.check_made_of(
        again,
        1,
        expect![[r#"
        top version 1, made of run_1 keeps []
        middle version 1, made of run_2 keeps ["size"]
        leaf version 1, made of run_3 keeps ["before"]
    "#]],
    )
    .await;
    town.signal(leaf, json!(7)).await;
    town.check(
        again,
        expect![[r#"
        all succeeded
        after succeeded
        run succeeded {"got":[{"sum":15},{"sum":27}]}
    "#]],
    )
    .await;
    let runs = town
        .engine
        .runs(&RunFilter::default(), None, 100)
        .await
        .expect("ok")
        .items;
    assert_eq!(runs.len(), 5 + 3, "the item that had succeeded has no new run");
}

#[tokio::test]
async fn a_run_starts_again_from_a_task_of_a_child_of_a_child() {
    let town = Town::new(&[LEAF, MIDDLE, TOP]).await;
    let run = town.half_done().await;
    let from = retry(run, Some("all[0]/bill/go"));
    town.check_plan(
        &from,
        expect![[r#"
        keeps all[0]/size all[0]/bill/before all[1]/size all[1]/bill/before
        all runs: the new run starts here
        all[0]/bill runs: the new run starts here
        all[0]/bill/go runs: the new run starts here
        all[0]/bill/twice runs: it comes after go, which runs
        all[1]/bill runs: it had not succeeded, it was failed
        all[1]/bill/go runs: it had not succeeded, it was cancelled
        all[1]/bill/twice runs: it comes after go, which runs
        after runs: it comes after all, which runs
    "#]],
    )
    .await;
    let again = town.engine.retry_run(from).await.expect("it starts");
    let (one, two) = (town.leaf_of(again, 0).await, town.leaf_of(again, 1).await);
    town.check_made_of(
        again,
        0,
        expect![[r#"
        top version 1, made of run_1 keeps []
        middle version 1, made of run_2 keeps ["size"]
        leaf version 1, made of run_3 keeps ["before"]
    "#]],
    )
    .await;
    for (leaf, given) in [(one, 6), (two, 7)] {
        town.until_waiting(leaf).await;
        town.signal(leaf, json!(given)).await;
    }
    town.check(
        again,
        expect![[r#"
        all succeeded
        after succeeded
        run succeeded {"got":[{"sum":16},{"sum":27}]}
    "#]],
    )
    .await;
    // What that run has from its children it had from others in part: a third goes back to where they were.
    let third = retry(again, Some("all[0]/bill/twice"));
    town.check_plan(
        &third,
        expect![[r#"
        keeps all[1] all[0]/size all[0]/bill/before all[0]/bill/go
        all runs: the new run starts here
        all[0]/bill runs: the new run starts here
        all[0]/bill/twice runs: the new run starts here
        after runs: it comes after all, which runs
    "#]],
    )
    .await;
    for (from, expected) in [
        ("all[0]/bill/none", expect!["run run_1 has no task none"]),
        ("all[0]/none", expect!["run run_1 has no task none"]),
        (
            "all[0]/size/x",
            expect!["in `all[0]`: `size` starts no run of another flow, so there is no task inside it"],
        ),
        (
            "all[7]/bill",
            expect!["the task of `all[7]` had 2 items; start from one of them, or from the task"],
        ),
        (
            "all/bill",
            expect!["each item of `all` has a run of its own; name one of them, as in `all[0]/bill`"],
        ),
        (
            "after/x",
            expect!["`after` starts no run of another flow, so there is no task inside it"],
        ),
    ] {
        town.check_plan(&retry(again, Some(from)), expected).await;
        let refused = town.engine.retry_run(retry(again, Some(from))).await;
        refused.expect_err("as the plan says");
    }
}

/// Results that were taken over twice lead back to the run whose children made them.
#[tokio::test]
async fn children_of_what_was_taken_over_are_found() {
    let town = Town::new(&[LEAF, MIDDLE, TOP]).await;
    let run = town.half_done().await;
    let mut again = run;
    for given in [7, 8] {
        again = town
            .engine
            .retry_run(retry(again, Some("all[1]/bill/go")))
            .await
            .expect("it starts");
        let leaf = town.leaf_of(again, 1).await;
        town.until_waiting(leaf).await;
        town.signal(leaf, json!(given)).await;
        town.end(again).await;
    }
    town.check_plan(
        &retry(again, Some("all[0]/bill/twice")),
        expect![[r#"
        keeps all[1] all[0]/size all[0]/bill/before all[0]/bill/go
        all runs: the new run starts here
        all[0]/bill runs: the new run starts here
        all[0]/bill/twice runs: the new run starts here
        after runs: it comes after all, which runs
    "#]],
    )
    .await;
}

/// The fork is committed and nobody has carried out what it asks for when the server dies.
#[tokio::test]
async fn children_are_taken_up_after_a_crash() {
    let dir = tempfile::tempdir().expect("a folder");
    let town = Town::open(Some(dir.path()), &[LEAF, MIDDLE, TOP]).await;
    let run = town.half_done().await;
    town.engine.parts.shared.courier.stop().await;
    let again = town.engine.retry_run(retry(run, None)).await.expect("it starts");
    let on_its_way = town.engine.parts.shared.store.outbox(None, 9).await.expect("ok");
    expect![[r#"{"type":"start_child","flow":"middle","version":1,"inputs":{"value":{"n":2}},"parent":{"run":"run_1","task":"all[1]","attempt":1,"depth":1,"wait":true},"fork":{"run":"run_2"}}"#]].assert_eq(&numbered(&on_its_way[0].body));
    town.engine.shutdown(Duration::ZERO).await;
    drop(town);
    let town = Town::open(Some(dir.path()), &[]).await;
    let leaf = town.leaf_of(again, 1).await;
    town.until_waiting(leaf).await;
    town.check_made_of(
        again,
        1,
        expect![[r#"
        top version 1, made of run_1 keeps []
        middle version 1, made of run_2 keeps ["size"]
        leaf version 1, made of run_3 keeps ["before"]
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_child_that_was_deleted_does_all_again() {
    let town = Town::new(&[LEAF, MIDDLE, TOP]).await;
    let top = town.start("top", Value::Null).await;
    let middle = town.child_of(top, "all[1]").await;
    let leaf = town.child_of(middle, "bill").await;
    town.engine
        .cancel_run(top, false, None, "test")
        .await
        .expect("it is at work");
    town.end(top).await;
    let delete = async |run| {
        let deleted = town.engine.parts.shared.store.delete_runs(vec![run]).await;
        assert_eq!(deleted.expect("ok"), 1);
    };
    delete(leaf).await;
    town.check_plan(
        &retry(top, None),
        expect![[r#"
        keeps all[0]/size all[0]/bill/before all[1]/size
        all runs: it had not succeeded, it was cancelled
        all[0]/bill runs: it had not succeeded, it was cancelled
        all[0]/bill/go runs: it had not succeeded, it was cancelled
        all[0]/bill/twice runs: it comes after go, which runs
        all[1]/bill runs: it had not succeeded, it was cancelled
        after runs: it comes after all, which runs
    "#]],
    )
    .await;
    town.check_plan(
        &retry(top, Some("all[1]/bill/go")),
        expect!["in `all[1]`: the run run_1 that `bill` had waited for is deleted; start from `bill` itself"],
    )
    .await;
    delete(middle).await;
    town.check_plan(
        &retry(top, None),
        expect![[r#"
        keeps all[0]/size all[0]/bill/before
        all runs: it had not succeeded, it was cancelled
        all[0]/bill runs: it had not succeeded, it was cancelled
        all[0]/bill/go runs: it had not succeeded, it was cancelled
        all[0]/bill/twice runs: it comes after go, which runs
        after runs: it comes after all, which runs
    "#]],
    )
    .await;
    town.check_plan(
        &retry(top, Some("all[1]/bill")),
        expect!["the run run_1 that `all[1]` had waited for is deleted; start from `all[1]` itself"],
    )
    .await;
}

#[tokio::test]
async fn a_child_that_is_deleted_before_it_is_taken_up_does_all_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let town = Town::open(Some(dir.path()), &[LEAF, MIDDLE, TOP]).await;
    let run = town.half_done().await;
    let old = town
        .engine
        .plan_retry(&retry(run, None))
        .await
        .expect("it has ended");
    assert!(old.reused.contains(&"all[1]/size".to_owned()));
    town.engine.parts.shared.courier.stop().await;
    let again = town.engine.retry_run(retry(run, None)).await.expect("it starts");
    let store = &town.engine.parts.shared.store;
    let filter = RunFilter {
        flow: Some("middle".to_owned()),
        ..RunFilter::default()
    };
    let middles = store.runs(&filter, None, 9).await.expect("ok").items;
    let middles = middles.into_iter().map(|run| run.id).collect();
    assert_eq!(store.delete_runs(middles).await.expect("ok"), 2);
    town.engine.shutdown(Duration::ZERO).await;
    drop(town);
    let town = Town::open(Some(dir.path()), &[]).await;
    let leaf = town.leaf_of(again, 1).await;
    town.until_waiting(leaf).await;
    town.check_made_of(
        again,
        1,
        expect![[r#"
        top version 1, made of run_1 keeps []
        middle version 1 keeps []
        leaf version 1 keeps []
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_flow_that_starts_itself_is_as_deep_again() {
    let town = Town::new(&["flow: again\ntasks: { a: { type: transform, with: { value: 1 } }, more: { type: subflow, needs: [a], with: { flow: again } } }"]).await;
    let run = town.start("again", Value::Null).await;
    town.end(run).await;
    let other = town.engine.retry_run(retry(run, None)).await.expect("it starts");
    let error = town.end(other).await.summary.error.clone().expect("it failed");
    assert!(error.message.contains("only 16 deep"), "{error:?}");
    let runs = town
        .engine
        .runs(&RunFilter::default(), None, 100)
        .await
        .expect("ok")
        .items;
    let n_forks = runs.iter().filter(|run| run.retry_of.is_some()).count();
    assert_eq!(
        (runs.len(), n_forks),
        (34, 17),
        "each took up the one at its depth"
    );
    let too_deep = ["more"; 18].join("/");
    let refused = town.engine.plan_retry(&retry(run, Some(&too_deep))).await;
    assert!(matches!(refused, Err(EngineError::BadRequest(_))), "{refused:?}");
    town.engine
        .plan_retry(&retry(run, Some(&["more"; 17].join("/"))))
        .await
        .expect("that deep it goes");
}

/// The end of a quick child may be told before its start: the log does not name it then.
#[tokio::test]
async fn quick_children_are_taken_up() {
    let quick =
        "flow: quick\ntasks: { a: { type: transform, with: { value: 1 } }, b: { type: fail, needs: [a] } }";
    let top = "flow: top\ntasks: { sub: { type: subflow, for_each: { items: [1, 2, 3, 4, 5, 6, 7, 8], on_item_failure: continue }, with: { flow: quick } } }";
    let town = Town::new(&[quick, top]).await;
    let run = town.start("top", Value::Null).await;
    town.end(run).await;
    let plan = town
        .engine
        .plan_retry(&retry(run, Some("sub[3]/b")))
        .await
        .expect("it can");
    let expected: Vec<String> = (0..8).map(|n| format!("sub[{n}]/a")).collect();
    assert_eq!(plan.reused, expected);
    let again = town.engine.retry_run(retry(run, None)).await.expect("it starts");
    town.end(again).await;
    let runs = town
        .engine
        .runs(&RunFilter::default(), None, 100)
        .await
        .expect("ok")
        .items;
    assert_eq!(runs.iter().filter(|run| run.retry_of.is_some()).count(), 9);
}
