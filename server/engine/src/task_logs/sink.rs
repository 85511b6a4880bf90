//! The log of one attempt: bytes in, lines out.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::tail::Tail;
use super::{Place, Shared};
use crate::store::{LogChunk, LogKey, LogStream};
use crate::task_type::LogSink;

/// What an attempt may hold of its end even when memory is short, so that its last words are known.
const TAIL_BYTES_MIN: usize = 64 * 1024;

/// Takes an attempt's log lines and never blocks.
pub struct AttemptLog {
    key: LogKey,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

struct State {
    /// Of each stream, the line that has not ended yet.
    partial: [Vec<u8>; 3],
    /// The last chunk's number.
    number: u64,
    place: Option<Place>,
    /// How much of the beginning may still come.
    head_left: usize,
    /// Set once the beginning is full.
    tail: Option<Tail>,
    is_closed: bool,
}

const STREAMS: [LogStream; 3] = [LogStream::Stdout, LogStream::Stderr, LogStream::Engine];

const fn slot(stream: LogStream) -> usize {
    match stream {
        LogStream::Stdout => 0,
        LogStream::Stderr => 1,
        LogStream::Engine => 2,
    }
}

impl LogSink for AttemptLog {
    fn write(&self, stream: LogStream, bytes: &[u8]) {
        let mut state = self.state.lock();
        if state.is_closed {
            return;
        }
        let partial = &mut state.partial[slot(stream)];
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1) else {
            partial.extend_from_slice(bytes);
            self.cut(&mut state, stream);
            return;
        };
        let (whole, rest) = bytes.split_at(end);
        if partial.is_empty() {
            self.push(&mut state, stream, whole);
        } else {
            let mut lines = std::mem::take(partial);
            lines.extend_from_slice(whole);
            self.push(&mut state, stream, &lines);
        }
        state.partial[slot(stream)].extend_from_slice(rest);
        self.cut(&mut state, stream);
    }
}

impl AttemptLog {
    pub(super) fn new(key: LogKey, shared: Arc<Shared>) -> Self {
        let head_left = shared.limits.attempt / 2;
        let state = State {
            partial: Default::default(),
            number: 0,
            place: None,
            head_left,
            tail: None,
            is_closed: false,
        };
        Self {
            key,
            shared,
            state: Mutex::new(state),
        }
    }

    /// Chunks up to this number are there already.
    pub(super) fn go_on_after(&self, number: u64) {
        self.state.lock().number = number;
    }

    /// Ends the log: unfinished lines and the end of a long log go to the store. Later writes are ignored.
    pub fn close(&self) {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.is_closed, true) {
            return;
        }
        for stream in STREAMS {
            let mut line = std::mem::take(&mut state.partial[slot(stream)]);
            if !line.is_empty() {
                line.push(b'\n');
                self.push(&mut state, stream, &line);
            }
        }
        if let Some(tail) = state.tail.take() {
            self.write_tail(&mut state, tail);
        }
    }

    /// Lines that never end are cut where they reach the limit.
    fn cut(&self, state: &mut State, stream: LogStream) {
        let limit = self.shared.limits.line;
        if state.partial[slot(stream)].len() <= limit {
            return;
        }
        let mut line = std::mem::take(&mut state.partial[slot(stream)]);
        let end = line.len() - line.len() % limit;
        let end = end - cut_char(&line[..end]);
        let rest = line.split_off(end);
        line.push(b'\n');
        self.push(state, stream, &line);
        state.partial[slot(stream)] = rest;
    }

    /// Takes whole lines.
    fn push(&self, state: &mut State, stream: LogStream, lines: &[u8]) {
        if state.tail.is_some() {
            self.push_tail(state, stream, lines);
            return;
        }
        let room = if self.shared.is_short_of_memory(lines.len()) {
            0
        } else {
            state.head_left.min(lines.len())
        };
        let fits = lines[..room]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let (head, rest) = lines.split_at(fits);
        // What is not UTF-8 grows when it is replaced.
        let written = self.put(state, stream, head);
        state.head_left = state.head_left.saturating_sub(written);
        if !rest.is_empty() {
            let (head, tail) = (
                human_bytes(self.shared.limits.attempt / 2),
                human_bytes(self.tail_max()),
            );
            let notice = format!(
                "(a long log: after the first {head} only the last {tail} are kept, and shown when the attempt ends)\n"
            );
            self.put(state, LogStream::Engine, notice.as_bytes());
            state.tail = Some(Tail::default());
            self.push_tail(state, stream, rest);
        }
    }

    fn tail_max(&self) -> usize {
        self.shared.limits.attempt - self.shared.limits.attempt / 2
    }

    fn push_tail(&self, state: &mut State, stream: LogStream, lines: &[u8]) {
        let at = (self.shared.clock)();
        let Some(tail) = &mut state.tail else { return };
        let before = tail.cost();
        tail.push(stream, at, lines);
        let limit = if self.shared.is_short_of_memory(lines.len()) {
            TAIL_BYTES_MIN.min(self.tail_max())
        } else {
            self.tail_max()
        };
        tail.shrink_to(limit);
        let held = &self.shared.held;
        if tail.cost() >= before {
            held.fetch_add(tail.cost() - before, Ordering::Relaxed);
        } else {
            held.fetch_sub(before - tail.cost(), Ordering::Relaxed);
        }
    }

    fn write_tail(&self, state: &mut State, tail: Tail) {
        self.shared.held.fetch_sub(tail.cost(), Ordering::Relaxed);
        let (left_out, segments) = tail.into_parts();
        if left_out.bytes > 0 {
            // The gap in the numbers says the same to machines.
            state.number += 1;
            state.place = None;
            let (bytes, lines) = (
                human_bytes(usize::try_from(left_out.bytes).unwrap_or(usize::MAX)),
                left_out.lines,
            );
            self.put(
                state,
                LogStream::Engine,
                format!("({bytes} in {lines} lines left out here)\n").as_bytes(),
            );
        }
        for segment in segments {
            let text = clean(&segment.bytes, self.shared.limits.line).into_owned();
            self.queue(
                state,
                LogChunk {
                    number: 0,
                    at: segment.at,
                    stream: segment.stream,
                    text,
                },
            );
        }
    }

    fn put(&self, state: &mut State, stream: LogStream, lines: &[u8]) -> usize {
        if lines.is_empty() {
            return 0;
        }
        let text = clean(lines, self.shared.limits.line).into_owned();
        let len = text.len();
        self.queue(
            state,
            LogChunk {
                number: 0,
                at: (self.shared.clock)(),
                stream,
                text,
            },
        );
        len
    }

    fn queue(&self, state: &mut State, mut chunk: LogChunk) {
        chunk.number = state.number + 1;
        let (place, is_new) = self.shared.put(&self.key, chunk, state.place);
        state.place = Some(place);
        state.number += u64::from(is_new);
    }
}

impl Drop for AttemptLog {
    fn drop(&mut self) {
        self.close();
    }
}

/// How many bytes at the end are the beginning of a character whose rest is still to come.
fn cut_char(bytes: &[u8]) -> usize {
    let start = bytes
        .iter()
        .rev()
        .take(4)
        .position(|byte| byte & 0b1100_0000 != 0b1000_0000);
    match start {
        Some(back) => {
            let lead = bytes[bytes.len() - 1 - back];
            let width = match lead {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => 1,
            };
            if back + 1 < width { back + 1 } else { 0 }
        }
        None => 0,
    }
}

/// Whole lines as text: what is not UTF-8 replaced, long lines cut, carriage returns before the newline gone.
fn clean(lines: &[u8], line_max: usize) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(lines);
    if text.len() <= line_max && !text.contains("\r\n") {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let mut rest = line.trim_end_matches('\n').trim_end_matches('\r');
        while rest.len() > line_max {
            let end = rest.floor_char_boundary(line_max).max(1);
            clean.push_str(&rest[..end]);
            clean.push('\n');
            rest = &rest[end..];
        }
        clean.push_str(rest);
        clean.push('\n');
    }
    Cow::Owned(clean)
}

/// A size as people read it.
pub(crate) fn human_bytes(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
