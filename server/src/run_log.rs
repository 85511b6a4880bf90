//! The log of a whole run: the lines of all its task runs in the order in which they were written.
//!
//! The store keeps chunks of whole lines by task run, not by time. A page is found by one pass over the times of a run's chunks, and
//! only what is on the page is read; a page of lines that fit something is found by one pass over all lines, which are counted on the way.
//! What either holds in memory is a page.

use std::collections::BTreeMap;

use app::log::merged::LinePlace;
use app::log::needle::Needle;
use app::model::{LogLine, RunLogLine, RunLogPage};
use engine::Engine;
use engine::store::{LogAmount, LogChunk, LogPlace, LogSide};
use flow::{RunId, Timestamp};

use crate::problem::{ApiError, ApiResult};
use crate::stream::logs::line_of;

/// Lines of a page, unless the caller says otherwise.
pub(crate) const LINES: usize = 400;

/// Lines of a page at most.
pub(crate) const LINES_MAX: usize = 1000;

/// Bytes of chunks that a page is made of, about.
const PAGE_BYTES: usize = 512 * 1024;

/// Bytes read at a time when all lines are looked through.
const READ_BYTES: usize = 256 * 1024;

/// Bytes read at most to count which lines of their attempts those of a page are: two attempts that wrote all they may, or any number of
/// usual ones. Lines beyond have no numbers.
pub(crate) const NUMBERED_BYTES: usize = 32 * 1024 * 1024;

/// A line's place in a run's log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    /// Its chunk's.
    pub(crate) place: LogPlace,
    /// Within the chunk, from 0.
    pub(crate) line: u32,
}

impl Cursor {
    pub(crate) fn text(&self) -> String {
        let LogPlace {
            at,
            task,
            attempt,
            number,
        } = self.place.clone();
        let line = self.line;
        let place = LinePlace {
            at,
            task,
            attempt,
            number,
            line,
        };
        place.text()
    }

    /// What a client gives back.
    ///
    /// # Errors
    /// If it was never given one like it.
    pub(crate) fn parse(text: &str) -> ApiResult<Self> {
        let LinePlace {
            at,
            task,
            attempt,
            number,
            line,
        } = LinePlace::parse(text).ok_or_else(|| {
            ApiError::bad_request(
                "bad_cursor",
                format!("`{text}` is no place in a run's log; give the `place` of a line"),
            )
        })?;
        let place = LogPlace {
            at,
            task,
            attempt,
            number,
        };
        Ok(Self { place, line })
    }
}

/// Where a page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// At the end.
    End,
    /// Right before a line.
    Before(Cursor),
    /// Right behind a line.
    After(Cursor),
}

impl Side {
    /// From what a client gives: one of the two, or none for the end.
    ///
    /// # Errors
    /// If it is both, or no place.
    pub(crate) fn of(before: Option<&str>, after: Option<&str>) -> ApiResult<Self> {
        match (before, after) {
            (None, None) => Ok(Self::End),
            (Some(before), None) => Ok(Self::Before(Cursor::parse(before)?)),
            (None, Some(after)) => Ok(Self::After(Cursor::parse(after)?)),
            (Some(_), Some(_)) => Err(ApiError::bad_request(
                "bad_query",
                "give `before` or `after`, not both",
            )),
        }
    }

    fn has(&self, cursor: &Cursor) -> bool {
        match self {
            Self::End => true,
            Self::Before(end) => cursor < end,
            Self::After(start) => cursor > start,
        }
    }
}

/// Which lines are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) side: Side,
    /// As the log was at this moment.
    pub(crate) until: Option<Timestamp>,
    /// Only lines that fit; all if there is nothing to fit.
    pub(crate) needle: Option<Needle>,
    /// Lines at most.
    pub(crate) limit: usize,
}

/// A page of a run's log.
///
/// # Errors
/// If there is no such run, or it cannot be read.
pub(crate) async fn page(engine: &Engine, run: RunId, ask: &Ask) -> ApiResult<RunLogPage> {
    engine.run_summary(run).await?;
    let now = engine.clock().now();
    // Whoever asks once is not told later what was still on its way to the store.
    engine.logs_flushed(run).await;
    let page = match &ask.needle {
        Some(needle) => fitting(engine, run, ask, needle).await?,
        None => whole(engine, run, ask).await?,
    };
    Ok(RunLogPage {
        next: Some(position_text((now, 0))),
        ..page
    })
}

/// A position in a run's stream of lines: up to when all was told, and how many frames that took. Nothing is the beginning.
///
/// # Errors
/// If it is no position.
pub(crate) fn position(text: &str) -> ApiResult<(Timestamp, u64)> {
    if text.is_empty() {
        return Ok((Timestamp::from_micros(0), 0));
    }
    let parts = text
        .split_once(':')
        .and_then(|(at, n)| Some((Timestamp::from_micros(at.parse().ok()?), n.parse().ok()?)));
    parts.ok_or_else(|| {
        ApiError::bad_request(
            "bad_position",
            format!("`{text}` is no position in a run's log; give the `id` of a frame"),
        )
    })
}

pub(crate) fn position_text((at, n): (Timestamp, u64)) -> String {
    format!("{}:{n}", at.as_micros())
}

async fn whole(engine: &Engine, run: RunId, ask: &Ask) -> ApiResult<RunLogPage> {
    let amount = LogAmount {
        chunks: ask.limit,
        bytes: PAGE_BYTES,
    };
    let last = ask.until.map_or_else(LogPlace::end, LogPlace::behind);
    let (side, is_forward) = match &ask.side {
        Side::After(start) => (LogSide::From(start.place.clone()), true),
        Side::Before(end) => (LogSide::UpTo(end.place.clone().min(last.clone())), false),
        Side::End => (LogSide::UpTo(last.clone()), false),
    };
    let logs = engine.run_logs(run, side, amount).await?;
    let mut has_more = logs.has_more;
    let mut taken: Vec<(Cursor, &LogChunk, &str)> = Vec::new();
    for (place, chunk) in &logs.chunks {
        if *place > last || taken.len() > ask.limit {
            has_more &= *place <= last;
            break;
        }
        let mut of_chunk: Vec<_> = cursors(place, chunk)
            .filter(|(cursor, _)| ask.side.has(cursor))
            .collect();
        if !is_forward {
            of_chunk.reverse();
        }
        taken.extend(of_chunk.into_iter().map(|(cursor, text)| (cursor, chunk, text)));
    }
    has_more |= taken.len() > ask.limit;
    taken.truncate(ask.limit);
    if !is_forward {
        taken.reverse();
    }
    let mut places: Vec<LogPlace> = taken.iter().map(|(cursor, ..)| cursor.place.clone()).collect();
    places.dedup();
    let firsts = engine
        .log_lines_before(run, places.clone(), NUMBERED_BYTES)
        .await?;
    let mut firsts = places.iter().zip(firsts).peekable();
    let lines = taken.iter().map(|(cursor, chunk, text)| {
        while firsts.next_if(|(place, _)| **place != cursor.place).is_some() {}
        let before = firsts.peek().and_then(|(_, before)| *before);
        told(cursor, chunk, text, before)
    });
    Ok(RunLogPage {
        lines: lines.collect(),
        has_earlier: is_forward || has_more,
        has_later: match &ask.side {
            Side::End => false,
            Side::Before(_) => true,
            Side::After(_) => has_more,
        },
        ..RunLogPage::default()
    })
}

/// The lines of a chunk with their places.
fn cursors<'c>(place: &'c LogPlace, chunk: &'c LogChunk) -> impl Iterator<Item = (Cursor, &'c str)> {
    chunk.text.lines().enumerate().map(|(line, text)| {
        let cursor = Cursor {
            place: place.clone(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
        };
        (cursor, text)
    })
}

/// A line as pages have it, if so many lines of its attempt stand before its chunk.
fn told(cursor: &Cursor, chunk: &LogChunk, text: &str, before: Option<u64>) -> RunLogLine {
    let n = before.map_or(0, |before| before + u64::from(cursor.line) + 1);
    RunLogLine {
        task: cursor.place.task.to_string(),
        place: cursor.text(),
        line: line_of(cursor.place.attempt, n, chunk, text),
    }
}

/// All lines of a chunk as pages have them.
pub(crate) fn lines<'c>(
    place: &'c LogPlace,
    chunk: &'c LogChunk,
    before: Option<u64>,
) -> impl Iterator<Item = RunLogLine> + 'c {
    cursors(place, chunk).map(move |(cursor, text)| told(&cursor, chunk, text, before))
}

/// Those of the lines that fit which are next to where the page is.
struct Fitting {
    lines: BTreeMap<Cursor, LogLine>,
    limit: usize,
    /// Whether the first are wanted, not the last.
    is_forward: bool,
    /// How many there were on that side.
    n_lines: u64,
}

impl Fitting {
    fn add(&mut self, cursor: Cursor, line: impl FnOnce() -> LogLine) {
        self.n_lines += 1;
        if self.lines.len() == self.limit {
            let farthest = match self.is_forward {
                true => self.lines.last_entry(),
                false => self.lines.first_entry(),
            };
            match farthest {
                Some(entry) if (entry.key() > &cursor) == self.is_forward => entry.remove(),
                _ => return,
            };
        }
        self.lines.insert(cursor, line());
    }
}

async fn fitting(engine: &Engine, run: RunId, ask: &Ask, needle: &Needle) -> ApiResult<RunLogPage> {
    let mut fitting = Fitting {
        lines: BTreeMap::new(),
        limit: ask.limit,
        is_forward: matches!(ask.side, Side::After(_)),
        n_lines: 0,
    };
    let mut n_fitting = 0;
    let (mut after, mut n) = (None::<LogPlace>, 0);
    loop {
        let chunks = engine.scan_run_logs(run, after.clone(), READ_BYTES).await?;
        if chunks.is_empty() {
            break;
        }
        for (place, chunk) in chunks {
            let is_same = |last: &LogPlace| (&last.task, last.attempt) == (&place.task, place.attempt);
            if !after.as_ref().is_some_and(is_same) {
                n = 0;
            }
            let before = n;
            n += chunk.text.lines().count() as u64;
            if ask.until.is_none_or(|until| place.at <= until) && needle.takes(chunk.stream.key()) {
                for (cursor, text) in cursors(&place, &chunk) {
                    if !needle.is_in(text) {
                        continue;
                    }
                    n_fitting += 1;
                    if ask.side.has(&cursor) {
                        let n = before + u64::from(cursor.line) + 1;
                        fitting.add(cursor, || line_of(place.attempt, n, &chunk, text));
                    }
                }
            }
            after = Some(place);
        }
        // Many megabytes are looked through in one go; others have their turn in between.
        tokio::task::yield_now().await;
    }
    let has_more = fitting.n_lines > fitting.lines.len() as u64;
    let has_others = n_fitting > fitting.n_lines;
    let (has_earlier, has_later) = match fitting.is_forward {
        true => (has_others, has_more),
        false => (has_more, has_others),
    };
    let lines = fitting.lines.into_iter().map(|(cursor, line)| RunLogLine {
        task: cursor.place.task.to_string(),
        place: cursor.text(),
        line,
    });
    Ok(RunLogPage {
        lines: lines.collect(),
        has_earlier,
        has_later,
        n_lines: Some(n_fitting),
        next: None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn cursor(at: i64, task: &str, line: u32) -> Cursor {
        Cursor {
            place: LogPlace {
                at: Timestamp::from_micros(at),
                task: Arc::from(task),
                attempt: 2,
                number: 3,
            },
            line,
        }
    }

    #[test]
    fn places_are_texts() {
        let place = cursor(1_767_225_600_123_456, "a.b[3]", 17);
        assert_eq!(place.text(), "1767225600123456.2.3.17.a.b[3]");
        assert_eq!(Cursor::parse(&place.text()).ok(), Some(place));
        for text in ["", "x", "1.2.3.4", "1.2.3.x.a", "1.2.3"] {
            assert!(Cursor::parse(text).is_err(), "{text}");
        }
        assert_eq!(position("12:3").ok().map(position_text).as_deref(), Some("12:3"));
        assert!(position("12").is_err());
    }

    #[test]
    fn those_next_to_the_place_are_kept() {
        let kept = |is_forward| {
            let mut fitting = Fitting {
                lines: BTreeMap::new(),
                limit: 2,
                is_forward,
                n_lines: 0,
            };
            for at in [5, 1, 9, 3] {
                fitting.add(cursor(at, "a", 0), || LogLine {
                    attempt: 2,
                    n: 1,
                    at: Timestamp::from_micros(at),
                    stream: "stdout".to_owned(),
                    text: String::new(),
                });
            }
            let kept = fitting.lines.keys().map(|cursor| cursor.place.at.as_micros());
            (kept.collect::<Vec<_>>(), fitting.n_lines)
        };
        assert_eq!(kept(true), (vec![1, 3], 4));
        assert_eq!(kept(false), (vec![5, 9], 4));
    }
}
