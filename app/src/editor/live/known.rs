//! What the server knows that helps in filling in fields: names of secrets and variables, what the last run was given and what its
//! tasks gave. Nothing of it is needed: a page without it only helps less.

use editor::complete::{Known, capped};
use leptos::prelude::*;
use rustc_hash::FxHashMap;
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::desk::Desk;
use crate::format::url_part;

/// Outputs that are asked for at once.
const OUTPUTS_MAX: usize = 12;
/// Newest runs that are looked at.
const RUNS_MAX: usize = 3;
/// Characters of an answer that are taken up: larger outputs are not looked at.
const ANSWER_MAX: usize = 400_000;

/// What is known so far.
#[derive(Default)]
pub(super) struct Learned {
    pub(super) known: Known,
    /// What the newest run was given.
    given: serde_json::Map<String, Value>,
    /// The count of changes of the document that was looked at.
    rev: Option<u64>,
    /// Tasks whose output can be had and was not asked for yet, with the newest run that they gave one in.
    open: FxHashMap<String, String>,
}

/// Asks for what does not depend on what is looked at.
pub(super) fn begin(desk: Desk) {
    leptos::task::spawn_local(async move {
        if let Some(answer) = get("/api/v1/secrets").await {
            let names = items(&answer).filter_map(|item| text(item, "name"));
            let names: Vec<String> = names.collect();
            desk.learn(|learned| learned.known.secrets = names);
        }
        if let Some(answer) = get("/api/v1/variables").await {
            let vars =
                items(&answer).filter_map(|item| Some((text(item, "name")?, item.get("value")?.clone())));
            let vars = vars.collect();
            desk.learn(|learned| learned.known.vars = vars);
        }
        let Some(flow) = desk.with(|session| session.flow.clone()) else {
            return;
        };
        // The newest may be a trial of a part: what that did not run, those before it tell.
        let url = format!("/api/v1/runs?flow={}&limit={RUNS_MAX}", url_part(&flow));
        let answer = get(&url).await.unwrap_or_default();
        let mut runs: Vec<String> = items(&answer).filter_map(|run| text(run, "id")).collect();
        while let Some(run) = runs.pop() {
            learn_run(desk, run).await;
        }
    });
}

/// Takes up what a run was given, and which of its tasks gave something.
pub(super) async fn learn_run(desk: Desk, run: String) {
    let inputs = get(&format!("/api/v1/runs/{run}")).await;
    let inputs = inputs.and_then(|answer| answer.get("inputs").cloned());
    let ended = get(&format!("/api/v1/runs/{run}/tasks?state=succeeded&limit=500")).await;
    let ended = ended.unwrap_or_default();
    desk.learn(|learned| {
        if let Some(Value::Object(inputs)) = inputs {
            learned.given = inputs;
        }
        learned.rev = None;
        // What was only given in a trial says nothing of what a task gives.
        let own = items(&ended).filter(|task| task.get("given_by").is_none());
        let own = own.filter_map(|task| text(task, "path"));
        learned.open.extend(own.map(|task| (task, run.clone())));
    });
}

/// Asks for what the tasks gave last that an expression names.
pub(super) fn named_in(desk: Desk, expression: &str) {
    ask_for(desk, |task| expression.contains(task));
}

/// Asks for what tasks gave last.
pub(super) fn ask_for(desk: Desk, is_meant: impl Fn(&str) -> bool) {
    let meant = desk.kept.try_update_value(|kept| {
        let open = &mut kept.learned.open;
        let meant = open.keys().filter(|task| is_meant(task)).take(OUTPUTS_MAX);
        let meant: Vec<String> = meant.cloned().collect();
        let meant = meant.into_iter().filter_map(|task| open.remove_entry(&task));
        meant.collect::<Vec<_>>()
    });
    let Some(meant) = meant.filter(|meant| !meant.is_empty()) else {
        return;
    };
    leptos::task::spawn_local(async move {
        for (task, run) in meant {
            let url = format!("/api/v1/runs/{run}/tasks/{}/output", url_part(&task));
            if let Some(output) = get(&url).await {
                desk.learn(|learned| drop(learned.known.outputs.insert(task, capped(&output))));
            }
        }
    });
}

impl Desk {
    fn learn(self, act: impl FnOnce(&mut Learned)) {
        if self.known.is_disposed() {
            return;
        }
        self.kept.update_value(|kept| act(&mut kept.learned));
        self.known.update(|n| *n += 1);
    }

    /// What is known, with the shapes of what tasks give by their types.
    pub(super) fn with_known<T>(self, look: impl FnOnce(&Known) -> T) -> T {
        self.kept.with_value(|kept| look(&kept.learned.known))
    }

    /// Takes up what the document itself says: outputs have the shapes that the tasks' types say, and inputs the values they have unless
    /// given.
    pub(super) fn learn_document(self) {
        let rev = self.rev.get_untracked();
        if self.kept.with_value(|kept| kept.learned.rev == Some(rev)) {
            return;
        }
        let schemas = self.with(|session| {
            let cards = session.scene.cards.iter();
            let known = cards.filter_map(|card| {
                let task_type = session.type_of(&card.task_type)?;
                let is_told = task_type.output_schema.get("properties").is_some();
                is_told.then(|| (card.id.clone(), task_type.output_schema.clone()))
            });
            known.collect()
        });
        let usual = self.with(|session| {
            let inputs = session.value().get("inputs").and_then(Value::as_object);
            let usual = inputs
                .into_iter()
                .flatten()
                .filter_map(|(name, input)| Some((name.clone(), input.get("default")?.clone())));
            usual.collect::<serde_json::Map<_, _>>()
        });
        let pins = self.with(|session| {
            let pins = session.value().get("pins").and_then(Value::as_object);
            let pins = pins.into_iter().flatten();
            pins.map(|(task, output)| (task.clone(), capped(output)))
                .collect()
        });
        self.kept.update_value(|kept| {
            let learned = &mut kept.learned;
            learned.rev = Some(rev);
            learned.known.schemas = schemas;
            learned.known.pins = pins;
            let mut inputs = usual;
            inputs.extend(learned.given.clone());
            learned.known.inputs = Value::Object(inputs);
        });
    }
}

fn items(answer: &Value) -> impl Iterator<Item = &Value> {
    answer
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field)?.as_str().map(str::to_owned)
}

pub(super) async fn get(url: &str) -> Option<Value> {
    answer(JsFuture::from(window().fetch_with_str(url)).await.ok()?)
        .await
        .ok()
}

/// When a schedule would be due next, as its zone's clocks show it; or what is wrong with it.
pub(super) async fn fires(schedule: Value) -> Result<Vec<String>, String> {
    let none = || "The server cannot be asked just now.".to_owned();
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(&schedule.to_string()));
    let headers = web_sys::Headers::new().map_err(|_| none())?;
    headers
        .set("content-type", "application/json")
        .map_err(|_| none())?;
    init.set_headers(&headers);
    let asked = window().fetch_with_str_and_init("/api/v1/schedules/preview?limit=5", &init);
    match answer(JsFuture::from(asked).await.map_err(|_| none())?).await {
        Ok(answer) => Ok(items(&answer)
            .filter_map(|fire| text(fire, "local"))
            .map(|local| day(&local))
            .collect()),
        Err(Some(problem)) => {
            let first = problem
                .pointer("/problems/0/message")
                .or_else(|| problem.get("detail"));
            Err(first.and_then(Value::as_str).map_or_else(none, str::to_owned))
        }
        Err(None) => Err(none()),
    }
}

/// `2026-11-23T06:00:00+00:00` as `Mon 2026-11-23 06:00 +00:00`.
fn day(local: &str) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let (Some(date), Some(time), zone) = (local.get(..10), local.get(11..16), local.get(19..)) else {
        return local.to_owned();
    };
    // Of a day alone the browser makes the midnight of UTC.
    let day = js_sys::Date::new(&date.into()).get_utc_day() as usize;
    let day = DAYS.get(day).copied().unwrap_or_default();
    format!("{day} {date} {time} {}", zone.unwrap_or_default())
}

/// What a response says; of a refusal, what it says of that.
async fn answer(response: JsValue) -> Result<Value, Option<Value>> {
    let response: web_sys::Response = response.dyn_into().map_err(|_| None)?;
    let text = response.text().map_err(|_| None)?;
    let text = JsFuture::from(text).await.map_err(|_| None)?;
    let text = text.as_string().filter(|text| text.len() <= ANSWER_MAX);
    let value = text.and_then(|text| serde_json::from_str(&text).ok());
    match (response.ok(), value) {
        (true, Some(value)) => Ok(value),
        (_, value) => Err(value),
    }
}
