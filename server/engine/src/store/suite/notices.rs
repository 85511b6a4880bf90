//! Rules and notifications: saved with their flows, told once, sent or given up; those of a decision commit with it.

use super::drafts::{at, run, version};
use crate::store::{
    Channel, NewNotice, NewRule, NoticeFilter, NoticeKind, NoticeMark, NoticeState, ShardEpochs, Store,
};

fn notice(subject: &str, ms: i64) -> NewNotice {
    NewNotice {
        flow: "told".to_owned(),
        rule: "ops".to_owned(),
        kind: NoticeKind::Failure,
        subject: subject.to_owned(),
        channel: Channel::Mail,
        target: "{}".to_owned(),
        run: None,
        message: "it failed".to_owned(),
        at: at(ms),
    }
}

fn ms(time: flow::Timestamp) -> i64 {
    (time.as_micros() - at(0).as_micros()) / 1000
}

/// One a line, newest first.
async fn shown(store: &dyn Store, filter: &NoticeFilter) -> String {
    let rows = store.notifications(filter, None, 100).await.expect("ok");
    let lines = rows.iter().map(|row| {
        let next = row.next_at.map(|next| format!(" next {}", ms(next)));
        let sent = row.sent_at.map(|sent| format!(" at {}", ms(sent)));
        let error = row.error.as_ref().map(|error| format!(" error {error}"));
        let rest: String = [next, sent, error].into_iter().flatten().collect();
        format!(
            "{} {:?} {:?} {:?}{rest} after {}\n",
            row.notice.subject, row.notice.kind, row.notice.channel, row.state, row.n_attempts
        )
    });
    lines.collect()
}

pub(super) async fn rules_follow_their_flows(store: &dyn Store) {
    let save = async |ms: i64, rules: &[(&str, &str)]| {
        let mut new = version("ruled", &format!("{rules:?}"), None);
        new.at = at(ms);
        let rule = |(name, spec): &(&str, &str)| NewRule {
            name: (*name).to_owned(),
            spec: (*spec).to_owned(),
        };
        new.rules = rules.iter().map(rule).collect();
        store.save_flow(new).await.expect("ok");
    };
    let rules = async || {
        let rows = store.notify_rules().await.expect("ok");
        rows.iter()
            .map(|row| {
                format!(
                    "{} {} since {} until {}\n",
                    row.name,
                    row.spec,
                    ms(row.since),
                    ms(row.judged_until)
                )
            })
            .collect::<String>()
    };
    save(10, &[("ops", "1"), ("boss", "2")]).await;
    assert_eq!(
        rules().await,
        "boss 2 since 10 until 10\nops 1 since 10 until 10\n"
    );
    store
        .judged("ruled", "ops", at(15), Vec::new())
        .await
        .expect("ok");
    store
        .judged("ruled", "ops", at(12), Vec::new())
        .await
        .expect("ok");
    store
        .judged("ruled", "gone", at(12), Vec::new())
        .await
        .expect("ok");
    save(20, &[("ops", "1"), ("boss", "3")]).await;
    assert_eq!(
        rules().await,
        "boss 3 since 20 until 20\nops 1 since 10 until 15\n"
    );
    save(30, &[("ops", "1")]).await;
    assert_eq!(rules().await, "ops 1 since 10 until 15\n");
    store.archive_flow("ruled").await.expect("ok");
    assert_eq!(rules().await, "");
    save(40, &[("ops", "1")]).await;
    assert_eq!(
        rules().await,
        "ops 1 since 40 until 40\n",
        "a flow that comes back is judged from then on"
    );
    store.archive_flow("ruled").await.expect("ok");
}

pub(super) async fn notifications_are_told_once(store: &dyn Store, epochs: &ShardEpochs) {
    let all = NoticeFilter::default();
    assert_eq!(shown(store, &all).await, "");
    let call = NewNotice {
        channel: Channel::Webhook,
        ..notice("a", 2)
    };
    store
        .judged("told", "ops", at(1), vec![notice("a", 1), call, notice("a", 3)])
        .await
        .expect("ok");
    let mut decision = run(9_000).of("told").decision();
    decision.notices = vec![notice("b", 4), notice("a", 4)];
    store.commit(epochs, vec![decision.clone()]).await.expect("ok");
    store
        .commit(epochs, vec![decision])
        .await
        .expect("it is out of step, and so are its notices");
    assert_eq!(
        shown(store, &all).await,
        "b Failure Mail Waiting next 4 after 0\na Failure Webhook Waiting next 2 after 0\na Failure Mail Waiting next 1 after 0\n"
    );
    let waiting = store.waiting_notifications(2).await.expect("ok");
    let ids: Vec<i64> = waiting.iter().map(|row| row.id).collect();
    assert_eq!(
        waiting
            .iter()
            .map(|row| ms(row.next_at.expect("it waits")))
            .collect::<Vec<_>>(),
        [1, 2]
    );
    let mark = |state, ms, error: Option<&str>| NoticeMark {
        state,
        at: at(ms),
        error: error.map(str::to_owned),
    };
    store
        .mark_notifications(ids.clone(), mark(NoticeState::Waiting, 50, Some("no line")))
        .await
        .expect("ok");
    store
        .mark_notifications(vec![ids[0]], mark(NoticeState::Sent, 60, None))
        .await
        .expect("ok");
    store
        .mark_notifications(vec![ids[1]], mark(NoticeState::Failed, 70, Some("never")))
        .await
        .expect("ok");
    store
        .mark_notifications(ids, mark(NoticeState::Waiting, 80, None))
        .await
        .expect("what is over stays over");
    assert_eq!(
        shown(store, &all).await,
        "b Failure Mail Waiting next 4 after 0\na Failure Webhook Failed error never after 2\na Failure Mail Sent at 60 after 2\n"
    );
    let filter = NoticeFilter {
        flow: Some("told".to_owned()),
        rule: Some("ops".to_owned()),
        kind: Some(NoticeKind::Failure),
        state: Some(NoticeState::Sent),
    };
    assert_eq!(shown(store, &filter).await, "a Failure Mail Sent at 60 after 2\n");
    let other = NoticeFilter {
        kind: Some(NoticeKind::Silence),
        ..NoticeFilter::default()
    };
    assert_eq!(shown(store, &other).await, "");
    let first = store.notifications(&all, None, 1).await.expect("ok").remove(0);
    let rest = store.notifications(&all, Some(first.id), 100).await.expect("ok");
    assert_eq!(rest.len(), 2);
    let b = store.waiting_notifications(9).await.expect("ok").remove(0).id;
    store
        .mark_notifications(vec![b], mark(NoticeState::Sent, 90, None))
        .await
        .expect("ok");
}
