//! A client that costs next to nothing: one connection, requests made beforehand, answers looked at no more than needed.

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of an answer's head: ours are much smaller.
const HEAD_MAX: usize = 16 * 1024;

/// A connection that is kept.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer<'c> {
    /// Its status.
    pub(super) status: u16,
    /// Its body.
    pub(super) body: &'c [u8],
}

/// A request, ready to be sent.
pub(super) fn request(method: &str, host: &str, path: &str, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A request without a body.
pub(super) fn get(host: &str, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes()
}

impl Connection {
    /// Connects to `host:port`.
    pub(super) async fn open(host: &str) -> Result<Self> {
        let stream = TcpStream::connect(host)
            .await
            .with_context(|| format!("cannot connect to {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(8 * 1024),
        })
    }

    /// Sends a request and reads its answer.
    pub(super) async fn call(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_end = loop {
            self.read_some().await?;
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(
                self.buffer.len() < HEAD_MAX,
                "the server's answer has a head without end"
            );
        };
        let (status, length) = head(&self.buffer[..head_end])?;
        while self.buffer.len() < head_end + length {
            self.read_some().await?;
        }
        Ok(Answer {
            status,
            body: &self.buffer[head_end..head_end + length],
        })
    }

    /// The same, and it must be answered with this status.
    pub(super) async fn expect(&mut self, status: u16, request: &[u8]) -> Result<&[u8]> {
        let answer = self.call(request).await?;
        if answer.status != status {
            bail!(
                "expected {status}, the server answered {}: {}",
                answer.status,
                String::from_utf8_lossy(answer.body)
            );
        }
        Ok(answer.body)
    }

    async fn read_some(&mut self) -> Result<()> {
        let n_bytes = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(n_bytes > 0, "the server closed the connection");
        Ok(())
    }
}

/// Status and body length of an answer.
fn head(head: &[u8]) -> Result<(u16, usize)> {
    let text = std::str::from_utf8(head).context("the answer's head is no text")?;
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .context("the answer has no status")?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .context("the answer does not tell its length")?;
    Ok((status, length))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let read = |text: &str| head(text.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(
            read("HTTP/1.1 202 Accepted\r\nvary: accept\r\nContent-Length: 17\r\n\r\n"),
            Ok((202, 17))
        );
        assert_eq!(
            read("HTTP/1.1 200 OK\r\n\r\n"),
            Err("the answer does not tell its length".to_owned())
        );
        assert_eq!(
            read("nonsense\r\n\r\n"),
            Err("the answer has no status".to_owned())
        );
    }
}
