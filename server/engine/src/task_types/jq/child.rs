//! The process a jq program runs in.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{ExitCode, Stdio};

use flow::limits;
use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::{Ended, STACK_BYTES, Work, evaluate};
use crate::task_type::TaskContext;

/// The first argument that makes a program call [`jq_child_main`].
pub const JQ_CHILD_ARGUMENT: &str = "__jq";

/// Address space of the process: stack, input and output at their limits, and as much again for what is in between, many times.
const MEMORY_BYTES: u64 = 1024 * 1024 * 1024;

/// Seconds of processor time: guards against a parent that is gone.
const CPU_SECS: u64 = 60;

#[derive(Serialize, Deserialize)]
struct Request<'a> {
    program: String,
    #[serde(borrow)]
    input: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Value(Value),
    Wrong(String),
    Limit(String),
}

/// What the process does: a program and its input on standard input, its output on standard output. Memory is bounded by the
/// system, so exceeding it ends this process and nothing else.
pub fn jq_child_main() -> ExitCode {
    let bound = setrlimit(Resource::RLIMIT_AS, MEMORY_BYTES, MEMORY_BYTES)
        .and_then(|()| setrlimit(Resource::RLIMIT_CPU, CPU_SECS, CPU_SECS))
        .and_then(|()| setrlimit(Resource::RLIMIT_CORE, 0, 0));
    let answer = match bound {
        Ok(()) => std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(answer)
            .map(std::thread::JoinHandle::join),
        Err(error) => Err(error.into()),
    };
    let answer = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Answer::Wrong("the jq program made its interpreter panic".to_owned()),
        Err(error) => Answer::Limit(format!(
            "the process for the jq program could not be set up: {error}"
        )),
    };
    let written = serde_json::to_vec(&answer)
        .map_err(std::io::Error::from)
        .and_then(|json| std::io::stdout().write_all(&json));
    if written.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn answer() -> Answer {
    let mut json = Vec::new();
    if let Err(error) = std::io::stdin().read_to_end(&mut json) {
        return Answer::Limit(format!("the request could not be read: {error}"));
    }
    let request: Request<'_> = match serde_json::from_slice(&json) {
        Ok(request) => request,
        Err(error) => return Answer::Limit(format!("the request is not what it should be: {error}")),
    };
    match evaluate::evaluate(
        &request.program,
        request.input.get().as_bytes(),
        limits::OUTPUT_BYTES_MAX,
        &|| false,
    ) {
        Ok(value) => Answer::Value(value),
        Err(evaluate::Error::Wrong(message)) => Answer::Wrong(message),
        Err(evaluate::Error::Limit(message)) => Answer::Limit(message),
    }
}

/// Runs a program in the process. Dropped, it kills it.
pub(super) async fn run(helper: &Path, ctx: &TaskContext, work: Work) -> Ended {
    tokio::select! {
        ended = converse(helper, ctx, work) => ended.unwrap_or_else(|error| Ended::Limit(format!("the process for the jq program failed: {error}"))),
        () = ctx.cancel.cancelled() => Ended::Cancelled,
    }
}

async fn converse(helper: &Path, ctx: &TaskContext, work: Work) -> std::io::Result<Ended> {
    let input = serde_json::from_slice(&work.input)?;
    let request = serde_json::to_vec(&Request {
        program: work.program,
        input,
    })?;
    let mut child = Command::new(helper)
        .arg(JQ_CHILD_ARGUMENT)
        .env_clear()
        .env("POINTWORK_INSTANCE", ctx.instance.as_ref())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let (mut stdin, mut stdout, mut stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut answer, mut words) = (Vec::new(), Vec::new());
    let write = async {
        if let Some(mut pipe) = stdin.take() {
            // If it went away, its end says why.
            let _ = pipe.write_all(&request).await;
        }
    };
    let read = async {
        match &mut stdout {
            // Escapes make an answer longer than its value, but never endless.
            Some(pipe) => pipe
                .take(limits::OUTPUT_BYTES_MAX as u64 * 8)
                .read_to_end(&mut answer)
                .await
                .map(|_| ()),
            None => Ok(()),
        }
    };
    let listen = async {
        match &mut stderr {
            Some(pipe) => pipe.take(4096).read_to_end(&mut words).await.map(|_| ()),
            None => Ok(()),
        }
    };
    let ((), read, listened) = tokio::join!(write, read, listen);
    read.and(listened)?;
    let status = child.wait().await?;
    if status.success() {
        return Ok(match serde_json::from_slice(&answer)? {
            Answer::Value(value) => Ended::Value(value),
            Answer::Wrong(message) => Ended::Wrong(message),
            Answer::Limit(message) => Ended::Limit(message),
        });
    }
    let words = String::from_utf8_lossy(&words);
    Ok(Ended::Limit(if words.contains("overflowed its stack") {
        "the jq program recurses too deep".to_owned()
    } else if words.contains("memory allocation") {
        format!(
            "the jq program needs more memory than it may have ({})",
            crate::task_logs::human_bytes(MEMORY_BYTES as usize)
        )
    } else {
        format!("the process of the jq program ended with {status}")
    }))
}
