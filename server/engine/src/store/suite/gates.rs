//! Limits on runs at work at once, and flows that start when others end.

use flow::doc::Strategy;
use flow::gate::{Gate, Permit};
use flow::view::RunStatus;

use super::drafts::{at, commit, id, message, run, version};
use crate::store::{Committed, FollowMark, GateDecision, GateRow, OutboxRow, ShardEpochs, Store};

pub(super) async fn gates_decide_one_after_the_other(store: &dyn Store, epochs: &ShardEpochs) {
    const GATE: u128 = 77;
    let asking = run(840)
        .of("limited")
        .state(RunStatus::Queued)
        .sends(1, "ask")
        .sends(2, "ask too");
    assert_eq!(commit(store, epochs, &[asking]).await, [Committed::Done]);
    assert_eq!(store.gate(GATE).await.expect("ok"), GateRow::default());
    let permit = Permit {
        key: "k".to_owned(),
        limit: 1,
        strategy: Strategy::Queue,
    };
    let mut gate = Gate::default();
    gate.ask(id(840), &permit);
    let decision = |before, rev, gate: &Gate, seq| GateDecision {
        id: GATE,
        before,
        rev,
        gate: gate.clone(),
        at: at(5),
        messages: vec![OutboxRow {
            id: crate::store::MessageId {
                sender: GATE,
                seq: rev,
            },
            body: "granted".into(),
        }],
        takes: message(840, seq),
    };
    let decide = async |decision| store.commit_gate(decision).await.expect("ok");
    assert!(decide(decision(0, 5, &gate, 1)).await);
    assert!(!decide(decision(0, 6, &gate, 2)).await, "it has changed since");
    assert!(!decide(decision(5, 6, &gate, 1)).await, "the message was taken");
    let row = GateRow {
        rev: 5,
        gate: gate.clone(),
    };
    assert_eq!(store.gate(GATE).await.expect("ok"), row);
    let bodies = async || {
        let rows = store.outbox(None, 99).await.expect("ok");
        rows.iter()
            .filter(|row| row.id.sender == GATE || row.id.sender == id(840).0)
            .map(|row| row.body.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(bodies().await, ["granted", "ask too"]);

    store.forget_gates(at(100)).await.expect("ok");
    assert_eq!(store.gate(GATE).await.expect("ok"), row, "somebody is in it");
    gate.release(id(840));
    assert!(decide(decision(5, 7, &gate, 2)).await);
    store.forget_gates(at(5)).await.expect("ok");
    assert_eq!(store.gate(GATE).await.expect("ok").rev, 7, "it was used just now");
    store.forget_gates(at(6)).await.expect("ok");
    assert_eq!(store.gate(GATE).await.expect("ok"), GateRow::default());
    let left = store.outbox(None, 99).await.expect("ok");
    store
        .take_messages(left.iter().map(|row| row.id).collect())
        .await
        .expect("ok");
}

pub(super) async fn flows_follow_others(store: &dyn Store) {
    let save = async |flow: &str, follows: &[(&str, &str)]| {
        let mut new = version(flow, &format!("{follows:?}"), None);
        new.follows = follows
            .iter()
            .map(|(name, followed)| ((*name).to_owned(), (*followed).to_owned()))
            .collect();
        store.save_flow(new).await.expect("ok");
    };
    let shown = async || {
        let all = store.followers().await.expect("ok");
        let lines = all
            .iter()
            .map(|one| format!("{} {} {}", one.followed, one.flow, one.name));
        lines.collect::<Vec<_>>()
    };
    save("mail", &[("done", "shop"), ("late", "bank")]).await;
    save("audit", &[("done", "shop")]).await;
    assert_eq!(
        shown().await,
        ["bank mail late", "shop audit done", "shop mail done"]
    );
    save("mail", &[("done", "bank")]).await;
    assert_eq!(shown().await, ["bank mail done", "shop audit done"]);
    store.archive_flow("mail").await.expect("ok");
    assert_eq!(shown().await, ["shop audit done"]);
    save("mail", &[("done", "bank")]).await;
    assert_eq!(shown().await, ["bank mail done", "shop audit done"], "it is back");

    let marked = async || {
        let all = store.followers().await.expect("ok");
        let lines = all.iter().map(|one| match &one.last {
            Some(last) => format!("{} after {}: {:?}", one.flow, last.after, last.came),
            None => format!("{} never", one.flow),
        });
        lines.collect::<Vec<_>>()
    };
    let mark = |n, came| FollowMark {
        at: at(n),
        after: id(900),
        came,
    };
    let tell = async |flow, name, mark| store.mark_follower(flow, name, mark).await.expect("ok");
    tell("audit", "done", mark(7, Ok(id(901)))).await;
    tell("mail", "done", mark(7, Ok(id(901)))).await;
    tell("mail", "done", mark(8, Err("it takes inputs".to_owned()))).await;
    tell("mail", "gone", mark(8, Ok(id(901)))).await;
    let (after, run) = (id(900), id(901));
    let failed = format!("mail after {after}: Err(\"it takes inputs\")");
    let started = format!("audit after {after}: Ok({run:?})");
    assert_eq!(marked().await, [failed.as_str(), &started]);
    save("mail", &[("done", "bank"), ("more", "zoo")]).await;
    assert_eq!(
        marked().await,
        [failed.as_str(), &started, "mail never"],
        "it goes on"
    );
    save("mail", &[("done", "shop")]).await;
    assert_eq!(
        marked().await,
        [started.as_str(), "mail never"],
        "it follows another"
    );
}
