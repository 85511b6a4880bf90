//! What a page has of a log: how many lines there are, and those of them that were fetched. A log may have millions of lines; the page
//! holds some thousands of them and draws those in sight.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fold::Folded;
use super::group::Mark;
use super::{PIECE, piece_of};
use crate::ansi;
use crate::model::{LogGroup, LogLine, LogPage, LogPart};

/// Pieces held; those farthest from what is in sight go first.
pub const PIECES_MAX: usize = 200;

/// A log, in part.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    parts: Vec<Part>,
}

/// The lines of one attempt.
#[derive(Clone, Debug)]
struct Part {
    attempt: u32,
    n_lines: u64,
    /// By their first line's number. A piece is whole up to its last line that is held.
    pieces: BTreeMap<u64, Vec<Held>>,
}

#[derive(Clone, Debug)]
struct Held {
    line: LogLine,
    /// In columns.
    width: u32,
}

/// A line's place, and the line if it was fetched.
#[derive(Clone, Copy, Debug)]
pub struct Row<'s> {
    /// The attempt.
    pub attempt: u32,
    /// The line's number in it, from 1.
    pub n: u64,
    /// Whether an attempt other than that of the row before begins with it.
    pub begins: bool,
    /// The line.
    pub line: Option<&'s LogLine>,
}

impl Sheet {
    /// Takes in a page. Its lines have their numbers, or are all there is.
    pub fn add(&mut self, page: LogPage) {
        for part in &page.parts {
            let known = self.part(part.attempt);
            known.n_lines = known.n_lines.max(part.n_lines);
        }
        for line in page.lines {
            let part = self.part(line.attempt);
            if line.n == 0 {
                part.append(line);
            } else {
                part.put(line);
            }
        }
    }

    /// Takes in what was written behind all that is known; answers the numbers that these lines have.
    pub fn append(&mut self, lines: Vec<LogLine>) -> Vec<u64> {
        let append = |line: LogLine| {
            let part = self.part(line.attempt);
            part.append(line);
            part.n_lines
        };
        lines.into_iter().map(append).collect()
    }

    /// How many lines an attempt has.
    #[must_use]
    pub fn n_lines(&self, attempt: u32) -> u64 {
        let part = self.parts.iter().find(|part| part.attempt == attempt);
        part.map_or(0, |part| part.n_lines)
    }

    /// The attempts that have lines.
    pub fn attempts(&self) -> impl Iterator<Item = u32> + '_ {
        self.parts.iter().map(|part| part.attempt)
    }

    /// Which lines are not shown if these groups are closed.
    #[must_use]
    pub fn folded<'g>(&self, closed: impl Iterator<Item = &'g LogGroup>) -> Folded {
        let inside = closed.filter_map(|group| {
            let (attempt, n) = group.place();
            let first = self.place(attempt, n)? + 1;
            Some(first..first + (group.last(self.n_lines(attempt)) - n) as usize)
        });
        Folded::new(inside)
    }

    fn part(&mut self, attempt: u32) -> &mut Part {
        let at = self.parts.partition_point(|part| part.attempt < attempt);
        if self.parts.get(at).is_none_or(|part| part.attempt != attempt) {
            self.parts.insert(
                at,
                Part {
                    attempt,
                    n_lines: 0,
                    pieces: BTreeMap::new(),
                },
            );
        }
        &mut self.parts[at]
    }

    /// How many lines there are.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.parts.iter().map(|part| part.n_lines as usize).sum()
    }

    /// How many there were when each attempt had so many.
    #[must_use]
    pub fn n_rows_of(&self, extents: &[LogPart]) -> usize {
        let of = |attempt| extents.iter().find(|extent| extent.attempt == attempt);
        let parts = self.parts.iter();
        parts
            .map(|part| of(part.attempt).map_or(0, |extent| extent.n_lines.min(part.n_lines)) as usize)
            .sum()
    }

    /// The line at a place, from 0.
    #[must_use]
    pub fn row(&self, mut at: usize) -> Option<Row<'_>> {
        for (number, part) in self.parts.iter().enumerate() {
            let n_lines = part.n_lines as usize;
            if at < n_lines {
                let n = at as u64 + 1;
                return Some(Row {
                    attempt: part.attempt,
                    n,
                    begins: at == 0 && number > 0,
                    line: part.line(n).map(|held| &held.line),
                });
            }
            at -= n_lines;
        }
        None
    }

    /// Where a line is, from 0.
    #[must_use]
    pub fn place(&self, attempt: u32, n: u64) -> Option<usize> {
        let mut before = 0;
        for part in &self.parts {
            if part.attempt == attempt {
                return (1..=part.n_lines).contains(&n).then(|| before + n as usize - 1);
            }
            before += part.n_lines as usize;
        }
        None
    }

    /// What has to be fetched for these rows: attempts, and where their pieces begin.
    #[must_use]
    pub fn missing(&self, rows: Range<usize>) -> Vec<(u32, u64)> {
        let mut missing = Vec::new();
        let mut at = rows.start;
        while at < rows.end {
            let Some(row) = self.row(at) else { break };
            let from = piece_of(row.n);
            // The last row of this piece that matters; the piece has a prefix of its lines.
            let last = (at + (from + PIECE - 1 - row.n) as usize).min(rows.end - 1);
            let ends = self.parts.iter().find(|part| part.attempt == row.attempt);
            let n_left = ends.map_or(0, |part| (part.n_lines - row.n) as usize);
            let last = last.min(at + n_left);
            if self.row(last).is_none_or(|row| row.line.is_none()) {
                missing.push((row.attempt, from));
            }
            at = last + 1;
        }
        missing
    }

    /// Lets go of pieces far from a row.
    pub fn forget(&mut self, near: usize) {
        let n_held: usize = self.parts.iter().map(|part| part.pieces.len()).sum();
        let mut n_over = n_held.saturating_sub(PIECES_MAX);
        let mut held: Vec<(usize, usize, u64)> = Vec::new();
        let mut before = 0;
        for (at, part) in self.parts.iter().enumerate() {
            for from in part.pieces.keys() {
                let place = before + *from as usize;
                held.push((place.abs_diff(near), at, *from));
            }
            before += part.n_lines as usize;
        }
        held.sort_unstable_by(|a, b| b.cmp(a));
        for (_, at, from) in held {
            if n_over == 0 {
                break;
            }
            self.parts[at].pieces.remove(&from);
            n_over -= 1;
        }
    }

    /// All lines that are held, in order.
    pub fn lines(&self) -> impl Iterator<Item = &LogLine> {
        self.parts
            .iter()
            .flat_map(|part| part.pieces.values().flatten().map(|held| &held.line))
    }

    /// Whether every line is held.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let held = |part: &Part| part.pieces.values().map(Vec::len).sum::<usize>();
        self.parts.iter().all(|part| held(part) as u64 == part.n_lines)
    }

    /// Lines of the screen above a line, if those that are shown are wrapped after `columns`. Lines that were not fetched count as one.
    #[must_use]
    pub fn height_above(&self, line: usize, folded: &Folded, columns: Option<u32>) -> usize {
        let mut height = folded.row(line);
        let Some(columns) = columns else {
            return height;
        };
        let mut before = 0;
        for part in &self.parts {
            for (from, piece) in &part.pieces {
                let place = before + *from as usize - 1;
                let end = (place + piece.len()).min(line);
                for shown in folded.shown(place..end) {
                    let lines = &piece[shown.start - place..shown.end - place];
                    height += lines.iter().map(|held| held.extra(columns)).sum::<usize>();
                }
            }
            before += part.n_lines as usize;
        }
        height
    }

    /// The row at a line of the screen, from the top of the log.
    #[must_use]
    pub fn row_at(&self, height: usize, folded: &Folded, columns: Option<u32>) -> usize {
        if columns.is_none() {
            return height;
        }
        // What lies above grows with the row, at least by one with each.
        let (mut low, mut high) = (0, height);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.height_above(folded.line(middle), folded, columns) <= height {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }
}

impl Part {
    fn line(&self, n: u64) -> Option<&Held> {
        let from = piece_of(n);
        self.pieces.get(&from)?.get((n - from) as usize)
    }

    /// A line with its number.
    fn put(&mut self, line: LogLine) {
        let n = line.n;
        self.n_lines = self.n_lines.max(n);
        let from = piece_of(n);
        let at = (n - from) as usize;
        if at == 0 {
            self.pieces.entry(from).or_default();
        }
        // What would leave a gap is fetched when it comes into sight.
        if let Some(piece) = self.pieces.get_mut(&from)
            && piece.len() == at
        {
            piece.push(Held::new(line));
        }
    }

    /// A line behind the last.
    fn append(&mut self, mut line: LogLine) {
        line.n = self.n_lines + 1;
        self.put(line);
    }
}

impl Held {
    fn new(line: LogLine) -> Self {
        // What begins or ends a group is never wrapped.
        let width = Mark::of(&line.text).map_or_else(|| width(&line.text), |_| 0);
        Self { line, width }
    }

    /// Lines of the screen it takes beyond the first.
    fn extra(&self, columns: u32) -> usize {
        self.width.saturating_sub(1) as usize / columns.max(1) as usize
    }
}

/// The columns a text takes.
fn width(text: &str) -> u32 {
    let mut width = 0;
    for span in ansi::spans(text) {
        for char in span.text.chars() {
            width += if char == '\t' { 8 - width % 8 } else { 1 };
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use flow::Timestamp;

    use super::*;

    fn line(attempt: u32, n: u64, text: &str) -> LogLine {
        LogLine {
            attempt,
            n,
            at: Timestamp::from_millis(0),
            stream: "stdout".to_owned(),
            text: text.to_owned(),
        }
    }

    /// The lines from one number to another of an attempt that has so many.
    fn page(attempt: u32, lines: Range<u64>, n_lines: u64) -> LogPage {
        LogPage {
            lines: lines.map(|n| line(attempt, n, &format!("line {n}"))).collect(),
            parts: vec![LogPart { attempt, n_lines }],
            ..LogPage::default()
        }
    }

    fn told(sheet: &Sheet, rows: Range<usize>) -> String {
        rows.map(|at| match sheet.row(at) {
            Some(row) => format!(
                "{}:{}{}{} ",
                row.attempt,
                row.n,
                if row.begins { "!" } else { "" },
                if row.line.is_some() { "" } else { "?" }
            ),
            None => "- ".to_owned(),
        })
        .collect()
    }

    #[test]
    fn lines_are_where_their_numbers_say() {
        let mut sheet = Sheet::default();
        sheet.add(page(2, 1..3, 2));
        sheet.add(page(1, 401..404, 403));
        assert_eq!(sheet.n_rows(), 405);
        assert_eq!(told(&sheet, 399..406), "1:400? 1:401 1:402 1:403 2:1! 2:2 - ");
        assert_eq!(sheet.place(2, 1), Some(403));
        assert_eq!(sheet.place(1, 1), Some(0));
        assert_eq!(
            (sheet.place(1, 404), sheet.place(3, 1), sheet.place(1, 0)),
            (None, None, None)
        );
        assert_eq!(sheet.missing(0..405), [(1, 1), (1, 101), (1, 201), (1, 301)]);
        assert_eq!(sheet.missing(200..300), [(1, 201)]);
        assert_eq!(sheet.missing(400..405), []);
        sheet.add(page(1, 1..201, 403));
        assert_eq!(sheet.missing(0..405), [(1, 201), (1, 301)]);
        assert!(!sheet.is_whole());
        sheet.add(page(1, 201..401, 403));
        assert!(sheet.is_whole());
    }

    #[test]
    fn what_is_written_goes_on_behind_the_last() {
        let mut sheet = Sheet::default();
        sheet.add(page(1, 201..203, 202));
        let added = sheet.append(vec![line(1, 0, "a"), line(2, 0, "b"), line(2, 0, "c")]);
        assert_eq!((added, sheet.n_rows()), (vec![203, 1, 2], 205));
        assert_eq!(told(&sheet, 200..205), "1:201 1:202 1:203 2:1! 2:2 ");
        assert_eq!(sheet.append(vec![line(2, 0, "e")]), [3]);
        assert_eq!(sheet.n_rows(), 206);
        // What was fetched meanwhile and comes again changes nothing.
        sheet.add(page(2, 1..3, 2));
        assert_eq!(told(&sheet, 203..206), "2:1! 2:2 2:3 ");
    }

    #[test]
    fn lines_behind_a_gap_are_counted_and_fetched_later() {
        let mut sheet = Sheet::default();
        sheet.add(page(1, 1..2, 150));
        assert_eq!(sheet.append(vec![line(1, 0, "late")]), [151]);
        assert_eq!(told(&sheet, 149..152), "1:150? 1:151? - ");
        assert_eq!(sheet.missing(149..151), [(1, 101)]);
        sheet.add(page(1, 1..152, 151));
        assert_eq!(sheet.missing(0..151), []);
    }

    #[test]
    fn far_pieces_are_let_go() {
        let mut sheet = Sheet::default();
        let n_lines = PIECE * (PIECES_MAX as u64 + 5);
        sheet.add(page(1, 1..n_lines + 1, n_lines));
        sheet.forget(0);
        assert_eq!(sheet.lines().count() as u64, PIECE * PIECES_MAX as u64);
        assert_eq!(
            sheet.missing(0..sheet.n_rows()).first(),
            Some(&(1, PIECE * PIECES_MAX as u64 + 1))
        );
        assert_eq!(sheet.n_rows() as u64, n_lines);
    }

    #[test]
    fn wrapped_lines_are_as_high_as_they_are_long() {
        let mut sheet = Sheet::default();
        let lines = [
            line(1, 1, "12345678901"),
            line(1, 2, ""),
            line(1, 3, "\u{1b}[31m1234567890\u{1b}[0m"),
            line(1, 4, "\t1\t5"),
        ];
        sheet.add(LogPage {
            lines: lines.to_vec(),
            parts: vec![LogPart {
                attempt: 1,
                n_lines: 6,
            }],
            ..LogPage::default()
        });
        let flat = Folded::default();
        let above = |folded, columns| {
            (0..=6)
                .map(|line| sheet.height_above(line, folded, columns))
                .collect::<Vec<_>>()
        };
        assert_eq!(above(&flat, None), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(above(&flat, Some(10)), [0, 2, 3, 4, 6, 7, 8]);
        let at = |folded, columns| {
            (0..8)
                .map(|height| sheet.row_at(height, folded, columns))
                .collect::<Vec<_>>()
        };
        assert_eq!(at(&flat, Some(10)), [0, 0, 1, 2, 3, 3, 4, 5]);
        // What is folded away takes no room, however long it is.
        let folded = Folded::new([1..3, 4..5]);
        assert_eq!(above(&folded, None), [0, 1, 1, 1, 2, 2, 3]);
        assert_eq!(above(&folded, Some(10)), [0, 2, 2, 2, 4, 4, 5]);
        assert_eq!(at(&folded, Some(10)), [0, 0, 1, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn closed_groups_are_folded_in_each_attempt() {
        let mut sheet = Sheet::default();
        sheet.add(page(1, 1..1, 10));
        sheet.add(page(2, 1..1, 500));
        let group = |attempt, n, last| LogGroup {
            line: line(attempt, n, "::group::x"),
            last,
            is_ended: false,
        };
        let closed = [
            group(1, 3, Some(5)),
            group(1, 8, None),
            group(2, 1, Some(1)),
            group(2, 101, Some(400)),
            group(3, 1, None),
        ];
        let folded = sheet.folded(closed.iter());
        assert_eq!(folded, Folded::new([3..5, 8..10, 111..410]));
        // The title of one that is open goes on as the attempt does.
        sheet.append(vec![line(1, 0, "late")]);
        assert_eq!(sheet.folded(closed.iter()), Folded::new([3..5, 8..11, 112..411]));
    }

    #[test]
    fn what_begins_a_group_is_one_line_high() {
        let mut sheet = Sheet::default();
        let title = format!("::group::{}", "long ".repeat(20));
        sheet.append(vec![line(1, 0, &title), line(1, 0, "::endgroup::")]);
        assert_eq!(sheet.height_above(2, &Folded::default(), Some(10)), 2);
    }

    #[test]
    fn an_earlier_moment_has_fewer() {
        let mut sheet = Sheet::default();
        sheet.add(page(1, 1..4, 3));
        sheet.add(page(2, 1..3, 2));
        let n_rows = |extents: &[(u32, u64)]| {
            let part = |&(attempt, n_lines): &(u32, u64)| LogPart { attempt, n_lines };
            sheet.n_rows_of(&extents.iter().map(part).collect::<Vec<_>>())
        };
        assert_eq!(n_rows(&[(1, 2)]), 2);
        assert_eq!(n_rows(&[(1, 9), (2, 1)]), 4);
        assert_eq!(n_rows(&[]), 0);
    }
}
