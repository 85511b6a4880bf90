//! `pointwork run`: a flow in this very process, no server needed.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use engine::store::LogStream;
use engine::{Engine, EngineError, SaveFlow, StartRun};
use flow::parse::Format;
use flow::view::{RunDetail, RunStatus, TaskRunView, TaskStatus};
use flow::{FlowDoc, RunId};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Runs a flow in this process. Exit code: 0 succeeded, 1 failed, 2 cancelled, 3 not started.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// A flow document, YAML or JSON; `-` for standard input.
    file: PathBuf,
    /// An input, as often as there are inputs; read by the input's type.
    #[arg(long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// Print the finished run as JSON and nothing else.
    #[arg(long)]
    json: bool,
    /// Keep the run in this data folder instead of in memory: it then appears in the lists of a server over the same folder.
    #[arg(long)]
    data: Option<PathBuf>,
    /// How many attempts may be made at once.
    #[arg(long)]
    workers: Option<usize>,
}

/// Runs a flow and answers the exit code.
///
/// # Errors
/// If it cannot be started.
pub async fn run(args: RunArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<u8> {
    let (name, text) = super::read_document(&args.file)?;
    let temporary = tempfile::tempdir().context("no temporary folder could be made")?;
    let data_dir = args.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    let mut builder = Engine::builder().data_dir(&data_dir).builtin(super::builtin_options());
    if args.data.is_none() {
        builder = builder.in_memory();
    }
    if let Some(workers) = args.workers {
        builder = builder.workers(workers);
    }
    let engine = builder.start().await?;
    let format = Format::guess(&text);
    let save = SaveFlow { source: text, format, id: None, expected: None, actor: "local".to_owned() };
    let saved = engine.save_flow(save).await.map_err(|error| told(&name, error))?;
    let doc = engine.flow(&saved.id, None).await?.document;
    let inputs = inputs_of(&doc, &args.inputs)?;
    let start = StartRun { inputs, trigger: "cli".to_owned(), ..StartRun::of(&saved.id) };
    let run = engine.start_run(start).await.map_err(|error| told(&name, error))?;
    let detail = follow(&engine, run, !args.json && std::io::stderr().is_terminal()).await?;
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&*detail)?)?;
    } else {
        report(&engine, &detail, out).await?;
    }
    engine.shutdown(Duration::ZERO).await;
    Ok(match detail.summary.state {
        RunStatus::Succeeded => 0,
        RunStatus::Cancelled => 2,
        _ => 1,
    })
}

/// The inputs given as `NAME=VALUE`, read by their types.
fn inputs_of(doc: &FlowDoc, given: &[String]) -> anyhow::Result<serde_json::Value> {
    let mut pairs = Vec::with_capacity(given.len());
    for pair in given {
        let Some((name, value)) = pair.split_once('=') else {
            bail!("`--input {pair}` has no `=`; write it as --input name=value");
        };
        pairs.push((name.to_owned(), value.to_owned()));
    }
    flow::inputs::from_form(doc, &pairs).map_err(|problems| told("--input", EngineError::Invalid(problems)))
}

/// All problems of a document on lines of their own.
fn told(file: &str, error: EngineError) -> anyhow::Error {
    match error {
        EngineError::Invalid(problems) => {
            let lines: Vec<String> = problems.iter().map(|problem| format!("{file}:{problem}")).collect();
            anyhow::anyhow!("{}", lines.join("\n"))
        }
        other => other.into(),
    }
}

/// Waits for the end, with a bar for each task that is at work. The first Ctrl-C cancels, the second kills.
async fn follow(engine: &Engine, run: RunId, with_bars: bool) -> anyhow::Result<std::sync::Arc<RunDetail>> {
    let mut bars = with_bars.then(Bars::new);
    let mut hints = engine.watch_run(run);
    let mut n_interrupts = 0;
    loop {
        hints.mark_unchanged();
        let detail = engine.run(run).await?;
        if let Some(bars) = &mut bars {
            bars.show(&detail);
        }
        if detail.summary.state.is_final() {
            engine.logs_flushed(run).await;
            return Ok(std::sync::Arc::new(detail));
        }
        tokio::select! {
            changed = hints.changed() => changed.context("the engine has stopped")?,
            signal = tokio::signal::ctrl_c() => {
                signal.context("Ctrl-C cannot be listened for")?;
                n_interrupts += 1;
                engine.cancel_run(run, n_interrupts > 1, Some("Ctrl-C".to_owned()), "local").await?;
            }
        }
    }
}

/// A line for each task at work, and one for the run.
struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    tasks: BTreeMap<String, ProgressBar>,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        let whole = all.add(ProgressBar::new(0));
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} tasks  {elapsed}") {
            whole.set_style(style);
        }
        whole.enable_steady_tick(Duration::from_millis(250));
        Self { all, whole, tasks: BTreeMap::new() }
    }

    fn show(&mut self, detail: &RunDetail) {
        let counts = detail.summary.counts;
        self.whole.set_length(u64::from(counts.total()));
        self.whole.set_position(u64::from(counts.settled()));
        for task in &detail.tasks {
            let at_work = matches!(task.state, TaskStatus::Running | TaskStatus::Waiting);
            match (at_work, self.tasks.contains_key(&task.path)) {
                (true, false) => {
                    let bar = self.all.insert_before(&self.whole, ProgressBar::new_spinner());
                    bar.enable_steady_tick(Duration::from_millis(120));
                    bar.set_message(at_work_line(task));
                    self.tasks.insert(task.path.clone(), bar);
                }
                (true, true) => self.tasks[&task.path].set_message(at_work_line(task)),
                (false, true) => {
                    if let Some(bar) = self.tasks.remove(&task.path) {
                        bar.finish_and_clear();
                    }
                }
                (false, false) => {}
            }
        }
        if detail.summary.state.is_final() {
            self.whole.finish_and_clear();
        }
    }
}

fn at_work_line(task: &TaskRunView) -> String {
    let attempt = if task.max_attempts > 1 { format!(" ({}/{})", task.attempt, task.max_attempts) } else { String::new() };
    match &task.reason {
        Some(reason) => format!("{}{attempt} {reason}", task.name),
        None => format!("{}{attempt}", task.name),
    }
}

/// A line for each task, the log of those that failed, and how the run ended.
async fn report(engine: &Engine, run: &RunDetail, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    for task in run.tasks.iter().filter(|task| task.reason.as_deref() != Some("was not needed")) {
        let took = task.started_at.zip(task.finished_at).map(|(start, end)| format!("{:.3}s", end.since(start).as_secs_f64()));
        let why = task.error.as_ref().map(|error| error.message.as_str()).or(task.reason.as_deref()).unwrap_or("");
        writeln!(out, "{:<10} {:<24} {:>9}  {why}", task.state.key(), task.path, took.unwrap_or_default())?;
        if task.state == TaskStatus::Failed {
            write_log(engine, run.summary.id, &task.path, out).await?;
        }
    }
    let took = run.summary.started_at.zip(run.summary.finished_at).map_or(0.0, |(start, end)| end.since(start).as_secs_f64());
    writeln!(out, "{} {} in {took:.3}s", run.summary.flow, run.summary.state.key())?;
    if let Some(outputs) = &run.outputs {
        writeln!(out, "{}", serde_json::to_string_pretty(outputs)?)?;
    }
    Ok(())
}

/// Lines of a failed task's log shown: the last, where the reason stands.
const LOG_LINES_SHOWN: usize = 20;

async fn write_log(engine: &Engine, run: RunId, task: &str, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let logs = engine.task_logs(run, task, (0, 0), 256 * 1024).await?;
    let lines: Vec<(LogStream, &str)> =
        logs.chunks.iter().flat_map(|(_, chunk)| chunk.text.lines().map(move |line| (chunk.stream, line))).collect();
    for (_, line) in lines.iter().skip(lines.len().saturating_sub(LOG_LINES_SHOWN)) {
        writeln!(out, "           | {line}")?;
    }
    Ok(())
}
