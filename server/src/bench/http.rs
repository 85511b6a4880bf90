//! Workloads over HTTP, from connections that are kept.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::Value;

use super::Setup;
use super::client::{Connection, get, request};
use super::figures::{Row, Times, rate, thousands};
use super::flows::{self, Flow};
use super::server::Target;

/// Connections that send load at the same time.
const CONNECTIONS: usize = 32;

/// How long runs may go on after the last was started.
const END_MAX: Duration = Duration::from_secs(60);

pub(super) fn w4(setup: &Setup) -> Result<Vec<Row>> {
    let n_runs = setup.count(40_000);
    let time = on_client(async {
        let target = Target::find(setup).await?;
        runs(&target, n_runs).await
    })?;
    let workload = format!(
        "{} runs of 2 tasks over HTTP, {CONNECTIONS} connections",
        thousands(n_runs as u64)
    );
    Ok(vec![Row::new(
        "W4",
        &workload,
        format!("{} runs/s", rate(n_runs, time)),
        "≥ 10,000 runs/s",
    )])
}

pub(super) fn w7(setup: &Setup) -> Result<Vec<Row>> {
    let n_calls = setup.count(30_000);
    let (times, time) = on_client(async {
        let target = Target::find(setup).await?;
        let flow = flows::webhook();
        save(&target.host, &flow).await?;
        let path = format!("/api/v1/flows/{}/runs?wait=10s", flow.id);
        let body = r#"{"inputs":{"n":21,"name":"you"}}"#;
        let call = request("POST", &target.host, &path, "application/json", body);
        // Looked for instead of parsed: parsing would take from what is measured.
        let is_answer = |body: &[u8]| {
            let wanted = br#""answer":{"twice":42,"#;
            let is_there = body.windows(wanted.len()).any(|window| window == wanted);
            ensure!(is_there, "the run answers {}", String::from_utf8_lossy(body));
            Ok(())
        };
        load(&target.host, &call, n_calls / 10 + 1, 200, is_answer).await?;
        load(&target.host, &call, n_calls, 200, is_answer).await
    })?;
    let workload = format!("call in, transformation, answer out, {CONNECTIONS} connections");
    let measured = format!("{}/s, {}", rate(n_calls, time), times.both());
    Ok(vec![Row::new(
        "W7",
        &workload,
        measured,
        "≥ 10,000/s, p99 ≤ 15 ms",
    )])
}

pub(super) fn w9(setup: &Setup) -> Result<Vec<Row>> {
    let n_calls = setup.count(5_000);
    let times = on_client(async {
        let target = Target::find(setup).await?;
        let start = prepare(&target.host, &flows::chain(1)).await?;
        let mut connection = Connection::open(&target.host).await?;
        let mut times = Vec::with_capacity(n_calls);
        let warm_up = n_calls / 10 + 1;
        for n in 0..warm_up + n_calls {
            let began = Instant::now();
            connection.expect(202, &start).await?;
            if n >= warm_up {
                times.push(began.elapsed());
            }
        }
        Ok(Times::new(times))
    })?;
    Ok(vec![Row::new(
        "W9",
        "the start call, one at a time",
        times.both(),
        "p50 ≤ 0.7 ms, p99 ≤ 2 ms",
    )])
}

/// Starts so many runs of two tasks, after some to warm up; from the first start to the last end.
pub(super) async fn runs(target: &Target, n_runs: usize) -> Result<Duration> {
    let flow = flows::chain(2);
    let start = prepare(&target.host, &flow).await?;
    let warm_up = n_runs / 20 + 1;
    let before = succeeded(&target.host, &flow).await?;
    load(&target.host, &start, warm_up, 202, |_| Ok(())).await?;
    ended(&target.host, &flow, before + warm_up as u64).await?;
    let began = Instant::now();
    load(&target.host, &start, n_runs, 202, |_| Ok(())).await?;
    ended(&target.host, &flow, before + (warm_up + n_runs) as u64).await?;
    Ok(began.elapsed())
}

/// Sends a request so many times over all connections, and takes the time of each and of all.
pub(super) async fn load(
    host: &str,
    call: &[u8],
    n_calls: usize,
    status: u16,
    check: impl Fn(&[u8]) -> Result<()> + Copy,
) -> Result<(Times, Duration)> {
    let connections = try_join_all((0..CONNECTIONS).map(|_| Connection::open(host))).await?;
    let left = Cell::new(n_calls);
    let began = Instant::now();
    let senders = connections.into_iter().map(async |mut connection| {
        let mut times = Vec::with_capacity(n_calls / CONNECTIONS + 1);
        while let Some(rest) = left.get().checked_sub(1) {
            left.set(rest);
            let began = Instant::now();
            let body = connection.expect(status, call).await?;
            times.push(began.elapsed());
            check(body)?;
        }
        anyhow::Ok(times)
    });
    let times = try_join_all(senders).await?;
    let time = began.elapsed();
    Ok((Times::new(times.concat()), time))
}

/// Waits until so many runs of a flow have succeeded.
pub(super) async fn ended(host: &str, flow: &Flow, n_runs: u64) -> Result<()> {
    let began = Instant::now();
    while succeeded(host, flow).await? < n_runs {
        ensure!(began.elapsed() < END_MAX, "the runs do not come to an end");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

async fn succeeded(host: &str, flow: &Flow) -> Result<u64> {
    let mut connection = Connection::open(host).await?;
    let body = connection
        .expect(200, &get(host, &format!("/api/v1/flows/{}", flow.id)))
        .await?;
    let flow: Value = serde_json::from_slice(body).context("the answer is no JSON")?;
    Ok(flow["runs"]["succeeded"].as_u64().unwrap_or(0))
}

/// Saves a flow and gives the request that starts it.
async fn prepare(host: &str, flow: &Flow) -> Result<Vec<u8>> {
    save(host, flow).await?;
    Ok(request(
        "POST",
        host,
        &format!("/api/v1/flows/{}/runs", flow.id),
        "application/json",
        "{}",
    ))
}

pub(super) async fn save(host: &str, flow: &Flow) -> Result<()> {
    let mut connection = Connection::open(host).await?;
    let path = format!("/api/v1/flows/{}", flow.id);
    let request = request("PUT", host, &path, "application/yaml", &flow.yaml);
    let answer = connection.call(&request).await?;
    ensure!(
        matches!(answer.status, 200 | 201),
        "the flow cannot be saved: {}",
        String::from_utf8_lossy(answer.body)
    );
    Ok(())
}

/// On one thread, so that the load takes as little as possible from what it measures.
pub(super) fn on_client<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot make a runtime")?;
    runtime.block_on(work)
}
