//! The registry.

use std::sync::Arc;

use expect_test::{Expect, expect};
use flow::validate::TypeCatalog;

use super::{BuiltinOptions, Found, RegistryError, TypeRegistry};
use crate::task_types::shell::Shell;

fn check(disabled: &[&str], expect: &Expect) {
    let mut registry = TypeRegistry::builtin(&BuiltinOptions::default());
    registry.disable(disabled.iter().copied()).expect("they exist");
    let mut text = String::new();
    for info in registry.infos() {
        let arguments: Vec<&str> = info.input_schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        let runs = match registry.find(&info.key) {
            Found::Type(..) => "",
            Found::Missing(_) => " (light)",
        };
        text.push_str(&format!(
            "{}{runs} [{}/{}] {}\n",
            info.key,
            info.category,
            info.icon,
            arguments.join(" ")
        ));
    }
    expect.assert_eq(&text);
}

#[test]
fn the_built_in_types() {
    check(
        &[],
        &expect![[r#"
            approval (light) [control/user-check] title form timeout on_timeout
            delay (light) [control/clock] for until
            fail (light) [control/x-circle] message
            fetch_data [data/download] failure_rate data_source live timeout
            http.request [io/globe] url method headers auth query body expect follow_redirects max_body
            log (light) [data/message] message level
            loop (light) [control/repeat] do flow inputs version until max_iterations pause
            mail.send [io/mail] to cc from reply_to subject body html smtp
            noop (light) [control/circle] 
            process_data [data/cog] failure_rate input results
            shell [io/terminal] command interpreter env cwd stdin
            signal (light) [control/bell] name timeout default
            store_data [data/database] failure_rate input results destination
            subflow (light) [control/flow] flow inputs version wait
            switch (light) [control/switch] cases default
            transform [data/braces] value jq input
            wait (light) [control/clock] until when poll timeout
        "#]],
    );
}

#[test]
fn switched_off_types_are_not_known() {
    let mut registry = TypeRegistry::builtin(&BuiltinOptions::default());
    registry.disable(["shell"]).expect("it exists");
    assert!(registry.input_schema("shell").is_none());
    assert!(!registry.known().contains(&"shell"));
    let Found::Missing(error) = registry.find("shell") else {
        panic!("an attempt must fail")
    };
    assert_eq!(&*error.kind, "disabled_type");
    assert!(error.is_final);
    assert_eq!(
        registry.disable(["shel"]),
        Err(RegistryError::Unknown("shel".to_owned()))
    );
}

#[test]
fn a_key_names_one_type() {
    let mut registry = TypeRegistry::builtin(&BuiltinOptions::default());
    assert_eq!(
        registry.add(Arc::new(Shell)),
        Err(RegistryError::Duplicate("shell".to_owned()))
    );
}

#[test]
fn unknown_arguments_are_refused_except_by_the_predecessors_types() {
    let registry = TypeRegistry::builtin(&BuiltinOptions::default());
    for info in registry.infos() {
        let is_open = info.input_schema.get("additionalProperties") != Some(&serde_json::Value::Bool(false));
        assert_eq!(is_open, info.key.ends_with("_data"), "{}", info.key);
    }
}
