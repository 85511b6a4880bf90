//! Groups of a log's lines, as tasks write them: `::group::Title` begins one, `::endgroup::` ends it; `##[group]Title` and
//! `##[endgroup]` say the same. None lies within another: where one begins the one before is over.

use std::collections::HashSet;

use crate::model::{LogGroup, LogLine};

/// Groups known of one attempt; what would be one beyond that is drawn as the lines it is.
pub const GROUPS_MAX: usize = 2000;

/// Characters of a group's first line in a list of groups.
const TITLE_MAX: usize = 300;

/// What a line says of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark<'l> {
    /// One begins, with this title.
    Begins(&'l str),
    /// One is over.
    Ends,
}

impl<'l> Mark<'l> {
    /// What a line says of groups; most say nothing.
    #[must_use]
    pub fn of(line: &'l str) -> Option<Self> {
        let line = line.trim_start();
        let rest = line.strip_prefix("::").or_else(|| line.strip_prefix("##["))?;
        let close = if line.starts_with(':') { "::" } else { "]" };
        let (word, title) = rest.split_once(close)?;
        match word {
            "group" => Some(Self::Begins(title)),
            "endgroup" => Some(Self::Ends),
            _ => None,
        }
    }

    /// What is read of the line.
    #[must_use]
    pub const fn text(self) -> &'l str {
        match self {
            Self::Begins(title) => title,
            Self::Ends => "",
        }
    }

    /// As the style sheet has it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Begins(_) => "begins",
            Self::Ends => "ends",
        }
    }
}

/// What is read of a line: all of it but what says that a group begins or ends.
#[must_use]
pub fn without_mark(line: &str) -> &str {
    Mark::of(line).map_or(line, Mark::text)
}

impl LogGroup {
    /// Where it is: attempt and number of its first line.
    #[must_use]
    pub const fn place(&self) -> (u32, u64) {
        (self.line.attempt, self.line.n)
    }

    /// Its last line, if its attempt has so many.
    #[must_use]
    pub fn last(&self, n_lines: u64) -> u64 {
        self.last.unwrap_or(n_lines).min(n_lines).max(self.line.n)
    }

    /// How many lines are inside, if its attempt has so many: those between the one that begins it and the one that ends it.
    #[must_use]
    pub fn n_inside(&self, n_lines: u64) -> u64 {
        let last = self.last(n_lines);
        let is_end_inside = self.is_ended && self.last == Some(last);
        (last - self.line.n).saturating_sub(u64::from(is_end_inside))
    }
}

/// The groups of a log, in order, and which of them are closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    groups: Vec<LogGroup>,
    /// By their first lines.
    closed: HashSet<(u32, u64)>,
}

impl Groups {
    /// Those that are known, all open.
    #[must_use]
    pub fn new(groups: Vec<LogGroup>) -> Self {
        Self {
            groups,
            closed: HashSet::new(),
        }
    }

    /// Those of lines that are all there is, in order. They may be uncounted.
    #[must_use]
    pub fn of<'l>(lines: impl IntoIterator<Item = &'l LogLine>) -> Self {
        let mut groups = Self::default();
        let (mut attempt, mut n) = (0, 0);
        for line in lines {
            if line.attempt != attempt {
                (attempt, n) = (line.attempt, 0);
            }
            n += 1;
            if let Some(mark) = Mark::of(&line.text) {
                groups.take(mark, attempt, n, || line.clone());
            }
        }
        groups
    }

    /// Takes in what a line says, which stands behind all of its attempt that did so before. The line itself is asked for if it is needed.
    pub fn take(&mut self, mark: Mark<'_>, attempt: u32, n: u64, line: impl FnOnce() -> LogLine) {
        let end = self.groups.partition_point(|group| group.line.attempt <= attempt);
        let open = self.groups[..end].last_mut();
        if let Some(group) = open.filter(|group| group.line.attempt == attempt && group.last.is_none()) {
            group.is_ended = mark == Mark::Ends;
            group.last = Some(if group.is_ended { n } else { n - 1 });
        }
        if mark == Mark::Ends {
            return;
        }
        let begin = self.groups.partition_point(|group| group.line.attempt < attempt);
        if end - begin < GROUPS_MAX {
            let line = LogLine { attempt, n, ..line() };
            let group = LogGroup {
                line: short(line),
                last: None,
                is_ended: false,
            };
            self.groups.insert(end, group);
        }
    }

    /// All of them, in order.
    #[must_use]
    pub fn all(&self) -> &[LogGroup] {
        &self.groups
    }

    /// The group that begins with a line.
    #[must_use]
    pub fn get(&self, place: (u32, u64)) -> Option<&LogGroup> {
        let at = self.groups.binary_search_by_key(&place, LogGroup::place).ok()?;
        self.groups.get(at)
    }

    /// The group that a line is inside of. The one it begins is not it.
    #[must_use]
    pub fn around(&self, (attempt, n): (u32, u64)) -> Option<&LogGroup> {
        let at = self.groups.partition_point(|group| group.place() < (attempt, n));
        let group = self.groups.get(at.checked_sub(1)?)?;
        let is_inside = group.line.attempt == attempt && group.last.is_none_or(|last| n <= last);
        is_inside.then_some(group)
    }

    /// Closes those that are closed at first: of an attempt that succeeded all, of one that failed all but the one that its end is in, and
    /// of one that goes on none.
    pub fn close_at_first(&mut self, ended: impl Fn(u32) -> Option<Ended>) {
        let is_closed = |group: &&LogGroup| match ended(group.line.attempt) {
            None => false,
            Some(Ended::Well) => true,
            Some(Ended::Badly) => group.last.is_some(),
        };
        self.closed = self
            .groups
            .iter()
            .filter(is_closed)
            .map(LogGroup::place)
            .collect();
    }

    /// Whether the group that begins with a line is closed.
    #[must_use]
    pub fn is_closed(&self, group: (u32, u64)) -> bool {
        self.closed.contains(&group)
    }

    /// Whether all are closed.
    #[must_use]
    pub fn are_closed(&self) -> bool {
        self.closed.len() == self.groups.len()
    }

    /// Those that are closed, in order.
    pub fn closed(&self) -> impl Iterator<Item = &LogGroup> {
        self.groups.iter().filter(|group| self.is_closed(group.place()))
    }

    /// Opens or closes the group that begins with a line.
    pub fn fold(&mut self, group: (u32, u64), is_open: bool) {
        match is_open {
            true => self.closed.remove(&group),
            false => self.closed.insert(group),
        };
    }

    /// Opens or closes all.
    pub fn fold_all(&mut self, is_open: bool) {
        self.closed = match is_open {
            true => HashSet::new(),
            false => self.groups.iter().map(LogGroup::place).collect(),
        };
    }
}

impl From<Groups> for Vec<LogGroup> {
    fn from(groups: Groups) -> Self {
        groups.groups
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It succeeded.
    Well,
    /// It did not.
    Badly,
}

/// The line, cut if it is long: a list of groups is no copy of the log.
fn short(mut line: LogLine) -> LogLine {
    if let Some((at, _)) = line.text.char_indices().nth(TITLE_MAX) {
        line.text.truncate(at);
        line.text.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use flow::Timestamp;

    use super::*;

    fn mark(line: &str) -> String {
        match Mark::of(line) {
            Some(Mark::Begins(title)) => format!("begins {title:?}"),
            Some(Mark::Ends) => "ends".to_owned(),
            None => "-".to_owned(),
        }
    }

    /// Lines apart by `|`; `2>` before one begins the second attempt.
    fn lines(log: &str) -> Vec<LogLine> {
        let mut attempt = 1;
        let line = |text: &str| {
            let text = match text.split_once('>') {
                Some((number, text)) => {
                    attempt = number.parse().expect("a number");
                    text
                }
                None => text,
            };
            LogLine {
                attempt,
                n: 0,
                at: Timestamp::from_millis(0),
                stream: "stdout".to_owned(),
                text: text.to_owned(),
            }
        };
        log.split('|').map(line).collect()
    }

    /// `attempt:first-last title (lines inside)`, of attempts of nine lines.
    fn told(groups: &Groups) -> String {
        let told = groups.all().iter().map(|group| {
            let (attempt, n) = group.place();
            let (last, inside) = (group.last(9), group.n_inside(9));
            let open = if group.last.is_none() { "…" } else { "" };
            format!(
                "{attempt}:{n}-{last}{open} {} ({inside})",
                without_mark(&group.line.text)
            )
        });
        told.collect::<Vec<_>>().join(", ")
    }

    fn check(log: &str, expected: &str) {
        assert_eq!(told(&Groups::of(&lines(log))), expected, "{log}");
    }

    #[test]
    fn lines_begin_and_end_groups() {
        for (line, expected) in [
            ("::group::Install all", "begins \"Install all\""),
            ("  ::group::", "begins \"\""),
            ("##[group]a ] b", "begins \"a ] b\""),
            ("::group::a::b", "begins \"a::b\""),
            ("::endgroup::", "ends"),
            ("##[endgroup]", "ends"),
            ("::endgroup::and more", "ends"),
            ("::group Install", "-"),
            ("##[group::x", "-"),
            ("::warning::careful", "-"),
            ("##[error]no", "-"),
            ("say ::group::", "-"),
            ("", "-"),
        ] {
            assert_eq!(mark(line), expected, "{line}");
        }
        assert_eq!(without_mark("##[group]\u{1b}[1mbold"), "\u{1b}[1mbold");
        assert_eq!(without_mark("::error::as it is"), "::error::as it is");
    }

    #[test]
    fn a_group_goes_to_its_end_or_to_the_next() {
        check("a|::group::b|1|2|::endgroup::|c", "1:2-5 b (2)");
        check("::group::a|1|::group::b|2|3", "1:1-2 a (1), 1:3-9… b (6)");
        check("::group::a|::endgroup::|::endgroup::|x", "1:1-2 a (0)");
        check("::endgroup::|##[group]a", "1:2-9… a (7)");
        check("no|lines|of any", "");
    }

    #[test]
    fn attempts_have_groups_of_their_own() {
        check(
            "::group::a|1|2>0|::group::a|1|::endgroup::",
            "1:1-9… a (8), 2:2-4 a (1)",
        );
        // An attempt before the last may have a last word.
        let mut groups = Groups::of(&lines("::group::a|2>::group::b"));
        groups.take(Mark::Ends, 1, 4, || unreachable!("an end is no group"));
        groups.take(Mark::Begins("c"), 1, 6, || lines("::group::c").remove(0));
        assert_eq!(told(&groups), "1:1-4 a (2), 1:6-9… c (3), 2:1-9… b (8)");
    }

    #[test]
    fn of_too_many_the_first_are_known() {
        let log = "::group::x|".repeat(GROUPS_MAX + 2) + "2>::group::y";
        let groups = Groups::of(&lines(&log));
        assert_eq!(groups.all().len(), GROUPS_MAX + 1);
        let n = GROUPS_MAX as u64;
        assert_eq!(groups.get((1, n)).and_then(|group| group.last), Some(n));
        assert_eq!(groups.get((1, n + 1)), None);
        assert_eq!(groups.around((1, n + 1)), None);
    }

    #[test]
    fn a_line_is_inside_of_one_at_most() {
        let groups = Groups::of(&lines("a|::group::b|1|::endgroup::|c|::group::d|2|2>3"));
        let around = |place| groups.around(place).map(LogGroup::place);
        assert_eq!(around((1, 1)), None);
        assert_eq!(around((1, 2)), None);
        assert_eq!((around((1, 3)), around((1, 4))), (Some((1, 2)), Some((1, 2))));
        assert_eq!((around((1, 5)), around((1, 6))), (None, None));
        assert_eq!(around((1, 99)), Some((1, 6)));
        assert_eq!(around((2, 1)), None);
    }

    /// Those that are closed.
    fn closed(groups: &Groups) -> String {
        let told = groups.closed().map(LogGroup::place);
        let told = told.map(|(attempt, n)| format!("{attempt}:{n}"));
        told.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn how_an_attempt_ended_says_what_is_closed() {
        let mut groups = Groups::of(&lines(
            "::group::a|::group::b|2>::group::c|::endgroup::|::group::d",
        ));
        let mut check = |first, second, expected| {
            groups.close_at_first(|attempt| if attempt == 1 { first } else { second });
            assert_eq!(closed(&groups), expected);
        };
        check(Some(Ended::Badly), Some(Ended::Well), "1:1 2:1 2:3");
        check(Some(Ended::Badly), Some(Ended::Badly), "1:1 2:1");
        check(Some(Ended::Badly), None, "1:1");
    }

    #[test]
    fn groups_are_closed_one_by_one_or_all() {
        let mut groups = Groups::of(&lines("::group::a|::group::b|::group::c"));
        groups.fold((1, 2), false);
        groups.fold((1, 3), true);
        assert_eq!(closed(&groups), "1:2");
        groups.fold_all(false);
        assert_eq!(
            (closed(&groups).as_str(), groups.are_closed()),
            ("1:1 1:2 1:3", true)
        );
        // One that begins is open.
        groups.take(Mark::Begins("d"), 1, 9, || lines("::group::d").remove(0));
        assert!(!groups.are_closed());
        groups.fold_all(true);
        assert_eq!(closed(&groups), "");
    }

    #[test]
    fn a_long_title_is_cut() {
        let groups = Groups::of(&lines(&format!("::group::{}", "ä".repeat(1000))));
        assert_eq!(groups.all()[0].line.text.chars().count(), TITLE_MAX + 1);
    }
}
