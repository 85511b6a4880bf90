//! An engine in a temporary folder, on a clock that is moved by hand, and a worker elsewhere.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use engine::clock::{Clock, ManualClock};
use engine::flow::parse::Format;
use engine::flow::{AttemptToken, RunId, Timestamp};
use engine::{
    AttemptReport, Engine, EngineError, Heartbeat, LeaseCall, Leased, LogLine, OfferedType, SaveFlow,
    StartRun, TaskOutcome,
};
use expect_test::Expect;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) const ENCODE: &str =
    "flow: encode\ntasks: { a: { type: video.encode, queue: gpu, with: { file: x } } }";

pub(crate) struct Place {
    dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) engine: Engine,
    pub(crate) secret: String,
}

async fn start(dir: &TempDir, clock: &Arc<ManualClock>, limits: &[(&str, &str)]) -> Engine {
    let mut builder = Engine::builder()
        .data_dir(dir.path())
        .clock(Arc::clone(clock) as Arc<dyn Clock>)
        .workers(2);
    for (name, limits) in limits {
        builder = builder.queue(name, serde_json::from_str(limits).unwrap());
    }
    builder.start().await.unwrap()
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(limits: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let engine = start(&dir, &clock, limits).await;
        let made = engine
            .make_worker_token("test", vec!["gpu".to_owned(), "mail".to_owned()])
            .await
            .unwrap();
        Self {
            dir,
            clock,
            engine,
            secret: made.secret,
        }
    }

    /// Another server on the same folder. The first gives its attempts no time.
    pub(crate) async fn restart(self, limits: &[(&str, &str)]) -> Self {
        let Self {
            dir,
            clock,
            engine,
            secret,
        } = self;
        engine.shutdown(Duration::ZERO).await;
        drop(engine);
        let engine = start(&dir, &clock, limits).await;
        Self {
            dir,
            clock,
            engine,
            secret,
        }
    }

    /// Time goes by in steps, each of which the engine notices.
    pub(crate) async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.set(self.clock.now().plus(Duration::from_secs(1)));
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    pub(crate) async fn save(&self, yaml: &str) {
        let save = SaveFlow {
            source: yaml.into(),
            format: Format::Yaml,
            id: None,
            expected: None,
            actor: "test".into(),
        };
        let saved = self.engine.save_flow(save).await;
        saved.unwrap_or_else(|error| panic!("{error:#?}"));
    }

    pub(crate) async fn run(&self, flow: &str) -> RunId {
        self.engine.start_run(StartRun::of(flow)).await.unwrap()
    }

    pub(crate) fn call(worker: &str, n_max: usize) -> LeaseCall {
        let offered = |key: &str| OfferedType {
            key: key.to_owned(),
            title: None,
            summary: None,
            input_schema: Some(json!({ "type": "object" })),
            output_schema: None,
        };
        LeaseCall {
            worker: worker.to_owned(),
            queues: vec!["gpu".to_owned()],
            types: vec![offered("video.encode"), offered("shell")],
            n_max,
            wait: LONG,
        }
    }

    pub(crate) async fn lease(&self, worker: &str) -> Leased {
        let mut leases = self
            .engine
            .lease(&self.secret, Self::call(worker, 1))
            .await
            .unwrap();
        assert_eq!(leases.len(), 1, "there is work for {worker}");
        leases.remove(0)
    }

    /// Says what the worker can do, and gets nothing.
    pub(crate) async fn declare(&self) {
        let call = LeaseCall {
            wait: Duration::ZERO,
            ..Self::call("w1", 1)
        };
        assert_eq!(self.engine.lease(&self.secret, call).await.unwrap(), []);
    }

    pub(crate) async fn report(&self, token: AttemptToken, output: Value) -> String {
        self.tell(token, TaskOutcome::ok(output)).await
    }

    pub(crate) async fn tell(&self, token: AttemptToken, outcome: TaskOutcome) -> String {
        let logs = vec![LogLine {
            is_error: false,
            text: "the last words".to_owned(),
        }];
        let report = AttemptReport { outcome, logs };
        word(self.engine.report_attempt(&self.secret, token, report).await)
    }

    pub(crate) async fn beat(&self, token: AttemptToken) -> String {
        let beat = Heartbeat {
            progress: Some(0.4),
            message: Some("frame 7".to_owned()),
            logs: Vec::new(),
        };
        match self.engine.heartbeat(&self.secret, token, beat).await {
            Ok(told) if told.is_cancelled => "cancelled".to_owned(),
            Ok(_) => "goes on".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// The end of a run: each task with its attempts.
    pub(crate) async fn end(&self, run: RunId, expected: Expect) {
        let run = self.engine.wait(run, LONG).await.unwrap().expect("it ends");
        let mut told = String::new();
        for task in &run.tasks {
            let attempts: Vec<&str> = task.attempts.iter().map(|one| &*one.outcome).collect();
            write!(
                told,
                "{} {}: {}",
                task.path,
                task.state.key(),
                attempts.join(", ")
            )
            .unwrap();
            if task.cached_from.is_some() {
                told += " cached";
            }
            if let Some(error) = &task.error {
                write!(told, " [{}] {}", error.kind, error.message).unwrap();
            }
            told.push('\n');
        }
        writeln!(told, "run {}", run.summary.state.key()).unwrap();
        expected.assert_eq(&told);
    }

    /// Why the tasks of a run are not running, once their queues have heard of them.
    pub(crate) async fn why(&self, run: RunId, expected: Expect) {
        loop {
            let told = self.told(run).await;
            if !told.contains("given out") {
                expected.assert_eq(&told.replace(&run.to_string(), "RUN"));
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn told(&self, run: RunId) -> String {
        let mut told = String::new();
        for why in self.engine.explain(run).await.unwrap() {
            let moment = |at: Timestamp| at.since(Timestamp::from_millis(1_700_000_000_000)).as_secs_f64();
            let since = why.since.map(|at| format!(" since {}", moment(at)));
            let until = why.until.map(|at| format!(" until {}", moment(at)));
            let rest: String = since.into_iter().chain(until).collect();
            writeln!(told, "{} {}: {}{rest}", why.path, why.kind, why.reason).unwrap();
        }
        told
    }
}

pub(crate) fn word(done: Result<(), EngineError>) -> String {
    match done {
        Ok(()) => "taken".to_owned(),
        Err(error) => error.to_string(),
    }
}
