//! The server that load is sent to: one started for it in a process of its own, or one that runs already.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::Setup;
use super::client::{Connection, get};

/// How long a server may take until it answers.
const START_MAX: Duration = Duration::from_secs(30);

/// A server that answers.
pub(super) struct Target {
    /// `host:port`
    pub(super) host: String,
    /// The process, if it is ours; it goes before its folder does.
    process: Option<Process>,
    _data: Option<TempDir>,
}

impl Target {
    /// The server that was named, or one of our own on a fresh data folder.
    pub(super) async fn find(setup: &Setup) -> Result<Self> {
        if let Some(url) = &setup.url {
            let host = url
                .strip_prefix("http://")
                .with_context(|| format!("`{url}` is no address that begins with http://"))?;
            return Ok(Self {
                host: host.trim_end_matches('/').to_owned(),
                process: None,
                _data: None,
            });
        }
        let data = setup.data()?;
        let (process, _) = Process::start(data.path()).await?;
        Ok(Self {
            host: process.host.clone(),
            process: Some(process),
            _data: Some(data),
        })
    }

    /// A server of ours on a folder that somebody else looks after.
    pub(super) fn of(process: Process) -> Self {
        Self {
            host: process.host.clone(),
            process: Some(process),
            _data: None,
        }
    }

    /// Memory it holds, in bytes; `None` if it is not our process or the system does not tell.
    pub(super) fn memory(&self) -> Option<u64> {
        self.process.as_ref()?.memory()
    }
}

/// A server process of ours; killed when dropped, as nobody needs its data.
pub(super) struct Process {
    /// `host:port`
    pub(super) host: String,
    child: Child,
}

impl Process {
    /// Starts this very program as a server; answers once it does, with the time that took.
    pub(super) async fn start(data: &Path) -> Result<(Self, Duration)> {
        let program = std::env::current_exe().context("cannot find this program")?;
        // A port that is free now. Somebody may take it in between, which would only fail this measurement.
        let host = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string();
        let began = Instant::now();
        let child = Command::new(&program)
            .args(["serve", "--listen", &host, "--data"])
            .arg(data)
            .args(["--log", "warn"])
            .args(config(data))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut process = Self { host, child };
        process.answers(began).await?;
        Ok((process, began.elapsed()))
    }

    async fn answers(&mut self, began: Instant) -> Result<()> {
        loop {
            let asked = async {
                Connection::open(&self.host)
                    .await?
                    .expect(200, &get(&self.host, "/health"))
                    .await
                    .map(drop)
            };
            let Err(error) = asked.await else { return Ok(()) };
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status} instead of answering");
            }
            if began.elapsed() > START_MAX {
                return Err(error.context("the server does not answer"));
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }

    /// Memory it holds, in bytes, if the system tells.
    pub(super) fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }
}

/// The configuration that lies in a data folder, if one does.
fn config(data: &Path) -> Vec<OsString> {
    let file = data.join("pointwork.toml");
    if file.is_file() {
        vec!["--config".into(), file.into()]
    } else {
        Vec::new()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
