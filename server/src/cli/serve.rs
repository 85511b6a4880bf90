//! `pointwork serve`.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use engine::secrets::key::KeySource;
use flow::HumanDuration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;

use super::config::File;
use super::retention::retention;
use crate::serve::{ServeOptions, Server};

/// How long attempts may finish when the server goes down.
const GRACE: Duration = Duration::from_secs(10);

/// Flags stand over the environment, the environment over the file, the file over what is usual.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Address to listen on [usual: 127.0.0.1:8000]
    #[arg(long, env = "POINTWORK_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Folder of the database, logs and files; made if it is not there [usual: ./data]
    #[arg(long, env = "POINTWORK_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// How many attempts may be made at once [usual: by processors]
    #[arg(long, env = "POINTWORK_WORKERS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    workers: Option<u16>,
    /// Configuration file (TOML): listen, data, workers, `insecure_no_login`, `allow_hosts`, `shutdown_grace`, `secret_key_file`,
    /// `[task_types]` disabled, `deny_private_networks`; `[mail]` `private_hosts`, `ca_file`; `[retention]` succeeded, failed, cancelled: each `{ age = "30d", runs = 10000 }`
    /// or "off"; `[retention.flows.ID]` the same for one flow;
    /// `[queues.NAME]` `max_running`, `rate`, `burst`, `per_key`, `local`; `[remote_workers]` lease [usual: 30d, failed runs 90d, the newest 10000 of each flow and state]
    #[arg(long, env = "POINTWORK_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen on other addresses than loopback although there is no login
    #[arg(long, env = "POINTWORK_INSECURE_NO_LOGIN")]
    insecure_no_login: bool,
    /// Answer for this host too, beside localhost and the listen address (several times for several)
    #[arg(
        long,
        env = "POINTWORK_ALLOW_HOST",
        value_name = "HOST",
        value_delimiter = ','
    )]
    allow_host: Vec<String>,
    /// How long attempts may finish when the server goes down [usual: 10s]
    #[arg(long, env = "POINTWORK_SHUTDOWN_GRACE", value_name = "DURATION")]
    shutdown_grace: Option<HumanDuration>,
    /// What to write to the log on standard error, for example `info` or `engine=debug,warn`
    #[arg(long, env = "POINTWORK_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
}

/// Serves until the process is told to end.
pub(super) async fn main(args: Args) -> Result<ExitCode> {
    log_to_stderr(&args.log)?;
    let file = File::read(args.config.as_deref())?;
    let grace = args
        .shutdown_grace
        .or(file.shutdown_grace)
        .map_or(GRACE, HumanDuration::as_duration);
    let options = options(args, file)?;
    // Whoever tells the process to end while it starts is heard too.
    let mut ends = Ends::new()?;
    let server = tokio::select! {
        server = Server::start(options) => server?,
        () = ends.next() => return Ok(ExitCode::SUCCESS),
    };
    writeln!(
        std::io::stdout(),
        "Pointwork answers on http://{}",
        server.address()
    )
    .context("cannot write to standard output")?;
    ends.next().await;
    info!("Going down; attempts may finish for {} s", grace.as_secs());
    tokio::select! {
        () = server.stop(grace) => info!("Gone"),
        () = ends.next() => info!("Gone at once"),
    }
    Ok(ExitCode::SUCCESS)
}

fn options(args: Args, file: File) -> Result<ServeOptions> {
    let listen = args
        .listen
        .or(file.listen)
        .unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 8000).into());
    let data = args.data.or(file.data).unwrap_or_else(|| PathBuf::from("data"));
    Ok(ServeOptions {
        secret_key: key_source(file.secret_key_file)?,
        workers: args
            .workers
            .map(usize::from)
            .or_else(|| file.workers.map(|n| usize::from(n.get()))),
        allow_hosts: if args.allow_host.is_empty() {
            file.allow_hosts
        } else {
            args.allow_host
        },
        insecure_no_login: args.insecure_no_login || file.insecure_no_login,
        queues: file.queues,
        worker_lease: file.remote_workers.lease.map(HumanDuration::as_duration),
        retention: retention(file.retention),
        disabled_types: file.task_types.disabled,
        deny_private_networks: file.task_types.deny_private_networks,
        mail: file.mail.options()?,
        // Without it jq runs on a thread, where its memory is not bounded.
        jq_helper: std::env::current_exe().ok(),
        ..ServeOptions::new(listen, data)
    })
}

/// The variable that holds the key of the secrets. There is no flag for it: all users of a machine see the flags of a process.
const KEY_VARIABLE: &str = "POINTWORK_SECRET_KEY";

/// Where the key of the secrets is: the environment stands over the file's setting, that over the data folder.
pub(super) fn key_source(file: Option<PathBuf>) -> Result<KeySource> {
    match std::env::var(KEY_VARIABLE) {
        Ok(text) if !text.is_empty() => {
            let key = text
                .parse()
                .with_context(|| format!("{KEY_VARIABLE} is not right"))?;
            Ok(KeySource::Given(key))
        }
        Err(std::env::VarError::NotUnicode(_)) => anyhow::bail!("{KEY_VARIABLE} is no text"),
        _ => Ok(file.map_or(KeySource::Folder, KeySource::File)),
    }
}

fn log_to_stderr(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("`{filter}` is no log filter"))?;
    // Fails only if this process logs already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    Ok(())
}

/// SIGTERM and SIGINT.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
