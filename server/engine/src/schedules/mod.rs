//! Standing orders: flows that start by the clock.
//!
//! A schedule's fires are computed, never stored: what is stored is up to which moment they have been dealt with. A fire starts its
//! run by an idempotency key made of the schedule's name and the fire's moment, so a server that dies between starting the run and
//! noting it starts none twice.

pub mod calendar;
mod clerk;
mod doors;
#[cfg(test)]
mod tests;

use std::time::Duration;

use flow::Timestamp;
use flow::doc::ScheduleDoc;
use sha2::{Digest, Sha256};

use self::calendar::{BadSchedule, Calendar};
pub(crate) use self::clerk::{Clerk, start};
pub(crate) use self::doors::read as read_schedule;
use crate::store::ScheduleRow;

/// Runs that one backfill starts at most.
pub const BACKFILL_RUNS_MAX: usize = 1_000;

/// Fires that a preview shows at most.
pub const PREVIEW_MAX: usize = 100;

/// A calendar for a schedule.
///
/// # Errors
/// [`BadSchedule`].
pub fn calendar_of(doc: &ScheduleDoc) -> Result<Calendar, BadSchedule> {
    Calendar::new(&doc.cron, zone_of(doc), doc.missing, doc.doubled)
}

fn zone_of(doc: &ScheduleDoc) -> &str {
    doc.timezone.as_deref().unwrap_or("UTC")
}

/// The key by which a fire's run is started once.
pub(crate) fn key_of(name: &str, at: Timestamp) -> String {
    format!("schedule {name} {at}")
}

/// How much later than due a fire comes: any share of the jitter, the same whenever it is asked.
fn jitter_of(row: &ScheduleRow, doc: &ScheduleDoc, at: Timestamp) -> Duration {
    let Some(most) = doc.jitter else {
        return Duration::ZERO;
    };
    let digest = Sha256::digest(format!("{} {} {at}", row.flow, row.name).as_bytes());
    let mut first = [0; 4];
    first.copy_from_slice(&digest[..4]);
    most.as_duration()
        .mul_f64(f64::from(u32::from_be_bytes(first)) / f64::from(u32::MAX))
}
