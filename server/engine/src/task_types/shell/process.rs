//! Watching over a process: its streams into the log while it runs, its end, and the end of all it started.

use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};

use super::result::{LastLine, Recent};
use super::survivors;
use crate::store::LogStream;
use crate::task_type::TaskContext;

/// What is read at once: a pipe of the system holds 64 KiB.
const READ_BYTES: usize = 64 * 1024;

/// How long pipes that stay open after the end of the process are read on. Its own last words are in them by then.
const DRAIN: Duration = Duration::from_millis(250);

/// How often to look whether the rest of a group that was asked to end has done so: there is no signal for it.
const GROUP_POLL: Duration = Duration::from_millis(20);

/// How a process ended.
pub(super) struct Ended {
    pub(super) status: std::io::Result<ExitStatus>,
    /// Whether it was asked to.
    pub(super) was_stopped: bool,
    pub(super) stdout: LastLine,
    pub(super) stderr: Recent,
}

/// A process group; whatever is left of it is killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(
            child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .map(Pid::from_raw),
        )
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It may be gone already.
            let _ = killpg(group, signal);
        }
    }

    fn is_gone(&self) -> bool {
        self.0.is_none_or(|group| killpg(group, None).is_err())
    }

    /// Kills what is left, and lets go of the number: it may come to stand for another group.
    fn finish(&mut self) {
        self.signal(Signal::SIGKILL);
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Sees a process to its end.
pub(super) async fn watch(ctx: &TaskContext, mut child: Child, stdin: Option<Vec<u8>>) -> Ended {
    let mut group = Group::of(&child);
    let mut streams = Streams {
        stdout: Stream::new(child.stdout.take()),
        stderr: Stream::new(child.stderr.take()),
        last: LastLine::default(),
        recent: Recent::default(),
    };
    let feed = feed(child.stdin.take(), stdin);
    tokio::pin!(feed);
    let status = {
        let stop = async {
            ctx.cancel.cancelled().await;
            group.signal(Signal::SIGTERM);
            ctx.kill.cancelled().await;
            group.signal(Signal::SIGKILL);
            std::future::pending::<()>().await;
        };
        tokio::pin!(stop);
        loop {
            tokio::select! {
                status = child.wait() => break status,
                () = streams.read(ctx) => {}
                () = &mut feed => {}
                () = &mut stop => {}
            }
        }
    };
    let was_stopped = ctx.cancel.is_cancelled();
    if was_stopped {
        // The process is gone, but what it started may still be cleaning up, and has the same grace.
        streams.read_until_gone(ctx, &group).await;
    }
    group.finish();
    let is_held_open = tokio::time::timeout(DRAIN, streams.read_to_end(ctx))
        .await
        .is_err();
    if is_held_open || was_stopped {
        // Something left the group and may still be at work.
        let (run, task, attempt) = (ctx.run.to_string(), ctx.task.to_string(), ctx.attempt);
        let instance = ctx.instance.to_string();
        let _ = tokio::task::spawn_blocking(move || survivors::end_attempt(&instance, &run, &task, attempt))
            .await;
        let _ = tokio::time::timeout(DRAIN, streams.read_to_end(ctx)).await;
    }
    Ended {
        status,
        was_stopped,
        stdout: streams.last,
        stderr: streams.recent,
    }
}

/// Writes the whole input. A process that does not read it has its reasons.
async fn feed(pipe: Option<ChildStdin>, bytes: Option<Vec<u8>>) {
    if let (Some(mut pipe), Some(bytes)) = (pipe, bytes) {
        let _ = pipe.write_all(&bytes).await;
        drop(pipe);
    }
    std::future::pending().await
}

/// One of the process's streams; `None` at its end.
struct Stream<R> {
    pipe: Option<R>,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Stream<R> {
    fn new(pipe: Option<R>) -> Self {
        Self {
            pipe,
            buffer: Vec::with_capacity(READ_BYTES),
        }
    }

    /// The next bytes; empty at the end, and for ever pending after it. Nothing is lost if it is dropped.
    async fn next(&mut self) -> &[u8] {
        let Some(pipe) = &mut self.pipe else {
            return std::future::pending().await;
        };
        self.buffer.clear();
        match pipe.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => {
                self.pipe = None;
                &[]
            }
            Ok(_) => &self.buffer,
        }
    }
}

struct Streams<O, E> {
    stdout: Stream<O>,
    stderr: Stream<E>,
    last: LastLine,
    recent: Recent,
}

impl<O: AsyncRead + Unpin, E: AsyncRead + Unpin> Streams<O, E> {
    /// Reads once from either.
    async fn read(&mut self, ctx: &TaskContext) {
        tokio::select! {
            bytes = self.stdout.next() => {
                ctx.log.write(LogStream::Stdout, bytes);
                self.last.take(bytes);
            }
            bytes = self.stderr.next() => {
                ctx.log.write(LogStream::Stderr, bytes);
                self.recent.take(bytes);
            }
        }
    }

    async fn read_to_end(&mut self, ctx: &TaskContext) {
        while self.stdout.pipe.is_some() || self.stderr.pipe.is_some() {
            self.read(ctx).await;
        }
    }

    async fn read_until_gone(&mut self, ctx: &TaskContext, group: &Group) {
        while !group.is_gone() {
            tokio::select! {
                () = self.read(ctx) => {}
                () = ctx.kill.cancelled() => return,
                () = tokio::time::sleep(GROUP_POLL) => {}
            }
        }
    }
}
