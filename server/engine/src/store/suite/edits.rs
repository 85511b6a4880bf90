//! Drafts, documents that are tried out, and what authors said of versions.

use super::drafts::{at, commit, id, run, version};
use crate::store::edits::{DRAFTS_PER_OWNER_MAX, DraftRow, DraftSaved, NewTrial};
use crate::store::{ShardEpochs, Store};
use flow::Timestamp;
use flow::trial::TRIAL_FIRST;

fn draft(owner: &str, flow: &str, source: &str, ms: i64) -> DraftRow {
    DraftRow {
        owner: owner.to_owned(),
        flow: flow.to_owned(),
        base: 3,
        source: source.to_owned(),
        saved_at: at(ms),
    }
}

async fn put(store: &dyn Store, draft: DraftRow, after: Option<Timestamp>) -> DraftSaved {
    store.put_draft(draft, after).await.expect("ok")
}

pub(super) async fn drafts_belong_to_their_owners(store: &dyn Store) {
    let first = put(store, draft("anna", "f", "one", 1), None).await;
    assert_eq!(first, DraftSaved::Kept(at(1)));
    assert_eq!(
        put(store, draft("anna", "f", "lost", 2), None).await,
        DraftSaved::Newer(at(1)),
        "another tab saved it"
    );
    let DraftSaved::Kept(next) = put(store, draft("anna", "f", "two", 1), Some(at(1))).await else {
        panic!("it is the next one");
    };
    assert!(next > at(1), "no two saves have the same moment");
    put(store, draft("anna", "", "new", 3), None).await;
    put(store, draft("bert", "f", "his", 4), Some(at(99))).await;
    let found = store.draft("anna", "f").await.expect("ok").expect("it is there");
    assert_eq!(
        (found.source.as_str(), found.base, found.saved_at),
        ("two", 3, next)
    );
    assert_eq!(store.draft("anna", "g").await.expect("ok"), None);
    assert!(store.remove_draft("anna", "f").await.expect("ok"));
    assert!(!store.remove_draft("anna", "f").await.expect("ok"), "it is gone");
    store.forget_drafts(at(4)).await.expect("ok");
    assert_eq!(store.draft("anna", "").await.expect("ok"), None, "it is too old");
    assert!(store.draft("bert", "f").await.expect("ok").is_some());
    for n in 0..=DRAFTS_PER_OWNER_MAX {
        put(
            store,
            draft("carl", &format!("f{n}"), "x", 10 + i64::from(n)),
            None,
        )
        .await;
    }
    assert_eq!(
        store.draft("carl", "f0").await.expect("ok"),
        None,
        "the oldest goes"
    );
    assert!(store.draft("carl", "f1").await.expect("ok").is_some());
    store.forget_drafts(at(100_000)).await.expect("ok");
}

pub(super) async fn trials_stay_as_long_as_their_runs(store: &dyn Store, epochs: &ShardEpochs) {
    let trial = |flow: &str, document: &str| NewTrial {
        flow: flow.to_owned(),
        source: format!("# {document}"),
        format: "yaml".to_owned(),
        document: document.to_owned(),
        at: at(1),
        actor: "local".to_owned(),
    };
    let put = async |flow: &str, document: &str| store.put_trial(trial(flow, document)).await.expect("ok");
    assert_eq!(put("tried", "{}").await, TRIAL_FIRST);
    assert_eq!(put("tried", "{}").await, TRIAL_FIRST, "the same keeps its number");
    assert_eq!(put("tried", "{1}").await, TRIAL_FIRST + 1);
    let found = async |version: u32| store.flow("tried", Some(version)).await.expect("ok");
    let first = found(TRIAL_FIRST).await.expect("it is there");
    assert_eq!(
        (first.newest, first.document.as_str(), first.archived),
        (0, "{}", false)
    );
    assert_eq!(
        store.flow("tried", None).await.expect("ok"),
        None,
        "there is no flow yet"
    );
    let saved = store
        .save_flow(version("tried", "{2}", Some(0)))
        .await
        .expect("ok");
    assert_eq!(saved, 1, "trials take no numbers of versions");
    assert_eq!(found(TRIAL_FIRST).await.expect("it is there").newest, 1);
    assert_eq!(store.flow_versions("tried").await.expect("ok").len(), 1);
    commit(store, epochs, &[run(7_000_001).of("tried")]).await;
    for (version, n) in [(TRIAL_FIRST, 7_000_001), (TRIAL_FIRST + 1, 7_000_002)] {
        store
            .note_trial_run("tried", version, id(n), at(2))
            .await
            .expect("ok");
    }
    store.forget_trials(at(1)).await.expect("ok");
    assert!(
        found(TRIAL_FIRST + 1).await.is_some(),
        "its run may be about to begin"
    );
    store.forget_trials(at(3)).await.expect("ok");
    assert!(found(TRIAL_FIRST).await.is_some(), "there is a run of it");
    assert_eq!(found(TRIAL_FIRST + 1).await, None);
    store.archive_flow("tried").await.expect("ok");
    assert!(found(TRIAL_FIRST).await.expect("it is there").archived);
}

pub(super) async fn versions_have_messages(store: &dyn Store) {
    let put = async |version: u32, message: &str| {
        store.put_message("told", version, message).await.expect("ok");
    };
    put(1, "first").await;
    put(2, "zweite ü").await;
    put(1, "the first").await;
    let messages = store.messages("told").await.expect("ok");
    let told: Vec<_> = messages
        .iter()
        .map(|(version, text)| (*version, text.as_str()))
        .collect();
    assert_eq!(told, [(1, "the first"), (2, "zweite ü")]);
    assert!(store.messages("silent").await.expect("ok").is_empty());
}

pub(super) async fn versions_have_names(store: &dyn Store) {
    let put = async |version: u32, name: Option<&str>| {
        store.name_version("named", version, name).await.expect("ok")
    };
    let names = async || {
        let names = store.version_names("named").await.expect("ok").into_iter();
        names
            .map(|(version, name)| format!("{version} {name}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(put(1, Some("first")).await, None);
    assert_eq!(put(2, Some("zweite ü")).await, None);
    assert_eq!(put(2, Some("first")).await, Some(1), "another version has it");
    assert_eq!(names().await, "1 first, 2 zweite ü");
    assert_eq!(put(1, Some("first")).await, None, "it is its own");
    assert_eq!(put(1, Some("the first")).await, None);
    assert_eq!(put(2, Some("first")).await, None, "it is free now");
    assert_eq!(names().await, "1 the first, 2 first");
    assert_eq!(put(1, None).await, None);
    assert_eq!(put(3, None).await, None, "none has none to lose");
    assert_eq!(names().await, "2 first");
    let other = store.name_version("other", 1, Some("first")).await;
    assert_eq!(other.expect("ok"), None, "names are those of a flow");
    assert!(store.version_names("nameless").await.expect("ok").is_empty());
}
