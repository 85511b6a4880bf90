//! The flow as the canvas sees it: boxes and arrows with their places.

use flow::layout::Point;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::changes::{SECTIONS, upstream};
use crate::text::Source;
use crate::text::draft::Draft;

/// The map of the document a task stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Section {
    /// `tasks`.
    #[default]
    Tasks,
    /// `finally`.
    Finally,
    /// `on_failure`.
    OnFailure,
}

impl Section {
    /// All, in the order in which they run.
    pub const ALL: [Self; 3] = [Self::Tasks, Self::Finally, Self::OnFailure];

    /// When its tasks run, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Tasks => "In the flow",
            Self::Finally => "Runs at the end",
            Self::OnFailure => "Runs on failure",
        }
    }

    /// The field of the document that holds it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Finally => "finally",
            Self::OnFailure => "on_failure",
        }
    }
}

/// A flow as boxes and arrows, in the order of the document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// The boxes.
    pub nodes: Vec<Node>,
    /// The arrows.
    pub edges: Vec<Edge>,
}

/// A task as a box.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its name, or its id.
    pub title: String,
    /// What it does.
    pub task_type: String,
    /// The map it stands in.
    pub section: Section,
    /// Where its author has put it (its upper left corner).
    pub at: Option<Point>,
    /// The cases it can end with besides the usual outcomes: those of a `switch`.
    pub cases: Vec<String>,
    /// Whether it runs once for each item of a list.
    pub is_each: bool,
    /// Whether it is switched off.
    pub is_off: bool,
}

/// An arrow from one task to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// The upstream task.
    pub from: String,
    /// The downstream task.
    pub to: String,
    /// The outcomes that take it, as in the document; empty for the usual one.
    pub on: Vec<String>,
    /// The expression that narrows it.
    pub when: Option<String>,
}

impl Model {
    /// The flow that a text says, as far as it can be drawn: a task may still lack what it needs to run. `None` if the text cannot be
    /// read at all.
    #[must_use]
    pub fn of(source: &Source) -> Option<Self> {
        let draft = Draft::new(source.text(), source.format()).ok()?;
        Some(Self::of_document(draft.value()))
    }

    /// The flow that a document says.
    #[must_use]
    pub fn of_document(document: &Value) -> Self {
        let mut model = Self::default();
        for (name, section) in SECTIONS {
            let tasks = document.get(name).and_then(Value::as_object);
            for (id, task) in tasks.into_iter().flatten() {
                model.nodes.push(Node::of(id, task, section, document));
                let needs = task.get("needs").and_then(Value::as_array);
                // An edge from nowhere cannot be drawn; validation tells it.
                let edges = needs.into_iter().flatten().filter_map(|need| Edge::of(need, id));
                let known = |edge: &Edge| tasks.is_some_and(|tasks| tasks.contains_key(&edge.from));
                model.edges.extend(edges.filter(known));
            }
        }
        model
    }

    /// The box of a task.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }
}

impl Node {
    fn of(id: &str, task: &Value, section: Section, document: &Value) -> Self {
        let text = |name: &str| task.get(name).and_then(Value::as_str);
        let at = document.get("layout").and_then(|layout| layout.get(id));
        let number = |at: &Value, ix: usize| at.get(ix).and_then(Value::as_f64);
        Self {
            id: id.to_owned(),
            title: text("name").unwrap_or(id).to_owned(),
            task_type: text("type").unwrap_or_default().to_owned(),
            section,
            at: at.and_then(|at| {
                Some(Point {
                    x: number(at, 0)?,
                    y: number(at, 1)?,
                })
            }),
            cases: cases(task),
            is_each: task.get("for_each").is_some_and(|each| !each.is_null()),
            is_off: task.get("disabled").and_then(Value::as_bool) == Some(true),
        }
    }
}

/// The cases of a switch that can be known before it runs.
fn cases(task: &Value) -> Vec<String> {
    if task.get("type").and_then(Value::as_str) != Some("switch") {
        return Vec::new();
    }
    let with = task.get("with");
    let cases = with.and_then(|with| with.get("cases")?.as_object());
    let mut cases: Vec<String> = cases
        .into_iter()
        .flat_map(|cases| cases.keys().cloned())
        .collect();
    let default = with.and_then(|with| with.get("default")?.as_str());
    if let Some(default) =
        default.filter(|default| !default.contains("{{") && !cases.iter().any(|case| case == default))
    {
        cases.push(default.to_owned());
    }
    cases
}

impl Edge {
    /// The edge that an entry of `needs` of a task says.
    #[must_use]
    pub fn of(need: &Value, to: &str) -> Option<Self> {
        let on = match need.get("on") {
            Some(Value::String(word)) => vec![word.clone()],
            Some(Value::Array(words)) => words
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => Vec::new(),
        };
        Some(Self {
            from: upstream(need)?.to_owned(),
            to: to.to_owned(),
            on,
            when: need.get("when").and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// Whether both are the same edge: between the same tasks, taken by the same outcomes in any order, with the same expression.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let words = |edge: &Self| match edge.on.as_slice() {
            [] => vec!["succeeded".to_owned()],
            on => {
                let mut on = on.to_vec();
                on.sort_unstable();
                on
            }
        };
        (&self.from, &self.to, &self.when) == (&other.from, &other.to, &other.when)
            && words(self) == words(other)
    }
}
