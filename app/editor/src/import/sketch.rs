//! A flow that is being put together from what another tool says.

use flow::ids::is_slug;
use flow::layout::Point;
use flow::parse::Ink;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use crate::changes::number;
use crate::drawn::fresh;
use crate::geometry::{CARD_HEIGHT, CARD_WIDTH};

/// From one card to the next beside it, and to the next below it.
const PITCH: Point = Point {
    x: CARD_WIDTH + 64.0,
    y: CARD_HEIGHT + 40.0,
};

/// Nothing is drawn apart by more: what others have on top of each other stays so.
const SPREAD_MAX: f64 = 3.0;

/// Characters of an original that are kept in a description.
const KEPT_CHARS: usize = 4_000;

#[derive(Default)]
pub(super) struct Sketch {
    pub(super) name: String,
    pub(super) description: String,
    tasks: Map<String, Value>,
    layout: Vec<(String, Point)>,
    schedules: Map<String, Value>,
    notes: Map<String, Value>,
    /// Where the notes stand.
    stuck: Vec<(String, Point)>,
    told: Vec<String>,
}

impl Sketch {
    /// A flow of this name.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Tells something the author has to know.
    pub(super) fn tell(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.told.contains(&sentence) {
            self.told.push(sentence);
        }
    }

    /// A new task; gives its id, made of the name.
    pub(super) fn task(&mut self, name: &str, fields: Value) -> String {
        let id = fresh(&slug(name, "task"), |id| self.tasks.contains_key(id));
        let mut task = Map::new();
        if !name.is_empty() && name != id {
            task.insert("name".to_owned(), json!(name));
        }
        task.extend(fields.as_object().cloned().into_iter().flatten());
        self.tasks.insert(id.clone(), Value::Object(task));
        id
    }

    /// A task that could not be translated: it does nothing and keeps what it was.
    pub(super) fn untranslated(&mut self, name: &str, what: &str, original: &Value) -> String {
        let kept: String = original.to_string().chars().take(KEPT_CHARS).collect();
        let id = self.task(
            name,
            json!({ "type": "noop", "description": format!("Was {what}: {kept}") }),
        );
        self.tell(format!(
            "`{id}` was {what}, which is not translated: it does nothing, and its description holds the original."
        ));
        id
    }

    /// A field of a task.
    pub(super) fn set(&mut self, task: &str, field: &str, value: Value) {
        if let Some(Value::Object(task)) = self.tasks.get_mut(task) {
            task.insert(field.to_owned(), value);
        }
    }

    pub(super) fn get(&self, task: &str, field: &str) -> Option<&Value> {
        self.tasks.get(task)?.get(field)
    }

    /// An edge; one that would close a circle is told instead.
    pub(super) fn edge(&mut self, from: &str, to: &str, on: &[&str]) {
        if from == to || self.reaches(to, from) {
            self.tell(format!(
                "The way back from `{from}` to `{to}` is left out: a flow has no circles; use a `loop` or a `for_each`."
            ));
            return;
        }
        let need = match on {
            [] => json!(from),
            [one] => json!({ "task": from, "on": one }),
            many => json!({ "task": from, "on": many }),
        };
        if let Some(Value::Object(task)) = self.tasks.get_mut(to) {
            let needs = task.entry("needs").or_insert_with(|| json!([]));
            if let Some(needs) = needs.as_array_mut()
                && !needs.contains(&need)
            {
                needs.push(need);
            }
        }
    }

    /// Whether `to` comes after `from`.
    fn reaches(&self, from: &str, to: &str) -> bool {
        let mut queue = vec![to.to_owned()];
        let mut seen: FxHashMap<String, ()> = FxHashMap::default();
        while let Some(at) = queue.pop() {
            if at == from {
                return true;
            }
            if seen.insert(at.clone(), ()).is_none() {
                queue.extend(self.upstreams(&at));
            }
        }
        false
    }

    /// The upstreams of a task, each once.
    pub(super) fn upstreams(&self, task: &str) -> Vec<String> {
        let needs = self.get(task, "needs").and_then(Value::as_array);
        let mut ups: Vec<String> = needs
            .into_iter()
            .flatten()
            .filter_map(crate::changes::upstream)
            .map(str::to_owned)
            .collect();
        ups.dedup();
        ups
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.tasks.keys().cloned().collect()
    }

    pub(super) fn place(&mut self, task: &str, at: Option<Point>) {
        if let Some(at) = at {
            self.layout.push((task.to_owned(), at));
        }
    }

    pub(super) fn schedule(&mut self, cron: &str) {
        let name = fresh("schedule", |name| self.schedules.contains_key(name));
        self.schedules.insert(name, json!({ "cron": cron }));
    }

    /// A note on the canvas.
    pub(super) fn note(&mut self, text: &str, at: Option<Point>) {
        let id = fresh("note", |id| self.notes.contains_key(id));
        self.stuck.extend(at.map(|at| (id.clone(), at)));
        self.notes.insert(id, json!({ "text": text }));
    }

    /// The flow as text, and what is to be told.
    pub(super) fn finish(mut self) -> (String, Vec<String>) {
        if self.tasks.is_empty() {
            self.task("start", json!({ "type": "noop" }));
            self.tell("Nothing to do was found, so the flow has one task that does nothing.");
        }
        let mut document = vec![("flow", json!(slug(&self.name, "imported")))];
        if !self.name.is_empty() {
            document.push(("name", json!(self.name)));
        }
        if !self.description.is_empty() {
            document.push(("description", json!(self.description)));
        }
        if !self.schedules.is_empty() {
            document.push(("schedules", Value::Object(self.schedules)));
        }
        let tasks: Map<String, Value> = self
            .tasks
            .into_iter()
            .map(|(id, task)| (id, ordered(task)))
            .collect();
        document.push(("tasks", Value::Object(tasks)));
        let factor = spread(&self.layout);
        let place = |at: Point| json!([number((at.x * factor).round()), number((at.y * factor).round())]);
        let layout = self
            .layout
            .iter()
            .map(|(id, at)| (id.clone(), place(*at)))
            .collect();
        for (id, at) in &self.stuck {
            self.notes[id]["at"] = place(*at);
        }
        for (name, map) in [("layout", layout), ("notes", self.notes)] {
            if !map.is_empty() {
                document.push((name, Value::Object(map)));
            }
        }
        let text = document
            .iter()
            .map(|(key, value)| Ink::default().entry(key, value, 0))
            .collect();
        (text, self.told)
    }
}

/// By how much places are drawn apart so that our cards, which are larger than those of others, have room between them: as little as
/// does, and no more than [`SPREAD_MAX`].
fn spread(places: &[(String, Point)]) -> f64 {
    let mut factor = 1.0_f64;
    for (n, (_, one)) in places.iter().enumerate() {
        for (_, other) in &places[n + 1..] {
            let (x, y) = ((one.x - other.x).abs(), (one.y - other.y).abs());
            // Beside each other or below each other: either will do.
            let needed = (PITCH.x / x).min(PITCH.y / y);
            if needed > factor && needed.is_finite() {
                factor = needed.min(SPREAD_MAX);
            }
        }
    }
    factor
}

/// A task with its fields in the order people expect.
fn ordered(task: Value) -> Value {
    const ORDER: [&str; 7] = ["name", "type", "description", "needs", "join", "when", "with"];
    let Value::Object(mut fields) = task else {
        return task;
    };
    let mut ordered = Map::new();
    for field in ORDER {
        if let Some(value) = fields.shift_remove(field) {
            ordered.insert(field.to_owned(), value);
        }
    }
    ordered.extend(fields);
    Value::Object(ordered)
}

/// A name as an id.
pub(super) fn slug(name: &str, otherwise: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => slug.push(c.to_ascii_lowercase()),
            '_' => slug.push('_'),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
        if slug.len() >= 40 {
            break;
        }
    }
    let slug = slug.trim_matches(['-', '_']);
    if is_slug(slug) {
        slug.to_owned()
    } else {
        otherwise.to_owned()
    }
}

/// A text without anything the engine would evaluate.
pub(super) fn literal(text: &str) -> String {
    text.replace("{{", "{ {")
        .replace("{%", "{ %")
        .replace("{#", "{ #")
}

/// A path into a value as an expression has it: `.a['b c'][0]`.
pub(super) fn steps(path: &[String]) -> String {
    path.iter()
        .map(|step| match step.parse::<u32>() {
            Ok(index) => format!("[{index}]"),
            Err(_) => crate::changes::named("", step),
        })
        .collect()
}

/// How an expression names a task.
pub(super) fn task_path(task: &str) -> String {
    format!("tasks{}", crate::changes::named("", task))
}
