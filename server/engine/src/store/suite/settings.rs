//! Secrets and variables: set, replaced, removed, and who refers to them.

use serde_json::{Value, json};

use super::drafts::{at, version};
use crate::store::{NewSecret, NewVariable, References, Store};

async fn secrets(store: &dyn Store) -> String {
    let mut lines = Vec::new();
    for row in store.secrets().await.expect("ok") {
        let sealed = store.sealed_secret(&row.name).await.expect("ok");
        let age = (row.updated_at.as_micros() - at(0).as_micros()) / 1_000;
        lines.push(format!(
            "{} {:?} at {age} by {} for {:?}",
            row.name,
            sealed.expect("it is in the list"),
            row.actor,
            row.used_by
        ));
    }
    lines.join("\n")
}

async fn set_secret(store: &dyn Store, name: &str, sealed: &[u8], second: i64) {
    let new = NewSecret {
        name: name.to_owned(),
        sealed: sealed.to_vec(),
        at: at(second),
        actor: "local".to_owned(),
    };
    store.put_secret(new).await.expect("ok");
}

pub(super) async fn secrets_are_kept_as_they_are_given(store: &dyn Store) {
    assert_eq!(secrets(store).await, "");
    assert_eq!(store.sealed_secret("smtp").await.expect("ok"), None);
    set_secret(store, "smtp", &[1, 0, 255], 1).await;
    set_secret(store, "api_key", &[2], 2).await;
    set_secret(store, "smtp", &[3], 3).await;
    refer(store, "mails", &["smtp", "gone"], &[]).await;
    refer(store, "also-mails", &["smtp"], &["smtp"]).await;
    assert_eq!(
        secrets(store).await,
        "api_key [2] at 2 by local for []\nsmtp [3] at 3 by local for [\"also-mails\", \"mails\"]"
    );
    refer(store, "mails", &["api_key"], &[]).await;
    store.archive_flow("also-mails").await.expect("ok");
    assert_eq!(
        secrets(store).await,
        "api_key [2] at 2 by local for [\"mails\"]\nsmtp [3] at 3 by local for []",
        "the newest versions of flows that are not archived count"
    );
    assert!(store.remove_secret("smtp").await.expect("ok"));
    assert!(!store.remove_secret("smtp").await.expect("ok"), "it is gone");
    assert!(store.remove_secret("api_key").await.expect("ok"));
    assert_eq!(secrets(store).await, "");
    store.archive_flow("mails").await.expect("ok");
}

/// Saves a version of a flow that refers to these.
async fn refer(store: &dyn Store, flow: &str, secrets: &[&str], variables: &[&str]) {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut new = version(flow, &format!("{secrets:?} {variables:?}"), None);
    new.references = References {
        secrets: names(secrets),
        variables: names(variables),
    };
    store.save_flow(new).await.expect("ok");
}

pub(super) async fn variables_are_kept(store: &dyn Store) {
    let set = async |name: &str, value: Value| {
        let new = NewVariable {
            name: name.to_owned(),
            value,
            at: at(1),
            actor: "local".to_owned(),
        };
        store.put_variable(new).await.expect("ok");
    };
    let shown = async || {
        let rows = store.variables().await.expect("ok");
        let line =
            |row: &crate::store::VariableRow| format!("{} {} for {:?}", row.name, row.value, row.used_by);
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(shown().await, "");
    set("base_url", json!("http://a")).await;
    set("limits", json!({"b": [1, 2.5, null], "a": "ü\u{0}"})).await;
    set("base_url", json!("http://b")).await;
    refer(store, "calls", &["base_url"], &["base_url"]).await;
    assert_eq!(
        shown().await,
        "base_url \"http://b\" for [\"calls\"]\nlimits {\"b\":[1,2.5,null],\"a\":\"ü\\u0000\"} for []"
    );
    assert!(store.remove_variable("base_url").await.expect("ok"));
    assert!(
        !store.remove_variable("base_url").await.expect("ok"),
        "it is gone"
    );
    assert!(store.remove_variable("limits").await.expect("ok"));
    store.archive_flow("calls").await.expect("ok");
}
