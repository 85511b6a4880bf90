//! Why nothing runs.

use std::sync::Arc;

use expect_test::expect;

use super::check;
use super::script::Script;
use crate::plan::{Plan, TaskIx};
use crate::run::RunState;

#[test]
fn every_unfinished_task_has_its_reason() {
    check(
        "
tasks:
  runs: { type: work, undo: { type: work } }
  given: { type: work, start_timeout: 1h }
  again: { type: work, retry: { first: 10s, jitter: none } }
  after: { type: noop, needs: [runs, given, { task: runs, on: failed }] }
  pause: { type: delay, with: { for: 1h } }
  paid: { type: signal, timeout: 1d, with: { name: payment } }
  ask: { type: approval }
  child: { type: subflow, with: { flow: other } }
  each: { type: work, for_each: { items: [1, 2, 3], max_parallel: 1 } }
  poll: { type: work, loop: { until: '{{ iteration > 3 }}', pause: 1h } }
finally: { clean: { type: noop } }
on_failure: { alert: { type: noop } }
",
        "runs starts; again fails; poll#1 ok; explain; child child starts; pause; wait 10s; runs ok; given ok; explain; force cancel; explain",
        expect![[r#"
            - child starts other newest with {} in attempt 1, depth 1
            runs Runs { worker: Some("w1"), since: Some(2026-01-01T00:00:00Z) }
            given Worker { since: 2026-01-01T00:00:00Z, until: Some(2026-01-01T01:00:00Z) }
            again Timer { at: 2026-01-01T00:00:10Z, waits_for: Retry }
            after Upstreams(["runs", "given"])
            pause Timer { at: 2026-01-01T01:00:00Z, waits_for: Delay }
            paid Signal { name: "payment", until: Some(2026-01-02T00:00:00Z) }
            ask Approval { until: None }
            child Child { flow: "other", run: None, until: None }
            each Parts { n_at_work: 1, n_left: 2 }
            each[0] Worker { since: 2026-01-01T00:00:00Z, until: None }
            poll Parts { n_at_work: 1, n_left: 0 }
            poll#2 Timer { at: 2026-01-01T01:00:00Z, waits_for: Pause }
            clean Ending(Finally)
            alert Ending(OnFailure)
            - a child is held
            - given is recalled
            - each[0] is recalled
            again Paused { since: 2026-01-01T00:00:00Z, reason: None }
            after Paused { since: 2026-01-01T00:00:00Z, reason: None }
            pause Timer { at: 2026-01-01T01:00:00Z, waits_for: Delay }
            paid Signal { name: "payment", until: Some(2026-01-02T00:00:00Z) }
            ask Approval { until: None }
            child Child { flow: "other", run: Some(run_0000000000000000000000002d), until: None }
            each Parts { n_at_work: 1, n_left: 2 }
            each[0] Worker { since: 2026-01-01T00:00:00Z, until: None }
            poll Parts { n_at_work: 1, n_left: 0 }
            poll#2 Timer { at: 2026-01-01T01:00:00Z, waits_for: Pause }
            clean Ending(Finally)
            alert Ending(OnFailure)
            - child cancels its run at once
            - each[0] is killed
            runs       succeeded  1 attempt
            given      succeeded  1 attempt
            again      cancelled  1 attempt  the run was cancelled by force
            after      cancelled  the run was cancelled by force
            pause      cancelled  the run was cancelled by force
            paid       cancelled  the run was cancelled by force
            ask        cancelled  the run was cancelled by force
            child      cancelled  1 attempt  the run was cancelled by force
            each       cancelled  the run was cancelled by force
            each[0]    cancelled  its task ended before it
            each[1]    cancelled  its task ended before it
            each[2]    cancelled  its task ended before it
            poll       cancelled  the run was cancelled by force
            poll#1     succeeded
            poll#2     cancelled  its task ended before it
            clean      skipped    the ending was cut short before it
            alert      skipped    was not needed
            runs.undo  skipped    the ending was cut short before it
            run        cancelled
        "#]],
    );
}

#[test]
fn pages_call_tasks_by_their_names() {
    let run = Script::run(
        "
tasks:
  fetch: { name: Fetch, type: work }
  load: { name: Load all rows, type: work, undo: { type: work } }
  size: { type: work }
  report: { type: noop, needs: [fetch, load, size], join: settled }
  mark: { name: Mark the day, type: noop, needs: [load] }
  after: { type: noop, needs: [mark] }
",
        "load fails",
    );
    let state = &run.world.state;
    let named = Arc::new(Plan::new(Arc::clone(&state.plan().doc)).saying_names());
    let named = RunState::restore(state.viewer_snapshot(), named).expect("is of this plan");
    let mut told = String::new();
    for ix in 0..state.tasks().len() as TaskIx {
        let (id, name) = (state.task_view(ix).reason, named.task_view(ix).reason);
        if id != name {
            told.push_str(&format!(
                "{}\n{}\n",
                id.unwrap_or_default(),
                name.unwrap_or_default()
            ));
        }
    }
    expect![[r#"
        waits for fetch, size
        waits for Fetch, size
        upstream load failed
        upstream “Load all rows” failed
        upstream mark was skipped
        upstream “Mark the day” was skipped
        takes back load if the run fails or is cancelled
        takes back “Load all rows” if the run fails or is cancelled
    "#]]
    .assert_eq(&told);
}
