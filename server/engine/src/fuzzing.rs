//! What is fed with random bytes: it takes any and must not panic. `fuzz/` finds bytes that get far, and those it has found are tried by
//! an ordinary test. Only there with the feature `testing`.
//!
//! [`worker`] reads bytes as calls of workers, a line each: `lease N JSON` (N: which of two worker tokens), `beat N T JSON` and
//! `report N T JSON` (T: which of the attempts given so far), `later SECONDS`, `cancel R` and `start`. The JSON is the body as the door
//! of the server knows it, without the lines of logs.

use std::sync::Arc;
use std::time::Duration;

use flow::parse::Format;
use flow::run::TaskError;
use flow::{AttemptToken, HumanDuration, RunId, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::clock::{Clock, ManualClock};
use crate::{
    AttemptReport, Engine, EngineError, EngineResult, Heartbeat, LeaseCall, LogLine, OfferedType,
    QueueLimits, SaveFlow, StartRun, TaskOutcome,
};

/// Lines of one input that are looked at.
const LINES_MAX: usize = 48;

const FLOW: &str = "
flow: far
tasks:
  a: { type: far.work, queue: far, retry: { max_attempts: 2, first: 1s }, for_each: { items: [1, 2, 3] } }
  b: { type: far.work, queue: far, queue_key: k, retry: { on_lost: fail }, timeout: 1m }
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferedBody {
    key: String,
    title: Option<String>,
    summary: Option<String>,
    input_schema: Option<Value>,
    output_schema: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaseBody {
    worker: String,
    queues: Vec<String>,
    types: Vec<OfferedBody>,
    max: Option<usize>,
    wait: Option<HumanDuration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BeatBody {
    progress: Option<f64>,
    message: Option<String>,
    #[serde(default)]
    logs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "outcome", rename_all = "snake_case")]
enum ReportBody {
    Succeeded {
        #[serde(default)]
        output: Value,
    },
    Failed {
        kind: Option<String>,
        message: String,
        output: Option<Value>,
    },
    Cancelled {},
}

/// A server with two worker tokens, and what was given out by it.
struct Desk {
    engine: Engine,
    clock: Arc<ManualClock>,
    secrets: Vec<String>,
    runs: Vec<RunId>,
    given: Vec<Given>,
}

struct Given {
    token: AttemptToken,
    /// Which worker token it was asked for with.
    credential: usize,
    /// Whether it was said to be over.
    is_over: bool,
}

/// Calls of workers: nothing panics, and nothing changes by a token that is not out or is another's.
///
/// # Panics
/// If it is not so.
pub fn worker(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let Some(mut desk) = Desk::open().await else {
            return;
        };
        for line in bytes.split(|byte| *byte == b'\n').take(LINES_MAX) {
            if let Ok(line) = std::str::from_utf8(line) {
                desk.take(line).await;
            }
        }
    });
}

/// Comes back when nobody has anything left to do.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

impl Desk {
    async fn open() -> Option<Self> {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_225_600_000)));
        let limits = QueueLimits {
            max_running: Some(3),
            local: false,
            ..QueueLimits::default()
        };
        let engine = Engine::builder()
            .in_memory()
            .loops_here()
            .clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .queue("far", limits)
            .start()
            .await
            .ok()?;
        let mut secrets = Vec::new();
        for name in ["one", "two"] {
            let made = engine.make_worker_token(name, vec!["far".to_owned()]).await;
            secrets.push(made.ok()?.secret);
        }
        let mut desk = Self {
            engine,
            clock,
            secrets,
            runs: Vec::new(),
            given: Vec::new(),
        };
        let known =
            r#"lease 0 {"worker": "w", "queues": ["far"], "types": [{"key": "far.work"}], "wait": "0s"}"#;
        desk.take(known).await;
        let save = SaveFlow {
            source: FLOW.into(),
            format: Format::Yaml,
            id: None,
            expected: None,
            actor: "fuzz".into(),
        };
        desk.engine.save_flow(save).await.expect("the flow is sound");
        desk.take("start").await;
        Some(desk)
    }

    async fn take(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let n: usize = first.parse().unwrap_or(0);
        match verb {
            "start" if self.runs.len() < 4 => {
                self.runs.extend(self.engine.start_run(StartRun::of("far")).await);
            }
            "later" => {
                for _ in 0..n.min(200) {
                    self.clock.set(self.clock.now().plus(Duration::from_secs(1)));
                    settle().await;
                }
            }
            "cancel" if !self.runs.is_empty() => {
                let run = self.runs[n % self.runs.len()];
                // One that is over says so.
                drop(self.engine.cancel_run(run, more == "force", None, "fuzz").await);
            }
            "lease" => self.lease(n % 2, more).await,
            "beat" | "report" => {
                let (which, body) = more.split_once(' ').unwrap_or((more, ""));
                self.speak(verb == "report", n % 2, which.parse().unwrap_or(0), body)
                    .await;
            }
            _ => {}
        }
        settle().await;
    }

    async fn lease(&mut self, credential: usize, body: &str) {
        let Ok(body) = serde_json::from_str::<LeaseBody>(body) else {
            return;
        };
        let offered = |body: OfferedBody| OfferedType {
            key: body.key,
            title: body.title,
            summary: body.summary,
            input_schema: body.input_schema,
            output_schema: body.output_schema,
        };
        let call = LeaseCall {
            worker: body.worker,
            queues: body.queues,
            types: body.types.into_iter().map(offered).collect(),
            n_max: body.max.unwrap_or(1),
            wait: body.wait.map_or(Duration::ZERO, HumanDuration::as_duration),
        };
        let before = self.events().await;
        match self.engine.lease(&self.secrets[credential], call).await {
            Ok(leases) => {
                for leased in leases {
                    let is_new = self.given.iter().all(|given| given.token != leased.token);
                    assert!(is_new, "an attempt is given to two");
                    self.given.push(Given {
                        token: leased.token,
                        credential,
                        is_over: false,
                    });
                }
            }
            Err(error) => {
                assert!(!error.to_string().is_empty(), "who refuses says why");
                assert_eq!(self.events().await, before, "what is refused changes nothing");
            }
        }
    }

    /// A sign of life, or a report, of an attempt that was given out or of none.
    async fn speak(&mut self, is_report: bool, credential: usize, which: usize, body: &str) {
        settle().await;
        let before = self.events().await;
        let given = self.given.get(which);
        let token = given.map_or(AttemptToken(which as u128), |given| given.token);
        let is_its_own = given.is_some_and(|given| given.credential == credential && !given.is_over);
        let secret = &self.secrets[credential];
        let answer = if is_report {
            let Some(report) = report_of(body) else { return };
            self.engine.report_attempt(secret, token, report).await
        } else {
            let Ok(body) = serde_json::from_str::<BeatBody>(body) else {
                return;
            };
            let lines = body.logs.into_iter();
            let beat = Heartbeat {
                progress: body.progress,
                message: body.message,
                logs: lines
                    .map(|text| LogLine {
                        is_error: false,
                        text,
                    })
                    .collect(),
            };
            self.engine.heartbeat(secret, token, beat).await.map(drop)
        };
        self.judge(&answer, is_report, is_its_own, &before).await;
        if let Some(given) = self
            .given
            .get_mut(which)
            .filter(|given| given.credential == credential)
        {
            given.is_over |= matches!(answer, Err(EngineError::StaleAttempt)) || is_report && answer.is_ok();
        }
    }

    async fn judge(&self, answer: &EngineResult<()>, is_report: bool, is_its_own: bool, before: &[u64]) {
        assert!(
            answer.is_ok() <= is_its_own,
            "a token that is not out is believed: {answer:?}"
        );
        let after = self.events().await;
        if answer.is_err() || !is_report {
            assert_eq!(
                after, before,
                "only a report that is taken changes a run: {answer:?}"
            );
        } else {
            assert_ne!(after, before, "a report that is taken is in the log");
        }
    }

    /// How many events each run has.
    async fn events(&self) -> Vec<u64> {
        let mut all = Vec::new();
        for run in &self.runs {
            all.push(self.engine.state(*run).await.map_or(0, |state| state.last_seq()));
        }
        all
    }
}

fn report_of(body: &str) -> Option<AttemptReport> {
    let outcome = match serde_json::from_str(body).ok()? {
        ReportBody::Succeeded { output } => TaskOutcome::ok(output),
        ReportBody::Failed {
            kind,
            message,
            output,
        } => TaskOutcome::Failed {
            error: TaskError::new(kind.as_deref().unwrap_or("failed"), message),
            output,
            retry_after: None,
        },
        ReportBody::Cancelled {} => TaskOutcome::Cancelled,
    };
    let logs = Vec::new();
    Some(AttemptReport { outcome, logs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_workers_of_the_corpus() {
        flow::fuzzing::corpus("worker", worker, 20);
    }
}
