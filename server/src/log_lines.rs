//! Lines of logs by their numbers, and searches.
//!
//! The store keeps a log as chunks of whole lines. Which line a chunk begins with is known by counting; what was counted is kept for the
//! logs that were looked at last, as marks every 32 KiB or so, with the groups that lines begin and end. Chunks never change, so what was
//! counted stays right.

use std::collections::VecDeque;
use std::sync::Arc;

use app::log::group::{GROUPS_MAX, Groups, Mark as GroupMark};
use app::log::needle::Needle;
use app::log::{FOUND_MAX, PIECE, piece_of};
use app::model::{LogFound, LogGroup, LogLine, LogPage, LogPart};
use engine::Engine;
use engine::store::LogChunk;
use flow::{RunId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;

use crate::problem::ApiResult;
use crate::stream::logs::{line_of, position_text};

/// Bytes read from the store at a time.
const READ_BYTES: usize = 256 * 1024;

/// Bytes of text between two marks.
const MARK_BYTES: usize = 32 * 1024;

/// Logs whose marks are kept.
const LOGS_KEPT: usize = 64;

/// Lines that come along before the one that is asked for, beside those of the piece that is cut there.
const LINES_BEFORE: u64 = 60;

/// Lines answered at most.
const LINES_MAX: u64 = 2 * PIECE;

/// Attempts before the last that are looked at again: one that ended may have a last word.
const LATE_LOOKED_FOR: usize = 3;

/// A place in a log: attempt and chunk.
type Position = (u32, u64);

/// The marks of one log.
#[derive(Debug, Default)]
struct Index {
    parts: Vec<Part>,
    /// Up to where it was counted.
    read: Position,
}

#[derive(Debug)]
struct Part {
    attempt: u32,
    n_lines: u64,
    /// The last chunk that was counted.
    last: u64,
    marks: Vec<Mark>,
    /// Bytes since the last mark.
    bytes: usize,
    groups: Groups,
}

/// What is known of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    /// It follows this one.
    after: Position,
    /// The number of its first line.
    first: u64,
    at: Timestamp,
}

fn n_lines(chunk: &LogChunk) -> u64 {
    chunk.text.lines().count() as u64
}

impl Index {
    /// Counts on.
    fn extend(&mut self, chunks: &[(u32, LogChunk)]) {
        for (attempt, chunk) in chunks {
            if self.parts.last().is_none_or(|part| part.attempt != *attempt) {
                self.forget_groups();
                self.parts.push(Part {
                    attempt: *attempt,
                    n_lines: 0,
                    last: 0,
                    marks: Vec::new(),
                    bytes: MARK_BYTES,
                    groups: Groups::default(),
                });
            }
            let Some(part) = self.parts.last_mut() else {
                continue;
            };
            if part.bytes >= MARK_BYTES {
                part.bytes = 0;
                part.marks.push(Mark {
                    after: (*attempt, chunk.number.saturating_sub(1)),
                    first: part.n_lines + 1,
                    at: chunk.at,
                });
            }
            part.bytes += chunk.text.len();
            for text in chunk.text.lines() {
                part.n_lines += 1;
                if let Some(mark) = GroupMark::of(text) {
                    let line = || line_of(*attempt, part.n_lines, chunk, text);
                    part.groups.take(mark, *attempt, part.n_lines, line);
                }
            }
            part.last = chunk.number;
            self.read = (*attempt, chunk.number);
        }
    }

    /// Makes room for the groups of another attempt. Those of the first ones, if there are many, are not known then.
    fn forget_groups(&mut self) {
        let mut n_groups: usize = self.parts.iter().map(|part| part.groups.all().len()).sum();
        for part in &mut self.parts {
            if n_groups <= GROUPS_MAX {
                break;
            }
            n_groups -= part.groups.all().len();
            part.groups = Groups::default();
        }
    }

    fn groups(&self, attempt: Option<u32>) -> Vec<LogGroup> {
        let parts = self.parts.iter();
        parts
            .filter(|part| attempt.is_none_or(|attempt| attempt == part.attempt))
            .flat_map(|part| part.groups.all().iter().cloned())
            .collect()
    }

    fn parts(&self, attempt: Option<u32>) -> Vec<LogPart> {
        let parts = self.parts.iter();
        parts
            .filter(|part| attempt.is_none_or(|attempt| attempt == part.attempt))
            .map(|part| LogPart {
                attempt: part.attempt,
                n_lines: part.n_lines,
            })
            .collect()
    }

    fn n_lines(&self, attempt: u32) -> u64 {
        let part = self.parts.iter().find(|part| part.attempt == attempt);
        part.map_or(0, |part| part.n_lines)
    }

    /// The last mark of an attempt for which this holds.
    fn mark(&self, attempt: u32, is_before: impl Fn(&Mark) -> bool) -> Option<Mark> {
        let part = self.parts.iter().find(|part| part.attempt == attempt)?;
        let at = part.marks.partition_point(is_before);
        part.marks.get(at.checked_sub(1)?).copied()
    }
}

/// Which lines are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    /// Of this attempt alone.
    pub(crate) attempt: Option<u32>,
    /// The piece that begins with this line of an attempt; the log's end if none is named.
    pub(crate) from: Option<(u32, u64)>,
    /// As the log was at this moment.
    pub(crate) until: Option<Timestamp>,
    /// Whether the groups of all lines are to be listed.
    pub(crate) with_groups: bool,
}

type Kept = (RunId, String, Arc<AsyncMutex<Index>>);

/// Reads logs by line. Clones share what was counted.
#[derive(Clone)]
pub(crate) struct LogLines {
    engine: Engine,
    /// The newest last.
    kept: Arc<Mutex<VecDeque<Kept>>>,
}

impl LogLines {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            kept: Arc::default(),
        }
    }

    fn index(&self, run: RunId, path: &str) -> Arc<AsyncMutex<Index>> {
        let mut kept = self.kept.lock();
        let found = kept.iter().position(|(of, task, _)| *of == run && task == path);
        let entry = found
            .and_then(|at| kept.remove(at))
            .unwrap_or_else(|| (run, path.to_owned(), Arc::default()));
        let index = Arc::clone(&entry.2);
        kept.push_back(entry);
        if kept.len() > LOGS_KEPT {
            kept.pop_front();
        }
        index
    }

    /// A page of a log.
    ///
    /// # Errors
    /// If the run, the task or the log cannot be found or read.
    pub(crate) async fn page(&self, run: RunId, path: &str, ask: Ask) -> ApiResult<LogPage> {
        let index = self.index(run, path);
        let mut index = index.lock().await;
        let is_known = ask.from.is_some_and(|(attempt, n)| n <= index.n_lines(attempt));
        if !is_known {
            // Whoever asks once is not told later what was still on its way to the store.
            self.engine.logs_flushed(run).await;
        }
        if ask.from.is_none() && self.has_late(run, path, &index).await? {
            *index = Index::default();
        }
        loop {
            let logs = self.read(run, path, index.read).await?;
            if logs.is_empty() {
                break;
            }
            index.extend(&logs);
        }
        let parts = index.parts(ask.attempt);
        let by_then = match ask.until {
            None => Vec::new(),
            Some(until) => self.parts_until(run, path, &index, ask.attempt, until).await?,
        };
        let shown = if ask.until.is_some() { &by_then } else { &parts };
        // What an attempt has yet to write follows where it begins.
        let begins = ask.attempt.map(|attempt| (attempt, 0));
        let next = begins.into_iter().chain([index.read]).max();
        let last = shown.iter().rfind(|part| part.n_lines > 0);
        let (attempt, from) = match (ask.from, last) {
            // Beyond its end is its end.
            (Some((attempt, n)), _) => {
                let part = shown.iter().find(|part| part.attempt == attempt);
                (attempt, part.map_or(n, |part| n.min(part.n_lines.max(1))))
            }
            (None, Some(last)) => (last.attempt, last.n_lines),
            (None, None) => (0, 1),
        };
        // Some lines before it come along: it is read in its context.
        let from = match ask.from {
            Some((_, n)) if n == piece_of(n) && n <= from => n,
            _ => piece_of(from.saturating_sub(LINES_BEFORE).max(1)),
        };
        let mut lines = self.some(run, path, &index, shown, (attempt, from)).await?;
        // What the last attempt has written may be little: those before it come along.
        let mut before = shown.iter().rev().skip_while(|part| part.attempt >= attempt);
        while ask.from.is_none() && (lines.len() as u64) < LINES_BEFORE {
            let Some(part) = before.next() else { break };
            let from = piece_of(part.n_lines.saturating_sub(LINES_BEFORE).max(1));
            let mut earlier = self.some(run, path, &index, shown, (part.attempt, from)).await?;
            earlier.append(&mut lines);
            lines = earlier;
        }
        Ok(LogPage {
            lines,
            groups: match ask.with_groups {
                true => index.groups(ask.attempt),
                false => Vec::new(),
            },
            parts,
            by_then,
            next: next.filter(|next| next.0 > 0).map(position_text),
        })
    }

    /// Whether an attempt before the last has written more since it was counted, such as the remark that it was lost.
    async fn has_late(&self, run: RunId, path: &str, index: &Index) -> ApiResult<bool> {
        for part in index.parts.iter().rev().skip(1).take(LATE_LOOKED_FOR) {
            let end = Some((part.attempt, u64::MAX));
            let last = self.engine.task_logs_back(run, path, end, 0).await?;
            if last
                .last()
                .is_some_and(|(of, chunk)| *of == part.attempt && chunk.number != part.last)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Lines of an attempt from one on, as many as an answer has.
    async fn some(
        &self,
        run: RunId,
        path: &str,
        index: &Index,
        parts: &[LogPart],
        (attempt, from): (u32, u64),
    ) -> ApiResult<Vec<LogLine>> {
        let part = parts.iter().find(|part| part.attempt == attempt);
        let end = part.map_or(0, |part| part.n_lines + 1).min(from + LINES_MAX);
        match index.mark(attempt, |mark| mark.first <= from) {
            Some(mark) if from < end => self.lines(run, path, mark, attempt, from..end).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn read(&self, run: RunId, path: &str, after: Position) -> ApiResult<Vec<(u32, LogChunk)>> {
        let logs = self.engine.task_logs(run, path, after, READ_BYTES).await?;
        Ok(logs.chunks)
    }

    /// Lines of an attempt, read from a mark before them.
    async fn lines(
        &self,
        run: RunId,
        path: &str,
        mark: Mark,
        attempt: u32,
        numbers: std::ops::Range<u64>,
    ) -> ApiResult<Vec<LogLine>> {
        let (mut after, mut n) = (mark.after, mark.first);
        let mut lines = Vec::new();
        while n < numbers.end {
            let logs = self.engine.task_logs(run, path, after, MARK_BYTES).await?;
            let Some((last, _)) = logs.chunks.last() else {
                break;
            };
            let is_over = *last != attempt;
            for (of, chunk) in logs.chunks.iter().filter(|(of, _)| *of == attempt) {
                for text in chunk.text.lines() {
                    if numbers.contains(&n) {
                        lines.push(line_of(*of, n, chunk, text));
                    }
                    n += 1;
                }
            }
            if is_over {
                break;
            }
            after = logs.next;
        }
        Ok(lines)
    }

    /// How much of each attempt was written by a moment.
    async fn parts_until(
        &self,
        run: RunId,
        path: &str,
        index: &Index,
        attempt: Option<u32>,
        until: Timestamp,
    ) -> ApiResult<Vec<LogPart>> {
        let mut parts = index.parts(attempt);
        for part in &mut parts {
            let Some(mark) = index.mark(part.attempt, |mark| mark.at <= until) else {
                part.n_lines = 0;
                continue;
            };
            // From the mark on, chunk by chunk; the next mark is later than the moment.
            let logs = self
                .engine
                .task_logs(run, path, mark.after, MARK_BYTES * 2)
                .await?;
            let by_then = logs
                .chunks
                .iter()
                .take_while(|(of, chunk)| *of == part.attempt && chunk.at <= until);
            part.n_lines = mark.first - 1 + by_then.map(|(_, chunk)| n_lines(chunk)).sum::<u64>();
        }
        Ok(parts)
    }

    /// Which lines hold what is searched for: all are counted, the first are named.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub(crate) async fn find(
        &self,
        run: RunId,
        path: &str,
        attempt: Option<u32>,
        needle: &Needle,
    ) -> ApiResult<LogFound> {
        self.engine.logs_flushed(run).await;
        let mut found = LogFound::default();
        let mut after = attempt.map_or((0, 0), |attempt| (attempt, 0));
        let (mut of, mut n) = (0, 0);
        loop {
            let logs = self.engine.task_logs(run, path, after, READ_BYTES).await?;
            let Some((last, _)) = logs.chunks.last() else {
                break;
            };
            let is_over = attempt.is_some_and(|attempt| attempt != *last);
            for (in_attempt, chunk) in &logs.chunks {
                if attempt.is_some_and(|attempt| attempt != *in_attempt) {
                    continue;
                }
                if of != *in_attempt {
                    (of, n) = (*in_attempt, 0);
                }
                if !needle.takes(chunk.stream.key()) {
                    n += n_lines(chunk);
                    continue;
                }
                for text in chunk.text.lines() {
                    n += 1;
                    if needle.is_in(text) {
                        found.n_lines += 1;
                        if found.places.len() < FOUND_MAX {
                            found.places.push((of, n));
                        }
                    }
                }
            }
            if is_over {
                break;
            }
            after = logs.next;
            // Many megabytes are looked through in one go; others have their turn in between.
            tokio::task::yield_now().await;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use engine::store::LogStream;

    use super::*;

    fn chunk(number: u64, text: String) -> LogChunk {
        LogChunk {
            number,
            at: Timestamp::from_millis(number as i64),
            stream: LogStream::Stdout,
            text,
        }
    }

    #[test]
    fn marks_tell_where_lines_are() {
        let mut index = Index::default();
        let long = "0123456789\n".repeat(2000);
        index.extend(&[(1, chunk(1, "a\nb\n".to_owned())), (1, chunk(2, long.clone()))]);
        index.extend(&[
            (1, chunk(3, long.clone())),
            (1, chunk(5, long)),
            (2, chunk(1, "c\n".to_owned())),
        ]);
        let parts: Vec<_> = index
            .parts(None)
            .iter()
            .map(|part| (part.attempt, part.n_lines))
            .collect();
        assert_eq!(parts, [(1, 6002), (2, 1)]);
        assert_eq!(index.parts(Some(2)).len(), 1);
        assert_eq!(index.read, (2, 1));
        let lasts: Vec<_> = index.parts.iter().map(|part| part.last).collect();
        assert_eq!(lasts, [5, 1]);
        let mark = |attempt, n| {
            index
                .mark(attempt, |mark| mark.first <= n)
                .map(|mark| (mark.after, mark.first))
        };
        assert_eq!(mark(1, 1), Some(((1, 0), 1)));
        assert_eq!(mark(1, 4002), Some(((1, 0), 1)));
        assert_eq!(mark(1, 4003), Some(((1, 4), 4003)));
        assert_eq!(mark(2, 9), Some(((2, 0), 1)));
        assert_eq!(mark(3, 1), None);
    }

    /// `attempt:first-last` of each group, a `…` in place of the last line as long as none is.
    fn told(index: &Index, attempt: Option<u32>) -> String {
        let groups = index.groups(attempt).into_iter().map(|group| {
            let last = group.last.map_or_else(|| "…".to_owned(), |last| last.to_string());
            format!("{}:{}-{last}", group.line.attempt, group.line.n)
        });
        groups.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn groups_go_on_from_chunk_to_chunk() {
        let mut index = Index::default();
        index.extend(&[
            (1, chunk(1, "a\n::group::b\nc\n".to_owned())),
            (1, chunk(2, "d\n::endgroup::\n".to_owned())),
        ]);
        assert_eq!(told(&index, None), "1:2-5");
        index.extend(&[(1, chunk(3, "##[group]e\n".to_owned()))]);
        assert_eq!(told(&index, None), "1:2-5 1:6-…");
        index.extend(&[
            (1, chunk(4, "::group::f\n".to_owned())),
            (2, chunk(1, "::group::g\n".to_owned())),
        ]);
        assert_eq!(told(&index, None), "1:2-5 1:6-6 1:7-… 2:1-…");
        assert_eq!(told(&index, Some(2)), "2:1-…");
    }

    #[test]
    fn of_many_attempts_the_groups_of_the_first_are_forgotten() {
        let mut index = Index::default();
        let most = "::group::x\n".repeat(GROUPS_MAX);
        for attempt in 1..=3 {
            index.extend(&[(attempt, chunk(1, most.clone()))]);
        }
        let n_groups = |attempt| index.groups(attempt).len();
        assert_eq!(
            [1, 2, 3].map(|attempt| n_groups(Some(attempt))),
            [0, GROUPS_MAX, GROUPS_MAX]
        );
    }
}
