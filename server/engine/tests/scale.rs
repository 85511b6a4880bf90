//! Much of everything: it finishes, and memory stays bounded. How long it takes is the benchmark's matter.
//!
//! `SCALE=full` makes 10,000 active runs and 100,000 tasks in one run of it, a number as many; without it there is a tenth or less, as
//! this is built without optimisation.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::clock::{Clock, ManualClock};
use engine::flow::Timestamp;
use engine::flow::parse::Format;
use engine::flow::view::RunStatus;
use engine::store::RunFilter;
use engine::{Engine, SaveFlow, StartRun, TaskContext, TaskOutcome, TaskType, TaskTypeInfo};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Mutex;

/// What the process has before anything happens, code and caches of the database included.
const BASE_MIB: usize = 128;

/// Memory that one active run may take: its state, its part in the batch under way, its timer.
const KIB_PER_RUN_MAX: usize = 16;

/// Memory that one item may take while its list is at work: its output, its place in the list, its part in the log's cache.
const KIB_PER_ITEM_MAX: usize = 4;

/// One test at a time: they measure the whole process.
static ALONE: Mutex<()> = Mutex::const_new(());

fn size(full: usize, usual: usize) -> usize {
    match std::env::var("SCALE").as_deref() {
        Ok("full") => full,
        Ok(scale) => scale.parse().expect("`full` or a number"),
        Err(_) => usual,
    }
}

/// Memory of this process.
fn resident_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or(0) / 1024
}

fn assert_bounded(n: usize, kib_each: usize) {
    let (is, may) = (resident_mib(), BASE_MIB + n * kib_each / 1024);
    assert!(is <= may, "{n} of them take {is} MiB, more than {may}");
}

/// Work that is done at once.
struct Work;

#[async_trait]
impl TaskType for Work {
    fn info(&self) -> TaskTypeInfo {
        TaskTypeInfo::new::<Value, Value>("work", "Work", "Is done at once.")
    }

    async fn run(&self, ctx: &TaskContext) -> TaskOutcome {
        match ctx.input::<Value>() {
            Ok(input) => TaskOutcome::ok(input),
            Err(error) => TaskOutcome::from(error),
        }
    }
}

async fn open(folder: &TempDir, clock: &Arc<ManualClock>, yaml: &str) -> Engine {
    let engine = Engine::builder()
        .data_dir(folder.path())
        .clock(clock.clone())
        .task_type(Work)
        .start()
        .await
        .expect("it starts");
    let save = SaveFlow {
        source: yaml.into(),
        format: Format::Yaml,
        id: None,
        expected: None,
        actor: "test".into(),
    };
    engine.save_flow(save).await.expect("it is valid");
    engine
}

async fn count(engine: &Engine, state: RunStatus) -> usize {
    let stats = engine.stats(None).await.expect("it can be read");
    stats.runs.get(state.key()).copied().unwrap_or(0) as usize
}

/// Waits until so many runs have succeeded. The clock stands still meanwhile; changes are told by the engine.
async fn all_succeed(engine: &Engine, n: usize) {
    let mut changes = engine.watch_runs();
    while count(engine, RunStatus::Succeeded).await < n {
        // One that lags has missed some, and looks all the same.
        let _ = changes.recv().await;
        while changes.try_recv().is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_active_runs() {
    let _alone = ALONE.lock().await;
    let n = size(10_000, 1_000);
    let folder = TempDir::new().expect("a folder");
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_225_600_000)));
    let flow = "flow: naps\ntasks:\n  a: { type: transform, with: { value: 1 } }\n  nap: { type: delay, needs: [a], with: { for: 1h } }\n  b: { type: work, needs: [nap], with: { it: '{{ tasks.a.output }}' } }\n";
    let engine = open(&folder, &clock, flow).await;
    let starts = (0..n).map(|_| engine.start_run(StartRun::of("naps")));
    for started in futures::future::join_all(starts).await {
        started.expect("it is accepted");
    }
    assert_eq!(
        count(&engine, RunStatus::Running).await,
        n,
        "all of them are at work at once"
    );
    assert_bounded(n, KIB_PER_RUN_MAX);
    clock.set(clock.now().plus(Duration::from_secs(3600)));
    all_succeed(&engine, n).await;
    assert_bounded(n, KIB_PER_RUN_MAX);
    let left = RunFilter {
        states: vec![RunStatus::Running],
        ..RunFilter::default()
    };
    assert!(
        engine
            .runs(&left, None, 1)
            .await
            .expect("it can be read")
            .items
            .is_empty()
    );
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_in_one_run() {
    let _alone = ALONE.lock().await;
    let n = size(100_000, 2_000);
    let folder = TempDir::new().expect("a folder");
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_225_600_000)));
    let flow = format!(
        "flow: many\ntasks:\n  each: {{ type: work, for_each: {{ items: '{{{{ range({n}) }}}}', max_parallel: 64 }}, with: {{ it: '{{{{ item }}}}' }} }}\noutputs: {{ n: '{{{{ tasks.each.output | length }}}}' }}\n"
    );
    let engine = open(&folder, &clock, &flow).await;
    let run = engine
        .start_run(StartRun::of("many"))
        .await
        .expect("it is accepted");
    all_succeed(&engine, 1).await;
    assert_bounded(n, KIB_PER_ITEM_MAX);
    let detail = engine.run(run).await.expect("it can be read");
    assert_eq!(detail.outputs, Some(serde_json::json!({ "n": n })));
    engine.shutdown(Duration::ZERO).await;
}
