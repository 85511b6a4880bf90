//! What every store must do. A new rule is written here first; each implementation runs all of it.

mod board;
mod commits;
mod deletion;
pub(crate) mod drafts;
mod edits;
mod gates;
mod lanes;
mod lists;
mod logs_and_blobs;
mod messages;
mod notices;
mod schedules;
mod settings;

pub(in crate::store) use self::drafts::{Draft, at, id, run, version};

pub(in crate::store) use self::deletion::N_DECISIONS_DELETED;

use self::board::{
    commands_to_many_runs_are_kept, counts_by_time_follow_the_runs, runs_know_what_was_made_from_them,
    views_are_kept,
};
use self::commits::{
    a_batch_is_judged_one_by_one, decisions_are_appended_in_step, events_come_in_whole_decisions,
    keys_belong_to_one_run, nothing_is_there_before, old_epochs_are_refused, rows_without_events,
};
use self::deletion::{
    children_stay_as_long_as_their_parents, deleted_runs_leave_nothing, expired_runs_are_found,
};
use self::edits::{
    drafts_belong_to_their_owners, trials_stay_as_long_as_their_runs, versions_have_messages,
    versions_have_names,
};
use self::gates::{flows_follow_others, gates_decide_one_after_the_other};
use self::lanes::{
    attempts_elsewhere_are_noted, queues_are_set, results_hold_for_a_while, rights_and_types_of_workers,
};
use self::lists::{
    counts_follow_the_runs, flows_are_saved_as_versions, flows_show_their_runs, pages_stay_in_place,
    runs_are_found,
};
use self::logs_and_blobs::{
    blobs_come_back, blobs_nobody_names_can_go, logs_are_read_from_any_place, logs_of_a_run_are_one,
};
use self::messages::messages_are_taken_once;
use self::notices::{notifications_are_told_once, rules_follow_their_flows};
use self::schedules::schedules_follow_their_flows;
use self::settings::{secrets_are_kept_as_they_are_given, variables_are_kept};
use super::memory::MemoryStore;
use super::{BlobStore, LogStore, Store};

/// Runs the suite; the store must be empty.
pub(in crate::store) async fn exercise(store: &dyn Store, logs: &dyn LogStore, blobs: &dyn BlobStore) {
    flows_are_saved_as_versions(store).await;
    let epochs = store.take_shards().await.expect("the store is well");
    nothing_is_there_before(store).await;
    decisions_are_appended_in_step(store, &epochs).await;
    keys_belong_to_one_run(store, &epochs).await;
    a_batch_is_judged_one_by_one(store, &epochs).await;
    events_come_in_whole_decisions(store, &epochs).await;
    rows_without_events(store, &epochs).await;
    runs_are_found(store, &epochs).await;
    pages_stay_in_place(store, &epochs).await;
    counts_follow_the_runs(store, &epochs).await;
    flows_show_their_runs(store, &epochs).await;
    notifications_are_told_once(store, &epochs).await;
    schedules_follow_their_flows(store).await;
    secrets_are_kept_as_they_are_given(store).await;
    variables_are_kept(store).await;
    messages_are_taken_once(store, &epochs).await;
    gates_decide_one_after_the_other(store, &epochs).await;
    flows_follow_others(store).await;
    rules_follow_their_flows(store).await;
    rights_and_types_of_workers(store).await;
    attempts_elsewhere_are_noted(store).await;
    queues_are_set(store).await;
    results_hold_for_a_while(store).await;
    views_are_kept(store).await;
    commands_to_many_runs_are_kept(store).await;
    counts_by_time_follow_the_runs(store, &epochs).await;
    runs_know_what_was_made_from_them(store, &epochs).await;
    drafts_belong_to_their_owners(store).await;
    trials_stay_as_long_as_their_runs(store, &epochs).await;
    versions_have_messages(store).await;
    versions_have_names(store).await;
    expired_runs_are_found(store, &epochs).await;
    children_stay_as_long_as_their_parents(store, &epochs).await;
    deleted_runs_leave_nothing(store, logs, &epochs).await;
    blobs_nobody_names_can_go(store, blobs, &epochs).await;
    old_epochs_are_refused(store, &epochs).await;
    logs_are_read_from_any_place(logs).await;
    logs_of_a_run_are_one(logs).await;
    blobs_come_back(blobs).await;
}

#[tokio::test]
async fn memory_does_what_a_store_must() {
    let store = MemoryStore::new();
    exercise(&store, &store, &store).await;
}
