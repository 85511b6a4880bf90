//! What schedules start, on a clock moved by hand.

use std::sync::Arc;

use expect_test::{Expect, expect};
use flow::Timestamp;
use flow::parse::Format;

use super::clerk::Desk;
use crate::clock::ManualClock;
use crate::store::RunFilter;
use crate::{Engine, EngineError, SaveFlow};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// An engine whose schedules are seen to by the test.
struct Office {
    engine: Engine,
    clock: Arc<ManualClock>,
    desk: Desk,
}

impl Office {
    async fn open(now: &str) -> Self {
        let clock = Arc::new(ManualClock::new(time(now)));
        let engine = Engine::builder()
            .in_memory()
            .clock(clock.clone())
            .start()
            .await
            .expect("it starts");
        engine.parts.clerk.stop();
        Self {
            engine,
            clock,
            desk: Desk::default(),
        }
    }

    async fn save(&mut self, schedule: &str) {
        let source = format!(
            "flow: report\ninputs: {{ day: {{ type: string, default: none }} }}\ntasks: {{ wait: {{ type: delay, with: {{ for: 90m }} }} }}\nschedules: {{ clock: {{ {schedule} }} }}\n"
        );
        let save = SaveFlow {
            source: source.into(),
            format: Format::Yaml,
            id: None,
            expected: None,
            actor: "test".to_owned(),
        };
        self.engine.save_flow(save).await.expect("it is valid");
        self.desk.reread();
        self.look().await;
    }

    async fn look(&mut self) {
        self.desk.turn(&self.engine).await.expect("the store is well");
    }

    async fn at(&mut self, now: &str) {
        self.clock.set(time(now));
        self.look().await;
    }

    /// What has been started, by inputs, and how the schedule stands.
    async fn check(&self, expected: Expect) {
        let runs = self
            .engine
            .runs(&RunFilter::default(), None, 100)
            .await
            .expect("ok");
        let mut lines = Vec::new();
        for summary in &runs.items {
            let run = self.engine.run(summary.id).await.expect("it is there");
            lines.push(format!("{} by {}\n", run.inputs, summary.trigger));
        }
        // Those made up for at one moment have no order among themselves.
        lines.sort();
        let mut text = lines.concat();
        let view = self.engine.schedules(None).await.expect("ok").remove(0);
        let shown = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        text.push_str(&format!(
            "last {} next {} without {}{}\n",
            shown(view.last_at),
            shown(view.next.map(|fire| fire.at)),
            view.n_left_out,
            view.last_error
                .map_or(String::new(), |error| format!(" error {error}")),
        ));
        expected.assert_eq(&text);
    }
}

const HOURLY: &str = "cron: '0 * * * *', inputs: { day: '{{ trigger.at }}' }";

#[tokio::test]
async fn a_run_starts_when_it_is_due_and_once() {
    let mut office = Office::open("2026-05-01T10:30:00Z").await;
    office.save(HOURLY).await;
    office.at("2026-05-01T10:59:59Z").await;
    office
        .check(expect![[r#"
        last never next 2026-05-01T11:00:00Z without 0
    "#]])
        .await;
    office.at("2026-05-01T11:00:00Z").await;
    office.look().await;
    // Read again, as after a crash before the fire was noted.
    office.desk.reread();
    office.at("2026-05-01T12:00:30Z").await;
    office
        .check(expect![[r#"
        {"day":"2026-05-01T11:00:00Z"} by schedule clock
        {"day":"2026-05-01T12:00:00Z"} by schedule clock
        last 2026-05-01T12:00:00Z next 2026-05-01T13:00:00Z without 0
    "#]])
        .await;
}

/// What a schedule has started when nobody was at work between its save and a later moment.
async fn check_absence(schedule: &str, (from, until): (&str, &str), expected: Expect) {
    let mut office = Office::open(from).await;
    office.save(schedule).await;
    office.at(until).await;
    office.check(expected).await;
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_as_wanted() {
    for (missed, expected) in [
        (
            "skip",
            expect![[r#"
            last never next 2026-05-01T15:00:00Z without 4
        "#]],
        ),
        (
            "one",
            expect![[r#"
                {"day":"2026-05-01T14:00:00Z"} by schedule clock
                last 2026-05-01T14:00:00Z next 2026-05-01T15:00:00Z without 3
            "#]],
        ),
        (
            "all",
            expect![[r#"
                {"day":"2026-05-01T11:00:00Z"} by schedule clock
                {"day":"2026-05-01T12:00:00Z"} by schedule clock
                {"day":"2026-05-01T13:00:00Z"} by schedule clock
                {"day":"2026-05-01T14:00:00Z"} by schedule clock
                last 2026-05-01T14:00:00Z next 2026-05-01T15:00:00Z without 0
            "#]],
        ),
    ] {
        check_absence(
            &format!("{HOURLY}, missed: {missed}"),
            ("2026-05-01T10:30:00Z", "2026-05-01T14:20:00Z"),
            expected,
        )
        .await;
    }
    let mut office = Office::open("2026-05-01T10:30:00Z").await;
    office.save("cron: '* * * * * *', missed: all").await;
    office.at("2026-05-01T11:30:00Z").await;
    let view = office.engine.schedules(None).await.expect("ok").remove(0);
    let started = office
        .engine
        .counters()
        .runs_started
        .load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(
        (started, view.n_left_out),
        (100 + 3, 3600 - 100 - 3),
        "a hundred, and those in time"
    );
}

/// A short absence is one too: all but the newest were missed.
#[tokio::test]
async fn those_missed_in_a_minute_are_missed() {
    for (missed, expected) in [
        (
            "skip",
            expect![[r#"
            {"day":"none"} by schedule clock
            last 2026-05-01T10:30:40Z next 2026-05-01T10:30:50Z without 3
        "#]],
        ),
        (
            "one",
            expect![[r#"
            {"day":"none"} by schedule clock
            last 2026-05-01T10:30:40Z next 2026-05-01T10:30:50Z without 3
        "#]],
        ),
        (
            "all",
            expect![[r#"
            {"day":"none"} by schedule clock
            {"day":"none"} by schedule clock
            {"day":"none"} by schedule clock
            {"day":"none"} by schedule clock
            last 2026-05-01T10:30:40Z next 2026-05-01T10:30:50Z without 0
        "#]],
        ),
    ] {
        check_absence(
            &format!("cron: '*/10 * * * * *', missed: {missed}"),
            ("2026-05-01T10:30:01Z", "2026-05-01T10:30:44Z"),
            expected,
        )
        .await;
    }
}

#[tokio::test]
async fn a_fire_is_left_out_while_the_run_before_is_at_work() {
    let mut office = Office::open("2026-05-01T10:30:00Z").await;
    office.save(&format!("{HOURLY}, overlap: skip")).await;
    for hour in 11..15 {
        office.at(&format!("2026-05-01T{hour}:00:00Z")).await;
        if hour == 12 {
            // The run of eleven ends before that of one is due.
            office.clock.set(time("2026-05-01T12:30:00Z"));
            let runs = office
                .engine
                .runs(&RunFilter::default(), None, 1)
                .await
                .expect("ok");
            let ended = office
                .engine
                .wait(runs.items[0].id, std::time::Duration::from_secs(30))
                .await;
            assert!(ended.expect("ok").is_some());
        }
    }
    office
        .check(expect![[r#"
        {"day":"2026-05-01T11:00:00Z"} by schedule clock
        {"day":"2026-05-01T13:00:00Z"} by schedule clock
        last 2026-05-01T13:00:00Z next 2026-05-01T15:00:00Z without 2
    "#]])
        .await;
}

#[tokio::test]
async fn a_schedule_is_held_and_goes_on_from_then() {
    let mut office = Office::open("2026-05-01T10:30:00Z").await;
    office.save(HOURLY).await;
    office
        .engine
        .pause_schedule("report", "clock", true, None)
        .await
        .expect("it is there");
    office.desk.reread();
    office.at("2026-05-01T13:30:00Z").await;
    office
        .check(expect![[r#"
        last never next never without 0
    "#]])
        .await;
    office
        .engine
        .pause_schedule("report", "clock", false, None)
        .await
        .expect("it is there");
    office.desk.reread();
    office.at("2026-05-01T14:00:10Z").await;
    office
        .check(expect![[r#"
        {"day":"2026-05-01T14:00:00Z"} by schedule clock
        last 2026-05-01T14:00:00Z next 2026-05-01T15:00:00Z without 0
    "#]])
        .await;
    let gone = office.engine.pause_schedule("report", "gone", true, None).await;
    assert!(matches!(gone, Err(EngineError::UnknownSchedule { .. })));
}

#[tokio::test]
async fn a_start_that_cannot_be_is_told_and_does_not_stop_the_schedule() {
    let mut office = Office::open("2026-05-01T10:30:00Z").await;
    office
        .save("cron: '0 * * * *', inputs: { day: '{{ trigger.at[:2] | int / 0 }}' }")
        .await;
    office.at("2026-05-01T11:00:00Z").await;
    office.check(expect![[r#"
        last never next 2026-05-01T12:00:00Z without 0 error Unable to calculate 20 / 0. In `{{ trigger.at[:2] | int / 0 }}` (schedules.clock.inputs.day)
    "#]]).await;
    office.save(HOURLY).await;
    office.at("2026-05-01T12:00:00Z").await;
    office
        .check(expect![[r#"
        {"day":"2026-05-01T12:00:00Z"} by schedule clock
        last 2026-05-01T12:00:00Z next 2026-05-01T13:00:00Z without 0
    "#]])
        .await;
}

#[tokio::test]
async fn jitter_is_the_same_each_time_and_within_its_bound() {
    let mut office = Office::open("2026-05-01T10:30:00Z").await;
    office.save(&format!("{HOURLY}, jitter: 30m")).await;
    office.at("2026-05-01T11:00:00Z").await;
    office
        .check(expect![[r#"
        last never next 2026-05-01T12:00:00Z without 0
    "#]])
        .await;
    office.at("2026-05-01T11:30:00Z").await;
    office
        .check(expect![[r#"
        {"day":"2026-05-01T11:00:00Z"} by schedule clock
        last 2026-05-01T11:00:00Z next 2026-05-01T12:00:00Z without 0
    "#]])
        .await;
}

#[tokio::test]
async fn a_past_range_is_filled_once() {
    let mut office = Office::open("2026-05-01T10:30:00Z").await;
    office.save(HOURLY).await;
    office.at("2026-05-01T12:00:00Z").await;
    let range = time("2026-05-01T09:00:00Z")..time("2026-05-01T12:00:00Z");
    for is_dry in [true, false, false] {
        let fires = office
            .engine
            .backfill("report", "clock", range.clone(), is_dry)
            .await
            .expect("ok");
        let n_runs = fires.iter().filter(|fire| fire.run.is_some()).count();
        assert_eq!((fires.len(), n_runs), if is_dry { (3, 0) } else { (3, 3) });
    }
    office
        .check(expect![[r#"
            {"day":"2026-05-01T09:00:00Z"} by schedule clock
            {"day":"2026-05-01T10:00:00Z"} by schedule clock
            {"day":"2026-05-01T11:00:00Z"} by schedule clock
            {"day":"2026-05-01T12:00:00Z"} by schedule clock
            last 2026-05-01T12:00:00Z next 2026-05-01T13:00:00Z without 1
        "#]])
        .await;
    let long = time("2020-05-01T09:00:00Z")..time("2026-05-01T12:00:00Z");
    let refused = office.engine.backfill("report", "clock", long, true).await;
    assert!(matches!(refused, Err(EngineError::BadRequest(_))), "{refused:?}");
}
