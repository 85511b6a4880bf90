//! A query read from its text.

use super::term::{Comparison, Mark, Pattern, Term, What, When};
use super::{BadQuery, QUERY_BYTES_MAX, QUERY_TERMS_MAX, RunQuery};
use crate::time::{HumanDuration, Timestamp};
use crate::view::RunStatus;

/// The keys there are.
pub(super) const KEYS: [&str; 12] = [
    "state",
    "is",
    "flow",
    "label",
    "dur",
    "wait",
    "since",
    "until",
    "ended-since",
    "ended-until",
    "trigger",
    "error",
];

/// Words that stand for several states.
pub(super) const GROUPS: [(&str, &[RunStatus]); 2] = [
    (
        "open",
        &[
            RunStatus::Queued,
            RunStatus::Running,
            RunStatus::Paused,
            RunStatus::Ending,
        ],
    ),
    (
        "ended",
        &[RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled],
    ),
];

/// A piece of the text with its place, in characters.
#[derive(Clone, Debug)]
struct Piece {
    text: String,
    is_quoted: bool,
    from: usize,
    until: usize,
}

impl Piece {
    fn wrong<T>(&self, message: impl Into<String>) -> Result<T, BadQuery> {
        Err(BadQuery {
            message: message.into(),
            from: self.from,
            until: self.until,
        })
    }
}

pub(super) fn query(text: &str) -> Result<RunQuery, BadQuery> {
    let chars: Vec<char> = text.chars().collect();
    if text.len() > QUERY_BYTES_MAX {
        return Err(BadQuery {
            message: format!("the query is too long; at most {QUERY_BYTES_MAX} bytes are read"),
            from: 0,
            until: chars.len(),
        });
    }
    let mut reader = Reader { chars, at: 0 };
    let mut terms: Vec<Term> = Vec::new();
    while reader.skip_space() {
        let from = reader.at;
        if terms.len() == QUERY_TERMS_MAX {
            return Err(BadQuery {
                message: format!("there are too many terms; at most {QUERY_TERMS_MAX} are read"),
                from,
                until: reader.chars.len(),
            });
        }
        terms.push(reader.term()?);
    }
    Ok(RunQuery { terms })
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn next(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Whether something is left.
    fn skip_space(&mut self) -> bool {
        while self.next().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.at < self.chars.len()
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.next() == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn term(&mut self) -> Result<Term, BadQuery> {
        let from = self.at;
        let is_not = self.take('-');
        let word = self.piece(&[':'])?;
        if word.is_quoted || !self.take(':') {
            if word.text.is_empty() {
                let until = self.at.max(from + 1);
                return Err(BadQuery {
                    message: "a `-` turns around the term behind it, and there is none".to_owned(),
                    from,
                    until,
                });
            }
            return Ok(Term {
                is_not,
                what: What::Text(word.text),
            });
        }
        if !KEYS.contains(&&*word.text) {
            return word.wrong(format!(
                "there is no key `{}`; there are {}. To look for it as a text, put it in quotes",
                word.text,
                KEYS.join(", ")
            ));
        }
        let what = if word.text == "label" {
            self.label()?
        } else {
            let values = self.values()?;
            what(&word, values)?
        };
        Ok(Term { is_not, what })
    }

    /// Up to a space or one of these signs; in quotes up to their end.
    fn piece(&mut self, ends: &[char]) -> Result<Piece, BadQuery> {
        let from = self.at;
        let mut text = String::new();
        let is_quoted = self.take('"');
        loop {
            match self.next() {
                None if is_quoted => {
                    return Err(BadQuery {
                        message: "these quotes have no end".to_owned(),
                        from,
                        until: self.at,
                    });
                }
                Some('"') if is_quoted => {
                    self.at += 1;
                    break;
                }
                Some('\\') if is_quoted => {
                    self.at += 1;
                    text.extend(self.next());
                    self.at += 1;
                }
                Some(char) if is_quoted || !(char.is_whitespace() || ends.contains(&char)) => {
                    text.push(char);
                    self.at += 1;
                }
                _ => break,
            }
        }
        self.at = self.at.min(self.chars.len());
        Ok(Piece {
            text,
            is_quoted,
            from,
            until: self.at.max(from + 1),
        })
    }

    fn values(&mut self) -> Result<Vec<Piece>, BadQuery> {
        let mut values = Vec::new();
        loop {
            let value = self.piece(&[','])?;
            if value.text.is_empty() {
                return value.wrong("here a value is missing");
            }
            if values.len() == QUERY_TERMS_MAX {
                return value.wrong(format!(
                    "there are too many values; at most {QUERY_TERMS_MAX} are read"
                ));
            }
            values.push(value);
            if !self.take(',') {
                return Ok(values);
            }
        }
    }

    fn label(&mut self) -> Result<What, BadQuery> {
        let name = self.piece(&['=', ','])?;
        if name.text.is_empty() || self.next() == Some(',') {
            return name.wrong("a label is written as name=value, or name=one,two");
        }
        let values = if self.take('=') {
            self.values()?
        } else {
            Vec::new()
        };
        Ok(What::Label(name.text, patterns(values)))
    }
}

fn patterns(values: Vec<Piece>) -> Vec<Pattern> {
    values.into_iter().map(|value| Pattern(value.text)).collect()
}

fn what(key: &Piece, values: Vec<Piece>) -> Result<What, BadQuery> {
    Ok(match &*key.text {
        "state" => What::State(states(&values)?),
        "is" => What::Is(marks(&values)?),
        "flow" => What::Flow(patterns(values)),
        "trigger" => What::Trigger(patterns(values)),
        "error" => What::Error(patterns(values)),
        "dur" => {
            let (comparison, ms) = compared(&only(key, &values)?)?;
            What::Duration(comparison, ms)
        }
        "wait" => {
            let (comparison, ms) = compared(&only(key, &values)?)?;
            What::Wait(comparison, ms)
        }
        "since" => What::Since(when(&only(key, &values)?)?),
        "until" => What::Until(when(&only(key, &values)?)?),
        "ended-since" => What::EndedSince(when(&only(key, &values)?)?),
        _ => What::EndedUntil(when(&only(key, &values)?)?),
    })
}

fn only(key: &Piece, values: &[Piece]) -> Result<Piece, BadQuery> {
    match values {
        [one] => Ok(one.clone()),
        [_, second, ..] => second.wrong(format!("`{}` takes one value", key.text)),
        [] => key.wrong("here a value is missing"),
    }
}

fn states(values: &[Piece]) -> Result<Vec<RunStatus>, BadQuery> {
    let mut states = Vec::new();
    for value in values {
        let group = GROUPS.iter().find(|(word, _)| *word == value.text);
        match (group, RunStatus::from_key(&value.text)) {
            (Some((_, members)), _) => states.extend_from_slice(members),
            (None, Some(state)) => states.push(state),
            (None, None) => {
                let known = RunStatus::ALL.map(RunStatus::key).join(", ");
                return value.wrong(format!(
                    "`{}` is no state of a run; there are {known}, and open and ended for several of them",
                    value.text
                ));
            }
        }
    }
    states.sort_unstable();
    states.dedup();
    Ok(states)
}

fn marks(values: &[Piece]) -> Result<Vec<Mark>, BadQuery> {
    let mut marks = Vec::new();
    for value in values {
        match Mark::ALL.into_iter().find(|mark| mark.key() == value.text) {
            Some(mark) => marks.push(mark),
            None => {
                let known = Mark::ALL.map(Mark::key).join(", ");
                return value.wrong(format!(
                    "a run is never `{}`; `is` knows {known}. For states write state:…",
                    value.text
                ));
            }
        }
    }
    Ok(marks)
}

fn compared(value: &Piece) -> Result<(Comparison, u64), BadQuery> {
    let found = Comparison::ALL
        .into_iter()
        .find_map(|comparison| Some((comparison, value.text.strip_prefix(comparison.key())?)));
    // `dur:5m` most likely means those that took longer.
    let (comparison, length) = found.unwrap_or((Comparison::AtLeast, &value.text));
    match length.parse::<HumanDuration>() {
        Ok(length) => Ok((comparison, length.as_millis())),
        Err(_) => value.wrong(format!(
            "`{}` is no length of time; write it like >5m, <=300ms or >1h30m",
            value.text
        )),
    }
}

fn when(value: &Piece) -> Result<When, BadQuery> {
    if let Ok(ago) = value.text.parse::<HumanDuration>() {
        return Ok(When::Ago(ago));
    }
    let day = format!("{}T00:00:00Z", value.text);
    let at = value.text.parse::<Timestamp>().or_else(|_| day.parse());
    match at {
        Ok(at) => Ok(When::At(at)),
        Err(_) => value.wrong(format!(
            "`{}` is no moment; write how long ago, as 24h, a day, as 2026-01-31, or 2026-01-31T12:00:00Z",
            value.text
        )),
    }
}
