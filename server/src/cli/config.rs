//! The configuration file: what is not given as a flag or in the environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use engine::QueueLimits;
use engine::task_types::{Certificates, MailOptions};
use flow::HumanDuration;
use serde::Deserialize;

use super::retention::{FileRetention, OrOff};

/// The file. Unknown keys are errors: a misspelt one must not be ignored in silence.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    /// As `--listen`.
    pub(super) listen: Option<SocketAddr>,
    /// As `--data`.
    pub(super) data: Option<PathBuf>,
    /// As `--workers`.
    pub(super) workers: Option<NonZeroU16>,
    /// As `--insecure-no-login`.
    pub(super) insecure_no_login: bool,
    /// As `--allow-host`.
    pub(super) allow_hosts: Vec<String>,
    /// As `--shutdown-grace`.
    pub(super) shutdown_grace: Option<HumanDuration>,
    /// What holds for queues, by name.
    pub(super) queues: BTreeMap<String, QueueLimits>,
    /// Workers in other processes.
    pub(super) remote_workers: RemoteWorkers,
    /// The file that holds the key of the secrets.
    pub(super) secret_key_file: Option<PathBuf>,
    /// Task types.
    pub(super) task_types: TaskTypes,
    /// Mail.
    pub(super) mail: Mail,
    /// Which finished runs are kept.
    pub(super) retention: Option<OrOff<FileRetention>>,
}

/// The part about workers in other processes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RemoteWorkers {
    /// How long one may be silent before its attempts are lost.
    pub(super) lease: Option<HumanDuration>,
}

/// The part about task types.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TaskTypes {
    /// Those that are switched off.
    pub(super) disabled: Vec<String>,
    /// Whether `http.request` is kept from this machine's and private networks' addresses.
    pub(super) deny_private_networks: bool,
}

/// The part about mail.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Mail {
    /// Mail servers that may be reached although private networks may not.
    pub(super) private_hosts: Vec<String>,
    /// A file of certificates (PEM) that are trusted beside the system's.
    pub(super) ca_file: Option<PathBuf>,
}

impl Mail {
    /// The same as the engine wants it.
    ///
    /// # Errors
    /// If the file cannot be read or holds no certificates.
    pub(super) fn options(self) -> Result<MailOptions> {
        let read = |path: PathBuf| {
            let pem = std::fs::read(&path)
                .with_context(|| format!("cannot read the certificates for mail in {}", path.display()))?;
            Certificates::from_pem(&pem)
                .map_err(|error| anyhow::anyhow!("the certificates for mail in {}: {error}", path.display()))
        };
        Ok(MailOptions {
            private_hosts: self.private_hosts,
            trusted: self.ca_file.map(read).transpose()?,
        })
    }
}

impl File {
    /// Reads the file; an empty one if there is none to read.
    pub(super) fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("the configuration {} is not right", path.display()))
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", error.to_string().trim_end().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&match File::parse(text) {
            Ok(file) => format!("{file:?}"),
            Err(error) => format!("{error:#}"),
        });
    }

    #[test]
    fn files() {
        check(
            "listen = '127.0.0.1:9000'\nworkers = 3\nshutdown_grace = '5s'\n[task_types]\ndisabled = ['shell']",
            expect![[
                r#"File { listen: Some(127.0.0.1:9000), data: None, workers: Some(3), insecure_no_login: false, allow_hosts: [], shutdown_grace: Some(HumanDuration(5000)), queues: {}, remote_workers: RemoteWorkers { lease: None }, secret_key_file: None, task_types: TaskTypes { disabled: ["shell"], deny_private_networks: false }, mail: Mail { private_hosts: [], ca_file: None }, retention: None }"#
            ]],
        );
    }

    #[test]
    fn queues() {
        let file =
            File::parse("[queues.mail]\nmax_running = 2\nrate = '10/s'\nper_key = { max_running = 1 }")
                .expect("it is right");
        expect![[r#"{"mail":{"max_running":2,"rate":"10/s","per_key":{"max_running":1},"local":true}}"#]]
            .assert_eq(&serde_json::to_string(&file.queues).expect("JSON"));
        check(
            "[queues.mail]\nrate = 'often'",
            expect![[r#"
                TOML parse error at line 2, column 8
                  |
                2 | rate = 'often'
                  |        ^^^^^^^
                `often` is no rate; write how many in a second, minute, hour or day, such as 10/s, 100/m, 5/h or 1/d"#]],
        );
    }

    #[test]
    fn misspelt_keys_are_told() {
        check(
            "lisen = '127.0.0.1:9000'",
            expect![[r#"
            TOML parse error at line 1, column 1
              |
            1 | lisen = '127.0.0.1:9000'
              | ^^^^^
            unknown field `lisen`, expected one of `listen`, `data`, `workers`, `insecure_no_login`, `allow_hosts`, `shutdown_grace`, `queues`, `remote_workers`, `secret_key_file`, `task_types`, `mail`, `retention`"#]],
        );
        check(
            "[task_types]\ndissabled = []",
            expect![[r#"
            TOML parse error at line 2, column 1
              |
            2 | dissabled = []
              | ^^^^^^^^^
            unknown field `dissabled`, expected `disabled` or `deny_private_networks`"#]],
        );
        check(
            "workers = 'many'",
            expect![[r#"
                TOML parse error at line 1, column 11
                  |
                1 | workers = 'many'
                  |           ^^^^^^
                invalid type: string "many", expected a nonzero u16"#]],
        );
    }
}
