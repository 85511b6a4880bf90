//! The binary.

mod site;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Pointwork, a workflow engine.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the web app.
    Serve {
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1:8000")]
        listen: SocketAddr,
        /// Folder of the database.
        #[arg(long, default_value = "data")]
        data: PathBuf,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let Command::Serve { listen, data } = Args::parse().command;
    std::fs::create_dir_all(data)?;
    let listener = tokio::net::TcpListener::bind(listen).await?;
    writeln!(
        std::io::stdout(),
        "Pointwork answers on http://{}",
        listener.local_addr()?
    )?;
    axum::serve(listener, site::router(|| ())).await?;
    Ok(())
}
