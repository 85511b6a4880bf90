//! Finding names by some of their letters: all of them in their order, whatever lies between; and what was chosen lately.

/// How well a name fits what was typed, less is better; none if it does not have all letters of each word in their order.
///
/// A name that begins so comes before one of which a word begins so, then one that has it somewhere, then one of which words begin
/// with the letters (`fs` for Fit selection), then one that has the letters anywhere, the nearer together the better.
#[must_use]
pub fn score(name: &str, typed: &str) -> Option<u32> {
    let name = name.to_lowercase();
    let typed = typed.trim().to_lowercase();
    if name.starts_with(&typed) {
        return Some(0);
    }
    let mut worst = 0;
    for word in typed.split_whitespace() {
        worst = worst.max(of_word(&name, word)?);
    }
    // Several words one by one are less than all of them as they were typed.
    Some(if name.contains(&typed) {
        worst.min(2)
    } else {
        worst
    })
}

fn is_gap(c: char) -> bool {
    !c.is_alphanumeric()
}

fn of_word(name: &str, word: &str) -> Option<u32> {
    if name.split(is_gap).any(|part| part.starts_with(word)) {
        return Some(1);
    }
    if name.contains(word) {
        return Some(2);
    }
    let chars: Vec<char> = name.chars().collect();
    let letters: Vec<char> = word.chars().collect();
    if initials(&chars, &letters) {
        return Some(3);
    }
    // Two letters, or letters far apart, are in nearly every name.
    let gaps = scattered(&chars, &letters).filter(|_| letters.len() > 2)?;
    (gaps as usize <= 2 * letters.len()).then_some(4 + gaps)
}

/// Whether each letter goes on from the one before, or begins a word.
fn initials(name: &[char], letters: &[char]) -> bool {
    // The letters found so far end at these places.
    let mut ends: Vec<usize> = Vec::new();
    for (nth, letter) in letters.iter().enumerate() {
        let can = |at: usize| {
            let begins = at == 0 || is_gap(name[at - 1]);
            match nth {
                0 => begins,
                _ => ends.iter().any(|end| *end + 1 == at || (begins && *end < at)),
            }
        };
        let next: Vec<usize> = (0..name.len())
            .filter(|at| name[*at] == *letter && can(*at))
            .collect();
        if next.is_empty() {
            return false;
        }
        ends = next;
    }
    true
}

/// How many other letters lie between the letters at least.
fn scattered(name: &[char], letters: &[char]) -> Option<u32> {
    let first = letters.first()?;
    let starts = (0..name.len()).filter(|at| name[*at] == *first);
    let spans = starts.filter_map(|start| {
        let mut at = start;
        for letter in &letters[1..] {
            at += 1 + name[at + 1..].iter().position(|c| c == letter)?;
        }
        Some(at + 1 - start)
    });
    let least = spans.min()?;
    u32::try_from(least - letters.len()).ok()
}

/// The things that fit what was typed, the best first; of equal ones the order stays. `names` are what a thing may be found by, the
/// first of them counts most.
#[must_use]
pub fn best<T>(things: Vec<T>, typed: &str, names: impl Fn(&T) -> Vec<String>) -> Vec<T> {
    let mut found: Vec<(u32, T)> = things
        .into_iter()
        .filter_map(|thing| {
            let scores = names(&thing).into_iter().enumerate().filter_map(|(nth, name)| {
                let score = score(&name, typed)?;
                // Letters far apart in what is not the name itself are chance.
                (nth == 0 || score <= 3).then_some(score + 3 * nth as u32)
            });
            Some((scores.min()?, thing))
        })
        .collect();
    found.sort_by_key(|(score, _)| *score);
    found.into_iter().map(|(_, thing)| thing).collect()
}

/// So many things that were chosen are remembered.
const RECENT_MAX: usize = 6;

/// What was chosen lately, the last one first, by ids without line ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent(Vec<String>);

impl Recent {
    /// As [`Recent::text`] wrote it.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let ids = text.lines().filter(|id| !id.is_empty());
        Self(ids.take(RECENT_MAX).map(str::to_owned).collect())
    }

    /// As a text, to be kept.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.join("\n")
    }

    /// This was chosen.
    #[must_use]
    pub fn with(mut self, id: &str) -> Self {
        self.0.retain(|other| other != id);
        self.0.insert(0, id.to_owned());
        self.0.truncate(RECENT_MAX);
        self
    }

    /// Those that were chosen lately first, in that order; answers how many they are.
    pub fn sort<T>(&self, things: &mut [T], id: impl Fn(&T) -> &str) -> usize {
        let place = |thing: &T| {
            let at = self.0.iter().position(|recent| recent == id(thing));
            at.unwrap_or(RECENT_MAX)
        };
        things.sort_by_key(place);
        things.iter().filter(|thing| place(thing) < RECENT_MAX).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, expected: &[&str]) {
        let names = [
            "Fit all",
            "Fit selection",
            "Select all",
            "Close or deselect",
            "Show or hide the list of tasks",
            "Duplicate",
            "Add a task",
            "Undo",
        ];
        let found = best(names.to_vec(), typed, |name| vec![(*name).to_owned()]);
        assert_eq!(found, expected, "{typed}");
    }

    #[test]
    fn names_are_found_by_their_letters() {
        check("sel", &["Select all", "Fit selection", "Close or deselect"]);
        check("fs", &["Fit selection"]);
        check("fsel", &["Fit selection"]);
        check("dplct", &["Duplicate"]);
        check("task add", &["Add a task"]);
        check("FIT", &["Fit all", "Fit selection"]);
        check("xyz", &[]);
        assert_eq!(score("anything", "  "), Some(0));
        assert_eq!(score("ÄÖ", "äö"), Some(0));
    }

    #[test]
    fn what_is_no_name_is_not_found_by_chance() {
        let things = vec![("Log", "writes a line"), ("Shell", "runs a command")];
        let found = |typed: &str| {
            let found = best(things.clone(), typed, |thing| {
                vec![thing.0.to_owned(), thing.1.to_owned()]
            });
            found.iter().map(|thing| thing.0).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(found("l"), "Log Shell");
        assert_eq!(found("command"), "Shell");
        assert_eq!(found("rcd"), "");
    }

    #[test]
    fn what_was_chosen_lately_comes_first() {
        let recent = Recent::read("undo\nfind\n").with("tidy").with("undo");
        assert_eq!(recent.text(), "undo\ntidy\nfind");
        let mut all = ["copy", "find", "paste", "undo"];
        assert_eq!(recent.sort(&mut all, |id| id), 2);
        assert_eq!(all, ["undo", "find", "copy", "paste"]);
        let many = (0..9).fold(Recent::default(), |recent, n| recent.with(&n.to_string()));
        assert_eq!(many.text(), "8\n7\n6\n5\n4\n3");
    }
}
