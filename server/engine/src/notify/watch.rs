//! Who looks at the clock and finds what is late and who is silent.
//!
//! Nobody has to be told that a run began: one that begins after a look is late no sooner than that look plus the rule's length, and
//! by then there is another look.

use std::sync::Arc;
use std::time::Duration;

use flow::Timestamp;
use flow::doc::{NotifyDoc, ScheduleDoc};
use flow::view::RunStatus;
use tracing::warn;

use super::{About, Work, notices, wait};
use crate::engine::Engine;
use crate::error::EngineResult;
use crate::schedules::calendar::Calendar;
use crate::schedules::{calendar_of, key_of};
use crate::store::{NewNotice, NoticeFilter, NoticeKind, RuleRow, RunFilter, ScheduleRow};

/// How long after the store refused there is another look.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Unfinished runs of a flow that are looked at, and their pages.
const RUNS_PER_PAGE: usize = 500;
const PAGES_MAX: usize = 20;

/// Fires of a schedule judged at one look; the rest have their turn at the next.
const FIRES_PER_LOOK: usize = 500;

/// Succeeded runs among which the one that ended last is looked for: they come in the order of their beginnings.
const SUCCEEDED_LOOKED_AT: usize = 50;

const UNFINISHED: [RunStatus; 4] = [
    RunStatus::Queued,
    RunStatus::Running,
    RunStatus::Paused,
    RunStatus::Ending,
];

pub(super) fn work(engine: &Engine) -> Work {
    let parts = Arc::downgrade(&engine.parts);
    let bells = Arc::clone(&engine.parts.shared.bells);
    Box::pin(async move {
        let mut desk = Desk::default();
        loop {
            let Some(engine) = Engine::alive(&parts) else {
                return;
            };
            let due = match desk.turn(&engine).await {
                Ok(()) => desk.next_look(),
                Err(error) => {
                    warn!("Judging the rules of `notify` has to wait: {error}");
                    desk.reread();
                    Some(engine.clock().now().plus(AFTER_FAILURE))
                }
            };
            let clock = Arc::clone(engine.clock());
            drop(engine);
            if wait(&bells.changed, clock, due).await {
                desk.reread();
            }
        }
    })
}

/// The rules as they were last read.
pub(super) struct Desk {
    rules: Vec<Rule>,
    is_stale: bool,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            is_stale: true,
        }
    }
}

struct Rule {
    row: RuleRow,
    doc: NotifyDoc,
    /// What `late` is about, if it is about a schedule.
    schedule: Option<(String, Calendar)>,
    /// When there is something to look for again.
    look_at: Option<Timestamp>,
}

impl Desk {
    /// Rules have changed since they were read.
    pub(super) fn reread(&mut self) {
        self.is_stale = true;
    }

    pub(super) fn next_look(&self) -> Option<Timestamp> {
        self.rules.iter().filter_map(|rule| rule.look_at).min()
    }

    /// Judges what has to be judged now.
    pub(super) async fn turn(&mut self, engine: &Engine) -> EngineResult<()> {
        let now = engine.clock().now();
        if std::mem::take(&mut self.is_stale) {
            let store = &engine.parts.shared.store;
            let schedules = store.schedules(None).await?;
            let rows = store.notify_rules().await?;
            self.rules = rows
                .into_iter()
                .filter_map(|row| Rule::new(row, &schedules, now))
                .collect();
        }
        for rule in &mut self.rules {
            if rule.look_at.is_some_and(|at| at <= now) {
                rule.look(engine, now).await?;
            }
        }
        Ok(())
    }
}

impl Rule {
    fn new(row: RuleRow, schedules: &[ScheduleRow], now: Timestamp) -> Option<Self> {
        let doc: NotifyDoc = match serde_json::from_str(&row.spec) {
            Ok(doc) => doc,
            Err(error) => {
                warn!("Rule {} of {} cannot be followed: {error}", row.name, row.flow);
                return None;
            }
        };
        let schedule = doc.schedule.as_ref().and_then(|name| {
            let of_rule = |schedule: &&ScheduleRow| {
                schedule.flow == row.flow && schedule.name == *name && !schedule.is_paused
            };
            let found = schedules.iter().find(of_rule)?;
            let schedule: ScheduleDoc = serde_json::from_str(&found.spec).ok()?;
            Some((name.clone(), calendar_of(&schedule).ok()?))
        });
        let looks_by_the_clock = doc.late.is_some() || doc.silence.is_some();
        Some(Self {
            row,
            doc,
            schedule,
            look_at: looks_by_the_clock.then_some(now),
        })
    }

    async fn look(&mut self, engine: &Engine, now: Timestamp) -> EngineResult<()> {
        let mut found = Vec::new();
        let mut until = self.row.judged_until;
        let mut next: Vec<Timestamp> = Vec::new();
        if let Some(late) = self.doc.late {
            let late = late.as_duration();
            match (&self.doc.schedule, &self.schedule) {
                (None, _) => next.push(self.late_runs(engine, (now, late), &mut found).await?),
                (Some(_), Some(_)) => {
                    let (judged, at) = self.late_fires(engine, (now, late), &mut found).await?;
                    until = judged;
                    next.extend(at);
                }
                // It is held: what would be due meanwhile is not missed.
                (Some(_), None) => until = now,
            }
        }
        if let Some(silence) = self.doc.silence {
            next.push(
                self.silence(engine, (now, silence.as_duration()), &mut found)
                    .await?,
            );
        }
        let told: Vec<NewNotice> = found
            .iter()
            .flat_map(|about| notices((&self.row.flow, &self.row.name, &self.doc), about))
            .collect();
        if !told.is_empty() || until > self.row.judged_until {
            let is_something = !told.is_empty();
            let store = &engine.parts.shared.store;
            store.judged(&self.row.flow, &self.row.name, until, told).await?;
            self.row.judged_until = until;
            if is_something {
                engine.parts.shared.bells.to_send.notify_one();
            }
        }
        self.look_at = next.into_iter().min();
        Ok(())
    }

    /// Runs that are at work for too long; answers when the next one may be.
    async fn late_runs(
        &self,
        engine: &Engine,
        (now, late): (Timestamp, Duration),
        found: &mut Vec<About>,
    ) -> EngineResult<Timestamp> {
        let filter = RunFilter {
            flow: Some(self.row.flow.clone()),
            states: UNFINISHED.to_vec(),
            ..RunFilter::default()
        };
        let mut next = now.plus(late);
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let page = engine
                .parts
                .shared
                .store
                .runs(&filter, cursor.as_deref(), RUNS_PER_PAGE)
                .await?;
            for run in page.items {
                let due = run.created_at.plus(late);
                if due > now {
                    next = next.min(due);
                    continue;
                }
                found.push(About {
                    kind: NoticeKind::Late,
                    subject: run.id.to_string(),
                    run: Some(run.id),
                    message: format!(
                        "run {} of {} is not finished {} after it was accepted",
                        run.id,
                        run.flow,
                        human(late)
                    ),
                    at: now,
                });
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(next)
    }

    /// Fires whose run is not finished in time, or never began; answers up to which moment fires have been judged, and when the next one
    /// has to be.
    async fn late_fires(
        &self,
        engine: &Engine,
        (now, late): (Timestamp, Duration),
        found: &mut Vec<About>,
    ) -> EngineResult<(Timestamp, Option<Timestamp>)> {
        let mut until = self.row.judged_until;
        let Some((name, calendar)) = &self.schedule else {
            return Ok((until, None));
        };
        let store = &engine.parts.shared.store;
        for _ in 0..FIRES_PER_LOOK {
            let Some(fire) = calendar.next(until) else {
                return Ok((until, None));
            };
            let due = fire.at.plus(late);
            if due > now {
                return Ok((until, Some(due)));
            }
            until = fire.at;
            let run = store
                .run_by_key(&self.row.flow, &key_of(name, fire.at))
                .await?
                .map(|(run, _)| run);
            let state = match run {
                Some(run) => store.run(run).await?.map(|row| row.summary.state),
                None => None,
            };
            if state.is_some_and(RunStatus::is_final) {
                continue;
            }
            let what = if run.is_some() {
                "is not finished"
            } else {
                "has not begun"
            };
            found.push(About {
                kind: NoticeKind::Late,
                subject: format!("{name} {}", fire.at),
                run,
                message: format!(
                    "the run of {} that schedule {name} was to start at {} {what} {} later",
                    self.row.flow,
                    fire.at,
                    human(late)
                ),
                at: now,
            });
        }
        Ok((until, Some(now)))
    }

    /// Whether no run has succeeded for too long; answers when that may be next.
    async fn silence(
        &self,
        engine: &Engine,
        (now, silence): (Timestamp, Duration),
        found: &mut Vec<About>,
    ) -> EngineResult<Timestamp> {
        let store = &engine.parts.shared.store;
        let filter = RunFilter {
            flow: Some(self.row.flow.clone()),
            states: vec![RunStatus::Succeeded],
            ..RunFilter::default()
        };
        let succeeded = store.runs(&filter, None, SUCCEEDED_LOOKED_AT).await?;
        let last = succeeded.items.iter().filter_map(|run| run.finished_at).max();
        let heard_at = last.map_or(self.row.since, |last| last.max(self.row.since));
        let due = heard_at.plus(silence);
        if due > now {
            return Ok(due);
        }
        let told = NoticeFilter {
            flow: Some(self.row.flow.clone()),
            rule: Some(self.row.name.clone()),
            kind: Some(NoticeKind::Silence),
            state: None,
        };
        let told = store.notifications(&told, None, 1).await?;
        // One silence is told once, however long it lasts, also when the run before it is no longer kept.
        if told.iter().all(|row| row.notice.at <= heard_at) {
            let since = match last {
                Some(last) => format!("the last one ended at {last}"),
                None => "there is none".to_owned(),
            };
            found.push(About {
                kind: NoticeKind::Silence,
                subject: heard_at.to_string(),
                run: None,
                message: format!(
                    "no run of {} has succeeded for {}: {since}",
                    self.row.flow,
                    human(silence)
                ),
                at: now,
            });
        }
        Ok(now.plus(silence))
    }
}

fn human(length: Duration) -> flow::HumanDuration {
    flow::HumanDuration::from_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}
