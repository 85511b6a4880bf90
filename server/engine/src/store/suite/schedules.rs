//! Schedules: saved with their flows, marked, held.

use flow::RunId;

use super::drafts::{at, version};
use crate::store::{NewSchedule, ScheduleMark, Store};

/// The schedules of one flow, one a line: name, spec, from when on, and what else is to be said.
async fn shown(store: &dyn Store, flow: Option<&str>) -> String {
    let rows = store.schedules(flow).await.expect("ok");
    let line = |row: &crate::store::ScheduleRow| {
        let from = (row.considered_at.as_micros() - at(0).as_micros()) / 1_000;
        let last = row.last.map(|(_, run)| format!(" last {}", run.0));
        let error = row.last_error.as_ref().map(|error| format!(" error {error}"));
        let rest = last.into_iter().chain(error).collect::<String>();
        let why = row.pause_reason.as_ref().map(|why| format!(": {why}"));
        let held = match row.is_paused {
            true => format!(" held{}", why.unwrap_or_default()),
            false => why.unwrap_or_default(),
        };
        format!(
            "{} {} from {from} without {}{rest}{held}",
            row.name, row.spec, row.n_left_out
        )
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) async fn schedules_follow_their_flows(store: &dyn Store) {
    let save = async |second: i64, schedules: &[(&str, &str)]| {
        let mut new = version("by-the-clock", &format!("{schedules:?}"), None);
        new.at = at(second);
        new.schedules = schedules
            .iter()
            .map(|(name, spec)| NewSchedule {
                name: (*name).to_owned(),
                spec: (*spec).to_owned(),
            })
            .collect();
        store.save_flow(new).await.expect("ok");
        shown(store, Some("by-the-clock")).await
    };
    assert_eq!(
        save(100, &[("night", "1"), ("day", "2")]).await,
        "day 2 from 100 without 0\nnight 1 from 100 without 0"
    );
    let mark = |second: i64, last: Option<u128>, error: Option<&str>, n_left_out| ScheduleMark {
        considered_at: at(second),
        last: last.map(|run| (at(second), RunId(run))),
        last_error: error.map(str::to_owned),
        n_left_out,
    };
    for mark in [
        mark(110, Some(7), None, 2),
        mark(120, None, Some("no"), 1),
        mark(90, None, None, 0),
    ] {
        store
            .mark_schedule("by-the-clock", "day", mark)
            .await
            .expect("ok");
    }
    store
        .mark_schedule("by-the-clock", "gone", mark(1, None, None, 0))
        .await
        .expect("one that is gone is passed over");
    assert_eq!(
        shown(store, Some("by-the-clock")).await,
        "day 2 from 120 without 3 last 7\nnight 1 from 100 without 0",
        "what was considered stays considered"
    );
    assert_eq!(
        save(200, &[("day", "2"), ("night", "3"), ("noon", "4")]).await,
        "day 2 from 120 without 3 last 7\nnight 3 from 200 without 0\nnoon 4 from 200 without 0",
        "only what has changed begins anew"
    );
    assert_eq!(
        save(300, &[("day", "2")]).await,
        "day 2 from 120 without 3 last 7"
    );

    let pause = async |name: &str, hold: bool, second: i64| {
        store
            .pause_schedule("by-the-clock", name, hold, Some("rain"), at(second))
            .await
            .expect("ok")
    };
    assert!(!pause("noon", true, 310).await, "it is gone");
    assert!(pause("day", true, 310).await);
    assert_eq!(
        shown(store, Some("by-the-clock")).await,
        "day 2 from 120 without 3 last 7 held: rain"
    );
    assert!(pause("day", false, 400).await);
    assert!(pause("day", false, 500).await, "it is not held");
    assert_eq!(
        shown(store, Some("by-the-clock")).await,
        "day 2 from 400 without 3 last 7",
        "what was due while it was held is not made up for"
    );
    store.archive_flow("by-the-clock").await.expect("ok");
    assert_eq!(shown(store, None).await, "");
    assert_eq!(
        save(600, &[("day", "2")]).await,
        "day 2 from 600 without 3 last 7",
        "a flow that comes back goes on from then"
    );
    store.archive_flow("by-the-clock").await.expect("ok");
}
