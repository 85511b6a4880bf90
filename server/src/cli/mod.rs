//! The command line.

mod backup;
mod config;
mod document;
mod given;
mod progress;
mod retention;
mod run;
mod secret;
mod serve;
mod simulate;
mod validate;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use engine::task_types::{JQ_CHILD_ARGUMENT, jq_child_main};

use crate::bench;

/// Pointwork, a workflow engine in one program: durable runs, a web app, an API.
#[derive(Parser)]
#[command(name = "pointwork", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the web app and the API, and run flows.
    Serve(serve::Args),
    Run(run::RunArgs),
    Validate(validate::ValidateArgs),
    Simulate(simulate::SimulateArgs),
    Bench(bench::BenchArgs),
    Backup(backup::BackupArgs),
    Check(backup::CheckArgs),
    Restore(backup::RestoreArgs),
    Secret(secret::SecretArgs),
}

/// Exit code of a run that could not be started.
const NOT_STARTED: u8 = 3;

/// Does what the arguments of the process ask for.
#[must_use]
pub fn main() -> ExitCode {
    // The server starts itself for each jq program, to bound its memory and time.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == JQ_CHILD_ARGUMENT)
    {
        return jq_child_main();
    }
    let command = match Args::try_parse() {
        Ok(args) => args.command,
        Err(error) => return usage(&error),
    };
    // A run that was not started must not look like one that failed.
    let otherwise = if matches!(command, Command::Run(_) | Command::Simulate(_)) {
        ExitCode::from(NOT_STARTED)
    } else {
        ExitCode::FAILURE
    };
    match execute(command) {
        Ok(code) => code,
        Err(error) => {
            // If nobody can be told there is nothing left to do.
            let _ = writeln!(std::io::stderr(), "pointwork: {error:#}");
            otherwise
        }
    }
}

/// Tells how the command is used, or what was asked for about it.
fn usage(error: &clap::Error) -> ExitCode {
    // If nobody can be told there is nothing left to do.
    let _ = error.print();
    match u8::try_from(error.exit_code()) {
        // Of `run` and `simulate`, 2 says that the run was cancelled.
        Ok(2)
            if std::env::args_os()
                .nth(1)
                .is_some_and(|first| first == "run" || first == "simulate") =>
        {
            ExitCode::from(NOT_STARTED)
        }
        Ok(code) => ExitCode::from(code),
        Err(_) => ExitCode::FAILURE,
    }
}

fn execute(command: Command) -> Result<ExitCode> {
    let is_good = |is_good: bool| {
        if is_good {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    };
    match command {
        Command::Serve(args) => on_runtime(serve::main(args)),
        Command::Run(args) => on_runtime(run::run(args, &mut std::io::stdout())).map(code_of),
        Command::Validate(args) => Ok(is_good(validate::validate(&args, &mut std::io::stdout().lock())?)),
        Command::Simulate(args) => simulate::simulate(&args, &mut std::io::stdout().lock()).map(code_of),
        Command::Backup(args) => {
            backup::backup(args, &mut std::io::stdout().lock()).map(|()| ExitCode::SUCCESS)
        }
        Command::Check(args) => backup::check(&args, &mut std::io::stdout().lock()).map(is_good),
        Command::Restore(args) => {
            backup::restore(args, &mut std::io::stdout().lock()).map(|()| ExitCode::SUCCESS)
        }
        Command::Secret(args) => {
            let (mut input, mut out) = (std::io::stdin(), std::io::stdout());
            on_runtime(secret::secret(args, &mut input, &mut out)).map(|()| ExitCode::SUCCESS)
        }
        // Each workload has a runtime of its own.
        Command::Bench(args) => bench::bench(args, &mut std::io::stdout().lock()).map(is_good),
    }
}

fn on_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // Blocking work that was given up must not keep the process.
    runtime.shutdown_background();
    done
}

fn code_of(ended: run::Ended) -> ExitCode {
    match ended {
        run::Ended::Succeeded => ExitCode::SUCCESS,
        run::Ended::Failed => ExitCode::FAILURE,
        run::Ended::Cancelled => ExitCode::from(2),
        run::Ended::NotStarted => ExitCode::from(NOT_STARTED),
    }
}
