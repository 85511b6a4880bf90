//! Messages: sent with a decision, taken with another.

use flow::view::RunStatus;

use super::drafts::{commit, id, message, run};
use crate::store::{Committed, MessageId, ShardEpochs, Store};

/// What is on its way, one a line.
async fn shown(store: &dyn Store, after: Option<MessageId>, limit: usize) -> Vec<String> {
    let rows = store.outbox(after, limit).await.expect("ok");
    let of = |sender| (820..840).find(|n| id(*n).0 == sender);
    rows.iter()
        .filter_map(|row| Some(format!("{} {} {}", of(row.id.sender)?, row.id.seq, row.body)))
        .collect()
}

pub(super) async fn messages_are_taken_once(store: &dyn Store, epochs: &ShardEpochs) {
    let at_work = |n: i64| run(n).of("talking").events(1, 2).state(RunStatus::Running);
    let drafts = [
        at_work(820).sends(1, "a").sends(2, "b"),
        at_work(821).sends(7, "c"),
        at_work(822),
    ];
    assert_eq!(
        commit(store, epochs, &drafts).await,
        [const { Committed::Done }; 3]
    );
    assert_eq!(shown(store, None, 9).await, ["820 1 a", "820 2 b", "821 7 c"]);
    assert_eq!(shown(store, Some(message(820, 1)), 1).await, ["820 2 b"]);

    let answer = run(822).of("talking").events(3, 1).state(RunStatus::Running);
    let taken = answer.clone().takes(820, 1).sends(3, "d");
    assert_eq!(commit(store, epochs, &[taken]).await, [Committed::Done]);
    assert_eq!(shown(store, None, 9).await, ["820 2 b", "821 7 c", "822 3 d"]);

    let again = run(822)
        .of("talking")
        .events(4, 1)
        .takes(820, 2)
        .takes(820, 1)
        .sends(4, "e");
    assert_eq!(
        commit(store, epochs, std::slice::from_ref(&again)).await,
        [Committed::OutOfStep { last_seq: 3 }],
        "one of them was taken before"
    );
    let late = run(822).of("talking").events(9, 1).takes(821, 7);
    assert_eq!(
        commit(store, epochs, &[late]).await,
        [Committed::OutOfStep { last_seq: 3 }]
    );
    assert_eq!(
        shown(store, None, 9).await,
        ["820 2 b", "821 7 c", "822 3 d"],
        "what is not written takes and sends nothing"
    );

    let causing_nothing = vec![message(820, 2), message(820, 1), message(822, 3)];
    store
        .take_messages(causing_nothing)
        .await
        .expect("those that are gone are passed over");
    assert_eq!(shown(store, None, 9).await, ["821 7 c"]);
    store.take_messages(vec![message(821, 7)]).await.expect("ok");
}
