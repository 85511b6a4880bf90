//! Whether a long history slows anything down.

use std::time::Duration;

use anyhow::Result;

use super::Setup;
use super::figures::{Row, Times, millis, rate, thousands};
use super::http::{on_client, runs};
use super::server::{Process, Target};
use super::{library, steady};

/// Runs that are measured before and after.
const RUNS: usize = 20_000;

/// W4 and the list's pages on an empty database and on one with so many finished runs.
pub(super) fn w10(setup: &Setup) -> Result<Vec<Row>> {
    let n_runs = setup.count(1_000_000);
    let n_measured = setup.count(RUNS);
    let empty = setup.data()?;
    let full = setup.data()?;
    // Nothing of the history may be deleted while it is measured.
    for folder in [&empty, &full] {
        std::fs::write(folder.path().join("pointwork.toml"), "retention = \"off\"\n")?;
    }
    library::fill(full.path(), n_runs)?;
    let measure = async |folder: &std::path::Path| -> Result<(Duration, Times)> {
        let (process, _) = Process::start(folder).await?;
        let target = Target::of(process);
        let time = runs(&target, n_measured).await?;
        Ok((time, steady::pages(&target.host).await?))
    };
    let ((time_before, pages_before), (time_after, pages_after)) =
        on_client(async { Ok((measure(empty.path()).await?, measure(full.path()).await?)) })?;
    let history = thousands(n_runs as u64);
    Ok(vec![
        Row::new(
            "W10",
            &format!("W4 on an empty history, and after {history} runs"),
            format!(
                "{}/s, {}/s",
                rate(n_measured, time_before),
                rate(n_measured, time_after)
            ),
            "within 10 %",
        ),
        Row::new(
            "W10",
            &format!("a page of the list on an empty history, and after {history} runs"),
            format!(
                "p99 {}, {}",
                millis(pages_before.percentile(99)),
                pages_after.both()
            ),
            "< 100 ms",
        ),
    ])
}
