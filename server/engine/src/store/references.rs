//! Which large values a decision's events name.
//!
//! They are found in the events' JSON, whatever kind of event and whatever field holds them: a reference is the only thing written as
//! an object that begins with its hash. A value of a user's that looks like one does no harm: at most a value is kept for longer.

use memchr::memmem;

use super::BlobKey;
use super::blob_key::key_of_digits;

/// How a reference begins. Inside of a text its quotes would be escaped. A migration looks for the same.
const BEGINNING: &[u8] = br#"{"sha256":""#;

const DIGITS: usize = 64;

/// The values named in encoded events, each once.
pub(super) fn references(encoded: &[u8]) -> Vec<BlobKey> {
    let mut keys: Vec<BlobKey> = memmem::find_iter(encoded, BEGINNING)
        .filter_map(|at| {
            let digits = encoded.get(at + BEGINNING.len()..)?.get(..DIGITS)?;
            key_of_digits(digits)
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use flow::run::event::Event;
    use flow::{BlobRef, Payload, Timestamp};
    use serde_json::Value;

    use super::*;
    use crate::store::encoding::encode;

    /// Every value in these samples that stands in place becomes a reference of its own; so many there are.
    fn by_reference(sample: &mut Value, n: &mut u8) {
        match sample {
            Value::Object(fields) => {
                if fields.len() == 1 && (fields.contains_key("value") || fields.contains_key("blob")) {
                    *n += 1;
                    let blob = BlobRef {
                        sha256: format!("{n:02x}").repeat(32),
                        bytes: 70_000,
                    };
                    *sample = serde_json::to_value(Payload::Blob(blob)).expect("it is JSON");
                } else {
                    fields.values_mut().for_each(|field| by_reference(field, n));
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| by_reference(item, n)),
            _ => {}
        }
    }

    #[test]
    fn every_kind_of_event_shows_what_it_names() {
        let samples = include_str!("../../../../app/flow/src/run/samples.jsonl");
        let mut n_all = 0;
        for line in samples.lines() {
            let mut sample: Value = serde_json::from_str(line).expect("a sample is JSON");
            let mut n = 0;
            by_reference(&mut sample, &mut n);
            let event: Event = serde_json::from_value(sample).expect("it is still an event");
            let found = references(&encode(&[event.clone(), event]).expect("events are JSON"));
            assert_eq!(found, (1..=n).map(|n| [n; 32]).collect::<Vec<_>>(), "{line}");
            n_all += n;
        }
        assert!(n_all > 4, "the samples hold values");
    }

    #[test]
    fn texts_name_nothing() {
        let text = format!("{{\"sha256\":\"{}\"}}", "ab".repeat(32));
        let event = Event {
            seq: 1,
            at: Timestamp::from_millis(0),
            actor: "local".into(),
            kind: flow::run::EventKind::TaskSucceeded {
                task: "a".into(),
                output: Value::String(text.clone()).into(),
                case: None,
                exit_code: None,
                edges: Vec::new(),
                cached_from: None,
            },
        };
        assert_eq!(references(&encode(&[event]).expect("JSON")), [[0; 32]; 0]);
        assert_eq!(references(text.as_bytes()), [[0xab; 32]]);
        assert_eq!(references(&text.as_bytes()[..40]), [[0; 32]; 0], "cut short");
        assert_eq!(references(b"{\"sha256\":\"nothing like it\"}"), [[0; 32]; 0]);
    }
}
