//! Random flows from random numbers. The expressions in them are few, so that the naive [`super::oracle`] knows what each of them gives
//! for the inputs `{"yes": true, "no": false, "word": "word"}`.

use serde_json::{Value, json};

use crate::doc::FlowDoc;
use crate::plan::waiting_cases;

/// One task to be: the numbers are taken modulo what there is to choose from.
#[derive(Clone, Debug)]
pub struct TaskSeed {
    /// What it does.
    pub kind: u8,
    /// Its edges: from where, what they name, whether they handle and on what condition.
    pub needs: Vec<(u8, u8, u8)>,
    /// How they are joined.
    pub join: u8,
    /// Its own condition.
    pub when: u8,
    /// Retry, timeouts, undo.
    pub extras: u8,
    /// Items or iterations.
    pub spread: u8,
}

/// A flow to be.
#[derive(Clone, Debug)]
pub struct FlowSeed {
    /// The tasks.
    pub main: Vec<TaskSeed>,
    /// Those of `finally`.
    pub finally: Vec<TaskSeed>,
    /// Those of `on_failure`.
    pub on_failure: Vec<TaskSeed>,
    /// `fail_fast`, timeouts.
    pub extras: u8,
}

impl FlowSeed {
    /// The flow; of the numbers every one makes a valid one.
    #[must_use]
    pub fn doc(&self) -> FlowDoc {
        let mut flow = json!({
            "flow": "random",
            "inputs": {"yes": {}, "no": {}, "word": {}},
            "tasks": group(&self.main, "m", true),
            "finally": group(&self.finally, "f", false),
            "on_failure": group(&self.on_failure, "o", false),
            "fail_fast": self.extras & 1 == 1,
        });
        if self.extras & 6 == 6 {
            flow["timeout"] = json!("40s");
        }
        if self.extras & 24 == 24 {
            flow["ending_timeout"] = json!("15s");
        }
        serde_json::from_value(flow).expect("a flow")
    }
}

fn group(seeds: &[TaskSeed], prefix: &str, is_main: bool) -> Value {
    let tasks = seeds
        .iter()
        .enumerate()
        .map(|(ix, seed)| (format!("{prefix}{ix}"), task(seeds, ix, seed, prefix, is_main)));
    Value::Object(tasks.collect())
}

fn task(seeds: &[TaskSeed], ix: usize, seed: &TaskSeed, prefix: &str, is_main: bool) -> Value {
    let (task_type, with) = match kind(seed) {
        "delay" => ("delay", json!({"for": "3s"})),
        "wait" => (
            "wait",
            json!({"when": "{{ now >= '2026-01-01T00:00:07Z' }}", "poll": "3s"}),
        ),
        "subflow" => (
            "subflow",
            json!({"flow": "other", "wait": !seed.extras.is_multiple_of(4)}),
        ),
        "signal" => (
            "signal",
            json!({"name": (["one", "two"][usize::from(seed.extras % 2)])}),
        ),
        "switch" => (
            "switch",
            json!({"cases": {"left": "{{ inputs.no }}", "right": "{{ inputs.yes }}"}}),
        ),
        "lost switch" => ("switch", json!({"cases": {"left": "{{ inputs.no }}"}})),
        "bad work" => ("work", json!({"x": "{{ inputs.word.x }}"})),
        "transform" => ("transform", json!({"value": "{{ inputs.word }}"})),
        plain => (plain, json!({})),
    };
    let needs: Vec<Value> = seed
        .needs
        .iter()
        .filter(|_| ix > 0)
        .map(|need| edge(seeds, ix, *need, prefix))
        .collect();
    let join = ["all", "any", "settled"][usize::from(seed.join % 3)];
    let mut task = json!({"type": task_type, "with": with, "needs": needs, "join": join});
    match seed.when % 12 {
        0 => task["when"] = json!("{{ inputs.yes }}"),
        1 => task["when"] = json!("{{ inputs.no }}"),
        2 => task["when"] = json!("{{ inputs.word }}"),
        3 => task["when"] = json!("{{ upstream.n_failed == 0 }}"),
        _ => {}
    }
    if seed.extras & 3 == 3 {
        task["retry"] = json!({"max_attempts": 1 + seed.extras % 5 % 3, "first": "2s"});
    }
    if seed.extras & 12 == 12 {
        task["timeout"] = json!("5s");
    }
    if seed.extras & 96 == 96 {
        task["start_timeout"] = json!("4s");
    }
    if let Some(each) = for_each(seed.spread) {
        task["for_each"] = each;
        if seed.when % 12 == 4 {
            task["when"] = json!("{{ item != 1 }}");
        }
    }
    if seed.spread % 8 == 2 {
        let until =
            ["{{ iteration >= 2 }}", "{{ inputs.no }}", "{{ last.x }}"][usize::from(seed.spread / 8 % 3)];
        task["loop"] = json!({"until": until, "max_iterations": 1 + seed.spread / 24 % 3});
        if seed.spread >= 128 {
            task["loop"]["pause"] = json!("3s");
        }
    }
    if seed.extras & 48 == 48 && is_main {
        let undo_type = ["work", "noop", "delay", "fail"][usize::from(seed.extras >> 6)];
        task["undo"] = json!({"type": undo_type, "with": if undo_type == "delay" { json!({"for": "2s"}) } else { json!({}) }});
    }
    task
}

fn for_each(spread: u8) -> Option<Value> {
    let policy = match spread / 4 % 4 {
        0 | 1 => json!("continue"),
        2 => json!({"tolerate": "40%"}),
        _ => json!("fail_fast"),
    };
    let n = usize::from(spread / 16 % 6);
    (spread % 4 == 3).then(|| {
        json!({"items": (0..n).collect::<Vec<_>>(), "max_parallel": 1 + spread / 96, "on_item_failure": policy})
    })
}

fn kind(seed: &TaskSeed) -> &'static str {
    match seed.kind % 20 {
        8 => "noop",
        9 => "fail",
        10 => "transform",
        11 | 12 => "switch",
        13 => "lost switch",
        14 => "delay",
        15 => "bad work",
        16 => "wait",
        17 => "signal",
        18 => "approval",
        19 => "subflow",
        _ => "work",
    }
}

fn edge(seeds: &[TaskSeed], ix: usize, (from, on, more): (u8, u8, u8), prefix: &str) -> Value {
    let from = usize::from(from) % ix;
    let mut words: Vec<&str> = match on % 8 {
        0..=2 => vec!["succeeded"],
        3 => vec!["failed"],
        4 => vec!["always"],
        5 => vec!["succeeded", "failed"],
        6 => vec!["skipped", "cancelled"],
        _ => vec!["failed", "skipped", "always"],
    };
    if kind(&seeds[from]).ends_with("switch") && on & 8 == 8 {
        words = vec![if on & 16 == 16 { "left" } else { "right" }];
    }
    if on & 32 == 32 {
        words.extend(waiting_cases(kind(&seeds[from])).last());
    }
    let mut edge = json!({"task": format!("{prefix}{from}"), "on": words, "handles": more & 1 == 0});
    match more >> 1 & 15 {
        0 => edge["when"] = json!("{{ inputs.yes }}"),
        1 => edge["when"] = json!("{{ inputs.no }}"),
        2 => edge["when"] = json!("{{ inputs.word }}"),
        3 => edge["when"] = json!(format!("{{{{ tasks.{prefix}{from}.state == 'failed' }}}}")),
        _ => {}
    }
    edge
}
