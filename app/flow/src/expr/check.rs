//! Whether what expressions refer to is there: tasks that can have ended before, inputs, fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::refs::Mention;
use super::scope::{AFTER_FIELDS, RUN_FIELDS, TASK_FIELDS, TRIGGER_FIELDS, UPSTREAM_FIELDS};
use super::template::Reader;
use crate::doc::{FlowDoc, TaskDoc};
use crate::limits;
use crate::problem::Problem;
use crate::suggest::Suggester;

/// What is said of an output that is always null; it keeps nobody from running the flow.
const OFF: &str = "disabled_task";

/// Where an expression stands, which says what it may see.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'d> {
    /// The condition of an edge into a task.
    Needs(&'d str),
    /// A task's own condition.
    When(&'d str),
    /// A task's arguments.
    With(&'d str),
    /// The list of its items.
    Items(&'d str),
    /// What ends its loop.
    Until(&'d str),
    /// The arguments of what takes a task back.
    Undo(&'d str),
    /// The outputs of the flow.
    Outputs,
    /// What is evaluated before a run is there, from its inputs.
    Start,
    /// The inputs that a schedule gives to the runs it starts.
    Trigger,
    /// The inputs that another flow's end gives to the runs it starts.
    After,
    /// What a webhook makes of a delivery.
    Webhook,
}

impl<'d> Place<'d> {
    fn task(self) -> Option<&'d str> {
        match self {
            Self::Needs(task)
            | Self::When(task)
            | Self::With(task)
            | Self::Items(task)
            | Self::Until(task)
            | Self::Undo(task) => Some(task),
            Self::Outputs | Self::Start | Self::Trigger | Self::After | Self::Webhook => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Main,
    Finally,
    OnFailure,
}

/// Judges references against a document and gathers the problems.
pub(super) struct Checker<'d> {
    doc: &'d FlowDoc,
    place: Place<'d>,
    tasks: FxHashMap<&'d str, usize>,
    list: Vec<(Group, &'d TaskDoc)>,
    ancestors: Option<Vec<Vec<u64>>>,
    problems: Vec<Problem>,
    variables: Variables,
    words: Suggester,
}

/// The variables that expressions name, each with the first field that cannot do without it, if there is one.
pub(super) type Variables = BTreeMap<Arc<str>, Option<String>>;

impl<'d> Checker<'d> {
    pub(super) fn new(doc: &'d FlowDoc) -> Self {
        let (mut tasks, mut list) = (FxHashMap::default(), Vec::new());
        for (group, kind) in [
            (&doc.tasks, Group::Main),
            (&doc.finally, Group::Finally),
            (&doc.on_failure, Group::OnFailure),
        ] {
            for (key, task) in group {
                tasks.insert(key.as_str(), list.len());
                list.push((kind, task));
            }
        }
        Self {
            doc,
            place: Place::Outputs,
            tasks,
            list,
            ancestors: None,
            problems: Vec::new(),
            variables: Variables::new(),
            words: Suggester::default(),
        }
    }

    /// Says where the next expressions stand.
    pub(super) fn enter(&mut self, place: Place<'_>) {
        // The key is looked up so that it lives as long as the document.
        let own = |key: &str| self.doc_key(key);
        self.place = match place {
            Place::Needs(key) => own(key).map_or(Place::Outputs, Place::Needs),
            Place::When(key) => own(key).map_or(Place::Outputs, Place::When),
            Place::With(key) => own(key).map_or(Place::Outputs, Place::With),
            Place::Items(key) => own(key).map_or(Place::Outputs, Place::Items),
            Place::Until(key) => own(key).map_or(Place::Outputs, Place::Until),
            Place::Undo(key) => own(key).map_or(Place::Outputs, Place::Undo),
            Place::Outputs => Place::Outputs,
            Place::Start => Place::Start,
            Place::Trigger => Place::Trigger,
            Place::After => Place::After,
            Place::Webhook => Place::Webhook,
        };
    }

    fn doc_key(&self, key: &str) -> Option<&'d str> {
        self.tasks.get_key_value(key).map(|(key, _)| *key)
    }

    /// The variables that are named, and all problems, in the order of the document.
    pub(super) fn into_problems(self) -> (Variables, Vec<Problem>) {
        (self.variables, self.problems)
    }

    /// Adds a problem of the field at `path`.
    pub(super) fn problem(&mut self, path: &str, code: &str, sentence: &str) {
        let problem = match code {
            OFF => Problem::warning(code, sentence),
            _ => Problem::error(code, sentence),
        };
        let mut problem = problem.at(path);
        if let Some(task) = self.place.task() {
            problem = problem.of_task(task);
        }
        // One field may name the same missing thing twice.
        let of_field = self
            .problems
            .iter()
            .rev()
            .take_while(|told| told.field == problem.field);
        if !of_field.into_iter().any(|told| *told == problem) {
            self.problems.push(problem);
        }
    }

    fn judge(&mut self, path: &str, mention: &Mention) {
        let first = mention.field(0);
        let found = match mention.root.as_str() {
            "secrets" => Err((
                "secret_reference",
                "Secrets cannot be read by expressions; only a field made for secrets takes `{{ secrets.name }}`, with nothing before or after it.".to_owned(),
            )),
            "vars" => self.judge_variable(path, mention),
            "body" | "headers" | "query" if matches!(self.place, Place::Webhook) => Ok(()),
            _ if matches!(self.place, Place::Webhook) => Err((
                "unknown_name",
                format!("There is no `{}` before the run has started; expressions see `body`, `headers`, `query` and `vars` here.", mention.root),
            )),
            "trigger" if matches!(self.place, Place::Trigger) => self.known_field("trigger", first, TRIGGER_FIELDS),
            "trigger" if matches!(self.place, Place::After) => self.known_field("trigger", first, AFTER_FIELDS),
            _ if matches!(self.place, Place::Trigger | Place::After) => Err((
                "unknown_name",
                format!("There is no `{}` before the run has started; expressions see `trigger` and `vars` here.", mention.root),
            )),
            "inputs" => self.judge_input(mention),
            _ if matches!(self.place, Place::Start) => Err((
                "unknown_name",
                format!("There is no `{}` before the run has started; expressions see `inputs` here.", mention.root),
            )),
            "tasks" => self.judge_task(mention),
            "run" => self.known_field("run", first, RUN_FIELDS),
            "upstream" if matches!(self.place, Place::When(_)) => self.known_field("upstream", first, UPSTREAM_FIELDS),
            "upstream" => Err(("unknown_name", "`upstream` is there only in a task's own `when`.".to_owned())),
            "item" | "item_index" if self.sees_item() => Ok(()),
            "item" | "item_index" => Err(("unknown_name", format!("`{}` is there only in `with` and `when` of a task with `for_each`.", mention.root))),
            "iteration" | "last" if self.sees_iteration() => Ok(()),
            "iteration" | "last" => Err(("unknown_name", format!("`{}` is there only in `with` and `until` of a task with a `loop`.", mention.root))),
            "now" if self.sees_now() => Ok(()),
            "now" => Err(("unknown_name", "`now` is there only in `with` of a `wait`; elsewhere the same expression must give the same again.".to_owned())),
            "loop" if self.sees_iteration() => Err(("unknown_name", "`loop` is there only inside a `{% for %}`; what this task's loop is at are `iteration` and `last`.".to_owned())),
            "loop" => Err(("unknown_name", "`loop` is there only inside a `{% for %}`.".to_owned())),
            "env" => Err(("unknown_name", "The environment cannot be read; give the run an input.".to_owned())),
            // The second half of `tasks.load-all`, which has been told.
            other if self.is_told_as_dashed(path, other) => Ok(()),
            other => {
                let here = self.seen_here();
                let near = self.words.did_you_mean(other, ["inputs", "vars", "tasks", "run", "upstream", "true", "false", "none"].into_iter().chain(here.iter().copied()));
                let near = if self.tasks.contains_key(other) { format!(" (did you mean `tasks.{other}`?)") } else { near };
                let near = if self.doc.inputs.contains_key(other) { format!(" (did you mean `inputs.{other}`?)") } else { near };
                Err(("unknown_name", {
                    let names: Vec<_> = ["inputs", "vars", "tasks"].into_iter().chain(here).map(|name| format!("`{name}`")).collect();
                    format!("There is no `{other}`; expressions see {} and `run`{near}.", names.join(", "))
                }))
            }
        };
        if let Err((code, sentence)) = found {
            self.problem(path, code, &sentence);
        }
    }

    /// What expressions see in this place beside what they see everywhere.
    fn seen_here(&self) -> Vec<&'static str> {
        let seen: [(bool, &[&str]); 3] = [
            (self.sees_item(), &["item", "item_index"]),
            (self.sees_iteration(), &["iteration", "last"]),
            (self.sees_now(), &["now"]),
        ];
        let there = seen.into_iter().filter(|(is_there, _)| *is_there);
        there.flat_map(|(_, names)| names.iter().copied()).collect()
    }

    /// Whether this place is judged for each item of a list.
    fn sees_item(&self) -> bool {
        let (Place::With(key) | Place::When(key)) = self.place else {
            return false;
        };
        self.doc_task(key).is_some_and(|task| task.for_each.is_some())
    }

    /// Whether this place is judged for each iteration of a loop.
    fn sees_iteration(&self) -> bool {
        let (Place::With(key) | Place::Until(key)) = self.place else {
            return false;
        };
        self.doc_task(key).is_some_and(TaskDoc::is_loop)
    }

    /// Whether this place is judged again as time goes by.
    fn sees_now(&self) -> bool {
        match self.place {
            Place::With(key) => self
                .doc_task(key)
                .is_some_and(|task| task.unrolled().task_type == "wait"),
            Place::Undo(key) => self
                .doc_task(key)
                .and_then(|task| task.undo.as_ref())
                .is_some_and(|undo| undo.task_type == "wait"),
            _ => false,
        }
    }

    fn doc_task(&self, key: &str) -> Option<&'d TaskDoc> {
        Some(self.list.get(*self.tasks.get(key)?)?.1)
    }

    fn is_told_as_dashed(&self, path: &str, rest: &str) -> bool {
        let is_told = self
            .problems
            .last()
            .is_some_and(|told| told.code == "unknown_task" && told.field.as_deref() == Some(path));
        is_told
            && self
                .tasks
                .keys()
                .any(|key| key.strip_suffix(rest).is_some_and(|start| start.ends_with('-')))
    }

    fn judge_input(&self, mention: &Mention) -> Result<(), (&'static str, String)> {
        let Some(name) = mention.field(0) else {
            return Ok(());
        };
        if self.doc.inputs.contains_key(name) {
            return Ok(());
        }
        let near = self
            .words
            .did_you_mean(name, self.doc.inputs.keys().map(String::as_str));
        Err(("unknown_input", format!("The flow has no input `{name}`{near}.")))
    }

    /// Only those that stand there by name are kept with a run.
    fn judge_variable(&mut self, path: &str, mention: &Mention) -> Result<(), (&'static str, String)> {
        let Some(name) = mention.field(0) else {
            let sentence = "Variables are read by name, as in `vars.base_url`: a run keeps those it names.";
            return Err(("unknown_variable", sentence.to_owned()));
        };
        let needed_at = self.variables.entry(name.into()).or_default();
        if needed_at.is_none() && !mention.is_optional {
            *needed_at = Some(path.to_owned());
        }
        Ok(())
    }

    fn judge_task(&mut self, mention: &Mention) -> Result<(), (&'static str, String)> {
        let Some(name) = mention.field(0) else {
            return Ok(());
        };
        let Some(&target) = self.tasks.get(name) else {
            return Err(("unknown_task", self.unknown_task(name)));
        };
        self.judge_order(name, target)?;
        let base = mention.text(1);
        self.known_field(&base, mention.field(1), TASK_FIELDS)?;
        if self.list[target].1.disabled && mention.field(1) == Some("output") {
            let sentence = format!("`{name}` is switched off: its output is null.");
            return Err((OFF, sentence));
        }
        Ok(())
    }

    fn unknown_task(&self, name: &str) -> String {
        // `tasks.load-all` is read as `tasks.load - all`.
        let dashed = self
            .tasks
            .keys()
            .filter(|key| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')))
            .min();
        if let Some(dashed) = dashed {
            return format!(
                "There is no task `{name}`; a `-` in a name is read as minus: write `tasks['{dashed}']`."
            );
        }
        format!(
            "There is no task `{name}`{}.",
            self.words.did_you_mean(name, self.tasks.keys().copied())
        )
    }

    /// Whether the target can have ended when the expression is judged.
    fn judge_order(&mut self, name: &str, target: usize) -> Result<(), (&'static str, String)> {
        let group = self.list[target].0;
        let Some(task) = self.place.task() else {
            return if group == Group::Main {
                Ok(())
            } else {
                Err((
                    "not_upstream",
                    format!("The outputs of the flow see its main tasks; `{name}` is not one of them."),
                ))
            };
        };
        let Some(&own) = self.tasks.get(task) else {
            return Ok(());
        };
        let own_group = self.list[own].0;
        if own == target {
            let is_over = matches!(self.place, Place::Undo(_));
            return if is_over {
                Ok(())
            } else {
                Err((
                    "not_upstream",
                    format!("`{name}` refers to itself, before it has run."),
                ))
            };
        }
        let is_earlier = match own_group {
            Group::Main => false,
            Group::Finally => group == Group::Main,
            Group::OnFailure => group != Group::OnFailure,
        };
        if is_earlier || self.is_ancestor(own, target) {
            return Ok(());
        }
        let reason = match self.place {
            Place::Undo(_) => format!(
                "What takes `{task}` back sees `{task}` and the tasks before it; `{name}` is none of them."
            ),
            _ => format!(
                "`{task}` does not come after `{name}`, so it may not have run; add `{name}` to the `needs` of `{task}`."
            ),
        };
        Err(("not_upstream", reason))
    }

    fn is_ancestor(&mut self, own: usize, target: usize) -> bool {
        let direct = self.list[own]
            .1
            .needs
            .iter()
            .any(|need| self.tasks.get(need.task()) == Some(&target));
        if direct || self.list.len() > 2 * limits::TASKS_MAX {
            // Such a document is refused for its size; its sets would be too large.
            return true;
        }
        if self.ancestors.is_none() {
            self.ancestors = Some(self.all_ancestors());
        }
        let set = self.ancestors.as_ref().and_then(|sets| sets.get(own));
        // A task in a circle has no set; the circle is told by validation.
        set.is_none_or(|set| set.is_empty() || set[target / 64] >> (target % 64) & 1 == 1)
    }

    fn known_field(
        &self,
        base: &str,
        field: Option<&str>,
        known: &[&str],
    ) -> Result<(), (&'static str, String)> {
        match field {
            Some(field) if !known.contains(&field) => {
                let near = self.words.did_you_mean(field, known.iter().copied());
                let hint = if near.is_empty() && base.starts_with("tasks.") {
                    format!("; what the task gave is in `{base}.output`")
                } else {
                    near
                };
                Err((
                    "unknown_field",
                    format!(
                        "`{base}` has no field `{field}`; it has {}{hint}.",
                        known.join(", ")
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// One bit for each pair, 12 MiB at the limit of tasks, built in one pass in the order of the edges.
    fn all_ancestors(&self) -> Vec<Vec<u64>> {
        let words = self.list.len().div_ceil(64);
        let ups: Vec<Vec<usize>> = self
            .list
            .iter()
            .map(|(_, task)| {
                task.needs
                    .iter()
                    .filter_map(|need| self.tasks.get(need.task()).copied())
                    .collect()
            })
            .collect();
        let mut downs = vec![Vec::new(); ups.len()];
        for (to, froms) in ups.iter().enumerate() {
            froms.iter().for_each(|from| downs[*from].push(to));
        }
        let mut open: Vec<usize> = ups.iter().map(Vec::len).collect();
        let mut ready: Vec<usize> = (0..ups.len()).filter(|ix| open[*ix] == 0).collect();
        let mut sets: Vec<Vec<u64>> = vec![Vec::new(); ups.len()];
        while let Some(ix) = ready.pop() {
            let mut set = vec![0; words.max(1)];
            for from in &ups[ix] {
                set.iter_mut()
                    .zip(&sets[*from])
                    .for_each(|(mine, theirs)| *mine |= theirs);
                set[from / 64] |= 1 << (from % 64);
            }
            sets[ix] = set;
            for down in &downs[ix] {
                open[*down] -= 1;
                if open[*down] == 0 {
                    ready.push(*down);
                }
            }
        }
        sets
    }
}

impl Reader for Checker<'_> {
    fn fault(&mut self, path: &str, code: &'static str, sentence: &str) {
        self.problem(path, code, sentence);
    }

    fn words(&self) -> &Suggester {
        &self.words
    }

    fn leaves_secret(&self) -> bool {
        matches!(self.place, Place::With(_) | Place::Undo(_))
    }

    fn mentions(&mut self, path: &str, mentions: &[Mention]) {
        mentions.iter().for_each(|mention| self.judge(path, mention));
    }
}
