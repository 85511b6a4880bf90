//! What an expression refers to.

use std::ops::Range;
use std::sync::Arc;

use crate::steps::{push_field, push_place};

/// What an expression or template refers to, found when it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs {
    /// The tasks it names, sorted.
    pub tasks: Vec<Arc<str>>,
    /// Those of them whose output it reads, sorted: the values it needs loaded.
    pub outputs: Vec<Arc<str>>,
    /// It chooses a task only when it is rendered (`tasks[…]`): any ancestor and its output may be read.
    pub any_task: bool,
    /// It reads `inputs`.
    pub inputs: bool,
    /// The inputs it names, sorted.
    pub input_names: Vec<Arc<str>>,
    /// It chooses an input only when it is rendered, or takes them all.
    pub any_input: bool,
    /// The variables it names, sorted.
    pub vars: Vec<Arc<str>>,
    /// It reads `run`.
    pub run: bool,
    /// It reads `upstream`.
    pub upstream: bool,
    /// It reads `item` or `item_index`.
    pub item: bool,
    /// It reads `iteration` or `last`.
    pub iteration: bool,
    /// It reads `last`.
    pub last: bool,
    /// It reads `now`.
    pub now: bool,
}

impl Refs {
    /// Whether it refers to nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All that any of several refers to.
    #[must_use]
    pub fn union<'r>(all: impl IntoIterator<Item = &'r Self>) -> Self {
        let mut union = Self::default();
        for refs in all {
            union.tasks.extend(refs.tasks.iter().cloned());
            union.outputs.extend(refs.outputs.iter().cloned());
            union.any_task |= refs.any_task;
            union.inputs |= refs.inputs;
            union.input_names.extend(refs.input_names.iter().cloned());
            union.any_input |= refs.any_input;
            union.vars.extend(refs.vars.iter().cloned());
            union.run |= refs.run;
            union.upstream |= refs.upstream;
            union.item |= refs.item;
            union.iteration |= refs.iteration;
            union.last |= refs.last;
            union.now |= refs.now;
        }
        union.sort();
        union
    }

    fn sort(&mut self) {
        for list in [
            &mut self.tasks,
            &mut self.outputs,
            &mut self.input_names,
            &mut self.vars,
        ] {
            list.sort_unstable();
            list.dedup();
        }
    }
}

/// One place in an expression where a name of the scope is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    /// The first name: `inputs`, `tasks` …
    pub(super) root: String,
    /// The fields and places after it that stand there literally.
    pub(super) path: Vec<Step>,
    /// It may be missing: `| default(…)` or `is defined` follows.
    pub(super) is_optional: bool,
    /// The bytes of its first step, with the dot or brackets.
    pub(super) first: Option<Range<usize>>,
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A field of an object.
    Field(String),
    /// A place in a list.
    Place(u64),
}

impl Step {
    /// The field, if it is one.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Self::Field(field) => Some(field),
            Self::Place(_) => None,
        }
    }

    /// The step as a word.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Field(field) => field.clone(),
            Self::Place(place) => place.to_string(),
        }
    }
}

impl Mention {
    /// The field at this place of the path.
    pub(super) fn field(&self, ix: usize) -> Option<&str> {
        self.path.get(ix).and_then(Step::field)
    }

    /// As an author would write the first `fields` steps of it.
    pub(super) fn text(&self, fields: usize) -> String {
        let mut text = self.root.clone();
        for step in self.path.iter().take(fields) {
            match step {
                Step::Field(field) => push_field(&mut text, field),
                Step::Place(place) => push_place(&mut text, *place),
            }
        }
        text
    }
}

impl FromIterator<Mention> for Refs {
    fn from_iter<I: IntoIterator<Item = Mention>>(mentions: I) -> Self {
        let mut refs = Self::default();
        for mention in mentions {
            match mention.root.as_str() {
                "inputs" => {
                    refs.inputs = true;
                    match mention.field(0) {
                        Some(name) => refs.input_names.push(name.into()),
                        None => refs.any_input = true,
                    }
                }
                "vars" => refs.vars.extend(mention.field(0).map(Arc::from)),
                "run" => refs.run = true,
                "upstream" => refs.upstream = true,
                "item" | "item_index" => refs.item = true,
                "now" => refs.now = true,
                "iteration" => refs.iteration = true,
                "last" => (refs.iteration, refs.last) = (true, true),
                "tasks" => match mention.field(0) {
                    Some(task) => {
                        let task: Arc<str> = task.into();
                        if mention.path.len() < 2 || mention.field(1) == Some("output") {
                            refs.outputs.push(Arc::clone(&task));
                        }
                        refs.tasks.push(task);
                    }
                    None => refs.any_task = true,
                },
                _ => {}
            }
        }
        refs.sort();
        refs
    }
}
