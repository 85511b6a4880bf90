//! The server killed under load, again and again.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use serde_json::Value;

use super::Setup;
use super::client::{Connection, get, request};
use super::figures::{Row, Times, millis, thousands};
use super::flows;
use super::http::{on_client, save};
use super::server::Process;
use super::steady::STEADY_RATE;

/// Connections that start runs until the server is killed.
const CONNECTIONS: usize = 32;

/// The longest time between a start and the kill.
const LIFE_MAX_MS: u64 = 400;

/// How long runs may go on after the last start of the server.
const END_MAX: Duration = Duration::from_secs(60);

/// So many kills; every start that was acknowledged must end.
pub(super) fn w11(setup: &Setup) -> Result<Vec<Row>> {
    let n_kills = setup.count(200);
    let data = setup.data()?;
    let (n_runs, n_lost, times) = on_client(async {
        let flow = flows::chain(2);
        let acknowledged = RefCell::new(Vec::new());
        let mut times = Vec::with_capacity(n_kills);
        for kill in 0..n_kills {
            let (process, time) = Process::start(data.path()).await?;
            times.push(time);
            save(&process.host, &flow).await?;
            // Spread over the life of a server without any pattern; a fixed sequence is as good as chance.
            let life = Duration::from_millis((kill as u64).wrapping_mul(0x9e37_79b9) % LIFE_MAX_MS);
            let host = process.host.clone();
            let load = join_all((0..CONNECTIONS).map(|_| starts(&host, &flow.id, &acknowledged)));
            let killed = async {
                tokio::time::sleep(life).await;
                drop(process);
            };
            tokio::join!(load, killed);
        }
        let (process, time) = Process::start(data.path()).await?;
        times.push(time);
        let acknowledged = acknowledged.into_inner();
        let lost = lost(&process.host, &acknowledged).await?;
        Ok((acknowledged.len(), lost, Times::new(times)))
    })?;
    let workload = format!(
        "{n_kills} times `kill -9` under load, {} runs acknowledged",
        thousands(n_runs as u64)
    );
    let measured = format!(
        "{n_lost} lost; answers again after {}",
        millis(times.percentile(100))
    );
    Ok(vec![Row::new("W11", &workload, measured, "0 lost; < 1 s")])
}

/// Starts runs on a connection until the server is gone.
async fn starts(host: &str, flow: &str, acknowledged: &RefCell<Vec<String>>) {
    let call = request(
        "POST",
        host,
        &format!("/api/v1/flows/{flow}/runs"),
        "application/json",
        "{}",
    );
    let Ok(mut connection) = Connection::open(host).await else {
        return;
    };
    let mut due = Instant::now();
    while let Ok(body) = connection.expect(202, &call).await {
        if let Some(run) = serde_json::from_slice::<Value>(body)
            .ok()
            .as_ref()
            .and_then(|run| run["run_id"].as_str())
        {
            acknowledged.borrow_mut().push(run.to_owned());
        }
        due += Duration::from_secs_f64(CONNECTIONS as f64 / STEADY_RATE);
        tokio::time::sleep_until(due.into()).await;
    }
}

/// How many of these runs have not succeeded when all should have.
async fn lost(host: &str, runs: &[String]) -> Result<usize> {
    let began = Instant::now();
    let mut connection = Connection::open(host).await?;
    let mut n_lost = 0;
    for run in runs {
        loop {
            let answer = connection
                .call(&get(host, &format!("/api/v1/runs/{run}")))
                .await?;
            if answer.status == 404 {
                n_lost += 1;
                break;
            }
            let run: Value = serde_json::from_slice(answer.body).context("the answer is no JSON")?;
            match run["state"].as_str() {
                Some("succeeded") => break,
                Some("failed" | "cancelled") => {
                    n_lost += 1;
                    break;
                }
                _ => ensure!(
                    began.elapsed() < END_MAX,
                    "the run {} does not come to an end",
                    run["id"]
                ),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(n_lost)
}
