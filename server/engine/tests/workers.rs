//! Workers in other processes, queues and kept results, as the engine's callers see them: SQLite in a temporary folder, shard loops
//! on their threads, a clock that is moved by hand.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use engine::clock::{Clock, ManualClock};
use engine::flow::parse::Format;
use engine::flow::{AttemptToken, RunId, Timestamp};
use engine::{
    AttemptReport, Engine, EngineError, Heartbeat, LeaseCall, Leased, LogLine, OfferedType, QueueLimits,
    SaveFlow, StartRun, TaskOutcome,
};
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(60);

struct Place {
    dir: TempDir,
    clock: Arc<ManualClock>,
    engine: Engine,
    secret: String,
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
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(limits: &[(&str, &str)]) -> Self {
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
    async fn restart(self, limits: &[(&str, &str)]) -> Self {
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
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.set(self.clock.now().plus(Duration::from_secs(1)));
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn save(&self, yaml: &str) {
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

    async fn run(&self, flow: &str) -> RunId {
        self.engine.start_run(StartRun::of(flow)).await.unwrap()
    }

    fn call(worker: &str, n_max: usize) -> LeaseCall {
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

    async fn lease(&self, worker: &str) -> Leased {
        let mut leases = self
            .engine
            .lease(&self.secret, Self::call(worker, 1))
            .await
            .unwrap();
        assert_eq!(leases.len(), 1, "there is work for {worker}");
        leases.remove(0)
    }

    /// Says what the worker can do, and gets nothing.
    async fn declare(&self) {
        let call = LeaseCall {
            wait: Duration::ZERO,
            ..Self::call("w1", 1)
        };
        assert_eq!(self.engine.lease(&self.secret, call).await.unwrap(), []);
    }

    async fn report(&self, token: AttemptToken, output: Value) -> String {
        self.tell(token, TaskOutcome::ok(output)).await
    }

    async fn tell(&self, token: AttemptToken, outcome: TaskOutcome) -> String {
        let logs = vec![LogLine {
            is_error: false,
            text: "the last words".to_owned(),
        }];
        let report = AttemptReport { outcome, logs };
        word(self.engine.report_attempt(&self.secret, token, report).await)
    }

    async fn beat(&self, token: AttemptToken) -> String {
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
    async fn end(&self, run: RunId, expected: Expect) {
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
    async fn why(&self, run: RunId, expected: Expect) {
        loop {
            let told = self.told(run).await;
            if !told.contains("given out") {
                expected.assert_eq(&told.replace(&run.to_string(), "RUN"));
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn told(&self, run: RunId) -> String {
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

/// A call that is not as it should be, and what is done to it.
type Change<'c> = (&'c str, &'c dyn Fn(&mut LeaseCall));

fn word(done: Result<(), EngineError>) -> String {
    match done {
        Ok(()) => "taken".to_owned(),
        Err(error) => error.to_string(),
    }
}

const ENCODE: &str = "flow: encode\ntasks: { a: { type: video.encode, queue: gpu, with: { file: x } } }";

#[tokio::test]
async fn a_worker_makes_an_attempt_once() {
    let place = Place::new().await;
    place.declare().await;
    place.save(ENCODE).await;
    let run = place.run("encode").await;
    let lease = place.lease("w1").await;
    assert_eq!(
        (&*lease.task, &*lease.task_type, lease.attempt),
        ("a", "video.encode", 1)
    );
    assert_eq!(
        (&*lease.input, lease.idempotency_key),
        (&json!({ "file": "x" }), format!("{run}/a"))
    );
    assert_eq!(place.beat(lease.token).await, "goes on");
    place
        .why(
            run,
            expect![["a runs: the worker w1 has it: 40 %, frame 7 since 0\n"]],
        )
        .await;
    let stranger = place
        .engine
        .make_worker_token("other", vec!["gpu".to_owned()])
        .await
        .unwrap();
    let forged = AttemptReport {
        outcome: TaskOutcome::ok(8),
        logs: Vec::new(),
    };
    assert_eq!(
        word(
            place
                .engine
                .report_attempt(&stranger.secret, lease.token, forged)
                .await
        ),
        "the attempt was given to the holder of another worker token"
    );
    assert_eq!(place.report(lease.token, json!(7)).await, "taken");
    let over = "the attempt is over, or there never was one of this token; nothing was changed";
    assert_eq!(place.report(lease.token, json!(8)).await, over);
    assert_eq!(place.beat(lease.token).await, over);
    assert_eq!(place.report(AttemptToken(5), json!(8)).await, over);
    place
        .end(run, expect![["a succeeded: succeeded\nrun succeeded\n"]])
        .await;
    assert_eq!(
        place.engine.task_output(run, "a").await.unwrap().as_deref(),
        Some(&json!(7))
    );
    place.engine.logs_flushed(run).await;
    let logs = place.engine.task_logs(run, "a", (0, 0), 9_999).await.unwrap();
    assert_eq!(logs.chunks[0].1.text, "the last words\n");
}

#[tokio::test]
async fn what_nobody_declared_is_unknown_until_somebody_does() {
    let mut place = Place::new().await;
    let save = |engine: Engine| async move {
        let save = SaveFlow {
            source: ENCODE.into(),
            format: Format::Yaml,
            id: None,
            expected: None,
            actor: "test".into(),
        };
        match engine.save_flow(save).await {
            Ok(saved) => saved.warnings.iter().map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        }
    };
    let refused: Vec<String> = save(place.engine.clone()).await;
    assert!(
        refused[0].starts_with("there is no task type `video.encode`"),
        "{refused:?}"
    );
    place.declare().await;
    assert_eq!(save(place.engine.clone()).await, [""; 0]);
    place = place.restart(&[]).await;
    assert_eq!(
        save(place.engine.clone()).await,
        [""; 0],
        "what was declared is known after a restart"
    );
    let types = place.engine.task_types();
    let encode = types.iter().find(|info| info.key == "video.encode").unwrap();
    assert_eq!(
        (encode.is_local, &*encode.queues),
        (false, &["gpu".to_owned()][..])
    );
    let shell = types.iter().find(|info| info.key == "shell").unwrap();
    assert!(shell.is_local && shell.queues == ["gpu"], "both can");
    place
        .save("flow: wrong\ntasks: { a: { type: video.encode } }")
        .await;
    let warned = place.engine.flow("wrong", None).await.unwrap().warnings;
    assert_eq!(warned[0].code, "no_worker", "{warned:?}");
    assert!(
        place
            .engine
            .forget_declared_type("gpu", "video.encode")
            .await
            .unwrap()
    );
    assert_eq!(save(place.engine.clone()).await.len(), 1);
}

#[tokio::test]
async fn a_silent_worker_loses_its_attempt() {
    let place = Place::new().await;
    place.declare().await;
    place.save(ENCODE).await;
    let run = place.run("encode").await;
    let first = place.lease("w1").await;
    place.pass(40).await;
    assert_eq!(place.beat(first.token).await, "goes on");
    place.pass(59).await;
    assert_eq!(
        place.beat(first.token).await,
        "goes on",
        "a minute from the last beat"
    );
    place.pass(61).await;
    let second = place.lease("w2").await;
    assert_eq!(second.attempt, 2);
    let late = place.report(first.token, json!(1)).await;
    assert!(late.starts_with("the attempt is over"), "{late}");
    // A process that slept could hear nobody: all get a full period.
    place.clock.set(place.clock.now().plus(Duration::from_secs(600)));
    place.pass(1).await;
    assert_eq!(place.beat(second.token).await, "goes on");
    for worker in ["w3", "w4"] {
        place.pass(61).await;
        place.lease(worker).await;
    }
    place.pass(61).await;
    place
        .end(
            run,
            expect![[r#"
                a failed: lost, lost, lost, lost [lost] its worker or server went away while it ran, 4 times
                run failed
            "#]],
        )
        .await;
}

#[tokio::test]
async fn work_that_may_not_be_begun_twice_is_not() {
    let place = Place::new().await;
    place.declare().await;
    place
        .save("flow: once\ntasks: { a: { type: video.encode, queue: gpu, retry: { on_lost: fail } } }")
        .await;
    let run = place.run("once").await;
    place.lease("w1").await;
    place.pass(61).await;
    place.end(run, expect![[r#"
        a failed: lost [lost] its worker or server went away while it ran; it is not tried again (retry.on_lost: fail)
        run failed
    "#]]).await;
}

#[tokio::test]
async fn a_worker_outlives_the_server() {
    let limits = [("gpu", r#"{"max_running": 1}"#)];
    let mut place = Place::with(&limits).await;
    place.declare().await;
    place.save("flow: two\ntasks: { a: { type: video.encode, queue: gpu }, b: { type: video.encode, queue: gpu } }").await;
    let run = place.run("two").await;
    let first = place.lease("w1").await;
    place
        .why(
            run,
            expect![[r#"
        a runs: the worker w1 has it since 0
        b queue_limit: 1 of the queue gpu are made at once, no more may be: a of RUN since 0
    "#]],
        )
        .await;
    place = place.restart(&limits).await;
    assert_eq!(place.beat(first.token).await, "goes on");
    // What runs elsewhere counts.
    let none = LeaseCall {
        wait: Duration::ZERO,
        ..Place::call("w2", 5)
    };
    assert_eq!(place.engine.lease(&place.secret, none).await.unwrap(), []);
    place.pass(59).await;
    assert_eq!(place.report(first.token, json!(1)).await, "taken");
    let second = place.lease("w2").await;
    assert_eq!((second.task.as_str(), second.attempt), ("b", 1));
    // And one whose worker goes away while there is no server is lost a period after the next start.
    place = place.restart(&limits).await;
    place.pass(61).await;
    let again = place.lease("w3").await;
    assert_eq!((again.task.as_str(), again.attempt), ("b", 2));
    assert_eq!(place.report(again.token, json!(2)).await, "taken");
    place
        .end(
            run,
            expect![[r#"
        a succeeded: succeeded
        b succeeded: lost, succeeded
        run succeeded
    "#]],
        )
        .await;
}

#[tokio::test]
async fn a_held_run_begins_nothing_it_had_given_out() {
    let limits = [("gpu", r#"{"max_running": 1}"#)];
    let place = Place::with(&limits).await;
    place.declare().await;
    place.save("flow: two\ntasks: { a: { type: video.encode, queue: gpu }, b: { type: video.encode, queue: gpu } }").await;
    let run = place.run("two").await;
    let first = place.lease("w1").await;
    place.engine.pause_run(run, None, "test").await.unwrap();
    while place.told(run).await.contains("queue_limit") {
        tokio::task::yield_now().await;
    }
    place
        .why(
            run,
            expect![[r#"
        a runs: the worker w1 has it since 0
        b paused: starts when the run is resumed since 0
    "#]],
        )
        .await;
    assert_eq!(place.report(first.token, json!(1)).await, "taken");
    let none = LeaseCall {
        wait: Duration::ZERO,
        ..Place::call("w2", 5)
    };
    assert_eq!(place.engine.lease(&place.secret, none).await.unwrap(), []);
    place.engine.resume_run(run, "test").await.unwrap();
    let second = place.lease("w2").await;
    assert_eq!((second.task.as_str(), second.attempt), ("b", 1));
    assert_eq!(place.report(second.token, json!(2)).await, "taken");
    place
        .end(
            run,
            expect![[r#"
        a succeeded: succeeded
        b succeeded: succeeded
        run succeeded
    "#]],
        )
        .await;
}

#[tokio::test]
async fn a_cancelled_attempt_is_told_so() {
    let place = Place::new().await;
    place.declare().await;
    place.save(ENCODE).await;
    let run = place.run("encode").await;
    let lease = place.lease("w1").await;
    place.engine.cancel_run(run, false, None, "test").await.unwrap();
    while place.beat(lease.token).await != "cancelled" {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        place.tell(lease.token, TaskOutcome::failed("broke", "off")).await,
        "taken"
    );
    place
        .end(
            run,
            expect![[r#"
        a cancelled: cancelled
        run cancelled
    "#]],
        )
        .await;

    let silent = place.run("encode").await;
    let lease = place.lease("w1").await;
    place
        .engine
        .cancel_run(silent, false, None, "test")
        .await
        .unwrap();
    while place.beat(lease.token).await != "cancelled" {
        tokio::task::yield_now().await;
    }
    place.pass(71).await;
    place
        .end(
            silent,
            expect![[r#"
        a cancelled: cancelled
        run cancelled
    "#]],
        )
        .await;

    let forced = place.run("encode").await;
    place.lease("w1").await;
    place.engine.cancel_run(forced, true, None, "test").await.unwrap();
    place
        .end(
            forced,
            expect![[r#"
        a cancelled: cancelled
        run cancelled
    "#]],
        )
        .await;
}

#[tokio::test]
async fn who_may_not_ask_is_told_why() {
    let place = Place::new().await;
    let ask = async |secret: &str, change: &dyn Fn(&mut LeaseCall)| {
        let mut call = Place::call("w1", 1);
        call.wait = Duration::ZERO;
        change(&mut call);
        match place.engine.lease(secret, call).await {
            Ok(leases) => format!("{} leases", leases.len()),
            Err(EngineError::Invalid(problems)) => problems
                .iter()
                .map(|problem| format!("{problem}"))
                .collect::<Vec<_>>()
                .join("; "),
            Err(error) => error.to_string(),
        }
    };
    let secret = place.secret.clone();
    let mut told = String::new();
    let changes: [Change<'_>; 8] = [
        ("as it should be", &|_| {}),
        ("none at once", &|call| call.n_max = 0),
        ("too many at once", &|call| call.n_max = usize::MAX),
        ("another queue", &|call| call.queues = vec!["default".to_owned()]),
        ("no queue, no type", &|call| {
            (call.queues, call.types) = (Vec::new(), Vec::new())
        }),
        ("no name", &|call| call.worker = " \n".to_owned()),
        ("a name that is taken", &|call| call.worker = "local".to_owned()),
        ("nonsense as a type", &|call| {
            call.types[0].key = "Video Encode".to_owned();
            call.types[1].input_schema = Some(json!({ "type": "nonsense" }));
        }),
    ];
    for (what, change) in changes {
        writeln!(told, "{what}: {}", ask(&secret, change).await).unwrap();
    }
    writeln!(told, "a wrong token: {}", ask("pwt_00", &|_| {}).await).unwrap();
    let id = place.engine.worker_tokens().await.unwrap()[0].id.clone();
    assert!(place.engine.revoke_worker_token(&id).await.unwrap());
    writeln!(told, "a revoked one: {}", ask(&secret, &|_| {}).await).unwrap();
    expect![[r#"
        as it should be: 0 leases
        none at once: error: `max` is from 1 to 100 (max)
        too many at once: error: `max` is from 1 to 100 (max)
        another queue: this worker token is not for the queue default; it is for gpu, mail
        no queue, no type: error: name from 1 to 100 queues (queues); error: name from 1 to 100 task types (types)
        no name: error: `worker` is a text of one line, not empty, of at most 500 characters (worker)
        a name that is taken: error: `local` is what this server's own workers are called (worker)
        nonsense as a type: error: a type's key is words of lower case letters, digits, `-` and `_` with dots between them, at most 64 long (types[0].key); error: this is no JSON Schema: "nonsense" is not valid under any of the schemas listed in the 'anyOf' keyword (types[1].input_schema)
        a wrong token: there is no such worker token, or it was revoked; POST /api/v1/worker-tokens makes one
        a revoked one: there is no such worker token, or it was revoked; POST /api/v1/worker-tokens makes one
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn what_waits_says_for_what() {
    let place = Place::with(&[("held", r#"{"max_running": 0}"#), ("slow", r#"{"rate": "1/h"}"#)]).await;
    place.declare().await;
    place.save(ENCODE).await;
    let gone = place.run("encode").await;
    place
        .why(
            gone,
            expect![[r#"
        a worker: the workers of the queue gpu are at work: w1 since 0
    "#]],
        )
        .await;
    place.pass(100).await;
    place
        .why(
            gone,
            expect![[r#"
        a no_worker: no worker for the queue gpu since 0
    "#]],
        )
        .await;
    place
        .save("flow: held\ntasks: { a: { type: shell, queue: held, with: { command: 'true' } } }")
        .await;
    let held = place.run("held").await;
    place
        .why(
            held,
            expect![[r#"
        a queue_limit: the queue held is held: its `max_running` is 0 since 100
    "#]],
        )
        .await;
    place
        .save("flow: slow\ntasks: { a: { type: shell, queue: slow, with: { command: 'true' } }, b: { type: shell, queue: slow, with: { command: 'true' } } }")
        .await;
    let slow = place.run("slow").await;
    while place.engine.task(slow, "a").await.unwrap().finished_at.is_none() {
        tokio::task::yield_now().await;
    }
    place
        .why(
            slow,
            expect![[r#"
        b rate_limit: of the queue slow no more than 1/h may begin since 100 until 3700
    "#]],
        )
        .await;
    place
        .engine
        .set_queue("held", QueueLimits::default())
        .await
        .unwrap();
    place
        .end(
            held,
            expect![[r#"
        a succeeded: succeeded
        run succeeded
    "#]],
        )
        .await;
    let wrong = QueueLimits {
        burst: Some(3),
        ..QueueLimits::default()
    };
    assert!(matches!(
        place.engine.set_queue("slow", wrong).await,
        Err(EngineError::Invalid(_))
    ));
    place
        .engine
        .set_queue("slow", QueueLimits::default())
        .await
        .unwrap();
    place
        .end(
            slow,
            expect![[r#"
        a succeeded: succeeded
        b succeeded: succeeded
        run succeeded
    "#]],
        )
        .await;
}

#[tokio::test]
async fn what_is_set_for_a_queue_survives_and_slow_rates_too() {
    let configured = [("slow", r#"{"rate": "1/h"}"#), ("held", r#"{"max_running": 3}"#)];
    let mut place = Place::with(&configured).await;
    place
        .engine
        .set_queue("held", serde_json::from_str(r#"{"max_running": 0}"#).unwrap())
        .await
        .unwrap();
    place
        .save("flow: slow\ntasks: { a: { type: shell, queue: slow, with: { command: 'true' } } }")
        .await;
    let run = place.run("slow").await;
    place
        .end(run, expect![["a succeeded: succeeded\nrun succeeded\n"]])
        .await;
    place.pass(60).await;
    place = place.restart(&configured).await;
    assert_eq!(
        place.engine.queue("held").await.unwrap().limits.max_running,
        Some(0)
    );
    let run = place.run("slow").await;
    place
        .why(
            run,
            expect![[r#"
        a rate_limit: of the queue slow no more than 1/h may begin since 60 until 3601
    "#]],
        )
        .await;
    place
        .clock
        .set(place.clock.now().plus(Duration::from_secs(3_541)));
    place
        .end(run, expect![["a succeeded: succeeded\nrun succeeded\n"]])
        .await;
    place.engine.reset_queue("held").await.unwrap();
    let held = place.engine.queue("held").await.unwrap();
    assert_eq!(
        (held.limits.max_running, held.is_set),
        (Some(3), false),
        "as configured again"
    );
}

#[tokio::test]
async fn a_queue_may_be_left_to_workers_elsewhere() {
    let place = Place::with(&[("gpu", r#"{"local": false}"#)]).await;
    place
        .save("flow: far\ntasks: { a: { type: shell, queue: gpu, with: { command: 'true' } } }")
        .await;
    let run = place.run("far").await;
    place
        .why(
            run,
            expect![[r#"
        a no_worker: no worker for the queue gpu since 0
    "#]],
        )
        .await;
    let lease = place.lease("w1").await;
    assert_eq!(lease.task_type, "shell");
    assert_eq!(place.report(lease.token, json!(1)).await, "taken");
    let run = place.run("far").await;
    place
        .engine
        .set_queue("gpu", QueueLimits::default())
        .await
        .unwrap();
    place
        .end(run, expect![["a succeeded: succeeded\nrun succeeded\n"]])
        .await;
}

#[tokio::test]
async fn a_result_holds_until_its_time_is_over() {
    let place = Place::new().await;
    place
        .save(
            r#"
flow: kept
inputs: { day: { default: mon } }
tasks:
  a:
    type: shell
    with: { command: "date +%s%N; [ $DAY != bad ]", env: { DAY: "{{ inputs.day }}" } }
    cache: { key: "{{ inputs.day }}", ttl: 1h }
  big: { type: shell, with: { command: "yes long | head -c 200000 | tr -d '\\n' | sed 's/.*/\"&\"/'" }, cache: { ttl: 1h } }
"#,
        )
        .await;
    let run = async |day: &str| {
        let start = StartRun {
            inputs: json!({ "day": day }),
            ..StartRun::of("kept")
        };
        let (run, ended) = place.engine.start_and_wait(start, LONG).await.unwrap();
        let ended = ended.expect("it ends");
        let cached: Vec<bool> = ended
            .tasks
            .iter()
            .map(|task| task.cached_from.is_some())
            .collect();
        let output = place.engine.task_output(run, "a").await.unwrap();
        let large = place.engine.task_output(run, "big").await.unwrap();
        assert!(large.unwrap().to_string().len() > 100_000);
        (cached, output)
    };
    let (cached, mut monday) = run("mon").await;
    assert_eq!(cached, [false, false]);
    // A result is kept a moment after the run that gave it has ended.
    loop {
        let (cached, output) = run("mon").await;
        if cached == [true, true] {
            assert_eq!(output, monday, "the same");
            break;
        }
        monday = if cached[0] { monday } else { output };
    }
    assert_eq!(run("tue").await.0, [false, true], "another key");
    assert_eq!(run("bad").await.0, [false, true]);
    assert_eq!(run("bad").await.0, [false, true], "failures are not kept");
    place
        .clock
        .set(place.clock.now().plus(Duration::from_secs(3_601)));
    let (cached, later) = run("mon").await;
    assert_eq!(cached, [false, false], "its time is over");
    assert_ne!(later, monday);
}

#[tokio::test]
async fn the_urgent_goes_first() {
    let place = Place::with(&[("gpu", r#"{"local": false, "max_running": 1}"#)]).await;
    place
        .save(
            r#"
flow: mixed
priority: -10
tasks:
  late: { type: shell, queue: gpu, priority: -10, with: { command: x } }
  mid: { type: shell, queue: gpu, with: { command: x } }
  soon: { type: shell, queue: gpu, priority: 10, with: { command: x } }
"#,
        )
        .await;
    place.run("mixed").await;
    let urgent = StartRun {
        priority: Some(50),
        ..StartRun::of("mixed")
    };
    let urgent = place.engine.start_run(urgent).await.unwrap();
    while place.engine.queue("gpu").await.unwrap().n_waiting < 6 {
        tokio::task::yield_now().await;
    }
    let mut order = Vec::new();
    for _ in 0..6 {
        let lease = place.lease("w1").await;
        let of = if lease.run == urgent { "urgent" } else { "other" };
        order.push(format!("{of} {}", lease.task));
        assert_eq!(place.report(lease.token, json!(null)).await, "taken");
    }
    expect!["urgent soon, urgent mid, urgent late, other soon, other mid, other late"]
        .assert_eq(&order.join(", "));
    let absurd = StartRun {
        priority: Some(101),
        ..StartRun::of("mixed")
    };
    assert!(matches!(
        place.engine.start_run(absurd).await,
        Err(EngineError::Invalid(_))
    ));
}

#[tokio::test]
async fn a_worker_is_given_secrets_and_what_it_reports_is_masked() {
    let limits = [("gpu", r#"{"local": false}"#)];
    let mut place = Place::with(&limits).await;
    place
        .engine
        .put_secret("token", "geheim-4711", "test")
        .await
        .unwrap();
    place
        .engine
        .put_secret("other", "anders-0815", "test")
        .await
        .unwrap();
    place
        .save(
            "flow: hidden\ntasks:\n  a: { type: shell, queue: gpu, with: { command: x, env: { T: '{{ secrets.token }}' } } }\n  \
             b: { type: shell, queue: gpu, needs: [a], with: { command: x, env: { T: '{{ secrets.gone }}' } } }",
        )
        .await;
    let run = place.run("hidden").await;
    let lease = place.lease("w1").await;
    assert_eq!(
        *lease.input,
        json!({ "command": "x", "env": { "T": "geheim-4711" } })
    );
    for is_restarted in [false, true] {
        if is_restarted {
            place = place.restart(&limits).await;
        }
        let beat = Heartbeat {
            progress: None,
            message: Some("at geheim-4711".to_owned()),
            logs: vec![LogLine {
                is_error: true,
                text: "T=geheim-4711 anders-0815".to_owned(),
            }],
        };
        place
            .engine
            .heartbeat(&place.secret, lease.token, beat)
            .await
            .unwrap();
        let told = place.told(run).await;
        assert!(told.contains("w1 has it: at ***"), "{told}");
    }
    let output = json!({ "geheim-4711": ["Bearer geheim-4711", 7] });
    assert_eq!(place.report(lease.token, output).await, "taken");
    // Of what the other needs there is nothing, so its worker never hears of it.
    let none = LeaseCall {
        wait: Duration::ZERO,
        ..Place::call("w1", 1)
    };
    loop {
        assert_eq!(place.engine.lease(&place.secret, none.clone()).await.unwrap(), []);
        if place.engine.wait(run, Duration::ZERO).await.unwrap().is_some() {
            break;
        }
    }
    place
        .end(
            run,
            expect![[r#"
        a succeeded: succeeded
        b failed: failed [unknown_secret] there is no secret `gone`; set it and run the task again
        run failed
    "#]],
        )
        .await;
    place.engine.logs_flushed(run).await;
    let logs = place.engine.task_logs(run, "a", (0, 0), 9_999).await.unwrap();
    let mut told: String = logs.chunks.iter().map(|chunk| &*chunk.1.text).collect();
    let output = place.engine.task_output(run, "a").await.unwrap().unwrap();
    writeln!(told, "{output}").unwrap();
    expect![[r#"
        T=*** anders-0815
        T=*** anders-0815
        the last words
        {"***":["Bearer ***",7]}
    "#]]
    .assert_eq(&told);
}

/// What expressions make of arguments is known only when they are evaluated, and what a worker gives only when it gives it.
#[tokio::test]
async fn what_does_not_fit_its_type_fails_the_task() {
    let place = Place::new().await;
    let typed = |schema: Value| LeaseCall {
        types: vec![OfferedType {
            input_schema: Some(json!({ "type": "object", "properties": { "n": { "type": "integer" } } })),
            output_schema: Some(schema),
            ..Place::call("w1", 1).types.remove(0)
        }],
        ..Place::call("w1", 1)
    };
    let call =
        typed(json!({ "type": "object", "required": ["m"], "properties": { "m": { "type": "integer" } } }));
    let at_once = LeaseCall {
        wait: Duration::ZERO,
        ..call.clone()
    };
    assert_eq!(place.engine.lease(&place.secret, at_once).await.unwrap(), []);
    place
        .save("flow: wrong\ntasks: { a: { type: video.encode, queue: gpu, with: { n: \"{{ 'seven' }}\" } } }")
        .await;
    let run = place.run("wrong").await;
    assert_eq!(
        place.engine.lease(&place.secret, call.clone()).await.unwrap(),
        [],
        "nobody is given what cannot be done"
    );
    place.end(run, expect![[r#"
        a failed: failed [input] its arguments do not fit what its type takes: n: expected integer, found "seven"
        run failed
    "#]]).await;
    place
        .save("flow: right\ntasks: { a: { type: video.encode, queue: gpu, with: { n: 7 } } }")
        .await;
    let run = place.run("right").await;
    let leased = place.engine.lease(&place.secret, call).await.unwrap().remove(0);
    assert_eq!(
        place.report(leased.token, json!({ "m": "seven", "k": 1 })).await,
        "taken"
    );
    place.end(run, expect![[r#"
        a failed: failed [output] what its worker gave does not fit what its type gives: m: expected integer, found "seven"
        run failed
    "#]]).await;
}
