//! Workloads that go on for a while over HTTP: a constant stream of runs, many runs that wait, one run of many items.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};

use super::Setup;
use super::client::{Connection, get, request};
use super::figures::{Row, Times, megabytes, millis, rate, thousands};
use super::flows;
use super::http::{on_client, save};
use super::server::Target;

/// Runs a second that are started in a constant stream.
pub(super) const STEADY_RATE: f64 = 2_000.0;

/// Connections of the stream: enough for answers to take some 30 ms before starts are late.
const CONNECTIONS: usize = 64;

/// How far ahead the moment lies at least for which runs wait, and how many are started each second until then at the least.
const WAIT_MIN: Duration = Duration::from_secs(2);
const STARTS_A_SECOND: f64 = 1_000.0;

/// A constant stream of runs of one task, each from the moment it was to be started until its answer.
pub(super) fn w8(setup: &Setup) -> Result<Vec<Row>> {
    let seconds = (60.0 * setup.scale).max(0.1);
    let n_runs = (STEADY_RATE * seconds) as usize;
    let (times, time) = on_client(async {
        let target = Target::find(setup).await?;
        let flow = flows::chain(1);
        save(&target.host, &flow).await?;
        let path = format!("/api/v1/flows/{}/runs?wait=10s", flow.id);
        let call = request("POST", &target.host, &path, "application/json", "{}");
        stream(&target.host, &call, n_runs / 20 + 1).await?;
        stream(&target.host, &call, n_runs).await
    })?;
    let workload = format!(
        "{} runs of 1 task a second for {seconds:.0} s",
        thousands(STEADY_RATE as u64)
    );
    let measured = format!("{}/s, {}", rate(n_runs, time), times.both());
    Ok(vec![Row::new("W8", &workload, measured, "p99 ≤ 10 ms")])
}

/// Sends a request so many times at the steady rate. Times count from when each was due, so that a server that stands still is not
/// measured by the requests it kept from being sent.
async fn stream(host: &str, call: &[u8], n_calls: usize) -> Result<(Times, Duration)> {
    let connections = try_join_all((0..CONNECTIONS).map(|_| Connection::open(host))).await?;
    let next = Cell::new(0);
    let began = Instant::now();
    let senders = connections.into_iter().map(async |mut connection| {
        let mut times = Vec::with_capacity(n_calls / CONNECTIONS + 1);
        while next.get() < n_calls {
            let due = began + Duration::from_secs_f64(next.get() as f64 / STEADY_RATE);
            next.set(next.get() + 1);
            tokio::time::sleep_until(due.into()).await;
            connection.expect(200, call).await?;
            times.push(due.elapsed());
        }
        anyhow::Ok(times)
    });
    let times = try_join_all(senders).await?;
    Ok((Times::new(times.concat()), began.elapsed()))
}

/// One run over so many items, each a light task.
pub(super) fn w6(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (n_items, aim) in [
        (100, "10 ms"),
        (10_000, "0.5 s"),
        (100_000, "6 s, memory bounded"),
    ] {
        let n_items = setup.count(n_items);
        let (time, memory) = on_client(async {
            let target = Target::find(setup).await?;
            let flow = flows::items();
            save(&target.host, &flow).await?;
            let path = format!("/api/v1/flows/{}/runs?wait=120s", flow.id);
            let body = json!({ "inputs": { "n": n_items } }).to_string();
            let call = request("POST", &target.host, &path, "application/json", &body);
            let mut connection = Connection::open(&target.host).await?;
            let began = Instant::now();
            let answer = connection.expect(200, &call).await?;
            let time = began.elapsed();
            let run: Value = serde_json::from_slice(answer).context("the answer is no JSON")?;
            ensure!(
                run["outputs"]["last"] == json!(n_items),
                "the run gives {}: {}",
                run["outputs"],
                run["error"]
            );
            Ok((time, target.memory()))
        })?;
        rows.push(Row::new(
            "W6",
            &format!("`for_each` over {} items", thousands(n_items as u64)),
            format!("{}, then {} of memory", millis(time), megabytes(memory)),
            aim,
        ));
    }
    Ok(rows)
}

/// Runs that all wait for the same moment.
pub(super) fn w12(setup: &Setup) -> Result<Vec<Row>> {
    let n_runs = setup.count(10_000);
    let (memory, late) = on_client(async {
        let target = Target::find(setup).await?;
        let flow = flows::waiting();
        save(&target.host, &flow).await?;
        let wait = WAIT_MIN + Duration::from_secs_f64(n_runs as f64 / STARTS_A_SECOND);
        let due = std::time::SystemTime::now() + wait;
        let until = flow::Timestamp::from_micros(
            i64::try_from(due.duration_since(std::time::UNIX_EPOCH)?.as_micros())
                .context("far in the future")?,
        );
        let body = json!({ "inputs": { "until": until } }).to_string();
        let path = format!("/api/v1/flows/{}/runs", flow.id);
        let call = request("POST", &target.host, &path, "application/json", &body);
        let (_, time) = super::http::load(&target.host, &call, n_runs, 202, |_| Ok(())).await?;
        ensure!(time < wait, "starting the runs took {}", millis(time));
        let memory = target.memory();
        let left = due
            .duration_since(std::time::SystemTime::now())
            .unwrap_or_default();
        tokio::time::sleep(left).await;
        let began = Instant::now();
        super::http::ended(&target.host, &flow, n_runs as u64).await?;
        Ok((memory, began.elapsed()))
    })?;
    let workload = format!(
        "{} runs active, each waiting for the same moment",
        thousands(n_runs as u64)
    );
    let measured = format!("{}; all ended {} after it", megabytes(memory), millis(late));
    Ok(vec![Row::new("W12", &workload, measured, "< 150 MB; ≤ 1 s")])
}

/// Pages of the list of runs, newest first and deep into it.
pub(super) async fn pages(host: &str) -> Result<Times> {
    let mut connection = Connection::open(host).await?;
    let mut times = Vec::new();
    for query in [
        "",
        "?state=succeeded",
        "?flow=bench-chain-2",
        "?state=failed",
        "?text=chain",
    ] {
        let mut path = format!("/api/v1/runs{query}");
        for _ in 0..5 {
            let began = Instant::now();
            let page = connection.expect(200, &get(host, &path)).await?;
            times.push(began.elapsed());
            let page: Value = serde_json::from_slice(page).context("the answer is no JSON")?;
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            let sign = if query.is_empty() { '?' } else { '&' };
            path = format!("/api/v1/runs{query}{sign}cursor={cursor}");
        }
    }
    Ok(Times::new(times))
}
