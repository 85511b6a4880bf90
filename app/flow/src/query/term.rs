//! What a query is made of.

use std::fmt;

use crate::time::{HumanDuration, Timestamp};
use crate::view::RunStatus;

/// A word of a query, or its opposite.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Whether it must not hold.
    pub is_not: bool,
    /// What must hold.
    pub what: What,
}

/// What a term says.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Its state is one of these.
    State(Vec<RunStatus>),
    /// It is marked in one of these ways.
    Is(Vec<Mark>),
    /// Its flow's id is like one of these.
    Flow(Vec<Pattern>),
    /// What started it is like one of these.
    Trigger(Vec<Pattern>),
    /// The kind of its error is like one of these.
    Error(Vec<Pattern>),
    /// It has a label of this name whose value is like one of these; without any, whatever its value.
    Label(String, Vec<Pattern>),
    /// It took, or has been at work, so long.
    Duration(Comparison, u64),
    /// It waited so long before it began.
    Wait(Comparison, u64),
    /// It was created then or after.
    Since(When),
    /// It was created before.
    Until(When),
    /// It ended then or after.
    EndedSince(When),
    /// It ended before.
    EndedUntil(When),
    /// This stands in its id, flow, flow's name, labels or error.
    Text(String),
}

/// What is worth a look of a run, and no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// An approval waits for an answer.
    Asking,
    /// It takes much longer than its flow's runs do: [`super::LATE_FACTOR`].
    Late,
    /// Something of it could be at work and nothing is: [`super::STUCK_AFTER_MS`].
    Stuck,
    /// Another run was made from it.
    Retried,
}

impl Mark {
    /// All.
    pub const ALL: [Self; 4] = [Self::Asking, Self::Late, Self::Stuck, Self::Retried];

    /// The word for it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Late => "late",
            Self::Stuck => "stuck",
            Self::Retried => "retried",
        }
    }
}

/// How a length of time is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

impl Comparison {
    /// With the longer signs first: reading takes the first that fits.
    pub(super) const ALL: [Self; 4] = [Self::AtLeast, Self::AtMost, Self::More, Self::Less];

    /// The signs for it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Less => "<",
            Self::AtMost => "<=",
        }
    }

    pub(super) const fn holds(self, found: u64, limit: u64) -> bool {
        match self {
            Self::More => found > limit,
            Self::AtLeast => found >= limit,
            Self::Less => found < limit,
            Self::AtMost => found <= limit,
        }
    }
}

/// A moment as a query names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long before now.
    Ago(HumanDuration),
    /// This one.
    At(Timestamp),
}

impl When {
    /// Which moment that is now.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => {
                let ago = i64::try_from(ago.as_duration().as_micros()).unwrap_or(i64::MAX);
                Timestamp::from_micros(now.as_micros().saturating_sub(ago))
            }
        }
    }
}

/// A text in which `*` stands for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub(super) String);

impl Pattern {
    /// The text, if nothing in it stands for anything else.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&*self.0)
    }

    /// Whether the whole of `text` is like it. Letters are compared as they are.
    #[must_use]
    pub fn is_like(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let Some(mut text) = text.strip_prefix(first) else {
            return false;
        };
        let mut parts: Vec<&str> = rest.split('*').collect();
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            match text.find(part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        text.ends_with(last)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_not {
            f.write_str("-")?;
        }
        let when = |key: &str, when: When| match when {
            When::Ago(ago) => format!("{key}:{ago}"),
            When::At(at) => format!("{key}:{at}"),
        };
        match &self.what {
            What::State(states) => f.write_str(&list("state", states.iter().map(|state| state.key()))),
            What::Is(marks) => f.write_str(&list("is", marks.iter().map(|mark| mark.key()))),
            What::Flow(flows) => f.write_str(&patterns("flow", flows)),
            What::Trigger(triggers) => f.write_str(&patterns("trigger", triggers)),
            What::Error(kinds) => f.write_str(&patterns("error", kinds)),
            What::Label(name, values) if values.is_empty() => write!(f, "label:{}", quoted(name)),
            What::Label(name, values) => {
                let values: Vec<_> = values.iter().map(|value| quoted(&value.0)).collect();
                write!(f, "label:{}={}", quoted(name), values.join(","))
            }
            What::Duration(comparison, ms) => {
                write!(f, "dur:{}{}", comparison.key(), HumanDuration::from_millis(*ms))
            }
            What::Wait(comparison, ms) => {
                write!(f, "wait:{}{}", comparison.key(), HumanDuration::from_millis(*ms))
            }
            What::Since(at) => f.write_str(&when("since", *at)),
            What::Until(at) => f.write_str(&when("until", *at)),
            What::EndedSince(at) => f.write_str(&when("ended-since", *at)),
            What::EndedUntil(at) => f.write_str(&when("ended-until", *at)),
            What::Text(text) => f.write_str(&quoted(text)),
        }
    }
}

fn list<'w>(key: &str, words: impl Iterator<Item = &'w str>) -> String {
    format!("{key}:{}", words.collect::<Vec<_>>().join(","))
}

fn patterns(key: &str, patterns: &[Pattern]) -> String {
    let words: Vec<String> = patterns.iter().map(|pattern| quoted(&pattern.0)).collect();
    format!("{key}:{}", words.join(","))
}

/// A word in quotes if it would be read as something else without them.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| !char.is_whitespace() && !matches!(char, '"' | '\\' | ',' | ':' | '=');
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let mut out = String::from("\"");
    for char in word.chars() {
        if matches!(char, '"' | '\\') {
            out.push('\\');
        }
        out.push(char);
    }
    out.push('"');
    out
}
