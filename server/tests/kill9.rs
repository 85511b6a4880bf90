//! The real binary, killed at random moments: no acknowledged run is lost, none is stuck, nothing happens twice, and it is ready again
//! within a second.
//!
//! `POINTWORK_KILLS` says how often (20 times unless given), `POINTWORK_SEED` repeats a run of this test as far as the moments go.

#![expect(clippy::print_stderr, reason = "the seed must be seen to repeat a failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::stream::{FuturesUnordered, StreamExt};
use reqwest::Client;
use serde_json::{Value, json};

/// Clients that start runs at the same time.
const CLIENTS: usize = 4;

/// Runs started at most between two kills: recovering must not become the test's main work.
const STARTS_MAX: usize = 40;

/// Runs that each run of the flow `families` starts.
const N_CHILDREN: usize = 3;

/// How long a killed server takes at most to be ready again, as a rule: half of all starts must be as quick, for others share the machine.
const READY_WITHIN: Duration = Duration::from_secs(1);

const FLOWS: [(&str, &str); 4] = [
    (
        "light",
        "flow: light\ntasks:\n  a: { type: transform, with: { value: 1 } }\n  b: { type: transform, needs: [a], with: { value: '{{ tasks.a.output + 1 }}' } }\n  c: { type: noop, needs: [b] }\n",
    ),
    (
        "delays",
        "flow: delays\ntasks:\n  a: { type: delay, with: { for: 30ms } }\n  b: { type: delay, needs: [a], with: { for: 60ms } }\n  c: { type: delay, needs: [b], with: { for: 10ms } }\n",
    ),
    (
        "shells",
        "flow: shells\ntasks:\n  a: { type: shell, with: { command: 'sleep 0.03; echo 7' } }\n  b: { type: shell, needs: [a], with: { command: 'echo {{ tasks.a.output }}' } }\n",
    ),
    (
        "families",
        "flow: families\nconcurrency: { limit: 3 }\ntasks:\n  each: { type: subflow, for_each: { items: [1, 2] }, with: { flow: delays } }\n  last: { type: subflow, needs: [each], with: { flow: light } }\n",
    ),
];

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

struct Process(Child);

impl Process {
    fn spawn(data: &std::path::Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointwork"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "4", "--data"])
            .arg(data);
        Self(
            command
                .env("POINTWORK_LOG", "warn")
                .stdout(Stdio::piped())
                .spawn()
                .expect("it starts"),
        )
    }

    /// Waits for the line that says where it answers.
    async fn address(&mut self) -> String {
        let output = self.0.stdout.take().expect("a pipe");
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output)
                .read_line(&mut line)
                .expect("it can be read");
            line
        });
        let line = line.await.expect("no panic");
        line.split_whitespace()
            .last()
            .filter(|word| word.starts_with("http://"))
            .unwrap_or_else(|| panic!("said `{line}`"))
            .to_owned()
    }

    /// Where it answers, once it says that it is ready.
    async fn ready(&mut self, client: &Client) -> String {
        let url = self.address().await;
        let answer = client.get(format!("{url}/ready")).send().await;
        assert_eq!(answer.expect("it answers").status().as_u16(), 200);
        url
    }

    fn kill(mut self) {
        self.0.kill().expect("it is there");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a run; none if the server is gone.
async fn start(client: &Client, url: &str, flow: &str, key: &str) -> Option<String> {
    let url = format!("{url}/api/v1/flows/{flow}/runs");
    let response = client
        .post(url)
        .json(&json!({ "idempotency_key": key }))
        .send()
        .await
        .ok()?;
    let status = response.status().as_u16();
    let body: Value = response.json().await.ok()?;
    match status {
        202 => Some(body["run_id"].as_str().expect("an id").to_owned()),
        // It goes down or cannot write: nothing was promised.
        503 => None,
        _ => panic!("{status} {body}"),
    }
}

fn flow_of(n: usize) -> &'static str {
    FLOWS[n % FLOWS.len()].0
}

/// What is known of all starts: by number, the run that was acknowledged.
type Starts = BTreeMap<usize, Option<String>>;

/// Starts runs until the server is gone or there are enough.
async fn start_many(client: &Client, url: &str, starts: &mut Starts) {
    let first = starts.len();
    let mut next = first;
    let mut open = FuturesUnordered::new();
    loop {
        while open.len() < CLIENTS && next < first + STARTS_MAX {
            let n = next;
            next += 1;
            starts.insert(n, None);
            open.push(async move { (n, start(client, url, flow_of(n), &format!("key-{n}")).await) });
        }
        match open.next().await {
            Some((n, Some(run))) => drop(starts.insert(n, Some(run))),
            Some((_, None)) | None => return,
        }
    }
}

/// All events of a run, to its end.
async fn events(client: &Client, url: &str, run: &str) -> Vec<Value> {
    let stream = client
        .get(format!("{url}/api/v1/runs/{run}/events?stream"))
        .send()
        .await
        .expect("it answers");
    let text = stream.text().await.expect("it ends");
    assert!(text.contains("event: end\n"), "{run} did not end: {text}");
    let data = text
        .split("\n\n")
        .filter(|frame| frame.starts_with("event: event\n"))
        .filter_map(|frame| frame.lines().last()?.strip_prefix("data: "));
    data.map(|json| serde_json::from_str(json).expect("JSON"))
        .collect()
}

/// Each number once and in order, each task one outcome, the run one end.
fn assert_sound(run: &str, events: &[Value]) -> String {
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{run}");
    let mut settled = BTreeSet::new();
    for event in events {
        let kind = event["type"].as_str().expect("a kind");
        if matches!(
            kind,
            "task_succeeded" | "task_failed" | "task_skipped" | "task_cancelled"
        ) {
            assert!(
                settled.insert(event["task"].to_string()),
                "{run}: {} settled twice",
                event["task"]
            );
        }
        if kind == "task_failed" {
            assert_eq!(event["error"]["kind"], "lost", "{run}: {event}");
        }
    }
    let ends = events
        .iter()
        .filter(|event| event["type"] == "run_finished")
        .count();
    assert_eq!(ends, 1, "{run}");
    events
        .last()
        .map(|event| event["outcome"].as_str().unwrap_or("?").to_owned())
        .expect("events")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_runs_survive_kill_9() {
    let kills = number("POINTWORK_KILLS").unwrap_or(20);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let seed = number("POINTWORK_SEED").unwrap_or(now.as_nanos() as u64) | 1;
    eprintln!("POINTWORK_SEED={seed} POINTWORK_KILLS={kills}");
    let mut dice = Dice(seed);
    let data = tempfile::tempdir().expect("a folder");
    // A client wants to know how to encrypt even if it never does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().expect("a client");
    let mut starts = Starts::new();

    let mut server = Process::spawn(data.path());
    let url = server.address().await;
    for (_, yaml) in FLOWS {
        let request = client
            .post(format!("{url}/api/v1/flows"))
            .header("content-type", "application/yaml")
            .body(yaml);
        assert_eq!(request.send().await.expect("it answers").status().as_u16(), 201);
    }
    server.kill();

    let mut waits = Vec::new();
    for _ in 0..kills {
        let began = Instant::now();
        let mut server = Process::spawn(data.path());
        if dice.roll(5) == 0 {
            // In the middle of its start.
            tokio::time::sleep(Duration::from_millis(dice.roll(150))).await;
        } else {
            let url = server.ready(&client).await;
            waits.push(began.elapsed());
            let moment = Duration::from_millis(dice.roll(300));
            tokio::select! {
                () = start_many(&client, &url, &mut starts) => {}
                () = tokio::time::sleep(moment) => {}
            }
        }
        server.kill();
    }

    let mut server = Process::spawn(data.path());
    let url = server.address().await;
    let n_acknowledged = starts.values().flatten().count();
    for (n, known) in &mut starts {
        // Also those of which no answer came: the key finds the run if there is one.
        let run = start(&client, &url, flow_of(*n), &format!("key-{n}"))
            .await
            .expect("it answers");
        assert_eq!(
            *known.get_or_insert_with(|| run.clone()),
            run,
            "start {n} was acknowledged as another run"
        );
    }
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for run in starts.values().flatten() {
        let outcome = assert_sound(run, &events(&client, &url, run).await);
        *outcomes.entry(outcome).or_default() += 1;
    }
    let stats: Value = client
        .get(format!("{url}/api/v1/stats"))
        .send()
        .await
        .expect("it answers")
        .json()
        .await
        .expect("JSON");
    let n_runs: u64 = stats["runs"]
        .as_object()
        .expect("counts")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    let n_families = starts.keys().filter(|n| flow_of(**n) == "families").count();
    let n_expected = starts.len() + n_families * N_CHILDREN;
    assert_eq!(
        n_runs, n_expected as u64,
        "a run for each key, and for each task that asks for one: {stats}"
    );
    eprintln!(
        "{} starts, {n_acknowledged} acknowledged before the end; {outcomes:?}",
        starts.len()
    );
    assert!(n_acknowledged > 0, "nothing was tested");
    waits.sort();
    let (usual, longest) = (waits.get(waits.len() / 2), waits.last());
    eprintln!("ready again after {usual:?}, at most {longest:?}");
    assert!(usual.is_none_or(|usual| *usual <= READY_WITHIN), "{waits:?}");
}
