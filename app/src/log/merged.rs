//! What a page has of a run's log: some lines in a row, out of possibly millions, to which are added those before, behind and newly written.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use flow::Timestamp;

use crate::model::{RunLogLine, RunLogPage};

/// A line's place in a run's log: by when its chunk was written; of one instant by task run, attempt, number of the chunk and line in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinePlace {
    /// When the first line of its chunk was written.
    pub at: Timestamp,
    /// The task run's path.
    pub task: Arc<str>,
    /// From 1.
    pub attempt: u32,
    /// The chunk's, within the attempt.
    pub number: u64,
    /// Within the chunk, from 0.
    pub line: u32,
}

impl LinePlace {
    /// As pages have it.
    #[must_use]
    pub fn text(&self) -> String {
        let Self {
            at,
            task,
            attempt,
            number,
            line,
        } = self;
        format!("{}.{attempt}.{number}.{line}.{task}", at.as_micros())
    }

    /// From what a page has; none if none has it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '.');
        Some(Self {
            at: Timestamp::from_micros(parts.next()?.parse().ok()?),
            attempt: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            line: parts.next()?.parse().ok()?,
            task: parts.next()?.into(),
        })
    }
}

/// Lines held; past so many those at the other end go.
pub const HELD_MAX: usize = 20_000;

/// Some lines in a row.
#[derive(Clone, Debug, Default)]
pub struct Window {
    lines: VecDeque<RunLogLine>,
    /// Whether there are lines before these.
    pub has_earlier: bool,
    /// Whether there are lines behind these.
    pub has_later: bool,
    /// As the log was at this moment, if not now.
    pub until: Option<Timestamp>,
}

impl Window {
    /// The lines of a page that was asked for as the log was at a moment.
    #[must_use]
    pub fn new(page: RunLogPage, until: Option<Timestamp>) -> Self {
        Self {
            lines: page.lines.into(),
            has_earlier: page.has_earlier,
            has_later: page.has_later,
            until,
        }
    }

    /// How many lines there are, up to a moment.
    #[must_use]
    pub fn n_rows(&self, until: Option<Timestamp>) -> usize {
        match until {
            // What was held back and came late stands behind what is newer; few do, and none for long.
            Some(until) => self.lines.partition_point(|line| line.line.at <= until),
            None => self.lines.len(),
        }
    }

    /// The line at a place, from 0.
    #[must_use]
    pub fn row(&self, at: usize) -> Option<&RunLogLine> {
        self.lines.get(at)
    }

    /// Whether these are all lines there are, at any moment.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        !self.has_earlier && !self.has_later && self.until.is_none()
    }

    /// Takes in the lines right before these; answers how many.
    pub fn earlier(&mut self, page: RunLogPage) -> usize {
        let n_lines = page.lines.len();
        for line in page.lines.into_iter().rev() {
            self.lines.push_front(line);
        }
        self.has_earlier = page.has_earlier;
        if self.lines.len() > HELD_MAX {
            self.lines.truncate(HELD_MAX);
            self.has_later = true;
        }
        n_lines
    }

    /// Takes in the lines right behind these; answers how many went at the other end.
    pub fn later(&mut self, page: RunLogPage) -> usize {
        self.lines.extend(page.lines);
        self.has_later = page.has_later;
        self.let_go()
    }

    /// Takes in what was newly written, if these lines lead up to it; answers how many lines that was. Those that are there are left
    /// out, as are those that stand before the first while there are others before it: a stream tells again what was written shortly
    /// before it began, held or not. Whoever reads (not `is_following`) loses nothing of what is there.
    pub fn append(&mut self, lines: Vec<RunLogLine>, is_following: bool) -> usize {
        if self.until.is_some() {
            return 0;
        }
        let first = lines.iter().map(|line| line.line.at).min();
        let near = self
            .lines
            .iter()
            .rev()
            .take_while(|held| first.is_some_and(|first| held.line.at >= first));
        let known: HashSet<&str> = near.map(|held| held.place.as_str()).collect();
        let start = self.lines.front().filter(|_| self.has_earlier);
        let start = start.and_then(|line| LinePlace::parse(&line.place));
        let is_before = |line: &RunLogLine| {
            let start = start.as_ref().filter(|start| line.line.at <= start.at);
            start.is_some_and(|start| LinePlace::parse(&line.place).is_some_and(|place| place < *start))
        };
        let new: Vec<RunLogLine> = lines
            .into_iter()
            .filter(|line| !known.contains(line.place.as_str()) && !is_before(line))
            .collect();
        let n_lines = new.len();
        if self.has_later {
            return n_lines;
        }
        if !is_following && self.lines.len() + n_lines > HELD_MAX {
            self.has_later = n_lines > 0;
            return n_lines;
        }
        self.lines.extend(new);
        self.let_go();
        n_lines
    }

    /// Lets lines at the beginning go; answers how many.
    fn let_go(&mut self) -> usize {
        let n_over = self.lines.len().saturating_sub(HELD_MAX);
        self.lines.drain(..n_over);
        self.has_earlier |= n_over > 0;
        n_over
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::model::LogLine;

    fn lines(numbers: Range<i64>) -> Vec<RunLogLine> {
        numbers.map(|n| line(Timestamp::from_millis(n), 0, n)).collect()
    }

    /// Lines of one chunk.
    fn chunk(at: Timestamp, numbers: Range<i64>) -> Vec<RunLogLine> {
        numbers
            .map(|n| line(at, u32::try_from(n).expect("few"), n))
            .collect()
    }

    fn line(at: Timestamp, line: u32, n: i64) -> RunLogLine {
        let place = LinePlace {
            at,
            task: "load.all".into(),
            attempt: 1,
            number: 3,
            line,
        };
        RunLogLine {
            task: "load.all".to_owned(),
            place: place.text(),
            line: LogLine {
                attempt: 1,
                n: 1,
                at,
                stream: "stdout".to_owned(),
                text: n.to_string(),
            },
        }
    }

    fn page(numbers: Range<i64>, has_earlier: bool, has_later: bool) -> RunLogPage {
        RunLogPage {
            lines: lines(numbers),
            has_earlier,
            has_later,
            ..RunLogPage::default()
        }
    }

    fn told(window: &Window) -> String {
        let place = |at: usize| window.row(at).map_or("?", |line| line.line.text.as_str());
        let n = window.n_rows(None);
        let (before, behind) = (window.has_earlier, window.has_later);
        let dots = |is: bool| if is { "…" } else { "|" };
        format!(
            "{}{}-{} ({n}){}",
            dots(before),
            place(0),
            place(n - 1),
            dots(behind)
        )
    }

    #[test]
    fn lines_come_at_both_ends() {
        let mut window = Window::new(page(50..60, true, false), None);
        assert_eq!(window.earlier(page(40..50, true, true)), 10);
        assert_eq!(told(&window), "…40-59 (20)|");
        assert_eq!(window.append(lines(60..62), true), 2);
        assert_eq!(told(&window), "…40-61 (22)|");
        assert_eq!(window.earlier(page(0..40, false, true)), 40);
        assert_eq!(told(&window), "|0-61 (62)|");
        assert!(window.is_whole());
        assert_eq!(window.n_rows(Some(Timestamp::from_millis(9))), 10);
    }

    #[test]
    fn what_is_told_twice_is_there_once() {
        let mut window = Window::new(page(0..10, false, false), None);
        assert_eq!(window.append(lines(7..12), true), 2);
        assert_eq!(window.append(lines(0..12), true), 0);
        assert_eq!(told(&window), "|0-11 (12)|");
    }

    #[test]
    fn what_is_told_again_from_before_the_window_stays_out() {
        let mut window = Window::new(page(50..60, true, false), None);
        assert_eq!(window.append(lines(20..65), true), 5);
        assert_eq!(told(&window), "…50-64 (15)|");
        // One chunk reaches across the beginning of the window.
        let at = Timestamp::from_millis(7);
        let page = RunLogPage {
            lines: chunk(at, 8..10),
            has_earlier: true,
            ..RunLogPage::default()
        };
        let mut window = Window::new(page, None);
        assert_eq!(window.append(chunk(at, 0..10), true), 0);
        assert_eq!(told(&window), "…8-9 (2)|");
    }

    #[test]
    fn a_place_is_read_back() {
        let text = "1700000000000001.2.3.4.load.all[0]";
        let place = LinePlace::parse(text).expect("it is one");
        assert_eq!(
            (place.at.as_micros(), &*place.task),
            (1_700_000_000_000_001, "load.all[0]")
        );
        assert_eq!(place.text(), text);
        for text in ["", "1.2.3.4", "x.1.1.1.t", "1.-1.1.1.t"] {
            assert_eq!(LinePlace::parse(text), None, "{text}");
        }
    }

    #[test]
    fn of_too_many_the_far_ones_go() {
        let max = HELD_MAX as i64;
        let mut window = Window::new(page(0..max, true, false), None);
        assert_eq!(window.append(lines(max..max + 5), true), 5);
        assert_eq!(told(&window), "…5-20004 (20000)|");
        // Who reads keeps what is read.
        assert_eq!(window.append(lines(max + 5..max + 9), false), 4);
        assert_eq!(told(&window), "…5-20004 (20000)…");
        assert_eq!(window.append(lines(max + 9..max + 10), true), 1);
        assert_eq!(told(&window), "…5-20004 (20000)…");
        assert_eq!(window.later(page(max + 5..max + 10, true, false)), 5);
        assert_eq!(told(&window), "…10-20009 (20000)|");
        assert_eq!(window.earlier(page(-10..10, false, true)), 20);
        assert_eq!(told(&window), "|-10-19989 (20000)…");
    }

    #[test]
    fn an_earlier_moment_does_not_grow() {
        let at = Timestamp::from_millis(9);
        let mut window = Window::new(page(0..10, false, false), Some(at));
        assert_eq!(window.append(lines(10..12), true), 0);
        assert!(!window.is_whole());
    }
}
