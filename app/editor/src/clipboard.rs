//! Tasks as text: copied from one flow, pasted into this or another.
//!
//! The text is JSON that reads like the tasks of a flow, so it can go through a chat as well. Secrets stay references: what looks like
//! a secret and stands openly in a field that may hold one is not copied.

use std::collections::BTreeMap;

use flow::layout::{GRID, Point};
use flow::parse::Format;
use flow::parse::pieces::outline;
use flow::secrets;
use flow::validate::TypeCatalog;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use crate::change::{Change, NewTask};
use crate::changes::{SECTIONS, expressions, named, number, section_in, task_ids, upstream};
use crate::drawn::fresh;
use crate::geometry::{CARD_HEIGHT, CARD_WIDTH, Rect};
use crate::model::{Model, Section};
use crate::refusal::Refusal;
use crate::scene::{Places, Scene};
use crate::text::{patch, values};

/// How far from the originals a copy is put when nothing is said of its place, in pixels.
pub const OFFSET: f64 = 40.0;

/// How tasks are pasted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Paste {
    /// Where the upper left corner of what is pasted goes.
    pub at: Option<Point>,
    /// Whether edges from tasks that are not pasted are kept where these tasks are there.
    pub links: bool,
}

/// What pasting does.
#[derive(Clone, Debug, PartialEq)]
pub struct Pasted {
    /// The change.
    pub change: Change,
    /// The new tasks' ids, to be selected.
    pub tasks: Vec<String>,
    /// What could not be taken along, in sentences.
    pub notes: Vec<String>,
}

/// How far apart from others a pasted card is at least, in pixels.
const APART: f64 = 16.0;

impl Pasted {
    /// Moves what is pasted down until it lies on no card of the flow.
    pub fn make_room(&mut self, scene: &Scene) {
        let Change::All(changes) = &mut self.change else {
            return;
        };
        let mut places: Vec<&mut Point> = changes
            .iter_mut()
            .filter_map(|change| match change {
                Change::Move(moves) => Some(moves),
                _ => None,
            })
            .flatten()
            .filter_map(|(_, place)| place.as_mut())
            .collect();
        // Each step takes what is pasted below a card that it lay on, of which there are so many.
        for _ in 0..=scene.cards.len() {
            let below = places.iter().filter_map(|place| {
                let rect = Rect::at(**place, CARD_WIDTH, CARD_HEIGHT).grown(APART);
                let hit = scene.cards_in(rect);
                let floor = hit.into_iter().map(|card| scene.cards[card].rect.bottom());
                floor.reduce(f64::max).map(|floor| floor - rect.y)
            });
            let Some(down) = below.reduce(f64::max) else {
                return;
            };
            let down = ((down + 1.0) / GRID).ceil() * GRID;
            places.iter_mut().for_each(|place| place.y += down);
        }
    }
}

/// Tasks of a document as text. Unknown ids are left out.
#[must_use]
pub fn copy(document: &Value, tasks: &[String], types: &dyn TypeCatalog) -> String {
    let mut copied = Map::new();
    let mut layout = Map::new();
    for (section, id) in task_ids(document).filter(|(_, id)| tasks.contains(id)) {
        let mut task = document[section][id].clone();
        hide_secrets(&mut task, types);
        if let Value::Object(undo) = &mut task["undo"] {
            let mut undo = Value::Object(std::mem::take(undo));
            hide_secrets(&mut undo, types);
            task["undo"] = undo;
        } else if let Some(task) = task.as_object_mut() {
            task.shift_remove("undo");
        }
        let group = copied
            .entry(section.to_owned())
            .or_insert_with(|| Value::Object(Map::new()));
        group[id] = task;
        if let Some(place) = document.get("layout").and_then(|layout| layout.get(id)) {
            layout.insert(id.clone(), place.clone());
        }
    }
    if !layout.is_empty() {
        copied.insert("layout".to_owned(), Value::Object(layout));
    }
    // A value made of JSON can be written as JSON.
    serde_json::to_string_pretty(&Value::Object(copied)).unwrap_or_default()
}

/// Puts a reference in the place of what stands openly in a field for secrets.
fn hide_secrets(task: &mut Value, types: &dyn TypeCatalog) {
    let task_type = task.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(schema) = types.input_schema(task_type).cloned() else {
        return;
    };
    let Some(with) = task.get_mut("with") else { return };
    let mut open = Vec::new();
    leaves(with, String::new(), &mut |pointer, text| {
        if is_credential(pointer, text) && secrets::may_stand(&schema, pointer) {
            open.push(pointer.to_owned());
        }
    });
    for pointer in open {
        let field = pointer.rsplit('/').next().unwrap_or_default();
        let name: String = field
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        if let Some(slot) = with.pointer_mut(&pointer) {
            *slot = Value::from(format!("{{{{ secrets.{name} }}}}"));
        }
    }
}

/// Whether a text looks like a secret that stands there openly: by the name of its field, or as a password in an address.
fn is_credential(pointer: &str, text: &str) -> bool {
    const NAMES: [&str; 10] = [
        "password",
        "passwd",
        "token",
        "secret",
        "bearer",
        "authorization",
        "credential",
        "cookie",
        "smtp",
        "private",
    ];
    let is_expression =
        text.trim().starts_with("{{") && text.trim().ends_with("}}") && text.matches("{{").count() == 1;
    if text.is_empty() || is_expression {
        return false;
    }
    let field = pointer.rsplit('/').next().unwrap_or_default().to_lowercase();
    let has_password = || {
        let host = text
            .split_once("://")
            .map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        host.is_some_and(|host| host.split_once('@').is_some_and(|(user, _)| user.contains(':')))
    };
    NAMES.iter().any(|name| field.contains(name)) || field.ends_with("key") || has_password()
}

fn leaves(value: &Value, pointer: String, look: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) => look(&pointer, text),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                leaves(item, format!("{pointer}/{at}"), look);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                let step = key.replace('~', "~0").replace('/', "~1");
                leaves(value, format!("{pointer}/{step}"), look);
            }
        }
        _ => {}
    }
}

/// What pasting a text into a document does. The text is a copy, a whole flow, or the tasks of one.
///
/// # Errors
/// There are no tasks in the text.
pub fn paste(document: &Value, text: &str, how: Paste) -> Result<Pasted, Refusal> {
    let mut copied = read(text)?;
    let ids = fresh_ids(document, &copied);
    let mut notes = Vec::new();
    rename_uses(&mut copied, &ids, &mut notes);
    let places = places(document, &copied, &ids, how.at);
    let mut changes = Vec::new();
    let mut tasks = Vec::new();
    for (section, id) in task_ids(&copied) {
        let Some(new) = ids.get(id) else { continue };
        let mut fields = copied[section][id].as_object().cloned().unwrap_or_default();
        links(document, section, &mut fields, &ids, (how.links, id), &mut notes);
        changes.push(Change::Add(NewTask {
            id: new.clone(),
            section: SECTIONS
                .iter()
                .find(|(name, _)| *name == section)
                .map_or(Section::Tasks, |(_, section)| *section),
            fields,
            at: None,
            upstream: Vec::new(),
        }));
        tasks.push(new.clone());
    }
    if !places.is_empty() {
        changes.push(Change::Move(places));
    }
    notes.extend(left_behind(&copied));
    Ok(Pasted {
        change: Change::All(changes),
        tasks,
        notes,
    })
}

/// What a flow says beside its tasks is not pasted with them.
fn left_behind(copied: &Value) -> Option<String> {
    const DRAWING: [&str; 6] = ["flow", "name", "description", "layout", "notes", "groups"];
    let is_left =
        |name: &str| !DRAWING.contains(&name) && SECTIONS.iter().all(|(section, _)| *section != name);
    let names = copied.as_object()?.keys().filter(|name| is_left(name));
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| {
        format!(
            "Only tasks are taken over: {} of that flow stayed behind.",
            names.join(", ")
        )
    })
}

/// The same of any text: tasks, a flow, one task, or what another tool wrote, such as a cURL command.
///
/// # Errors
/// Nothing known is found in it.
pub fn paste_any(
    document: &Value,
    text: &str,
    how: Paste,
    types: &dyn TypeCatalog,
) -> Result<Pasted, Refusal> {
    let refusal = match paste(document, text, how) {
        Err(refusal) if refusal.code == "no_tasks" => refusal,
        pasted => return pasted,
    };
    let imported = match crate::import::import(text, types) {
        Ok(imported) => imported,
        // Nothing is fetched from there now, but a task may.
        Err(refusal) if refusal.code == "address" => {
            let mut called = crate::import::import(&format!("curl '{}'", text.trim()), types)?;
            let note = "A flow that lies at that address is not fetched: open it in the browser, and paste what it says.";
            called.notes.push(note.to_owned());
            called
        }
        Err(_) => {
            return Err(Refusal::new(
                refusal.code,
                format!(
                    "{}, one task, a cURL command, or a workflow of n8n or Node-RED",
                    refusal.message
                ),
            ));
        }
    };
    let mut pasted = paste(document, &imported.text, how)?;
    pasted.notes.splice(0..0, imported.notes);
    Ok(pasted)
}

/// The same tasks once more, beside themselves, waiting for the same tasks.
///
/// # Errors
/// None of the tasks is there.
pub fn duplicate(document: &Value, tasks: &[String], types: &dyn TypeCatalog) -> Result<Pasted, Refusal> {
    let how = Paste {
        at: None,
        links: true,
    };
    paste(document, &copy(document, tasks, types), how)
}

fn read(text: &str) -> Result<Value, Refusal> {
    let none = || {
        Refusal::new(
            "no_tasks",
            "there are no tasks in what was pasted; copy tasks from a flow, or paste the text of one",
        )
    };
    let read = outline(text, Format::guess(text.as_bytes()))
        .map_err(|_| none())?
        .value;
    let is_task = |value: &Value| value.get("type").is_some_and(Value::is_string);
    let is_flow = SECTIONS.iter().any(|(name, _)| {
        let tasks = read.get(name).and_then(Value::as_object);
        tasks.is_some_and(|tasks| tasks.values().any(is_task))
    });
    if is_flow {
        return Ok(read);
    }
    if is_task(&read) {
        // One task without its id: it gets one by what it does.
        let task_type = read.get("type").and_then(Value::as_str).unwrap_or_default();
        let id = task_type.replace('.', "_").to_lowercase();
        let id = if flow::ids::is_slug(&id) {
            id
        } else {
            "task".to_owned()
        };
        return Ok(json!({ "tasks": { id: read } }));
    }
    match read.as_object() {
        Some(tasks) if !tasks.is_empty() && tasks.values().all(is_task) => Ok(json!({ "tasks": tasks })),
        _ => Err(none()),
    }
}

type Ids = FxHashMap<String, String>;

fn fresh_ids(document: &Value, copied: &Value) -> Ids {
    let mut ids = Ids::default();
    for (section, id) in task_ids(copied) {
        if !copied[section][id].is_object() {
            continue;
        }
        let stem = if flow::ids::is_slug(id) { id } else { "task" };
        let is_taken = |id: &str| section_in(document, id).is_some() || ids.values().any(|new| new == id);
        let new = fresh(stem, is_taken);
        ids.insert(id.clone(), new);
    }
    ids
}

/// Expressions among the copies name the copies.
fn rename_uses(copied: &mut Value, ids: &Ids, notes: &mut Vec<String>) {
    for expression in expressions(copied) {
        let Some(uses) = expression.uses(flow::expr::task_uses) else {
            notes.push(expression.left_alone());
            continue;
        };
        let patches: Vec<_> = uses
            .iter()
            .filter_map(|used| {
                let new = ids.get(&used.task)?;
                let step = &expression.text[used.step.clone()];
                Some(crate::change::Patch::new(
                    used.step.start,
                    used.step.end,
                    named(step, new),
                ))
            })
            .collect();
        if let Some(slot) = values::get_mut(copied, &expression.path) {
            *slot = Value::from(patch::apply(&expression.text, &patches));
        }
    }
}

/// Edges among the copies stay; those from other tasks as it was asked.
fn links(
    document: &Value,
    section: &str,
    fields: &mut Map<String, Value>,
    ids: &Ids,
    (keep, id): (bool, &str),
    notes: &mut Vec<String>,
) {
    let Some(Value::Array(needs)) = fields.get_mut("needs") else {
        return;
    };
    needs.retain_mut(|need| {
        let Some(up) = upstream(need).map(str::to_owned) else {
            return false;
        };
        if let Some(new) = ids.get(&up) {
            match need {
                Value::Object(edge) => drop(edge.insert("task".to_owned(), Value::from(new.as_str()))),
                short => *short = Value::from(new.as_str()),
            }
            return true;
        }
        let is_there = document
            .get(section)
            .is_some_and(|tasks| tasks.get(&up).is_some());
        if keep && !is_there {
            notes.push(format!(
                "The edge from `{up}` to `{id}` is left out: there is no task `{up}` here."
            ));
        }
        keep && is_there
    });
    if needs.is_empty() {
        fields.shift_remove("needs");
    }
}

fn places(document: &Value, copied: &Value, ids: &Ids, at: Option<Point>) -> Vec<(String, Option<Point>)> {
    let place = |id: &str| {
        let place = copied.get("layout")?.get(id)?;
        Some((place.get(0)?.as_f64()?, place.get(1)?.as_f64()?))
    };
    let mut found: BTreeMap<&String, (f64, f64)> =
        ids.keys().filter_map(|id| Some((id, place(id)?))).collect();
    if found.is_empty() && at.is_some() {
        // Without places of their own they stand as the layout puts them.
        let scene = Scene::new(&Model::of_document(copied), &Places::default());
        let corner = |id: &String| scene.card(id).map(|card| card.rect.corner());
        let laid_out = ids.keys().filter_map(|id| Some((id, corner(id)?)));
        found = laid_out.map(|(id, at)| (id, (at.x, at.y))).collect();
    }
    let least = |part: fn(&(f64, f64)) -> f64| found.values().map(part).fold(f64::INFINITY, f64::min);
    let (left, top) = (least(|place| place.0), least(|place| place.1));
    let is_here = ids.iter().any(|(old, _)| section_in(document, old).is_some());
    let (x, y) = match at {
        Some(at) => (at.x - left, at.y - top),
        None if is_here => (OFFSET, OFFSET),
        None => (0.0, 0.0),
    };
    let order = task_ids(copied).filter_map(|(_, id)| Some((ids.get(id)?, found.get(id)?)));
    let placed: Vec<(String, Option<Point>)> = order
        .map(|(new, place)| {
            let point = Point {
                x: place.0 + x,
                y: place.1 + y,
            };
            (new.clone(), Some(point))
        })
        .collect();
    debug_assert!(
        placed
            .iter()
            .all(|(_, point)| point.is_none_or(|point| !number(point.x).is_null()))
    );
    placed
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::testing::made;

    const FLOW: &str = "\
flow: f
tasks:
  fetch: { type: http.request, with: { url: \"https://a.example/x\", token: hunter2, auth: \"{{ secrets.mine }}\" } }
  size:
    type: switch
    needs: [fetch]
    with: { cases: { big: tasks.fetch.output > 3 } }
    undo: { type: http.request, with: { url: \"https://me:hunter2@a.example\", token: \"{{ tasks.size.output }}\" } }
  store: { type: log, needs: [{ task: size, on: big }, fetch], with: { message: \"{{ tasks['size'].output ~ tasks.fetch.state }}\" } }
finally:
  tidy: { type: log }
layout: { size: [100, 20], store: [200, 60] }
";

    struct Marked;

    impl TypeCatalog for Marked {
        fn input_schema(&self, task_type: &str) -> Option<&Value> {
            static SCHEMA: std::sync::LazyLock<Value> = std::sync::LazyLock::new(
                || json!({ "properties": { "token": { "x-secret": true }, "auth": { "x-secret": true }, "url": { "x-secret": true } } }),
            );
            (task_type == "http.request").then(|| &*SCHEMA)
        }

        fn known(&self) -> Vec<&str> {
            vec!["http.request"]
        }
    }

    fn document(text: &str) -> Value {
        outline(text, Format::Yaml).expect("it can be read").value
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn check(text: &str, pasted: &str, how: Paste, expected: Expect) {
        let shown = match paste(&document(text), pasted, how) {
            Err(refusal) => format!("refused: {refusal}\n"),
            Ok(pasted) => format!(
                "{}{:?}\n{}",
                made(text, &pasted.change),
                pasted.tasks,
                pasted.notes.join("\n")
            ),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_copy_holds_no_secret() {
        expect![[r#"
            {
              "tasks": {
                "fetch": {
                  "type": "http.request",
                  "with": {
                    "url": "https://a.example/x",
                    "token": "{{ secrets.token }}",
                    "auth": "{{ secrets.mine }}"
                  }
                },
                "size": {
                  "type": "switch",
                  "needs": [
                    "fetch"
                  ],
                  "with": {
                    "cases": {
                      "big": "tasks.fetch.output > 3"
                    }
                  },
                  "undo": {
                    "type": "http.request",
                    "with": {
                      "url": "{{ secrets.url }}",
                      "token": "{{ tasks.size.output }}"
                    }
                  }
                }
              },
              "layout": {
                "size": [
                  100,
                  20
                ]
              }
            }"#]]
        .assert_eq(&copy(
            &document(FLOW),
            &ids(&["fetch", "size", "nobody"]),
            &Marked,
        ));
    }

    #[test]
    fn what_is_pasted_stands_for_itself() {
        let copied = copy(&document(FLOW), &ids(&["size", "store", "tidy"]), &Marked);
        check(
            FLOW,
            &copied,
            Paste::default(),
            expect![[r#"
                Add size-2 and 2 more
                +  size-2:
                +    type: switch
                +    with:
                +      cases:
                +        big: "tasks.fetch.output > 3"
                +    undo:
                +      type: http.request
                +      with:
                +        url: "{{ secrets.url }}"
                +        token: "{{ tasks['size-2'].output }}"
                +  store-2:
                +    type: log
                +    needs: [{ task: size-2, on: big }]
                +    with:
                +      message: "{{ tasks['size-2'].output ~ tasks.fetch.state }}"
                -layout: { size: [100, 20], store: [200, 60] }
                +  tidy-2:
                +    type: log
                +layout: { size: [100, 20], store: [200, 60], size-2: [140, 60], store-2: [240, 100] }
                ["size-2", "store-2", "tidy-2"]
            "#]],
        );
        let at = Some(Point { x: 0.0, y: 0.0 });
        check(
            FLOW,
            &copied,
            Paste { at, links: true },
            expect![[r#"
                Add size-2 and 2 more
                +  size-2:
                +    type: switch
                +    needs: [fetch]
                +    with:
                +      cases:
                +        big: "tasks.fetch.output > 3"
                +    undo:
                +      type: http.request
                +      with:
                +        url: "{{ secrets.url }}"
                +        token: "{{ tasks['size-2'].output }}"
                +  store-2:
                +    type: log
                +    needs: [{ task: size-2, on: big }, fetch]
                +    with:
                +      message: "{{ tasks['size-2'].output ~ tasks.fetch.state }}"
                -layout: { size: [100, 20], store: [200, 60] }
                +  tidy-2:
                +    type: log
                +layout: { size: [100, 20], store: [200, 60], size-2: [0, 0], store-2: [100, 40] }
                ["size-2", "store-2", "tidy-2"]
            "#]],
        );
        check(
            "flow: g\ntasks:\n  a: { type: noop }\n",
            &copied,
            Paste {
                at: None,
                links: true,
            },
            expect![[r#"
                Add size and 2 more
                +  size:
                +    type: switch
                +    with:
                +      cases:
                +        big: "tasks.fetch.output > 3"
                +    undo:
                +      type: http.request
                +      with:
                +        url: "{{ secrets.url }}"
                +        token: "{{ tasks.size.output }}"
                +  store:
                +    type: log
                +    needs: [{ task: size, on: big }]
                +    with:
                +      message: "{{ tasks['size'].output ~ tasks.fetch.state }}"
                +finally:
                +  tidy:
                +    type: log
                +layout:
                +  size: [100, 20]
                +  store: [200, 60]
                ["size", "store", "tidy"]
                The edge from `fetch` to `size` is left out: there is no task `fetch` here.
                The edge from `fetch` to `store` is left out: there is no task `fetch` here."#]],
        );
        check(
            FLOW,
            "just words",
            Paste::default(),
            expect![[r#"
            refused: there are no tasks in what was pasted; copy tasks from a flow, or paste the text of one
        "#]],
        );
        check(
            FLOW,
            "{\"a b\": {\"type\": \"noop\"}}",
            Paste { at, links: false },
            expect![[r#"
                Add task
                +  task:
                +    type: noop
                -layout: { size: [100, 20], store: [200, 60] }
                +layout: { size: [100, 20], store: [200, 60], task: [0, 0] }
                ["task"]
            "#]],
        );
    }

    #[test]
    fn what_is_pasted_lies_on_nothing() {
        let shown = |at: Point| {
            let document = document(FLOW);
            let scene = Scene::new(&Model::of_document(&document), &Places::default());
            let two = "{ a: { type: noop }, b: { type: noop, needs: [a] } }";
            let how = Paste {
                at: Some(at),
                links: false,
            };
            let mut pasted = paste(&document, two, how).expect("there are two tasks");
            pasted.make_room(&scene);
            let Change::All(changes) = &pasted.change else {
                return format!("{:?}", pasted.change);
            };
            let places = changes.iter().filter_map(|change| match change {
                Change::Move(moves) => Some(moves),
                _ => None,
            });
            let places: Vec<_> = places
                .flatten()
                .filter_map(|(_, at)| at.map(|at| (at.x, at.y)))
                .collect();
            format!("{places:?}")
        };
        expect!["[(100.0, 148.0), (388.0, 148.0)]"].assert_eq(&shown(Point { x: 100.0, y: 20.0 }));
        expect!["[(5000.0, 20.0), (5288.0, 20.0)]"].assert_eq(&shown(Point { x: 5000.0, y: 20.0 }));
    }

    #[test]
    fn any_text_with_a_task_can_be_pasted() {
        let at = Some(Point { x: 8.0, y: 16.0 });
        let shown = |text: &str| match paste_any(&document(FLOW), text, Paste { at, links: false }, &Marked) {
            Err(refusal) => format!("refused: {refusal}\n"),
            Ok(pasted) => format!("{}{}\n", made(FLOW, &pasted.change), pasted.notes.join("\n")),
        };
        let texts = [
            "type: http.request\nwith: { url: https://a.example }\n",
            "{\"size\": {\"type\": \"noop\"}, \"b\": {\"type\": \"noop\", \"needs\": [\"size\"]}}",
            "curl -X PUT https://a.example/x -d hello",
            "https://a.example/x?y=1",
            "nothing",
        ];
        expect![[r#"
            Add http_request
            +  http_request:
            +    type: http.request
            +    with:
            +      url: "https://a.example"
            -layout: { size: [100, 20], store: [200, 60] }
            +layout: { size: [100, 20], store: [200, 60], http_request: [8, 16] }


            Add size-2 and 1 more
            +  size-2:
            +    type: noop
            +  b:
            +    type: noop
            +    needs: [size-2]
            -layout: { size: [100, 20], store: [200, 60] }
            +layout: { size: [100, 20], store: [200, 60], size-2: [8, 16], b: [296, 16] }


            Add request
            +  request:
            +    type: http.request
            +    with:
            +      method: PUT
            +      url: "https://a.example/x"
            +      body: hello
            +      headers:
            +        Content-Type: application/x-www-form-urlencoded
            -layout: { size: [100, 20], store: [200, 60] }
            +layout: { size: [100, 20], store: [200, 60], request: [8, 16] }


            Add request
            +  request:
            +    type: http.request
            +    with:
            +      url: "https://a.example/x?y=1"
            -layout: { size: [100, 20], store: [200, 60] }
            +layout: { size: [100, 20], store: [200, 60], request: [8, 16] }
            A flow that lies at that address is not fetched: open it in the browser, and paste what it says.

            refused: there are no tasks in what was pasted; copy tasks from a flow, or paste the text of one, one task, a cURL command, or a workflow of n8n or Node-RED
        "#]].assert_eq(&texts.map(shown).join("\n"));
    }

    #[test]
    fn a_duplicate_waits_for_the_same_tasks() {
        let pasted = duplicate(&document(FLOW), &ids(&["store"]), &Marked).expect("it is there");
        expect![[r#"
            Add store-2
            +  store-2:
            +    type: log
            +    needs: [{ task: size, on: big }, fetch]
            +    with:
            +      message: "{{ tasks['size'].output ~ tasks.fetch.state }}"
            -layout: { size: [100, 20], store: [200, 60] }
            +layout: { size: [100, 20], store: [200, 60], store-2: [240, 100] }
        "#]]
        .assert_eq(&made(FLOW, &pasted.change));
        assert!(duplicate(&document(FLOW), &ids(&["nobody"]), &Marked).is_err());
    }

    #[test]
    fn what_a_flow_says_beside_its_tasks_stays_behind_and_that_is_said() {
        let how = Paste {
            at: None,
            links: false,
        };
        let flow = "flow: g\ninputs: { n: { type: number } }\nschedules: [{ cron: 0 6 * * * }]\ntasks: { a: { type: noop } }\nlayout: {}\n";
        let pasted = paste(&document(FLOW), flow, how).expect("it has tasks");
        assert_eq!(
            pasted.notes,
            ["Only tasks are taken over: `inputs`, `schedules` of that flow stayed behind."]
        );
        let tasks = "tasks: { a: { type: noop } }";
        assert_eq!(
            paste(&document(FLOW), tasks, how).expect("it has tasks").notes,
            [""; 0]
        );
    }
}
