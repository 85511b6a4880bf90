//! Which lines of a log are shown when some are folded away: rows of the screen are not lines then.

use std::ops::Range;

/// Lines that are folded away. Lines and rows are counted from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// In order, apart, none of them empty.
    hidden: Vec<Hidden>,
}

/// Lines one after the other that are not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hidden {
    lines: Range<usize>,
    /// How many are hidden before these.
    n_before: usize,
}

impl Folded {
    /// Without these lines, which come in order.
    #[must_use]
    pub fn new(hidden: impl IntoIterator<Item = Range<usize>>) -> Self {
        let mut folded = Self::default();
        let mut n_before = 0;
        for lines in hidden {
            let n_lines = lines.len();
            if n_lines > 0 {
                folded.hidden.push(Hidden { lines, n_before });
                n_before += n_lines;
            }
        }
        folded
    }

    /// How many lines before one are shown. Of a line that is shown itself that is its row; one that is not has its group's first line in
    /// the row before.
    #[must_use]
    pub fn row(&self, line: usize) -> usize {
        let at = self.hidden.partition_point(|hidden| hidden.lines.start < line);
        let before = at.checked_sub(1).and_then(|at| self.hidden.get(at));
        let n_hidden = before.map_or(0, |hidden| {
            hidden.n_before + hidden.lines.end.min(line) - hidden.lines.start
        });
        line - n_hidden
    }

    /// The line that is shown in a row.
    #[must_use]
    pub fn line(&self, row: usize) -> usize {
        let at = self
            .hidden
            .partition_point(|hidden| hidden.lines.start - hidden.n_before <= row);
        let before = at.checked_sub(1).and_then(|at| self.hidden.get(at));
        row + before.map_or(0, |hidden| hidden.n_before + hidden.lines.len())
    }

    /// Whether a line is shown.
    #[must_use]
    pub fn shows(&self, line: usize) -> bool {
        self.row(line + 1) > self.row(line)
    }

    /// Those of some lines that are shown, in pieces without a gap.
    pub fn shown(&self, lines: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut at = lines.start;
        let mut next = self
            .hidden
            .partition_point(|hidden| hidden.lines.end <= lines.start);
        let pieces = std::iter::from_fn(move || {
            if at >= lines.end {
                return None;
            }
            let hidden = self.hidden.get(next);
            next += 1;
            let piece = at..hidden.map_or(lines.end, |hidden| hidden.lines.start.min(lines.end));
            at = hidden.map_or(lines.end, |hidden| hidden.lines.end);
            Some(piece)
        });
        pieces.filter(|piece| piece.start < piece.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log with `#` for each line that is folded away.
    fn folded(log: &str) -> Folded {
        let mut hidden: Vec<Range<usize>> = Vec::new();
        for (at, _) in log.bytes().enumerate().filter(|(_, line)| *line == b'#') {
            match hidden.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => hidden.push(at..at + 1),
            }
        }
        Folded::new(hidden)
    }

    /// The lines row by row, then the row of each line.
    fn check(log: &str, expected: &str) {
        let folded = folded(log);
        let n_rows = folded.row(log.len());
        let lines: Vec<String> = (0..n_rows).map(|row| folded.line(row).to_string()).collect();
        let rows: Vec<String> = (0..log.len())
            .map(|line| match folded.shows(line) {
                true => folded.row(line).to_string(),
                false => format!("({})", folded.row(line) - 1),
            })
            .collect();
        assert_eq!(
            format!("{} / {}", lines.join(" "), rows.join(" ")),
            expected,
            "{log}"
        );
        for row in 0..n_rows {
            assert_eq!(folded.row(folded.line(row)), row, "{log}");
        }
    }

    #[test]
    fn rows_are_the_lines_that_are_shown() {
        check("....", "0 1 2 3 / 0 1 2 3");
        check(".##.", "0 3 / 0 (0) (0) 1");
        check("..#.##.", "0 1 3 6 / 0 1 (1) 2 (2) (2) 3");
        check(".#.#", "0 2 / 0 (0) 1 (1)");
        check(".###", "0 / 0 (0) (0) (0)");
        check("", " / ");
    }

    #[test]
    fn a_million_lines_are_no_more_work() {
        let folded = Folded::new((0..2000).map(|group| group * 500 + 1..group * 500 + 500));
        assert_eq!(folded.row(1_000_000), 2000);
        assert_eq!((folded.line(1999), folded.row(999_500)), (999_500, 1999));
        // What comes behind is shown.
        assert_eq!((folded.line(2000), folded.row(1_000_007)), (1_000_000, 2007));
    }

    #[test]
    fn what_is_shown_comes_in_pieces() {
        let shown = |log: &str, lines: Range<usize>| {
            let folded = folded(log);
            let pieces = folded.shown(lines);
            pieces
                .map(|piece| format!("{}..{}", piece.start, piece.end))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(shown("..##..#.", 0..8), "0..2 4..6 7..8");
        assert_eq!(shown("..##..#.", 3..7), "4..6");
        assert_eq!(shown("..##..#.", 2..4), "");
        assert_eq!(shown("..##..#.", 1..2), "1..2");
        assert_eq!(shown("....", 1..3), "1..3");
        assert_eq!(shown(".###", 0..4), "0..1");
    }

    #[test]
    fn nothing_to_fold_is_nothing() {
        assert_eq!(Folded::new([3..3, 5..5]), Folded::default());
    }
}
