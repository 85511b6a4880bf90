//! Whether values fit a JSON Schema: arguments their task type's, answers the form of an approval.
//!
//! Two read the schemas. The server has the library, which knows the whole of the standard. What the browser loads has `small`, which
//! knows what schemas of task types are made of and passes what it does not know; a library and the tables of its regular expressions
//! would weigh more than the rest of the editor. Where both know a keyword they say the same, as the tests compare.

#[cfg(feature = "schemas")]
mod library;
#[cfg(any(test, not(feature = "schemas")))]
mod small;
#[cfg(all(test, feature = "schemas"))]
mod tests;

use serde_json::Value;

use crate::parse::tree::shorten;

#[cfg(feature = "schemas")]
use library as reader;
#[cfg(not(feature = "schemas"))]
use small as reader;

/// A schema, ready to check values against.
#[derive(Debug)]
pub(crate) struct Fit(reader::Schema);

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Misfit {
    /// Where, as a JSON pointer into the value.
    pub(crate) pointer: String,
    /// What is wrong.
    pub(crate) kind: MisfitKind,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MisfitKind {
    /// Names that may not stand there.
    Unexpected(Vec<String>),
    /// A name that must stand there.
    Missing(String),
    /// Another type than one of these, by name.
    Type(Vec<String>),
    /// None of these values.
    Choice(Vec<Value>),
    /// A text that does not match this.
    Pattern(String),
    /// A number or a count below this.
    Least(Measure, String),
    /// A number or a count above this.
    Most(Measure, String),
    /// A number that is no multiple of this.
    Multiple(String),
    /// A list in which something stands twice.
    Repeated,
    /// Nothing may stand there.
    Forbidden,
    /// None of the alternatives.
    NoAlternative,
    /// Several alternatives that exclude each other.
    Alternatives,
    /// Anything else, in the library's words.
    #[cfg_attr(
        not(feature = "schemas"),
        expect(dead_code, reason = "only the library has other words")
    )]
    Other(String),
}

/// What of a value is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Itself.
    Number,
    /// Itself, and the limit is not reached.
    Beyond,
    /// Characters.
    Chars,
    /// Items of a list.
    Items,
    /// Fields of an object.
    Fields,
}

impl Measure {
    /// A limit, as it is told.
    fn least(self, limit: &str) -> String {
        match self {
            Self::Number => format!("small, the least is {limit}"),
            Self::Beyond => format!("small, it must be above {limit}"),
            _ => format!("short, the least is {limit} {}", self.unit(limit)),
        }
    }

    fn most(self, limit: &str) -> String {
        match self {
            Self::Number => format!("large, the most is {limit}"),
            Self::Beyond => format!("large, it must be below {limit}"),
            _ => format!("long, the most is {limit} {}", self.unit(limit)),
        }
    }

    fn unit(self, limit: &str) -> &'static str {
        match (self, limit) {
            (Self::Number | Self::Beyond, _) => "",
            (Self::Chars, "1") => "character",
            (Self::Chars, _) => "characters",
            (Self::Items, "1") => "item",
            (Self::Items, _) => "items",
            (Self::Fields, "1") => "field",
            (Self::Fields, _) => "fields",
        }
    }
}

impl Misfit {
    /// What is wrong as a sentence, without the place. `whole` is the value that was checked.
    pub(crate) fn sentence(&self, whole: &Value) -> String {
        let shown = whole
            .pointer(&self.pointer)
            .map_or_else(String::new, |value| shorten(&value.to_string()));
        match &self.kind {
            MisfitKind::Unexpected(names) => {
                let names: Vec<_> = names.iter().map(|name| shorten(&format!("`{name}`"))).collect();
                format!("{} may not stand here", names.join(", "))
            }
            MisfitKind::Missing(name) => format!("`{name}` is missing"),
            MisfitKind::Type(types) => format!("expected {}, found {shown}", types.join(" or ")),
            MisfitKind::Choice(options) => {
                let words: Vec<String> = options
                    .iter()
                    .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
                    .collect();
                format!("{shown} is not possible here; write one of {}", words.join(", "))
            }
            MisfitKind::Pattern(pattern) if is_of_durations(pattern) => {
                format!("{shown} is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d")
            }
            MisfitKind::Pattern(pattern) => format!("{shown} does not look like {}", shorten(pattern)),
            MisfitKind::Least(measure, limit) => format!("{shown} is too {}", measure.least(limit)),
            MisfitKind::Most(measure, limit) => format!("{shown} is too {}", measure.most(limit)),
            MisfitKind::Multiple(of) => format!("{shown} is no multiple of {of}"),
            MisfitKind::Repeated => "something stands in the list twice".to_owned(),
            MisfitKind::Forbidden => format!("{shown} may not stand here"),
            MisfitKind::NoAlternative => format!("{shown} is none of what may stand here"),
            MisfitKind::Alternatives => "these arguments exclude each other; keep one of them".to_owned(),
            MisfitKind::Other(text) => shorten(text),
        }
    }
}

fn is_of_durations(pattern: &str) -> bool {
    pattern.contains("[0-9]+ms)")
}

impl Fit {
    /// Reads a schema.
    ///
    /// # Errors
    /// Why it is none.
    pub(crate) fn of(schema: &Value) -> Result<Self, String> {
        reader::Schema::of(schema).map(Self)
    }

    /// Whether a value fits.
    pub(crate) fn is_met_by(&self, value: &Value) -> bool {
        self.0.is_met_by(value)
    }

    /// What of a value does not fit, `most` of it at most.
    pub(crate) fn misfits(&self, value: &Value, most: usize) -> Vec<Misfit> {
        self.0.misfits(value, most)
    }
}
