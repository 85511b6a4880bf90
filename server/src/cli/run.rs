//! `pointwork run`: a flow in this very process, no server needed.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use engine::store::retention::Retention;
use engine::task_types::BuiltinOptions;
use engine::{Engine, EngineError, StartRun};
use flow::view::{RunDetail, RunStatus, TaskRunView, TaskStatus};
use flow::{FlowDoc, RunId};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use super::config::File;
use super::document::{Source, lines};
use super::given::Given;
use super::progress::Bars;

/// Lines of a failed task's log that are shown: the last ones, where the reason stands.
const LOG_LINES_SHOWN: usize = 20;

/// Bytes of a failed task's log that are looked at for them.
const LOG_BYTES_READ: usize = 16 * 1024 * 1024;

/// Run a flow in this process, no server needed. Exit code: 0 succeeded, 1 failed, 2 cancelled, 3 not started
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// A flow document, YAML or JSON; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// An input, as often as there are some; read by the type it has in the document
    #[arg(long = "input", short, value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// A secret, as often as there are some: from a file, or by its name alone from the environment variable of that name. With --data
    /// the secrets of the folder are there
    #[arg(long = "secret", value_name = "NAME[=@FILE]", conflicts_with = "data")]
    pub(super) secrets: Vec<String>,
    /// A variable, as often as there are some: JSON, or else text. With --data the variables of the folder are there
    #[arg(long = "var", value_name = "NAME=VALUE", conflicts_with = "data")]
    pub(super) variables: Vec<String>,
    /// Print the finished run as JSON and nothing else
    #[arg(long)]
    json: bool,
    /// Keep run and files in this data folder, where a server finds them later; in memory and a temporary folder otherwise
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The configuration file of the server of that folder, for its key of the secrets
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Option<PathBuf>,
    /// How many attempts may be made at once
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Exit code 0.
    Succeeded,
    /// Exit code 1.
    Failed,
    /// Exit code 2.
    Cancelled,
    /// Exit code 3; everything wrong with document or inputs was told.
    NotStarted,
}

/// Runs a flow to its end. The first interrupt cancels it, the second does so by force.
///
/// # Errors
/// If it cannot be started.
pub(super) async fn run(args: RunArgs, out: &mut (dyn Write + Send)) -> Result<Ended> {
    let source = Source::open(&args.file).map_err(|problem| anyhow::anyhow!(problem.message))?;
    let folder = Folder::new(args.data.as_deref())?;
    let given = Given::read(&args)?;
    let engine = start_engine(&args, folder.path()).await?;
    let started = match given.put(&engine).await {
        Ok(()) => start_run(&engine, source, &args.inputs).await,
        Err(error) => Err(error),
    };
    let run = match started {
        Ok(run) => run,
        Err(error) => {
            engine.shutdown(Duration::ZERO).await;
            // As they are, without a name in front: the lines are places in a document.
            writeln!(std::io::stderr(), "{error:#}")?;
            return Ok(Ended::NotStarted);
        }
    };
    let detail = follow(&engine, run, !args.json && std::io::stderr().is_terminal()).await?;
    if args.json {
        writeln!(out, "{:#}", serde_json::to_value(&detail)?)?;
    } else {
        report(&engine, &detail, out).await?;
    }
    engine.shutdown(Duration::ZERO).await;
    folder.finish(&mut std::io::stderr())?;
    Ok(match detail.summary.state {
        RunStatus::Succeeded => Ended::Succeeded,
        RunStatus::Cancelled => Ended::Cancelled,
        _ => Ended::Failed,
    })
}

/// Where tasks work and write.
enum Folder {
    Named(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    fn new(named: Option<&Path>) -> Result<Self> {
        match named {
            Some(path) => Ok(Self::Named(path.to_owned())),
            None => tempfile::Builder::new()
                .prefix("pointwork-")
                .tempdir()
                .map(Self::Temporary)
                .context("cannot make a temporary folder"),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// Files that tasks wrote are not thrown away.
    fn finish(self, told: &mut dyn Write) -> Result<()> {
        if let Self::Temporary(folder) = self
            && folder
                .path()
                .join("files")
                .read_dir()
                .is_ok_and(|mut files| files.next().is_some())
        {
            writeln!(told, "files are in {}", folder.keep().join("files").display())?;
        }
        Ok(())
    }
}

async fn start_engine(args: &RunArgs, folder: &Path) -> Result<Engine> {
    // jq programs run in a process of this very program.
    let builtin = BuiltinOptions {
        jq_helper: std::env::current_exe().ok(),
        ..BuiltinOptions::default()
    };
    // Which runs of a data folder are kept is for its server to say.
    let mut builder = Engine::builder()
        .data_dir(folder)
        .builtin(builtin)
        .retention(Retention::off());
    if args.data.is_none() {
        builder = builder.in_memory();
    } else {
        // As the folder's server does.
        let file = File::read(args.config.as_deref())?;
        builder = builder.secret_key(super::serve::key_source(file.secret_key_file)?);
    }
    if let Some(workers) = args.workers {
        builder = builder.workers(workers);
    }
    builder
        .start()
        .await
        .with_context(|| format!("cannot use the data folder {}", folder.display()))
}

async fn start_run(engine: &Engine, source: Source, inputs: &[String]) -> Result<RunId> {
    let read = source.read(&*engine.types());
    let told = lines(&source.name, &read.problems);
    let Some(doc) = read.doc else {
        bail!("{}", told.trim_end())
    };
    if !told.is_empty() {
        std::io::stderr().write_all(told.as_bytes())?;
    }
    let inputs = inputs_of(&doc, inputs)?;
    let saved = source.save(engine, &doc).await?;
    let version = Some(saved.version);
    let start = StartRun {
        inputs,
        version,
        trigger: "cli".to_owned(),
        ..StartRun::of(&saved.id)
    };
    Ok(engine.start_run(start).await?)
}

/// The inputs given as `NAME=VALUE`, read by their types.
pub(super) fn inputs_of(doc: &FlowDoc, given: &[String]) -> Result<serde_json::Value> {
    let mut pairs = Vec::with_capacity(given.len());
    for pair in given {
        let Some((name, value)) = pair.split_once('=') else {
            bail!("`--input {pair}` has no `=`; write it as --input name=value");
        };
        pairs.push((name.to_owned(), value.to_owned()));
    }
    flow::inputs::from_form(doc, &pairs)
        .map_err(|problems| anyhow::anyhow!("{}", lines("--input", &problems).trim_end().to_owned()))
}

/// Signals that come within this time are one.
const ONE_WISH: Duration = Duration::from_millis(500);

/// Waits for the end, with a bar for each task that is at work.
async fn follow(engine: &Engine, run: RunId, with_bars: bool) -> Result<RunDetail> {
    let mut bars = with_bars.then(Bars::new);
    // Made once, before the first look: an interrupt between two looks must not get lost.
    let mut interrupts = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut ends = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut hints = engine.watch_run(run);
    let mut n_interrupts = 0;
    let mut interrupted_at: Option<Instant> = None;
    let mut told_of: BTreeSet<String> = BTreeSet::new();
    loop {
        hints.mark_unchanged();
        let detail = engine.run(run).await?;
        if let Some(bars) = &mut bars {
            bars.show(&detail);
        }
        for (path, line) in detail.tasks.iter().filter_map(unanswerable) {
            if told_of.insert(path) {
                say(bars.as_ref(), &line)?;
            }
        }
        if detail.summary.state.is_final() {
            engine.logs_flushed(run).await;
            return Ok(detail);
        }
        let reason = tokio::select! {
            changed = hints.changed() => {
                changed.context("the engine has stopped")?;
                continue;
            }
            _ = interrupts.recv() => "interrupted from the keyboard",
            _ = ends.recv() => "asked to end by SIGTERM",
        };
        // Some send a signal to a process and to its group: that is one wish.
        if interrupted_at.is_some_and(|at| at.elapsed() < ONE_WISH) {
            continue;
        }
        interrupted_at = Some(Instant::now());
        n_interrupts += 1;
        let told = format!("{reason}; the run is cancelled, once more ends it at once");
        say(bars.as_ref(), &told)?;
        cancel(engine, run, n_interrupts > 1, reason).await?;
    }
}

fn say(bars: Option<&Bars>, line: &str) -> Result<()> {
    match bars {
        Some(bars) => bars.say(line),
        None => writeln!(std::io::stderr(), "{line}")?,
    }
    Ok(())
}

/// A task that waits for somebody who cannot reach this process, and what to say of it.
fn unanswerable(task: &TaskRunView) -> Option<(String, String)> {
    let what = match task.waits_for.as_deref()? {
        "approval" => "an answer",
        "signal" => "a signal",
        _ => return None,
    };
    let until = task.waits_until.map_or_else(
        || "; Ctrl-C cancels the run".to_owned(),
        |until| format!("; it waits until {until}"),
    );
    let line = format!(
        "{} waits for {what}, which nobody can give without a server{until}",
        task.path
    );
    Some((task.path.clone(), line))
}

async fn cancel(engine: &Engine, run: RunId, force: bool, reason: &str) -> Result<()> {
    match engine
        .cancel_run(run, force, Some(reason.to_owned()), "local")
        .await
    {
        // It may have ended in the same moment.
        Ok(()) | Err(EngineError::Finished(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A line for each task, the end of the log of those that failed, how the run ended and what it gave.
async fn report(engine: &Engine, run: &RunDetail, out: &mut (dyn Write + Send)) -> Result<()> {
    let width = run
        .tasks
        .iter()
        .map(|task| task.path.chars().count())
        .max()
        .unwrap_or(0);
    for task in run.tasks.iter().filter(|task| has_happened(task)) {
        let took = seconds(task.started_at.zip(task.finished_at));
        let why = task.error.as_ref().map(|error| error.message.as_str());
        let why = why
            .filter(|_| task.state == TaskStatus::Failed)
            .or(task.reason.as_deref())
            .unwrap_or("");
        let line = format!("{:<9} {:<width$} {took:>9}  {why}", task.state.key(), task.path);
        writeln!(out, "{}", line.trim_end())?;
        if task.state == TaskStatus::Failed {
            write_log(engine, run.summary.id, &task.path, out).await?;
        }
    }
    let took = seconds(run.summary.started_at.zip(run.summary.finished_at));
    let state = run.summary.state.key();
    match &run.summary.error {
        Some(error) => writeln!(out, "{} {state} in {took}: {}", run.summary.flow, error.message)?,
        None => writeln!(out, "{} {state} in {took}", run.summary.flow)?,
    }
    if let Some(outputs) = run.outputs.as_ref().filter(|outputs| !outputs.is_null()) {
        writeln!(out, "{outputs:#}")?;
    }
    Ok(())
}

/// Undo and `on_failure` tasks that were not needed are nobody's news.
fn has_happened(task: &TaskRunView) -> bool {
    task.role == "main" || !matches!(task.state, TaskStatus::Skipped | TaskStatus::Blocked)
}

fn seconds(times: Option<(flow::Timestamp, flow::Timestamp)>) -> String {
    times.map_or_else(String::new, |(start, end)| {
        format!("{:.3}s", end.since(start).as_secs_f64())
    })
}

async fn write_log(engine: &Engine, run: RunId, task: &str, out: &mut (dyn Write + Send)) -> Result<()> {
    let logs = engine.task_logs(run, task, (0, 0), LOG_BYTES_READ).await?;
    let lines: Vec<&str> = logs
        .chunks
        .iter()
        .flat_map(|(_, chunk)| chunk.text.lines())
        .collect();
    for line in &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..] {
        writeln!(out, "          | {line}")?;
    }
    Ok(())
}
