//! How quickly a server is there, and what it takes.

use std::time::Duration;

use anyhow::{Context, Result};

use super::Setup;
use super::figures::{Row, Times, megabytes};
use super::http::{on_client, runs};
use super::server::{Process, Target};

/// Starts that are measured, on a fresh data folder and on one that is there.
const STARTS: usize = 5;

/// How long a server is left alone before its memory is looked at.
const IDLE: Duration = Duration::from_secs(1);

pub(super) fn w13(setup: &Setup) -> Result<Vec<Row>> {
    let binary = std::env::current_exe()?;
    let size = binary.metadata().context("cannot look at this program")?.len();
    let n_runs = setup.count(40_000);
    let (fresh, again, idle, loaded) = on_client(async {
        let (mut fresh, mut again) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            let data = setup.data()?;
            fresh.push(Process::start(data.path()).await?.1);
            again.push(Process::start(data.path()).await?.1);
        }
        let own = Setup {
            url: None,
            scale: setup.scale,
            folder: setup.folder.clone(),
        };
        let target = Target::find(&own).await?;
        tokio::time::sleep(IDLE).await;
        let idle = target.memory();
        runs(&target, n_runs).await?;
        Ok((Times::new(fresh), Times::new(again), idle, target.memory()))
    })?;
    let started = format!("{} fresh, {} again", fresh.p50(), again.p50());
    Ok(vec![
        Row::new(
            "W13",
            "cold start to the first healthy answer, median of 5",
            started,
            "< 100 ms",
        ),
        Row::new("W13", "memory when idle", megabytes(idle), "< 30 MB"),
        Row::new(
            "W13",
            &format!("memory after {n_runs} runs (W4)"),
            megabytes(loaded),
            "< 120 MB",
        ),
        Row::new(
            "W13",
            "size of the binary, web app included",
            megabytes(Some(size)),
            "< 60 MB",
        ),
    ])
}
