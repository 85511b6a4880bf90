//! What may be asked about schedules.

use std::sync::Arc;

use flow::doc::ScheduleDoc;
use flow::expr::Scope;
use flow::view::{FireView, ScheduleView};
use flow::{Problem, RunId, Timestamp};
use serde_json::json;

use super::calendar::{Calendar, Fire, Oddity};
use super::{BACKFILL_RUNS_MAX, PREVIEW_MAX, calendar_of, key_of, zone_of};
use crate::engine::{Engine, StartRun};
use crate::error::{EngineError, EngineResult};
use crate::store::ScheduleRow;

impl Engine {
    /// The schedules of one flow, or of all flows that are not archived.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn schedules(&self, flow: Option<&str>) -> EngineResult<Vec<ScheduleView>> {
        let rows = self.parts.shared.store.schedules(flow).await?;
        let now = self.clock().now();
        rows.into_iter().map(|row| view(row, now)).collect()
    }

    /// The next fires of a schedule, as if it were not held.
    ///
    /// # Errors
    /// [`EngineError::UnknownSchedule`].
    pub async fn upcoming(&self, flow: &str, name: &str, n: usize) -> EngineResult<Vec<FireView>> {
        let (row, doc) = self.schedule(flow, name).await?;
        preview(&doc, row.considered_at.max(self.clock().now()), n)
    }

    /// The next fires of a schedule that is not saved.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if it cannot be.
    pub fn preview_schedule(&self, doc: &ScheduleDoc, n: usize) -> EngineResult<Vec<FireView>> {
        preview(doc, self.clock().now(), n)
    }

    /// Holds a schedule, for a reason, or lets it go on from now: what was due meanwhile is not made up for.
    ///
    /// # Errors
    /// [`EngineError::UnknownSchedule`].
    pub async fn pause_schedule(
        &self,
        flow: &str,
        name: &str,
        is_paused: bool,
        reason: Option<&str>,
    ) -> EngineResult<()> {
        let now = self.clock().now();
        let store = &self.parts.shared.store;
        let found = store.pause_schedule(flow, name, is_paused, reason, now).await?;
        self.parts.clerk.look();
        self.parts.shared.bells.look();
        if found { Ok(()) } else { Err(unknown(flow, name)) }
    }

    /// Starts the runs that a schedule would have started from one moment up to another, those that it did start left out; answers
    /// all its fires in that time with their runs. A dry run starts none.
    ///
    /// # Errors
    /// [`EngineError::UnknownSchedule`]; [`EngineError::BadRequest`] if there are too many.
    pub async fn backfill(
        &self,
        flow: &str,
        name: &str,
        range: std::ops::Range<Timestamp>,
        is_dry: bool,
    ) -> EngineResult<Vec<FireView>> {
        let (_, doc) = self.schedule(flow, name).await?;
        let calendar = calendar(&doc)?;
        // Fires come after a moment, and the first one may be the range's start itself.
        let mut from = Timestamp::from_micros(range.start.as_micros() - 1);
        let mut fires = Vec::new();
        while let Some(fire) = calendar.next(from).filter(|fire| fire.at < range.end) {
            if fires.len() == BACKFILL_RUNS_MAX {
                return Err(EngineError::BadRequest(format!(
                    "more than {BACKFILL_RUNS_MAX} runs would be started; choose a shorter time"
                )));
            }
            fires.push(fire);
            from = fire.at;
        }
        let mut views = Vec::with_capacity(fires.len());
        for fire in fires {
            let run = if is_dry {
                let key = key_of(name, fire.at);
                let store = &self.parts.shared.store;
                store.run_by_key(flow, &key).await?.map(|(run, _)| run)
            } else {
                match self.start_scheduled(flow, name, fire.at).await {
                    Ok(run) | Err(EngineError::KeyReused(run)) => Some(run),
                    Err(error) => return Err(error),
                }
            };
            views.push(FireView {
                run,
                ..fire_view(&calendar, fire)
            });
        }
        Ok(views)
    }

    /// Starts a run as a schedule would if it were due now, whether it is held or not. When it is due next stays the same.
    ///
    /// # Errors
    /// [`EngineError::UnknownSchedule`], and those of [`Engine::start_run`].
    pub async fn run_schedule(&self, flow: &str, name: &str, actor: &str) -> EngineResult<RunId> {
        self.schedule(flow, name).await?;
        let start = StartRun {
            trigger: format!("schedule {name}, by hand"),
            actor: actor.to_owned(),
            ..StartRun::of(flow)
        };
        self.start_as_due(name, self.clock().now(), start).await
    }

    /// Starts the run of a fire, or finds it.
    pub(super) async fn start_scheduled(&self, flow: &str, name: &str, at: Timestamp) -> EngineResult<RunId> {
        let start = StartRun {
            idempotency_key: Some(key_of(name, at)),
            trigger: format!("schedule {name}"),
            actor: "schedule".to_owned(),
            ..StartRun::of(flow)
        };
        self.start_as_due(name, at, start).await
    }

    /// Starts a run with the inputs that a schedule gives its runs at a moment.
    async fn start_as_due(&self, name: &str, at: Timestamp, start: StartRun) -> EngineResult<RunId> {
        let flow = &start.flow;
        let compiled = self.parts.shared.flows.to_start(flow, None).await?;
        let inputs = compiled
            .program
            .schedule(name)
            .ok_or_else(|| unknown(flow, name))?;
        let facts = Arc::new(json!({ "at": at.to_string(), "name": name }));
        let scope = Scope::of_trigger(facts);
        let scope = self.parts.variables.seen_with(scope, &compiled.program).await?;
        let inputs = inputs.render(&compiled.program, &scope).map_err(|error| {
            EngineError::Invalid(vec![
                Problem::error("expression", error.to_string()).at(format!("schedules.{name}.inputs")),
            ])
        })?;
        self.start_run(StartRun {
            version: Some(compiled.version),
            inputs,
            ..start
        })
        .await
    }

    async fn schedule(&self, flow: &str, name: &str) -> EngineResult<(ScheduleRow, ScheduleDoc)> {
        let rows = self.parts.shared.store.schedules(Some(flow)).await?;
        let row = rows
            .into_iter()
            .find(|row| row.name == name)
            .ok_or_else(|| unknown(flow, name))?;
        let doc = read(&row)?;
        Ok((row, doc))
    }
}

fn unknown(flow: &str, name: &str) -> EngineError {
    EngineError::UnknownSchedule {
        flow: flow.to_owned(),
        name: name.to_owned(),
    }
}

pub(crate) fn read(row: &ScheduleRow) -> EngineResult<ScheduleDoc> {
    serde_json::from_str(&row.spec).map_err(|error| {
        EngineError::Unavailable(format!(
            "schedule {} of {} cannot be read: {error}",
            row.name, row.flow
        ))
    })
}

fn calendar(doc: &ScheduleDoc) -> EngineResult<Calendar> {
    calendar_of(doc)
        .map_err(|error| EngineError::Invalid(vec![Problem::error("bad_schedule", error.to_string())]))
}

fn preview(doc: &ScheduleDoc, after: Timestamp, n: usize) -> EngineResult<Vec<FireView>> {
    let calendar = calendar(doc)?;
    let fires = calendar.upcoming(after, n.min(PREVIEW_MAX));
    Ok(fires.into_iter().map(|fire| fire_view(&calendar, fire)).collect())
}

fn fire_view(calendar: &Calendar, fire: Fire) -> FireView {
    FireView {
        at: fire.at,
        local: calendar.local(fire.at),
        oddity: fire.oddity.map(|oddity| {
            match oddity {
                Oddity::Moved => "moved",
                Oddity::First => "first",
                Oddity::Second => "second",
            }
            .to_owned()
        }),
        run: None,
    }
}

fn view(row: ScheduleRow, now: Timestamp) -> EngineResult<ScheduleView> {
    let doc = read(&row)?;
    let next = match row.is_paused {
        true => None,
        false => preview(&doc, row.considered_at.max(now), 1)?.pop(),
    };
    Ok(ScheduleView {
        timezone: zone_of(&doc).to_owned(),
        cron: doc.cron,
        next,
        last_at: row.last.map(|(at, _)| at),
        last_run: row.last.map(|(_, run)| run),
        flow: row.flow,
        name: row.name,
        is_paused: row.is_paused,
        pause_reason: row.pause_reason,
        last_error: row.last_error,
        n_left_out: row.n_left_out,
    })
}
