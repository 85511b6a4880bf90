//! Everything that is wrong with a document whose fields are well formed: names, edges, cycles, arguments, bounds.
//!
//! All problems are told, not only the first. Warnings never block.

mod arguments;
mod canvas;
mod concurrency;
mod edges;
mod fields;
mod inputs;
mod notify;
mod reach;
mod schedules;
mod secrets;
#[cfg(test)]
pub(crate) mod tests;
mod webhooks;

pub use self::arguments::check_fit;
pub(crate) use fields::to_slug;

use rustc_hash::FxHashSet;
use serde_json::Value;

pub(crate) use crate::doc::is_template;
use crate::doc::{FlowDoc, ScheduleDoc, TaskDoc};
use crate::expr::Program;
use crate::fit::Fit;
use crate::ids::is_slug;
use crate::limits;
use crate::parse::{self, Draft, Format, join};
use crate::problem::{Problem, Severity};
use crate::suggest::Suggester;

/// Problems listed of one document; a count stands for the rest.
const PROBLEMS_MAX: usize = 1_000;

/// The task types a flow may use.
pub trait TypeCatalog {
    /// The JSON Schema of `with` of a task type; `None` if there is no such type.
    fn input_schema(&self, task_type: &str) -> Option<&Value>;

    /// The queues whose workers do a type that the server itself does not; `None` for types that it does.
    fn queues(&self, _task_type: &str) -> Option<Vec<&str>> {
        None
    }

    /// The keys of all types.
    fn known(&self) -> Vec<&str>;

    /// Whether there is a secret of this name; `None` if nobody here knows.
    fn has_secret(&self, _name: &str) -> Option<bool> {
        None
    }

    /// Whether there is a variable of this name; `None` if nobody here knows.
    fn has_variable(&self, _name: &str) -> Option<bool> {
        None
    }

    /// What is wrong with a schedule's pattern or zone, as a field of it and a sentence. Calendars are the server's: a page leaves
    /// that to it.
    ///
    /// # Errors
    /// The field, `cron` or `timezone`, and the sentence.
    fn check_schedule(&self, _schedule: &ScheduleDoc) -> Result<(), (&'static str, String)> {
        Ok(())
    }
}

/// Whether a number is a priority.
///
/// # Errors
/// What it is to be.
pub fn check_priority(priority: i32) -> Result<(), String> {
    let max = limits::PRIORITY_MAX;
    if (-max..=max).contains(&priority) {
        Ok(())
    } else {
        Err(format!("a priority is from -{max} to {max}, not {priority}"))
    }
}

/// Whether a value can be what arguments are checked against.
///
/// # Errors
/// Why it is no JSON Schema.
pub fn check_schema(schema: &Value) -> Result<(), String> {
    Fit::of(schema).map(|_| ())
}

/// What checking a text gave.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The document, if it has no errors: it can be stored and run.
    pub doc: Option<FlowDoc>,
    /// Errors and warnings, in the order of the text.
    pub problems: Vec<Problem>,
}

/// Reads and validates a text. Every problem has its line and column.
#[must_use]
pub fn check(text: &[u8], format: Format, types: &dyn TypeCatalog) -> Checked {
    let Draft {
        doc,
        places,
        mut problems,
    } = parse::draft(text, format);
    if let Some(doc) = &doc {
        let told = told_fields(&problems);
        let mut found = validate(doc, types);
        let whole: FxHashSet<String> = problems
            .iter()
            .filter(|problem| problem.code == "wrong_type")
            .filter_map(|problem| problem.field.clone())
            .collect();
        found.retain(|problem| {
            let field = problem.field.as_deref();
            field.is_none_or(|field| {
                !told.contains(field) && !ancestors(field).any(|above| whole.contains(above))
            })
        });
        problems.append(&mut found);
    }
    places.locate(&mut problems);
    problems.sort_by_key(|problem| (problem.line, problem.column));
    shorten(&mut problems);
    let is_valid = problems
        .iter()
        .all(|problem| problem.severity == Severity::Warning);
    Checked {
        doc: doc.filter(|_| is_valid),
        problems,
    }
}

/// The fields of which something is told already, and all they stand in: what else is found of those may well be but a
/// consequence of what was left out, so it waits for the next time.
fn told_fields(problems: &[Problem]) -> FxHashSet<String> {
    let mut told = FxHashSet::default();
    for field in problems.iter().filter_map(|problem| problem.field.as_deref()) {
        told.insert(field.to_owned());
        told.extend(ancestors(field).map(str::to_owned));
    }
    told
}

/// The paths a field lies in, the nearest first. In quoted steps it stops at a dot too many times, which does no harm.
fn ancestors(field: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(field), |path| path.rfind(['.', '[']).map(|at| &path[..at])).skip(1)
}

/// Leaves a count of what is too much to list.
pub(crate) fn shorten(problems: &mut Vec<Problem>) {
    if problems.len() > PROBLEMS_MAX {
        let n_errors = |problems: &[Problem]| {
            problems
                .iter()
                .filter(|problem| problem.severity == Severity::Error)
                .count()
        };
        let rest = &problems[PROBLEMS_MAX..];
        let message = format!("{} more problems are not listed", rest.len());
        let problem = if n_errors(rest) > 0 {
            Problem::error("more_problems", message)
        } else {
            Problem::warning("more_problems", message)
        };
        problems.truncate(PROBLEMS_MAX);
        problems.push(problem);
    }
}

/// Everything wrong with a document, without places; see [`parse::Places::locate`].
#[must_use]
pub fn validate(doc: &FlowDoc, types: &dyn TypeCatalog) -> Vec<Problem> {
    let n_tasks = doc.tasks.len() + doc.finally.len() + doc.on_failure.len();
    if n_tasks > limits::TASKS_MAX {
        return vec![parse::too_many_tasks(n_tasks)];
    }
    let mut check = Check {
        doc,
        problems: Vec::new(),
        suggester: Suggester::default(),
    };
    fields::check(&mut check);
    canvas::check(&mut check);
    inputs::check(&mut check);
    let graph = edges::check(&mut check);
    arguments::check(&mut check, types);
    schedules::check(&mut check, types);
    concurrency::check(&mut check);
    webhooks::check(&mut check, types);
    notify::check(&mut check, types);
    let (program, problems) = Program::compile(doc);
    check.problems.extend(problems);
    secrets::variables(&mut check, &program, types);
    if let Some(graph) = graph {
        reach::check(&mut check, &graph);
    }
    arguments::blank(&mut check, types);
    excuse(doc, &mut check.problems);
    check.problems
}

/// What is wrong with what a switched-off task would do keeps nobody from running the flow: it does not do it.
fn excuse(doc: &FlowDoc, problems: &mut [Problem]) {
    let off: Vec<String> = Group::ALL
        .iter()
        .flat_map(|group| group.of(doc).iter().map(move |(id, task)| (group, id, task)))
        .filter(|(_, _, task)| task.disabled)
        .map(|(group, id, _)| group.path(id))
        .collect();
    if off.is_empty() {
        return;
    }
    // How it is reached still counts.
    let counts = ["needs", "join", "when"];
    for problem in problems {
        let field = problem.field.as_deref().unwrap_or_default();
        let is_excused = off.iter().any(|path| {
            let rest = field.strip_prefix(path.as_str());
            let rest = rest.and_then(|rest| rest.strip_prefix('.'));
            rest.is_some_and(|rest| !counts.iter().any(|name| rest.starts_with(name)))
        });
        if is_excused {
            problem.severity = problem.severity.max(Severity::Warning);
        }
    }
}

/// A validation under way.
struct Check<'d> {
    doc: &'d FlowDoc,
    problems: Vec<Problem>,
    suggester: Suggester,
}

impl<'d> Check<'d> {
    fn error(&mut self, code: &str, field: impl Into<String>, message: impl Into<String>) {
        self.problems
            .push(located(Problem::error(code, message), field.into()));
    }

    fn warning(&mut self, code: &str, field: impl Into<String>, message: impl Into<String>) {
        self.problems
            .push(located(Problem::warning(code, message), field.into()));
    }

    /// That there are not too many of something with names, and that these are names.
    fn names(&mut self, of: &Named<'_>, names: impl ExactSizeIterator<Item = &'d String>) {
        if names.len() > of.max {
            let message = format!(
                "{} {} are too many; a flow has at most {}",
                names.len(),
                of.many,
                of.max
            );
            self.error(of.code, of.field, message);
        }
        for name in names.filter(|name| !is_slug(name)) {
            let message = format!(
                "`{}` cannot {}: names have lower case letters, digits, `-` and `_`",
                name.escape_debug(),
                of.be
            );
            self.error("bad_id", join(of.field, name), message);
        }
    }

    /// All tasks, each with the group it stands in.
    fn tasks(&self) -> impl Iterator<Item = (Group, &'d str, &'d TaskDoc)> + use<'d> {
        let doc = self.doc;
        Group::ALL.into_iter().flat_map(move |group| {
            group
                .of(doc)
                .iter()
                .map(move |(id, task)| (group, id.as_str(), task))
        })
    }
}

/// Something that flows have several of, each with a name.
struct Named<'n> {
    /// The field of the flow.
    field: &'n str,
    /// How many there may be, how they are called, and the code of the problem that there are more.
    max: usize,
    many: &'n str,
    code: &'n str,
    /// What a name that is none cannot do.
    be: &'n str,
}

fn located(problem: Problem, field: String) -> Problem {
    let problem = match parse::task_of(&field) {
        Some(task) => problem.of_task(&task),
        None => problem,
    };
    problem.at(field)
}

/// The groups of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Main,
    Finally,
    OnFailure,
}

impl Group {
    const ALL: [Self; 3] = [Self::Main, Self::Finally, Self::OnFailure];

    /// The field that holds it.
    fn field(self) -> &'static str {
        match self {
            Self::Main => "tasks",
            Self::Finally => "finally",
            Self::OnFailure => "on_failure",
        }
    }

    fn of(self, doc: &FlowDoc) -> &indexmap::IndexMap<String, TaskDoc> {
        match self {
            Self::Main => &doc.tasks,
            Self::Finally => &doc.finally,
            Self::OnFailure => &doc.on_failure,
        }
    }

    /// The path of one of its tasks.
    fn path(self, id: &str) -> String {
        join(self.field(), id)
    }
}

/// Whether a value is or holds a text with an expression in it, which is evaluated when the task starts.
fn has_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => is_template(text),
        Value::Array(items) => items.iter().any(has_expression),
        Value::Object(map) => map.values().any(has_expression),
        _ => false,
    }
}
