//! Masking: what an attempt was given in secret does not come back in its logs, errors and outputs.
//!
//! It is a net, not a proof. A task can always turn a secret into something that nobody recognises; what it does by accident
//! (print it, echo a request, fail with the URL in the error) is caught, in the encodings in which such things come.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use flow::run::event::TaskError;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::forms::forms;
use crate::store::LogStream;
use crate::task_type::{LogSink, TaskOutcome};

/// What stands where a secret was.
pub const MASK: &str = "***";

/// Bytes of an unfinished line that are held back until its end comes: far more than a line should have.
const HELD_BYTES_MAX: usize = 256 * 1024;

/// Knows secrets in many forms and takes them out of what goes by.
#[derive(Clone, Debug)]
pub struct Masker(Arc<Net>);

#[derive(Debug)]
struct Net {
    finder: AhoCorasick,
    /// The longest form.
    longest: usize,
}

impl Masker {
    /// A masker for these secrets; `None` if there is nothing it could look for.
    #[must_use]
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Option<Self> {
        let all: BTreeSet<String> = secrets.into_iter().flat_map(forms).collect();
        let longest = all.iter().map(String::len).max()?;
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&all)
            .ok()?;
        Some(Self(Arc::new(Net { finder, longest })))
    }

    /// The text without secrets.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.0.finder.is_match(text) {
            return Cow::Borrowed(text);
        }
        let n_forms = self.0.finder.patterns_len();
        Cow::Owned(self.0.finder.replace_all(text, &vec![MASK; n_forms]))
    }

    /// The value without secrets, in names of fields too. A number that is one becomes a text.
    #[must_use]
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(match self.text(&text) {
                Cow::Borrowed(_) => text,
                Cow::Owned(masked) => masked,
            }),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                let masked = fields
                    .into_iter()
                    .map(|(name, value)| (self.text(&name).into_owned(), self.value(value)));
                Value::Object(masked.collect::<Map<_, _>>())
            }
            Value::Number(number) if self.0.finder.is_match(&number.to_string()) => MASK.into(),
            other => other,
        }
    }

    /// The error without secrets.
    #[must_use]
    pub fn error(&self, error: TaskError) -> TaskError {
        TaskError {
            kind: self.text(&error.kind).into(),
            message: self.text(&error.message).into(),
            ..error
        }
    }

    /// The outcome without secrets.
    #[must_use]
    pub fn outcome(&self, outcome: TaskOutcome) -> TaskOutcome {
        match outcome {
            TaskOutcome::Succeeded { output, exit_code } => TaskOutcome::Succeeded {
                output: self.value(output),
                exit_code,
            },
            TaskOutcome::Failed {
                error,
                output,
                retry_after,
            } => TaskOutcome::Failed {
                error: self.error(error),
                output: output.map(|output| self.value(output)),
                retry_after,
            },
            other => other,
        }
    }

    /// Masks as much of `held` as can be told without what follows, and takes it out.
    fn take_told(&self, held: &mut Vec<u8>, is_end: bool) -> Vec<u8> {
        let line_end = held
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        // No form has a line break in it, so whole lines are told. In a line too long to wait for, a form may begin in its last bytes.
        let mut told = match (is_end, held.len() - line_end > HELD_BYTES_MAX) {
            (true, _) => held.len(),
            (false, true) => held.len() - self.0.longest.min(held.len()),
            (false, false) => line_end,
        };
        if told == 0 {
            return Vec::new();
        }
        let mut masked = Vec::with_capacity(told);
        let mut from = 0;
        for found in self.0.finder.find_iter(&*held) {
            if found.start() >= told {
                break;
            }
            masked.extend_from_slice(&held[from..found.start()]);
            masked.extend_from_slice(MASK.as_bytes());
            from = found.end();
            told = told.max(from);
        }
        masked.extend_from_slice(&held[from..told]);
        held.drain(..told);
        masked
    }
}

/// A log behind a masker.
pub struct MaskedLog {
    masker: Masker,
    log: Arc<dyn LogSink>,
    /// Of each stream, the line that has not ended yet.
    held: Mutex<[Vec<u8>; 3]>,
}

const STREAMS: [LogStream; 3] = [LogStream::Stdout, LogStream::Stderr, LogStream::Engine];

impl MaskedLog {
    /// Puts a masker in front of a log.
    #[must_use]
    pub fn new(masker: Masker, log: Arc<dyn LogSink>) -> Self {
        Self {
            masker,
            log,
            held: Mutex::default(),
        }
    }

    /// Writes what was held back: nothing more comes.
    pub fn finish(&self) {
        let mut held = self.held.lock();
        for (stream, held) in STREAMS.into_iter().zip(held.iter_mut()) {
            if !held.is_empty() {
                self.log.write(stream, &self.masker.take_told(held, true));
            }
        }
    }
}

impl LogSink for MaskedLog {
    fn write(&self, stream: LogStream, bytes: &[u8]) {
        let slot = match stream {
            LogStream::Stdout => 0,
            LogStream::Stderr => 1,
            LogStream::Engine => 2,
        };
        let mut all = self.held.lock();
        let held = &mut all[slot];
        held.extend_from_slice(bytes);
        let told = self.masker.take_told(held, false);
        if !told.is_empty() {
            self.log.write(stream, &told);
        }
    }
}
