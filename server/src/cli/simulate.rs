//! `pointwork simulate`: a flow on a virtual clock. Nothing is really done, so that hours pass in a moment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use engine::task_types::{BuiltinOptions, TypeRegistry};
use flow::run::event::Ended as RunEnded;
use flow::run::{Event, EventKind, TaskError};
use flow::simulate::{Failing, MOMENTS_MAX, Progress, Scenario, Simulation, Stub, sample};
use flow::{FlowDoc, HumanDuration, Payload, Plan, Timestamp};
use serde_json::{Map, Value, json};

use super::document::{Source, lines};
use super::run::{Ended, inputs_of};

/// Characters of a value that a line of the timeline shows.
const VALUE_SHOWN_MAX: usize = 80;

/// Run a flow on a virtual clock: nothing is done, stubs give the outputs, hours pass in a moment. Exit code as of `run`
#[derive(Debug, clap::Args)]
pub(super) struct SimulateArgs {
    /// A flow document, YAML or JSON; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// An input, as often as there are some; read by the type it has in the document
    #[arg(long = "input", short, value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// A variable that the flow names, as JSON or else as text
    #[arg(long = "var", value_name = "NAME=VALUE")]
    vars: Vec<String>,
    /// What a task gives, as JSON; otherwise a plain value of the kind its type gives
    #[arg(long = "output", short, value_name = "TASK=JSON")]
    outputs: Vec<String>,
    /// How long a task takes; otherwise a second
    #[arg(long, value_name = "TASK=DURATION")]
    takes: Vec<String>,
    /// A task that fails, in each attempt or in the first N; the error `lost` loses its worker
    #[arg(long = "fail", value_name = "TASK[:N]=ERROR")]
    fails: Vec<String>,
    /// Of chance: the same seed gives the same timeline
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// When the run starts
    #[arg(long, value_name = "TIME", default_value = "2026-01-01T00:00:00Z")]
    at: Timestamp,
    /// Print the events as JSON and nothing else
    #[arg(long)]
    json: bool,
}

/// Simulates a flow and prints its timeline.
///
/// # Errors
/// If the document or an argument is wrong, or nothing can be printed.
pub(super) fn simulate(args: &SimulateArgs, out: &mut dyn Write) -> Result<Ended> {
    let types = TypeRegistry::builtin(&BuiltinOptions::default());
    let source = Source::open(&args.file).map_err(|problem| anyhow::anyhow!(problem.message))?;
    let read = source.read(&types);
    write!(std::io::stderr(), "{}", lines(&source.name, &read.problems))?;
    let Some(doc) = read.doc else {
        return Ok(Ended::NotStarted);
    };
    let doc = Arc::new(doc);
    let scenario = Scenario {
        inputs: inputs_of(&doc, &args.inputs)?,
        vars: vars(&args.vars)?,
        stubs: stubs(args, &doc, &types)?,
        pinned: BTreeMap::new(),
        seed: args.seed,
        at: args.at,
    };
    let mut simulation = Simulation::start(doc, scenario);
    let progress = simulation.run();
    if args.json {
        writeln!(out, "{:#}", json!(simulation.log()))?;
    } else {
        out.write_all(timeline(&simulation).as_bytes())?;
    }
    match &progress {
        Progress::Stuck(lacks) => {
            for (task, lacks) in lacks {
                writeln!(std::io::stderr(), "{task} goes on no more: {lacks}")?;
            }
        }
        Progress::TooLong => writeln!(
            std::io::stderr(),
            "given up after {MOMENTS_MAX} moments: the flow waits for something that does not come"
        )?,
        Progress::Going | Progress::Ended => {}
    }
    Ok(match simulation.log().last().map(|event| &event.kind) {
        Some(EventKind::RunFinished { outcome, .. }) => match outcome {
            RunEnded::Succeeded => Ended::Succeeded,
            RunEnded::Failed => Ended::Failed,
            RunEnded::Cancelled => Ended::Cancelled,
        },
        _ => Ended::Failed,
    })
}

fn vars(given: &[String]) -> Result<Map<String, Value>> {
    let pairs = given.iter().map(|pair| {
        let (name, text) = pair
            .split_once('=')
            .with_context(|| format!("`--var {pair}` has no `=`; write it as --var name=value"))?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        Ok((name.to_owned(), value))
    });
    pairs.collect()
}

/// The stubs asked for, and of all other tasks one that gives a value of the kind their type gives.
fn stubs(args: &SimulateArgs, doc: &Arc<FlowDoc>, types: &TypeRegistry) -> Result<BTreeMap<String, Stub>> {
    let plan = Plan::new(Arc::clone(doc));
    let mut stubs = BTreeMap::new();
    for task in &plan.tasks {
        let output = types
            .info(&task.doc.task_type)
            .map(|info| sample(&info.output_schema));
        let stub = Stub {
            output,
            ..Stub::default()
        };
        stubs.insert(task.key.to_string(), stub);
    }
    let known = |option: &str, path: &str| {
        plan.spot(path).with_context(|| {
            let known: Vec<&str> = plan.tasks.iter().take(20).map(|task| &*task.key).collect();
            let known = known.join(", ");
            format!("`--{option} {path}=…`: the flow has no task run `{path}`; its tasks are {known}")
        })
    };
    let mut given = Vec::new();
    for (option, pairs) in [
        ("output", &args.outputs),
        ("takes", &args.takes),
        ("fail", &args.fails),
    ] {
        for pair in pairs {
            let (path, value) = pair
                .split_once('=')
                .with_context(|| format!("`--{option} {pair}` has no `=`; write it as --{option} task=…"))?;
            let (path, times) = match path.rsplit_once(':') {
                Some((path, n)) if option == "fail" => {
                    let n: u32 = n
                        .parse()
                        .with_context(|| format!("`--fail {pair}`: `{n}` is no number of attempts"))?;
                    (path, Some(n))
                }
                _ => (path, None),
            };
            given.push((known(option, path)?, option, path, times, value));
        }
    }
    // What is said of a whole task holds for its items too, whatever was said first.
    given.sort_by_key(|(spot, ..)| spot.part.is_some());
    for (spot, option, path, attempts, value) in given {
        let of_task = stubs.get(&*plan.task(spot.task).key).cloned().unwrap_or_default();
        let stub = stubs.entry(path.to_owned()).or_insert(of_task);
        match option {
            "output" => {
                let value = serde_json::from_str(value).with_context(|| {
                    format!("`--output {path}=…` is no JSON (a text has quotes: '{path}=\"text\"')")
                })?;
                stub.output = Some(value);
            }
            "takes" => {
                let takes: HumanDuration = value.parse().with_context(|| format!("`--takes {path}=…`"))?;
                stub.takes = Some(takes.as_duration());
            }
            _ => {
                let kind = if value == "lost" { value } else { "failed" };
                let error = TaskError::new(kind, value);
                stub.fails = Some(Failing { error, attempts });
            }
        }
    }
    Ok(stubs)
}

/// A line for each thing that happened, with the time since the start in front.
fn timeline(simulation: &Simulation) -> String {
    let began = simulation
        .log()
        .first()
        .map_or_else(|| simulation.now(), |event| event.at);
    let paths = simulation.log().iter().filter_map(|event| event.kind.task());
    let width = paths.map(|path| path.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    let mut lines = simulation.lines().iter().peekable();
    for event in simulation.log() {
        let Some(told) = told(simulation, event) else {
            continue;
        };
        let task = event.kind.task().map_or("", |task| task);
        line(
            &mut out,
            event.at.since(began),
            &format!("{task:<width$}  {told}"),
        );
        // What a light task logged stands under it: they succeed at the moment they log.
        while let Some(logged) = lines.next_if(|logged| logged.at <= event.at && &*logged.task == task) {
            line(
                &mut out,
                logged.at.since(began),
                &format!("{task:<width$}  | {}", logged.message),
            );
        }
    }
    out
}

fn line(out: &mut String, after: std::time::Duration, text: &str) {
    // Whole milliseconds: a virtual clock knows no others, apart from jitter.
    let after = HumanDuration::from_millis(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)).to_string();
    // A `String` takes all that is written.
    let _ = writeln!(out, "{}", format!("{after:>10}  {text}").trim_end());
}

/// What an event says to people; nothing if the next one says it better.
fn told(simulation: &Simulation, event: &Event) -> Option<String> {
    Some(match &event.kind {
        EventKind::RunStarted {} => "the run starts".to_owned(),
        EventKind::AttemptStarted { attempt: 1, .. } => "starts".to_owned(),
        EventKind::AttemptStarted { attempt, .. } => format!("starts attempt {attempt}"),
        EventKind::ItemsListed { n, .. } => format!("has {n} items"),
        EventKind::LoopBegun { .. } => "begins its loop".to_owned(),
        EventKind::TaskWaiting { waits_for, until, .. } => {
            let waits_for = json!(waits_for);
            let until = until.map_or_else(String::new, |until| format!(" until {until}"));
            format!("waits: {}{until}", waits_for.as_str().unwrap_or_default())
        }
        EventKind::SignalReceived { name, payload } => {
            format!("the signal {name} comes{}", value(simulation, payload))
        }
        EventKind::ChildRequested { flow, .. } => format!("starts a run of {flow}"),
        EventKind::TaskSkipped { reason, .. } => format!("skipped: {}", skipped(reason)),
        EventKind::AttemptFailed { error, retry_at, .. } => {
            let pause = retry_at.since(event.at);
            format!("fails: {}; again in {:.3} s", error.message, pause.as_secs_f64())
        }
        EventKind::AttemptLost { .. } => "loses its worker".to_owned(),
        EventKind::TaskSucceeded { output, case, .. } => match case {
            Some(case) => format!("succeeded, {case}"),
            None => format!("succeeded{}", value(simulation, output)),
        },
        EventKind::TaskFailed { error, .. } => format!("failed: {}", error.message),
        EventKind::TaskCancelled { reason, .. } => format!("cancelled: {reason}"),
        EventKind::EndingStep { step } => {
            format!("the ending: {}", json!(step).as_str().unwrap_or_default())
        }
        EventKind::RunFinished {
            outcome,
            error,
            outputs,
        } => {
            let error = error
                .as_ref()
                .map_or_else(String::new, |error| format!(": {}", error.message));
            let outputs = outputs
                .as_ref()
                .map_or_else(String::new, |outputs| value(simulation, outputs));
            format!("the run {}{error}{outputs}", outcome.key())
        }
        _ => return None,
    })
}

fn skipped(reason: &flow::run::event::Skip) -> String {
    use flow::run::event::Skip;
    match reason {
        Skip::Upstream { task } => format!("the edge from {task} was not taken"),
        Skip::NoEdge => "no edge was taken".to_owned(),
        Skip::When => "its condition is false".to_owned(),
    }
}

/// A value, shortened; nothing of null.
fn value(simulation: &Simulation, payload: &Payload) -> String {
    let value = simulation.value(payload).unwrap_or_default();
    if *value == Value::Null {
        return String::new();
    }
    let text = value.to_string();
    let mut shown: String = text.chars().take(VALUE_SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!(" {shown}")
}
