//! Tasks of a flow become a flow of their own, and one task that runs it stands in their place. What they read from around them becomes its
//! inputs, what is read of them its outputs.
//!
//! Nothing is guessed: where the outcome would not be the same, it is refused, with the reason.

use std::collections::{BTreeMap, BTreeSet};

use flow::expr::{name_uses, task_uses};
use flow::layout::Point;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value, json};

use crate::change::{Change, NewTask};
use crate::changes::{Expression, expressions, upstream};
use crate::model::{Edge, Section};
use crate::refusal::Refusal;
use crate::text::Source;

/// What a flow keeps of the one it was taken from, besides its tasks.
const KEPT: [&str; 6] = ["flow", "name", "inputs", "tasks", "layout", "pins"];

/// Names of the scope that mean something else in a flow of its own.
const OWN: [&str; 3] = ["run", "trigger", "upstream"];

/// What is to become a flow of its own.
#[derive(Clone, Debug)]
pub struct Wanted<'w> {
    /// Its tasks.
    pub tasks: &'w [String],
    /// Its id.
    pub flow: &'w str,
    /// The id of the task that will run it.
    pub task: &'w str,
    /// Where that stands.
    pub at: Option<Point>,
}

/// The two flows.
#[derive(Clone, Debug)]
pub struct Extracted {
    /// The document of the new flow.
    pub document: Source,
    /// What is done to the old one.
    pub change: Change,
    /// What is not quite as before, in sentences.
    pub notes: Vec<String>,
}

/// Works out both flows.
///
/// # Errors
/// Why these tasks cannot stand alone.
pub fn extract(source: &Source, document: &Value, wanted: &Wanted<'_>) -> Result<Extracted, Refusal> {
    let mut cut = Cut::new(document, wanted)?;
    let ways = cut.ways()?;
    let written = cut.expressions(&ways)?;
    let document = cut.child(source, &ways, &written)?;
    Ok(Extracted {
        document,
        change: cut.parent(&ways, &written),
        notes: cut.notes,
    })
}

/// The edges between the tasks and the others.
#[derive(Default)]
struct Ways {
    /// The edges into the new task.
    into: Vec<Edge>,
    /// The edges out of it.
    out: Vec<Edge>,
    /// The only task with edges from outside, if what decides its start moves to the new task as a whole.
    entry: Option<String>,
}

/// Expressions as they are written from now on.
#[derive(Default)]
struct Written {
    inside: Vec<(Vec<String>, String)>,
    outside: Vec<(Vec<String>, String)>,
    /// The inputs of the new flow that are those of the old one.
    inputs: BTreeSet<String>,
    /// Its other inputs, and what they are given.
    given: BTreeMap<String, String>,
    /// Its outputs.
    outputs: BTreeMap<String, String>,
}

struct Cut<'c> {
    document: &'c Value,
    wanted: &'c Wanted<'c>,
    inside: FxHashSet<&'c str>,
    notes: Vec<String>,
}

fn refused(message: impl Into<String>) -> Refusal {
    Refusal::new("no_flow", message.into())
}

impl<'c> Cut<'c> {
    fn new(document: &'c Value, wanted: &'c Wanted<'c>) -> Result<Self, Refusal> {
        let inside: FxHashSet<&str> = wanted.tasks.iter().map(String::as_str).collect();
        let cut = Self {
            document,
            wanted,
            inside,
            notes: Vec::new(),
        };
        if wanted.tasks.is_empty() {
            return Err(refused("select the tasks that are to become a flow of their own"));
        }
        if let Some(other) = wanted.tasks.iter().find(|id| cut.task(id).is_none()) {
            return Err(refused(format!(
                "`{other}` is none of the tasks that do the flow's work; those that end a run stay in it"
            )));
        }
        Ok(cut)
    }

    fn tasks(&self) -> impl Iterator<Item = (&'c String, &'c Value)> + use<'c> {
        let tasks = self.document.get("tasks").and_then(Value::as_object);
        tasks.into_iter().flatten()
    }

    fn task(&self, id: &str) -> Option<&'c Value> {
        self.document.get("tasks")?.get(id)
    }

    fn is_in(&self, id: &str) -> bool {
        self.inside.contains(id)
    }

    fn needs(&self, id: &str) -> impl Iterator<Item = &'c Value> + use<'c> {
        let needs = self.task(id).and_then(|task| task.get("needs")?.as_array());
        needs.into_iter().flatten()
    }

    /// The edges into a task.
    fn edges(&self, id: &str) -> Vec<Edge> {
        self.needs(id).filter_map(|need| Edge::of(need, id)).collect()
    }

    /// A way out of the tasks and back into them, which would be a circle.
    fn detour(&self) -> Option<String> {
        // Whatever comes after one of them, outside.
        let mut after: FxHashSet<&str> = FxHashSet::default();
        let mut grows = true;
        while grows {
            grows = false;
            for (id, _) in self.tasks().filter(|(id, _)| !self.is_in(id)) {
                let is_after =
                    |need: &Value| upstream(need).is_some_and(|up| self.is_in(up) || after.contains(up));
                if !after.contains(id.as_str()) && self.needs(id).any(is_after) {
                    after.insert(id);
                    grows = true;
                }
            }
        }
        let mut backs = self
            .wanted
            .tasks
            .iter()
            .flat_map(|id| self.needs(id))
            .filter_map(upstream);
        backs.find(|up| after.contains(up)).map(str::to_owned)
    }

    fn ways(&mut self) -> Result<Ways, Refusal> {
        if let Some(between) = self.detour() {
            return Err(refused(format!(
                "`{between}` runs between these tasks; take it along, or fewer of them"
            )));
        }
        let mut ways = Ways::default();
        let entries: Vec<&String> = self
            .wanted
            .tasks
            .iter()
            .filter(|id| self.needs(id).filter_map(upstream).any(|up| !self.is_in(up)))
            .collect();
        if let [only] = entries[..]
            && self.edges(only).iter().all(|edge| !self.is_in(&edge.from))
        {
            ways.entry = Some(only.clone());
        }
        for id in &entries {
            for edge in self.edges(id).into_iter().filter(|edge| !self.is_in(&edge.from)) {
                let is_plain = edge.when.is_none() && edge.on.iter().all(|word| word == "succeeded");
                let join = self.task(id).and_then(|task| task.get("join")?.as_str());
                if ways.entry.is_none() && (!is_plain || join.is_some_and(|join| join != "all")) {
                    return Err(refused(format!(
                        "the edge {} → {id} decides whether `{id}` runs, but not the others; only a condition on the one way in can be kept",
                        edge.from
                    )));
                }
                let edge = Edge {
                    to: self.wanted.task.to_owned(),
                    ..edge
                };
                if !ways.into.contains(&edge) {
                    ways.into.push(edge);
                }
            }
        }
        for id in self.wanted.tasks {
            if !ways.into.is_empty() && self.edges(id).is_empty() {
                self.notes.push(format!(
                    "`{id}` waits from now on for what the new flow waits for."
                ));
            }
        }
        for (id, _) in self.tasks() {
            let edges = if self.is_in(id) {
                Vec::new()
            } else {
                self.edges(id)
            };
            for edge in edges {
                if !self.is_in(&edge.from) {
                    continue;
                }
                let known = ["succeeded", "failed", "skipped", "cancelled", "always"];
                if let Some(case) = edge.on.iter().find(|word| !known.contains(&word.as_str())) {
                    return Err(refused(format!(
                        "the edge {} → {id} is taken on the case `{case}`, which nobody sees from outside; take `{id}` along, or leave `{}`",
                        edge.from, edge.from
                    )));
                }
                let others = self.wanted.tasks.len() > 1;
                if others && !edge.on.is_empty() {
                    self.notes.push(format!(
                        "`{id}` looks from now on at how the new flow ends, not at `{}` alone.",
                        edge.from
                    ));
                }
                let edge = Edge {
                    from: self.wanted.task.to_owned(),
                    ..edge
                };
                if !ways.out.contains(&edge) {
                    ways.out.push(edge);
                }
            }
        }
        Ok(ways)
    }

    /// Whether an expression of one of the tasks moves to the task that runs them.
    fn moves(ways: &Ways, path: &[String]) -> bool {
        let entry = ways.entry.as_deref();
        path.len() > 2 && entry == Some(&path[1]) && matches!(path[2].as_str(), "needs" | "when")
    }

    fn expressions(&mut self, ways: &Ways) -> Result<Written, Refusal> {
        let mut written = Written::default();
        for expression in expressions(self.document) {
            let path = &expression.path;
            let is_inside = path[0] == "tasks" && path.get(1).is_some_and(|id| self.is_in(id));
            if is_inside && !Self::moves(ways, path) {
                self.inside(&expression, &mut written)?;
            } else {
                self.outside(&expression, &mut written)?;
            }
        }
        Ok(written)
    }

    /// What an expression of one of the tasks reads from around them.
    fn inside(&mut self, expression: &Expression, written: &mut Written) -> Result<(), Refusal> {
        let place = expression.path.join(".");
        let names = name_uses(&expression.text, expression.form);
        let names = names
            .ok_or_else(|| refused(format!("the expression in {place} cannot be read; mend it first")))?;
        for used in names {
            match used.field {
                Some(field) if used.root == "inputs" => drop(written.inputs.insert(field)),
                None if used.root == "inputs" => {
                    let inputs = self.document.get("inputs").and_then(Value::as_object);
                    written
                        .inputs
                        .extend(inputs.into_iter().flatten().map(|(name, _)| name.clone()));
                }
                _ if OWN.contains(&used.root.as_str()) => self.notes.push(format!(
                    "{place} reads `{}`, which is that of the new flow's run from now on.",
                    used.root
                )),
                _ => {}
            }
        }
        let text = self.replaced(expression, false, |task, field| {
            let name = match field {
                "output" => task.to_owned(),
                other => format!("{task}_{other}"),
            };
            let taken = |name: &str| {
                self.document
                    .get("inputs")
                    .is_some_and(|inputs| inputs.get(name).is_some())
            };
            let name = match taken(&name) {
                true => format!("{name}_{field}"),
                false => name,
            };
            let new = format!("inputs{}", step(&name));
            written
                .given
                .insert(name, format!("{{{{ tasks{}.{field} }}}}", step(task)));
            new
        })?;
        if text != expression.text {
            written.inside.push((expression.path.clone(), text));
        }
        Ok(())
    }

    /// What an expression of the others reads of the tasks.
    fn outside(&self, expression: &Expression, written: &mut Written) -> Result<(), Refusal> {
        if task_uses(&expression.text, expression.form).is_none() {
            return Ok(());
        }
        let text = self.replaced(expression, true, |task, field| {
            let name = match field {
                "output" => task.to_owned(),
                other => format!("{task}_{other}"),
            };
            let new = format!("tasks{}.output{}", step(self.wanted.task), step(&name));
            written
                .outputs
                .insert(name, format!("{{{{ tasks{}.{field} }}}}", step(task)));
            new
        })?;
        if text != expression.text {
            written.outside.push((expression.path.clone(), text));
        }
        Ok(())
    }

    /// An expression with something else for `tasks.x.field`, where `x` is one of the tasks or not.
    fn replaced(
        &self,
        expression: &Expression,
        is_of_inside: bool,
        mut with: impl FnMut(&str, &str) -> String,
    ) -> Result<String, Refusal> {
        let text = &expression.text;
        let uses = task_uses(text, expression.form).unwrap_or_default();
        let mut out = String::new();
        let mut done = 0;
        for used in uses.iter().filter(|used| self.is_in(&used.task) == is_of_inside) {
            let place = expression.path.join(".");
            let unclear = || {
                refused(format!(
                    "{place} reads `{}` in a way that cannot be rewritten; write it as `tasks.{}.output`",
                    used.task, used.task
                ))
            };
            let field = used.fields.first().ok_or_else(unclear)?;
            let start = used
                .step
                .start
                .checked_sub("tasks".len())
                .filter(|at| text.get(*at..).is_some_and(|rest| rest.starts_with("tasks")));
            let start = start.ok_or_else(unclear)?;
            let rest = text.get(used.step.end..).unwrap_or_default();
            let forms = [
                format!(".{field}"),
                format!("['{field}']"),
                format!("[\"{field}\"]"),
            ];
            let read = forms
                .iter()
                .find(|form| rest.starts_with(form.as_str()))
                .ok_or_else(unclear)?;
            out.push_str(&text[done..start]);
            out.push_str(&with(&used.task, field));
            done = used.step.end + read.len();
        }
        out.push_str(&text[done..]);
        Ok(out)
    }

    /// The new flow: the old one without what is not its own, so that it keeps its comments and its order.
    fn child(&self, source: &Source, ways: &Ways, written: &Written) -> Result<Source, Refusal> {
        let set = |path: &[&str], value: Option<Value>| Change::Set {
            path: path.iter().map(|step| (*step).to_owned()).collect(),
            value,
        };
        let mut changes = Vec::new();
        for (path, text) in &written.inside {
            changes.push(Change::Set {
                path: path.clone(),
                value: Some(Value::from(text.as_str())),
            });
        }
        if let Some(entry) = &ways.entry {
            for field in ["needs", "join", "when"] {
                if self.task(entry).is_some_and(|task| task.get(field).is_some()) {
                    changes.push(set(&["tasks", entry, field], None));
                }
            }
        } else {
            let edges = self.wanted.tasks.iter().flat_map(|id| self.edges(id));
            let cut = edges.filter(|edge| !self.is_in(&edge.from));
            changes.extend(cut.map(Change::Disconnect));
        }
        let fields = self.document.as_object().into_iter().flatten();
        let gone = fields
            .map(|(name, _)| name.as_str())
            .filter(|name| !KEPT.contains(name));
        changes.extend(gone.map(|name| set(&[name], None)));
        let others: Vec<String> = self
            .tasks()
            .filter(|(id, _)| !self.is_in(id))
            .map(|(id, _)| id.clone())
            .collect();
        if !others.is_empty() {
            changes.push(Change::Remove {
                tasks: others,
                heal: false,
            });
        }
        changes.push(set(&["flow"], Some(Value::from(self.wanted.flow))));
        if self.document.get("name").is_some() {
            changes.push(set(&["name"], None));
        }
        let inputs = self.document.get("inputs").and_then(Value::as_object);
        let unused = inputs
            .into_iter()
            .flatten()
            .filter(|(name, _)| !written.inputs.contains(*name));
        changes.extend(unused.map(|(name, _)| set(&["inputs", name], None)));
        for name in written.given.keys() {
            changes.push(set(&["inputs", name], Some(json!({"type": "any"}))));
        }
        if !written.outputs.is_empty() {
            changes.push(set(&["outputs"], Some(json!(written.outputs))));
        }
        let mut child = source.clone();
        child.apply(&Change::All(changes))?;
        Ok(child)
    }

    fn parent(&self, ways: &Ways, written: &Written) -> Change {
        let mut fields = Map::new();
        fields.insert("type".to_owned(), "subflow".into());
        if let Some(entry) = ways.entry.as_deref().and_then(|entry| self.task(entry)) {
            for field in ["join", "when"] {
                if let Some(value) = entry.get(field) {
                    fields.insert(field.to_owned(), value.clone());
                }
            }
        }
        let mut inputs: BTreeMap<&str, String> = BTreeMap::new();
        for name in &written.inputs {
            inputs.insert(name, format!("{{{{ inputs{} }}}}", step(name)));
        }
        for (name, value) in &written.given {
            inputs.insert(name, value.clone());
        }
        let mut with = json!({"flow": self.wanted.flow});
        if !inputs.is_empty() {
            with["inputs"] = json!(inputs);
        }
        fields.insert("with".to_owned(), with);
        let mut changes = vec![Change::Add(NewTask {
            id: self.wanted.task.to_owned(),
            section: Section::Tasks,
            fields,
            at: self.wanted.at,
            upstream: ways.into.clone(),
        })];
        for (path, text) in &written.outside {
            // What moves to the new task is written there.
            if path[0] == "tasks" && path.get(1).is_some_and(|id| self.is_in(id)) {
                continue;
            }
            changes.push(Change::Set {
                path: path.clone(),
                value: Some(Value::from(text.as_str())),
            });
        }
        changes.extend(ways.out.iter().cloned().map(Change::Connect));
        changes.push(Change::Remove {
            tasks: self.wanted.tasks.to_vec(),
            heal: false,
        });
        Change::All(changes)
    }
}

/// A name as a step of an expression: a `-` in it would be read as minus.
fn step(name: &str) -> String {
    match name.contains('-') {
        true => format!("['{name}']"),
        false => format!(".{name}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use flow::validate::check as validate;

    use super::*;
    use crate::session::Catalog;

    fn check(text: &str, tasks: &str, expected: Expect) {
        let source = Source::guess(text);
        let draft = crate::text::draft::Draft::new(text, source.format()).expect("can be read");
        let tasks: Vec<String> = tasks.split(' ').map(str::to_owned).collect();
        let wanted = Wanted {
            tasks: &tasks,
            flow: "part",
            task: "run-part",
            at: None,
        };
        let told = match extract(&source, draft.value(), &wanted) {
            Err(refusal) => format!("refused: {refusal}\n"),
            Ok(extracted) => {
                let mut parent = source.clone();
                parent.apply(&extracted.change).expect("the change can be made");
                for made in [&parent, &extracted.document] {
                    let types: Vec<flow::view::TaskTypeView> = ["log", "shell", "subflow", "switch"]
                        .map(|key| {
                            let view = json!({"key": key, "title": key, "summary": "", "icon": "", "category": "", "input_schema": true, "output_schema": true});
                            serde_json::from_value(view).expect("is a type")
                        })
                        .to_vec();
                    let checked = validate(made.text().as_bytes(), made.format(), &Catalog(&types));
                    assert!(
                        checked.problems.is_empty(),
                        "{:?}\n{}",
                        checked.problems,
                        made.text()
                    );
                }
                let notes: String = extracted
                    .notes
                    .iter()
                    .map(|note| format!("note: {note}\n"))
                    .collect();
                format!("{}=====\n{}{notes}", parent.text(), extracted.document.text())
            }
        };
        expected.assert_eq(&told);
    }

    const FLOW: &str = "# The shop.
flow: shop
name: Shop
inputs:
  day: { type: string }
  other: { type: string, default: x }
tasks:
  fetch: { type: shell, with: { command: curl } }
  # Cleans.
  clean:
    type: shell
    needs: [{ task: fetch, on: [succeeded, skipped], when: \"{{ inputs.other == 'x' }}\" }]
    when: \"{{ tasks.fetch.state == 'succeeded' }}\"
    with:
      command: clean # it
      env: { DAY: \"{{ inputs.day }}\", ROWS: \"{{ tasks.fetch.output.rows }} of {{ tasks['fetch'].state }}\" }
  load: { type: shell, needs: [clean], with: { command: load, stdin: \"{{ tasks.clean.output }}\" } }
  tell: { type: log, needs: [load], with: { message: \"{{ tasks.load.output.n }} {{ tasks.clean.state }} {{ tasks.fetch.output }}\" } }
outputs: { n: \"{{ tasks.load.output.n }}\" }
finally:
  end: { type: log, with: { message: \"{{ run.outcome }}\" } }
";

    #[test]
    fn tasks_become_a_flow_with_inputs_and_outputs() {
        check(
            FLOW,
            "clean load",
            expect![[r##"
            # The shop.
            flow: shop
            name: Shop
            inputs:
              day: { type: string }
              other: { type: string, default: x }
            tasks:
              fetch: { type: shell, with: { command: curl } }
              run-part:
                type: subflow
                needs: [{ task: fetch, on: [succeeded, skipped], when: "{{ inputs.other == 'x' }}" }]
                when: "{{ tasks.fetch.state == 'succeeded' }}"
                with:
                  flow: part
                  inputs:
                    day: "{{ inputs.day }}"
                    fetch: "{{ tasks.fetch.output }}"
                    fetch_state: "{{ tasks.fetch.state }}"
              tell: { type: log, needs: [run-part], with: { message: "{{ tasks['run-part'].output.load.n }} {{ tasks['run-part'].output.clean_state }} {{ tasks.fetch.output }}" } }
            outputs: { n: "{{ tasks['run-part'].output.load.n }}" }
            finally:
              end: { type: log, with: { message: "{{ run.outcome }}" } }
            =====
            # The shop.
            flow: part
            inputs:
              day: { type: string }
              fetch:
                type: any
              fetch_state:
                type: any
            tasks:
              # Cleans.
              clean:
                type: shell
                with:
                  command: clean # it
                  env: { DAY: "{{ inputs.day }}", ROWS: "{{ inputs.fetch.rows }} of {{ inputs.fetch_state }}" }
              load: { type: shell, needs: [clean], with: { command: load, stdin: "{{ tasks.clean.output }}" } }
            outputs:
              clean_state: "{{ tasks.clean.state }}"
              load: "{{ tasks.load.output }}"
        "##]],
        );
        check(
            FLOW,
            "load",
            expect![[r##"
            # The shop.
            flow: shop
            name: Shop
            inputs:
              day: { type: string }
              other: { type: string, default: x }
            tasks:
              fetch: { type: shell, with: { command: curl } }
              # Cleans.
              clean:
                type: shell
                needs: [{ task: fetch, on: [succeeded, skipped], when: "{{ inputs.other == 'x' }}" }]
                when: "{{ tasks.fetch.state == 'succeeded' }}"
                with:
                  command: clean # it
                  env: { DAY: "{{ inputs.day }}", ROWS: "{{ tasks.fetch.output.rows }} of {{ tasks['fetch'].state }}" }
              run-part:
                type: subflow
                needs: [clean]
                with:
                  flow: part
                  inputs:
                    clean: "{{ tasks.clean.output }}"
              tell: { type: log, needs: [run-part], with: { message: "{{ tasks['run-part'].output.load.n }} {{ tasks.clean.state }} {{ tasks.fetch.output }}" } }
            outputs: { n: "{{ tasks['run-part'].output.load.n }}" }
            finally:
              end: { type: log, with: { message: "{{ run.outcome }}" } }
            =====
            # The shop.
            flow: part
            inputs:
              clean:
                type: any
            tasks:
              load: { type: shell, with: { command: load, stdin: "{{ inputs.clean }}" } }
            outputs:
              load: "{{ tasks.load.output }}"
        "##]],
        );
    }

    #[test]
    fn what_would_not_be_the_same_is_refused() {
        check(
            FLOW,
            "fetch load",
            expect![[r#"
            refused: `clean` runs between these tasks; take it along, or fewer of them
        "#]],
        );
        check(
            FLOW,
            "end",
            expect![[r#"
            refused: `end` is none of the tasks that do the flow's work; those that end a run stay in it
        "#]],
        );
        check(
            FLOW,
            "gone",
            expect![[r#"
            refused: `gone` is none of the tasks that do the flow's work; those that end a run stay in it
        "#]],
        );
        let cases = "flow: a
tasks:
  size: { type: switch, with: { cases: { big: \"{{ true }}\" } } }
  b: { type: log, needs: [{ task: size, on: big }], with: { message: b } }
  c: { type: log, needs: [size], with: { message: \"{{ tasks.size }}\" } }
  d: { type: log, needs: [{ task: size, on: failed }], with: { message: d } }
";
        check(
            cases,
            "size",
            expect![[r#"
            refused: the edge size → b is taken on the case `big`, which nobody sees from outside; take `b` along, or leave `size`
        "#]],
        );
        check(
            cases,
            "size b",
            expect![[r#"
            refused: tasks.c.with.message reads `size` in a way that cannot be rewritten; write it as `tasks.size.output`
        "#]],
        );
        check(
            cases,
            "b c",
            expect![[r#"
            refused: the edge size → b decides whether `b` runs, but not the others; only a condition on the one way in can be kept
        "#]],
        );
        check(
            cases,
            "b d",
            expect![[r#"
            refused: the edge size → b decides whether `b` runs, but not the others; only a condition on the one way in can be kept
        "#]],
        );
        check(
            cases,
            "c",
            expect![[r#"
            refused: tasks.c.with.message reads `size` in a way that cannot be rewritten; write it as `tasks.size.output`
        "#]],
        );
    }
}
