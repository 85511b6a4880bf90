//! The part of the configuration file about which finished runs are kept.
//!
//! ```toml
//! [retention]                                   # or: retention = "off"
//! succeeded = { age = "30d", runs = 10000 }     # so long after the end, and the newest so many of each flow
//! failed = { age = "90d" }                      # what is not said is as usual
//! cancelled = "off"                             # for ever
//! [retention.flows.nightly-orders]
//! succeeded = { age = "off", runs = 500 }
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use engine::store::retention::{Retention, Rule, Rules};
use flow::HumanDuration;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Rules for flows that are not named, and for those that are.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of rules, or `off`")]
pub(super) struct FileRetention {
    succeeded: Option<OrOff<FileRule>>,
    failed: Option<OrOff<FileRule>>,
    cancelled: Option<OrOff<FileRule>>,
    flows: BTreeMap<String, OrOff<FileRules>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table of rules, or `off`")]
struct FileRules {
    succeeded: Option<OrOff<FileRule>>,
    failed: Option<OrOff<FileRule>>,
    cancelled: Option<OrOff<FileRule>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table of `age` and `runs`, or `off`")]
struct FileRule {
    age: Option<OrOff<HumanDuration>>,
    runs: Option<OrOff<u64>>,
}

/// A value, or the word `off`.
#[derive(Clone, Copy, Debug)]
pub(super) enum OrOff<T> {
    Is(T),
    Off,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OrOff<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrOffVisitor(PhantomData))
    }
}

struct OrOffVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OrOffVisitor<T> {
    type Value = OrOff<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or `off`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == "off" {
            return Ok(OrOff::Off);
        }
        let text: StrDeserializer<'_, E> = text.into_deserializer();
        T::deserialize(text).map(OrOff::Is)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        T::deserialize(number.into_deserializer()).map(OrOff::Is)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(OrOff::Is)
    }
}

const FOR_EVER: Rule = Rule {
    age: None,
    runs: None,
};

/// What the file says, over what holds without it.
pub(super) fn retention(file: Option<OrOff<FileRetention>>) -> Retention {
    let mut retention = Retention::default();
    match file {
        None => {}
        Some(OrOff::Off) => return Retention::off(),
        Some(OrOff::Is(file)) => {
            retention.usual = rules(
                FileRules {
                    succeeded: file.succeeded,
                    failed: file.failed,
                    cancelled: file.cancelled,
                },
                retention.usual,
            );
            let usual = retention.usual;
            let flows = file.flows.into_iter().map(|(flow, own)| match own {
                OrOff::Off => (flow, Rules::default()),
                OrOff::Is(own) => (flow, rules(own, usual)),
            });
            retention.flows = flows.collect();
        }
    }
    retention
}

fn rules(file: FileRules, usual: Rules) -> Rules {
    Rules {
        succeeded: rule(file.succeeded, usual.succeeded),
        failed: rule(file.failed, usual.failed),
        cancelled: rule(file.cancelled, usual.cancelled),
    }
}

fn rule(file: Option<OrOff<FileRule>>, usual: Rule) -> Rule {
    match file {
        None => usual,
        Some(OrOff::Off) => FOR_EVER,
        Some(OrOff::Is(FileRule { age, runs })) => Rule {
            age: bound(age, usual.age, HumanDuration::as_duration),
            runs: bound(runs, usual.runs, |runs| runs),
        },
    }
}

fn bound<T, R>(file: Option<OrOff<T>>, usual: Option<R>, read: impl Fn(T) -> R) -> Option<R> {
    match file {
        None => usual,
        Some(OrOff::Off) => None,
        Some(OrOff::Is(value)) => Some(read(value)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::{Expect, expect};
    use flow::view::RunStatus;

    use super::*;
    use crate::cli::config::File;

    /// What holds for any flow, and for `own`.
    fn check(text: &str, expected: Expect) {
        let file = match File::parse(text) {
            Ok(file) => file,
            Err(error) => return expected.assert_eq(&format!("{error:#}")),
        };
        let retention = retention(file.retention);
        let mut told = String::new();
        for flow in ["any", "own"] {
            for state in [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled] {
                let Rule { age, runs } = retention.rule(flow, state);
                let days = |age: Duration| age.as_secs_f64() / 86_400.0;
                told += &format!(
                    "{flow} {}: {:?} days, {runs:?} runs\n",
                    state.key(),
                    age.map(days)
                );
            }
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn rules_stand_over_what_is_usual() {
        check(
            "",
            expect![[r#"
            any succeeded: Some(30.0) days, Some(10000) runs
            any failed: Some(90.0) days, Some(10000) runs
            any cancelled: Some(30.0) days, Some(10000) runs
            own succeeded: Some(30.0) days, Some(10000) runs
            own failed: Some(90.0) days, Some(10000) runs
            own cancelled: Some(30.0) days, Some(10000) runs
        "#]],
        );
        check(
            "[retention]\nsucceeded = { age = '7d' }\nfailed = { runs = 5 }\ncancelled = 'off'\n\
             [retention.flows]\nown = { succeeded = { runs = 'off' }, cancelled = { age = '12h', runs = 0 } }",
            expect![[r#"
                any succeeded: Some(7.0) days, Some(10000) runs
                any failed: Some(90.0) days, Some(5) runs
                any cancelled: None days, None runs
                own succeeded: Some(7.0) days, None runs
                own failed: Some(90.0) days, Some(5) runs
                own cancelled: Some(0.5) days, Some(0) runs
            "#]],
        );
        check(
            "[retention.flows]\nown = 'off'",
            expect![[r#"
            any succeeded: Some(30.0) days, Some(10000) runs
            any failed: Some(90.0) days, Some(10000) runs
            any cancelled: Some(30.0) days, Some(10000) runs
            own succeeded: None days, None runs
            own failed: None days, None runs
            own cancelled: None days, None runs
        "#]],
        );
        check(
            "retention = 'off'",
            expect![[r#"
            any succeeded: None days, None runs
            any failed: None days, None runs
            any cancelled: None days, None runs
            own succeeded: None days, None runs
            own failed: None days, None runs
            own cancelled: None days, None runs
        "#]],
        );
    }

    #[test]
    fn what_is_no_rule_is_told() {
        check(
            "retention = 'of'",
            expect![[r#"
                TOML parse error at line 1, column 13
                  |
                1 | retention = 'of'
                  |             ^^^^
                invalid type: string "of", expected a table of rules, or `off`"#]],
        );
        check(
            "[retention]\nsuceeded = 'off'",
            expect![[r#"
            TOML parse error at line 2, column 1
              |
            2 | suceeded = 'off'
              | ^^^^^^^^
            unknown field `suceeded`, expected one of `succeeded`, `failed`, `cancelled`, `flows`"#]],
        );
        check(
            "[retention]\nfailed = { age = '3 weeks' }",
            expect![[r#"
            TOML parse error at line 2, column 18
              |
            2 | failed = { age = '3 weeks' }
              |                  ^^^^^^^^^
            `3 weeks` is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d (at most 3650d)"#]],
        );
        check(
            "[retention]\nfailed = { runs = -1 }",
            expect![[r#"
            TOML parse error at line 2, column 19
              |
            2 | failed = { runs = -1 }
              |                   ^^
            invalid value: integer `-1`, expected u64"#]],
        );
        check(
            "[retention]\nfailed = { days = 3 }",
            expect![[r#"
            TOML parse error at line 2, column 12
              |
            2 | failed = { days = 3 }
              |            ^^^^
            unknown field `days`, expected `age` or `runs`"#]],
        );
    }
}
