//! Flows whose runs wait for each other, and flows that start when others end.

use std::time::Duration;

use expect_test::{Expect, expect};
use flow::RunId;
use flow::run::Phase;
use flow::view::RunStatus;
use serde_json::{Value, json};

use super::tests::{CHILD, Town, numbered};
use crate::EngineError;
use crate::store::RunFilter;

fn limited(limit: &str) -> String {
    format!("{CHILD}concurrency: {{ {limit} }}\n")
}

impl Town {
    async fn status(&self, run: RunId) -> RunStatus {
        self.engine.run_summary(run).await.expect("it is there").state
    }

    /// Waits until the gate has dealt with a queued run.
    async fn queued(&self, run: RunId) -> String {
        loop {
            let queued = self.engine.queued(run).await.expect("it is there");
            let queued = queued.unwrap_or_else(|| panic!("{run} is not queued"));
            if queued.n_before.is_some() {
                return numbered(&queued.reason);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn begun(&self, run: RunId) {
        self.until(run, |state| *state.phase() != Phase::Queued).await;
    }

    /// Waits until nothing is on its way.
    async fn settled(&self) {
        while !self
            .engine
            .parts
            .shared
            .store
            .outbox(None, 1)
            .await
            .expect("ok")
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    }

    /// All runs but some, by trigger, flow, inputs and state.
    async fn check_started(&self, expected: Expect) {
        let runs = self
            .engine
            .runs(&RunFilter::default(), None, 100)
            .await
            .expect("ok")
            .items;
        let mut lines = Vec::new();
        for summary in runs.iter().filter(|run| run.trigger != "api") {
            let run = self.end(summary.id).await;
            lines.push(format!(
                "{} {} {} {}\n",
                summary.trigger,
                summary.flow,
                run.inputs,
                run.summary.state.key()
            ));
        }
        lines.sort();
        expected.assert_eq(&numbered(&lines.concat()));
    }
}

#[tokio::test]
async fn runs_wait_for_their_turn() {
    let town = Town::new(&[&limited("limit: 1, key: 'shop {{ inputs.n }}'")]).await;
    let first = town.start("child", json!({"n": 1})).await;
    town.begun(first).await;
    let other = town.start("child", json!({"n": 2})).await;
    town.begun(other).await;
    let second = town.start("child", json!({"n": 1})).await;
    let told = town.queued(second).await;
    let third = town.start("child", json!({"n": 1})).await;
    let told = [told, town.queued(third).await].join("\n");
    expect![[r#"
        waits for its turn: one run of the flow with the key shop 1 may be at work at once; at work: run_1
        waits for its turn: one run of the flow with the key shop 1 may be at work at once; at work: run_1; 1 waits before it"#]].assert_eq(&told);
    assert_eq!(town.status(second).await, RunStatus::Queued);
    let why = town.engine.explain(second).await.expect("it is there");
    assert_eq!(
        (&*why[0].kind, &*why[0].reason),
        ("queued", "starts when the run has its turn")
    );
    // One that is cancelled before its turn lets the next one before it.
    town.engine
        .cancel_run(second, false, None, "test")
        .await
        .expect("it is queued");
    town.signal(first, json!(null)).await;
    town.begun(third).await;
    town.check(
        second,
        expect![[r#"
        go cancelled (the run was cancelled before it began)
        twice cancelled (the run was cancelled before it began)
        run cancelled
    "#]],
    )
    .await;
    town.signal(third, json!(null)).await;
    town.check(
        third,
        expect![[r#"
        go succeeded
        twice succeeded
        run succeeded {"twice":2}
    "#]],
    )
    .await;
    assert_eq!(town.engine.queued(third).await.expect("it is there"), None);
}

#[tokio::test]
async fn the_newest_run_takes_the_place_of_older_ones() {
    let town = Town::new(&[&limited("limit: 1, strategy: cancel_running")]).await;
    let first = town.start("child", Value::Null).await;
    town.begun(first).await;
    let second = town.start("child", Value::Null).await;
    town.begun(second).await;
    town.check(
        first,
        expect![[r#"
        go cancelled (the run was cancelled)
        twice cancelled (the run was cancelled)
        run cancelled (run_1, a newer run of the flow, takes its place)
    "#]],
    )
    .await;
    town.signal(second, json!(null)).await;
    town.check(
        second,
        expect![[r#"
        go succeeded
        twice succeeded
        run succeeded {"twice":2}
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_run_that_finds_no_place_may_be_left_out() {
    let town = Town::new(&[
        &limited("limit: 2, strategy: skip"),
        "flow: parent\ntasks: { call: { type: subflow, with: { flow: child } } }",
    ])
    .await;
    let (first, second) = (
        town.start("child", Value::Null).await,
        town.start("child", Value::Null).await,
    );
    town.begun(first).await;
    town.begun(second).await;
    let left_out = town.start("child", Value::Null).await;
    town.check(
        left_out,
        expect![[r#"
        go cancelled (the run was left out)
        twice cancelled (the run was left out)
        run cancelled
    "#]],
    )
    .await;
    let error = town
        .engine
        .run_summary(left_out)
        .await
        .expect("ok")
        .error
        .expect("it says why");
    expect!["skipped: left out: the runs run_1, run_2 of the flow are at work"]
        .assert_eq(&numbered(&format!("{}: {}", error.kind, error.message)));
    let parent = town.start("parent", Value::Null).await;
    town.check(parent, expect![[r#"
        call failed [child_cancelled] the run run_1 was cancelled: left out: the runs run_2, run_3 of the flow are at work
        run failed
    "#]]).await;
}

#[tokio::test]
async fn a_key_that_cannot_be_made_is_told_at_the_start() {
    let town = Town::new(&[&limited("limit: 1, key: '{{ inputs.n | join }}'")]).await;
    let start = crate::StartRun::of("child");
    let error = town
        .engine
        .start_run(start)
        .await
        .expect_err("the key cannot be made");
    assert!(
        matches!(&error, EngineError::Invalid(problems) if problems[0].code == "bad_concurrency_key"),
        "{error:?}"
    );
}

/// Whatever was under way when the server died: the place of a run that has ended is free, and the next one begins.
#[tokio::test]
async fn places_are_free_again_after_a_crash() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut town = Town::open(Some(dir.path()), &[&limited("limit: 1")]).await;
    let mut first = town.start("child", Value::Null).await;
    town.begun(first).await;
    for n in 0..4 {
        let next = town.start("child", Value::Null).await;
        if n % 2 == 0 {
            // What it asks may or may not have been heard.
            town.settled().await;
        }
        town.engine.parts.shared.courier.stop().await;
        town.signal(first, json!(null)).await;
        town.end(first).await;
        town.engine.shutdown(Duration::ZERO).await;
        drop(town);
        town = Town::open(Some(dir.path()), &[]).await;
        town.begun(next).await;
        first = next;
    }
    town.signal(first, json!(null)).await;
    town.end(first).await;
    town.settled().await;
}

#[tokio::test]
async fn a_flow_starts_when_another_ends() {
    let town = Town::new(&[
        "flow: shop\ninputs: { n: { type: integer, default: 1 } }\ntasks: { a: { type: switch, with: { cases: { bad: 'inputs.n > 1' } } }, b: { type: fail, needs: [{ task: a, on: bad }] } }\noutputs: { n: '{{ inputs.n }}' }",
        "flow: mail\ninputs: { n: {}, of: {} }\ntasks: { a: { type: noop } }\nafter: { done: { flow: shop, inputs: { n: '{{ trigger.outputs.n }}', of: '{{ trigger.run }}' } } }",
        "flow: alarm\ninputs: { why: {} }\ntasks: { a: { type: noop } }\nafter: { broken: { flow: shop, on: [failed, cancelled], inputs: { why: '{{ trigger.outcome }} {{ trigger.flow }}' } }, wrong: { flow: mail, inputs: { why: '{{ trigger.outputs.n }}' } } }",
    ])
    .await;
    for n in [1, 2] {
        let run = town.start("shop", json!({"n": n})).await;
        town.end(run).await;
        town.settled().await;
    }
    town.check_started(expect![[r#"
        after shop alarm {"why":"failed shop"} succeeded
        after shop mail {"n":1,"of":"run_1"} succeeded
    "#]])
        .await;
    town.engine.archive_flow("mail").await.expect("it is there");
    let run = town.start("shop", Value::Null).await;
    town.end(run).await;
    town.settled().await;
    let n = town
        .engine
        .runs(&RunFilter::default(), None, 100)
        .await
        .expect("ok")
        .items
        .len();
    assert_eq!(n, 5, "an archived flow starts no more");
}

/// A start that cannot be made is told to who wants to know of failures, and remembered until one can.
#[tokio::test]
async fn what_could_not_start_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let mail = "flow: mail\ninputs: { to: { type: string } }\ntasks: { a: { type: noop } }\nafter: { done: { flow: shop, inputs: { to: '{{ trigger.outputs.n }}' } } }\nnotify: { ops: { failure: true, webhook: { url: 'http://127.0.0.1:9/' } }, slow: { late: 1h, webhook: { url: 'http://127.0.0.1:9/' } } }";
    let flows = [
        "flow: shop\ntasks: { a: { type: transform, with: { value: 1 } } }\noutputs: { n: '{{ tasks.a.output }}' }",
        mail,
        "flow: sum\ninputs: { n: {} }\ntasks: { a: { type: noop } }\nafter: { done: { flow: shop, inputs: { n: '{{ trigger.outputs.m }}' } } }",
        "flow: quiet\ntasks: { a: { type: noop } }\nafter: { done: { flow: shop, on: failed } }",
    ];
    let town = Town::open(Some(dir.path()), &flows).await;
    let told = async |town: &Town| {
        let mut text = String::new();
        for one in town.engine.followers(None).await.expect("ok") {
            let came = match (&one.last_run, &one.last_error) {
                (Some(run), None) => format!("started {run}"),
                (None, Some(why)) => why.clone(),
                _ => "never".to_owned(),
            };
            text.push_str(&format!("{} after {}: {came}\n", one.flow, one.after));
        }
        let filter = crate::store::NoticeFilter::default();
        let notices = town
            .engine
            .parts
            .shared
            .store
            .notifications(&filter, None, 9)
            .await;
        for row in notices.expect("ok") {
            let of = row.notice;
            text.push_str(&format!(
                "{} {:?} {}: {}\n",
                of.flow, of.kind, of.rule, of.message
            ));
        }
        numbered(&text)
    };
    let run = town.start("shop", Value::Null).await;
    town.end(run).await;
    town.settled().await;
    expect![[r#"
        mail after shop: inputs.to: expected a text, found 1
        quiet after shop: never
        sum after shop: its inputs cannot be made: `trigger.outputs.m` is not there; `trigger.outputs` has: n. In `{{ trigger.outputs.m }}` (after.done.inputs.n)
        mail Failure ops: no run of mail could start after run_1 of shop, which succeeded: inputs.to: expected a text, found 1
    "#]].assert_eq(&told(&town).await);
    // It is a fact that is kept, and goes once there is a better one.
    town.engine.shutdown(Duration::ZERO).await;
    drop(town);
    let town = Town::open(
        Some(dir.path()),
        &[&mail.replace("type: string", "type: integer")],
    )
    .await;
    expect![[r#"
        mail after shop: inputs.to: expected a text, found 1
        quiet after shop: never
        sum after shop: its inputs cannot be made: `trigger.outputs.m` is not there; `trigger.outputs` has: n. In `{{ trigger.outputs.m }}` (after.done.inputs.n)
        mail Failure ops: no run of mail could start after run_1 of shop, which succeeded: inputs.to: expected a text, found 1
    "#]].assert_eq(&told(&town).await);
    let run = town.start("shop", Value::Null).await;
    town.end(run).await;
    town.settled().await;
    expect![[r#"
        mail after shop: started run_1
        quiet after shop: never
        sum after shop: its inputs cannot be made: `trigger.outputs.m` is not there; `trigger.outputs` has: n. In `{{ trigger.outputs.m }}` (after.done.inputs.n)
        mail Failure ops: no run of mail could start after run_2 of shop, which succeeded: inputs.to: expected a text, found 1
    "#]].assert_eq(&told(&town).await);
    let of_one = town.engine.followers(Some("quiet")).await.expect("ok");
    assert_eq!(of_one.len(), 1);
}

/// What is made before a run begins sees the variables its flow names, as the run itself will.
#[tokio::test]
async fn starts_see_variables() {
    let town = Town::new(&[
        "flow: shop\ninputs: { n: { default: 1 } }\ntasks: { a: { type: noop } }\nconcurrency: { limit: 1, key: '{{ vars.town }} {{ inputs.n }}' }",
        "flow: mail\ninputs: { to: {} }\ntasks: { a: { type: noop } }\nafter: { done: { flow: shop, inputs: { to: '{{ vars.town }}' } } }",
    ])
    .await;
    let set = town.engine.put_variable("town", json!("Berlin"), "test");
    set.await.expect("it can be set");
    let run = town.start("shop", Value::Null).await;
    town.end(run).await;
    town.settled().await;
    let log = town.engine.parts.shared.store.events(run, 0, 1).await;
    let created = serde_json::to_value(&log.expect("ok")[0].kind).expect("an event");
    assert_eq!(created["permit"]["key"], "Berlin 1");
    town.check_started(expect![[r#"
        after shop mail {"to":"Berlin"} succeeded
    "#]])
        .await;
}

#[tokio::test]
async fn flows_that_follow_each_other_end_at_the_limit() {
    let town = Town::new(&[
        "flow: one\ntasks: { a: { type: noop } }\nafter: { x: { flow: two } }",
        "flow: two\ntasks: { a: { type: noop } }\nafter: { x: { flow: one } }",
    ])
    .await;
    let run = town.start("one", Value::Null).await;
    town.end(run).await;
    town.settled().await;
    let n = town
        .engine
        .runs(&RunFilter::default(), None, 100)
        .await
        .expect("ok")
        .items
        .len();
    assert_eq!(n, 17, "the first and sixteen that follow");
}

/// The end was committed and nobody had started what follows when the server died.
#[tokio::test]
async fn what_follows_starts_once_also_after_a_crash() {
    let dir = tempfile::tempdir().expect("a folder");
    let flows = [
        "flow: one\ntasks: { a: { type: noop } }",
        "flow: two\ntasks: { a: { type: noop } }\nafter: { x: { flow: one, on: always } }",
    ];
    let town = Town::open(Some(dir.path()), &flows).await;
    town.engine.parts.shared.courier.stop().await;
    let run = town.start("one", Value::Null).await;
    town.end(run).await;
    town.engine.shutdown(Duration::ZERO).await;
    drop(town);
    for _ in 0..2 {
        let town = Town::open(Some(dir.path()), &[]).await;
        town.settled().await;
        town.check_started(expect![[r#"
            after one two {} succeeded
        "#]])
            .await;
        town.engine.shutdown(Duration::ZERO).await;
    }
}
