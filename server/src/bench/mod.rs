//! `pointwork bench`: the workloads the project measures itself by, on this machine.
//!
//! [`library`]: through the engine, in this process · [`http`]: over HTTP, against a server of its own or a running one ·
//! [`steady`]: what goes on for a while · [`history`]: many runs before · [`crashes`]: killed under load · [`footprint`]: start, memory,
//! size · [`client`]: the load · [`server`]: the server under load · [`figures`]: what comes out
//!
//! All runs are durable before they are acknowledged. The load shares the machine's processors with what it measures.

mod client;
mod crashes;
mod figures;
mod flows;
mod footprint;
mod history;
mod http;
mod library;
mod server;
mod steady;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use figures::{Row, Table};

/// Measure this machine: durable runs, in this process and over HTTP
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Which workloads, in this order
    #[arg(required = true, value_name = "WORKLOAD")]
    workloads: Vec<Workload>,
    /// Send HTTP load to this server instead of one started for it; it gets a few flows named `bench-…`
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Print a Markdown table
    #[arg(long)]
    markdown: bool,
    /// Make so many times the usual number of runs
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    scale: f64,
    /// The folder that data folders are made in: what is measured is the disk it lies on. The system's folder for temporary files otherwise
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Workload {
    /// One run of 40 light tasks in sequence
    W1,
    /// The same with 40 processes
    W1s,
    /// One run of 400 light tasks in sequence
    W2,
    /// One run of 400 light tasks side by side, joined
    W3,
    /// Runs of two tasks a second, over HTTP and through the library
    W4,
    /// One run over 100, 10,000 and 100,000 items
    W6,
    /// A call in, a transformation, the answer out, on 32 connections
    W7,
    /// 2,000 runs a second for a minute
    W8,
    /// The start call, one at a time
    W9,
    /// Whether a history of a million runs slows down what is new; `--scale 10` for ten million
    W10,
    /// 200 times `kill -9` under load
    W11,
    /// 10,000 runs that wait
    W12,
    /// Start, memory, size of the binary
    W13,
    /// All of them
    All,
}

const ALL: [Workload; 13] = [
    Workload::W1,
    Workload::W1s,
    Workload::W2,
    Workload::W3,
    Workload::W4,
    Workload::W6,
    Workload::W7,
    Workload::W8,
    Workload::W9,
    Workload::W10,
    Workload::W11,
    Workload::W12,
    Workload::W13,
];

/// What a workload is measured with.
struct Setup {
    url: Option<String>,
    scale: f64,
    folder: PathBuf,
}

impl Setup {
    /// So many, times the scale; at least one.
    fn count(&self, usual: usize) -> usize {
        ((usual as f64 * self.scale) as usize).max(1)
    }

    /// A fresh folder for data, removed with the value.
    fn data(&self) -> Result<TempDir> {
        tempfile::Builder::new()
            .prefix("pointwork-bench-")
            .tempdir_in(&self.folder)
            .with_context(|| format!("cannot make a folder in {}", self.folder.display()))
    }
}

/// Measures and prints. True if everything could be measured.
///
/// It makes runtimes of its own, so it must not be called on one.
///
/// # Errors
/// If nothing can be printed.
pub(crate) fn bench(args: BenchArgs, out: &mut dyn Write) -> Result<bool> {
    let folder = args.folder.unwrap_or_else(std::env::temp_dir);
    let setup = Setup {
        url: args.url,
        scale: args.scale.max(0.0),
        folder,
    };
    writeln!(out, "{}", conditions(&setup.folder)?)?;
    let mut table = Table::new(args.markdown, out)?;
    let mut is_complete = true;
    for workload in args.workloads.into_iter().flat_map(|workload| match workload {
        Workload::All => ALL.to_vec(),
        one => vec![one],
    }) {
        match measure(workload, &setup) {
            Ok(rows) => rows.into_iter().try_for_each(|row| table.add(&row))?,
            Err(error) => {
                is_complete = false;
                let key = format!("{workload:?}");
                table.add(&Row::new(&key, "could not be measured", format!("{error:#}"), ""))?;
            }
        }
    }
    Ok(is_complete)
}

fn measure(workload: Workload, setup: &Setup) -> Result<Vec<Row>> {
    match workload {
        Workload::W1 => library::w1(setup),
        Workload::W1s => library::w1s(setup),
        Workload::W2 => library::w2(setup),
        Workload::W3 => library::w3(setup),
        Workload::W4 => Ok([http::w4(setup)?, library::w4(setup)?].concat()),
        Workload::W6 => steady::w6(setup),
        Workload::W7 => http::w7(setup),
        Workload::W8 => steady::w8(setup),
        Workload::W9 => http::w9(setup),
        Workload::W10 => history::w10(setup),
        Workload::W11 => crashes::w11(setup),
        Workload::W12 => steady::w12(setup),
        Workload::W13 => footprint::w13(setup),
        Workload::All => Ok(Vec::new()),
    }
}

/// What the figures hold for.
fn conditions(folder: &Path) -> Result<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").ok();
    let load = load.and_then(|load| Some(load.split_once(' ')?.0.to_owned()));
    let sync = figures::fsync(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    let build = if cfg!(debug_assertions) {
        "debug build (figures mean little)"
    } else {
        "release build"
    };
    Ok(format!(
        "{cores} cores shared with the load, load average {} before; SQLite (WAL, synchronous=FULL), durable before \
         acknowledged; an append with fdatasync there takes {}; {build} {}",
        load.as_deref().unwrap_or("unknown"),
        sync.both(),
        env!("CARGO_PKG_VERSION"),
    ))
}
