//! Workloads through the engine, in this process, on SQLite.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine::store::retention::Retention;
use engine::{Engine, SaveFlow, StartRun};
use flow::parse::Format;
use flow::view::RunStatus;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Setup;
use super::figures::{Row, Times, rate, thousands};
use super::flows::{self, Flow};

/// How long a run may take before something must be wrong.
const RUN_MAX: Duration = Duration::from_secs(120);

/// Runs of a history that are made before one looks whether they came to an end.
const FILL_STEP: usize = 100_000;

/// Callers that start runs at the same time.
const CALLERS: usize = 256;

pub(super) fn w1(setup: &Setup) -> Result<Vec<Row>> {
    let times = one_at_a_time(setup, &flows::chain(40), 500)?;
    Ok(vec![Row::new(
        "W1",
        "one run of 40 light tasks in sequence, in-process",
        times.both(),
        "≤ 2 ms",
    )])
}

pub(super) fn w1s(setup: &Setup) -> Result<Vec<Row>> {
    let times = one_at_a_time(setup, &flows::processes(40), 20)?;
    Ok(vec![Row::new(
        "W1s",
        "the same with 40 processes (`true`)",
        times.both(),
        "≤ 60 ms",
    )])
}

pub(super) fn w2(setup: &Setup) -> Result<Vec<Row>> {
    let times = one_at_a_time(setup, &flows::chain(400), 100)?;
    Ok(vec![Row::new(
        "W2",
        "one run of 400 light tasks in sequence, in-process",
        times.both(),
        "≤ 10 ms",
    )])
}

pub(super) fn w3(setup: &Setup) -> Result<Vec<Row>> {
    let times = one_at_a_time(setup, &flows::fan(400), 100)?;
    Ok(vec![Row::new(
        "W3",
        "one run of 400 light tasks side by side, joined, in-process",
        times.both(),
        "≤ 10 ms",
    )])
}

pub(super) fn w4(setup: &Setup) -> Result<Vec<Row>> {
    let n_runs = setup.count(60_000);
    let time = on_engine(setup, async |engine| {
        let flow = save(&engine, &flows::chain(2)).await?;
        many(&engine, &flow, n_runs / 20 + 1).await?;
        many(&engine, &flow, n_runs).await
    })?;
    let workload = format!(
        "{} runs of 2 tasks through the library, {CALLERS} callers",
        thousands(n_runs as u64)
    );
    Ok(vec![Row::new(
        "W4",
        &workload,
        format!("{} runs/s", rate(n_runs, time)),
        "≥ 30,000 runs/s",
    )])
}

/// Makes a history of so many finished runs in a data folder.
pub(super) fn fill(folder: &Path, n_runs: usize) -> Result<()> {
    let runtime = Runtime::new().context("cannot make a runtime")?;
    runtime.block_on(async {
        let engine = Engine::builder()
            .data_dir(folder)
            .retention(Retention::off())
            .start()
            .await?;
        let flow = save(&engine, &flows::chain(2)).await?;
        let mut left = n_runs;
        while left > 0 {
            let n = left.min(FILL_STEP);
            many(&engine, &flow, n).await?;
            left -= n;
        }
        engine.shutdown(Duration::ZERO).await;
        Ok(())
    })
}

/// Starts so many runs from many callers; from the first start to the last end.
async fn many(engine: &Engine, flow: &Arc<str>, n_runs: usize) -> Result<Duration> {
    let before = succeeded(engine, flow).await?;
    let left = Arc::new(AtomicUsize::new(n_runs));
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (engine, flow, left) = (engine.clone(), Arc::clone(flow), Arc::clone(&left));
        callers.spawn(async move {
            let take = |left: usize| left.checked_sub(1);
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok()
            {
                engine.start_run(StartRun::of(&flow)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller??;
    }
    while succeeded(engine, flow).await? < before + n_runs as u64 {
        ensure!(began.elapsed() < RUN_MAX, "the runs do not come to an end");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(began.elapsed())
}

async fn succeeded(engine: &Engine, flow: &str) -> Result<u64> {
    let stats = engine.stats(Some(flow)).await?;
    Ok(stats.runs.get(RunStatus::Succeeded.key()).copied().unwrap_or(0))
}

/// Runs a flow again and again, each from its start to its end as the caller sees it.
fn one_at_a_time(setup: &Setup, flow: &Flow, usual: usize) -> Result<Times> {
    let n_runs = setup.count(usual);
    on_engine(setup, async |engine| {
        let id = save(&engine, flow).await?;
        let mut times = Vec::with_capacity(n_runs);
        let warm_up = n_runs / 10 + 1;
        for n in 0..warm_up + n_runs {
            let began = Instant::now();
            let (run, ended) = engine.start_and_wait(StartRun::of(&id), RUN_MAX).await?;
            if n >= warm_up {
                times.push(began.elapsed());
            }
            let state = ended.map(|run| run.summary.state);
            ensure!(state == Some(RunStatus::Succeeded), "{run} is {state:?}");
        }
        Ok(Times::new(times))
    })
}

/// Works with a fresh engine on SQLite, on a runtime like the server's.
fn on_engine<T>(setup: &Setup, work: impl AsyncFnOnce(Engine) -> Result<T>) -> Result<T> {
    let folder = setup.data()?;
    let runtime = Runtime::new().context("cannot make a runtime")?;
    runtime.block_on(async {
        let engine = Engine::builder().data_dir(folder.path()).start().await?;
        let done = work(engine.clone()).await;
        engine.shutdown(Duration::ZERO).await;
        done
    })
}

async fn save(engine: &Engine, flow: &Flow) -> Result<Arc<str>> {
    let source = flow.yaml.clone().into_bytes();
    let save = SaveFlow {
        source,
        format: Format::Yaml,
        id: None,
        expected: None,
        actor: "bench".to_owned(),
    };
    Ok(engine.save_flow(save).await?.id.into())
}
