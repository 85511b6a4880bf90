//! `shell`: runs a command in a process group of its own.
//!
//! The process is given a clean environment, a folder of its own and a pipe to its log. Nothing of it survives the attempt: what
//! is left of its group is killed when the command ends, and what fled from the group while it holds the pipes open too.

mod process;
mod result;
mod survivors;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use flow::limits;
use flow::run::event::TaskError;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::task_type::{TaskContext, TaskOutcome, TaskType, TaskTypeInfo};

pub use survivors::end_survivors;

/// The folder below the data folder in which commands work; what is in it when a server starts is rubbish.
pub const TEMPORARY: &str = "tmp";

/// What of the server's own environment a command sees.
const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER"];

/// Where programs are looked for if the server has no `PATH`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a command.
pub(super) struct Shell;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The command, or the interpreter's program. Values from elsewhere belong into `env`.
    command: String,
    /// What reads it: a program of the `PATH` or an absolute path. `python3`, `node`, `bash`, `perl`, `ruby` … read it as a program.
    #[serde(default = "default_interpreter")]
    #[schemars(default = "default_interpreter")]
    interpreter: String,
    /// Environment variables; what is not text is given as JSON.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    env: BTreeMap<String, Value>,
    /// The folder it works in, absolute or below `files/` in the data folder; without it an empty one that is gone afterwards.
    #[serde(default)]
    cwd: Option<PathBuf>,
    /// What it reads from standard input; what is not text is given as JSON.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    stdin: Option<Value>,
}

fn default_interpreter() -> String {
    "/bin/sh".to_owned()
}

#[async_trait]
impl TaskType for Shell {
    fn info(&self) -> TaskTypeInfo {
        TaskTypeInfo::new::<Arguments, Value>(
            "shell",
            "Shell command",
            "Runs a command or a script in a process of its own.",
        )
        .shown_as("io", "terminal")
    }

    async fn run(&self, ctx: &TaskContext) -> TaskOutcome {
        match run(ctx).await {
            Ok(outcome) => outcome,
            Err(error) => TaskOutcome::from(error),
        }
    }
}

async fn run(ctx: &TaskContext) -> Result<TaskOutcome, TaskError> {
    let arguments: Arguments = ctx.input()?;
    let place = Place::new(ctx, arguments.cwd.as_deref())?;
    let mut command = Command::new(&arguments.interpreter);
    command
        .arg(program_flag(&arguments.interpreter))
        .arg(&arguments.command)
        .current_dir(&place.cwd)
        .env_clear()
        .envs(environment(ctx, &arguments.env, &place.output)?)
        .stdin(if arguments.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let child = command
        .spawn()
        .map_err(|error| cannot_start(&error, &arguments, &place.cwd))?;
    let stdin = arguments.stdin.map(|value| text_of(value).into_bytes());
    let ended = process::watch(ctx, child, stdin).await;
    let outcome = result::outcome(ctx, ended, &place.output).await;
    place.remove().await;
    Ok(outcome)
}

/// The option by which an interpreter takes its program from the command line.
fn program_flag(interpreter: &str) -> &'static str {
    let name = Path::new(interpreter)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or(interpreter);
    match name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "node" | "nodejs" | "bun" | "perl" | "ruby" | "lua" | "julia" | "Rscript" | "elixir" => "-e",
        "deno" => "eval",
        "php" => "-r",
        // All shells and Python.
        _ => "-c",
    }
}

fn environment(
    ctx: &TaskContext,
    given: &BTreeMap<String, Value>,
    output: &Path,
) -> Result<Vec<(String, std::ffi::OsString)>, TaskError> {
    let mut env: Vec<(String, std::ffi::OsString)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| INHERITED.contains(&name.as_str()) || name.starts_with("LC_"))
        .collect();
    if !env.iter().any(|(name, _)| name == "PATH") {
        env.push(("PATH".to_owned(), PATH.into()));
    }
    for (name, value) in given {
        let text = text_of(value.clone());
        if name.is_empty() || name.contains(['=', '\0']) || text.contains('\0') {
            return Err(TaskError::new(
                "input",
                format!(
                    "`env.{}` is not a possible environment variable",
                    name.escape_debug()
                ),
            )
            .permanent());
        }
        env.push((name.clone(), text.into()));
    }
    // Last, so that they cannot be overwritten: survivors are found by them.
    env.extend([
        ("POINTWORK_INSTANCE".to_owned(), ctx.instance.as_ref().into()),
        ("POINTWORK_RUN".to_owned(), ctx.run.to_string().into()),
        ("POINTWORK_FLOW".to_owned(), ctx.flow.as_ref().into()),
        ("POINTWORK_TASK".to_owned(), ctx.task.as_ref().into()),
        ("POINTWORK_ATTEMPT".to_owned(), ctx.attempt.to_string().into()),
        (
            "POINTWORK_IDEMPOTENCY_KEY".to_owned(),
            ctx.idempotency_key.clone().into(),
        ),
        ("POINTWORK_OUTPUT".to_owned(), output.into()),
    ]);
    Ok(env)
}

/// Text as it is, anything else as JSON.
fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn cannot_start(error: &std::io::Error, arguments: &Arguments, cwd: &Path) -> TaskError {
    use std::io::ErrorKind;
    let name = &arguments.interpreter;
    if !cwd.is_dir() {
        return TaskError::new(
            "input",
            format!("the folder `{}` (`cwd`) does not exist", cwd.display()),
        )
        .permanent();
    }
    match error.kind() {
        ErrorKind::NotFound => TaskError::new(
            "interpreter",
            format!("`{name}` is not installed on this server; install it or name another `interpreter`"),
        )
        .permanent(),
        ErrorKind::PermissionDenied => TaskError::new(
            "interpreter",
            format!("`{name}` is not a program this server may run"),
        )
        .permanent(),
        ErrorKind::ArgumentListTooLong => {
            let message =
                "command and environment are larger than the system takes; give large values by `stdin`";
            TaskError::new("input", message).permanent()
        }
        ErrorKind::InvalidInput => TaskError::new("input", "the command holds a NUL character").permanent(),
        // Out of processes or memory: it may pass.
        _ => TaskError::new("spawn", format!("`{name}` could not be started: {error}")),
    }
}

/// Where a command works and where it may leave its output.
struct Place {
    cwd: PathBuf,
    /// The folder to be removed afterwards.
    own: Option<PathBuf>,
    /// Does not exist until the command writes it.
    output: PathBuf,
}

impl Place {
    fn new(ctx: &TaskContext, cwd: Option<&Path>) -> Result<Self, TaskError> {
        let cannot = |error: std::io::Error| {
            TaskError::new(
                "spawn",
                format!("no working folder could be made in the data folder: {error}"),
            )
        };
        // Absolute, because the command's own folder is another.
        let base = std::path::absolute(&ctx.data_dir).map_err(cannot)?;
        let own = make_own(&base.join(TEMPORARY)).map_err(cannot)?;
        Ok(Self {
            cwd: cwd.map_or_else(|| own.clone(), |cwd| base.join("files").join(cwd)),
            output: own.with_extension("output"),
            own: Some(own),
        })
    }

    /// Most commands leave nothing: two quick calls. The rest may take its time, away from the workers.
    async fn remove(mut self) {
        let Some(own) = self.own.take() else { return };
        let _ = std::fs::remove_file(&self.output);
        if std::fs::remove_dir(&own).is_err() {
            let _ = tokio::fs::remove_dir_all(&own).await;
        }
    }
}

impl Drop for Place {
    /// The attempt was dropped while it ran.
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            let _ = std::fs::remove_file(&self.output);
            let _ = std::fs::remove_dir_all(own);
        }
    }
}

/// A new folder among the temporary ones, which are made with the first.
fn make_own(temporary: &Path) -> std::io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut is_made = false;
    loop {
        // The process's number keeps the names apart from those of a server that was killed.
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let own = temporary.join(name);
        match make_private(&own) {
            Ok(()) => return Ok(own),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            // Another attempt may make it at the same time: then it is there at the second try.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_made => {
                std::fs::create_dir_all(temporary)?;
                is_made = true;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(unix)]
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir(path)
}

/// How much of an output is read: one byte more than it may have.
const OUTPUT_READ_MAX: u64 = limits::OUTPUT_BYTES_MAX as u64 + 1;
