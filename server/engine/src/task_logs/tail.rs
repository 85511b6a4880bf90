//! The end of a long log: as much of it as fits, the oldest given up first.

use std::collections::VecDeque;

use flow::Timestamp;

use crate::store::LogStream;

/// Lines are given up in pieces of this size. Single lines would cost more memory than they hold when they are short.
const SEGMENT_BYTES: usize = 16 * 1024;

/// What a segment costs beside its bytes.
const SEGMENT_OVERHEAD: usize = 96;

/// Whole lines of one stream, as raw bytes: what is given up need not be looked at.
pub(super) struct Segment {
    pub(super) stream: LogStream,
    pub(super) at: Timestamp,
    pub(super) bytes: Vec<u8>,
}

impl Segment {
    fn cost(&self) -> usize {
        self.bytes.len() + SEGMENT_OVERHEAD
    }
}

/// What was given up.
#[derive(Clone, Copy, Default)]
pub(super) struct LeftOut {
    pub(super) bytes: u64,
    pub(super) lines: u64,
}

/// The last lines of a log.
#[derive(Default)]
pub(super) struct Tail {
    segments: VecDeque<Segment>,
    cost: usize,
    left_out: LeftOut,
}

impl Tail {
    /// Bytes it holds in memory.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Takes whole lines.
    pub(super) fn push(&mut self, stream: LogStream, at: Timestamp, lines: &[u8]) {
        let before = self
            .segments
            .back_mut()
            .filter(|last| last.stream == stream && last.bytes.len() + lines.len() <= SEGMENT_BYTES);
        if let Some(last) = before {
            last.bytes.extend_from_slice(lines);
            self.cost += lines.len();
        } else {
            let mut bytes = Vec::with_capacity(lines.len().max(256));
            bytes.extend_from_slice(lines);
            self.cost += lines.len() + SEGMENT_OVERHEAD;
            self.segments.push_back(Segment { stream, at, bytes });
        }
    }

    /// Gives up the oldest lines until no more than this is held; what came last stays in any case.
    pub(super) fn shrink_to(&mut self, cost: usize) {
        while self.cost > cost && self.segments.len() > 1 {
            let Some(oldest) = self.segments.pop_front() else {
                return;
            };
            self.cost -= oldest.cost();
            self.left_out.bytes += oldest.bytes.len() as u64;
            self.left_out.lines += oldest.bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    }

    /// What is left, and what was given up before it.
    pub(super) fn into_parts(self) -> (LeftOut, VecDeque<Segment>) {
        (self.left_out, self.segments)
    }
}
