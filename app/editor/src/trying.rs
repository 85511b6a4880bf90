//! What a task does when the flow is simulated: chosen by a person, else as it was pinned, recorded, or as its type gives.

use std::collections::BTreeMap;

use flow::HumanDuration;
use flow::run::TaskError;
use flow::simulate::{Failing, Stub, sample};
use serde_json::Value;

/// How a task's work ends in a simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// It succeeds.
    #[default]
    Succeeds,
    /// It fails.
    Fails,
    /// It does not end in time.
    TimesOut,
}

impl Ends {
    /// All, in the order of the choice.
    pub const ALL: [Self; 3] = [Self::Succeeds, Self::Fails, Self::TimesOut];

    /// Its name for ever.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Succeeds => "succeeds",
            Self::Fails => "fails",
            Self::TimesOut => "times-out",
        }
    }

    /// Its words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Succeeds => "Succeeds",
            Self::Fails => "Fails",
            Self::TimesOut => "Times out",
        }
    }

    /// That with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|ends| ends.key() == key)
            .unwrap_or_default()
    }
}

/// What a person says a task does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How it ends.
    pub ends: Ends,
    /// What it gives, as JSON; empty: as recorded, or as its type gives.
    pub output: String,
    /// How long it takes; empty: a second.
    pub takes: String,
    /// Why it fails.
    pub error: String,
}

/// The stub that does as told.
///
/// # Errors
/// What cannot be read of it, as a sentence.
pub fn stub(told: &Told, usual: Option<Value>) -> Result<Stub, String> {
    let output = match told.output.trim() {
        "" => usual,
        text => Some(
            serde_json::from_str(text)
                .map_err(|error| format!("the output is not JSON: {error}; a text has quotes around it"))?,
        ),
    };
    let takes = match told.takes.trim() {
        "" => None,
        text => {
            let takes: HumanDuration = text
                .parse()
                .map_err(|_| format!("`{text}` is no duration such as 300ms, 30s or 1h30m"))?;
            Some(takes.as_duration())
        }
    };
    let why = match told.error.trim() {
        "" => "it was told to fail",
        text => text,
    };
    let failing = |kind: &str, why: &str| Failing {
        error: TaskError::new(kind, why),
        attempts: None,
    };
    let fails = match told.ends {
        Ends::Succeeds => None,
        Ends::Fails => Some(failing("failed", why)),
        Ends::TimesOut => Some(failing("timeout", "it did not end in time")),
    };
    Ok(Stub { output, takes, fails })
}

/// What tasks give that nobody has told anything: as recorded, else the plainest value of the kind their type gives.
#[must_use]
pub fn usual(task: &str, recorded: &BTreeMap<String, Value>, output_schema: Option<&Value>) -> Option<Value> {
    recorded.get(task).cloned().or_else(|| output_schema.map(sample))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(told: &Told, expected: Expect) {
        let recorded = BTreeMap::from([("a".to_owned(), json!({ "n": 1 }))]);
        let shown = match stub(told, usual("a", &recorded, None)) {
            Ok(stub) => format!(
                "{:?} {:?} {:?}",
                stub.output.map(|output| output.to_string()),
                stub.takes,
                stub.fails.map(|fails| fails.error.message)
            ),
            Err(why) => why,
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_task_does_as_it_is_told() {
        let told = |ends: Ends, output: &str, takes: &str| Told {
            ends,
            output: output.to_owned(),
            takes: takes.to_owned(),
            error: String::new(),
        };
        check(
            &told(Ends::Succeeds, "", ""),
            expect![[r#"Some("{\"n\":1}") None None"#]],
        );
        check(
            &told(Ends::Succeeds, "[2]", "1m30s"),
            expect![[r#"Some("[2]") Some(90s) None"#]],
        );
        check(
            &told(Ends::Fails, "", ""),
            expect![[r#"Some("{\"n\":1}") None Some("it was told to fail")"#]],
        );
        check(
            &told(Ends::TimesOut, "", ""),
            expect![[r#"Some("{\"n\":1}") None Some("it did not end in time")"#]],
        );
        check(
            &told(Ends::Succeeds, "hello", ""),
            expect!["the output is not JSON: expected value at line 1 column 1; a text has quotes around it"],
        );
        check(
            &told(Ends::Succeeds, "", "soon"),
            expect!["`soon` is no duration such as 300ms, 30s or 1h30m"],
        );
        let none = BTreeMap::new();
        assert_eq!(
            usual("b", &none, Some(&json!({ "type": "integer" }))),
            Some(json!(0))
        );
        assert_eq!(
            (Ends::from_key("fails"), Ends::from_key("x")),
            (Ends::Fails, Ends::Succeeds)
        );
    }
}
