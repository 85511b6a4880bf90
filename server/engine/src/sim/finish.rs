//! The end of a simulation: nothing fails any more, everybody helps, and everything must come to its end.

use std::time::Duration;

use flow::run::Command;
use flow::{Payload, RunId};
use serde_json::json;

use super::life::Life;
use super::world::World;
use crate::QueueLimits;
use crate::clock::Clock;

/// Steps at the end within which every run must have finished.
const FINISHING_STEPS_MAX: usize = 6_000;

impl World {
    /// From here on nothing fails any more, so everything must come to its end.
    pub(super) async fn finish(&mut self, life: &mut Life) {
        self.tell(|| "no more faults".to_owned());
        life.is_disk_full = false;
        life.gate.open();
        self.release_queues(life);
        for (key, flow) in self.open_starts.clone() {
            self.call_start(life, key, flow);
        }
        for _ in 0..FINISHING_STEPS_MAX {
            self.look(life).await;
            let is_over = self.open_starts.is_empty() && self.checker.unfinished().next().is_none();
            if is_over && self.is_nothing_left(life).await {
                return;
            }
            self.tally.n_steps += 1;
            self.help(life).await;
        }
        let stuck: Vec<String> = self
            .checker
            .unfinished()
            .map(|(run, watched)| format!("{run}\n{}", watched.story()))
            .collect();
        panic!(
            "not everything comes to its end: {:?} {:?} {stuck:#?}",
            self.open_starts,
            life.engine.parts.queues.show().await
        );
    }

    /// A queue that was held is so no more.
    fn release_queues(&self, life: &Life) {
        let all = self.lanes.lock().all();
        for (queue, limits) in all {
            if limits.max_running == Some(0) {
                let limits = QueueLimits {
                    max_running: Some(1),
                    ..limits
                };
                self.set_queue(life, &queue, limits);
            }
        }
    }

    /// No message is on its way, and nobody has a place in a queue or waits for one.
    async fn is_nothing_left(&self, life: &Life) -> bool {
        let outbox = life.store.outbox(None, 1).await.expect("the store is well");
        if !outbox.is_empty() || !self.scene.queues {
            return outbox.is_empty();
        }
        let standings = life.engine.parts.queues.show().await;
        let is_idle = standings
            .values()
            .all(|standing| standing.n_running == 0 && standing.n_waiting == 0);
        is_idle && !self.is_busy_elsewhere(life)
    }

    /// One thing that moves a run on: workers, then people, then time.
    async fn help(&mut self, life: &Life) {
        let mut is_helped = false;
        for _ in 0..8 {
            is_helped |= self.floor.lock().work(true);
            is_helped |= !self.floor.lock().mail.is_empty();
            self.deliver(life);
        }
        if self.scene.queues {
            is_helped |= self.work_well_elsewhere(life);
        }
        if is_helped {
            return;
        }
        let calls = self.answers();
        if calls.is_empty() {
            self.let_time_pass(life).await;
        }
        for (run, command) in calls {
            self.send(life, run, command);
        }
    }

    /// What people have to say to runs that wait for them.
    fn answers(&self) -> Vec<(RunId, Command)> {
        let mut calls = Vec::new();
        for (run, watched) in self.checker.unfinished() {
            if watched.state.is_paused() {
                calls.push((*run, Command::Resume));
                continue;
            }
            for (path, what) in watched.waiting() {
                let signal = |name: &str| Command::Signal {
                    name: name.into(),
                    payload: Payload::null(),
                };
                match &*what {
                    "approval" => calls.push((
                        *run,
                        Command::Approve {
                            path: path.as_str().into(),
                            approved: true,
                            values: json!({}),
                            comment: None,
                        },
                    )),
                    "signal" => ["one", "two"]
                        .into_iter()
                        .filter(|name| watched.state.signal(name).is_none())
                        .for_each(|name| calls.push((*run, signal(name)))),
                    _ => {}
                }
            }
        }
        calls
    }

    async fn let_time_pass(&mut self, life: &Life) {
        let armed = self.inspect(life).await.armed;
        let now = self.clock.now();
        let due = armed.into_values().min();
        let mut to = due.unwrap_or_else(|| now.plus(Duration::from_millis(500)));
        if self.scene.queues {
            // After a leap every lease begins anew: those of the dead would never be over.
            to = to.min(now.plus(Duration::from_secs(1)));
        }
        self.clock.set(to.max(now.plus(Duration::from_millis(1))));
    }
}
