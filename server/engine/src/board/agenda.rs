//! What is due in the next time, over all schedules.

use std::collections::BTreeMap;
use std::time::Duration;

use flow::Timestamp;
use flow::view::board::{AgendaView, DueView};

use crate::engine::Engine;
use crate::error::EngineResult;
use crate::schedules::{calendar_of, read_schedule};

/// Moments told of one schedule: one of each minute fits for an hour and a half.
const PER_SCHEDULE_MAX: usize = 100;

/// Moments told in all.
const MOMENTS_MAX: usize = 1_000;

/// Flows whose names are looked up: what is due first is read first, and a flow that nobody has started yet has to be compiled for it.
const NAMES_MAX: usize = 64;

impl Engine {
    /// What is due from now on for so long, of schedules that are not held, and what was missed.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn agenda(&self, ahead: Duration) -> EngineResult<AgendaView> {
        let now = self.clock().now();
        let until = now.plus(ahead);
        let (mut items, mut is_whole) = (Vec::new(), true);
        for row in self.parts.shared.store.schedules(None).await? {
            if row.is_paused {
                continue;
            }
            let Ok(calendar) = calendar_of(&read_schedule(&row)?) else {
                continue;
            };
            let due = |at: Timestamp, is_missed: bool, error: Option<String>| DueView {
                flow: row.flow.clone(),
                flow_name: row.flow.clone(),
                schedule: row.name.clone(),
                local: calendar.local(at),
                at,
                is_missed,
                error,
            };
            if let Some(error) = row.last_error.clone() {
                items.push(due(row.considered_at, true, Some(error)));
            }
            let mut after = now;
            for n in 0.. {
                let Some(fire) = calendar.next(after).filter(|fire| fire.at < until) else {
                    break;
                };
                if n == PER_SCHEDULE_MAX {
                    is_whole = false;
                    break;
                }
                items.push(due(fire.at, false, None));
                after = fire.at;
            }
        }
        items.sort_by(|one, other| {
            (one.at, &one.flow, &one.schedule).cmp(&(other.at, &other.flow, &other.schedule))
        });
        is_whole &= items.len() <= MOMENTS_MAX;
        items.truncate(MOMENTS_MAX);
        self.name(&mut items).await;
        Ok(AgendaView {
            since: now,
            until,
            items,
            is_whole,
        })
    }

    /// Puts the names of flows in place of their ids.
    async fn name(&self, items: &mut [DueView]) {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for due in items {
            if let Some(name) = names.get(&due.flow) {
                due.flow_name.clone_from(name);
            } else if names.len() < NAMES_MAX {
                // A flow that cannot be read has still its id.
                if let Ok(compiled) = self.parts.shared.flows.get(&due.flow, None).await {
                    due.flow_name = compiled.doc().title().to_owned();
                }
                names.insert(due.flow.clone(), due.flow_name.clone());
            }
        }
    }
}
