//! Counters in the text format of Prometheus.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::Response;

use super::text;
use crate::problem::ApiResult;
use crate::state::{STREAMS_MAX, ServerState};

/// Read metrics
#[utoipa::path(get, path = "/metrics", tag = "system", responses((status = 200, description = "Counters and gauges.", body = String, content_type = "text/plain; version=0.0.4")))]
pub(super) async fn metrics(State(state): State<ServerState>) -> ApiResult<Response> {
    let counters = state.engine.counters();
    let load = state.engine.load_now();
    let mut page = Page::default();
    for (name, help, counter) in [
        (
            "pointwork_runs_started_total",
            "Runs accepted.",
            &counters.runs_started,
        ),
        (
            "pointwork_runs_finished_total",
            "Runs ended.",
            &counters.runs_finished,
        ),
        (
            "pointwork_runs_deleted_total",
            "Finished runs deleted because they are no longer kept.",
            &counters.runs_deleted,
        ),
        ("pointwork_events_total", "Events committed.", &counters.events),
        ("pointwork_commits_total", "Batches committed.", &counters.commits),
        (
            "pointwork_commit_failures_total",
            "Batches whose commit failed.",
            &counters.commit_failures,
        ),
        (
            "pointwork_attempts_total",
            "Attempts given out.",
            &counters.attempts,
        ),
    ] {
        page.metric(name, "counter", help, counter.load(Ordering::Relaxed));
    }
    let n_streams = STREAMS_MAX - state.shared.streams.available_permits();
    for (name, help, value) in [
        (
            "pointwork_runs_resident",
            "Runs in memory.",
            counters.resident.load(Ordering::Relaxed),
        ),
        (
            "pointwork_workers",
            "Attempts that may be made at once.",
            load.workers as u64,
        ),
        (
            "pointwork_attempts_running",
            "Attempts made now.",
            load.running as u64,
        ),
        (
            "pointwork_attempts_queued",
            "Attempts that wait for a worker.",
            load.queued as u64,
        ),
        (
            "pointwork_attempts_abandoned",
            "Attempts given up whose thread may still be at work.",
            load.abandoned as u64,
        ),
        ("pointwork_streams", "Open streams.", n_streams as u64),
        (
            "process_start_time_seconds",
            "When the server started.",
            (state.shared.started_at.as_millis() / 1000).unsigned_abs(),
        ),
    ] {
        page.metric(name, "gauge", help, value);
    }
    if let Some(bytes) = resident_bytes() {
        page.metric(
            "process_resident_memory_bytes",
            "gauge",
            "Memory of the process.",
            bytes,
        );
    }
    page.head("pointwork_runs", "gauge", "Runs by state.");
    for (state, n) in state.engine.stats(None).await?.runs {
        // Writing to a text does not fail.
        let _ = writeln!(page.0, "pointwork_runs{{state=\"{state}\"}} {n}");
    }
    Ok(text("text/plain; version=0.0.4; charset=utf-8", page.0))
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn metric(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }
}

/// The memory of this process, where the system tells it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
