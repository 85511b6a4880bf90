//! What a simulation is about, and the random flows for it.

use flow::run::testing::FlowSeed;
use serde_json::{Value, json};

use super::dice::Dice;
use super::lanes::{FAR, NEAR};
use super::world::{World, block_on};
use crate::clock::Clock;
use crate::store::{NewVersion, References};

/// The flow that tasks of others start runs of.
const OTHER: &str = "other";

/// What there is beside runs of single flows whose work is done here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scene {
    /// Tasks that start runs of another flow.
    pub(super) children: bool,
    /// Limits on runs at work.
    pub(super) gates: bool,
    /// Queues with limits, and workers elsewhere.
    pub(super) queues: bool,
    /// Results that later tasks take.
    pub(super) kept: bool,
}

impl Scene {
    pub(super) fn roll(dice: &mut Dice) -> Self {
        Self {
            children: dice.one_in(2),
            gates: dice.one_in(2),
            queues: dice.one_in(2),
            kept: dice.one_in(3),
        }
    }

    /// The document with what the scene adds to it.
    fn furnish(self, dice: &mut Dice, seed: &FlowSeed, id: &str) -> Value {
        let mut document = serde_json::to_value(seed.doc()).expect("documents are JSON");
        document["flow"] = json!(id);
        // Which share of things a run takes. Nothing else depends on it.
        document["inputs"]["lane"] = json!({});
        document["outputs"] = json!({ "said": "{{ inputs.word }}" });
        if self.gates && dice.one_in(2) {
            let strategy = ["queue", "queue", "cancel_running", "skip"][dice.below(4)];
            document["concurrency"] = json!({ "limit": 1 + dice.below(2), "strategy": strategy });
            if dice.one_in(2) {
                document["concurrency"]["key"] = json!("{{ inputs.lane }}");
            }
        }
        for group in ["tasks", "finally", "on_failure"] {
            let tasks = document.get_mut(group).and_then(|tasks| tasks.as_object_mut());
            for (_, task) in tasks.into_iter().flatten() {
                if task["type"] == "work" {
                    self.furnish_work(dice, task);
                } else if task["type"] == "subflow" {
                    task["with"]["inputs"] =
                        json!({ "yes": true, "no": false, "word": "word", "lane": "{{ inputs.lane }}" });
                }
            }
        }
        document
    }

    fn furnish_work(self, dice: &mut Dice, task: &mut Value) {
        if dice.one_in(5) {
            task["retry"]["on_lost"] = json!("fail");
        }
        if self.queues {
            task["queue"] = json!([NEAR, NEAR, FAR, FAR, "default"][dice.below(5)]);
            task["priority"] = json!(dice.below(21) as i32 - 10);
            if dice.one_in(2) {
                task["queue_key"] = json!("{{ inputs.lane }}");
            }
        }
        if self.kept && dice.one_in(2) {
            task["cache"] = json!({ "ttl": (["2s", "1h"][dice.below(2)]) });
            if dice.one_in(2) {
                task["cache"]["key"] = json!("{{ inputs.lane }}");
            }
        }
    }
}

impl World {
    pub(super) fn save_flows(&mut self) {
        let scene = self.scene;
        for n in 0..1 + self.dice.below(2) {
            let id = format!("random-{n}");
            let seed = self.dice.flow(scene.children);
            let document = scene.furnish(&mut self.dice, &seed, &id);
            self.save_flow(id.clone(), &document);
            self.flows.push(id);
        }
        if scene.children {
            let mut seed = self.dice.flow(false);
            seed.main.truncate(3);
            seed.finally.truncate(1);
            let document = scene.furnish(&mut self.dice, &seed, OTHER);
            self.save_flow(OTHER.to_owned(), &document);
        }
    }

    pub(super) fn save_flow(&mut self, id: String, document: &Value) {
        self.tell(|| format!("flow {document}"));
        self.checker
            .add_flow(serde_json::from_value(document.clone()).expect("it is a flow"));
        let version = NewVersion {
            flow: id.clone(),
            name: id,
            description: None,
            n_tasks: 1,
            source: document.to_string(),
            format: "json".to_owned(),
            document: document.to_string(),
            at: self.clock.now(),
            actor: "sim".to_owned(),
            expected: None,
            redraws: None,
            schedules: Vec::new(),
            references: References::default(),
            rules: Vec::new(),
            follows: Vec::new(),
        };
        block_on(self.stores().store.save_flow(version)).expect("it can be saved");
    }
}
